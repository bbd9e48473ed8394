import { once } from 'node:events'
import {
  copyFileSync,
  createReadStream,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { inflateSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import {
  Bool,
  type DataType,
  Dictionary,
  Field,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ReadColumn, type ReadOptions, type ReadReceipt, type Reject, read } from '../../lib/index.ts'
import { readHead } from '../../lib/native/open.ts'
import { listening } from '../listening.ts'

let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-read-'))
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const write = (name: string, query: string) =>
    connection.run(`COPY (${query}) TO '${join(folder, name)}' (FORMAT parquet)`)
  await write('a.parquet', `SELECT i::INT AS id, 'n' || i AS note, i * 2 AS extra FROM range(1, 4) r(i)`)
  await write('empty.parquet', 'SELECT 1::INT AS id, [1, 2] AS list WHERE false')
  await write('lacks.parquet', 'SELECT 0::INT AS id')
  await write(
    'types.parquet',
    `SELECT true AS b, 1::TINYINT AS i1, 2::SMALLINT AS i2, 3::INTEGER AS i4, 4::BIGINT AS i8, 5::UTINYINT AS u1, 6::USMALLINT AS u2,
       7::UINTEGER AS u4, 18446744073709551615::UBIGINT AS u8, 1.5::FLOAT AS f4, 2.5::DOUBLE AS f8, -12.50::DECIMAL(10, 2) AS d,
       'été 😀' AS t, '\\x00\\xFF'::BLOB AS y, DATE '2024-02-29' AS day, TIME '12:34:56.789' AS clock,
       TIMESTAMP '2024-02-29 12:34:56.789012' AS at, TIMESTAMPTZ '2024-02-29 12:34:56+00' AS tz,
       '00000000-0000-0000-0000-00000000000a'::UUID AS id, [1, NULL, 3] AS list, ['a', 'b😀'] AS words, {'a': 1} AS s
     UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL`,
  )
  await write(
    'bad.parquet',
    `SELECT i::INT AS id, CASE WHEN i % 3 = 0 THEN 'x' ELSE i::VARCHAR END AS number, [i] AS list FROM range(1, 8) r(i)`,
  )
  await write('two.parquet', `SELECT i::BIGINT AS id, [i::VARCHAR] AS list FROM range(4, 6) r(i)`)
  await write(
    'many.parquet',
    `SELECT i::INT AS id, [i, i + 1] AS list, 'word ' || i AS note, i / 4 AS quarter FROM range(0, 300000) r(i)`,
  )
  await write('large.parquet', `SELECT unnest([1, 2, 9007199254740993, 4]) AS a`)
  await write('lists.parquet', `SELECT unnest([[1], [2], [3, 9007199254740993], [4]]) AS a`)
  await write('columns.parquet', `SELECT ${Array.from({ length: 1000 }, (_, index) => `${index} AS c${index}`)}`)
  connection.closeSync()
  instance.closeSync()
  const big = Array.from({ length: 400_000 }, (_, row) => `${row},name ${row % 7},${row / 4},2024-01-0${1 + (row % 9)}`)
  writeFileSync(join(folder, 'big.csv'), `id,name,quarter,day\n${big.join('\n')}\n`)
})

afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string) => `'${join(folder, name)}'`
const CSV = 'COPY FROM STDIN (FORMAT csv, HEADER)'

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

const rows = (statement: string, options?: ReadOptions) => all(read(statement, options).rows())

/** The columns in the words of a test. */
function plain(columns: readonly ReadColumn[]): Record<string, unknown> {
  return Object.fromEntries(columns.map(({ name, type, values }) => [name, [type, Array.from(values as number[])]]))
}

/** Descriptors that lead into the folder, and threads of decoders. */
function held(): { readonly files: number; readonly threads: number } {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  const threads = readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8').match(/^copyist-\d+$/m) !== null
    } catch {
      return false
    }
  })
  return { files: links.filter((link) => link.startsWith(folder)).length, threads: threads.length }
}

const NOTHING = { files: 0, threads: 0 }

describe('rows', () => {
  test('have the types that all values of a CSV file prove', async () => {
    const stdin = [
      'i,big,f,d,t,b,day,at,zoned,id,clock,no',
      `1,3000000000,1.5,12345678901234567890.25,a,true,2024-02-29,2024-02-29 12:00:00.5,2024-02-29T12:00:00+02,00000000-0000-0000-0000-00000000000A,12:30:00,`,
      '-2,1,2,1.5,"b ""q"" é",false,1969-12-31,1970-01-01 00:00:00,1970-01-01T00:00:00Z,ffffffff-0000-0000-0000-000000000000,00:00:01.25,',
    ].join('\n')
    const reading = read(CSV, { stdin })
    expect(reading.receipt).toBeUndefined()
    expect(await all(reading.rows())).toEqual([
      {
        i: 1,
        big: 3000000000n,
        f: 1.5,
        d: '12345678901234567890.25',
        t: 'a',
        b: true,
        day: new Date('2024-02-29'),
        at: new Date('2024-02-29T12:00:00.500Z'),
        zoned: new Date('2024-02-29T10:00:00Z'),
        id: '00000000-0000-0000-0000-00000000000a',
        clock: '12:30:00',
        no: null,
      },
      {
        i: -2,
        big: 1n,
        f: 2,
        d: '1.50',
        t: 'b "q" é',
        b: false,
        day: new Date('1969-12-31'),
        at: new Date(0),
        zoned: new Date(0),
        id: 'ffffffff-0000-0000-0000-000000000000',
        clock: '00:00:01.25',
        no: null,
      },
    ])
    expect(reading.receipt?.columns).toEqual([
      { name: 'i', type: 'integer' },
      { name: 'big', type: 'bigint' },
      { name: 'f', type: 'double precision' },
      { name: 'd', type: 'numeric(22,2)' },
      { name: 't', type: 'text' },
      { name: 'b', type: 'boolean' },
      { name: 'day', type: 'date' },
      { name: 'at', type: 'timestamp without time zone' },
      { name: 'zoned', type: 'timestamp with time zone' },
      { name: 'id', type: 'uuid' },
      { name: 'clock', type: 'time without time zone' },
      { name: 'no', type: 'text' },
    ])
  })

  test('have the types that are given', async () => {
    const columns = {
      a: 'bigint',
      b: 'text',
      c: 'numeric(6, 1)',
      d: 'timetz',
      e: 'interval',
      f: 'bytea',
      g: 'json',
      h: 'smallint',
      i: 'real',
    }
    const stdin = '1,002,3.14,12:00+02,1 day 2 hours,\\x00ff,"{""a"": 1}",7,0.5\n,,,,,,,,\n'
    expect(await rows('COPY FROM STDIN (FORMAT csv)', { stdin, columns })).toEqual([
      {
        a: 1n,
        b: '002',
        c: '3.1',
        d: '12:00:00+02:00:00',
        e: '1 day 02:00:00',
        f: Uint8Array.of(0, 255),
        g: '{"a": 1}',
        h: 7,
        i: 0.5,
      },
      { a: null, b: null, c: null, d: null, e: null, f: null, g: null, h: null, i: null },
    ])
  })

  test('of Parquet have the types of its columns', async () => {
    const [row, nulls] = await rows(`COPY FROM ${file('types.parquet')} (FORMAT parquet)`)
    expect(row).toEqual({
      b: true,
      i1: 1,
      i2: 2,
      i4: 3,
      i8: 4n,
      u1: 5,
      u2: 6,
      u4: 7n,
      u8: '18446744073709551615',
      f4: 1.5,
      f8: 2.5,
      d: '-12.50',
      t: 'été 😀',
      y: Uint8Array.of(0, 255),
      day: new Date('2024-02-29'),
      clock: '12:34:56.789',
      at: new Date('2024-02-29T12:34:56.789Z'),
      tz: new Date('2024-02-29T12:34:56Z'),
      id: '00000000-0000-0000-0000-00000000000a',
      list: [1, null, 3],
      words: ['a', 'b😀'],
      s: '{"a": 1}',
    })
    expect(new Set(Object.values(nulls ?? {}))).toEqual(new Set([null]))
  })

  test('have 64 bits as numbers, and dates as milliseconds, where that is asked for', async () => {
    const options = { int64: 'number', dates: 'number' } as const
    const stdin = 'a,at\n9007199254740991,2024-01-01 00:00:00.000250\n-3000000000,infinity\n'
    const columns = { a: 'bigint', at: 'timestamp' }
    expect(await rows(CSV, { stdin, columns, ...options })).toEqual([
      { a: 9007199254740991, at: Date.UTC(2024, 0, 1) + 0.25 },
      { a: -3000000000, at: Number.POSITIVE_INFINITY },
    ])
    const tooLarge = rows(CSV, { stdin: 'a\n1\n9007199254740993\n', columns: { a: 'bigint' }, ...options })
    await expect(tooLarge).rejects.toMatchObject({
      sqlState: '22003',
      message: expect.stringContaining('9007199254740993'),
    })
  })

  test.each([
    ['rows', 'csv', 'a,b\n1,"x\ny"\n2,\n9007199254740993,x\n4,\n', 'line', 5],
    ['columnBatches', 'csv', 'a,b\n1,"x\ny"\n2,\n-9007199254740993,x\n4,\n', 'line', 5],
    ['rows', 'parquet', 'large.parquet', 'row', 3],
    ['columnBatches', 'parquet', 'lists.parquet', 'row', 3],
  ] as const)(
    '%s of %s before one with an integer that no number is are handed out, and its place is told',
    async (form, format, from, unit, line) => {
      const isFile = format === 'parquet'
      const statement = isFile
        ? `COPY FROM ${file(from)} (FORMAT parquet)`
        : 'COPY FROM STDIN (FORMAT csv, HEADER, ON_ERROR skip_row)'
      const options = { int64: 'number', ...(!isFile && { stdin: from, columns: { a: 'bigint', b: 'text' } }) } as const
      const found: unknown[] = []
      const reading = (async () => {
        if (form === 'rows') for await (const { a } of read(statement, options).rows()) found.push(a)
        else
          for await (const [a] of read(statement, options).columnBatches())
            found.push(...Array.from(a?.values as number[]))
      })()
      await expect(reading).rejects.toMatchObject({
        sqlState: '22003',
        position: { line, column: 'a', file: isFile ? from && join(folder, from) : 'STDIN' },
        context: expect.stringContaining(`${unit} ${line}, column a: "`),
      })
      expect(found).toEqual(from === 'lists.parquet' ? [[1], [2]] : [1, 2])
    },
  )

  test('that are dates do not become later ones', async () => {
    const texts = [
      '1969-12-31T23:59:59.999999',
      '1969-12-31T23:59:59.5',
      '9999-12-31T23:59:59.999999',
      '6004-08-24T19:39:18.345',
      '5302-10-19T06:46:03.521',
      '0001-01-01T00:00:00.000001',
    ]
    const wanted = texts.map((text) => `${text}000`.slice(0, 23)).map((text) => `${text}Z`)
    const options = { stdin: texts.join('\n'), columns: { at: 'timestamp' } }
    const found = await rows('COPY FROM STDIN (FORMAT csv)', options)
    expect(found.map(({ at }) => (at as Date).toISOString())).toEqual(wanted)
    const [column] = await read('COPY FROM STDIN (FORMAT csv)', options).columns()
    const floors = Array.from(column?.values as Float64Array, Math.floor)
    expect(floors.map((millis) => new Date(millis).toISOString())).toEqual(wanted)
  })

  test('that are no Date are the number', async () => {
    const columns = { day: 'date', at: 'timestamptz' }
    const stdin = 'infinity,-infinity\n-infinity,2024-01-01\n5000000-01-01,294246-12-31\n'
    const found = await rows('COPY FROM STDIN (FORMAT csv)', { stdin, columns })
    expect(found[0]).toEqual({ day: Number.POSITIVE_INFINITY, at: Number.NEGATIVE_INFINITY })
    expect(found[1]).toEqual({ day: Number.NEGATIVE_INFINITY, at: new Date('2024-01-01') })
    expect(found[2]?.day).toBeGreaterThan(8.64e15)
    expect(found[2]?.at).toBeGreaterThan(8.64e15)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 12])('have %i columns, in the order of the input', async (count) => {
    const names = Array.from({ length: count }, (_, index) => (index === 9 ? '__proto__' : `c${count - index}`))
    const stdin = `${names.join(',')}\n${names.map((_, index) => index).join(',')}\n${names.map((_, index) => (index === 0 ? '1' : '')).join(',')}\n`
    const found = await rows(CSV, { stdin })
    expect(found.map((row) => Object.entries(row))).toEqual([
      names.map((name, index) => [name, index]),
      names.map((name, index) => [name, index === 0 ? 1 : null]),
    ])
  })

  test('may have any names', async () => {
    const [row] = await rows(CSV, { stdin: '__proto__,constructor,7\n1,2,3\n' })
    expect(Object.entries(row ?? {})).toEqual(
      [
        ['__proto__', 1],
        ['constructor', 2],
        ['7', 3],
      ].sort(([a], [b]) => (a === '7' ? -1 : b === '7' ? 1 : 0)),
    )
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
  })
})

describe('formats and options', () => {
  test('are those of a load', async () => {
    expect(await rows('COPY FROM STDIN', { stdin: '1\ta\\tb\n2\t\\N\n' })).toEqual([
      { column1: 1, column2: 'a\tb' },
      { column1: 2, column2: null },
    ])
    expect(await rows("COPY (a, b) FROM STDIN (FORMAT csv, DELIMITER ';', NULL '-')", { stdin: '1;x\n-;y\n' })).toEqual(
      [
        { a: 1, b: 'x' },
        { a: null, b: 'y' },
      ],
    )
    const fixed = 'COPY FROM STDIN (FORMAT fixed, FORMATTER (a(0, 2), b(2, 3)))'
    expect(await rows(fixed, { stdin: '12abc\n 3de \n' })).toEqual([
      { a: 12, b: 'abc' },
      { a: 3, b: 'de' },
    ])
    const latin = { stdin: Buffer.from('a\ncaf\xe9\n', 'latin1') }
    expect(await rows("COPY FROM STDIN (FORMAT csv, HEADER, ENCODING 'LATIN1')", latin)).toEqual([{ a: 'café' }])
    const dates = { stdin: '31.12.2023\n', columns: { day: 'date' } }
    expect(await rows("COPY FROM STDIN (FORMAT csv, DATE_FORMAT 'DD.MM.YYYY')", dates)).toEqual([
      { day: new Date('2023-12-31') },
    ])
  })

  test('that change nothing are told', async () => {
    const receipt = async (stdin: string) => {
      const reading = read("COPY FROM STDIN (FORMAT csv, DELIMITER ';', DECIMAL_SEPARATOR ',')", { stdin })
      await all(reading.rows())
      return reading.receipt
    }
    expect((await receipt('1;x\n'))?.notes).toEqual([
      {
        option: 'DECIMAL_SEPARATOR',
        reason: 'no column that is loaded holds numbers with a decimal mark, and it changes nothing here',
      },
    ])
    expect(await receipt('1,5;x\n')).not.toHaveProperty('notes')
  })

  test('leave out, make and match columns', async () => {
    const stdin = 'a,b,c\n1,x,2.5\n2,y,3.5\n'
    expect(await rows('COPY (a, b, c) FROM STDIN (FORMAT csv, HEADER, FILLER (b))', { stdin })).toEqual([
      { a: 1, c: 2.5 },
      { a: 2, c: 3.5 },
    ])
    expect(await rows("COPY FROM STDIN (FORMAT csv, HEADER, WHEN b = 'y', CONSTANT (k 'z'))", { stdin })).toEqual([
      { a: 2, b: 'y', c: 3.5, k: 'z' },
    ])
    const columns = { c: 'numeric(4,2)', a: 'text' }
    expect(await rows('COPY FROM STDIN (FORMAT csv, HEADER, MAP BY NAME)', { stdin, columns })).toEqual([
      { c: '2.50', a: '1' },
      { c: '3.50', a: '2' },
    ])
  })

  test("are those of QuestDB's statements, too", async () => {
    const stdin = 'a,b\n1,x\n'
    expect(await rows("COPY FROM STDIN (DIALECT 'questdb', HEADER true)", { stdin })).toEqual([{ a: 1, b: 'x' }])
    expect(await rows("COPY FROM STDIN (DIALECT 'questdb')", { stdin })).toEqual([{ a: 1, b: 'x' }])
    await expect(rows('COPY FROM STDIN (FORMAT csv, CREATE_TABLE)', { stdin })).rejects.toMatchObject({
      sqlState: '0A000',
    })
  })

  test('binary needs types', async () => {
    const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
    const tuple = Buffer.from([0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 1, 0x61, 0xff, 0xff])
    const stdin = Buffer.concat([signature, Buffer.alloc(8), tuple])
    expect(await rows('COPY FROM STDIN (FORMAT binary)', { stdin, columns: { a: 'int', b: 'text' } })).toEqual([
      { a: 7, b: 'a' },
    ])
    await expect(rows('COPY FROM STDIN (FORMAT binary)', { stdin })).rejects.toMatchObject({ sqlState: '0A000' })
  })

  test('of columns: chosen by name, from files and streams', async () => {
    const parquet = `COPY (note, id) FROM ${file('a.parquet')} (FORMAT parquet)`
    expect(await rows(parquet)).toEqual([1, 2, 3].map((id) => ({ note: `n${id}`, id })))
    const given = { columns: { id: 'text', extra: 'int' } }
    const streamed = { ...given, stdin: createReadStream(join(folder, 'a.parquet')) }
    expect(await rows('COPY FROM STDIN (FORMAT parquet)', streamed)).toEqual(
      [1, 2, 3].map((id) => ({ id: String(id), extra: 2 * id })),
    )
    const later = `'${folder}' (FORMAT parquet, FILES = ['lacks.parquet', 'a.parquet']`
    await expect(rows(`COPY FROM ${later})`)).rejects.toMatchObject({
      sqlState: '22P04',
      message: `file "${join(folder, 'a.parquet')}" has a column "note", which file "${join(folder, 'lacks.parquet')}" has not`,
    })
    const ids = [0, 1, 2, 3].map((id) => ({ id }))
    expect(await rows(`COPY (id) FROM ${later})`)).toEqual(ids)
    expect(await rows(`COPY FROM ${later})`, { columns: { id: 'int' } })).toEqual(ids)
    const table = await read(`COPY FROM ${file('types.parquet')} (FORMAT parquet)`).table<Table>()
    const arrow = { stdin: Buffer.from(tableToIPC(table, 'file')) }
    expect(await rows('COPY FROM STDIN (FORMAT arrow)', arrow)).toEqual(
      await rows(`COPY FROM ${file('types.parquet')} (FORMAT parquet)`),
    )
  })

  test('of columns: the event loop goes on while a footer is read', async () => {
    let turns = 0
    const turn = () => {
      turns += 1
      next = setImmediate(turn)
    }
    let next = setImmediate(turn)
    const path = join(folder, 'columns.parquet')
    const { columns } = await readHead('parquet', { kind: 'file', path, name: path })
    clearImmediate(next)
    expect(columns.length).toBe(1000)
    expect(turns).toBeGreaterThan(0)
  })

  test('of several files', async () => {
    for (const name of ['1', '2']) writeFileSync(join(folder, `part${name}.csv`), `a\n${name}\n`)
    const reading = read(`COPY FROM '${folder}' (FORMAT csv, HEADER, FILES ['part2.csv', 'part1.csv'])`)
    expect(await all(reading.rows())).toEqual([{ a: 2 }, { a: 1 }])
    expect(reading.receipt?.files.map(({ rows, rowsReturned }) => [rows, rowsReturned])).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  test('of an HTTP server, with columns that are given or proven', async () => {
    const server = createServer((_, answer) => answer.end('a,b\n1,x\n'))
    const statement = `COPY FROM '${await listening(server)}/x.csv' (FORMAT csv, HEADER)`
    try {
      expect(await rows(statement, { columns: { a: 'int', b: 'text' } })).toEqual([{ a: 1, b: 'x' }])
      expect(await rows(statement)).toEqual([{ a: 1, b: 'x' }])
    } finally {
      server.close()
    }
  })

  test.each([
    ['COPY t FROM STDIN', '42601'],
    ['COPY FROM STDIN (FORMAT csv) WHERE a > 1', '0A000'],
    ["COPY FROM STDIN (FORMAT csv, LOAD_KEY 'k')", '0A000'],
    ["COPY FROM STDIN (FORMAT csv, REJECT_BYTES '1kB', ON_ERROR skip_row)", '0A000'],
    ['COPY FROM STDIN (FORMAT csv, CREATE_TABLE)', '0A000'],
    ["COPY FROM STDIN (FORMAT csv, DEFAULT '-')", '0A000'],
    ['COPY FROM STDIN (FORMAT csv, FREEZE)', '0A000'],
    ['EXPLAIN COPY FROM STDIN', '0A000'],
    ['COPY FROM STDIN ON CONFLICT DO NOTHING', '42601'],
  ])('without a table there is no %s', async (statement, sqlState) => {
    await expect(rows(statement, { stdin: 'a\n' })).rejects.toMatchObject({ sqlState })
  })

  test.each([
    [{ columns: { a: 'geometry' } }, '42704'],
    [{ columns: { a: 'int[]' } }, '0A000'],
    [{ columns: { a: 'int(3)' } }, '22023'],
    [{ columns: {} }, '22023'],
    [{ int64: 'string' }, '22023'],
    [{ createTable: true }, '22023'],
  ])('options that are none are refused: %j', async (options, sqlState) => {
    await expect(rows(CSV, { stdin: 'a\n1\n', ...options } as ReadOptions)).rejects.toMatchObject({ sqlState })
  })

  test('under rules of access what they do not allow is not read', async () => {
    const closed = rows(`COPY FROM ${file('big.csv')} (FORMAT csv)`, { access: 'closed' })
    await expect(closed).rejects.toMatchObject({ sqlState: '42501' })
  })
})

describe('columns', () => {
  test('are typed arrays over the whole', async () => {
    const stdin = 'i,f,t,b,d\n1,1.5,a,true,2024-01-01\n,,,,\n3,2.5,c,false,1970-01-02\n'
    const reading = read(CSV, { stdin })
    const columns = await reading.columns()
    expect(plain(columns)).toEqual({
      i: ['integer', [1, 0, 3]],
      f: ['double precision', [1.5, 0, 2.5]],
      t: ['text', ['a', null, 'c']],
      b: ['boolean', [1, 0, 0]],
      d: ['date', [Date.UTC(2024, 0, 1), 0, 86_400_000]],
    })
    expect(columns[0]?.values).toBeInstanceOf(Int32Array)
    expect(columns.map(({ validity }) => (validity?.[0] ?? 255) & 7)).toEqual([5, 5, 5, 5, 5])
    expect(reading.receipt).toMatchObject({ rowsRead: 3, rowsReturned: 3, headerLines: 1 })
  })

  test('of many batches are put together, with their NULLs', async () => {
    const count = 200_000
    const lines = Array.from({ length: count }, (_, row) => (row % 1000 === 7 ? '' : `${row},v${row}`)).map(
      (line) => line || ',',
    )
    const columns = await read('COPY FROM STDIN (FORMAT csv)', {
      stdin: lines.join('\n'),
      memoryLimit: 4 << 20,
    }).columns()
    const [ids, texts] = columns
    expect(ids?.length).toBe(count)
    expect(ids?.values.length).toBe(count)
    for (let row = 0; row < count; row += 1) {
      const isNull = row % 1000 === 7
      const bit = ((ids?.validity?.[row >> 3] ?? 0) >> (row & 7)) & 1
      if (bit !== (isNull ? 0 : 1) || ids?.values[row] !== (isNull ? 0 : row)) throw new Error(`row ${row}`)
      if (texts?.values[row] !== (isNull ? null : `v${row}`)) throw new Error(`row ${row}`)
    }
  })

  test('come in batches whose arrays are the caller’s', async () => {
    const batches = await all(read(`COPY FROM ${file('big.csv')} (FORMAT csv, HEADER)`).columnBatches())
    expect(batches.length).toBeGreaterThan(3)
    let row = 0
    for (const [ids, names, , days] of batches) {
      for (let index = 0; index < (ids?.length ?? 0); index += 1) {
        const isRight = ids?.values[index] === row && names?.values[index] === `name ${row % 7}`
        if (!isRight || days?.values[index] !== Date.UTC(2024, 0, 1 + (row % 9))) throw new Error(`row ${row}`)
        row += 1
      }
    }
    expect(row).toBe(400_000)
  })

  test('of Parquet have their lists and decimals', async () => {
    const columns = await read(`COPY FROM ${file('many.parquet')} (FORMAT parquet)`).columns()
    expect(columns.map(({ type }) => type)).toEqual(['integer', 'bigint[]', 'text', 'double precision'])
    const at = (row: number) => columns.map(({ values }) => values[row])
    for (const row of [0, 1, 123_456, 299_999]) {
      expect(at(row)).toEqual([row, [BigInt(row), BigInt(row + 1)], `word ${row}`, row / 4])
    }
  })

  test('of Parquet may be given as the lists that they are', async () => {
    const given = (columns: Record<string, string>) =>
      read(`COPY FROM ${file('many.parquet')} (FORMAT parquet)`, { columns }).columns()
    const own = await read(`COPY FROM ${file('many.parquet')} (FORMAT parquet)`).columns()
    const [name, list] = [own[1]?.name ?? '', own[1]]
    const [found] = await given({ [name]: 'bigint[]' })
    expect(found?.type).toBe('bigint[]')
    expect(found?.values.length).toBe(300_000)
    expect(found?.values[123_456]).toEqual(list?.values[123_456])
    await expect(given({ [name]: 'int[]' })).rejects.toMatchObject({
      sqlState: '0A000',
      message: expect.stringContaining('as integer[]: it is bigint[] there'),
      hint: 'Give it the type bigint[] or jsonb.',
    })
    await expect(given({ [own[0]?.name ?? '']: 'int[]' })).rejects.toMatchObject({
      sqlState: '0A000',
      hint: 'Give it the type integer.',
    })
  })

  test.each(['file', 'stream'] as const)('of a dictionary of lists in an Arrow %s have the lists', async (form) => {
    const lists = (values: unknown[], type: DataType) =>
      vectorFromArray(values, new List(new Field('item', type, true)))
    const coded = (dictionary: Vector) =>
      makeData({
        type: new Dictionary(dictionary.type, new Int32()),
        length: 4,
        nullCount: 1,
        nullBitmap: new Uint8Array([0b1011]),
        data: new Int32Array([1, 0, 0, 1]),
        dictionary,
      })
    const dictionaries = {
      numbers: lists([[1n, null], [3n]], new Int64()),
      flags: lists([[], [true, false]], new Bool()),
      texts: lists([['a', '"'], ['é']], new Utf8()),
    }
    const children = Object.values(dictionaries).map(coded)
    const fields = Object.keys(dictionaries).map((name, at) => new Field(name, children[at]?.type as DataType, true))
    const schema = new Schema(fields)
    const data = makeData({ type: new Struct(fields), length: 4, nullCount: 0, children })
    writeFileSync(join(folder, 'coded-lists'), tableToIPC(new Table(schema, new RecordBatch(schema, data)), form))
    const statement = `COPY FROM ${file('coded-lists')} (FORMAT arrow)`
    const expected = {
      numbers: [[3n], [1n, null], null, [3n]],
      flags: [[true, false], [], null, [true, false]],
      texts: [['é'], ['a', '"'], null, ['é']],
    }
    const columns = await read(statement).columns()
    expect(Object.fromEntries(columns.map(({ name, values }) => [name, values]))).toEqual(expected)
    expect(columns.map(({ type }) => type)).toEqual(['bigint[]', 'boolean[]', 'text[]'])
    const table = await read(statement).table<Table>()
    const found = table
      .toArray()
      .map((row) => JSON.parse(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? Number(value) : value))))
    expect(found).toEqual([
      { numbers: [3], flags: [true, false], texts: ['é'] },
      { numbers: [1, null], flags: [], texts: ['a', '"'] },
      { numbers: null, flags: null, texts: null },
      { numbers: [3], flags: [true, false], texts: ['é'] },
    ])
  })

  test('of lists that have nothing but NULL in one file have the type of the other', async () => {
    // Made by pyarrow: [], [None], None.
    const nothing =
      'eNpdTzEOwjAQc0goUZUhQ4Q6dOQZfIehEkz0MYw8hwfwn+AEF6LccLYvd85dzjk/AUSUGBEwYA9PxjCOGlSe2SmzLHxzliok8rl5O4lfl/tabF7si0icH3CojlH/GRObWQiX9XL7cver0yI/iEk64KhNQ3WEdZgIE7YYyUPdutxy1o0W/9g13Ai9MHZ9tuvrsfXd6kZ7F/0B0MobCw=='
    writeFileSync(join(folder, 'nothing.arrow'), inflateSync(Buffer.from(nothing, 'base64')))
    const list = vectorFromArray([[7n]], new List(new Field('item', new Int64(), true)))
    writeFileSync(join(folder, 'something.arrow'), tableToIPC(new Table({ list }), 'file'))
    for (const [files, expected] of [
      [
        ['nothing.arrow', 'something.arrow'],
        [[], [null], null, [7n]],
      ],
      [
        ['something.arrow', 'nothing.arrow'],
        [[7n], [], [null], null],
      ],
    ] as const) {
      const listed = files.map((name) => `'${name}'`).join(', ')
      const columns = await read(`COPY FROM '${folder}' (FORMAT arrow, FILES [${listed}])`).columns()
      expect(columns).toMatchObject([{ name: 'list', type: 'bigint[]', values: expected }])
    }
    const alone = await read(`COPY FROM ${file('nothing.arrow')} (FORMAT arrow)`).columns()
    expect(alone).toMatchObject([{ type: 'text[]', values: [[], [null], null] }])
  })

  test('without rows have their types all the same', async () => {
    const empty = await read('COPY FROM STDIN (FORMAT csv)', { stdin: '', columns: { a: 'int', b: 'text' } }).columns()
    expect(plain(empty)).toEqual({ a: ['integer', []], b: ['text', []] })
    expect(empty[0]?.values).toBeInstanceOf(Int32Array)
    expect(await read('COPY FROM STDIN (FORMAT csv)', { stdin: '' }).columns()).toEqual([])
  })
})

describe('Arrow', () => {
  test('batches and table are those of apache-arrow', async () => {
    const statement = `COPY FROM ${file('big.csv')} (FORMAT csv, HEADER)`
    let count = 0
    for await (const batch of read(statement).batches<RecordBatch>()) {
      expect(batch.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
        'id Int32',
        'name Utf8',
        'quarter Float64',
        'day Date32<DAY>',
      ])
      expect(batch.getChild('id')?.get(0)).toBe(count)
      count += batch.numRows
    }
    expect(count).toBe(400_000)
    const reading = read(statement)
    const table = await reading.table<Table>()
    expect(table.numRows).toBe(400_000)
    expect(table.get(399_999)?.toJSON()).toMatchObject({ id: 399_999, name: 'name 5', quarter: 99_999.75 })
    expect(reading.receipt?.rowsReturned).toBe(400_000)
  })

  test('as bytes can be transferred to a worker, each by itself', async () => {
    for (let pass = 0; pass < 2; pass += 1) {
      const moved: Uint8Array[] = []
      for await (const bytes of read('COPY FROM STDIN (FORMAT csv)', {
        stdin: '1,a\n2,b\n',
        columns: { a: 'int', b: 'text' },
      }).ipc()) {
        moved.push(structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] }))
        expect(bytes.byteLength).toBe(0)
      }
      const table = tableFromIPC(Buffer.concat(moved))
      expect(table.toArray().map((row) => row?.toJSON())).toEqual([
        { a: 1, b: 'a' },
        { a: 2, b: 'b' },
      ])
    }
  })

  test('bytes are one stream', async () => {
    for (const name of ['many.parquet', 'types.parquet', 'empty.parquet']) {
      const statement = `COPY FROM ${file(name)} (FORMAT parquet)`
      const table = tableFromIPC(Buffer.concat(await all(read(statement).ipc())))
      const found = await read(statement).table<Table>()
      expect(table.numRows).toBe(found.numRows)
      expect(table.schema.fields.map(String)).toEqual(found.schema.fields.map(String))
      expect(String(table.get(1))).toBe(String(found.get(1)))
    }
    const empty = read('COPY FROM STDIN (FORMAT csv)', { stdin: '', columns: { a: 'timetz', d: 'numeric(5,2)' } })
    expect((await empty.table<Table>()).schema.fields.map(String)).toEqual(['a: Utf8', 'd: Decimal[5e+2]'])
  })
})

describe('a file that changes while it is read', () => {
  const COLUMNS = { id: 'int', name: 'text', quarter: 'real', day: 'date' }
  const copied = () => {
    const path = join(folder, 'changing.csv')
    copyFileSync(join(folder, 'big.csv'), path)
    return path
  }
  const rowsWith = async (change: (path: string) => void) => {
    const path = copied()
    let count = 0
    for await (const _ of read(`COPY FROM '${path}' (FORMAT csv, HEADER)`, { columns: COLUMNS, threads: 1 }).rows()) {
      if (count === 0) change(path)
      count += 1
    }
    return count
  }

  test('is an error where it was cut', async () => {
    await expect(rowsWith((path) => truncateSync(path, 5_000_000))).rejects.toMatchObject({
      sqlState: '58030',
      message: `file "${join(folder, 'changing.csv')}" changed while it was read`,
    })
    expect(held()).toEqual(NOTHING)
  })

  test('is read to its end where a shorter one has its name', async () => {
    const replace = (path: string) => {
      renameSync(path, `${path}.old`)
      writeFileSync(path, 'id,name,quarter,day\n')
    }
    expect(await rowsWith(replace)).toBe(400_000)
  })
})

describe('errors', () => {
  test('name the source, the line and the column, after the rows before', async () => {
    const reading = read('COPY FROM STDIN (FORMAT csv)', { stdin: '1\n2\nx\n4\n', columns: { a: 'int' } })
    const found: unknown[] = []
    const failing = (async () => {
      for await (const row of reading.rows()) found.push(row)
    })()
    await expect(failing).rejects.toMatchObject({
      sqlState: '22P02',
      message: 'invalid input syntax for type integer: "x"',
      context: 'COPY STDIN, line 3, column a: "x"',
      position: { file: 'STDIN', line: 3, column: 'a' },
    })
    expect(found).toEqual([{ a: 1 }, { a: 2 }])
    expect(reading.receipt).toBeUndefined()
    expect(held()).toEqual(NOTHING)
  })

  test('of rows cost the row where the statement says so', async () => {
    const rejects: Reject[] = []
    const path = join(folder, 'rejects.csv')
    const stdin = 'a,b\n1,x\nq,y\n3\n4,z\n'
    const options = { stdin, columns: { a: 'int', b: 'text' }, rejects: path, onReject: (r: Reject) => rejects.push(r) }
    const reading = read('COPY FROM STDIN (FORMAT csv, HEADER, ON_ERROR skip_row)', options)
    expect(await all(reading.rows())).toEqual([
      { a: 1, b: 'x' },
      { a: 4, b: 'z' },
    ])
    expect(rejects.map(({ line, errors }) => [line, errors[0]?.sqlState])).toEqual([
      [3, '22P02'],
      [4, '22P04'],
    ])
    expect(readFileSync(path, 'utf8')).toBe('a,b\nq,y\n3\n')
    const receipt = reading.receipt as ReadReceipt
    expect(receipt).toMatchObject({ rowsRead: 4, rowsReturned: 2, rowsRejected: 2 })
    expect(receipt.diagnosis).toHaveLength(2)
    expect(receipt.files).toMatchObject([{ path: 'STDIN', rows: 4, rowsReturned: 2, rowsRejected: 2 }])
  })

  test('become NULL, and too many of them an error', async () => {
    const options = { stdin: '1\nx\ny\n', columns: { a: 'int' } }
    const reading = read('COPY FROM STDIN (FORMAT csv, ON_ERROR set_null)', options)
    expect(await all(reading.rows())).toEqual([{ a: 1 }, { a: null }, { a: null }])
    expect(reading.receipt).toMatchObject({ rowsReplaced: 2, rowsReturned: 3 })
    const limited = rows('COPY FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1)', options)
    await expect(limited).rejects.toMatchObject({ diagnosis: [expect.objectContaining({ rows: 2 })] })
  })

  test('of Parquet rows leave the lists beside them alone', async () => {
    const statement = `COPY (id, number, list) FROM ${file('bad.parquet')} (FORMAT parquet, ON_ERROR skip_row)`
    const columns = { id: 'int', number: 'int' }
    const found = rows(`COPY FROM ${file('bad.parquet')} (FORMAT parquet, ON_ERROR skip_row)`, { columns })
    expect(await found).toEqual([1, 2, 4, 5, 7].map((id) => ({ id, number: id })))
    expect(await rows(statement)).toHaveLength(7)
    const list = rows(statement, { columns: { id: 'int', number: 'int', list: 'int' } })
    await expect(list).rejects.toMatchObject({
      sqlState: '0A000',
      message: expect.stringMatching(
        /^column "list" cannot be read as integer: it is \w+\[\] there, of Arrow's type List/,
      ),
    })
  })

  test('of a missing file', async () => {
    await expect(rows(`COPY FROM ${file('none.csv')} (FORMAT csv)`)).rejects.toMatchObject({ sqlState: '58P01' })
    await expect(read(`COPY FROM ${file('none.csv')} (FORMAT csv)`).columns()).rejects.toMatchObject({
      sqlState: '58P01',
    })
  })

  test('a reading is taken once', async () => {
    const reading = read(CSV, { stdin: 'a\n1\n' })
    expect(await all(reading.rows())).toHaveLength(1)
    await expect(reading.columns()).rejects.toMatchObject({ sqlState: '55000' })
    expect(() => reading.rows()).toThrow('once')
  })
})

describe('endings', () => {
  const big = () => `COPY FROM ${file('big.csv')} (FORMAT csv, HEADER)`

  test.each(['rows', 'columnBatches', 'batches', 'ipc'] as const)(
    'an early break of %s frees everything',
    async (form) => {
      const reading = read(big())
      for await (const _ of reading[form]()) break
      expect(held()).toEqual(NOTHING)
      expect(reading.receipt).toBeUndefined()
    },
  )

  test.each([1, 2, 8])('an early break of many row groups that %d threads read frees them', async (threads) => {
    const statement = `COPY FROM ${file('many.parquet')} (FORMAT parquet)`
    for await (const _ of read(statement, { threads, memoryLimit: 1 << 20 }).columnBatches()) break
    expect(held()).toEqual(NOTHING)
  })

  test('an early break destroys the stream', async () => {
    const stream = createReadStream(join(folder, 'big.csv'))
    const columns = { id: 'int', name: 'text', quarter: 'float8', day: 'date' }
    for await (const row of read('COPY FROM STDIN (FORMAT csv, HEADER)', { stdin: stream, columns }).rows()) {
      expect(row).toMatchObject({ id: 0 })
      break
    }
    expect(stream.destroyed).toBe(true)
    await delay(20)
    expect(held()).toEqual(NOTHING)
  })

  test('an error of the caller’s does too', async () => {
    const reading = (async () => {
      for await (const _ of read(big()).rows()) throw new Error('mine')
    })()
    await expect(reading).rejects.toThrow('mine')
    expect(held()).toEqual(NOTHING)
  })

  test('an abort ends the reading, before it and within it', async () => {
    await expect(rows(big(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ sqlState: '57014' })
    const stop = new AbortController()
    let count = 0
    const failing = (async () => {
      for await (const _ of read(big(), { signal: stop.signal }).rows()) {
        count += 1
        if (count === 1000) stop.abort()
      }
    })()
    await expect(failing).rejects.toMatchObject({ sqlState: '57014' })
    expect(count).toBeLessThan(100_000)
    await expect(read(big(), { signal: stop.signal }).columns()).rejects.toMatchObject({ sqlState: '57014' })
    expect(held()).toEqual(NOTHING)
  })

  test.each(['rows', 'columnBatches', 'batches', 'ipc', 'columns', 'table'] as const)(
    'an abort while rows are waited for is told with its reason, of %s',
    async (form) => {
      const stop = new AbortController()
      const stdin = new Readable({ read() {} })
      stdin.push('1\n'.repeat(1 << 20))
      const reading = read('COPY FROM STDIN (FORMAT csv)', { stdin, columns: { a: 'int' }, signal: stop.signal })
      const failing = (async () => {
        if (form === 'columns' || form === 'table') return await reading[form]()
        for await (const _ of reading[form]());
      })()
      const reason = new Error('the tab was closed')
      setTimeout(() => stop.abort(reason), 50)
      await expect(failing).rejects.toMatchObject({
        sqlState: '57014',
        message: 'canceling statement due to user request',
        cause: reason,
      })
      // A thread that has been joined is listed for a moment more.
      await expect.poll(held).toEqual(NOTHING)
    },
  )

  test('an abort reaches a stream that is silent', async () => {
    const stop = new AbortController()
    const stdin = new Readable({ read() {} })
    const failing = rows('COPY FROM STDIN (FORMAT csv)', { stdin, columns: { a: 'int' }, signal: stop.signal })
    setTimeout(() => stop.abort(), 20)
    await expect(failing).rejects.toMatchObject({ sqlState: '57014' })
    expect(stdin.destroyed).toBe(true)
  })

  test.each(['rows', 'columnBatches', 'batches', 'ipc'] as const)(
    'returning before the first of %s lets go of the stream',
    async (form) => {
      const stdin = createReadStream(join(folder, 'big.csv'))
      await read('COPY FROM STDIN (FORMAT csv)', { stdin })[form]().return?.()
      expect(stdin.destroyed).toBe(true)
    },
  )

  const columns = { id: 'int', name: 'text', quarter: 'float8', day: 'date' }
  test.each([
    ['with columns that are given', { columns }, false],
    ['while types are proven', {}, false],
    ['and of a stream', { columns }, true],
    ['of a stream while types are proven', {}, true],
  ])('returning while a reading opens leaves nothing, %s', async (_, options: ReadOptions, isStream) => {
    for (const turn of [0, 1, 2]) {
      const stream = createReadStream(join(folder, 'big.csv'))
      if (!isStream) stream.destroy()
      const reading = isStream ? read(CSV, { ...options, stdin: stream }) : read(big(), options)
      const iterator = reading.rows()
      const waiting = iterator.next()
      if (turn > 0) await delay(turn)
      expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
      const first = await waiting
      // Later it may have been there before it was left.
      if (turn === 0) expect(first).toEqual({ done: true, value: undefined })
      expect(held().threads).toBe(0)
      await expect.poll(held).toEqual(NOTHING)
    }
  })

  test.each(['batches', 'table'] as const)('%s without the package lets go of the stream', async (form) => {
    vi.doMock('apache-arrow', () => {
      throw new Error('not installed')
    })
    const stdin = createReadStream(join(folder, 'big.csv'))
    const reading = read(CSV, { stdin })
    const failing = form === 'table' ? reading.table() : all(reading.batches())
    await expect(failing).rejects.toMatchObject({ sqlState: '0A000', hint: expect.stringContaining('npm install') })
    expect(stdin.destroyed).toBe(true)
    vi.doUnmock('apache-arrow')
  })

  test('a stream of rows that is destroyed while it opens leaves nothing', async () => {
    const stream = Readable.from(read(big(), { columns }).rows())
    stream.on('error', () => {})
    stream.read()
    stream.destroy()
    await once(stream, 'close')
    await expect.poll(held).toEqual(NOTHING)
  })

  test('returning while rows are waited for ends it', async () => {
    const stdin = new Readable({ read() {} })
    const iterator = read('COPY FROM STDIN (FORMAT csv)', { stdin, columns: { a: 'int' } }).rows()
    const waiting = iterator.next()
    await delay(20)
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(stdin.destroyed).toBe(true)
  })

  test('a slow consumer holds the window back', async () => {
    const chunk = Buffer.from(`${'1,some text of a row\n'.repeat(3000)}`)
    let given = 0
    async function* endless() {
      for (;;) {
        given += chunk.length
        yield chunk
      }
    }
    const columns = { a: 'int', b: 'text' }
    const limit = 8 << 20
    const batches = read('COPY FROM STDIN (FORMAT csv)', {
      stdin: endless(),
      columns,
      memoryLimit: limit,
    }).columnBatches()
    for (let turn = 0; turn < 3; turn += 1) {
      await batches.next()
      await delay(50)
    }
    const before = given
    await delay(200)
    expect(given).toBe(before)
    expect(given).toBeLessThan(limit + (2 << 20))
    await batches.return?.()
    expect(held().threads).toBe(0)
  })

  test('several calls of next at once are answered in order', async () => {
    const iterator = read('COPY FROM STDIN (FORMAT csv)', { stdin: '1\n2\n', columns: { a: 'int' } }).rows()
    const found = await Promise.all([iterator.next(), iterator.next(), iterator.next()])
    expect(found).toEqual([
      { done: false, value: { a: 1 } },
      { done: false, value: { a: 2 } },
      { done: true, value: undefined },
    ])
  })
})
