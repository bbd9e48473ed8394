import { CopyError } from '../errors.ts'
import type { Chunk } from '../native/load.ts'
import { type ArrowBatch, type ArrowTable, apacheArrow, BatchMaker } from './arrow.ts'
import { ColumnMaker, emptyValues, GrowingColumn, type ReadColumn, type ReadValue, type ValueForms } from './columns.ts'
import { formsOf, type ReadOptions } from './options.ts'
import { Pass, type Wanted } from './pass.ts'
import type { ReadReceipt } from './receipt.ts'
import { rowsOf } from './rows.ts'

/**
 * Rows of an input, in one of several forms: one of these methods is called, once. Nothing is read before that.
 *
 * Iterations read ahead by a bounded number of batches, and wait for whoever takes them. Leaving one early (`break`, `return`, an error)
 * stops all threads and closes file or stream. Errors are those of a load: {@link CopyError} with SQLSTATE, line and column; all rows before
 * the one in error are handed out first.
 */
export class Reading {
  readonly #text: string
  readonly #options: ReadOptions
  #isTaken = false
  #receipt: ReadReceipt | undefined

  /** @internal */
  constructor(text: string, options: ReadOptions) {
    this.#text = text
    this.#options = options
  }

  /** What the reading came to: when all rows have been handed out; undefined before, and where it was left early or failed. */
  get receipt(): ReadReceipt | undefined {
    return this.#receipt
  }

  /** The rows as plain objects, with the columns' names as keys; see {@link ReadColumn.values} for what values are, booleans and null besides. */
  rows<Row = Record<string, ReadValue>>(): AsyncIterableIterator<Row> {
    const forms = formsOf(this.#options, 'date')
    const pass = this.#pass({ sink: 'values', givesAway: false })
    const make = maker(pass, forms)
    const each = this.#each(pass, (chunk) => {
      const columns = columnsOf(make(), chunk)
      return rowsOf(columns, columns[0]?.length ?? chunk.rows)
    })
    return each as AsyncIterableIterator<Row>
  }

  /** All rows by their columns. */
  async columns(): Promise<ReadColumn[]> {
    const forms = formsOf(this.#options, 'number')
    const pass = this.#pass({ sink: 'values', givesAway: false })
    const make = maker(pass, forms)
    let growing: GrowingColumn[] | undefined
    await this.#whole(pass, (chunk) => {
      growing ??= pass.columns.map((column) => new GrowingColumn(column))
      const total = pass.expectedRows
      for (const [index, part] of make()
        .parts(chunk.buffer, chunk.nodes ?? [])
        .entries()) {
        growing[index]?.push(part, total)
      }
    })
    growing ??= pass.columns.map((column) => new GrowingColumn(column))
    return growing.map((column, index) =>
      column.finish(emptyValues(pass.columns[index]?.type ?? { kind: 'text' }, forms)),
    )
  }

  /** The rows by their columns, some thousand at a time. The arrays are the caller's. */
  columnBatches(): AsyncIterableIterator<ReadColumn[]> {
    const forms = formsOf(this.#options, 'number')
    const pass = this.#pass({ sink: 'values', givesAway: true })
    const make = maker(pass, forms)
    return this.#each(pass, (chunk) => {
      const columns = columnsOf(make(), chunk)
      return columns[0]?.length === 0 ? [] : [columns]
    })
  }

  /**
   * The rows as record batches of the package `apache-arrow`, which has to be installed. Say which type that is, since this package does
   * without it: `batches<RecordBatch>()`.
   */
  batches<Batch = ArrowBatch>(): AsyncIterableIterator<Batch> {
    const pass = this.#pass({ sink: 'ipc', givesAway: true })
    const make = batchMaker().then((maker) => (chunk: Chunk) => [maker.batch(chunk.buffer) as Batch])
    // It is looked at when a batch is asked for.
    make.catch(() => {})
    return this.#each(pass, make)
  }

  /** All rows as a table of the package `apache-arrow`: `table<Table>()`. */
  async table<Table = ArrowTable>(): Promise<Table> {
    const pass = this.#pass({ sink: 'ipc', givesAway: true })
    const maker = await batchMaker().catch(async (error) => {
      await pass.close()
      throw error
    })
    const batches: ArrowBatch[] = []
    await this.#whole(pass, (chunk) => {
      batches.push(maker.batch(chunk.buffer))
    })
    return maker.table(batches, () => pass.empty()) as Table
  }

  /**
   * The rows as the bytes of an Arrow IPC stream: its schema, a message for each batch, its end. Every library of Arrow reads it, and a
   * worker can be given them by `transfer`.
   */
  ipc(): AsyncIterableIterator<Uint8Array> {
    const pass = this.#pass({ sink: 'ipc', givesAway: true })
    let isFirst = true
    const make = ({ buffer, schemaBytes = 0 }: Chunk) => {
      const bytes = transferable(isFirst ? buffer : buffer.subarray(schemaBytes))
      isFirst = false
      return [bytes]
    }
    return this.#each(pass, make, () => [transferable(isFirst ? pass.empty() : END_OF_STREAM)])
  }

  #pass(wanted: Wanted): Pass {
    if (this.#isTaken) {
      throw new CopyError({
        code: 'object_not_in_prerequisite_state',
        sqlState: '55000',
        message: 'a reading hands out its rows once',
        hint: 'Call read() again.',
      })
    }
    this.#isTaken = true
    return new Pass(this.#text, this.#options, wanted)
  }

  /** Reads to the end. */
  async #whole(pass: Pass, take: (chunk: Chunk) => void): Promise<void> {
    try {
      await pass.open()
      for (let chunk = await pass.next(); chunk !== undefined; chunk = await pass.next()) {
        take(chunk)
        chunk.release()
      }
      this.#receipt = await pass.finish()
    } finally {
      await pass.close()
    }
  }

  /** Hands out what is made of the chunks, and of their end. */
  #each<Item>(
    pass: Pass,
    make: Make<Item> | Promise<Make<Item>>,
    end: () => readonly Item[] = () => [],
  ): AsyncIterableIterator<Item> {
    return new Items(pass, make, (receipt) => {
      this.#receipt = receipt
      return end()
    })
  }
}

type Make<Item> = (chunk: Chunk) => readonly Item[]

async function batchMaker(): Promise<BatchMaker> {
  return new BatchMaker(await apacheArrow())
}

/** The end of a stream of Arrow's: a continuation without a message. */
const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)

/** The bytes in memory that JavaScript can detach, which native memory is not. */
function transferable(bytes: Uint8Array): Uint8Array {
  const own = new Uint8Array(Buffer.allocUnsafeSlow(bytes.length).buffer)
  own.set(bytes)
  return own
}

/** Makes the columns of chunks, once the pass is open. */
function maker(pass: Pass, forms: ValueForms): () => ColumnMaker {
  let made: ColumnMaker | undefined
  return () => {
    made ??= new ColumnMaker(
      pass.columns,
      forms,
      (column, from) => pass.texts(column, from),
      (inexact) => pass.refuse(inexact),
    )
    return made
  }
}

function columnsOf(maker: ColumnMaker, { buffer, nodes = [] }: Chunk): ReadColumn[] {
  return maker.columns(buffer, nodes)
}

/**
 * What is made of the chunks, one after the other. No generator: between two items of a chunk nothing is waited for, and a turn of a generator
 * costs three times as much.
 */
class Items<Item> implements AsyncIterableIterator<Item> {
  readonly #pass: Pass
  readonly #making: Make<Item> | Promise<Make<Item>>
  readonly #done: (receipt: ReadReceipt) => readonly Item[]
  /** Once the pass is open. */
  #make: Make<Item> | undefined
  #items: readonly Item[] = []
  #at = 0
  #isOver = false
  /** Calls of `next` that came while one was under way wait for it. */
  #under: Promise<unknown> | undefined

  constructor(pass: Pass, make: Make<Item> | Promise<Make<Item>>, done: (receipt: ReadReceipt) => readonly Item[]) {
    this.#pass = pass
    this.#making = make
    this.#done = done
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#at < this.#items.length && this.#under === undefined) {
      const value = this.#items[this.#at] as Item
      this.#at += 1
      return Promise.resolve({ done: false, value })
    }
    return this.#inTurn(() => this.#refilled())
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.#isOver = true
    this.#items = []
    // Whoever waits for rows is told that there are none.
    return this.#pass.close().then(() => ({ done: true, value: undefined }))
  }

  #inTurn<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#under === undefined ? step() : this.#under.then(step, step)
    const under: Promise<unknown> = result.then(
      () => this.#clear(under),
      () => this.#clear(under),
    )
    this.#under = under
    return result
  }

  #clear(under: Promise<unknown>): void {
    if (this.#under === under) this.#under = undefined
  }

  async #refilled(): Promise<IteratorResult<Item, undefined>> {
    while (this.#at >= this.#items.length) {
      if (this.#isOver) return { done: true, value: undefined }
      try {
        await this.#refill()
      } catch (error) {
        const wasLeft = this.#isOver
        this.#isOver = true
        await this.#pass.close()
        if (wasLeft) return { done: true, value: undefined }
        throw error
      }
    }
    const value = this.#items[this.#at] as Item
    this.#at += 1
    return { done: false, value }
  }

  async #refill(): Promise<void> {
    if (this.#make === undefined) {
      const make = await this.#making
      await this.#pass.open()
      this.#make = make
    }
    this.#items = []
    this.#at = 0
    const chunk = await this.#pass.next()
    if (chunk !== undefined) {
      // What is made of it needs it no more, or has it.
      const items = this.#make(chunk)
      chunk.release()
      if (!this.#isOver) this.#items = items
      return
    }
    const receipt = await this.#pass.finish()
    await this.#pass.close()
    if (this.#isOver) return
    this.#isOver = true
    this.#items = this.#done(receipt)
  }
}

/**
 * Reads rows for the program, without a target: `COPY [ ( columns ) ] FROM { 'file' | STDIN } [ WITH ( options ) ]`, with the formats,
 * sources, options and error policies of a load.
 *
 * ```ts
 * for await (const row of read("COPY FROM 'orders.csv' (FORMAT csv, HEADER)").rows()) …
 * const columns = await read("COPY FROM 'flights.parquet' (FORMAT parquet)").columns()
 * ```
 *
 * Without `columns` the types are those that all values of the input prove, for which it is read twice, a stream from memory or a temporary
 * file; Parquet and Arrow files tell theirs.
 */
export function read(statement: string, options: ReadOptions = {}): Reading {
  return new Reading(statement, options)
}
