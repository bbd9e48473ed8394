import { unforgivable, unknownForm, unpointable, unpointedColumn } from './copy-errors.ts'
import { CopyError } from './errors.ts'
import { checkFormats, decodedBy, hasPatterns, isForeignNumber, type Reading } from './load-columns.ts'
import type { ColumnType, LoadSession, SinkKind } from './native/load.ts'
import type { SchemaColumn } from './native/open.ts'
import { type CopyFrom, type CopyOptions, isColumnar, type Name } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import {
  type ColumnPlan,
  fieldNamed,
  fieldsNamed,
  madeNames,
  missingField,
  onlyFiller,
  severalFields,
  unequalColumns,
} from './statement/plan.ts'
import type {
  ConflictRequest,
  RowRefusals,
  TableDescription,
  Target,
  TargetTransaction,
  ZonesInLiterals,
} from './target/target.ts'

/** How the rows of a statement go to its table, as a load does it and EXPLAIN tells it. */
export interface TravelPlan {
  readonly sink: SinkKind
  /** Whether any column may carry the DEFAULT marker. */
  readonly usesDefaults: boolean
  /** Columns of the table whose values only the database can read. */
  readonly leftToServer: readonly number[]
  /** What becomes of rows whose key is there already, where that is not an error like others. */
  readonly conflict: ConflictRequest | undefined
  /** Which errors of the target cost a row only; absent: none does. */
  readonly tolerates: RowRefusals['tolerates'] | undefined
  /** What becomes of values that the database refuses. */
  readonly replacedByServer: RowRefusals['replaces']
  readonly decoded: Reading & { readonly session: LoadSession }
}

/** Types whose literals DuckDB reads as PostgreSQL does, or not at all. */
const READ_ALIKE = /^(?:int[248]|float[48]|numeric|text|varchar|bpchar|uuid|other)$/
/** Columns at most that the target is asked about where a row is refused already. */
const MOST_ASKED = 32

/**
 * Plans how the rows travel, and who judges them. Nothing is written.
 *
 * @throws {CopyError} 0A000 for what cannot be done with this table.
 */
export async function planLoad(
  target: Target,
  transaction: TargetTransaction,
  {
    statement,
    table,
    planned,
    zones,
    fields = table,
    numbered = (read) => read,
    isNew = false,
  }: {
    readonly statement: CopyFrom
    readonly table: TableDescription
    readonly planned: ColumnPlan
    readonly zones: ZonesInLiterals
    /** What is decoded, where that is not the table: expressions come between. */
    readonly fields?: TableDescription
    /** Gives rows that were refused before the numbers that they had. */
    readonly numbered?: (columns: Reading['columns']) => Reading['columns']
    /** The table is yet to be made: it has nothing that could refuse a row. */
    readonly isNew?: boolean
  },
): Promise<TravelPlan> {
  const { columns } = planned
  const isTransformed = fields !== table
  checkFormats(statement, fields, planned)
  const { errors, onConflict } = statement.options
  const isBinary = statement.options.format === 'binary'
  const usesDefaults = statement.options.default !== undefined || errors.conversion === 'set_default'
  const session = await transaction.session()
  // What is in the binary format already is not read as text by anybody.
  const isTextual = !isBinary && transaction.sinkFor(fields, columns, false, zones) === 'pg_text'
  // Where only a marker makes the rows travel as text, the server judges what its session has a say in.
  const isMarked = !isBinary && transaction.sinkFor(fields, columns, usesDefaults, zones) === 'pg_text'
  // Dates with patterns are read here in any case, and travel as what every session reads.
  const isPatterned = (index: number) => hasPatterns(statement, fields, planned, [index])
  const leftToServer = columns.filter((index) => {
    const {
      type: { kind },
      dated,
    } = fields.columns[index] ?? { type: { kind: 'other' } }
    // Its range may be smaller than what is read.
    if (dated) return true
    return isTextual || kind === 'other' || (isMarked && /^(?:array|date|time)/.test(kind) && !isPatterned(index))
  })
  const hasDomain = columns.some((index) => fields.columns[index]?.isDomain)
  // Of a value that the database cannot take, or that is not of its domain, only the database can say so.
  const isJudgedByServer = leftToServer.length > 0 || hasDomain || isTransformed
  const replaces =
    errors.conversion === 'set_null' ? 'null' : errors.conversion === 'set_default' ? 'default' : undefined
  if (isBinary && leftToServer.length > 0 && target.kind === 'duckdb') {
    throw unknownForm(statement, table, leftToServer)
  }
  const replacedByServer = isJudgedByServer ? replaces : undefined
  // One and the same counts what was replaced, where the other can leave it all to it.
  const isAllText = replacedByServer !== undefined && target.kind === 'postgres'
  const { decimalSeparator, dateFormats, decimals } = statement.options
  const types = columns.map((index) => fields.columns[index]?.type)
  const cutsDecimals = decimals === 'truncate' && types.some((type) => type?.kind === 'numeric' && 'scale' in type)
  const hasFormats = dateFormats !== undefined || hasPatterns(statement, fields, planned)
  const isOwn = cutsDecimals || hasFormats || (decimalSeparator ?? statement.options.acceptAnyDate) !== undefined
  if (isAllText && isOwn) throw unpointable(statement)
  const unpointed = columns.find((index) => isForeignNumber(fields.columns[index]))
  if (decimalSeparator !== undefined && unpointed !== undefined) {
    throw unpointedColumn(statement, fields.columns[unpointed]?.name ?? '')
  }
  const isRejecting = onConflict?.action === 'reject'
  const sink = isAllText
    ? 'pg_text'
    : isBinary && target.kind === 'postgres'
      ? 'pg_binary'
      : transaction.sinkFor(fields, columns, usesDefaults, zones)
  // The server judges dates that travel as text.
  const isServers = (index: number) =>
    /^(?:date|timestamp)/.test(fields.columns[index]?.type.kind ?? '') && !isPatterned(index)
  if (sink === 'pg_text' && statement.options.acceptAnyDate && columns.some(isServers)) throw unforgivable(statement)
  const conflict = conflictOf(statement, table, planned)
  const refusing = errors.constraint === 'skip_row' && !isNew ? await transaction.refusing(table) : undefined
  const mayRefuse =
    usesDefaults ||
    isTransformed ||
    statement.where !== undefined ||
    leftToServer.length > 0 ||
    table.columns.some(({ notNull }, index) => notNull && !columns.includes(index)) ||
    refusing?.isAny === true
  // Without anything to refuse a row, the rows need not be kept until it is known that none was.
  const tolerates =
    errors.constraint === 'skip_row'
      ? mayRefuse
        ? 'all'
        : undefined
      : replacedByServer !== undefined
        ? isRejecting
          ? 'unique'
          : 'conversion'
        : errors.conversion === 'skip_row' && (isJudgedByServer || statement.where !== undefined)
          ? isRejecting
            ? 'conversion or unique'
            : 'conversion'
          : isRejecting
            ? 'unique'
            : undefined
  // An expression's values are not known of a row that is not evaluated.
  const isAsked =
    !isTransformed && !isBinary && replaces === undefined && tolerates !== undefined && tolerates !== 'unique'
  const isUnread = (index: number) => {
    const { type, isDomain } = table.columns[index] ?? {}
    return isDomain || (leftToServer.includes(index) && /^(?:other|array|date|time)/.test(type?.kind ?? ''))
  }
  const checked = tolerates === 'all' ? refusing?.checked : undefined
  const isChecked = (index: number) => {
    const { name = '', type } = table.columns[index] ?? {}
    // DuckDB would read the text of others by rules of its own, and find what is not there.
    const isRead = target.kind === 'postgres' || READ_ALIKE.test(type?.kind ?? '')
    return isRead && checked?.includes(name) === true
  }
  const asked = isAsked ? columns.filter((index) => isUnread(index) || isChecked(index)) : []
  // What asking costs grows with the square of the columns.
  const told = asked.length > MOST_ASKED ? [] : asked
  const reading = decodedBy(statement, fields, planned, isAllText, new Set(told))
  return {
    sink,
    usesDefaults,
    leftToServer,
    conflict,
    tolerates,
    replacedByServer,
    decoded: {
      ...reading,
      columns: numbered(reading.columns),
      session: zones === 'possible' ? { ...session, zoneWords: 'all' as const } : session,
    },
  }
}

/** How rows travel in each, as a receipt says it. */
export const TRANSPORT = {
  pg_binary: 'binary',
  pg_text: 'text',
  duckdb: 'vectors',
  duckdb_served: 'vectors',
} as const satisfies Record<SinkKind, string>

/** Options for a first look at the file: HEADER MATCH has no columns to match yet, and markers are not values. */
export function plainOptions(options: CopyOptions): CopyOptions {
  return options.header === 'match' ? { ...options, header: 'true' } : options
}

/**
 * The columns of a table that is created, each with the number of its field. A column list names them, by their place or by the header's; fields
 * that FILLER drops get none.
 *
 * @throws {CopyError} for a list that does not fit.
 */
export function nameColumns<C extends { name: string }>(
  statement: CopyFrom,
  inferred: readonly C[],
): (C & { readonly field: number })[] {
  const { columns, options } = statement
  const fields = inferred.map((column, field) => ({ ...column, field }))
  if (columns === undefined) return fields
  const made = madeNames(statement)
  const read = columns.filter(({ value }) => !made.some((name) => name.value === value))
  const isDropped = ({ value }: Name) => options.filler?.some((name) => name.value === value) === true
  const kept = read.flatMap((name, position) => (isDropped(name) ? [] : [{ name, position }]))
  if (kept.length === 0 && options.filler) throw onlyFiller(statement)
  if (options.mapByName) {
    const header = inferred.map(({ name }) => name)
    return kept.flatMap(({ name }) => {
      const column = fields[fieldNamed(header, name.value)]
      if (column === undefined) throw missingField(statement, header, name.value, name.offset)
      return [{ ...column, name: name.value }]
    })
  }
  if (options.fixed?.match === 'name') {
    return kept.map(({ name }) => {
      const column = fields.find((field) => field.name === name.value)
      if (column !== undefined) return column
      const message = `column "${name.value}" has no place in FORMATTER`
      throw statementError(statement.text, name.offset, 'invalid_column_reference', message, {
        hint: 'A table that is made from the input has no column of which there is nothing.',
      })
    })
  }
  if (read.length !== inferred.length) {
    if (isColumnar(options.format)) {
      throw unequalColumns(
        statement,
        inferred.map(({ name }) => name),
        read.length,
      )
    }
    throw new CopyError({
      code: 'bad_copy_file_format',
      sqlState: '22P04',
      message: `the column list has ${read.length} columns, but the first record has ${inferred.length}`,
      statement: { text: statement.text, offset: columns[0]?.offset ?? 0 },
    })
  }
  return kept.flatMap(({ name, position }) => {
    const column = fields[position]
    return column === undefined ? [] : [{ ...column, name: name.value }]
  })
}

/**
 * The columns of a table that is created from an input which tells its columns: all of them, or those of the column list, under its names.
 *
 * @throws {CopyError} 42703 for one that the input lacks, 0A000 for one whose type cannot be read
 */
export function columnsOfSchema(
  statement: CopyFrom,
  schema: readonly SchemaColumn[],
): (SchemaColumn & { readonly type: ColumnType })[] {
  const { text, columns, options } = statement
  const names = schema.map(({ name }) => name)
  const dropped = new Set(options.filler?.map(({ value }) => value))
  const made = new Set(madeNames(statement).map(({ value }) => value))
  const isKept = ({ name }: SchemaColumn) => !dropped.has(name)
  if (options.byPosition) return readable(nameColumns(statement, schema).filter(isKept), statement)
  const listed = columns?.filter(({ value }) => !dropped.has(value) && !made.has(value))
  const wanted = listed?.map(({ value, offset }) => {
    const fields = fieldsNamed(names, value)
    if (fields.length > 1) throw severalFields(statement, fields, value, offset)
    const found = schema[fields[0] ?? -1]
    if (found === undefined) {
      const detail = `Its columns are ${names.map((name) => `"${name}"`).join(', ')}.`
      throw statementError(text, offset, 'undefined_column', `the input has no column "${value}"`, { detail })
    }
    return { ...found, name: value, offset }
  })
  return readable(wanted ?? schema, statement)
}

function readable(
  columns: readonly (SchemaColumn & { readonly offset?: number })[],
  { text, table }: CopyFrom,
): (SchemaColumn & { readonly type: ColumnType })[] {
  return columns.map(({ offset = table.name.offset, type, ...column }) => {
    if (type !== undefined) return { ...column, type }
    const message = `column "${column.name}" is of the type ${column.arrowType}, which cannot be read`
    throw statementError(text, offset, 'feature_not_supported', message, {
      hint: 'Name the other columns in a column list.',
    })
  })
}

/** ON CONFLICT as the target is to carry it out; undefined where a conflict is an error like others. */
function conflictOf(statement: CopyFrom, table: TableDescription, plan: ColumnPlan): ConflictRequest | undefined {
  const { onConflict } = statement.options
  if (onConflict === undefined || onConflict.action === 'error') return undefined
  const { action, keep, offset } = onConflict
  const at = { text: statement.text, offset }
  if (action === 'reject') {
    if (statement.options.format === 'binary') {
      throw new CopyError({
        code: 'feature_not_supported',
        sqlState: '0A000',
        message: 'ON CONFLICT DO REJECT cannot be used in BINARY mode',
        detail: 'Rejected rows are kept as they stand in the input, in lines.',
        hint: 'DO SKIP and DO UPDATE can.',
        statement: at,
      })
    }
    if (keep === 'first') return undefined
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: 'ON CONFLICT DO REJECT keeps the first of several rows with one key',
      detail:
        'Which is the last is known at the end of the input, and the bytes of all rows would have to be kept until then.',
      hint: 'DO SKIP and DO UPDATE can keep the last.',
      statement: at,
    })
  }
  const key = table.primaryKey?.every((index) => plan.columns.includes(index)) ? table.primaryKey : undefined
  const needsKey = action === 'update' || keep === 'last'
  const keys = plan.conflictKeys ?? (needsKey ? key : undefined)
  if (needsKey && keys === undefined) {
    throw new CopyError({
      code: 'syntax_error',
      sqlState: '42601',
      message: `ON CONFLICT ${action === 'update' ? 'DO UPDATE' : 'with KEEP LAST'} needs the columns of the key`,
      detail: `Table "${table.relationName}" has no primary key among the columns that are loaded.`,
      hint: 'Name them: ON CONFLICT (column, …) DO ….',
      statement: at,
    })
  }
  return { action, keep, ...(keys && { keys }) }
}
