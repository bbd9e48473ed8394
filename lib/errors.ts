import type { DiagnosisGroup } from './diagnosis.ts'
/** Where in the input an error is. Every field is absent when it is not known. */
export interface CopyPosition {
  /** The file as the statement names it, or `STDIN`. */
  readonly file?: string
  /** Line number from 1, counted as PostgreSQL's CONTEXT counts. */
  readonly line?: number
  /** Offset from 0 of the record's first byte in the file (after decompression). */
  readonly byteOffset?: number
  /** The column's name. */
  readonly column?: string
}

/** The parts of a {@link CopyError}. */
export interface CopyErrorInit {
  readonly code: string
  readonly sqlState: string
  readonly message: string
  readonly position?: CopyPosition | undefined
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** PostgreSQL's CONTEXT, such as `COPY weather, line 5, column temp: "abc"`. */
  readonly context?: string | undefined
  /** The statement and the character in it (from 0) that the error is about; printed with a caret. */
  readonly statement?: { readonly text: string; readonly offset: number } | undefined
  readonly diagnosis?: readonly DiagnosisGroup[] | undefined
  readonly loadId?: string | undefined
  readonly cause?: unknown
}

/**
 * Everything that can go wrong with a COPY: the statement, the file, the data, the target, an abort.
 *
 * `code` is the symbolic name of the condition (PostgreSQL's own, in snake_case), `sqlState` its SQLSTATE.
 */
export class CopyError extends Error {
  override readonly name = 'CopyError'
  readonly code: string
  readonly sqlState: string
  readonly position: CopyPosition
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly context: string | undefined
  readonly statement: { readonly text: string; readonly offset: number } | undefined
  /** What was wrong with the rows, when more of them were refused than the statement allows. */
  readonly diagnosis: readonly DiagnosisGroup[] | undefined
  /** Of a load that has failed and is recorded: what the record and `db.rejects()` call it. */
  readonly loadId: string | undefined

  constructor(init: CopyErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code
    this.sqlState = init.sqlState
    this.position = init.position ?? {}
    this.detail = init.detail
    this.hint = init.hint
    this.context = init.context
    this.statement = init.statement
    this.diagnosis = init.diagnosis
    this.loadId = init.loadId
  }
}
