import { CopyError } from '../../errors.ts'
import type { NativeLoad } from '../../native/load.ts'
import type { ConflictRequest, LoadRequest, RowError } from '../target.ts'
import { type Batch, SMALL_CHUNK } from './batch.ts'
import type { CatalogTable } from './catalog.ts'
import type { CopyInResult } from './copy-in.ts'
import type { Edit } from './edit.ts'
import { isRepeatable, isSteady, JUDGE_SQL, type Judge, type Judgeable, judgeOf, type Verdict } from './judge.ts'
import { internalError, isServerError } from './server-error.ts'
import { hasRule, lineOf, unreplaceable, withTemporaryHint } from './stage-errors.ts'
import { StageSql } from './stage-sql.ts'
import { byRow, MOST_SHOWN, type Query, type RefusedRow, StagedRows } from './staged-rows.ts'
import { isTolerated } from './tolerance.ts'
import { type BadValue, type CheckedColumn, isValueKnown, readBadValue, type ValueCheck, valueCheck } from './values.ts'
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
  readonly replaced: readonly RefusedRow[]
  readonly conflicted: number
}

/** Whether what was foretold of a row is what the server has said of it. */
function isSame(foretold: RowError | undefined, found: RowError | undefined): boolean {
  if (foretold === undefined || found === undefined) return false
  const { sqlState, message, detail } = foretold
  return sqlState === found.sqlState && message === found.message && (detail === undefined || detail === found.detail)
}

/** The temporary table, and the function that moves rows out of it. Made when they are needed first. */
export class Stage {
  readonly #context: TolerantContext
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  readonly #sql: StageSql
  readonly #rows: StagedRows
  #isMade = false
  #known: Judgeable = { constraints: null, defaults: null }
  /** Tells which rows a constraint refuses; undefined where only trying does. */
  #judge: Judge | undefined
  /** Constraints of which a row has been tried. */
  readonly #proved = new Set<string>()
  /** Columns whose values the server has to read. */
  readonly #checked: readonly CheckedColumn[]
  #check: ValueCheck | undefined
  #isTrying = false

  constructor(context: TolerantContext, table: CatalogTable, request: LoadRequest) {
    this.#context = context
    this.#table = table
    this.#request = request
    this.#sql = new StageSql(table, request)
    this.#rows = new StagedRows(this.#sql.name, context.query)
    const { columns } = table.description
    this.#checked = request.columns.flatMap((index, position) => {
      const column = columns[index]
      if (column === undefined || (request.sink === 'pg_binary' && !column.isDomain)) return []
      return { position, name: column.name, typeName: column.typeName, isDomain: column.isDomain === true }
    })
  }

  /** Whether one query tells of all rows of a batch, so that it may be large. */
  get asksAtOnce(): boolean {
    return (
      this.#judge !== undefined || (this.#check !== undefined && this.#request.refusals?.tolerates === 'conversion')
    )
  }

  /** Moves a batch into the table by way of the temporary one, into which it is copied as `native`. */
  async move(batch: Batch, native: NativeLoad): Promise<Moved> {
    const { query } = this.#context
    const { conflict } = this.#request
    await this.#make()
    const lacking = await this.#fill(batch, native)
    const moved =
      conflict === undefined ? await this.#ask(batch, lacking) : await this.#moveAll(batch, conflict, lacking)
    await query(`TRUNCATE pg_temp.${this.#sql.name} RESTART IDENTITY`)
    // While rows are asked about, an index would cost more than it helps.
    if (this.#rows.isIndexed && this.asksAtOnce) {
      await query(`DROP INDEX pg_temp.${this.#sql.name}_n`)
      this.#rows.isIndexed = false
    }
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
    return moved
  }

  async #make(): Promise<void> {
    if (this.#isMade) return
    const { query, serverVersion } = this.#context
    const { refusals, conflict } = this.#request
    const [row] = await query(JUDGE_SQL, [this.#table.description.sqlName])
    this.#known = JSON.parse(row?.[0] ?? '{}') as Judgeable
    this.#sql.defaults = this.#known.defaults
    // Only where conversions alone are forgiven does no row go by an INSERT.
    if (refusals?.tolerates !== 'conversion') {
      const [rule] = await query(RULES_SQL, [this.#table.description.sqlName])
      if (rule) throw hasRule(this.#table.description.relationName, rule[0] ?? '')
    }
    this.#sql.unlisted = columnsOfWhere(this.#table, this.#request)
    try {
      for (const sql of this.#sql.ddl()) await query(sql)
    } catch (error) {
      throw withTemporaryHint(error)
    }
    this.#isMade = true
    if (refusals !== undefined && conflict === undefined) {
      if (refusals.tolerates !== 'unique' && this.#checked.length > 0) {
        this.#check = valueCheck(this.#sql.name, this.#checked, { serverVersion, by: 'asking' }) ?? this.#tryingCheck()
        for (const sql of this.#check?.ddl ?? []) await query(sql)
      }
      if (refusals.tolerates !== 'conversion') this.#judge = this.#makeJudge()
    }
    // What undoes a batch must not undo this.
    await query('RELEASE SAVEPOINT copyist_batch; SAVEPOINT copyist_batch')
  }

  #tryingCheck(): ValueCheck | undefined {
    const { serverVersion } = this.#context
    return valueCheck(this.#sql.name, this.#checked, { serverVersion, by: 'trying' })
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
    const lacking: RefusedRow[] = []
    let load = native
    let first = 0
    let most = Number.POSITIVE_INFINITY
    for (;;) {
      await query('SAVEPOINT copyist_fill')
      try {
        await copy(sql, load)
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
        if (line > 1) await copy(sql, batch.part(first, row))
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
  async #ask(batch: Batch, lacking: readonly RefusedRow[]): Promise<Moved> {
    const { copy, copySql } = this.#context
    const { refusals } = this.#request
    if (refusals === undefined) throw internalError('no rows may be refused')
    const { replaces, tolerates } = refusals
    const edits = new Map<number, Edit>(lacking.map(({ row }) => [row, 'drop']))
    const bad = await this.#badValues()
    const unread = byRow(bad ?? [])
    if (replaces === undefined) {
      for (const { row } of unread) edits.set(row, 'drop')
      await this.#rows.remove(unread.map(({ row }) => row + 1))
    } else {
      for (const { n, position } of bad ?? []) {
        edits.set(n - 1, [...((edits.get(n - 1) as number[] | undefined) ?? []), position])
      }
    }
    if (bad !== undefined && tolerates === 'conversion') {
      // Whatever it refuses now is no error of a conversion.
      const { columns } = this.#table.description
      const hasDefault = (field: number) => columns[this.#request.columns[field] ?? -1]?.hasDefault === true
      const replacement = (field: number) => (replaces === 'default' && hasDefault(field) ? 'default' : 'null')
      const { rowsLoaded } = await copy(copySql, batch.again(edits, replacement))
      const [refused, replaced] = replaces === undefined ? [unread, []] : [[], unread]
      return { loaded: rowsLoaded, refused, replaced, conflicted: 0 }
    }
    if (replaces !== undefined) throw unreplaceable(this.#checked)
    const verdicts = bad === undefined ? undefined : await this.#verdicts()
    const rest = verdicts === undefined ? await this.#rows.tryAll() : await this.#copyOthers(batch, edits, verdicts)
    const refused = [...lacking, ...unread, ...rest.refused].sort((one, other) => one.row - other.row)
    return { loaded: rest.loaded, refused, replaced: [], conflicted: 0 }
  }

  /** Copies all rows but those of `edits` and `verdicts`, and finds out what becomes of the latter. */
  async #copyOthers(
    batch: Batch,
    edits: Map<number, Edit>,
    verdicts: readonly Verdict[],
  ): Promise<{ loaded: number; refused: RefusedRow[] }> {
    const { query, copy, copySql } = this.#context
    const { refusals } = this.#request
    const onlyKeys = refusals?.tolerates === 'unique'
    // What is not forgiven ends the load by COPY itself.
    const told = verdicts.filter(({ errors }) => !onlyKeys || errors.every(({ sqlState }) => sqlState === '23505'))
    for (const { n } of told) edits.set(n - 1, 'drop')
    const undecided = told.filter(({ errors }) => errors.length === 0).map(({ n }) => n)
    const proofs = told.filter(({ first }) => {
      if (first === undefined || this.#proved.has(first)) return false
      this.#proved.add(first)
      return true
    })
    const isKey = ({ errors }: Verdict) => errors[0]?.sqlState === '23505'
    await query('SAVEPOINT copyist_others')
    const isIndexed = this.#rows.isIndexed
    const startOver = async () => {
      // There is more to this table than was asked about. An index that was made for the proofs goes with them.
      this.#rows.isIndexed = isIndexed
      await query('ROLLBACK TO SAVEPOINT copyist_others; RELEASE SAVEPOINT copyist_others')
      this.#judge = undefined
      return this.#rows.tryAll()
    }
    // A key that is taken is so by rows that go in first; all else holds before, when no later row can have taken a key.
    if (!(await this.#prove(proofs.filter((verdict) => !isKey(verdict))))) return startOver()
    let loaded: number
    try {
      loaded = (await copy(copySql, batch.again(edits))).rowsLoaded
    } catch (error) {
      if (!refusals || !isTolerated(error, refusals)) throw error
      return startOver()
    }
    if (!(await this.#prove(proofs.filter(isKey)))) return startOver()
    await query('RELEASE SAVEPOINT copyist_others')
    const tried = await this.#rows.try(undecided)
    const certain = told.filter(({ errors }) => errors.length > 0)
    const refused = certain.map(({ n, errors }) => ({ row: n - 1, errors: [...errors] }))
    return { loaded: loaded + tried.loaded, refused: [...refused, ...tried.refused] }
  }

  /** Whether rows are refused in the words foretold. */
  async #prove(verdicts: readonly Verdict[]): Promise<boolean> {
    const { loaded, refused } = await this.#rows.try(verdicts.map(({ n }) => n))
    if (loaded > 0 || refused.length < verdicts.length) return false
    const found = new Map(refused.map(({ row, errors }) => [row + 1, errors[0]]))
    return verdicts.every(({ n, first, errors }) => {
      const [foretold, error] = [errors[0], found.get(n)]
      if (isSame(foretold, error)) return true
      // A later row may have taken another key of it meanwhile: then another row has to be the proof.
      const isOther =
        foretold?.sqlState === '23505' && error?.sqlState === '23505' && foretold.message !== error.message
      if (isOther && first !== undefined) this.#proved.delete(first)
      return isOther
    })
  }

  /** Values that their columns cannot take; undefined when that cannot be told. */
  async #badValues(): Promise<BadValue[] | undefined> {
    if (this.#checked.length === 0) return []
    while (this.#check !== undefined) {
      const { sql, drop } = this.#check
      const found = await this.#rows.tryQuery(sql, (row) => readBadValue(row, this.#checked, MOST_SHOWN))
      if (found !== undefined) return found
      // An input function that knows errors only, or a domain with a condition that fails.
      const { query } = this.#context
      for (const statement of drop) await query(statement)
      const isLast = this.#isTrying
      this.#isTrying = true
      this.#check = isLast ? undefined : this.#tryingCheck()
      for (const statement of this.#check?.ddl ?? []) await query(statement)
    }
    return undefined
  }

  /** Rows that are not certain to go in; undefined when that cannot be told. */
  async #verdicts(): Promise<Verdict[] | undefined> {
    const judge = this.#judge
    if (judge === undefined) return undefined
    const verdicts = await this.#rows.tryQuery(judge.sql, (row) => judge.read(row))
    if (verdicts === undefined) this.#judge = undefined
    return verdicts
  }

  /** Moves all rows as ON CONFLICT says. */
  async #moveAll(batch: Batch, conflict: ConflictRequest, lacking: readonly RefusedRow[]): Promise<Moved> {
    const { query } = this.#context
    const filtered = await this.#prepare(conflict)
    if (this.#request.refusals === undefined) {
      const loaded = Number((await query(this.#sql.countedInsertSql()))[0]?.[0])
      return { loaded, refused: [], replaced: [], conflicted: batch.rows - filtered - loaded }
    }
    const tried = await this.#rows.tryAll()
    const { loaded } = tried
    const refused = [...lacking, ...tried.refused].sort((one, other) => one.row - other.row)
    return { loaded, refused, replaced: [], conflicted: batch.rows - filtered - refused.length - loaded }
  }

  /** What tells of all rows at once, where that is possible. */
  #makeJudge(): Judge | undefined {
    const { columns, where, usesDefaults, sink } = this.#request
    const { description, sqlColumns, modifiedTypes } = this.#table
    const { constraints, defaults } = this.#known
    if (constraints === null || (where !== undefined && !isRepeatable(where))) return undefined
    const steady = (name: string) => defaults?.[name] === undefined || isSteady(defaults[name])
    const values = this.#sql.values
    const judged = description.columns.map((column, index) => {
      const { name, generated } = column
      const position = columns.indexOf(index)
      const missing = `CAST((${defaults?.[name] ?? 'NULL'}) AS ${modifiedTypes[index]?.name})`
      const isKnownValue = sink === 'pg_binary' || isValueKnown(this.#sql.readType(index))
      const loaded = isKnownValue ? values[position] : undefined
      const value = position >= 0 ? loaded : generated || !steady(name) ? undefined : missing
      return { name, sqlName: sqlColumns[index] ?? '', value }
    })
    const isKnown = (index: number) => judged[index]?.value !== undefined
    // COPY would reckon a default once more, and it might be another one.
    if (!this.#sql.unlisted.every(isKnown)) return undefined
    if (usesDefaults && !columns.every((index) => steady(description.columns[index]?.name ?? ''))) return undefined
    return judgeOf({
      constraints,
      stage: `pg_temp.${this.#sql.name}`,
      table: description.sqlName,
      relationName: description.relationName,
      relation: this.#sql.relation,
      columns: judged,
      where,
    })
  }

  /** Takes out of the temporary table what WHERE and other rows of the input hold back; how many WHERE did. */
  async #prepare({ action, keep, keys }: ConflictRequest): Promise<number> {
    const { query } = this.#context
    const { where } = this.#request
    const stage = `pg_temp.${this.#sql.name}`
    let filtered = 0
    if (where !== undefined) {
      const [row] = await query(
        `WITH gone AS (DELETE FROM ${stage} d WHERE NOT EXISTS (SELECT FROM (${this.#sql.rowsSql('s.n = d.n')}) ${this.#sql.relation} WHERE (${where}
)) RETURNING 1) SELECT count(*) FROM gone`,
      )
      filtered = Number(row?.[0])
    }
    // The first of several rows is kept by the table itself, as the others then find it there.
    if (keys === undefined || (action === 'skip' && keep === 'first')) return filtered
    const values = keys.map((key) => this.#sql.values[this.#request.columns.indexOf(key)] ?? 'NULL')
    await query(
      `DELETE FROM ${stage} WHERE n IN (
  SELECT n FROM (
    SELECT s.n, row_number() OVER (PARTITION BY ${values.join(', ')} ORDER BY s.n ${keep === 'last' ? 'DESC' : ''}) AS place
    FROM ${stage} s WHERE ${values.map((value) => `${value} IS NOT NULL`).join(' AND ')}
  ) numbered WHERE place > 1
)`,
    )
    return filtered
  }

  async drop(): Promise<void> {
    if (!this.#isMade) return
    const { query } = this.#context
    for (const sql of this.#check?.drop ?? []) await query(sql)
    await query(`DROP FUNCTION pg_temp.${this.#sql.name}(boolean); DROP TABLE pg_temp.${this.#sql.name}`)
  }
}
