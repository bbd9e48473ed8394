import type { NativeLoad } from '../../native/load.ts'
import type { RowRefusals } from '../target.ts'
import type { ConflictPlan } from './conflict.ts'
import { type Constraints, type ForeignKey, partOf } from './constraints.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { InsertPlan, RowSource, StageShape } from './insert.ts'
import { isComplete, keyColumns, keyParts } from './key-sql.ts'
import type { Elsewhere } from './row-errors.ts'
import { type Test, tried } from './row-tests.ts'

/* What the parts of the sieve share: what a load wants of its rows, and SQL of the rows that are looked at. */

/** Rows that are dealt with in one turn of the event loop, where there may be as many as in a window. */
export const ROWS_A_TURN = 128

/** Runs one statement, `as_written` without its being optimized; gives its rows, and how many it changed. */
export type RunStatement = (
  sql: string,
  how?: 'as_written',
) => Promise<{ readonly rows: readonly unknown[][]; readonly changed: number }>

/** What a load wants of its rows. */
export interface SievePolicy {
  /** Which errors cost a row only. */
  readonly tolerates: RowRefusals['tolerates'] | undefined
  /** What a value becomes that cannot be cast, instead of costing its row. */
  readonly replaces: RowRefusals['replaces'] | undefined
  readonly conflict: ConflictPlan | undefined
  /** Says where rows are. */
  readonly native: NativeLoad
  /** No statement is to fail, also where no error is tolerated. */
  readonly isGuarded: boolean
  /** Called when rows of the table have been updated. */
  onUpdate(): void
  readonly elsewhere: Elsewhere
}

/** Whether a row for which WHERE raises an error costs itself only: as one for which a conversion does. There is nothing to replace it by. */
export function isConditionTolerated({ tolerates, replaces }: Pick<SievePolicy, 'tolerates' | 'replaces'>): boolean {
  return tolerates !== undefined && tolerates !== 'unique' && replaces === undefined
}

/** Rows that are dealt with together, numbered from 0. */
export interface Part {
  /** The load's rows before them. */
  readonly first: number
  readonly rows: number
  /** Where their numbers come from. */
  readonly source: RowSource
}

/** Temporary tables of a load. */
export interface SieveTables {
  /** Rows as they come, where they have to be cast. */
  readonly raw: string
  /** Rows that are looked at. */
  readonly stage: string
  /** What is wrong with them. */
  readonly found: string
  /** The keys that the load has given to the table, where they count. */
  readonly seen: string
  /** Rows that have nothing wrong with them, where they are moved in the end. */
  readonly gathered: string
}

/** One load's sieve. */
export interface SieveContext {
  readonly plan: InsertPlan
  readonly policy: SievePolicy
  readonly constraints: Constraints
  readonly shape: StageShape
  readonly tests: readonly Test[]
  /** Parts of keys that may raise an error, which can be caught, and what DuckDB's messages call them. */
  readonly expressions: ReadonlyMap<string, string>
  /** Whether rows as they come have to be cast, or looked at by WHERE, before they are the rows that are asked about. */
  readonly isCast: boolean
  /**
   * The rows are inserted out of the temporary table. Also where values are replaced, or those of defaults differ from one time to the next,
   * so that the table must get those that were looked at.
   */
  readonly isWhole: boolean
  /**
   * Rows whose place others take are deleted, and these are inserted with all their columns. An UPDATE would give keys to some rows before it
   * takes them from others: DuckDB changes 2,048 at a time, in any order.
   */
  readonly isDeleting: boolean
  readonly tables: SieveTables
}

/** Where the reasons of each kind begin in the order in which a row's errors are told. */
export function ranksOf({ shape, tests, constraints }: SieveContext): {
  tests: number
  keys: number
  foreignKeys: number
} {
  const keys = shape.casts.length + tests.length
  return { tests: shape.casts.length, keys, foreignKeys: keys + constraints.keys.length }
}

/** The key that ON CONFLICT tells rows apart by, where it does more than to pass over them. */
export function arbiterOf({ policy: { conflict } }: Pick<SieveContext, 'policy'>): number | undefined {
  return conflict?.isStaged ? [...conflict.arbiters][0] : undefined
}

/** Whether rows take the place of rows of the table. */
export function isUpsert({ policy: { conflict, tolerates } }: Pick<SieveContext, 'policy'>): boolean {
  return (
    conflict?.isStaged === true && (conflict.action === 'update' || (tolerates !== undefined && !conflict.isGathered))
  )
}

/** What lets the rows pass that WHERE does. */
export function keptSql({ isCast, plan }: SieveContext): string {
  return isCast ? `${plan.own}_kept` : 'true'
}

export function relationOf({ plan }: SieveContext): string {
  return quoteIdentifier(plan.table.relationName)
}

/** The rows that are looked at with the parts of a key as `k0`, `k1`, …. */
export function keyRows(context: SieveContext, parts: readonly string[], table = context.tables.stage): string {
  const { plan, expressions } = context
  const caught = parts.map((part) =>
    expressions.has(part) ? `CASE WHEN (${tried(plan, part)}) IS NOT NULL THEN ${part} END` : part,
  )
  return `(SELECT ${plan.own}_n, ${keyParts(caught)} FROM ${table} AS ${relationOf(context)} WHERE ${keptSql(context)})`
}

export function tableKeys(context: SieveContext, parts: readonly string[]): string {
  return `(SELECT ${keyParts(parts)} FROM ${context.plan.table.fullName} AS ${relationOf(context)})`
}

/** Whether `<own>_s` of the input and `<own>_o` of the table have the same key of ON CONFLICT. */
export function isSameRow(context: SieveContext): string {
  const { plan, constraints } = context
  const names = constraints.keys[arbiterOf(context) ?? -1]?.columns ?? []
  return names
    .map((name) => partOf(plan.table, name))
    .map((part) => `${plan.own}_s.${part} = ${plan.own}_o.${part}`)
    .join(' AND ')
}

/** What leaves those rows only whose foreign key is not in the other table. */
export function withoutOther(
  { plan: { table } }: SieveContext,
  { otherTable, otherColumns, columns }: ForeignKey,
): string {
  // Both columns have the same type.
  const others = otherColumns.map((name, index) =>
    partOf(table, columns[index] ?? '').replace(quoteIdentifier(columns[index] ?? ''), () => quoteIdentifier(name)),
  )
  return `ANTI JOIN (SELECT ${keyParts(others)} FROM ${otherTable ?? table.fullName}) USING (${keyColumns(others)})
WHERE ${isComplete(others)}`
}

/** Takes rows, by a query for their numbers, out of those that are looked at; how many. */
export async function dismiss(
  { plan: { own }, tables }: SieveContext,
  run: RunStatement,
  numbers: string,
  table = tables.stage,
): Promise<number> {
  const sql = `UPDATE ${table} SET ${own}_kept = false WHERE ${own}_kept AND ${own}_n IN (${numbers})`
  return (await run(sql)).changed
}
