import type { LoadRequest } from '../target.ts'
import { BLOCK, FANOUT, type StageSql } from './stage-sql.ts'
import { byRow, type Query, type RefusedRow, rowError, type StagedRows } from './staged-rows.ts'
import { TOLERATED } from './tolerance.ts'

/*
 * Which rows of the temporary table WHERE raises an error for
 *
 * COPY ends at the first of them, and the judge's query fails as a whole. So the condition is evaluated of all rows at once, and where that
 * fails, by a function in blocks, and in the end row by row, each below a savepoint of its own. Nothing is written.
 */

/** Whether a row for which WHERE raises an error costs itself only: as one for which a conversion does. There is nothing to replace it by. */
export function isConditionTried({ where, refusals }: LoadRequest): boolean {
  if (where === undefined || refusals?.replaces !== undefined) return false
  return refusals !== undefined && refusals.tolerates !== 'unique'
}

/** WHERE of a load, tried on the rows of its temporary table. */
export class ConditionTrial {
  readonly #query: Query
  readonly #request: LoadRequest
  readonly #sql: StageSql
  readonly #rows: StagedRows
  /** Whether the first such row ends the load, so that every class of error is looked for. */
  readonly #isEnding: boolean
  #isMade = false

  constructor(query: Query, request: LoadRequest, sql: StageSql, rows: StagedRows, isEnding = false) {
    this.#query = query
    this.#request = request
    this.#sql = sql
    this.#rows = rows
    this.#isEnding = isEnding
  }

  get #name(): string {
    return `${this.#sql.name}_where`
  }

  /** Takes the rows out for which the condition raises an error. */
  async remove(): Promise<RefusedRow[]> {
    if ((await this.#rows.tryQuery(this.#evaluatedSql('true'), () => true)) !== undefined) return []
    const found = await this.find()
    await this.#rows.remove(found.map(({ row }) => row + 1))
    return found
  }

  /** The rows for which the condition raises an error; of a trial that ends the load the first. */
  async find(): Promise<RefusedRow[]> {
    await this.#rows.index()
    if (!this.#isMade) await this.#query(this.#functionDdl())
    this.#isMade = true
    const found = await this.#rows.pages(
      `SELECT * FROM pg_temp.${this.#name}() ORDER BY copyist_n`,
      ([n, sqlState, message, detail]) => ({
        n: Number(n),
        error: rowError(undefined, sqlState, message, detail, undefined),
      }),
    )
    return byRow(found)
  }

  async drop(): Promise<void> {
    if (this.#isMade) await this.#query(`DROP FUNCTION pg_temp.${this.#name}()`)
  }

  /** Evaluates the condition as it is written: in WHERE the server would evaluate first what costs least. */
  #evaluatedSql(which: string): string {
    const { where = 'true' } = this.#request
    return `SELECT pg_catalog.count(CASE WHEN (${where}\n) THEN 1 END) FROM (${this.#sql.rowsSql(which)}) ${this.#sql.relation}`
  }

  #functionDdl(): string {
    const tag = `$${this.#name}$`
    const isAny = this.#isEnding || this.#request.refusals?.tolerates === 'all'
    const tolerated = isAny ? TOLERATED.all : TOLERATED.conversion
    const evaluate = (first: string, rows: number): string => {
      const smaller = Math.ceil(rows / FANOUT)
      const next = `copyist_row_${smaller}`
      const which = rows === 1 ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1}`
      const failed =
        rows === 1
          ? `GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT,
        copyist_detail = PG_EXCEPTION_DETAIL;
      copyist_n := ${first};
      RETURN NEXT;${this.#isEnding ? '\n      RETURN;' : ''}`
          : `FOR ${next} IN ${first} .. LEAST(${first} + ${rows - 1}, copyist_last) BY ${smaller} LOOP
        ${evaluate(next, smaller)}
      END LOOP;`
      return `BEGIN
      copyist_kept := (${this.#evaluatedSql(which)});
    EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
      IF SQLSTATE !~ '${tolerated}' THEN RAISE; END IF;
      ${failed}
    END;`
    }
    return `CREATE OR REPLACE FUNCTION pg_temp.${this.#name}()
RETURNS TABLE (copyist_n bigint, copyist_state text, copyist_message text, copyist_detail text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_kept bigint;
BEGIN
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${this.#sql.name} s;
  FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
    ${evaluate('copyist_first', BLOCK)}
  END LOOP;
END
${tag}`
  }
}
