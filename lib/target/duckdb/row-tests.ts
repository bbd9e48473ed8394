import type { DuckDBConnection } from '@duckdb/node-api'
import type { RowError } from '../target.ts'
import type { Constraints } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import { quoteIdentifier } from './identifiers.ts'
import { type InsertPlan, type StagedColumn, triedConditionSql } from './insert.ts'
import { prepareAsWritten } from './query.ts'

/* What a row is looked at for by itself, whatever others there are: WHERE, generated columns, NOT NULL, CHECK. */

/** A test that a row fails by itself. */
export interface Test {
  /** True for a row that fails. */
  readonly sql: string
  readonly error: RowError
  /** Columns that it reads, or its text where it is not known which. */
  readonly reads: readonly string[] | string
  /** What raises an error for the row, which is then the row's (`instead`), or a part of its message (`after`). */
  readonly raising?: { readonly sql: string; readonly place: 'instead' | 'after' }
  /** It is about WHERE. */
  readonly isCondition?: boolean
}

/** The test for what WHERE raises an error for. */
export async function conditionTest(connection: DuckDBConnection, plan: InsertPlan): Promise<Test[]> {
  const { where, own } = plan
  // TRY cannot be used with everything; an error of the rest is DuckDB's to raise.
  if (where === undefined || !(await isValid(connection, plan, triedConditionSql(plan, where)))) return []
  const message = 'the WHERE condition raises an error for this row'
  const raising = { sql: `CAST((${where}\n) AS BOOLEAN)`, place: 'instead' } as const
  return [
    {
      sql: `${own}_w`,
      error: { sqlState: '22000', code: 'data_exception', message },
      reads: where,
      raising,
      isCondition: true,
    },
  ]
}

export async function testsOf(
  connection: DuckDBConnection,
  plan: InsertPlan,
  { checks, generated }: Constraints,
  expressions: ReadonlyMap<string, string>,
  isTolerant: boolean,
): Promise<Test[]> {
  const { table, columns } = plan
  const tests: Test[] = []
  for (const { name, expression, typeName } of generated) {
    const message = `Incorrect value for generated column "${name}"`
    const error = { column: name, sqlState: '22000', code: 'data_exception', message }
    const sql = `(${tried(plan, `CAST((${expression}) AS ${typeName})`)}) IS NULL`
    // One that TRY cannot be used with is not worth more.
    const raising = { sql: `CAST((${expression}) AS ${typeName})`, place: 'after' } as const
    if (await isValid(connection, plan, sql)) tests.push({ sql, error, reads: expression, raising })
  }
  for (const [part, name] of expressions) {
    const message = `the expression of a unique index raises an error for this row: ${name}`
    const error = { sqlState: '22000', code: 'data_exception', message }
    const raising = { sql: part, place: 'instead' } as const
    tests.push({ sql: `(${tried(plan, part)}) IS NULL`, error, reads: part, raising })
  }
  for (const column of table.columns) {
    if (!column.notNull || column.generated) continue
    const index = columns.findIndex(({ name }) => name === column.name)
    const { defaultSql } = column
    // Where it goes on after that, the decoder refuses NULL, but does not know what a default is, what an expression makes, or which rows
    // are held back.
    const isDecoders = index >= 0 && !plan.defaults.includes(index) && !plan.transform?.steps[index]
    if (isTolerant && isDecoders && plan.where === undefined) continue
    if (
      index < 0 &&
      defaultSql !== undefined &&
      (/^nextval\(/i.test(defaultSql) || (isConstant(defaultSql) && !/NULL/i.test(defaultSql)))
    ) {
      continue
    }
    const message = `NOT NULL constraint failed: ${table.relationName}.${column.name}`
    const error = { column: column.name, sqlState: '23502', code: 'not_null_violation', message }
    tests.push({ sql: `${quoteIdentifier(column.name)} IS NULL`, error, reads: [column.name] })
  }
  for (const { expression, columns: reads } of checks) {
    const message = `CHECK constraint failed on table ${table.relationName} with expression CHECK(${expression})`
    const [only] = reads
    const column = reads.length === 1 && only !== undefined ? { column: only } : {}
    // DuckDB takes any number for a truth value, and an error for a violation.
    const number = `CAST((${expression}) AS INTEGER)`
    const truth = `coalesce((${tried(plan, number)}) = hash(CAST(0 AS INTEGER)), true)`
    const sql = (await isValid(connection, plan, truth)) ? truth : `coalesce(${number}, 1) = 0`
    const raising = { sql: number, place: 'after' } as const
    tests.push({ sql, error: { ...column, sqlState: '23514', code: 'check_violation', message }, reads, raising })
  }
  return tests
}

/**
 * The hash of an expression, NULL where that raises an error. Within CASE for the reason that `castStageSql` has; a hash, since it is not
 * NULL where the expression is. (COALESCE would do, but within TRY DuckDB gets it wrong for rows that come after one that fails.)
 */
export function tried({ own }: InsertPlan, sql: string): string {
  return `CASE WHEN ${own}_n IS NOT NULL THEN TRY(hash(${sql})) END`
}

/** Whether DuckDB understands an expression on a row of the table: TRY takes no volatile functions. */
export async function isValid(connection: DuckDBConnection, { table, own }: InsertPlan, sql: string): Promise<boolean> {
  try {
    const prepared = await prepareAsWritten(
      connection,
      `SELECT ${sql} FROM ${table.fullName} AS ${quoteIdentifier(table.relationName)}, (SELECT 0 AS ${own}_n)`,
    )
    prepared.destroySync()
    return true
  } catch {
    return false
  }
}

/** The columns that decide on a row. */
export function involvedColumns(plan: InsertPlan, constraints: Constraints, tests: readonly Test[]): StagedColumn[] {
  const { table, columns, where } = plan
  const names = new Set<string>()
  const texts: string[] = []
  for (const { reads } of tests) {
    if (typeof reads === 'string') texts.push(reads)
    else for (const name of reads) names.add(name)
  }
  for (const { columns: key, parts } of constraints.keys) {
    if (key === undefined) texts.push(...parts)
    else for (const name of key) names.add(name)
  }
  for (const { columns: key, otherTable, otherColumns } of constraints.foreignKeys) {
    for (const name of key) names.add(name)
    if (otherTable === undefined) for (const name of otherColumns) names.add(name)
  }
  if (where !== undefined) texts.push(where)
  const text = texts.join('\n').toLowerCase()
  // By its name or by a star the condition may mean the whole row.
  const isAll = where !== undefined && (where.includes('*') || mentions(where.toLowerCase(), table.relationName))
  return table.columns.flatMap((column) => {
    if (column.generated || !(isAll || names.has(column.name) || mentions(text, column.name))) return []
    const index = columns.findIndex(({ name }) => name === column.name)
    return [{ column, index: index < 0 ? undefined : index }]
  })
}

/** Those of the columns that a piece of SQL may read: by the name of the table it may mean the whole row. */
export function readBy<C extends { readonly name: string }>(
  sql: string,
  relationName: string,
  columns: readonly C[],
): readonly C[] {
  const words = new Set(sql.toLowerCase().match(/\w+/g))
  // A name that is no word may be written in several ways.
  const may = (name: string) => !/^\w+$/.test(name) || words.has(name.toLowerCase())
  return may(relationName) ? columns : columns.filter(({ name }) => may(name))
}

function mentions(text: string, name: string): boolean {
  return text.includes(name.toLowerCase()) || text.includes(quoteIdentifier(name).toLowerCase())
}

export function isDefaulted(
  plan: InsertPlan,
  { defaultSql }: DuckdbColumnDescription,
  index: number | undefined,
): boolean {
  return defaultSql !== undefined && (index === undefined || plan.defaults.includes(index))
}

/** Whether a default is a literal. */
export function isConstant(defaultSql: string | undefined): boolean {
  const literal =
    /^\(*(?:CAST\()?(?:'(?:[^']|'')*'|[-+]?[\d.]+|NULL|true|false)(?: AS [A-Z]\w*(?:\(\d+(?:, ?\d+)?\))?\))?\)*$/i
  return defaultSql === undefined || literal.test(defaultSql)
}
