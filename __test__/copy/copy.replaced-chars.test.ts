/** What takes the place of invalid characters, quotation marks and blank lines, and tables made of such inputs, on both targets. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-fields-')
const { file } = folder
const latin1 = (text: string) => Buffer.from(text, 'latin1')

describe.each(benches)('on $name', ({ name, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
  })

  afterEach(() => bench.close())

  const table = (columns: string) => bench.sql(`CREATE TABLE t (${columns})`)
  const load = (input: string | Uint8Array, rest: string, columns = '') =>
    bench.db.copy(`COPY t ${columns} FROM '${file('input', input)}' ${rest}`)
  const rows = (list = '*') => bench.sql(`SELECT ${list} FROM t ORDER BY 1`)
  const types = async () => {
    const found = await bench.sql(
      "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't' ORDER BY ordinal_position",
    )
    return found.map((row) => row.join(' ').toLowerCase())
  }

  describe('a replacement changes strings alone', () => {
    test.each([
      ['integer', '1\xff'],
      ['numeric(8,2)', '1.\xff'],
      ['date', '2024-0\xff-01'],
      ['timestamp', '2024-01-01 00:00:0\xff'],
      ['boolean', '\xff'],
      ['double precision', '\xff'],
      ['integer[]', name === 'postgres' ? '{\xff}' : '[\xff]'],
    ])('%s', async (type, value) => {
      await table(`a ${type}, b text`)
      const input = latin1(`${value}|x\xffy\n`)
      const error = await load(input, "(FORMAT csv, DELIMITER '|', REPLACE_INVALID_CHARS '1')").catch((cause) => cause)
      expect(error.sqlState).toMatch(/^22/)
      expect(error.position).toMatchObject({ line: 1, column: 'a' })
      const skipped = await load(input, "(FORMAT csv, DELIMITER '|', REPLACE_INVALID_CHARS '1', ON_ERROR skip_row)")
      expect(skipped).toMatchObject({ rowsLoaded: 0, rowsRejected: 1 })
      const mended = await load(
        latin1(`${value}|x\xffy\n|z\n`),
        "(FORMAT csv, DELIMITER '|', REPLACE_INVALID_CHARS '1', ON_ERROR set_null)",
      )
      expect(mended).toMatchObject({ rowsLoaded: 2, rowsReplaced: 1 })
      expect(await bench.sql('SELECT a, b FROM t ORDER BY b')).toEqual([
        [null, 'x1y'],
        [null, 'z'],
      ])
    })

    test('also where escapes stand for the characters, and in the message', async () => {
      await table('a integer, b text')
      const error = await refusalOf(bench, load('1\\xff\tx\n', "(NULL '', REPLACE_INVALID_CHARS '^')"))
      expect(error).toMatchObject({ sqlState: '22P02', message: 'invalid input syntax for type integer: "1\ufffd"' })
      await load('1\tx\\xff\n', "(NULL '', REPLACE_INVALID_CHARS '^')")
      expect(await rows()).toEqual([['1', 'x^']])
    })

    test('a space for NUL makes no other number', async () => {
      await table('a integer, b text')
      await load('1\0,x\0y\n', '(FORMAT csv, COMPATIBLE_ILLEGAL_CHARS)')
      expect(await rows()).toEqual([['1', 'x y']])
    })
  })

  test('a long line of quotation marks that close nothing costs no more than its length', async () => {
    await table('a text, b text')
    const input = '"a|'.repeat(60_000)
    const before = performance.now()
    const error = await refusalOf(bench, load(`${input}\n`, "(DELIMITER '|', REMOVE_QUOTES)"))
    expect(error.sqlState).toBe('22P04')
    // 23 s when each mark looked at all fields behind it.
    expect(performance.now() - before).toBeLessThan(5_000)
    await load(`"a|b"|'c'\n'd|e'|"f\n|"\n"g"|h\n`, "(DELIMITER '|', REMOVE_QUOTES, ON_ERROR skip_row)")
    expect(await rows()).toEqual([
      ['a|b', 'c'],
      ['g', 'h'],
    ])
  })

  describe('empty lines before the header', () => {
    test.each([
      ['(FORMAT csv, HEADER, SKIP_BLANK_LINES)', '\n\na,b\n\n1,x\n2,"y\nz"\n'],
      ['(FORMAT csv, HEADER match, SKIP_BLANK_LINES)', '\r\n\r\na,b\r\n1,x\r\n\r\n2,"y\nz"\r\n'],
      ['(FORMAT csv, MAP BY NAME, SKIP_BLANK_LINES)', '\n\nb,a\nx,1\n"y\nz",2\n'],
      ["(DELIMITER '|', HEADER, SKIP_BLANK_LINES)", '\n\na|b\n1|x\n2|y\\nz\n'],
    ])('%s', async (options, input) => {
      await table('a integer, b text')
      expect(await load(input, options)).toMatchObject({ rowsLoaded: 2, headerLines: 1 })
      const all = [
        ['1', 'x'],
        ['2', 'y\nz'],
      ]
      expect(await rows()).toEqual(all)
      await bench.sql('DROP TABLE t')
      await bench.db.copy(`COPY t FROM STDIN ${options}`, {
        stdin: Array.from(Buffer.from(input), (byte) => Buffer.of(byte)),
        createTable: true,
      })
      expect(await rows('a, b')).toEqual(all)
    })

    test('more of them than are read at once, and where an error is then', async () => {
      await table('a integer, b text')
      const options = '(FORMAT csv, HEADER, SKIP_BLANK_LINES)'
      const blank = '\n'.repeat(1_200_000)
      expect(await load(`${blank}a,b\n1,x\n`, options)).toMatchObject({ rowsLoaded: 1, headerLines: 1 })
      await bench.sql('DELETE FROM t')
      const error = await refusalOf(bench, load('\n\na,b\n\nx,y\n', options))
      expect(error).toMatchObject({ sqlState: '22P02', position: { line: 5, column: 'a' } })
    })

    test('of rows that are refused, and loaded again', async () => {
      await table('a integer, b text')
      const receipt = await load('\na,b\nx,y\n1,z\n', '(FORMAT csv, HEADER, SKIP_BLANK_LINES, ON_ERROR skip_row)')
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
      await bench.sql('CREATE TABLE u (a text, b text)')
      expect(await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u`)).toMatchObject({ rowsLoaded: 1 })
      expect(await bench.sql('SELECT * FROM u')).toEqual([['x', 'y']])
    })
  })

  describe('the header under options about fields', () => {
    const options = "DELIMITER '|', REMOVE_QUOTES"
    test.each([
      [`(${options}, MAP BY NAME)`, '"b|c"|"a"\n"x"|"1"\n'],
      [`(${options}, HEADER match)`, '\'a\'|"b|c"\n1|"x"\n'],
      [`(${options}, HEADER, CREATE_TABLE)`, '"a"|"b|c"\n"1"|x\n'],
      ["(FORMAT csv, DELIMITER ';', MAP BY NAME, REPLACE_INVALID_CHARS '|')", 'b\xffc;a\nx;1\n'],
    ])('%s', async (rest, input) => {
      if (!rest.includes('CREATE_TABLE')) await table('a integer, "b|c" text')
      await load(latin1(input), rest)
      expect(await rows()).toEqual([['1', 'x']])
    })
  })

  describe('a table that is made of what the options make of the fields', () => {
    const [whole, string] = name === 'postgres' ? ['bigint', 'text'] : ['bigint', 'varchar']
    test.each([
      ["(FORMAT csv, HEADER, CREATE_TABLE, REPLACE_INVALID_CHARS '5')", 'a,b\n1,x\xff\n2\xff,y\n', [string, string]],
      ['(FORMAT csv, HEADER, CREATE_TABLE, COMPATIBLE_ILLEGAL_CHARS)', 'a,b\n1,x\xff\n', [whole, string]],
      ["(FORMAT csv, WHEN (1-1) = '1', CREATE_TABLE)", 'H,abc,1\n1,2\nH,abc,1\n', [whole, whole]],
      ["(FORMAT csv, HEADER, WHEN a = '1', CREATE_TABLE)", 'a,b\nH,x\n1,2\n', [whole, whole]],
      ["(FORMAT csv, HEADER, CREATE_TABLE, DIALECT 'redshift')", 'a,b,c\n1,,x\n,2,\n', [whole, whole, string]],
      ['(FORMAT csv, HEADER, CREATE_TABLE, EMPTY_AS_NULL)', 'a,b\n"",1\n2,""\n', [whole, whole]],
      ["(DELIMITER '|', HEADER, CREATE_TABLE, REMOVE_QUOTES)", 'a|b\n"1"|\'2\'\n', [whole, whole]],
      ["(FORMAT csv, HEADER, CREATE_TABLE, TIME_FORMAT 'HH24MI')", 'a,b\n1020,7\n0930,8\n', ['time', whole]],
      ["(FORMAT csv, HEADER, CREATE_TABLE, TIME_FORMAT 'HH24MI')", 'a,b\n1020,7\n', ['time', whole]],
    ])('%s', async (rest, input, expected) => {
      await load(latin1(input), rest)
      expect(
        (await types()).map((type) =>
          type.replace(/^\S+ (?:time without.*)?/, (found) => (found.includes('time') ? 'time' : '')),
        ),
      ).toEqual(expected)
    })

    test('FIXED, with fields that FILLER drops and in another order than the list', async () => {
      await load(
        '1xab\n2yc\n',
        '(FORMAT fixed, FORMATTER (b(2,2), a(0,1), x(1,1)), FILLER (x), CREATE_TABLE)',
        '(a, x, b)',
      )
      expect(await types()).toEqual([`a ${whole}`, `b ${string}`])
      expect(await rows()).toEqual([
        ['1', 'ab'],
        ['2', 'c'],
      ])
    })
  })

  test('FIXED: a field that FILLER drops may be the last of the line', async () => {
    await table('a text, b text')
    const fixed = (more: string) => `FIXED FORMATTER (a(0,2), b(2,1), x(3,1)) FILLER (x)${more}`
    for (const unit of ['', " UNIT 'chars'"]) {
      expect(await load('abxy\ncdz\n', fixed(unit), '(a, b, x)')).toMatchObject({ rowsLoaded: 2 })
      await bench.sql('DELETE FROM t')
      const error = await refusalOf(bench, load('abxyz\n', fixed(unit), '(a, b, x)'))
      expect(error).toMatchObject({ sqlState: '22P04', detail: expect.stringContaining('ends at 4') })
    }
    const nowhere = load('ab\n', 'FIXED FORMATTER (a(0,2)) FILLER (x)', '(a, x)')
    expect(await refusalOf(bench, nowhere)).toMatchObject({ sqlState: '42P10' })
  })

  test('MAP BY NAME takes the headers of several files in any case', async () => {
    await table('a integer, b text')
    const paths = [file('1.csv', 'a,b\n1,x\n'), file('2.csv', ' B ,A\ny,2\n')]
    await bench.db.copy(`COPY t FROM '${folder.path}' (FORMAT csv, MAP BY NAME, FILES ['1.csv', '2.csv'])`)
    expect(paths).toHaveLength(2)
    expect(await rows()).toEqual([
      ['1', 'x'],
      ['2', 'y'],
    ])
  })

  test('FIXED: the file of refused rows has a line like the others for a header', async () => {
    await table('a integer, b text')
    const rejects = join(folder.path, 'bad')
    const options = '(FORMAT fixed, FORMATTER (a(0,2), b(3,4)), HEADER, ON_ERROR skip_row)'
    const input = 'head\nxx abcd\n 1 efgh\n'
    const path = file('input', input)
    await bench.db.copy(`COPY t FROM '${path}' ${options}`, { rejects })
    expect(readFileSync(rejects, 'utf8')).toBe('a  b   \nxx abcd\n')
  })
})
