import type { ConflictPolicy, CopyOptions, InvalidChars, OptionItem } from './ast.ts'
import { type StatementCondition, statementError } from './diagnostics.ts'
import { isSame, isTolerant, limitKeys, policyKeys, settleErrors, toleranceOf } from './error-policy.ts'
import { byteLength, OptionReader } from './option-arguments.ts'
import {
  defaultOf,
  findOption,
  isSupported,
  type OptionDefinition,
  type OptionKey,
  type OptionValue,
  optionKeys,
  optionTable,
  suggestOption,
} from './options.ts'

/** The options that a statement gives, each with its place. */
export type Given = {
  readonly [Key in OptionKey]?: {
    readonly value: OptionValue<Key>
    /** Offset of the value, or of the option's name when there is no value. */
    readonly offset: number
    readonly nameOffset: number
  }
}

/** What the rules look at: the options given, and those that everything needs with their defaults filled in. */
interface Options {
  readonly given: Given
  readonly format: 'csv' | 'text' | 'binary'
  readonly delimiter: string
  readonly null: string
  readonly quote: string
  readonly escape: string
}

/** A combination that PostgreSQL refuses. The first rule that is broken is the one reported. */
interface Rule {
  /** The options it is about; the caret goes under the first of them that the statement gives. */
  readonly about: readonly [OptionKey, ...OptionKey[]]
  readonly broken: (options: Options) => boolean
  readonly condition: StatementCondition
  readonly message: string | ((options: Options) => string)
  readonly hint?: string | ((options: Options) => string | undefined)
}

const lineBreak = /[\r\n]/

function notInBinary(key: OptionKey): Rule {
  return {
    about: [key],
    // HEADER false is no header, so it contradicts nothing.
    broken: ({ format, given }) => format === 'binary' && given[key] !== undefined && given[key].value !== false,
    condition: key === 'header' ? 'feature_not_supported' : 'syntax_error',
    message: `cannot specify ${key.toUpperCase()} in BINARY mode`,
  }
}

function requiresCsv(key: OptionKey): Rule {
  return {
    about: [key],
    broken: ({ format, given }) => format !== 'csv' && given[key] !== undefined,
    condition: 'feature_not_supported',
    message: `COPY ${key.toUpperCase()} requires CSV mode`,
    hint: ({ given, format }) =>
      given.format || format === 'binary' ? undefined : 'The default format is text. Add FORMAT csv.',
  }
}

/** Two options that say different things about the same matter. `key` is where the caret stands. */
function excludes(key: OptionKey, other: OptionKey, broken: (given: Given) => boolean): Rule {
  return {
    about: [key, other],
    broken: ({ given }) => given[key] !== undefined && given[other] !== undefined && broken(given),
    condition: 'invalid_parameter_value',
    message: ({ given }) => {
      const value = other === 'on_error' ? ` ${given.on_error?.value.toUpperCase()}` : ''
      return `COPY ${key.toUpperCase()} cannot be used with ${other.toUpperCase()}${value}`
    },
  }
}

/** Every two of `keys`; the caret stands under the later one. */
function pairs<Key extends OptionKey>(keys: readonly Key[]): (readonly [later: Key, earlier: Key])[] {
  return keys.flatMap((later, index) => keys.slice(0, index).map((earlier) => [later, earlier] as const))
}

/** GaussDB refuses what its replacements for invalid characters could be taken for. */
function notIllegal(key: 'null' | 'delimiter' | 'quote' | 'escape'): Rule {
  return {
    about: [key, 'compatible_illegal_chars'],
    broken: (options) => {
      const applies = options.format === 'csv' || key === 'null' || key === 'delimiter'
      return applies && options.given.compatible_illegal_chars?.value === true && /^[ ?]$/.test(options[key])
    },
    condition: 'syntax_error',
    message: (options) =>
      `illegal chars conversion may confuse COPY ${key} 0x${options[key].charCodeAt(0).toString(16)}`,
    hint: 'COMPATIBLE_ILLEGAL_CHARS makes spaces and question marks of invalid characters.',
  }
}

/** PostgreSQL's checks, in PostgreSQL's order. */
const rules: readonly Rule[] = [
  notInBinary('delimiter'),
  notInBinary('null'),
  notInBinary('default'),
  {
    about: ['delimiter'],
    broken: ({ delimiter }) => byteLength(delimiter) !== 1,
    condition: 'feature_not_supported',
    message: 'COPY delimiter must be a single one-byte character',
    hint: ({ delimiter }) => (delimiter === '\\t' ? "Write E'\\t' for a tab." : undefined),
  },
  {
    about: ['delimiter'],
    broken: ({ delimiter }) => lineBreak.test(delimiter),
    condition: 'invalid_parameter_value',
    message: 'COPY delimiter cannot be newline or carriage return',
  },
  {
    about: ['null'],
    broken: (options) => lineBreak.test(options.null),
    condition: 'invalid_parameter_value',
    message: 'COPY null representation cannot use newline or carriage return',
  },
  {
    about: ['default'],
    broken: ({ given }) => lineBreak.test(given.default?.value ?? ''),
    condition: 'invalid_parameter_value',
    message: 'COPY default representation cannot use newline or carriage return',
  },
  {
    about: ['delimiter'],
    // In the text format these would read as part of an escape or of the end-of-data marker.
    broken: ({ format, delimiter }) => format !== 'csv' && /^[\\.a-z0-9]/.test(delimiter),
    condition: 'invalid_parameter_value',
    message: ({ delimiter }) => `COPY delimiter cannot be "${delimiter}"`,
  },
  notInBinary('header'),
  requiresCsv('quote'),
  {
    about: ['quote'],
    broken: ({ format, quote }) => format === 'csv' && byteLength(quote) !== 1,
    condition: 'feature_not_supported',
    message: 'COPY quote must be a single one-byte character',
  },
  {
    about: ['quote', 'delimiter'],
    broken: ({ format, delimiter, quote }) => format === 'csv' && delimiter === quote,
    condition: 'invalid_parameter_value',
    message: 'COPY delimiter and quote must be different',
  },
  requiresCsv('escape'),
  {
    about: ['escape'],
    broken: (options) => options.format === 'csv' && byteLength(options.escape) !== 1,
    condition: 'feature_not_supported',
    message: 'COPY escape must be a single one-byte character',
  },
  requiresCsv('force_quote'),
  {
    about: ['force_quote'],
    broken: ({ given }) => given.force_quote !== undefined,
    condition: 'feature_not_supported',
    message: 'COPY FORCE_QUOTE cannot be used with COPY FROM',
  },
  requiresCsv('force_not_null'),
  requiresCsv('force_null'),
  {
    about: ['null', 'delimiter'],
    broken: (options) => options.null.includes(options.delimiter),
    condition: 'invalid_parameter_value',
    message: 'COPY delimiter character must not appear in the NULL specification',
  },
  {
    about: ['null', 'quote'],
    broken: (options) => options.format === 'csv' && options.null.includes(options.quote),
    condition: 'invalid_parameter_value',
    message: 'CSV quote character must not appear in the NULL specification',
  },
  {
    about: ['default', 'delimiter'],
    broken: ({ given, delimiter }) => given.default?.value.includes(delimiter) ?? false,
    condition: 'feature_not_supported',
    message: 'COPY delimiter character must not appear in the DEFAULT specification',
  },
  {
    about: ['default', 'quote'],
    broken: ({ format, given, quote }) => format === 'csv' && (given.default?.value.includes(quote) ?? false),
    condition: 'feature_not_supported',
    message: 'CSV quote character must not appear in the DEFAULT specification',
  },
  {
    about: ['default', 'null'],
    broken: (options) => options.given.default?.value === options.null,
    condition: 'feature_not_supported',
    message: 'NULL specification and DEFAULT specification cannot be the same',
  },
  {
    about: policyKeys,
    broken: ({ format, given }) => {
      const tolerances = policyKeys.map((key) => toleranceOf(given, key)).filter((found) => found !== undefined)
      return format === 'binary' && tolerances.some(isTolerant)
    },
    condition: 'syntax_error',
    message: 'only ON_ERROR STOP is allowed in BINARY mode',
  },
  {
    about: ['reject_limit'],
    // With set_null and set_default it counts the rows that were changed, which are lost as much as those left out.
    broken: ({ given }) => given.reject_limit !== undefined && (given.on_error?.value ?? 'stop') === 'stop',
    condition: 'invalid_parameter_value',
    message: 'COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE',
    hint: ({ given }) => (given['log errors']?.value ? 'The limit of LOG ERRORS is written REJECT LIMIT.' : undefined),
  },
  // From here on they are about what PostgreSQL does not know.
  ...(
    [
      'skip',
      'decimal_separator',
      'ignore_extra_data',
      'fill_missing_fields',
      'fillrecord',
      'acceptinvchars',
      'compatible_illegal_chars',
      'truncate_columns',
      'reject_bytes',
    ] as const
  ).map(notInBinary),
  {
    about: ['create_table'],
    broken: ({ format, given }) => format === 'binary' && given.create_table?.value === true,
    condition: 'feature_not_supported',
    message: 'cannot specify CREATE_TABLE in BINARY mode',
    hint: 'A file in the binary format has neither names nor types of its columns. Create the table first.',
  },
  {
    about: ['reject limit'],
    broken: ({ given }) => given['reject limit'] !== undefined && given['log errors']?.value !== true,
    condition: 'syntax_error',
    message: 'REJECT LIMIT must be used with LOG ERRORS',
    hint: ({ given }) => (given.on_error ? 'The limit of ON_ERROR is written REJECT_LIMIT.' : undefined),
  },
  excludes('ignoreallerrors', 'maxerror', (given) => given.ignoreallerrors?.value === true),
  ...pairs(limitKeys).map(([later, earlier]) => excludes(later, earlier, () => true)),
  ...pairs(policyKeys).map(([later, earlier]) =>
    excludes(later, earlier, (given) => {
      const [a, b] = [toleranceOf(given, later), toleranceOf(given, earlier)]
      return a !== undefined && b !== undefined && !isSame(a, b)
    }),
  ),
  excludes(
    'fillrecord',
    'fill_missing_fields',
    (given) => given.fillrecord?.value === true && given.fill_missing_fields?.value !== 'multi',
  ),
  excludes(
    'compatible_illegal_chars',
    'acceptinvchars',
    (given) => given.compatible_illegal_chars?.value === true && given.acceptinvchars?.value !== false,
  ),
  notIllegal('null'),
  notIllegal('delimiter'),
  notIllegal('quote'),
  notIllegal('escape'),
]

/**
 * The options of a statement, read, checked against each other and completed by their defaults.
 *
 * Throws CopyError: first for what PostgreSQL refuses, with its message and in its order; then for what PostgreSQL would
 * take and this version cannot do (0A000).
 */
export function resolveOptions(text: string, items: readonly OptionItem[], onConflict?: ConflictPolicy): CopyOptions {
  const given = readOptions(text, items)
  const format = given.format?.value ?? 'text'
  const layout = format === 'csv' ? 'csv' : 'text'
  const options: Options = {
    given,
    format,
    delimiter: character('delimiter', given, layout),
    null: character('null', given, layout),
    quote: character('quote', given, 'csv'),
    escape: character('escape', given, 'csv'),
  }
  for (const rule of rules) {
    if (!rule.broken(options)) continue
    const place = rule.about.map((key) => given[key]?.offset).find((offset) => offset !== undefined)
    const message = typeof rule.message === 'string' ? rule.message : rule.message(options)
    const hint = typeof rule.hint === 'function' ? rule.hint(options) : rule.hint
    throw statementError(text, place ?? given.format?.offset ?? 0, rule.condition, message, { hint })
  }
  refuseUnsupported(text, given)
  return { ...settle(options), ...(onConflict && { onConflict }) }
}

/** Checks each option by itself, as far as that can be done without those it will be laid over. */
export function checkOptions(text: string, items: readonly OptionItem[]): void {
  const given = readOptions(text, items)
  refuseUnsupported(text, given)
  if (given.format?.value !== 'binary') return
  throw statementError(text, given.format.offset, 'feature_not_supported', 'COPY REJECTS cannot read FORMAT binary', {
    hint: 'A row of the binary format is never refused by itself: only ON_ERROR STOP is allowed there.',
  })
}

/** A character or string that every format has a default for. */
function character(key: 'delimiter' | 'null' | 'quote' | 'escape', given: Given, format: 'csv' | 'text'): string {
  const setting = given[key]
  if (setting) return setting.value
  const fallback = defaultOf(key, format)
  if (fallback && 'sameAs' in fallback) return character(fallback.sameAs as typeof key, given, format)
  return fallback?.value ?? ''
}

/** Reads every option by itself, in the order of the statement. */
function readOptions(text: string, items: readonly OptionItem[]): Given {
  const given: Record<string, { value: unknown; offset: number; nameOffset: number }> = {}
  for (const item of items) {
    const reader = new OptionReader(text, item)
    const key = findOption(item.name)
    if (key === undefined) throw unknownOption(reader)
    // PostgreSQL misses FORMAT's parameter before it notices that FORMAT is there twice; with all others after.
    if (key === 'format') reader.string()
    if (given[key] !== undefined) {
      throw reader.error(
        'name',
        'syntax_error',
        'conflicting or redundant options',
        `${key.toUpperCase()} is given twice.`,
      )
    }
    const definition: OptionDefinition<unknown> = optionTable[key]
    const value = definition.read(reader)
    given[key] = { value, offset: item.argument?.offset ?? item.offset, nameOffset: item.offset }
  }
  return given as Given
}

function unknownOption(reader: OptionReader): Error {
  const { name } = reader.item
  const suggestion = suggestOption(name)
  const all = optionKeys.filter(isSupported).map((key) => key.toUpperCase())
  const hint =
    suggestion === undefined
      ? `The options are ${all.join(', ')}.`
      : isSupported(suggestion)
        ? `Did you mean "${suggestion.toUpperCase()}"?`
        : `COPY's name for it is ${suggestion.toUpperCase()}, which is not supported yet.`
  return reader.error('name', 'syntax_error', `option "${name}" not recognized`, hint)
}

/** Refuses, in the order of the statement, what only PostgreSQL itself can do so far. */
function refuseUnsupported(text: string, given: Given): void {
  let first: { offset: number; message: string; hint: string } | undefined
  for (const key of optionKeys) {
    const setting = given[key]
    const definition: OptionDefinition<unknown> = optionTable[key]
    const refusal = setting && definition.refuse?.(setting.value)
    if (setting && refusal && (first === undefined || setting.offset < first.offset))
      first = { offset: setting.offset, ...refusal }
  }
  if (first) throw statementError(text, first.offset, 'feature_not_supported', first.message, { hint: first.hint })
}

/** The options as the rest of the program takes them. */
function settle(options: Options): CopyOptions {
  const { given } = options
  const header = given.header?.value ?? false
  const fillMissingFields = given.fillrecord?.value ? 'multi' : given.fill_missing_fields?.value
  const invalidChars = settleInvalidChars(given)
  return {
    format: options.format,
    delimiter: options.delimiter,
    null: options.null,
    quote: options.quote,
    escape: options.escape,
    header: header === 'match' ? 'match' : header ? 'true' : 'false',
    ...(given.skip && given.skip.value > 0 && { skip: given.skip.value }),
    forceNotNull: given.force_not_null?.value ?? [],
    forceNull: given.force_null?.value ?? [],
    ...(given.default && { default: given.default.value }),
    encoding: 'UTF8',
    ...(given.decimal_separator?.value === ',' && { decimalSeparator: ',' }),
    errors: settleErrors(given),
    ...(given.reject_bytes && { rejectBytes: given.reject_bytes.value }),
    ignoreExtraData: given.ignore_extra_data?.value ?? false,
    ...(fillMissingFields && { fillMissingFields }),
    ...(invalidChars && { invalidChars }),
    truncateColumns: given.truncate_columns?.value ?? false,
    ...(given.load_key && { loadKey: given.load_key.value }),
    ...(given.create_table && { createTable: given.create_table.value }),
  }
}

function settleInvalidChars(given: Given): InvalidChars | undefined {
  // GaussDB's are one for a character, Redshift's one for a byte of it.
  if (given.compatible_illegal_chars?.value) return { replacement: '?', nul: ' ' }
  const replacement = given.acceptinvchars?.value
  return replacement === undefined || replacement === false ? undefined : { replacement }
}
