import { CopyError } from './errors.ts'
import { isSameHeader } from './header.ts'
import { readPage } from './history.ts'
import type { Ledger } from './ledger/ledger.ts'
import { checkLoadId, findLoad, openLedger } from './ledger/open.ts'
import type { RecordedReject } from './ledger/records.ts'
import type { Chunk, LoadColumn, LoadCounters, NativeLoad, NativeReject, RowPlace } from './native/load.ts'
import { type Known, Spool, type TakeRejects } from './native/open.ts'
import { inEncoding, toUtf8 } from './native/text.ts'
import { partitionsOf } from './partitions.ts'
import { shownAddress } from './path.ts'
import type { Receipt, ReceiptFile } from './receipt.ts'
import { flawOf, protect, recordEnd } from './record-shape.ts'
import type { Reject, RejectError } from './rejects.ts'
import {
  checkEncoding,
  checkLineage,
  checkLoad,
  ofOtherOrder,
  unmatched,
  unnumbered,
  unvalidatable,
} from './replay-checks.ts'
import { type CopyFrom, type CopyOptions, type CopyRejects, type Name, uncompressed } from './statement/ast.ts'
import { refusePending } from './statement/execution.ts'
import { printTable } from './statement/printing.ts'
import { reparseWith } from './statement/rejects.ts'
import type { Target } from './target/target.ts'

/*
 * How refused rows are loaded once more
 *
 * Their bytes are put together again as an input of their own: below a header line that says nothing, since nothing of what is special about the
 * beginning of an input (a byte order mark, the line end that counts from then on) is to befall a row, each with a line feed behind it,
 * or with the line end that the statement tells.
 * They are read from the ledger before the load begins, in the same transaction, since one connection may be all there is, into memory
 * up to a limit and then into a file. A row that would not be a record of its own there, because of a quote that is not closed, is
 * refused without being tried: it would swallow its neighbours.
 *
 * What is loaded is known by where in that input it begins. Only when every row has been seen exactly once, loaded or refused, are
 * those that were not refused marked as resolved.
 */

/** Rows that are marked by one statement. */
const MARKED_AT_ONCE = 10_000

/** A refused row that is tried again. */
interface Origin extends Pick<Reject, 'number' | 'file' | 'line' | 'lastLine' | 'byteOffset' | 'byteLength'> {
  /** Where it begins in the input that is read now; -1 if it is not in there. */
  readonly at: number
}

/** What the receipt says of it. */
type Resolution = Required<Pick<Receipt, 'replayOf' | 'rowsResolved' | 'rowsCut' | 'rowsUnrecorded'>>

/**
 * Looks for the load whose rows are to be loaded, in the database of the table they are to go to, and makes the statement.
 *
 * @throws {CopyError} 42P01, 22P02, 22023 or 55000 when there is nothing to load or nothing to load it into.
 */
export async function openReplay(
  target: Target,
  rejects: CopyRejects,
  call: { readonly signal?: AbortSignal; readonly stdin?: unknown; readonly rows?: unknown; readonly ledger?: boolean },
): Promise<Replay> {
  const { text, offset, table } = rejects
  const place = { text, offset }
  const loadId = checkLoadId(rejects.loadId, place)
  if (call.stdin !== undefined) throw invalid('the option "stdin" is only for COPY FROM STDIN')
  if (call.rows !== undefined) throw invalid('the option "rows" is only for COPY FROM STDIN')
  if (call.ledger === false) throw invalid('COPY REJECTS needs the record of loads, which the option "ledger" forbids')
  const transaction = await target.begin(call.signal, 0)
  try {
    const description = await transaction.describe(table)
    if (description === undefined) {
      throw new CopyError({
        code: 'undefined_table',
        sqlState: '42P01',
        message: `relation "${printTable(table, { quote: false })}" does not exist`,
        hint: 'Create the table first: refused rows do not tell its columns.',
        statement: { text, offset: table.name.offset },
      })
    }
    const ledger = await openLedger(transaction.ledger(description.catalog))
    const load = await findLoad(ledger, loadId, { statement: place })
    const [first] = await ledger.readRejects(loadId, 0, 1)
    await transaction.commit()
    checkLoad(loadId, load, place)
    const statement = reparseWith(load.statement, rejects)
    refusePending(statement)
    if (statement.options.validateOnly) throw unvalidatable(place)
    const { encoding, mapByName } = statement.options
    const { encoding: found, fields, files = [] } = load.receipt ?? {}
    const isKnown = encoding === 'UTF16' && found !== undefined && /^UTF16[BL]E$/.test(found)
    const options = isKnown ? { ...statement.options, encoding: found } : statement.options
    checkEncoding(options.encoding, place)
    if (mapByName && fields === undefined) throw unmatched(place)
    checkLineage(options, place)
    return new Replay(
      rejects,
      loadId,
      { ...statement, options },
      {
        first: first?.file,
        fields: mapByName === true || statement.dialect?.name === 'questdb' ? fields : undefined,
        files,
      },
    )
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

/** One `COPY REJECTS`: what differs from any other load. */
export class Replay {
  /** The statement as it was given. */
  readonly text: string
  readonly loadId: string
  /** The statement that is run. Its text is not the one that was given, but the places in it are of its own text. */
  readonly statement: CopyFrom
  /** What the input is called: of rows of several files as the statement calls these. */
  readonly file: string
  /** The names of the header that the rows were below, where it tells which field is of which column. */
  readonly header: readonly string[] | undefined
  /** The file of the first row. */
  readonly #first: string | undefined
  /** The names in the headers of those whose fields stand in another order than the header says. */
  readonly #fieldsOf: ReadonlyMap<string, readonly string[]>
  /** In which order the rows have their fields that are read, and from where on, if not all of them in that of the header. */
  #order: readonly string[] | undefined
  #orders: { readonly start: number; readonly fields: readonly string[] }[] = []
  /** The files of the rows, by their numbers, and of which of them each row is that is read. */
  #files = new Map<string, number>()
  #fileOf: number[] = []
  /** How many records came before each row that is read, where records have numbers. */
  #recordsBefore: number[] = []
  /** Where each row that is read stood. */
  #lines: number[] = []
  #offsets: number[] = []
  /** In the order of the input. */
  #origins: Origin[] = []
  /** Those that are read, by where they begin. */
  #starts = new Map<number, number>()
  /** By their numbers in `#origins`: whether a row has left the decoder. */
  #seen = new Uint8Array(0)
  #seenRows = 0
  /** Records that are none of the rows. */
  #strangers = 0
  /** Rows that are refused without being tried, in the order of the input. */
  #untried: NativeReject[] = []
  /** Those that have been told. */
  #untriedRows = 0
  /** Why rows have been refused now, by their numbers in the original load. */
  #refused = new Map<number, readonly RejectError[]>()
  #cut = 0
  /** Rows of the load that are in no ledger. */
  #unrecorded = 0
  #thrown: unknown

  constructor(
    rejects: CopyRejects,
    loadId: string,
    statement: CopyFrom,
    {
      first,
      fields,
      files,
    }: {
      readonly first: string | undefined
      readonly fields: readonly string[] | undefined
      readonly files: readonly ReceiptFile[]
    },
  ) {
    const { source, options } = statement
    this.header = fields
    this.#first = first
    this.#fieldsOf = new Map(files.flatMap(({ path, fields }) => (fields ? [[path, fields]] : [])))
    this.text = rejects.text
    this.loadId = loadId
    // Without a row there is no path either.
    const keys = first === undefined || !options.hivePartitioning ? undefined : partitionsOf(statement, [first]).keys
    const partitions = keys?.map((value): Name => ({ value, quoted: true, offset: source.offset }))
    this.statement = { ...statement, options: { ...options, createTable: false, ...(partitions && { partitions }) } }
    const isOne = first !== undefined && files.length <= 1
    this.file = isOne ? first : source.kind === 'file' ? shownAddress(source.path) : 'STDIN'
  }

  /** What is known of the files that the rows are of, for columns that hold it. After {@link read}. */
  get known(): Known {
    const names = [...this.#files.keys()]
    return {
      origins: { names, records: this.#fileOf },
      orders: this.#orders,
      ...(this.statement.options.partitions && { partitions: partitionsOf(this.statement, names).values }),
    }
  }

  /** What the decoder is told. */
  get options(): CopyOptions {
    const { skip: _, ...options } = this.statement.options
    return uncompressed({ ...options, header: 'true' })
  }

  /**
   * Reads the rows from the ledger. Nobody else loads them until this transaction has ended.
   *
   * @param header The names by which fields belong to columns; undefined where their places say that.
   */
  async read(
    ledger: Ledger,
    memoryLimit: number,
    { signal, header }: { readonly signal?: AbortSignal | undefined; readonly header: readonly string[] | undefined },
  ): Promise<Spool> {
    this.#order = header
    this.#origins = []
    this.#recordsBefore = []
    this.#lines = []
    this.#offsets = []
    // The columns of keys are in the order of the first path.
    this.#files = new Map(this.#first === undefined ? [] : [[this.#first, 0]])
    this.#orders = []
    this.#fileOf = []
    this.#starts = new Map()
    this.#untried = []
    this.#untriedRows = 0
    this.#refused = new Map()
    this.#seenRows = 0
    this.#strangers = 0
    this.#cut = 0
    const { rowsRejected } = await findLoad(ledger, this.loadId, { locked: true })
    this.#unrecorded = rowsRejected - (await ledger.countRejects(this.loadId))
    const spool = new Spool(memoryLimit)
    try {
      // The signal ends the reading between two statements, not in the midst of one.
      await spool.fill(this.#records(ledger, signal), this.file, undefined)
    } catch (error) {
      spool.dispose()
      throw error
    }
    this.#seen = new Uint8Array(this.#origins.length)
    return spool
  }

  async *#records(ledger: Ledger, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    const lineEnd = this.#lineEnd
    const first = Buffer.concat([this.#header, lineEnd])
    yield first
    let at = first.length
    for (let after = 0; ; ) {
      const page = await readPage(ledger, this.loadId, after, { numbered: true })
      if (signal?.aborted) throw signal.reason
      const last = page.at(-1)
      if (last === undefined) return
      after = last.number
      const parts: Buffer[] = []
      for (const reject of page) {
        if (!this.#take(reject, at)) continue
        const raw = this.#protect(reject.raw)
        parts.push(raw, lineEnd)
        at += raw.length + lineEnd.length
      }
      if (parts.length > 0) yield Buffer.concat(parts)
    }
  }

  /** What is in the first line: nothing, or something that means nothing where empty lines are passed over. */
  get #header(): Buffer {
    const { skipBlankLines, quote, escape: escaping, eol = '', encoding } = this.statement.options
    const letter = ['-', '_', '#', '~'].find((each) => ![quote, escaping].includes(each) && !eol.includes(each))
    return skipBlankLines && letter ? inEncoding(letter, encoding) : Buffer.alloc(0)
  }

  /** What stands behind every record, and behind the first line. */
  get #lineEnd(): Buffer {
    return inEncoding(recordEnd(this.statement.options), this.statement.options.encoding)
  }

  /** The record as it is to be written. */
  #protect(raw: Buffer): Buffer {
    const { options } = this.statement
    const text = toUtf8(raw, options.encoding)
    const added = protect(text, options).length - text.length
    return added === 0 ? raw : Buffer.concat([raw, inEncoding('\\', options.encoding)])
  }

  /** Whether a row is to be read, which would then begin at `at`. */
  #take(reject: RecordedReject, at: number): boolean {
    if (reject.rawIsCut) {
      this.#cut += 1
      return false
    }
    const { number, file, line, lastLine, byteOffset, byteLength, raw } = reject
    const { options } = this.statement
    const flaw = flawOf(toUtf8(raw, options.encoding), options)
    if (flaw !== undefined && options.errors.structure === 'stop') {
      throw new CopyError({
        code: 'bad_copy_file_format',
        sqlState: '22P04',
        ...flaw,
        position: { file, line: lastLine, byteOffset },
        context: `COPY ${this.statement.table.name.value}, line ${lastLine}`,
      })
    }
    this.#origins.push({ number, file, line, lastLine, byteOffset, byteLength, at: flaw === undefined ? at : -1 })
    if (flaw === undefined) {
      this.#starts.set(at, this.#origins.length - 1)
      if (options.sequence !== undefined) {
        if (reject.recordsBefore === undefined) throw unnumbered('They were refused by a load without SEQUENCE.')
        this.#recordsBefore.push(reject.recordsBefore)
      }
      const files = this.#files
      if (!files.has(file)) files.set(file, files.size)
      this.#fileOf.push(files.get(file) ?? 0)
      this.#note(file, at)
      this.#lines.push(line)
      this.#offsets.push(byteOffset)
      return true
    }
    const { message } = flaw
    const flaws = [{ code: 'bad_copy_file_format', sqlState: '22P04', message }]
    this.#untried.push({
      file,
      position: number,
      line,
      lastLine,
      byteOffset,
      byteLength,
      flaws,
      raw,
      isCut: false,
      isMended: false,
      recordsBefore: 0,
    })
    return false
  }

  /** Notes where the rows begin of a file whose fields stand in another order than those of the one before. */
  #note(file: string, at: number): void {
    const last = this.#order
    const fields = this.#fieldsOf.get(file) ?? (last && this.header)
    if (fields === undefined) return
    if (last === undefined) throw ofOtherOrder(file)
    if (isSameHeader(fields, last)) return
    this.#order = fields
    this.#orders.push({ start: at, fields })
  }

  /** The load as everybody else sees it: rows are where they were in the original input. */
  watch(native: NativeLoad, take: TakeRejects): NativeLoad {
    const replay = this
    let handed = 0
    return {
      ...(native.maxHeld !== undefined && { maxHeld: native.maxHeld }),
      async next(): Promise<Chunk | undefined> {
        const chunk = await native.next().catch((error: unknown) => {
          // What was thrown by who was told of rows is placed already.
          throw error === replay.#thrown ? error : replay.#placed(error)
        })
        if (chunk === undefined) {
          if (replay.#untriedRows < replay.#untried.length) replay.#tell([], take, Number.POSITIVE_INFINITY)
          return undefined
        }
        for (let row = 0; row < chunk.rows; row += 1) replay.#see(native.locate(handed + row)?.byteOffset)
        handed += chunk.rows
        return chunk
      },
      counters: () => replay.#counters(native.counters()),
      fieldsOf: (file) => replay.#fieldsOf.get(file),
      files: () => (native.files?.() ?? []).map((file) => ({ ...file, ...replay.#counters(file), file: replay.file })),
      locate: (row) => {
        const place = native.locate(row)
        return place && replay.#placeOf(place)
      },
      records: (rows, limit) =>
        (native.records?.(rows, limit) ?? []).map(
          (found) => found && { ...found, place: replay.#placeOf(found.place) },
        ),
      settle: (row) => native.settle?.(row),
      isFull: () => native.isFull?.() === true,
      setThreads: (threads) => native.setThreads?.(threads),
      serve: (window, signature, segments) => native.serve?.(window, signature, segments),
      close: () => native.close(),
    }
  }

  /** Columns whose values are numbers or places of the records get those that the rows had. After {@link read}. */
  numbered(columns: readonly LoadColumn[]): LoadColumn[] {
    const listed = (records: readonly number[]) => ({ start: 0n, increment: 1n, records })
    return columns.map((column) => {
      if (column.sequence) return { ...column, sequence: { ...column.sequence, records: this.#recordsBefore } }
      const { lineage, ...rest } = column
      if (lineage === 'line') return { ...rest, sequence: listed(this.#lines) }
      return lineage === 'offset' ? { ...rest, sequence: listed(this.#offsets) } : column
    })
  }

  /** Tells of rows that the decoder refuses as rows of the original input. */
  taking(take: TakeRejects): TakeRejects {
    return (rejects) => {
      const placed = rejects.map((reject) => {
        // A row whose values are replaced is loaded all the same, and seen then.
        const origin = reject.isMended ? this.#originAt(reject.byteOffset) : this.#see(reject.byteOffset)
        if (origin === undefined) return reject
        const { number, file, line, lastLine, byteOffset, byteLength } = origin
        return { ...reject, file, position: number, line, lastLine, byteOffset, byteLength }
      })
      try {
        return this.#tell(placed, take, placed.at(-1)?.position ?? 0)
      } catch (error) {
        this.#thrown = error
        throw error
      }
    }
  }

  /** Tells of refused rows, and of those that have not been tried up to a number. */
  #tell(rejects: NativeReject[], take: TakeRejects, upTo: number): boolean {
    const start = this.#untriedRows
    const isDue = (next: NativeReject | undefined) => next !== undefined && next.position <= upTo
    while (isDue(this.#untried[this.#untriedRows])) this.#untriedRows += 1
    const untried = this.#untried.slice(start, this.#untriedRows)
    return take([...rejects, ...untried].sort((a, b) => a.position - b.position))
  }

  /** Notes why a row is refused, and gives it as the one it is in the original load. */
  noting(): (reject: Reject) => Reject {
    let index = 0
    let places: Map<string, Origin[]> | undefined
    return (reject) => {
      const { file, byteOffset, errors } = reject
      const isIt = (origin: Origin | undefined) => origin?.byteOffset === byteOffset && origin.file === file
      // They come in the order of the input, but for some at its end. One that was never there is counted as a stranger.
      let found = index
      while (places === undefined && found < this.#origins.length && !isIt(this.#origins[found])) found += 1
      let origin = places === undefined ? this.#origins[found] : undefined
      if (origin !== undefined) index = found + 1
      else {
        // A file that was read twice has two rows of each place.
        places ??= this.#untold()
        origin = places.get(`${byteOffset} ${file}`)?.shift()
      }
      this.#refused.set(origin?.number ?? -1, errors)
      return origin === undefined ? reject : { ...reject, number: origin.number, file: origin.file }
    }
  }

  /** Rows that have not been refused, by their places: a file that was read twice has two of each. */
  #untold(): Map<string, Origin[]> {
    const places = new Map<string, Origin[]>()
    for (const origin of this.#origins) {
      if (this.#refused.has(origin.number)) continue
      const place = `${origin.byteOffset} ${origin.file}`
      const there = places.get(place)
      if (there === undefined) places.set(place, [origin])
      else there.push(origin)
    }
    return places
  }

  /**
   * Marks what has been loaded, before the commit.
   *
   * @param passedOver Rows that WHEN passes over now.
   */
  async finish(ledger: Ledger, byLoadId: string, passedOver: number): Promise<Resolution> {
    const { sequence, lineage, partitions } = this.statement.options
    const isSeveral = this.#files.size > 1
    const counted = [
      [sequence !== undefined, 'numbers of SEQUENCE'],
      [
        lineage?.some(({ of }) => of === 'line' || of === 'offset' || (of === 'file' && isSeveral)),
        'places of LINEAGE',
      ],
      [partitions !== undefined && isSeveral, 'values of HIVE_PARTITIONING'],
    ] as const
    const [, word] = counted.find(([isGiven]) => isGiven) ?? []
    if (passedOver > 0 && word !== undefined) {
      throw unnumbered('WHEN passes over some of them, which then count for none.', word)
    }
    const resolved: number[] = []
    const refused: Pick<Reject, 'number' | 'errors'>[] = []
    for (const { number } of this.#origins) {
      const errors = this.#refused.get(number)
      if (errors === undefined) resolved.push(number)
      else refused.push({ number, errors })
    }
    const seen = this.#seenRows + passedOver
    if (this.#strangers > 0 || seen !== this.#starts.size || refused.length !== this.#refused.size) {
      throw new CopyError({
        code: 'internal_error',
        sqlState: 'XX000',
        message: `the ${this.#starts.size} refused rows were read as ${seen + this.#strangers} rows`,
        detail: 'Which of them have been loaded cannot be told.',
        hint: 'Nothing was loaded. This is a defect of copyist.',
      })
    }
    let marked = 0
    for (let start = 0; start < resolved.length; start += MARKED_AT_ONCE) {
      marked += await ledger.markResolved(this.loadId, resolved.slice(start, start + MARKED_AT_ONCE), byLoadId)
    }
    if (marked !== resolved.length) {
      throw new CopyError({
        code: 'serialization_failure',
        sqlState: '40001',
        message: `the refused rows of load "${this.loadId}" were loaded by another session meanwhile`,
        hint: 'Nothing was loaded. Run the statement again for what is left.',
      })
    }
    await ledger.refuseAgain(this.loadId, refused)
    return { replayOf: this.loadId, rowsResolved: marked, rowsCut: this.#cut, rowsUnrecorded: this.#unrecorded }
  }

  /** A record begins at this offset of the input. */
  #see(at: number | undefined): Origin | undefined {
    const index = at === undefined ? undefined : this.#starts.get(at)
    if (index === undefined || this.#seen[index] !== 0) {
      this.#strangers += 1
      return undefined
    }
    this.#seen[index] = 1
    this.#seenRows += 1
    return this.#origins[index]
  }

  #counters<Counters extends LoadCounters>(counters: Counters): Counters {
    const first = this.#header.length + this.#lineEnd.length
    return {
      ...counters,
      bytesRead: Math.max(0, counters.bytesRead - first),
      ...(counters.bytesTotal !== undefined && { bytesTotal: counters.bytesTotal - first }),
      rowsRead: counters.rowsRead + this.#untriedRows,
      rowsRefused: counters.rowsRefused + this.#untriedRows,
      headerLines: 0,
      linesSkipped: 0,
    }
  }

  #originAt(at: number | undefined): Origin | undefined {
    return at === undefined ? undefined : this.#origins[this.#starts.get(at) ?? -1]
  }

  #placeOf(place: RowPlace): RowPlace {
    const origin = this.#originAt(place.byteOffset)
    if (origin === undefined) return place
    const { number, file, line, lastLine, byteOffset, byteLength } = origin
    return { file, position: number, unit: 'line', firstLine: line, line: lastLine, byteOffset, byteLength }
  }

  /** An error of the decoder, where its row was in the original input. */
  #placed(error: unknown): unknown {
    if (!(error instanceof CopyError)) return error
    const { byteOffset, line } = error.position
    const origin = this.#originAt(byteOffset)
    if (origin === undefined) return error
    const { code, sqlState, message, detail, hint, statement, cause } = error
    const { file, lastLine } = origin
    const position = { ...error.position, file, line: lastLine, byteOffset: origin.byteOffset }
    const context = error.context?.replace(`, line ${line}`, `, line ${lastLine}`)
    return new CopyError({ code, sqlState, message, detail, hint, statement, cause, position, context })
  }
}

function invalid(message: string): CopyError {
  return new CopyError({ code: 'invalid_parameter_value', sqlState: '22023', message })
}
