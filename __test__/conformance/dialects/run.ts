import type { DialectCase } from '../../statement/dialects/case.ts'

type Refusal = readonly [sqlState: string, message: string]

/** What a statement makes of an input. */
export interface Run {
  /** Columns of the table, as CREATE TABLE has them; absent: `a int, b text, c text`. */
  readonly table?: string
  /** The table is not there before. */
  readonly creates?: true
  readonly input: string | Uint8Array
  /** Where the input is in the folder that the statement names; absent: it is what the statement names. */
  readonly files?: readonly string[]
  /** Objects of the input in the bucket that the statement names, which is then run as it is written. */
  readonly objects?: readonly string[]
  /** The table afterwards, a row each: see `printRow`. Of one target only, where the other has no such type. */
  readonly rows?: readonly string[] | Readonly<Record<'postgres' | 'duckdb', readonly string[]>>
  /** SQLSTATE and message. */
  readonly error?: Refusal | Readonly<Record<'postgres' | 'duckdb', Refusal>>
}

/** What FREEZE comes to where the table is older than the load. */
export const notFrozen = {
  postgres: [
    '55000',
    'cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction',
  ],
  duckdb: ['0A000', 'COPY FREEZE cannot be used with DuckDB'],
} as const

/** By statement. */
export type Runs = Readonly<Record<string, Run>>

/** A sentence whose statement has a run of its own. */
export type RunCase = Pick<DialectCase, 'sentence' | 'statement'> & { readonly run: Run }

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
