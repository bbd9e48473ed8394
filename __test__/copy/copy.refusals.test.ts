import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CopyError, connect, type Reject } from '../../lib/index.ts'
import { serverCopy } from '../server-copy.ts'
import { type Bench, benches, inEncoding } from './targets.ts'

/*
 * Rows that only PostgreSQL refuses: whatever way they go, the outcome is that of one INSERT a row.
 */

let folder: string
let bench: Bench

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-refusals-'))
  bench = await (benches[0] as (typeof benches)[number]).open()
})

afterEach(async () => {
  rmSync(folder, { recursive: true })
  await bench.close()
})

function file(content: string, name = 'input.csv'): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function load(content: string, { columns = '', options = 'ON_ERROR skip_row', rest = '', table = 't' } = {}) {
  const rejects: Reject[] = []
  const receipt = await bench.db.copy(
    `COPY ${table} ${columns} FROM '${file(content)}' (FORMAT csv, ${options}) ${rest}`,
    {
      ledger: false,
      onReject: (reject) => rejects.push(reject),
    },
  )
  expect(rejects.length).toBe(receipt.rowsRejected)
  return { receipt, rejects }
}

const refusal = (promise: Promise<unknown>): Promise<CopyError> =>
  promise.then(
    () => Promise.reject(new Error('it was loaded')),
    (error: CopyError) => error,
  )

/** Line, SQLSTATE, message and detail of the first error of each row. */
const firsts = (rejects: readonly Reject[]) =>
  rejects.map(({ line, errors: [error] }) =>
    [line, error?.sqlState, error?.message, error?.sqlState === '23502' ? '' : (error?.detail ?? '')].join(' | '),
  )

const told = (rejects: readonly Reject[]) =>
  rejects.map(({ line, errors }) => [
    line,
    ...errors.map(({ sqlState, message }) => `${sqlState} ${/"(\w+)"$/.exec(message)?.[1]}`),
  ])

describe('all errors of a row', () => {
  beforeEach(async () => {
    await bench.sql(`CREATE TABLE parent (id integer PRIMARY KEY); INSERT INTO parent VALUES (1);
      CREATE TABLE t (id integer PRIMARY KEY, code text UNIQUE, a integer, b integer, parent integer REFERENCES parent,
        CONSTRAINT b_small CHECK (b < 10), CONSTRAINT a_positive CHECK (a > 0), CONSTRAINT sum_even CHECK ((a + b) % 2 = 0));
      INSERT INTO t VALUES (1, 'x', 2, 2, 1)`)
  })

  test('are told: each check, each key that is there, a missing reference', async () => {
    const { receipt, rejects } = await load(
      '2,y,-1,12,1\n3,z,1,1,1\n1,x,1,1,1\n3,z,-2,10,9\n4,w,2,2,9\n1,q,3,2,1\n5,v,,,1\n',
    )
    expect(told(rejects)).toEqual([
      [1, '23514 a_positive', '23514 b_small', '23514 sum_even'],
      [3, '23505 t_pkey', '23505 t_code_key'],
      [4, '23514 a_positive', '23514 b_small', '23505 t_pkey', '23505 t_code_key', '23503 t_parent_fkey'],
      [5, '23503 t_parent_fkey'],
      [6, '23514 sum_even', '23505 t_pkey'],
    ])
    expect(rejects[0]?.errors[1]).toEqual({
      column: 'b',
      field: 4,
      type: 'integer',
      sqlState: '23514',
      code: 'check_violation',
      message: 'new row for relation "t" violates check constraint "b_small"',
      detail: 'Failing row contains (2, y, -1, 12, 1).',
    })
    expect(rejects[2]?.errors.map(({ detail }) => detail)).toContain('Key (code)=(z) already exists.')
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 5 })
  })

  test('a key counts as taken by rows that went in, not by refused ones', async () => {
    const { rejects } = await load('7,a,-1,1,1\n7,b,1,1,1\n7,c,1,1,1\n8,b,1,1,1\n8,d,1,1,1\n')
    expect(told(rejects)).toEqual([
      [1, '23514 a_positive'],
      [3, '23505 t_pkey'],
      [4, '23505 t_code_key'],
    ])
  })
})

describe('at random', () => {
  const TABLES = [
    'a integer PRIMARY KEY, b integer, c text CHECK (c <> $$n2$$), d numeric(6,2)',
    'a integer, b integer UNIQUE CHECK (b <> 3), c text UNIQUE, d numeric(6,2) CHECK (d < 50), PRIMARY KEY (a)',
    'a integer, b integer, c text COLLATE "C", d numeric(6,2), UNIQUE (a, b), UNIQUE (c), CHECK (a + b <> 7), CHECK (b < 9)',
    'a integer REFERENCES parent, b integer PRIMARY KEY, c text, d numeric(6,2) CHECK (d > 10)',
    'a integer, b integer, c varchar(90) NOT NULL, d numeric(6,2) DEFAULT 5, e bool DEFAULT true, PRIMARY KEY (a), CHECK (d <> 3 AND e)',
    'a integer, b integer UNIQUE DEFERRABLE, c text, d numeric(6,2), UNIQUE NULLS NOT DISTINCT (c), CHECK (b > 1)',
    'id serial, a integer PRIMARY KEY, b integer, c text, d numeric(6,2) GENERATED ALWAYS AS (b * 2) STORED, CHECK (d < 14)',
    `a integer UNIQUE CHECK (a <> 5), b integer, c text, d numeric(6,2), e integer GENERATED ALWAYS AS (100 / (b - 4)) STORED,
      "F" varchar(2) GENERATED ALWAYS AS (c) STORED`,
    'a integer, b integer, c text, d numeric(6,2) DEFAULT 5, e numeric(3,1) GENERATED ALWAYS AS (d * b * b) STORED',
  ]
  const COLUMNS = ['', '', '', '', '(a, b, c)', '', '(a, b, c)', '', '(a, b, c)']

  test.each(TABLES.map((table, kind) => [table, kind] as const))(
    'as one INSERT a row does: %s',
    async (table, kind) => {
      let state = kind + 1
      const below = (limit: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >>> 8) % limit
      }
      await bench.sql(
        'CREATE TABLE parent (id integer PRIMARY KEY); INSERT INTO parent SELECT * FROM generate_series(0, 9)',
      )
      let refused = 0
      for (let round = 0; round < 12; round += 1) {
        const list = COLUMNS[kind] ?? ''
        const names = list === '' ? ['a', 'b', 'c', 'd'] : ['a', 'b', 'c']
        const where = below(3) === 0 ? 'WHERE b <> 4 OR b IS NULL' : ''
        const size = 8 + below(12)
        const value = (name: string) => {
          if (name !== 'c' && below(12) === 0) return ''
          if (name === 'c') return `${below(30) === 0 ? 'żó'.repeat(22) : ''}n${below(size * 2)}`
          return name === 'd' ? `${below(60)}.5` : String(below(size))
        }
        const lines = Array.from({ length: 5 + below(40) }, () => names.map(value))
        const before = Array.from({ length: below(5) }, () => names.map(value))
        const setUp = async () => {
          await bench.sql(`DROP TABLE IF EXISTS t; CREATE TABLE t (${table})`)
          for (const fields of before) await insert(fields, names).catch(() => {})
        }
        await setUp()
        const expected: string[] = []
        for (const [index, fields] of lines.entries()) {
          if (where !== '' && fields[1] === '4') continue
          await insert(fields, names).catch(({ code, message, detail }) => {
            expected.push([index + 1, code, message, code === '23502' ? '' : (detail ?? '')].join(' | '))
          })
        }
        const rows = await bench.sql('SELECT a, b, c, d FROM t ORDER BY a, b, c, d')
        await setUp()
        const { rejects } = await load(`${lines.map((fields) => fields.join()).join('\n')}\n`, {
          columns: list,
          rest: where,
        })
        const context = `${table} | ${before.join('; ')} | ${lines.join('; ')} ${where}`
        // Of several keys that are taken any may be told first; what a sequence or the table makes of a row is not told.
        const hasKeys = (table.match(/UNIQUE|PRIMARY/g) ?? []).length > 1
        const shown = (found: readonly string[]) =>
          found.map((line) => {
            if (hasKeys && line.includes('23505')) return line.replace(/23505.*/, '23505')
            return table.includes('GENERATED') ? line.replace(/Failing row.*/, '') : line
          })
        expect({ context, found: shown(firsts(rejects)) }).toEqual({ context, found: shown(expected) })
        expect({ context, rows: await bench.sql('SELECT a, b, c, d FROM t ORDER BY a, b, c, d') }).toEqual({
          context,
          rows,
        })
        refused += expected.length
      }
      expect(refused).toBeGreaterThan(20)
    },
    60_000,
  )

  const insert = (fields: readonly string[], names: readonly string[]) =>
    bench.sql(
      `INSERT INTO t (${names.join()}) VALUES (${fields.map((field) => (field === '' ? 'NULL' : `'${field}'`)).join()})`,
    )
})

describe('values that COPY rounds or cuts', () => {
  // A column of a type that only the server reads makes all values travel as text.
  const TABLES = [
    'amount numeric(4,1) CHECK (amount <= 9.5), code varchar(3) CHECK (code !~ $$b$$ AND code ~ $$^.{1,3}$$)',
    'amount numeric(4,1) UNIQUE, code varchar(3) UNIQUE',
    'amount numeric(4,1) REFERENCES amounts, code char(3) REFERENCES codes',
    'amount rounded UNIQUE CHECK (amount < 8), code brief CHECK (code <> $$a$$)',
    'amount numeric(4,1)[] CHECK (amount[1] < 8.5), code varchar(3)[] UNIQUE',
  ]

  test.each(TABLES.map((table, kind) => [table, kind] as const))(
    'are judged as they are stored: %s',
    async (table, kind) => {
      let state = kind + 5
      const below = (limit: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
        return (state >>> 8) % limit
      }
      await bench.sql(`CREATE DOMAIN rounded AS numeric(4,1); CREATE DOMAIN brief AS varchar(3);
      CREATE TABLE amounts (amount numeric(4,1) PRIMARY KEY); INSERT INTO amounts SELECT n / 10.0 FROM generate_series(0, 80) n;
      CREATE TABLE codes (code char(3) PRIMARY KEY); INSERT INTO codes VALUES ('a'), ('ab'), ('abc')`)
      const isArray = table.includes('[]')
      const more =
        'moment timestamp(0) CHECK (moment < $$2024-01-01 00:00:05$$), span interval hour CHECK (span < $$20:00$$)'
      const client = new pg.Client({ connectionString: bench.url })
      await client.connect()
      try {
        let [refused, taken] = [0, 0]
        for (let round = 0; round < 6; round += 1) {
          const lines = Array.from({ length: 25 }, (_, n) => {
            const amount = `${below(10)}.${below(100)}`
            const code = ['a', 'ab', 'abc', 'b', 'cd'][below(5)] + ' '.repeat(below(5))
            const values = isArray ? [`{${amount}}`, `{"${code}"}`.replaceAll('"', '""')] : [amount, code]
            return [n, '10.0.0.1', ...values, `2024-01-01 00:00:0${below(5)}.${below(10)}`, below(22)]
              .map((v) => `"${v}"`)
              .join()
          })
          const definition = `(id integer, address inet, ${table}, ${more})`
          await bench.sql(
            `DROP TABLE IF EXISTS t, expected; CREATE TABLE t ${definition}; CREATE TABLE expected ${definition}`,
          )
          for (const line of lines) {
            // A COPY a row says which rows go in.
            await serverCopy(client, 'COPY expected FROM STDIN (FORMAT csv)', Buffer.from(`${line}\n`)).then(
              () => (taken += 1),
              () => (refused += 1),
            )
          }
          await load(`${lines.join('\n')}\n`)
          expect(await bench.sql('SELECT * FROM t ORDER BY id')).toEqual(
            await bench.sql('SELECT * FROM expected ORDER BY id'),
          )
        }
        expect(Math.min(refused, taken)).toBeGreaterThan(10)
      } finally {
        await client.end()
      }
    },
  )

  test.each([
    ['KEEP LAST', 'ON CONFLICT (amount) DO SKIP KEEP LAST', '2'],
    ['updates', 'ON CONFLICT (amount) DO UPDATE', '2'],
  ])('are one key: %s', async (_, rest, kept) => {
    await bench.sql('CREATE TABLE t (amount numeric(6,2) PRIMARY KEY, v integer, address inet)')
    const { receipt } = await load('1.001,1,10.0.0.1\n1.002,2,10.0.0.1\n', { options: 'HEADER false', rest })
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsConflicted: 1 })
    expect(await bench.sql('SELECT amount, v FROM t')).toEqual([['1.00', kept]])
  })
})

describe('a condition on columns that are not loaded', () => {
  const lines = '1,5\n2,-1\n3,6\n1,7\n'

  test.each([
    ['', "state = 'new' AND a < 6", [1, 2, 1]],
    ['', "t.state <> 'new'", [0, 4, 0]],
    [
      'CREATE TRIGGER watch BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION watch()',
      "state = 'new' AND a < 6",
      [1, 2, 1],
    ],
    [
      'CREATE TRIGGER watch BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION watch()',
      'number > 0 AND a < 7',
      [2, 1, 1],
    ],
  ])('sees their defaults in a refused batch, too: %s %s', async (trigger, where, [loaded, filtered, refused]) => {
    await bench.sql(`CREATE TABLE t (id integer PRIMARY KEY, a integer CHECK (a > 0), number serial, state text DEFAULT 'new');
      CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; ${trigger}`)
    const { receipt } = await load(lines, { columns: '(id, a)', rest: `WHERE ${where}` })
    expect(receipt).toMatchObject({ rowsLoaded: loaded, rowsFiltered: filtered, rowsRejected: refused })
    expect(await bench.sql('SELECT count(*), count(DISTINCT number), min(state) FROM t')).toEqual([
      [String(loaded), String(loaded), loaded === 0 ? null : 'new'],
    ])
  })

  test('and where conflicts are passed over', async () => {
    await bench.sql(`CREATE TABLE t (id integer PRIMARY KEY, a integer, state text DEFAULT 'new')`)
    const { receipt } = await load('1,5\n1,6\n2,7\n', {
      columns: '(id, a)',
      options: 'HEADER false',
      rest: "ON CONFLICT DO SKIP WHERE state = 'new' AND a > 5",
    })
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsFiltered: 1, rowsConflicted: 0 })
  })
})

describe('a marker for defaults', () => {
  const lines = '1,5\nd,6\nd,d\n1,7\n3,-1\n'

  test.each(['', 'CREATE TRIGGER watch BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION watch()'])(
    'goes with rows that are refused: %s',
    async (trigger) => {
      await bench.sql(`CREATE TABLE t (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (START 100), a integer DEFAULT 42 CHECK (a > 0));
        CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; ${trigger}`)
      const { rejects } = await load(lines, { options: "ON_ERROR skip_row, DEFAULT 'd'" })
      expect(told(rejects)).toEqual([
        [4, '23505 t_pkey'],
        [5, '23514 t_a_check'],
      ])
      expect(await bench.sql('SELECT a, id >= 100 FROM t ORDER BY a')).toEqual([
        ['5', 'false'],
        ['6', 'true'],
        ['42', 'true'],
      ])
    },
  )

  test('and with ON CONFLICT, a default once a row', async () => {
    await bench.sql(
      `CREATE TABLE t (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (START 100), a integer DEFAULT 42)`,
    )
    const { receipt } = await load(lines, { options: "DEFAULT 'd'", rest: 'ON CONFLICT DO UPDATE' })
    expect(receipt).toMatchObject({ rowsLoaded: 4, rowsConflicted: 1 })
    expect(await bench.sql('SELECT id, a FROM t ORDER BY id')).toEqual([
      ['1', '7'],
      ['3', '-1'],
      ['100', '6'],
      ['101', '42'],
    ])
  })
})

describe('values that only the server reads', () => {
  beforeEach(async () => {
    await bench.sql(`CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);
      CREATE TABLE t (id integer, address inet, half even DEFAULT 8, small integer CHECK (small < 10))`)
  })

  test('are replaced by NULL', async () => {
    const { receipt, rejects } = await load('1,10.0.0.1,2,1\nx,nowhere,3,2\n3,10.0.0.2,5,y\n4,,,\n', {
      options: 'ON_ERROR set_null',
    })
    expect(rejects).toEqual([])
    expect(receipt).toMatchObject({ rowsLoaded: 4, rowsReplaced: 2, rowsRejected: 0 })
    expect(await bench.sql('SELECT * FROM t ORDER BY id')).toEqual([
      ['1', '10.0.0.1', '2', '1'],
      ['3', '10.0.0.2', null, null],
      ['4', null, null, null],
      [null, null, null, '2'],
    ])
    expect(await refusal(load('1,nowhere,2,99\n', { options: 'ON_ERROR set_null' }))).toMatchObject({
      sqlState: '23514',
    })
  })

  test('or by the default', async () => {
    const { receipt } = await load('1,10.0.0.1,3,1\n2,nowhere,2,2\n', { options: 'ON_ERROR set_default' })
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsReplaced: 2 })
    expect(await bench.sql('SELECT id, address, half FROM t ORDER BY id')).toEqual([
      ['1', '10.0.0.1', '8'],
      ['2', null, '2'],
    ])
  })

  test('of a domain without other types, and within a limit', async () => {
    await bench.sql('CREATE TABLE halves (id integer, half even)')
    const options = 'ON_ERROR set_null, REJECT_LIMIT 2'
    const { receipt } = await load('1,2\nx,3\n3,5\n', { options, table: 'halves' })
    expect(receipt).toMatchObject({ rowsLoaded: 3, rowsReplaced: 2 })
    expect(await refusal(load('1,2\nx,3\n3,5\n4,7\n', { options, table: 'halves' }))).toMatchObject({
      message: expect.stringContaining('REJECT_LIMIT (2)'),
    })
  })
})

describe('values that a type refuses in words of its own', () => {
  // Of class 42 or 3F, as if the statement were wrong, or 54, as if the server had a limit.
  const odd = [
    ['tsvector', '42601', "'unclosed"],
    ['tsquery', '42601', 'a &'],
    ['jsonpath', '42601', '$..['],
    ['regclass', '42P01', 'nosuch'],
    ['regproc', '42883', 'nosuch'],
    ['regtype', '42704', 'nosuch'],
    ['regnamespace', '3F000', 'nosuch'],
    ['regclass[]', '42P01', '{nosuch}'],
    ['tsvector', '54000', 'x'.repeat(3_000)],
  ] as const
  const expressions = ['', ', TRANSFORM (id AS id + 0)']

  test.each(odd)('cost the row or become NULL: %s, %s', async (type, state, value) => {
    await bench.sql(`CREATE TABLE t (id integer, c ${type})`)
    const input = `1,\n2,"${value}"\n3,\n`
    for (const policy of ['ignore', 'skip_row', 'set_null', 'set_default']) {
      for (const more of expressions) {
        if (more !== '' && policy.startsWith('set')) continue
        await bench.sql('TRUNCATE t')
        const { receipt, rejects } = await load(input, { options: `ON_ERROR ${policy}${more}` })
        expect(await bench.sql('SELECT id FROM t WHERE c IS NULL ORDER BY id')).toEqual(
          policy.startsWith('set') ? [['1'], ['2'], ['3']] : [['1'], ['3']],
        )
        expect(receipt.rowsReplaced).toBe(policy.startsWith('set') ? 1 : 0)
        expect(
          rejects.flatMap(({ line, errors }) => errors.map(({ column, sqlState }) => [line, column, sqlState])),
        ).toEqual(policy.startsWith('set') ? [] : [[2, 'c', state]])
      }
    }
    for (const more of expressions) {
      const error = await refusal(load(input, { options: `ON_ERROR stop${more}` }))
      expect(error).toMatchObject({ sqlState: state, position: { line: 2, column: 'c' } })
    }
  })

  test('rows with a domain in them are tried as such', async () => {
    const condition = 'CASE value WHEN 5 THEN 1 / (value - 5) ELSE 1 END = 1'
    await bench.sql(`CREATE DOMAIN divided AS integer CHECK (${condition}); CREATE TYPE pair AS (x divided, y integer)`)
    await bench.sql('CREATE DOMAIN pairs AS pair; CREATE TABLE t (id integer, one pair, two pairs, list divided[])')
    const input = '1;(1,2);(1,2);{1}\n2;(5,2);(1,2);{1}\n3;(1,2);(5,2);{1}\n4;(1,2);(1,2);{5}\n5;(1,2);(1,2);{1}\n'
    for (const [policy, kept] of [
      ['skip_row', [['1'], ['5']]],
      ['set_null', [['1'], ['2'], ['3'], ['4'], ['5']]],
    ] as const) {
      await bench.sql('TRUNCATE t')
      await load(input, { options: `ON_ERROR ${policy}, DELIMITER ';'` })
      expect(await bench.sql('SELECT id FROM t ORDER BY id')).toEqual(kept)
      const nulls = 'SELECT count(*) - count(one), count(*) - count(two), count(*) - count(list) FROM t'
      expect(await bench.sql(nulls)).toEqual([policy === 'set_null' ? ['1', '1', '1'] : ['0', '0', '0']])
    }
  })

  test('what a condition of a domain cannot do ends the load, wherever the domain is', async () => {
    const body = 'BEGIN IF x = 5 THEN PERFORM no_such(); END IF; RETURN true; END'
    await bench.sql(`CREATE FUNCTION asks(x integer) RETURNS boolean LANGUAGE plpgsql AS '${body}'`)
    await bench.sql('CREATE DOMAIN asked AS integer CHECK (asks(value)); CREATE TYPE holder AS (x asked)')
    for (const [type, of] of [
      ['asked', (value: number) => `${value}`],
      ['asked[]', (value: number) => `{${value}}`],
      ['holder', (value: number) => `(${value})`],
    ] as const) {
      for (const more of expressions) {
        await bench.sql(`CREATE TABLE t (id integer, c ${type})`)
        const input = [1, 5, 7].map((value) => `${value},${of(value)}\n`).join('')
        const error = await refusal(load(input, { options: `ON_ERROR skip_row${more}` }))
        expect(error, `${type}${more}`).toMatchObject({
          sqlState: '42883',
          message: 'function no_such() does not exist',
        })
        await bench.sql('DROP TABLE t')
      }
    }
    const missing = "CREATE FUNCTION missing() RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM no_such(); END'"
    await bench.sql(`${missing}; CREATE TABLE t (id integer DEFAULT missing(), c text)`)
    const error = await refusal(load('1,a\nD,b\n', { options: "ON_ERROR skip_row, DEFAULT 'D'" }))
    expect(error).toMatchObject({ sqlState: '42883', position: { line: 2, column: 'id' } })
  })
})

describe("PostgreSQL's own ON_ERROR ignore", () => {
  test.each([
    ['a domain', 'id integer, half even, word short'],
    ['and a type of the server alone', 'id integer, half even, word short, address inet'],
    ['a domain without NULL', 'id integer, half given, word short'],
  ])('leaves out the same rows: %s', async (_, columns) => {
    await bench.sql(`CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0); CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'no');
      CREATE DOMAIN given AS integer NOT NULL; CREATE TABLE t (${columns}); CREATE TABLE server (LIKE t)`)
    const lines = ['1,2,a', '2,3,b', '3,4,no', 'x,5,c', '5,6,long', '6,,d', '7,8,', '8,y,no', '9,10,e']
    const content = lines
      .map((line, n) => `${line}${columns.includes('inet') ? (n === 6 ? ',nowhere' : ',10.0.0.1') : ''}\n`)
      .join('')
    const { receipt } = await load(content, { options: 'ON_ERROR ignore' })
    const client = new pg.Client({ connectionString: bench.url })
    await client.connect()
    try {
      await serverCopy(client, 'COPY server FROM STDIN (FORMAT csv, ON_ERROR ignore)', Buffer.from(content))
    } finally {
      await client.end()
    }
    expect(await bench.sql('SELECT * FROM t ORDER BY id')).toEqual(await bench.sql('SELECT * FROM server ORDER BY id'))
    expect(receipt.rowsRejected).toBeGreaterThan(3)
  })

  test('forgives no constraint of the table, nor what a generated column makes of a value', async () => {
    await bench.sql(`CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);
      CREATE TABLE t (half even, other integer CHECK (other > 0), inverse integer GENERATED ALWAYS AS (100 / other) STORED)`)
    expect(await refusal(load('1,1\n2,-1\n', { options: 'ON_ERROR ignore' }))).toMatchObject({ sqlState: '23514' })
    expect(await refusal(load('1,1\n2,0\n', { options: 'ON_ERROR ignore' }))).toMatchObject({ sqlState: '22012' })
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
  })
})

describe('a database that lacks characters', () => {
  test.each([
    ['id integer, note text', '', 3],
    ['id integer PRIMARY KEY, note text', '', 4],
    ['id integer PRIMARY KEY, note text, address inet', '', 4],
    ['id integer PRIMARY KEY, note text', 'ON CONFLICT DO SKIP', 3],
  ])('refuses their rows only: %s %s', async (columns, rest, count) => {
    await inEncoding(bench, 'LATIN1', async (db, side) => {
      await side.query(`CREATE TABLE t (${columns})`)
      const end = columns.includes('inet') ? ',10.0.0.1' : ''
      const content = ['1,é', '2,ż', '3,ü', '4,ł', '5,漢', '1,x', '7,y'].map((line) => `${line}${end}\n`).join('')
      const rejects: Reject[] = []
      const receipt = await db.copy(`COPY t FROM '${file(content)}' (FORMAT csv, ON_ERROR skip_row) ${rest}`, {
        ledger: false,
        onReject: (reject) => rejects.push(reject),
      })
      expect(rejects.map(({ line, errors }) => [line, errors[0]?.sqlState])).toEqual(
        [
          [2, '22P05'],
          [4, '22P05'],
          [5, '22P05'],
          [6, '23505'],
        ].slice(0, count),
      )
      expect(rejects[0]?.raw.toString()).toBe(`2,ż${end}`)
      const { rows } = await side.query('SELECT id, note FROM t ORDER BY id, note')
      expect(rows.map(({ note }) => note)).toEqual(columns.includes('KEY') ? ['é', 'ü', 'y'] : ['x', 'é', 'ü', 'y'])
      expect(receipt.rowsLoaded).toBe(rows.length)
    })
  })
})

test('a database that counts bytes refuses the row for what is too long there', async () => {
  await inEncoding(bench, 'SQL_ASCII', async (db, side) => {
    await side.query('CREATE TABLE t (id integer, note varchar(3), word char(3)[])')
    const path = file('1,abc,{abc}\n2,éé,{a}\n3,é,{éé}\n4,abcd,{a}\n')
    for (const policy of ['ignore', 'skip_row']) {
      const rejects: Reject[] = []
      const options = { ledger: false, onReject: (reject: Reject) => rejects.push(reject) }
      await db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR ${policy})`, options)
      expect(firsts(rejects)).toEqual([
        '2 | 22001 | value too long for type character varying(3) | ',
        '3 | 22001 | value too long for type character(3) | ',
        '4 | 22001 | value too long for type character varying(3) | ',
      ])
    }
    const receipt = await db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR set_null)`, { ledger: false })
    expect(receipt).toMatchObject({ rowsLoaded: 4, rowsReplaced: 3 })
  })
})

test('deferred keys and references cost the row', async () => {
  await bench.sql(`CREATE TABLE parent (id integer PRIMARY KEY); INSERT INTO parent VALUES (1);
    CREATE TABLE t (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, parent integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`)
  const { rejects } = await load('1,1\n2,9\n1,1\n3,1\n')
  expect(told(rejects)).toEqual([
    [2, '23503 t_parent_fkey'],
    [3, '23505 t_pkey'],
  ])
})

test('deferred keys and references of a partition cost the row', async () => {
  await bench.sql(`CREATE TABLE owner (id integer PRIMARY KEY); INSERT INTO owner VALUES (1);
    CREATE TABLE t (a integer, b integer, c integer) PARTITION BY RANGE (a);
    CREATE TABLE half PARTITION OF t FOR VALUES FROM (0) TO (1000) PARTITION BY RANGE (a);
    CREATE TABLE quarter PARTITION OF half FOR VALUES FROM (0) TO (500);
    ALTER TABLE quarter ADD CONSTRAINT once UNIQUE (b) DEFERRABLE INITIALLY DEFERRED;
    ALTER TABLE half ADD CONSTRAINT owned FOREIGN KEY (c) REFERENCES owner DEFERRABLE INITIALLY DEFERRED`)
  const { rejects } = await load('1,1,1\n2,1,1\n3,2,9\n4,4,1\n')
  expect(told(rejects)).toEqual([
    [2, '23505 once'],
    [3, '23503 owned'],
  ])
})

test('an assertion of a trigger costs the row', async () => {
  await bench.sql(`CREATE TABLE t (id integer);
    CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT NEW.id < 3, 'too many'; RETURN NEW; END $$;
    CREATE TRIGGER watch BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION watch()`)
  const { receipt, rejects } = await load('1\n5\n2\n')
  expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1 })
  expect(firsts(rejects)).toEqual(['2 | P0004 | too many | '])
})

test('names with backslashes are read whatever strings are', async () => {
  await bench.sql(`ALTER DATABASE ${new URL(bench.url ?? '').pathname.slice(1)} SET standard_conforming_strings = off;
    CREATE DOMAIN "o\\'dd" AS integer CHECK (VALUE > 0); CREATE TABLE t ("i\\'d" integer PRIMARY KEY, half "o\\'dd", address inet)`)
  const db = await connect(bench.url ?? '')
  try {
    const path = file('1,1,10.0.0.1\n1,1,10.0.0.1\n2,-1,10.0.0.1\n3,1,nowhere\n')
    const receipt = await db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, { ledger: false })
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 3 })
  } finally {
    await db.close()
  }
})

test('no statement hides behind a string that a backslash ends elsewhere', async () => {
  await bench.sql(`ALTER DATABASE ${new URL(bench.url ?? '').pathname.slice(1)} SET standard_conforming_strings = off;
    CREATE TABLE t (a integer, b text); CREATE TABLE victim (x integer)`)
  const db = await connect(bench.url ?? '')
  try {
    for (const statement of [
      `COPY t FROM STDIN CSV WHERE b <> '' AND b <> ' ); commit; drop table victim; select (1 --'`,
      `COPY t FROM STDIN CSV TRANSFORM (b AS '' || ' || (SELECT count(*) FROM victim) --')`,
    ]) {
      const error = await db.copy(statement, { stdin: '1,x\n' }).catch((reason: unknown) => reason)
      expect(error).toMatchObject({ sqlState: '0A000' })
    }
    expect(await bench.sql('SELECT count(*) FROM victim')).toEqual([['0']])
  } finally {
    await db.close()
  }
})

test('a rule that only INSERT follows is named', async () => {
  await bench.sql(`CREATE TABLE t (id integer PRIMARY KEY); CREATE TABLE log (id integer);
    CREATE RULE watch AS ON INSERT TO t DO ALSO INSERT INTO log VALUES (NEW.id)`)
  expect(await refusal(load('1\n1\n'))).toMatchObject({
    sqlState: '0A000',
    message: expect.stringContaining('"watch"'),
  })
})

test('many rows with characters that the database lacks take seconds', async () => {
  await inEncoding(bench, 'LATIN1', async (db, side) => {
    await side.query('CREATE TABLE t (id integer PRIMARY KEY, note text)')
    const lines = Array.from(
      { length: 32_000 },
      (_, n) => `${n},${n % 10 === 3 ? 'ż' : 'é'} some note that is long enough\n`,
    )
    const bad: number[] = []
    await db.copy(`COPY t FROM '${file(lines.join(''))}' (FORMAT csv, ON_ERROR skip_row)`, {
      ledger: false,
      onReject: ({ line }) => bad.push(line),
    })
    expect(bad).toEqual(Array.from({ length: 3_200 }, (_, n) => n * 10 + 4))
    const { rows } = await side.query('SELECT count(*)::integer AS count FROM t')
    expect(rows).toEqual([{ count: 28_800 }])
  })
}, 30_000)

test.each([
  {
    lacking: 'TEMPORARY ON DATABASE',
    table: 't (id integer PRIMARY KEY)',
    detail: 'Rows that are refused, or whose key is there already, are found out in a temporary table.',
  },
  {
    lacking: 'USAGE ON SCHEMA',
    table: 't (id text COLLATE s.c PRIMARY KEY)',
    detail:
      "Rows that are refused, or whose key is there already, are found out in a temporary table with the table's types and collations.",
  },
])('who may not make a temporary table is told what for: $lacking', async ({ lacking, table, detail }) => {
  const url = new URL(bench.url ?? '')
  const database = url.pathname.slice(1)
  const role = `${database}_plain`
  await bench.sql(`CREATE ROLE ${role} LOGIN PASSWORD 'plain';
    ${lacking.startsWith('TEMPORARY') ? `REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC;` : ''}
    CREATE SCHEMA s; CREATE COLLATION s.c FROM "C"; CREATE TABLE ${table}; GRANT ALL ON t TO ${role}`)
  url.username = role
  url.password = 'plain'
  const db = await connect(url.href)
  try {
    const path = file('1\n1\n')
    const error = await refusal(db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, { ledger: false }))
    expect(error).toMatchObject({
      sqlState: '42501',
      detail,
      hint: expect.stringContaining(`GRANT ${lacking}`),
    })
  } finally {
    await db.close()
    await bench.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('while many rows are refused, others get their turn', async () => {
  await bench.sql('CREATE TABLE t (id integer PRIMARY KEY, note text)')
  const lines = Array.from({ length: 200_000 }, (_, n) => `${n % 2 === 0 ? 1 : n},some note\n`)
  const path = file(lines.join(''))
  // How long a turn takes depends on the machine, how many rows it deals with hardly.
  const told: number[] = []
  let isDone = false
  const turn = () => {
    told.push(0)
    if (!isDone) setImmediate(turn)
  }
  turn()
  const receipt = await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row)`, {
    ledger: false,
    onReject: () => {
      told[told.length - 1] = (told.at(-1) ?? 0) + 1
    },
  })
  isDone = true
  expect(receipt.rowsRejected).toBe(100_000)
  expect(Math.max(...told.filter((count) => count > 0))).toBeLessThan(12_000)
}, 60_000)
