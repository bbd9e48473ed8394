import { fileURLToPath } from 'node:url'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Table } from 'apache-arrow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ReadColumn, read } from '../../lib/index.ts'

const data = (name: string) => fileURLToPath(new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url))

let instance: DuckDBInstance
let connection: DuckDBConnection

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
})

afterAll(() => {
  connection.closeSync()
  instance.closeSync()
})

/** A hash over the rows of a column in their order, of what both sides print alike. */
function digest(values: Iterable<unknown>): number {
  let hash = 0
  for (const value of values) {
    const text = value === null ? '\0' : String(value)
    for (let at = 0; at < text.length; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
    hash = (Math.imul(hash, 31) + 7) | 0
  }
  return hash
}

function* valuesOf({ values, validity, type }: ReadColumn): Generator<unknown> {
  for (let row = 0; row < values.length; row += 1) {
    const isNull = validity !== undefined && ((validity[row >> 3] ?? 0) & (1 << (row & 7))) === 0
    yield isNull ? null : type === 'boolean' ? values[row] === 1 : values[row]
  }
}

/** Every column as DuckDB's reader has it: times as milliseconds, all else as its text. */
async function* duckdbColumns(columns: readonly ReadColumn[], source: string): AsyncGenerator<number> {
  for (const { name, type } of columns) {
    const quoted = `"${name.replaceAll('"', '""')}"`
    const isTime = /^(?:date|timestamp)/.test(type)
    const reader = await connection.stream(
      `SELECT ${isTime ? `epoch_us(${quoted}::TIMESTAMP) / 1000` : quoted} FROM ${source}`,
    )
    const all: unknown[] = []
    for (let chunk = await reader.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await reader.fetchChunk()) {
      for (const value of chunk.getColumnValues(0)) all.push(value)
    }
    yield digest(all)
  }
}

async function isEqual(columns: readonly ReadColumn[], source: string): Promise<void> {
  let index = 0
  for await (const found of duckdbColumns(columns, source)) {
    const column = columns[index] as ReadColumn
    expect([column.name, digest(valuesOf(column))]).toEqual([column.name, found])
    index += 1
  }
  expect(index).toBe(columns.length)
}

test('flights-3m.parquet has the rows that DuckDB reads, as columns, as objects and as Arrow', async () => {
  const path = data('flights-3m.parquet')
  const statement = `COPY FROM '${path}' (FORMAT parquet)`
  const reading = read(statement)
  const columns = await reading.columns()
  expect(columns.map(({ name, type, length }) => [name, type, length])).toEqual([
    ['date', 'timestamp without time zone', 3_000_000],
    ['delay', 'bigint', 3_000_000],
    ['distance', 'bigint', 3_000_000],
    ['origin', 'text', 3_000_000],
    ['destination', 'text', 3_000_000],
  ])
  expect(reading.receipt).toMatchObject({ rowsRead: 3_000_000, rowsReturned: 3_000_000 })
  await isEqual(columns, `'${path}'`)
  let row = 0
  for await (const object of read(statement, { dates: 'number' }).rows()) {
    for (const { name, values } of columns) {
      if (object[name] !== values[row]) throw new Error(`${name} of row ${row}: ${object[name]} is not ${values[row]}`)
    }
    row += 1
  }
  expect(row).toBe(3_000_000)
  const table = await read(statement).table<Table>()
  for (const { name, values } of columns) {
    const found = table.getChild(name)
    for (let at = 0; at < row; at += 997) expect(found?.get(at)).toBe(values[at])
  }
}, 120_000)

test.each(['airports.csv', 'birdstrikes.csv', 'disasters.csv', 'us-employment.csv', 'flights-airport.csv'])(
  '%s has the rows that DuckDB reads',
  async (name) => {
    const columns = await read(`COPY FROM '${data(name)}' (FORMAT csv, HEADER)`).columns()
    const types = columns.map((column) => `'${column.name.replaceAll("'", "''")}': '${column.type}'`).join(', ')
    const source = `read_csv('${data(name)}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {${types}})`
    await isEqual(columns, source)
  },
)
