import { CopyError } from '../../errors.ts'
import type { LoadRequest, RowError, RowRefusals } from '../target.ts'
import { conditionName } from './conditions.ts'
import { internalError } from './server-error.ts'
import type { SelfReferences, StageSql } from './stage-sql.ts'
import type { Query, RefusedRow, StagedRows } from './staged-rows.ts'
import { isTolerated } from './tolerance.ts'

/*
 * Rows that refer to a row of their own table that is not there yet
 *
 * It may come later, so they wait in a temporary table, with their place and bytes in another. A row that shares a key with one that waits
 * waits behind it, so that which of the two goes in does not depend on where batches end. At the end of the load what refers to nothing is told
 * apart at once, with all that refers to that alone; the others go in by one statement, as one COPY of all rows would have it: so rows that
 * refer to each other in a circle go in too. Where that statement fails, they are tried in blocks, those that are referred to first.
 */

/** Rows whose places and bytes are written or read at once, and their bytes. */
const PAGE = 500
const PAGE_BYTES = 4 << 20

/**
 * References of the relation `$1` to itself, and its keys, as JSON. A key may be one of some rows only: then rows wait that need not, and are
 * tried in their order all the same.
 */
export const SELF_SQL = `
WITH RECURSIVE own (oid, name) AS (
  SELECT c.oid, c.conname FROM pg_catalog.pg_constraint c
  WHERE c.conrelid = $1::pg_catalog.regclass AND c.confrelid = c.conrelid AND c.contype = 'f'
    AND (pg_catalog.to_jsonb(c) ->> 'conenforced') IS DISTINCT FROM 'false'
  UNION
  SELECT c.oid, c.conname FROM pg_catalog.pg_constraint c JOIN own ON c.conparentid = own.oid
)
SELECT pg_catalog.json_build_object(
  'names', (SELECT pg_catalog.json_agg(DISTINCT own.name) FROM own),
  'references', (
    SELECT pg_catalog.json_agg(k.reference) FROM (
      SELECT pg_catalog.json_build_object('isFull', c.confmatchtype = 'f',
        'columns', pg_catalog.json_agg(a.attname ORDER BY key.position),
        'others', pg_catalog.json_agg(b.attname ORDER BY key.position)) AS reference
      FROM pg_catalog.pg_constraint c
      CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey))
        WITH ORDINALITY AS key (number, other, position)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = key.number
      JOIN pg_catalog.pg_attribute b ON b.attrelid = c.conrelid AND b.attnum = key.other
      WHERE c.conrelid = $1::pg_catalog.regclass AND c.oid IN (SELECT own.oid FROM own)
      GROUP BY c.oid
    ) k
  ),
  'keys', (
    SELECT pg_catalog.json_agg(k.key) FROM (
      SELECT pg_catalog.json_build_object('columns', pg_catalog.json_agg(a.attname ORDER BY key.position),
        'areNullsSame', (pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct') IS NOT DISTINCT FROM 'true') AS key
      FROM pg_catalog.pg_index i
      CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS key (number, position)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.number
      WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique AND i.indexprs IS NULL AND key.position <= i.indnkeyatts
      GROUP BY i.indexrelid, pg_catalog.to_jsonb(i)
    ) k
  )
)::text
FROM own LIMIT 1`

/** What becomes of rows that wait. */
export interface WaitingInit {
  readonly query: Query
  readonly request: LoadRequest
  readonly sql: StageSql
  readonly rows: StagedRows
}

/** Whether rows that refer to others of their table may wait for them. */
export function mayWait({ refusals, conflict, columns }: LoadRequest): boolean {
  return refusals?.tolerates === 'all' && conflict === undefined && columns.length > 0
}

/** What {@link SELF_SQL} answers; undefined where the table does not refer to itself. */
export async function readSelfReferences(query: Query, sqlName: string): Promise<SelfReferences | undefined> {
  const [row] = await query(SELF_SQL, [sqlName])
  if (row === undefined) return undefined
  const { names, references, keys } = JSON.parse(row[0] ?? '') as {
    [key in keyof SelfReferences]: SelfReferences[key] | null
  }
  return { names: names ?? [], references: references ?? [], keys: keys ?? [] }
}

/** The rows of a load that wait for others. */
export class WaitingRows {
  readonly #init: WaitingInit
  readonly #refusals: RowRefusals
  #count = 0

  constructor(init: WaitingInit) {
    this.#init = init
    const { refusals } = init.request
    if (refusals === undefined) throw internalError('no rows may be refused')
    this.#refusals = refusals
  }

  /** How many there are. */
  get count(): number {
    return this.#count
  }

  /** Whether a row may share a key with one of them. */
  get areHeld(): boolean {
    return this.#count > 0 && this.#init.sql.holds
  }

  /** Takes note of those among the `rows` rows from `first` on: their bytes are gone later. How many they are. */
  async take(first: number, rows: number): Promise<number> {
    const { query, sql } = this.#init
    let taken = 0
    for (let after = first; ; ) {
      const page = await query(
        `SELECT at FROM pg_temp.${sql.waiting} WHERE at > ${after} AND at <= ${first + rows} ORDER BY at LIMIT ${PAGE}`,
      )
      let part: { at: string; record: string; raw: Buffer }[] = []
      let bytes = 0
      const write = async () => {
        await query(
          `INSERT INTO pg_temp.${sql.places} (at, record, raw)
SELECT * FROM ROWS FROM (pg_catalog.unnest(CAST($1 AS bigint[])), pg_catalog.unnest(CAST($2 AS text[])), pg_catalog.unnest(CAST($3 AS bytea[])))`,
          [
            `{${part.map(({ at }) => at).join()}}`,
            `{${part.map(({ record }) => JSON.stringify(record)).join()}}`,
            `{${part.map(({ raw }) => `"\\\\x${raw.toString('hex')}"`).join()}}`,
          ],
        )
        part = []
        bytes = 0
      }
      for (const [at] of page) {
        const { record, raw } = this.#refusals.postpone(Number(at) - 1)
        part.push({ at: at ?? '', record, raw })
        bytes += raw.length
        if (bytes > PAGE_BYTES) await write()
      }
      if (part.length > 0) await write()
      taken += page.length
      if (page.length < PAGE) break
      after = Number(page.at(-1)?.[0])
    }
    this.#count += taken
    return taken
  }

  /** Decides on all of them, at the end of the load. */
  async finish(): Promise<{ loaded: number; refused: number }> {
    if (this.#count === 0) return { loaded: 0, refused: 0 }
    const { query, sql } = this.#init
    let isAsked = await this.#prepare()
    let loaded = 0
    for (;;) {
      if (isAsked) {
        const untried = await this.#refuseOrphans()
        isAsked = untried !== undefined
        if (untried) {
          await this.#fill('w.is_orphan')
          loaded += await this.#try()
          continue
        }
      }
      const [row] = await query(`SELECT count(*) FROM pg_temp.${sql.waiting}`)
      const before = Number(row?.[0])
      if (before === 0) break
      loaded += await this.#moveSound(isAsked)
      const [after] = await query(`SELECT count(*) FROM pg_temp.${sql.waiting}`)
      // Rows that no other order would let in.
      if (Number(after?.[0]) === before) {
        const { isLast } = await this.#giveUp()
        if (isLast) break
      }
    }
    return { loaded, refused: await this.#tell() }
  }

  /** Makes what orphans are found by; false where that is impossible. */
  async #prepare(): Promise<boolean> {
    const { query, sql } = this.#init
    const statements = sql.orphanDdl()
    if (statements.length === 0) return false
    await query('SAVEPOINT copyist_waiting')
    try {
      for (const statement of statements) await query(statement)
      await query('RELEASE SAVEPOINT copyist_waiting')
      return true
    } catch (error) {
      await this.#undo(error)
      return false
    }
  }

  async #undo(error: unknown): Promise<void> {
    // A table that may not be read, or a value that is too long for an index.
    if (!(error instanceof CopyError) || /^(?:08|57)/.test(error.sqlState)) throw error
    await this.#init.query('ROLLBACK TO SAVEPOINT copyist_waiting; RELEASE SAVEPOINT copyist_waiting')
  }

  /** Refuses those that refer to nothing, and tells whether some of these have never been tried; undefined where that cannot be told. */
  async #refuseOrphans(): Promise<boolean | undefined> {
    const { query, sql } = this.#init
    await query('SAVEPOINT copyist_waiting')
    try {
      const [row] = await query(`SELECT pg_temp.${sql.orphans}()`)
      await query('RELEASE SAVEPOINT copyist_waiting')
      if (Number(row?.[0]) === 0) return false
    } catch (error) {
      await this.#undo(error)
      return undefined
    }
    await this.#refuseWaiting('is_orphan AND errors IS NOT NULL')
    const [row] = await query(`SELECT EXISTS (SELECT FROM pg_temp.${sql.waiting} WHERE is_orphan)`)
    return row?.[0] === 't'
  }

  /** Refuses rows that wait, for what they have been refused for before. */
  async #refuseWaiting(which: string): Promise<number> {
    const { query, sql } = this.#init
    const [row] = await query(
      `WITH gone AS (DELETE FROM pg_temp.${sql.waiting} WHERE ${which} RETURNING at, errors),
noted AS (UPDATE pg_temp.${sql.places} p SET errors = gone.errors FROM gone WHERE p.at = gone.at)
SELECT count(*) FROM gone`,
    )
    return Number(row?.[0])
  }

  /** Moves rows that wait into the temporary table from which rows are moved. */
  async #fill(which: string, order = 'w.at'): Promise<void> {
    const { query, sql } = this.#init
    await query(`TRUNCATE pg_temp.${sql.name}`)
    await query(sql.refillSql(which, order))
  }

  /** Tries rows one by one where need be. */
  async #try(): Promise<number> {
    const { rows } = this.#init
    const { loaded, refused } = await rows.tryAll()
    await this.#note(refused)
    return loaded
  }

  /** Moves those that may go in together: of rows with one key, the first. */
  async #moveSound(isAsked: boolean): Promise<number> {
    const { query, sql, rows, request } = this.#init
    const first = sql.firstOfKeys
    await query('SAVEPOINT copyist_waiting')
    await this.#fill(first)
    const isIndexed = rows.isIndexed
    try {
      const { loaded } = await rows.run('atOnce')
      await query('RELEASE SAVEPOINT copyist_waiting')
      return loaded
    } catch (error) {
      if (!request.refusals || !isTolerated(error, request.refusals)) throw error
      rows.isIndexed = isIndexed
      await query('ROLLBACK TO SAVEPOINT copyist_waiting; RELEASE SAVEPOINT copyist_waiting')
    }
    if (isAsked) await query(`SELECT pg_temp.${sql.orphans}_ranks()`)
    await this.#fill(first, 'w.place, w.at')
    return this.#try()
  }

  /** Notes why rows of the temporary table have been refused. */
  async #note(refused: readonly RefusedRow[]): Promise<void> {
    const { query, sql } = this.#init
    for (let from = 0; from < refused.length; from += PAGE) {
      const page = refused.slice(from, from + PAGE)
      await query(
        `UPDATE pg_temp.${sql.places} p SET errors = u.errors
FROM ROWS FROM (pg_catalog.unnest(CAST($1 AS bigint[])), pg_catalog.unnest(CAST($2 AS text[]))) AS u (n, errors) JOIN pg_temp.${sql.name} s ON s.n = u.n
WHERE p.at = s.origin`,
        [
          `{${page.map(({ row }) => row + 1).join()}}`,
          `{${page.map(({ errors }) => JSON.stringify(JSON.stringify(errors))).join()}}`,
        ],
      )
    }
  }

  /** Refuses rows that have been tried in vain, whatever is done. */
  async #giveUp(): Promise<{ isLast: boolean }> {
    const { query, sql } = this.#init
    await this.#refuseWaiting(`errors IS NOT NULL`)
    const [row] = await query(`SELECT EXISTS (SELECT FROM pg_temp.${sql.waiting})`)
    return { isLast: row?.[0] !== 't' }
  }

  /** Tells of those that are refused, in the order of the input; how many they are. */
  async #tell(): Promise<number> {
    const { query, sql } = this.#init
    let refused = 0
    for (let after = 0; ; ) {
      const page = await query(
        `SELECT at, errors, record, pg_catalog.encode(raw, 'base64') FROM (
  SELECT *, sum(octet_length(raw)) OVER (ORDER BY at) - octet_length(raw) AS before
  FROM (SELECT * FROM pg_temp.${sql.places} WHERE at > ${after} ORDER BY at LIMIT ${PAGE}) page
) sized WHERE before <= ${PAGE_BYTES} ORDER BY at`,
      )
      for (const [, errors, record, raw] of page) {
        const told = errors === null || errors === undefined ? [] : (JSON.parse(errors) as RowError[])
        const found = told.map((error) => ({ ...error, code: error.code ?? conditionName(error.sqlState) }))
        if (found.length > 0) refused += 1
        this.#refusals.conclude({ record: record ?? '', raw: Buffer.from(raw ?? '', 'base64') }, found)
      }
      if (page.length === 0) break
      after = Number(page.at(-1)?.[0])
      await this.#refusals.settleLate()
    }
    return refused
  }
}
