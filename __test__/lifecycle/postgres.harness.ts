import { expect } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { QualifiedName } from '../../lib/statement/ast.ts'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import type { LoadOutcome, Target, TargetTransaction } from '../../lib/target/target.ts'
import type { ScratchDatabase } from '../postgres.ts'
import { RowsLoad, type RowsOptions } from './postgres.rows.ts'

/** A name as the parser would give it for the quoted parts. */
export function named(...parts: string[]): QualifiedName {
  const [name, schema, catalog] = parts.reverse().map((value) => ({ value, quoted: true, offset: 0 }))
  if (!name) throw new Error('a name has a part')
  return { name, ...(schema && { schema }), ...(catalog && { catalog }) }
}

/** What {@link runLoad} needs. */
export interface LoadSetup extends Omit<RowsOptions, 'sink'> {
  /** What `sinkFor` says by default. */
  readonly sink?: RowsOptions['sink']
  readonly table: string
  /** Column names, all by default. */
  readonly columns?: readonly string[]
  readonly where?: string
  readonly usesDefaults?: boolean
  readonly signal?: AbortSignal
  /** Called when the load is about to start, with the native side. */
  readonly onStart?: (native: RowsLoad) => void
  /** Called when the load has been rolled back, before anything is checked. */
  readonly onRolledBack?: () => void
}

/**
 * One statement from begin to commit or rollback, as the rest of the library does it. However it ends, every chunk must
 * have been given back, and after an error the input must be closed.
 */
export async function runLoad(target: Target, setup: LoadSetup): Promise<LoadOutcome> {
  const transaction = await target.begin(setup.signal).catch((error) => {
    setup.onRolledBack?.()
    throw error
  })
  let native: RowsLoad | undefined
  try {
    const table = await transaction.describe(named(setup.table))
    if (!table) throw new Error(`no table ${setup.table}`)
    const columns = table.columns.flatMap((column, index) => {
      if (setup.columns) return setup.columns.includes(column.name) ? [index] : []
      return column.generated ? [] : [index]
    })
    const usesDefaults = setup.usesDefaults ?? false
    const sink = setup.sink ?? transaction.sinkFor(table, columns, usesDefaults)
    if (sink !== 'pg_binary' && sink !== 'pg_text') throw new Error('not a sink of PostgreSQL')
    native = new RowsLoad({ ...setup, sink })
    setup.onStart?.(native)
    const outcome = await transaction.load({
      table,
      columns,
      usesDefaults,
      sink,
      native,
      memoryLimit: 1 << 28,
      ...(setup.where !== undefined && { where: setup.where }),
      ...(setup.signal && { signal: setup.signal }),
    })
    await transaction.commit()
    return outcome
  } catch (error) {
    await transaction.rollback()
    setup.onRolledBack?.()
    if (native) expect(native.closed || native.counters().rowsRead === setup.rows).toBe(true)
    throw error
  } finally {
    // What the pump asked for when the load ended may arrive a moment later.
    if (native) await expect.poll(() => native?.chunksReleased).toBe(native.chunksOut)
    expect(native?.peak ?? 0).toBeLessThanOrEqual(4)
  }
}

/** The CopyError that a promise rejects with; anything else fails the test. */
export async function copyError(promise: Promise<unknown>): Promise<CopyError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if (!('error' in outcome)) throw new Error(`resolved with ${JSON.stringify(outcome.value)}`)
  if (!(outcome.error instanceof CopyError)) throw outcome.error
  return outcome.error
}

/** Runs `use` on a target with a pool of our own, closes it, and checks that the server has nothing left of it. */
export async function withTarget<T>(database: ScratchDatabase, use: (target: Target) => Promise<T>): Promise<T> {
  const target = await connectPostgres(database.url, { maxConnections: 1 })
  try {
    return await use(target)
  } finally {
    await expectIdle(database)
    await target.close()
    await expectNothingLeft(database)
  }
}

/** No session of ours is in a transaction or at work. */
export async function expectIdle(database: ScratchDatabase): Promise<void> {
  await expect
    .poll(async () => (await database.sessions()).filter((session) => session.state !== 'idle'), { timeout: 5_000 })
    .toEqual([])
}

/** Neither a session on the server nor a socket here. The side connection of the database itself is the one that stays. */
export async function expectNothingLeft(database: ScratchDatabase): Promise<void> {
  await expect.poll(() => database.sessions(), { timeout: 5_000 }).toEqual([])
  await expect.poll(() => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length).toBe(1)
}

/** Begins, runs and rolls back: for looking at what a transaction says. */
export async function inTransaction<T>(
  target: Target,
  use: (transaction: TargetTransaction) => Promise<T>,
): Promise<T> {
  const transaction = await target.begin()
  try {
    return await use(transaction)
  } finally {
    await transaction.rollback()
  }
}
