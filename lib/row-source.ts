import { claim, closeSource, iterate, unreadableInput } from './native/pump.ts'
import type { RowText } from './row-text.ts'
import { isPromise } from './row-value.ts'
import { untilAborted } from './until-aborted.ts'

/** What a row may hold: whatever its column's type reads as text, or a value of JavaScript that there is a text for. */
export type RowValue = string | number | bigint | boolean | object | null | undefined

/** A row of which nothing more is known. */
export type AnyRow = Readonly<Record<string, RowValue>> | readonly RowValue[]

/** What a row's type is to be: an object or an array of values. */
export type RowOf<Row> = { readonly [Key in keyof Row]: RowValue }

/** Rows as objects, by the names of the columns, or as arrays, in their order. */
export type RowSource<Row = unknown> = AsyncIterable<Row | PromiseLike<Row>> | Iterable<Row | PromiseLike<Row>>

/** Rows of a caller, of which the first may be looked at before anybody reads them. */
export class RowReader {
  readonly #source: RowSource
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>
  #first: IteratorResult<unknown> | undefined
  #isOver = false
  #isClosed = false
  /** How many rows there have been, and whether the last of them is still looked at. */
  #rows = 0
  #isInRow = false
  #failure: { readonly cause: unknown; readonly row: number | undefined } | undefined

  /** Throws CopyError (58030) where the source cannot be iterated, such as a web stream that somebody else reads. */
  constructor(source: RowSource) {
    claim(source, 'rows')
    this.#source = source
    try {
      this.#iterator = iterate(source)
    } catch (cause) {
      throw unreadableInput('STDIN', cause)
    }
  }

  /** The first row, or undefined where there is none. Rejects with what the source throws, and when `signal` aborts. */
  async first(signal: AbortSignal | undefined): Promise<unknown> {
    this.#first = await untilAborted(this.#next(), signal)
    return this.#first.done ? undefined : this.#first.value
  }

  /** A row may be promised, as for `for await`. */
  async #next(): Promise<IteratorResult<unknown>> {
    this.#isInRow = false
    const step = this.#counted(await this.#iterator.next())
    return isPromise(step.value) ? { ...step, value: await step.value } : step
  }

  #counted(given: unknown): IteratorResult<unknown> {
    const step = checkStep(given)
    this.#isInRow = step.done !== true
    if (this.#isInRow) this.#rows += 1
    return step
  }

  /** Number of the row that is looked at, from 1; undefined between two of them. */
  get row(): number | undefined {
    return this.#isInRow ? this.#rows : undefined
  }

  /** What has ended the rows early: what the source, or a row, has thrown. */
  get failure(): { readonly cause: unknown; readonly row: number | undefined } | undefined {
    return this.#failure
  }

  fail(cause: unknown): void {
    this.#failure = { cause, row: this.row }
  }

  /** The rows as a stream of bytes. To be called once; rows are read only as the bytes are. */
  written(text: RowText): AsyncIterable<Uint8Array> {
    const batches = new Batches(this, text)
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => batches.next(),
        return: async () => {
          this.close()
          return { done: true, value: undefined }
        },
      }),
    }
  }

  /** Whether the source never waits. */
  get isSync(): boolean {
    return !(Symbol.asyncIterator in this.#source) && !(this.#source instanceof ReadableStream)
  }

  /** The next step of a source that does not wait. */
  stepNow(): IteratorResult<unknown> {
    const first = this.#first
    this.#first = undefined
    if (!first) this.#isInRow = false
    const step = first ?? this.#counted((this.#iterator as Iterator<unknown>).next())
    this.#isOver ||= step.done === true
    return step
  }

  /** The next step of any source. */
  async step(): Promise<IteratorResult<unknown>> {
    const first = this.#first
    this.#first = undefined
    const step = first ?? (await this.#next())
    this.#isOver ||= step.done === true
    return step
  }

  /** Lets go of the source, whatever it is waiting for. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSource(this.#source, this.#iterator, this.#isOver || this.#first?.done === true)
  }
}

function checkStep(step: unknown): IteratorResult<unknown> {
  if (typeof step === 'object' && step !== null) return step as IteratorResult<unknown>
  throw new TypeError('the rows are no iterator: its next() gave no result')
}

type Batch = IteratorResult<Uint8Array, undefined>

/** Writes rows until there are enough of them, or no more. */
class Batches {
  readonly #reader: RowReader
  readonly #text: RowText
  #isOver = false

  constructor(reader: RowReader, text: RowText) {
    this.#reader = reader
    this.#text = text
  }

  async next(): Promise<Batch> {
    const text = this.#text
    try {
      while (!this.#isOver && !text.isFull) {
        const step = this.#reader.isSync ? this.#reader.stepNow() : await this.#reader.step()
        const row = isPromise(step.value) ? await step.value : step.value
        if (step.done) this.#isOver = true
        else text.add(row)
      }
    } catch (cause) {
      // The rows before it come first.
      this.#isOver = true
      this.#reader.fail(cause)
    }
    if (!text.isEmpty) return { done: false, value: text.take() }
    const { failure } = this.#reader
    if (failure) throw failure.cause
    return { done: true, value: undefined }
  }
}
