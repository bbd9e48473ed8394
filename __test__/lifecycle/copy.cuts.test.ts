import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Receipt } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { random } from '../proof/generator.ts'
import { expectNothingUncaught } from '../uncaught.ts'
import { type Interruption, type MessageRelay, startMessageRelay } from './postgres.messages.ts'

/*
 * A keyed load whose connection is interrupted at each message between it and the server
 *
 * It refuses some rows itself and has others refused by the server, in several batches, and makes the record of loads on its way. Whatever
 * message is lost, the load happens as a whole or not at all, its caller is told which of the two as far as anybody can know it, and the
 * same load once more leaves the rows there once.
 */

/** Whether every message is tried, in each way, and not only some. */
const ALL = process.env.COPYIST_CUTS === 'all'
const SEED = Number(process.env.COPYIST_PROOF_SEED ?? 11)
const SAMPLE = 8

const ROWS = 4_000
let folder: string
let input: string
let database: ScratchDatabase
let relay: MessageRelay
let good = 0
let bad = 0

expectNothingUncaught()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-cuts-'))
  input = join(folder, 'input.csv')
  const lines = Array.from({ length: ROWS }, (_, id) => {
    // Refused by the decoder, by a constraint, or not; the middle of the file is clean, so that a batch is too.
    const kind = id > 1_000 && id < 2_900 ? 1 : id % 500
    if (kind === 0 || kind === 7) bad += 1
    else good += 1
    return `${kind === 0 ? 'x' : id},${kind === 7 ? -5 : 5},${'some text '.repeat(10)}\n`
  })
  writeFileSync(input, lines.join(''))
  database = await createScratchDatabase()
  await database.query('CREATE TABLE t (id integer PRIMARY KEY, amount integer CHECK (amount > 0), note text)')
  relay = await startMessageRelay(database.url)
})

afterAll(async () => {
  await relay.close()
  await database.drop()
  rmSync(folder, { recursive: true })
})

const statement = (key: string) => `COPY t FROM '${input}' (FORMAT csv, ON_ERROR skip_row, LOAD_KEY '${key}')`

/** What is in the database of a load with this key. */
async function stateOf(key: string): Promise<{ rows: number; loads: number; rejects: number }> {
  const [table] = await database.query<{ count: string }>('SELECT count(*) FROM t')
  const [{ found } = { found: null }] = await database.query(`SELECT to_regclass('copyist.loads') AS found`)
  if (found === null) return { rows: Number(table?.count), loads: 0, rejects: 0 }
  const [ledger] = await database.query<{ loads: string; rejects: string }>(
    `SELECT count(DISTINCT load_id) AS loads, count(reject_no) AS rejects
     FROM copyist.loads LEFT JOIN copyist.rejects USING (load_id) WHERE load_key = $1 AND status = 'completed'`,
    [key],
  )
  return { rows: Number(table?.count), loads: Number(ledger?.loads), rejects: Number(ledger?.rejects) }
}

const NOTHING = { rows: 0, loads: 0, rejects: 0 }

interface Ended {
  readonly receipt?: Receipt
  readonly error?: CopyError
  readonly settledMs: number
}

/** Waits for the end of a load, for so long. */
async function endOf(loading: Promise<Receipt>): Promise<Ended> {
  const started = performance.now()
  const controller = new AbortController()
  const late = sleep(20_000, undefined, { signal: controller.signal }).then(() => {
    throw new Error('the load has not ended')
  })
  late.catch(() => {})
  try {
    const receipt = await Promise.race([loading, late])
    return { receipt, settledMs: performance.now() - started }
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    return { error, settledMs: performance.now() - started }
  } finally {
    controller.abort()
  }
}

let number = 0

/**
 * One load that is interrupted, and what must hold after it. What the load ended with.
 *
 * @param downMs How long no connection is to be had then.
 */
async function interrupted(
  how: Interruption,
  when: (message: string, number: number) => boolean,
  downMs = 0,
): Promise<Ended> {
  number += 1
  const key = `load ${number}`
  const whole = { rows: good, loads: 1, rejects: bad }
  await database.query('TRUNCATE t; DROP SCHEMA IF EXISTS copyist CASCADE')
  // What begins to connect in vain is for the pool to give up.
  const pool = new pg.Pool({ connectionString: relay.url, max: 1, connectionTimeoutMillis: 1_000 })
  // A connection that waits in the pool may be the one that is interrupted.
  pool.on('error', () => {})
  let downUntil = 0
  const open = pool.connect.bind(pool) as (...args: unknown[]) => unknown
  const refuse = () => Promise.reject(new Error('connect ECONNREFUSED'))
  const connectOrNot = (...args: unknown[]) => (performance.now() < downUntil ? refuse() : open(...args))
  if (downMs > 0) Object.assign(pool, { connect: connectOrNot })
  relay.interrupt(how, (message, number) => {
    const isNow = when(message, number)
    if (isNow) downUntil = performance.now() + downMs
    return isNow
  })
  const db = await connect(pool)
  try {
    const controller = new AbortController()
    const options = { signal: controller.signal, memoryLimit: 1 << 20 }
    const loading = db.copy(statement(key), options)
    loading.catch(() => {})
    if (how === 'stall') {
      await Promise.race([relay.interrupted, loading.catch(() => {})])
      controller.abort()
    }
    const ended = await endOf(loading)
    const place = `${how} at message ${relay.interruption?.number}, ${relay.interruption?.message.slice(0, 80)}`
    const told = `${place}: ${ended.error?.sqlState} ${ended.error?.message}`
    if (process.env.COPYIST_PROOF_REPORT) process.stderr.write(`${told}, ${ended.settledMs.toFixed(0)} ms\n`)
    // The server may take a moment to notice.
    await expect
      .poll(async () => (await database.sessions()).filter(({ state }) => state !== 'idle'), { timeout: 10_000 })
      .toEqual([])
    const state = await stateOf(key)
    if (ended.receipt) {
      expect(state, told).toEqual(whole)
      expect(ended.receipt, told).toMatchObject({ rowsRead: ROWS, rowsLoaded: good, rowsRejected: bad })
      expect(ended.receipt.alreadyLoaded, told).toBeUndefined()
    } else if (ended.error?.sqlState === '08007') {
      expect([whole, NOTHING], told).toContainEqual(state)
    } else {
      expect(state, told).toEqual(NOTHING)
      const states = how === 'stall' ? ['57014'] : ['08001', '08003', '08006', '08P01', '57014']
      expect(states, told).toContain(ended.error?.sqlState)
    }
    // COMMIT is waited for a little longer.
    if (how === 'stall') expect(ended.settledMs, told).toBeLessThan(1_900)
    // The pool is as good as new.
    await expect
      .poll(async () => (await pool.query('SELECT 1 AS one')).rows, { timeout: 5_000, message: told })
      .toEqual([{ one: 1 }])
    expect([pool.totalCount, pool.idleCount, pool.waitingCount], told).toEqual([1, 1, 0])
    const again = await endOf(db.copy(statement(key), { memoryLimit: 1 << 20 }))
    expect(again.error, told).toBeUndefined()
    expect(again.receipt?.alreadyLoaded, told).toBe(state.loads === 1 ? true : undefined)
    expect(await stateOf(key), told).toEqual(whole)
    const temporary = await database.query(`SELECT relname FROM pg_class WHERE relname ~ '^copyist_[0-9a-f]{12}'`)
    expect(temporary, told).toEqual([])
    return ended
  } finally {
    await db.close()
    await pool.end()
    await expect.poll(() => relay.connections).toBe(0)
    await expect.poll(() => database.sessions(), { timeout: 10_000 }).toEqual([])
  }
}

/** The messages of a load that nobody interrupts, those of the connection's start included. */
async function messagesOfALoad(): Promise<string[]> {
  await interrupted('reset', () => false)
  const { messages } = relay
  // Those of the second load, which does nothing, come after the first COMMIT of one.
  // The very first one is that of the record of loads, which is made beforehand.
  const begun = messages.findIndex((message) => message.startsWith('>CopyData'))
  const last = messages.findIndex((message, index) => index > begun && message.startsWith('>Query COMMIT'))
  return messages.slice(0, last + 3)
}

/** Some of the messages in an ordinary run, all in a thorough one. */
function chosen(count: number, seed: number): number[] {
  const all = Array.from({ length: count }, (_, index) => index + 1)
  if (ALL) return all
  const below = random(seed)
  return Array.from({ length: SAMPLE }, () => all.splice(below(all.length), 1)[0] as number)
}

describe('a keyed load that refuses rows', { timeout: 1_800_000 }, () => {
  let messages: readonly string[] = []

  test('is what it is meant to be', async () => {
    messages = await messagesOfALoad()
    const count = (start: string) => messages.filter((message) => message.startsWith(start)).length
    expect(count('>CopyData')).toBeGreaterThan(4)
    expect(count('<Error')).toBeGreaterThan(0)
    expect(count('<CommandComplete COPY')).toBeGreaterThan(2)
    expect(messages.some((message) => message.includes('CREATE TEMPORARY TABLE'))).toBe(true)
    expect(messages.some((message) => message.includes('CREATE SCHEMA'))).toBe(true)
  })

  test.each(['reset', 'finish', 'tear', 'stall'] as const)('happens whole or not at all: %s', async (how) => {
    for (const at of chosen(messages.length, SEED + how.length)) {
      await interrupted(how, (_, number) => number === at)
    }
  })

  describe('while COMMIT is under way', () => {
    // The one before is that of the record of loads, when no row has been sent.
    const isLater = () => relay.messages.some((message) => message.startsWith('>CopyData'))
    const isCommit = (message: string) => message.startsWith('>Query COMMIT') && isLater()
    const isDone = (message: string) => message.startsWith('<CommandComplete COMMIT') && isLater()

    test.each(['reset', 'finish', 'tear'] as const)('which the server never hears of: %s', async (how) => {
      const { receipt, error } = await interrupted(how, isCommit)
      // Nobody but the record of loads knows, and that says that it was not.
      expect(receipt).toBeUndefined()
      expect(error).toMatchObject({ sqlState: '08006', hint: 'Run the statement again.' })
      expect(error?.detail).toMatch(/^Nothing was loaded/)
    })

    test.each(['reset', 'finish', 'tear'] as const)('which the server has carried out: %s', async (how) => {
      const { receipt, error } = await interrupted(how, isDone)
      expect(error).toBeUndefined()
      expect(receipt).toMatchObject({ rowsLoaded: good, rowsRejected: bad })
    })

    test('which the server has carried out, and is down for a while', async () => {
      const { error, receipt, settledMs } = await interrupted('reset', isDone, 5_000)
      expect(error).toBeUndefined()
      expect(receipt).toMatchObject({ rowsLoaded: good, rowsRejected: bad })
      expect(settledMs).toBeGreaterThan(4_000)
    })

    test.each([isCommit, isDone])('and silence falls: %o', async (when) => {
      const { error } = await interrupted('stall', when)
      expect(error?.sqlState).toMatch(/^08007|57014$/)
      if (error?.sqlState === '08007') expect(error.hint).toContain('LOAD_KEY')
    })
  })
})
