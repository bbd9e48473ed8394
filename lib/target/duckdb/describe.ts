import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { QualifiedName } from '../../statement/ast.ts'
import type { TableDescription, TargetColumn } from '../target.ts'
import type { DuckdbDriver } from './driver.ts'
import { asCopyError } from './errors.ts'
import { loadReservedWords, parseSearchPath, printIdentifier, quoteIdentifier, quoteLiteral } from './identifiers.ts'
import { query } from './query.ts'
import { readingOf, zeroOf } from './types.ts'

/** A column with what only this target needs of it. */
export interface DuckdbColumnDescription extends TargetColumn {
  /** SQL of the default, when there is one. */
  readonly defaultSql: string | undefined
  /** What comparisons of it go by, as COLLATE takes it, where the column says so. */
  readonly collation?: string
}

/** A table with what only this target needs of it. */
export interface DuckdbTableDescription extends TableDescription {
  /** Database, schema and name, all quoted: means this table whatever the search path, for the SQL that a load runs. */
  readonly fullName: string
  readonly columns: readonly DuckdbColumnDescription[]
}

interface Relation {
  readonly catalog: string
  readonly schema: string
  readonly name: string
  readonly isView: boolean
  readonly hasKey: boolean
  /** A column of it may have a collation. */
  readonly isCollated: boolean
}

/** Where names without a database or a schema are sought. */
interface SearchPath {
  readonly database: string
  /** Databases and schemas, in order. */
  readonly path: readonly (readonly [string, string])[]
}

const SEARCH_PATH = "current_setting('search_path'), current_database()"

/**
 * Looks a table up as DuckDB's binder would: names are case-insensitive whether quoted or not, `x.t` is a table of schema `x` or
 * of database `x`, a bare name is sought in `temp`, then along the search path, then in `main`.
 *
 * @returns undefined when there is no such relation.
 * @throws {CopyError} 42809 for a view, 42P09 for `x.t` when both a schema and a database are called `x`.
 */
export async function describeTable(
  driver: DuckdbDriver,
  connection: DuckDBConnection,
  table: QualifiedName,
): Promise<DuckdbTableDescription | undefined> {
  const { relations, searchPath } = await relationsNamed(connection, table.name.value)
  const relation = await resolve(connection, table, relations, searchPath)
  if (relation === undefined) return undefined
  if (relation.isView) {
    throw new CopyError({
      code: 'wrong_object_type',
      sqlState: '42809',
      message: `cannot copy to view "${relation.name}"`,
    })
  }
  const fullName = [relation.catalog, relation.schema, relation.name].map(quoteIdentifier).join('.')
  const { columns, primaryKey } = await describeColumns(driver, connection, relation, fullName)
  return {
    sqlName: await printedName(connection, relation, relations, searchPath),
    fullName,
    relationName: relation.name,
    ...(sameName(relation.catalog, 'temp') ? {} : { catalog: relation.catalog }),
    columns,
    ...(primaryKey && { primaryKey }),
  }
}

/**
 * The name as people write it: quoted where needed, without the default database, and in that without the schema `main`, as far as
 * DuckDB still finds this table by it.
 */
async function printedName(
  connection: DuckDBConnection,
  relation: Relation,
  relations: readonly Relation[],
  searchPath: SearchPath,
): Promise<string> {
  const reserved = await loadReservedWords(connection)
  const { catalog, schema, name } = relation
  const print = (...parts: string[]): string => parts.map((part) => printIdentifier(part, reserved)).join('.')
  if (!sameName(catalog, searchPath.database)) return print(catalog, schema, name)
  const part = (value: string) => ({ value, quoted: true, offset: 0 })
  const means = async (short: QualifiedName): Promise<boolean> =>
    (await resolve(connection, short, relations, searchPath).catch(() => undefined)) === relation
  if (sameName(schema, 'main') && (await means({ name: part(name) }))) return print(name)
  return (await means({ schema: part(schema), name: part(name) })) ? print(schema, name) : print(catalog, schema, name)
}

/** The relations of a name, and where they are sought, by one query: each one is felt in a small load. */
async function relationsNamed(
  connection: DuckDBConnection,
  name: string,
): Promise<{ relations: Relation[]; searchPath: SearchPath }> {
  const rows = await query(
    connection,
    `SELECT ${SEARCH_PATH}, found.*
     FROM (SELECT 1) LEFT JOIN (
       SELECT database_name, schema_name, table_name, false, has_primary_key, sql ILIKE '%collate%'
       FROM duckdb_tables() WHERE ${equalsName('table_name', name)}
       UNION ALL
       SELECT database_name, schema_name, view_name, true, false, false
       FROM duckdb_views() WHERE ${equalsName('view_name', name)}
     ) AS found ON true`,
  )
  const relations = rows.flatMap(([, , catalog, schema, name, isView, hasKey, isCollated]): Relation[] =>
    name === null
      ? []
      : [
          {
            catalog: String(catalog),
            schema: String(schema),
            name: String(name),
            isView: isView === true,
            hasKey: hasKey === true,
            isCollated: isCollated === true,
          },
        ],
  )
  return { relations, searchPath: readSearchPath(rows[0]) }
}

/** The one of `relations`, which all have the name of `table`, that DuckDB would take. */
async function resolve(
  connection: DuckDBConnection,
  table: QualifiedName,
  relations: readonly Relation[],
  searchPath: SearchPath,
): Promise<Relation | undefined> {
  if (relations.length === 0) return undefined
  for (const [catalog, schema] of await candidates(connection, table, searchPath)) {
    const found = relations.find((relation) => sameName(relation.catalog, catalog) && sameName(relation.schema, schema))
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether the database or the schema that a table's name begins with does not exist. */
export async function missingPart(
  connection: DuckDBConnection,
  table: QualifiedName,
): Promise<'schema' | 'catalog' | undefined> {
  const { catalog, schema } = table
  if (schema === undefined) return undefined
  if (catalog !== undefined) {
    const databases = await query(
      connection,
      `SELECT 1 FROM duckdb_databases() WHERE ${equalsName('database_name', catalog.value)}`,
    )
    if (databases.length === 0) return 'catalog'
  }
  const schemas = await query(connection, 'SELECT database_name, schema_name FROM duckdb_schemas()')
  const pairs = await candidates(connection, table, await searchPathOf(connection))
  const isThere = pairs.some(([database, name]) =>
    schemas.some((row) => sameName(String(row[0]), database) && sameName(String(row[1]), name)),
  )
  return isThere ? undefined : 'schema'
}

async function searchPathOf(connection: DuckDBConnection): Promise<SearchPath> {
  const [settings] = await query(connection, `SELECT ${SEARCH_PATH}`)
  return readSearchPath(settings)
}

function readSearchPath([setting, current]: readonly unknown[] = []): SearchPath {
  const database = String(current)
  const path = parseSearchPath(String(setting ?? '')).map((entry): readonly [string, string] =>
    entry.length > 1 ? [entry[0] as string, entry[1] as string] : [database, entry[0] as string],
  )
  return { database, path }
}

/** The (database, schema) pairs in which a name is sought, in order. */
async function candidates(
  connection: DuckDBConnection,
  table: QualifiedName,
  { database, path }: SearchPath,
): Promise<(readonly [string, string])[]> {
  if (table.catalog !== undefined && table.schema !== undefined) return [[table.catalog.value, table.schema.value]]
  if (table.schema === undefined) return [['temp', 'main'], ...path, [database, 'main'], ['system', 'main']]

  const qualifier = table.schema.value
  const [known] = await query(
    connection,
    `SELECT EXISTS (FROM duckdb_databases() WHERE ${equalsName('database_name', qualifier)}),
            EXISTS (FROM duckdb_schemas() WHERE ${equalsName('schema_name', qualifier)} AND ${equalsName('database_name', database)})`,
  )
  const [isDatabase, isSchema] = [known?.[0] === true, known?.[1] === true]
  if (isDatabase && isSchema) {
    throw new CopyError({
      code: 'ambiguous_alias',
      sqlState: '42P09',
      message: `"${qualifier}" is both a database and a schema`,
      hint: `Write ${quoteIdentifier(database)}.${quoteIdentifier(qualifier)}.${quoteIdentifier(table.name.value)}, or ${quoteIdentifier(qualifier)}."main".${quoteIdentifier(table.name.value)}.`,
    })
  }
  if (isDatabase) {
    const onPath = path.filter(([catalog]) => sameName(catalog, qualifier))
    return [...onPath, [qualifier, 'main']]
  }
  return [
    ...path.map(([catalog]) => [catalog, qualifier] as const),
    [database, qualifier],
    ['temp', qualifier],
    ['system', qualifier],
  ]
}

async function describeColumns(
  driver: DuckdbDriver,
  connection: DuckDBConnection,
  relation: Relation,
  fullName: string,
): Promise<{ columns: DuckdbColumnDescription[]; primaryKey: readonly number[] | undefined }> {
  const isThis = `database_name = ${quoteLiteral(relation.catalog)} AND schema_name = ${quoteLiteral(relation.schema)}
       AND table_name = ${quoteLiteral(relation.name)}`
  const rows = await query(
    connection,
    `SELECT column_name, data_type, column_default, is_nullable FROM duckdb_columns() WHERE ${isThis} ORDER BY column_index`,
  )
  const prepared = await connection.prepare(`SELECT * FROM ${fullName}`).catch((error: unknown) => {
    throw asCopyError(error)
  })
  try {
    const generated = await generatedColumns(
      connection,
      fullName,
      rows.filter(([, , expression]) => expression !== null).map(([name]) => String(name)),
    )
    const collations = relation.isCollated ? await collationsOf(connection, fullName) : []
    const columns = rows.map(([columnName, typeName, expression, isNullable], index): DuckdbColumnDescription => {
      const name = String(columnName)
      const isGenerated = generated.has(name)
      const hasDefault = expression !== null && !isGenerated
      const notNull = isNullable === false
      const type = prepared.columnType(index)
      const zero = notNull && !hasDefault ? zeroOf(driver, type) : undefined
      const collation = collations[index]
      return {
        name,
        ...readingOf(driver, type),
        typeName: String(typeName),
        hasDefault,
        generated: isGenerated,
        notNull,
        ...(zero && { zero }),
        ...(collation && { collation }),
        defaultSql: hasDefault ? String(expression) : undefined,
      }
    })
    const isKey = `${isThis} AND constraint_type = 'PRIMARY KEY'`
    const [key] = relation.hasKey
      ? await query(connection, `SELECT constraint_column_names::VARCHAR[] FROM duckdb_constraints() WHERE ${isKey}`)
      : []
    // A constraint may spell its columns in another case than they are.
    const primaryKey = (key?.[0] as readonly unknown[] | undefined)?.map((name) =>
      columns.findIndex((column) => sameName(column.name, String(name))),
    )
    return { columns, primaryKey }
  } finally {
    prepared.destroySync()
  }
}

/** The collation of each column of a table, in their order. No catalog has them, and so the plan is asked of a query for the table. */
async function collationsOf(connection: DuckDBConnection, fullName: string): Promise<(string | undefined)[]> {
  const sql = `SELECT system.main.json_serialize_plan(${quoteLiteral(`SELECT * FROM ${fullName}`)}, skip_null := true)`
  const [row] = await query(connection, sql)
  const { plans = [], error_message: problem } = JSON.parse(String(row?.[0])) as SerializedPlan
  const [plan] = plans
  if (plan === undefined) {
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: `DuckDB does not tell the collations of table ${fullName}`,
      detail: problem,
    })
  }
  return plan.expressions.map(({ return_type: type }) => type.type_info?.collation || undefined)
}

interface SerializedPlan {
  readonly error_message?: string
  readonly plans?: readonly {
    readonly expressions: readonly { readonly return_type: { readonly type_info?: { readonly collation?: string } } }[]
  }[]
}

/**
 * Which of `names` are generated. The catalog shows a generation expression as if it were a default, so the binder is asked: it
 * refuses an INSERT into a generated column, and a refusal by the binder leaves a transaction intact.
 */
async function generatedColumns(
  connection: DuckDBConnection,
  fullName: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const insertable = async (columns: readonly string[]): Promise<boolean> => {
    const list = columns.map(quoteIdentifier).join(', ')
    const values = columns.map(() => 'NULL').join(', ')
    try {
      const prepared = await connection.prepare(`INSERT INTO ${fullName} (${list}) VALUES (${values})`)
      prepared.destroySync()
      return true
    } catch (error) {
      if (/generated column/i.test(String(error))) return false
      throw asCopyError(error)
    }
  }
  if (names.length === 0 || (await insertable(names))) return new Set()
  const generated = new Set<string>()
  for (const name of names) if (!(await insertable([name]))) generated.add(name)
  return generated
}

function equalsName(column: string, name: string): string {
  return `lower(${column}) = lower(${quoteLiteral(name)})`
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase()
}
