import { type CopyFrom, isColumnar, isDelimited } from '../ast.ts'
import { languageOf } from '../date-patterns.ts'
import { printClause } from '../print-extensions.ts'
import { printNames, printString } from '../printing.ts'
import {
  datesOf,
  encodingOf,
  escapeOf,
  noCreateTable,
  noEmptyAsNull,
  nullOf,
  ownVerbosity,
  quoteOf,
  rounded,
} from './postgresql.ts'
import { approximated, linesBefore, lostMatch, mapped, refused, type Spelling, type Words } from './spelling.ts'

/** GaussDB, in the form without parentheses, which alone has all options. */
export const gaussdb: Words = {
  DATESTYLE: datesOf,
  // Before everything else, as the grammar has it.
  DELIMITER({ options: { format, delimiter } }) {
    const isDefault = delimiter === (format === 'csv' ? ',' : '\t')
    return !isDelimited(format) || isDefault ? undefined : mapped(`DELIMITERS ${printString(delimiter)}`)
  },
  NOESCAPING({ options: { backslash } }) {
    if (backslash === 'none') return mapped('WITHOUT ESCAPING')
    return backslash && approximated('a letter after a backslash may stand for something else, such as a line end')
  },
  ON_ERROR({ options: { errors } }) {
    const { conversion, structure, constraint, limit } = errors
    if (conversion === 'stop') return undefined
    if (conversion !== 'skip_row') return refused('a value that does not fit is not replaced')
    const words =
      limit === undefined ? " REJECT LIMIT 'unlimited'" : limit.most === 0 ? '' : ` REJECT LIMIT '${limit.most}'`
    const isRatio = limit?.kind === 'ratio'
    const text = `LOG ERRORS${isRatio ? " REJECT LIMIT 'unlimited'" : words}`
    const lost = isRatio ? [refused('a limit is a number of rows')] : []
    if (structure === 'skip_row' && constraint === 'stop') return [mapped(text), ...lost]
    const reason =
      constraint === 'stop' ? 'malformed rows are left out, too' : 'what a constraint refuses ends the load'
    return [approximated(reason, text), ...lost]
  },
  FORMAT({ options: { format, fixed }, columns }) {
    if (format === 'text') return undefined
    if (isColumnar(format)) return refused(`COPY reads no ${format}`)
    if (format !== 'fixed') return mapped(format.toUpperCase())
    if (!fixed) return undefined
    const write = (fields: typeof fixed.fields) => `FIXED FORMATTER ${printClause({ kind: 'formatter', fields })}`
    if (fixed.match === 'name') {
      const text = write(fixed.fields)
      return fixed.unit === 'bytes' ? mapped(text) : approximated('offsets and lengths are counted in bytes', text)
    }
    if (columns?.length !== fixed.fields.length) return refused('fields need the names of columns: name the columns')
    const named = fixed.fields.map((field, index) => ({ ...field, name: columns[index] ?? field.name }))
    return approximated('widths are counted in bytes', write(named))
  },
  NULL: ({ options }) => {
    const spelling = nullOf(options)
    return spelling && Array.from(options.null).length > 100
      ? refused('a NULL string has at most 100 characters')
      : spelling
  },
  QUOTE: ({ options }) => quoteOf(options),
  ESCAPE: ({ options }) => escapeOf(options),
  HEADER(copy) {
    const { header, format, detectHeader, skip } = copy.options
    if (detectHeader) return approximated('no header is looked for: say HEADER if there is one')
    const lines = linesBefore(copy)
    if (lines === 0) return undefined
    const hasHeader = header !== 'false' && (format === 'csv' || format === 'fixed')
    const skipped = hasHeader ? (skip ?? 0) : lines
    const text = [hasHeader ? 'HEADER' : '', skipped > 0 ? `SKIP ${skipped}` : '']
      .filter((word) => word !== '')
      .join(' ')
    return header === 'match' ? approximated(lostMatch, text) : mapped(text)
  },
  EMPTY_AS_NULL: noEmptyAsNull,
  ROUNDEC: rounded,
  CREATE_TABLE: noCreateTable,
  LOG_VERBOSITY: ownVerbosity,
  ENCODING: ({ options }) => encodingOf(options),
  IGNORE_EXTRA_DATA: () => mapped('IGNORE_EXTRA_DATA'),
  FILL_MISSING_FIELDS({ options: { fillMissingFields, emptyWhereMissing } }) {
    const text = `FILL_MISSING_FIELDS '${fillMissingFields}'`
    return emptyWhereMissing ? approximated('strings that are missing become NULL', text) : mapped(text)
  },
  REPLACE_INVALID_CHARS: ({ options: { invalidChars } }) =>
    invalidChars?.nul === undefined
      ? approximated('NUL becomes a space, any other such character one question mark', 'COMPATIBLE_ILLEGAL_CHARS')
      : mapped('COMPATIBLE_ILLEGAL_CHARS'),
  EOL: ({ options }) => mapped(`EOL ${printString(options.eol ?? '')}`),
  USEEOF: () => mapped('USEEOF'),
  DATE_FORMAT: (copy) => pattern(copy, 'date'),
  TIME_FORMAT: (copy) => pattern(copy, 'time'),
  TIMESTAMP_FORMAT: (copy) => pattern(copy, 'timestamp'),
  SMALLDATETIME_FORMAT: (copy) => pattern(copy, 'smalldatetime'),
  TRANSFORM: ({ options }) =>
    mapped(`TRANSFORM ${printClause({ kind: 'transform', columns: options.transform ?? [] })}`),
  WHEN: ({ options: { when } }) => when && mapped(`WHEN ${printClause({ kind: 'when', condition: when })}`),
  SEQUENCE: ({ options }) => mapped(`SEQUENCE ${printClause({ kind: 'sequence', columns: options.sequence ?? [] })}`),
  FILLER: ({ options }) => mapped(`FILLER ${printNames(options.filler ?? [])}`),
  CONSTANT: ({ options }) => mapped(`CONSTANT ${printClause({ kind: 'constant', columns: options.constant ?? [] })}`),
  FREEZE: () => mapped('FREEZE'),
  FORCE_NOT_NULL: ({ options: { forceNotNull } }) =>
    forceNotNull === '*' || forceNotNull.some(({ value }) => value === '')
      ? refused('columns are named one by one')
      : mapped(`FORCE NOT NULL ${printNames(forceNotNull).slice(1, -1)}`),
}

/** HH is of 24 hours in Redshift, and of 12 elsewhere. */
function hours(value: string): string {
  return value.replace(/"[^"]*"|HH(?!12|24)/gi, (found) => (found.startsWith('"') ? found : `${found}24`))
}

function pattern(
  { dialect, options: { dateFormats: formats } }: CopyFrom,
  kind: 'date' | 'time' | 'timestamp' | 'smalldatetime',
): Spelling {
  const given = formats?.[kind] ?? ''
  if (typeof given !== 'string') return refused('there is one pattern')
  const value = dialect?.name === 'redshift' ? hours(given) : given
  if (formats?.language !== 'to_char' || languageOf(value, 'to_char') === 'strptime')
    return refused('the pattern is not in the language of to_char')
  if (/^(auto|epochsecs|epochmillisecs)$/.test(value)) return refused(`there is no word for "${value}"`)
  if ((kind === 'time' || kind === 'timestamp') && /TZ|OF/i.test(value.replace(/"[^"]*"/g, ''))) {
    return refused('a pattern has no time zone')
  }
  return mapped(`${kind.toUpperCase()}_FORMAT ${printString(value)}`)
}
