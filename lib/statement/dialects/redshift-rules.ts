/** Redshift's checks. */
import { patternsIn } from '../date-patterns.ts'
import type { Rule } from '../rule.ts'

export const redshiftRules: readonly Rule[] = [
  {
    about: ['header', 'map by name', 'skip'],
    broken: ({ given }) =>
      given.skip?.word === 'IGNOREHEADER' &&
      ((given.header?.value ?? false) !== false || given['map by name']?.value === true),
    condition: 'invalid_parameter_value',
    message: ({ given }) => `COPY ${given.header ? 'HEADER' : 'MAP BY NAME'} cannot be used with IGNOREHEADER`,
    hint: 'Either passes over the line of the names. SKIP counts lines before it.',
  },
  {
    about: ['escape'],
    broken: ({ dialect, given }) => dialect === 'redshift' && given.escape !== undefined,
    condition: 'invalid_parameter_value',
    message: 'COPY ESCAPE takes no character in Redshift',
    hint: 'There it is a flag: a backslash makes the next character part of the value.',
  },
  {
    about: ['backslash_escape', 'remove_quotes'],
    broken: ({ format, given }) =>
      format === 'csv' && (given.backslash_escape?.value === true || given.remove_quotes?.value === true),
    condition: 'syntax_error',
    message: ({ given }) =>
      `COPY CSV cannot be used with ${given.backslash_escape?.value ? 'ESCAPE' : 'REMOVEQUOTES'} of Redshift`,
  },
  ...(['backslash_escape', 'noescaping', 'remove_quotes'] as const).map(
    (key): Rule => ({
      about: [key],
      broken: ({ format, given }) => format !== 'text' && given[key]?.value === true,
      condition: 'feature_not_supported',
      message: `COPY ${key.toUpperCase()} requires TEXT mode`,
    }),
  ),
  {
    about: ['backslash_escape', 'noescaping'],
    broken: ({ given }) => given.backslash_escape?.value === true && given.noescaping?.value === true,
    condition: 'invalid_parameter_value',
    message: 'COPY BACKSLASH_ESCAPE cannot be used with NOESCAPING',
  },
  {
    about: ['fixedwidth', 'encoding'],
    broken: ({ given }) => given.fixedwidth !== undefined && (given.encoding?.value ?? 'UTF8') !== 'UTF8',
    condition: 'feature_not_supported',
    message: 'COPY FIXEDWIDTH requires ENCODING UTF8',
  },
  ...(['empty_as_null', 'blanks_as_null'] as const).map(
    (key): Rule => ({
      about: ['force_not_null', key],
      broken: ({ given }) => {
        const columns = given.force_not_null?.value ?? []
        return given[key]?.value === true && (columns === '*' || columns.length > 0)
      },
      condition: 'invalid_parameter_value',
      message: `COPY FORCE_NOT_NULL cannot be used with ${key.toUpperCase()}`,
      hint: 'The one makes a value of what the other makes NULL.',
    }),
  ),
  ...(['date_format', 'timestamp_format'] as const).map(
    (key): Rule => ({
      about: [key],
      broken: ({ dialect, given }) =>
        dialect === 'redshift' &&
        patternsIn(given[key]?.value).some(
          (text) => /^(auto|epochsecs|epochmillisecs)$/i.test(text) && !isWord(key, text),
        ),
      condition: 'invalid_parameter_value',
      message: ({ given }) => `COPY ${key.toUpperCase()} "${given[key]?.value}" not recognized`,
      hint:
        key === 'date_format'
          ? "It is a pattern, or 'auto' in lower case."
          : "It is a pattern, or 'auto', 'epochsecs' or 'epochmillisecs' in lower case.",
    }),
  ),
]

/** Whether it is a word that takes a pattern's place. */
function isWord(key: 'date_format' | 'timestamp_format', value: string): boolean {
  return value === 'auto' || (key === 'timestamp_format' && (value === 'epochsecs' || value === 'epochmillisecs'))
}
