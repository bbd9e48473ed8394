// Small things whose latency matters, measured by tinybench. Sends the results to its parent.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { Bench } from 'tinybench'
import { connect } from '../dist/index.js'
import { parseCopy } from '../dist/statement/parser.js'

const STATEMENT = `COPY public."Weather" (id, ts, temp) FROM 'weather.csv' WITH (FORMAT csv, HEADER, NULL 'NA', DELIMITER ';')`
const ROWS = 100

const folder = mkdtempSync(join(tmpdir(), 'copyist-micro-'))
try {
  const path = join(folder, 'small.csv')
  writeFileSync(path, Array.from({ length: ROWS }, (_, row) => `${row},name ${row},${row / 4}\n`).join(''))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run('CREATE TABLE small (id integer, name text, value double)')
  const database = await connect(connection)
  const { rowsLoaded } = await database.copy(`COPY small FROM '${path}' (FORMAT csv)`)
  if (rowsLoaded !== ROWS) throw new Error(`${rowsLoaded} rows loaded, not ${ROWS}`)

  const bench = new Bench({ time: 1000 })
  bench.add('parse a COPY statement', () => void parseCopy(STATEMENT))
  bench.add(`copyist: a file of ${ROWS} rows into DuckDB`, () =>
    database.copy(`COPY small FROM '${path}' (FORMAT csv)`),
  )
  bench.add(`DuckDB: the same file by its own COPY`, () => connection.run(`COPY small FROM '${path}' (FORMAT csv)`))
  await bench.run()
  const results = bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw result.error ?? new Error(`${name}: ${result.state}`)
    return { name, medianMicros: result.latency.p50 * 1000, perSecond: result.throughput.mean }
  })
  await database.close()
  connection.closeSync()
  instance.closeSync()
  await new Promise((resolve) => process.send(results, resolve))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.disconnect()
