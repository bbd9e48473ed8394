import { CopyError } from '../../errors.ts'
import type { KnownValues, LoadRequest, RowError } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { CHECKS_SQL, type KnownChecks } from './checks.ts'
import { conditionName } from './conditions.ts'
import { isSteady, TELLS } from './judge.ts'
import { internalError } from './server-error.ts'
import { MOST_SHOWN, type Query, type RefusedRow } from './staged-rows.ts'
import {
  type BadValue,
  type CheckedColumn,
  checkedColumn,
  isValueKnown,
  readBadValue,
  SAYS_SO,
  storedValue,
  type ValueCheck,
  valueCheck,
} from './values.ts'

/*
 * What else is wrong with rows that are refused already
 *
 * A row with a value that cannot be read gets no further, neither here nor on the server. So that all of its errors are told, the server is
 * asked about its other values, and whether they meet the conditions that read nothing else. Keys and references are not looked up: they
 * depend on which rows go in, and this one does not.
 */

/** Conditions are asked about no more when that has failed for so many rows, nor a column when it has for so many values. */
const MOST_FAILURES = 500
const MOST_ODD_VALUES = 100

/** What undoes a batch must not undo what is made here. */
const RENEWED = 'RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch'

/** A condition, and the columns of the column list that must be known for it. */
interface Condition {
  readonly name: string
  readonly sql: string
  readonly column: string | undefined
  readonly positions: readonly number[]
  /** All columns of the table that it reads. */
  readonly indexes: readonly number[]
}

/** A row that is asked about: its number, the positions of the values that are known, and these where they are not in a table. */
interface Asked {
  readonly n: number
  readonly known: Set<number>
  readonly values?: KnownValues
}

/** Where the rows are that are asked about: in the question, or in a temporary table, by their numbers there. */
type Place = 'given' | 'staged'

/** Asks about rows that are refused already. */
export class FurtherErrors {
  readonly #query: Query
  readonly #serverVersion: number
  readonly #request: LoadRequest
  readonly #table: CatalogTable
  /** What the temporary table is called. */
  readonly #name: string
  /** Columns whose values only the server can read or judge. */
  #checked: readonly CheckedColumn[]
  #check: ValueCheck | undefined
  #by: 'asking' | 'trying' = 'asking'
  /** Whether functions may be made. */
  #mayTry = true
  /** How many values of a column, by its position, have been asked about in vain. */
  readonly #oddValues = new Map<number, number>()
  #conditions: readonly Condition[] | undefined
  /** Rows for which a condition has failed. */
  #failures = 0

  constructor(
    { query, serverVersion }: { readonly query: Query; readonly serverVersion: number },
    table: CatalogTable,
    request: LoadRequest,
    name: string,
  ) {
    this.#query = query
    this.#serverVersion = serverVersion
    this.#request = request
    this.#table = table
    this.#name = name
    this.#checked = request.columns.flatMap((index, position) => {
      const column = table.description.columns[index]
      // All else the decoder has read.
      const isText = request.sink !== 'pg_binary' && /^(?:other|array|date|time)/.test(column?.type.kind ?? '')
      if (column === undefined || !(isText || column.isDomain)) return []
      return { position, ...checkedColumn(column) }
    })
  }

  /** What else is wrong with each of the rows. Leaves the transaction as it is. */
  async of(rows: readonly KnownValues[]): Promise<RowError[][]> {
    const errors: RowError[][] = rows.map(() => [])
    const asked = rows.map((values, n) => ({ n, values, known: new Set(values.keys()) }))
    for (const { n, position, error } of await this.#values(asked)) {
      errors[n]?.push(error)
      asked[n]?.known.delete(position)
    }
    for (const { n, error } of await this.#broken(asked, 'given')) errors[n]?.push(error)
    return errors
  }

  /** Adds to rows of the temporary table, of which these values cannot be read, the conditions that their other values do not meet. */
  async addTo(rows: readonly RefusedRow[], bad: readonly BadValue[]): Promise<RefusedRow[]> {
    const { columns, usesDefaults } = this.#request
    const known = columns.flatMap((index, position) => {
      const column = this.#table.description.columns[index]
      // A default that is evaluated anew may be another one.
      return usesDefaults && column?.hasDefault ? [] : [position]
    })
    const asked = new Map(rows.map(({ row }) => [row + 1, { n: row + 1, known: new Set(known) }]))
    for (const { n, position } of bad) asked.get(n)?.known.delete(position)
    const more = new Map<number, RowError[]>()
    for (const { n, error } of await this.#broken([...asked.values()], 'staged')) {
      const of = more.get(n)
      if (of === undefined) more.set(n, [error])
      else of.push(error)
    }
    return rows.map(({ row, errors }) => ({ row, errors: [...errors, ...(more.get(row + 1) ?? [])] }))
  }

  /** Values that their columns cannot take. */
  async #values(asked: readonly Asked[]): Promise<BadValue[]> {
    const isKnown = ({ position }: CheckedColumn) => asked.some(({ known }) => known.has(position))
    if (!this.#checked.some(isKnown) || !(await this.#prepare())) return []
    return await this.#ofValues(asked, this.#checked.filter(isKnown))
  }

  /**
   * What cannot be asked is looked for: an odd value, such as one with a character that the server's encoding lacks, is to say nothing of
   * itself alone.
   */
  async #ofValues(asked: readonly Asked[], columns: readonly CheckedColumn[]): Promise<BadValue[]> {
    const positions = columns.map(({ position }) => position)
    if (positions.length === 0) return []
    try {
      const found = await this.#ask(this.#valuesSql(columns).sql, asked, positions)
      const known = new Map(asked.map((row) => [row.n, row.known]))
      // Of a value that is not known it says what it says of NULL.
      return found
        .map((line) => readBadValue(line, columns, MOST_SHOWN))
        .filter(({ n, position }) => known.get(n)?.has(position))
    } catch (error) {
      if (!isOfQuery(error)) throw error
      // An input function that knows errors only, or a domain with a condition that fails.
      if (this.#by === 'asking' && this.#mayTry) {
        this.#by = 'trying'
        await this.drop()
        await this.#query(RENEWED)
        return (await this.#prepare()) ? await this.#ofValues(asked, this.#left(columns)) : []
      }
      const [half, part] = [asked.length >> 1, columns.length >> 1]
      if (half > 0) {
        const before = await this.#ofValues(asked.slice(0, half), columns)
        return [...before, ...(await this.#ofValues(asked.slice(half), this.#left(columns)))]
      }
      if (part > 0) {
        const before = await this.#ofValues(asked, columns.slice(0, part))
        return [...before, ...(await this.#ofValues(asked, columns.slice(part)))]
      }
      const [position = -1] = positions
      const odd = (this.#oddValues.get(position) ?? 0) + 1
      this.#oddValues.set(position, odd)
      // Each costs some questions, and a column that has so many of them is left alone.
      if (odd >= MOST_ODD_VALUES) this.#checked = this.#checked.filter((column) => column.position !== position)
      return []
    }
  }

  /** Those that are still asked about. */
  #left(columns: readonly CheckedColumn[]): CheckedColumn[] {
    return columns.filter((column) => this.#checked.includes(column))
  }

  #valuesSql(columns: readonly CheckedColumn[]): ValueCheck {
    const { length } = columns
    const rows = this.#source(
      'given',
      columns.map(({ position }) => position),
    )
    const init = { serverVersion: this.#serverVersion, rows }
    const check = valueCheck(`${this.#name}_f`, columns, { ...init, by: this.#by })
    if (check === undefined) throw internalError(`${length} columns cannot be asked about by ${this.#by}`)
    return check
  }

  /** Makes what tells of values when it is needed first. Whether there is any. */
  async #prepare(): Promise<boolean> {
    if (this.#check !== undefined) return true
    if (this.#serverVersion < SAYS_SO) this.#by = 'trying'
    if (this.#by === 'trying' && !this.#mayTry) return false
    const check = this.#valuesSql(this.#checked)
    if (check.ddl.length > 0) {
      await this.#query('SAVEPOINT copyist_question')
      try {
        for (const sql of check.ddl) await this.#query(sql)
      } catch (error) {
        // Without the right to make functions less is told, and the load goes on.
        if (!(isOfQuery(error) && error.sqlState === '42501')) throw error
        await this.#query('ROLLBACK TO SAVEPOINT copyist_question; RELEASE SAVEPOINT copyist_question')
        this.#mayTry = false
        this.#by = 'asking'
        // Whether NULL is of a domain is found out by trying.
        this.#checked = this.#checked.filter(({ isDomain }) => !isDomain)
        return this.#serverVersion >= SAYS_SO && this.#checked.length > 0 && (await this.#prepare())
      }
      await this.#query(`RELEASE SAVEPOINT copyist_question; ${RENEWED}`)
    }
    this.#check = check
    return true
  }

  /** Conditions that rows do not meet. */
  async #broken(asked: readonly Asked[], place: Place): Promise<{ n: number; error: RowError }[]> {
    if (this.#request.refusals?.tolerates !== 'all' || asked.length === 0) return []
    this.#conditions ??= await this.#readConditions()
    const conditions = this.#conditions.filter(({ positions }) =>
      asked.some(({ known }) => positions.every((position) => known.has(position))),
    )
    return await this.#ofConditions(conditions, asked, place)
  }

  /** One that fails is looked for: then it is what it says of a row that is this row's error, as it would be if the row were inserted. */
  async #ofConditions(
    conditions: readonly Condition[],
    asked: readonly Asked[],
    place: Place,
  ): Promise<{ n: number; error: RowError }[]> {
    if (conditions.length === 0 || this.#conditions?.length === 0) return []
    const positions = [...new Set(conditions.flatMap((condition) => condition.positions))]
    const sql = this.#conditionsSql(conditions, positions, place)
    try {
      const found = await this.#ask(sql, asked, positions)
      return found.flatMap(([n, at]) => {
        const condition = conditions[Number(at)]
        if (condition === undefined) return []
        const { sqlState, message } = TELLS.check(this.#table.description.relationName, condition.name)
        return [{ n: Number(n), error: errorOf(condition, sqlState, message) }]
      })
    } catch (error) {
      if (!isOfQuery(error)) throw error
      const [first, ...others] = conditions
      if (asked.length > 1) {
        const half = asked.length >> 1
        const before = await this.#ofConditions(conditions, asked.slice(0, half), place)
        return [...before, ...(await this.#ofConditions(conditions, asked.slice(half), place))]
      }
      if (first !== undefined && others.length > 0) {
        return [
          ...(await this.#ofConditions([first], asked, place)),
          ...(await this.#ofConditions(others, asked, place)),
        ]
      }
      const [row] = asked
      // Each costs some questions, and what is so often an error is told often enough.
      this.#failures += 1
      if (this.#failures > MOST_FAILURES || /^42/.test(error.sqlState)) this.#conditions = []
      if (first === undefined || row === undefined || !/^2[23]/.test(error.sqlState)) return []
      return [{ n: row.n, error: errorOf(first, error.sqlState, error.message) }]
    }
  }

  async #readConditions(): Promise<Condition[]> {
    const { columns } = this.#request
    const { description } = this.#table
    const [row] = await this.#query(CHECKS_SQL, [description.sqlName])
    const { checks, defaults, others } = JSON.parse(row?.[0] ?? '{}') as KnownChecks
    const isKnown = (name: string) => {
      const index = description.columns.findIndex((column) => column.name === name)
      // Such as tableoid, which a row has only where it is.
      if (index < 0) return false
      if (columns.includes(index)) return isValueKnown(this.#readType(index))
      return !others?.includes(name) && isSteady(defaults?.[name])
    }
    this.#defaults = defaults ?? {}
    return (checks ?? []).flatMap(({ name, sql, columns: names }) => {
      if (!names.every(isKnown)) return []
      const indexes = names.map((of) => description.columns.findIndex((column) => column.name === of))
      const positions = indexes.map((index) => columns.indexOf(index)).filter((position) => position >= 0)
      return [{ name, sql, column: names.length === 1 ? names[0] : undefined, positions, indexes }]
    })
  }

  #defaults: Readonly<Record<string, string>> = {}

  #readType(index: number): Parameters<typeof storedValue>[1] {
    const { plainTypes, modifiedTypes } = this.#table
    const plain = plainTypes[index] ?? 'text'
    return { plain, ...(modifiedTypes[index] ?? { name: plain, modifier: -1 }) }
  }

  /** Selects the numbers of rows and of conditions that they do not meet, by the values at these positions. */
  #conditionsSql(conditions: readonly Condition[], carried: readonly number[], place: Place): string {
    const { description, sqlColumns, modifiedTypes, collateSql } = this.#table
    const { columns } = this.#request
    const relation = `"${description.relationName.replaceAll('"', '""')}"`
    const read = [...new Set(conditions.flatMap(({ indexes }) => indexes))]
    const bit = (position: number) => `${carried.indexOf(position) + 1}, 1) = '1'`
    const values = read.map((index) => {
      const position = columns.indexOf(index)
      const { name = '', generated } = description.columns[index] ?? {}
      // One that could not be read is NULL.
      const value =
        position >= 0
          ? `CASE WHEN pg_catalog.substr(s.known, ${bit(position)} THEN ${storedValue(`s.c${position}`, this.#readType(index))} END`
          : `CAST((${generated ? 'NULL' : (this.#defaults[name] ?? 'NULL')}) AS ${modifiedTypes[index]?.name})`
      return `${value}${collateSql[index]} AS ${sqlColumns[index]}`
    })
    const isKnown = (position: number) => `pg_catalog.substr(copyist_known, ${bit(position)}`
    const broken = conditions.map(
      ({ sql, positions }, at) =>
        `CASE WHEN ${['true', ...positions.map(isKnown)].join(' AND ')} THEN (${sql}) IS FALSE END AS copyist_b${at}`,
    )
    const flags = conditions.map((_, at) => `(${at}, b.copyist_b${at})`)
    return `SELECT b.copyist_n, f.at FROM (
SELECT copyist_n, ${broken.join(', ')} FROM (
SELECT s.n AS copyist_n, s.known AS copyist_known, ${values.join(', ')} FROM ${this.#source(place, carried)} s OFFSET 0) ${relation} OFFSET 0) b
CROSS JOIN LATERAL (VALUES ${flags.join(', ')}) f(at, is_broken) WHERE f.is_broken ORDER BY 1, 2`
  }

  /** The rows `s` of the parameter `$1`: their numbers, which of the values at these positions are known, and those as text. */
  #source(place: Place, positions: readonly number[]): string {
    const given = 'pg_catalog.json_array_elements(CAST($1 AS pg_catalog.json)) e(v)'
    const row = ['CAST(e.v ->> 0 AS bigint) AS n', 'e.v ->> 1 AS known']
    if (place === 'staged') {
      const fields = positions.map((position) => `CAST(t.c${position} AS text) AS c${position}`)
      return `(SELECT ${[...row, ...fields].join(', ')} FROM ${given} JOIN pg_temp.${this.#name} t ON t.n = CAST(e.v ->> 0 AS bigint) OFFSET 0)`
    }
    const fields = positions.map((position, at) => `e.v ->> ${at + 2} AS c${position}`)
    return `(SELECT ${[...row, ...fields].join(', ')} FROM ${given} OFFSET 0)`
  }

  async #ask(
    sql: string,
    asked: readonly Asked[],
    positions: readonly number[],
  ): Promise<readonly (readonly (string | null)[])[]> {
    const rows = asked.map(({ n, known, values }) => [
      n,
      positions.map((at) => (known.has(at) ? '1' : '0')).join(''),
      ...(values === undefined ? [] : positions.map((at) => (known.has(at) ? (values.get(at) ?? null) : null))),
    ])
    const query = this.#query
    // There are no statistics of the rows: what seems to be a few may be all.
    await query('SAVEPOINT copyist_question; SET LOCAL enable_nestloop = off; SET LOCAL jit = off')
    const end = 'ROLLBACK TO SAVEPOINT copyist_question; RELEASE SAVEPOINT copyist_question'
    try {
      const found = await query(sql, [JSON.stringify(rows)])
      await query(end)
      return found
    } catch (error) {
      if (isOfQuery(error)) await query(end)
      throw error
    }
  }

  async drop(): Promise<void> {
    for (const sql of this.#check?.drop ?? []) await this.#query(sql)
    this.#check = undefined
  }
}

function errorOf({ column }: Condition, sqlState: string, message: string): RowError {
  return { ...(column !== undefined && { column }), sqlState, code: conditionName(sqlState), message }
}

/** Whether an error is the query's, after which the connection is there and can be used. */
function isOfQuery(error: unknown): error is CopyError {
  return error instanceof CopyError && !/^(?:08|57)/.test(error.sqlState)
}
