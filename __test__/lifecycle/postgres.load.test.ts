import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { int4, RowsLoad } from './postgres.rows.ts'
import { copyError, expectIdle, expectNothingLeft, inTransaction, named, runLoad, withTarget } from './postgres.session.ts'

let database: ScratchDatabase

beforeAll(async () => {
  database = await createScratchDatabase()
})
afterAll(() => database.drop())

const pair = (i: number) => [int4(i), `row ${i}`]

describe('a load', () => {
  test('commits every row, in order and over many chunks', async () => {
    await database.query('CREATE TABLE plain (id int PRIMARY KEY, note text)')
    const outcome = await withTarget(database, (target) =>
      runLoad(target, { table: 'plain', rows: 300_000, rowsPerChunk: 20_000, row: pair }),
    )
    expect(outcome).toEqual({ rowsLoaded: 300_000, rowsFiltered: 0 })
    expect(await database.query(`SELECT count(*)::int, count(*) FILTER (WHERE note = 'row ' || id)::int AS good FROM plain`)).toEqual([
      { count: 300_000, good: 300_000 },
    ])
  })

  test('of no rows is a load', async () => {
    await database.query('CREATE TABLE empty (id int, note text)')
    await withTarget(database, async (target) => {
      for (const sink of ['pg_binary', 'pg_text'] as const) {
        expect(await runLoad(target, { table: 'empty', rows: 0, row: pair, sink })).toEqual({ rowsLoaded: 0, rowsFiltered: 0 })
      }
    })
  })

  test('counts what WHERE holds back', async () => {
    await database.query('CREATE TABLE filtered (id int, note text)')
    const outcome = await withTarget(database, (target) =>
      runLoad(target, { table: 'filtered', rows: 1_000, row: pair, where: 'id % 10 = 0 -- every tenth' }),
    )
    expect(outcome).toEqual({ rowsLoaded: 100, rowsFiltered: 900 })
  })

  test('says where in WHERE an error is', async () => {
    await database.query('CREATE TABLE misfiltered (id int, note text)')
    await withTarget(database, async (target) => {
      const where = `note <> 'é😀' AND idd > 3`
      const error = await copyError(runLoad(target, { table: 'misfiltered', rows: 1, row: pair, where }))
      expect(error).toMatchObject({ sqlState: '42703', code: 'undefined_column', message: 'column "idd" does not exist' })
      expect(error.statement).toEqual({ text: where, offset: where.indexOf('idd') })
      const injected = await copyError(
        runLoad(target, { table: 'misfiltered', rows: 1, row: pair, where: 'true; DROP TABLE misfiltered' }),
      )
      expect(injected.sqlState).toBe('42601')
    })
  })

  test('travels as text where the server must parse, with defaults by marker', async () => {
    await database.query(`CREATE TABLE parsed (id int, at point, note text DEFAULT 'none', stamp timestamptz DEFAULT now())`)
    await withTarget(database, (target) =>
      runLoad(target, { table: 'parsed', rows: 2, usesDefaults: true, row: (i) => [`${i}`, '(1,2)', i ? '\\D' : null, '\\D'] }),
    )
    expect(await database.query('SELECT id, at::text, note, stamp IS NULL AS missing FROM parsed ORDER BY id')).toEqual([
      { id: 0, at: '(1,2)', note: null, missing: false },
      { id: 1, at: '(1,2)', note: 'none', missing: false },
    ])
  })

  test('fills generated and identity columns, and refuses to write the generated', async () => {
    await database.query(`CREATE TABLE made (
      id int GENERATED ALWAYS AS IDENTITY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, note text DEFAULT 'n')`)
    await withTarget(database, async (target) => {
      await runLoad(target, { table: 'made', columns: ['a'], rows: 3, row: (i) => [int4(i)] })
      const error = await copyError(runLoad(target, { table: 'made', columns: ['twice'], rows: 1, row: (i) => [int4(i)] }))
      expect(error).toMatchObject({ sqlState: '42P10', message: 'column "twice" is a generated column' })
      expect(error.detail).toBe('Generated columns cannot be used in COPY.')
    })
    expect(await database.query('SELECT * FROM made ORDER BY id')).toEqual([
      { id: 1, a: 0, twice: 0, note: 'n' },
      { id: 2, a: 1, twice: 2, note: 'n' },
      { id: 3, a: 2, twice: 4, note: 'n' },
    ])
  })

  test('reaches partitions, and views by their INSTEAD OF trigger', async () => {
    await database.query(`
      CREATE TABLE parted (id int, note text) PARTITION BY RANGE (id);
      CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (500);
      CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (500) TO (1000);
      CREATE TABLE behind (id int, note text);
      CREATE VIEW seen AS SELECT id, note FROM behind;
      CREATE VIEW unseen AS SELECT id, note FROM behind;
      CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; INSERT INTO behind VALUES (NEW.*); RETURN NEW; END $$;
      CREATE TRIGGER take INSTEAD OF INSERT ON seen FOR EACH ROW EXECUTE FUNCTION take()`)
    await withTarget(database, async (target) => {
      expect(await runLoad(target, { table: 'parted', rows: 1_000, row: pair })).toEqual({ rowsLoaded: 1_000, rowsFiltered: 0 })
      const outside = await copyError(runLoad(target, { table: 'parted', rows: 1_001, row: pair }))
      expect(outside).toMatchObject({
        sqlState: '23514',
        message: 'no partition of relation "parted" found for row',
        position: { line: 2 + 2 * 1_000, byteOffset: 100 + 10 * 1_000 },
      })
      expect(await runLoad(target, { table: 'seen', rows: 10, row: pair })).toEqual({ rowsLoaded: 5, rowsFiltered: 5 })
      const error = await copyError(runLoad(target, { table: 'unseen', rows: 10, row: pair }))
      expect(error).toMatchObject({
        sqlState: '42809',
        code: 'wrong_object_type',
        message: 'cannot copy to view "unseen"',
        hint: 'To enable copying to a view, provide an INSTEAD OF INSERT trigger.',
      })
    })
    expect(await database.query('SELECT (SELECT count(*)::int FROM parted_high) AS high, (SELECT count(*)::int FROM behind) AS behind')).toEqual([
      { high: 500, behind: 5 },
    ])
  })

  test('reports rows that a BEFORE trigger drops', async () => {
    await database.query(`
      CREATE TABLE sieve (id int, note text);
      CREATE FUNCTION drop_odd() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.id % 2 = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
      CREATE TRIGGER sieve BEFORE INSERT ON sieve FOR EACH ROW EXECUTE FUNCTION drop_odd()`)
    await withTarget(database, async (target) => {
      expect(await runLoad(target, { table: 'sieve', rows: 11, row: pair })).toEqual({ rowsLoaded: 6, rowsFiltered: 5 })
    })
  })

  test('that does not balance is undone', async () => {
    await database.query('CREATE TABLE unbalanced (id int, note text)')
    await withTarget(database, async (target) => {
      const error = await copyError(
        runLoad(target, {
          table: 'unbalanced',
          rows: 5,
          row: pair,
          onStart: (native) => {
            // One row more is claimed than is encoded.
            const next = native.next.bind(native)
            native.next = async () => {
              const chunk = await next()
              return chunk && { buffer: chunk.buffer, rows: chunk.rows + 1, release: chunk.release }
            }
          },
        }),
      )
      expect(error).toMatchObject({ sqlState: 'XX000', message: 'load does not balance: 6 rows were sent, the server counts 5' })
    })
    expect(await database.query('SELECT * FROM unbalanced')).toEqual([])
  })
})

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
        expect(await copyError(runLoad(target, { table: 'strict', rows: 50_000, rowsPerChunk: 500, row }))).toMatchObject(expected)
        await expectIdle(database)
      }
      expect(await runLoad(target, { table: 'strict', rows: 10, row: (i) => [int4(i), 'x'] })).toMatchObject({ rowsLoaded: 10 })
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
        runLoad(target, { table, rows: 100, row: (i) => [`${i}`, i === 7 ? '1' : '2', i === 7 ? '(0,0)' : '(1,x' ] }),
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
    const error = await withTarget(database, (target) => copyError(runLoad(target, { table: 'triggered', rows: 9, row: pair })))
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
    const later = new CopyError({ code: 'bad_copy_file_format', sqlState: '22P04', message: 'extra data après la colonne 😀' })
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

describe('a pool of the caller', () => {
  test('of one connection is enough, also for statements at the same time', async () => {
    await database.query('CREATE TABLE shared (id int, note text)')
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    const target = await connectPostgres(pool)
    const loads = [1, 2, 3].map((n) =>
      runLoad(target, { table: 'shared', rows: 100 * n, row: pair, ...(n === 2 && { error: new Error('broken') }) }),
    )
    const outcomes = await Promise.allSettled(loads)
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }).toEqual({ total: 1, idle: 1, waiting: 0 })
    await target.close()
    expect(await pool.query('SELECT count(*)::int FROM shared')).toMatchObject({ rows: [{ count: 400 }] })
    await pool.end()
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '08001' })
    await expectNothingLeft(database)
  })

  test('may have been given a client back inside a transaction: that is not our transaction', async () => {
    await database.query('CREATE TABLE untouched (id int, note text)')
    const pool = new pg.Pool({ connectionString: database.url, max: 1 })
    const careless = await pool.connect()
    await careless.query(`BEGIN; INSERT INTO untouched VALUES (1, 'never committed')`)
    careless.release()
    const target = await connectPostgres(pool)
    await runLoad(target, { table: 'untouched', rows: 2, row: pair })
    expect(await database.query('SELECT id FROM untouched')).toEqual([{ id: 0 }, { id: 1 }])
    await pool.end()
    await expectNothingLeft(database)
  })
})

describe('a client of the caller', () => {
  test('outside a transaction: the load is one of its own', async () => {
    await database.query('CREATE TABLE lent (id int, note text)')
    const client = new pg.Client(database.url)
    const target = await connectPostgres(client)
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '08003', message: 'the client is not connected' })
    await client.connect()
    await Promise.all([1, 2, 3].map(() => runLoad(target, { table: 'lent', rows: 10, row: pair })))
    expect(await copyError(runLoad(target, { table: 'lent', rows: 10, row: pair, error: new Error('broken') }))).toMatchObject({
      sqlState: 'XX000',
    })
    expect((await client.query('SELECT count(*)::int FROM lent')).rows).toEqual([{ count: 30 }])
    expect(client.listenerCount('error')).toBe(0)
    await target.close()
    await client.end()
    await expectNothingLeft(database)
  })

  test('inside a transaction: it stays there, and survives an error', async () => {
    await database.query('CREATE TABLE nested (id int PRIMARY KEY, note text)')
    const client = new pg.Client(database.url)
    await client.connect()
    const target = await connectPostgres(client)
    // Not awaited on purpose: what pg remembers of the transaction is out of date when the load begins.
    void client.query('BEGIN')
    await runLoad(target, { table: 'nested', rows: 10, row: pair })
    expect(await database.query('SELECT * FROM nested')).toEqual([])
    expect(await copyError(runLoad(target, { table: 'nested', rows: 11, row: (i) => [int4(10 - i), 'x'] }))).toMatchObject({
      sqlState: '23505',
    })
    expect((await client.query('SELECT count(*)::int FROM nested')).rows).toEqual([{ count: 10 }])
    await expect(client.query('ROLLBACK TO SAVEPOINT copyist')).rejects.toMatchObject({ code: '3B001' })
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '25P02', code: 'in_failed_sql_transaction' })
    await client.query('ROLLBACK')
    await client.query('BEGIN')
    await runLoad(target, { table: 'nested', rows: 5, row: pair })
    await client.query('COMMIT')
    expect(await database.query('SELECT count(*)::int FROM nested')).toEqual([{ count: 5 }])
    await client.end()
    await expectNothingLeft(database)
  })

  test("keeps its parsers, its timeouts and its application's settings out of the load", async () => {
    await database.query('CREATE TABLE parsers (id int, note text)')
    const client = new pg.Client({
      connectionString: database.url,
      query_timeout: 10_000,
      types: { getTypeParser: () => () => 'nonsense' },
    })
    await client.connect()
    await client.query(`SET standard_conforming_strings = off; SET search_path = nowhere, public`)
    const target = await connectPostgres(client)
    await runLoad(target, { table: 'parsers', rows: 10, usesDefaults: true, row: (i) => [`${i}`, 'x'] })
    await client.query(`SET client_encoding = 'LATIN1'`)
    expect(await copyError(target.begin())).toMatchObject({ sqlState: '0A000' })
    await client.end()
    await expectNothingLeft(database)
  })
})

describe('a description that is out of date', () => {
  test('is found out before the commit', async () => {
    await database.query('CREATE TABLE altered (id int, note text)')
    await withTarget(database, async (target) => {
      const error = await copyError(
        inTransaction(target, async (transaction) => {
          const table = await transaction.describe(named('altered'))
          if (!table) throw new Error('no table')
          // The bytes of an int4 are those of some float4, too.
          await database.query('ALTER TABLE altered ALTER id TYPE real')
          const native = new RowsLoad({ sink: 'pg_binary', rows: 5, row: pair })
          return transaction.load({ table, columns: [0, 1], usesDefaults: false, sink: 'pg_binary', native })
        }),
      )
      expect(error).toMatchObject({ sqlState: '55000', code: 'object_not_in_prerequisite_state' })
    })
    expect(await database.query('SELECT * FROM altered')).toEqual([])
  })
})
