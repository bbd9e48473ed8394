import { CopyError } from '../../errors.ts'
import type { Chunk, NativeLoad } from '../../native/load.ts'
import type { Connection, Submittable } from './client.ts'
import {
  type CopyContext,
  connectionFailure,
  internalError,
  isReadTimeout,
  isServerError,
  queryCanceled,
  readTimeout,
  type ServerError,
  toCopyError,
} from './server-error.ts'

/** Enough to keep the socket busy while the next chunk is fetched; more would only be memory. */
const MAX_WRITES_IN_FLIGHT = 3

/** Messages travel as C strings of moderate length. */
const MAX_FAIL_MESSAGE = 1_000

/** What the server made of a COPY. */
export interface CopyInResult {
  /** Rows that left here. */
  readonly rowsSent: number
  /** Rows that the server counts in its command tag. */
  readonly rowsLoaded: number
}

/** What gives the messages. */
export type CopyInput = Pick<NativeLoad, 'next' | 'close'>

/** The parts of a {@link CopyIn}. */
export interface CopyInInit {
  /** `COPY … FROM STDIN …`. */
  readonly sql: string
  readonly input: CopyInput
  /** For reading the server's CONTEXT. */
  readonly context: CopyContext
  /** Sends a CancelRequest. */
  readonly cancel: () => void
}

/**
 * One `COPY … FROM STDIN` in the simple query protocol.
 *
 * `queued` → (pg submits it) → `waiting` → (CopyInResponse) → `streaming` → (the last chunk, an error of the input, an
 * abort: CopyDone or CopyFail; or an error of the server) → `ending` → (ReadyForQuery and the last write, or the end of
 * the connection) → `settled`.
 *
 * - Chunks are complete CopyData messages, most of them in native memory. Each is written as it is and released by its write's callback,
 *   which node calls exactly once, also when the socket is destroyed.
 * - An error of the input comes after all rows before it have left. CopyFail lets the server work these off first: if it
 *   complains about one of them, that error is the earlier one and wins.
 * - After an ErrorResponse the server discards what is still under way, and sends ReadyForQuery at once. pg has taken the
 *   query off its books by then, so both that and the end of the connection are listened for here.
 */
export class CopyIn implements Submittable {
  readonly #init: CopyInInit
  #state: 'queued' | 'waiting' | 'streaming' | 'ending' | 'settled' = 'queued'
  #connection: Connection | undefined
  #writesInFlight = 0
  #rowsSent = 0
  #tag: string | undefined
  /** An error on this side, and the text of the CopyFail that told the server. */
  #failure: { readonly error: CopyError; readonly message: string } | undefined
  #serverError: ServerError | undefined
  #lost: Error | undefined
  #ready = false
  #wakePump: (() => void) | undefined
  #resolve: (result: CopyInResult) => void = () => {}
  #reject: (error: CopyError) => void = () => {}

  /** Settles once, when the connection can take the next statement or is dead. Rejects with a CopyError. */
  readonly result: Promise<CopyInResult>

  /** pg's `query_timeout` puts its own here, to be called when the query is done. */
  callback: ((error?: Error) => void) | undefined

  constructor(init: CopyInInit) {
    this.#init = init
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever aborts before pg has submitted the query may not be listening any more.
    this.result.catch(() => {})
  }

  /** Ends the COPY without success: at once if the server does not know of it yet, else with its answer. */
  abort(reason: unknown): void {
    if (this.#state === 'queued') {
      this.#failure = { error: queryCanceled(reason), message: '' }
      this.#stopReading()
      this.#settle()
    } else {
      this.#fail(queryCanceled(reason))
    }
  }

  submit(connection: Connection): Error | undefined {
    if (this.#state !== 'queued') return new Error('the load was aborted before it started')
    this.#state = 'waiting'
    this.#connection = connection
    connection.on('readyForQuery', this.#onReady)
    connection.on('error', this.#onLost)
    connection.on('end', this.#onEnd)
    connection.query(this.#init.sql)
    return undefined
  }

  handleCopyInResponse(connection: Connection): void {
    if (this.#state !== 'waiting') return
    this.#state = 'streaming'
    void this.#pump(connection)
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#tag = message.text
  }

  handleError(error: Error): void {
    if (this.#state === 'settled') return
    if (isServerError(error)) {
      this.#serverError ??= error
      this.#stopReading()
      if (this.#state !== 'queued') this.#state = 'ending'
    } else if (this.#state === 'queued') {
      this.#lost = error
      this.#stopReading()
      this.#settle()
    } else if (isReadTimeout(error)) {
      this.#fail(readTimeout(error))
      this.#init.cancel()
    } else {
      this.#onLost(error)
    }
  }

  // The rest of what pg may call on a query; a COPY FROM STDIN has neither rows nor portals.
  handleReadyForQuery(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
  handleCopyData(): void {}

  async #pump(connection: Connection): Promise<void> {
    try {
      while (this.#state === 'streaming') {
        const chunk = await this.#init.input.next()
        if (this.#state !== 'streaming') {
          chunk?.release()
          return
        }
        if (chunk === undefined) {
          this.#state = 'ending'
          connection.endCopyFrom()
          return
        }
        this.#write(connection, chunk)
        if (this.#writesInFlight >= MAX_WRITES_IN_FLIGHT) {
          await new Promise<void>((resolve) => {
            this.#wakePump = resolve
          })
        }
      }
    } catch (error) {
      // An input that is closed because of an error elsewhere may well fail; that error is known already.
      if (this.#state !== 'streaming') return
      this.#fail(
        error instanceof CopyError
          ? error
          : internalError(error instanceof Error ? error.message : String(error), error),
      )
    }
  }

  #write(connection: Connection, chunk: Chunk): void {
    const { stream } = connection
    if (!stream.writable) {
      // Half-closed or destroyed: the end of the connection is about to be reported.
      chunk.release()
      return
    }
    this.#rowsSent += chunk.rows
    this.#writesInFlight += 1
    stream.write(chunk.buffer, () => {
      chunk.release()
      this.#writesInFlight -= 1
      this.#wake()
      if (this.#ready) this.#settle()
    })
  }

  /** An error on this side: the server is told, unless it has heard of the end of the data already. */
  #fail(error: CopyError): void {
    if (this.#state === 'settled' || this.#failure) return
    // ASCII, so that it survives the conversion to any server encoding, and its echo is recognised.
    const message = error.message.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_FAIL_MESSAGE)
    this.#failure = { error, message }
    this.#stopReading()
    // Before CopyInResponse, a server that waits for a lock reads it when the COPY starts; one that refuses the COPY
    // ignores it.
    if (this.#state !== 'ending') this.#connection?.sendCopyFail(message)
    this.#state = 'ending'
  }

  #stopReading(): void {
    // Whoever opened the input waits for its end; the server and the connection need not.
    this.#init.input.close().catch(() => {})
    this.#wake()
  }

  #wake(): void {
    this.#wakePump?.()
    this.#wakePump = undefined
  }

  readonly #onReady = (): void => {
    this.#ready = true
    this.#settle()
  }

  readonly #onEnd = (): void => {
    this.#onLost(new Error('Connection terminated unexpectedly'))
  }

  readonly #onLost = (error: Error): void => {
    this.#lost ??= error
    if (this.#state === 'waiting' || this.#state === 'streaming') this.#state = 'ending'
    this.#stopReading()
    this.#settle()
  }

  #settle(): void {
    if (this.#state === 'settled') return
    // After success every chunk has been read by the server, but its write's callback may still be on its way.
    if (this.#writesInFlight > 0 && !this.#lost) return
    this.#state = 'settled'
    const connection = this.#connection
    connection?.removeListener('readyForQuery', this.#onReady)
    connection?.removeListener('error', this.#onLost)
    connection?.removeListener('end', this.#onEnd)
    const error = this.#error()
    if (error) this.#reject(error)
    else this.#resolve({ rowsSent: this.#rowsSent, rowsLoaded: Number(this.#tag?.split(' ')[1]) })
    this.callback?.(error)
  }

  #error(): CopyError | undefined {
    const server = this.#serverError
    if (this.#failure) {
      const { error, message } = this.#failure
      // The server's answer to our CopyFail quotes it, in every language. Any other error is about an earlier row.
      return !server || (server.code === '57014' && server.message.includes(message))
        ? error
        : toCopyError(server, this.#init.context)
    }
    if (server) return toCopyError(server, this.#init.context)
    if (this.#lost) return connectionFailure(this.#lost)
    if (!/^COPY \d+$/.test(this.#tag ?? '')) return internalError(`unexpected answer to COPY: ${this.#tag ?? 'none'}`)
    return undefined
  }
}
