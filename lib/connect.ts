import type { DuckDBConnection } from '@duckdb/node-api'
import { Database } from './database.ts'
import { CopyError } from './errors.ts'
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

/** Connects to a database. Rejects with CopyError when it cannot be reached or opened. */
export async function connect(target: ConnectTarget): Promise<Database> {
  return Database.over(await openTarget(target))
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
