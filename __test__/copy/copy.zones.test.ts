/** Time zones of which the server has other data than the addon, and literals that name any zone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CopyError, connect, type Database, type Receipt } from '../../lib/index.ts'
import { agreesAlways } from '../../lib/target/postgres/time-zone.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'

let database: ScratchDatabase
let client: pg.Client
let db: Database
let folder: string
/** A zone of which this server's data differ from the addon's, if there is one. */
let differing: string | undefined

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-zones-'))
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  db = await connect(client)
  await client.query(`
    CREATE TABLE zoned (id serial, at timestamptz);
    CREATE TABLE clocks (at timetz[]);
    CREATE TABLE plain (at timestamp, day date, clock time)`)
  const query = async (text: string, values: readonly string[]) =>
    (await client.query<(string | null)[]>({ text, values: [...values], rowMode: 'array' })).rows
  // The first of them has differed in 1992 only.
  for (const zone of ['America/Bogota', 'America/Edmonton', 'Africa/Casablanca']) {
    await client.query(`SET TimeZone = '${zone}'`)
    if (!(await agreesAlways(client, zone, query))) differing ??= zone
  }
  if (differing === undefined) console.warn('zones: the server has the same time zone data, differences are SKIPPED')
})

afterAll(async () => {
  await db.close()
  await client.end()
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(() => client.query(`SET TimeZone = 'UTC'; TRUNCATE zoned, clocks, plain RESTART IDENTITY`))

function load(target: string, lines: readonly string[]): Promise<Receipt> {
  const path = join(folder, 'input.csv')
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
  return db.copy(`COPY ${target} FROM '${path}' (FORMAT csv, DELIMITER '|')`)
}

/** Loads moments, and expects what the server's own cast says. */
async function expectMoments(lines: readonly string[]): Promise<Receipt> {
  const receipt = await load('zoned (at)', lines)
  const loaded = await client.query('SELECT at::text FROM zoned ORDER BY id')
  const cast = await client.query('SELECT literal::timestamptz::text AS at FROM unnest($1::text[]) AS l (literal)', [
    lines,
  ])
  expect(loaded.rows).toEqual(cast.rows)
  expect(receipt).toMatchObject({ rowsRead: lines.length, rowsLoaded: lines.length })
  return receipt
}

/** Local times from 1880 to 2120, about every ten days. */
function moments(): string[] {
  const start = Date.UTC(1880, 0)
  return Array.from({ length: 8_800 }, (_, i) => {
    const iso = new Date(start + i * 859_000_000).toISOString()
    return `${iso.slice(0, 10)} ${iso.slice(11, 19)}`
  })
}

describe('the zone of the session', () => {
  test.each(['America/New_York', 'Europe/London', 'Asia/Kolkata', 'Australia/Lord_Howe', 'EST5EDT4,M3.2.0,M11.1.0'])(
    '%s, with the same data on both sides, is read natively',
    async (zone) => {
      await client.query(`SET TimeZone = '${zone}'`)
      expect(await expectMoments(moments())).toMatchObject({ transport: 'binary' })
    },
  )

  test('that differs is left to the server, where a value depends on it', async () => {
    if (differing === undefined) return
    await client.query(`SET TimeZone = '${differing}'`)
    expect(await expectMoments(moments())).toMatchObject({ transport: 'text' })
    expect(await load('clocks', ['{04:05,04:05 UTC}'])).toMatchObject({ transport: 'text' })
    if (differing === 'America/Bogota') {
      expect(await load('plain', ['2026-12-01 10:00|today|now'])).toMatchObject({ transport: 'binary' })
    }
  })

  test('is compared once for a connection', async () => {
    const asked: string[] = []
    const query = client.query
    client.query = function spy(this: pg.Client, ...arguments_: unknown[]) {
      const [config] = arguments_ as [string | { text?: string }]
      asked.push(typeof config === 'string' ? config : (config.text ?? ''))
      return Reflect.apply(query, this, arguments_)
    } as typeof query
    try {
      for (const zone of ['America/Halifax', 'UTC', 'America/Halifax', '<+03>-03', 'America/Halifax']) {
        await client.query(`SET TimeZone = '${zone}'`)
        await load('zoned (at)', ['2001-02-03'])
      }
    } finally {
      client.query = query
    }
    expect(asked.filter((text) => text.includes('sha256'))).toHaveLength(1)
  })
})

describe('zones in literals', () => {
  test('words that mean one offset everywhere, and the session’s own, are read natively', async () => {
    await client.query(`SET TimeZone = 'Europe/Moscow'`)
    const lines = 'UTC|Z|GMT|EST|CEST|Etc/GMT+5|FOO-3:30|MSK|MSD|Europe/Moscow|europe/moscow|+05:30:15'.split('|')
    const receipt = await expectMoments(lines.map((zone) => `1991-07-01 12:00 ${zone}`))
    expect(receipt.transport).toBe('binary')
  })

  test.each(['America/New_York', 'america/edmonton', 'MSK', 'KRAT', 'PST8PDT', 'W-SU', 'Foo5Bar'])(
    'the rules of %s are the server’s',
    async (zone) => {
      const lines = ['2001-02-03 04:05', `2026-12-01 10:00 ${zone}`, '2001-02-03 04:05 UTC', `1992-12-01 10:00 ${zone}`]
      expect(await expectMoments(lines)).toMatchObject({ transport: 'text' })
    },
  )

  test('the statement starts over when rows have left already', async () => {
    const lines = moments().flatMap((at) => Array.from({ length: 40 }, () => at))
    lines.push('2026-12-01 10:00 America/Edmonton')
    const receipt = await load('zoned (at)', lines)
    expect(receipt).toMatchObject({ transport: 'text', rowsRead: lines.length, rowsLoaded: lines.length })
    const { rows } = await client.query('SELECT count(*)::int AS rows, max(at)::text AS at FROM zoned')
    expect(rows).toEqual([{ rows: lines.length, at: expect.stringMatching(/^2119-/) }])
  })

  test('also inside a transaction of the caller', async () => {
    await client.query(`BEGIN; INSERT INTO zoned (at) VALUES ('2000-01-01')`)
    await load('zoned (at)', ['2001-02-03 04:05', '2001-02-03 04:05 Europe/Paris'])
    const { rows } = await client.query('SELECT at::text FROM zoned ORDER BY id')
    expect(rows.map(({ at }) => at)).toEqual([
      '2000-01-01 00:00:00+00',
      '2001-02-03 04:05:00+00',
      '2001-02-03 03:05:00+00',
    ])
    await client.query('ROLLBACK')
    expect((await client.query('SELECT FROM zoned')).rowCount).toBe(0)
  })

  test('are ignored in a timestamp, a date and a time, but only the server knows which there are', async () => {
    const receipt = await load('plain', [
      '2001-02-03 04:05 Europe/Paris|2001-02-03 Asia/Tokyo|2001-02-03 04:05 MSK',
      '2001-02-03 04:05|2001-02-03|04:05',
    ])
    expect(receipt).toMatchObject({ transport: 'text', rowsLoaded: 2 })
    const { rows } = await client.query('SELECT DISTINCT at::text, day::text, clock::text FROM plain')
    expect(rows).toEqual([{ at: '2001-02-03 04:05:00', day: '2001-02-03', clock: '04:05:00' }])
    const error = await load('plain (at)', ['2001-02-03', '2001-02-03 04:05 Nowhere/Land']).catch((e: CopyError) => e)
    expect(error).toMatchObject({
      sqlState: '22023',
      message: 'time zone "nowhere/land" not recognized',
      context: 'COPY plain, line 2, column at: "2001-02-03 04:05 Nowhere/Land"',
      position: { line: 2, column: 'at' },
    })
  })

  test('an error before such a literal is the error', async () => {
    const lines = ['2001-02-03', '2001-02-30', '2001-02-03 04:05 Europe/Paris']
    const error = await load('zoned (at)', lines).catch((e: CopyError) => e)
    expect(error).toMatchObject({ sqlState: '22008', position: { line: 2, column: 'at' } })
  })

  test('a stream cannot start over, so that values with a zone are the server’s from the first', async () => {
    const lines = ['2001-07-03 04:05', '2001-07-03 04:05 Europe/Paris']
    const stdin = () => [Buffer.from(lines.map((line) => `${line}\n`).join(''))]
    expect(await db.copy('COPY zoned (at) FROM STDIN', { stdin: stdin() })).toMatchObject({ transport: 'text' })
    expect(await db.copy('COPY plain (at) FROM STDIN', { stdin: stdin() })).toMatchObject({ transport: 'binary' })
    const zoned = await client.query('SELECT at::text FROM zoned ORDER BY id')
    expect(zoned.rows.map(({ at }) => at)).toEqual(['2001-07-03 04:05:00+00', '2001-07-03 02:05:00+00'])
    const plain = await client.query('SELECT at::text FROM plain')
    expect(plain.rows.map(({ at }) => at)).toEqual(['2001-07-03 04:05:00', '2001-07-03 04:05:00'])
  })
})
