import { createReadStream, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CopyCallOptions, connect } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-inputs-')
const { file } = folder

describe.each(benches)('inputs on $name', ({ open }) => {
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

  test('an empty file loads no row', async () => {
    const receipt = await load('')
    expect(receipt).toMatchObject({ rowsRead: 0, rowsLoaded: 0, headerLines: 0, bytesRead: 0 })
    expect(await load('', 'FORMAT csv, HEADER')).toMatchObject({ rowsRead: 0, headerLines: 0 })
  })

  test('a header alone loads no row', async () => {
    expect(await load('id,name\n', 'FORMAT csv, HEADER')).toMatchObject({ rowsRead: 0, headerLines: 1 })
    expect(await load('id,name', 'FORMAT csv, HEADER match')).toMatchObject({ rowsRead: 0, headerLines: 1 })
  })

  test('lines before the header are passed over unread', async () => {
    const content = '\uFEFFReport "Q1\r\n\r\nid,name\r\n1,a\r\n2,b\r\n'
    const receipt = await load(content, 'FORMAT csv, HEADER match, SKIP 2')
    expect(receipt).toMatchObject({ rowsRead: 2, rowsLoaded: 2, headerLines: 1, linesSkipped: 2 })
    expect(receipt.bytesRead).toBe(Buffer.byteLength(content))
    await bench.sql('DELETE FROM t')
    const error = await refusal(load('\uFEFF"\nid,name\n1,a\nx,b\n', 'FORMAT csv, HEADER, SKIP 1'))
    expect(error.position).toMatchObject({ line: 4, byteOffset: 17, column: 'id' })
    expect(await load('one\ntwo', 'SKIP 5')).toMatchObject({ rowsRead: 0, linesSkipped: 2 })
    expect(await load('one\ntwo\n3\tc\n', 'SKIP 2')).toMatchObject({ rowsRead: 1, linesSkipped: 2 })
    const stdin = (async function* () {
      for (const part of ['a\r', '\nb', '\n4,d', '\n']) yield Buffer.from(part)
    })()
    expect(await bench.db.copy('COPY t FROM STDIN CSV SKIP 2', { stdin })).toMatchObject({ rowsLoaded: 1 })
  })

  test('a table that is created is named and typed by what follows them', async () => {
    const path = file('report', 'A report; of "many things\nid;price\n1;2,50\n2;-0,75\n')
    const options = "FORMAT csv, HEADER, SKIP 1, DELIMITER ';', DECIMAL_SEPARATOR ',', CREATE_TABLE"
    await bench.db.copy(`COPY made FROM '${path}' (${options})`)
    const [[sum] = []] = await bench.sql('SELECT sum(price) FROM made')
    expect(Number(sum)).toBe(1.75)
  })

  test.each([
    ['only native types', ''],
    ['a type that the server reads', ', m inet'],
  ])('a comma may be the decimal mark, with %s', async (_, more) => {
    if (more !== '' && bench.url === undefined) return
    await bench.sql(`CREATE TABLE prices (a real, b double precision, c numeric(8,2), d numeric, e text${more})`)
    const tail = more === '' ? '' : ';10.0.0.1'
    const content = `1,5;-2,25;1234,5;0,125;1,5${tail}\n;"3,75";7;-1;1.5${tail}\n`
    const options = "FORMAT csv, DELIMITER ';', DECIMAL_SEPARATOR ','"
    const copy = (text: string, rest = '') =>
      bench.db.copy(`COPY prices FROM '${file('prices', text)}' (${options}${rest})`)
    expect(await copy(content)).toMatchObject({ rowsLoaded: 2 })
    const numbers = (await bench.sql('SELECT a, b, c, d, e FROM prices ORDER BY b')).map((row) =>
      row.map((value, index) => (index === 4 || value === null ? value : Number(value))),
    )
    expect(numbers).toEqual([
      [1.5, -2.25, 1234.5, 0.125, '1,5'],
      [null, 3.75, 7, -1, '1.5'],
    ])
    const bad = `1.5;0;0;0;x${tail}\n1;0;1.234,5;0;x${tail}\n2;0;0;0;x${tail}\n`
    expect(await copy(bad, ', ON_ERROR skip_row')).toMatchObject({ rowsLoaded: 1, rowsRejected: 2 })
    // With DEFAULT rows travel as text: the server would be the one to refuse the number, and show it as it is written for it.
    for (const rest of ['', ", DEFAULT '-'"]) {
      expect(await refusal(copy(`1;0;1.234,5;0;x${tail}\n`, rest))).toMatchObject({
        sqlState: '22P02',
        message: 'invalid input syntax for type numeric: "1.234,5"',
        context: 'COPY prices, line 1, column c: "1.234,5"',
      })
    }
  })

  test('a number whose decimals are cut off is shown as it stands', async () => {
    await bench.sql('CREATE TABLE cut (a numeric(8,2))')
    for (const rest of ['', ", DEFAULT '-'"]) {
      const copy = bench.db.copy(`COPY cut FROM STDIN (DIALECT 'redshift'${rest})`, { stdin: '1.2399y\n' })
      expect(await refusal(copy)).toMatchObject({
        message: 'invalid input syntax for type numeric: "1.2399y"',
        context: 'COPY cut, line 1, column a: "1.2399y"',
      })
    }
  })

  // What stands behind decides whether the input is read record by record.
  test.each(['', '1,a\n', '1,a\n2\n'])(
    'lines of a first record are counted alike under every policy, before %j',
    async (rest) => {
      const lineOf = async (content: string, options: string) =>
        (await refusal(load(content, `FORMAT csv${options}`))).position?.line
      // A return may be a line end until the record has ended, and a line feed is none: so PostgreSQL counts.
      for (const [name, line] of [
        ['na\nme', 1],
        ['na\rme', 2],
      ] as const) {
        for (const policy of ['', ', ON_ERROR ignore', ', ON_ERROR skip_row']) {
          expect([policy, await lineOf(`id,"${name}"\n${rest}`, `, HEADER match${policy}`)]).toEqual([policy, line])
        }
        for (const policy of ['', ', ON_ERROR ignore']) {
          expect([policy, await lineOf(`1,"${name}",x\n${rest}`, policy)]).toEqual([policy, line])
        }
      }
    },
  )

  test('the last line may lack its end', async () => {
    expect(await load('1,a\n2,b')).toMatchObject({ rowsRead: 2, rowsLoaded: 2 })
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
  })

  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('%s line ends', async (_, eol) => {
    await load(['1,a', '2,"b', 'c"', '3,'].join(eol))
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['2', `b${eol}c`],
      ['3', null],
    ])
  })

  test('a byte order mark is removed, offsets are those of the file', async () => {
    await load('\uFEFF1,a\n')
    expect(await rows()).toEqual([['1', 'a']])
    await bench.sql('DELETE FROM t')
    const error = await refusal(load('\uFEFF1,a\nx,b\n'))
    expect(error.position).toMatchObject({ line: 2, byteOffset: 7, column: 'id' })
  })

  test('mixed line ends are refused', async () => {
    const error = await refusal(load('1,a\n2,b\r\n'))
    expect(error).toMatchObject({
      sqlState: '22P04',
      message: 'unquoted carriage return found in data',
      hint: 'Use quoted CSV field to represent carriage return.',
    })
    expect(error.position).toMatchObject({ line: 2, byteOffset: 4 })
  })

  test('a NUL byte is refused', async () => {
    const error = await refusal(load('1,a\n2,b\0c\n'))
    expect(error).toMatchObject({
      sqlState: '22021',
      code: 'character_not_in_repertoire',
      message: 'invalid byte sequence for encoding "UTF8": 0x00',
      context: 'COPY t, line 2',
    })
  })

  test('bytes that are not UTF-8 are refused', async () => {
    const error = await refusal(load(Buffer.from('1,a\n2,caf\xe9\n', 'latin1')))
    expect(error).toMatchObject({ sqlState: '22021', message: 'invalid byte sequence for encoding "UTF8": 0xe9 0x0a' })
  })

  test('an unterminated quote says where it opened', async () => {
    const error = await refusal(load('1,a\n2,"b\n3,c\n4,d\n'))
    expect(error).toMatchObject({ sqlState: '22P04', message: 'unterminated CSV quoted field' })
    expect(error.hint).toContain('byte 6')
    expect(error.position).toMatchObject({ byteOffset: 4 })
  })

  test('too few and too many columns', async () => {
    expect(await refusal(load('1,a\n2\n'))).toMatchObject({
      sqlState: '22P04',
      message: 'missing data for column "name"',
      context: 'COPY t, line 2: "2"',
    })
    expect(await refusal(load('1,a\n2,b,c\n'))).toMatchObject({
      sqlState: '22P04',
      message: 'extra data after last expected column',
      context: 'COPY t, line 2: "2,b,c"',
    })
  })

  test('a value that its type refuses', async () => {
    const error = await refusal(load('1,a\n 2 ,b\nthree,c\n'))
    expect(error).toMatchObject({
      code: 'invalid_text_representation',
      sqlState: '22P02',
      message: 'invalid input syntax for type integer: "three"',
      context: 'COPY t, line 3, column id: "three"',
    })
    expect(error.position).toMatchObject({ line: 3, byteOffset: 10, column: 'id' })
  })

  test('the first error of the file wins, at any number of threads', async () => {
    const lines = Array.from({ length: 200_000 }, (_, index) => `${index},name ${index}`)
    lines[190_000] = 'late,x'
    lines[150_000] = 'first,x'
    lines[150_001] = '1,2,3'
    const content = `${lines.join('\n')}\n`
    for (const threads of [1, 2, 8]) {
      const error = await refusal(load(content, 'FORMAT csv', { threads }))
      expect(error.context).toBe('COPY t, line 150001, column id: "first"')
    }
  })

  test('a field of 10 MB', async () => {
    const long = 'x'.repeat(10 * 1024 * 1024)
    await load(`1,${long}\n2,"${long}\n"\n`)
    expect(await bench.sql('SELECT id, length(name) FROM t ORDER BY id')).toEqual([
      ['1', String(long.length)],
      ['2', String(long.length + 1)],
    ])
  })

  test('a record over the memory limit', async () => {
    const error = await refusal(
      load(`1,a\n2,${'x'.repeat(2_000_000)}\n`, 'FORMAT csv', { memoryLimit: 2 * 1024 * 1024 }),
    )
    expect(error).toMatchObject({ sqlState: '54000', code: 'program_limit_exceeded' })
    expect(error.message).toContain('memory limit')
    expect(error.position.byteOffset).toBe(4)
  })

  test('a missing file, a directory, a path through a file', async () => {
    const missing = join(folder.path, 'missing.csv')
    expect(await refusal(bench.db.copy(`COPY t FROM '${missing}'`))).toMatchObject({
      sqlState: '58P01',
      code: 'undefined_file',
      message: `could not open file "${missing}" for reading: No such file or directory`,
    })
    // A folder is what is in it, but one of FILES is a file.
    const list = `COPY t FROM '${dirname(folder.path)}' (FORMAT text, FILES = ['${basename(folder.path)}', 'x'])`
    expect(await refusal(bench.db.copy(list))).toMatchObject({
      sqlState: '42809',
      message: `"${folder.path}" is a directory`,
    })
    const through = `${file('plain', 'x')}/y`
    expect(await refusal(bench.db.copy(`COPY t FROM '${through}'`))).toMatchObject({ sqlState: '58030' })
  })

  test('a table and a column that do not exist', async () => {
    const statement = "COPY nowhere FROM 'x'"
    expect(await refusal(bench.db.copy(statement))).toMatchObject({
      sqlState: '42P01',
      code: 'undefined_table',
      statement: { text: statement, offset: 5 },
    })
    expect(await refusal(bench.db.copy("COPY t (id, nam) FROM 'x'"))).toMatchObject({
      sqlState: '42703',
      message: 'column "nam" of relation "t" does not exist',
      hint: 'Did you mean "name"?',
    })
  })

  test('generated columns are left out, and refused when named', async () => {
    const kind = bench.db.kind === 'postgres' ? 'STORED' : 'VIRTUAL'
    await bench.sql(`CREATE TABLE g (a integer, b integer GENERATED ALWAYS AS (a * 2) ${kind}, c text)`)
    await bench.db.copy(`COPY g FROM '${file('input', '1,x\n')}' CSV`)
    expect(await bench.sql('SELECT * FROM g')).toEqual([['1', '2', 'x']])
    await expect(bench.db.copy("COPY g (a, b) FROM 'x' CSV")).rejects.toMatchObject({
      sqlState: '42P10',
      message: 'column "b" is a generated column',
      detail: 'Generated columns cannot be used in COPY.',
    })
  })

  test('columns that are not in the list take their default', async () => {
    await bench.sql("CREATE TABLE d (a integer DEFAULT 5, b text DEFAULT 'none', c integer)")
    await bench.db.copy(`COPY d (c, b) FROM '${file('input', '1,x\n2,\n')}' CSV`)
    expect(await bench.sql('SELECT * FROM d ORDER BY c')).toEqual([
      ['5', 'x', '1'],
      ['5', null, '2'],
    ])
  })

  test('DEFAULT asks for the column default, field by field', async () => {
    await bench.sql("CREATE TABLE d (a integer DEFAULT 5, b text DEFAULT 'none', c integer)")
    const content = '1,x,1\n\\D,\\D,2\n"\\D",y,3\n'
    await expect(
      bench.db.copy(`COPY d FROM '${file('input', content)}' (FORMAT csv, DEFAULT '\\D')`),
    ).rejects.toMatchObject({ sqlState: '22P02', context: expect.stringContaining('line 3, column a: "\\D"') })
    await bench.db.copy(`COPY d FROM '${file('input', content.slice(0, 14))}' (FORMAT csv, DEFAULT '\\D')`)
    expect(await bench.sql('SELECT * FROM d ORDER BY c')).toEqual([
      ['1', 'x', '1'],
      ['5', 'none', '2'],
    ])
    await expect(
      bench.db.copy(`COPY d FROM '${file('input', '1,x,\\D\n')}' (FORMAT csv, DEFAULT '\\D')`),
    ).rejects.toMatchObject({
      sqlState: '22P04',
      message: 'unexpected default marker in COPY data',
      detail: 'Column "c" has no default value.',
    })
  })

  test('WHERE holds rows back and the receipt balances', async () => {
    const path = file('input', '1,a\n2,b\n3,c\n')
    const receipt = await bench.db.copy(`COPY t FROM '${path}' CSV WHERE id % 2 = 1`)
    expect(receipt).toMatchObject({ rowsRead: 3, rowsLoaded: 2, rowsFiltered: 1 })
    expect((await rows()).map(([id]) => id)).toEqual(['1', '3'])
  })

  test('HEADER match', async () => {
    await load('id,name\n1,a\n', 'FORMAT csv, HEADER match')
    await bench.sql('DELETE FROM t')
    expect(await refusal(load('id,nom\n1,a\n', 'FORMAT csv, HEADER match'))).toMatchObject({
      sqlState: '22P04',
      message: 'column name mismatch in header line field 2: got "nom", expected "name"',
      context: 'COPY t, line 1: "id,nom"',
    })
    expect(await refusal(load('id\n1\n', 'FORMAT csv, HEADER match'))).toMatchObject({
      message: 'wrong number of fields in header line: got 1, expected 2',
    })
  })

  test('TEXT escapes, NULL and the end marker', async () => {
    await load('1\ta\\tb\\\\c\\x41\\101\\n\n2\t\\N\n\\.\nanything at all', 'FORMAT text')
    expect(await rows()).toEqual([
      ['1', 'a\tb\\cAA\n'],
      ['2', null],
    ])
  })

  test('streams: Readable, web stream, iterables, strings', async () => {
    const chunks = () => [Buffer.from('1\t'), new Uint8Array(Buffer.from('a\n')), Buffer.from('2\tb')]
    const sources = [
      Readable.from(chunks()),
      new Blob(chunks()).stream(),
      chunks(),
      (async function* () {
        yield* chunks()
      })(),
      ['1\ta\n', '2\tb\n'],
    ]
    for (const stdin of sources) {
      const receipt = await bench.db.copy('COPY t FROM STDIN', { stdin: stdin as CopyCallOptions['stdin'] & object })
      expect(receipt.files).toMatchObject([
        { path: 'STDIN', bytes: receipt.bytesRead, rows: 2, rowsLoaded: 2, rowsRejected: 0 },
      ])
      expect(await rows()).toEqual([
        ['1', 'a'],
        ['2', 'b'],
      ])
      await bench.sql('DELETE FROM t')
    }
  })

  test('a stream that was read before is not taken for an empty one', async () => {
    const chunk = () => Buffer.from('1\ta\n')
    const chunks = () => [chunk()]
    const sources: (() => NonNullable<CopyCallOptions['stdin']>)[] = [
      () => Readable.from(chunks()),
      () => new Blob(chunks()).stream(),
      () => chunks().values(),
      () =>
        (async function* () {
          yield chunk()
        })(),
    ]
    const again = {
      sqlState: '22023',
      message: 'what the option "stdin" gives has been read by another statement already',
      hint: 'A stream can be read once: open it anew for each statement.',
    }
    for (const open of sources) {
      const stdin = open()
      expect((await bench.db.copy('COPY t FROM STDIN', { stdin })).rowsLoaded).toBe(1)
      await bench.sql('DELETE FROM t')
      const error = await refusal(bench.db.copy('COPY t FROM STDIN', { stdin }))
      // Of streams it is known that they have ended.
      const isStream = stdin instanceof Readable || stdin instanceof ReadableStream
      const ended = { ...again, message: 'the stream of the option "stdin" has been read to its end already' }
      expect(error).toMatchObject(isStream ? ended : again)
      // Read in part only.
      const begun = open()
      await refusal(bench.db.copy('COPY t FROM STDIN CSV', { stdin: begun }))
      expect((await refusal(bench.db.copy('COPY t FROM STDIN', { stdin: begun }))).sqlState).toBe('22023')
      await expect(bench.db.copy('COPY made FROM STDIN', { stdin: begun, createTable: true })).rejects.toMatchObject({
        sqlState: '22023',
      })
    }
    const rowsOnce = [{ id: 5, name: 'x' }].values()
    expect((await bench.db.copy('COPY t FROM STDIN', { rows: rowsOnce })).rowsLoaded).toBe(1)
    await bench.sql('DELETE FROM t')
    await expect(bench.db.copy('COPY t FROM STDIN', { rows: rowsOnce })).rejects.toMatchObject({
      ...again,
      message: again.message.replace('stdin', 'rows'),
    })
    // An array begins anew.
    const stdin = chunks()
    for (let time = 0; time < 2; time += 1) await bench.db.copy('COPY t FROM STDIN', { stdin })
    expect(await rows()).toHaveLength(2)
  })

  test('a stream that fails, and one of objects', async () => {
    const failing = Readable.from(
      (async function* () {
        yield Buffer.from('1\ta\n')
        throw new Error('the source broke')
      })(),
    )
    const error = await refusal(bench.db.copy('COPY t FROM STDIN', { stdin: failing }))
    expect(error.message).toContain('the source broke')
    expect(error.cause).toMatchObject({ message: 'the source broke' })
    expect(failing.destroyed).toBe(true)
    const objects = await refusal(bench.db.copy('COPY t FROM STDIN', { stdin: [{ id: 1 }] as never }))
    expect(objects.message).toContain('not bytes')
    for (const stdin of [['1\t\ud83d'], ['1\ta\ud83dx\n'], ['1\t\ud83d', Buffer.from('\n')], '1\t\ude00\n']) {
      const half = await refusal(bench.db.copy('COPY t FROM STDIN', { stdin }))
      expect(half.message).toContain('half a surrogate pair')
    }
  })

  test('numbers that are not read here are not read with another decimal mark', async () => {
    const options = "(FORMAT csv, DELIMITER ';', DECIMAL_SEPARATOR ',')"
    for (const type of ['double precision[]', ...(bench.url === undefined ? [] : ['money'])]) {
      await bench.sql(`CREATE TABLE amounts (a double precision, b ${type})`)
      await expect(bench.db.copy(`COPY amounts FROM STDIN ${options}`, { stdin: '1,5;1,5\n' })).rejects.toMatchObject({
        sqlState: '0A000',
        message: 'COPY DECIMAL_SEPARATOR cannot be used with column "b"',
      })
      expect(await bench.db.copy(`COPY amounts (a) FROM STDIN ${options}`, { stdin: '1,5\n' })).toMatchObject({
        rowsLoaded: 1,
      })
      expect(await bench.sql('SELECT a FROM amounts')).toEqual([['1.5']])
      await bench.sql('DROP TABLE amounts')
    }
  })

  test('strings may part a character', async () => {
    await bench.db.copy('COPY t FROM STDIN', { stdin: ['1\t\ud83d', '\ude00\n', '', '2\t\u{10000}', '\n'] })
    expect(await bench.sql('SELECT * FROM t ORDER BY 1')).toEqual([
      ['1', '😀'],
      ['2', '\u{10000}'],
    ])
  })

  test('a stream that fails before it is read, with and without the table', async () => {
    const missing = join(folder.path, 'not-there.csv')
    for (const createTable of [false, true]) {
      const table = createTable ? 'fresh' : 't'
      const load = bench.db.copy(`COPY ${table} FROM STDIN`, { stdin: createReadStream(missing), createTable })
      const error = await refusal(load)
      expect(error).toMatchObject({ sqlState: '58030', cause: { code: 'ENOENT' } })
    }
  })

  test('a long record from a stream of small chunks, in time', { timeout: 20_000 }, async () => {
    const chunks = function* () {
      yield '1\t'
      for (let sent = 0; sent < 8000; sent++) yield 'x'.repeat(1024)
      yield '\n2\tb\n'
    }
    await bench.db.copy('COPY t FROM STDIN', { stdin: chunks() })
    expect(await bench.sql('SELECT id, length(name) FROM t ORDER BY id')).toEqual([
      ['1', String(8000 * 1024)],
      ['2', '1'],
    ])
  })

  test('many long records stay within the memory limit', { timeout: 60_000 }, async () => {
    const memoryLimit = 16 * 1024 * 1024
    const record = Buffer.from(`1\t${'x'.repeat(1_900_000)}\n`)
    const before = process.memoryUsage.rss()
    let peak = before
    const records = function* () {
      for (let sent = 0; sent < 100; sent++) {
        peak = Math.max(peak, process.memoryUsage.rss())
        yield record
      }
    }
    const path = join(folder.path, 'long')
    writeFileSync(path, Buffer.concat([...records()]))
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    }, 5)
    await bench.db.copy(`COPY t FROM '${path}' WHERE id = 0`, { memoryLimit, threads: 2 })
    clearInterval(timer)
    // What the target itself and the allocator keep comes on top; without a bound it is ten times the limit.
    expect(peak - before).toBeLessThan(8 * memoryLimit)
  })

  test('the rows are the same, in order, at any number of threads', { timeout: 60_000 }, async () => {
    const lines = Array.from({ length: 150_000 }, (_, id) => `${id},"name ${id}${id % 7 === 0 ? '\n"", ' : ''}"`)
    const path = file('threads', `id,name\n${lines.join('\n')}\n`)
    const order = bench.db.kind === 'postgres' ? 'ctid' : 'rowid'
    const answers: unknown[] = []
    for (const threads of [1, 2, 8]) {
      await bench.db.copy(`COPY t FROM '${path}' CSV HEADER`, { threads })
      answers.push(await bench.sql(`SELECT count(*), md5(string_agg(id || name, ',' ORDER BY ${order})) FROM t`))
      await bench.sql(bench.db.kind === 'postgres' ? 'TRUNCATE t' : 'CREATE OR REPLACE TABLE t (id integer, name text)')
    }
    expect(answers[1]).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
    expect((answers[0] as string[][])[0]?.[0]).toBe('150000')
  })

  test('a table is created from the whole file, also from a stream that is spooled', { timeout: 60_000 }, async () => {
    const lines = Array.from({ length: 400_000 }, (_, id) => `${id},${id % 100},00${id % 10}`)
    lines[399_990] = '399990,n/a,7'
    const content = `id,value,code\n${lines.join('\n')}\n`
    const path = file('late', content)
    for (const [name, memoryLimit] of [
      ['whole', undefined],
      ['spooled', 1024 * 1024],
      ['held', 256 * 1024 * 1024],
    ] as const) {
      const call = { createTable: true, ...(memoryLimit === undefined ? {} : { memoryLimit }) }
      const receipt =
        name === 'whole'
          ? await bench.db.copy(`COPY ${name} FROM '${path}' CSV HEADER`, call)
          : await bench.db.copy(`COPY ${name} FROM STDIN CSV HEADER`, { ...call, stdin: createReadStream(path) })
      expect(receipt.createdTable).toMatch(/id"? bigint.*value"? (text|varchar).*code"? (text|varchar)/is)
      expect(await bench.sql(`SELECT count(*), sum(id) FROM ${name}`)).toEqual([['400000', '79999800000']])
    }
  })

  test('the bytes themselves, as a string and as a buffer', async () => {
    await bench.db.copy('COPY t FROM STDIN', { stdin: '1\ta\n' })
    await bench.db.copy('COPY t FROM STDIN', { stdin: Buffer.from('2\tb\n') })
    expect(await rows()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
  })

  test('arguments of the wrong type are refused and leak nothing', async () => {
    const copy = bench.db.copy.bind(bench.db) as (statement: unknown, options?: unknown) => Promise<unknown>
    for (const [statement, options] of [
      [undefined],
      ["COPY t FROM 'x'", { signal: {} }],
      ["COPY t FROM 'x'", { onProgress: 5 }],
      ["COPY t FROM 'x'", { bogus: 1 }],
      ["COPY t FROM 'x'", null],
      ['COPY t FROM STDIN', { stdin: 5 }],
      ['COPY t FROM STDIN', { stdin: {} }],
    ]) {
      expect(await refusal(copy(statement, options))).toMatchObject({ sqlState: '22023' })
    }
    for (const target of [undefined, null, 5, '']) {
      await expect(connect(target as never)).rejects.toMatchObject({ sqlState: '22023' })
    }
  })

  test('a data file is not taken for a DuckDB database', async () => {
    for (const name of ['data.csv', 'data.json']) {
      const path = file(name, '[{"a":1}]\n')
      await expect(connect(path)).rejects.toMatchObject({
        sqlState: '42809',
        message: `"${path}" is not a DuckDB database`,
      })
    }
  })

  test('stdin and FROM must agree', async () => {
    await expect(bench.db.copy('COPY t FROM STDIN')).rejects.toMatchObject({ sqlState: '22023' })
    await expect(bench.db.copy("COPY t FROM 'x'", { stdin: [] })).rejects.toMatchObject({ sqlState: '22023' })
    await expect(bench.db.copy("COPY t FROM 'x'", { threads: 0 })).rejects.toMatchObject({ sqlState: '22023' })
    await expect(bench.db.copy("COPY t FROM 'x'", { memoryLimit: 5 })).rejects.toMatchObject({ sqlState: '22023' })
  })

  test('progress is reported, at the end in full', async () => {
    const content = Array.from({ length: 100_000 }, (_, index) => `${index},name\n`).join('')
    const seen: number[] = []
    let last: { rowsRead: number; bytesRead: number; bytesTotal?: number } | undefined
    await load(content, 'FORMAT csv', {
      onProgress: (progress) => {
        seen.push(progress.rowsRead)
        last = progress
      },
    })
    expect(seen.length).toBeGreaterThan(0)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(last).toMatchObject({ rowsRead: 100_000, bytesRead: content.length, bytesTotal: content.length })
  })

  test('an abort before and during the load', async () => {
    const gone = new AbortController()
    gone.abort()
    await refusal(bench.db.copy("COPY t FROM 'x'", { signal: gone.signal }))
    const controller = new AbortController()
    const endless = Readable.from(
      (async function* () {
        for (let id = 0; ; id++) {
          yield Buffer.from(`${id}\tendless\n`.repeat(1000))
          if (id === 50) controller.abort()
        }
      })(),
    )
    const error = await refusal(bench.db.copy('COPY t FROM STDIN', { stdin: endless, signal: controller.signal }))
    expect(error).toMatchObject({ sqlState: '57014', code: 'query_canceled' })
  })

  test('an abort while the stream is silent settles at once', async () => {
    const silent = new Readable({ read() {} })
    silent.push('1\ta\n')
    const controller = new AbortController()
    const load = bench.db.copy('COPY t FROM STDIN', { stdin: silent, signal: controller.signal })
    setTimeout(() => controller.abort(), 100)
    const started = performance.now()
    expect(await refusal(load)).toMatchObject({ sqlState: '57014' })
    expect(performance.now() - started).toBeLessThan(2000)
    expect(silent.destroyed).toBe(true)
  })
})
