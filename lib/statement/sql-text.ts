import type { SqlText } from './ast.ts'
import { type Cursor, isWord } from './cursor.ts'
import { statementError } from './diagnostics.ts'

/** Where a piece of SQL ends, asked between tokens outside of all parentheses and brackets. */
type IsEnd = (cursor: Cursor) => boolean

/**
 * SQL up to `isEnd`, with balanced parentheses and brackets and no semicolon outside of literals; undefined when there is none.
 * What comes after the last token, blanks and comments, is not part of it.
 */
export function readSql(cursor: Cursor, isEnd: IsEnd, look?: (cursor: Cursor) => void): SqlText | undefined {
  const open: string[] = []
  const offset = cursor.token.start
  let end = offset
  for (;;) {
    const { token } = cursor
    if (token.kind === 'end' || (open.length === 0 && isEnd(cursor))) break
    look?.(cursor)
    if (token.kind === 'operator') {
      if (token.value === '(' || token.value === '[') open.push(token.value === '(' ? ')' : ']')
      else if (token.value === ';' || token.value === ')' || token.value === ']') {
        if (open.pop() !== token.value) throw cursor.unexpected()
      }
    }
    end = token.end
    cursor.advance()
  }
  if (open.length > 0) throw cursor.unexpected(`A "${open.at(-1)}" is missing.`)
  return end === offset ? undefined : { sql: cursor.text.slice(offset, end), offset }
}

/** One expression in a list in parentheses: up to the comma or the parenthesis that follows it. */
export function readExpression(cursor: Cursor): SqlText {
  const start = cursor.token.start
  let end: number | undefined
  const found = readSql(cursor, isItemEnd, (at) => {
    refuseTricks(at, end)
    end = at.token.end
  })
  if (found === undefined) throw cursor.unexpected('An expression follows AS.')
  if (/^(as|from)$/i.test(found.sql)) throw cursor.unexpected()
  return { sql: found.sql, offset: start }
}

/** The name of a type, such as `numeric(10, 2)`: up to AS, or the end of the item. */
export function readTypeName(cursor: Cursor): SqlText | undefined {
  return readSql(
    cursor,
    (at) => isItemEnd(at) || at.isWord('as'),
    (at) => {
      const { kind } = at.token
      const isPart =
        kind === 'word' ||
        kind === 'integer' ||
        (kind === 'operator' && /^[()[\],.]$/.test(at.text.slice(at.token.start, at.token.end)))
      if (!isPart) throw at.unexpected('The name of a type, or AS and an expression, follows the column.')
    },
  )
}

function isItemEnd(cursor: Cursor): boolean {
  return cursor.isOperator(',') || cursor.isOperator(')') || cursor.isOperator(';')
}

/** What a query may begin with besides SELECT and FROM. */
const queryWords = ['with', 'values', 'table', 'pivot', 'unpivot', 'describe', 'show', 'summarize']

/** What has no place in an expression that becomes part of a statement of ours. */
function refuseTricks(cursor: Cursor, end: number | undefined): void {
  const { token, text } = cursor
  if (end !== undefined && /--|\/\*/.test(text.slice(end, token.start))) {
    throw statementError(text, end, 'syntax_error', 'a TRANSFORM expression cannot have comments')
  }
  if (token.kind === 'parameter') {
    throw statementError(text, token.start, 'syntax_error', 'a TRANSFORM expression cannot have parameters')
  }
  // DuckDB has queries that begin with FROM, as no function's arguments do but those of PostgreSQL's trim.
  const isQuery =
    cursor.isWord('select') ||
    (isOpening(cursor.previous, text) &&
      (queryWords.some((word) => cursor.isWord(word)) ||
        (cursor.isWord('from') && !/\btrim\s*\(\s*$/i.test(text.slice(0, token.start)))))
  if (isQuery) {
    throw statementError(text, token.start, 'feature_not_supported', 'cannot use subquery in TRANSFORM expression')
  }
}

function isOpening(token: Cursor['previous'], text: string): boolean {
  return token?.kind === 'operator' && text.slice(token.start, token.end) === '('
}

/** The condition after WHERE: up to the end of the statement, or ON CONFLICT. */
export function readCondition(cursor: Cursor): SqlText {
  const found = readSql(cursor, (at) => at.isOperator(';') || atConflict(at))
  if (found === undefined) throw cursor.unexpected('A condition follows WHERE.')
  return found
}

export function atConflict(cursor: Cursor): boolean {
  return cursor.isWord('on') && isWord(cursor.peek(), 'conflict')
}
