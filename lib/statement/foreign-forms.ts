/**
 * What other systems write without parentheses where PostgreSQL would see an error, or another option. Most of it is only
 * taken where a file is read, since those systems read nothing else, so that PostgreSQL's own errors stay what they are.
 */
import type { Evidence, OptionArgument, OptionItem, Source } from './ast.ts'
import { type Cursor, isWord } from './cursor.ts'
import type { OptionKey } from './options.ts'

const questdb: Evidence = { dialect: 'questdb', exclusive: true }
const redshift: Evidence = { dialect: 'redshift', exclusive: true }

/** The option at the cursor in another system's spelling; undefined, with nothing read, when it is none. */
export function readForeignForm(cursor: Cursor, source: Source | undefined): OptionItem | undefined {
  const { token } = cursor
  const next = cursor.peek()
  const make = (name: OptionKey, of: Evidence, argument?: OptionArgument, word?: string): OptionItem => ({
    name,
    offset: token.start,
    end: token.end,
    ...(argument && { argument }),
    ...(word !== undefined && { word }),
    of,
  })
  if (cursor.isWord('escape') && next?.kind !== 'string' && next?.kind !== 'unicode string' && !isWord(next, 'as')) {
    if (source?.kind !== 'file') return undefined
    cursor.advance()
    return make('backslash_escape', redshift, undefined, 'ESCAPE')
  }
  // Of STDIN only where the statement itself says whose it is.
  const isSaid = source?.kind === 'file' || /\bdialect\s+(?:'questdb'|questdb\b)/i.test(cursor.text)
  if (isSaid && cursor.isWord('header')) {
    const isBoolean = ['true', 'false'].some((word) => isWord(next, word))
    if (!isBoolean || next?.kind !== 'word') return undefined
    cursor.advance()
    cursor.advance()
    return make(
      'header',
      questdb,
      { kind: 'string', value: next.value, offset: next.start },
      `HEADER ${next.value.toUpperCase()}`,
    )
  }
  if (isSaid && cursor.isWord('format') && next?.kind === 'string') {
    cursor.advance()
    const argument = { kind: 'string', value: cursor.string(), offset: next.start } as const
    return make('timestamp_format', questdb, argument, 'FORMAT')
  }
  if (source?.kind !== 'file') return undefined
  if (cursor.isWord('format') && next?.kind === 'word') {
    cursor.advance()
    cursor.takeWord('as')
    const name = cursor.label()
    takeFormatArgument(cursor)
    return make('format', redshift, { kind: 'string', value: name.value, offset: name.offset }, 'FORMAT AS')
  }
  if (cursor.isWord('encoding') && next?.kind === 'word') {
    cursor.advance()
    const as = cursor.takeWord('as')
    const { start } = cursor.token
    const value = cursor.token.kind === 'word' ? cursor.label().value : cursor.string()
    return make('encoding', redshift, { kind: 'string', value, offset: start }, as ? 'ENCODING AS' : 'ENCODING')
  }
  const format = ['json', 'avro'].find((word) => cursor.isWord(word))
  if (format !== undefined && (next?.kind === 'string' || isWord(next, 'as'))) {
    cursor.advance()
    takeFormatArgument(cursor)
    return make('format', redshift, { kind: 'string', value: format, offset: token.start }, format.toUpperCase())
  }
  return undefined
}

/** Redshift's formats have a list of paths, or 'auto', which nothing is done with, since the formats are refused. */
function takeFormatArgument(cursor: Cursor): void {
  cursor.takeWord('as')
  if (cursor.token.kind === 'string') cursor.string()
}
