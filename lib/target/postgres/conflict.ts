import { CopyError } from '../../errors.ts'
import type { ConflictRequest, LoadRequest } from '../target.ts'
import type { Batch } from './batch.ts'
import { ConditionTrial } from './condition-trial.ts'
import type { Foresight } from './foresight.ts'
import type { FurtherErrors } from './further.ts'
import { moveLocated } from './located.ts'
import { internalError } from './server-error.ts'
import { inPart } from './sql-position.ts'
import { locatedError, unreplaceable } from './stage-errors.ts'
import type { ConflictKey, StageSql } from './stage-sql.ts'
import { byRow, type Outcome, type Query, type RefusedRow, type StagedRows } from './staged-rows.ts'
import { isTolerated } from './tolerance.ts'

/*
 * Rows that go from the temporary table to the table as ON CONFLICT says
 *
 * A load without rows that may be refused has one batch where the clause keeps another row than the first: there rows with one key are told
 * apart first, and all go in by one statement. Beside refused rows, one that is refused takes nobody's place, so that which row is kept is
 * known only when each has been looked at, where one statement does not take them all; and rows of a batch may meet rows of the load that went
 * in before. So the statement tells them from rows that were there before (`StageSql`), and every row is tried in its turn; but where the last is
 * kept and what refuses a row can be told beforehand: then those are taken out, and of the others the last of each key goes in. Where it cannot, and
 * keys come again, so it is done when all have been tried, and that has been taken back.
 */

/** What rows are moved with. */
export interface ConflictInit {
  readonly query: Query
  readonly request: LoadRequest & { readonly conflict: ConflictRequest }
  readonly sql: StageSql
  readonly rows: StagedRows
  readonly foresight: Foresight
  /** What else is wrong with rows that are refused already. */
  readonly further: FurtherErrors
  /** Where a row for which WHERE raises an error costs itself only. */
  readonly condition?: ConditionTrial | undefined
}

/**
 * Of each column `$2`, a JSON array, of the relation `$1`: the collation by which ON CONFLICT compares it, where it is not the column's, and
 * whether NULL is the same as NULL. The clause goes by every index of these columns, whatever its collation is: of several, one by which
 * bytes that differ may be the same.
 */
const CONFLICT_KEY_SQL = `
WITH key AS (
  SELECT a.attnum, a.attcollation, k.place
  FROM pg_catalog.json_array_elements_text($2::pg_catalog.json) WITH ORDINALITY AS k (name, place)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::pg_catalog.regclass AND a.attname = k.name
), part AS (
  SELECT i.indexrelid, p.number, p.collation_oid, (pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct') = 'true' AS are_nulls_same
  FROM pg_catalog.pg_index i CROSS JOIN LATERAL ROWS FROM (
    pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indcollation::oid[])
  ) WITH ORDINALITY AS p (number, collation_oid, position)
  WHERE i.indrelid = $1::pg_catalog.regclass AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL
    AND p.position <= i.indnkeyatts
), arbiter AS (
  SELECT part.* FROM part WHERE (
    SELECT pg_catalog.array_agg(p.number) @> k.numbers AND k.numbers @> pg_catalog.array_agg(p.number)
    FROM part p CROSS JOIN (SELECT pg_catalog.array_agg(key.attnum) AS numbers FROM key) k
    WHERE p.indexrelid = part.indexrelid GROUP BY k.numbers
  )
)
SELECT (
  SELECT CASE WHEN c.oid <> key.attcollation THEN pg_catalog.format(' COLLATE %I.%I', n.nspname, c.collname) END
  FROM arbiter JOIN pg_catalog.pg_collation c ON c.oid = arbiter.collation_oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
  WHERE arbiter.number = key.attnum
  ORDER BY c.collisdeterministic LIMIT 1
), (SELECT pg_catalog.bool_or(arbiter.are_nulls_same) FROM arbiter) FROM key ORDER BY key.place`

/** How ON CONFLICT compares keys; undefined without a key. */
export async function readConflictKey(
  query: Query,
  { table, conflict }: Pick<LoadRequest, 'table' | 'conflict'>,
): Promise<ConflictKey | undefined> {
  if (conflict?.keys === undefined) return undefined
  const names = conflict.keys.map((key) => table.columns[key]?.name)
  const rows = await query(CONFLICT_KEY_SQL, [table.sqlName, JSON.stringify(names)])
  return {
    columns: conflict.keys,
    collations: rows.map(([collation]) => collation ?? ''),
    areNullsSame: rows.some(([, areNullsSame]) => areNullsSame === 't'),
  }
}

/** What became of a batch. */
export interface Resolved {
  readonly loaded: number
  /** In the order of the input. */
  readonly refused: readonly RefusedRow[]
  /** Rows with a value that was replaced, in the order of the input. */
  readonly replaced?: readonly RefusedRow[]
  readonly conflicted: number
  /** Rows that WHERE or a trigger held back. */
  readonly filtered: number
}

/** Moves the rows of a batch that are in the temporary table; `lacking` are those that are not. */
export async function resolveConflicts(
  init: ConflictInit,
  batch: Batch,
  lacking: readonly RefusedRow[],
): Promise<Resolved> {
  const { foresight, further, rows, sql, request, condition } = init
  if (request.refusals === undefined) return moveOrStop(init, batch)
  const values = await foresight.badValues()
  const isReplacing = request.refusals.replaces !== undefined
  if (isReplacing && values === undefined) throw unreplaceable(foresight.checked)
  const replaced = isReplacing ? byRow(values ?? []) : []
  const bad = isReplacing ? [] : await further.addTo(byRow(values ?? []), values ?? [])
  if (isReplacing) await rows.replace(values ?? [], request)
  await rows.remove(bad.map(({ row }) => row + 1))
  bad.push(...((await condition?.remove()) ?? []))
  const held = await filter(init, batch)
  // What is told of rows that others follow is all that is wrong with them.
  const foreseen = values === undefined ? undefined : await moveForeseen(init)
  const { loaded, conflicted, refused } = foreseen ?? (await moveLocated(init, batch, () => moveAll(init)))
  const [first] = refused
  // Whatever is refused now is no value that could be replaced.
  if (isReplacing && first) {
    throw locatedError(internalError('a row is refused'), request, { ...first, place: batch.locate(first.row) })
  }
  const rest = batch.rows - lacking.length - bad.length - held - refused.length - loaded - conflicted
  const isTold = sql.isOwning || sql.drops
  if (rest < 0 || (rest > 0 && isTold && !sql.drops)) throw unbalanced(batch.rows, rest)
  return {
    loaded,
    refused: [...lacking, ...bad, ...refused].sort((one, other) => one.row - other.row),
    ...(isReplacing && { replaced }),
    conflicted: conflicted + (isTold ? 0 : rest),
    filtered: held + (isTold ? rest : 0),
  }
}

/** Moves all rows but those that are refused: by one statement first, since few batches have any, and to try each block costs a savepoint. */
async function moveAll(init: ConflictInit): Promise<Outcome> {
  const { query, request, sql, rows } = init
  // What a trigger drops is found out row by row.
  if (sql.drops || sql.refersToItself || request.refusals === undefined) return await rows.tryAll()
  const areKeysRepeated = await repeatsKeys(init)
  if (areKeysRepeated && sql.collapses) return await moveCollapsed(init)
  // One statement cannot change a row twice.
  if (rows.areTriedAtOnce && !areKeysRepeated) {
    await query('SAVEPOINT copyist_all')
    try {
      const moved = await rows.run('atOnce')
      await query('RELEASE SAVEPOINT copyist_all')
      return moved
    } catch (error) {
      const isTwice = error instanceof CopyError && error.sqlState === '21000'
      if (!isTwice && !isTolerated(error, request.refusals)) throw error
      await query('ROLLBACK TO SAVEPOINT copyist_all; RELEASE SAVEPOINT copyist_all')
    }
  }
  const moved = await rows.tryAll()
  // After a batch that has failed as a whole, one that would not have.
  rows.areTriedAtOnce = !rows.areTriedAtOnce && moved.refused.length === 0
  return moved
}

/** Whether rows of one statement would meet each other; not where that cannot be told. */
async function repeatsKeys({ rows, sql }: ConflictInit): Promise<boolean> {
  if (!sql.isOwning) return false
  const found = await rows.tryQuery(`SELECT 1 FROM (${sql.repeatedSql('true')}) repeated LIMIT 1`, () => true)
  return found !== undefined && found.length > 0
}

/**
 * Moves the last of the rows with one key that are not refused. Which those are is found out by moving all of them, and taking that back: each
 * row that has been replaced would stay behind, and be looked at for every later row of its key.
 */
async function moveCollapsed(init: ConflictInit): Promise<Outcome> {
  const { query, request, rows } = init
  await rows.index()
  await query('SAVEPOINT copyist_trial')
  const { refused } = await rows.run('collapsed')
  await query('ROLLBACK TO SAVEPOINT copyist_trial')
  await rows.remove(refused.map(({ row }) => row + 1))
  try {
    const taken = await deduplicate(init)
    const { loaded, conflicted } = await rows.run('atOnce')
    await query('RELEASE SAVEPOINT copyist_trial')
    return { loaded, conflicted: conflicted + taken, refused }
  } catch (error) {
    // A row has a second key that another one has given up for a later value.
    if (request.refusals === undefined || !isTolerated(error, request.refusals)) throw error
    await query('ROLLBACK TO SAVEPOINT copyist_trial; RELEASE SAVEPOINT copyist_trial')
    await rows.remove(refused.map(({ row }) => row + 1))
    const moved = await rows.run('collapsed')
    return { ...moved, refused: [...refused, ...moved.refused] }
  }
}

/** Moves all rows, or throws the error of the first that is refused. */
async function moveOrStop(init: ConflictInit, batch: Batch): Promise<Resolved> {
  const { request, sql, rows } = init
  const held = await filter(init, batch)
  const move = async (): Promise<Resolved> => {
    const taken = await deduplicate(init)
    const isUpdate = request.conflict.action === 'update'
    // Whether a trigger has dropped a row, or its key was there, is told of each for itself.
    const isTold = sql.drops && !isUpdate
    const { loaded, conflicted, refused } = await (isTold ? rows.tryAll() : rows.run('atOnce'))
    if (refused.length > 0) throw internalError('rows are refused of which none may be')
    const rest = batch.rows - held - taken - loaded - conflicted
    if (rest < 0 || (rest > 0 && sql.updates && !sql.drops)) throw unbalanced(batch.rows, rest)
    const isDropped = isTold || sql.updates
    return {
      loaded,
      refused: [],
      conflicted: taken + conflicted + (isDropped ? 0 : rest),
      filtered: held + (isDropped ? rest : 0),
    }
  }
  return await moveLocated(init, batch, move, async () => {
    await deduplicate(init)
  })
}

/** Takes those out that are known to be refused, and of the others all but the last of each key; undefined where that cannot be told. */
async function moveForeseen(init: ConflictInit): Promise<Outcome | undefined> {
  const { foresight, query, rows, request } = init
  const { refusals } = request
  if (!foresight.tellsOfConflicts || refusals === undefined) return undefined
  const verdicts = foresight.judges ? await foresight.verdicts() : []
  if (verdicts === undefined) {
    foresight.giveUp()
    return undefined
  }
  if (verdicts.some(({ errors }) => errors.length === 0)) return undefined
  await query('SAVEPOINT copyist_others')
  const isIndexed = rows.isIndexed
  const startOver = async () => {
    // An index that was made for the proofs goes with them.
    rows.isIndexed = isIndexed
    await query('ROLLBACK TO SAVEPOINT copyist_others; RELEASE SAVEPOINT copyist_others')
    foresight.giveUp()
    return undefined
  }
  if (!(await foresight.prove(foresight.unproved(verdicts)))) return startOver()
  await rows.remove(verdicts.map(({ n }) => n))
  try {
    const taken = await deduplicate(init)
    const { loaded, conflicted } = await rows.run('atOnce')
    await query('RELEASE SAVEPOINT copyist_others')
    const refused = verdicts.map(({ n, errors }) => ({ row: n - 1, errors: [...errors] }))
    return { loaded, conflicted: conflicted + taken, refused }
  } catch (error) {
    if (!isTolerated(error, refusals)) throw error
    return startOver()
  }
}

/** Takes out of the temporary table what WHERE holds back; how many rows that are. */
async function filter(init: ConflictInit, batch: Batch): Promise<number> {
  const { query, sql, request } = init
  const { where } = request
  if (where === undefined) return 0
  // Asked of each row by itself: to look for it again would be to read all of them for each. And as it is written, as by COPY: in WHERE the
  // server would evaluate first what costs least.
  const statement = `WITH gone AS (DELETE FROM pg_temp.${sql.name} s WHERE (SELECT CASE WHEN (${where}
) THEN true END FROM (${sql.rowSql}) ${sql.relation}) IS NOT TRUE RETURNING 1) SELECT count(*) FROM gone`
  await query('SAVEPOINT copyist_filter')
  try {
    const [row] = await query(statement)
    await query('RELEASE SAVEPOINT copyist_filter')
    return Number(row?.[0])
  } catch (error) {
    // COPY takes what is none here, such as a column with the schema of its table: it is in this statement that the error has its place.
    throw await locatedCondition(init, batch, inPart(error, statement, where))
  }
}

/** The error with the place of the first row for which the condition raises one. */
async function locatedCondition(init: ConflictInit, batch: Batch, error: unknown): Promise<unknown> {
  const { query, request, sql, rows } = init
  // Not even the connection may be left.
  if (!isTolerated(error, { tolerates: 'all' })) return error
  await query('ROLLBACK TO SAVEPOINT copyist_filter')
  const [failed] = await new ConditionTrial(query, request, sql, rows, true).find()
  if (failed === undefined) return error
  // It may be a value that cannot be read, of which the column is known when the row is tried.
  await query(`DELETE FROM pg_temp.${sql.name} WHERE n <> ${failed.row + 1}`)
  const [tried] = (await rows.run('first')).refused
  const isSame = tried !== undefined && tried.errors[0]?.message === failed.errors[0]?.message
  return locatedError(error, request, { ...(isSame ? tried : failed), place: batch.locate(failed.row) })
}

/** Takes out all but one of the rows with one key; how many rows that are. */
async function deduplicate({ query, sql, request }: ConflictInit): Promise<number> {
  const { action, keep } = request.conflict
  // The first of several rows is kept by the table itself, as the others then find it there.
  if (sql.key === undefined || (action === 'skip' && keep === 'first')) return 0
  const [row] = await query(`WITH gone AS (${sql.deleteOthersSql('true')} RETURNING 1) SELECT count(*) FROM gone`)
  return Number(row?.[0])
}

function unbalanced(rows: number, rest: number): CopyError {
  return internalError(`load does not balance: of ${rows} rows that went to the server, it does not tell of ${rest}`)
}
