import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RowError, RowRefusals } from '../target.ts'
import type { ForeignKey, UniqueKey } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import { FOUND } from './findings.ts'
import { duplicateError, orphanError, uncastError } from './row-errors.ts'
import { conditionErrors, failureAt, type Refusal, testOf } from './row-failure.ts'
import { type Decided, GONE, STAYS } from './row-moves.ts'
import {
  arbiterOf,
  isConditionTolerated,
  isUpsert,
  type Part,
  ROWS_A_TURN,
  type RunStatement,
  ranksOf,
  type SieveContext,
} from './sieve-context.ts'

/*
 * What becomes of rows that something is wrong with
 *
 * All that was found is read in the order of the rows, some at a time. Of rows that stand in each other's way, which of them stays depends on
 * which of those before it stay: the outcome is that of inserting row by row in the order of the file. What is refused is handed on as soon
 * as it is known, so that no more than a page of it is in memory.
 */

/** Findings are counted for as many rows together. */
const PAGE = 1 << 12

/**
 * Findings beyond which no further page is read with others: a query each would be dear where few rows are refused. What outlives a collection of
 * garbage makes it long: with eight times as many, 20 ms.
 */
const READ_AT_ONCE = 1 << 12

/** Refused rows that are handed on together. */
const REFUSED_AT_ONCE = 1_024

/** What became of the rows of a part. */
export interface Verdict extends Decided {
  readonly refused: number
  /** Rows that ON CONFLICT passes over on account of another of the part. */
  readonly passed: number
}

/** Something that was found of a row. */
interface Finding {
  readonly kind: number
  readonly place: number
  readonly first: number | undefined
  readonly isShared: boolean
  readonly text: string
}

/** Decides on the rows of a part by what was found. Throws where one is refused that may not be. */
export async function decide(
  context: SieveContext,
  run: RunStatement,
  part: Part,
  refusals: RowRefusals | undefined,
): Promise<Verdict> {
  const rows = new Rows(context, part.rows)
  const { found } = context.tables
  const replaced = replacedSql(context)
  const numbers = replaced === undefined ? '' : ` UNION ALL SELECT n FROM (${replaced})`
  const { rows: pages } = await run(
    `SELECT n // ${PAGE} AS page, count(*) FROM (SELECT n FROM ${found}${numbers}) GROUP BY page ORDER BY page`,
  )
  let seen = 0
  for (const range of rangesOf(pages)) {
    if (replaced !== undefined) {
      // Before those of the page that are refused, which may be the same.
      await tellReplaced(
        context,
        run,
        part,
        `${replaced} AND ${within(`${context.plan.own}_n`, range)} ORDER BY n`,
        refusals,
      )
    }
    const { rows: lines } = await run(
      `SELECT ${FINDING} FROM ${found} WHERE ${within('n', range)} ORDER BY n, kind, place`,
    )
    const isOfCondition = (line: readonly unknown[]) =>
      line[1] === FOUND.reason && testOf(context, Number(line[2]))?.isCondition === true
    const raised = lines.some(isOfCondition)
      ? await conditionErrors(context, run, `${context.plan.own}_w AND ${within(`${context.plan.own}_n`, range)}`)
      : undefined
    for (let at = 0; at < lines.length; ) {
      const row = Number(lines[at]?.[0])
      const findings: Finding[] = []
      for (; at < lines.length && Number(lines[at]?.[0]) === row; at += 1) findings.push(findingOf(lines[at] ?? []))
      const reasons = rows.take(row, findings)
      seen += 1
      if (seen % ROWS_A_TURN === 0) await nextTurn()
      if (reasons === undefined) continue
      if (refusals === undefined || !isTolerated(context, reasons[0])) {
        throw await failureAt(context, run, { first: part.first, row, cause: reasons[0] })
      }
      refusals.refuse(
        part.first + row,
        reasons.map(({ rank, error }) => (testOf(context, rank)?.isCondition && raised?.get(row)) || error),
      )
      if (rows.refused % REFUSED_AT_ONCE === 0) await refusals.settle(part.first + row + 1)
    }
    if (replaced !== undefined) await refusals?.settle(part.first + Math.min(range.last + 1, part.rows))
  }
  const { gone, cuts, refused, passed } = rows
  return { gone, cuts, refused, passed }
}

/** What is read of a finding: as numbers that JavaScript has, since each bigint would be an object. */
const FINDING = 'CAST(n AS DOUBLE), kind, place, CAST(a AS DOUBLE), CAST(b AS DOUBLE), "text"'

/** Rows from one to another. */
interface Range {
  readonly first: number
  readonly last: number
}

/** Pages put together, as long as there are not too many findings of their rows. */
function* rangesOf(pages: readonly (readonly unknown[])[]): Generator<Range> {
  let range: Range | undefined
  let findings = 0
  for (const [page, count] of pages) {
    const first = Number(page) * PAGE
    findings += Number(count)
    if (range !== undefined && findings > READ_AT_ONCE) {
      yield range
      range = undefined
      findings = Number(count)
    }
    range = { first: range?.first ?? first, last: first + PAGE - 1 }
  }
  if (range !== undefined) yield range
}

function within(number: string, { first, last }: Range): string {
  return `${number} BETWEEN ${first} AND ${last}`
}

/** SELECT of the rows with a text that is replaced, and of their texts; those among them that WHERE holds back, as of the decoder. */
function replacedSql({ shape, plan: { own }, tables }: SieveContext): string | undefined {
  if (shape.replaces === undefined || shape.casts.length === 0) return undefined
  const texts = shape.casts.map((index) => `${own}_t${index}`)
  return `SELECT ${own}_n AS n, ${texts.join(', ')} FROM ${tables.stage} WHERE (${texts.map((text) => `${text} IS NOT NULL`).join(' OR ')})`
}

/** Tells of the rows that a query has found by {@link replacedSql}. */
async function tellReplaced(
  { shape, plan }: SieveContext,
  run: RunStatement,
  part: Part,
  sql: string,
  refusals: RowRefusals | undefined,
): Promise<void> {
  const { rows: lines } = await run(sql)
  for (const [at, [row, ...texts]] of lines.entries()) {
    if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
    const errors = shape.casts.flatMap((index, field) => {
      const text = texts[field]
      return typeof text === 'string' ? [uncastError(plan.columns[index] as DuckdbColumnDescription, text)] : []
    })
    refusals?.replace(part.first + Number(row), errors)
  }
}

function findingOf([, kind, place, first, isShared, text]: readonly unknown[]): Finding {
  return {
    kind: Number(kind),
    place: Number(place),
    first: first === null ? undefined : Number(first),
    isShared: Number(isShared) === 1,
    text: String(text),
  }
}

/** Whether a row with such a first error costs itself only. */
function isTolerated(context: SieveContext, first: Refusal | undefined): boolean {
  const { tolerates } = context.policy
  const rank = first?.rank ?? 0
  const { keys, foreignKeys } = ranksOf(context)
  const isOfKey = rank >= keys && rank < foreignKeys
  if (tolerates === 'unique') return isOfKey
  if (testOf(context, rank)?.isCondition) return isConditionTolerated(context.policy)
  // What cannot be cast comes first.
  if (tolerates === 'conversion or unique' && isOfKey) return true
  return tolerates === 'all' || (tolerates !== undefined && rank < context.shape.casts.length)
}

/** The rows of a part, one after the other. */
class Rows {
  readonly #context: SieveContext
  readonly #count: number
  readonly #ranks: ReturnType<typeof ranksOf>
  /** The key by which rows take the place of others. */
  readonly #arbiter: number | undefined
  /** By key: of rows that share one, by the first of them, the row that has it; and what each such row shares. */
  readonly #holders: Map<number, number>[]
  readonly #groups: Map<number, number>[]
  #runStart = 0
  readonly cuts: number[] = []
  gone: Buffer | undefined
  refused = 0
  passed = 0

  constructor(context: SieveContext, count: number) {
    this.#context = context
    this.#count = count
    this.#ranks = ranksOf(context)
    this.#arbiter = isUpsert(context) ? arbiterOf(context) : undefined
    this.#holders = context.constraints.keys.map(() => new Map())
    this.#groups = context.constraints.keys.map(() => new Map())
  }

  /** Decides on the next row that something was found of. Why it is refused, in the order of the constraints; undefined where it is not. */
  take(row: number, findings: readonly Finding[]): Refusal[] | undefined {
    const { constraints, policy } = this.#context
    const { keys } = constraints
    const { conflict } = policy
    const reasons: Refusal[] = []
    const shared = findings.filter(({ kind }) => kind === FOUND.shared)
    const own = shared.find(({ place }) => place === this.#arbiter)
    const before = own && this.#holders[own.place]?.get(own.first ?? -1)
    let isPassed = before !== undefined && conflict?.keep === 'first'
    let latest = -1
    for (const { kind, place, first, isShared, text } of findings) {
      if (kind === FOUND.reason) reasons.push({ rank: place, error: this.#errorOf(place, text) })
      if (kind === FOUND.shared && place !== this.#arbiter) {
        const holder = this.#holders[place]?.get(first ?? -1)
        // What the row has whose place this one takes is free.
        if (holder === undefined || holder === before) continue
        if (this.#arbiter === undefined && conflict?.arbiters.has(place)) isPassed = true
        else reasons.push({ rank: this.#ranks.keys + place, error: duplicateError(keys[place] as UniqueKey, text) })
      }
      if (kind === FOUND.held && this.#holder(this.#arbiter ?? -1, row, first, isShared) === undefined) {
        reasons.push({ rank: this.#ranks.keys + place, error: duplicateError(keys[place] as UniqueKey, text) })
      }
      if (kind === FOUND.orphan) {
        const foreignKey = constraints.foreignKeys[place] as ForeignKey
        const key = keys.findIndex(({ columns }) => isSameSet(columns, foreignKey.otherColumns))
        // DuckDB looks for the key before it inserts the row, so a row does not find its own.
        const holder = this.#holder(key, row, first, isShared)
        if (holder !== undefined) latest = Math.max(latest, holder)
        else reasons.push({ rank: this.#ranks.foreignKeys + place, error: orphanError(foreignKey, text) })
      }
    }
    // A row that is passed over is not looked at any further.
    if (isPassed) {
      this.#drop(row)
      this.passed += 1
      return undefined
    }
    if (reasons.length > 0) {
      this.#drop(row)
      this.refused += 1
      return reasons.sort((one, other) => one.rank - other.rank)
    }
    if (before !== undefined) this.#replace(before)
    for (const { place, first } of shared) {
      this.#holders[place]?.set(first ?? -1, row)
      if (this.#arbiter !== undefined) this.#groups[place]?.set(row, first ?? -1)
    }
    if (latest >= this.#runStart) {
      this.cuts.push(row)
      this.#runStart = row
    }
    return undefined
  }

  /** The row before this one that has a key which `first` was the first to have. */
  #holder(key: number, row: number, first: number | undefined, isShared: boolean): number | undefined {
    if (first === undefined) return undefined
    if (isShared) return this.#holders[key]?.get(first)
    return first < row && this.gone?.[first] !== GONE ? first : undefined
  }

  /** A row that was to stay gives its place, and its other keys, to another. */
  #replace(before: number): void {
    this.#drop(before)
    this.passed += 1
    for (const [key, groups] of this.#groups.entries()) {
      const group = groups.get(before)
      if (group !== undefined && this.#holders[key]?.get(group) === before) this.#holders[key]?.delete(group)
    }
  }

  #drop(row: number): void {
    this.gone ??= Buffer.alloc(this.#count, STAYS)
    this.gone[row] = GONE
  }

  #errorOf(rank: number, text: string): RowError {
    const { shape, plan, tests, constraints } = this.#context
    const { tests: ofTests, keys, foreignKeys } = this.#ranks
    if (rank < ofTests) return uncastError(plan.columns[shape.casts[rank] ?? -1] as DuckdbColumnDescription, text)
    if (rank < keys) return (tests[rank - ofTests] as (typeof tests)[number]).error
    if (rank < foreignKeys) return duplicateError(constraints.keys[rank - keys] as UniqueKey, text)
    return orphanError(constraints.foreignKeys[rank - foreignKeys] as ForeignKey, text)
  }
}

function isSameSet(left: readonly string[] | undefined, right: readonly string[]): boolean {
  return left !== undefined && left.length === right.length && left.every((name) => right.includes(name))
}
