import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { NativeLoad } from '../../native/load.ts'
import type { RowError, RowRefusals } from '../target.ts'
import type { ConflictPlan } from './conflict.ts'
import { type Constraints, constraintsOf, type ForeignKey, partOf, type UniqueKey } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import type { DuckdbDriver } from './driver.ts'
import { withPosition } from './errors.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import {
  castStageSql,
  type InsertPlan,
  insertRestSql,
  insertSql,
  isCastByDuckdb,
  isNotGone,
  type RowSource,
  rowsOf,
  type StageShape,
  stageSql,
} from './insert.ts'
import { isColumn, isComplete, keyColumns, keyParts, keyText } from './key-sql.ts'
import { duplicateError, errorElsewhere, orphanError, uncastError } from './row-errors.ts'
import {
  conditionTest,
  involvedColumns,
  isConstant,
  isDefaulted,
  isValid,
  type Test,
  testsOf,
  tried,
} from './row-tests.ts'
import type { RowWindow } from './row-window.ts'
import { castFromVector } from './types.ts'

/*
 * How a load goes in which a row that DuckDB refuses costs itself only
 *
 * DuckDB has no savepoints, and an INSERT that fails aborts its transaction. So what it would refuse is found out before: what the
 * constraints are about is put into a temporary table, window by window, and asked for the rows that one of them would not let in. The
 * others are inserted as ever, from the feed. What is left for JavaScript are the rows that stand in each other's way by a key, since
 * which of them stays depends on which of those before it stay: the outcome is that of inserting row by row in the order of the file.
 *
 * ON CONFLICT is carried out with the same means. DO SKIP passes over rows that would be refused otherwise. Where the clause keeps another
 * row than the first, or updates, the rows are inserted out of the temporary table. It then holds all of the input, and is moved at once
 * in the end: updating a row again and again in one transaction leaves DuckDB's indexes with all its versions (1 M rows of 50,000 keys took
 * twenty times as long), and which row of a key is the last does not depend on where a window ends. Only next to refused rows, which have to
 * be dealt with in bounded memory, is DO UPDATE done a window at a time.
 */

/** Rows that are dealt with in one turn of the event loop, where there may be as many as in a window. */
const ROWS_A_TURN = 512

/** Runs one statement, `as_written` without its being optimized; gives its rows, and how many it changed. */
export type RunStatement = (
  sql: string,
  how?: 'as_written',
) => Promise<{ readonly rows: readonly unknown[][]; readonly changed: number }>

/** What became of a window. */
export interface Sifted {
  readonly loaded: number
  readonly refused: number
  /** Rows that ON CONFLICT passes over. */
  readonly conflicted: number
  /** Moves the rows, which are only counted so far. */
  readonly complete?: () => Promise<void>
}

/** What a load wants of its rows. */
export interface SievePolicy {
  /** Which errors cost a row only. */
  readonly tolerates: RowRefusals['tolerates'] | undefined
  readonly conflict: ConflictPlan | undefined
  /** Says where rows are. */
  readonly native: NativeLoad
  /** No statement may be run that fails, also where no error is tolerated. */
  readonly isGuarded: boolean
  /** Called when rows of the table have been updated. */
  onUpdate(): void
  /** What a database is opened with in which a statement may fail. */
  readonly driver: DuckdbDriver
}

/** What a row is refused for, if a test of it says so. */
type Reason = (row: readonly unknown[]) => RowError | undefined

/** One reason why a row is refused, and where it comes among others. */
interface Refusal {
  readonly rank: number
  readonly error: RowError
}

/** What becomes of the rows of a window, by their numbers. */
interface Verdict {
  /** Those that are refused, with all the reasons. */
  readonly refused: Map<number, Refusal[]>
  /** Those that ON CONFLICT passes over on account of a row before them. */
  readonly passed: Set<number>
  /** Those that refer to a row that is inserted no earlier than this window. */
  readonly cuts: readonly number[]
}

/** A key of a row that DO UPDATE would give to it, while another row of the table has it. */
interface Held {
  readonly key: number
  /** The row of the window that takes the key away from the other row, if one does. */
  readonly releaser: number | undefined
  readonly error: RowError
}

/** A key that a row has in common with others of its window. */
interface Conflict {
  /** Rows of the window that share this key, by the first of them. */
  readonly group: number
  /** The key as messages have it. */
  readonly key: string
}

/** A row whose foreign key is in none of the rows that the table has. */
interface Orphan {
  /** Of the foreign key. */
  readonly index: number
  /** The first row of the window that has the key, if any has. */
  readonly parent: number | undefined
  /** Whether others have it too. */
  readonly isShared: boolean
  /** Which of the unique keys the foreign key refers to. */
  readonly key: number
  readonly error: RowError
}

/** Loads the windows of one load without the rows that DuckDB would refuse. */
export class Sieve {
  readonly #plan: InsertPlan
  readonly #policy: SievePolicy
  readonly #constraints: Constraints
  readonly #shape: StageShape
  readonly #tests: readonly Test[]
  /** Parts of keys that may raise an error, which can be caught. */
  readonly #expressions: ReadonlySet<string>
  readonly #reasons: readonly Reason[]
  /** Whether rows as they come have to be cast, or looked at by WHERE, before they are the rows that are asked about. */
  readonly #isCast: boolean
  /**
   * The rows are inserted out of the temporary table. Also where values of defaults differ from one time to the next, so that the table
   * must get those that were looked at.
   */
  readonly #isWhole: boolean
  readonly #raw: string
  readonly #stage: string
  #isStaged = false

  private constructor(
    plan: InsertPlan,
    policy: SievePolicy,
    constraints: Constraints,
    tests: readonly Test[],
    expressions: readonly string[],
  ) {
    this.#expressions = new Set(expressions)
    this.#plan = plan
    this.#policy = policy
    this.#constraints = constraints
    const { conflict, tolerates } = policy
    const involved = involvedColumns(plan, constraints, tests)
    this.#isWhole =
      conflict?.isStaged === true ||
      involved.some(({ column, index }) => isDefaulted(plan, column, index) && !isConstant(column.defaultSql))
    const columns = this.#isWhole
      ? [
          ...plan.columns.map((column, index) => ({ column, index })),
          ...involved.filter(({ index }) => index === undefined),
        ]
      : involved
    const casts =
      tolerates === 'all' || tolerates === 'conversion' || policy.isGuarded
        ? plan.columns.flatMap((column, index) => (isCastByDuckdb(column) ? [index] : []))
        : []
    this.#shape = { columns, casts, isWhereTried: tests.some(({ isCondition }) => isCondition) }
    this.#tests = tests
    this.#isCast = casts.length > 0 || plan.where !== undefined || conflict !== undefined
    const castReasons = casts.map(
      (index, at): Reason =>
        (row) =>
          typeof row[at] === 'string'
            ? uncastError(plan.columns[index] as DuckdbColumnDescription, row[at])
            : undefined,
    )
    const testReasons = tests.map(
      ({ error }, at): Reason =>
        (row) =>
          row[casts.length + at] === true ? error : undefined,
    )
    this.#reasons = [...castReasons, ...testReasons]
    const suffix = randomBytes(8).toString('hex')
    this.#raw = `temp.main.copyist_raw_${suffix}`
    this.#stage = `temp.main.copyist_stage_${suffix}`
  }

  /** Prepares for the windows of a load; undefined where DuckDB has no reason to refuse a row. */
  static async open(connection: DuckDBConnection, plan: InsertPlan, policy: SievePolicy): Promise<Sieve | undefined> {
    const { tolerates, conflict, isGuarded } = policy
    if (tolerates === 'conversion' && conflict === undefined && !isGuarded) {
      const none = { checks: [], keys: [], foreignKeys: [], generated: [] }
      return plan.columns.some(isCastByDuckdb) ? new Sieve(plan, policy, none, [], []) : undefined
    }
    const all = await constraintsOf(connection, plan.table)
    // What no row is to be refused for is left to DuckDB, where it comes after the keys there too.
    const isAll = tolerates === 'all' || isGuarded
    const constraints = { ...all, foreignKeys: isAll ? all.foreignKeys : [] }
    const expressions: string[] = []
    for (const part of all.keys.flatMap(({ columns, parts }) => (columns === undefined ? parts : []))) {
      if (!isColumn(part) && (await isValid(connection, plan, tried(plan, part)))) expressions.push(part)
    }
    const condition = isGuarded ? await conditionTest(connection, plan) : []
    const tests = [...condition, ...(await testsOf(connection, plan, constraints, expressions, tolerates === 'all'))]
    const { keys, foreignKeys } = constraints
    const isNeeded = isAll
      ? tests.length + keys.length + foreignKeys.length > 0 || plan.columns.some(isCastByDuckdb)
      : keys.length > 0
    return isNeeded || conflict !== undefined ? new Sieve(plan, policy, constraints, tests, expressions) : undefined
  }

  /** Whether windows are only gathered, for {@link finish} to load their rows. */
  get isGathering(): boolean {
    return this.#policy.conflict?.isGathered === true
  }

  /** Hands over the rows of a window that DuckDB would refuse, and loads the others. */
  async load(
    run: RunStatement,
    window: RowWindow,
    source: RowSource,
    refusals: RowRefusals | undefined,
  ): Promise<Sifted> {
    const raw = this.#isCast ? this.#raw : this.#stage
    await run(`CREATE TEMP TABLE ${raw} AS ${stageSql(this.#plan, source, this.#shape)}`)
    if (this.#isCast) {
      const rows = castStageSql(this.#plan, raw, this.#shape)
      const numbered = this.isGathering
        ? `SELECT * REPLACE (CAST(${this.#own}_n AS BIGINT) + ${window.firstRow} AS ${this.#own}_n) FROM (${rows})`
        : rows
      await run(
        `${this.#isStaged ? `INSERT INTO ${this.#stage}` : `CREATE TEMP TABLE ${this.#stage} AS`} ${numbered}`,
        this.#shape.isWhereTried ? 'as_written' : undefined,
      )
      await run(`DROP TABLE ${raw}`)
    }
    this.#isStaged = true
    if (this.isGathering) return { loaded: 0, refused: 0, conflicted: 0 }
    return await this.#sift(run, { first: window.firstRow, rows: window.rows, source }, refusals)
  }

  /** Loads the rows that were gathered. */
  async finish(run: RunStatement, rows: number, refusals: RowRefusals | undefined): Promise<Sifted> {
    if (!this.isGathering || !this.#isStaged) return { loaded: 0, refused: 0, conflicted: 0 }
    return await this.#sift(run, { first: 0, rows, source: { kind: 'range', first: 0, last: rows } }, refusals)
  }

  async #sift(run: RunStatement, part: Part, refusals: RowRefusals | undefined): Promise<Sifted> {
    const deduplicated = await this.#deduplicate(run)
    const verdict = await this.#judge(run)
    const { refused, passed } = verdict
    const rows = [...refused.keys()].sort((a, b) => a - b)
    for (const [at, row] of rows.entries()) {
      if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
      // In the order of the constraints, which does not depend on where the other row of a conflict is.
      const reasons = (refused.get(row) ?? []).sort((a, b) => a.rank - b.rank)
      const errors = reasons.map(({ error }) => error)
      if (refusals === undefined || !this.#tolerates(reasons))
        throw await this.#failure(run, part.first, row, reasons[0])
      refusals.refuse(part.first + row, errors)
    }
    const gone = passed.size === 0 ? rows : [...rows, ...passed]
    const conflicted = deduplicated + verdict.skipped + passed.size
    if (this.#policy.isGuarded && this.isGathering && this.#policy.conflict?.action === 'update') {
      // An update cannot be taken back by itself, so it comes when all else is done.
      if (gone.length > 0) await this.#dismiss(run, numbersSql(gone))
      const counted = await run(`SELECT count(*) FROM ${this.#stage} WHERE ${this.#own}_kept`)
      const loaded = Number(counted.rows[0]?.[0])
      const complete = async (): Promise<void> => {
        const moved = await this.#move(run, part, [], verdict.cuts)
        await run(`DROP TABLE ${this.#stage}`)
        if (moved !== loaded) throw miscounted(moved, loaded)
      }
      return { loaded, refused: rows.length, conflicted, complete }
    }
    const loaded = await (this.#policy.conflict?.isStaged
      ? this.#move(run, part, gone, verdict.cuts)
      : this.#insert(run, part, { gone, cuts: verdict.cuts, isAny: verdict.skipped > 0 }))
    await run(`DROP TABLE ${this.#stage}`)
    this.#isStaged = false
    return { loaded, refused: rows.length, conflicted }
  }

  /** Of rows of the input with one key, takes all but one out, before any row is looked at for itself; how many. */
  async #deduplicate(run: RunStatement): Promise<number> {
    const { conflict } = this.#policy
    const [at] = conflict?.arbiters ?? []
    const key = this.#constraints.keys[at ?? -1]
    return conflict?.isStaged && key !== undefined ? await this.#keepOne(run, key, conflict.keep) : 0
  }

  async #keepOne(run: RunStatement, { parts }: UniqueKey, keep: ConflictPlan['keep']): Promise<number> {
    const columns = keyColumns(parts)
    const keyRows = this.#keyRows(parts)
    return await this.#dismiss(
      run,
      `SELECT ${this.#own}_n FROM ${keyRows} JOIN (SELECT ${columns}, ${keep === 'last' ? 'max' : 'min'}(${this.#own}_n) AS ${this.#own}_kept_n
FROM ${keyRows} WHERE ${isComplete(parts)} GROUP BY ${columns} HAVING count(*) > 1) USING (${columns}) WHERE ${this.#own}_n <> ${this.#own}_kept_n`,
    )
  }

  /** Takes rows, by a query for their numbers, out of those that are looked at; how many. */
  async #dismiss(run: RunStatement, numbers: string): Promise<number> {
    const sql = `UPDATE ${this.#stage} SET ${this.#own}_kept = false WHERE ${this.#own}_kept AND ${this.#own}_n IN (${numbers})`
    return (await run(sql)).changed
  }

  /** Whether a row with these errors, which come by rank, costs itself only. */
  #tolerates([first]: readonly Refusal[]): boolean {
    const { tolerates } = this.#policy
    const rank = first?.rank ?? 0
    if (tolerates === 'unique') return rank >= this.#reasons.length
    // WHERE is not about what a row is worth.
    if (this.#testOf(first)?.isCondition) return false
    // What cannot be cast comes first.
    return tolerates === 'all' || (tolerates === 'conversion' && rank < this.#shape.casts.length)
  }

  #testOf(refusal: Refusal | undefined): Test | undefined {
    return refusal && this.#tests[refusal.rank - this.#shape.casts.length]
  }

  /** The error of a load that ends at a row of the temporary table, whose number is among those from `first` on. */
  async #failure(run: RunStatement, first: number, row: number, cause: Refusal | undefined): Promise<CopyError> {
    const { column, ...init } = cause?.error ?? {
      sqlState: 'XX000',
      code: 'internal_error',
      message: 'a row was refused',
    }
    const error = (cause && (await this.#ownWords(run, row, cause))) ?? new CopyError(init)
    const at = this.#policy.native.locate(first + row)
    const context = at === undefined ? undefined : `COPY ${this.#plan.table.relationName}, line ${at.line}`
    const place = at && { file: at.file, line: at.line, byteOffset: at.byteOffset }
    return withPosition(error, { ...place, ...(column === undefined ? {} : { column }) }, context)
  }

  /** What DuckDB says of a row for which it has raised an error that was caught. */
  async #ownWords(run: RunStatement, row: number, { rank, error }: Refusal): Promise<CopyError | undefined> {
    const { table, columns } = this.#plan
    const index = this.#shape.casts[rank]
    const { driver } = this.#policy
    if (index !== undefined) {
      const { type, typeName } = columns[index] as DuckdbColumnDescription
      return await errorElsewhere(driver, `SELECT ${castFromVector(quoteLiteral(error.value ?? ''), type, typeName)}`)
    }
    const raising = this.#testOf({ rank, error })?.raising
    if (raising === undefined) return undefined
    const shown = this.#shape.columns.map(({ column }) => `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`)
    const { rows } = await run(`SELECT ${shown.join(', ') || 'NULL'} FROM ${this.#stage} WHERE ${this.#own}_n = ${row}`)
    const values = this.#shape.columns.map(({ column }, at) => {
      const text = rows[0]?.[at]
      const literal = typeof text === 'string' ? quoteLiteral(text) : 'NULL'
      return `CAST(${literal} AS ${column.typeName}) AS ${quoteIdentifier(column.name)}`
    })
    const from = `(SELECT ${values.join(', ') || '1'}) AS ${quoteIdentifier(table.relationName)}`
    const raised = await errorElsewhere(driver, `SELECT ${raising.sql} FROM ${from}`)
    if (raised === undefined || this.#testOf({ rank, error })?.isCondition) return raised
    const { code, sqlState, message } = raised
    // DuckDB knows where a value comes from in a query only.
    const words = message.replace(/ when casting from source column .*$/, '')
    if (raising.place === 'instead') return new CopyError({ code, sqlState, message: words })
    return new CopyError({ ...error, message: `${error.message} (Error: ${words})` })
  }

  /** Leaves no temporary tables behind a load that has failed. */
  async discard(connection: DuckDBConnection): Promise<void> {
    for (const name of [this.#raw, this.#stage]) await connection.run(`DROP TABLE IF EXISTS ${name}`)
  }

  /** Decides on the rows of the temporary table. */
  async #judge(run: RunStatement): Promise<Verdict & { readonly skipped: number }> {
    const refused = new Map<number, Refusal[]>()
    const passed = new Set<number>()
    const { keys, foreignKeys } = this.#constraints
    const { conflict } = this.#policy
    const isUpdate = conflict?.action === 'update'
    const ofKeys = this.#reasons.length
    const ofForeignKeys = ofKeys + keys.length
    const refuse = (row: number, rank: number, error: RowError): void => {
      const reasons = refused.get(row)
      if (reasons === undefined) refused.set(row, [{ rank, error }])
      else reasons.push({ rank, error })
    }
    await this.#test(run, refuse)
    // A row that is refused for itself is in nobody's way, and has no conflict.
    if (conflict !== undefined && refused.size > 0) await this.#dismiss(run, numbersSql([...refused.keys()]))
    if (isUpdate && (await this.#merge(run)) > 0) {
      const before = refused.size
      await this.#test(run, refuse)
      if (refused.size > before) await this.#dismiss(run, numbersSql([...refused.keys()]))
    }
    const isAscending: boolean[] = []
    for (const [index, key] of keys.entries()) {
      isAscending.push(!(isUpdate && conflict.arbiters.has(index)) && (await this.#isAscending(run, key)))
    }
    let skipped = 0
    for (const [index, key] of keys.entries()) {
      if (isAscending[index] || isUpdate || !conflict?.arbiters.has(index)) continue
      skipped += await this.#dismiss(
        run,
        `SELECT ${this.#own}_n FROM ${this.#keyRows(key.parts)} SEMI JOIN ${this.#tableKeys(key.parts)}
USING (${keyColumns(key.parts)}) WHERE ${isComplete(key.parts)}`,
      )
      // With nothing else to be refused for, the first row that has the key stays.
      if (keys.length > 1 || foreignKeys.length > 0) continue
      skipped += await this.#keepOne(run, key, 'first')
      isAscending[index] = true
    }
    for (const [index, key] of keys.entries()) {
      if (isAscending[index] || isUpdate || conflict?.arbiters.has(index)) continue
      const { rows } = await run(
        `SELECT ${this.#own}_n, ${keyText(key.names)} FROM ${this.#keyRows(key.parts)} SEMI JOIN ${this.#tableKeys(key.parts)}
USING (${keyColumns(key.parts)}) WHERE ${isComplete(key.parts)}`,
      )
      for (const [at, [row, text]] of rows.entries()) {
        if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
        refuse(Number(row), ofKeys + index, duplicateError(key, String(text)))
      }
      // With nothing else in which rows stand in each other's way, of those with one key the first stays that may.
      if (keys.length > 1 || foreignKeys.some(({ otherTable }) => otherTable === undefined)) continue
      const later = await run(this.#laterSql(key, refused, rows))
      for (const [at, [row, text]] of later.rows.entries()) {
        if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
        refuse(Number(row), ofKeys + index, duplicateError(key, String(text)))
      }
      isAscending[index] = true
    }
    for (const [index, foreignKey] of foreignKeys.entries()) {
      if (foreignKey.otherTable === undefined) continue
      const parts = foreignKey.columns.map((name) => partOf(this.#plan.table, name))
      const { rows } = await run(
        `SELECT ${this.#own}_n, ${keyText(foreignKey.otherColumns)} FROM ${this.#keyRows(parts)} ${this.#withoutOther(foreignKey)}`,
      )
      for (const [row, text] of rows) refuse(Number(row), ofForeignKeys + index, orphanError(foreignKey, String(text)))
    }
    // From here on it depends on the rows before.
    const conflicts = await this.#conflicts(run, isAscending)
    const held = isUpdate ? await this.#held(run, isAscending) : new Map<number, Held[]>()
    const orphans = await this.#orphans(run)
    const cuts: number[] = []
    let runStart = 0
    /** By key: the groups of which a row stays, and that row. */
    const holders = keys.map(() => new Map<number, number>())
    const isGone = (row: number): boolean => refused.has(row) || passed.has(row)
    const entangled = [...new Set([...conflicts.keys(), ...held.keys(), ...orphans.keys()])].sort((a, b) => a - b)
    for (const [at, row] of entangled.entries()) {
      if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
      const own = conflicts.get(row) ?? []
      own.forEach((conflicting, key) => {
        if (!holders[key]?.has(conflicting.group)) return
        if (conflict?.arbiters.has(key)) passed.add(row)
        else refuse(row, ofKeys + key, duplicateError(keys[key] as UniqueKey, conflicting.key))
      })
      for (const { key, releaser, error } of held.get(row) ?? []) {
        if (releaser === undefined || releaser >= row || isGone(releaser)) refuse(row, ofKeys + key, error)
      }
      let latest = -1
      for (const { index, parent, isShared, key, error } of orphans.get(row) ?? []) {
        const holder = isShared ? holders[key]?.get(parent ?? -1) : parent
        // DuckDB looks for the key before it inserts the row, so a row does not find its own.
        if (holder === undefined || holder >= row || isGone(holder)) refuse(row, ofForeignKeys + index, error)
        else latest = Math.max(latest, holder)
      }
      if (isGone(row)) continue
      own.forEach((conflicting, key) => {
        holders[key]?.set(conflicting.group, row)
      })
      if (latest >= runStart) {
        cuts.push(row)
        runStart = row
      }
    }
    // A row that is passed over is not looked at any further.
    for (const row of passed) refused.delete(row)
    return { refused, passed, cuts, skipped }
  }

  /** Refuses the rows that are wrong by themselves. */
  async #test(run: RunStatement, refuse: Refuse): Promise<void> {
    if (this.#reasons.length === 0) return
    const tests = this.#tests
    const texts = this.#shape.casts.map((index) => `${this.#own}_t${index}`)
    const flags = tests.map((_, index) => `${this.#own}_e${index}`)
    const evaluated = tests.map(({ sql }, index) => `${sql} AS ${this.#own}_e${index}`)
    const { rows } = await run(
      `SELECT ${[...texts, ...flags, `${this.#own}_n`].join(', ')}
FROM (SELECT ${[...texts, ...evaluated, `${this.#own}_n`].join(', ')} FROM ${this.#stage} AS ${this.#relation} WHERE ${this.#kept})
WHERE ${[...texts.map((text) => `${text} IS NOT NULL`), ...flags].join(' OR ')}${this.#onlyFirst}`,
      // As an INSERT evaluates them. Else a row may pass that DuckDB refuses.
      tests.some(({ raising }) => raising !== undefined) ? 'as_written' : undefined,
    )
    for (const [at, row] of rows.entries()) {
      if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
      for (const [rank, reason] of this.#reasons.entries()) {
        const error = reason(row)
        if (error !== undefined) refuse(Number(row.at(-1)), rank, error)
      }
    }
  }

  /** Gives rows that update another what they leave as it is there; how many. As new rows, with defaults, they have to be right too. */
  async #merge(run: RunStatement): Promise<number> {
    const absent = this.#shape.columns.filter(({ index }) => index === undefined)
    if (absent.length === 0) return 0
    const set = absent.map(
      ({ column }) => `${quoteIdentifier(column.name)} = ${this.#own}_o.${quoteIdentifier(column.name)}`,
    )
    const sql = `UPDATE ${this.#stage} AS ${this.#own}_s SET ${set.join(', ')} FROM ${this.#plan.table.fullName} AS ${this.#own}_o
WHERE ${this.#own}_s.${this.#own}_kept AND ${this.#isSameRow()}`
    return (await run(sql)).changed
  }

  /**
   * The rows that share their key with one before them which stays: that is not refused for something else. Those whose key is in the
   * table, `known`, are refused for that.
   */
  #laterSql({ parts, names }: UniqueKey, refused: ReadonlyMap<number, unknown>, known: readonly unknown[][]): string {
    const columns = keyColumns(parts)
    const keyRows = this.#keyRows(parts)
    const n = `${this.#own}_n`
    // By the bit, which is looked up faster than any list.
    const last = [...refused.keys()].reduce((most, row) => Math.max(most, row), -1)
    const bits = Array.from({ length: last + 1 }, (_, row) => (refused.has(row) ? '1' : '0')).join('')
    const stays =
      last < 0
        ? ''
        : ` FILTER (CASE WHEN ${n} > ${last} THEN true ELSE get_bit(CAST('${bits}' AS BIT), CAST(${n} AS INTEGER)) = 0 END)`
    const isNew = known.length === 0 ? '' : ` AND ${n} NOT IN (${numbersSql(known.map(([row]) => Number(row)))})`
    return `SELECT ${n}, ${keyText(names)} FROM ${keyRows} JOIN (SELECT ${columns}, min(${n})${stays} AS ${this.#own}_first
FROM ${keyRows} WHERE ${isComplete(parts)} GROUP BY ${columns} HAVING count(*) > 1) USING (${columns}) WHERE ${n} > ${this.#own}_first${isNew}`
  }

  /** The rows of which DO UPDATE would give a key to one row of the table that another has. */
  async #held(run: RunStatement, isAscending: readonly boolean[]): Promise<Map<number, Held[]>> {
    const found = new Map<number, Held[]>()
    const { conflict } = this.#policy
    const { table } = this.#plan
    for (const [index, key] of this.#constraints.keys.entries()) {
      if (isAscending[index] || conflict?.arbiters.has(index)) continue
      // One of expressions is left to DuckDB.
      if (key.columns === undefined) continue
      const names = key.columns.map((name) => partOf(table, name))
      const shared = names.map((name) => `${this.#own}_s.${name} = ${this.#own}_o.${name}`)
      const kept = names.map((name) => `coalesce(${this.#own}_r.${name} = ${this.#own}_o.${name}, false)`)
      const texts = names.map((name, at) => `${this.#own}_s.${name} AS k${at}`)
      const { rows } = await run(
        `SELECT ${this.#own}_n, ${this.#own}_releaser, ${keyText(key.names)} FROM (
SELECT ${this.#own}_s.${this.#own}_n, CASE WHEN NOT (${kept.join(' AND ')}) THEN ${this.#own}_r.${this.#own}_n END AS ${this.#own}_releaser, ${texts.join(', ')}
FROM ${this.#stage} AS ${this.#own}_s JOIN ${table.fullName} AS ${this.#own}_o ON ${shared.join(' AND ')}
LEFT JOIN (SELECT * FROM ${this.#stage} WHERE ${this.#own}_kept) AS ${this.#own}_r ON ${this.#isSameRow(`${this.#own}_r`)}
WHERE ${this.#own}_s.${this.#own}_kept AND NOT coalesce(${this.#isSameRow()}, false))`,
      )
      for (const [row, releaser, text] of rows) {
        const list = found.get(Number(row)) ?? []
        const error = duplicateError(key, String(text))
        list.push({ key: index, releaser: releaser === null ? undefined : Number(releaser), error })
        found.set(Number(row), list)
      }
    }
    return found
  }

  /** Whether a row of the input, by its alias, and `<own>_o` of the table have the same key of ON CONFLICT. */
  #isSameRow(alias = `${this.#own}_s`): string {
    const [at] = this.#policy.conflict?.arbiters ?? []
    const names = this.#constraints.keys[at ?? -1]?.columns ?? []
    const parts = names.map((name) => partOf(this.#plan.table, name))
    return parts.map((part) => `${alias}.${part} = ${this.#own}_o.${part}`).join(' AND ')
  }

  /**
   * Whether each row has a greater key than the one before it, and the first a greater one than all in the table. It is so in many a file,
   * and found out in a fraction of the time that it takes to look for conflicts.
   */
  async #isAscending(run: RunStatement, { parts }: UniqueKey): Promise<boolean> {
    if (parts.length !== 1) return false
    const { rows } = await run(
      `SELECT count(*) FILTER (k0 IS NULL OR k0 <= ${this.#own}_before) = 0
AND coalesce(min(k0) > (SELECT max(k0) FROM ${this.#tableKeys(parts)}), true)
FROM (SELECT k0, lag(k0) OVER () AS ${this.#own}_before FROM ${this.#keyRows(parts)})`,
    )
    return rows[0]?.[0] === true
  }

  /** The rows of the window that share a key with another, with the keys by their index. */
  async #conflicts(run: RunStatement, isAscending: readonly boolean[]): Promise<Map<number, Conflict[]>> {
    const found = new Map<number, Conflict[]>()
    const { conflict } = this.#policy
    for (const [index, key] of this.#constraints.keys.entries()) {
      if (isAscending[index] || (conflict?.isStaged && conflict.arbiters.has(index))) continue
      const columns = keyColumns(key.parts)
      const keyRows = this.#keyRows(key.parts)
      const { rows } = await run(
        `SELECT ${this.#own}_n, ${this.#own}_first, ${keyText(key.names)} FROM ${keyRows} JOIN (SELECT ${columns}, min(${this.#own}_n) AS ${this.#own}_first
FROM ${keyRows} WHERE ${isComplete(key.parts)} GROUP BY ${columns} HAVING count(*) > 1) USING (${columns})`,
      )
      for (const [at, [row, group, text]] of rows.entries()) {
        if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
        const conflicts = found.get(Number(row)) ?? []
        conflicts[index] = { group: Number(group), key: String(text) }
        found.set(Number(row), conflicts)
      }
    }
    return found
  }

  /** The rows whose foreign key into the table itself is not there before the window. */
  async #orphans(run: RunStatement): Promise<Map<number, Orphan[]>> {
    const found = new Map<number, Orphan[]>()
    const { table } = this.#plan
    for (const [index, foreignKey] of this.#constraints.foreignKeys.entries()) {
      if (foreignKey.otherTable !== undefined) continue
      const parts = foreignKey.columns.map((name) => partOf(table, name))
      const otherParts = foreignKey.otherColumns.map((name) => partOf(table, name))
      const key = this.#constraints.keys.findIndex(({ columns }) => isSameSet(columns, foreignKey.otherColumns))
      const columns = keyColumns(parts)
      const { rows } = await run(
        `SELECT ${this.#own}_n, ${this.#own}_first, ${this.#own}_count > 1, ${keyText(foreignKey.otherColumns)}
FROM (SELECT * FROM ${this.#keyRows(parts)} ${this.#withoutOther(foreignKey)})
LEFT JOIN (SELECT ${columns}, min(${this.#own}_n) AS ${this.#own}_first, count(*) AS ${this.#own}_count FROM ${this.#keyRows(otherParts)} GROUP BY ${columns})
USING (${columns})`,
      )
      for (const [row, first, isShared, text] of rows) {
        const orphans = found.get(Number(row)) ?? []
        const parent = first === null ? undefined : Number(first)
        orphans.push({ index, parent, isShared: isShared === true, key, error: orphanError(foreignKey, String(text)) })
        found.set(Number(row), orphans)
      }
    }
    return found
  }

  async #insert(
    run: RunStatement,
    { rows: count, source }: Part,
    { gone: refused, cuts, isAny }: { gone: readonly number[]; cuts: readonly number[]; isAny: boolean },
  ): Promise<number> {
    const plan = { ...this.#plan, where: undefined }
    if (!(this.#isWhole || isAny || this.#plan.where !== undefined) && refused.length === 0 && cuts.length === 0) {
      return (await run(insertSql(plan, source))).changed
    }
    const { rows } = await run(
      `SELECT CAST(bitstring_agg(${this.#own}_n, 0, ${count}) AS VARCHAR) FROM (SELECT ${this.#own}_n FROM ${this.#stage} WHERE NOT ${this.#kept}
${refused.length > 0 ? `UNION ALL ${numbersSql(refused)}` : ''})`,
    )
    const gone = typeof rows[0]?.[0] === 'string' ? rows[0][0] : '0'.repeat(count)
    let loaded = 0
    // A row finds the key of one that the same statement inserts only when that is in.
    const bounds = [0, ...cuts, count]
    for (const [at, first] of bounds.slice(0, -1).entries()) {
      const last = bounds[at + 1] ?? count
      const range = cuts.length === 0 ? source : rowsOf(source, first, last)
      // There may be many of these statements.
      const bits = gone.slice(first, last)
      const sql = this.#isWhole ? this.#insertStagedSql(first, last, bits) : insertRestSql(plan, range, bits, first)
      loaded += (await run(sql)).changed
    }
    return loaded
  }

  /** Updates and inserts out of the temporary table. */
  async #move(run: RunStatement, part: Part, gone: readonly number[], cuts: readonly number[]): Promise<number> {
    const { table, columns } = this.#plan
    const { conflict } = this.#policy
    if (gone.length > 0) await this.#dismiss(run, numbersSql(gone))
    let loaded = 0
    if (conflict?.action === 'update') {
      const key = this.#constraints.keys[[...conflict.arbiters][0] ?? -1]
      const set = columns
        .filter(({ name }) => !key?.columns?.includes(name))
        .map(({ name }) => `${quoteIdentifier(name)} = ${this.#own}_s.${quoteIdentifier(name)}`)
      const { changed } = await run(
        `UPDATE ${table.fullName} AS ${this.#own}_o SET ${set.join(', ')} FROM ${this.#stage} AS ${this.#own}_s
WHERE ${this.#own}_s.${this.#own}_kept AND ${this.#isSameRow()}`,
      )
      loaded += changed
      if (changed > 0) this.#policy.onUpdate()
      // What is left is inserted in the order of the file, which a join need not keep.
      if (changed > 0 && key !== undefined) {
        await this.#dismiss(
          run,
          `SELECT ${this.#own}_n FROM ${this.#keyRows(key.parts)} SEMI JOIN ${this.#tableKeys(key.parts)}
USING (${keyColumns(key.parts)}) WHERE ${isComplete(key.parts)}`,
        )
      }
    }
    const names = this.#shape.columns.map(({ column }) => quoteIdentifier(column.name)).join(', ')
    const bounds = [0, ...cuts, part.rows]
    for (const [at, first] of bounds.slice(0, -1).entries()) {
      const range =
        cuts.length === 0 ? '' : ` AND ${this.#own}_n BETWEEN ${first} AND ${(bounds[at + 1] ?? part.rows) - 1}`
      const sql = `INSERT INTO ${table.fullName} (${names}) SELECT ${names} FROM ${this.#stage} WHERE ${this.#own}_kept${range}`
      loaded += (await run(sql)).changed
    }
    return loaded
  }

  #insertStagedSql(first: number, last: number, gone: string): string {
    const names = this.#shape.columns.map(({ column }) => quoteIdentifier(column.name)).join(', ')
    return `INSERT INTO ${this.#plan.table.fullName} (${names}) SELECT ${names} FROM ${this.#stage}
WHERE CASE WHEN ${this.#own}_n BETWEEN ${first} AND ${last - 1} THEN ${isNotGone(this.#plan, gone, first)} END`
  }

  /** The window's rows with the parts of a key as `k0`, `k1`, …. */
  #keyRows(parts: readonly string[]): string {
    const caught = parts.map((part) =>
      this.#expressions.has(part) ? `CASE WHEN (${tried(this.#plan, part)}) IS NOT NULL THEN ${part} END` : part,
    )
    return `(SELECT ${this.#own}_n, ${keyParts(caught)} FROM ${this.#stage} AS ${this.#relation} WHERE ${this.#kept})`
  }

  #tableKeys(parts: readonly string[]): string {
    return `(SELECT ${keyParts(parts)} FROM ${this.#plan.table.fullName} AS ${this.#relation})`
  }

  /** What leaves those rows only whose foreign key is not in the other table. */
  #withoutOther({ otherTable, otherColumns, columns }: ForeignKey): string {
    const { table } = this.#plan
    // Both columns have the same type.
    const others = otherColumns.map((name, index) =>
      partOf(table, columns[index] ?? '').replace(quoteIdentifier(columns[index] ?? ''), () => quoteIdentifier(name)),
    )
    return `ANTI JOIN (SELECT ${keyParts(others)} FROM ${otherTable ?? table.fullName}) USING (${keyColumns(others)})
WHERE ${isComplete(others)}`
  }

  /** Of rows that end the load when they fail a test, the first is the one that counts. */
  get #onlyFirst(): string {
    const { tolerates } = this.#policy
    return tolerates === undefined || tolerates === 'unique' ? ` ORDER BY ${this.#own}_n LIMIT 1` : ''
  }

  /** What lets the rows pass that WHERE does. */
  get #kept(): string {
    return this.#isCast ? `${this.#own}_kept` : 'true'
  }

  get #own(): string {
    return this.#plan.own
  }

  get #relation(): string {
    return quoteIdentifier(this.#plan.table.relationName)
  }
}

/** Rows that are dealt with together, numbered from 0. */
interface Part {
  /** The load's rows before them. */
  readonly first: number
  readonly rows: number
  /** Where their numbers come from. */
  readonly source: RowSource
}

type Refuse = (row: number, rank: number, error: RowError) => void

function miscounted(rows: number, expected: number): CopyError {
  const message = `DuckDB moved ${rows} of ${expected} rows`
  return new CopyError({ code: 'internal_error', sqlState: 'XX000', message })
}

/** A query for numbers that are known. */
function numbersSql(numbers: readonly number[]): string {
  return `SELECT unnest(string_split('${numbers.join()}', ',')::BIGINT[])`
}

function isSameSet(left: readonly string[] | undefined, right: readonly string[]): boolean {
  return left !== undefined && left.length === right.length && left.every((name) => right.includes(name))
}
