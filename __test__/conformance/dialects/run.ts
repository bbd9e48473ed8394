import type { Receipt } from '../../../lib/receipt.ts'
import type { DialectCase } from '../../statement/dialects/case.ts'

type Refusal = readonly [sqlState: string, message: string]

/** What a load leaves beside the rows of its table. */
export interface Traces {
  /** What the command prints of rows that were refused or changed. */
  readonly printed?: readonly string[]
  /** Options of which the receipt says that they changed nothing. */
  readonly notes?: readonly string[]
  /** `rawrecord` of the rows that were refused, in GaussDB's view of them. */
  readonly rawRecords?: readonly string[]
  /** Columns of which PostgreSQL has statistics; DuckDB shows none of so few rows. */
  readonly analyzed?: readonly string[]
  readonly receipt?: Partial<Receipt>
}

/** What a statement makes of an input. */
export interface Run {
  /** Columns of the table, as CREATE TABLE has them; absent: `a int, b text, c text`. */
  readonly table?: string
  /** Of PostgreSQL alone, where DuckDB has no such table. */
  readonly only?: 'postgres'
  /** The table is not there before. */
  readonly creates?: true
  /** SQL that is run before, when the table is there. */
  readonly before?: string
  readonly input: string | Uint8Array
  /** How the documentation shows the input; absent: as it is. */
  readonly shown?: string
  /** Where the input is in the folder that the statement names; absent: it is what the statement names. */
  readonly files?: readonly string[]
  /** Objects of the input in the bucket that the statement names, which is then run as it is written. */
  readonly objects?: readonly string[]
  /** Other objects of it. */
  readonly beside?: Readonly<Record<string, string>>
  /** The bucket is in eu-central-1, and takes no signature for another region. */
  readonly regional?: true
  /** The table afterwards, a row each: see `printRow`. Of one target only, where the other has no such type. */
  readonly rows?: readonly string[] | Readonly<Record<'postgres' | 'duckdb', readonly string[]>>
  /** Beside the rows. */
  readonly leaves?: Traces
  /**
   * Options that the run does not tell from their absence, by their first word in the statement, each with the reason; of one target only, where it
   * is that target's. All others change what the run comes to when they are left out.
   */
  readonly idle?: Readonly<Record<string, string | Partial<Readonly<Record<'postgres' | 'duckdb', string>>>>>
  /** SQLSTATE and message; the table is then as it was. */
  readonly error?: Refusal | Readonly<Record<'postgres' | 'duckdb', Refusal>>
}

/** Why options are idle. */
export const idle = {
  default: 'it says what holds without it',
  shown: 'the run shows what it does not do',
  error: 'there is an error without it, too',
} as const

/** What FREEZE comes to where the table is older than the load. */
export const notFrozen = {
  postgres: [
    '55000',
    'cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction',
  ],
  duckdb: ['0A000', 'COPY FREEZE cannot be used with DuckDB'],
} as const

/** What a NULL in a column without NULLs comes to, in each target's own words. */
export function notNull(column: string): Readonly<Record<'postgres' | 'duckdb', Refusal>> {
  return {
    postgres: ['23502', `null value in column "${column}" of relation "t" violates not-null constraint`],
    duckdb: ['23502', `NOT NULL constraint failed: t.${column}`],
  }
}

/** By statement. */
export type Runs = Readonly<Record<string, Run>>

/** A sentence whose statement has a run of its own. */
export type RunCase = Pick<DialectCase, 'sentence' | 'statement' | 'remark'> & { readonly run: Run }

/** A row as the table shows it: values are separated by ` | `, NULL is NULL, an empty string '', all else as {@link printText} has it. */
export function printRow(values: readonly (string | null)[]): string {
  return values.map((value) => (value === null ? 'NULL' : value === '' ? "''" : printText(value))).join(' | ')
}

/** Text as in C, so that a tab, and a backslash before a t, can be told apart. */
export function printText(text: string): string {
  const letters: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }
  return text.replace(/\p{Cc}|\\/gu, (letter) => {
    return letters[letter] ?? `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
