import { availableParallelism } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DuckDBConnection, DuckDBMaterializedResult } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import { type LoadOutcome, type LoadRequest, type RowRefusals, STARTS_OVER } from '../target.ts'
import { ChunkGatherer } from './chunk-gatherer.ts'
import { type ConflictPlan, planConflict } from './conflict.ts'
import { isSelfReferring } from './constraints.ts'
import type { DuckdbTableDescription } from './describe.ts'
import type { DuckdbDriver } from './driver.ts'
import { abortError, asConditionType, asCopyError, asUnseenKey, inCondition } from './errors.ts'
import { checkCondition } from './expressions.ts'
import { FurtherErrors } from './further.ts'
import {
  type FeedSource,
  filteredSql,
  type InsertPlan,
  insertSql,
  ownPrefix,
  type RowSource,
  type TransformPlan,
  triedConditionSql,
} from './insert.ts'
import { prepareAsWritten } from './query.ts'
import { Elsewhere } from './row-errors.ts'
import { ROW_GROUP_ROWS, RowFeed } from './row-feed.ts'
import { isConstant, isValid } from './row-tests.ts'
import type { RowWindow } from './row-window.ts'
import { Sieve, type Sifted } from './sieve.ts'
import type { RunStatement, SievePolicy } from './sieve-context.ts'
import type { Slots } from './slots.ts'
import { Staging } from './transform.ts'
import { vectorTypeOf, vectorWidthOf } from './types.ts'

/*
 * How a load goes
 *
 * The chunks of the native side are gathered into windows of a few row groups, and each window is one INSERT. While DuckDB works
 * on a window the next one is gathered, as far as there are processors for both, so at most two are in memory. Nothing ever waits on the event loop's thread: a window
 * that does not fill, because its source is slow, goes off after a while with what it has.
 */

/** Milliseconds between interrupts of a statement that is to stop; one that comes before DuckDB has begun goes unheard. */
const INTERRUPT_INTERVAL = 10

/** Milliseconds that a statement has to end by itself where an interrupt would cost the caller's transaction. */
const PATIENCE = 1_000

/** As many as a load has. */
const MOST_THREADS = 1_000

/** What a load needs to know of the transaction it is in. */
export interface LoadContext {
  readonly driver: DuckdbDriver
  readonly connection: DuckDBConnection
  /** What a registered function outlives loads with. */
  readonly owner: object
  readonly slots: Slots
  /** The transaction must outlive a failure of the load: no statement may be run that fails. */
  readonly isGuarded: boolean
  /** What TRANSFORM says, where the load has it. */
  readonly transform: TransformPlan | undefined
  /** Begins the transaction anew, if nothing is lost with it but rows of the load; whether it did. */
  renew(): Promise<boolean>
  /** Called when rows of the table have been updated. */
  onUpdate(): void
  /** Called before the first statement that changes the database. */
  onWrite(): void
}

/** The INSERT that failed, for finding its row. Its window is still to be released. */
export interface FailedInsert {
  readonly plan: InsertPlan
  readonly feed: RowFeed
  readonly window: RowWindow
}

/** The outcome of {@link runLoad}. */
export type LoadResult =
  | {
      readonly ok: true
      readonly outcome: LoadOutcome
      /** Carries out what is left until nothing else can fail. */
      readonly complete: (() => Promise<void>) | undefined
    }
  | { readonly ok: false; readonly error: CopyError; readonly failed: FailedInsert | undefined }

/** Runs a load to its end or its first failure. Never rejects. */
export async function runLoad(context: LoadContext, request: LoadRequest): Promise<LoadResult> {
  const { driver, connection, isGuarded } = context
  const table = request.table as DuckdbTableDescription
  const columns = request.columns.map((index) => table.columns[index] as DuckdbTableDescription['columns'][number])
  const defaults = request.usesDefaults
    ? columns.flatMap((column, index) => (column.defaultSql === undefined ? [] : [index]))
    : []
  const transform = request.isTransformed ? context.transform : undefined
  const read = transform?.fields ?? columns
  const widths = read.map(({ type }) => vectorWidthOf(type))
  const shape = { columns: read.map(({ type }) => vectorTypeOf(driver, type)), widths, defaults }
  const { refusals } = request
  const run: RunStatement = (sql, how) =>
    interruptible(connection, request.signal, isGuarded ? PATIENCE : 0, async () => {
      const result = await (how === 'as_written' ? runAsWritten(connection, sql) : connection.run(sql))
      const rows: unknown[][] = []
      // There may be as many as rows of a window: by the vector, each a turn of the event loop.
      for (let chunk = await result.fetchChunk(); chunk !== null; chunk = await result.fetchChunk()) {
        if (chunk.rowCount === 0) break
        if (rows.length > 0) await nextTurn()
        for (const row of chunk.convertRows(driver.api.JSDuckDBValueConverter)) rows.push(row)
      }
      return { rows, changed: result.rowsChanged }
    })
  // In most loads no row is refused, and then it costs nothing to have DuckDB look for it.
  const isHopeful = request.mayStartOver === true && !isGuarded
  const policyOf = (conflict: ConflictPlan | undefined): SievePolicy => {
    const { onUpdate } = context
    const { tolerates, replaces } = refusals ?? {}
    // The error of a constraint must be foretold to have a line: behind rows for which WHERE fails it could not be looked for by trials.
    const isForetold = request.where !== undefined && /^conversion/.test(tolerates ?? '') && conflict === undefined
    return {
      tolerates,
      replaces,
      conflict,
      native: request.native,
      isGuarded: isGuarded || isOrdered || isForetold,
      onUpdate,
      elsewhere,
    }
  }
  const elsewhere = new Elsewhere(driver)
  const further = new FurtherErrors({ connection, run }, table, columns, refusals?.tolerates)
  const feed = new RowFeed(driver, shape, request.sink === 'duckdb_served' ? request.native : undefined)
  const openSieve = async (made: InsertPlan, conflict: ConflictPlan | undefined): Promise<void> => {
    sieve = await Sieve.open(connection, made, policyOf(conflict))
    staging = await Staging.open(connection, made, policyOf(conflict))
  }
  /** Rows that WHERE holds back: counted by themselves, so that it shows if others are missing. */
  const countFiltered = async (made: InsertPlan, rows: RowWindow, from: RowSource, changed: number) => {
    if (request.where === undefined) return 0
    if (!isCountable || from.kind === 'staged') return rows.rows - changed
    return Number((await run(filteredSql(made, from))).rows[0]?.[0])
  }
  const sift = async (made: InsertPlan, rows: RowWindow, source: FeedSource): Promise<Sifted> => {
    const insert = async (from: RowSource, told: RowRefusals | undefined): Promise<Sifted> => {
      if (sieve !== undefined) return await sieve.load(run, rows, from, told)
      const { changed } = await run(insertSql(made, from))
      return { loaded: changed, refused: 0, conflicted: 0, filtered: await countFiltered(made, rows, from, changed) }
    }
    return staging === undefined ? insert(source, refusals) : staging.load(run, rows, source, refusals, insert)
  }
  /** Rows may refer to rows before them, which DuckDB finds or not depending on where a window, and a thread's part of it, ends. */
  let isOrdered = false
  let gatherer: ChunkGatherer | undefined
  let window: RowWindow | undefined
  /** An error is not one of its INSERT any more. */
  let isInserted = false
  let plan: InsertPlan | undefined
  /** Whether WHERE can be asked of rows by itself. */
  let isCountable = false
  let sieve: Sieve | undefined
  let staging: Staging | undefined
  let next: Promise<RowWindow | undefined> | undefined
  try {
    if (request.signal?.aborted) throw abortError(request.signal)
    if (request.where !== undefined) await checkCondition(connection, table, request.where)
    const conflict = request.conflict && (await planConflict(connection, table, request))
    // What is wrong with a row is found out when all of them are there.
    if (conflict?.isGathered && refusals === undefined) request.native.settle?.(0)
    isOrdered = conflict === undefined && refusals?.tolerates !== 'all' && (await isSelfReferring(connection, table))
    gatherer = new ChunkGatherer(request.native, {
      size: context.slots.size,
      // Two windows at a time.
      bytes: (request.memoryLimit * 3) / 8,
      widths,
      ...(request.signal ? { signal: request.signal } : {}),
      ...(refusals && { isDue: () => refusals.mustAsk }),
    })
    const sequential =
      drawsFromSequence(table, columns, defaults) ||
      transform?.steps.some((step) => /\bnextval\b/i.test(step?.expression ?? ''))
    const processors = availableParallelism()
    let rowsSent = 0
    let rowsLoaded = 0
    let rowsRefused = 0
    let rowsConflicted = 0
    let rowsFiltered = 0
    next = gatherer.gather(false)
    for (;;) {
      window = await next
      next = undefined
      isInserted = false
      if (window === undefined) break
      if (window.rows === 0) {
        // The decoder has refused very many rows, and that is all there is.
        await refusals?.askMore((rows) => further.of(rows))
        await refusals?.settle(rowsSent)
        window.release()
        window = undefined
        next = gatherer.gather(false)
        continue
      }
      let source: FeedSource = { kind: 'range', first: 0, last: window.rows }
      if (plan === undefined) {
        const functionName = await feed.functionName(connection, context.owner)
        const made: InsertPlan = {
          table,
          // What an expression makes is cast with it.
          columns: transform ? columns.map((column) => ({ ...column, type: { kind: 'text' } })) : columns,
          ...(transform && { transform }),
          defaults,
          where: request.where,
          functionName,
          feedId: feed.id,
          own: ownPrefix(table),
        }
        if (request.where !== undefined) {
          await checkPlan(connection, insertSql(made, source), request.where)
          // One that is evaluated anew may give another answer.
          isCountable =
            table.columns.every(({ defaultSql }) => isConstant(defaultSql)) &&
            (await isValid(connection, made, triedConditionSql(made, request.where)))
        }
        plan = made
        if (conflict !== undefined || isGuarded || ((refusals !== undefined || isOrdered) && !isHopeful)) {
          await openSieve(plan, conflict)
        }
        context.onWrite()
      }
      if (window.rows > ROW_GROUP_ROWS && !sequential) {
        source = await context.slots.source(window.rows)
      }
      feed.serve(window)
      // DuckDB's threads are at it now, or one of them. With more threads than processors there is no time to win, and the event loop would
      // wait for its turn like any of them.
      const busyThreads = source.kind === 'range' ? 1 : context.slots.size.threads
      request.native.setThreads?.(Math.max(0, processors - busyThreads))
      const inserting = sift(plan, window, source)
      const done = (): void => request.native.setThreads?.(MOST_THREADS)
      const busy = inserting.then(done, done)
      next = gatherer.gather(true, busy)
      // A failure of the input is reported when the rows before it are in, and by nobody when they are not.
      next.catch(() => undefined)
      let sifted: Sifted
      try {
        sifted = await inserting
      } catch (error) {
        const isSifted = sieve !== undefined || staging !== undefined
        const isJudged = refusals !== undefined || (isOrdered && isHopeful && asCopyError(error).sqlState === '23503')
        if (isSifted || !isJudged || !isRefusal(error)) throw error
        // It has been hoped for too much. The first window is still there, and nothing is lost with the transaction.
        if (rowsSent > 0 || !(await context.renew())) throw startsOver(error)
        context.slots.renew()
        if (source.kind === 'table') source = await context.slots.source(window.rows)
        plan = { ...plan, functionName: await feed.functionName(connection, context.owner) }
        await openSieve(plan, conflict)
        if (sieve === undefined && staging === undefined) throw error
        context.onWrite()
        sifted = await sift(plan, window, source)
      }
      isInserted = true
      const { loaded, refused, conflicted, filtered } = sifted
      rowsSent += window.rows
      rowsLoaded += loaded
      rowsRefused += refused
      rowsConflicted += conflicted
      rowsFiltered += filtered
      if (!sieve?.isGathering && loaded + refused + conflicted + filtered !== window.rows) {
        throw miscounted(loaded, window.rows - refused - conflicted - filtered)
      }
      feed.serve(undefined)
      await refusals?.askMore((rows) => further.of(rows))
      if (!sieve?.isUnsettled) {
        await refusals?.settle(rowsSent)
        request.native.settle?.(rowsSent)
      }
      window.release()
      window = undefined
    }
    await refusals?.askMore((rows) => further.of(rows))
    let complete: (() => Promise<void>) | undefined
    if (sieve?.isGathering) {
      const sifted = await sieve.finish(run, rowsSent, refusals)
      complete = sifted.complete
      rowsLoaded += sifted.loaded
      rowsRefused += sifted.refused
      rowsConflicted += sifted.conflicted
      rowsFiltered += sifted.filtered
      const rest = rowsSent - rowsRefused - rowsConflicted - rowsFiltered
      if (rowsLoaded !== rest) throw miscounted(rowsLoaded, rest)
      await refusals?.settle(rowsSent)
      request.native.settle?.(rowsSent)
    }
    await sieve?.close(run)
    await context.slots.drop()
    feed.close()
    return { ok: true, outcome: { rowsLoaded, rowsFiltered, ...(conflict && { rowsConflicted }) }, complete }
  } catch (thrown) {
    const cause = feed.failure ?? thrown
    gatherer?.abandon()
    await next?.then(
      (unused) => unused?.release(),
      () => undefined,
    )
    if (isGuarded) {
      // If these fail, it is because the transaction has been aborted, which leaves nothing behind either.
      await sieve?.discard(connection).catch(() => undefined)
      await staging?.discard(connection).catch(() => undefined)
      await further.discard().catch(() => undefined)
      await context.slots.drop().catch(() => undefined)
    }
    if (request.signal?.aborted) {
      dispose(feed, window)
      return { ok: false, error: abortError(request.signal), failed: undefined }
    }
    const raised = asConditionType(asCopyError(cause), request.where)
    // What the sieve says of a row is a CopyError from the start.
    const error = sieve?.looksUpKeys && !(cause instanceof CopyError) ? asUnseenKey(raised) : raised
    // Where rows may be refused, the first that an INSERT stumbles over need not be why it has failed.
    const isOfInsert = window !== undefined && !isInserted && !sieve && !staging && error.code !== STARTS_OVER
    if (plan !== undefined && window !== undefined && isOfInsert)
      return { ok: false, error, failed: { plan, feed, window } }
    dispose(feed, window)
    return { ok: false, error, failed: undefined }
  } finally {
    await elsewhere.close()
  }
}

function miscounted(rows: number, expected: number): CopyError {
  const message = `DuckDB inserted ${rows} of ${expected} rows`
  return new CopyError({ code: 'internal_error', sqlState: 'XX000', message })
}

/** Whether DuckDB has said of a row that it is not as it should be. */
function isRefusal(error: unknown): boolean {
  return /^2[23]/.test(asCopyError(error).sqlState)
}

function startsOver(cause: unknown): CopyError {
  const message = 'the load has to start over'
  return new CopyError({ code: STARTS_OVER, sqlState: 'XX000', message, cause })
}

/** Lets go of what a failed load still holds. */
export function dispose(feed: RowFeed, window: RowWindow | undefined): void {
  feed.close()
  window?.release()
}

/** Runs a statement whose plan is made by {@link prepareAsWritten}. */
async function runAsWritten(connection: DuckDBConnection, sql: string): Promise<DuckDBMaterializedResult> {
  const prepared = await prepareAsWritten(connection, sql)
  try {
    return await prepared.run()
  } finally {
    prepared.destroySync()
  }
}

/** Runs a statement that is interrupted when the signal has fired and `patience` is over; settles only when DuckDB reads nothing any more. */
async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal | undefined,
  patience: number,
  statement: () => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const interrupt = (): void => {
    connection.interrupt()
    timer = setTimeout(interrupt, INTERRUPT_INTERVAL)
  }
  const onAbort = (): void => {
    if (patience === 0) interrupt()
    else timer = setTimeout(interrupt, patience)
  }
  if (signal?.aborted) throw abortError(signal)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await statement()
  } finally {
    signal?.removeEventListener('abort', onAbort)
    clearTimeout(timer)
  }
}

/** Binds the INSERT, so that a mistake in WHERE is found while the transaction is still intact. */
async function checkPlan(connection: DuckDBConnection, sql: string, where: string): Promise<void> {
  try {
    const prepared = await prepareAsWritten(connection, sql)
    prepared.destroySync()
  } catch (error) {
    throw inCondition(asCopyError(error), where)
  }
}

/** A sequence numbers rows in the order in which it is asked, which is the order of the file in one thread only. */
function drawsFromSequence(
  table: DuckdbTableDescription,
  columns: readonly { readonly name: string }[],
  defaults: readonly number[],
): boolean {
  return table.columns.some(({ name, defaultSql }) => {
    if (defaultSql === undefined || !/\bnextval\b/i.test(defaultSql)) return false
    const listed = columns.findIndex((column) => column.name === name)
    return listed < 0 || defaults.includes(listed)
  })
}
