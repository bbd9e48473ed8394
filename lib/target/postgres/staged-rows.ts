import { setImmediate as nextTurn } from 'node:timers/promises'
import { CopyError } from '../../errors.ts'
import type { LoadRequest, RowError, RowRefusals } from '../target.ts'
import { conditionName } from './conditions.ts'
import { MOVES } from './stage-sql.ts'
import type { BadValue } from './values.ts'

/** Characters of a value that are told. */
export const MOST_SHOWN = 1024
/** Refused rows that are fetched at once. */
export const PAGE = 1_000

/** Milliseconds that refused rows are dealt with before others get their turn. */
const SLICE_MS = 8

/** A row that is refused, numbered from 0 in its batch. */
export interface RefusedRow {
  readonly row: number
  readonly errors: readonly RowError[]
}

/** What became of rows that were moved by the function. */
export interface Outcome {
  readonly loaded: number
  /** As far as it tells: with ON CONFLICT DO NOTHING, where triggers may drop rows; and where it matters which rows are the load's own. */
  readonly conflicted: number
  readonly refused: RefusedRow[]
}

/** Runs one statement; its rows, values as text. */
export type Query = (sql: string, values?: readonly string[]) => Promise<readonly (readonly (string | null)[])[]>

/** The rows of the temporary table `name`: asks of them, and moves them by its function. */
export class StagedRows {
  readonly #name: string
  readonly #query: Query
  isIndexed = false
  /** Whether one statement is likely to move all rows of a batch. */
  areTriedAtOnce = true

  constructor(name: string, query: Query) {
    this.#name = name
    this.#query = query
  }

  /** All rows of a query; undefined when it fails: a condition of it does, or a table may not be read. */
  async tryQuery<T>(sql: string, read: (row: readonly (string | null)[]) => T): Promise<T[] | undefined> {
    const query = this.#query
    // The temporary table has no statistics: what seems to be a few rows may be all.
    await query('SAVEPOINT copyist_question; SET LOCAL enable_nestloop = off; SET LOCAL jit = off')
    try {
      const rows = await this.pages(sql, read)
      await query('ROLLBACK TO SAVEPOINT copyist_question; RELEASE SAVEPOINT copyist_question')
      return rows
    } catch (error) {
      if (!(error instanceof CopyError) || /^(?:08|57)/.test(error.sqlState)) throw error
      await query('ROLLBACK TO SAVEPOINT copyist_question; RELEASE SAVEPOINT copyist_question')
      return undefined
    }
  }

  /** All rows of a query, fetched some at a time, so that others get their turn between. */
  async pages<T>(sql: string, read: (row: readonly (string | null)[]) => T): Promise<T[]> {
    const query = this.#query
    await query(`DECLARE copyist_rows NO SCROLL CURSOR FOR ${sql}`)
    const all: T[] = []
    for (;;) {
      const page = await query(`FETCH ${PAGE} FROM copyist_rows`)
      for (const row of page) all.push(read(row))
      if (page.length < PAGE) break
      await nextTurn()
    }
    await query('CLOSE copyist_rows')
    return all
  }

  /** Tries the rows of these numbers one by one. */
  async try(numbers: readonly number[]): Promise<Outcome> {
    if (numbers.length === 0) return { loaded: 0, conflicted: 0, refused: [] }
    const query = this.#query
    await this.index()
    await query(`UPDATE pg_temp.${this.#name} SET is_tried = false WHERE is_tried`)
    const tried = `SELECT pg_catalog.unnest(CAST($1 AS bigint[]))`
    await query(`UPDATE pg_temp.${this.#name} SET is_tried = true WHERE n IN (${tried})`, [`{${numbers.join()}}`])
    return this.run('tried')
  }

  /** Moves all rows. */
  async tryAll(before?: number): Promise<Outcome> {
    await this.index()
    return this.run('all', before)
  }

  /** @param before Rows of the load before the first of them, where rows with the keys of others that wait are to wait too. */
  async run(mode: keyof typeof MOVES, before = -1): Promise<Outcome> {
    let loaded = 0
    let conflicted = 0
    const found: { n: number; error: RowError }[] = []
    const sql = `SELECT * FROM pg_temp.${this.#name}(${MOVES[mode]}, ${before}) WITH ORDINALITY ORDER BY copyist_n, ordinality`
    await this.pages(sql, ([n, sqlState, text, detail, column, value]) => {
      if (n === null || n === undefined) {
        loaded = Number(text)
        conflicted = Number(detail)
        return
      }
      found.push({ n: Number(n), error: rowError(column, sqlState, text, detail, value) })
    })
    return { loaded, conflicted, refused: byRow(found) }
  }

  async remove(numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return
    const gone = `SELECT pg_catalog.unnest(CAST($1 AS bigint[]))`
    await this.#query(`DELETE FROM pg_temp.${this.#name} WHERE n IN (${gone})`, [`{${numbers.join()}}`])
  }

  /** Puts NULL or the default in place of values. */
  async replace(values: readonly BadValue[], request: LoadRequest): Promise<void> {
    const byColumn = new Map<number, number[]>()
    for (const { n, position } of values) {
      const numbers = byColumn.get(position)
      if (numbers === undefined) byColumn.set(position, [n])
      else numbers.push(n)
    }
    for (const [position, numbers] of byColumn) {
      const instead = replacementOf(request, position)
      // The column of the temporary table has the default of the table's where that is what a value becomes.
      const sql = instead === 'false' || instead === '0' ? `'${instead}'` : instead
      await this.#query(
        `UPDATE pg_temp.${this.#name} SET c${position} = ${sql} WHERE n IN (SELECT pg_catalog.unnest(CAST($1 AS bigint[])))`,
        [`{${numbers.join()}}`],
      )
    }
  }

  /** By the number of the row. */
  async index(): Promise<void> {
    if (this.isIndexed) return
    await this.#query(`CREATE INDEX ${this.#name}_n ON pg_temp.${this.#name} (n)`)
    this.isIndexed = true
  }
}

/** What a value becomes that the column of that position in the column list cannot take. */
export function replacementOf(
  { refusals, table, columns }: LoadRequest,
  position: number,
): 'null' | 'default' | 'false' | '0' {
  const column = table.columns[columns[position] ?? -1]
  if (refusals?.replaces !== 'default' || column?.hasDefault !== true) return 'null'
  return column.defaultSql === undefined ? 'default' : (column.zero ?? 'default')
}

/** What a function tells of a row that the server refuses. */
export function rowError(
  column: string | null | undefined,
  sqlState: string | null | undefined,
  message: string | null | undefined,
  detail: string | null | undefined,
  value: string | null | undefined,
): RowError {
  const state = sqlState ?? 'XX000'
  return {
    ...(column ? { column } : {}),
    sqlState: state,
    code: conditionName(state),
    message: message ?? '',
    ...(detail ? { detail } : {}),
    ...(value === null || value === undefined ? {} : { value: value.slice(0, MOST_SHOWN) }),
  }
}

/** Errors of rows, numbered from 1 and in their order, put together. */
export function byRow(found: readonly { readonly n: number; readonly error: RowError }[]): RefusedRow[] {
  const rows: { readonly row: number; readonly errors: RowError[] }[] = []
  for (const { n, error } of found) {
    const last = rows.at(-1)
    if (last?.row === n - 1) last.errors.push(error)
    else rows.push({ row: n - 1, errors: [error] })
  }
  return rows
}

/**
 * Tells of the refused rows of a batch that begins with row `first` of the load, and of those with replaced values, and lets others have their
 * turn between. Each of the two is in the order of the input.
 */
export async function tellInTurns(
  refused: readonly RefusedRow[],
  first: number,
  refusals: RowRefusals | undefined,
  replaced: readonly RefusedRow[] = [],
): Promise<void> {
  let since = performance.now()
  for (let [at, of] = [0, 0]; at < refused.length || of < replaced.length; ) {
    const [one, other] = [refused[at], replaced[of]]
    const isRefused = one !== undefined && (other === undefined || one.row < other.row)
    const { row, errors } = (isRefused ? one : other) as RefusedRow
    if (isRefused) at += 1
    else of += 1
    refusals?.[isRefused ? 'refuse' : 'replace'](first + row, errors)
    if (performance.now() - since < SLICE_MS) continue
    await nextTurn()
    await refusals?.settle(first + row + 1)
    await nextTurn()
    since = performance.now()
  }
}

/** Does something with each of very many, and lets others have their turn between. */
export async function inTurns<T>(all: readonly T[], then: (one: T) => void): Promise<void> {
  let since = performance.now()
  for (const one of all) {
    then(one)
    if (performance.now() - since < SLICE_MS) continue
    await nextTurn()
    since = performance.now()
  }
}
