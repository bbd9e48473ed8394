import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { LoadRequest } from '../target.ts'
import { constraintsOf } from './constraints.ts'
import type { DuckdbTableDescription } from './describe.ts'

/** How ON CONFLICT is carried out. */
export interface ConflictPlan {
  readonly action: 'skip' | 'update'
  /** Which of several rows of the input with one key counts. */
  readonly keep: 'first' | 'last'
  /** Indexes of the table's unique keys that the clause is about. */
  readonly arbiters: ReadonlySet<number>
  /** Rows with one key are told apart before any is inserted, and then inserted out of a temporary table; there is one arbiter. */
  readonly isStaged: boolean
  /** All of the input is in that table before the first row is moved. */
  readonly isGathered: boolean
}

/**
 * Finds the keys that ON CONFLICT means.
 *
 * @throws {CopyError} 42P10 when its columns are no key of the table.
 */
export async function planConflict(
  connection: DuckDBConnection,
  table: DuckdbTableDescription,
  { conflict, columns, refusals }: Pick<LoadRequest, 'conflict' | 'columns' | 'refusals'>,
): Promise<ConflictPlan | undefined> {
  if (conflict === undefined) return undefined
  const { keep } = conflict
  const { keys, foreignKeys } = await constraintsOf(connection, table)
  const names = conflict.keys?.map((index) => table.columns[index]?.name ?? '')
  const isMeant = (key: readonly string[] | undefined): boolean =>
    names === undefined || (key?.length === names.length && key.every((name) => names.includes(name)))
  const arbiters = keys.flatMap((key, index) => (isMeant(key.columns) ? [index] : []))
  if (names !== undefined && arbiters.length === 0) {
    throw new CopyError({
      code: 'invalid_column_reference',
      sqlState: '42P10',
      message: 'there is no unique or exclusion constraint matching the ON CONFLICT specification',
    })
  }
  // Where all columns are the key's, there is nothing to update, and all rows with it are the same.
  const isOfKey = columns.every((index) => conflict.keys?.includes(index))
  const action = isOfKey ? 'skip' : conflict.action
  const isStaged = !isOfKey && (action === 'update' || keep === 'last')
  // A row may be refused on account of one before it that has been moved by then.
  const isEntangled = keys.length > 1 || foreignKeys.some(({ otherTable }) => otherTable === undefined)
  const isGathered = isStaged && (refusals === undefined || !isEntangled)
  return { action, keep, arbiters: new Set(arbiters), isStaged, isGathered }
}
