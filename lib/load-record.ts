import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CopyCallOptions } from './copy-call.ts'
import { CopyError } from './errors.ts'
import { ensureLedger, findOrMigrateLedger, type LedgerSetup, prepareLedger } from './ledger/ensure.ts'
import { keyConflict, Ledger } from './ledger/ledger.ts'
import { openLedger } from './ledger/open.ts'
import type { CompletedLoad, LedgerFile, LedgerLoad } from './ledger/records.ts'
import type { LedgerSession } from './ledger/session.ts'
import { loadAddon } from './native/addon.ts'
import type { LoadCounters } from './native/load.ts'
import { type Input, namesOf } from './native/open.ts'
import type { Receipt, ReceiptFile } from './receipt.ts'
import type { RejectLog } from './reject-log.ts'
import type { RowInput } from './source.ts'
import type { CopyFrom } from './statement/ast.ts'
import { isTolerant } from './statement/error-policy.ts'
import { printTable } from './statement/printing.ts'
import type { TableDescription, Target, TargetTransaction } from './target/target.ts'

/** How long it is asked whether a load with a key has been committed: a server starts again, or a standby takes over, meanwhile. */
const KEY_DEADLINE_MS = 30_000
/** Between two questions, and until a connection that does not answer one is given up. */
const KEY_PAUSE_MS = 250
const KEY_ANSWER_MS = 10_000
/** How long it is waited for a transaction that may have loaded the rows: a server may not have noticed that its client is gone. */
const KEY_PATIENCE_MS = 2_000

/** How long the record of a load that was aborted may take: a lock of somebody else's must not hold up its end. */
const ABORT_PATIENCE_MS = 1_500

/** Until the record of another failed load is begun. After a lost connection the next one may get no answer. */
const LOST_PATIENCE_MS = 5_000
/** Where nothing speaks against the connection it may have to wait for its turn behind other loads. */
const TURN_PATIENCE_MS = 120_000
/** How long the record of a failed load may take: it may have as many megabytes of refused rows as are kept. */
const RECORD_PATIENCE_MS = 120_000

/**
 * Tables as they are written, of whose database the ledger was made ready beforehand; of a server any. If it is another database meanwhile,
 * or the ledger is gone again, a load starts over.
 */
const prepared = new WeakMap<Target, Set<string>>()

/** The code of the error of a load that has to start over, since the ledger that it took for ready is gone. No caller sees it. */
export const UNPREPARED = 'unprepared'

/** Counts of a load as its record has them. */
type LoadCounts = Pick<
  LedgerLoad,
  'rowsRead' | 'rowsLoaded' | 'rowsRejected' | 'rowsFiltered' | 'rowsConflicted' | 'headerLines' | 'bytesRead'
>

/** Whose record it is. */
export interface LoadRecordInit {
  /** The load's. */
  readonly id: string
  readonly target: Target
  readonly statement: CopyFrom
  readonly source: Input | RowInput
  /** The statement as it was given. */
  readonly text: string
  /** Whether it is a COPY REJECTS. */
  readonly isReplay: boolean
  readonly call: CopyCallOptions
}

/** What is recorded of one load in the schema `copyist`, from the search for its key to its end or its failure. */
export class LoadRecord {
  readonly #init: LoadRecordInit
  readonly #startedAt = new Date()
  #ledger: Ledger | undefined
  #table: Pick<TableDescription, 'sqlName' | 'catalog'> | undefined
  /** Why there was no ledger when it was made ready. */
  #refusal: CopyError | undefined
  /** The ledger was not looked for, since a load before has made it ready. */
  #isAssumed = false
  /** A load with the same key was found when this one had failed. */
  #isOvertaken = false

  constructor(init: LoadRecordInit) {
    this.#init = init
  }

  /** The ledger of the load's transaction, if it is recorded. */
  get ledger(): Ledger | undefined {
    return this.#ledger
  }

  /** Whether the table is to be made, or has been. */
  isIntoNew = false

  /** Whether there is a record of the load's failure. */
  isFailureRecorded = false

  /** The attached database that the load wrote to, in DuckDB. */
  get catalog(): string | undefined {
    return this.#table?.catalog
  }

  /** Whether it is asked for, or forbidden; otherwise the load is recorded where others have been. */
  get #wish(): 'always' | 'never' | 'where there is one' {
    const { statement, call, isReplay } = this.#init
    const { errors, loadKey, onConflict } = statement.options
    if (call.ledger !== undefined) return call.ledger ? 'always' : 'never'
    const rejects = isTolerant(errors) || onConflict?.action === 'reject'
    return rejects || loadKey !== undefined || isReplay ? 'always' : 'where there is one'
  }

  /**
   * Makes the ledger before the load, in a transaction of its own: of two DuckDB transactions that make the same tables one fails, and in
   * PostgreSQL the second one waits until the first has ended. Not for a load whose table is wrong. Whatever goes wrong here, the load
   * itself will tell.
   *
   * @throws {CopyError} Where it has cost a transaction of the caller's, in which the load could say no more than that.
   */
  async prepare(): Promise<void> {
    const { target, statement, call } = this.#init
    const { signal } = call
    if (this.#wish !== 'always') return
    const where = target.kind === 'postgres' ? '' : printTable(statement.table)
    this.#isAssumed = prepared.get(target)?.has(where) ?? false
    if (this.#isAssumed) return
    const place = await this.#findPlace().catch(() => undefined)
    // What is made in the caller's transaction is made when it is known to be needed.
    if (place === undefined || (target.kind === 'postgres' && place.isCallers)) return
    try {
      const setup = await prepareLedger(target, { catalog: place.catalog, signal })
      if (!setup.available) this.#refusal = setup.reason
      else {
        prepared.set(target, (prepared.get(target) ?? new Set()).add(where))
        if (place.isNew) this.intoNew()
      }
    } catch (error) {
      if (place.isCallers) throw error
    }
  }

  /** Where the ledger belongs; undefined where there is no table to load, and none is to be made. */
  async #findPlace(): Promise<
    { readonly catalog: string | undefined; readonly isNew: boolean; readonly isCallers: boolean } | undefined
  > {
    const { target, statement, call } = this.#init
    const transaction = await target.begin(call.signal, 0)
    const { isCallers } = transaction
    try {
      const table = await transaction.describe(statement.table)
      if (table !== undefined) return { catalog: table.catalog, isNew: false, isCallers }
      const isCreated = statement.options.createTable ?? call.createTable ?? false
      if (!isCreated || (await transaction.missingPart(statement.table)) !== undefined) return undefined
      return { catalog: statement.table.catalog?.value, isNew: true, isCallers }
    } finally {
      await transaction.rollback()
    }
  }

  /** Makes the ledger ready in the load's transaction. Why it is not there, if it should be. */
  async open(transaction: TargetTransaction, catalog: string | undefined): Promise<CopyError | undefined> {
    this.#ledger = undefined
    const { loadKey } = this.#init.statement.options
    const wish = this.#wish
    if (wish === 'never') {
      if (loadKey === undefined) return undefined
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'LOAD_KEY needs the record of loads, which the option "ledger" forbids',
      })
    }
    if (wish === 'where there is one' && !(await transaction.mayHaveLedger(catalog))) return undefined
    const session = transaction.ledger(catalog)
    const setup = (await findOrMigrateLedger(session)) ?? (await this.#make(session, transaction.isCallers))
    if (setup === undefined) return undefined
    if (setup.available) {
      this.#ledger = new Ledger(session, setup.place)
      return undefined
    }
    if (loadKey === undefined) return setup.reason
    const { code, sqlState, detail, cause } = setup.reason
    const message = `LOAD_KEY needs the record of loads: ${setup.reason.message}`
    const hint = sqlState.startsWith('55') ? setup.reason.hint : 'Create the schema "copyist" for this user.'
    throw new CopyError({ code, sqlState, message, detail, cause, hint })
  }

  /** Makes the ledger that is not there, in the load's transaction, if it has to be. */
  async #make(session: LedgerSession, isCallers: boolean): Promise<LedgerSetup | undefined> {
    if (this.#wish !== 'always') return undefined
    // It was waited for, or is not to be had; in this transaction that would be an error.
    if (this.#refusal !== undefined) return { available: false, reason: this.#refusal }
    if (this.#isAssumed && !isCallers) {
      // Others would wait for the end of this load, or fail.
      prepared.delete(this.#init.target)
      throw new CopyError({ code: UNPREPARED, sqlState: 'XX000', message: 'the schema copyist is gone' })
    }
    return await ensureLedger(session)
  }

  /** Notes the table, without which a failure is not recorded. */
  into(table: TableDescription): void {
    this.#table = table
  }

  /**
   * Notes that the table is to be made. From then on each failure is recorded, not only those of a load that could have read a row: the ledger
   * may have been made for it, in a database that has nothing else.
   */
  intoNew(): void {
    const { table } = this.#init.statement
    this.isIntoNew = true
    this.#table = { sqlName: printTable(table), ...(table.catalog && { catalog: table.catalog.value }) }
  }

  /** Records a load that is about to be committed. */
  async complete(receipt: Receipt, log: RejectLog | undefined): Promise<void> {
    const ledger = this.#ledger
    if (ledger === undefined) return
    const { id, isReplay } = this.#init
    await ledger.recordLoad({ ...this.#entry(receipt), transport: receipt.transport, receipt })
    const { files } = receipt
    await this.#files(
      ledger,
      files.map(({ path, bytes, rows: rowsRead, rowsLoaded, rowsRejected, ...file }) => ({
        path,
        bytes,
        rowsRead,
        rowsRejected,
        ...(rowsLoaded !== undefined && { rowsLoaded }),
        ...aboutObject(file),
      })),
    )
    if (log === undefined) return
    await ledger.recordRejects(id, log.kept, log.text)
    if (!isReplay) await ledger.recordReplaced(id, log.keptReplaced)
  }

  /**
   * After a failure, in a transaction of its own: what was read and refused, and why nothing was loaded. The error that it is about comes
   * first: if this fails too, or takes too long, nobody is told.
   *
   * @param how.file The input's name.
   * @param how.isAborted Whoever has aborted the load waits for its end: no longer than {@link ABORT_PATIENCE_MS}, and in a transaction
   *   of the caller's nothing is recorded.
   */
  async fail(
    error: unknown,
    log: RejectLog | undefined,
    how: {
      readonly counters: LoadCounters | undefined
      readonly file: string
      /** What was read of each, where there are several. */
      readonly files?: readonly LedgerFile[] | undefined
      readonly isAborted?: boolean | undefined
    },
  ): Promise<void> {
    const { id, target, statement } = this.#init
    const { loadKey } = statement.options
    const { counters, file } = how
    const table = this.#table
    const wish = this.#wish
    // Its rows are there, by the load that won the race for the key.
    if (this.#isOvertaken || (loadKey !== undefined && keyConflict(error, loadKey) === error)) return
    if (table === undefined || wish === 'never' || (wish === 'where there is one' && !this.#ledger)) return
    const { catalog } = table
    const aborting = how.isAborted ? AbortSignal.timeout(ABORT_PATIENCE_MS) : undefined
    const isLost = error instanceof CopyError && /^(?:08|57P)/.test(error.sqlState)
    const signal = aborting ?? AbortSignal.timeout(isLost ? LOST_PATIENCE_MS : TURN_PATIENCE_MS)
    try {
      if (how.isAborted) {
        const probe = await target.begin(signal, 0)
        await probe.rollback()
        if (probe.isCallers) return
      }
      const setup = await prepareLedger(target, { catalog, signal })
      if (!setup.available) return
      const transaction = await target.begin(aborting ?? AbortSignal.timeout(RECORD_PATIENCE_MS), 0)
      try {
        if (how.isAborted && transaction.isCallers) return await transaction.rollback()
        const counts: LoadCounts = {
          rowsRead: counters?.rowsRead ?? 0,
          rowsLoaded: 0,
          rowsRejected: log?.count ?? 0,
          rowsFiltered: 0,
          rowsConflicted: 0,
          headerLines: counters?.headerLines ?? 0,
          bytesRead: counters?.bytesRead ?? 0,
        }
        const ledger = new Ledger(transaction.ledger(catalog), setup.place)
        const message = error instanceof Error ? error.message : String(error)
        const failed = error instanceof CopyError ? error : undefined
        const why = { sqlState: failed?.sqlState ?? 'XX000', message, context: failed?.context }
        await ledger.recordLoad({ ...this.#entry(counts), error: why })
        const { bytesRead: bytes, rowsRead, rowsLoaded, rowsRejected } = counts
        await this.#files(ledger, how.files ?? [{ path: file, bytes, rowsRead, rowsLoaded, rowsRejected }])
        if (log !== undefined) {
          await ledger.recordRejects(id, log.kept, log.text)
          await ledger.recordReplaced(id, log.keptReplaced)
        }
        await transaction.commit()
        this.isFailureRecorded = true
      } catch (failure) {
        await transaction.rollback()
        throw failure
      }
    } catch {
      // Said above.
    }
  }

  /** The load with the same key that came first, if there is one. */
  async before(): Promise<CompletedLoad | undefined> {
    const { loadKey } = this.#init.statement.options
    return loadKey === undefined ? undefined : await this.#ledger?.findLoadByKey(loadKey)
  }

  /**
   * The receipt of the load with the same key that came first, or of this one if it was committed after all. An error in place of `error`
   * where that was a lost commit: what has come of it, if the record tells, and what to do.
   *
   * @param isCommitting Whether the error may be one of the commit.
   */
  async loadedBefore(error: unknown, isCommitting: boolean): Promise<Receipt | CopyError | undefined> {
    const { id, target, statement, call } = this.#init
    const { loadKey } = statement.options
    const table = this.#table
    if (loadKey === undefined || !(error instanceof CopyError) || table === undefined) return undefined
    const isLost = isCommitting && error.sqlState === '08007'
    // Of two serializable transactions with one key one is told of that before it comes to the key.
    const mayBeOvertaken = keyConflict(error, loadKey) !== undefined || error.sqlState === '40001'
    if (!isLost && !mayBeOvertaken) return undefined
    const deadline = AbortSignal.timeout(KEY_DEADLINE_MS)
    const end = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline
    const look = async (waits: boolean): Promise<CompletedLoad | undefined> => {
      const transaction = await target.begin(AbortSignal.any([end, AbortSignal.timeout(KEY_ANSWER_MS)]), 0)
      try {
        const ledger = await openLedger(transaction.ledger(table.catalog))
        return await ledger.findLoadByKey(loadKey, { waits, patienceMs: KEY_PATIENCE_MS })
      } finally {
        await transaction.rollback()
      }
    }
    // The server may take a moment to notice that its client is gone, or to start again.
    while (!end.aborted) {
      try {
        // Without a wait first: those that hold the key may be loading yet. Once more after it: a transaction above READ COMMITTED
        // does not see what was committed while it waited.
        const found = (await look(false)) ?? (await look(true)) ?? (await look(false))
        // A transaction that holds the key has been waited for.
        if (found === undefined && isLost) return undone(error)
        this.#isOvertaken = found !== undefined
        if (found?.receipt === undefined) return undefined
        return found.id === id ? found.receipt : receiptOf(found)
      } catch (failure) {
        const sqlState = failure instanceof CopyError ? failure.sqlState : undefined
        // The caller's transaction has been aborted, and nothing can be asked in it. A ledger that the lost transaction makes may yet come.
        if (sqlState === '25P02' || (sqlState === '42P01' && !isLost)) return undefined
        await sleep(KEY_PAUSE_MS, undefined, { signal: end }).catch(() => {})
      }
    }
    return isLost ? undecided(error) : undefined
  }

  #entry(counts: LoadCounts): Omit<LedgerLoad, 'error'> {
    const { id, statement, text } = this.#init
    const { loadKey, format } = statement.options
    const { rowsRead, rowsLoaded, rowsRejected, rowsFiltered, rowsConflicted, headerLines, bytesRead } = counts
    return {
      id,
      ...(loadKey !== undefined && { key: loadKey }),
      statement: text,
      table: this.#table?.sqlName ?? '',
      startedAt: this.#startedAt,
      endedAt: new Date(),
      format,
      ...{ rowsRead, rowsLoaded, rowsRejected, rowsFiltered, rowsConflicted, headerLines, bytesRead },
      version: loadAddon().info().version,
    }
  }

  async #files(ledger: Ledger, files: readonly LedgerFile[]): Promise<void> {
    const times = { startedAt: this.#startedAt, endedAt: new Date() }
    const modified = await modifiedTimes(this.#init.source)
    await ledger.recordFiles(
      this.#init.id,
      files.map((file) => {
        const modifiedAt = modified.get(file.path)
        return { ...file, ...times, ...(modifiedAt && { modifiedAt }) }
      }),
    )
  }
}

/** What is recorded of the object that a file was. */
export function aboutObject({ etag, modified }: Pick<ReceiptFile, 'etag' | 'modified'>): Partial<LedgerFile> {
  return { ...(etag !== undefined && { etag }), ...(modified !== undefined && { modifiedAt: new Date(modified) }) }
}

/** When the files of this machine were last changed, by name; of one that is gone since it is not known. */
async function modifiedTimes(source: Input | RowInput): Promise<Map<string, Date>> {
  const times = new Map<string, Date>()
  const note = async (name: string, path: string) => {
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile()) times.set(name, found.mtime)
  }
  if (source.kind === 'file') await note(source.name, source.path)
  else if (source.kind === 'files') {
    const names = namesOf(source)
    for (const [index, path] of source.paths.entries()) await note(names[index] ?? path, path)
  }
  return times
}

/** What is answered when a load with the same key has been completed before; undefined when it was recorded without a receipt. */
export function receiptOf({ receipt, endedAt }: CompletedLoad): Receipt | undefined {
  return receipt && { ...receipt, alreadyLoaded: true, loadedAt: endedAt.toISOString() }
}

/** A commit was lost, and the record shows that it did not take place. */
function undone({ message, detail, cause }: CopyError): CopyError {
  const why = cause instanceof CopyError ? cause.message : detail
  return new CopyError({
    code: 'connection_failure',
    sqlState: '08006',
    message,
    detail: `Nothing was loaded: no load with the key is recorded. ${why ?? ''}`.trimEnd(),
    hint: 'Run the statement again.',
    cause,
  })
}

/** The same where the record could not be asked. */
function undecided({ code, sqlState, message, detail, cause }: CopyError): CopyError {
  return new CopyError({
    code,
    sqlState,
    message,
    detail,
    hint: 'Run the statement again: by its LOAD_KEY the rows are loaded once.',
    cause,
  })
}
