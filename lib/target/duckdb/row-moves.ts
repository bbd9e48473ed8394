import { skipKnown } from './conflict-rows.ts'
import { quoteIdentifier } from './identifiers.ts'
import { insertRestSql, insertSql, isNotGone, rowsOf } from './insert.ts'
import {
  arbiterOf,
  isSameRow,
  isUpsert,
  keptSql,
  type Part,
  type RunStatement,
  type SieveContext,
} from './sieve-context.ts'

/* How the rows that stay get into the table. */

/** What was decided on the rows of a part. */
export interface Decided {
  /** `1` at the number of each row that does not stay, as bytes; undefined where all do. */
  readonly gone: Buffer | undefined
  /** Rows before which an INSERT must have ended, since they refer to rows before them. */
  readonly cuts: readonly number[]
}

/** Inserts the rows out of the feed, or out of the temporary table where that has them whole; how many. */
export async function insertRows(
  context: SieveContext,
  run: RunStatement,
  { rows: count, source }: Part,
  { gone: refused, cuts }: Decided,
): Promise<number> {
  const { isWhole, isCast, tables } = context
  const { own } = context.plan
  const plan = { ...context.plan, where: undefined }
  let gone = refused
  if (isCast) {
    const { rows } = await run(
      `SELECT CAST(bitstring_agg(${own}_n, 0, ${count}) AS VARCHAR) FROM ${tables.stage} WHERE NOT ${keptSql(context)}`,
    )
    const [bits] = rows[0] ?? []
    if (typeof bits === 'string') {
      gone = Buffer.from(bits, 'latin1')
      if (refused !== undefined) for (let row = 0; row < count; row += 1) if (refused[row] === GONE) gone[row] = GONE
    }
  }
  if (!isWhole && gone === undefined && cuts.length === 0) return (await run(insertSql(plan, source))).changed
  const all = gone ?? Buffer.alloc(count, STAYS)
  let loaded = 0
  // A row finds the key of one that the same statement inserts only when that is in.
  const bounds = [0, ...cuts, count]
  for (const [at, first] of bounds.slice(0, -1).entries()) {
    const last = bounds[at + 1] ?? count
    const range = cuts.length === 0 ? source : rowsOf(source, first, last)
    // There may be many of these statements.
    const bits = all.toString('latin1', first, last)
    const sql = isWhole ? insertStagedSql(context, first, last, bits) : insertRestSql(plan, range, bits, first)
    loaded += (await run(sql)).changed
  }
  return loaded
}

/** ASCII of a bit. */
export const STAYS = 0x30
export const GONE = 0x31

/** Updates and inserts out of `from`; how many. */
export async function moveRows(
  context: SieveContext,
  run: RunStatement,
  { rows }: Pick<Part, 'rows'>,
  cuts: readonly number[],
  from = context.tables.stage,
): Promise<number> {
  const { plan, policy, constraints, shape, isDeleting } = context
  const { own, table, columns } = plan
  let loaded = 0
  if (isUpsert(context)) {
    const key = constraints.keys[arbiterOf(context) ?? -1]
    const kept = `${from} AS ${own}_s WHERE ${own}_s.${own}_kept AND ${isSameRow(context)}`
    const set = columns
      .filter(({ name }) => !key?.columns?.includes(name))
      .map(({ name }) => `${quoteIdentifier(name)} = ${own}_s.${quoteIdentifier(name)}`)
    const target = `${table.fullName} AS ${own}_o`
    const { changed } = await run(
      isDeleting ? `DELETE FROM ${target} USING ${kept}` : `UPDATE ${target} SET ${set.join(', ')} FROM ${kept}`,
    )
    if (changed > 0) policy.onUpdate()
    if (!isDeleting) loaded += changed
    // What is left is inserted in the order of the file, which a join need not keep.
    if (!isDeleting && changed > 0 && key !== undefined) await skipKnown(context, run, key, from)
  }
  const names = shape.columns.map(({ column }) => quoteIdentifier(column.name)).join(', ')
  const bounds = [0, ...cuts, rows]
  for (const [at, first] of bounds.slice(0, -1).entries()) {
    const range = cuts.length === 0 ? '' : ` AND ${own}_n BETWEEN ${first} AND ${(bounds[at + 1] ?? rows) - 1}`
    const sql = `INSERT INTO ${table.fullName} (${names}) SELECT ${names} FROM ${from} WHERE ${own}_kept${range}`
    loaded += (await run(sql)).changed
  }
  return loaded
}

function insertStagedSql({ plan, shape, tables }: SieveContext, first: number, last: number, gone: string): string {
  const names = shape.columns.map(({ column }) => quoteIdentifier(column.name)).join(', ')
  return `INSERT INTO ${plan.table.fullName} (${names}) SELECT ${names} FROM ${tables.stage}
WHERE CASE WHEN ${plan.own}_n BETWEEN ${first} AND ${last - 1} THEN ${isNotGone(plan, gone, first)} END`
}
