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

/** One option of a statement before anybody has asked what it means. */
export interface OptionItem {
  /** In lower case, unless it was quoted. */
  readonly name: string
  readonly offset: number
  /** Where the option's name ends. */
  readonly end: number
  readonly argument?: OptionArgument
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

/** Options after parsing and validation: every default filled in. */
export interface CopyOptions {
  readonly format: 'csv' | 'text' | 'binary'
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
  readonly encoding: 'UTF8'
  /** The decimal mark of numbers; absent: the point. */
  readonly decimalSeparator?: ','
  readonly errors: ErrorPolicy
  /** Bytes of a refused row that are recorded. Absent when the statement does not say; the caller's own setting then decides. */
  readonly rejectBytes?: number
  /** Fields after the last column are dropped. */
  readonly ignoreExtraData: boolean
  /** What a row may lack: its last field, or any number of fields at its end. Absent: nothing. */
  readonly fillMissingFields?: 'one' | 'multi'
  readonly invalidChars?: InvalidChars
  /** Strings longer than their column are cut. */
  readonly truncateColumns: boolean
  readonly onConflict?: ConflictPolicy
  /** A name of the load's own, 1 to 200 characters, by which a repetition is recognized. */
  readonly loadKey?: string
  /** Absent when the statement does not say; the caller's own setting then decides. */
  readonly createTable?: boolean
}

/** `COPY … FROM …`, parsed and validated. */
export interface CopyFrom {
  readonly kind: 'copy from'
  /** The statement as given. */
  readonly text: string
  readonly table: QualifiedName
  readonly columns?: readonly Name[]
  readonly source: Source
  readonly options: CopyOptions
  /** The condition's SQL text without the word WHERE. */
  readonly where?: { readonly sql: string; readonly offset: number }
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
  readonly given: { readonly options: readonly OptionItem[]; readonly onConflict?: ConflictPolicy }
}

/** Any statement that can be parsed. */
export type Statement = CopyFrom | CopyRejects
