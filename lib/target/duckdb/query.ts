import type { DuckDBConnection } from '@duckdb/node-api'
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
