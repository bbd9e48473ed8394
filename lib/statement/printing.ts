import {
  type ConflictPolicy,
  type CopyFrom,
  type CopyOptions,
  type Dialect,
  isColumnar,
  type Name,
  type OptionItem,
  type QualifiedName,
  type Source,
} from './ast.ts'
import { dialectDefaults } from './dialect.ts'
import { printErrors } from './error-policy.ts'
import type { OptionKey } from './options.ts'
import { printArray, printClause, printExtensions } from './print-extensions.ts'

/**
 * The statement in its canonical spelling, on one line unless the condition has line breaks: upper-case keywords, options
 * in parentheses, those left out that have their default. Parsing it gives the same statement.
 */
export function printCopy(copy: CopyFrom): string {
  const { options, dialect } = copy
  const said = dialect ? [`DIALECT '${dialect.name}'`] : []
  return printClauses({
    ...copy,
    options: [...said, ...printOptions(options, dialect?.name)],
    onConflict: options.onConflict,
  })
}

/** A statement put together from its parts, `options` being those that stand in parentheses. */
export function printClauses(parts: {
  readonly table: QualifiedName
  readonly columns?: readonly Name[] | undefined
  readonly source: Source
  readonly options: readonly string[]
  readonly onConflict?: ConflictPolicy | undefined
  readonly where?: { readonly sql: string } | undefined
}): string {
  const { source, options, onConflict } = parts
  const columns = parts.columns ? ` ${printNames(parts.columns)}` : ''
  const from = source.kind === 'stdin' ? 'STDIN' : printString(source.path)
  const list = options.length === 0 ? '' : ` WITH (${options.join(', ')})`
  const conflict = onConflict ? ` ${printConflict(onConflict)}` : ''
  const where = parts.where ? ` WHERE ${parts.where.sql}` : ''
  return `COPY ${printTable(parts.table)}${columns} FROM ${from}${list}${conflict}${where}`
}

/** An option as it stands between parentheses, from what its statement says. */
export function printItem({ name, argument }: OptionItem): string {
  const word = name.toUpperCase()
  if (argument === undefined) return word
  switch (argument.kind) {
    case 'string':
      return `${word} ${printString(argument.value)}`
    case 'integer':
    case 'float':
      return `${word} ${argument.value}`
    case 'star':
      return `${word} *`
    case 'list':
      return `${word} ${printNames(argument.items)}`
    case 'array':
      return `${word} = ${printArray(argument.items)}`
    default:
      return `${word} ${printClause(argument)}`
  }
}

function printConflict({ columns, action, keep }: ConflictPolicy): string {
  const on = columns ? `ON CONFLICT ${printNames(columns)}` : 'ON CONFLICT'
  const other = keep === defaultKeep(action) ? '' : ` KEEP ${keep.toUpperCase()}`
  return `${on} DO ${action.toUpperCase()}${other}`
}

/** An update ends with the last row's values, as if the rows had come one after the other; otherwise the first is there first. */
export function defaultKeep(action: ConflictPolicy['action']): ConflictPolicy['keep'] {
  return action === 'update' ? 'last' : 'first'
}

export function printNames(names: readonly Name[]): string {
  // The list of an option may hold strings, and only as a string is there a name of no characters.
  return `(${names.map((name) => (name.value === '' ? "''" : printName(name))).join(', ')})`
}

/** The options that do not have the default of the dialect (absent: PostgreSQL's), as they stand in parentheses. */
export function printOptions(options: CopyOptions, dialect?: Dialect): string[] {
  const { format } = options
  const defaults = dialectDefaults[dialect ?? 'postgresql']
  const layout = format === 'csv' ? 'csv' : 'text'
  const printed: string[] = []
  const add = (key: OptionKey, value: string) => printed.push(`${key.toUpperCase()} ${value}`)
  if (format !== defaults.format) add('format', format)
  const hasText = format !== 'fixed' && !isColumnar(format)
  if (hasText && options.delimiter !== defaults.delimiter[layout]) {
    add('delimiter', printString(options.delimiter))
  }
  if (hasText && options.null !== defaults.null[layout]) {
    // A literal cannot hold NUL, which is how Redshift writes it.
    add('null', options.null === '\0' ? "'\\0'" : printString(options.null))
  }
  if (options.default !== undefined) add('default', printString(options.default))
  if (options.header === 'true') printed.push('HEADER')
  else if (options.header === 'match') add('header', 'MATCH')
  if (options.skip !== undefined) add('skip', String(options.skip))
  if (options.encoding !== 'UTF8') add('encoding', printString(options.encoding))
  if (options.decimalSeparator !== undefined) add('decimal_separator', `'${options.decimalSeparator}'`)
  if (format === 'csv') {
    if (options.quote !== '"') add('quote', printString(options.quote))
    if (options.escape !== options.quote) add('escape', printString(options.escape))
  }
  for (const [key, names] of [
    ['force_not_null', options.forceNotNull],
    ['force_null', options.forceNull],
  ] as const) {
    if (names === '*') add(key, '*')
    else if (names.length > 0) add(key, printNames(names))
  }
  printed.push(...printErrors(options.errors))
  if (options.rejectBytes !== undefined) add('reject_bytes', String(options.rejectBytes))
  if (options.ignoreExtraData) printed.push('IGNORE_EXTRA_DATA')
  if (options.emptyWhereMissing) printed.push('FILLRECORD')
  else if (options.fillMissingFields !== undefined) add('fill_missing_fields', `'${options.fillMissingFields}'`)
  const { invalidChars } = options
  if (invalidChars && invalidChars.nul === undefined)
    add('replace_invalid_chars', printString(invalidChars.replacement))
  else if (invalidChars) printed.push('COMPATIBLE_ILLEGAL_CHARS')
  if (options.truncateColumns) printed.push('TRUNCATE_COLUMNS')
  if (options.loadKey !== undefined) add('load_key', printString(options.loadKey))
  if (options.createTable !== (dialect === 'questdb' ? true : undefined)) {
    add('create_table', String(options.createTable))
  }
  printed.push(...printExtensions(options, dialect))
  return printed
}

/** `[database.][schema.]table`: as SQL, quoted where the statement quoted it, or as messages show it, without quotes. */
export function printTable({ catalog, schema, name }: QualifiedName, { quote = true } = {}): string {
  return [catalog, schema, name]
    .filter((part) => part !== undefined)
    .map((part) => (quote ? printName(part) : part.value))
    .join('.')
}

/** A name as the statement spells it. */
export function printName(name: Pick<Name, 'value' | 'quoted'>): string {
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
export function printString(value: string): string {
  const doubled = value.replaceAll("'", "''")
  if (!/\p{Cc}/u.test(value)) return `'${doubled}'`
  const escaped = doubled.replace(/[\p{Cc}\\]/gu, (character) => escapes[character] ?? unicodeEscape(character))
  return `E'${escaped}'`
}

function unicodeEscape(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}
