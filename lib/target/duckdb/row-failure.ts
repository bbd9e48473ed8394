import { CopyError } from '../../errors.ts'
import { positionOf } from '../../native/load.ts'
import type { RowError } from '../target.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import { withPosition } from './errors.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { errorElsewhere } from './row-errors.ts'
import type { Test } from './row-tests.ts'
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

/** What DuckDB says of a row for which it has raised an error that was caught. */
async function ownWords(
  context: SieveContext,
  run: RunStatement,
  row: number,
  { rank, error }: Refusal,
): Promise<CopyError | undefined> {
  const { plan, shape, policy, tables } = context
  const { table, columns, own } = plan
  const index = shape.casts[rank]
  const { driver } = policy
  if (index !== undefined) {
    const { type, typeName } = columns[index] as DuckdbColumnDescription
    return await errorElsewhere(driver, `SELECT ${castFromVector(quoteLiteral(error.value ?? ''), type, typeName)}`)
  }
  const test = testOf(context, rank)
  if (test?.raising === undefined) return undefined
  const shown = shape.columns.map(({ column }) => `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`)
  const { rows } = await run(`SELECT ${shown.join(', ') || 'NULL'} FROM ${tables.stage} WHERE ${own}_n = ${row}`)
  const values = shape.columns.map(({ column }, at) => {
    const text = rows[0]?.[at]
    const literal = typeof text === 'string' ? quoteLiteral(text) : 'NULL'
    return `CAST(${literal} AS ${column.typeName}) AS ${quoteIdentifier(column.name)}`
  })
  const from = `(SELECT ${values.join(', ') || '1'}) AS ${quoteIdentifier(table.relationName)}`
  const raised = await errorElsewhere(driver, `SELECT ${test.raising.sql} FROM ${from}`)
  if (raised === undefined || test.isCondition) return raised
  const { code, sqlState, message } = raised
  // DuckDB knows where a value comes from in a query only.
  const words = message.replace(/ when casting from source column .*$/, '')
  if (test.raising.place === 'instead') return new CopyError({ code, sqlState, message: words })
  return new CopyError({ ...error, message: `${error.message} (Error: ${words})` })
}
