import type { DuckDBConnection } from '@duckdb/node-api'
import type { DuckdbColumnDescription, DuckdbTableDescription } from './describe.ts'
import { quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { query } from './query.ts'

/** A condition on the columns of one row. */
export interface Check {
  /** SQL of what must not be false. */
  readonly expression: string
  readonly columns: readonly string[]
}

/** What no two rows may have in common: a primary key, a UNIQUE constraint or a unique index. */
export interface UniqueKey {
  readonly kind: 'primary key' | 'unique'
  /** SQL of each part. */
  readonly parts: readonly string[]
  /** What DuckDB's messages call them. */
  readonly names: readonly string[]
  /** The columns, where all parts are columns. */
  readonly columns: readonly string[] | undefined
}

/** Columns that must be found in another table, or in the same. */
export interface ForeignKey {
  readonly columns: readonly string[]
  /** SQL name of the other table; undefined for the same. */
  readonly otherTable: string | undefined
  readonly otherColumns: readonly string[]
}

/** What can refuse a row of a table. */
export interface Constraints {
  readonly checks: readonly Check[]
  readonly keys: readonly UniqueKey[]
  readonly foreignKeys: readonly ForeignKey[]
  /** Columns that are computed when a row is inserted, which may fail. */
  readonly generated: readonly { readonly name: string; readonly expression: string; readonly typeName: string }[]
}

/** SQL that says of a row of one of DuckDB's catalog functions whether it is about this table. */
export function isAboutTable({ fullName }: DuckdbTableDescription): string {
  const quoted = ['database_name', 'schema_name', 'table_name'].map(
    (name) => `'"' || replace(${name}, '"', '""') || '"'`,
  )
  return `concat_ws('.', ${quoted.join(', ')}) = ${quoteLiteral(fullName)}`
}

/** Reads the constraints of a table. NOT NULL is in its description. */
export async function constraintsOf(connection: DuckDBConnection, table: DuckdbTableDescription): Promise<Constraints> {
  const rows = await query(
    connection,
    `SELECT constraint_type, expression, constraint_column_names::VARCHAR[], referenced_table, referenced_column_names::VARCHAR[]
     FROM duckdb_constraints() WHERE ${isAboutTable(table)} ORDER BY constraint_index`,
  )
  const indexes = await query(
    connection,
    `SELECT expressions::VARCHAR[] FROM duckdb_indexes() WHERE is_unique AND ${isAboutTable(table)} ORDER BY index_oid`,
  )
  const checks: Check[] = []
  const keys: UniqueKey[] = []
  const foreignKeys: ForeignKey[] = []
  for (const [type, expression, columnNames, otherName, otherNames] of rows) {
    // Of a CHECK each column as often as it occurs there.
    const columns = [...new Set(strings(columnNames).map((name) => columnNamed(table, name)?.name ?? name))]
    if (type === 'CHECK') {
      checks.push({ expression: String(expression), columns })
    } else if (type === 'PRIMARY KEY' || type === 'UNIQUE') {
      const kind = type === 'UNIQUE' ? 'unique' : 'primary key'
      keys.push({ kind, parts: columns.map((name) => partOf(table, name)), names: columns, columns })
    } else if (type === 'FOREIGN KEY' && otherName !== null) {
      foreignKeys.push({
        columns,
        otherTable: isSame(String(otherName), table.relationName) ? undefined : siblingOf(table, String(otherName)),
        otherColumns: strings(otherNames),
      })
    }
  }
  for (const [expressions] of indexes) {
    const own = strings(expressions)
    const columns = own.map((part) =>
      columnNamed(
        table,
        part.replace(/^"(.*)"$/s, (_, name) => name.replaceAll('""', '"')),
      ),
    )
    const isOfColumns = columns.every((column) => column !== undefined)
    const parts = isOfColumns ? own : await expressionParts(connection, table, own)
    keys.push({
      kind: 'unique',
      parts: parts.map((part, index) => (columns[index] ? partOf(table, columns[index].name) : part)),
      names: own.map((part, index) => columns[index]?.name ?? part),
      columns: isOfColumns ? columns.map(({ name }) => name) : undefined,
    })
  }
  return { checks, keys, foreignKeys, generated: await generatedOf(connection, table) }
}

/** Whether rows of a table may refer to rows of the same table. */
export async function isSelfReferring(connection: DuckDBConnection, table: DuckdbTableDescription): Promise<boolean> {
  const [row] = await query(
    connection,
    `SELECT EXISTS (FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY'
       AND lower(referenced_table) = lower(table_name) AND ${isAboutTable(table)})`,
  )
  return row?.[0] === true
}

async function generatedOf(
  connection: DuckDBConnection,
  table: DuckdbTableDescription,
): Promise<Constraints['generated']> {
  if (!table.columns.some(({ generated }) => generated)) return []
  const rows = await query(
    connection,
    `SELECT column_name, column_default FROM duckdb_columns() WHERE ${isAboutTable(table)} ORDER BY column_index`,
  )
  return rows.flatMap(([columnName, expression]) => {
    const column = columnNamed(table, String(columnName))
    if (!column?.generated) return []
    return [{ name: column.name, expression: String(expression), typeName: column.typeName }]
  })
}

/** SQL of a column as indexes compare it: whatever its collation is, by its bytes. */
export function partOf(table: DuckdbTableDescription, name: string): string {
  const isText = columnNamed(table, name)?.type.kind === 'text'
  return isText ? `${quoteIdentifier(name)} COLLATE C` : quoteIdentifier(name)
}

/** SQL of expressions as indexes compare them: by their bytes as well, also where they have the collation of a column. */
async function expressionParts(
  connection: DuckDBConnection,
  { fullName, relationName }: DuckdbTableDescription,
  expressions: readonly string[],
): Promise<string[]> {
  const sql = `DESCRIBE SELECT ${expressions.join(', ')} FROM ${fullName} AS ${quoteIdentifier(relationName)}`
  const types = (await query(connection, sql)).map(([, type]) => type)
  return expressions.map((expression, index) => (types[index] === 'VARCHAR' ? `(${expression}) COLLATE C` : expression))
}

/** A table of the same schema: foreign keys do not leave theirs. */
function siblingOf({ fullName, relationName }: DuckdbTableDescription, name: string): string {
  return fullName.slice(0, fullName.length - quoteIdentifier(relationName).length) + quoteIdentifier(name)
}

/** A constraint may spell the name of its column in another case than the column itself. */
function columnNamed({ columns }: DuckdbTableDescription, name: string): DuckdbColumnDescription | undefined {
  return columns.find((column) => isSame(column.name, name))
}

function isSame(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}

function strings(list: unknown): string[] {
  return (list as readonly unknown[]).map(String)
}
