/**
 * Every type from the file to the table: what a load leaves in PostgreSQL, and what it says of a bad value, is what the
 * server's own COPY of the same bytes leaves and says.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { csvField, serverCopy, textField } from '../server-copy.ts'
import { literalsOf, type SessionSettings, type TypeCase, typeCases } from './literals.ts'
import { Random } from './random.ts'

const CANDIDATES = 400
const ROWS = 400
const BAD_VALUES = 12

/** Columns of types that the permanent list of types lacks: domains, and other modifiers. */
const MORE_COLUMNS: readonly { readonly sql: string; readonly literals: readonly string[] }[] = [
  { sql: 'positive', literals: ['1', ' 42 ', '0x7F', '2147483647', '1_000'] },
  { sql: 'code', literals: ['abc', 'abc   ', 'é', ''] },
  { sql: 'moods', literals: ['{ok}', '{sad,"very happy"}', '{}', '{NULL}', '[0:1]={ok,ok}'] },
  { sql: 'positive[]', literals: ['{1,2}', '{}', '{{1},{2}}'] },
  { sql: 'timestamp(0)[]', literals: ['{"2001-02-03 04:05:06.5",infinity}', '{}'] },
  { sql: 'numeric(4,1)[]', literals: ['{1.25,-999.94}', '{NaN}'] },
  { sql: 'varchar(2)[]', literals: ['{ab,"c  "}'] },
  { sql: 'interval(2)', literals: ['1 day 0.125 s', 'P1Y2M', '-1:02:03.999'] },
  { sql: 'timetz(1)', literals: ['04:05:06.77+02', '24:00 Z'] },
  { sql: '"char"', literals: ['x', ''] },
]

/** What only the server reads. One of them makes all columns travel as text. */
const SERVER_TYPES: readonly { readonly sql: string; readonly literals: readonly string[] }[] = [
  { sql: 'inet', literals: ['10.0.0.1/8', '::1'] },
  { sql: 'pair', literals: ['(1,"a ""b"", c")', '(,)'] },
  { sql: 'int4range', literals: ['[1,5)', 'empty', '(,3]'] },
  { sql: 'point', literals: ['(1,2)'] },
  { sql: 'interval day to minute', literals: ['1 2:03', '90'] },
  { sql: 'tsvector', literals: ["'a b':1 c\\:d"] },
  { sql: 'xid8', literals: ['123'] },
  { sql: 'money', literals: ['$1,234.56'] },
  { sql: 'bit(3)', literals: ['101'] },
  { sql: 'pair[]', literals: ['{"(1,x)","(2,\\"y z\\")"}'] },
]

const SESSIONS: readonly (SessionSettings & { readonly dateStyle: string })[] = [
  { timeZone: 'UTC', dateStyle: 'ISO', dateOrder: 'mdy', intervalStyle: 'postgres' },
  { timeZone: 'Europe/Berlin', dateStyle: 'German', dateOrder: 'dmy', intervalStyle: 'sql_standard' },
  { timeZone: 'Asia/Kolkata', dateStyle: 'SQL', dateOrder: 'ymd', intervalStyle: 'iso_8601' },
  { timeZone: 'America/Edmonton', dateStyle: 'Postgres', dateOrder: 'mdy', intervalStyle: 'postgres_verbose' },
]

let database: ScratchDatabase
let client: pg.Client
let db: Database
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-types-'))
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  db = await connect(client)
  await client.query(`
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy', 'Ök');
    CREATE TYPE pair AS (a int, b text);
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE DOMAIN code AS varchar(3) NOT NULL;
    CREATE DOMAIN moods AS mood[]`)
})

afterAll(async () => {
  await db.close()
  await client.end()
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(() => client.query('RESET ALL'))

function apply(session: (typeof SESSIONS)[number]): Promise<unknown> {
  return client.query(
    `SELECT set_config('TimeZone', $1, false), set_config('DateStyle', $2, false), set_config('IntervalStyle', $3, false)`,
    [session.timeZone, `${session.dateStyle}, ${session.dateOrder}`, session.intervalStyle],
  )
}

/** A type as SQL writes it. */
function sqlOf(type: TypeCase): string {
  return type.sql ?? type.type.replace(/^enum:mood:[^[]*/, 'mood').replace(/:oid$/, '')
}

/** Literals of a type that the server takes, or those that it refuses, in the session as it is. */
async function sorted(type: TypeCase, random: Random, takes: boolean): Promise<string[]> {
  const literals = literalsOf(type, random, CANDIDATES, []).filter((literal) => !literal.includes('\0'))
  const { rows } = await client.query<{ literal: string }>(
    'SELECT literal FROM unnest($1::text[]) AS l (literal) WHERE pg_input_is_valid(literal, $2) = $3',
    [literals, sqlOf(type), takes],
  )
  return rows.map(({ literal }) => literal)
}

type Row = readonly (string | null)[]

/** The columns' literals side by side, and a NULL here and there. */
function rowsOf(columns: readonly (readonly string[])[], nullable: (column: number) => boolean): Row[] {
  return Array.from({ length: ROWS }, (_, row) =>
    columns.map((literals, column) =>
      (row + column) % 17 === 0 && nullable(column) ? null : (literals[row % literals.length] ?? null),
    ),
  )
}

const FORMATS = [
  { options: 'FORMAT csv', encode: (rows: readonly Row[]) => rows.map((row) => `${row.map(csvField).join(',')}\n`) },
  { options: 'FORMAT text', encode: (rows: readonly Row[]) => rows.map((row) => `${row.map(textField).join('\t')}\n`) },
]

/** Loads the same bytes twice in one transaction, so that `now` is the same, and returns how ours travelled. */
async function expectSameRows(types: readonly string[], rows: readonly Row[], format: (typeof FORMATS)[number]) {
  const data = Buffer.from(format.encode(rows).join(''))
  const path = join(folder, 'input')
  writeFileSync(path, data)
  const columns = types.map((type, i) => `c${i} ${type}`).join(', ')
  await client.query(`BEGIN; CREATE TABLE ours (${columns}); CREATE TABLE theirs (LIKE ours)`)
  try {
    expect(await serverCopy(client, `COPY theirs FROM STDIN (${format.options})`, data)).toBe(rows.length)
    const receipt = await db.copy(`COPY ours FROM '${path}' (${format.options})`)
    expect(receipt).toMatchObject({ rowsRead: rows.length, rowsLoaded: rows.length, rowsFiltered: 0 })
    const list = types.map((_, i) => `c${i}::text`).join(', ')
    const look = async (table: string) =>
      (await client.query<(string | null)[]>({ text: `SELECT ${list} FROM ${table} ORDER BY ctid`, rowMode: 'array' }))
        .rows
    const [ours, theirs] = [await look('ours'), await look('theirs')]
    for (const [index, row] of theirs.entries()) {
      expect({ row: ours[index], literals: rows[index] }).toEqual({ row, literals: rows[index] })
    }
    expect(ours.length).toBe(theirs.length)
    return receipt.transport
  } finally {
    await client.query('ROLLBACK')
  }
}

describe.each(SESSIONS)('a table of every type ($dateStyle, $dateOrder, $timeZone, $intervalStyle)', (session) => {
  test.each(FORMATS)('$options', async (format) => {
    await apply(session)
    const random = new Random(`copy ${session.timeZone}`)
    const types = typeCases.map(sqlOf)
    const literals: string[][] = []
    for (const type of typeCases) {
      // A zone's name would make all dates travel as text: that is tried by the next test.
      const good = (await sorted(type, random, true)).filter((literal) => !isLeftToServer(type, literal))
      expect(good.length, type.type).toBeGreaterThan(3)
      literals.push(good)
    }
    for (const { sql, literals: good } of MORE_COLUMNS.filter(
      ({ sql: type }) => type !== '"char"' && !type.startsWith('positive['),
    )) {
      types.push(sql)
      literals.push([...good])
    }
    const rows = rowsOf(literals, (column) => types[column] !== 'code')
    const { timeZone } = session
    const transport = await expectSameRows(types, rows, format)
    // Which zones the server has other data of is its own affair.
    if (timeZone !== 'America/Edmonton') expect(transport).toBe('binary')
  })

  test('with columns that only the server reads', async () => {
    await apply(session)
    const random = new Random(`text ${session.timeZone}`)
    const types = typeCases.map(sqlOf)
    const literals: string[][] = []
    for (const type of typeCases) literals.push(await sorted(type, random, true))
    for (const { sql, literals: good } of [...MORE_COLUMNS, ...SERVER_TYPES]) {
      types.push(sql)
      literals.push([...good])
    }
    const rows = rowsOf(literals, (column) => types[column] !== 'code')
    for (const format of FORMATS) expect(await expectSameRows(types, rows, format)).toBe('text')
  })
})

/** The words of dates and times that mean the same to every server, apart from each other. */
const PLAIN_WORDS =
  /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|january|february|december|sept|am|pm|bc|ad|infinity|epoch|now|today|tomorrow|yesterday|allballs|est|edt|pst|cet|cest)\b|(utc|gmt|z)$|(?<=\d)t(?=\d)/gi

/** Whether a literal of a date or time may make all of them travel as text: a named zone, or beyond what binary forms hold. */
function isLeftToServer(type: TypeCase, literal: string): boolean {
  if (!/^(date|time)/.test(type.type)) return false
  return /[a-z]/i.test(literal.replace(/NULL/gi, '').replace(PLAIN_WORDS, '')) || literal.includes('294276')
}

interface Refusal {
  readonly sqlState: string | undefined
  readonly message: string
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly context: string | undefined
}

describe('a bad value is refused in the words of the server', () => {
  const cases = typeCases.map((type) => ({ name: type.type, type }))
  test.each(cases)('$name', async ({ type }) => {
    const sql = sqlOf(type)
    await client.query(`DROP TABLE IF EXISTS refused; CREATE TABLE refused (id int, "The ""Value""" ${sql})`)
    const random = new Random(`refused ${type.type}`)
    const bad = (await sorted(type, random, false)).slice(-BAD_VALUES)
    const [good = ''] = await sorted(type, random, true)
    for (const literal of bad) {
      for (const format of FORMATS) {
        const rows = [good, good, literal, good, literal].map((value, id) => [`${id}`, value])
        const [before, after] = [format.encode(rows.slice(0, 2)), format.encode(rows.slice(2))]
        const data = Buffer.from([...before, ...after].join(''))
        const theirs = await serverCopy(client, `COPY refused FROM STDIN (${format.options})`, data).then(
          () => undefined,
          ({ code, message, detail, hint, where }: pg.DatabaseError): Refusal => {
            return { sqlState: code, message, detail, hint, context: where }
          },
        )
        const path = join(folder, 'input')
        writeFileSync(path, data)
        const error: unknown = await db.copy(`COPY refused FROM '${path}' (${format.options})`).catch((e) => e)
        if (!(error instanceof CopyError)) throw error
        const { sqlState, message, detail, hint, context, position } = error
        expect({ literal, refusal: { sqlState, message, detail, hint, context } }).toEqual({ literal, refusal: theirs })
        // Good values may span lines, but not in the TEXT format.
        if (format.options === 'FORMAT text') expect(position).toMatchObject({ line: 3, column: 'The "Value"' })
        expect(position.byteOffset).toBe(Buffer.byteLength(before.join('')))
      }
    }
    expect((await client.query('SELECT FROM refused')).rowCount).toBe(0)
  })

  test('by the constraint of a domain, with the line and the column', async () => {
    await client.query('CREATE TABLE guarded (id int, size positive, short code)')
    for (const [row, line] of [
      ['2,0,ab', 2],
      ['2,5,', 2],
      ['2,5,abcd', 2],
    ] as const) {
      const data = Buffer.from(`1,1,a\n${row}\n3,3,c\n`)
      const theirs = await serverCopy(client, 'COPY guarded FROM STDIN (FORMAT csv)', data).catch((e) => e)
      const ours = await db.copy('COPY guarded FROM STDIN (FORMAT csv)', { stdin: [data] }).catch((e) => e)
      expect(ours).toBeInstanceOf(CopyError)
      expect(ours).toMatchObject({ sqlState: theirs.code, message: theirs.message, position: { line } })
      const column = /column (\w+)/.exec(theirs.where)?.[1]
      expect(ours.position.column).toBe(column)
    }
  })
})
