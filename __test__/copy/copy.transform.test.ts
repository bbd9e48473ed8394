import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CopyCallOptions, type CopyError, connect, type Reject } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-transform-')
const { file } = folder

describe.each(benches)('TRANSFORM on $name', ({ name: target, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(() => bench.close())

  const rows = () => bench.sql('SELECT id, name FROM t ORDER BY id, name')
  const copy = (content: string, rest: string, call: CopyCallOptions = {}) =>
    bench.db.copy(`COPY t FROM '${file('input', content)}' ${rest}`, call)
  const refused = (content: string, rest: string) => refusalOf(bench, copy(content, rest))
  const shown = ({ statement }: CopyError) => statement?.text.slice(statement.offset)

  test("GaussDB's example, with fields that are NULL", async () => {
    const receipt = await copy('1,abcdef\n2,\n', 'CSV TRANSFORM (name AS left(name, 3))')
    expect(receipt).toMatchObject({ rowsRead: 2, rowsLoaded: 2, dialect: { name: 'gaussdb', word: 'TRANSFORM' } })
    expect(await rows()).toEqual([
      ['1', 'abc'],
      ['2', null],
    ])
  })

  test('a field is read as the type that is given, and expressions see all fields, also by the name of the table', async () => {
    const rest = "CSV TRANSFORM (id numeric(8,2) AS floor(id * 10), name AS name || '/' || t.id)"
    await copy('1.75,a\n2.5,"y, z"\n', rest)
    expect(await rows()).toEqual([
      ['17', 'a/1.75'],
      ['25', 'y, z/2.50'],
    ])
    // A type alone: the field is of that type on its way into the column.
    await bench.sql('CREATE TABLE u (a bigint, b text)')
    await bench.db.copy(
      `COPY u FROM '${file('input', '007,008\n')}' CSV TRANSFORM (a smallint, b integer AS CAST(b AS text))`,
    )
    expect(await bench.sql('SELECT * FROM u')).toEqual([['7', '8']])
  })

  test.runIf(target === 'postgres')(
    'a row is looked at beside a domain that refuses NULL, and a composite',
    async () => {
      await bench.sql('CREATE DOMAIN filled AS integer NOT NULL; CREATE TYPE pair AS (x integer, y integer)')
      await bench.sql('CREATE TABLE d (id integer UNIQUE, c filled, p pair, name text)')
      const input = file('input', '1;1;(1,2);a\n2;x;(1,2);b\n3;;(1,2);c\n4;4;(5,6);d\n4;5;(5,6);e\n6;6;(7,8);f\n')
      const rejects: Reject[] = []
      const options = "FORMAT csv, DELIMITER ';', ON_ERROR skip_row, TRANSFORM (name AS upper(name))"
      await bench.db.copy(`COPY d FROM '${input}' (${options})`, { onReject: (reject) => rejects.push(reject) })
      const told = rejects.map(({ line, errors }) => [
        line,
        errors.map(({ column, sqlState }) => `${column} ${sqlState}`),
      ])
      expect(told).toEqual([
        [2, ['c 22P02']],
        [3, ['c 23502']],
        [5, ['undefined 23505']],
      ])
      expect(await bench.sql('SELECT id, c, p::text, name FROM d ORDER BY id')).toEqual([
        ['1', '1', '(1,2)', 'A'],
        ['4', '4', '(5,6)', 'D'],
        ['6', '6', '(7,8)', 'F'],
      ])
    },
  )

  test.runIf(target === 'postgres')('a type of bits keeps its length', async () => {
    await bench.sql('CREATE TABLE bits (a text)')
    const load = (content: string, type: string) =>
      bench.db.copy(`COPY bits FROM '${file('input', content)}' (FORMAT csv, TRANSFORM (a ${type} AS a::text))`)
    for (const [content, type, sqlState] of [
      ['1011\n', 'bit(3)', '22026'],
      ['10110\n', 'varbit(3)', '22001'],
      ['10\n', 'bit', '22026'],
      ['{101}\n', 'bit(2)[]', '22026'],
    ] as const) {
      await expect(load(content, type)).rejects.toMatchObject({ sqlState })
    }
    await load('101\n', 'bit(3)')
    await load('{10}\n', 'bit(2)[]')
    await load('10\n', 'varbit(3)')
    expect(await bench.sql('SELECT a FROM bits ORDER BY a')).toEqual([['10'], ['101'], ['{10}']])
  })

  test('without a type before its expression a decimal has not the length of its column', async () => {
    await bench.sql('CREATE TABLE prices (a numeric(6,1), b numeric(3,1), c numeric(10,2))')
    const statement = `COPY prices FROM '${file('input', '1.29,1234.5,1.25\n')}' CSV TRANSFORM (a AS a * 10, b AS b / 100, c AS c * c)`
    await bench.db.copy(statement)
    expect((await bench.sql('SELECT a, b, c FROM prices')).map((row) => row.map(Number))).toEqual([[12.9, 12.3, 1.56]])
  })

  test('a field before an expression has no length, what comes out of it has', async () => {
    if (target === 'duckdb') return
    await bench.sql('CREATE TABLE short (a varchar(3), b numeric(6,1))')
    const load = (rest: string, content: string) =>
      bench.db.copy(`COPY short FROM '${file('input', content)}' CSV TRANSFORM ${rest}`)
    await load('(a AS left(a, 3), b AS b * 10)', 'abcdef,0.256\n')
    expect(await bench.sql('SELECT a, b FROM short')).toEqual([['abc', '2.6']])
    const error = await load('(a AS a)', 'abc,1\nabcdef,1\n').catch((thrown) => thrown)
    expect(error).toMatchObject({
      sqlState: '22001',
      message: 'value too long for type character varying(3)',
      position: { line: 2, column: 'a', byteOffset: 6 },
      context: 'COPY short, line 2, column a: "abcdef"',
    })
  })

  test('columns of a list, of a header, at fixed places, made ones and dropped ones', async () => {
    await bench.sql("CREATE TABLE u (a integer, b text, c integer, d text DEFAULT 'none')")
    const load = (rest: string, content: string, list = '') =>
      bench.db.copy(`COPY u ${list} FROM '${file('input', content)}' ${rest}`)
    await load('CSV FILLER (x) SEQUENCE (c (10, 5)) TRANSFORM (b AS upper(b) || c)', 'p,1\nq,2\n', '(b, x)')
    await load('CSV HEADER MAP BY NAME TRANSFORM (b AS lower(b))', 'c,B\n7,XYZ\n')
    await load('FIXED FORMATTER (b (0, 2), a (2, 3)) TRANSFORM (a AS a + 1)', 'ab 41\n')
    await load("CSV WHEN a != '9' CONSTANT (d 'x') TRANSFORM (d AS d || b)", '9,n,1\n8,m,2\n', '(a, b, c)')
    expect(await bench.sql('SELECT a, b, c, d FROM u ORDER BY b')).toEqual(
      [
        ['8', 'm', '2', 'xm'],
        ['42', 'ab', null, null],
        [null, 'xyz', '7', 'none'],
        [null, 'P10', '10', 'none'],
        [null, 'Q15', '15', 'none'],
      ].sort((one, other) => (String(one[1]) < String(other[1]) ? -1 : 1)),
    )
  })

  test('WHERE is about the rows as they are stored', async () => {
    await bench.sql("CREATE TABLE u (a integer, b text, c text DEFAULT 'none')")
    const load = (rest: string) =>
      bench.db.copy(`COPY u (a, b) FROM '${file('input', '1,x\n2,y\n3,z\n')}' CSV TRANSFORM (a AS a * 10) ${rest}`)
    expect(await load("WHERE a > 10 AND c = 'none'")).toMatchObject({ rowsLoaded: 2, rowsFiltered: 1 })
    expect(await load('WHERE u.c IS NULL')).toMatchObject({ rowsLoaded: 0, rowsFiltered: 3 })
    expect(await bench.sql('SELECT a, b, c FROM u ORDER BY a')).toEqual([
      ['20', 'y', 'none'],
      ['30', 'z', 'none'],
    ])
    const error = await load('WHERE nothing = 1').catch((thrown) => thrown)
    expect(error).toMatchObject({ sqlState: '42703' })
    expect(shown(error)).toBe('nothing = 1')
  })

  describe('errors of an expression', () => {
    const content = '1,10\n2,20\n3,x\n4,40\n5,y\n'
    const rest = 'CSV TRANSFORM (name AS CAST(CAST(name AS integer) + id AS text))'

    test('end the load at their line', async () => {
      const error = await refused(content, rest)
      expect(error).toMatchObject({
        sqlState: '22P02',
        position: { line: 3, byteOffset: 10, column: 'name' },
        context: 'COPY t, line 3, column name: "x"',
      })
      expect(error.message).toMatch(/"x"|'x'/)
    })

    test('cost the row with ON_ERROR skip_row', async () => {
      const rejects: Reject[] = []
      const onReject = (reject: Reject) => void rejects.push(reject)
      const receipt = await copy(content, `${rest} LOG ERRORS REJECT LIMIT '2'`, { onReject })
      expect(receipt).toMatchObject({ rowsRead: 5, rowsLoaded: 3, rowsRejected: 2, ledger: true })
      expect(
        rejects.map(({ line, errors, raw }) => [line, errors[0]?.column, errors[0]?.value, raw.toString()]),
      ).toEqual([
        [3, 'name', 'x', '3,x'],
        [5, 'name', 'y', '5,y'],
      ])
      expect(await rows()).toEqual([
        ['1', '11'],
        ['2', '22'],
        ['4', '44'],
      ])
      await bench.sql('DELETE FROM t')
      const error = await refused(content, `${rest} LOG ERRORS REJECT LIMIT '1'`)
      expect(error.message).toMatch(/REJECT LIMIT \(1\)/)
    })

    test('stand among those of fields, of constraints and of keys in the order of the input', async () => {
      await bench.sql("CREATE TABLE k (id integer PRIMARY KEY, name text NOT NULL CHECK (name <> '11'))")
      const all = '1,10\nbad,1\n2,20\n2,20\n3,x\n4,\n5,5\n'
      const rejects: Reject[] = []
      const text = `COPY k FROM '${file('input', all)}' (FORMAT csv, ON_ERROR skip_row, TRANSFORM (name AS CAST(CAST(name AS integer) + id AS text)))`
      const receipt = await bench.db.copy(text, { onReject: (reject) => void rejects.push(reject) })
      expect(receipt).toMatchObject({ rowsRead: 7, rowsLoaded: 2, rowsRejected: 5 })
      expect(rejects.map(({ line, errors }) => [line, errors[0]?.sqlState.slice(0, 2)])).toEqual([
        [1, '23'],
        [2, '22'],
        [4, '23'],
        [5, '22'],
        [6, '23'],
      ])
      expect(await bench.sql('SELECT id, name FROM k ORDER BY id')).toEqual([
        ['2', '22'],
        ['5', '10'],
      ])
    })

    test('rejected rows are loaded once more by the same expressions', async () => {
      const receipt = await copy(content, `${rest} LOG ERRORS REJECT LIMIT '2'`)
      const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO t`)
      expect(again).toMatchObject({ rowsRead: 2, rowsRejected: 2 })
    })

    test('among many rows, in many places', async () => {
      const input = Array.from({ length: 30_000 }, (_, i) => `${i},${i % 977 === 5 ? 'no' : i}\n`).join('')
      const receipt = await copy(input, `${rest} LOG ERRORS REJECT LIMIT 'unlimited'`)
      expect(receipt).toMatchObject({ rowsRead: 30_000, rowsRejected: 31, rowsLoaded: 29_969 })
      expect(await bench.sql('SELECT count(*) FROM t WHERE name = CAST(2 * id AS text)')).toEqual([['29969']])
    })
  })

  test('in a transaction of the caller, which outlives an error', async () => {
    // Each target has a connection of its own for this.
    if (target === 'postgres') {
      const { default: pg } = await import('pg')
      const client = new pg.Client({ connectionString: bench.url ?? '' })
      await client.connect()
      try {
        const db = await connect(client)
        await client.query('BEGIN')
        await client.query("INSERT INTO t VALUES (0, 'before')")
        const rest = 'CSV TRANSFORM (id text AS CAST(id AS integer) + 1)'
        const bad = await db.copy(`COPY t FROM STDIN ${rest}`, { stdin: '1,a\nx,b\n' }).catch((thrown) => thrown)
        expect(bad).toMatchObject({ sqlState: '22P02', position: { line: 2 } })
        await db.copy(`COPY t FROM STDIN ${rest}`, { stdin: '1,a\n' })
        await client.query('COMMIT')
        const left = await client.query("SELECT relname FROM pg_class WHERE relname LIKE 'copyist%'")
        expect(left.rows).toEqual([])
      } finally {
        await client.end()
      }
    } else {
      const { DuckDBInstance } = await import('@duckdb/node-api')
      const instance = await DuckDBInstance.create(':memory:')
      const connection = await instance.connect()
      const db = await connect(connection)
      await connection.run('CREATE TABLE t (id integer, name text)')
      await connection.run('BEGIN')
      await connection.run("INSERT INTO t VALUES (0, 'before')")
      const rest = 'CSV TRANSFORM (id text AS CAST(id AS integer) + 1)'
      const bad = await db.copy(`COPY t FROM STDIN ${rest}`, { stdin: '1,a\nx,b\n' }).catch((thrown) => thrown)
      expect(bad).toMatchObject({ sqlState: '22P02', position: { line: 2, column: 'id' } })
      await db.copy(`COPY t FROM STDIN ${rest}`, { stdin: '1,a\n' })
      await connection.run('COMMIT')
      const { textRows } = await import('../lifecycle/duckdb.batches.ts')
      expect(await textRows(connection, 'SELECT id, name FROM t ORDER BY id')).toEqual([
        ['0', 'before'],
        ['2', 'a'],
      ])
      connection.closeSync()
      instance.closeSync()
      return
    }
    expect(await rows()).toEqual([
      ['0', 'before'],
      ['2', 'a'],
    ])
  })

  describe('what is no expression is refused before anything is read', () => {
    const at = (error: CopyError) => [error.sqlState, shown(error)?.slice(0, 7)]

    test('unknown names, types and functions', async () => {
      expect(at(await refused('1,a\n', 'CSV TRANSFORM (name AS other)'))).toEqual(['42703', 'other)'])
      expect(at(await refused('1,a\n', "CSV TRANSFORM (name AS 'a' || t.other)"))).toEqual([
        '42703',
        expect.any(String),
      ])
      expect(at(await refused('1,a\n', 'CSV TRANSFORM (name nonsense AS name)'))[1]).toBe('nonsens')
      expect((await refused('1,a\n', 'CSV TRANSFORM (name AS nonsense(name))')).sqlState).toBe('42883')
      expect((await refused('1,a\n', 'CSV TRANSFORM (other AS name)')).sqlState).toBe('42703')
      const stray = await refusalOf(
        bench,
        bench.db.copy(`COPY t (id) FROM '${file('input', '1\n')}' TRANSFORM (name AS id)`),
      )
      expect(stray).toMatchObject({ sqlState: '42P10', message: 'TRANSFORM column "name" not referenced by COPY' })
    })

    test('aggregates, window functions, sets and what is more than one expression', async () => {
      for (const [expression, message] of [
        ['sum(id)', /aggregate.*not allowed in TRANSFORM expressions|aggregates are not allowed in TRANSFORM/],
        ['row_number() OVER ()', /window functions are not allowed in TRANSFORM expressions/],
        [target === 'postgres' ? 'generate_series(1, 3)' : 'unnest([1, 2])', /not allowed in TRANSFORM/],
        ['id int default 5', /syntax error/],
        ['1 FROM t', /syntax error/],
      ] as const) {
        const error = await refused('1,a\n', `CSV TRANSFORM (id AS ${expression})`)
        expect(error.message).toMatch(message)
        expect(error.statement?.offset).toBeGreaterThan(0)
      }
      for (const type of ['int default 5', 'int primary key', 'int not null', 'int check (id > 1)']) {
        const error = await refused('1,a\n', `CSV TRANSFORM (id ${type})`)
        expect(error.sqlState).toBe('42601')
      }
    })

    test('what TRANSFORM cannot be combined with', async () => {
      const transform = 'TRANSFORM (name AS name)'
      for (const [text, what] of [
        [`COPY t FROM STDIN (FORMAT csv, DEFAULT 'D', ${transform})`, 'DEFAULT'],
        [`COPY t FROM STDIN (FORMAT csv, ON_ERROR set_null, ${transform})`, 'ON_ERROR set_null'],
        [`COPY t FROM STDIN (FORMAT csv, ${transform}) ON CONFLICT (id) DO SKIP`, 'ON CONFLICT DO SKIP'],
        [`COPY t FROM STDIN (FORMAT csv, ${transform}) ON CONFLICT (id) DO UPDATE`, 'ON CONFLICT DO UPDATE'],
      ] as const) {
        const error = await refusalOf(bench, bench.db.copy(text, { stdin: '1,a\n' }))
        expect([error.sqlState, error.message]).toEqual(['0A000', `COPY TRANSFORM cannot be used with ${what}`])
        expect(error.detail).toBeDefined()
      }
      const missing = bench.db.copy(`COPY missing FROM STDIN CSV ${transform}`, { stdin: '1,a\n', createTable: true })
      expect((await refusalOf(bench, missing)).message).toBe(
        'COPY TRANSFORM cannot be used with a table that has yet to be created',
      )
    })
  })

  test('LOG ERRORS forgives values, and ON CONFLICT DO REJECT keys beside them', async () => {
    await bench.sql('CREATE TABLE k (id integer PRIMARY KEY, name text CHECK (name <> $$bad$$))')
    const load = async (lines: string) => {
      await bench.sql('DELETE FROM k')
      const rejects: Reject[] = []
      const from = `'${file('input', lines)}' CSV TRANSFORM (id text AS CAST(id AS integer) % 10)`
      const receipt = await bench.db.copy(`COPY k FROM ${from} LOG ERRORS REJECT LIMIT '9' ON CONFLICT DO REJECT`, {
        onReject: (reject) => void rejects.push(reject),
      })
      return { receipt, states: rejects.map(({ line, errors }) => [line, errors[0]?.sqlState]) }
    }
    const { receipt, states } = await load('1,a\nx,b\n11,c\n2,d\n')
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 2 })
    expect(states).toEqual([
      [2, '22P02'],
      [3, '23505'],
    ])
    await expect(load('1,a\nx,b\n11,c\n2,bad\n')).rejects.toMatchObject({ sqlState: '23514', position: { line: 4 } })
  })

  test('ON CONFLICT DO REJECT refuses rows by the keys that the expressions make', async () => {
    await bench.sql('CREATE TABLE k (id integer PRIMARY KEY, name text)')
    const rejects: Reject[] = []
    const receipt = await bench.db.copy(
      `COPY k FROM '${file('input', '1,a\n-1,b\n2,c\n')}' (FORMAT csv, TRANSFORM (id AS abs(id))) ON CONFLICT DO REJECT`,
      { onReject: (reject) => void rejects.push(reject) },
    )
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1 })
    expect(rejects.map(({ line }) => line)).toEqual([2])
    const error = await bench.db
      .copy(
        `COPY k FROM '${file('input', '3,a\nx,b\n')}' (FORMAT csv, TRANSFORM (id text AS CAST(id AS integer))) ON CONFLICT DO REJECT`,
      )
      .catch((thrown) => thrown)
    expect(error).toMatchObject({ sqlState: '22P02', position: { line: 2, column: 'id' } })
  })

  test('types that only the database reads', async () => {
    const type = target === 'postgres' ? 'inet' : 'UTINYINT'
    const [good, value] = target === 'postgres' ? ['10.0.0.1', '10.0.0.1/32'] : ['200', '200']
    const expression = target === 'postgres' ? 'text(name)' : 'CAST(name AS VARCHAR)'
    const rest = `CSV TRANSFORM (name ${type} AS ${expression})`
    const error = await refused(`1,${good}\n2,10000\n`, rest)
    expect(error).toMatchObject({ position: { line: 2, column: 'name' } })
    const receipt = await copy(`1,${good}\n2,10000\n`, `${rest} LOG ERRORS REJECT LIMIT '1'`)
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    expect(await rows()).toEqual([['1', value]])
  })
})
