import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from '../../dist/index.js'
import { example } from '../examples.mjs'
import { loadInto as loadIntoDuckdb } from './duckdb.mjs'
import { loadInto as loadIntoPostgres } from './postgres-load.mjs'

export const label = 'copyist'

const run = promisify(execFile)

/**
 * CSV to Arrow columns. The public interface hands out no columns yet, so the example program of the Rust crate decodes
 * and times itself, without its own start.
 */
export async function decode({ dataset, threads }) {
  const columns = dataset.columns.map(({ name, type }) => `${name}:${type}`).join(',')
  const options = ['--columns', columns, '--threads', String(threads), '--json']
  let last
  return {
    async run() {
      const { stdout } = await run(example('decode_bench'), [dataset.path, ...options])
      last = JSON.parse(stdout)
      return { ms: last.seconds * 1000, elsewhere: true }
    },
    checksum: () => last.checksum,
  }
}

/** Into a table of a database in memory, through a connection of the caller's. */
export function duckdbMemory(context) {
  return loadIntoDuckdb(context, ':memory:', (connection) => loader(connection, 'load', context))
}

/** Into a table of a database file, through a connection of the caller's. */
export function duckdbFile(context) {
  const path = join(context.folder, 'copyist.duckdb')
  return loadIntoDuckdb(context, path, (connection) => loader(connection, 'load', context))
}

export function postgres(context) {
  return loadIntoPostgres(context, 'copyist', async (table) => {
    const database = await connect(context.postgres)
    return { load: await loader(database, table, context), close: () => database.close() }
  })
}

async function loader(database, table, { dataset, threads }) {
  const db = typeof database.copy === 'function' ? database : await connect(database)
  const statement = `COPY ${table} FROM '${dataset.path}' WITH (FORMAT csv, HEADER)`
  return () => db.copy(statement, { threads })
}
