import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CopyError, copyFrom } from '../../lib/index.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-layouts-')

describe.each(benches)('fields that are not the columns one after the other, on $name', ({ name: target, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql("CREATE TABLE t (id integer, name text, amount numeric(8,2), note text DEFAULT 'none')")
  })

  afterEach(() => bench.close())

  const rows = () => bench.sql('SELECT id, name, amount, note FROM t ORDER BY id')
  const path = (content: string) => {
    const file = join(folder.path, 'input')
    writeFileSync(file, content)
    return file
  }
  const refusal = (load: Promise<unknown>) =>
    load.then(
      () => undefined,
      (error: unknown) => error as CopyError,
    )

  describe('at fixed places', () => {
    test("GaussDB's FORMATTER: padding, gaps, a header, what is not in the file", async () => {
      const input = path('ID NAME      --  AMOUNT\n 1 one       --    1.50\n 2 żółw   --   -2\n')
      const statement = `COPY t FROM '${input}' FIXED FORMATTER(id(0,2), name(3,10), amount(15,8)) HEADER`
      // Places are counted in bytes, of which the second name has seven.
      await bench.db.copy(statement)
      expect(await rows()).toEqual([
        ['1', 'one', '1.50', null],
        ['2', 'żółw', '-2.00', null],
      ])
      // A column that is not in the list is not loaded at all.
      await bench.sql('DELETE FROM t')
      await bench.db.copy(`COPY t (id, amount) FROM '${path('3\n')}' FIXED FORMATTER(id(0,1))`)
      expect(await rows()).toEqual([['3', null, null, 'none']])
    })

    test("Redshift's FIXEDWIDTH counts characters, and the columns by their order", async () => {
      const input = '1 żółw  1.5  x\n2 b     2    y\n'
      const statement = `COPY t FROM STDIN FIXEDWIDTH 'a:2,b:6,c:5,d:1' ROUNDEC`
      expect(await bench.db.copy(statement, { stdin: input })).toMatchObject({
        rowsLoaded: 2,
        dialect: { name: 'redshift' },
      })
      expect(await rows()).toEqual([
        ['1', 'żółw', '1.50', 'x'],
        ['2', 'b', '2.00', 'y'],
      ])
      const wrong = await refusal(bench.db.copy(`COPY t FROM STDIN FIXEDWIDTH 'a:2,b:6' ROUNDEC`, { stdin: input }))
      expect(wrong).toMatchObject({ sqlState: '22023', message: 'FIXEDWIDTH has 2 fields, and 4 columns are loaded' })
    })

    test('lines too short and too long, strictly and not', async () => {
      const input = path('1 one 1.50\n2 tw\n3 three3.00 more\nx four 4.00\n')
      const copy = (rest: string) =>
        bench.db.copy(`COPY t FROM '${input}' FIXED FORMATTER(id(0,2), name(2,4), amount(6,4)) ${rest}`)
      expect(await refusal(copy(''))).toMatchObject({
        sqlState: '22P04',
        message: 'missing data for column "amount"',
        position: { line: 2, byteOffset: 11 },
      })
      const rejects = join(folder.path, 'rejects')
      const receipt = await bench.db.copy(
        `COPY t FROM '${input}' FIXED FORMATTER(id(0,2), name(2,4), amount(6,4)) ON ERROR SKIP_ROW`.replace(
          'ON ERROR SKIP_ROW',
          "LOG ERRORS REJECT LIMIT '10'",
        ),
        { rejects },
      )
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 3 })
      await bench.sql('DELETE FROM t')
      expect(await copy("IGNORE_EXTRA_DATA FILL_MISSING_FIELDS 'multi' LOG ERRORS REJECT LIMIT '10'")).toMatchObject({
        rowsLoaded: 2,
        rowsRejected: 2,
      })
    })

    test('a table is made of them', async () => {
      const input = path('1 one  1.5\n2 two  2.5\n')
      await bench.db.copy(`COPY made FROM '${input}' FIXED FORMATTER(id(0,2), name(2,5), amount(7,3)) `, {
        createTable: true,
      })
      expect(await bench.sql('SELECT sum(id), sum(amount) FROM made')).toEqual([['3', '4']])
    })
  })

  test('WHEN names a column as a list of columns does, or a field as the header does', async () => {
    await bench.sql('CREATE TABLE w (kind text, "Sub" text)')
    const load = (column: string, rest = '') =>
      bench.db.copy(`COPY w FROM STDIN (FORMAT csv, HEADER, WHEN ${column} = 'a'${rest})`, {
        stdin: 'Kind,Sub\na,a\nb,b\n',
      })
    expect(await load('KIND')).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
    expect(await load('"Sub"')).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
    expect(await load('"kIND"', ', MAP BY NAME')).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
    if (target === 'duckdb') {
      expect(await load('"Kind"')).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
      expect(await load('Sub')).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
      return
    }
    expect(await refusal(load('"Kind"'))).toMatchObject({
      sqlState: '42703',
      message: 'WHEN column "Kind" is no field of the input',
      hint: 'Did you mean "kind"?',
    })
    expect(await refusal(load('Sub'))).toMatchObject({
      sqlState: '42703',
      message: 'WHEN column "sub" is no field of the input',
      hint: 'Names without double quotes are in lower case; write "Sub" with them.',
    })
  })

  describe('WHEN at fixed places', () => {
    const kept = async (content: string | Buffer, options: string) => {
      await bench.sql('DROP TABLE IF EXISTS w')
      await bench.sql('CREATE TABLE w (a text, b text)')
      const receipt = await bench.db.copy(`COPY w FROM STDIN FIXED FORMATTER (a(0,4), b(4,1)) ${options}`, {
        stdin: content,
      })
      const found = await bench.sql('SELECT a, b FROM w ORDER BY a')
      expect(receipt).toMatchObject({ rowsLoaded: found.length, rowsRead: found.length + receipt.rowsFiltered })
      return found
    }

    test("counts what FORMATTER counts: bytes of the file, or UNIT's characters", async () => {
      const bytes = 'üüX\nabcdX\nabcdY\n'
      const ofBytes = [
        ['abcd', 'X'],
        ['üü', 'X'],
      ]
      expect(await kept(bytes, "WHEN (5-5) = 'X'")).toEqual(ofBytes)
      expect(await kept(bytes, "WHEN b = 'X'")).toEqual(ofBytes)
      // Bytes 4 and 5 of the first line are half a character and an X, which no value is.
      expect(await kept(bytes, "WHEN (4-5) != 'dY'")).toEqual(ofBytes)
      expect(await kept(bytes, "WHEN (4-5) = 'dX'")).toEqual([['abcd', 'X']])
      expect(await kept('üüüüX\nabcdX\nabcdY\n', "UNIT chars WHEN (5-5) = 'X'")).toEqual([
        ['abcd', 'X'],
        ['üüüü', 'X'],
      ])
      // 你好 in GBK; as UTF-8 it has six bytes.
      const gbk = Buffer.concat([Buffer.from([0xc4, 0xe3, 0xba, 0xc3]), Buffer.from('X\nabcdX\nabcdY\n')])
      expect(await kept(gbk, "ENCODING 'gbk' WHEN (5-5) = 'X'")).toEqual([
        ['abcd', 'X'],
        ['你好', 'X'],
      ])
    })

    test('a line that ends before the place is no row', async () => {
      expect(await kept('abcdX\nüb\n', "WHEN (5-5) != 'Y'")).toEqual([['abcd', 'X']])
      expect(await kept('abcdX\nüb\n', "WHEN (5-5) != 'Y' IGNORE_EXTRA_DATA")).toEqual([['abcd', 'X']])
    })

    test.each(['', 'UNIT chars'])('is about a field that FILLER drops %s', async (unit) => {
      const load = async (condition: string, content: string) => {
        await bench.sql('DROP TABLE IF EXISTS w')
        await bench.sql('CREATE TABLE w (a text)')
        const statement = `COPY w (kind, a) FROM STDIN FIXED FORMATTER (kind(0,2), a(2,3)) FILLER (kind) ${unit} WHEN ${condition}`
        const { rowsFiltered } = await bench.db.copy(statement, { stdin: content })
        return [rowsFiltered, (await bench.sql('SELECT a FROM w ORDER BY a')).flat()]
      }
      const content = 'H all that stands here\nD abc\nDDxyz\n D4ü \n   \n'
      expect(await load("kind = 'D'", content)).toEqual([3, ['4ü', 'abc']])
      // Blanks are NULL, which neither is nor is not.
      expect(await load("kind != 'H'", content)).toEqual([2, ['4ü', 'abc', 'xyz']])
    })
  })

  test('fields that are read and dropped', async () => {
    const input = path('id,what,name\n1,"a, b",one\n2,,two\n')
    const receipt = await bench.db.copy(`COPY t (id, what, name) FROM '${input}' CSV HEADER FILLER (what)`)
    expect(receipt).toMatchObject({ rowsLoaded: 2, columns: ['id', 'name'] })
    expect(await bench.sql('SELECT id, name FROM t ORDER BY id')).toEqual([
      ['1', 'one'],
      ['2', 'two'],
    ])
    const rejects = join(folder.path, 'dropped')
    await bench.sql('DELETE FROM t')
    const statement = (from: string) => `COPY t (id, what, name) FROM '${from}' CSV HEADER FILLER (what) LOG ERRORS`
    await bench.db.copy(`${statement(path('id,what,name\nx,"a, b",one\n2,,two\n'))} REJECT LIMIT '5'`, { rejects })
    const again = await bench.db.copy(`${statement(rejects)} REJECT LIMIT '5'`)
    expect(again).toMatchObject({ rowsRead: 1, rowsRejected: 1 })
  })

  test("GaussDB's delimiters of several characters", async () => {
    const input = path('1$^&a$^b$^&2\n2$^&$^&\n')
    await bench.db.copy(`COPY t (id, name, amount) FROM '${input}' USING DELIMITERS '$^&' NULL ''`)
    expect(await rows()).toEqual([
      ['1', 'a$^b', '2.00', 'none'],
      ['2', null, null, 'none'],
    ])
    await bench.sql('DELETE FROM t')
    const csv = path('id||name\n1||"a||b"\nx||c\n')
    const rejects = join(folder.path, 'long')
    const statement = (from: string) =>
      `COPY t (id, name) FROM '${from}' CSV HEADER DELIMITER '||' LOG ERRORS REJECT LIMIT '5' DIALECT 'gaussdb'`
    expect(await bench.db.copy(statement(csv), { rejects })).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    expect(await bench.db.copy(statement(rejects))).toMatchObject({ rowsRead: 1, rowsRejected: 1 })
  })

  describe('by the names of the header', () => {
    const options = '(FORMAT csv, HEADER, MAP BY NAME)'

    test('in any order, with more and with fewer, as a file and as a stream', async () => {
      const content = 'extra,NAME,id\nx,one,1\ny,two,2\n'
      for (const [from, call] of [
        [`'${path(content)}'`, {}],
        ['STDIN', { stdin: content }],
      ] as const) {
        const receipt = await bench.db.copy(`COPY t FROM ${from} ${options}`, call)
        expect(receipt).toMatchObject({ rowsLoaded: 2, columns: ['id', 'name'], headerLines: 1 })
        expect(await rows()).toEqual([
          ['1', 'one', null, 'none'],
          ['2', 'two', null, 'none'],
        ])
        await bench.sql('DELETE FROM t')
      }
    })

    test.each([
      ['id,name,id\n1,a,2\n', 'id', 'They are the fields 1, 3.'],
      ['id,Name,NAME\n1,a,b\n', 'name', 'They are the fields 2, 3.'],
    ])('a column that several fields may be for is an error: %j', async (content, column, detail) => {
      const error = await refusal(bench.db.copy(`COPY t FROM '${path(content)}' ${options}`))
      const message = `the header has 2 fields for column "${column}"`
      expect(error).toMatchObject({ sqlState: '42702', message, detail })
      const twice = await bench.db.copy(`COPY t FROM '${path('id,x,x,name\n1,a,b,c\n')}' ${options}`)
      expect(twice).toMatchObject({ rowsLoaded: 1, columns: ['id', 'name'] })
    })

    test.runIf(target === 'postgres')('a field is loaded into one of two columns that differ by case', async () => {
      await bench.sql('CREATE TABLE cases (a int, "A" int)')
      await bench.db.copy(`COPY cases FROM '${path('A\n2\n')}' ${options}`)
      await bench.db.copy(`COPY cases FROM '${path('A,a\n4,3\n')}' ${options}`)
      expect(await bench.sql('SELECT a, "A" FROM cases ORDER BY "A"')).toEqual([
        [null, '2'],
        ['3', '4'],
      ])
      await bench.sql('CREATE TABLE words ("Foo" int, "FOO" int)')
      expect(await refusal(bench.db.copy(`COPY words FROM '${path('foo\n1\n')}' ${options}`))).toMatchObject({
        sqlState: '42702',
        message: 'the header\'s field "foo" may be column "Foo" or "FOO"',
      })
    })

    test('a column of the list that is not there is an error, and so is a header of other names', async () => {
      const error = await refusal(bench.db.copy(`COPY t (id, amount) FROM '${path('id,name\n1,a\n')}' ${options}`))
      expect(error).toBeInstanceOf(CopyError)
      expect(error).toMatchObject({ sqlState: '42703', message: 'the header has no field for column "amount"' })
      expect(error?.detail).toBe('Its fields are "id", "name".')
      expect(await refusal(bench.db.copy(`COPY t FROM '${path('a,b\n1,a\n')}' ${options}`))).toMatchObject({
        sqlState: '42703',
      })
      expect(await bench.db.copy(`COPY t FROM '${path('')}' ${options}`)).toMatchObject({ rowsRead: 0 })
    })

    test('errors are those of the columns', async () => {
      const error = await refusal(bench.db.copy(`COPY t FROM '${path('name,id\na,1\nb,x\n')}' ${options}`))
      expect(error).toMatchObject({ sqlState: '22P02', position: { line: 3, column: 'id' } })
    })
  })

  test('a backslash that means nothing', async () => {
    const input = path('1\ta\\tb\\\t1\tn\\N\n')
    await bench.db.copy(`COPY t FROM '${input}' WITHOUT ESCAPING NULL '-'`)
    expect(await rows()).toEqual([['1', 'a\\tb\\', '1.00', 'n\\N']])
  })

  describe('rows and values that are made or left out', () => {
    test("GaussDB's SEQUENCE and CONSTANT, with and without a list of columns", async () => {
      const rest = "CSV SEQUENCE (id (10, 5)) CONSTANT (note 'fixed')"
      const receipt = await bench.db.copy(`COPY t FROM '${path('one,1\ntwo,2\n')}' ${rest}`)
      expect(receipt).toMatchObject({ rowsLoaded: 2, columns: ['name', 'amount', 'id', 'note'] })
      expect(await rows()).toEqual([
        ['10', 'one', '1.00', 'fixed'],
        ['15', 'two', '2.00', 'fixed'],
      ])
      await bench.sql('DELETE FROM t')
      await bench.db.copy(`COPY t (id, what, name) FROM '${path('x,one\ny,two\n')}' ${rest} FILLER (what)`)
      expect(await rows()).toEqual([
        ['10', 'one', null, 'fixed'],
        ['15', 'two', null, 'fixed'],
      ])
      const wrong = await refusal(bench.db.copy(`COPY t FROM '${path('a\n')}' CSV CONSTANT (amount 'x')`))
      expect(wrong).toMatchObject({ sqlState: '22P02', message: 'invalid input syntax for type numeric: "x"' })
    })

    test('SEQUENCE counts from any bigint', async () => {
      await bench.sql('CREATE TABLE big (id bigint, down bigint, name text)')
      const sequences = 'id (9007199254740993, 4611686018427387904), down (-9223372036854775808, -0)'
      await bench.db.copy(`COPY big FROM STDIN SEQUENCE (${sequences})`, { stdin: 'a\nb\n' })
      expect(await bench.sql('SELECT * FROM big ORDER BY id')).toEqual([
        ['9007199254740993', '-9223372036854775808', 'a'],
        ['4620693217682128897', '-9223372036854775808', 'b'],
      ])
      const object = copyFrom({
        table: 'big',
        from: path('c\n'),
        sequence: [{ column: 'id', start: 9_223_372_036_854_775_807n, increment: 1 }],
        constant: [{ column: 'down', value: '1' }],
      })
      await bench.db.copy(object.text)
      expect(await bench.sql("SELECT id FROM big WHERE name = 'c'")).toEqual([['9223372036854775807']])
      for (const number of ['9223372036854775808', '-9223372036854775809', '1, 9_223_372_036_854_775_808']) {
        const statement = `COPY big FROM STDIN SEQUENCE (id (${number}))`
        const error = await refusal(bench.db.copy(statement, { stdin: '' }))
        expect(error).toMatchObject({
          sqlState: '22003',
          message: `value "${number.replace('1, ', '')}" is out of range for type bigint`,
          statement: { offset: statement.indexOf(number) + (number.startsWith('1') ? 3 : 0) },
        })
      }
      expect(() =>
        copyFrom({ table: 'big', from: 'f', sequence: [{ column: 'id', start: 1.5, increment: 1 }] }),
      ).toThrow('"start" of "sequence" must be a whole number, not 1.5')
    })

    test('a table that is made has the columns of SEQUENCE and CONSTANT', async () => {
      const made = "SEQUENCE (id (9007199254740993)) CONSTANT (source '1')"
      const content = path('7,x\n8,y\n')
      const explained = await bench.db.explain(`EXPLAIN COPY fresh FROM '${content}' CSV ${made}`, {
        createTable: true,
      })
      expect(explained.columns).toMatchObject([
        { detected: expect.not.stringContaining('the statement') },
        { detected: expect.not.stringContaining('the statement') },
        { name: 'id', detected: 'the statement makes it' },
        { name: 'source', detected: 'the statement makes it' },
      ])
      await bench.db.copy(`COPY fresh FROM '${content}' CSV ${made}`, { createTable: true })
      expect(await bench.sql('SELECT * FROM fresh ORDER BY id')).toEqual([
        ['7', 'x', '9007199254740993', '1'],
        ['8', 'y', '9007199254740994', '1'],
      ])
      expect(await bench.sql('SELECT length(source) FROM fresh WHERE id = 9007199254740993')).toEqual([['1']])
      await bench.db.copy(`COPY ordered (id, a, source, b) FROM '${content}' CSV ${made}`, { createTable: true })
      expect(await bench.sql('SELECT * FROM ordered ORDER BY id LIMIT 1')).toEqual([
        ['9007199254740993', '7', '1', 'x'],
      ])
      const header = path('id,name\n1,x\n')
      const error = await refusal(
        bench.db.copy(`COPY twice FROM '${header}' CSV HEADER SEQUENCE (id (1))`, { createTable: true }),
      )
      expect(error).toMatchObject({
        sqlState: '42701',
        message: 'column "id" is read from the input and made by the statement',
      })
    })

    test('a column of the same name in another case is read', async () => {
      // DuckDB has no such columns.
      if (bench.url === undefined) return
      await bench.sql('CREATE TABLE cases (id integer, "ID" integer, at timestamp)')
      await bench.db.copy(`COPY cases FROM '${path('7,2024-01-02\n')}' CSV SEQUENCE (id (1))`)
      expect(await bench.sql('SELECT id, "ID" FROM cases')).toEqual([['1', '7']])
    })

    test('numbers of records are the same at any number of threads', async () => {
      const input = path(Array.from({ length: 50_000 }, (_, i) => `n${i},${i % 7}\n`).join(''))
      for (const threads of [1, 2, 8]) {
        await bench.db.copy(`COPY t (name, amount) FROM '${input}' CSV SEQUENCE (id (1))`, { threads })
        expect(await bench.sql("SELECT count(*) FROM t WHERE name = 'n' || (id - 1)")).toEqual([['50000']])
        await bench.sql('DELETE FROM t')
      }
    })

    test('WHEN leaves rows out by a column or by bytes, before they are read', async () => {
      const content = '1,keep,1\nbad,leave,x\n3,keep,3\n'
      const copy = (when: string) => bench.db.copy(`COPY t (id, name, amount) FROM '${path(content)}' CSV WHEN ${when}`)
      expect(await copy("name = 'keep'")).toMatchObject({ rowsRead: 3, rowsLoaded: 2, rowsFiltered: 1 })
      expect(await copy("name != 'leave'")).toMatchObject({ rowsLoaded: 2, rowsFiltered: 1 })
      expect(await copy("(1-1) = '3'")).toMatchObject({ rowsLoaded: 1, rowsFiltered: 2 })
      expect(await refusal(copy("nothing = 'x'"))).toMatchObject({ sqlState: '42703' })
    })

    test("white space around the quotes of a field is no part of it in Redshift's CSV, but in PostgreSQL's", async () => {
      const content = '1, "a, b" ,\t"x ""y"" "\r\n" 2 ","c" d, z \r\n'
      const copy = (rest: string) => bench.db.copy(`COPY t (id, name, note) FROM '${path(content)}' ${rest}`)
      await copy('CSV ROUNDEC')
      expect(await bench.sql('SELECT id, name, note FROM t ORDER BY id')).toEqual([
        ['1', 'a, b', 'x "y" '],
        ['2', 'c d', ' z '],
      ])
      await bench.sql('DELETE FROM t')
      await copy("CSV NULL ''")
      expect(await bench.sql('SELECT id, name, note FROM t ORDER BY id')).toEqual([
        ['1', ' a, b ', '\tx "y" '],
        ['2', 'c d', ' z '],
      ])
    })

    test("Redshift's REMOVEQUOTES keeps all between the quotes, delimiters too", async () => {
      const copy = (content: string, rest = '') =>
        bench.db.copy(`COPY t (id, name, note) FROM '${path(content)}' REMOVEQUOTES ROUNDEC ${rest}`)
      await copy('1|"a|b"|\'|c"|\'\n2|it\'s|"x"\n"3"|\'\'|"last|"')
      expect(await bench.sql('SELECT id, name, note FROM t ORDER BY id')).toEqual([
        ['1', 'a|b', '|c"|'],
        ['2', "it's", 'x'],
        ['3', '', 'last|'],
      ])
      await bench.sql('DELETE FROM t')
      const message = 'a field begins with the quotation mark " and does not end with it'
      expect(await refusal(copy('1|"a|b\n'))).toMatchObject({ sqlState: '22P04', message })
      const receipt = await copy('1|"a|b\n2|"b|c"|d\n3|x\n', 'IGNOREALLERRORS')
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 2 })
      expect(await bench.sql('SELECT id, name, note FROM t')).toEqual([['2', 'b|c', 'd']])
    })

    test.each(["'\\0'", "'\\000'"])('Redshift has NULL AS %s for a field that is NUL alone', async (nul) => {
      for (const [format, content] of [
        ['', '1|\0|\0\n\0|x|y\n2|a|\0'],
        ['CSV', '1,\0,\0\r\n\0,"x",y\r\n2,a,\0'],
      ] as const) {
        await bench.sql('DELETE FROM t')
        const copy = (text: string) =>
          bench.db.copy(`COPY t (id, name, note) FROM '${path(text)}' ${format} NULL AS ${nul} ROUNDEC`)
        await copy(content)
        expect(await bench.sql('SELECT id, name, note FROM t ORDER BY id')).toEqual([
          ['1', null, null],
          ['2', 'a', null],
          [null, 'x', 'y'],
        ])
        // Neither target has NUL in its strings.
        const message = 'invalid byte sequence for encoding "UTF8": 0x00'
        expect(await refusal(copy(content.replace('x', 'x\0')))).toMatchObject({ sqlState: '22021', message })
      }
    })

    test("Redshift's blanks, empty fields, quotes and lines", async () => {
      await bench.sql('CREATE TABLE r (id integer, a text, b varchar(20))')
      const load = async (content: string, rest: string) => {
        await bench.sql('DELETE FROM r')
        const receipt = await bench.db.copy(`COPY r FROM '${path(content)}' ROUNDEC ${rest}`)
        return { receipt, rows: await bench.sql('SELECT id, a, b FROM r ORDER BY b') }
      }
      expect((await load('1|x  |  \n|y|z\n', 'TRIMBLANKS')).rows).toEqual([
        ['1', 'x', ''],
        [null, 'y', 'z'],
      ])
      expect((await load('1|  |z\n', 'BLANKSASNULL')).rows).toEqual([['1', null, 'z']])
      expect((await load('1||z\n', 'EMPTYASNULL')).rows).toEqual([['1', null, 'z']])
      expect((await load('1|"a"|\'b\'\n', 'REMOVEQUOTES')).rows).toEqual([['1', 'a', 'b']])
      const { receipt } = await load('1|a|b\n\n2|c|d\n', 'IGNOREBLANKLINES')
      expect(receipt).toMatchObject({ rowsRead: 2, rowsLoaded: 2 })
      await bench.sql('CREATE TABLE days (d date)')
      const any = await bench.db.copy(`COPY days FROM '${path('2024-01-02\nnever\n')}' ACCEPTANYDATE ROUNDEC`)
      expect(any).toMatchObject({ rowsLoaded: 2, rowsReplaced: 1 })
    })
  })

  describe('dates and times', () => {
    beforeEach(() => bench.sql('CREATE TABLE d (a date, b timestamp, c time, e timestamptz)'))
    const dates = () =>
      bench.sql(
        "SELECT CAST(a AS text), CAST(b AS text), CAST(c AS text), e = TIMESTAMPTZ '2024-01-02 03:04:05+00' FROM d",
      )

    test('by several patterns in order, and by those of strptime', async () => {
      const load = async (content: string, rest: string) => {
        await bench.sql('DELETE FROM d')
        await bench.db.copy(`COPY d (a, b) FROM '${path(content)}' ${rest}`)
        return bench.sql('SELECT CAST(a AS text), CAST(b AS text) FROM d ORDER BY b')
      }
      const two = '31.12.2023,2024-01-01 00:00\n20240102,2024-01-02 00:00\n'
      const expected = [
        ['2023-12-31', '2024-01-01 00:00:00'],
        ['2024-01-02', '2024-01-02 00:00:00'],
      ]
      expect(await load(two, "CSV DATE_FORMAT ('DD.MM.YYYY', 'YYYYMMDD')")).toEqual(expected)
      expect(
        await load(two, "(FORMAT csv, DATE_FORMAT ('%d.%m.%Y', '%Y%m%d'), TIMESTAMP_FORMAT '%Y-%m-%d %H:%M')"),
      ).toEqual(expected)
      expect(await load(two, "CSV DATE_FORMAT ('DD.MM.YYYY', 'auto') TIMEFORMAT 'auto' ROUNDEC")).toEqual(expected)
      const bad = await refusal(load('2023-12-31,\n', "CSV DATE_FORMAT ('DD.MM.YYYY', 'YYYYMMDD')"))
      expect(bad).toMatchObject({ sqlState: '22007', position: { line: 1, column: 'a' } })
      expect(await load(two, "CSV DATE_FORMAT ('%d.%m.%Y', 'auto')")).toEqual(expected)
      expect(await load(two, "CSV DATE_FORMAT ('YYYYMMDD', '%d.%m.%Y')")).toEqual(expected)
    })

    test("by GaussDB's formats", async () => {
      const input = path('31.12.2023,20240102 030405,13-05,20240102 040405\n')
      const formats = "DATE_FORMAT 'DD.MM.YYYY' TIMESTAMP_FORMAT 'YYYYMMDD HH24MISS' TIME_FORMAT 'HH24-MI'"
      await bench.db.copy(`COPY d (a, b, c) FROM '${path('31.12.2023,20240102 030405,13-05\n')}' CSV ${formats}`)
      expect((await dates())[0]?.slice(0, 3)).toEqual(['2023-12-31', '2024-01-02 03:04:05', '13:05:00'])
      await bench.sql('DELETE FROM d')
      const bad = await refusal(
        bench.db.copy(`COPY d FROM '${input.replace('31.', '31.')}' CSV ${formats.replace('DD.MM', 'MM.DD')}`),
      )
      expect(bad).toMatchObject({ position: { line: 1, column: 'a' } })
      expect(bad?.sqlState).toMatch(/^2200[78]$/)
    })

    test("by Redshift's, and by what they look like", async () => {
      const input = path('1704164645|2024-01-02T03:04:05Z\n')
      const statement = `COPY d (b, e) FROM '${input}' TIMEFORMAT 'epochsecs' NULL AS '' ROUNDEC DELIMITER '|'`
      const error = await refusal(bench.db.copy(statement))
      // One format for both columns: the second is no number of seconds.
      expect(error).toMatchObject({ position: { column: 'e' } })
      await bench.db.copy(`COPY d (b) FROM '${path('1704164645\n')}' TIMEFORMAT 'epochsecs' NULL AS '' ROUNDEC`)
      expect((await dates())[0]?.[1]).toBe('2024-01-02 03:04:05')
    })

    test('a format that is none is refused before anything is loaded', async () => {
      const error = await refusal(bench.db.copy(`COPY d (a) FROM '${path('x\n')}' CSV DATE_FORMAT 'YYYY-QQQQ-banana'`))
      expect(error).toBeInstanceOf(CopyError)
      expect(error).toMatchObject({ sqlState: '22023', message: expect.stringContaining('"YYYY-QQQQ-banana"') })
    })
  })
})
