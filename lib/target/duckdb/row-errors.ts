import type { CopyError } from '../../errors.ts'
import type { RowError } from '../target.ts'
import type { ForeignKey, UniqueKey } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import type { DuckdbDriver } from './driver.ts'
import { asCopyError } from './errors.ts'
import { prepareAsWritten } from './query.ts'

/* What is said of a row that DuckDB would refuse, which it is not asked for: its error would abort the transaction. */

/** The error that a statement ends with which needs nothing of the database; elsewhere, since here it would abort the transaction. */
export async function errorElsewhere({ api }: DuckdbDriver, sql: string): Promise<CopyError | undefined> {
  const instance = await api.DuckDBInstance.create(':memory:')
  try {
    const connection = await instance.connect()
    try {
      const prepared = await prepareAsWritten(connection, sql)
      await prepared.run()
      return undefined
    } catch (thrown) {
      const error = asCopyError(thrown)
      // Of a type, a function or a setting that is known here only.
      return error.sqlState.startsWith('42') && error.code !== 'datatype_mismatch' ? undefined : error
    } finally {
      connection.closeSync()
    }
  } finally {
    instance.closeSync()
  }
}

export function duplicateError({ kind, columns }: UniqueKey, key: string): RowError {
  const message = `Duplicate key "${key}" violates ${kind} constraint.`
  return { ...onlyColumn(columns), sqlState: '23505', code: 'unique_violation', message }
}

export function orphanError({ columns }: ForeignKey, key: string): RowError {
  const message = `Violates foreign key constraint because key "${key}" does not exist in the referenced table`
  return { ...onlyColumn(columns), sqlState: '23503', code: 'foreign_key_violation', message }
}

function onlyColumn(columns: readonly string[] | undefined): { column?: string } {
  const [only] = columns ?? []
  return columns?.length === 1 && only !== undefined ? { column: only } : {}
}

/** Of an integer DuckDB refuses nothing but its size; it rounds fractions. */
const NUMBER = /^\s*[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?\s*$/i
const INTEGER = /^U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?$/

/** In PostgreSQL's words: DuckDB's own are to be had only for the transaction. */
export function uncastError({ name, typeName }: DuckdbColumnDescription, text: string): RowError {
  if (INTEGER.test(typeName) && NUMBER.test(text)) {
    const message = `value "${text}" is out of range for type ${typeName}`
    return { column: name, sqlState: '22003', code: 'numeric_value_out_of_range', message, value: text }
  }
  const message = `invalid input syntax for type ${typeName}: "${text}"`
  return { column: name, sqlState: '22P02', code: 'invalid_text_representation', message, value: text }
}
