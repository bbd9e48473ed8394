import type { Secret } from '../access/secret.ts'
import type { DatePattern } from './date-patterns.ts'

/** A name as SQL resolves it: folded to lower case unless it was quoted. */
export interface Name {
  readonly value: string
  readonly quoted: boolean
  /** Offset in the statement of its first character. */
  readonly offset: number
}

/** `[database.][schema.]table`. */
export interface QualifiedName {
  readonly catalog?: Name
  readonly schema?: Name
  readonly name: Name
}

/** Where the bytes come from. */
export type Source =
  | { readonly kind: 'file'; readonly path: string; readonly offset: number }
  | { readonly kind: 'stdin'; readonly offset: number }

/** What follows an option's name, as the grammar reads it. */
export type OptionArgument =
  | { readonly kind: 'string'; readonly value: string; readonly offset: number }
  | { readonly kind: 'integer'; readonly value: number; readonly offset: number }
  /** A number that is no 32-bit integer, as it is written. */
  | { readonly kind: 'float'; readonly value: string; readonly offset: number }
  | { readonly kind: 'star'; readonly offset: number }
  | { readonly kind: 'list'; readonly items: readonly Name[]; readonly offset: number }
  /** `[ 'a', 'b' ]` */
  | { readonly kind: 'array'; readonly items: readonly string[]; readonly offset: number }
  /** What an option of its own grammar says. */
  | (Clause & { readonly offset: number })

/** The options that have a grammar of their own, as they are written. */
export type Clause =
  | { readonly kind: 'formatter'; readonly fields: readonly FixedField[] }
  | { readonly kind: 'transform'; readonly columns: readonly Transform[] }
  | { readonly kind: 'when'; readonly condition: When }
  | { readonly kind: 'sequence'; readonly columns: readonly Sequence[] }
  | { readonly kind: 'constant'; readonly columns: readonly Constant[] }
  | { readonly kind: 'lineage'; readonly columns: readonly Lineage[] }

/** SQL of the statement, without blanks and comments around it. */
export interface SqlText {
  readonly sql: string
  readonly offset: number
}

/** A field of a fixed-width record. `offset` and `length` are in the layout's unit; the first byte, or character, has offset 0. */
export interface FixedField {
  /** The column; of Redshift's FIXEDWIDTH, whose labels mean nothing, the label. */
  readonly name: Name
  readonly offset: number
  readonly length: number
}

/** Where the fields of a fixed-width record are. */
export interface FixedLayout {
  readonly unit: 'bytes' | 'chars'
  readonly fields: readonly FixedField[]
  /** The fields go to the columns by their names, or one after the other (Redshift). */
  readonly match: 'name' | 'order'
}

/** `column [type] [AS expression]`: what a column becomes of its field, as the target's SQL. */
export interface Transform {
  readonly column: Name
  /** The type that the field has in the expression; absent: the column's. */
  readonly type?: SqlText
  /** One expression, balanced, without comments, parameters and subqueries. Absent: the field itself. */
  readonly expression?: SqlText
}

/** Which records are rows: those whose part (characters from 1, both ends included) or column is, or is not, `value`. */
export interface When {
  readonly subject:
    | { readonly kind: 'range'; readonly start: number; readonly end: number }
    | { readonly kind: 'column'; readonly name: Name }
  readonly operator: '=' | '!='
  readonly value: string
}

/** A column that is not in the file and is counted up from `start`. */
export interface Sequence {
  readonly column: Name
  /** A bigint where a number does not hold it exactly. */
  readonly start: number | bigint
  readonly increment: number | bigint
}

/** A column that is not in the file and has this value in every row. */
export interface Constant {
  readonly column: Name
  readonly value: string
}

/**
 * Where a row comes from: the input's name as errors have it; the line that its record begins in (where rows come in columns: its number)
 * and the byte, in the input as it is decompressed; the load that loads it; and what is known of the input.
 */
export type LineageKind = (typeof lineageKinds)[number]
export const lineageKinds = ['file', 'line', 'offset', 'load_id', 'etag', 'last_modified', 'size'] as const

/** A column that is not in the file and tells where each row comes from. */
export interface Lineage {
  readonly column: Name
  readonly of: LineageKind
}

/** One option of a statement before anybody has asked what it means. */
export interface OptionItem {
  /** In lower case, unless it was quoted. */
  readonly name: string
  readonly offset: number
  /** Where the option's name ends. */
  readonly end: number
  readonly argument?: OptionArgument
  /** The words as they are written, in upper case, where they are not the option's own name. */
  readonly word?: string
  /** The system whose word this is. Absent: anybody's. */
  readonly of?: Evidence
}

/** A system whose COPY is spoken here. */
export type Dialect = 'postgresql' | 'gaussdb' | 'materialize' | 'questdb' | 'redshift'

/** What a word says of the dialect. One that is not `exclusive` has found its way into copyist's own language. */
export interface Evidence {
  readonly dialect: Dialect
  readonly exclusive: boolean
}

/** Whose rules and defaults a statement follows, and how that was found. */
export interface StatementDialect {
  readonly name: Dialect
  /** By the option DIALECT (or the caller), or by a word that only this system has. */
  readonly found: 'given' | 'words'
  /** That word, in upper case. */
  readonly word?: string
}

/** What is to be known of an option: mostly that it changes nothing here, and why. */
export interface StatementNote {
  /** In upper case. */
  readonly option: string
  readonly reason: string
}

/** How the dates and times of the input are written. Absent patterns: as PostgreSQL reads them. */
export interface DateFormats {
  /** Whose patterns they are: PostgreSQL's to_char, or Java's (QuestDB); but for those of strptime, which show that they are. */
  readonly language: 'to_char' | 'java'
  readonly date?: DatePattern
  readonly time?: DatePattern
  /** With to_char also `auto`, `epochsecs` and `epochmillisecs` (Redshift). */
  readonly timestamp?: DatePattern
  readonly smalldatetime?: DatePattern
}

/** A way to compress an input. */
export type Compression = 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lz4' | 'brotli' | 'lzop'

/** What is needed to read the files of other systems' storage. */
export interface RemoteAccess {
  readonly iamRole?: string
  /**
   * Secrets stand in the statement, and are kept nowhere; or the name of a connection, out of sight because it could be a secret that
   * somebody took for one.
   */
  readonly credentials?: true | Secret
  readonly region?: string
  readonly manifest?: true
  /** Absent: as the input tells. */
  readonly compression?: 'none' | Compression
  /** Materialize's AWS CONNECTION. */
  readonly connection?: string
  readonly files?: readonly string[]
  readonly pattern?: string
}

/** What becomes of what does not fit. */
export interface ErrorPolicy {
  /** A value that its column's type refuses. */
  readonly conversion: 'stop' | 'skip_row' | 'set_null' | 'set_default'
  /** A row with too few or too many fields, bytes that are no UTF-8, a broken quote, a stray line end. */
  readonly structure: 'stop' | 'skip_row'
  /** A row that only the target refuses: NOT NULL, CHECK, foreign, unique and exclusion constraints, domains, triggers. */
  readonly constraint: 'stop' | 'skip_row'
  /**
   * The load fails when more rows than this are refused; absent: any number may be. A ratio is in per cent of the rows read,
   * more than 0 and at most 100. `name` is the word of the statement, for messages.
   */
  readonly limit?:
    | { readonly kind: 'rows'; readonly most: number; readonly name: string }
    | { readonly kind: 'ratio'; readonly most: number; readonly name: string }
  readonly verbosity: 'silent' | 'default' | 'verbose'
}

/** What takes the place of bytes that are no UTF-8. */
export interface InvalidChars {
  readonly replacement: string
  /** What NUL becomes; absent: it is refused, as it always is otherwise. */
  readonly nul?: string
}

/** `ON CONFLICT … DO …`: what becomes of a row whose key is there already, in the table or in the input. */
export interface ConflictPolicy {
  /** Absent: any unique constraint, or, for an update, the table's primary key. */
  readonly columns?: readonly Name[]
  readonly action: 'skip' | 'update' | 'reject' | 'error'
  /** Which of several rows of the input with the same key counts. */
  readonly keep: 'first' | 'last'
  readonly offset: number
}

/** Formats whose rows come in columns with names and types, and have neither lines nor text. */
export type ColumnarFormat = Extract<CopyOptions['format'], 'parquet' | 'arrow'>

/** Whether the format is one of those. */
export function isColumnar(format: string): format is ColumnarFormat {
  return format === 'parquet' || format === 'arrow'
}

/** The options for an input that is not compressed, however it begins and whatever its name is. */
export function uncompressed(options: CopyOptions): CopyOptions {
  return { ...options, remote: { ...options.remote, compression: 'none' } }
}

/** Whether the format is one of text that is divided by delimiters. */
export function isDelimited(format: string): format is 'csv' | 'text' {
  return format === 'csv' || format === 'text'
}

/** What the places of rows are counted in. */
export function unitOf({ format }: Pick<CopyOptions, 'format'>): 'line' | 'row' {
  return isColumnar(format) ? 'row' : 'line'
}

/** Options after parsing and validation: every default filled in. */
export interface CopyOptions {
  readonly format: 'csv' | 'text' | 'fixed' | 'binary' | 'parquet' | 'arrow'
  /** One byte; up to 10 in GaussDB's dialect. Empty in fixed. */
  readonly delimiter: string
  readonly null: string
  /** csv only. */
  readonly quote: string
  /** csv only. */
  readonly escape: string
  readonly header: 'false' | 'true' | 'match'
  /** Lines before the first record, header included, that are no records. Absent: none. */
  readonly skip?: number
  readonly forceNotNull: '*' | readonly Name[]
  readonly forceNull: '*' | readonly Name[]
  readonly default?: string
  /** `UTF8` or another of PostgreSQL's names (`LATIN1`, `GBK`), `UTF16`, `UTF16LE` or `UTF16BE`. */
  readonly encoding: string
  /** The decimal mark of numbers; absent: the point. */
  readonly decimalSeparator?: ','
  readonly errors: ErrorPolicy
  /** Bytes of a refused row that are recorded. Absent when the statement does not say; the caller's own setting then decides. */
  readonly rejectBytes?: number
  /** Fields after the last column are dropped. */
  readonly ignoreExtraData: boolean
  /** What a row may lack: its last field, or any number of fields at its end. Absent: nothing. */
  readonly fillMissingFields?: 'one' | 'multi'
  /** Of what is missing strings are empty; absent: NULL, as all else. csv and text only. */
  readonly emptyWhereMissing?: true
  readonly invalidChars?: InvalidChars
  /** Strings longer than their column are cut. */
  readonly truncateColumns: boolean
  readonly onConflict?: ConflictPolicy
  /** A name of the load's own, 1 to 200 characters, by which a repetition is recognized. */
  readonly loadKey?: string
  /** Absent when the statement does not say; the caller's own setting then decides. */
  readonly createTable?: boolean
  /** What ends a record, up to 10 bytes. text only; absent: a line feed, a carriage return or both. */
  readonly eol?: string
  /**
   * text only. What a backslash does: nothing at all (`none`), or it makes the next character part of the value, whichever it is
   * (`next`). Absent: PostgreSQL's sequences.
   */
  readonly backslash?: 'none' | 'next'
  /** `\.` is data, in the middle of the input, too. */
  readonly useEof?: true
  /** Whether the first line is a header is found out by its looks. */
  readonly detectHeader?: true
  /** fixed only, and always there. */
  readonly fixed?: FixedLayout
  readonly dateFormats?: DateFormats
  /** QuestDB's designated timestamp, to which alone its pattern applies. */
  readonly timestampColumn?: Name
  /** QuestDB's PARTITION BY of the table that is made. */
  readonly partitionBy?: 'none' | 'year' | 'month' | 'week' | 'day' | 'hour'
  readonly transform?: readonly Transform[]
  readonly when?: When
  readonly sequence?: readonly Sequence[]
  /** Columns of the list that are read and dropped; the table need not have them. */
  readonly filler?: readonly Name[]
  readonly constant?: readonly Constant[]
  readonly lineage?: readonly Lineage[]
  /** The parts `key=value` of the path of a file are columns. */
  readonly hivePartitioning?: true
  /** Of those the keys, once the files are known; no statement says them. */
  readonly partitions?: readonly Name[]
  /** The fields are matched with the columns by the header, whatever their order; either may have more. */
  readonly mapByName?: true
  /** parquet and arrow only. Columns belong to those of the table by their places. Absent: by their names. */
  readonly byPosition?: true
  /** Dates and timestamps that cannot be read become NULL. */
  readonly acceptAnyDate?: true
  /** Strings of nothing but white space become NULL. */
  readonly blanksAsNull?: true
  /** Empty fields become NULL: of columns that hold no strings, or of all. */
  readonly emptyAsNull?: 'values' | 'all'
  /** White space at the end of strings is cut off. */
  readonly trimBlanks?: true
  /** text only. Quotes around a field are taken off. */
  readonly removeQuotes?: true
  /** csv only. White space between a delimiter and the quotes around a field is no part of it, as in Redshift. */
  readonly unpadQuotes?: true
  /** Numbers with more decimals than their column are truncated, as in Redshift. Absent: they are rounded. */
  readonly decimals?: 'truncate'
  /** Lines with nothing in them are no records. */
  readonly skipBlankLines?: true
  /** Identity columns take the values of the file. */
  readonly explicitIds?: true
  /** Nothing is loaded; the input is only looked at. */
  readonly validateOnly?: true
  /** The table's statistics are gathered after the load. */
  readonly analyze?: true
  /** PostgreSQL's COPY FREEZE. */
  readonly freeze?: true
  readonly remote?: RemoteAccess
}

/** `COPY … FROM …`, parsed and validated. */
export interface CopyFrom {
  readonly kind: 'copy from'
  /** The statement as given, but for secrets in it, which are asterisks. */
  readonly text: string
  readonly table: QualifiedName
  readonly columns?: readonly Name[]
  readonly source: Source
  readonly options: CopyOptions
  /** The condition's SQL text without the word WHERE. */
  readonly where?: SqlText
  /** Absent: PostgreSQL's, since nothing says otherwise. */
  readonly dialect?: StatementDialect
  /** Options that change nothing here. Absent: none. */
  readonly notes?: readonly StatementNote[]
}

/** `EXPLAIN [VALIDATE] COPY …`: says what the statement would do. */
export interface Explain {
  readonly kind: 'explain'
  /** The statement as given. */
  readonly text: string
  /** The whole input is looked at, and what would be refused is counted. */
  readonly validate: boolean
  readonly statement: CopyFrom
}

/** `COPY REJECTS … INTO …`: loads once more what an earlier load refused. */
export interface CopyRejects {
  readonly kind: 'copy rejects'
  /** The statement as given. */
  readonly text: string
  readonly loadId: string
  /** Offset in the statement of the load's identifier. */
  readonly offset: number
  readonly table: QualifiedName
  readonly columns?: readonly Name[]
  /** What the statement says by itself; all else is as in the statement whose rows were refused. */
  readonly given: {
    readonly options: readonly OptionItem[]
    readonly onConflict?: ConflictPolicy
    readonly where?: SqlText
  }
}

/** Any statement that can be parsed. */
export type Statement = CopyFrom | CopyRejects | Explain
