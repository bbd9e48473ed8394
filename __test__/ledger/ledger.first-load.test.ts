import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'
import { benches } from '../copy/targets.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'
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

  it('makes the ledger for others again when somebody has dropped it', async () => {
    await load(db, 'a')
    await client.query('DROP SCHEMA copyist CASCADE')
    await client.query('BEGIN; LOCK TABLE a')
    const keyed = db.copy(`COPY a FROM STDIN (FORMAT csv, LOAD_KEY 'k')`, { stdin: '1\n' })
    const first = load(db, 'a')
    expect(await load(db, 'b')).toMatchObject({ rowsLoaded: 2, ledger: true })
    await client.query('COMMIT')
    expect([(await first).ledger, (await keyed).ledger]).toEqual([true, true])
    expect(await scratch.query('SELECT count(*)::int FROM copyist.loads')).toEqual([{ count: 3 }])
  })
})

describe('the first recorded load into DuckDB', () => {
  let instance: DuckDBInstance
  let mine: DuckDBConnection
  let theirs: DuckDBConnection
  let db: Database
  let others: Database
  beforeEach(async () => {
    instance = await DuckDBInstance.create(':memory:')
    mine = await instance.connect()
    theirs = await instance.connect()
    await mine.run('CREATE TABLE a (i int); CREATE TABLE b (i int)')
    db = await connect(mine)
    others = await connect(theirs)
    await mine.run('BEGIN')
    expect((await load(db, 'a')).ledger).toBe(true)
  })
  afterEach(() => {
    mine.closeSync()
    theirs.closeSync()
    instance.closeSync()
  })

  const load = (into: Database, table: string, options = 'ON_ERROR skip_row') =>
    into.copy(`COPY ${table} FROM STDIN (FORMAT csv, ${options})`, { stdin: '1\nx\n' })

  it('of a caller that does not commit keeps no other from loading', async () => {
    const receipt = await load(others, 'b')
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1, ledger: false })
    expect(receipt.ledgerProblem).toBe('the schema copyist is being made in another transaction that has not ended')
    await expect(load(others, 'b', `LOAD_KEY 'k', ON_ERROR skip_row`)).rejects.toMatchObject({
      sqlState: '55P03',
      message: `LOAD_KEY needs the record of loads: ${receipt.ledgerProblem}`,
      hint: expect.stringContaining('outside of a transaction'),
    })
    await mine.run('COMMIT')
    expect((await load(others, 'b')).ledger).toBe(true)
    expect(await textRows(theirs, 'SELECT target_table, rows_rejected FROM copyist.loads ORDER BY load_no')).toEqual([
      ['a', '1'],
      ['b', '1'],
    ])
  })

  it('costs the transaction of another that has to make the ledger, and says so', async () => {
    await theirs.run('BEGIN; INSERT INTO b VALUES (7)')
    const failed = load(others, 'b')
    await expect(failed).rejects.toMatchObject({
      sqlState: '40001',
      message: 'the schema copyist is being made in another transaction, or has been since this one began',
      hint: expect.stringMatching(/outside of a transaction that goes on\. .* Only ROLLBACK can follow\.$/),
    })
    await expect(theirs.run('FROM b')).rejects.toThrow('Current transaction is aborted')
    await theirs.run('ROLLBACK; BEGIN')
    // Nothing of the ledger is needed for these.
    expect(await others.copy('COPY b FROM STDIN (FORMAT csv)', { stdin: '1\n' })).toMatchObject({ ledger: false })
    const receipt = await others.copy('COPY b FROM STDIN (FORMAT csv, ON_ERROR skip_row)', {
      stdin: 'x\n',
      ledger: false,
    })
    expect(receipt).toMatchObject({ rowsRejected: 1, ledger: false })
    await theirs.run('COMMIT')
    expect(await textRows(theirs, 'FROM b')).toEqual([['1']])
    // What the other has committed since a transaction began is not to be seen in it, and counts all the same.
    await theirs.run('BEGIN; FROM b')
    await mine.run('COMMIT')
    await expect(load(others, 'b')).rejects.toMatchObject({ sqlState: '40001' })
    await theirs.run('ROLLBACK; BEGIN')
    expect((await load(others, 'b')).ledger).toBe(true)
    await theirs.run('COMMIT')
  })

  it('is recorded with those beside it when somebody has dropped the ledger, or its transaction was rolled back', async () => {
    const loads = () => Promise.all([load(db, 'a'), load(others, 'b')])
    await mine.run('ROLLBACK')
    for (const drop of ['SELECT 1', 'DROP SCHEMA copyist CASCADE']) {
      await mine.run(drop)
      expect((await loads()).map(({ ledger }) => ledger)).toEqual([true, true])
      expect(await textRows(theirs, 'SELECT count(*) FROM copyist.loads')).toEqual([['2']])
    }
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
