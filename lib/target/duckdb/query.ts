import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api'
import { asCopyError } from './errors.ts'

/** Rows of a query, values as JavaScript's. `values` are those of `$1`, `$2`, … */
export async function query(
  connection: DuckDBConnection,
  sql: string,
  values: readonly (string | null)[] = [],
): Promise<unknown[][]> {
  try {
    const result = await connection.run(sql, values.length === 0 ? undefined : [...values])
    return (await result.getRowsJS()) as unknown[][]
  } catch (error) {
    throw asCopyError(error)
  }
}

/**
 * Prepares a statement without DuckDB's optimizer. That takes out of an expression what cannot change its value, though it may raise an
 * error; and it evaluates constants, of which an error aborts the transaction. Only the plan is made without it, so that no error of the
 * execution can leave the connection like that.
 */
export async function prepareAsWritten(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  const [plan] = await query(connection, 'EXPLAIN SELECT 1 + 1')
  const isOptimized = !String(plan?.[1]).includes('1 + 1')
  if (isOptimized) await connection.run('PRAGMA disable_optimizer')
  try {
    return await connection.prepare(sql)
  } finally {
    if (isOptimized) await connection.run('PRAGMA enable_optimizer')
  }
}
