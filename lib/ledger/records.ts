import { isUtf8 } from 'node:buffer'
import type { Receipt } from '../receipt.ts'
import type { Reject, RejectError, ReplacedRow } from '../rejects.ts'
import type { BulkColumn, BulkValue, LedgerPlace } from './session.ts'

/** A load as it is recorded. Counts are those at its end; a load that failed has loaded nothing. */
export interface LedgerLoad {
  /** The UUID of its receipt. */
  readonly id: string
  /** The caller's name for this load: with one key at most one load completes. */
  readonly key?: string
  readonly statement: string
  /** Schema-qualified and quoted where needed. */
  readonly table: string
  readonly startedAt: Date
  readonly endedAt: Date
  /** `csv`, `text`, … */
  readonly format: string
  /** As in {@link Receipt.transport}; absent when the load failed before it was chosen. */
  readonly transport?: string
  readonly rowsRead: number
  readonly rowsLoaded: number
  readonly rowsRejected: number
  readonly rowsFiltered: number
  readonly rowsConflicted: number
  readonly headerLines: number
  readonly bytesRead: number
  /** Of copyist. */
  readonly version: string
  /** Of a load that completed. */
  readonly receipt?: Receipt
  /** Why it failed; its presence makes the load a failed one. */
  readonly error?: { readonly sqlState: string; readonly message: string; readonly context?: string | undefined }
}

/** A file of a load as it is recorded, in the order of the input. */
export interface LedgerFile {
  readonly path: string
  /** Bytes read from it. */
  readonly bytes: number
  readonly rowsRead: number
  /** Absent where it is not known of single files. */
  readonly rowsLoaded?: number
  readonly rowsRejected: number
  readonly etag?: string
  readonly modifiedAt?: Date
  readonly startedAt?: Date
  readonly endedAt?: Date
}

/** A load that has completed under a key. */
export interface CompletedLoad {
  readonly id: string
  readonly statement: string
  readonly endedAt: Date
  /** Undefined when it was recorded without one. */
  readonly receipt: Receipt | undefined
}

/** A load as it is found by its id. */
export interface RecordedLoad {
  readonly statement: string
  readonly isCompleted: boolean
  readonly rowsRejected: number
  /** Undefined when it was recorded without one. */
  readonly receipt: Receipt | undefined
}

/** What {@link Ledger.purge} removed. */
export interface Purged {
  readonly loads: number
  readonly files: number
  readonly rejects: number
  /** Values that had been replaced. */
  readonly replaced: number
}

/** Columns of `files` that a batch fills, with their types in a JSON record. */
export const FILE_COLUMNS = [
  ['ordinal', 'integer'],
  ['path', 'text'],
  ['bytes', 'bigint'],
  ['rows_read', 'bigint'],
  ['rows_loaded', 'bigint'],
  ['rows_rejected', 'bigint'],
  ['etag', 'text'],
  ['modified_at', 'timestamptz'],
  ['started_at', 'timestamptz'],
  ['ended_at', 'timestamptz'],
] as const

/** The first columns of `rejects`, in the table's order. */
export const REJECT_COLUMNS: readonly BulkColumn[] = [
  ['load_id', 'uuid'],
  ['reject_no', 'bigint'],
  ['file', 'text'],
  ['line', 'bigint'],
  ['last_line', 'bigint'],
  ['byte_offset', 'bigint'],
  ['byte_length', 'bigint'],
  ['column_name', 'text'],
  ['column_type', 'text'],
  ['sqlstate', 'text'],
  ['message', 'text'],
  ['errors', 'json'],
  ['raw', 'bytea'],
  ['raw_cut', 'boolean'],
  ['raw_text', 'text'],
  ['records_before', 'bigint'],
]

/** All columns of `replaced`, in its order. */
export const REPLACED_COLUMNS: readonly BulkColumn[] = [
  ['load_id', 'uuid'],
  ['row_no', 'bigint'],
  ['file', 'text'],
  ['line', 'bigint'],
  ['last_line', 'bigint'],
  ['byte_offset', 'bigint'],
  ['byte_length', 'bigint'],
  ['column_name', 'text'],
  ['column_type', 'text'],
  ['replacement', 'text'],
  ['sqlstate', 'text'],
  ['message', 'text'],
  ['value', 'text'],
]

/** Columns of `rejects` that say why. */
export const REFUSAL_COLUMNS = [
  ['reject_no', 'bigint'],
  ['column_name', 'text'],
  ['column_type', 'text'],
  ['sqlstate', 'text'],
  ['message', 'text'],
  ['errors', 'json'],
] as const

type Row<Columns extends readonly (readonly [string, string])[]> = Record<Columns[number][0], unknown>

export function fileRow(file: LedgerFile, ordinal: number, place: LedgerPlace): Row<typeof FILE_COLUMNS> {
  return {
    ordinal,
    path: storable(file.path, place),
    bytes: file.bytes,
    rows_read: file.rowsRead,
    rows_loaded: file.rowsLoaded ?? null,
    rows_rejected: file.rowsRejected,
    etag: file.etag === undefined ? null : storable(file.etag, place),
    modified_at: file.modifiedAt?.toISOString() ?? null,
    started_at: file.startedAt?.toISOString() ?? null,
    ended_at: file.endedAt?.toISOString() ?? null,
  }
}

export function refusalRow(
  { number, errors: given }: Pick<Reject, 'number' | 'errors'>,
  place: LedgerPlace,
): Row<typeof REFUSAL_COLUMNS> {
  const errors = given.map((error) => storableError(error, place))
  const [first] = errors
  return {
    reject_no: number,
    column_name: first?.column ?? null,
    column_type: first?.type ?? null,
    sqlstate: first?.sqlState ?? 'XX000',
    message: first?.message ?? '',
    errors,
  }
}

/** A reject with what only its record tells. */
export interface RecordedReject extends Reject {
  /** Records before it in the input, where they have numbers. */
  readonly recordsBefore?: number
}

/** Values for {@link REJECT_COLUMNS}; `bytes` are those of the record in UTF-8. */
export function rejectRow(loadId: string, reject: RecordedReject, place: LedgerPlace, bytes: Buffer): BulkValue[] {
  const { number, file, line, lastLine, byteOffset, byteLength, raw, rawIsCut } = reject
  const [first] = reject.errors
  const isText = place.characters === 'all' && bytes.equals(raw) && isUtf8(raw) && !raw.includes(0)
  const text = (value: string | undefined) => (value === undefined ? null : storable(value, place))
  return [
    loadId,
    number,
    storable(file, place),
    line,
    lastLine,
    byteOffset,
    byteLength,
    text(first?.column),
    text(first?.type),
    first?.sqlState ?? 'XX000',
    storable(first?.message ?? '', place),
    errorsJson(reject.errors, place),
    raw,
    rawIsCut,
    isText ? null : storable(bytes.toString('utf8'), place),
    reject.recordsBefore ?? null,
  ]
}

/** Values for {@link REPLACED_COLUMNS}, a row for each value. */
export function replacedRows(loadId: string, row: ReplacedRow, place: LedgerPlace): BulkValue[][] {
  const { number, line, lastLine, byteOffset, byteLength } = row
  const file = storable(row.file, place)
  return row.values.map(({ column, type, replacement, sqlState, message, value }) => [
    loadId,
    number,
    file,
    line,
    lastLine,
    byteOffset,
    byteLength,
    storable(column, place),
    type === undefined ? null : storable(type, place),
    replacement,
    sqlState,
    storable(message, place),
    value === undefined ? null : storable(value, place),
  ])
}

/** What JSON.stringify makes of a character that {@link storable} replaces. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/

function errorsJson(errors: readonly RejectError[], place: LedgerPlace): string {
  // Nearly always all of it can be stored, which a look at the whole tells sooner than one at each part.
  const json = JSON.stringify(errors)
  if (place.characters === 'all' && !UNSTORABLE.test(json)) return json
  return JSON.stringify(errors.map((error) => storableError(error, place)))
}

function storableError(error: RejectError, place: LedgerPlace): RejectError {
  const { column, type, field, sqlState, code, message, detail, value } = error
  return {
    ...(column !== undefined && { column: storable(column, place) }),
    ...(type !== undefined && { type: storable(type, place) }),
    ...(field !== undefined && { field }),
    sqlState,
    code,
    message: storable(message, place),
    ...(detail !== undefined && { detail: storable(detail, place) }),
    ...(value !== undefined && { value: storable(value, place) }),
  }
}

/**
 * Text that the database takes: PostgreSQL's has no NUL and no half of a surrogate pair, and a character that the server's encoding
 * lacks would be an error of the whole load.
 */
export function storable(text: string, place: LedgerPlace): string {
  let result = /[\0\ud800-\udfff]/.test(text) ? Buffer.from(text).toString().replaceAll('\0', '\ufffd') : text
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (place.characters === 'ascii') result = result.replace(/[^\x00-\x7f]/gu, '?')
  return result
}
