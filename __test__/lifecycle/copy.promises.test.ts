import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { read } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { expectNothingUncaught } from '../uncaught.ts'

/* Promises in what is iterated without waiting: as for `for await`, and heard by whoever calls alone. */

expectNothingUncaught()

const FAILURE = new Error('it was not kept')
const fails = () => Promise.reject(FAILURE)
const later = async <Value>(value: Value) => {
  await sleep(1)
  return value
}

describe.each(benches)('promises, on $name', ({ open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(async () => {
    // What nobody catches is told in a turn of its own.
    await sleep(5)
    await bench.close()
  })

  const load = (call: object, rest = '') => bench.db.copy(`COPY t FROM STDIN ${rest}`, call)
  const rows = () => bench.sql('SELECT * FROM t ORDER BY id')

  function* generated(...items: readonly (() => unknown)[]) {
    for (const item of items) yield item()
  }

  test('of chunks', async () => {
    const chunks = () => [later(Buffer.from('1\ta\n2\t')), later('b\n'), Buffer.from('3\tc\n')]
    for (const stdin of [chunks(), new Set(chunks()), generated(...chunks().map((chunk) => () => chunk))]) {
      await load({ stdin })
      expect(await rows()).toEqual([
        ['1', 'a'],
        ['2', 'b'],
        ['3', 'c'],
      ])
      await bench.sql('DELETE FROM t')
    }
  })

  test('of rows', async () => {
    const promised = () => [later([1, 'a']), [2, 'b'], later([3, 'c'])]
    for (const given of [promised(), new Set(promised()), generated(...promised().map((row) => () => row))]) {
      await load({ rows: given })
      expect((await rows()).map(([id]) => id)).toEqual(['1', '2', '3'])
      await bench.sql('DELETE FROM t')
    }
  })

  // One that is made may fire between a step and the wait for what that promises, where nothing is listening.
  test('that are never kept are not waited for behind an abort', async () => {
    for (const rest of ['', '(CREATE_TABLE)']) {
      for (let depth = 1; depth <= 6; depth += 1) {
        const stop = new AbortController()
        const abortIn = (ticks: number): void => (ticks === 0 ? stop.abort() : queueMicrotask(() => abortIn(ticks - 1)))
        const next = () => {
          abortIn(depth)
          return { value: new Promise(() => {}), done: false }
        }
        const stdin = { [Symbol.iterator]: () => ({ next }) }
        const statement = `COPY ${rest === '' ? 't' : 'made'} FROM STDIN ${rest}`
        const loading = bench.db.copy(statement, { stdin, signal: stop.signal } as never)
        await expect(Promise.race([loading, sleep(1_000, 'still waiting')])).rejects.toMatchObject({
          sqlState: '57014',
        })
      }
    }
  })

  test.each([
    ['an array', () => [later('1\ta\n'), fails(), fails()], () => [[1, 'a'], fails(), fails()]],
    ['a set', () => new Set([later('1\ta\n'), fails(), fails()]), () => new Set([later([1, 'a']), fails(), fails()])],
    ['a generator', () => generated(() => '1\ta\n', fails, fails), () => generated(() => [1, 'a'], fails, fails)],
    ['the first of them', () => [fails(), fails()], () => [fails(), fails()]],
  ])('that fail, of %s', async (_, stdin, given) => {
    const expected = { sqlState: '58030', message: `could not read file "STDIN": ${FAILURE.message}`, cause: FAILURE }
    await expect(load({ stdin: stdin() })).rejects.toMatchObject(expected)
    await expect(load({ stdin: stdin() }, '(CREATE_TABLE)')).rejects.toMatchObject(expected)
    await expect(load({ rows: given() })).rejects.toMatchObject(expected)
    await expect(read('COPY FROM STDIN (FORMAT text)', { stdin: stdin() as never }).columns()).rejects.toMatchObject(
      expected,
    )
    expect(await rows()).toEqual([])
  })

  test('that fail where nobody reads them', async () => {
    for (const call of [
      () => ({ stdin: [fails()] }),
      () => ({ rows: [fails()] }),
      () => ({ rows: new Map([[1, fails()]]) }),
    ]) {
      await expect(load(call(), '(NO_SUCH_OPTION)')).rejects.toMatchObject({ sqlState: '42601' })
      await expect(load(call())).rejects.toBeInstanceOf(Error)
      await bench.db.explain('COPY t FROM STDIN', call() as object).catch(() => {})
    }
    // Behind a row that ends the load.
    await expect(load({ stdin: ['x\ta\n', later('1\tb\n'), fails()] })).rejects.toMatchObject({
      sqlState: expect.stringMatching(/^(?:22P02|58030)$/),
    })
  })

  test('that are never kept end with the signal', async () => {
    for (const call of [{ stdin: [new Promise(() => {})] }, { rows: [new Promise(() => {})] }]) {
      const signal = AbortSignal.timeout(30)
      await expect(load({ ...call, signal })).rejects.toMatchObject({ sqlState: '57014' })
    }
  })
})
