import { CopyError } from '../errors.ts'
import { inspectDuckdb, inspectPostgres } from './inspect.ts'
import { Ledger } from './ledger.ts'
import type { RecordedLoad } from './records.ts'
import type { LedgerSession } from './session.ts'

/**
 * The ledger as it is, for reading; undefined when there is none. Whether it can be written is not asked: the database says so when it
 * is.
 *
 * @throws {CopyError} 55000 when it is damaged.
 */
export async function findLedger(session: LedgerSession): Promise<Ledger | undefined> {
  const state = await (session.dialect === 'postgres' ? inspectPostgres(session) : inspectDuckdb(session))
  if (state.version === 0) return undefined
  if (state.damage !== undefined) throw state.damage
  return new Ledger(session, state.place)
}

/**
 * The same, for what makes no sense without one.
 *
 * @throws {CopyError} 42P01 when there is none.
 */
export async function openLedger(session: LedgerSession): Promise<Ledger> {
  const ledger = await findLedger(session)
  if (ledger !== undefined) return ledger
  throw new CopyError({
    code: 'undefined_table',
    sqlState: '42P01',
    message: 'relation "copyist.loads" does not exist',
    detail: 'No load has been recorded in this database.',
    hint: 'The first one is that goes on after errors, has a LOAD_KEY, or asks for it by the option "ledger"; then all are.',
  })
}

/** Where a load's id stands in a statement, if it does. */
type Place = { readonly text: string; readonly offset: number }

/**
 * A load that must be there.
 *
 * @throws {CopyError} 22023 when it is not.
 */
export async function findLoad(
  ledger: Ledger,
  loadId: string,
  options: { readonly locked?: boolean; readonly statement?: Place | undefined } = {},
): Promise<RecordedLoad> {
  const load = await ledger.findLoad(loadId, options)
  if (load !== undefined) return load
  throw new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `load "${loadId}" does not exist`,
    detail: 'No load with this id is recorded in this database.',
    hint: 'The table copyist.loads has those that are, and each receipt its load\'s as "id".',
    statement: options.statement,
  })
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * A load's id as the ledger has it.
 *
 * @throws {CopyError} 22P02 when it is none: as part of a query it would be an error of the whole transaction.
 */
export function checkLoadId(loadId: unknown, statement?: Place): string {
  if (typeof loadId === 'string' && UUID.test(loadId)) return loadId.toLowerCase()
  throw new CopyError({
    code: 'invalid_text_representation',
    sqlState: '22P02',
    message: `invalid input syntax for type uuid: "${String(loadId)}"`,
    statement,
  })
}
