// Loads a CSV file into a new table of a DuckDB database in memory: `node examples/load-csv.mjs`.
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { connect } from 'copyist'

const file = fileURLToPath(new URL('../node_modules/vega-datasets/data/birdstrikes.csv', import.meta.url))

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()

// A connection of your own stays yours: closing `db` leaves it open.
const db = await connect(connection)
const receipt = await db.copy(`COPY birdstrikes FROM '${file}' WITH (FORMAT csv, HEADER, CREATE_TABLE)`)
await db.close()

console.log(receipt.createdTable)
console.log(`${receipt.rowsLoaded} rows in ${receipt.elapsedMs.toFixed(0)} ms`)
const top = await connection.runAndReadAll(
  'SELECT "Origin State" AS state, count(*) AS strikes FROM birdstrikes GROUP BY ALL ORDER BY strikes DESC LIMIT 3',
)
console.table(top.getRowObjectsJson())

connection.closeSync()
instance.closeSync()
