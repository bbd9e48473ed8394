import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'
import { benches } from '../copy/targets.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'

describe('the first recorded load into PostgreSQL', () => {
  let scratch: ScratchDatabase
  let db: Database
  let client: pg.Client
  let mine: Database
  beforeEach(async () => {
    scratch = await createScratchDatabase()
    await scratch.query('CREATE TABLE a (i int); CREATE TABLE b (i int)')
    db = await connect(scratch.url)
    client = new pg.Client({ connectionString: scratch.url })
    await client.connect()
    mine = await connect(client)
  })
  afterEach(async () => {
    await mine.close()
    await client.end()
    await db.close()
    await scratch.drop()
  })

  const load = (into: Database, table: string, options = 'ON_ERROR skip_row') =>
    into.copy(`COPY ${table} FROM STDIN (FORMAT csv, ${options})`, { stdin: '1\n2\n' })

  it('of a caller that does not commit keeps no other from loading', async () => {
    await client.query('BEGIN')
    expect((await load(mine, 'a')).ledger).toBe(true)
    const receipt = await load(db, 'b')
    expect(receipt).toMatchObject({ rowsLoaded: 2, ledger: false })
    expect(receipt.ledgerProblem).toContain('the schema copyist is being made in another transaction')
    await expect(load(db, 'b', `LOAD_KEY 'k'`)).rejects.toMatchObject({ sqlState: '55P03' })
    await client.query('COMMIT')
    expect((await load(db, 'b')).ledger).toBe(true)
    expect(await scratch.query('SELECT target_table FROM copyist.loads ORDER BY load_no')).toEqual([
      { target_table: 'public.a' },
      { target_table: 'public.b' },
    ])
  })

  it('goes on without where two callers are the first, with the patience that the second had', async () => {
    const other = new pg.Client({ connectionString: scratch.url })
    await other.connect()
    const theirs = await connect(other)
    await client.query('BEGIN')
    await load(mine, 'a')
    await other.query(`BEGIN; SET LOCAL lock_timeout = '7s'`)
    expect(await load(theirs, 'b')).toMatchObject({ rowsLoaded: 2, ledger: false })
    expect((await other.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '7s' }])
    await other.query('COMMIT')
    await client.query(`SET LOCAL lock_timeout = '8s'`)
    await client.query('ROLLBACK')
    await client.query(`BEGIN; SET LOCAL lock_timeout = '8s'`)
    expect((await load(mine, 'a')).ledger).toBe(true)
    expect((await client.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '8s' }])
    await client.query('COMMIT')
    await theirs.close()
    await other.end()
  })

  it('has made the ledger for others before it ends', async () => {
    // The load waits for this lock, with the record of loads ready.
    await client.query('BEGIN; LOCK TABLE a')
    const first = load(db, 'a')
    const receipt = await load(db, 'b')
    expect(receipt.ledger).toBe(true)
    await client.query('COMMIT')
    expect((await first).ledger).toBe(true)
  })
})

describe.each(benches)('a load into a table that is not there, on $name', ({ open }) => {
  it.each(['', ', CREATE_TABLE'])('leaves no schema behind%s', async (options) => {
    const bench = await open()
    const table = options === '' ? 'nosuch' : 'nosuch.t'
    const failed = bench.db.copy(`COPY ${table} FROM STDIN (FORMAT csv, ON_ERROR skip_row${options})`, {
      stdin: 'a\n1\n',
    })
    await expect(failed).rejects.toMatchObject({ sqlState: options === '' ? '42P01' : '3F000' })
    const left = `SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'copyist'`
    expect(await bench.sql(left)).toEqual([['0']])
    await bench.close()
  })
})

it('a mistake in the name of the table leaves no file of DuckDB behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'copyist-first-'))
  const path = join(folder, 'new.duckdb')
  const db = await connect(path)
  const failed = db.copy('COPY nosuch FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: '1\n' })
  await expect(failed).rejects.toMatchObject({ sqlState: '42P01' })
  await db.close()
  expect(existsSync(path)).toBe(false)
  rmSync(folder, { recursive: true })
})
