/** What GaussDB (and openGauss) have beyond PostgreSQL. */
import type { Constant, FixedField, Name, Sequence, Transform, When } from '../ast.ts'
import type { DatePattern } from '../date-patterns.ts'
import { asciiLowerCase } from '../option-arguments.ts'
import { booleans, define, flag } from '../option-definition.ts'

export type GaussdbKey =
  | 'formatter'
  | 'eol'
  | 'useeof'
  | 'noescaping'
  | 'fileheader'
  | 'oids'
  | 'smalldatetime_format'
  | 'transform'
  | 'when'
  | 'sequence'
  | 'filler'
  | 'constant'

const of = { dialect: 'gaussdb', exclusive: true } as const
/** GaussDB's other spellings of the usual line ends. */
const usualEnds: ReadonlyMap<string, string> = new Map([
  ['0x0a', '\n'],
  ['0x0d', '\r'],
  ['0x0d0a', '\r\n'],
  ['\\n', '\n'],
  ['\\r', '\r'],
  ['\\r\\n', '\r\n'],
])
const all = ['csv', 'text', 'fixed'] as const
const any = [...all, 'parquet', 'arrow'] as const
const dialects = ['gaussdb'] as const
const binaryError = ['42601', 'in the binary format'] as const

export const gaussdbOptions = {
  formatter: define<readonly FixedField[]>({
    synopsis: '( column ( offset, length ) [, ...] )',
    summary:
      'Where the fields of a fixed-width record are; the first byte has offset 0. Fields may overlap, and parts that no field covers are passed over, though the whole line has to be text of its encoding. Blanks around a value are no part of it, and blanks alone are NULL; columns that are loaded and have no field are NULL, whatever their default. Also written FIXED FORMATTER.',
    defaultNote: 'none',
    formats: ['fixed'],
    bare: [{ words: ['fixed', 'formatter'], takes: 'clause', of }],
    clause: 'formatter',
    otherNames: ['fixed_formatter'],
    of,
    dialects,
    example: 'FORMATTER (id (0, 8), name (8, 20))',
    errors: [
      ['22023', 'a length of 0, fields of 1 GB or more together, a field twice'],
      ['22021', 'a field that begins or ends in the middle of a character'],
      ['42601', 'with DELIMITER, NULL, QUOTE, or another format than fixed'],
    ],
    read: (reader) => reader.clause('formatter').fields,
  }),
  eol: define<string>({
    synopsis: "'string'",
    summary: "What ends a record, up to 10 bytes. The usual ends may be spelled '0x0A' or '\\\\n', and the like.",
    defaultNote: 'a line feed, a carriage return or both',
    formats: ['text'],
    bare: [{ words: ['eol'], takes: 'value', of }],
    otherNames: ['newline', 'record_delimiter', 'line_terminator', 'lineterminator'],
    of,
    dialects,
    example: "EOL '$#'",
    errors: [
      ['0A000', 'in a format other than text'],
      [
        '22023',
        'empty, longer than 10 bytes, in the delimiter or the NULL string, or with a point, lower-case letters or digits in it',
      ],
    ],
    read: (reader) => {
      const value = reader.string()
      return usualEnds.get(asciiLowerCase(value)) ?? value
    },
  }),
  useeof: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'A line of `\\.` does not end the data: in text its backslash is one before a full stop, elsewhere it is data anyway.',
    default: { text: false, csv: false },
    formats: all,
    bare: [{ ...flag('useeof'), of }],
    otherNames: ['use_eof'],
    of,
    dialects,
    example: 'USEEOF',
    errors: [binaryError],
    read: (reader) => reader.boolean(),
  }),
  noescaping: define<boolean>({
    synopsis: '[ boolean ]',
    summary: 'A backslash is a character like any other. Also written WITHOUT ESCAPING, before the other options.',
    default: { text: false },
    defaultNote: "`false`; in Redshift's dialect `true`",
    formats: ['text'],
    bare: [{ words: ['without', 'escaping'], takes: 'nothing', beforeWith: true, of }],
    otherNames: ['no_escaping', 'without_escaping'],
    of,
    dialects,
    example: 'NOESCAPING',
    errors: [['0A000', 'in a format other than text']],
    read: (reader) => reader.boolean(),
  }),
  fileheader: define<string>({
    unsupported: true,
    synopsis: "'path'",
    summary: 'COPY TO only.',
    formats: ['csv', 'fixed'],
    bare: [{ words: ['fileheader'], takes: 'string', of }],
    otherNames: ['file_header'],
    of,
    dialects,
    example: "FILEHEADER '/tmp/header.txt'",
    errors: [['0A000', 'always: it names the header of a file that is written']],
    read: (reader) => reader.string(),
    refuse: () => ({
      message: 'COPY FILEHEADER cannot be used with COPY FROM',
      hint: 'It names the header of a file that is written. The header of one that is read needs no more than HEADER.',
    }),
  }),
  oids: define<boolean>({
    unsupported: true,
    synopsis: '[ boolean ]',
    summary: 'The first field of a row is its object identifier.',
    default: { text: false, csv: false },
    formats: all,
    bare: [{ words: ['oids'], takes: 'optional', values: booleans, of }],
    otherNames: ['with_oids'],
    of,
    dialects,
    example: 'OIDS false',
    errors: [['0A000', 'unless it is false']],
    read: (reader) => reader.boolean(),
    refuse: (value) =>
      value
        ? {
            message: 'COPY OIDS is not supported',
            hint: 'Rows have had no object identifiers since PostgreSQL 12. Name a column for them, or drop the field with FILLER.',
          }
        : undefined,
  }),
  smalldatetime_format: define<DatePattern>({
    synopsis: "{ 'pattern' | ( 'pattern' [, ...] ) }",
    summary:
      "How values of GaussDB's type smalldatetime are written, which are rounded to the minute, half a minute up. It is for columns of type timestamp(0); without TIMESTAMP_FORMAT for those of any timestamp without time zone.",
    defaultNote: "PostgreSQL's literals",
    formats: any,
    bare: [{ words: ['smalldatetime_format'], takes: 'value', of }],
    otherNames: ['small_datetime_format'],
    of,
    dialects,
    example: "SMALLDATETIME_FORMAT 'YYYY-MM-DD HH24:MI'",
    errors: [binaryError],
    read: (reader) => reader.patterns(),
  }),
  transform: define<readonly Transform[]>({
    synopsis: '( column [ type ] [ AS expression ] [, ...] )',
    summary:
      "The column becomes what the expression makes of the fields, in the SQL of the target, where they have the names of their columns; with a type, its field is read as that type first, and without an expression cast to the column's; without a type before an expression it is read as the column's without its length (on DuckDB, of decimals, with six more digits on either side of the point).",
    defaultNote: 'none',
    formats: [...any, 'binary'],
    bare: [{ words: ['transform'], takes: 'clause', of }],
    clause: 'transform',
    otherNames: ['transforms'],
    of,
    dialects,
    example: 'TRANSFORM (name AS left(name, 10))',
    errors: [
      ['42601', 'no expression, or more than one; a comment or a parameter within it'],
      [
        '0A000',
        'a subquery or, on DuckDB, #1 or COLUMNS; with DEFAULT, ON_ERROR set_null or set_default, ON CONFLICT DO SKIP or UPDATE, or a table that has yet to be created',
      ],
      ['42701', 'a column twice'],
      ['42P10', 'a column that is not loaded'],
      ['42703', 'a name that is no column that is loaded'],
    ],
    read: (reader) => reader.clause('transform').columns,
  }),
  when: define<When>({
    synopsis: "{ ( start - end ) | column } { = | != } 'string'",
    summary:
      'Only records of which this is true are rows: the characters from start to end of the line (the first is 1; in fixed in the UNIT of FORMATTER), or the field of the column, which may be one of FILLER, are the string, or are not.',
    defaultNote: 'every record',
    formats: all,
    bare: [{ words: ['when'], takes: 'clause', of }],
    clause: 'when',
    otherNames: [],
    of,
    dialects,
    example: "WHEN (1 - 4) = 'DATA'",
    errors: [['22023', 'a start of 0, or an end before the start'], binaryError],
    read: (reader) => reader.clause('when').condition,
  }),
  sequence: define<readonly Sequence[]>({
    synopsis: '( column ( start [, increment ] ) [, ...] )',
    summary:
      'Columns that are not in the file and count up from start, by 1 unless an increment is given; both are any bigint. A table that is made has them as bigint.',
    defaultNote: 'none',
    formats: any,
    bare: [{ words: ['sequence'], takes: 'clause', of }],
    clause: 'sequence',
    otherNames: ['sequences'],
    of,
    dialects,
    example: 'SEQUENCE (id (1, 1))',
    errors: [
      ['42701', 'a column twice, also in FILLER or CONSTANT'],
      ['22003', 'a number that is no bigint'],
      ['0A000', 'a column that is not smallint, integer, bigint or numeric'],
      binaryError,
    ],
    read: (reader) => reader.clause('sequence').columns,
  }),
  filler: define<readonly Name[]>({
    synopsis: '( column [, ...] )',
    summary:
      'Fields that are read and dropped, by their place in the list of columns, or with MAP BY NAME by their names; the table need not have them, and gets no columns for them. No expression sees them.',
    defaultNote: 'none',
    formats: any,
    bare: [{ words: ['filler'], takes: 'clause', of }],
    clause: 'names',
    otherNames: ['fillers'],
    of,
    dialects,
    example: 'FILLER (unused)',
    errors: [
      ['42601', 'without a list of columns'],
      ['22023', 'all fields, so that no column is loaded'],
      ['42703', 'a field that the header lacks, with MAP BY NAME; an expression that names one'],
      ['42P10', 'a column that is not in the list'],
      ['42701', 'a column twice'],
      binaryError,
    ],
    read(reader) {
      const names = reader.columns()
      if (names !== '*') return names
      throw reader.error('value', 'syntax_error', 'FILLER is followed by column names in parentheses')
    },
  }),
  constant: define<readonly Constant[]>({
    synopsis: "( column 'string' [, ...] )",
    summary:
      'Columns that are not in the file and have this value in every row. It is read as a field would be, by the formats of dates; its decimal mark is a point.',
    defaultNote: 'none',
    formats: any,
    bare: [{ words: ['constant'], takes: 'clause', of }],
    clause: 'constant',
    otherNames: ['constants'],
    of,
    dialects,
    example: "CONSTANT (origin 'import')",
    errors: [['42701', 'a column twice, also in FILLER or SEQUENCE'], binaryError],
    read: (reader) => reader.clause('constant').columns,
  }),
} as const
