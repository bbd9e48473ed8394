import { CopyError } from './errors.ts'
import { cleaningOf, conditionOf, type Formats, formatsOf, languagesOf } from './load-columns.ts'
import { nameColumns, plainOptions } from './load-plan.ts'
import type { ColumnType, DatePatterns, LoadColumn } from './native/load.ts'
import {
  DEFAULT_SESSION,
  inferTable,
  isNameless,
  type LoadLimits,
  openLoad,
  type ProvingPlan,
  type Rereadable,
  textColumns,
} from './native/open.ts'
import type { CopyFrom } from './statement/ast.ts'
import { hasZone, patternsIn } from './statement/date-patterns.ts'
import { statementError } from './statement/diagnostics.ts'
import { parseParts } from './statement/parser.ts'
import { fieldNamed, madeNames } from './statement/plan.ts'
import { rowsOf } from './type-evidence.ts'

/** The columns of a table that is made from an input. */
export interface ProvenColumns {
  readonly columns: readonly {
    readonly name: string
    readonly type: ColumnType
    /** The number of its field. */
    readonly field: number
    /** Of `int8`: digits of the longest value. */
    readonly digits?: number
    /** The option by whose patterns all values are of the type, or that names the column; absent: they are as they stand. */
    readonly by?: string
  }[]
  /** How many fields a record has, those included that become no columns. */
  readonly fields: number
  /** The rows that proved them. */
  readonly rows: number
}

/** A type that a column may turn out to have by the statement's patterns. */
interface Candidate {
  readonly type: ColumnType
  readonly patterns: DatePatterns
  readonly option: string
}

/** Digits of the longest value of a time of day that is written without marks between hour and minute. */
const TIME_DIGITS = 4
const NUMBERS = /^(?:int8|numeric)$/
const TEMPORAL = /^(?:date|time|timestamp|timestamptz)$/

/**
 * The columns of the table that `statement` makes from `input`, with types that hold for every row: those of its patterns of dates and times,
 * where all values of a column match, or else of the values as they stand.
 *
 * @throws {CopyError} 0A000 for a pattern that any number matches; otherwise as reading the input does.
 */
export async function proveColumns(
  statement: CopyFrom,
  limits: LoadLimits,
  input: Rereadable,
  signal: AbortSignal | undefined,
): Promise<ProvenColumns> {
  const { options, table } = statement
  refuseNumbers(statement)
  const plan = provingPlan(statement, { options: plainOptions(options), table: table.name.value, limits }, input)
  const inferred = await inferTable(plan, input, signal)
  // An empty line with nothing below is no header.
  const isBare = inferred.rows === 0 && statement.columns === undefined && isNameless(plan, input)
  if (inferred.columns.length === 0 || isBare) return { columns: [], fields: 0, rows: inferred.rows }
  const named = nameColumns(statement, inferred.columns)
  const { timestampColumn } = options
  const names = named.map(({ name }) => name)
  const designated = timestampColumn && names[fieldNamed(names, timestampColumn.value)]
  const isDesignated = (name: string) => timestampColumn === undefined || name === designated
  const open: Candidate[][] = inferred.columns.map(() => [])
  for (const { name, type, field, digits = 0 } of named) {
    open[field] = candidatesOf(statement, type, digits, isDesignated(name))
  }
  await matchPatterns(plan, input, open, signal)
  const columns = named.map((column) => {
    const [found] = open[column.field] ?? []
    if (found) return { ...column, type: found.type, by: found.option }
    const { type } = column
    // What is a date by itself, and none by the pattern that says how dates are written, is none here.
    const isText = TEMPORAL.test(type.kind) && governs(statement, type.kind, isDesignated(column.name))
    return { ...column, type: isText ? ({ kind: 'text' } as const) : type }
  })
  const { rows } = inferred
  return { columns: columns.map((column) => stamped(column, designated)), fields: inferred.columns.length, rows }
}

/**
 * The plan by which types are proven: records that WHEN passes over tell nothing of them, and what is done to fields comes before. Of a column that
 * turns out to be of strings, those that are NULL here may be none.
 */
export function provingPlan(statement: CopyFrom, plan: ProvingPlan, input: Rereadable): ProvingPlan {
  const { options, columns } = statement
  const proving = { ...plan, ...cleaningOf({ type: { kind: 'int8' } }, options) }
  if (options.when === undefined) return proving
  const texts = textColumns(proving, input)
  const made = madeNames(statement)
  const isListed = columns !== undefined && options.fixed === undefined && !options.mapByName
  const listed = columns?.filter(({ value }) => !made.some((name) => name.value === value))
  const names = isListed ? listed?.map(({ value }) => value) : undefined
  const condition = conditionOf(statement, names ?? texts.map(({ name }) => name))
  return { ...proving, conditions: [condition] }
}

/** QuestDB's designated timestamp is one, whatever its values look like. */
function stamped(
  column: ProvenColumns['columns'][number],
  designated: string | undefined,
): ProvenColumns['columns'][number] {
  if (column.name !== designated || /^timestamp/.test(column.type.kind)) return column
  return { ...column, type: { kind: 'timestamp' }, by: 'TIMESTAMP' }
}

/** Numbers of seconds look like any others. */
function refuseNumbers({ text, options }: CopyFrom): void {
  const word = patternsIn(options.dateFormats?.timestamp).find((pattern) => /^epoch/.test(pattern))
  if (word === undefined || options.dateFormats?.language !== 'to_char') return
  const item = parseParts(text).items.find(({ name }) => /^time(?:stamp_)?format$/.test(name))
  const message = `COPY TIMESTAMP_FORMAT '${word}' cannot be used with a table that has yet to be created`
  throw statementError(text, item?.argument?.offset ?? 0, 'feature_not_supported', message, {
    detail: 'Its timestamps are numbers, which cannot be told from others.',
    hint: 'Create the table first.',
  })
}

/** Whether the statement says how values of a type are written. */
function governs(statement: CopyFrom, kind: string, isDesignated: boolean): boolean {
  const formats = formatsOf(statement)
  if (kind === 'date') return formats?.date !== undefined
  if (kind === 'time') return formats?.time !== undefined
  return isDesignated && (formats?.timestamp ?? formats?.smalldatetime) !== undefined
}

/** What a column may be by the statement's patterns; the first that all its values match is what it is. */
function candidatesOf(statement: CopyFrom, { kind }: ColumnType, digits: number, isDesignated: boolean): Candidate[] {
  const formats = formatsOf(statement)
  const isNumber = NUMBERS.test(kind)
  // What only the dialect says is said of what looks like a date.
  const isOpen = statement.options.dateFormats !== undefined && (isNumber || kind === 'text')
  if (formats === undefined || !(isOpen || governs(statement, kind, isDesignated))) return []
  const make = (key: keyof Omit<Formats, 'language'>, type: ColumnType): Candidate[] => {
    const texts = patternsIn(formats[key])
    if (texts.length === 0) return []
    // Any number could be a date by 'auto', and a short one a time: what is of few digits is hardly ever one.
    if (isNumber && (texts.includes('auto') || (key === 'time' && digits < TIME_DIGITS))) return []
    const list = languagesOf(texts, statement)
    const patterns = { list, ...(key === 'smalldatetime' && { toMinute: true }) }
    return [{ type, patterns, option: `${key === 'timestamptz' ? 'TIMESTAMP' : key.toUpperCase()}_FORMAT` }]
  }
  // QuestDB's timestamps have no zone: they are all of UTC.
  const zoned =
    formats.language !== 'java' &&
    languagesOf(patternsIn(formats.timestamp), statement).some(({ language, text }) => hasZone(text, language))
  const stamp: ColumnType = { kind: zoned ? 'timestamptz' : 'timestamp' }
  return [
    ...make('date', { kind: 'date' }),
    ...(isDesignated ? make('timestamp', stamp) : []),
    ...(isDesignated ? make('timestamptz', { kind: 'timestamptz' }) : []),
    ...make('smalldatetime', { kind: 'timestamp', precision: 0 }),
    ...make('time', { kind: 'time' }),
  ]
}

/**
 * Leaves of each column's candidates those from the first on that all its values match, and none where there is no value. Every pass ends at
 * the first value that is wrong, which is mostly in the first row.
 */
async function matchPatterns(
  plan: ProvingPlan,
  input: Rereadable,
  open: Candidate[][],
  signal: AbortSignal | undefined,
): Promise<void> {
  const texts = textColumns(plan, input)
  while (open.some((candidates) => candidates.length > 0)) {
    const columns = texts.map((column, index): LoadColumn => {
      const [candidate] = open[index] ?? []
      if (candidate === undefined) return column
      const { type, patterns } = candidate
      const refusesReplaced = plan.options.invalidChars !== undefined
      return { ...column, type, patterns, refusesReplaced, ...cleaningOf({ type }, plan.options) }
    })
    const wrong = await firstWrong(plan, input, columns, open, signal)
    if (wrong === undefined) return
    open[wrong]?.shift()
  }
}

/** The first column with a value that is not of its candidate; undefined, with those emptied that have no value, where there is none. */
async function firstWrong(
  plan: ProvingPlan,
  input: Rereadable,
  columns: readonly LoadColumn[],
  open: Candidate[][],
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const errors = { ...plan.options.errors, conversion: 'stop' } as const
  const options = { ...plan.options, errors }
  const load = openLoad({ ...plan, options, columns, session: DEFAULT_SESSION, sink: 'pg_text' }, input)
  const abort = () => load.close().catch(() => {})
  signal?.addEventListener('abort', abort, { once: true })
  const isEmpty = open.map((candidates) => candidates.length > 0)
  try {
    for (;;) {
      signal?.throwIfAborted()
      const chunk = await load.next()
      if (chunk === undefined) break
      if (isEmpty.includes(true)) {
        for (const fields of rowsOf(chunk.buffer)) {
          for (const [index, field] of fields.entries()) if (field !== '\\N') isEmpty[index] = false
          if (!isEmpty.includes(true)) break
        }
      }
      chunk.release()
    }
  } catch (error) {
    const name =
      error instanceof CopyError && /^22(?!P04|021)/.test(error.sqlState) ? error.position?.column : undefined
    const wrong = columns.findIndex((column, index) => column.name === name && (open[index]?.length ?? 0) > 0)
    if (wrong < 0) throw error
    return wrong
  } finally {
    signal?.removeEventListener('abort', abort)
    await load.close()
  }
  for (const [index, candidates] of open.entries()) if (isEmpty[index]) candidates.length = 0
  return undefined
}
