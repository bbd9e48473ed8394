import type { DateLanguage, DatePatterns, LoadColumn, LoadCondition } from './native/load.ts'
import type { LoadPlan } from './native/open.ts'
import type { CopyFrom, CopyOptions, Dialect } from './statement/ast.ts'
import { type DatePattern, languageOf, patternsIn } from './statement/date-patterns.ts'
import { statementError } from './statement/diagnostics.ts'
import { type ColumnPlan, fieldNamed, type Made } from './statement/plan.ts'
import type { TableDescription, TargetColumn } from './target/target.ts'

/** How the decoder is to read records of a statement. */
export type Reading = Pick<LoadPlan, 'columns' | 'fields' | 'positions' | 'conditions' | 'passesBlankLines'>

/**
 * What the decoder is told of the columns and records. `asText` leaves all values to the database, so that one and the same counts what
 * was replaced.
 *
 * @throws {CopyError} 42703 when WHEN compares what is no field.
 */
export function decodedBy(statement: CopyFrom, table: TableDescription, plan: ColumnPlan, asText: boolean): Reading {
  const { options, dialect } = statement
  const read = plan.columns.length - (plan.made?.length ?? 0)
  const columns = plan.columns.flatMap((index, position): LoadColumn[] => {
    const column = table.columns[index]
    if (column === undefined) return []
    const field = plan.fields?.ofColumn[position]
    const made = plan.made?.[position - read]
    return [
      {
        name: column.name,
        type: asText ? { kind: 'other' } : column.type,
        forceNotNull: plan.forceNotNull[position] ?? false,
        forceNull: plan.forceNull[position] ?? false,
        hasDefault: column.hasDefault,
        notNull: column.notNull,
        ...(made ? valueOfMade(made) : field !== undefined && { field }),
        ...(plan.places?.[position] && { place: plan.places[position] }),
        ...patternsOf(column, options, dialect?.name, (plan.timestampColumn ?? index) === index),
        ...cleaningOf(column, options),
        ...(options.acceptAnyDate &&
          /^(?:date|timestamp)/.test(column.type.kind) && { conversion: 'set_null' as const }),
      },
    ]
  })
  const condition = conditionOf(statement, columns, plan)
  return {
    columns,
    ...(plan.fields && { fields: plan.fields.names }),
    ...(plan.positions && { positions: plan.positions }),
    ...(condition && { conditions: [condition] }),
    ...(options.skipBlankLines && { passesBlankLines: true }),
  }
}

function valueOfMade(made: Made): Pick<LoadColumn, 'constant' | 'sequence'> {
  if ('constant' in made) return { constant: made.constant.value }
  const { start, increment } = made.sequence
  return { sequence: { start: BigInt(start), increment: BigInt(increment) } }
}

/** How the dates and times of a column are written, if the statement says so. */
function patternsOf(
  column: TargetColumn,
  { dateFormats }: CopyOptions,
  dialect: Dialect | undefined,
  isDesignated: boolean,
): Pick<LoadColumn, 'patterns'> {
  const { kind } = column.type
  if (dateFormats === undefined || !/^(?:date|time)/.test(kind)) return {}
  const { date, time, timestamp, smalldatetime } = dateFormats
  // A target has no smalldatetime; what comes closest is a timestamp of whole seconds.
  const isSmall = column.type.kind === 'timestamp' && (timestamp === undefined || column.type.precision === 0)
  if (smalldatetime !== undefined && isSmall) {
    return { patterns: { list: withLanguages(smalldatetime, dateFormats.language), toMinute: true } }
  }
  // QuestDB's is the pattern of one column.
  const pattern = /^timestamp/.test(kind) ? (isDesignated ? timestamp : undefined) : /^time/.test(kind) ? time : date
  const own = dateFormats.language === 'to_char' && dialect === 'redshift' ? 'redshift' : dateFormats.language
  return pattern === undefined ? {} : { patterns: { list: withLanguages(pattern, own) } }
}

function withLanguages(pattern: DatePattern, own: DateLanguage): DatePatterns['list'] {
  return patternsIn(pattern).map((text) => ({ language: languageOf(text, own), text }))
}

/** What is done to the fields of a column first. */
function cleaningOf({ type }: TargetColumn, options: CopyOptions): Pick<LoadColumn, 'cleaning'> {
  const isString = /^(?:text|varchar|bpchar)$/.test(type.kind)
  const { trimBlanks, blanksAsNull, emptyAsNull, removeQuotes } = options
  const cleaning = {
    ...(removeQuotes && { unquotes: true }),
    ...(trimBlanks && isString && { trims: true }),
    ...((isString ? blanksAsNull : emptyAsNull) && { blankIsNull: true }),
    ...(emptyAsNull && (emptyAsNull === 'all' || !isString) && { emptyIsNull: true }),
  }
  return Object.keys(cleaning).length === 0 ? {} : { cleaning }
}

/** WHEN, by the field's number or by bytes of the record. */
function conditionOf(
  { text, options }: CopyFrom,
  columns: readonly LoadColumn[],
  plan: ColumnPlan,
): LoadCondition | undefined {
  const { when } = options
  if (when === undefined) return undefined
  const { subject, operator, value } = when
  const negated = operator === '!='
  if (subject.kind === 'range') return { subject: { start: subject.start - 1, end: subject.end }, negated, value }
  const read = columns.filter(({ constant, sequence }) => constant === undefined && sequence === undefined)
  const names = plan.fields?.names ?? read.map(({ name }) => name)
  const field = fieldNamed(names, subject.name.value)
  if (field >= 0) return { subject: { field }, negated, value }
  const message = `WHEN column "${subject.name.value}" is no field of the input`
  throw statementError(text, subject.name.offset, 'undefined_column', message)
}
