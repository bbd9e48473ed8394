/**
 * Statements that people write, changed at random: each ends in a statement or a CopyError with its place, within a second. The seeds are
 * all statements of the tests' own tables, and those that stand in the documents beside the project.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { refusePending } from '../../lib/statement/execution.ts'
import { parseStatement } from '../../lib/statement/parser.ts'
import { Random } from '../types/random.ts'
import { gaussdbCases } from './dialects/gaussdb.cases.ts'
import { materializeCases } from './dialects/materialize.cases.ts'
import { postgresqlCases } from './dialects/postgresql.cases.ts'
import { questdbCases } from './dialects/questdb.cases.ts'
import { redshiftCases } from './dialects/redshift.cases.ts'
import { check, tokens } from './soundness.ts'

const MUTATIONS = Number(process.env.COPYIST_TEST_MUTATIONS ?? 20_000)
const SEED = Number(process.env.COPYIST_TEST_SEED ?? 7)
/** Milliseconds that no statement takes. */
const LONGEST = 1_000

const spec = fileURLToPath(new URL('../../../shared/spec/', import.meta.url))
const documents = existsSync(spec) ? readdirSync(spec).filter((name) => name.endsWith('.md')) : []
if (documents.length === 0)
  process.stderr.write(`\nSKIPPED: no documents at ${spec}; their statements are not read.\n\n`)

/** What stands in a document like a statement: from COPY, or a prompt before it, to the semicolon. */
function statementsOf(document: string): string[] {
  const text = readFileSync(`${spec}${document}`, 'utf8')
  const found = text.matchAll(/^[ \t]*(?:\w+[=#]+>?[ \t]*)?(\\?copy\b(?!\s*Description)[^;`]*;)/gim)
  return Array.from(found, ([, statement = '']) => statement)
}

const own = [gaussdbCases, materializeCases, postgresqlCases, questdbCases, redshiftCases].flatMap((cases) =>
  cases.map(({ statement }) => statement),
)
const theirs = documents.flatMap(statementsOf)
const seeds = [...own, ...theirs]

/** Whether it is the form of statements, with brackets around what can be left out. */
function isSynopsis(text: string): boolean {
  return /\[,? ?\.\.\.\]|\[INTO\]/.test(text)
}

/** What becomes of a statement as it is. */
function verdict(text: string): string {
  try {
    const statement = parseStatement(text)
    refusePending(statement)
    return 'runs'
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    return `${error.sqlState} ${error.message}`
  }
}

describe.skipIf(documents.length === 0)('the statements that stand in the documents', () => {
  test.each([
    ['gaussdb-copy.md', 6, {}],
    ['materialize-copy-from.md', 8, {}],
    ['questdb-copy.md', 1, { "COPY '55ca24e5ba328050' CANCEL;": '0A000 COPY ... CANCEL is not supported yet' }],
    [
      'redshift-copy-job.md',
      0,
      {
        "COPY public.target_table FROM 's3://mybucket-bucket/staging-folder' IAM_ROLE 'arn:aws:iam::123456789012:role/MyLoadRoleName' JOB CREATE my_copy_job_name AUTO ON;":
          '0A000 COPY JOB is not supported yet',
      },
    ],
  ])('%s: %i run, the others are refused with the reason', (document, run, refused) => {
    const statements = statementsOf(document).filter((text) => !isSynopsis(text) && !/\bTO\b/i.test(text))
    const verdicts = statements.map((statement) => [statement.replace(/\s+/g, ' '), verdict(statement)])
    const others = verdicts.filter(([, answer]) => answer !== 'runs')
    expect([verdicts.length - others.length, Object.fromEntries(others)]).toEqual([run, refused])
  })
})

/** A statement with one to four changes: a part left out, doubled, moved, or replaced by a token, a sign or a part of another statement. */
function mutated(random: Random): string {
  let text = random.pick(seeds)
  for (let changes = 1 + random.below(4); changes > 0; changes -= 1) {
    const at = random.below(text.length + 1)
    const end = Math.min(text.length, at + random.pick([0, 1, 2, 5, 20]))
    const part = text.slice(at, end)
    const other = random.pick(seeds)
    const from = random.below(other.length)
    const replacement = random.pick([
      () => '',
      () => part + part,
      () => ` ${random.pick(tokens)} `,
      () => random.pick(tokens),
      () => String.fromCodePoint(random.pick([0, 9, 10, 34, 36, 39, 40, 41, 44, 59, 92, 0xa0, 0xd800, 0x1f600])),
      () => other.slice(from, from + random.pick([1, 10, 40])),
      () => part.toUpperCase(),
      () => part.repeat(random.pick([2, 50])),
    ])()
    text = text.slice(0, at) + replacement + text.slice(end)
  }
  return text
}

test(`${MUTATIONS} changed statements, seed ${SEED}`, { timeout: 60_000 + MUTATIONS }, () => {
  const random = new Random(String(SEED))
  const answers = { parsed: 0, refused: 0 }
  for (let count = 0; count < MUTATIONS; count += 1) {
    const text = mutated(random)
    // What other programs keep waiting is given a second and a third chance.
    let took = LONGEST
    for (let tries = 0; took >= LONGEST && tries < 3; tries += 1) {
      const start = performance.now()
      try {
        if (tries === 0) answers[check(text)] += 1
        else check(text)
      } catch (error) {
        throw new Error(`change ${count} of seed ${SEED}: ${JSON.stringify(text)}`, { cause: error })
      }
      took = performance.now() - start
    }
    if (took >= LONGEST) throw new Error(`change ${count} of seed ${SEED} took ${took} ms: ${JSON.stringify(text)}`)
  }
  // Both are met, so that neither is what everything ends in.
  expect(answers.parsed).toBeGreaterThan(MUTATIONS / 50)
  expect(answers.refused).toBeGreaterThan(MUTATIONS / 50)
})
