import { setImmediate as nextTurn } from 'node:timers/promises'
import { CopyError } from '../../errors.ts'
import type { Chunk, NativeLoad } from '../../native/load.ts'
import { abortError } from './errors.ts'
import { ROW_GROUP_ROWS } from './row-feed.ts'
import { type RowSegment, RowWindow, SharedChunk } from './row-window.ts'
import type { SlotsSize } from './slots.ts'

/** Milliseconds that a row waits at most for company when DuckDB has nothing to do. */
const LINGER = 100

/** With this many bytes at hand an idle DuckDB waits only this many milliseconds for the next chunk. */
const PLENTY = 4 << 20
const PAUSE = 5

/** With so many columns, and for each time as many, a row waits as long again: an INSERT costs as many times more before its first row. */
const WIDE = 250

/** What a window may hold. */
export interface WindowLimits {
  readonly size: SlotsSize
  /** Bytes of chunks. */
  readonly bytes: number
  /** Width of every column, as the batches must have it. */
  readonly widths: readonly number[]
  readonly signal?: AbortSignal
  /** Whether no more is to be read before a window has been dealt with, even one without a row. */
  isDue?(): boolean
}

/** Gathers the chunks of a native load into windows. Owns every chunk until a window does. */
export class ChunkGatherer {
  readonly #native: NativeLoad
  readonly #limits: WindowLimits
  #segments: RowSegment[] = []
  #rows = 0
  #bytes = 0
  /** Ordinal of the first row of the next window. */
  #firstRow = 0
  #reading = false
  #ended = false
  #failure: unknown
  #abandoned = false
  #wake: () => void = () => undefined

  constructor(native: NativeLoad, limits: WindowLimits) {
    this.#native = native
    this.#limits = limits
  }

  /**
   * The next window, or undefined at the end. `busy` settles when the INSERT of the window before has; as long as it has not, a
   * window that is not full has time.
   *
   * @param isBusy Whether DuckDB is working.
   * @throws what `next()` of the native load rejected with, when all rows before it have been handed out; an abort at once.
   */
  async gather(isBusy: boolean, busy?: Promise<void>): Promise<RowWindow | undefined> {
    const { signal } = this.#limits
    const wake = (): void => this.#wake()
    const patience = 1 + this.#limits.widths.length / WIDE
    let working = isBusy
    let timer: NodeJS.Timeout | undefined
    let due = false
    let since: number | undefined
    busy?.then(() => {
      working = false
      // The decoder may have been held up meanwhile.
      due = false
      since = undefined
      clearTimeout(timer)
      wake()
    })
    signal?.addEventListener('abort', wake)
    try {
      for (;;) {
        if (this.#abandoned) return undefined
        if (signal?.aborted) throw abortError(signal)
        if (this.#isFull()) return this.#cut()
        const isDue = this.#limits.isDue?.() === true
        if (isDue && !working) return this.#cut()
        if (this.#ended || this.#failure !== undefined) {
          if (this.#rows > 0) return this.#cut()
          if (this.#failure !== undefined) throw this.#failure
          return undefined
        }
        if (due && !working && this.#rows > 0) return this.#cut()
        if (this.#rows > 0 && !due) {
          since ??= performance.now()
          const left = Math.max(0, since + LINGER * patience - performance.now())
          clearTimeout(timer)
          timer = setTimeout(
            () => {
              due = true
              wake()
            },
            working || this.#bytes < PLENTY ? left : Math.min(left, PAUSE * patience),
          )
        }
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        if (!isDue) this.#read()
        await woken
        // Chunks that are ready arrive by promises alone, one after the other: let the event loop turn in between, which is also
        // where DuckDB's calls wait.
        await nextTurn()
      }
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', wake)
    }
  }

  /** Releases what no window holds, and whatever is still to arrive. A `gather` under way ends with undefined. */
  abandon(): void {
    this.#abandoned = true
    this.#wake()
    for (const { chunk } of this.#segments) chunk.release()
    this.#segments = []
    this.#rows = 0
  }

  #isFull(): boolean {
    const { size, bytes } = this.#limits
    // Half of what may be held: the other half is the window that DuckDB is working on.
    const chunks = Math.max(1, Math.floor((this.#native.maxHeld ?? Number.MAX_SAFE_INTEGER) / 2))
    return this.#rows >= size.groups * ROW_GROUP_ROWS || this.#bytes >= bytes || this.#segments.length >= chunks
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    this.#native.next().then(
      (chunk) => {
        this.#reading = false
        if (chunk === undefined) this.#ended = true
        else this.#take(chunk)
        this.#wake()
      },
      (error: unknown) => {
        this.#reading = false
        this.#failure = error
        this.#wake()
      },
    )
  }

  #take(chunk: Chunk): void {
    if (this.#abandoned || chunk.rows === 0) {
      chunk.release()
      return
    }
    try {
      const shared = new SharedChunk(chunk)
      this.#check(shared)
      this.#segments.push({ chunk: shared, from: 0, rows: chunk.rows })
      this.#rows += chunk.rows
      this.#bytes += shared.bytes
    } catch (error) {
      chunk.release()
      this.#failure = error
    }
  }

  /** The batches are copied unseen, so a column of the wrong width must not get that far. The addon looks to it itself. */
  #check({ batch, memory, rows, id }: SharedChunk): void {
    const { widths } = this.#limits
    if (id !== undefined) return
    const matches =
      batch.columns.length === widths.length &&
      batch.columns.every(
        ({ width, data, defaults }, index) =>
          width === widths[index] &&
          data >= 0 &&
          data + rows * width <= memory.byteLength &&
          (defaults < 0 || defaults + rows <= memory.byteLength),
      )
    if (!matches) {
      throw new CopyError({
        code: 'internal_error',
        sqlState: 'XX000',
        message: 'a batch does not have the layout of the table',
        detail: `Widths are ${batch.columns.map(({ width }) => width).join()}, expected ${widths.join()}.`,
      })
    }
  }

  /**
   * Makes a window of what is there. Beyond one row group only whole ones, as long as more is to come: a thread takes a row group
   * at a time, and DuckDB would have to copy the pieces of broken ones together. If there is one for every thread, then the same
   * number for all, or some would wait for the others.
   */
  #cut(): RowWindow {
    const most = this.#limits.size.groups * ROW_GROUP_ROWS
    const there = Math.floor(this.#rows / ROW_GROUP_ROWS)
    const { threads } = this.#limits.size
    const whole = (there < threads ? there : there - (there % threads)) * ROW_GROUP_ROWS
    const isLast = this.#ended || this.#failure !== undefined
    const rows = Math.min(most, whole > 0 && !(isLast && this.#rows <= most) ? whole : this.#rows)
    const taken: RowSegment[] = []
    let left = rows
    while (left > 0) {
      const segment = this.#segments[0] as RowSegment
      if (segment.rows <= left) {
        this.#segments.shift()
        taken.push(segment)
        left -= segment.rows
        continue
      }
      segment.chunk.retain()
      taken.push({ chunk: segment.chunk, from: segment.from, rows: left })
      this.#segments[0] = { chunk: segment.chunk, from: segment.from + left, rows: segment.rows - left }
      left = 0
    }
    this.#rows -= rows
    this.#bytes = this.#segments.reduce((sum, { chunk }) => sum + chunk.bytes, 0)
    const window = new RowWindow(this.#firstRow, taken)
    this.#firstRow += rows
    return window
  }
}
