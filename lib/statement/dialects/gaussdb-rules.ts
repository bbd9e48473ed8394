/** GaussDB's checks, as its documentation has them. Those of its own options hold wherever the option is given. */
import { isColumnar } from '../ast.ts'
import { byteLength } from '../option-arguments.ts'
import type { ResolvedParts, Rule } from '../rule.ts'

const forbidden = '\\.abcdefghijklmnopqrstuvwxyz0123456789'

function isGaussdb({ dialect }: ResolvedParts): boolean {
  return dialect === 'gaussdb'
}

export const gaussdbRules: readonly Rule[] = [
  {
    about: ['delimiter'],
    broken: (options) => {
      const length = byteLength(options.delimiter)
      return isGaussdb(options) && options.format !== 'fixed' && (length < 1 || length > 10)
    },
    condition: 'invalid_parameter_value',
    message: 'COPY delimiter must have 1 to 10 bytes',
  },
  {
    about: ['delimiter'],
    broken: (options) => isGaussdb(options) && options.format === 'text' && /[\\.a-z0-9]/.test(options.delimiter),
    condition: 'invalid_parameter_value',
    message: ({ delimiter }) => `COPY delimiter "${delimiter}" cannot contain any of "${forbidden}"`,
    hint: 'FORMAT csv takes any character but the quote.',
  },
  {
    about: ['delimiter', 'quote'],
    broken: (options) =>
      isGaussdb(options) &&
      options.format === 'csv' &&
      options.delimiter.length > 1 &&
      options.delimiter.includes(options.quote),
    condition: 'invalid_parameter_value',
    message: 'COPY delimiter cannot contain the quote',
  },
  {
    about: ['null'],
    broken: (options) => isGaussdb(options) && Array.from(options.null).length > 100,
    condition: 'invalid_parameter_value',
    message: 'COPY null representation must have at most 100 characters',
  },
  {
    about: ['header'],
    broken: (options) =>
      (options.dialect === 'gaussdb' || options.dialect === 'materialize') &&
      options.format === 'text' &&
      (options.given.header?.value ?? false) !== false,
    condition: 'feature_not_supported',
    message: ({ dialect }) => `COPY HEADER is available only in CSV${dialect === 'gaussdb' ? ' and FIXED' : ''} mode`,
    hint: ({ given }) =>
      given.format ? 'SKIP 1 passes over the line.' : 'The default format is text. Add FORMAT csv.',
  },
  {
    about: ['eol'],
    broken: ({ given, format }) => given.eol !== undefined && format !== 'text',
    condition: 'feature_not_supported',
    message: 'COPY EOL requires TEXT mode',
    hint: 'In the other formats a line ends with a line feed, a carriage return or both.',
  },
  {
    about: ['eol'],
    broken: ({ given }) => {
      const length = byteLength(given.eol?.value ?? ' ')
      return length < 1 || length > 10
    },
    condition: 'invalid_parameter_value',
    message: 'COPY EOL must have 1 to 10 bytes',
  },
  {
    about: ['eol'],
    broken: ({ given }) => /[.a-z0-9]/.test(given.eol?.value ?? ''),
    condition: 'invalid_parameter_value',
    message: ({ given }) => `COPY EOL "${given.eol?.value}" cannot contain any of "${forbidden.slice(1)}"`,
  },
  {
    about: ['eol', 'delimiter'],
    broken: (options) => options.given.eol !== undefined && options.given.eol.value === options.delimiter,
    condition: 'invalid_parameter_value',
    message: 'COPY delimiter and EOL must be different',
  },
  ...(['delimiter', 'null'] as const).map(
    (key): Rule => ({
      about: ['eol', key],
      broken: ({ given, [key]: value }) =>
        given.eol !== undefined && value !== given.eol.value && value.includes(given.eol.value),
      condition: 'invalid_parameter_value',
      message: `COPY ${key === 'null' ? 'null representation' : key} cannot contain the EOL`,
      hint: 'It would end the record.',
    }),
  ),
  {
    about: ['eol', 'delimiter'],
    broken: ({ given, delimiter }) => given.eol !== undefined && given.eol.value.at(-1) === delimiter.at(-1),
    condition: 'invalid_parameter_value',
    message: 'COPY EOL and delimiter must not end with the same character',
    hint: 'The end of a field could not be told from that of a record.',
  },
  {
    about: ['eol'],
    broken: ({ given }) => given.noescaping?.value !== true && /\\/.test(given.eol?.value ?? ''),
    condition: 'invalid_parameter_value',
    message: 'COPY EOL cannot contain a backslash, which escapes',
    hint: 'WITHOUT ESCAPING makes it a character like any other.',
  },
  {
    about: ['eol', 'null'],
    broken: (options) => options.given.eol !== undefined && options.given.eol.value === options.null,
    condition: 'invalid_parameter_value',
    message: 'COPY null representation and EOL must be different',
  },
  ...(
    ['compatible_illegal_chars', 'date_format', 'time_format', 'timestamp_format', 'smalldatetime_format'] as const
  ).map(
    (key): Rule => ({
      about: [key],
      broken: ({ given, format }) => (given[key]?.value ?? false) !== false && format === 'binary',
      condition: 'syntax_error',
      message: 'cannot specify bulkload compatibility options in BINARY mode',
    }),
  ),
  {
    about: ['filler'],
    broken: ({ given, columns }) => given.filler !== undefined && columns === undefined,
    condition: 'syntax_error',
    message: 'FILLER needs a list of columns',
    hint: ({ format }) =>
      isColumnar(format)
        ? 'Without a list the columns of the table are read. List those that are wanted: others are not read.'
        : 'Name all fields of the file after the table: COPY table (column, ...) FROM ....',
  },
]
