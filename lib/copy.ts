import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkDelimiter } from './delimiter.ts'
import { CopyError } from './errors.ts'
import { ensureLedger, prepareLedger } from './ledger/ensure.ts'
import { keyConflict, Ledger } from './ledger/ledger.ts'
import type { CompletedLoad, LedgerLoad } from './ledger/records.ts'
import { loadAddon } from './native/addon.ts'
import { LEFT_TO_SERVER, type LoadColumn, type NativeLoad, type SinkKind } from './native/load.ts'
import { type Input, inferColumns, type LoadLimits, openLoad, Spool } from './native/open.ts'
import type { ByteSource } from './native/pump.ts'
import { withGlobHint } from './path.ts'
import { reportProgress } from './progress.ts'
import type { Progress, Receipt } from './receipt.ts'
import { RejectLog } from './reject-log.ts'
import type { Reject } from './rejects.ts'
import { openReplay, type Replay } from './replay.ts'
import { abandonInput, discard, openSource, streamed } from './source.ts'
import type { CopyFrom, CopyOptions, Statement } from './statement/ast.ts'
import { isTolerant } from './statement/error-policy.ts'
import { refusePending } from './statement/execution.ts'
import { parseStatement } from './statement/parser.ts'
import { type ColumnPlan, planColumns } from './statement/plan.ts'
import { printTable } from './statement/printing.ts'
import type { ConflictRequest, TableDescription, Target, TargetTransaction, ZonesInLiterals } from './target/target.ts'

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
  /**
   * Called with each refused row of a statement that goes on after errors, in the order of the input; also when the load fails in the
   * end. What it throws does not end the load: it is thrown again outside of it, as an uncaught exception.
   */
  readonly onReject?: (reject: Reject) => void
  /**
   * A file to write the refused rows to, byte for byte, below a header if the input has one: to be mended and loaded by the same
   * statement. Made, or overwritten, when there is a refused row.
   */
  readonly rejects?: string
  /**
   * Whether the load is recorded in the schema `copyist` of its target, with its refused rows. By default loads are that go on after
   * errors or have a LOAD_KEY. Where the user may not create the schema, the load goes on without, and its receipt says so.
   */
  readonly ledger?: boolean
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
  let replay: Replay | undefined
  try {
    const parsed: Statement = parseStatement(text)
    refusePending(parsed)
    limits = checkedLimits(call)
    if (signal?.aborted) throw aborted(signal)
    if (parsed.kind === 'copy rejects') {
      replay = await openReplay(target, parsed, call)
      statement = replay.statement
      source = streamed([], replay.file)
    } else {
      statement = parsed
      source = await openSource(statement, call)
    }
  } catch (error) {
    abandonInput(call)
    throw error
  }
  const work = new Work(target, statement, source, limits, call, started, replay)
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
  readonly #id = randomUUID()
  readonly #startedAt = new Date()
  /** Once the table is known. */
  #log: RejectLog | undefined
  #table: TableDescription | undefined
  #ledger: Ledger | undefined

  constructor(
    readonly target: Target,
    readonly statement: CopyFrom,
    readonly source: Input,
    readonly limits: LoadLimits,
    readonly call: CopyCallOptions,
    readonly started: number,
    readonly replay: Replay | undefined,
  ) {}

  async run(): Promise<Receipt> {
    if (this.target.kind === 'duckdb' && this.#isRecorded) await this.#prepareLedger()
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
      const elapsed = { ...receipt, elapsedMs: performance.now() - this.started }
      if (receipt.alreadyLoaded) {
        await transaction.commit()
        return elapsed
      }
      await this.#record(elapsed)
      this.committing = true
      await transaction.commit()
      return { ...receipt, elapsedMs: performance.now() - this.started }
    } catch (error) {
      // Native threads must be gone before the target lets go of what they might still feed.
      await this.#native?.close()
      await transaction.rollback()
      const loaded = await this.#loadedBefore(error)
      if (loaded !== undefined) return loaded
      await this.#recordFailure(error)
      // A value that was cut in two says nothing of that.
      if (!this.committing && !this.call.signal?.aborted) await this.#checkWhole(this.source, error)
      throw await this.#diagnosed(error)
    }
  }

  /** The error; that of a limit which was exceeded, with what was wrong with the rows. */
  async #diagnosed(error: unknown): Promise<unknown> {
    const excess = this.#log?.excess
    if (!(error instanceof CopyError) || error !== excess || this.call.signal?.aborted) return error
    const { code, sqlState, message, position, detail, hint, context, statement, cause } = error
    const diagnosis = await this.#log?.diagnose()
    return new CopyError({ code, sqlState, message, position, detail, hint, context, statement, diagnosis, cause })
  }

  /** Whether this load is to be recorded. */
  get #isRecorded(): boolean {
    const { errors, loadKey, onConflict } = this.statement.options
    const rejects = isTolerant(errors) || onConflict?.action === 'reject'
    return this.call.ledger ?? (rejects || loadKey !== undefined || this.replay !== undefined)
  }

  /**
   * Makes the record of loads before the load: of two DuckDB transactions that make the same tables one fails, and that should not be a
   * load. Whatever goes wrong here, the load itself will tell.
   */
  async #prepareLedger(): Promise<void> {
    const { signal } = this.call
    try {
      const transaction = await this.target.begin(signal, 0)
      const table = await transaction.describe(this.statement.table).finally(() => transaction.rollback())
      await prepareLedger(this.target, { catalog: table ? table.catalog : this.statement.table.catalog?.value, signal })
    } catch {
      // Said above.
    }
  }

  /** The record of loads, made ready in this load's transaction; why it is not there, if so. */
  async #openLedger(transaction: TargetTransaction, catalog: string | undefined): Promise<CopyError | undefined> {
    this.#ledger = undefined
    const { loadKey } = this.statement.options
    if (!this.#isRecorded) {
      if (loadKey === undefined) return undefined
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'LOAD_KEY needs the record of loads, which the option "ledger" forbids',
      })
    }
    const session = transaction.ledger(catalog)
    const setup = await ensureLedger(session)
    if (setup.available) {
      this.#ledger = new Ledger(session, setup.place)
      return undefined
    }
    if (loadKey === undefined) return setup.reason
    const { code, sqlState, detail, cause } = setup.reason
    const message = `LOAD_KEY needs the record of loads: ${setup.reason.message}`
    throw new CopyError({ code, sqlState, message, detail, cause, hint: 'Create the schema "copyist" for this user.' })
  }

  /** Records a load that is about to be committed. */
  async #record(receipt: Receipt): Promise<void> {
    const ledger = this.#ledger
    if (ledger === undefined) return
    try {
      await ledger.recordLoad(this.#entry(receipt, receipt))
    } catch (error) {
      const { loadKey } = this.statement.options
      throw (loadKey !== undefined && keyConflict(error, loadKey)) || error
    }
    const [file] = receipt.files
    if (file) {
      const { path, bytes, rows, rowsRejected } = file
      const { rowsLoaded } = receipt
      const times = { startedAt: this.#startedAt, endedAt: new Date() }
      await ledger.recordFiles(this.#id, [{ path, bytes, rowsRead: rows, rowsLoaded, rowsRejected, ...times }])
    }
    await ledger.recordRejects(this.#id, this.#log?.kept ?? [])
  }

  #entry(counts: LoadCounts, receipt?: Receipt): Omit<LedgerLoad, 'error'> {
    const { loadKey, format } = this.statement.options
    return {
      id: this.#id,
      ...(loadKey !== undefined && { key: loadKey }),
      statement: this.replay?.text ?? this.statement.text,
      table: this.#table?.sqlName ?? '',
      startedAt: this.#startedAt,
      endedAt: new Date(),
      format,
      ...counts,
      version: loadAddon().info().version,
      ...(receipt && { transport: receipt.transport, receipt }),
    }
  }

  /**
   * After a failure, in a transaction of its own: what was refused, and why nothing was loaded. The error that it is about comes first:
   * if this fails too, nobody is told.
   */
  async #recordFailure(error: unknown): Promise<void> {
    const log = this.#log
    const isOurs = error instanceof CopyError && error.code === LEFT_TO_SERVER
    const isUnknown = this.committing && error instanceof CopyError && error.sqlState.startsWith('08')
    if (log === undefined || isOurs || isUnknown) return
    try {
      log.finish()
    } catch {
      // The file of rejects cannot be written. The load's own error matters more.
    }
    const table = this.#table
    if (!this.#isRecorded || this.call.signal?.aborted || table === undefined) return
    const failed = error instanceof CopyError ? error : undefined
    try {
      const setup = await prepareLedger(this.target, { catalog: table.catalog })
      if (!setup.available) return
      const transaction = await this.target.begin(undefined, 0)
      try {
        const counters = this.#native?.counters()
        const counts: LoadCounts = {
          rowsRead: counters?.rowsRead ?? 0,
          rowsLoaded: 0,
          rowsRejected: log.count,
          rowsFiltered: 0,
          rowsConflicted: 0,
          headerLines: counters?.headerLines ?? 0,
          bytesRead: counters?.bytesRead ?? 0,
        }
        const ledger = new Ledger(transaction.ledger(table.catalog), setup.place)
        const message = error instanceof Error ? error.message : String(error)
        const why = { sqlState: failed?.sqlState ?? 'XX000', message, context: failed?.context }
        await ledger.recordLoad({ ...this.#entry(counts), error: why })
        await ledger.recordRejects(this.#id, log.kept)
        await transaction.commit()
      } catch (failure) {
        await transaction.rollback()
        throw failure
      }
    } catch {
      // Said above.
    }
  }

  /** The receipt of the load with the same key that came first, or of this one if it was committed after all. */
  async #loadedBefore(error: unknown): Promise<Receipt | undefined> {
    const { loadKey } = this.statement.options
    if (loadKey === undefined || !(error instanceof CopyError) || this.#table === undefined) return undefined
    const isLost = this.committing && /^08/.test(error.sqlState)
    if (!isLost && keyConflict(error, loadKey) === undefined) return undefined
    // The server may take a moment to notice that its client is gone, or to start again.
    for (let attempt = 0; attempt < KEY_ATTEMPTS; attempt += 1) {
      try {
        const transaction = await this.target.begin(this.call.signal, 0)
        try {
          const setup = await ensureLedger(transaction.ledger(this.#table.catalog))
          if (!setup.available) return undefined
          const session = transaction.ledger(this.#table.catalog)
          // A server that has not noticed yet that its client is gone keeps the key.
          if (session.dialect === 'postgres') {
            await session.query(`SELECT pg_catalog.set_config('lock_timeout', '${KEY_PATIENCE_MS}', true)`)
          }
          const found = await new Ledger(session, setup.place).findLoadByKey(loadKey)
          if (found?.receipt === undefined) return undefined
          return found.id === this.#id ? found.receipt : { ...found.receipt, ...loadedBefore(found) }
        } finally {
          await transaction.rollback()
        }
      } catch {
        await sleep(KEY_PAUSE_MS)
      }
    }
    return undefined
  }

  async dispose(): Promise<void> {
    await this.#native?.close()
    this.#spool?.dispose()
    if (this.source.kind === 'stream') discard(this.source.stream)
  }

  async #load(transaction: TargetTransaction, expected: ZonesInLiterals): Promise<Receipt> {
    const { statement, limits, call, replay } = this
    const { signal } = call
    let input: Input = this.#spool ? { kind: 'spool', spool: this.#spool, name: this.source.name } : this.source
    let createdTable: string | undefined
    let table = await transaction.describe(statement.table)
    const { errors, loadKey, onConflict } = statement.options
    let ledgerProblem: CopyError | undefined
    if (loadKey !== undefined) {
      // First of all: a table that has been dropped since is not made anew.
      ledgerProblem = await this.#openLedger(transaction, table ? table.catalog : statement.table.catalog?.value)
      const before = await this.#ledger?.findLoadByKey(loadKey)
      if (before?.receipt !== undefined) {
        if (table !== undefined && before.receipt.table !== table.sqlName)
          throw otherKey(statement, loadKey, before.receipt)
        return { ...before.receipt, ...loadedBefore(before) }
      }
    }
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
    this.#table = table
    const { columns } = planned
    if (loadKey === undefined) ledgerProblem = await this.#openLedger(transaction, table.catalog)
    if (replay !== undefined) {
      if (this.#ledger === undefined) throw ledgerProblem
      this.#spool?.dispose()
      this.#spool = undefined
      this.#spool = await replay.read(this.#ledger, Math.floor(limits.memoryLimit / 2), signal)
      input = { kind: 'spool', spool: this.#spool, name: replay.file }
    }
    const usesDefaults = statement.options.default !== undefined || errors.conversion === 'set_default'
    const zones = input.kind === 'stream' ? 'possible' : expected
    const sink = transaction.sinkFor(table, columns, usesDefaults, zones)
    const session = await transaction.session()
    const isTextual = transaction.sinkFor(table, columns, false, zones) === 'pg_text'
    const leftToServer = columns.filter((index) => isTextual || table.columns[index]?.type.kind === 'other')
    if (leftToServer.length > 0 && (errors.conversion === 'set_null' || errors.conversion === 'set_default')) {
      throw unreadable(statement, table, leftToServer)
    }
    const conflict = conflictOf(statement, table, planned)
    const mayRefuse = async (found: TableDescription) =>
      usesDefaults ||
      leftToServer.length > 0 ||
      found.columns.some(({ notNull }, index) => notNull && !columns.includes(index)) ||
      (await transaction.mayRefuse(found))
    // Without anything to refuse a row, the rows need not be kept until it is known that none was.
    const tolerates =
      errors.constraint === 'skip_row'
        ? (await mayRefuse(table))
          ? 'all'
          : undefined
        : errors.conversion === 'skip_row' && leftToServer.length > 0
          ? 'conversion'
          : onConflict?.action === 'reject'
            ? 'unique'
            : undefined
    if (conflict && tolerates !== undefined && conflict.keep === (conflict.action === 'skip' ? 'last' : 'first')) {
      throw unkeepable(statement, conflict)
    }
    if (sink === 'pg_text' && usesDefaults && (tolerates !== undefined || conflict !== undefined)) {
      throw unmarkable(statement)
    }
    const told = this.#log?.told
    this.#log?.close()
    const decoded = {
      columns: loadColumns(table, planned),
      session: zones === 'possible' ? { ...session, zoneWords: 'all' as const } : session,
    }
    const log = new RejectLog({
      statement,
      file: input.name,
      columns: columns.flatMap((index) => table.columns[index] ?? []),
      ...(call.onReject && { onReject: call.onReject }),
      ...(told && !replay && { told }),
      ...(replay && { onReject: replay.noting(call.onReject) }),
      ...(call.rejects !== undefined && { path: call.rejects }),
      // What is refused again stays with the load that refused it first.
      keeps: this.#ledger !== undefined && replay === undefined,
      kit: { target: this.target.kind, options: statement.options, table: table.relationName, ...decoded },
    })
    this.#log = log
    const take = replay?.taking(log.takeNative) ?? log.takeNative
    const opened = openLoad(
      {
        options: replay?.options ?? statement.options,
        ...decoded,
        sink,
        table: table.relationName,
        limits,
        isFramed: tolerates === undefined && conflict === undefined,
        keepsRecords: tolerates !== undefined,
        ...(isTolerant(errors) && { rejects: { take, ...log.wants } }),
      },
      input,
    )
    const native = replay?.watch(opened, log.takeNative) ?? opened
    this.#native = native
    log.attach(native, tolerates !== undefined)
    const progress = reportProgress(native, call.onProgress, this.started)
    try {
      const outcome = await transaction.load({
        table,
        columns,
        ...(statement.where === undefined ? {} : { where: statement.where.sql }),
        usesDefaults,
        sink,
        native,
        ...(conflict === undefined ? {} : { conflict }),
        ...(tolerates === undefined ? {} : { refusals: log.refusals(tolerates) }),
        memoryLimit: limits.memoryLimit,
        ...(signal === undefined ? {} : { signal }),
      })
      if (signal?.aborted) throw aborted(signal)
      const counters = native.counters()
      await this.#checkWhole(input)
      const rowsRejected = log.count
      const { rowsConflicted = 0 } = outcome
      if (counters.rowsRead !== outcome.rowsLoaded + outcome.rowsFiltered + rowsConflicted + rowsRejected) {
        throw unbalanced(counters.rowsRead, outcome.rowsLoaded, outcome.rowsFiltered, rowsRejected)
      }
      log.finish()
      log.checkEnd(counters.rowsRead)
      const diagnosis = rowsRejected === 0 ? undefined : await log.diagnose()
      const resolution = this.#ledger && (await replay?.finish(this.#ledger, this.#id))
      return {
        id: this.#id,
        statement: replay?.text ?? statement.text,
        ...(statement.dialect && { dialect: statement.dialect }),
        ...(statement.notes && { notes: statement.notes }),
        target: this.target.kind,
        table: table.sqlName,
        columns: columns.map((index) => table.columns[index]?.name ?? ''),
        rowsRead: counters.rowsRead,
        rowsLoaded: outcome.rowsLoaded,
        rowsFiltered: outcome.rowsFiltered,
        rowsRejected,
        rowsConflicted,
        rowsReplaced: counters.rowsMended,
        bytesReplaced: counters.bytesReplaced ?? 0,
        headerLines: counters.headerLines,
        linesSkipped: counters.linesSkipped ?? 0,
        bytesRead: counters.bytesRead,
        elapsedMs: 0,
        files: [{ path: input.name, bytes: counters.bytesRead, rows: counters.rowsRead, rowsRejected }],
        ledger: this.#ledger !== undefined,
        ...(this.#ledger !== undefined && rowsRejected > 0 && { rejectsRecorded: log.kept.length }),
        ...(diagnosis && { diagnosis }),
        ...resolution,
        ...(ledgerProblem === undefined ? {} : { ledgerProblem: ledgerProblem.message }),
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

function loadedBefore({ endedAt }: CompletedLoad): Pick<Receipt, 'alreadyLoaded' | 'loadedAt'> {
  return { alreadyLoaded: true, loadedAt: endedAt.toISOString() }
}

/** Counts of a load as its record has them. */
type LoadCounts = Pick<
  LedgerLoad,
  'rowsRead' | 'rowsLoaded' | 'rowsRejected' | 'rowsFiltered' | 'rowsConflicted' | 'headerLines' | 'bytesRead'
>

/** How often, and after which pause, it is asked whether a load with a key has been committed. */
const KEY_ATTEMPTS = 12
/** How long it is waited for a transaction that may have loaded it. */
const KEY_PATIENCE_MS = 2_000
const KEY_PAUSE_MS = 250

const TRANSPORT = {
  pg_binary: 'binary',
  pg_text: 'text',
  duckdb: 'vectors',
  duckdb_served: 'vectors',
} as const satisfies Record<SinkKind, string>

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

const CALL_OPTIONS = [
  'stdin',
  'signal',
  'onProgress',
  'threads',
  'memoryLimit',
  'createTable',
  'onReject',
  'rejects',
  'ledger',
]

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
  const { onReject, rejects, ledger } = call
  if (onReject !== undefined && typeof onReject !== 'function')
    throw badOption('onReject', 'a function', typeof onReject)
  if (rejects !== undefined && (typeof rejects !== 'string' || rejects === '')) {
    throw badOption('rejects', 'the path of a file', rejects)
  }
  if (ledger !== undefined && typeof ledger !== 'boolean') throw badOption('ledger', 'true or false', typeof ledger)
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
      notNull: column.notNull,
    }
  })
}

/** ON CONFLICT as the target is to carry it out; undefined where a conflict is an error like others. */
function conflictOf(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): ConflictRequest | undefined {
  const { onConflict } = statement.options
  if (onConflict === undefined || onConflict.action === 'error') return undefined
  const { action, keep, offset } = onConflict
  const at = { text: statement.text, offset }
  if (action === 'reject') {
    if (keep === 'first') return undefined
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: 'ON CONFLICT DO REJECT keeps the first of several rows with one key',
      hint: 'DO SKIP and DO UPDATE can keep the last.',
      statement: at,
    })
  }
  const key = table.primaryKey?.every((index) => plan.columns.includes(index)) ? table.primaryKey : undefined
  const needsKey = action === 'update' || keep === 'last'
  const keys = plan.conflictKeys ?? (needsKey ? key : undefined)
  if (needsKey && keys === undefined) {
    throw new CopyError({
      code: 'syntax_error',
      sqlState: '42601',
      message: `ON CONFLICT ${action === 'update' ? 'DO UPDATE' : 'with KEEP LAST'} needs the columns of the key`,
      detail: `Table "${table.relationName}" has no primary key among the columns that are loaded.`,
      hint: 'Name them: ON CONFLICT (column, …) DO ….',
      statement: at,
    })
  }
  return { action, keep, ...(keys && { keys }) }
}

function unkeepable(statement: CopyFrom, { action, keep }: ConflictRequest): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `ON CONFLICT DO ${action.toUpperCase()} KEEP ${keep.toUpperCase()} cannot go on after rows that the target refuses`,
    detail: 'All rows are inserted at once in the end.',
    statement: { text: statement.text, offset: statement.options.onConflict?.offset ?? 0 },
  })
}

function otherKey(statement: CopyFrom, key: string, before: Receipt): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `LOAD_KEY "${key}" belongs to a load into ${before.table}`,
    detail: `That statement was: ${before.statement}`,
    hint: 'Take another key for another load.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

/** Rows that PostgreSQL has refused are inserted from another table, and an INSERT has no marker for a default. */
function unmarkable(statement: CopyFrom): CopyError {
  const what =
    statement.options.onConflict === undefined ? 'go on after rows that a constraint refuses' : 'have ON CONFLICT'
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `COPY with DEFAULT cannot ${what} on PostgreSQL yet`,
    hint: 'ON_ERROR ignore goes on after values that do not fit.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

/** Values that only the database reads, it reads while it inserts the row: there they cannot be replaced. */
function unreadable(statement: CopyFrom, table: TableDescription, indexes: readonly number[]): CopyError {
  const column = table.columns.find(({ type }, index) => indexes.includes(index) && type.kind === 'other')
  const what = column ? `column "${column.name}" of type ${column.typeName}` : 'dates and times of this session'
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `COPY cannot replace values of ${what}`,
    detail: 'Its values are read by the database itself, as part of the whole row.',
    hint: column
      ? 'ON_ERROR skip_row leaves the row out.'
      : 'From a file they can be replaced, as it can be read twice; ON_ERROR skip_row leaves the row out.',
    statement: { text: statement.text, offset: statement.table.name.offset },
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

function unbalanced(read: number, loaded: number, filtered: number, rejected: number): CopyError {
  return new CopyError({
    code: 'internal_error',
    sqlState: 'XX000',
    message: `the load does not balance: ${read} rows read, ${loaded} loaded, ${filtered} filtered, ${rejected} rejected`,
    hint: 'Nothing was loaded. This is a defect of copyist.',
  })
}

/** UTF-16 begins with a byte order mark, whose bytes UTF-8 never has. */
function encodingHint({ sqlState, message, position }: CopyError): string | undefined {
  if (sqlState !== '22021' || position.byteOffset !== 0 || !/: 0x(?:ff|fe)$/.test(message)) return undefined
  return 'Input in UTF-16 begins so. Convert it on the way: iconv -f UTF-16 -t UTF-8 file | copyist "COPY … FROM STDIN …".'
}

/** Completes what a target cannot know: the file of a position, and where in the statement the condition stands. */
function placed(error: CopyError, statement: CopyFrom, file: string): CopyError {
  const { position, where } = { position: error.position, where: statement.where }
  const inFile = position.line !== undefined && position.file === undefined
  const inWhere = where !== undefined && error.statement?.text === where.sql
  const hint = error.hint ?? encodingHint(error)
  if (!inFile && !inWhere && hint === error.hint) return error
  return new CopyError({
    code: error.code,
    sqlState: error.sqlState,
    message: error.message,
    position: inFile ? { file, ...position } : position,
    detail: error.detail,
    hint,
    context: error.context,
    statement: inWhere
      ? { text: statement.text, offset: where.offset + (error.statement?.offset ?? 0) }
      : error.statement,
    diagnosis: error.diagnosis,
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
