import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect, type Database, type Reject } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'

let scratch: ScratchDatabase
let db: Database
beforeEach(async () => {
  scratch = await createScratchDatabase()
  db = await connect(scratch.url)
  await scratch.query('CREATE TABLE t (a int PRIMARY KEY CHECK (a < 100), b text NOT NULL)')
})
afterEach(async () => {
  await db.close()
  await scratch.drop()
})

const COPY = 'COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)'
const left = async (id: string, of = db): Promise<Reject[]> => {
  const found: Reject[] = []
  for await (const reject of of.rejects(id)) found.push(reject)
  return found
}

it('tells rows that only the server refuses from those it takes', async () => {
  const { id } = await db.copy(COPY, { stdin: '1,a\n1,b\n200,c\nx,d\n2,\n3,e\n300,"f\ng"\n1,h\n' })
  expect((await left(id)).map(({ errors }) => errors[0]?.sqlState)).toEqual([
    '23505',
    '23514',
    '22P02',
    '23502',
    '23514',
    '23505',
  ])
  await scratch.query('ALTER TABLE t DROP CONSTRAINT t_a_check; DELETE FROM t WHERE a = 1')
  const seen: Reject[] = []
  const again = await db.copy(`COPY REJECTS '${id}' INTO t`, { onReject: (reject) => seen.push(reject) })
  expect(again).toMatchObject({ rowsRead: 6, rowsLoaded: 3, rowsRejected: 3, rowsResolved: 3 })
  expect(seen.map(({ number, line, lastLine, raw }) => [number, line, lastLine, String(raw)])).toEqual([
    [3, 4, 4, 'x,d'],
    [4, 5, 5, '2,'],
    [6, 9, 9, '1,h'],
  ])
  expect((await left(id)).map(({ number, errors }) => [number, errors[0]?.sqlState])).toEqual([
    [3, '22P02'],
    [4, '23502'],
    [6, '23505'],
  ])
  const strict = db.copy(`COPY REJECTS '${id}' INTO t WITH (NULL '', ON_ERROR ignore)`)
  await expect(strict).rejects.toMatchObject({ sqlState: '23502', position: { line: 5, byteOffset: 18 } })
  expect(await scratch.query('SELECT a FROM t ORDER BY a')).toEqual([{ a: 1 }, { a: 3 }, { a: 200 }, { a: 300 }])
})

it('loads no row twice', async () => {
  await scratch.query('CREATE TABLE u (a int, b text)')
  const stdin = Array.from({ length: 500 }, (_, n) => `x,${n}\n`).join('')
  const { id } = await db.copy('COPY u FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin })
  const replays = [1, 2, 3].map(() => db.copy(`COPY REJECTS '${id}' INTO u WITH (NULL 'x')`))
  const resolved = (await Promise.all(replays)).map(({ rowsResolved }) => rowsResolved)
  expect(resolved.sort()).toEqual([0, 0, 500])
  expect(await scratch.query('SELECT count(DISTINCT b)::int AS n, count(*)::int AS m FROM u')).toEqual([
    { n: 500, m: 500 },
  ])
})

it('works within a transaction of the caller, and ends with it', async () => {
  const { id } = await db.copy(COPY, { stdin: '1,a\nx,b\n' })
  const client = new pg.Client({ connectionString: scratch.url })
  await client.connect()
  try {
    const lent = await connect(client)
    await client.query('BEGIN')
    const more = await lent.copy(`COPY REJECTS '${id}' INTO t (b, a) WITH (ON_ERROR skip_row)`)
    expect(more).toMatchObject({ rowsRead: 1, rowsRejected: 1 })
    await client.query('ALTER TABLE t DROP CONSTRAINT t_a_check, ALTER a TYPE text')
    expect(await lent.copy(`COPY REJECTS '${id}' INTO t`)).toMatchObject({ rowsLoaded: 1, rowsResolved: 1 })
    expect(await left(id, lent)).toEqual([])
    await client.query('ROLLBACK')
    expect((await left(id, lent)).map(({ errors }) => errors[0]?.column)).toEqual(['a'])
    await expect(lent.copy(`COPY REJECTS '${id}' INTO t WITH (ON_ERROR stop)`)).rejects.toMatchObject({
      sqlState: '22P02',
    })
  } finally {
    await client.end()
  }
})

it('starts over for literals that only the server reads', async () => {
  await scratch.query('CREATE TABLE z (a int, at timestamptz)')
  const stdin = '1,2020-01-01 00:00\nx,2020-01-01 12:00 Asia/Kathmandu\ny,2020-01-01 12:00\n'
  const { id } = await db.copy('COPY z FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin })
  const seen: Reject[] = []
  const again = await db.copy(`COPY REJECTS '${id}' INTO z WITH (NULL 'x')`, {
    onReject: (reject) => seen.push(reject),
  })
  expect(again).toMatchObject({ rowsRead: 2, rowsLoaded: 1, rowsRejected: 1, rowsResolved: 1 })
  expect((await left(id)).map(({ number }) => number)).toEqual([2])
  expect(seen.map(({ line }) => line)).toContain(3)
  expect(await scratch.query(`SELECT extract(epoch FROM at)::int AS t FROM z WHERE a IS NULL`)).toEqual([
    { t: 1577859300 },
  ])
})

it('can be aborted', async () => {
  const { id } = await db.copy(COPY, { stdin: 'x,a\n'.repeat(5_000) })
  await scratch.query('BEGIN; SELECT 1 FROM copyist.loads FOR UPDATE')
  const waiting = db.copy(`COPY REJECTS '${id}' INTO t`, { signal: AbortSignal.timeout(300) })
  await expect(waiting).rejects.toMatchObject({ sqlState: '57014' })
  await scratch.query('ROLLBACK')
  await expect(db.copy(`COPY REJECTS '${id}' INTO t`, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    sqlState: '57014',
  })
  expect((await left(id)).length).toBe(5_000)
})

it('needs the right to write the record', async () => {
  const { id } = await db.copy(COPY, { stdin: 'x,a\n' })
  const role = `${scratch.name}_reader`
  await scratch.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT ALL ON t TO ${role}; GRANT USAGE ON SCHEMA copyist TO ${role};
    GRANT SELECT ON ALL TABLES IN SCHEMA copyist TO ${role}`)
  const url = new URL(scratch.url)
  url.username = role
  url.password = 'secret'
  const other = await connect(url.href)
  try {
    expect((await left(id, other)).length).toBe(1)
    await expect(other.copy(`COPY REJECTS '${id}' INTO t`)).rejects.toMatchObject({ sqlState: '42501' })
  } finally {
    await other.close()
    await scratch.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

it('tells the callback of each row once, however often the load starts over', async () => {
  const ROWS = 20_000
  await scratch.query('CREATE TABLE zoned (a int, at timestamptz)')
  // The first of them that only the server can read comes when others have been told.
  const zone = (row: number) => (row === ROWS ? ' Europe/Berlin' : '+01')
  const lines = Array.from({ length: ROWS }, (_, row) => `x${row},2024-01-01 00:00:00${zone(row + 1)}\n`)
  const { id } = await db.copy('COPY zoned FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: lines.join('') })
  for (const errors of ['skip_row', 'ignore']) {
    const told: Reject[] = []
    const again = await db.copy(`COPY REJECTS '${id}' INTO zoned WITH (ON_ERROR ${errors})`, {
      onReject: (reject) => told.push(reject),
    })
    expect(again).toMatchObject({ rowsRejected: ROWS, rowsResolved: 0 })
    expect(told.map(({ number }) => number)).toEqual(lines.map((_, row) => row + 1))
  }
})

it('gives rows that have waited for others the numbers of SEQUENCE that they had', async () => {
  await scratch.query('CREATE TABLE tree (a int PRIMARY KEY, up int REFERENCES tree (a), n bigint)')
  await scratch.query('CREATE TABLE loose (a text, up text, n bigint)')
  const stdin = '1,\nx,1\n2,9\n3,1\ny,1\nz,1\n4,8\nw,1\n5,4\n'
  const options = 'FORMAT csv, ON_ERROR skip_row, SEQUENCE (n (1))'
  const { id } = await db.copy(`COPY tree (a, up) FROM STDIN (${options})`, { stdin })
  expect((await left(id)).map(({ line }) => line)).toEqual([2, 5, 6, 8, 3, 7, 9])
  await db.copy(`COPY REJECTS '${id}' INTO loose (a, up)`)
  expect(await scratch.query('SELECT a, n FROM loose ORDER BY n')).toEqual([
    { a: 'x', n: '2' },
    { a: '2', n: '3' },
    { a: 'y', n: '5' },
    { a: 'z', n: '6' },
    { a: '4', n: '7' },
    { a: 'w', n: '8' },
    { a: '5', n: '9' },
  ])
})
