import type { LedgerSession } from '../ledger/session.ts'
import type { ColumnType, LoadSession, NativeLoad, SinkKind } from '../native/load.ts'
import type { QualifiedName } from '../statement/ast.ts'

/** A column of the target table as the load needs it. */
export interface TargetColumn {
  readonly name: string
  readonly type: ColumnType
  /** As the database prints it, for messages and receipts. */
  readonly typeName: string
  readonly hasDefault: boolean
  readonly generated: boolean
  /** Whether a NULL is certainly refused, and by nothing but this. */
  readonly notNull: boolean
  /** Whether it is an identity column, and one that takes no values but by force. Absent: none, as in a database that has none. */
  readonly identity?: 'always' | 'by default'
  /** Whether its type is one of strings that are not read here: `citext`, `name`. Of others `type` tells. */
  readonly isString?: boolean
  /** Whether its type is a domain, whose conditions only the database knows. */
  readonly isDomain?: boolean
  /** Whether it is one, or has one in it. */
  readonly hasDomain?: boolean
  /** Whether its values are rows: a composite type, or a domain over one. */
  readonly isRow?: boolean
  /** Of a boolean or a number that takes no NULL and has no default: what is one in QuestDB. */
  readonly zero?: 'false' | '0'
  /** Where {@link zero} is the column's default for a load: its SQL. */
  readonly defaultSql?: string | undefined
  /** Of a type that the database reads: as what its values can be read here, where a statement says how dates and times are written. */
  readonly dated?: ColumnType
  /** Of a type that only the database reads: the dates and times that its values consist of, if of any. */
  readonly dates?: readonly DateKind[]
  /** Of a type that only the database reads: whether its values have numbers with a decimal mark. */
  readonly hasNumbers?: true
}

/** Types that the formats of a statement are about. */
export type DateKind = Extract<ColumnType['kind'], 'date' | 'time' | 'timetz' | 'timestamp' | 'timestamptz'>

/** A column of a table that is made from a file: it takes NULL, and nothing fills it in. */
export function plainColumn(name: string, type: ColumnType, typeName: string): TargetColumn {
  return { name, type, typeName, hasDefault: false, generated: false, notNull: false }
}

/** What a target says of a table. */
export interface TableDescription {
  /** Schema-qualified and quoted where needed, for SQL. */
  readonly sqlName: string
  /** The relation's bare name as PostgreSQL's CONTEXT prints it. */
  readonly relationName: string
  /** The database that the table is in, where a connection has several; absent for a temporary table. */
  readonly catalog?: string
  /** In table order, generated ones included. */
  readonly columns: readonly TargetColumn[]
  /** Indexes into `columns` of the primary key's; absent without one. */
  readonly primaryKey?: readonly number[]
}

/** Facts that let callers decide without asking which database it is. */
export interface TargetCapabilities {
  /** Names of columns are found whatever their case, as this database itself does. */
  readonly caseInsensitiveNames: boolean
  /** Rows can be written frozen: as if every transaction that could not see them had ended. */
  readonly freezes: boolean
}

/** A column that CREATE TABLE is to have; `type` is the proven type, spelled by each target in its own words. */
export interface InferredColumn {
  readonly name: string
  readonly type: ColumnType
  /** Whether its values, or what is in its lists, have nanoseconds, for a target that has a type of these. */
  readonly hasNanoseconds?: boolean
}

/** A table that could be created. */
export interface PlannedTable {
  readonly ddl: string
  readonly description: TableDescription
}

/**
 * Whether literals of the input name time zones, of which the database may have other data than we do.
 * - `unexpected`: hardly ever; if one does, the statement starts over with `present`.
 * - `possible`: the input cannot be read twice, so that the first attempt must be right.
 * - `present`: at least one does.
 */
export type ZonesInLiterals = 'unexpected' | 'possible' | 'present'

/** Why the target refuses a row. */
export interface RowError {
  /** The column's name, where it is about one. */
  readonly column?: string
  readonly sqlState: string
  readonly code: string
  readonly message: string
  readonly detail?: string
  /** The field's text, where it is about one. */
  readonly value?: string
}

/** ON CONFLICT … DO SKIP or UPDATE. */
export interface ConflictRequest {
  readonly action: 'skip' | 'update'
  /** Indexes into the table's columns; absent: any unique constraint, only for `skip` that keeps the first. */
  readonly keys?: readonly number[]
  /** Which of several rows of the input with one key counts. */
  readonly keep: 'first' | 'last'
}

/** Place and bytes of a row whose fate is known at the end of the load. */
export interface PostponedRow {
  /** Text that is to be given back as it is. */
  readonly record: string
  readonly raw: Buffer
}

/**
 * Of a row that the decoder has refused the values, by position in the column list, that it has nothing against: literals, null for NULL.
 * What is not among them is refused already, or not known.
 */
export type KnownValues = ReadonlyMap<number, string | null>

/** Takes rows that only the target refuses. Rows are numbered from 0 as they leave the decoder. */
export interface RowRefusals {
  /** Which errors cost a row only; any other ends the load. `conversion or unique` are those of the first two. */
  readonly tolerates: 'conversion' | 'unique' | 'conversion or unique' | 'all'
  /** What a value that does not fit becomes, where it does not cost its row; not with `all`. */
  readonly replaces?: 'null' | 'default'
  /** Values of a row were replaced. What it throws ends the load. */
  replace(row: number, values: readonly RowError[]): void
  /** What it throws ends the load. */
  refuse(row: number, errors: readonly RowError[]): void
  /** All rows before this one have been dealt with. */
  settle(row: number): Promise<void>
  /** Takes out a row that may be refused at the end of the load only: what is to be known of it then. */
  postpone(row: number): PostponedRow
  /** Says at the end, in the order of the input, what is wrong with such a row; nothing where it has been loaded. */
  conclude(row: PostponedRow, errors: readonly RowError[]): void
  /** Hands on those that have been concluded. */
  settleLate(): Promise<void>
  /**
   * Rows that the decoder has refused, and of which the target may know more that is wrong: `question` is asked about some at a time, and
   * answers for each of them what else is. To be called where the connection is free, before rows behind them are settled, and at the end.
   */
  askMore(question: (rows: readonly KnownValues[]) => Promise<readonly (readonly RowError[])[]>): Promise<void>
  /** So many of them wait that {@link askMore} is to be called before more are read. */
  readonly mustAsk: boolean
  /** Many refused rows wait for those before them: better to deal with what there is than to gather more. */
  readonly isPressed: boolean
}

/** The code of the error of a load that has to start over, and then look for rows that are refused. No caller sees it. */
export const STARTS_OVER = 'starts_over'

/** What a field becomes on its way into its column. */
export interface FieldStep {
  /** SQL of the type that the field is read as. Absent: the column's, before an expression without its length or precision. */
  readonly type?: string
  /** SQL of one expression over the fields, which have the names of their columns. Absent: the field itself. */
  readonly expression?: string
}

/** How the rows of one statement go to the target. */
export interface LoadRequest {
  readonly table: TableDescription
  /** Indexes into `table.columns`, in COPY column-list order. */
  readonly columns: readonly number[]
  /** SQL of the WHERE condition. */
  readonly where?: string
  /** Whether any column may carry the DEFAULT marker. */
  readonly usesDefaults: boolean
  readonly sink: SinkKind
  readonly native: NativeLoad
  /** Rows are written frozen, where the target can do that. */
  readonly freezes?: boolean
  /** The rows are those of {@link TargetTransaction.transform}; without DEFAULT markers and ON CONFLICT. */
  readonly isTransformed?: boolean
  /** What becomes of rows whose key is there already; absent: they are refused like others that break a constraint. */
  readonly conflict?: ConflictRequest
  /** Absent: a row that the target refuses ends the load. */
  readonly refusals?: RowRefusals
  /**
   * The input can be read again. A target that would rather see whether any row is refused than look for it beforehand may then fail with
   * the code {@link STARTS_OVER}.
   */
  readonly mayStartOver?: boolean
  /** Bytes that this load's buffers may take, those of `native` included. */
  readonly memoryLimit: number
  readonly signal?: AbortSignal
}

/** What could refuse a row of a table. */
export interface Refusing {
  /** Whether anything could. */
  readonly isAny: boolean
  /** Columns that conditions read which a row meets or not whatever others there are. */
  readonly checked: readonly string[]
}

/** What the target did. */
export interface LoadOutcome {
  /** Rows the target took. */
  readonly rowsLoaded: number
  /** Rows held back by WHERE, a trigger or a rule: rows sent less rows loaded. */
  readonly rowsFiltered: number
  /** Rows that ON CONFLICT held back. */
  readonly rowsConflicted?: number
}

/**
 * One statement's transaction on one connection. Created by {@link Target.begin}; exactly one of `commit` and `rollback`
 * is called, and afterwards the connection is back where it came from, usable.
 */
export interface TargetTransaction {
  /** The table, or undefined when there is none (42P01). Throws CopyError for a relation that COPY cannot write. */
  describe(table: QualifiedName): Promise<TableDescription | undefined>
  /** Of a table that there is none of: whether that is so because its schema or its database is missing. */
  missingPart(table: QualifiedName): Promise<'schema' | 'catalog' | undefined>
  /** Settings of this session; `zoneWords` is for an input that can be read again. */
  session(): Promise<LoadSession>
  /** What {@link createTable} would run, and what {@link describe} would say afterwards. */
  planTable(table: QualifiedName, columns: readonly InferredColumn[]): Promise<PlannedTable>
  /** Creates the table and returns the DDL it ran. Throws CopyError 42P07 when another session has been quicker. */
  createTable(table: QualifiedName, columns: readonly InferredColumn[]): Promise<string>
  /** Which encoding fits these columns. */
  sinkFor(table: TableDescription, columns: readonly number[], usesDefaults: boolean, zones?: ZonesInLiterals): SinkKind
  /**
   * Gets ready to evaluate expressions between the fields and the table. `steps` are by position in `columns`.
   *
   * @returns the table as its fields are read, with other types.
   * @throws {CopyError} when a type or an expression is none; `statement.text` is then its SQL.
   */
  transform(
    table: TableDescription,
    columns: readonly number[],
    steps: readonly (FieldStep | undefined)[],
  ): Promise<TableDescription>
  /**
   * In a transaction that only looks: finds out whether WHERE is a condition for rows of the table, of which `columns` are loaded. A table
   * that does not exist yet is known by its description alone.
   *
   * @throws {CopyError} when it is none; `statement.text` is then `where`.
   */
  lookAtCondition(table: TableDescription, columns: readonly number[], where: string, exists: boolean): Promise<void>
  /** What the table has, besides its columns' types and NOT NULL, that could refuse a row. */
  refusing(table: TableDescription): Promise<Refusing>
  /** Gathers the statistics of a table that has been loaded. */
  analyze(table: TableDescription): Promise<void>
  /** Runs the load to its end. Rejects with CopyError; after an error only `rollback` may follow. */
  load(request: LoadRequest): Promise<LoadOutcome>
  /** Whether it is the caller's own, and goes on afterwards. */
  readonly isCallers: boolean
  /** Whether the database has a schema of the ledger's name. Costs at most one query of the catalog. */
  mayHaveLedger(catalog?: string): Promise<boolean>
  /** This transaction for the record of loads. `catalog` is that of the table's description. */
  ledger(catalog?: string): LedgerSession
  commit(): Promise<void>
  /** Never rejects. `broken` says that the connection is known to be dead. */
  rollback(): Promise<void>
}

/** A database that COPY can write to. */
export interface Target {
  readonly kind: 'postgres' | 'duckdb'
  readonly capabilities: TargetCapabilities
  /** @param bytes Size of the input, where it is known: how much is worth preparing for. */
  begin(signal?: AbortSignal, bytes?: number): Promise<TargetTransaction>
  /**
   * A transaction that only looks: what could write in it fails, and `rollback` ends it. Inside a transaction of the caller's DuckDB cannot
   * be told so; nothing is written there either.
   */
  look(signal?: AbortSignal): Promise<TargetTransaction>
  /** Closes what this target opened itself; what the caller lent stays open. */
  close(): Promise<void>
}
