import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { stringify } from 'csv-stringify'
import pg from 'pg'
import { from } from 'pg-copy-streams'
import { connect } from '../../dist/index.js'
import { loadInto as loadIntoDuckdb } from './duckdb.mjs'
import { loadInto as loadIntoPostgres } from './postgres-load.mjs'

/*
 * Objects of a program into a table. All engines get the same array of objects: numbers, Booleans, null and strings. Times are strings,
 * which every engine passes on as they are.
 */

const READ = {
  bool: (text) => text === 't' || text === 'true',
  text: (text) => text,
  timestamp: (text) => text,
}

/** The dataset's rows, read before anything is timed. */
async function objects({ path, columns }) {
  const rows = []
  const parser = createReadStream(path).pipe(
    parse({ from_line: 2, cast: (value, { quoting }) => (quoting ? { value } : value) }),
  )
  for await (const record of parser) {
    const row = {}
    for (const [index, { name, type }] of columns.entries()) {
      const field = record[index]
      const isQuoted = typeof field === 'object'
      const text = isQuoted ? field.value : field
      row[name] = !isQuoted && text === '' ? null : (READ[type] ?? Number)(text)
    }
    rows.push(row)
  }
  return rows
}

export const COPYIST = {
  label: 'copyist',
  async rowsPostgres(context) {
    const rows = await objects(context.dataset)
    return loadIntoPostgres(context, 'copyist', async (table) => {
      const db = await connect(context.postgres)
      const load = () => db.copy(`COPY ${table} FROM STDIN`, { rows, threads: context.threads })
      return { load, close: () => db.close() }
    })
  },
  async rowsDuckdb(context) {
    const rows = await objects(context.dataset)
    return loadIntoDuckdb(context, ':memory:', async (connection) => {
      const db = await connect(connection)
      return () => db.copy('COPY load FROM STDIN', { rows, threads: context.threads })
    })
  },
}

/** Rows of one INSERT. More do not make it faster, and PostgreSQL takes 65,535 parameters at most. */
const INSERTED_AT_ONCE = 1000

export const PG_INSERT = {
  label: 'pg, INSERT of 1,000 rows',
  async rowsPostgres(context) {
    const rows = await objects(context.dataset)
    const names = context.dataset.columns.map(({ name }) => name)
    return loadIntoPostgres(context, 'pg-insert', async (table) => {
      const client = new pg.Client(context.postgres)
      await client.connect()
      return {
        async load() {
          await client.query('BEGIN')
          for (let start = 0; start < rows.length; start += INSERTED_AT_ONCE) {
            const values = []
            const tuples = rows.slice(start, start + INSERTED_AT_ONCE).map((row) => {
              const places = names.map((name) => `$${values.push(row[name])}`)
              return `(${places.join(',')})`
            })
            await client.query(`INSERT INTO ${table} VALUES ${tuples.join(',')}`, values)
          }
          await client.query('COMMIT')
        },
        close: () => client.end(),
      }
    })
  },
}

export const CSV_STRINGIFY = {
  label: 'pg-copy-streams fed by csv-stringify',
  async rowsPostgres(context) {
    const rows = await objects(context.dataset)
    const columns = context.dataset.columns.map(({ name }) => name)
    const options = { columns, cast: { boolean: (value) => (value ? 't' : 'f') } }
    return loadIntoPostgres(context, 'csv-stringify', async (table) => {
      const client = new pg.Client(context.postgres)
      await client.connect()
      return {
        load: () =>
          pipeline(
            Readable.from(rows),
            stringify(options),
            client.query(from(`COPY ${table} FROM STDIN WITH (FORMAT csv)`)),
          ),
        close: () => client.end(),
      }
    })
  },
}

export const APPENDER = {
  label: "DuckDB's appender",
  async rowsDuckdb(context) {
    const rows = await objects(context.dataset)
    const append = {
      bigint: (appender, value) => appender.appendBigInt(BigInt(value)),
      int4: (appender, value) => appender.appendInteger(value),
      float8: (appender, value) => appender.appendDouble(value),
      bool: (appender, value) => appender.appendBoolean(value),
      text: (appender, value) => appender.appendVarchar(value),
      // Cast by DuckDB, as the string that it is.
      timestamp: (appender, value) => appender.appendVarchar(value),
    }
    const columns = context.dataset.columns.map(({ name, type }) => ({ name, append: append[type] }))
    return loadIntoDuckdb(context, ':memory:', async (connection) => async () => {
      const appender = await connection.createAppender('load')
      for (const row of rows) {
        for (const { name, append: put } of columns) {
          const value = row[name]
          if (value === null) appender.appendNull()
          else put(appender, value)
        }
        appender.endRow()
      }
      appender.closeSync()
    })
  },
}
