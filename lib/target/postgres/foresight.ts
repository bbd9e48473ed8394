import type { LoadRequest, RowError } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import {
  type Constraint,
  isAskable,
  isRepeatable,
  isSteady,
  type Judge,
  type Judgeable,
  judgeOf,
  type Verdict,
} from './judge.ts'
import type { StageSql } from './stage-sql.ts'
import { MOST_SHOWN, type Query, type StagedRows } from './staged-rows.ts'
import {
  type BadValue,
  type CheckedColumn,
  checkedColumn,
  isValueKnown,
  readBadValue,
  type ValueCheck,
  valueCheck,
} from './values.ts'

/** What is asked with. */
export interface ForesightInit {
  readonly query: Query
  /** `server_version_num`. */
  readonly serverVersion: number
  readonly request: LoadRequest
  readonly table: CatalogTable
  readonly sql: StageSql
  readonly rows: StagedRows
  readonly known: Judgeable
}

/** What can be told of all rows of the temporary table at once: which values cannot be read, and which rows a constraint refuses. */
export class Foresight {
  readonly #init: ForesightInit
  /** Tells which rows a constraint refuses; undefined where only trying does. */
  #judge: Judge | undefined
  /** Whether all that refuses a row beside ON CONFLICT is asked about. */
  #tellsOfConflicts = false
  /** Constraints of which a row has been tried. */
  readonly #proved = new Set<string>()
  /** Columns whose values the server has to read. */
  readonly checked: readonly CheckedColumn[]
  #check: ValueCheck | undefined
  #isTrying = false

  constructor(init: ForesightInit) {
    this.#init = init
    const { request, table } = init
    this.checked = request.columns.flatMap((index, position) => {
      const column = table.description.columns[index]
      if (column === undefined || (request.sink === 'pg_binary' && !column.isDomain)) return []
      return { position, ...checkedColumn(column) }
    })
  }

  /** Selects what a row, whose number is given as SQL, breaks besides what it has just been refused for; undefined where nothing tells. */
  get brokenSql(): ((number: string) => string) | undefined {
    const { request, known } = this.#init
    const { refusals, conflict } = request
    if (refusals === undefined || refusals.tolerates === 'conversion') return undefined
    if (conflict === undefined) return this.#makeJudge()?.ofRow
    // Whether a key or a reference is broken depends on what the clause makes of the row.
    const checks = known.constraints?.filter(({ kind }) => kind === 'check')
    return this.#judgeOf(checks ?? null)?.ofRow
  }

  /** Makes what is needed to ask. */
  async prepare(): Promise<void> {
    const { query, serverVersion, sql, request } = this.#init
    const { refusals } = request
    if (refusals === undefined) return
    const areValuesForgiven = refusals.tolerates !== 'unique' || refusals.replaces !== undefined
    if (areValuesForgiven && this.checked.length > 0) {
      this.#check = valueCheck(sql.name, this.checked, { serverVersion, by: 'asking' }) ?? this.#tryingCheck()
      for (const statement of this.#check?.ddl ?? []) await query(statement)
    }
    if (request.conflict !== undefined) {
      const constraints = refusals.tolerates === 'all' ? this.#constraintsOfLast() : null
      if (constraints === null) return
      this.#judge = this.#makeJudge()
      this.#tellsOfConflicts = this.#judge !== undefined || (constraints.length === 0 && this.#nulls.length === 0)
    } else if (refusals.tolerates !== 'conversion') {
      this.#judge = this.#makeJudge()
    }
  }

  async drop(): Promise<void> {
    for (const sql of this.#check?.drop ?? []) await this.#init.query(sql)
  }

  /** Whether one query tells of all rows of a batch, so that it may be large. */
  get asksAtOnce(): boolean {
    const { refusals } = this.#init.request
    return this.judges || this.#tellsOfConflicts || (this.#check !== undefined && refusals?.tolerates === 'conversion')
  }

  /** Whether it can be asked which rows a constraint refuses. */
  get judges(): boolean {
    return this.#judge !== undefined
  }

  /** Whether rows that go by ON CONFLICT need not be tried. */
  get tellsOfConflicts(): boolean {
    return this.#tellsOfConflicts
  }

  /** There is more to this table than is asked about. */
  giveUp(): void {
    this.#judge = undefined
    this.#tellsOfConflicts = false
  }

  /**
   * Constraints that a row meets or not whatever becomes of other rows, when ON CONFLICT keeps the last; null where there is more that may
   * refuse one. Since of the rows with one key only the last goes in, what is not asked about is not found of the others: what a generated column
   * or an index evaluates, or a reference that is looked up for some rows only. Columns that are not loaded are the same for all rows; in a row
   * that is there they stay as they are, which only that row tells.
   */
  #constraintsOfLast(): readonly Constraint[] | null {
    const { request, table, known, sql } = this.#init
    const { conflict, columns } = request
    const { constraints, uniques, hasExpressions } = known
    if (conflict?.keep !== 'last' || !sql.isOwning || constraints === null || uniques !== 1 || hasExpressions)
      return null
    if (table.description.columns.some(({ generated }) => generated)) return null
    const names = new Set(columns.map((index) => table.description.columns[index]?.name ?? ''))
    const asked: Constraint[] = []
    for (const constraint of constraints) {
      const { kind, isProven, columns: of } = constraint
      if (
        kind === 'unique' ||
        (kind === 'foreign' && of?.every((name) => !names.has(name) && isSteady(known.defaults?.[name])))
      )
        continue
      const isLoaded = isProven && of?.every((name) => names.has(name))
      if (kind === 'foreign' && (conflict.action === 'skip' || !isLoaded)) return null
      if (kind === 'check' && conflict.action === 'update' && !of?.every((name) => names.has(name))) return null
      asked.push(constraint)
    }
    return asked
  }

  /** That columns have values, where a condition holds rows back: there the decoder has let NULLs pass. */
  get #nulls(): readonly Constraint[] {
    const { request, table, known } = this.#init
    if (request.where === undefined) return []
    return table.description.columns.flatMap(({ name, notNull, generated }, index): Constraint[] =>
      notNull && !generated && (request.columns.includes(index) || isSteady(known.defaults?.[name]))
        ? [{ kind: 'null', name, sql: `${table.sqlColumns[index]} IS NOT NULL`, columns: [name], isCertain: true }]
        : [],
    )
  }

  /** What tells of all rows at once, where that is possible. */
  #makeJudge(): Judge | undefined {
    const { request, known } = this.#init
    if (request.conflict === undefined) return this.#judgeOf(known.constraints)
    return this.#judgeOf(this.#constraintsOfLast(), true)
  }

  /** The same of some constraints; with `needsAll` only where all of them can be asked about. */
  #judgeOf(constraints: readonly Constraint[] | null, needsAll = false): Judge | undefined {
    const { request, table, sql, known } = this.#init
    const { columns, usesDefaults, sink, conflict } = request
    // With ON CONFLICT, what WHERE holds back has been taken out.
    const where = conflict === undefined ? request.where : undefined
    const { description, sqlColumns, modifiedTypes, collateSql } = table
    const { defaults } = known
    if (constraints === null || (where !== undefined && !isRepeatable(where))) return undefined
    const values = sql.values
    const judged = description.columns.map((column, index) => {
      const { name, generated } = column
      const position = columns.indexOf(index)
      const missing = `CAST((${defaults?.[name] ?? 'NULL'}) AS ${modifiedTypes[index]?.name})${collateSql[index]}`
      const isKnownValue = sink === 'pg_binary' || isValueKnown(sql.readType(index))
      const loaded = isKnownValue ? values[position] : undefined
      const value = position >= 0 ? loaded : generated || !isSteady(defaults?.[name]) ? undefined : missing
      return { name, sqlName: sqlColumns[index] ?? '', value }
    })
    const isKnown = (index: number) => judged[index]?.value !== undefined
    // COPY would reckon a default once more, and it might be another one.
    if (!sql.unlisted.every(isKnown)) return undefined
    if (usesDefaults && !columns.every((index) => isSteady(defaults?.[description.columns[index]?.name ?? ''])))
      return undefined
    const asked = [...this.#nulls, ...constraints]
    const names = new Set(judged.flatMap(({ name, value }) => (value === undefined ? [] : [name])))
    if (needsAll && !asked.every((constraint) => isAskable(constraint, names))) return undefined
    return judgeOf({
      constraints: asked,
      stage: `pg_temp.${sql.name}`,
      table: description.sqlName,
      relationName: description.relationName,
      relation: sql.relation,
      columns: judged,
      where,
    })
  }

  #tryingCheck(): ValueCheck | undefined {
    const { serverVersion, sql } = this.#init
    return valueCheck(sql.name, this.checked, { serverVersion, by: 'trying' })
  }

  /** Values that their columns cannot take; undefined when that cannot be told. */
  async badValues(): Promise<BadValue[] | undefined> {
    if (this.checked.length === 0) return []
    while (this.#check !== undefined) {
      const { sql, drop } = this.#check
      const found = await this.#init.rows.tryQuery(sql, (row) => readBadValue(row, this.checked, MOST_SHOWN))
      if (found !== undefined) return found
      // An input function that knows errors only, or a domain with a condition that fails.
      const { query } = this.#init
      for (const statement of drop) await query(statement)
      const isLast = this.#isTrying
      this.#isTrying = true
      this.#check = isLast ? undefined : this.#tryingCheck()
      for (const statement of this.#check?.ddl ?? []) await query(statement)
    }
    return undefined
  }

  /** Rows that are not certain to go in; undefined when that cannot be told. */
  async verdicts(): Promise<Verdict[] | undefined> {
    const judge = this.#judge
    if (judge === undefined) return undefined
    const verdicts = await this.#init.rows.tryQuery(judge.sql, (row) => judge.read(row))
    if (verdicts === undefined) this.#judge = undefined
    return verdicts
  }

  /** Of each constraint that has not been tried, the first row that breaks it. */
  unproved(verdicts: readonly Verdict[]): Verdict[] {
    return verdicts.filter((verdict) => this.isUnproved(verdict))
  }

  /** Whether no row has been tried that breaks its constraint: it is to be. */
  isUnproved({ first }: Verdict): boolean {
    if (first === undefined || this.#proved.has(first)) return false
    this.#proved.add(first)
    return true
  }

  /** Whether rows are refused in the words foretold. */
  async prove(verdicts: readonly Verdict[]): Promise<boolean> {
    const { loaded, refused } = await this.#init.rows.try(verdicts.map(({ n }) => n))
    if (loaded > 0 || refused.length < verdicts.length) return false
    const found = new Map(refused.map(({ row, errors }) => [row + 1, errors[0]]))
    return verdicts.every(({ n, first, errors }) => {
      const [foretold, error] = [errors[0], found.get(n)]
      if (isSame(foretold, error)) return true
      // A later row may have taken another key of it meanwhile: then another row has to be the proof.
      const isOther =
        foretold?.sqlState === '23505' && error?.sqlState === '23505' && foretold.message !== error.message
      if (isOther && first !== undefined) this.#proved.delete(first)
      return isOther
    })
  }
}

/** Whether what was foretold of a row is what the server has said of it. */
function isSame(foretold: RowError | undefined, found: RowError | undefined): boolean {
  if (foretold === undefined || found === undefined) return false
  const { sqlState, message, detail } = foretold
  return sqlState === found.sqlState && message === found.message && (detail === undefined || detail === found.detail)
}
