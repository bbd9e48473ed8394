/**
 * Small files of nothing but characters that matter, under random options: what a load leaves in the table, or says, is
 * what the server's own COPY FROM STDIN leaves and says.
 */
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { serverCopy } from '../server-copy.ts'
import { Random } from '../types/random.ts'

const CASES = Number(process.env.COPYIST_TEST_OPTION_CASES ?? 2_000)

let database: ScratchDatabase
let client: pg.Client
let db: Database

beforeAll(async () => {
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  db = await connect(client)
  await client.query(`
    CREATE TABLE t (a text, b text DEFAULT 'of b', c int DEFAULT 7, "D d" varchar(4) NOT NULL DEFAULT 'd');
    CREATE TABLE one (a text)`)
})

afterAll(async () => {
  await db.close()
  await client.end()
  await database.drop()
})

interface Case {
  readonly table: 't' | 'one'
  readonly columns: readonly string[] | undefined
  readonly options: string
  readonly data: Buffer
}

/** An SQL string of any characters. */
function literal(text: string): string {
  const escaped = text.replace(/[^\w ,;|]/g, (character) => `\\x${Buffer.from(character).toString('hex')}`)
  return `E'${escaped}'`
}

function randomCase(random: Random): Case {
  const csv = !random.once(4)
  const table = random.once(6) ? 'one' : 't'
  const all = table === 'one' ? ['a'] : ['a', 'b', 'c', 'D d']
  const columns = random.once(3) ? all.filter(() => !random.once(3)).reverse() : undefined
  const used = columns?.length ? columns : all
  const quoted = (name: string) => (name === 'D d' ? '"D d"' : name)
  const delimiter = random.pick(
    csv ? [',', ',', ';', '\t', ' ', 'x', '\\', '.', '\x01', "'"] : ['\t', ',', '|', ' ', "'"],
  )
  const quote = csv ? random.pick(['"', '"', "'", '$', '\\', 'q', '\x02']) : ''
  const escapeCharacter = csv ? random.pick([quote, quote, '\\', '"', 'e', '#', delimiter]) : '\\'
  const nullText = random.pick(
    csv ? ['', '', 'NULL', 'N', '\\N', ' ', '0'] : ['\\N', '\\N', '', 'NULL', 'N', '\\\\', '7'],
  )
  const marker = random.once(3) ? random.pick(['\\D', 'DEF', '', '1', '\\.']) : undefined
  const header = random.pick(['', '', '', 'true', 'match', 'off'])
  const parts = [`FORMAT ${csv ? 'csv' : 'text'}`]
  if (delimiter !== (csv ? ',' : '\t') || random.once(3)) parts.push(`DELIMITER ${literal(delimiter)}`)
  if (csv && (quote !== '"' || random.once(3))) parts.push(`QUOTE ${literal(quote)}`)
  if (csv && (escapeCharacter !== quote || random.once(3))) parts.push(`ESCAPE ${literal(escapeCharacter)}`)
  if (nullText !== (csv ? '' : '\\N') || random.once(3)) parts.push(`NULL ${literal(nullText)}`)
  if (marker !== undefined) parts.push(`DEFAULT ${literal(marker)}`)
  if (header !== '') parts.push(`HEADER ${header}`)
  for (const force of csv ? ['FORCE_NULL', 'FORCE_NOT_NULL'] : []) {
    const forced = random.once(9) ? all : used.filter(() => random.once(2))
    if (random.once(6)) parts.push(`${force} *`)
    else if (random.once(2) && forced.length > 0) parts.push(`${force} (${forced.map(quoted).join(', ')})`)
  }

  const end = random.pick(['\n', '\n', '\r\n', '\r'])
  const specials = [
    delimiter,
    quote,
    escapeCharacter,
    nullText,
    marker ?? '',
    '\\',
    '"',
    '\n',
    '\r',
    '\\.',
    '\\N',
    ' ',
    'é',
    '\\x41',
    '\\101',
    '\\t',
  ]
  const words = ['a', 'bc', '12', '-3', '7', '', '', 'longer', 'ü', 'NULL', 'N', nullText, nullText, marker ?? '0']
  const field = () => {
    const text = random.once(5)
      ? random.pick(specials) + random.pick(words) + random.pick(specials)
      : random.pick(words)
    if (!csv || !random.once(3)) return text
    return (
      quote +
      (random.once(6) ? text : text.replaceAll(quote, () => escapeCharacter + quote)) +
      (random.once(20) ? '' : quote)
    )
  }
  const rows = Array.from({ length: random.between(0, 5) }, () => {
    const count = random.once(15) ? random.between(0, used.length + 1) : used.length
    // Mostly numbers where the server wants a number.
    return Array.from({ length: count }, (_, i) =>
      used[i] === 'c' && !random.once(12) ? random.pick(['1', '22', '-3', nullText]) : field(),
    ).join(delimiter)
  })
  if (header !== '' && !random.once(4)) rows.unshift(used.join(delimiter))
  if (random.once(25)) rows.splice(random.below(rows.length + 1), 0, '\\.')
  const text = rows.map((row) => row + (random.once(40) ? random.pick(['\n', '\r', '']) : end)).join('')
  const bytes = Buffer.from(random.once(4) ? text.slice(0, text.length - end.length) : text)
  // Now and then a byte that is not UTF-8.
  const data = random.once(40) ? Buffer.concat([bytes, Buffer.from([0xff]), bytes]) : bytes
  return { table, columns: columns?.length ? columns.map(quoted) : undefined, options: parts.join(', '), data }
}

/** The table after a load, or the error. */
async function outcome(table: string, load: () => Promise<unknown>): Promise<unknown> {
  await client.query(`TRUNCATE ${table}`)
  try {
    await load()
    return (await client.query({ text: `SELECT * FROM ${table} ORDER BY ctid`, rowMode: 'array' })).rows
  } catch (error) {
    if (error instanceof CopyError) {
      return { sqlState: error.sqlState, message: error.message, context: error.context }
    }
    const { code, message, where } = error as pg.DatabaseError
    // A record that is decoded is not kept for a constraint that it may break.
    const context = code === '23502' ? where?.replace(/^(COPY \w+, line \d+): ".*"$/s, '$1') : where
    return { sqlState: code, message, context }
  }
}

describe('options and files', () => {
  test('PostgreSQL and a load agree', { timeout: 300_000 }, async () => {
    const random = new Random('options')
    const differences: string[] = []
    const kinds = { loaded: 0, refused: 0 }
    for (let index = 0; index < CASES; index += 1) {
      const { table, columns, options, data } = randomCase(random)
      const statement = `COPY ${table}${columns ? ` (${columns.join(', ')})` : ''} FROM STDIN (${options})`
      const theirs = await outcome(table, () => serverCopy(client, statement, data))
      const ours = await outcome(table, () => db.copy(statement, { stdin: [data] }))
      kinds[Array.isArray(theirs) ? 'loaded' : 'refused'] += 1
      if (isDeepStrictEqual(ours, theirs)) continue
      const shown = { index, statement, data: data.toString('latin1'), theirs, ours }
      differences.push(JSON.stringify(shown, undefined, 1))
    }
    expect(
      differences.slice(0, 8),
      `${differences.length} of ${CASES} differ:\n${differences.slice(0, 8).join('\n')}`,
    ).toEqual([])
    // Neither files that all fit nor files that all fail would prove much.
    expect(kinds.loaded).toBeGreaterThan(CASES / 5)
    expect(kinds.refused).toBeGreaterThan(CASES / 5)
  })
})
