import { randomUUID } from 'node:crypto'
import { getEventListeners } from 'node:events'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect } from 'vitest'
import { type CopyCallOptions, CopyError, connect, type Receipt } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { expectNothingUncaught } from '../uncaught.ts'
import { textRows } from './duckdb.batches.ts'

/** A load has settled by then, counted from what ends it. */
export const SOON_MS = 2_000

/** A load that nothing ends has settled by then, also on a busy machine. */
const LONG_MS = 20_000

/** An abort ends the work within 200 ms; the rest is for a machine that runs other tests beside this one. */
export const ABORT_MS = 300

export const TABLE = '(id integer, name text, value double precision, seen timestamp)'

/** Each target, the DuckDB file one that is our own instance. */
export const stages: readonly { readonly name: string; open(): Promise<Bench> }[] = [
  ...benches,
  { name: 'duckdb file', open: openFile },
]

async function openFile(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'copyist-endings-'))
  const path = join(folder, 'endings.duckdb')
  const db = await connect(path)
  // The cache gives the instance that the target has.
  const instance = await DuckDBInstance.fromCache(path)
  const side = await instance.connect()
  return {
    db,
    sql: (text) => textRows(side, text),
    async close() {
      side.closeSync()
      instance.closeSync()
      await db.close()
      expect(descriptors().filter((name) => name.startsWith(folder))).toEqual([])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Rows of {@link TABLE} as CSV: `blocks` times ten thousand, 0.4 MB each. */
function writeRows(path: string, blocks: number, last = ''): void {
  const block = Buffer.from(
    Array.from(
      { length: 10_000 },
      (_, i) => `${i},name ${i},${(i * 1.37).toFixed(2)},2024-0${1 + (i % 9)}-1${i % 10} 10:${10 + (i % 50)}:00\n`,
    ).join(''),
  )
  const file = openSync(path, 'w')
  for (let written = 0; written < blocks; written += 1) writeSync(file, block)
  writeSync(file, last)
  closeSync(file)
}

/** Big files in a folder of the test file's own, and a watch on what nobody catches. */
export function useFiles(): {
  readonly folder: string
  readonly good: string
  readonly bad: string
  readonly rows: number
} {
  const folder = join(tmpdir(), `copyist-endings-${randomUUID()}`)
  // 32 MB each.
  const files = { folder, good: join(folder, 'good.csv'), bad: join(folder, 'bad.csv'), rows: 750_000 }
  expectNothingUncaught()
  beforeAll(() => {
    mkdirSync(folder)
    writeRows(files.good, files.rows / 10_000)
    writeRows(files.bad, files.rows / 10_000, 'last,row,is,bad\n')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return files
}

/** How a load ended. */
export interface Ending {
  readonly error: CopyError | undefined
  readonly receipt: Receipt | undefined
  /** By performance.now(). */
  readonly at: number
}

/** The end of a load, in `ms` at the latest. Whatever it rejects with must be a CopyError. */
export function ending(load: Promise<Receipt>, ms = LONG_MS): Promise<Ending> {
  const settled = load.then(
    (receipt) => ({ receipt, error: undefined, at: performance.now() }),
    (error: unknown) => {
      if (!(error instanceof CopyError)) throw error
      return { receipt: undefined, error, at: performance.now() }
    },
  )
  return soon(settled, ms)
}

/** What a promise gives, which must be there in time. */
export async function soon<T>(promise: Promise<T>, ms = SOON_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled after ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A load aborted after `ms`; `took` is the time from the abort to the end. */
export async function abortedAfter(
  ms: number,
  start: (call: CopyCallOptions & { readonly signal: AbortSignal }) => Promise<Receipt>,
): Promise<Ending & { readonly took: number }> {
  const controller = new AbortController()
  const { signal } = controller
  let aborted = Number.NaN
  const timer = setTimeout(() => {
    aborted = performance.now()
    controller.abort(new Error('enough'))
  }, ms)
  const end = await ending(start({ signal }))
  clearTimeout(timer)
  const took = end.at - aborted
  if (end.error) {
    expect(end.error).toMatchObject({ sqlState: '57014', code: 'query_canceled' })
    expect(took).toBeLessThan(SOON_MS)
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
  return { ...end, took }
}

/** At least `least` aborts found a load at work; they were quick, but for one in ten that the machine may have held up. */
export function expectQuick(aborts: readonly (Ending & { readonly took: number })[], least: number): void {
  const sorted = aborts.flatMap(({ error, took }) => (error ? [took] : [])).sort((a, b) => a - b)
  expect(sorted.length).toBeGreaterThanOrEqual(least)
  expect(sorted[Math.ceil(sorted.length * 0.9) - 1]).toBeLessThan(ABORT_MS)
}

/** What this process holds. */
export interface Census {
  readonly descriptors: readonly string[]
  readonly threads: readonly string[]
  readonly listeners: Readonly<Record<string, number>>
  readonly sockets: readonly string[]
}

function takeCensus(): Census {
  // Numbers of sockets and pipes change with every new one. DuckDB opens and closes its log as it likes.
  const names = descriptors().filter((name) => !name.endsWith('.wal'))
  // Not public, but nothing else finds every socket.
  const handles = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
  return {
    descriptors: names.map((name) => name.replace(/:\[\d+\]$/, '')).sort(),
    threads: readdirSync('/proc/self/task')
      .map((task) => read(() => readFileSync(`/proc/self/task/${task}/comm`, 'utf8').trim()))
      .filter((name) => name.startsWith('copyist-')),
    listeners: listenersOf(process),
    sockets: handles
      .filter((handle) => handle instanceof Socket)
      .map((socket) => JSON.stringify(listenersOf(socket)))
      .sort(),
  }
}

/** A census when nothing is on its way out any more: the one to compare with. */
export async function census(): Promise<Census> {
  for (let last = takeCensus(); ; ) {
    await sleep(30)
    const next = takeCensus()
    if (isDeepStrictEqual(last, next)) return next
    last = next
  }
}

/** How many listeners each event of an emitter has. */
export function listenersOf(emitter: NodeJS.EventEmitter): Record<string, number> {
  const names = emitter.eventNames().map(String).sort()
  return Object.fromEntries(names.map((name) => [name, emitter.listenerCount(name)]))
}

export function descriptors(): string[] {
  return readdirSync('/proc/self/fd').map((number) => read(() => readlinkSync(`/proc/self/fd/${number}`)))
}

/** What is listed may be gone when it is looked at. */
function read(look: () => string): string {
  try {
    return look()
  } catch {
    return ''
  }
}

export async function expectAsBefore(before: Census): Promise<void> {
  await expect.poll(takeCensus, { timeout: SOON_MS, interval: 20 }).toEqual(before)
}

/** What holds after every ending: table `t` has `rows`, the next load works, and the process holds what it held `before`. */
export async function expectUsable(bench: Bench, before: Census, rows = 0): Promise<void> {
  expect(await bench.sql('SELECT count(*) FROM t')).toEqual([[String(rows)]])
  const next = await ending(bench.db.copy('COPY t FROM STDIN', { stdin: '-7\tnext\t1\t2024-01-01\n' }))
  expect(next.receipt).toMatchObject({ rowsLoaded: 1 })
  await bench.sql('DELETE FROM t WHERE id = -7')
  await expectAsBefore(before)
}

/** How long a whole load of `path` into table `t` takes here at its quickest, milliseconds. */
export async function timeOf(bench: Bench, path: string): Promise<number> {
  const times = []
  for (let round = 0; round < 3; round += 1) {
    times.push((await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv)`)).elapsedMs)
    await bench.sql('TRUNCATE t')
  }
  return Math.min(...times)
}
