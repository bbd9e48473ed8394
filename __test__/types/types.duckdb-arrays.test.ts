/**
 * PostgreSQL's array literals in DuckDB's lists, through whole loads: each element is read as PostgreSQL reads it and arrives as
 * the value that DuckDB's own literal gives.
 */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { csvField, textField } from '../server-copy.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection
let db: Database

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run(`SET TimeZone = 'Asia/Kolkata'`)
  db = await connect(connection)
})

afterAll(async () => {
  await db.close()
  connection.closeSync()
  instance.closeSync()
})

/** Type of the column, PostgreSQL's literal, DuckDB's SQL of the same value. */
const VALUES: readonly (readonly [type: string, literal: string, sql: string])[] = [
  ['BOOLEAN[]', '{t, no ,NULL,1,OFF}', '[true, false, NULL, true, false]'],
  ['SMALLINT[]', '{-32768,32767,0x1F, 1_000 }', '[-32768, 32767, 31, 1000]'],
  ['INTEGER[]', '{}', '[]'],
  ['INTEGER[]', ' { } ', '[]'],
  ['INTEGER[]', '{NULL}', '[NULL]'],
  ['INTEGER[]', '[1:2]={7,8}', '[7, 8]'],
  ['INTEGER[]', '{"1",null, -2147483648}', '[1, NULL, -2147483648]'],
  ['BIGINT[]', '{9223372036854775807,-9223372036854775808}', '[9223372036854775807, -9223372036854775808]'],
  ['REAL[]', '{1.5,NaN,-Infinity,1e-45,3.4028235e38}', `[1.5, 'NaN', '-Infinity', 1e-45, 3.4028235e38]`],
  [
    'DOUBLE[]',
    '{0.1,-0,inf,nan,5e-324,1.7976931348623157e308,0x1p-3}',
    `[0.1, '-0'::DOUBLE, 'Infinity', 'NaN', 5e-324, 1.7976931348623157e308, 0.125]`,
  ],
  ['DECIMAL(5,2)[]', '{1,-0.005,1e2,999.994,NULL}', '[1, -0.01, 100, 999.99, NULL]'],
  [
    'DECIMAL(38,10)[]',
    '{1234567890123456789012345678.0123456789,-9999999999999999999999999999.9999999999}',
    `['1234567890123456789012345678.0123456789', '-9999999999999999999999999999.9999999999']`,
  ],
  ['DECIMAL(4,0)[]', '{0.5,-0.5,2.5}', '[1, -1, 3]'],
  ['VARCHAR[]', '{a b,"NULL",NULL,"",é😀}', `['a b', 'NULL', NULL, '', 'é😀']`],
  [
    'VARCHAR[]',
    String.raw`{"a\"b","c\\d","e,f","{g}","[h]","it's",\"x}`,
    `['a"b', 'c\\d', 'e,f', '{g}', '[h]', 'it''s', '"x']`,
  ],
  ['VARCHAR[]', '{"  padded  ","line\nbreak","tab\there"}', `['  padded  ', 'line\nbreak', 'tab\there']`],
  ['BLOB[]', String.raw`{"\\x00FF27","abc","\\000\\\\",NULL,""}`, `['\\x00\\xFF\\x27', 'abc', '\\x00\\x5C', NULL, '']`],
  [
    'DATE[]',
    '{2024-02-29,"Jan 8, 1999",0044-03-15 BC,4713-01-01 BC,infinity,-infinity,J2451187}',
    `['2024-02-29', '1999-01-08', '0044-03-15 (BC)', '4713-01-01 (BC)', 'infinity', '-infinity', '1999-01-08']`,
  ],
  ['DATE[]', '{5874897-12-31}', `['5874897-12-31']`],
  ['TIME[]', '{04:05:06.789,24:00,"4:05 PM",allballs}', `['04:05:06.789', '24:00:00', '16:05:00', '00:00:00']`],
  [
    'TIME WITH TIME ZONE[]',
    '{04:05:06+02,04:05-15:59:59,04:05:06.000001,NULL}',
    `['04:05:06+02', '04:05:00-15:59:59', '04:05:06.000001+05:30', NULL]`,
  ],
  [
    'TIMESTAMP[]',
    '{2001-02-03 04:05:06.789,"Jan 8 04:05 1999",infinity,-infinity,0044-03-15 12:00:00.5 BC,294247-01-10 04:00:54.775806}',
    `['2001-02-03 04:05:06.789', '1999-01-08 04:05:00', 'infinity', '-infinity', '0044-03-15 (BC) 12:00:00.5', '294247-01-10 04:00:54.775806']`,
  ],
  [
    'TIMESTAMP WITH TIME ZONE[]',
    '{2001-02-03 04:05:06,2001-02-03 04:05:06 PST,2001-02-03T04:05:06.5Z,infinity,0044-03-15 12:00 UTC BC}',
    `['2001-02-02 22:35:06+00', '2001-02-03 12:05:06+00', '2001-02-03 04:05:06.5+00', 'infinity', '0044-03-15 (BC) 12:00:00+00']`,
  ],
  [
    'INTERVAL[]',
    '{1 day,"1 year 2 mons -3 days -04:05:06.000007",P1Y2M3DT4H5M6.7S,-00:00:01.5,00:00}',
    `['1 day', '14 months -3 days -04:05:06.000007', '14 months 3 days 04:05:06.7', '-1.5 seconds', '0 days']`,
  ],
  [
    'UUID[]',
    '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11,"{a0eebc999c0b4ef8bb6d6bb9bd380a12}",NULL}',
    `['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', NULL]`,
  ],
  [
    'JSON[]',
    String.raw`{"{\"a\":  [1, \"x\"]}",5,"\"s\"",null,"null"}`,
    `['{"a":  [1, "x"]}'::JSON, '5'::JSON, '"s"'::JSON, NULL, 'null'::JSON]`,
  ],
  [`ENUM ('a', 'b c', 'd,"e')[]`, String.raw`{a,"b c",NULL,"d,\"e"}`, `['a', 'b c', NULL, 'd,"e']`],
  ['INTEGER[][]', '{{1,2},{3,NULL}}', '[[1, 2], [3, NULL]]'],
  ['INTEGER[][]', '{}', '[]'],
  ['INTEGER[][][]', '{{{1},{2}},{{3},{4}}}', '[[[1], [2]], [[3], [4]]]'],
  ['VARCHAR[][]', '{{"a,b","}"},{NULL,"NULL"}}', `[['a,b', '}'], [NULL, 'NULL']]`],
  ['DATE[][]', '{{0001-01-01 BC},{infinity}}', `[['0001-01-01 (BC)'], ['infinity']]`],
  ['DECIMAL(5,2)[][]', '{{1.005},{-1.005}}', '[[1.01], [-1.01]]'],
  ['JSON[][]', String.raw`{{"{\"a\": 1}"},{NULL}}`, `[['{"a": 1}'::JSON], [NULL]]`],
  ['BLOB[][]', String.raw`{{"\\x00"},{"\\x5C22"}}`, `[['\\x00'], ['\\x5C\\x22']]`],
]

describe('a list has the values of the array', () => {
  test.for(VALUES)('%s %s', async ([type, literal, sql]) => {
    await connection.run(`CREATE OR REPLACE TABLE lists (n INTEGER, v ${type})`)
    const text = `0\t\\N\n1\t${textField(literal)}\n2\t\\N\n`
    expect(await db.copy('COPY lists FROM STDIN', { stdin: [Buffer.from(text)] })).toMatchObject({ rowsLoaded: 3 })
    const csv = `3,${csvField(literal)}\n4,\n`
    await db.copy('COPY lists FROM STDIN (FORMAT csv)', { stdin: [Buffer.from(csv)] })
    const reader = await connection.runAndReadAll(
      `SELECT n, v IS NOT DISTINCT FROM CAST(${sql} AS ${type}), v IS NULL, v::VARCHAR, CAST(${sql} AS ${type})::VARCHAR FROM lists ORDER BY n`,
    )
    const rows = reader.getRows()
    for (const [n, isEqual, isNull, printed, due] of rows) {
      if (n === 1 || n === 3) expect([isEqual, printed]).toEqual([true, due])
      else expect(isNull).toBe(true)
    }
    expect(rows).toHaveLength(5)
  })

  test('many rows keep their order and their NULLs', async () => {
    await connection.run('CREATE OR REPLACE TABLE lists (n INTEGER, v INTEGER[], w VARCHAR[][])')
    const rows = Array.from({ length: 150_000 }, (_, n) =>
      n % 5 === 0 ? `${n}\t\\N\t{}` : `${n}\t{${n},NULL,-${n}}\t{{"${n} is long enough for the heap",NULL}}`,
    )
    await db.copy('COPY lists FROM STDIN', { stdin: [Buffer.from(`${rows.join('\n')}\n`)] })
    const reader = await connection.runAndReadAll(`
      SELECT count(*)::INTEGER, count(*) FILTER (n <> rowid)::INTEGER,
        count(*) FILTER (v IS DISTINCT FROM CASE WHEN n % 5 <> 0 THEN [n, NULL, -n] END)::INTEGER,
        count(*) FILTER (w <> CASE WHEN n % 5 = 0 THEN [] ELSE [[n || ' is long enough for the heap', NULL]] END)::INTEGER
      FROM lists`)
    expect(reader.getRows()).toEqual([[150_000, 0, 0, 0]])
  })
})

const INVALID = '22P02'
const MALFORMED = (literal: string) => `malformed array literal: "${literal}"`
const UNSTORABLE = (literal: string) => `array "${literal}" cannot be stored in DuckDB`

const REFUSALS: readonly (readonly [
  type: string,
  literal: string,
  sqlState: string,
  message: string,
  detail?: string,
])[] = [
  ['INTEGER[]', '{1,x}', INVALID, 'invalid input syntax for type integer: "x"'],
  ['INTEGER[]', '{2147483648}', '22003', 'value "2147483648" is out of range for type integer'],
  ['INTEGER[]', '{1,2', INVALID, MALFORMED('{1,2'), 'Unexpected end of input.'],
  ['INTEGER[]', '1', INVALID, MALFORMED('1'), 'Array value must start with "{" or dimension information.'],
  ['INTEGER[]', '{1}x', INVALID, MALFORMED('{1}x'), 'Junk after closing right brace.'],
  ['INTEGER[][]', '{{1,2}{3}}', INVALID, MALFORMED('{{1,2}{3}}'), 'Unexpected "{" character.'],
  [
    'INTEGER[]',
    '[1:2]={1}',
    INVALID,
    MALFORMED('[1:2]={1}'),
    'Specified array dimensions do not match array contents.',
  ],
  ['INTEGER[]', '{{1}}', '0A000', UNSTORABLE('{{1}}'), 'Its lists nest 2 deep, those of the column 1.'],
  ['INTEGER[][]', '{1}', '0A000', UNSTORABLE('{1}'), 'Its lists nest 1 deep, those of the column 2.'],
  ['INTEGER[][][]', '{{1}}', '0A000', UNSTORABLE('{{1}}'), 'Its lists nest 2 deep, those of the column 3.'],
  ['INTEGER[]', '[2:3]={1,2}', '0A000', UNSTORABLE('[2:3]={1,2}'), `DuckDB's lists begin at subscript 1.`],
  ['INTEGER[]', '[0:0]={1}', '0A000', UNSTORABLE('[0:0]={1}'), `DuckDB's lists begin at subscript 1.`],
  ['BOOLEAN[]', '{maybe}', INVALID, 'invalid input syntax for type boolean: "maybe"'],
  ['SMALLINT[]', '{40000}', '22003', 'value "40000" is out of range for type smallint'],
  ['REAL[]', '{1e39}', '22003', '"1e39" is out of range for type real'],
  ['DOUBLE[]', '{1e400}', '22003', '"1e400" is out of range for type double precision'],
  [
    'DECIMAL(5,2)[]',
    '{1000}',
    '22003',
    'numeric field overflow',
    'A field with precision 5, scale 2 must round to an absolute value less than 10^3.',
  ],
  ['DECIMAL(5,2)[]', '{NaN}', '22003', 'value "NaN" cannot be stored in DECIMAL(5,2)'],
  ['BLOB[]', String.raw`{"\\xZZ"}`, '22023', 'invalid hexadecimal digit: "Z"'],
  ['DATE[]', '{2023-02-29}', '22008', 'date/time field value out of range: "2023-02-29"'],
  ['TIME[]', '{25:00}', '22008', 'date/time field value out of range: "25:00"'],
  ['TIMESTAMP[]', '{294276-01-01}', '22008', 'timestamp out of range: "294276-01-01"'],
  ['TIMESTAMP WITH TIME ZONE[]', '{2001-01-01 Nowhere/City}', '22023', 'time zone "nowhere/city" not recognized'],
  ['INTERVAL[]', '{infinity}', '22015', 'interval out of range: "infinity"'],
  ['TIME WITH TIME ZONE[]', '{04:05 FOO-16}', '22009', 'time zone displacement out of range: "04:05 FOO-16"'],
  ['UUID[]', '{a0ee}', INVALID, 'invalid input syntax for type uuid: "a0ee"'],
  ['JSON[]', '{"{"}', INVALID, 'invalid input syntax for type json', 'The input string ended unexpectedly.'],
  [`ENUM ('a')[]`, '{b}', INVALID, 'invalid input value for enum: "b"'],
]

describe('an array that is no list is refused', () => {
  test.for(REFUSALS)('%s %s', async ([type, literal, sqlState, message, detail]) => {
    await connection.run(`CREATE OR REPLACE TABLE lists (n INTEGER, v ${type})`)
    const text = `1\t{}\n2\t${textField(literal)}\n3\t{}\n`
    const error = await db.copy('COPY lists FROM STDIN', { stdin: [Buffer.from(text)] }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(CopyError)
    expect(error).toMatchObject({
      sqlState,
      message,
      position: { line: 2, column: 'v' },
      ...(detail === undefined ? {} : { detail }),
    })
    const left = await connection.runAndReadAll('FROM lists')
    expect(left.currentRowCount).toBe(0)
  })
})
