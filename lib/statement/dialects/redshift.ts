/** What Redshift has beyond PostgreSQL. Its ESCAPE, which is a flag, and its FORMAT AS are read in `option-grammar.ts`. */
import { Secret } from '../../access/secret.ts'
import type { FixedField } from '../ast.ts'
import { asciiLowerCase, type OptionReader } from '../option-arguments.ts'
import { type BareForm, booleans, define, flag, type OptionDefinition } from '../option-definition.ts'

export type RedshiftKey =
  | 'fixedwidth'
  | 'backslash_escape'
  | 'skip_blank_lines'
  | 'blanks_as_null'
  | 'empty_as_null'
  | 'trim_blanks'
  | 'remove_quotes'
  | 'accept_any_date'
  | 'roundec'
  | 'explicit_ids'
  | 'validate_only'
  | 'statupdate'
  | 'compupdate'
  | 'comprows'
  | 'iam_role'
  | 'credentials'
  | 'access_key_id'
  | 'secret_access_key'
  | 'session_token'
  | 'region'
  | 'manifest'
  | 'gzip'
  | 'bzip2'
  | 'lzop'
  | 'zstd'

const of = { dialect: 'redshift', exclusive: true } as const
// By what files are reached is asked in every dialect: such a word tells the dialect only where no other does.
const ofSource = { dialect: 'redshift', exclusive: false } as const
const formats = ['csv', 'text', 'fixed', 'parquet', 'arrow'] as const
const textual = ['csv', 'text', 'fixed'] as const
// Where files are, and what is done with their rows, does not depend on how they are written.
const any = [...formats, 'binary'] as const
const dialects = ['redshift'] as const
const notBoolean = ['42601', 'no Boolean value'] as const

/** A flag under the name that it has here, and under Redshift's. */
function redshiftFlag(
  word: string,
  name: string,
  summary: string,
  otherNames: readonly string[] = [],
  inFormats: OptionDefinition<boolean>['formats'] = formats,
) {
  const own: BareForm[] = word === name ? [] : [flag(name)]
  return define<boolean>({
    synopsis: '[ boolean ]',
    summary: word === name ? summary : `${summary} Redshift's ${word.toUpperCase()}.`,
    default: { text: false, csv: false },
    formats: inFormats,
    bare: [...own, { ...flag(word), inParentheses: true, of }],
    otherNames,
    ...(word === name && { of }),
    dialects,
    example: name.toUpperCase(),
    errors: [notBoolean],
    read: (reader) => reader.boolean(),
  })
}

/** What stands for a secret, which is read by nobody. */
function secret(word: string) {
  return define<true>({
    synopsis: "[ AS ] 'secret'",
    summary: 'A secret in the statement, which is neither kept nor shown.',
    defaultNote: 'none',
    formats,
    bare: [{ words: [word], takes: 'value', as: true, of }],
    otherNames: [],
    of,
    dialects,
    example: `${word.toUpperCase()} '...'`,
    errors: [['0A000', 'always: name a connection instead']],
    read(reader) {
      const { argument } = reader.item
      if (argument?.kind === 'string') return true
      throw reader.error('name', 'syntax_error', `${word} requires a string`)
    },
  })
}

function compression(word: string) {
  return redshiftFlag(word, word, 'The input is compressed so.', [], textual)
}

export const redshiftOptions = {
  fixedwidth: define<readonly FixedField[]>({
    synopsis: "[ AS ] 'label:width [, ...]'",
    summary:
      'The widths of the fields of a fixed-width record, in characters, in the order of the columns. Labels mean nothing. Blanks around a value are no part of it, and blanks alone are NULL.',
    defaultNote: 'none',
    formats: ['fixed'],
    bare: [{ words: ['fixedwidth'], takes: 'string', as: true, of }],
    otherNames: ['fixed_width'],
    of,
    dialects,
    example: "FIXEDWIDTH 'id:8,name:20'",
    errors: [
      ['22023', 'no list of labels and widths, or a width of 0'],
      ['42601', 'with CSV, DELIMITER or FORMATTER'],
    ],
    read: readWidths,
  }),
  backslash_escape: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      "A backslash makes the next character part of the value, whichever it is. Redshift's ESCAPE, which has no character.",
    default: { text: false },
    formats: ['text'],
    bare: [],
    otherNames: ['escape_flag'],
    alsoWritten: [['ESCAPE', of]],
    dialects,
    example: 'BACKSLASH_ESCAPE',
    errors: [['0A000', 'in a format other than text']],
    read: (reader) => reader.boolean(),
  }),
  skip_blank_lines: redshiftFlag(
    'ignoreblanklines',
    'skip_blank_lines',
    'Lines with nothing in them are no records.',
    ['ignore_blank_lines', 'skip_empty_lines'],
    textual,
  ),
  blanks_as_null: redshiftFlag(
    'blanksasnull',
    'blanks_as_null',
    'Strings of nothing but white space become NULL.',
    [],
    textual,
  ),
  empty_as_null: redshiftFlag(
    'emptyasnull',
    'empty_as_null',
    'Empty fields of columns that hold strings become NULL, too; in Redshift those of all other columns always do.',
    [],
    textual,
  ),
  trim_blanks: redshiftFlag(
    'trimblanks',
    'trim_blanks',
    'White space at the end of strings is cut off.',
    ['trim_space'],
    textual,
  ),
  remove_quotes: {
    ...redshiftFlag(
      'removequotes',
      'remove_quotes',
      'Single or double quotes around a field are taken off; delimiters between them are part of it. A field with the first of them alone is an error.',
    ),
    formats: ['text'],
  },
  accept_any_date: redshiftFlag(
    'acceptanydate',
    'accept_any_date',
    'Dates and timestamps that cannot be read become NULL.',
  ),
  roundec: redshiftFlag(
    'roundec',
    'roundec',
    'Numbers with more decimals than their column are rounded, as PostgreSQL does; Redshift otherwise truncates them.',
    ['round_decimals'],
    // Numbers that are no text are never changed.
    textual,
  ),
  explicit_ids: redshiftFlag(
    'explicit_ids',
    'explicit_ids',
    'Columns GENERATED ALWAYS AS IDENTITY take the values of the file. In Redshift they have no field without it; in the other dialects, as in PostgreSQL, they always take them.',
    ['overriding_system_value'],
  ),
  validate_only: redshiftFlag(
    'noload',
    'validate_only',
    'Nothing is loaded; the input is only looked at.',
    ['validate', 'dry_run'],
    any,
  ),
  statupdate: define<boolean>({
    synopsis: '[ ON | OFF ]',
    summary: "With ON the table's statistics are gathered after the load.",
    defaultNote: 'off',
    formats,
    bare: [{ words: ['statupdate'], takes: 'optional', values: booleans, of }],
    otherNames: ['stat_update'],
    of,
    dialects,
    example: 'STATUPDATE OFF',
    errors: [notBoolean],
    read: (reader) => reader.boolean(),
  }),
  compupdate: define<boolean | 'preset'>({
    synopsis: '[ PRESET | ON | OFF ]',
    summary: 'How Redshift chooses the compression of columns. Taken, changes nothing here, and the receipt says so.',
    defaultNote: 'none',
    formats,
    bare: [{ words: ['compupdate'], takes: 'optional', values: [...booleans, 'preset'], of }],
    otherNames: ['comp_update'],
    of,
    dialects,
    example: 'COMPUPDATE OFF',
    errors: [notBoolean],
    read: (reader) => reader.booleanOr(['preset'], ' or "preset"'),
  }),
  comprows: define<bigint>({
    synopsis: 'number',
    summary: 'How many rows Redshift looks at for COMPUPDATE. Taken, changes nothing here, and the receipt says so.',
    defaultNote: 'none',
    formats,
    bare: [{ words: ['comprows'], takes: 'value', of }],
    otherNames: ['comp_rows'],
    of,
    dialects,
    example: 'COMPROWS 1000000',
    errors: [['22023', 'no number greater than zero']],
    read: (reader) => reader.positiveBigint('COMPROWS'),
  }),
  iam_role: define<string>({
    synopsis: "{ 'arn' | default }",
    summary: 'The role by which the files are read.',
    defaultNote: 'none',
    formats: any,
    bare: [{ words: ['iam_role'], takes: 'value', as: true, of: ofSource }],
    otherNames: ['role'],
    of: ofSource,
    dialects,
    example: 'IAM_ROLE default',
    errors: [['22023', 'neither a role nor the word default; the source is no address']],
    read(reader) {
      const value = reader.string()
      if (/^arn:/.test(value)) return value
      if (asciiLowerCase(value) === 'default') return 'default'
      const message = 'COPY IAM_ROLE must be the name of a role (arn:...) or default'
      throw reader.error('value', 'invalid_parameter_value', message)
    },
  }),
  credentials: define<true | Secret>({
    synopsis: "[ AS ] 'name'",
    summary:
      "The named connection by which the files are read. Redshift's key=value pairs would be secrets in the statement, which are neither taken nor shown.",
    defaultNote: 'the standard AWS chain',
    formats: any,
    bare: [{ words: ['credentials'], takes: 'value', as: true, of: ofSource }],
    otherNames: [],
    of: ofSource,
    dialects,
    example: "CREDENTIALS 'my_connection'",
    errors: [
      ['0A000', 'secrets in place of a name'],
      ['42704', 'no such connection'],
      ['22023', 'the source is no address'],
    ],
    read(reader) {
      const { argument } = reader.item
      if (argument?.kind !== 'string') throw reader.error('name', 'syntax_error', 'credentials requires a string')
      // Asterisks are what the text of a statement has in place of a name or a secret.
      return /^(?:\*+|[A-Za-z_][\w.-]{0,62})$/.test(argument.value) ? new Secret(argument.value) : true
    },
  }),
  access_key_id: secret('access_key_id'),
  secret_access_key: secret('secret_access_key'),
  session_token: secret('session_token'),
  region: define<string>({
    synopsis: "[ AS ] 'region'",
    summary: 'Where the files are.',
    defaultNote: 'none',
    formats: any,
    bare: [{ words: ['region'], takes: 'string', as: true, of: ofSource }],
    otherNames: ['aws_region'],
    of: ofSource,
    dialects,
    example: "REGION 'eu-central-1'",
    errors: [['22023', 'no name of a region; the source is no address']],
    read: (reader) => reader.string(),
  }),
  manifest: redshiftFlag('manifest', 'manifest', 'The source is a list of files.'),
  gzip: compression('gzip'),
  bzip2: compression('bzip2'),
  lzop: compression('lzop'),
  zstd: compression('zstd'),
} as const

/** `label:width,…`; a label is free text. */
function readWidths(reader: OptionReader): readonly FixedField[] {
  const fields: FixedField[] = []
  const place = reader.item.argument?.offset ?? reader.item.offset
  let offset = 0
  for (const part of reader.string().split(',')) {
    const [, label = '', digits = ''] = /^\s*(.*?)\s*:\s*([0-9]+)\s*$/s.exec(part) ?? []
    const length = Number(digits)
    if (label === '' || label.includes(':') || !Number.isSafeInteger(length) || length < 1) {
      const message = `COPY FIXEDWIDTH "${part.trim()}" is no label and width`
      throw reader.error('value', 'invalid_parameter_value', message, "Write 'label:width,...'; a width is at least 1.")
    }
    fields.push({ name: { value: label, quoted: true, offset: place }, offset, length })
    offset += length
  }
  return fields
}
