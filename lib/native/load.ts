/**
 * The native load as the rest of `lib` sees it. One load is one pass over one input: bytes in, encoded chunks out, in
 * the order of the input. Everything is driven by `next()`; nothing here blocks the event loop.
 */

import type { LineageKind } from '../statement/ast.ts'

/** A column type in the form the native decoder takes; see `crates/core/src/types.rs`. */
export type ColumnType =
  | {
      readonly kind:
        | 'bool'
        | 'int2'
        | 'int4'
        | 'int8'
        | 'float4'
        | 'float8'
        | 'text'
        | 'bytea'
        | 'date'
        | 'uuid'
        | 'json'
        | 'jsonb'
    }
  | { readonly kind: 'other'; readonly known?: Known }
  | { readonly kind: 'numeric'; readonly precision?: number; readonly scale?: number }
  | { readonly kind: 'varchar' | 'bpchar'; readonly length?: number }
  | { readonly kind: 'time' | 'timetz' | 'timestamp' | 'timestamptz' | 'interval'; readonly precision?: number }
  | { readonly kind: 'enum'; readonly name: string; readonly labels: readonly string[] }
  | { readonly kind: 'array'; readonly element: ColumnType; readonly elementOid: number; readonly delimiter: string }

/** What is known of a type that only its target parses: what nested values become in it, and what would be lost. */
export type Known =
  | { readonly form: 'like'; readonly parts: readonly [ColumnType] }
  /** Whole numbers. */
  | { readonly form: 'whole' }
  /** Whole numbers from 0 to what `length` bits hold. */
  | { readonly form: 'unsigned'; readonly name: string; readonly length: 32 | 64 }
  /** Texts of at most `length` bytes. */
  | { readonly form: 'short'; readonly name: string; readonly length: number }
  /** Lengths of time that end with the last of these fields, and with so many digits of a second. */
  | { readonly form: 'interval'; readonly fields: readonly IntervalField[]; readonly precision?: number }
  | { readonly form: 'list'; readonly parts: readonly [ColumnType] }
  | { readonly form: 'map'; readonly parts: readonly [key: ColumnType, value: ColumnType] }
  | { readonly form: 'record'; readonly parts: readonly ColumnType[]; readonly fields: readonly string[] }

/** From the longest on. */
export type IntervalField = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second'

/** What an array holds in the end; any other type is itself. */
export function innermost(type: ColumnType): ColumnType {
  return type.kind === 'array' ? innermost(type.element) : type
}

/** One column of the COPY column list, in list order. */
export interface LoadColumn {
  readonly name: string
  readonly type: ColumnType
  /** CSV: never match NULL. */
  readonly forceNotNull: boolean
  /** CSV: match NULL even when quoted. */
  readonly forceNull: boolean
  /** Whether the column has a default, for the DEFAULT option's error. */
  readonly hasDefault: boolean
  /** Whether a NULL can be known to be refused by the target, and may be refused before. */
  readonly notNull: boolean
  /** The number of its field, where fields are not the columns' one after the other. */
  readonly field?: number
  /** fixed: where its field stands in the line, from 0. */
  readonly place?: { readonly offset: number; readonly length: number }
  /** How dates and times are written: patterns that are tried in order. Absent: as PostgreSQL reads them. */
  readonly patterns?: DatePatterns
  /** What becomes of its values that its type refuses, where it is not what the statement's policy says. */
  readonly conversion?: 'stop' | 'skip_row' | 'set_null' | 'set_default'
  /** PostgreSQL: a character of TEXT that stands for its default, which the table has none of. */
  readonly zero?: 'f' | '0'
  /** It has this value in every row, and no field: what its type makes of the text. */
  readonly constant?: string
  /**
   * Its values are numbers of the records, and it has no field. Records that the decoder or the target refuses have had
   * theirs, those that are passed over have none. A number beyond the column's type ends the load (22003).
   */
  readonly sequence?: {
    readonly start: bigint
    readonly increment: bigint
    /** Where the records are some of another input's, in its order: how many came before each there. */
    readonly records?: readonly number[]
  }
  /** It tells where each row comes from, and has no field. What is not known is NULL, which `notNull` makes an error of the load. */
  readonly lineage?: LineageKind
  /** It has the partition value with this number of each input, and no field. */
  readonly partition?: number
  /** What is done to its fields before anything else, in this order. */
  readonly cleaning?: Cleaning
  /** Whether it is empty, and not NULL, where a record lacks its field. */
  readonly missingIsEmpty?: boolean
  /** Its value goes with a row that is refused: the target may find more that is wrong with it. */
  readonly isTold?: boolean
  /** A value of it is refused that has a character in the place of an invalid one: it is no string. */
  readonly refusesReplaced?: boolean
}

/** Whether the values of a column are fields of the records. */
export function isRead({ constant, sequence, lineage, partition }: LoadColumn): boolean {
  return constant === undefined && sequence === undefined && lineage === undefined && partition === undefined
}

/** Patterns of dates and times, in one language. */
export type DateLanguage = 'to_char' | 'redshift' | 'java' | 'strptime' | 'auto'

/** Patterns that are tried in order. */
export interface DatePatterns {
  readonly list: readonly { readonly language: DateLanguage; readonly text: string }[]
  /** Timestamps without a zone are rounded to the minute, half a minute up. */
  readonly toMinute?: boolean
}

/** What is done to a field before its type sees it. NULL strings are compared with what is left of it without its quotation marks. */
export interface Cleaning {
  /** A pair of `'` or `"` around it is removed; one that only begins it is an error of the row. */
  readonly unquotes?: boolean
  /** White space alone, and some of it, is NULL. */
  readonly blankIsNull?: boolean
  /** White space at its end is removed. */
  readonly trims?: boolean
  /** What is empty, whatever has made it so, is NULL; even in quotes. */
  readonly emptyIsNull?: boolean
}

/**
 * What a record must meet, or it is passed over, whatever is wrong with it. A field or characters that are not there, and NULL, are
 * neither the same as anything nor different; a record without a field that it may not lack is an error as ever.
 */
export interface LoadCondition {
  /**
   * The field with this number in the record (FIXED: of the column with this number), as its value is read; or characters of
   * the record as it stands in the file, without its line end: from `start`, counted from 0, to before `end` (FIXED: in its unit); or
   * the field at a place of a FIXED line that is no column's.
   */
  readonly subject:
    | { readonly field: number }
    | { readonly start: number; readonly end: number }
    | { readonly offset: number; readonly length: number }
  /** Whether it must differ from the value. */
  readonly negated: boolean
  readonly value: string
}

/** Session settings of the target that the input functions read. */
export interface LoadSession {
  readonly dateOrder: 'mdy' | 'dmy' | 'ymd'
  readonly intervalStyle: 'postgres' | 'postgres_verbose' | 'sql_standard' | 'iso_8601'
  readonly timeZone: string
  /** Transaction start, microseconds since 2000-01-01 UTC. */
  readonly now: bigint
  /**
   * Whose names and abbreviations of time zones in literals are read with the zone data of the addon: every zone's, only
   * the session's zone's, or none. Others fail the load with the code {@link LEFT_TO_SERVER}.
   */
  readonly zoneWords: 'all' | 'session' | 'none'
}

/** The code of the error of a value that only the server can read. The statement starts over; no caller sees it. */
export const LEFT_TO_SERVER = 'left_to_server'

/**
 * What the chunks hold.
 * - `pg_binary`: PostgreSQL CopyData messages ready for the wire ('d', length, payload), of the binary COPY stream with its
 *   header and trailer.
 * - `pg_text`: CopyData messages of a TEXT COPY stream: tab, `\N`, `\D` for DEFAULT, one line a row.
 * - `duckdb`: column vectors in DuckDB's layout, see {@link DuckdbBatch}.
 * - `duckdb_served`: the same, but they stay in native memory, from where the addon serves them, see {@link NativeLoad.serve}.
 */
export type SinkKind = 'pg_binary' | 'pg_text' | 'duckdb' | 'duckdb_served'

/**
 * What they hold where rows are read for the program.
 * - `ipc`: a stream of Arrow's IPC format with one record batch, and without its end.
 * - `values`: columns as JavaScript has arrays of, see {@link ValueNode}.
 */
export type ReadSinkKind = 'ipc' | 'values'

/** A chunk of encoded output. Its memory belongs to the native load until `release()`. */
export interface Chunk {
  /** Valid until `release()`. */
  readonly buffer: Buffer
  /** Rows in it. */
  readonly rows: number
  /** `duckdb` sinks only. Of `duckdb_served` the offsets are not into `buffer`, which is empty. */
  readonly batch?: DuckdbBatch
  /** `ipc` sink: bytes at its beginning that are the schema's. */
  readonly schemaBytes?: number
  /** `values` sink: where the columns lie in the buffer; behind a list its elements. */
  readonly nodes?: readonly ValueNode[]
  /** `duckdb` sinks: bytes of native memory held until `release()`, besides the buffer. */
  readonly held?: number
  /** `duckdb_served` sink: what the chunk is called in {@link NativeLoad.serve}. */
  readonly id?: number
  release(): void
}

/**
 * A batch of rows as DuckDB vectors inside `chunk.buffer.buffer` (an ArrayBuffer; offsets are from its start).
 * Vectors of 2,048 rows: vector `v` holds rows `v*2048 ..`. Strings are DuckDB's 16-byte `duckdb_string_t`; pointers lead
 * into the same memory, so the chunk may be released only when DuckDB has consumed the rows.
 */
export interface DuckdbBatch {
  readonly columns: readonly DuckdbColumn[]
}

/** One column of a {@link DuckdbBatch}. */
export interface DuckdbColumn {
  /** Bytes a value takes: 1, 2, 4, 8, 16. */
  readonly width: number
  /** Offset of row 0's value; row r is at `data + r*width`. */
  readonly data: number
  /** Offset of the validity bits (64-bit words, 1 = valid, row r is bit r), or -1 when all rows are valid. */
  readonly validity: number
  /** DEFAULT option: offset of one byte a row (1 = use the column's default), or -1 when no row asks for it. */
  readonly defaults: number
}

/** What the values of a {@link ValueNode} are, by its number. */
export const VALUE_KIND = {
  bool: 0,
  int16: 1,
  int32: 2,
  int64: 3,
  float32: 4,
  float64: 5,
  text: 6,
  bytes: 7,
  list: 8,
  epoch: 9,
  /** Numbers of 32 bits of texts in the column's dictionary, see {@link NativeLoad.texts}. */
  coded: 10,
} as const

/** A column, or the elements of lists, in a buffer: places in bytes, multiples of 8, or -1 where there is nothing of it. */
export interface ValueNode {
  /** One of {@link VALUE_KIND}. */
  readonly kind: number
  readonly rows: number
  /** One bit a row, 1 for a value. */
  readonly validity: number
  readonly data: number
  /** Bytes of the data. */
  readonly bytes: number
  /** `text`, `bytes`, `list`: 32 bits each, one more than rows. */
  readonly offsets: number
  /** `text` that is not all ASCII: its offsets in units of UTF-16. `coded`: texts that the dictionary must have. */
  readonly units: number
}

/** One thing that is wrong with a record. */
export interface NativeFlaw {
  /** Number of the column in the COPY column list, from 0; absent where it is about the record. */
  readonly column?: number
  readonly code: string
  readonly sqlState: string
  readonly message: string
  readonly detail?: string
  /** The field's text. */
  readonly value?: string
}

/** A record that the decoder refused by itself, or a row with a value that it replaced. */
export interface NativeReject {
  /** The input's name. */
  readonly file: string
  /** Which of the inputs that is, from 0: a name may come twice. Absent: the only one. */
  readonly fileIndex?: number
  /** Bytes of records before it in all inputs of the load: records are in the order of these numbers. */
  readonly position: number
  readonly line: number
  readonly lastLine: number
  readonly byteOffset: number
  /** Without its line end. */
  readonly byteLength: number
  readonly flaws: readonly NativeFlaw[]
  /** Values of the columns that are told, by their number in the column list: literals, null for NULL. Of flawed ones there is none. */
  readonly told?: readonly (readonly [column: number, text: string | null])[]
  readonly raw: Buffer
  readonly isCut: boolean
  /** It is among the rows that are handed out: the values of its flaws have been replaced. */
  readonly isMended: boolean
  /** Of a refused one: how many records come before it in the input, those that are passed over not counted. */
  readonly recordsBefore: number
}

/** Where a row is. */
export interface RowPlace {
  /** The input's name. */
  readonly file: string
  /** As in {@link NativeReject.fileIndex}. */
  readonly fileIndex?: number
  /** As in {@link NativeReject.position}. */
  readonly position: number
  /** What `line` and `firstLine` count; where it is rows there are no bytes. */
  readonly unit: 'line' | 'row'
  /** Line of its end. */
  readonly line: number
  /** Line of its beginning. */
  readonly firstLine: number
  readonly byteOffset: number
  /** Without its line end. */
  readonly byteLength: number
}

/** A row as it was read. */
export interface RowRecord {
  readonly place: RowPlace
  readonly raw: Buffer
}

/** The place of a row as an error tells it: one without lines has no bytes either. */
export function positionOf({ file, unit, line, byteOffset }: Pick<RowPlace, 'file' | 'unit' | 'line' | 'byteOffset'>): {
  readonly file: string
  readonly line: number
  readonly byteOffset?: number
} {
  return { file, line, ...(unit === 'line' && { byteOffset }) }
}

/** Counters of a load, readable at any time. */
export interface LoadCounters {
  /** Bytes of the input taken so far. */
  readonly bytesRead: number
  /** Size of the input where known. */
  readonly bytesTotal?: number
  /** Data rows decoded so far (header not included), refused ones included. */
  readonly rowsRead: number
  /** Rows that the decoder refused. */
  readonly rowsRefused: number
  /** Records that do not meet the conditions; they are not among `rowsRead`. */
  readonly rowsPassedOver?: number
  /** Empty lines that were passed over; they are no rows. */
  readonly blankLines?: number
  /** Rows with a value that was refused and replaced; each is told as one with {@link NativeReject.isMended}. */
  readonly rowsMended: number
  /** Bytes that were part of no character and were replaced. */
  readonly bytesReplaced?: number
  /** What the input is in, if it is not UTF-8: of UTF-16 in which byte order, once that is known. */
  readonly encoding?: string
  /** Header lines skipped. */
  readonly headerLines: number
  /** Lines passed over before the first record. */
  readonly linesSkipped?: number
}

/** How far a load is with one of its inputs. */
export interface FileCounters extends Required<Omit<LoadCounters, 'bytesTotal' | 'encoding'>> {
  /** The input's name. */
  readonly file: string
  /** Of an object: the tag of its version, without quotes, and when it was last written, in milliseconds since 1970. */
  readonly etag?: string
  readonly modified?: number
}

/** A native load in progress. */
export interface NativeLoad {
  /** Chunks that may be unreleased at a time, where there is such a limit: `next()` waits for a release beyond it. */
  readonly maxHeld?: number
  /**
   * The next chunk in input order, or undefined at the end. Rejects with a {@link CopyError}: rows before the error have all
   * been handed out first, so a target that fails on an earlier row reports its own error.
   */
  next(): Promise<Chunk | undefined>
  counters(): LoadCounters
  /** The same of each input, in their order; of those whose turn has not come there may be none. */
  files?(): FileCounters[]
  /** The names in the header of an input that is read, or was, where its fields stand in another order than those of the first. */
  fieldsOf?(file: string): readonly string[] | undefined
  /** How many decoder threads may work from now on; none is a pause. */
  setThreads?(threads: number): void
  /**
   * `duckdb_served` sink: serves rows of unreleased chunks as the window of this number, to functions of this signature. Each
   * segment is a chunk's `id`, its first row and how many.
   */
  serve?(window: number, signature: string, segments: readonly (readonly [number, number, number])[]): void
  /** `values` sink: the texts of a column's dictionary from a number on. They never change. */
  texts?(column: number, from: number): string[]
  /**
   * Line and byte offset of a data row by its ordinal (from 0), while the row is among those recently handed out or not settled.
   */
  locate(row: number): RowPlace | undefined
  /**
   * The same of several rows, with the bytes of their records, without a line end, up to a limit: of those whose bytes are kept, from when they are handed
   * out until they are settled. Many at a time cost a tenth.
   */
  records?(rows: readonly number[], limit: number): (RowRecord | undefined)[]
  /**
   * Nobody will ask about rows before this one any more. From the first call on the places and bytes of all others are kept, as long as
   * some are settled whenever {@link isFull} says so.
   */
  settle?(row: number): void
  /** Whether rows that are not settled take about as much memory as they may. */
  isFull?(): boolean
  /** Stops all work. Chunks not yet released stay valid. Settles when every native thread has let go of the input. */
  close(): Promise<void>
}
