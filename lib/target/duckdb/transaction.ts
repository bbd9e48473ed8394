import { setTimeout as sleep } from 'node:timers/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { LedgerSession } from '../../ledger/session.ts'
import type { LoadSession, SinkKind } from '../../native/load.ts'
import type { QualifiedName } from '../../statement/ast.ts'
import {
  type FieldStep,
  type InferredColumn,
  type LoadOutcome,
  type LoadRequest,
  type PlannedTable,
  plainColumn,
  type Refusing,
  type TableDescription,
  type TargetTransaction,
} from '../target.ts'
import { appendRows } from './append.ts'
import { isAboutTable } from './constraints.ts'
import { type DuckdbTableDescription, describeTable, missingPart } from './describe.ts'
import type { DuckdbDriver } from './driver.ts'
import { asConditionType, asCopyError, asUnseenKey } from './errors.ts'
import { checkCondition } from './expressions.ts'
import { loadReservedWords, printIdentifier } from './identifiers.ts'
import type { TransformPlan } from './insert.ts'
import { dispose, type LoadResult, runLoad } from './load.ts'
import { locateFailure } from './locate.ts'
import { query } from './query.ts'
import { Savepoint } from './savepoint.ts'
import type { Slots } from './slots.ts'
import { planTransform } from './transform.ts'
import { madeColumnOf } from './types.ts'

/** 2000-01-01 in microseconds since 1970-01-01. */
const POSTGRES_EPOCH = 946_684_800_000_000n

/** What {@link DuckdbTransaction} is made of. */
export interface TransactionInit {
  readonly driver: DuckdbDriver
  readonly connection: DuckDBConnection
  /** What a registered function outlives loads with: the instance, or the connection that the caller lent. */
  readonly owner: object
  /** The connection is inside a transaction of the caller's, which is his to commit. */
  readonly isCallers: boolean
  /** Nothing is to be written. */
  readonly isReadOnly: boolean
  readonly slots: Slots
  /** Called before a transaction of our own is committed. */
  onCommit?(): void
  /** Gives the connection back. */
  done(): void
}

/**
 * One load's transaction.
 *
 * In a transaction of the caller's, `commit` and `rollback` leave it open. DuckDB has no savepoints, so `rollback` takes back what the
 * load has done: it deletes the rows, and drops the table that was created. That works as long as DuckDB has not aborted the transaction,
 * which an error of any statement does once that is executed. So there no statement is run that can be known to fail. Where one has
 * failed all the same, or rows have been updated, the caller's transaction is aborted, so that no half of a file is committed by mistake:
 * DuckDB refuses every statement but ROLLBACK.
 */
export class DuckdbTransaction implements TargetTransaction {
  readonly #init: TransactionInit
  /** CREATE TABLE statements that ran in this transaction. */
  readonly #ddl: string[] = []
  #hasWritten = false
  /** What there was before the load, in a transaction of the caller's. */
  #savepoint: Savepoint | undefined
  /** That of the load. */
  #signal: AbortSignal | undefined
  /** What has been done cannot be taken back: rows have been updated, or the load been recorded. */
  #isFinal = false
  #created: QualifiedName | undefined
  #complete: (() => Promise<void>) | undefined
  #transform: TransformPlan | undefined
  #isLoaded = false
  /** The record of loads has been written in this transaction. */
  #hasRecord = false
  #isOpen = true
  #hasEnded = false

  private constructor(init: TransactionInit) {
    this.#init = init
  }

  /** Begins a transaction, unless it is the caller's. */
  static async begin(init: TransactionInit): Promise<DuckdbTransaction> {
    if (!init.isCallers)
      await run(init.connection, init.isReadOnly ? 'BEGIN TRANSACTION READ ONLY' : 'BEGIN TRANSACTION')
    return new DuckdbTransaction(init)
  }

  describe(table: QualifiedName): Promise<TableDescription | undefined> {
    return describeTable(this.#init.driver, this.#init.connection, table)
  }

  missingPart(table: QualifiedName): Promise<'schema' | 'catalog' | undefined> {
    return missingPart(this.#init.connection, table)
  }

  async session(): Promise<LoadSession> {
    const { connection } = this.#init
    // The setting belongs to the extension icu; without it there is no time zone but UTC.
    const zone = `SELECT value FROM duckdb_settings() WHERE name = 'TimeZone'`
    const [session] = await query(connection, `SELECT epoch_us(now()), coalesce((${zone}), 'UTC')`)
    return {
      dateOrder: 'mdy',
      intervalStyle: 'postgres',
      timeZone: String(session?.[1]),
      now: BigInt(session?.[0] as bigint) - POSTGRES_EPOCH,
      zoneWords: 'all',
    }
  }

  async planTable(table: QualifiedName, columns: readonly InferredColumn[]): Promise<PlannedTable> {
    const reserved = await loadReservedWords(this.#init.connection)
    const name = [table.catalog, table.schema, table.name]
      .flatMap((part) => (part === undefined ? [] : [printIdentifier(part.value, reserved)]))
      .join('.')
    const made = columns.map((column) => ({ name: column.name, ...madeColumnOf(column) }))
    const list = made.map((column) => `  ${printIdentifier(column.name, reserved)} ${column.sql}`).join(',\n')
    const description: TableDescription = {
      sqlName: name,
      relationName: table.name.value,
      columns: made.map((column) => plainColumn(column.name, column.type, column.sql)),
    }
    return { ddl: `CREATE TABLE ${name} (\n${list}\n)`, description }
  }

  async createTable(table: QualifiedName, columns: readonly InferredColumn[]): Promise<string> {
    const { ddl } = await this.planTable(table, columns)
    this.#hasWritten = true
    await run(this.#init.connection, ddl)
    this.#created = table
    this.#ddl.push(ddl)
    return ddl
  }

  sinkFor(): SinkKind {
    return this.#init.driver.feed === 'native' ? 'duckdb_served' : 'duckdb'
  }

  async transform(
    table: TableDescription,
    columns: readonly number[],
    steps: readonly (FieldStep | undefined)[],
  ): Promise<TableDescription> {
    const { driver, connection } = this.#init
    const plan = await planTransform(driver, connection, table as DuckdbTableDescription, columns, steps)
    this.#transform = plan
    return {
      ...table,
      columns: table.columns.map((column, index) => plan.fields[columns.indexOf(index)] ?? column),
    }
  }

  async lookAtCondition(table: TableDescription, _columns: readonly number[], where: string): Promise<void> {
    await checkCondition(this.#init.connection, table as DuckdbTableDescription, where).catch((error: unknown) => {
      throw asConditionType(asCopyError(error), where)
    })
  }

  async refusing(table: TableDescription): Promise<Refusing> {
    const about = isAboutTable(table as DuckdbTableDescription)
    // One list: several subqueries take DuckDB three times as long, which is felt in each load.
    const found = await query(
      this.#init.connection,
      `SELECT constraint_type, constraint_column_names::VARCHAR[] FROM duckdb_constraints()
       WHERE constraint_type <> 'NOT NULL' AND ${about}
       UNION ALL SELECT 'INDEX', [] FROM duckdb_indexes() WHERE is_unique AND ${about}`,
    )
    const read = found.flatMap(([type, names]) => (type === 'CHECK' ? (names as readonly unknown[]) : []))
    const lower = new Set(read.map((name) => String(name).toLowerCase()))
    const checked = table.columns.flatMap(({ name }) => (lower.has(name.toLowerCase()) ? [name] : []))
    return { isAny: found.length > 0 || table.columns.some(({ generated }) => generated), checked }
  }

  async analyze(table: TableDescription): Promise<void> {
    await run(this.#init.connection, `ANALYZE ${(table as DuckdbTableDescription).fullName}`)
  }

  async load(request: LoadRequest): Promise<LoadOutcome> {
    const { driver, connection, owner, slots, isCallers } = this.#init
    const table = request.table as DuckdbTableDescription
    this.#signal = request.signal
    if (isCallers && this.#created === undefined) this.#savepoint = await Savepoint.set(connection, table)
    const result = await runLoad(
      {
        driver,
        connection,
        owner,
        slots,
        isGuarded: isCallers,
        transform: this.#transform,
        renew: () => this.#renew(),
        onUpdate: () => {
          this.#isFinal = true
        },
        onWrite: () => {
          this.#hasWritten = true
        },
      },
      request,
    )
    if (result.ok) {
      this.#isLoaded = true
      this.#complete = result.complete
      return result.outcome
    }
    const error = await this.#explain(result, request)
    if (!isCallers || !this.#hasWritten || (await this.#undo())) throw error
    throw needsRollback(error)
  }

  /** Begins anew with the tables that this transaction has created; not where the record of loads has been made ready in it. */
  async #renew(): Promise<boolean> {
    const { connection, isCallers } = this.#init
    if (isCallers || this.#hasRecord) return false
    await run(connection, 'ROLLBACK')
    await run(connection, 'BEGIN TRANSACTION')
    for (const ddl of this.#ddl) await run(connection, ddl)
    return true
  }

  /** Takes back what was done in the caller's transaction; whether that was possible. */
  async #undo(): Promise<boolean> {
    if (this.#isFinal) return false
    const { connection } = this.#init
    try {
      if (this.#created !== undefined) {
        const created = await this.describe(this.#created)
        if (created !== undefined) await connection.run(`DROP TABLE ${(created as DuckdbTableDescription).fullName}`)
      } else if (this.#savepoint !== undefined) {
        if (!(await this.#savepoint.restore(this.#signal))) return false
      } else {
        // Nothing but the record of loads has been made ready, if DuckDB still answers.
        await connection.run('SELECT 1')
      }
    } catch {
      return false
    }
    this.#hasWritten = false
    return true
  }

  /** Looks for the row at fault. Only where the transaction is ours, since the search begins with its end. */
  async #explain({ error, failed }: Extract<LoadResult, { ok: false }>, request: LoadRequest): Promise<CopyError> {
    if (failed === undefined) return error
    try {
      if (this.#init.isCallers || !/^2[23]/.test(error.sqlState)) return error
      const { connection, owner } = this.#init
      await connection.run('ROLLBACK')
      this.#isOpen = false
      const prepare = async (): Promise<void> => {
        for (const ddl of this.#ddl) await connection.run(ddl)
      }
      return await locateFailure(connection, failed, error, request.native, owner, prepare, request.signal)
    } catch {
      return error
    } finally {
      dispose(failed.feed, failed.window)
    }
  }

  get isCallers(): boolean {
    return this.#init.isCallers
  }

  async mayHaveLedger(catalog?: string): Promise<boolean> {
    const found = await query(
      this.#init.connection,
      `SELECT 1 FROM duckdb_schemas()
       WHERE schema_name = 'copyist' AND database_name = COALESCE(CAST($1 AS text), current_database())`,
      [catalog ?? null],
    )
    return found.length > 0
  }

  ledger(catalog?: string): LedgerSession {
    return {
      dialect: 'duckdb',
      ...(catalog !== undefined && { catalog }),
      query: async (sql, values) => {
        if (!/^\s*SELECT\b/i.test(sql)) {
          this.#hasWritten = true
          this.#hasRecord = true
        }
        // From when the load has ended it is recorded.
        if (/^\s*(?:INSERT|UPDATE|DELETE)\b/i.test(sql) && this.#isLoaded) this.#isFinal = true
        const rows = await this.#recording(query(this.#init.connection, sql, values))
        return rows.map((row) => row.map((value) => (value === null ? null : String(value))))
      },
      append: (table, rows) => {
        this.#hasWritten = true
        return this.#recording(appendRows(this.#init.driver, this.#init.connection, table, rows))
      },
    }
  }

  /** Work on the record of loads, whose error says so where it has cost the caller's transaction. */
  async #recording<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      const { connection, isCallers } = this.#init
      if (!isCallers) throw error
      const isAborted = await run(connection, 'SELECT 1').then(
        () => false,
        () => true,
      )
      throw isAborted ? needsRollback(asCopyError(error)) : error
    }
  }

  async commit(): Promise<void> {
    if (this.#hasEnded) return
    if (!this.#init.isCallers) {
      this.#init.onCommit?.()
      await run(this.#init.connection, 'COMMIT').catch((error: CopyError) => {
        // What the load's own rows share has been found by then.
        throw asUnseenKey(error)
      })
      this.#isOpen = false
    } else if (this.#complete !== undefined) {
      this.#isFinal = true
      await this.#complete().catch((error: unknown) => {
        throw needsRollback(asUnseenKey(asCopyError(error)))
      })
    }
    await this.#end()
  }

  async rollback(): Promise<void> {
    if (this.#hasEnded) return
    const { connection, isCallers } = this.#init
    try {
      if (!isCallers) {
        if (this.#isOpen) await connection.run('ROLLBACK')
      } else if (this.#hasWritten && !(await this.#undo())) {
        await connection.run(`SELECT error('a COPY in this transaction failed')`)
      }
    } catch {
      // A transaction that DuckDB has ended already, and the error that was asked for.
    }
    await this.#end()
  }

  async #end(): Promise<void> {
    this.#hasEnded = true
    await this.#init.slots.dispose()
    this.#init.done()
  }
}

/** The caller's next COMMIT would be a rollback that DuckDB calls a success. */
function needsRollback(error: CopyError): CopyError {
  const { code, sqlState, message, position, detail, context, statement, cause } = error
  const word =
    'The transaction that the load was in is aborted: DuckDB has no savepoints, and this could not be foreseen or taken back. Only ROLLBACK can follow.'
  const hint = error.hint === undefined ? word : `${error.hint} ${word}`
  return new CopyError({ code, sqlState, message, position, detail, hint, context, statement, cause })
}

async function run(connection: DuckDBConnection, sql: string): Promise<void> {
  try {
    await connection.run(sql)
  } catch (error) {
    throw asCopyError(error)
  }
}

/**
 * Whether a connection is inside a transaction. Asked by `now()`, which stands still in one: BEGIN would answer as well, but when
 * refused it aborts the transaction that it found.
 *
 * @throws {CopyError} 25P02 when that transaction has been aborted.
 */
export async function isInTransaction(connection: DuckDBConnection): Promise<boolean> {
  const now = async (): Promise<unknown> => (await query(connection, 'SELECT epoch_us(now())'))[0]?.[0]
  const first = await now()
  if ((await now()) !== first) return false
  // Outside of a transaction two statements begin in the same microsecond only on a coarse clock.
  await sleep(20)
  return (await now()) === first
}
