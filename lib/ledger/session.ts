/** What goes to the database and comes back is text: both dialects cast from and to it, bytes by way of base64. */
export type LedgerValue = string | null

/** A value of a row that is added in bulk: as JavaScript has it, JSON and UUIDs as text. */
export type BulkValue = string | number | boolean | Buffer | null

/** A column of a table that rows are added to in bulk. */
export type BulkColumn = readonly [name: string, type: 'uuid' | 'bigint' | 'boolean' | 'text' | 'json' | 'bytea']

/** Where rows are added in bulk. */
export interface BulkTable {
  readonly place: LedgerPlace
  readonly name: string
  /** The first columns of the table, in its order, of any version: where DuckDB appends, nothing can be left out but what is last. */
  readonly columns: readonly BulkColumn[]
}

/**
 * A transaction as the ledger sees it: what it writes is committed with the rows of the load, or not at all.
 *
 * `query` runs one statement with values for `$1`, `$2`, … and gives its rows, the values as text. It rejects with CopyError.
 */
export interface LedgerSession {
  readonly dialect: 'postgres' | 'duckdb'
  /**
   * The attached database that the load writes to, in DuckDB: one of its transactions writes to one database. Absent means the
   * current one.
   */
  readonly catalog?: string
  query(sql: string, values?: readonly LedgerValue[]): Promise<readonly (readonly LedgerValue[])[]>
  /**
   * Adds rows, by what each database has for many of them. The rows are asked for some at a time, between which the event loop has its
   * turn. Columns that are not named get their defaults. Rejects with CopyError.
   */
  append(table: BulkTable, rows: Iterable<readonly BulkValue[]>): Promise<void>
}

/** Where the ledger is, and what must be known to write it. Holds for as long as the database is the same. */
export interface LedgerPlace {
  readonly dialect: 'postgres' | 'duckdb'
  /** The schema as SQL, in DuckDB with its database. */
  readonly schema: string
  /** The name of that database, in DuckDB. */
  readonly database?: string
  /** Which characters the database's text can hold. */
  readonly characters: 'all' | 'ascii'
}
