/** Formats of dates and times for columns that are more than one date, or have another precision. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-formats-')
const { file } = folder

const refusal = (load: Promise<unknown>) =>
  load.then(
    () => {
      throw new Error('it was loaded')
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(CopyError)
      return error as CopyError
    },
  )

describe.each(benches)('formats of dates on $name', ({ name, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
  })

  afterEach(() => bench.close())

  const load = async (content: string, options: string) =>
    bench.db.copy(`COPY t FROM '${file('input', content)}' (FORMAT csv, DELIMITER ';', ${options})`)

  const isDuckdb = name === 'duckdb'

  test('go with defaults for values that do not fit', async () => {
    await bench.sql(`CREATE TABLE t (day date DEFAULT '2000-01-01', n int DEFAULT 7)`)
    const receipt = await load('31.01.2024;1\nnever;x\n', "DATE_FORMAT 'DD.MM.YYYY', ON_ERROR set_default")
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsReplaced: 1 })
    expect(await bench.sql('SELECT CAST(day AS varchar), n FROM t ORDER BY n')).toEqual([
      ['2024-01-31', '1'],
      ['2000-01-01', '7'],
    ])
    await load('D;2\nnever;D\n', "DATE_FORMAT 'DD.MM.YYYY', ACCEPT_ANY_DATE, DEFAULT 'D'")
    expect(await bench.sql('SELECT CAST(day AS varchar), n FROM t WHERE n = 2')).toEqual([['2000-01-01', '2']])
    expect(await bench.sql('SELECT day, n FROM t WHERE day IS NULL')).toEqual([[null, '7']])
    if (isDuckdb) return
    await expect(load('never;1', "ACCEPT_ANY_DATE, DEFAULT 'D'")).rejects.toMatchObject({
      sqlState: '0A000',
      message: 'COPY ACCEPT_ANY_DATE cannot be used where the server reads the dates',
    })
  })

  test('of QuestDB are those of the designated column, whatever its type', async () => {
    await bench.sql('CREATE TABLE t (ts date, n int)')
    const copy = (word: string) =>
      bench.db.copy(`COPY t FROM '${file('input', 'ts,n\n01/02/2024,1\n')}' WITH HEADER true ${word}`)
    await copy("TIMESTAMP 'ts' FORMAT 'dd/MM/yyyy'")
    await copy("TIMESTAMP 'TS' FORMAT 'dd/MM/yyyy'")
    await copy("FORMAT 'dd/MM/yyyy' ON ERROR SKIP_COLUMN")
    expect(await bench.sql('SELECT DISTINCT CAST(ts AS varchar) FROM t')).toEqual([['2024-02-01']])
    const notes = [{ option: 'TIMESTAMP', reason: 'the table is there, and without FORMAT it changes nothing' }]
    await expect(copy("TIMESTAMP 'ts' ON ERROR SKIP_COLUMN")).resolves.toMatchObject({ notes })
    expect(await refusal(copy("TIMESTAMP 'n' FORMAT 'dd/MM/yyyy'"))).toMatchObject({
      sqlState: '22023',
      message: 'TIMESTAMP column "n" is of type integer, and not a date or timestamp',
    })
  })

  test.runIf(isDuckdb)('ACCEPT_ANY_DATE holds for timestamps of other precision, and says what is lost', async () => {
    await bench.sql('CREATE TABLE t (a timestamp_s, b timestamp_ms, c timestamp_ns)')
    const receipt = await load('x;y;z\n2024-01-01 00:00:01;2024-01-01;2024-01-01 00:00:00.1234567\n', 'ACCEPT_ANY_DATE')
    expect(await bench.sql('SELECT a, b, c FROM t WHERE a IS NULL')).toEqual([[null, null, null]])
    expect(await bench.sql('SELECT count(*) FROM t WHERE c IS NOT NULL')).toEqual([['1']])
    expect(receipt.notes).toEqual([
      { option: 'ACCEPT_ANY_DATE', reason: 'values of column "c" are read to the microsecond, and rounded to it' },
    ])
  })

  test('are named where a value of the other type is read without one', async () => {
    await bench.sql('CREATE TABLE t (day date, moment timestamp)')
    for (const [content, option, hint] of [
      ['31.01.2024;31.01.2024', 'DATE_FORMAT', /^DATE_FORMAT is about .* TIMESTAMP_FORMAT says/],
      ['31.01.2024;31st of January', 'DATE_FORMAT', /^DATE_FORMAT is about .* TIMESTAMP_FORMAT says/],
      ['31.01.2024;31.01.2024', 'TIMESTAMP_FORMAT', /^TIMESTAMP_FORMAT is about .* DATE_FORMAT says/],
      ['01.31.2024;31.01.2024', "TIMESTAMP_FORMAT 'DD.MM.YYYY', DATE_FORMAT", undefined],
    ] as const) {
      const error = await refusal(load(`${content}\n`, `${option} 'DD.MM.YYYY'`))
      expect(error.sqlState).toMatch(/^2200[78]$/)
      if (hint === undefined) expect(error.hint ?? '').not.toMatch(/_FORMAT/)
      else expect(error.hint).toMatch(hint)
    }
  })

  test('hold for the elements of arrays', async () => {
    await bench.sql('CREATE TABLE t (id integer, days date[], moments timestamp[], times time[], zoned timestamptz[])')
    const formats = `DATE_FORMAT 'DD.MM.YYYY', TIMESTAMP_FORMAT ('YYYY-DD-MM', 'YYYY-DD-MM HH24:MI'), TIME_FORMAT 'MI:HH24'`
    const content = [
      '1;{01.02.2024,NULL,"03.04.2024"};{2024-01-02};{10:11};{2024-01-02 10:00}',
      '2;{};;{{01:02},{03:04}};{}',
      '',
    ].join('\n')
    if (name === 'duckdb') await bench.sql('ALTER TABLE t ALTER times TYPE time[][]')
    const input = name === 'duckdb' ? content.replace('{10:11}', '{{10:11}}') : content
    expect(await load(input, formats)).toMatchObject({ rowsLoaded: 2 })
    const shown = await bench.sql(
      `SELECT CAST(days AS text), CAST(moments AS text), CAST(times AS text),
       CAST(zoned[1] = TIMESTAMPTZ '2024-02-01 10:00' AS text) FROM t ORDER BY id`,
    )
    expect(shown).toEqual(
      name === 'duckdb'
        ? [
            ['[2024-02-01, NULL, 2024-04-03]', "['2024-02-01 00:00:00']", "[['11:10:00']]", 'true'],
            ['[]', null, "[['02:01:00'], ['04:03:00']]", null],
          ]
        : [
            ['{2024-02-01,NULL,2024-04-03}', '{"2024-02-01 00:00:00"}', '{11:10:00}', 'true'],
            ['{}', null, '{{02:01:00},{04:03:00}}', null],
          ],
    )
    const error = await refusal(load('3;{01.02.2024,2024-02-01};;;\n', formats))
    expect([error.sqlState, error.position]).toMatchObject(['22007', { line: 1, column: 'days' }])
    expect(
      await load('3;{01.02.2024,2024-02-01};;;\n4;{01.02.2024};;;\n', `${formats}, ON_ERROR skip_row`),
    ).toMatchObject({
      rowsLoaded: 1,
      rowsRejected: 1,
    })
  })

  describe.runIf(name === 'postgres')('of PostgreSQL', () => {
    test('hold for arrays with bounds of their own, and beside types that travel as text', async () => {
      await bench.sql('CREATE TABLE t (id integer, days date[], address inet)')
      await load('1;[2:3]={01.02.2024,02.02.2024};10.0.0.1\n', "DATE_FORMAT 'DD.MM.YYYY'")
      expect(await bench.sql('SELECT CAST(days AS text), address FROM t')).toEqual([
        ['[2:3]={2024-02-01,2024-02-02}', '10.0.0.1'],
      ])
      await bench.sql('TRUNCATE t')
      await bench.sql('ALTER TABLE t DROP address')
      await load('1;[2:3]={01.02.2024,02.02.2024}\n', "DATE_FORMAT 'DD.MM.YYYY'")
      expect(await bench.sql('SELECT CAST(days AS text) FROM t')).toEqual([['[2:3]={2024-02-01,2024-02-02}']])
    })

    test.each([
      ['daterange', 'DATE_FORMAT', "DATE_FORMAT 'DD.MM.YYYY'"],
      ['datemultirange', 'DATE_FORMAT', "DATE_FORMAT 'DD.MM.YYYY'"],
      ['tsrange[]', 'TIMESTAMP_FORMAT', "TIMESTAMP_FORMAT 'DD.MM.YYYY'"],
      ['day[]', 'DATE_FORMAT', "DATE_FORMAT 'DD.MM.YYYY'"],
      ['pair', 'TIME_FORMAT', "TIME_FORMAT 'MI:HH24'"],
    ])('are refused for %s, whose values only the server reads', async (type, option, options) => {
      await bench.sql('CREATE DOMAIN day AS date; CREATE TYPE pair AS (id integer, at time)')
      await bench.sql(`CREATE TABLE t (id integer, held ${type})`)
      const error = await refusal(load('1;\n', options))
      expect([error.sqlState, error.message]).toEqual([
        '0A000',
        `${option} cannot be used for column "held" of type ${type}`,
      ])
      expect(error.hint).toBeDefined()
      const explained = bench.db.explain(`EXPLAIN COPY t FROM '${file('input', '1;\n')}' (FORMAT csv, ${options})`)
      expect((await explained).failure?.message).toBe(error.message)
      const listed = await bench.db.copy(`COPY t (id) FROM '${file('input', '1\n')}' (FORMAT csv, ${options})`)
      expect(listed).toMatchObject({ rowsLoaded: 1 })
    })

    test('that only the dialect implies are told', async () => {
      await bench.sql('CREATE TABLE t (id integer, held daterange)')
      const path = file('input', '1,"[2024-01-01,2024-01-02)"\n')
      expect(await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, DIALECT 'redshift')`)).toMatchObject({
        rowsLoaded: 1,
        notes: [
          {
            option: 'DATE_FORMAT',
            reason: 'column "held" of type daterange is read by the database, by its own rules',
          },
        ],
      })
    })
  })

  describe.runIf(name === 'duckdb')('of DuckDB', () => {
    test('hold for timestamps of every precision, which DuckDB rounds', async () => {
      await bench.sql('CREATE TABLE t (a TIMESTAMP, s TIMESTAMP_S, ms TIMESTAMP_MS, ns TIMESTAMP_NS)')
      const value = '2024-01-02 03:04:05.678901'
      await load(`${value};${value};${value};${value}\n;;;\n`, "TIMESTAMP_FORMAT 'YYYY-DD-MM HH24:MI:SS.US'")
      expect(await bench.sql('SELECT CAST(COLUMNS(*) AS text) FROM t')).toEqual([
        ['2024-02-01 03:04:05.678901', '2024-02-01 03:04:06', '2024-02-01 03:04:05.679', '2024-02-01 03:04:05.678901'],
        [null, null, null, null],
      ])
    })

    test('a value beyond the range of a type is refused with its row', async () => {
      await bench.sql('CREATE TABLE t (id integer, ns TIMESTAMP_NS)')
      const content = '1;31.12.2024\n2;31.12.2300\n3;x\n'
      const receipt = await load(content, "TIMESTAMP_FORMAT 'DD.MM.YYYY', ON_ERROR skip_row")
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 2 })
      const error = await refusal(load('2;31.12.2300\n', "TIMESTAMP_FORMAT 'DD.MM.YYYY'"))
      expect(error.position).toMatchObject({ line: 1, column: 'ns' })
      expect(await bench.sql('SELECT id, CAST(ns AS text) FROM t')).toEqual([['1', '2024-12-31 00:00:00']])
      await load('4;31.12.2300\n', "TIMESTAMP_FORMAT 'DD.MM.YYYY', ON_ERROR set_null")
      expect(await bench.sql('SELECT id, CAST(ns AS text) FROM t WHERE id = 4')).toEqual([['4', null]])
    })

    test('of other languages, of smalldatetime and of a designated column, too', async () => {
      await bench.sql('CREATE TABLE t (s TIMESTAMP_S, ms TIMESTAMP_MS)')
      await load(
        '2024-01-02 03:04:31;2024-01-02\n',
        "TIMESTAMP_FORMAT 'YYYY-DD-MM', SMALLDATETIME_FORMAT 'YYYY-DD-MM HH24:MI:SS'",
      )
      await bench.db.copy(`COPY t FROM '${file('input', '1706696430,1706696430\n')}' CSV TIMEFORMAT 'epochsecs'`)
      const path = file('input', 's,ms\n2024-01-02,2024-01-02\n')
      await bench.db.copy(`COPY t FROM '${path}' WITH HEADER true TIMESTAMP 'ms' FORMAT 'yyyy-dd-MM'`)
      expect(await bench.sql('SELECT CAST(COLUMNS(*) AS text) FROM t ORDER BY rowid')).toEqual([
        ['2024-02-01 03:05:00', '2024-02-01 00:00:00'],
        ['2024-01-31 10:20:30', '2024-01-31 10:20:30'],
        ['2024-01-02 00:00:00', '2024-02-01 00:00:00'],
      ])
    })

    test('without a format nanoseconds are kept', async () => {
      await bench.sql('CREATE TABLE t (ns TIMESTAMP_NS, day date)')
      await load('2024-01-02 03:04:05.123456789;01.02.2024\n', "DATE_FORMAT 'DD.MM.YYYY'")
      expect(await bench.sql('SELECT CAST(COLUMNS(*) AS text) FROM t')).toEqual([
        ['2024-01-02 03:04:05.123456789', '2024-02-01'],
      ])
    })

    test.each([
      ['STRUCT(x DATE)', 'DATE_FORMAT', "DATE_FORMAT 'DD.MM.YYYY'"],
      ['DATE[3]', 'DATE_FORMAT', "DATE_FORMAT 'DD.MM.YYYY'"],
      ['MAP(INTEGER, TIMESTAMP_S)', 'TIMESTAMP_FORMAT', "TIMESTAMP_FORMAT 'DD.MM.YYYY'"],
      ['TIMESTAMP_MS[]', 'TIMESTAMP_FORMAT', "TIMESTAMP_FORMAT 'DD.MM.YYYY'"],
      ['UNION(a INTEGER, b TIME)', 'TIME_FORMAT', "TIME_FORMAT 'MI:HH24'"],
    ])('are refused for %s, whose values only DuckDB reads', async (type, option, options) => {
      await bench.sql(`CREATE TABLE t (id integer, held ${type})`)
      const error = await refusal(load('1;\n', options))
      expect([error.sqlState, error.message]).toEqual([
        '0A000',
        `${option} cannot be used for column "held" of type ${type}`,
      ])
    })
  })
})
