import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { connectDuckdb } from '../../lib/target/duckdb/connect.ts'
import type { DuckdbTableDescription } from '../../lib/target/duckdb/describe.ts'
import type { Target } from '../../lib/target/target.ts'
import {
  copyRows,
  DEFAULT,
  type DuckDBConnection,
  DuckDBInstance,
  FakeChunk,
  FakeNative,
  loadRows,
  named,
  requestFor,
  textRows,
  type Value,
} from './duckdb.batches.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection
let target: Target

beforeEach(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  target = await connectDuckdb(connection)
})
afterEach(async () => {
  await target.close()
  connection.closeSync()
  instance.closeSync()
})

const INT = { kind: 'int4' } as const
const integers = (count: number, from = 0): Value[][] => Array.from({ length: count }, (_, n) => [from + n])

async function failure(promise: Promise<unknown>): Promise<CopyError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CopyError)
  return error as CopyError
}

async function described(name: string): Promise<DuckdbTableDescription | undefined> {
  const transaction = await target.begin()
  try {
    return (await transaction.describe(named(name))) as DuckdbTableDescription | undefined
  } finally {
    await transaction.rollback()
  }
}

describe('describe', () => {
  it('finds a table where DuckDB would', async () => {
    await connection.run(
      `CREATE TABLE t (a INTEGER); CREATE SCHEMA s; CREATE TABLE s.t (b INTEGER); CREATE TABLE s.only (c INTEGER)`,
    )
    await connection.run(
      `ATTACH ':memory:' AS other; CREATE TABLE other.main.t (d INTEGER); CREATE SCHEMA other."x.y"; CREATE TABLE other."x.y".z (e INTEGER)`,
    )
    expect(await described('t')).toMatchObject({ sqlName: 't', fullName: '"memory"."main"."t"' })
    expect(await described('T')).toMatchObject({ sqlName: 't', relationName: 't' })
    expect(await described('s.t')).toMatchObject({ sqlName: 's.t', fullName: '"memory"."s"."t"' })
    expect(await described('other.t')).toMatchObject({ sqlName: 'other.main.t', fullName: '"other"."main"."t"' })
    expect(await described('only')).toBeUndefined()
    expect(await described('nowhere.t')).toBeUndefined()
    await connection.run('USE s')
    expect(await described('t')).toMatchObject({ sqlName: 's.t', fullName: '"memory"."s"."t"' })
    expect(await described('main.t')).toMatchObject({ sqlName: 'main.t', fullName: '"memory"."main"."t"' })
    await connection.run(`SET search_path = 'other."x.y",memory.s'`)
    expect(await described('z')).toMatchObject({ sqlName: '"x.y".z', fullName: '"other"."x.y"."z"' })
    await connection.run('USE memory')
    await connection.run('CREATE TEMP TABLE t (f INTEGER)')
    expect(await described('t')).toMatchObject({ sqlName: 'temp.main.t', fullName: '"temp"."main"."t"' })
    expect(await described('main.t')).toMatchObject({ sqlName: 'main.t' })
    await connection.run(`ATTACH ':memory:' AS s`)
    expect(await described('memory.s.t')).toMatchObject({ sqlName: 'memory.s.t' })
  })

  it('prints a name in quotes where DuckDB needs them', async () => {
    for (const name of ['order', 'Airports', 'air ports', 'a"b', 'café', '1st', 'asof', 'between', 'values', 'abort']) {
      const quoted = `"${name.replaceAll('"', '""')}"`
      await connection.run(`CREATE TABLE ${quoted} (a INTEGER)`)
      const printed = (await described(name))?.sqlName
      expect(printed).toBe(['between', 'values', 'abort'].includes(name) ? name : quoted)
      await connection.run(`INSERT INTO ${printed} SELECT a FROM ${printed}`)
    }
  })

  it('refuses views and what is ambiguous', async () => {
    await connection.run(
      `CREATE VIEW v AS SELECT 1; ATTACH ':memory:' AS twice; CREATE SCHEMA memory.twice; CREATE TABLE memory.twice.t (a INTEGER)`,
    )
    expect(await failure(described('v'))).toMatchObject({ sqlState: '42809', message: 'cannot copy to view "v"' })
    expect(await failure(described('twice.t'))).toMatchObject({ sqlState: '42P09' })
  })

  it('tells defaults and generated columns apart', async () => {
    await connection.run(
      `CREATE TABLE g (a INTEGER DEFAULT 5, b INTEGER GENERATED ALWAYS AS (a + 1), c VARCHAR, "d ""q" DECIMAL(10,2) DEFAULT 1.5)`,
    )
    const table = await described('g')
    expect(table?.columns).toEqual([
      {
        name: 'a',
        type: INT,
        typeName: 'INTEGER',
        hasDefault: true,
        generated: false,
        notNull: false,
        defaultSql: '5',
      },
      {
        name: 'b',
        type: INT,
        typeName: 'INTEGER',
        hasDefault: false,
        generated: true,
        notNull: false,
        defaultSql: undefined,
      },
      {
        name: 'c',
        type: { kind: 'text' },
        typeName: 'VARCHAR',
        hasDefault: false,
        generated: false,
        notNull: false,
        defaultSql: undefined,
      },
      {
        name: 'd "q',
        type: { kind: 'numeric', precision: 10, scale: 2 },
        typeName: 'DECIMAL(10,2)',
        hasDefault: true,
        generated: false,
        notNull: false,
        defaultSql: '1.5',
      },
    ])
    await copyRows(target, 'g', [[1, 'x', 150]])
    expect(await textRows(connection, 'SELECT * FROM g')).toEqual([['1', '2', 'x', '1.50']])
  })

  it('creates tables in DuckDB’s words', async () => {
    const transaction = await target.begin()
    const ddl = await transaction.createTable(named('new "t"'), [
      { name: 'a', type: { kind: 'int8' } },
      { name: 'b c', type: { kind: 'numeric', precision: 12, scale: 3 } },
      { name: 'huge', type: { kind: 'numeric', precision: 50, scale: 3 } },
      { name: 'at', type: { kind: 'timestamptz' } },
      { name: 'tags', type: { kind: 'array', element: { kind: 'text' }, elementOid: 0, delimiter: ',' } },
    ])
    expect(ddl).toBe(`CREATE TABLE "new ""t""" (
  a BIGINT,
  "b c" DECIMAL(12,3),
  huge VARCHAR,
  "at" TIMESTAMP WITH TIME ZONE,
  tags VARCHAR[]
)`)
    await loadRows(transaction, 'new "t"', [[1n, 1500n, 'x', 0n, '["a"]']])
    await transaction.commit()
    expect(await textRows(connection, 'SELECT "b c"::VARCHAR, tags::VARCHAR FROM "new ""t"""')).toEqual([
      ['1.500', '[a]'],
    ])
    const again = await target.begin()
    expect(await failure(again.createTable(named('new "t"'), [{ name: 'a', type: INT }]))).toMatchObject({
      sqlState: '42P07',
    })
    await again.rollback()
    const lost = await target.begin()
    expect(await failure(lost.createTable(named('nowhere.t'), [{ name: 'a', type: INT }]))).toMatchObject({
      sqlState: '3F000',
    })
    await lost.rollback()
  })

  it('gives the settings of the session', async () => {
    await connection.run(`SET TimeZone = 'Asia/Kolkata'`)
    const transaction = await target.begin()
    const session = await transaction.session()
    expect(session).toMatchObject({ dateOrder: 'mdy', intervalStyle: 'postgres', timeZone: 'Asia/Kolkata' })
    expect(Math.abs(Number(session.now / 1000n) + 946_684_800_000 - Date.now())).toBeLessThan(10_000)
    await transaction.rollback()
  })
})

describe('defaults and WHERE', () => {
  it('puts the column’s default where the marker is', async () => {
    await connection.run(
      `CREATE TABLE d (a INTEGER DEFAULT 40 + 2, b VARCHAR DEFAULT 'it''s', e ENUM('x', 'y') DEFAULT 'y', n INTEGER)`,
    )
    const rows: Value[][] = [
      [1, DEFAULT, 'x', null],
      [DEFAULT, 'given', DEFAULT, 2],
      [null, null, null, 3],
    ]
    await copyRows(target, 'd', rows, { usesDefaults: true, chunkRows: 2 })
    expect(await textRows(connection, 'SELECT * FROM d')).toEqual([
      ['1', "it's", 'x', null],
      ['42', 'given', 'y', '2'],
      [null, null, null, '3'],
    ])
  })

  it('filters by any column, those with defaults included, evaluated once', async () => {
    await connection.run(
      `CREATE SEQUENCE q; CREATE TABLE w (id INTEGER DEFAULT nextval('q'), a INTEGER, z VARCHAR, k INTEGER GENERATED ALWAYS AS (a * 2))`,
    )
    const outcome = await copyRows(target, 'w', integers(5000), {
      columns: ['a'],
      where: `w.a % 2 = 0 AND id > 1000 AND z IS NULL -- a comment`,
    })
    expect(outcome).toEqual({ rowsLoaded: 2000, rowsFiltered: 3000 })
    expect(await textRows(connection, 'SELECT min(a), max(a), count(*) FILTER (id <> a + 1), max(k) FROM w')).toEqual([
      ['1000', '4998', '0', '9996'],
    ])
  })

  it.each([
    'true) ; DROP TABLE w; SELECT (true',
    'true; DROP TABLE w',
    'true) UNION ALL SELECT 5 WHERE (true',
    'SELECT true) UNION (SELECT true',
    'true) THEN 1 WHEN (true',
    '',
    'a = ',
  ])('refuses %j as a condition', async (where) => {
    await connection.run('CREATE TABLE w (a INTEGER)')
    expect(await failure(copyRows(target, 'w', integers(3), { where }))).toMatchObject({ sqlState: '42601' })
    expect(await textRows(connection, 'SELECT count(*) FROM w')).toEqual([['0']])
  })

  it('reports what is wrong with a condition', async () => {
    await connection.run('CREATE TABLE w (a INTEGER)')
    expect(await failure(copyRows(target, 'w', integers(3), { where: 'b > 1' }))).toMatchObject({
      code: 'undefined_column',
      sqlState: '42703',
    })
    expect(await failure(copyRows(target, 'w', integers(3), { where: 'nofunction(a)' }))).toMatchObject({
      sqlState: '42883',
    })
  })
})

describe('errors', () => {
  const at = (row: number) => ({ line: row + 2, byteOffset: (row + 1) * 10 })

  it.each([1, 2500, 200_000])('finds the row (%d) of a broken constraint', async (row) => {
    await connection.run(
      'CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent SELECT range FROM range(300000)',
    )
    const rows = (value: Value): Value[][] => integers(row + 3).map((cells, n) => (n === row ? [value] : cells))
    const options = { chunkRows: 10_007 }
    await connection.run('CREATE TABLE nn (a INTEGER NOT NULL)')
    expect(await failure(copyRows(target, 'nn', rows(null), options))).toMatchObject({
      code: 'not_null_violation',
      sqlState: '23502',
      message: 'NOT NULL constraint failed: nn.a',
      position: { ...at(row), column: 'a' },
      context: `COPY nn, line ${row + 2}`,
    })
    await connection.run('CREATE TABLE ck (a INTEGER CHECK (a >= 0))')
    expect(await failure(copyRows(target, 'ck', rows(-1), options))).toMatchObject({
      sqlState: '23514',
      position: at(row),
    })
    await connection.run('CREATE TABLE fk (a INTEGER REFERENCES parent (id))')
    expect(await failure(copyRows(target, 'fk', rows(999_999), options))).toMatchObject({
      sqlState: '23503',
      position: at(row),
    })
    await connection.run('CREATE TABLE pk (a INTEGER PRIMARY KEY)')
    expect(await failure(copyRows(target, 'pk', rows(0), options))).toMatchObject({
      sqlState: '23505',
      position: at(row),
    })
    expect(
      await textRows(
        connection,
        'SELECT (SELECT count(*) FROM nn), (SELECT count(*) FROM ck), (SELECT count(*) FROM fk), (SELECT count(*) FROM pk)',
      ),
    ).toEqual([['0', '0', '0', '0']])
  })

  it('finds the row whose key is that of a row long before', async () => {
    await connection.run('CREATE TABLE pk (a INTEGER, b VARCHAR, PRIMARY KEY (b, a))')
    const rows = Array.from({ length: 400_000 }, (_, n): Value[] => (n === 390_000 ? [5, 'k5'] : [n, `k${n}`]))
    const error = await failure(copyRows(target, 'pk', rows, { chunkRows: 20_000 }))
    expect(error).toMatchObject({ sqlState: '23505', position: at(390_000), context: 'COPY pk, line 390002' })
  })

  it('finds the row and the column that DuckDB cannot cast', async () => {
    await connection.run('CREATE TABLE c (a INTEGER, u UTINYINT, j JSON)')
    const rows: Value[][] = Array.from({ length: 5000 }, (_, n) => [n, n === 3210 ? '256' : '7', '[]'])
    expect(await failure(copyRows(target, 'c', rows))).toMatchObject({
      code: 'numeric_value_out_of_range',
      sqlState: '22003',
      message: 'value "256" is out of range for type UTINYINT',
      position: { ...at(3210), column: 'u' },
      context: 'COPY c, line 3212, column u: "256"',
    })
    rows[100] = [1, '1', '{bad']
    expect(await failure(copyRows(target, 'c', rows))).toMatchObject({
      code: 'invalid_text_representation',
      position: { ...at(100), column: 'j' },
      context: 'COPY c, line 102, column j: "{bad"',
    })
  })

  it.each([
    ['TINYINT', '300', '22003'],
    ['TINYINT', ' -1_000.5 ', '22003'],
    ['TINYINT', 'abc', '22P02'],
    ['TINYINT', '', '22P02'],
    ['USMALLINT', '-1', '22003'],
    ['UINTEGER', '1e30', '22003'],
    ['UINTEGER', '1.', undefined],
    ['UBIGINT', '18446744073709551616', '22003'],
    ['HUGEINT', '9'.repeat(50), '22003'],
    ['HUGEINT', '0x1F', '22P02'],
    ['UHUGEINT', '9'.repeat(50), '22003'],
    ['TINYINT[][]', '[[300]]', '22003'],
    ['TIMESTAMP_S', '300', '22P02'],
  ])('tells a number that %s has no room for from what is no number: %s', async (type, text, sqlState) => {
    await connection.run(`CREATE TABLE n (v ${type})`)
    const load = copyRows(target, 'n', [[text]])
    if (sqlState === undefined) expect(await load).toEqual({ rowsLoaded: 1, rowsFiltered: 0 })
    else expect(await failure(load)).toMatchObject({ sqlState, position: { column: 'v' } })
  })

  it('finds the row also in a table that the load itself created', async () => {
    const transaction = await target.begin()
    await transaction.createTable(named('mine'), [{ name: 'j', type: { kind: 'json' } }])
    expect(await failure(loadRows(transaction, 'mine', [['1'], ['nope']]))).toMatchObject({
      position: { ...at(1), column: 'j' },
    })
    await transaction.rollback()
    expect(await described('mine')).toBeUndefined()
  })

  it('passes an error of the input on, after the rows before it had their turn', async () => {
    await connection.run('CREATE TABLE t (a INTEGER NOT NULL)')
    const broken = new CopyError({
      code: 'bad_copy_file_format',
      sqlState: '22P04',
      message: 'missing data for column "b"',
    })
    const run = async (rows: Value[][]) => {
      const transaction = await target.begin()
      const native = new FakeNative([new FakeChunk([INT], rows), broken])
      try {
        return await failure(transaction.load({ ...(await requestFor(transaction, 't', {})), native }))
      } finally {
        await transaction.rollback()
        expect(native.unreleased).toBe(0)
      }
    }
    expect(await run([[1], [2]])).toBe(broken)
    expect(await run([[1], [null]])).toMatchObject({ sqlState: '23502' })
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['0']])
  })

  it('refuses a batch that does not have the table’s layout', async () => {
    await connection.run('CREATE TABLE t (a BIGINT)')
    const transaction = await target.begin()
    const native = new FakeNative([new FakeChunk([INT], [[1]])])
    expect(await failure(transaction.load({ ...(await requestFor(transaction, 't', {})), native }))).toMatchObject({
      sqlState: 'XX000',
      message: 'a batch does not have the layout of the table',
    })
    await transaction.rollback()
    expect(native.unreleased).toBe(0)
  })

  it('does not serve anybody else', async () => {
    await connection.run('CREATE TABLE t (a INTEGER)')
    await copyRows(target, 't', integers(3))
    const [[name]] = (await textRows(
      connection,
      `SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'copyist%'`,
    )) as [[string]]
    await expect(connection.run(`SELECT ${name}(1, range) FROM range(10)`)).rejects.toThrow('works only inside a COPY')
  })
})

describe('slow and large sources', () => {
  it('sends a trickle in few statements, and soon', async () => {
    await connection.run('CREATE TABLE t (a INTEGER)')
    const steps = Array.from({ length: 60 }, (_, n) => [5, new FakeChunk([INT], [[n]])]).flat()
    const transaction = await target.begin()
    const before = performance.now()
    const outcome = await transaction.load({
      ...(await requestFor(transaction, 't', {})),
      native: new FakeNative(steps),
    })
    await transaction.commit()
    expect(outcome.rowsLoaded).toBe(60)
    expect(performance.now() - before).toBeLessThan(2000)
    expect(await textRows(connection, 'SELECT count(*) FILTER (a <> rowid) FROM t')).toEqual([['0']])
  })

  it('does not wait for what cannot come while it holds chunks', async () => {
    await connection.run('CREATE TABLE t (a INTEGER)')
    const steps = Array.from({ length: 100 }, (_, n) => new FakeChunk([INT], integers(1000, n * 1000)))
    const native = new FakeNative(steps, 4)
    const transaction = await target.begin()
    const before = performance.now()
    await transaction.load({ ...(await requestFor(transaction, 't', {})), native })
    await transaction.commit()
    expect(performance.now() - before).toBeLessThan(3000)
    expect(await textRows(connection, 'SELECT count(*), count(*) FILTER (a <> rowid) FROM t')).toEqual([
      ['100000', '0'],
    ])
  })

  it('loads nothing from nothing', async () => {
    await connection.run('CREATE TABLE t (a INTEGER)')
    expect(await copyRows(target, 't', [])).toEqual({ rowsLoaded: 0, rowsFiltered: 0 })
  })

  it('does not grow with the number of loads on one connection', async () => {
    await connection.run('CREATE TABLE t (a INTEGER)')
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const sizes: number[] = []
    for (let n = 1; n <= 3000; n++) {
      if (n % 5 === 0) {
        const transaction = await target.begin()
        await loadRows(transaction, 't', [[n]])
        await transaction.rollback()
      } else {
        await copyRows(target, 't', [[n]])
      }
      if (n % 1000 === 0) {
        collect()
        sizes.push(process.memoryUsage().rss)
      }
    }
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['2400']])
    expect(
      await textRows(connection, `SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'copyist%'`),
    ).toEqual([['1']])
    // What leaks does so all the time; heaps that settle do so once.
    const [first = 0, second = 0, third = 0] = sizes
    expect(Math.min(second - first, third - second)).toBeLessThan(24 << 20)
  }, 120_000)
})
