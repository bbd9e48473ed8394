import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions, CopyError, Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * Tables that refer to themselves: which rows go in depends on the rows and their order, not on where batches end
 */

let folder: string
let bench: Bench

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-self-'))
  const postgres = benches.find(({ name }) => name === 'postgres')
  if (postgres === undefined) throw new Error('there is no PostgreSQL to test with')
  bench = await postgres.open()
  await bench.sql(
    'CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree, name text CHECK (name <> $$bad$$))',
  )
})

afterEach(async () => {
  rmSync(folder, { recursive: true })
  await bench.close()
})

async function load(lines: readonly string[], options = '', call: CopyCallOptions = {}, table = 'tree') {
  const rejects: Reject[] = []
  const path = join(folder, 'input.csv')
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  const receipt = await bench.db.copy(`COPY ${table} FROM '${path}' (FORMAT csv, ON_ERROR skip_row${options})`, {
    ...call,
    onReject: (reject) => rejects.push(reject),
  })
  expect(receipt.rowsRead).toBe(receipt.rowsLoaded + receipt.rowsFiltered + receipt.rowsRejected)
  expect(rejects.map(({ number }) => number)).toEqual(rejects.map((_, index) => index + 1))
  for (const { raw, line } of rejects) expect(raw.toString()).toBe(lines[line - 1])
  return { receipt, rejects }
}

const told = (rejects: readonly Reject[]) => rejects.map(({ line, errors }) => [line, errors[0]?.sqlState])
const ids = async (table = 'tree') => (await bench.sql(`SELECT id FROM ${table} ORDER BY id`)).map(([id]) => Number(id))

describe('rows before the one that they refer to', () => {
  test('go in beside refused ones, and what refers to nothing is told last', async () => {
    const { rejects } = await load(['2,1,a', '3,9,b', '1,,c', '4,3,d', 'x,,e', '5,,bad', '6,5,f', '7,2,g'])
    expect(told(rejects)).toEqual([
      [5, '22P02'],
      [6, '23514'],
      [2, '23503'],
      [4, '23503'],
      [7, '23503'],
    ])
    expect(rejects[2]?.errors[0]).toMatchObject({
      code: 'foreign_key_violation',
      detail: 'Key (parent)=(9) is not present in table "tree".',
    })
    expect(await ids()).toEqual([1, 2, 7])
    expect(await bench.sql('SELECT line, sqlstate FROM copyist.rejects ORDER BY reject_no')).toEqual(
      rejects.map(({ line, errors }) => [String(line), errors[0]?.sqlState]),
    )
    const temporary = await bench.sql(
      `SELECT count(*) FROM pg_class WHERE relname LIKE 'copyist\\_%' AND relpersistence = 't'`,
    )
    expect(temporary).toEqual([['0']])
  })

  test('in a circle go in as with one COPY, unless one of them is refused', async () => {
    const { rejects } = await load(['1,2,a', '2,1,b', '3,3,c', '4,5,d', '5,4,bad', 'x,,f'])
    expect(told(rejects)).toEqual([
      [5, '23514'],
      [6, '22P02'],
      [4, '23503'],
    ])
    expect(await ids()).toEqual([1, 2, 3])
  })

  test.each([1, 8])(
    'wherever batches end, with %i threads',
    async (threads) => {
      // From the leaves to the root, with refused rows and a branch that refers to nothing.
      const rows = 20_000
      const name = 'x'.repeat(400)
      const lines = Array.from({ length: rows }, (_, index) => {
        const id = rows - index
        if (id % 1000 === 7) return `${id},1,bad`
        if (id === 10_000) return `${id},0,${name}`
        return id % 1000 === 8 || id === 1 ? `${id},,${name}` : `${id},${id - 1},${name}`
      })
      const bad = lines.flatMap((line, index) => (line.endsWith(',bad') ? [index + 1] : []))
      // Row 10000 refers to nothing, and those up to 10006 to each other; 10007 is refused.
      const orphans = Array.from({ length: 7 }, (_, index) => rows - 10_006 + 1 + index)
      const { receipt, rejects } = await load(lines, '', { threads, memoryLimit: 16 << 20 })
      expect(rejects.slice(0, bad.length).map(({ line }) => line)).toEqual(bad)
      expect(rejects.slice(bad.length).map(({ line }) => line)).toEqual(orphans)
      expect(await bench.sql('SELECT count(*) FROM tree')).toEqual([[String(receipt.rowsLoaded)]])
      expect(receipt.rowsRejected).toBe(bad.length + orphans.length)
    },
    120_000,
  )

  test.each([
    ['UNIQUE (k, j)', [2, 3, 4, 9]],
    ['UNIQUE NULLS NOT DISTINCT (k, j)', [2, 4, 9]],
    ['UNIQUE NULLS NOT DISTINCT (k)', [2, 9]],
  ])('keep a key with NULL where NULL is the same as NULL: %s', async (key, loaded) => {
    await bench.sql(
      `CREATE TABLE t (id integer PRIMARY KEY, parent integer REFERENCES t, k integer, j integer DEFAULT 1, ${key})`,
    )
    // Row 2 waits for 9, and 3 behind it.
    for (const lines of [
      ['x,,,', '2,9,,1', '3,,,1', '4,,,2', '9,,1,1'],
      ['2,9,,1', '3,,,1', '4,,,2', '9,,1,1', 'x,,,'],
    ]) {
      await bench.sql('DELETE FROM t')
      await load(lines, '', {}, 't')
      expect(await ids('t')).toEqual(loaded)
    }
  })

  test.each([1, 8])(
    'keep their key for as long as they wait, with %i threads',
    async (threads) => {
      const name = 'x'.repeat(400)
      const filling = Array.from({ length: 30_000 }, (_, index) => `${index + 100},,${name}`)
      // Row 2 waits for 50 and keeps its key from the next; the key of 3 becomes free, since 51 never comes.
      const lines = [
        'x,,a',
        '2,50,first',
        '2,,second',
        '3,51,first',
        '3,,second',
        ...filling,
        '2,,third',
        '50,,last',
        '4,2,d',
      ]
      const { rejects } = await load(lines, '', { threads, memoryLimit: 16 << 20 })
      expect(told(rejects)).toEqual([
        [1, '22P02'],
        [3, '23505'],
        [4, '23503'],
        [lines.length - 2, '23505'],
      ])
      expect(await bench.sql('SELECT id, name FROM tree WHERE id < 10 ORDER BY id')).toEqual([
        ['2', 'first'],
        ['3', 'second'],
        ['4', 'd'],
      ])
    },
    60_000,
  )

  // Took 80 seconds where each row that is tried was compared with all that wait, and takes 4.
  test('are many, in a time that grows as they do', async () => {
    const rows = 12_000
    await bench.sql('CREATE TABLE coded (id integer PRIMARY KEY, code integer UNIQUE, parent integer REFERENCES coded)')
    const lines = Array.from({ length: rows }, (_, id) => {
      const parent = id % 40 === 1 ? rows + 5 : Math.floor(id * 0.7)
      return `${id},${rows - id},${id === 0 ? '' : parent}`
    })
    const { receipt } = await load(lines, '', {}, 'coded')
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: rows - 1 })
  }, 40_000)

  test.each([1, 256])(
    'cost the same with NULL in a key where NULL is the same as NULL, within %i MiB',
    async (mib) => {
      const rows = 4_000
      const elapsed = async (key: string, value: string) => {
        await bench.sql(
          `DROP TABLE IF EXISTS t; CREATE TABLE t (id integer PRIMARY KEY, parent integer REFERENCES t, k integer, j integer, ${key} (k, j))`,
        )
        // All wait for the last, two of them with the key of a third.
        const lines = Array.from({ length: rows }, (_, n) => `${n},${rows},${value},${n < 2 ? 5 : n}`)
        const start = performance.now()
        const { receipt } = await load(['x,,,', ...lines, `${rows},,,`], '', { memoryLimit: mib << 20 }, 't')
        expect(receipt.rowsRejected).toBe(3)
        return performance.now() - start
      }
      const plain = await elapsed('UNIQUE', '1')
      expect((await elapsed('UNIQUE NULLS NOT DISTINCT', '')) / plain).toBeLessThan(4)
    },
    240_000,
  )

  test('share a key of many columns that may be NULL', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    await bench.sql(`CREATE TABLE t (id integer PRIMARY KEY, parent integer REFERENCES t,
      ${names.map((name) => `${name} integer${name === 'b' ? ' NOT NULL' : ''}`).join(', ')}, UNIQUE NULLS NOT DISTINCT (${names.join(', ')}))`)
    const keys = [',1,,,,', ',1,,,,2', ',1,,,2,', '1,1,,,,', '1,1,1,1,1,1', ',2,,,,', ',1,1,,1,']
    const lines = [...keys, ...keys].map((key, n) => `${n + 1},99,${key}`)
    const { rejects } = await load(['x,,,1,,,,', ...lines, '99,,7,7,7,7,7,7'], '', {}, 't')
    expect(told(rejects)).toEqual([[1, '22P02'], ...keys.map((_, n) => [n + keys.length + 2, '23505'])])
  })

  test('count against a limit exactly', async () => {
    const lines = ['2,1,a', '3,9,b', '1,,c', 'x,,e', '8,8,f', '9,77,g']
    const error = await load(lines, ', REJECT_LIMIT 2').then(
      () => undefined,
      (reason: CopyError) => reason,
    )
    expect(error).toMatchObject({ sqlState: '22P02', message: 'skipped more than REJECT_LIMIT (2) rows' })
    expect(await ids()).toEqual([])
    const { receipt } = await load(lines, ', REJECT_LIMIT 3')
    // 3 refers to 9, which refers to nothing.
    expect(receipt.rowsRejected).toBe(3)
    expect(await ids()).toEqual([1, 2, 8])
  })

  test('are loaded by COPY REJECTS when what they refer to is there', async () => {
    const { receipt } = await load(['3,9,b', '1,,c', 'x,,e', '4,3,d'])
    await bench.sql('INSERT INTO tree VALUES (9)')
    const replay = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO tree`)
    expect(replay).toMatchObject({ rowsResolved: 2, rowsRejected: 1 })
    expect(await ids()).toEqual([1, 3, 4, 9])
    const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO tree`)
    expect(again).toMatchObject({ rowsResolved: 0, rowsRejected: 1 })
  })

  test('go to the file of rejects', async () => {
    const rejects = join(folder, 'bad.csv')
    await load(['3,9,b', '1,,c', 'x,,e', '4,3,d'], '', { rejects })
    expect(readFileSync(rejects, 'utf8')).toBe('x,,e\n3,9,b\n4,3,d\n')
  })

  test('also where other constraints refuse some that have waited', async () => {
    await bench.sql(`CREATE TABLE other (id integer PRIMARY KEY); INSERT INTO other VALUES (1);
      CREATE TABLE node (id integer PRIMARY KEY, up integer, aside integer, code text, other integer);
      ALTER TABLE node ADD FOREIGN KEY (up) REFERENCES node, ADD FOREIGN KEY (aside) REFERENCES node,
        ADD FOREIGN KEY (other) REFERENCES other;
      CREATE UNIQUE INDEX ON node (lower(code))`)
    const { rejects } = await load(
      ['4,3,2,d,1', '2,1,,b,1', '3,1,1,B,1', '5,4,4,e,7', '6,5,,f,1', 'x,,,,', '1,,,a,1', '7,1,8,g,1', '8,7,7,h,1'],
      '',
      {},
      'node',
    )
    expect(told(rejects).sort((one, other) => Number(one[0]) - Number(other[0]))).toEqual([
      [1, '23503'],
      [3, '23505'],
      [4, '23503'],
      [5, '23503'],
      [6, '22P02'],
    ])
    expect(await ids('node')).toEqual([1, 2, 7, 8])
  })

  test('with values that the decoder has replaced', async () => {
    const replaced: number[] = []
    const path = join(folder, 'dates.csv')
    await bench.sql('CREATE TABLE dated (id integer PRIMARY KEY, parent integer REFERENCES dated, day date)')
    writeFileSync(path, '2,1,never\n3,9,never\nx,,2020-01-01\n1,,2020-01-01\n')
    const receipt = await bench.db.copy(`COPY dated FROM '${path}' DELIMITER ',' MAXERROR 10 ACCEPTANYDATE`, {
      onReplace: ({ line }) => replaced.push(line),
    })
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 2, rowsReplaced: 1 })
    expect(replaced).toEqual([1])
  })
})

describe('deferred constraints', () => {
  test('within the table cost their rows', async () => {
    await bench.sql(
      'CREATE TABLE late (id integer PRIMARY KEY, other integer REFERENCES late DEFERRABLE INITIALLY DEFERRED)',
    )
    const { rejects } = await load(['1,', '2,9', 'x,', '4,5', '5,1'], '', {}, 'late')
    expect(told(rejects)).toEqual([
      [3, '22P02'],
      [2, '23503'],
    ])
    expect(await ids('late')).toEqual([1, 4, 5])
  })

  test('of triggers cost their rows', async () => {
    await bench.sql(`CREATE TABLE watched (id integer);
      CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF NEW.id = 2 THEN RAISE EXCEPTION 'odd' USING ERRCODE = 'XY001'; END IF; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER watch AFTER INSERT ON watched DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION watch()`)
    const { rejects } = await load(['1', '2', '3'], '', {}, 'watched')
    expect(told(rejects)).toEqual([[2, 'XY001']])
    expect(await ids('watched')).toEqual([1, 3])
  })
})
