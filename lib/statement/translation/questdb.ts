import { isDelimited } from '../ast.ts'
import { datesOf, ownVerbosity, paddingKept } from './postgresql.ts'
import { approximated, headerInstead, linesBefore, lostMatch, mapped, refused, type Words } from './spelling.ts'

/** QuestDB, whose strings have no escapes. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

export const questdb: Words = {
  DATESTYLE: datesOf,
  FORMAT: ({ options: { format } }) => (format === 'csv' ? undefined : refused('files are CSV')),
  HEADER(copy) {
    const { header, skip, detectHeader } = copy.options
    if (detectHeader) return undefined
    if (skip !== undefined && linesBefore(copy) > 1) return refused('no more than one line is passed over')
    if (linesBefore(copy) === 0) return approximated('a first line that looks like a header is taken for one')
    return header === 'match' ? approximated(lostMatch, 'HEADER true') : headerInstead(copy, 'HEADER true')
  },
  TIMESTAMP: ({ options }) => mapped(`TIMESTAMP ${quoted(options.timestampColumn?.value ?? '')}`),
  TIMESTAMP_FORMAT: ({ options: { dateFormats } }) =>
    dateFormats?.language === 'java' && typeof dateFormats.timestamp === 'string'
      ? mapped(`FORMAT ${quoted(dateFormats.timestamp)}`)
      : refused("the pattern is not in Java's language"),
  DELIMITER: ({ options: { format, delimiter } }) =>
    !isDelimited(format) || delimiter === ','
      ? undefined
      : delimiter.length > 1
        ? refused('a delimiter has one byte')
        : mapped(`DELIMITER ${quoted(delimiter)}`),
  'PARTITION BY': ({ options }) => mapped(`PARTITION BY ${options.partitionBy?.toUpperCase()}`),
  NULL: ({ options }) => (options.null === '' ? undefined : refused('only the empty string is NULL')),
  QUOTE: ({ options }) =>
    options.format !== 'csv' || options.quote === '"'
      ? paddingKept(options)
      : refused('fields are quoted by double quotes'),
  ESCAPE: ({ options }) =>
    options.format !== 'csv' || options.quote === options.escape ? undefined : refused('a quote in a field is doubled'),
  NOESCAPING: ({ options: { backslash } }) => (backslash ? refused('files are CSV, without backslashes') : undefined),
  EMPTY_AS_NULL: ({ options: { emptyAsNull } }) =>
    emptyAsNull && approximated('empty fields of all columns become NULL, where the type has it'),
  ROUNDEC: ({ options: { decimals } }) => (decimals ? refused('decimals are not truncated') : undefined),
  CREATE_TABLE: ({ options: { createTable } }) =>
    createTable ? undefined : approximated('the table is made if it does not exist'),
  ON_ERROR({ options: { errors } }) {
    const { conversion, structure, constraint, limit } = errors
    const lost = limit ? [refused('there is no limit')] : []
    switch (conversion) {
      case 'stop':
        return mapped('ON ERROR ABORT')
      case 'set_null':
        return [approximated('types without NULL get 0 or false', 'ON ERROR SKIP_COLUMN'), ...lost]
      case 'set_default':
        return [mapped('ON ERROR SKIP_COLUMN'), ...lost]
      case 'skip_row':
        return structure === 'skip_row' && constraint === 'skip_row'
          ? [mapped('ON ERROR SKIP_ROW'), ...lost]
          : [approximated('rows that do not fit for other reasons are left out, too', 'ON ERROR SKIP_ROW'), ...lost]
    }
  },
  LOG_VERBOSITY: ownVerbosity,
}
