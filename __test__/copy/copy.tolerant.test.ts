import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions, CopyError, Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

let folder: string
let bench: Bench

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-tolerant-'))
})

afterEach(async () => {
  rmSync(folder, { recursive: true })
  await bench.close()
})

function file(content: string | Buffer, name = 'input.csv'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** Runs a COPY and tells what was refused. */
async function load(content: string | Buffer, options: string, call: CopyCallOptions = {}, table = 't') {
  const rejects: Reject[] = []
  const path = file(content)
  const receipt = await bench.db.copy(`COPY ${table} FROM '${path}' (${options})`, {
    ...call,
    onReject: (reject) => rejects.push(reject),
  })
  expect(receipt.rowsRead).toBe(receipt.rowsLoaded + receipt.rowsFiltered + receipt.rowsRejected)
  expect(rejects.length).toBe(receipt.rowsRejected)
  return { receipt, rejects, path }
}

const refusal = (promise: Promise<unknown>): Promise<CopyError> =>
  promise.then(
    () => Promise.reject(new Error('it was loaded')),
    (error: CopyError) => error,
  )

const states = (rejects: readonly Reject[]) =>
  rejects.map(({ line, errors }) => [
    line,
    ...errors.map(({ sqlState, column }) => `${sqlState} ${column ?? ''}`.trim()),
  ])

describe.each(benches)('on $name', ({ name, open }) => {
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name varchar(10), amount integer NOT NULL)')
  })

  const rows = async (sql = 'SELECT id, name, amount FROM t ORDER BY id') => await bench.sql(sql)

  test.each(['the decoder', 'the target'])(
    'lets others have their turn while %s refuses all rows',
    async (who) => {
      await bench.sql(`CREATE TABLE strict (a int, b int CHECK (b < 0))`)
      const value = who === 'the target' ? '1' : 'x'
      const path = file(Array.from({ length: 30_000 }, (_, n) => `${n},${value}\n`).join(''))
      let told = 0
      let before = 0
      let most = 0
      let watch: NodeJS.Immediate | undefined
      const turn = () => {
        most = Math.max(most, told - before)
        before = told
        watch = setImmediate(turn)
      }
      turn()
      const numbers: number[] = []
      const receipt = await bench.db.copy(`COPY strict FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, {
        onReject: ({ number }) => {
          told += 1
          numbers.push(number)
        },
      })
      clearImmediate(watch)
      expect(receipt.rowsRejected).toBe(30_000)
      expect(numbers).toEqual(Array.from({ length: 30_000 }, (_, n) => n + 1))
      // A slow machine takes fewer between two turns; none takes a file's worth.
      expect(most).toBeLessThanOrEqual(4_000)
    },
    60_000,
  )

  test.each([10, 30_000])(
    'what is refused before the row that ends the load is told and recorded: %i rows',
    async (count) => {
      await bench.sql('CREATE TABLE k (a integer PRIMARY KEY, b integer CHECK (b > 0))')
      const lines = Array.from({ length: count }, (_, n) => `${n >> 1},1\n`)
      const path = file([...lines, '99999,-1\n', ...lines].join(''))
      const told: number[] = []
      const onReject = ({ line }: Reject) => told.push(line)
      const failed = bench.db.copy(`COPY k FROM '${path}' (FORMAT csv) ON CONFLICT DO REJECT`, { onReject })
      const error = await refusal(failed)
      expect(error).toMatchObject({ sqlState: '23514', position: { line: count + 1 }, loadId: expect.any(String) })
      const expected = Array.from({ length: count / 2 }, (_, n) => 2 * n + 2)
      expect(told).toEqual(expected)
      const recorded = bench.sql(`SELECT count(*) FROM copyist.rejects WHERE load_id = '${error.loadId}'`)
      expect(await recorded).toEqual([[String(expected.length)]])
      expect(await bench.sql('SELECT count(*) FROM k')).toEqual([['0']])
      if (name !== 'postgres') return
      await bench.sql('CREATE TABLE hosts (address inet, n integer CHECK (n > 0))')
      const hosts = Array.from({ length: count }, (_, n) => `${n % 2 ? 'nowhere' : '::1'},1\n`)
      told.length = 0
      const stopped = bench.db.copy(
        `COPY hosts FROM '${file([...hosts, '::1,0\n', ...hosts].join(''))}' (FORMAT csv, ON_ERROR ignore)`,
        { onReject },
      )
      expect(await refusal(stopped)).toMatchObject({ sqlState: '23514', position: { line: count + 1 } })
      expect(told).toEqual(expected)
    },
  )

  test('rows that do not fit are refused, each with its place, bytes and all errors', async () => {
    const content = 'id,name,amount\n1,a,5\nx,b,y\n3,c\n4,"d,7\n5,e,\n6,"two\nlines",z\n7,g,8,9\n8,h,1\n'
    const { receipt, rejects } = await load(content, 'FORMAT csv, HEADER, ON_ERROR skip_row')
    expect(states(rejects)).toEqual([
      [3, '22P02 id', '22P02 amount'],
      [4, '22P04'],
      [5, '22P04'],
      [6, '23502 amount'],
      [7, '22P02 amount'],
      [9, '22P04'],
    ])
    expect(rejects.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6])
    for (const { raw, byteOffset, byteLength, rawIsCut } of rejects) {
      expect(rawIsCut).toBe(false)
      expect(raw.toString()).toBe(content.slice(byteOffset, byteOffset + byteLength))
    }
    expect(rejects[4]).toMatchObject({ line: 7, lastLine: 8, raw: Buffer.from('6,"two\nlines",z') })
    expect(rejects[0]?.errors[0]).toEqual({
      column: 'id',
      type: expect.stringMatching(/^integer$/i),
      field: 1,
      sqlState: '22P02',
      code: 'invalid_text_representation',
      message: 'invalid input syntax for type integer: "x"',
      value: 'x',
    })
    expect(receipt).toMatchObject({ rowsRead: 8, rowsLoaded: 2, rowsRejected: 6, ledger: true })
    expect(await rows()).toEqual([
      ['1', 'a', '5'],
      ['8', 'h', '1'],
    ])
    const recorded = await bench.sql(
      `SELECT line, sqlstate FROM copyist.rejects WHERE load_id = '${receipt.id}' ORDER BY reject_no`,
    )
    expect(recorded.map(([line]) => Number(line))).toEqual([3, 4, 5, 6, 7, 9])
    const [recordedLoad] = await bench.sql(
      `SELECT status, rows_read, rows_loaded, rows_rejected FROM copyist.loads WHERE load_id = '${receipt.id}'`,
    )
    expect(recordedLoad).toEqual(['completed', '8', '2', '6'])
  })

  test("PostgreSQL's ignore forgives values only", async () => {
    const { rejects } = await load('1,a,5\nx,b,6\n', 'FORMAT csv, ON_ERROR ignore')
    expect(states(rejects)).toEqual([[2, '22P02 id']])
    const error = await refusal(load('2,a,5\nx,b,6\n3,c\n', 'FORMAT csv, ON_ERROR ignore'))
    expect(error).toMatchObject({
      sqlState: '22P04',
      message: 'missing data for column "amount"',
      position: { line: 3 },
    })
    const missing = await refusal(load('2,a,5\nx,b,6\n3,c,\n', 'FORMAT csv, ON_ERROR ignore'))
    expect(missing.sqlState).toBe('23502')
    expect(await rows()).toEqual([['1', 'a', '5']])
  })

  test('beyond the limit nothing is loaded, and what was refused is told and recorded all the same', async () => {
    const told: number[] = []
    const path = file('1,a,5\nx,b,6\ny,c,7\n4,d,8\n')
    const run = (limit: string) =>
      bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR ignore, REJECT_LIMIT ${limit})`, {
        onReject: ({ line }) => told.push(line),
        rejects: join(folder, 'bad.csv'),
      })
    const error = await refusal(run('1'))
    expect(error).toMatchObject({
      sqlState: '22P02',
      message: 'skipped more than REJECT_LIMIT (1) rows due to data type incompatibility',
      position: { file: path, line: 3 },
    })
    expect(await rows()).toEqual([])
    expect(told).toEqual([2, 3])
    expect(readFileSync(join(folder, 'bad.csv'), 'utf8')).toBe('x,b,6\ny,c,7\n')
    const recorded = await bench.sql(
      `SELECT l.status, l.rows_loaded, r.line FROM copyist.loads l JOIN copyist.rejects r USING (load_id) ORDER BY r.line`,
    )
    expect(recorded).toEqual([
      ['failed', '0', '2'],
      ['failed', '0', '3'],
    ])
    expect((await run('2')) satisfies object).toMatchObject({ rowsRejected: 2 })
    expect(await refusal(run("'49%'"))).toMatchObject({ message: expect.stringContaining('49 %') })
    expect(await run("'50%'")).toMatchObject({ rowsRejected: 2 })
  })

  test('the limit of rows that are refused before they are sent ends a load with a key, whose rows are sent once', async () => {
    await bench.sql('CREATE TABLE once (id int PRIMARY KEY)')
    const told: (number | string | undefined)[][] = []
    const copy = bench.db.copy('COPY once FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1)', {
      stdin: '1\nx\n2\ny\n3\n',
      onReject: ({ line, errors }) => told.push([line, errors[0]?.sqlState]),
    })
    expect(await refusal(copy)).toMatchObject({
      sqlState: '22P02',
      message: 'skipped more than REJECT_LIMIT (1) rows',
      position: { line: 4 },
    })
    expect(told).toEqual([
      [2, '22P02'],
      [4, '22P02'],
    ])
  })

  test('Redshift fails at as many errors as MAXERROR says', async () => {
    const content = '1,a,5\nx,b,6\ny,c,7\n'
    expect(await refusal(load(content, 'FORMAT csv, MAXERROR 2'))).toMatchObject({ sqlState: '22P02' })
    expect((await load(content, 'FORMAT csv, MAXERROR 3')).receipt.rowsRejected).toBe(2)
  })

  test('a row that WHERE holds back is not refused for a NULL, and counts for no limit', async () => {
    await bench.sql('CREATE TABLE given (a int, b text NOT NULL)')
    const path = file('1,\n1,\n2,x\n3,\n')
    const where = `COPY given FROM '${path}' (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1) WHERE`
    const receipt = await bench.db.copy(`${where} a > 1`)
    expect(receipt).toMatchObject({ rowsRead: 4, rowsLoaded: 1, rowsFiltered: 2, rowsRejected: 1 })
    const none = await bench.db.copy(`${where} b IS NOT NULL`)
    expect(none).toMatchObject({ rowsLoaded: 1, rowsFiltered: 3, rowsRejected: 0 })
    const [[count] = []] = await bench.sql('SELECT count(*) FROM given')
    expect(count).toBe('2')
  })

  test('a limit counts exactly, however much is read at a time', async () => {
    const content = Array.from({ length: 20_000 }, (_, index) => `${index % 3 === 0 ? 'x' : index},a,5\n`).join('')
    const path = file(content)
    for (const threads of [1, 8]) {
      const told: number[] = []
      const error = await refusal(
        bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 10)`, {
          threads,
          onReject: ({ line }) => told.push(line),
        }),
      )
      expect(told).toEqual(Array.from({ length: 11 }, (_, index) => index * 3 + 1))
      expect(error.position).toMatchObject({ line: 31 })
    }
    const recorded = await bench.sql(`SELECT DISTINCT rows_rejected FROM copyist.loads`)
    expect(recorded).toEqual([['11']])
  })

  test.each([1, 2, 8])('a limit beyond one hand-over is exact with %i threads', async (threads) => {
    await bench.sql('CREATE TABLE lim (id integer, a integer CHECK (a > 0))')
    const limit = 2000
    const inputs = {
      decoder: (row: number) => (row % 2 ? `x${row},1` : `${row},1`),
      both: (row: number) => (row % 10 === 3 ? `x${row},1` : row % 10 === 7 ? `${row},-1` : `${row},1`),
    }
    for (const line of Object.values(inputs)) {
      const lines = Array.from({ length: 40_000 }, (_, row) => line(row))
      const refused = lines.flatMap((text, row) => (/x|-/.test(text) ? [row + 1] : [])).slice(0, limit + 1)
      const path = file(`${lines.join('\n')}\n`)
      for (const [option, most] of [
        [`REJECT_LIMIT ${limit}`, limit + 1],
        [`MAXERROR ${limit}`, limit],
      ] as const) {
        for (const isHeard of [true, false]) {
          const told: number[] = []
          const error = await refusal(
            bench.db.copy(`COPY lim FROM '${path}' (FORMAT csv, ON_ERROR skip_row, ${option})`, {
              threads,
              ...(isHeard && { onReject: ({ line }: Reject) => told.push(line) }),
            }),
          )
          expect(error.position.line).toBe(refused[most - 1])
          if (isHeard) expect(told).toEqual(refused.slice(0, most))
          const [record] = await bench.sql(
            'SELECT l.rows_rejected, (SELECT count(*) FROM copyist.rejects r WHERE r.load_id = l.load_id) FROM copyist.loads l ORDER BY load_no DESC LIMIT 1',
          )
          expect(record?.map(Number)).toEqual([most, most])
        }
      }
    }
  })

  test('a load that is aborted is recorded as cancelled', async () => {
    const controller = new AbortController()
    const path = file('x,a,5\n'.repeat(20_000))
    const error = await refusal(
      bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, {
        signal: controller.signal,
        onReject: () => controller.abort(),
      }),
    )
    expect(error.sqlState).toBe('57014')
    expect(await bench.sql('SELECT error_sqlstate FROM copyist.loads')).toEqual([['57014']])
    expect(await bench.sql('SELECT status FROM copyist.text_import_log')).toEqual([['cancelled']])
    const [[count] = []] = await bench.sql('SELECT count(*) FROM copyist.rejects')
    expect(Number(count)).toBeGreaterThan(0)
  })

  test('a value that only the server can read is not replaced where it fits', async () => {
    await bench.sql('CREATE TABLE moments (moment timestamptz)')
    const path = file('2020-06-01 12:00:00 Europe/Berlin\n')
    await bench.db.copy(`COPY moments FROM '${path}' (FORMAT csv, ON_ERROR set_null)`)
    const [[count] = []] = await bench.sql('SELECT count(*) FROM moments WHERE moment IS NULL')
    expect(count).toBe('0')
  })

  test('values may be replaced instead', async () => {
    const { receipt } = await load('1,a,5\nx,b,6\n', 'FORMAT csv, ON_ERROR set_null')
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 0, rowsReplaced: 1 })
    expect(await rows('SELECT id, name FROM t ORDER BY name')).toEqual([
      ['1', 'a'],
      [null, 'b'],
    ])
    await bench.sql('DROP TABLE t')
    await bench.sql('CREATE TABLE t (id integer DEFAULT 42, name varchar(10), amount integer NOT NULL)')
    await load('x,a,5\n', 'FORMAT csv, ON_ERROR set_default')
    expect(await rows()).toEqual([['42', 'a', '5']])
  })

  test('fields may be too many or too few', async () => {
    await bench.sql('DROP TABLE t')
    await bench.sql('CREATE TABLE t (id integer, name varchar(10), amount integer)')
    await load('1,a,5,more\n2,b\n3\n', 'FORMAT csv, IGNORE_EXTRA_DATA, FILLRECORD')
    expect(await rows()).toEqual([
      ['1', 'a', '5'],
      ['2', 'b', null],
      ['3', '', null],
    ])
    const error = await refusal(load('1\ta\t5\n2\n', "FORMAT text, FILL_MISSING_FIELDS 'one'"))
    expect(error).toMatchObject({ sqlState: '22P04', position: { line: 2 } })
    await load('4\td\n', "FORMAT text, FILL_MISSING_FIELDS 'one'")
    expect(await rows('SELECT id, amount FROM t WHERE id = 4')).toEqual([['4', null]])
  })

  test('bytes that are no UTF-8 may be replaced, and strings cut', async () => {
    const bytes = Buffer.from('1,a\xff\xfeb,5\n2,\xc5\xbc,6\n', 'latin1')
    const { receipt } = await load(bytes, "FORMAT csv, ACCEPTINVCHARS AS '^'")
    expect(receipt.bytesReplaced).toBe(2)
    await load(Buffer.from('3,x\0y,7\n'), 'FORMAT csv, COMPATIBLE_ILLEGAL_CHARS')
    const escaped = await load('4\ta\\0b\\xffc\t8\n', 'FORMAT text, COMPATIBLE_ILLEGAL_CHARS')
    expect(escaped.receipt.bytesReplaced).toBe(2)
    expect((await rows()).map(([, label]) => label)).toEqual(['a^^b', 'ż', 'x y', 'a b?c'])
    await bench.sql('DELETE FROM t WHERE id = 4')
    if (name !== 'postgres') return
    expect(await refusal(load('4,żżżżżżżżżżżżż,8\n', 'FORMAT csv'))).toMatchObject({ sqlState: '22001' })
    await load('4,żżżżżżżżżżżżż,8\n', 'FORMAT csv, TRUNCATECOLUMNS')
    expect(await rows('SELECT name FROM t WHERE id = 4')).toEqual([['ż'.repeat(10)]])
  })

  test('a key is loaded once', async () => {
    const options = "FORMAT csv, LOAD_KEY 'monday'"
    const first = await load('1,a,5\n', options)
    const second = await bench.db.copy(`COPY t FROM '${first.path}' (${options})`)
    expect(second).toMatchObject({ id: first.receipt.id, alreadyLoaded: true, rowsLoaded: 1 })
    expect(await rows()).toEqual([['1', 'a', '5']])
    await bench.sql('CREATE TABLE other (id integer, name varchar(10), amount integer)')
    const other = await refusal(bench.db.copy(`COPY other FROM '${first.path}' (${options})`))
    expect(other).toMatchObject({ sqlState: '22023', message: expect.stringContaining('LOAD_KEY "monday" belongs to') })
    // Nor does it answer for a table that there is none of.
    const nowhere = (more: string) => bench.db.copy(`COPY nowhere FROM '${first.path}' (${options}${more})`)
    expect(await refusal(nowhere(''))).toMatchObject({ sqlState: '42P01' })
    expect(await refusal(nowhere(', CREATE_TABLE'))).toMatchObject({ sqlState: '22023' })
    // One that failed may be tried again.
    expect(await refusal(load('x,a,5\n', "FORMAT csv, LOAD_KEY 'tuesday'"))).toMatchObject({ sqlState: '22P02' })
    expect((await load('2,b,5\n', "FORMAT csv, LOAD_KEY 'tuesday'")).receipt.alreadyLoaded).toBeUndefined()
    expect(await rows()).toHaveLength(2)
    // What was dropped since is not made anew.
    await bench.sql('DROP TABLE t')
    const dropped = await bench.db.copy(`COPY t FROM '${first.path}' (${options}, CREATE_TABLE)`)
    expect(dropped).toMatchObject({ id: first.receipt.id, alreadyLoaded: true })
  })

  test('a share of the rows of a stream may be refused', async () => {
    async function* stdin() {
      for (let n = 0; n < 1000; n += 1) yield n % 100 === 0 ? 'x,a,5\n' : `${n},a,5\n`
    }
    const run = (limit: string) =>
      bench.db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT ${limit})`, { stdin: stdin() })
    const error = await refusal(run("'0.9%'"))
    expect(error).toMatchObject({
      message: 'skipped more than REJECT_LIMIT (0.9 %) of the rows: 10 of 1000',
      position: { file: 'STDIN', line: 901, column: 'id' },
    })
    expect(await rows()).toEqual([])
    expect(await run("'1%'")).toMatchObject({ rowsLoaded: 990, rowsRejected: 10 })
  })

  test.each([
    ['0.29', 290],
    ['0.58', 580],
    ['1e-7', 0],
  ])('a share is that of the decimals as they are written: %s %%', async (share, most) => {
    const all = 100_000
    const run = (refused: number) =>
      bench.db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT '${share}%')`, {
        stdin: 'x,a,5\n'.repeat(refused) + '1,a,5\n'.repeat(all - refused),
      })
    expect(await run(most)).toMatchObject({ rowsRejected: most })
    const message = `skipped more than REJECT_LIMIT (${share} %) of the rows: ${most + 1} of ${all}`
    await expect(run(most + 1)).rejects.toMatchObject({ message })
  })

  test.each([
    ['csv', ',', 1],
    ['csv', ',', 8],
    ['text', '\t', 1],
    ['text', '\t', 8],
  ] as const)(
    'lines that go on with another line end are refused one by one: %s, %s, %i threads',
    async (format, d, threads) => {
      const few = 1000
      const many = 60_000
      const line = (id: number) => `${id}${d}a name${d}5`
      const lines = (from: number, to: number, end: string) =>
        Array.from({ length: to - from }, (_, at) => line(from + at) + end).join('')
      const behind = few + many
      const path = file(lines(0, few, '\r\n') + lines(few, behind, '\n') + lines(behind, behind + few, '\r\n'))
      const numbers: number[] = []
      const wrong: Reject[] = []
      const run = (limit: string) =>
        bench.db.copy(`COPY t FROM '${path}' (FORMAT ${format}, ON_ERROR skip_row${limit})`, {
          threads,
          maxRejects: 10,
          onReject(reject) {
            const { number, line: at, lastLine, raw, errors } = reject
            const id = few + number - 1
            const isRight =
              at === id + 1 && lastLine === at && String(raw) === line(id) && errors[0]?.sqlState === '22P04'
            if (!isRight) wrong.push(reject)
            numbers.push(number)
          },
        })
      await expect(run(", REJECT_LIMIT '2%'")).rejects.toMatchObject({
        message: `skipped more than REJECT_LIMIT (2 %) of the rows: ${many} of ${many + 2 * few}`,
      })
      expect(await rows('SELECT count(*) FROM t')).toEqual([['0']])
      numbers.length = 0
      const receipt = await run('')
      expect(receipt).toMatchObject({ rowsRead: many + 2 * few, rowsLoaded: 2 * few, rowsRejected: many })
      expect([numbers.length, wrong]).toEqual([many, []])
      expect(await rows('SELECT count(*), min(id), max(id) FROM t')).toEqual([
        [`${2 * few}`, '0', `${behind + few - 1}`],
      ])
      expect(receipt.diagnosis?.[0]).toMatchObject({ rows: many, cures: [{ change: 'lines end in several ways' }] })
    },
    60_000,
  )

  test('a flood of refused rows stays bounded', async () => {
    const count = 300_000
    const path = file('x,some text,y\n'.repeat(count))
    const before = process.memoryUsage().rss
    const receipt = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, { ledger: false })
    expect(receipt).toMatchObject({ rowsRead: count, rowsRejected: count, rowsLoaded: 0, ledger: false })
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(300)
  })

  test('a flood of refused rows leaves the event loop its turns', async () => {
    const path = file('x,some text,y\n'.repeat(60_000))
    let inTurn = 0
    let most = 0
    await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, {
      ledger: false,
      onReject() {
        if (inTurn === 0) setImmediate(() => (inTurn = 0))
        inTurn += 1
        most = Math.max(most, inTurn)
      },
    })
    expect(most).toBeLessThan(8_000)
  })

  test('the file of rejects can be mended and loaded', async () => {
    const bad = join(folder, 'bad.csv')
    const { receipt } = await load(
      'id,name,amount\n1,a,5\n2,"b, x",N/A\n3,c,7\n',
      'FORMAT csv, HEADER, ON_ERROR skip_row',
      {
        rejects: bad,
      },
    )
    expect(receipt.rowsRejected).toBe(1)
    expect(readFileSync(bad, 'utf8')).toBe('id,name,amount\n2,"b, x",N/A\n')
    writeFileSync(bad, readFileSync(bad, 'utf8').replace('N/A', '6'))
    await bench.db.copy(`COPY t FROM '${bad}' (FORMAT csv, HEADER match)`)
    expect(await rows('SELECT count(*), sum(amount) FROM t')).toEqual([['3', '18']])
    const error = await refusal(
      load('x,a,5\n', 'FORMAT csv, ON_ERROR skip_row', { rejects: join(folder, 'input.csv') }),
    )
    expect(error).toMatchObject({ sqlState: '22023', message: expect.stringContaining('is the input') })
    expect(readFileSync(join(folder, 'input.csv'), 'utf8')).toBe('x,a,5\n')
  })

  test('who may not have a record loads without', async () => {
    const { receipt } = await load('x,a,5\n', 'FORMAT csv, ON_ERROR skip_row', { ledger: false })
    expect(receipt.ledger).toBe(false)
    const found = await bench.sql(`SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'copyist'`)
    expect(found).toEqual([['0']])
    expect(await refusal(load('1,a,5\n', "FORMAT csv, LOAD_KEY 'k'", { ledger: false }))).toMatchObject({
      sqlState: '22023',
    })
  })

  if (name !== 'postgres') return

  describe('errors that only the server sees', () => {
    beforeEach(async () => {
      await bench.sql(`
        DROP TABLE t;
        CREATE TABLE parent (id integer PRIMARY KEY);
        INSERT INTO parent VALUES (1), (2);
        CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);
        CREATE TABLE t (
          id integer PRIMARY KEY,
          parent integer REFERENCES parent,
          amount integer CHECK (amount > 0),
          half even,
          address inet,
          span int4range,
          label varchar(5),
          twice integer GENERATED ALWAYS AS (amount * 2) STORED,
          EXCLUDE USING gist (span WITH &&)
        );
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.label = 'boo' THEN RAISE EXCEPTION 'no % here', NEW.label; END IF;
          IF NEW.label = 'drop' THEN RETURN NULL; END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();
      `)
    })

    test('cost their row', async () => {
      const content = [
        '1,1,5,2,10.0.0.1,"[1,2)",a',
        '2,9,5,2,10.0.0.1,,b',
        '3,1,-5,2,10.0.0.1,,c',
        '4,1,5,3,10.0.0.1,,d',
        '5,1,5,2,300.0.0.1,,e',
        '6,1,5,2,10.0.0.1,"[1,5)",f',
        '1,1,5,2,10.0.0.1,,g',
        '8,1,5,2,10.0.0.1,,boo',
        '9,1,5,2,10.0.0.1,,drop',
        '10,1,5,2,10.0.0.1,,toolong',
        '11,1,2000000000,2,10.0.0.1,,k',
        'x,1,5,2,10.0.0.1,,l',
        '13,2,5,2,10.0.0.1,"[7,9)",m',
      ].join('\n')
      const { receipt, rejects } = await load(`${content}\n`, 'FORMAT csv, ON_ERROR skip_row')
      expect(rejects.map(({ line, errors }) => [line, errors[0]?.sqlState])).toEqual([
        [2, '23503'],
        [3, '23514'],
        [4, '23514'],
        [5, '22P02'],
        [6, '23P01'],
        [7, '23505'],
        [8, 'P0001'],
        [10, '22001'],
        [11, '22003'],
        [12, '22P02'],
      ])
      expect(rejects[0]).toMatchObject({
        raw: Buffer.from('2,9,5,2,10.0.0.1,,b'),
        errors: [{ detail: 'Key (parent)=(9) is not present in table "parent".' }],
      })
      expect(receipt).toMatchObject({ rowsRead: 13, rowsLoaded: 2, rowsRejected: 10, rowsFiltered: 1 })
      expect(await rows('SELECT id FROM t ORDER BY id')).toEqual([['1'], ['13']])
    })

    test.each([1, 8])('among many rows, in several batches, with %i threads', async (threads) => {
      const lines: string[] = []
      const bad: number[] = []
      for (let id = 1; id <= 120_000; id += 1) {
        const kind = (id * 7919) % 97
        if (kind === 0) lines.push(`${id},77,5,2,,,a`)
        else if (kind === 1) lines.push(`${id},1,0,2,,,a`)
        else if (kind === 2 && id > 100) lines.push(`${id - 1},1,5,2,,,a`)
        else if (kind === 3) lines.push(`${id},1,zero,2,,,a`)
        else lines.push(`${id},1,5,2,10.0.0.1,,${'x'.repeat(id % 5)}`)
        if (kind <= 1 || kind === 3 || (kind === 2 && id > 100)) bad.push(id)
      }
      const { receipt, rejects } = await load(`${lines.join('\n')}\n`, 'FORMAT csv, ON_ERROR skip_row', { threads })
      expect(rejects.map(({ line }) => line)).toEqual(bad)
      expect(rejects.every(({ raw, line }) => raw.toString() === lines[line - 1])).toBe(true)
      expect(receipt.rowsLoaded).toBe(lines.length - bad.length)
      expect(await rows('SELECT count(*) FROM t')).toEqual([[String(receipt.rowsLoaded)]])
      const temporary = await bench.sql(
        `SELECT count(*) FROM pg_class WHERE relname LIKE 'copyist\\_%' AND relpersistence = 't'`,
      )
      expect(temporary).toEqual([['0']])
    })

    test('leave the event loop its turns, however many they are', async () => {
      await bench.sql('CREATE TABLE strict (a integer, b integer CHECK (b < 0))')
      const path = file(Array.from({ length: 200_000 }, (_, n) => `${n},${n % 10 < 7 ? 1 : -1}\n`).join(''))
      // What this thread works between two turns: how long they take is also up to what else the machine does.
      const worked = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
      let most = 0
      let before = worked()
      let watch: NodeJS.Immediate | undefined
      const turn = () => {
        most = Math.max(most, worked() - before)
        before = worked()
        watch = setImmediate(turn)
      }
      turn()
      const receipt = await bench.db.copy(`COPY strict FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`)
      clearImmediate(watch)
      expect(receipt.rowsRejected).toBe(140_000)
      expect(most).toBeLessThan(150)
    }, 60_000)

    test('only values, where only those are forgiven', async () => {
      const { rejects } = await load('1,1,5,2,nowhere,,a\n2,1,5,2,10.0.0.1,,b\n', 'FORMAT csv, ON_ERROR ignore')
      expect(states(rejects)).toEqual([[1, '22P02 address']])
      const error = await refusal(load('3,1,5,2,nowhere,,a\n4,9,5,2,10.0.0.1,,b\n', 'FORMAT csv, ON_ERROR ignore'))
      expect(error.sqlState).toBe('23503')
      expect(await rows('SELECT id FROM t')).toEqual([['2']])
    })

    test('values that only the server reads are told with their columns, all of a row', async () => {
      await bench.sql(`CREATE TABLE "odd 'names'" (id integer, "a ""b"" 'c'" inet, place point, amount money)`)
      const { rejects } = await load(
        '1,10.0.0.1,"(1,2)",5\n2,nowhere,here,6\n3,10.0.0.1,"(1,2)",much\n',
        'FORMAT csv, ON_ERROR skip_row',
        {},
        `"odd 'names'"`,
      )
      expect(
        rejects.map(({ line, errors }) => [line, ...errors.map(({ column, value }) => `${column} ${value}`)]),
      ).toEqual([
        [2, `a "b" 'c' nowhere`, 'place here'],
        [3, 'amount much'],
      ])
    })

    test('values keep their meaning on the way through another table', async () => {
      await bench.sql(`CREATE TABLE spans (id integer PRIMARY KEY, days interval day, clock interval minute to second,
        bits bit(3), letters char(4), number numeric(5, 2), list varchar(3)[], moment timestamp(0))`)
      const row = (id: number) => `${id},5,5:30,101,ab,1.005,"{abc,d}",2020-01-01 00:00:00.6`
      const content = `${[1, 2, 3].map(row).join('\n')}\n`
      await load(content, 'FORMAT csv, ON_ERROR skip_row', {}, 'spans')
      const direct = await bench.sql('SELECT * FROM spans ORDER BY id')
      await bench.sql('TRUNCATE spans')
      const { rejects } = await load(`${content}${row(2)}\n`, 'FORMAT csv, ON_ERROR skip_row', {}, 'spans')
      expect(states(rejects)).toEqual([[4, '23505 id']])
      expect(await bench.sql('SELECT * FROM spans ORDER BY id')).toEqual(direct)
    })

    test('where a row depends on another, in the order of the input', async () => {
      await bench.sql(`CREATE TABLE tree (id integer PRIMARY KEY, code text, parent integer REFERENCES tree, n even);
        CREATE UNIQUE INDEX ON tree (lower(code))`)
      const { rejects } = await load(
        '1,x,,-1\n2,X,,2\n3,y,2,4\n4,Y,,6\n5,z,9,2\n',
        'FORMAT csv, ON_ERROR skip_row',
        {},
        'tree',
      )
      expect(states(rejects)).toEqual([
        [1, '23514 n'],
        [4, '23505'],
        [5, '23503'],
      ])
    })

    test('also when a trigger raises a state of its own', async () => {
      await bench.sql(`CREATE TABLE watched (id integer);
        CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION 'odd' USING ERRCODE = 'XY001'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch()`)
      const { rejects } = await load('1\n2\n3\n', 'FORMAT csv, ON_ERROR skip_row', {}, 'watched')
      expect(states(rejects)).toEqual([[2, 'XY001']])
    })

    test('one that comes with COMMIT ends the load, and is recorded', async () => {
      // In what a trigger does to another table nobody sees the row.
      await bench.sql(`CREATE TABLE owner (id integer PRIMARY KEY);
        CREATE TABLE mirror (id integer REFERENCES owner DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE late (id integer PRIMARY KEY, other integer);
        CREATE FUNCTION copy_row() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO mirror VALUES (NEW.other); RETURN NEW; END $$;
        CREATE TRIGGER copy_row BEFORE INSERT ON late FOR EACH ROW EXECUTE FUNCTION copy_row()`)
      expect(await refusal(load('1,\n2,9\nx,\n', 'FORMAT csv, ON_ERROR skip_row', {}, 'late'))).toMatchObject({
        sqlState: '23503',
      })
      expect(await bench.sql('SELECT status, error_sqlstate FROM copyist.loads')).toEqual([['failed', '23503']])
      expect(await bench.sql('SELECT line FROM copyist.rejects')).toEqual([['3']])
    })

    test.each(['', ' ON CONFLICT (id) DO SKIP', ' ON CONFLICT (id) DO UPDATE'])(
      'one that is not the row’s ends the load at that row, behind what is refused before%s',
      async (clause) => {
        await bench.sql(`CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN IF NEW.label = 'deny' THEN RAISE EXCEPTION 'denied' USING ERRCODE = '42501'; END IF; RETURN NEW; END $$;
          CREATE TRIGGER deny BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION deny()`)
        const row = (n: number, label: string) => `${n},1,5,2,10.0.0.1,,${label}\n`
        const lines = Array.from({ length: 2_000 }, (_, n) => row(n, n % 100 === 7 ? 'boo' : 'a'))
        const told: number[] = []
        for (const boos of [lines, lines.map((line) => line.replace('boo', 'b'))]) {
          told.length = 0
          const path = file([...boos, row(3_000, 'deny'), ...lines].join(''))
          const failed = bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)${clause}`, {
            onReject: ({ line }) => told.push(line),
          })
          expect(await refusal(failed)).toMatchObject({
            sqlState: '42501',
            message: 'denied',
            position: { line: 2_001 },
            context: expect.stringContaining('COPY t, line 2001'),
          })
          expect(told).toEqual(boos === lines ? Array.from({ length: 20 }, (_, n) => 100 * n + 8) : [])
        }
      },
    )

    test('with WHERE and a column list, inside a transaction of the caller', async () => {
      const path = file('1,5,a\n2,-5,b\n3,6,c\n4,7,d\n')
      const statement = `COPY t (id, amount, label) FROM '${path}' (FORMAT csv, ON_ERROR skip_row) WHERE label <> 'c'`
      const receipt = await bench.db.copy(statement)
      expect(receipt).toMatchObject({ rowsRead: 4, rowsLoaded: 2, rowsFiltered: 1, rowsRejected: 1 })
    })

    test('beyond the limit nothing is loaded', async () => {
      const path = file('1,1,5,2,,,a\n2,9,5,2,,,b\n3,9,5,2,,,b\n')
      const error = await refusal(bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, MAXERROR 2)`))
      expect(error).toMatchObject({
        sqlState: '22P02',
        message: 'skipped MAXERROR (2) rows',
        position: { line: 3 },
      })
      expect(await rows('SELECT count(*) FROM t')).toEqual([['0']])
      expect(await bench.sql('SELECT line, sqlstate FROM copyist.rejects ORDER BY line')).toEqual([
        ['2', '23503'],
        ['3', '23503'],
      ])
    })
  })
})
