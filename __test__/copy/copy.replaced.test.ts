import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions, CopyError, Reject, ReplacedRow } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

let folder: string
let bench: Bench

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-replaced-'))
})

afterEach(async () => {
  rmSync(folder, { recursive: true })
  await bench.close()
})

/** Runs a COPY and gives the rows whose values were replaced, and those that were refused. */
async function load(content: string, options: string, call: CopyCallOptions = {}) {
  const path = join(folder, 'input.csv')
  writeFileSync(path, content)
  const replaced: ReplacedRow[] = []
  const rejects: Reject[] = []
  const order: string[] = []
  const receipt = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ${options})`, {
    ...call,
    onReplace(row) {
      replaced.push(row)
      order.push(`replaced ${row.line}`)
    },
    onReject(row) {
      rejects.push(row)
      order.push(`rejected ${row.line}`)
    },
  })
  const { rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted } = receipt
  expect(receipt.rowsRead).toBe(rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted)
  expect([replaced.length, rejects.length]).toEqual([receipt.rowsReplaced, rowsRejected])
  return { receipt, replaced, rejects, order, path }
}

/** Line, column, value and what is in its place. */
const told = (rows: readonly ReplacedRow[]) =>
  rows.flatMap(({ line, values }) =>
    values.map(({ column, value, replacement }) => [line, column, value, replacement] as const),
  )

const recorded = 'SELECT line, column_name, value, replacement FROM copyist.replaced ORDER BY row_no, column_name'

describe.each(benches)('replaced values on $name', ({ name, open }) => {
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer DEFAULT 42, name varchar(40), day date)')
  })

  test('are told one by one, and recorded', async () => {
    const content = '1,a,2024-01-01\nx,"b\nc",2024-13-01\n3,"d",2024-01-03\n4,e,"so""on"\n'
    const { receipt, replaced, path } = await load(content, 'ON_ERROR set_null')
    expect(receipt).toMatchObject({ rowsLoaded: 4, rowsRejected: 0, rowsReplaced: 2, replacedRecorded: 2 })
    const expected = [
      [2, 'id', 'x', 'null'],
      [2, 'day', '2024-13-01', 'null'],
      [5, 'day', 'so"on', 'null'],
    ]
    expect(told(replaced)).toEqual(expected)
    const [first, second] = replaced
    expect(first).toMatchObject({ number: 1, file: path, line: 2, lastLine: 3, byteOffset: 15, byteLength: 18 })
    expect(first?.raw.toString()).toBe('x,"b\nc",2024-13-01')
    expect(first?.values[0]).toMatchObject({ field: 1, sqlState: '22P02', code: 'invalid_text_representation' })
    expect(second?.raw.toString()).toBe('4,e,"so""on"')
    const [one, two, three] = expected.map((row) => row.map(String))
    expect(await bench.sql(recorded)).toEqual([two, one, three])
    expect(receipt.replaced?.map(({ column, rows }) => [column, rows])).toEqual([
      ['id', 1],
      ['day', 1],
      ['day', 1],
    ])
    // They are no rejects.
    expect(await bench.sql('SELECT count(*) FROM copyist.rejects')).toEqual([['0']])
    for await (const reject of bench.db.rejects(receipt.id)) expect(reject).toBeUndefined()
  })

  test('may have the default of their column', async () => {
    const { replaced } = await load('x,a,2024-13-01\n', 'ON_ERROR set_default')
    expect(told(replaced)).toEqual([
      [1, 'id', 'x', 'default'],
      [1, 'day', '2024-13-01', 'null'],
    ])
  })

  test('come with what would have cured them', async () => {
    await bench.sql('DROP TABLE t')
    await bench.sql('CREATE TABLE t (id integer, price numeric(8,2))')
    const { receipt } = await load('1;1,5\n2;2,25\n3;4\n', "DELIMITER ';', ON_ERROR set_null")
    expect(receipt.replaced).toMatchObject([
      { column: 'price', rows: 2, cures: [{ change: "DECIMAL_SEPARATOR ','", cured: 2, tried: 2 }] },
    ])
    expect(receipt.diagnosis).toBeUndefined()
  })

  test('are all told of, whatever the number of threads, and recorded as far as is asked for', async () => {
    const rows = 60_000
    const content = Array.from(
      { length: rows },
      (_, n) => `${n % 3 === 0 ? `x${n}` : n},row ${n},${n % 7 === 0 ? 'y' : ''}\n`,
    )
    const expected = Array.from({ length: rows }, (_, n) => n + 1).filter((n) => (n - 1) % 3 === 0 || (n - 1) % 7 === 0)
    for (const threads of [1, 2, 8]) {
      const { receipt, replaced } = await load(content.join(''), 'ON_ERROR set_null', { threads, maxRejects: 1000 })
      expect(receipt).toMatchObject({ rowsLoaded: rows, replacedRecorded: 1000 })
      expect(replaced.map(({ line }) => line)).toEqual(expected)
      expect(replaced.every(({ number }, index) => number === index + 1)).toBe(true)
      expect(receipt.replaced?.reduce((sum, group) => sum + group.rows, 0)).toBe(
        Math.ceil(rows / 3) + Math.ceil(rows / 7),
      )
    }
    // Without anybody who asks, those that are recorded are told.
    const receipt = await bench.db.copy(`COPY t FROM '${join(folder, 'input.csv')}' (FORMAT csv, ON_ERROR set_null)`)
    expect(receipt).toMatchObject({ rowsReplaced: expected.length, replacedRecorded: expected.length })
  })

  test('are counted against the limit, at the row that is one too many', async () => {
    const told: number[] = []
    const path = join(folder, 'input.csv')
    writeFileSync(path, '1,a,\nx,b,\ny,c,\n4,d,\nz,e,\n')
    const error: CopyError = await bench.db
      .copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR set_null, REJECT_LIMIT 1)`, {
        onReplace: ({ line }) => told.push(line),
      })
      .then(
        () => Promise.reject(new Error('it was loaded')),
        (failure) => failure,
      )
    expect(error).toMatchObject({
      sqlState: '22P02',
      message: 'set columns to null in more than REJECT_LIMIT (1) rows due to data type incompatibility',
      position: { file: path, line: 3, byteOffset: 10, column: 'id' },
      diagnosis: [{ column: 'id', rows: 2 }],
    })
    expect(told).toEqual([2, 3])
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
    // What was seen survives the roll back.
    expect(await bench.sql(recorded)).toEqual([
      ['2', 'id', 'x', 'null'],
      ['3', 'id', 'y', 'null'],
    ])
  })

  test('of dates that any date is accepted for are told, and count against no limit', async () => {
    const { receipt, replaced } = await load('1,a,soon\n2,b,later\nx,c,\n', 'ACCEPTANYDATE, MAXERROR 2')
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1, rowsReplaced: 2 })
    expect(told(replaced)).toEqual([
      [1, 'day', 'soon', 'null'],
      [2, 'day', 'later', 'null'],
    ])
  })

  test('of rows that are refused after all are not told', async () => {
    await bench.sql('DROP TABLE t')
    await bench.sql('CREATE TABLE t (id integer PRIMARY KEY, n integer)')
    const path = join(folder, 'input.csv')
    writeFileSync(path, '1,x\n2,3\n1,y\n4,z\n')
    const order: string[] = []
    const receipt = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR set_null) ON CONFLICT DO REJECT`, {
      onReplace: ({ line }) => order.push(`replaced ${line}`),
      onReject: ({ line }) => order.push(`rejected ${line}`),
    })
    expect(order).toEqual(['replaced 1', 'rejected 3', 'replaced 4'])
    expect(receipt).toMatchObject({ rowsLoaded: 3, rowsRejected: 1, rowsReplaced: 2 })
  })

  test('are forgotten with their load', async () => {
    const { receipt } = await load('x,a,y\n', 'ON_ERROR set_null')
    const purged = await bench.db.purge({ olderThan: new Date(Date.now() + 60_000) })
    expect([receipt.replacedRecorded, purged]).toEqual([1, { loads: 1, files: 1, rejects: 0, replaced: 2 }])
    expect(await bench.sql(recorded)).toEqual([])
  })

  test('are those of dates, too, where rows travel as text for the sake of a marker', async () => {
    const path = join(folder, 'input.csv')
    writeFileSync(path, 'D,a,2024-13-01\n1,b,2024-01-01\n')
    const receipt = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, DEFAULT 'D', ON_ERROR ignore)`)
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    const { rowsReplaced } = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, DEFAULT 'D', ON_ERROR set_null)`)
    expect(rowsReplaced).toBe(1)
  })

  test.runIf(name === 'postgres')('that only the server can judge are told, too', async () => {
    await bench.sql('DROP TABLE t')
    await bench.sql('CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0)')
    await bench.sql('CREATE TABLE t (id integer, n even DEFAULT 8, p point)')
    const { replaced } = await load('1,2,"(1,2)"\n2,3,"(1,2)"\nx,4,no\n4,5,"(1,2)"\n', 'ON_ERROR set_null')
    expect(told(replaced)).toEqual([
      [2, 'n', '3', 'null'],
      [3, 'id', 'x', 'null'],
      [3, 'p', 'no', 'null'],
      [4, 'n', '5', 'null'],
    ])
    expect(replaced.map(({ raw }) => raw.toString())).toEqual(['2,3,"(1,2)"', 'x,4,no', '4,5,"(1,2)"'])
    expect(await bench.sql('SELECT count(*) FROM copyist.replaced')).toEqual([['4']])
  })

  test.runIf(name === 'postgres')('that only the server reads are so in rows that keep their key', async () => {
    await bench.sql('DROP TABLE t')
    await bench.sql('CREATE TABLE t (id integer PRIMARY KEY, a inet, n integer CHECK (n > 0))')
    await bench.sql(`INSERT INTO t VALUES (1, '::1', 1)`)
    const path = join(folder, 'input.csv')
    const statement = `COPY t FROM '${path}' (FORMAT csv, ON_ERROR set_null) ON CONFLICT DO REJECT`
    const order: string[] = []
    const run = async (content: string) => {
      writeFileSync(path, content)
      return await bench.db.copy(statement, {
        onReplace: ({ line, values }) => order.push(`${line}: ${values.map(({ column }) => column).join()}`),
        onReject: ({ line, errors }) =>
          order.push(`rejected ${line}: ${errors.map(({ sqlState }) => sqlState).join()}`),
      })
    }
    const receipt = await run('2,nowhere,1\n1,nowhere,1\n3,::1,x\n3,::1,1\n4,::1,1\n2,there,y\n')
    expect(order).toEqual(['1: a', 'rejected 2: 23505', '3: n', 'rejected 4: 23505', 'rejected 6: 23505'])
    expect(receipt).toMatchObject({ rowsLoaded: 3, rowsRejected: 3, rowsReplaced: 2 })
    expect(await bench.sql('SELECT id, a, n FROM t ORDER BY id')).toEqual([
      ['1', '::1', '1'],
      ['2', null, '1'],
      ['3', '::1', null],
      ['4', '::1', '1'],
    ])
    // Whatever else refuses a row ends the load, at its line.
    const failed = await run('5,nowhere,1\n5,::1,1\n6,::1,0\n').catch((error: CopyError) => error)
    expect(failed).toMatchObject({ sqlState: '23514', position: { file: path, line: 3 } })
    const keyless = await run('5,::1,1\nx,::1,1\n').catch((error: CopyError) => error)
    expect(keyless).toMatchObject({ sqlState: '23502', position: { file: path, line: 2 } })
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['4']])
    // So it is where rows have to be tried.
    await bench.sql('ALTER TABLE t ADD EXCLUDE USING btree (n WITH =) WHERE (n > 5)')
    order.length = 0
    expect(await run('5,nowhere,6\n6,nowhere,6\n1,x,7\n7,x,8\n')).toMatchObject({ rowsLoaded: 2, rowsRejected: 2 })
    expect(order).toEqual(['1: a', 'rejected 2: 23P01', 'rejected 3: 23505', '4: a'])
    expect(await run('8,nowhere,9\n8,y,9\n9,z,0\n').catch((error: CopyError) => error)).toMatchObject({
      sqlState: '23514',
      position: { file: path, line: 3 },
    })
  })

  describe('by SKIP_COLUMN of QuestDB', () => {
    const skip = async (content: string, more = '') => {
      const path = join(folder, 'skip.csv')
      writeFileSync(path, content)
      const told: unknown[] = []
      const receipt = await bench.db.copy(`COPY z FROM '${path}' WITH HEADER true ON ERROR SKIP_COLUMN${more}`, {
        onReplace: ({ values }) => told.push(...values.map(({ column, replacement }) => [column, replacement])),
      })
      return { receipt, told }
    }
    const columns = `id bigint NOT NULL, flag boolean NOT NULL, small smallint NOT NULL, price numeric(8,2) NOT NULL,
      ratio double precision NOT NULL, own integer NOT NULL DEFAULT 7, free integer, day date`
    const header = 'id,flag,small,price,ratio,own,free,day\n'

    test('are false and 0 where there is no NULL and no default', async () => {
      await bench.sql(`CREATE TABLE z (${columns})`)
      const { receipt, told } = await skip(`${header}1,no,2,3.5,4,5,6,2024-01-01\n2,x,x,x,x,x,x,x\nx,true,1,1,1,1,1,\n`)
      expect(receipt).toMatchObject({ rowsLoaded: 3, rowsReplaced: 2, dialect: { name: 'questdb' } })
      expect(
        await bench.sql('SELECT CAST(flag AS text), small, price, ratio, own, free, day FROM z ORDER BY id'),
      ).toEqual([
        ['true', '1', expect.stringMatching(/^1/), '1', '1', '1', null],
        ['false', '2', expect.stringMatching(/^3\.5/), '4', '5', '6', expect.anything()],
        ['false', '0', expect.stringMatching(/^0/), '0', '7', null, null],
      ])
      expect(await bench.sql('SELECT min(id) FROM z')).toEqual([['0']])
      expect(told).toEqual([
        ...['flag', 'small', 'price', 'ratio', 'own'].map((column) => [column, 'default']),
        ...['free', 'day'].map((column) => [column, 'null']),
        ['id', 'default'],
      ])
    })

    test('beside a type that only the database reads, a key, and rows that are there', async () => {
      const type = name === 'postgres' ? 'inet' : 'HUGEINT'
      await bench.sql(
        `CREATE TABLE z (id integer PRIMARY KEY, flag boolean NOT NULL, n integer NOT NULL, held ${type})`,
      )
      const good = name === 'postgres' ? '10.0.0.1' : '5'
      const { receipt } = await skip(`id,flag,n,held\n1,true,1,${good}\n2,x,x,y\n`)
      expect(receipt).toMatchObject({ rowsLoaded: 2, rowsReplaced: 1 })
      const conflict = ' ON CONFLICT (id) DO UPDATE'
      await skip(`id,flag,n,held\n1,x,5,${good}\n3,true,x,${good}\n`, name === 'duckdb' ? conflict : '').catch(
        (error: CopyError) => expect(error.sqlState).toBe('23505'),
      )
      expect(await bench.sql('SELECT id, CAST(flag AS text), n, held FROM z ORDER BY id')).toEqual([
        ['1', name === 'duckdb' ? 'false' : 'true', name === 'duckdb' ? '5' : '1', good],
        ['2', 'false', '0', null],
        ...(name === 'duckdb' ? [['3', 'true', '0', good]] : []),
      ])
      if (name !== 'postgres') return
      await bench.sql('ALTER TABLE z DROP held')
      await skip('id,flag,n\n1,x,5\n3,true,x\n', conflict)
      expect(await bench.sql('SELECT id, CAST(flag AS text), n FROM z ORDER BY id')).toEqual([
        ['1', 'false', '5'],
        ['2', 'false', '0'],
        ['3', 'true', '0'],
      ])
    })

    test('are not of ON_ERROR set_default, nor of NULL in the input', async () => {
      await bench.sql('CREATE TABLE z (id integer NOT NULL, name text)')
      await expect(skip('id,name\n,a\n')).rejects.toThrow(/null|NULL/)
      const path = join(folder, 'set.csv')
      writeFileSync(path, 'x,a\n')
      await expect(bench.db.copy(`COPY z FROM '${path}' (FORMAT csv, ON_ERROR set_default)`)).rejects.toThrow(
        /null|NULL/,
      )
    })
  })

  describe.runIf(name === 'duckdb')('of types that only DuckDB reads', () => {
    const own = `h HUGEINT, u UTINYINT DEFAULT 7, s STRUCT(x INTEGER, y VARCHAR), l STRUCT(x INTEGER)[], m MAP(VARCHAR, INTEGER), b BIT,
      n TIMESTAMP_NS`
    const good = `5,"{'x': 1, 'y': z}","[{'x': 1}]",{a=1},0101,2024-01-01 00:00:00.000000001`
    const content = `1,1,${good}\nx,${'9'.repeat(50)},300,"{'x': q}","[{'x': z}]",{a=b},012,noon\n3,3,-1,"{'x': 1, 'y': z}","[{'x': 1}]",{a=1},0101,\n`

    const makeTable = async () => {
      await bench.sql('DROP TABLE t')
      await bench.sql(`CREATE TABLE t (id INTEGER, ${own})`)
    }

    test.each([
      ['set_null', 'null', 'NULL'],
      ['SKIP_COLUMN', 'default', '7'],
    ])('are replaced as %s says', async (policy, replacement, value) => {
      await makeTable()
      const { receipt, replaced } = await load(
        content,
        policy === 'set_null' ? 'ON_ERROR set_null' : 'ON_ERROR set_default',
      )
      expect(receipt).toMatchObject({ rowsLoaded: 3, rowsReplaced: 2, rowsRejected: 0, files: [{ rowsReplaced: 2 }] })
      const found = told(replaced).map(([line, column, , put]) => [line, column, put])
      const names = ['h', 's', 'l', 'm', 'b', 'n'].map((column) => [2, column, 'null'])
      // What the decoder replaces and what DuckDB cannot cast are told together.
      expect(found).toEqual([
        [2, 'id', 'null'],
        ...names.slice(0, 1),
        [2, 'u', replacement],
        ...names.slice(1),
        [3, 'u', replacement],
      ])
      expect(replaced[0]?.values[2]).toMatchObject({ sqlState: '22003', value: '300', field: 3 })
      expect(await bench.sql('SELECT id, h, u, s.x, l, m, b, n FROM t ORDER BY rowid')).toEqual([
        ['1', '1', '5', '1', expect.anything(), expect.anything(), '0101', expect.anything()],
        [null, null, value === 'NULL' ? null : value, null, null, null, null, null],
        ['3', '3', value === 'NULL' ? null : value, '1', expect.anything(), expect.anything(), '0101', null],
      ])
      expect(await bench.sql('SELECT count(*) FROM copyist.replaced')).toEqual([['9']])
    })

    test('are seen by WHERE as what they become, and by constraints', async () => {
      await makeTable()
      const { receipt } = await load(content, 'ON_ERROR set_null) WHERE (h IS NOT NULL')
      expect(receipt).toMatchObject({ rowsLoaded: 2, rowsFiltered: 1, rowsReplaced: 2 })
      await bench.sql('CREATE TABLE strict (a INTEGER, h HUGEINT NOT NULL)')
      const path = join(folder, 'input.csv')
      writeFileSync(path, '1,2\n2,x\n')
      await expect(bench.db.copy(`COPY strict FROM '${path}' (FORMAT csv, ON_ERROR set_null)`)).rejects.toMatchObject({
        sqlState: '23502',
        position: { file: path, line: 2, column: 'h' },
      })
      expect(await bench.sql('SELECT count(*) FROM strict')).toEqual([['0']])
    })

    test.each(['DO SKIP', 'DO UPDATE', 'DO REJECT'])('go together with ON CONFLICT %s', async (clause) => {
      await bench.sql('CREATE TABLE k (a INTEGER PRIMARY KEY, h HUGEINT, c INTEGER)')
      await bench.sql('INSERT INTO k VALUES (2, 20, 0)')
      const path = join(folder, 'input.csv')
      writeFileSync(path, '1,x,1\n2,y,2\n3,3,z\n3,w,v\n')
      const lines: string[] = []
      const receipt = await bench.db.copy(
        `COPY k FROM '${path}' (FORMAT csv, ON_ERROR set_null) ON CONFLICT ${clause}`,
        {
          onReplace: ({ line, values }) => lines.push(`${line}: ${values.map(({ column }) => column).join()}`),
          onReject: ({ line }) => lines.push(`rejected ${line}`),
        },
      )
      const { rowsLoaded, rowsRejected, rowsConflicted, rowsReplaced } = receipt
      const isReject = clause === 'DO REJECT'
      expect(lines).toEqual(
        isReject ? ['1: h', 'rejected 2', '3: c', 'rejected 4'] : ['1: h', '2: h', '3: c', '4: h,c'],
      )
      const isUpdate = clause === 'DO UPDATE'
      expect([rowsLoaded, rowsRejected, rowsConflicted]).toEqual(
        isReject ? [2, 2, 0] : isUpdate ? [3, 0, 1] : [2, 0, 2],
      )
      expect(rowsReplaced).toBe(isReject ? 2 : 4)
      expect(await bench.sql('FROM k ORDER BY a')).toEqual([
        ['1', null, '1'],
        isUpdate ? ['2', null, '2'] : ['2', '20', '0'],
        ['3', isUpdate ? null : '3', null],
      ])
    })

    test('count against the limit, and are many', async () => {
      await bench.sql('CREATE TABLE k (a INTEGER, h HUGEINT)')
      const path = join(folder, 'input.csv')
      writeFileSync(path, Array.from({ length: 150_000 }, (_, n) => `${n},${n % 3 === 0 ? 'x' : n}\n`).join(''))
      const failed = bench.db.copy(`COPY k FROM '${path}' (FORMAT csv, ON_ERROR set_null, REJECT_LIMIT 40)`)
      await expect(failed).rejects.toMatchObject({ sqlState: '22P02', position: { line: 121, column: 'h' } })
      const numbers: number[] = []
      const receipt = await bench.db.copy(`COPY k FROM '${path}' (FORMAT csv, ON_ERROR set_null)`, {
        onReplace: ({ line }) => numbers.push(line),
      })
      expect(receipt).toMatchObject({ rowsLoaded: 150_000, rowsReplaced: 50_000 })
      expect(numbers).toEqual(Array.from({ length: 50_000 }, (_, n) => 3 * n + 1))
      expect(await bench.sql('SELECT count(*) FILTER (a <> rowid), count(h) FROM k')).toEqual([['0', '100000']])
    })
  })
})
