import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createReadStream, openSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type CopyCallOptions, connect, type Database, read } from '../../lib/index.ts'
import { createScratchDatabase } from '../postgres.ts'
import { abortedAfter, descriptors, ending, SOON_MS, useFiles } from './copy.endings.ts'
import { startRelay } from './postgres.relay.ts'

/* Endings of streams that are never read to their end, and of connections that do not answer. */

const files = useFiles()
const STDIN = 'COPY t FROM STDIN (FORMAT csv)'
const ROW = '1,a,1.5,2024-01-01 00:00:00\n'

type Stdin = NonNullable<CopyCallOptions['stdin']>

/**
 * A stream as npm's readable-stream has them before its version 4: it tells less of itself, and its iterator takes one that was closed early for one that has
 * ended.
 */
function old(stream: Readable): Readable {
  const own = stream[Symbol.asyncIterator].bind(stream)
  const iterator = async function* () {
    try {
      yield* own()
    } catch (error) {
      if (!stream.destroyed || stream.errored) throw error
    }
  }
  const missing = ['readableEnded', 'readableEncoding', 'readableDidRead'].map((name) => [name, { value: undefined }])
  return Object.defineProperties(stream, {
    ...Object.fromEntries(missing),
    [Symbol.asyncIterator]: { value: iterator },
  })
}

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

  test.each(['stdin', 'rows'] as const)('that has been read already is refused (%s)', async (option) => {
    const read = [
      createReadStream(files.good),
      Readable.from([[1]]),
      old(Readable.from([[1]])),
      ReadableStream.from([[1]]),
    ]
    for (const stream of read) {
      for await (const _ of stream);
      const { error } = await ending(db.copy('COPY t FROM STDIN', { [option]: stream }))
      expect(error).toMatchObject({ sqlState: '22023', message: expect.stringContaining('read to its end already') })
    }
    const empty = [
      Readable.from([]),
      old(Readable.from([])),
      new ReadableStream({ start: (controller) => controller.close() }),
    ]
    for (const stream of empty) {
      expect(await db.copy('COPY t FROM STDIN', { [option]: stream })).toMatchObject({ rowsRead: 0 })
    }
  })

  test.each([
    ['Node', (stream: Readable) => stream],
    ['readable-stream 3', old],
  ])('of %s in base64 or hex is refused', async (_, kind) => {
    for (const encoding of ['base64', 'hex', 'HEX'] as const) {
      const read = function (this: Readable) {
        this.push(ROW)
        this.push(null)
      }
      const told = new Readable({ read }).setEncoding(encoding as BufferEncoding)
      for (const stream of [told, new Readable({ encoding: encoding as BufferEncoding, read })]) {
        const { error } = await ending(db.copy(STDIN, { stdin: kind(stream) }))
        expect(error).toMatchObject({ sqlState: '22023', message: expect.stringContaining('the text of its bytes') })
      }
    }
  })

  describe('of readable-stream 3', () => {
    const begun = () => {
      const stream = old(new PassThrough())
      ;(stream as PassThrough).write(ROW)
      return stream
    }

    test.each([
      ['into a table', STDIN],
      ['into one that is made', 'COPY made FROM STDIN (FORMAT csv, CREATE_TABLE)'],
    ])('that is closed early has not ended (%s)', async (_, statement) => {
      const stdin = begun()
      const loading = ending(db.copy(statement, { stdin }))
      setTimeout(() => stdin.destroy(), 50)
      const message = 'could not read file "STDIN": the stream was closed before its end'
      expect((await loading).error).toMatchObject({ sqlState: '58030', message })
      const broken = begun()
      for await (const _ of broken) break
      expect((await ending(db.copy(statement, { stdin: broken }))).error).toMatchObject({ sqlState: '58030' })
    })

    test('that fails, fails', async () => {
      const stdin = begun()
      const loading = ending(db.copy(STDIN, { stdin }))
      setTimeout(() => stdin.destroy(new Error('no more')), 50)
      expect((await loading).error).toMatchObject({ message: 'could not read file "STDIN": no more' })
    })

    // It does not say whether its listener has had some of it.
    test('is read by a listener, too, that comes when it is handed over', async () => {
      const late = begun()
      let heard = 0
      const hear = (chunk: Buffer) => {
        heard += chunk.length
      }
      const rows = read('COPY FROM STDIN (FORMAT csv)', { stdin: late }).rows()
      ;(late.on('data', hear) as PassThrough).end()
      await sleep(20)
      let returned = 0
      for await (const _ of rows) returned += 1
      expect(returned).toBe(1)
      expect(heard).toBe(ROW.length)
      const { error } = await ending(db.copy(STDIN, { stdin: begun().on('data', hear) }))
      expect(error).toMatchObject({ sqlState: '22023', hint: expect.stringContaining('from version 4 on') })
    })
  })

  describe('that flows', () => {
    const LINES = 40
    /** A line at a time, so that a load that has its table described first would miss some. */
    const slow = (line: (number: number) => unknown, objectMode = false) => {
      let sent = 0
      const read = function (this: Readable) {
        setTimeout(() => this.push(sent < LINES ? line(sent++) : null), 2)
      }
      return new Readable({ objectMode, read })
    }
    const textOf = (number: number) => `${number},a,1.5,2024-01-01 00:00:00\n`
    const LENGTH = Array.from({ length: LINES }, (_, number) => textOf(number)).join('').length
    let heard = 0
    const hear = (chunk: Buffer) => {
      heard += chunk.length
    }
    const ways = [
      ['a listener', (stream: Readable) => stream.on('data', hear)],
      ['a pipe', (stream: Readable) => stream.pipe(new PassThrough()).on('data', hear)],
    ] as const
    beforeEach(() => {
      heard = 0
    })

    test.each(ways)('into %s is read by both', async (_, flow) => {
      const [before, after] = [slow(textOf), slow(textOf)]
      flow(before)
      expect(await db.copy(STDIN, { stdin: before })).toMatchObject({ rowsLoaded: LINES })
      expect(heard).toBe(LENGTH)
      const loading = db.copy(STDIN, { stdin: after })
      flow(after)
      expect(await loading).toMatchObject({ rowsLoaded: LINES })
      expect(heard).toBe(2 * LENGTH)
    })

    test('to nobody is read', async () => {
      expect(await db.copy(STDIN, { stdin: slow(textOf).resume() })).toMatchObject({ rowsLoaded: LINES })
      const rows = slow((id) => [id, 'a', 1.5, '2024-01-01'], true).resume()
      expect(await db.copy('COPY t FROM STDIN', { rows })).toMatchObject({ rowsLoaded: LINES })
    })

    const full = (stream: Readable) => stream.pipe(new Writable({ highWaterMark: 1, write: () => {} }))
    const gone = [...ways, ['a pipe that waits', full] as const]
    test.each(gone)('into %s that has had some of it is refused', async (_, flow) => {
      for (const option of ['stdin', 'rows']) {
        const stream = slow(textOf)
        flow(stream)
        await once(stream, 'data')
        const { error } = await ending(db.copy('COPY t FROM STDIN', { [option]: stream }))
        expect(error).toMatchObject({
          sqlState: '22023',
          message: expect.stringContaining('flows into something else'),
        })
      }
    })

    // As npm's readable-stream has them.
    test("and is no instance of Node's class is told by what it has", async () => {
      const foreign = () => new Proxy(slow(textOf), { getPrototypeOf: () => Object.prototype })
      const stdin = foreign().on('data', hear)
      expect(await db.copy(STDIN, { stdin })).toMatchObject({ rowsLoaded: LINES })
      expect(heard).toBe(LENGTH)
      const late = foreign().on('data', hear)
      await once(late, 'data')
      const read = foreign()
      for await (const _ of read);
      for (const stdin of [late, read]) {
        expect((await ending(db.copy(STDIN, { stdin }))).error).toMatchObject({ sqlState: '22023' })
      }
    })

    test('and was stopped is read from there', async () => {
      const stdin = slow(textOf)
      await once(stdin, 'data')
      expect(await db.copy(STDIN, { stdin: stdin.pause() })).toMatchObject({ rowsLoaded: LINES - 1 })
    })

    test.each(ways)('into %s is validated whole, and left to that where it is only explained', async (_, flow) => {
      const whole = slow(textOf)
      flow(whole)
      const counts = { validation: { rowsRead: LINES } }
      expect(await db.explain(`EXPLAIN VALIDATE ${STDIN}`, { stdin: whole })).toMatchObject(counts)
      heard = 0
      const left = slow(textOf)
      flow(left)
      const end = once(left, 'end')
      expect(await db.explain(`EXPLAIN ${STDIN}`, { stdin: left })).toMatchObject({ input: { read: 'nothing' } })
      await end
      expect(heard).toBe(LENGTH)
    })

    const all = [...ways, ['nobody', (stream: Readable) => stream.resume()] as const]
    test.each(all)('into %s is read whole by a load right behind an EXPLAIN', async (_, flow) => {
      const stdin = slow(textOf)
      flow(stdin)
      await db.explain(`EXPLAIN ${STDIN}`, { stdin })
      expect(await db.copy(STDIN, { stdin })).toMatchObject({ rowsLoaded: LINES })
    })

    test('is read whole by a reading whose rows are asked for later', async () => {
      const stdin = slow(textOf)
      stdin.on('data', hear)
      const rows = read('COPY FROM STDIN (FORMAT csv)', { stdin }).rows()
      await sleep(20)
      let returned = 0
      for await (const _ of rows) returned += 1
      expect(returned).toBe(LINES)
      expect(heard).toBe(LENGTH)
    })
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
