import { CopyError } from '../../errors.ts'
import type { NativeLoad } from '../../native/load.ts'
import type { LoadRequest } from '../target.ts'
import { Batch, Reader } from './batch.ts'
import type { CatalogTable } from './catalog.ts'
import { type Moved, Stage, type TolerantContext } from './stage.ts'
import { tellInTurns } from './staged-rows.ts'
import { isAboutData, isTolerated } from './tolerance.ts'
import { mayWait } from './waiting.ts'

/*
 * How a load goes in which a row that the server refuses costs itself only, or one whose key is there already is passed over
 *
 * COPY knows no such thing: an error ends it and undoes it. So the rows go in batches, each a COPY of its own below a savepoint.
 * A batch that the server takes is done. One that it refuses is copied into a temporary table that refuses nothing, where the server
 * is asked of all rows at once whose values it cannot read (`values.ts`) and which break a constraint (`judge.ts`). The others go to the
 * table by a COPY of the same bytes without those rows (`edit.ts`), so that an accepted row is always treated by COPY itself.
 *
 * Where that cannot be asked, or the answer proves wrong, a function moves the rows from the temporary table: some at a time, and where
 * that fails one by one, each below a savepoint of its own. So the server itself finds every error that it knows of, triggers included,
 * without a round trip a row.
 *
 * While batches have rows that are refused, they are not tried as a whole first.
 *
 * Nor does COPY know ON CONFLICT. With it every batch goes by way of the temporary table, where rows of the input with one key are told
 * apart first. Where the clause keeps another one than the order of the batches would, there is one batch.
 */

/** Bytes of a batch at first. Each one that goes well is followed by a larger one, since the end of each costs round trips. */
export const FIRST_BATCH = 4 << 20
export const MOST_BATCH = 32 << 20
/** Bytes of a batch that is asked about as a whole. */
const JUDGED_BATCH = 8 << 20
/** Rows of it: what is done with all of them at once must not take long. */
const JUDGED_ROWS = 32_768
/**
 * Constraints of the relation `$1` and its partitions that are deferred and about one row: keys, references to other tables, constraint triggers; with `$2`
 * also references within the table, where rows can wait for each other.
 */
export const DEFERRED_SQL = `
WITH RECURSIVE part (oid) AS (
  SELECT $1::pg_catalog.regclass::pg_catalog.oid
  UNION SELECT h.inhrelid FROM pg_catalog.pg_inherits h JOIN part ON h.inhparent = part.oid
)
SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname), ', ')
FROM part JOIN pg_catalog.pg_constraint c ON c.conrelid = part.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.condeferred AND (
  c.contype IN ('p', 'u', 'x', 't')
  OR c.contype = 'f' AND (c.confrelid NOT IN (SELECT part.oid FROM part) OR $2::pg_catalog.bool)
)`

/** Loads the rows of `request`, batch by batch. Numbers are of rows. */
export async function loadTolerantly(
  context: TolerantContext,
  table: CatalogTable,
  request: LoadRequest,
): Promise<{ sent: number; loaded: number; refused: number; conflicted: number; filtered: number }> {
  const { native, refusals, conflict } = request
  const most = Math.min(MOST_BATCH, Math.floor(request.memoryLimit / 8))
  const framing = request.sink === 'pg_binary'
  const stage = new Stage(context, table, request)
  const total = { sent: 0, loaded: 0, refused: 0, conflicted: 0, filtered: 0 }
  // Several updates of one row would count as several rows.
  const isWhole =
    conflict !== undefined && refusals === undefined && (conflict.action === 'update' || conflict.keep === 'last')
  let size = isWhole ? Number.POSITIVE_INFINITY : Math.min(FIRST_BATCH, most)
  /** Whether the next batch is likely to have rows that are refused. */
  let isRefusing = false
  const reader = new Reader(native)
  // Any row of a batch may be asked about.
  native.settle?.(0)
  const settle = async (moved: Moved): Promise<number> => {
    const { loaded, refused, replaced = [], conflicted = 0, filtered = 0, waiting = 0 } = moved
    isRefusing = conflict === undefined && refused.length + replaced.length + waiting > 0
    const grown = stage.asksAtOnce ? Math.min(size * 2, JUDGED_BATCH) : FIRST_BATCH
    if (!isWhole) size = Math.min(grown, most)
    total.refused += refused.length
    total.conflicted += conflicted
    total.filtered += filtered
    await tellInTurns(refused, total.sent, refusals, replaced)
    return loaded
  }
  const account = async (rows: number, loaded: number): Promise<void> => {
    total.sent += rows
    total.loaded += loaded
    await refusals?.askMore((rows) => stage.further.of(rows))
    await refusals?.settle(total.sent)
    native.settle?.(total.sent)
  }
  /** What is refused of the rows before that with which an error ends the load. */
  const tellBefore = async (batch: Batch, error: unknown): Promise<void> => {
    const isOfRow = error !== reader.failure && isAboutData(error) && error.position?.line !== undefined
    if (refusals === undefined || !isOfRow || !batch.located) return
    const parts = batch.before(batch.located).split(JUDGED_ROWS)
    try {
      await context.query('ROLLBACK TO SAVEPOINT copyist_batch')
      if (!(await stage.begin())) return
    } catch {
      // The error that ends the load comes first.
      return
    }
    for (const part of parts) {
      const moved = await stage.move(part, part.again()).catch(() => undefined)
      if (moved === undefined) return
      await account(part.rows, await settle(moved))
    }
  }
  /** Moves a batch by way of the temporary table. */
  const staged = async (batch: Batch, native: NativeLoad): Promise<void> => {
    const moved = await stage.move(batch, native).catch(async (error: unknown) => {
      await tellBefore(batch, error)
      throw error
    })
    const loaded = await settle(moved)
    // How many rows it has is known when they have been sent.
    await account(batch.rows, loaded)
  }
  /** Copies a batch into the table itself; what that refuses, by way of the temporary one. */
  const direct = async (batch: Batch): Promise<void> => {
    let loaded: number
    try {
      loaded = (await context.copy(context.copySql, batch)).rowsLoaded
      if (batch.rows > 0) await context.query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    } catch (error) {
      // An error of the input may look like one that is tolerated.
      if (error === reader.failure || !refusals || !isTolerated(error, refusals)) {
        await tellBefore(batch, error)
        throw error
      }
      await context.query('ROLLBACK TO SAVEPOINT copyist_batch')
      // There may be very many rows, and what is done with them at once must not take long.
      const parts = batch.split(JUDGED_ROWS)
      try {
        for (const part of parts) await staged(part, part.again())
      } catch (failure) {
        // What it is asked by may say the same of no row.
        const isSame = failure instanceof CopyError && failure.sqlState === error.sqlState
        throw isSame && failure.position.line === undefined ? error : failure
      } finally {
        for (const part of parts) part.release()
      }
      return
    }
    size = Math.min(size * 2, most)
    // Not above: an error of the limit looks like one that is tolerated.
    await account(batch.rows, loaded)
  }
  // In the caller's transaction other statements may be about to meet them.
  if (refusals !== undefined && refusals.tolerates !== 'conversion' && !context.isCallers) {
    const [row] = await context.query(DEFERRED_SQL, [table.description.sqlName, String(mayWait(request))])
    if (row?.[0]) await context.query(`SET CONSTRAINTS ${row[0]} IMMEDIATE`)
  }
  await context.query('SAVEPOINT copyist_batch')
  for (;;) {
    const isPressed = () => !isWhole && (refusals?.isPressed === true || native.isFull?.() === true)
    // Where ON CONFLICT keeps the last of a key, those that it replaces stay behind, and are looked at for each later row of the batch.
    const isBounded = isRefusing || stage.isHolding || (refusals !== undefined && conflict?.keep === 'last')
    const rows = isBounded ? JUDGED_ROWS : Number.POSITIVE_INFINITY
    const isOver = () => refusals?.mustAsk === true
    const batch = new Batch(reader, {
      first: total.sent,
      size,
      most: rows,
      framing,
      keeps: !isWhole,
      isPressed,
      isOver,
    })
    try {
      const isStaged = conflict !== undefined || isRefusing || stage.isHolding
      if (isStaged) await staged(batch, batch)
      else await direct(batch)
      if (batch.ended) break
    } finally {
      batch.release()
    }
  }
  const last = await stage.finish()
  total.loaded += last.loaded
  total.refused += last.refused
  await context.query('RELEASE SAVEPOINT copyist_batch')
  await stage.drop()
  return total
}
