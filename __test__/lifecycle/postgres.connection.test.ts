import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { expectNothingUncaught } from '../uncaught.ts'
import { copyError, expectNothingLeft, inTransaction, named, runLoad, withTarget } from './postgres.harness.ts'
import { startRelay } from './postgres.relay.ts'
import { int4 } from './postgres.rows.ts'

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

describe('a connection that dies', () => {
  /** Ends the sessions of loads that are in state `state`; how many. */
  const terminate = async (state: string) =>
    (
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE $1`,
        [state],
      )
    ).length
  const terminateOne = (state: string) => expect.poll(() => terminate(state), { interval: 3 }).toBe(1)

  test('in a load: one error, and the pool goes on with another', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    const poolErrors: Error[] = []
    pool.on('error', (error) => poolErrors.push(error))
    const target = await connectPostgres(pool)
    for (let round = 0; round < 5; round += 1) {
      const loading = copyError(runLoad(target, endless))
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50))
      await terminateOne('active')
      const error = await loading
      expect(['57P01', '08006']).toContain(error.sqlState)
      expect(['admin_shutdown', 'connection_failure']).toContain(error.code)
    }
    expect(await runLoad(target, { table: 'target', rows: 10, row: pair })).toMatchObject({ rowsLoaded: 10 })
    await database.query('TRUNCATE target')
    expect(poolErrors).toEqual([])
    await pool.end()
    await expectNothingLeft(database)
  })

  test('between two steps of a transaction', async () => {
    await withTarget(database, async (target) => {
      const transaction = await target.begin()
      await terminateOne('idle in transaction')
      await expect.poll(() => database.sessions()).toEqual([])
      const error = await copyError(transaction.describe(named('target')))
      expect(['57P01', '08006']).toContain(error.sqlState)
      await transaction.rollback()
      await inTransaction(target, (next) => next.describe(named('target')))
    })
  })

  test('that is the caller’s client: the caller is told by the rejection', async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    await client.query('BEGIN')
    const target = await connectPostgres(client)
    const loading = copyError(runLoad(target, endless))
    await terminateOne('active')
    expect(['57P01', '08006']).toContain((await loading).sqlState)
    expect(['08003', '08006']).toContain((await copyError(target.begin())).sqlState)
    await client.end()
    await expectNothingLeft(database)
  })

  test.each([false, true])(
    'while COMMIT is under way: nobody says that nothing was loaded (aborted: %s)',
    async (aborts) => {
      await database.query(`
      CREATE TABLE slow (id int);
      CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION dawdle()`)
      const relay = await startRelay(database.url)
      const target = await connectPostgres(relay.url, { maxConnections: 1 })
      const controller = new AbortController()
      const { signal } = controller
      const loading = copyError(runLoad(target, { table: 'slow', rows: 1, row: (i) => [int4(i)], signal }))
      const isCommitting = () =>
        database.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT'`)
      await expect.poll(async () => (await isCommitting()).length, { interval: 5 }).toBe(1)
      if (aborts) {
        // The request to cancel does not get through either.
        relay.silence()
        controller.abort()
      }
      relay.reset()
      expect(await loading).toMatchObject({
        sqlState: '08007',
        code: 'transaction_resolution_unknown',
        detail: expect.stringContaining('not known'),
      })
      await database.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT'`,
      )
      await target.close()
      await relay.close()
      await expect.poll(() => database.sessions(), { timeout: 5_000 }).toEqual([])
      await database.query('DROP TABLE slow; DROP FUNCTION dawdle')
    },
  )

  test.each([
    [
      'goes on after the cancel',
      'BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; RETURN NULL;',
    ],
    ['ends by the cancel', 'PERFORM pg_sleep(60); RETURN NULL;'],
    [
      'does not heed the cancel',
      'BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); END; RETURN NULL;',
    ],
  ])('while COMMIT takes longer than query_timeout and %s', async (how, body) => {
    await database.query(`
      CREATE TABLE waits (id int);
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON waits DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait()`)
    const pool = new pg.Pool({ connectionString: database.url, query_timeout: 1_500, max: 1 })
    const target = await connectPostgres(pool)
    const outcome = await runLoad(target, { table: 'waits', rows: 1, row: (i) => [int4(i)] }).then(
      ({ rowsLoaded }) => rowsLoaded,
      (error) => error,
    )
    const [row] = await database.query<{ count: number }>('SELECT count(*)::int FROM waits')
    if (how === 'goes on after the cancel') expect([outcome, row?.count]).toEqual([1, 1])
    else if (how === 'ends by the cancel') {
      expect(outcome).toMatchObject({ sqlState: '57014', message: expect.stringContaining('query_timeout') })
      expect(row?.count).toBe(0)
    } else expect(outcome).toMatchObject({ sqlState: '08007', detail: expect.stringContaining('not known') })
    await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'`,
    )
    await runLoad(target, { table: 'waits', rows: 0, row: () => [] })
    await pool.end()
    await database.query('DROP TABLE waits; DROP FUNCTION wait')
  })

  test('by a reset, or goes silent: an abort gives it up', async () => {
    const relay = await startRelay(database.url)
    for (const failure of ['reset', 'silence'] as const) {
      const target = await connectPostgres(relay.url, { maxConnections: 1 })
      const controller = new AbortController()
      let end = Number.NaN
      const onRolledBack = () => {
        end = performance.now()
      }
      const loading = copyError(runLoad(target, { ...endless, signal: controller.signal, onRolledBack }))
      await new Promise((resolve) => setTimeout(resolve, 50))
      if (failure === 'reset') {
        relay.reset()
        expect(await loading).toMatchObject({ sqlState: '08006', code: 'connection_failure' })
      } else {
        relay.silence()
        const start = performance.now()
        controller.abort()
        expect(await loading).toMatchObject(canceled)
        expect(end - start).toBeLessThan(200)
        relay.reset()
      }
      await target.close()
      await expect.poll(() => database.sessions(), { timeout: 5_000 }).toEqual([])
    }
    await relay.close()
    expect(await database.query('SELECT * FROM target')).toEqual([])
  })
})

describe('a server that cannot be reached', () => {
  test('is an error of its own, without the password', async () => {
    const url = new URL(database.url)
    const cases: [change: (url: URL) => void, sqlState: string, code: string][] = [
      [
        (u) => {
          u.port = '1'
        },
        '08001',
        'sqlclient_unable_to_establish_sqlconnection',
      ],
      [
        (u) => {
          u.hostname = 'host.invalid'
        },
        '08001',
        'sqlclient_unable_to_establish_sqlconnection',
      ],
      [
        (u) => {
          u.password = 'swordfish'
        },
        '28P01',
        'invalid_password',
      ],
      [
        (u) => {
          u.pathname = '/no_such_database'
        },
        '3D000',
        'invalid_catalog_name',
      ],
    ]
    for (const [change, sqlState, code] of cases) {
      const changed = new URL(url)
      if (sqlState !== '3D000') changed.password = 'swordfish'
      change(changed)
      const error = await copyError(connectPostgres(changed.href))
      expect(error).toMatchObject({ sqlState, code })
      expect(error.message).not.toBe('')
      expect(`${error.stack} ${error.detail} ${error.hint}`).not.toContain('swordfish')
    }
    const invalid = await copyError(connectPostgres('postgres://me:swordfish@host:port/db'))
    expect(invalid).toMatchObject({ sqlState: '22023', message: 'invalid connection string' })
    expect(String(invalid.stack)).not.toContain('swordfish')
    await expectNothingLeft(database)
  })
})
