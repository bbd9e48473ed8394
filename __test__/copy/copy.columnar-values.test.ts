import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import {
  Dictionary,
  Field,
  Float32,
  Int32,
  List,
  Map_,
  makeData,
  makeVector,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Timestamp,
  TimeUnit,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CopyError, connect, type ReadOptions, type Reject, type ReplacedRow, read } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

const IDS = ['2a9840f1-db40-4843-88e2-6853a46c4a05', '00000000-0000-0000-0000-00000000000a']

/** A text within thirty structures and lists, which was in quotes within quotes, twice as many at each level. */
const DEEP = Array.from({ length: 15 }).reduce<{ readonly row: string; readonly type: string; readonly texts: string }>(
  ({ row, type, texts }) => ({
    row: `{'a': [${row}]}`,
    type: `STRUCT(a ${type}[])`,
    texts,
  }),
  { row: 's', type: 'VARCHAR', texts: `('plain'), ('it''s "\\", {[( NULL: 1 = 2'), ('NULL'), (''), (NULL)` },
)

const files = fileURLToPath(new URL('files', import.meta.url))

let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-columnar-'))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const write = (name: string, query: string) =>
    connection.run(`COPY (${query}) TO '${join(folder, name)}' (FORMAT parquet)`)
  const [a, b] = IDS.map((id) => `'${id}'::UUID`)
  await write('uuid.parquet', `SELECT * FROM (VALUES (1, ${a}, '1'), (2, ${b}, 'x'), (3, NULL, '3')) r(id, u, number)`)
  await write(
    'uuids.parquet',
    `SELECT ${a} AS plain, [${a}, NULL, ${b}] AS list, {'u': ${b}, 'more': [${a}]} AS pair, MAP {${a}: ${b}} AS map`,
  )
  await write('nan.parquet', `SELECT {'f': 'NaN'::DOUBLE, 'g': '-inf'::FLOAT, 'i': 7} AS s, ['inf'::DOUBLE] AS list`)
  await write('int.parquet', `SELECT 1::INT AS id, 2::SMALLINT AS n, 1.5::DECIMAL(4, 1) AS d, [1::INT] AS list`)
  await write(
    'wide.parquet',
    `SELECT 1099511627776 AS id, 7.25::DOUBLE AS n, 12345.678::DECIMAL(8, 3) AS d, [1099511627776] AS list`,
  )
  await write('text.parquet', `SELECT 3 AS id, 'many' AS n, 1::DECIMAL(4, 1) AS d, [3] AS list`)
  await write(
    'homes.parquet',
    `SELECT {'zip': 123, 'Street': 'Main "st", \\1', 'geo': {'lon': 1.5, 'lat': 2.5}} AS home,
       [{'lon': 2, 'lat': 1}, NULL, {'lon': NULL, 'lat': 3}] AS points, {'f1': 7, 'f2': 8} AS pair
     UNION ALL SELECT NULL, [], NULL`,
  )
  await write(
    'extra.parquet',
    `SELECT {'lat': 1.0, 'lon': 2.0, 'alt': 3.0} AS at, [{'lat': 1.0, 'Alt': 2.0}] AS points`,
  )
  await write(
    'nested.parquet',
    `SELECT * FROM (VALUES
      (1, [[1], [2, 3]], [['a', '"]'], ['NULL', NULL, '{,}']], [[[1::TINYINT]]]),
      (2, [[], []], [[], NULL], [[], [[]], NULL]),
      (3, [[NULL], NULL, []], [['\\', '''']], [[[NULL, 2::TINYINT], []]]),
      (4, [], [], []),
      (5, NULL, NULL, NULL)) r(id, numbers, texts, small)`,
  )
  await write(
    'whole.parquet',
    `SELECT * FROM (VALUES (1, 5.00::DECIMAL(30, 2), 7.0::DOUBLE, 2::DECIMAL(4, 1), TIMESTAMP '2024-02-29 00:00'),
      (2, 5.01, 7, 2, TIMESTAMP '2024-02-29'), (3, 5, 7.5, 2, TIMESTAMP '2024-02-29'),
      (4, 99999999999, 7, 2, TIMESTAMP '2024-02-29'), (5, -3, -0.0, 2, TIMESTAMP '2024-03-01 12:00'),
      (6, -3, 1e300, 0, TIMESTAMP '2024-03-01'), (7, NULL, NULL, NULL, NULL)) r(id, d, f, one, day)`,
  )
  await write(
    'limits.parquet',
    `SELECT * FROM (VALUES (1, INTERVAL 2 DAY, INTERVAL 3 SECOND, 4294967295::BIGINT, 'a', [1::BIGINT], 7::BIGINT),
      (2, INTERVAL 25 HOUR, INTERVAL 1999 MILLISECOND, -1, 'bc', [-1], -1),
      (3, INTERVAL 1 SECOND, INTERVAL 0 SECOND, 4294967296, 'é', [NULL], 4294967296),
      (4, NULL, NULL, NULL, NULL, NULL, NULL)) r(id, days, seconds, o, c, list, x)`,
  )
  await write(
    'nanos.parquet',
    `SELECT * FROM (VALUES
      (1, '1', TIMESTAMP_NS '2020-01-01 00:00:00.123456789', [TIMESTAMP_NS '1969-12-31 23:59:59.999999999'], TIME_NS '12:00:00.123456789'),
      (2, 'x', TIMESTAMP_NS '2020-01-01', [], TIME_NS '12:00:00'),
      (3, '3', NULL, NULL, NULL)) r(id, number, seen, list, time)`,
  )
  await write('micros.parquet', `SELECT 1 AS id, TIMESTAMP '9999-12-31 00:00:00.000001' AS seen`)
  await write('deep.parquet', `SELECT ${DEEP.row} FROM (VALUES ${DEEP.texts}) r(s)`)
  await write('variant.parquet', `SELECT 1 AS id, 12345::VARIANT AS v`)
  await write(
    'clocks.parquet',
    `SELECT '10:00:00.5+05'::TIMETZ AS one, ['10:00:00+00'::TIMETZ, NULL] AS list, TIME '10:00' AS plain`,
  )
  await write('two.parquet', 'SELECT 1 AS id, 2 AS big, 3 AS c')
  await write('single-list.parquet', 'SELECT [0.1::FLOAT] AS l')
  await write('double-list.parquet', 'SELECT [0.25::DOUBLE] AS l')
  await write(
    'singles.parquet',
    `SELECT 0.1::FLOAT AS f, [0.1::FLOAT, NULL] AS l, {'a': 0.1::FLOAT, 'b': [0.3::FLOAT]} AS s`,
  )
  connection.closeSync()
  instance.closeSync()
  const named = new Table({
    a: vectorFromArray([1], new Int32()),
    '': vectorFromArray([2], new Int32()),
    c: vectorFromArray([3], new Int32()),
  })
  writeFileSync(join(folder, 'unnamed.arrow'), tableToIPC(named, 'file'))
  writeFileSync(join(folder, 'twice.arrow'), numbered(['a', 'a', 'b']))
  writeFileSync(join(folder, 'cases.arrow'), numbered(['ID', 'Id', 'v']))
  writeFileSync(join(folder, 'one.arrow'), numbered(['a']))
  const [inner] = tableFromIPC(numbered(['a', 'A', 'a'])).batches
  const pairs = new Schema([new Field('s', new Struct(inner?.schema.fields ?? []))])
  const pair = makeData({ type: new Struct(pairs.fields), length: 1, children: [inner?.data ?? expect.fail()] })
  writeFileSync(join(folder, 'pairs.arrow'), tableToIPC(new Table(new RecordBatch(pairs, pair)), 'file'))
  writeFileSync(join(folder, 'other.arrow'), numbered(['Aa']))
})

afterAll(() => rmSync(folder, { recursive: true }))

/** An Arrow file with a row 1, 2, 3 … in columns of these names. */
function numbered(names: readonly string[]): Uint8Array {
  const schema = new Schema(names.map((name) => new Field(name, new Int32())))
  const children = names.map((_, index) => vectorFromArray([index + 1], new Int32()).data[0])
  const data = makeData({ type: new Struct(schema.fields), length: 1, children: children.flatMap((c) => c ?? []) })
  return tableToIPC(new Table(new RecordBatch(schema, data)), 'file')
}

/** Instants in nanoseconds. */
function nanos(zone: string | null, values: readonly bigint[]): Vector {
  const type = new Timestamp(TimeUnit.NANOSECOND, zone)
  return makeVector(makeData({ type, length: values.length, data: new BigInt64Array(values) }))
}

const at = (file: string) => `'${join(folder, file)}'`
const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it must be refused'),
    (error: unknown) => error,
  )

async function rows(statement: string, options?: ReadOptions) {
  const found: Record<string, unknown>[] = []
  for await (const row of read(statement, options).rows()) found.push(row)
  return found
}

describe('read', () => {
  test('a column without a name is no other column', async () => {
    const statement = `COPY FROM ${at('unnamed.arrow')} (FORMAT arrow)`
    expect(await rows(statement)).toEqual([{ a: 1, '': 2, c: 3 }])
  })

  test('the types of several files are those that hold the values of each', async () => {
    const types = async (...files: string[]) => {
      const list = files.map((file) => `'${file}.parquet'`).join(', ')
      const result = read(`COPY FROM '${folder}' (FORMAT parquet, FILES = [${list}])`)
      const columns = await result.columns()
      return columns.map(({ name, type, values }) => [name, type, [...values].map(String)])
    }
    const both = [
      ['id', 'bigint', ['1', '1099511627776']],
      ['n', 'double precision', ['2', '7.25']],
      ['d', 'numeric(8,3)', ['1.500', '12345.678']],
      ['list', 'bigint[]', ['1', '1099511627776']],
    ]
    expect(await types('int', 'wide')).toMatchObject(both)
    expect((await types('wide', 'int')).map(([, type]) => type)).toEqual(both.map(([, type]) => type))
    expect((await types('int', 'wide', 'text'))[1]).toEqual(['n', 'text', ['2', '7.25', 'many']])
  })

  test('what is wanted of the columns is there, or is refused', async () => {
    const file = `COPY FROM ${at('two.parquet')} (FORMAT parquet)`
    expect(await failed(rows(file, { columns: { id: 'int', nope: 'int' } }))).toMatchObject({
      sqlState: '42703',
      message: 'the input has no column "nope"',
      detail: 'Its columns are "id", "big", "c".',
    })
    expect(await failed(rows(file, { columns: {} }))).toMatchObject({
      sqlState: '22023',
      message: 'invalid value for option "columns": {}',
    })
    const listed = `COPY (id) FROM ${at('two.parquet')} (FORMAT parquet)`
    expect(await failed(rows(listed, { columns: { id: 'int', big: 'bigint' } }))).toMatchObject({
      sqlState: '42703',
      message: 'column "big" of the option "columns" is not in the column list',
    })
    const csv = 'COPY FROM STDIN (FORMAT csv, MAP BY NAME)'
    expect(await failed(rows(csv, { columns: { a: 'int', z: 'int' }, stdin: 'a,b\n1,2\n' }))).toMatchObject({
      sqlState: '42703',
      message: 'the header has no field for column "z"',
    })
  })

  test('of two columns of one name neither is lost in silence', async () => {
    const file = at('twice.arrow')
    for (const more of ['', ', MAP BY NAME false']) {
      expect(await failed(rows(`COPY FROM ${file} (FORMAT arrow${more})`))).toMatchObject({
        sqlState: '42702',
        message: 'the input has several columns "a"',
        hint: expect.stringContaining('MAP BY NAME false'),
      })
    }
    const listed = `COPY (x, y, z) FROM ${file} (FORMAT arrow, MAP BY NAME false)`
    expect(await rows(listed)).toEqual([{ x: 1, y: 2, z: 3 }])
  })

  test('a name that several columns may have is refused, and one that a column has as it is written is that column', async () => {
    const file = at('cases.arrow')
    const several = {
      sqlState: '42702',
      message: 'the input has 2 columns for column "id"',
      detail: 'They are the columns 1, 2.',
      hint: expect.stringContaining('With MAP BY NAME false'),
    }
    expect(await failed(rows(`COPY (id) FROM ${file} (FORMAT arrow)`))).toMatchObject(several)
    expect(await failed(rows(`COPY FROM ${file} (FORMAT arrow)`, { columns: { id: 'int' } }))).toMatchObject(several)
    expect(await rows(`COPY ("Id") FROM ${file} (FORMAT arrow)`)).toEqual([{ Id: 2 }])
    expect(await rows(`COPY FROM ${file} (FORMAT arrow)`)).toEqual([{ ID: 1, Id: 2, v: 3 }])
  })

  test('hints of what is refused name nothing that is refused, too', async () => {
    const hint = (statement: string) => failed(rows(statement)).then((error) => (error as CopyError).hint)
    const file = `FROM ${at('int.parquet')} (FORMAT parquet`
    expect(await hint(`COPY ${file}) WHERE id > 0`)).toBe('Leave rows out in the program.')
    expect(await hint(`COPY ${file}, WHEN id = '1')`)).toContain('a program that reads rows leaves out what')
    expect(await hint(`COPY ${file}, FILLER (id))`)).toContain('List those that are wanted')
    writeFileSync(join(folder, 'wrapped.parquet.gz'), gzipSync(readFileSync(join(folder, 'int.parquet'))))
    for (const format of ['parquet', 'arrow']) {
      expect(await failed(rows(`COPY FROM ${at('wrapped.parquet.gz')} (FORMAT ${format})`))).toMatchObject({
        sqlState: '0A000',
        message: expect.stringContaining('it is compressed by gzip'),
        hint: expect.stringContaining('Decompress it first'),
      })
    }
  })

  test('Parquet that is called Arrow', async () => {
    expect(await failed(rows(`COPY FROM ${at('two.parquet')} (FORMAT arrow)`))).toMatchObject({
      sqlState: '22P04',
      message: expect.stringContaining('this is no Arrow file: it is in the format Parquet'),
      hint: 'Write FORMAT parquet.',
    })
  })

  test('a schema of Arrow that is broken does not break the file that it is left in', async () => {
    const flights = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url))
    const bytes = readFileSync(flights)
    const key = bytes.lastIndexOf('ARROW:schema')
    expect(key).toBeGreaterThan(0)
    // Behind the key are a field's head and its length.
    bytes.fill('A', key + 'ARROW:schema'.length + 8, key + 'ARROW:schema'.length + 100)
    writeFileSync(join(folder, 'hint.parquet'), bytes)
    const sums = async (file: string) => {
      const [column] = await read(`COPY (delay) FROM '${file}' (FORMAT parquet)`).columns()
      return [column?.type, [...(column?.values ?? [])].reduce<number>((sum, value) => sum + Number(value), 0)]
    }
    expect(await sums(join(folder, 'hint.parquet'))).toEqual(await sums(flights))
  })

  test('no more bytes are read than there are', async () => {
    const seen: [number, number | undefined][] = []
    const receipt = read(`COPY FROM ${at('two.parquet')} (FORMAT parquet)`, {
      onProgress: ({ bytesRead, bytesTotal }) => seen.push([bytesRead, bytesTotal]),
    })
    await receipt.columns()
    const [bytes = 0, total] = seen.at(-1) ?? []
    expect(total).toBe(readFileSync(join(folder, 'two.parquet')).length)
    expect(bytes).toBeLessThanOrEqual(total ?? 0)
  })

  test('nanoseconds are those of the file in Arrow, and in arrays where they are asked for', async () => {
    const first = 1_577_836_800_123_456_789n
    const whole = 1_577_836_800_000_000_000n
    const file = `COPY (id, seen) FROM ${at('nanos.parquet')} (FORMAT parquet)`
    const table = await read(file).table<Table>()
    expect(table.schema.fields.map(String)).toEqual(['id: Int32', 'seen: Timestamp<NANOSECOND>'])
    expect(table.getChild('seen')?.data[0]?.values.slice(0, 2)).toEqual(new BigInt64Array([first, whole]))
    await expect(read(file).rows().next()).rejects.toMatchObject({
      sqlState: '22008',
      hint: expect.stringContaining('timestamp(9)'),
    })
    const types = { id: 'int', seen: 'timestamp(9)' }
    const [, column] = await read(file, { columns: types, int64: 'number' }).columns()
    expect(column).toMatchObject({
      type: 'timestamp(9) without time zone',
      values: new BigInt64Array([first, whole, 0n]),
    })
    expect(await rows(file, { columns: types })).toEqual([
      { id: 1, seen: first },
      { id: 2, seen: whole },
      { id: 3, seen: null },
    ])
    // Beside a row that is refused, whose others are decoded anew.
    const tolerant = `COPY (seen, number) FROM ${at('nanos.parquet')} (FORMAT parquet, ON_ERROR skip_row)`
    expect(await rows(tolerant, { columns: { number: 'int', seen: 'timestamp(9)' } })).toEqual([
      { seen: first, number: 1 },
      { seen: null, number: 3 },
    ])
    const zoned = new Table({ seen: nanos('+02:00', [first]) })
    writeFileSync(join(folder, 'zoned.arrow'), tableToIPC(zoned, 'file'))
    const arrow = `COPY FROM ${at('zoned.arrow')} (FORMAT arrow)`
    expect((await read(arrow).table<Table>()).schema.fields.map(String)).toEqual(['seen: Timestamp<NANOSECOND, UTC>'])
    expect(await rows(arrow, { columns: { seen: 'timestamptz(9)' } })).toEqual([{ seen: first }])
    const refused = async (statement: string, type: string) =>
      failed(rows(statement, { columns: { seen: type } })).then((error) => (error as CopyError).sqlState)
    expect(await refused(arrow, 'timestamp(9)')).toBe('0A000')
    expect(await refused(arrow, 'timestamptz(7)')).toBe('22023')
    expect(await refused(`COPY (seen) FROM ${at('micros.parquet')} (FORMAT parquet)`, 'timestamp(9)')).toBe('0A000')
    expect(
      await refused(
        `COPY (seen) FROM ${at('micros.parquet')} (FORMAT parquet, CONSTANT (seen '2020-01-01'))`,
        'timestamp(9)',
      ),
    ).toBe('0A000')
    expect(
      await failed(
        rows('COPY FROM STDIN (FORMAT csv)', { columns: { seen: 'timestamp(9)' }, stdin: ['2020-01-01\n'] }),
      ),
    ).toMatchObject({
      sqlState: '0A000',
      message: 'column "seen" cannot be read as timestamp(9) without time zone',
    })
    // What another file has beyond their range decides.
    const both = `COPY (seen) FROM '${folder}' (FORMAT parquet, FILES = ['micros.parquet', 'nanos.parquet'])`
    expect(await failed(read(both).table())).toMatchObject({ sqlState: '22008' })
    const reading = read(`COPY (seen) FROM '${folder}' (FORMAT parquet, FILES = ['micros.parquet', 'micros.parquet'])`)
    expect((await reading.table<Table>()).schema.fields.map(String)).toEqual(['seen: Timestamp<MICROSECOND>'])
  })

  // Written by polars.
  test.each(['int128.parquet', 'int128.arrow', 'int128.arrows'])('numbers of 128 bits of %s', async (file) => {
    const format = file.endsWith('.parquet') ? 'parquet' : 'arrow'
    const path = join(files, file)
    const columns = await read(`COPY FROM '${path}' (FORMAT ${format})`).columns()
    expect(columns.map(({ name, type, values }) => [name, type, [...values]])).toEqual([
      ['dur', 'interval', ['00:00:00.000001', '00:00:00.000002', null]],
      ['i', 'numeric(39,0)', ['1', '-170141183460469231731687303715884105728', null]],
      ['u', 'numeric(39,0)', ['1', '340282366920938463463374607431768211455', null]],
      ['l', 'numeric(39,0)[]', [['1', null], ['1237940039285380274899124224'], null]],
      ['s', 'jsonb', ['{"x": 1}', '{"x": -170141183460469231731687303715884105728}', '{"x": null}']],
    ])
    const table = await read(`COPY (u, dur) FROM '${path}' (FORMAT ${format})`).table<Table>()
    expect(table.schema.fields.map(String)).toEqual(['u: Utf8', 'dur: Interval<MONTH_DAY_NANO>'])
    expect([...(table.getChild('u') ?? [])]).toEqual(['1', '340282366920938463463374607431768211455', null])
  })

  test('of a type that Arrow has no name for only the column is something else in Parquet, and is told in Arrow', async () => {
    const narrow = (bytes: Buffer) => {
      // 96 bits in place of 128.
      for (
        let at = bytes.indexOf('\x80\0\0\0', 0, 'latin1');
        at >= 0;
        at = bytes.indexOf('\x80\0\0\0', at + 4, 'latin1')
      ) {
        bytes[at] = 96
      }
      return bytes
    }
    const parquet = readFileSync(join(files, 'int128.parquet'))
    const [said = ''] = /(?<=ARROW:schema...)[A-Za-z0-9+/=]{100,}/s.exec(parquet.toString('latin1')) ?? []
    parquet.write(narrow(Buffer.from(said, 'base64')).toString('base64'), parquet.indexOf(said))
    writeFileSync(join(folder, 'int96.parquet'), parquet)
    const columns = await read(`COPY FROM ${at('int96.parquet')} (FORMAT parquet)`).columns()
    expect(columns.map(({ name, type }) => [name, type])).toEqual([
      ['dur', 'interval'],
      ['i', 'bytea'],
      ['u', 'bytea'],
      ['l', 'bytea[]'],
      ['s', 'jsonb'],
    ])
    const stream = readFileSync(join(files, 'int128.arrows'))
    narrow(stream.subarray(8, 8 + stream.readUInt32LE(4)))
    writeFileSync(join(folder, 'int96.arrows'), stream)
    expect(await failed(rows(`COPY (dur) FROM ${at('int96.arrows')} (FORMAT arrow)`))).toMatchObject({
      sqlState: '0A000',
      message: expect.stringContaining('column "i" is of a type that cannot be read'),
      detail: expect.stringContaining('96'),
    })
  })

  test('a VARIANT is refused, and the other columns are read', async () => {
    const file = at('variant.parquet')
    expect(await failed(rows(`COPY FROM ${file} (FORMAT parquet)`))).toMatchObject({
      sqlState: '0A000',
      message: expect.stringContaining('column "v" is or has a VARIANT'),
    })
    expect(await rows(`COPY (id) FROM ${file} (FORMAT parquet)`)).toEqual([{ id: 1 }])
  })

  test('a server that does not say how many bytes come', async () => {
    const bytes = readFileSync(join(folder, 'two.parquet'))
    const server = createServer(({ url }, response) => {
      response.writeHead(200, { etag: '"1"' })
      response.write(bytes.subarray(0, 100))
      response.end(url === '/two.parquet' ? bytes.subarray(100) : Buffer.alloc(600 << 10))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const statement = (file: string) =>
        `COPY (big) FROM 'http://127.0.0.1:${(server.address() as AddressInfo).port}/${file}' (FORMAT parquet)`
      expect(await rows(statement('two.parquet'))).toEqual([{ big: 2 }])
      expect(await failed(rows(statement('large'), { memoryLimit: 1 << 20 }))).toMatchObject({
        sqlState: '0A000',
        message: expect.stringContaining('too large to be held'),
        detail: expect.stringContaining('524288 may be held'),
      })
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
  })

  afterAll(() => bench.close())

  test('a uuid beside another error is not told to be wrong, nor to be replaced', async () => {
    await bench.sql('CREATE TABLE u (id integer, u uuid, number integer)')
    const load = (options: string, call = {}) =>
      bench.db.copy(`COPY u FROM ${at('uuid.parquet')} (FORMAT parquet${options})`, call)
    expect(await failed(load(''))).toMatchObject({
      sqlState: '22P02',
      message: 'invalid input syntax for type integer: "x"',
      position: { column: 'number' },
    })
    const rejects: Reject[] = []
    await load(', ON_ERROR skip_row', { onReject: (reject: Reject) => rejects.push(reject) })
    expect(rejects.map(({ errors, raw }) => [errors.map(({ column }) => column), raw.toString()])).toEqual([
      [['number'], `{"id": 2, "u": "${IDS[1]}", "number": "x"}`],
    ])
    const replaced: ReplacedRow[] = []
    const receipt = await load(', ON_ERROR set_null', { onReplace: (row: ReplacedRow) => replaced.push(row) })
    expect(receipt.rowsReplaced).toBe(1)
    expect(replaced.flatMap(({ values }) => values.map(({ column }) => column))).toEqual(['number'])
    const stored = await bench.sql('SELECT id, u, number FROM u WHERE number IS NULL')
    expect(stored).toEqual([['2', IDS[1], null]])
  })

  test('a time of UTC stays that in whichever zone the session is', async () => {
    const client = bench.url === undefined ? undefined : new pg.Client({ connectionString: bench.url })
    await client?.connect()
    const db = client === undefined ? bench.db : await connect(client)
    try {
      if (client === undefined) await bench.sql(`SET GLOBAL TimeZone = 'Asia/Tokyo'`)
      else await client.query(`SET TimeZone = 'Asia/Tokyo'`)
      await bench.sql('CREATE TABLE clocks (one timetz, list timetz[], plain timetz)')
      await db.copy(`COPY clocks FROM ${at('clocks.parquet')} (FORMAT parquet)`)
    } finally {
      if (client === undefined) await bench.sql('RESET GLOBAL TimeZone')
      else await db.close()
      await client?.end()
    }
    const text = name === 'postgres' ? 'text' : 'VARCHAR'
    expect(
      await bench.sql(`SELECT one::${text}, list[1]::${text}, list[2]::${text}, plain::${text} FROM clocks`),
    ).toEqual([['05:00:00.5+00', '10:00:00+00', null, '10:00:00+09']])
  })

  test('a uuid is one in lists, structures, maps and texts', async () => {
    await bench.db.copy(`COPY made FROM ${at('uuids.parquet')} (FORMAT parquet, CREATE_TABLE)`)
    const [a, b] = IDS
    const text = name === 'postgres' ? 'text' : 'VARCHAR'
    const row = await bench.sql(`SELECT plain::${text}, list::${text}, pair::${text}, map::${text} FROM made`)
    expect(row).toEqual([
      [
        a,
        name === 'postgres' ? `{${a},NULL,${b}}` : `[${a}, NULL, ${b}]`,
        `{"u": "${b}", "more": ["${a}"]}`,
        `{"${a}": "${b}"}`,
      ].map((value, index) => (name === 'postgres' && index === 2 ? `{"u": "${b}", "more": ["${a}"]}` : value)),
    ])
    await bench.sql('CREATE TABLE texts (plain text)')
    await bench.db.copy(`COPY texts FROM ${at('uuids.parquet')} (FORMAT parquet)`)
    expect(await bench.sql('SELECT plain FROM texts')).toEqual([[a]])
    await bench.sql(`CREATE TABLE bytes (plain ${name === 'postgres' ? 'bytea' : 'BLOB'})`)
    await bench.db.copy(`COPY bytes FROM ${at('uuids.parquet')} (FORMAT parquet)`)
    const size = name === 'postgres' ? 'length(plain)' : 'octet_length(plain)'
    expect(await bench.sql(`SELECT ${size} FROM bytes`)).toEqual([['16']])
  })

  test('a number or an instant that loses nothing is a whole number or a day, and any other is an error of its row', async () => {
    await bench.sql('CREATE TABLE whole (id integer, d integer, f bigint, one smallint, day date)')
    const load = (options: string, call = {}) =>
      bench.db.copy(`COPY whole FROM ${at('whole.parquet')} (FORMAT parquet${options})`, call)
    expect(await failed(load(''))).toMatchObject({
      sqlState: '22003',
      message: 'value "5.01" of type Decimal128(30, 2) cannot be stored exactly in type integer',
      position: { column: 'd', line: 2 },
    })
    const rejects: Reject[] = []
    await load(', ON_ERROR skip_row', { onReject: (reject: Reject) => rejects.push(reject) })
    expect(await bench.sql('SELECT * FROM whole ORDER BY id')).toEqual([
      ['1', '5', '7', '2', expect.stringMatching(/2024-02-29|Feb 29 2024/)],
      ['7', null, null, null, null],
    ])
    const errors = rejects.flatMap(({ line, errors }) => errors.map(({ column, sqlState }) => [line, column, sqlState]))
    expect(errors).toEqual([
      [2, 'd', '22003'],
      [3, 'f', '22003'],
      [4, 'd', '22003'],
      [5, 'day', '22008'],
      [6, 'f', '22003'],
    ])
  })

  test('a number of 128 bits goes to what holds it', async () => {
    const [widest, list] = name === 'duckdb' ? ['HUGEINT', 'HUGEINT[]'] : ['numeric', 'numeric(39,0)[]']
    await bench.sql(`CREATE TABLE wide (i ${widest}, l ${list}); CREATE TABLE narrow (i bigint)`)
    const file = `'${join(files, 'int128.parquet')}'`
    await bench.db.copy(`COPY wide FROM ${file} (FORMAT parquet)`)
    expect(await bench.sql('SELECT i, l[1] FROM wide')).toEqual([
      ['1', '1'],
      ['-170141183460469231731687303715884105728', '1237940039285380274899124224'],
      [null, null],
    ])
    expect(await failed(bench.db.copy(`COPY narrow FROM ${file} (FORMAT parquet)`))).toMatchObject({
      sqlState: '22003',
    })
  })

  test('numbers that JSON has not are strings in it', async () => {
    await bench.sql(`CREATE TABLE nan (s ${name === 'postgres' ? 'jsonb' : 'JSON'})`)
    await bench.db.copy(`COPY nan FROM ${at('nan.parquet')} (FORMAT parquet)`)
    const field = (key: string) => (name === 'postgres' ? `s->>'${key}'` : `s->>'$.${key}'`)
    expect(await bench.sql(`SELECT ${field('f')}, ${field('g')}, ${field('i')} FROM nan`)).toEqual([
      ['NaN', '-Infinity', '7'],
    ])
    if (name === 'postgres') return
    await bench.sql('CREATE TABLE structs (s STRUCT(f DOUBLE, g DOUBLE, i INTEGER))')
    await bench.db.copy(`COPY structs FROM ${at('nan.parquet')} (FORMAT parquet)`)
    expect(await bench.sql('SELECT isnan(s.f), isinf(s.g), s.i FROM structs')).toEqual([['true', 'true', '7']])
  })

  test('single precision is the same number in double precision wherever it stands, and its shortest digits elsewhere', async () => {
    const record = name === 'postgres' ? 'doubles' : 'STRUCT(a double, b double[])'
    if (name === 'postgres') await bench.sql('CREATE TYPE doubles AS (a float8, b float8[])')
    const load = async (types: string) => {
      await bench.sql(`DROP TABLE IF EXISTS singles; CREATE TABLE singles (${types})`)
      await bench.db.copy(`COPY singles FROM ${at('singles.parquet')} (FORMAT parquet)`)
    }
    const double = '0.10000000149011612'
    await load(`f double precision, l double precision[], s ${record}`)
    expect(await bench.sql('SELECT f, l[1], l[2], (s).a, (s).b[1] FROM singles')).toEqual([
      [double, double, null, double, '0.30000001192092896'],
    ])
    await load('f numeric(9, 8), l numeric(9, 8)[], s text')
    expect(await bench.sql('SELECT f, l[1], s FROM singles')).toEqual([
      ['0.10000000', '0.10000000', '{"a": 0.1, "b": [0.3]}'],
    ])
    await load(`f text, l text[], s ${name === 'postgres' ? 'jsonb' : 'JSON'}`)
    expect(await bench.sql('SELECT f, l[1], s::text FROM singles')).toEqual([['0.1', '0.1', '{"a": 0.1, "b": [0.3]}']])
    const type = new Dictionary(new Float32(), new Int32(), 1)
    const dictionary = vectorFromArray([0.1], new Float32())
    const codes = makeVector(makeData({ type, length: 2, data: Int32Array.from([0, 0]), dictionary }))
    writeFileSync(join(folder, 'codes.arrow'), tableToIPC(new Table({ f: codes }), 'file'))
    await bench.sql('CREATE TABLE codes (f double precision)')
    await bench.db.copy(`COPY codes FROM ${at('codes.arrow')} (FORMAT arrow)`)
    expect(await bench.sql('SELECT f FROM codes')).toEqual([[double], [double]])
    const union = `'${folder}' (FORMAT parquet, FILES = ['single-list.parquet', 'double-list.parquet'], CREATE_TABLE)`
    await bench.db.copy(`COPY lists FROM ${union}`)
    expect(await bench.sql('SELECT l[1] FROM lists')).toEqual([[double], ['0.25']])
  })

  test('a table for several files has types that hold the values of each', async () => {
    const files = (list: string) => `'${folder}' (FORMAT parquet, FILES = [${list}], CREATE_TABLE)`
    await bench.db.copy(`COPY several FROM ${files(`'int.parquet', 'wide.parquet'`)}`)
    expect(await bench.sql('SELECT id, n, d FROM several ORDER BY id')).toMatchObject([
      ['1', expect.stringMatching(/^2(\.0)?$/), '1.500'],
      ['1099511627776', '7.25', '12345.678'],
    ])
    const explained = await bench.db.explain(`COPY another FROM ${files(`'int.parquet', 'text.parquet'`)}`)
    expect(explained.columns?.[1]?.type).toMatch(/^(?:text|VARCHAR)$/)
  })

  test('of fields of one name none is lost', async () => {
    const load = async (type: string) => {
      await bench.sql('DROP TABLE IF EXISTS pairs')
      await bench.sql(`CREATE TABLE pairs (s ${type})`)
      await bench.db.copy(`COPY pairs FROM ${at('pairs.arrow')} (FORMAT arrow)`)
      return bench.sql('SELECT s::text FROM pairs')
    }
    expect(await load('json')).toEqual([['{"a": 1, "A": 2, "a": 3}']])
    expect(await failed(load(name === 'postgres' ? 'jsonb' : 'STRUCT(a INT, b INT)'))).toMatchObject({
      sqlState: '42702',
      message: expect.stringContaining('column "s" has several fields'),
      hint: expect.stringContaining('json or text'),
    })
    const [row] = await rows(`COPY FROM ${at('pairs.arrow')} (FORMAT arrow)`)
    expect(row).toEqual({ s: '{"a": 1, "A": 2, "a": 3}' })
  })

  test('a column that several of the file may be is an error', async () => {
    await bench.sql('CREATE TABLE cased (id bigint, v text)')
    for (const list of ['', '(id, v) ']) {
      const error = await failed(bench.db.copy(`COPY cased ${list}FROM ${at('cases.arrow')} (FORMAT arrow)`))
      expect(error).toMatchObject({ sqlState: '42702', message: 'the input has 2 columns for column "id"' })
    }
    expect(await bench.sql('SELECT * FROM cased')).toEqual([])
  })

  test('columns that are matched by their places are as many as the list', async () => {
    const statement = `COPY fewer (x, y) FROM ${at('two.parquet')} (FORMAT parquet, MAP BY NAME false, CREATE_TABLE)`
    expect(await failed(bench.db.copy(statement))).toMatchObject({
      sqlState: '22P04',
      message: 'the input has 3 columns, and 2 are wanted',
      hint: expect.stringContaining('FILLER'),
    })
  })
})

describe('postgres', () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await (benches.find(({ name }) => name === 'postgres') as (typeof benches)[number]).open()
    await bench.sql('CREATE TYPE geo AS (lat float8, lon float8)')
    await bench.sql('CREATE TYPE address AS (street text, country text, geo geo, zip integer)')
    await bench.sql('CREATE TYPE pair AS (a integer, b integer)')
  })

  afterAll(() => bench.close())

  test('a key that comes twice is an error wherever a map goes to jsonb', async () => {
    const key = vectorFromArray(['k', 'k'], new Utf8())
    const value = vectorFromArray([1, 2], new Int32())
    const pairs = new Struct([new Field('key', key.type), new Field<Int32>('value', value.type, true)])
    const child = makeData({ type: pairs, length: 2, children: [key.data, value.data].flat() })
    const type = new Map_(new Field('entries', pairs) as never)
    const map = makeData({ type, length: 1, valueOffsets: Int32Array.from([0, 2]), child: child as never })
    const item = new Field('item', type)
    const list = makeData({ type: new List(item), length: 1, valueOffsets: Int32Array.from([0, 1]), child: map })
    const record = makeData({ type: new Struct([new Field('m', type)]), length: 1, children: [map] })
    writeFileSync(
      join(folder, 'keys.arrow'),
      tableToIPC(new Table({ l: makeVector(list), r: makeVector(record) }), 'file'),
    )
    await bench.sql('CREATE TYPE tagged AS (m jsonb); CREATE TYPE told AS (m json)')
    await bench.sql('CREATE TABLE keyed (l jsonb[], r tagged); CREATE TABLE texts (l json[], r told)')
    for (const column of ['l', 'r']) {
      const load = (table: string) => bench.db.copy(`COPY ${table} (${column}) FROM ${at('keys.arrow')} (FORMAT arrow)`)
      expect(await failed(load('keyed'))).toMatchObject({
        sqlState: '22P02',
        message: 'duplicate JSON object key value: "k"',
      })
      await load('texts')
    }
    expect(await bench.sql('SELECT l[1]::text, (r).m::text FROM texts')).toEqual([
      ['{"k": 1, "k": 2}', null],
      [null, '{"k": 1, "k": 2}'],
    ])
  })

  test('nanoseconds are an error whose hint cures it', async () => {
    const file = `FROM ${at('nanos.parquet')} (FORMAT parquet`
    expect(await failed(bench.db.copy(`COPY instants (id, seen) ${file}, CREATE_TABLE)`))).toMatchObject({
      sqlState: '22008',
      hint: expect.stringContaining('TRANSFORM (column text AS …)'),
    })
    await bench.sql('CREATE TABLE instants (id int, seen timestamp)')
    await bench.db.copy(`COPY instants ${file}, TRANSFORM (id, seen text AS left(seen, 26)::timestamp))`)
    expect(await bench.sql('SELECT seen::text FROM instants ORDER BY id')).toEqual([
      ['2020-01-01 00:00:00.123456'],
      ['2020-01-01 00:00:00'],
      [null],
    ])
  })

  test('a structure is no range', async () => {
    await bench.sql('CREATE TABLE spans (pair int4range)')
    const file = `FROM ${at('homes.parquet')} (FORMAT parquet`
    expect(await failed(bench.db.copy(`COPY spans ${file})`))).toMatchObject({
      sqlState: '42804',
      message: '"pair" is a structure, of which its type is not made',
      hint: expect.stringContaining('TRANSFORM (column jsonb AS …)'),
    })
    const range = "int4range((pair->>'f1')::int, (pair->>'f2')::int, '[]')"
    await bench.db.copy(`COPY spans ${file}, TRANSFORM (pair jsonb AS ${range}))`)
    expect(await bench.sql('SELECT pair::text FROM spans')).toEqual([['[7,9)'], ['(,)']])
  })

  test('a name that the server would cut is an error', async () => {
    const long = 'n'.repeat(64)
    writeFileSync(join(folder, 'long.arrow'), numbered(['id', long]))
    const file = `FROM ${at('long.arrow')} (FORMAT arrow, CREATE_TABLE`
    expect(await failed(bench.db.copy(`COPY long_names ${file})`))).toMatchObject({
      sqlState: '42622',
      message: `column "${'n'.repeat(63)}" of the new table has not the name that it has in the input`,
    })
    await bench.db.copy(`COPY long_names (id, n) ${file}, MAP BY NAME false)`)
    expect(await bench.sql('SELECT id, n FROM long_names')).toEqual([['1', '2']])
  })

  test('money is not rounded', async () => {
    await bench.sql('CREATE TABLE amounts (d money)')
    const error = await failed(bench.db.copy(`COPY amounts (d) FROM ${at('wide.parquet')} (FORMAT parquet)`))
    expect(error).toMatchObject({ sqlState: '22003', message: expect.stringContaining('"12345.678"') })
    await bench.db.copy(`COPY amounts (d) FROM ${at('int.parquet')} (FORMAT parquet)`)
    expect(await bench.sql('SELECT d::numeric FROM amounts')).toEqual([['1.50']])
  })

  test('what the server would cut or wrap around is an error of its row', async () => {
    await bench.sql(`CREATE DOMAIN number AS oid; CREATE TABLE limits
      (id int, days interval day, seconds interval second(0), o number, c "char", list oid[], x xid)`)
    const told: (readonly [line: number, code: string, message: string])[][] = []
    await bench.db.copy(`COPY limits FROM ${at('limits.parquet')} (FORMAT parquet, ON_ERROR skip_row)`, {
      onReject: ({ line, errors }) =>
        void told.push(errors.map(({ sqlState, message }) => [line, sqlState, message] as const)),
    })
    const exactly = (line: number, value: string, type: string) =>
      [
        line,
        '22008',
        `value "${value}" of type Interval(MonthDayNano) cannot be stored exactly in type ${type}`,
      ] as const
    const outOfRange = (line: number, value: string, type: string) =>
      [line, '22003', `value "${value}" is out of range for type ${type}`] as const
    const tooLong = (line: number) => [line, '22001', 'value too long for type "char"'] as const
    expect(told).toEqual([
      [
        exactly(2, '25:00:00', 'interval day'),
        exactly(2, '00:00:01.999', 'interval second(0)'),
        outOfRange(2, '-1', 'oid'),
        tooLong(2),
        outOfRange(2, '-1', 'oid'),
        outOfRange(2, '-1', 'xid'),
      ],
      [
        exactly(3, '00:00:01', 'interval day'),
        outOfRange(3, '4294967296', 'oid'),
        tooLong(3),
        outOfRange(3, '4294967296', 'xid'),
      ],
    ])
    expect(await bench.sql('SELECT * FROM limits ORDER BY id')).toEqual([
      ['1', expect.anything(), expect.anything(), '4294967295', 'a', expect.anything(), '7'],
      ['4', null, null, null, null, null, null],
    ])
    expect(await bench.sql('SELECT days::text, seconds::text, list::text FROM limits WHERE id = 1')).toEqual([
      ['2 days', '00:00:03', '{1}'],
    ])
    // A text says what the server makes of it, as in its own COPY.
    await bench.sql('TRUNCATE limits')
    await bench.db.copy('COPY limits (days, seconds, o) FROM STDIN (FORMAT csv)', { stdin: ['25:00:00,1.9,-1\n'] })
    expect(await bench.sql('SELECT days::text, seconds::text, o FROM limits')).toEqual([
      ['00:00:00', '00:00:02', '4294967295'],
    ])
  })

  test('a column of the file goes to one column of the table', async () => {
    await bench.sql('CREATE TABLE one_of_two (a int, "A" int)')
    await bench.db.copy(`COPY one_of_two FROM ${at('one.arrow')} (FORMAT arrow)`)
    expect(await bench.sql('SELECT * FROM one_of_two')).toEqual([['1', null]])
    await bench.sql('CREATE TABLE neither (aa int, "AA" int)')
    expect(await failed(bench.db.copy(`COPY neither FROM ${at('other.arrow')} (FORMAT arrow)`))).toMatchObject({
      sqlState: '42702',
      message: 'the input\'s column "Aa" may be column "aa" or "AA"',
      hint: 'Write it as the column is written, or say MAP BY NAME false.',
    })
  })

  test.each(['', ', ON_ERROR skip_row'])(
    'structures go to composite types by the names of attributes%s',
    async (more) => {
      await bench.sql('DROP TABLE IF EXISTS homes')
      await bench.sql('CREATE TABLE homes (home address, points geo[], pair pair)')
      await bench.db.copy(`COPY homes FROM ${at('homes.parquet')} (FORMAT parquet${more})`)
      expect(await bench.sql('SELECT (home).street, (home).country, (home).zip, ((home).geo).* FROM homes')).toEqual([
        ['Main "st", \\1', null, '123', '2.5', '1.5'],
        [null, null, null, null, null],
      ])
      expect(await bench.sql('SELECT points, pair FROM homes')).toEqual([
        ['{"(1,2)",NULL,"(3,)"}', '(7,8)'],
        ['{}', null],
      ])
    },
  )

  test('a field that is no attribute is told before any row', async () => {
    await bench.sql('CREATE TABLE places (at geo, points geo[])')
    const load = (column: string, more: string) =>
      failed(bench.db.copy(`COPY places (${column}) FROM ${at('extra.parquet')} (FORMAT parquet${more})`))
    expect(await load('at', ', ON_ERROR skip_row')).toMatchObject({
      sqlState: '42703',
      message: 'field "alt" of column "at" is no attribute of its type',
      detail: 'The attributes are "lat", "lon".',
    })
    expect(await load('points', '')).toMatchObject({
      message: 'field "Alt" of column "points" is no attribute of its type',
    })
  })

  test('lists that no array is are errors of their rows', async () => {
    await bench.sql('CREATE TABLE nested (id integer, numbers integer[], texts text[])')
    const rejects: Reject[] = []
    const statement = `COPY nested FROM ${at('nested.parquet')} (FORMAT parquet, ON_ERROR skip_row)`
    await bench.db.copy(statement, { onReject: (reject) => rejects.push(reject) })
    expect(await bench.sql('SELECT id, numbers::text, texts::text FROM nested ORDER BY id')).toEqual([
      ['4', '{}', '{}'],
      ['5', null, null],
    ])
    const errors = rejects.map(({ line, errors }) => [line, errors.map(({ column, sqlState }) => [column, sqlState])])
    expect(errors).toEqual([
      [
        1,
        [
          ['numbers', '22P02'],
          ['texts', '22P02'],
        ],
      ],
      [
        2,
        [
          ['numbers', '2202E'],
          ['texts', '2202E'],
        ],
      ],
      [3, [['numbers', '2202E']]],
    ])
  })
})

describe('duckdb', () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await (benches.find(({ name }) => name === 'duckdb') as (typeof benches)[number]).open()
    await bench.sql('CREATE TABLE nested (id INTEGER, numbers INTEGER[][], texts VARCHAR[][], small TINYINT[][][])')
  })

  afterAll(() => bench.close())

  test('a table that is made keeps nanoseconds', async () => {
    const statement = `COPY nanos FROM ${at('nanos.parquet')} (FORMAT parquet, CREATE_TABLE)`
    const { columns } = await bench.db.explain(`EXPLAIN ${statement}`)
    const types = ['INTEGER', 'VARCHAR', 'TIMESTAMP_NS', 'TIMESTAMP_NS[]', 'TIME_NS']
    expect(columns?.map(({ type }) => type)).toEqual(types)
    await bench.db.copy(statement)
    expect((await bench.sql('DESCRIBE nanos')).map(([, type]) => type)).toEqual(types)
    expect(await bench.sql(`FROM nanos EXCEPT ALL FROM read_parquet(${at('nanos.parquet')})`)).toEqual([])
    const files = `FORMAT parquet, CREATE_TABLE, FILES = ['nanos.parquet', 'micros.parquet']`
    const error = failed(bench.db.copy(`COPY both_units (id, seen) FROM '${folder}' (${files})`))
    expect(await error).toMatchObject({ sqlState: '22008', message: expect.stringContaining('type timestamp') })
  })

  test('BIGNUM has whole numbers only', async () => {
    await bench.sql('CREATE TABLE big (d BIGNUM)')
    const error = await failed(bench.db.copy(`COPY big FROM ${at('wide.parquet')} (FORMAT parquet)`))
    expect(error).toMatchObject({ sqlState: '22003', message: expect.stringContaining('"12345.678"') })
    await bench.sql('CREATE TABLE huge (id BIGNUM)')
    await bench.db.copy(`COPY huge FROM ${at('wide.parquet')} (FORMAT parquet)`)
    expect(await bench.sql('SELECT id::text FROM huge')).toEqual([['1099511627776']])
  })

  test('a text is as it was within any number of structures', async () => {
    await bench.sql(
      `CREATE TABLE deep (row ${DEEP.type}); CREATE TABLE pairs (row STRUCT(a MAP(VARCHAR, STRUCT(s VARCHAR))[]))`,
    )
    await bench.db.copy(`COPY deep (row) FROM ${at('deep.parquet')} (FORMAT parquet, MAP BY NAME false)`)
    const left = (table: string, file: string) => [
      `FROM ${table} EXCEPT ALL FROM read_parquet(${at(file)})`,
      `FROM read_parquet(${at(file)}) EXCEPT ALL FROM ${table}`,
    ]
    await bench.sql(
      `COPY (SELECT {'a': [MAP {'k': {'s': 'x}'}, ']': {'s': 'a'}}, MAP {'{': {'s': '\\]'''}}, NULL]} AS row) TO ${at('ends.parquet')}`,
    )
    await bench.db.copy(`COPY pairs FROM ${at('ends.parquet')} (FORMAT parquet)`)
    for (const query of [...left('deep', 'deep.parquet'), ...left('pairs', 'ends.parquet')]) {
      expect(await bench.sql(query)).toEqual([])
    }
    expect(await bench.sql('SELECT count(*) FROM deep')).toEqual([['5']])
  })

  test('lists in lists are of any lengths, empty and missing', async () => {
    await bench.db.copy(`COPY nested FROM ${at('nested.parquet')} (FORMAT parquet)`)
    const [[differ]] = (await bench.sql(
      `SELECT count(*) FROM (FROM nested EXCEPT ALL FROM read_parquet(${at('nested.parquet')}))`,
    )) as [[string]]
    expect(differ).toBe('0')
    expect(await bench.sql('SELECT count(*) FROM nested')).toEqual([['5']])
    // Of text and of a program, too.
    await bench.db.copy('COPY nested (id, numbers, texts) FROM STDIN', {
      stdin: ['6\t{{1},{},NULL,{NULL,2}}\t{{"a]","\\\\\\\\"},{}}\n', '7\t{}\t{NULL}\n'],
    })
    const row = { id: 8, numbers: [[1], [], null, [null, 2]], texts: [['a]', '\\'], []] }
    await bench.db.copy('COPY nested FROM STDIN', { rows: [row] })
    const told = await bench.sql('SELECT to_json(numbers), to_json(texts) FROM nested WHERE id > 5 ORDER BY id')
    const [numbers, texts] = [JSON.stringify(row.numbers), JSON.stringify(row.texts)]
    expect(told).toEqual([
      [numbers, texts],
      ['[]', '[null]'],
      [numbers, texts],
    ])
    const flat = bench.db.copy('COPY nested (numbers) FROM STDIN', { stdin: ['{1,2}\n'] })
    expect(await failed(flat)).toMatchObject({
      sqlState: '0A000',
      message: 'array "{1,2}" cannot be stored in DuckDB',
      detail: 'Its lists nest 1 deep, those of the column 2.',
    })
  })
})
