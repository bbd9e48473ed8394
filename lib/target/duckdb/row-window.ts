import type { Vector } from '@duckdb/node-bindings'
import { CopyError } from '../../errors.ts'
import type { Chunk, DuckdbBatch } from '../../native/load.ts'
import type { DuckdbDriver } from './driver.ts'
import { groupSize } from './row-shape.ts'

/** A chunk of the native load that several windows may share: released when the last of them lets go. */
export class SharedChunk {
  readonly batch: DuckdbBatch
  readonly memory: ArrayBuffer
  readonly bytes: number
  readonly rows: number
  /** Set if the addon serves the rows. */
  readonly id: number | undefined
  readonly #chunk: Chunk
  #holders = 1

  constructor(chunk: Chunk) {
    if (chunk.batch === undefined) {
      throw new CopyError({ code: 'internal_error', sqlState: 'XX000', message: 'a chunk for DuckDB has no batch' })
    }
    this.#chunk = chunk
    this.batch = chunk.batch
    this.memory = chunk.buffer.buffer as ArrayBuffer
    this.bytes = chunk.buffer.byteLength + (chunk.held ?? 0)
    this.rows = chunk.rows
    this.id = chunk.id
  }

  /** Validity bits of a column in words of 32, or undefined when every row is valid. */
  validity(column: number): Uint32Array | undefined {
    const at = this.batch.columns[column]?.validity ?? -1
    return at < 0 ? undefined : new Uint32Array(this.memory, at, Math.ceil(this.rows / 64) * 2)
  }

  retain(): void {
    this.#holders++
  }

  release(): void {
    if (--this.#holders === 0) this.#chunk.release()
  }
}

/** Consecutive rows of a chunk. */
export interface RowSegment {
  readonly chunk: SharedChunk
  /** First row, in the chunk. */
  readonly from: number
  readonly rows: number
}

const NO_DEFAULTS = new ArrayBuffer(2048)

/** Consecutive rows of the input, out of as many chunks as it takes, at random access. */
export class RowWindow {
  readonly rows: number
  /** Ordinal of the window's first row among the rows of the load. */
  readonly firstRow: number
  readonly #segments: readonly RowSegment[]
  /** Row of the window at which each segment starts. */
  readonly #starts: Float64Array
  readonly #scratch = new ArrayBuffer(256)
  readonly #scratchWords = new Uint32Array(this.#scratch)
  #released = false

  constructor(firstRow: number, segments: readonly RowSegment[]) {
    this.firstRow = firstRow
    this.#segments = segments
    this.#starts = new Float64Array(segments.length)
    let rows = 0
    segments.forEach((segment, index) => {
      this.#starts[index] = rows
      rows += segment.rows
    })
    this.rows = rows
  }

  /** The rows as `NativeLoad.serve` takes them. */
  segments(): [number, number, number][] {
    return this.#segments.map(({ chunk, from, rows }) => {
      if (chunk.id === undefined) throw new Error('the addon does not have this chunk')
      return [chunk.id, from, rows]
    })
  }

  /** Gives the memory back. Nothing may read the window any more, DuckDB included. */
  release(): void {
    if (this.#released) return
    this.#released = true
    for (const segment of this.#segments) segment.chunk.release()
  }

  /** Copies rows `first … first + count` into the fields of a STRUCT vector: the columns, then the DEFAULT marks. */
  write(
    bindings: DuckdbDriver['bindings'],
    output: Vector,
    columnCount: number,
    defaults: readonly number[],
    first: number,
    count: number,
  ): void {
    if (this.#released) throw new Error('the window has been released')
    const begin = this.#segmentAt(first)
    const size = groupSize(columnCount + defaults.length)
    const child = (field: number): Vector => {
      if (size === undefined) return bindings.struct_vector_get_child(output, field)
      return bindings.struct_vector_get_child(
        bindings.struct_vector_get_child(output, Math.floor(field / size)),
        field % size,
      )
    }
    for (let column = 0; column < columnCount; column++) {
      const vector = child(column)
      let anyNull = false
      for (let index = begin, done = 0; done < count; index++) {
        const { chunk, offset, rows } = this.#piece(index, first, count)
        const { data, width, validity } = chunk.batch.columns[column] as DuckdbBatch['columns'][number]
        bindings.copy_data_to_vector(vector, done * width, chunk.memory, data + offset * width, rows * width)
        anyNull ||= validity >= 0
        done += rows
      }
      if (anyNull) this.#writeValidity(bindings, vector, column, begin, first, count)
    }
    defaults.forEach((column, field) => {
      const vector = child(columnCount + field)
      for (let index = begin, done = 0; done < count; index++) {
        const { chunk, offset, rows } = this.#piece(index, first, count)
        const marks = (chunk.batch.columns[column] as DuckdbBatch['columns'][number]).defaults
        if (marks < 0) bindings.copy_data_to_vector(vector, done, NO_DEFAULTS, 0, rows)
        else bindings.copy_data_to_vector(vector, done, chunk.memory, marks + offset, rows)
        done += rows
      }
    })
  }

  /** DuckDB's vectors of 2,048 rows and our chunks do not begin together, so bits have to be shifted into place. */
  #writeValidity(
    bindings: DuckdbDriver['bindings'],
    vector: Vector,
    column: number,
    begin: number,
    first: number,
    count: number,
  ): void {
    const words = this.#scratchWords
    words.fill(0)
    for (let index = begin, done = 0; done < count; index++) {
      const { chunk, offset, rows } = this.#piece(index, first, count)
      const validity = chunk.validity(column)
      if (validity === undefined) setBits(words, done, rows)
      else copyBits(words, done, validity, offset, rows)
      done += rows
    }
    bindings.vector_ensure_validity_writable(vector)
    bindings.copy_data_to_vector_validity(vector, 0, this.#scratch, 0, Math.ceil(count / 64) * 8)
  }

  /** The part of segment `index` inside the rows asked for. */
  #piece(index: number, first: number, count: number): { chunk: SharedChunk; offset: number; rows: number } {
    const segment = this.#segments[index] as RowSegment
    const start = this.#starts[index] as number
    const from = Math.max(first, start)
    const to = Math.min(first + count, start + segment.rows)
    return { chunk: segment.chunk, offset: segment.from + from - start, rows: to - from }
  }

  #segmentAt(row: number): number {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] as number) <= row) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Sets `count` bits from bit `at` on. */
export function setBits(target: Uint32Array, at: number, count: number): void {
  const end = at + count
  while (at < end) {
    const shift = at & 31
    const bits = Math.min(32 - shift, end - at)
    target[at >>> 5] = (target[at >>> 5] as number) | (lowBits(bits) << shift)
    at += bits
  }
}

/** Copies `count` bits to bit `at` on; the bits there must be 0. */
export function copyBits(target: Uint32Array, at: number, source: Uint32Array, from: number, count: number): void {
  const end = at + count
  while (at < end) {
    const shift = at & 31
    const bits = Math.min(32 - shift, end - at)
    const sourceShift = from & 31
    let word = (source[from >>> 5] as number) >>> sourceShift
    if (sourceShift + bits > 32) word |= (source[(from >>> 5) + 1] as number) << (32 - sourceShift)
    target[at >>> 5] = (target[at >>> 5] as number) | ((word & lowBits(bits)) << shift)
    at += bits
    from += bits
  }
}

/** A word whose lowest `bits` bits, 1 to 32, are set. */
function lowBits(bits: number): number {
  return bits === 32 ? -1 : (1 << bits) - 1
}
