import { randomUUID } from 'node:crypto'
import { Connections } from './access/connections.ts'
import { AccessPolicy } from './access/policy.ts'
import { checkBalance, filesOf } from './balance.ts'
import { commonSchema } from './common-schema.ts'
import { type CopyCallOptions, checkCall, checkedLimits } from './copy-call.ts'
import {
  aborted,
  checkFreeze,
  emptyInput,
  isCancelled,
  otherKey,
  overtaken,
  placed,
  undefinedPart,
  undefinedTable,
} from './copy-errors.ts'
import { checkDelimiter } from './delimiter.ts'
import { CopyError } from './errors.ts'
import { runValidation } from './explain.ts'
import { isHeaderMatched, looksLikeHeader, matched } from './header.ts'
import { asRead, notesOf } from './load-columns.ts'
import { columnsOfSchema, planLoad, TRANSPORT } from './load-plan.ts'
import { aboutObject, LoadRecord, receiptOf, UNPREPARED } from './load-record.ts'
import { madeColumns, withMade } from './made-columns.ts'
import { loadAddon } from './native/addon.ts'
import { LEFT_TO_SERVER, type NativeLoad } from './native/load.ts'
import {
  type Input,
  type LoadLimits,
  openLoad,
  peekHeader,
  type Rereadable,
  readRemoteSchema,
  readSchema,
  type SchemaColumn,
  Spool,
} from './native/open.ts'
import { partitioned } from './partitions.ts'
import { reportProgress } from './progress.ts'
import type { Receipt, ReceiptCounts } from './receipt.ts'
import { RejectLog } from './reject-log.ts'
import { MOST_KEPT, MOST_RAW } from './rejects.ts'
import { copyHere, type LocalCopies, startOfFirst } from './remote-copies.ts'
import { openReplay, type Replay } from './replay.ts'
import type { Retention } from './retention.ts'
import { checkRowStatement, ofRows, RowFlaws, rowFields, withColumns } from './row-load.ts'
import { asGiven, RowText } from './row-text.ts'
import { abandonInput, closeFiles, discard, inputFile, openSource, type RowInput, streamed } from './source.ts'
import { type CopyFrom, isColumnar, type Statement } from './statement/ast.ts'
import { isTolerant } from './statement/error-policy.ts'
import { refusePending } from './statement/execution.ts'
import { parseStatement } from './statement/parser.ts'
import { type ColumnPlan, planColumns } from './statement/plan.ts'
import { type ProvenColumns, proveColumns } from './table-columns.ts'
import {
  type InferredColumn,
  STARTS_OVER,
  type TableDescription,
  type Target,
  type TargetTransaction,
  type ZonesInLiterals,
} from './target/target.ts'
import { checkTransform, stepsOf, unknownTypes } from './transform.ts'

/** Runs one statement on `target` from parsing to commit. */
export async function runCopy(
  target: Target,
  text: string,
  call: CopyCallOptions,
  {
    retention,
    access: outer,
    connections = Connections.of(),
  }: {
    readonly retention?: Retention | undefined
    readonly access?: AccessPolicy | undefined
    readonly connections?: Connections | undefined
  } = {},
): Promise<Receipt> {
  const started = performance.now()
  checkCall(text, call)
  const { signal } = call
  let statement: CopyFrom
  let limits: LoadLimits
  let source: Input | RowInput | undefined
  let replay: Replay | undefined
  try {
    const parsed: Statement = parseStatement(text)
    refusePending(parsed)
    limits = checkedLimits(call)
    const access = AccessPolicy.of(call.access, outer)
    if (signal?.aborted) throw aborted(signal)
    if (parsed.kind === 'copy rejects') {
      replay = await openReplay(target, parsed, call)
      statement = replay.statement
      access?.checkStatement(statement)
      checkTransform(statement)
      source = streamed([], replay.file)
    } else {
      statement = parsed
      access?.checkStatement(statement)
      checkTransform(statement)
      if (statement.options.validateOnly) return await runValidation(target, statement, call, access, connections)
      source = await openSource(statement, call, { access, connections, memoryLimit: limits.memoryLimit, signal })
      if (source.kind === 'rows') {
        checkRowStatement(statement)
        statement = ofRows(await withColumns(statement, source.rows, signal))
      }
      const found = partitioned(statement, source)
      statement = found.statement
      source = found.input
    }
  } catch (error) {
    if (source?.kind === 'rows') source.rows.close()
    else abandonInput(call)
    throw signal?.aborted && !isCancelled(error) ? aborted(signal, error) : error
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
  /** Objects of other machines that had to be read more than once. */
  #copies: LocalCopies | undefined
  #native: NativeLoad | undefined
  /** From here on the rows may have been loaded whatever is answered. */
  committing = false
  readonly #id = randomUUID()
  readonly #record: LoadRecord
  /** Once the table is known. */
  #log: RejectLog | undefined
  #rowFlaws: RowFlaws | undefined
  /** Of a load that failed: whether its rejects are in their file. */
  #isFileWritten = false
  /** No row is known yet that the target refuses. */
  #isHopeful = true

  constructor(
    readonly target: Target,
    readonly statement: CopyFrom,
    readonly source: Input | RowInput,
    readonly limits: LoadLimits,
    readonly call: CopyCallOptions,
    readonly started: number,
    readonly replay: Replay | undefined,
  ) {
    const text = replay?.text ?? statement.text
    this.#record = new LoadRecord({
      id: this.#id,
      target,
      statement,
      source,
      text,
      isReplay: replay !== undefined,
      call,
    })
  }

  /** The attached database that the rows went to, in DuckDB. */
  get catalog(): string | undefined {
    return this.#record.catalog
  }

  async run(): Promise<Receipt> {
    checkFreeze(this.statement, this.target)
    await this.#record.prepare()
    for (let zones: ZonesInLiterals = 'unexpected'; ; ) {
      try {
        return await this.#attempt(zones)
      } catch (error) {
        if (!isFirstOnly(error)) throw error
        if (error.code === LEFT_TO_SERVER) zones = 'present'
        else if (error.code === UNPREPARED) await this.#record.prepare()
        else this.#isHopeful = false
      }
    }
  }

  async #attempt(expected: ZonesInLiterals): Promise<Receipt> {
    const { source } = this
    const bytes = source.kind === 'file' || source.kind === 'files' ? source.size : undefined
    const transaction = await this.target.begin(this.call.signal, bytes).catch(async (error: unknown) => {
      if (this.call.signal?.aborted) await this.#noteFailure(error)
      throw error
    })
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
    } catch (reason) {
      let error = this.#rowFlaws?.explain(reason) ?? reason
      // Native threads must be gone before the target lets go of what they might still feed.
      await this.#native?.close()
      await transaction.rollback()
      const loaded = await this.#record.loadedBefore(error, this.committing)
      if (loaded instanceof CopyError) error = loaded
      else if (loaded !== undefined) return loaded
      await this.#noteFailure(error)
      throw await this.#diagnosed(error)
    }
  }

  /** The error, with what its load is called in the record; that of a limit which was exceeded, with what was wrong with the rows. */
  async #diagnosed(error: unknown): Promise<unknown> {
    const log = this.#log
    const loadId = this.#record.isFailureRecorded ? this.#id : undefined
    const isExcess = error === log?.excess
    if (!(error instanceof CopyError) || this.call.signal?.aborted) return error
    if (!isExcess && loadId === undefined) return error
    const { code, sqlState, message, position, detail, context, statement, cause } = error
    let { hint, diagnosis } = error
    if (log !== undefined && isExcess) {
      const rejected = await log.diagnose()
      diagnosis = rejected.length === 0 ? await log.diagnoseReplaced() : rejected
      const places = [
        ...(this.call.rejects !== undefined && this.#isFileWritten ? [`the file "${this.call.rejects}"`] : []),
        ...(loadId !== undefined && log.kept.length > 0 ? [`copyist.rejects, WHERE load_id = '${loadId}'`] : []),
      ]
      if (places.length > 0) hint = `${hint} The rejected rows are in ${places.join(' and in ')}.`
    }
    return new CopyError({
      code,
      sqlState,
      message,
      position,
      detail,
      hint,
      context,
      statement,
      diagnosis,
      loadId,
      cause,
    })
  }

  /** What was refused is handed on, and the failure recorded. */
  async #noteFailure(error: unknown): Promise<void> {
    const log = this.#log
    const isOurs = isFirstOnly(error)
    const isUnknown = this.committing && error instanceof CopyError && error.sqlState === '08007'
    if ((log === undefined && !this.#record.isIntoNew) || isOurs || isUnknown) return
    try {
      await log?.finish()
      this.#isFileWritten = true
    } catch {
      // The file of rejects cannot be written. The load's own error matters more.
    }
    const { signal } = this.call
    // Whatever failed first because of the abort, the abort is what happened.
    const reason = signal?.aborted && !isCancelled(error) && !this.committing ? aborted(signal, error) : error
    const file = this.replay?.file ?? this.source.name
    const files =
      (this.source.kind === 'files' || this.source.kind === 'remote') && this.#native && log
        ? filesOf(this.source, this.#native, log).map(({ path, bytes, rows: rowsRead, rowsRejected, ...file }) => ({
            path,
            bytes,
            rowsRead,
            rowsLoaded: 0,
            rowsRejected,
            ...aboutObject(file),
          }))
        : undefined
    await this.#record.fail(reason, log, {
      counters: this.#native?.counters(),
      file,
      files,
      isAborted: signal?.aborted,
    })
  }

  async dispose(): Promise<void> {
    await this.#native?.close()
    this.#spool?.dispose()
    await this.#copies?.dispose()
    if (this.source.kind === 'stream') discard(this.source.stream)
    else if (this.source.kind === 'rows') this.source.rows.close()
    else await closeFiles(this.source)
  }

  /** The input as one that can be read more than once. */
  async #kept(input: Input | RowInput): Promise<Rereadable> {
    if (input.kind === 'rows') throw undefinedTable(this.statement)
    const { limits, call } = this
    if (input.kind === 'remote') {
      this.#copies = await copyHere(input, this.statement, call.signal)
      return this.#copies.input
    }
    if (input.kind !== 'stream') return input
    // Half of the limit: the other half is for the load that follows.
    this.#spool = new Spool(Math.floor(limits.memoryLimit / 2))
    await this.#spool.fill(input.stream, input.name, call.signal, this.statement.options)
    if (call.signal?.aborted) throw aborted(call.signal)
    return { kind: 'spool', spool: this.#spool, name: input.name }
  }

  /** The names in the header, and the input that has it. */
  async #peek(
    statement: CopyFrom,
    input: Input | RowInput,
    table: string,
  ): Promise<[names: readonly string[], input: Input]> {
    const { limits, call } = this
    const look = { options: statement.options, table, limits }
    const start = input.kind === 'remote' ? await startOfFirst(input, statement, limits, call.signal) : undefined
    if (start === undefined) {
      const kept = await this.#kept(input)
      return [peekHeader(look, kept), kept]
    }
    try {
      return [peekHeader(look, start.sample), start.input]
    } finally {
      start.sample.spool.dispose()
    }
  }

  /** The rows as a stream of TEXT. */
  #written(input: RowInput, table: TableDescription, planned: ColumnPlan, mostFlawed: number): Input {
    const { default: marker, ignoreExtraData } = this.statement.options
    const fields = rowFields(table, planned)
    const text = new RowText({
      target: this.target.kind,
      fields,
      ...(marker !== undefined && { marker }),
      dropsExtra: ignoreExtraData,
      mostFlawed,
    })
    const { ofColumn } = planned.fields ?? {}
    this.#rowFlaws = new RowFlaws(input.rows, text, fields, (field) => (ofColumn ? ofColumn.indexOf(field) : field))
    return streamed(input.rows.written(text), input.name)
  }

  /** The columns of a table made from the input, whose types its values prove. */
  async #prove(statement: CopyFrom, input: Rereadable): Promise<ProvenColumns['columns']> {
    const { columns, fields } = await proveColumns(statement, this.limits, input, this.call.signal)
    if (fields === 1) await checkDelimiter(statement, input)
    return columns
  }

  async #load(transaction: TargetTransaction, expected: ZonesInLiterals): Promise<Receipt> {
    const { limits, call, replay } = this
    let { statement } = this
    const record = this.#record
    const { signal } = call
    let input: Input | RowInput = this.#spool
      ? { kind: 'spool', spool: this.#spool, name: this.source.name }
      : (this.#copies?.input ?? this.source)
    let createdTable: string | undefined
    let table = await transaction.describe(statement.table)
    const { errors, loadKey } = statement.options
    const isBinary = statement.options.format === 'binary'
    let ledgerProblem: CopyError | undefined
    if (table === undefined) {
      const missing = await transaction.missingPart(statement.table)
      if (missing !== undefined) throw undefinedPart(statement, missing)
      // A file in the binary format tells neither the names nor the types of its columns.
      if (isBinary || !(statement.options.createTable ?? call.createTable ?? false)) throw undefinedTable(statement)
      if (statement.options.transform) throw unknownTypes(statement)
      record.intoNew()
    }
    const isOpenedFirst = loadKey !== undefined || table === undefined
    if (isOpenedFirst) {
      // Before the table is made: one that has been dropped since is not made anew, and a failure until then is recorded, too.
      ledgerProblem = await record.open(transaction, table ? table.catalog : statement.table.catalog?.value)
    }
    if (loadKey !== undefined) {
      const before = await record.before()
      const receipt = before && receiptOf(before)
      if (receipt !== undefined) {
        if (!isInto(receipt, table, statement)) throw otherKey(statement, loadKey, receipt)
        return receipt
      }
    }
    let headerDetected: boolean | undefined
    // Refused rows are tried without their header.
    if (statement.options.detectHeader && statement.options.header === 'false' && replay === undefined) {
      const kept = await this.#kept(input)
      input = kept
      headerDetected = (await looksLikeHeader(statement, kept, limits, signal)).isHeader
      const header = headerDetected ? 'true' : 'false'
      statement = { ...statement, options: { ...statement.options, header } }
    }
    let schema: readonly SchemaColumn[] | undefined
    if (isColumnar(statement.options.format)) {
      if (input.kind === 'remote') {
        schema = await readRemoteSchema(statement.options.format, input, limits, signal)
      } else {
        // A file of columns is read from its end.
        const kept = await this.#kept(input)
        input = kept
        schema = await readSchema(statement.options.format, kept)
      }
      if (table === undefined) schema = await commonSchema(statement, schema, input, limits, signal)
    }
    if (table === undefined) {
      let columns: readonly InferredColumn[]
      if (schema) {
        columns = columnsOfSchema(statement, schema)
      } else {
        const kept = await this.#kept(input)
        input = kept
        columns = await this.#prove(statement, kept)
      }
      if (columns.length === 0) throw emptyInput(statement, input.name)
      columns = withMade(statement, columns, await madeColumns(statement, input, limits))
      createdTable = await transaction.createTable(statement.table, columns).catch((error: unknown) => {
        throw error instanceof CopyError && error.sqlState === '42P07' ? overtaken(statement, error) : error
      })
      table = await transaction.describe(statement.table)
      if (table === undefined) throw undefinedTable(statement)
    }
    let header: readonly string[] | undefined = replay?.header ?? schema?.map(({ name }) => name)
    const isMatched = createdTable === undefined && isHeaderMatched(statement)
    if ((statement.options.mapByName || isMatched) && header === undefined) {
      const peeked = await this.#peek(statement, input, table.relationName)
      header = peeked[0]
      input = peeked[1]
      if (isMatched) {
        statement = matched(statement, header, table)
        if (!statement.options.mapByName) header = undefined
      }
    }
    const planned = planColumns(
      statement,
      {
        relationName: table.relationName,
        columns: table.columns,
        caseInsensitive: this.target.capabilities.caseInsensitiveNames,
        isOfInput: createdTable !== undefined,
      },
      // There is nothing to be matched in an empty input.
      header?.length === 0 ? undefined : header,
    )
    table = asRead(statement, table, planned)
    record.into(table)
    const { columns } = planned
    const steps = stepsOf(planned)
    // What the decoder reads: the table's columns, but for those that an expression, or another type, comes before.
    const fields = steps ? await transaction.transform(table, columns, steps) : table
    if (!isOpenedFirst) ledgerProblem = await record.open(transaction, table.catalog)
    if (replay !== undefined) {
      if (record.ledger === undefined) throw ledgerProblem
      this.#spool?.dispose()
      this.#spool = undefined
      this.#spool = await replay.read(record.ledger, Math.floor(limits.memoryLimit / 2), { signal, header })
      input = { kind: 'spool', spool: this.#spool, name: replay.file, ...replay.known }
    }
    const { sink, usesDefaults, conflict, tolerates, replacedByServer, decoded } = await planLoad(
      this.target,
      transaction,
      {
        statement,
        table,
        planned,
        zones: input.kind === 'stream' || input.kind === 'rows' ? 'possible' : expected,
        ...(steps && { fields }),
        ...(replay && { numbered: (columns) => replay.numbered(columns) }),
      },
    )
    const notes = notesOf(statement, fields, planned, createdTable !== undefined)
    const told = this.#log?.told
    this.#log?.close()
    const log = new RejectLog({
      statement,
      file: input.name,
      ...(planned.fields && { fields: planned.fields.names }),
      columns: columns.flatMap((index) => fields.columns[index] ?? []),
      ...(input.kind === 'rows' && { asGiven }),
      ...(call.onReject && { onReject: call.onReject }),
      ...(call.onReplace && { onReplace: call.onReplace }),
      told,
      ...(replay && { note: replay.noting() }),
      ...(call.rejects !== undefined && { path: call.rejects, ...inputFile(input, statement, call) }),
      // What is refused again stays with the load that refused it first.
      ...(record.ledger !== undefined &&
        replay === undefined && {
          keeps: {
            most: call.maxRejects ?? MOST_KEPT,
            rawLimit: statement.options.rejectBytes ?? call.maxRejectBytes ?? MOST_RAW,
          },
        }),
      kit: {
        target: this.target.kind,
        options: statement.options,
        table: table.relationName,
        dialect: statement.dialect?.name,
        ...decoded,
      },
    })
    this.#log = log
    const bytes = input.kind === 'rows' ? this.#written(input, table, planned, log.wants.most) : input
    const take = (replay ?? this.#rowFlaws)?.taking(log.takeNative) ?? log.takeNative
    const opened = openLoad(
      {
        options: replay?.options ?? statement.options,
        ...decoded,
        sink,
        table: table.relationName,
        limits,
        loadId: this.#id,
        isFramed: tolerates === undefined && conflict === undefined && steps === undefined,
        keepsRecords: tolerates !== undefined,
        ...((isTolerant(errors) || statement.options.acceptAnyDate) && { rejects: { take, ...log.wants } }),
      },
      bytes,
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
        ...(statement.options.freeze && { freezes: true }),
        ...(steps && { isTransformed: true }),
        ...(conflict === undefined ? {} : { conflict }),
        ...(tolerates === undefined ? {} : { refusals: log.refusals(tolerates, replacedByServer) }),
        mayStartOver: this.#isHopeful && isAtRest(input) && replay === undefined,
        memoryLimit: limits.memoryLimit,
        ...(signal === undefined ? {} : { signal }),
      })
      if (statement.options.analyze) await transaction.analyze(table)
      if (signal?.aborted) throw aborted(signal)
      const counters = native.counters()
      // An input that was not read to its end, since enough of its rows were refused, does not balance.
      await log.finish()
      log.checkEnd(counters.rowsRead)
      const rowsRejected = log.count
      const { rowsConflicted = 0 } = outcome
      const { rowsPassedOver = 0 } = counters
      const rowsRead = counters.rowsRead + rowsPassedOver
      const { bytesRead } = counters
      const counts: ReceiptCounts = {
        rowsLoaded: outcome.rowsLoaded,
        rowsFiltered: outcome.rowsFiltered + rowsPassedOver,
        rowsRejected,
        rowsConflicted,
        rowsReplaced: log.replaced,
        headerLines: counters.headerLines,
        linesSkipped: counters.linesSkipped ?? 0,
        blankLines: counters.blankLines ?? 0,
      }
      const files =
        input.kind === 'files' || input.kind === 'remote'
          ? filesOf(input, native, log).map((file) => ({
              ...file,
              // The target does not say which file the rows are from that it holds back.
              ...(outcome.rowsFiltered + rowsConflicted === 0 && {
                rowsLoaded: file.rows - file.rowsFiltered - file.rowsRejected,
                rowsConflicted: 0,
              }),
            }))
          : [{ path: input.name, bytes: bytesRead, rows: rowsRead, ...counts }]
      checkBalance({ rowsRead, bytesRead, ...counts, files })
      const diagnosis = rowsRejected === 0 ? undefined : await log.diagnose()
      const replaced = log.replaced === 0 ? undefined : await log.diagnoseReplaced()
      const resolution = record.ledger && (await replay?.finish(record.ledger, this.#id, rowsPassedOver))
      return {
        id: this.#id,
        statement: replay?.text ?? statement.text,
        ...(statement.dialect && { dialect: statement.dialect }),
        ...(notes.length > 0 && { notes }),
        target: this.target.kind,
        table: table.sqlName,
        columns: columns.map((index) => table.columns[index]?.name ?? ''),
        ...(counters.encoding !== undefined && { encoding: counters.encoding }),
        ...(statement.options.mapByName && header && { fields: header }),
        rowsRead,
        ...counts,
        bytesReplaced: counters.bytesReplaced ?? 0,
        ...(headerDetected !== undefined && { headerDetected }),
        bytesRead,
        elapsedMs: 0,
        files,
        ledger: record.ledger !== undefined,
        ...(record.ledger !== undefined &&
          rowsRejected > 0 && { rejectsRecorded: replay === undefined ? log.kept.length : rowsRejected }),
        ...(record.ledger !== undefined &&
          log.replaced > 0 &&
          replay === undefined && { replacedRecorded: log.keptReplaced.length }),
        ...(diagnosis && { diagnosis }),
        ...(replaced && { replaced }),
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

/** Whether a load was into this table; of one that is not there, into one of its name. */
function isInto(receipt: Receipt, table: TableDescription | undefined, { table: { name } }: CopyFrom): boolean {
  if (table !== undefined) return receipt.table === table.sqlName
  const last = receipt.table.match(/"(?:[^"]|"")*"|[^."]+/g)?.at(-1) ?? ''
  const bare = last.startsWith('"') ? last.slice(1, -1).replaceAll('""', '"') : last
  return bare.toLowerCase() === name.value.toLowerCase()
}

/** Whether an input can be read again as it was. */
function isAtRest(input: Input | RowInput): boolean {
  return input.kind === 'files' || (input.kind === 'file' && input.size !== undefined)
}

/** Whether an error is that of a first attempt, after which the statement starts over. */
function isFirstOnly(error: unknown): error is CopyError {
  return error instanceof CopyError && [LEFT_TO_SERVER, STARTS_OVER, UNPREPARED].includes(error.code)
}
