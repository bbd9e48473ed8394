import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CopyError, Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * Rows that only the target refuses have their places, however many files and rows are read before it has its say
 */

const FILES = 1_000
const ROWS = 20
/** Files with a bad row, and which it is. */
const BAD = [5, 500]
const BAD_ROW = 3

/** Rows of the large file, which has more bad ones. It has a batch of PostgreSQL's largest size, in whose beginning they are. */
const LARGE_ROWS = 33_000
const LARGE_BAD = [15_500, 15_600]
const FILLING = 'some text that fills the row '.repeat(65)

let folder: string
let large: string
let bench: Bench

const name = (file: number) => join(folder, 'small', `f${String(file).padStart(4, '0')}.csv`)
const small = (id: number, isBad: boolean) => `${id},${isBad ? 0 : 1},some text of row ${id}\n`
const long = (id: number) => `${id},${LARGE_BAD.includes(id) ? 0 : 1},${FILLING}`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-places-'))
  mkdirSync(join(folder, 'small'))
  for (let file = 0; file < FILES; file += 1) {
    const row = (_: unknown, at: number) => small(file * ROWS + at, BAD.includes(file) && at === BAD_ROW)
    writeFileSync(name(file), Array.from({ length: ROWS }, row).join(''))
  }
  large = join(folder, 'large.csv')
  writeFileSync(large, Array.from({ length: LARGE_ROWS }, (_, at) => `${long(at + 1)}\n`).join(''))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const placed = ({ file, line, raw, rawIsCut, errors }: Reject) => [
  file,
  line,
  raw.toString(),
  rawIsCut,
  errors[0]?.sqlState,
]

describe.each(benches)('on $name', { timeout: 120_000 }, ({ name: target, open }) => {
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE p (a int PRIMARY KEY)')
    await bench.sql('INSERT INTO p VALUES (1)')
  })

  afterEach(async () => {
    await bench.close()
  })

  describe('in many small files', () => {
    test.each([
      { a: 'int CHECK (a > 0)', state: '23514' },
      { a: 'int REFERENCES p (a)', state: '23503' },
    ])('that break $a', async ({ a, state }) => {
      await bench.sql(`CREATE TABLE t (id int, a ${a}, n text)`)
      const told: Reject[] = []
      const receipt = await bench.db.copy(`COPY t FROM '${folder}/small/*.csv' (FORMAT csv, ON_ERROR skip_row)`, {
        onReject: (reject) => told.push(reject),
      })
      expect(told.map(placed)).toEqual(
        BAD.map((file) => [name(file), BAD_ROW + 1, small(file * ROWS + BAD_ROW, true).trimEnd(), false, state]),
      )
      const counts = receipt.files.map(({ rowsRejected, rowsLoaded }) => [rowsRejected, rowsLoaded])
      const bad = (file: number) => (BAD.includes(file) ? 1 : 0)
      expect(counts).toEqual(counts.map((_, file) => [bad(file), ROWS - bad(file)]))
      expect(await bench.sql('SELECT count(*), min(octet_length(raw)) > 0 FROM copyist.rejects')).toEqual([
        ['2', 'true'],
      ])
    })

    test('that are refused nearly all', async () => {
      await bench.sql('CREATE TABLE t (id int CHECK (id < 0), a int, n text)')
      let told = 0
      const receipt = await bench.db.copy(`COPY t FROM '${folder}/small/*.csv' (FORMAT csv, ON_ERROR skip_row)`, {
        onReject: () => {
          told += 1
        },
      })
      expect(told).toBe(FILES * ROWS)
      expect(receipt.files.map(({ rowsRejected }) => rowsRejected)).toEqual(Array(FILES).fill(ROWS))
    })

    test('the first of them ends a load that stops', async () => {
      await bench.sql('CREATE TABLE t (id int, a int CHECK (a > 0), n text)')
      const load = bench.db.copy(`COPY t FROM '${folder}/small/*.csv' (FORMAT csv)`)
      const [first = 0] = BAD
      await expect(load).rejects.toMatchObject({
        sqlState: '23514',
        position: { file: name(first), line: BAD_ROW + 1 },
      })
    })
  })

  describe('in the beginning of a large batch', () => {
    test.each([
      { rule: 'a reference', a: 'int REFERENCES p (a)', options: '', state: '23503' },
      // What DuckDB makes of it is no number of the column's.
      {
        rule: 'an expression',
        a: 'int',
        options: ', TRANSFORM (a AS (1 / a))',
        state: target === 'postgres' ? '22012' : '22003',
      },
    ])('that break $rule', async ({ a, options, state }) => {
      await bench.sql(`CREATE TABLE t (id int, a ${a}, n text)`)
      const told: Reject[] = []
      await bench.db.copy(`COPY t FROM '${large}' (FORMAT csv, ON_ERROR skip_row${options})`, {
        onReject: (reject) => told.push(reject),
      })
      expect(told.map(placed)).toEqual(LARGE_BAD.map((id) => [large, id, long(id), false, state]))
    })

    test.each([
      // With each of these all rows are one batch.
      { check: 'CHECK (a > 0)', state: '23514', options: '', clause: ' ON CONFLICT (id) DO UPDATE' },
      { check: 'CHECK (a > 0)', state: '23514', options: '', clause: ' ON CONFLICT (id) DO SKIP KEEP LAST' },
      { check: 'REFERENCES p (a)', state: '23503', options: '', clause: ' ON CONFLICT (id) DO UPDATE' },
      { check: 'REFERENCES p (a)', state: '23503', options: '', clause: ' ON CONFLICT (id) DO SKIP' },
      // PostgreSQL says it without a row.
      ...(target === 'postgres'
        ? []
        : [{ check: 'REFERENCES p (a)', state: '23503', options: '', clause: ' ON CONFLICT (id) DO REJECT' }]),
      { check: 'CHECK (a > 0)', state: '23514', options: ', TRANSFORM (a AS (a))', clause: '' },
    ])('the first ends a load that stops: $check $options $clause', async ({ check, state, options, clause }) => {
      await bench.sql(`CREATE TABLE t (id int PRIMARY KEY, a int ${check}, n text)`)
      const load = bench.db.copy(`COPY t FROM '${large}' (FORMAT csv${options})${clause}`, { memoryLimit: 16 << 20 })
      const error: CopyError = await load.then(
        () => Promise.reject(new Error('it was loaded')),
        (error: CopyError) => error,
      )
      expect(error).toMatchObject({ sqlState: state, position: { file: large, line: LARGE_BAD[0] } })
    })
  })
})
