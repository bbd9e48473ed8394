import { CopyError } from '../../errors.ts'
import { positionOf } from '../../native/load.ts'
import type { RowError } from '../target.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import { withPosition } from './errors.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { rowErrorOf } from './row-errors.ts'
import { readBy, type Test } from './row-tests.ts'
import { type RunStatement, ranksOf, type SieveContext } from './sieve-context.ts'
import { castFromVector } from './types.ts'

/** One reason why a row is refused, and where it comes among others. */
export interface Refusal {
  readonly rank: number
  readonly error: RowError
}

/** The test that a row is refused for, if it is one. */
export function testOf(context: SieveContext, rank: number): Test | undefined {
  return context.tests[rank - ranksOf(context).tests]
}

/** The error of a load that ends at a row of the temporary table, whose number is among those from `first` on. */
export async function failureAt(
  context: SieveContext,
  run: RunStatement,
  { first, row, cause }: { readonly first: number; readonly row: number; readonly cause: Refusal | undefined },
): Promise<CopyError> {
  const { column, ...init } = cause?.error ?? {
    sqlState: 'XX000',
    code: 'internal_error',
    message: 'a row was refused',
  }
  const error = (cause && (await ownWords(context, run, row, cause))) ?? new CopyError(init)
  const at = context.policy.native.locate(first + row)
  const where = at === undefined ? undefined : `COPY ${context.plan.table.relationName}, ${at.unit} ${at.line}`
  return withPosition(error, { ...(at && positionOf(at)), ...(column === undefined ? {} : { column }) }, where)
}

/** Columns that are looked at and that an expression may read. */
function readColumns({ shape, plan: { table } }: SieveContext, sql: string): readonly DuckdbColumnDescription[] {
  const columns = shape.columns.map(({ column }) => column)
  return readBy(sql, table.relationName, columns)
}

/** The rows that are looked at and that `which` says, with the texts of the values that an expression may read. */
async function shownRows(
  context: SieveContext,
  run: RunStatement,
  which: string,
  sql: string,
): Promise<{ readonly row: number; readonly values: readonly (string | null)[] }[]> {
  const { own } = context.plan
  const shown = readColumns(context, sql).map(({ name }) => `CAST(${quoteIdentifier(name)} AS VARCHAR)`)
  const { rows } = await run(`SELECT ${[`${own}_n`, ...shown].join(', ')} FROM ${context.tables.stage} WHERE ${which}`)
  return rows.map(([row, ...texts]) => ({
    row: Number(row),
    values: texts.map((text) => (typeof text === 'string' ? text : null)),
  }))
}

/** SELECT of an expression over a row of the values `$1`, `$2`, …, those that it may read. */
function evaluatedSql(context: SieveContext, sql: string): string {
  const values = readColumns(context, sql).map(
    ({ name, typeName }, at) => `CAST($${at + 1} AS ${typeName}) AS ${quoteIdentifier(name)}`,
  )
  const { relationName } = context.plan.table
  return `SELECT ${sql} FROM (SELECT ${values.join(', ') || '1'}) AS ${quoteIdentifier(relationName)}`
}

/** By their numbers, what DuckDB says of the rows for which WHERE raises an error, those that `which` says. */
export async function conditionErrors(
  context: SieveContext,
  run: RunStatement,
  which: string,
): Promise<ReadonlyMap<number, RowError>> {
  const errors = new Map<number, RowError>()
  const raising = context.tests.find(({ isCondition }) => isCondition)?.raising
  if (raising === undefined) return errors
  const sql = evaluatedSql(context, raising.sql)
  for (const { row, values } of await shownRows(context, run, which, raising.sql)) {
    const error = await context.policy.elsewhere.errorOf(sql, values)
    if (error !== undefined) errors.set(row, rowErrorOf(error))
  }
  return errors
}

/** What DuckDB says of a row for which it has raised an error that was caught. */
async function ownWords(
  context: SieveContext,
  run: RunStatement,
  row: number,
  { rank, error }: Refusal,
): Promise<CopyError | undefined> {
  const { plan, shape, policy } = context
  const { columns, own } = plan
  const index = shape.casts[rank]
  const { elsewhere } = policy
  if (index !== undefined) {
    const { type, typeName } = columns[index] as DuckdbColumnDescription
    return await elsewhere.errorOf(`SELECT ${castFromVector(quoteLiteral(error.value ?? ''), type, typeName)}`)
  }
  const test = testOf(context, rank)
  if (test?.raising === undefined) return undefined
  const { sql } = test.raising
  const [shown] = await shownRows(context, run, `${own}_n = ${row}`, sql)
  const raised = await elsewhere.errorOf(evaluatedSql(context, sql), shown?.values)
  if (raised === undefined || test.isCondition) return raised
  const { code, sqlState, message } = raised
  // DuckDB knows where a value comes from in a query only.
  const words = message.replace(/ when casting from source column .*$/, '')
  if (test.raising.place === 'instead') return new CopyError({ code, sqlState, message: words })
  return new CopyError({ ...error, message: `${error.message} (Error: ${words})` })
}
