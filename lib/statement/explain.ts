import { isObject, wrongArgument } from './argument.ts'
import { type CopyFrom, type CopyOptions, type Explain, isColumnar, type OptionItem } from './ast.ts'
import { redshiftFormats } from './date-patterns.ts'
import { policyKeys, printErrors } from './error-policy.ts'
import { findOption, type OptionKey, optionKeys, optionTable } from './options.ts'
import { parseCopy, parseParts, parseStatement } from './parser.ts'
import { printItem, printString } from './printing.ts'

/** What an option of a statement is, and why. */
export interface ResolvedOption {
  /** In upper case. */
  readonly option: string
  /** As it would be written. */
  readonly value: string
  /** The statement says it, the dialect of the statement implies it, or it is so by default. */
  readonly origin: 'given' | 'dialect' | 'default'
  /** Where the statement says it: offset of the option's name, in UTF-16 code units from 0. */
  readonly offset?: number
}

/** Options whose value follows from others, too. */
const told: Partial<Readonly<Record<OptionKey, readonly OptionKey[]>>> = {
  format: ['formatter', 'fixedwidth'],
  escape: ['quote'],
  header: ['map by name'],
  skip: ['header'],
  on_error: policyKeys,
  fill_missing_fields: ['fillrecord'],
  noescaping: ['backslash_escape'],
}

/** What an option is that every load has; undefined where the format has no such option. */
const resolvers: Partial<Readonly<Record<OptionKey, (copy: CopyFrom) => string | undefined>>> = {
  format: ({ options }) => options.format,
  delimiter: ({ options }) => (isDelimited(options) ? printString(options.delimiter) : undefined),
  null: ({ options }) => (isDelimited(options) ? printString(options.null.replaceAll('\0', '\\0')) : undefined),
  header: ({ options }) => (options.detectHeader ? 'detected' : options.header),
  skip: ({ options }) => String(options.skip ?? 0),
  quote: ({ options }) => (options.format === 'csv' ? printString(options.quote) : undefined),
  escape: ({ options }) => (options.format === 'csv' ? printString(options.escape) : undefined),
  encoding: ({ options }) => options.encoding,
  decimal_separator: ({ options }) => `'${options.decimalSeparator ?? '.'}'`,
  on_error: ({ options }) => printErrors({ ...options.errors, verbosity: 'default' }).join(', ') || 'stop',
  log_verbosity: ({ options }) => options.errors.verbosity,
  ignore_extra_data: ({ options }) => String(options.ignoreExtraData),
  fill_missing_fields: ({ options }) => options.fillMissingFields ?? 'false',
  truncate_columns: ({ options }) => String(options.truncateColumns),
  create_table: ({ options }) => (options.createTable === undefined ? undefined : String(options.createTable)),
  noescaping: ({ options }) => (options.format === 'text' ? String(options.backslash === 'none') : undefined),
  empty_as_null: ({ options }) =>
    options.emptyAsNull === 'values' ? 'for columns that hold no strings' : String(options.emptyAsNull === 'all'),
  roundec: ({ options }) => String(options.decimals !== 'truncate'),
  date_format: (copy) => impliedFormat(copy, 'date'),
  timestamp_format: (copy) => impliedFormat(copy, 'timestamp'),
  dialect: ({ dialect }) => dialect?.name ?? 'postgresql',
}

/** The pattern that Redshift's dialect has for dates where a statement gives none. */
function impliedFormat({ dialect, options }: CopyFrom, key: 'date' | 'timestamp'): string | undefined {
  const isImplied =
    dialect?.name === 'redshift' && !isColumnar(options.format) && options.dateFormats?.[key] === undefined
  return isImplied ? printString(redshiftFormats[key]) : undefined
}

/**
 * The options of a statement as they are, each with where it comes from: all that are given, and those that every load has.
 *
 * Throws CopyError when `statement` is a text that is no COPY … FROM statement, or EXPLAIN of one.
 */
export function explainOptions(statement: string | CopyFrom | Explain): readonly ResolvedOption[] {
  if (
    typeof statement !== 'string' &&
    !(isObject(statement) && /^(?:copy from|explain)$/.test(String(statement.kind)))
  ) {
    throw wrongArgument('explainOptions needs the text of a COPY ... FROM statement, or what copyFrom makes')
  }
  const copy =
    typeof statement === 'string'
      ? parseExplained(statement)
      : statement.kind === 'explain'
        ? statement.statement
        : statement
  const { items } = parseParts(copy.text)
  const bare = parseCopy(`COPY t FROM STDIN (FORMAT ${copy.options.format === 'csv' ? 'csv' : 'text'})`)
  return optionKeys.flatMap((key): ResolvedOption[] => {
    const item = items.find(({ name }) => findOption(name) === key)
    const formats: readonly CopyOptions['format'][] = optionTable[key].formats
    if (!item && !formats.includes(copy.options.format)) return []
    const value = resolvers[key]?.(copy) ?? (item && argumentOf(item))
    if (value === undefined) return []
    const option = key.toUpperCase()
    if (item) return [{ option, value, origin: 'given', offset: item.offset }]
    const teller = items.find(({ name }) => told[key]?.some((other) => other === findOption(name)))
    const usual = key === 'format' ? 'text' : resolvers[key]?.(bare)
    if (value === usual) return [{ option, value, origin: 'default' }]
    // What follows from another option is said, if in other words.
    return teller ? [{ option, value, origin: 'given', offset: teller.offset }] : [{ option, value, origin: 'dialect' }]
  })
}

function parseExplained(text: string): CopyFrom {
  const statement = parseStatement(text)
  // What it says of COPY REJECTS is right for this, too.
  return statement.kind === 'explain' ? statement.statement : parseCopy(text)
}

function isDelimited({ format }: CopyOptions): boolean {
  return format === 'csv' || format === 'text'
}

/** What follows the option's name. */
function argumentOf(item: OptionItem): string {
  return printItem({ ...item, name: '' }).trim() || 'true'
}
