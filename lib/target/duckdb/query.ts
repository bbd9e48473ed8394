import type { DuckDBConnection } from '@duckdb/node-api'
import { asCopyError } from './errors.ts'

/** Rows of a query, values as JavaScript's. */
export async function query(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  try {
    const result = await connection.run(sql)
    return (await result.getRowsJS()) as unknown[][]
  } catch (error) {
    throw asCopyError(error)
  }
}
