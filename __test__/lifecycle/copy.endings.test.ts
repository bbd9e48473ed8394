import {
  appendFileSync,
  copyFileSync,
  createReadStream,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions } from '../../lib/index.ts'
import type { Bench } from '../copy/targets.ts'
import { Random } from '../types/random.ts'
import {
  ABORT_MS,
  abortedAfter,
  type Census,
  census,
  type Ending,
  ending,
  expectQuick,
  expectUsable,
  SOON_MS,
  soon,
  stages,
  TABLE,
  timeOf,
  useFiles,
} from './copy.endings.ts'

const files = useFiles()
const fromFile = (path: string, table = 't') => `COPY ${table} FROM '${path}' (FORMAT csv)`
const fromStdin = (table = 't') => `COPY ${table} FROM STDIN (FORMAT csv)`

type Stdin = NonNullable<CopyCallOptions['stdin']>

/** The file as each kind of stream. */
const sources: readonly ((path: string) => Stdin)[] = [
  (path) => createReadStream(path),
  (path) => Readable.toWeb(createReadStream(path)) as Stdin,
  async function* (path) {
    yield* createReadStream(path)
  } as (path: string) => Stdin,
]

describe.each(stages)('on $name', ({ open }) => {
  let bench: Bench
  let before: Census
  /** Milliseconds of a whole load, measured once. */
  let whole = 0

  beforeEach(async () => {
    bench = await open()
    await bench.sql(`CREATE TABLE t ${TABLE}`)
    if (whole === 0) whole = await timeOf(bench, files.good)
    // Some of what a load opens stays open for the next one.
    await bench.db.copy('COPY t FROM STDIN', { stdin: '' })
    before = await census()
  })
  afterEach(() => soon(bench.close()))

  /** That many rows were loaded; they are removed, and what rows of failed loads leave behind. */
  async function settle(rows: number): Promise<void> {
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([[String(rows)]])
    await bench.sql('TRUNCATE t')
  }

  async function tableExists(name: string): Promise<boolean> {
    return (await bench.sql(`SELECT 1 FROM information_schema.tables WHERE table_name = '${name}'`)).length > 0
  }

  describe('an abort', () => {
    test('at any moment of the load of a file', async () => {
      const random = new Random(`file ${bench.db.kind}`)
      const aborts = []
      for (let round = 0; round < 20; round += 1) {
        const end = await abortedAfter(random.next() * whole, (call) => bench.db.copy(fromFile(files.good), call))
        await settle(end.receipt?.rowsLoaded ?? 0)
        aborts.push(end)
      }
      expectQuick(aborts, 8)
      await expectUsable(bench, before)
    })

    test('at any moment of the load of a stream', async () => {
      const random = new Random(`stdin ${bench.db.kind}`)
      const aborts = []
      for (let round = 0; round < 21; round += 1) {
        const stdin = sources[round % sources.length]?.(files.good) as Stdin
        const end = await abortedAfter(random.next() * whole, (call) => bench.db.copy(fromStdin(), { ...call, stdin }))
        await settle(end.receipt?.rowsLoaded ?? 0)
        if (stdin instanceof Readable) expect(stdin.destroyed).toBe(true)
        aborts.push(end)
      }
      expectQuick(aborts, 8)
      await expectUsable(bench, before)
    })

    test('before the start asks for nothing', async () => {
      const gone = { signal: AbortSignal.abort() }
      for (const load of [
        bench.db.copy(fromFile(files.good), gone),
        bench.db.copy(fromStdin(), { ...gone, stdin: 'x' }),
      ]) {
        expect((await ending(load, ABORT_MS)).error).toMatchObject({ sqlState: '57014' })
      }
      await expectUsable(bench, before)
    })

    test.each([false, true])('of a stream that never yields (CREATE_TABLE %s)', async (createTable) => {
      const table = createTable ? 'fresh' : 't'
      const aborts = []
      for (const chunks of [[], [Buffer.from('1,a,1,2024-01-01\n')]]) {
        const readable = new Readable({ read() {} })
        for (const chunk of chunks) readable.push(chunk)
        async function* generator() {
          yield* chunks
          await new Promise(() => {})
        }
        for (const stdin of [readable, generator()]) {
          aborts.push(
            await abortedAfter(60, (call) => bench.db.copy(fromStdin(table), { ...call, stdin, createTable })),
          )
        }
        expect(readable.destroyed).toBe(true)
      }
      expectQuick(aborts, 4)
      expect(await tableExists('fresh')).toBe(false)
      await expectUsable(bench, before)
    })

    test('while the columns of a new table are inferred', async () => {
      const random = new Random(`infer ${bench.db.kind}`)
      const aborts = []
      for (let round = 0; round < 12; round += 1) {
        const stdin = createReadStream(files.good)
        const spooled = { stdin, memoryLimit: 16 << 20 }
        const [statement, input] = round % 3 ? [fromFile(files.good, 'fresh'), {}] : [fromStdin('fresh'), spooled]
        const end = await abortedAfter((random.next() * whole) / 2, (call) =>
          bench.db.copy(statement, { ...call, ...input, createTable: true }),
        )
        stdin.destroy()
        expect(await tableExists('fresh')).toBe(end.receipt !== undefined)
        if (end.receipt) await bench.sql('DROP TABLE fresh')
        aborts.push(end)
      }
      expectQuick(aborts, 6)
      await expectUsable(bench, before)
    })
  })

  describe('a stream', () => {
    /** The file as far as ten megabytes, then what `then` does. */
    function failing(then: () => unknown): { stdin: AsyncGenerator<Uint8Array>; failed: () => number } {
      let failed = Number.NaN
      async function* read(): AsyncGenerator<Uint8Array> {
        yield* createReadStream(files.good, { end: 10_000_000 })
        failed = performance.now()
        yield then() as Uint8Array
      }
      return { stdin: read(), failed: () => failed }
    }
    const broken = () => {
      throw new Error('the source broke')
    }
    const cases: [name: string, start: () => { stdin: Stdin; failed: () => number }, message: string][] = [
      ['whose iterator throws', () => failing(broken), 'the source broke'],
      ['that yields what is not bytes', () => failing(() => ({ id: 1 })), 'not bytes'],
      ['that yields an array', () => failing(() => [Promise.resolve('1')]), 'not bytes'],
      [
        'that errors',
        () => {
          const { stdin, failed } = failing(broken)
          return { stdin: Readable.from(stdin), failed }
        },
        'the source broke',
      ],
      [
        'of the web that errors',
        () => {
          const { stdin, failed } = failing(broken)
          return { stdin: Readable.toWeb(Readable.from(stdin)) as Stdin, failed }
        },
        'the source broke',
      ],
      [
        'that is destroyed without an error',
        () => {
          const { stdin, failed } = failing(() => {
            readable.destroy()
            return Buffer.from('1,a,1,2024-01-01\n')
          })
          const readable = Readable.from(stdin)
          return { stdin: readable, failed }
        },
        'Premature close',
      ],
    ]

    test.each(cases)('%s', async (_, start, message) => {
      for (const createTable of [false, true]) {
        const { stdin, failed } = start()
        const end = await ending(bench.db.copy(fromStdin(createTable ? 'fresh' : 't'), { stdin, createTable }))
        expect(end.error).toMatchObject({ sqlState: '58030', message: expect.stringContaining(message) })
        expect(end.at - failed()).toBeLessThan(SOON_MS)
        if (stdin instanceof Readable) expect(stdin.destroyed).toBe(true)
      }
      expect(await tableExists('fresh')).toBe(false)
      await expectUsable(bench, before)
    })
  })

  describe('a file', () => {
    test('with a bad value in its last row', async () => {
      for (const stdin of [undefined, ...sources]) {
        const load = stdin
          ? bench.db.copy(fromStdin(), { stdin: stdin(files.bad) })
          : bench.db.copy(fromFile(files.bad))
        const { error } = await ending(load)
        expect(error).toMatchObject({ sqlState: '22P02', position: { line: files.rows + 1, column: 'id' } })
        await expectUsable(bench, before)
      }
    })

    test('that is cut short while it is loaded is not loaded in part', async () => {
      const random = new Random(`truncate ${bench.db.kind}`)
      const path = join(files.folder, 'cut.csv')
      for (let round = 0; round < 6; round += 1) {
        copyFileSync(files.good, path)
        const cut = sleep(random.next() * whole).then(() => truncateSync(path, random.below(1_000)))
        const { receipt, error } = await ending(bench.db.copy(fromFile(path)))
        await cut
        // Unless the file was short before it was opened, or whole until it was closed.
        if (receipt) expect(receipt.rowsLoaded === files.rows || receipt.bytesRead < 1_000).toBe(true)
        else if (error?.sqlState === '58030') expect(error.message).toMatch(/changed while it was read/)
        // A value that was cut in two.
        else expect(error?.sqlState).toMatch(/^22/)
        await settle(receipt?.rowsLoaded ?? 0)
      }
      await expectUsable(bench, before)
    })

    test('that is written to while it is loaded is not loaded at all', async () => {
      const path = join(files.folder, 'written.csv')
      const bytes = readFileSync(files.good)
      const others = Buffer.from(bytes).fill('7', bytes.length - 3, bytes.length - 2)
      const packed = join(files.folder, 'written.csv.gz')
      for (const [name, content, change, detail] of [
        // As cp does; the file then has the size that it had, unless it is looked at before.
        [path, bytes, () => writeFileSync(path, others), 'Nothing was loaded.'],
        [
          path,
          bytes,
          () => appendFileSync(path, '1'),
          `It had ${bytes.length} bytes at first, and ${bytes.length + 1} `,
        ],
        [packed, gzipSync(bytes, { level: 1 }), () => appendFileSync(packed, gzipSync('')), 'bytes at first, and '],
      ] as const) {
        writeFileSync(name, content)
        let isChanged = false
        const onProgress = () => {
          if (!isChanged) change()
          isChanged = true
        }
        for (const statement of [
          fromFile(name),
          `COPY t FROM '${files.folder}' (FORMAT csv, FILES = ['${basename(name)}', 'none.csv'])`,
        ]) {
          writeFileSync(join(files.folder, 'none.csv'), '')
          let error: Ending['error']
          // On a busy machine all may be read before the first word of it comes: then it is loaded as it was.
          for (let tries = 0; error === undefined && tries < 20; tries += 1) {
            isChanged = false
            writeFileSync(name, content)
            const end = await ending(bench.db.copy(statement, { onProgress }))
            expect(isChanged).toBe(true)
            error = end.error
            if (end.receipt !== undefined) await settle(files.rows)
          }
          expect(error).toMatchObject({
            sqlState: '58030',
            message: `file "${name}" changed while it was read`,
            detail: expect.stringContaining(detail),
            hint: expect.stringContaining('a copy of it'),
            position: { file: name },
          })
        }
      }
      await expectUsable(bench, before)
    })

    test('that is given another name while it is loaded, and its own to another file, is loaded to its end', async () => {
      const path = join(files.folder, 'renamed.csv')
      copyFileSync(files.good, path)
      let isRenamed = false
      const onProgress = () => {
        if (!isRenamed) renameSync(path, `${path}.old`)
        // Shorter than what is read.
        if (!isRenamed) writeFileSync(path, '1,other\n')
        isRenamed = true
      }
      expect((await ending(bench.db.copy(fromFile(path), { onProgress }))).receipt).toMatchObject({
        rowsLoaded: files.rows,
      })
      await settle(files.rows)
      await expectUsable(bench, before)
    })

    test('that is removed while it is loaded is loaded to its end', async () => {
      const path = join(files.folder, 'removed.csv')
      copyFileSync(files.good, path)
      const load = ending(bench.db.copy(fromFile(path), { onProgress: () => rmSync(path, { force: true }) }))
      expect((await load).receipt).toMatchObject({ rowsLoaded: files.rows })
      await settle(files.rows)
      await expectUsable(bench, before)
    })

    test('that is removed before its table is made, or after', async () => {
      const random = new Random(`removed ${bench.db.kind}`)
      const path = join(files.folder, 'removed.csv')
      for (let round = 0; round < 6; round += 1) {
        copyFileSync(files.good, path)
        const removed = sleep((random.next() * whole) / 4).then(() => rmSync(path))
        const { error } = await ending(bench.db.copy(fromFile(path, 'fresh'), { createTable: true }))
        await removed
        if (error) expect(error).toMatchObject({ sqlState: '58P01', code: 'undefined_file' })
        expect(await tableExists('fresh')).toBe(error === undefined)
        if (!error) await bench.sql('DROP TABLE fresh')
      }
      await expectUsable(bench, before)
    })
  })

  test('eight loads at once, of all fates', async () => {
    const late = new AbortController()
    const loads = [
      bench.db.copy(fromFile(files.good)),
      bench.db.copy(fromFile(files.bad)),
      bench.db.copy(fromStdin(), { stdin: sources[0]?.(files.bad) as Stdin }),
      bench.db.copy(fromFile(files.good), { signal: late.signal }),
      bench.db.copy(fromStdin(), { stdin: sources[1]?.(files.good) as Stdin }),
      bench.db.copy(fromFile('/not/there.csv')),
      bench.db.copy(fromFile(files.good), { signal: AbortSignal.timeout(Math.round(whole / 2)) }),
      bench.db.copy(fromStdin(), { stdin: '1,a,1,2024-01-01' }),
    ].map((load) => ending(load))
    await sleep(whole / 4)
    late.abort()
    const states = (await Promise.all(loads)).map(({ error }) => error?.sqlState)
    expect(states).toEqual([undefined, '22P02', '22P02', '57014', undefined, '58P01', '57014', undefined])
    await settle(2 * files.rows + 1)
    await expectUsable(bench, before)
  })
})
