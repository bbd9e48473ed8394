import { CopyError } from '../../errors.ts'
import type { LoadRequest } from '../target.ts'
import type { Batch } from './batch.ts'
import { locatedError } from './stage-errors.ts'
import type { Query, StagedRows } from './staged-rows.ts'
import { isAboutData } from './tolerance.ts'

/** What rows of a temporary table are moved with. */
export interface LocatedInit {
  readonly query: Query
  readonly request: LoadRequest
  readonly rows: StagedRows
}

/**
 * Moves rows of a batch out of the temporary table. An error that ends the load there is a function's, and says nothing of the row that it is
 * about: that is found out by a second trial. `again` does once more what `move` has done to the temporary table before.
 */
export async function moveLocated<T>(
  init: LocatedInit,
  batch: Batch,
  move: () => Promise<T>,
  again: () => Promise<void> = async () => {},
): Promise<T> {
  const { query } = init
  await query('SAVEPOINT copyist_resolved')
  const { isIndexed } = init.rows
  try {
    const moved = await move()
    await query('RELEASE SAVEPOINT copyist_resolved')
    return moved
  } catch (error) {
    // An index that was made since goes with what is undone.
    init.rows.isIndexed = isIndexed
    throw await located(init, batch, again, error)
  }
}

/** The error with the place of the row that it is about. */
async function located(
  { query, request, rows }: LocatedInit,
  batch: Batch,
  again: () => Promise<void>,
  error: unknown,
): Promise<unknown> {
  // Not even the connection may be left.
  if (!isAboutData(error)) return error
  await query('ROLLBACK TO SAVEPOINT copyist_resolved; SAVEPOINT copyist_located')
  try {
    await again()
    await query('SAVEPOINT copyist_located')
  } catch (failure) {
    if (!(failure instanceof CopyError) || /^(?:08|57)/.test(failure.sqlState)) throw failure
    // A value that cannot be read: then the rows are all there still.
    await query('ROLLBACK TO SAVEPOINT copyist_located')
  }
  await rows.index()
  const [first] = (await rows.run('first')).refused
  return first === undefined ? error : locatedError(error, request, { ...first, place: batch.locate(first.row) })
}
