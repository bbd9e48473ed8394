import { randomBytes } from 'node:crypto'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { KnownValues, RowError, RowRefusals } from '../target.ts'
import { constraintsOf } from './constraints.ts'
import type { DuckdbColumnDescription, DuckdbTableDescription } from './describe.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { absentSql, castStageSql, type InsertPlan, isCastByDuckdb, ownPrefix, type StagedColumn } from './insert.ts'
import { uncastError } from './row-errors.ts'
import { isConstant, type Test, testsOf } from './row-tests.ts'
import type { RunStatement } from './sieve-context.ts'

/*
 * What else is wrong with rows that are refused already
 *
 * A row with a value that cannot be read gets no further. So that all of its errors are told, DuckDB is asked about its other values, and
 * whether they meet the conditions that read nothing else. Keys and references are not looked up: they depend on which rows go in, and this
 * one does not. As in the sieve no statement fails on account of a row.
 */

/** A condition, and the columns of the column list that must be known for it. */
interface Condition {
  readonly test: Test
  readonly indexes: readonly number[]
}

/** Asks about rows that are refused already. */
export class FurtherErrors {
  readonly #connection: DuckDBConnection
  readonly #run: RunStatement
  readonly #table: DuckdbTableDescription
  readonly #columns: readonly DuckdbColumnDescription[]
  readonly #isAsked: boolean
  readonly #plan: InsertPlan
  readonly #raw: string
  readonly #stage: string
  #conditions: readonly Condition[] | undefined

  constructor(
    { connection, run }: { readonly connection: DuckDBConnection; readonly run: RunStatement },
    table: DuckdbTableDescription,
    columns: readonly DuckdbColumnDescription[],
    tolerates: RowRefusals['tolerates'] | undefined,
  ) {
    this.#connection = connection
    this.#run = run
    this.#table = table
    this.#columns = columns
    this.#isAsked = tolerates === 'all'
    const suffix = randomBytes(8).toString('hex')
    this.#raw = `temp.main.copyist_values_${suffix}`
    this.#stage = `temp.main.copyist_read_${suffix}`
    this.#plan = {
      table,
      // All values are texts here, those included that the decoder reads.
      columns: columns.map((column) =>
        /^(?:array|json)/.test(column.type.kind) ? column : { ...column, type: { kind: 'other' } },
      ),
      defaults: [],
      where: undefined,
      functionName: '',
      feedId: 0,
      own: ownPrefix(table),
    }
  }

  /** What else is wrong with each of the rows. */
  async of(rows: readonly KnownValues[]): Promise<RowError[][]> {
    const errors: RowError[][] = rows.map(() => [])
    const { own } = this.#plan
    const indexes = [...new Set(rows.flatMap((values) => [...values.keys()]))].sort((one, other) => one - other)
    if (indexes.length === 0) return errors
    this.#conditions ??= this.#isAsked ? await this.#readConditions() : []
    const conditions = this.#conditions.filter((condition) =>
      condition.indexes.every((index) => indexes.includes(index)),
    )
    const staged = this.#staged(indexes, conditions)
    await this.#run(`CREATE TEMP TABLE ${this.#raw} AS ${this.#rawSql(rows, indexes, staged)}`)
    const shape = { columns: staged, casts: indexes, isWhereTried: false, replaces: undefined }
    await this.#run(`CREATE TEMP TABLE ${this.#stage} AS ${castStageSql(this.#plan, this.#raw, shape)}`)
    const uncast = indexes.flatMap((index) =>
      isCastByDuckdb(this.#columns[index] as DuckdbColumnDescription)
        ? [
            `SELECT ${own}_n AS n, ${index} AS place, ${own}_t${index} AS t FROM ${this.#stage} WHERE ${own}_t${index} IS NOT NULL`,
          ]
        : [],
    )
    if (uncast.length > 0) {
      const found = await this.#run(`${uncast.join(' UNION ALL ')} ORDER BY n, place`)
      for (const [n, index, text] of found.rows) {
        errors[Number(n)]?.push(uncastError(this.#columns[Number(index)] as DuckdbColumnDescription, String(text)))
      }
    }
    if (conditions.length > 0) {
      const { rows: found } = await this.#run(this.#conditionsSql(conditions, indexes), 'as_written')
      for (const [n, at] of found) {
        const error = conditions[Number(at)]?.test.error
        if (error !== undefined) errors[Number(n)]?.push(error)
      }
    }
    await this.#run(`DROP TABLE ${this.#stage}`)
    await this.#run(`DROP TABLE ${this.#raw}`)
    return errors
  }

  async #readConditions(): Promise<Condition[]> {
    const { checks } = await constraintsOf(this.#connection, this.#table)
    const none = { keys: [], foreignKeys: [], generated: [] }
    const tests = await testsOf(this.#connection, this.#plan, { ...none, checks }, new Map(), true)
    return tests.flatMap((test): Condition[] => {
      const { reads } = test
      if (test.error.code !== 'check_violation' || typeof reads === 'string' || reads.length === 0) return []
      const columns = reads.map((name) => this.#table.columns.find((column) => column.name === name))
      const isKnown = columns.every((column) => {
        const isLoaded = this.#columns.some(({ name }) => name === column?.name)
        return column !== undefined && (isLoaded || (!column.generated && isConstant(column.defaultSql)))
      })
      if (!isKnown) return []
      const indexes = reads.map((name) => this.#columns.findIndex((column) => column.name === name))
      return [{ test, indexes: indexes.filter((index) => index >= 0) }]
    })
  }

  /** Columns that are read, or that conditions read besides. */
  #staged(indexes: readonly number[], conditions: readonly Condition[]): StagedColumn[] {
    const loaded = indexes.flatMap((index) => {
      const column = this.#columns[index]
      return column === undefined ? [] : [{ column, index }]
    })
    const read = new Set(conditions.flatMap(({ test: { reads } }) => reads))
    const others = this.#table.columns.filter(
      ({ name }) => read.has(name) && !this.#columns.some((column) => column.name === name),
    )
    return [...loaded, ...others.map((column) => ({ column, index: undefined }))]
  }

  /** SELECT of the texts of the rows, `<own>_x<index>`, and of which are known, `<own>_k<index>`. */
  #rawSql(rows: readonly KnownValues[], indexes: readonly number[], staged: readonly StagedColumn[]): string {
    const { own } = this.#plan
    // Rows as one text: as many literals take DuckDB's parser fifty times as long.
    const texts = rows.map((row, n) => [
      String(n),
      ...indexes.flatMap((index) => [row.has(index) ? '1' : '0', row.get(index) ?? null]),
    ])
    const fields = indexes.flatMap((index, at) => [
      `${own}_r[${2 * at + 2}] = '1' AS ${own}_k${index}`,
      `${own}_r[${2 * at + 3}] AS ${own}_x${index}`,
    ])
    const others = staged.flatMap(({ column, index }) =>
      index === undefined ? [`${absentSql(column)} AS ${quoteIdentifier(column.name)}`] : [],
    )
    const given = `from_json(${quoteLiteral(JSON.stringify(texts))}, '[["VARCHAR"]]')`
    return `SELECT ${[`CAST(${own}_r[1] AS INTEGER) AS ${own}_n`, ...fields, ...others].join(', ')} FROM (SELECT unnest(${given}) AS ${own}_r)`
  }

  /** SELECT of the numbers of rows and of the conditions that they do not meet. */
  #conditionsSql(conditions: readonly Condition[], indexes: readonly number[]): string {
    const { own } = this.#plan
    const known = indexes.map((index) => `r.${own}_k${index} AND s.${own}_t${index} IS NULL AS ${own}_k${index}`)
    const rows = `(SELECT s.*, ${known.join(', ')} FROM ${this.#stage} AS s JOIN ${this.#raw} AS r ON s.${own}_n = r.${own}_n) AS ${quoteIdentifier(this.#table.relationName)}`
    const broken = conditions.map(({ test, indexes: needed }, at) => {
      const isKnown = ['true', ...needed.map((index) => `${own}_k${index}`)].join(' AND ')
      return `SELECT ${own}_n AS n, ${at} AS place FROM (SELECT ${own}_n, CASE WHEN ${isKnown} THEN ${test.sql} END AS ${own}_e FROM ${rows}) WHERE ${own}_e`
    })
    return `${broken.join(' UNION ALL ')} ORDER BY n, place`
  }

  /** Leaves no temporary tables behind a load that has failed. */
  async discard(): Promise<void> {
    for (const name of [this.#raw, this.#stage]) await this.#connection.run(`DROP TABLE IF EXISTS ${name}`)
  }
}
