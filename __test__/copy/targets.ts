import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { type ConnectOptions, connect, type Database } from '../../lib/index.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'
import { createScratchDatabase } from '../postgres.ts'

/** A target under test, and a way to look at it from the side. */
export interface Bench {
  readonly db: Database
  /** Of a server: what another connection is made with. */
  readonly url?: string
  /** Runs SQL on a connection that is not under test; rows as arrays of text or null. */
  sql(text: string): Promise<(string | null)[][]>
  close(): Promise<void>
}

/** Each target, opened anew. */
export const benches: readonly {
  readonly name: 'postgres' | 'duckdb'
  open(options?: ConnectOptions): Promise<Bench>
}[] = [
  { name: 'postgres', open: openPostgres },
  { name: 'duckdb', open: openDuckdb },
]

async function openPostgres(options: ConnectOptions = {}): Promise<Bench> {
  const scratch = await createScratchDatabase()
  // A pool of one: whatever keeps its connection is found out by the next statement.
  const pool = new pg.Pool({ connectionString: scratch.url, max: 1 })
  // A connection that is being closed may still hear that its database goes; any other error is one that nobody expects.
  let isClosing = false
  pool.on('error', (error) => {
    if (!isClosing) throw error
  })
  const db = await connect(pool, options)
  const side = new pg.Client({ connectionString: scratch.url })
  await side.connect()
  return {
    db,
    url: scratch.url,
    async sql(text) {
      const { rows } = await side.query<unknown[]>({ text, rowMode: 'array' })
      return (rows ?? []).map((row) => row.map((value) => (value === null ? null : String(value))))
    },
    async close() {
      await db.close()
      if (pool.totalCount !== pool.idleCount) throw new Error('a connection was not given back to the pool')
      isClosing = true
      await pool.end()
      await side.end()
      await scratch.drop()
    },
  }
}

async function openDuckdb(options: ConnectOptions = {}): Promise<Bench> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const db = await connect(connection, options)
  const side = await instance.connect()
  return {
    db,
    sql: (text) => textRows(side, text),
    async close() {
      await db.close()
      side.closeSync()
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** Does something in a database of another encoding, of the bench's server: by a database under test, and a client beside it. */
export async function inEncoding(
  { url: address = '', sql }: Pick<Bench, 'url' | 'sql'>,
  encoding: string,
  work: (db: Database, side: pg.Client) => Promise<void>,
): Promise<void> {
  const url = new URL(address)
  const name = `${url.pathname.slice(1)}_${encoding.toLowerCase()}`
  await sql(`CREATE DATABASE ${name} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`)
  url.pathname = `/${name}`
  const db = await connect(url.href)
  const side = new pg.Client({ connectionString: url.href })
  await side.connect()
  try {
    await work(db, side)
  } finally {
    await db.close()
    await side.end()
    await sql(`DROP DATABASE ${name} WITH (FORCE)`)
  }
}
