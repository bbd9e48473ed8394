import { CopyError } from './errors.ts'
import { findLedger } from './ledger/open.ts'
import type { Target } from './target/target.ts'

/** How long loads stay recorded. */
export interface LedgerRetention {
  /** Loads that ended longer ago than this are forgotten; more than 0, and not always a whole number. */
  readonly days: number
  /** Also loads that completed with a LOAD_KEY: another load with the key would then load the same rows again. */
  readonly keyed?: boolean
  /** Also loads that completed and have refused rows which nobody has loaded since. */
  readonly unresolved?: boolean
}

const DAY_MS = 86_400_000
/** Until old loads are looked for again, after there were some and after there was none. */
const NEXT_MS = 60_000
const PAUSE_MS = 3_600_000
/** What is forgotten at a time: a load waits for it, about a tenth of a second. */
const AT_ONCE = { loads: 500, rejects: 50_000 }
/** How long whoever has locked what is to be forgotten may take. */
const PATIENCE_MS = 1_000
/** How long a statement may take: one load may have far more rejects than are forgotten at a time. */
const STATEMENT_MS = 5_000
/** How long all of it may take: the load has been committed, and waits for this alone. */
const WHOLE_PATIENCE_MS = 15_000

/** Forgets old loads after new ones have been recorded, some at a time and seldom. */
export class Retention {
  readonly #settings: LedgerRetention
  /** When to look next, by database. */
  readonly #due = new Map<string, number>()

  /** @throws {CopyError} 22023 */
  constructor(settings: LedgerRetention) {
    const { days, keyed, unresolved } = settings
    if (!(typeof days === 'number' && days > 0 && days <= 100_000)) throw invalid('days', `${days}`, 'a number above 0')
    for (const [name, value] of Object.entries({ keyed, unresolved })) {
      if (value !== undefined && typeof value !== 'boolean') throw invalid(name, typeof value, 'true or false')
    }
    this.#settings = settings
  }

  /**
   * Never rejects: what goes wrong is a warning of the process, since the load is committed. In a transaction of the caller's nothing is
   * done: what it locks it would keep.
   *
   * @param catalog The attached database, in DuckDB.
   */
  async enforce(target: Target, catalog: string | undefined): Promise<void> {
    const key = catalog ?? ''
    const now = Date.now()
    if (now < (this.#due.get(key) ?? 0)) return
    this.#due.set(key, now + PAUSE_MS)
    const { days, keyed = false, unresolved = false } = this.#settings
    try {
      const transaction = await target.begin(AbortSignal.timeout(WHOLE_PATIENCE_MS), 0)
      try {
        if (transaction.isCallers) {
          this.#due.set(key, now + NEXT_MS)
          await transaction.rollback()
          return
        }
        const ledger = await findLedger(transaction.ledger(catalog))
        const limits = { most: AT_ONCE, patienceMs: PATIENCE_MS, statementMs: STATEMENT_MS }
        const purged = await ledger?.purge(new Date(now - days * DAY_MS), { keyed, unresolved, ...limits })
        await transaction.commit()
        if (purged && purged.loads > 0) this.#due.set(key, now + NEXT_MS)
      } catch (error) {
        await transaction.rollback()
        throw error
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      process.emitWarning(`old loads are still recorded in the schema copyist: ${reason}`, {
        code: 'COPYIST_RETENTION',
      })
    }
  }
}

function invalid(name: string, given: string, expected: string): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `invalid value for option "ledger.retention.${name}": ${given}`,
    detail: `It takes ${expected}.`,
  })
}
