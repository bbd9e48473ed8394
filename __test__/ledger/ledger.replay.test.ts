import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CopyCallOptions } from '../../lib/copy-call.ts'
import type { Receipt, Reject, ReplacedRow } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { uuid } from './databases.ts'

describe.each(benches)('COPY REJECTS in $name', ({ name, open }) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (a int, b text)')
  })
  afterEach(() => bench.close())

  const copy = (stdin: string | Buffer, options = 'FORMAT csv, ON_ERROR skip_row', rest = '') =>
    bench.db.copy(`COPY t FROM STDIN (${options})${rest}`, { stdin })
  const replay = (id: string, rest = '', call: CopyCallOptions = {}) =>
    bench.db.copy(`COPY REJECTS '${id}' INTO t${rest}`, call)
  const rows = () => bench.sql('SELECT a, b FROM t ORDER BY a, b')
  const counts = async (receipt: Receipt) =>
    (
      await bench.sql(
        `SELECT status, rows_read, rows_loaded, rows_rejected, rows_resolved, rows_filtered FROM copyist.loads
         WHERE CAST(load_id AS text) = '${receipt.id}'`,
      )
    )[0]
  const left = async ({ id }: Receipt): Promise<Reject[]> => {
    const found: Reject[] = []
    for await (const reject of bench.db.rejects(id)) found.push(reject)
    return found
  }

  it('loads what a new option cures', async () => {
    const first = await copy('1,a\nN/A,b\n2,c\nN/A,d\n')
    expect(first.rowsRejected).toBe(2)
    const again = await replay(first.id, ` WITH (NULL 'N/A')`)
    expect(again).toMatchObject({
      statement: `COPY REJECTS '${first.id}' INTO t WITH (NULL 'N/A')`,
      rowsRead: 2,
      rowsLoaded: 2,
      rowsFiltered: 0,
      rowsRejected: 0,
      headerLines: 0,
      bytesRead: 12,
      ledger: true,
      replayOf: first.id,
      rowsResolved: 2,
      rowsCut: 0,
      files: [{ path: 'STDIN', bytes: 12, rows: 2, rowsRejected: 0 }],
    })
    expect((await rows()).length).toBe(4)
    expect(await counts(first)).toEqual(['completed', '4', '2', '2', '2', '0'])
    expect(await counts(again)).toEqual(['completed', '2', '2', '0', '0', '0'])
    expect(await left(first)).toEqual([])
    expect(await bench.sql('SELECT DISTINCT CAST(resolved_by AS text) FROM copyist.rejects')).toEqual([[again.id]])
    const [stored] = await bench.sql(
      `SELECT CAST(receipt AS text), statement FROM copyist.loads WHERE rows_read = 2 AND rows_loaded = 2`,
    )
    expect(JSON.parse(stored?.[0] ?? '')).toMatchObject({ replayOf: first.id, rowsResolved: 2 })
    expect(stored?.[1]).toBe(again.statement)
  })

  it('refuses some of few again, whatever share of many the load was allowed', async () => {
    const stdin = Array.from({ length: 100 }, (_, i) => `${i === 7 ? 'x' : i === 8 ? 'N/A' : i},a\n`).join('')
    const first = await copy(stdin, `FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT '2%'`)
    expect(await replay(first.id, ` WITH (NULL 'N/A')`)).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    await expect(replay(first.id, ` WITH (REJECT_LIMIT '2%')`)).rejects.toThrow('1 of 1')
  })

  it.each(['ON_ERROR set_null', 'ON_ERROR set_default'])('loads rows with replaced values: %s', async (policy) => {
    const first = await copy('x,1\ny,2\n1,ok\nz,3\nw\n', 'FORMAT csv, ON_ERROR skip_row')
    expect(first.rowsRejected).toBe(4)
    const replaced: [number, string | undefined][] = []
    const call = { onReplace: ({ line, values }: ReplacedRow) => replaced.push([line, values[0]?.value]) }
    // What the policy does not forgive ends the load, which then has not loaded any.
    await expect(replay(first.id, ` WITH (${policy})`, call)).rejects.toMatchObject({ sqlState: '22P04' })
    replaced.length = 0
    const again = await replay(first.id, ` WITH (${policy}, FILL_MISSING_FIELDS)`, call)
    expect(again).toMatchObject({ rowsRead: 4, rowsLoaded: 4, rowsReplaced: 4, rowsRejected: 0, rowsResolved: 4 })
    expect(replaced).toEqual([
      [1, 'x'],
      [2, 'y'],
      [4, 'z'],
      [5, 'w'],
    ])
    expect(await left(first)).toEqual([])
  })

  it('goes by a condition of its own', async () => {
    const first = await copy('1,a\nN/A,keep\n2,c\nN/A,drop\nN/A,later\n', undefined, " WHERE b <> 'drop'")
    expect(first).toMatchObject({ rowsLoaded: 2, rowsRejected: 3 })
    const again = await replay(first.id, ` WITH (NULL 'N/A') WHERE b IN ('drop', 'later')`)
    expect(again).toMatchObject({ rowsLoaded: 2, rowsFiltered: 1, rowsResolved: 3 })
    const second = await copy('N/A,keep\nN/A,drop\n', undefined, " WHERE b <> 'drop'")
    const all = await replay(second.id, ` WITH (NULL 'N/A') WHERE true`)
    expect(all).toMatchObject({ rowsLoaded: 2, rowsFiltered: 0, rowsResolved: 2 })
    const third = await copy('N/A,keep\nN/A,drop\n', undefined, " WHERE b <> 'drop'")
    expect(await replay(third.id, ` WITH (NULL 'N/A')`)).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
  })

  it('loads dates that become NULL', async () => {
    await bench.sql('CREATE TABLE dated (day date, b text)')
    const stdin = '2024-01-01|a\nsoon|b\nnever|c\n'
    const first = await bench.db.copy(`COPY dated FROM STDIN DELIMITER '|' MAXERROR 9`, { stdin })
    expect(first.rowsRejected).toBe(2)
    const again = await bench.db.copy(`COPY REJECTS '${first.id}' INTO dated WITH (ACCEPT_ANY_DATE)`)
    expect(again).toMatchObject({ rowsLoaded: 2, rowsReplaced: 2, rowsResolved: 2 })
  })

  it('has nothing to do the second time', async () => {
    const first = await copy('1,a\nN/A,b\n')
    await replay(first.id, ` WITH (NULL 'N/A')`)
    const again = await replay(first.id, ` WITH (NULL 'N/A')`)
    expect(again).toMatchObject({ rowsRead: 0, rowsLoaded: 0, rowsResolved: 0, bytesRead: 0, replayOf: first.id })
    expect((await rows()).length).toBe(2)
    expect(await counts(first)).toEqual(['completed', '2', '1', '1', '1', '0'])
  })

  it('leaves what does not fit where it was, with the new reason', async () => {
    const first = await copy('1,a\nx,b\n2,c\nN/A,d\ny,e\n3,f,g\n')
    const seen: Reject[] = []
    const again = await replay(first.id, ` WITH (NULL 'N/A', IGNORE_EXTRA_DATA)`, { onReject: (r) => seen.push(r) })
    expect(again).toMatchObject({ rowsRead: 4, rowsLoaded: 2, rowsRejected: 2, rowsResolved: 2 })
    expect(again.files).toMatchObject([{ path: 'STDIN', rows: 4, rowsRejected: 2 }])
    const places = [
      [1, 'STDIN', 2, 2, 4, 'x,b'],
      [3, 'STDIN', 5, 5, 18, 'y,e'],
    ]
    const place = (r: Reject) => [r.number, r.file, r.line, r.lastLine, r.byteOffset, String(r.raw)]
    expect(seen.map(place)).toEqual(places)
    expect((await left(first)).map(place)).toEqual(places)
    expect(await counts(first)).toEqual(['completed', '6', '2', '4', '2', '0'])
    expect(await counts(again)).toEqual(['completed', '4', '2', '2', '0', '0'])
    // Other columns, other reasons.
    await bench.sql('CREATE TABLE u (b text, a date)')
    const third = await bench.db.copy(`COPY REJECTS '${first.id}' INTO u (a, b)`)
    expect(third).toMatchObject({ rowsRead: 2, rowsRejected: 2, rowsResolved: 0, columns: ['a', 'b'] })
    const type = name === 'postgres' ? 'date' : 'DATE'
    expect((await left(first))[0]?.errors).toMatchObject([{ column: 'a', type, sqlState: '22007', value: 'x' }])
    const table = `SELECT column_type, sqlstate FROM copyist.rejects WHERE reject_no = 1`
    expect(await bench.sql(table)).toEqual([[type, '22007']])
    await expect(replay(third.id)).rejects.toMatchObject({
      sqlState: '22023',
      hint: `COPY REJECTS '${first.id}' …`,
    })
  })

  it('keeps nothing when it is to stop', async () => {
    const first = await copy('1,a\nN/A,b\n2,c\nN/A,"x\ny"\nx,d\nN/A,e\n')
    const again = replay(first.id, ` WITH (NULL 'N/A', ON_ERROR stop)`)
    await expect(again).rejects.toMatchObject({
      sqlState: '22P02',
      message: 'invalid input syntax for type integer: "x"',
      position: { file: 'STDIN', line: 6, byteOffset: 24, column: 'a' },
      context: 'COPY t, line 6, column a: "x"',
    })
    expect((await rows()).length).toBe(2)
    expect(await counts(first)).toEqual(['completed', '6', '2', '4', '0', '0'])
    expect((await left(first)).length).toBe(4)
    const failed = await bench.sql(
      `SELECT status, rows_loaded, error_sqlstate FROM copyist.loads WHERE status = 'failed'`,
    )
    expect(failed).toEqual([['failed', '0', '22P02']])
    await expect(replay(first.id, ' WITH (REJECT_LIMIT 3)')).rejects.toMatchObject({
      sqlState: '22P02',
      position: { line: 7, byteOffset: 28 },
    })
    expect((await replay(first.id, ` WITH (NULL 'N/A', ON_ERROR skip_row)`)).rowsResolved).toBe(3)
  })

  it('takes rows of all kinds', async () => {
    const input = Buffer.from(
      '1,a\r\nx,"two\r\nlines"\r\n2,b\r\n\xff3,c\r\n4,\xff\r\n5,d,e\r\n\r\n6,"f\r\nN/A,"g""h"\r\n',
      'latin1',
    )
    const first = await copy(input)
    expect((await left(first)).map(({ raw }) => raw.toString('latin1'))).toEqual([
      'x,"two\r\nlines"',
      '\xff3,c',
      '4,\xff',
      '5,d,e',
      '',
      '6,"f',
      'N/A,"g""h"',
    ])
    const seen: Reject[] = []
    const again = await replay(first.id, ` WITH (NULL 'N/A', IGNORE_EXTRA_DATA)`, { onReject: (r) => seen.push(r) })
    expect(again).toMatchObject({ rowsRead: 7, rowsLoaded: 2, rowsRejected: 5, rowsResolved: 2 })
    expect(seen.map(({ number, line, lastLine, errors }) => [number, line, lastLine, errors[0]?.sqlState])).toEqual([
      [1, 2, 3, '22P02'],
      [2, 5, 5, '22021'],
      [3, 6, 6, '22021'],
      [5, 8, 8, '22P04'],
      [6, 9, 9, '22P04'],
    ])
    const third = await replay(first.id, ` WITH (NULL 'x')`)
    expect(third).toMatchObject({ rowsRead: 5, rowsLoaded: 1, rowsRejected: 4, rowsResolved: 1 })
    expect((await bench.sql('SELECT b FROM t ORDER BY b')).flat()).toEqual(['a', 'b', 'd', 'g"h', 'two\r\nlines'])
    expect((await left(first)).map(({ number }) => number)).toEqual([2, 3, 5, 6])
  })

  it('keeps apart what one beside the other would be one row', async () => {
    const first = await copy('x,"a\n2,"c"\ny,"d"\n"\n')
    expect((await left(first)).map(({ raw }) => String(raw))).toEqual(['x,"a', 'y,"d"', '"'])
    expect(await replay(first.id, ` WITH (NULL 'y')`)).toMatchObject({ rowsRead: 3, rowsLoaded: 1, rowsRejected: 2 })
    // What is left would now be one row that fits.
    expect(await replay(first.id, ` WITH (NULL 'x')`)).toMatchObject({ rowsRead: 2, rowsLoaded: 0, rowsRejected: 2 })
    expect((await left(first)).map(({ raw }) => String(raw))).toEqual(['x,"a', '"'])
    await expect(replay(first.id, ` WITH (ON_ERROR ignore, NULL 'x')`)).rejects.toMatchObject({
      sqlState: '22P04',
      message: 'unterminated CSV quoted field',
      position: { file: 'STDIN', line: 1, byteOffset: 0 },
    })
    // With another quote, a record of several lines is several records.
    const second = await copy('x,"a\n1,b"\ny,c\n')
    expect(await replay(second.id, ` WITH (QUOTE '~', NULL 'y')`)).toMatchObject({ rowsRead: 2, rowsLoaded: 1 })
    expect((await left(second)).map(({ errors }) => errors[0]?.message)).toEqual(['unquoted newline found in data'])
  })

  it('takes rows that an input could not begin with', async () => {
    const starts = ['\xef\xbb\xbf', '\x1f\x8b', 'PK\x03\x04x\0', '\xff\xfe', '"x']
    for (const start of starts) {
      const first = await copy(Buffer.from(`1,a\n${start}2,b\nN/A,c\n`, 'latin1'))
      expect(await replay(first.id, ` WITH (NULL 'N/A')`)).toMatchObject({ rowsRead: 2, rowsResolved: 1 })
      expect((await left(first)).map(({ line }) => line)).toEqual([2])
    }
  })

  it('knows TEXT', async () => {
    const first = await copy('1\ta\nx\tb\\\nc\n2\td\\\\\ny\te\\', 'ON_ERROR skip_row')
    expect((await left(first)).map(({ raw }) => String(raw))).toEqual(['x\tb\\\nc', 'y\te\\'])
    expect(await replay(first.id, ` WITH (NULL 'y')`)).toMatchObject({ rowsRead: 2, rowsLoaded: 1, rowsResolved: 1 })
    expect(await replay(first.id, ` WITH (NULL 'x')`)).toMatchObject({ rowsRead: 1, rowsLoaded: 1, rowsResolved: 1 })
    expect((await bench.sql('SELECT b FROM t WHERE a IS NULL ORDER BY b')).flat()).toEqual(['b\nc', 'e\\'])
  })

  it('keeps to the condition and the header of the statement', async () => {
    const first = await copy(
      'b,a\none,1\ntwo,N/A\nthree,x\n',
      'FORMAT csv, HEADER, ON_ERROR skip_row',
      ' WHERE a > 0',
    ).catch((error: unknown) => error)
    expect(first).toMatchObject({ rowsRejected: 3 })
    const second = await bench.db.copy(
      `COPY t (b, a) FROM STDIN (FORMAT csv, HEADER MATCH, ON_ERROR skip_row) WHERE a > 1`,
      {
        stdin: 'b,a\none,1\ntwo,N/A\nthree,x\nfour,4\n',
      },
    )
    expect(second).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1, rowsRejected: 2 })
    const again = await replay(second.id, ` WITH (NULL 'N/A')`)
    expect(again).toMatchObject({ rowsRead: 2, rowsLoaded: 0, rowsFiltered: 1, rowsRejected: 1, rowsResolved: 1 })
    expect(again.columns).toEqual(['b', 'a'])
    expect((await left(second)).map(({ raw }) => String(raw))).toEqual(['three,x'])
    const directory = await mkdtemp(join(tmpdir(), 'copyist-'))
    try {
      const path = join(directory, 'rejects.csv')
      await replay(second.id, '', { rejects: path })
      expect(readFileSync(path, 'utf8')).toBe('b,a\nthree,x\n')
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('names the file of the original', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'copyist-'))
    try {
      const path = join(directory, 'in.csv')
      await writeFile(path, '1,a\nx,b\ny,c\n')
      const first = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`)
      await rm(path)
      const seen: Reject[] = []
      const again = await replay(first.id, ` WITH (NULL 'y')`, { onReject: (reject) => seen.push(reject) })
      expect(again.files).toMatchObject([{ path, rows: 2 }])
      expect(seen).toMatchObject([{ number: 1, file: path, line: 2, byteOffset: 4 }])
      await expect(replay(first.id, ' WITH (ON_ERROR stop)')).rejects.toMatchObject({
        position: { file: path, line: 2 },
      })
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it.each([
    { file: 'in.gz', compress: gzipSync, option: '' },
    { file: 'in.gz', compress: gzipSync, option: ", COMPRESSION 'gzip'" },
    { file: 'in.br', compress: brotliCompressSync, option: '' },
  ])('takes rows of the compressed $file $option', async ({ file, compress, option }) => {
    const directory = await mkdtemp(join(tmpdir(), 'copyist-'))
    try {
      const path = join(directory, file)
      await writeFile(path, compress('1,a\nx,b\ny,c\n'))
      const first = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row${option})`)
      const again = await replay(first.id, ` WITH (NULL 'y')`)
      expect(again).toMatchObject({ rowsRead: 2, rowsLoaded: 1, rowsResolved: 1 })
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('leaves out records that were cut', async () => {
    const long = 'z'.repeat(2 << 20)
    const first = await copy(`x,${long}\nN/A,b\n`)
    expect((await left(first)).map(({ rawIsCut }) => rawIsCut)).toEqual([true, false])
    expect(await replay(first.id, ` WITH (NULL 'N/A')`)).toMatchObject({ rowsRead: 1, rowsResolved: 1, rowsCut: 1 })
    expect(await replay(first.id, ` WITH (NULL 'x')`)).toMatchObject({ rowsRead: 0, rowsResolved: 0, rowsCut: 1 })
    expect(await counts(first)).toEqual(['completed', '2', '0', '2', '1', '0'])
  })

  it('takes many', async () => {
    const input = Array.from({ length: 30_000 }, (_, n) =>
      n % 3 === 0 ? `${n},a\n` : n % 3 === 1 ? `x${n},"b\nc"\n` : `N/A,d${n}\n`,
    )
    const first = await copy(input.join(''))
    expect(first.rowsRejected).toBe(20_000)
    const lines: number[] = []
    const again = await replay(first.id, ` WITH (NULL 'N/A')`, {
      memoryLimit: 1 << 20,
      onReject: ({ line }) => lines.push(line),
    })
    expect(again).toMatchObject({ rowsRead: 20_000, rowsLoaded: 10_000, rowsRejected: 10_000, rowsResolved: 10_000 })
    expect(lines).toEqual(Array.from({ length: 10_000 }, (_, n) => 2 + 4 * n))
    expect(
      await bench.sql(`SELECT count(*) FROM copyist.rejects WHERE resolved_by IS NULL AND column_name = 'a'`),
    ).toEqual([['10000']])
    const nulls = await bench.sql('SELECT count(*), count(DISTINCT b) FROM t WHERE a IS NULL')
    expect(nulls).toEqual([['10000', '10000']])
  })

  it('knows the header that MAP BY NAME went by', async () => {
    const first = await copy(
      'b,more,a\none,x,1\ntwo,y,N/A\nthree,z,3\nfour,w,N/A\n',
      'FORMAT csv, HEADER, MAP BY NAME, ON_ERROR skip_row',
    )
    expect(first).toMatchObject({ rowsLoaded: 2, rowsRejected: 2, fields: ['b', 'more', 'a'] })
    const again = await replay(first.id, ` WITH (NULL 'N/A')`)
    expect(again).toMatchObject({ rowsRead: 2, rowsLoaded: 2, rowsResolved: 2 })
    expect(await bench.sql('SELECT a, b FROM t ORDER BY b')).toEqual([
      [null, 'four'],
      ['1', 'one'],
      ['3', 'three'],
      [null, 'two'],
    ])
    // Of a load without it nobody knows the header.
    const other = await copy('a,b\nx,y\n', 'FORMAT csv, HEADER, ON_ERROR skip_row')
    await expect(replay(other.id, ' WITH (MAP BY NAME)')).rejects.toMatchObject({
      sqlState: '0A000',
      message: 'MAP BY NAME needs the header of the input, which is not recorded',
    })
  })

  it('gives rows the numbers of SEQUENCE that they had', async () => {
    await bench.sql('CREATE TABLE numbered (a int CHECK (a > 0), b text, n bigint)')
    await bench.sql('CREATE TABLE loose (a text, b text, n bigint)')
    // Refused by the decoder, for its values and its fields, and by the table; one that is passed over has no number.
    const stdin = ['1,a', '-2,b', 'x,c', '4,d', 'no', '?,pass', '-6,f', 'y,g', '8,h'].join('\n')
    const options = "FORMAT csv, ON_ERROR skip_row, SEQUENCE (n (100, 10)), WHEN (1-1) != '?'"
    const first = await bench.db.copy(`COPY numbered (a, b) FROM STDIN (${options})`, { stdin })
    expect(first).toMatchObject({ rowsLoaded: 3, rowsRejected: 5, rowsFiltered: 1 })
    expect(await bench.sql('SELECT n FROM numbered ORDER BY n')).toEqual([['100'], ['130'], ['170']])
    for (const reject of await left(first)) expect(reject).not.toHaveProperty('recordsBefore')
    const some = await bench.db.copy(`COPY REJECTS '${first.id}' INTO numbered (a, b) WITH (NULL 'x')`)
    expect(some).toMatchObject({ rowsLoaded: 1, rowsResolved: 1, rowsRejected: 4 })
    const rest = await bench.db.copy(`COPY REJECTS '${first.id}' INTO loose (a, b) WITH (FILL_MISSING_FIELDS)`)
    expect(rest).toMatchObject({ rowsLoaded: 4, rowsResolved: 4 })
    expect(await bench.sql('SELECT n FROM numbered WHERE a IS NULL')).toEqual([['120']])
    expect(await bench.sql('SELECT n, a FROM loose ORDER BY n')).toEqual([
      ['110', '-2'],
      ['140', 'no'],
      ['150', '-6'],
      ['160', 'y'],
    ])
  })

  it('counts no byte that is none of the rows', async () => {
    const options = 'FORMAT csv, HEADER, SKIP_BLANK_LINES, ON_ERROR skip_row'
    const first = await copy('a,b\n\n1,a\nx,b\n\ny,c\n', options)
    const again = await replay(first.id)
    expect(again).toMatchObject({ rowsRead: 2, bytesRead: 8, files: [{ bytes: 8 }] })
  })

  it('tells rows that are no records for themselves in their order', async () => {
    // With the other quote the record of each second row goes on.
    const rows = Array.from({ length: 20 }, (_, row) => (row % 2 === 0 ? `x${row},'` : `x${row},b`))
    const first = await copy(`${rows.join('\n')}\n`)
    const told: [number, string][] = []
    const again = await replay(first.id, ` WITH (QUOTE '''')`, {
      onReject: ({ number, raw }) => told.push([number, raw.toString()]),
    })
    expect(again).toMatchObject({ rowsRead: 20, rowsRejected: 20, rowsLoaded: 0 })
    expect(told).toEqual(rows.map((raw, row) => [row + 1, raw]))
  })

  it('says when it does not know the numbers', async () => {
    const first = await copy('x,a\n')
    await bench.sql('ALTER TABLE t ADD COLUMN n bigint')
    const again = bench.db.copy(`COPY REJECTS '${first.id}' INTO t (a, b) WITH (SEQUENCE (n (1)))`)
    await expect(again).rejects.toMatchObject({
      sqlState: '0A000',
      detail: 'They were refused by a load without SEQUENCE.',
    })
  })

  it('resolves rows that WHEN passes over', async () => {
    const first = await copy('x,a\ny,b\n')
    const again = await replay(first.id, " WITH (NULL 'x', WHEN (1-1) != 'y')")
    expect(again).toMatchObject({ rowsRead: 2, rowsLoaded: 1, rowsFiltered: 1, rowsResolved: 2 })
  })

  it('refuses what cannot be', async () => {
    await expect(replay(uuid(1))).rejects.toMatchObject({ sqlState: '42P01', message: /copyist\.loads/ })
    await copy('1,a\n')
    const unknown = { sqlState: '22023', message: `load "${uuid(1)}" does not exist`, statement: { offset: 13 } }
    await expect(replay(uuid(1))).rejects.toMatchObject(unknown)
    await expect(replay('it')).rejects.toMatchObject({ sqlState: '22P02', statement: { offset: 13 } })
    const first = await copy('x,a\n')
    await expect(
      bench.db.copy(`COPY REJECTS '${first.id}' INTO nowhere (a) WITH (CREATE_TABLE)`),
    ).rejects.toMatchObject({
      sqlState: '42P01',
      message: 'relation "nowhere" does not exist',
    })
    await expect(replay(first.id, '', { stdin: 'x' })).rejects.toMatchObject({ sqlState: '22023' })
    await expect(replay(first.id, '', { ledger: false })).rejects.toMatchObject({ sqlState: '22023' })
    await expect(copy('x,a\n', 'FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 0')).rejects.toThrow()
    const [failed] = await bench.sql(`SELECT CAST(load_id AS text) FROM copyist.loads WHERE status = 'failed'`)
    if (failed) await expect(replay(failed[0] ?? '')).rejects.toMatchObject({ sqlState: '55000' })
    const fine = await copy('1,a\n')
    expect(await replay(fine.id)).toMatchObject({ rowsRead: 0, rowsResolved: 0 })
    expect((await rows()).length).toBe(2)
  })
})
