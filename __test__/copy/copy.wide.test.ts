import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * Tables of many columns on PostgreSQL, whose functions take 100 arguments at most, whose tables have 1,600 columns, and whose rows have to
 * fit into a page.
 */

let bench: Bench

beforeEach(async () => {
  const postgres = benches.find(({ name }) => name === 'postgres')
  if (postgres === undefined) throw new Error('there is no bench of PostgreSQL')
  bench = await postgres.open()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await bench.close()
})

const list = (columns: number, of: (at: number) => string) => Array.from({ length: columns }, (_, at) => of(at))

/** A line of so many fields, of which the first are given. */
const line = (columns: number, first: readonly string[], rest = '1') =>
  `${list(columns, (at) => first[at] ?? rest).join(',')}\n`

async function load(content: string, options: string, rest = '') {
  const rejects: Reject[] = []
  const sent = vi.spyOn(pg.Client.prototype, 'query')
  const receipt = await bench.db.copy(`COPY t FROM STDIN (FORMAT csv, ${options})${rest}`, {
    stdin: [content],
    onReject: (reject) => rejects.push(reject),
  })
  const statements = sent.mock.calls.map(([query]) => (query as unknown as { text: string }).text ?? String(query))
  // How often all rows of a batch were tried, down to single ones where they are refused.
  const trials = statements.filter((sql) => /pg_temp\.copyist_\w+\((?:0|4), /.test(sql)).length
  expect(statements.length).toBeGreaterThan(0)
  return { receipt, rejects, trials }
}

test.each([40, 150])('of a row with %i columns all is told, and one query tells it', async (columns) => {
  const others = list(columns - 3, (at) => `f${at} integer`)
  await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0), c integer CHECK (c > 0), ${others})`)
  const content = [['1'], ['2', '0', '0', ''], ['3'], ['1', '1', '0'], ['5']].map((first) => line(columns, first))
  const { receipt, rejects, trials } = await load(content.join(''), 'ON_ERROR skip_row')
  expect(receipt).toMatchObject({ rowsLoaded: 3, rowsRejected: 2 })
  expect(rejects.map(({ errors }) => errors.map(({ sqlState, column }) => `${column} ${sqlState}`))).toEqual([
    ['b 23514', 'c 23514'],
    ['c 23514', 'a 23505'],
  ])
  const rest = list(columns - 4, () => '1').join(', ')
  expect(rejects[0]?.errors.map(({ detail }) => detail)).toEqual([
    `Failing row contains (2, 0, 0, null, ${rest}).`,
    `Failing row contains (2, 0, 0, null, ${rest}).`,
  ])
  expect(trials).toBe(0)
})

test.each([40, 150])('of %i columns keys alone are asked about, too', async (columns) => {
  await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, ${list(columns - 1, (at) => `f${at} integer`)})`)
  const content = ['1', '2', '1', '3'].map((key) => line(columns, [key]))
  const { receipt, rejects, trials } = await load(content.join(''), 'ON_ERROR skip_row')
  expect(receipt).toMatchObject({ rowsLoaded: 3, rowsRejected: 1 })
  expect(rejects[0]?.errors).toMatchObject([{ sqlState: '23505', detail: 'Key (a)=(1) already exists.' }])
  expect(trials).toBe(0)
})

test.each([40, 150])('the last of each key goes in by one statement with %i columns', async (columns) => {
  const others = list(columns - 2, (at) => `f${at} integer`)
  await bench.sql(`CREATE TABLE t (a integer PRIMARY KEY, b integer CHECK (b > 0), ${others})`)
  const content = [
    ['1', '2'],
    ['2', '0'],
    ['1', '3'],
    ['1', '0'],
    ['2', '4'],
  ].map((first) => line(columns, first))
  const { receipt, rejects, trials } = await load(
    content.join(''),
    'ON_ERROR skip_row',
    ' ON CONFLICT (a) DO UPDATE KEEP LAST',
  )
  expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 2, rowsConflicted: 1 })
  expect(rejects.map(({ errors }) => errors.map(({ sqlState }) => sqlState))).toEqual([['23514'], ['23514']])
  expect(await bench.sql('SELECT a, b FROM t ORDER BY a')).toEqual([
    ['1', '3'],
    ['2', '4'],
  ])
  expect(trials).toBe(0)
})

test.each([40, 150])('a column may be made of %i others', async (columns) => {
  const names = list(columns, (at) => `f${at}`)
  await bench.sql(
    `CREATE TABLE t (${names.map((name) => `${name} integer`)}, s integer GENERATED ALWAYS AS (${names.join(' + ')}) STORED)`,
  )
  const content = [line(columns, []), line(columns, ['2147483647']), line(columns, ['2'])]
  const { receipt, rejects } = await load(content.join(''), 'ON_ERROR skip_row')
  expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1 })
  expect(rejects[0]?.errors).toMatchObject([{ sqlState: '22003', message: 'integer out of range' }])
  expect(await bench.sql('SELECT s FROM t ORDER BY s')).toEqual([[String(columns)], [String(columns + 1)]])
})

const TOO_MANY = 'COPY cannot take rows for table "t" through a temporary table, since that would have too many columns'

test.each([
  ['rows that are refused', ' ON_ERROR skip_row', ''],
  ['keys that are there', ' ON_ERROR stop', ' ON CONFLICT DO SKIP'],
])('%s need room for columns beside those of the table', async (_, options, rest) => {
  await bench.sql(`CREATE TABLE t (${list(1600, (at) => (at === 0 ? 'f0 integer PRIMARY KEY' : `f${at} integer`))})`)
  const content = line(1600, ['1']) + line(1600, ['1'])
  await expect(load(content, options, rest)).rejects.toMatchObject({
    sqlState: '0A000',
    message: TOO_MANY,
    hint: 'Load fewer columns by a column list, or load with ON_ERROR stop and without ON CONFLICT.',
  })
  expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
})

test('so do expressions over fields', async () => {
  await bench.sql(`CREATE TABLE t (${list(1600, (at) => `f${at} integer`)})`)
  const columns = list(1600, (at) => `f${at}`)
  const load = bench.db.copy(`COPY t (${columns}) FROM STDIN CSV TRANSFORM (f0 AS f0 + 1)`, {
    stdin: [line(1600, [])],
  })
  await expect(load).rejects.toMatchObject({
    sqlState: '0A000',
    message: TOO_MANY,
    hint: 'Load fewer columns by a column list, or load without TRANSFORM.',
  })
})

test('a row that fits into the table, but not as text, ends the load in words', async () => {
  const numbers = list(450, (at) => `f${at} double precision`)
  await bench.sql(`CREATE TABLE t (a inet, ${numbers})`)
  const content = ['1.1.1.1', 'nowhere'].map((first) => line(451, [first], '0.12345678901234567')).join('')
  await expect(load(content, 'ON_ERROR skip_row')).rejects.toMatchObject({
    sqlState: '54000',
    message: expect.stringMatching(/^row is too big: size \d+, maximum size 8160$/),
    detail:
      'The row goes through a temporary table, where its values are text and may take more room than in the table.',
    hint: 'Load fewer columns by a column list, or load with ON_ERROR stop and without ON CONFLICT.',
    context: undefined,
    position: {},
  })
  await expect(load(content, 'ON_ERROR stop')).rejects.toMatchObject({ sqlState: '22P02', position: { line: 2 } })
})

test('so does one that an expression is to make something of', async () => {
  await bench.sql(`CREATE TABLE t (${list(450, (at) => `f${at} double precision`)}, a inet)`)
  const load = bench.db.copy('COPY t FROM STDIN CSV TRANSFORM (f0 AS f0 + 1)', {
    stdin: [
      line(
        451,
        list(450, () => '0.12345678901234567'),
        '1.1.1.1',
      ),
    ],
  })
  await expect(load).rejects.toMatchObject({
    sqlState: '54000',
    detail: expect.stringMatching(/^The row goes through a temporary table/),
    hint: 'Load fewer columns by a column list, or load without TRANSFORM.',
  })
})
