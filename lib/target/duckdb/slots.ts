import { randomBytes } from 'node:crypto'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { FeedSource } from './insert.ts'
import { query } from './query.ts'
import { ROW_GROUP_ROWS } from './row-feed.ts'

/** How many rows there are slots for. */
export interface SlotsSize {
  /** Threads that DuckDB has, as far as they can all work on a window. */
  readonly threads: number
  /** Row groups that a window may have. */
  readonly groups: number
}

/** Gives the numbers of a window's rows as a table that all threads scan at once. */
export interface Slots {
  readonly size: SlotsSize
  /** The first `rows` numbers, at most `groups` row groups of them. */
  source(rows: number): Promise<FeedSource>
  /** The load's transaction was rolled back and has begun anew. */
  renew(): void
  /** The load is over, its transaction is not. */
  drop(): Promise<void>
  /** The transaction has ended. Never rejects. */
  dispose(): Promise<void>
}

/** More row groups than this seldom fit the memory of a load, and their numbers take time to write. */
const MOST_GROUPS = 16

/** Row groups a thread: the end of an INSERT is DuckDB's work in one thread, of which more of them bear the cost. */
const GROUPS_A_THREAD = 2

/** The threads that DuckDB has at the moment, and row groups for them. */
async function sizeFor(connection: DuckDBConnection): Promise<SlotsSize> {
  const [row] = await query(connection, `SELECT current_setting('threads')`)
  const threads = Math.min(MOST_GROUPS, Math.max(1, Number(row?.[0] ?? 1)))
  // One thread has nobody to wait for.
  return { threads, groups: threads === 1 ? 1 : Math.min(MOST_GROUPS, threads * GROUPS_A_THREAD) }
}

/**
 * Slots in the load's own transaction: a temporary table that is dropped before the end, so that it leaves no trace. For the
 * caller's transactions. DuckDB scans rows that are not committed yet in one thread, so such a load is slower.
 */
export class TransactionSlots implements Slots {
  readonly size: SlotsSize
  readonly #connection: DuckDBConnection
  readonly #sqlName = `temp.main.copyist_slots_${randomBytes(8).toString('hex')}`
  #rows = 0

  private constructor(connection: DuckDBConnection, size: SlotsSize) {
    this.#connection = connection
    this.size = size
  }

  static async open(connection: DuckDBConnection): Promise<TransactionSlots> {
    return new TransactionSlots(connection, await sizeFor(connection))
  }

  async source(rows: number): Promise<FeedSource> {
    if (rows > this.#rows) {
      const size = Math.ceil(rows / ROW_GROUP_ROWS) * ROW_GROUP_ROWS
      await this.drop()
      // A column, not rowid: rows of a transaction that is under way are not numbered from 0.
      await this.#connection.run(
        `CREATE TEMP TABLE ${this.#sqlName} AS SELECT "range" AS n FROM system.main.range(${size})`,
      )
      this.#rows = size
    }
    return { kind: 'table', sqlName: this.#sqlName, column: 'n', rows }
  }

  renew(): void {
    this.#rows = 0
  }

  async drop(): Promise<void> {
    if (this.#rows > 0) await this.#connection.run(`DROP TABLE ${this.#sqlName}`)
    this.#rows = 0
  }

  dispose(): Promise<void> {
    return Promise.resolve()
  }
}

/** Slots for one load on a connection that is lent: a temporary table, made before the load's transaction and dropped after it. */
export class CommittedSlots implements Slots {
  readonly size: SlotsSize
  readonly #connection: DuckDBConnection
  readonly #sqlName = `temp.main.copyist_slots_${randomBytes(8).toString('hex')}`

  private constructor(connection: DuckDBConnection, size: SlotsSize) {
    this.#connection = connection
    this.size = size
  }

  /** The connection must not be in a transaction. */
  static async open(connection: DuckDBConnection): Promise<CommittedSlots> {
    const slots = new CommittedSlots(connection, await sizeFor(connection))
    // A window of one row group needs no table.
    if (slots.size.groups > 1) await connection.run(createSlots('TEMP TABLE', slots.#sqlName, slots.size.groups))
    return slots
  }

  source(rows: number): Promise<FeedSource> {
    return Promise.resolve({ kind: 'table', sqlName: this.#sqlName, column: 'rowid', rows })
  }

  renew(): void {}

  drop(): Promise<void> {
    return Promise.resolve()
  }

  async dispose(): Promise<void> {
    if (this.size.groups === 1) return
    // Where the connection is closed by now, the table is gone with it.
    await this.#connection.run(`DROP TABLE IF EXISTS ${this.#sqlName}`).catch(() => undefined)
  }
}

/** A table of NULLs, which take next to no space: what counts is their row numbers. */
function createSlots(kind: 'TABLE' | 'TEMP TABLE', sqlName: string, groups: number): string {
  return `CREATE ${kind} ${sqlName} AS SELECT NULL::BOOLEAN AS slot FROM system.main.range(${groups * ROW_GROUP_ROWS})`
}

/**
 * Slots of an instance of our own, for all its loads: tables in a database in memory.
 *
 * A transaction sees an attached database as it was when the transaction first touched it, and a look into DuckDB's catalog, such
 * as that for the load's own table, touches all that are attached. So the table that a load is going to scan must be there before
 * the load's transaction begins; made when first needed, it would be unknown to loads that were already under way.
 */
export class SharedSlots {
  readonly #instance: DuckDBInstance
  readonly #database = `copyist_slots_${randomBytes(8).toString('hex')}`
  #connection: DuckDBConnection | undefined
  /** Row groups of the largest table. */
  #groups = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(instance: DuckDBInstance) {
    this.#instance = instance
  }

  /** Slots for one load. To be asked for before its transaction begins. */
  open(): Promise<Slots> {
    // Loads begin side by side, and a table must be made once.
    const opened = this.#last.then(() => this.#open())
    this.#last = opened.catch(() => undefined)
    return opened
  }

  async #open(): Promise<Slots> {
    this.#connection ??= await this.#instance.connect()
    // DuckDB's threads may be set at any time. Loads under way keep the table they began with.
    const size = await sizeFor(this.#connection)
    const { groups } = size
    if (groups > 1 && groups > this.#groups) {
      if (this.#groups === 0) await this.#connection.run(`ATTACH IF NOT EXISTS ':memory:' AS ${this.#database}`)
      await this.#connection.run(createSlots('TABLE', this.#sqlName(groups), groups))
      this.#groups = groups
    }
    const sqlName = this.#sqlName(this.#groups)
    return {
      size,
      source: (rows) => Promise.resolve({ kind: 'table', sqlName, column: 'rowid', rows }),
      renew: () => undefined,
      // They outlive the load.
      drop: () => Promise.resolve(),
      dispose: () => Promise.resolve(),
    }
  }

  #sqlName(groups: number): string {
    return `${this.#database}.main.slots_${groups}`
  }

  /** Detaches the database. No load may be running. */
  async close(): Promise<void> {
    await this.#last
    if (this.#groups > 0) await this.#connection?.run(`DETACH ${this.#database}`)
    this.#connection?.closeSync()
    this.#connection = undefined
  }
}
