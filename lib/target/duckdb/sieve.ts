import { randomBytes } from 'node:crypto'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { RowError, RowRefusals } from '../target.ts'
import { type Constraints, constraintsOf, type ForeignKey, partOf, type UniqueKey } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import { quoteIdentifier } from './identifiers.ts'
import {
  castStageSql,
  type InsertPlan,
  insertRestSql,
  insertSql,
  isCastByDuckdb,
  isNotGone,
  type RowSource,
  type StagedColumn,
  type StageShape,
  stageSql,
} from './insert.ts'
import type { RowWindow } from './row-window.ts'

/*
 * How a load goes in which a row that DuckDB refuses costs itself only
 *
 * DuckDB has no savepoints, and an INSERT that fails aborts its transaction. So what it would refuse is found out before: what the
 * constraints are about is put into a temporary table, window by window, and asked for the rows that one of them would not let in. The
 * others are inserted as ever, from the feed. What is left for JavaScript are the rows that stand in each other's way by a key, since
 * which of them stays depends on which of those before it stay: the outcome is that of inserting row by row in the order of the file.
 */

const NO_CONSTRAINTS: Constraints = { checks: [], keys: [], foreignKeys: [], generated: [] }

/** Runs one statement; gives its rows, and how many it changed. */
export type RunStatement = (sql: string) => Promise<{ readonly rows: readonly unknown[][]; readonly changed: number }>

/** What became of a window. */
export interface Sifted {
  readonly loaded: number
  readonly refused: number
}

/** What a row is refused for, if a test of it says so. */
type Reason = (row: readonly unknown[]) => RowError | undefined

/** One reason why a row is refused, and where it comes among others. */
interface Refusal {
  readonly rank: number
  readonly error: RowError
}

/** A key that a row has in common with others of its window. */
interface Conflict {
  /** Rows of the window that share this key, by the first of them. */
  readonly group: number
  readonly error: RowError
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
  readonly #constraints: Constraints
  readonly #shape: StageShape
  readonly #tests: readonly string[]
  readonly #reasons: readonly Reason[]
  /** Whether rows as they come have to be cast, or looked at by WHERE, before they are the rows that are asked about. */
  readonly #isCast: boolean
  /** Values of defaults differ from one time to the next, so that the table must get those that were looked at. */
  readonly #isWhole: boolean
  readonly #raw: string
  readonly #stage: string

  private constructor(plan: InsertPlan, constraints: Constraints, tests: readonly Test[]) {
    this.#plan = plan
    this.#constraints = constraints
    const involved = involvedColumns(plan, constraints, tests)
    this.#isWhole = involved.some(
      ({ column, index }) => isDefaulted(plan, column, index) && !isConstant(column.defaultSql),
    )
    const columns = this.#isWhole
      ? [
          ...plan.columns.map((column, index) => ({ column, index })),
          ...involved.filter(({ index }) => index === undefined),
        ]
      : involved
    const casts = plan.columns.flatMap((column, index) => (isCastByDuckdb(column) ? [index] : []))
    this.#shape = { columns, casts }
    this.#tests = tests.map(({ sql }) => sql)
    this.#isCast = casts.length > 0 || plan.where !== undefined
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
  static async open(
    connection: DuckDBConnection,
    plan: InsertPlan,
    tolerates: RowRefusals['tolerates'],
  ): Promise<Sieve | undefined> {
    const constraints = tolerates === 'all' ? await constraintsOf(connection, plan.table) : NO_CONSTRAINTS
    const tests = tolerates === 'all' ? await testsOf(connection, plan, constraints) : []
    const { keys, foreignKeys } = constraints
    const isNeeded = tests.length + keys.length + foreignKeys.length > 0 || plan.columns.some(isCastByDuckdb)
    return isNeeded ? new Sieve(plan, constraints, tests) : undefined
  }

  /** Hands over the rows of a window that DuckDB would refuse, and loads the others. */
  async load(run: RunStatement, window: RowWindow, source: RowSource, refusals: RowRefusals): Promise<Sifted> {
    const raw = this.#isCast ? this.#raw : this.#stage
    await run(`CREATE TEMP TABLE ${raw} AS ${stageSql(this.#plan, source, this.#shape)}`)
    if (this.#isCast) {
      await run(`CREATE TEMP TABLE ${this.#stage} AS ${castStageSql(this.#plan, raw, this.#shape)}`)
      await run(`DROP TABLE ${raw}`)
    }
    const { refused, cuts } = await this.#refused(run)
    const rows = [...refused.keys()].sort((a, b) => a - b)
    for (const row of rows) {
      // In the order of the constraints, which does not depend on where the other row of a conflict is.
      const reasons = (refused.get(row) ?? []).sort((a, b) => a.rank - b.rank)
      refusals.refuse(
        window.firstRow + row,
        reasons.map(({ error }) => error),
      )
    }
    const loaded = await this.#insert(run, window, source, rows, cuts)
    await run(`DROP TABLE ${this.#stage}`)
    return { loaded, refused: rows.length }
  }

  /** The rows that are refused, with all the reasons, and those that refer to a row that is inserted no earlier than this window. */
  async #refused(run: RunStatement): Promise<{ refused: Map<number, Refusal[]>; cuts: readonly number[] }> {
    const refused = new Map<number, Refusal[]>()
    const { keys, foreignKeys } = this.#constraints
    const { casts } = this.#shape
    const tests = this.#tests
    const ofKeys = casts.length + tests.length
    const ofForeignKeys = ofKeys + keys.length
    const refuse = (row: number, rank: number, error: RowError): void => {
      const reasons = refused.get(row)
      if (reasons === undefined) refused.set(row, [{ rank, error }])
      else reasons.push({ rank, error })
    }
    const texts = casts.map((index) => `copyist_t${index}`)
    if (this.#reasons.length > 0) {
      const flags = tests.map((_, index) => `copyist_e${index}`)
      const evaluated = tests.map((test, index) => `${test} AS copyist_e${index}`)
      const { rows } = await run(
        `SELECT ${[...texts, ...flags, 'copyist_n'].join(', ')}
FROM (SELECT ${[...texts, ...evaluated, 'copyist_n'].join(', ')} FROM ${this.#stage} AS ${this.#relation} WHERE ${this.#kept})
WHERE ${[...texts.map((text) => `${text} IS NOT NULL`), ...flags].join(' OR ')}`,
      )
      for (const row of rows) {
        for (const [rank, reason] of this.#reasons.entries()) {
          const error = reason(row)
          if (error !== undefined) refuse(Number(row.at(-1)), rank, error)
        }
      }
    }
    const isAscending: boolean[] = []
    for (const key of keys) isAscending.push(await this.#isAscending(run, key))
    for (const [index, key] of keys.entries()) {
      if (isAscending[index]) continue
      const { rows } = await run(
        `SELECT copyist_n, ${keyText(key.names)} FROM ${this.#keyRows(key.parts)} SEMI JOIN ${this.#tableKeys(key.parts)}
USING (${keyColumns(key.parts)}) WHERE ${isComplete(key.parts)}`,
      )
      for (const [row, text] of rows) refuse(Number(row), ofKeys + index, duplicateError(key, String(text)))
    }
    for (const [index, foreignKey] of foreignKeys.entries()) {
      if (foreignKey.otherTable === undefined) continue
      const parts = foreignKey.columns.map((name) => partOf(this.#plan.table, name))
      const { rows } = await run(
        `SELECT copyist_n, ${keyText(foreignKey.otherColumns)} FROM ${this.#keyRows(parts)} ${this.#withoutOther(foreignKey)}`,
      )
      for (const [row, text] of rows) refuse(Number(row), ofForeignKeys + index, orphanError(foreignKey, String(text)))
    }
    // From here on it depends on the rows before.
    const conflicts = await this.#conflicts(run, isAscending)
    const orphans = await this.#orphans(run)
    if (conflicts.size === 0 && orphans.size === 0) return { refused, cuts: [] }
    const cuts: number[] = []
    let runStart = 0
    /** By key: the groups of which a row stays, and that row. */
    const holders = keys.map(() => new Map<number, number>())
    const entangled = [...new Set([...conflicts.keys(), ...orphans.keys()])].sort((a, b) => a - b)
    for (const row of entangled) {
      const own = conflicts.get(row) ?? []
      own.forEach((conflict, key) => {
        if (holders[key]?.has(conflict.group)) refuse(row, ofKeys + key, conflict.error)
      })
      let latest = -1
      for (const { index, parent, isShared, key, error } of orphans.get(row) ?? []) {
        const holder = isShared ? holders[key]?.get(parent ?? -1) : parent
        // DuckDB looks for the key before it inserts the row, so a row does not find its own.
        if (holder === undefined || holder >= row || refused.has(holder)) refuse(row, ofForeignKeys + index, error)
        else latest = Math.max(latest, holder)
      }
      if (refused.has(row)) continue
      own.forEach((conflict, key) => {
        holders[key]?.set(conflict.group, row)
      })
      if (latest >= runStart) {
        cuts.push(row)
        runStart = row
      }
    }
    return { refused, cuts }
  }

  /**
   * Whether each row has a greater key than the one before it, and the first a greater one than all in the table. It is so in many a file,
   * and found out in a fraction of the time that it takes to look for conflicts.
   */
  async #isAscending(run: RunStatement, { parts }: UniqueKey): Promise<boolean> {
    if (parts.length !== 1) return false
    const { rows } = await run(
      `SELECT count(*) FILTER (k0 IS NULL OR k0 <= copyist_before) = 0
AND coalesce(min(k0) > (SELECT max(k0) FROM ${this.#tableKeys(parts)}), true)
FROM (SELECT k0, lag(k0) OVER () AS copyist_before FROM ${this.#keyRows(parts)})`,
    )
    return rows[0]?.[0] === true
  }

  /** The rows of the window that share a key with another, with the keys by their index. */
  async #conflicts(run: RunStatement, isAscending: readonly boolean[]): Promise<Map<number, Conflict[]>> {
    const found = new Map<number, Conflict[]>()
    for (const [index, key] of this.#constraints.keys.entries()) {
      if (isAscending[index]) continue
      const columns = keyColumns(key.parts)
      const keyRows = this.#keyRows(key.parts)
      const { rows } = await run(
        `SELECT copyist_n, copyist_first, ${keyText(key.names)} FROM ${keyRows} JOIN (SELECT ${columns}, min(copyist_n) AS copyist_first
FROM ${keyRows} WHERE ${isComplete(key.parts)} GROUP BY ${columns} HAVING count(*) > 1) USING (${columns})`,
      )
      for (const [row, group, text] of rows) {
        const conflicts = found.get(Number(row)) ?? []
        conflicts[index] = { group: Number(group), error: duplicateError(key, String(text)) }
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
        `SELECT copyist_n, copyist_first, copyist_count > 1, ${keyText(foreignKey.otherColumns)}
FROM (SELECT * FROM ${this.#keyRows(parts)} ${this.#withoutOther(foreignKey)})
LEFT JOIN (SELECT ${columns}, min(copyist_n) AS copyist_first, count(*) AS copyist_count FROM ${this.#keyRows(otherParts)} GROUP BY ${columns})
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
    window: RowWindow,
    source: RowSource,
    refused: readonly number[],
    cuts: readonly number[],
  ): Promise<number> {
    const plan = { ...this.#plan, where: undefined }
    if (!this.#isWhole && this.#plan.where === undefined && refused.length === 0 && cuts.length === 0) {
      return (await run(insertSql(plan, source))).changed
    }
    const list = `string_split('${refused.join()}', ',')::INTEGER[]`
    const { rows } = await run(
      `SELECT CAST(bitstring_agg(copyist_n, 0, ${window.rows}) AS VARCHAR) FROM (SELECT copyist_n FROM ${this.#stage} WHERE NOT ${this.#kept}
${refused.length > 0 ? `UNION ALL SELECT unnest(${list})` : ''})`,
    )
    const gone = typeof rows[0]?.[0] === 'string' ? rows[0][0] : '0'.repeat(window.rows)
    let loaded = 0
    // A row finds the key of one that the same statement inserts only when that is in.
    const bounds = [0, ...cuts, window.rows]
    for (const [at, first] of bounds.slice(0, -1).entries()) {
      const last = bounds[at + 1] ?? window.rows
      const range: RowSource = cuts.length === 0 ? source : { kind: 'range', first, last }
      // There may be many of these statements.
      const bits = gone.slice(first, last)
      const sql = this.#isWhole ? this.#insertStagedSql(first, last, bits) : insertRestSql(plan, range, bits, first)
      loaded += (await run(sql)).changed
    }
    return loaded
  }

  #insertStagedSql(first: number, last: number, gone: string): string {
    const names = this.#shape.columns.map(({ column }) => quoteIdentifier(column.name)).join(', ')
    return `INSERT INTO ${this.#plan.table.fullName} (${names}) SELECT ${names} FROM ${this.#stage}
WHERE CASE WHEN copyist_n BETWEEN ${first} AND ${last - 1} THEN ${isNotGone(gone, first)} END`
  }

  /** The window's rows with the parts of a key as `k0`, `k1`, …. */
  #keyRows(parts: readonly string[]): string {
    return `(SELECT copyist_n, ${keyParts(parts)} FROM ${this.#stage} AS ${this.#relation} WHERE ${this.#kept})`
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

  /** What lets the rows pass that WHERE does. */
  get #kept(): string {
    return this.#isCast ? 'copyist_kept' : 'true'
  }

  get #relation(): string {
    return quoteIdentifier(this.#plan.table.relationName)
  }
}

/** A test that a row fails by itself. */
interface Test {
  /** True for a row that fails. */
  readonly sql: string
  readonly error: RowError
  /** Columns that it reads, or its text where it is not known which. */
  readonly reads: readonly string[] | string
}

async function testsOf(
  connection: DuckDBConnection,
  plan: InsertPlan,
  { checks, generated }: Constraints,
): Promise<Test[]> {
  const { table, columns } = plan
  const tests: Test[] = []
  for (const { name, expression, typeName } of generated) {
    const message = `Incorrect value for generated column "${name}"`
    const error = { column: name, sqlState: '22000', code: 'data_exception', message }
    const sql = `(${tried(`CAST((${expression}) AS ${typeName})`)}) IS NULL`
    // One that TRY cannot be used with is not worth more.
    if (await isValid(connection, plan, sql)) tests.push({ sql, error, reads: expression })
  }
  for (const column of table.columns) {
    if (!column.notNull || column.generated) continue
    const index = columns.findIndex(({ name }) => name === column.name)
    const { defaultSql } = column
    // The decoder refuses NULL, but does not know what a default is.
    if (index >= 0 && !plan.defaults.includes(index)) continue
    if (
      defaultSql !== undefined &&
      (/^nextval\(/i.test(defaultSql) || (isConstant(defaultSql) && !/NULL/i.test(defaultSql)))
    ) {
      continue
    }
    const message = `NOT NULL constraint failed: ${table.relationName}.${column.name}`
    const error = { column: column.name, sqlState: '23502', code: 'not_null_violation', message }
    tests.push({ sql: `${quoteIdentifier(column.name)} IS NULL`, error, reads: [column.name] })
  }
  for (const { expression, columns: reads } of checks) {
    const message = `CHECK constraint failed on table ${table.relationName} with expression CHECK(${expression})`
    const [only] = reads
    const column = reads.length === 1 && only !== undefined ? { column: only } : {}
    // DuckDB takes any number for a truth value, and an error for a violation.
    const number = `CAST((${expression}) AS INTEGER)`
    const truth = `coalesce((${tried(number)}) = hash(CAST(0 AS INTEGER)), true)`
    const sql = (await isValid(connection, plan, truth)) ? truth : `coalesce(${number}, 1) = 0`
    tests.push({ sql, error: { ...column, sqlState: '23514', code: 'check_violation', message }, reads })
  }
  return tests
}

/**
 * The hash of an expression, NULL where that raises an error. Within CASE for the reason that `castStageSql` has; a hash, since it is not
 * NULL where the expression is. (COALESCE would do, but within TRY DuckDB gets it wrong for rows that come after one that fails.)
 */
function tried(sql: string): string {
  return `CASE WHEN copyist_n IS NOT NULL THEN TRY(hash(${sql})) END`
}

/** Whether DuckDB understands an expression on a row of the table: TRY takes no volatile functions. */
async function isValid(connection: DuckDBConnection, { table }: InsertPlan, sql: string): Promise<boolean> {
  try {
    const prepared = await connection.prepare(
      `SELECT ${sql} FROM ${table.fullName} AS ${quoteIdentifier(table.relationName)}, (SELECT 0 AS copyist_n)`,
    )
    prepared.destroySync()
    return true
  } catch {
    return false
  }
}

/** The columns that decide on a row. */
function involvedColumns(plan: InsertPlan, constraints: Constraints, tests: readonly Test[]): StagedColumn[] {
  const { table, columns, where } = plan
  const names = new Set<string>()
  const texts: string[] = []
  for (const { reads } of tests) {
    if (typeof reads === 'string') texts.push(reads)
    else for (const name of reads) names.add(name)
  }
  for (const { columns: key, parts } of constraints.keys) {
    if (key === undefined) texts.push(...parts)
    else for (const name of key) names.add(name)
  }
  for (const { columns: key, otherTable, otherColumns } of constraints.foreignKeys) {
    for (const name of key) names.add(name)
    if (otherTable === undefined) for (const name of otherColumns) names.add(name)
  }
  if (where !== undefined) texts.push(where)
  const text = texts.join('\n').toLowerCase()
  // By its name or by a star the condition may mean the whole row.
  const isAll = where !== undefined && (where.includes('*') || mentions(where.toLowerCase(), table.relationName))
  return table.columns.flatMap((column) => {
    if (column.generated || !(isAll || names.has(column.name) || mentions(text, column.name))) return []
    const index = columns.findIndex(({ name }) => name === column.name)
    return [{ column, index: index < 0 ? undefined : index }]
  })
}

function mentions(text: string, name: string): boolean {
  return text.includes(name.toLowerCase()) || text.includes(quoteIdentifier(name).toLowerCase())
}

function isDefaulted(plan: InsertPlan, { defaultSql }: DuckdbColumnDescription, index: number | undefined): boolean {
  return defaultSql !== undefined && (index === undefined || plan.defaults.includes(index))
}

/** Whether a default is a literal. */
function isConstant(defaultSql: string | undefined): boolean {
  const literal =
    /^\(*(?:CAST\()?(?:'(?:[^']|'')*'|[-+]?[\d.]+|NULL|true|false)(?: AS [A-Z]\w*(?:\(\d+(?:, ?\d+)?\))?\))?\)*$/i
  return defaultSql === undefined || literal.test(defaultSql)
}

function isSameSet(left: readonly string[] | undefined, right: readonly string[]): boolean {
  return left !== undefined && left.length === right.length && left.every((name) => right.includes(name))
}

function keyParts(parts: readonly string[]): string {
  return parts.map((part, index) => `(${part}) AS k${index}`).join(', ')
}

function keyColumns(parts: readonly string[]): string {
  return parts.map((_, index) => `k${index}`).join(', ')
}

/** A key of which a part is NULL conflicts with nothing, and refers to nothing. */
function isComplete(parts: readonly string[]): string {
  return parts.map((_, index) => `k${index} IS NOT NULL`).join(' AND ')
}

/** SQL of a key as DuckDB's messages have it. */
function keyText(names: readonly string[]): string {
  return names
    .map(
      (name, index) => `'${`${index > 0 ? ', ' : ''}${name}: `.replaceAll("'", "''")}' || CAST(k${index} AS VARCHAR)`,
    )
    .join(' || ')
}

function duplicateError({ kind, columns }: UniqueKey, key: string): RowError {
  const message = `Duplicate key "${key}" violates ${kind} constraint.`
  return { ...onlyColumn(columns), sqlState: '23505', code: 'unique_violation', message }
}

function orphanError({ columns }: ForeignKey, key: string): RowError {
  const message = `Violates foreign key constraint because key "${key}" does not exist in the referenced table`
  return { ...onlyColumn(columns), sqlState: '23503', code: 'foreign_key_violation', message }
}

function onlyColumn(columns: readonly string[] | undefined): { column?: string } {
  const [only] = columns ?? []
  return columns?.length === 1 && only !== undefined ? { column: only } : {}
}

/** Of an integer DuckDB refuses nothing but its size; it rounds fractions. */
const NUMBER = /^\s*[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?\s*$/i
const INTEGER = /^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/

/** In PostgreSQL's words: DuckDB's own are to be had only for the transaction. */
function uncastError({ name, typeName }: DuckdbColumnDescription, text: string): RowError {
  if (INTEGER.test(typeName) && NUMBER.test(text)) {
    const message = `value "${text}" is out of range for type ${typeName}`
    return { column: name, sqlState: '22003', code: 'numeric_value_out_of_range', message }
  }
  const message = `invalid input syntax for type ${typeName}: "${text}"`
  return { column: name, sqlState: '22P02', code: 'invalid_text_representation', message }
}
