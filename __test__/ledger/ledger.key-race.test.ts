import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'

const RACERS = 6

let folder: string
let input: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-key-race-'))
  input = join(folder, 'input.csv')
  writeFileSync(input, '1\n2\n3\n')
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Loads the input so many times at once by one key. How often the rows were loaded, and the ids that the receipts have. */
async function race(db: Database, key: string): Promise<{ loaded: number; ids: number }> {
  const statement = `COPY t FROM '${input}' (FORMAT csv, LOAD_KEY '${key}')`
  const receipts = await Promise.all(Array.from({ length: RACERS }, () => db.copy(statement)))
  expect(receipts.every(({ rowsLoaded }) => rowsLoaded === 3)).toBe(true)
  return {
    loaded: receipts.filter(({ alreadyLoaded }) => !alreadyLoaded).length,
    ids: new Set(receipts.map(({ id }) => id)).size,
  }
}

describe('loads at once with one key into PostgreSQL', () => {
  let scratch: ScratchDatabase
  beforeAll(async () => {
    scratch = await createScratchDatabase()
    await scratch.query('CREATE TABLE t (a int)')
  })
  afterAll(() => scratch.drop())

  it.each(['read committed', 'repeatable read', 'serializable'])('of which one loads, %s', async (isolation) => {
    await scratch.query('TRUNCATE t')
    const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`
    const pool = new pg.Pool({ connectionString: scratch.url, options, max: RACERS })
    const db = await connect(pool)
    // Once where the first of them make the ledger, and then where it is there.
    for (const round of [1, 2, 3]) {
      const key = `${isolation} ${round}`
      expect(await race(db, key)).toEqual({ loaded: 1, ids: 1 })
      expect(await scratch.query('SELECT status FROM copyist.loads WHERE load_key = $1', [key])).toEqual([
        { status: 'completed' },
      ])
      expect(await scratch.query('SELECT count(*)::int FROM t')).toEqual([{ count: 3 * round }])
    }
    await db.close()
    await pool.end()
  })

  it('is an error in a transaction of the caller that cannot see the other load', async () => {
    const db = await connect(scratch.url)
    const client = new pg.Client({ connectionString: scratch.url })
    await client.connect()
    const mine = await connect(client)
    const statement = `COPY t FROM '${input}' (FORMAT csv, LOAD_KEY 'unseen')`
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await client.query('SELECT count(*) FROM t')
    await db.copy(statement)
    await expect(mine.copy(statement)).rejects.toMatchObject({
      sqlState: '23505',
      message: 'a load with the key "unseen" has been completed already',
    })
    await client.query('COMMIT')
    expect(await scratch.query(`SELECT status FROM copyist.loads WHERE load_key = 'unseen'`)).toEqual([
      { status: 'completed' },
    ])
    await mine.close()
    await client.end()
    await db.close()
  })
})

describe('loads at once with one key into DuckDB', () => {
  it('of which one loads', async () => {
    const db = await connect(join(folder, 'race.duckdb'))
    await db.copy(`COPY t FROM '${input}' (FORMAT csv, CREATE_TABLE, ON_ERROR skip_row)`)
    for (const round of [1, 2, 3]) expect(await race(db, `key ${round}`)).toEqual({ loaded: 1, ids: 1 })
    await db.close()
    const instance = await DuckDBInstance.create(join(folder, 'race.duckdb'))
    const side = await instance.connect()
    expect(await textRows(side, 'SELECT count(*) FROM t')).toEqual([['12']])
    expect(await textRows(side, 'SELECT status, count(*) FROM copyist.loads GROUP BY status')).toEqual([
      ['completed', '4'],
    ])
    side.closeSync()
    instance.closeSync()
  })

  it('is not taken for the reason when a row has a key of the same text', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const [mine, other] = [await instance.connect(), await instance.connect()]
    await mine.run('CREATE TABLE t (a int PRIMARY KEY)')
    const db = await connect(mine)
    await db.copy(`COPY t FROM STDIN (FORMAT csv, LOAD_KEY 'first')`, { stdin: '1\n' })
    await other.run('BEGIN; INSERT INTO t VALUES (5)')
    // Behind the load's INSERT of the row and before its COMMIT.
    const run = mine.run.bind(mine)
    mine.run = async (sql, ...values) => {
      if (sql.includes('.loads (')) {
        mine.run = run
        await other.run('COMMIT')
      }
      return run(sql, ...values)
    }
    const failed = db.copy(`COPY t FROM STDIN (FORMAT csv, LOAD_KEY '5')`, { stdin: '5\n' })
    await expect(failed).rejects.toMatchObject({ sqlState: '23505', loadId: expect.any(String) })
    expect(await textRows(other, 'SELECT load_key, status FROM copyist.loads ORDER BY load_no')).toEqual([
      ['first', 'completed'],
      ['5', 'failed'],
    ])
    for (const connection of [mine, other]) connection.closeSync()
    instance.closeSync()
  })
})
