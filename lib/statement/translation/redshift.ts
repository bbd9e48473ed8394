import { type Compression, type CopyFrom, isColumnar, isDelimited } from '../ast.ts'
import { languageOf } from '../date-patterns.ts'
import { printWidths } from '../print-extensions.ts'
import { inDialect } from '../settle.ts'
import { ownVerbosity } from './postgresql.ts'
import { approximated, linesBefore, lostMatch, mapped, refused, type Spelling, type Words } from './spelling.ts'

/** A literal without escapes of its own. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

function delimiter({ options: { format, delimiter: value } }: CopyFrom): Spelling | undefined {
  if (!isDelimited(format) || value === (format === 'csv' ? ',' : '|')) return undefined
  if (value.length > 1 || value > '\x7f') return refused('a delimiter is one ASCII character')
  const octal = value.charCodeAt(0).toString(8).padStart(3, '0')
  return mapped(`DELIMITER AS ${/\p{Cc}/u.test(value) ? `'\\${octal}'` : quoted(value)}`)
}

function nullString({ options: { format, null: value } }: CopyFrom): Spelling | undefined {
  if (!isDelimited(format) || value === '\\N') return undefined
  if (value === '\0') return mapped("NULL AS '\\0'")
  if (/\p{Cc}/u.test(value)) return refused('a NULL string has no control characters')
  if (inDialect('redshift', value) !== value) return refused('such a NULL string means one character')
  return mapped(`NULL AS ${quoted(value)}`)
}

export const redshift: Words = {
  FORMAT({ columns, options: { format, fixed } }) {
    if (format === 'csv') return mapped('CSV')
    if (format === 'text') return undefined
    if (format === 'parquet') return mapped('FORMAT AS PARQUET')
    if (!fixed) return refused(`there is no ${format} format`)
    const text = `FIXEDWIDTH ${quoted(printWidths(fixed.fields))}`
    if (fixed.match === 'order') return mapped(text)
    const isContiguous = fixed.fields.every(({ offset }, index) => {
      const before = fixed.fields.slice(0, index).reduce((sum, { length }) => sum + length, 0)
      return offset === before
    })
    if (!isContiguous) return refused('fields follow each other without gaps')
    const unit = fixed.unit === 'bytes' ? 'widths are counted in characters, and ' : ''
    const hasField = (column: string) => fixed.fields.some(({ name }) => name.value === column)
    const others = columns?.every(({ value }) => hasField(value))
      ? ''
      : '; columns without a field take their defaults, where they were NULL'
    return approximated(`${unit}fields go to the columns one after the other${others}`, text)
  },
  DELIMITER: delimiter,
  NULL: nullString,
  QUOTE({ options: { format, quote, unpadQuotes } }) {
    if (format !== 'csv') return undefined
    const padding = 'white space around the quotes of a field is no part of it'
    return [
      ...(quote === '"' ? [] : [mapped(`QUOTE AS ${quoted(quote)}`)]),
      ...(unpadQuotes ? [] : [approximated(padding)]),
    ]
  },
  ESCAPE: ({ options }) =>
    options.format !== 'csv' || options.quote === options.escape ? undefined : refused('a quote in a field is doubled'),
  HEADER(copy) {
    const { header, detectHeader, format, backslash } = copy.options
    if (detectHeader) return approximated('no header is looked for: say IGNOREHEADER if there is one')
    const lines = linesBefore(copy)
    if (lines === 0) return undefined
    const text = `IGNOREHEADER AS ${lines}`
    const isRecord = format === 'csv' || (format === 'text' && backslash !== 'none')
    const lost = [
      ...(header === 'match' ? [lostMatch] : []),
      ...(header !== 'false' && isRecord ? ['lines are counted, so that a line end in a name is one more'] : []),
    ]
    return lost.length > 0 ? approximated(lost.join('; '), text) : mapped(text)
  },
  NOESCAPING({ options: { format, backslash } }) {
    if (format !== 'text' || backslash === 'none') return undefined
    if (backslash === 'next') return mapped('ESCAPE')
    return approximated('a letter after a backslash stands for itself', 'ESCAPE')
  },
  EMPTY_AS_NULL({ options }) {
    if (options.emptyAsNull === 'all') return mapped('EMPTYASNULL')
    if (options.emptyAsNull === 'values' || options.null === '') return undefined
    return approximated('empty fields of columns that hold no strings become NULL')
  },
  // Decimals of Parquet are rounded by no system, and ROUNDEC is not for it.
  ROUNDEC: ({ options: { decimals, format } }) =>
    decimals === 'truncate' || isColumnar(format) ? undefined : mapped('ROUNDEC'),
  CREATE_TABLE: ({ options: { createTable } }) =>
    createTable ? refused('the table is not made: make it first') : undefined,
  ON_ERROR({ options: { errors } }) {
    const { conversion, structure, constraint, limit } = errors
    if (conversion === 'stop') return undefined
    if (conversion !== 'skip_row') return refused('a value that does not fit is not replaced')
    const isNumber = limit?.kind === 'rows'
    const most = isNumber ? limit.most + 1 : 0
    const text = isNumber ? `MAXERROR AS ${Math.min(most, 100_000)}` : 'IGNOREALLERRORS'
    const lost =
      limit?.kind === 'ratio'
        ? [refused('a limit is a number of rows')]
        : most > 100_000
          ? [approximated('no more than 100000 errors can be allowed')]
          : []
    const isAll = structure === 'skip_row' && constraint === 'skip_row'
    return [
      isAll ? mapped(text) : approximated('rows that do not fit for other reasons are left out, too', text),
      ...lost,
    ]
  },
  LOG_VERBOSITY: ownVerbosity,
  ENCODING: ({ options: { encoding } }) =>
    /^UTF(?:8|16|16LE|16BE)$/.test(encoding)
      ? mapped(`ENCODING AS ${encoding}`)
      : refused(`it reads UTF8, UTF16, UTF16LE and UTF16BE: the file has to be converted from ${encoding} first`),
  FILL_MISSING_FIELDS({ options: { fillMissingFields, emptyWhereMissing, emptyAsNull, format } }) {
    const isNull = !emptyWhereMissing && isDelimited(format) && emptyAsNull !== 'all'
    const lost = [
      ...(fillMissingFields === 'multi' ? [] : ['any number of fields may be missing at the end']),
      ...(isNull ? ['strings that are missing are empty'] : []),
    ]
    return lost.length > 0 ? approximated(lost.join('; '), 'FILLRECORD') : mapped('FILLRECORD')
  },
  REPLACE_INVALID_CHARS({ options: { invalidChars } }) {
    const text = `ACCEPTINVCHARS AS ${quoted(invalidChars?.replacement ?? '?')}`
    return invalidChars?.nul === undefined
      ? mapped(text)
      : approximated('one character stands for each byte, and NUL stays an error', text)
  },
  TRUNCATE_COLUMNS: () => mapped('TRUNCATECOLUMNS'),
  SKIP_BLANK_LINES: () => mapped('IGNOREBLANKLINES'),
  DATE_FORMAT: (copy) => pattern(copy, 'date', 'DATEFORMAT'),
  TIMESTAMP_FORMAT: (copy) => pattern(copy, 'timestamp', 'TIMEFORMAT'),
  // Elsewhere dates are read in many forms when no format is given.
  DATESTYLE({ dialect, options: { format, dateFormats } }) {
    if (dialect?.name === 'redshift' || isColumnar(format)) return undefined
    const words = [
      ...(dateFormats?.date === undefined ? ['DATEFORMAT'] : []),
      ...(dateFormats?.timestamp === undefined ? ['TIMEFORMAT'] : []),
    ]
    if (words.length === 0) return undefined
    return approximated(
      "dates without a format are read as far as 'auto' knows theirs",
      words.map((word) => `${word} AS 'auto'`).join(' '),
    )
  },
  ACCEPT_ANY_DATE: () => mapped('ACCEPTANYDATE'),
  BLANKS_AS_NULL: () => mapped('BLANKSASNULL'),
  TRIM_BLANKS: () => mapped('TRIMBLANKS'),
  REMOVE_QUOTES: () => mapped('REMOVEQUOTES'),
  EXPLICIT_IDS: () => mapped('EXPLICIT_IDS'),
  VALIDATE_ONLY: () => mapped('NOLOAD'),
  STATUPDATE: () => mapped('STATUPDATE ON'),
  IAM_ROLE: ({ options: { remote } }) =>
    mapped(`IAM_ROLE ${remote?.iamRole === 'default' ? 'default' : quoted(remote?.iamRole ?? '')}`),
  CREDENTIALS: () => approximated('the secret is not kept: put it in again', "CREDENTIALS '***'"),
  REGION: ({ options: { remote } }) => mapped(`REGION AS ${quoted(remote?.region ?? '')}`),
  MANIFEST: () => mapped('MANIFEST'),
  COMPRESSION: ({ options: { remote } }) => compression(remote?.compression),
}

/** Of what is not compressed nothing is said. */
function compression(codec: Compression | 'none' | undefined): Spelling | undefined {
  if (codec === undefined || codec === 'none') return undefined
  const isKnown = ['gzip', 'bzip2', 'lzop', 'zstd'].includes(codec)
  return isKnown ? mapped(codec.toUpperCase()) : refused('it reads gzip, bzip2, lzop and zstd')
}

function pattern({ options }: CopyFrom, kind: 'date' | 'timestamp', word: string): Spelling {
  const { language, [kind]: value = '' } = options.dateFormats ?? {}
  if (typeof value !== 'string') return refused('there is one pattern')
  if (language !== 'to_char' || languageOf(value, 'to_char') === 'strptime')
    return refused('the pattern is not in the language of to_char')
  return /\p{Cc}/u.test(value) ? refused('a pattern has no control characters') : mapped(`${word} AS ${quoted(value)}`)
}
