import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CopyCallOptions, connect } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-sources-')
const { file } = folder

describe.each(benches)('what COPY is told to read and where to, on $name', ({ open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(() => bench.close())

  const rows = () => bench.sql('SELECT * FROM t ORDER BY id')

  async function load(content: string | Uint8Array, options = 'FORMAT csv', call: CopyCallOptions = {}) {
    return bench.db.copy(`COPY t FROM '${file('input', content)}' (${options})`, call)
  }

  const refusal = (load: Promise<unknown>) => refusalOf(bench, load)

  test('a file URL is the path in it', async () => {
    const path = file('with space.csv', '1,a\n')
    await bench.db.copy(`COPY t FROM '${pathToFileURL(path)}' CSV`)
    expect(await rows()).toEqual([['1', 'a']])
    await bench.sql('DELETE FROM t')
    expect(await refusal(bench.db.copy("COPY t FROM 'file://elsewhere/f.csv'"))).toMatchObject({
      sqlState: '22023',
      message: 'invalid file URL "file://elsewhere/f.csv"',
      statement: { offset: 12 },
    })
  })

  test.each([
    ['ftp://example.com/f.csv?a=1&b=2', 'ftp', "curl -sL 'ftp://example.com/f.csv?...'"],
    ['HDFS://host/f.csv', 'HDFS', "curl -sL 'HDFS://host/f.csv'"],
  ])('%s is no file', async (url, scheme, command) => {
    const statement = `COPY t FROM '${url}' CSV`
    expect(await refusal(bench.db.copy(statement))).toMatchObject({
      sqlState: '0A000',
      message: `reading from ${scheme}:// is not supported yet`,
      hint: expect.stringContaining(command),
      statement: { text: statement.replace(/[?].*(?=')/, '?*******'), offset: 12 },
    })
  })

  test.each([
    ['https:/u:hush@h/x.csv?hush', 'https:/h/x.csv', 'lacks a slash', 'https://h/x.csv'],
    ['http:/hush@h/*.csv', 'http:/h/*.csv', 'lacks a slash', 'http://h/*.csv'],
    ['s3:/KEY:hush@bucket/x', 's3:/bucket/x', 'lacks a slash', 's3://bucket/x'],
    [' https://u:hush@h/x?hush', ' https://h/x', 'begins with a blank', 'https://h/x'],
  ])('%j is no file', async (address, shown, flaw, meant) => {
    const error = await refusal(bench.db.copy(`COPY t FROM '${address}' (FORMAT csv, AWS CONNECTION = store)`))
    expect(error).toMatchObject({
      sqlState: '22023',
      message: `"${shown}" is no address: it ${flaw}`,
      hint: expect.stringContaining(`Did you mean "${meant}"?`),
      statement: { offset: 12 },
    })
    expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('hush')
  })

  test('a name comes before the pattern that it is', async () => {
    const name = join(folder.path, 'none-*.csv')
    expect(await refusal(bench.db.copy(`COPY t FROM '${name}' CSV`))).toMatchObject({
      sqlState: '58P01',
      message: `no file matches "${name}"`,
    })
    await bench.db.copy(`COPY t FROM '${file('many-*.csv', '1,a\n')}' CSV`)
    expect(await rows()).toEqual([['1', 'a']])
  })

  const utf16 = Buffer.from('\ufeffid,name\n1,a\n', 'utf16le')

  test.each([
    ['Parquet', Buffer.from('PAR1\x15\x04\x15', 'latin1'), 'is in the format Parquet', 'Add FORMAT parquet.'],
    ['Arrow', Buffer.from('ARROW1\0\0\xff\xff', 'latin1'), "is in Arrow's format", 'Add FORMAT arrow.'],
    ['Arrow stream', Buffer.from('ffffffff78000000', 'hex'), "is in Arrow's format", 'Add FORMAT arrow.'],
  ])('%s is loaded only where the statement says so', async (_, bytes, what, hint) => {
    const message = (name: string) => `${name} ${what}, which the statement does not say`
    const path = file('columns.bin', bytes)
    for (const createTable of [false, true]) {
      const refused = await refusal(bench.db.copy(`COPY t FROM '${path}' CSV`, { createTable }))
      expect(refused).toMatchObject({ sqlState: '0A000', message: message(`file "${path}"`), hint })
    }
    const streamed = await refusal(bench.db.copy('COPY t FROM STDIN CSV', { stdin: [bytes] }))
    expect(streamed).toMatchObject({ sqlState: '0A000', message: message('the input'), hint })
  })

  test.each([['zip', Buffer.from('504b03041400000008', 'hex'), 'is a zip archive', 'unzip -p']])(
    '%s is not text',
    async (_, bytes, what, command) => {
      const message = (name: string) => `${name} ${what}, which is not supported yet`
      const path = file("it's.bin", bytes)
      const sqlPath = path.replaceAll("'", "''")
      const refused = await refusal(bench.db.copy(`COPY t FROM '${sqlPath}' CSV`))
      expect(refused).toMatchObject({ sqlState: '0A000', message: message(`file "${path}"`), position: { file: path } })
      expect(refused.hint).toContain(command)
      for (const createTable of [false, true]) {
        const table = createTable ? 'fresh' : 't'
        const stdin = [new Uint8Array(), bytes, Buffer.from('more')]
        const error = await refusal(bench.db.copy(`COPY ${table} FROM STDIN CSV HEADER`, { stdin, createTable }))
        expect(error).toMatchObject({ sqlState: '0A000', message: message('the input') })
      }
    },
  )

  test.each([
    ['little', utf16, '0xff'],
    ['big', Buffer.from(utf16).swap16(), '0xfe'],
  ])('UTF-16, %s end first, is not UTF-8, and what to do about it is said', async (_, bytes, byte) => {
    const path = file('utf16.csv', bytes)
    const refused = await refusal(bench.db.copy(`COPY t FROM '${path}' CSV`))
    const message = `invalid byte sequence for encoding "UTF8": ${byte}`
    expect(refused).toMatchObject({ sqlState: '22021', message })
    expect(refused.hint).toContain("add ENCODING 'UTF16'")
    // Elsewhere they tell nothing, and neither does one of them.
    for (const input of [Buffer.from('1,\xff\xfe\n', 'latin1'), Buffer.from('\xff1,a\n', 'latin1')]) {
      const other = await refusal(bench.db.copy('COPY t FROM STDIN CSV', { stdin: [input] }))
      expect([other.sqlState, other.hint]).toEqual(['22021', undefined])
    }
    const escaped = await refusal(bench.db.copy('COPY t FROM STDIN', { stdin: '1\t\\777\n' }))
    expect([escaped.sqlState, escaped.hint]).toEqual(['22021', undefined])
    await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, HEADER, ENCODING 'UTF16')`)
    expect(await rows()).toEqual([['1', 'a']])
  })

  test('text that only begins like something else is loaded', async () => {
    await bench.sql('ALTER TABLE t ALTER id TYPE text')
    await load('PAR1,a\nBZh9,b\nPK,c\n')
    expect(await rows()).toEqual([
      ['BZh9', 'b'],
      ['PAR1', 'a'],
      ['PK', 'c'],
    ])
  })

  describe('a table of one column is not created', () => {
    test.each([
      ['CSV HEADER', 'id;name\n1;a\n2;b\n', '","', '";" once', "DELIMITER ';' they have 2"],
      ['CSV', '\ufeffid\tname\ty\r\n1\ta\t3\r\n', '","', 'tab 2 times', "DELIMITER E'\\t' they have 3"],
      ['CSV HEADER', 'a|"x|y"\n1|2', '","', '"|" once', "DELIMITER '|' they have 2"],
      ['', 'id,name,z\n1,a,\n', 'tab', '"," 2 times', 'FORMAT csv they have 3'],
      ["CSV HEADER DELIMITER ';'", 'id,name\n1,a\n', '";"', '"," once', "DELIMITER ',' they have 2"],
    ])('with %s from %j', async (options, content, delimiter, found, hint) => {
      const name = file('other.csv', content)
      for (const from of [`'${name}'`, 'STDIN']) {
        const call = { createTable: true, ...(from === 'STDIN' && { stdin: [content.slice(0, 3), content.slice(3)] }) }
        const error = await refusal(bench.db.copy(`COPY fresh FROM ${from} ${options}`, call))
        expect(error).toMatchObject({
          sqlState: '22P04',
          message: `cannot create table "fresh": no line has the delimiter ${delimiter}`,
          position: { file: from === 'STDIN' ? from : name, line: 1 },
        })
        expect(error.detail).toContain(found)
        expect(error.hint).toContain(hint)
      }
    })

    test.each([
      ['that it names', '(line) FROM', 'CSV', 'id;name\n1;a\n'],
      ['whose lines differ', 'FROM', 'CSV HEADER', 'note\nfirst; second\n'],
      ['of one line', 'FROM', 'CSV', 'id;name\n'],
      ['of quoted fields', 'FROM', 'CSV', '"a;b"\n"c;d"\n'],
      ['of quoted fields of several lines', 'FROM', 'CSV', '"a\n;b"\n"c\n;d"\n'],
      ['of a log', 'FROM', '', '10:00:00,123 start\n10:00:01,004 end\n'],
      ['of places', 'FROM', '', 'City, State\nBoston, MA\n'],
      ['of words', 'FROM', 'CSV', 'one\ntwo\n'],
    ])('except one %s', async (_, from, options, content) => {
      const call = { stdin: content, createTable: true }
      const receipt = await bench.db.copy(`COPY fresh ${from} STDIN ${options}`, call)
      expect(receipt.columns).toHaveLength(1)
    })
  })

  test('what is wrong with the first line of a table to be created is said of that table', async () => {
    const path = file('header.csv', 'id,"name\n1,a\n')
    const refused = await refusal(bench.db.copy(`COPY fresh FROM '${path}' (FORMAT csv, HEADER, CREATE_TABLE)`))
    expect(refused.context).toMatch(/^COPY fresh, line 1: "id,/)
    expect(refused.position).toMatchObject({ file: path, line: 1 })
  })

  test.each([
    ["date '2020-01-01'", 'date', 5],
    ['  ( now() )', 'timestamp with time zone', 4],
  ])('the condition %s is no truth value', async (condition, type, server) => {
    const statement = `COPY t FROM STDIN WHERE ${condition}`
    const error = await refusal(bench.db.copy(statement, { stdin: '1\ta\n' }))
    expect(error).toMatchObject({ sqlState: '42804', code: 'datatype_mismatch', context: undefined, position: {} })
    expect(error.message.toLowerCase()).toBe(`argument of where must be type boolean, not type ${type}`)
    // DuckDB does not say which part of it.
    const offset = statement.indexOf(condition) + (bench.db.kind === 'postgres' ? server : condition.search(/\S/))
    expect(error.statement).toEqual({ text: statement, offset })
  })

  test('a subquery as the condition', async () => {
    const statement = 'COPY t FROM STDIN WHERE (SELECT true)'
    const load = bench.db.copy(statement, { stdin: '1\ta\n' })
    expect(await refusal(load)).toMatchObject({ sqlState: '0A000', statement: { text: statement, offset: 24 } })
  })

  test('of two loads that create one table at a time, one is told', async () => {
    const db = await connect(bench.url ?? ':memory:')
    // The input is read when the table has been looked for, so that both find it missing.
    let waiting = 2
    let open = () => {}
    const both = new Promise<void>((resolve) => {
      open = resolve
    })
    const rows = async function* () {
      waiting -= 1
      if (waiting <= 0) open()
      await both
      yield '1,a\n'.repeat(20_000)
    }
    try {
      const load = () => db.copy('COPY fresh FROM STDIN CSV', { stdin: rows(), createTable: true })
      const settled = await Promise.allSettled([load(), load()])
      expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(settled.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: {
          code: 'duplicate_table',
          sqlState: '42P07',
          message: 'relation "fresh" already exists',
          hint: 'Run the statement again.',
        },
      })
      expect(await load()).toMatchObject({ rowsLoaded: 20_000 })
    } finally {
      await db.close()
    }
  })

  test('a schema and a database that do not exist', async () => {
    for (const createTable of [false, true]) {
      const statement = "COPY nowhere.t FROM 'x'"
      const error = await refusal(bench.db.copy(statement, { createTable }))
      expect(error).toMatchObject({
        code: 'invalid_schema_name',
        sqlState: '3F000',
        message: 'schema "nowhere" does not exist',
        hint: undefined,
        statement: { text: statement, offset: 5 },
      })
      if (bench.db.kind === 'postgres') continue
      expect(await refusal(bench.db.copy('COPY nodb.main.t FROM STDIN', { stdin: '1', createTable }))).toMatchObject({
        code: 'invalid_catalog_name',
        sqlState: '3D000',
        message: 'database "nodb" does not exist',
        statement: { offset: 5 },
      })
      expect(await refusal(bench.db.copy('COPY memory.no.t FROM STDIN', { stdin: '1', createTable }))).toMatchObject({
        sqlState: '3F000',
        statement: { offset: 12 },
      })
    }
    await bench.sql('CREATE SCHEMA s')
    expect(await refusal(bench.db.copy("COPY s.nowhere FROM 'x'"))).toMatchObject({ sqlState: '42P01' })
    if (bench.db.kind === 'postgres') {
      // The temporary schema is there whenever something is put into it.
      const call = { stdin: '1\n', createTable: true }
      expect(await bench.db.copy('COPY pg_temp.fresh (a) FROM STDIN', call)).toMatchObject({ rowsLoaded: 1 })
    }
  })
})
