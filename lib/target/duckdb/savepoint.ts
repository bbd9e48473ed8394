import type { DuckDBConnection } from '@duckdb/node-api'
import { constraintsOf, type ForeignKey, partOf } from './constraints.ts'
import type { DuckdbTableDescription } from './describe.ts'
import { query } from './query.ts'

/*
 * What DuckDB has no savepoints for
 *
 * Rows that a transaction inserts are numbered from a number on that no committed row reaches, in the order in which they come, until
 * it is committed. So those of a load are all that come after the last one that was there before, and can be deleted. What else can be
 * counted on was found by experiment, see ARCHITECTURE.md.
 */

/** The first rowid that a row of a transaction under way can have: DuckDB's MAX_ROW_ID. */
const FIRST_LOCAL_ROW = 36_028_797_018_960_000n

/** How long rows that refer to each other, of which each costs a statement, are deleted after the signal has fired. */
const PATIENCE_MS = 1_000

/** Whether rows of a table are numbered as DuckDB's own storage does it, and can be asked for by `rowid`. */
async function isNumbered(connection: DuckDBConnection, table: DuckdbTableDescription): Promise<boolean> {
  if (table.columns.some(({ name }) => name.toLowerCase() === 'rowid')) return false
  try {
    // A statement that cannot be understood leaves the transaction intact.
    const prepared = await connection.prepare(`SELECT rowid FROM ${table.fullName}`)
    prepared.destroySync()
    return true
  } catch {
    return false
  }
}

/** How the rows of a table were before a load, in a transaction under way. */
export class Savepoint {
  readonly #connection: DuckDBConnection
  readonly #table: DuckdbTableDescription
  /** The last row; undefined where rows are not numbered as DuckDB's own storage does it, so that those of a load cannot be told. */
  readonly #last: bigint | undefined
  readonly #rows: bigint
  readonly #selfReferences: readonly ForeignKey[]

  private constructor(
    connection: DuckDBConnection,
    table: DuckdbTableDescription,
    [last, rows]: readonly [bigint | undefined, bigint],
    selfReferences: readonly ForeignKey[],
  ) {
    this.#connection = connection
    this.#table = table
    this.#last = last
    this.#rows = rows
    this.#selfReferences = selfReferences
  }

  /** Remembers the rows. */
  static async set(connection: DuckDBConnection, table: DuckdbTableDescription): Promise<Savepoint> {
    const { foreignKeys } = await constraintsOf(connection, table)
    if (!(await isNumbered(connection, table))) {
      const [counted] = await query(connection, `SELECT count(*) FROM ${table.fullName}`)
      return new Savepoint(connection, table, [undefined, BigInt(String(counted?.[0]))], [])
    }
    const [row] = await query(
      connection,
      `SELECT (SELECT max(rowid) FROM ${table.fullName} WHERE rowid >= ${FIRST_LOCAL_ROW}), (SELECT count(*) FROM ${table.fullName})`,
    )
    const last = row?.[0] == null ? FIRST_LOCAL_ROW - 1n : BigInt(String(row[0]))
    const selfReferences = foreignKeys.filter(({ otherTable }) => otherTable === undefined)
    return new Savepoint(connection, table, [last, BigInt(String(row?.[1]))], selfReferences)
  }

  /**
   * Deletes the rows that have come since; whether those of before are left, and no others. Rows that refer to each other cost a statement
   * each: when the signal has fired, that is given up.
   */
  async restore(signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#last === undefined) return (await this.#surplus()) === 0n
    let abortedAt: number | undefined
    // A row that another of the same table refers to goes in a statement of its own after that.
    for (let left = await this.#surplus(); left > 0n; ) {
      if (signal?.aborted) {
        abortedAt ??= performance.now()
        if (performance.now() - abortedAt > PATIENCE_MS) return false
      }
      const { rowsChanged } = await this.#connection.run(
        `DELETE FROM ${this.#table.fullName} AS o WHERE o.rowid > ${this.#last}${this.#unreferenced()}`,
      )
      if (rowsChanged === 0) return false
      left -= BigInt(rowsChanged)
    }
    return (await this.#surplus()) === 0n
  }

  async #surplus(): Promise<bigint> {
    const [row] = await query(this.#connection, `SELECT count(*) FROM ${this.#table.fullName}`)
    return BigInt(String(row?.[0])) - this.#rows
  }

  #unreferenced(): string {
    return this.#selfReferences
      .map(({ columns, otherColumns }) => {
        const pairs = columns.map((name, at) => {
          const other = partOf(this.#table, otherColumns[at] ?? '')
          return `r.${partOf(this.#table, name)} = o.${other}`
        })
        return ` AND NOT EXISTS (FROM ${this.#table.fullName} AS r WHERE ${pairs.join(' AND ')})`
      })
      .join('')
  }
}
