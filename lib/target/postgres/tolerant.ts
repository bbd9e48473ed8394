import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CopyError } from '../../errors.ts'
import type { Chunk, NativeLoad } from '../../native/load.ts'
import type { ConflictRequest, LoadRequest, RowError, RowRefusals } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { conditionName } from './conditions.ts'
import type { CopyInResult } from './copy-in.ts'
import { type Edit, type EditInit, editChunk } from './edit.ts'
import {
  isRepeatable,
  isSteady,
  JUDGE_SQL,
  type Judge,
  type Judgeable,
  judgeOf,
  literal,
  type Verdict,
} from './judge.ts'
import { internalError, isServerError } from './server-error.ts'
import {
  type BadValue,
  type CheckedColumn,
  isValueKnown,
  type ReadType,
  readBadValue,
  storedValue,
  type ValueCheck,
  valueCheck,
} from './values.ts'
import { columnsOfWhere } from './where-columns.ts'

/*
 * How a load goes in which a row that the server refuses costs itself only, or one whose key is there already is passed over
 *
 * COPY knows no such thing: an error ends it and undoes it. So the rows go in batches, each a COPY of its own below a savepoint.
 * A batch that the server takes is done. One that it refuses is copied into a temporary table that refuses nothing, where the server
 * is asked of all rows at once whose values it cannot read (`values.ts`) and which break a constraint (`judge.ts`). The others go to the
 * table by a COPY of the same bytes without those rows (`edit.ts`), so that an accepted row is always treated by COPY itself.
 *
 * Where that cannot be asked, or the answer proves wrong, a function moves the rows from the temporary table: some at a time, and where
 * that fails one by one, each below a savepoint of its own. So the server itself finds every error that it knows of, triggers included,
 * without a round trip a row.
 *
 * While batches have rows that are refused, they are not tried as a whole first.
 *
 * Nor does COPY know ON CONFLICT. With it every batch goes by way of the temporary table, where rows of the input with one key are told
 * apart first. Where the clause keeps another one than the order of the batches would, there is one batch.
 */

/** Bytes of a batch at first. Each one that goes well is followed by a larger one, since the end of each costs round trips. */
const FIRST_BATCH = 4 << 20
const MOST_BATCH = 32 << 20
/** Bytes of a batch that is asked about as a whole. */
const JUDGED_BATCH = 8 << 20
/** Rows of it: what is done with all of them at once must not take long. */
const JUDGED_ROWS = 65_536
/** Rows that are moved at once, and into how many parts they are divided when that fails, down to one row. */
const BLOCK = 512
const FANOUT = 8
/** Rows of a chunk that is divided, since some of its rows cannot be sent. */
const SMALL_CHUNK = 32
/** Characters of a value that are told. */
const MOST_SHOWN = 1024
/** Refused rows that are fetched at once. */
const PAGE = 1_000
/** Milliseconds that refused rows are dealt with before others get their turn. */
const SLICE_MS = 8

/**
 * SQLSTATEs, as PostgreSQL's regular expressions, of errors that cost a row. A trigger may raise any; what is about the connection, the
 * transaction, the statement, resources or the server is never about the row.
 */
export const TOLERATED = {
  conversion: '^22',
  unique: '^23(505|P01)',
  all: '^(?!08|0A|25|28|2D|3D|3F|40|42|53|55|57|58|F0|HV|XX)',
} as const

/** What a batch needs of the transaction. */
export interface TolerantContext {
  /** Runs one statement; its rows, values as text. */
  query(sql: string, values?: readonly string[]): Promise<readonly (readonly (string | null)[])[]>
  /** Runs one COPY FROM STDIN of the chunks of `native`. */
  copy(sql: string, native: NativeLoad): Promise<CopyInResult>
  /** The statement that copies into the table itself. */
  readonly copySql: string
  /** `server_version_num`. */
  readonly serverVersion: number
  /** Whether the transaction is the caller's. */
  readonly isCallers: boolean
}

/**
 * Constraints of the relation `$1` that are deferred and about one row: keys, and references to other tables. One within the table may be
 * met by a later row, and what a constraint trigger is about is not known.
 */
export const DEFERRED_SQL = `
SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.conname), ', ')
FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.conrelid = $1::pg_catalog.regclass AND c.condeferred
  AND (c.contype IN ('p', 'u', 'x') OR c.contype = 'f' AND c.confrelid <> c.conrelid)`

/** Rules that an INSERT would follow, which COPY does not. */
export const RULES_SQL = `
SELECT r.rulename FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = $1::pg_catalog.regclass AND r.ev_type = '3' AND r.ev_enabled <> 'D' ORDER BY 1`

/** Loads the rows of `request`, batch by batch. Numbers are of rows. */
export async function loadTolerantly(
  context: TolerantContext,
  table: CatalogTable,
  request: LoadRequest,
): Promise<{ sent: number; loaded: number; refused: number; conflicted: number }> {
  const { native, refusals, conflict } = request
  const most = Math.min(MOST_BATCH, Math.floor(request.memoryLimit / 8))
  const framing = request.sink === 'pg_binary'
  const stage = new Stage(context, table, request)
  const total = { sent: 0, loaded: 0, refused: 0, conflicted: 0 }
  // Several updates of one row would count as several rows.
  const isWhole =
    conflict !== undefined && refusals === undefined && (conflict.action === 'update' || conflict.keep === 'last')
  let size = isWhole ? Number.POSITIVE_INFINITY : Math.min(FIRST_BATCH, most)
  /** Whether the next batch is likely to have rows that are refused. */
  let isRefusing = false
  const reader = new Reader(native)
  const settle = async ({ loaded, refused, replaced, conflicted }: Moved): Promise<number> => {
    isRefusing = conflict === undefined && refused.length + replaced > 0
    const grown = stage.asksAtOnce ? Math.min(size * 2, JUDGED_BATCH) : FIRST_BATCH
    if (!isWhole) size = Math.min(grown, most)
    total.refused += refused.length
    total.conflicted += conflicted
    if (replaced > 0) refusals?.replace(replaced)
    let since = performance.now()
    for (const { row, errors } of refused) {
      refusals?.refuse(total.sent + row, errors)
      if (performance.now() - since < SLICE_MS) continue
      await refusals?.settle(total.sent + row + 1)
      await nextTurn()
      since = performance.now()
    }
    return loaded
  }
  /** Copies a batch into the table itself; what that refuses, by way of the temporary one. */
  const direct = async (batch: Batch): Promise<number> => {
    try {
      const { rowsLoaded } = await context.copy(context.copySql, batch)
      size = Math.min(size * 2, most)
      if (batch.rows > 0) await context.query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
      return rowsLoaded
    } catch (error) {
      // What the server says of the rows before a failure of the input does not make up for that.
      if (reader.failure !== undefined) throw reader.failure
      if (!refusals || !isTolerated(error, refusals)) throw error
      await context.query('ROLLBACK TO SAVEPOINT copyist_batch')
      return settle(await stage.move(batch, batch.again()))
    }
  }
  // In the caller's transaction other statements may be about to meet them.
  if (refusals !== undefined && refusals.tolerates !== 'conversion' && !context.isCallers) {
    const [row] = await context.query(DEFERRED_SQL, [table.description.sqlName])
    if (row?.[0]) await context.query(`SET CONSTRAINTS ${row[0]} IMMEDIATE`)
  }
  await context.query('SAVEPOINT copyist_batch')
  for (;;) {
    const isPressed = () => !isWhole && refusals?.isPressed === true
    const rows = isRefusing ? JUDGED_ROWS : Number.POSITIVE_INFINITY
    const batch = new Batch(reader, { first: total.sent, size, most: rows, framing, keeps: !isWhole, isPressed })
    try {
      const isStaged = conflict !== undefined || isRefusing
      const loaded = isStaged ? await settle(await stage.move(batch, batch)) : await direct(batch)
      total.sent += batch.rows
      total.loaded += loaded
      await refusals?.settle(total.sent)
      native.settle?.(total.sent)
      if (batch.ended) break
    } catch (error) {
      throw reader.failure ?? error
    } finally {
      batch.release()
    }
  }
  await context.query('RELEASE SAVEPOINT copyist_batch')
  await stage.drop()
  return total
}

/** Whether an error costs rows only. That a value is not of its domain is an error of its conversion. */
function isTolerated(error: unknown, { tolerates }: RowRefusals): error is CopyError {
  if (!(error instanceof CopyError)) return false
  if (new RegExp(TOLERATED[tolerates]).test(error.sqlState)) return true
  const { cause } = error
  if (tolerates !== 'conversion' || !/^23(?:502|514)$/.test(error.sqlState) || !isServerError(cause)) return false
  return Boolean(cause.dataType) && !cause.table
}

const HEADER = Buffer.from([
  0x64, 0, 0, 0, 23, 0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0,
])
const TRAILER = Buffer.from([0x64, 0, 0, 0, 6, 0xff, 0xff])

function message(buffer: Buffer): Chunk {
  return { buffer, rows: 0, release: () => {} }
}

/** The chunks of a load, one after the other. One that nobody has taken is the next. */
export class Reader {
  readonly native: NativeLoad
  #next: Promise<Chunk | undefined> | undefined
  /** Why the input has failed, if so. */
  failure: unknown

  constructor(native: NativeLoad) {
    this.native = native
  }

  /** The next chunk, which stays the next. */
  look(): Promise<Chunk | undefined> {
    this.#next ??= this.native.next().catch((error: unknown) => {
      this.failure = error
      throw error
    })
    // Nobody may be waiting any more when it fails.
    this.#next.catch(() => {})
    return this.#next
  }

  take(): void {
    this.#next = undefined
  }
}

/** What a batch is like. */
interface BatchInit {
  /** The load's rows before it. */
  readonly first: number
  /** Bytes and rows after which it ends. */
  readonly size: number
  readonly most: number
  /** Whether a header and a trailer go with it. */
  readonly framing: boolean
  /** Whether it may be sent again. */
  readonly keeps: boolean
  /** Whether it had better end soon. */
  isPressed(): boolean
}

/** Chunks of the load that make one COPY. They are kept until it is known that nobody needs them again. */
export class Batch implements NativeLoad {
  readonly #reader: Reader
  readonly #init: BatchInit
  readonly #chunks: Chunk[] = []
  #bytes = 0
  #begun = false
  #over = false
  /** The input has ended. */
  ended = false
  rows = 0

  constructor(reader: Reader, init: BatchInit) {
    this.#reader = reader
    this.#init = init
  }

  async next(): Promise<Chunk | undefined> {
    if (this.#init.framing && !this.#begun) {
      this.#begun = true
      return message(HEADER)
    }
    const { size, most, isPressed } = this.#init
    if (!this.#over && this.#bytes < size && this.rows < most && !(this.rows > 0 && isPressed())) {
      const chunk = await this.#reader.look()
      // The server may have refused the rows before meanwhile; then this one begins the next batch.
      if (this.#over) return undefined
      this.#reader.take()
      if (chunk !== undefined) {
        this.#bytes += chunk.buffer.length
        this.rows += chunk.rows
        if (!this.#init.keeps) return chunk
        this.#chunks.push(chunk)
        return { ...chunk, release: () => {} }
      }
      this.ended = true
    }
    if (this.#over) return undefined
    this.#over = true
    return this.#init.framing ? message(TRAILER) : undefined
  }

  /** The same once more, with some rows left out or changed; `replacement` says what a field becomes. */
  again(edits?: ReadonlyMap<number, Edit>, replacement: EditInit['replacement'] = () => 'null'): NativeLoad {
    const dropped = [...(edits ?? [])].flatMap(([row, edit]) => (edit === 'drop' ? [row] : [])).sort((a, b) => a - b)
    const original = (sent: number) => {
      let row = sent
      for (const gone of dropped) {
        if (gone > row) break
        row += 1
      }
      return row
    }
    const of = edits?.size ? (row: number) => edits.get(row) : undefined
    return { ...this.#sent(of, replacement), locate: (sent) => this.locate(original(sent)) }
  }

  /** Divides the chunks into small ones, so that few rows can be sent without a look at many. */
  async divide(): Promise<void> {
    const format = this.#init.framing ? 'binary' : 'text'
    const replacement = () => 'null' as const
    for (let level = this.#chunks.splice(0); level.length > 0; ) {
      const next: Chunk[] = []
      for (const chunk of level) {
        if (chunk.rows <= SMALL_CHUNK) {
          next.push(chunk)
          continue
        }
        const half = chunk.rows >> 1
        const one = editChunk(chunk, 0, { format, replacement, of: (row) => (row < half ? undefined : 'drop') })
        const other = editChunk(chunk, 0, { format, replacement, of: (row) => (row < half ? 'drop' : undefined) })
        if (one) next.push({ ...one, release: () => {} })
        if (other) next.push({ ...other, release: () => {} })
        chunk.release()
        await nextTurn()
      }
      if (next.every(({ rows }) => rows <= SMALL_CHUNK)) {
        this.#chunks.push(...next)
        return
      }
      level = next
    }
  }

  /** The rows from one to before another. */
  part(from: number, to: number): NativeLoad {
    return this.#sent(
      (row) => (row < from || row >= to ? 'drop' : undefined),
      () => 'null',
      from,
      to,
    )
  }

  release(): void {
    for (const chunk of this.#chunks.splice(0)) chunk.release()
  }

  counters(): ReturnType<NativeLoad['counters']> {
    return this.#reader.native.counters()
  }

  locate(row: number): ReturnType<NativeLoad['locate']> {
    return this.#reader.native.locate(this.#init.first + row)
  }

  /** The load goes on after the end of a COPY. */
  async close(): Promise<void> {
    this.#over = true
  }

  #sent(
    of: EditInit['of'] | undefined,
    replacement: EditInit['replacement'],
    from = 0,
    to = Number.POSITIVE_INFINITY,
  ): NativeLoad {
    const { framing } = this.#init
    const waiting: (Chunk | 'header' | 'trailer')[] = framing
      ? ['header', ...this.#chunks, 'trailer']
      : [...this.#chunks]
    const format = framing ? 'binary' : 'text'
    let row = 0
    return {
      next: async () => {
        for (;;) {
          const chunk = waiting.shift()
          if (chunk === undefined) return undefined
          if (chunk === 'header') return message(HEADER)
          if (chunk === 'trailer') return message(TRAILER)
          if (row + chunk.rows <= from || row >= to) {
            row += chunk.rows
            continue
          }
          const edited = of ? editChunk(chunk, row, { format, replacement, of }) : chunk
          row += chunk.rows
          // A chunk is a small piece of work, and there may be no wait between one and the next.
          if (edited !== chunk) await nextTurn()
          if (edited) return { ...edited, release: () => {} }
        }
      },
      counters: () => this.counters(),
      locate: (sent) => this.locate(from + sent),
      close: async () => {},
    }
  }
}

/** A row that is refused, numbered from 0 in its batch. */
interface RefusedRow {
  readonly row: number
  readonly errors: RowError[]
}

/** What became of a batch. */
interface Moved {
  readonly loaded: number
  /** In the order of the input. */
  readonly refused: readonly RefusedRow[]
  /** Rows with a value that was replaced. */
  readonly replaced: number
  readonly conflicted: number
}

/** The temporary table, and the function that moves rows out of it. Made when they are needed first. */
class Stage {
  readonly #context: TolerantContext
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  readonly #name = `copyist_${randomBytes(6).toString('hex')}`
  #isMade = false
  #isIndexed = false
  #known: Judgeable = { constraints: null, defaults: null }
  /** Columns that are not loaded, but stand in WHERE: they must have their values before the row is inserted. */
  #unlisted: readonly number[] = []
  /** Tells which rows a constraint refuses; undefined where only trying does. */
  #judge: Judge | undefined
  /** Constraints of which a row has been tried. */
  readonly #proved = new Set<string>()
  /** Columns whose values the server has to read. */
  readonly #checked: readonly CheckedColumn[]
  #check: ValueCheck | undefined
  #isTrying = false

  constructor(context: TolerantContext, table: CatalogTable, request: LoadRequest) {
    this.#context = context
    this.#table = table
    this.#request = request
    const { columns } = table.description
    this.#checked = request.columns.flatMap((index, position) => {
      const column = columns[index]
      if (column === undefined || (request.sink === 'pg_binary' && !column.isDomain)) return []
      return { position, name: column.name, typeName: column.typeName, isDomain: column.isDomain === true }
    })
  }

  /** Whether one query tells of all rows of a batch, so that it may be large. */
  get asksAtOnce(): boolean {
    return (
      this.#judge !== undefined || (this.#check !== undefined && this.#request.refusals?.tolerates === 'conversion')
    )
  }

  /** Moves a batch into the table by way of the temporary one, into which it is copied as `native`. */
  async move(batch: Batch, native: NativeLoad): Promise<Moved> {
    const { query } = this.#context
    const { conflict } = this.#request
    await this.#make()
    const lacking = await this.#fill(batch, native)
    const moved =
      conflict === undefined ? await this.#ask(batch, lacking) : await this.#moveAll(batch, conflict, lacking)
    await query(`TRUNCATE pg_temp.${this.#name} RESTART IDENTITY`)
    // While rows are asked about, an index would cost more than it helps.
    if (this.#isIndexed && this.asksAtOnce) {
      await query(`DROP INDEX pg_temp.${this.#name}_n`)
      this.#isIndexed = false
    }
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    return moved
  }

  async #make(): Promise<void> {
    if (this.#isMade) return
    const { query, serverVersion } = this.#context
    const { refusals, conflict } = this.#request
    const [row] = await query(JUDGE_SQL, [this.#table.description.sqlName])
    this.#known = JSON.parse(row?.[0] ?? '{}') as Judgeable
    // Only where conversions alone are forgiven does no row go by an INSERT.
    if (refusals?.tolerates !== 'conversion') {
      const [rule] = await query(RULES_SQL, [this.#table.description.sqlName])
      if (rule) throw hasRule(this.#table.description.relationName, rule[0] ?? '')
    }
    this.#unlisted = columnsOfWhere(this.#table, this.#request)
    try {
      for (const sql of this.#ddl()) await query(sql)
    } catch (error) {
      throw withTemporaryHint(error)
    }
    this.#isMade = true
    if (refusals !== undefined && conflict === undefined) {
      if (refusals.tolerates !== 'unique' && this.#checked.length > 0) {
        this.#check = valueCheck(this.#name, this.#checked, { serverVersion, by: 'asking' }) ?? this.#tryingCheck()
        for (const sql of this.#check?.ddl ?? []) await query(sql)
      }
      if (refusals.tolerates !== 'conversion') this.#judge = this.#makeJudge()
    }
    // What undoes a batch must not undo this.
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
  }

  #tryingCheck(): ValueCheck | undefined {
    const { serverVersion } = this.#context
    return valueCheck(this.#name, this.#checked, { serverVersion, by: 'trying' })
  }

  /**
   * Copies a batch into the temporary table. Rows with a character that the database's encoding lacks cannot get that far: the server names
   * the first, so those before it are sent once more, and then some behind it.
   */
  async #fill(batch: Batch, native: NativeLoad): Promise<RefusedRow[]> {
    const { query, copy } = this.#context
    const { columns, sink, usesDefaults, refusals } = this.#request
    const names = columns.map((_, index) => `c${index}`)
    const list = names.length > 0 ? ` (${names.join(', ')})` : ''
    const marker = usesDefaults ? ", DEFAULT E'\\\\D'" : ''
    const format = sink === 'pg_binary' ? 'binary' : `text${marker}`
    const sql = `COPY pg_temp.${this.#name}${list} FROM STDIN (FORMAT ${format})`
    const lacking: RefusedRow[] = []
    let load = native
    let first = 0
    let most = Number.POSITIVE_INFINITY
    for (;;) {
      await query('SAVEPOINT copyist_fill')
      try {
        await copy(sql, load)
        await query('RELEASE SAVEPOINT copyist_fill')
        first += most
        most *= 2
      } catch (error) {
        const line = error instanceof CopyError && error.sqlState === '22P05' ? lineOf(error) : undefined
        if (line === undefined || refusals?.tolerates !== 'all' || !(error instanceof CopyError)) throw error
        await query('ROLLBACK TO SAVEPOINT copyist_fill')
        if (lacking.length === 0) await batch.divide()
        const row = first + line - 1
        await this.#number(first)
        if (line > 1) await copy(sql, batch.part(first, row))
        lacking.push({ row, errors: [this.#lacks(error)] })
        first = row + 1
        await this.#number(first)
        // What is sent in vain is no more than what has just gone in, or little.
        most = Math.max(SMALL_CHUNK, 2 * line)
      }
      if (first >= batch.rows) return lacking
      load = batch.part(first, first + most)
    }
  }

  /** Numbers the rows that come next as those of the batch from `first` on. What is undone does not give back its numbers. */
  async #number(first: number): Promise<void> {
    // RESTART would make a new file each time.
    const sequence = `pg_catalog.pg_get_serial_sequence('pg_temp.${this.#name}', 'n')`
    await this.#context.query(`SELECT pg_catalog.setval(${sequence}, ${first + 1}, false)`)
  }

  /** The error of a row with a character that the database has not. */
  #lacks({ sqlState, code, message, cause }: CopyError): RowError {
    const position = isServerError(cause) ? /, \S+ c(\d+)(?:$|[:\n])/.exec(cause.where ?? '')?.[1] : undefined
    const index = position === undefined ? undefined : this.#request.columns[Number(position)]
    const column = index === undefined ? undefined : this.#table.description.columns[index]?.name
    return { ...(column !== undefined && { column }), sqlState, code, message }
  }

  /** Asks which rows are refused and copies the others; what asking cannot tell, trying does. */
  async #ask(batch: Batch, lacking: readonly RefusedRow[]): Promise<Moved> {
    const { copy, copySql } = this.#context
    const { refusals } = this.#request
    if (refusals === undefined) throw internalError('no rows may be refused')
    const { replaces, tolerates } = refusals
    const edits = new Map<number, Edit>(lacking.map(({ row }) => [row, 'drop']))
    const bad = await this.#badValues()
    const unread = replaces === undefined ? byRow(bad ?? []) : []
    if (replaces === undefined) {
      for (const { row } of unread) edits.set(row, 'drop')
      await this.#remove(unread.map(({ row }) => row + 1))
    } else {
      for (const { n, position } of bad ?? []) {
        edits.set(n - 1, [...((edits.get(n - 1) as number[] | undefined) ?? []), position])
      }
    }
    const replaced = replaces === undefined ? 0 : edits.size
    if (bad !== undefined && tolerates === 'conversion') {
      // Whatever it refuses now is no error of a conversion.
      const { columns } = this.#table.description
      const hasDefault = (field: number) => columns[this.#request.columns[field] ?? -1]?.hasDefault === true
      const replacement = (field: number) => (replaces === 'default' && hasDefault(field) ? 'default' : 'null')
      const { rowsLoaded } = await copy(copySql, batch.again(edits, replacement))
      return { loaded: rowsLoaded, refused: unread, replaced, conflicted: 0 }
    }
    if (replaces !== undefined) throw unreplaceable(this.#checked)
    const verdicts = bad === undefined ? undefined : await this.#verdicts()
    const rest = verdicts === undefined ? await this.#tryAll() : await this.#copyOthers(batch, edits, verdicts)
    const refused = [...lacking, ...unread, ...rest.refused].sort((one, other) => one.row - other.row)
    return { loaded: rest.loaded, refused, replaced: 0, conflicted: 0 }
  }

  /** Copies all rows but those of `edits` and `verdicts`, and finds out what becomes of the latter. */
  async #copyOthers(
    batch: Batch,
    edits: Map<number, Edit>,
    verdicts: readonly Verdict[],
  ): Promise<{ loaded: number; refused: RefusedRow[] }> {
    const { query, copy, copySql } = this.#context
    const { refusals } = this.#request
    const onlyKeys = refusals?.tolerates === 'unique'
    // What is not forgiven ends the load by COPY itself.
    const told = verdicts.filter(({ errors }) => !onlyKeys || errors.every(({ sqlState }) => sqlState === '23505'))
    for (const { n } of told) edits.set(n - 1, 'drop')
    const undecided = told.filter(({ errors }) => errors.length === 0).map(({ n }) => n)
    const proofs = told.filter(({ first }) => {
      if (first === undefined || this.#proved.has(first)) return false
      this.#proved.add(first)
      return true
    })
    const isKey = ({ errors }: Verdict) => errors[0]?.sqlState === '23505'
    await query('SAVEPOINT copyist_others')
    const isIndexed = this.#isIndexed
    const startOver = async () => {
      // There is more to this table than was asked about. An index that was made for the proofs goes with them.
      this.#isIndexed = isIndexed
      await query('ROLLBACK TO SAVEPOINT copyist_others; RELEASE SAVEPOINT copyist_others')
      this.#judge = undefined
      return this.#tryAll()
    }
    // A key that is taken is so by rows that go in first; all else holds before, when no later row can have taken a key.
    if (!(await this.#prove(proofs.filter((verdict) => !isKey(verdict))))) return startOver()
    let loaded: number
    try {
      loaded = (await copy(copySql, batch.again(edits))).rowsLoaded
    } catch (error) {
      if (!refusals || !isTolerated(error, refusals)) throw error
      return startOver()
    }
    if (!(await this.#prove(proofs.filter(isKey)))) return startOver()
    await query('RELEASE SAVEPOINT copyist_others')
    const tried = await this.#try(undecided)
    const certain = told.filter(({ errors }) => errors.length > 0)
    const refused = certain.map(({ n, errors }) => ({ row: n - 1, errors: [...errors] }))
    return { loaded: loaded + tried.loaded, refused: [...refused, ...tried.refused] }
  }

  /** Whether rows are refused in the words foretold. */
  async #prove(verdicts: readonly Verdict[]): Promise<boolean> {
    const { loaded, refused } = await this.#try(verdicts.map(({ n }) => n))
    if (loaded > 0 || refused.length < verdicts.length) return false
    const found = new Map(refused.map(({ row, errors }) => [row + 1, errors[0]]))
    return verdicts.every(({ n, first, errors }) => {
      const [foretold, error] = [errors[0], found.get(n)]
      if (isSame(foretold, error)) return true
      // A later row may have taken another key of it meanwhile: then another row has to be the proof.
      const isOther =
        foretold?.sqlState === '23505' && error?.sqlState === '23505' && foretold.message !== error.message
      if (isOther && first !== undefined) this.#proved.delete(first)
      return isOther
    })
  }

  /** Values that their columns cannot take; undefined when that cannot be told. */
  async #badValues(): Promise<BadValue[] | undefined> {
    if (this.#checked.length === 0) return []
    while (this.#check !== undefined) {
      const { sql, drop } = this.#check
      const found = await this.#tryQuery(sql, (row) => readBadValue(row, this.#checked, MOST_SHOWN))
      if (found !== undefined) return found
      // An input function that knows errors only, or a domain with a condition that fails.
      const { query } = this.#context
      for (const statement of drop) await query(statement)
      const isLast = this.#isTrying
      this.#isTrying = true
      this.#check = isLast ? undefined : this.#tryingCheck()
      for (const statement of this.#check?.ddl ?? []) await query(statement)
    }
    return undefined
  }

  /** Rows that are not certain to go in; undefined when that cannot be told. */
  async #verdicts(): Promise<Verdict[] | undefined> {
    const judge = this.#judge
    if (judge === undefined) return undefined
    const verdicts = await this.#tryQuery(judge.sql, (row) => judge.read(row))
    if (verdicts === undefined) this.#judge = undefined
    return verdicts
  }

  /** All rows of a query; undefined when it fails: a condition of it does, or a table may not be read. */
  async #tryQuery<T>(sql: string, read: (row: readonly (string | null)[]) => T): Promise<T[] | undefined> {
    const { query } = this.#context
    // The temporary table has no statistics: what seems to be a few rows may be all.
    await query('SAVEPOINT copyist_question; SET LOCAL enable_nestloop = off; SET LOCAL jit = off')
    try {
      const rows = await this.#pages(sql, read)
      await query('ROLLBACK TO SAVEPOINT copyist_question; RELEASE SAVEPOINT copyist_question')
      return rows
    } catch (error) {
      if (!(error instanceof CopyError) || /^(?:08|57)/.test(error.sqlState)) throw error
      await query('ROLLBACK TO SAVEPOINT copyist_question; RELEASE SAVEPOINT copyist_question')
      return undefined
    }
  }

  /** All rows of a query, fetched some at a time, so that others get their turn between. */
  async #pages<T>(sql: string, read: (row: readonly (string | null)[]) => T): Promise<T[]> {
    const { query } = this.#context
    await query(`DECLARE copyist_rows NO SCROLL CURSOR FOR ${sql}`)
    const all: T[] = []
    for (;;) {
      const page = await query(`FETCH ${PAGE} FROM copyist_rows`)
      for (const row of page) all.push(read(row))
      if (page.length < PAGE) break
      await nextTurn()
    }
    await query('CLOSE copyist_rows')
    return all
  }

  /** Tries the rows of these numbers one by one. */
  async #try(numbers: readonly number[]): Promise<{ loaded: number; refused: RefusedRow[] }> {
    if (numbers.length === 0) return { loaded: 0, refused: [] }
    const { query } = this.#context
    await this.#index()
    await query(`UPDATE pg_temp.${this.#name} SET is_tried = false WHERE is_tried`)
    const tried = `SELECT pg_catalog.unnest(CAST($1 AS bigint[]))`
    await query(`UPDATE pg_temp.${this.#name} SET is_tried = true WHERE n IN (${tried})`, [`{${numbers.join()}}`])
    return this.#run(true)
  }

  /** Moves all rows. */
  async #tryAll(): Promise<{ loaded: number; refused: RefusedRow[] }> {
    await this.#index()
    return this.#run(false)
  }

  async #run(onlySome: boolean): Promise<{ loaded: number; refused: RefusedRow[] }> {
    let loaded = 0
    const found: { n: number; error: RowError }[] = []
    const sql = `SELECT * FROM pg_temp.${this.#name}(${onlySome}) WITH ORDINALITY ORDER BY copyist_n, ordinality`
    await this.#pages(sql, ([n, sqlState, text, detail, column, value]) => {
      if (n === null || n === undefined) {
        loaded = Number(text)
        return
      }
      const error = {
        ...(column ? { column } : {}),
        sqlState: sqlState ?? 'XX000',
        code: conditionName(sqlState ?? 'XX000'),
        message: text ?? '',
        ...(detail ? { detail } : {}),
        ...(value === null || value === undefined ? {} : { value: value.slice(0, MOST_SHOWN) }),
      }
      found.push({ n: Number(n), error })
    })
    return { loaded, refused: byRow(found) }
  }

  async #remove(numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return
    const gone = `SELECT pg_catalog.unnest(CAST($1 AS bigint[]))`
    await this.#context.query(`DELETE FROM pg_temp.${this.#name} WHERE n IN (${gone})`, [`{${numbers.join()}}`])
  }

  async #index(): Promise<void> {
    if (this.#isIndexed) return
    await this.#context.query(`CREATE INDEX ${this.#name}_n ON pg_temp.${this.#name} (n)`)
    this.#isIndexed = true
  }

  /** Moves all rows as ON CONFLICT says. */
  async #moveAll(batch: Batch, conflict: ConflictRequest, lacking: readonly RefusedRow[]): Promise<Moved> {
    const { query } = this.#context
    const filtered = await this.#prepare(conflict)
    if (this.#request.refusals === undefined) {
      const loaded = Number((await query(this.#countedInsertSql()))[0]?.[0])
      return { loaded, refused: [], replaced: 0, conflicted: batch.rows - filtered - loaded }
    }
    const tried = await this.#tryAll()
    const { loaded } = tried
    const refused = [...lacking, ...tried.refused].sort((one, other) => one.row - other.row)
    return { loaded, refused, replaced: 0, conflicted: batch.rows - filtered - refused.length - loaded }
  }

  /** What tells of all rows at once, where that is possible. */
  #makeJudge(): Judge | undefined {
    const { columns, where, usesDefaults, sink } = this.#request
    const { description, sqlColumns, modifiedTypes } = this.#table
    const { constraints, defaults } = this.#known
    if (constraints === null || (where !== undefined && !isRepeatable(where))) return undefined
    const steady = (name: string) => defaults?.[name] === undefined || isSteady(defaults[name])
    const values = this.#values
    const judged = description.columns.map((column, index) => {
      const { name, generated } = column
      const position = columns.indexOf(index)
      const missing = `CAST((${defaults?.[name] ?? 'NULL'}) AS ${modifiedTypes[index]?.name})`
      const isKnownValue = sink === 'pg_binary' || isValueKnown(this.#readType(index))
      const loaded = isKnownValue ? values[position] : undefined
      const value = position >= 0 ? loaded : generated || !steady(name) ? undefined : missing
      return { name, sqlName: sqlColumns[index] ?? '', value }
    })
    const isKnown = (index: number) => judged[index]?.value !== undefined
    // COPY would reckon a default once more, and it might be another one.
    if (!this.#unlisted.every(isKnown)) return undefined
    if (usesDefaults && !columns.every((index) => steady(description.columns[index]?.name ?? ''))) return undefined
    return judgeOf({
      constraints,
      stage: `pg_temp.${this.#name}`,
      table: description.sqlName,
      relationName: description.relationName,
      relation: this.#relation,
      columns: judged,
      where,
    })
  }

  /** Takes out of the temporary table what WHERE and other rows of the input hold back; how many WHERE did. */
  async #prepare({ action, keep, keys }: ConflictRequest): Promise<number> {
    const { query } = this.#context
    const { where } = this.#request
    const stage = `pg_temp.${this.#name}`
    let filtered = 0
    if (where !== undefined) {
      const [row] = await query(
        `WITH gone AS (DELETE FROM ${stage} d WHERE NOT EXISTS (SELECT FROM (${this.#rowsSql('s.n = d.n')}) ${this.#relation} WHERE (${where}
)) RETURNING 1) SELECT count(*) FROM gone`,
      )
      filtered = Number(row?.[0])
    }
    // The first of several rows is kept by the table itself, as the others then find it there.
    if (keys === undefined || (action === 'skip' && keep === 'first')) return filtered
    const values = keys.map((key) => this.#values[this.#request.columns.indexOf(key)] ?? 'NULL')
    await query(
      `DELETE FROM ${stage} WHERE n IN (
  SELECT n FROM (
    SELECT s.n, row_number() OVER (PARTITION BY ${values.join(', ')} ORDER BY s.n ${keep === 'last' ? 'DESC' : ''}) AS place
    FROM ${stage} s WHERE ${values.map((value) => `${value} IS NOT NULL`).join(' AND ')}
  ) numbered WHERE place > 1
)`,
    )
    return filtered
  }

  async drop(): Promise<void> {
    if (!this.#isMade) return
    const { query } = this.#context
    for (const sql of this.#check?.drop ?? []) await query(sql)
    await query(`DROP FUNCTION pg_temp.${this.#name}(boolean); DROP TABLE pg_temp.${this.#name}`)
  }

  #ddl(): string[] {
    const { columns, sink, usesDefaults } = this.#request
    const { description, plainTypes, modifiedTypes } = this.#table
    const defaultOf = (index: number) => this.#known.defaults?.[description.columns[index]?.name ?? '']
    const definitions = [
      'n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000)',
      'is_tried boolean NOT NULL DEFAULT false',
      ...columns.map((index, i) => {
        if (sink === 'pg_binary') return `c${i} ${plainTypes[index] ?? 'text'}`
        const marked = usesDefaults ? defaultOf(index) : undefined
        return `c${i} text${marked === undefined ? '' : ` DEFAULT CAST((${marked}) AS text)`}`
      }),
      ...this.#unlisted.map((index) => `d${index} ${modifiedTypes[index]?.name} DEFAULT ${defaultOf(index) ?? 'NULL'}`),
    ]
    const tag = `$${this.#name}$`
    return [
      `CREATE TEMPORARY TABLE ${this.#name} (${definitions.join(', ')})`,
      `CREATE FUNCTION pg_temp.${this.#name}(copyist_only boolean)
RETURNS TABLE (copyist_n bigint, copyist_state text, copyist_message text, copyist_detail text, copyist_column text,
  copyist_value text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_row_1 bigint;
  copyist_told boolean;
  copyist_moved bigint;
  copyist_total bigint := 0;
BEGIN
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${this.#name} s;
  IF copyist_only THEN
    FOR copyist_row_1 IN SELECT s.n FROM pg_temp.${this.#name} s WHERE s.is_tried ORDER BY s.n LOOP
      ${this.#moveSql('copyist_row_1', 1)}
    END LOOP;
  ELSE
    FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
      ${this.#moveSql('copyist_first', BLOCK)}
    END LOOP;
  END IF;
  copyist_n := NULL;
  copyist_state := NULL;
  copyist_message := copyist_total::text;
  copyist_detail := NULL;
  copyist_column := NULL;
  copyist_value := NULL;
  RETURN NEXT;
END
${tag}`,
    ]
  }

  /**
   * Tells of the row that has just been refused. An INSERT does not say which column a value was for that could not be read, and names
   * the first only: so each is read once more.
   */
  #refuseSql(row: string): string {
    const { columns, sink } = this.#request
    const found = `GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT,
          copyist_detail = PG_EXCEPTION_DETAIL`
    const values = this.#values
    const casts =
      sink === 'pg_binary'
        ? []
        : columns.flatMap((index, i) => {
            const value = values[i] ?? ''
            if (value === `s.c${i}`) return []
            const name = this.#table.description.columns[index]?.name ?? ''
            return `BEGIN
        PERFORM ${value} FROM pg_temp.${this.#name} s WHERE s.n = ${row};
      EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE !~ '^22' THEN RAISE; END IF;
        ${found};
        copyist_column := ${literal(name)};
        SELECT s.c${i} INTO copyist_value FROM pg_temp.${this.#name} s WHERE s.n = ${row};
        copyist_told := true;
        RETURN NEXT;
      END;`
          })
    return `${found}, copyist_column = COLUMN_NAME;
      copyist_n := ${row};
      copyist_value := NULL;
      copyist_told := false;
      ${casts.length === 0 ? '' : `IF copyist_state ~ '^22' THEN\n${casts.join('\n')}\nEND IF;`}
      IF NOT copyist_told THEN RETURN NEXT; END IF;`
  }

  /** Moves `rows` rows from `first` on; where that fails, in smaller blocks, and in the end one by one. */
  #moveSql(first: string, rows: number): string {
    const tolerated = TOLERATED[this.#request.refusals?.tolerates ?? 'all']
    const isOne = rows === 1
    const which = isOne ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1} ORDER BY s.n`
    const smaller = Math.ceil(rows / FANOUT)
    const next = `copyist_row_${smaller}`
    const refused = isOne
      ? this.#refuseSql(first)
      : `FOR ${next} IN ${first} .. LEAST(${first} + ${rows - 1}, copyist_last) BY ${smaller} LOOP
        ${this.#moveSql(next, smaller)}
      END LOOP;`
    return `BEGIN
      ${this.#insertSql(which)};
      GET DIAGNOSTICS copyist_moved = ROW_COUNT;
      copyist_total := copyist_total + copyist_moved;
    EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
      IF SQLSTATE !~ '${tolerated}' THEN RAISE; END IF;
      ${refused}
    END;`
  }

  /** What the columns of a row of the temporary table are in the table. */
  get #values(): string[] {
    const { columns, sink } = this.#request
    return columns.map((index, i) => (sink === 'pg_binary' ? `s.c${i}` : storedValue(`s.c${i}`, this.#readType(index))))
  }

  #readType(index: number): ReadType {
    const { plainTypes, modifiedTypes } = this.#table
    const plain = plainTypes[index] ?? 'text'
    return { plain, ...(modifiedTypes[index] ?? { name: plain, modifier: -1 }) }
  }

  get #relation(): string {
    return `"${this.#table.description.relationName.replaceAll('"', '""')}"`
  }

  /** The columns of the temporary table that go to the table, with those that WHERE names. */
  get #moved(): { readonly sqlName: string; readonly value: string }[] {
    const { sqlColumns } = this.#table
    const values = this.#values
    return [
      ...this.#request.columns.map((index, i) => ({ sqlName: sqlColumns[index] ?? '', value: values[i] ?? 'NULL' })),
      ...this.#unlisted.map((index) => ({ sqlName: sqlColumns[index] ?? '', value: `s.d${index}` })),
    ]
  }

  /** The rows that `which` says, under the names of the table's columns. */
  #rowsSql(which: string): string {
    const row = this.#moved.map(({ sqlName, value }) => `${value} AS ${sqlName}`)
    return `SELECT ${row.join(', ')} FROM pg_temp.${this.#name} s WHERE ${which}`
  }

  /** Moves the rows that `which` says. */
  #insertSql(which: string): string {
    const { where, conflict } = this.#request
    const moved = this.#moved
    const names = moved.map(({ sqlName }) => sqlName)
    const target = `INSERT INTO ${this.#table.description.sqlName}${names.length > 0 ? ` (${names.join(', ')})` : ''}`
    if (names.length === 0) return `${target} SELECT FROM pg_temp.${this.#name} s WHERE ${which}`
    const suffix = conflict === undefined ? '' : ` ${this.#conflictSql(conflict)}`
    // COPY writes identity columns too. With ON CONFLICT, what WHERE holds back has been taken out.
    if (where === undefined || conflict !== undefined) {
      const values = moved.map(({ value }) => value)
      return `${target} OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM pg_temp.${this.#name} s WHERE ${which}${suffix}`
    }
    return `${target} OVERRIDING SYSTEM VALUE SELECT ${names.join(', ')} FROM (${this.#rowsSql(which)}) ${this.#relation}
WHERE (${where}
)`
  }

  /** Moves all rows; how many that were. */
  #countedInsertSql(): string {
    return `WITH moved AS (${this.#insertSql('true ORDER BY s.n')} RETURNING 1) SELECT count(*) FROM moved`
  }

  #conflictSql({ action, keys }: ConflictRequest): string {
    const { sqlColumns } = this.#table
    const target = keys === undefined ? '' : ` (${keys.map((key) => sqlColumns[key]).join(', ')})`
    const others = this.#request.columns.filter((index) => !keys?.includes(index))
    if (action === 'skip' || others.length === 0) return `ON CONFLICT${target} DO NOTHING`
    const set = others.map((index) => `${sqlColumns[index]} = EXCLUDED.${sqlColumns[index]}`)
    return `ON CONFLICT${target} DO UPDATE SET ${set.join(', ')}`
  }
}

/** Errors of rows, numbered from 1 and in their order, put together. */
function byRow(found: readonly { readonly n: number; readonly error: RowError }[]): RefusedRow[] {
  const rows: RefusedRow[] = []
  for (const { n, error } of found) {
    const last = rows.at(-1)
    if (last?.row === n - 1) last.errors.push(error)
    else rows.push({ row: n - 1, errors: [error] })
  }
  return rows
}

/** Whether what was foretold of a row is what the server has said of it. */
function isSame(foretold: RowError | undefined, found: RowError | undefined): boolean {
  if (foretold === undefined || found === undefined) return false
  const { sqlState, message, detail } = foretold
  return sqlState === found.sqlState && message === found.message && (detail === undefined || detail === found.detail)
}

/** Neither asking nor trying can read a value of these columns. */
function unreplaceable(columns: readonly CheckedColumn[]): CopyError {
  const names = columns.map(({ name, typeName }) => `"${name}" of type ${typeName}`).join(', ')
  return new CopyError({
    code: conditionName('0A000'),
    sqlState: '0A000',
    message: `COPY cannot replace values of column ${names}`,
    detail: 'Reading a value of them fails in another way than by an error of the value.',
    hint: 'ON_ERROR skip_row leaves the row out.',
  })
}

/** Rows that are tried go by INSERT, and would be rewritten. */
function hasRule(relation: string, rule: string): CopyError {
  return new CopyError({
    code: conditionName('0A000'),
    sqlState: '0A000',
    message: `COPY cannot tell which rows table "${relation}" refuses, since it has the rule "${rule}"`,
    detail:
      'Rows that are refused, or whose key is there already, are found out by INSERT, which follows rules; COPY does not.',
    hint: `ALTER TABLE … DISABLE RULE "${rule}", or load with ON_ERROR stop and without ON CONFLICT.`,
  })
}

/** The row of a COPY that the server complains about, from 1. */
function lineOf({ cause }: CopyError): number | undefined {
  const line = isServerError(cause) ? /^COPY copyist_\w+, [^\d\n]*(\d+)/m.exec(cause.where ?? '')?.[1] : undefined
  return line === undefined ? undefined : Number(line)
}

/** The right to make temporary tables is one of the database, and is taken from everybody at times. */
function withTemporaryHint(error: unknown): unknown {
  if (!(error instanceof CopyError) || error.sqlState !== '42501') return error
  const { code, sqlState, message, cause } = error
  return new CopyError({
    code,
    sqlState,
    message,
    detail: 'Rows that are refused, or whose key is there already, are found out in a temporary table.',
    hint: 'GRANT TEMPORARY ON DATABASE … TO the user of the connection, or load with ON_ERROR stop and without ON CONFLICT.',
    cause,
  })
}
