import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CopyError } from '../../errors.ts'
import { type NativeLoad, positionOf } from '../../native/load.ts'
import type { FieldStep, LoadRequest, RowError, TableDescription } from '../target.ts'
import { Batch, Reader } from './batch.ts'
import type { CatalogTable } from './catalog.ts'
import { conditionName } from './conditions.ts'
import type { CopyInResult } from './copy-in.ts'
import { JUDGE_SQL, type Judgeable, literal } from './judge.ts'
import { type CopyContext, isServerError } from './server-error.ts'
import { inPart } from './sql-position.ts'
import { RULES_SQL } from './stage.ts'
import { withWidthHint } from './stage-errors.ts'
import { BLOCK, FANOUT } from './stage-sql.ts'
import { byRow, PAGE, type Query, type RefusedRow, rowError, tellInTurns } from './staged-rows.ts'
import { ABOUT_DATA, isAboutData, TOLERATED } from './tolerance.ts'
import { DEFERRED_SQL, FIRST_BATCH, MOST_BATCH } from './tolerant.ts'
import { storedValue } from './values.ts'
import { columnsOfWhere } from './where-columns.ts'

/*
 * How a load goes in which expressions come between the fields and the table
 *
 * COPY has no place for them. So the fields go by COPY into a temporary table, a batch at a time, and from there by one INSERT, whose
 * SELECT has the expressions. What it refuses is found by a function that moves the rows in blocks, and in the end one by one, each below a
 * savepoint of its own: so the server itself says what is wrong with a row, and which column it is about, without a round trip a row.
 *
 * The types that the fields are read as are those of another temporary table, which stays empty: what the catalog says of it is what
 * there is to know of types that a statement names. It is also what the expressions are tried on before anything is read.
 *
 * An expression is put into statements of ours. The parser has made sure that its parentheses are balanced and that it has no comments,
 * semicolons and subqueries; here the server has to find it one expression, in a statement that it takes only if it is one.
 */

/** What the transaction does for {@link Transformation.prepare}. */
export interface TransformContext {
  readonly query: Query
  /** What the catalog says of a relation; its name as `to_regclass` takes it. */
  readonly lookUp: (regclass: string) => Promise<CatalogTable | undefined>
  /** The same of one with columns of these types, by their SQL. Present where nothing can be written, not even a temporary table. */
  readonly lookUpAs?: (regclass: string, columns: readonly FieldType[]) => Promise<CatalogTable | undefined>
}

/** A column, and the SQL of a type. */
export interface FieldType {
  readonly name: string
  readonly type: string
}

/** What the transaction does for {@link Transformation.load}. */
export interface TransformedLoad {
  readonly query: Query
  readonly copy: (sql: string, native: NativeLoad, context: CopyContext) => Promise<CopyInResult>
  /** Whether the transaction is the caller's. */
  readonly isCallers: boolean
}

/** TRANSFORM of one load. */
export class Transformation {
  readonly #table: CatalogTable
  readonly #columns: readonly number[]
  readonly #steps: readonly (FieldStep | undefined)[]
  /** The types of the fields, by position in the list of columns. */
  readonly #fields: CatalogTable
  readonly #name: string
  /** What no column of the table is called. */
  readonly #own: string

  private constructor(
    name: string,
    table: CatalogTable,
    columns: readonly number[],
    steps: readonly (FieldStep | undefined)[],
    fields: CatalogTable,
  ) {
    this.#name = name
    this.#table = table
    this.#columns = columns
    this.#steps = steps
    this.#fields = fields
    let own = 'copyist'
    while (table.description.columns.some((column) => column.name.startsWith(`${own}_`))) own += '_'
    this.#own = own
  }

  /** Finds out what the types are, and that the expressions are some. Throws CopyError. */
  static async prepare(
    { query, lookUp, lookUpAs }: TransformContext,
    table: CatalogTable,
    columns: readonly number[],
    steps: readonly (FieldStep | undefined)[],
  ): Promise<Transformation> {
    const { relationName, sqlName } = table.description
    const [rule] = await query(RULES_SQL, [sqlName])
    if (rule) throw hasRule(relationName, rule[0] ?? '')
    const name = `copyist_${randomBytes(6).toString('hex')}`
    for (const type of new Set(steps.flatMap((step) => step?.type ?? []))) await checkType(query, type)
    const types = columns.map((index, position) => {
      const { type, expression } = steps[position] ?? {}
      return type ?? (expression === undefined ? table.modifiedTypes[index]?.name : table.plainTypes[index])
    })
    let fields: CatalogTable | undefined
    if (lookUpAs) {
      const named = columns.map((index, position) => {
        return { name: table.description.columns[index]?.name ?? '', type: types[position] ?? 'text' }
      })
      fields = await lookUpAs(sqlName, named)
    } else {
      const definitions = columns.map((index, position) => `${table.sqlColumns[index]} ${types[position] ?? 'text'}`)
      await query(`CREATE TEMPORARY TABLE ${name}_f (${definitions.join(', ')})`).catch((error: unknown) => {
        throw withTemporaryHint(error)
      })
      fields = await lookUp(`pg_temp.${name}_f`)
    }
    if (fields === undefined) throw new Error('a table is gone')
    const transformation = new Transformation(name, table, columns, steps, fields)
    const nulls = columns.map(
      (index, position) => `CAST(NULL AS ${types[position] ?? 'text'}) AS ${table.sqlColumns[index]}`,
    )
    await transformation.#check(query, `(SELECT ${nulls.join(', ')} LIMIT 0)`)
    return transformation
  }

  /** The table with the types that its fields are read as. */
  get described(): TableDescription {
    const { description } = this.#table
    return {
      ...description,
      columns: description.columns.map((column, index) => {
        const position = this.#columns.indexOf(index)
        const field = this.#fields.description.columns[position]
        if (field === undefined) return column
        const step = this.#steps[position]
        const { name, generated, hasDefault, notNull, typeName } = column
        return {
          ...field,
          name,
          generated,
          hasDefault,
          notNull: step === undefined && notNull,
          typeName: step?.type === undefined ? typeName : field.typeName,
        }
      }),
    }
  }

  /** Has the server look at each expression by itself over `none`, a query for no rows of the fields, and at what it makes of it. */
  async #check(query: Query, none: string): Promise<void> {
    const rows = `${none} ${this.#relation}`
    for (const [position, step] of this.#steps.entries()) {
      if (step === undefined) continue
      const column = this.#table.sqlColumns[this.#columns[position] ?? -1] ?? ''
      const { expression } = step
      if (expression !== undefined) {
        // A statement with a parameter is one statement, or none. What ends this expression early had to make sense in both places.
        for (const probe of [
          `SELECT 1 FROM ${rows} WHERE CASE WHEN (${expression}\n) IS NULL THEN $1::text IS NULL END`,
          `SELECT 1 FROM ${rows} WHERE ($1::text, (${expression}\n) IS NULL) IS NULL`,
        ]) {
          await query(probe, ['']).catch((error: unknown) => {
            throw inPart(notInWhere(error), probe, expression)
          })
        }
      }
      const sql = `EXPLAIN INSERT INTO ${this.#table.description.sqlName} (${column}) OVERRIDING SYSTEM VALUE SELECT ${this.#valueSql(position)} FROM ${rows}`
      await query(sql).catch((error: unknown) => {
        throw inPart(error, sql, expression)
      })
    }
  }

  /** Loads the rows of `request`, batch by batch. Numbers are of rows. */
  async load(
    { query, copy, isCallers }: TransformedLoad,
    request: LoadRequest,
  ): Promise<{ sent: number; loaded: number; refused: number }> {
    const { native, refusals, where } = request
    const { relationName, sqlName } = this.#table.description
    if (refusals !== undefined && refusals.tolerates !== 'conversion' && !isCallers) {
      const [row] = await query(DEFERRED_SQL, [sqlName, 'false'])
      if (row?.[0]) await query(`SET CONSTRAINTS ${row[0]} IMMEDIATE`)
    }
    const stage = await this.#stage(query, request)
    const insert = `WITH moved AS (${stage.insertSql('true')} RETURNING 1) SELECT pg_catalog.count(*) FROM moved`
    const most = Math.min(MOST_BATCH, Math.floor(request.memoryLimit / 8))
    const framing = request.sink === 'pg_binary'
    const total = { sent: 0, loaded: 0, refused: 0 }
    let size = Math.min(FIRST_BATCH, most)
    const reader = new Reader(native)
    // Any row of a batch may be asked about.
    native.settle?.(0)
    for (;;) {
      const first = total.sent
      const isPressed = () => refusals?.isPressed === true || native.isFull?.() === true
      const batch = new Batch(reader, {
        first,
        size,
        most: Number.POSITIVE_INFINITY,
        framing,
        keeps: false,
        isPressed,
      })
      try {
        await copy(stage.copySql, batch, {
          relationName: stage.name,
          columnNames: this.#columns.map((_, position) => `c${position}`),
          locate: (row) => native.locate(first + row),
        }).catch((error: unknown) => {
          throw this.#asTooWide(error)
        })
        await query('SAVEPOINT copyist_rows')
        try {
          // The last batch may have none, and triggers of the statement have been told of the others.
          if (batch.rows > 0 || first === 0) total.loaded += Number((await query(insert))[0]?.[0])
        } catch (thrown) {
          const error = inPart(thrown, insert, where)
          if (!isAboutData(error)) throw error
          await query('ROLLBACK TO SAVEPOINT copyist_rows')
          const found = await this.#rowByRow(query, stage, error, refusals === undefined).catch((failure: unknown) => {
            // Of an error that is not a row's the function says no more, and names itself.
            throw failure instanceof CopyError && failure.sqlState === error.sqlState ? error : failure
          })
          total.loaded += found.loaded
          total.refused += found.refused.length
          await tellInTurns(found.refused, first, refusals)
          if (found.fatal) throw located(found.fatal.error, relationName, native, first + found.fatal.row)
        }
        await query(`RELEASE SAVEPOINT copyist_rows; TRUNCATE pg_temp.${stage.name} RESTART IDENTITY`)
        total.sent += batch.rows
        size = Math.min(size * 2, most)
        await refusals?.settle(total.sent)
        native.settle?.(total.sent)
        if (batch.ended) break
      } finally {
        batch.release()
      }
    }
    await query(`DROP FUNCTION pg_temp.${stage.name}(); DROP TABLE pg_temp.${stage.name}, pg_temp.${this.#name}_f`)
    return total
  }

  /** Moves the rows of a batch that was refused as a whole. */
  async #rowByRow(
    query: Query,
    { name }: Stage,
    cause: CopyError,
    isStrict: boolean,
  ): Promise<{ loaded: number; refused: RefusedRow[]; fatal?: { row: number; error: CopyError } }> {
    const found: { n: number; error: RowError }[] = []
    await query(`DECLARE copyist_rows NO SCROLL CURSOR FOR SELECT * FROM pg_temp.${name}()`)
    for (;;) {
      const page = await query(`FETCH ${PAGE} FROM copyist_rows`)
      for (const [kind, n, column, sqlState, message, detail, hint, value] of page) {
        if (kind === 'end') {
          await query('CLOSE copyist_rows')
          // Not one of the rows is to blame, but all of them together: a trigger of the statement.
          if (found.length === 0 && isStrict) throw cause
          return { loaded: Number(message), refused: byRow(found) }
        }
        const error = rowError(column, sqlState, message, detail, value)
        if (kind === 'fatal') {
          const { column: name, value: text, ...init } = error
          const fatal = new CopyError({
            ...init,
            ...(hint ? { hint } : {}),
            ...(name && { position: { column: name } }),
            ...(name !== undefined && text !== undefined && { context: `, column ${name}: "${text}"` }),
            cause,
          })
          return { loaded: 0, refused: byRow(found), fatal: { row: Number(n) - 1, error: fatal } }
        }
        found.push({ n: Number(n), error })
      }
      await nextTurn()
    }
  }

  /** Makes the temporary table that the fields go to, and the function. */
  async #stage(query: Query, request: LoadRequest): Promise<Stage> {
    const { sink, where } = request
    const name = this.#name
    const isBinary = sink === 'pg_binary'
    const unlisted = columnsOfWhere(this.#table, request)
    const known =
      unlisted.length === 0 ? undefined : (await query(JUDGE_SQL, [this.#table.description.sqlName]))[0]?.[0]
    const { defaults } = JSON.parse(known ?? '{"defaults":null}') as Pick<Judgeable, 'defaults'>
    const { description, modifiedTypes, collateSql } = this.#table
    const definitions = [
      'n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000)',
      // As a base type: what is not of its domain is refused when it is looked at.
      ...this.#columns.map((index, position) => {
        const collate = this.#steps[position]?.type === undefined ? collateSql[index] : ''
        return `c${position} ${isBinary ? this.#fields.plainTypes[position] : 'text'}${collate}`
      }),
      ...unlisted.map((index) => {
        const value = defaults?.[description.columns[index]?.name ?? '']
        return `d${index} ${modifiedTypes[index]?.name}${collateSql[index]} DEFAULT ${value ?? 'NULL'}`
      }),
    ]
    await query(`CREATE TEMPORARY TABLE ${name} (${definitions.join(', ')})`).catch((error: unknown) => {
      throw this.#asTooWide(error)
    })
    const list = this.#columns.map((_, position) => `c${position}`).join(', ')
    const stage: Stage = {
      name,
      copySql: `COPY pg_temp.${name} (${list}) FROM STDIN (FORMAT ${isBinary ? 'binary' : 'text'})`,
      insertSql: (which) => this.#insertSql(which, { isBinary, where, unlisted }),
      keptSql: (which) =>
        `SELECT pg_catalog.count(*) FROM ${this.#keptSql(which, { isBinary, where: where ?? 'true', unlisted })}`,
    }
    // The condition is looked at, before anything is read, as part of a statement that is not run.
    const explain = `EXPLAIN ${stage.insertSql('true')}`
    await query(explain).catch((error: unknown) => {
      throw inPart(error, explain, where)
    })
    await query(`CREATE INDEX ${name}_n ON pg_temp.${name} (n)`)
    await query(this.#functionSql(stage, isBinary, request))
    return stage
  }

  #asTooWide(error: unknown): unknown {
    return withWidthHint(error, this.#table.description.relationName, 'without TRANSFORM')
  }

  get #relation(): string {
    return `"${this.#table.description.relationName.replaceAll('"', '""')}"`
  }

  /** What a column gets, over {@link #rowsSql}. */
  #valueSql(position: number): string {
    const { type, expression } = this.#steps[position] ?? {}
    if (expression !== undefined) return `(${expression}\n)`
    const field = this.#fields.sqlColumns[position] ?? ''
    if (type === undefined) return field
    // The field is converted, whatever its type, but what is too long is left for the column to refuse.
    return `CAST(${field} AS ${this.#table.plainTypes[this.#columns[position] ?? -1] ?? 'text'})`
  }

  /** The rows that `which` says, as the expressions see them; with `more` columns of the temporary table. */
  #rowsSql(which: string, isBinary: boolean, more: readonly string[] = []): string {
    const { sqlColumns, plainTypes, modifiedTypes, description } = this.#fields
    const fields = this.#columns.map((_, position) => {
      const plain = plainTypes[position] ?? 'text'
      const type = { plain, ...(modifiedTypes[position] ?? { name: plain, modifier: -1 }) }
      const text = `s.c${position}`
      const value = isBinary ? text : (bitsOf(text, type) ?? storedValue(text, type))
      const { isDomain, typeName } = description.columns[position] ?? {}
      return `${isDomain ? `CAST(${value} AS ${typeName})` : value} AS ${sqlColumns[position]}`
    })
    return `(SELECT ${[...more, ...fields].join(', ')} FROM pg_temp.${this.#name} s WHERE ${which}) ${this.#relation}`
  }

  /** Moves the rows that `which` says. */
  #insertSql(
    which: string,
    {
      isBinary,
      where,
      unlisted,
    }: { readonly isBinary: boolean; readonly where: string | undefined; readonly unlisted: readonly number[] },
  ): string {
    const { description, sqlColumns } = this.#table
    const indexes = [...this.#columns, ...unlisted]
    const names = indexes.map((index) => sqlColumns[index] ?? '')
    const target = `INSERT INTO ${description.sqlName} (${names.join(', ')}) OVERRIDING SYSTEM VALUE`
    if (where === undefined) {
      const values = this.#columns.map((_, position) => this.#valueSql(position))
      return `${target} SELECT ${values.join(', ')} FROM ${this.#rowsSql(which, isBinary)}`
    }
    return `${target} SELECT ${names.join(', ')} FROM ${this.#keptSql(which, { isBinary, where, unlisted })}`
  }

  /** What stands after FROM for the rows that `which` says and that the condition lets pass. */
  #keptSql(
    which: string,
    {
      isBinary,
      where,
      unlisted,
    }: { readonly isBinary: boolean; readonly where: string; readonly unlisted: readonly number[] },
  ): string {
    const { sqlColumns, collateSql } = this.#table
    const names = [...this.#columns, ...unlisted].map((index) => sqlColumns[index] ?? '')
    // The condition is about the row as it will be: with the types of the table, and evaluated once.
    const values = this.#columns.map((_, position) => `${this.#valueSql(position)} AS ${this.#own}_v${position}`)
    const defaults = unlisted.map((index) => `${this.#own}_d${index}`)
    const more = unlisted.map((index) => `s.d${index} AS ${this.#own}_d${index}`)
    const evaluated = `(SELECT ${[...values, ...defaults].join(', ')} FROM ${this.#rowsSql(which, isBinary, more)} OFFSET 0) v`
    const stored = [
      ...this.#columns.map(
        (index, position) => `${this.#assignedSql(index, `v.${this.#own}_v${position}`)}${collateSql[index]}`,
      ),
      ...defaults.map((value) => `v.${value}`),
    ].map((value, at) => `${value} AS ${names[at]}`)
    return `(SELECT ${stored.join(', ')} FROM ${evaluated}) ${this.#relation}
WHERE (${where}
)`
  }

  /** SQL for what the table makes of a value. What is too long stays so, and is refused by the table. */
  #assignedSql(index: number, value: string): string {
    const plain = this.#table.plainTypes[index] ?? 'text'
    const { name, modifier } = this.#table.modifiedTypes[index] ?? { name: plain, modifier: -1 }
    if (modifier < 0 || /^(?:var)?bit\b/.test(plain)) return `CAST(${value} AS ${plain})`
    if (plain !== 'character varying' && plain !== 'bpchar') return `CAST(${value} AS ${name})`
    const cut = `CAST(${value} AS ${name})`
    return `CASE WHEN pg_catalog.rtrim(CAST(${cut} AS text), ' ') = pg_catalog.rtrim(CAST(${value} AS text), ' ') COLLATE pg_catalog."C" THEN ${cut} ELSE CAST(${value} AS ${plain}) END`
  }

  #functionSql(stage: Stage, isBinary: boolean, { refusals, where }: LoadRequest): string {
    const tag = `$${this.#name}$`
    const tolerates = refusals?.tolerates
    const forgivesValues = tolerates !== undefined && tolerates !== 'unique'
    const forgivesKeys = tolerates === 'unique' || tolerates === 'conversion or unique'
    const forgiven = tolerates === 'all' ? TOLERATED.all : forgivesKeys ? TOLERATED.unique : '^$'
    const diagnostics = (
      tolerated: string,
    ) => `GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT,
        copyist_detail = PG_EXCEPTION_DETAIL, copyist_hint = PG_EXCEPTION_HINT, copyist_column = COLUMN_NAME;
      IF copyist_state !~ '${tolerated}' THEN RAISE; END IF;`
    // An INSERT does not say which column an error was about, and names the first only. Assigned, since a cast would cut what is too long.
    const columns = this.#columns.map((index, position) => {
      const { name, typeName, hasDomain } = this.#table.description.columns[index] ?? { name: '', typeName: 'text' }
      // What a condition of a domain says need not be about the value.
      const isRead = this.#steps[position]?.expression === undefined && hasDomain !== true
      // In a block within, since a domain may refuse NULL.
      return `BEGIN
        DECLARE
          copyist_read ${typeName} := (SELECT ${this.#valueSql(position)} FROM ${this.#rowsSql('s.n = copyist_n', isBinary)});
        BEGIN
        END;
      EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
        ${diagnostics(isRead ? ABOUT_DATA : TOLERATED.all)}
        copyist_column := ${literal(name)};
        SELECT CAST(s.c${position} AS text) INTO copyist_value FROM pg_temp.${this.#name} s WHERE s.n = copyist_n;
        copyist_told := true;
        copyist_kind := ${forgivesValues ? "'row'" : "'fatal'"};
        RETURN NEXT;
        ${forgivesValues ? '' : 'RETURN;'}
      END;`
    })
    const condition =
      where === undefined
        ? ''
        : `IF NOT copyist_told THEN BEGIN
        copyist_moved := (${stage.keptSql('s.n = copyist_n')});
      EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
        ${diagnostics(TOLERATED.all)}
        copyist_column := NULL;
        copyist_told := true;
        copyist_kind := ${forgivesValues ? "'row'" : "'fatal'"};
        RETURN NEXT;
        ${forgivesValues ? '' : 'RETURN;'}
      END; END IF;`
    const move = (first: string, rows: number): string => {
      const smaller = Math.ceil(rows / FANOUT)
      const next = `copyist_row_${smaller}`
      const which = rows === 1 ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1} ORDER BY s.n`
      const refuse =
        rows === 1
          ? `copyist_n := ${first};
      copyist_value := NULL;
      copyist_told := false;
      ${columns.join('\n')}
      ${condition}
      IF NOT copyist_told THEN
        ${diagnostics(TOLERATED.all)}
        copyist_kind := CASE WHEN copyist_state ~ '${forgiven}' THEN 'row' ELSE 'fatal' END;
        RETURN NEXT;
        IF copyist_kind = 'fatal' THEN RETURN; END IF;
      END IF;`
          : `FOR ${next} IN ${first} .. LEAST(${first} + ${rows - 1}, copyist_last) BY ${smaller} LOOP
        ${move(next, smaller)}
      END LOOP;`
      return `BEGIN
      ${stage.insertSql(which)};
      GET DIAGNOSTICS copyist_moved = ROW_COUNT;
      copyist_total := copyist_total + copyist_moved;
    EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
      IF SQLSTATE !~ '${ABOUT_DATA}' THEN RAISE; END IF;
      ${refuse}
    END;`
    }
    return `CREATE FUNCTION pg_temp.${stage.name}()
RETURNS TABLE (copyist_kind text, copyist_n bigint, copyist_column text, copyist_state text, copyist_message text, copyist_detail text,
  copyist_hint text, copyist_value text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_told boolean;
  copyist_moved bigint;
  copyist_total bigint := 0;
BEGIN
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${stage.name} s;
  FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
    ${move('copyist_first', BLOCK)}
  END LOOP;
  copyist_kind := 'end';
  copyist_n := NULL;
  copyist_column := NULL;
  copyist_state := NULL;
  copyist_message := copyist_total::text;
  copyist_detail := NULL;
  copyist_hint := NULL;
  copyist_value := NULL;
  RETURN NEXT;
END
${tag}`
  }
}

interface Stage {
  readonly name: string
  readonly copySql: string
  /** Moves the rows that the condition on `s.n` says. */
  insertSql(which: string): string
  /** SELECT of how many of them WHERE lets pass. */
  keptSql(which: string): string
}

/** Has the server say whether this is a type. Where it stands in a column's definition, it could be more. */
async function checkType(query: Query, type: string): Promise<void> {
  const sql = `SELECT CAST(NULL AS ${type}) IS NULL WHERE $1::text IS NULL`
  await query(sql, ['']).catch((error: unknown) => {
    if (!(error instanceof CopyError) || !isServerError(error.cause)) throw error
    const { code, sqlState, message, detail, hint, cause } = error
    throw new CopyError({ code, sqlState, message, detail, hint, cause, statement: { text: type, offset: 0 } })
  })
}

/** `WHERE` is where an expression is tried, not where the caller has written it. */
function notInWhere(error: unknown): unknown {
  if (!(error instanceof CopyError)) return error
  const { code, sqlState, detail, hint, cause } = error
  const message = error.message.replace(
    / are not allowed in (?:WHERE|CASE)$/,
    ' are not allowed in TRANSFORM expressions',
  )
  return new CopyError({ code, sqlState, message, detail, hint, cause })
}

/** An error of a row with its place in the input. */
function located(error: CopyError, relationName: string, native: NativeLoad, row: number): CopyError {
  const { code, sqlState, message, detail, hint, position, context = '', cause } = error
  const place = native.locate(row)
  return new CopyError({
    code,
    sqlState,
    message,
    detail,
    hint,
    position: { ...position, ...(place && positionOf(place)) },
    context: `COPY ${relationName}${place ? `, ${place.unit} ${place.line}` : ''}${context}`,
    cause,
  })
}

/** INSERT follows rules, which COPY does not. */
function hasRule(relation: string, rule: string): CopyError {
  return new CopyError({
    code: conditionName('0A000'),
    sqlState: '0A000',
    message: `COPY TRANSFORM cannot be used with table "${relation}", since it has the rule "${rule}"`,
    detail: 'What expressions make of the fields goes by INSERT, which follows rules; COPY does not.',
    hint: `ALTER TABLE … DISABLE RULE "${rule}".`,
  })
}

/** The right to make temporary tables is one of the database, and is taken from everybody at times. */
function withTemporaryHint(error: unknown): unknown {
  if (!(error instanceof CopyError) || error.sqlState !== '42501') return error
  const { code, sqlState, message, cause } = error
  return new CopyError({
    code,
    sqlState,
    message,
    detail: 'Expressions are evaluated over a temporary table.',
    hint: 'GRANT TEMPORARY ON DATABASE … TO the user of the connection, or load without TRANSFORM.',
    cause,
  })
}

/**
 * Bits of a field of a given length. No column refuses those that are too many, since an expression reads the field, and a cast of them all
 * would cut them; so it is the type's own input function that reads them.
 */
function bitsOf(
  text: string,
  { name, modifier }: { readonly name: string; readonly modifier: number },
): string | undefined {
  const found = /^bit( varying)?\(\d+\)(\[\])?$/.exec(name)
  if (found === null) return undefined
  const [, varying, isArray] = found
  const input = `pg_catalog.textout(${text})`
  const type = varying === undefined ? 'bit' : 'varbit'
  if (isArray) return `pg_catalog.array_in(${input}, 'pg_catalog.${type}'::pg_catalog.regtype, ${modifier})`
  return `pg_catalog.${type}_in(${input}, 0, ${modifier})`
}
