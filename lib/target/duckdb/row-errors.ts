import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api'
import type { CopyError } from '../../errors.ts'
import type { RowError } from '../target.ts'
import type { ForeignKey, UniqueKey } from './constraints.ts'
import type { DuckdbColumnDescription } from './describe.ts'
import type { DuckdbDriver } from './driver.ts'
import { asCopyError } from './errors.ts'
import { prepareAsWritten } from './query.ts'

/* What is said of a row that DuckDB would refuse, which it is not asked for: its error would abort the transaction. */

/** Rows that are asked about in a load, at a third of a millisecond each; those with the values of one that was asked about are no more. */
const MOST_ASKED = 10_000

/** A database of its own, in which a statement may fail that needs nothing of the load's: there it would abort the transaction. */
export class Elsewhere {
  readonly #driver: DuckdbDriver
  #opened: Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> | undefined
  readonly #prepared = new Map<string, DuckDBPreparedStatement>()
  readonly #known = new Map<string, CopyError | undefined>()

  constructor(driver: DuckdbDriver) {
    this.#driver = driver
  }

  /**
   * The error that a statement ends with, `$1`, `$2`, … being texts; undefined where it ends with none, needs something that is not here, or
   * too many have been asked about.
   */
  async errorOf(sql: string, values: readonly (string | null)[] = []): Promise<CopyError | undefined> {
    const key = JSON.stringify([sql, ...values])
    if (this.#known.has(key) || this.#known.size >= MOST_ASKED) return this.#known.get(key)
    const error = await this.#ask(sql, values)
    this.#known.set(key, error)
    return error
  }

  async #ask(sql: string, values: readonly (string | null)[]): Promise<CopyError | undefined> {
    try {
      this.#opened ??= this.#open()
      const { connection } = await this.#opened
      let prepared = this.#prepared.get(sql)
      if (prepared === undefined) {
        prepared = await prepareAsWritten(connection, sql)
        this.#prepared.set(sql, prepared)
      }
      for (const [at, value] of values.entries()) {
        if (value === null) prepared.bindNull(at + 1)
        else prepared.bindVarchar(at + 1, value)
      }
      await prepared.run()
      return undefined
    } catch (thrown) {
      const error = asCopyError(thrown)
      // Of a type, a function or a setting that is known there only.
      return error.sqlState.startsWith('42') && error.code !== 'datatype_mismatch' ? undefined : error
    }
  }

  async #open(): Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> {
    const instance = await this.#driver.api.DuckDBInstance.create(':memory:')
    return { instance, connection: await instance.connect() }
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    for (const prepared of this.#prepared.values()) prepared.destroySync()
    opened?.connection.closeSync()
    opened?.instance.closeSync()
  }
}

/** An error of DuckDB's as that of a row. */
export function rowErrorOf({ sqlState, code, message, detail }: CopyError): RowError {
  return { sqlState, code, message, ...(detail !== undefined && { detail }) }
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
