import type { CopyError } from './errors.ts'
import type { Receipt } from './receipt.ts'
import type { Compression, ErrorPolicy, LineageKind, StatementDialect, StatementNote } from './statement/ast.ts'
import type { ResolvedOption } from './statement/explain.ts'
import type { Validation } from './validation.ts'

/** What a statement would do. What lies behind the failure, if there is one, is absent. */
export interface Explanation {
  /** As it was given, but for secrets in it. */
  readonly statement: string
  /** Whether the whole input was read and looked at, as by EXPLAIN VALIDATE. */
  readonly validated: boolean
  readonly target: 'postgres' | 'duckdb'
  /** Whose rules hold: given by DIALECT, told by a word of the statement, or PostgreSQL's since nothing says otherwise. */
  readonly dialect: Omit<StatementDialect, 'found'> & { readonly found: StatementDialect['found'] | 'default' }
  /** All options that are given, and those that every load has. */
  readonly options: readonly ResolvedOption[]
  /** Options that would change nothing here, and why; and which columns MAP BY NAME does not find in the input. */
  readonly notes?: readonly StatementNote[]
  readonly input?: ExplainedInput
  /** Where the statement does not say it and the dialect looks for it: what was found. */
  readonly header?: HeaderEvidence
  readonly table?: ExplainedTable
  /** The columns that are loaded, in the order of the fields; then those of the table that are not; then fields that are dropped. */
  readonly columns?: readonly ExplainedColumn[]
  readonly load?: ExplainedLoad
  /** Nothing would be loaded: a load with the same LOAD_KEY has been completed. */
  readonly alreadyLoaded?: { readonly id: string; readonly loadedAt: string }
  /** What only the load itself finds out, in words. */
  readonly unchecked: readonly string[]
  /** What the rows of the input came to, where it was {@link validated}. */
  readonly validation?: Validation
  /** What the load would fail with, as far as that can be known. Absent: nothing stands in its way. */
  readonly failure?: CopyError
  /** Milliseconds that the explanation took. */
  readonly elapsedMs: number
}

/** Whether the first record is a header. */
export interface HeaderEvidence {
  readonly isHeader: boolean
  /** Why, in words. */
  readonly reason: string
}

/** What would be read. */
export interface ExplainedInput {
  /** The path as the statement gives it, or `STDIN`. */
  readonly name: string
  readonly kind: 'file' | 'files' | 'remote' | 'stream'
  /** Of `files`: their paths, in the order in which they are read. */
  readonly files?: readonly string[]
  /** Absent while nobody knows. */
  readonly bytes?: number
  /**
   * As its first bytes tell a load, or COMPRESSION says. Absent where several files are not alike, for several objects of another machine, and for a
   * stream of which nothing was read.
   */
  readonly compression?: Compression | 'none'
  /**
   * How much of it this explanation has read. Of a stream that is gone; one of which nothing was read is as it was before. Types of a table
   * that does not exist are proven by all values, MAP BY NAME asks for the header, and Parquet and Arrow files for their schema; nothing else is read without VALIDATE.
   */
  readonly read: 'nothing' | 'the beginning' | 'the end' | 'all'
}

/** Where the rows would go. */
export interface ExplainedTable {
  /** Schema-qualified and quoted where needed. */
  readonly name: string
  readonly exists: boolean
  /** The CREATE TABLE that would be run. */
  readonly ddl?: string
}

/** A column of the table, or a field that no column takes. */
export interface ExplainedColumn {
  readonly name: string
  /** As the database prints it; absent for a field that no column takes. */
  readonly type?: string
  readonly isLoaded: boolean
  /** The type of its field in Arrow's words, where the input tells it: of Parquet and Arrow files. */
  readonly sourceType?: string
  readonly from: /** `number` counts from 1; `name` where fields have names. */
    | { readonly kind: 'field'; readonly number: number; readonly name?: string }
    /** fixed: from 0, in the layout's unit. */
    | { readonly kind: 'place'; readonly offset: number; readonly length: number }
    | { readonly kind: 'constant'; readonly value: string }
    | { readonly kind: 'sequence'; readonly start: string; readonly increment: string }
    | { readonly kind: 'lineage'; readonly of: LineageKind }
    /** A part of the path of each file. */
    | { readonly kind: 'partition'; readonly key: string }
    | { readonly kind: 'default' | 'null' | 'generated' }
  /** Who makes a value of the field's text in a load. VALIDATE looks at all but those that only the database reads, see `unchecked`. */
  readonly decodedBy?: 'copyist' | 'the database'
  /** What is done to its values, in words; TRANSFORM's expression is the last. */
  readonly conversions: readonly string[]
  /** NULL is refused. */
  readonly notNull?: true
  /** Of a table that does not exist: why the column would have its type. */
  readonly detected?: string
}

/** How the rows would travel. */
export interface ExplainedLoad {
  readonly transport: Receipt['transport']
  readonly transaction: 'its own' | "the caller's"
  readonly connections: number
  /** Decoder threads. Records are cut apart by one of them at a time. */
  readonly threads: number
  /** Bytes that a thread takes at a time, up to the end of a record. */
  readonly tileSize: number
  /** About how many there are of them; absent where the input's size is unknown. */
  readonly tiles?: number
  /** Bytes of the longest record that is taken. */
  readonly maxRecord: number
  readonly errors: Pick<ErrorPolicy, 'conversion' | 'structure' | 'constraint'> & {
    /** Beyond which the load fails, in words. */
    readonly limit?: string
    /** What becomes of rows that only the database refuses, in words. */
    readonly judgedBy: string
  }
  readonly onConflict?: {
    readonly action: 'skip' | 'update' | 'reject' | 'error'
    readonly keep: 'first' | 'last'
    /** The columns of the key; absent: any unique constraint. */
    readonly keys?: readonly string[]
  }
}
