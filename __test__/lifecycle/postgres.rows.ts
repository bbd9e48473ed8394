import type { Chunk, LoadCounters, NativeLoad, RowPlace } from '../../lib/native/load.ts'

/** How {@link RowsLoad} behaves. */
export interface RowsOptions {
  readonly sink: 'pg_binary' | 'pg_text'
  /** How many rows there are; Infinity for an input that never ends. */
  readonly rows: number
  /** One row: fields of the binary format, or the cells of the TEXT format; null is NULL. */
  readonly row: (index: number) => readonly (Buffer | string | null)[]
  readonly rowsPerChunk?: number
  /** Milliseconds before a chunk is ready. */
  readonly delay?: number
  /** Rejects with this after all rows. */
  readonly error?: Error
}

/**
 * An input without a file: rows that the test makes up, encoded as the native core would. Everything that it hands out is
 * accounted for, and memory that is given back is overwritten, so that a use after release reaches the server as garbage.
 */
export class RowsLoad implements NativeLoad {
  readonly #options: Required<Omit<RowsOptions, 'error'>> & { readonly error: Error | undefined }
  #next = 0
  #ended = false
  #wake: () => void = () => {}
  closed = false
  chunksOut = 0
  chunksReleased = 0
  /** Most chunks that were out at a time. */
  peak = 0

  constructor(options: RowsOptions) {
    this.#options = { rowsPerChunk: 1_000, delay: 0, error: undefined, ...options }
  }

  async next(): Promise<Chunk | undefined> {
    const { delay, rows, rowsPerChunk, error } = this.#options
    // A chunk of the core comes from another thread, so by a turn of the event loop, ready or not.
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (delay > 0) setTimeout(resolve, delay)
      else setImmediate(resolve)
    })
    if (this.closed) throw new Error('the input is closed')
    if (this.#ended) return undefined
    const from = this.#next
    const to = Math.min(rows, from + rowsPerChunk)
    if (from === to && error) throw error
    this.#next = to
    // As in the core, header and trailer travel with rows; an input without rows is one chunk of these two alone.
    const last = to === rows && error === undefined
    this.#ended = last
    return this.#chunk(from, to, last)
  }

  counters(): LoadCounters {
    return { bytesRead: 0, rowsRead: this.#next, headerLines: 1, rowsRefused: 0, rowsMended: 0 }
  }

  /** As in a file with one header line whose records are two lines and ten bytes each. */
  locate(row: number): RowPlace {
    const byteOffset = 100 + row * 10
    const line = 2 + row * 2
    return { file: 'STDIN', position: byteOffset, unit: 'line', line, firstLine: line - 1, byteOffset, byteLength: 9 }
  }

  async close(): Promise<void> {
    this.closed = true
    this.#wake()
  }

  #chunk(from: number, to: number, last: boolean): Chunk {
    const { sink, row } = this.#options
    const parts: Buffer[] = []
    if (sink === 'pg_binary' && from === 0) parts.push(BINARY_HEADER)
    for (let i = from; i < to; i += 1) parts.push(sink === 'pg_binary' ? binaryRow(row(i)) : textRow(row(i)))
    if (sink === 'pg_binary' && last) parts.push(Buffer.from([0xff, 0xff]))
    const payload = Buffer.concat(parts)
    const head = Buffer.alloc(5)
    head.write('d')
    head.writeInt32BE(payload.length + 4, 1)
    const buffer = Buffer.concat([head, payload])
    this.chunksOut += 1
    this.peak = Math.max(this.peak, this.chunksOut - this.chunksReleased)
    let released = false
    return {
      buffer,
      rows: to - from,
      release: () => {
        if (released) throw new Error('chunk released twice')
        released = true
        this.chunksReleased += 1
        buffer.fill(0xee)
      },
    }
  }
}

const BINARY_HEADER = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])

function binaryRow(fields: readonly (Buffer | string | null)[]): Buffer {
  const count = Buffer.alloc(2)
  count.writeInt16BE(fields.length)
  const parts: Buffer[] = [count]
  for (const field of fields) {
    const bytes = typeof field === 'string' ? Buffer.from(field) : field
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes === null ? -1 : bytes.length)
    parts.push(length)
    if (bytes !== null) parts.push(bytes)
  }
  return Buffer.concat(parts)
}

function textRow(fields: readonly (Buffer | string | null)[]): Buffer {
  return Buffer.from(`${fields.map((field) => field ?? '\\N').join('\t')}\n`)
}

/** An int4 in the binary format. */
export function int4(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
