import { setTimeout as sleep } from 'node:timers/promises'
import { CopyError } from '../errors.ts'
import { quoteIdentifier } from '../target/duckdb/identifiers.ts'
import type { Target } from '../target/target.ts'
import { type Dialect, DUCKDB, POSTGRES } from './dialect.ts'
import { inspectDuckdb, inspectPostgres, type LedgerState } from './inspect.ts'
import { LATEST_VERSION, MIGRATIONS, type Migration } from './migrations.ts'
import type { LedgerPlace, LedgerSession } from './session.ts'
import { schemaVersion } from './tables/schema-version.ts'

/** Whether there is a ledger to write to; if not, why. */
export type LedgerSetup =
  | { readonly available: true; readonly place: LedgerPlace }
  | { readonly available: false; readonly reason: CopyError }

/** SQLSTATEs that mean: not here, not for this user, or not now. Whatever else goes wrong is an error. */
const REFUSALS: ReadonlySet<string> = new Set(['42501', '25006', '55P03'])

/** How long a transaction is waited for that makes the ledger: one of ours is over long before, one of a caller's may never be. */
const PATIENCE_MS = 1_000

/**
 * Sees to it that the ledger exists in its latest version; one query when it does. Callers keep the answer for each database.
 *
 * The session must be in a transaction, with which what is created is committed. `available: false` leaves the transaction
 * usable; in PostgreSQL that is also the answer where another transaction has been making it for a second. In DuckDB of two
 * transactions that create the ledger at the same time one is aborted: use {@link prepareLedger} where the transaction is to do more.
 *
 * @throws {CopyError} 40001 after such a race, or whatever else the database says.
 */
export function ensureLedger(session: LedgerSession): Promise<LedgerSetup> {
  return session.dialect === 'postgres' ? ensurePostgres(session) : ensureDuckdb(session)
}

/** {@link ensureLedger} where one has been made; undefined where there is none. */
export async function findOrMigrateLedger(session: LedgerSession): Promise<LedgerSetup | undefined> {
  const found = await (session.dialect === 'postgres' ? inspectPostgres(session) : inspectDuckdb(session))
  if (found.version === 0) return undefined
  return isCurrent(found) ? answer(found) : await ensureLedger(session)
}

/**
 * {@link ensureLedger} in a transaction of its own, before that of a load: nobody waits for a long first load, and the loser of a
 * race tries again, after a short rest, until a second is over. In a transaction of the caller's it is created there, and a lost race is an error.
 *
 * @param catalog The attached database, in DuckDB, as in {@link LedgerSession.catalog}.
 */
export async function prepareLedger(
  target: Pick<Target, 'begin'>,
  options: { readonly catalog?: string | undefined; readonly signal?: AbortSignal | undefined } = {},
): Promise<LedgerSetup> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const transaction = await target.begin(options.signal, 0)
    try {
      const setup = await ensureLedger(transaction.ledger(options.catalog))
      await transaction.commit()
      return setup
    } catch (error) {
      await transaction.rollback()
      if (!(error instanceof CopyError) || error.sqlState !== '40001' || transaction.isCallers) throw error
      if (performance.now() >= deadline) return { available: false, reason: beingMade(error) }
      await sleep(5 + Math.random() * 20)
    }
  }
}

const SAVEPOINT = 'copyist_ledger'

async function ensurePostgres(session: LedgerSession): Promise<LedgerSetup> {
  const found = await inspectPostgres(session)
  if (found.refusal !== undefined || isCurrent(found)) return answer(found)
  await session.query(`SAVEPOINT ${SAVEPOINT}`)
  try {
    const setPatience = "SELECT pg_catalog.set_config('lock_timeout', $1, true)"
    const [before] = await session.query("SELECT pg_catalog.current_setting('lock_timeout')")
    await session.query(setPatience, [String(PATIENCE_MS)])
    // Two loads may be the first. The second one waits here, then finds everything.
    await session.query(
      `SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('copyist.schema_version', 0))`,
    )
    const state = await inspectPostgres(session)
    if (state.refusal === undefined && !isCurrent(state)) {
      // Refused without the right to create schemas even if it exists.
      if (!state.hasSchema) await session.query('CREATE SCHEMA IF NOT EXISTS copyist')
      await migrate(session, state, POSTGRES)
    }
    await session.query(setPatience, [before?.[0] ?? '0'])
    await session.query(`RELEASE SAVEPOINT ${SAVEPOINT}`)
  } catch (error) {
    if (!(error instanceof CopyError) || !REFUSALS.has(error.sqlState)) throw error
    await session.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)
    await session.query(`RELEASE SAVEPOINT ${SAVEPOINT}`)
    return { available: false, reason: withHint(error) }
  }
  return answer(await inspectPostgres(session))
}

/** A statement that fails aborts the transaction, and there is nothing to go back to: what can be asked is asked before. */
async function ensureDuckdb(session: LedgerSession): Promise<LedgerSetup> {
  const state = await inspectDuckdb(session)
  if (state.refusal !== undefined || isCurrent(state)) return answer(state)
  await session.query(`CREATE SCHEMA IF NOT EXISTS ${state.place.schema}`).catch((error: unknown) => {
    throw error instanceof CopyError && error.sqlState === '40001' ? raced(error) : error
  })
  await session.query(`CREATE SEQUENCE IF NOT EXISTS ${state.place.schema}.load_no`)
  const [before] = await session.query(`SELECT current_database(), current_setting('search_path')`)
  const [database, path] = before ?? []
  const restore = async (): Promise<void> => {
    // The path is read in the database that is current.
    await session.query(`USE ${quoteIdentifier(database ?? '')}`)
    await session.query(`SET search_path = ${literal(path ?? '')}`)
  }
  // The views name the ledger's tables without schema and database, so that both are what is found first.
  await session.query(`SET search_path = ${literal(state.place.schema)}`)
  try {
    await migrate(session, state, DUCKDB)
  } catch (error) {
    // In a transaction that has been aborted nothing can be set.
    await restore().catch(() => {})
    throw error
  }
  await restore()
  return { available: true, place: state.place }
}

function isCurrent({ version, damage }: LedgerState): boolean {
  return version >= LATEST_VERSION && damage === undefined
}

/** Runs the migrations that have not run; all of them where a table is missing, of which those that are there are left as they are. */
async function migrate(session: LedgerSession, state: LedgerState, dialect: Dialect): Promise<void> {
  const { schema } = state.place
  const done = state.damage === undefined ? state.version : 0
  await session.query(schemaVersion(`${schema}.schema_version`))
  for (const migration of MIGRATIONS) {
    if (migration.version > done) await apply(session, schema, migration, dialect)
  }
}

async function apply(session: LedgerSession, schema: string, migration: Migration, dialect: Dialect): Promise<void> {
  for (const statement of migration.tables(schema, dialect)) await session.query(statement)
  for (const [name, select] of Object.entries(migration.views)) {
    await session.query(`CREATE OR REPLACE VIEW ${schema}.${name} AS${select(dialect)}`)
  }
  const { version } = migration
  // A dump may leave comments out. Then all of this runs once more, and changes nothing.
  await session.query(
    `INSERT INTO ${schema}.schema_version (version, applied_at) VALUES (${version}, now()) ON CONFLICT DO NOTHING`,
  )
  await session.query(`COMMENT ON TABLE ${schema}.schema_version IS '${version}'`)
}

function answer(state: LedgerState): LedgerSetup {
  return state.refusal === undefined
    ? { available: true, place: state.place }
    : { available: false, reason: state.refusal }
}

function withHint(error: CopyError): CopyError {
  const { code, sqlState, message, detail, cause } = error
  if (sqlState === '55P03') return beingMade(error)
  const hint = 'Loads are recorded in the schema copyist: create it for this user, or let one who may load first.'
  return new CopyError({ code, sqlState, message, detail, hint: sqlState === '42501' ? hint : error.hint, cause })
}

const BEST_OUTSIDE = 'The first load that is recorded makes it: best outside of a transaction that goes on.'

/** It was waited for in vain. */
function beingMade(cause: CopyError): CopyError {
  return new CopyError({
    code: 'lock_not_available',
    sqlState: '55P03',
    message: 'the schema copyist is being made in another transaction that has not ended',
    detail: `It was waited for ${PATIENCE_MS} ms.`,
    hint: BEST_OUTSIDE,
    cause,
  })
}

/** DuckDB does not let this transaction make what another one makes, and there is no waiting in it. */
function raced(error: CopyError): CopyError {
  const { code, sqlState, message, hint, cause } = error
  return new CopyError({
    code,
    sqlState,
    message: 'the schema copyist is being made in another transaction, or has been since this one began',
    detail: `DuckDB does not wait for other transactions: ${message}.`,
    hint: [BEST_OUTSIDE, ...(hint === undefined ? [] : [hint])].join(' '),
    cause,
  })
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
