import type { CopyFrom, CopyOptions, Name, QualifiedName } from './ast.ts'
import { defaultOf, type OptionKey } from './options.ts'

/**
 * The statement in its canonical spelling, on one line unless the condition has line breaks: upper-case keywords, options
 * in parentheses, those left out that have their default. Parsing it gives the same statement.
 */
export function printCopy(copy: CopyFrom): string {
  const columns = copy.columns ? ` (${copy.columns.map(printName).join(', ')})` : ''
  const source = copy.source.kind === 'stdin' ? 'STDIN' : printString(copy.source.path)
  const options = printOptions(copy.options)
  const where = copy.where ? ` WHERE ${copy.where.sql}` : ''
  return `COPY ${printTable(copy.table)}${columns} FROM ${source}${options}${where}`
}

function printOptions(options: CopyOptions): string {
  const { format } = options
  const printed: string[] = []
  const add = (key: OptionKey, value: string) => printed.push(`${key.toUpperCase()} ${value}`)
  if (format !== 'text') add('format', format)
  if (!isDefault('delimiter', options.delimiter, options)) add('delimiter', printString(options.delimiter))
  if (!isDefault('null', options.null, options)) add('null', printString(options.null))
  if (options.default !== undefined) add('default', printString(options.default))
  if (options.header === 'true') printed.push('HEADER')
  else if (options.header === 'match') add('header', 'MATCH')
  if (format === 'csv') {
    if (!isDefault('quote', options.quote, options)) add('quote', printString(options.quote))
    if (!isDefault('escape', options.escape, options)) add('escape', printString(options.escape))
  }
  for (const [key, names] of [
    ['force_not_null', options.forceNotNull],
    ['force_null', options.forceNull],
  ] as const) {
    if (names === '*') add(key, '*')
    else if (names.length > 0) add(key, `(${names.map(printName).join(', ')})`)
  }
  if (options.createTable !== undefined) add('create_table', String(options.createTable))
  return printed.length === 0 ? '' : ` WITH (${printed.join(', ')})`
}

/** Whether the option would have this value without being given. */
function isDefault(key: 'delimiter' | 'null' | 'quote' | 'escape', value: string, options: CopyOptions): boolean {
  const fallback = defaultOf(key, options.format)
  if (fallback === undefined) return false
  return value === ('sameAs' in fallback ? options[fallback.sameAs as 'quote'] : fallback.value)
}

/** `[database.][schema.]table`: as SQL, quoted where the statement quoted it, or as messages show it, without quotes. */
export function printTable({ catalog, schema, name }: QualifiedName, { quote = true } = {}): string {
  return [catalog, schema, name]
    .filter((part) => part !== undefined)
    .map((part) => (quote ? printName(part) : part.value))
    .join('.')
}

function printName(name: Name): string {
  return name.quoted ? `"${name.value.replaceAll('"', '""')}"` : name.value
}

/** The escapes of `E'…'` that are letters. */
const escapes: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
}

/** A string literal; an `E'…'` one when there are control characters to be made visible. */
function printString(value: string): string {
  const doubled = value.replaceAll("'", "''")
  if (!/\p{Cc}/u.test(value)) return `'${doubled}'`
  const escaped = doubled.replace(/[\p{Cc}\\]/gu, (character) => escapes[character] ?? unicodeEscape(character))
  return `E'${escaped}'`
}

function unicodeEscape(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}
