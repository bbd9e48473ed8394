import { CopyError } from '../../errors.ts'
import { isServerError } from './server-error.ts'

/**
 * An error whose position lies in a piece of SQL that the caller wrote, such as an unknown column: its `statement` is that piece, with
 * the offset in it, since that is all of our statement that the caller knows. The piece stands in parentheses in `sql`.
 */
export function inPart(error: unknown, sql: string, part: string | undefined): unknown {
  if (part === undefined || !(error instanceof CopyError) || !isServerError(error.cause)) return error
  const { position } = error.cause
  if (position === undefined) return error
  // The server counts characters, a JavaScript string UTF-16 units.
  const at = [...sql].slice(0, Number(position) - 1).join('').length
  const start = sql.lastIndexOf(`(${part}\n)`) + 1
  if (start === 0) return error
  // A subquery is refused at its parenthesis, for which the one that we put around the piece is taken.
  const offset = at === start - 1 ? 0 : at - start
  if (offset < 0 || offset > part.length) return error
  const { code, sqlState, message, detail, hint, context, cause } = error
  return new CopyError({ code, sqlState, message, detail, hint, context, cause, statement: { text: part, offset } })
}
