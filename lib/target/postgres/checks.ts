/** Conditions of the relation `r` that say the same of a row wherever it is asked, as rows `c`: without a trigger that may change the row. */
const CHECKS = `
  SELECT k.conname, k.conrelid, k.conbin, k.conkey FROM pg_catalog.pg_constraint k
  WHERE k.conrelid = r.oid AND k.contype = 'c' AND r.relkind IN ('r', 'p') AND NOT 0 = ANY (k.conkey)
    AND (pg_catalog.to_jsonb(k) ->> 'conenforced') IS DISTINCT FROM 'false'
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_trigger g
      WHERE (g.tgrelid = r.oid OR g.tgrelid IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits h WHERE h.inhparent = r.oid))
        AND g.tgtype & 7 = 7 AND g.tgenabled <> 'D' AND NOT g.tgisinternal
    )
    AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      LEFT JOIN pg_catalog.pg_operator o
        ON d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass AND o.oid = d.refobjid
      JOIN pg_catalog.pg_proc p
        ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid OR p.oid = o.oprcode
      WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = k.oid AND p.provolatile <> 'i'
    )`

/** The columns of the relation `r` that such conditions read, as JSON. */
export const CHECKED_SQL = `(
  SELECT pg_catalog.json_agg(DISTINCT a.attname::text) FROM (${CHECKS}) c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = ANY (c.conkey)
)`

/** Those conditions of the relation `$1`, as JSON, and the defaults of its columns. */
export const CHECKS_SQL = `
SELECT pg_catalog.json_build_object(
  'checks', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', c.conname, 'sql', pg_catalog.pg_get_expr(c.conbin, c.conrelid),
      'columns', (
        SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = r.oid AND a.attnum = ANY (c.conkey)
      )
    ) ORDER BY c.conname COLLATE "C") FROM (${CHECKS}) c
  ),
  'defaults', (
    SELECT pg_catalog.json_object_agg(a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = r.oid AND a.attgenerated = ''
  ),
  'others', (
    SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = r.oid AND (a.attgenerated <> '' OR a.attidentity <> '' OR t.typdefaultbin IS NOT NULL)
  )
)::text
FROM pg_catalog.pg_class r WHERE r.oid = $1::pg_catalog.regclass`

/** What {@link CHECKS_SQL} answers. */
export interface KnownChecks {
  readonly checks:
    | readonly { readonly name: string; readonly sql: string; readonly columns: readonly string[] }[]
    | null
  readonly defaults: Readonly<Record<string, string>> | null
  /** Columns whose value is not known where they are not loaded, whatever their default is. */
  readonly others: readonly string[] | null
}
