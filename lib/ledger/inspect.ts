import { CopyError } from '../errors.ts'
import { quoteIdentifier } from '../target/duckdb/identifiers.ts'
import type { LedgerPlace, LedgerSession } from './session.ts'

/** What one query tells of a ledger. */
export interface LedgerState {
  readonly place: LedgerPlace
  readonly hasSchema: boolean
  /** Of the last migration that has run; 0 when there is no ledger. */
  readonly version: number
  /** Why it cannot be written, if so. */
  readonly refusal?: CopyError
}

/** By the catalog alone: `to_regclass` fails where the schema may not be used. */
const POSTGRES_SQL = `
SELECT
  pg_catalog.current_setting('server_encoding'),
  CASE WHEN n.oid IS NULL THEN 'absent' WHEN pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 'usable' ELSE 'denied' END,
  pg_catalog.obj_description(v.oid, 'pg_class'),
  (SELECT pg_catalog.min(t.relname::text) FROM pg_catalog.pg_class t
   WHERE t.relnamespace = n.oid AND t.relname IN ('loads', 'files', 'rejects', 'replaced')
     AND NOT (pg_catalog.has_table_privilege(t.oid, 'INSERT') AND pg_catalog.has_table_privilege(t.oid, 'SELECT')))
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'copyist'
LEFT JOIN pg_catalog.pg_class v ON v.relnamespace = n.oid AND v.relname = 'schema_version'`

/** What PostgreSQL says of its ledger. */
export async function inspectPostgres(session: LedgerSession): Promise<LedgerState> {
  const [row] = await session.query(POSTGRES_SQL)
  const [encoding, schema, version, denied] = row ?? []
  const place: LedgerPlace = {
    dialect: 'postgres',
    schema: 'copyist',
    characters: encoding === 'UTF8' || encoding === 'SQL_ASCII' ? 'all' : 'ascii',
  }
  const state = { place, hasSchema: schema !== 'absent', version: Number(version ?? 0) }
  if (schema === 'denied') return { ...state, refusal: denial('schema copyist', 'GRANT USAGE ON SCHEMA copyist TO …') }
  if (denied == null) return state
  const grant = 'GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA copyist TO …'
  return { ...state, refusal: denial(`table ${denied}`, grant) }
}

const DUCKDB_SQL = `
SELECT d.database_name, d.readonly, d.type, t.comment
FROM duckdb_databases() AS d LEFT JOIN duckdb_tables() AS t
  ON t.database_name = d.database_name AND t.schema_name = 'copyist' AND t.table_name = 'schema_version'
WHERE d.database_name = COALESCE(CAST($1 AS text), current_database())`

/** What DuckDB says of the ledger in one of its databases. */
export async function inspectDuckdb(session: LedgerSession): Promise<LedgerState> {
  const [row] = await session.query(DUCKDB_SQL, [session.catalog ?? null])
  const [database, isReadOnly, type, version] = row ?? []
  if (database == null) {
    throw new CopyError({
      code: 'invalid_catalog_name',
      sqlState: '3D000',
      message: `database "${session.catalog}" does not exist`,
    })
  }
  const state: LedgerState = {
    place: { dialect: 'duckdb', schema: `${quoteIdentifier(database)}.copyist`, database, characters: 'all' },
    hasSchema: version != null,
    version: Number(version ?? 0),
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

function denial(object: string, grant: string): CopyError {
  return new CopyError({
    code: 'insufficient_privilege',
    sqlState: '42501',
    message: `permission denied for ${object}`,
    hint: `Its owner lets this user record loads with: ${grant}`,
  })
}
