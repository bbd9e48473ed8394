import type { StoreConnection } from '../access/connections.ts'
import type { Access } from '../access/policy.ts'
import { badOption, type InputOptions } from '../copy-call.ts'
import { CopyError } from '../errors.ts'
import { isIterable } from '../native/pump.ts'
import type { Reject, ReplacedRow } from '../rejects.ts'
import { type CopyFrom, type CopyOptions, isColumnar } from '../statement/ast.ts'
import { statementError } from '../statement/diagnostics.ts'
import { findOption, type OptionKey } from '../statement/options.ts'
import { parseParts } from '../statement/parser.ts'
import type { ValueForms } from './columns.ts'

/** What a call of {@link read} may set beside the statement. */
export interface ReadOptions extends InputOptions {
  /**
   * The columns and their types, in PostgreSQL's words, in place of those that are found by reading the whole input first:
   * `{ id: 'int', price: 'numeric(10, 2)', day: 'date' }`. Of CSV and the like they are the fields in their order, or by the header
   * with MAP BY NAME; of Parquet and Arrow those columns, by their names, and no others. Their lists are `int[]`, as they are there.
   */
  readonly columns?: Readonly<Record<string, string>>
  /**
   * Whether `bigint` is a bigint, or a number: then one beyond 2^53 is an error (22003), which ends the reading whatever ON_ERROR says, since it
   * is not the input's.
   */
  readonly int64?: 'bigint' | 'number'
  /**
   * Whether dates and timestamps are objects of Date, or numbers: milliseconds since 1970 in UTC, with the microseconds behind the point. By
   * default they are Dates in rows, and numbers in columns. What no Date can hold, infinity included, is a number in either.
   */
  readonly dates?: 'date' | 'number'
  /** Aborting ends the reading; it then fails with SQLSTATE 57014. */
  readonly signal?: AbortSignal
  /** Called with each refused row of a statement that goes on after errors, in the order of the input. */
  readonly onReject?: (reject: Reject) => void
  /** Called with each row that has NULL in place of values that did not fit. */
  readonly onReplace?: (row: ReplacedRow) => void
  /** A file to write the refused rows to, byte for byte, as for a load. */
  readonly rejects?: string
  /** What this statement may read beside `stdin`; see docs/access.md. */
  readonly access?: Access
  /** Stores that the statement may name (`AWS CONNECTION = name`, `CREDENTIALS 'name'`), by these names, as for {@link connect}. */
  readonly connections?: Readonly<Record<string, StoreConnection>>
}

const OPTIONS = [
  'columns',
  'int64',
  'dates',
  'stdin',
  'signal',
  'onProgress',
  'threads',
  'memoryLimit',
  'maxDecompressedBytes',
  'maxCompressionRatio',
  'onReject',
  'onReplace',
  'rejects',
  'access',
  'connections',
]

/** Refuses what TypeScript would have refused. */
export function checkReadOptions(text: unknown, options: ReadOptions): void {
  if (typeof text !== 'string') throw badOption('statement', 'a string', typeof text)
  if (typeof options !== 'object' || options === null) throw badOption('options', 'an object', options)
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw badOption(name, `one of ${OPTIONS.join(', ')}`, 'no such option')
  }
  const { columns, int64, dates, stdin, signal, rejects } = options
  if (columns !== undefined) {
    const isObject = typeof columns === 'object' && columns !== null && !Array.isArray(columns)
    if (!isObject) throw badOption('columns', 'an object of types by names', columns)
    if (Object.keys(columns).length === 0) throw badOption('columns', 'at least one column and its type', '{}')
    for (const [name, type] of Object.entries(columns)) {
      if (typeof type !== 'string') throw badOption(`columns.${name}`, "a type's name", type)
    }
  }
  if (int64 !== undefined && int64 !== 'bigint' && int64 !== 'number') {
    throw badOption('int64', "'bigint' or 'number'", int64)
  }
  if (dates !== undefined && dates !== 'date' && dates !== 'number')
    throw badOption('dates', "'date' or 'number'", dates)
  for (const name of ['onProgress', 'onReject', 'onReplace'] as const) {
    const given = options[name]
    if (given !== undefined && typeof given !== 'function') throw badOption(name, 'a function', typeof given)
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw badOption('signal', 'an AbortSignal', typeof signal)
  if (rejects !== undefined && (typeof rejects !== 'string' || rejects === '')) {
    throw badOption('rejects', 'the path of a file', rejects)
  }
  if (stdin !== undefined && typeof stdin !== 'string' && !isIterable(stdin)) {
    throw badOption('stdin', 'a stream, an iterable of chunks, or the bytes themselves', typeof stdin)
  }
}

/** The forms of values that a call wants. */
export function formsOf({ int64 = 'bigint', dates }: ReadOptions, otherwise: ValueForms['dates']): ValueForms {
  return { int64, dates: dates ?? otherwise }
}

/** What only a target can carry out. */
const OF_TARGETS: readonly {
  readonly key: OptionKey
  readonly applies: (options: CopyOptions) => boolean
  readonly hint?: string
  /** It may be so unasked. */
  readonly isSaid?: true
}[] = [
  { key: 'transform', applies: ({ transform }) => transform !== undefined, hint: 'Compute it of the rows.' },
  { key: 'default', applies: (options) => options.default !== undefined, hint: 'Columns have no defaults here.' },
  {
    key: 'on_error',
    applies: ({ errors }) => errors.conversion === 'set_default',
    hint: 'Columns have no defaults here; SET_NULL works.',
  },
  { key: 'load_key', applies: ({ loadKey }) => loadKey !== undefined },
  {
    key: 'reject_bytes',
    applies: ({ rejectBytes }) => rejectBytes !== undefined,
    hint: 'The database would record them. onReject and the file of rejects get all bytes.',
  },
  // QuestDB's statements would make their table.
  { key: 'create_table', applies: ({ createTable }) => createTable !== undefined, isSaid: true },
  { key: 'validate_only', applies: ({ validateOnly }) => validateOnly === true },
  { key: 'freeze', applies: ({ freeze }) => freeze === true },
  {
    key: 'lineage',
    applies: ({ lineage }) => lineage?.some(({ of }) => of === 'load_id') === true,
    hint: 'load_id is that of a load; the other words of LINEAGE can be read.',
  },
  { key: 'explicit_ids', applies: ({ explicitIds }) => explicitIds === true },
  { key: 'statupdate', applies: ({ analyze }) => analyze === true },
]

/**
 * Refuses what says something of a table, or is its database's to carry out.
 *
 * @throws {CopyError} 0A000
 */
export function refuseOfTargets(statement: CopyFrom): void {
  const { text, options, where } = statement
  if (where !== undefined) {
    throw statementError(text, where.offset, 'feature_not_supported', 'WHERE is a condition in the SQL of a target', {
      detail: 'Rows that are read for the program have none.',
      hint: isColumnar(options.format)
        ? 'Leave rows out in the program.'
        : 'WHEN compares a field with a value; or leave rows out in the program.',
    })
  }
  const itemOf = (key: OptionKey) => parseParts(text).items.find(({ name }) => findOption(name) === key)
  const found = OF_TARGETS.find(
    ({ key, applies, isSaid }) => applies(options) && (!isSaid || itemOf(key) !== undefined),
  )
  if (found === undefined) return
  const item = itemOf(found.key)
  const word = item?.word ?? (item?.name ?? found.key).toUpperCase()
  const message = `COPY ${word} needs a table`
  throw statementError(text, item?.offset ?? 0, 'feature_not_supported', message, {
    detail: 'Rows are read for the program, into no table.',
    hint: found.hint ?? 'Leave it out.',
  })
}

/** Aborted by the caller. */
export function readAborted(signal: AbortSignal, cause: unknown = signal.reason): CopyError {
  return new CopyError({
    code: 'query_canceled',
    sqlState: '57014',
    message: 'canceling statement due to user request',
    detail: 'The reading was aborted by its caller.',
    cause,
  })
}
