/**
 * The options of COPY: one entry each. The parser, the checks, the hints, the help text and the documentation are all
 * read from this table; to add an option, add it here, to `CopyOptions` in `ast.ts`, and to `settle` in
 * `settle.ts`, together with the rules that say what it cannot be combined with.
 */

import { MOST_REJECT_BYTES } from '../rejects.ts'
import { bytesOf } from '../size.ts'
import type { ErrorPolicy, Name } from './ast.ts'
import { type GaussdbKey, gaussdbOptions } from './dialects/gaussdb.ts'
import { type GeneralKey, generalOptions } from './dialects/general.ts'
import { type MaterializeKey, materializeOptions } from './dialects/materialize.ts'
import { type QuestdbKey, questdbOptions } from './dialects/questdb.ts'
import { type RedshiftKey, redshiftOptions } from './dialects/redshift.ts'
import { encodingNames, findEncoding } from './encodings.ts'
import { asciiLowerCase } from './option-arguments.ts'
import {
  type BareForm,
  booleans,
  choice,
  define,
  flag,
  type OptionDefinition,
  type Refusal,
  toNumber,
} from './option-definition.ts'
import { closest } from './spelling.ts'

export type { BareForm, OptionDefinition, Refusal } from './option-definition.ts'

/** What an encoding may be. */
const possible = `It can be ${encodingNames.join(', ')}.`

const all = ['csv', 'text', 'fixed', 'binary'] as const
const textual = ['csv', 'text', 'fixed'] as const
const delimited = ['csv', 'text'] as const
/** Formats that come in columns have neither lines nor fields of text. */
const columnar = ['parquet', 'arrow'] as const
const any = [...all, ...columnar] as const
const most = [...textual, ...columnar] as const
const csv = ['csv'] as const

/** Formats of other systems that are refused by name. */
const otherFormats = ['orc', 'avro', 'json'] as const
type OtherFormat = (typeof otherFormats)[number]
const formats = ['csv', 'text', 'fixed', 'binary', ...columnar, ...otherFormats] as const
const ofGaussdb = { dialect: 'gaussdb', exclusive: true } as const
const ofQuestdb = { dialect: 'questdb', exclusive: true } as const
const ofRedshift = { dialect: 'redshift', exclusive: true } as const

/** A quote or an escape that also ends lines: what then ends a record depends on what came before it in the file. */
function noLineBreak(option: 'quote' | 'escape', value: string): Refusal | undefined {
  return /[\r\n]/.test(value)
    ? {
        message: `COPY ${option} cannot be newline or carriage return`,
        hint: 'PostgreSQL itself takes it; copyist reads lines apart from quotes.',
      }
    : undefined
}

/** The words of ON_ERROR. */
export type OnError = 'stop' | 'ignore' | 'skip_row' | 'set_null' | 'set_default'

/** How many rows may be refused, without the word that says so. */
export type Limit = Omit<NonNullable<ErrorPolicy['limit']>, 'name'>

/** Every option by its name in lower case, in the order of the documentation. */
export const optionTable = {
  format: define<'csv' | 'text' | 'fixed' | 'binary' | 'parquet' | 'arrow' | OtherFormat>({
    synopsis: '{ csv | text | fixed | binary | parquet | arrow }',
    summary:
      "How the input is laid out: comma-separated values, PostgreSQL's TEXT format with backslash escapes, fields of fixed width, PostgreSQL's binary format, Parquet, or Arrow's IPC format, as a file (also called Feather) or a stream. Of the last two the columns are matched by name.",
    default: { text: 'text', csv: 'text' },
    defaultNote: "`text`; in QuestDB's dialect `csv`",
    formats: any,
    bare: [
      { words: ['csv'], takes: 'nothing', value: 'csv' },
      { words: ['binary'], takes: 'nothing', value: 'binary' },
      { words: ['parquet'], takes: 'nothing', value: 'parquet', of: ofRedshift },
      ...otherFormats.map((value): BareForm => ({ words: [value], takes: 'nothing', value, of: ofRedshift })),
    ],
    otherNames: ['file_format', 'fileformat', 'type'],
    alsoWritten: [['FORMAT AS', ofRedshift]],
    dialects: ['postgresql', 'gaussdb', 'materialize', 'redshift'],
    example: 'FORMAT csv',
    errors: [
      ['22023', 'no such format'],
      ['0A000', 'orc, avro, json'],
    ],
    read(reader) {
      const value = reader.string()
      // PostgreSQL compares as it is written; the other two take any case.
      const isFolded = reader.dialect === 'gaussdb' || reader.dialect === 'materialize'
      const found = formats.find((format) => format === (isFolded ? asciiLowerCase(value) : value))
      if (found !== undefined) return found
      throw reader.error('name', 'invalid_parameter_value', `COPY format "${value}" not recognized`, formatHint(value))
    },
    refuse: (value) =>
      otherFormats.some((format) => format === value)
        ? { message: `COPY format "${value}" is not supported yet`, hint: 'FORMAT csv, text, parquet and arrow are.' }
        : undefined,
  }),
  delimiter: define<string>({
    synopsis: "'character'",
    summary:
      "The one-byte character between the fields of a row; in GaussDB's dialect up to 10 bytes, which choose it where a file is read.",
    default: { text: '\t', csv: ',' },
    defaultNote: "`,` in csv, tab in text; in Redshift's dialect `|` in text",
    formats: delimited,
    bare: [{ words: ['delimiter'], takes: 'string', as: true }],
    otherNames: ['delim', 'sep', 'separator', 'field_delimiter', 'fielddelimiter', 'delimiters'],
    alsoWritten: [["DELIMITER 'of several bytes'", { dialect: 'gaussdb', exclusive: false }]],
    dialects: ['postgresql', 'gaussdb', 'materialize', 'questdb', 'redshift'],
    example: "DELIMITER ';'",
    errors: [
      ['0A000', 'more than one byte, but in GaussDB, where up to 10 are'],
      ['22023', 'a line end, the quote, or in text a backslash, a point, a lower-case letter or a digit'],
      ['42601', 'in binary and fixed'],
    ],
    read: (reader) => reader.string(),
  }),
  null: define<string>({
    synopsis: "'string'",
    summary:
      "What stands for NULL. In csv a quoted field never matches it, unless FORCE_NULL says so. Redshift's '\\0' is a field that is NUL alone.",
    default: { text: '\\N', csv: '' },
    defaultNote: "empty string in csv, `\\N` in text; in Redshift's dialect `\\N` in both",
    formats: delimited,
    bare: [{ words: ['null'], takes: 'string', as: true }],
    otherNames: ['nulls', 'nullstr', 'nullstring', 'null_if', 'nullif', 'null_value', 'na'],
    dialects: ['postgresql', 'gaussdb', 'materialize', 'redshift'],
    example: "NULL 'NA'",
    errors: [
      ['22023', 'a line end, the delimiter or the quote in it; more than 100 characters in GaussDB'],
      ['42601', 'in binary and fixed'],
    ],
    read: (reader) => reader.string(),
  }),
  default: define<string>({
    synopsis: "'string'",
    summary: "A field that equals it takes the column's default value.",
    defaultNote: 'no such string',
    formats: textual,
    bare: [],
    otherNames: ['default_value'],
    dialects: ['postgresql'],
    example: "DEFAULT '\\D'",
    errors: [
      ['22023', 'a line end in it'],
      ['0A000', 'the delimiter or the quote in it, or the same as NULL'],
    ],
    read: (reader) => reader.string(),
  }),
  header: define<boolean | 'match' | number>({
    synopsis: '[ boolean | MATCH | number ]',
    summary:
      'The first line is a header and is skipped; MATCH also requires it to name the columns in their order. A number is that of the lines to pass over, where a line end counts in quotes, too; 1 is a header. With QuestDB’s rules, and unless it is true, the beginning of the input tells: all of its first line is text, and without that some column is not.',
    default: { text: false, csv: false },
    formats: textual,
    bare: [{ words: ['header'], takes: 'nothing' }],
    otherNames: ['headers', 'skip_header', 'ignoreheader', 'parse_header'],
    alsoWritten: [['HEADER { TRUE | FALSE }', ofQuestdb]],
    dialects: ['postgresql', 'gaussdb', 'materialize', 'questdb', 'redshift'],
    example: 'HEADER MATCH',
    errors: [
      ['42601', 'no Boolean value, MATCH or number'],
      ['0A000', 'in binary; in text in GaussDB and Materialize; MATCH in fixed'],
      ['22P04', 'MATCH, and the names are not those of the columns'],
    ],
    read: (reader) => reader.booleanOrMatch(),
  }),
  skip: define<number>({
    synopsis: 'number',
    summary:
      'This many lines at the beginning of the input, before the header, are passed over unread, whatever is quoted there.',
    default: { text: 0, csv: 0 },
    formats: textual,
    bare: [
      { words: ['skip'], takes: 'value' },
      { words: ['ignoreheader'], takes: 'value', as: true, inParentheses: true, of: ofRedshift },
    ],
    otherNames: ['skip_lines', 'skiplines', 'skip_rows', 'skiprows', 'skip_leading_rows', 'lines_to_skip'],
    dialects: ['gaussdb', 'redshift'],
    example: 'SKIP 3',
    errors: [
      ['22023', 'a negative number'],
      ['42601', 'in binary'],
    ],
    read(reader) {
      const value = reader.bigint()
      if (value >= 0n) return toNumber(value)
      throw reader.error('value', 'invalid_parameter_value', `SKIP (${value}) must not be negative`)
    },
  }),
  quote: define<string>({
    synopsis: "'character'",
    summary:
      'The one-byte character around a quoted field. In Redshift white space between it and a delimiter is no part of the field.',
    default: { csv: '"' },
    formats: csv,
    bare: [{ words: ['quote'], takes: 'string', as: true }],
    otherNames: ['quotes', 'quotechar', 'quote_char', 'quote_character', 'field_optionally_enclosed_by', 'enclosed_by'],
    dialects: ['postgresql', 'gaussdb', 'materialize', 'redshift'],
    example: "QUOTE '~'",
    errors: [
      ['0A000', 'more than one byte, a line end, or in a format other than csv'],
      ['22023', 'the same as the delimiter'],
    ],
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
    dialects: ['postgresql', 'gaussdb', 'materialize'],
    example: "ESCAPE '\\'",
    errors: [
      ['0A000', 'more than one byte, a line end, or in a format other than csv'],
      ['22023', 'in Redshift, where it is a flag'],
    ],
    read: (reader) => reader.string(),
    refuse: (value) => noLineBreak('escape', value),
  }),
  force_not_null: define<'*' | readonly Name[]>({
    synopsis: '{ ( column [, ...] ) | * }',
    summary: 'In these columns no field is NULL; what would be is taken as a string.',
    default: { csv: [] },
    formats: csv,
    bare: [
      { words: ['force', 'not', 'null'], takes: 'columns' },
      { words: ['force_not_null'], takes: 'columns' },
    ],
    otherNames: ['force_notnull', 'forcenotnull', 'not_null', 'notnull'],
    dialects: ['postgresql', 'gaussdb'],
    example: 'FORCE_NOT_NULL (name)',
    errors: [
      ['0A000', 'in a format other than csv'],
      ['42703', 'no such column'],
      ['42P10', 'a column that is not loaded'],
    ],
    read: (reader) => reader.columns(),
  }),
  force_null: define<'*' | readonly Name[]>({
    synopsis: '{ ( column [, ...] ) | * }',
    summary: 'In these columns a quoted field, too, is NULL when it equals the NULL string.',
    default: { csv: [] },
    formats: csv,
    bare: [
      { words: ['force', 'null'], takes: 'columns' },
      { words: ['force_null'], takes: 'columns' },
    ],
    otherNames: ['forcenull'],
    dialects: ['postgresql'],
    example: 'FORCE_NULL *',
    errors: [
      ['0A000', 'in a format other than csv'],
      ['42703', 'no such column'],
      ['42P10', 'a column that is not loaded'],
    ],
    read: (reader) => reader.columns(),
  }),
  encoding: define<string>({
    synopsis: "'encoding_name'",
    summary: `The encoding of the input, by PostgreSQL's names for it: ${encodingNames.join(', ')}. UTF16 needs a byte order mark, the others need none, and one is no part of the data.`,
    default: { text: 'UTF8', csv: 'UTF8' },
    formats: all,
    bare: [{ words: ['encoding'], takes: 'string' }],
    otherNames: ['charset', 'characterset', 'character_set', 'codepage', 'client_encoding'],
    alsoWritten: [['ENCODING [ AS ] name', ofRedshift]],
    dialects: ['postgresql', 'gaussdb', 'redshift'],
    example: "ENCODING 'UTF8'",
    errors: [
      ['22023', 'no such encoding'],
      ['0A000', 'an encoding that is not read'],
    ],
    read(reader) {
      const name = reader.string()
      const encoding = findEncoding(name)
      if (encoding) return encoding
      const hint = /^(utf-?|cp)?65001$|^utf-?$/i.test(name) ? 'Did you mean "UTF8"?' : possible
      const message = `argument to option "${reader.item.name}" must be a valid encoding name`
      throw reader.error('name', 'invalid_parameter_value', message, hint)
    },
    refuse: (value) =>
      value === 'other' ? { message: 'COPY does not support this ENCODING yet', hint: possible } : undefined,
  }),
  decimal_separator: define<'.' | ','>({
    synopsis: "{ '.' | ',' }",
    summary:
      'The decimal mark of numbers in columns of type real, double precision and numeric. With a comma, a point in such a number is an error.',
    default: { text: '.', csv: '.' },
    formats: most,
    bare: [],
    otherNames: ['decimal', 'decimal_point', 'decimal_mark', 'decimalseparator', 'dec'],
    dialects: [],
    example: "DECIMAL_SEPARATOR ','",
    errors: [
      ['22023', 'neither a point nor a comma'],
      ['42601', 'in binary'],
    ],
    read(reader) {
      const value = reader.string()
      if (value === '.' || value === ',') return value
      throw reader.error(
        'value',
        'invalid_parameter_value',
        `COPY DECIMAL_SEPARATOR "${value}" not recognized`,
        'It is a point or a comma.',
      )
    },
  }),
  on_error: define<OnError>({
    synopsis: '{ stop | ignore | skip_row | set_null | set_default }',
    summary:
      'What becomes of a row that does not fit: it ends the load and nothing is kept (stop); it is left out when a value does not fit its column (ignore), or for whatever reason (skip_row), but for a record longer than an eighth of `memoryLimit`, which ends the load (54000); or only the value becomes NULL (set_null) or the default of its column, NULL where it has none (set_default). Also written ON ERROR, with ABORT for stop and SKIP_COLUMN for set_default: under the rules of QuestDB the default of a column that is NOT NULL and has none is 0 or, of a boolean, false.',
    default: { text: 'stop', csv: 'stop' },
    formats: most,
    bare: [
      { words: ['on_error'], takes: 'value' },
      { words: ['on', 'error'], takes: 'value', inParentheses: true, of: ofQuestdb },
    ],
    otherNames: ['onerror', 'error', 'errors', 'ignore_errors', 'continue_on_error'],
    dialects: ['postgresql', 'questdb'],
    example: 'ON_ERROR skip_row',
    errors: [
      ['22023', 'no such policy, or another policy beside it'],
      ['42601', 'another one than stop in binary'],
    ],
    read(reader) {
      const words = ['stop', 'ignore', 'skip_row', 'set_null', 'set_default', 'abort', 'skip_column'] as const
      const word = choice(reader, 'ON_ERROR', words)
      return word === 'abort' ? 'stop' : word === 'skip_column' ? 'set_default' : word
    },
  }),
  reject_limit: define<Limit>({
    synopsis: "{ number | 'ratio%' }",
    summary:
      'The load fails when ON_ERROR has refused, or changed, more rows than this, or more than this ratio of the rows read.',
    defaultNote: 'no limit',
    formats: most,
    bare: [{ words: ['reject_limit'], takes: 'value' }],
    otherNames: ['maxerrors', 'max_errors', 'rejects_limit', 'rejectlimit'],
    dialects: ['postgresql'],
    example: "REJECT_LIMIT '2.5%'",
    errors: [
      ['22023', 'without ON_ERROR, or not greater than zero'],
      ['22P02', 'no number'],
    ],
    read(reader) {
      const { argument } = reader.item
      const ratio =
        argument?.kind === 'string' &&
        /^[ \t]*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)[ \t]*%[ \t]*$/i.exec(argument.value)
      if (!ratio) return { kind: 'rows', most: toNumber(reader.positiveBigint('REJECT_LIMIT')) }
      const most = Number(ratio[1])
      if (most > 0 && most <= 100) return { kind: 'ratio', most }
      const message = `REJECT_LIMIT (${ratio[1]}%) must be greater than zero and at most 100%`
      throw reader.error('value', 'invalid_parameter_value', message)
    },
  }),
  log_verbosity: define<'default' | 'verbose' | 'silent'>({
    synopsis: '{ default | verbose | silent }',
    summary:
      'How much the command says about rows that are refused or changed: their number, each of them too, or nothing. A program has its receipt and `onReject`.',
    default: { text: 'default', csv: 'default' },
    formats: any,
    bare: [{ words: ['log_verbosity'], takes: 'value' }],
    otherNames: ['verbosity', 'verbose'],
    dialects: ['postgresql'],
    example: 'LOG_VERBOSITY verbose',
    errors: [['22023', 'no such word']],
    read: (reader) => choice(reader, 'LOG_VERBOSITY', ['silent', 'default', 'verbose']),
  }),
  'log errors': define<boolean>({
    synopsis: '[ DATA ]',
    summary:
      "GaussDB's way to leave out rows whose data are malformed (fields, encoding, values); what constraints refuse still ends the load. DATA keeps nothing more, since refused rows are kept as they were anyway.",
    default: { text: false, csv: false },
    formats: most,
    bare: [
      { words: ['log', 'errors'], takes: 'nothing', inParentheses: true, beforeWith: true },
      { words: ['log', 'errors', 'data'], takes: 'nothing', inParentheses: true, beforeWith: true },
    ],
    otherNames: ['log_errors', 'logerrors', 'log_errors_data'],
    of: ofGaussdb,
    dialects: ['gaussdb'],
    example: 'LOG ERRORS',
    errors: [['22023', 'another policy beside it']],
    read: (reader) => reader.boolean(),
  }),
  'reject limit': define<number | 'unlimited'>({
    synopsis: "{ 'number' | 'unlimited' }",
    summary: 'The load fails when LOG ERRORS has left out more rows than this.',
    defaultNote: '0',
    formats: most,
    bare: [{ words: ['reject', 'limit'], takes: 'value', inParentheses: true, beforeWith: true }],
    otherNames: ['per_node_reject_limit', 'segment_reject_limit'],
    of: ofGaussdb,
    dialects: ['gaussdb'],
    example: "REJECT LIMIT 'unlimited'",
    errors: [
      ['42601', 'without LOG ERRORS'],
      ['22023', 'not greater than zero'],
      ['22003', 'more than 2147483647'],
    ],
    read(reader) {
      const { argument } = reader.item
      if (argument?.kind === 'string' && asciiLowerCase(argument.value) === 'unlimited') return 'unlimited'
      const most = reader.positiveBigint('REJECT LIMIT')
      if (most <= 2_147_483_647n) return Number(most)
      const message = `value "${most}" is out of range for type integer`
      throw reader.error('value', 'numeric_value_out_of_range', message)
    },
  }),
  maxerror: define<number>({
    synopsis: '[ AS ] number',
    summary:
      "Redshift's way to leave out rows that do not fit: the load fails when this many are left out, so that 0 and 1 mean the first, which then is no rejected row but the error of the load; at most 100000.",
    default: { text: 0, csv: 0 },
    formats: most,
    bare: [{ words: ['maxerror'], takes: 'value', as: true }],
    otherNames: ['max_error'],
    of: ofRedshift,
    dialects: ['redshift'],
    example: 'MAXERROR 10',
    errors: [['22023', 'not from 0 to 100000, or another policy or limit beside it']],
    read(reader) {
      const value = reader.bigint()
      if (value >= 0n && value <= 100_000n) return Number(value)
      throw reader.error('value', 'invalid_parameter_value', `MAXERROR (${value}) must be between 0 and 100000`)
    },
  }),
  ignoreallerrors: define<boolean>({
    synopsis: '[ boolean ]',
    summary: "Redshift's way to leave out any number of rows that do not fit.",
    default: { text: false, csv: false },
    formats: most,
    bare: [flag('ignoreallerrors')],
    otherNames: ['ignore_all_errors'],
    of: ofRedshift,
    dialects: ['redshift'],
    example: 'IGNOREALLERRORS',
    errors: [['22023', 'another policy beside it']],
    read: (reader) => reader.boolean(),
  }),
  reject_bytes: define<number>({
    synopsis: "{ number | 'size' }",
    summary:
      "How many bytes of a refused row are recorded at most, such as '64kB'; a row that is longer is cut and flagged, and cannot be loaded by COPY REJECTS.",
    defaultNote: "'1MB'",
    formats: most,
    bare: [{ words: ['reject_bytes'], takes: 'value' }],
    otherNames: ['rejectbytes', 'max_reject_bytes', 'reject_size', 'rejected_data_size'],
    dialects: [],
    example: "REJECT_BYTES '64kB'",
    errors: [['22023', 'no size from 0 to 512 MB']],
    read(reader) {
      const { argument } = reader.item
      const bytes = argument?.kind === 'string' ? bytesOf(argument.value) : Number(reader.bigint())
      if (bytes !== undefined && bytes >= 0 && bytes <= MOST_REJECT_BYTES) return bytes
      const message = "COPY REJECT_BYTES must be a size from 0 to '512MB'"
      throw reader.error(
        'value',
        'invalid_parameter_value',
        message,
        "It is a number of bytes, or one with a unit: '64kB', '2MB'.",
      )
    },
  }),
  ignore_extra_data: define<boolean>({
    synopsis: '[ boolean ]',
    summary: 'Fields after the last column are dropped.',
    default: { text: false, csv: false },
    formats: textual,
    bare: [flag('ignore_extra_data')],
    otherNames: ['ignoreextradata', 'ignore_extra_fields'],
    dialects: ['gaussdb'],
    example: 'IGNORE_EXTRA_DATA',
    errors: [['42601', 'no Boolean value, or in binary']],
    read: (reader) => reader.boolean(),
  }),
  fill_missing_fields: define<'one' | 'multi' | false>({
    synopsis: "[ boolean | 'one' | 'multi' ]",
    summary:
      'A row may lack its last field (one, and true) or any number of fields at its end (multi); the columns become NULL.',
    default: { text: false, csv: false },
    formats: textual,
    bare: [{ words: ['fill_missing_fields'], takes: 'optional', values: [...booleans, 'one', 'multi'] }],
    otherNames: ['fillmissingfields', 'null_padding', 'fill_missing'],
    dialects: ['gaussdb'],
    example: "FILL_MISSING_FIELDS 'multi'",
    errors: [['42601', 'no Boolean value, one or multi; in binary']],
    read(reader) {
      const value = reader.booleanOr(['one', 'multi'], ', "one" or "multi"')
      // GaussDB: without either word only the last field may be missing.
      return value === true ? 'one' : value
    },
  }),
  fillrecord: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      "Redshift's FILL_MISSING_FIELDS 'multi'. In csv and text the strings that are missing are empty, unless EMPTY_AS_NULL says otherwise, and all else is NULL.",
    default: { text: false, csv: false },
    formats: textual,
    bare: [flag('fillrecord')],
    otherNames: ['fill_record'],
    of: ofRedshift,
    dialects: ['redshift'],
    example: 'FILLRECORD',
    errors: [
      ['22023', 'FILL_MISSING_FIELDS one beside it'],
      ['42601', 'in binary'],
    ],
    read: (reader) => reader.boolean(),
  }),
  replace_invalid_chars: define<string | false>({
    synopsis: "[ 'character' ]",
    summary:
      "Each byte of a character that is no UTF-8 becomes this ASCII character, `?` when none is given, in columns of strings, in UTF-16 one for half a pair; a value of any other type that has one does not fit, and NUL is still refused. Redshift's ACCEPTINVCHARS.",
    defaultNote: 'such a character does not fit',
    formats: textual,
    bare: [
      { words: ['replace_invalid_chars'], takes: 'optional', values: booleans },
      {
        words: ['acceptinvchars'],
        takes: 'optional',
        as: true,
        values: booleans,
        inParentheses: true,
        of: ofRedshift,
      },
    ],
    otherNames: ['accept_inv_chars', 'replace_invalid_characters', 'invalid_chars'],
    dialects: ['redshift'],
    example: "REPLACE_INVALID_CHARS '^'",
    errors: [
      ['22023', 'no single ASCII character'],
      [
        '42601',
        'a character that means something else: in DELIMITER, NULL, DEFAULT, QUOTE, ESCAPE or EOL, a line end, a letter, a digit, a backslash or a dot in text with backslashes, a quotation mark beside REMOVE_QUOTES; in binary',
      ],
    ],
    read(reader) {
      if (reader.item.argument === undefined) return '?'
      const value = reader.string()
      const word = asciiLowerCase(value)
      if (word === 'true' || word === 'on') return '?'
      if (word === 'false' || word === 'off') return false
      if (value.length === 1 && value <= '\x7f') return value
      throw reader.error(
        'value',
        'invalid_parameter_value',
        `COPY ${reader.word} replacement must be a single ASCII character`,
      )
    },
  }),
  compatible_illegal_chars: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'A NUL becomes a space, and each byte of any other character that is no UTF-8 a question mark; in text also those that escapes stand for. A value that is no string and has such a question mark does not fit.',
    default: { text: false, csv: false },
    formats: textual,
    bare: [flag('compatible_illegal_chars')],
    otherNames: ['compatibleillegalchars', 'illegal_chars'],
    dialects: ['gaussdb'],
    example: 'COMPATIBLE_ILLEGAL_CHARS',
    errors: [
      ['42601', 'a blank or a question mark in DELIMITER, NULL, DEFAULT, QUOTE, ESCAPE or EOL; in binary'],
      ['22023', 'REPLACE_INVALID_CHARS beside it'],
    ],
    read: (reader) => reader.boolean(),
  }),
  truncate_columns: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'Strings longer than their column are cut, but not what TRANSFORM makes. DuckDB keeps no lengths, so that nothing is cut there. Also written TRUNCATECOLUMNS.',
    default: { text: false, csv: false },
    formats: most,
    bare: [flag('truncate_columns'), { ...flag('truncatecolumns'), inParentheses: true, of: ofRedshift }],
    otherNames: ['truncate', 'enforce_length'],
    dialects: ['redshift'],
    example: 'TRUNCATE_COLUMNS',
    errors: [['42601', 'no Boolean value, or in binary']],
    read: (reader) => reader.boolean(),
  }),
  load_key: define<string>({
    synopsis: "'string'",
    summary: 'A name of the load, 1 to 200 characters: a load whose name was loaded before does nothing.',
    defaultNote: 'no name',
    formats: any,
    bare: [{ words: ['load_key'], takes: 'value' }],
    otherNames: ['loadkey', 'idempotency_key', 'label'],
    dialects: [],
    example: "LOAD_KEY 'orders 2025-01-31'",
    errors: [['22023', 'not 1 to 200 characters, or without a record of loads']],
    read(reader) {
      const value = reader.string()
      const { length } = Array.from(value)
      if (length >= 1 && length <= 200) return value
      throw reader.error('value', 'invalid_parameter_value', 'COPY LOAD_KEY must have 1 to 200 characters')
    },
  }),
  create_table: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'Creates the table from the input when it does not exist: names from the header, types that hold for every row of the file.',
    defaultNote: "false; true in QuestDB's dialect, and for the command's own DuckDB file",
    formats: [...textual, ...columnar],
    bare: [],
    otherNames: ['createtable', 'create', 'auto_create', 'autocreate', 'create_if_not_exists', 'if_not_exists'],
    dialects: ['questdb'],
    example: 'CREATE_TABLE',
    errors: [['42601', 'no Boolean value']],
    read: (reader) => reader.boolean(),
  }),
  freeze: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'Rows are written frozen, as PostgreSQL does where the table was created or truncated in the same transaction; without that, and with ON_ERROR skip_row for rows that the server refuses, its error. In a transaction of the caller an error then is that of the transaction.',
    default: { text: false, csv: false },
    formats: any,
    bare: [{ words: ['freeze'], takes: 'nothing' }],
    otherNames: [],
    dialects: ['postgresql', 'gaussdb'],
    example: 'FREEZE',
    errors: [
      ['42601', 'no Boolean value'],
      ['0A000', 'on DuckDB, which has no such thing; with TRANSFORM, ON CONFLICT DO SKIP or UPDATE'],
      ['55000', 'a table that was not created or truncated in the same transaction'],
    ],
    read: (reader) => reader.boolean(),
  }),
  force_quote: define<'*' | readonly Name[]>({
    unsupported: true,
    synopsis: '{ ( column [, ...] ) | * }',
    summary: 'COPY TO only.',
    formats: csv,
    bare: [
      { words: ['force', 'quote'], takes: 'columns' },
      { words: ['force_quote'], takes: 'columns' },
    ],
    otherNames: ['forcequote', 'quote_all', 'addquotes'],
    dialects: ['postgresql', 'gaussdb'],
    example: 'FORCE_QUOTE *',
    errors: [['0A000', 'always: it is for files that are written']],
    read: (reader) => reader.columns(),
  }),
  ...generalOptions,
  ...gaussdbOptions,
  ...questdbOptions,
  ...redshiftOptions,
  ...materializeOptions,
} as const

/** An option's name in lower case; that of several words has blanks between them. */
export type OptionKey =
  | 'format'
  | 'delimiter'
  | 'null'
  | 'default'
  | 'header'
  | 'skip'
  | 'quote'
  | 'escape'
  | 'force_not_null'
  | 'force_null'
  | 'encoding'
  | 'decimal_separator'
  | 'on_error'
  | 'reject_limit'
  | 'log_verbosity'
  | 'log errors'
  | 'reject limit'
  | 'maxerror'
  | 'ignoreallerrors'
  | 'reject_bytes'
  | 'ignore_extra_data'
  | 'fill_missing_fields'
  | 'fillrecord'
  | 'replace_invalid_chars'
  | 'compatible_illegal_chars'
  | 'truncate_columns'
  | 'load_key'
  | 'create_table'
  | 'freeze'
  | 'force_quote'
  | GeneralKey
  | GaussdbKey
  | QuestdbKey
  | RedshiftKey
  | MaterializeKey

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

/** Second names of options, each of one word. */
const secondNames: ReadonlyMap<string, OptionKey> = new Map(
  optionKeys.flatMap((key) => {
    const definition: OptionDefinition<unknown> = optionTable[key]
    const forms = definition.bare.filter((form) => form.inParentheses && form.words.length === 1)
    return forms.map((form) => [form.words[0] ?? '', key] as const)
  }),
)

/** The option of that name, if there is one. `name` is in lower case unless it was quoted. */
export function findOption(name: string): OptionKey | undefined {
  return Object.hasOwn(optionTable, name) ? (name as OptionKey) : secondNames.get(name)
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

/** What to write instead of a format that does not exist. */
function formatHint(value: string): string {
  const word = asciiLowerCase(value)
  if (word === 'csv' || word === 'text') return `Format names are in lower case: "${word}".`
  if (word === 'feather' || word === 'ipc') return 'Arrow files and streams are FORMAT arrow.'
  if (word === 'tsv' || word === 'tab')
    return "Use FORMAT csv with DELIMITER E'\\t', or FORMAT text, whose delimiter is the tab."
  const near = closest(word, ['csv', 'text', 'parquet', 'arrow'])
  return near === undefined ? 'The formats are csv, text, fixed, binary, parquet and arrow.' : `Did you mean "${near}"?`
}
