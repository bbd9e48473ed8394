import type { Duplex } from 'node:stream'

/**
 * A `Client` of the npm package `pg`, or a client checked out of its pool. Structural, so that the caller's release of `pg`
 * and of its types need not be ours. The client must be connected; `pg-native` clients have no connection to write to and
 * are refused.
 */
export interface PostgresClient {
  // biome-ignore lint/suspicious/noExplicitAny: pg's overloads differ from release to release
  query: (...args: any[]) => any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  on: (event: 'error', listener: (error: any) => void) => unknown
  // biome-ignore lint/suspicious/noExplicitAny: as above
  removeListener: (event: 'error', listener: (error: any) => void) => unknown
  readonly escapeIdentifier: (text: string) => string
}

/** A `Pool` of the npm package `pg`. */
export interface PostgresPool {
  // biome-ignore lint/suspicious/noExplicitAny: pg's overloads differ from release to release
  connect: (...args: any[]) => any
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
}

/** Whether a value is a `pg` pool. */
export function isPostgresPool(value: unknown): value is PostgresPool {
  return hasMethods(value, ['connect', 'query']) && typeof (value as { totalCount?: unknown }).totalCount === 'number'
}

/** Whether a value is a `pg` client, connected or not, lent out by a pool or not. */
export function isPostgresClient(value: unknown): value is PostgresClient {
  return hasMethods(value, ['query', 'on', 'removeListener', 'escapeIdentifier']) && !isPostgresPool(value)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}

/** What the code of this folder uses of a `pg` client. The parts behind `connection` are what `pg`'s own extensions use. */
export interface Client extends PostgresClient {
  query(config: QueryConfig, callback: (error: Error | null | undefined, result: QueryResult) => void): void
  query<T extends Submittable>(submittable: T): T
  readonly connection: Connection
  readonly host: string
  readonly port: number
  readonly ssl?: boolean | object
  readonly sslNegotiation?: string
  readonly processID: number | null
  readonly secretKey: number | null
  readonly pipeline?: boolean
  /** Older releases of pg lack these two; undefined is not false. */
  readonly _connecting?: boolean
  readonly _connected?: boolean
}

/** A client that a pool has lent out. */
export interface PooledClient extends Client {
  release(error?: Error | boolean): void
}

/** What the code of this folder uses of a `pg` pool. */
export interface Pool extends PostgresPool {
  connect(): Promise<PooledClient>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  readonly options?: { readonly stream?: unknown }
}

/** `pg`'s protocol connection. */
export interface Connection {
  readonly stream: Duplex & { readonly remoteAddress?: string; readonly remotePort?: number }
  query(text: string): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
  on(event: string, listener: (argument: never) => void): unknown
  removeListener(event: string, listener: (argument: never) => void): unknown
}

/** `pg`'s query configuration, as far as it is used here. */
export interface QueryConfig {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly rowMode?: 'array'
  readonly types?: { getTypeParser(): (value: string | Buffer) => string }
}

export interface QueryResult {
  readonly rows: readonly (readonly (string | null)[])[]
  /** The columns; a domain's base type. */
  readonly fields: readonly { readonly dataTypeID: number; readonly dataTypeModifier: number }[]
}

/** A query object that speaks the protocol itself. */
export interface Submittable {
  submit(connection: Connection): Error | undefined
  handleError(error: Error, connection: Connection): void
  handleReadyForQuery(connection: Connection): void
  handleCommandComplete(message: { readonly text: string }, connection: Connection): void
  handleCopyInResponse(connection: Connection): void
  handleRowDescription(message: unknown): void
  handleDataRow(message: unknown): void
  handlePortalSuspended(connection: Connection): void
  handleEmptyQuery(connection: Connection): void
  handleCopyData(message: unknown, connection: Connection): void
}
