import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { Connections } from './access/connections.ts'
import { AccessPolicy } from './access/policy.ts'
import { commonSchema } from './common-schema.ts'
import { type CopyCallOptions, checkCall, checkedLimits } from './copy-call.ts'
import { aborted, checkFreeze, emptyInput, otherKey, placed, undefinedPart, undefinedTable } from './copy-errors.ts'
import { checkDelimiter } from './delimiter.ts'
import { CopyError } from './errors.ts'
import type { ExplainedColumn, ExplainedInput, ExplainedLoad, Explanation } from './explanation.ts'
import { isHeaderMatched, looksLikeHeader, matched } from './header.ts'
import { findLedger } from './ledger/open.ts'
import { asRead, notesOf } from './load-columns.ts'
import { columnsOfSchema, plainOptions, planLoad, TRANSPORT, type TravelPlan } from './load-plan.ts'
import { receiptOf } from './load-record.ts'
import { madeColumns, withMade } from './made-columns.ts'
import { loadAddon } from './native/addon.ts'
import { firstBytes, MARK_BYTES } from './native/first-bytes.ts'
import { type DatePatterns, isRead, type LoadColumn } from './native/load.ts'
import {
  type Input,
  type LoadLimits,
  namesOf,
  peekHeader,
  type Rereadable,
  readRemoteSchema,
  readSchema,
  type SchemaColumn,
  Spool,
  splitOf,
} from './native/open.ts'
import { checkText, claim, hold, isNodeStream, leaveRejections, pump } from './native/pump.ts'
import { partitioned } from './partitions.ts'
import { isRemoteAddress, localPath, shownAddress } from './path.ts'
import type { Receipt } from './receipt.ts'
import { copyHere, type LocalCopies, startOfFirst } from './remote-copies.ts'
import { abandonInput, closeFiles, discard, inputFile, openSource } from './source.ts'
import {
  type ColumnarFormat,
  type Compression,
  type CopyFrom,
  type ErrorPolicy,
  isColumnar,
  type Name,
} from './statement/ast.ts'
import { refusePending } from './statement/execution.ts'
import { explainOptions } from './statement/explain.ts'
import { parseStatement, unexplainable } from './statement/parser.ts'
import { type ColumnPlan, planColumns } from './statement/plan.ts'
import { proveColumns, provingPlan } from './table-columns.ts'
import type { FieldStep, TableDescription, Target, TargetTransaction } from './target/target.ts'
import { checkTransform, stepsOf, unknownTypes } from './transform.ts'
import { explainTypes } from './type-evidence.ts'
import { isReadTwice, tolerantOf, type Validation, validateInput } from './validation.ts'

/** Says what a statement would do. Nothing is written to the target. */
export async function runExplain(
  target: Target,
  text: string,
  call: CopyCallOptions,
  {
    access: outer,
    connections = Connections.of(),
  }: { readonly access?: AccessPolicy | undefined; readonly connections?: Connections | undefined } = {},
): Promise<Explanation> {
  let access: AccessPolicy | undefined
  let statement: CopyFrom
  let isValidated = false
  try {
    checkCall(text, call)
    const parsed = parseStatement(text)
    if (parsed.kind === 'copy rejects') throw unexplainable(parsed.text, 0)
    statement = parsed.kind === 'explain' ? parsed.statement : parsed
    isValidated = (parsed.kind === 'explain' && parsed.validate) || statement.options.validateOnly === true
    access = AccessPolicy.of(call.access, outer)
    access?.checkStatement(statement)
  } catch (error) {
    abandonInput(call)
    throw error
  }
  return await new Work(target, statement, call, isValidated, access, connections).run()
}

/**
 * Carries out VALIDATE_ONLY: the receipt of a load that loads nothing.
 *
 * Rejects with CopyError where the load would have failed, with what is wrong with all rows as its diagnosis.
 */
export async function runValidation(
  target: Target,
  statement: CopyFrom,
  call: CopyCallOptions,
  access: AccessPolicy | undefined,
  connections: Connections,
): Promise<Receipt> {
  const started = performance.now()
  const { failure, validation, table, load, columns, header, notes } = await new Work(
    target,
    statement,
    call,
    true,
    access,
    connections,
  ).run()
  if (failure !== undefined) throw withDiagnosis(failure, validation)
  if (validation === undefined || table === undefined || load === undefined || columns === undefined) {
    throw new TypeError('an input was validated without a result')
  }
  const { diagnosis, files, ...counts } = validation
  return {
    id: randomUUID(),
    statement: statement.text,
    ...(statement.dialect && { dialect: statement.dialect }),
    ...(notes && { notes }),
    target: target.kind,
    table: table.name,
    columns: columns.filter(({ isLoaded }) => isLoaded).map(({ name }) => name),
    ...counts,
    rowsLoaded: 0,
    rowsConflicted: 0,
    elapsedMs: performance.now() - started,
    files,
    ...(header && { headerDetected: header.isHeader }),
    ledger: false,
    ...(diagnosis && { diagnosis }),
    transport: load.transport,
    threads: load.threads,
    instructionSet: loadAddon().info().instructionSet,
  }
}

function withDiagnosis(failure: CopyError, validation: Validation | undefined): CopyError {
  const { code, sqlState, message, position, detail, hint, context, statement, cause } = failure
  const diagnosis = validation?.diagnosis
  return new CopyError({ code, sqlState, message, position, detail, hint, context, statement, diagnosis, cause })
}

/** Bytes at the beginning of a stream among which its header is looked for. */
const HEADER_BYTES = 256 * 1024

/** The input, of which no more is read than is asked for. */
class LazyInput {
  readonly #statement: CopyFrom
  readonly #call: CopyCallOptions
  readonly #limits: LoadLimits
  readonly #access: AccessPolicy | undefined
  readonly #connections: Connections
  #opened: Input | undefined
  #spool: Spool | undefined
  #copies: LocalCopies | undefined
  /** The beginning of an object of another machine. */
  #sample: Spool | undefined
  #read: ExplainedInput['read'] = 'nothing'
  /** Once it is known: what is explained is described before it is read, and afterwards. */
  #compression: ExplainedInput['compression']

  constructor(
    statement: CopyFrom,
    call: CopyCallOptions,
    limits: LoadLimits,
    access: AccessPolicy | undefined,
    connections: Connections,
  ) {
    this.#statement = statement
    this.#call = call
    this.#limits = limits
    this.#access = access
    this.#connections = connections
  }

  /** Looks at a file, and leaves what cannot be read twice alone. */
  async describe(): Promise<ExplainedInput> {
    const { source, text } = this.#statement
    const read = this.#read
    const isWhole = this.#spool !== undefined && read === 'all'
    const spooled = isWhole ? { bytes: this.#spool?.size ?? 0 } : {}
    if (source.kind === 'stdin') return { name: 'STDIN', kind: 'stream', ...spooled, ...(await this.#packed()), read }
    // Under rules not even whether there is such a file is told before they allow it.
    if (this.#access || isRemoteAddress(source.path)) {
      await this.open()
      const opened = this.#opened
      if (opened?.kind === 'remote') {
        const { name, objects } = opened
        const files = objects.map(({ address }) => shownAddress(address))
        // Those that were found in a list, or asked for, have sizes.
        const bytes = objects.reduce((sum, { size = Number.NaN }) => sum + size, 0)
        const sized = Number.isSafeInteger(bytes) ? { bytes } : {}
        const named = files.length > 1 ? { files } : {}
        return { name, kind: 'remote', ...named, ...sized, ...(await this.#packed(opened)), read }
      }
    }
    const found = await stat(localPath(text, source)).catch(() => undefined)
    const isStream = found?.isFIFO() || found?.isCharacterDevice() || found?.isSocket()
    if (isStream) return { name: source.path, kind: 'stream', ...spooled, ...(await this.#packed()), read }
    // Opened, what is missing or no text is told as a load tells it.
    const opened = await this.open()
    if (opened.kind === 'files') {
      const { name, size } = opened
      return { name, kind: 'files', files: namesOf(opened), bytes: size, ...(await this.#packed(opened)), read }
    }
    if (opened.kind === 'file' && opened.size !== undefined) {
      return { name: opened.name, kind: 'file', bytes: opened.size, ...(await this.#packed(opened)), read }
    }
    if (found === undefined) throw missingFile(source.path)
    return { name: source.path, kind: 'file', bytes: found.size, ...(await this.#packed(opened)), read }
  }

  /** How the input is compressed, as its first bytes tell a load; absent where they are not at hand, or inputs differ. */
  async #packed(input?: Input): Promise<Pick<ExplainedInput, 'compression'>> {
    const { format, remote } = this.#statement.options
    const asked = remote?.compression
    if (isColumnar(format)) return { compression: 'none' }
    if (asked !== undefined) return { compression: asked }
    if (this.#compression !== undefined) return { compression: this.#compression }
    const found = new Set<ExplainedInput['compression']>()
    for await (const [name, start] of this.#starts(input)) {
      found.add(start && ((loadAddon().codecOf('auto', name, start) ?? 'none') as Compression | 'none'))
    }
    const [compression, ...others] = found
    if (compression === undefined || others.length > 0) return {}
    this.#compression = compression
    return { compression }
  }

  /** The names and the first bytes of what is read; of objects of another machine only of one, and of a stream only if it was read. */
  async *#starts(opened: Input | undefined): AsyncGenerator<readonly [string, Buffer | undefined]> {
    const input = this.#copies?.input ?? opened
    if (this.#spool !== undefined) yield ['STDIN', this.#spool.start]
    else if (input?.kind === 'remote') {
      const [object, ...others] = input.objects
      if (object === undefined || others.length > 0) return
      const { bytes } = await input.store.start(object, MARK_BYTES, this.#call.signal)
      yield [shownAddress(object.address), bytes]
    } else if (input?.kind === 'file') yield [input.name, await firstBytes(input.path, MARK_BYTES)]
    else if (input?.kind === 'files') {
      const names = namesOf(input)
      for (const [index, path] of input.paths.entries())
        yield [names[index] ?? path, await firstBytes(path, MARK_BYTES)]
    }
  }

  /** The statement with the columns that the paths of its files name. */
  async partition(statement: CopyFrom): Promise<CopyFrom> {
    const found = partitioned(statement, await this.open())
    this.#opened = found.input
    return found.statement
  }

  /** What was read of it. */
  note(read: ExplainedInput['read']): void {
    if (this.#read !== 'all') this.#read = read
  }

  /** The input as a load has it. */
  async open(): Promise<Input> {
    if (this.#opened === undefined) {
      const opened = await openSource(this.#statement, this.#call, {
        access: this.#access,
        connections: this.#connections,
        memoryLimit: this.#limits.memoryLimit,
        signal: this.#call.signal,
      })
      if (opened.kind === 'rows') {
        opened.rows.close()
        throw new CopyError({
          code: 'feature_not_supported',
          sqlState: '0A000',
          message: 'the rows of a program cannot be explained',
          hint: 'Load them, with ON_ERROR skip_row to find all that is wrong with them.',
        })
      }
      this.#opened = opened
    }
    if (this.#copies !== undefined) return this.#copies.input
    if (this.#spool === undefined) return this.#opened
    return { kind: 'spool', spool: this.#spool, name: this.#opened.name }
  }

  /** The input as one that can be read more than once: of a stream all is read. */
  async whole(): Promise<Rereadable> {
    const input = await this.open()
    this.note('all')
    if (input.kind === 'remote') {
      this.#copies = await copyHere(input, this.#statement, this.#call.signal)
      return this.#copies.input
    }
    if (input.kind !== 'stream') return input
    const { signal } = this.#call
    const spool = this.#keep()
    await spool.fill(input.stream, input.name, signal, this.#statement.options)
    if (signal?.aborted) throw aborted(signal)
    return { kind: 'spool', spool, name: input.name }
  }

  /** The columns of an input that tells them: of a file only what tells them is read. */
  async schema(format: ColumnarFormat): Promise<SchemaColumn[]> {
    const input = await this.open()
    if (input.kind === 'stream') return await readSchema(format, await this.whole())
    this.note(format === 'parquet' ? 'the end' : 'the beginning')
    if (input.kind === 'remote') return await readRemoteSchema(format, input, this.#limits, this.#call.signal)
    return await readSchema(format, input)
  }

  /** What shows whether there is a header: of a stream all is read. */
  async sample(): Promise<Rereadable> {
    const input = await this.open()
    if (input.kind === 'stream' || input.kind === 'remote') return await this.whole()
    this.note('the beginning')
    return input
  }

  /** At least its first record, if that is not very long. */
  async start(): Promise<Rereadable> {
    const input = await this.open()
    this.note('the beginning')
    if (input.kind === 'remote') {
      const found = await startOfFirst(input, this.#statement, this.#limits, this.#call.signal)
      if (found === undefined) return await this.whole()
      this.#sample = found.sample.spool
      return found.sample
    }
    if (input.kind !== 'stream') return input
    const enough = new AbortController()
    const chunks: Buffer[] = []
    let bytes = 0
    claim(input.stream, 'stdin')
    await pump(input.stream, anyOf(enough.signal, this.#call.signal), (chunk, isText) => {
      if (isText) checkText(this.#statement.options.encoding)
      // A copy: whose the chunk is may use it again.
      chunks.push(Buffer.from(chunk.subarray(0, HEADER_BYTES - bytes)))
      bytes += chunk.length
      if (bytes >= HEADER_BYTES || chunk.includes('\n')) enough.abort()
      return true
    })
    if (this.#call.signal?.aborted) throw aborted(this.#call.signal)
    const spool = this.#keep()
    await spool.fill(chunks, input.name, undefined)
    return { kind: 'spool', spool, name: input.name }
  }

  #keep(): Spool {
    // Half of the limit: the other half is for whoever reads it.
    this.#spool = new Spool(Math.floor(this.#limits.memoryLimit / 2))
    return this.#spool
  }

  /** A stream that was not asked for is left as it was. */
  async dispose(): Promise<void> {
    this.#spool?.dispose()
    this.#sample?.dispose()
    await this.#copies?.dispose()
    if (this.#opened?.kind === 'stream') discard(this.#opened.stream)
    if (this.#opened) await closeFiles(this.#opened)
  }
}

function anyOf(signal: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? signal : AbortSignal.any([signal, other])
}

function missingFile(path: string): CopyError {
  return new CopyError({
    code: 'undefined_file',
    sqlState: '58P01',
    message: `could not open file "${path}" for reading: No such file or directory`,
    position: { file: path },
  })
}

type Draft = { -readonly [Key in keyof Explanation]: Explanation[Key] }

/** One explanation while it is made. */
class Work {
  readonly #started = performance.now()

  constructor(
    readonly target: Target,
    readonly statement: CopyFrom,
    readonly call: CopyCallOptions,
    readonly isValidated: boolean,
    readonly access: AccessPolicy | undefined,
    readonly connections: Connections,
  ) {}

  async run(): Promise<Explanation> {
    const { statement, target, call } = this
    const draft: Draft = {
      statement: statement.text,
      validated: this.isValidated,
      target: target.kind,
      dialect: statement.dialect ?? { name: 'postgresql', found: 'default' },
      options: explainOptions(statement),
      ...(statement.notes && { notes: statement.notes }),
      unchecked: [],
      elapsedMs: 0,
    }
    let limits: LoadLimits
    let transaction: TargetTransaction
    const { stdin } = call
    leaveRejections(stdin)
    leaveRejections(call.rows)
    // One that does not flow is not touched, since it may not be read.
    const letFlow = isNodeStream(stdin) && stdin.readableFlowing ? hold(stdin) : () => {}
    try {
      limits = checkedLimits(call)
      transaction = await target.look(call.signal)
    } catch (error) {
      abandonInput(call)
      throw error
    }
    const input = new LazyInput(statement, call, limits, this.access, this.connections)
    try {
      await this.#fill(draft, transaction, input, limits)
    } catch (error) {
      if (call.signal?.aborted) throw aborted(call.signal, error)
      // Without a connection nothing can be said of the statement.
      if (!(error instanceof CopyError) || /^(?:08|57)/.test(error.sqlState)) throw error
      const name = draft.input?.name ?? 'STDIN'
      draft.failure = placed(error, statement, name)
    } finally {
      await transaction.rollback()
      await input.dispose()
      letFlow()
    }
    return { ...draft, elapsedMs: performance.now() - this.#started }
  }

  /** Finds out one thing after the other, up to what the load would fail at. */
  async #fill(draft: Draft, transaction: TargetTransaction, input: LazyInput, limits: LoadLimits): Promise<void> {
    const { call } = this
    let { statement } = this
    refusePending(statement)
    checkTransform(statement)
    checkFreeze(statement, this.target)
    draft.input = await input.describe()
    const found = await transaction.describe(statement.table)
    if (statement.options.loadKey !== undefined) await this.#findKey(draft, transaction, found)
    if (statement.options.detectHeader && statement.options.header === 'false') {
      draft.header = await looksLikeHeader(statement, await input.sample(), limits, call.signal)
      const header = draft.header.isHeader ? 'true' : 'false'
      statement = { ...statement, options: { ...statement.options, header } }
    }
    if (statement.options.hivePartitioning) statement = await input.partition(statement)
    const schema = isColumnar(statement.options.format) ? await input.schema(statement.options.format) : undefined
    const planned = found ? undefined : await this.#planTable(statement, transaction, input, limits, schema)
    let table = found ?? planned?.description
    if (table === undefined) throw undefinedTable(statement)
    draft.table = { name: table.sqlName, exists: found !== undefined, ...(planned && { ddl: planned.ddl }) }
    let header = schema?.map(({ name }) => name)
    const isMatched = found !== undefined && isHeaderMatched(statement)
    if (statement.options.mapByName || isMatched) {
      const kept = await (this.isValidated ? input.whole() : input.start())
      header = peekHeader({ options: statement.options, table: table.relationName, limits }, kept)
      if (isMatched) {
        statement = matched(statement, header, table)
        if (!statement.options.mapByName) header = undefined
      }
    }
    const { options } = statement
    const { caseInsensitiveNames: caseInsensitive } = this.target.capabilities
    const { relationName, columns } = table
    const plan = planColumns(
      statement,
      { relationName, columns, caseInsensitive, isOfInput: found === undefined },
      header?.length === 0 ? undefined : header,
    )
    table = asRead(statement, table, plan)
    const exists = found !== undefined
    const steps = stepsOf(plan)
    const fields = steps ? await transaction.transform(table, plan.columns, steps) : table
    if (statement.where) await transaction.lookAtCondition(table, plan.columns, statement.where.sql, exists)
    const notes = notesOf(statement, fields, plan, !exists)
    if (notes.length > 0) draft.notes = notes
    const zones = draft.input.kind === 'stream' ? 'possible' : 'unexpected'
    const travel = await planLoad(this.target, transaction, {
      statement,
      table,
      planned: plan,
      zones,
      isNew: !exists,
      ...(steps && { fields }),
    })
    // A column by itself travels as text only if the database has to read it.
    const isLeft = (index: number) => {
      const isText = transaction.sinkFor(fields, [index], false, 'unexpected') === 'pg_text'
      return isText || fields.columns[index]?.type.kind === 'other'
    }
    const leftToServer = options.format === 'binary' ? [] : plan.columns.filter(isLeft)
    draft.columns = explainColumns(statement, table, plan, travel, {
      leftToServer,
      reasons: planned?.reasons,
      steps,
      schema,
    })
    draft.load = this.#explainLoad(travel, transaction, limits, draft.input)
    draft.unchecked = uncheckedOf(statement, { table: fields, plan, leftToServer, isNew: !exists })
    draft.input = await input.describe()
    if (!this.isValidated) return
    input.note('all')
    const opened = await input.open()
    const source = opened.kind === 'stream' && isReadTwice(options) ? await input.whole() : opened
    const unfilled = table.columns.findIndex(
      ({ notNull, hasDefault, generated }, index) =>
        notNull && !hasDefault && !generated && !plan.columns.includes(index),
    )
    const { validation, failure } = await validateInput({
      target: this.target,
      statement,
      table: fields,
      planned: plan,
      leftToServer,
      isText: travel.sink === 'pg_text',
      unfilled: unfilled < 0 ? undefined : unfilled,
      session: travel.decoded.session,
      input: source,
      inputFile: inputFile(source, statement, call),
      limits,
      call,
      started: this.#started,
    })
    draft.validation = validation
    draft.input = { ...draft.input, bytes: draft.input.bytes ?? validation.bytesRead, read: 'all' }
    if (failure !== undefined) throw failure
  }

  /** A load with the same LOAD_KEY that came first. */
  async #findKey(draft: Draft, transaction: TargetTransaction, table: TableDescription | undefined): Promise<void> {
    const { statement } = this
    const { loadKey } = statement.options
    const catalog = table ? table.catalog : statement.table.catalog?.value
    if (loadKey === undefined || !(await transaction.mayHaveLedger(catalog))) return
    const ledger = await findLedger(transaction.ledger(catalog))
    const before = await ledger?.findLoadByKey(loadKey, { waits: false })
    const receipt = before && receiptOf(before)
    if (receipt === undefined) return
    if (table !== undefined && receipt.table !== table.sqlName) throw otherKey(statement, loadKey, receipt)
    draft.alreadyLoaded = { id: receipt.id, loadedAt: receipt.loadedAt ?? '' }
  }

  /** The table that would be created, and why its columns have their types. */
  async #planTable(
    statement: CopyFrom,
    transaction: TargetTransaction,
    input: LazyInput,
    limits: LoadLimits,
    schema: readonly SchemaColumn[] | undefined,
  ): Promise<{ ddl: string; description: TableDescription; reasons: readonly string[] }> {
    const { call } = this
    const { options } = statement
    const missing = await transaction.missingPart(statement.table)
    if (missing !== undefined) throw undefinedPart(statement, missing)
    const isBinary = options.format === 'binary'
    if (isBinary || !(options.createTable ?? call.createTable ?? false)) throw undefinedTable(statement)
    if (options.transform) throw unknownTypes(statement)
    if (schema) {
      const opened = await input.open()
      // A stream is one file.
      const common =
        opened.kind === 'stream' ? schema : await commonSchema(statement, schema, opened, limits, call.signal)
      const columns = columnsOfSchema(statement, common)
      if (columns.length === 0) throw emptyInput(statement, opened.name)
      const all = withMade(statement, columns, await madeColumns(statement, opened, limits))
      const reasons = all.map((column) =>
        'arrowType' in column ? `it is ${column.arrowType} in the file` : column.reason,
      )
      return { ...(await transaction.planTable(statement.table, all)), reasons }
    }
    const kept = await input.whole()
    const look = provingPlan(
      statement,
      { options: plainOptions(options), table: statement.table.name.value, limits },
      kept,
    )
    // What is wrong with the input is counted by whoever validates it.
    const proven = this.isValidated
      ? { ...statement, options: { ...options, errors: tolerantOf(options.errors) } }
      : statement
    const { columns, fields, rows } = await proveColumns(proven, limits, kept, call.signal)
    if (columns.length === 0) throw emptyInput(statement, kept.name)
    if (fields === 1) await checkDelimiter(statement, kept)
    const why = await explainTypes(look, kept, { columns, fields, rows }, call.signal)
    const explained = columns.map((column, index) => ({ ...column, reason: why[index] ?? '' }))
    const all = withMade(statement, explained, await madeColumns(statement, kept, limits))
    const reasons = all.map(({ reason }) => reason)
    return { ...(await transaction.planTable(statement.table, all)), reasons }
  }

  #explainLoad(
    { sink, conflict, tolerates, usesDefaults, decoded }: TravelPlan,
    transaction: TargetTransaction,
    limits: LoadLimits,
    input: ExplainedInput,
  ): ExplainedLoad {
    const { options } = this.statement
    const { threads, tileSize, maxRecord } = splitOf(limits, sink, options.format)
    const { errors, onConflict } = options
    return {
      transport: TRANSPORT[sink],
      transaction: transaction.isCallers ? "the caller's" : 'its own',
      connections: 1,
      threads,
      tileSize,
      ...(input.bytes !== undefined && { tiles: Math.max(1, Math.ceil(input.bytes / tileSize)) }),
      maxRecord,
      errors: {
        conversion: errors.conversion,
        structure: errors.structure,
        constraint: errors.constraint,
        ...(errors.limit && { limit: limitOf(errors.limit) }),
        judgedBy: judgesOf(this.target, errors, tolerates, usesDefaults),
      },
      ...(onConflict && {
        onConflict: {
          action: onConflict.action,
          keep: onConflict.keep,
          ...(conflict?.keys && { keys: conflict.keys.map((index) => decoded.columns[index]?.name ?? '') }),
        },
      }),
    }
  }
}

function limitOf(limit: NonNullable<ErrorPolicy['limit']>): string {
  return limit.kind === 'ratio' ? `${limit.most} % of the rows (${limit.name})` : `${limit.most} rows (${limit.name})`
}

/** How rows that only the target refuses are dealt with. */
function judgesOf(
  target: Target,
  { constraint }: ErrorPolicy,
  tolerates: TravelPlan['tolerates'],
  usesDefaults: boolean,
): ExplainedLoad['errors']['judgedBy'] {
  const defaults = usesDefaults ? ', defaults included' : ''
  if (tolerates === undefined && constraint === 'skip_row') {
    return 'nothing in the table refuses a row that can be read; if the database did all the same, that would end the load'
  }
  if (tolerates === undefined) {
    return 'a row that the database refuses ends the load, and nothing is loaded'
  }
  const what =
    tolerates === 'all'
      ? `a row that the database refuses, for whatever reason${defaults}, costs itself only`
      : tolerates === 'unique'
        ? 'a row whose key is there already costs itself only'
        : tolerates === 'conversion or unique'
          ? 'a row whose key is there already, or with a value that only the database can judge, costs itself only'
          : 'a value that only the database can read costs its row only'
  const how =
    target.kind === 'postgres'
      ? 'each batch has a savepoint, and one that fails is sifted in a temporary table'
      : 'each window of rows is asked about before it is inserted'
  return `${what}: ${how}`
}

/** Where the values of every column of the table come from, those left out included; and fields that go nowhere. */
function explainColumns(
  { options }: CopyFrom,
  table: TableDescription,
  plan: ColumnPlan,
  { decoded, sink }: TravelPlan,
  {
    leftToServer,
    reasons,
    steps,
    schema,
  }: {
    readonly leftToServer: readonly number[]
    readonly reasons: readonly string[] | undefined
    readonly steps: readonly (FieldStep | undefined)[] | undefined
    readonly schema: readonly SchemaColumn[] | undefined
  },
): ExplainedColumn[] {
  let next = 0
  const loaded = plan.columns.flatMap((index, position): ExplainedColumn[] => {
    const column = table.columns[index]
    const read = decoded.columns[position]
    if (column === undefined || read === undefined) return []
    const hasField = isRead(read)
    const number = hasField ? (read.field ?? next) : undefined
    if (hasField) next += 1
    // In a TEXT COPY the server reads every value, even those that are looked at before.
    const isText = leftToServer.includes(index) || sink === 'pg_text'
    return [
      {
        name: column.name,
        type: column.typeName,
        isLoaded: true,
        from: fromOf(read, number, plan.fields?.names, options.partitions),
        ...sourceTypeOf(schema, number, plan.fields?.names),
        ...(hasField && { decodedBy: isText ? ('the database' as const) : ('copyist' as const) }),
        conversions: [...conversionsOf(read), ...stepInWords(steps?.[position])],
        ...(column.notNull && { notNull: true as const }),
        ...(reasons?.[index] && { detected: reasons[index] }),
      },
    ]
  })
  const left = table.columns.flatMap((column, index): ExplainedColumn[] => {
    if (plan.columns.includes(index)) return []
    const { name, typeName, generated, hasDefault, notNull } = column
    const kind = generated ? 'generated' : hasDefault ? 'default' : 'null'
    return [{ name, type: typeName, isLoaded: false, from: { kind }, conversions: [], ...(notNull && { notNull }) }]
  })
  const used = new Set(decoded.columns.flatMap(({ field }) => field ?? []))
  const dropped = (plan.fields?.names ?? []).flatMap((name, field): ExplainedColumn[] =>
    used.has(field)
      ? []
      : [{ name, isLoaded: false, from: { kind: 'field', number: field + 1, name }, conversions: ['dropped'] }],
  )
  const filler = options.fixed ? (options.filler ?? []) : []
  const unread = filler.map(
    ({ value }): ExplainedColumn => ({
      name: value,
      isLoaded: false,
      from: { kind: 'null' },
      conversions: ['dropped'],
    }),
  )
  return [...loaded, ...left, ...dropped, ...unread]
}

/** The type of a column's field, where the input tells it. */
function sourceTypeOf(
  schema: readonly SchemaColumn[] | undefined,
  number: number | undefined,
  names: readonly string[] | undefined,
): Pick<ExplainedColumn, 'sourceType'> {
  const name = number === undefined ? undefined : names?.[number]
  const found = schema?.find((column) => column.name === name)
  return found ? { sourceType: found.arrowType } : {}
}

function fromOf(
  { constant, sequence, lineage, partition, place }: LoadColumn,
  number: number | undefined,
  names: readonly string[] | undefined,
  partitions: readonly Name[] = [],
): ExplainedColumn['from'] {
  if (lineage !== undefined) return { kind: 'lineage', of: lineage }
  if (partition !== undefined) return { kind: 'partition', key: partitions[partition]?.value ?? '' }
  if (constant !== undefined) return { kind: 'constant', value: constant }
  if (sequence) {
    return { kind: 'sequence', start: String(sequence.start), increment: String(sequence.increment) }
  }
  // A column of GaussDB's that has no place is NULL.
  if (place) return place.length === 0 ? { kind: 'null' } : { kind: 'place', ...place }
  const field = number ?? 0
  const name = names?.[field]
  return { kind: 'field', number: field + 1, ...(name !== undefined && { name }) }
}

/** The language stands behind the last pattern where all are of one. */
function patternsInWords({ list }: DatePatterns): string {
  const quoted = ({ text }: { text: string }) => `'${text}'`
  const isOne = new Set(list.map(({ language }) => language)).size === 1
  if (isOne) return `${list.map(quoted).join(' or ')} (${list[0]?.language})`
  return list.map((pattern) => `${quoted(pattern)} (${pattern.language})`).join(' or ')
}

/** What is done to the values of a column, in words. */
function conversionsOf({
  patterns,
  cleaning,
  missingIsEmpty,
  conversion,
  forceNull,
  forceNotNull,
}: LoadColumn): string[] {
  return [
    ...(patterns ? [`dates by ${patternsInWords(patterns)}`] : []),
    ...(cleaning?.unquotes ? ['quotes are taken off'] : []),
    ...(cleaning?.trims ? ['white space at the end is cut off'] : []),
    ...(cleaning?.blankIsNull ? ['white space alone is NULL'] : []),
    ...(cleaning?.emptyIsNull ? ['nothing is NULL'] : []),
    ...(missingIsEmpty ? ['empty where it is missing'] : []),
    ...(conversion === 'set_null' ? ['what cannot be read is NULL'] : []),
    ...(forceNull ? ['NULL in quotes is NULL'] : []),
    ...(forceNotNull ? ['never NULL'] : []),
  ]
}

/** What TRANSFORM does to the values of a column, in words. */
function stepInWords({ type, expression }: FieldStep = {}): string[] {
  return [
    ...(type === undefined ? [] : [`read as ${type}`]),
    ...(expression === undefined ? [] : [`becomes ${expression}`]),
  ]
}

/** What would be found out only by the load itself. */
function uncheckedOf(
  { options, where }: CopyFrom,
  {
    table,
    plan,
    leftToServer,
    isNew,
  }: {
    readonly table: TableDescription
    readonly plan: ColumnPlan
    readonly leftToServer: readonly number[]
    readonly isNew: boolean
  },
): string[] {
  const names = leftToServer.map((index) => `"${table.columns[index]?.name}"`)
  const domains = plan.columns.filter((index) => table.columns[index]?.isDomain)
  const transforms = (options.transform ?? []).some(({ type, expression }) => type ?? expression)
  // Rows of which a condition decides first, and those whose values nobody looks at.
  const isNullUnknown = !isNew && (where !== undefined || options.format === 'binary')
  const nulls = table.columns.flatMap(({ name, notNull, generated }) => (notNull && !generated ? [`"${name}"`] : []))
  const defaults = table.columns.flatMap(({ name, hasDefault }, index) =>
    hasDefault && !plan.columns.includes(index) ? [`"${name}"`] : [],
  )
  return [
    ...(names.length > 0 ? [`values of ${names.join(', ')}: only the database reads them`] : []),
    ...(domains.length > 0
      ? [`conditions of the domains of ${domains.map((index) => `"${table.columns[index]?.name}"`).join(', ')}`]
      : []),
    ...(isNew ? [] : ['CHECK, unique, foreign key and exclusion constraints, triggers, rules and row-level security']),
    ...(isNullUnknown && nulls.length > 0 ? [`NOT NULL of ${nulls.join(', ')}`] : []),
    ...(isNew || defaults.length === 0 ? [] : [`whether the defaults of ${defaults.join(', ')} can be made`]),
    ...(options.onConflict ? ['which keys are there already, and whether there is such a key'] : []),
    ...(transforms
      ? ['TRANSFORM: the values that its expressions make, which rows they fail for, and whether the columns take them']
      : []),
    ...(where ? ['WHERE: which rows it holds back, and which it fails for'] : []),
    ...(options.freeze ? ['FREEZE: whether the table was made or truncated in the same transaction'] : []),
    'the permission to write',
  ]
}
