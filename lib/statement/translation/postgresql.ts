import { Buffer } from 'node:buffer'
import { isWebAddress, withoutQuery } from '../../path.ts'
import { type CopyFrom, type CopyOptions, isColumnar, isDelimited } from '../ast.ts'
import { dialectDefaults } from '../dialect.ts'
import { printErrors } from '../error-policy.ts'
import { printNames, printString } from '../printing.ts'
import {
  approximated,
  headerInstead,
  isRemote,
  linesBefore,
  lostMatch,
  mapped,
  refused,
  type Spelling,
  type Words,
} from './spelling.ts'

const defaults = dialectDefaults.postgresql

/** What PostgreSQL, GaussDB and Materialize have in common. */
export function layout(options: CopyOptions): 'csv' | 'text' {
  return options.format === 'csv' ? 'csv' : 'text'
}

export function delimiterOf(options: CopyOptions, print = printString): Spelling | undefined {
  const { delimiter, format } = options
  if (!isDelimited(format) || delimiter === defaults.delimiter[layout(options)]) return undefined
  if (Buffer.byteLength(delimiter) > 1) return refused('a delimiter has one byte')
  return mapped(`DELIMITER ${print(delimiter)}`)
}

export function nullOf(options: CopyOptions): Spelling | undefined {
  const { format } = options
  if (!isDelimited(format) || options.null === defaults.null[layout(options)]) return undefined
  return options.null.includes('\0') ? refused('no literal holds NUL') : mapped(`NULL ${printString(options.null)}`)
}

export function quoteOf(options: CopyOptions): readonly Spelling[] {
  const { format, quote } = options
  const said = format === 'csv' && quote !== '"' ? [mapped(`QUOTE ${printString(quote)}`)] : []
  return [...said, ...paddingKept(options)]
}

/** White space around the quotes of a field, where it is part of the field. */
export function paddingKept({ unpadQuotes }: CopyOptions): readonly Spelling[] {
  return unpadQuotes ? [approximated('white space around the quotes of a field is part of it')] : []
}

export function escapeOf(options: CopyOptions): Spelling | undefined {
  const isSaid = options.format === 'csv' && options.escape !== options.quote
  return isSaid ? mapped(`ESCAPE ${printString(options.escape)}`) : undefined
}

/** None of them reads UTF-16. */
export function encodingOf({ encoding }: CopyOptions): Spelling {
  return /^UTF16/.test(encoding)
    ? refused('it does not read UTF-16: the file has to be converted first')
    : mapped(`ENCODING ${printString(encoding)}`)
}

/** What backslashes do where they always begin PostgreSQL's sequences. */
export function sequencesOnly({ options: { backslash } }: CopyFrom): Spelling | undefined {
  if (backslash === 'none') return refused('in the text format backslashes begin sequences')
  if (backslash === 'next')
    return approximated('a letter after a backslash may stand for something else, such as a line end')
  return undefined
}

/** Empty fields where only the NULL string is NULL. */
export function noEmptyAsNull({ options: { emptyAsNull } }: CopyFrom): Spelling | undefined {
  return emptyAsNull === undefined ? undefined : refused('only the NULL string is NULL')
}

export function rounded({ options: { decimals } }: CopyFrom): Spelling | undefined {
  return decimals === 'truncate' ? approximated('numbers are rounded, not truncated') : undefined
}

/** How much is said of rejected rows, where nothing says it. */
export function ownVerbosity({ options: { errors } }: CopyFrom): Spelling | undefined {
  return errors.verbosity === 'default' ? undefined : refused('how much is said of rejected rows is fixed')
}

export function noCreateTable({ options: { createTable } }: CopyFrom): Spelling | undefined {
  return createTable ? refused('the table is not made: make it first') : undefined
}

/** Redshift reads one form of dates where no format is given. */
export function datesOf({ dialect, options: { format, dateFormats } }: CopyFrom): Spelling | undefined {
  const isStrict = dialect?.name === 'redshift' && !isColumnar(format)
  if (!isStrict || (dateFormats?.date !== undefined && dateFormats.timestamp !== undefined)) return undefined
  return approximated('dates and timestamps without a format are read in more forms than YYYY-MM-DD HH:MI:SS')
}

export const postgresql: Words = {
  DATESTYLE: datesOf,
  FORMAT: ({ options: { format } }) =>
    format === 'fixed'
      ? refused('there is no format of fixed width')
      : isColumnar(format)
        ? refused(`COPY reads no ${format}`)
        : format === 'text'
          ? undefined
          : mapped(`FORMAT ${format}`),
  DELIMITER: ({ options }) => delimiterOf(options),
  NULL: ({ options }) => nullOf(options),
  QUOTE: ({ options }) => quoteOf(options),
  ESCAPE: ({ options }) => escapeOf(options),
  HEADER(copy) {
    const { header, skip, detectHeader } = copy.options
    if (detectHeader) return approximated('no header is looked for: say HEADER if there is one')
    const lines = linesBefore(copy)
    if (header === 'match')
      return skip
        ? [refused('no lines are passed over before a header that is compared'), mapped('HEADER MATCH')]
        : mapped('HEADER MATCH')
    if (lines === 0) return undefined
    return lines === 1 ? headerInstead(copy, 'HEADER') : headerInstead(copy, `HEADER ${lines}`, 'from PostgreSQL 19 on')
  },
  NOESCAPING: sequencesOnly,
  EMPTY_AS_NULL: noEmptyAsNull,
  ROUNDEC: rounded,
  CREATE_TABLE: noCreateTable,
  ON_ERROR({ options: { errors } }) {
    const { conversion, structure, constraint, limit } = errors
    if (conversion === 'stop') return undefined
    const most = limit?.kind === 'rows' && limit.most > 0 ? `, REJECT_LIMIT ${limit.most}` : ''
    const lost = limit && most === '' ? [refused('REJECT_LIMIT is a number of rows, at least 1')] : []
    if (conversion === 'set_default') return refused('a value that does not fit has no default')
    if (conversion === 'set_null') {
      const text = 'ON_ERROR set_null'
      return limit
        ? [mapped(text, 'from PostgreSQL 19 on'), refused('set_null has no limit')]
        : mapped(text, 'from PostgreSQL 19 on')
    }
    const text = `ON_ERROR ignore${most}`
    if (structure === 'stop' && constraint === 'stop') return [mapped(text), ...lost]
    return [approximated('only rows with values that do not fit are left out', text), ...lost]
  },
  LOG_VERBOSITY: ({ options: { errors } }) =>
    errors.verbosity === 'default' ? undefined : mapped(`LOG_VERBOSITY ${errors.verbosity}`),
  DEFAULT: ({ options }) => mapped(`DEFAULT ${printString(options.default ?? '')}`),
  ENCODING: ({ options }) => encodingOf(options),
  FREEZE: () => mapped('FREEZE'),
  FORCE_NOT_NULL: ({ options }) => mapped(`FORCE_NOT_NULL ${starOr(options.forceNotNull)}`),
  FORCE_NULL: ({ options }) => mapped(`FORCE_NULL ${starOr(options.forceNull)}`),
}

function starOr(names: CopyOptions['forceNull']): string {
  return names === '*' ? '*' : printNames(names)
}

/** Materialize: a part of PostgreSQL, with files on S3. */
export const materialize: Words = {
  DATESTYLE: datesOf,
  FORMAT(copy) {
    const { format } = copy.options
    if (format === 'csv') return mapped('FORMAT CSV')
    if (format === 'parquet') return mapped('FORMAT PARQUET')
    if (format !== 'text') return refused('the formats are CSV, TEXT and PARQUET')
    return isRemote(copy)
      ? approximated('files that are not sent by the client are CSV or Parquet', 'FORMAT TEXT')
      : undefined
  },
  DELIMITER: postgresql.DELIMITER ?? (() => undefined),
  NULL: postgresql.NULL ?? (() => undefined),
  QUOTE: postgresql.QUOTE ?? (() => undefined),
  ESCAPE: postgresql.ESCAPE ?? (() => undefined),
  HEADER(copy) {
    const { header, skip, format, detectHeader } = copy.options
    if (detectHeader) return approximated('no header is looked for: say HEADER if there is one')
    const lines = linesBefore(copy)
    if (lines === 0) return undefined
    if (format !== 'csv') return refused('only CSV has a header')
    if (skip !== undefined && lines > 1) return refused('no more than one line is passed over')
    return header === 'match' ? approximated(lostMatch, 'HEADER') : headerInstead(copy, 'HEADER')
  },
  NOESCAPING: sequencesOnly,
  EMPTY_AS_NULL: noEmptyAsNull,
  ROUNDEC: rounded,
  CREATE_TABLE: noCreateTable,
  ON_ERROR: ({ options: { errors } }) =>
    errors.conversion === 'stop'
      ? undefined
      : refused(`every error ends the load; ${printErrors(errors).join(', ')} has no words`),
  LOG_VERBOSITY: ownVerbosity,
  'AWS CONNECTION': ({ options: { remote } }) => mapped(`AWS CONNECTION = ${printString(remote?.connection ?? '')}`),
  FILES: ({ source, options: { remote } }) => {
    const listed = (names: readonly string[]) => `FILES = [${names.map(printString).join(', ')}]`
    const files = remote?.files ?? []
    const isWeb = source.kind === 'file' && isWebAddress(source.path)
    return mapped(listed(files), isWeb ? `as ${listed(files.map(withoutQuery))}` : undefined)
  },
  PATTERN: ({ options: { remote } }) => mapped(`PATTERN = ${printString(remote?.pattern ?? '')}`),
}
