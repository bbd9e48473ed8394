/** QuestDB's and Materialize's checks. */
import type { OptionKey } from '../options.ts'
import type { Rule } from '../rule.ts'

function needsFiles(key: OptionKey): Rule {
  return {
    about: [key],
    broken: ({ given, source }) => (given[key]?.value ?? false) !== false && source?.kind === 'stdin',
    condition: 'invalid_parameter_value',
    message: `COPY ${key.toUpperCase()} cannot be used with FROM STDIN`,
  }
}

export const otherRules: readonly Rule[] = [
  {
    about: ['partition by'],
    broken: ({ given }) => (given['partition by']?.value ?? 'none') !== 'none' && given.timestamp === undefined,
    condition: 'invalid_parameter_value',
    message: 'COPY PARTITION BY needs TIMESTAMP',
    hint: 'Rows are partitioned by the designated timestamp: name its column.',
  },
  {
    about: ['compression', 'gzip', 'bzip2', 'lzop', 'zstd'],
    broken: ({ given }) =>
      given.compression !== undefined &&
      (['gzip', 'bzip2', 'lzop', 'zstd'] as const).some((key) => given[key]?.value === true),
    condition: 'invalid_parameter_value',
    message: 'COPY COMPRESSION cannot be used with GZIP, BZIP2, LZOP or ZSTD',
  },
  ...(['aws connection', 'files', 'pattern', 'iam_role', 'credentials', 'region', 'manifest'] as const).map(needsFiles),
  {
    about: ['pattern', 'files'],
    broken: ({ given }) => given.pattern !== undefined && given.files !== undefined,
    condition: 'invalid_parameter_value',
    message: 'COPY PATTERN cannot be used with FILES',
  },
  {
    about: ['manifest', 'files', 'pattern'],
    broken: ({ given }) => given.manifest?.value === true && (given.files ?? given.pattern) !== undefined,
    condition: 'invalid_parameter_value',
    message: ({ given }) => `COPY MANIFEST cannot be used with ${given.files ? 'FILES' : 'PATTERN'}`,
    hint: 'The manifest says which files are read.',
  },
  {
    about: ['aws connection', 'credentials', 'access_key_id', 'secret_access_key', 'session_token'],
    broken: ({ given }) =>
      given['aws connection'] !== undefined &&
      (given.credentials ?? given.access_key_id ?? given.secret_access_key ?? given.session_token) !== undefined,
    condition: 'invalid_parameter_value',
    message: 'COPY AWS CONNECTION cannot be used with CREDENTIALS',
    hint: 'Each of them names the connection.',
  },
  {
    about: ['aws connection', 'files', 'pattern'],
    broken: ({ dialect, given, source }) =>
      dialect === 'materialize' && source?.kind === 'file' && given.format === undefined,
    condition: 'syntax_error',
    message: 'COPY needs a FORMAT to read files in Materialize',
  },
]
