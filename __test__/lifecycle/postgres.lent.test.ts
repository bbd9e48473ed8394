import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { copyError, expectNothingLeft, runLoad } from './postgres.harness.ts'
import { int4 } from './postgres.rows.ts'

let database: ScratchDatabase

beforeAll(async () => {
  database = await createScratchDatabase()
})
afterAll(() => database.drop())

const pair = (i: number) => [int4(i), `row ${i}`]

describe('a pool of the caller', () => {
  test('of one connection is enough, also for statements at the same time', async () => {
    await database.query('CREATE TABLE shared (id int, note text)')
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    const target = await connectPostgres(pool)
    const loads = [1, 2, 3].map((n) =>
      runLoad(target, { table: 'shared', rows: 100 * n, row: pair, ...(n === 2 && { error: new Error('broken') }) }),
    )
    const outcomes = await Promise.allSettled(loads)
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({
      total: 1,
      idle: 1,
      waiting: 0,
    })
    await target.close()
    expect(await pool.query('SELECT count(*)::int FROM shared')).toMatchObject({ rows: [{ count: 400 }] })
    await pool.end()
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '08001' })
    await expectNothingLeft(database)
  })

  test('may have been given a client back inside a transaction: that is not our transaction', async () => {
    await database.query('CREATE TABLE untouched (id int, note text)')
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    const careless = await pool.connect()
    await careless.query(`BEGIN; INSERT INTO untouched VALUES (1, 'never committed')`)
    careless.release()
    const target = await connectPostgres(pool)
    await runLoad(target, { table: 'untouched', rows: 2, row: pair })
    expect(await database.query('SELECT id FROM untouched')).toEqual([{ id: 0 }, { id: 1 }])
    await pool.end()
    await expectNothingLeft(database)
  })
})

describe('a client of the caller', () => {
  test('outside a transaction: the load is one of its own', async () => {
    await database.query('CREATE TABLE lent (id int, note text)')
    const client = new pg.Client(database.url)
    expect(await copyError(connectPostgres(client))).toMatchObject({
      sqlState: '08003',
      message: 'the client is not connected',
    })
    await client.connect()
    const target = await connectPostgres(client)
    await Promise.all([1, 2, 3].map(() => runLoad(target, { table: 'lent', rows: 10, row: pair })))
    expect(
      await copyError(runLoad(target, { table: 'lent', rows: 10, row: pair, error: new Error('broken') })),
    ).toMatchObject({
      sqlState: 'XX000',
    })
    expect((await client.query('SELECT count(*)::int FROM lent')).rows).toEqual([{ count: 30 }])
    expect(client.listenerCount('error')).toBe(0)
    await target.close()
    await client.end()
    await expectNothingLeft(database)
  })

  test('inside a transaction: it stays there, and survives an error', async () => {
    await database.query('CREATE TABLE nested (id int PRIMARY KEY, note text)')
    const client = new pg.Client(database.url)
    await client.connect()
    const target = await connectPostgres(client)
    // Not awaited on purpose: what pg remembers of the transaction is out of date when the load begins.
    void client.query('BEGIN')
    await runLoad(target, { table: 'nested', rows: 10, row: pair })
    expect(await database.query('SELECT * FROM nested')).toEqual([])
    expect(
      await copyError(runLoad(target, { table: 'nested', rows: 11, row: (i) => [int4(10 - i), 'x'] })),
    ).toMatchObject({
      sqlState: '23505',
    })
    expect((await client.query('SELECT count(*)::int FROM nested')).rows).toEqual([{ count: 10 }])
    await expect(client.query('ROLLBACK TO SAVEPOINT copyist')).rejects.toMatchObject({ code: '3B001' })
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '25P02', code: 'in_failed_sql_transaction' })
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await runLoad(target, { table: 'nested', rows: 5, row: pair })
    await client.query('COMMIT')
    expect(await database.query('SELECT count(*)::int FROM nested')).toEqual([{ count: 5 }])
    await client.end()
    await expectNothingLeft(database)
  })

  test("keeps its parsers, its timeouts and its application's settings out of the load", async () => {
    await database.query('CREATE TABLE parsers (id int, note text)')
    const client = new pg.Client({
      connectionString: database.url,
      query_timeout: 10_000,
      types: { getTypeParser: () => () => 'nonsense' },
    })
    await client.connect()
    await client.query(`SET standard_conforming_strings = off; SET search_path = nowhere, public`)
    const target = await connectPostgres(client)
    await runLoad(target, { table: 'parsers', rows: 10, usesDefaults: true, row: (i) => [`${i}`, 'x'] })
    await client.query(`SET client_encoding = 'LATIN1'`)
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '0A000' })
    await client.end()
    await expectNothingLeft(database)
  })
})
