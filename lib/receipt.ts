import type { DiagnosisGroup } from './diagnosis.ts'
import type { StatementDialect, StatementNote } from './statement/ast.ts'

/** How far a load has come. Handed to `onProgress` at most 20 times a second, and once more at the end. */
export interface Progress {
  /** Bytes of the input taken so far. */
  readonly bytesRead: number
  /** Size of the input in bytes; absent for a stream whose length nobody knows. */
  readonly bytesTotal?: number
  /** Data rows decoded so far; header lines are not rows. */
  readonly rowsRead: number
  /** Milliseconds since the statement started. */
  readonly elapsedMs: number
  /** Rows per second, averaged since the start. */
  readonly rowsPerSecond: number
  /** Bytes per second, averaged since the start. */
  readonly bytesPerSecond: number
  /** Milliseconds left at the present rate; absent while `bytesTotal` is unknown or nothing has been read. */
  readonly etaMs?: number
}

/** What became of the rows and lines of one input, or of all. */
export interface ReceiptCounts {
  /** Rows the table took; with ON CONFLICT DO UPDATE, one for each key of which an accepted row is kept. */
  readonly rowsLoaded: number
  /** Rows held back by WHERE, WHEN, a trigger or a rule. */
  readonly rowsFiltered: number
  /** Rows that were refused because of errors in them, where the statement goes on after errors. */
  readonly rowsRejected: number
  /** Rows whose key was there already, or came again, where the statement says what becomes of them. */
  readonly rowsConflicted: number
  /** Rows with a value that was replaced by NULL or its column's default, those included that WHERE or ON CONFLICT then held back. */
  readonly rowsReplaced: number
  /** Header lines skipped. */
  readonly headerLines: number
  /** Lines before the header that SKIP passed over. */
  readonly linesSkipped: number
  /** Empty lines that were passed over, where the statement says so; they are no rows. */
  readonly blankLines: number
}

/**
 * What the target did with the rows of one of several files is known only where it held none of them back: it counts those of the load, and what it
 * took of a file is what was not refused of it. That the files make up the load is what is checked.
 */
type OfTarget = 'rowsLoaded' | 'rowsConflicted'

/**
 * One input of a load, and all of them make up the load. It balances by itself: `rows = rowsLoaded + rowsFiltered + rowsRejected +
 * rowsConflicted`. Of several inputs the first and the last of these are absent, and `rowsFiltered` are those that WHEN passed over, where
 * the target has filtered rows of the load or found keys there already: it does not say of which input these were.
 */
export interface ReceiptFile extends Omit<ReceiptCounts, OfTarget>, Partial<Pick<ReceiptCounts, OfTarget>> {
  /** The path as the statement gives it, or as it was found; or `STDIN`. */
  readonly path: string
  /** Of an object: the tag of the version that was read, without quotes, and when that was written (ISO 8601), as far as its server tells. */
  readonly etag?: string
  readonly modified?: string
  /** Of MAP BY NAME: the names in its header, where its fields stand in another order than those of the first file. */
  readonly fields?: readonly string[]
  /** Bytes read from it. */
  readonly bytes: number
  /** Data rows found in it. */
  readonly rows: number
}

/**
 * What one COPY did. It balances: `rowsRead = rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted`, and of a statement that only
 * validates `rowsRead = rowsValidated + rowsFiltered + rowsRejected`.
 */
export interface Receipt extends ReceiptCounts {
  /** A UUID of this load. */
  readonly id: string
  /** The statement as it was given. */
  readonly statement: string
  /** Whose rules it followed, and how that was found. Absent: PostgreSQL's, since nothing said otherwise. */
  readonly dialect?: StatementDialect
  /** Options of the statement that changed nothing, and why; and which columns MAP BY NAME has not found in the input. Absent: none. */
  readonly notes?: readonly StatementNote[]
  readonly target: 'postgres' | 'duckdb'
  /** The table, schema-qualified and quoted where needed. */
  readonly table: string
  /** The columns that were loaded, in the order of the input's fields. */
  readonly columns: readonly string[]
  /** Data rows found in the input; header lines are not rows. */
  readonly rowsRead: number
  /** What the input was in, by the word that ENCODING takes; of UTF-16 with its byte order. Absent: UTF-8. */
  readonly encoding?: string
  /** The names of the header, to which MAP BY NAME has matched the columns; of several files that of the first. Absent without that. */
  readonly fields?: readonly string[]
  /** VALIDATE_ONLY: rows that nothing was found wrong with. None was loaded. Absent for a load. */
  readonly rowsValidated?: number
  /** Bytes that were no UTF-8 and were replaced, where the statement says by what. */
  readonly bytesReplaced: number
  /** Whether the first line was found to be a header, where the statement leaves that open (QuestDB). */
  readonly headerDetected?: boolean
  /** Bytes of input read. */
  readonly bytesRead: number
  /** Wall time of the whole statement, milliseconds. */
  readonly elapsedMs: number
  /** The inputs in their order: one. */
  readonly files: readonly ReceiptFile[]
  /** The CREATE TABLE that was run, when the table was created by this load. */
  readonly createdTable?: string
  /** Whether the load and its refused rows are recorded in the schema `copyist` of the target. */
  readonly ledger: boolean
  /** How many of the refused rows are recorded, see `maxRejects`: here, or with the load that refused them first. Absent when none was refused. */
  readonly rejectsRecorded?: number
  /** How many of the rows with replaced values are recorded in `copyist.replaced`, see `maxRejects`. Absent when there was none. */
  readonly replacedRecorded?: number
  /** Why they are not, if they should have been. */
  readonly ledgerProblem?: string
  /** Of a COPY REJECTS: the load whose refused rows these were. Those that were refused again are still that load's. */
  readonly replayOf?: string
  /** How many of them need not be loaded any more: rows loaded, filtered and in conflict. */
  readonly rowsResolved?: number
  /** Refused rows of that load that could not be read again, since only their beginning was kept. They are not in `rowsRead`. */
  readonly rowsCut?: number
  /** Refused rows of that load that were never recorded, beyond its limit: they are in its input only. */
  readonly rowsUnrecorded?: number
  /** Nothing was loaded: a load with the same LOAD_KEY had been completed before. All else is that load's receipt. */
  readonly alreadyLoaded?: boolean
  /** When that load ended, as in `2026-01-31T12:00:00.000Z`. */
  readonly loadedAt?: string
  /**
   * What was wrong with refused rows, the most frequent first; absent when none was. Of the first 50,000 of them, or `maxRejects` if that is
   * more; of all where `onReject` or `rejects` asks for them.
   */
  readonly diagnosis?: readonly DiagnosisGroup[]
  /** The same of values that did not fit and were replaced: of the first 50,000 rows, or `maxRejects`; of all where `onReplace` asks for them. */
  readonly replaced?: readonly DiagnosisGroup[]
  /**
   * How the rows travelled: PostgreSQL's binary COPY, its TEXT COPY (a column type that only the server can parse), or
   * DuckDB column vectors.
   */
  readonly transport: 'binary' | 'text' | 'vectors'
  /** Decoder threads used. */
  readonly threads: number
  /** The instruction set that scanned the input: `avx512`, `avx2`, `neon` or `scalar`. */
  readonly instructionSet: string
}
