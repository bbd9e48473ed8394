/** Checks of options that copyist has for all systems. They come last. */
import { isColumnar } from '../ast.ts'
import { flawOfDate, languageOf, patternsIn } from '../date-patterns.ts'
import { notInBinary, type ResolvedParts, type Rule } from '../rule.ts'
import { dialectTitles } from './names.ts'

/** The longest record of fixed width, in bytes or characters. */
const mostFixed = 2 ** 30

/** What DATE_FORMAT and its like must have, for no value to become another one than is meant. */
function wholeDates(key: 'date_format' | 'timestamp_format' | 'smalldatetime_format'): Rule {
  const flawed = ({ given, dialect }: ResolvedParts) =>
    patternsIn(given[key]?.value)
      .map((text) => ({ text, flaw: flawOfDate(text, languageOf(text, dialect === 'questdb' ? 'java' : 'to_char')) }))
      .find(({ flaw }) => flaw !== undefined)
  return {
    about: [key],
    broken: (options) => flawed(options) !== undefined,
    condition: 'invalid_parameter_value',
    message: (options) => `COPY ${key.toUpperCase()} "${flawed(options)?.text}" ${flawed(options)?.flaw}`,
    hint: 'Values would become dates that nobody means. Load the field into a column of text, or make a date of it with TRANSFORM.',
  }
}

export const generalRules: readonly Rule[] = [
  ...(['date_format', 'timestamp_format', 'smalldatetime_format'] as const).map(wholeDates),
  {
    about: ['format'],
    broken: ({ format, dialect }) => format === 'binary' && (dialect === 'redshift' || dialect === 'questdb'),
    condition: 'feature_not_supported',
    message: ({ dialect }) => `COPY format "binary" is none of ${dialectTitles[dialect]}`,
    hint: "It is PostgreSQL's.",
  },
  {
    about: ['encoding'],
    broken: ({ format, given }) => format === 'binary' && (given.encoding?.value ?? 'UTF8') !== 'UTF8',
    condition: 'feature_not_supported',
    message: 'COPY ENCODING is not supported in BINARY mode',
    hint: 'Strings of a file in the binary format are taken for UTF8.',
  },
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
    message: ({ given }) =>
      typeof given.header?.value === 'number'
        ? 'COPY MAP BY NAME needs one header line'
        : 'COPY MAP BY NAME needs a header line that is not compared: HEADER true',
    hint: ({ given }) =>
      typeof given.header?.value === 'number' ? 'SKIP passes over the lines before the one with the names.' : undefined,
  },
  {
    about: ['header'],
    broken: ({ given, format }) => given.header?.value === 'match' && format === 'fixed',
    condition: 'feature_not_supported',
    message: 'COPY HEADER MATCH is not supported in FIXED mode',
    hint: 'The names of columns need not fit into the places of their fields. HEADER passes over the line.',
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
  {
    about: ['lineage'],
    broken: ({ given, format }) =>
      isColumnar(format) && given.lineage?.value.some((column) => column.of === 'offset') === true,
    condition: 'feature_not_supported',
    message: ({ format }) => `COPY LINEAGE offset cannot be used with FORMAT ${format}`,
    hint: 'The rows of such files have no bytes of their own. The number of a row is its line.',
  },
  ...(['sequence', 'filler', 'constant', 'lineage', 'hive_partitioning'] as const).map(
    (key): Rule => ({
      ...notInBinary(key),
      hint: 'The tuples of a binary file go to the table as they are: each has one field for every column that is loaded.',
    }),
  ),
]
