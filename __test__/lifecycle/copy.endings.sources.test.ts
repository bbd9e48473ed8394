import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { abortedAfter, ending, SOON_MS, useFiles } from './copy.endings.ts'

/* Endings of sources of a program: of bytes and of rows, however they are made, and whatever they do. */

useFiles()

/** What a source does after its items. */
type Behaviour = 'ends' | 'fails' | 'is silent' | 'is endless'

/** A source, and whether it has been told that nobody reads it any more. */
interface Made {
  readonly source: unknown
  isClosed(): boolean
  /** Items that somebody has asked for. */
  taken(): number
}

const FAILURE = new Error('the source has failed')

/** Items of a source: as many as are given, then what it does. */
async function* items<Item>(
  each: (index: number) => Item,
  count: number,
  then: Behaviour,
  state: State,
): AsyncGenerator<Item> {
  for (let index = 0; then === 'is endless' || index < count; index += 1) {
    state.taken += 1
    yield each(index)
  }
  if (then === 'fails') throw FAILURE
  if (then === 'is silent') await new Promise(() => {})
}

interface State {
  taken: number
  closed: boolean
}

type Maker = (each: (index: number) => unknown, count: number, then: Behaviour) => Made

const made = (state: State, source: unknown): Made => ({
  source,
  isClosed: () => state.closed,
  taken: () => state.taken,
})

const kinds: Readonly<Record<string, Maker>> = {
  'an async iterator': (each, count, then) => {
    const state = { taken: 0, closed: false }
    const inner = items(each, count, then, state)
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => inner.next(),
        return: async () => {
          state.closed = true
          return { done: true, value: undefined }
        },
      }),
    }
    return made(state, source)
  },
  'an iterator': (each, count, then) => {
    const state = { taken: 0, closed: false }
    const source = {
      [Symbol.iterator]: () => ({
        next() {
          if (then !== 'is endless' && state.taken >= count) {
            if (then === 'fails') throw FAILURE
            return { done: true, value: undefined }
          }
          state.taken += 1
          return { done: false, value: each(state.taken - 1) }
        },
        return() {
          state.closed = true
          return { done: true, value: undefined }
        },
      }),
    }
    return made(state, source)
  },
  'a Readable': (each, count, then) => {
    const state = { taken: 0, closed: false }
    const source = new Readable({
      objectMode: true,
      read() {
        if (then !== 'is endless' && state.taken >= count) {
          if (then === 'fails') this.destroy(FAILURE)
          else if (then === 'ends') this.push(null)
          return
        }
        state.taken += 1
        this.push(each(state.taken - 1))
      },
      destroy(error, callback) {
        state.closed = true
        callback(error)
      },
    })
    return made(state, source)
  },
  'a web stream': (each, count, then) => {
    const state = { taken: 0, closed: false }
    const source = new ReadableStream({
      pull(controller) {
        if (then !== 'is endless' && state.taken >= count) {
          if (then === 'fails') controller.error(FAILURE)
          else if (then === 'ends') controller.close()
          else return new Promise(() => {})
          return undefined
        }
        state.taken += 1
        controller.enqueue(each(state.taken - 1))
        return undefined
      },
      cancel() {
        state.closed = true
      },
    })
    return made(state, source)
  },
}

/** What a source consists of. */
const contents = [
  { of: 'rows', item: (index: number): unknown => ({ id: index, name: `name ${index}` }), bad: { id: 'x' } },
  { of: 'stdin', item: (index: number): unknown => Buffer.from(`${index}\tname ${index}\n`), bad: 'x\ty\n' },
] as const

describe.each(benches)('on $name', ({ open }) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })
  afterEach(() => bench.close())

  const count = async () => Number((await bench.sql('SELECT count(*) FROM t'))[0]?.[0])

  describe.each(contents)('$of', ({ of, item, bad }) => {
    const load = (source: unknown, call: CopyCallOptions = {}) =>
      bench.db.copy('COPY t (id, name) FROM STDIN', { ...call, [of]: source } as CopyCallOptions)

    describe.each(Object.entries(kinds))('of %s', (kind, make) => {
      test('that ends', async () => {
        const { source, taken } = make(item, 5_000, 'ends')
        expect(await load(source)).toMatchObject({ rowsLoaded: 5_000 })
        expect(taken()).toBe(5_000)
        expect(await count()).toBe(5_000)
      })

      test('that fails', async () => {
        const { source } = make(item, 5_000, 'fails')
        const { error } = await ending(load(source))
        expect(error).toMatchObject({
          sqlState: '58030',
          message: 'could not read file "STDIN": the source has failed',
        })
        expect(error?.cause).toBe(FAILURE)
        expect(await count()).toBe(0)
      })

      test('that fails at once', async () => {
        const { source } = make(item, 0, 'fails')
        expect((await ending(load(source))).error).toMatchObject({ sqlState: '58030', cause: FAILURE })
      })

      test('that is endless, and aborted', async () => {
        const { source, isClosed, taken } = make(item, 0, 'is endless')
        const { error } = await abortedAfter(100, (call) => load(source, call))
        expect(error?.sqlState).toBe('57014')
        await expect.poll(isClosed, { timeout: SOON_MS }).toBe(true)
        const before = taken()
        await sleep(50)
        expect(taken()).toBe(before)
        expect(await count()).toBe(0)
      })

      test('with a row that is wrong, which is then closed', async () => {
        const { source, isClosed } = make((index) => (index === 3_000 ? bad : item(index)), 0, 'is endless')
        expect((await ending(load(source))).error).toMatchObject({ sqlState: '22P02', position: { line: 3_001 } })
        await expect.poll(isClosed, { timeout: SOON_MS }).toBe(true)
      })

      if (kind === 'an iterator') return

      test.each([0, 3])('that is silent after %i, and aborted', async (items) => {
        const { source, isClosed } = make(item, items, 'is silent')
        const { error } = await abortedAfter(100, (call) => load(source, call))
        expect(error?.sqlState).toBe('57014')
        await expect.poll(isClosed, { timeout: SOON_MS }).toBe(true)
        expect(await count()).toBe(0)
      })
    })

    test('is told what it is, where it is the other one', async () => {
      const other = of === 'rows' ? [Buffer.from('1\ta\n')] : [{ id: 1, name: 'a' }]
      const { error } = await ending(load(other))
      expect(error?.message).toContain(of === 'rows' ? 'not bytes' : 'delivered an object, not bytes (rows are')
    })

    test.each(['aborted before', 'a syntax error', 'a limit that is refused', 'a file'])(
      'is closed when %s',
      async (why) => {
        const { source, isClosed } = kinds['a Readable']?.(item, 1, 'is silent') ?? {}
        const statement =
          why === 'a syntax error'
            ? 'COPY t FROM STDIN (FORMAT no)'
            : why === 'a file'
              ? "COPY t FROM 'x'"
              : 'COPY t FROM STDIN'
        const call =
          why === 'aborted before'
            ? { signal: AbortSignal.abort() }
            : why === 'a limit that is refused'
              ? { threads: -1 }
              : {}
        expect(
          (await ending(bench.db.copy(statement, { ...call, [of]: source } as CopyCallOptions))).error,
        ).toBeDefined()
        await expect.poll(() => isClosed?.(), { timeout: SOON_MS }).toBe(true)
      },
    )
  })

  // Else a program with more rows than memory would end.
  test('rows are not read far ahead of a target that does not take them', async () => {
    const { source, taken } =
      kinds['an async iterator']?.((id) => ({ id, name: 'x'.repeat(1000) }), 0, 'is endless') ?? {}
    // A table that somebody else has locked.
    if (bench.url === undefined) return
    const { default: pg } = await import('pg')
    const client = new pg.Client(bench.url)
    await client.connect()
    try {
      await client.query('BEGIN')
      await client.query('LOCK TABLE t')
      const { error } = await abortedAfter(500, (call) =>
        bench.db.copy('COPY t (id, name) FROM STDIN', { ...call, rows: source as never }),
      )
      expect(error?.sqlState).toBe('57014')
      expect(taken?.()).toBeLessThan(100_000)
    } finally {
      await client.end()
    }
  })
})
