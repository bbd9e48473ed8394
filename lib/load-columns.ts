import { type DatePatterns, innermost, isRead, type LoadColumn, type LoadCondition } from './native/load.ts'
import type { LoadPlan } from './native/open.ts'
import { type CopyFrom, type CopyOptions, type DateFormats, isColumnar, type StatementNote } from './statement/ast.ts'
import { type DatePattern, languageOf, patternsIn, redshiftFormats } from './statement/date-patterns.ts'
import { statementError } from './statement/diagnostics.ts'
import { findOption, type OptionKey } from './statement/options.ts'
import { parseParts } from './statement/parser.ts'
import { type ColumnPlan, fieldNamed, type Made, noField } from './statement/plan.ts'
import type { TableDescription, TargetColumn } from './target/target.ts'

const NONE: ReadonlySet<number> = new Set()

/** How the decoder is to read records of a statement. */
export type Reading = Pick<LoadPlan, 'columns' | 'fields' | 'positions' | 'further' | 'conditions'>

/**
 * What the decoder is told of the columns and records. `asText` leaves all values to the database, so that one and the same counts what
 * was replaced; of rows that are refused the values of the columns `told` are told.
 *
 * @throws {CopyError} 42703 when WHEN compares what is no field.
 */
export function decodedBy(
  statement: CopyFrom,
  table: TableDescription,
  plan: ColumnPlan,
  asText: boolean,
  told: ReadonlySet<number> = NONE,
): Reading {
  const { options } = statement
  const read = plan.columns.length - (plan.made?.length ?? 0)
  const columns = plan.columns.flatMap((index, position): LoadColumn[] => {
    const column = table.columns[index]
    if (column === undefined) return []
    const field = plan.fields?.ofColumn[position]
    const made = plan.made?.[position - read]
    return [
      {
        name: column.name,
        // What is counted is no text that somebody could read otherwise.
        type: asText && !(made && isCounted(made)) ? { kind: 'other' } : column.type,
        forceNotNull: plan.forceNotNull[position] ?? false,
        forceNull: plan.forceNull[position] ?? false,
        hasDefault: column.hasDefault,
        // Of rows that WHERE holds back it does not matter.
        notNull: column.notNull && statement.where === undefined,
        ...(made ? valueOfMade(made) : field !== undefined && { field }),
        ...(plan.places?.[position] && { place: plan.places[position] }),
        // The statement says how dates are written in the input, and not in what is known of it.
        ...(!(made && ('lineage' in made || 'partition' in made)) &&
          patternsOf(column, statement, isStamp(plan, index))),
        ...(isZeroed(column, statement) && { zero: column.zero === 'false' ? ('f' as const) : ('0' as const) }),
        ...cleaningOf(column, options),
        ...(options.emptyWhereMissing && isText(column) && { missingIsEmpty: true }),
        ...(told.has(index) && { isTold: true }),
        ...(options.invalidChars && !isText(column) && { refusesReplaced: true }),
        ...(options.acceptAnyDate &&
          /^(?:date|timestamp)/.test(column.type.kind) && { conversion: 'set_null' as const }),
      },
    ]
  })
  const names = plan.fields?.names ?? columns.filter(isRead).map(({ name }) => name)
  return {
    columns,
    ...(plan.fields && { fields: plan.fields.names }),
    ...(plan.positions && { positions: plan.positions }),
    ...(plan.further && { further: plan.further }),
    ...(options.when && { conditions: [conditionOf(statement, names)] }),
  }
}

function isCounted(made: Made): boolean {
  return 'sequence' in made || ('lineage' in made && (made.lineage === 'line' || made.lineage === 'offset'))
}

function valueOfMade(made: Made): Pick<LoadColumn, 'constant' | 'sequence' | 'lineage' | 'partition'> {
  if ('constant' in made) return { constant: made.constant.value }
  if (!('sequence' in made)) return made
  const { start, increment } = made.sequence
  return { sequence: { start: BigInt(start), increment: BigInt(increment) } }
}

/** The patterns that hold for a statement: its own, and those of its dialect. `timestamptz`: where columns with a zone have others. */
export type Formats = DateFormats & { readonly timestamptz?: DatePattern }

/** How the dates and times of a statement are written; undefined: as PostgreSQL reads them. */
export function formatsOf({ dialect, options: { dateFormats } }: CopyFrom): Formats | undefined {
  if (dialect?.name !== 'redshift') return dateFormats
  const { timestamp } = dateFormats ?? {}
  return { ...redshiftFormats, ...dateFormats, ...(timestamp !== undefined && { timestamptz: timestamp }) }
}

/** Which of a statement's formats is that of a column, if any is. */
function formatFor(
  { dated, type: own }: Pick<TargetColumn, 'type' | 'dated'>,
  formats: Formats,
  isDesignated: boolean,
): keyof Omit<Formats, 'language'> | undefined {
  const { kind, ...type } = dated ?? own
  if ('element' in type) return formatFor({ type: type.element }, formats, isDesignated)
  if (kind === 'date') {
    // QuestDB has one pattern, which is that of the designated column whatever its type.
    return formats.language === 'java' && formats.date === undefined && isDesignated ? 'timestamp' : 'date'
  }
  if (/^time(?:tz)?$/.test(kind)) return 'time'
  if (!/^timestamp/.test(kind)) return undefined
  // A target has no smalldatetime; what comes closest is a timestamp of whole seconds.
  const isSmall = formats.timestamp === undefined || ('precision' in type && type.precision === 0)
  if (kind === 'timestamp' && formats.smalldatetime !== undefined && isSmall) return 'smalldatetime'
  // QuestDB's is the pattern of one column.
  if (!isDesignated) return undefined
  return kind === 'timestamptz' && formats.timestamptz !== undefined ? 'timestamptz' : 'timestamp'
}

/** How the dates and times of a column are written, if the statement says so. */
function patternsOf(column: TargetColumn, statement: CopyFrom, isDesignated: boolean): Pick<LoadColumn, 'patterns'> {
  const formats = formatsOf(statement)
  const key = formats && formatFor(column, formats, isDesignated)
  const pattern = key && formats[key]
  if (pattern === undefined) return {}
  const list = languagesOf(patternsIn(pattern), statement)
  return { patterns: { list, ...(key === 'smalldatetime' && { toMinute: true }) } }
}

/** Whether the statement, or its dialect, says how the dates and times of any column are written that is decoded here. */
export function hasPatterns(
  statement: CopyFrom,
  table: TableDescription,
  plan: ColumnPlan,
  columns: readonly number[] = plan.columns,
): boolean {
  return columns.some((index) => {
    const column = table.columns[index]
    return column !== undefined && 'patterns' in patternsOf(column, statement, isStamp(plan, index))
  })
}

/** Whether a pattern of timestamps is that of this column. */
function isStamp({ timestampColumn }: ColumnPlan, index: number): boolean {
  return (timestampColumn ?? index) === index
}

/** Whether a value that does not fit becomes false or 0, which are QuestDB's defaults where there is no NULL. */
function isZeroed({ zero }: TargetColumn, { dialect, options }: CopyFrom): boolean {
  return zero !== undefined && dialect?.name === 'questdb' && options.errors.conversion === 'set_default'
}

/**
 * The table as the statement has it read: columns that the database reads by itself are decoded here where the statement says how their dates and
 * times are written, and some have a default for this load.
 */
export function asRead(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): TableDescription {
  const isDecoded = ({ dated, ...column }: TargetColumn, index: number) =>
    dated !== undefined &&
    // There a value may be a timestamp already, of nanoseconds.
    !isColumnar(statement.options.format) &&
    plan.columns.includes(index) &&
    (statement.options.acceptAnyDate === true ||
      'patterns' in patternsOf({ ...column, dated }, statement, isStamp(plan, index)))
  const columns = table.columns.map((column, index): TargetColumn => {
    // Without the precision: the target's cast rounds.
    if (isDecoded(column, index)) return { ...column, type: { kind: 'timestamp' } }
    const isListed = plan.columns.includes(index)
    return isListed && isZeroed(column, statement) ? { ...column, hasDefault: true, defaultSql: column.zero } : column
  })
  return columns.every((column, index) => column === table.columns[index]) ? table : { ...table, columns }
}

/** Columns whose dates and times the database reads by its own rules although there is a format for them, each with that. */
function outOfReach(
  formats: Formats | undefined,
  { options }: CopyFrom,
  table: TableDescription,
  plan: ColumnPlan,
): readonly { readonly column: TargetColumn; readonly key: keyof Omit<Formats, 'language'> }[] {
  if (formats === undefined) return []
  return plan.columns.flatMap((index) => {
    const column = table.columns[index]
    const dated = isColumnar(options.format) && column?.dated ? [column.dated] : []
    const types = [...dated, ...(column?.dates ?? []).map((kind) => ({ kind }))]
    const keys = types.flatMap((type) => formatFor({ type }, formats, isStamp(plan, index)) ?? [])
    const key = keys.find((key) => formats[key] !== undefined)
    return column && key ? [{ column, key }] : []
  })
}

const OPTIONS: Readonly<Record<keyof Omit<Formats, 'language'>, string>> = {
  date: 'DATE_FORMAT',
  time: 'TIME_FORMAT',
  timestamp: 'TIMESTAMP_FORMAT',
  timestamptz: 'TIMESTAMP_FORMAT',
  smalldatetime: 'SMALLDATETIME_FORMAT',
}

/**
 * @throws {CopyError} 0A000 for a column whose dates and times the statement has a format for, and which only the database reads; 22023 for a
 *   designated column that is no date or timestamp.
 */
export function checkFormats(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): void {
  const { text, options } = statement
  const stamp = options.timestampColumn && plan.timestampColumn !== undefined && table.columns[plan.timestampColumn]
  if (options.timestampColumn && stamp && !/^(?:date|timestamp)/.test((stamp.dated ?? stamp.type).kind)) {
    const message = `TIMESTAMP column "${stamp.name}" is of type ${stamp.typeName.toLowerCase()}, and not a date or timestamp`
    throw statementError(text, options.timestampColumn.offset, 'invalid_parameter_value', message)
  }
  const [first] = outOfReach(options.dateFormats, statement, table, plan)
  if (first === undefined) return
  const { name, typeName } = first.column
  const message = `${OPTIONS[first.key]} cannot be used for column "${name}" of type ${typeName}`
  throw statementError(text, statement.table.name.offset, 'feature_not_supported', message, {
    detail: 'Its values are read by the database, by its own rules for dates and times.',
    hint: 'Leave the format or the column out, or load it as text and convert it in the database.',
  })
}

/** The formats that the statement gives and that are those of no column, and columns that its dialect's are not for, each with the reason. */
function idleFormats(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): readonly StatementNote[] {
  const implied = outOfReach(formatsOf(statement), statement, table, plan).map(({ column, key }) => {
    const reason = `column "${column.name}" of type ${column.typeName} is read by the database, by its own rules`
    return { option: OPTIONS[key], reason }
  })
  const { dateFormats } = statement.options
  if (dateFormats === undefined) return implied
  const used = plan.columns.map((index) => {
    const column = table.columns[index]
    return column && formatFor(column, dateFormats, isStamp(plan, index))
  })
  const idle = (['date', 'time', 'timestamp', 'smalldatetime'] as const)
    .filter((key) => dateFormats[key] !== undefined && !used.includes(key))
    .map((key) => {
      const type = key === 'smalldatetime' ? 'timestamp without time zone that takes it' : key
      const reason = `no column that is loaded is of type ${type}, and it changes nothing here`
      return { option: OPTIONS[key], reason }
    })
  return [...implied, ...idle]
}

/** What is to be said of a statement whose table and columns are known; `isNew`: the table is made for them. */
export function notesOf(
  statement: CopyFrom,
  table: TableDescription,
  plan: ColumnPlan,
  isNew: boolean,
): readonly StatementNote[] {
  return [
    ...(statement.notes ?? []),
    ...missingColumns(table, plan),
    ...(isNew ? [] : idleDesignation(statement)),
    ...idleFormats(statement, table, plan),
    ...idleKinds(statement, table, plan),
    ...lostDecimals(statement, table, plan),
  ]
}

/**
 * Columns of the table that are not in the input, where they may be spelled otherwise. Those with a default are left out on purpose more often
 * than not, such as a key that counts.
 */
function missingColumns(table: TableDescription, { missing = [] }: ColumnPlan): readonly StatementNote[] {
  const columns = missing.flatMap((index) => table.columns[index] ?? []).filter(({ hasDefault }) => !hasDefault)
  if (columns.length === 0) return []
  const names = columns.map(({ name }) => `"${name}"`).join(', ')
  const reason =
    columns.length === 1
      ? `column ${names} is not in the input, and is NULL`
      : `columns ${names} are not in the input, and are NULL`
  return [{ option: 'MAP BY NAME', reason }]
}

/** A designated timestamp makes a type of a new column, and is otherwise that of a pattern. */
function idleDesignation({ options }: CopyFrom): readonly StatementNote[] {
  if (options.timestampColumn === undefined || options.dateFormats !== undefined) return []
  return [{ option: 'TIMESTAMP', reason: 'the table is there, and without FORMAT it changes nothing' }]
}

/** What is to be said of decimals that the statement's rules are not for: those of nanoseconds, and of numbers that the database reads. */
function lostDecimals(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): readonly StatementNote[] {
  const { acceptAnyDate, decimals } = statement.options
  const decoded = asRead(statement, table, plan).columns
  return plan.columns.flatMap((index): StatementNote[] => {
    const column = table.columns[index]
    if (column === undefined) return []
    const { name, typeName } = column
    if (/^timestamp_ns$/i.test(typeName) && decoded[index]?.type.kind === 'timestamp') {
      const option = statement.options.dateFormats || !acceptAnyDate ? OPTIONS.timestamp : 'ACCEPT_ANY_DATE'
      return [{ option, reason: `values of column "${name}" are read to the microsecond, and rounded to it` }]
    }
    if (decimals === 'truncate' && isForeignNumber(column)) {
      return [{ option: 'ROUNDEC', reason: `numbers in column "${name}" of type ${typeName} are rounded in any case` }]
    }
    return []
  })
}

/** Whether the database reads numbers in it that have a decimal mark. */
export function isForeignNumber(column: TargetColumn | undefined): boolean {
  if (column?.type.kind === 'array') return /^(?:float|numeric)/.test(innermost(column.type).kind)
  return column?.hasNumbers === true
}

/** Options about values of one kind. */
const KINDS: readonly {
  readonly key: OptionKey
  readonly isGiven: (statement: CopyFrom) => boolean
  readonly isMeant: (column: TargetColumn) => boolean
  /** What no column is where the option changes nothing. */
  readonly what: string
}[] = [
  {
    // None of DuckDB's has one.
    key: 'truncate_columns',
    isGiven: ({ options }) => options.truncateColumns,
    isMeant: ({ type }) => (type.kind === 'varchar' || type.kind === 'bpchar') && type.length !== undefined,
    what: 'has a length',
  },
  {
    key: 'decimal_separator',
    isGiven: ({ options }) => options.decimalSeparator !== undefined,
    isMeant: ({ type }) => /^(?:float[48]|numeric)$/.test(type.kind),
    what: 'holds numbers with a decimal mark',
  },
  {
    key: 'roundec',
    isGiven: ({ dialect, options }) =>
      dialect?.name === 'redshift' && options.decimals === undefined && !isColumnar(options.format),
    isMeant: ({ type }) => type.kind === 'numeric' && 'scale' in type,
    what: 'is numeric with a number of decimals',
  },
  {
    key: 'accept_any_date',
    isGiven: ({ options }) => options.acceptAnyDate === true,
    isMeant: ({ type }) => /^(?:date|timestamp)/.test(type.kind),
    what: 'is a date or timestamp',
  },
  ...(
    [
      ['trim_blanks', ({ trimBlanks }) => trimBlanks],
      ['blanks_as_null', ({ blanksAsNull }) => blanksAsNull],
      // Without it what is empty is NULL in the other columns, too.
      ['empty_as_null', ({ emptyAsNull }, isRedshift) => isRedshift && emptyAsNull === 'all'],
    ] as const satisfies [OptionKey, (options: CopyOptions, isRedshift: boolean) => boolean | undefined][]
  ).map(([key, isSet]) => ({
    key,
    // In FIXED they change nothing whatever the columns are.
    isGiven: ({ dialect, options }: CopyFrom) =>
      options.format !== 'fixed' && isSet(options, dialect?.name === 'redshift') === true,
    isMeant: isText,
    what: 'holds strings',
  })),
]

/** What is to be said of options about values of one kind where no column has such values. */
function idleKinds(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): readonly StatementNote[] {
  const loaded = plan.columns.flatMap((index) => table.columns[index] ?? [])
  const idle = KINDS.filter(({ isGiven, isMeant }) => isGiven(statement) && !loaded.some(isMeant))
  return idle.map(({ key, what }) => {
    const item = parseParts(statement.text).items.find(({ name }) => findOption(name) === key)
    const option = item?.word ?? (item?.name ?? key).toUpperCase()
    return { option, reason: `no column that is loaded ${what}, and it changes nothing here` }
  })
}

/** Patterns of a statement with the language of each. */
export function languagesOf(texts: readonly string[], { dialect, options }: CopyFrom): DatePatterns['list'] {
  const { language = 'to_char' } = options.dateFormats ?? {}
  const own = language === 'to_char' && dialect?.name === 'redshift' ? 'redshift' : language
  return texts.map((text) => ({ language: languageOf(text, own), text }))
}

/** Whether its values are strings. */
function isText({ type, isString = false }: Pick<TargetColumn, 'type' | 'isString'>): boolean {
  return isString || /^(?:text|varchar|bpchar)$/.test(type.kind)
}

/** What is done to the fields of a column first. */
export function cleaningOf(
  column: Pick<TargetColumn, 'type' | 'isString'>,
  options: CopyOptions,
): Pick<LoadColumn, 'cleaning'> {
  const isString = isText(column)
  const { trimBlanks, blanksAsNull, emptyAsNull, removeQuotes } = options
  const cleaning = {
    ...(removeQuotes && { unquotes: true }),
    ...(trimBlanks && isString && { trims: true }),
    ...((isString ? blanksAsNull : emptyAsNull) && { blankIsNull: true }),
    ...(emptyAsNull && (emptyAsNull === 'all' || !isString) && { emptyIsNull: true }),
  }
  return Object.keys(cleaning).length === 0 ? {} : { cleaning }
}

/**
 * WHEN, by the number of the field or by bytes of the record; `names` are those of the fields.
 *
 * @throws {CopyError} 42703 when it compares what is no field.
 */
export function conditionOf(statement: CopyFrom, names: readonly string[]): LoadCondition {
  const { options } = statement
  const { when } = options
  if (when === undefined) throw new TypeError('the statement has no condition')
  const { subject, operator, value } = when
  const negated = operator === '!='
  if (subject.kind === 'range') return { subject: { start: subject.start - 1, end: subject.end }, negated, value }
  const field = fieldNamed(names, subject.name.value)
  if (field >= 0) return { subject: { field }, negated, value }
  const fillers = options.fixed?.fields.filter(({ name }) => options.filler?.some((one) => one.value === name.value))
  const filler =
    fillers?.[
      fieldNamed(
        fillers.map(({ name }) => name.value),
        subject.name.value,
      )
    ]
  if (filler) return { subject: { offset: filler.offset, length: filler.length }, negated, value }
  throw noField(statement, subject.name, names)
}
