import { resolve } from 'node:path'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { Target, TargetCapabilities, TargetTransaction } from '../target.ts'
import { type DuckdbDriver, loadDriver } from './driver.ts'
import { abortError, asCopyError, openError } from './errors.ts'
import { isAbsent, removeEmpty } from './leftover.ts'
import { CommittedSlots, SharedSlots, type Slots, TransactionSlots } from './slots.ts'
import { DuckdbTransaction, isInTransaction } from './transaction.ts'

const CAPABILITIES: TargetCapabilities = { caseInsensitiveNames: true, freezes: false }

/**
 * Opens a DuckDB database as a target.
 *
 * @param target `':memory:'`, a file (created when there is none; `duckdb:` may stand before it), or a connection of the caller's,
 * which stays open and stays in the transaction it is in, if any. A file that this process has open by a `DuckDBInstance.create`
 * of its own must be lent as a connection: DuckDB cannot tell that it would open it twice.
 * @throws {CopyError} 0A000 without the package or for a connection of another copy of it, 55P03 for a file that another process
 * has open, 42809 for one that is not a database, 42501 and 58P01 for one that cannot be opened or made.
 */
export async function connectDuckdb(target: string | DuckDBConnection): Promise<Target> {
  const driver = await loadDriver()
  if (typeof target !== 'string') {
    if (!(target instanceof driver.api.DuckDBConnection)) throw foreignConnection()
    return new BorrowedTarget(driver, target)
  }
  const path = databasePath(target)
  const isNew = path !== ':memory:' && isAbsent(path)
  try {
    // By the cache, so that a second target on the same file shares the instance: the lock on a file does not keep its own process
    // out. ':memory:' is a database of its own each time.
    const instance = await (path === ':memory:'
      ? driver.api.DuckDBInstance.create(path)
      : driver.api.DuckDBInstance.fromCache(path))
    if (path !== ':memory:') await checkIsDatabase(instance, path)
    return new InstanceTarget(driver, instance, isNew ? resolve(path) : undefined)
  } catch (error) {
    throw error instanceof CopyError ? error : openError(error, path)
  }
}

/** A function made by one copy of the library and registered in another would be memory misread. */
function foreignConnection(): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: 'the DuckDBConnection comes from another copy of @duckdb/node-api than the one that copyist uses',
    hint: 'See "npm ls @duckdb/node-api"; with one version for both, npm installs one copy. Or pass the path of the file.',
  })
}

/** DuckDB opens a CSV, JSON or Parquet file as a database in memory with a view of it, where rows would be lost. */
async function checkIsDatabase(instance: DuckDBInstance, path: string): Promise<void> {
  const connection = await instance.connect()
  try {
    const reader = await connection.runAndReadAll(
      'SELECT count(*) FROM duckdb_databases() WHERE database_name = current_database() AND path IS NOT NULL',
    )
    if (Number(reader.getRows()[0]?.[0]) === 1) return
  } finally {
    connection.closeSync()
  }
  instance.closeSync()
  throw new CopyError({
    code: 'wrong_object_type',
    sqlState: '42809',
    message: `"${path}" is not a DuckDB database`,
    detail: 'DuckDB reads it as data; rows loaded into it would be lost.',
    hint: 'Name a DuckDB file as the target, and this file in the statement: COPY table FROM …',
  })
}

/** `duckdb:file`, `duckdb:///file` and `file` alike. */
function databasePath(target: string): string {
  const path = target.replace(/^duckdb:(?:\/\/)?/i, '')
  return path === '' ? ':memory:' : path
}

/** A database of our own: a connection for each transaction, so that loads run side by side. */
class InstanceTarget implements Target {
  readonly kind = 'duckdb'
  readonly capabilities = CAPABILITIES
  readonly #driver: DuckdbDriver
  readonly #instance: DuckDBInstance
  readonly #slots: SharedSlots
  readonly #running = new Set<Promise<void>>()
  #closed: Promise<void> | undefined
  /** The file that connecting made, as long as nothing was committed to it. */
  #madeFile: string | undefined

  constructor(driver: DuckdbDriver, instance: DuckDBInstance, madeFile: string | undefined) {
    this.#madeFile = madeFile
    this.#driver = driver
    this.#instance = instance
    this.#slots = new SharedSlots(instance)
  }

  begin(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, false)
  }

  look(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, true)
  }

  async #begin(signal: AbortSignal | undefined, isReadOnly: boolean): Promise<TargetTransaction> {
    if (signal?.aborted) throw abortError(signal)
    if (this.#closed !== undefined) throw asCopyError(new Error('Connection Error: the database has been closed'))
    const { promise, resolve: settle } = deferred()
    this.#running.add(promise)
    let connection: DuckDBConnection | undefined
    const done = (): void => {
      connection?.closeSync()
      this.#running.delete(promise)
      settle()
    }
    try {
      const shared = isReadOnly ? undefined : await this.#slots.open()
      connection = await this.#instance.connect()
      // These are made when they are asked for, which nobody does who only looks.
      const slots = shared ?? (await TransactionSlots.open(connection))
      return await DuckdbTransaction.begin({
        driver: this.#driver,
        connection,
        owner: this.#instance,
        isCallers: false,
        isReadOnly,
        slots,
        // From here on it may have been committed, whatever the answer is.
        onCommit: () => {
          this.#madeFile = undefined
        },
        done,
      })
    } catch (error) {
      done()
      throw asCopyError(error)
    }
  }

  /** Waits for transactions under way, then gives the file back; one of its own that nothing was ever put into it removes. */
  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#running)
      .then(() => this.#slots.close())
      .finally(() => this.#instance.closeSync())
      .then(() => (this.#madeFile === undefined ? undefined : removeEmpty(this.#driver, this.#madeFile)))
    return this.#closed
  }
}

/** The end of the last transaction on each connection that was lent, whatever target it was lent to. */
const queues = new WeakMap<DuckDBConnection, Promise<void>>()

/** Bytes of an input that hardly fills one row group, which one thread loads. */
const SMALL_INPUT = 2 << 20

/** A connection of the caller's: one transaction after the other. */
class BorrowedTarget implements Target {
  readonly kind = 'duckdb'
  readonly capabilities = CAPABILITIES
  readonly #driver: DuckdbDriver
  readonly #connection: DuckDBConnection

  constructor(driver: DuckdbDriver, connection: DuckDBConnection) {
    this.#driver = driver
    this.#connection = connection
  }

  begin(signal?: AbortSignal, bytes?: number): Promise<TargetTransaction> {
    return this.#begin(signal, bytes, false)
  }

  look(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, undefined, true)
  }

  async #begin(
    signal: AbortSignal | undefined,
    bytes: number | undefined,
    isReadOnly: boolean,
  ): Promise<TargetTransaction> {
    const connection = this.#connection
    const before = queues.get(connection) ?? Promise.resolve()
    const { promise, resolve: done } = deferred()
    queues.set(
      connection,
      before.then(() => promise),
    )
    let slots: Slots | undefined
    try {
      await untilAborted(before, signal)
      const isCallers = await isInTransaction(connection)
      const isSmall = bytes !== undefined && bytes < SMALL_INPUT
      slots = await (isCallers || isSmall || isReadOnly ? TransactionSlots : CommittedSlots).open(connection)
      return await DuckdbTransaction.begin({
        driver: this.#driver,
        connection,
        owner: connection,
        isCallers,
        isReadOnly,
        slots,
        done,
      })
    } catch (error) {
      await slots?.dispose()
      done()
      throw asCopyError(error)
    }
  }

  async close(): Promise<void> {
    await queues.get(this.#connection)
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** Settles with `promise`, or rejects as soon as the signal fires. */
async function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise
  if (signal.aborted) throw abortError(signal)
  const { promise: aborted, resolve } = deferred()
  signal.addEventListener('abort', resolve, { once: true })
  try {
    await Promise.race([promise, aborted])
    if (signal.aborted) throw abortError(signal)
  } finally {
    signal.removeEventListener('abort', resolve)
  }
}
