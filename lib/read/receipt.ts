import type { DiagnosisGroup } from '../diagnosis.ts'
import type { ReceiptCounts, ReceiptFile } from '../receipt.ts'
import type { StatementDialect, StatementNote } from '../statement/ast.ts'

/** One input of a reading. `rows = rowsReturned + rowsFiltered + rowsRejected`. */
export interface ReadFile extends Omit<ReceiptFile, 'rowsLoaded' | 'rowsConflicted'> {
  /** Rows that were handed out. */
  readonly rowsReturned: number
}

/** What a reading came to, once all rows have been handed out. It balances: `rowsRead = rowsReturned + rowsFiltered + rowsRejected`. */
export interface ReadReceipt extends Omit<ReceiptCounts, 'rowsLoaded' | 'rowsConflicted'> {
  /** The statement as it was given. */
  readonly statement: string
  /** Whose rules it followed. Absent: PostgreSQL's, since nothing said otherwise. */
  readonly dialect?: StatementDialect
  /** Options of the statement that changed nothing, and why. Absent: none. */
  readonly notes?: readonly StatementNote[]
  /** The columns, with their types as PostgreSQL prints them. */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  /** What the input was in, if it was not UTF-8. */
  readonly encoding?: string
  /** Data rows found in the input; header lines are not rows. */
  readonly rowsRead: number
  /** Rows that were handed out. */
  readonly rowsReturned: number
  /** Bytes that were no UTF-8 and were replaced, where the statement says by what. */
  readonly bytesReplaced: number
  /** Whether the first line was found to be a header, where the statement leaves that open. */
  readonly headerDetected?: boolean
  /** Bytes of input read. */
  readonly bytesRead: number
  /** Wall time from the beginning to the last row, the caller's included, in milliseconds. */
  readonly elapsedMs: number
  /** The inputs in their order. */
  readonly files: readonly ReadFile[]
  /** What was wrong with refused rows, the most frequent first; absent when none was. */
  readonly diagnosis?: readonly DiagnosisGroup[]
  /** The same of values that did not fit and were replaced. */
  readonly replaced?: readonly DiagnosisGroup[]
  /** Decoder threads used. */
  readonly threads: number
  /** The instruction set that scanned the input. */
  readonly instructionSet: string
}
