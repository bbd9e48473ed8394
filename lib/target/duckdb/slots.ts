import { randomBytes } from 'node:crypto'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { RowSource } from './insert.ts'
import { ROW_GROUP_ROWS } from './row-feed.ts'

/** Gives the numbers of a window's rows as a table that all threads scan at once. */
export interface Slots {
  source(rows: number): Promise<RowSource>
  /** The transaction is about to be committed. */
  drop(): Promise<void>
}

/**
 * Slots in the load's own transaction: a temporary table that is dropped before the end, so that it leaves no trace. For connections
 * that are lent. DuckDB scans rows that are not committed yet a little more slowly than {@link SharedSlots}.
 */
export class TransactionSlots implements Slots {
  readonly #connection: DuckDBConnection
  readonly #sqlName = `temp.main.copyist_slots_${randomBytes(8).toString('hex')}`
  #rows = 0

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  async source(rows: number): Promise<RowSource> {
    if (rows > this.#rows) {
      const size = wholeRowGroups(rows)
      await this.drop()
      // A column, not rowid: rows of a transaction that is under way are not numbered from 0.
      await this.#connection.run(
        `CREATE TEMP TABLE ${this.#sqlName} AS SELECT "range" AS n FROM system.main.range(${size})`,
      )
      this.#rows = size
    }
    return { kind: 'table', sqlName: this.#sqlName, column: 'n', rows }
  }

  async drop(): Promise<void> {
    if (this.#rows > 0) await this.#connection.run(`DROP TABLE ${this.#sqlName}`)
    this.#rows = 0
  }
}

/** Slots of an instance of our own, for all its loads: tables in a database in memory, attached when a load first asks. */
export class SharedSlots implements Slots {
  readonly #instance: DuckDBInstance
  readonly #database = `copyist_slots_${randomBytes(8).toString('hex')}`
  #connection: DuckDBConnection | undefined
  /** Row counts of the tables that there are. */
  readonly #sizes: number[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(instance: DuckDBInstance) {
    this.#instance = instance
  }

  source(rows: number): Promise<RowSource> {
    // Loads run side by side, and a table must be made once.
    const source = this.#last.then(() => this.#source(rows))
    this.#last = source.catch(() => undefined)
    return source
  }

  async #source(rows: number): Promise<RowSource> {
    if (this.#connection === undefined) {
      const connection = await this.#instance.connect()
      await connection.run(`ATTACH ':memory:' AS ${this.#database}`)
      this.#connection = connection
    }
    let size = this.#sizes.find((candidate) => candidate >= rows)
    if (size === undefined) {
      size = wholeRowGroups(rows)
      await this.#connection.run(
        `CREATE TABLE ${this.#database}.main.slots_${size} AS SELECT NULL::BOOLEAN AS slot FROM system.main.range(${size})`,
      )
      this.#sizes.push(size)
      this.#sizes.sort((left, right) => left - right)
    }
    return { kind: 'table', sqlName: `${this.#database}.main.slots_${size}`, column: 'rowid', rows }
  }

  async drop(): Promise<void> {
    // They outlive the load.
  }

  /** Detaches the database. No load may be running. */
  async close(): Promise<void> {
    await this.#last
    await this.#connection?.run(`DETACH ${this.#database}`)
    this.#connection?.closeSync()
    this.#connection = undefined
  }
}

function wholeRowGroups(rows: number): number {
  return Math.ceil(rows / ROW_GROUP_ROWS) * ROW_GROUP_ROWS
}
