import { join } from 'node:path'
import { openDuckdb } from './duckdb.mjs'
import { loadInto } from './postgres-load.mjs'
import { copyByPsql } from './psql.mjs'

export { unavailable } from './psql.mjs'
export const label = 'DuckDB to CSV, psql \\copy'

/** DuckDB writes what it reads as a CSV file, which psql sends. The start of psql is in the time, that of DuckDB is not. */
export function postgres(context) {
  const { dataset, folder, threads } = context
  const path = join(folder, 'duckdb.csv')
  return loadInto(context, 'duckdb csv', async (table) => {
    const { connection, close } = await openDuckdb(':memory:', threads)
    return {
      async load() {
        await connection.run(
          `COPY (FROM read_parquet('${dataset.parquet ?? dataset.path}')) TO '${path}' (FORMAT csv, HEADER)`,
        )
        return copyByPsql(context, table, path)
      },
      close,
    }
  })
}
