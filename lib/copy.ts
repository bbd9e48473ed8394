import { randomUUID } from 'node:crypto'
import { constants, createReadStream, open } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { checkDelimiter } from './delimiter.ts'
import { CopyError } from './errors.ts'
import { loadAddon } from './native/addon.ts'
import { checkFile } from './native/first-bytes.ts'
import { LEFT_TO_SERVER, type LoadColumn, type NativeLoad, type SinkKind } from './native/load.ts'
import { type Input, inferColumns, type LoadLimits, openLoad, Spool } from './native/open.ts'
import type { ByteSource } from './native/pump.ts'
import { localPath, withGlobHint } from './path.ts'
import { reportProgress } from './progress.ts'
import type { Progress, Receipt } from './receipt.ts'
import type { CopyFrom, CopyOptions } from './statement/ast.ts'
import { parseCopy } from './statement/parser.ts'
import { type ColumnPlan, planColumns } from './statement/plan.ts'
import { printTable } from './statement/printing.ts'
import type { TableDescription, Target, TargetTransaction, ZonesInLiterals } from './target/target.ts'

/** What a call of {@link Database.copy} may set beside the statement. */
export interface CopyCallOptions {
  /**
   * The input of `FROM STDIN`: a Node Readable, a web ReadableStream, any (async) iterable of byte chunks, or the bytes
   * themselves. Strings count as UTF-8.
   */
  readonly stdin?: ByteSource | Uint8Array | string
  /** Aborting rolls the load back; `copy` then rejects with SQLSTATE 57014. */
  readonly signal?: AbortSignal
  /**
   * Called at most 20 times a second while the load runs, and once at its end. What it throws does not end the load: it
   * is thrown again outside of it, as an uncaught exception.
   */
  readonly onProgress?: (progress: Progress) => void
  /** Decoder threads; by default the cores of this process, at most 4. */
  readonly threads?: number
  /** Bytes that buffers may take, at least 1 MiB; by default 256 MiB. A record may take an eighth of it. */
  readonly memoryLimit?: number
  /** Whether a table that does not exist is created from the file; the statement's CREATE_TABLE option comes first. */
  readonly createTable?: boolean
}

const DEFAULT_MEMORY_LIMIT = 256 * 1024 * 1024
const LEAST_MEMORY_LIMIT = 1024 * 1024
const MOST_THREADS = 64
/** More decoders than this wait for the target. */
const DEFAULT_THREADS = 4

/** Runs one statement on `target` from parsing to commit. */
export async function runCopy(target: Target, text: string, call: CopyCallOptions): Promise<Receipt> {
  const started = performance.now()
  checkCall(text, call)
  const { signal } = call
  let statement: CopyFrom
  let limits: LoadLimits
  let source: Input
  try {
    statement = parseCopy(text)
    limits = checkedLimits(call)
    if (signal?.aborted) throw aborted(signal)
    source = await openSource(statement, call)
  } catch (error) {
    abandonInput(call)
    throw error
  }
  const work = new Work(target, statement, source, limits, call, started)
  try {
    return await work.run()
  } catch (error) {
    // Whatever failed first because of the abort, the abort is what happened.
    if (signal?.aborted && !isCancelled(error) && !work.committing) throw aborted(signal, error)
    throw error instanceof CopyError ? withGlobHint(placed(error, statement, source.name), source.name) : error
  } finally {
    await work.dispose()
  }
}

/** One statement's resources. */
class Work {
  #spool: Spool | undefined
  #native: NativeLoad | undefined
  /** From here on the rows may have been loaded whatever is answered. */
  committing = false

  constructor(
    readonly target: Target,
    readonly statement: CopyFrom,
    readonly source: Input,
    readonly limits: LoadLimits,
    readonly call: CopyCallOptions,
    readonly started: number,
  ) {}

  async run(): Promise<Receipt> {
    try {
      return await this.#attempt('unexpected')
    } catch (error) {
      if (!(error instanceof CopyError) || error.code !== LEFT_TO_SERVER) throw error
      return await this.#attempt('present')
    }
  }

  /** A file that has become shorter was read in part, and its last row may be half a row. */
  async #checkWhole(input: Input, cause?: unknown): Promise<void> {
    if (input.kind !== 'file' || input.size === undefined) return
    // One that was removed has been read all the same.
    const now = await stat(input.path).catch(() => undefined)
    if (now === undefined || now.size >= input.size) return
    throw new CopyError({
      code: 'io_error',
      sqlState: '58030',
      message: `file "${input.name}" became shorter while it was read`,
      detail: `It had ${input.size} bytes at first, and ${now.size} in the end. Nothing was loaded.`,
      position: { file: input.name },
      cause,
    })
  }

  async #attempt(expected: ZonesInLiterals): Promise<Receipt> {
    const bytes = this.source.kind === 'file' ? this.source.size : undefined
    const transaction = await this.target.begin(this.call.signal, bytes)
    try {
      const receipt = await this.#load(transaction, expected)
      this.committing = true
      await transaction.commit()
      return { ...receipt, elapsedMs: performance.now() - this.started }
    } catch (error) {
      // Native threads must be gone before the target lets go of what they might still feed.
      await this.#native?.close()
      await transaction.rollback()
      // A value that was cut in two says nothing of that.
      if (!this.committing && !this.call.signal?.aborted) await this.#checkWhole(this.source, error)
      throw error
    }
  }

  async dispose(): Promise<void> {
    await this.#native?.close()
    this.#spool?.dispose()
    if (this.source.kind === 'stream') discard(this.source.stream)
  }

  async #load(transaction: TargetTransaction, expected: ZonesInLiterals): Promise<Receipt> {
    const { statement, limits, call } = this
    const { signal } = call
    let input: Input = this.#spool ? { kind: 'spool', spool: this.#spool, name: this.source.name } : this.source
    let createdTable: string | undefined
    let table = await transaction.describe(statement.table)
    if (table === undefined) {
      const missing = await transaction.missingPart(statement.table)
      if (missing !== undefined) throw undefinedPart(statement, missing)
      if (!(statement.options.createTable ?? call.createTable ?? false)) throw undefinedTable(statement)
      if (input.kind === 'stream') {
        // Half of the limit: the other half is for the load that follows.
        this.#spool = new Spool(Math.floor(limits.memoryLimit / 2))
        await this.#spool.fill(input.stream, input.name, signal)
        input = { kind: 'spool', spool: this.#spool, name: input.name }
        if (signal?.aborted) throw aborted(signal)
      }
      const inferred = await inferColumns(
        { options: plainOptions(statement.options), table: statement.table.name.value, limits },
        input,
        signal,
      )
      const columns = nameColumns(statement, inferred)
      if (columns.length === 0) throw emptyInput(statement, input.name)
      if (columns.length === 1) await checkDelimiter(statement, input)
      createdTable = await transaction.createTable(statement.table, columns).catch((error: unknown) => {
        throw error instanceof CopyError && error.sqlState === '42P07' ? overtaken(statement, error) : error
      })
      table = await transaction.describe(statement.table)
      if (table === undefined) throw undefinedTable(statement)
    }
    const planned = planColumns(statement, {
      relationName: table.relationName,
      columns: table.columns,
      caseInsensitive: this.target.capabilities.caseInsensitiveNames,
    })
    const { columns } = planned
    const usesDefaults = statement.options.default !== undefined
    const zones = input.kind === 'stream' ? 'possible' : expected
    const sink = transaction.sinkFor(table, columns, usesDefaults, zones)
    const session = await transaction.session()
    const native = openLoad(
      {
        options: statement.options,
        columns: loadColumns(table, planned),
        session: zones === 'possible' ? { ...session, zoneWords: 'all' } : session,
        sink,
        table: table.relationName,
        limits,
      },
      input,
    )
    this.#native = native
    const progress = reportProgress(native, call.onProgress, this.started)
    try {
      const outcome = await transaction.load({
        table,
        columns,
        ...(statement.where === undefined ? {} : { where: statement.where.sql }),
        usesDefaults,
        sink,
        native,
        memoryLimit: limits.memoryLimit,
        ...(signal === undefined ? {} : { signal }),
      })
      if (signal?.aborted) throw aborted(signal)
      const counters = native.counters()
      await this.#checkWhole(input)
      if (counters.rowsRead !== outcome.rowsLoaded + outcome.rowsFiltered) {
        throw unbalanced(counters.rowsRead, outcome.rowsLoaded, outcome.rowsFiltered)
      }
      return {
        id: randomUUID(),
        statement: statement.text,
        target: this.target.kind,
        table: table.sqlName,
        columns: columns.map((index) => table.columns[index]?.name ?? ''),
        rowsRead: counters.rowsRead,
        rowsLoaded: outcome.rowsLoaded,
        rowsFiltered: outcome.rowsFiltered,
        headerLines: counters.headerLines,
        bytesRead: counters.bytesRead,
        elapsedMs: 0,
        files: [{ path: input.name, bytes: counters.bytesRead, rows: counters.rowsRead }],
        ...(createdTable === undefined ? {} : { createdTable }),
        transport: TRANSPORT[sink],
        threads: limits.threads,
        instructionSet: loadAddon().info().instructionSet,
      }
    } finally {
      progress.stop()
    }
  }
}

const TRANSPORT = {
  pg_binary: 'binary',
  pg_text: 'text',
  duckdb: 'vectors',
  duckdb_served: 'vectors',
} as const satisfies Record<SinkKind, string>

/** Where the bytes come from. Pipes and devices are streamed, since a blocking read of them could not be cancelled. */
async function openSource(statement: CopyFrom, call: CopyCallOptions): Promise<Input> {
  const { source } = statement
  if (source.kind === 'stdin') {
    if (call.stdin === undefined) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'COPY FROM STDIN needs the option "stdin"',
        hint: 'Pass a stream: db.copy(statement, { stdin: createReadStream(path) }).',
        statement: { text: statement.text, offset: source.offset },
      })
    }
    if (call.stdin instanceof Readable && call.stdin.readableEnded) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'the stream of the option "stdin" has been read to its end already',
      })
    }
    // The bytes themselves are a stream of one chunk; iterated, they would be a stream of numbers or letters.
    const whole = typeof call.stdin === 'string' || call.stdin instanceof Uint8Array
    return streamed(whole ? [call.stdin as string | Uint8Array] : (call.stdin as ByteSource), 'STDIN')
  }
  if (call.stdin !== undefined) {
    throw new CopyError({
      code: 'invalid_parameter_value',
      sqlState: '22023',
      message: 'the option "stdin" is only for COPY FROM STDIN',
      statement: { text: statement.text, offset: source.offset },
    })
  }
  const name = source.path
  if (name.includes('\0')) {
    throw new CopyError({
      code: 'undefined_file',
      sqlState: '58P01',
      message: 'a file name cannot contain a NUL character',
    })
  }
  const path = localPath(statement.text, source)
  const found = await stat(path).catch(() => undefined)
  if (found?.isFIFO()) return streamed(await openFifo(path), name)
  if (found !== undefined && (found.isCharacterDevice() || found.isSocket())) {
    return streamed(createReadStream(path), name)
  }
  if (found?.isFile()) await checkFile(path, name)
  // A file that is missing or unreadable is reported when it is opened, with the reason.
  return { kind: 'file', path, name, ...(found === undefined ? {} : { size: found.size }) }
}

/**
 * A named pipe, read when it has something. A file stream's blocking read would hold a thread of libuv's pool for as long as the
 * pipe is silent, and so would opening it as long as nobody writes to it.
 */
async function openFifo(path: string): Promise<Readable> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK
  const fd = await new Promise<number>((resolve, reject) => {
    open(path, flags, (error, opened) => (error ? reject(error) : resolve(opened)))
  }).catch((error: NodeJS.ErrnoException) => {
    const isDenied = error.code === 'EACCES' || error.code === 'EPERM'
    throw new CopyError({
      code: isDenied ? 'insufficient_privilege' : 'undefined_file',
      sqlState: isDenied ? '42501' : '58P01',
      message: `could not open file "${path}" for reading: ${error.message}`,
      cause: error,
    })
  })
  return new Socket({ fd, readable: true, writable: false })
}

/** A stream may fail long before it is read. Whoever reads it then is told; until then nobody else may be. */
function streamed(stream: ByteSource, name: string): Input {
  if (stream instanceof Readable) stream.on('error', () => {})
  return { kind: 'stream', stream, name }
}

/** Lets go of a stream that will not be read. It was handed over: nobody else closes what it has open, or hears of its errors. */
export function abandonInput({ stdin }: CopyCallOptions): void {
  if (typeof stdin !== 'object' || stdin === null || stdin instanceof Uint8Array) return
  streamed(stdin, 'STDIN')
  discard(stdin)
}

function discard(stream: ByteSource): void {
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy()
  // A web stream that was never read; one that was is locked, and has been told by its reader.
  else if (stream instanceof ReadableStream && !stream.locked) stream.cancel().catch(() => {})
}

function checkedLimits(call: CopyCallOptions): LoadLimits {
  const cores = loadAddon().info()
  if (cores.problem !== undefined) {
    throw new CopyError({ code: 'invalid_parameter_value', sqlState: '22023', message: cores.problem })
  }
  const threads = call.threads ?? Math.min(cores.parallelism, DEFAULT_THREADS)
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw badOption('threads', `a whole number from 1 to ${MOST_THREADS}`, call.threads)
  }
  const memoryLimit = call.memoryLimit ?? DEFAULT_MEMORY_LIMIT
  if (!Number.isSafeInteger(memoryLimit) || memoryLimit < LEAST_MEMORY_LIMIT) {
    throw badOption('memoryLimit', `a number of bytes, at least ${LEAST_MEMORY_LIMIT} (1 MiB)`, call.memoryLimit)
  }
  return { threads, memoryLimit }
}

const CALL_OPTIONS = ['stdin', 'signal', 'onProgress', 'threads', 'memoryLimit', 'createTable']

/** Refuses what TypeScript would have refused, before anything is begun. */
function checkCall(text: unknown, call: CopyCallOptions): void {
  if (typeof text !== 'string') throw badOption('statement', 'a string', typeof text)
  if (typeof call !== 'object' || call === null) throw badOption('options', 'an object', call)
  for (const name of Object.keys(call)) {
    if (!CALL_OPTIONS.includes(name)) throw badOption(name, `one of ${CALL_OPTIONS.join(', ')}`, 'no such option')
  }
  const { stdin, signal, onProgress } = call
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw badOption('signal', 'an AbortSignal', typeof signal)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw badOption('onProgress', 'a function', typeof onProgress)
  }
  const iterable =
    typeof stdin === 'string' ||
    (typeof stdin === 'object' && stdin !== null && (Symbol.asyncIterator in stdin || Symbol.iterator in stdin))
  if (stdin !== undefined && !iterable) {
    throw badOption('stdin', 'a stream, an iterable of chunks, or the bytes themselves', typeof stdin)
  }
}

function badOption(name: string, expected: string, given: unknown): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `invalid value for option "${name}": ${String(given)}`,
    detail: `It takes ${expected}.`,
  })
}

/** Options for a first look at the file: HEADER MATCH has no columns to match yet, and markers are not values. */
function plainOptions(options: CopyOptions): CopyOptions {
  return options.header === 'match' ? { ...options, header: 'true' } : options
}

/** A column list in the statement names the columns of a table that is created. */
function nameColumns<C extends { name: string }>(statement: CopyFrom, inferred: readonly C[]): C[] {
  const { columns } = statement
  if (columns === undefined) return [...inferred]
  if (columns.length !== inferred.length) {
    throw new CopyError({
      code: 'bad_copy_file_format',
      sqlState: '22P04',
      message: `the column list has ${columns.length} columns, but the first record has ${inferred.length}`,
      statement: { text: statement.text, offset: columns[0]?.offset ?? 0 },
    })
  }
  return inferred.map((column, index) => ({ ...column, name: columns[index]?.value ?? column.name }))
}

function loadColumns(table: TableDescription, plan: ColumnPlan): LoadColumn[] {
  return plan.columns.flatMap((index, position) => {
    const column = table.columns[index]
    if (column === undefined) return []
    return {
      name: column.name,
      type: column.type,
      forceNotNull: plan.forceNotNull[position] ?? false,
      forceNull: plan.forceNull[position] ?? false,
      hasDefault: column.hasDefault,
    }
  })
}

/** The table was not there when it was looked for, and is when it is to be created. */
function overtaken(statement: CopyFrom, cause: CopyError): CopyError {
  return new CopyError({
    code: 'duplicate_table',
    sqlState: '42P07',
    message: `relation "${statement.table.name.value}" already exists`,
    detail: 'It did not when this statement began: another one is creating it, or has created it.',
    hint: 'Run the statement again.',
    statement: { text: statement.text, offset: statement.table.name.offset },
    cause,
  })
}

function undefinedPart(statement: CopyFrom, part: 'schema' | 'catalog'): CopyError {
  const name = statement.table[part]
  const isSchema = part === 'schema'
  return new CopyError({
    code: isSchema ? 'invalid_schema_name' : 'invalid_catalog_name',
    sqlState: isSchema ? '3F000' : '3D000',
    message: `${isSchema ? 'schema' : 'database'} "${name?.value}" does not exist`,
    statement: { text: statement.text, offset: name?.offset ?? 0 },
  })
}

function undefinedTable(statement: CopyFrom): CopyError {
  return new CopyError({
    code: 'undefined_table',
    sqlState: '42P01',
    message: `relation "${printTable(statement.table, { quote: false })}" does not exist`,
    hint: 'Create the table first, or let copyist create it from the file: option CREATE_TABLE, on the command line --create.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

function emptyInput(statement: CopyFrom, name: string): CopyError {
  return new CopyError({
    code: 'bad_copy_file_format',
    sqlState: '22P04',
    message: `cannot create table "${statement.table.name.value}" from an empty file`,
    detail: `"${name}" has no record that would tell the columns.`,
    position: { file: name },
  })
}

function unbalanced(read: number, loaded: number, filtered: number): CopyError {
  return new CopyError({
    code: 'internal_error',
    sqlState: 'XX000',
    message: `the load does not balance: ${read} rows read, ${loaded} loaded, ${filtered} filtered`,
    hint: 'Nothing was loaded. This is a defect of copyist.',
  })
}

/** Completes what a target cannot know: the file of a position, and where in the statement the condition stands. */
function placed(error: CopyError, statement: CopyFrom, file: string): CopyError {
  const { position, where } = { position: error.position, where: statement.where }
  const inFile = position.line !== undefined && position.file === undefined
  const inWhere = where !== undefined && error.statement?.text === where.sql
  if (!inFile && !inWhere) return error
  return new CopyError({
    code: error.code,
    sqlState: error.sqlState,
    message: error.message,
    position: inFile ? { file, ...position } : position,
    detail: error.detail,
    hint: error.hint,
    context: error.context,
    statement: inWhere
      ? { text: statement.text, offset: where.offset + (error.statement?.offset ?? 0) }
      : error.statement,
    cause: error.cause,
  })
}

function isCancelled(error: unknown): boolean {
  return error instanceof CopyError && error.sqlState === '57014'
}

function aborted(signal: AbortSignal, cause: unknown = signal.reason): CopyError {
  return new CopyError({
    code: 'query_canceled',
    sqlState: '57014',
    message: 'canceling statement due to user request',
    detail: 'The load was aborted by its caller; nothing was loaded.',
    cause,
  })
}
