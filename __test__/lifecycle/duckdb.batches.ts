import { createRequire } from 'node:module'
import { BLOB, DuckDBConnection, DuckDBInstance, VARCHAR } from '@duckdb/node-api'
import type bindings from '@duckdb/node-bindings'
import type { Chunk, ColumnType, DuckdbColumn, NativeLoad } from '../../lib/native/load.ts'
import { vectorWidthOf } from '../../lib/target/duckdb/types.ts'
import type { LoadRequest, Target, TargetTransaction } from '../../lib/target/target.ts'

/*
 * Hand-made batches in the layout that the native side emits for DuckDB, and a native load that hands them out: what the target
 * does with them is then known to the byte, whatever the decoder does.
 */

const requireBeside = createRequire(createRequire(import.meta.url).resolve('@duckdb/node-api'))
const duckdb = requireBeside('@duckdb/node-bindings') as typeof bindings

/** Asks for the column's default. */
export const DEFAULT = Symbol('DEFAULT')

export type Value = null | typeof DEFAULT | boolean | number | bigint | string | Uint8Array

/** Writes the physical value of a column; values of 16-byte strings are laid out by DuckDB itself. */
function writeFixed(view: DataView, at: number, type: ColumnType, value: Value): void {
  const width = vectorWidthOf(type)
  if (type.kind === 'float4') {
    view.setFloat32(at, value as number, true)
  } else if (type.kind === 'float8') {
    view.setFloat64(at, value as number, true)
  } else if (type.kind === 'interval') {
    const { months, days, micros } = JSON.parse(value as string) as { months: number; days: number; micros: string }
    view.setInt32(at, months, true)
    view.setInt32(at + 4, days, true)
    view.setBigInt64(at + 8, BigInt(micros), true)
  } else {
    const code = type.kind === 'enum' ? type.labels.indexOf(value as string) : (value as bigint | number | boolean)
    let rest = BigInt(code)
    for (let byte = 0; byte < width; byte++, rest >>= 8n) view.setUint8(at + byte, Number(BigInt.asUintN(8, rest)))
  }
}

function isString(type: ColumnType): boolean {
  return ['text', 'varchar', 'bpchar', 'bytea', 'json', 'jsonb', 'array', 'other'].includes(type.kind)
}

const strings = VARCHAR.toLogicalType().logical_type
const blobs = BLOB.toLogicalType().logical_type

/** A chunk of rows. Its strings belong to DuckDB vectors that live until `release()`. */
export class FakeChunk implements Chunk {
  readonly buffer: Buffer
  readonly rows: number
  readonly batch: { readonly columns: readonly DuckdbColumn[] }
  released = false
  #held: unknown[] = []

  constructor(types: readonly ColumnType[], rows: readonly (readonly Value[])[]) {
    this.rows = rows.length
    const words = Math.ceil(rows.length / 64)
    let size = 0
    const take = (bytes: number): number => {
      const at = size
      size += Math.ceil(bytes / 16) * 16
      return at
    }
    const columns = types.map((type, column) => {
      const width = vectorWidthOf(type)
      const values = rows.map((row) => row[column] as Value)
      return {
        width,
        data: take(width * rows.length),
        validity: values.some((value) => value === null || value === DEFAULT) ? take(words * 8) : -1,
        defaults: values.includes(DEFAULT) ? take(rows.length) : -1,
      }
    })
    const memory = new ArrayBuffer(size)
    const view = new DataView(memory)
    columns.forEach(({ width, data, validity, defaults }, column) => {
      const type = types[column] as ColumnType
      const vector = isString(type)
        ? duckdb.create_vector(type.kind === 'bytea' ? blobs : strings, Math.max(1, rows.length))
        : undefined
      rows.forEach((row, index) => {
        const value = row[column] as Value
        if (value === DEFAULT) view.setUint8(defaults + index, 1)
        if (value === null || value === DEFAULT) return
        if (validity >= 0)
          view.setUint8(validity + (index >> 3), view.getUint8(validity + (index >> 3)) | (1 << (index & 7)))
        if (vector === undefined) writeFixed(view, data + index * width, type, value)
        else if (typeof value === 'string') duckdb.vector_assign_string_element(vector, index, value)
        else duckdb.vector_assign_string_element_len(vector, index, value as Uint8Array)
      })
      if (vector !== undefined) {
        this.#held.push(vector)
        new Uint8Array(memory, data, rows.length * 16).set(duckdb.vector_get_data(vector, rows.length * 16))
      }
    })
    this.buffer = Buffer.from(memory)
    this.batch = { columns }
  }

  release(): void {
    if (this.released) throw new Error('released twice')
    this.released = true
    this.#held = []
    // Whoever reads on gets rubbish, which the tests notice.
    this.buffer.fill(0x7f)
  }
}

/** What a {@link FakeNative} does in turn: a chunk, a pause in milliseconds, an error. */
export type Step = FakeChunk | number | Error

export class FakeNative implements NativeLoad {
  readonly chunks: FakeChunk[] = []
  calls = 0
  rowsRead = 0
  closed = false
  readonly maxHeld?: number
  readonly #steps: Iterator<Step>

  constructor(steps: Iterable<Step>, maxHeld?: number) {
    this.#steps = steps[Symbol.iterator]()
    if (maxHeld !== undefined) this.maxHeld = maxHeld
  }

  get unreleased(): number {
    return this.chunks.filter(({ released }) => !released).length
  }

  async next(): Promise<Chunk | undefined> {
    this.calls++
    for (;;) {
      if (this.maxHeld !== undefined && this.unreleased >= this.maxHeld) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        continue
      }
      const { value, done } = this.#steps.next()
      if (done) return undefined
      if (value instanceof Error) throw value
      if (typeof value === 'number') {
        await new Promise((resolve) => setTimeout(resolve, value))
        continue
      }
      this.chunks.push(value)
      this.rowsRead += value.rows
      return value
    }
  }

  counters() {
    return { bytesRead: 0, rowsRead: this.rowsRead, headerLines: 0, rowsRefused: 0, rowsMended: 0 }
  }

  /** As if every row were a line of ten bytes under a header. */
  locate(row: number) {
    const byteOffset = (row + 1) * 10
    return {
      file: 'STDIN',
      unit: 'line' as const,
      position: byteOffset,
      line: row + 2,
      firstLine: row + 2,
      byteOffset,
      byteLength: 9,
    }
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

/** `schema.table` or `table` as the parser gives it. */
export function named(text: string) {
  const parts = text.split('.').map((value) => ({ value, quoted: true, offset: 0 }))
  const name = parts.pop() as (typeof parts)[number]
  const schema = parts.pop()
  const catalog = parts.pop()
  return { ...(catalog ? { catalog } : {}), ...(schema ? { schema } : {}), name }
}

export interface LoadOptions {
  readonly columns?: readonly string[]
  readonly where?: string
  readonly usesDefaults?: boolean
  readonly signal?: AbortSignal
  readonly chunkRows?: number
}

/** Describes `table`, makes chunks of `rows` for it and loads them in `transaction`. */
export async function loadRows(
  transaction: TargetTransaction,
  tableName: string,
  rows: readonly (readonly Value[])[],
  options: LoadOptions = {},
) {
  const request = await requestFor(transaction, tableName, options)
  const types = request.columns.map((index) => (request.table.columns[index] as { type: ColumnType }).type)
  const size = options.chunkRows ?? 1000
  const native = new FakeNative(
    (function* () {
      for (let at = 0; at < rows.length; at += size) yield new FakeChunk(types, rows.slice(at, at + size))
    })(),
  )
  const outcome = await transaction.load({ ...request, native }).catch((error: unknown) => {
    if (native.unreleased > 0) throw new Error(`${native.unreleased} chunks leaked`, { cause: error })
    throw error
  })
  if (native.unreleased > 0) throw new Error(`${native.unreleased} chunks leaked`)
  return outcome
}

export async function requestFor(
  transaction: TargetTransaction,
  tableName: string,
  options: LoadOptions,
): Promise<Omit<LoadRequest, 'native'>> {
  const table = await transaction.describe(named(tableName))
  if (table === undefined) throw new Error(`no table ${tableName}`)
  const columns = options.columns
    ? options.columns.map((name) => table.columns.findIndex((column) => column.name === name))
    : table.columns.flatMap((column, index) => (column.generated ? [] : [index]))
  return {
    table,
    columns,
    usesDefaults: options.usesDefaults ?? false,
    sink: 'duckdb',
    memoryLimit: 256 << 20,
    ...(options.where === undefined ? {} : { where: options.where }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }
}

/** {@link loadRows} in a transaction of its own. */
export async function copyRows(
  target: Target,
  tableName: string,
  rows: readonly (readonly Value[])[],
  options: LoadOptions = {},
) {
  const transaction = await target.begin(options.signal)
  try {
    const outcome = await loadRows(transaction, tableName, rows, options)
    await transaction.commit()
    return outcome
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

/** Rows of a query, every value as text. */
export async function textRows(connection: DuckDBConnection, sql: string): Promise<(string | null)[][]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value))))
}

export { DuckDBConnection, DuckDBInstance }
