import type { DuckDBConnection } from '@duckdb/node-api'
import { Connections, type StoreConnection } from './access/connections.ts'
import { type Access, AccessPolicy } from './access/policy.ts'
import { badOption } from './copy-call.ts'
import { Database } from './database.ts'
import { CopyError } from './errors.ts'
import { type LedgerRetention, Retention } from './retention.ts'
import type { PostgresClient, PostgresPool } from './target/postgres/client.ts'
import type { Target } from './target/target.ts'

/**
 * What {@link connect} takes:
 * - `postgres://…` or `postgresql://…`: a PostgreSQL server, over a small pool of our own;
 * - `postgres:` alone: the server that `PGHOST`, `PGDATABASE` and the other PG* variables name;
 * - `:memory:`, or the path of a DuckDB database file, created when there is none, and removed again at the end if nothing was
 *   put into it;
 * - a Pool or a connected Client of the package `pg`, or a DuckDBConnection of `@duckdb/node-api`; these stay yours: they are
 *   not closed, and a transaction that a Client or DuckDBConnection is in stays open.
 */
export type ConnectTarget = string | PostgresPool | PostgresClient | DuckDBConnection

/** What holds for all loads of a connection. */
export interface ConnectOptions {
  /** What `ledger` of a load is when it does not say; or more about the record of loads. */
  readonly ledger?: boolean | LedgerOptions
  /**
   * What statements may read: by default (`open`) whatever this process may; `closed`, what the program hands over, as `stdin` or `rows`; or
   * rules, of which those that are left out allow nothing. It is about the input of statements, not about `rejects` and other paths that the
   * program gives itself. docs/access.md says what is promised.
   */
  readonly access?: Access
  /**
   * How object stores are reached, by the names that statements have for it: `AWS CONNECTION = name`, `CREDENTIALS 'name'`. Without one the standard AWS
   * chain is asked. No secret of a connection is shown by anything.
   */
  readonly connections?: Readonly<Record<string, StoreConnection>>
  /** The path of a JSON file with more connections: `{ "connections": { "name": { … } } }`. Those above come first. */
  readonly config?: string
}

/** About the record of loads in the schema `copyist` of the target. */
export interface LedgerOptions {
  /** Whether loads are recorded that do not say; by default as {@link CopyCallOptions.ledger} has it. */
  readonly record?: boolean
  /**
   * How long: after a load has been recorded, older ones are forgotten, by the rules of {@link Database.purge}. That is done at most once an
   * hour, in a transaction of its own, or once a minute while there are many; not inside a transaction of yours. If it fails, the process
   * gets a warning with the code COPYIST_RETENTION. By default for ever.
   */
  readonly retention?: LedgerRetention
}

/** Connects to a database. Rejects with CopyError when it cannot be reached or opened. */
export async function connect(target: ConnectTarget, options: ConnectOptions = {}): Promise<Database> {
  const { record, retention } = ledgerOptions(options)
  const access = AccessPolicy.of(options.access)
  const connections = Connections.of(options.connections, options.config)
  const keeper = retention && new Retention(retention)
  return Database.over(await openTarget(target), { ledger: record, retention: keeper, access, connections })
}

/** Refuses what TypeScript would have refused. */
function ledgerOptions(options: ConnectOptions): LedgerOptions {
  checkNames('options', options, ['ledger', 'access', 'connections', 'config'])
  const { ledger } = options
  if (ledger === undefined) return {}
  if (typeof ledger === 'boolean') return { record: ledger }
  checkNames('ledger', ledger, ['record', 'retention'])
  const { record, retention } = ledger
  if (record !== undefined && typeof record !== 'boolean')
    throw badOption('ledger.record', 'true or false', typeof record)
  if (retention !== undefined) checkNames('ledger.retention', retention, ['days', 'keyed', 'unresolved'])
  return ledger
}

function checkNames(what: string, value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw badOption(what, 'an object', value)
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) throw badOption(name, `one of ${names.join(', ')}`, 'no such option')
  }
}

function unknownTarget(target: unknown): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `cannot connect to ${target === '' ? 'an empty name' : `a value of type ${target === null ? 'null' : typeof target}`}`,
    hint: "Pass 'postgres://…', ':memory:', the path of a DuckDB file, a pg Pool or Client, or a DuckDBConnection.",
  })
}

// Each target's driver is loaded only when it is used.
async function openTarget(target: ConnectTarget): Promise<Target> {
  if (target === '' || (typeof target !== 'string' && (typeof target !== 'object' || target === null))) {
    throw unknownTarget(target)
  }
  if (typeof target === 'string') {
    if (/^postgres(ql)?:/i.test(target)) {
      const { connectPostgres } = await import('./target/postgres/target.ts')
      return connectPostgres(/^postgres(ql)?:(\/\/)?$/i.test(target) ? undefined : target)
    }
    const { connectDuckdb } = await import('./target/duckdb/connect.ts')
    return connectDuckdb(target)
  }
  if (isDuckdbConnection(target)) {
    const { connectDuckdb } = await import('./target/duckdb/connect.ts')
    return connectDuckdb(target)
  }
  // A Pool of pg's has both, a Client too.
  if (!('query' in target && 'connect' in target)) throw unknownTarget(target)
  const { connectPostgres } = await import('./target/postgres/target.ts')
  return connectPostgres(target)
}

/** By shape, since the caller's copy of the package need not be ours. */
function isDuckdbConnection(target: object): target is DuckDBConnection {
  return 'runAndReadAll' in target && 'extractStatements' in target
}
