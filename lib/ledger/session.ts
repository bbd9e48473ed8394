/** Everything goes to the database and comes back as text: both dialects cast from and to it, bytes by way of base64. */
export type LedgerValue = string | null

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
