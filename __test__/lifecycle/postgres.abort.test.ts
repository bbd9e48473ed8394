import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { expectNothingUncaught } from '../uncaught.ts'
import {
  copyError,
  expectIdle,
  expectNothingLeft,
  inTransaction,
  named,
  runLoad,
  withTarget,
} from './postgres.harness.ts'
import { startRelay } from './postgres.relay.ts'
import { int4, RowsLoad } from './postgres.rows.ts'

const memoryLimit = 1 << 28

let database: ScratchDatabase

expectNothingUncaught()

beforeAll(async () => {
  database = await createScratchDatabase()
  await database.query('CREATE TABLE target (id int PRIMARY KEY, note text)')
})
afterAll(async () => {
  await database.drop()
})

const pair = (i: number) => [int4(i), `row ${i}`]
const endless = { table: 'target', rows: Number.POSITIVE_INFINITY, row: pair }
const canceled = { sqlState: '57014', code: 'query_canceled', message: 'canceling statement due to user request' }

/** An abort signal that fires after `ms`, and how long ago that was. */
function abortAfter(ms: number): { signal: AbortSignal; since: () => number } {
  const controller = new AbortController()
  let at = Number.NaN
  setTimeout(() => {
    at = performance.now()
    controller.abort(new Error('enough'))
  }, ms)
  return { signal: controller.signal, since: () => performance.now() - at }
}

/** Waits until a session of the database waits for a lock or sleeps. */
async function untilBlocked(event: string): Promise<void> {
  await expect
    .poll(
      async () =>
        (
          await database.query(
            'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND (wait_event = $1 OR wait_event_type = $1)',
            [event],
          )
        ).length,
      { timeout: 5_000, interval: 5 },
    )
    .toBe(1)
}

describe('an abort', () => {
  test('at any moment leaves nothing behind and the only connection usable', async () => {
    await withTarget(database, async (target) => {
      const moments = [
        ...Array.from({ length: 12 }, (_, i) => i),
        ...Array.from({ length: 28 }, () => Math.random() * 60),
      ]
      const took: number[] = []
      for (const moment of moments) {
        const { signal, since } = abortAfter(moment)
        const delay = Math.random() < 0.5 ? 0 : 1
        const onRolledBack = () => took.push(since())
        const error = await copyError(runLoad(target, { ...endless, signal, delay, onRolledBack }))
        expect(error).toMatchObject(canceled)
        expect(error.cause).toMatchObject({ message: 'enough' })
      }
      // A machine that is busy with other things may hold up one or two of them.
      took.sort((a, b) => a - b)
      expect(took[Math.floor(took.length * 0.9)]).toBeLessThan(200)
      await expectIdle(database)
      expect(await database.query('SELECT count(*)::int FROM target')).toEqual([{ count: 0 }])
      expect((await database.sessions()).length).toBe(1)
      expect(await runLoad(target, { table: 'target', rows: 10, row: pair })).toMatchObject({ rowsLoaded: 10 })
    })
    await database.query('TRUNCATE target')
  })

  test('before the start asks for nothing', async () => {
    await withTarget(database, async (target) => {
      expect(await copyError(target.begin(AbortSignal.abort()))).toMatchObject(canceled)
      const native = new RowsLoad({ sink: 'pg_binary', rows: 1, row: pair })
      const error = await inTransaction(target, async (transaction) => {
        const table = await transaction.describe(named('target'))
        if (!table) throw new Error('no table')
        const request = { table, columns: [0, 1], usesDefaults: false, sink: 'pg_binary' as const, native, memoryLimit }
        return copyError(transaction.load({ ...request, signal: AbortSignal.abort() }))
      })
      expect(error).toMatchObject(canceled)
      expect(native).toMatchObject({ closed: true, chunksOut: 0 })
    })
  })

  test('after the last row is still in time', async () => {
    await withTarget(database, async (target) => {
      const controller = new AbortController()
      const transaction = await target.begin(controller.signal)
      const table = await transaction.describe(named('target'))
      if (!table) throw new Error('no table')
      const native = new RowsLoad({ sink: 'pg_binary', rows: 5, row: pair })
      await transaction.load({ table, columns: [0, 1], usesDefaults: false, sink: 'pg_binary', native, memoryLimit })
      controller.abort()
      expect(await copyError(transaction.commit())).toMatchObject(canceled)
      expect(await database.query('SELECT * FROM target')).toEqual([])
    })
  })

  test('reaches a server that waits for a lock', async () => {
    await withTarget(database, async (target) => {
      const holder = new pg.Client(database.url)
      await holder.connect()
      await holder.query('BEGIN; LOCK TABLE target')
      const controller = new AbortController()
      let end = Number.NaN
      const onRolledBack = () => {
        end = performance.now()
      }
      const loading = copyError(runLoad(target, { ...endless, signal: controller.signal, onRolledBack }))
      await untilBlocked('Lock')
      const start = performance.now()
      controller.abort()
      expect(await loading).toMatchObject(canceled)
      expect(end - start).toBeLessThan(200)
      await holder.query('COMMIT')
      await holder.end()
      await expectIdle(database)
    })
  })

  test('reaches a server that sleeps in a trigger, of a row or of the commit', async () => {
    await database.query(`
      CREATE TABLE sleepy (id int, note text);
      CREATE TABLE late (id int, note text);
      CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NEW; END $$;
      CREATE TRIGGER nap BEFORE INSERT ON sleepy FOR EACH ROW EXECUTE FUNCTION nap();
      CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nap()`)
    await withTarget(database, async (target) => {
      for (const table of ['sleepy', 'late']) {
        const controller = new AbortController()
        let end = Number.NaN
        const onRolledBack = () => {
          end = performance.now()
        }
        const loading = copyError(
          runLoad(target, { table, rows: 10, row: pair, signal: controller.signal, onRolledBack }),
        )
        await untilBlocked('PgSleep')
        const start = performance.now()
        controller.abort()
        expect(await loading).toMatchObject(canceled)
        expect(end - start).toBeLessThan(200)
        await expectIdle(database)
        expect(await database.query(`SELECT * FROM ${table}`)).toEqual([])
      }
    })
  })

  test('of a load inside the caller’s transaction leaves that usable', async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    await client.query(`BEGIN; INSERT INTO target VALUES (-1, 'mine')`)
    const target = await connectPostgres(client)
    const { signal } = abortAfter(20)
    expect(await copyError(runLoad(target, { ...endless, signal }))).toMatchObject(canceled)
    expect((await client.query('SELECT * FROM target')).rows).toEqual([{ id: -1, note: 'mine' }])
    await client.query('ROLLBACK')
    expect(client.listenerCount('error')).toBe(0)
    await client.end()
    await expectNothingLeft(database)
  })

  test('ends the wait for a busy pool or client', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    const client = await pool.connect()
    const byPool = await connectPostgres(pool)
    const first = abortAfter(20)
    expect(await copyError(byPool.begin(first.signal))).toMatchObject(canceled)
    const byClient = await connectPostgres(client)
    const holding = await byClient.begin()
    const second = abortAfter(20)
    expect(await copyError(byClient.begin(second.signal))).toMatchObject(canceled)
    await holding.rollback()
    await (await byClient.begin()).rollback()
    client.release()
    // The client that the aborted statement had been waiting for has gone back to the pool.
    await expect.poll(() => [pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0])
    await pool.end()
    await expectNothingLeft(database)
  })
})

describe('over TLS', () => {
  test.each(['postgres', 'direct'] as const)('(%s negotiation) a load and its cancel work', async (sslnegotiation) => {
    const relay = await startRelay(database.url, { tls: sslnegotiation })
    const ssl = { ca: relay.certificate, checkServerIdentity: () => undefined }
    const pool = new pg.Pool({ connectionString: relay.url, max: 1, ssl, sslnegotiation })
    const target = await connectPostgres(pool)
    expect(await runLoad(target, { table: 'target', rows: 1_000, row: pair })).toMatchObject({ rowsLoaded: 1_000 })
    await database.query('TRUNCATE target; BEGIN; LOCK TABLE target')
    const controller = new AbortController()
    const loading = copyError(runLoad(target, { table: 'target', rows: 10, row: pair, signal: controller.signal }))
    await untilBlocked('Lock')
    controller.abort()
    expect(await loading).toMatchObject(canceled)
    await database.query('COMMIT')
    // The cancel arrived: the connection did not have to be given up.
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 1])
    expect(relay.connections).toBe(2)
    await pool.end()
    await relay.close()
    await expectNothingLeft(database)
  })
})
