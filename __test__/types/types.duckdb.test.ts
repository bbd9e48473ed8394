/**
 * Every type from the literal to DuckDB's column: what a load leaves in DuckDB and in PostgreSQL is the value of the server's own
 * input function, and what it says of a bad literal is what the server says.
 *
 * Values are compared in the server's binary form, DECIMALs as text. Where DuckDB has no room for a value of PostgreSQL, the
 * list DUCKDB_LIMITS says which refusal is due instead.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBDateValue,
  DuckDBInstance,
  type DuckDBIntervalValue,
  type DuckDBTimestampTZValue,
  type DuckDBTimestampValue,
  type DuckDBTimeTZValue,
  type DuckDBTimeValue,
  type DuckDBValue,
} from '@duckdb/node-api'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { textField } from '../server-copy.ts'
import { readCorpus } from './corpus.ts'
import { numeric } from './literals.numbers.ts'
import { literalsOf, type TypeCase, typeCases } from './literals.ts'
import { Random } from './random.ts'

const LITERALS = 20_000
const REFUSALS = 300
/** Loads of refused literals that run side by side. */
const ABREAST = 4

/** Their value depends on the moment at which the transaction began. */
const MOVING = /now|today|tomorrow|yesterday/i

/** A type of PostgreSQL as DuckDB has it. */
interface Column {
  readonly type: TypeCase
  readonly duckdb: string
  /** A value of DuckDB in the binary form that PostgreSQL sends, as hex; text for DECIMAL. */
  canonical(value: NonNullable<DuckDBValue>): string
}

const MICROS_2000 = 946_684_800_000_000n
const DAYS_2000 = 10_957
const INT64_MAX = 2n ** 63n - 1n
const hex64 = (value: bigint) => BigInt.asUintN(64, value).toString(16).padStart(16, '0')
const hex = (value: number, bits: 16 | 32) =>
  BigInt.asUintN(bits, BigInt(value))
    .toString(16)
    .padStart(bits / 4, '0')
const bytes = (value: string | Uint8Array) => Buffer.from(value as string).toString('hex')

function hexFloat(value: number, width: 4 | 8): string {
  const buffer = Buffer.alloc(width)
  if (width === 4) buffer.writeFloatBE(value)
  else buffer.writeDoubleBE(value)
  return buffer.toString('hex')
}

/** DuckDB's infinities are ±(2⁶³ - 1), PostgreSQL's the ends of int64. */
function instant(micros: bigint): string {
  if (micros === INT64_MAX) return hex64(INT64_MAX)
  return hex64(micros === -INT64_MAX ? -INT64_MAX - 1n : micros - MICROS_2000)
}

function day(days: number): string {
  if (days === 0x7fffffff) return hex(days, 32)
  return hex(days === -0x7fffffff ? -0x80000000 : days - DAYS_2000, 32)
}

const known = new Map(
  [...typeCases, ...['numeric(18,4)', 'numeric(9,3)'].map(numeric)].map((each) => [each.type, each]),
)

function column(type: string, duckdb: string, canonical: (value: never) => string, sql?: string): Column {
  const found = known.get(type)
  if (found === undefined) throw new Error(`no literals of ${type}`)
  return {
    type: sql === undefined ? found : { ...found, sql },
    duckdb,
    canonical: canonical as Column['canonical'],
  }
}

const decimal = (precision: number, scale: number) =>
  column(
    scale === 0 ? `numeric(${precision})` : `numeric(${precision},${scale})`,
    `DECIMAL(${precision},${scale})`,
    String,
  )

const COLUMNS: readonly Column[] = [
  column('bool', 'BOOLEAN', (value: boolean) => (value ? '01' : '00')),
  column('int2', 'SMALLINT', (value: number) => hex(value, 16)),
  column('int4', 'INTEGER', (value: number) => hex(value, 32)),
  column('int8', 'BIGINT', (value: bigint) => hex64(value)),
  column('float4', 'REAL', (value: number) => hexFloat(value, 4)),
  column('float8', 'DOUBLE', (value: number) => hexFloat(value, 8)),
  ...[decimal(4, 0), decimal(5, 2), decimal(9, 3), decimal(18, 4), decimal(38, 10)],
  column('text', 'VARCHAR', (value: string) => bytes(value)),
  column('bytea', 'BLOB', (value: DuckDBBlobValue) => bytes(value.bytes)),
  column('date', 'DATE', (value: DuckDBDateValue) => day(value.days)),
  column('time', 'TIME', (value: DuckDBTimeValue) => hex64(value.micros)),
  column('timetz', 'TIME WITH TIME ZONE', (value: DuckDBTimeTZValue) => hex64(value.micros) + hex(-value.offset, 32)),
  column('timestamp', 'TIMESTAMP', (value: DuckDBTimestampValue) => instant(value.micros)),
  column('timestamptz', 'TIMESTAMP WITH TIME ZONE', (value: DuckDBTimestampTZValue) => instant(value.micros)),
  column(
    'interval',
    'INTERVAL',
    (value: DuckDBIntervalValue) => hex64(value.micros) + hex(value.days, 32) + hex(value.months, 32),
  ),
  column('uuid', 'UUID', (value: unknown) => String(value).replaceAll('-', '')),
  column('json', 'JSON', (value: string) => bytes(value)),
  // DuckDB does not know by which name a column's ENUM was made, so the messages leave it out.
  column(
    'enum:mood:sad,ok,very happy,Ök',
    `ENUM ('sad', 'ok', 'very happy', 'Ök')`,
    (value: string) => bytes(value),
    '"enum"',
  ),
]

interface Refusal {
  readonly sqlState: string
  readonly message: string
}

/** Last instant of DuckDB's timestamps, in microseconds since 2000. */
const LAST_INSTANT = INT64_MAX - 1n - MICROS_2000

/** Whether escapes in a JSON text name half of a surrogate pair. */
function hasLoneSurrogate(text: string): boolean {
  const units = [...text.matchAll(/\\(?:u([0-9a-fA-F]{4})|[^u])|[^\\]/g)].map(([, code]) =>
    Number.parseInt(code ?? '20', 16),
  )
  return units.some((unit, at) => {
    const isLow = (other: number | undefined) => other !== undefined && other >= 0xdc00 && other <= 0xdfff
    const isHigh = (other: number | undefined) => other !== undefined && other >= 0xd800 && other <= 0xdbff
    return (isHigh(unit) && !isLow(units[at + 1])) || (isLow(unit) && !isHigh(units[at - 1]))
  })
}

/** What PostgreSQL accepts and DuckDB has no value for. `value` is the canonical one. */
const DUCKDB_LIMITS: readonly {
  readonly types: RegExp
  applies(value: string, literal: string): boolean
  refusal(literal: string, duckdb: string): Partial<Refusal>
}[] = [
  {
    types: /^numeric/,
    applies: (value) => value === 'NaN',
    refusal: (literal, duckdb) => ({ sqlState: '22003', message: `value "${literal}" cannot be stored in ${duckdb}` }),
  },
  {
    types: /^timetz/,
    applies: (value) => Math.abs(Number(BigInt.asIntN(32, BigInt(`0x${value.slice(16)}`)))) > 57_599,
    refusal: (literal) => ({ sqlState: '22009', message: `time zone displacement out of range: "${literal}"` }),
  },
  {
    // DuckDB wants surrogates in pairs; PostgreSQL's type json lets single ones pass. The words are DuckDB's.
    types: /^json$/,
    applies: (_value, literal) => hasLoneSurrogate(literal),
    refusal: () => ({ sqlState: '22P02', message: expect.stringMatching(/^Malformed JSON at byte \d+ .*surrogate/) }),
  },
  {
    types: /^interval/,
    applies: (value) => value === '7fffffffffffffff7fffffff7fffffff' || value === '80000000000000008000000080000000',
    refusal: (literal) => ({ sqlState: '22015', message: `interval out of range: "${literal}"` }),
  },
  {
    types: /^timestamp/,
    applies: (value) => {
      const micros = BigInt.asIntN(64, BigInt(`0x${value}`))
      return micros > LAST_INSTANT && micros !== INT64_MAX
    },
    refusal: (literal) => ({ sqlState: '22008', message: `timestamp out of range: "${literal}"` }),
  },
]

let folder: string
let scratch: ScratchDatabase
let client: pg.Client
let postgres: Database
let instance: DuckDBInstance
let side: DuckDBConnection
let duckdb: Database
const corpus = readCorpus()

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-duckdb-types-'))
  scratch = await createScratchDatabase()
  client = new pg.Client({ connectionString: scratch.url })
  await client.connect()
  await client.query(`
    SET TimeZone = 'UTC';
    CREATE FUNCTION hex(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT encode(convert_to($1, 'UTF8'), 'hex') $$;
    CREATE TYPE "enum" AS ENUM ('sad', 'ok', 'very happy', 'Ök')`)
  postgres = await connect(client)
  const path = join(folder, 'types.duckdb')
  duckdb = await connect(path)
  // The instance that the target has open: loads side by side, each on a connection of its own, and one to look at the tables.
  instance = await DuckDBInstance.fromCache(path)
  side = await instance.connect()
  await side.run(`SET GLOBAL TimeZone = 'UTC'`)
})

afterAll(async () => {
  await duckdb.close()
  side.closeSync()
  instance.closeSync()
  await postgres.close()
  await client.end()
  await scratch.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** The server's answers: the canonical value, or the refusal. */
async function serverAnswers(sql: string, literals: readonly string[]): Promise<(string | Refusal)[]> {
  await client.query('DROP FUNCTION IF EXISTS verdict; DROP TYPE IF EXISTS holder')
  await client.query(`CREATE TYPE holder AS (value ${sql})`)
  const { rows } = await client.query(
    `SELECT typsend::text AS send, typname FROM pg_type JOIN pg_attribute ON pg_type.oid = atttypid WHERE attrelid = 'holder'::regclass`,
  )
  const { send, typname } = rows[0]
  const value =
    typname === 'json'
      ? 'json_in(textout(literal))'
      : `(json_populate_record(NULL::holder, json_build_object('value', literal))).value`
  const canonical = canonicalSql('result', typname, send)
  await client.query(`
    CREATE FUNCTION verdict(literals text) RETURNS SETOF text LANGUAGE plpgsql AS $$
    DECLARE literal text; result ${sql}; state text; message text;
    BEGIN
      FOR literal IN SELECT value FROM json_array_elements_text(literals::json) LOOP
        BEGIN
          result := ${value};
          RETURN NEXT 'ok' || chr(9) || ${canonical};
        EXCEPTION WHEN OTHERS THEN
          GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
          RETURN NEXT concat_ws(chr(9), 'err', state, hex(message));
        END;
      END LOOP;
    END $$`)
  const answers = await client.query({
    text: 'SELECT verdict($1)',
    values: [JSON.stringify(literals)],
    rowMode: 'array',
  })
  return answers.rows.map(([answer]: string[]) => {
    const [kind, first = '', second = ''] = (answer ?? '').split('\t')
    if (kind === 'ok') return first
    const message = Buffer.from(second, 'hex').toString()
    return { sqlState: first, message: message.replace('value for enum enum:', 'value for enum:') }
  })
}

function canonicalSql(value: string, typname: string, send: string): string {
  return typname === 'numeric' ? `${value}::text` : `encode(${send}(${value}), 'hex')`
}

const copyOf = (literals: readonly string[]) =>
  Buffer.from(literals.map((literal, n) => `${n}\t${textField(literal)}\n`).join(''))

/** The literals with their answers, without those that depend on the clock. */
async function answersFor(type: TypeCase): Promise<Map<string, string | Refusal>> {
  const seeds = (type.corpus ?? []).flatMap((name) => corpus?.get(name) ?? [])
  const literals = literalsOf(type, new Random(`duckdb ${type.type}`), LITERALS, seeds).filter(
    (literal) => !MOVING.test(literal),
  )
  const answers = await serverAnswers(type.sql ?? type.type, literals)
  return new Map(literals.map((literal, n) => [literal, answers[n] ?? '']))
}

/** As `toEqual`. */
function equals(actual: unknown, expected: unknown): boolean {
  try {
    expect(actual).toEqual(expected)
    return true
  } catch {
    return false
  }
}

/** At most `count` of `items`, from everywhere among them. */
function spread<Item>(items: readonly Item[], count: number): Item[] {
  const step = Math.max(1, items.length / count)
  return Array.from({ length: Math.min(count, items.length) }, (_, n) => items[Math.floor(n * step)] as Item)
}

/** What DuckDB says of each literal when it is loaded alone, and that nothing of it stays. */
async function refusals(literals: readonly string[]): Promise<Refusal[]> {
  const found: Refusal[] = []
  const queue = literals.map((literal, n) => ({ literal, n }))
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const load = duckdb.copy('COPY refused FROM STDIN', { stdin: [copyOf([next.literal])], threads: 1 })
      const error = await load.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      if (error instanceof CopyError) {
        const { sqlState, message, position } = error
        expect(position, next.literal).toMatchObject({ line: 1, column: 'v' })
        found[next.n] = { sqlState, message }
      } else {
        found[next.n] = { sqlState: '00000', message: error === undefined ? 'loaded' : String(error) }
      }
    }
  }
  await Promise.all(Array.from({ length: ABREAST }, work))
  return found
}

describe('a literal has one value in both databases', () => {
  test.for(COLUMNS)('$duckdb', async ({ type, duckdb: duckdbType, canonical }) => {
    const sql = type.sql ?? type.type
    const answers = await answersFor(type)
    const limitOf = (literal: string) => {
      const value = answers.get(literal)
      return typeof value === 'string'
        ? DUCKDB_LIMITS.find((limit) => limit.types.test(type.type) && limit.applies(value, literal))
        : undefined
    }
    const accepted = [...answers.keys()].filter((literal) => typeof answers.get(literal) === 'string')
    const stored = accepted.filter((literal) => limitOf(literal) === undefined)
    expect(stored.length).toBeGreaterThanOrEqual(Math.min(type.values ?? Number.POSITIVE_INFINITY, 50))

    await client.query(`DROP TABLE IF EXISTS accepted; CREATE TABLE accepted (n int, v ${sql})`)
    await side.run(`CREATE OR REPLACE TABLE accepted (n INTEGER, v ${duckdbType})`)
    await side.run(`CREATE OR REPLACE TABLE refused (n INTEGER, v ${duckdbType})`)

    const intoDuckdb = await duckdb.copy('COPY accepted FROM STDIN', { stdin: [copyOf(stored)] })
    expect(intoDuckdb).toMatchObject({ rowsLoaded: stored.length, transport: 'vectors' })
    const reader = await side.runAndReadAll('SELECT v FROM accepted ORDER BY n')
    const inDuckdb = reader.getColumnsObject().v?.map((value) => (value === null ? 'NULL' : canonical(value))) ?? []

    const intoPostgres = await postgres.copy('COPY accepted FROM STDIN', { stdin: [copyOf(accepted)] })
    expect(intoPostgres.rowsLoaded).toBe(accepted.length)
    const { rows } = await client.query({
      text: `SELECT typsend::text, typname FROM pg_type JOIN pg_attribute ON pg_type.oid = atttypid
      WHERE attrelid = 'accepted'::regclass AND attname = 'v'`,
      rowMode: 'array',
    })
    const [send, typname] = rows[0] as [string, string]
    const inPostgres = await client.query({
      text: `SELECT ${canonicalSql('v', typname, send)} FROM accepted ORDER BY n`,
      rowMode: 'array',
    })

    const differences: string[] = []
    const compare = (where: string, literals: readonly string[], values: readonly (string | undefined)[]) =>
      literals.forEach((literal, n) => {
        const due = answers.get(literal)
        if (values[n] !== due) differences.push(`${JSON.stringify(literal)}: ${values[n]} in ${where}, not ${due}`)
      })
    compare('DuckDB', stored, inDuckdb)
    compare(
      'PostgreSQL',
      accepted,
      inPostgres.rows.map(([value]: string[]) => value),
    )

    const bad = spread(
      [...answers.keys()].filter((literal) => typeof answers.get(literal) !== 'string'),
      REFUSALS,
    )
    const unstorable = spread(
      accepted.filter((literal) => limitOf(literal) !== undefined),
      REFUSALS / 10,
    )
    const due = [
      ...bad.map((literal) => answers.get(literal)),
      ...unstorable.map((literal) => limitOf(literal)?.refusal(literal, duckdbType)),
    ]
    const tried = [...bad, ...unstorable]
    for (const [n, refusal] of (await refusals(tried)).entries()) {
      if (equals(refusal, due[n])) continue
      differences.push(`${JSON.stringify(tried[n])}: ${JSON.stringify(refusal)}, not ${JSON.stringify(due[n])}`)
    }
    expect(await side.runAndReadAll('FROM refused').then((found) => found.currentRowCount)).toBe(0)
    expect(differences.slice(0, 12), `${differences.length} differences`).toEqual([])
  })
})
