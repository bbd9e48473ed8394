import { CopyError } from '../../errors.ts'
import type { LedgerSession } from '../../ledger/session.ts'
import type { LoadSession, NativeLoad, SinkKind } from '../../native/load.ts'
import type { QualifiedName } from '../../statement/ast.ts'
import {
  type FieldStep,
  type InferredColumn,
  type LoadOutcome,
  type LoadRequest,
  type PlannedTable,
  plainColumn,
  type Refusing,
  type TableDescription,
  type TargetTransaction,
  type ZonesInLiterals,
} from '../target.ts'
import { BinaryRows } from './binary-rows.ts'
import { type CatalogTable, DESCRIBE_AS_SQL, DESCRIBE_SQL, REFUSING_SQL, readTable, regclassText } from './catalog.ts'
import { conditionName } from './conditions.ts'
import { CopyIn, type CopyInput, type CopyInResult } from './copy-in.ts'
import { createTableSql, printedType } from './ddl.ts'
import type { Lease } from './lease.ts'
import { type CopyContext, internalError, isServerError, queryCanceled } from './server-error.ts'
import {
  checkOwnSql,
  decodesNatively,
  isZoned,
  readSettings,
  SETTINGS_SQL,
  type SessionSettings,
  sessionFor,
} from './session-settings.ts'
import { inPart, positionOf } from './sql-position.ts'
import { agreesAlways } from './time-zone.ts'
import { loadTolerantly } from './tolerant.ts'
import { type FieldType, Transformation } from './transform.ts'

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
  readonly #isReadOnly: boolean
  readonly #settings: SessionSettings
  readonly #tables = new Map<string, CatalogTable>()
  /** Whether the server's data of the session's time zone are known to be ours. */
  #zoneAgrees = false
  #transformation: Transformation | undefined
  /** Inside the caller's transaction: whether what the load has done can be undone by itself. */
  #hasSavepoint: boolean
  #open = true

  private constructor(
    lease: Lease,
    signal: AbortSignal | undefined,
    { nested, isReadOnly }: { readonly nested: boolean; readonly isReadOnly: boolean },
    settings: SessionSettings,
  ) {
    this.#lease = lease
    this.#signal = signal
    this.#nested = nested
    this.#isReadOnly = isReadOnly
    this.#hasSavepoint = nested
    this.#settings = settings
  }

  /**
   * Begins on a lease whose status is known. On failure the lease has been given back. In a failed transaction the server's
   * error 25P02 comes out.
   */
  static async begin(lease: Lease, signal: AbortSignal | undefined, isReadOnly = false): Promise<PostgresTransaction> {
    const nested = lease.status !== 'I'
    let begun = false
    try {
      await lease.query(nested ? `SAVEPOINT ${SAVEPOINT}` : isReadOnly ? 'BEGIN READ ONLY' : 'BEGIN', [], signal)
      begun = true
      // Until the savepoint is rolled back to.
      if (nested && isReadOnly) await lease.query('SET LOCAL transaction_read_only = on', [], signal)
      const [row] = await lease.query(SETTINGS_SQL, [], signal)
      return new PostgresTransaction(lease, signal, { nested, isReadOnly }, readSettings(row))
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
      // There it would say that first.
      if (this.#isReadOnly) throw unwritable(table)
      // The server refuses, in the words of its release and language; pg would answer its CopyInResponse with CopyFail.
      await this.#query(`COPY ${table.description.sqlName} FROM STDIN`)
    }
    await this.#compareZones(table.description)
    this.#tables.set(table.description.sqlName, table)
    return table.description
  }

  async #compareZones({ columns }: TableDescription): Promise<void> {
    if (!this.#settings.zoneAgreesNow || !columns.some(({ type }) => isZoned(type))) return
    const { timeZone } = this.#settings.session
    this.#zoneAgrees = await agreesAlways(this.#lease.client, timeZone, (sql, values) => this.#query(sql, values))
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

  async planTable(name: QualifiedName, columns: readonly InferredColumn[]): Promise<PlannedTable> {
    const reserved = columns.find((column) => SYSTEM_COLUMNS.has(column.name))
    if (reserved !== undefined) throw systemColumn(reserved.name)
    const parts = [name.catalog, name.schema, name.name].filter((part) => part !== undefined).map((part) => part.value)
    const words = await this.#quote([...parts, ...columns.map((column) => column.name)])
    const definitions = columns.map(({ type }, i) => ({ sqlName: words[parts.length + i] ?? '', type }))
    const sqlName = words.slice(0, parts.length).join('.')
    const description: TableDescription = {
      sqlName,
      relationName: name.name.value,
      columns: columns.map(({ name: column, type }) => plainColumn(column, type, printedType(type))),
    }
    await this.#compareZones(description)
    return { ddl: createTableSql(sqlName, definitions), description }
  }

  async createTable(name: QualifiedName, columns: readonly InferredColumn[]): Promise<string> {
    const { ddl } = await this.planTable(name, columns)
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

  async transform(
    { sqlName }: TableDescription,
    columns: readonly number[],
    steps: readonly (FieldStep | undefined)[],
  ): Promise<TableDescription> {
    checkOwnSql(this.#settings)
    const context = {
      query: (sql: string, values?: readonly string[]) => this.#query(sql, values),
      lookUp: (regclass: string) => this.#lookUp(regclass),
      ...(this.#isReadOnly && {
        lookUpAs: (regclass: string, fields: readonly FieldType[]) => this.#lookUpAs(regclass, fields),
      }),
    }
    this.#transformation = await Transformation.prepare(context, this.#described(sqlName), columns, steps)
    return this.#transformation.described
  }

  async lookAtCondition(
    table: TableDescription,
    columns: readonly number[],
    where: string,
    exists: boolean,
  ): Promise<void> {
    checkOwnSql(this.#settings)
    if (!exists) {
      const names = await this.#quote([table.relationName, ...table.columns.map(({ name }) => name)])
      const nulls = table.columns.map(({ typeName }, index) => `CAST(NULL AS ${typeName}) AS ${names[index + 1]}`)
      const sql = `EXPLAIN SELECT FROM (SELECT ${nulls.join(', ')} LIMIT 0) ${names[0]} WHERE (${where}\n)`
      await this.#query(sql).catch((error: unknown) => {
        throw inPart(error, sql, where)
      })
      return
    }
    // COPY looks at its condition first, and only then finds that it may not write. Into a temporary table it may, and is ended by pg.
    const sql = copySql(this.#described(table.sqlName), { columns, where, usesDefaults: false, sink: 'pg_text' })
    await this.#query('SAVEPOINT copyist_where')
    await this.#query(sql).catch((error: unknown) => {
      const isRight = error instanceof CopyError && /^(?:25006|57014)$/.test(error.sqlState)
      if (!isRight) throw inPart(error, sql, where)
    })
    await this.#query('ROLLBACK TO SAVEPOINT copyist_where; RELEASE SAVEPOINT copyist_where')
  }

  async refusing(table: TableDescription): Promise<Refusing> {
    const [row] = await this.#query(REFUSING_SQL, [table.sqlName])
    return { isAny: row?.[0] === 't', checked: JSON.parse(row?.[1] ?? '[]') as string[] }
  }

  async analyze({ sqlName }: TableDescription): Promise<void> {
    await this.#query(`ANALYZE ${sqlName}`)
  }

  async load(request: LoadRequest): Promise<LoadOutcome> {
    if (request.where !== undefined) checkOwnSql(this.#settings)
    const table = this.#described(request.table.sqlName)
    const signal = request.signal ?? this.#signal
    const sql = copySql(table, request)
    const columnNames = request.columns.map((index) => table.description.columns[index]?.name ?? '')
    const { relationName } = table.description
    const copy = (sql: string, native: CopyInput & Partial<Pick<NativeLoad, 'locate'>>) =>
      this.#copyIn(sql, native, { relationName, columnNames, locate: (row) => native.locate?.(row) }, signal)
    const query = (sql: string, values?: readonly string[]) => this.#lease.query(sql, values, signal)
    let rowsSent: number
    let rowsLoaded: number
    let rowsConflicted: number | undefined
    try {
      const { freezes, where, isTransformed, conflict } = request
      if (freezes && this.#nested) await this.#leaveSavepoint()
      if (where !== undefined && (isTransformed || conflict)) await this.#checkCondition(copy, sql)
      if (conflict?.keys) await this.#checkKey(table, conflict.keys)
      if (request.isTransformed && this.#transformation) {
        const total = await this.#transformation.load(
          {
            query,
            copy: (sql, native, context) => this.#copyIn(sql, native, context, signal),
            isCallers: this.#nested,
          },
          request,
        )
        ;[rowsSent, rowsLoaded] = [total.sent - total.refused, total.loaded]
      } else if (request.refusals === undefined && request.conflict === undefined) {
        ;({ rowsSent, rowsLoaded } = await copy(sql, request.native))
      } else {
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
      throw inPart(error, sql, request.where)
    }
    // Of rows that go by INSERT the server knows the types.
    if (request.sink === 'pg_binary' && !request.isTransformed) await this.#checkUnchanged(table, request.columns)
    const mayFilter = request.where !== undefined || !table.takesEveryRow
    if (rowsLoaded > rowsSent || (rowsLoaded < rowsSent && !mayFilter)) {
      throw internalError(`load does not balance: ${rowsSent} rows were sent, the server counts ${rowsLoaded}`)
    }
    return { rowsLoaded, rowsFiltered: rowsSent - rowsLoaded, ...(rowsConflicted !== undefined && { rowsConflicted }) }
  }

  /**
   * COPY FREEZE wants its table to have been made in the very subtransaction that it is in. So it cannot be in one of its own, and an error
   * is the caller's transaction's.
   */
  async #leaveSavepoint(): Promise<void> {
    await this.#query(`RELEASE SAVEPOINT ${SAVEPOINT}`)
    this.#hasSavepoint = false
  }

  /** Has the server look for the key of ON CONFLICT before anything is read, and in its own words rather than those of a function. */
  async #checkKey({ description, sqlColumns }: CatalogTable, keys: readonly number[]): Promise<void> {
    const columns = keys.map((key) => sqlColumns[key]).join(', ')
    await this.#query('SAVEPOINT copyist_key')
    const insert = `EXPLAIN INSERT INTO ${description.sqlName} DEFAULT VALUES ON CONFLICT (${columns}) DO NOTHING`
    await this.#query(insert).catch((error: unknown) => {
      // All else, such as a right that is missing, is said when rows are written.
      if (!(error instanceof CopyError) || !/^(?:42P10|08|57)/.test(error.sqlState)) return
      const { code, sqlState, message } = error
      throw sqlState === '42P10' ? new CopyError({ code, sqlState, message, cause: error }) : error
    })
    await this.#query('ROLLBACK TO SAVEPOINT copyist_key; RELEASE SAVEPOINT copyist_key')
  }

  /** Has a condition looked at by the rules of COPY, where rows then go by INSERT, which would take more. */
  async #checkCondition(copy: (sql: string, native: CopyInput) => Promise<unknown>, sql: string): Promise<void> {
    const stop = internalError('no rows')
    await this.#query('SAVEPOINT copyist_where')
    await copy(sql, { next: () => Promise.reject(stop), close: async () => {} }).catch((error: unknown) => {
      // Row-level security forbids COPY, and not INSERT.
      const isForbidden = error instanceof CopyError && error.sqlState === '0A000' && !positionOf(error)
      if (error !== stop && !isForbidden) throw error
    })
    await this.#query('ROLLBACK TO SAVEPOINT copyist_where; RELEASE SAVEPOINT copyist_where')
  }

  #described(sqlName: string): CatalogTable {
    const table = this.#tables.get(sqlName)
    if (table === undefined) throw internalError(`table ${sqlName} was not described in this transaction`)
    return table
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
      const end = !this.#nested ? 'COMMIT' : this.#hasSavepoint ? `RELEASE SAVEPOINT ${SAVEPOINT}` : 'SELECT'
      await this.#lease.query(end, [], this.#signal, { abandon: false })
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
    if (this.#nested && !this.#hasSavepoint) await spoil(this.#lease)
    else await undo(this.#lease, this.#nested, this.#signal)
    this.#lease.release()
  }

  #query(text: string, values: readonly (string | null)[] = []): ReturnType<Lease['query']> {
    return this.#lease.query(text, values, this.#signal)
  }

  async #lookUp(regclass: string): Promise<CatalogTable | undefined> {
    const [row] = await this.#query(DESCRIBE_SQL, [regclass])
    return typeof row?.[0] === 'string' ? readTable(row[0]) : undefined
  }

  /** The relation as if its columns were `fields`. */
  async #lookUpAs(regclass: string, fields: readonly FieldType[]): Promise<CatalogTable | undefined> {
    const nulls = fields.map(({ type }) => `CAST(NULL AS ${type})`)
    const types = await this.#lease.fieldTypes(`SELECT ${nulls.join(', ')} LIMIT 0`, this.#signal)
    // Of a domain the description of a result has the base type only.
    const oids = await this.#query(
      `SELECT pg_catalog.to_regtype(t.type)::pg_catalog.oid::text FROM pg_catalog.json_array_elements_text($1::pg_catalog.json)
       WITH ORDINALITY AS t (type, position) ORDER BY position`,
      [JSON.stringify(fields.map(({ type }) => type))],
    )
    const columns = fields.map(({ name }, position) => {
      const { type, typmod } = types[position] ?? { type: 0, typmod: -1 }
      const own = Number(oids[position]?.[0] ?? type)
      return { name, type: own, typmod: own === type ? typmod : -1 }
    })
    const [row] = await this.#query(DESCRIBE_AS_SQL, [regclass, JSON.stringify(columns)])
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

/** Columns that every table has. */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'])

function systemColumn(name: string): CopyError {
  return new CopyError({
    code: conditionName('42701'),
    sqlState: '42701',
    message: `column name "${name}" conflicts with a system column name`,
    detail: 'Every table of PostgreSQL has such a column.',
    hint: 'A list of columns after the name of the table gives the fields other names.',
  })
}

function duplicateTable(name: QualifiedName, cause: CopyError): CopyError {
  const message = `relation "${name.name.value}" already exists`
  return new CopyError({ code: conditionName('42P07'), sqlState: '42P07', message, cause })
}

/** In the server's words, where it cannot be asked. */
function unwritable({ relkind, description }: CatalogTable): CopyError {
  const kind = relkind === 'm' ? 'materialized view' : relkind === 'S' ? 'sequence' : 'non-table relation'
  const message = `cannot copy to ${kind} "${description.relationName}"`
  return new CopyError({ code: conditionName('42809'), sqlState: '42809', message })
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

/** Leaves a transaction of the caller's that is no longer what it was before the load in a state in which it cannot be committed. */
async function spoil(lease: Lease): Promise<void> {
  if (lease.broken || lease.status !== 'T') return
  await lease.query(`DO $$ BEGIN RAISE 'a COPY in this transaction failed'; END $$`).catch(() => {})
}

function copySql(
  table: CatalogTable,
  request: Pick<LoadRequest, 'columns' | 'where' | 'usesDefaults' | 'sink' | 'freezes'>,
): string {
  const columns = request.columns.map((index) => table.sqlColumns[index] ?? '')
  const list = columns.length > 0 ? ` (${columns.join(', ')})` : ''
  const marker = request.usesDefaults ? ", DEFAULT E'\\\\D'" : ''
  const format = request.sink === 'pg_binary' ? 'FORMAT binary' : `FORMAT text${marker}`
  // Parentheses keep the condition one expression, the newline ends a comment at its end.
  const where = request.where === undefined ? '' : ` WHERE (${request.where}\n)`
  const freeze = request.freezes ? ', FREEZE' : ''
  return `COPY ${table.description.sqlName}${list} FROM STDIN (${format}${freeze})${where}`
}
