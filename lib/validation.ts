import { filesOf } from './balance.ts'
import type { CopyCallOptions } from './copy-call.ts'
import { aborted } from './copy-errors.ts'
import type { DiagnosisGroup } from './diagnosis.ts'
import { CopyError } from './errors.ts'
import { decodedBy, type Reading } from './load-columns.ts'
import type { LoadSession, NativeFlaw, NativeLoad, NativeReject, SinkKind } from './native/load.ts'
import { type Input, type LoadLimits, openLoad } from './native/open.ts'
import { reportProgress } from './progress.ts'
import type { ReceiptFile } from './receipt.ts'
import type { InputFile } from './reject-file.ts'
import { RejectLog, type RejectLogInit } from './reject-log.ts'
import { type CopyFrom, type ErrorPolicy, unitOf } from './statement/ast.ts'
import { isTolerant } from './statement/error-policy.ts'
import type { ColumnPlan } from './statement/plan.ts'
import type { TableDescription, Target } from './target/target.ts'

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
  readonly usesDefaults: boolean
  readonly session: Parameters<typeof openLoad>[0]['session']
  readonly input: Input
  readonly inputFile: { readonly input?: InputFile }
  readonly limits: LoadLimits
  readonly call: CopyCallOptions
  readonly started: number
}

/**
 * Reads the whole input as a load would, and counts every row with an error, whatever the statement tolerates. The failure is that of the load:
 * the first error that the statement does not tolerate, or one too many.
 *
 * Throws CopyError when it is aborted, or rejected rows cannot be written.
 */
export async function validateInput(
  init: ValidationInit,
): Promise<{ readonly validation: Validation; readonly failure?: CopyError }> {
  const { target, statement, table, planned, leftToServer, input, limits, call } = init
  const { options } = statement
  const isBinary = options.format === 'binary'
  // Of a binary file that is broken nothing behind the mistake can be found.
  const errors: ErrorPolicy = isBinary ? options.errors : tolerantOf(options.errors)
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
  const about = {
    file: input.name,
    ...(planned.fields && { fields: planned.fields.names }),
    columns,
    ...(call.rejects !== undefined && { path: call.rejects, ...init.inputFile }),
    kit,
  }
  const isStrict = !isBinary && !isTolerant(options.errors)
  const strict = isStrict ? await readStrictly(init, decoded, about) : undefined
  if (strict?.validation !== undefined) return { validation: strict.validation }
  const log = new RejectLog({
    statement: { ...statement, options: { ...options, errors } },
    ...about,
    ...(call.onReject && { onReject: call.onReject }),
  })
  // The load's own, which says when it is too much.
  const limited = new RejectLog({ statement, file: input.name, columns, kit })
  const { conversion, structure, constraint } = options.errors
  // Behind any number of tolerated rows there may be one that is not.
  const isPartial = isTolerant(options.errors) && [conversion, structure, constraint].includes('stop')
  let failure = strict?.failure
  const judge = (reject: NativeReject): void => {
    const flaw = decisiveOf(reject.flaws)
    if (failure !== undefined || flaw === undefined) return
    const isForgiven = reject.isMended || isTolerated(flaw, options.errors)
    if (isForgiven) failure = excessOf(limited, () => limited.takeNative([reject]))
    else failure = failureOf(flaw, reject, init)
  }
  const native = openLoad(
    {
      options: { ...options, errors },
      ...decoded,
      sink: sinkOf(init),
      table: table.relationName,
      limits,
      ...(!isBinary && {
        rejects: {
          take: (rejects) => {
            for (const reject of rejects) judge(reject)
            return log.takeNative(rejects)
          },
          ...log.wants,
          most: isPartial ? Number.MAX_SAFE_INTEGER : Math.max(log.wants.most, limited.wants.most),
        },
      }),
    },
    input,
  )
  return await readThrough(init, native, [log, limited], async (error) => {
    failure ??= error
    await log.finish()
    const counters = native.counters()
    failure ??= excessOf(limited, () => limited.checkEnd(counters.rowsRead))
    const rowsRejected = log.count
    const diagnosis = rowsRejected === 0 ? undefined : await log.diagnose()
    return { validation: validationOf(input, native, log, diagnosis), ...(failure && { failure }) }
  })
}

/** Reads an input to its end, or until `isOver`; `sum` gets the error that ended it, before anything is closed. */
async function readThrough<Result>(
  { call, started }: ValidationInit,
  native: NativeLoad,
  logs: readonly RejectLog[],
  sum: (error: CopyError | undefined) => Promise<Result>,
  isOver: () => boolean = () => false,
): Promise<Result> {
  const abort = () => {
    native.close().catch(() => {})
  }
  call.signal?.addEventListener('abort', abort, { once: true })
  const progress = reportProgress(native, call.onProgress, started)
  try {
    if (call.signal?.aborted) throw aborted(call.signal)
    for (const log of logs) log.attach(native, false)
    let failure: CopyError | undefined
    try {
      for (let chunk = await native.next(); chunk !== undefined && !isOver(); chunk = await native.next())
        chunk.release()
    } catch (error) {
      if (call.signal?.aborted) throw aborted(call.signal, error)
      if (!(error instanceof CopyError) || isOfRejects(error, call)) throw error
      failure = error
    }
    return await sum(failure)
  } finally {
    call.signal?.removeEventListener('abort', abort)
    progress.stop()
    await native.close()
    for (const log of logs) log.close()
  }
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

/**
 * Reads the input as a load does that no error may be in: after a broken quote reading goes on elsewhere where rows are refused by themselves, so
 * that neither the verdict nor the first error need be the same. Gives the one or the other.
 */
async function readStrictly(
  init: ValidationInit,
  decoded: Reading & { readonly session: LoadSession },
  about: Omit<RejectLogInit, 'statement'>,
): Promise<{ readonly failure: CopyError; readonly validation?: never } | { readonly validation: Validation }> {
  const { statement, table, input, limits } = init
  const { options } = statement
  let failure: CopyError | undefined
  // What a constraint refuses is not known to the decoder of such a load, but to its target.
  const errors: ErrorPolicy = { ...options.errors, constraint: 'skip_row' }
  const log = new RejectLog({ statement: { ...statement, options: { ...options, errors } }, ...about })
  const native = openLoad(
    {
      options: { ...options, errors },
      ...decoded,
      sink: sinkOf(init),
      table: table.relationName,
      limits,
      rejects: {
        take: (rejects) => {
          const first = rejects.find(({ isMended }) => !isMended)
          const flaw = first && decisiveOf(first.flaws)
          if (first && flaw) failure ??= failureOf(flaw, first, init)
          return log.takeNative(rejects)
        },
        ...log.wants,
      },
    },
    input,
  )
  const sum = async (error: CopyError | undefined) => {
    if (error === undefined) await log.finish()
    failure ??= error
    return failure ? { failure } : { validation: validationOf(input, native, log) }
  }
  return await readThrough(init, native, [log], sum, () => failure !== undefined)
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

/** How the values are decoded for what would go to the target: each target takes other ones. */
function sinkOf({ target, usesDefaults }: ValidationInit): SinkKind {
  return target.kind === 'duckdb' ? 'duckdb' : usesDefaults ? 'pg_text' : 'pg_binary'
}

/** Which of a row's errors a load meets first. Constraints are judged after all values. */
function decisiveOf(flaws: readonly NativeFlaw[]): NativeFlaw | undefined {
  return flaws.find(({ sqlState }) => !sqlState.startsWith('23')) ?? flaws[0]
}

function isTolerated({ column, sqlState }: NativeFlaw, errors: ErrorPolicy): boolean {
  if (sqlState.startsWith('23')) return errors.constraint === 'skip_row'
  return (column === undefined ? errors.structure : errors.conversion) !== 'stop'
}

/** The error of a limit that is exceeded. */
function excessOf(log: RejectLog, run: () => unknown): CopyError | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof CopyError && error === log.excess) return error
    throw error
  }
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
  const { table, planned } = init
  const index = flaw.column === undefined ? undefined : planned.columns[flaw.column]
  const column = index === undefined ? undefined : table.columns[index]?.name
  const isOfValue = column !== undefined && !flaw.sqlState.startsWith('23')
  const text = isOfValue ? (flaw.value ?? '') : raw.toString('utf8')
  const shown = text.length > CONTEXT_SHOWN ? `${text.slice(0, CONTEXT_SHOWN)}...` : text
  const unit = unitOf(init.statement.options)
  const where = `COPY ${table.relationName}, ${unit} ${lastLine}`
  return new CopyError({
    code: flaw.code,
    sqlState: flaw.sqlState,
    message: flaw.message,
    detail: flaw.detail,
    context: isOfValue ? `${where}, column ${column}: "${shown}"` : `${where}: "${shown}"`,
    position: {
      file,
      line: lastLine,
      ...(unit === 'line' && { byteOffset }),
      ...(column !== undefined && { column }),
    },
  })
}
