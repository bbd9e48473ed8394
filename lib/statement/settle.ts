import {
  type CopyOptions,
  type DateFormats,
  type Dialect,
  type InvalidChars,
  isColumnar,
  isDelimited,
  type RemoteAccess,
} from './ast.ts'
import { settleErrors } from './error-policy.ts'
import type { Given, ResolvedParts } from './rule.ts'

/** The options as the rest of the program takes them. */
export function settle(options: ResolvedParts): CopyOptions {
  const { given, dialect } = options
  const format = options.format as CopyOptions['format']
  const header =
    given['map by name']?.value && !isColumnar(format) ? given.header?.value || true : (given.header?.value ?? false)
  const skip = (given.skip?.value ?? 0) + (typeof header === 'number' ? header : 0)
  const fillMissingFields = given.fillrecord?.value ? 'multi' : given.fill_missing_fields?.value
  const invalidChars = settleInvalidChars(given)
  return {
    format,
    delimiter: options.delimiter,
    null: options.null,
    quote: options.quote,
    escape: options.escape,
    header: header === 'match' ? 'match' : header === true ? 'true' : 'false',
    ...(skip > 0 && { skip }),
    forceNotNull: given.force_not_null?.value ?? [],
    forceNull: given.force_null?.value ?? [],
    ...(given.default && { default: given.default.value }),
    encoding: given.encoding?.value ?? 'UTF8',
    ...(given.decimal_separator?.value === ',' && { decimalSeparator: ',' }),
    errors: settleErrors(given),
    ...(given.reject_bytes && { rejectBytes: given.reject_bytes.value }),
    ignoreExtraData: given.ignore_extra_data?.value ?? false,
    ...(fillMissingFields && { fillMissingFields }),
    // What is empty is NULL then.
    ...(given.fillrecord?.value &&
      isDelimited(format) &&
      given.empty_as_null?.value !== true && { emptyWhereMissing: true }),
    ...(invalidChars && { invalidChars }),
    truncateColumns: given.truncate_columns?.value ?? false,
    ...(given.load_key && { loadKey: given.load_key.value }),
    ...(given.create_table && { createTable: given.create_table.value }),
    // QuestDB makes the table.
    ...(given.create_table === undefined && dialect === 'questdb' && { createTable: true }),
    ...settleLayout(options),
    ...settleColumns(given, format),
    ...settleValues(options),
    ...settleLoad(given),
  }
}

export function settleInvalidChars(given: Given): InvalidChars | undefined {
  // GaussDB's are one for a character, Redshift's one for a byte of it.
  if (given.compatible_illegal_chars?.value) return { replacement: '?', nul: ' ' }
  const replacement = given.replace_invalid_chars?.value
  return replacement === undefined || replacement === false ? undefined : { replacement }
}

/** A delimiter or NULL string as the dialect means it: Redshift's have escapes of their own. */
export function inDialect(dialect: Dialect, value: string | undefined): string | undefined {
  if (dialect !== 'redshift' || value === undefined) return value
  const octal = /^\\([0-3][0-7]{2})$/.exec(value)?.[1]
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
  return value === '\\t' ? '\t' : value === '\\0' ? '\0' : value
}

/** What a backslash of TEXT does, where it is not what it does in PostgreSQL. */
export function backslashOf({
  given,
  dialect,
  format,
}: Pick<ResolvedParts, 'given' | 'dialect' | 'format'>): CopyOptions['backslash'] {
  if (format !== 'text') return undefined
  if (given.backslash_escape?.value) return 'next'
  return (given.noescaping?.value ?? dialect === 'redshift') ? 'none' : undefined
}

/** How records and fields are told apart, where it is not as PostgreSQL does. */
function settleLayout({ given, dialect, format }: ResolvedParts): Partial<CopyOptions> {
  const backslash = backslashOf({ given, dialect, format })
  const fields = given.formatter?.value ?? given.fixedwidth?.value
  // QuestDB looks for a header unless there certainly is one.
  const detectHeader = dialect === 'questdb' && !isColumnar(format) && (given.header?.value ?? false) === false
  return {
    ...(given.eol && { eol: given.eol.value }),
    ...(backslash && { backslash }),
    ...(given.useeof?.value && { useEof: true }),
    ...(detectHeader && { detectHeader }),
    ...(given.skip_blank_lines?.value && { skipBlankLines: true }),
    ...(fields && {
      fixed: given.fixedwidth
        ? { unit: 'chars', fields, match: 'order' }
        : { unit: given.unit?.value ?? 'bytes', fields, match: 'name' },
    }),
  }
}

/** Which fields and values the columns get. */
function settleColumns(given: Given, format: CopyOptions['format']): Partial<CopyOptions> {
  return {
    ...(given.timestamp && { timestampColumn: given.timestamp.value }),
    ...(given['partition by'] && { partitionBy: given['partition by'].value }),
    ...(given.transform && { transform: given.transform.value }),
    ...(given.when && { when: given.when.value }),
    ...(given.sequence && { sequence: given.sequence.value }),
    ...(given.filler && { filler: given.filler.value }),
    ...(given.constant && { constant: given.constant.value }),
    ...(given.lineage && { lineage: given.lineage.value }),
    ...(given.hive_partitioning?.value && { hivePartitioning: true }),
    ...(given['map by name']?.value && !isColumnar(format) && { mapByName: true }),
    ...(given['map by name']?.value === false && isColumnar(format) && { byPosition: true }),
  }
}

/** How fields are read. */
function settleValues({ given, dialect, format, null: nullString }: ResolvedParts): Partial<CopyOptions> {
  const dateFormats = settleDates(given, dialect)
  // In Redshift empty fields are NULL wherever they are no strings. Where the NULL string is empty, they all are anyway.
  // Where rows come in columns there are none: what is NULL is told.
  const isEmptyNull = dialect === 'redshift' && !isColumnar(format)
  const emptyAsNull = given.empty_as_null?.value ? 'all' : isEmptyNull ? 'values' : undefined
  return {
    ...(dateFormats && { dateFormats }),
    ...(given.accept_any_date?.value && { acceptAnyDate: true }),
    ...(given.blanks_as_null?.value && { blanksAsNull: true }),
    ...(emptyAsNull && (nullString !== '' || emptyAsNull === 'all') && { emptyAsNull }),
    ...(given.trim_blanks?.value && { trimBlanks: true }),
    ...(given.remove_quotes?.value && { removeQuotes: true }),
    ...(dialect === 'redshift' && format === 'csv' && { unpadQuotes: true }),
    ...(dialect === 'redshift' && !given.roundec?.value && { decimals: 'truncate' }),
  }
}

function settleDates(given: Given, dialect: Dialect): DateFormats | undefined {
  const { date_format, time_format, timestamp_format, smalldatetime_format } = given
  if (!date_format && !time_format && !timestamp_format && !smalldatetime_format) return undefined
  return {
    language: dialect === 'questdb' ? 'java' : 'to_char',
    ...(date_format && { date: date_format.value }),
    ...(time_format && { time: time_format.value }),
    ...(timestamp_format && { timestamp: timestamp_format.value }),
    ...(smalldatetime_format && { smalldatetime: smalldatetime_format.value }),
  }
}

/** What is done beside reading. */
function settleLoad(given: Given): Partial<CopyOptions> {
  const remote = settleRemote(given)
  return {
    ...(given.explicit_ids?.value && { explicitIds: true }),
    ...(given.validate_only?.value && { validateOnly: true }),
    ...(given.statupdate?.value && { analyze: true }),
    ...(given.freeze?.value && { freeze: true }),
    ...(Object.keys(remote).length > 0 && { remote }),
  }
}

function settleRemote(given: Given): RemoteAccess {
  const secrets = ['access_key_id', 'secret_access_key', 'session_token'] as const
  const credentials = secrets.some((key) => given[key]) ? true : given.credentials?.value
  const named = given.compression?.value
  const flag = (['gzip', 'bzip2', 'lzop', 'zstd'] as const).find((key) => given[key]?.value)
  const compression = named === 'auto' ? undefined : (named ?? flag)
  return {
    ...(given.iam_role && { iamRole: given.iam_role.value }),
    ...(credentials !== undefined && { credentials }),
    ...(given.region && { region: given.region.value }),
    ...(given.manifest?.value && { manifest: true }),
    ...(compression && { compression }),
    ...(given['aws connection'] && { connection: given['aws connection'].value }),
    ...(given.files && { files: given.files.value }),
    ...(given.pattern && { pattern: given.pattern.value }),
  }
}
