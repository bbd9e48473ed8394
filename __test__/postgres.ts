import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** A database of one test file's own, on the server that the run uses. */
export interface ScratchDatabase {
  readonly name: string
  /** Connection string. */
  readonly url: string
  /** Runs one statement, or several, on a connection that is not under test; the rows of the last one. */
  query<Row extends pg.QueryResultRow = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>
  /** Other sessions in this database, for leak checks. */
  sessions(): Promise<{ pid: number; state: string | null; query: string }[]>
  /** Ends every session and drops the database. */
  drop(): Promise<void>
}

/** Creates an empty database; `drop` it when the file is done. */
export async function createScratchDatabase(): Promise<ScratchDatabase> {
  const server = process.env.COPYIST_TEST_POSTGRES
  if (!server) throw new Error('COPYIST_TEST_POSTGRES is not set: run the tests with vitest and its global setup')
  const name = `copyist_${process.pid}_${randomBytes(4).toString('hex')}`
  await runOnce(server, `CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const side = new pg.Client({ connectionString: url.href, application_name: 'copyist tests' })
  side.on('error', () => {})
  await side.connect()
  return {
    name,
    url: url.href,
    async query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]) {
      const result: pg.QueryResult<Row> | pg.QueryResult<Row>[] = await side.query<Row>(text, values)
      return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? []
    },
    async sessions() {
      const { rows } = await side.query(
        `SELECT pid, state, query FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
      )
      return rows
    },
    async drop() {
      await side.end()
      await runOnce(server, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
