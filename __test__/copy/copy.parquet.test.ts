import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { Int32, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Reject } from '../../lib/rejects.ts'
import { useFolder, useParquet } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const FLIGHTS = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url))

const folder = useFolder('copyist-parquet-')
const write = useParquet(folder)

beforeAll(async () => {
  await write('a.parquet', `SELECT i::INT AS id, 'n' || i AS "Note", i * 2 AS extra FROM range(1, 6) r(i)`)
  await write('b.parquet', `SELECT 'm' || i AS note, i::SMALLINT AS "ID" FROM range(6, 9) r(i)`)
  await write('lacks.parquet', `SELECT 1 AS id`)
  await write(
    'bad.parquet',
    `SELECT i::INT AS id, CASE WHEN i % 3 = 0 THEN 'x' ELSE i::VARCHAR END AS number FROM range(1, 8) r(i)`,
  )
  await write('empty.parquet', `SELECT i::INT AS id, 'n' || i AS note FROM range(0) r(i)`)
  await write('large.parquet', `SELECT i::BIGINT AS id FROM (VALUES (1), (2), (3000000000), (4)) r(i)`)
  await write('keys.parquet', `SELECT * FROM (VALUES (1, 'new'), (9, 'nine'), (9, 'again')) r(id, note)`)
  for (const codec of ['snappy', 'gzip', 'zstd', 'brotli', 'lz4', 'lz4_raw', 'uncompressed']) {
    await write(`${codec}.parquet`, `SELECT i::INT AS id, 'n' || i AS note FROM range(1, 4) r(i)`, `, CODEC '${codec}'`)
  }
  const without = new Table({ id: vectorFromArray([], new Int32()), note: vectorFromArray([], new Utf8()) })
  folder.file('no-rows.arrow', tableToIPC(without, 'file'))
  folder.file('no-batches.arrow', tableToIPC(new Table(without.schema), 'file'))
  const whole = readFileSync(join(folder.path, 'a.parquet'))
  folder.file('cut.parquet', whole.subarray(0, whole.length - 9))
  folder.file('text.parquet', 'id,note\n1,a\n')
})

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, note text)')
    await bench.sql('CREATE TABLE keyed (id integer PRIMARY KEY, note text)')
    await bench.sql('CREATE TABLE numbers (id integer, number integer)')
  })

  afterAll(() => bench.close())

  beforeEach(async () => {
    for (const table of ['t', 'keyed', 'numbers']) await bench.sql(`DELETE FROM ${table}`)
  })

  const at = (file: string) => `'${join(folder.path, file)}'`
  const rows = () => bench.sql('SELECT id, note FROM t ORDER BY id')
  const A = [1, 2, 3, 4, 5].map((id) => [String(id), `n${id}`])
  const B = [6, 7, 8].map((id) => [String(id), `m${id}`])
  const fails = (statement: string, call = {}) =>
    bench.db.copy(statement, call).then(
      () => expect.fail('it must be refused'),
      (error: unknown) => error,
    )

  test.each(['empty.parquet', 'no-rows.arrow', 'no-batches.arrow'])('%s has no rows, and is no error', async (file) => {
    const format = file.endsWith('.arrow') ? 'arrow' : 'parquet'
    const receipt = await bench.db.copy(`COPY t FROM ${at(file)} (FORMAT ${format})`)
    expect(receipt).toMatchObject({ rowsRead: 0, rowsLoaded: 0 })
    expect(await rows()).toEqual([])
    // The stream of a file with rows begins once.
    await bench.db.copy(`COPY t FROM '${folder.path}' (FORMAT ${format}, FILES ['${file}', '${file}'])`)
    expect(await rows()).toEqual([])
    if (format === 'arrow') return
    await bench.db.copy(`COPY t FROM '${folder.path}' (FORMAT parquet, FILES ['${file}', 'a.parquet', '${file}'])`)
    expect(await rows()).toEqual(A)
  })

  test('columns are matched by name, in any case, and others are not read', async () => {
    const receipt = await bench.db.copy(`COPY t FROM ${at('a.parquet')} (FORMAT parquet)`)
    expect(await rows()).toEqual(A)
    expect(receipt).toMatchObject({ rowsRead: 5, rowsLoaded: 5, headerLines: 0, columns: ['id', 'note'] })
    expect(receipt.transport).toBe(name === 'postgres' ? 'binary' : 'vectors')
  })

  test('several files are one load, each with its own schema', async () => {
    const receipt = await bench.db.copy(`COPY t FROM '${folder.path}' (FORMAT parquet, PATTERN = '[ab].parquet')`)
    expect(await rows()).toEqual([...A, ...B])
    expect(receipt.files.map(({ rows, rowsLoaded }) => [rows, rowsLoaded])).toEqual([
      [5, 5],
      [3, 3],
    ])
  })

  test('a file that lacks a column is refused by its name, and nothing is loaded', async () => {
    const statement = `COPY t FROM '${folder.path}' (FORMAT parquet, FILES = ['a.parquet', 'lacks.parquet'])`
    expect(await fails(statement)).toMatchObject({
      sqlState: '42703',
      message: `column "Note" is not in "${join(folder.path, 'lacks.parquet')}"`,
      detail: 'Its columns are "id".',
    })
    expect(await rows()).toEqual([])
  })

  test('a later file with a column that the first one lacks and the table has is refused, unless the columns are listed', async () => {
    const files = (list: string) => `'${folder.path}' (FORMAT parquet, FILES = [${list}]`
    const later = files(`'lacks.parquet', 'b.parquet'`)
    const refused = {
      sqlState: '22P04',
      message: `file "${join(folder.path, 'b.parquet')}" has a column "note", which file "${join(folder.path, 'lacks.parquet')}" has not`,
      hint: expect.stringMatching(/^List the columns/),
      position: { file: join(folder.path, 'b.parquet') },
    }
    expect(await fails(`COPY t FROM ${later})`)).toMatchObject(refused)
    expect(await rows()).toEqual([])
    const { failure } = await bench.db.explain(`EXPLAIN VALIDATE COPY t FROM ${later})`)
    expect(failure).toMatchObject(refused)
    // A new table would have the columns of the first.
    expect(await fails(`COPY made FROM ${later}, CREATE_TABLE)`)).toMatchObject(refused)
    // The table has no column "extra", and of "ID" it has what it needs.
    await bench.db.copy(`COPY t FROM ${files(`'empty.parquet', 'a.parquet', 'b.parquet'`)})`)
    expect(await rows()).toEqual([...A, ...B])
    await bench.sql('DELETE FROM t')
    await bench.db.copy(`COPY t (id) FROM ${later})`)
    await bench.db.copy(`COPY t FROM ${later}, CONSTANT (note 'same'))`)
    const ids = ['1', '6', '7', '8']
    expect(await rows()).toEqual(
      expect.arrayContaining(
        ids.flatMap((id) => [
          [id, null],
          [id, 'same'],
        ]),
      ),
    )
  })

  test('columns of the table that the input lacks are told', async () => {
    await bench.sql("CREATE TABLE wide (id integer, nam text, kind text DEFAULT 'new', day date)")
    const notes = [{ option: 'MAP BY NAME', reason: 'columns "nam", "day" are not in the input, and are NULL' }]
    const parquet = `wide FROM ${at('a.parquet')} (FORMAT parquet)`
    expect((await bench.db.copy(`COPY ${parquet}`)).notes).toEqual(notes)
    expect((await bench.db.explain(`COPY ${parquet}`)).notes).toEqual(notes)
    const csv = (list: string) =>
      bench.db.copy(`COPY wide ${list} FROM STDIN (FORMAT csv, MAP BY NAME)`, {
        stdin: [Buffer.from('id,name\n7,x\n')],
      })
    expect((await csv('')).notes).toEqual(notes)
    expect(await csv('(id)')).not.toHaveProperty('notes')
    await bench.sql('DROP TABLE wide')
  })

  test('with MAP BY NAME false columns go to those of the table by their places, in every file', async () => {
    await bench.sql('CREATE TABLE swapped (note text, id text)')
    try {
      const statement = (more: string) => `COPY ${more} (FORMAT parquet, MAP BY NAME false)`
      await bench.db.copy(statement(`swapped FROM ${at('b.parquet')}`))
      expect(await bench.sql('SELECT note, id FROM swapped ORDER BY id')).toEqual(B.map(([id, note]) => [note, id]))
      await bench.sql('DELETE FROM swapped')
      await bench.db.copy(statement(`swapped (id, note) FROM ${at('b.parquet')}`))
      expect(await bench.sql('SELECT id, note FROM swapped ORDER BY id')).toEqual(B.map(([id, note]) => [note, id]))
      const error = await bench.db.copy(statement(`swapped FROM ${at('a.parquet')}`)).then(
        () => expect.fail('there is a column too many'),
        (reason: unknown) => reason,
      )
      expect(error).toMatchObject({ sqlState: '22P04', message: 'the input has 3 columns, and 2 are wanted' })
      const dropping = `t (id, note, rest) FROM ${at('a.parquet')} (FORMAT parquet, MAP BY NAME false, FILLER (rest))`
      await bench.db.copy(`COPY ${dropping}`)
      expect(await rows()).toEqual(A)
      const made = `made (x, y) FROM ${at('b.parquet')} (FORMAT parquet, MAP BY NAME false, CREATE_TABLE)`
      await bench.db.copy(`COPY ${made}`)
      expect(await bench.sql('SELECT y, x FROM made ORDER BY y')).toEqual(B)
    } finally {
      await bench.sql('DROP TABLE swapped')
      await bench.sql('DROP TABLE IF EXISTS made')
    }
  })

  test('column list, FILLER, CONSTANT, SEQUENCE, TRANSFORM and WHERE', async () => {
    const file = at('a.parquet')
    await bench.db.copy(`COPY t (id) FROM ${file} (FORMAT parquet) WHERE id > 3`)
    expect(await rows()).toEqual([
      ['4', null],
      ['5', null],
    ])
    await bench.sql('DELETE FROM t')
    await bench.db.copy(`COPY t (id, extra) FROM ${file} (FORMAT parquet, FILLER (extra), CONSTANT (note 'c'))`)
    expect(await rows()).toEqual(A.map(([id]) => [id, 'c']))
    await bench.sql('DELETE FROM t')
    await bench.db.copy(`COPY t (note) FROM ${file} (FORMAT parquet, SEQUENCE (id (10, 5)))`)
    expect(await rows()).toEqual(A.map(([, note], at) => [String(10 + 5 * at), note]))
    await bench.sql('DELETE FROM t')
    await bench.db.copy(`COPY t FROM ${file} (FORMAT parquet, TRANSFORM (note AS upper(note))) WHERE id < 3`)
    expect(await rows()).toEqual([
      ['1', 'N1'],
      ['2', 'N2'],
    ])
  })

  test('what the list names must be there', async () => {
    expect(await fails(`COPY t (id, "note") FROM ${at('lacks.parquet')} (FORMAT parquet)`)).toMatchObject({
      sqlState: '42703',
      message: 'the input has no column "note"',
      detail: 'Its columns are "id".',
    })
    expect(await fails(`COPY t (id, gone) FROM ${at('a.parquet')} (FORMAT parquet, FILLER (gone))`)).toMatchObject({
      sqlState: '42703',
      message: 'the input has no column "gone"',
    })
  })

  test('an error has the row in place of a line', async () => {
    expect(await fails(`COPY numbers FROM ${at('bad.parquet')} (FORMAT parquet)`)).toMatchObject({
      sqlState: '22P02',
      message: 'invalid input syntax for type integer: "x"',
      context: 'COPY numbers, row 3, column number: "x"',
      position: { line: 3, column: 'number' },
    })
    const lossy = await fails(`COPY t FROM ${at('large.parquet')} (FORMAT parquet)`)
    expect(lossy).toMatchObject({
      sqlState: '22003',
      context: 'COPY t, row 3, column id: "3000000000"',
    })
    expect((lossy as { position: object }).position).not.toHaveProperty('byteOffset')
    expect(await bench.sql('SELECT * FROM numbers')).toEqual([])
  })

  test('refused rows are told as JSON, and replaced ones', async () => {
    const rejects: Reject[] = []
    const path = join(folder.path, `rejects-${name}.json`)
    const statement = `COPY numbers FROM ${at('bad.parquet')} (FORMAT parquet, ON_ERROR skip_row)`
    const receipt = await bench.db.copy(statement, { onReject: (reject) => rejects.push(reject), rejects: path })
    expect(receipt).toMatchObject({ rowsRead: 7, rowsLoaded: 5, rowsRejected: 2, rejectsRecorded: 2 })
    expect(rejects.map(({ line, raw, errors }) => [line, String(raw), errors[0]?.column])).toEqual([
      [3, '{"id": 3, "number": "x"}', 'number'],
      [6, '{"id": 6, "number": "x"}', 'number'],
    ])
    expect(readFileSync(path, 'utf8')).toBe('{"id": 3, "number": "x"}\n{"id": 6, "number": "x"}\n')
    expect(await fails(`COPY REJECTS '${receipt.id}' INTO numbers`)).toMatchObject({
      sqlState: '0A000',
      message: 'COPY REJECTS cannot read FORMAT parquet',
    })
    const nulls = await bench.db.copy(statement.replace('skip_row', 'set_null'))
    expect(nulls).toMatchObject({ rowsLoaded: 7, rowsReplaced: 2 })
    const limited = `COPY numbers FROM ${at('bad.parquet')} (FORMAT parquet, ON_ERROR ignore, REJECT_LIMIT 1)`
    expect(await fails(limited)).toMatchObject({
      detail: expect.stringContaining('The last of them: row 6, column number "x":'),
      context: 'COPY numbers, row 6, column number: "x"',
    })
  })

  test('rows that the database refuses have their row', async () => {
    await bench.sql("INSERT INTO keyed VALUES (1, 'old')")
    const file = at('keys.parquet')
    expect(await fails(`COPY keyed FROM ${file} (FORMAT parquet)`)).toMatchObject({ sqlState: '23505' })
    const rejects: Reject[] = []
    await bench.db.copy(`COPY keyed FROM ${file} (FORMAT parquet, ON_ERROR skip_row)`, {
      onReject: (reject) => rejects.push(reject),
    })
    expect(rejects.map(({ line, raw }) => [line, String(raw)])).toEqual([
      [1, '{"id": 1, "note": "new"}'],
      [3, '{"id": 9, "note": "again"}'],
    ])
    await bench.db.copy(`COPY keyed FROM ${file} (FORMAT parquet) ON CONFLICT DO UPDATE KEEP LAST`)
    expect(await bench.sql('SELECT * FROM keyed ORDER BY id')).toEqual([
      ['1', 'new'],
      ['9', 'again'],
    ])
  })

  test('a stream is kept, since the file is read from its end', async () => {
    await bench.db.copy('COPY t FROM STDIN (FORMAT parquet)', {
      stdin: createReadStream(join(folder.path, 'a.parquet')),
    })
    expect(await rows()).toEqual(A)
  })

  test.each(['snappy', 'gzip', 'zstd', 'brotli', 'lz4_raw', 'uncompressed'])('%s', async (codec) => {
    await bench.db.copy(`COPY t FROM ${at(`${codec}.parquet`)} (FORMAT parquet)`)
    expect(await rows()).toEqual(A.slice(0, 3))
  })

  test('LOAD_KEY', async () => {
    const statement = `COPY t FROM ${at('a.parquet')} (FORMAT parquet, LOAD_KEY 'once')`
    await bench.db.copy(statement)
    expect((await bench.db.copy(statement)).alreadyLoaded).toBe(true)
    expect(await rows()).toEqual(A)
  })

  test('the table is made from the schema, and EXPLAIN says why', async () => {
    const statement = `COPY made FROM ${at('a.parquet')} (FORMAT parquet, CREATE_TABLE)`
    const explained = await bench.db.explain(statement)
    expect(explained.failure).toBeUndefined()
    expect(explained.columns?.map(({ name, sourceType, detected }) => [name, sourceType, detected])).toEqual([
      ['id', 'Int32', 'it is Int32 in the file'],
      ['Note', 'Utf8', 'it is Utf8 in the file'],
      ['extra', 'Int64', 'it is Int64 in the file'],
    ])
    expect(explained.input?.read).toBe('the end')
    const receipt = await bench.db.copy(statement)
    expect(receipt.createdTable).toBe(explained.table?.ddl)
    expect(await bench.sql('SELECT * FROM made ORDER BY id LIMIT 1')).toEqual([['1', 'n1', '2']])
    await bench.sql('DROP TABLE made')
    await bench.db.copy(`COPY made (extra, id) FROM ${at('a.parquet')} (FORMAT parquet, CREATE_TABLE)`)
    expect(await bench.sql('SELECT * FROM made ORDER BY id LIMIT 1')).toEqual([['2', '1']])
    await bench.sql('DROP TABLE made')
  })

  test('VALIDATE_ONLY', async () => {
    const found = await fails(`COPY numbers FROM ${at('bad.parquet')} (FORMAT parquet, VALIDATE_ONLY)`)
    expect(found).toMatchObject({ context: 'COPY numbers, row 3, column number: "x"', diagnosis: [{ rows: 2 }] })
  })

  test('files that are no Parquet, or not whole', async () => {
    expect(await fails(`COPY t FROM ${at('text.parquet')} (FORMAT parquet)`)).toMatchObject({ sqlState: '22P04' })
    expect(await fails(`COPY t FROM ${at('cut.parquet')} (FORMAT parquet)`)).toMatchObject({ sqlState: '22P04' })
    expect(await fails(`COPY t FROM ${at('a.parquet')} (FORMAT arrow)`)).toMatchObject({ sqlState: '22P04' })
    expect(await fails(`COPY t FROM ${at('gone.parquet')} (FORMAT parquet)`)).toMatchObject({ sqlState: '58P01' })
    expect(await fails(`COPY t FROM ${at('a.parquet')}`)).toMatchObject({
      sqlState: '0A000',
      hint: 'Add FORMAT parquet.',
    })
  })

  test.each(['DELIMITER ","', 'HEADER', "NULL 'x'", "ENCODING 'LATIN1'", 'SKIP 1', 'FORCE_NULL *'])(
    '%s means nothing there',
    async (option) => {
      expect(
        await fails(`COPY t FROM ${at('a.parquet')} (FORMAT parquet, ${option.replaceAll('"', "'")})`),
      ).toMatchObject({
        sqlState: '0A000',
        message: expect.stringMatching(/cannot be used with FORMAT parquet$/),
      })
    },
  )

  test('a real file of three million rows', async () => {
    const receipt = await bench.db.copy(`COPY flights FROM '${FLIGHTS}' (FORMAT parquet, CREATE_TABLE)`)
    expect(receipt.rowsLoaded).toBe(3_000_000)
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const columns = receipt.columns.filter((column) => !/date|time/i.test(column))
    const sums = columns
      .map((column) => `count("${column}")${name === 'duckdb' ? `, count(DISTINCT "${column}")` : ''}`)
      .join(', ')
    const reader = await connection.runAndReadAll(`SELECT ${sums} FROM read_parquet('${FLIGHTS}')`)
    expect(await bench.sql(`SELECT ${sums} FROM flights`)).toEqual(reader.getRows().map((row) => row.map(String)))
    connection.closeSync()
    instance.closeSync()
    await bench.sql('DROP TABLE flights')
  }, 120_000)
})
