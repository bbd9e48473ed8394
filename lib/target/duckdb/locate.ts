import type { DuckDBConnection } from '@duckdb/node-api'
import type { CopyError } from '../../errors.ts'
import { type NativeLoad, positionOf } from '../../native/load.ts'
import { isAboutTable } from './constraints.ts'
import { asCopyError, duplicateKey, notNullColumn, withPosition } from './errors.ts'
import { castSql, insertSql, isCastByDuckdb, rowOfKeySql, stepTrialsSql, textSql } from './insert.ts'
import type { FailedInsert } from './load.ts'
import { query } from './query.ts'

/**
 * Finds the first row at fault in the window whose INSERT failed, by running parts of it again in transactions that are rolled
 * back. DuckDB names no row, and with several threads not even the first error; this names both.
 *
 * The connection must not be in a transaction. `prepare` brings back what the load's own transaction had made.
 *
 * @returns the error of the first bad row with position and context, or `error` itself when the failure does not come again.
 */
export async function locateFailure(
  connection: DuckDBConnection,
  failed: FailedInsert,
  error: CopyError,
  native: NativeLoad,
  owner: object,
  prepare: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<CopyError> {
  const { feed, window } = failed
  feed.serve(window)

  /** Runs `work` in a transaction of its own, with the function registered in it, and takes everything back. */
  const trial: Trial = async (work) => {
    await connection.run('BEGIN TRANSACTION')
    try {
      await prepare()
      await work({ ...failed.plan, functionName: await feed.functionName(connection, owner) })
      return undefined
    } catch (thrown) {
      return asCopyError(thrown)
    } finally {
      await connection.run('ROLLBACK')
    }
  }
  const insert = (first: number, last: number): Promise<CopyError | undefined> =>
    trial(async (plan) => void (await connection.run(insertSql(plan, { kind: 'range', first, last }))))

  try {
    let first = 0
    let last = window.rows
    let found = await insert(first, last)
    if (found === undefined) {
      // A key that collides with a row of an earlier window, which the rollback has taken out.
      const row = await keyRow(trial, connection, failed, error)
      return row === undefined ? error : positioned(error, failed, native, row, undefined)
    }
    if (!/^2[23]/.test(found.sqlState)) return error
    // Whether a key is unique depends on the rows before it; everything else is up to the row alone.
    const isRowLocal = error.code !== 'unique_violation' && found.code !== 'unique_violation'
    while (last - first > 1 && !signal?.aborted) {
      const middle = (first + last) >> 1
      const failure = await insert(isRowLocal ? first : 0, middle)
      if (failure === undefined) {
        first = middle
      } else {
        last = middle
        found = failure
      }
    }
    if (last - first > 1) return error
    const failure = (await insert(isRowLocal ? first : 0, first + 1)) ?? found
    const column = notNullColumn(failure) ?? (await castFailure(trial, connection, failed, first))
    return positioned(failure, failed, native, first, column)
  } catch {
    // The search is a courtesy; its own troubles must not hide the error it was for.
    return error
  }
}

type Trial = (work: (plan: FailedInsert['plan']) => Promise<void>) => Promise<CopyError | undefined>

/** `error` with the place of row `row` of the window. */
function positioned(
  error: CopyError,
  { plan, window }: FailedInsert,
  native: NativeLoad,
  row: number,
  column: string | { readonly name: string; readonly text: string } | undefined,
): CopyError {
  const at = native.locate(window.firstRow + row)
  const name = typeof column === 'object' ? column.name : column
  let context: string | undefined
  if (at !== undefined) {
    context = `COPY ${plan.table.relationName}, ${at.unit} ${at.line}`
    if (typeof column === 'object') context += `, column ${column.name}: "${column.text}"`
  }
  const place = at && positionOf(at)
  return withPosition(error, { ...place, ...(name === undefined ? {} : { column: name }) }, context)
}

/** The row of the window with the key that `error` calls a duplicate. */
async function keyRow(
  trial: Trial,
  connection: DuckDBConnection,
  { plan: { table }, window }: FailedInsert,
  error: CopyError,
): Promise<number | undefined> {
  const key = duplicateKey(error)
  if (key === undefined) return undefined
  let found: number | undefined
  await trial(async (plan) => {
    const keys = await query(
      connection,
      `SELECT constraint_column_names FROM duckdb_constraints()
       WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE')
         AND ${isAboutTable(table)}`,
    )
    for (const [names] of keys) {
      const columns = (names as readonly unknown[]).map(String)
      const sql = rowOfKeySql(plan, columns, key, window.rows)
      const row = sql === undefined ? null : (await query(connection, sql))[0]?.[0]
      if (row !== null && row !== undefined && (found === undefined || Number(row) < found)) found = Number(row)
    }
  })
  return found
}

/** The first column of a row whose text DuckDB cannot cast, or whose expression raises an error, and the text. */
async function castFailure(
  trial: Trial,
  connection: DuckDBConnection,
  { plan: { columns, transform } }: FailedInsert,
  row: number,
): Promise<{ name: string; text: string } | undefined> {
  for (const [index, column] of columns.entries()) {
    if (transform === undefined && !isCastByDuckdb(column)) continue
    const failure = await trial(async (plan) => {
      const trials = transform ? stepTrialsSql(plan, transform, index, row) : [castSql(plan, index, row)]
      for (const sql of trials) await connection.run(sql)
    })
    if (failure === undefined) continue
    let text = ''
    await trial(async (plan) => {
      text = String((await query(connection, textSql(plan, index, row)))[0]?.[0])
    })
    return { name: column.name, text }
  }
  return undefined
}
