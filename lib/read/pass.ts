import { Connections } from '../access/connections.ts'
import { AccessPolicy } from '../access/policy.ts'
import { checkBalance, filesOf } from '../balance.ts'
import { commonSchema } from '../common-schema.ts'
import { checkedLimits } from '../copy-call.ts'
import { isCancelled, placed } from '../copy-errors.ts'
import { checkDelimiter } from '../delimiter.ts'
import { CopyError } from '../errors.ts'
import { looksLikeHeader } from '../header.ts'
import { decodedBy, notesOf } from '../load-columns.ts'
import { columnsOfSchema } from '../load-plan.ts'
import { madeColumns } from '../made-columns.ts'
import { loadAddon } from '../native/addon.ts'
import { type Chunk, type NativeLoad, positionOf, type ReadSinkKind } from '../native/load.ts'
import {
  DEFAULT_SESSION,
  emptyIpc,
  type Input,
  type LoadLimits,
  type LoadPlan,
  openLoad,
  peekHeader,
  type Rereadable,
  readHead,
  readRemoteSchema,
  type SchemaColumn,
  Spool,
  splitOf,
} from '../native/open.ts'
import { hold } from '../native/pump.ts'
import { partitioned } from '../partitions.ts'
import { reportProgress } from '../progress.ts'
import type { ReceiptCounts } from '../receipt.ts'
import { RejectLog } from '../reject-log.ts'
import { copyHere, type LocalCopies } from '../remote-copies.ts'
import { abandonInput, closeFiles, discard, inputFile, openSource } from '../source.ts'
import { type CopyFrom, isColumnar, type StatementNote } from '../statement/ast.ts'
import { statementError } from '../statement/diagnostics.ts'
import { isTolerant } from '../statement/error-policy.ts'
import { refusePending } from '../statement/execution.ts'
import { parseStatement } from '../statement/parser.ts'
import { fieldNamed, fieldsNamed, madeNames, missingField, planColumns } from '../statement/plan.ts'
import { proveColumns } from '../table-columns.ts'
import { plainColumn, type TableDescription, type TargetColumn } from '../target/target.ts'
import type { Inexact, Source } from './columns.ts'
import { checkReadOptions, type ReadOptions, readAborted, refuseOfTargets } from './options.ts'
import type { ReadReceipt } from './receipt.ts'
import { inNanoseconds, isOfNanoseconds, nameOfType, typeNamed } from './types.ts'

/** Tiles end with a record, and so are shorter than they may be. */
const ROOM = 1.02
/** Digits that every number of 32 bits has room for. */
const INT4_DIGITS = 9
const MICROS = 1000n
const EPOCH_2000 = BigInt(Date.UTC(2000, 0, 1))

/** What chunks are to be. */
export interface Wanted {
  readonly sink: ReadSinkKind
  /** Whether the memory of chunks is handed out. */
  readonly givesAway: boolean
}

/** One reading of one input, from its statement to its receipt. */
export class Pass {
  readonly #text: string
  readonly #options: ReadOptions
  readonly #wanted: Wanted
  readonly #started = performance.now()
  #statement: CopyFrom | undefined
  #source: Input | undefined
  #input: Input | undefined
  #spool: Spool | undefined
  /** Objects of other machines that had to be read more than once. */
  #copies: LocalCopies | undefined
  #native: NativeLoad | undefined
  #log: RejectLog | undefined
  #progress: { stop(): void } | undefined
  #plan: LoadPlan | undefined
  #columns: readonly Source[] = []
  #notes: readonly StatementNote[] = []
  #limits: LoadLimits = { threads: 1, memoryLimit: 0 }
  #headerDetected: boolean | undefined
  #rows = 0
  #chunks = 0
  /** Of the last chunk. */
  #chunkRows = 0
  /** What is wrong with a row of it. */
  #refusal: CopyError | undefined
  /** Rows that the input is known to have. */
  #knownRows: number | undefined
  #opening: Promise<void> | undefined
  #released: Promise<void> | undefined
  /** Stopped by the caller's signal, or since it was left. */
  readonly #stop = new AbortController()
  readonly #onAbort = () => {
    this.#stop.abort(this.#options.signal?.reason)
    this.#native?.close().catch(() => {})
  }

  constructor(text: string, options: ReadOptions, wanted: Wanted) {
    this.#text = text
    this.#options = options
    this.#wanted = wanted
    // It may be a while until the first row is asked for.
    hold(options.stdin)
  }

  /** The columns of all chunks, once it is opened. */
  get columns(): readonly Source[] {
    return this.#columns
  }

  /** About how many rows there will be in all, as far as that is known or can be guessed by what there is so far. */
  get expectedRows(): number {
    if (this.#knownRows !== undefined) return Math.max(this.#knownRows, this.#rows)
    const { bytesTotal = 0 } = this.#native?.counters() ?? {}
    // What is read is ahead of what has been handed out, which is about a tile a chunk.
    const { tileSize } = splitOf(this.#limits, this.#wanted.sink, this.#plan?.options.format ?? 'csv')
    return this.#rows * Math.max(1, (bytesTotal / (this.#chunks * tileSize)) * ROOM)
  }

  /** Texts of a column's dictionary. */
  texts(column: number, from: number): readonly string[] {
    return this.#native?.texts?.(column, from) ?? []
  }

  /** Finds out what is to be read, and begins. */
  open(): Promise<void> {
    const { signal } = this.#options
    if (signal?.aborted) this.#onAbort()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#opening = this.#open()
    return this.#opening.catch(async (error) => {
      throw await this.#failed(error)
    })
  }

  /** The next chunk that has rows; undefined at the end. It is to be released before the next one is asked for. */
  async next(): Promise<Chunk | undefined> {
    const { signal } = this.#stop
    const native = this.#native
    if (native === undefined) throw new TypeError('a reading is not open')
    try {
      for (;;) {
        if (signal.aborted) throw readAborted(signal)
        if (this.#refusal !== undefined) throw this.#refusal
        const chunk = await native.next()
        if (signal.aborted) throw readAborted(signal)
        if (chunk === undefined) return undefined
        if (chunk.rows === 0) {
          chunk.release()
          continue
        }
        this.#rows += chunk.rows
        this.#chunkRows = chunk.rows
        this.#chunks += 1
        return chunk
      }
    } catch (error) {
      throw await this.#failed(error)
    }
  }

  /** Ends the reading before a row of the last chunk, with an integer that was to be a number. */
  refuse({ row, column, value }: Inexact): void {
    const place = this.#native?.locate(this.#rows - this.#chunkRows + row)
    this.#refusal = new CopyError({
      code: 'numeric_value_out_of_range',
      sqlState: '22003',
      message: `value "${value}" of column "${column}" is more than a number holds exactly`,
      hint: "Read it with int64: 'bigint', or give the column the type text.",
      position: { ...(place && positionOf(place)), column },
      context: place && `COPY ${place.file}, ${place.unit} ${place.line}, column ${column}: "${value}"`,
    })
  }

  /** An input without rows in Arrow's bytes. */
  empty(): Uint8Array {
    if (this.#plan === undefined) throw new TypeError('a reading is not open')
    return emptyIpc(this.#plan)
  }

  /** Counts everything at the end. */
  async finish(): Promise<ReadReceipt> {
    try {
      return await this.#receipt()
    } catch (error) {
      throw await this.#failed(error)
    }
  }

  /** Lets go of everything: threads, files, the stream; of what is being opened as soon as it is. */
  async close(): Promise<void> {
    this.#stop.abort()
    // A stream that is read to prove types may be silent.
    if (this.#source?.kind === 'stream') discard(this.#source.stream)
    await this.#opening?.catch(() => {})
    await this.#release()
  }

  #release(): Promise<void> {
    this.#released ??= this.#letGo()
    return this.#released
  }

  async #letGo(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#progress?.stop()
    await this.#native?.close()
    this.#spool?.dispose()
    await this.#copies?.dispose()
    const source = this.#source
    // What was handed over is nobody else's to close, even if it was never looked at.
    if (source === undefined) abandonInput(this.#options)
    else if (source.kind === 'stream') discard(source.stream)
    else await closeFiles(source)
    this.#log?.close()
  }

  /** The error as it is told, with everything closed. */
  async #failed(reason: unknown): Promise<unknown> {
    const { signal } = this.#stop
    const log = this.#log
    const statement = this.#statement
    let error = reason
    // What was refused before is handed on all the same; the reading's own error matters more than one of that.
    await log?.finish().catch(() => {})
    // That it was cancelled says nothing of who did it, nor why.
    if (signal.aborted) error = readAborted(signal, isCancelled(error) ? signal.reason : error)
    if (error instanceof CopyError && error === log?.excess) error = await this.#diagnosed(error, log)
    await this.#release().catch(() => {})
    if (error instanceof CopyError && statement && this.#source) return placed(error, statement, this.#source.name)
    return error
  }

  async #diagnosed(error: CopyError, log: RejectLog): Promise<CopyError> {
    const { code, sqlState, message, position, detail, hint, context, statement, cause } = error
    const rejected = await log.diagnose()
    const diagnosis = rejected.length === 0 ? await log.diagnoseReplaced() : rejected
    return new CopyError({ code, sqlState, message, position, detail, hint, context, statement, diagnosis, cause })
  }

  async #open(): Promise<void> {
    const options = this.#options
    const { signal } = this.#stop
    if (signal.aborted) throw readAborted(signal)
    checkReadOptions(this.#text, options)
    const parsed = parseStatement(this.#text, { tableless: true })
    if (parsed.kind !== 'copy from') {
      const message = `${parsed.kind === 'explain' ? 'EXPLAIN' : 'COPY REJECTS'} cannot be read`
      throw statementError(parsed.text, 0, 'feature_not_supported', message, { hint: 'Write COPY FROM … .' })
    }
    refusePending(parsed)
    this.#statement = parsed
    refuseOfTargets(parsed)
    const limits = checkedLimits(options)
    this.#limits = limits
    const access = AccessPolicy.of(options.access)
    access?.checkStatement(parsed)
    const given = options.columns && Object.entries(options.columns)
    const types = given?.map(([name, type]): Source => ({ name, type: typeNamed(name, type) }))
    const source = await openSource(parsed, options, {
      access,
      connections: Connections.of(options.connections),
      memoryLimit: limits.memoryLimit,
      signal,
    })
    if (source.kind === 'rows') throw new TypeError('rows are read already')
    this.#source = source
    const found = partitioned(parsed, source)
    this.#input = found.input
    const statement = await this.#withHeader(found.statement)
    this.#statement = statement
    const { plan, log } = await this.#planned(statement, types)
    if (signal.aborted) throw readAborted(signal)
    const native = openLoad(plan, this.#input)
    this.#native = native
    log.attach(native, false)
    this.#progress = reportProgress(native, options.onProgress, this.#started)
  }

  /** Whether the first line is a header, where that is left open. */
  async #withHeader(statement: CopyFrom): Promise<CopyFrom> {
    if (!statement.options.detectHeader || statement.options.header !== 'false') return statement
    const found = await looksLikeHeader(statement, await this.#kept(statement), this.#limits, this.#stop.signal)
    this.#headerDetected = found.isHeader
    return { ...statement, options: { ...statement.options, header: found.isHeader ? 'true' : 'false' } }
  }

  /** The input as one that can be read more than once. */
  async #kept(statement: CopyFrom): Promise<Rereadable> {
    const input = this.#input
    const { signal } = this.#stop
    if (input === undefined) throw new TypeError('the input is not open')
    if (input.kind === 'remote') {
      this.#copies = await copyHere(input, statement, signal)
      this.#input = this.#copies.input
      return this.#copies.input
    }
    if (input.kind !== 'stream') return input
    // Half of the limit: the other half is for what follows.
    const spool = new Spool(Math.floor(this.#limits.memoryLimit / 2))
    this.#spool = spool
    await spool.fill(input.stream, input.name, signal, statement.options)
    if (signal.aborted) throw readAborted(signal)
    const kept = { kind: 'spool' as const, spool, name: input.name }
    this.#input = kept
    return kept
  }

  async #planned(
    statement: CopyFrom,
    given: readonly Source[] | undefined,
  ): Promise<{ readonly plan: LoadPlan; readonly log: RejectLog }> {
    const { options } = statement
    const call = this.#options
    const { signal } = this.#stop
    const limits = this.#limits
    const name = this.#source?.name ?? ''
    let schema: readonly SchemaColumn[] | undefined
    if (isColumnar(options.format)) {
      if (this.#input?.kind === 'remote') {
        schema = await readRemoteSchema(options.format, this.#input, limits, signal)
      } else {
        const head = await readHead(options.format, await this.#kept(statement))
        schema = head.columns
        this.#knownRows = head.rows
      }
      const input = this.#input
      if (given === undefined && input !== undefined && input.kind !== 'stream') {
        schema = await commonSchema(statement, schema, input, limits, signal)
      }
    }
    const columns = await this.#withMade(statement, given ?? (await this.#found(statement, schema)))
    if (given) {
      checkListed(statement, given)
      checkNanoseconds(statement, given, schema)
      checkLists(statement, given, schema)
    }
    checkDistinct(statement, columns)
    const table: TableDescription = {
      sqlName: name,
      // There is no relation; messages name what is read.
      relationName: name,
      columns: columns.map((column) => plainColumn(column.name, column.type, nameOfType(column.type))),
    }
    let header = schema?.map((column) => column.name)
    if (options.mapByName && header === undefined) {
      header = peekHeader({ options, table: name, limits }, await this.#kept(statement))
    }
    if (given && header && !options.byPosition) checkPresent(statement, given, header)
    const planned = planColumns(
      statement,
      { ...table, isOfInput: given === undefined },
      header?.length === 0 ? undefined : header,
    )
    this.#notes = notesOf(statement, table, planned, true)
    const decoded = {
      ...decodedBy(statement, table, planned, false),
      session: { ...DEFAULT_SESSION, now: (BigInt(Date.now()) - EPOCH_2000) * MICROS },
    }
    const chosen = planned.columns.flatMap((index): TargetColumn[] => {
      const column = table.columns[index]
      return column ? [column] : []
    })
    this.#columns = chosen.map((column) => ({ name: column.name, type: column.type }))
    const log = new RejectLog({
      statement,
      file: name,
      ...(planned.fields && { fields: planned.fields.names }),
      columns: chosen,
      ...(call.onReject && { onReject: call.onReject }),
      ...(call.onReplace && { onReplace: call.onReplace }),
      ...(call.rejects !== undefined &&
        this.#source && { path: call.rejects, ...inputFile(this.#source, statement, call) }),
      kit: { target: 'postgres', options, table: name, ...decoded },
    })
    this.#log = log
    const plan: LoadPlan = {
      options,
      ...decoded,
      sink: this.#wanted.sink,
      givesAway: this.#wanted.givesAway,
      table: name,
      limits,
      ...((isTolerant(options.errors) || options.acceptAnyDate) && {
        rejects: { take: log.takeNative, ...log.wants },
      }),
    }
    this.#plan = plan
    return { plan, log }
  }

  /** The columns and types that the input tells, or its values prove. */
  async #found(statement: CopyFrom, schema: readonly SchemaColumn[] | undefined): Promise<readonly Source[]> {
    if (schema) {
      // Arrow has nanoseconds; a Date has not.
      const hasNanoseconds = (column: SchemaColumn) => this.#wanted.sink === 'ipc' && column.hasNanoseconds === true
      return columnsOfSchema(statement, schema).map((column) =>
        hasNanoseconds(column) ? { ...column, type: inNanoseconds(column.type) } : column,
      )
    }
    const { options } = statement
    if (options.format === 'binary') {
      throw statementError(
        statement.text,
        statement.source.offset,
        'feature_not_supported',
        'a file in the binary format has neither names nor types of its columns',
        {
          hint: "Give them: read(statement, { columns: { id: 'int', name: 'text' } }).",
        },
      )
    }
    const kept = await this.#kept(statement)
    const made = new Set(madeNames(statement).map(({ value }) => value))
    const listed = statement.columns?.filter(({ value }) => !made.has(value))
    const { columns: _, ...unlisted } = statement
    const plain = { ...unlisted, ...(listed && { columns: listed }) }
    const { columns, fields, rows } = await proveColumns(plain, this.#limits, kept, this.#stop.signal)
    this.#knownRows = rows
    // Nothing was read that could have a column.
    if (fields === 0) return listed?.map(({ value }) => ({ name: value, type: { kind: 'text' } })) ?? []
    if (fields === 1) await checkDelimiter(statement, kept)
    return columns.map(({ name, type, digits = Number.POSITIVE_INFINITY }) => ({
      name,
      // As narrow as its values, which are known, and there is no table for others that may follow.
      type: type.kind === 'int8' && digits <= INT4_DIGITS ? { kind: 'int4' } : type,
    }))
  }

  /** Columns whose values are made are in no input: numbers count up, and constants are text, unless a type is given. */
  async #withMade(statement: CopyFrom, columns: readonly Source[]): Promise<Source[]> {
    const has = (name: string) => columns.some((column) => column.name === name)
    const more = await madeColumns(statement, this.#input ?? {}, this.#limits)
    return [...columns, ...more.filter(({ name }) => !has(name)).map(({ name, type }) => ({ name, type }))]
  }

  async #receipt(): Promise<ReadReceipt> {
    const native = this.#native
    const log = this.#log
    const statement = this.#statement
    const input = this.#input
    if (!(native && log && statement && input)) throw new TypeError('a reading is not open')
    const counters = native.counters()
    await log.finish()
    log.checkEnd(counters.rowsRead)
    const { rowsPassedOver = 0, bytesRead } = counters
    const rowsRead = counters.rowsRead + rowsPassedOver
    const counts: ReceiptCounts = {
      rowsLoaded: this.#rows,
      rowsFiltered: rowsPassedOver,
      rowsRejected: log.count,
      rowsConflicted: 0,
      rowsReplaced: log.replaced,
      headerLines: counters.headerLines,
      linesSkipped: counters.linesSkipped ?? 0,
      blankLines: counters.blankLines ?? 0,
    }
    const files = filesOf(input, native, log).map((file) => ({
      ...file,
      rowsLoaded: file.rows - file.rowsFiltered - file.rowsRejected,
      rowsConflicted: 0,
    }))
    checkBalance({ rowsRead, bytesRead, ...counts, files })
    const diagnosis = counts.rowsRejected === 0 ? undefined : await log.diagnose()
    const replaced = log.replaced === 0 ? undefined : await log.diagnoseReplaced()
    const { rowsLoaded: rowsReturned, rowsConflicted: _, ...rest } = counts
    return {
      statement: statement.text,
      ...(statement.dialect && { dialect: statement.dialect }),
      ...(this.#notes.length > 0 && { notes: this.#notes }),
      columns: this.#columns.map(({ name, type }) => ({ name, type: nameOfType(type) })),
      ...(counters.encoding !== undefined && { encoding: counters.encoding }),
      rowsRead,
      rowsReturned,
      ...rest,
      bytesReplaced: counters.bytesReplaced ?? 0,
      ...(this.#headerDetected !== undefined && { headerDetected: this.#headerDetected }),
      bytesRead,
      elapsedMs: performance.now() - this.#started,
      files: files.map(({ rowsLoaded, rowsConflicted: __, ...file }) => ({ ...file, rowsReturned: rowsLoaded })),
      ...(diagnosis && { diagnosis }),
      ...(replaced && { replaced }),
      threads: this.#limits.threads,
      instructionSet: loadAddon().info().instructionSet,
    }
  }
}

/** Whoever gives the type of a column wants it, so that it is in the list, where there is one. */
function checkListed(statement: CopyFrom, given: readonly Source[]): void {
  const { columns, text } = statement
  if (columns === undefined) return
  const names = new Set([...columns, ...madeNames(statement)].map(({ value }) => value))
  const stray = given.find(({ name }) => !names.has(name))
  if (stray === undefined) return
  const message = `column "${stray.name}" of the option "columns" is not in the column list`
  throw statementError(text, columns[0]?.offset ?? 0, 'undefined_column', message, {
    hint: 'List it, or leave it out of the option.',
  })
}

/** Nothing would be read for a column that the input lacks. */
function checkPresent(statement: CopyFrom, given: readonly Source[], header: readonly string[]): void {
  const made = new Set(madeNames(statement).map(({ value }) => value))
  const missing = given.find(({ name }) => !made.has(name) && fieldsNamed(header, name).length === 0)
  if (missing === undefined) return
  const offset = statement.columns?.find(({ value }) => value === missing.name)?.offset ?? statement.source.offset
  if (!isColumnar(statement.options.format)) throw missingField(statement, header, missing.name, offset)
  const message = `the input has no column "${missing.name}"`
  throw statementError(statement.text, offset, 'undefined_column', message, {
    detail: `Its columns are ${header.map((name) => `"${name}"`).join(', ')}.`,
  })
}

/** Rows have one value under each name. */
function checkDistinct(statement: CopyFrom, columns: readonly Source[]): void {
  if (!isColumnar(statement.options.format)) return
  const names = new Set<string>()
  for (const { name } of columns) {
    if (names.has(name)) {
      const message = `the input has several columns "${name}"`
      throw statementError(statement.text, statement.source.offset, 'ambiguous_column', message, {
        hint: 'With MAP BY NAME false a column list gives each a name of its own; FILLER drops one.',
      })
    }
    names.add(name)
  }
}

/** Nanoseconds are read of columns of a file that has them: no text is read as such. */
function checkNanoseconds(
  statement: CopyFrom,
  given: readonly Source[],
  schema: readonly SchemaColumn[] | undefined,
): void {
  const made = new Set(madeNames(statement).map(({ value }) => value))
  const wanted = given.find(({ name, type }) => isOfNanoseconds(type) && (schema === undefined || made.has(name)))
  if (wanted === undefined) return
  const message = `column "${wanted.name}" cannot be read as ${nameOfType(wanted.type)}`
  throw statementError(statement.text, statement.source.offset, 'feature_not_supported', message, {
    detail: 'Nanoseconds are read of the timestamps of Parquet and Arrow files that have them.',
    hint: 'Read it as text.',
  })
}

/** A list is read as it is, or as a text or JSON: of another type it cannot be, and of text no lists are read. */
function checkLists(statement: CopyFrom, given: readonly Source[], schema: readonly SchemaColumn[] | undefined): void {
  const refused = (message: string, hint: string) =>
    statementError(statement.text, statement.source.offset, 'feature_not_supported', message, { hint })
  const names = schema?.map(({ name }) => name)
  for (const { name, type } of given) {
    const found = names && schema?.[fieldNamed(names, name)]
    const wanted = nameOfType(type)
    if (schema === undefined && type.kind === 'array') {
      const message = `column "${name}" cannot be read as ${wanted}: lists are read from Parquet and Arrow files, as they are there`
      throw refused(message, 'Read it as text.')
    }
    if (found?.type === undefined || (found.type.kind !== 'array' && type.kind !== 'array')) continue
    const own = nameOfType(found.type)
    if (own === wanted || /^(?:text|jsonb?)$/.test(type.kind)) continue
    const message = `column "${name}" cannot be read as ${wanted}: it is ${own} there, of Arrow's type ${found.arrowType}`
    throw refused(
      message,
      found.type.kind === 'array' ? `Give it the type ${own} or jsonb.` : `Give it the type ${own}.`,
    )
  }
}
