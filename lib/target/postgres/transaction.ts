import { CopyError } from '../../errors.ts'
import type { LedgerSession } from '../../ledger/session.ts'
import type { LoadSession, NativeLoad, SinkKind } from '../../native/load.ts'
import type { QualifiedName } from '../../statement/ast.ts'
import type {
  InferredColumn,
  LoadOutcome,
  LoadRequest,
  TableDescription,
  TargetTransaction,
  ZonesInLiterals,
} from '../target.ts'
import { BinaryRows } from './binary-rows.ts'
import { type CatalogTable, DESCRIBE_SQL, MAY_REFUSE_SQL, readTable, regclassText } from './catalog.ts'
import { conditionName } from './conditions.ts'
import { CopyIn, type CopyInput, type CopyInResult } from './copy-in.ts'
import { createTableSql } from './ddl.ts'
import type { Lease } from './lease.ts'
import { type CopyContext, internalError, isServerError, queryCanceled } from './server-error.ts'
import {
  decodesNatively,
  isZoned,
  readSettings,
  SETTINGS_SQL,
  type SessionSettings,
  sessionFor,
} from './session-settings.ts'
import { agreesAlways } from './time-zone.ts'
import { loadTolerantly } from './tolerant.ts'

/** Inside the caller's transaction, the name of what is undone when the load fails. */
const SAVEPOINT = 'copyist'

/** CopyFail ends a load within a round trip, unless the server waits for a lock or works in a trigger. */
const CANCEL_GRACE_MS = 50

/** A rollback is what a cancel is for; to cancel that would be of no use. Longer than anybody waits. */
const NO_CANCEL = 2 ** 30

/** Relations that COPY FROM may write to: ordinary and partitioned tables, foreign tables, views. */
const WRITABLE_RELKINDS = 'rpfv'

/**
 * One load's transaction: BEGIN … COMMIT on an idle connection; inside a transaction of the caller, a savepoint, so that it
 * stays the caller's to commit, and stays usable after an error.
 */
export class PostgresTransaction implements TargetTransaction {
  readonly #lease: Lease
  readonly #signal: AbortSignal | undefined
  readonly #nested: boolean
  readonly #settings: SessionSettings
  readonly #tables = new Map<string, CatalogTable>()
  /** Whether the server's data of the session's time zone are known to be ours. */
  #zoneAgrees = false
  #open = true

  private constructor(lease: Lease, signal: AbortSignal | undefined, nested: boolean, settings: SessionSettings) {
    this.#lease = lease
    this.#signal = signal
    this.#nested = nested
    this.#settings = settings
  }

  /**
   * Begins on a lease whose status is known. On failure the lease has been given back. In a failed transaction the server's
   * error 25P02 comes out.
   */
  static async begin(lease: Lease, signal: AbortSignal | undefined): Promise<PostgresTransaction> {
    const nested = lease.status !== 'I'
    let begun = false
    try {
      await lease.query(nested ? `SAVEPOINT ${SAVEPOINT}` : 'BEGIN', [], signal)
      begun = true
      const [row] = await lease.query(SETTINGS_SQL, [], signal)
      return new PostgresTransaction(lease, signal, nested, readSettings(row))
    } catch (error) {
      if (begun || !nested) await undo(lease, nested, signal)
      lease.release()
      throw error
    }
  }

  async describe(name: QualifiedName): Promise<TableDescription | undefined> {
    const table = await this.#lookUp(regclassText(name))
    if (table === undefined) return undefined
    if (!WRITABLE_RELKINDS.includes(table.relkind)) {
      // The server refuses, in the words of its release and language; pg would answer its CopyInResponse with CopyFail.
      await this.#query(`COPY ${table.description.sqlName} FROM STDIN`)
    }
    if (this.#settings.zoneAgreesNow && table.description.columns.some(({ type }) => isZoned(type))) {
      const { timeZone } = this.#settings.session
      this.#zoneAgrees = await agreesAlways(this.#lease.client, timeZone, (sql, values) => this.#query(sql, values))
    }
    this.#tables.set(table.description.sqlName, table)
    return table.description
  }

  async missingPart({ schema }: QualifiedName): Promise<'schema' | undefined> {
    // The temporary schema goes by this name too, and is made when it is first needed.
    if (schema === undefined || schema.value === 'pg_temp') return undefined
    const found = await this.#query('SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema.value])
    return found.length === 0 ? 'schema' : undefined
  }

  async session(): Promise<LoadSession> {
    return sessionFor(this.#settings, this.#zoneAgrees)
  }

  async createTable(name: QualifiedName, columns: readonly InferredColumn[]): Promise<string> {
    const parts = [name.catalog, name.schema, name.name].filter((part) => part !== undefined).map((part) => part.value)
    const words = await this.#quote([...parts, ...columns.map((column) => column.name)])
    const definitions = columns.map(({ type }, i) => ({ sqlName: words[parts.length + i] ?? '', type }))
    const ddl = createTableSql(words.slice(0, parts.length).join('.'), definitions)
    await this.#query(ddl).catch((error: unknown) => {
      throw isDuplicate(error) ? duplicateTable(name, error) : error
    })
    return ddl
  }

  sinkFor(
    table: TableDescription,
    columns: readonly number[],
    usesDefaults: boolean,
    zones: ZonesInLiterals = 'unexpected',
  ): SinkKind {
    const native = columns.every((index) => {
      const column = table.columns[index]
      return column !== undefined && decodesNatively(column.type, this.#settings, this.#zoneAgrees, zones)
    })
    // The binary format has no marker for DEFAULT, and nobody but the server can evaluate one.
    return native && !usesDefaults ? 'pg_binary' : 'pg_text'
  }

  async mayRefuse(table: TableDescription): Promise<boolean> {
    const [row] = await this.#query(MAY_REFUSE_SQL, [table.sqlName])
    return row?.[0] === 't'
  }

  async load(request: LoadRequest): Promise<LoadOutcome> {
    const table = this.#tables.get(request.table.sqlName)
    if (table === undefined) throw internalError(`table ${request.table.sqlName} was not described in this transaction`)
    const signal = request.signal ?? this.#signal
    const sql = copySql(table, request)
    const columnNames = request.columns.map((index) => table.description.columns[index]?.name ?? '')
    const { relationName } = table.description
    const copy = (sql: string, native: NativeLoad) =>
      this.#copyIn(sql, native, { relationName, columnNames, locate: (row) => native.locate(row) }, signal)
    let rowsSent: number
    let rowsLoaded: number
    let rowsConflicted: number | undefined
    try {
      if (request.refusals === undefined && request.conflict === undefined) {
        ;({ rowsSent, rowsLoaded } = await copy(sql, request.native))
      } else {
        const query = (sql: string, values?: readonly string[]) => this.#lease.query(sql, values, signal)
        const { serverVersion } = this.#settings
        const total = await loadTolerantly(
          { query, copy, copySql: sql, serverVersion, isCallers: this.#nested },
          table,
          request,
        )
        ;[rowsSent, rowsLoaded] = [total.sent - total.refused - total.conflicted, total.loaded]
        if (request.conflict) {
          rowsConflicted = total.conflicted
          if (rowsSent !== rowsLoaded + total.filtered) {
            throw internalError(
              `load does not balance: of ${rowsSent} rows the server counts ${rowsLoaded} and holds back ${total.filtered}`,
            )
          }
        }
      }
    } catch (error) {
      request.native.close().catch(() => {})
      throw inWhere(error, sql, request.where)
    }
    if (request.sink === 'pg_binary') await this.#checkUnchanged(table, request.columns)
    const mayFilter = request.where !== undefined || !table.takesEveryRow
    if (rowsLoaded > rowsSent || (rowsLoaded < rowsSent && !mayFilter)) {
      throw internalError(`load does not balance: ${rowsSent} rows were sent, the server counts ${rowsLoaded}`)
    }
    return { rowsLoaded, rowsFiltered: rowsSent - rowsLoaded, ...(rowsConflicted !== undefined && { rowsConflicted }) }
  }

  get isCallers(): boolean {
    return this.#nested
  }

  async mayHaveLedger(): Promise<boolean> {
    return this.#settings.hasLedger
  }

  ledger(): LedgerSession {
    return {
      dialect: 'postgres',
      query: (sql, values) => this.#query(sql, values),
      append: async ({ place, name, columns }, rows) => {
        const names = columns.map(([column]) => column)
        await this.#copyIn(
          `COPY ${place.schema}.${name} (${names.join(', ')}) FROM STDIN (FORMAT binary, ENCODING 'UTF8')`,
          new BinaryRows(columns, rows),
          { relationName: name, columnNames: names, locate: () => undefined },
          this.#signal,
        )
      },
    }
  }

  /** Runs one COPY FROM STDIN. */
  #copyIn(sql: string, input: CopyInput, context: CopyContext, signal: AbortSignal | undefined): Promise<CopyInResult> {
    const copy = new CopyIn({ sql, input, context, cancel: () => this.#lease.cancel() })
    const exchange = () => {
      this.#lease.client.query(copy)
      return copy.result
    }
    return this.#lease.supervise(signal, exchange, { stop: () => copy.abort(signal?.reason), graceMs: CANCEL_GRACE_MS })
  }

  async commit(): Promise<void> {
    if (this.#signal?.aborted) {
      await this.rollback()
      throw queryCanceled(this.#signal.reason)
    }
    try {
      // COMMIT of a failed transaction is a ROLLBACK that the server calls a success.
      if (this.#lease.status === 'E') throw inFailedTransaction()
      // Once COMMIT is under way its outcome must be known: an abort may cancel it, but does not give it up.
      await this.#lease.query(this.#nested ? `RELEASE SAVEPOINT ${SAVEPOINT}` : 'COMMIT', [], this.#signal, {
        abandon: false,
      })
    } catch (error) {
      await this.rollback()
      const isLost = !this.#nested && error instanceof CopyError && error.sqlState.startsWith('08')
      throw isLost ? unresolved(error) : error
    }
    this.#open = false
    this.#lease.release()
  }

  async rollback(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await undo(this.#lease, this.#nested, this.#signal)
    this.#lease.release()
  }

  #query(text: string, values: readonly (string | null)[] = []): ReturnType<Lease['query']> {
    return this.#lease.query(text, values, this.#signal)
  }

  async #lookUp(regclass: string): Promise<CatalogTable | undefined> {
    const [row] = await this.#query(DESCRIBE_SQL, [regclass])
    return typeof row?.[0] === 'string' ? readTable(row[0]) : undefined
  }

  /** The server knows the reserved words of its release. */
  async #quote(names: readonly string[]): Promise<string[]> {
    const rows = await this.#query(
      `SELECT pg_catalog.quote_ident(name) FROM pg_catalog.json_array_elements_text($1::pg_catalog.json)
       WITH ORDINALITY AS names (name, position) ORDER BY position`,
      [JSON.stringify(names)],
    )
    return rows.map((row) => row[0] ?? '')
  }

  /**
   * Between the description and COPY's lock another session may have altered the table, and of some types (int4, float4)
   * the binary forms look alike. COPY's lock keeps the columns as they are from now on, so that one more look tells.
   */
  async #checkUnchanged(table: CatalogTable, columns: readonly number[]): Promise<void> {
    const { sqlName, relationName } = table.description
    const now = await this.#lookUp(sqlName)
    if (now !== undefined && columns.every((index) => now.wireTypes[index] === table.wireTypes[index])) return
    throw new CopyError({
      code: conditionName('55000'),
      sqlState: '55000',
      message: `relation "${relationName}" was altered by another session while the load was starting`,
      hint: 'Run the statement again.',
    })
  }
}

/** Of two sessions that create one table at a time, the second is told of an index of the catalog. */
function isDuplicate(error: unknown): error is CopyError {
  if (!(error instanceof CopyError) || error.sqlState !== '23505') return false
  return isServerError(error.cause) && /\bpg_(?:class|type)_\w+_index\b/.test(error.message)
}

function duplicateTable(name: QualifiedName, cause: CopyError): CopyError {
  const message = `relation "${name.name.value}" already exists`
  return new CopyError({ code: conditionName('42P07'), sqlState: '42P07', message, cause })
}

/** The connection was lost after COMMIT had been sent. */
function unresolved(cause: CopyError): CopyError {
  return new CopyError({
    code: conditionName('08007'),
    sqlState: '08007',
    message: 'the connection was lost while the transaction was being committed',
    detail: `Whether the rows have been loaded is not known. ${cause.message}`,
    hint: 'Look into the table before you run the statement again.',
    cause,
  })
}

function inFailedTransaction(): CopyError {
  return new CopyError({
    code: conditionName('25P02'),
    sqlState: '25P02',
    message: 'current transaction is aborted, commands ignored until end of transaction block',
  })
}

/** Undoes what a transaction has done so far. Never rejects. */
async function undo(lease: Lease, nested: boolean, signal: AbortSignal | undefined): Promise<void> {
  if (lease.broken) return
  const run = (sql: string) => lease.query(sql, [], signal, { abandon: false, stop: () => {}, graceMs: NO_CANCEL })
  try {
    if (nested) {
      await run(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`)
      await run(`RELEASE SAVEPOINT ${SAVEPOINT}`)
    } else if (lease.status !== 'I') {
      await run('ROLLBACK')
    }
  } catch (error) {
    // A transaction of the caller stays failed, which the caller's next statement is told. One of ours must not go back to
    // a pool.
    if (!nested) lease.destroy(error as Error)
  }
}

function copySql(table: CatalogTable, request: LoadRequest): string {
  const columns = request.columns.map((index) => table.sqlColumns[index] ?? '')
  const list = columns.length > 0 ? ` (${columns.join(', ')})` : ''
  const marker = request.usesDefaults ? ", DEFAULT E'\\\\D'" : ''
  const format = request.sink === 'pg_binary' ? 'FORMAT binary' : `FORMAT text${marker}`
  // Parentheses keep the condition one expression, the newline ends a comment at its end.
  const where = request.where === undefined ? '' : ` WHERE (${request.where}\n)`
  return `COPY ${table.description.sqlName}${list} FROM STDIN (${format})${where}`
}

/**
 * An error whose position lies in the WHERE condition, such as an unknown column: its `statement` is the condition with the
 * offset in it, since that is all of our COPY that the caller knows.
 */
function inWhere(error: unknown, sql: string, where: string | undefined): unknown {
  if (where === undefined || !(error instanceof CopyError) || !isServerError(error.cause)) return error
  const { position } = error.cause
  if (position === undefined) return error
  // The server counts characters, a JavaScript string UTF-16 units.
  const at = [...sql].slice(0, Number(position) - 1).join('').length
  const start = sql.lastIndexOf(where)
  // A subquery is refused at its parenthesis, for which the one that we put around the condition is taken.
  const offset = at === start - 1 ? 0 : at - start
  if (offset < 0 || offset > where.length) return error
  const { code, sqlState, message, detail, hint, context, cause } = error
  return new CopyError({ code, sqlState, message, detail, hint, context, cause, statement: { text: where, offset } })
}
