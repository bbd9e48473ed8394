import pg from 'pg'
import { CopyError } from '../../errors.ts'
import type { Target, TargetCapabilities, TargetTransaction } from '../target.ts'
import type { OpenStream } from './cancel-request.ts'
import {
  type Client,
  isPostgresClient,
  isPostgresPool,
  type Pool,
  type PooledClient,
  type PostgresClient,
  type PostgresPool,
} from './client.ts'
import { conditionName } from './conditions.ts'
import { Lease } from './lease.ts'
import { connectFailure, queryCanceled } from './server-error.ts'
import { PostgresTransaction } from './transaction.ts'

/** Settings of {@link connectPostgres}. */
export interface PostgresOptions {
  /** Connections that a pool of our own may open: as many statements run at a time. Default 4. */
  readonly maxConnections?: number
}

const CAPABILITIES: TargetCapabilities = { caseInsensitiveNames: false, freezes: true }

/** Until a server must have answered a connection of a pool of our own: longer than one that is being woken takes. */
const CONNECT_PATIENCE_MS = 30_000

/** A server that takes a connection and then says nothing would hold up loads, and the end of the pool. The pool's own limit counts the wait for a turn too. */
class PatientClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super({
      ...(typeof config === 'string' ? { connectionString: config } : config),
      connectionTimeoutMillis: CONNECT_PATIENCE_MS,
    })
  }
}

/**
 * Opens PostgreSQL as a target.
 *
 * - a connection string: a small pool of our own, proved by one connection;
 * - undefined: the same from the environment (`PGHOST`, `PGDATABASE`, …), as `pg` reads it;
 * - a `pg` pool: a client of it for each statement;
 * - a `pg` client: that client, one statement at a time, and inside its transaction if it is in one.
 *
 * Rejects with a CopyError: the server's own, 08001 when it cannot be reached, 08003 for a client that is not connected,
 * 0A000 for a client that no COPY can run on.
 */
export async function connectPostgres(
  target: string | PostgresPool | PostgresClient | undefined,
  options: PostgresOptions = {},
): Promise<Target> {
  if (isPostgresPool(target)) return new PoolTarget(target as Pool, false)
  if (isPostgresClient(target)) return new ClientTarget(checkClient(target as Client))
  if (target !== undefined && typeof target !== 'string') {
    throw new TypeError('a PostgreSQL target is a connection string, a Pool or a Client of the package "pg"')
  }
  const pool = new pg.Pool({
    ...(target !== undefined && { connectionString: target }),
    max: options.maxConnections ?? 4,
    Client: PatientClient,
    fallback_application_name: 'copyist',
    // A target that is not closed must not keep the process alive.
    allowExitOnIdle: true,
  }) as unknown as Pool
  // An idle connection that dies is the pool's to replace, and no reason to end the process.
  pool.on('error', () => {})
  const own = new PoolTarget(pool, true)
  try {
    ;(await own.checkOut(undefined)).release()
  } catch (error) {
    await own.close()
    throw error
  }
  return own
}

/** Takes a client of a pool for each transaction. */
class PoolTarget implements Target {
  readonly kind = 'postgres'
  readonly capabilities = CAPABILITIES
  readonly #pool: Pool
  readonly #own: boolean
  #closed: Promise<void> | undefined

  constructor(pool: Pool, own: boolean) {
    this.#pool = pool
    this.#own = own
  }

  begin(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, false)
  }

  look(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, true)
  }

  async #begin(signal: AbortSignal | undefined, isReadOnly: boolean): Promise<TargetTransaction> {
    // Each turn drops a client that somebody has put back inside a transaction; a fresh one is not in any.
    for (let turns = this.#pool.totalCount; ; turns -= 1) {
      const client = await this.checkOut(signal)
      const lease = new Lease(client, (error) => client.release(error), this.#openStream())
      await probe(lease, signal)
      if (lease.status === 'I') return PostgresTransaction.begin(lease, signal, isReadOnly)
      lease.destroy(new Error('the client was in a transaction when the pool lent it out'))
      lease.release()
      if (turns <= 0) {
        throw new CopyError({
          code: conditionName('25001'),
          sqlState: '25001',
          message: 'the pool lends out clients that are inside a transaction',
        })
      }
    }
  }

  /** A connected client. Rejects with a CopyError, and at once when `signal` fires: the client that then comes is put back. */
  async checkOut(signal: AbortSignal | undefined): Promise<PooledClient> {
    if (signal?.aborted) throw queryCanceled(signal.reason)
    let connecting: Promise<PooledClient>
    try {
      connecting = this.#pool.connect()
    } catch (error) {
      throw connectFailure(error)
    }
    let client: PooledClient
    try {
      client = await unlessAborted(connecting, signal, (late) => late.release())
    } catch (error) {
      throw connectFailure(error)
    }
    try {
      return checkClient(client)
    } catch (error) {
      client.release()
      throw error
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#own ? this.#pool.end() : Promise.resolve()
    return this.#closed
  }

  #openStream(): OpenStream | undefined {
    const stream = this.#pool.options?.stream
    return typeof stream === 'function' ? (stream as OpenStream) : undefined
  }
}

/** The last transaction on each lent client, of whichever target: statements on one connection take turns. */
const turns = new WeakMap<Client, Promise<void>>()

/** Works on one client of the caller. */
class ClientTarget implements Target {
  readonly kind = 'postgres'
  readonly capabilities = CAPABILITIES
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  begin(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, false)
  }

  look(signal?: AbortSignal): Promise<TargetTransaction> {
    return this.#begin(signal, true)
  }

  async #begin(signal: AbortSignal | undefined, isReadOnly: boolean): Promise<TargetTransaction> {
    if (signal?.aborted) throw queryCanceled(signal.reason)
    const before = turns.get(this.#client) ?? Promise.resolve()
    let done = () => {}
    const turn = new Promise<void>((resolve) => {
      done = resolve
    })
    turns.set(
      this.#client,
      before.then(() => turn),
    )
    try {
      await unlessAborted(before, signal, () => {})
      const lease = new Lease(checkClient(this.#client), done)
      await probe(lease, signal)
      return await PostgresTransaction.begin(lease, signal, isReadOnly)
    } catch (error) {
      done()
      throw error
    }
  }

  async close(): Promise<void> {}
}

/**
 * Learns the transaction status from a statement of our own: ReadyForQuery says it after every one. pg remembers the last
 * it saw, but the caller may have sent BEGIN without waiting for it, and older releases of pg do not tell.
 */
async function probe(lease: Lease, signal: AbortSignal | undefined): Promise<void> {
  try {
    await lease.query('', [], signal)
  } catch (error) {
    lease.release()
    throw error
  }
}

/** Refuses a client that the protocol of COPY cannot be spoken on. */
function checkClient<T extends Client>(client: T): T {
  if (typeof client.connection?.on !== 'function') {
    throw unsupported('pg-native clients are not supported', 'Use the JavaScript client of the package "pg".')
  }
  if (client.pipeline === true) throw unsupported('pg clients in pipeline mode are not supported', undefined)
  if (client._connecting === false && client._connected === false) {
    throw new CopyError({
      code: conditionName('08003'),
      sqlState: '08003',
      message: 'the client is not connected',
      hint: 'Call connect() on it first.',
    })
  }
  return client
}

function unsupported(message: string, hint: string | undefined): CopyError {
  return new CopyError({ code: conditionName('0A000'), sqlState: '0A000', message, hint })
}

/** Waits for something that cannot be cancelled; what it yields after an abort goes to `discard`. */
function unlessAborted<T>(
  pending: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (late: T) => void,
): Promise<T> {
  if (!signal) return pending
  return new Promise((resolve, reject) => {
    let aborted = false
    const onAbort = () => {
      aborted = true
      reject(queryCanceled(signal.reason))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    pending.then(
      (value) => {
        signal.removeEventListener('abort', onAbort)
        if (aborted) discard(value)
        else resolve(value)
      },
      (error) => {
        signal.removeEventListener('abort', onAbort)
        reject(error)
      },
    )
  })
}
