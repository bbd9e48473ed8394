import type { DiagnosisCure, Evidence } from '../diagnosis.ts'
import type { ColumnType, DatePatterns, LoadColumn, LoadSession, NativeFlaw } from '../native/load.ts'
import type { CopyOptions } from '../statement/ast.ts'
import { printName } from '../statement/printing.ts'

/** What a load is tried anew with. */
export interface CureKit {
  readonly target: 'postgres' | 'duckdb'
  readonly options: CopyOptions
  readonly columns: readonly LoadColumn[]
  /** Where they are not the columns' one after the other. */
  readonly fields?: readonly string[]
  readonly session: LoadSession
  readonly table: string
  /** Whose rules hold, if they are not PostgreSQL's. */
  readonly dialect?: string | undefined
}

/** A change that may cure, and what to try it on. */
export interface Candidate extends Pick<DiagnosisCure, 'kind' | 'reason' | 'change' | 'note'> {
  readonly options?: Partial<CopyOptions>
  readonly session?: Partial<LoadSession>
  /** Those of all columns of type date. */
  readonly patterns?: DatePatterns
  /** FORCE_NULL or FORCE_NOT_NULL of the group's column. */
  readonly force?: 'null' | 'not null'
  /** The record as it would be in a changed input. */
  readonly record?: (raw: Buffer) => Buffer
  /** The field as it would be in a changed input, null for NULL; undefined: it would stay. */
  readonly value?: (value: string) => string | null | undefined
  /** The records in its place, in a changed input. */
  readonly lines?: (raw: Buffer) => readonly Buffer[]
  /** Whether it is about single rows, and what is wrong with the others of their group is another matter. */
  readonly isAside?: boolean
  /** What may be wrong with a row then: it is another matter, which is said. */
  readonly leaves?: (flaw: NativeFlaw) => boolean
  /** Whether a row is one that the change is meant for. */
  readonly fits?: (row: Evidence) => boolean
  /** Not said where this change cures as much. */
  readonly unless?: string
}

/** Whether the decoder does not read the values of this type. */
export function isUnread(type: ColumnType): boolean {
  return type.kind === 'other' || (type.kind === 'array' && isUnread(type.element))
}

const words: ReadonlySet<string> = new Set(
  [
    '\\n null (null) <null> #null! nil none n/a #n/a #na <na> na n.a. n/d nan',
    '- -- --- – — ? ?? . .. missing unknown undefined empty blank (blank) 0000-00-00',
  ].flatMap((line) => line.split(' ')),
)

/** Whether it stands for NULL in many files: such a word, or nothing but blanks. */
export function isNullWord(value: string): boolean {
  const word = value.trim().toLowerCase()
  return value !== '' && (word === '' || words.has(word))
}

/** The fields of one record, roughly: what is said is what a load proves. With their quotes, if those are kept. */
export function splitFields(
  record: string,
  { format, delimiter, quote, escape: escaping }: CopyOptions,
  keepsQuotes = false,
): string[] {
  const fields: string[] = []
  let field = ''
  let isQuoted = false
  for (let at = 0; at < record.length; at += 1) {
    const letter = record[at] ?? ''
    const next = record[at + 1] ?? ''
    if (format === 'text' && letter === '\\') {
      field += letter + next
      at += 1
    } else if (format === 'csv' && isQuoted && letter === escaping && (next === quote || next === escaping)) {
      field += next
      at += 1
    } else if (format === 'csv' && letter === quote) {
      isQuoted = !isQuoted
      if (keepsQuotes) field += letter
    } else if (letter === delimiter && !isQuoted) {
      fields.push(field)
      field = ''
    } else field += letter
  }
  return [...fields, field]
}

/** The name of a column of the table. */
export function columnName(value: string): string {
  return printName({ value, quoted: !/^[a-z_][a-z0-9_]*$/.test(value) })
}
