import { DuckDBInstance } from '@duckdb/node-api'
import { type LedgerSetup, prepareLedger } from '../../lib/ledger/ensure.ts'
import { Ledger } from '../../lib/ledger/ledger.ts'
import type { LedgerLoad } from '../../lib/ledger/records.ts'
import type { Reject } from '../../lib/rejects.ts'
import { connectDuckdb } from '../../lib/target/duckdb/connect.ts'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import type { Target, TargetTransaction } from '../../lib/target/target.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'
import { createScratchDatabase } from '../postgres.ts'

/** An empty database whose ledger is under test. */
export interface Bench {
  readonly target: Target
  /** Runs SQL on a connection that is not under test; rows as arrays of text or null. */
  sql(text: string): Promise<(string | null)[][]>
  close(): Promise<void>
}

/** Each database, opened anew and empty. Transactions of its target run side by side. */
export const databases: readonly { readonly name: 'postgres' | 'duckdb'; open(): Promise<Bench> }[] = [
  { name: 'postgres', open: openPostgres },
  { name: 'duckdb', open: openDuckdb },
]

async function openPostgres(): Promise<Bench> {
  const scratch = await createScratchDatabase()
  const target = await connectPostgres(scratch.url)
  return {
    target,
    sql: async (text) =>
      (await scratch.query(text)).map((row) =>
        Object.values(row).map((value) => (value == null ? null : String(value))),
      ),
    async close() {
      await target.close()
      await scratch.drop()
    },
  }
}

async function openDuckdb(): Promise<Bench> {
  const instance = await DuckDBInstance.create(':memory:')
  const side = await instance.connect()
  // Each transaction on a connection of its own, as with a file of ours.
  const target: Target = {
    kind: 'duckdb',
    capabilities: { caseInsensitiveNames: true, freezes: false },
    begin: async (signal, bytes) => (await connectDuckdb(await instance.connect())).begin(signal, bytes),
    look: async (signal) => (await connectDuckdb(await instance.connect())).look(signal),
    close: async () => {},
  }
  return {
    target,
    sql: (text) => textRows(side, text),
    async close() {
      side.closeSync()
      instance.closeSync()
    },
  }
}

/** Runs `use` with the ledger in a transaction that is then committed. */
export async function inLedger<T>(
  target: Target,
  use: (ledger: Ledger, transaction: TargetTransaction) => Promise<T>,
): Promise<T> {
  const setup = await prepareLedger(target)
  const transaction = await target.begin(undefined, 0)
  try {
    const result = await use(ledgerOf(transaction, setup), transaction)
    await transaction.commit()
    return result
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

export function ledgerOf(transaction: TargetTransaction, setup: LedgerSetup): Ledger {
  if (!setup.available) throw setup.reason
  return new Ledger(transaction.ledger(), setup.place)
}

/** A UUID that ends in a number. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
}

export function someLoad(id: string, more: Partial<LedgerLoad> = {}): LedgerLoad {
  return {
    id,
    statement: "COPY public.t FROM '/data/a.csv' (FORMAT csv)",
    table: 'public.t',
    startedAt: new Date('2026-03-01T10:00:00.000Z'),
    endedAt: new Date('2026-03-01T10:00:02.500Z'),
    format: 'csv',
    transport: 'binary',
    rowsRead: 10,
    rowsLoaded: 7,
    rowsRejected: 2,
    rowsFiltered: 1,
    rowsConflicted: 0,
    headerLines: 1,
    bytesRead: 1234,
    version: '0.1.0',
    ...more,
  }
}

export function someReject(number: number, more: Partial<Reject> = {}): Reject {
  const raw = Buffer.from(`${number},abc,"Zürich"`)
  return {
    number,
    file: '/data/a.csv',
    line: number + 1,
    lastLine: number + 1,
    byteOffset: number * 100,
    byteLength: raw.length,
    errors: [
      {
        column: 'temp',
        type: 'integer',
        field: 2,
        sqlState: '22P02',
        code: 'invalid_text_representation',
        message: 'invalid input syntax for type integer: "abc"',
        value: 'abc',
      },
    ],
    raw,
    rawIsCut: false,
    ...more,
  }
}
