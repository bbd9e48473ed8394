import { keepOne, merge, type SeenKeys, skipKnown } from './conflict-rows.ts'
import { type ForeignKey, partOf, type UniqueKey } from './constraints.ts'
import { isComplete, keyColumns, keyText } from './key-sql.ts'
import type { Test } from './row-tests.ts'
import {
  arbiterOf,
  dismiss,
  isUpsert,
  keptSql,
  keyRows,
  type RunStatement,
  ranksOf,
  relationOf,
  type SieveContext,
  tableKeys,
  withoutOther,
} from './sieve-context.ts'

/*
 * What is wrong with the rows of a part
 *
 * It is asked by queries, whose answers stay in the database: there may be one for each row, and several. A temporary table has them by the
 * number of the row, its kind and its place among others of its kind, and `verdict.ts` reads them in the order of the rows.
 */

/** Kinds of findings. */
export const FOUND = {
  /** A reason to refuse the row, whatever others there are; the place is its rank. */
  reason: 0,
  /** A key that the row shares with others of the part; `a` is the first of them. The place is the key's. */
  shared: 1,
  /**
   * A key that a row of the table has whose place this row does not take; `a` is the first row of the part that takes it, if any does, and
   * `b` whether there are several. The place is the key's.
   */
  held: 2,
  /**
   * A reference to the table itself that leads to no row of it; `a` is the first row of the part that has the key, if any has, and `b`
   * whether there are several. The place is the foreign key's.
   */
  orphan: 3,
} as const

/** What there is to decide on. */
export interface Found {
  /** Whether anything is. */
  isAny: boolean
  /** Rows that ON CONFLICT passes over by their keys alone. */
  skipped: number
}

const NOTHING = 'CAST(NULL AS BIGINT), CAST(NULL AS BIGINT)'

/** Looks for what is wrong with the rows of the temporary table. */
export class Finder {
  readonly #context: SieveContext
  readonly #seen: SeenKeys
  #isMade = false
  #isAny = false

  constructor(context: SieveContext, seen: SeenKeys) {
    this.#context = context
    this.#seen = seen
  }

  /** Begins with a part. */
  async begin(run: RunStatement): Promise<void> {
    const { found } = this.#context.tables
    if (!this.#isMade) {
      await run(
        `CREATE TEMP TABLE ${found} (n BIGINT, kind UTINYINT, place INTEGER, a BIGINT, b BIGINT, "text" VARCHAR)`,
      )
    } else if (this.#isAny) await run(`TRUNCATE ${found}`)
    this.#isMade = true
    this.#isAny = false
  }

  /** Looks for what is wrong with rows by themselves. */
  async ofRows(run: RunStatement): Promise<void> {
    await this.#test(run)
  }

  /** Looks for references to other tables that lead nowhere. */
  async ofReferences(run: RunStatement): Promise<void> {
    for (const [index, foreignKey] of this.#context.constraints.foreignKeys.entries()) {
      if (foreignKey.otherTable !== undefined) await this.#refuseOrphans(run, foreignKey, index)
    }
  }

  /**
   * Where rows that may be refused take the place of others: takes out those that are, since such a row takes nobody's place; and those
   * that are passed over, by their number.
   */
  async ofReplacing(run: RunStatement, isGathered: boolean): Promise<Found> {
    const context = this.#context
    const { conflict } = context.policy
    const isUpdate = conflict?.action === 'update'
    const dismissFound = async (): Promise<void> => {
      if (this.#isAny) await dismiss(context, run, `SELECT n FROM ${context.tables.found}`)
    }
    await this.ofRows(run)
    await dismissFound()
    let skipped = 0
    if (isUpdate && (await merge(context, run)) > 0) await this.#test(run)
    // Before references are looked at, as in PostgreSQL.
    skipped += await this.#seen.skip(run)
    await this.ofReferences(run)
    // Otherwise the row before it with its key may be refused on account of others: whether it is passed over is decided row by row.
    if (conflict?.isGathered) {
      if (conflict.keep === 'first') skipped += await this.#passOver(run, isGathered)
      await dismissFound()
    }
    return { isAny: this.#isAny, skipped }
  }

  /** Takes out rows that lead nowhere, but come behind one with their key that is kept: nobody looks at their references. How many. */
  async #passOver(run: RunStatement, isGathered: boolean): Promise<number> {
    const context = this.#context
    const { constraints, tables, plan } = context
    const { found, gathered, stage } = tables
    const key = constraints.keys[arbiterOf(context) ?? -1]
    if (!this.#isAny || key === undefined) return 0
    const [n, first] = [`${plan.own}_n`, `${plan.own}_first`]
    const columns = keyColumns(key.parts)
    const rows = keyRows(context, key.parts)
    const isWhole = isComplete(key.parts)
    const bad = `SELECT n FROM ${found} WHERE kind = ${FOUND.reason} AND place >= ${ranksOf(context).foreignKeys}`
    const staying = [
      `SELECT ${columns}, ${n} AS ${first} FROM ${rows} WHERE ${isWhole} AND ${n} NOT IN (${bad})`,
      ...(isGathered ? [`SELECT ${columns}, -1 FROM ${keyRows(context, key.parts, gathered)} WHERE ${isWhole}`] : []),
    ]
    const passed = await dismiss(
      context,
      run,
      `SELECT ${n} FROM ${rows} JOIN (SELECT ${columns}, min(${first}) AS ${first} FROM (${staying.join(' UNION ALL ')}) GROUP BY ${columns})
USING (${columns}) WHERE ${n} > ${first} AND ${n} IN (${bad})`,
    )
    if (passed > 0)
      await run(
        `DELETE FROM ${found} WHERE n IN (${bad}) AND n IN (SELECT ${n} FROM ${stage} WHERE NOT ${plan.own}_kept)`,
      )
    return passed
  }

  /** What depends on other rows that take places: where there are several keys, or references within the table. */
  async ofOthersReplacing(run: RunStatement): Promise<boolean> {
    const isAscending = await this.#ascending(run)
    await this.#shared(run, isAscending)
    await this.#held(run, isAscending)
    await this.#orphans(run)
    return this.#isAny
  }

  /** Looks for all that is wrong with rows of which one was kept of each key. */
  async ofKept(run: RunStatement): Promise<Found> {
    const context = this.#context
    const { keys, foreignKeys } = context.constraints
    const { conflict } = context.policy
    const { found } = context.tables
    const { own } = context.plan
    const isUpdate = conflict?.action === 'update'
    const arbiter = arbiterOf(context)
    const ofKeys = ranksOf(context).keys
    // A row that is refused for itself is in nobody's way, and has no conflict.
    if (conflict !== undefined && this.#isAny) await dismiss(context, run, `SELECT n FROM ${found}`)
    if (isUpdate && (await merge(context, run)) > 0) {
      await this.#test(run)
      if (this.#isAny) await dismiss(context, run, `SELECT n FROM ${found}`)
    }
    const isSettled = await this.#ascending(run)
    let skipped = 0
    for (const [index, key] of keys.entries()) {
      if (isSettled[index] || isUpdate || !conflict?.arbiters.has(index)) continue
      skipped += await skipKnown(context, run, key)
      // With nothing else to be refused for, the first row that has the key stays.
      if (keys.length > 1 || foreignKeys.length > 0) continue
      skipped += await keepOne(context, run, key, 'first')
      isSettled[index] = true
    }
    for (const [index, key] of keys.entries()) {
      if (isSettled[index] || isUpdate || conflict?.arbiters.has(index)) continue
      await this.#record(
        run,
        `SELECT ${own}_n, ${FOUND.reason}, ${ofKeys + index}, ${NOTHING}, ${keyText(key.names)}
FROM ${keyRows(context, key.parts)} SEMI JOIN ${tableKeys(context, key.parts)} USING (${keyColumns(key.parts)}) WHERE ${isComplete(key.parts)}`,
      )
      // With nothing else in which rows stand in each other's way, of those with one key the first stays that may.
      if (keys.length > 1 || foreignKeys.some(({ otherTable }) => otherTable === undefined)) continue
      await this.#later(run, key, ofKeys + index)
      isSettled[index] = true
    }
    // Otherwise it has been asked before.
    if (conflict !== undefined) await this.ofReferences(run)
    // From here on it depends on the rows before.
    if (arbiter !== undefined) isSettled[arbiter] = true
    await this.#shared(run, isSettled)
    if (isUpsert(context)) await this.#held(run, isSettled)
    await this.#orphans(run)
    return { isAny: this.#isAny, skipped }
  }

  async end(run: RunStatement): Promise<void> {
    if (this.#isMade) await run(`DROP TABLE ${this.#context.tables.found}`)
    this.#isMade = false
  }

  /** Adds what a query finds. */
  async #record(run: RunStatement, sql: string, how?: 'as_written'): Promise<void> {
    const { changed } = await run(`INSERT INTO ${this.#context.tables.found} ${sql}`, how)
    this.#isAny ||= changed > 0
  }

  async #test(run: RunStatement): Promise<void> {
    const { shape, tests, plan, tables } = this.#context
    const { own } = plan
    const kept = keptSql(this.#context)
    const ranks = ranksOf(this.#context)
    // What is replaced is nothing to refuse a row for.
    const casts = (shape.replaces ? [] : shape.casts).map(
      (index, at) =>
        `SELECT ${own}_n, ${FOUND.reason}, ${at}, ${NOTHING}, ${own}_t${index} FROM ${tables.stage} WHERE ${kept} AND ${own}_t${index} IS NOT NULL`,
    )
    if (casts.length > 0) await this.#record(run, casts.join('\nUNION ALL '))
    if (tests.length === 0) return
    // Of a value that cannot be cast it is not known what it would be.
    const readBy = ({ reads }: Test) =>
      typeof reads === 'string' || shape.replaces
        ? []
        : shape.casts.filter((index) => reads.includes(plan.columns[index]?.name ?? ''))
    const known = (test: Test) => {
      const marks = readBy(test).map((index) => `${own}_t${index} IS NULL`)
      return marks.length === 0 ? test.sql : `CASE WHEN ${marks.join(' AND ')} THEN ${test.sql} END`
    }
    const failed = tests.map(
      (test, index) =>
        `SELECT ${own}_n, ${FOUND.reason}, ${ranks.tests + index}, ${NOTHING}, CAST(NULL AS VARCHAR)
FROM (SELECT ${own}_n, ${known(test)} AS ${own}_e FROM ${tables.stage} AS ${relationOf(this.#context)} WHERE ${kept}) WHERE ${own}_e`,
    )
    // As an INSERT evaluates them. Else a row may pass that DuckDB refuses.
    const how = tests.some(({ raising }) => raising !== undefined) ? 'as_written' : undefined
    await this.#record(run, failed.join('\nUNION ALL '), how)
  }

  async #refuseOrphans(run: RunStatement, foreignKey: ForeignKey, index: number): Promise<void> {
    const context = this.#context
    const { own, table } = context.plan
    const parts = foreignKey.columns.map((name) => partOf(table, name))
    await this.#record(
      run,
      `SELECT ${own}_n, ${FOUND.reason}, ${ranksOf(context).foreignKeys + index}, ${NOTHING}, ${keyText(foreignKey.otherColumns)}
FROM ${keyRows(context, parts)} ${withoutOther(context, foreignKey)}`,
    )
  }

  /**
   * Refuses the rows that share their key with one before them which stays: that is not refused for something else. Those whose key is in
   * the table are refused for that.
   */
  async #later(run: RunStatement, { parts, names }: UniqueKey, rank: number): Promise<void> {
    const context = this.#context
    const { found } = context.tables
    const n = `${context.plan.own}_n`
    const columns = keyColumns(parts)
    const rows = keyRows(context, parts)
    const staying = this.#isAny ? `(FROM ${rows} WHERE ${n} NOT IN (SELECT n FROM ${found}))` : rows
    const isNew = this.#isAny
      ? ` AND ${n} NOT IN (SELECT n FROM ${found} WHERE kind = ${FOUND.reason} AND place = ${rank})`
      : ''
    await this.#record(
      run,
      `SELECT ${n}, ${FOUND.reason}, ${rank}, ${NOTHING}, ${keyText(names)} FROM ${rows}
JOIN (SELECT ${columns}, min(${n}) AS ${context.plan.own}_first FROM ${staying} WHERE ${isComplete(parts)} GROUP BY ${columns}
${this.#isAny ? '' : 'HAVING count(*) > 1'}) USING (${columns}) WHERE ${n} > ${context.plan.own}_first${isNew}`,
    )
  }

  /**
   * By key, whether each row has a greater one than the row before it, and the first a greater one than all in the table. It is so in many
   * a file, and found out in a fraction of the time that it takes to look for conflicts.
   */
  async #ascending(run: RunStatement): Promise<boolean[]> {
    const context = this.#context
    const { own } = context.plan
    const replaced = isUpsert(context) ? arbiterOf(context) : undefined
    const answers: boolean[] = []
    for (const [index, { parts }] of context.constraints.keys.entries()) {
      if (parts.length !== 1 || index === replaced) {
        answers.push(false)
        continue
      }
      const { rows } = await run(
        `SELECT count(*) FILTER (k0 IS NULL OR k0 <= ${own}_before) = 0
AND coalesce(min(k0) > (SELECT max(k0) FROM ${tableKeys(context, parts)}), true)
FROM (SELECT k0, lag(k0) OVER () AS ${own}_before FROM ${keyRows(context, parts)})`,
      )
      answers.push(rows[0]?.[0] === true)
    }
    return answers
  }

  /** The rows that share a key with another. */
  async #shared(run: RunStatement, isSettled: readonly boolean[]): Promise<void> {
    const context = this.#context
    const { own } = context.plan
    for (const [index, { parts, names }] of context.constraints.keys.entries()) {
      if (isSettled[index]) continue
      const columns = keyColumns(parts)
      const rows = keyRows(context, parts)
      await this.#record(
        run,
        `SELECT ${own}_n, ${FOUND.shared}, ${index}, ${own}_first, CAST(NULL AS BIGINT), ${keyText(names)}
FROM ${rows} JOIN (SELECT ${columns}, min(${own}_n) AS ${own}_first
FROM ${rows} WHERE ${isComplete(parts)} GROUP BY ${columns} HAVING count(*) > 1) USING (${columns})`,
      )
    }
  }

  /** The rows that would give a key to one row of the table that another has. */
  async #held(run: RunStatement, isSettled: readonly boolean[]): Promise<void> {
    const context = this.#context
    const { own } = context.plan
    const arbiter = arbiterOf(context)
    const arbiterParts = context.constraints.keys[arbiter ?? -1]?.parts ?? []
    const releasers = `(SELECT ${keyColumns(arbiterParts)}, min(${own}_n) AS ${own}_first, count(*) AS ${own}_count FROM ${keyRows(context, arbiterParts)} GROUP BY ${keyColumns(arbiterParts)})`
    for (const [index, { parts, names }] of context.constraints.keys.entries()) {
      if (isSettled[index] || index === arbiter) continue
      // Both as expressions of their own columns, the key of ON CONFLICT behind this one.
      const both = [...parts, ...arbiterParts]
      const isHeld = parts.map((_, at) => `${own}_s.k${at} = ${own}_o.k${at}`).join(' AND ')
      const isSame = arbiterParts.map((_, at) => `${own}_s.k${parts.length + at} = ${own}_o.k${parts.length + at}`)
      const isReleased = arbiterParts.map((_, at) => `${own}_r.k${at} = ${own}_o.k${parts.length + at}`)
      const texts = parts.map((_, at) => `${own}_s.k${at}`)
      await this.#record(
        run,
        `SELECT ${own}_n, ${FOUND.held}, ${index}, ${own}_first, CAST(${own}_count > 1 AS BIGINT), ${keyText(names)} FROM (
SELECT ${own}_s.${own}_n, ${own}_r.${own}_first, ${own}_r.${own}_count, ${texts.join(', ')}
FROM ${keyRows(context, both)} AS ${own}_s JOIN ${tableKeys(context, both)} AS ${own}_o ON ${isHeld}
LEFT JOIN ${releasers} AS ${own}_r ON ${isReleased.join(' AND ')}
WHERE NOT coalesce(${isSame.join(' AND ')}, false))`,
      )
    }
  }

  /** The rows whose foreign key into the table itself is not there before the part. */
  async #orphans(run: RunStatement): Promise<void> {
    const context = this.#context
    const { own, table } = context.plan
    for (const [index, foreignKey] of context.constraints.foreignKeys.entries()) {
      if (foreignKey.otherTable !== undefined) continue
      const parts = foreignKey.columns.map((name) => partOf(table, name))
      const otherParts = foreignKey.otherColumns.map((name) => partOf(table, name))
      const columns = keyColumns(parts)
      await this.#record(
        run,
        `SELECT ${own}_n, ${FOUND.orphan}, ${index}, ${own}_first, CAST(${own}_count > 1 AS BIGINT), ${keyText(foreignKey.otherColumns)}
FROM (SELECT * FROM ${keyRows(context, parts)} ${withoutOther(context, foreignKey)})
LEFT JOIN (SELECT ${columns}, min(${own}_n) AS ${own}_first, count(*) AS ${own}_count FROM ${keyRows(context, otherParts)} GROUP BY ${columns})
USING (${columns})`,
      )
    }
  }
}
