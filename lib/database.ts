import { abandonInput, type CopyCallOptions, runCopy } from './copy.ts'
import { CopyError } from './errors.ts'
import type { Receipt } from './receipt.ts'
import type { Target } from './target/target.ts'

/** A connected database. Statements may run at the same time where the target has a connection for each. */
export class Database {
  readonly #target: Target
  #closed: Promise<void> | undefined
  /** Loads that are running. */
  readonly #running = new Set<Promise<unknown>>()

  private constructor(target: Target) {
    this.#target = target
  }

  /** @internal What {@link connect} makes. */
  static over(target: Target): Database {
    return new Database(target)
  }

  /** Which database this is. */
  get kind(): 'postgres' | 'duckdb' {
    return this.#target.kind
  }

  /**
   * Runs one COPY statement in one transaction and answers with its receipt.
   *
   * Rejects with {@link CopyError}; then nothing was loaded.
   */
  async copy(statement: string, options: CopyCallOptions = {}): Promise<Receipt> {
    if (this.#closed !== undefined) {
      abandonInput(options)
      throw new CopyError({
        code: 'connection_does_not_exist',
        sqlState: '08003',
        message: 'this database has been closed',
      })
    }
    const running = runCopy(this.#target, statement, options)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Waits for running loads, then closes what {@link connect} opened; a Pool, Client or connection of yours stays open. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#running)
      await this.#target.close()
    })()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
