import pg from 'pg'
import { checksumQuery } from '../checksum.mjs'
import { columnDefinitions } from '../schemas.mjs'

/** What the server's own COPY needs among its options to load a file, and to leave out bad rows where the case has some. */
export function copyOptions({ tolerant }) {
  return `FORMAT csv, HEADER${tolerant ? ', ON_ERROR ignore, LOG_VERBOSITY silent' : ''}`
}

/**
 * A load of the dataset into an empty table of its own, with the constraint of the case. `prepare` gets the table's name and returns `load`, the
 * function that is timed, and `close`; a connection for counting and truncating is kept apart from the one that loads.
 */
export async function loadInto({ dataset, postgres, constraint }, engine, prepare) {
  const client = new pg.Client(postgres)
  await client.connect()
  const table = `"load ${engine}"`
  await client.query(`DROP TABLE IF EXISTS ${table}`)
  const { before, element, after } = constraint ?? {}
  if (before !== undefined) await client.query(before)
  const elements = [columnDefinitions(dataset.columns), ...(element === undefined ? [] : [element])]
  await client.query(`CREATE TABLE ${table} (${elements.join(', ')})`)
  if (after !== undefined) await client.query(after.replace('{table}', table))
  const { load, close } = await prepare(table)
  return {
    async before() {
      await client.query(`TRUNCATE ${table}`)
      await client.query('CHECKPOINT')
    },
    run: load,
    async checksum() {
      // The digest of whole rows on top of the sums: it sees every byte of every value.
      const digest = `SELECT sum(hashtextextended(row_text.t, 0)::numeric) AS digest FROM (SELECT ${table}::text AS t FROM ${table}) row_text`
      const sums = await client.query(checksumQuery(dataset.columns, table, 'postgres'))
      const digests = await client.query(digest)
      return { checksum: sums.rows[0].checksum, digest: digests.rows[0].digest }
    },
    async close() {
      await close?.()
      await client.query(`DROP TABLE ${table}`)
      await client.end()
    },
  }
}
