import { execFileSync } from 'node:child_process'
import { closeSync, createReadStream, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type CopyCallOptions, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase } from '../postgres.ts'
import { abortedAfter, descriptors, ending, SOON_MS, useFiles } from './copy.endings.ts'
import { startRelay } from './postgres.relay.ts'

/* Endings of streams that are never read to their end, and of connections that do not answer. */

const files = useFiles()
const STDIN = 'COPY t FROM STDIN (FORMAT csv)'
const ROW = '1,a,1.5,2024-01-01 00:00:00\n'

type Stdin = NonNullable<CopyCallOptions['stdin']>

describe('a stream', () => {
  let db: Database
  beforeEach(async () => {
    db = await connect(':memory:')
    await db.copy(STDIN, { stdin: ROW, createTable: true })
  })
  afterEach(() => db.close())

  // `return()` of its iterator waits for the read that is under way; only a reader's `cancel()` does not.
  test('of the web that is silent is cancelled by an abort', async () => {
    let cancelled = false
    const stdin = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from(ROW)),
      cancel: () => {
        cancelled = true
      },
    })
    await abortedAfter(50, (call) => db.copy(STDIN, { ...call, stdin: stdin as Stdin }))
    await expect.poll(() => cancelled).toBe(true)
  })

  // Else it would keep its file open, and an error of its own, such as ENOENT, would end the process.
  test.each([
    ['aborted before', STDIN, { signal: AbortSignal.abort() }],
    ['a syntax error', 'COPY t FROM STDIN (FORMAT nothing)', {}],
    ['a limit that is refused', STDIN, { threads: -1 }],
    ['a statement that names a file', `COPY t FROM '${files.good}' (FORMAT csv)`, {}],
  ])('is destroyed when its load does not begin (%s)', async (_, statement, call) => {
    const stdin = createReadStream(files.good)
    onTestFinished(() => void stdin.destroy())
    expect((await ending(db.copy(statement, { ...call, stdin }))).error).toBeDefined()
    await sleep(50)
    expect(stdin.destroyed).toBe(true)
  })

  test('that has been read already is refused', async () => {
    const stdin = createReadStream(files.good)
    for await (const _ of stdin);
    expect((await ending(db.copy(STDIN, { stdin }))).error).toMatchObject({ sqlState: '22023' })
  })

  test('is destroyed when its database has been closed', async () => {
    const closed = await connect(':memory:')
    await closed.close()
    const stdin = createReadStream(join(files.folder, 'nowhere'))
    expect((await ending(closed.copy(STDIN, { stdin }))).error).toMatchObject({ sqlState: '08003' })
    await sleep(20)
    expect(stdin.destroyed).toBe(true)
  })

  // JavaScript's own `for await` throws a TypeError at the same.
  test('whose iterator breaks the protocol is not taken for one that ended', async () => {
    let steps = 0
    const next = async () => (steps++ === 0 ? { done: false, value: ROW } : undefined)
    const stdin = { [Symbol.asyncIterator]: () => ({ next }) } as never
    expect((await ending(db.copy(STDIN, { stdin }))).error).toBeDefined()
  })

  // A blocking read would hold a thread of libuv's pool. Four of them, and every file and every statement on DuckDB would wait for
  // good.
  test('from a pipe that is silent is let go by an abort', async () => {
    const path = join(files.folder, 'silent.fifo')
    execFileSync('mkfifo', [path])
    // Open for reading too, so that neither end waits for the other.
    const writer = openSync(path, 'r+')
    onTestFinished(() => closeSync(writer))
    const end = await abortedAfter(50, (call) => db.copy(`COPY t FROM '${path}' (FORMAT csv)`, call))
    expect(end.error?.sqlState).toBe('57014')
    await expect.poll(() => descriptors().filter((name) => name === path), { timeout: SOON_MS }).toEqual([path])
  })
})

describe('a connection that goes silent', () => {
  // Their outcome counts, but not for ever.
  test.each(['ROLLBACK', 'COMMIT'])('at %s is given up by an abort', async (word) => {
    const database = await createScratchDatabase()
    const relay = await startRelay(database.url)
    const client = new pg.Client(relay.url)
    client.on('error', () => {})
    onTestFinished(async () => {
      relay.reset()
      await relay.close()
      await client.end()
      await database.drop()
    })
    await client.connect()
    await client.query('CREATE TABLE t (id integer)')
    const query = client.query.bind(client) as (...args: unknown[]) => unknown
    client.query = ((config: { text?: string }, ...rest: unknown[]) => {
      if (config.text === word) relay.silence()
      return query(config, ...rest)
    }) as typeof client.query
    const db = await connect(client)
    const load = db.copy('COPY t FROM STDIN', {
      stdin: word === 'COMMIT' ? '1\n' : 'bad\n',
      signal: AbortSignal.timeout(300),
    })
    expect((await ending(load, 300 + SOON_MS)).error).toBeDefined()
  })
})
