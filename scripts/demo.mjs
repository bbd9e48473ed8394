// Loads a real file (3,376 airports) into ./copyist.duckdb through the command line and looks at what arrived.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'

const root = fileURLToPath(new URL('..', import.meta.url))
const statement = "COPY airports FROM 'node_modules/vega-datasets/data/airports.csv' WITH (FORMAT csv, HEADER)"

console.log(`\n$ npx copyist "${statement}"`)
// Without what would send the rows elsewhere than to the default, ./copyist.duckdb.
const { COPYIST_TO, PGHOST, PGDATABASE, ...env } = process.env
const { status } = spawnSync(process.execPath, ['dist/cli/main.js', statement], { cwd: root, env, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)

const query = 'SELECT state, count(*) AS airports FROM airports GROUP BY state ORDER BY airports DESC, state LIMIT 5'
console.log(`\ncopyist.duckdb> ${query}`)
const instance = await DuckDBInstance.create(`${root}copyist.duckdb`, { access_mode: 'READ_ONLY' })
const connection = await instance.connect()
console.table((await connection.runAndReadAll(query)).getRowObjectsJson())
connection.closeSync()
instance.closeSync()
