/** Checks of options that copyist has for all systems. They come last. */
import type { OptionKey } from '../options.ts'
import type { Rule } from '../rule.ts'

/** The longest record of fixed width, in bytes or characters. */
const mostFixed = 2 ** 30

function notInBinary(key: OptionKey): Rule {
  return {
    about: [key],
    broken: ({ format, given }) => format === 'binary' && given[key] !== undefined && given[key].value !== false,
    condition: 'syntax_error',
    message: `cannot specify ${key.toUpperCase()} in BINARY mode`,
  }
}

export const generalRules: readonly Rule[] = [
  {
    about: ['format', 'formatter', 'fixedwidth'],
    broken: ({ given, format }) => (given.formatter ?? given.fixedwidth) !== undefined && format !== 'fixed',
    condition: 'syntax_error',
    message: ({ format }) => `cannot specify ${format.toUpperCase()} in FIXED mode`,
  },
  {
    about: ['format'],
    broken: ({ given, format }) => format === 'fixed' && (given.formatter ?? given.fixedwidth) === undefined,
    condition: 'syntax_error',
    message: 'COPY FORMAT fixed needs FORMATTER or FIXEDWIDTH',
    hint: 'FORMATTER (column (offset, length), ...) says where the fields are.',
  },
  {
    about: ['fixedwidth', 'formatter'],
    broken: ({ given }) => given.fixedwidth !== undefined && given.formatter !== undefined,
    condition: 'syntax_error',
    message: 'COPY FIXEDWIDTH cannot be used with FORMATTER',
  },
  ...(['delimiter', 'null'] as const).map(
    (key): Rule => ({
      about: [key],
      broken: ({ given, format }) => given[key] !== undefined && format === 'fixed',
      condition: 'syntax_error',
      message: `cannot specify ${key.toUpperCase()} in FIXED mode`,
    }),
  ),
  {
    about: ['formatter', 'fixedwidth'],
    broken: ({ given }) => {
      const fields = given.formatter?.value ?? given.fixedwidth?.value ?? []
      const total = fields.reduce((sum, { length }) => sum + length, 0)
      return total >= mostFixed || fields.some(({ offset, length }) => offset + length > mostFixed)
    },
    condition: 'invalid_parameter_value',
    message: 'the fields of a fixed-width record must be shorter than 1 GB together',
  },
  {
    about: ['unit'],
    broken: ({ given, format }) => given.unit !== undefined && format !== 'fixed',
    condition: 'feature_not_supported',
    message: 'COPY UNIT requires FIXED mode',
  },
  {
    about: ['unit'],
    broken: ({ given }) => given.unit?.value === 'bytes' && given.fixedwidth !== undefined,
    condition: 'invalid_parameter_value',
    message: 'COPY FIXEDWIDTH counts characters',
    hint: 'FORMATTER counts bytes.',
  },
  {
    about: ['map by name'],
    broken: ({ given }) =>
      given['map by name']?.value === true &&
      given.header !== undefined &&
      (given.header.value === false || given.header.value === 'match' || typeof given.header.value === 'number'),
    condition: 'invalid_parameter_value',
    message: 'COPY MAP BY NAME needs a header line that is not compared: HEADER true',
  },
  {
    about: ['map by name'],
    broken: ({ given, format }) => given['map by name']?.value === true && format === 'fixed',
    condition: 'syntax_error',
    message: 'cannot specify MAP BY NAME in FIXED mode',
  },
  ...(
    [
      'map by name',
      'useeof',
      'when',
      'skip_blank_lines',
      'blanks_as_null',
      'empty_as_null',
      'trim_blanks',
      'accept_any_date',
    ] as const
  ).map(notInBinary),
  ...(['sequence', 'filler', 'constant'] as const).map(
    (key): Rule => ({
      ...notInBinary(key),
      hint: 'The tuples of a binary file go to the table as they are: each has one field for every column that is loaded.',
    }),
  ),
]
