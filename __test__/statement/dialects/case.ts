import type { CopyOptions, StatementDialect } from '../../../lib/statement/ast.ts'

/** A sentence of a system's document, a statement that it is about, and what becomes of the statement. */
export interface DialectCase {
  /** As the document has it, blanks aside. */
  readonly sentence: string
  readonly statement: string
  /** Where it is another way here, and why. */
  readonly remark?: string
  /** What the statement's options hold, among others. */
  readonly options?: Partial<CopyOptions> | Record<string, unknown>
  readonly dialect?: StatementDialect['name']
  /** What it says that is not carried out yet: the refusal's message. Absent: all of it is. */
  readonly pending?: string
  /** SQLSTATE and message, where the statement is wrong or refused for good. */
  readonly error?: readonly [sqlState: string, message: string]
  /** What the receipt says of it. */
  readonly notes?: readonly string[]
}
