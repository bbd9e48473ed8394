/**
 * The options of COPY: one entry each. The parser, the checks, the hints, the help text and the documentation are all
 * read from this table; to add an option, add it here, to `CopyOptions` in `ast.ts`, and to `settle` in
 * `option-rules.ts`, together with the rules that say what it cannot be combined with.
 */
import type { Name } from './ast.ts'
import { findEncoding } from './encodings.ts'
import { asciiLowerCase, type OptionReader } from './option-arguments.ts'
import { closest } from './spelling.ts'

/** A way to write an option without parentheses, as PostgreSQL's older syntax has it. */
export interface BareForm {
  /** The words it begins with. */
  readonly words: readonly string[]
  /**
   * What follows: nothing, a string (with an optional AS before it where `as` is set), or column names separated by
   * commas or `*`.
   */
  readonly takes: 'nothing' | 'string' | 'columns'
  readonly as?: true
  /** The value it stands for when nothing follows; true when absent. */
  readonly value?: string
}

/** One option. */
export interface OptionDefinition<Value> {
  /** How the option is written after its name in the documentation. */
  readonly synopsis: string
  /** One sentence. */
  readonly summary: string
  /** What holds when it is not given, by format; absent where leaving it out has a meaning of its own. */
  readonly default?: { readonly text?: Value; readonly csv?: Value | { readonly sameAs: OptionKey } }
  /** How the documentation spells the default where `default` does not say it. */
  readonly defaultNote?: string
  /** The formats it applies to. */
  readonly formats: readonly ('csv' | 'text')[]
  readonly bare: readonly BareForm[]
  /** Names that other systems, or earlier habits, have for it. */
  readonly otherNames: readonly string[]
  /** Reads and checks the value by itself. Throws CopyError. */
  readonly read: (reader: OptionReader) => Value
  /** Known only to be refused with a reason: PostgreSQL has it, this version does not. */
  readonly unsupported?: true
  /** For what PostgreSQL accepts and this version does not: why a value is refused and what works; undefined to take it. */
  refuse?(value: Value): Refusal | undefined
}

/** An answer to what PostgreSQL could do and this version cannot. */
export interface Refusal {
  readonly message: string
  readonly hint: string
}

function define<Value>(definition: OptionDefinition<Value>): OptionDefinition<Value> {
  return definition
}

const both = ['csv', 'text'] as const
const csv = ['csv'] as const

/** A quote or an escape that also ends lines: what then ends a record depends on what came before it in the file. */
function noLineBreak(option: 'quote' | 'escape', value: string): Refusal | undefined {
  return /[\r\n]/.test(value)
    ? {
        message: `COPY ${option} cannot be newline or carriage return`,
        hint: 'PostgreSQL itself takes it; copyist reads lines apart from quotes.',
      }
    : undefined
}

/** Every option by its name in lower case, in the order of the documentation. */
export const optionTable = {
  format: define<'csv' | 'text' | 'binary'>({
    synopsis: '{ csv | text }',
    summary: "How the input is laid out: comma-separated values, or PostgreSQL's TEXT format with backslash escapes.",
    default: { text: 'text', csv: 'text' },
    formats: both,
    bare: [
      { words: ['csv'], takes: 'nothing', value: 'csv' },
      { words: ['binary'], takes: 'nothing', value: 'binary' },
    ],
    otherNames: ['file_format', 'fileformat', 'type'],
    read(reader) {
      const value = reader.string()
      if (value === 'csv' || value === 'text' || value === 'binary') return value
      throw reader.error('name', 'invalid_parameter_value', `COPY format "${value}" not recognized`, formatHint(value))
    },
    refuse: (value) =>
      value === 'binary'
        ? { message: 'COPY format "binary" is not supported yet', hint: 'FORMAT csv and FORMAT text are.' }
        : undefined,
  }),
  delimiter: define<string>({
    synopsis: "'character'",
    summary: 'The one-byte character between the fields of a row.',
    default: { text: '\t', csv: ',' },
    formats: both,
    bare: [{ words: ['delimiter'], takes: 'string', as: true }],
    otherNames: ['delim', 'sep', 'separator', 'field_delimiter', 'fielddelimiter', 'delimiters'],
    read: (reader) => reader.string(),
  }),
  null: define<string>({
    synopsis: "'string'",
    summary: 'What stands for NULL. In csv a quoted field never matches it, unless FORCE_NULL says so.',
    default: { text: '\\N', csv: '' },
    formats: both,
    bare: [{ words: ['null'], takes: 'string', as: true }],
    otherNames: ['nulls', 'nullstr', 'nullstring', 'null_if', 'nullif', 'null_value', 'na'],
    read: (reader) => reader.string(),
  }),
  default: define<string>({
    synopsis: "'string'",
    summary: "A field that equals it takes the column's default value.",
    defaultNote: 'no such string',
    formats: both,
    bare: [],
    otherNames: ['default_value'],
    read: (reader) => reader.string(),
  }),
  header: define<boolean | 'match'>({
    synopsis: '[ boolean | MATCH ]',
    summary: 'The first line is a header and is skipped; MATCH also requires it to name the columns in their order.',
    default: { text: false, csv: false },
    formats: both,
    bare: [{ words: ['header'], takes: 'nothing' }],
    otherNames: ['headers', 'skip', 'skip_header', 'ignoreheader', 'parse_header', 'fileheader', 'skip_lines'],
    read: (reader) => reader.booleanOrMatch(),
  }),
  quote: define<string>({
    synopsis: "'character'",
    summary: 'The one-byte character around a quoted field.',
    default: { csv: '"' },
    formats: csv,
    bare: [{ words: ['quote'], takes: 'string', as: true }],
    otherNames: ['quotes', 'quotechar', 'quote_char', 'quote_character', 'field_optionally_enclosed_by', 'enclosed_by'],
    read: (reader) => reader.string(),
    refuse: (value) => noLineBreak('quote', value),
  }),
  escape: define<string>({
    synopsis: "'character'",
    summary: 'The one-byte character before a quote (or itself) that belongs to a quoted field.',
    default: { csv: { sameAs: 'quote' } },
    formats: csv,
    bare: [{ words: ['escape'], takes: 'string', as: true }],
    otherNames: ['escapechar', 'escape_char', 'escape_character', 'escaped_by'],
    read: (reader) => reader.string(),
    refuse: (value) => noLineBreak('escape', value),
  }),
  force_not_null: define<'*' | readonly Name[]>({
    synopsis: '{ ( column [, ...] ) | * }',
    summary: 'In these columns no field is NULL; what would be is taken as a string.',
    default: { csv: [] },
    formats: csv,
    bare: [{ words: ['force', 'not', 'null'], takes: 'columns' }],
    otherNames: ['force_notnull', 'forcenotnull', 'not_null', 'notnull'],
    read: (reader) => reader.columns(),
  }),
  force_null: define<'*' | readonly Name[]>({
    synopsis: '{ ( column [, ...] ) | * }',
    summary: 'In these columns a quoted field, too, is NULL when it equals the NULL string.',
    default: { csv: [] },
    formats: csv,
    bare: [{ words: ['force', 'null'], takes: 'columns' }],
    otherNames: ['forcenull', 'emptyasnull', 'empty_as_null'],
    read: (reader) => reader.columns(),
  }),
  encoding: define<'UTF8' | 'other'>({
    synopsis: "'UTF8'",
    summary: 'The encoding of the input.',
    default: { text: 'UTF8', csv: 'UTF8' },
    formats: both,
    bare: [{ words: ['encoding'], takes: 'string' }],
    otherNames: ['charset', 'characterset', 'character_set', 'codepage', 'client_encoding'],
    read(reader) {
      const name = reader.string()
      const encoding = findEncoding(name)
      if (encoding) return encoding
      const hint = /^(utf-?|cp)?65001$|^utf-?$/i.test(name) ? 'Did you mean "UTF8"?' : 'Only UTF8 is supported yet.'
      const message = `argument to option "${reader.item.name}" must be a valid encoding name`
      throw reader.error('name', 'invalid_parameter_value', message, hint)
    },
    refuse: (value) =>
      value === 'UTF8'
        ? undefined
        : {
            message: 'COPY ENCODING supports only "UTF8" yet',
            hint: 'Convert the input to UTF-8 first, for example with iconv.',
          },
  }),
  on_error: define<'stop' | 'ignore'>({
    synopsis: 'stop',
    summary: 'The first row that does not fit ends the load and nothing is kept.',
    default: { text: 'stop', csv: 'stop' },
    formats: both,
    bare: [],
    otherNames: ['onerror', 'error', 'errors', 'ignore_errors', 'continue_on_error'],
    read: (reader) => choice(reader, 'ON_ERROR', ['stop', 'ignore']),
    refuse: (value) =>
      value === 'ignore'
        ? {
            message: 'COPY ON_ERROR "ignore" is not supported yet',
            hint: 'ON_ERROR stop is: nothing is loaded when a row does not fit.',
          }
        : undefined,
  }),
  create_table: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'Creates the table from the input when it does not exist: names from the header, types that hold for every row of the file.',
    defaultNote: "false; true for the command's own DuckDB file",
    formats: both,
    bare: [],
    otherNames: ['createtable', 'create', 'auto_create', 'autocreate', 'create_if_not_exists', 'if_not_exists'],
    read: (reader) => reader.boolean(),
  }),
  freeze: define<boolean>({
    unsupported: true,
    synopsis: '[ boolean ]',
    summary: 'Rows are written frozen.',
    default: { text: false, csv: false },
    formats: both,
    bare: [{ words: ['freeze'], takes: 'nothing' }],
    otherNames: [],
    read: (reader) => reader.boolean(),
    refuse: (value) =>
      value
        ? { message: 'COPY FREEZE is not supported yet', hint: 'Leave it out and run VACUUM (FREEZE) after the load.' }
        : undefined,
  }),
  force_quote: define<'*' | readonly Name[]>({
    unsupported: true,
    synopsis: '{ ( column [, ...] ) | * }',
    summary: 'COPY TO only.',
    formats: csv,
    bare: [{ words: ['force', 'quote'], takes: 'columns' }],
    otherNames: ['forcequote', 'quote_all', 'addquotes'],
    read: (reader) => reader.columns(),
  }),
  reject_limit: define<bigint>({
    unsupported: true,
    synopsis: 'number',
    summary: 'How many rows ON_ERROR ignore may skip.',
    formats: both,
    bare: [],
    otherNames: ['maxerror', 'maxerrors', 'max_errors', 'rejects_limit', 'rejectlimit'],
    read: (reader) => reader.positiveBigint('REJECT_LIMIT'),
    refuse: () => ({ message: 'COPY REJECT_LIMIT is not supported yet', hint: 'Only ON_ERROR stop is.' }),
  }),
  log_verbosity: define<'default' | 'verbose' | 'silent'>({
    unsupported: true,
    synopsis: '{ default | verbose | silent }',
    summary: 'How much ON_ERROR ignore says about the rows it skips.',
    formats: both,
    bare: [],
    otherNames: ['verbosity', 'verbose'],
    read: (reader) => choice(reader, 'LOG_VERBOSITY', ['silent', 'default', 'verbose']),
    refuse: () => ({
      message: 'COPY LOG_VERBOSITY is not supported yet',
      hint: 'It says how ON_ERROR ignore reports; only ON_ERROR stop is supported.',
    }),
  }),
} as const

/** An option's name in lower case. */
export type OptionKey =
  | 'format'
  | 'delimiter'
  | 'null'
  | 'default'
  | 'header'
  | 'quote'
  | 'escape'
  | 'force_not_null'
  | 'force_null'
  | 'encoding'
  | 'on_error'
  | 'create_table'
  | 'freeze'
  | 'force_quote'
  | 'reject_limit'
  | 'log_verbosity'

/** The type of an option's value. */
export type OptionValue<Key extends OptionKey> = ReturnType<(typeof optionTable)[Key]['read']>

/** Names of all options, in the order of the table. */
export const optionKeys = Object.keys(optionTable) as OptionKey[]

/** Whether this version honours the option at all. */
export function isSupported(key: OptionKey): boolean {
  return !('unsupported' in optionTable[key])
}

/** What an option is when it is not given: a value, or the value of another option. */
export function defaultOf<Key extends OptionKey>(
  key: Key,
  format: 'csv' | 'text',
): { readonly value: OptionValue<Key> } | { readonly sameAs: OptionKey } | undefined {
  const definition: OptionDefinition<unknown> = optionTable[key]
  const value = definition.default?.[format]
  if (value === undefined) return undefined
  return isReference(value) ? value : { value: value as OptionValue<Key> }
}

function isReference(value: unknown): value is { readonly sameAs: OptionKey } {
  return typeof value === 'object' && value !== null && 'sameAs' in value
}

/** The option of that name, if there is one. `name` is in lower case unless it was quoted. */
export function findOption(name: string): OptionKey | undefined {
  return Object.hasOwn(optionTable, name) ? (name as OptionKey) : undefined
}

/** The option that somebody who wrote `name` is likely to have meant. */
export function suggestOption(name: string): OptionKey | undefined {
  const word = asciiLowerCase(name).replaceAll('-', '_')
  const supported = optionKeys.filter(isSupported)
  return (
    supported.find((key) => key === word || key.replaceAll('_', '') === word.replaceAll('_', '')) ??
    optionKeys.find((key) => optionTable[key].otherNames.includes(word)) ??
    closest(word, supported)
  )
}

/** One of several words in any case. */
function choice<Word extends string>(reader: OptionReader, label: string, words: readonly Word[]): Word {
  const value = reader.string()
  const found = words.find((word) => word === asciiLowerCase(value))
  if (found !== undefined) return found
  const near = closest(asciiLowerCase(value), words)
  const hint = near === undefined ? undefined : `Did you mean "${near}"?`
  throw reader.error('name', 'invalid_parameter_value', `COPY ${label} "${value}" not recognized`, hint)
}

/** What to write instead of a format that does not exist. */
function formatHint(value: string): string {
  const word = asciiLowerCase(value)
  if (word === 'csv' || word === 'text') return `Format names are in lower case: "${word}".`
  if (word === 'tsv' || word === 'tab')
    return "Use FORMAT csv with DELIMITER E'\\t', or FORMAT text, whose delimiter is the tab."
  const near = closest(word, ['csv', 'text'])
  return near === undefined ? 'The formats are csv and text.' : `Did you mean "${near}"?`
}
