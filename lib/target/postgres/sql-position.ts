import { CopyError } from '../../errors.ts'
import { isServerError } from './server-error.ts'

/** Where in a statement of ours the server has found an error: a character, from 1. */
export function positionOf({ cause }: CopyError): string | undefined {
  return isServerError(cause) ? cause.position : undefined
}

/**
 * An error whose position lies in a piece of SQL that the caller wrote, such as an unknown column: its `statement` is that piece, with
 * the offset in it, since that is all of our statement that the caller knows. The piece stands in parentheses in `sql`.
 */
export function inPart(error: unknown, sql: string, part: string | undefined): unknown {
  const position = error instanceof CopyError ? positionOf(error) : undefined
  if (part === undefined || position === undefined || !(error instanceof CopyError)) return error
  // Who ran another statement has placed it.
  if (error.statement !== undefined) return error
  // The server counts characters, a JavaScript string UTF-16 units.
  const at = [...sql].slice(0, Number(position) - 1).join('').length
  const start = sql.lastIndexOf(`(${part}\n)`) + 1
  if (start === 0) return error
  // A subquery is refused at its parenthesis, for which the one that we put around the piece is taken.
  // Where the piece breaks off, what the server names is the parenthesis behind it.
  const isBehind = at === start + part.length + 1
  const offset = at === start - 1 ? 0 : isBehind ? part.length : at - start
  if (offset < 0 || offset > part.length) return error
  const { code, sqlState, message, detail, hint, context, cause } = error
  return new CopyError({ code, sqlState, message, detail, hint, context, cause, statement: { text: part, offset } })
}
