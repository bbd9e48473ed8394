// Loads rows that a program makes up as it goes, with back-pressure, and stops one load halfway:
// `node examples/stdin-stream.mjs`.
import { Readable } from 'node:stream'
import { DuckDBInstance } from '@duckdb/node-api'
import { CopyError, connect } from 'copyist'

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()
await connection.run('CREATE TABLE readings (id bigint, taken timestamp, value double)')
const db = await connect(connection)

/** TEXT lines, PostgreSQL's default format: fields between tabs, `\N` for NULL. */
function* readings(count) {
  for (let id = 0; id < count; id++) {
    const taken = new Date(Date.UTC(2024, 0, 1) + id * 1000).toISOString()
    yield Buffer.from(`${id}\t${taken}\t${id % 10 === 0 ? '\\N' : Math.sin(id)}\n`)
  }
}

const receipt = await db.copy('COPY readings FROM STDIN', { stdin: Readable.from(readings(100_000)) })
console.log(`${receipt.rowsLoaded} rows from a stream`)

const controller = new AbortController()
try {
  await db.copy('COPY readings FROM STDIN', {
    stdin: Readable.from(readings(Number.POSITIVE_INFINITY)),
    signal: controller.signal,
    onProgress: ({ rowsRead }) => rowsRead > 50_000 && controller.abort(),
  })
} catch (error) {
  if (!(error instanceof CopyError)) throw error
  console.log(`aborted: ${error.sqlState} ${error.message}`)
}

const [[count]] = (await connection.runAndReadAll('SELECT count(*) FROM readings')).getRows()
console.log(`${count} rows in the table`)
await db.close()
connection.closeSync()
instance.closeSync()
