import { CopyError } from '../../errors.ts'
import type { NativeLoad } from '../../native/load.ts'
import type { LoadRequest, RowError } from '../target.ts'
import { type Batch, SMALL_CHUNK } from './batch.ts'
import type { CatalogTable } from './catalog.ts'
import { ConditionTrial, isConditionTried } from './condition-trial.ts'
import { readConflictKey, resolveConflicts } from './conflict.ts'
import type { CopyInResult } from './copy-in.ts'
import type { Edit } from './edit.ts'
import { Foresight } from './foresight.ts'
import { FurtherErrors } from './further.ts'
import { JUDGE_SQL, type Judgeable, type Verdict } from './judge.ts'
import { type LocatedInit, moveLocated } from './located.ts'
import { MadeValues } from './made-values.ts'
import { internalError, isServerError } from './server-error.ts'
import { hasRule, lineOf, mayNotRead, unreplaceable, withTemporaryHint, withWidthHint } from './stage-errors.ts'
import { StageSql } from './stage-sql.ts'
import { byRow, inTurns, type Outcome, type Query, type RefusedRow, replacementOf, StagedRows } from './staged-rows.ts'
import { isTolerated } from './tolerance.ts'
import { mayWait, readSelfReferences, WaitingRows } from './waiting.ts'
import { columnsOfWhere } from './where-columns.ts'

/** What a batch needs of the transaction. */
export interface TolerantContext {
  readonly query: Query
  /** Runs one COPY FROM STDIN of the chunks of `native`. */
  copy(sql: string, native: NativeLoad): Promise<CopyInResult>
  /** The statement that copies into the table itself. */
  readonly copySql: string
  /** `server_version_num`. */
  readonly serverVersion: number
  /** Whether the transaction is the caller's. */
  readonly isCallers: boolean
}

/** Rules that an INSERT would follow, which COPY does not. */
export const RULES_SQL = `
SELECT r.rulename FROM pg_catalog.pg_rewrite r
WHERE r.ev_class = $1::pg_catalog.regclass AND r.ev_type = '3' AND r.ev_enabled <> 'D' ORDER BY 1`

/** What became of a batch. */
export interface Moved {
  readonly loaded: number
  /** In the order of the input. */
  readonly refused: readonly RefusedRow[]
  /** Rows with a value that was replaced, in the order of the input. */
  readonly replaced?: readonly RefusedRow[]
  readonly conflicted?: number
  /** Rows that WHERE or a trigger held back, where that is told. */
  readonly filtered?: number
  /** Rows that wait for others of their table. */
  readonly waiting?: number
}

/** The temporary table, and the function that moves rows out of it. Made when they are needed first. */
export class Stage {
  readonly #context: TolerantContext
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  readonly #sql: StageSql
  readonly #rows: StagedRows
  /** Made with the table. */
  #foresight: Foresight | undefined
  /** Where a row for which WHERE raises an error costs itself only. */
  readonly #condition: ConditionTrial | undefined
  /** What else is wrong with rows that are refused already. */
  readonly further: FurtherErrors
  /** Where it can be told of which rows a generated column cannot be made. Made with the table. */
  #made: MadeValues | undefined
  /** Nothing but values and these columns could refuse a row, so that all others go in by COPY. */
  #isPlain = false
  /** Where the table refers to itself. */
  #waiting: WaitingRows | undefined
  /** Whether there was an index before the batch. */
  #isIndexed = false
  readonly #replacement = (field: number) => replacementOf(this.#request, field)

  constructor(context: TolerantContext, table: CatalogTable, request: LoadRequest) {
    this.#context = context
    this.#table = table
    this.#request = request
    this.#sql = new StageSql(table, request)
    this.#rows = new StagedRows(this.#sql.name, context.query)
    this.further = new FurtherErrors(context, table, request, this.#sql.name)
    if (isConditionTried(request)) {
      this.#condition = new ConditionTrial(context.query, request, this.#sql, this.#rows)
    }
  }

  /** Whether one query tells of all rows of a batch, so that it may be large. */
  get asksAtOnce(): boolean {
    return this.#foresight?.asksAtOnce === true || this.#isPlain
  }

  /** Whether a row may have to wait since it shares a key with one that does. */
  get isHolding(): boolean {
    return this.#waiting?.areHeld === true
  }

  /** Decides on rows that wait, at the end of the load. */
  async finish(): Promise<{ loaded: number; refused: number }> {
    return (await this.#waiting?.finish()) ?? { loaded: 0, refused: 0 }
  }

  /** Moves a batch into the table by way of the temporary one, into which it is copied as `native`. */
  async move(batch: Batch, native: NativeLoad): Promise<Moved> {
    const { query } = this.#context
    const { conflict } = this.#request
    const foresight = await this.#make()
    this.#isIndexed = this.#rows.isIndexed
    const lacking = await this.#fill(batch, native)
    const moved =
      conflict === undefined
        ? await this.#ask(batch, foresight, lacking)
        : await resolveConflicts(
            {
              query,
              request: { ...this.#request, conflict },
              sql: this.#sql,
              rows: this.#rows,
              foresight,
              further: this.further,
              condition: this.#condition,
            },
            batch,
            lacking,
          )
    await query(`TRUNCATE pg_temp.${this.#sql.name} RESTART IDENTITY`)
    // While rows are asked about, an index would cost more than it helps.
    if (this.#rows.isIndexed && this.asksAtOnce) {
      await query(`DROP INDEX pg_temp.${this.#sql.name}_n`)
      this.#rows.isIndexed = false
    }
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    return moved
  }

  /** Begins a batch anew when the server has undone what was done with it; whether that is possible: rows that wait have been taken out of it. */
  async begin(): Promise<boolean> {
    if (this.#waiting !== undefined) return false
    if (this.#foresight !== undefined) {
      this.#rows.isIndexed = this.#isIndexed
      await this.#number(0)
    }
    return true
  }

  async #make(): Promise<Foresight> {
    if (this.#foresight !== undefined) return this.#foresight
    const { query, serverVersion } = this.#context
    const { refusals } = this.#request
    const { sqlName, relationName } = this.#table.description
    const [row] = await query(JUDGE_SQL, [sqlName])
    const known = JSON.parse(row?.[0] ?? '{}') as Judgeable
    this.#sql.defaults = known.defaults
    this.#sql.drops = known.triggers?.includes('before') === true
    this.#sql.hasTriggers = known.triggers !== null
    // Only where conversions alone are forgiven does no row go by an INSERT.
    if (refusals?.tolerates !== 'conversion') {
      const [rule] = await query(RULES_SQL, [sqlName])
      if (rule) throw hasRule(relationName, rule[0] ?? '')
    }
    if (this.#sql.isOwning) {
      const [may] = await query(`SELECT pg_catalog.has_table_privilege($1, 'SELECT')`, [sqlName])
      if (may?.[0] !== 't') throw mayNotRead(relationName)
    }
    this.#sql.unlisted = columnsOfWhere(this.#table, this.#request)
    if (mayWait(this.#request)) this.#sql.self = await readSelfReferences(query, sqlName)
    else if (this.#request.conflict && refusals)
      this.#sql.refersToItself = (await readSelfReferences(query, sqlName)) !== undefined
    this.#sql.key = await readConflictKey(query, this.#request)
    const foresight = new Foresight({
      query,
      serverVersion,
      request: this.#request,
      table: this.#table,
      sql: this.#sql,
      rows: this.#rows,
      known,
    })
    this.#sql.brokenSql = foresight.brokenSql
    try {
      await query(this.#sql.tableDdl())
      for (const sql of this.#sql.waitingDdl()) await query(sql)
      const [begin] = this.#sql.isOwning ? await query(this.#sql.beginSql) : []
      for (const sql of this.#sql.functionDdl(begin ?? [])) await query(sql)
    } catch (error) {
      throw this.#asTooWide(withTemporaryHint(error))
    }
    await foresight.prepare()
    this.#made = MadeValues.of({
      query,
      request: this.#request,
      table: this.#table,
      sql: this.#sql,
      rows: this.#rows,
      known,
    })
    this.#isPlain = known.constraints?.length === 0 && (!known.made || this.#made !== undefined)
    if (this.#sql.self !== undefined) {
      this.#waiting = new WaitingRows({ query, request: this.#request, sql: this.#sql, rows: this.#rows })
    }
    this.#foresight = foresight
    // What undoes a batch must not undo this.
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    return foresight
  }

  /**
   * Copies a batch into the temporary table. Rows with a character that the database's encoding lacks cannot get that far: the server names
   * the first, so those before it are sent once more, and then some behind it.
   */
  async #fill(batch: Batch, native: NativeLoad): Promise<RefusedRow[]> {
    const { query, copy } = this.#context
    const { columns, sink, usesDefaults, refusals } = this.#request
    const names = columns.map((_, index) => `c${index}`)
    const list = names.length > 0 ? ` (${names.join(', ')})` : ''
    const marker = usesDefaults ? ", DEFAULT E'\\\\D'" : ''
    const format = sink === 'pg_binary' ? 'binary' : `text${marker}`
    const sql = `COPY pg_temp.${this.#sql.name}${list} FROM STDIN (FORMAT ${format})`
    const send = (rows: NativeLoad) =>
      copy(sql, rows).catch((error: unknown) => {
        throw this.#asTooWide(error)
      })
    const lacking: RefusedRow[] = []
    let load = native
    let first = 0
    let most = Number.POSITIVE_INFINITY
    for (;;) {
      await query('SAVEPOINT copyist_fill')
      try {
        await send(load)
        await query('RELEASE SAVEPOINT copyist_fill')
        first += most
        most *= 2
      } catch (error) {
        const line = error instanceof CopyError && error.sqlState === '22P05' ? lineOf(error) : undefined
        if (line === undefined || refusals?.tolerates !== 'all' || !(error instanceof CopyError)) throw error
        await query('ROLLBACK TO SAVEPOINT copyist_fill')
        if (lacking.length === 0) await batch.divide()
        const row = first + line - 1
        await this.#number(first)
        if (line > 1) await send(batch.part(first, row))
        lacking.push({ row, errors: [this.#lacks(error)] })
        first = row + 1
        await this.#number(first)
        // What is sent in vain is no more than what has just gone in, or little.
        most = Math.max(SMALL_CHUNK, 2 * line)
      }
      if (first >= batch.rows) return lacking
      load = batch.part(first, first + most)
    }
  }

  #asTooWide(error: unknown): unknown {
    return withWidthHint(error, this.#table.description.relationName, 'with ON_ERROR stop and without ON CONFLICT')
  }

  /** Numbers the rows that come next as those of the batch from `first` on. What is undone does not give back its numbers. */
  async #number(first: number): Promise<void> {
    // RESTART would make a new file each time.
    const sequence = `pg_catalog.pg_get_serial_sequence('pg_temp.${this.#sql.name}', 'n')`
    await this.#context.query(`SELECT pg_catalog.setval(${sequence}, ${first + 1}, false)`)
  }

  /** The error of a row with a character that the database has not. */
  #lacks({ sqlState, code, message, cause }: CopyError): RowError {
    const position = isServerError(cause) ? /, \S+ c(\d+)(?:$|[:\n])/.exec(cause.where ?? '')?.[1] : undefined
    const index = position === undefined ? undefined : this.#request.columns[Number(position)]
    const column = index === undefined ? undefined : this.#table.description.columns[index]?.name
    return { ...(column !== undefined && { column }), sqlState, code, message }
  }

  /** Asks which rows are refused and copies the others; what asking cannot tell, trying does. */
  async #ask(batch: Batch, foresight: Foresight, lacking: readonly RefusedRow[]): Promise<Moved> {
    const { copy, copySql } = this.#context
    const { refusals } = this.#request
    if (refusals === undefined) throw internalError('no rows may be refused')
    const { replaces, tolerates } = refusals
    const edits = new Map<number, Edit>(lacking.map(({ row }) => [row, 'drop']))
    const bad = await foresight.badValues()
    const isReplacing = replaces !== undefined
    const unread = isReplacing ? byRow(bad ?? []) : await this.further.addTo(byRow(bad ?? []), bad ?? [])
    if (replaces === undefined) {
      await inTurns(unread, ({ row }) => edits.set(row, 'drop'))
      await this.#rows.remove(unread.map(({ row }) => row + 1))
    } else {
      for (const { n, position } of bad ?? []) {
        edits.set(n - 1, [...((edits.get(n - 1) as number[] | undefined) ?? []), position])
      }
    }
    const failed = (await this.#condition?.remove()) ?? []
    if (bad !== undefined && this.#made !== undefined) {
      const unmade = await this.#made.remove()
      if (unmade === undefined) this.#made = undefined
      this.#isPlain &&= unmade !== undefined
      failed.push(...(unmade ?? []))
    }
    await inTurns(failed, ({ row }) => edits.set(row, 'drop'))
    if (isReplacing && bad === undefined) throw unreplaceable(foresight.checked)
    if (bad !== undefined && tolerates === 'conversion') {
      // Whatever it refuses now is no error of a conversion.
      const { rowsLoaded } = await copy(copySql, batch.again(edits, this.#replacement))
      const [refused, replaced] = isReplacing ? [[], unread] : [inOrder([...unread, ...failed]), []]
      return { loaded: rowsLoaded, refused, replaced }
    }
    if (isReplacing) await this.#rows.replace(bad ?? [], this.#request)
    const none = this.#isPlain ? [] : undefined
    const verdicts = bad === undefined ? undefined : ((await foresight.verdicts()) ?? none)
    const rest =
      verdicts === undefined ? await this.#tryAll(batch) : await this.#copyOthers(batch, foresight, { edits, verdicts })
    const refused = inOrder([...lacking, ...(isReplacing ? [] : unread), ...failed, ...rest.refused])
    const waiting = await this.#waiting?.take(batch.first, batch.rows)
    const gone = new Set(isReplacing ? refused.map(({ row }) => row) : [])
    const replaced = isReplacing ? unread.filter(({ row }) => !gone.has(row)) : []
    return { loaded: rest.loaded, refused, replaced, ...(waiting !== undefined && { waiting }) }
  }

  /** Tries all rows that are in the temporary table. */
  #tryAll(batch: Batch): Promise<Outcome> {
    return moveLocated(this.#located, batch, () => this.#rows.tryAll(batch.first))
  }

  get #located(): LocatedInit {
    return { query: this.#context.query, request: this.#request, rows: this.#rows }
  }

  /** Copies all rows but those of `edits` and `verdicts`, and finds out what becomes of the latter. */
  async #copyOthers(
    batch: Batch,
    foresight: Foresight,
    { edits, verdicts }: { readonly edits: Map<number, Edit>; readonly verdicts: readonly Verdict[] },
  ): Promise<{ loaded: number; refused: RefusedRow[] }> {
    const { query, copy, copySql } = this.#context
    const { refusals } = this.#request
    const onlyKeys = refusals?.tolerates === 'unique' || refusals?.tolerates === 'conversion or unique'
    const certain: RefusedRow[] = []
    const undecided: number[] = []
    const proofs: Verdict[] = []
    const isKey = ({ errors }: Verdict) => errors[0]?.sqlState === '23505'
    await inTurns(verdicts, (verdict) => {
      const { n, errors } = verdict
      // What is not forgiven ends the load by COPY itself.
      if (onlyKeys && !errors.every(({ sqlState }) => sqlState === '23505')) return
      edits.set(n - 1, 'drop')
      if (errors.length === 0) undecided.push(n)
      else certain.push({ row: n - 1, errors })
      if (foresight.isUnproved(verdict)) proofs.push(verdict)
    })
    await query('SAVEPOINT copyist_others')
    const isIndexed = this.#rows.isIndexed
    const startOver = async () => {
      // There is more to this table than was asked about. An index that was made for the proofs goes with them.
      this.#rows.isIndexed = isIndexed
      await query('ROLLBACK TO SAVEPOINT copyist_others; RELEASE SAVEPOINT copyist_others')
      foresight.giveUp()
      this.#isPlain = false
      return this.#tryAll(batch)
    }
    // A key that is taken is so by rows that go in first; all else holds before, when no later row can have taken a key.
    if (!(await foresight.prove(proofs.filter((verdict) => !isKey(verdict))))) return startOver()
    let loaded: number
    try {
      loaded = (await copy(copySql, batch.again(edits, this.#replacement))).rowsLoaded
    } catch (error) {
      if (!refusals || !isTolerated(error, refusals)) throw error
      return startOver()
    }
    if (!(await foresight.prove(proofs.filter(isKey)))) return startOver()
    await query('RELEASE SAVEPOINT copyist_others')
    const tried = await moveLocated(this.#located, batch, () => this.#rows.try(undecided))
    return { loaded: loaded + tried.loaded, refused: [...certain, ...tried.refused] }
  }

  async drop(): Promise<void> {
    await this.further.drop()
    if (this.#foresight === undefined) return
    await this.#foresight.drop()
    await this.#condition?.drop()
    await this.#made?.drop()
    for (const sql of this.#sql.dropSql()) await this.#context.query(sql)
  }
}

function inOrder(rows: readonly RefusedRow[]): RefusedRow[] {
  return [...rows].sort((one, other) => one.row - other.row)
}
