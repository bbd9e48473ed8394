import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CopyCallOptions, connect, type Reject } from '../../lib/index.ts'
import { type Bench, benches, inEncoding } from './targets.ts'

/*
 * All errors of a row are told, whoever finds them: those of its fields, of values that only the target reads, and of conditions.
 */

let folder: string
let bench: Bench

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-all-errors-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await bench.close()
})

async function load(content: string, options = 'FORMAT csv, ON_ERROR skip_row', rest = '', call: CopyCallOptions = {}) {
  const rejects: Reject[] = []
  const path = join(folder, 'input.csv')
  writeFileSync(path, content)
  const receipt = await bench.db.copy(`COPY t FROM '${path}' (${options})${rest}`, {
    ...call,
    onReject: (reject) => rejects.push(reject),
  })
  return { receipt, rejects }
}

const states = (rejects: readonly Reject[]) =>
  rejects.map(({ line, errors }) => [
    line,
    ...errors.map(({ sqlState, column }) => `${column ?? ''} ${sqlState}`.trim()),
  ])

describe.each(benches)('on $name', ({ name, open }) => {
  const isPostgres = name === 'postgres'
  /** A type that only the target reads, and a value of it. */
  const [type, value] = isPostgres ? ['inet', '1.1.1.1'] : ['BIT', '101']
  const violated = (condition: string, constraint: string) =>
    isPostgres
      ? `new row for relation "t" violates check constraint "${constraint}"`
      : `CHECK constraint failed on table t with expression CHECK(${condition})`

  beforeEach(async () => {
    bench = await open()
  })

  test('of fields, values and conditions, in the order of the columns', async () => {
    await bench.sql(`CREATE TABLE t (a ${type}, b integer, c integer CHECK (c > 0), d integer NOT NULL)`)
    const good = `${value},1,1,1\n`
    const { receipt, rejects } = await load(
      `${good}nowhere,x,0,\n${good}nowhere,1,0,1\n${value},x,1,1\n,x,,\n${value},1,0,1\nnowhere,x,1,1\n,1,y,1\n${good}`,
    )
    expect(states(rejects)).toEqual([
      [2, 'a 22P02', 'b 22P02', 'c 23514', 'd 23502'],
      [4, 'a 22P02', 'c 23514'],
      [5, 'b 22P02'],
      [6, 'b 22P02', 'd 23502'],
      [7, 'c 23514'],
      [8, 'a 22P02', 'b 22P02'],
      [9, 'c 22P02'],
    ])
    expect(rejects[0]?.errors.map(({ message, field, value: text }) => [message, field, text])).toEqual([
      [expect.stringMatching(/^invalid input syntax for type (?:inet|BIT): "nowhere"$/), 1, 'nowhere'],
      [expect.stringMatching(/^invalid input syntax for type integer: "x"$/), 2, 'x'],
      [violated('(c > 0)', 't_c_check'), 3, undefined],
      ['null value in column "d" of relation "t" violates not-null constraint', 4, undefined],
    ])
    expect(receipt).toMatchObject({ rowsRead: 10, rowsLoaded: 3, rowsRejected: 7 })
  })

  test('conditions alone are asked about, too, of columns and defaults that are known', async () => {
    await bench.sql(
      `CREATE TABLE t (a integer, b integer CHECK (b > 0), c integer, e integer DEFAULT 5, CHECK (b < c), CHECK (c < e))`,
    )
    const { rejects } = await bench.db
      .copy(`COPY t (a, b, c) FROM STDIN (FORMAT csv, ON_ERROR skip_row)`, { stdin: '1,1,2\nx,-1,-2\nx,y,9\nx,3,4\n' })
      .then(async ({ id }) => {
        const found: Reject[] = []
        for await (const reject of bench.db.rejects(id)) found.push(reject)
        return { rejects: found }
      })
    expect(states(rejects)).toEqual([
      [2, 'a 22P02', 'b 23514', '23514'],
      [3, 'a 22P02', 'b 22P02', '23514'],
      [4, 'a 22P02'],
    ])
  })

  test.each([' DO SKIP', ' (k) DO SKIP KEEP LAST', ' DO UPDATE', ' (k) DO UPDATE KEEP FIRST', ' DO REJECT'])(
    'conditions beside ON CONFLICT%s, of a key that is there or not',
    async (clause) => {
      await bench.sql(`CREATE TABLE t (k integer PRIMARY KEY, a integer CHECK (a > 0), b integer CHECK (b > 0), c integer, CHECK (a < c));
        INSERT INTO t VALUES (1, 1, 1, 9)`)
      const { rejects, receipt } = await load(
        '2,-1,-1,3\n3,1,1,2\n1,-1,0,0\n4,1,-1,0\nx,-1,1,2\n5,1,1,2\n',
        'FORMAT csv, ON_ERROR skip_row',
        ` ON CONFLICT${clause}`,
      )
      // With DO REJECT a key that is there is an error, too.
      const all = states(rejects).map(([line, ...errors]) => [line, ...errors.filter((error) => error !== 'k 23505')])
      expect(all).toEqual([
        [1, 'a 23514', 'b 23514'],
        [3, 'a 23514', 'b 23514'],
        [4, 'b 23514', '23514'],
        [5, 'k 22P02', 'a 23514'],
      ])
      expect(receipt.rowsLoaded).toBe(2)
    },
  )

  test('a condition says nothing of a value that cannot be read', async () => {
    await bench.sql(`CREATE TABLE t (a ${type} CHECK (a IS NOT NULL), b integer CHECK (b IS NOT NULL), c integer)`)
    const { rejects } = await load(`nowhere,1,1\nnowhere,x,y\n,x,\n,,1\n`)
    expect(states(rejects)).toEqual([
      [1, 'a 22P02'],
      [2, 'a 22P02', 'b 22P02', 'c 22P02'],
      [3, 'a 23514', 'b 22P02'],
      [4, 'a 23514', 'b 23514'],
    ])
  })

  test('nothing is told of values that are right', async () => {
    const list = bench.url === undefined ? 'len(b)' : 'cardinality(b)'
    await bench.sql(
      `CREATE TABLE t (a integer, b integer[] CHECK (${list} < 9), c date CHECK (c < DATE '2024-01-01'), d boolean CHECK (d))`,
    )
    const { rejects, receipt } = await load(
      '1,"{1,2}",2024-01-01 BC,on\nx,"{1,2}",2024-01-01 BC,on\nx,{},Jan 8 2020,t\n',
    )
    expect(states(rejects)).toEqual([
      [2, 'a 22P02'],
      [3, 'a 22P02'],
    ])
    expect(receipt.rowsLoaded).toBe(1)
  })

  test('values are read as the statement says', async () => {
    await bench.sql(
      `CREATE TABLE t (a integer, b date CHECK (b < '2024-01-01'), c numeric(8,2) CHECK (c < 10), d varchar(3) CHECK (d <> 'bad'))`,
    )
    const { rejects } = await load(
      "x;31.12.2024;12,5;'bad'\nx;31.12.2023;9,5;'ok'\nx;;NULL;\n",
      `FORMAT csv, DELIMITER ';', QUOTE '''', NULL 'NULL', FORCE_NULL (b, d), DATE_FORMAT 'DD.MM.YYYY', DECIMAL_SEPARATOR ',', ON_ERROR skip_row`,
    )
    expect(states(rejects)).toEqual([
      [
        1,
        'a 22P02', // DuckDB is not asked about conditions on dates.
        ...(bench.url === undefined ? [] : ['b 23514']),
        'c 23514',
        'd 23514',
      ],
      [2, 'a 22P02'],
      [3, 'a 22P02', 'b 22007'],
    ])
  })

  test('of keys, whether another row decides on them or not', async () => {
    await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer UNIQUE, c integer)')
    // The third row is in the table only since the second is not: that is found out by trying them.
    const { receipt, rejects } = await load('1,1,1\n1,2,1\n3,2,1\n4,2,1\n3,2,1\n5,3,1\n')
    expect(receipt.rowsLoaded).toBe(3)
    expect(states(rejects)).toEqual([
      [2, 'a 23505'],
      [4, 'b 23505'],
      [5, 'a 23505', 'b 23505'],
    ])
  })

  test('whatever characters they have', async () => {
    const odd = `'" \\ ü€😀\t{"x": [1]}\n\u0001`
    await bench.sql(
      `CREATE TABLE t (a integer, b varchar CHECK (b <> ${isPostgres ? 'E' : ''}'${odd.replaceAll("'", "''").replaceAll('\\', isPostgres ? '\\\\' : '\\')}'))`,
    )
    const { rejects } = await load(`1,ok\nx,"${odd.replaceAll('"', '""')}"\nx,"${odd.replaceAll('"', '""')} "\n`)
    expect(states(rejects)).toEqual([
      [2, 'a 22P02', 'b 23514'],
      [4, 'a 22P02'],
    ])
  })

  test('a condition that raises an error for some rows', async () => {
    await bench.sql(
      `CREATE TABLE t (a integer, b integer, c integer${isPostgres ? ', CHECK (10 / c > b)' : ', CHECK (CAST(10 AS INTEGER) // c > b)'})`,
    )
    const { rejects } = await load('x,1,0\nx,1,1\nx,11,1\nx,1,5\n')
    // DuckDB says NULL of a division by zero.
    expect(states(rejects)).toEqual([
      [1, 'a 22P02', ...(isPostgres ? ['22012'] : [])],
      [2, 'a 22P02'],
      [3, 'a 22P02', '23514'],
      [4, 'a 22P02'],
    ])
  })

  test.each([1, 2, 4])('of very many rows, none of which is right, with %i threads', async (threads) => {
    await bench.sql(`CREATE TABLE t (a ${type}, b integer, c integer CHECK (c > 0))`)
    const rows = 30_000
    const line = (n: number) => `${n % 3 === 0 ? 'nowhere' : value},x,${n % 2}\n`
    const { receipt, rejects } = await load(Array.from({ length: rows }, (_, n) => line(n)).join(''), undefined, '', {
      threads,
    })
    expect(receipt.rowsRejected).toBe(rows)
    expect(rejects.map(({ number }) => number)).toEqual(Array.from({ length: rows }, (_, n) => n + 1))
    const wrong = rejects.filter(({ errors }, n) => {
      const columns = errors.map(({ column }) => column).join('')
      return columns !== `${n % 3 === 0 ? 'a' : ''}b${n % 2 === 0 ? 'c' : ''}`
    })
    expect(wrong).toEqual([])
  })

  test('beyond the limit those before it have all of theirs', async () => {
    await bench.sql(`CREATE TABLE t (a ${type}, b integer)`)
    const rejects: Reject[] = []
    const failed = bench.db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 2)`, {
      stdin: `${value},1\n`.repeat(3) + 'nowhere,x\n'.repeat(9),
      onReject: (reject) => rejects.push(reject),
    })
    await expect(failed).rejects.toMatchObject({
      sqlState: '22P02',
      message: 'skipped more than REJECT_LIMIT (2) rows',
    })
    expect(states(rejects)).toEqual([
      [4, 'a 22P02', 'b 22P02'],
      [5, 'a 22P02', 'b 22P02'],
      [6, 'a 22P02', 'b 22P02'],
    ])
  })

  test("PostgreSQL's ignore forgives values, and tells of no condition", async () => {
    await bench.sql(`CREATE TABLE t (a ${type}, b integer, c integer CHECK (c > 0))`)
    const { rejects } = await load(`nowhere,x,0\n${value},1,1\nnowhere,1,0\n`, 'FORMAT csv, ON_ERROR ignore')
    expect(states(rejects)).toEqual([
      [1, 'a 22P02', 'b 22P02'],
      [3, 'a 22P02'],
    ])
  })

  test('beside ON CONFLICT', async () => {
    await bench.sql(`CREATE TABLE t (a ${type}, b integer PRIMARY KEY, c integer CHECK (c > 0))`)
    const { rejects } = await load(
      `${value},1,1\nnowhere,x,0\nnowhere,1,0\n${value},1,2\n`,
      undefined,
      ' ON CONFLICT DO SKIP',
    )
    expect(states(rejects)).toEqual([
      [2, 'a 22P02', 'b 22P02', 'c 23514'],
      [3, 'a 22P02', 'c 23514'],
    ])
  })
})

describe('on PostgreSQL alone', () => {
  beforeEach(async () => {
    bench = await (benches[0] as (typeof benches)[number]).open()
  })

  test('domains, and enums', async () => {
    await bench.sql(`CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);
      CREATE DOMAIN present AS text CHECK (VALUE IS NOT NULL);
      CREATE TABLE t (a even, b present, c int, d even CHECK (d > 2))`)
    const { rejects } = await load('1,b,1,4\n2,,x,4\n1,b,x,2\n3,,x,5\n2,b,x,4\n1,,1,2\n')
    expect(states(rejects)).toEqual([
      [1, 'a 23514'],
      [2, 'b 23514', 'c 22P02'],
      [3, 'a 23514', 'c 22P02', 'd 23514'],
      [4, 'a 23514', 'b 23514', 'c 22P02', 'd 23514'],
      [5, 'c 22P02'],
      [6, 'a 23514', 'b 23514', 'd 23514'],
    ])
  })

  test('where a trigger may change the row, no condition is foretold', async () => {
    await bench.sql(`CREATE TABLE t (a inet, b int, c int CHECK (c > 0));
      CREATE FUNCTION mend() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.c := 1; RETURN NEW; END';
      CREATE TRIGGER mend BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION mend()`)
    const { rejects } = await load('nowhere,x,0\n1.1.1.1,1,0\n')
    expect(states(rejects)).toEqual([[1, 'a 22P02', 'b 22P02']])
  })

  test('a type whose input function knows errors only', async () => {
    await bench.sql(`CREATE TABLE t (a xml, b regclass, c int, d int CHECK (d > 0))`)
    const { rejects } = await load('<a,nothing,x,0\n<a/>,t,x,1\n')
    expect(rejects.map(({ errors }) => errors.map(({ column }) => column))).toEqual([['a', 'b', 'c', 'd'], ['c']])
  })

  test('a value of which nothing can be told costs itself only', async () => {
    await bench.sql(`CREATE FUNCTION is_even(i int) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
      $$BEGIN IF i = 13 THEN RAISE EXCEPTION 'not today' USING ERRCODE = '55000'; END IF; RETURN i % 2 = 0; END$$;
      CREATE DOMAIN even AS int CHECK (is_even(VALUE));
      CREATE TABLE t (a int, b even, c inet)`)
    const { rejects } = await load('x,1,nowhere\nx,13,nowhere\nx,1,nowhere\nx,2,::1\n')
    expect(states(rejects)).toEqual([
      [1, 'a 22P02', 'b 23514', 'c 22P02'],
      [2, 'a 22P02', 'c 22P02'],
      [3, 'a 22P02', 'b 23514', 'c 22P02'],
      [4, 'a 22P02'],
    ])
  })

  test.each([
    ['a few', 3],
    ['so many that their column is left alone', 140],
  ])('of values that the database cannot even be asked about: %s', async (_, odd) => {
    await inEncoding(bench, 'LATIN1', async (db, side) => {
      await side.query('CREATE TABLE t (a int, b inet, c inet)')
      const rejects: Reject[] = []
      const lines = Array.from({ length: odd }, () => 'x,ż,nowhere\nx,nowhere,nowhere\n')
      await db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)`, {
        stdin: `${lines.join('')}1,::1,::1\n`,
        ledger: false,
        onReject: (reject) => rejects.push(reject),
      })
      const found = states(rejects).map(([line, ...errors]) => [Number(line) % 2, ...errors].join())
      expect(found.slice(0, 6)).toEqual([1, 2, 3].flatMap(() => ['1,a 22P02,c 22P02', '0,a 22P02,b 22P02,c 22P02']))
      expect(found.slice(-2)).toEqual([
        '1,a 22P02,c 22P02',
        odd > 100 ? '0,a 22P02,c 22P02' : '0,a 22P02,b 22P02,c 22P02',
      ])
    })
  })

  test('without the right to make functions, what is told without them', async () => {
    const url = new URL(bench.url ?? '')
    const database = url.pathname.slice(1)
    const role = `${database}_plain`
    await bench.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'plain'; REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC;
      CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0); CREATE TABLE t (a int, b even, c inet); GRANT ALL ON t TO ${role}`)
    Object.assign(url, { username: role, password: 'plain' })
    const db = await connect(url.href)
    try {
      const rejects: Reject[] = []
      await db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)`, {
        stdin: 'x,1,nowhere\n1,2,::1\n',
        ledger: false,
        onReject: (reject) => rejects.push(reject),
      })
      expect(states(rejects)).toEqual([[1, 'a 22P02', 'c 22P02']])
    } finally {
      await db.close()
      await bench.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })
})
