/**
 * Statements and files at random: EXPLAIN VALIDATE comes to what the load of the same statement comes to, on each target: the same failure at the
 * same place, or the same counts. `COPYIST_TEST_PAIRS` pairs a target are made from `COPYIST_TEST_SEED`.
 */
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, type Explanation, type Receipt } from '../../lib/index.ts'
import { useFolder } from '../copy/inputs.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { Random } from '../types/random.ts'
import { columns, names, textPair } from './random-pairs.ts'

const PAIRS = Number(process.env.COPYIST_TEST_PAIRS ?? 500)
const SEED = process.env.COPYIST_TEST_SEED ?? '5'
/** Rows that were deleted stay in the file of the table until then. */
const TRUNCATED_EVERY = 500

const folder = useFolder('copyist-validation-')

/** What DuckDB calls a type. */
const duckdbTypes: Readonly<Record<string, string>> = { ti: 'time', jb: 'json' }
/** Columns of the table `strict` that must have a value; the first has no default. */
const filled = ['t', 'i4', 'd']

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  /** Columns whose values are read here: what only the database reads is not validated. */
  let read: readonly string[]
  beforeAll(async () => {
    bench = await open()
    // A word of DuckDB's.
    const known = names.filter((column) => name === 'postgres' || column !== 'at')
    const sqlOf = (column: string) => (name === 'duckdb' && duckdbTypes[column]) || columns[column]?.sql
    const listed = (sql: (column: string) => string | undefined) =>
      known.map((column) => `${column} ${sql(column)}`).join(', ')
    await bench.sql("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
    await bench.sql(`CREATE TABLE t (${listed(sqlOf)})`)
    const strictOf = (column: string) => {
      if (!filled.includes(column)) return sqlOf(column)
      return column === 't' ? 'text NOT NULL' : `${sqlOf(column)} NOT NULL`
    }
    await bench.sql(`CREATE TABLE strict (${listed(strictOf)})`)
    // Of a stream all values would be read by the database, for the sake of those with a zone.
    const explained = await bench.db.explain(`EXPLAIN COPY t FROM '${folder.file('empty', '')}'`)
    const decoded = explained.columns?.filter(({ decodedBy }) => decodedBy === 'copyist').map((column) => column.name)
    read = known.filter((column) => decoded?.includes(column.replaceAll('"', '')))
    expect(read.length).toBeGreaterThan(15)
  })
  afterAll(async () => {
    await bench?.close()
  })

  test(`${PAIRS} statements and files, seed ${SEED}`, { timeout: 60_000 + 200 * PAIRS }, async () => {
    const random = new Random(`validation ${SEED}`)
    const differences: string[] = []
    const kinds = { loaded: 0, refused: 0, rejected: 0 }
    let count = 0
    for (; count < PAIRS && differences.length < 20; count += 1) {
      const { statement, data } = textPair(random, read)
      const isStream = random.once(2)
      const source = isStream ? 'STDIN' : `'${folder.file('pair', data)}'`
      const text = withPolicy(random, statement).replace('FROM STDIN', () => `FROM ${source}`)
      const call = () => (isStream ? { stdin: [data] } : {})
      const validated = await settled(bench.db.explain(`EXPLAIN VALIDATE ${text}`, call()))
      const loaded = await settled(bench.db.copy(text, { ...call(), ledger: false }))
      const theirs = outcomeOfLoad(loaded)
      const ours = outcomeOfValidation(validated)
      kinds[Array.isArray(theirs) ? 'loaded' : 'refused'] += 1
      if (Array.isArray(theirs) && theirs[1] !== 0) kinds.rejected += 1
      for (const table of ['t', 'strict']) {
        if (count % TRUNCATED_EVERY === TRUNCATED_EVERY - 1) await bench.sql(`TRUNCATE ${table}`)
        else if (Array.isArray(theirs)) await bench.sql(`DELETE FROM ${table}`)
      }
      if (!isDeepStrictEqual(ours, theirs) && !isMeant(text, ours, theirs)) {
        const shown = { count, text, data: data.toString('latin1'), load: theirs, validation: ours }
        differences.push(JSON.stringify(shown, undefined, 1))
      }
    }
    expect(differences.slice(0, 12), `${differences.length} of ${count}, seed ${SEED}`).toEqual([])
    expect(kinds.loaded).toBeGreaterThan(PAIRS / 5)
    expect(kinds.refused).toBeGreaterThan(PAIRS / 5)
    expect(kinds.rejected).toBeGreaterThan(PAIRS / 20)
  })
})

/** The statement without a condition, which only the load evaluates, and with some policy or other for errors. */
function withPolicy(random: Random, statement: string): string {
  const plain = statement.replace(/ WHERE .*$/s, '').replace(/, ON_ERROR ignore(?:, REJECT_LIMIT \d+)?/, '')
  const options: string[] = []
  let words = ''
  if (random.once(6)) words = `LOG ERRORS REJECT LIMIT '${random.pick(['unlimited', '1', '3'])}' `
  else if (!random.once(3)) {
    options.push(`ON_ERROR ${random.pick(['ignore', 'ignore', 'skip_row', 'skip_row', 'set_null', 'set_default'])}`)
    if (random.once(3)) options.push(`REJECT_LIMIT ${random.pick(['1', '2', '3', "'40%'"])}`)
  }
  if (random.once(8)) options.push('IGNORE_EXTRA_DATA')
  if (random.once(8)) options.push("FILL_MISSING_FIELDS 'multi'")
  if (random.once(8)) options.push('SKIP_BLANK_LINES')
  if (random.once(12)) options.push('ACCEPT_ANY_DATE')
  const table = random.once(4) ? 'strict' : 't'
  return plain
    .replace('COPY t ', `COPY ${table} `)
    .replace('FROM STDIN (', `FROM STDIN ${words}(`)
    .replace(/\)$/, `${options.map((option) => `, ${option}`).join('')})`)
}

async function settled<Result>(promise: Promise<Result>): Promise<Result | CopyError> {
  try {
    return await promise
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
}

/**
 * Whether both fail, and the load at a row behind that which is at fault, or for what else is wrong with that: rows that a load may have to look at
 * again go to the database some at a time, so that it may end before one of them is judged there, and so do values that only the server reads.
 */
function isMeant(text: string, ours: Outcome, theirs: Outcome): boolean {
  if (!('sqlState' in ours) || !('sqlState' in theirs)) return false
  const [line, other] = [Number(ours.line), Number(theirs.line)]
  const isTolerant = /ON_ERROR|LOG ERRORS/.test(text)
  const isOneNull = (ours.sqlState === '23502') !== (theirs.sqlState === '23502')
  const isOneLimit = [ours, theirs].some(({ message }) =>
    /^(?:skipped|set columns to \w+ in) more than /.test(String(message)),
  )
  if (isOneLimit && isOneNull) return line <= other
  const isText = / DEFAULT |set_default|FROM STDIN/.test(text)
  const isServers = /^(?:da|ti|ts|tz|iv|ai|at)$/.test(String(ours.column))
  return isText && isServers && (isTolerant ? line <= other : line === other)
}

type Outcome = readonly number[] | Readonly<Record<'sqlState' | 'message' | 'line' | 'column', unknown>>

function failureOf({ sqlState, message, position }: CopyError): Outcome {
  return { sqlState, message, line: position.line, column: position.column }
}

function outcomeOfLoad(loaded: Receipt | CopyError): Outcome {
  if (loaded instanceof CopyError) return failureOf(loaded)
  const { rowsLoaded, rowsRejected, rowsRead, rowsFiltered, rowsReplaced, headerLines, linesSkipped, blankLines } =
    loaded
  return [rowsLoaded, rowsRejected, rowsRead, rowsFiltered, rowsReplaced, headerLines, linesSkipped, blankLines]
}

function outcomeOfValidation(explained: Explanation | CopyError): Outcome {
  if (explained instanceof CopyError) return failureOf(explained)
  const { failure, validation } = explained
  if (failure) return failureOf(failure)
  if (validation === undefined) throw new TypeError('an input was validated without a result')
  const { rowsValidated, rowsRejected, rowsRead, rowsFiltered, rowsReplaced, headerLines, linesSkipped, blankLines } =
    validation
  return [rowsValidated, rowsRejected, rowsRead, rowsFiltered, rowsReplaced, headerLines, linesSkipped, blankLines]
}
