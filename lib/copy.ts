import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type CopyCallOptions, checkCall, checkedLimits } from './copy-call.ts'
import {
  aborted,
  emptyInput,
  isCancelled,
  otherKey,
  overtaken,
  placed,
  unbalanced,
  undefinedPart,
  undefinedTable,
  unkeepable,
  unknownForm,
  unpointable,
  unreadable,
} from './copy-errors.ts'
import { checkDelimiter } from './delimiter.ts'
import { CopyError } from './errors.ts'
import { decodedBy } from './load-columns.ts'
import { LoadRecord, receiptOf } from './load-record.ts'
import { loadAddon } from './native/addon.ts'
import { LEFT_TO_SERVER, type NativeLoad, type SinkKind } from './native/load.ts'
import {
  type Input,
  inferColumns,
  type LoadLimits,
  openLoad,
  peekNames,
  type Rereadable,
  Spool,
} from './native/open.ts'
import { localPath } from './path.ts'
import { reportProgress } from './progress.ts'
import type { Receipt, ReceiptFile } from './receipt.ts'
import type { InputFile } from './reject-file.ts'
import { RejectLog } from './reject-log.ts'
import { MOST_KEPT, MOST_RAW } from './rejects.ts'
import { openReplay, type Replay } from './replay.ts'
import type { Retention } from './retention.ts'
import { abandonInput, discard, openSource, streamed } from './source.ts'
import type { CopyFrom, CopyOptions, Statement } from './statement/ast.ts'
import { isTolerant } from './statement/error-policy.ts'
import { refusePending } from './statement/execution.ts'
import { parseStatement } from './statement/parser.ts'
import { type ColumnPlan, planColumns } from './statement/plan.ts'
import {
  type ConflictRequest,
  STARTS_OVER,
  type TableDescription,
  type Target,
  type TargetTransaction,
  type ZonesInLiterals,
} from './target/target.ts'

/** Runs one statement on `target` from parsing to commit. */
export async function runCopy(
  target: Target,
  text: string,
  call: CopyCallOptions,
  retention?: Retention,
): Promise<Receipt> {
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
    const receipt = await work.run()
    if (receipt.ledger && !receipt.alreadyLoaded) await retention?.enforce(target, work.catalog)
    return receipt
  } catch (error) {
    // Whatever failed first because of the abort, the abort is what happened.
    if (signal?.aborted && !isCancelled(error) && !work.committing) throw aborted(signal, error)
    throw error instanceof CopyError ? placed(error, statement, source.name) : error
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
  readonly #record: LoadRecord
  /** Once the table is known. */
  #log: RejectLog | undefined
  /** No row is known yet that the target refuses. */
  #isHopeful = true

  constructor(
    readonly target: Target,
    readonly statement: CopyFrom,
    readonly source: Input,
    readonly limits: LoadLimits,
    readonly call: CopyCallOptions,
    readonly started: number,
    readonly replay: Replay | undefined,
  ) {
    const text = replay?.text ?? statement.text
    this.#record = new LoadRecord({ id: this.#id, target, statement, text, isReplay: replay !== undefined, call })
  }

  /** The attached database that the rows went to, in DuckDB. */
  get catalog(): string | undefined {
    return this.#record.catalog
  }

  async run(): Promise<Receipt> {
    await this.#record.prepare()
    for (let zones: ZonesInLiterals = 'unexpected'; ; ) {
      try {
        return await this.#attempt(zones)
      } catch (error) {
        if (!isFirstOnly(error)) throw error
        if (error.code === LEFT_TO_SERVER) zones = 'present'
        else this.#isHopeful = false
      }
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
    const { source } = this
    const bytes = source.kind === 'file' || source.kind === 'files' ? source.size : undefined
    const transaction = await this.target.begin(this.call.signal, bytes)
    try {
      const receipt = await this.#load(transaction, expected)
      const elapsed = { ...receipt, elapsedMs: performance.now() - this.started }
      if (receipt.alreadyLoaded) {
        await transaction.commit()
        return elapsed
      }
      await this.#record.complete(elapsed, this.#log)
      this.committing = true
      await transaction.commit()
      return { ...receipt, elapsedMs: performance.now() - this.started }
    } catch (error) {
      // Native threads must be gone before the target lets go of what they might still feed.
      await this.#native?.close()
      await transaction.rollback()
      const loaded = await this.#record.loadedBefore(error, this.committing)
      if (loaded !== undefined) return loaded
      await this.#noteFailure(error)
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

  /** What was refused is handed on, and the failure recorded. */
  async #noteFailure(error: unknown): Promise<void> {
    const log = this.#log
    const isOurs = isFirstOnly(error)
    const isUnknown = this.committing && error instanceof CopyError && error.sqlState.startsWith('08')
    if (log === undefined || isOurs || isUnknown) return
    try {
      await log.finish()
    } catch {
      // The file of rejects cannot be written. The load's own error matters more.
    }
    const { signal } = this.call
    // Whatever failed first because of the abort, the abort is what happened.
    const reason = signal?.aborted && !isCancelled(error) && !this.committing ? aborted(signal, error) : error
    const file = this.replay?.file ?? this.source.name
    const files =
      (this.source.kind === 'files' || this.source.kind === 'remote') && this.#native !== undefined
        ? this.#files(this.source, this.#native, log).map(({ rows, ...rest }) => ({
            ...rest,
            rowsRead: rows,
            rowsLoaded: 0,
          }))
        : undefined
    await this.#record.fail(reason, log, {
      counters: this.#native?.counters(),
      file,
      files,
      isAborted: signal?.aborted,
    })
  }

  /** What was read of each input. */
  #files(input: Input, native: NativeLoad, log: RejectLog): ReceiptFile[] {
    if (input.kind !== 'files' && input.kind !== 'remote') {
      const { bytesRead: bytes, rowsRead, rowsPassedOver = 0 } = native.counters()
      return [{ path: input.name, bytes, rows: rowsRead + rowsPassedOver, rowsRejected: log.count }]
    }
    return (native.files?.() ?? []).map(({ file, bytesRead, rowsRead, rowsRefused, rowsPassedOver }) => ({
      path: file,
      bytes: bytesRead,
      rows: rowsRead + rowsPassedOver,
      rowsRejected: rowsRefused + log.refusedByTarget(file),
    }))
  }

  async dispose(): Promise<void> {
    await this.#native?.close()
    this.#spool?.dispose()
    if (this.source.kind === 'stream') discard(this.source.stream)
  }

  /** The input as one that can be read more than once. */
  async #kept(input: Input): Promise<Rereadable> {
    const { limits, call, statement } = this
    if (input.kind === 'remote') {
      throw new CopyError({
        code: 'feature_not_supported',
        sqlState: '0A000',
        message: `${statement.options.mapByName ? 'MAP BY NAME' : 'creating a table'} is not supported yet for files of other machines`,
        hint: statement.options.mapByName ? 'List the columns in the order of the fields.' : 'Create the table first.',
        statement: { text: statement.text, offset: statement.source.offset },
      })
    }
    if (input.kind !== 'stream') return input
    // Half of the limit: the other half is for the load that follows.
    this.#spool = new Spool(Math.floor(limits.memoryLimit / 2))
    await this.#spool.fill(input.stream, input.name, call.signal)
    if (call.signal?.aborted) throw aborted(call.signal)
    return { kind: 'spool', spool: this.#spool, name: input.name }
  }

  async #load(transaction: TargetTransaction, expected: ZonesInLiterals): Promise<Receipt> {
    const { statement, limits, call, replay } = this
    const record = this.#record
    const { signal } = call
    let input: Input = this.#spool ? { kind: 'spool', spool: this.#spool, name: this.source.name } : this.source
    let createdTable: string | undefined
    let table = await transaction.describe(statement.table)
    const { errors, loadKey, onConflict } = statement.options
    const isBinary = statement.options.format === 'binary'
    let ledgerProblem: CopyError | undefined
    if (loadKey !== undefined) {
      // First of all: a table that has been dropped since is not made anew.
      ledgerProblem = await record.open(transaction, table ? table.catalog : statement.table.catalog?.value)
      const before = await record.before()
      const receipt = before && receiptOf(before)
      if (receipt !== undefined) {
        if (table !== undefined && receipt.table !== table.sqlName) throw otherKey(statement, loadKey, receipt)
        return receipt
      }
    }
    if (table === undefined) {
      const missing = await transaction.missingPart(statement.table)
      if (missing !== undefined) throw undefinedPart(statement, missing)
      // A file in the binary format tells neither the names nor the types of its columns.
      if (isBinary || !(statement.options.createTable ?? call.createTable ?? false)) throw undefinedTable(statement)
      const kept = await this.#kept(input)
      input = kept
      const inferred = await inferColumns(
        { options: plainOptions(statement.options), table: statement.table.name.value, limits },
        kept,
        signal,
      )
      const columns = nameColumns(statement, inferred)
      if (columns.length === 0) throw emptyInput(statement, input.name)
      if (columns.length === 1) await checkDelimiter(statement, kept)
      createdTable = await transaction.createTable(statement.table, columns).catch((error: unknown) => {
        throw error instanceof CopyError && error.sqlState === '42P07' ? overtaken(statement, error) : error
      })
      table = await transaction.describe(statement.table)
      if (table === undefined) throw undefinedTable(statement)
    }
    let header: string[] | undefined
    if (statement.options.mapByName) {
      const kept = await this.#kept(input)
      input = kept
      header = peekNames({ options: statement.options, table: table.relationName, limits }, kept)
    }
    const planned = planColumns(
      statement,
      {
        relationName: table.relationName,
        columns: table.columns,
        caseInsensitive: this.target.capabilities.caseInsensitiveNames,
      },
      // There is nothing to be matched in an empty input.
      header?.length === 0 ? undefined : header,
    )
    record.into(table)
    const { columns } = planned
    if (loadKey === undefined) ledgerProblem = await record.open(transaction, table.catalog)
    if (replay !== undefined) {
      if (record.ledger === undefined) throw ledgerProblem
      this.#spool?.dispose()
      this.#spool = undefined
      this.#spool = await replay.read(record.ledger, Math.floor(limits.memoryLimit / 2), signal)
      input = { kind: 'spool', spool: this.#spool, name: replay.file }
    }
    const usesDefaults = statement.options.default !== undefined || errors.conversion === 'set_default'
    const zones = input.kind === 'stream' ? 'possible' : expected
    const session = await transaction.session()
    // What is in the binary format already is not read as text by anybody.
    const isTextual = !isBinary && transaction.sinkFor(table, columns, false, zones) === 'pg_text'
    const leftToServer = columns.filter((index) => isTextual || table.columns[index]?.type.kind === 'other')
    const hasDomain = columns.some((index) => table.columns[index]?.isDomain)
    // Of a value that the database cannot take, or that is not of its domain, only the database can say so.
    const isJudgedByServer = leftToServer.length > 0 || hasDomain
    const replaces =
      errors.conversion === 'set_null' ? 'null' : errors.conversion === 'set_default' ? 'default' : undefined
    if (replaces !== undefined && leftToServer.length > 0 && this.target.kind === 'duckdb') {
      throw unreadable(statement, table, leftToServer)
    }
    if (isBinary && leftToServer.length > 0 && this.target.kind === 'duckdb') {
      throw unknownForm(statement, table, leftToServer)
    }
    const replacedByServer = isJudgedByServer ? replaces : undefined
    const { decimalSeparator, dateFormats } = statement.options
    const isOwn = (decimalSeparator ?? dateFormats ?? statement.options.acceptAnyDate) !== undefined
    if (replacedByServer !== undefined && isOwn) throw unpointable(statement)
    const sink = replacedByServer
      ? 'pg_text'
      : isBinary && this.target.kind === 'postgres'
        ? 'pg_binary'
        : transaction.sinkFor(table, columns, usesDefaults, zones)
    // The server judges dates that travel as text.
    if (sink === 'pg_text' && statement.options.acceptAnyDate) throw unpointable(statement)
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
        : replacedByServer !== undefined || (errors.conversion === 'skip_row' && isJudgedByServer)
          ? 'conversion'
          : onConflict?.action === 'reject'
            ? 'unique'
            : undefined
    if (conflict && tolerates !== undefined && conflict.keep === (conflict.action === 'skip' ? 'last' : 'first')) {
      throw unkeepable(statement, conflict)
    }
    const told = this.#log?.told
    this.#log?.close()
    const decoded = {
      ...decodedBy(statement, table, planned, replacedByServer !== undefined),
      session: zones === 'possible' ? { ...session, zoneWords: 'all' as const } : session,
    }
    const log = new RejectLog({
      statement,
      file: input.name,
      ...(planned.fields && { fields: planned.fields.names }),
      columns: columns.flatMap((index) => table.columns[index] ?? []),
      ...(call.onReject && { onReject: call.onReject }),
      ...(!replay && { told }),
      ...(replay && { onReject: replay.noting(call.onReject) }),
      ...(call.rejects !== undefined && { path: call.rejects, ...inputFile(input, statement, call) }),
      // What is refused again stays with the load that refused it first.
      ...(record.ledger !== undefined &&
        replay === undefined && {
          keeps: {
            most: call.maxRejects ?? MOST_KEPT,
            rawLimit: statement.options.rejectBytes ?? call.maxRejectBytes ?? MOST_RAW,
          },
        }),
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
        ...(tolerates === undefined ? {} : { refusals: log.refusals(tolerates, replacedByServer) }),
        mayStartOver: this.#isHopeful && isAtRest(input) && replay === undefined,
        memoryLimit: limits.memoryLimit,
        ...(signal === undefined ? {} : { signal }),
      })
      if (signal?.aborted) throw aborted(signal)
      const counters = native.counters()
      await this.#checkWhole(input)
      // An input that was not read to its end, since enough of its rows were refused, does not balance.
      await log.finish()
      log.checkEnd(counters.rowsRead)
      const rowsRejected = log.count
      const { rowsConflicted = 0 } = outcome
      const { rowsPassedOver = 0 } = counters
      if (counters.rowsRead !== outcome.rowsLoaded + outcome.rowsFiltered + rowsConflicted + rowsRejected) {
        throw unbalanced(counters.rowsRead, outcome.rowsLoaded, outcome.rowsFiltered, rowsRejected)
      }
      const diagnosis = rowsRejected === 0 ? undefined : await log.diagnose()
      const resolution = record.ledger && (await replay?.finish(record.ledger, this.#id))
      return {
        id: this.#id,
        statement: replay?.text ?? statement.text,
        ...(statement.dialect && { dialect: statement.dialect }),
        ...(statement.notes && { notes: statement.notes }),
        target: this.target.kind,
        table: table.sqlName,
        columns: columns.map((index) => table.columns[index]?.name ?? ''),
        rowsRead: counters.rowsRead + rowsPassedOver,
        rowsLoaded: outcome.rowsLoaded,
        rowsFiltered: outcome.rowsFiltered + rowsPassedOver,
        rowsRejected,
        rowsConflicted,
        rowsReplaced: log.replaced,
        bytesReplaced: counters.bytesReplaced ?? 0,
        headerLines: counters.headerLines,
        linesSkipped: counters.linesSkipped ?? 0,
        bytesRead: counters.bytesRead,
        elapsedMs: 0,
        files: this.#files(input, native, log),
        ledger: record.ledger !== undefined,
        ...(record.ledger !== undefined &&
          rowsRejected > 0 && { rejectsRecorded: replay === undefined ? log.kept.length : rowsRejected }),
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

/** The file that a load reads, if it is one; of rows that were refused before, the one they came from. */
function inputFile(input: Input, statement: CopyFrom, { stdin }: CopyCallOptions): { readonly input?: InputFile } {
  if (input.kind === 'file') return { input: input.path }
  if (input.kind === 'files') return { input: input.paths }
  if (input.kind === 'remote') return {}
  if (statement.source.kind === 'file') return { input: localPath(statement.text, statement.source) }
  if (!(stdin instanceof Readable)) return {}
  // What a shell has opened has a descriptor, what createReadStream will open a path.
  const { fd, path } = stdin as { readonly fd?: unknown; readonly path?: unknown }
  return typeof fd === 'number' ? { input: fd } : typeof path === 'string' ? { input: path } : {}
}

/** Whether an input can be read again as it was. */
function isAtRest(input: Input): boolean {
  return input.kind === 'files' || (input.kind === 'file' && input.size !== undefined)
}

/** Whether an error is that of a first attempt, after which the statement starts over. */
function isFirstOnly(error: unknown): error is CopyError {
  return error instanceof CopyError && (error.code === LEFT_TO_SERVER || error.code === STARTS_OVER)
}

const TRANSPORT = {
  pg_binary: 'binary',
  pg_text: 'text',
  duckdb: 'vectors',
  duckdb_served: 'vectors',
} as const satisfies Record<SinkKind, string>

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

/** ON CONFLICT as the target is to carry it out; undefined where a conflict is an error like others. */
function conflictOf(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): ConflictRequest | undefined {
  const { onConflict } = statement.options
  if (onConflict === undefined || onConflict.action === 'error') return undefined
  const { action, keep, offset } = onConflict
  const at = { text: statement.text, offset }
  if (action === 'reject') {
    if (statement.options.format === 'binary') {
      throw new CopyError({
        code: 'feature_not_supported',
        sqlState: '0A000',
        message: 'ON CONFLICT DO REJECT cannot be used in BINARY mode',
        detail: 'Rejected rows are kept as they stand in the input, in lines.',
        hint: 'DO SKIP and DO UPDATE can.',
        statement: at,
      })
    }
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
