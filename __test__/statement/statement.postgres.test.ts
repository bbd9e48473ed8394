import { Client, type DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { encodingNames, encodingSpellings, findEncoding } from '../../lib/statement/encodings.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { grammarStatements } from './grammar.cases.ts'
import { optionStatements } from './option.cases.ts'

/** What one side says of a statement. */
interface Verdict {
  readonly sqlState: string
  readonly message: string
  /** Character of the statement, in code points from 1. */
  readonly position: number | undefined
  readonly hint: string | undefined
}

const accepted = 'accepted'

/** What this version refuses although PostgreSQL takes it, with what the statement must then hold. */
const unsupported: readonly (readonly [message: RegExp, statement: RegExp])[] = [
  [/^COPY does not support this ENCODING yet$/, /johab/i],
  [/^COPY ENCODING is not supported in BINARY mode$/, /binary/i],
  [/^COPY FROM PROGRAM is not supported yet$/, /program/i],
  [/^COPY (quote|escape) cannot be newline or carriage return$/, /(quote|escape)\s+(as\s+)?e'\\[rn]'/i],
  [/^U&.* not supported$/, /U&/],
]

/** Errors of ours that come before, or in place of, whatever PostgreSQL says, because they say more. */
const ownErrors = /^COPY TO is not supported yet$|^U&.* not supported$|^only one statement can be run at a time$/

/** Errors of the server's about a value of ours, and an option that it takes between parentheses only. It looks no further. */
const ownFeatures =
  /^COPY ON_ERROR "set_null" not recognized$|^syntax error at or near "ON_ERROR"$|^argument to option "encoding" must be a valid encoding name$/

/** HEADER with a number of lines comes with PostgreSQL 19; 18 says this of it and looks no further. */
function isHeaderCount(statement: string, { message }: Verdict): boolean {
  return message === 'header requires a Boolean value or "match"' && /header\s+2\b/i.test(statement)
}

let client: Client

beforeAll(async () => {
  const connectionString = process.env.COPYIST_TEST_POSTGRES
  if (!connectionString) throw new Error('COPYIST_TEST_POSTGRES must hold the connection string of a PostgreSQL 18')
  client = new Client({ connectionString })
  await client.connect()
  await client.query('CREATE TEMPORARY TABLE t (a int, b text, c text)')
  await client.query('CREATE TEMPORARY TABLE "T x" (a int, "B" text)')
})

afterAll(async () => {
  await client?.end()
})

async function askServer(statement: string): Promise<Verdict | typeof accepted> {
  try {
    await client.query(statement)
    return accepted
  } catch (error) {
    const { code, message, position, hint } = error as DatabaseError
    // The driver answers the server's call for data with CopyFail; a path leads nowhere. Both mean that the statement is good.
    // So does a program that cannot be run.
    if (code === '57014' || code === '58P01' || code === '38000') return accepted
    return { sqlState: code ?? '', message, position: position === undefined ? undefined : Number(position), hint }
  }
}

function askParser(statement: string): Verdict | typeof accepted {
  try {
    parseCopy(statement)
    return accepted
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    const offset = error.statement?.offset ?? -1
    const position = Array.from(statement.slice(0, offset)).length + 1
    return { sqlState: error.sqlState, message: error.message, position, hint: error.hint }
  }
}

/** Whether the server's objection is to the condition after WHERE, which is its own to judge. */
function isAboutCondition(statement: string, server: Verdict): boolean {
  const where = parseCopy(statement).where
  return where !== undefined && (server.position === undefined || server.position > where.offset)
}

/** The differences between the server's answer and ours, one line a statement. */
async function compare(statements: readonly string[]): Promise<string[]> {
  const differences: string[] = []
  for (const statement of statements) {
    const server = await askServer(statement)
    const ours = askParser(statement)
    if (server !== accepted && (ownFeatures.test(server.message) || isHeaderCount(statement, server))) continue
    if (ours === accepted) {
      if (server === accepted || isAboutCondition(statement, server)) continue
    } else if (ownErrors.test(ours.message)) {
      continue
    } else if (server === accepted) {
      const isUnsupported = unsupported.some(([message, cause]) => message.test(ours.message) && cause.test(statement))
      if (isUnsupported && ours.sqlState === '0A000') continue
    } else {
      const samePlace = server.position === undefined || server.position === ours.position
      const sameHint = server.hint === undefined || server.hint === ours.hint
      if (server.sqlState === ours.sqlState && server.message === ours.message && samePlace && sameHint) continue
    }
    differences.push(`${statement}\n  server: ${JSON.stringify(server)}\n  ours:   ${JSON.stringify(ours)}`)
  }
  return differences
}

describe('the parser and PostgreSQL give the same verdict, SQLSTATE, message and place', () => {
  test('grammar and literals', async () => {
    expect(await compare(grammarStatements())).toEqual([])
  })

  test('names of encodings', async () => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT pg_encoding_to_char(n) AS name FROM generate_series(0, 60) AS n WHERE pg_encoding_to_char(n) <> $1',
      [''],
    )
    const aliases = [
      ...encodingSpellings,
      'unicode',
      'UTF8',
      'utf',
      'ascii',
      'cp1252',
      'ibm866',
      'latin-1',
      'ISO 8859-15',
    ]
    for (const name of [...rows.map((row) => row.name), ...aliases]) {
      const server = await client.query<{ name: string }>(
        'SELECT pg_encoding_to_char(pg_char_to_encoding($1)) AS name',
        [name],
      )
      const known = server.rows[0]?.name || undefined
      const isOther = known !== undefined && !encodingNames.includes(known)
      expect([name, findEncoding(name)]).toEqual([name, isOther ? 'other' : known])
    }
  })

  test('options alone, in pairs and in larger combinations', { timeout: 120_000 }, async () => {
    const statements = optionStatements()
    expect(statements.length).toBeGreaterThan(5_000)
    expect(await compare(statements)).toEqual([])
  })
})
