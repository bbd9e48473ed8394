import type { DialectCase } from '../../statement/dialects/case.ts'

/** What a statement makes of an input. */
export interface Run {
  /** Columns of the table, as CREATE TABLE has them; absent: `a int, b text, c text`. */
  readonly table?: string
  /** The table is not there before. */
  readonly creates?: true
  readonly input: string | Uint8Array
  /** The table afterwards, a row each: see `printRow`. Of one target only, where the other has no such type. */
  readonly rows?: readonly string[] | Readonly<Record<'postgres' | 'duckdb', readonly string[]>>
  /** SQLSTATE and message. */
  readonly error?: readonly [sqlState: string, message: string]
}

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
