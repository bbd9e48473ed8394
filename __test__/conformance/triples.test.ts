import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { serverCopyOut } from '../server-copy-out.ts'

/** Tables of PostgreSQL's own tests as CSV, TEXT and binary files; beside the project, never in it. */
const TRIPLES = fileURLToPath(new URL('../../../shared/corpora/postgres-regress/pg15.18/triples/', import.meta.url))

const tables = existsSync(TRIPLES)
  ? readdirSync(TRIPLES)
      .filter((name) => name.endsWith('.bin'))
      .map((name) => name.slice(0, -'.bin'.length))
  : []
if (tables.length === 0) {
  process.stderr.write(`\nSKIPPED: no corpora at ${TRIPLES}; PostgreSQL's binary files are not compared.\n\n`)
}

describe.skipIf(tables.length === 0)(
  'PostgreSQL has written one table in three formats, and all of them give its binary file',
  () => {
    let scratch: ScratchDatabase
    let db: Database
    let client: pg.Client

    beforeAll(async () => {
      scratch = await createScratchDatabase()
      await scratch.query('CREATE TYPE comptype AS (a integer, b text)')
      client = new pg.Client({ connectionString: scratch.url })
      await client.connect()
      db = await connect(scratch.url)
    })

    afterAll(async () => {
      await db.close()
      await client.end()
      await scratch.drop()
    })

    test.each(tables)('%s', async (name) => {
      const schema = readFileSync(`${TRIPLES}${name}.schema.tsv`, 'utf8').trimEnd().split('\n')
      const columns = schema.map((line) => line.split('\t')).map(([column, type]) => `"${column}" ${type}`)
      // An array says the OID of its elements, which of a type of one's own is another in every database.
      const compared = columns.some((column) => column.endsWith('comptype[]')) ? ['txt', 'text'] : ['bin', 'binary']
      const expected = readFileSync(`${TRIPLES}${name}.${compared[0]}`)
      for (const [ending, options] of [
        ['bin', 'FORMAT binary'],
        ['csv', 'FORMAT csv, HEADER'],
        ['txt', 'FORMAT text'],
      ]) {
        await scratch.query(`DROP TABLE IF EXISTS t; CREATE TABLE t (${columns.join(', ')})`)
        await db.copy(`COPY t FROM '${TRIPLES}${name}.${ending}' (${options})`)
        const got = await serverCopyOut(client, `COPY t TO STDOUT (FORMAT ${compared[1]})`)
        expect(got.equals(expected), `${name}.${ending}`).toBe(true)
      }
    })
  },
)
