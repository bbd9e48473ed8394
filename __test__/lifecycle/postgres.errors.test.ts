import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { copyError, expectIdle, runLoad, withTarget } from './postgres.harness.ts'
import { int4 } from './postgres.rows.ts'

let database: ScratchDatabase

beforeAll(async () => {
  database = await createScratchDatabase()
})
afterAll(() => database.drop())

const pair = (i: number) => [int4(i), `row ${i}`]

describe('an error of the server', () => {
  test('names the line of the file, not the row of the stream', async () => {
    await database.query(`CREATE TABLE strict (id int PRIMARY KEY, note text NOT NULL CHECK (note <> 'bad'))`)
    const cases: [row: (i: number) => (Buffer | string | null)[], expected: object][] = [
      [
        (i) => [int4(i === 700 ? 3 : i), 'x'],
        {
          sqlState: '23505',
          code: 'unique_violation',
          message: 'duplicate key value violates unique constraint "strict_pkey"',
          detail: 'Key (id)=(3) already exists.',
          context: 'COPY strict, line 1402',
          position: { line: 1_402, byteOffset: 7_100 },
        },
      ],
      [
        (i) => [int4(i), i === 41 ? null : 'x'],
        {
          sqlState: '23502',
          code: 'not_null_violation',
          message: 'null value in column "note" of relation "strict" violates not-null constraint',
          context: 'COPY strict, line 84',
          position: { line: 84, byteOffset: 510 },
        },
      ],
      [
        (i) => [int4(i), i === 2_500 ? 'bad' : 'x'],
        {
          sqlState: '23514',
          code: 'check_violation',
          message: 'new row for relation "strict" violates check constraint "strict_note_check"',
          context: 'COPY strict, line 5002',
          position: { line: 5_002, byteOffset: 25_100 },
        },
      ],
    ]
    await withTarget(database, async (target) => {
      for (const [row, expected] of cases) {
        // The pool has one connection: the next turn shows that it is usable.
        expect(
          await copyError(runLoad(target, { table: 'strict', rows: 50_000, rowsPerChunk: 500, row })),
        ).toMatchObject(expected)
        await expectIdle(database)
      }
      expect(await runLoad(target, { table: 'strict', rows: 10, row: (i) => [int4(i), 'x'] })).toMatchObject({
        rowsLoaded: 10,
      })
    })
  })

  test('names the column, in both encodings', async () => {
    await database.query(`
      CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
      CREATE TABLE "odd, line 9, column x" (id int, "a: b" even, p point)`)
    await withTarget(database, async (target) => {
      const table = 'odd, line 9, column x'
      const binary = await copyError(
        runLoad(target, { table, columns: ['id', 'a: b'], rows: 100, row: (i) => [int4(i), int4(i === 7 ? 1 : 2)] }),
      )
      expect(binary).toMatchObject({
        sqlState: '23514',
        message: 'value for domain even violates check constraint "even_check"',
        context: 'COPY odd, line 9, column x, line 16, column a: b',
        position: { line: 16, byteOffset: 170, column: 'a: b' },
      })
      const text = await copyError(
        runLoad(target, { table, rows: 100, row: (i) => [`${i}`, i === 7 ? '1' : '2', i === 7 ? '(0,0)' : '(1,x'] }),
      )
      expect(text).toMatchObject({
        sqlState: '22P02',
        message: 'invalid input syntax for type point: "(1,x"',
        context: 'COPY odd, line 9, column x, line 2, column p: "(1,x"',
        position: { line: 2, byteOffset: 100, column: 'p' },
      })
    })
  })

  test('keeps the contexts of triggers above the line', async () => {
    await database.query(`
      CREATE TABLE triggered (id int, note text);
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.id = 5 THEN RAISE 'not five' USING ERRCODE = 'ZZ005', HINT = 'Six.'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON triggered FOR EACH ROW EXECUTE FUNCTION refuse()`)
    const error = await withTarget(database, (target) =>
      copyError(runLoad(target, { table: 'triggered', rows: 9, row: pair })),
    )
    expect(error).toMatchObject({
      sqlState: 'ZZ005',
      code: 'unrecognized_condition',
      message: 'not five',
      hint: 'Six.',
      context: 'PL/pgSQL function refuse() line 1 at RAISE\nCOPY triggered, line 12',
      position: { line: 12, byteOffset: 150 },
    })
  })

  test('comes from the commit when constraints are deferred', async () => {
    await database.query('CREATE TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, note text)')
    await withTarget(database, async (target) => {
      const error = await copyError(runLoad(target, { table: 'deferred', rows: 10, row: (i) => [int4(i % 9), 'x'] }))
      expect(error).toMatchObject({ sqlState: '23505', position: {}, context: undefined })
      expect(await runLoad(target, { table: 'deferred', rows: 10, row: pair })).toMatchObject({ rowsLoaded: 10 })
    })
  })

  test('on an earlier row wins over a later error of the input', async () => {
    await database.query('CREATE TABLE race (id int PRIMARY KEY, note text)')
    const later = new CopyError({
      code: 'bad_copy_file_format',
      sqlState: '22P04',
      message: 'extra data après la colonne 😀',
    })
    await withTarget(database, async (target) => {
      const earlier = await copyError(
        runLoad(target, { table: 'race', rows: 3_000, row: (i) => [int4(i === 2_999 ? 0 : i), 'x'], error: later }),
      )
      expect(earlier).toMatchObject({ sqlState: '23505', position: { line: 2 + 2 * 2_999 } })
      // Alone, the input's error comes out as the object it is.
      expect(await copyError(runLoad(target, { table: 'race', rows: 3_000, row: pair, error: later }))).toBe(later)
      expect(await copyError(runLoad(target, { table: 'race', rows: 0, row: pair, error: later }))).toBe(later)
    })
    expect(await database.query('SELECT * FROM race')).toEqual([])
  })
})
