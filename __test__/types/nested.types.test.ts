import { basename } from 'node:path'
import { type Table, tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, read } from '../../lib/index.ts'
import { useFolder, useParquet } from '../copy/inputs.ts'
import { benches } from '../copy/targets.ts'

/** A structure `st` of a timestamp `t`, and a timestamp `t`, as INT96: 9999-12-31 and 0001-01-01. By pyarrow, without its schema. */
const INT96 = Buffer.from(
  [
    'UEFSMRUEFTAVLEwVBBUAEgAAGAAADQE8LP5RAAAAAAAAAAAAUkQaABUAFRIVFiwVBBUQFQYVBhwAAAAJIAIAAAAEAgEDAhUEFTAVLEwVBBUAEg',
    'AAGAAADQE8LP5RAAAAAAAAAAAAUkQaABUAFRIVFiwVBBUQFQYVBhwAAAAJIAIAAAAEAQEDAhUEGUw1ABgGc2NoZW1hFQQANQIYAnN0FQIAFQYl',
    'AhgBdAAVBiUCGAF0ABYEGRwZLCYAHBUGGTUABhAZKAJzdAF0FQIWBBaEARaEASZQJggpLBUEFQAVAgAVABUQFQIAPCkGGTYAAAQAAAAmABwVBh',
    'k1AAYQGRgBdBUCFgQWhAEWhAEm1AEmjAEpLBUEFQAVAgAVABUQFQIAPCkGGSYABAAAABaIAhYEJggWiAIAKCBwYXJxdWV0LWNwcC1hcnJvdyB2',
    'ZXJzaW9uIDI2LjAuMRksHAAAHAAAANgAAABQQVIx',
  ].join(''),
  'base64',
)

const folder = useFolder('copyist-nested-types-')
const parquet = useParquet(folder)
const write = (name: string, select: string) => parquet(`${name}.parquet`, select)

const from = (path: string, more = '') => `COPY FROM '${path}' (FORMAT parquet${more})`

async function failure(promise: Promise<unknown>): Promise<CopyError> {
  const error = await promise.then(
    () => expect.fail('something would be lost'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof CopyError)) throw error
  return error
}

describe('nested values in DuckDB', () => {
  const texts = `SELECT 'a' || chr(n::INT) || 'b' AS s FROM range(1, 128) t(n)
    UNION ALL SELECT unnest(['', ' pad ', 'NULL', 'null', 'it''s "x", y', '{x: 1}', '[1, 2]', 'a=b', 'é😀', NULL])`
  test.each([
    ['STRUCT(a VARCHAR, "b \'c""" INT)', `{'a': s, 'b ''c"': n}`],
    ['STRUCT(a VARCHAR)[]', `[{'a': s}, NULL]`],
    ['STRUCT(a VARCHAR[], m MAP(INTEGER, STRUCT(x VARCHAR)))', `{'a': [s, NULL], 'm': MAP {1: {'x': s}}}`],
    ['MAP(VARCHAR, VARCHAR)', `MAP {coalesce(s, 'none'): s}`],
    ['STRUCT(j JSON)', `{'j': to_json(s)}`],
    ['STRUCT(b BLOB)', `{'b': encode(s)}`],
    [
      'STRUCT(d DATE, t TIMESTAMP, f DOUBLE, n DECIMAL(9,2), o BOOLEAN, h TIME, z TIMESTAMPTZ)',
      `{'d': DATE '0044-03-15 (BC)', 't': TIMESTAMP '0044-03-15 (BC) 01:02:03.000004',
        'f': 'nan'::DOUBLE, 'n': -1.25, 'o': true,
        'h': TIME '01:02:03.5', 'z': TIMESTAMPTZ '2020-01-02 03:04:05+00'}`,
    ],
  ])('%s is what read_parquet reads', async (type, value) => {
    const bench = await (benches.find(({ name }) => name === 'duckdb') ?? expect.fail('there is one')).open()
    try {
      const path = await write(
        `nested-${type.replaceAll(/\W/g, '')}`,
        `SELECT n, (${value})::${type} AS v FROM (SELECT row_number() OVER () AS n, s FROM (${texts}))`,
      )
      await bench.sql(`CREATE TABLE t (n BIGINT, v ${type})`)
      const { rowsLoaded } = await bench.db.copy(`COPY t FROM '${path}' (FORMAT parquet)`)
      expect(rowsLoaded).toBe(137)
      expect(
        await bench.sql(
          `SELECT t.v::VARCHAR, p.v::VARCHAR FROM t JOIN read_parquet('${path}') p USING (n) WHERE t.v IS DISTINCT FROM p.v`,
        ),
      ).toEqual([])
    } finally {
      await bench.close()
    }
  })
})

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Awaited<ReturnType<typeof open>>
  const isDuckdb = name === 'duckdb'

  beforeAll(async () => {
    bench = await open()
  })
  afterAll(() => bench.close())

  /** The values of `v` in a new table, or in one of this type. */
  async function loaded(path: string, type?: string, shown = 'v'): Promise<(string | null)[]> {
    if (type !== undefined) await bench.sql(`CREATE TABLE t (v ${type})`)
    try {
      await bench.db.copy(`COPY t FROM '${path}' (FORMAT parquet${type === undefined ? ', CREATE_TABLE' : ''})`)
      const rows = await bench.sql(`SELECT (${shown})::${isDuckdb ? 'VARCHAR' : 'text'} FROM t`)
      return rows.map(([value = null]) => value)
    } finally {
      await bench.sql('DROP TABLE IF EXISTS t')
    }
  }

  test('an INTERVAL has unsigned milliseconds', async () => {
    const path = await write(
      `${name}-hours`,
      "SELECT INTERVAL '1 month 700 hours' v UNION ALL SELECT INTERVAL '1193 hours'",
    )
    expect(await loaded(path)).toEqual([isDuckdb ? '1 month 700:00:00' : '1 mon 700:00:00', '1193:00:00'])
  })

  test.each([
    ["[TIMESTAMP_NS '2020-01-01 00:00:00.000000001']", 'timestamp[]', '22008'],
    ["[TIMESTAMP '2020-01-01 01:00:00']", 'date[]', '22008'],
    ["[TIMESTAMP '2020-01-01 01:00:00']", 'time[]', '22008'],
    ['[1.25::DECIMAL(9,2), NULL]', 'numeric(9,1)[]', '22003'],
    ['[16777217::DOUBLE]', 'real[]', '22003'],
    ['[9007199254740993]', 'float8[]', '22003'],
    ["{'a': 1.25::DECIMAL(9,2), 't': TIMESTAMP '2020-01-01 00:00:00.5'}", 'lossy', '22003'],
    ["{'a': 1.5::DECIMAL(9,2), 't': TIMESTAMP '2020-01-01 00:00:00.5'}", 'lossy', '22008'],
    ["[{'a': 1.25::DECIMAL(9,2), 't': NULL}]", 'lossy[]', '22003'],
  ])('%s does not fit in %s', async (value, type, sqlState) => {
    const fields = isDuckdb ? 'STRUCT(a DECIMAL(9,1), t TIMESTAMP_S)' : '(a numeric(9,1), t timestamp(0))'
    await bench.sql(`DROP TYPE IF EXISTS lossy${isDuckdb ? '' : ' CASCADE'}`)
    await bench.sql(`CREATE TYPE lossy AS ${fields}`)
    const path = await write(`${name}-lost`, `SELECT ${value} AS v`)
    expect(await failure(loaded(path, type))).toMatchObject({ sqlState, position: { line: 1, column: 'v' } })
  })

  test.runIf(isDuckdb).each([
    ['1.5::DOUBLE', 'TINYINT', '22003'],
    ['2.50::DECIMAL(9,2)', 'UINTEGER', '22003'],
    ['2.50::DECIMAL(9,2)', 'HUGEINT', '22003'],
    ["{'a': 2.50::DECIMAL(9,2)}", 'STRUCT(a INTEGER)', '22003'],
    ["MAP {'a': 2.50::DECIMAL(9,2)}", 'MAP(VARCHAR, INTEGER)', '22003'],
    ["TIMESTAMP '2020-01-01 00:00:00.000001'", 'TIMESTAMP_MS', '22008'],
    ["TIMESTAMP '2020-01-01 00:00:00.001'", 'TIMESTAMP_S', '22008'],
  ])('%s does not fit in %s', async (value, type, sqlState) => {
    const path = await write(`${name}-own`, `SELECT ${value} AS v`)
    expect(await failure(loaded(path, type))).toMatchObject({ sqlState, position: { line: 1, column: 'v' } })
  })

  test.runIf(isDuckdb)('what fits in the types of DuckDB alone is loaded', async () => {
    const nanos = await write(`${name}-nanos`, "SELECT TIMESTAMP_NS '2020-01-01 00:00:00.123456789' AS v")
    expect(await loaded(nanos, 'TIMESTAMP_NS')).toEqual(['2020-01-01 00:00:00.123456789'])
    const whole = await write(`${name}-whole`, 'SELECT 7.00::DECIMAL(9,2) AS v')
    expect(await loaded(whole, 'UTINYINT')).toEqual(['7'])
  })

  test('INT96 has all dates', async () => {
    const path = folder.file(`${name}-int96.parquet`, INT96)
    await bench.db.copy(`COPY t FROM '${path}' (FORMAT parquet, CREATE_TABLE)`)
    const text = isDuckdb ? 'VARCHAR' : 'text'
    expect(await bench.sql(`SELECT t::${text}, st::${text} FROM t`)).toEqual([
      ['9999-12-31 00:00:00', '{"t": "9999-12-31 00:00:00"}'],
      ['0001-01-01 00:00:00', '{"t": "0001-01-01 00:00:00"}'],
    ])
    await bench.sql('DROP TABLE t')
  })

  test('JSON of Parquet is JSON', async () => {
    const path = await write(`${name}-json`, `SELECT '{"a": 1}'::JSON AS v`)
    expect(
      await loaded(path, undefined, isDuckdb ? "typeof(v) || ' ' || (v->>'a')" : "pg_typeof(v) || ' ' || (v->>'a')"),
    ).toEqual([`${isDuckdb ? 'JSON' : 'jsonb'} 1`])
  })

  test('infinity is infinity', async () => {
    const stamps = "SELECT 'infinity'::TIMESTAMP AS v UNION ALL SELECT '-infinity'::TIMESTAMP"
    for (const select of [stamps, stamps.replaceAll('TIMESTAMP', 'DATE')]) {
      const path = await write(`${name}-infinity`, select)
      expect(await loaded(path)).toEqual(['infinity', '-infinity'])
      expect(await loaded(path, isDuckdb ? 'VARCHAR' : 'text')).toEqual(['infinity', '-infinity'])
    }
  })
})

describe('read', () => {
  const tableOf = async (text: string, columns?: Record<string, string>): Promise<Table> =>
    read(text, columns && { columns }).table<Table>()
  const valuesOf = (table: Table, name: string) => JSON.parse(JSON.stringify(table.getChild(name)?.toArray() ?? []))

  test('an INTERVAL has unsigned milliseconds', async () => {
    const path = await write('hours', "SELECT INTERVAL '700 hours' v")
    const [column] = await read(from(path)).columns()
    expect(column?.values).toEqual(['700:00:00'])
  })

  test('INT96 has all dates', async () => {
    const path = folder.file('int96.parquet', INT96)
    const rows = []
    for await (const { t } of read(from(path), { columns: { t: 'text' } }).rows()) rows.push(t)
    expect(rows).toEqual(['9999-12-31 00:00:00', '0001-01-01 00:00:00'])
    const [column] = await read(`COPY (t) FROM '${path}' (FORMAT parquet)`).columns()
    expect([...(column?.values ?? [])]).toEqual([Date.UTC(9999, 11, 31), Date.parse('0001-01-01')])
  })

  test('infinity is infinity', async () => {
    const path = await write(
      'infinity',
      "SELECT 'infinity'::TIMESTAMP t, '-infinity'::TIMESTAMP u, '-infinity'::DATE v",
    )
    for await (const row of read(from(path)).rows())
      expect(Object.values(row)).toEqual([Infinity, -Infinity, -Infinity])
  })

  test('lists of several files are lists of one type', async () => {
    const narrow = await write('lists-a', 'SELECT [1, 2]::INTEGER[] AS l UNION ALL SELECT NULL')
    const wide = await write('lists-b', 'SELECT [3, NULL]::BIGINT[] AS l UNION ALL SELECT []')
    const far = await write('lists-c', 'SELECT [1099511627776]::BIGINT[] AS l')
    const of = (...paths: string[]) =>
      from(`${folder.path}/`, `, FILES [${paths.map((path) => `'${basename(path)}'`).join(', ')}]`)
    const chunks: Uint8Array[] = []
    for await (const chunk of read(of(narrow, wide)).ipc()) chunks.push(chunk)
    const table = tableFromIPC(Buffer.concat(chunks))
    expect(String(table.schema.fields[0]?.type)).toBe('List<Int64>')
    const expected = [[1n, 2n], null, [3n, null], []]
    expect([...(table.getChild('l') ?? [])].map((list) => list && [...list])).toEqual(expected)
    const [column] = await read(of(narrow, wide)).columns()
    expect([...(column?.values ?? [])].map((list) => list && [...(list as Iterable<unknown>)])).toEqual(expected)
    // Of both orders that which holds all.
    for (const paths of [
      [narrow, far],
      [far, narrow],
    ]) {
      const [lists] = await read(of(...paths)).columns()
      expect([...(lists?.values ?? [])]).toContainEqual([1_099_511_627_776n])
      expect((await read(of(...paths)).table<Table>()).numRows).toBe(3)
    }
  })

  test('a lossy conversion within a list is an error of every form', async () => {
    const path = await write('nanos', "SELECT [TIMESTAMP_NS '2020-01-01 00:00:00.000000001'] AS l")
    expect(await failure(read(from(path)).columns())).toMatchObject({ sqlState: '22008', position: { line: 1 } })
    expect(await failure(read(from(path)).table())).toMatchObject({ sqlState: '22008', position: { line: 1 } })
  })

  test('types that are given are checked in every form', async () => {
    const path = await write('strings', "SELECT 'abc' AS s UNION ALL SELECT '1,5'")
    for (const type of ['numeric', 'timetz']) {
      expect(await failure(tableOf(from(path), { s: type }))).toMatchObject({
        sqlState: expect.stringMatching(/22P02|22007/),
      })
    }
    const some = read(from(path, ", DECIMAL_SEPARATOR ',', ON_ERROR skip_row"), { columns: { s: 'numeric' } })
    expect(valuesOf(await some.table<Table>(), 's')).toEqual(['1.5'])
    expect(some.receipt?.rowsRejected).toBe(1)
  })
})
