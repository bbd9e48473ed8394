import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions, CopyError, Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * ON CONFLICT beside rows that are refused, on PostgreSQL: which rows stay and what is counted depends on the rows and their order alone, not
 * on batches, threads and memory. What comes out is compared with a table of our own, to which the rows go one by one.
 */

let folder: string
let bench: Bench

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-order-'))
  bench = await (benches[0] as (typeof benches)[number]).open()
})
afterEach(async () => {
  await bench.close()
  rmSync(folder, { recursive: true })
})

async function load(content: string, clauses: string, call: CopyCallOptions = {}) {
  const path = join(folder, 'input.csv')
  writeFileSync(path, content)
  const rejects: Reject[] = []
  const receipt = await bench.db.copy(`COPY t FROM '${path}' ${clauses}`, {
    ledger: false,
    ...call,
    onReject: (reject) => rejects.push(reject),
  })
  const { rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted } = receipt
  expect(rejects.length).toBe(rowsRejected)
  return { lines: rejects.map(({ line }) => line), counts: [rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted] }
}

const refusal = (promise: Promise<unknown>): Promise<CopyError> =>
  promise.then(
    () => Promise.reject(new Error('it was loaded')),
    (error: CopyError) => error,
  )

test.each(benches)(
  '$name: rows are rejected as INSERT rejects them one by one; stop loads what is kept',
  async ({ name, open }) => {
    const other = await open()
    try {
      await other.sql('CREATE TABLE two (id integer PRIMARY KEY, u integer UNIQUE, v text)')
      const stdin = '3,30,b\n3,31,c\n6,30,g\n'
      const rejects: number[] = []
      const copy = (options: string) =>
        other.db.copy(`COPY two FROM STDIN (FORMAT csv${options}) ON CONFLICT (u) DO UPDATE`, {
          stdin,
          onReject: ({ line }) => rejects.push(line),
        })
      expect(await copy(', ON_ERROR skip_row')).toMatchObject({ rowsLoaded: 1, rowsRejected: 1, rowsConflicted: 1 })
      expect(rejects).toEqual([2])
      const loaded = await other.sql('SELECT * FROM two ORDER BY id')
      expect(loaded).toEqual([['6', '30', 'g']])
      await other.sql('DELETE FROM two')
      if (name === 'postgres') {
        for (const row of stdin.trim().split('\n')) {
          const [id, u, v] = row.split(',')
          await other
            .sql(
              `INSERT INTO two VALUES (${id}, ${u}, '${v}') ON CONFLICT (u) DO UPDATE SET id = EXCLUDED.id, v = EXCLUDED.v`,
            )
            .catch((error: { code?: string }) => expect(error.code).toBe('23505'))
        }
        expect(await other.sql('SELECT * FROM two')).toEqual(loaded)
        await other.sql('DELETE FROM two')
      }
      expect(await copy('')).toMatchObject({ rowsLoaded: 2, rowsConflicted: 1 })
    } finally {
      await other.close()
    }
  },
)

interface Row {
  readonly b: number
  readonly c: number
  readonly isOwn: boolean
}

/** What becomes of rows `a,b,c` of which `a` is the key, one after the other. */
function model(
  lines: readonly (readonly [number, number, number])[],
  before: readonly (readonly [number, number, number])[],
  { action, keep, isUnique }: { action: string; keep: string; isUnique: boolean },
) {
  const table = new Map<number, Row>(before.map(([a, b, c]) => [a, { b, c, isOwn: false }]))
  const holders = new Map(before.map(([a, b]) => [b, a]))
  const refused: number[] = []
  let [loaded, conflicted] = [0, 0]
  for (const [index, [a, b, c]] of lines.entries()) {
    const there = table.get(a)
    const isPassed =
      there !== undefined && (action === 'SKIP' ? keep === 'FIRST' || !there.isOwn : keep === 'FIRST' && there.isOwn)
    if (c < 0) refused.push(index + 1)
    else if (isPassed) conflicted += 1
    else if (isUnique && holders.has(b) && holders.get(b) !== a) refused.push(index + 1)
    else {
      if (there?.isOwn) conflicted += 1
      else loaded += 1
      if (there !== undefined && isUnique) holders.delete(there.b)
      if (isUnique) holders.set(b, a)
      table.set(a, { b, c, isOwn: true })
    }
  }
  const rows = [...table].sort(([one], [other]) => one - other).map(([a, { b, c }]) => [`${a}`, `${b}`, `${c}`])
  return { refused, counts: [loaded, 0, refused.length, conflicted], rows }
}

const TRIGGER = `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nothing()`

describe.each([
  ['a plain table', 'a integer PRIMARY KEY, b integer, c integer CHECK (c >= 0)', '', 18_000, false],
  ['a table with two keys', 'a integer PRIMARY KEY, b integer UNIQUE, c integer CHECK (c >= 0)', '', 3_000, true],
  ['a table with a trigger', 'a integer PRIMARY KEY, b integer, c integer CHECK (c >= 0)', TRIGGER, 3_000, false],
  [
    'a table in parts',
    'a integer PRIMARY KEY, b integer, c integer CHECK (c >= 0)) PARTITION BY RANGE (a',
    `CREATE TABLE low PARTITION OF t FOR VALUES FROM (MINVALUE) TO (900); CREATE TABLE high PARTITION OF t FOR VALUES FROM (900) TO (MAXVALUE)`,
    3_000,
    false,
  ],
] as [string, string, string, number, boolean][])('%s', (_, columns, more, count, isUnique) => {
  test.each([
    ['UPDATE', 'LAST'],
    ['UPDATE', 'FIRST'],
    ['SKIP', 'LAST'],
    ['SKIP', 'FIRST'],
  ])(
    'DO %s KEEP %s, wherever batches end',
    async (action, keep) => {
      let state = count
      const below = (limit: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >>> 8) % limit
      }
      const lines = Array.from({ length: count }, () => [below(count / 6), below(count), below(40) - 1] as const)
      const before = Array.from({ length: 300 }, (_, n) => [n * 5, -n - 1, 7] as const)
      const expected = model(lines, before, { action, keep, isUnique })
      for (const [threads, memoryLimit] of [
        [1, 256 << 20],
        [8, 1 << 20],
      ] as const) {
        await bench.sql(`DROP TABLE IF EXISTS t; DROP FUNCTION IF EXISTS nothing; CREATE TABLE t (${columns}); ${more}`)
        await bench.sql(`INSERT INTO t SELECT 5 * n, -n - 1, 7 FROM generate_series(0, 299) n`)
        const clauses = `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) DO ${action} KEEP ${keep}`
        const found = await load(`${lines.join('\n')}\n`, clauses, { threads, memoryLimit })
        expect(found.counts).toEqual(expected.counts)
        expect(found.lines).toEqual(expected.refused)
        expect(await bench.sql('SELECT a, b, c FROM t ORDER BY a')).toEqual(expected.rows)
      }
    },
    120_000,
  )
})

test('a CHECK of a column that is not loaded is that of the row which is there', async () => {
  await bench.sql(`DROP TABLE IF EXISTS t; CREATE TABLE t (k integer UNIQUE, w integer, u integer DEFAULT 0, CHECK (w + u < 10));
    INSERT INTO t VALUES (1, 0, 5)`)
  const clauses = '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (k) DO UPDATE'
  const told: Reject[] = []
  const { rowsLoaded, rowsConflicted } = await bench.db.copy(`COPY t (k, w) FROM STDIN ${clauses}`, {
    stdin: '1,7\n1,3\n',
    onReject: (reject) => told.push(reject),
  })
  expect(told.map(({ line, errors }) => [line, errors[0]?.sqlState])).toEqual([[1, '23514']])
  expect({ rowsLoaded, rowsConflicted }).toEqual({ rowsLoaded: 1, rowsConflicted: 0 })
  expect(await bench.sql('SELECT k, w, u FROM t')).toEqual([['1', '3', '5']])
})

test.each(['stop', 'skip_row'])('WHERE is evaluated as it is written, as by COPY: %s', async (policy) => {
  await bench.sql(`DROP TABLE IF EXISTS t; CREATE TABLE t (k integer UNIQUE, w integer);
    CREATE OR REPLACE FUNCTION is_wanted(w integer) RETURNS boolean LANGUAGE plpgsql COST 100 AS 'BEGIN RETURN w <> 0; END'`)
  const clauses = `(FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (k) DO SKIP WHERE is_wanted(w) AND 1000 / w > 0`
  const { rowsLoaded, rowsFiltered } = await bench.db.copy(`COPY t FROM STDIN ${clauses}`, {
    stdin: '1,0\n2,7\n',
  })
  expect({ rowsLoaded, rowsFiltered }).toEqual({ rowsLoaded: 1, rowsFiltered: 1 })
  await bench.sql('DROP FUNCTION is_wanted')
})

describe('a row that is refused is told of, whether or not a later one has its key', () => {
  test.each([
    ['a generated column', 'w integer, g integer GENERATED ALWAYS AS (100 / w) STORED', '0', '22012'],
    ['a CHECK of one', 'w integer, g integer GENERATED ALWAYS AS (w - 1) STORED CHECK (g >= 0)', '0', '23514'],
    ['a CHECK of the whole row', 'w integer, CHECK ((t.*) IS NOT NULL)', '', '23514'],
    [
      'a CHECK of a value that no other row has',
      `w integer, made timestamptz DEFAULT clock_timestamp(), CHECK (w > 0 AND made > '2000-01-01')`,
      '0',
      '23514',
    ],
    ['an expression of an index', 'w integer); CREATE INDEX ON t ((100 / w)', '0', '22012'],
    ['a condition of an index', 'w integer); CREATE INDEX ON t (k) WHERE (100 / w > 1', '0', '22012'],
    [
      'a reference of which a part is not loaded',
      'w integer, x integer DEFAULT 1, FOREIGN KEY (w, x) REFERENCES p',
      '0',
      '23503',
    ],
    [
      'a reference that older rows may not meet',
      'w integer); ALTER TABLE t ADD FOREIGN KEY (w) REFERENCES q NOT VALID, ADD CHECK (w >= 0',
      '0',
      '23503',
    ],
  ])('%s', async (_, columns, bad, sqlState) => {
    for (const clause of ['DO UPDATE', 'DO UPDATE KEEP FIRST', 'DO SKIP KEEP LAST']) {
      await bench.sql(`DROP TABLE IF EXISTS t, p, q; CREATE TABLE p (w integer, x integer, PRIMARY KEY (w, x)); CREATE TABLE q (w integer PRIMARY KEY);
        INSERT INTO p VALUES (5, 1), (7, 1); INSERT INTO q VALUES (5), (7)`)
      await bench.sql(`CREATE TABLE t (k integer UNIQUE, ${columns})`)
      const told: Reject[] = []
      const { rowsLoaded, rowsConflicted } = await bench.db.copy(
        `COPY t (k, w) FROM STDIN (FORMAT csv, ON_ERROR skip_row) ON CONFLICT (k) ${clause}`,
        { stdin: `1,${bad}\n1,5\n2,7\n`, onReject: (reject) => told.push(reject) },
      )
      const found = told.map(({ line, errors }) => [line, errors[0]?.sqlState])
      expect({ clause, found, rowsLoaded, rowsConflicted }).toEqual({
        clause,
        found: [[1, sqlState]],
        rowsLoaded: 2,
        rowsConflicted: 0,
      })
      expect(await bench.sql('SELECT k, w FROM t ORDER BY k')).toEqual([
        ['1', '5'],
        ['2', '7'],
      ])
    }
  })
})

describe('rows with NULL in a key that is UNIQUE NULLS NOT DISTINCT share it', () => {
  test.each([
    ['DO SKIP', [',a', '1,c']],
    ['DO SKIP KEEP LAST', [',b', '1,d']],
    ['DO UPDATE', [',b', '1,d']],
    ['DO UPDATE KEEP FIRST', [',a', '1,c']],
  ])('%s', async (clause, kept) => {
    for (const columns of [
      'k integer UNIQUE NULLS NOT DISTINCT',
      'j integer DEFAULT 1, k integer, UNIQUE NULLS NOT DISTINCT (k, j)',
    ]) {
      const key = columns.startsWith('j') ? '(k, j)' : '(k)'
      for (const policy of ['stop', 'skip_row']) {
        await bench.sql(`DROP TABLE IF EXISTS t; CREATE TABLE t (${columns}, v text)`)
        const rows = key === '(k)' ? ',a\n,b\n1,c\n1,d\n' : ',a,1\n,b,1\n1,c,1\n1,d,1\n'
        const { counts } = await bench.db
          .copy(
            `COPY t (k, v${key === '(k)' ? '' : ', j'}) FROM STDIN (FORMAT csv, ON_ERROR ${policy}) ON CONFLICT ${key} ${clause}`,
            {
              stdin: rows,
            },
          )
          .then(({ rowsLoaded, rowsConflicted }) => ({ counts: [rowsLoaded, rowsConflicted] }))
        expect({ policy, columns, counts }).toEqual({ policy, columns, counts: [2, 2] })
        const found = await bench.sql(`SELECT concat_ws(',', coalesce(k::text, ''), v) FROM t ORDER BY v`)
        expect(found).toEqual(kept.map((row) => [row]))
      }
    }
  })
})

test('the last of each key goes in where one has the second key that another has given up', async () => {
  await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer UNIQUE)')
  // Of the first two that are kept, the second has to go before the first.
  const content = '1,10\n2,20\n2,-1\n1,x\n1,20\n2,30\n1,40\n2,40\n'
  const { lines, counts } = await load(content, '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) DO UPDATE')
  expect({ lines, counts }).toEqual({ lines: [4, 8], counts: [2, 0, 2, 4] })
  expect(await bench.sql('SELECT a, b FROM t ORDER BY a')).toEqual([
    ['1', '40'],
    ['2', '30'],
  ])
  // Several blocks, each of which leaves the few values to other rows.
  await bench.sql('DELETE FROM t')
  const shifted = Array.from({ length: 3_000 }, (_, n) => [(n * n) % 11, (n * 7 + (n >> 4) * 5) % 17] as const)
  const expected = model(
    shifted.map(([a, b]) => [a, b, 0]),
    [],
    { action: 'UPDATE', keep: 'LAST', isUnique: true },
  )
  const found = await load(
    shifted.map((row) => `${row}\n`).join(''),
    '(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) DO UPDATE',
  )
  expect({ lines: found.lines, counts: found.counts }).toEqual({ lines: expected.refused, counts: expected.counts })
  expect(await bench.sql('SELECT a, b FROM t ORDER BY a')).toEqual(expected.rows.map(([a, b]) => [a, b]))
})

test('rows that the transaction wrote before are none of the load', async () => {
  await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0))')
  const { connect } = await import('../../lib/index.ts')
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: bench.url })
  await client.connect()
  try {
    const db = await connect(client)
    await client.query('BEGIN; SAVEPOINT one; INSERT INTO t VALUES (1, 1), (2, 2); RELEASE SAVEPOINT one')
    const path = join(folder, 'input.csv')
    writeFileSync(path, '1,5\n1,6\n2,-1\n3,7\n3,8\n')
    for (const [clause, counts, rows] of [
      ['DO UPDATE KEEP FIRST', [2, 2], '(1,5) (2,2) (3,7)'],
      ['DO UPDATE', [2, 2], '(1,6) (2,2) (3,8)'],
      // Those are the load's before now.
      ['DO SKIP KEEP LAST', [0, 4], '(1,6) (2,2) (3,8)'],
    ] as const) {
      const receipt = await db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row) ON CONFLICT ${clause}`)
      expect([receipt.rowsLoaded, receipt.rowsConflicted]).toEqual(counts)
      const found = await client.query(`SELECT string_agg(t::text, ' ' ORDER BY a) AS rows FROM t`)
      expect(found.rows[0]).toEqual({ rows })
    }
    await client.query('ROLLBACK')
    await db.close()
  } finally {
    await client.end()
  }
})

test.each(['DO SKIP', 'DO SKIP KEEP LAST', 'DO UPDATE KEEP FIRST'])(
  'rows of which none is refused go in by one statement: %s',
  async (clause) => {
    await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0));
    INSERT INTO t VALUES (7, 1);
    CREATE SEQUENCE statements;
    CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''statements''); RETURN NULL; END';
    CREATE TRIGGER counted AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION counted()`)
    const clean = Array.from({ length: 3_000 }, (_, a) => `${a},1\n`)
    const isUpdate = clause.startsWith('DO UPDATE')
    const { counts } = await load(clean.join(''), `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) ${clause}`)
    expect(counts).toEqual(isUpdate ? [3_000, 0, 0, 0] : [2_999, 0, 0, 1])
    expect(await bench.sql('SELECT last_value FROM statements')).toEqual([['1']])
    // With one that is refused, and one whose key comes again, they are found out as ever.
    await bench.sql('DELETE FROM t WHERE a <> 7')
    const spoilt = clean.with(2_000, '2000,-1\n').with(2_500, '7,2\n')
    const found = await load(spoilt.join(''), `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) ${clause}`)
    expect(found).toEqual({ lines: [2_001], counts: isUpdate ? [2_998, 0, 1, 1] : [2_997, 0, 1, 2] })
  },
)

describe('rows cost the same however many there are', { timeout: 30_000 }, () => {
  const ROWS = 40_000

  test.each(['DO SKIP', 'DO SKIP KEEP LAST', 'DO UPDATE', 'DO UPDATE KEEP FIRST'])(
    'with some that are refused: %s',
    async (clause) => {
      await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0))')
      const rows = Array.from({ length: ROWS }, (_, a) => `${a},${a % 100 === 7 ? -1 : 1}\n`)
      const { counts } = await load(rows.join(''), `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) ${clause}`)
      expect(counts).toEqual([ROWS - ROWS / 100, 0, ROWS / 100, 0])
    },
  )

  test.each([
    ['DO SKIP KEEP LAST', 'b integer CHECK (b > 0), c integer'],
    ['DO SKIP KEEP LAST', 'b integer CHECK (b > 0), c integer UNIQUE'],
    ['DO UPDATE', 'b integer CHECK (b > 0), c integer UNIQUE'],
    ['DO UPDATE', 'b integer, c integer, d integer GENERATED ALWAYS AS (10 / (b + 1)) STORED'],
  ])('with keys that come again and again: %s of %s', { timeout: 240_000 }, async (clause, columns) => {
    const KEYS = 100
    const rows = Array.from({ length: ROWS / 2 }, (_, n) => `${n % KEYS},${n % 99 === 7 ? -1 : 1},${n}\n`)
    const refused = rows.filter((row) => row.includes('-')).length
    const elapsed = async (by: string) => {
      await bench.sql(`DROP TABLE IF EXISTS t; CREATE TABLE t (a integer PRIMARY KEY, ${columns})`)
      const start = performance.now()
      const { counts } = await load(rows.join(''), `(FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) ${by}`)
      expect(counts).toEqual([KEYS, 0, refused, rows.length - refused - KEYS])
      return performance.now() - start
    }
    // Which leaves nothing behind.
    const first = await elapsed('DO UPDATE KEEP FIRST')
    expect((await elapsed(clause)) / first).toBeLessThan(12)
    const kept = rows.slice(-2 * KEYS).filter((row) => !row.includes('-'))
    const last = new Map(kept.map((row) => [Number(row.split(',')[0]), row.trim().split(',')[2]]))
    const found = await bench.sql('SELECT a, c FROM t ORDER BY a')
    expect(found).toEqual(Array.from({ length: KEYS }, (_, key) => [`${key}`, last.get(key)]))
  })

  test.each(['DO SKIP', 'DO UPDATE'])('with some that WHERE holds back: %s', async (clause) => {
    await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer)')
    const rows = Array.from({ length: ROWS }, (_, a) => `${a},${a % 100}\n`)
    for (const policy of ['stop', 'skip_row']) {
      await bench.sql('DELETE FROM t')
      const options = `(FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (a) ${clause} WHERE b <> 7`
      expect((await load(rows.join(''), options)).counts).toEqual([ROWS - ROWS / 100, ROWS / 100, 0, 0])
    }
  })
})

test.each([
  { policy: 'stop', clause: 'DO SKIP' },
  { policy: 'stop', clause: 'DO UPDATE' },
  { policy: 'ignore', clause: 'DO SKIP' },
])('the row that ends a load is looked for by an index: $policy, $clause', async ({ policy, clause }) => {
  await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.a = 2 THEN RAISE '% indexes', (SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relname LIKE 'copyist%'); END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER refuse AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()`)
  const error = await refusal(load('1\n2\n3\n', `(FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (a) ${clause}`))
  expect(error).toMatchObject({ message: '1 indexes', position: { line: 2 } })
})

test('a user with rights to columns only is told what is needed', async () => {
  await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0))')
  await bench.sql('CREATE ROLE copyist_clerk LOGIN; GRANT INSERT, UPDATE, SELECT (a, b) ON t TO copyist_clerk')
  const { connect } = await import('../../lib/index.ts')
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: bench.url })
  await client.connect()
  try {
    await client.query('SET ROLE copyist_clerk')
    const db = await connect(client)
    const path = join(folder, 'input.csv')
    writeFileSync(path, '1,1\n')
    const run = (options: string) => db.copy(`COPY t FROM '${path}' (FORMAT csv${options}) ON CONFLICT DO UPDATE`)
    expect(await refusal(run(', ON_ERROR skip_row'))).toMatchObject({
      sqlState: '42501',
      hint: expect.stringContaining('GRANT SELECT'),
    })
    expect((await run('')).rowsLoaded).toBe(1)
    await db.close()
  } finally {
    await client.end()
    await bench.sql('DROP OWNED BY copyist_clerk; DROP ROLE copyist_clerk')
  }
})

describe('a trigger that drops rows', () => {
  beforeEach(async () => {
    await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, b integer);
INSERT INTO t VALUES (1, 0), (2, 0);
CREATE FUNCTION few() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.b = 13 THEN RETURN NULL; END IF; RETURN NEW; END';
CREATE TRIGGER few BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION few()`)
  })

  test.each([
    // Rows 1 and 2 were there; 3 comes twice; two rows are dropped.
    ['DO SKIP', '', [2, 2, 0, 3]],
    ['DO UPDATE', '', [3, 2, 0, 2]],
    ['DO SKIP', ', ON_ERROR skip_row', [2, 2, 0, 3]],
    ['DO SKIP KEEP LAST', ', ON_ERROR skip_row', [2, 2, 0, 3]],
    ['DO UPDATE', ', ON_ERROR skip_row', [4, 2, 0, 1]],
    ['DO UPDATE KEEP FIRST', ', ON_ERROR skip_row', [4, 2, 0, 1]],
  ])('has them counted as filtered, with %s%s', async (clause, options, counts) => {
    const content = '1,5\n2,6\n2,13\n3,7\n3,8\n4,13\n5,9\n'
    expect((await load(content, `(FORMAT csv${options}) ON CONFLICT ${clause}`)).counts).toEqual(counts)
  })
})

describe('an error that ends a load with ON CONFLICT has its place', () => {
  const at = async (content: string, clause: string) => {
    const { sqlState, position, context } = await refusal(load(content, `(FORMAT csv, HEADER) ON CONFLICT ${clause}`))
    return { sqlState, line: position.line, byteOffset: position.byteOffset, column: position.column, context }
  }

  test('of a constraint', async () => {
    await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0))')
    for (const clause of ['DO SKIP', 'DO SKIP KEEP LAST', 'DO UPDATE', 'DO UPDATE KEEP FIRST']) {
      expect(await at('a,b\n1,1\n2,2\n3,-1\n4,4\n5,-5\n', clause)).toEqual({
        sqlState: '23514',
        line: 4,
        byteOffset: 12,
        column: undefined,
        context: 'COPY t, line 4',
      })
    }
    const many = Array.from({ length: 20_000 }, (_, n) => `${n},${n === 15_000 ? -1 : 1}\n`)
    expect((await at(`a,b\n${many.join('')}`, 'DO UPDATE')).line).toBe(15_002)
  })

  test('of a reference, which the server tells only when all rows are in', async () => {
    await bench.sql('CREATE TABLE p (a integer PRIMARY KEY); INSERT INTO p VALUES (1)')
    await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer REFERENCES p)')
    expect(await at('a,b\n1,1\n2,1\n3,9\n4,1\n', 'DO UPDATE')).toMatchObject({
      sqlState: '23503',
      line: 4,
    })
  })

  test('of a value that only the server reads', async () => {
    await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b point)')
    const expected = {
      sqlState: '22P02',
      line: 3,
      byteOffset: 14,
      column: 'b',
      context: 'COPY t, line 3, column b: "oops"',
    }
    expect(await at('a,b\n1,"(1,2)"\n2,oops\n', 'DO SKIP')).toEqual(expected)
    expect(await at('a,b\n1,"(1,2)"\n2,oops\n', 'DO UPDATE')).toEqual(expected)
  })

  test.each(['DO SKIP', 'DO SKIP KEEP LAST', 'DO UPDATE', 'DO UPDATE KEEP FIRST'])(
    'of WHERE, with %s',
    async (clause) => {
      await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer, c point)')
      const rows = Array.from({ length: 3_000 }, (_, n) => `${n},${n === 700 || n === 900 ? 0 : n + 1},"(1,2)"\n`)
      for (const policy of ['stop', 'set_null']) {
        const where = '1000 / b >= 0'
        const { sqlState, position } = await refusal(
          load(
            rows.with(20, '20,21,"(3,4)"\n').join(''),
            `(FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (a) ${clause} WHERE ${where}`,
          ),
        )
        expect({ policy, sqlState, line: position.line }).toEqual({ policy, sqlState: '22012', line: 701 })
      }
      const unread = rows.with(500, '500,1,oops\n').join('')
      expect(
        await refusal(
          load(unread, `(FORMAT csv) ON CONFLICT (a) ${clause} WHERE 1000 / b >= 0 AND c <@ box '(0,0),(9,9)'`),
        ),
      ).toMatchObject({ sqlState: '22P02', position: { line: 501, column: 'c' } })
    },
  )
})

test.each([
  ['set_null', 'DO SKIP', [null, '10.0.0.1', null]],
  ['set_null', 'DO UPDATE', [null, null, null]],
  ['set_default', 'DO UPDATE', ['10.9.9.9', '10.9.9.9', '10.9.9.9']],
])('values that only the server reads are replaced, with %s and %s', async (policy, clause, expected) => {
  await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, b inet DEFAULT '10.9.9.9')`)
  const path = join(folder, 'input.csv')
  writeFileSync(path, '1,nowhere\n2,10.0.0.1\n2,here\n3,x\n')
  const told: number[] = []
  const receipt = await bench.db.copy(
    `COPY t FROM '${path}' (FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (a) ${clause}`,
    {
      onReplace: ({ line }) => told.push(line),
    },
  )
  expect(receipt).toMatchObject({ rowsRead: 4, rowsLoaded: 3, rowsRejected: 0, rowsReplaced: 3, rowsConflicted: 1 })
  expect(told).toEqual([1, 3, 4])
  expect((await bench.sql('SELECT b FROM t ORDER BY a')).map(([b]) => b)).toEqual(expected)
})

test('an error of WHERE that COPY would not find has its place in the statement', async () => {
  await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer)')
  const path = join(folder, 'input.csv')
  writeFileSync(path, '1,1\n')
  const text = `COPY t FROM '${path}' (FORMAT csv) ON CONFLICT (a) DO UPDATE WHERE a > 0 AND public.t.b > 1`
  const error = await refusal(bench.db.copy(text, { ledger: false }))
  expect(error.sqlState).toBe('42P01')
  expect(text.slice(error.statement?.offset)).toBe('public.t.b > 1')
})

test('a row that an INSTEAD OF trigger of a view drops is filtered, and has no conflict', async () => {
  await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, b integer); CREATE VIEW v AS SELECT * FROM t;
    CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN IF NEW.b < 0 THEN RETURN NULL; END IF; INSERT INTO t VALUES (NEW.*); RETURN NEW; END';
    CREATE TRIGGER put INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION put()`)
  for (const [policy, more] of [
    ['stop', ''],
    ['skip_row', 'x,1\n1,7\n'],
  ] as const) {
    await bench.sql('DELETE FROM t')
    const statement = `COPY v FROM STDIN (FORMAT csv, ON_ERROR ${policy}) ON CONFLICT DO SKIP`
    expect(await bench.db.copy(statement, { stdin: `1,1\n2,-2\n${more}3,3\n` })).toMatchObject({
      rowsLoaded: 2,
      rowsFiltered: 1,
      rowsRejected: more === '' ? 0 : 2,
      rowsConflicted: 0,
    })
    expect(await bench.sql('SELECT a FROM t ORDER BY a')).toEqual([['1'], ['3']])
  }
})
