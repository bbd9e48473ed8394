import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { copyFrom, translate } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-dialects-')
const { file } = folder

describe.each(benches)('dialects on $name', ({ open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(() => bench.close())

  test("a statement of Redshift is carried out by Redshift's rules, and the receipt says so", async () => {
    const path = file('input', 'one\ntwo\n1,\n2,\\N\n')
    const receipt = await bench.db.copy(`COPY t FROM '${path}' CSV NULL AS '' ROUNDEC COMPUPDATE OFF IGNOREHEADER 2`)
    expect(receipt).toMatchObject({
      rowsLoaded: 2,
      linesSkipped: 2,
      dialect: { name: 'redshift', found: 'words', word: 'ROUNDEC' },
      notes: [
        { option: 'COMPUPDATE' },
        {
          option: 'ROUNDEC',
          reason: 'no column that is loaded is numeric with a number of decimals, and it changes nothing here',
        },
      ],
    })
    expect(await bench.sql('SELECT name FROM t ORDER BY id')).toEqual([[null], ['\\N']])
  })

  test('what blanks in fields of fixed width become anyway is told', async () => {
    const path = file('input', '1  a \n2    \n')
    const plain = await bench.db.copy(`COPY t FROM '${path}' FIXEDWIDTH 'id:2,name:3'`)
    expect(plain).not.toHaveProperty('notes')
    const receipt = await bench.db.copy(
      `COPY t FROM '${path}' FIXEDWIDTH 'id:2,name:3' TRIMBLANKS BLANKSASNULL EMPTYASNULL`,
    )
    expect(receipt.notes?.map(({ option }) => option)).toEqual(['TRIMBLANKS', 'BLANKSASNULL', 'EMPTYASNULL'])
    expect(await bench.sql('SELECT name FROM t ORDER BY id, name')).toEqual([['a'], ['a'], [null], [null]])
    const csv = await bench.db.copy(`COPY t FROM STDIN (FORMAT csv, TRIMBLANKS)`, { stdin: '3,x \n' })
    expect(csv).not.toHaveProperty('notes')
  })

  test('a format that no column has a use for is told', async () => {
    const path = file('input', '1,a\n')
    const options = "FORMAT csv, DATE_FORMAT 'DD.MM.YYYY', SMALLDATETIME_FORMAT 'YYYY-MM-DD'"
    const notes = [
      { option: 'DATE_FORMAT', reason: 'no column that is loaded is of type date, and it changes nothing here' },
      { option: 'SMALLDATETIME_FORMAT' },
    ]
    expect(await bench.db.copy(`COPY t FROM '${path}' (${options})`)).toMatchObject({ rowsLoaded: 1, notes })
    expect(await bench.db.copy(`COPY t FROM '${path}' (${options}, VALIDATE_ONLY)`)).toMatchObject({ notes })
    expect(await bench.db.explain(`EXPLAIN COPY t FROM '${path}' (${options})`)).toMatchObject({ notes })
    await bench.sql('CREATE TABLE days (day date)')
    const days = file('days', '31.01.2024\n')
    const receipt = await bench.db.copy(`COPY days FROM '${days}' (FORMAT csv, DATE_FORMAT 'DD.MM.YYYY')`)
    expect(receipt).not.toHaveProperty('notes')
  })

  test('an option for values of a kind that no column has is told', async () => {
    await bench.sql('CREATE TABLE kinds (i integer, s text, f real, n numeric(8,2), d date)')
    const told = async (column: string, options: string) => {
      const statement = `COPY kinds (${column}) FROM STDIN (FORMAT csv, ${options})`
      const { notes } = await bench.db.copy(statement, { stdin: '\n' })
      return notes?.map(({ option }) => option)
    }
    for (const [options, fitting] of [
      ["DECIMAL_SEPARATOR ','", 'n'],
      ["DECIMAL_SEPARATOR ','", 'f'],
      ['ACCEPTANYDATE, ROUNDEC', 'd'],
      ['ROUNDEC', 'n'],
      ['TRIM_BLANKS', 's'],
      ['BLANKSASNULL, ROUNDEC', 's'],
      ["EMPTY_AS_NULL, DIALECT 'redshift'", 's'],
    ] as const) {
      const [option = ''] = /^\w+/.exec(options) ?? []
      expect(await told('i', options)).toContain(option)
      expect((await told(fitting, options)) ?? []).not.toContain(option)
    }
    // Outside of Redshift what is empty is NULL by it alone, whatever the column.
    expect(await told('i', 'EMPTY_AS_NULL')).toBeUndefined()
  })

  test("names in QuestDB's header say whose the fields are, given or found", async () => {
    await bench.sql('CREATE TABLE prices (price integer, qty integer)')
    const swapped = file('swapped', 'qty,PRICE\n1,200\n')
    for (const word of ['HEADER true', "DELIMITER ',' ON ERROR ABORT"]) {
      const receipt = await bench.db.copy(`COPY prices FROM '${swapped}' WITH ${word}`)
      expect(receipt).toMatchObject({ rowsLoaded: 1, fields: ['qty', 'PRICE'], dialect: { name: 'questdb' } })
    }
    const few = file('few', 'qty\n5\n')
    await bench.db.copy(`COPY prices FROM '${few}' WITH HEADER true`)
    const others = file('others', 'a,b\n6,7\n')
    await bench.db.copy(`COPY prices FROM '${others}' WITH HEADER true`)
    expect(await bench.sql('SELECT price, qty FROM prices ORDER BY qty')).toEqual([
      ['200', '1'],
      ['200', '1'],
      [null, '5'],
      ['6', '7'],
    ])
    const both = `COPY prices FROM '${file('both', 'qty,cost\n1,2\n')}' WITH HEADER true`
    await expect(bench.db.copy(both)).rejects.toMatchObject({
      sqlState: '42703',
      hint: expect.stringMatching(/MAP BY NAME/),
    })
    const { columns } = await bench.db.explain(`EXPLAIN COPY prices FROM '${swapped}' WITH HEADER true`)
    expect(columns?.map(({ name, from }) => [name, 'number' in from && from.number])).toEqual([
      ['price', 2],
      ['qty', 1],
    ])
  })

  test("rows that QuestDB's statement refuses are loaded again by their names", async () => {
    await bench.sql('CREATE TABLE prices (price integer, qty integer)')
    const bad = file('bad', 'qty,price\nx,200\n2,3\n')
    const receipt = await bench.db.copy(`COPY prices FROM '${bad}' WITH HEADER true ON ERROR SKIP_ROW`)
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    await bench.sql(
      bench.url === undefined ? 'ALTER TABLE prices ALTER qty TYPE VARCHAR' : 'ALTER TABLE prices ALTER qty TYPE text',
    )
    expect(await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO prices`)).toMatchObject({ rowsLoaded: 1 })
    expect(await bench.sql('SELECT price, qty FROM prices ORDER BY price')).toEqual([
      ['3', '2'],
      ['200', 'x'],
    ])
  })

  test.each(['HEADER', 'HEADER match', 'MAP BY NAME'])('IGNOREHEADER beside %s would pass over a row', async (word) => {
    const statement = `COPY t FROM '${file('input', 'id,name\n1,a\n')}' CSV IGNOREHEADER 1 ${word}`
    const form =
      word === 'HEADER match'
        ? statement.replace('CSV IGNOREHEADER 1 HEADER match', '(FORMAT csv, IGNOREHEADER 1, HEADER match)')
        : statement
    expect(await refusalOf(bench, bench.db.copy(form))).toMatchObject({
      sqlState: '22023',
      message: expect.stringContaining('cannot be used with IGNOREHEADER'),
    })
  })

  test('TRUNCATECOLUMNS where no column has a length is told', async () => {
    const statement = `COPY t FROM '${file('input', '1,a\n')}' CSV TRUNCATECOLUMNS`
    const notes = [
      { option: 'TRUNCATECOLUMNS', reason: 'no column that is loaded has a length, and it changes nothing here' },
    ]
    expect(await bench.db.copy(statement)).toMatchObject({ rowsLoaded: 1, notes })
    expect(await bench.db.explain(`EXPLAIN ${statement}`)).toMatchObject({ notes })
    await bench.sql('CREATE TABLE short (name varchar(2))')
    const receipt = await bench.db.copy(`COPY short FROM '${file('short', 'abc\n')}' CSV TRUNCATECOLUMNS`)
    // DuckDB forgets the length.
    expect(receipt.notes?.length).toBe(bench.url === undefined ? 1 : undefined)
  })

  test("GaussDB's other spellings of options", async () => {
    const path = file('input', 'id,name\r\n1,a\r\n')
    const load = (options: string) => bench.db.copy(`COPY t FROM '${path}' ${options}`)
    expect(await load("WITH (FORMAT 'CSV', HEADER, USEEOF)")).toMatchObject({ rowsLoaded: 1 })
    expect(await load('CSV HEADER USEEOF FORCE_NOT_NULL id, name')).toMatchObject({ rowsLoaded: 1 })
    const text = file('text', '1\ta\r2\tb\r')
    expect(await bench.db.copy(`COPY t FROM '${text}' EOL '0x0D'`)).toMatchObject({ rowsLoaded: 2 })
    const stdin = '3$^&c\n'
    expect(await bench.db.copy("COPY t FROM STDIN USING DELIMITERS '$^&'", { stdin })).toMatchObject({ rowsLoaded: 1 })
    await expect(bench.db.copy(`COPY t FROM '${text}' EOL '#' DELIMITER '|#|'`)).rejects.toMatchObject({
      sqlState: '22023',
      message: 'COPY delimiter cannot contain the EOL',
    })
  })

  test('strings of a type that only the server reads are strings', async () => {
    if (bench.url === undefined) return
    await bench.sql('CREATE TABLE named (a name, b text)')
    await bench.db.copy('COPY named FROM STDIN CSV TRIMBLANKS', { stdin: '"x  ",y  \n"",""\n' })
    expect(await bench.sql('SELECT * FROM named')).toEqual([
      ['x', 'y'],
      ['', ''],
    ])
  })

  test("QuestDB's statement, PostgreSQL's in its own words, and the same as an object", async () => {
    const path = file('input', 'id,name\n1,a\n')
    expect(await bench.db.copy(`COPY t FROM '${path}' WITH HEADER true ON ERROR ABORT`)).toMatchObject({
      rowsLoaded: 1,
      dialect: { name: 'questdb' },
    })
    const object = copyFrom({ table: 't', from: path, format: 'csv', header: true })
    expect(await bench.db.copy(object.text)).toMatchObject({ rowsLoaded: 1 })
    const { statement } = translate(`COPY t FROM '${path}' WITH HEADER true ON ERROR ABORT`, 'postgresql')
    const receipt = await bench.db.copy(statement)
    expect(receipt).toMatchObject({ rowsLoaded: 1 })
    expect(receipt).not.toHaveProperty('dialect')
  })

  test.each([
    ['id,name\n1,a\n2,b\n', true, 2],
    ['1,a\n2,b\n', false, 2],
    ['id,name\n', false, undefined],
    ['"1",a\n2,"b\nc"\n', false, 2],
    ['', false, 0],
  ] as const)('QuestDB finds out whether the first line of %j is a header: %s', async (content, isHeader, rows) => {
    for (const [from, call] of [
      [`'${file('input', content)}'`, {}],
      ['STDIN', { stdin: content }],
    ] as const) {
      const load = bench.db.copy(`COPY t FROM ${from} (DIALECT 'questdb')`, call)
      // Of text alone it is data, which this table does not take.
      if (rows === undefined) expect((await refusalOf(bench, load)).sqlState).toBe('22P02')
      else {
        const found = { headerDetected: isHeader, headerLines: isHeader ? 1 : 0, rowsLoaded: rows }
        expect(await load).toMatchObject(found)
      }
      await bench.sql('DELETE FROM t')
    }
    expect(await bench.db.copy(`COPY t FROM '${file('input', 'x,y\n1,a\n')}' WITH HEADER true`)).not.toHaveProperty(
      'headerDetected',
    )
  })

  test('QuestDB makes a table by the header that was found, of an input longer than what is looked at', async () => {
    const content = `id,"a, b"\n${Array.from({ length: 9_000 }, (_, i) => `${i},"n\n${i}"\n`).join('')}`
    const receipt = await bench.db.copy(`COPY made FROM '${file('input', content)}' (DIALECT 'questdb')`)
    expect(receipt).toMatchObject({ rowsLoaded: 9_000, headerDetected: true, createdTable: expect.anything() })
    expect(await bench.sql('SELECT sum(id) FROM made')).toEqual([[String((9_000 * 8_999) / 2)]])
    await bench.db.copy(`COPY u FROM '${file('input', 'a,b\nc,d\n')}' (DIALECT 'questdb')`)
    expect(await bench.sql('SELECT count(*) FROM u')).toEqual([['2']])
  })

  test('what is not carried out yet is refused before anything is read', async () => {
    for (const [rest, message, at] of [
      [
        "FROM 'missing' WITH HEADER true TIMESTAMP 'name' PARTITION BY DAY",
        'COPY PARTITION BY is not supported yet',
        'DAY',
      ],
    ] as const) {
      const error = await refusalOf(bench, bench.db.copy(`COPY t ${rest}`))
      expect([error.sqlState, error.message]).toEqual(['0A000', message])
      expect(error.statement?.text.slice(error.statement.offset).startsWith(at)).toBe(true)
      expect(error.hint).toBeDefined()
    }
  })

  test('refused rows are loaded once more by the rules of their statement', async () => {
    const path = file('input', 'head\n1|a\nx|\\N\n')
    const options = "CSV DELIMITER '|' NULL AS '' ROUNDEC IGNOREHEADER 1 IGNOREALLERRORS"
    const receipt = await bench.db.copy(`COPY t FROM '${path}' ${options}`)
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    await bench.sql('CREATE TABLE u (id text, name text)')
    const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u`)
    expect(again).toMatchObject({ rowsLoaded: 1, dialect: { name: 'redshift' } })
    expect(await bench.sql('SELECT * FROM u')).toEqual([['x', '\\N']])
    await bench.sql('DELETE FROM t')
    const error = await refusalOf(bench, bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u WITH (NOLOAD)`))
    expect(error.message).toBe('COPY REJECTS cannot validate only')
  })
})
