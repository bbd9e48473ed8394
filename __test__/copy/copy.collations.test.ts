import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect, type Database, type Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * Conditions and keys of a column go by its collation, whatever way a row takes.
 */

const [{ open: openPostgres }, { open: openDuckdb }] = benches as [(typeof benches)[0], (typeof benches)[0]]

describe('PostgreSQL', () => {
  let bench: Bench
  let db: Database

  beforeEach(async () => {
    bench = await openPostgres()
  })
  afterEach(() => bench.close())

  const file = (...names: string[]) => names.map((name, at) => `${at + 1},${name},${at}\n`).join('')

  /** Of a database that compares bytes and of one that does not: a collation that differs, and which names it sorts from `a` on. */
  describe.each([
    { name: 'of language in a database of bytes', own: 'und-x-icu', isIcu: false, kept: ['Berlin', 'berlin', 'Zoo'] },
    { name: 'of bytes in a database of language', own: 'C', isIcu: true, kept: ['berlin'] },
  ])('a collation $name', ({ own, isIcu, kept }) => {
    let sql: Bench['sql']
    let end: () => Promise<void>

    beforeEach(async () => {
      db = bench.db
      sql = bench.sql
      end = async () => {}
      if (!isIcu) return
      const { pathname } = new URL(bench.url ?? '')
      const name = `${pathname.slice(1)}_icu`
      await bench.sql(`CREATE DATABASE ${name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und'`)
      const url = (bench.url ?? '').replace(pathname, `/${name}`)
      db = await connect(url)
      const { default: pg } = await import('pg')
      const side = new pg.Client({ connectionString: url })
      await side.connect()
      sql = async (text) => {
        const { rows } = await side.query<unknown[]>({ text, rowMode: 'array' })
        return (rows ?? []).map((row) => row.map(String))
      }
      end = async () => {
        await db.close()
        await side.end()
        await bench.sql(`DROP DATABASE ${name}`)
      }
    })
    afterEach(() => end())

    // With a type that only the server reads the rows go as text.
    describe.each(['integer', 'oid'])('beside %s', (other) => {
      const table = (columns: string) => sql(`CREATE TABLE t (${columns}, other ${other})`)
      const names = async () => (await sql('SELECT name FROM t ORDER BY id')).flat()
      const load = async (stdin: string, options: string, rest = '') => {
        const rejects: Reject[] = []
        const receipt = await db.copy(`COPY t FROM STDIN (FORMAT csv${options})${rest}`, {
          stdin,
          onReject: (reject) => rejects.push(reject),
        })
        return { receipt, lines: rejects.map(({ line, errors }) => [line, errors.length]) }
      }

      test.each(['text', 'varchar(8)'])('CHECK of %s', async (type) => {
        await table(`id integer, name ${type} COLLATE "${own}" CHECK (name >= 'a')`)
        const all = ['Berlin', 'berlin', 'Zoo']
        const { lines } = await load(file('1', ...all), ', ON_ERROR skip_row')
        expect(await names()).toEqual(kept)
        expect(lines.map(([line]) => line)).toEqual(
          ['1', ...all].flatMap((name, at) => (kept.includes(name) ? [] : [at + 1])),
        )
      })

      test('CHECK of a row that is refused already', async () => {
        await table(`id integer, name text COLLATE "${own}" CHECK (name >= 'a'), ts timestamptz`)
        const stdin = ['x,Berlin', 'x,berlin', 'x,1'].map((row) => `${row},2024-01-01,1\n`).join('')
        const { lines } = await load(stdin, ', ON_ERROR skip_row')
        expect(lines).toEqual([
          [1, kept.includes('Berlin') ? 1 : 2],
          [2, 1],
          [3, 2],
        ])
      })

      test.each([
        ['COPY', '', ''],
        ['a trigger', ', ON_ERROR skip_row', ''],
        ['ON CONFLICT', '', ' ON CONFLICT (id) DO SKIP'],
        ['ON CONFLICT beside refused rows', ', ON_ERROR skip_row', ' ON CONFLICT (id) DO UPDATE'],
        ['TRANSFORM of another column', ', TRANSFORM (id AS id + 1)', ''],
        ['TRANSFORM to another collation', `, TRANSFORM (name AS name || '' COLLATE "POSIX")`, ''],
      ])('WHERE of rows that go by %s', async (way, options, conflict) => {
        await table(`id integer PRIMARY KEY CHECK (id <> 9), name text COLLATE "${own}"`)
        if (way === 'a trigger') {
          await sql(`CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER same BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION same()`)
        }
        const refused = options.includes('ON_ERROR') ? '9,zebra,1\n' : ''
        await load(refused + file('Berlin', 'berlin', 'Zoo'), options, `${conflict} WHERE name >= 'a'`)
        expect(await names()).toEqual(kept)
      })

      test('WHERE of a column that is not loaded', async () => {
        await table(`id integer PRIMARY KEY CHECK (id <> 9), name text COLLATE "${own}" DEFAULT 'Berlin'`)
        await db.copy(
          `COPY t (id, other) FROM STDIN (FORMAT csv, ON_ERROR skip_row) ON CONFLICT (id) DO SKIP WHERE name >= 'a'`,
          { stdin: '9,1\n1,1\n' },
        )
        expect(await names()).toEqual(kept.includes('Berlin') ? ['Berlin'] : [])
      })
    })
  })

  test.each([
    ['DO UPDATE', [['A', '2']]],
    ['DO UPDATE KEEP FIRST', [['a', '1']]],
    ['DO SKIP', [['a', '1']]],
    ['DO SKIP KEEP LAST', [['A', '2']]],
  ])('keys in another case, %s', async (action, kept) => {
    await bench.sql(`CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE t (k text COLLATE ci PRIMARY KEY, v integer)`)
    for (const policy of ['stop', 'skip_row']) {
      await bench.sql('DELETE FROM t')
      const stdin = 'a,1\nA,2\n'
      const statement = `COPY t FROM STDIN (FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (k) ${action}`
      expect(await bench.db.copy(statement, { stdin })).toMatchObject({ rowsLoaded: 1, rowsConflicted: 1 })
      // The key of a row that is there stays as it was written first.
      const rows = await bench.sql('SELECT k, v FROM t')
      expect(rows.map(([, v]) => v)).toEqual(kept.map(([, v]) => v))
    }
  })

  describe.each([
    { column: 'text COLLATE ci', index: 'k COLLATE "C"', isSame: false },
    { column: 'text', index: 'k COLLATE ci', isSame: true },
    { column: 'text', index: 'n, k COLLATE ci', isSame: true },
  ])('keys of an index of another collation, $index of a column of $column', ({ column, index, isSame }) => {
    test.each([
      { action: 'DO SKIP', kept: '1' },
      { action: 'DO SKIP KEEP LAST', kept: '2' },
      { action: 'DO UPDATE', kept: '2' },
      { action: 'DO UPDATE KEEP FIRST', kept: '1' },
    ])('$action', async ({ action, kept }) => {
      await bench.sql(`CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (k ${column}, v integer, n integer);
        CREATE UNIQUE INDEX ON t (${index})`)
      const key = index.startsWith('n') ? 'k, n' : 'k'
      const loaded = isSame ? [kept, '3'] : ['1', '2', '3']
      for (const policy of ['stop', 'skip_row']) {
        await bench.sql('DELETE FROM t')
        const statement = `COPY t FROM STDIN (FORMAT csv, ON_ERROR ${policy}) ON CONFLICT (${key}) ${action}`
        const receipt = await bench.db.copy(statement, { stdin: 'a,1,0\nA,2,0\nb,3,0\n' })
        expect(receipt).toMatchObject({ rowsLoaded: loaded.length, rowsConflicted: 3 - loaded.length })
        expect((await bench.sql('SELECT v FROM t ORDER BY v')).flat()).toEqual(loaded)
      }
    })
  })
})

describe('DuckDB', () => {
  let bench: Bench

  beforeEach(async () => {
    bench = await openDuckdb()
  })
  afterEach(() => bench.close())

  const load = async (options: string, rest = '', stdin = '1,abc\n2,ABC\n3,other\n-4,xyz\n') => {
    const rejects: (string | number)[][] = []
    await bench.db.copy(`COPY t FROM STDIN (FORMAT csv${options})${rest}`, {
      stdin,
      onReject: ({ line, errors }) => rejects.push([line, ...errors.map(({ column }) => column ?? '')]),
    })
    return rejects
  }
  const ids = async () => (await bench.sql('SELECT id FROM t ORDER BY id')).flat()

  test('CHECK', async () => {
    await bench.sql(`CREATE TABLE t (id integer CHECK (id > 0), name VARCHAR COLLATE NOCASE CHECK (name <> 'abc'))`)
    expect(await load(', ON_ERROR skip_row')).toEqual([
      [1, 'name'],
      [2, 'name'],
      [4, 'id'],
    ])
    expect(await ids()).toEqual(['3'])
  })

  test('CHECK of a row that is refused already', async () => {
    await bench.sql(`CREATE TABLE t (id integer, name VARCHAR COLLATE NOCASE CHECK (name <> 'abc'))`)
    expect(await load(', ON_ERROR skip_row', '', 'x,ABC\nx,b\n')).toEqual([
      [1, 'id', 'name'],
      [2, 'id'],
    ])
  })

  test.each([
    ['INSERT', ''],
    ['INSERT beside refused rows', ', ON_ERROR skip_row'],
    ['TRANSFORM', ', TRANSFORM (id AS id + 0)'],
    ['TRANSFORM of it', `, TRANSFORM (name AS name || '')`],
    ['TRANSFORM beside refused rows', `, ON_ERROR skip_row, TRANSFORM (id AS id + 0)`],
  ])('WHERE of rows that go by %s', async (_, options) => {
    await bench.sql('CREATE TABLE t (id integer CHECK (id <> -9), name VARCHAR COLLATE NOCASE)')
    await load(options, ` WHERE name <> 'abc'`)
    expect(await ids()).toEqual(['-4', '3'])
  })

  test('expressions compare fields as the column', async () => {
    await bench.sql('CREATE TABLE t (id integer, name VARCHAR COLLATE NOCASE)')
    await load(`, TRANSFORM (name AS CASE WHEN name = 'abc' THEN 'same' ELSE name END)`)
    expect(await bench.sql('SELECT name FROM t ORDER BY id')).toEqual([['xyz'], ['same'], ['same'], ['other']])
  })

  test.each([
    { key: 'trim(name)', isSame: false },
    { key: `(id - id), (name || 'x')`, isSame: false },
    { key: `coalesce(name, '')`, isSame: false },
    { key: 'lower(name)', isSame: true },
  ])('of a unique index on $key', async ({ key, isSame }) => {
    await bench.sql(`CREATE TABLE t (id integer, name VARCHAR COLLATE NOCASE); CREATE UNIQUE INDEX i ON t (${key})`)
    const inserted = bench.sql(`INSERT INTO t VALUES (1, 'a'), (2, 'A')`)
    if (isSame) await expect(inserted).rejects.toThrow(/duplicate key/i)
    else await inserted
    const kept = isSame ? ['1', '3'] : ['1', '2', '3']
    for (const options of ['', ', ON_ERROR skip_row']) {
      await bench.sql('DELETE FROM t')
      await load(options, ' ON CONFLICT DO SKIP', '1,a\n2,A\n3,b\n3,b\n')
      expect(await ids()).toEqual(kept)
    }
    // Against rows that are there.
    expect(await load(', ON_ERROR skip_row', '', '4,B\n5,b\n')).toEqual([...(isSame ? [[1, '']] : []), [2, '']])
  })

  test.each(['is', 'or', 'NOCASE.NOACCENT'])('that is called %s', async (name) => {
    const quoted = name === 'is' || name === 'or' ? `"${name}"` : name
    await bench.sql(`CREATE TABLE t (id integer, name VARCHAR COLLATE ${quoted} CHECK (name <> 'xyz'))`)
    expect(await load(', ON_ERROR skip_row')).toEqual([[4, 'name']])
    expect(await ids()).toEqual(['1', '2', '3'])
  })

  test('of a column that is not loaded, and in another schema', async () => {
    await bench.sql(
      `CREATE SCHEMA s; CREATE TABLE s.t (id integer, "a b" VARCHAR COLLATE NOCASE.NOACCENT DEFAULT 'ÀBC')`,
    )
    await bench.db.copy(`COPY s.t (id) FROM STDIN (FORMAT csv) WHERE "a b" <> 'abc'`, { stdin: '1\n' })
    expect(await bench.sql('SELECT * FROM s.t')).toEqual([])
  })
})
