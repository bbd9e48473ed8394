import { CopyError } from '../errors.ts'

/** SQLSTATEs that a statement can raise before any database sees it, by PostgreSQL's condition name. */
const sqlStates = {
  syntax_error: '42601',
  invalid_parameter_value: '22023',
  feature_not_supported: '0A000',
  character_not_in_repertoire: '22021',
  invalid_escape_sequence: '22025',
  invalid_text_representation: '22P02',
  numeric_value_out_of_range: '22003',
  undefined_column: '42703',
  name_too_long: '42622',
  ambiguous_column: '42702',
  duplicate_column: '42701',
  invalid_column_reference: '42P10',
  insufficient_privilege: '42501',
  undefined_object: '42704',
  invalid_authorization_specification: '28000',
} as const

/** PostgreSQL's name of a condition that a statement can raise. */
export type StatementCondition = keyof typeof sqlStates

/** A {@link CopyError} about one character of the statement. `offset` counts UTF-16 code units from 0. */
export function statementError(
  text: string,
  offset: number,
  condition: StatementCondition,
  message: string,
  more: { readonly hint?: string | undefined; readonly detail?: string | undefined } = {},
): CopyError {
  return new CopyError({
    code: condition,
    sqlState: sqlStates[condition],
    message,
    detail: more.detail,
    hint: more.hint,
    statement: { text, offset },
  })
}

/** How many terminal columns of a statement's line are shown; a longer line is cut on either side. */
const excerptColumns = 60
/** Columns that stay visible to the right of the caret when the line is cut there. */
const rightMargin = 10
/** Characters (UTF-16 code units) on either side of the caret that are looked at. */
const excerptReach = 1_000
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** What takes the place of the part that was cut off. */
const ellipsis = '...'

/**
 * The error as psql prints one: `ERROR:`, the line of the statement with a caret under the character, then DETAIL, HINT
 * and CONTEXT. Lines are separated by `\n`; there is none at the end.
 */
export function formatDiagnostic(error: CopyError): string {
  const lines = [`ERROR:  ${error.message}`]
  if (error.statement) lines.push(...excerpt(error.statement.text, error.statement.offset))
  if (error.detail !== undefined) lines.push(`DETAIL:  ${error.detail}`)
  if (error.hint !== undefined) lines.push(`HINT:  ${error.hint}`)
  if (error.context !== undefined) lines.push(`CONTEXT:  ${error.context}`)
  return lines.join('\n')
}

/** One character as the terminal shows it. */
interface Cell {
  readonly text: string
  /** Terminal columns it takes: 0, 1 or 2. */
  readonly width: number
}

/** `LINE n: …` and the caret line below it. */
function excerpt(text: string, offset: number): [string, string] {
  const caretOffset = Math.min(offset, text.length)
  let lineStart = 0
  let lineNumber = 1
  for (const lineEnd of text.matchAll(/\r\n|\r|\n/g)) {
    const next = lineEnd.index + lineEnd[0].length
    if (next > caretOffset) break
    lineStart = next
    lineNumber++
  }
  const lineLength = text.slice(lineStart).search(/[\r\n]/)
  const line = lineLength < 0 ? text.slice(lineStart) : text.slice(lineStart, lineStart + lineLength)

  // What lies far from the caret is cut off in any case, and finding characters takes its time.
  const begin = Math.max(0, caretOffset - lineStart - excerptReach)
  const near = line.slice(begin, caretOffset - lineStart + excerptReach)
  const cells: Cell[] = []
  let caret: number | undefined
  let codeUnits = lineStart + begin
  for (const { segment } of graphemes.segment(near)) {
    codeUnits += segment.length
    // An offset inside a cluster of combined characters belongs to the cluster; one at a line end is past the last cell.
    if (caret === undefined && codeUnits > caretOffset) caret = cells.length
    cells.push(toCell(segment))
  }
  const caretCell = caret ?? cells.length
  const [from, to] = window(cells, caretCell)
  const label = `LINE ${lineNumber}: `
  const prefix = label + (begin + from > 0 ? ellipsis : '')
  const suffix = to < cells.length || begin + near.length < line.length ? ellipsis : ''
  const shown = cells.slice(from, to).map((cell) => cell.text)
  return [
    (prefix + shown.join('') + suffix).trimEnd(),
    `${' '.repeat(prefix.length + columns(cells, from, caretCell))}^`,
  ]
}

/** The part of the line, as cell indexes, that is shown around the caret. */
function window(cells: readonly Cell[], caret: number): [from: number, to: number] {
  if (columns(cells, 0, cells.length) <= excerptColumns) return [0, cells.length]
  let to = caret
  let kept = 0
  while (to < cells.length && kept < rightMargin) kept += cells[to++]?.width ?? 0
  let from = to
  let width = 0
  while (from > 0 && width + (cells[from - 1]?.width ?? 0) <= excerptColumns) width += cells[--from]?.width ?? 0
  while (to < cells.length && width + (cells[to]?.width ?? 0) <= excerptColumns) width += cells[to++]?.width ?? 0
  return [from, to]
}

/** Terminal columns of the cells `from` up to `to`. */
function columns(cells: readonly Cell[], from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += cells[i]?.width ?? 0
  return sum
}

/** Marks that sit on the character before them, and characters that show nothing at all. */
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
/** Scripts and blocks whose characters take two columns in a terminal. */
const doubleWidth =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\p{Regional_Indicator}\u3000-\u303e\u30fb\u30fc\uff01-\uff60\uffe0-\uffe6]/u
/** Half-width forms are one column although their script is a wide one. */
const halfWidth = /^[\uff61-\uffdc]/u

/** How a user-perceived character is shown. Control characters, tabs included, become one blank each. */
function toCell(grapheme: string): Cell {
  if (/^\p{Cc}/u.test(grapheme)) return { text: ' ', width: 1 }
  if (zeroWidth.test(grapheme)) return { text: grapheme, width: 0 }
  if (halfWidth.test(grapheme)) return { text: grapheme, width: 1 }
  const wide = doubleWidth.test(grapheme) || grapheme.includes('\ufe0f')
  return { text: grapheme, width: wide ? 2 : 1 }
}
