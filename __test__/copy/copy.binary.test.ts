import { Readable } from 'node:stream'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import { serverCopy } from '../server-copy.ts'
import { serverCopyOut } from '../server-copy-out.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const { file } = useFolder('copyist-binary-')

/** A native type, its name in DuckDB, values that both have, and values of PostgreSQL alone. */
interface TypeCase {
  readonly type: string
  readonly duckdb: string
  readonly values: readonly string[]
  readonly only?: readonly string[]
}

const scalars: readonly TypeCase[] = [
  { type: 'boolean', duckdb: 'BOOLEAN', values: ['true', 'false'] },
  { type: 'smallint', duckdb: 'SMALLINT', values: ['-32768', '0', '32767'] },
  { type: 'integer', duckdb: 'INTEGER', values: ['-2147483648', '-1', '2147483647'] },
  { type: 'bigint', duckdb: 'BIGINT', values: ['-9223372036854775808', '9223372036854775807'] },
  { type: 'real', duckdb: 'REAL', values: ['0.1', '-0', '3.4028235e38', '1e-45', 'NaN', 'Infinity', '-Infinity'] },
  {
    type: 'double precision',
    duckdb: 'DOUBLE',
    values: ['0.1', '-0', '1.7976931348623157e308', '5e-324', 'NaN', 'Infinity', '-Infinity'],
  },
  {
    type: 'numeric(18,3)',
    duckdb: 'DECIMAL(18,3)',
    values: ['0', '-0.001', '999999999999999.999', '-999999999999999.999', '10000', '12345.6'],
    only: ['NaN'],
  },
  {
    type: 'numeric(38,10)',
    duckdb: 'DECIMAL(38,10)',
    values: ['9999999999999999999999999999.9999999999', '0.0000000001', '-1e27', '100000000'],
    only: ['NaN'],
  },
  { type: 'text', duckdb: 'VARCHAR', values: ['', 'a', 'é€😀', 'x'.repeat(5000), 'NULL', '\\N', 'tab\there\nline'] },
  { type: 'varchar(3)', duckdb: 'VARCHAR', values: ['', 'é€😀', 'a  '] },
  { type: 'char(4)', duckdb: 'VARCHAR', values: ['ab', 'é€😀', ''] },
  { type: 'bytea', duckdb: 'BLOB', values: ['', '\\x00ff', '\\x5c78', `\\x${'ab'.repeat(100)}`] },
  {
    type: 'date',
    duckdb: 'DATE',
    values: ['1970-01-01', '2000-02-29', '0044-03-15 BC', '5000-12-31', 'infinity', '-infinity'],
    only: ['4713-11-24 BC', '5874897-12-31'],
  },
  { type: 'time', duckdb: 'TIME', values: ['00:00', '23:59:59.999999', '24:00'] },
  { type: 'time(0)', duckdb: 'TIME', values: ['12:34:56'] },
  { type: 'timetz', duckdb: 'TIMETZ', values: ['12:00+00', '00:00:00.000001-15:59:59', '23:59:59+15:59:59'] },
  {
    type: 'timestamp',
    duckdb: 'TIMESTAMP',
    values: ['1999-12-31 23:59:59.999999', '0001-01-01 BC', 'infinity', '-infinity', '9999-12-31 23:59:59'],
    only: ['4713-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999'],
  },
  {
    type: 'timestamptz',
    duckdb: 'TIMESTAMPTZ',
    values: ['1999-12-31 23:59:59.999999+05:30', '2024-03-31 02:30:00+01', 'infinity', '-infinity'],
    only: ['4713-11-24 00:00:00 BC', '294276-12-31 23:59:59.999999'],
  },
  {
    type: 'interval',
    duckdb: 'INTERVAL',
    values: ['1 year 2 mons -3 days 04:05:06.789', '0', '-178000000 years', '-00:00:00.000001'],
    only: ['infinity', '-infinity'],
  },
  {
    type: 'uuid',
    duckdb: 'UUID',
    values: [
      '00000000-0000-0000-0000-000000000000',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ],
  },
  { type: 'json', duckdb: 'JSON', values: ['{"a": [1, null, "é"]}', 'null', '1e400', '  "x"'] },
  { type: 'jsonb', duckdb: 'JSON', values: ['{"a": [1, null, "é"]}', 'null', '12345678901234567890', '[]'] },
  { type: 'mood', duckdb: "ENUM('sad', 'it''s ok', 'happy')", values: ['sad', "it's ok", 'happy'] },
]

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`
const element = (value: string) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Of every scalar type arrays: of all its values and NULL, without elements, nested. */
function arrays({ type, duckdb, values, only }: TypeCase): TypeCase[] {
  const all = values.map(element)
  const one = all[0] ?? ''
  return [
    {
      type: `${type}[]`,
      duckdb: `${duckdb}[]`,
      values: [`{${all.join(',')},NULL}`, '{}', `{${one}}`],
      only: [`[5:6]={${one},NULL}`, `{{${one}},{NULL}}`, ...(only ?? []).map((value) => `{${element(value)}}`)],
    },
    { type: `${type}[]`, duckdb: `${duckdb}[][]`, values: [`{{${one},NULL},{NULL,${one}}}`, '{}'] },
  ]
}

const cases = [...scalars, ...scalars.flatMap(arrays)]

let postgres: Bench
let duckdb: Bench
let client: pg.Client
let made = 0

beforeAll(async () => {
  const open = (name: 'postgres' | 'duckdb') => benches.find((bench) => bench.name === name)?.open()
  const opened = [await open('postgres'), await open('duckdb')]
  if (!opened[0]?.url || !opened[1]) throw new Error('both targets are needed')
  postgres = opened[0]
  duckdb = opened[1]
  client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await postgres.sql("CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy')")
  await postgres.sql('CREATE TYPE pair AS (a integer, b text)')
})

afterAll(async () => {
  await client.end()
  await postgres.close()
  await duckdb.close()
})

/** A table of PostgreSQL with these values and NULL. */
async function source(type: string, values: readonly string[]): Promise<string> {
  made += 1
  const rows = [...values.map(quoted), 'NULL'].map((value, index) => `(${index}, ${value}::${type})`)
  await postgres.sql(`CREATE TABLE s${made} (id integer, c ${type})`)
  await postgres.sql(`INSERT INTO s${made} VALUES ${rows.join(', ')}`)
  return `s${made}`
}

const sent = (table: string, options = 'FORMAT binary') => serverCopyOut(client, `COPY ${table} TO STDOUT (${options})`)

describe('what PostgreSQL has written', () => {
  test.each(cases)('$type into PostgreSQL', async ({ type, values, only = [] }) => {
    const table = await source(type, [...values, ...only])
    await postgres.sql(`CREATE TABLE ${table}_copy (id integer, c ${type})`)
    const bytes = await sent(table)
    const receipt = await postgres.db.copy(`COPY ${table}_copy FROM '${file(table, bytes)}' (FORMAT binary)`)
    expect(receipt).toMatchObject({
      rowsLoaded: values.length + only.length + 1,
      transport: 'binary',
      bytesRead: bytes.length,
    })
    expect(await sent(`${table}_copy`)).toEqual(bytes)
  })

  test.each(cases)('$type into $duckdb of DuckDB', async ({ type, duckdb: name, values }) => {
    const table = await source(type, values)
    for (const format of ['binary', 'csv']) {
      await duckdb.sql(`CREATE TABLE ${table}_${format} (id INTEGER, c ${name})`)
      const path = file(`${table}.${format}`, await sent(table, `FORMAT ${format}`))
      const receipt = await duckdb.db.copy(`COPY ${table}_${format} FROM '${path}' (FORMAT ${format})`)
      expect(receipt.rowsLoaded).toBe(values.length + 1)
    }
    const rows = (format: string) => duckdb.sql(`SELECT id, c::VARCHAR, c IS NULL FROM ${table}_${format} ORDER BY id`)
    expect(await rows('binary')).toEqual(await rows('csv'))
  })

  test.each([
    ['numeric', 'infinity', "'DECIMAL(18,3)'", 'numeric field overflow'],
    ['numeric', 'NaN', "'DECIMAL(18,3)'", 'value "NaN" cannot be stored in DECIMAL(18,3)'],
    ['interval', 'infinity', 'INTERVAL', 'interval out of range: "infinity"'],
    ['timestamp', '294276-12-31 23:59:59', 'TIMESTAMP', 'timestamp out of range: "294276-12-31 23:59:59.000000"'],
    ['integer[]', '[2:3]={1,2}', 'INTEGER[]', 'an array cannot be stored in DuckDB'],
    ['integer[]', '{{1}}', 'INTEGER[]', 'an array cannot be stored in DuckDB'],
    ['bigint[]', '{1}', 'INTEGER[]', 'binary data has array element type 20 (bigint) instead of expected 23 (integer)'],
    ['bigint', '1', 'INTEGER', 'incorrect binary data format'],
  ])('%s %s has no place in DuckDB', async (type, value, name, message) => {
    const table = await source(type, [value])
    await duckdb.sql(`CREATE TABLE ${table} (id INTEGER, c ${name.replaceAll("'", '')})`)
    const load = duckdb.db.copy(`COPY ${table} FROM '${file(table, await sent(table))}' (FORMAT binary)`)
    await expect(load).rejects.toMatchObject({ message, position: { line: 1, byteOffset: 19, column: 'c' } })
  })

  test.each([
    ['point', '(1,2)'],
    ['int4range', '[1,5)'],
    ['pair', '(1,"a b")'],
    ['inet', '10.0.0.0/8'],
    ['tsvector', "'a' 'b'"],
    ['pair[]', '{"(1,x)"}'],
    ['bit(3)', '101'],
    ['interval day to second', '1 day 02:03:04'],
  ])('%s, of which only the server knows the form, goes to it as it is', async (type, value) => {
    const table = await source(type, [value])
    await postgres.sql(`CREATE TABLE ${table}_copy (c ${type}, id integer)`)
    const path = file(table, await sent(table))
    const receipt = await postgres.db.copy(`COPY ${table}_copy (id, c) FROM '${path}' (FORMAT binary)`)
    expect(receipt).toMatchObject({ rowsLoaded: 2, transport: 'binary' })
    expect(await sent(`${table}_copy (id, c)`)).toEqual(await sent(table))
  })

  test('such types, domains and lengths go through ON CONFLICT as well', async () => {
    await postgres.sql('CREATE DOMAIN positive AS numeric(6,2) CHECK (VALUE > 0)')
    const columns = 'id integer PRIMARY KEY, p point, r pair, d positive, b char(3), t timestamptz(0)[], i interval day'
    await postgres.sql(`CREATE TABLE odd (${columns}); CREATE TABLE odd_copy (${columns})`)
    const values = `'(1,2)', '(1,x)', 1.5, 'ab', '{2024-01-01 00:00:00.6+00,NULL}', '3 days'`
    await postgres.sql(`INSERT INTO odd VALUES (1, ${values}), (2, ${values}), (3, ${'NULL, '.repeat(5)} NULL)`)
    await postgres.sql('INSERT INTO odd_copy VALUES (2)')
    const copy = async (action: string) => {
      const path = file('odd', await sent('odd'))
      return postgres.db.copy(`COPY odd_copy FROM '${path}' (FORMAT binary) ON CONFLICT (id) DO ${action}`)
    }
    expect(await copy('SKIP')).toMatchObject({ rowsLoaded: 2, rowsConflicted: 1 })
    await copy('UPDATE KEEP LAST')
    const all = (table: string) => postgres.sql(`SELECT o::text FROM ${table} o ORDER BY id`)
    expect(await all('odd_copy')).toEqual(await all('odd'))
    await postgres.sql('ALTER DOMAIN positive DROP CONSTRAINT positive_check')
    await postgres.sql('UPDATE odd SET d = -1 WHERE id = 2')
    await postgres.sql('UPDATE odd_copy SET d = 1; ALTER DOMAIN positive ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID')
    await expect(copy('UPDATE')).rejects.toMatchObject({ sqlState: '23514' })
  })

  test('a type that only DuckDB knows is refused by name', async () => {
    await duckdb.sql('CREATE TABLE huge (id INTEGER, c HUGEINT)')
    const load = duckdb.db.copy('COPY huge FROM STDIN (FORMAT binary)', { stdin: Buffer.alloc(0) })
    await expect(load).rejects.toMatchObject({
      sqlState: '0A000',
      message: 'COPY cannot read values of column "c" of type HUGEINT in BINARY mode',
    })
  })
})

const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const words = (...values: number[]) => Buffer.concat(values.map((value) => int(value, 4)))
const END = int(-1, 2)

function int(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeIntBE(value, 0, bytes)
  return buffer
}

/** A tuple of fields, null being NULL. */
function tuple(...fields: (Buffer | string | null)[]): Buffer {
  const parts = fields.flatMap((field) => {
    if (field === null) return [int(-1, 4)]
    const bytes = Buffer.from(field)
    return [int(bytes.length, 4), bytes]
  })
  return Buffer.concat([int(fields.length, 2), ...parts])
}

const binary = (...parts: Buffer[]) => Buffer.concat([HEADER, ...parts])

interface Malformed {
  readonly what: string
  readonly type?: string
  readonly bytes: Buffer
  /** Where we say something else, and what. */
  readonly ours?: { readonly sqlState?: string; readonly message?: string }
}

const good = tuple(int(1, 4), null)
const second = (value: Buffer | string) => binary(good, tuple(int(2, 4), value), END)
const numeric = (...digits: number[]) => Buffer.concat(digits.map((digit) => int((digit << 16) >> 16, 2)))

const malformed: readonly Malformed[] = [
  { what: 'nothing', bytes: Buffer.alloc(0) },
  { what: 'text', bytes: Buffer.from('1\ta\n2\tb\nmore than a header') },
  { what: 'a signature cut', bytes: HEADER.subarray(0, 8) },
  {
    what: 'a signature changed',
    bytes: Buffer.concat([Buffer.from('PGCOPY\n\xff\n\n\0', 'latin1'), words(0, 0), END]),
  },
  { what: 'no flags', bytes: HEADER.subarray(0, 13) },
  { what: 'OIDs', bytes: Buffer.concat([HEADER.subarray(0, 11), words(1 << 16, 0), END]) },
  { what: 'a critical flag', bytes: Buffer.concat([HEADER.subarray(0, 11), words(1 << 20, 0), END]) },
  { what: 'a negative flag', bytes: Buffer.concat([HEADER.subarray(0, 11), words(-(2 ** 31), 0), END]) },
  { what: 'no extension length', bytes: HEADER.subarray(0, 17) },
  { what: 'a negative extension length', bytes: Buffer.concat([HEADER.subarray(0, 15), words(-5), END]) },
  { what: 'an extension cut', bytes: Buffer.concat([HEADER.subarray(0, 15), words(100), Buffer.alloc(99)]) },
  { what: 'data after the trailer', bytes: binary(good, END, Buffer.from('x')) },
  { what: 'too few fields', bytes: binary(good, tuple(int(2, 4)), END) },
  { what: 'too many fields', bytes: binary(tuple(int(2, 4), null, null), END) },
  { what: 'a negative field count', bytes: binary(int(-2, 2), END) },
  { what: 'a length cut', bytes: binary(good, int(2, 2), Buffer.alloc(3)) },
  { what: 'a field cut', bytes: binary(good, int(2, 2), int(4, 4), int(7, 4), int(9, 4), Buffer.from('short')) },
  { what: 'a negative length', bytes: binary(good, int(2, 2), int(-2, 4), int(7, 4)) },
  { what: 'a bad value before a negative length', bytes: binary(int(2, 2), int(2, 4), int(7, 2), int(-2, 4)) },
  { what: 'a bad value before the end', bytes: binary(int(2, 2), int(5, 4), Buffer.alloc(5), int(9, 4)) },
  { what: 'an integer too short', type: 'integer', bytes: second(int(1, 2)) },
  { what: 'an integer too long', type: 'integer', bytes: second(Buffer.alloc(8)) },
  { what: 'a boolean without a byte', type: 'boolean', bytes: second('') },
  { what: 'a boolean of two bytes', type: 'boolean', bytes: second('tt') },
  { what: 'a uuid too short', type: 'uuid', bytes: second('short') },
  { what: 'text that is no UTF-8', type: 'text', bytes: second(Buffer.from([0x61, 0xe2, 0x82, 0x20])) },
  { what: 'text with NUL', type: 'text', bytes: second('a\0b') },
  { what: 'varchar too long', type: 'varchar(3)', bytes: second('abcd') },
  { what: 'char too long', type: 'char(3)', bytes: second('ab c') },
  { what: 'json that is none', type: 'json', bytes: second('{"a": }') },
  { what: 'jsonb that is none', type: 'jsonb', bytes: second('\x01[1,') },
  { what: 'jsonb without a byte', type: 'jsonb', bytes: second('') },
  { what: 'jsonb of a later version', type: 'jsonb', bytes: second('\x02{}'), ours: { sqlState: '22P03' } },
  { what: 'no label', type: 'mood', bytes: second('angry') },
  { what: 'a date out of range', type: 'date', bytes: second(int(-2_451_546, 4)) },
  { what: 'a time out of range', type: 'time', bytes: second(Buffer.concat([int(-1, 4), int(-1, 4)])) },
  { what: 'timetz out of range', type: 'timetz', bytes: second(Buffer.concat([words(-1, -1), words(0)])) },
  { what: 'a zone out of range', type: 'timetz', bytes: second(Buffer.concat([words(0, 0), words(57_600)])) },
  { what: 'a timestamp out of range', type: 'timestamp', bytes: second(words(-(2 ** 31), 1)) },
  { what: 'timestamptz out of range', type: 'timestamptz(3)', bytes: second(words(2 ** 31 - 1, 1)) },
  { what: 'an interval out of range', type: 'interval(2)', bytes: second(words(2 ** 31 - 1, -1, 0, 0)) },
  { what: 'an interval cut', type: 'interval', bytes: second(words(1, 2, 3)) },
  { what: 'a sign that is none', type: 'numeric', bytes: second(numeric(1, 0, 0x1000, 0, 1)) },
  { what: 'a scale that is none', type: 'numeric', bytes: second(numeric(1, 0, 0, 0x4000, 1)) },
  { what: 'a digit too large', type: 'numeric', bytes: second(numeric(1, 0, 0, 0, 10_000)) },
  { what: 'a negative digit', type: 'numeric(5,2)', bytes: second(numeric(1, 0, 0, 0, -1)) },
  { what: 'digits missing', type: 'numeric', bytes: second(numeric(3, 0, 0, 0, 1)) },
  { what: 'digits left over', type: 'numeric', bytes: second(numeric(1, 0, 0, 0, 1, 2)) },
  { what: 'a number too large', type: 'numeric(5,2)', bytes: second(numeric(1, 0, 0, 0, 1000)) },
  { what: 'an infinity', type: 'numeric(5,2)', bytes: second(numeric(0, 0, 0xd000, 0)) },
  { what: 'a negative number of dimensions', type: 'integer[]', bytes: second(words(-1, 0, 23)) },
  { what: 'too many dimensions', type: 'integer[]', bytes: second(words(7, 0, 23)) },
  { what: 'array flags', type: 'integer[]', bytes: second(words(1, 2, 23, 0, 1)) },
  { what: 'another element', type: 'integer[]', bytes: second(words(1, 0, 25, 0, 1)) },
  { what: 'an element that nobody knows', type: 'text[]', bytes: second(words(1, 0, 9_999, 0, 1)) },
  { what: 'a negative dimension', type: 'integer[]', bytes: second(words(1, 0, 23, -1, 1)) },
  { what: 'too many elements', type: 'integer[]', bytes: second(words(2, 0, 23, 65_536, 1, 65_536, 1)) },
  { what: 'a lower bound too large', type: 'integer[]', bytes: second(words(1, 0, 23, 1, 2 ** 31 - 1, 4, 1)) },
  { what: 'elements missing', type: 'integer[]', bytes: second(words(1, 0, 23, 100_000_000, 1, 4, 1)) },
  {
    what: 'an element too short',
    type: 'integer[]',
    bytes: second(Buffer.concat([words(1, 0, 23, 1, 1, 2), int(1, 2)])),
  },
  { what: 'an element too long', type: 'integer[]', bytes: second(words(1, 0, 23, 1, 1, 8, 1, 1)) },
  { what: 'an element longer than the array', type: 'integer[]', bytes: second(words(1, 0, 23, 1, 1, 8, 1)) },
  { what: 'an array with a rest', type: 'integer[]', bytes: second(words(1, 0, 23, 1, 1, 4, 1, 5)) },
  { what: 'an element out of range', type: 'date[]', bytes: second(words(1, 0, 1082, 1, 1, 4, -2_451_546)) },
  {
    what: 'an element too large',
    type: 'varchar(2)[]',
    bytes: second(Buffer.concat([words(1, 0, 1043, 1, 1, 3), Buffer.from('abc')])),
  },
]

/** The parts of an error that are compared. `COPY t, line 2, column c` is the place. */
function verdict(error: { code: string | undefined; message: string; where: string }): unknown[] {
  return [error.code, error.message, /COPY (?:\S+), (line .*)/.exec(error.where)?.[1]]
}

describe("a malformed file gets PostgreSQL's own error", () => {
  test.each(malformed)('$what', async ({ type = 'text', bytes, ours }) => {
    made += 1
    await postgres.sql(`CREATE TABLE t${made} (id integer, c ${type})`)
    const server = await serverCopy(client, `COPY t${made} FROM STDIN (FORMAT binary)`, bytes).then(
      () => undefined,
      (error: pg.DatabaseError) => error,
    )
    expect(server).toBeDefined()
    const error = await postgres.db.copy(`COPY t${made} FROM '${file('malformed', bytes)}' (FORMAT binary)`).then(
      () => undefined,
      (error: CopyError) => error,
    )
    expect(error).toBeInstanceOf(CopyError)
    if (!error || !server) return
    const expected = { ...server, message: ours?.message ?? server.message, code: ours?.sqlState ?? server.code }
    expect(verdict({ ...error, code: error.sqlState, message: error.message, where: error.context ?? '' })).toEqual(
      verdict({ ...expected, message: expected.message, where: server.where ?? '' }),
    )
    expect(await postgres.sql(`SELECT count(*) FROM t${made}`)).toEqual([['0']])
  })

  test.each([
    ['a trailer is missing', binary(good)],
    ['half a trailer', binary(good, Buffer.of(255))],
  ])('but %s, which PostgreSQL does not mind', async (_, bytes) => {
    made += 1
    await postgres.sql(`CREATE TABLE t${made} (id integer, c text)`)
    expect(await serverCopy(client, `COPY t${made} FROM STDIN (FORMAT binary)`, bytes)).toBe(1)
    const load = postgres.db.copy(`COPY t${made} FROM '${file('cut', bytes)}' (FORMAT binary)`)
    await expect(load).rejects.toMatchObject({
      sqlState: '22P04',
      message: 'unexpected EOF in COPY data',
      position: { line: 2, byteOffset: 19 + good.length },
    })
  })
})

describe.each(benches)('rows in the binary format on $name', ({ open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer PRIMARY KEY, name text, extra integer DEFAULT 7)')
  })

  afterAll(() => bench.close())

  const row = (id: number, name: string | null) => tuple(int(id, 4), name)
  const rows = () => bench.sql('SELECT * FROM t ORDER BY id')
  const load = (bytes: Buffer, rest = '(FORMAT binary)') =>
    bench.db.copy(`COPY t (id, name) FROM '${file('rows', bytes)}' ${rest}`)

  test('column lists, WHERE, LOAD_KEY and ON CONFLICT', async () => {
    const bytes = binary(row(1, 'a'), row(2, null), row(3, 'c'), END)
    expect(await load(bytes, 'BINARY WHERE id <> 2')).toMatchObject({ rowsRead: 3, rowsLoaded: 2, rowsFiltered: 1 })
    expect(await rows()).toEqual([
      ['1', 'a', '7'],
      ['3', 'c', '7'],
    ])
    const skipped = await load(
      binary(row(3, 'd'), row(4, 'e'), row(4, 'f'), END),
      '(FORMAT binary) ON CONFLICT DO SKIP',
    )
    expect(skipped).toMatchObject({ rowsLoaded: 1, rowsConflicted: 2 })
    const updated = await load(binary(row(3, 'g'), END), '(FORMAT binary) ON CONFLICT DO UPDATE')
    expect(updated).toMatchObject({ rowsLoaded: 1 })
    const once = "(FORMAT binary, LOAD_KEY 'once')"
    expect(await load(binary(row(5, 'h'), END), once)).toMatchObject({ rowsLoaded: 1 })
    expect(await load(binary(row(5, 'h'), END), once)).toMatchObject({ alreadyLoaded: true })
    expect((await rows()).map(([id, name]) => `${id}${name}`)).toEqual(['1a', '3g', '4e', '5h'])
    await expect(load(bytes, '(FORMAT binary) ON CONFLICT DO REJECT')).rejects.toMatchObject({ sqlState: '0A000' })
  })

  test('a stream in pieces, behind an extension, loads every row', async () => {
    await bench.sql('DELETE FROM t')
    const parts = Array.from({ length: 20_000 }, (_, id) => row(id, id % 3 === 0 ? null : `é${id}`))
    const head = Buffer.concat([HEADER.subarray(0, 15), words(70_000), Buffer.alloc(70_000, 7)])
    const bytes = Buffer.concat([head, ...parts, END])
    const pieces = Array.from({ length: Math.ceil(bytes.length / 999) }, (_, i) =>
      bytes.subarray(i * 999, i * 999 + 999),
    )
    const receipt = await bench.db.copy('COPY t (id, name) FROM STDIN BINARY', { stdin: Readable.from(pieces) })
    expect(receipt).toMatchObject({ rowsLoaded: 20_000, bytesRead: bytes.length, headerLines: 0 })
    expect(await bench.sql('SELECT count(*), count(name), sum(id) FROM t')).toEqual([['20000', '13333', '199990000']])
  })

  test.each([
    ['SEQUENCE', 'SEQUENCE (id (1))'],
    ['SEQUENCE', "SEQUENCE (id (1)) CONSTANT (name 'x')"],
    ['CONSTANT', "CONSTANT (name 'x')"],
    ['FILLER', 'FILLER (name)'],
  ])('%s is refused before anything is read', async (name, rest) => {
    await bench.sql('DELETE FROM t')
    await expect(load(binary(row(1, 'a'), END), `BINARY ${rest}`)).rejects.toMatchObject({
      sqlState: '42601',
      message: `cannot specify ${name} in BINARY mode`,
      hint: expect.stringContaining('one field for every column'),
    })
    expect(await rows()).toEqual([])
  })

  test("the target's own error is placed", async () => {
    await bench.sql('DELETE FROM t')
    const error = await load(binary(row(1, 'a'), row(2, 'b'), row(1, 'c'), END)).catch((error: unknown) => error)
    expect(error).toMatchObject({ sqlState: '23505' })
    const place = (error as CopyError).position
    expect([place.line, place.byteOffset]).toEqual([3, 19 + 2 * row(1, 'a').length])
    expect(await rows()).toEqual([])
  })

  test.each(['FORMAT text', 'FORMAT csv'])('%s does not take it for text', async (options) => {
    const expected = { sqlState: '0A000', hint: 'Add FORMAT binary.' }
    await expect(load(binary(END), `(${options})`)).rejects.toMatchObject(expected)
    const stdin = Readable.from([binary(END)])
    await expect(bench.db.copy(`COPY t FROM STDIN (${options})`, { stdin })).rejects.toMatchObject(expected)
  })

  test('a table is not created', async () => {
    const stdin = binary(END)
    const load = bench.db.copy('COPY unknown FROM STDIN BINARY', { stdin, createTable: true })
    await expect(load).rejects.toMatchObject({
      sqlState: '42P01',
      hint: 'Create the table first: a file in the binary format has neither names nor types of its columns.',
    })
  })

  test('a length that is announced takes no memory', async () => {
    const bytes = binary(int(2, 2), int(4, 4), int(1, 4), int(2 ** 31 - 1, 4), Buffer.alloc(100))
    const before = process.memoryUsage().rss
    await expect(load(bytes)).rejects.toMatchObject({
      message: 'unexpected EOF in COPY data',
      position: { column: 'name' },
    })
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20)
  })
})
