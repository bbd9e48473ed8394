import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../lib/index.ts'
import type { Reject } from '../../lib/rejects.ts'

/*
 * CHECK by DuckDB's own verdict: rows that are inserted one by one, each by a statement of its own. Expressions are random, from a seed, of
 * everything that DuckDB does not evaluate for every row (COALESCE, CASE, AND, OR, IN, TRY) around what raises an error for some.
 */

let instance: DuckDBInstance
let connection: DuckDBConnection

beforeEach(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
})
afterEach(() => {
  connection.closeSync()
  instance.closeSync()
})

/** Numbers from 0 to below 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let word = Math.imul(state ^ (state >>> 15), 1 | state)
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32
  }
}

type Random = () => number

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T

/** SQL of a number, of which some raise an error for some rows. */
function numberSql(random: Random, depth: number): string {
  const number = (): string => numberSql(random, depth - 1)
  const truth = (): string => truthSql(random, depth - 1)
  if (depth === 0) return pick(random, ['b', 'c', '0', '1', 'NULL', 'CAST(a AS INTEGER)', '2147483646'])
  return pick(random, [
    () => `coalesce(${number()}, ${number()})`,
    () => `CASE WHEN ${truth()} THEN ${number()} ELSE ${number()} END`,
    () => `CASE WHEN ${truth()} THEN ${number()} END`,
    () => `(${number()} + ${number()})`,
    () => `(${number()} // ${number()})`,
    () => `nullif(${number()}, ${number()})`,
    () => `greatest(${number()}, ${number()})`,
    () => `if(${truth()}, ${number()}, ${number()})`,
    () => `TRY(${number()})`,
    () => `CAST(${number()} AS UTINYINT)`,
    () => `CAST(a || 1 AS INTEGER)`,
    () => `[${number()}, ${number()}][2]`,
  ])()
}

/** SQL of a truth value, or of a number that is taken for one. */
function truthSql(random: Random, depth: number): string {
  const number = (): string => numberSql(random, depth - 1)
  const truth = (): string => truthSql(random, depth - 1)
  if (depth === 0) return pick(random, ['b > 0', 'true', 'c IS NULL', 'CAST(a AS INTEGER) > 1', 'b'])
  return pick(random, [
    () => `(${truth()} AND ${truth()})`,
    () => `(${truth()} OR ${truth()})`,
    () => `(NOT ${truth()})`,
    () => `(${number()} > ${number()})`,
    () => `(${number()} IN (${number()}, ${number()}, 3))`,
    () => `(${number()} BETWEEN ${number()} AND ${number()})`,
    () => `(${number()} IS NULL)`,
    () => `(${number()} IS DISTINCT FROM ${number()})`,
    () => `coalesce(${truth()}, ${truth()})`,
    () => `coalesce(TRY(${truth()}), true)`,
    () => `CASE WHEN ${truth()} THEN ${truth()} ELSE ${truth()} END`,
    () => number(),
  ])()
}

const VALUES = {
  a: ['1', '2', 'x', '', '300', '-5', null, '1e1', ' 7'],
  b: [0, 1, 2, null, -1, 2147483647],
  c: [null, 0, 1, 5, 255],
}

describe.each([1, 2, 3, 4])('CHECK with random expressions, seed %d', (seed) => {
  it('refuses what DuckDB refuses of rows one by one', async () => {
    const random = randomOf(seed)
    for (let round = 0; round < 25; round++) {
      const checks = Array.from({ length: 1 + Math.floor(random() * 2) }, () => truthSql(random, 3))
      const ddl = `(a VARCHAR, b INTEGER, c INTEGER, ${checks.map((check) => `CHECK (${check})`).join(', ')})`
      const created = await connection.run(`CREATE TABLE t ${ddl}`).then(
        () => true,
        () => false,
      )
      // Of types that do not go together.
      if (!created) continue
      await connection.run(`CREATE TABLE one ${ddl}`)
      for (const [index, check] of checks.entries()) {
        await connection.run(`CREATE TABLE one${index} (a VARCHAR, b INTEGER, c INTEGER, CHECK (${check}))`)
      }
      const rows = Array.from({ length: 40 }, () => [
        pick(random, VALUES.a),
        pick(random, VALUES.b),
        pick(random, VALUES.c),
      ])
      const expected: string[] = []
      for (const [line, row] of rows.entries()) {
        const values = row.map((value) => (value === null ? 'NULL' : typeof value === 'string' ? `'${value}'` : value))
        const refused = async (table: string): Promise<boolean> =>
          await connection.run(`INSERT INTO ${table} VALUES (${values.join(', ')})`).then(
            () => false,
            () => true,
          )
        let errors = 0
        for (const index of checks.keys()) if (await refused(`one${index}`)) errors += 1
        // All that is wrong with a row is said, not only what DuckDB finds first.
        expect(await refused('one')).toBe(errors > 0)
        if (errors > 0) expected.push(`${line + 1}: ${errors}`)
      }
      const found = await load(rows)
      expect({ checks, refused: found }).toEqual({ checks, refused: expected })
      const [left, right] = await Promise.all([contents('t'), contents('one')])
      expect(left).toEqual(right)
      await connection.run(
        `DROP TABLE t; DROP TABLE one; ${checks.map((_, index) => `DROP TABLE one${index}`).join(';')}`,
      )
    }
  }, 60_000)
})

describe('a row that breaks several constraints', () => {
  it('is refused for each of them', async () => {
    await connection.run(`CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
      CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR NOT NULL DEFAULT 'x', c INTEGER REFERENCES p (id), d INTEGER UNIQUE,
        e INTEGER CHECK (e > 0), f UTINYINT, g INTEGER NOT NULL DEFAULT NULL, CHECK (a < d));
      INSERT INTO t VALUES (1, 'x', 1, 10, 1, 1, 1)`)
    const db = await connect(connection)
    const refuse = async (lines: string): Promise<string[]> => {
      const rejects: Reject[] = []
      await db.copy(
        `COPY t (a, c, d, e, f${lines.includes('@') ? ', g' : ''}) FROM STDIN (FORMAT csv, ON_ERROR skip_row, DEFAULT '@')`,
        { stdin: lines, ledger: false, onReject: (reject) => rejects.push(reject) },
      )
      return rejects.map(
        ({ line, errors }) =>
          `${line}: ${errors.map(({ sqlState, column }) => `${sqlState} ${column ?? '-'}`).join(', ')}`,
      )
    }
    expect(
      await refuse('2,1,20,1,1,1\n1,7,10,-1,300,@\n2,9,20,-1,1,@\n2,1,30,1,1,5\n50,1,40,1,1,5\n,1,60,1,999,@\n'),
    ).toEqual([
      '2: 22003 f, 23502 g, 23514 e, 23505 a, 23505 d, 23503 c',
      '3: 23502 g, 23514 e, 23505 a, 23505 d, 23503 c',
      '4: 23505 a',
      '5: 23514 -',
      // What the decoder refuses DuckDB is only asked about: what a default is, nobody has evaluated.
      '6: 23502 a, 22003 f',
    ])
    await db.close()
  })
})

async function load(rows: readonly (readonly unknown[])[]): Promise<string[]> {
  const db = await connect(connection)
  const rejects: Reject[] = []
  const field = (value: unknown): string =>
    value === null ? '' : typeof value === 'string' ? `"${value}"` : String(value)
  const stdin = rows.map((row) => `${row.map(field).join(',')}\n`).join('')
  await db.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', {
    stdin,
    ledger: false,
    onReject: (reject) => rejects.push(reject),
  })
  await db.close()
  return rejects.map(({ line, errors }) => `${line}: ${errors.length}`)
}

async function contents(table: string): Promise<string[]> {
  const rows = await (await connection.run(`FROM ${table}`)).getRows()
  return rows.map((row) => row.map(String).join())
}
