import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectDuckdb } from '../../lib/target/duckdb/connect.ts'
import type { Target } from '../../lib/target/target.ts'
import { copyRows, type DuckDBConnection, DuckDBInstance, textRows, type Value } from './duckdb.batches.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection
let target: Target

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  target = await connectDuckdb(connection)
})
afterAll(async () => {
  await target.close()
  connection.closeSync()
  instance.closeSync()
})

const interval = (months: number, days: number, micros: string) => JSON.stringify({ months, days, micros })
const INT64_MAX = 2n ** 63n - 1n
const UUID_FLIP = 1n << 127n
const timetz = (micros: bigint, offset: bigint) => (micros << 24n) | (57599n - offset)

/** SQL type, ColumnType kind, physical value, SQL literal it must equal. */
const LAYOUTS: readonly (readonly [type: string, kind: string, value: Value, sql: string])[] = [
  ['BOOLEAN', 'bool', true, 'true'],
  ['SMALLINT', 'int2', -32768, '-32768'],
  ['INTEGER', 'int4', -2147483648, '-2147483648'],
  ['BIGINT', 'int8', -(2n ** 63n), '-9223372036854775808'],
  ['REAL', 'float4', 1.5, '1.5::REAL'],
  ['REAL', 'float4', Number.NaN, "'NaN'::REAL"],
  ['DOUBLE', 'float8', -1e308, '-1e308'],
  ['DOUBLE', 'float8', Number.NEGATIVE_INFINITY, "'-Infinity'::DOUBLE"],
  ['DECIMAL(4,1)', 'numeric', -9999, '-999.9'],
  ['DECIMAL(9,2)', 'numeric', 123456789, '1234567.89'],
  ['DECIMAL(18,4)', 'numeric', 123456789012345678n, '12345678901234.5678'],
  ['DECIMAL(38,0)', 'numeric', -(10n ** 38n - 1n), '-99999999999999999999999999999999999999'],
  ['DECIMAL(38,38)', 'numeric', 10n ** 38n - 1n, "'0.99999999999999999999999999999999999999'"],
  ['VARCHAR', 'text', 'twelve bytes', "'twelve bytes'"],
  ['VARCHAR', 'text', 'thirteen byte', "'thirteen byte'"],
  ['VARCHAR', 'text', '', "''"],
  ['VARCHAR', 'text', 'é'.repeat(5000), "repeat('é', 5000)"],
  ['BLOB', 'bytea', new Uint8Array([0, 255, 39, 92]), "'\\x00\\xFF\\x27\\x5C'::BLOB"],
  ['BLOB', 'bytea', new Uint8Array(40).fill(1), "repeat('\\x01', 40)::BLOB"],
  ['DATE', 'date', 0, "DATE '1970-01-01'"],
  ['DATE', 'date', 2147483646, "DATE '5881580-07-10'"],
  ['DATE', 'date', -2147483646, "DATE '5877642-06-25 (BC)'"],
  ['DATE', 'date', 2147483647, "DATE 'infinity'"],
  ['DATE', 'date', -2147483647, "DATE '-infinity'"],
  ['TIME', 'time', 86_400_000_000n, "TIME '24:00:00'"],
  ['TIME WITH TIME ZONE', 'timetz', timetz(3_600_000_001n, 19_800n), "TIMETZ '01:00:00.000001+05:30'"],
  ['TIME WITH TIME ZONE', 'timetz', timetz(86_400_000_000n, -57_599n), "TIMETZ '24:00:00-15:59:59'"],
  ['TIME WITH TIME ZONE', 'timetz', timetz(0n, 57_599n), "TIMETZ '00:00:00+15:59:59'"],
  ['TIMESTAMP', 'timestamp', INT64_MAX - 1n, "TIMESTAMP '294247-01-10 04:00:54.775806'"],
  ['TIMESTAMP', 'timestamp', -9_223_372_022_400_000_000n, "TIMESTAMP '290309-12-22 (BC) 00:00:00'"],
  ['TIMESTAMP', 'timestamp', INT64_MAX, "TIMESTAMP 'infinity'"],
  ['TIMESTAMP', 'timestamp', -INT64_MAX, "TIMESTAMP '-infinity'"],
  ['TIMESTAMP WITH TIME ZONE', 'timestamptz', 1n, "TIMESTAMPTZ '1970-01-01 00:00:00.000001+00'"],
  ['TIMESTAMP WITH TIME ZONE', 'timestamptz', INT64_MAX, "TIMESTAMPTZ 'infinity'"],
  ['INTERVAL', 'interval', interval(-14, 3, '-1000001'), "INTERVAL '-14 months 3 days -1.000001 seconds'"],
  ['UUID', 'uuid', UUID_FLIP ^ 0x550e8400e29b41d4a716446655440000n, "'550e8400-e29b-41d4-a716-446655440000'::UUID"],
  ['UUID', 'uuid', UUID_FLIP ^ 0xf50e8400e29b41d4a716446655440001n, "'f50e8400-e29b-41d4-a716-446655440001'::UUID"],
  ['JSON', 'json', '{"a":  [1, "x"]}', `'{"a":  [1, "x"]}'::JSON`],
  ["ENUM('a', 'b c')", 'enum', 'b c', "'b c'::ENUM('a', 'b c')"],
  // Types that PostgreSQL has not: text that DuckDB casts.
  ['TINYINT', 'other', '-128', '-128'],
  ['UTINYINT', 'other', '255', '255'],
  ['UBIGINT', 'other', '18446744073709551615', '18446744073709551615'],
  ['HUGEINT', 'other', '-170141183460469231731687303715884105728', '-170141183460469231731687303715884105728'],
  ['UHUGEINT', 'other', '340282366920938463463374607431768211455', '340282366920938463463374607431768211455'],
  ['TIMESTAMP_NS', 'other', '2020-01-01 00:00:00.123456789', "'2020-01-01 00:00:00.123456789'::TIMESTAMP_NS"],
  ['TIMESTAMP_S', 'other', '2020-01-01 00:00:00', "'2020-01-01'::TIMESTAMP_S"],
  ['BIT', 'other', '10101', "'10101'::BIT"],
  ['STRUCT(a INTEGER, "b c" VARCHAR)', 'other', `{'a': 1, 'b c': "x, y"}`, `{'a': 1, 'b c': 'x, y'}`],
  ['MAP(VARCHAR, INTEGER)', 'other', '{k=1, j=2}', "MAP {'k': 1, 'j': 2}"],
  ['INTEGER[3]', 'other', '[1, 2, 3]', '[1, 2, 3]::INTEGER[3]'],
  [
    'BIGNUM',
    'other',
    '123456789012345678901234567890123456789012',
    "'123456789012345678901234567890123456789012'::BIGNUM",
  ],
  ['UNION(n INTEGER, s VARCHAR)', 'other', 'hello', "'hello'::UNION(n INTEGER, s VARCHAR)"],
  ['UBIGINT[]', 'other', '[1, NULL]', '[1, NULL]::UBIGINT[]'],
  // Lists travel as JSON: every element a string, or null.
  ['INTEGER[]', 'array', '["1", null, "-3"]', '[1, NULL, -3]'],
  ['INTEGER[]', 'array', '[]', '[]::INTEGER[]'],
  ['INTEGER[][]', 'array', '[["1", "2"], ["3", null]]', '[[1, 2], [3, NULL]]'],
  ['BOOLEAN[]', 'array', '["t", "f"]', '[true, false]'],
  ['DECIMAL(20,2)[]', 'array', '["123456789012345678.90"]', '[123456789012345678.90]'],
  ['DOUBLE[]', 'array', '["NaN", "Infinity", "1e-300"]', "['NaN'::DOUBLE, 'Infinity'::DOUBLE, 1e-300]"],
  [
    'VARCHAR[]',
    'array',
    String.raw`["a\"b", "c\\d", "e,f", "[g]", "", "NULL", null, "é", "it's", " x ", "{y}", "\\\""]`,
    String.raw`['a"b', 'c\d', 'e,f', '[g]', '', 'NULL', NULL, 'é', 'it''s', ' x ', '{y}', '\"']`,
  ],
  ['BLOB[]', 'array', String.raw`["\\x00\\xFF", ""]`, String.raw`['\x00\xFF'::BLOB, ''::BLOB]`],
  ['DATE[]', 'array', '["infinity", "0044-03-15 (BC)"]', "[DATE 'infinity', DATE '0044-03-15 (BC)']"],
  [
    'TIMESTAMP WITH TIME ZONE[]',
    'array',
    '["2020-01-01 00:00:00.000001+00"]',
    "[TIMESTAMPTZ '2020-01-01 00:00:00.000001+00']",
  ],
  ['INTERVAL[]', 'array', '["-14 months 3 days -00:00:01.000001"]', "[INTERVAL '-14 months 3 days -1.000001 seconds']"],
  ['JSON[]', 'array', String.raw`["{\"a\":  1}", null, "5"]`, `['{"a":  1}'::JSON, NULL, '5'::JSON]`],
  ["ENUM('a', 'b c')[]", 'array', '["b c", null]', "['b c', NULL]::ENUM('a', 'b c')[]"],
]

describe('layouts', () => {
  it.each(LAYOUTS)('%s (%s) of %s', async (type, kind, value, sql) => {
    await connection.run(`CREATE OR REPLACE TABLE layout (v ${type})`)
    const transaction = await target.begin()
    const table = await transaction.describe({ name: { value: 'layout', quoted: false, offset: 0 } })
    expect(table?.columns[0]?.type.kind).toBe(kind)
    await transaction.commit()
    await copyRows(target, 'layout', [[null], [value], [null]])
    const [row] = await textRows(
      connection,
      `SELECT v IS NOT DISTINCT FROM CAST(${sql} AS ${type}), v::VARCHAR, CAST(${sql} AS ${type})::VARCHAR FROM layout WHERE rowid = 1`,
    )
    expect(row?.[1]).toBe(row?.[2])
    expect(row?.[0]).toBe('true')
    expect(await textRows(connection, 'SELECT count(*), count(v) FROM layout')).toEqual([['3', '1']])
  })

  it.each([255, 256, 65535, 65536])('an enum of %d labels has the width DuckDB gives it', async (count) => {
    await connection.run(
      `CREATE OR REPLACE TABLE layout (v ENUM(${Array.from({ length: count }, (_, n) => `'l${n}'`).join()}))`,
    )
    await copyRows(target, 'layout', [['l0'], [`l${count - 1}`], ['l7']])
    expect(await textRows(connection, 'SELECT v FROM layout')).toEqual([['l0'], [`l${count - 1}`], ['l7']])
  })
})

describe('rows', () => {
  it('keep their order, their NULLs and their strings over many windows and odd chunk sizes', async () => {
    await connection.run('CREATE OR REPLACE TABLE rows (n BIGINT, s VARCHAR, b BOOLEAN)')
    const count = 300_000
    const rows = Array.from({ length: count }, (_, n): Value[] => [
      n,
      n % 7 === 0 ? null : `string number ${n}`,
      Math.floor(n / 10_000) % 2 === 0 ? n % 3 === 0 : n % 5 === 0 ? null : true,
    ])
    const outcome = await copyRows(target, 'rows', rows, { chunkRows: 3_331 })
    expect(outcome).toEqual({ rowsLoaded: count, rowsFiltered: 0 })
    expect(
      await textRows(
        connection,
        `SELECT count(*), count(*) FILTER (n <> rowid),
           count(*) FILTER (s IS DISTINCT FROM CASE WHEN n % 7 = 0 THEN NULL ELSE 'string number ' || n END),
           count(*) FILTER (b IS DISTINCT FROM CASE WHEN (n // 10000) % 2 = 0 THEN n % 3 = 0 WHEN n % 5 = 0 THEN NULL ELSE true END)
         FROM rows`,
      ),
    ).toEqual([[String(count), '0', '0', '0']])
    expect(await textRows(connection, `SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'copyist%'`)).toEqual(
      [['0']],
    )
  })

  it('number a sequence in the order of the file, however many threads there are', async () => {
    await connection.run('CREATE OR REPLACE SEQUENCE ids')
    await connection.run(`CREATE OR REPLACE TABLE numbered (id BIGINT DEFAULT nextval('ids'), n BIGINT)`)
    await copyRows(
      target,
      'numbered',
      Array.from({ length: 260_000 }, (_, n) => [n]),
      { columns: ['n'], chunkRows: 10_000 },
    )
    expect(await textRows(connection, 'SELECT count(*), count(*) FILTER (id <> n + 1) FROM numbered')).toEqual([
      ['260000', '0'],
    ])
  })
})
