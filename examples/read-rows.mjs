// Reads rows without a database, as objects and as columns: `node examples/read-rows.mjs`.
import { fileURLToPath } from 'node:url'
import { read } from 'copyist'

const data = (name) => fileURLToPath(new URL(`../node_modules/vega-datasets/data/${name}`, import.meta.url))

// Objects, one after the other; leaving the loop closes the file.
for await (const row of read(`COPY FROM '${data('airports.csv')}' (FORMAT csv, HEADER)`).rows()) {
  console.log(row)
  break
}

// Columns of a Parquet file: of typed arrays, no more is made than these.
const reading = read(`COPY (delay, distance) FROM '${data('flights-3m.parquet')}' (FORMAT parquet)`, {
  int64: 'number',
})
const [delay, distance] = await reading.columns()
let total = 0
for (let row = 0; row < delay.length; row += 1) total += delay.values[row]
console.log(
  `${delay.length} flights: ${delay.type} and ${distance.type}, ${(total / delay.length).toFixed(1)} minutes late`,
)
console.log(`${reading.receipt.rowsRead} rows read in ${reading.receipt.elapsedMs.toFixed(0)} ms`)
