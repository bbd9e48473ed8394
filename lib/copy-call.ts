import type { Access } from './access/policy.ts'
import { CopyError } from './errors.ts'
import { loadAddon } from './native/addon.ts'
import type { LoadLimits } from './native/open.ts'
import { type ByteSource, isIterable } from './native/pump.ts'
import type { Progress } from './receipt.ts'
import { MOST_REJECT_BYTES, MOST_REJECTS, type Reject, type ReplacedRow } from './rejects.ts'
import type { AnyRow, RowSource } from './row-source.ts'

/** What a call may set of how an input is read, whatever becomes of its rows. */
export interface InputOptions {
  /**
   * The input of `FROM STDIN`: a Node Readable, a web ReadableStream, any (async) iterable of byte chunks, or the bytes
   * themselves. Strings are text already, and refused (22023) beside an ENCODING other than UTF8; so is, always, a Readable whose
   * encoding is `base64` or `hex`. A chunk may be promised. A Readable that flows into a listener or a pipe, or comes to (but in an EXPLAIN), is read by both, unless that
   * has had some of it when it is handed over, which is refused (22023). The load does not wait for a pipe: what that has not taken is in memory.
   */
  readonly stdin?: ByteSource | Uint8Array | string
  /**
   * Called at most 20 times a second while the input is read, and once at its end. What it throws does not end that: it
   * is thrown again outside of it, as an uncaught exception.
   */
  readonly onProgress?: (progress: Progress) => void
  /** Decoder threads; by default the cores of this process, at most 4. */
  readonly threads?: number
  /**
   * Bytes that buffers may take, at least 1 MiB; by default 256 MiB. A record may take an eighth of it; rows that have
   * been handed to the program do not count.
   */
  readonly memoryLimit?: number
  /** Bytes that one compressed input may become; by default any number. */
  readonly maxDecompressedBytes?: number
  /** Bytes that each byte of a compressed input may become, beyond its first 64 MiB of text; by default 500, of lz4 100. */
  readonly maxCompressionRatio?: number
}

/** What a call of {@link Database.copy} may set beside the statement. `Row` is what `rows` consists of. */
export interface CopyCallOptions<Row = AnyRow> extends InputOptions {
  /**
   * Rows in place of bytes, for `FROM STDIN`: an array, a Node Readable in object mode, a web ReadableStream or any (async) iterable of
   * objects with the columns' names as keys, or of arrays in the columns' order. Without a list of columns in the statement, that of objects
   * is the keys of the first one, and that of arrays all columns of the table.
   *
   * What a value becomes is a matter of its column, see the README; one that its column does not take is an error of its row, whose number is
   * the `line` of errors and refused rows. `null`, `undefined` and a missing key are NULL, the last two the column's default where the
   * statement has the option DEFAULT.
   *
   * A row may be promised. Promises in an array may fail before it is their turn; one that a generator yields is known when it is yielded,
   * and what it does before is heard by the process alone.
   */
  readonly rows?: RowSource<Row>
  /** Aborting rolls the load back; `copy` then rejects with SQLSTATE 57014. */
  readonly signal?: AbortSignal
  /** Whether a table that does not exist is created from the file; the statement's CREATE_TABLE option comes first. */
  readonly createTable?: boolean
  /**
   * Called with each refused row of a statement that goes on after errors, in the order of the input; also when the load fails in the
   * end. What it throws does not end the load: it is thrown again outside of it, as an uncaught exception.
   */
  readonly onReject?: (reject: Reject) => void
  /**
   * Called with each row that is loaded with NULL or a default in place of values that did not fit, in the order of the input, and in that order
   * with `onReject`; also when the load fails in the end, and before it is known whether WHERE or ON CONFLICT holds the row back. What it
   * throws is thrown again as an uncaught exception.
   */
  readonly onReplace?: (row: ReplacedRow) => void
  /**
   * A file to write the refused rows to, byte for byte, below a header if the input has one: to be mended and loaded by the same
   * statement. It is emptied when the load begins, and empty in the end if no row was refused; a load that fails or is interrupted leaves
   * in it those refused by then. If it cannot be written, the load fails (53100 when the disk is full). It must not be the input.
   */
  readonly rejects?: string
  /**
   * How many refused rows of the load are recorded at most, and how many with replaced values; by default 50,000. They are kept in memory until its end, 32 MiB at most, and
   * more in proportion where more rows than that are asked for.
   */
  readonly maxRejects?: number
  /**
   * Bytes of a refused row that are recorded at most, by default 1 MiB; the statement's REJECT_BYTES option comes first. A row that is cut is
   * flagged, and cannot be loaded by COPY REJECTS. `onReject` and `rejects` get rows whole.
   */
  readonly maxRejectBytes?: number
  /**
   * Whether the load is recorded in the schema `copyist` of its target, with its refused rows. By default loads are that go on after
   * errors or have a LOAD_KEY, and all loads into a database where one has been recorded before. Where the user may not create the
   * schema, or write to it, the load goes on without, and its receipt says so.
   */
  readonly ledger?: boolean
  /**
   * What this statement may read beside `stdin` and `rows`: `closed` for one from somebody who is not trusted. It can only take away from what
   * the connection allows. See docs/access.md.
   */
  readonly access?: Access
}

const DEFAULT_MEMORY_LIMIT = 256 * 1024 * 1024
const LEAST_MEMORY_LIMIT = 1024 * 1024
const MOST_THREADS = 64
/** More decoders than this wait for the target. */
const DEFAULT_THREADS = 4

/** How much of the machine a call may take. */
export function checkedLimits(call: CopyCallOptions): LoadLimits {
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
  const { maxDecompressedBytes, maxCompressionRatio } = call
  for (const [name, given] of Object.entries({ maxDecompressedBytes, maxCompressionRatio })) {
    if (given !== undefined && !(Number.isSafeInteger(given) && given > 0))
      throw badOption(name, 'a whole number above 0', given)
  }
  return {
    threads,
    memoryLimit,
    ...(maxDecompressedBytes !== undefined && { maxDecompressedBytes }),
    ...(maxCompressionRatio !== undefined && { maxCompressionRatio }),
  }
}

const CALL_OPTIONS = [
  'stdin',
  'rows',
  'signal',
  'onProgress',
  'threads',
  'memoryLimit',
  'maxDecompressedBytes',
  'maxCompressionRatio',
  'createTable',
  'onReject',
  'onReplace',
  'rejects',
  'maxRejects',
  'maxRejectBytes',
  'ledger',
  'access',
]

/** Refuses what TypeScript would have refused, before anything is begun. */
export function checkCall(text: unknown, call: CopyCallOptions): void {
  if (typeof text !== 'string') throw badOption('statement', 'a string', typeof text)
  if (typeof call !== 'object' || call === null) throw badOption('options', 'an object', call)
  for (const name of Object.keys(call)) {
    if (!CALL_OPTIONS.includes(name)) throw badOption(name, `one of ${CALL_OPTIONS.join(', ')}`, 'no such option')
  }
  const { stdin, rows, signal, onProgress } = call
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw badOption('signal', 'an AbortSignal', typeof signal)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw badOption('onProgress', 'a function', typeof onProgress)
  }
  const { rejects, ledger } = call
  for (const name of ['onReject', 'onReplace'] as const) {
    const given = call[name]
    if (given !== undefined && typeof given !== 'function') throw badOption(name, 'a function', typeof given)
  }
  if (rejects !== undefined && (typeof rejects !== 'string' || rejects === '')) {
    throw badOption('rejects', 'the path of a file', rejects)
  }
  for (const [name, most] of [
    ['maxRejects', MOST_REJECTS],
    ['maxRejectBytes', MOST_REJECT_BYTES],
  ] as const) {
    const given = call[name]
    if (given !== undefined && !(Number.isInteger(given) && given >= 0 && given <= most)) {
      throw badOption(name, `a whole number from 0 to ${most}`, given)
    }
  }
  if (ledger !== undefined && typeof ledger !== 'boolean') throw badOption('ledger', 'true or false', typeof ledger)
  if (stdin !== undefined && typeof stdin !== 'string' && !isIterable(stdin)) {
    throw badOption('stdin', 'a stream, an iterable of chunks, or the bytes themselves', typeof stdin)
  }
  if (rows !== undefined && (!isIterable(rows) || (rows as unknown) instanceof Uint8Array)) {
    throw badOption('rows', 'an array, a stream or an iterable of objects or arrays', typeof rows)
  }
}

export function badOption(name: string, expected: string, given: unknown): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `invalid value for option "${name}": ${String(given)}`,
    detail: `It takes ${expected}.`,
  })
}
