import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { CopyCallOptions, CopyError, Receipt, Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * ON CONFLICT: the same statement leaves the same rows and counts on each target.
 */

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-conflict-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  vi.unstubAllEnvs()
})

function file(content: string, name = 'input.csv'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const refusal = (promise: Promise<unknown>): Promise<CopyError> =>
  promise.then(
    () => Promise.reject(new Error('it was loaded')),
    (error: CopyError) => error,
  )

const states = (rejects: readonly Reject[]) => rejects.map(({ line, errors }) => [line, errors[0]?.sqlState])

interface Loaded {
  readonly receipt: Receipt
  readonly rejects: readonly Reject[]
  /** Rows loaded, filtered, rejected and in conflict. */
  readonly counts: readonly number[]
}

/** Loads lines into table `t` of a bench. */
async function load(
  bench: Bench,
  content: string,
  clauses: string,
  { columns = '', ...call }: CopyCallOptions & { columns?: string } = {},
): Promise<Loaded> {
  const rejects: Reject[] = []
  const receipt = await bench.db.copy(`COPY t ${columns} FROM '${file(content)}' ${clauses}`, {
    ...call,
    onReject: (reject) => rejects.push(reject),
  })
  const { rowsRead, rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted } = receipt
  expect(rowsRead).toBe(rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted)
  expect(rejects.length).toBe(rowsRejected)
  return { receipt, rejects, counts: [rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted] }
}

describe.each([...benches, { ...benches[1], name: 'duckdb, portable' } as const])('on $name', ({ name, open }) => {
  let bench: Bench

  beforeEach(async () => {
    if (name === 'duckdb, portable') {
      vi.stubEnv('COPYIST_DUCKDB_FEED', 'portable')
      // The choice of a feed is remembered.
      vi.resetModules()
      const anew = await import('./targets.ts')
      bench = await (anew.benches[1] as (typeof benches)[number]).open()
      const { loadDriver } = await import('../../lib/target/duckdb/driver.ts')
      expect((await loadDriver()).feed).toBe('portable')
    } else {
      bench = await (open as () => Promise<Bench>)()
    }
    await bench.sql(`CREATE TABLE t (id integer PRIMARY KEY, name varchar(10), amount integer CHECK (amount > 0))`)
    await bench.sql(`INSERT INTO t VALUES (1, 'old', 1)`)
  })
  afterEach(async () => {
    await bench.close()
  })

  const rows = async (sql = 'SELECT id, name, amount FROM t ORDER BY id') => await bench.sql(sql)
  const replaceTable = async (columns: string, values?: string) => {
    await bench.sql('DROP TABLE t')
    await bench.sql(`CREATE TABLE t (${columns})`)
    if (values !== undefined) await bench.sql(`INSERT INTO t VALUES ${values}`)
  }

  const content = 'id,name,amount\n1,a,5\n2,b,6\n2,c,7\n3,d,8\n'
  const conflict = (clause: string) => load(bench, content, `(FORMAT csv, HEADER) ${clause}`)

  test.each([
    ['DO SKIP', ['old 1', 'b 6', 'd 8'], 2, 2],
    ['DO NOTHING KEEP FIRST', ['old 1', 'b 6', 'd 8'], 2, 2],
    ['(id) DO SKIP KEEP LAST', ['old 1', 'c 7', 'd 8'], 2, 2],
    ['DO SKIP KEEP LAST', ['old 1', 'c 7', 'd 8'], 2, 2],
    ['DO UPDATE', ['a 5', 'c 7', 'd 8'], 3, 1],
    ['(id) DO UPDATE KEEP FIRST', ['a 5', 'b 6', 'd 8'], 3, 1],
  ])('ON CONFLICT %s', async (clause, expected, loaded, conflicted) => {
    const { counts } = await conflict(`ON CONFLICT ${clause}`)
    expect(counts).toEqual([loaded, 0, 0, conflicted])
    expect((await rows()).map(([, label, amount]) => `${label} ${amount}`)).toEqual(expected)
  })

  test('are refused', async () => {
    const { receipt, rejects, counts } = await load(
      bench,
      content,
      '(FORMAT csv, HEADER) ON CONFLICT DO REJECT WHERE true',
    )
    expect(states(rejects)).toEqual([
      [2, '23505'],
      [4, '23505'],
    ])
    expect(counts).toEqual([2, 0, 2, 0])
    expect(receipt.ledger).toBe(true)
    expect(await refusal(conflict('ON CONFLICT DO ERROR'))).toMatchObject({ sqlState: '23505' })
    expect(await refusal(conflict('ON CONFLICT DO REJECT KEEP LAST'))).toMatchObject({ sqlState: '0A000' })
  })

  test('where they are refused, other errors end the load all the same', async () => {
    const run = (lines: string) => refusal(load(bench, lines, '(FORMAT csv) ON CONFLICT DO REJECT'))
    expect(await run('1,a,5\n2,b,-1\n')).toMatchObject({ sqlState: '23514' })
    expect(await run('1,a,-5\n')).toMatchObject({ sqlState: '23514' })
    expect(await run('1,a,5\nx,b,1\n')).toMatchObject({ sqlState: '22P02' })
    expect(await rows()).toEqual([['1', 'old', '1']])
  })

  test('beside rows that another constraint refuses, and those that WHERE holds back', async () => {
    const { counts, rejects } = await load(
      bench,
      '1,a,5\n4,e,-1\n5,f,5\n5,g,6\n6,h,7\n',
      `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO UPDATE WHERE name <> 'g'`,
    )
    expect(counts).toEqual([3, 1, 1, 0])
    expect(states(rejects)).toEqual([[2, '23514']])
    expect((await rows()).map(([, label]) => label)).toEqual(['a', 'f', 'h'])
  })

  test('a row that is refused leaves the others of its key, or is in nobody’s way', async () => {
    const lines = '2,a,5\n2,b,-1\n3,c,-1\n3,d,5\n1,e,-1\n'
    const updated = await load(bench, lines, '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO UPDATE')
    expect(updated.counts).toEqual([2, 0, 3, 0])
    expect(states(updated.rejects)).toEqual([
      [2, '23514'],
      [3, '23514'],
      [5, '23514'],
    ])
    expect((await rows()).map(([, label]) => label)).toEqual(['old', 'a', 'd'])
    await bench.sql('DELETE FROM t WHERE id > 1')
    const skipped = await load(bench, lines, '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO SKIP')
    expect(skipped.counts).toEqual([2, 0, 3, 0])
    expect((await rows()).map(([, label]) => label)).toEqual(['old', 'a', 'd'])
  })

  test('another constraint ends the load otherwise, also by a row whose key is there', async () => {
    for (const clause of ['DO SKIP', 'DO SKIP KEEP LAST', 'DO UPDATE', 'DO UPDATE KEEP FIRST']) {
      const error = await refusal(load(bench, '2,b,1\n1,a,-1\n', `(FORMAT csv) ON CONFLICT ${clause}`))
      expect(error.sqlState).toBe('23514')
    }
    expect(await rows()).toEqual([['1', 'old', '1']])
  })

  test('the same at any number of threads, among many', async () => {
    const count = 100_000
    const lines = Array.from({ length: count }, (_, n) => `${(n * 7919) % 20_000},n${n % 1000},${n + 1}`)
    const path = file(`${lines.join('\n')}\n`)
    const last = Array.from({ length: 20_000 }, (_, n) => count - 20_000 + 1 + n).reduce((a, b) => a + b)
    const first = Array.from({ length: 20_000 }, (_, n) => n + 1).reduce((a, b) => a + b)
    const sums = new Set<string>()
    for (const threads of [1, 2, 8]) {
      for (const clause of ['DO UPDATE', 'DO SKIP KEEP LAST', 'DO SKIP', 'DO UPDATE KEEP FIRST']) {
        await bench.sql('DELETE FROM t')
        const receipt = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv) ON CONFLICT ${clause}`, {
          threads,
          memoryLimit: 1 << 20,
        })
        expect(receipt.rowsLoaded + receipt.rowsConflicted).toBe(count)
        const isLast = clause === 'DO UPDATE' || clause === 'DO SKIP KEEP LAST'
        sums.add(`${isLast} ${await rows('SELECT count(*), sum(amount), count(DISTINCT id) FROM t')}`)
      }
    }
    expect([...sums].sort()).toEqual([`false 20000,${first},20000`, `true 20000,${last},20000`])
  }, 120_000)

  test('across batches, beside refused rows', async () => {
    const count = 100_000
    const lines = Array.from({ length: count }, (_, n) => `${(n * 7919) % 20_000},n,${n % 1000 === 7 ? -1 : n + 1}`)
    for (const clause of ['DO UPDATE', 'DO SKIP']) {
      await bench.sql('DELETE FROM t')
      await load(bench, `${lines.join('\n')}\n`, `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT ${clause}`, {
        memoryLimit: 1 << 20,
        ledger: false,
      })
      expect(await rows('SELECT count(*) = count(DISTINCT id), min(amount) > 0 FROM t')).toEqual([['true', 'true']])
    }
  }, 120_000)

  test('rows that are updated again count as conflicted, wherever a batch ends', async () => {
    // PostgreSQL tries blocks with a refused row in parts.
    const [count, every] = name === 'postgres' ? [21_000, 300] : [150_000, 3]
    // In another order each time round; some rows are refused.
    const lines = Array.from(
      { length: count },
      (_, n) => `${(n * 7919) % 5_003},n${n % 1000},${n % every === 0 ? -1 : n + 1}`,
    )
    const last = new Map<number, number>()
    for (let n = 0; n < count; n += 1) if (n % every !== 0) last.set((n * 7919) % 5_003, n + 1)
    const sum = [...last.values()].reduce((a, b) => a + b)
    const accepted = count - count / every
    for (const [threads, memoryLimit] of [
      [1, 256 << 20],
      [8, 256 << 20],
      [2, 1 << 20],
    ] as const) {
      await bench.sql('DELETE FROM t')
      // Rows that were there before are no rows of the load.
      await bench.sql(`INSERT INTO t VALUES (1, 'old', 1), (-5, 'old', 1)`)
      const call = { threads, memoryLimit, ledger: false }
      const clauses = '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO UPDATE'
      const { counts } = await load(bench, `${lines.join('\n')}\n`, clauses, call)
      expect(counts).toEqual([last.size, 0, count / every, accepted - last.size])
      expect(await rows('SELECT count(*), sum(amount) FROM t')).toEqual([[`${last.size + 1}`, `${sum + 1}`]])
    }
  }, 120_000)

  test('a key must be known', async () => {
    expect(await refusal(conflict('ON CONFLICT (nope) DO SKIP'))).toMatchObject({ sqlState: '42703' })
    expect(await refusal(load(bench, '', '(FORMAT csv) ON CONFLICT (name) DO SKIP'))).toMatchObject({
      sqlState: '42P10',
      message: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
    })
    // Before any row is read, and so before one is rejected.
    const rejects: Reject[] = []
    const unknown = bench.db.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row) ON CONFLICT (name) DO UPDATE', {
      stdin: 'x,a,1\n7,a,1\n',
      ledger: false,
      onReject: (reject) => rejects.push(reject),
    })
    expect(await refusal(unknown)).toMatchObject({ sqlState: '42P10', context: undefined })
    expect(rejects).toEqual([])
    await replaceTable('id integer, name varchar(10), amount integer')
    expect(await refusal(conflict('ON CONFLICT DO UPDATE'))).toMatchObject({ sqlState: '42601' })
    expect(await refusal(conflict('ON CONFLICT (id) DO UPDATE'))).toMatchObject({ sqlState: '42P10' })
    expect((await conflict('ON CONFLICT DO SKIP')).counts).toEqual([4, 0, 0, 0])
  })

  test('NULL conflicts with nothing', async () => {
    await replaceTable('a integer, b integer, c integer, UNIQUE (a, b)', '(1, NULL, 0), (1, 1, 0)')
    const lines = '1,,1\n1,,2\n,1,3\n,1,4\n1,1,5\n1,1,6\n'
    for (const [clause, counts] of [
      ['DO SKIP', [4, 0, 0, 2]],
      ['(b, a) DO SKIP KEEP LAST', [4, 0, 0, 2]],
      ['(a, b) DO UPDATE', [5, 0, 0, 1]],
      ['(a, b) DO UPDATE KEEP FIRST', [5, 0, 0, 1]],
    ] as const) {
      expect((await load(bench, lines, `(FORMAT csv) ON CONFLICT ${clause}`)).counts).toEqual(counts)
      const [found] = await rows('SELECT count(*), max(c) FILTER (WHERE a IS NOT NULL AND b IS NOT NULL) FROM t')
      const last = { 'DO SKIP': '0', '(b, a) DO SKIP KEEP LAST': '0', '(a, b) DO UPDATE': '6' }[clause as string] ?? '5'
      expect(found).toEqual(['6', last])
      await bench.sql('DELETE FROM t WHERE c > 0 AND (a IS NULL OR b IS NULL); UPDATE t SET c = 0')
    }
  })

  test('columns that are not loaded stay as they are, and those of the key alone are never changed', async () => {
    await replaceTable(
      `id integer PRIMARY KEY, a integer, b integer DEFAULT 7, twice integer GENERATED ALWAYS AS (a * 2) ${name === 'postgres' ? 'STORED' : ''}`,
    )
    await bench.sql('INSERT INTO t (id, a, b) VALUES (1, 1, 1)')
    const columns = '(a, id)'
    expect((await load(bench, '5,1\n6,2\n7,2\n', '(FORMAT csv) ON CONFLICT DO UPDATE', { columns })).counts).toEqual([
      2, 0, 0, 1,
    ])
    expect(await rows('SELECT id, a, b, twice FROM t ORDER BY id')).toEqual([
      ['1', '5', '1', '10'],
      ['2', '7', '7', '14'],
    ])
    const keys = await load(bench, '1\n3\n3\n', '(FORMAT csv) ON CONFLICT DO UPDATE', { columns: '(id)' })
    expect(keys.counts).toEqual([1, 0, 0, 2])
  })

  test('a condition on columns that are not loaded sees those of the row that is updated', async () => {
    await replaceTable('id integer PRIMARY KEY, a integer, b integer DEFAULT 0, CHECK (a > b)', '(1, 9, 5), (2, 9, 5)')
    const lines = '1,3\n2,6\n3,3\n'
    const columns = '(id, a)'
    expect(await refusal(load(bench, lines, '(FORMAT csv) ON CONFLICT DO UPDATE', { columns }))).toMatchObject({
      sqlState: '23514',
    })
    const { counts, rejects } = await load(bench, lines, '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO UPDATE', {
      columns,
    })
    expect(counts).toEqual([2, 0, 1, 0])
    expect(states(rejects)).toEqual([[1, '23514']])
  })

  test('foreign keys, of rows that are not passed over', async () => {
    await bench.sql('CREATE TABLE parent (id integer PRIMARY KEY)')
    await bench.sql('INSERT INTO parent VALUES (1)')
    await replaceTable('id integer PRIMARY KEY, parent integer REFERENCES parent (id), n integer', '(1, 1, 0)')
    const lines = '1,9,1\n2,9,1\n2,1,2\n2,9,3\n3,1,1\n'
    const skipped = await load(bench, lines, '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO SKIP')
    expect(skipped.counts).toEqual([2, 0, 1, 2])
    expect(states(skipped.rejects)).toEqual([[2, '23503']])
    const updated = await load(bench, lines, '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO UPDATE')
    expect(updated.counts).toEqual([2, 0, 3, 0])
    expect(states(updated.rejects)).toEqual([
      [1, '23503'],
      [2, '23503'],
      [4, '23503'],
    ])
    expect((await refusal(load(bench, lines, '(FORMAT csv) ON CONFLICT DO UPDATE'))).sqlState).toBe('23503')
  })

  test('rejected beside values that only the target reads, and nothing else', async () => {
    const type = name === 'postgres' ? 'inet' : 'BIT'
    const value = name === 'postgres' ? '1.1.1.1' : '101'
    await replaceTable(`id integer PRIMARY KEY, a ${type}, n integer CHECK (n > 0)`, `(1, '${value}', 1)`)
    const run = async (lines: string, rest = '') => {
      await bench.sql('DELETE FROM t WHERE id > 1')
      return await load(bench, lines, `CSV LOG ERRORS REJECT LIMIT '9' ON CONFLICT DO REJECT${rest}`)
    }
    const good = `1,${value},1\n2,nowhere,1\nx,${value},1\n3,${value},1\n3,${value},2\n`
    const { counts, rejects } = await run(good)
    expect(counts).toEqual([1, 0, 4, 0])
    expect(states(rejects)).toEqual([
      [1, '23505'],
      [2, '22P02'],
      [3, '22P02'],
      [5, '23505'],
    ])
    expect(await refusal(run(`${good}4,${value},0\n`))).toMatchObject({ sqlState: '23514', position: { line: 6 } })
    const condition = name === 'postgres' ? '10 / n < 9' : "CAST(CASE WHEN n = 0 THEN 'x' ELSE '1' END AS integer) < 9"
    const failing = await run(`4,${value},2\n5,${value},0\n1,${value},2\n`, ` WHERE ${condition}`)
    expect(failing.counts).toEqual([1, 0, 2, 0])
  })

  test.each(['ignore', 'set_null'])('beside ON_ERROR %s an error that ends the load names its line', async (policy) => {
    const [type, value] = name === 'postgres' ? ['inet', '::1'] : ['BIT', '101']
    await replaceTable(`id integer PRIMARY KEY, a ${type}, n integer CHECK (n > 0)`, `(1, '${value}', 1)`)
    const lines = `1,${value},1\n2,nowhere,1\n5,${value},x\n4,${value},1\n3,${value},0\n6,${value},0\n`
    for (const clause of ['DO SKIP', '(id) DO UPDATE', '(id) DO SKIP KEEP LAST']) {
      const error = await refusal(load(bench, lines, `(FORMAT csv, ON_ERROR ${policy}) ON CONFLICT ${clause}`))
      expect([clause, error]).toMatchObject([clause, { sqlState: '23514', position: { line: 5 } }])
      expect(error.position.file).toBe(join(folder, 'input.csv'))
      expect(error.context).toMatch(/^COPY t, line 5/)
      expect(await rows('SELECT id FROM t')).toEqual([['1']])
    }
  })

  test.runIf(name === 'postgres')('an error names its line where a trigger drops rows, too', async () => {
    await bench.sql(`CREATE FUNCTION drops() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.id = 2 THEN RETURN NULL; END IF; RETURN NEW; END';
      CREATE TRIGGER drops BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION drops()`)
    const error = await refusal(load(bench, '2,a,1\n1,b,1\n3,c,0\n', '(FORMAT csv) ON CONFLICT DO SKIP'))
    expect(error).toMatchObject({ sqlState: '23514', position: { line: 3 } })
    await bench.sql('ALTER TABLE t ADD a inet')
    const lines = '1,b,1,::1\n4,b,1,nowhere\n2,b,1,::1\n3,c,0,::1\n'
    expect(await refusal(load(bench, lines, '(FORMAT csv, ON_ERROR ignore) ON CONFLICT DO REJECT'))).toMatchObject({
      sqlState: '23514',
      position: { line: 4 },
    })
  })

  test('whose references are looked at, of rows behind the first of their key', async () => {
    await bench.sql('CREATE TABLE parent (id integer PRIMARY KEY)')
    await bench.sql('INSERT INTO parent VALUES (1)')
    await replaceTable('id integer PRIMARY KEY, parent integer REFERENCES parent (id), n integer', '(1, 1, 0)')
    // A conflict comes before references, and behind conditions and NOT NULL.
    const lines = '2,1,1\n2,9,2\n3,9,1\n3,1,2\n3,9,3\n1,9,1\n1,1,2\n1,9,3\n4,9,1\n'
    for (const action of ['UPDATE', 'SKIP']) {
      await bench.sql('DELETE FROM t WHERE id > 1')
      const clause = `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT DO ${action} KEEP FIRST`
      const { counts, rejects } = await load(bench, lines, clause)
      const isUpdate = action === 'UPDATE'
      expect([action, ...counts]).toEqual([action, isUpdate ? 3 : 2, 0, isUpdate ? 3 : 2, isUpdate ? 3 : 5])
      expect(states(rejects)).toEqual([[3, '23503'], ...(isUpdate ? [[6, '23503']] : []), [9, '23503']])
    }
  })

  describe('of several keys', () => {
    beforeEach(async () => {
      await replaceTable('a integer PRIMARY KEY, b integer UNIQUE, c integer', '(1, 10, 0), (2, 20, 0)')
    })

    test('any may be meant, or one', async () => {
      const lines = '1,11,1\n3,20,1\n3,30,1\n4,30,1\n4,40,1\n'
      expect((await load(bench, lines, '(FORMAT csv) ON CONFLICT DO SKIP')).counts).toEqual([2, 0, 0, 3])
      expect(await rows('SELECT a, b FROM t ORDER BY a')).toEqual([
        ['1', '10'],
        ['2', '20'],
        ['3', '30'],
        ['4', '40'],
      ])
      const error = await refusal(load(bench, '5,20,1\n', '(FORMAT csv) ON CONFLICT (a) DO SKIP'))
      expect(error.sqlState).toBe('23505')
      const { rejects, counts } = await load(
        bench,
        '5,20,1\n1,20,1\n5,50,1\n5,50,2\n',
        '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) DO SKIP',
      )
      expect(counts).toEqual([1, 0, 1, 2])
      expect(states(rejects)).toEqual([[1, '23505']])
    })

    test('columns of one alone are never changed', async () => {
      const options = ', ON_ERROR skip_row'
      for (const clause of ['DO UPDATE', 'DO UPDATE KEEP FIRST', 'DO SKIP KEEP LAST']) {
        const { counts } = await load(bench, '1\n3\n3\n', `(FORMAT csv${options}) ON CONFLICT (a) ${clause}`, {
          columns: '(a)',
        })
        expect([clause, counts]).toEqual([clause, [1, 0, 0, 2]])
        await bench.sql('DELETE FROM t WHERE a = 3')
      }
    })

    test('many rows may each take what another gives up', async () => {
      const before = Array.from({ length: 3_000 }, (_, n) => `(${n}, ${n}, ${n})`)
      for (const options of ['', ', ON_ERROR skip_row']) {
        for (const clause of ['DO UPDATE', 'DO UPDATE KEEP FIRST']) {
          await replaceTable('a integer PRIMARY KEY, b integer UNIQUE, c integer', before.join())
          const lines = before.map((_, n) => `${2_999 - n},${3_000 - n}\n`).join('')
          const { counts } = await load(bench, lines, `(FORMAT csv${options}) ON CONFLICT (a) ${clause}`, {
            columns: '(a, b)',
          })
          expect([options, clause, counts]).toEqual([options, clause, [3_000, 0, 0, 0]])
          expect(await rows('SELECT count(*), min(b - a), max(b - a), sum(c - a) FROM t')).toEqual([
            ['3000', '1', '1', '0'],
          ])
        }
      }
    })

    test.each(['of a column', 'of an expression'])(
      'an update may violate another, %s, unless a row before it has given that up',
      async (kind) => {
        if (kind === 'of an expression') {
          await replaceTable('a integer PRIMARY KEY, b integer, c integer', '(1, 10, 0), (2, 20, 0)')
          await bench.sql('CREATE UNIQUE INDEX t_b ON t ((b * 2))')
        }
        const update = (lines: string, options = '') =>
          load(bench, lines, `(FORMAT csv${options}) ON CONFLICT (a) DO UPDATE`)
        expect((await refusal(update('1,20,1\n'))).sqlState).toBe('23505')
        expect((await refusal(update('3,20,1\n2,21,1\n'))).sqlState).toBe('23505')
        const { counts, rejects } = await update(
          '1,20,1\n2,21,1\n3,20,1\n4,10,1\n4,41,1\n5,41,1\n',
          ', ON_ERROR skip_row',
        )
        expect(states(rejects)).toEqual([
          [1, '23505'],
          [4, '23505'],
          [6, '23505'],
        ])
        expect(counts).toEqual([3, 0, 3, 0])
        expect((await update('2,22,1\n5,21,1\n')).counts).toEqual([2, 0, 0, 0])
        expect(await rows('SELECT a, b FROM t ORDER BY a')).toEqual([
          ['1', '10'],
          ['2', '22'],
          ['3', '20'],
          ['4', '41'],
          ['5', '21'],
        ])
        const skip = '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) DO SKIP KEEP LAST'
        const skipped = await load(bench, '6,22,1\n7,70,1\n5,22,1\n', skip)
        expect([skipped.counts, states(skipped.rejects)]).toEqual([[1, 0, 1, 1], [[1, '23505']]])
      },
    )
  })
})

describe('on both, at random', () => {
  const TABLES = [
    'a integer PRIMARY KEY, b integer, c integer DEFAULT 3',
    'a integer, b integer CHECK (b <> 2), c integer NOT NULL DEFAULT 3, PRIMARY KEY (a, c)',
    'a integer PRIMARY KEY, b integer UNIQUE, c integer CHECK (c < 6)',
    'a integer, b integer UNIQUE, c integer CHECK (c + coalesce(a, 0) <> 7), UNIQUE (c, a)',
    'a integer PRIMARY KEY, b integer, c integer DEFAULT 1, UNIQUE (b, c)',
  ]
  const KEYS = ['(a)', '(a, c)', '(a)', '(c, a)', '(a)']
  const ACTIONS = ['DO SKIP', 'DO SKIP KEEP LAST', 'DO UPDATE', 'DO UPDATE KEEP FIRST', 'DO REJECT', 'DO ERROR']

  test.each([1, 2, 8])(
    'the same rows, counts and errors, with %i threads',
    async (threads) => {
      let state = threads
      const below = (limit: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >>> 8) % limit
      }
      const both = await Promise.all(benches.map(({ open }) => open()))
      const outcomes = new Set<string>()
      try {
        for (let round = 0; round < 50; round += 1) {
          const kind = below(TABLES.length)
          const size = 3 + below(8)
          const value = () => (below(9) === 0 ? '' : String(below(size)))
          const isPartial = kind !== 3 && below(3) === 0
          const lines = Array.from({ length: below(14) }, () => {
            const fields = isPartial ? [value(), value()] : [value(), value(), value()]
            return below(40) === 0 ? ['x', ...fields.slice(1)] : fields
          })
          const before = Array.from({ length: below(5) }, () => `(${below(size)}, ${3 + below(size)}, ${below(6)})`)
          const columns = isPartial ? (kind === 1 ? '(c, a)' : '(b, a)') : ''
          const key = below(3) === 0 ? '' : (KEYS[kind] ?? '')
          const options = ['', ', ON_ERROR ignore', ', ON_ERROR skip_row'][below(3)]
          const where = below(4) === 0 ? ' WHERE a <> 2' : ''
          const clauses = `(FORMAT csv${options}) ON CONFLICT ${key} ${ACTIONS[below(ACTIONS.length)]}${where}`
          const content = lines.map((fields) => `${fields.join()}\n`).join('')
          const results: unknown[] = []
          for (const bench of both) {
            await bench.sql('DROP TABLE IF EXISTS t')
            await bench.sql(`CREATE TABLE t (${TABLES[kind]})`)
            for (const row of before) await bench.sql(`INSERT INTO t VALUES ${row}`).catch(() => {})
            const result = await load(bench, content, clauses, { columns, threads, ledger: false }).then(
              ({ counts, rejects }) => ({ counts, rejects: states(rejects) }),
              // Of several errors an ordinary load may meet another one first, and any load those of the input's form.
              ({ sqlState }: CopyError) => ({
                sqlState: clauses.includes('DO ERROR') || content.includes('x') ? 'any' : sqlState,
              }),
            )
            outcomes.add(JSON.stringify(Object.keys(result)))
            results.push({ ...result, rows: await bench.sql('SELECT a, b, c FROM t ORDER BY a, b, c') })
          }
          // There, rows of which a later one takes the place are not all looked at, and not every row can be kept.
          if (options === ', ON_ERROR skip_row' && /UPDATE|SKIP KEEP LAST/.test(clauses)) continue
          const told = `${TABLES[kind]} | ${before} | ${columns} ${clauses} | ${content}`
          expect({ told, ...(results[1] as object) }).toEqual({ told, ...(results[0] as object) })
        }
        expect(outcomes.size).toBe(2)
      } finally {
        for (const bench of both) await bench.close()
      }
    },
    120_000,
  )
})
