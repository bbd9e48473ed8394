/**
 * Files of the tests of other loaders: openGauss's COPY, gs_loader and bulk load, Greenplum's gpload. The statements are ours, in the dialect of
 * the file's system; what they come to is what that system's tests say, or what cutting the file by hand gives.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'

const CORPORA = fileURLToPath(new URL('../../../shared/corpora/', import.meta.url))
const OPENGAUSS = `${CORPORA}opengauss/src/test/regress/data/`
const ILLEGAL = `${OPENGAUSS}datanode1/bulkload_compatible_illegal_chars_test_data/`
const GPLOAD = `${CORPORA}gpdb/gpMgmt/bin/gpload_test/gpload2/data/`

const isThere = existsSync(OPENGAUSS)
if (!isThere)
  process.stderr.write(`\nSKIPPED: no corpora at ${CORPORA}; files of other loaders' tests are not loaded.\n\n`)

interface Case {
  readonly title: string
  readonly table: string
  /** With FILE in place of the path. */
  readonly statement: string
  readonly path: string
  readonly select?: string
  /** Or the error's SQLSTATE and message. */
  readonly expected: readonly (readonly (string | null)[])[] | readonly [sqlState: string, message: RegExp]
  /** Where only one target has the functions, or the types. */
  readonly only?: 'postgres'
}

/** Lines of a file that is no UTF-8 as well. */
const lines = (path: string) => (isThere ? readFileSync(path, 'latin1').trimEnd().split('\n') : [])

const basic = `${OPENGAUSS}copy_support_transform.data`
const transformed = 'mes int, mes1 text, mes2 float8, mes3 timestamptz, mes4 int'
const ofBasic = "SELECT mes, mes1, mes2, CAST(mes3 AT TIME ZONE 'UTC' AS text), mes4 FROM t ORDER BY mes"
const [early, late] = ['1970-01-01 23:04:28', '2012-06-22 02:00:00']
const plain = [
  ['1', 'mmoo', '12.6789', early, '32767'],
  ['2', 'yyds', '180.883', late, '32768'],
]
const joined = [
  ['1', 'mmoo12.6789', '13.6789', early, '32767'],
  ['2', 'yyds180.883', '181.883', late, '32768'],
]

const transform = (clause: string, expected: Case['expected'], more: Partial<Case> = {}): Case => ({
  title: `TRANSFORM (${clause})`,
  table: transformed,
  statement: `COPY t FROM 'FILE' TRANSFORM (${clause})`,
  path: basic,
  select: ofBasic,
  expected,
  ...more,
})

const nation = 'n_nationkey int, n_name text, n_regionkey int, n_comment text'
const nations = lines(`${OPENGAUSS}datanode1/nation.fixed`).map((line) => [
  line.slice(0, 5).trim(),
  line.slice(5, 27).trim(),
  line.slice(28, 29),
  line.slice(29, 182).trim(),
])

const characters = 'c1 text, c2 text, c3 text, c4 text, c5 text, c6 text'
const replaced = [
  ['col1 char', 'col2 varchar', 'col3 varchar2', 'col4 nvarchar2', 'col5 clob', 'col6 text'],
  ['col1 cha?', 'col2 varcha?', 'col3 varchar?', 'col4 nvarchar?', 'col5 clo?', 'col6 text'],
  ['col1 ?har', 'col2 varc?ar', 'col3 varcha?2', 'col4?nvarchar2', 'col5 clob', 'col6 text'],
]
const trimmed = `SELECT ${[1, 2, 3, 4, 5, 6].map((n) => `trim(c${n})`).join(', ')} FROM t`

const gpload = (file: string, columns: number): Case => ({
  title: `gpload's ${file}`,
  table: Array.from({ length: columns }, (_, index) => `c${index} text`).join(', '),
  statement: "COPY t FROM 'FILE' DELIMITERS '|'",
  path: GPLOAD + file,
  expected: lines(GPLOAD + file).map((line) => line.split('|')),
})

const cases: readonly Case[] = [
  transform('mes1 text AS mes1 || mes2, mes2 float8 AS mes2 + 1', joined),
  transform('mes1 AS mes1 || mes2, mes2 AS mes2 + 1', joined),
  transform('mes2 float8 AS mes2 + 1, mes1 text AS mes1 || mes2', joined),
  transform('mes1 text, mes2 float8, mes3 timestamp with time zone', plain),
  transform('mes1, mes2, mes3', plain),
  transform(
    'mes1 text AS mes1 || mes2',
    joined.map(([id, text], row) => [id ?? '', text ?? '', ...(plain[row]?.slice(2) ?? [])]),
  ),
  transform(
    "mes1 text AS mes1 || mes2, mes2 float8 AS mes2 + 1, mes3 timestamp with time zone AS date_trunc('year', mes3 AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'",
    joined.map((row, index) => row.with(3, index === 0 ? '1970-01-01 00:00:00' : '2012-01-01 00:00:00')),
    { only: 'postgres' },
  ),
  transform('mes1 char(3), mes2 int, mes3 date', ['22001', /^value too long for type character\(3\)$/], {
    only: 'postgres',
  }),
  transform('mes5 text AS mes1 || mes2', ['42703', /^column "mes5" of relation "t" does not exist$/]),
  transform('mes1 text AS mes5 || mes2', ['42703', /mes5/]),
  transform('mes int AS mes + 1', [
    ['2', ...(plain[0]?.slice(1) ?? [])],
    ['3', ...(plain[1]?.slice(1) ?? [])],
  ]),
  transform(
    'mes4 INTEGER AS mes4 % 32767',
    plain.map((row, index) => row.with(4, String(index))),
    { table: transformed.replace('mes4 int', 'mes4 smallint') },
  ),
  {
    title: 'nation.fixed by FORMATTER',
    table: nation,
    statement:
      "COPY t FROM 'FILE' FIXED FORMATTER (n_nationkey(0,5), n_name(5,22), n_regionkey(27,2), n_comment(29,153))",
    path: `${OPENGAUSS}datanode1/nation.fixed`,
    select: 'SELECT n_nationkey, trim(n_name), n_regionkey, trim(n_comment) FROM t',
    expected: nations,
  },
  {
    title: 'nation.fixed with gaps, one column',
    table: nation,
    statement: "COPY t FROM 'FILE' FIXED FORMATTER (n_regionkey(27,2), n_nationkey(0,5)) IGNORE_EXTRA_DATA",
    path: `${OPENGAUSS}datanode1/nation.fixed`,
    expected: nations.map(([key = null, , region = null]) => [key, null, region, null]),
  },
  {
    title: 'nation.fixed with WHEN and SEQUENCE',
    table: `${nation}, n int`,
    statement:
      "COPY t FROM 'FILE' FIXED FORMATTER (n_nationkey(0,5), n_name(5,22), n_regionkey(27,2)) WHEN (28-29) = ' 1' SEQUENCE (n(10, 5)) IGNORE_EXTRA_DATA",
    path: `${OPENGAUSS}datanode1/nation.fixed`,
    select: 'SELECT n_nationkey, trim(n_name), n_regionkey, n FROM t',
    expected: nations
      .filter(([, , region]) => region === '1')
      .map(([key = '', name = '', region = ''], index) => [key, name, region, String(10 + 5 * index)]),
  },
  {
    title: 'COMPATIBLE_ILLEGAL_CHARS of TEXT',
    table: characters,
    statement: "COPY t FROM 'FILE' (format 'text', encoding 'utf8', delimiter '|', compatible_illegal_chars 'true')",
    path: `${ILLEGAL}invalid_char_for_just_char_type_text_format.data`,
    select: trimmed,
    expected: replaced,
  },
  {
    title: 'the same without it',
    table: characters,
    statement: "COPY t FROM 'FILE' (format 'text', encoding 'utf8', delimiter '|', compatible_illegal_chars 'false')",
    path: `${ILLEGAL}invalid_char_for_just_char_type_text_format.data`,
    expected: ['22021', /^invalid byte sequence for encoding "UTF8": 0x00$/],
  },
  {
    title: 'COMPATIBLE_ILLEGAL_CHARS of CSV',
    table: characters,
    statement: "COPY t FROM 'FILE' (format 'csv', encoding 'utf8', delimiter '|', compatible_illegal_chars 'true')",
    path: `${ILLEGAL}invalid_char_for_just_char_type_csv_format.data`,
    select: trimmed,
    expected: replaced,
  },
  {
    title: 'a NUL in GBK',
    table: 'a varchar(4)',
    statement: "COPY t FROM 'FILE' (format 'text', encoding 'GBK', delimiter '|', compatible_illegal_chars 'false')",
    path: `${ILLEGAL}invalid_char_for_just_char_type_gbk2utf8_1.data`,
    expected: ['22021', /^invalid byte sequence for encoding "(?:GBK|UTF8)": 0x00$/],
  },
  {
    title: 'a NUL in GBK, made a blank',
    table: 'a varchar(4)',
    statement: "COPY t FROM 'FILE' (format 'text', encoding 'GBK', delimiter '|', compatible_illegal_chars 'true')",
    path: `${ILLEGAL}invalid_char_for_just_char_type_gbk2utf8_1.data`,
    expected: [[' ']],
  },
  {
    title: 'half a character of GBK',
    table: 'a varchar(4)',
    statement: "COPY t FROM 'FILE' (format 'text', encoding 'GBK', delimiter '|', compatible_illegal_chars 'false')",
    path: `${ILLEGAL}invalid_char_for_just_char_type_gbk2utf8_2.data`,
    expected: [
      '22P05',
      /^character with byte sequence 0x80 0xee in encoding "GBK" has no equivalent in encoding "UTF8"$/,
    ],
  },
  {
    title: 'too many fields with IGNORE_EXTRA_DATA',
    table: 'a text, b text, c text',
    statement: "COPY t FROM 'FILE' (format 'csv', IGNORE_EXTRA_DATA 'true', FILL_MISSING_FIELDS 'multi')",
    path: `${OPENGAUSS}sqlldr_test.csv`,
    expected: lines(`${OPENGAUSS}sqlldr_test.csv`).map((line) => line.split(',').slice(0, 3)),
  },
  {
    title: 'missing fields at the end with FILL_MISSING_FIELDS',
    table: 'a int, b text, c text, d date',
    statement: "COPY t FROM 'FILE' (format 'csv', FILL_MISSING_FIELDS 'multi')",
    path: `${OPENGAUSS}sqlldr_test.csv`,
    select: 'SELECT a, b, c, CAST(d AS text) FROM t',
    expected: [
      ['1', 'a', 'X', null],
      ['2', 'b', 'Y', '2008-07-08'],
      ['3', 'c', 'Z', '2009-07-08'],
      ['40', 'd', 'U', null],
      ['567', 'a', 'V', '2007-07-08'],
    ],
  },
  {
    title: 'dates and times of one digit by formats',
    table: 'a date, b time, c timestamp, d timestamp(0)',
    statement:
      "COPY t FROM 'FILE' DELIMITERS '|' DATE_FORMAT 'YYYY-MM-DD' TIME_FORMAT 'HH24:MI:SS' TIMESTAMP_FORMAT 'YYYY-MM-DD HH24:MI:SS' SMALLDATETIME_FORMAT 'YYYY-MM-DD HH24:MI:SS'",
    path: `${OPENGAUSS}datanode1/bulkload_datetime_format_test_data/datetime_valid_format_1.data`,
    select: 'SELECT CAST(a AS text), CAST(b AS text), CAST(c AS text), CAST(d AS text) FROM t',
    // A smalldatetime is rounded to the minute.
    expected: [['2016-06-04', '11:59:59', '2016-06-04 11:11:11', '2016-06-04 11:12:00']],
    only: 'postgres',
  },
  {
    title: 'backslashes that mean nothing, WITHOUT ESCAPING',
    table: 'a int, b text, c text, d text',
    statement: "COPY t FROM 'FILE' DELIMITERS ',' WITHOUT ESCAPING",
    path: `${OPENGAUSS}datanode1/copy_backslash_escape.data`,
    expected: lines(`${OPENGAUSS}datanode1/copy_backslash_escape.data`).map((line) => line.split(',')),
  },
  {
    title: 'numbers at fixed places beside text, TRANSFORM and CONSTANT',
    table: 'a int, b text, k text',
    statement:
      "COPY t FROM 'FILE' FIXED FORMATTER (a(0,4), b(4,4)) IGNORE_EXTRA_DATA TRANSFORM (b AS upper(trim(b))) CONSTANT (k 'gs')",
    path: `${OPENGAUSS}gs_loader_position4.data`,
    expected: ['22P02', /^invalid input syntax for type integer: "423a"$/],
  },
  {
    title: 'the same of some rows; a field of blanks is NULL',
    table: 'a int, b text, k text',
    statement:
      "COPY t FROM 'FILE' FIXED FORMATTER (a(0,4), b(4,4)) IGNORE_EXTRA_DATA TRANSFORM (b AS upper(trim(b))) CONSTANT (k 'gs') WHEN (3-4) = '34'",
    path: `${OPENGAUSS}gs_loader_position4.data`,
    expected: lines(`${OPENGAUSS}gs_loader_position4.data`)
      .filter((line) => line.slice(2, 4) === '34')
      .map((line) => [line.slice(0, 4), line.slice(4, 8).trim().toUpperCase() || null, 'gs']),
  },
  {
    title: 'a comma-separated file of integers',
    table: 'a int, b int, c int',
    statement: "COPY t FROM 'FILE' DELIMITERS ','",
    path: `${OPENGAUSS}ce_copy_from.csv`,
    expected: lines(`${OPENGAUSS}ce_copy_from.csv`).map((line) => line.split(',')),
  },
  gpload('external_file_01.txt', 11),
  gpload('external_file_06.txt', 11),
  gpload('external_file_08.txt', 12),
  gpload('data_file.tbl', 13),
  {
    title: "gpload's CSV",
    table: 'a int, b text, c text, d text, e numeric(5,2)',
    statement: "COPY t FROM 'FILE' CSV",
    path: `${GPLOAD}external_file_13.csv`,
    expected: lines(`${GPLOAD}external_file_13.csv`).map((line) => line.split(',')),
  },
]

const rejects = `${CORPORA}gpdb/src/test/regress/data/exttab_first_errors.data`

describe.runIf(isThere).each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  beforeAll(async () => {
    bench = await open()
  })
  afterAll(() => bench?.close())

  test.each(cases.filter(({ only }) => only === undefined || only === name))('$title', async (entry) => {
    const { table, statement, path, select = 'SELECT * FROM t', expected } = entry
    await bench.sql(`CREATE TABLE t (${table})`)
    try {
      const load = bench.db.copy(statement.replace('FILE', path), { ledger: false })
      if (typeof expected[0] === 'string') {
        const error = await load.then(
          () => undefined,
          (reason: unknown) => reason,
        )
        expect(error).toBeInstanceOf(CopyError)
        expect((error as CopyError).sqlState).toBe(expected[0])
        expect((error as CopyError).message).toMatch(expected[1] as RegExp)
        expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
      } else {
        const { rowsLoaded } = await load
        expect(await bench.sql(select)).toEqual(expected)
        expect(rowsLoaded).toBe(expected.length)
      }
    } finally {
      await bench.sql('DROP TABLE t')
    }
  })

  // Ten good rows behind, before and among ten thousand bad ones.
  test("Greenplum's file of errors: each row is loaded or told", async () => {
    await bench.sql('CREATE TABLE t (i int, j text)')
    const good = lines(rejects).filter((line) => /^\d+\|/.test(line))
    const receipt = await bench.db.copy(`COPY t FROM '${rejects}' (DELIMITER '|', ON_ERROR skip_row)`, {
      ledger: false,
    })
    expect(receipt).toMatchObject({ rowsLoaded: good.length, rowsRejected: lines(rejects).length - good.length })
    expect(await bench.sql('SELECT * FROM t')).toEqual(good.map((line) => line.split('|')))
    await bench.sql('DROP TABLE t')
  })
})
