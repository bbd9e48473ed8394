import { CopyError } from '../../errors.ts'
import { type OpenStream, sendCancelRequest } from './cancel-request.ts'
import type { Client, QueryConfig, QueryResult } from './client.ts'
import {
  connectionFailure,
  isReadTimeout,
  isServerError,
  queryCanceled,
  readTimeout,
  toCopyError,
} from './server-error.ts'

/** PostgreSQL's transaction status, as every ReadyForQuery message reports it: idle, in a transaction, in a failed one. */
export type TransactionStatus = 'I' | 'T' | 'E'

/** An abort must have settled within 200 ms, the rollback included. */
const ABANDON_AFTER_MS = 150

/** For what may take its time, and whose outcome counts. */
const PATIENCE_MS = 1_000

/** How an exchange is stopped when its signal fires. */
export interface Supervision {
  /** Asks for the end on the connection itself. */
  readonly stop?: () => void
  /** How long `stop` may work before a CancelRequest is sent, milliseconds. */
  readonly graceMs?: number
  /**
   * `false` for an exchange whose outcome counts although the signal has fired, or pg's `query_timeout` (COMMIT, ROLLBACK). The
   * connection is given up only when the server does not react for {@link PATIENCE_MS}, and then the error is the connection's.
   */
  readonly abandon?: boolean
}

/** Values are read as the server wrote them: parsers that the application registered with pg must not change them. */
const RAW: NonNullable<QueryConfig['types']> = {
  getTypeParser: () => (value) => (typeof value === 'string' ? value : value.toString('utf8')),
}

/**
 * A client for the time of one transaction. It notices when the connection dies, so that an `error` event without any other
 * listener does not end the process; it knows the transaction status; and it is given back exactly once.
 */
export class Lease {
  readonly client: Client
  readonly #giveBack: (error?: Error) => void
  readonly #openStream: OpenStream | undefined
  #status: TransactionStatus | undefined
  #broken: Error | undefined
  #released = false
  #cancelling: Promise<void> | undefined
  /** Wait for the server to be ready, or for the connection's end. */
  #waiting: (() => void)[] = []
  /** The end of the connection, for those who wait for something that then never comes. */
  readonly #ended: Promise<void>
  #end: () => void = () => {}

  /**
   * `giveBack` gets the client back, with an error if it must not be used again. `openStream` is the pool's `stream`
   * option, for the connection of a CancelRequest.
   */
  constructor(client: Client, giveBack: (error?: Error) => void, openStream?: OpenStream) {
    this.client = client
    this.#giveBack = giveBack
    this.#openStream = openStream
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
    client.on('error', this.#onError)
    client.connection.on('readyForQuery', this.#onReady)
    client.connection.on('end', this.#onEnd)
  }

  /** As of the last statement run here; undefined before the first. */
  get status(): TransactionStatus | undefined {
    return this.#status
  }

  /** Why the connection cannot be used any more, if so. */
  get broken(): Error | undefined {
    return this.#broken
  }

  /**
   * Runs one statement and returns its rows, every value as text. Rejects with a CopyError; when `signal` fires, the server
   * is asked to cancel and the error is 57014.
   */
  async query(
    text: string,
    values: readonly (string | null)[] = [],
    signal?: AbortSignal,
    how: Supervision = {},
  ): Promise<QueryResult['rows']> {
    return (await this.#run(text, values, signal, how)).rows
  }

  /** Runs one statement and returns the types of its columns: OID, a domain's base type, and modifier, -1 for none. */
  async fieldTypes(text: string, signal?: AbortSignal): Promise<{ readonly type: number; readonly typmod: number }[]> {
    const { fields } = await this.#run(text, [], signal, {})
    return fields.map(({ dataTypeID, dataTypeModifier }) => ({ type: dataTypeID, typmod: dataTypeModifier }))
  }

  #run(
    text: string,
    values: readonly (string | null)[],
    signal: AbortSignal | undefined,
    how: Supervision,
  ): Promise<QueryResult> {
    return this.supervise(
      signal,
      () =>
        new Promise((resolve, reject) => {
          if (this.#broken) return reject(this.#failure(this.#broken))
          const config: QueryConfig = { text, rowMode: 'array', types: RAW, ...(values.length > 0 && { values }) }
          this.client.query(config, (error, result) => {
            if (!error) return resolve(result)
            if (isReadTimeout(error)) {
              this.cancel()
              if (how.abandon === false)
                return void this.#answer(error).then(() => resolve({ rows: [], fields: [] }), reject)
            }
            if (!isServerError(error)) return reject(this.#failure(error))
            // pg reports an error when it arrives. Whether the connection lives on is known with the message after it.
            this.#waiting.push(() => reject(this.#failure(error)))
          })
        }),
      how,
    )
  }

  /**
   * Runs an exchange with the server so that an abort ends it within {@link ABANDON_AFTER_MS}: by its own `stop`, else by a
   * CancelRequest, else by giving the connection up. Rejects with what `exchange` rejects with, or with 57014 after an abort.
   */
  async supervise<T>(signal: AbortSignal | undefined, exchange: () => Promise<T>, how: Supervision = {}): Promise<T> {
    const { stop, graceMs = 0, abandon = true } = how
    if (signal?.aborted && abandon) throw queryCanceled(signal.reason)
    let grace: NodeJS.Timeout | undefined
    let deadline: NodeJS.Timeout | undefined
    const onAbort = () => {
      stop?.()
      grace = setTimeout(() => this.cancel(), graceMs)
      const patience = abandon ? ABANDON_AFTER_MS : PATIENCE_MS
      deadline = setTimeout(() => this.destroy(new Error('the server did not react to a cancel')), patience)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      const result = await exchange()
      if (signal?.aborted && abandon) throw queryCanceled(signal.reason)
      return result
    } catch (error) {
      // What is not given up is not over because the connection is.
      const broken = abandon ? this.#broken : undefined
      throw signal?.aborted && isCancellation(error, broken) ? queryCanceled(signal.reason) : error
    } finally {
      signal?.removeEventListener('abort', onAbort)
      clearTimeout(grace)
      // A cancel on its way could hit the next statement. One that takes too long costs the connection.
      await this.#cancelling
      clearTimeout(deadline)
    }
  }

  /** Sends a CancelRequest. The exchange that runs ends when the request has been dealt with. */
  cancel(): void {
    this.#cancelling = Promise.race([sendCancelRequest(this.client, this.#openStream), this.#ended])
  }

  /**
   * After a statement that pg has stopped waiting for: resolves when the server says that it is done, as a COMMIT that waits for a standby is when
   * it is cancelled.
   */
  async #answer(timeout: Error): Promise<void> {
    const { connection } = this.client
    let isDone = false
    let refusal: Error | undefined
    const onDone = () => {
      isDone = true
    }
    const onRefusal = (error: Error) => {
      refusal ??= error
    }
    connection.on('commandComplete', onDone)
    connection.on('errorMessage', onRefusal)
    const deadline = setTimeout(() => this.destroy(new Error('the server did not react to a cancel')), PATIENCE_MS)
    if (!this.#broken) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    clearTimeout(deadline)
    connection.removeListener('commandComplete', onDone)
    connection.removeListener('errorMessage', onRefusal)
    if (isDone) return
    if (refusal === undefined) throw this.#failure(this.#broken ?? new Error('its answer to a statement was missed'))
    const error = this.#failure(refusal)
    throw error.sqlState === '57014' ? readTimeout(timeout) : error
  }

  /** Cuts the connection. What runs on it fails; giving it back tells its pool to drop it. */
  destroy(reason: Error): void {
    this.#broken ??= reason
    this.client.connection.stream.destroy()
  }

  /** Gives the client back; a broken one with the reason, so that a pool drops it. Further calls do nothing. */
  release(): void {
    if (this.#released) return
    this.#released = true
    const { connection } = this.client
    connection.removeListener('readyForQuery', this.#onReady)
    // A connection that breaks may report it more than once: of a broken one the listener stays, for the client's short rest.
    if (!this.#broken) {
      this.client.removeListener('error', this.#onError)
      connection.removeListener('end', this.#onEnd)
    }
    this.#giveBack(this.#broken)
  }

  /** The driver's follow-up errors ("not queryable") say less than the first one. */
  #failure(error: unknown): CopyError {
    if (isServerError(error)) return toCopyError(error)
    if (this.#broken) return isServerError(this.#broken) ? toCopyError(this.#broken) : connectionFailure(this.#broken)
    if (isReadTimeout(error)) return readTimeout(error)
    this.#broken = error instanceof Error ? error : new Error(String(error))
    return connectionFailure(error)
  }

  readonly #onError = (error: Error): void => {
    this.#broken ??= error
    this.#wake()
  }

  readonly #onEnd = (): void => {
    this.#broken ??= new Error('Connection terminated')
    this.#end()
    this.#wake()
  }

  readonly #onReady = (message: { readonly status: TransactionStatus }): void => {
    this.#status = message.status
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}

/** Whether an error after an abort is the abort's effect, and not a failure that came before. */
function isCancellation(error: unknown, broken: Error | undefined): boolean {
  return broken !== undefined || (error instanceof CopyError && error.sqlState === '57014')
}
