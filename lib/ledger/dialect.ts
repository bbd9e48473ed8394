/** The few words in which the ledger's SQL differs from one database to the other. */
export interface Dialect {
  /** The definition of a column that numbers rows; DuckDB's is filled from the sequence `load_no`. */
  readonly numbered: string
  /** A table of the ledger, as a view of the ledger names it. */
  ownTable(name: string): string
  /** Fixed-length text, or text cut to that length. */
  character(expression: string, length: number): string
  /** A `timestamptz` as a timestamp in UTC. */
  utc(expression: string): string
  /** Microseconds from one `timestamptz` to another, bigint. */
  microseconds(from: string, to: string): string
  /** Bytes, known to be UTF-8 without NUL, as text. */
  decodeUtf8(expression: string): string
  /** Bytes as base64. */
  toBase64(expression: string): string
  /** A FROM item `alias(item)`: the elements of a JSON array of the row before it. */
  elements(json: string, alias: string): string
  /** The rows of a JSON array of objects, for a FROM clause; `columns` are names and SQL types. */
  records(json: string, columns: readonly (readonly [name: string, type: string])[]): string
  /**
   * Whether a column is among values of this type that stand in one text, with commas between. Not by a subquery in PostgreSQL: of a
   * table that has just been filled it thinks it has a row or two, and goes through all the values for each.
   */
  among(column: string, list: string, type: string): string
  /** UPDATE or DELETE as a statement whose one row is the count of its rows. */
  counted(statement: string): string
}

export const POSTGRES: Dialect = {
  numbered: 'bigint GENERATED ALWAYS AS IDENTITY UNIQUE',
  ownTable: (name) => `copyist.${name}`,
  character: (expression, length) => `CAST(${expression} AS character(${length}))`,
  utc: (expression) => `(${expression} AT TIME ZONE 'UTC')`,
  microseconds: (from, to) => `CAST(extract(epoch FROM ${to} - ${from}) * 1000000 AS bigint)`,
  decodeUtf8: (expression) => `convert_from(${expression}, 'UTF8')`,
  toBase64: (expression) => `encode(${expression}, 'base64')`,
  elements: (json, alias) => `json_array_elements(${json}) AS ${alias}(item)`,
  records: (json, columns) =>
    `json_to_recordset(CAST(${json} AS json)) AS r(${columns.map(([name, type]) => `${name} ${type}`).join(', ')})`,
  among: (column, list, type) => `${column} = ANY (CAST(string_to_array(${list}, ',') AS ${type}[]))`,
  counted: (statement) => `WITH changed AS (${statement} RETURNING 1) SELECT count(*) FROM changed`,
}

export const DUCKDB: Dialect = {
  numbered: 'bigint NOT NULL',
  // A view looks in its own schema first. Qualified with the database, it would be lost with the name of the file.
  ownTable: (name) => name,
  character: (expression, length) => `left(${expression}, ${length})`,
  // AT TIME ZONE belongs to the extension icu.
  utc: (expression) => `make_timestamp(epoch_us(${expression}))`,
  microseconds: (from, to) => `(epoch_us(${to}) - epoch_us(${from}))`,
  decodeUtf8: (expression) => `decode(${expression})`,
  toBase64: (expression) => `to_base64(${expression})`,
  elements: (json, alias) => `(SELECT unnest(json_extract(${json}, '$[*]')) AS item) AS ${alias}`,
  records: (json, columns) => {
    const shape = JSON.stringify([Object.fromEntries(columns)]).replaceAll("'", "''")
    return `(SELECT unnest(from_json(CAST(${json} AS json), '${shape}'), recursive := true)) AS r`
  },
  among: (column, list, type) => `${column} IN (SELECT CAST(unnest(string_to_array(${list}, ',')) AS ${type}))`,
  counted: (statement) => statement,
}
