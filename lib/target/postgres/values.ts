import type { RowError, TargetColumn } from '../target.ts'
import { conditionName } from './conditions.ts'
import { literal } from './judge.ts'
import { ABOUT_DATA } from './tolerance.ts'

/*
 * Which values of a temporary table their columns cannot take, told of all at once
 *
 * From PostgreSQL 16 on the server says so without an error (`pg_input_is_valid`, what its own ON_ERROR ignore goes by): that a value is
 * not of its domain counts, too. Before that, and for types whose input functions know errors only, functions find out by trying.
 */

/** The first release with `pg_input_is_valid`. */
export const SAYS_SO = 160_000

/** A column whose values only the server can read or judge. */
export interface CheckedColumn {
  /** Number in the column list, from 0. */
  readonly position: number
  readonly name: string
  /** With its modifiers. */
  readonly typeName: string
  /** Whether NULL may be refused. */
  readonly isDomain: boolean
  /** Whether conditions of domains are asked, whose errors need not be about the value. */
  readonly hasDomain: boolean
  readonly isRow: boolean
}

export function checkedColumn(column: TargetColumn): Omit<CheckedColumn, 'position'> {
  const { name, typeName, isDomain = false, hasDomain = false, isRow = false } = column
  return { name, typeName, isDomain, hasDomain, isRow }
}

/** Types whose values an explicit cast makes what COPY makes of them. */
const ROUNDED = /^(?:numeric|time(?:stamp)? with(?:out)? time zone)(?:\[\])?$/

/** Types of which COPY takes a value as it is or not at all. */
const UNCHANGED = /^varbit(?:\[\])?$/

/** A column's base type, without modifiers and with them. */
export interface ReadType {
  readonly plain: string
  readonly name: string
  /** -1 for none. */
  readonly modifier: number
}

/** SQL for what COPY makes of the text `field`. What is too long for its type stays so, and is refused by the table. */
export function storedValue(field: string, { plain, name, modifier }: ReadType): string {
  if (plain === 'text' || (plain === 'character varying' && modifier < 0)) return field
  if (modifier < 0) return `CAST(${field} AS ${plain})`
  if (plain === 'character varying' || plain === 'bpchar') {
    // An explicit cast cuts whatever is too long, COPY only blanks.
    const cut = `CAST(${field} AS ${name})`
    return `CASE WHEN pg_catalog.rtrim(CAST(${cut} AS text), ' ') = pg_catalog.rtrim(${field}, ' ') COLLATE pg_catalog."C" THEN ${cut} ELSE CAST(${field} AS ${plain}) END`
  }
  // What an interval's text means depends on its fields, which a cast does not hand to the input function.
  if (plain === 'interval') return `pg_catalog.interval_in(pg_catalog.textout(${field}), 0, ${modifier})`
  return `CAST(${field} AS ${ROUNDED.test(plain) ? name : plain})`
}

/** Whether {@link storedValue} is known to be what COPY makes of a value. */
export function isValueKnown({ plain, modifier }: ReadType): boolean {
  const isString = plain === 'character varying' || plain === 'bpchar'
  return modifier < 0 || isString || plain === 'interval' || ROUNDED.test(plain) || UNCHANGED.test(plain)
}

/** Statements that tell of values. */
export interface ValueCheck {
  /** What has to be made first. */
  readonly ddl: readonly string[]
  readonly drop: readonly string[]
  /** Rows of {@link readBadValue}, in the order of the temporary table and its columns. */
  readonly sql: string
}

/** A value that its column cannot take. */
export interface BadValue {
  /** Of the row, from 1. */
  readonly n: number
  readonly position: number
  readonly error: RowError
}

/** An assignment, since a cast would cut what is too long, as none cuts a row; at once, since a domain may refuse NULL. */
function assignedSql(typeName: string): string {
  return `DECLARE
    copyist_read ${typeName} := copyist_value;
  BEGIN
  END;`
}

/** Statements for values of the columns `c0 …` of the temporary table `name`, or of `rows`. `by` says how it is to be found out. */
export function valueCheck(
  name: string,
  columns: readonly CheckedColumn[],
  {
    serverVersion,
    by,
    rows,
  }: { readonly serverVersion: number; readonly by: 'asking' | 'trying'; readonly rows?: string },
): ValueCheck | undefined {
  if (by === 'asking' && serverVersion < SAYS_SO) return undefined
  const stage = rows ?? `pg_temp.${name}`
  // An error that is not the value's, such as one of a domain's condition, ends a load. Of a row that is refused already it is told as by asking,
  // or says nothing of the value.
  const otherwise = rows === undefined ? 'RAISE' : 'RETURN NULL'
  const tried = (position: number) => `pg_temp.${name}_v${position}`
  const toldSql = (of: readonly CheckedColumn[]) =>
    `SELECT s.n, v.position, v.told[1], v.told[2], v.told[3], v.value FROM ${stage} s CROSS JOIN LATERAL (VALUES ${of
      .map(
        ({ position }) =>
          `(${position}, CAST(s.c${position} AS text), ${tried(position)}(CAST(s.c${position} AS text)))`,
      )
      .join(', ')}) v(position, value, told) WHERE v.told IS NOT NULL`
  // A domain may refuse NULL, which asking does not tell.
  const made = by === 'trying' ? columns : columns.filter(({ isDomain }) => isDomain)
  const ddl = made.map(
    ({
      position,
      typeName,
      hasDomain,
      isRow,
    }) => `CREATE FUNCTION ${tried(position)}(copyist_value text) RETURNS text[] LANGUAGE plpgsql AS $copyist$
DECLARE
  copyist_state text;
  copyist_message text;
  copyist_detail text;
BEGIN
  ${isRow ? `PERFORM CAST(copyist_value AS ${typeName});` : assignedSql(typeName)}
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  IF SQLSTATE !~ '${rows === undefined && hasDomain ? '^(22|23502|23514)' : ABOUT_DATA}' THEN ${otherwise}; END IF;
  GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT, copyist_detail = PG_EXCEPTION_DETAIL;
  RETURN ARRAY[copyist_state, copyist_message, copyist_detail];
END
$copyist$`,
  )
  const drop = made.map(({ position }) => `DROP FUNCTION ${tried(position)}(text)`)
  if (by === 'trying') return { ddl, drop, sql: `${toldSql(columns)} ORDER BY 1, 2` }
  const isValid = columns.map(
    ({ position, typeName }) =>
      `coalesce(pg_catalog.pg_input_is_valid(CAST(s.c${position} AS text), ${literal(typeName)}), true)`,
  )
  const values = columns.map(
    ({ position, typeName }) => `(${position}, CAST(s.c${position} AS text), ${literal(typeName)})`,
  )
  const nulls = made.map(
    ({ position }) =>
      `SELECT s.n, ${position}, t.told[1], t.told[2], t.told[3], NULL FROM ${stage} s CROSS JOIN (SELECT ${tried(position)}(NULL) AS told OFFSET 0) t WHERE s.c${position} IS NULL AND t.told IS NOT NULL`,
  )
  const asked = `SELECT s.n, v.position, e.sql_error_code, e.message, e.detail, v.value
FROM (SELECT * FROM ${stage} s WHERE NOT (${isValid.join(' AND ')}) OFFSET 0) s
CROSS JOIN LATERAL (VALUES ${values.join(', ')}) v(position, value, type)
CROSS JOIN LATERAL pg_catalog.pg_input_error_info(v.value, v.type) e WHERE e.message IS NOT NULL`
  return { ddl, drop, sql: `${[asked, ...nulls].join('\nUNION ALL\n')} ORDER BY 1, 2` }
}

/** Reads a row of {@link ValueCheck.sql}. */
export function readBadValue(
  [n, position, sqlState, message, detail, value]: readonly (string | null)[],
  columns: readonly CheckedColumn[],
  shown: number,
): BadValue {
  const state = sqlState ?? 'XX000'
  const column = columns.find((checked) => checked.position === Number(position))
  return {
    n: Number(n),
    position: Number(position),
    error: {
      ...(column && { column: column.name }),
      sqlState: state,
      code: conditionName(state),
      message: message ?? '',
      ...(detail ? { detail } : {}),
      ...(value === null || value === undefined ? {} : { value: value.slice(0, shown) }),
    },
  }
}
