import type { FieldStep } from '../target.ts'
import type { DuckdbColumnDescription, DuckdbTableDescription } from './describe.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { fieldNames, groupSize, groupsOf } from './row-shape.ts'
import { castFromVector } from './types.ts'

/** Where the row numbers come from that the feed's function turns into rows. */
export type RowSource =
  /** DuckDB's `range(first, last)`: one thread, no table. */
  | { readonly kind: 'range'; readonly first: number; readonly last: number }
  /** The first `rows` numbers of a table that holds them in order, scanned by all threads. */
  | { readonly kind: 'table'; readonly sqlName: string; readonly column: string; readonly rows: number }
  /** Rows that have been looked at: `n`, from `first` to before `last`, and `s`, which is what the function would return. */
  | { readonly kind: 'staged'; readonly sqlName: string; readonly first: number; readonly last: number }

/** Rows of the feed. */
export type FeedSource = Exclude<RowSource, { readonly kind: 'staged' }>

/** Some of a source's rows. */
export function rowsOf(source: RowSource, first: number, last: number): RowSource {
  return source.kind === 'staged' ? { ...source, first, last } : { kind: 'range', first, last }
}

/** What TRANSFORM says, by position in the list of columns. */
export interface TransformPlan {
  /** The columns with the types that their fields are read as. */
  readonly fields: readonly DuckdbColumnDescription[]
  readonly steps: readonly (FieldStep | undefined)[]
}

/** The INSERT statements of one load; they differ in their source only. */
export interface InsertPlan {
  readonly table: DuckdbTableDescription
  /** Columns of the COPY column list. */
  readonly columns: readonly DuckdbColumnDescription[]
  /** Indexes in `columns` of those that may carry the DEFAULT marker. */
  readonly defaults: readonly number[]
  readonly where: string | undefined
  /** Expressions between what the feed's function returns and the columns, which then have their values without a cast. */
  readonly transform?: TransformPlan
  /** The feed's function and its first argument. */
  readonly functionName: string
  readonly feedId: number
  /**
   * What the names begin with that the statements themselves need beside those of the table; by {@link ownPrefix}. Of a row they are
   * `<own>_row`, what the feed's function returns, and `<own>_n`, its number in its window.
   */
  readonly own: string
}

/** A beginning that neither the table's name nor that of any column has. */
export function ownPrefix({ relationName, columns }: DuckdbTableDescription): string {
  const taken = [relationName, ...columns.map(({ name }) => name)].map((name) => name.toLowerCase())
  let own = 'copyist'
  while (taken.some((name) => name.startsWith(`${own}_`))) own += '_'
  return own
}

/** `INSERT INTO … SELECT …` for the rows of `source`. */
export function insertSql(plan: InsertPlan, source: RowSource): string {
  const { table, columns, where } = plan
  const rows = rowsSql(plan, source)
  const values = columns.map((column, index) => ({
    name: quoteIdentifier(column.name),
    sql: valueSql(plan, column, index),
  }))
  if (where === undefined) {
    return `INSERT INTO ${table.fullName} (${values.map(({ name }) => name).join(', ')})
SELECT ${values.map(({ sql }) => sql).join(', ')} FROM ${rows}`
  }
  const { names, from } = wholeRows(plan, rows)
  return `INSERT INTO ${table.fullName} (${names})
SELECT ${names} FROM ${from} WHERE (${where}
)`
}

/** SELECT of how many rows of `source` WHERE holds back. */
export function filteredSql(plan: InsertPlan, source: RowSource): string {
  return `SELECT count(*) FROM ${wholeRows(plan, rowsSql(plan, source)).from} WHERE NOT coalesce(CAST((${plan.where ?? 'true'}
) AS BOOLEAN), false)`
}

/**
 * WHERE sees the whole row, so the columns that are not in the list have their values before the INSERT; and a default is evaluated once, or
 * WHERE could see another value than is stored.
 */
function wholeRows(plan: InsertPlan, rows: string): { readonly names: string; readonly from: string } {
  const { table, columns } = plan
  const values = columns.map((column, index) => ({
    name: quoteIdentifier(column.name),
    sql: collated(valueSql(plan, column, index), column),
  }))
  const absent = table.columns
    .filter((column) => !column.generated && !columns.some(({ name }) => name === column.name))
    .map((column) => ({
      name: quoteIdentifier(column.name),
      sql: absentSql(column),
    }))
  const all = [...values, ...absent]
  const names = all.map(({ name }) => name).join(', ')
  const from = `(SELECT ${all.map(({ name, sql }) => `${sql} AS ${name}`).join(', ')} FROM ${rows})
AS ${quoteIdentifier(table.relationName)}`
  // The newline ends a comment that the condition may end in.
  return { names, from }
}

/** SELECT of the value of one column for one row: fails when that column's cast does. */
export function castSql(plan: InsertPlan, index: number, row: number): string {
  const column = plan.columns[index] as DuckdbColumnDescription
  const rows = rowsSql(plan, { kind: 'range', first: row, last: row + 1 })
  return `SELECT hash(${castFromVector(`${plan.own}_row.c${index}`, column.type, column.typeName)}) FROM ${rows}`
}

/** SELECT of what the file has in one column of one row, as text. */
export function textSql(plan: InsertPlan, index: number, row: number): string {
  const source = { kind: 'range', first: row, last: row + 1 } as const
  if (plan.transform) return `SELECT CAST(${plan.own}_f.c${index} AS VARCHAR) FROM ${fieldsSql(plan, source, 'raw')}`
  return `SELECT CAST(${plan.own}_row.c${index} AS VARCHAR) FROM ${rowsSql(plan, source)}`
}

/** With TRANSFORM: SELECTs that fail when the field of one column of one row is not of its type, and when its expression raises an error. */
export function stepTrialsSql(plan: InsertPlan, transform: TransformPlan, index: number, row: number): string[] {
  const rows = fieldsSql(plan, { kind: 'range', first: row, last: row + 1 })
  const name = quoteIdentifier(transform.fields[index]?.name ?? '')
  return [`SELECT hash(${name}) FROM ${rows}`, `SELECT hash(${stepSql(plan, transform, index)}) FROM ${rows}`]
}

/** SELECT of the first row whose `keyColumns` read as `key` does in DuckDB's message on a duplicate key, with names or without. */
export function rowOfKeySql(
  plan: InsertPlan,
  keyColumns: readonly string[],
  { key, named }: { readonly key: string; readonly named: boolean },
  rows: number,
): string | undefined {
  const parts: string[] = []
  for (const name of keyColumns) {
    const index = plan.columns.findIndex((column) => column.name === name)
    const column = plan.columns[index]
    if (column === undefined) return undefined
    parts.push(`${quoteLiteral(named ? `${name}: ` : '')} || CAST(${valueSql(plan, column, index)} AS VARCHAR)`)
  }
  return `SELECT min(${plan.own}_n) FROM ${rowsSql(plan, { kind: 'range', first: 0, last: rows })}
WHERE ${parts.join(" || ', ' || ")} = ${quoteLiteral(key)}`
}

/** Whether DuckDB casts this column's text: the native side did not parse it. */
export function isCastByDuckdb(column: DuckdbColumnDescription): boolean {
  return castFromVector('x', column.type, column.typeName) !== 'x'
}

/** A column that decides on rows, or is evaluated before them. */
export interface StagedColumn {
  readonly column: DuckdbColumnDescription
  /** Where it is in the COPY column list, if it is. */
  readonly index: number | undefined
}

/** What is looked at of each row before it is inserted. */
export interface StageShape {
  readonly columns: readonly StagedColumn[]
  /** Indexes of the columns of the list that DuckDB casts. */
  readonly casts: readonly number[]
  /** A row for which WHERE raises an error is marked, instead of ending the statement. */
  readonly isWhereTried: boolean
  /** What a text becomes that cannot be cast, where it does not mark its row. */
  readonly replaces: 'null' | 'default' | undefined
}

/**
 * SELECT of the rows of `source` with their numbers (`<own>_n`) and the values of some of their columns under the columns' names. Of
 * what DuckDB casts there are the text, `<own>_x<index>`, and the default in place of it, `<own>_d<index>`.
 */
export function stageSql(plan: InsertPlan, source: RowSource, shape: StageShape): string {
  const { columns, casts } = shape
  const values = columns.flatMap(({ column, index }) => {
    if (index !== undefined && casts.includes(index)) return []
    const sql = index === undefined ? absentSql(column) : collated(valueSql(plan, column, index), column)
    return [`${sql} AS ${quoteIdentifier(column.name)}`]
  })
  const texts = casts.flatMap((index) => {
    const text = `${plan.own}_row.c${index}`
    if (!plan.defaults.includes(index)) return [`${text} AS ${plan.own}_x${index}`]
    const { defaultSql = 'NULL', typeName } = plan.columns[index] as DuckdbColumnDescription
    return [
      `CASE WHEN NOT ${plan.own}_row.d${index} THEN ${text} END AS ${plan.own}_x${index}`,
      `CASE WHEN ${plan.own}_row.d${index} THEN CAST((${defaultSql}) AS ${typeName}) END AS ${plan.own}_d${index}`,
    ]
  })
  return `SELECT ${[`CAST(${plan.own}_n AS INTEGER) AS ${plan.own}_n`, ...values, ...texts].join(', ')} FROM ${rowsSql(plan, source)}`
}

/**
 * SELECT of the rows of `stage`, a table that {@link stageSql} has filled, with all values; `<own>_t<index>` is a text that cannot be
 * cast, `<own>_kept` says whether WHERE lets the row pass, and `<own>_w` whether it raises an error. It never holds back what cannot be cast,
 * unless that is replaced.
 *
 * From a table, since DuckDB's TRY lets errors pass where it gets its arguments out of a STRUCT. And within CASE, from which DuckDB takes
 * no expression that occurs twice, to evaluate it once: outside of TRY.
 */
export function castStageSql(
  plan: InsertPlan,
  stage: string,
  { columns, casts, isWhereTried, replaces }: StageShape,
): string {
  const { table, where, own } = plan
  const tried = (index: number, sql: string): string => `CASE WHEN ${own}_x${index} IS NOT NULL THEN TRY(${sql}) END`
  const cast = (index: number): string => {
    const { type, typeName } = plan.columns[index] as DuckdbColumnDescription
    return castFromVector(`${own}_x${index}`, type, typeName)
  }
  // A cast may well give NULL, and what cannot be NULL DuckDB does not evaluate to say so. A hash is never NULL and never known.
  const isUncastSql = (index: number): string =>
    `${own}_x${index} IS NOT NULL AND ${tried(index, `hash(${cast(index)})`)} IS NULL`
  const names = columns.map(({ column }) => quoteIdentifier(column.name))
  const values = columns.map(({ index }, position) => {
    const name = names[position] ?? ''
    if (index === undefined || !casts.includes(index)) return name
    const value = collated(tried(index, cast(index)), plan.columns[index])
    const { defaultSql, typeName } = plan.columns[index] as DuckdbColumnDescription
    if (replaces === 'default' && defaultSql !== undefined) {
      return `CASE WHEN ${isUncastSql(index)} THEN CAST((${defaultSql}) AS ${typeName}) ELSE coalesce(${value}, ${own}_d${index}) END AS ${name}`
    }
    return `${plan.defaults.includes(index) ? `coalesce(${value}, ${own}_d${index})` : value} AS ${name}`
  })
  const texts = casts.map(
    (index) => `CASE WHEN ${isUncastSql(index)} THEN CAST(${own}_x${index} AS VARCHAR) END AS ${own}_t${index}`,
  )
  const isUncast = (replaces ? [] : casts).map((index) => `${own}_t${index} IS NOT NULL`).join(' OR ') || 'false'
  const marks = casts.map((index) => `${own}_t${index}`)
  const rows = `(SELECT ${[`${own}_n`, ...values, ...texts].join(', ')} FROM ${stage}) AS ${quoteIdentifier(table.relationName)}`
  if (where !== undefined && isWhereTried) {
    const passed = `CASE WHEN ${isUncast} THEN hash(true) ELSE ${triedConditionSql(plan, where)} END AS ${own}_h`
    return `SELECT ${[`${own}_n`, ...names, ...marks].join(', ')}, ${own}_h IS NULL AS ${own}_w,
coalesce(${own}_h = hash(true), true) AS ${own}_kept FROM (SELECT ${[`${own}_n`, ...names, ...marks, passed].join(', ')} FROM ${rows})`
  }
  const kept =
    where === undefined
      ? 'true'
      : `CASE WHEN ${isUncast} THEN true ELSE coalesce(CAST((${where}\n) AS BOOLEAN), false) END`
  return `SELECT ${[`${own}_n`, ...names, ...marks, `${kept} AS ${own}_kept`].join(', ')} FROM ${rows}`
}

/** The hash of a condition as a truth value, NULL where it raises an error; within CASE for the reason that {@link castStageSql} has. */
export function triedConditionSql({ own }: InsertPlan, where: string): string {
  return `CASE WHEN ${own}_n IS NOT NULL THEN TRY(hash(CAST((${where}\n) AS BOOLEAN))) END`
}

/**
 * `INSERT INTO … SELECT …` for the rows of `source` that are not `gone`: bits by the number of the row, from that of `first` on.
 *
 * A filter, since it keeps the order of the rows, which a join need not. It must not be moved below the feed's function, which wants to
 * be asked for rows in sequence, and is not as long as it looks at what the function returns.
 */
export function insertRestSql(plan: InsertPlan, source: RowSource, gone: string, first: number): string {
  const { table, columns } = plan
  return `INSERT INTO ${table.fullName} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})
SELECT ${columns.map((column, index) => valueSql(plan, column, index)).join(', ')}
FROM ${rowsSql(plan, source)} WHERE CASE WHEN hash(${plan.own}_row.c0) IS NOT NULL THEN ${isNotGone(plan, gone, first)} END`
}

/** SQL that says of a row whether its bit is not set. */
export function isNotGone({ own }: InsertPlan, gone: string, first: number): string {
  return `get_bit(CAST('${gone}' AS BIT), CAST(${own}_n - ${first} AS INTEGER)) = 0`
}

/** SQL of a column that is not in the list. */
export function absentSql(column: DuckdbColumnDescription): string {
  const { defaultSql, typeName } = column
  return collated(`CAST(${defaultSql === undefined ? 'NULL' : `(${defaultSql})`} AS ${typeName})`, column)
}

/** A value that conditions compare as they do the column. */
export function collated(sql: string, { collation }: Pick<DuckdbColumnDescription, 'collation'> = {}): string {
  if (collation === undefined) return sql
  // One may be of several, and a name, such as `is`, a word of the language.
  return `${sql} COLLATE ${collation.split('.').map(quoteIdentifier).join('.')}`
}

function rowsSql(plan: InsertPlan, source: RowSource): string {
  const { own, transform } = plan
  if (source.kind === 'staged') {
    const { sqlName, first, last } = source
    return `(SELECT n AS ${own}_n, s AS ${own}_row FROM ${sqlName} WHERE n >= ${first} AND n < ${last})`
  }
  if (transform) {
    const values = transform.fields.map((_, index) => `'c${index}': ${stepSql(plan, transform, index)}`)
    return `(SELECT ${own}_n, {${values.join(', ')}} AS ${own}_row FROM ${fieldsSql(plan, source)})`
  }
  return feedSql(plan, source, 'row')
}

/** What the feed's function returns, under the name `<own>_<name>`, with its number. */
function feedSql(plan: InsertPlan, source: FeedSource, name: 'row' | 'f'): string {
  const { own, functionName, feedId, columns, defaults } = plan
  const rows = `(SELECT n AS ${own}_n, ${functionName}(${feedId}, n) AS ${own}_${name} FROM ${sourceSql(source)})`
  const fields = fieldNames(columns.length, defaults)
  const size = groupSize(fields.length)
  if (size === undefined) return rows
  const groups = groupsOf(fields, size)
  const taken = groups.map((_, group) => `${own}_${name}.g${group}`)
  const parts = groups.flatMap((names, group) => names.map((field) => `g${group}.${field} AS ${field}`))
  // A relation of that name in place of a STRUCT: its fields are called the same.
  return `(SELECT ${[`${own}_n`, ...parts].join(', ')} FROM (SELECT ${[`${own}_n`, ...taken].join(', ')} FROM ${rows})) AS ${own}_${name}`
}

/** The fields of rows under the names of their columns, as expressions see them; or as the function returns them (`<own>_f`). */
export function fieldsSql(plan: InsertPlan, source: FeedSource, how?: 'raw'): string {
  const { own, transform, table } = plan
  const rows = feedSql(plan, source, 'f')
  if (how === 'raw' || transform === undefined) return rows
  const fields = transform.fields.map((field, index) => {
    const { name, type, typeName } = field
    return `${collated(castFromVector(`${own}_f.c${index}`, type, typeName), field)} AS ${quoteIdentifier(name)}`
  })
  return `(SELECT ${[`${own}_n`, ...fields].join(', ')} FROM ${rows}) AS ${quoteIdentifier(table.relationName)}`
}

/** What a column gets, over {@link fieldsSql}. */
export function stepSql(plan: InsertPlan, { fields, steps }: TransformPlan, index: number): string {
  const step = steps[index]
  const name = quoteIdentifier(fields[index]?.name ?? '')
  if (step === undefined) return name
  return `CAST(${step.expression === undefined ? name : `(${step.expression}\n)`} AS ${plan.columns[index]?.typeName})`
}

function sourceSql(source: FeedSource): string {
  return source.kind === 'range'
    ? `(SELECT "range" AS n FROM system.main.range(${source.first}, ${source.last}))`
    : `(SELECT ${source.column} AS n FROM ${source.sqlName} WHERE ${source.column} < ${source.rows})`
}

function valueSql(plan: InsertPlan, column: DuckdbColumnDescription, index: number): string {
  const value = castFromVector(`${plan.own}_row.c${index}`, column.type, column.typeName)
  if (!plan.defaults.includes(index)) return value
  const defaultSql = column.defaultSql ?? 'NULL'
  return `CASE WHEN ${plan.own}_row.d${index} THEN CAST((${defaultSql}) AS ${column.typeName}) ELSE ${value} END`
}
