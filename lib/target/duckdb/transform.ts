import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import { type NativeLoad, positionOf } from '../../native/load.ts'
import type { FieldStep, RowError, RowRefusals } from '../target.ts'
import type { DuckdbColumnDescription, DuckdbTableDescription } from './describe.ts'
import type { DuckdbDriver } from './driver.ts'
import { asCopyError, inCondition, withPosition } from './errors.ts'
import { checkExpression } from './expressions.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import {
  collated,
  type FeedSource,
  fieldsSql,
  type InsertPlan,
  isCastByDuckdb,
  type RowSource,
  stepSql,
  type TransformPlan,
} from './insert.ts'
import { prepareAsWritten, query } from './query.ts'
import { type Elsewhere, rowErrorOf, uncastError } from './row-errors.ts'
import { readBy } from './row-tests.ts'
import type { RowWindow } from './row-window.ts'
import type { Sifted } from './sieve.ts'
import type { RunStatement } from './sieve-context.ts'
import { castFromVector, MAX_DECIMAL_PRECISION, readingOf } from './types.ts'

/*
 * Expressions between the fields and the table
 *
 * They are part of the SELECT over our function. Where a row that one of them raises an error for costs itself only, or the transaction
 * must outlive the error, the fields of a window go into a temporary table first, since DuckDB's TRY lets errors pass where it gets its
 * arguments out of a STRUCT; what TRY makes of the expressions is another one, from which the rows go on as if they came from the feed.
 */

/** Rows that are dealt with in one turn of the event loop. */
const ROWS_A_TURN = 512

/**
 * Finds out what the types are, and that the expressions are some.
 *
 * @throws {CopyError} with the SQL of the type or expression as `statement.text`.
 */
export async function planTransform(
  driver: DuckdbDriver,
  connection: DuckDBConnection,
  table: DuckdbTableDescription,
  columns: readonly number[],
  steps: readonly (FieldStep | undefined)[],
): Promise<TransformPlan> {
  const fields: DuckdbColumnDescription[] = []
  for (const [position, index] of columns.entries()) {
    const column = table.columns[index] as DuckdbColumnDescription
    const step = steps[position]
    const type = step?.type ?? (step?.expression === undefined ? undefined : roomFor(column))
    const read = type === undefined ? undefined : await typeNamed(driver, connection, type)
    const isOwn = step === undefined
    const { dated, dates, hasNumbers, zero, collation, ...rest } = column
    const own = { ...(dated && { dated }), ...(dates && { dates }), ...(hasNumbers && { hasNumbers }) }
    const reading = read ?? { ...own, ...(collation && { collation }) }
    fields.push({ ...rest, ...reading, hasDefault: false, defaultSql: undefined, notNull: isOwn && column.notNull })
  }
  for (const step of steps) {
    if (step?.expression !== undefined) await checkExpression(connection, table.relationName, fields, step.expression)
  }
  return { fields, steps }
}

/** Digits on either side of the point that a decimal of an expression may have more than its column. */
const ROOM = 6

/**
 * What a column's field is read as for an expression that has no type of its own: as the column without its length. DuckDB has no decimals
 * without one, so there are more digits, but not so many that nothing is left for a product.
 */
function roomFor({ type }: DuckdbColumnDescription): string | undefined {
  if (type.kind !== 'numeric' || type.precision === undefined) return undefined
  const { precision, scale = 0 } = type
  const room = Math.min(ROOM, Math.floor((MAX_DECIMAL_PRECISION - precision) / 2))
  return room > 0 ? `DECIMAL(${precision + 2 * room}, ${scale + room})` : undefined
}

async function typeNamed(
  driver: DuckdbDriver,
  connection: DuckDBConnection,
  type: string,
): Promise<Pick<DuckdbColumnDescription, 'type' | 'typeName' | 'dated' | 'dates' | 'hasNumbers'>> {
  const before = 'SELECT CAST(NULL AS '
  try {
    const sql = `${before}${type})`
    const prepared = await prepareAsWritten(connection, sql)
    try {
      const [row] = await query(connection, `SELECT typeof(CAST(NULL AS ${type}))`)
      // DuckDB keeps no lengths, but the decoder does.
      const length = /^(?:varchar|character\s+varying)\s*\(\s*(\d+)\s*\)$/i.exec(type)?.[1]
      const read = readingOf(driver, prepared.columnType(0))
      return {
        ...read,
        ...(length !== undefined && { type: { kind: 'varchar', length: Number(length) } }),
        typeName: String(row?.[0]),
      }
    } finally {
      prepared.destroySync()
    }
  } catch (error) {
    throw inCondition(asCopyError(error), type, before.length)
  }
}

/** A row that an expression, or the type of a field, refuses. */
interface BadRow {
  /** In its window. */
  readonly row: number
  readonly errors: readonly RowError[]
  /** The expression's column, or the field's; and whether it is about reading the field. */
  readonly position: number
  readonly isField: boolean
}

/** What a load wants of rows that an expression raises an error for. */
export interface StagingPolicy {
  readonly tolerates: RowRefusals['tolerates'] | undefined
  /** Says where rows are. */
  readonly native: NativeLoad
  readonly elsewhere: Elsewhere
}

type Insert = (source: RowSource, refusals: RowRefusals | undefined) => Promise<Sifted>

/** Evaluates the expressions of windows by themselves, so that an error of one is the row's. */
export class Staging {
  readonly #plan: InsertPlan
  readonly #transform: TransformPlan
  readonly #policy: StagingPolicy
  /** Positions of the fields that DuckDB casts. */
  readonly #casts: readonly number[]
  /** Positions of what may raise an error that can be caught, and those that may not. */
  readonly #tried: ReadonlySet<number>
  readonly #names: { readonly raw: string; readonly fields: string; readonly values: string }

  private constructor(plan: InsertPlan, transform: TransformPlan, policy: StagingPolicy, tried: ReadonlySet<number>) {
    this.#plan = plan
    this.#transform = transform
    this.#policy = policy
    this.#tried = tried
    this.#casts = transform.fields.flatMap((field, position) => (isCastByDuckdb(field) ? [position] : []))
    const suffix = randomBytes(8).toString('hex')
    const name = (part: string) => `temp.main.copyist_${part}_${suffix}`
    this.#names = { raw: name('fields'), fields: name('read'), values: name('made') }
  }

  /** Prepares for the windows of a load; undefined without TRANSFORM. */
  static async open(
    connection: DuckDBConnection,
    plan: InsertPlan,
    policy: StagingPolicy,
  ): Promise<Staging | undefined> {
    const { transform, table } = plan
    if (transform === undefined) return undefined
    const nulls = transform.fields.map(({ name, typeName }) => `CAST(NULL AS ${typeName}) AS ${quoteIdentifier(name)}`)
    const rows = `(SELECT ${nulls.join(', ')}) AS ${quoteIdentifier(table.relationName)}`
    const tried = new Set<number>()
    for (const [position, step] of transform.steps.entries()) {
      if (step === undefined) continue
      try {
        const prepared = await prepareAsWritten(
          connection,
          `SELECT TRY(${stepSql(plan, transform, position)}) FROM ${rows}`,
        )
        prepared.destroySync()
        tried.add(position)
      } catch {
        // It has a volatile function, which TRY does not take: an error of it is DuckDB's to raise.
      }
    }
    return new Staging(plan, transform, policy, tried)
  }

  /** Hands over the rows of a window that an expression raises an error for, and the others to `insert`. */
  async load(
    run: RunStatement,
    window: RowWindow,
    source: FeedSource,
    refusals: RowRefusals | undefined,
    insert: Insert,
  ): Promise<Sifted> {
    await this.#evaluate(run, source)
    const bad = await this.#bad(run)
    const [first] = bad
    const isTolerant = refusals !== undefined && refusals.tolerates !== 'unique'
    if (first !== undefined && !isTolerant) throw await this.#failure(window.firstRow, first)
    const refused: { row: number; errors: readonly RowError[] }[] = bad.map(({ row, errors }) => ({
      row: window.firstRow + row,
      errors,
    }))
    const { own } = this.#plan
    const kept = this.#flags.map((flag) => `NOT ${flag}`).join(' AND ')
    const values = this.#transform.fields.map(
      (_, position) => `'c${position}': ${this.#isStep(position) ? `c${position}.v` : `c${position}`}`,
    )
    const staged: RowSource = {
      kind: 'staged',
      sqlName: `(SELECT ${own}_n AS n, {${values.join(', ')}} AS s FROM ${this.#names.values}${kept === '' ? '' : ` WHERE ${kept}`})`,
      first: 0,
      last: window.rows,
    }
    // Both kinds of refused rows are told in the order of the input.
    const sifted = await insert(staged, refusals && gathering(refusals, refused))
    refused.sort((a, b) => a.row - b.row)
    for (const [at, { row, errors }] of refused.entries()) {
      if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
      refusals?.refuse(row, errors)
    }
    for (const name of this.#tables) await run(`DROP TABLE ${name}`)
    return { ...sifted, refused: sifted.refused + bad.length }
  }

  /** Leaves no temporary tables behind a load that has failed. */
  async discard(connection: DuckDBConnection): Promise<void> {
    for (const name of this.#tables) await connection.run(`DROP TABLE IF EXISTS ${name}`)
  }

  get #tables(): string[] {
    const { raw, fields, values } = this.#names
    return this.#casts.length === 0 ? [fields, values] : [raw, fields, values]
  }

  #isStep(position: number): boolean {
    return this.#transform.steps[position] !== undefined
  }

  /** Columns of the table of values that are true for rows that are refused. */
  get #flags(): string[] {
    const { own } = this.#plan
    return [
      ...this.#casts.map((position) => `${own}_t${position}`),
      ...[...this.#tried].map((position) => `${own}_e${position}`),
    ]
  }

  async #evaluate(run: RunStatement, source: FeedSource): Promise<void> {
    const { own, table } = this.#plan
    const { fields } = this.#transform
    const { raw, fields: read, values } = this.#names
    const names = fields.map(({ name }) => quoteIdentifier(name))
    if (this.#casts.length === 0) {
      await run(
        `CREATE TEMP TABLE ${read} AS SELECT ${[`${own}_n`, ...names].join(', ')} FROM ${fieldsSql(this.#plan, source)}`,
      )
    } else {
      const texts = fields.map((_, position) => `${own}_f.c${position} AS ${own}_x${position}`)
      const from = fieldsSql(this.#plan, source, 'raw')
      await run(`CREATE TEMP TABLE ${raw} AS SELECT ${[`${own}_n`, ...texts].join(', ')} FROM ${from}`)
      const casts = fields.flatMap((field, position) => {
        const { type, typeName } = field
        const text = `${own}_x${position}`
        if (!this.#casts.includes(position)) return [`${collated(text, field)} AS ${names[position]}`]
        const cast = castFromVector(text, type, typeName)
        const isThere = `${text} IS NOT NULL`
        return [
          `CASE WHEN ${isThere} THEN TRY(${cast}) END AS ${names[position]}`,
          `${isThere} AND CASE WHEN ${isThere} THEN TRY(hash(${cast})) END IS NULL AS ${own}_t${position}`,
        ]
      })
      await run(`CREATE TEMP TABLE ${read} AS SELECT ${[`${own}_n`, ...casts].join(', ')} FROM ${raw}`)
    }
    const isRead = this.#casts.map((position) => `NOT ${own}_t${position}`).join(' AND ') || `${own}_n IS NOT NULL`
    // A STRUCT is there even where the value is NULL. Within CASE, from which DuckDB takes no expression that occurs twice.
    const made = fields.map((_, position) => {
      if (!this.#isStep(position)) return `${names[position]} AS c${position}`
      const value = `{'v': ${stepSql(this.#plan, this.#transform, position)}}`
      return `CASE WHEN ${isRead} THEN ${this.#tried.has(position) ? `TRY(${value})` : value} END AS c${position}`
    })
    const marks = this.#casts.map((position) => `${own}_t${position}`)
    const inner = `(SELECT ${[`${own}_n`, ...marks, ...made].join(', ')} FROM ${read} AS ${quoteIdentifier(table.relationName)})`
    const isAllRead = marks.length === 0 ? '' : ` AND NOT (${marks.join(' OR ')})`
    const errors = [...this.#tried].map((position) => `c${position} IS NULL${isAllRead} AS ${own}_e${position}`)
    // As it is written: DuckDB would take out of an expression what cannot change its value but may raise an error.
    await run(`CREATE TEMP TABLE ${values} AS SELECT ${['*', ...errors].join(', ')} FROM ${inner}`, 'as_written')
  }

  /** The rows that are refused, in their order. */
  async #bad(run: RunStatement): Promise<BadRow[]> {
    const flags = this.#flags
    if (flags.length === 0) return []
    const { own } = this.#plan
    const { fields } = this.#transform
    const isFirst = this.#policy.tolerates === undefined || this.#policy.tolerates === 'unique' ? ' LIMIT 1' : ''
    const tried = [...this.#tried]
    const texts = [
      ...this.#casts.map((position) => `r.${own}_x${position}`),
      ...fields.map(({ name }) => `CAST(f.${quoteIdentifier(name)} AS VARCHAR)`),
    ]
    const raw = this.#casts.length === 0 ? '' : ` JOIN ${this.#names.raw} AS r USING (${own}_n)`
    const marked = flags.map((flag) => `v.${flag}`)
    const { rows } = await run(
      `SELECT ${[`${own}_n`, ...marked, ...texts].join(', ')} FROM ${this.#names.values} AS v JOIN ${this.#names.fields} AS f USING (${own}_n)${raw}
WHERE ${marked.join(' OR ')} ORDER BY ${own}_n${isFirst}`,
    )
    const bad: BadRow[] = []
    for (const [at, row] of rows.entries()) {
      if (at % ROWS_A_TURN === ROWS_A_TURN - 1) await nextTurn()
      const errors: RowError[] = []
      let about: Pick<BadRow, 'position' | 'isField'> | undefined
      const values = row.slice(1 + flags.length + this.#casts.length)
      for (const [flag] of flags.entries()) {
        if (row[1 + flag] !== true) continue
        const isField = flag < this.#casts.length
        const position = (isField ? this.#casts[flag] : tried[flag - this.#casts.length]) ?? 0
        const text = isField ? row[1 + flags.length + flag] : values[position]
        const field = fields[position] as DuckdbColumnDescription
        about ??= { position, isField }
        if (isField) errors.push(uncastError(field, String(text)))
        else {
          const told = await this.#raised(position, values)
          errors.push({ column: field.name, ...told, ...(typeof text === 'string' && { value: text }) })
        }
      }
      if (about !== undefined) bad.push({ row: Number(row[0]), errors, ...about })
    }
    return bad
  }

  /** What DuckDB says of a row with these fields for which an expression raises an error. */
  async #raised(position: number, texts: readonly unknown[]): Promise<RowError> {
    const { fields } = this.#transform
    const { relationName } = this.#plan.table
    const { name } = fields[position] as DuckdbColumnDescription
    const sql = stepSql(this.#plan, this.#transform, position)
    const read = readBy(sql, relationName, fields)
    const values = read.map((field, at) => `CAST($${at + 1} AS ${field.typeName}) AS ${quoteIdentifier(field.name)}`)
    const error = await this.#policy.elsewhere.errorOf(
      `SELECT ${sql} FROM (SELECT ${values.join(', ') || '1'}) AS ${quoteIdentifier(relationName)}`,
      read.map((field) => {
        const text = texts[fields.indexOf(field)]
        return typeof text === 'string' ? text : null
      }),
    )
    const message = `the TRANSFORM expression of column "${name}" raises an error for this row`
    return error === undefined ? { sqlState: '22000', code: 'data_exception', message } : rowErrorOf(error)
  }

  /** The error of a load that ends at a row, in DuckDB's words. */
  async #failure(first: number, { row, errors, position, isField }: BadRow): Promise<CopyError> {
    const { table } = this.#plan
    const { elsewhere, native } = this.#policy
    const [foretold] = errors
    const { column, value, ...init } = foretold ?? {
      sqlState: 'XX000',
      code: 'internal_error',
      message: 'a row was refused',
    }
    const { type, typeName } = this.#transform.fields[position] as DuckdbColumnDescription
    const cast =
      isField && (await elsewhere.errorOf(`SELECT ${castFromVector(quoteLiteral(value ?? ''), type, typeName)}`))
    const error = cast || new CopyError(init)
    const at = native.locate(first + row)
    const shownValue = value === undefined || column === undefined ? '' : `, column ${column}: "${value}"`
    const context = at === undefined ? undefined : `COPY ${table.relationName}, ${at.unit} ${at.line}${shownValue}`
    return withPosition(error, { ...(at && positionOf(at)), ...(column === undefined ? {} : { column }) }, context)
  }
}

/** Keeps refused rows for later. */
function gathering(refusals: RowRefusals, refused: { row: number; errors: readonly RowError[] }[]): RowRefusals {
  return {
    tolerates: refusals.tolerates,
    ...(refusals.replaces && { replaces: refusals.replaces }),
    get isPressed() {
      return refusals.isPressed
    },
    get mustAsk() {
      return refusals.mustAsk
    },
    askMore: (question) => refusals.askMore(question),
    refuse: (row, errors) => void refused.push({ row, errors }),
    replace: (row, errors) => refusals.replace(row, errors),
    settle: (row) => refusals.settle(row),
    postpone: (row) => refusals.postpone(row),
    conclude: (row, errors) => refusals.conclude(row, errors),
    settleLate: () => refusals.settleLate(),
  }
}
