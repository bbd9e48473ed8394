import type { LoadRequest } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { isSteady, type Judgeable } from './judge.ts'
import type { StageSql } from './stage-sql.ts'
import { byRow, type Query, type RefusedRow, rowError, type StagedRows } from './staged-rows.ts'
import { TOLERATED } from './tolerance.ts'
import { isValueKnown } from './values.ts'

/*
 * Of which rows of the temporary table a generated column cannot be made
 *
 * The server makes it when a row goes in, and COPY ends at the first that fails. A function makes the values of each row, below a savepoint, and
 * writes nothing: that takes a fraction of an INSERT. As with constraints the first row that is found is tried, and has to be refused in those words.
 */

/** Names that mean something else in a function. */
const OWN = /^(?:found|sqlstate|sqlerrm|copyist_.*)$/i

/** Arguments that a function of the server takes at most; with more columns rows are tried. */
const MOST_ARGUMENTS = 100

/** What is needed to make the values. */
export interface MadeInit {
  readonly query: Query
  readonly request: LoadRequest
  readonly table: CatalogTable
  readonly sql: StageSql
  readonly rows: StagedRows
  readonly known: Judgeable
}

/** The generated columns of a table, tried on the rows of its temporary table. */
export class MadeValues {
  readonly #init: MadeInit
  /** The columns of the table that they are made of, by their indexes. */
  readonly #read: readonly number[]
  #isMade = false
  #isProven = false

  private constructor(init: MadeInit, read: readonly number[]) {
    this.#init = init
    this.#read = read
  }

  /** Undefined where there are none, or something else decides on what they are made of. */
  static of(init: MadeInit): MadeValues | undefined {
    const { request, table, sql, known } = init
    const { refusals, conflict, where, columns, usesDefaults, sink } = request
    const { made, constraints, defaults } = known
    if (refusals?.tolerates !== 'all' || conflict !== undefined || where !== undefined) return undefined
    // A variable of the function has the collation of its type.
    if (!made || !constraints || made.some(({ isCollated }) => isCollated)) return undefined
    const names = [...new Set(made.flatMap(({ columns: of }) => of ?? []))]
    const isKnown = (name: string) => {
      const index = table.description.columns.findIndex((column) => column.name === name)
      const isSame = isSteady(defaults?.[name])
      if (index < 0 || OWN.test(name)) return false
      if (!columns.includes(index)) return isSame
      return (sink === 'pg_binary' || isValueKnown(sql.readType(index))) && (!usesDefaults || isSame)
    }
    if (names.length > MOST_ARGUMENTS || !names.every(isKnown)) return undefined
    return new MadeValues(
      init,
      names.map((name) => table.description.columns.findIndex((column) => column.name === name)),
    )
  }

  /** Takes the rows out of which a column cannot be made; undefined where that cannot be told. */
  async remove(): Promise<RefusedRow[] | undefined> {
    const { query, rows } = this.#init
    if (!this.#isMade) await query(this.#functionDdl())
    this.#isMade = true
    const found = await rows.tryQuery(this.#askSql, ([n, sqlState, message, detail]) => ({
      n: Number(n),
      error: rowError(undefined, sqlState, message, detail, undefined),
    }))
    if (found === undefined || !(await this.#prove(found[0]))) {
      await this.drop()
      return undefined
    }
    await rows.remove(found.map(({ n }) => n))
    return byRow(found)
  }

  /** Whether the server refuses the row for the same reason. */
  async #prove(
    first: { readonly n: number; readonly error: RefusedRow['errors'][number] } | undefined,
  ): Promise<boolean> {
    const { query, rows } = this.#init
    if (first === undefined || this.#isProven) return true
    const isIndexed = rows.isIndexed
    await query('SAVEPOINT copyist_made')
    const { loaded, refused } = await rows.try([first.n])
    const [error] = refused[0]?.errors ?? []
    this.#isProven = loaded === 0 && error?.sqlState === first.error.sqlState && error.message === first.error.message
    await query('ROLLBACK TO SAVEPOINT copyist_made; RELEASE SAVEPOINT copyist_made')
    rows.isIndexed = isIndexed
    return this.#isProven
  }

  async drop(): Promise<void> {
    const types = this.#read.map((index) => this.#typeOf(index))
    if (this.#isMade) await this.#init.query(`DROP FUNCTION pg_temp.${this.#name}(${types.join(', ')})`)
  }

  get #name(): string {
    return `${this.#init.sql.name}_made`
  }

  #typeOf(index: number): string {
    return this.#init.table.plainTypes[index] ?? 'text'
  }

  get #askSql(): string {
    const { request, table, sql, known } = this.#init
    const values = this.#read.map((index) => {
      const position = request.columns.indexOf(index)
      const name = table.description.columns[index]?.name ?? ''
      const absent = `CAST((${known.defaults?.[name] ?? 'NULL'}) AS ${table.modifiedTypes[index]?.name})`
      return `CAST(${position < 0 ? absent : (sql.values[position] ?? 'NULL')} AS ${this.#typeOf(index)})`
    })
    return `SELECT m.n, m.told[1], m.told[2], m.told[3] FROM (
SELECT s.n, pg_temp.${this.#name}(${values.join(', ')}) AS told FROM pg_temp.${sql.name} s OFFSET 0) m WHERE m.told IS NOT NULL ORDER BY 1`
  }

  #functionDdl(): string {
    const { table, known } = this.#init
    const { made } = known
    const tag = `$${this.#name}$`
    const columns = table.description.columns
    const typeOf = (name: string) => columns.find((column) => column.name === name)?.typeName ?? 'text'
    const parameters = this.#read.map((index) => `${table.sqlColumns[index]} ${this.#typeOf(index)}`)
    return `CREATE FUNCTION pg_temp.${this.#name}(${parameters.join(', ')}) RETURNS text[] LANGUAGE plpgsql AS ${tag}
#variable_conflict use_variable
DECLARE
${(made ?? []).map(({ name }, at) => `  copyist_made_${at} ${typeOf(name)};\n`).join('')}  copyist_state text;
  copyist_message text;
  copyist_detail text;
BEGIN
${(made ?? []).map(({ sql }, at) => `  copyist_made_${at} := ${sql};\n`).join('')}  RETURN NULL;
EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
  IF SQLSTATE !~ '${TOLERATED.all}' THEN RAISE; END IF;
  GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT, copyist_detail = PG_EXCEPTION_DETAIL;
  RETURN ARRAY[copyist_state, copyist_message, copyist_detail];
END
${tag}`
  }
}
