/**
 * Every literal gets one answer: the value or the error of PostgreSQL's own input function.
 *
 * A running server and `crates/types/examples/verdict.rs` read the same literals, at least 20,000 a type; they must
 * agree on the binary form, or on SQLSTATE, message, DETAIL, HINT and the value's own CONTEXT.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { readCorpus } from './corpus.ts'
import { literalsOf, type SessionSettings, type TypeCase, typeCases } from './literals.ts'
import { Random } from './random.ts'

const LITERALS = Number(process.env.COPYIST_TEST_LITERALS ?? 20_000)
/** Of a type that reads the session's settings, in each session but the first. */
const LITERALS_IN_OTHER_SESSIONS = LITERALS / 10
const BATCH = 1_000

/** Where we differ from the server on purpose, with the reason. Nothing else may differ. */
const INTENTIONAL_DIFFERENCES: readonly { type: string; literal: RegExp; reason: string }[] = [
  {
    type: 'float4',
    literal: /0x1\.000001p-150/,
    reason:
      'Before glibc 2.41 its strtof drops the last bit of a subnormal value that is one bit longer than the type ' +
      '(sourceware bug 30220) and rounds this to zero. Ours is rounded correctly, as newer servers do.',
  },
]

/** Literals too long to be mutated thousands of times: each type at the end of its range. */
const LONG_LITERALS: Record<string, readonly string[]> = {
  numeric: [
    '9'.repeat(131_072),
    `1${'0'.repeat(131_072)}`,
    `0${'9'.repeat(131_072)}`,
    `0.${'1'.repeat(16_383)}`,
    `0.${'0'.repeat(16_384)}`,
    `0.${'1'.repeat(16_384)}`,
    `${'7'.repeat(2_000)}.${'3'.repeat(2_000)}e-1500`,
    `0x${'f'.repeat(5_000)}`,
    `0x${'f'.repeat(109_000)}g`,
    `0b${'1'.repeat(9_999)}_`,
  ],
  'numeric(1000,500)': [`${'9'.repeat(500)}.${'4'.repeat(900)}`, `${'9'.repeat(500)}.${'9'.repeat(501)}`],
  float8: [
    `0.${'0'.repeat(400)}1e401`,
    `${'1'.repeat(2_000)}e-1999`,
    `2.47032822920623272${'0'.repeat(900)}1e-324`,
    `0x${'0'.repeat(900)}.${'0'.repeat(900)}1p3600`,
    `9007199254740993${'0'.repeat(800)}.000`,
    `9007199254740993.${'0'.repeat(800)}1`,
  ],
  json: [
    `${'['.repeat(6_000)}${']'.repeat(6_000)}`,
    `${'['.repeat(6_000)}${']'.repeat(5_999)}}`,
    `"${'é'.repeat(20_000)}\\x"`,
    `[${'1e5,'.repeat(20_000)}]`,
  ],
  jsonb: [`${'{"a":'.repeat(4_000)}1${'}'.repeat(4_000)}`, `[${'9'.repeat(131_072)}]`, `[${'9'.repeat(131_073)}]`],
  'int4[]': [`{${'1,'.repeat(20_000)}2}`, `{${'{1,2},'.repeat(10_000)}{3}}`, `{${'{1,2},'.repeat(10_000)}{3,4}}`],
  'text[]': [`{"${'\\"'.repeat(20_000)}",${'é'.repeat(20_000)}}`],
  bytea: [`\\x${'de '.repeat(40_000)}`, `${'\\\\\\001'.repeat(20_000)}`],
}

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
const DEFAULT_SESSION: SessionSettings = { timeZone: 'UTC', dateOrder: 'mdy', intervalStyle: 'postgres' }

let database: ScratchDatabase
let client: pg.Client
let program: string
const corpus = readCorpus()

beforeAll(async () => {
  const build = [
    'build',
    '-q',
    '-p',
    'copyist-types',
    '--example',
    'verdict',
    '--message-format=json-render-diagnostics',
  ]
  const messages = execFileSync('cargo', build, { cwd: REPOSITORY, encoding: 'utf8', maxBuffer: 1 << 26 })
  const artifacts = messages
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  program = artifacts.find((message) => message.target?.name === 'verdict' && message.executable)?.executable
  if (!corpus) console.warn('types: ../shared/corpora/postgres-regress is absent, its literals are SKIPPED')
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(`
    CREATE FUNCTION hex(text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT encode(convert_to($1, 'UTF8'), 'hex') $$`)
  await client.query(`CREATE TYPE mood AS ENUM ('sad', 'ok', 'very happy', 'Ök')`)
}, 600_000)

afterAll(async () => {
  await client?.end()
  await database?.drop()
})

/** One line an answer, in the form that the program prints. */
type Verdict = string

/** Creates the server's half of a case: a function that answers a batch of literals. */
async function createServerVerdict(type: Pick<TypeCase, 'type' | 'sql'>): Promise<void> {
  const sql = type.sql ?? type.type
  await client.query('DROP FUNCTION IF EXISTS verdict; DROP TYPE IF EXISTS holder')
  await client.query(`CREATE TYPE holder AS (value ${sql})`)
  const { rows } = await client.query(
    `SELECT typsend::text AS send, typname FROM pg_type JOIN pg_attribute ON pg_type.oid = atttypid WHERE attrelid = 'holder'::regclass`,
  )
  const { send, typname } = rows[0]
  // json_populate_record hands a JSON string to the input function of the field's type together with the field's type
  // modifier, as COPY does. Only for the JSON types would it hand over the string as JSON.
  const value = /^jsonb?$/.test(typname)
    ? `${typname}_in(textout(literal))`
    : `(json_populate_record(NULL::holder, json_build_object('value', literal))).value`
  await client.query(`
    CREATE FUNCTION verdict(literals text) RETURNS SETOF text LANGUAGE plpgsql AS $$
    DECLARE
      literal text; result ${sql}; state text; message text; detail text; hint text; context text;
    BEGIN
      FOR literal IN SELECT value FROM json_array_elements_text(literals::json) LOOP
        BEGIN
          result := ${value};
          RETURN NEXT 'ok' || chr(9) || encode(${send}(result), 'hex');
        EXCEPTION WHEN OTHERS THEN
          GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
            hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
          -- What follows the value's own context tells of this function.
          context := CASE WHEN context LIKE 'JSON data, %'
            THEN regexp_replace(context, '\\n(SQL|PL/pgSQL) (statement|expression|assignment|function) .*', '') ELSE '' END;
          RETURN NEXT concat_ws(chr(9), 'err', state, hex(message), hex(detail), hex(hint), hex(context));
        END;
      END LOOP;
    END $$`)
}

/** The server's answers, and the time of its transaction, in microseconds since 2000. */
async function serverVerdicts(literals: readonly string[], session: SessionSettings): Promise<[Verdict[], string]> {
  await client.query('BEGIN')
  try {
    await client.query(
      `SELECT set_config('TimeZone', $1, true), set_config('DateStyle', $2, true), set_config('IntervalStyle', $3, true)`,
      [session.timeZone, `ISO, ${session.dateOrder}`, session.intervalStyle],
    )
    const { rows } = await client.query(
      `SELECT ((extract(epoch FROM now()) - 946684800) * 1000000)::bigint::text AS now`,
    )
    const verdicts: Verdict[] = []
    for (let start = 0; start < literals.length; start += BATCH) {
      const batch = JSON.stringify(literals.slice(start, start + BATCH))
      const answer = await client.query({ text: 'SELECT verdict($1)', values: [batch], rowMode: 'array' })
      for (const [verdict] of answer.rows) verdicts.push(verdict)
    }
    return [verdicts, rows[0].now]
  } finally {
    await client.query('ROLLBACK')
  }
}

/** Our answers. */
async function ourVerdicts(
  type: string,
  literals: readonly string[],
  session: SessionSettings,
  now: string,
): Promise<Verdict[]> {
  const settings = [
    `--timezone=${session.timeZone}`,
    `--date-order=${session.dateOrder}`,
    `--interval-style=${session.intervalStyle}`,
    `--now=${now}`,
  ]
  const child = spawn(program, settings, { stdio: ['pipe', 'pipe', 'inherit'] })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stdin.end(literals.map((literal) => `${type}\t${Buffer.from(literal).toString('hex')}\n`).join(''))
  const [status] = await once(child, 'close')
  expect(status, 'exit status of the verdict program').toBe(0)
  return Buffer.concat(output).toString().split('\n').slice(0, -1)
}

/** What the server makes of our binary form when it receives it, where that is not the form itself. */
function received(type: string, literal: string, ours: Verdict, theirs: Verdict): Verdict {
  if (!ours.startsWith('ok\t') || !theirs.startsWith('ok\t')) return ours
  if (type === 'jsonb') {
    // The server parses the text behind the version byte: the very literal, as its input function does.
    return ours === `ok\t01${Buffer.from(literal).toString('hex')}` ? theirs : ours
  }
  const width = /^bpchar\((\d+)\)$/.exec(type)?.[1]
  if (width === undefined) return ours
  const text = Buffer.from(ours.slice(3), 'hex').toString()
  return `ok\t${Buffer.from(text + ' '.repeat(Math.max(0, Number(width) - [...text].length))).toString('hex')}`
}

function readable(verdict: Verdict | undefined): string {
  const [kind, first, ...parts] = (verdict ?? 'no answer').split('\t')
  if (kind !== 'err') return `${kind} ${first}`
  return [first, ...parts.map((part) => JSON.stringify(Buffer.from(part, 'hex').toString()))].join(' ')
}

async function compare(
  type: Pick<TypeCase, 'type'>,
  spec: string,
  literals: readonly string[],
  session: SessionSettings,
): Promise<number> {
  const [theirs, now] = await serverVerdicts(literals, session)
  const ours = await ourVerdicts(spec, literals, session, now)
  const intended = INTENTIONAL_DIFFERENCES.filter((each) => each.type === type.type)
  const differences: string[] = []
  literals.forEach((literal, i) => {
    const [our, their] = [ours[i] ?? '', theirs[i] ?? '']
    if (received(type.type, literal, our, their) === their || intended.some((each) => each.literal.test(literal)))
      return
    differences.push(
      `${JSON.stringify(literal).slice(0, 1_000)}\n  ours:   ${readable(our)}\n  theirs: ${readable(their)}`,
    )
  })
  const { timeZone, dateOrder, intervalStyle } = session
  const where = `${type.type} (${timeZone}, ${dateOrder}, ${intervalStyle})`
  expect(
    differences.slice(0, 12),
    `${where}: ${differences.length} of ${literals.length} literals differ:\n${differences.slice(0, 12).join('\n')}`,
  ).toEqual([])
  return theirs.filter((verdict) => verdict.startsWith('ok\t')).length
}

describe('literals are read as the server reads them', () => {
  for (const type of typeCases) {
    test(type.type, async () => {
      await createServerVerdict(type)
      const { rows } = await client.query(`SELECT 'mood'::regtype::oid AS oid`)
      const spec = type.type.replace(/:oid$/, `:${rows[0].oid}`)
      const known = (type.corpus ?? []).flatMap((name) => corpus?.get(name) ?? [])
      const literals = literalsOf(type, new Random(type.type), LITERALS, known)
      expect(literals.length).toBe(LITERALS)
      const [first = DEFAULT_SESSION, ...others] = type.sessions ?? []
      const accepted = await compare(type, spec, literals, first)
      // A comparison of errors alone, or of values alone, would prove little.
      expect(accepted).toBeGreaterThanOrEqual(type.values ?? LITERALS / 50)
      expect(literals.length - accepted).toBeGreaterThanOrEqual(type.errors ?? LITERALS / 50)
      for (const session of others) {
        const random = new Random(`${type.type} ${session.timeZone}`)
        await compare(type, spec, literalsOf(type, random, LITERALS_IN_OTHER_SESSIONS, []), session)
      }
    }, 300_000)
  }

  test.for(Object.entries(LONG_LITERALS))('%s: long literals', { timeout: 300_000 }, async ([type, literals]) => {
    await createServerVerdict({ type })
    await compare({ type }, type, literals, DEFAULT_SESSION)
  })
})
