import { randomBytes } from 'node:crypto'
import type { ConflictRequest, LoadRequest } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { literal } from './judge.ts'
import { TOLERATED } from './tolerance.ts'
import { type ReadType, storedValue } from './values.ts'

/** Rows that are moved at once, and into how many parts they are divided when that fails, down to one row. */
const BLOCK = 512
const FANOUT = 8

/** SQL of the temporary table of a load, and of the function that moves rows out of it. */
export class StageSql {
  readonly name = `copyist_${randomBytes(6).toString('hex')}`
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  /** The defaults of the table's columns. */
  defaults: Readonly<Record<string, string>> | null = null
  /** Columns that are not loaded, but stand in WHERE: they must have their values before the row is inserted. */
  unlisted: readonly number[] = []

  constructor(table: CatalogTable, request: LoadRequest) {
    this.#table = table
    this.#request = request
  }

  ddl(): string[] {
    const { columns, sink, usesDefaults } = this.#request
    const { description, plainTypes, modifiedTypes } = this.#table
    const defaultOf = (index: number) => this.defaults?.[description.columns[index]?.name ?? '']
    const definitions = [
      'n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000)',
      'is_tried boolean NOT NULL DEFAULT false',
      ...columns.map((index, i) => {
        if (sink === 'pg_binary') return `c${i} ${plainTypes[index] ?? 'text'}`
        const marked = usesDefaults ? defaultOf(index) : undefined
        return `c${i} text${marked === undefined ? '' : ` DEFAULT CAST((${marked}) AS text)`}`
      }),
      ...this.unlisted.map((index) => `d${index} ${modifiedTypes[index]?.name} DEFAULT ${defaultOf(index) ?? 'NULL'}`),
    ]
    const tag = `$${this.name}$`
    return [
      `CREATE TEMPORARY TABLE ${this.name} (${definitions.join(', ')})`,
      `CREATE FUNCTION pg_temp.${this.name}(copyist_only boolean)
RETURNS TABLE (copyist_n bigint, copyist_state text, copyist_message text, copyist_detail text, copyist_column text,
  copyist_value text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_row_1 bigint;
  copyist_told boolean;
  copyist_moved bigint;
  copyist_total bigint := 0;
BEGIN
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${this.name} s;
  IF copyist_only THEN
    FOR copyist_row_1 IN SELECT s.n FROM pg_temp.${this.name} s WHERE s.is_tried ORDER BY s.n LOOP
      ${this.#moveSql('copyist_row_1', 1)}
    END LOOP;
  ELSE
    FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
      ${this.#moveSql('copyist_first', BLOCK)}
    END LOOP;
  END IF;
  copyist_n := NULL;
  copyist_state := NULL;
  copyist_message := copyist_total::text;
  copyist_detail := NULL;
  copyist_column := NULL;
  copyist_value := NULL;
  RETURN NEXT;
END
${tag}`,
    ]
  }

  /**
   * Tells of the row that has just been refused. An INSERT does not say which column a value was for that could not be read, and names
   * the first only: so each is read once more.
   */
  #refuseSql(row: string): string {
    const { columns, sink } = this.#request
    const found = `GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT,
          copyist_detail = PG_EXCEPTION_DETAIL`
    const values = this.values
    const casts =
      sink === 'pg_binary'
        ? []
        : columns.flatMap((index, i) => {
            const value = values[i] ?? ''
            if (value === `s.c${i}`) return []
            const name = this.#table.description.columns[index]?.name ?? ''
            return `BEGIN
        PERFORM ${value} FROM pg_temp.${this.name} s WHERE s.n = ${row};
      EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE !~ '^22' THEN RAISE; END IF;
        ${found};
        copyist_column := ${literal(name)};
        SELECT s.c${i} INTO copyist_value FROM pg_temp.${this.name} s WHERE s.n = ${row};
        copyist_told := true;
        RETURN NEXT;
      END;`
          })
    return `${found}, copyist_column = COLUMN_NAME;
      copyist_n := ${row};
      copyist_value := NULL;
      copyist_told := false;
      ${casts.length === 0 ? '' : `IF copyist_state ~ '^22' THEN\n${casts.join('\n')}\nEND IF;`}
      IF NOT copyist_told THEN RETURN NEXT; END IF;`
  }

  /** Moves `rows` rows from `first` on; where that fails, in smaller blocks, and in the end one by one. */
  #moveSql(first: string, rows: number): string {
    const tolerated = TOLERATED[this.#request.refusals?.tolerates ?? 'all']
    const isOne = rows === 1
    const which = isOne ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1} ORDER BY s.n`
    const smaller = Math.ceil(rows / FANOUT)
    const next = `copyist_row_${smaller}`
    const refused = isOne
      ? this.#refuseSql(first)
      : `FOR ${next} IN ${first} .. LEAST(${first} + ${rows - 1}, copyist_last) BY ${smaller} LOOP
        ${this.#moveSql(next, smaller)}
      END LOOP;`
    return `BEGIN
      ${this.insertSql(which)};
      GET DIAGNOSTICS copyist_moved = ROW_COUNT;
      copyist_total := copyist_total + copyist_moved;
    EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
      IF SQLSTATE !~ '${tolerated}' THEN RAISE; END IF;
      ${refused}
    END;`
  }

  /** What the columns of a row of the temporary table are in the table. */
  get values(): string[] {
    const { columns, sink } = this.#request
    return columns.map((index, i) => (sink === 'pg_binary' ? `s.c${i}` : storedValue(`s.c${i}`, this.readType(index))))
  }

  readType(index: number): ReadType {
    const { plainTypes, modifiedTypes } = this.#table
    const plain = plainTypes[index] ?? 'text'
    return { plain, ...(modifiedTypes[index] ?? { name: plain, modifier: -1 }) }
  }

  get relation(): string {
    return `"${this.#table.description.relationName.replaceAll('"', '""')}"`
  }

  /** The columns of the temporary table that go to the table, with those that WHERE names. */
  get #moved(): { readonly sqlName: string; readonly value: string }[] {
    const { sqlColumns } = this.#table
    const values = this.values
    return [
      ...this.#request.columns.map((index, i) => ({ sqlName: sqlColumns[index] ?? '', value: values[i] ?? 'NULL' })),
      ...this.unlisted.map((index) => ({ sqlName: sqlColumns[index] ?? '', value: `s.d${index}` })),
    ]
  }

  /** The rows that `which` says, under the names of the table's columns. */
  rowsSql(which: string): string {
    const row = this.#moved.map(({ sqlName, value }) => `${value} AS ${sqlName}`)
    return `SELECT ${row.join(', ')} FROM pg_temp.${this.name} s WHERE ${which}`
  }

  /** Moves the rows that `which` says. */
  insertSql(which: string): string {
    const { where, conflict } = this.#request
    const moved = this.#moved
    const names = moved.map(({ sqlName }) => sqlName)
    const target = `INSERT INTO ${this.#table.description.sqlName}${names.length > 0 ? ` (${names.join(', ')})` : ''}`
    if (names.length === 0) return `${target} SELECT FROM pg_temp.${this.name} s WHERE ${which}`
    const suffix = conflict === undefined ? '' : ` ${this.#conflictSql(conflict)}`
    // COPY writes identity columns too. With ON CONFLICT, what WHERE holds back has been taken out.
    if (where === undefined || conflict !== undefined) {
      const values = moved.map(({ value }) => value)
      return `${target} OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM pg_temp.${this.name} s WHERE ${which}${suffix}`
    }
    return `${target} OVERRIDING SYSTEM VALUE SELECT ${names.join(', ')} FROM (${this.rowsSql(which)}) ${this.relation}
WHERE (${where}
)`
  }

  /** Moves all rows; how many that were. */
  countedInsertSql(): string {
    return `WITH moved AS (${this.insertSql('true ORDER BY s.n')} RETURNING 1) SELECT count(*) FROM moved`
  }

  #conflictSql({ action, keys }: ConflictRequest): string {
    const { sqlColumns } = this.#table
    const target = keys === undefined ? '' : ` (${keys.map((key) => sqlColumns[key]).join(', ')})`
    const others = this.#request.columns.filter((index) => !keys?.includes(index))
    if (action === 'skip' || others.length === 0) return `ON CONFLICT${target} DO NOTHING`
    const set = others.map((index) => `${sqlColumns[index]} = EXCLUDED.${sqlColumns[index]}`)
    return `ON CONFLICT${target} DO UPDATE SET ${set.join(', ')}`
  }
}
