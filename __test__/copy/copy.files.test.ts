import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Reject } from '../../lib/rejects.ts'
import { type Bench, benches } from './targets.ts'

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let folder: string

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, note text)')
    await bench.sql('CREATE TABLE keyed (id integer PRIMARY KEY, note text)')
    folder = mkdtempSync(join(tmpdir(), 'copyist-files-'))
    const file = (name: string, content: string) => {
      const path = join(folder, name)
      mkdirSync(join(path, '..'), { recursive: true })
      writeFileSync(path, content)
    }
    file('in/b.csv', 'id,note\n3,b\n4,"b\nc"\n')
    file('in/a.csv', 'id,note\n1,a\n2,a')
    file('in/empty.csv', '')
    file('in/deep/c.csv', 'note,id\nc,5\n')
    file('in/.hidden.csv', 'x')
    file('in/_SUCCESS', '')
    file('bad/a.csv', 'id,note\n1,a\nx,bad\n2,a\n')
    file('bad/b.csv', 'id,note\n3,b\n4,"b\nc"\n1,again\ny,bad\n')
    file('order/1.csv', 'id,note\n1,a\nx,3\n')
    file('order/2.csv', 'ID,note\n2,b\ny,4\n')
    file('order/3.csv', 'note,id\n5,z\nc,3\n')
    file('order/4.csv', 'id,note\n4,d\n')
    file('none/readme.txt', '')
    mkdirSync(join(folder, 'void'))
    file('fixed/a.txt', 'skip\n1  a\n2  b\n')
    file('fixed/b.txt', 'skip\n3  c\n')
    writeFileSync(join(folder, 'fixed', 'c.csv.gz'), gzipSync('id,note\n4,d\n'))
  })

  afterAll(async () => {
    await bench.close()
    rmSync(folder, { recursive: true })
  })

  beforeEach(async () => {
    await bench.sql('DELETE FROM t')
    await bench.sql('DELETE FROM keyed')
  })

  const rows = () => bench.sql('SELECT id, note FROM t ORDER BY id')
  const CSV = 'FORMAT csv, HEADER true'
  const ALL = [
    ['1', 'a'],
    ['2', 'a'],
    ['3', 'b'],
    ['4', 'b\nc'],
  ]

  test.each([
    ['a pattern', (at: string) => `'${at}/in/*.csv'`, ''],
    ['PATTERN', (at: string) => `'${at}/in'`, ", PATTERN = '*.csv'"],
    ['PATTERN below a folder above', (at: string) => `'${at}'`, ", PATTERN = 'in/{a,b,empty}.csv'"],
  ])('%s', async (_, from, options) => {
    const receipt = await bench.db.copy(`COPY t FROM ${from(folder)} (${CSV}${options})`)
    expect(await rows()).toEqual(ALL)
    expect(receipt).toMatchObject({ rowsRead: 4, rowsLoaded: 4, headerLines: 2, bytesRead: 35 })
    expect(receipt.files).toMatchObject([
      { path: `${folder}/in/a.csv`, bytes: 15, rows: 2, rowsRejected: 0 },
      { path: `${folder}/in/b.csv`, bytes: 20, rows: 2, rowsRejected: 0 },
      { path: `${folder}/in/empty.csv`, bytes: 0, rows: 0, rowsRejected: 0 },
    ])
  })

  test.each([
    ["PATTERN '*.txt' FIXEDWIDTH 'id:3,note:1' IGNOREHEADER 1", 'abc'],
    ["FIXED FORMATTER (id (0, 3), note (3, 1)) SKIP 1 FILES ['a.txt', 'b.txt']", 'abc'],
    ["PATTERN 'c*' CSV IGNOREHEADER 1 GZIP", 'd'],
    ["CSV HEADER FILES ['c.csv.gz'] LOG ERRORS", 'd'],
    ["PATTERN 'c*' CSV HEADER TRANSFORM (note AS 'e')", 'e'],
    ["(FORMAT csv, HEADER, DIALECT 'questdb', PATTERN = 'c*')", 'd'],
  ])('%s', async (options, notes) => {
    await bench.db.copy(`COPY t FROM '${folder}/fixed' ${options}`)
    expect((await rows()).map(([, note]) => note).join('')).toBe(notes)
  })

  test('FILES are read in the order given', async () => {
    const receipt = await bench.db.copy(`COPY t FROM '${folder}/in' (${CSV}, FILES = ['b.csv', 'a.csv', 'b.csv'])`)
    expect(receipt.files.map(({ path, rows }) => [path, rows])).toEqual([
      [`${folder}/in/b.csv`, 2],
      [`${folder}/in/a.csv`, 2],
      [`${folder}/in/b.csv`, 2],
    ])
    expect(receipt.rowsLoaded).toBe(6)
  })

  test('a pattern that one file matches is that file', async () => {
    const receipt = await bench.db.copy(`COPY t FROM '${folder}/in/a*' (${CSV})`)
    expect(receipt.files).toMatchObject([{ path: `${folder}/in/a.csv`, bytes: 15, rows: 2, rowsRejected: 0 }])
  })

  test('each file is read once, by however many names a pattern means it', async () => {
    for (const pattern of ['{./,}a.csv', '{,deep/../}{,./}a.csv', '{a,./a,.//a}*']) {
      const receipt = await bench.db.copy(`COPY t FROM '${folder}/in' (${CSV}, PATTERN = '${pattern}')`)
      expect(receipt.files).toMatchObject([{ path: `${folder}/in/a.csv`, rows: 2 }])
      const below = await bench.db.copy(`COPY t FROM '${folder}/in/${pattern}' (${CSV})`)
      expect(below.files).toMatchObject([{ path: `${folder}/in/a.csv`, rows: 2 }])
    }
  })

  // It may be what is on a volume that is not there at the moment.
  test('a link that leads nowhere is an error, by whatever means', async () => {
    mkdirSync(join(folder, 'links'))
    writeFileSync(join(folder, 'links', 'a.csv'), 'id,note\n1,a\n')
    symlinkSync('gone', join(folder, 'links', 'b.csv'))
    for (const [from, options] of [
      ['links', ''],
      ['links/*.csv', ''],
      ['links', ", PATTERN = '**'"],
      ['links', ", FILES = ['a.csv', 'b.csv']"],
      ['links/b.csv', ''],
    ]) {
      await expect(bench.db.copy(`COPY t FROM '${folder}/${from}' (${CSV}${options})`)).rejects.toMatchObject({
        sqlState: '58P01',
        message: `could not open file "${folder}/links/b.csv" for reading: No such file or directory`,
      })
      expect(await rows()).toEqual([])
    }
  })

  test('a folder is what is in it, and fields are found by name in each file', async () => {
    const statement = `COPY t FROM '${folder}/in' (${CSV}`
    await expect(bench.db.copy(`${statement})`)).rejects.toMatchObject({
      sqlState: '22P04',
      message: `the header of file "${folder}/in/deep/c.csv" differs from that of file "${folder}/in/a.csv"`,
      detail: 'Field 1 is "note", and "id" there.',
      position: { file: `${folder}/in/deep/c.csv`, line: 1 },
    })
    expect(await rows()).toEqual([])
    const receipt = await bench.db.copy(`${statement}, MAP BY NAME)`)
    expect(await rows()).toEqual([...ALL, ['5', 'c']])
    expect(receipt.files.map(({ path }) => path.slice(folder.length))).toEqual([
      '/in/a.csv',
      '/in/b.csv',
      '/in/deep/c.csv',
      '/in/empty.csv',
    ])
  })

  test('what was refused of files with their fields in orders of their own is loaded again by these', async () => {
    const inside = join(folder, 'orders')
    mkdirSync(inside)
    writeFileSync(join(inside, 'a.csv'), 'id,note\n1,a\nx,b\n')
    writeFileSync(join(inside, 'b.csv'), 'note,id\nc,2\n7,y\nshort\n"q\n,8",z\n')
    writeFileSync(join(inside, 'c.csv'), 'NOTE,ID\nd,u\n')
    writeFileSync(join(inside, 'd.csv'), 'id,note\nv,9\n')
    const receipt = await bench.db.copy(`COPY t FROM '${inside}' (${CSV}, MAP BY NAME, ON_ERROR skip_row)`, {
      ledger: true,
    })
    expect(receipt.files.map(({ fields }) => fields)).toEqual([undefined, ['note', 'id'], ['NOTE', 'ID'], undefined])
    await bench.sql('CREATE TABLE places (id text, note text, file text, line bigint)')
    const told: unknown[] = []
    const onReject = ({ file, line, lastLine, errors }: Reject) =>
      told.push([file.slice(inside.length), line, lastLine, errors[0]?.message])
    const again = (options: string) => `COPY REJECTS '${receipt.id}' INTO places WITH (${options})`
    const into = 'LINEAGE (file file, line line)'
    await expect(bench.db.copy(again(`${into}, MAP BY NAME false`))).rejects.toMatchObject({
      sqlState: '0A000',
      message: `COPY REJECTS cannot tell which field of the refused rows of "${inside}/b.csv" is of which column`,
      position: { file: `${inside}/b.csv` },
    })
    await expect(bench.db.copy(again(`${into}, ON_ERROR stop`))).rejects.toMatchObject({
      sqlState: '22P04',
      message: 'missing data for column "id"',
      position: { file: `${inside}/b.csv`, line: 4 },
    })
    const loaded = await bench.db.copy(again(into), { onReject })
    expect(loaded).toMatchObject({ rowsRead: 6, rowsLoaded: 5, rowsRejected: 1, rowsResolved: 5 })
    expect(told).toEqual([['/b.csv', 4, 4, 'missing data for column "id"']])
    const found = await bench.sql('SELECT file, line, id, note FROM places ORDER BY file, line')
    expect(found.map(([file, ...rest]) => [file?.slice(inside.length), ...rest])).toEqual([
      ['/a.csv', '3', 'x', 'b'],
      ['/b.csv', '3', 'y', '7'],
      ['/b.csv', '5', 'z', 'q\n,8'],
      ['/c.csv', '2', 'u', 'd'],
      ['/d.csv', '2', 'v', '9'],
    ])
  })

  test('an error names its own file, line and offset', async () => {
    await expect(
      bench.db.copy(`COPY t FROM '${folder}/bad' (${CSV}, FILES = ['../in/b.csv', 'a.csv'])`),
    ).rejects.toMatchObject({
      sqlState: '22P02',
      position: { file: `${folder}/bad/a.csv`, line: 3, byteOffset: 12, column: 'id' },
      context: `COPY t, file "${folder}/bad/a.csv", line 3, column id: "x"`,
    })
    await expect(
      bench.db.copy(`COPY keyed FROM '${folder}/in' (${CSV}, FILES = ['b.csv', 'a.csv', 'b.csv'])`),
    ).rejects.toMatchObject({
      sqlState: '23505',
      context: expect.stringContaining(`COPY keyed, file "${folder}/in/b.csv", line 2`),
    })
    const one = bench.db.copy(`COPY t FROM '${folder}/bad/a.csv' (${CSV})`)
    await expect(one).rejects.toMatchObject({ context: 'COPY t, line 3, column id: "x"' })
    const explained = await bench.db.explain(`EXPLAIN VALIDATE COPY t FROM '${folder}/bad' (${CSV})`)
    expect(explained.failure).toMatchObject({
      position: { file: `${folder}/bad/a.csv`, line: 3 },
      context: `COPY t, file "${folder}/bad/a.csv", line 3, column id: "x"`,
    })
    expect(await rows()).toEqual([])
  })

  test('rejected rows are in the order of the input, each with its own file', async () => {
    const told: Reject[] = []
    const bad = join(folder, 'rejects.csv')
    const receipt = await bench.db.copy(`COPY keyed FROM '${folder}/bad/*.csv' (${CSV}, ON_ERROR skip_row)`, {
      onReject: (reject) => told.push(reject),
      rejects: bad,
    })
    expect(
      told.map(({ number, file, line, byteOffset }) => [number, file.slice(folder.length), line, byteOffset]),
    ).toEqual([
      [1, '/bad/a.csv', 3, 12],
      [2, '/bad/b.csv', 5, 20],
      [3, '/bad/b.csv', 6, 28],
    ])
    expect(readFileSync(bad, 'utf8')).toBe('id,note\nx,bad\n1,again\ny,bad\n')
    expect(receipt).toMatchObject({ rowsRead: 7, rowsLoaded: 4, rowsRejected: 3 })
    expect(receipt.files.map(({ rows, rowsRejected }) => [rows, rowsRejected])).toEqual([
      [3, 1],
      [4, 2],
    ])
    const files = await bench.sql(
      `SELECT path, rows_read, rows_loaded, rows_rejected FROM copyist.files WHERE load_id = '${receipt.id}' ORDER BY ordinal`,
    )
    expect(files).toEqual([
      [`${folder}/bad/a.csv`, '3', '2', '1'],
      [`${folder}/bad/b.csv`, '4', '2', '2'],
    ])
    // What was refused is told of once more by COPY REJECTS, in the file that it came from.
    const again: Reject[] = []
    await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO keyed`, {
      onReject: (reject) => again.push(reject),
    })
    expect(again.map(({ number, file, line }) => [number, file.slice(folder.length), line])).toEqual([
      [1, '/bad/a.csv', 3],
      [2, '/bad/b.csv', 5],
      [3, '/bad/b.csv', 6],
    ])
  })

  test('the file of rejects has rows of one order, below the header of that', async () => {
    const rejects = join(folder, 'order.bad')
    const statement = (files: string) =>
      `COPY t FROM '${folder}/order' (${CSV}, FILES = [${files}], MAP BY NAME, ON_ERROR skip_row)`
    await bench.db.copy(statement(`'1.csv', '2.csv'`), { rejects })
    expect(readFileSync(rejects, 'utf8')).toBe('id,note\nx,3\ny,4\n')
    const told: string[] = []
    const onReject = ({ file, line }: Reject) => told.push(`${file.slice(-5)} ${line}`)
    const all = statement(`'1.csv', '2.csv', '3.csv'`)
    await expect(bench.db.copy(all, { rejects, onReject })).rejects.toMatchObject({
      sqlState: '0A000',
      message: `the file for rejects "${rejects}" cannot hold rows of "${folder}/order/3.csv"`,
      position: { file: `${folder}/order/3.csv` },
    })
    expect(told).toEqual(['1.csv 3', '2.csv 3', '3.csv 2'])
    const { id } = await bench.db.copy(all)
    await expect(bench.db.copy(`COPY REJECTS '${id}' INTO t`, { rejects })).rejects.toMatchObject({
      sqlState: '0A000',
      position: { file: `${folder}/order/3.csv` },
    })
    await bench.db.copy(statement(`'4.csv', '3.csv'`), { rejects })
    expect(readFileSync(rejects, 'utf8')).toBe('note,id\n5,z\n')
    await bench.sql('CREATE TABLE loose (id text, note text)')
    await bench.db.copy(`COPY loose FROM '${rejects}' (${CSV}, MAP BY NAME)`)
    expect(await bench.sql('SELECT id, note FROM loose')).toEqual([['z', '5']])
  })

  test('a file that is named twice is read twice', async () => {
    const receipt = await bench.db.copy(
      `COPY keyed FROM '${folder}/bad' (${CSV}, ON_ERROR skip_row, FILES = ['a.csv', 'a.csv'])`,
    )
    expect(receipt).toMatchObject({ rowsRead: 6, rowsLoaded: 2, rowsRejected: 4 })
    expect(receipt.files.map(({ rows, rowsLoaded, rowsRejected }) => [rows, rowsLoaded, rowsRejected])).toEqual([
      [3, 2, 1],
      [3, 0, 3],
    ])
    await bench.sql('DELETE FROM keyed')
    const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO keyed WITH (ON_ERROR skip_row)`)
    expect(again).toMatchObject({ rowsRead: 4, rowsLoaded: 2, rowsRejected: 2, rowsResolved: 2 })
  })

  test('a limit and the diagnosis name the file', async () => {
    await expect(
      bench.db.copy(`COPY t FROM '${folder}/bad' (${CSV}, ON_ERROR skip_row, REJECT_LIMIT 1)`),
    ).rejects.toMatchObject({
      detail: `The last of them: file "${folder}/bad/b.csv", line 6, column id "y": invalid input syntax for type integer: "y"`,
      context: `COPY t, file "${folder}/bad/b.csv", line 6, column id: "y"`,
      position: { file: `${folder}/bad/b.csv`, line: 6 },
      diagnosis: [
        {
          samples: [
            { file: `${folder}/bad/a.csv`, line: 3, value: 'x' },
            { file: `${folder}/bad/b.csv`, line: 6, value: 'y' },
          ],
        },
      ],
    })
    const single = await bench.db.copy(`COPY t FROM '${folder}/bad/a.csv' (${CSV}, ON_ERROR skip_row)`)
    expect(single.diagnosis?.[0]?.samples).toEqual([{ line: 3, value: 'x' }])
  })

  test('a limit of rejected rows is that of all files', async () => {
    await expect(
      bench.db.copy(`COPY t FROM '${folder}/bad/*.csv' (${CSV}, ON_ERROR skip_row, REJECT_LIMIT 1)`),
    ).rejects.toMatchObject({
      message: expect.stringContaining('skipped more than REJECT_LIMIT (1) rows'),
      position: { file: `${folder}/bad/b.csv`, line: 6 },
    })
    expect(await rows()).toEqual([])
  })

  test('a table is made from all files', async () => {
    await bench.db.copy(`COPY made FROM '${folder}/in/*.csv' (${CSV}, CREATE_TABLE true)`)
    expect(await bench.sql('SELECT count(*), max(id) FROM made')).toEqual([['4', '4']])
    await bench.sql('DROP TABLE made')
  })

  test.each([
    ['in/*.tsv', '', { sqlState: '58P01', message: (at: string) => `no file matches "${at}/in/*.tsv"` }],
    ['void', '', { sqlState: '58P01', message: (at: string) => `there is no file in the folder "${at}/void"` }],
    [
      'none',
      ", PATTERN = '*.csv'",
      { sqlState: '58P01', message: (at: string) => `no file below "${at}/none" matches "*.csv"` },
    ],
    ['in', ", PATTERN = '[a'", { sqlState: '22023', message: () => 'invalid pattern "[a": a bracket is not closed' }],
    ['in/a.csv', ", FILES = ['x']", { sqlState: '22023', message: (at: string) => `"${at}/in/a.csv" is not a folder` }],
    [
      'in',
      ", FILES = ['a.csv', 'no.csv']",
      {
        sqlState: '58P01',
        message: (at: string) => `could not open file "${at}/in/no.csv" for reading: No such file or directory`,
      },
    ],
  ])('%s%s', async (path, options, { sqlState, message }) => {
    await expect(bench.db.copy(`COPY t FROM '${folder}/${path}' (${CSV}${options})`)).rejects.toMatchObject({
      sqlState,
      message: message(folder),
    })
  })
})
