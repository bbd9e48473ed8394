import { execFile } from 'node:child_process'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { connect } from '../../dist/index.js'
import { example } from '../examples.mjs'
import { loadInto as loadIntoDuckdb } from './duckdb.mjs'
import { loadInto as loadIntoPostgres } from './postgres-load.mjs'

export const label = 'copyist'

const run = promisify(execFile)

/**
 * CSV, or fixed-width fields, to Arrow columns. The public interface hands out no columns yet, so the example program of the Rust crate decodes
 * and times itself, without its own start.
 */
export async function decode({ dataset, threads }) {
  const place = ({ offset, length }) => (offset === undefined ? '' : `:${offset}:${length}`)
  const columns = dataset.columns.map((column) => `${column.name}:${column.type}${place(column)}`).join(',')
  const { format, delimiter, encoding } = dataset.layout ?? {}
  const options = [
    ...['--columns', columns, '--threads', String(threads), '--json'],
    ...(format === 'text' ? ['--text'] : []),
    ...(delimiter === undefined ? [] : ['--delimiter', delimiter]),
    ...(encoding === undefined ? [] : ['--encoding', encoding]),
  ]
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
export function duckdbMemory(context, variant) {
  return loadIntoDuckdb(context, ':memory:', (connection) => loader(connection, 'load', context, variant))
}

/** Into a table of a database file, through a connection of the caller's. */
export function duckdbFile(context) {
  const path = join(context.folder, 'copyist.duckdb')
  return loadIntoDuckdb(context, path, (connection) => loader(connection, 'load', context))
}

export function postgres(context, variant) {
  return loadIntoPostgres(context, variant?.name ?? 'copyist', async (table) => {
    const database = await connect(context.postgres, { connections: connectionsOf(context) })
    return { load: await loader(database, table, context, variant), close: () => database.close() }
  })
}

/** Objects of a program. What is needed to make them is loaded by nobody else. */
export const rowsPostgres = async (context) => (await import('./rows.mjs')).COPYIST.rowsPostgres(context)
export const rowsDuckdb = async (context) => (await import('./rows.mjs')).COPYIST.rowsDuckdb(context)

/** One of its ways to load, to be measured beside it: a module's worth of the kinds of cases about bad rows. */
function variant(name, description, settings = {}) {
  const all = { name, ...settings }
  return {
    label: `copyist, ${description}`,
    duckdbMemory: (context) => duckdbMemory(context, all),
    postgres: (context) => postgres(context, all),
  }
}

export const STOP = variant('copyist-stop', 'ON_ERROR stop', { onError: 'stop' })
/** With its refused rows recorded in the target, where the others keep none. */
export const LEDGER = variant('copyist-ledger', 'refused rows recorded', { ledger: true })
/** The case gives it the file without bad rows. */
export const CLEAN = variant('copyist-clean', 'no bad rows in the file')

/** The case gives these the same rows in the layout that is measured beside its own. */
export const CSV = { label: 'copyist, of CSV', decode }
export const COMMA = { label: 'copyist, of delimiters of one byte', decode }
export const UTF8 = { label: 'copyist, of UTF-8', decode }

/** The same file from disk, where the case has it from elsewhere. */
export const DISK = variant('copyist-disk', 'from disk', { fromDisk: true })

async function loader(
  database,
  table,
  { dataset, threads, tolerant, conflict, source, store },
  { onError = 'skip_row', ledger = false, fromDisk = false } = {},
) {
  const db =
    typeof database.copy === 'function' ? database : await connect(database, { connections: connectionsOf({ store }) })
  const format = source === 'parquet' ? source : dataset.format === 'csv' ? 'csv, HEADER' : dataset.format
  const options = [
    ...(tolerant ? [`ON_ERROR ${onError}`] : []),
    ...(source === 's3' && !fromDisk ? ['AWS CONNECTION = store'] : []),
  ]
  const statement = `COPY ${table} FROM '${placeOf(dataset, fromDisk ? undefined : source, store)}' WITH (${[`FORMAT ${format}`, ...options].join(', ')}) ${conflict ?? ''}`
  return () => db.copy(statement, { threads, ledger })
}

/** How the object store of the benchmark is reached. */
function connectionsOf({ store }) {
  return store === undefined ? {} : { store: { endpoint: store.url, region: store.region, ...store.keys } }
}

/** Where the case has the rows. */
function placeOf({ path, folder, gzip, parquet }, source, store) {
  switch (source) {
    case 's3':
      return `s3://${store.bucket}/${basename(path)}`
    case 'files':
      return folder
    case 'gzip':
      return gzip
    case 'parquet':
      return parquet
    default:
      return path
  }
}

/** For a program. */
const reading = (kind) => async (context) => (await import('./read.mjs')).COPYIST[kind](context)
export const columns = reading('columns')
export const objects = reading('objects')
export const parquetColumns = reading('parquetColumns')
export const parquetArrow = reading('parquetArrow')
