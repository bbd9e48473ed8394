import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Connections } from './access/connections.ts'
import type { AccessPolicy } from './access/policy.ts'
import { runCopy } from './copy.ts'
import type { CopyCallOptions } from './copy-call.ts'
import { CopyError } from './errors.ts'
import { runExplain } from './explain.ts'
import type { Explanation } from './explanation.ts'
import { type PurgeOptions, purge, type RejectsOptions, readBatch } from './history.ts'
import type { Purged } from './ledger/records.ts'
import type { Receipt } from './receipt.ts'
import type { Reject } from './rejects.ts'
import type { Retention } from './retention.ts'
import type { AnyRow, RowOf } from './row-source.ts'
import { abandonInput } from './source.ts'
import type { Target } from './target/target.ts'

/** What holds for all statements of a connection. */
interface DatabaseSettings {
  readonly ledger?: boolean | undefined
  readonly retention?: Retention | undefined
  readonly access?: AccessPolicy | undefined
  readonly connections?: Connections | undefined
}

/** A connected database. Statements may run at the same time where the target has a connection for each. */
export class Database {
  readonly #target: Target
  readonly #settings: DatabaseSettings
  #closed: Promise<void> | undefined
  /** Loads and reads that are running. */
  readonly #running = new Set<Promise<unknown>>()

  private constructor(target: Target, settings: DatabaseSettings) {
    this.#target = target
    this.#settings = settings
  }

  /** @internal What {@link connect} makes. */
  static over(target: Target, settings: DatabaseSettings = {}): Database {
    return new Database(target, settings)
  }

  /** Which database this is. */
  get kind(): 'postgres' | 'duckdb' {
    return this.#target.kind
  }

  /**
   * Runs one COPY statement in one transaction and answers with its receipt.
   *
   * Rejects with {@link CopyError}; then nothing was loaded. `Row` is the type of the rows in `rows`, if there are any: with it, values
   * that no column takes, such as symbols, are errors of the compiler.
   */
  async copy<Row extends object & RowOf<Row> = AnyRow>(
    statement: string,
    options: CopyCallOptions<Row> = {},
  ): Promise<Receipt> {
    if (this.#closed !== undefined) abandonInput(options)
    const ledger = options?.ledger ?? this.#settings.ledger
    const call = ledger === undefined ? options : { ...options, ledger }
    return await this.#run(() => runCopy(this.#target, statement, call as CopyCallOptions, this.#settings))
  }

  /**
   * Says what a COPY statement would do: which options hold and why, where each column's values come from, how the rows would travel, and
   * what the load would fail with. Nothing is written to the database: on a server that is a transaction that may only read.
   *
   * The statement may begin with EXPLAIN. With EXPLAIN VALIDATE, or the option VALIDATE_ONLY, the whole input is read, and every row with an
   * error is counted and handed to `onReject` and `rejects`, as if the load went on after all errors; `failure` is still the load's. A stream
   * that need not be read is left as it is, and need not be given.
   *
   * Rejects with {@link CopyError} when the statement cannot be parsed, the database cannot be reached, or the call is aborted; all else that
   * a load would reject with is the explanation's `failure`.
   */
  async explain(statement: string, options: CopyCallOptions = {}): Promise<Explanation> {
    if (this.#closed !== undefined) abandonInput(options)
    return await this.#run(() => runExplain(this.#target, statement, options, this.#settings))
  }

  /**
   * The refused rows of a recorded load that have not been loaded since, in the order of the input. They are read some at a time, each
   * time as they are then; between two reads no connection is held.
   *
   * Rejects with {@link CopyError}: 22023 when no such load is recorded, 42P01 when none is at all.
   */
  async *rejects(loadId: string, options: RejectsOptions = {}): AsyncGenerator<Reject, void, undefined> {
    for (let after = 0; ; ) {
      const batch = await this.#run(() => readBatch(this.#target, loadId, after, options))
      const last = batch.at(-1)
      if (last === undefined) return
      yield* batch
      after = last.number
    }
  }

  /**
   * Forgets loads that ended before `olderThan`, with their files and refused rows, in one transaction. Unless asked for, loads that
   * completed stay as long as they have a LOAD_KEY or refused rows that nobody has loaded.
   */
  async purge(options: PurgeOptions): Promise<Purged> {
    return await this.#run(() => purge(this.#target, options))
  }

  /** Runs what {@link close} has to wait for. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      throw new CopyError({
        code: 'connection_does_not_exist',
        sqlState: '08003',
        message: 'this database has been closed',
      })
    }
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Waits for what is running, then closes what {@link connect} opened; a Pool, Client or connection of yours stays open. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#running)
      // Whoever waits for one of them hears of its end first.
      await nextTurn()
      await this.#target.close()
    })()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
