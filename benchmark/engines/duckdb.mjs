import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { checksumQuery } from '../checksum.mjs'
import { columnDefinitions } from '../schemas.mjs'

export const label = "DuckDB's reader"

/** A typed read_csv under aggregates over every column, so that DuckDB decodes each value and keeps none. */
export async function decode({ dataset, threads }) {
  const { connection, close } = await openDuckdb(':memory:', threads)
  const types = dataset.columns.map(({ name, type }) => `'${name}': '${type}'`).join(', ')
  const isFixed = dataset.schema === 'fixed'
  const source = isFixed
    ? fixedFields(dataset)
    : `read_csv('${dataset.path}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {${types}})`
  const terms = dataset.columns.map(({ name, type }) => (type === 'text' ? `max(strlen("${name}"))` : `max("${name}")`))
  return {
    run: async () => void (await connection.run(`SELECT count(*), ${terms.join(', ')} FROM ${source}`)),
    checksum: () => queryChecksum(connection, dataset, source),
    close,
  }
}

/** The same over a Parquet file. */
export async function parquetArrow({ dataset, threads }) {
  const { connection, close } = await openDuckdb(':memory:', threads)
  const source = `read_parquet('${dataset.parquet}')`
  const terms = dataset.columns.map(({ name, type }) => (type === 'text' ? `max(strlen("${name}"))` : `max("${name}")`))
  return {
    run: async () => void (await connection.run(`SELECT count(*), ${terms.join(', ')} FROM ${source}`)),
    checksum: () => queryChecksum(connection, dataset, source),
    close,
  }
}

/** It has no reader of fixed-width fields: each line is one string, of which the fields are cut, trimmed and cast. */
function fixedFields({ path, columns }) {
  const fields = columns.map(({ name, type, offset, length }) => {
    const text = `trim(substr(line, ${offset + 1}, ${length}))`
    return type === 'text' ? `${text} AS "${name}"` : `CAST(${text} AS ${type}) AS "${name}"`
  })
  const lines = `read_csv('${path}', header = false, auto_detect = false, delim = '\x01', quote = '', escape = '', columns = {'line': 'varchar'})`
  return `(SELECT ${fields.join(', ')} FROM ${lines})`
}

/** Its own COPY into a table of a database in memory. */
export function duckdbMemory(context) {
  return copyInto(context, ':memory:', [])
}

/** Its own COPY into a table of a database file. */
export function duckdbFile(context) {
  return copyInto(context, join(context.folder, 'duckdb.duckdb'), [])
}

/** COPY by DuckDB itself into the database at `path`, after running `settings`; `options` are further ones of COPY. */
export async function copyInto(context, path, settings, options = '') {
  const { dataset, source } = context
  const format = dataset.format === 'csv' ? 'csv, HEADER' : dataset.format
  const statement = `COPY load FROM '${source === 'gzip' ? dataset.gzip : dataset.path}' (FORMAT ${format}${options})`
  return loadInto(context, path, async (connection) => {
    for (const setting of settings) await connection.run(setting)
    return () => connection.run(statement)
  })
}

/**
 * A load of the dataset into the empty table `load` of the database at `path`. `prepare` gets a connection and returns the
 * function that is timed.
 */
export async function loadInto({ dataset, threads, constraint }, path, prepare) {
  if (path !== ':memory:') remove(path)
  const { connection, close } = await openDuckdb(path, threads)
  const { before, element, after } = constraint ?? {}
  if (before !== undefined) await connection.run(before)
  const load = await prepare(connection)
  return {
    async before() {
      await connection.run('DROP TABLE IF EXISTS load')
      const elements = [columnDefinitions(dataset.columns), ...(element === undefined ? [] : [element])]
      await connection.run(`CREATE TABLE load (${elements.join(', ')})`)
      if (after !== undefined) await connection.run(after.replace('{table}', 'load'))
      // What store_rejects has kept of the run before.
      for (const rejects of ['reject_errors', 'reject_scans']) await connection.run(`DROP TABLE IF EXISTS ${rejects}`)
      // So that a run does not pay for what the one before it left to write.
      if (path !== ':memory:') await connection.run('CHECKPOINT')
    },
    run: async () => void (await load()),
    checksum: () => queryChecksum(connection, dataset, 'load'),
    async close() {
      await close()
      if (path !== ':memory:') remove(path)
    },
  }
}

export async function openDuckdb(path, threads) {
  const instance = await DuckDBInstance.create(path, { threads: String(threads) })
  const connection = await instance.connect()
  return {
    connection,
    async close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function queryChecksum(connection, { columns }, relation) {
  const reader = await connection.runAndReadAll(checksumQuery(columns, relation, 'duckdb'))
  return String(reader.getRows()[0]?.[0])
}

function remove(path) {
  for (const suffix of ['', '.wal']) rmSync(`${path}${suffix}`, { force: true })
}
