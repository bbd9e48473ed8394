import {
  type ConflictPolicy,
  type CopyFrom,
  type CopyOptions,
  type Dialect,
  isColumnar,
  type Name,
  type OptionItem,
  type StatementNote,
} from './ast.ts'
import { statementError } from './diagnostics.ts'
import { dialectDefaults } from './dialect.ts'
import { gaussdbRules } from './dialects/gaussdb-rules.ts'
import { generalRules } from './dialects/general-rules.ts'
import { otherRules } from './dialects/other-rules.ts'
import { redshiftRules } from './dialects/redshift-rules.ts'
import { isSame, isTolerant, limitKeys, policyKeys, toleranceOf } from './error-policy.ts'
import { notesOn } from './idle-options.ts'
import { byteLength, OptionReader } from './option-arguments.ts'
import {
  findOption,
  isSupported,
  type OptionDefinition,
  type OptionKey,
  optionKeys,
  optionTable,
  suggestOption,
} from './options.ts'
import { type Given, notInBinary, type ResolvedParts, type Rule } from './rule.ts'
import { backslashOf, inDialect, settle, settleInvalidChars } from './settle.ts'

const lineBreak = /[\r\n]/

/** What is about lines or fields of text means nothing where rows come in columns. */
const textOnly: readonly Rule[] = optionKeys
  .filter((key) => {
    const definition: OptionDefinition<unknown> = optionTable[key]
    return key !== 'force_quote' && !definition.formats.some(isColumnar)
  })
  .map((key) => ({
    about: [key],
    broken: ({ format, given }) => isColumnar(format) && given[key] !== undefined && given[key].value !== false,
    condition: 'feature_not_supported',
    message: ({ format }) => `COPY ${key.toUpperCase()} cannot be used with FORMAT ${format}`,
    hint:
      key === 'when'
        ? 'WHERE takes any condition, where there is a table; a program that reads rows leaves out what it does not want.'
        : 'Leave it out: such files have neither lines nor fields of text.',
  }))

function requiresCsv(key: OptionKey): Rule {
  return {
    about: [key],
    broken: ({ format, given }) => format !== 'csv' && given[key] !== undefined,
    condition: 'feature_not_supported',
    message: `COPY ${key.toUpperCase()} requires CSV mode`,
    hint: ({ given, format }) =>
      given.format || format !== 'text' ? undefined : 'The default format is text. Add FORMAT csv.',
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

/** What takes the place of invalid characters, by the option that says so. */
function replacementsOf({ given }: ResolvedParts): readonly string[] {
  const { nul, replacement } = settleInvalidChars(given) ?? {}
  return [replacement, nul].filter((character) => character !== undefined)
}

/** Of a format, whether a backslash makes another thing of the character behind it. */
function hasEscapes({ format, given, dialect }: ResolvedParts): boolean {
  return backslashOf({ format, given, dialect }) !== 'none' && format === 'text'
}

/**
 * What takes the place of an invalid character is part of a value, and must not be read as anything else: fields and records are told apart, and
 * what is NULL is found, when it is there. GaussDB's rule, for whatever characters they are.
 */
function confusing(key: 'null' | 'default' | 'delimiter' | 'quote' | 'escape' | 'eol'): Rule {
  const textOf = (options: ResolvedParts) =>
    key === 'default' || key === 'eol' ? (options.given[key]?.value ?? '') : options[key]
  return {
    about: [key, 'compatible_illegal_chars', 'replace_invalid_chars'],
    broken: (options) => {
      const applies = options.format === 'csv' || (key !== 'quote' && key !== 'escape')
      return applies && replacementsOf(options).some((character) => textOf(options).includes(character))
    },
    condition: 'syntax_error',
    message: (options) => `illegal chars conversion may confuse COPY ${key} 0x${hexOf(textOf(options))}`,
    hint: hintOfReplacement,
  }
}

function hexOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex')
}

function hintOfReplacement({ given }: ResolvedParts): string {
  return given.compatible_illegal_chars?.value
    ? 'COMPATIBLE_ILLEGAL_CHARS makes spaces and question marks of invalid characters.'
    : 'Take a character for invalid ones that means nothing else in the format.'
}

/** The same of what the formats themselves read otherwise. */
const replacementRules: readonly Rule[] = (
  [
    { of: 'line end', isMet: () => true, pattern: lineBreak },
    // With the backslash before it, it would be another character, the NULL string or the end of the data.
    { of: 'backslash sequences', isMet: hasEscapes, pattern: /[\\.A-Za-z0-9]/ },
    { of: 'REMOVE_QUOTES', isMet: ({ given }: ResolvedParts) => given.remove_quotes?.value === true, pattern: /['"]/ },
  ] as const
).map(({ of, isMet, pattern }) => ({
  about: ['replace_invalid_chars'],
  broken: (options) => isMet(options) && replacementsOf(options).some((character) => pattern.test(character)),
  condition: 'syntax_error',
  message: (options) => `illegal chars conversion may confuse COPY ${of} 0x${hexOf(replacementsOf(options)[0] ?? '')}`,
  hint: hintOfReplacement,
}))

/** PostgreSQL's checks, in PostgreSQL's order. */
const rules: readonly Rule[] = [
  ...textOnly,
  ...gaussdbRules,
  ...redshiftRules,
  ...otherRules,
  notInBinary('delimiter'),
  notInBinary('null'),
  notInBinary('default'),
  {
    about: ['delimiter'],
    broken: ({ format, dialect, delimiter }) =>
      format !== 'fixed' && dialect !== 'gaussdb' && byteLength(delimiter) !== 1,
    condition: 'feature_not_supported',
    message: 'COPY delimiter must be a single one-byte character',
    hint: ({ delimiter }) =>
      delimiter === '\\t'
        ? "Write E'\\t' for a tab."
        : delimiter === ''
          ? undefined
          : "With DIALECT 'gaussdb' it may have up to 10 bytes.",
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
    broken: ({ format, delimiter }) => format !== 'csv' && format !== 'fixed' && /^[\\.a-z0-9]/.test(delimiter),
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
    broken: (options) => options.format !== 'fixed' && options.null.includes(options.delimiter),
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
    broken: ({ format, given, delimiter }) => format !== 'fixed' && (given.default?.value.includes(delimiter) ?? false),
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
    hint: ({ given }) =>
      given['log errors']?.value
        ? 'The limit of LOG ERRORS is written REJECT LIMIT.'
        : 'ON_ERROR skip_row, set_null and set_default have a limit, too.',
  },
  // From here on they are about what PostgreSQL does not know.
  ...(
    [
      'skip',
      'decimal_separator',
      'ignore_extra_data',
      'fill_missing_fields',
      'fillrecord',
      'replace_invalid_chars',
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
    'replace_invalid_chars',
    (given) => given.compatible_illegal_chars?.value === true && given.replace_invalid_chars?.value !== false,
  ),
  ...(['null', 'delimiter', 'quote', 'escape', 'default', 'eol'] as const).map(confusing),
  ...replacementRules,
  ...generalRules,
]

/** Columns that are named twice among those that an option says the same kind of thing about. */
function repeatedColumns(given: Given): readonly Name[] {
  const groups = [
    (given.formatter?.value ?? []).map(({ name }) => name),
    (given.transform?.value ?? []).map(({ column }) => column),
    [
      ...(given.filler?.value ?? []),
      ...(given.sequence?.value ?? []).map(({ column }) => column),
      ...(given.constant?.value ?? []).map(({ column }) => column),
      ...(given.lineage?.value ?? []).map(({ column }) => column),
    ],
  ]
  return groups.flatMap((names) =>
    names.filter((name, index) => names.findIndex(({ value }) => value === name.value) < index),
  )
}

/** What else of a statement its options depend on. */
export interface Surroundings extends Partial<Pick<CopyFrom, 'columns' | 'source'>> {
  readonly onConflict?: ConflictPolicy | undefined
  readonly dialect?: Dialect | undefined
}

/**
 * The options of a statement, read, checked against each other and completed by the defaults of its dialect; and what is to be
 * said of those that change nothing.
 *
 * Throws CopyError: first for what PostgreSQL refuses, with its message and in its order; then for what PostgreSQL would
 * take and this version cannot do (0A000).
 */
export function resolveOptions(
  text: string,
  items: readonly OptionItem[],
  { onConflict, dialect = 'postgresql', columns, source }: Surroundings,
): { readonly options: CopyOptions; readonly notes: readonly StatementNote[] } {
  const given = readOptions(text, items, dialect)
  const defaults = dialectDefaults[dialect]
  const isFixed = given.formatter !== undefined || given.fixedwidth !== undefined
  const format = given.format?.value ?? (isFixed ? 'fixed' : defaults.format)
  const layout = format === 'csv' ? 'csv' : 'text'
  // Where rows come in columns nobody asks for them, and they are those of no dialect.
  const texts = isColumnar(format) ? dialectDefaults.postgresql : defaults
  const fallback = (key: 'delimiter' | 'null') => (format === 'fixed' ? '' : texts[key][layout])
  const quote = given.quote?.value ?? '"'
  const options: ResolvedParts = {
    given,
    dialect,
    format,
    delimiter: inDialect(dialect, given.delimiter?.value) ?? fallback('delimiter'),
    null: inDialect(dialect, given.null?.value) ?? fallback('null'),
    quote,
    escape: given.escape?.value ?? quote,
    ...(columns && { columns }),
    ...(source && { source }),
  }
  for (const rule of rules) {
    if (!rule.broken(options)) continue
    const place = rule.about.map((key) => given[key]?.offset).find((offset) => offset !== undefined)
    const message = typeof rule.message === 'string' ? rule.message : rule.message(options)
    const hint = typeof rule.hint === 'function' ? rule.hint(options) : rule.hint
    throw statementError(text, place ?? given.format?.offset ?? 0, rule.condition, message, { hint })
  }
  for (const name of repeatedColumns(given)) {
    throw statementError(text, name.offset, 'duplicate_column', `column "${name.value}" specified more than once`)
  }
  const stray = given.filler?.value.find((name) => !columns?.some(({ value }) => value === name.value))
  if (stray) {
    const message = `FILLER column "${stray.value}" not referenced by COPY`
    throw statementError(text, stray.offset, 'invalid_column_reference', message)
  }
  refuseUnsupported(text, given)
  const settled = { ...settle(options), ...(onConflict && { onConflict }) }
  return { options: settled, notes: notesOn(given, settled) }
}

/** Checks each option by itself, as far as that can be done without those it will be laid over. */
export function checkOptions(text: string, items: readonly OptionItem[]): void {
  const given = readOptions(text, items)
  refuseUnsupported(text, given)
  const format = given.format?.value
  if (format !== undefined && isColumnar(format)) {
    const message = `COPY REJECTS cannot read FORMAT ${format}`
    throw statementError(text, given.format?.offset ?? 0, 'feature_not_supported', message, {
      hint: 'Refused rows of such files are kept as JSON, for people to read. Mend the file, and load it again.',
    })
  }
  if (given.format?.value !== 'binary') return
  throw statementError(text, given.format.offset, 'feature_not_supported', 'COPY REJECTS cannot read FORMAT binary', {
    hint: 'A row of the binary format is never refused by itself: only ON_ERROR STOP is allowed there.',
  })
}

/** Reads every option by itself, in the order of the statement. */
function readOptions(text: string, items: readonly OptionItem[], dialect?: Dialect): Given {
  const given: Record<string, { value: unknown; offset: number; nameOffset: number; word?: string }> = {}
  for (const item of items) {
    const reader = new OptionReader(text, item, dialect)
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
    given[key] = {
      value,
      offset: item.argument?.offset ?? item.offset,
      nameOffset: item.offset,
      ...((item.word ?? item.name) !== key && { word: item.word ?? item.name.toUpperCase() }),
    }
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
