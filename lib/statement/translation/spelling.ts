import type { CopyFrom, CopyOptions, Dialect } from '../ast.ts'
import { dialectTitles } from '../dialects/names.ts'

/** What became of one option. */
export interface TranslationNote {
  /** In upper case, by copyist's name; a clause by its first word. */
  readonly option: string
  /** It says the same; it says nearly the same, and the reason tells what not; or it cannot be said and is left out. */
  readonly kind: 'mapped' | 'approximated' | 'refused'
  readonly reason: string
}

/** How a system says one thing. */
export interface Spelling {
  readonly kind: TranslationNote['kind']
  /** What is written; absent where it needs no words, or has none. */
  readonly text?: string
  readonly reason?: string
}

/** What a load may be told, by the option that tells it. */
export interface Feature {
  readonly option: string
  /** Whether this load says it, as far as it is not what every system does anyway. */
  readonly isSaid: (copy: CopyFrom) => boolean
}

/** A system's words: for a feature, or for what it does unasked (then asked of every load). */
export type Words = Readonly<Record<string, (copy: CopyFrom) => Spelling | readonly Spelling[] | undefined>>

export function mapped(text?: string, reason?: string): Spelling {
  return { kind: 'mapped', ...(text !== undefined && { text }), ...(reason !== undefined && { reason }) }
}

export function approximated(reason: string, text?: string): Spelling {
  return { kind: 'approximated', reason, ...(text !== undefined && { text }) }
}

export function refused(reason: string): Spelling {
  return { kind: 'refused', reason }
}

function has(key: keyof CopyOptions) {
  return ({ options }: CopyFrom) => options[key] !== undefined && options[key] !== false
}

/** Everything that only some systems can say, in the order in which it is told. */
export const features: readonly Feature[] = [
  { option: 'DEFAULT', isSaid: has('default') },
  { option: 'DECIMAL_SEPARATOR', isSaid: has('decimalSeparator') },
  { option: 'ENCODING', isSaid: ({ options }) => (options.encoding as string) !== 'UTF8' },
  { option: 'IGNORE_EXTRA_DATA', isSaid: has('ignoreExtraData') },
  { option: 'FILL_MISSING_FIELDS', isSaid: has('fillMissingFields') },
  { option: 'REPLACE_INVALID_CHARS', isSaid: has('invalidChars') },
  { option: 'TRUNCATE_COLUMNS', isSaid: has('truncateColumns') },
  { option: 'LOAD_KEY', isSaid: has('loadKey') },
  { option: 'REJECT_BYTES', isSaid: has('rejectBytes') },
  { option: 'EOL', isSaid: has('eol') },
  { option: 'USEEOF', isSaid: has('useEof') },
  { option: 'SKIP_BLANK_LINES', isSaid: has('skipBlankLines') },
  { option: 'DATE_FORMAT', isSaid: ({ options }) => options.dateFormats?.date !== undefined },
  { option: 'TIME_FORMAT', isSaid: ({ options }) => options.dateFormats?.time !== undefined },
  { option: 'TIMESTAMP_FORMAT', isSaid: ({ options }) => options.dateFormats?.timestamp !== undefined },
  { option: 'SMALLDATETIME_FORMAT', isSaid: ({ options }) => options.dateFormats?.smalldatetime !== undefined },
  { option: 'TIMESTAMP', isSaid: has('timestampColumn') },
  { option: 'PARTITION BY', isSaid: has('partitionBy') },
  { option: 'TRANSFORM', isSaid: has('transform') },
  { option: 'WHEN', isSaid: has('when') },
  { option: 'SEQUENCE', isSaid: has('sequence') },
  { option: 'FILLER', isSaid: has('filler') },
  { option: 'CONSTANT', isSaid: has('constant') },
  { option: 'LINEAGE', isSaid: has('lineage') },
  { option: 'HIVE_PARTITIONING', isSaid: has('hivePartitioning') },
  { option: 'MAP BY NAME', isSaid: has('mapByName') },
  { option: 'MAP BY NAME', isSaid: has('byPosition') },
  { option: 'ACCEPT_ANY_DATE', isSaid: has('acceptAnyDate') },
  { option: 'BLANKS_AS_NULL', isSaid: has('blanksAsNull') },
  { option: 'TRIM_BLANKS', isSaid: has('trimBlanks') },
  { option: 'REMOVE_QUOTES', isSaid: has('removeQuotes') },
  { option: 'EXPLICIT_IDS', isSaid: has('explicitIds') },
  { option: 'VALIDATE_ONLY', isSaid: has('validateOnly') },
  { option: 'STATUPDATE', isSaid: has('analyze') },
  { option: 'FREEZE', isSaid: has('freeze') },
  { option: 'FORCE_NOT_NULL', isSaid: ({ options }) => options.forceNotNull.length > 0 },
  { option: 'FORCE_NULL', isSaid: ({ options }) => options.forceNull.length > 0 },
  { option: 'IAM_ROLE', isSaid: ({ options }) => options.remote?.iamRole !== undefined },
  { option: 'CREDENTIALS', isSaid: ({ options }) => options.remote?.credentials !== undefined },
  { option: 'REGION', isSaid: ({ options }) => options.remote?.region !== undefined },
  { option: 'MANIFEST', isSaid: ({ options }) => options.remote?.manifest !== undefined },
  { option: 'COMPRESSION', isSaid: ({ options }) => options.remote?.compression !== undefined },
  { option: 'AWS CONNECTION', isSaid: ({ options }) => options.remote?.connection !== undefined },
  { option: 'FILES', isSaid: ({ options }) => options.remote?.files !== undefined },
  { option: 'PATTERN', isSaid: ({ options }) => options.remote?.pattern !== undefined },
]

/** What every system is asked about, since each has its own habits. */
export const always = [
  'FORMAT',
  'DELIMITER',
  'NULL',
  'QUOTE',
  'ESCAPE',
  'HEADER',
  'NOESCAPING',
  'EMPTY_AS_NULL',
  'ROUNDEC',
  'DATESTYLE',
  'ON_ERROR',
  'LOG_VERBOSITY',
  'CREATE_TABLE',
] as const

export function nothingLikeIt(dialect: Dialect): Spelling {
  return refused(`${dialectTitles[dialect]} has nothing like it`)
}

/** Lines before the first record, the header included. */
export function linesBefore({ options }: CopyFrom): number {
  return (options.skip ?? 0) + (options.header === 'false' ? 0 : 1)
}

/** HEADER in place of lines that are passed over: it reads records, which in CSV go on where a quote is open. */
export function headerInstead({ options: { format, skip = 0 } }: CopyFrom, text: string, reason?: string): Spelling {
  if (format !== 'csv' || skip === 0) return mapped(text, reason)
  const lost = 'an open quote in a line that is passed over would make the next one part of the header'
  return approximated([lost, ...(reason === undefined ? [] : [reason])].join('; '), text)
}

/** The header where it is more than a line that is passed over. */
export function isPlainHeader({ options }: CopyFrom): boolean {
  return options.header !== 'match' && options.mapByName === undefined
}

export const lostMatch = 'the names in the header are not compared'

/** Whether the source is an address, not a file here. */
export function isRemote({ source, options: { remote } }: CopyFrom): boolean {
  if (source.kind === 'stdin') return false
  const isListed = (remote?.connection ?? remote?.files ?? remote?.pattern) !== undefined
  return isListed || /^[a-z][a-z0-9+.-]*:\/\//i.test(source.path)
}
