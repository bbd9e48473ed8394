/** Rows that are kept for the record of a load, unless it says otherwise; where nobody else asks for them, others are only counted. */
export const MOST_KEPT = 50_000
/** Bytes of one of them that are kept, unless it says otherwise. */
export const MOST_RAW = 1 << 20
/** As many as can be asked for: what is kept is in memory until the end of the load, and PostgreSQL takes less than 1 GiB for a value. */
export const MOST_REJECTS = 10_000_000
export const MOST_REJECT_BYTES = 512 << 20

/** One reason why a record was refused. */
export interface RejectError {
  /** The column's name; absent when the record as a whole is at fault. */
  readonly column?: string
  /** The column's type as the database prints it. */
  readonly type?: string
  /** The field of the record, from 1. */
  readonly field?: number
  readonly sqlState: string
  /** The condition's symbolic name, as in `CopyError.code`. */
  readonly code: string
  readonly message: string
  readonly detail?: string
  /** The field's text, as far as there is one. */
  readonly value?: string
}

/** A value that did not fit, and what the row was loaded with in its place. */
export interface ReplacedValue extends RejectError {
  readonly column: string
  readonly replacement: 'null' | 'default'
}

/** A record of the input, and where it stands. */
export interface InputRecord {
  /** The file as the statement names it, or `STDIN`. */
  readonly file: string
  /** Line of the record's first byte, from 1, counted as PostgreSQL counts. */
  readonly line: number
  /** Line of its last byte; another than `line` where quotes hold line ends, but for line feeds in the input's first record, which PostgreSQL does not count. */
  readonly lastLine: number
  /** Offset of its first byte from the start of the file, from 0, after decompression. */
  readonly byteOffset: number
  /** Bytes it has in the file, its line end not counted. */
  readonly byteLength: number
  /** The record's bytes as read, without its line end. */
  readonly raw: Buffer
  /** Whether `raw` holds only the beginning, or, of rows of the program, a name such as `(a function)` in place of a value that has no text: it cannot be loaded again. */
  readonly rawIsCut: boolean
}

/** A row with values that did not fit and were replaced, as ON_ERROR set_null, SKIP_COLUMN and ACCEPTANYDATE say. It is no {@link Reject}. */
export interface ReplacedRow extends InputRecord {
  /** From 1, in the order of the input. */
  readonly number: number
  /** At least one, in the order of the columns. */
  readonly values: readonly ReplacedValue[]
}

/** A record of the input that was not loaded, with everything that is needed to load it later. */
export interface Reject extends InputRecord {
  /** From 1, in the order of the input; but rows come last that PostgreSQL refuses for a reference to a row of their own table. */
  readonly number: number
  /**
   * At least one. Of a row with a value that cannot be read there are all such values, whoever reads them, and, where constraints are
   * forgiven too, the conditions that read none of them; not keys and references, which are looked up of rows that can be read. Of the
   * last rows before an error that ends the load, of those with TRANSFORM, and of malformed records only what the decoder says. Where the
   * decoder refuses a field they are in the order of the columns, those that are about several columns at the end; else in that in which the target finds them.
   */
  readonly errors: readonly RejectError[]
}
