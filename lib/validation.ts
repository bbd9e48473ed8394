import { filesOf } from './balance.ts'
import type { CopyCallOptions } from './copy-call.ts'
import { aborted } from './copy-errors.ts'
import type { DiagnosisGroup } from './diagnosis.ts'
import { CopyError } from './errors.ts'
import { decodedBy } from './load-columns.ts'
import { type NativeFlaw, type NativeLoad, type NativeReject, positionOf } from './native/load.ts'
import { type Input, type LoadLimits, openLoad } from './native/open.ts'
import { reportProgress } from './progress.ts'
import type { ReceiptFile } from './receipt.ts'
import type { InputFile } from './reject-file.ts'
import { RejectLog } from './reject-log.ts'
import { type CopyFrom, type CopyOptions, type ErrorPolicy, unitOf } from './statement/ast.ts'
import type { ColumnPlan } from './statement/plan.ts'
import type { RowRefusals, TableDescription, Target } from './target/target.ts'

/** What reading a whole input came to, of which nothing was loaded. `rowsRead = rowsValidated + rowsFiltered + rowsRejected`. */
export interface Validation {
  /** Data rows found in the input; header lines are not rows. */
  readonly rowsRead: number
  /** Rows with nothing wrong with them that can be seen here. */
  readonly rowsValidated: number
  /** Rows held back by WHEN. */
  readonly rowsFiltered: number
  /** Rows with errors, whether the statement tolerates them or not. */
  readonly rowsRejected: number
  /** Rows of `rowsValidated` with a value that would be replaced by NULL or its column's default. */
  readonly rowsReplaced: number
  /** Bytes that were no UTF-8 and would be replaced. */
  readonly bytesReplaced: number
  readonly headerLines: number
  readonly linesSkipped: number
  /** Empty lines that were passed over, where the statement says so; they are no rows. */
  readonly blankLines: number
  readonly bytesRead: number
  /** Each input. */
  readonly files: readonly ReceiptFile[]
  /** What is wrong with rejected rows, the most frequent first; absent when none was. */
  readonly diagnosis?: readonly DiagnosisGroup[]
}

/** What is to be validated. */
export interface ValidationInit {
  readonly target: Target
  readonly statement: CopyFrom
  readonly table: TableDescription
  readonly planned: ColumnPlan
  /** Columns of the table whose values only the database reads. */
  readonly leftToServer: readonly number[]
  /** Whether the load's rows go as TEXT, whose values the server judges. */
  readonly isText: boolean
  /** The first column of the table that is not loaded, would be NULL and may not. */
  readonly unfilled: number | undefined
  readonly session: Parameters<typeof openLoad>[0]['session']
  readonly input: Input
  readonly inputFile: { readonly input?: InputFile }
  readonly limits: LoadLimits
  readonly call: CopyCallOptions
  readonly started: number
}

/** Whether an input is read as its load reads it, and then, where that fails, once more to count all rows with errors. */
export function isReadTwice({ format, errors }: CopyOptions): boolean {
  return format !== 'binary' && errors.structure === 'stop'
}

/**
 * Reads the whole input as a load would, and counts every row with an error, whatever the statement tolerates. The failure is that of the load:
 * the first error that the statement does not tolerate, or one too many.
 *
 * Throws CopyError when it is aborted, or rejected rows cannot be written.
 */
export async function validateInput(init: ValidationInit): Promise<Verdict> {
  const { options } = init.statement
  const { limit: _, ...own } = options.errors
  // Of a binary file that is broken nothing behind the mistake can be found.
  if (options.format === 'binary') return await readThrough(init, own, { isJudged: true, isTold: true })
  const tolerant = tolerantOf(own)
  // With records that may be refused by themselves the load reads on behind each, as the one who counts them does.
  if (!isReadTwice(options)) return await readThrough(init, tolerant, { isJudged: true, isTold: true })
  // Elsewhere a quote goes on over lines where reading on would take each line by itself, so that neither the verdict nor the first error need be
  // the same.
  const policy: ErrorPolicy = { ...own, constraint: 'skip_row' }
  let verdict = await readThrough(init, policy, { isJudged: true, isTold: false })
  if (verdict.failure?.sqlState === NOT_NULL.sqlState && own.conversion === 'stop') {
    // The row may have a value that cannot be read, which comes first: the decoder then has to tell of all that is wrong with it.
    verdict = await readThrough(init, { ...policy, conversion: 'skip_row' }, { isJudged: true, isTold: false })
  }
  const { failure, validation } = verdict
  if (failure === undefined) {
    if (validation.rowsRejected === 0 || init.call.onReject === undefined) return verdict
    return await readThrough(init, policy, { isJudged: false, isTold: true })
  }
  return { ...(await readThrough(init, tolerant, { isJudged: false, isTold: true })), failure }
}

/** What came of an input: what was counted, and the failure of its load, if it would fail. */
interface Verdict {
  readonly validation: Validation
  readonly failure?: CopyError
}

/**
 * Reads an input by a policy. Judged, it has the failure of the statement's own; without the caller being told of rows, no more is read then than
 * that takes.
 */
async function readThrough(
  init: ValidationInit,
  errors: ErrorPolicy,
  { isJudged, isTold }: { readonly isJudged: boolean; readonly isTold: boolean },
): Promise<Verdict> {
  const { target, statement, table, planned, leftToServer, unfilled, input, limits, call } = init
  const { options } = statement
  const isBinary = options.format === 'binary'
  const reading = decodedBy(statement, table, planned, false)
  const decoded = {
    ...reading,
    columns: reading.columns.map((column, index) => {
      const isLeft = !isBinary && leftToServer.includes(planned.columns[index] ?? -1)
      return isLeft ? { ...column, type: { kind: 'text' as const } } : column
    }),
    session: { ...init.session, zoneWords: 'all' as const },
  }
  const columns = planned.columns.flatMap((index) => table.columns[index] ?? [])
  const kit = { target: target.kind, options, table: table.relationName, dialect: statement.dialect?.name, ...decoded }
  const log = new RejectLog({
    statement: { ...statement, options: { ...options, errors } },
    file: input.name,
    ...(planned.fields && { fields: planned.fields.names }),
    columns,
    ...(call.rejects !== undefined && { path: call.rejects, ...init.inputFile }),
    kit,
    ...(isTold && call.onReject && { onReject: call.onReject }),
  })
  // The load's own, which says when it is too much.
  const limited = isJudged ? new RejectLog({ statement, file: input.name, columns, kit }) : undefined
  const judge = new Judge(init, limited)
  const { conversion, structure, constraint } = options.errors
  // Behind any number of tolerated rows there may be one that is not.
  const isAnyFatal = isJudged && [conversion, structure, constraint].includes('stop')
  const native = openLoad(
    {
      options: { ...options, errors },
      ...decoded,
      // Each target takes other values. No row goes there, so that a column may have its default in either form.
      sink: target.kind === 'duckdb' ? 'duckdb' : 'pg_binary',
      table: table.relationName,
      limits,
      keepsRecords: unfilled !== undefined,
      ...(!isBinary && {
        rejects: {
          take: (rejects) => {
            judge.take(rejects)
            return log.takeNative(rejects)
          },
          ...log.wants,
          most: isAnyFatal ? Number.MAX_SAFE_INTEGER : Math.max(log.wants.most, limited?.wants.most ?? 0),
        },
      }),
    },
    input,
  )
  const abort = () => {
    native.close().catch(() => {})
  }
  call.signal?.addEventListener('abort', abort, { once: true })
  const progress = reportProgress(native, call.onProgress, init.started)
  try {
    if (call.signal?.aborted) throw aborted(call.signal)
    log.attach(native, unfilled !== undefined)
    // Where each row may be refused, it waits for those before it.
    limited?.attach(native, unfilled !== undefined && constraint === 'skip_row')
    const logs = limited ? [log, limited] : [log]
    const unfillable =
      unfilled === undefined ? undefined : new Unfillable(unfilled, init, native, judge, isBinary ? [] : logs)
    const isOver = () => judge.failure !== undefined && !isTold
    try {
      for (let chunk = await native.next(); chunk !== undefined; chunk = await native.next()) {
        await unfillable?.take(chunk.rows)
        chunk.release()
        if (isOver()) break
      }
    } catch (error) {
      if (call.signal?.aborted) throw aborted(call.signal, error)
      if (!(error instanceof CopyError) || isOfRejects(error, call)) throw error
      judge.failure ??= error
    }
    if (!isOver()) {
      await log.finish()
      await judge.finish(native.counters().rowsRead)
    }
    const rowsRejected = log.count
    const diagnosis = rowsRejected === 0 || isOver() ? undefined : await log.diagnose()
    const { failure } = judge
    return { validation: validationOf(input, native, log, diagnosis), ...(failure && { failure }) }
  } finally {
    call.signal?.removeEventListener('abort', abort)
    progress.stop()
    await native.close()
    log.close()
    limited?.close()
  }
}

/** Finds what a load fails at, among rows in the order of the input. */
class Judge {
  failure: CopyError | undefined
  /** Where the row stands that it is the failure of. */
  #position = Number.POSITIVE_INFINITY
  readonly #init: ValidationInit
  /** Absent: nothing is judged. */
  readonly #limited: RejectLog | undefined

  constructor(init: ValidationInit, limited: RejectLog | undefined) {
    this.#init = init
    this.#limited = limited
  }

  get isJudging(): boolean {
    return this.#limited !== undefined
  }

  /** Looks at rows that the decoder refuses. */
  take(rejects: readonly NativeReject[]): void {
    const { errors } = this.#init.statement.options
    for (const reject of rejects) {
      if (this.#limited === undefined || this.failure !== undefined) return
      const flaw = this.#decisive(reject)
      if (flaw === undefined) continue
      if (reject.isMended || isTolerated(flaw, errors)) {
        // What a constraint would refuse is not known to a load that ends there.
        const flaws = errors.constraint === 'stop' ? reject.flaws.filter(isOfValue) : reject.flaws
        try {
          this.#limited.takeNative([{ ...reject, flaws }])
        } catch (error) {
          this.failExceeded(error, reject.position)
        }
      } else this.fail(failureOf(flaw, reject, this.#init), reject.position)
    }
  }

  /** A row of this place fails. What stands before it counts more. */
  fail(failure: CopyError, position: number): void {
    if (this.failure !== undefined && this.#position <= position) return
    this.failure = failure
    this.#position = position
  }

  /** The same of the error of the limit; any other is thrown on. */
  failExceeded(error: unknown, position: number): void {
    if (!(error instanceof CopyError) || error !== this.#limited?.excess) throw error
    this.fail(error, position)
  }

  /** At the end of the input. */
  async finish(rowsRead: number): Promise<void> {
    if (this.#limited === undefined || this.failure !== undefined) return
    try {
      await this.#limited.finish()
      this.#limited.checkEnd(rowsRead)
    } catch (error) {
      this.failExceeded(error, Number.POSITIVE_INFINITY)
    }
  }

  /**
   * Which of a row's errors a load meets first. Constraints are judged after all values, of which some may have been replaced by then. Of a load by
   * TEXT the decoder judges the record before the server judges values that its session has a say in.
   */
  #decisive({ flaws, isMended }: NativeReject): NativeFlaw | undefined {
    const { isText, statement, table, planned } = this.#init
    const { errors } = statement.options
    const ofRecord = flaws.find(({ column }) => column === undefined)
    if (ofRecord !== undefined) {
      const isFirst = (flaw: NativeFlaw) => {
        if (flaw.column === undefined || !isOfValue(flaw)) return false
        const { kind = 'other' } = table.columns[planned.columns[flaw.column] ?? -1]?.type ?? {}
        return !isText || !/^(?:array|date|time|other)/.test(kind)
      }
      return flaws.find(isFirst) ?? ofRecord
    }
    const isReplaced = !isMended && /^set_/.test(errors.conversion)
    return (isReplaced ? undefined : flaws.find(isOfValue)) ?? this.#firstNull(flaws) ?? flaws[0]
  }

  /** Constraints are judged in the order of the table's columns. */
  #firstNull(flaws: readonly NativeFlaw[]): NativeFlaw | undefined {
    const place = ({ column = -1 }: NativeFlaw) => this.#init.planned.columns[column] ?? -1
    return flaws
      .filter((flaw) => !isOfValue(flaw))
      .reduce<NativeFlaw | undefined>(
        (first, flaw) => (first === undefined || place(flaw) < place(first) ? flaw : first),
        undefined,
      )
  }
}

/** Every row, where a column that is not loaded would be NULL and may not. */
class Unfillable {
  #rows = 0
  readonly #column: string
  readonly #init: ValidationInit
  readonly #native: NativeLoad
  readonly #judge: Judge
  readonly #logs: readonly { readonly log: RejectLog; readonly refusals: RowRefusals }[]

  constructor(column: number, init: ValidationInit, native: NativeLoad, judge: Judge, logs: readonly RejectLog[]) {
    this.#column = init.table.columns[column]?.name ?? ''
    this.#init = init
    this.#native = native
    this.#judge = judge
    this.#logs = logs.map((log) => ({ log, refusals: log.refusals('all') }))
  }

  /** Refuses the next rows. */
  async take(rows: number): Promise<void> {
    const { target, table, statement } = this.#init
    const first = this.#rows
    this.#rows += rows
    const isFatal = statement.options.errors.constraint === 'stop'
    if (isFatal && first === 0 && rows > 0 && this.#judge.isJudging) {
      const place = this.#native.locate(0)
      const message = nullViolation(target, table, this.#column)
      const failure = new CopyError({
        ...NOT_NULL,
        message,
        detail: UNFILLED,
        context: `COPY ${table.relationName}${place ? `, ${place.unit} ${place.line}` : ''}`,
        position: { ...(place && positionOf(place)), column: this.#column },
      })
      this.#judge.fail(failure, place?.position ?? 0)
    }
    const { relationName } = table
    const message = `null value in column "${this.#column}" of relation "${relationName}" violates not-null constraint`
    for (const { log, refusals } of this.#logs) {
      const isOfLimit = log !== this.#logs[0]?.log
      if (isOfLimit && isFatal) continue
      for (let row = first; row < this.#rows; row += 1)
        refusals.refuse(row, [{ ...NOT_NULL, column: this.#column, message }])
      await this.#settled(isOfLimit, refusals)
    }
    this.#native.settle?.(this.#rows)
  }

  async #settled(isOfLimit: boolean, refusals: RowRefusals): Promise<void> {
    try {
      await refusals.settle(this.#rows)
    } catch (error) {
      if (!isOfLimit) throw error
      this.#judge.failExceeded(error, Number.POSITIVE_INFINITY)
    }
  }
}

const UNFILLED = 'It is not among the columns that are loaded, and has no default.'
const NOT_NULL = { code: 'not_null_violation', sqlState: '23502' } as const

/** What a database says of a NULL, in its own words. */
function nullViolation({ kind }: Target, { relationName }: TableDescription, column: string): string {
  return kind === 'duckdb'
    ? `NOT NULL constraint failed: ${relationName}.${column}`
    : `null value in column "${column}" of relation "${relationName}" violates not-null constraint`
}

/** What has been counted of an input that was read to its end. */
function validationOf(
  input: Input,
  native: NativeLoad,
  log: RejectLog,
  diagnosis?: readonly DiagnosisGroup[],
): Validation {
  const counters = native.counters()
  const { rowsPassedOver = 0, bytesReplaced = 0, linesSkipped = 0, blankLines = 0, headerLines, bytesRead } = counters
  const rowsRejected = log.count
  return {
    rowsRead: counters.rowsRead + rowsPassedOver,
    rowsValidated: counters.rowsRead - rowsRejected,
    rowsFiltered: rowsPassedOver,
    rowsRejected,
    rowsReplaced: log.replaced,
    bytesReplaced,
    headerLines,
    linesSkipped,
    blankLines,
    bytesRead,
    files: filesOf(input, native, log),
    ...(diagnosis && { diagnosis }),
  }
}

/** What counts every row; values that would be replaced still are. */
export function tolerantOf({ conversion, verbosity }: ErrorPolicy): ErrorPolicy {
  return {
    conversion: conversion === 'stop' ? 'skip_row' : conversion,
    structure: 'skip_row',
    constraint: 'skip_row',
    verbosity,
  }
}

/** Whether it is known before any constraint is judged. */
function isOfValue({ sqlState }: NativeFlaw): boolean {
  return !sqlState.startsWith('23')
}

function isTolerated({ column, sqlState }: NativeFlaw, errors: ErrorPolicy): boolean {
  if (sqlState.startsWith('23')) return errors.constraint === 'skip_row'
  return (column === undefined ? errors.structure : errors.conversion) !== 'stop'
}

/** Whether it is an error of the file of rejects, and none of the input. */
function isOfRejects({ message }: CopyError, { rejects }: CopyCallOptions): boolean {
  return rejects !== undefined && message.includes(`file "${rejects}"`)
}

/** As much of a text as PostgreSQL's CONTEXT shows. */
const CONTEXT_SHOWN = 100

/** The error that the row would end a load with. */
function failureOf(
  flaw: NativeFlaw,
  { file, lastLine, byteOffset, raw }: NativeReject,
  init: ValidationInit,
): CopyError {
  const { table, planned, unfilled } = init
  const found = flaw.column === undefined ? undefined : planned.columns[flaw.column]
  const isNull = flaw.sqlState === NOT_NULL.sqlState && found !== undefined
  // Of such columns, too, the database names the first of its table.
  const index = isNull ? Math.min(found, unfilled ?? found) : found
  const column = index === undefined ? undefined : table.columns[index]?.name
  const isOfValue = column !== undefined && !flaw.sqlState.startsWith('23')
  const text = isOfValue ? (flaw.value ?? '') : raw.toString('utf8')
  const shown = text.length > CONTEXT_SHOWN ? `${text.slice(0, CONTEXT_SHOWN)}...` : text
  const unit = unitOf(init.statement.options)
  const where = `COPY ${table.relationName}, ${unit} ${lastLine}`
  return new CopyError({
    code: flaw.code,
    sqlState: flaw.sqlState,
    message: isNull ? nullViolation(init.target, table, column ?? '') : flaw.message,
    detail: isNull && index === unfilled ? UNFILLED : flaw.detail,
    context: isNull ? where : isOfValue ? `${where}, column ${column}: "${shown}"` : `${where}: "${shown}"`,
    position: {
      file,
      line: lastLine,
      ...(unit === 'line' && { byteOffset }),
      ...(column !== undefined && { column }),
    },
  })
}
