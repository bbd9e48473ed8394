import { randomBytes } from 'node:crypto'
import { CopyError } from '../../errors.ts'
import type { Chunk, NativeLoad } from '../../native/load.ts'
import type { LoadRequest, RowError } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { conditionName } from './conditions.ts'
import type { CopyInResult } from './copy-in.ts'
import { internalError } from './server-error.ts'

/*
 * How a load goes in which a row that the server refuses costs itself only
 *
 * COPY knows no such thing: an error ends it and undoes it. So the rows go in batches, each a COPY of its own below a savepoint.
 * A batch that the server takes is done. One that it refuses is sent again, into a temporary table that refuses nothing, and a
 * function moves the rows from there: some at a time, and where that fails one by one, each below a savepoint of its own. So the
 * server itself finds every error that it knows of, triggers, domains and deferred work included, without a round trip a row.
 */

/** Bytes of a batch at first. Each one that goes well is followed by a larger one, since the end of each costs round trips. */
const FIRST_BATCH = 4 << 20
const MOST_BATCH = 32 << 20
/** Rows that are moved at once, and into how many parts they are divided when that fails, down to one row. */
const BLOCK = 512
const FANOUT = 8

/** Errors about data: those of values, of constraints, of views with a check option, and what triggers raise. */
const CONDITIONS = {
  conversion: 'data_exception',
  all: 'data_exception OR integrity_constraint_violation OR with_check_option_violation OR plpgsql_error',
} as const
const CLASSES = { conversion: /^22/, all: /^(?:22|23|44|P0)/ } as const

/** What a batch needs of the transaction. */
export interface TolerantContext {
  /** Runs one statement; its rows, values as text. */
  query(sql: string): Promise<readonly (readonly (string | null)[])[]>
  /** Runs one COPY FROM STDIN of the chunks of `native`. */
  copy(sql: string, native: NativeLoad): Promise<CopyInResult>
  /** The statement that copies into the table itself. */
  readonly copySql: string
}

/** Loads the rows of `request`, batch by batch. Numbers are of rows. */
export async function loadTolerantly(
  context: TolerantContext,
  table: CatalogTable,
  request: LoadRequest,
): Promise<{ sent: number; loaded: number; refused: number }> {
  const { native, refusals } = request
  if (refusals === undefined) throw internalError('nobody takes refused rows')
  const most = Math.min(MOST_BATCH, Math.floor(request.memoryLimit / 8))
  const framing = request.sink === 'pg_binary'
  const stage = new Stage(context, table, request)
  const total = { sent: 0, loaded: 0, refused: 0 }
  let size = Math.min(FIRST_BATCH, most)
  const reader = new Reader(native)
  await context.query('SAVEPOINT copyist_batch')
  for (;;) {
    const batch = new Batch(reader, total.sent, size, framing)
    try {
      let loaded: number
      try {
        const result = await context.copy(context.copySql, batch)
        loaded = result.rowsLoaded
        size = Math.min(size * 2, most)
        if (batch.rows > 0) await context.query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
      } catch (error) {
        // What the server says of the rows before a failure of the input does not make up for that.
        if (reader.failure !== undefined) throw reader.failure
        if (!(error instanceof CopyError) || !CLASSES[refusals.tolerates].test(error.sqlState)) throw error
        await context.query('ROLLBACK TO SAVEPOINT copyist_batch')
        const moved = await stage.move(batch)
        for (const { row, errors } of moved.refused) refusals.refuse(total.sent + row, errors)
        total.refused += moved.refused.length
        loaded = moved.loaded
        size = Math.min(FIRST_BATCH, most)
      }
      total.sent += batch.rows
      total.loaded += loaded
      refusals.settle(total.sent)
      native.settle?.(total.sent)
      if (batch.ended) break
    } finally {
      batch.release()
    }
  }
  await context.query('RELEASE SAVEPOINT copyist_batch')
  await stage.drop()
  return total
}

const HEADER = Buffer.from([
  0x64, 0, 0, 0, 23, 0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0,
])
const TRAILER = Buffer.from([0x64, 0, 0, 0, 6, 0xff, 0xff])

function message(buffer: Buffer): Chunk {
  return { buffer, rows: 0, release: () => {} }
}

/** The chunks of a load, one after the other. One that nobody has taken is the next. */
class Reader {
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

/** Chunks of the load that make one COPY. They are kept until it is known that nobody needs them again. */
class Batch implements NativeLoad {
  readonly #reader: Reader
  readonly #first: number
  readonly #size: number
  readonly #framing: boolean
  readonly #chunks: Chunk[] = []
  #bytes = 0
  #begun = false
  #over = false
  /** The input has ended. */
  ended = false
  rows = 0

  /** @param first The load's rows before it. */
  constructor(reader: Reader, first: number, size: number, framing: boolean) {
    this.#reader = reader
    this.#first = first
    this.#size = size
    this.#framing = framing
  }

  async next(): Promise<Chunk | undefined> {
    if (this.#framing && !this.#begun) {
      this.#begun = true
      return message(HEADER)
    }
    if (!this.#over && this.#bytes < this.#size) {
      const chunk = await this.#reader.look()
      // The server may have refused the rows before meanwhile; then this one begins the next batch.
      if (this.#over) return undefined
      this.#reader.take()
      if (chunk !== undefined) {
        this.#chunks.push(chunk)
        this.#bytes += chunk.buffer.length
        this.rows += chunk.rows
        return { ...chunk, release: () => {} }
      }
      this.ended = true
    }
    if (this.#over) return undefined
    this.#over = true
    return this.#framing ? message(TRAILER) : undefined
  }

  /** The same once more. */
  again(): NativeLoad {
    const chunks = [...this.#chunks].map((chunk): Chunk => ({ ...chunk, release: () => {} }))
    if (this.#framing) {
      chunks.unshift(message(HEADER))
      chunks.push(message(TRAILER))
    }
    return { ...this.#outside(), next: async () => chunks.shift() }
  }

  release(): void {
    for (const chunk of this.#chunks.splice(0)) chunk.release()
  }

  counters(): ReturnType<NativeLoad['counters']> {
    return this.#reader.native.counters()
  }

  locate(row: number): ReturnType<NativeLoad['locate']> {
    return this.#reader.native.locate(this.#first + row)
  }

  /** The load goes on after the end of a COPY. */
  async close(): Promise<void> {
    this.#over = true
  }

  #outside(): NativeLoad {
    return {
      next: async () => undefined,
      counters: () => this.counters(),
      locate: (row) => this.locate(row),
      close: async () => {},
    }
  }
}

/** The temporary table, and the function that moves rows out of it. Made when they are needed first. */
class Stage {
  readonly #context: TolerantContext
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  readonly #name = `copyist_${randomBytes(6).toString('hex')}`
  #isMade = false

  constructor(context: TolerantContext, table: CatalogTable, request: LoadRequest) {
    this.#context = context
    this.#table = table
    this.#request = request
  }

  /** Moves a batch into the table. Rows are numbered from 0. */
  async move(batch: Batch): Promise<{ loaded: number; refused: { row: number; errors: RowError[] }[] }> {
    const { query, copy } = this.#context
    if (!this.#isMade) {
      for (const sql of this.#ddl()) await query(sql)
      this.#isMade = true
      // What undoes a batch must not undo this.
      await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    }
    const columns = this.#request.columns.map((_, index) => `c${index}`)
    const format = this.#request.sink === 'pg_binary' ? 'binary' : 'text'
    const list = columns.length > 0 ? ` (${columns.join(', ')})` : ''
    await copy(`COPY pg_temp.${this.#name}${list} FROM STDIN (FORMAT ${format})`, batch.again())
    const rows = await query(`SELECT * FROM pg_temp.${this.#name}()`)
    await query(`TRUNCATE pg_temp.${this.#name} RESTART IDENTITY`)
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    let loaded = 0
    const refused: { row: number; errors: RowError[] }[] = []
    for (const [n, sqlState, text, detail, column] of rows) {
      if (n === null || n === undefined) {
        loaded = Number(text)
        continue
      }
      const error = {
        sqlState: sqlState ?? 'XX000',
        code: conditionName(sqlState ?? 'XX000'),
        message: text ?? '',
        ...(detail ? { detail } : {}),
        ...(column ? { column } : {}),
      }
      refused.push({ row: Number(n) - 1, errors: [error] })
    }
    return { loaded, refused }
  }

  async drop(): Promise<void> {
    if (!this.#isMade) return
    await this.#context.query(`DROP FUNCTION pg_temp.${this.#name}(); DROP TABLE pg_temp.${this.#name}`)
  }

  #ddl(): string[] {
    const { columns, sink } = this.#request
    const types = columns.map((index) => (sink === 'pg_binary' ? (this.#table.plainTypes[index] ?? 'text') : 'text'))
    const definitions = [
      'n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
      ...types.map((type, i) => `c${i} ${type}`),
    ]
    const tag = `$${this.#name}$`
    return [
      `CREATE TEMPORARY TABLE ${this.#name} (${definitions.join(', ')})`,
      `CREATE FUNCTION pg_temp.${this.#name}()
RETURNS TABLE (copyist_n bigint, copyist_state text, copyist_message text, copyist_detail text, copyist_column text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_moved bigint;
  copyist_total bigint := 0;
BEGIN
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${this.#name} s;
  FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
    ${this.#moveSql('copyist_first', BLOCK)}
  END LOOP;
  copyist_n := NULL;
  copyist_state := NULL;
  copyist_message := copyist_total::text;
  copyist_detail := NULL;
  copyist_column := NULL;
  RETURN NEXT;
END
${tag}`,
    ]
  }

  /** Moves `rows` rows from `first` on; where that fails, in smaller blocks, and in the end one by one. */
  #moveSql(first: string, rows: number): string {
    const conditions = CONDITIONS[this.#request.refusals?.tolerates ?? 'all']
    const isOne = rows === 1
    const which = isOne ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1} ORDER BY s.n`
    const smaller = Math.ceil(rows / FANOUT)
    const next = `copyist_row_${smaller}`
    const refused = isOne
      ? `GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT,
        copyist_detail = PG_EXCEPTION_DETAIL, copyist_column = COLUMN_NAME;
      copyist_n := ${first};
      RETURN NEXT;`
      : `FOR ${next} IN ${first} .. LEAST(${first} + ${rows - 1}, copyist_last) BY ${smaller} LOOP
        ${this.#moveSql(next, smaller)}
      END LOOP;`
    return `BEGIN
      ${this.#insertSql(which)};
      GET DIAGNOSTICS copyist_moved = ROW_COUNT;
      copyist_total := copyist_total + copyist_moved;
    EXCEPTION WHEN ${conditions} THEN
      ${refused}
    END;`
  }

  /** Moves the rows that `which` says. */
  #insertSql(which: string): string {
    const { columns, sink, where } = this.#request
    const { description, sqlColumns, plainTypes } = this.#table
    const names = columns.map((index) => sqlColumns[index] ?? '')
    const values = columns.map((index, i) => {
      const type = plainTypes[index] ?? 'text'
      // An explicit cast to a string type would cut what is too long.
      const isString = /^(?:text|character varying|bpchar|name)$/.test(type)
      return sink === 'pg_binary' || isString ? `s.c${i}` : `CAST(s.c${i} AS ${type})`
    })
    const target = `INSERT INTO ${description.sqlName}${names.length > 0 ? ` (${names.join(', ')})` : ''}`
    const source = `pg_temp.${this.#name} s WHERE ${which}`
    if (names.length === 0) return `${target} SELECT FROM ${source}`
    // COPY writes identity columns too.
    if (where === undefined) return `${target} OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM ${source}`
    const row = values.map((value, i) => `${value} AS ${names[i]}`).join(', ')
    const relation = `"${description.relationName.replaceAll('"', '""')}"`
    return `${target} OVERRIDING SYSTEM VALUE SELECT ${names.join(', ')} FROM (SELECT ${row} FROM ${source}) ${relation}
WHERE (${where}
)`
  }
}
