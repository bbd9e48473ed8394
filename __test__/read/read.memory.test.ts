import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'

const MB = 1 << 20
const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

/** Columns of texts that never come again. */
const WIDE = Array.from({ length: 100 }, (_, number) => `c${number}`)

let folder: string

/** Files of the same rows, small and large. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-read-memory-'))
  const lines = Array.from({ length: 20_000 }, (_, row) => `${row},${row / 8},2024-01-01 00:00:00,text of row ${row}\n`)
  for (const [name, times] of [
    ['small', 2],
    ['large', 200],
  ] as const) {
    const file = openSync(join(folder, name), 'w')
    for (let time = 0; time < times; time += 1) writeSync(file, lines.join(''))
    closeSync(file)
  }
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  for (const [name, rows] of [
    ['few.parquet', 100],
    ['many.parquet', 60_000],
  ] as const) {
    const texts = `SELECT repeat(chr(97 + (i % 7)::INT), 8000) note FROM range(${rows}) t(i)`
    await connection.run(`COPY (${texts}) TO '${join(folder, name)}' (FORMAT parquet)`)
  }
  for (const [name, rows] of [
    ['wide-few.parquet', 10],
    ['wide-many.parquet', 10_000],
  ] as const) {
    const texts = WIDE.map((column, number) => `lpad((i * ${WIDE.length} + ${number})::text, 60, 'x') ${column}`)
    const query = `SELECT ${texts.join(', ')} FROM range(${rows}) t(i)`
    await connection.run(`COPY (${query}) TO '${join(folder, name)}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`)
  }
  connection.closeSync()
  instance.closeSync()
})

afterAll(() => rmSync(folder, { recursive: true }))

/** The highest resident size of a process that iterates, in bytes. */
function peakOf(file: string, form: string): number {
  const isParquet = file.endsWith('.parquet')
  const texts = file.startsWith('wide') ? WIDE : ['note']
  const columns = isParquet
    ? Object.fromEntries(texts.map((name) => [name, 'text']))
    : { id: 'int', part: 'float8', at: 'timestamp', note: 'text' }
  const format = isParquet ? 'parquet' : 'csv'
  const program = `
    import { read } from ${JSON.stringify(library)}
    import { readFileSync } from 'node:fs'
    const options = { columns: ${JSON.stringify(columns)}, threads: 2, memoryLimit: ${16 * MB} }
    let count = 0
    for await (const item of read(${JSON.stringify(`COPY FROM '${join(folder, file)}' (FORMAT ${format})`)}, options).${form}()) count += 1
    if (count === 0) throw new Error('nothing was read')
    console.log(Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024)`
  const options = ['--max-semi-space-size=4', '--input-type=module', '-e', program]
  return Number(execFileSync(process.execPath, options, { encoding: 'utf8' }))
}

test.each(['rows', 'columnBatches', 'batches', 'ipc'])('%s of a hundred times the rows take no more memory', (form) => {
  const small = peakOf('small', form)
  const large = peakOf('large', form)
  // The large file has 180 MB; garbage that has not been collected yet is not the input.
  expect(large - small).toBeLessThan(80 * MB)
})

test.each(['rows', 'batches'])('%s of a few kilobytes of Parquet that come to 480 MB take no more memory', (form) => {
  expect(statSync(join(folder, 'many.parquet')).size).toBeLessThan(20_000)
  const small = peakOf('few.parquet', form)
  const large = peakOf('many.parquet', form)
  // Garbage that has not been collected yet comes to a quarter of it, by how the collector was disposed.
  expect(large - small).toBeLessThan(200 * MB)
})

test.each(['rows', 'columnBatches'])('%s of many columns of texts keep no dictionaries beyond the limit', (form) => {
  const few = peakOf('wide-few.parquet', form)
  const many = peakOf('wide-many.parquet', form)
  // All texts come to 60 MB, and in dictionaries that nothing bounds to ten times that.
  expect(many - few).toBeLessThan(200 * MB)
})
