/**
 * Statements and files at random, of the part of the language that PostgreSQL has: what a load leaves in the table, or says, is what the
 * server's own COPY FROM STDIN leaves and says. Columns of many types, values that are nearly right, broken records, other encodings,
 * files in the binary format with bytes changed. `COPYIST_TEST_PAIRS` pairs are made from `COPYIST_TEST_SEED`.
 */
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { serverCopy } from '../server-copy.ts'
import { serverCopyOut } from '../server-copy-out.ts'
import { Random } from '../types/random.ts'
import { changed, columns, conditions, literal, names, type Pair, textPair } from './random-pairs.ts'

const PAIRS = Number(process.env.COPYIST_TEST_PAIRS ?? 800)
const SEED = process.env.COPYIST_TEST_SEED ?? '5'
/** Rows that are rolled back stay in the file of the table until then. */
const TRUNCATED_EVERY = 1_000

let database: ScratchDatabase
let client: pg.Client
let db: Database

beforeAll(async () => {
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  db = await connect(client)
  await client.query(`
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
    CREATE TABLE t (${names.map((name) => `${name} ${columns[name]?.sql}`).join(', ')})`)
})

afterAll(async () => {
  await db.close()
  await client.end()
  await database.drop()
})

/** What the server writes in the binary format of some rows, perhaps changed. */
async function binaryPair(random: Random): Promise<Pair> {
  const list = names.filter(() => random.once(5))
  if (list.length === 0) list.push('i4')
  const value = (name: string) => {
    const [sql = ''] = (columns[name]?.sql ?? '').split(/ (?:DEFAULT|NOT)/)
    // The first values of each column are right.
    const right = columns[name]?.values.slice(0, 2) ?? []
    return random.once(6) ? `NULL::${sql}` : `${literal(random.pick(right).replaceAll('\\\\', '\\'))}::${sql}`
  }
  const rows = Array.from({ length: random.between(1, 4) }, () => `(${list.map(value).join(', ')})`)
  const data = await serverCopyOut(client, `COPY (VALUES ${rows.join(', ')}) TO STDOUT (FORMAT binary)`)
  const where = random.once(8) ? ` WHERE ${random.pick(conditions)}` : ''
  return {
    statement: `COPY t (${list.join(', ')}) FROM STDIN (FORMAT binary)${where}`,
    data: changed(random, data, random.pick([0, 0, 1, 1, 2, 3])),
  }
}

interface Refusal {
  readonly sqlState: string | undefined
  readonly message: string
  readonly context: string | undefined
}

/** The rows after a load, or the error; the table is left as it was. */
async function outcome(load: () => Promise<unknown>): Promise<unknown[] | Refusal> {
  await client.query('BEGIN')
  try {
    await load()
    const { rows } = await client.query({ text: 'SELECT t::text FROM t ORDER BY ctid', rowMode: 'array' })
    return rows.flat()
  } catch (error) {
    if (error instanceof CopyError) {
      return { sqlState: error.sqlState, message: error.message, context: error.context }
    }
    const { code, message, where } = error as pg.DatabaseError
    // A record that is decoded is not kept for a constraint that it may break.
    const context = code === '23502' ? where?.replace(/^(COPY \w+, line \d+): ".*"$/s, '$1') : where
    return { sqlState: code, message, context }
  } finally {
    await client.query('ROLLBACK')
  }
}

test('a date that only the server reads, since DEFAULT makes values travel as text, is left out', async () => {
  await client.query('CREATE TABLE days (a int DEFAULT 7, day date)')
  const statement = "COPY days FROM STDIN (FORMAT csv, DEFAULT 'D', ON_ERROR ignore)"
  const receipt = await db.copy(statement, { stdin: 'D,2024-02-29\n1,2023-02-29\nx,2024-01-01\n2,2024-01-02\n' })
  expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 2 })
  const { rows } = await client.query({ text: 'SELECT a, day::text FROM days ORDER BY a', rowMode: 'array' })
  expect(rows).toEqual([
    [2, '2024-01-02'],
    [7, '2024-02-29'],
  ])
})

test(`${PAIRS} statements and files, seed ${SEED}`, { timeout: 60_000 + 100 * PAIRS }, async () => {
  const random = new Random(SEED)
  const differences: string[] = []
  const kinds = { loaded: 0, refused: 0 }
  let count = 0
  for (; count < PAIRS && differences.length < 40; count += 1) {
    const { statement, data } = random.once(5) ? await binaryPair(random) : textPair(random)
    if (count % TRUNCATED_EVERY === TRUNCATED_EVERY - 1) await client.query('TRUNCATE t')
    const theirs = await outcome(() => serverCopy(client, statement, data))
    const ours = await outcome(() => db.copy(statement, { stdin: [data], ledger: false }))
    kinds[Array.isArray(theirs) ? 'loaded' : 'refused'] += 1
    if (isDeepStrictEqual(ours, theirs) || isMeant(statement, theirs, ours)) continue
    if (isReordered(theirs, ours)) {
      // Rows may have gone into room that others left, in pages that come before: in an empty file their order is told by their places.
      await client.query('TRUNCATE t')
      const again = await outcome(() => db.copy(statement, { stdin: [data], ledger: false }))
      await client.query('TRUNCATE t')
      if (isDeepStrictEqual(again, await outcome(() => serverCopy(client, statement, data)))) continue
    }
    differences.push(JSON.stringify({ count, statement, data: data.toString('latin1'), theirs, ours }, undefined, 1))
  }
  expect(differences.slice(0, 12), `${differences.length} of ${count}, seed ${SEED}`).toEqual([])
  expect(kinds.loaded).toBeGreaterThan(PAIRS / 5)
  expect(kinds.refused).toBeGreaterThan(PAIRS / 5)
})

/** Whether the same rows are there in another order. */
function isReordered(theirs: unknown[] | Refusal, ours: unknown[] | Refusal): boolean {
  if (!Array.isArray(theirs) || !Array.isArray(ours)) return false
  return isDeepStrictEqual([...theirs].sort(), [...ours].sort())
}

/**
 * Whether the server reads values of some of the columns: where one may be DEFAULT, and from a stream with a zone, whose data may differ. It judges
 * them after the decoder has judged the records and the other values.
 */
function leavesToServer(statement: string): boolean {
  const list = /^COPY t \((.*?)\) FROM/.exec(statement)?.[1]?.split(', ') ?? []
  const isText = list.includes('tz') || / DEFAULT /.test(statement)
  return isText && list.some((name) => /^(?:da|ti|ts|tz|iv|ai|at)$/.test(name))
}

/** Where the two differ on purpose. */
function isMeant(statement: string, theirs: unknown[] | Refusal, ours: unknown[] | Refusal): boolean {
  if (Array.isArray(ours)) return false
  if (leavesToServer(statement)) {
    const line = ({ context }: Refusal) => /^COPY t, line \d+/m.exec(context ?? '')?.[0]
    const isSkipping = /ON_ERROR ignore/.test(statement)
    // In a record that the server has left out already for a value, the decoder has found another mistake, of the record or one too many.
    if (isSkipping && (Array.isArray(theirs) ? /^22(?:P04|021)$/.test(ours.sqlState ?? '') : true)) return true
    if (!isSkipping && !Array.isArray(theirs) && line(theirs) === line(ours)) return true
  }
  if (/ON_ERROR ignore/.test(statement) && !Array.isArray(theirs)) {
    // Once the server has left out a row, the column that it was left out for stands in the CONTEXT of later errors that have none.
    const line = (context: string | undefined) => /^COPY t, line \d+/.exec(context ?? '')?.[0]
    const isStale = / column /.test(theirs.context ?? '') && line(theirs.context) === line(ours.context)
    if (isStale && theirs.sqlState === ours.sqlState && theirs.message === ours.message)
      return !/ column /.test(ours.context ?? '')
  }
  if (Array.isArray(theirs)) {
    // A binary file without its trailer may have been cut.
    return /FORMAT binary/.test(statement) && ours.message === 'unexpected EOF in COPY data'
  }
  // No room is made for what a length only announces.
  if (/FORMAT binary/.test(statement) && theirs.sqlState === '54000') return ours.sqlState === '22P04'
  // An OID that no type has.
  if (theirs.message.replace('type 0 (-)', 'type 0 (???)') === ours.message) return true
  // See above for values that travel as text.
  if (/\btz\b| DEFAULT /.test(statement) && /^missing data/.test(ours.message)) return true
  // With rows left out, the first record's line feeds count, and a record with too many fields is not looked at any further.
  const isMarker = theirs.message === 'unexpected default marker in COPY data' && /ON_ERROR ignore/.test(statement)
  return isMarker && (ours.message === theirs.message || /^(?:extra data|unterminated)/.test(ours.message))
}
