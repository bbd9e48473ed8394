import { CopyError } from '../errors.ts'
import { quoteIdentifier } from '../target/duckdb/identifiers.ts'
import { DUCKDB } from './dialect.ts'
import type { LedgerPlace, LedgerSession } from './session.ts'
import { files } from './tables/files.ts'
import { loads } from './tables/loads.ts'
import { rejects } from './tables/rejects.ts'
import { replaced } from './tables/replaced.ts'
import { schemaVersion } from './tables/schema-version.ts'

/** What one query tells of a ledger. */
export interface LedgerState {
  readonly place: LedgerPlace
  readonly hasSchema: boolean
  /** Of the last migration that has run; 0 when there is no ledger. */
  readonly version: number
  /** What is not as it was made, if so: tables that are missing can be made again, columns cannot. */
  readonly damage?: CopyError
  /** Why it cannot be written, if so. */
  readonly refusal?: CopyError
}

const DEFINITIONS = {
  schema_version: schemaVersion(''),
  loads: loads('', DUCKDB),
  files: files(''),
  rejects: rejects(''),
  replaced: replaced(''),
}
/** The columns of the ledger's tables, as these are made. */
const COLUMNS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(DEFINITIONS).map(([table, definition]) => [
    table,
    Array.from(definition.matchAll(/^ {2}([a-z_]+) /gm), ([, name = '']) => name),
  ]),
)
const TABLES = Array.from(COLUMNS.keys(), (table) => `'${table}'`).join(', ')

/** By the catalog alone: `to_regclass` fails where the schema may not be used. */
const POSTGRES_SQL = `
SELECT
  pg_catalog.current_setting('server_encoding'),
  CASE WHEN n.oid IS NULL THEN 'absent' WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 'usable' ELSE 'denied' END,
  pg_catalog.obj_description(v.oid, 'pg_class'),
  (SELECT pg_catalog.min(t.relname::text) FROM pg_catalog.pg_class t
   WHERE t.relnamespace = n.oid AND t.relname IN ('loads', 'files', 'rejects', 'replaced')
     AND NOT (pg_catalog.has_table_privilege(t.oid, 'INSERT') AND pg_catalog.has_table_privilege(t.oid, 'SELECT'))),
  (SELECT pg_catalog.json_object_agg(t.relname,
     (SELECT pg_catalog.string_agg(a.attname::text, ' ') FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.oid))
   FROM pg_catalog.pg_class t WHERE t.relnamespace = n.oid AND t.relname IN (${TABLES}))
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'copyist'
LEFT JOIN pg_catalog.pg_class v ON v.relnamespace = n.oid AND v.relname = 'schema_version'`

/** What PostgreSQL says of its ledger. */
export async function inspectPostgres(session: LedgerSession): Promise<LedgerState> {
  const [row] = await session.query(POSTGRES_SQL)
  const [encoding, schema, version, denied, columns] = row ?? []
  const place: LedgerPlace = {
    dialect: 'postgres',
    schema: 'copyist',
    characters: encoding === 'UTF8' || encoding === 'SQL_ASCII' ? 'all' : 'ascii',
  }
  const found = new Map(Object.entries<string | null>(JSON.parse(columns ?? '{}')))
  const state = { place, hasSchema: schema !== 'absent', ...soundness(Number(version ?? 0), found) }
  if (schema === 'denied') return { ...state, refusal: denial('schema copyist', 'GRANT USAGE ON SCHEMA copyist TO …') }
  if (denied == null || 'refusal' in state) return state
  const grant = 'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA copyist TO …'
  return { ...state, refusal: denial(`table ${denied}`, grant) }
}

const DUCKDB_SQL = `
SELECT d.database_name, d.readonly, d.type, t.table_name, t.comment, t.sql
FROM duckdb_databases() AS d LEFT JOIN duckdb_tables() AS t
  ON t.database_name = d.database_name AND t.schema_name = 'copyist' AND t.table_name IN (${TABLES})
WHERE d.database_name = COALESCE(CAST($1 AS text), current_database())`

/** What DuckDB says of the ledger in one of its databases. */
export async function inspectDuckdb(session: LedgerSession): Promise<LedgerState> {
  const rows = await session.query(DUCKDB_SQL, [session.catalog ?? null])
  const [database, isReadOnly, type] = rows[0] ?? []
  if (database == null) {
    throw new CopyError({
      code: 'invalid_catalog_name',
      sqlState: '3D000',
      message: `database "${session.catalog}" does not exist`,
    })
  }
  const version = rows.find(([, , , table]) => table === 'schema_version')?.[4]
  // A definition has the names of the columns among its words.
  const found = new Map(rows.map(([, , , table, , definition]) => [table ?? '', definition ?? null]))
  const state: LedgerState = {
    place: { dialect: 'duckdb', schema: `${quoteIdentifier(database)}.copyist`, database, characters: 'all' },
    hasSchema: version != null,
    ...soundness(Number(version ?? 0), found),
  }
  if (isReadOnly === 'true') {
    const message = `database "${database}" is read-only`
    return { ...state, refusal: new CopyError({ code: 'read_only_sql_transaction', sqlState: '25006', message }) }
  }
  if (type !== 'duckdb') {
    const message = `loads cannot be recorded in database "${database}" of type ${type}`
    return { ...state, refusal: new CopyError({ code: 'feature_not_supported', sqlState: '0A000', message }) }
  }
  return state
}

/** Whether the tables that are there, with texts that name their columns, are those of the ledger of a version. */
function soundness(
  version: number,
  found: ReadonlyMap<string, string | null>,
): Pick<LedgerState, 'version' | 'damage' | 'refusal'> {
  for (const [table, columns] of COLUMNS) {
    if (!found.has(table)) continue
    const words = new Set(found.get(table)?.match(/\w+/g))
    const lacking = columns.find((column) => !words.has(column))
    if (lacking === undefined) continue
    const damage = damaged(`its table "${table}" has no column "${lacking}"`)
    return { version, damage, refusal: damage }
  }
  const missing = [...COLUMNS.keys()].find((table) => !found.has(table))
  return { version, ...(version > 0 && missing !== undefined && { damage: damaged(`it has no table "${missing}"`) }) }
}

function damaged(what: string): CopyError {
  return new CopyError({
    code: 'object_not_in_prerequisite_state',
    sqlState: '55000',
    message: `the schema copyist is not the record of loads that copyist makes: ${what}`,
    hint: 'Rename it, or drop it with all that it has (DROP SCHEMA copyist CASCADE), and it is made anew; or load without a record: ledger: false, --no-ledger.',
  })
}

function denial(object: string, grant: string): CopyError {
  return new CopyError({
    code: 'insufficient_privilege',
    sqlState: '42501',
    message: `permission denied for ${object}`,
    hint: `Its owner lets this user record loads with: ${grant}`,
  })
}
