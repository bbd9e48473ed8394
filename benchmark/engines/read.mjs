import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { tableFromIPC } from 'apache-arrow'
import { parquetRead } from 'hyparquet'
import * as wasm from 'parquet-wasm'
import { read } from '../../dist/index.js'
import { Checksum } from '../checksum.mjs'
import { EPOCH_MS, timestamp } from './javascript-columns.mjs'

/*
 * Rows for a program: by their columns, as objects, as Arrow. Text becomes strings of JavaScript in all but Arrow, where it stays bytes.
 */

const MEASURES = {
  sum: Number,
  cents: (value) => Math.round(value * 100),
  micros: (value) => Math.round((Number(value) - EPOCH_MS) * 1000),
  trues: Number,
  bytes: (value) => Buffer.byteLength(value),
}

/** The checksum of columns, `get(index)` being `{ length, at(row) }` of the dataset's column of that number. */
function checksumOf({ columns }, rows, get) {
  const checksum = new Checksum(columns)
  checksum.rows = rows
  for (const [index, { aggregate }] of columns.entries()) {
    const at = get(index)
    for (let row = 0; row < rows; row++) {
      const value = at(row)
      if (value === null || value === undefined) checksum.addNull(index)
      else checksum.add(index, MEASURES[aggregate](value))
    }
  }
  return checksum.toString()
}

const typesOf = ({ columns }) => Object.fromEntries(columns.map(({ name, type }) => [name, type]))

function reader({ values, validity }) {
  return (row) => (validity && !((validity[row >> 3] >> (row & 7)) & 1) ? null : values[row])
}

export const COPYIST = {
  label: 'copyist',

  async columns({ dataset, threads }) {
    let columns
    return {
      async run() {
        const statement = `COPY FROM '${dataset.path}' (FORMAT csv, HEADER)`
        columns = await read(statement, { columns: typesOf(dataset), threads, int64: 'number' }).columns()
      },
      checksum: () => checksumOf(dataset, columns[0].length, (index) => reader(columns[index])),
    }
  },

  async objects({ dataset, threads }) {
    return streamed(dataset, async (take) => {
      const statement = `COPY FROM '${dataset.path}' (FORMAT csv, HEADER)`
      const options = { columns: typesOf(dataset), threads, int64: 'number', dates: 'number' }
      for await (const row of read(statement, options).rows()) take(row)
    })
  },

  async parquetColumns({ dataset, threads }) {
    let columns
    return {
      async run() {
        columns = await read(`COPY FROM '${dataset.parquet}' (FORMAT parquet)`, { threads, int64: 'number' }).columns()
      },
      checksum: () => checksumOf(dataset, columns[0].length, (index) => reader(columns[index])),
    }
  },

  async parquetArrow({ dataset, threads }) {
    let table
    return {
      async run() {
        table = await read(`COPY FROM '${dataset.parquet}' (FORMAT parquet)`, { threads }).table()
      },
      checksum: () => arrowChecksum(dataset, table),
    }
  },
}

/** Timestamps of tables are milliseconds to whoever asks for a value. */
function arrowChecksum(dataset, table) {
  return checksumOf(dataset, table.numRows, (index) => {
    const column = table.getChildAt(index)
    return (row) => column.get(row)
  })
}

/** Rows that are handed to `take` one by one: each is touched, and none is kept. */
function streamed(dataset, run) {
  const { columns } = dataset
  let checksum
  return {
    async run() {
      let rows = 0
      let last
      await run((row) => {
        rows++
        last = row
      })
      checksum = undefined
      if (last === undefined || Object.keys(last).length !== columns.length) throw new Error(`a row of ${rows} is none`)
    },
    async checksum() {
      checksum = new Checksum(columns)
      await run((row) => {
        checksum.rows++
        for (const [index, { name, aggregate }] of columns.entries()) {
          const value = row[name]
          if (value === null || value === undefined) checksum.addNull(index)
          else checksum.add(index, MEASURES[aggregate](value))
        }
      })
      return checksum.toString()
    },
  }
}

/** Objects of the streaming reader, with the same values as ours: numbers, Booleans, milliseconds, null. */
export async function udsvObjects({ dataset }) {
  const { inferSchema, initParser } = await import('udsv')
  const types = typesOf(dataset)
  return streamed(dataset, async (take) => {
    let parser
    for await (const text of createReadStream(dataset.path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
      parser ??= initParser(typed(inferSchema(text), types))
      parser.chunk(text, parser.typedObjs, take)
    }
    parser.end()
  })
}

const UDSV_TYPES = { bigint: 'n', int4: 'n', float8: 'n', text: 's', bool: 'b:t', timestamp: 's' }

function typed(schema, types) {
  for (const column of schema.cols) {
    column.type = UDSV_TYPES[types[column.name]]
    column.repl = { ...column.repl, empty: null }
    if (types[column.name] === 'timestamp') column.parse = (text) => EPOCH_MS + timestamp(text) / 1000
  }
  return schema
}

export const HYPARQUET = {
  label: 'hyparquet',
  async parquetColumns({ dataset }) {
    let columns
    let rows
    return {
      async run() {
        columns = new Map()
        rows = 0
        const file = await open(dataset.parquet)
        const { size } = await file.stat()
        const buffer = {
          byteLength: size,
          async slice(start, end = size) {
            const bytes = new Uint8Array(end - start)
            await file.read(bytes, 0, bytes.length, start)
            return bytes.buffer
          },
        }
        await parquetRead({
          file: buffer,
          // Its own are dates of whole milliseconds.
          parsers: { timestampFromMicroseconds: (micros) => Number(micros) / 1000 },
          onChunk: ({ columnName, columnData, rowStart }) => {
            const parts = columns.get(columnName) ?? []
            columns.set(columnName, parts)
            parts.push({ rowStart, columnData })
            rows = Math.max(rows, rowStart + columnData.length)
          },
        })
        await file.close()
      },
      checksum: () =>
        checksumOf(dataset, rows, (index) => {
          const whole = []
          for (const { rowStart, columnData } of columns.get(dataset.columns[index].name)) {
            for (let row = 0; row < columnData.length; row++) whole[rowStart + row] = columnData[row]
          }
          return (row) => whole[row]
        }),
    }
  },
}

export const PARQUET_WASM = {
  label: 'parquet-wasm',
  async parquetColumns({ dataset }) {
    let table
    let columns
    return {
      async run() {
        table = tableFromIPC(wasm.readParquet(await readFile(dataset.parquet)).intoIPCStream())
        columns = table.schema.fields.map((_, index) => table.getChildAt(index).toArray())
      },
      checksum: () => {
        if (columns.some(({ length }) => length !== table.numRows)) throw new Error('a column is not whole')
        return arrowChecksum(dataset, table)
      },
    }
  },
}
