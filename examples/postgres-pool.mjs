// Loads a CSV file through a pool of your own and shows what an error says:
// `PGHOST=localhost PGUSER=postgres node examples/postgres-pool.mjs`.
import { fileURLToPath } from 'node:url'
import { CopyError, connect } from 'copyist'
import pg from 'pg'

const file = fileURLToPath(new URL('../node_modules/vega-datasets/data/airports.csv', import.meta.url))

const pool = new pg.Pool()
await pool.query(`CREATE TABLE IF NOT EXISTS airports_example (
  iata text, name text, city text, state text, country text, latitude float8, longitude float8)`)

const db = await connect(pool)
const receipt = await db.copy(`COPY airports_example FROM '${file}' WITH (FORMAT csv, HEADER)`, {
  onProgress: ({ rowsRead }) => console.log(`${rowsRead} rows so far`),
})
console.log(`${receipt.rowsLoaded} rows loaded, ${receipt.bytesRead} bytes read`)

try {
  // Without HEADER the first line is data, and "latitude" is no number: nothing is loaded, the pool stays usable.
  await db.copy(`COPY airports_example FROM '${file}' WITH (FORMAT csv)`)
} catch (error) {
  if (!(error instanceof CopyError)) throw error
  console.log(`${error.sqlState}: ${error.message}\n${error.context}`)
}

await db.close()
await pool.query('DROP TABLE airports_example')
await pool.end()
