/** Tables at the edges of what PostgreSQL allows, from the statement to the rows. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { serverCopy } from '../server-copy.ts'

let database: ScratchDatabase
let client: pg.Client
let db: Database

beforeAll(async () => {
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  db = await connect(client)
})

afterAll(async () => {
  await db.close()
  await client.end()
  await database.drop()
})

/** Rows as arrays of text. */
async function rows(sql: string): Promise<unknown[]> {
  return (await client.query({ text: sql, rowMode: 'array', types: { getTypeParser: () => String } })).rows
}

async function failure(load: Promise<unknown>): Promise<CopyError> {
  const error = await load.catch((reason: unknown) => reason)
  if (!(error instanceof CopyError)) throw error
  return error
}

describe('columns', () => {
  test.each(['FORMAT csv', 'FORMAT text', 'FORMAT csv, HEADER', 'FORMAT csv, HEADER match'])(
    'none (%s): empty lines are rows, anything else is too much',
    async (options) => {
      await client.query('DROP TABLE IF EXISTS nothing; CREATE TABLE nothing ()')
      const statement = `COPY nothing FROM STDIN (${options})`
      for (const text of ['', '\n', '\n\n\n', '\n\n\nx\n', 'x', '\\.\n', '""\n']) {
        const data = Buffer.from(text)
        const theirs = await serverCopy(client, statement, data).catch((error: pg.DatabaseError) => error)
        const ours = await db.copy(statement, { stdin: [data] }).catch((error: unknown) => error)
        const shown = (outcome: unknown) =>
          outcome instanceof CopyError
            ? [outcome.sqlState, outcome.message, outcome.context]
            : outcome instanceof pg.DatabaseError
              ? [outcome.code, outcome.message, outcome.where]
              : typeof outcome === 'number'
                ? outcome
                : (outcome as { rowsLoaded: number }).rowsLoaded
        expect([text, shown(ours)]).toEqual([text, shown(theirs)])
      }
    },
  )

  test('the end marker in place of the header', async () => {
    await client.query('CREATE TABLE headed (a int, b text)')
    for (const columns of ['', ' (a)']) {
      for (const header of ['', ', HEADER', ', HEADER match']) {
        for (const policy of ['', ', ON_ERROR ignore', ', ON_ERROR skip_row']) {
          for (const text of ['\\.\n', '\\.\r\n', '\\.\n1\tx\n', '\\.x\n', '\\.', 'a\tb\n\\.\n']) {
            const statement = `COPY headed${columns} FROM STDIN (FORMAT text${header}`
            const ours = await db.copy(`${statement}${policy})`, { stdin: [text] }).catch((error: unknown) => error)
            // It has no policy for records, but a header and what stands in its place are no row of any.
            const meant = policy === ', ON_ERROR skip_row' ? '' : policy
            const theirs = await serverCopy(client, `${statement}${meant})`, Buffer.from(text)).catch((error) => error)
            if (policy === ', ON_ERROR skip_row' && theirs instanceof Error && !/header line/.test(theirs.message))
              continue
            const shown =
              ours instanceof CopyError
                ? [ours.sqlState, ours.message, ours.context]
                : (ours as { rowsLoaded: number }).rowsLoaded
            expect([statement, policy, text, shown]).toEqual([
              statement,
              policy,
              text,
              theirs instanceof pg.DatabaseError ? [theirs.code, theirs.message, theirs.where] : theirs,
            ])
          }
        }
      }
    }
  })

  test('1600, the most there can be', async () => {
    const names = Array.from({ length: 1600 }, (_, i) => `c${i}`)
    await client.query(`CREATE TABLE wide (${names.map((name) => `${name} int2`).join(', ')})`)
    const lines = Array.from({ length: 50 }, (_, row) => names.map((_, i) => (i % 7 === 3 ? '' : row + i)).join(','))
    const stdin = [Buffer.from(`${names.join(',')}\n${lines.join('\n')}\n`)]
    const receipt = await db.copy('COPY wide FROM STDIN (FORMAT csv, HEADER match)', { stdin })
    expect(receipt).toMatchObject({ rowsLoaded: 50, headerLines: 1, transport: 'binary' })
    expect(await rows('SELECT sum(c0), sum(c1598), count(c3) FROM wide')).toEqual([['1225', '81125', '0']])
    const short = await failure(
      db.copy('COPY wide FROM STDIN (FORMAT csv)', {
        stdin: [Buffer.from(`${lines[0]}\n${names.slice(1).fill('1')}`)],
      }),
    )
    expect(short).toMatchObject({ message: 'missing data for column "c1599"', position: { line: 2 } })
  })

  test('of any name', async () => {
    const names = ['a"b', 'select', 'Größe', '日本', ' ', "it's", 'a,b', 'ü'.repeat(31), 'x'.repeat(63), 'a\nb', '$1']
    const list = names.map((name) => pg.escapeIdentifier(name))
    await client.query(`CREATE TABLE "Odd ""Names""" (${list.map((name) => `${name} int`).join(', ')})`)
    const header = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(',')
    const statement = `COPY "Odd ""Names""" (${list.join(', ')}) FROM STDIN (FORMAT csv, HEADER match, FORCE_NULL (${list[0]}, ${list[9]}))`
    const line = names.map((_, i) => (i === 0 || i === 9 ? '""' : i)).join(',')
    const receipt = await db.copy(statement, { stdin: [Buffer.from(`${header}\n${line}\n`)] })
    expect(receipt).toMatchObject({ table: 'public."Odd ""Names"""', columns: names, rowsLoaded: 1 })
    expect(await rows('SELECT * FROM "Odd ""Names"""')).toEqual([
      names.map((_, i) => (i === 0 || i === 9 ? null : `${i}`)),
    ])
    for (const [index, name] of names.entries()) {
      const bad = Buffer.from(
        `${header}\n${names.map((_, i) => (i === index ? 'x' : i === 0 || i === 9 ? '' : '1')).join(',')}\n`,
      )
      const error = await failure(db.copy(statement, { stdin: [bad] }))
      const theirs = await serverCopy(client, statement, bad).catch((reason) => reason)
      expect(error).toMatchObject({ message: theirs.message, context: theirs.where, position: { column: name } })
    }
  })
})

describe('names of tables', () => {
  test('are found as the server finds them: search_path, temporary tables first, schemas', async () => {
    await client.query(`
      CREATE SCHEMA "S 1"; CREATE SCHEMA s2;
      CREATE TABLE "S 1".here (a int); CREATE TABLE s2.here (a int); CREATE TABLE public.here (a int)`)
    const load = async (name: string) =>
      (await db.copy(`COPY ${name} FROM STDIN`, { stdin: [Buffer.from('1\n')] })).table
    expect(await load('here')).toBe('public.here')
    await client.query('SET search_path = s2, "S 1", public')
    expect(await load('here')).toBe('s2.here')
    expect(await load('"S 1".here')).toBe('"S 1".here')
    await client.query('CREATE TEMPORARY TABLE here (a int)')
    expect(await load('HERE')).toMatch(/^pg_temp(_\d+)?\.here$/)
    expect(await load('pg_temp.here')).toMatch(/^pg_temp(_\d+)?\.here$/)
    expect(await failure(db.copy('COPY "HERE" FROM STDIN', { stdin: [] }))).toMatchObject({ sqlState: '42P01' })
    await client.query('DROP TABLE pg_temp.here; RESET search_path')
  })

  test('a temporary table dies with its transaction and the load in it', async () => {
    await client.query('BEGIN; CREATE TEMPORARY TABLE brief (a int, at timestamptz) ON COMMIT DROP')
    const receipt = await db.copy('COPY brief FROM STDIN (FORMAT csv)', { stdin: [Buffer.from('1,2001-02-03\n')] })
    expect(receipt.rowsLoaded).toBe(1)
    await client.query('COMMIT')
    expect(await failure(db.copy('COPY brief FROM STDIN', { stdin: [] }))).toMatchObject({ sqlState: '42P01' })
  })
})

test('a table that another session has locked: an abort ends the wait, and nothing is left behind', async () => {
  await client.query('CREATE TABLE locked (a int)')
  const other = new pg.Client({ connectionString: database.url })
  await other.connect()
  await other.query('BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE')
  const started = performance.now()
  const error = await failure(
    db.copy('COPY locked FROM STDIN', { stdin: [Buffer.from('1\n')], signal: AbortSignal.timeout(300) }),
  )
  expect(error.sqlState).toBe('57014')
  expect(performance.now() - started).toBeLessThan(1_500)
  // The lock is let go while the next load waits for it.
  const load = db.copy('COPY locked FROM STDIN', { stdin: [Buffer.from('1\n2\n')] })
  setTimeout(() => other.query('COMMIT'), 200)
  expect(await load).toMatchObject({ rowsLoaded: 2 })
  await other.end()
  expect(await rows('SELECT * FROM locked')).toEqual([['1'], ['2']])
})
