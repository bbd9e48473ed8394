import type { RowError } from '../target.ts'
import { DEFAULT_COLLATION } from './catalog.ts'
import { conditionName } from './conditions.ts'

/*
 * Which rows of a temporary table a constraint refuses, told of all at once
 *
 * To find out by trying costs several statements for each such row. Where constraints are plain SQL, one query can say of every row
 * which of them it breaks, in the order of the input: a key counts as taken by a row of the table, and by an earlier row that goes in.
 * So it says all that is wrong with a row, while a trial ends with the first.
 *
 * Where the fate of a row may depend on another in ways that are not asked about (references within the table, exclusion, keys of
 * expressions, triggers, functions that may read tables), nothing is asked: all rows are tried in the order of the input. What is asked
 * is proved by a trial: of each constraint, the first row that breaks it is tried, and must be refused in the very words foretold.
 */

/**
 * What is to be known of a relation, as JSON; `$1` is its name. `constraints` is null where rows cannot be judged at once; `defaults` has
 * for each column that has one the default as SQL.
 */
export const JUDGE_SQL = `
SELECT pg_catalog.json_build_object(
  'defaults', (
    SELECT pg_catalog.json_object_agg(a.attname, coalesce(
      CASE WHEN a.attidentity <> '' THEN pg_catalog.format('pg_catalog.nextval(%L::pg_catalog.regclass)',
        pg_catalog.pg_get_serial_sequence(r.oid::pg_catalog.regclass::text, a.attname)) END,
      pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.pg_get_expr(t.typdefaultbin, 0)))
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND (a.attidentity <> '' OR d.adbin IS NOT NULL OR t.typdefaultbin IS NOT NULL)
  ),
  'made', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', a.attname, 'sql', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'columns', o.names, 'isCollated', coalesce(o.is_collated, false)
    ) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (
      SELECT pg_catalog.json_agg(DISTINCT b.attname::text) AS names, pg_catalog.bool_or(b.attcollation NOT IN (0, ${DEFAULT_COLLATION})) AS is_collated
      FROM pg_catalog.pg_depend p
      JOIN pg_catalog.pg_attribute b ON b.attrelid = r.oid AND b.attnum = p.refobjsubid
      WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = r.oid AND p.refobjsubid <> a.attnum AND (
        p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid
        OR p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.objid = r.oid AND p.objsubid = a.attnum
      )
    ) o
    WHERE a.attrelid = r.oid AND a.attgenerated = 's' AND NOT a.attisdropped
  ),
  'uniques', (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid AND i.indisunique),
  'hasExpressions', EXISTS (
    SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
  ),
  'triggers', (
    WITH RECURSIVE part (oid) AS (
      SELECT r.oid UNION SELECT h.inhrelid FROM pg_catalog.pg_inherits h JOIN part ON h.inhparent = part.oid
    )
    SELECT pg_catalog.json_agg(DISTINCT CASE WHEN g.tgtype & 66 <> 0 THEN 'before' ELSE 'after' END)
    FROM pg_catalog.pg_trigger g JOIN part ON g.tgrelid = part.oid
    WHERE g.tgtype & 1 = 1 AND g.tgtype & 20 <> 0 AND g.tgenabled <> 'D' AND NOT g.tgisinternal
  ),
  'constraints', CASE WHEN r.relkind = 'r' AND NOT r.relispartition AND NOT r.relhasrules
    AND NOT pg_catalog.row_security_active(r.oid)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = r.oid AND NOT g.tgisinternal)
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint c
      WHERE c.conrelid = r.oid AND (c.contype = 'x' OR c.contype = 'f' AND c.confrelid = c.conrelid)
    )
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = r.oid
        AND (i.indisexclusion OR i.indisunique AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
    )
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_constraint c
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid
      LEFT JOIN pg_catalog.pg_operator o
        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
      JOIN pg_catalog.pg_proc p
        ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid OR p.oid = o.oprcode
      WHERE c.conrelid = r.oid AND c.contype = 'c' AND p.provolatile <> 'i'
    )
  THEN coalesce((
    SELECT pg_catalog.json_agg(k.constraint ORDER BY k.rank, k.place COLLATE "C") FROM (
      SELECT 1 AS rank, c.conname::text AS place, pg_catalog.json_build_object(
        'kind', 'check', 'name', c.conname, 'sql', pg_catalog.pg_get_expr(c.conbin, c.conrelid), 'isCertain', true,
        'columns', (
          SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = r.oid AND a.attnum = ANY (c.conkey)
        )
      ) AS constraint
      FROM pg_catalog.pg_constraint c
      WHERE c.conrelid = r.oid AND c.contype = 'c' AND (pg_catalog.to_jsonb(c) ->> 'conenforced') IS DISTINCT FROM 'false'
      UNION ALL
      SELECT 2, pg_catalog.lpad(i.indexrelid::text, 10, '0'), pg_catalog.json_build_object(
        'kind', 'unique', 'name', x.relname, 'isCertain', true,
        'columns', pg_catalog.json_agg(a.attname ORDER BY key.position)
      )
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
      CROSS JOIN LATERAL ROWS FROM (
        pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::oid[]), pg_catalog.unnest(i.indcollation::oid[])
      ) WITH ORDINALITY AS key (number, class, collation_oid, position)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = key.number
      LEFT JOIN pg_catalog.pg_opclass o ON o.oid = key.class
      WHERE i.indrelid = r.oid AND i.indisunique AND i.indimmediate AND key.position <= i.indnkeyatts
        AND (pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct') IS DISTINCT FROM 'true'
      GROUP BY i.indexrelid, x.relname
      HAVING pg_catalog.bool_and(o.opcdefault AND key.collation_oid = a.attcollation)
      UNION ALL
      SELECT 3, pg_catalog.lpad(c.oid::text, 10, '0'), pg_catalog.json_build_object(
        'kind', 'foreign', 'name', c.conname, 'sql', c.confrelid::pg_catalog.regclass::text, 'other', p.relname,
        'isCertain', p.relkind = 'r' AND NOT p.relrowsecurity AND c.confmatchtype = 's' AND NOT c.condeferrable
          AND pg_catalog.bool_and(a.atttypid = b.atttypid AND a.attcollation = b.attcollation)
          AND (pg_catalog.to_jsonb(c) ->> 'conperiod') IS DISTINCT FROM 'true',
        'isProven', c.convalidated,
        'columns', pg_catalog.json_agg(a.attname ORDER BY key.position),
        'others', pg_catalog.json_agg(pg_catalog.quote_ident(b.attname) ORDER BY key.position)
      )
      FROM pg_catalog.pg_constraint c
      JOIN pg_catalog.pg_class p ON p.oid = c.confrelid
      CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey))
        WITH ORDINALITY AS key (number, other, position)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = key.number
      JOIN pg_catalog.pg_attribute b ON b.attrelid = p.oid AND b.attnum = key.other
      WHERE c.conrelid = r.oid AND c.contype = 'f' AND (pg_catalog.to_jsonb(c) ->> 'conenforced') IS DISTINCT FROM 'false'
      GROUP BY c.oid, p.oid
    ) k
  ), '[]') END
)::text
FROM pg_catalog.pg_class r WHERE r.oid = $1::pg_catalog.regclass`

export interface Constraint {
  readonly kind: 'null' | 'check' | 'unique' | 'foreign'
  /** Of one that a column has a value, the column's. */
  readonly name: string
  /** The condition of a check, and of a value that must be there; the table that a foreign key leads to, quoted. */
  readonly sql?: string
  /** The name of that table. */
  readonly other?: string
  readonly columns: readonly string[] | null
  /** Columns of that table, quoted. */
  readonly others?: readonly string[]
  /** Whether what the query finds is refused for certain; otherwise by a trial. */
  readonly isCertain: boolean
  /** Of a foreign key: whether the rows that are there are known to meet it. */
  readonly isProven?: boolean
}

/** A generated column: what it is made by, and of. */
export interface MadeColumn {
  readonly name: string
  readonly sql: string
  readonly columns: readonly string[] | null
  /** Whether one of these has another collation than the database's. */
  readonly isCollated: boolean
}

/** What {@link JUDGE_SQL} answers. */
export interface Judgeable {
  readonly constraints: readonly Constraint[] | null
  readonly defaults: Readonly<Record<string, string>> | null
  /** Generated columns that are stored. */
  readonly made: readonly MadeColumn[] | null
  /** How many unique indexes there are. */
  readonly uniques: number
  /** Whether an index evaluates an expression or a condition, which may fail. */
  readonly hasExpressions: boolean
  /** Of which kinds there are triggers for each row of an INSERT or an UPDATE; one before, or instead of an INSERT into a view, may drop rows. */
  readonly triggers: readonly ('before' | 'after')[] | null
}

/** A column of the table. */
export interface JudgedColumn {
  readonly name: string
  /** Quoted where needed. */
  readonly sqlName: string
  /** What it is for a row `s` of the temporary table; undefined where that is not known before the row is inserted. */
  readonly value: string | undefined
}

/** The tables that a row is judged with. */
export interface JudgeInit {
  readonly constraints: readonly Constraint[]
  /** The temporary table; its rows are numbered by the column `n`. */
  readonly stage: string
  /** The table, for SQL, its bare name, and that quoted. */
  readonly table: string
  readonly relationName: string
  readonly relation: string
  /** All columns of the table, in its order. */
  readonly columns: readonly JudgedColumn[]
  readonly where: string | undefined
}

/** What is known of a row before it is inserted. */
export interface Verdict {
  /** From 1, as the temporary table numbers them. */
  readonly n: number
  /** All that is wrong with it; empty where only a trial can tell. */
  readonly errors: readonly RowError[]
  /** The constraint of the first of them. */
  readonly first: string | undefined
}

export interface Judge {
  /** Selects the rows that are not certain to go in, in their order. */
  readonly sql: string
  read(row: readonly (string | null)[]): Verdict
  /**
   * Selects what one row, whose number is given as SQL, breaks for certain, as the table is then: `place`, `field`, `state`, `message` and
   * `detail`.
   */
  ofRow(number: string): string
}

/** Defaults that are the same for each row. */
const STEADY =
  /^(?:'(?:[^']|'')*'(?:::[\w ]+(?:\(\d+(?:,\d+)?\))?)?|-?[\d.]+|\(-?[\d.]+\)(?:::[\w ]+)?|true|false|now\(\)|CURRENT_(?:DATE|TIMESTAMP|USER|ROLE)|SESSION_USER|NULL::[\w ]+)$/

/** Whether a column without a value is known to have the same for each row, by its default; without one it is NULL. */
export function isSteady(sql: string | undefined): boolean {
  return sql === undefined || STEADY.test(sql)
}

/** Words of a condition that may stand before a parenthesis without being a function, and functions that always say the same. */
const HARMLESS =
  /^(?:and|or|not|in|any|all|some|between|when|then|else|case|coalesce|nullif|lower|upper|length|abs|date_trunc|date|left|right|substr|substring|trim|round|mod|extract|cast|numeric|varchar|char)$/i

/** Whether a condition is known to say the same however often it is asked. */
export function isRepeatable(where: string): boolean {
  const calls = where.replace(/'(?:[^']|'')*'/g, "''").matchAll(/([\w$"]+)\s*\(/g)
  return [...calls].every(([, word]) => HARMLESS.test(word ?? ''))
}

/** A query that judges the rows of a temporary table; undefined where there is nothing to be asked. */
export function judgeOf(init: JudgeInit): Judge | undefined {
  const { stage, table, relation, relationName, columns, where } = init
  const known = new Map(
    columns.flatMap((column) => (column.value === undefined ? [] : [[column.name, column] as const])),
  )
  const constraints = init.constraints.filter((constraint) => isAskable(constraint, known))
  if (constraints.length === 0) return undefined
  const quoted = (name: string) => known.get(name)?.sqlName ?? ''
  const field = (name: string) => `${relation}.${quoted(name)}`
  const present = ({ columns: names }: Constraint) =>
    (names ?? []).map((name) => `${field(name)} IS NOT NULL`).join(' AND ')
  const exists = ({ columns: names }: Constraint, other: string, others: readonly string[]) =>
    `(SELECT true FROM ONLY ${other} copyist_o WHERE ${(names ?? [])
      .map((name, i) => `copyist_o.${others[i]} = ${field(name)}`)
      .join(' AND ')} LIMIT 1)`
  const keys = constraints.flatMap((constraint, i) => (constraint.kind === 'unique' ? [{ constraint, i }] : []))
  const keyColumns = [...new Set(constraints.flatMap((each) => (isCondition(each) ? [] : (each.columns ?? []))))]
  const keyOf = (name: string) => `k${keyColumns.indexOf(name)}`
  // `b` says that a constraint is broken, as far as one row and the table can tell.
  const broken = constraints.map((constraint) => {
    const { kind, sql = '', columns: names, others } = constraint
    if (isCondition(constraint)) return `(${sql}) IS FALSE`
    if (kind === 'foreign') return `${present(constraint)} AND ${exists(constraint, sql, others ?? [])} IS NULL`
    return `${present(constraint)} AND ${exists(constraint, table, (names ?? []).map(quoted))} IS NOT NULL`
  })
  const row = [...known.values()].map(({ sqlName, value }) => `${value} AS ${sqlName}`)
  const checks = constraints.flatMap((each, i) => (isCondition(each) ? [`b${i}`] : []))
  const isDescribed = checks.length > 0 && columns.every(({ value }) => value !== undefined)
  const description = isDescribed
    ? `CASE WHEN ${checks.map((flag) => `copyist_${flag}`).join(' OR ')} THEN ${describe(columns, relation)} END`
    : 'CAST(NULL AS text)'
  const all = constraints.map((_, i) => `b${i}`)
  const carried = [...keyColumns.map(keyOf), ...all]
  const own = [...known.values()].map(({ sqlName }) => `${relation}.${sqlName}`)
  // OFFSET 0 keeps the server from reckoning the same twice, and what nobody asks for.
  const rows = (which = '') => `SELECT s.n AS copyist_n, ${row.join(', ')} FROM ${stage} s${which} OFFSET 0`
  const filter = where === undefined ? '' : ` WHERE (${where}\n)`
  const found = broken.map((condition, i) => `${condition} AS copyist_b${i}`)
  const askedOf = (which?: string) => `SELECT copyist_n AS n, ${[
    ...all.map((flag) => `copyist_${flag} AS ${flag}`),
    ...keyColumns.map((name) => `${field(name)} AS ${keyOf(name)}`),
    `${description} AS description`,
  ].join(', ')}
FROM (SELECT ${['copyist_n', ...own, ...found].join(', ')} FROM (${rows(which)}) ${relation}${filter} OFFSET 0) ${relation} OFFSET 0`
  const asked = askedOf()
  // A row of which only a trial can tell keeps its place before later ones with its key.
  const isNone = (flags: readonly string[]) => (flags.length === 0 ? 'true' : `NOT (${flags.join(' OR ')})`)
  const isSound = isNone(all.filter((_, i) => constraints[i]?.isCertain))
  const isPlain = isNone(all.filter((_, i) => !constraints[i]?.isCertain))
  const partition = ({ columns: names }: Constraint) => (names ?? []).map(keyOf).join(', ')
  const isWhole = ({ columns: names }: Constraint) =>
    (names ?? []).map((name) => `${keyOf(name)} IS NOT NULL`).join(' AND ')
  let judged = `SELECT n, description, ${carried.join(', ')}, ${isSound} AND ${isPlain} AS clean FROM (${asked}) asked`
  if (keys.length > 0) {
    // Of the rows with a key, only the first that nothing speaks against is certain to go in.
    const places = keys.map(
      ({ constraint }, j) =>
        `NOT (${isWhole(constraint)}) OR row_number() OVER (PARTITION BY ${partition(constraint)} ORDER BY sound DESC, n) = 1 AS p${j}`,
    )
    const takenBefore = keys.map(
      ({ constraint, i }) =>
        `b${i} OR ${isWhole(constraint)} AND coalesce(min(n) FILTER (WHERE clean) OVER (PARTITION BY ${partition(constraint)}) < n, false) AS b${i}`,
    )
    const others = carried.filter((name) => !keys.some(({ i }) => name === `b${i}`))
    judged = `SELECT n, description, ${[...others, ...takenBefore].join(', ')}, clean FROM (
SELECT *, ${['sound', isPlain, ...keys.map((_, j) => `p${j}`)].join(' AND ')} AS clean FROM (
SELECT *, ${places.join(', ')} FROM (SELECT *, ${isSound} AS sound FROM (${asked}) asked) sounded) placed OFFSET 0) cleaned`
  }
  const details = constraints.flatMap(({ kind, columns: names, other }, i) => {
    if (isCondition({ kind })) return []
    // The server quotes names in the one and not in the other.
    const list = (names ?? []).map((name) => (kind === 'unique' ? quoted(name) : name)).join(', ')
    const values = (names ?? []).map((name) => `pg_catalog.concat(${keyOf(name)})`).join(`, ', ', `)
    const end = kind === 'unique' ? ') already exists.' : `) is not present in table "${other}".`
    return [`CASE WHEN b${i} THEN pg_catalog.concat(${literal(`Key (${list})=(`)}, ${values}, ${literal(end)}) END`]
  })
  let told = 0
  const certain = constraints.flatMap(({ kind, name, columns: names, isCertain }, i) => {
    const detail = isCondition({ kind }) ? 'description' : (details[told++] ?? 'NULL')
    if (!isCertain) return []
    const { sqlState, message } = TELLS[kind](relationName, name)
    const only = names?.length === 1 ? names[0] : undefined
    const column = only === undefined ? 'NULL' : literal(only)
    return [`(${i}, b${i}, ${column}, ${literal(sqlState)}, ${literal(message)}, ${detail})`]
  })
  const flags = all.map((flag) => `CASE WHEN ${flag} THEN '1' ELSE '0' END`)
  return {
    sql: `SELECT n, ${[flags.join(' || '), 'description', ...details].join(', ')}
FROM (${judged}) judged WHERE NOT clean ORDER BY n`,
    ofRow: (
      number,
    ) => `SELECT v.place, v.field, v.state, v.message, v.detail FROM (${askedOf(` WHERE s.n = ${number}`)}) asked
CROSS JOIN LATERAL (VALUES ${certain.join(', ') || "(0, false, NULL, '', '', NULL)"}) v(place, is_broken, field, state, message, detail) WHERE v.is_broken`,
    read([n, bits, contents, ...keyDetails]) {
      const errors: RowError[] = []
      let first: string | undefined
      let isCertain = false
      let key = 0
      for (const [i, { kind, name, columns: names, isCertain: forCertain }] of constraints.entries()) {
        const detail = isCondition({ kind }) ? contents : keyDetails[key++]
        if (bits?.[i] !== '1') continue
        first ??= name
        isCertain ||= forCertain
        const { sqlState, message } = TELLS[kind](relationName, name)
        const column = names?.length === 1 ? names[0] : undefined
        errors.push({
          ...(column !== undefined && { column }),
          sqlState,
          code: conditionName(sqlState),
          message,
          ...(detail ? { detail } : {}),
        })
      }
      return isCertain ? { n: Number(n), errors, first } : { n: Number(n), errors: [], first: undefined }
    },
  }
}

/** Whether a row can be asked about it of which these columns are known. */
export function isAskable({ columns }: Constraint, known: { has(name: string): boolean }): boolean {
  return columns !== null && columns.length > 0 && columns.every((name) => known.has(name))
}

/** Whether a row meets it or not whatever other rows there are. */
function isCondition({ kind }: Pick<Constraint, 'kind'>): boolean {
  return kind === 'check' || kind === 'null'
}

/** What PostgreSQL says of a constraint that a row breaks. */
export const TELLS: Readonly<
  Record<Constraint['kind'], (relation: string, name: string) => { sqlState: string; message: string }>
> = {
  null: (relation, name) => ({
    sqlState: '23502',
    message: `null value in column "${name}" of relation "${relation}" violates not-null constraint`,
  }),
  check: (relation, name) => ({
    sqlState: '23514',
    message: `new row for relation "${relation}" violates check constraint "${name}"`,
  }),
  unique: (_, name) => ({
    sqlState: '23505',
    message: `duplicate key value violates unique constraint "${name}"`,
  }),
  foreign: (relation, name) => ({
    sqlState: '23503',
    message: `insert or update on table "${relation}" violates foreign key constraint "${name}"`,
  }),
}

/** Bytes of a value that PostgreSQL tells. */
const MOST_TOLD = 64

/** A row as PostgreSQL tells of one that a check refuses. */
function describe(columns: readonly JudgedColumn[], relation: string): string {
  const values = columns.map(({ sqlName }) => {
    const value = `pg_catalog.concat(${relation}.${sqlName})`
    // Cut at a whole character.
    const cut = `(SELECT pg_catalog.left(v, max(k)) || '...' FROM (SELECT ${value} AS v) v, pg_catalog.generate_series(1, ${MOST_TOLD}) k
WHERE pg_catalog.octet_length(pg_catalog.left(v, k)) <= ${MOST_TOLD} GROUP BY v)`
    return `CASE WHEN ${relation}.${sqlName} IS NULL THEN 'null' WHEN pg_catalog.octet_length(${value}) <= ${MOST_TOLD} THEN ${value} ELSE ${cut} END`
  })
  // An array, since a function takes 100 arguments at most.
  return `'Failing row contains (' || pg_catalog.array_to_string(ARRAY[${values.join(', ')}], ', ') || ').'`
}

/** A string literal, whatever `standard_conforming_strings` is. */
export function literal(value: string): string {
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return value.includes('\\') ? `E${quoted}` : quoted
}
