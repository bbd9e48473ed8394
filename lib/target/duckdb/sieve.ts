import { randomBytes } from 'node:crypto'
import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { RowRefusals } from '../target.ts'
import { keepOne, SeenKeys } from './conflict-rows.ts'
import { type Constraints, constraintsOf, type UniqueKey } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import { Finder } from './findings.ts'
import { quoteIdentifier } from './identifiers.ts'
import { castStageSql, type InsertPlan, isCastByDuckdb, type RowSource, stageSql } from './insert.ts'
import { isColumn } from './key-sql.ts'
import { GONE, insertRows, moveRows } from './row-moves.ts'
import {
  conditionTest,
  involvedColumns,
  isConstant,
  isDefaulted,
  isValid,
  readBy,
  type Test,
  testsOf,
  tried,
} from './row-tests.ts'
import type { RowWindow } from './row-window.ts'
import {
  arbiterOf,
  isConditionTolerated,
  isUpsert,
  type Part,
  type RunStatement,
  type SieveContext,
  type SievePolicy,
} from './sieve-context.ts'
import { decide, type Verdict } from './verdict.ts'

/*
 * How a load goes in which a row that DuckDB refuses costs itself only
 *
 * DuckDB has no savepoints, and an INSERT that fails aborts its transaction. So what it would refuse is found out before: what the
 * constraints are about is put into a temporary table, window by window, and asked for the rows that one of them would not let in
 * (`findings.ts`). The others are inserted as ever, from the feed. What is left for JavaScript are the rows that were found, since
 * which of those that stand in each other's way stays depends on which of those before it stay (`verdict.ts`).
 *
 * ON CONFLICT is carried out with the same means. DO SKIP passes over rows that would be refused otherwise. Where the clause keeps another
 * row than the first, or updates, the rows are inserted out of a temporary table. It holds all of the input, and is moved at once
 * in the end: updating a row again and again in one transaction leaves DuckDB's indexes with all its versions (1 M rows of 50,000 keys took
 * twenty times as long), and which row of a key is the last does not depend on where a window ends. Next to refused rows, those are taken
 * out window by window, so that they are told soon and in bounded memory. Only where there are several keys, or references of the table to
 * itself, and rows may be refused on account of rows before them, is a window moved before the next one is looked at.
 */

/** What became of a window. Its rows are those that it was made of. */
export interface Sifted {
  readonly loaded: number
  readonly refused: number
  /** Rows that ON CONFLICT passes over. */
  readonly conflicted: number
  /** Rows that WHERE holds back. */
  readonly filtered: number
  /** Moves the rows, which are only counted so far. */
  readonly complete?: () => Promise<void>
}

const NONE: Sifted = { loaded: 0, refused: 0, conflicted: 0, filtered: 0 }

/** Loads the windows of one load without the rows that DuckDB would refuse. */
export class Sieve {
  readonly #context: SieveContext
  readonly #finder: Finder
  readonly #seen: SeenKeys
  #isStaged = false
  #isGathered = false

  private constructor(context: SieveContext) {
    this.#context = context
    this.#seen = new SeenKeys(context)
    this.#finder = new Finder(context, this.#seen)
  }

  /** Prepares for the windows of a load; undefined where DuckDB has no reason to refuse a row. */
  static async open(connection: DuckDBConnection, plan: InsertPlan, policy: SievePolicy): Promise<Sieve | undefined> {
    const { tolerates, conflict, isGuarded, replaces } = policy
    if (tolerates === 'conversion' && conflict === undefined && !isGuarded) {
      const none = { checks: [], keys: [], foreignKeys: [], generated: [] }
      const tests = replaces === undefined ? await conditionTest(connection, plan) : await nullTests(connection, plan)
      if (tests.length === 0 && !plan.columns.some(isCastByDuckdb)) return undefined
      return new Sieve(contextOf(plan, policy, none, tests, new Map()))
    }
    const all = await constraintsOf(connection, plan.table)
    // What no row is to be refused for is left to DuckDB, where it comes after the keys there too.
    const isAll = tolerates === 'all' || isGuarded
    // Nothing that has a sieve has a second trial, which would tell whose reference to another table leads nowhere.
    const foreignKeys = all.foreignKeys.filter(({ otherTable }) => isAll || otherTable !== undefined)
    const constraints = { ...all, foreignKeys }
    const expressions = new Map<string, string>()
    for (const { columns, parts, names } of all.keys) {
      for (const [at, part] of columns === undefined ? parts.entries() : []) {
        if (!isColumn(part) && (await isValid(connection, plan, tried(plan, part))))
          expressions.set(part, names[at] ?? '')
      }
    }
    const condition = isGuarded || isConditionTolerated(policy) ? await conditionTest(connection, plan) : []
    const tests = [...condition, ...(await testsOf(connection, plan, constraints, expressions, tolerates === 'all'))]
    const { keys } = constraints
    const isNeeded = isAll
      ? tests.length + keys.length + foreignKeys.length > 0 || plan.columns.some(isCastByDuckdb)
      : keys.length > 0 ||
        replaces !== undefined ||
        (tolerates === 'conversion or unique' && (condition.length > 0 || plan.columns.some(isCastByDuckdb)))
    if (!isNeeded && conflict === undefined) return undefined
    return new Sieve(contextOf(plan, policy, constraints, tests, expressions))
  }

  /** Whether a row whose key can be seen is never handed to DuckDB. */
  get looksUpKeys(): boolean {
    return this.#context.constraints.keys.length > 0
  }

  /** Whether windows are only gathered, for {@link finish} to load their rows. */
  get isGathering(): boolean {
    return this.#context.policy.conflict?.isGathered === true
  }

  /** Whether rows are only told apart when all are gathered, so that none of them is settled before. */
  get isUnsettled(): boolean {
    return this.isGathering && this.#context.policy.tolerates === undefined
  }

  /** Whether values are replaced, which rows are to be told for. */
  get #isReplacing(): boolean {
    return this.#context.policy.replaces !== undefined
  }

  /** Hands over the rows of a window that DuckDB would refuse, and loads the others. */
  async load(
    run: RunStatement,
    window: RowWindow,
    source: RowSource,
    refusals: RowRefusals | undefined,
  ): Promise<Sifted> {
    const { isCast, policy } = this.#context
    const part = { first: window.firstRow, rows: window.rows, source }
    await this.#stage(run, part)
    if (this.isUnsettled) return NONE
    const filtered = isCast && this.#context.plan.where !== undefined ? await this.#count(run, false) : 0
    await this.#finder.begin(run)
    const sifted =
      policy.conflict?.isStaged && policy.tolerates !== undefined
        ? await this.#replace(run, part, refusals)
        : await this.#sift(run, part, refusals)
    await this.#dropStage(run)
    return { ...sifted, filtered }
  }

  /** Loads the rows that were gathered. */
  async finish(run: RunStatement, rows: number, refusals: RowRefusals | undefined): Promise<Sifted> {
    const { policy, tables } = this.#context
    if (!this.isGathering || !(this.#isStaged || this.#isGathered)) return NONE
    const table = this.isUnsettled ? tables.stage : tables.gathered
    const part: Part = { first: 0, rows, source: { kind: 'range', first: 0, last: rows } }
    let filtered = 0
    let conflicted = 0
    let cuts: readonly number[] = []
    if (this.isUnsettled) {
      filtered = await this.#count(run, false)
      conflicted += await this.#deduplicate(run, table)
      await this.#finder.begin(run)
      const { verdict, skipped } = await this.#judge(run, part, refusals)
      conflicted += skipped + verdict.passed
      cuts = verdict.cuts
    } else conflicted += await this.#deduplicate(run, table)
    const expected = await this.#count(run, true, table)
    const complete = async (): Promise<void> => {
      const moved = await moveRows(this.#context, run, part, cuts, table)
      await run(`DROP TABLE ${table}`)
      this.#isStaged = false
      this.#isGathered = false
      if (moved !== expected) throw miscounted(moved, expected)
    }
    const sifted = { loaded: expected, refused: 0, conflicted, filtered }
    // An update cannot be taken back by itself, so it comes when all else is done.
    if (policy.isGuarded && isUpsert(this.#context)) return { ...sifted, complete }
    await complete()
    return sifted
  }

  /** The load is over, its transaction is not. */
  async close(run: RunStatement): Promise<void> {
    const { tables } = this.#context
    await this.#finder.end(run)
    await run(`DROP TABLE IF EXISTS ${tables.seen}`)
  }

  /** Leaves no temporary tables behind a load that has failed. */
  async discard(connection: DuckDBConnection): Promise<void> {
    for (const name of Object.values(this.#context.tables)) await connection.run(`DROP TABLE IF EXISTS ${name}`)
  }

  /** Puts what is looked at of the rows of a part into the temporary table. */
  async #stage(run: RunStatement, { first, source }: Part): Promise<void> {
    const { plan, shape, isCast, tables } = this.#context
    const { own } = plan
    const raw = isCast ? tables.raw : tables.stage
    await run(`CREATE TEMP TABLE ${raw} AS ${stageSql(plan, source, shape)}`)
    if (isCast) {
      const rows = castStageSql(plan, raw, shape)
      const numbered = this.isUnsettled
        ? `SELECT * REPLACE (CAST(${own}_n AS BIGINT) + ${first} AS ${own}_n) FROM (${rows})`
        : rows
      await run(
        `${this.#isStaged ? `INSERT INTO ${tables.stage}` : `CREATE TEMP TABLE ${tables.stage} AS`} ${numbered}`,
        shape.isWhereTried ? 'as_written' : undefined,
      )
      await run(`DROP TABLE ${raw}`)
    }
    this.#isStaged = true
  }

  async #dropStage(run: RunStatement): Promise<void> {
    await run(`DROP TABLE ${this.#context.tables.stage}`)
    this.#isStaged = false
  }

  /** How many rows are to be kept, or are not. */
  async #count(run: RunStatement, isKept: boolean, table = this.#context.tables.stage): Promise<number> {
    const kept = `${this.#context.plan.own}_kept`
    const { rows } = await run(`SELECT count(*) FROM ${table} WHERE ${isKept ? kept : `NOT ${kept}`}`)
    return Number(rows[0]?.[0])
  }

  async #deduplicate(run: RunStatement, table: string): Promise<number> {
    const { conflict } = this.#context.policy
    const key = this.#context.constraints.keys[arbiterOf(this.#context) ?? -1]
    if (conflict === undefined || key === undefined) return 0
    return await keepOne(this.#context, run, key as UniqueKey, conflict.keep, table)
  }

  /** Loads the rows of a part of which none takes the place of another, but passes it over or is refused. */
  async #sift(run: RunStatement, part: Part, refusals: RowRefusals | undefined): Promise<Omit<Sifted, 'filtered'>> {
    const { verdict, skipped } = await this.#judge(run, part, refusals)
    const { refused, passed } = verdict
    const loaded = await insertRows(this.#context, run, part, verdict)
    return { loaded, refused, conflicted: skipped + passed }
  }

  async #judge(
    run: RunStatement,
    part: Part,
    refusals: RowRefusals | undefined,
  ): Promise<{ verdict: Verdict; skipped: number }> {
    const { conflict } = this.#context.policy
    await this.#finder.ofRows(run)
    if (conflict === undefined) await this.#finder.ofReferences(run)
    const found = await this.#finder.ofKept(run)
    const none = { gone: undefined, cuts: [], refused: 0, passed: 0 }
    const verdict = found.isAny || this.#isReplacing ? await decide(this.#context, run, part, refusals) : none
    return { verdict, skipped: found.skipped }
  }

  /** Takes out what is refused of the rows of a part that take the place of others, and loads the rest, or adds it to what is gathered. */
  async #replace(run: RunStatement, part: Part, refusals: RowRefusals | undefined): Promise<Omit<Sifted, 'filtered'>> {
    const { tables, plan, shape } = this.#context
    const { own } = plan
    const { isAny, skipped } = await this.#finder.ofReplacing(run, this.#isGathered)
    const isFound = this.isGathering ? isAny : await this.#finder.ofOthersReplacing(run)
    const verdict = isFound || this.#isReplacing ? await decide(this.#context, run, part, refusals) : undefined
    const { refused = 0, passed = 0, gone, cuts = [] } = verdict ?? {}
    if (this.isGathering) {
      const names = shape.columns.map(({ column }) => quoteIdentifier(column.name))
      const list = [`CAST(${own}_n AS BIGINT) + ${part.first} AS ${own}_n`, `${own}_kept`, ...names].join(', ')
      const into = this.#isGathered ? `INSERT INTO ${tables.gathered}` : `CREATE TEMP TABLE ${tables.gathered} AS`
      await run(`${into} SELECT ${list} FROM ${tables.stage} WHERE ${own}_kept`)
      this.#isGathered = true
      return { loaded: 0, refused, conflicted: skipped }
    }
    if (gone?.includes(GONE)) {
      const bit = `get_bit(CAST('${gone.toString('latin1')}' AS BIT), CAST(${own}_n AS INTEGER))`
      await run(`UPDATE ${tables.stage} SET ${own}_kept = false WHERE ${own}_kept AND ${bit} = 1`)
    }
    const replaced = await this.#seen.add(run)
    const moved = await moveRows(this.#context, run, part, cuts)
    return { loaded: moved - replaced, refused, conflicted: skipped + passed + replaced }
  }
}

/** The tests for NULL in place of what could not be cast, of which no error is left to DuckDB, which does not say where. */
async function nullTests(connection: DuckDBConnection, plan: InsertPlan): Promise<Test[]> {
  const none = { checks: [], keys: [], foreignKeys: [], generated: [] }
  const casts = plan.columns.filter(isCastByDuckdb).map(({ name }) => name)
  const tests = await testsOf(connection, plan, none, new Map(), false)
  return tests.filter(({ reads }) => typeof reads !== 'string' && reads.some((name) => casts.includes(name)))
}

function contextOf(
  plan: InsertPlan,
  policy: SievePolicy,
  constraints: Constraints,
  tests: readonly Test[],
  expressions: SieveContext['expressions'],
): SieveContext {
  const { conflict, tolerates, replaces } = policy
  const involved = involvedColumns(plan, constraints, tests)
  const isWhole =
    conflict?.isStaged === true ||
    replaces !== undefined ||
    involved.some(({ column, index }) => isDefaulted(plan, column, index) && !isConstant(column.defaultSql))
  const { table } = plan
  const isLoaded = (name: string) => plan.columns.some((column) => column.name === name)
  const arbiter = constraints.keys[arbiterOf({ policy }) ?? -1]
  const isUpdated = (name: string) => isLoaded(name) && !arbiter?.columns?.includes(name)
  const columnsOf = ({ columns, parts }: UniqueKey) =>
    columns ?? readBy(parts.join('\n'), table.relationName, table.columns).map(({ name }) => name)
  const isDeleting = isUpsert({ policy }) && constraints.keys.some((key) => columnsOf(key).some(isUpdated))
  const isOfStage = ({ name, generated }: DuckdbColumnDescription) =>
    !generated && (isDeleting || involved.some(({ column }) => column.name === name))
  const absent = table.columns.filter((column) => !isLoaded(column.name) && isOfStage(column))
  const columns = isWhole
    ? [
        ...plan.columns.map((column, index) => ({ column, index })),
        ...absent.map((column) => ({ column, index: undefined })),
      ]
    : involved
  const casts =
    (tolerates !== undefined && tolerates !== 'unique') || policy.isGuarded || replaces !== undefined
      ? plan.columns.flatMap((column, index) => (isCastByDuckdb(column) ? [index] : []))
      : []
  const suffix = randomBytes(8).toString('hex')
  const name = (kind: string): string => `temp.main.copyist_${kind}_${suffix}`
  return {
    plan,
    policy,
    constraints,
    shape: { columns, casts, isWhereTried: tests.some(({ isCondition }) => isCondition), replaces },
    tests,
    expressions,
    isCast: casts.length > 0 || plan.where !== undefined || conflict !== undefined,
    isWhole,
    isDeleting,
    tables: {
      raw: name('raw'),
      stage: name('stage'),
      found: name('found'),
      seen: name('seen'),
      gathered: name('gathered'),
    },
  }
}

function miscounted(rows: number, expected: number): CopyError {
  const message = `DuckDB moved ${rows} of ${expected} rows`
  return new CopyError({ code: 'internal_error', sqlState: 'XX000', message })
}
