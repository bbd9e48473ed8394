import { CopyError } from './errors.ts'
import type { Ledger } from './ledger/ledger.ts'
import { checkLoadId, findLedger, findLoad, openLedger } from './ledger/open.ts'
import type { Purged, RecordedReject } from './ledger/records.ts'
import type { LedgerSession } from './ledger/session.ts'
import type { Reject } from './rejects.ts'
import type { Target } from './target/target.ts'

/** What {@link Database.rejects} may be told. */
export interface RejectsOptions {
  /** Also those that have been loaded since. */
  readonly all?: boolean
  /** DuckDB: the attached database that the load wrote to; by default the current one. */
  readonly database?: string
}

/** What {@link Database.purge} is to forget. */
export interface PurgeOptions {
  /** Loads that ended before this. */
  readonly olderThan: Date
  /** Also loads that completed with a LOAD_KEY: another load with the key would then load the same rows again. */
  readonly keyed?: boolean
  /** Also loads that completed and have refused rows which nobody has loaded since. */
  readonly unresolved?: boolean
  /** DuckDB: the attached database whose record of loads is meant; by default the current one. */
  readonly database?: string
}

/** Rejects that are read at once, and about how many bytes of theirs. */
const BATCH_REJECTS = 1_000
const BATCH_BYTES = 1 << 20

/**
 * One batch of a load's rejects, in a transaction that has ended when they are there: whoever stops asking holds nothing.
 *
 * @param after Number of the last one before.
 */
export function readBatch(
  target: Target,
  loadId: string,
  after: number,
  { all, database }: RejectsOptions,
): Promise<Reject[]> {
  const id = checkLoadId(loadId)
  return inTransaction(target, database, async (session) => {
    const ledger = await openLedger(session)
    if (after === 0) await findLoad(ledger, id)
    return readPage(ledger, id, after, all === undefined ? {} : { all })
  })
}

/** The next rejects of a load within a transaction; none after the last. */
export function readPage(
  ledger: Ledger,
  loadId: string,
  after: number,
  options: { readonly all?: boolean; readonly numbered?: boolean } = {},
): Promise<RecordedReject[]> {
  return ledger.readRejects(loadId, after, BATCH_REJECTS, { ...options, bytes: BATCH_BYTES })
}

/** Forgets loads, in a transaction of its own. Where none has ever been recorded there is nothing to forget. */
export async function purge(target: Target, options: PurgeOptions): Promise<Purged> {
  const { olderThan, database, ...which } = options
  if (!(olderThan instanceof Date) || Number.isNaN(olderThan.getTime())) {
    throw new CopyError({
      code: 'invalid_parameter_value',
      sqlState: '22023',
      message: `invalid value for option "olderThan": ${String(olderThan)}`,
      detail: 'It takes a Date.',
    })
  }
  return inTransaction(target, database, async (session) => {
    const ledger = await findLedger(session)
    return (await ledger?.purge(olderThan, which)) ?? { loads: 0, files: 0, rejects: 0, replaced: 0 }
  })
}

async function inTransaction<T>(
  target: Target,
  database: string | undefined,
  work: (session: LedgerSession) => Promise<T>,
): Promise<T> {
  const transaction = await target.begin(undefined, 0)
  try {
    const result = await work(transaction.ledger(database))
    await transaction.commit()
    return result
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}
