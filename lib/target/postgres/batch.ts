import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Chunk, NativeLoad } from '../../native/load.ts'
import { type Edit, type EditInit, editChunk } from './edit.ts'

/*
 * The rows of a load in batches, each of which can be sent more than once, with some of its rows left out
 */

/** Rows of a chunk that is divided, since some of its rows cannot be sent. */
export const SMALL_CHUNK = 32

const HEADER = Buffer.from([
  0x64, 0, 0, 0, 23, 0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0,
])
const TRAILER = Buffer.from([0x64, 0, 0, 0, 6, 0xff, 0xff])

function message(buffer: Buffer): Chunk {
  return { buffer, rows: 0, release: () => {} }
}

/** The chunks of a load, one after the other. One that nobody has taken is the next. */
export class Reader {
  readonly native: NativeLoad
  #next: Promise<Chunk | undefined> | undefined
  /** Why the input has failed, if so. */
  failure: unknown

  constructor(native: NativeLoad) {
    this.native = native
  }

  /** The next chunk, which stays the next. */
  look(): Promise<Chunk | undefined> {
    this.#next ??= this.native.next().catch((error: unknown) => {
      this.failure = error
      throw error
    })
    // Nobody may be waiting any more when it fails.
    this.#next.catch(() => {})
    return this.#next
  }

  take(): void {
    this.#next = undefined
  }
}

/** What a batch is like. */
export interface BatchInit {
  /** The load's rows before it. */
  readonly first: number
  /** Bytes and rows after which it ends. */
  readonly size: number
  readonly most: number
  /** Whether a header and a trailer go with it. */
  readonly framing: boolean
  /** Whether it may be sent again. */
  readonly keeps: boolean
  /** Whether it had better end soon. */
  isPressed(): boolean
  /** Whether it has to, even without a row. */
  isOver?(): boolean
}

/** Chunks of the load that make one COPY. They are kept until it is known that nobody needs them again. */
export class Batch implements NativeLoad {
  readonly #reader: Reader
  readonly #init: BatchInit
  readonly #chunks: Chunk[] = []
  #bytes = 0
  #begun = false
  #over = false
  /** The input has ended. */
  ended = false
  rows = 0
  /** The row whose place was asked for last: that which an error is about. */
  located: number | undefined

  constructor(reader: Reader, init: BatchInit) {
    this.#reader = reader
    this.#init = init
  }

  /** The load's rows before it. */
  get first(): number {
    return this.#init.first
  }

  async next(): Promise<Chunk | undefined> {
    if (this.#init.framing && !this.#begun) {
      this.#begun = true
      return message(HEADER)
    }
    const chunk = await this.#take()
    if (chunk !== undefined) return chunk
    if (this.#over) return undefined
    this.#over = true
    return this.#init.framing ? message(TRAILER) : undefined
  }

  /** The load's next chunk, unless the batch ends before it. */
  async #take(): Promise<Chunk | undefined> {
    const { size, most, keeps, isPressed, isOver } = this.#init
    const isDue = (this.rows > 0 && isPressed()) || isOver?.() === true
    if (this.#over || this.#bytes >= size || this.rows >= most || isDue) return undefined
    let chunk: Chunk | undefined
    try {
      chunk = await this.#reader.look()
    } catch (error) {
      // What is wrong with the rows before comes first: the server judges them, and the next batch fails without a row.
      if (this.rows > 0) return undefined
      throw error
    }
    // The server may have refused the rows before meanwhile; then this one begins the next batch.
    if (this.#over) return undefined
    this.#reader.take()
    if (chunk === undefined) {
      this.ended = true
      return undefined
    }
    this.#bytes += chunk.buffer.length
    this.rows += chunk.rows
    if (!keeps) return chunk
    this.#chunks.push(chunk)
    return { ...chunk, release: () => {} }
  }

  /** The same once more, with some rows left out or changed; `replacement` says what a field becomes. */
  again(edits?: ReadonlyMap<number, Edit>, replacement: EditInit['replacement'] = () => 'null'): NativeLoad {
    // Asked of one row, that of an error; there may be very many edits.
    const original = (sent: number) => {
      let left = sent
      for (let row = 0; row < this.rows; row += 1) {
        if (edits?.get(row) === 'drop') continue
        if (left === 0) return row
        left -= 1
      }
      return this.rows
    }
    const of = edits?.size ? (row: number) => edits.get(row) : undefined
    return { ...this.#sent(of, replacement), locate: (sent) => this.locate(original(sent)) }
  }

  /** Divides the chunks into small ones, so that few rows can be sent without a look at many. */
  async divide(): Promise<void> {
    const format = this.#init.framing ? 'binary' : 'text'
    const replacement = () => 'null' as const
    for (let level = this.#chunks.splice(0); level.length > 0; ) {
      const next: Chunk[] = []
      for (const chunk of level) {
        if (chunk.rows <= SMALL_CHUNK) {
          next.push(chunk)
          continue
        }
        const half = chunk.rows >> 1
        const one = editChunk(chunk, 0, { format, replacement, of: (row) => (row < half ? undefined : 'drop') })
        const other = editChunk(chunk, 0, { format, replacement, of: (row) => (row < half ? 'drop' : undefined) })
        if (one) next.push({ ...one, release: () => {} })
        if (other) next.push({ ...other, release: () => {} })
        chunk.release()
        await nextTurn()
      }
      if (next.every(({ rows }) => rows <= SMALL_CHUNK)) {
        this.#chunks.push(...next)
        return
      }
      level = next
    }
  }

  /** Its rows as batches of about so many, each to be released for itself. */
  split(most: number): Batch[] {
    const parts: Batch[] = []
    let first = this.#init.first
    for (const chunk of this.#chunks.splice(0)) {
      let part = parts.at(-1)
      if (part === undefined || part.rows + chunk.rows > most) {
        part = new Batch(this.#reader, { ...this.#init, first })
        part.#over = true
        parts.push(part)
      }
      part.#chunks.push(chunk)
      part.rows += chunk.rows
      first += chunk.rows
    }
    return parts
  }

  /** Its rows before one, as a batch that lives as long as this one. */
  before(row: number): Batch {
    const before = new Batch(this.#reader, this.#init)
    before.#over = true
    for (const chunk of this.#chunks) {
      const first = before.rows
      const of = (at: number) => (at < row ? undefined : 'drop')
      const format = this.#init.framing ? 'binary' : 'text'
      const kept = editChunk(chunk, first, { format, replacement: () => 'null', of })
      if (kept === undefined) break
      before.#chunks.push({ ...kept, release: () => {} })
      before.rows += kept.rows
      if (kept.rows < chunk.rows) break
    }
    return before
  }

  /** The rows from one to before another. */
  part(from: number, to: number): NativeLoad {
    return this.#sent(
      (row) => (row < from || row >= to ? 'drop' : undefined),
      () => 'null',
      from,
      to,
    )
  }

  release(): void {
    for (const chunk of this.#chunks.splice(0)) chunk.release()
  }

  counters(): ReturnType<NativeLoad['counters']> {
    return this.#reader.native.counters()
  }

  locate(row: number): ReturnType<NativeLoad['locate']> {
    this.located = row
    return this.#reader.native.locate(this.#init.first + row)
  }

  /** The load goes on after the end of a COPY. */
  async close(): Promise<void> {
    this.#over = true
  }

  #sent(
    of: EditInit['of'] | undefined,
    replacement: EditInit['replacement'],
    from = 0,
    to = Number.POSITIVE_INFINITY,
  ): NativeLoad {
    const { framing } = this.#init
    const waiting: (Chunk | 'header' | 'trailer')[] = framing
      ? ['header', ...this.#chunks, 'trailer']
      : [...this.#chunks]
    const format = framing ? 'binary' : 'text'
    let row = 0
    return {
      next: async () => {
        for (;;) {
          const chunk = waiting.shift()
          if (chunk === undefined) return undefined
          if (chunk === 'header') return message(HEADER)
          if (chunk === 'trailer') return message(TRAILER)
          if (row + chunk.rows <= from || row >= to) {
            row += chunk.rows
            continue
          }
          const edited = of ? editChunk(chunk, row, { format, replacement, of }) : chunk
          row += chunk.rows
          // A chunk is a small piece of work, and there may be no wait between one and the next.
          if (edited !== chunk) await nextTurn()
          if (edited) return { ...edited, release: () => {} }
        }
      },
      counters: () => this.counters(),
      locate: (sent) => this.locate(from + sent),
      close: async () => {},
    }
  }
}
