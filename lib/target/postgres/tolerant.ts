import { randomBytes } from 'node:crypto'
import { CopyError } from '../../errors.ts'
import type { Chunk, NativeLoad } from '../../native/load.ts'
import type { ConflictRequest, LoadRequest, RowError } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { conditionName } from './conditions.ts'
import type { CopyInResult } from './copy-in.ts'
import { CONSTRAINTS_SQL, suspectsSql } from './suspects.ts'

/*
 * How a load goes in which a row that the server refuses costs itself only, or one whose key is there already is passed over
 *
 * COPY knows no such thing: an error ends it and undoes it. So the rows go in batches, each a COPY of its own below a savepoint.
 * A batch that the server takes is done. One that it refuses is sent again, into a temporary table that refuses nothing, and a
 * function moves the rows from there: some at a time, and where that fails one by one, each below a savepoint of its own. So the
 * server itself finds every error that it knows of, triggers and domains included, without a round trip a row.
 *
 * Rows that break a constraint by what can be told of all at once are tried one by one after the others: see `suspects.ts`.
 *
 * Nor does COPY know ON CONFLICT. With it every batch goes by way of the temporary table, where rows of the input with one key are told
 * apart first. Where the clause keeps another one than the order of the batches would, there is one batch.
 */

/** Bytes of a batch at first. Each one that goes well is followed by a larger one, since the end of each costs round trips. */
const FIRST_BATCH = 4 << 20
const MOST_BATCH = 32 << 20
/** Rows that are moved at once, and into how many parts they are divided when that fails, down to one row. */
const BLOCK = 512
const FANOUT = 8
/** Characters of a value that are told. */
const MOST_SHOWN = 1024

/**
 * SQLSTATEs, as PostgreSQL's regular expressions, of errors that cost a row. A trigger may raise any; what is about the connection, the
 * transaction, the statement, resources or the server is never about the row.
 */
const TOLERATED = {
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
}

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
  const reader = new Reader(native)
  const settle = ({ loaded, refused, conflicted }: Moved): number => {
    for (const { row, errors } of refused) refusals?.refuse(total.sent + row, errors)
    total.refused += refused.length
    total.conflicted += conflicted
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
      const isTolerated =
        error instanceof CopyError && refusals && new RegExp(TOLERATED[refusals.tolerates]).test(error.sqlState)
      if (!isTolerated) throw error
      await context.query('ROLLBACK TO SAVEPOINT copyist_batch')
      size = Math.min(FIRST_BATCH, most)
      return settle(await stage.move(batch, batch.again()))
    }
  }
  await context.query('SAVEPOINT copyist_batch')
  for (;;) {
    const isPressed = () => !isWhole && refusals?.isPressed === true
    const batch = new Batch(reader, { first: total.sent, size, framing, keeps: !isWhole, isPressed })
    try {
      const loaded = conflict === undefined ? await direct(batch) : settle(await stage.move(batch, batch))
      total.sent += batch.rows
      total.loaded += loaded
      await refusals?.settle(total.sent)
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

/** What a batch is like. */
interface BatchInit {
  /** The load's rows before it. */
  readonly first: number
  /** Bytes after which it ends. */
  readonly size: number
  /** Whether a header and a trailer go with it. */
  readonly framing: boolean
  /** Whether it may be sent again. */
  readonly keeps: boolean
  /** Whether it had better end soon. */
  isPressed(): boolean
}

/** Chunks of the load that make one COPY. They are kept until it is known that nobody needs them again. */
class Batch implements NativeLoad {
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
    const { size, isPressed } = this.#init
    if (!this.#over && this.#bytes < size && !(this.rows > 0 && isPressed())) {
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

  /** The same once more. */
  again(): NativeLoad {
    const chunks = [...this.#chunks].map((chunk): Chunk => ({ ...chunk, release: () => {} }))
    if (this.#init.framing) {
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
    return this.#reader.native.locate(this.#init.first + row)
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

/** What became of a batch. */
interface Moved {
  readonly loaded: number
  readonly refused: { row: number; errors: RowError[] }[]
  readonly conflicted: number
}

/** The temporary table, and the function that moves rows out of it. Made when they are needed first. */
class Stage {
  readonly #context: TolerantContext
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  readonly #name = `copyist_${randomBytes(6).toString('hex')}`
  #isMade = false
  /** A query for the rows to be tried by themselves; null while it is not known, undefined if there is none. */
  #suspects: string | undefined | null = null

  constructor(context: TolerantContext, table: CatalogTable, request: LoadRequest) {
    this.#context = context
    this.#table = table
    this.#request = request
  }

  /** Moves a batch into the table by way of the temporary one, into which it is copied as `native`. Rows are numbered from 0. */
  async move(batch: Batch, native: NativeLoad): Promise<Moved> {
    const { query, copy } = this.#context
    const { conflict, refusals, columns, sink } = this.#request
    if (!this.#isMade) {
      for (const sql of this.#ddl()) await query(sql)
      this.#isMade = true
      // What undoes a batch must not undo this.
      await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    }
    const names = columns.map((_, index) => `c${index}`)
    const list = names.length > 0 ? ` (${names.join(', ')})` : ''
    await copy(
      `COPY pg_temp.${this.#name}${list} FROM STDIN (FORMAT ${sink === 'pg_binary' ? 'binary' : 'text'})`,
      native,
    )
    const filtered = conflict === undefined ? 0 : await this.#prepare(conflict)
    if (refusals?.tolerates === 'all' && sink === 'pg_binary') await this.#suspect()
    const rows =
      refusals === undefined
        ? [[null, null, (await query(this.#countedInsertSql()))[0]?.[0] ?? null]]
        : await query(`SELECT * FROM pg_temp.${this.#name}()`)
    await query(`TRUNCATE pg_temp.${this.#name} RESTART IDENTITY`)
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    let loaded = 0
    const refused: Moved['refused'] = []
    for (const [n, sqlState, text, detail, column, value] of rows) {
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
        ...(value === null || value === undefined ? {} : { value: value.slice(0, MOST_SHOWN) }),
      }
      const row = Number(n) - 1
      const last = refused.at(-1)
      if (last?.row === row) last.errors.push(error)
      else refused.push({ row, errors: [error] })
    }
    refused.sort((one, other) => one.row - other.row)
    const conflicted = conflict === undefined ? 0 : batch.rows - filtered - refused.length - loaded
    return { loaded, refused, conflicted }
  }

  /** Marks the rows that are likely to be refused. */
  async #suspect(): Promise<void> {
    const { query } = this.#context
    const { columns } = this.#request
    const { description, sqlColumns } = this.#table
    const stage = `pg_temp.${this.#name}`
    await query('SAVEPOINT copyist_suspects')
    try {
      if (this.#suspects === null) {
        const [row] = await query(CONSTRAINTS_SQL, [description.sqlName])
        const values = this.#values
        const named = columns.map((index, i) => {
          const column = { sqlName: sqlColumns[index] ?? '', value: values[i] ?? 'NULL' }
          return [description.columns[index]?.name ?? '', column] as const
        })
        this.#suspects = suspectsSql(row?.[0], {
          stage,
          table: description.sqlName,
          relation: this.#relation,
          columns: new Map(named),
        })
      }
      if (this.#suspects !== undefined) {
        await query(`UPDATE ${stage} SET suspect = true WHERE n IN (${this.#suspects})`)
      }
      await query('RELEASE SAVEPOINT copyist_suspects')
    } catch (error) {
      if (!(error instanceof CopyError) || /^(?:08|57)/.test(error.sqlState)) throw error
      // A condition that fails, or a table that may not be read: trying finds all there is.
      this.#suspects = undefined
      await query('ROLLBACK TO SAVEPOINT copyist_suspects; RELEASE SAVEPOINT copyist_suspects')
    }
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
    await this.#context.query(`DROP FUNCTION pg_temp.${this.#name}(); DROP TABLE pg_temp.${this.#name}`)
  }

  #ddl(): string[] {
    const { columns, sink } = this.#request
    const types = columns.map((index) => (sink === 'pg_binary' ? (this.#table.plainTypes[index] ?? 'text') : 'text'))
    const definitions = [
      'n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
      'suspect boolean NOT NULL DEFAULT false',
      ...types.map((type, i) => `c${i} ${type}`),
    ]
    const tag = `$${this.#name}$`
    return [
      `CREATE TEMPORARY TABLE ${this.#name} (${definitions.join(', ')})`,
      `CREATE FUNCTION pg_temp.${this.#name}()
RETURNS TABLE (copyist_n bigint, copyist_state text, copyist_message text, copyist_detail text, copyist_column text,
  copyist_value text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_suspect bigint;
  copyist_told boolean;
  copyist_moved bigint;
  copyist_total bigint := 0;
BEGIN
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${this.#name} s;
  FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
    ${this.#moveSql('copyist_first', BLOCK)}
  END LOOP;
  FOR copyist_suspect IN SELECT s.n FROM pg_temp.${this.#name} s WHERE s.suspect ORDER BY s.n LOOP
    ${this.#moveSql('copyist_suspect', 1, true)}
  END LOOP;
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
            if (!value.startsWith('CAST')) return []
            const name = this.#table.description.columns[index]?.name ?? ''
            return `BEGIN
        PERFORM ${value} FROM pg_temp.${this.#name} s WHERE s.n = ${row};
      EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE !~ '^22' THEN RAISE; END IF;
        ${found};
        copyist_column := '${name.replaceAll("'", "''")}';
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

  /** Moves `rows` rows from `first` on, suspects or others; where that fails, in smaller blocks, and in the end one by one. */
  #moveSql(first: string, rows: number, isSuspect = false): string {
    const tolerated = TOLERATED[this.#request.refusals?.tolerates ?? 'all']
    const isOne = rows === 1
    const range = isOne ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1}`
    const which = `${range} AND ${isSuspect ? '' : 'NOT '}s.suspect${isOne ? '' : ' ORDER BY s.n'}`
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
    EXCEPTION WHEN OTHERS THEN
      IF SQLSTATE !~ '${tolerated}' THEN RAISE; END IF;
      ${refused}
    END;`
  }

  /** What the columns of a row of the temporary table are in the table. */
  get #values(): string[] {
    const { columns, sink } = this.#request
    return columns.map((index, i) => {
      const type = this.#table.plainTypes[index] ?? 'text'
      // An explicit cast to a string type would cut what is too long.
      const isString = /^(?:text|character varying|bpchar|name)$/.test(type)
      // What an interval's literal means depends on its fields.
      const own = type.startsWith('interval') ? this.#table.description.columns[index]?.typeName : undefined
      return sink === 'pg_binary' || isString ? `s.c${i}` : `CAST(s.c${i} AS ${own ?? type})`
    })
  }

  get #relation(): string {
    return `"${this.#table.description.relationName.replaceAll('"', '""')}"`
  }

  /** The rows that `which` says, under the names of the table's columns. */
  #rowsSql(which: string): string {
    const { columns } = this.#request
    const row = this.#values.map((value, i) => `${value} AS ${this.#table.sqlColumns[columns[i] ?? -1]}`)
    return `SELECT ${row.join(', ')} FROM pg_temp.${this.#name} s WHERE ${which}`
  }

  /** Moves the rows that `which` says. */
  #insertSql(which: string): string {
    const { columns, where, conflict } = this.#request
    const { description, sqlColumns } = this.#table
    const names = columns.map((index) => sqlColumns[index] ?? '')
    const target = `INSERT INTO ${description.sqlName}${names.length > 0 ? ` (${names.join(', ')})` : ''}`
    if (names.length === 0) return `${target} SELECT FROM pg_temp.${this.#name} s WHERE ${which}`
    const suffix = conflict === undefined ? '' : ` ${this.#conflictSql(conflict)}`
    // COPY writes identity columns too. With ON CONFLICT, what WHERE holds back has been taken out.
    if (where === undefined || conflict !== undefined) {
      return `${target} OVERRIDING SYSTEM VALUE SELECT ${this.#values.join(', ')} FROM pg_temp.${this.#name} s WHERE ${which}${suffix}`
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
