import type { UniqueKey } from './constraints.ts'
import { quoteIdentifier } from './identifiers.ts'
import { isComplete, keyColumns } from './key-sql.ts'
import {
  arbiterOf,
  dismiss,
  isSameRow,
  keyRows,
  type RunStatement,
  type SieveContext,
  tableKeys,
} from './sieve-context.ts'

/* What ON CONFLICT asks of rows: which of several with one key counts, and whether a key is there already. */

/** Of the rows of `table` with one key, takes all but one out; how many. */
export async function keepOne(
  context: SieveContext,
  run: RunStatement,
  { parts }: UniqueKey,
  keep: 'first' | 'last',
  table = context.tables.stage,
): Promise<number> {
  const { own } = context.plan
  const columns = keyColumns(parts)
  const rows = keyRows(context, parts, table)
  return await dismiss(
    context,
    run,
    `SELECT ${own}_n FROM ${rows} JOIN (SELECT ${columns}, ${keep === 'last' ? 'max' : 'min'}(${own}_n) AS ${own}_kept_n
FROM ${rows} WHERE ${isComplete(parts)} GROUP BY ${columns} HAVING count(*) > 1) USING (${columns}) WHERE ${own}_n <> ${own}_kept_n`,
    table,
  )
}

/** Takes out the rows whose key is in the table; how many. */
export async function skipKnown(
  context: SieveContext,
  run: RunStatement,
  { parts }: UniqueKey,
  table?: string,
): Promise<number> {
  return await dismiss(
    context,
    run,
    `SELECT ${context.plan.own}_n FROM ${keyRows(context, parts, table)} SEMI JOIN ${tableKeys(context, parts)}
USING (${keyColumns(parts)}) WHERE ${isComplete(parts)}`,
    table,
  )
}

/** Gives rows that update another what they leave as it is there; how many. As new rows, with defaults, they have to be right too. */
export async function merge(context: SieveContext, run: RunStatement): Promise<number> {
  const { plan, shape, tables } = context
  const { own } = plan
  const absent = shape.columns.filter(({ index }) => index === undefined)
  if (absent.length === 0) return 0
  const set = absent.map(({ column }) => `${quoteIdentifier(column.name)} = ${own}_o.${quoteIdentifier(column.name)}`)
  const sql = `UPDATE ${tables.stage} AS ${own}_s SET ${set.join(', ')} FROM ${plan.table.fullName} AS ${own}_o
WHERE ${own}_s.${own}_kept AND ${isSameRow(context)}`
  return (await run(sql)).changed
}

/**
 * The keys that the load itself has given to the table, where rows of one window may take the place of rows of another: so that what
 * becomes of a row, and what it counts as, does not depend on where windows end.
 */
export class SeenKeys {
  readonly #context: SieveContext
  #isMade = false

  constructor(context: SieveContext) {
    this.#context = context
  }

  get #parts(): readonly string[] {
    return this.#context.constraints.keys[arbiterOf(this.#context) ?? -1]?.parts ?? []
  }

  /** Takes out rows that are in the way of one that is there: of the load where its first counts, or of before it with DO SKIP. */
  async skip(run: RunStatement): Promise<number> {
    const { policy, tables, plan } = this.#context
    const parts = this.#parts
    const columns = keyColumns(parts)
    const rows = keyRows(this.#context, parts)
    const complete = `WHERE ${isComplete(parts)}`
    let count = 0
    if (policy.conflict?.action === 'skip') {
      const own = this.#isMade ? ` ANTI JOIN ${tables.seen} USING (${columns})` : ''
      count += await dismiss(
        this.#context,
        run,
        `SELECT ${plan.own}_n FROM ${rows} SEMI JOIN ${tableKeys(this.#context, parts)} USING (${columns})${own} ${complete}`,
      )
    }
    if (policy.conflict?.keep === 'first' && this.#isMade) {
      const seen = `SELECT ${plan.own}_n FROM ${rows} SEMI JOIN ${tables.seen} USING (${columns}) ${complete}`
      count += await dismiss(this.#context, run, seen)
    }
    return count
  }

  /** Adds those of the rows that are about to be moved; how many rows of the load they take the place of. */
  async add(run: RunStatement): Promise<number> {
    const { tables } = this.#context
    const parts = this.#parts
    const columns = keyColumns(parts)
    const keys = `(SELECT ${columns} FROM ${keyRows(this.#context, parts)} WHERE ${isComplete(parts)})`
    if (!this.#isMade) {
      await run(`CREATE TEMP TABLE ${tables.seen} AS SELECT ${columns} FROM ${keys}`)
      this.#isMade = true
      return 0
    }
    // There is one row of each key.
    const { rows } = await run(`SELECT count(*) FROM ${keys} SEMI JOIN ${tables.seen} USING (${columns})`)
    await run(`INSERT INTO ${tables.seen} SELECT ${columns} FROM ${keys} ANTI JOIN ${tables.seen} USING (${columns})`)
    return Number(rows[0]?.[0])
  }
}
