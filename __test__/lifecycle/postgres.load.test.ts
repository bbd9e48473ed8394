import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { copyError, inTransaction, named, runLoad, withTarget } from './postgres.harness.ts'
import { int4, RowsLoad } from './postgres.rows.ts'

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
    expect(
      await database.query(`SELECT count(*)::int, count(*) FILTER (WHERE note = 'row ' || id)::int AS good FROM plain`),
    ).toEqual([{ count: 300_000, good: 300_000 }])
  })

  test('of no rows is a load', async () => {
    await database.query('CREATE TABLE empty (id int, note text)')
    await withTarget(database, async (target) => {
      for (const sink of ['pg_binary', 'pg_text'] as const) {
        expect(await runLoad(target, { table: 'empty', rows: 0, row: pair, sink })).toEqual({
          rowsLoaded: 0,
          rowsFiltered: 0,
        })
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
      expect(error).toMatchObject({
        sqlState: '42703',
        code: 'undefined_column',
        message: 'column "idd" does not exist',
      })
      expect(error.statement).toEqual({ text: where, offset: where.indexOf('idd') })
      const injected = await copyError(
        runLoad(target, { table: 'misfiltered', rows: 1, row: pair, where: 'true; DROP TABLE misfiltered' }),
      )
      expect(injected.sqlState).toBe('42601')
    })
  })

  test('travels as text where the server must parse, with defaults by marker', async () => {
    await database.query(
      `CREATE TABLE parsed (id int, at point, note text DEFAULT 'none', stamp timestamptz DEFAULT now())`,
    )
    await withTarget(database, (target) =>
      runLoad(target, {
        table: 'parsed',
        rows: 2,
        usesDefaults: true,
        row: (i) => [`${i}`, '(1,2)', i ? '\\D' : null, '\\D'],
      }),
    )
    expect(await database.query('SELECT id, at::text, note, stamp IS NULL AS missing FROM parsed ORDER BY id')).toEqual(
      [
        { id: 0, at: '(1,2)', note: null, missing: false },
        { id: 1, at: '(1,2)', note: 'none', missing: false },
      ],
    )
  })

  test('fills generated and identity columns, and refuses to write the generated', async () => {
    await database.query(`CREATE TABLE made (
      id int GENERATED ALWAYS AS IDENTITY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, note text DEFAULT 'n')`)
    await withTarget(database, async (target) => {
      await runLoad(target, { table: 'made', columns: ['a'], rows: 3, row: (i) => [int4(i)] })
      const error = await copyError(
        runLoad(target, { table: 'made', columns: ['twice'], rows: 1, row: (i) => [int4(i)] }),
      )
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
      expect(await runLoad(target, { table: 'parted', rows: 1_000, row: pair })).toEqual({
        rowsLoaded: 1_000,
        rowsFiltered: 0,
      })
      const outside = await copyError(runLoad(target, { table: 'parted', rows: 1_001, row: pair }))
      expect(outside).toMatchObject({
        sqlState: '23514',
        message: 'no partition of relation "parted" found for row',
        position: { line: 2 + 2 * 1_000, byteOffset: 100 + 10 * 1_000 },
      })
      // PostgreSQL counts a row that an INSTEAD OF trigger answers with NULL.
      expect(await runLoad(target, { table: 'seen', rows: 10, row: pair })).toEqual({ rowsLoaded: 10, rowsFiltered: 0 })
      const error = await copyError(runLoad(target, { table: 'unseen', rows: 10, row: pair }))
      expect(error).toMatchObject({
        sqlState: '42809',
        code: 'wrong_object_type',
        message: 'cannot copy to view "unseen"',
        hint: 'To enable copying to a view, provide an INSTEAD OF INSERT trigger.',
      })
    })
    expect(
      await database.query(
        'SELECT (SELECT count(*)::int FROM parted_high) AS high, (SELECT count(*)::int FROM behind) AS behind',
      ),
    ).toEqual([{ high: 500, behind: 5 }])
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
      expect(error).toMatchObject({
        sqlState: 'XX000',
        message: 'load does not balance: 6 rows were sent, the server counts 5',
      })
    })
    expect(await database.query('SELECT * FROM unbalanced')).toEqual([])
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
          return transaction.load({
            table,
            columns: [0, 1],
            usesDefaults: false,
            sink: 'pg_binary',
            native,
            memoryLimit: 1 << 28,
          })
        }),
      )
      expect(error).toMatchObject({ sqlState: '55000', code: 'object_not_in_prerequisite_state' })
    })
    expect(await database.query('SELECT * FROM altered')).toEqual([])
  })
})
