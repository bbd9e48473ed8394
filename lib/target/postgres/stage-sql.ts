import { randomBytes } from 'node:crypto'
import type { ConflictRequest, LoadRequest } from '../target.ts'
import type { CatalogTable } from './catalog.ts'
import { literal } from './judge.ts'
import { ABOUT_DATA, TOLERATED } from './tolerance.ts'
import { type ReadType, storedValue } from './values.ts'

/** Rows that are moved at once, and into how many parts they are divided when that fails, down to one row. */
export const BLOCK = 512
export const FANOUT = 8

/** Transactions that may begin while a batch is moved, and are looked up. */
const MOST_BEGUN = 1 << 20

/** SQLSTATEs that the function raises for itself: a block has to be divided, and a trial is to be undone. */
const DIVIDE = 'CPY01'
const UNDO = 'CPY02'

/**
 * What the function is to move; with `first` it ends at the first row that ends the load, and tells of no other. `collapsed` is all, but of the rows
 * of a block that share a key the last alone stays behind.
 */
export const MOVES = { all: 0, tried: 1, atOnce: 2, first: 3, collapsed: 4 } as const

/** One row in so many of a block shares its key with one before when it is worth its while to have the last alone. */
const REPEATED = 16

/** Columns of a key that may be NULL, and are the same then, which are told apart: the sets of them are two to the power of this. */
const MOST_TOLD = 4

/** The key of ON CONFLICT. */
export interface ConflictKey {
  /** Of the table. */
  readonly columns: readonly number[]
  /** ` COLLATE …` of each, or nothing where it is compared by its own collation. */
  readonly collations: readonly string[]
  /** Whether rows with NULL in it conflict. */
  readonly areNullsSame: boolean
}

/** References of a table to itself, and its keys; names of columns are as the catalog has them. */
export interface SelfReferences {
  /** Names of the constraints, those of partitions included. */
  readonly names: readonly string[]
  readonly references: readonly {
    readonly columns: readonly string[]
    readonly others: readonly string[]
    readonly isFull: boolean
  }[]
  readonly keys: readonly { readonly columns: readonly string[]; readonly areNullsSame: boolean }[]
}

/** SQL of the temporary table of a load, and of the function that moves rows out of it. */
export class StageSql {
  readonly name = `copyist_${randomBytes(6).toString('hex')}`
  readonly #table: CatalogTable
  readonly #request: LoadRequest
  /** The defaults of the table's columns. */
  defaults: Readonly<Record<string, string>> | null = null
  /** Columns that are not loaded, but stand in WHERE: they must have their values before the row is inserted. */
  unlisted: readonly number[] = []
  /** Whether a trigger may drop rows. */
  drops = false
  /** Whether there are triggers for each row. */
  hasTriggers = false
  /** Of ON CONFLICT. */
  key: ConflictKey | undefined
  /** Of ON CONFLICT beside refused rows: whether a row may refer to one of its own table. One statement would find it behind the row, too. */
  refersToItself = false
  /** Selects all that a row breaks; absent where that is not known. */
  brokenSql: ((number: string) => string) | undefined
  /** Where rows may wait for others of their table. */
  self: SelfReferences | undefined

  constructor(table: CatalogTable, request: LoadRequest) {
    this.#table = table
    this.#request = request
  }

  /**
   * Whether it matters which rows the load has written itself. Where rows go in batches, one of them may meet a row of its key that is of
   * the load: then it counts as one that takes another's place, is passed over, or takes the place of that row alone.
   */
  get isOwning(): boolean {
    const { conflict, refusals } = this.#request
    if (refusals === undefined || conflict === undefined || this.#updated.length === 0) return false
    return conflict.action === 'update' || conflict.keep === 'last'
  }

  /** Whether of the rows with one key the last may go in alone. A trigger may keep account of all of them. */
  get collapses(): boolean {
    return this.isOwning && this.#request.conflict?.keep === 'last' && !this.hasTriggers
  }

  /** Columns that ON CONFLICT sets. */
  get #updated(): readonly number[] {
    const { columns, conflict } = this.#request
    return columns.filter((index) => !conflict?.keys?.includes(index))
  }

  /** Whether a row whose key is there changes that row, as long as nothing is refused. */
  get updates(): boolean {
    return this.#request.conflict?.action === 'update' && this.#updated.length > 0
  }

  tableDdl(): string {
    const { columns, sink, usesDefaults } = this.#request
    const { description, plainTypes, modifiedTypes, collateSql } = this.#table
    const defaultOf = (index: number) => this.defaults?.[description.columns[index]?.name ?? '']
    const definitions = [
      'n bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000)',
      'is_tried boolean NOT NULL DEFAULT false',
      // Of a row that has waited: its number among those of the load.
      ...(this.self === undefined ? [] : ['origin bigint']),
      ...columns.map((index, i) => {
        // Conditions, and keys that are compared, go by the collation of the table's column.
        if (sink === 'pg_binary') return `c${i} ${plainTypes[index] ?? 'text'}${collateSql[index]}`
        const marked = usesDefaults ? defaultOf(index) : undefined
        return `c${i} text${collateSql[index]}${marked === undefined ? '' : ` DEFAULT CAST((${marked}) AS text)`}`
      }),
      ...this.unlisted.map(
        (index) => `d${index} ${modifiedTypes[index]?.name}${collateSql[index]} DEFAULT ${defaultOf(index) ?? 'NULL'}`,
      ),
    ]
    return `CREATE TEMPORARY TABLE ${this.name} (${definitions.join(', ')})`
  }

  /**
   * The transaction ID with which the temporary table was made, and the transaction's own with its epoch. What the load writes has a later
   * one; what its transaction wrote before has an earlier one.
   */
  get beginSql(): string {
    return `SELECT c.xmin, pg_catalog.txid_current() FROM pg_catalog.pg_class c WHERE c.oid = CAST('pg_temp.${this.name}' AS pg_catalog.regclass)`
  }

  /** The function, and the sequences that count for it how many rows met one of the load, and one that was there before. */
  functionDdl([begin, current]: readonly (string | null)[]): string[] {
    const tag = `$${this.name}$`
    return [
      ...this.#counters.flatMap((of) => [
        `CREATE TEMPORARY SEQUENCE ${this.name}_${of} CACHE 1000`,
        `SELECT pg_catalog.nextval('pg_temp.${this.name}_${of}')`,
      ]),
      ...this.#holdDdl(),
      `CREATE FUNCTION pg_temp.${this.name}(copyist_mode integer, copyist_before bigint)
RETURNS TABLE (copyist_n bigint, copyist_state text, copyist_message text, copyist_detail text, copyist_column text,
  copyist_value text)
LANGUAGE plpgsql AS ${tag}
#variable_conflict use_column
DECLARE
  copyist_last bigint;
  copyist_row_1 bigint;
  copyist_told boolean;
  copyist_constraint text;
  copyist_said text;
  copyist_more record;
  copyist_holds boolean := false;
  copyist_moved bigint;
  copyist_total bigint := 0;
  copyist_conflicted bigint := 0;
  copyist_from bigint;
  copyist_until bigint;
  copyist_part bigint;
${this.#declareSql(begin ?? '', current ?? '')}BEGIN
  ${this.holds ? `copyist_holds := copyist_before >= 0 AND EXISTS (SELECT FROM pg_temp.${this.waiting});` : ''}
  SELECT coalesce(pg_catalog.max(s.n), 0) INTO copyist_last FROM pg_temp.${this.name} s;
  IF copyist_mode = ${MOVES.atOnce} THEN
    ${this.#countedSql('true ORDER BY s.n')}
  ELSIF copyist_mode = ${MOVES.tried} THEN
    FOR copyist_row_1 IN SELECT s.n FROM pg_temp.${this.name} s WHERE s.is_tried ORDER BY s.n LOOP
      ${this.#moveSql('copyist_row_1', 1)}
    END LOOP;
  ELSE
    FOR copyist_first IN 1 .. copyist_last BY ${BLOCK} LOOP
      ${this.isOwning ? this.#blockSql() : this.#moveSql('copyist_first', BLOCK)}
    END LOOP;
  END IF;
  copyist_n := NULL;
  copyist_state := NULL;
  copyist_message := copyist_total::text;
  copyist_detail := copyist_conflicted::text;
  copyist_column := NULL;
  copyist_value := NULL;
  RETURN NEXT;
END
${tag}`,
    ]
  }

  dropSql(): string[] {
    return [
      `DROP FUNCTION pg_temp.${this.name}(integer, bigint)`,
      ...(this.holds ? [`DROP FUNCTION pg_temp.${this.name}_hold(bigint, bigint, bigint)`] : []),
      ...this.#counters.map((of) => `DROP SEQUENCE pg_temp.${this.name}_${of}`),
      `DROP TABLE pg_temp.${this.name}`,
      ...(this.self === undefined
        ? []
        : [
            `DROP FUNCTION IF EXISTS pg_temp.${this.orphans}()`,
            `DROP FUNCTION IF EXISTS pg_temp.${this.orphans}_ranks()`,
            `DROP TABLE pg_temp.${this.waiting}`,
            `DROP TABLE pg_temp.${this.places}`,
          ]),
    ]
  }

  /** The table of rows that wait, that of their places, and the function that finds those that refer to nothing. */
  get waiting(): string {
    return `${this.name}_waiting`
  }

  get places(): string {
    return `${this.name}_places`
  }

  get orphans(): string {
    return `${this.name}_orphans`
  }

  /** Keys, by the columns of the table of rows that wait; those alone whose values are known before a row is inserted. */
  get #keys(): readonly { readonly columns: readonly number[]; readonly areNullsSame: boolean }[] {
    return (this.self?.keys ?? []).flatMap(({ columns, areNullsSame }) =>
      (this.#loaded(columns) ?? []).map((indexes) => ({ columns: indexes, areNullsSame })),
    )
  }

  /** By key, SQL that says whether a row of these values shares it with a row `e` that waits, of which `which` says more. */
  #sharedSql(value: (index: number) => string, which: string): string[] {
    return this.#keys.flatMap(({ columns, areNullsSame }) => {
      const nullable = areNullsSame ? columns.filter((index) => !this.#table.description.columns[index]?.notNull) : []
      const told = nullable.slice(0, MOST_TOLD)
      // One question for each set of columns that are NULL: an index answers these, but none with OR.
      return subsets(told).map((empty) => {
        const same = columns.map((index) => {
          const [own, other] = [value(index), `e.v${index}`]
          if (empty.includes(index)) return `${other} IS NULL`
          const isEither = nullable.includes(index) && !told.includes(index)
          return isEither ? `(${other} = ${own} OR ${other} IS NULL AND ${own} IS NULL)` : `${other} = ${own}`
        })
        const exists = `EXISTS (SELECT FROM pg_temp.${this.waiting} e WHERE ${same.join(' AND ')}${which})`
        return [...empty.map((index) => `${value(index)} IS NULL`), exists].join(' AND ')
      })
    })
  }

  /** The indexes of columns, where all of them are loaded. */
  #loaded(names: readonly string[]): [readonly number[]] | undefined {
    const indexes = names.map((name) => this.#table.description.columns.findIndex((column) => column.name === name))
    return indexes.every((index) => this.#request.columns.includes(index)) ? [indexes] : undefined
  }

  /** Whether a row has to wait that shares a key with one that waits. */
  get holds(): boolean {
    return this.#keys.length > 0
  }

  get #references(): readonly {
    readonly columns: readonly number[]
    readonly others: readonly number[]
    isFull: boolean
  }[] {
    return (this.self?.references ?? []).flatMap(({ columns, others, isFull }) => {
      const [of, to] = [this.#loaded(columns), this.#loaded(others)]
      return of && to ? [{ columns: of[0], others: to[0], isFull }] : []
    })
  }

  /** Columns of the table by which rows that wait are compared. */
  get #compared(): readonly number[] {
    const references = this.#references.flatMap(({ columns, others }) => [...columns, ...others])
    return [...new Set([...references, ...this.#keys.flatMap(({ columns }) => columns)])].sort(
      (one, other) => one - other,
    )
  }

  /** The columns of the temporary table that are the row. */
  get #stored(): readonly string[] {
    return [...this.#request.columns.map((_, i) => `c${i}`), ...this.unlisted.map((index) => `d${index}`)]
  }

  /** The tables of rows that wait, and of their places and bytes. */
  waitingDdl(): string[] {
    if (this.self === undefined) return []
    const { modifiedTypes, collateSql } = this.#table
    const compared = this.#compared.map(
      (index) => `NULL::${modifiedTypes[index]?.name}${collateSql[index]} AS v${index}`,
    )
    const stored = this.#stored.map((name) => `s.${name}`)
    return [
      `CREATE TEMPORARY TABLE ${this.waiting} AS SELECT NULL::bigint AS at, NULL::text AS errors, false AS is_orphan, NULL::bigint AS place,
${[...stored, ...compared].join(', ')} FROM pg_temp.${this.name} s WITH NO DATA`,
      `ALTER TABLE pg_temp.${this.waiting} ADD PRIMARY KEY (at)`,
      ...this.#keys.map(
        ({ columns }) => `CREATE INDEX ON pg_temp.${this.waiting} (${columns.map((index) => `v${index}`).join(', ')})`,
      ),
      `CREATE TEMPORARY TABLE ${this.places} (at bigint PRIMARY KEY, errors text, record text NOT NULL, raw bytea NOT NULL)`,
    ]
  }

  /** Makes rows `s` of `from` wait. */
  #waitSql(from: string, errors: string): string {
    const value = (index: number) => this.values[this.#request.columns.indexOf(index)] ?? 'NULL'
    const names = ['at', 'errors', 'is_orphan', ...this.#stored, ...this.#compared.map((index) => `v${index}`)]
    const stored = this.#stored.map((name) => `s.${name}`)
    const at = 'coalesce(s.origin, copyist_before + s.n)'
    return `INSERT INTO pg_temp.${this.waiting} (${names.join(', ')})
SELECT ${[at, errors, 'false', ...stored, ...this.#compared.map(value)].join(', ')} FROM ${from}`
  }

  /** Makes the rows from `first` to `last` wait that share a key with one that waits. */
  #holdSql(first: string, last: string): string {
    return this.holds
      ? `IF copyist_holds THEN PERFORM pg_temp.${this.name}_hold(${first}, ${last}, copyist_before); END IF;`
      : ''
  }

  /**
   * The function that does so. It is asked of one row after the other while more and more of them wait, and there are no statistics of
   * these: left to itself, the server reads all of them each time. So the question is one that can only be asked row by row, and by an index.
   */
  #holdDdl(): string[] {
    if (!this.holds) return []
    const value = (index: number) => this.values[this.#request.columns.indexOf(index)] ?? 'NULL'
    const shared = this.#sharedSql(value, ' OFFSET 0')
    const tag = `$${this.name}_hold$`
    return [
      `CREATE FUNCTION pg_temp.${this.name}_hold(copyist_first bigint, copyist_last bigint, copyist_before bigint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS ${tag}
#variable_conflict use_column
BEGIN
  LOOP
    WITH s AS (DELETE FROM pg_temp.${this.name} s WHERE s.n BETWEEN copyist_first AND copyist_last AND (${shared.join(' OR ')}) RETURNING s.*)
    ${this.#waitSql('s', 'NULL')};
    EXIT WHEN NOT FOUND;
  END LOOP;
END
${tag}`,
    ]
  }

  /** Moves rows that wait back to the temporary table. */
  refillSql(which: string, order: string): string {
    const stored = this.#stored
    const gone = `DELETE FROM pg_temp.${this.waiting} w WHERE ${which} RETURNING w.*`
    return `WITH w AS (${gone}) INSERT INTO pg_temp.${this.name} (n, origin, ${stored.join(', ')}) OVERRIDING SYSTEM VALUE
SELECT row_number() OVER (ORDER BY ${order}), w.at, ${stored.map((name) => `w.${name}`).join(', ')} FROM w`
  }

  /** Of rows `w` that wait: whether none before it shares a key with it. */
  get firstOfKeys(): string {
    const shared = this.#sharedSql((index) => `w.v${index}`, ' AND e.at < w.at')
    return ['true', ...shared.map((sql) => `NOT (${sql})`)].join(' AND ')
  }

  /** What finds rows that refer to nothing, or to such rows alone; and gives each a place behind those that it refers to. */
  orphanDdl(): string[] {
    const references = this.#references
    // Where one of them cannot be seen, it may be what a row waits for.
    if (references.length < (this.self?.references.length ?? 0) || references.length === 0) return []
    const { sqlColumns, description } = this.#table
    const waiting = `pg_temp.${this.waiting}`
    type Reference = (typeof references)[number]
    const inTable = ({ columns, others }: Reference, row: string) =>
      `EXISTS (SELECT FROM ${description.sqlName} t WHERE ${others.map((other, i) => `t.${sqlColumns[other]} = ${row}.v${columns[i]}`).join(' AND ')})`
    const isMet = ({ columns, others }: Reference, by: string, row: string) =>
      others.map((other, i) => `${by}.v${other} = ${row}.v${columns[i]}`).join(' AND ')
    const unmet = references.map((reference) => {
      const { columns, isFull } = reference
      const present = columns.map((column) => `w.v${column} IS NOT NULL`).join(' AND ')
      const some = columns.map((column) => `w.v${column} IS NOT NULL`).join(' OR ')
      const missing = `NOT ${inTable(reference, 'w')} AND NOT EXISTS (SELECT FROM ${waiting} p WHERE ${isMet(reference, 'p', 'w')})`
      return `(${present} AND ${missing}${isFull ? ` OR (${some}) AND NOT (${present})` : ''})`
    })
    const below = (sole: boolean) =>
      references.map((reference) => {
        const others = `NOT ${inTable(reference, 'c')} AND NOT EXISTS (SELECT FROM ${waiting} q WHERE ${isMet(reference, 'q', 'c')} AND q.at <> p.at)`
        return `SELECT c.at FROM ${waiting} c WHERE ${isMet(reference, 'p', 'c')}${sole ? ` AND ${others}` : ''}`
      })
    const bound = references.map(
      (reference) => `EXISTS (SELECT FROM ${waiting} p WHERE ${isMet(reference, 'p', 'w')} AND p.at <> w.at)`,
    )
    const walk = (roots: string, sole: boolean) => `WITH RECURSIVE walk (at) AS (
  SELECT w.at FROM ${waiting} w WHERE ${roots}
  UNION
  SELECT c.at FROM walk JOIN ${waiting} p ON p.at = walk.at CROSS JOIN LATERAL (${below(sole).join(' UNION ALL ')}) c
)`
    // A join by hashing would read all rows for each step of a long chain.
    const settings = 'SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off'
    const tag = `$${this.name}$`
    return [
      ...references.flatMap(({ columns, others }) =>
        [columns, others].map((of) => `CREATE INDEX ON ${waiting} (${of.map((index) => `v${index}`).join(', ')})`),
      ),
      `ANALYZE ${waiting}`,
      `CREATE FUNCTION pg_temp.${this.orphans}() RETURNS bigint LANGUAGE sql ${settings} AS ${tag}
${walk(unmet.join(' OR '), true)}, marked AS (
  UPDATE ${waiting} w SET is_orphan = true FROM walk WHERE w.at = walk.at RETURNING 1
) SELECT count(*) FROM marked
${tag}`,
      `CREATE FUNCTION pg_temp.${this.orphans}_ranks() RETURNS void LANGUAGE sql ${settings} AS ${tag}
${walk(`NOT (${bound.join(' OR ')})`, false)}
UPDATE ${waiting} w SET place = ranked.place FROM (SELECT walk.at, row_number() OVER () AS place FROM walk) ranked WHERE w.at = ranked.at
${tag}`,
    ]
  }

  get #counters(): readonly string[] {
    return this.isOwning ? ['own', 'old'] : []
  }

  /**
   * Tells of the row that has just been refused. An INSERT does not say which column a value was for that could not be read, and names
   * the first only: so each is read once more. Of constraints it names the first only, too: the others are asked about while the table is
   * as it was for this row, so that what is told of a row does not depend on how it was found.
   */
  #refuseSql(row: string): string {
    const { columns, sink } = this.#request
    const isSought = `copyist_mode = ${MOVES.first}`
    const found = `GET STACKED DIAGNOSTICS copyist_state = RETURNED_SQLSTATE, copyist_message = MESSAGE_TEXT,
          copyist_detail = PG_EXCEPTION_DETAIL`
    const names = (this.self?.names ?? []).map(literal)
    const error = `pg_catalog.json_build_array(pg_catalog.json_build_object('sqlState', copyist_state, 'message', copyist_message,
        'detail', copyist_detail))::text`
    const waits =
      names.length === 0
        ? ''
        : `IF copyist_state = '23503' AND copyist_constraint IN (${names.join(', ')}) THEN
        ${this.#waitSql(`pg_temp.${this.name} s WHERE s.n = ${row}`, error)};
        ${this.holds ? 'copyist_holds := copyist_before >= 0;' : ''}
        CONTINUE;
      END IF;`
    const values = this.values
    const casts =
      sink === 'pg_binary'
        ? []
        : columns.flatMap((index, i) => {
            const value = values[i] ?? ''
            if (value === `s.c${i}`) return []
            const name = this.#table.description.columns[index]?.name ?? ''
            return `BEGIN
        PERFORM ${value} FROM pg_temp.${this.name} s WHERE s.n = ${row};
      EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE !~ '^22' THEN RAISE; END IF;
        ${found};
        copyist_column := ${literal(name)};
        SELECT s.c${i} INTO copyist_value FROM pg_temp.${this.name} s WHERE s.n = ${row};
        copyist_told := true;
        RETURN NEXT;
      END;`
          })
    return `IF ${isSought} AND SQLSTATE ~ '${this.#forgiven}' THEN CONTINUE; END IF;
      ${found}, copyist_column = COLUMN_NAME, copyist_constraint = CONSTRAINT_NAME;
      ${waits}
      copyist_n := ${row};
      ${this.isOwning ? `copyist_refused := copyist_refused || ${row};` : ''}
      copyist_value := NULL;
      copyist_told := false;
      ${this.#brokenSql(row)}
      ${casts.length === 0 ? '' : `IF copyist_state ~ '^22' THEN\n${casts.join('\n')}\nEND IF;`}
      IF NOT copyist_told THEN RETURN NEXT; END IF;
      IF ${isSought} THEN RETURN; END IF;`
  }

  /** Tells of the constraints that a row breaks which a constraint has refused, first what the server has said of it. */
  #brokenSql(row: string): string {
    if (this.brokenSql === undefined) return ''
    return `IF copyist_state ~ '^23' THEN
        copyist_said := copyist_message;
        BEGIN
          FOR copyist_more IN SELECT * FROM (${this.brokenSql(row)}) b ORDER BY b.message = copyist_said DESC, b.place LOOP
            IF NOT copyist_told THEN
              IF copyist_more.message = copyist_said THEN copyist_column := copyist_more.field; END IF;
              RETURN NEXT;
              copyist_told := true;
              CONTINUE WHEN copyist_more.message = copyist_said;
            END IF;
            copyist_column := copyist_more.field;
            copyist_state := copyist_more.state;
            copyist_message := copyist_more.message;
            copyist_detail := copyist_more.detail;
            RETURN NEXT;
          END LOOP;
        EXCEPTION WHEN OTHERS THEN
          -- A condition that fails is what the row has been refused for, or comes behind it.
          NULL;
        END;
      END IF;`
  }

  /** Moves `rows` rows from `first` on; where that fails, in smaller blocks, and in the end one by one. */
  #moveSql(first: string, rows: number): string {
    // What ends the load is looked for as what costs a row is.
    const tolerated = `SQLSTATE ~ '${this.#forgiven}' OR copyist_mode = ${MOVES.first} AND SQLSTATE ~ '${ABOUT_DATA}'`
    const isOne = rows === 1
    const which = isOne ? `s.n = ${first}` : `s.n BETWEEN ${first} AND ${first} + ${rows - 1} ORDER BY s.n`
    const smaller = Math.ceil(rows / FANOUT)
    const next = `copyist_row_${smaller}`
    const refused = isOne
      ? this.#refuseSql(first)
      : `FOR ${next} IN ${first} .. LEAST(${first} + ${rows - 1}, copyist_last) BY ${smaller} LOOP
        ${this.#moveSql(next, smaller)}
      END LOOP;`
    // What a statement updates twice, or a trigger drops, is found out row by row.
    const divides = isOne || this.#request.conflict === undefined ? '' : ` OR SQLSTATE IN ('21000', '${DIVIDE}')`
    return `BEGIN
      ${this.#countedSql(which, first, rows)}
    EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
      IF NOT (${tolerated}${divides}) THEN RAISE; END IF;
      ${refused}
    END;`
  }

  /** SQLSTATEs that cost a row only. */
  get #forgiven(): string {
    const { refusals } = this.#request
    return refusals === undefined ? '^$' : TOLERATED[refusals.tolerates]
  }

  /** Variables of ON CONFLICT. */
  #declareSql(begin: string, current: string): string {
    if (!this.isOwning) return ''
    // Of the transaction's own ID the epoch is known, and the other one is later.
    const id = BigInt(current)
    const full = id + ((BigInt(begin) - id) & 0xffff_ffffn)
    return `  copyist_age integer := pg_catalog.age(CAST('${begin}' AS pg_catalog.xid));
  copyist_begin bigint := ${full};
  copyist_most bigint := ${MOST_BEGUN} + pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) - ${full};
  copyist_own bigint;
  copyist_old bigint;
  copyist_step text;
  copyist_refused bigint[];
  copyist_repeated bigint[];
  copyist_earlier bigint[];
  copyist_total_before bigint;
  copyist_conflicted_before bigint;
`
  }

  /** Which rows `s` of the temporary table ON CONFLICT compares, and by what, for a window. */
  get #keyed(): { readonly by: string; readonly isWhole: string } {
    const { columns = [], collations = [], areNullsSame = false } = this.key ?? {}
    const values = columns.map((index) => this.values[this.#request.columns.indexOf(index)] ?? 'NULL')
    const present = values.map((value) => `${value} IS NOT NULL`).join(' AND ')
    return {
      by: `PARTITION BY ${values.map((value, at) => `${value}${collations[at]}`).join(', ')}`,
      isWhole: areNullsSame ? 'true' : present,
    }
  }

  /** Selects the rows that `which` says whose key another one of them before has, and the number of that. */
  repeatedSql(which: string): string {
    const { by, isWhole } = this.#keyed
    return `SELECT r.n, r.earlier FROM (SELECT s.n, pg_catalog.lag(s.n) OVER (${by} ORDER BY s.n) AS earlier
FROM pg_temp.${this.name} s WHERE ${which} AND ${isWhole}) r WHERE r.earlier IS NOT NULL`
  }

  /** Deletes of the rows that `which` says all but that of each key which is kept. */
  deleteOthersSql(which: string): string {
    const { by, isWhole } = this.#keyed
    const order = this.#request.conflict?.keep === 'last' ? 'DESC' : ''
    return `DELETE FROM pg_temp.${this.name} WHERE n IN (
  SELECT r.n FROM (
    SELECT s.n, pg_catalog.row_number() OVER (${by} ORDER BY s.n ${order}) AS place FROM pg_temp.${this.name} s WHERE ${which} AND ${isWhole}
  ) r WHERE r.place > 1
)`
  }

  /**
   * Moves a block of rows that may meet rows of the load. One that is replaced stays behind until the transaction ends, and is looked at for each
   * later one of its key. So where keys come again, the block is moved, that is taken back, and of what was not refused the last of each key goes
   * in. That fails where one has a second key that another has given up for a later value: then all of them go in once more.
   */
  #blockSql(): string {
    const block = `s.n BETWEEN copyist_first AND copyist_first + ${BLOCK - 1}`
    return `BEGIN
        SELECT pg_catalog.array_agg(r.n), pg_catalog.array_agg(r.earlier) INTO copyist_repeated, copyist_earlier
        FROM (${this.repeatedSql(block)}) r;
      EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
        -- A value that cannot be read, which is told when its row is tried.
        IF SQLSTATE !~ '${TOLERATED.all}' THEN RAISE; END IF;
        copyist_repeated := NULL;
        copyist_earlier := NULL;
      END;
      copyist_step := CASE WHEN copyist_mode = ${MOVES.collapsed} AND pg_catalog.cardinality(copyist_repeated) >= ${BLOCK / REPEATED} THEN 'try' ELSE 'all' END;
      copyist_refused := '{}';
      copyist_total_before := copyist_total;
      copyist_conflicted_before := copyist_conflicted;
      LOOP
        BEGIN
          IF copyist_step = 'last' THEN
            ${this.deleteOthersSql(block)};
            GET DIAGNOSTICS copyist_part = ROW_COUNT;
            ${this.#countedSql(`${block} ORDER BY s.n`)}
            copyist_conflicted := copyist_conflicted + copyist_part;
          ELSE
            ${this.#moveSql('copyist_first', BLOCK)}
          END IF;
          EXIT WHEN copyist_step <> 'try';
          RAISE EXCEPTION USING ERRCODE = '${UNDO}';
        EXCEPTION WHEN SQLSTATE '${UNDO}' THEN
          copyist_step := 'last';
          copyist_total := copyist_total_before;
          copyist_conflicted := copyist_conflicted_before;
          DELETE FROM pg_temp.${this.name} s WHERE s.n = ANY (copyist_refused);
        WHEN OTHERS OR ASSERT_FAILURE THEN
          IF copyist_step <> 'last' OR SQLSTATE !~ '${this.#forgiven}' THEN RAISE; END IF;
          copyist_step := 'all';
        END;
      END LOOP;`
  }

  /**
   * Moves the rows that `which` says and counts them: those of a block, of which there are `rows` at most from `first` on, or all.
   * What becomes of a row is certain but where a trigger may have dropped some: then the block is divided, and a row that ON CONFLICT DO
   * NOTHING has not moved is tried without it.
   */
  #countedSql(which: string, first?: string, rows?: number): string {
    const { conflict } = this.#request
    const counted = 'GET DIAGNOSTICS copyist_moved = ROW_COUNT;'
    if (conflict === undefined) {
      return `${first === undefined ? '' : this.#holdSql(first, `${first} + ${(rows ?? 1) - 1}`)}
      ${this.insertSql(which)};
      ${counted}
      copyist_total := copyist_total + copyist_moved;`
    }
    const mayDivide = this.drops && rows !== undefined && rows > 1
    const size = `(SELECT count(*) FROM pg_temp.${this.name} s WHERE s.n BETWEEN ${first} AND ${first} + ${(rows ?? 1) - 1})`
    const divide = (done: string) =>
      mayDivide ? `IF ${done} < ${size} THEN RAISE EXCEPTION USING ERRCODE = '${DIVIDE}'; END IF;` : ''
    if (!this.isOwning) {
      const probe = `IF copyist_moved = 0 THEN
        BEGIN
          ${this.insertSql(which, false)};
          ${counted}
          RAISE EXCEPTION USING ERRCODE = '${UNDO}';
        EXCEPTION WHEN unique_violation OR exclusion_violation THEN
          copyist_conflicted := copyist_conflicted + 1;
          copyist_moved := 0;
        WHEN SQLSTATE '${UNDO}' THEN
          copyist_moved := 0;
        END;
      END IF;`
      return `${this.insertSql(which)};
      ${counted}
      ${divide('copyist_moved')}
      ${this.drops && rows === 1 ? probe : ''}
      copyist_total := copyist_total + copyist_moved;`
    }
    const value = (of: string) => `pg_catalog.currval('pg_temp.${this.name}_${of}')`
    const isReplacing = conflict.keep === 'last'
    const passed = conflict.action === 'skip' ? ' + copyist_old' : isReplacing ? '' : ' + copyist_own'
    // A statement cannot change a row twice: each ends before the next row whose key it has.
    const parts = (from: string, to: string) => `copyist_moved := 0;
      copyist_from := ${from};
      LOOP
        copyist_until := LEAST(${to}, (
          SELECT pg_catalog.min(r.n) - 1 FROM ROWS FROM (pg_catalog.unnest(copyist_repeated), pg_catalog.unnest(copyist_earlier)) r (n, earlier) WHERE r.earlier >= copyist_from));
        ${this.insertSql('s.n BETWEEN copyist_from AND copyist_until ORDER BY s.n')};
        GET DIAGNOSTICS copyist_part = ROW_COUNT;
        copyist_moved := copyist_moved + copyist_part;
        EXIT WHEN copyist_until = ${to};
        copyist_from := copyist_until + 1;
      END LOOP;`
    const isDivided = first !== undefined && rows !== undefined && rows > 1
    return `copyist_own := ${value('own')};
      copyist_old := ${value('old')};
      ${isDivided ? parts(first, `${first} + ${rows - 1}`) : `${this.insertSql(which)};\n      ${counted}`}
      copyist_own := ${value('own')} - copyist_own;
      copyist_old := ${value('old')} - copyist_old;
      ${divide(`copyist_moved${passed}`)}
      ${rows === 1 ? `IF copyist_moved${passed} = 0 THEN copyist_own := 0; copyist_old := 0; END IF;` : ''}
      copyist_total := copyist_total + copyist_moved${isReplacing ? ' - copyist_own' : ''};
      copyist_conflicted := copyist_conflicted + copyist_own${conflict.action === 'skip' ? ' + copyist_old' : ''};`
  }

  /** What the columns of a row of the temporary table are in the table. */
  get values(): string[] {
    const { columns, sink } = this.#request
    return columns.map((index, i) => (sink === 'pg_binary' ? `s.c${i}` : storedValue(`s.c${i}`, this.readType(index))))
  }

  readType(index: number): ReadType {
    const { plainTypes, modifiedTypes } = this.#table
    const plain = plainTypes[index] ?? 'text'
    return { plain, ...(modifiedTypes[index] ?? { name: plain, modifier: -1 }) }
  }

  get relation(): string {
    return `"${this.#table.description.relationName.replaceAll('"', '""')}"`
  }

  /** The columns of the temporary table that go to the table, with those that WHERE names. */
  get #moved(): { readonly sqlName: string; readonly value: string }[] {
    const { sqlColumns } = this.#table
    const values = this.values
    return [
      ...this.#request.columns.map((index, i) => ({ sqlName: sqlColumns[index] ?? '', value: values[i] ?? 'NULL' })),
      ...this.unlisted.map((index) => ({ sqlName: sqlColumns[index] ?? '', value: `s.d${index}` })),
    ]
  }

  /** A row `s` under the names of the table's columns. */
  get rowSql(): string {
    return `SELECT ${this.#moved.map(({ sqlName, value }) => `${value} AS ${sqlName}`).join(', ')}`
  }

  /** The rows that `which` says, under the names of the table's columns. */
  rowsSql(which: string): string {
    return `${this.rowSql} FROM pg_temp.${this.name} s WHERE ${which}`
  }

  /** Moves the rows that `which` says; `resolves` says whether as ON CONFLICT has it. */
  insertSql(which: string, resolves = true): string {
    const { where, conflict } = this.#request
    const moved = this.#moved
    const names = moved.map(({ sqlName }) => sqlName)
    const alias = this.isOwning ? ' AS copyist_t' : ''
    const target = `INSERT INTO ${this.#table.description.sqlName}${alias}${names.length > 0 ? ` (${names.join(', ')})` : ''}`
    if (names.length === 0) return `${target} SELECT FROM pg_temp.${this.name} s WHERE ${which}`
    const suffix = conflict === undefined || !resolves ? '' : ` ${this.#conflictSql(conflict)}`
    // COPY writes identity columns too. With ON CONFLICT, what WHERE holds back has been taken out.
    if (where === undefined || conflict !== undefined) {
      const values = moved.map(({ value }) => value)
      return `${target} OVERRIDING SYSTEM VALUE SELECT ${values.join(', ')} FROM pg_temp.${this.name} s WHERE ${which}${suffix}`
    }
    return `${target} OVERRIDING SYSTEM VALUE SELECT ${names.join(', ')} FROM (${this.rowsSql(which)}) ${this.relation}
WHERE (${where}
)`
  }

  #conflictSql({ action, keep, keys }: ConflictRequest): string {
    const { sqlColumns } = this.#table
    const target = keys === undefined ? '' : ` (${keys.map((key) => sqlColumns[key]).join(', ')})`
    if ((action === 'skip' && !this.isOwning) || this.#updated.length === 0) return `ON CONFLICT${target} DO NOTHING`
    const set = this.#updated.map((index) => `${sqlColumns[index]} = EXCLUDED.${sqlColumns[index]}`)
    const update = `ON CONFLICT${target} DO UPDATE SET ${set.join(', ')}`
    if (!this.isOwning) return update
    // A row of the load has an ID of the transaction that is under way, from the load's first on.
    const after = 'copyist_age::bigint - pg_catalog.age(copyist_t.xmin)'
    const isOwn = `CASE WHEN ${after} BETWEEN 0 AND copyist_most THEN pg_catalog.txid_status(copyist_begin + ${after}) = 'in progress' ELSE false END`
    const note = (of: string, then: boolean) =>
      `pg_catalog.nextval('pg_temp.${this.name}_${of}') IS ${then ? 'NOT ' : ''}NULL`
    const old = action === 'update' ? 'true' : note('old', false)
    return `${update} WHERE CASE WHEN ${isOwn} THEN ${note('own', keep === 'last')} ELSE ${old} END`
  }
}

/** All sets of some of these, the empty one first. */
function subsets([first, ...rest]: readonly number[]): readonly (readonly number[])[] {
  return first === undefined ? [[]] : subsets(rest).flatMap((set) => [set, [first, ...set]])
}
