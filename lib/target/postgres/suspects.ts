/*
 * Which rows of a temporary table are likely to be refused
 *
 * To find out by trying costs several statements for each such row. Where constraints are plain SQL, the server can tell of all rows at
 * once. It need not be right: a suspect is tried by itself, after the others, and any other row is found by trying. Where the fate of
 * a row may depend on another in ways that are not asked about (references within the table, exclusion, keys of expressions, triggers), all
 * are tried in the order of the input.
 */

/** The constraints of a table that can be asked about beforehand, as JSON; `$1` is its name. */
export const CONSTRAINTS_SQL = `
SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
  'kind', kind, 'sql', sql,
  'columns', (SELECT pg_catalog.json_agg(a.attname ORDER BY k.position)
              FROM pg_catalog.unnest(keys) WITH ORDINALITY AS k (number, position)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = relation AND a.attnum = k.number),
  'others', (SELECT pg_catalog.json_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.position)
             FROM pg_catalog.unnest(other_keys) WITH ORDINALITY AS k (number, position)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = other AND a.attnum = k.number)
))::text
FROM (
  SELECT c.contype::text AS kind, c.conrelid AS relation, c.conkey AS keys, c.confrelid AS other, c.confkey AS other_keys,
         CASE c.contype WHEN 'c' THEN pg_catalog.pg_get_expr(c.conbin, c.conrelid) ELSE c.confrelid::pg_catalog.regclass::text END AS sql
  FROM pg_catalog.pg_constraint c
  WHERE c.conrelid = $1::pg_catalog.regclass AND (c.contype = 'c' OR c.contype = 'f' AND c.confrelid <> c.conrelid)
  UNION ALL
  SELECT 'u', i.indrelid, i.indkey::int2[], 0, NULL, NULL
  FROM pg_catalog.pg_index i
  WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique AND i.indexprs IS NULL AND i.indpred IS NULL
    AND i.indnatts = i.indnkeyatts
) constraints
WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint c
  WHERE c.conrelid = $1::pg_catalog.regclass AND (c.contype = 'x' OR c.contype = 'f' AND c.confrelid = c.conrelid)
) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_index i
  WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = $1::pg_catalog.regclass AND NOT g.tgisinternal
)`

interface Constraint {
  /** `pg_constraint.contype`: check, foreign key, unique. */
  readonly kind: 'c' | 'f' | 'u'
  /** The condition of a check; the name of the table that a foreign key leads to. */
  readonly sql: string | null
  readonly columns: readonly string[] | null
  readonly others: readonly string[] | null
}

/** What the statement needs to know. */
export interface Suspected {
  /** The temporary table; its rows are numbered by the column `n`. */
  readonly stage: string
  /** The table, for SQL, and its bare name. */
  readonly table: string
  readonly relation: string
  /** By column name: the name for SQL, and what it is of a row `s` of the temporary table. */
  readonly columns: ReadonlyMap<string, { readonly sqlName: string; readonly value: string }>
}

/** A query for the numbers of suspects; undefined where there is nothing to suspect. `json` is the answer to {@link CONSTRAINTS_SQL}. */
export function suspectsSql(
  json: string | null | undefined,
  { stage, table, relation, columns }: Suspected,
): string | undefined {
  const constraints = JSON.parse(json ?? 'null') as readonly Constraint[] | null
  const queries: string[] = []
  for (const { kind, sql, columns: names, others } of constraints ?? []) {
    const keys = (names ?? []).map((name) => columns.get(name))
    if (keys.length === 0 || keys.includes(undefined)) continue
    const values = keys.map((key) => key?.value ?? '')
    const present = values.map((value) => `${value} IS NOT NULL`).join(' AND ')
    const matches = (to: readonly string[]) => to.map((name, i) => `o.${name} = ${values[i]}`).join(' AND ')
    if (kind === 'c') {
      const row = [...columns.values()].map(({ sqlName, value }) => `${value} AS ${sqlName}`).join(', ')
      queries.push(
        `SELECT copyist_n FROM (SELECT s.n AS copyist_n, ${row} FROM ${stage} s) ${relation} WHERE (${sql}) IS FALSE`,
      )
    } else if (kind === 'f') {
      queries.push(
        `SELECT s.n FROM ${stage} s WHERE ${present} AND NOT EXISTS (SELECT FROM ${sql} o WHERE ${matches(others ?? [])})`,
      )
    } else {
      const own = keys.map((key) => key?.sqlName ?? '')
      queries.push(
        `SELECT s.n FROM ${stage} s WHERE ${present} AND EXISTS (SELECT FROM ${table} o WHERE ${matches(own)})`,
        `SELECT n FROM (SELECT s.n, row_number() OVER (PARTITION BY ${values.join(', ')} ORDER BY s.n) AS place
          FROM ${stage} s WHERE ${present}) numbered WHERE place > 1`,
      )
    }
  }
  return queries.length === 0 ? undefined : queries.join('\nUNION\n')
}
