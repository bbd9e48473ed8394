import { CopyError } from '../errors.ts'
import type { Reject, RejectError, ReplacedRow } from '../rejects.ts'
import { type Dialect, DUCKDB, POSTGRES } from './dialect.ts'
import {
  type CompletedLoad,
  FILE_COLUMNS,
  fileRow,
  type LedgerFile,
  type LedgerLoad,
  type Purged,
  REFUSAL_COLUMNS,
  REJECT_COLUMNS,
  REPLACED_COLUMNS,
  type RecordedLoad,
  type RecordedReject,
  refusalRow,
  rejectRow,
  replacedRows,
  storable,
} from './records.ts'
import type { LedgerPlace, LedgerSession, LedgerValue } from './session.ts'

/** Records that one statement carries at most. */
const BATCH_RECORDS = 4_000

/** Loads whose parts are deleted by one statement. */
const PURGE_LOADS = 10_000

/** Notes a value of a statement and gives what stands for it there. */
type Bind = (value: LedgerValue | undefined, type: string) => string

/**
 * The record of loads in the target database, as one transaction reads and writes it. After {@link ensureLedger}. Methods reject
 * with CopyError, and the transaction has then failed.
 */
export class Ledger {
  readonly #session: LedgerSession
  readonly #place: LedgerPlace
  readonly #dialect: Dialect

  constructor(session: LedgerSession, place: LedgerPlace) {
    this.#session = session
    this.#place = place
    this.#dialect = place.dialect === 'postgres' ? POSTGRES : DUCKDB
  }

  /**
   * Records a load. One that completed belongs into its own transaction; one that failed into another, after the rollback.
   *
   * @throws {CopyError} 23505 when a load with this key has completed meanwhile. In DuckDB the commit may be what fails then, see
   * {@link keyConflict}.
   */
  async recordLoad(load: LedgerLoad): Promise<void> {
    const place = this.#place
    const values: LedgerValue[] = []
    const bind: Bind = (value, type) => {
      values.push(value ?? null)
      return `CAST($${values.length} AS ${type})`
    }
    const text = (value: string | undefined): string =>
      bind(value === undefined ? undefined : storable(value, place), 'text')
    const count = (value: number): string => bind(String(value), 'bigint')
    const row: Record<string, string> = {
      load_id: bind(load.id, 'uuid'),
      // As it is: two keys must not become one.
      load_key: bind(load.key, 'text'),
      statement: text(load.statement),
      target_table: text(load.table),
      status: text(load.error === undefined ? 'completed' : 'failed'),
      started_at: bind(load.startedAt.toISOString(), 'timestamptz'),
      ended_at: bind(load.endedAt.toISOString(), 'timestamptz'),
      format: text(load.format),
      transport: text(load.transport),
      rows_read: count(load.rowsRead),
      rows_loaded: count(load.rowsLoaded),
      rows_rejected: count(load.rowsRejected),
      rows_filtered: count(load.rowsFiltered),
      rows_conflicted: count(load.rowsConflicted),
      header_lines: count(load.headerLines),
      bytes_read: count(load.bytesRead),
      error_sqlstate: text(load.error?.sqlState),
      error_message: text(load.error?.message),
      error_context: text(load.error?.context),
      copyist_version: text(load.version),
      receipt: bind(load.receipt === undefined ? undefined : this.#json(load.receipt), 'json'),
      ...(place.dialect === 'postgres' ? postgresFacts(load.table, bind) : duckdbFacts(place, bind)),
    }
    const insert = `INSERT INTO ${place.schema}.loads (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).join(', ')})`
    try {
      await this.#session.query(insert, values)
    } catch (error) {
      throw load.key === undefined ? error : (keyConflict(error, load.key) ?? error)
    }
  }

  /** Records the files of a load, in the order of the input. */
  async recordFiles(loadId: string, files: readonly LedgerFile[]): Promise<void> {
    for (let start = 0; start < files.length; start += BATCH_RECORDS) {
      const rows = files.slice(start, start + BATCH_RECORDS).map((file, i) => fileRow(file, start + i + 1, this.#place))
      const columns = FILE_COLUMNS.map(([name]) => name)
      await this.#session.query(
        `INSERT INTO ${this.#place.schema}.files (load_id, ${columns.join(', ')})
         SELECT CAST($1 AS uuid), ${columns.join(', ')} FROM ${this.#dialect.records('$2', FILE_COLUMNS)}`,
        [loadId, JSON.stringify(rows)],
      )
    }
  }

  /** Records rejects of a load. May be called any number of times. `text` makes a record's bytes UTF-8, where they are not. */
  async recordRejects(
    loadId: string,
    rejects: readonly RecordedReject[],
    text: (raw: Buffer) => Buffer = (raw) => raw,
  ): Promise<void> {
    if (rejects.length === 0) return
    const place = this.#place
    function* rows() {
      for (const reject of rejects) yield rejectRow(loadId, reject, place, text(reject.raw))
    }
    await this.#session.append({ place, name: 'rejects', columns: REJECT_COLUMNS }, rows())
  }

  /** Records the values of a load that were replaced. May be called any number of times. */
  async recordReplaced(loadId: string, replaced: readonly ReplacedRow[]): Promise<void> {
    if (replaced.length === 0) return
    const place = this.#place
    function* rows() {
      for (const row of replaced) yield* replacedRows(loadId, row, place)
    }
    await this.#session.append({ place, name: 'replaced', columns: REPLACED_COLUMNS }, rows())
  }

  /**
   * The load that has completed under a key, if any. In PostgreSQL a transaction that asks holds the key to its end: another one
   * that asks for the same waits, and then finds what the first has committed. DuckDB has nothing to wait with; there one of two
   * fails with 23505 when it is recorded or committed.
   *
   * @param waits Whether to wait for those that hold the key, and to hold it; by default it does.
   * @param patienceMs How long to wait for another transaction; as long as it takes by default.
   * @throws {CopyError} 55P03 when that is over.
   */
  async findLoadByKey(
    key: string,
    { waits = true, patienceMs }: { readonly waits?: boolean; readonly patienceMs?: number } = {},
  ): Promise<CompletedLoad | undefined> {
    if (waits && this.#place.dialect === 'postgres') {
      if (patienceMs !== undefined) await this.#limitWaits(patienceMs)
      // By a statement of its own: a query sees what was committed before it began to wait.
      await this.#session.query(
        `SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('copyist.loads.' || CAST($1 AS text), 0))`,
        [key],
      )
    }
    const [row] = await this.#session.query(
      `SELECT CAST(load_id AS text), statement, CAST(receipt AS text), CAST(extract(epoch FROM ended_at) AS text)
       FROM ${this.#place.schema}.loads
       WHERE CASE WHEN status = 'completed' THEN load_key END = CAST($1 AS text)`,
      [key],
    )
    if (row === undefined) return undefined
    const [id, statement, receipt, endedAt] = row
    return {
      id: id ?? '',
      statement: statement ?? '',
      endedAt: new Date(Math.round(Number(endedAt) * 1000)),
      receipt: receipt == null ? undefined : JSON.parse(receipt),
    }
  }

  /**
   * A load by its id, if it is recorded. One that is locked stays as it is until the transaction ends, and so do its rejects: another one
   * that locks it waits in PostgreSQL. DuckDB has nothing to wait with; there it fails.
   *
   * @throws {CopyError} 40001 where another transaction of DuckDB has it locked, or had when this one began.
   */
  async findLoad(loadId: string, options: { readonly locked?: boolean } = {}): Promise<RecordedLoad | undefined> {
    if (options.locked && this.#place.dialect === 'duckdb') await this.#claim(loadId)
    const lock = options.locked && this.#place.dialect === 'postgres' ? ' FOR UPDATE' : ''
    const [row] = await this.#session.query(
      `SELECT statement, status, rows_rejected, CAST(receipt AS text)
       FROM ${this.#place.schema}.loads WHERE load_id = CAST($1 AS uuid)${lock}`,
      [loadId],
    )
    if (row === undefined) return undefined
    const [statement, status, rowsRejected, receipt] = row
    return {
      statement: statement ?? '',
      isCompleted: status === 'completed',
      rowsRejected: Number(rowsRejected),
      receipt: receipt == null ? undefined : JSON.parse(receipt),
    }
  }

  /** Of two transactions that write a row of DuckDB the second fails at once, before it has loaded anything. */
  async #claim(loadId: string): Promise<void> {
    try {
      // There and back: a value that stays as it is DuckDB does not write.
      for (const sign of ['+', '-']) {
        await this.#session.query(
          `UPDATE ${this.#place.schema}.loads SET rows_resolved = rows_resolved ${sign} 1 WHERE load_id = CAST($1 AS uuid)`,
          [loadId],
        )
      }
    } catch (error) {
      if (!(error instanceof CopyError) || error.sqlState !== '40001') throw error
      throw new CopyError({
        code: 'serialization_failure',
        sqlState: '40001',
        message: `another COPY REJECTS of load "${loadId}" is under way`,
        detail: 'DuckDB does not wait for other transactions. Nothing was loaded.',
        hint: ['Run the statement again when the other has ended, for what it has left.', error.hint ?? '']
          .join(' ')
          .trimEnd(),
        cause: error,
      })
    }
  }

  /** How many rejects of a load are recorded, those that have been loaded since included. */
  async countRejects(loadId: string): Promise<number> {
    const [row] = await this.#session.query(
      `SELECT count(*) FROM ${this.#place.schema}.rejects WHERE load_id = CAST($1 AS uuid)`,
      [loadId],
    )
    return Number(row?.[0])
  }

  /**
   * Rejects of a load that have not been loaded since, or all of them, in the order of the input. An empty page is the end.
   *
   * @param after Number of the last one that has been read, 0 for the first page.
   * @param limit Rejects of a page.
   */
  async readRejects(
    loadId: string,
    after: number,
    limit: number,
    options: {
      readonly all?: boolean
      /** About how many bytes of records a page has; at least one record. */
      readonly bytes?: number
      /** With what is known of the records before them. */
      readonly numbered?: boolean
    } = {},
  ): Promise<RecordedReject[]> {
    const which = options.all ? '' : ' AND resolved_by IS NULL'
    // Only of those of the page are the bytes read.
    const rows = await this.#session.query(
      `SELECT reject_no, file, line, last_line, byte_offset, byte_length, CAST(errors AS text),
              ${this.#dialect.toBase64('raw')}, CAST(raw_cut AS text), records_before
       FROM (
         SELECT *, sum(octet_length(raw)) OVER (ORDER BY reject_no) - octet_length(raw) AS bytes_before
         FROM (
           SELECT * FROM ${this.#place.schema}.rejects
           WHERE load_id = CAST($1 AS uuid) AND reject_no > CAST($2 AS bigint)${which}
           ORDER BY reject_no LIMIT CAST($3 AS bigint)
         ) AS next
       ) AS page
       WHERE bytes_before < CAST($4 AS bigint)
       ORDER BY reject_no`,
      [loadId, String(after), String(limit), String(options.bytes ?? Number.MAX_SAFE_INTEGER)],
    )
    return rows.map(([number, file, line, lastLine, byteOffset, byteLength, errors, raw, rawIsCut, before]) => ({
      number: Number(number),
      file: file ?? '',
      line: Number(line),
      lastLine: Number(lastLine),
      byteOffset: Number(byteOffset),
      byteLength: Number(byteLength),
      errors: JSON.parse(errors ?? '[]') as RejectError[],
      raw: Buffer.from(raw ?? '', 'base64'),
      rawIsCut: rawIsCut === 'true',
      ...(options.numbered && before != null && { recordsBefore: Number(before) }),
    }))
  }

  /**
   * Notes that the load `byLoadId` has loaded these rejects.
   *
   * @returns How many had not been resolved before, and now count in `rows_resolved` of their load.
   */
  async markResolved(loadId: string, numbers: readonly number[], byLoadId: string): Promise<number> {
    if (numbers.length === 0) return 0
    const { schema } = this.#place
    const count = await this.#change(
      `UPDATE ${schema}.rejects SET resolved_by = CAST($2 AS uuid), resolved_at = now()
       WHERE load_id = CAST($1 AS uuid) AND resolved_by IS NULL
         AND ${this.#dialect.among('reject_no', '$3', 'bigint')}`,
      [loadId, byLoadId, numbers.join(',')],
    )
    if (count > 0) {
      await this.#session.query(
        `UPDATE ${schema}.loads SET rows_resolved = rows_resolved + CAST($2 AS bigint) WHERE load_id = CAST($1 AS uuid)`,
        [loadId, String(count)],
      )
    }
    return count
  }

  /** Notes why rejects of a load, in order, were refused when they were last tried: the new errors take the place of the old ones. */
  async refuseAgain(loadId: string, refusals: readonly Pick<Reject, 'number' | 'errors'>[]): Promise<void> {
    const { schema } = this.#place
    const set = REFUSAL_COLUMNS.flatMap(([name]) => (name === 'reject_no' ? [] : [`${name} = r.${name}`]))
    for (let start = 0; start < refusals.length; start += BATCH_RECORDS) {
      const rows = refusals.slice(start, start + BATCH_RECORDS).map((refusal) => refusalRow(refusal, this.#place))
      await this.#session.query(
        `UPDATE ${schema}.rejects SET ${set.join(', ')} FROM ${this.#dialect.records('$2', REFUSAL_COLUMNS)}
         WHERE load_id = CAST($1 AS uuid) AND rejects.reject_no = r.reject_no
           AND rejects.reject_no BETWEEN CAST($3 AS bigint) AND CAST($4 AS bigint)`,
        [loadId, JSON.stringify(rows), String(rows[0]?.reject_no), String(rows.at(-1)?.reject_no)],
      )
    }
  }

  /**
   * Forgets loads that ended before `olderThan`, with their files and rejects. Kept are, unless asked for, completed loads with a
   * key, since another load with it would load the same rows again, and completed loads with rejects that nobody has loaded yet.
   */
  async purge(
    olderThan: Date,
    options: {
      readonly keyed?: boolean
      readonly unresolved?: boolean
      /** The oldest first, and about so many; those that another transaction has locked are passed over. */
      readonly most?: { readonly loads: number; readonly rejects: number }
      /** PostgreSQL: how long it waits for a lock. */
      readonly patienceMs?: number
      /** PostgreSQL: how long a statement may take. */
      readonly statementMs?: number
    } = {},
  ): Promise<Purged> {
    const { schema } = this.#place
    const kept = [
      ...(options.keyed ? [] : ['load_key IS NOT NULL']),
      ...(options.unresolved ? [] : [`rows_rejected > rows_resolved AND ${this.#isUnresolved()}`]),
    ]
    const unless = kept.length === 0 ? '' : ` AND (status = 'failed' OR NOT (${kept.join(' OR ')}))`
    const { most, patienceMs, statementMs } = options
    if (this.#place.dialect === 'postgres') {
      if (patienceMs !== undefined) await this.#limitWaits(patienceMs)
      if (statementMs !== undefined) {
        await this.#session.query(`SELECT pg_catalog.set_config('statement_timeout', '${statementMs}', true)`)
      }
    }
    const old = `ended_at < CAST($1 AS timestamptz)${unless}`
    const which = most === undefined ? old : `load_id IN (${this.#oldest(old, most)})`
    // The loads first: what they are is decided once.
    const gone = await this.#session.query(
      `DELETE FROM ${schema}.loads WHERE ${which} RETURNING CAST(load_id AS text)`,
      [olderThan.toISOString()],
    )
    let files = 0
    let rejects = 0
    let replaced = 0
    for (let start = 0; start < gone.length; start += PURGE_LOADS) {
      const ids = [gone.slice(start, start + PURGE_LOADS).join(',')]
      const those = this.#dialect.among('load_id', '$1', 'uuid')
      files += await this.#change(`DELETE FROM ${schema}.files WHERE ${those}`, ids)
      rejects += await this.#change(`DELETE FROM ${schema}.rejects WHERE ${those}`, ids)
      replaced += await this.#change(`DELETE FROM ${schema}.replaced WHERE ${those}`, ids)
    }
    return { loads: gone.length, files, rejects, replaced }
  }

  /** Whether a load has a refused row that is recorded, and that nobody has loaded. */
  #isUnresolved(): string {
    // By the key of each load's rows: a list of all such loads would take a look at all rows that were ever refused, and the clause
    // at the end keeps PostgreSQL from making one.
    const apart = this.#place.dialect === 'postgres' ? ' OFFSET 0' : ''
    const { schema } = this.#place
    return `EXISTS (SELECT 1 FROM ${schema}.rejects AS r WHERE r.load_id = loads.load_id AND r.resolved_by IS NULL${apart})`
  }

  #oldest(condition: string, most: { readonly loads: number; readonly rejects: number }): string {
    const lock = this.#place.dialect === 'postgres' ? ' FOR UPDATE SKIP LOCKED' : ''
    return `
      SELECT load_id FROM (
        SELECT load_id, sum(rows_rejected) OVER (ORDER BY ended_at, load_no) - rows_rejected AS rejects_before
        FROM (
          SELECT load_id, load_no, ended_at, rows_rejected FROM ${this.#place.schema}.loads
          WHERE ${condition} ORDER BY ended_at, load_no LIMIT ${most.loads}${lock}
        ) AS old
      ) AS counted WHERE rejects_before < ${most.rejects}`
  }

  /** For the rest of the transaction, in PostgreSQL: nothing else has locks to wait for. */
  async #limitWaits(patienceMs: number): Promise<void> {
    await this.#session.query(`SELECT pg_catalog.set_config('lock_timeout', '${patienceMs}', true)`)
  }

  /** Runs an UPDATE or DELETE. How many rows it was about. */
  async #change(statement: string, values: readonly LedgerValue[]): Promise<number> {
    const [row] = await this.#session.query(this.#dialect.counted(statement), values)
    return Number(row?.[0] ?? 0)
  }

  #json(value: unknown): string {
    return JSON.stringify(value, (_, part) => (typeof part === 'string' ? storable(part, this.#place) : part))
  }
}

function duckdbFacts(place: LedgerPlace, bind: Bind): Record<string, string> {
  return {
    // A default of the column's would name the database, whose name changes with that of the file.
    load_no: `nextval('${`${place.schema}.load_no`.replaceAll("'", "''")}')`,
    user_name: 'current_user',
    database_name: bind(place.database, 'text'),
    transaction_id: 'CAST(txid_current() AS bigint)',
  }
}

/** What only the server knows of its session, and the table's OID, which stays null when there is none of this name. */
function postgresFacts(table: string, bind: Bind): Record<string, string> {
  const [name, schema] = (table.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [])
    .map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part))
    .reverse()
  return {
    user_id: 'CAST((SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user) AS bigint)',
    user_name: 'session_user',
    database_name: 'pg_catalog.current_database()',
    session_id: 'pg_catalog.pg_backend_pid()',
    transaction_id: 'pg_catalog.txid_current()',
    table_id: `CAST((SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ${bind(schema, 'text')} AND c.relname = ${bind(name, 'text')}) AS bigint)`,
  }
}

/**
 * The error of a load that lost the race for its key: of {@link Ledger.recordLoad}, or of the commit in DuckDB. Undefined when
 * `error` is another one. Nothing was loaded; {@link Ledger.findLoadByKey} in a new transaction gives the load that won. There may be
 * none after a commit: DuckDB names the key and no table, so that a row of the load's may have had the same one.
 */
export function keyConflict(error: unknown, key: string): CopyError | undefined {
  if (!(error instanceof CopyError) || error.sqlState !== '23505') return undefined
  // One that this function has made already.
  if (keyConflict(error.cause, key) !== undefined) return error
  const isPostgres = (error.cause as { constraint?: unknown } | undefined)?.constraint === 'loads_completed_key'
  // DuckDB's statement names the index's expression, its commit only the key.
  const { message } = error
  const isDuckdb =
    message.endsWith(`duplicate key "${key}"`) ||
    (message.startsWith('Duplicate key "CASE') && message.includes(`END: ${key}" violates`))
  if (!isPostgres && !isDuckdb) return undefined
  return new CopyError({
    code: 'unique_violation',
    sqlState: '23505',
    message: `a load with the key "${key}" has been completed already`,
    detail: 'It was committed by another session while this one was running; nothing was loaded here.',
    hint: error.hint,
    cause: error,
  })
}
