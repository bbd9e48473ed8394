import { execFileSync, spawn } from 'node:child_process'
import { createReadStream, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import type { Reject } from '../../lib/rejects.ts'
import { type Bench, benches } from './targets.ts'

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let folder: string
  let bad: string

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, note text)')
  })

  afterAll(async () => {
    await bench.close()
  })

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'copyist-rejects-'))
    bad = join(folder, 'bad.csv')
    await bench.sql('DELETE FROM t')
  })

  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  const file = (content: string | Buffer, called = 'input.csv') => {
    const path = join(folder, called)
    writeFileSync(path, content)
    return path
  }
  const CSV = 'FORMAT csv, ON_ERROR skip_row'

  test('of a pipe, which is not opened once more', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const writer = spawn('sh', ['-c', `printf '1,a\\nx,b\\n' > '${pipe}'`])
    const receipt = await bench.db.copy(`COPY t FROM '${pipe}' (${CSV})`, { rejects: bad })
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    expect(readFileSync(bad, 'utf8')).toBe('x,b\n')
    writer.kill()
  })

  test('is not a database', async () => {
    const database = file(Buffer.concat([Buffer.alloc(8), Buffer.from('DUCK'), Buffer.alloc(100)]), 'some.duckdb')
    const load = bench.db.copy(`COPY t FROM '${file('1,a\n')}' (${CSV})`, { rejects: database })
    await expect(load).rejects.toMatchObject({
      sqlState: '22023',
      message: expect.stringContaining('is a DuckDB database'),
    })
    expect(readFileSync(database).length).toBe(112)
  })
  const refusal = async (load: Promise<unknown>) => {
    const error = await load.then(
      () => undefined,
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(CopyError)
    return error as CopyError
  }
  const count = async () => (await bench.sql('SELECT count(*) FROM t'))[0]?.[0]

  test.runIf(process.platform === 'linux')(
    'a full disk fails the load, and the record has what was refused',
    async () => {
      for (const rows of [1, 20_000]) {
        const told: number[] = []
        const path = file(`7,a\n${'x,some text\n'.repeat(rows)}`)
        const load = bench.db.copy(`COPY t FROM '${path}' (${CSV})`, {
          rejects: '/dev/full',
          onReject: ({ line }) => told.push(line),
        })
        expect(await refusal(load)).toMatchObject({
          code: 'disk_full',
          sqlState: '53100',
          message: 'could not write to file "/dev/full": no space left on device',
          detail: 'Nothing was loaded.',
          cause: { code: 'ENOSPC' },
        })
        expect(await count()).toBe('0')
        // None that was known by then is left out.
        expect(told).toEqual(Array.from(told, (_, index) => index + 2))
        expect(told.length).toBeGreaterThan(0)
        const [recorded] = await bench.sql(
          `SELECT l.status, l.error_sqlstate, count(*) FROM copyist.loads l JOIN copyist.rejects r USING (load_id)
         GROUP BY l.load_id, l.status, l.error_sqlstate, l.started_at ORDER BY l.started_at DESC LIMIT 1`,
        )
        expect(recorded).toEqual(['failed', '53100', String(told.length)])
      }
    },
  )

  test.runIf(process.platform === 'linux')('a full disk, told by rows that the target refuses', async () => {
    await bench.sql('CREATE TABLE strict (id integer NOT NULL CHECK (id > 0))')
    const load = bench.db.copy(`COPY strict FROM STDIN (${CSV})`, { stdin: '-1\n2\n', rejects: '/dev/full' })
    expect(await refusal(load)).toMatchObject({ sqlState: '53100' })
    expect(await bench.sql('SELECT count(*) FROM strict')).toEqual([['0']])
  })

  test('a place where no file can be is told before a row is read', async () => {
    const missing = join(folder, 'missing', 'bad.csv')
    expect(
      await refusal(bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin: '1,a\n', rejects: missing })),
    ).toMatchObject({
      sqlState: '58P01',
      message: `could not open file "${missing}" for writing: no such file or directory`,
    })
    expect(
      await refusal(bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin: '1,a\n', rejects: folder })),
    ).toMatchObject({
      sqlState: '42809',
      message: expect.stringContaining(`could not open file "${folder}" for writing: illegal operation on a directory`),
    })
    expect(await count()).toBe('0')
  })

  test('rows of an earlier load are gone', async () => {
    const load = (stdin: string) => bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin, rejects: bad, ledger: false })
    await load('x,a\n')
    expect(readFileSync(bad, 'utf8')).toBe('x,a\n')
    await load('1,a\n')
    expect(readFileSync(bad, 'utf8')).toBe('')
    // An empty file is one that can be loaded.
    expect(await bench.db.copy(`COPY t FROM '${bad}' (${CSV}, HEADER)`)).toMatchObject({ rowsRead: 0 })
    // A load that is not done again has no rejects of its own.
    const keyed = () => bench.db.copy(`COPY t FROM STDIN (${CSV}, LOAD_KEY 'once')`, { stdin: 'x,b\n', rejects: bad })
    await keyed()
    expect(await keyed()).toMatchObject({ alreadyLoaded: true })
    expect(readFileSync(bad, 'utf8')).toBe('x,b\n')
  })

  test('the input is not written over, whatever it is called', async () => {
    const path = file('x,a\n')
    symlinkSync(path, join(folder, 'link.csv'))
    const fd = openSync(path, 'r')
    const loads = [
      () => bench.db.copy(`COPY t FROM '${path}' (${CSV})`, { rejects: join(folder, 'link.csv') }),
      () => bench.db.copy(`COPY t FROM '${join(folder, 'link.csv')}' (${CSV})`, { rejects: path }),
      () => bench.db.copy(`COPY t FROM '${pathToFileURL(path).href}' (${CSV})`, { rejects: path }),
      () => bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin: createReadStream(path), rejects: path }),
      () => bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin: createReadStream('', { fd }), rejects: path }),
    ]
    for (const load of loads) {
      expect(await refusal(load())).toMatchObject({
        sqlState: '22023',
        message: expect.stringContaining('is the input'),
      })
      expect(readFileSync(path, 'utf8')).toBe('x,a\n')
    }
    const { id } = await bench.db.copy(`COPY t FROM '${path}' (${CSV})`)
    const replay = bench.db.copy(`COPY REJECTS '${id}' INTO t`, { rejects: path })
    expect(await refusal(replay)).toMatchObject({ sqlState: '22023' })
    expect(readFileSync(path, 'utf8')).toBe('x,a\n')
  })

  test('a load that is interrupted leaves whole records', async () => {
    const controller = new AbortController()
    const told: string[] = []
    async function* endless() {
      for (let id = 0; ; id += 1) {
        yield `${id},a\nx${id},"b\nc"\n`
        if (id % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const load = bench.db.copy(`COPY t FROM STDIN (${CSV})`, {
      stdin: endless(),
      rejects: bad,
      signal: controller.signal,
      onReject: ({ raw }) => {
        told.push(String(raw))
        if (told.length === 5_000) controller.abort()
      },
    })
    expect(await refusal(load)).toMatchObject({ sqlState: '57014' })
    expect(told.length).toBeGreaterThanOrEqual(5_000)
    expect(readFileSync(bad, 'utf8')).toBe(told.map((raw) => `${raw}\n`).join(''))
    expect(await count()).toBe('0')
  })

  test('a header with the names of the columns, whatever they hold', async () => {
    const names = ['a|b', 'c\\d', 'e\nf', 'g\th', 'i,j', 'k"l', "m\\'n"]
    const columns = names.map((column) => `"${column.replaceAll('"', '""')}" integer`)
    await bench.sql(`DROP TABLE IF EXISTS named`)
    await bench.sql(`CREATE TABLE named (${columns.join(', ')})`)
    const formats: [string, string][] = [
      ['FORMAT text', '\t'],
      ["FORMAT text, DELIMITER '|'", '|'],
      ["FORMAT text, DELIMITER ','", ','],
      ['FORMAT csv', ','],
      [`FORMAT csv, DELIMITER '|', QUOTE '''', ESCAPE '\\'`, '|'],
    ]
    for (const [format, delimiter] of formats) {
      const row = (first: string) => [first, ...names.slice(1).map(() => '1')].join(delimiter)
      const options = `${format}, ON_ERROR skip_row`
      await bench.db.copy(`COPY named FROM STDIN (${options}, HEADER)`, {
        stdin: `\n${row('x')}\n`,
        rejects: bad,
        ledger: false,
      })
      writeFileSync(bad, readFileSync(bad, 'utf8').replace(/x(?=.1)/g, '7'))
      const receipt = await bench.db.copy(`COPY named FROM '${bad}' (${format}, HEADER MATCH)`)
      expect(receipt, format).toMatchObject({ rowsLoaded: 1, headerLines: 1 })
    }
  })

  test('a backslash at the end of the last record stays alone', async () => {
    const path = file('1\ta\nx\tb\ny\tc\\')
    const statement = (from: string) => `COPY t FROM '${from}' (FORMAT text, ON_ERROR skip_row)`
    await bench.db.copy(statement(path), { rejects: bad, ledger: false })
    expect(readFileSync(bad, 'utf8')).toBe('x\tb\ny\tc\\')
    const again: string[] = []
    await bench.db.copy(statement(bad), { onReject: ({ raw }) => again.push(String(raw)), ledger: false })
    expect(again).toEqual(['x\tb', 'y\tc\\'])
  })

  test('line ends are those of the input', async () => {
    for (const lineEnd of ['\n', '\r', '\r\n']) {
      for (const header of ['', 'id,note']) {
        const path = file([header, '1,a', 'x,b', '2,"c\nd"', 'y,"e\nf"', ''].slice(header === '' ? 1 : 0).join(lineEnd))
        const options = `${CSV}${header === '' ? '' : ', HEADER'}`
        await bench.db.copy(`COPY t FROM '${path}' (${options})`, { rejects: bad, ledger: false })
        const expected = [header, 'x,b', 'y,"e\nf"', ''].slice(header === '' ? 1 : 0).join(lineEnd)
        expect(readFileSync(bad, 'utf8')).toBe(expected)
      }
    }
  })

  test('lines that ended otherwise than those of the input are rows', async () => {
    const path = file('1,a\r\n2,b\n3,c\nx,d\n4,e\r\n')
    const first = await bench.db.copy(`COPY t FROM '${path}' (${CSV})`, { rejects: bad, ledger: false })
    expect([first.rowsLoaded, first.rowsRejected]).toEqual([2, 3])
    expect(readFileSync(bad, 'utf8')).toBe('2,b\n3,c\nx,d\n')
    const again = await bench.db.copy(`COPY t FROM '${bad}' (${CSV})`, { ledger: false })
    expect([again.rowsLoaded, again.rowsRejected]).toEqual([2, 1])
  })

  /** Text with all that has a meaning somewhere. */
  const nasty = (units: readonly string[]) =>
    fc.array(fc.constantFrom(...units), { maxLength: 8 }).map((parts) => parts.join(''))

  // A line end of another kind inside the first record of a file without header would be taken for the file's own.
  const inputs = fc.record({
    format: fc.constantFrom('csv', 'text'),
    lineEnd: fc.constantFrom('\n', '\r', '\r\n'),
    hasHeader: fc.boolean(),
    isEnded: fc.boolean(),
    parts: fc.array(
      fc.tuple(
        fc.constantFrom('1', '22', 'x', '', 'N/A'),
        nasty(['a', 'é', ' ', '\\', '\\\\', 'n', 'N', ',', '\t', '"', '\r', '\n', '.', '\\\n', '\\\r']),
        fc.boolean(),
      ),
      { minLength: 1, maxLength: 8 },
    ),
  })

  test('what is written and loaded again is the same', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(inputs, async ({ format, lineEnd, hasHeader, isEnded, parts }) => {
        const records = parts.map(([id, text, isQuoted]) => {
          if (format === 'text') return `${id}\t${text}`
          return isQuoted ? `${id},"${text.replaceAll('"', '""')}"` : `${id},${text.replaceAll('"', '')}`
        })
        const header = format === 'csv' ? 'id,note' : 'id\tnote'
        const content = [...(hasHeader ? [header] : []), ...records].join(lineEnd) + (isEnded ? lineEnd : '')
        const path = file(content)
        const options = `FORMAT ${format}, ON_ERROR skip_row${hasHeader ? ', HEADER' : ''}`
        const load = async (from: string, rejects?: string) => {
          const told: Reject[] = []
          const receipt = await bench.db.copy(`COPY t FROM '${from}' (${options})`, {
            ledger: false,
            onReject: (reject) => told.push(reject),
            ...(rejects !== undefined && { rejects }),
          })
          return { loaded: receipt.rowsLoaded, told: told.map(({ raw, errors }) => [String(raw), errors]) }
        }
        const first = await load(path, bad)
        // A record that was refused for the line feed behind it has a line end like the others there.
        if (first.told.some(([, errors]) => JSON.stringify(errors).includes('newline found'))) return
        const again = await load(bad)
        // Without a header it is the first record that tells the line end, which another one would have told before.
        const [raw = ''] = (first.told[0] ?? []) as [string?]
        if (!hasHeader && /[\r\n]/.test(raw)) return
        compared += first.told.length
        expect(again).toEqual({ loaded: 0, told: first.told })
      }),
      { seed: 4, numRuns: 120 },
    )
    expect(compared).toBeGreaterThan(100)
  })
})
