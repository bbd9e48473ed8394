/** How the dialects' own options read values and records, on both targets. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-values-')
const { file } = folder

describe.each(benches)('on $name', ({ name, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
    await bench.sql('CREATE TABLE v (id integer, moment timestamp, amount numeric(8,2))')
  })

  afterEach(() => bench.close())

  const rows = () => bench.sql('SELECT id, name FROM t ORDER BY id')

  describe("GaussDB's EOL", () => {
    test.each([
      ["EOL '$#'", '1\ta\nb\\$#\r$#2\t$\\##$#'],
      ["EOL E'\\r\\n'", '1\ta\\\nb$#\\\r\r\n2\t$##\r\n'],
      ["WITH (EOL '→→→', FORMAT text)", '1\ta\nb$#\r→→→2\t$##'],
    ])('%s', async (eol, input) => {
      expect(await bench.db.copy(`COPY t FROM '${file('input', input)}' ${eol}`)).toMatchObject({
        rowsLoaded: 2,
        dialect: { name: 'gaussdb' },
      })
      expect(await rows()).toEqual([
        ['1', 'a\nb$#\r'],
        ['2', '$##'],
      ])
    })

    test('ten bytes, without escapes, with SKIP, and a table that is made', async () => {
      const input = ['skipped\n', 'i|\\n', '7|b\nc'].map((line) => `${line}§§§$$#!`).join('')
      const statement = `COPY made FROM '${file('input', input)}' DELIMITERS '|' WITHOUT ESCAPING EOL '§§§$$#!' SKIP 1`
      const receipt = await bench.db.copy(statement, { createTable: true })
      expect(receipt).toMatchObject({ rowsLoaded: 2, linesSkipped: 1, createdTable: expect.anything() })
      expect(await bench.sql('SELECT * FROM made ORDER BY 1')).toEqual([
        ['7', 'b\nc'],
        ['i', '\\n'],
      ])
    })

    test.each([
      ["EOL '$,' DELIMITER ','", 'COPY EOL and delimiter must not end with the same character'],
      ["EOL '\\$'", 'COPY EOL cannot contain a backslash, which escapes'],
      ["CSV EOL '$$'", 'COPY EOL requires TEXT mode'],
      ["FIXED FORMATTER (id(0,2)) EOL '$$'", 'COPY EOL requires TEXT mode'],
    ])('%s is refused', async (eol, message) => {
      const error = await refusalOf(bench, bench.db.copy(`COPY t FROM 'f' ${eol}`))
      expect(error.message).toBe(message)
      expect(error.statement?.offset).toBeDefined()
    })

    test('errors count records, not line feeds', async () => {
      const path = file('input', '1\ta\n\nb$#x\tc$#')
      const error = await refusalOf(bench, bench.db.copy(`COPY t FROM '${path}' EOL '$#'`))
      expect(error).toMatchObject({ sqlState: '22P02', position: { line: 2 } })
      expect(error.context).toBe('COPY t, line 2, column id: "x"')
    })

    const statement = (path: string) => `COPY t FROM '${path}' LOG ERRORS DATA REJECT LIMIT 'unlimited' EOL '$$'`

    test('refused records, once more by COPY REJECTS and from their file', async () => {
      const path = file('input', 'x\ta\nb$$2\tc$$y\td\\$$e$$z$')
      const rejects = join(folder.path, 'bad')
      const receipt = await bench.db.copy(statement(path), { rejects })
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 3 })
      // Without a line end behind the last one, which would be "z" and "$" with it.
      expect(readFileSync(rejects, 'utf8')).toBe('x\ta\nb$$y\td\\$$e$$z$')
      await bench.sql('CREATE TABLE u (id text, name text)')
      expect(await bench.db.copy(statement(rejects).replace('COPY t', 'COPY u'))).toMatchObject({
        rowsLoaded: 2,
        rowsRejected: 1,
      })
      await bench.sql('DELETE FROM u')
      const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u`)
      expect(again).toMatchObject({ rowsLoaded: 2, rowsRejected: 1, rowsResolved: 2 })
      expect(await bench.sql('SELECT * FROM u ORDER BY id')).toEqual([
        ['x', 'a\nb'],
        ['y', 'd$$e'],
      ])
      const left = []
      for await (const { raw, errors } of bench.db.rejects(receipt.id)) left.push([raw.toString(), errors[0]?.message])
      expect(left).toEqual([['z$', 'literal "$$", which ends a record, found in data']])
    })

    test('cures are tried with records that end so', async () => {
      const input = `id\tname$$1\ta\nb$$${Array.from({ length: 5 }, (_, n) => `NULL\t${n}$$`).join('')}`
      const receipt = await bench.db.copy(statement(file('input', input)))
      const cures = receipt.diagnosis?.flatMap(({ cures = [] }) => cures.map(({ change }) => change))
      expect(cures).toEqual(expect.arrayContaining(['SKIP 1', "NULL 'NULL'"]))
    })
  })

  describe("GaussDB's USEEOF", () => {
    const input = '1\ta\n\\.\t\\.b\n2\tc\\.\n'

    test('without it the data end there', async () => {
      const path = file('input', '1\ta\n\\.\n2\tb\n')
      expect(await bench.db.copy(`COPY t FROM '${path}' EOL E'\\n'`)).toMatchObject({ rowsLoaded: 1 })
      await bench.sql('DELETE FROM t')
      const error = await refusalOf(bench, bench.db.copy(`COPY t FROM '${file('two', input)}'`))
      expect(error.message).toBe('end-of-copy marker is not alone on its line')
    })

    test('with it a backslash before a full stop is one like any other', async () => {
      await bench.sql('CREATE TABLE u (id text, name text)')
      for (const options of ['USEEOF', 'WITH (USEEOF true)', "USEEOF EOL E'\\n'"]) {
        await bench.sql('DELETE FROM u')
        await bench.db.copy(`COPY u FROM '${file('input', `${input}\\.\t\n`)}' ${options}`)
        expect(await bench.sql('SELECT * FROM u ORDER BY name')).toEqual([
          ['.', ''],
          ['.', '.b'],
          ['1', 'a'],
          ['2', 'c.'],
        ])
      }
    })

    test('in CSV a line of it is data, at the end too', async () => {
      await bench.sql('CREATE TABLE u (name text)')
      await bench.db.copy(`COPY u FROM '${file('input', 'a\n\\.\nb\n\\.\n')}' CSV USEEOF`)
      expect(await bench.sql('SELECT name FROM u')).toEqual([['a'], ['\\.'], ['b'], ['\\.']])
    })

    test('a refused record of nothing else is tried again', async () => {
      await bench.sql('CREATE TABLE u (id text)')
      await bench.sql('CREATE TABLE numbers (id integer)')
      const path = file('input', '1\n\\.\n')
      const receipt = await bench.db.copy(`COPY numbers FROM '${path}' LOG ERRORS REJECT LIMIT '9' USEEOF`)
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
      expect(await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u`)).toMatchObject({ rowsLoaded: 1 })
      expect(await bench.sql('SELECT id FROM u')).toEqual([['.']])
    })
  })

  describe("GaussDB's SMALLDATETIME_FORMAT", () => {
    const pattern = "SMALLDATETIME_FORMAT 'YYYY-MM-DD HH24:MI:SS'"
    const input =
      '1,2024-02-28 23:59:29\n2,2024-02-28 23:59:30\n3,1969-12-31 23:59:30\n4,1969-12-31 23:59:29\n5,\n6,infinity\n'

    test('values are rounded to the minute', async () => {
      await bench.db.copy(`COPY v (id, moment) FROM '${file('input', input)}' CSV ${pattern}`)
      expect((await bench.sql('SELECT CAST(moment AS text) FROM v ORDER BY id')).flat()).toEqual([
        '2024-02-28 23:59:00',
        '2024-02-29 00:00:00',
        '1970-01-01 00:00:00',
        '1969-12-31 23:59:00',
        null,
        'infinity',
      ])
    })

    test('what does not have the form is refused', async () => {
      const load = bench.db.copy(`COPY v (id, moment) FROM '${file('input', '1,28.02.2024\n')}' CSV ${pattern}`)
      const error = await refusalOf(bench, load)
      expect(error.sqlState).toBe('22007')
      expect(error.context).toBe('COPY v, line 1, column moment: "28.02.2024"')
      const binary = await refusalOf(bench, bench.db.copy(`COPY t FROM 'f' BINARY ${pattern}`))
      expect(binary.message).toBe('cannot specify bulkload compatibility options in BINARY mode')
    })

    test('beside TIMESTAMP_FORMAT it is for timestamp(0)', async () => {
      await bench.sql(
        `CREATE TABLE u (id integer, small ${name === 'postgres' ? 'timestamp(0)' : 'timestamp'}, moment timestamp)`,
      )
      const path = file('input', `1,2024-01-31 10:00:30,31.01.2024\n`)
      const statement = `COPY u FROM '${path}' CSV ${pattern} TIMESTAMP_FORMAT 'DD.MM.YYYY'`
      if (name === 'duckdb') {
        // It has none.
        expect((await refusalOf(bench, bench.db.copy(statement))).sqlState).toBe('22007')
        return
      }
      await bench.db.copy(statement)
      expect(await bench.sql('SELECT CAST(small AS text), CAST(moment AS text) FROM u')).toEqual([
        ['2024-01-31 10:01:00', '2024-01-31 00:00:00'],
      ])
    })
  })

  describe("Redshift's ESCAPE", () => {
    test('a backslash makes the next character part of the value', async () => {
      const input = '1|a\\|b\\\nc\\\\d\\ne\\.\n2|\\N\n\\3|\\\\N\n4|f\\'
      const statement = `COPY t FROM '${file('input', input)}' ESCAPE`
      expect(await bench.db.copy(statement)).toMatchObject({ rowsLoaded: 4, dialect: { name: 'redshift' } })
      expect(await rows()).toEqual([
        ['1', 'a|b\nc\\dne.'],
        ['2', null],
        ['3', '\\N'],
        ['4', 'f'],
      ])
    })

    test('refused records of several lines, once more', async () => {
      const path = file('input', 'x|a\\\nb\n\\.\n')
      const options = "ESCAPE DELIMITER '|' MAXERROR 9"
      const receipt = await bench.db.copy(`COPY t FROM '${path}' ${options}`)
      expect(receipt).toMatchObject({ rowsLoaded: 0, rowsRejected: 2 })
      await bench.sql('CREATE TABLE u (id text, name text)')
      const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u`)
      expect(again).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
      expect(await bench.sql('SELECT * FROM u')).toEqual([['x', 'a\nb']])
    })
  })

  describe("Redshift's decimals", () => {
    const input = '1|1.999\n2|-0.009\n3|12345.6789e-1\n4|999999.999\n5|1.2\n'

    test('are cut off', async () => {
      await bench.db.copy(`COPY v (id, amount) FROM '${file('input', input)}' TRIMBLANKS DELIMITER '|'`)
      const expected = ['1.99', '0.00', '1234.56', '999999.99', '1.20']
      expect((await bench.sql('SELECT CAST(amount AS text) FROM v ORDER BY id')).flat()).toEqual(expected)
    })

    test('are rounded with ROUNDEC', async () => {
      const short = input.replace('4|999999.999\n', '')
      await bench.db.copy(`COPY v (id, amount) FROM '${file('input', short)}' ROUNDEC DELIMITER '|'`)
      const expected = ['2.00', '-0.01', '1234.57', '1.20']
      expect((await bench.sql('SELECT CAST(amount AS text) FROM v ORDER BY id')).flat()).toEqual(expected)
    })

    test('what does not fit is refused as it was written', async () => {
      const path = file('input', '1|1000000.999\n')
      const error = await refusalOf(bench, bench.db.copy(`COPY v (id, amount) FROM '${path}' TRIMBLANKS DELIMITER '|'`))
      expect(error).toMatchObject({ sqlState: '22003', message: 'numeric field overflow' })
      expect(error.context).toBe('COPY v, line 1, column amount: "1000000.999"')
    })

    test.runIf(name === 'postgres')('are cut off where values travel as text', async () => {
      await bench.sql('CREATE TABLE u (id integer, amount numeric(8,2), place point, tens numeric(5,-1))')
      await bench.db.copy(`COPY u FROM '${file('input', '1|1.999|(1,2)|199\n')}' TRIMBLANKS DELIMITER '|'`)
      expect(await bench.sql('SELECT amount, tens FROM u')).toEqual([['1.99', '190']])
    })
  })
})
