import type { DuckDBConnection } from '@duckdb/node-api'
import { CopyError } from '../../errors.ts'
import type { DuckdbColumnDescription, DuckdbTableDescription } from './describe.ts'
import { asCopyError, inCondition } from './errors.ts'
import { quoteIdentifier } from './identifiers.ts'
import { prepareAsWritten, query } from './query.ts'

/*
 * SQL of the caller's that becomes part of statements of ours
 *
 * It has to be one expression over the columns of a row, by the rules that PostgreSQL has for the condition of a COPY: no query, nothing
 * that is about several rows, no parameter. DuckDB takes more than that where the expression ends up, and gives it a meaning that depends on
 * our statement: `#1` is a column of ours by its place, `COLUMNS(*)` all of them. So its parse tree is looked at, and it is bound, before
 * anything is read.
 */

/** Where the expression stands, in the words of messages. */
interface Place {
  /** After "cannot use … in". */
  readonly one: string
  /** After "… are not allowed in". */
  readonly many: string
  readonly single: string
}

const WHERE: Place = {
  one: 'COPY FROM WHERE condition',
  many: 'COPY FROM WHERE conditions',
  single: 'the WHERE condition of COPY must be a single expression',
}

const TRANSFORM: Place = {
  one: 'TRANSFORM expression',
  many: 'TRANSFORM expressions',
  single: 'a TRANSFORM expression must be a single expression',
}

/**
 * Finds out whether WHERE is a condition for rows of a table. Nothing is run but questions.
 *
 * @throws {CopyError} when it is none, with `where` as `statement.text`.
 */
export async function checkCondition(
  connection: DuckDBConnection,
  table: DuckdbTableDescription,
  where: string,
): Promise<void> {
  const rows = rowsOfNulls(
    table.relationName,
    table.columns.filter(({ generated }) => !generated),
  )
  const calls = await checkParsed(connection, where, WHERE, table)
  await checkBound(connection, where, [`SELECT 1 FROM ${rows} WHERE (`, '\n)'], WHERE, calls)
}

/**
 * Finds out whether TRANSFORM's expression is one over the fields.
 *
 * @throws {CopyError} when it is none, with `expression` as `statement.text`.
 */
export async function checkExpression(
  connection: DuckDBConnection,
  relationName: string,
  fields: readonly DuckdbColumnDescription[],
  expression: string,
): Promise<void> {
  const rows = rowsOfNulls(relationName, fields)
  const calls = await checkParsed(connection, expression, TRANSFORM, undefined)
  for (const around of [
    [`SELECT 1 FROM ${rows} WHERE CASE WHEN (`, '\n) IS NULL THEN true END'],
    ['SELECT (', `\n) FROM ${rows}`],
  ] as const) {
    await checkBound(connection, expression, around, TRANSFORM, calls)
  }
}

/** A row of columns of these types. */
function rowsOfNulls(relationName: string, columns: readonly DuckdbColumnDescription[]): string {
  const nulls = columns.map(({ name, typeName }) => `CAST(NULL AS ${typeName}) AS ${quoteIdentifier(name)}`)
  return `(SELECT ${nulls.join(', ')}) AS ${quoteIdentifier(relationName)}`
}

/**
 * Whatever closes our parenthesis early would have to make sense after both WHEN and WHERE, and only one expression does. So it cannot
 * end the statement that it is put into and begin another.
 *
 * @returns the functions that it calls.
 */
async function checkParsed(
  connection: DuckDBConnection,
  sql: string,
  where: Place,
  table: DuckdbTableDescription | undefined,
): Promise<readonly Call[]> {
  for (const [before, after] of [
    ['SELECT CASE WHEN (', '\n) THEN 1 END'],
    ['SELECT 1 WHERE (', '\n)'],
  ] as const) {
    let count: number
    try {
      count = (await connection.extractStatements(`${before}${sql}${after}`)).count
    } catch (thrown) {
      const error = asCopyError(thrown)
      throw (await brokenOff(connection, error, sql)) ?? inCondition(error, sql, before.length)
    }
    if (count !== 1) throw notSingle(sql, where)
  }
  const before = 'SELECT 1 WHERE ('
  const text = `${before}${sql}\n)`
  const [row] = await query(
    connection,
    'SELECT system.main.json_serialize_sql(CAST($1 AS VARCHAR), skip_null := true, skip_empty := true)',
    [text],
  )
  const tree = JSON.parse(String(row?.[0])) as ParsedSql
  if (tree.error || tree.statements?.length !== 1) {
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: `DuckDB cannot tell what is in this ${where.one}`,
      detail: tree.error_message,
      statement: { text: sql, offset: 0 },
    })
  }
  const calls: Call[] = []
  for (const node of nodesOf(tree.statements[0])) {
    // In bytes; of a parameter there is none.
    const place =
      Buffer.from(text)
        .subarray(0, node.query_location ?? 0)
        .toString().length - before.length
    const at = node.class === 'PARAMETER' ? sql.search(/[$?]/) : place
    const offset = Math.min(Math.max(at, 0), sql.length)
    if (node.function_name !== undefined) calls.push({ name: node.function_name, offset })
    const refusal = refusalOf(node, sql, where, table)
    if (refusal !== undefined) throw new CopyError({ ...refusal, statement: { text: sql, offset } })
  }
  return calls
}

/** The error at its end if the expression breaks off there: what DuckDB names is our parenthesis. */
async function brokenOff(
  connection: DuckDBConnection,
  { code, sqlState, message, cause }: CopyError,
  sql: string,
): Promise<CopyError | undefined> {
  if (!/near "\)"/.test(message)) return undefined
  try {
    await connection.extractStatements(`SELECT 1 WHERE ${sql}`)
    return undefined
  } catch (thrown) {
    if (!/at end of input/.test(asCopyError(thrown).message)) return undefined
    return new CopyError({ code, sqlState, message, cause, statement: { text: sql, offset: sql.length } })
  }
}

/** A function that an expression calls. */
interface Call {
  readonly name: string
  readonly offset: number
}

interface ParsedSql {
  readonly error?: boolean
  readonly error_message?: string
  readonly statements?: readonly unknown[]
}

/** What a parse tree is made of, as far as it is looked at. */
interface Node {
  readonly class: string
  readonly type?: string
  readonly query_location?: number
  readonly index?: number
  readonly identifier?: string
  readonly column_names?: readonly string[]
  readonly function_name?: string
  readonly subquery_type?: string
  readonly subquery?: {
    readonly node?: { readonly select_list?: readonly Node[]; readonly from_table?: { readonly type?: string } }
  }
}

/** The nodes of a tree that are expressions, outer ones first. */
function* nodesOf(tree: unknown): Generator<Node> {
  if (typeof tree !== 'object' || tree === null) return
  if ('class' in tree && typeof tree.class === 'string') yield tree as Node
  for (const part of Object.values(tree)) yield* nodesOf(part)
}

/** Why an expression may not have such a part; PostgreSQL's words where it has some. */
function refusalOf(
  node: Node,
  sql: string,
  { one, many }: Place,
  table: DuckdbTableDescription | undefined,
): ConstructorParameters<typeof CopyError>[0] | undefined {
  const unsupported = (message: string, hint?: string) => {
    return { code: 'feature_not_supported', sqlState: '0A000', message, ...(hint !== undefined && { hint }) }
  }
  switch (node.class) {
    case 'SUBQUERY':
      if (isOfArray(node))
        return unsupported(
          `cannot use ANY or ALL of an array in ${one}`,
          'DuckDB makes a subquery of it. For = ANY write list_contains(array, value).',
        )
      return unsupported(`cannot use subquery in ${one}`)
    case 'WINDOW':
      return { code: 'windowing_error', sqlState: '42P20', message: `window functions are not allowed in ${many}` }
    case 'POSITIONAL_REFERENCE':
      return unsupported(`cannot use positional reference #${node.index} in ${one}`, 'Name the column.')
    case 'STAR':
      return unsupported(`cannot use * or COLUMNS in ${one}`, 'Name the columns.')
    case 'PARAMETER':
      return sql.includes(`$${node.identifier}`)
        ? { code: 'undefined_parameter', sqlState: '42P02', message: `there is no parameter $${node.identifier}` }
        : { code: 'syntax_error', sqlState: '42601', message: 'syntax error at or near "?"' }
    case 'OPERATOR':
      return node.type === 'GROUPING_FUNCTION' ? grouping(`grouping operations are not allowed in ${many}`) : undefined
    case 'COLUMN_REF': {
      const [first, last = first] = node.column_names ?? []
      const isOfTable = node.column_names?.length === 1 || isSame(first, table?.relationName)
      const column = isOfTable
        ? table?.columns.find(({ name, generated }) => generated && isSame(name, last))
        : undefined
      return (
        column && {
          code: 'invalid_column_reference',
          sqlState: '42P10',
          message: `generated columns are not supported in ${many}`,
          detail: `Column "${column.name}" is a generated column.`,
        }
      )
    }
    default:
      return undefined
  }
}

/** Whether it is what DuckDB's parser makes of `value = ANY (array)`: a query of the array's elements. */
function isOfArray({ subquery_type, subquery }: Node): boolean {
  const { select_list = [], from_table } = subquery?.node ?? {}
  const isUnnested = select_list.length === 1 && /^unnest$/i.test(select_list[0]?.function_name ?? '')
  return subquery_type === 'ANY' && isUnnested && from_table?.type === 'EMPTY'
}

function grouping(message: string): { code: string; sqlState: string; message: string } {
  return { code: 'grouping_error', sqlState: '42803', message }
}

/** Names are found whatever their case. */
function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one.toLowerCase() === other?.toLowerCase()
}

/** Has DuckDB find what the names mean. */
async function checkBound(
  connection: DuckDBConnection,
  sql: string,
  [before, after]: readonly [string, string],
  place: Place,
  calls: readonly Call[],
): Promise<void> {
  let isSingle: boolean
  try {
    const prepared = await prepareAsWritten(connection, `${before}${sql}${after}`)
    isSingle = prepared.columnCount === 1
    prepared.destroySync()
  } catch (thrown) {
    const error = asCopyError(thrown)
    throw (await unallowed(connection, error, sql, place, calls)) ?? inCondition(error, sql, before.length)
  }
  if (!isSingle) throw notSingle(sql, place)
}

/** The error of a function that is not one of a row, in PostgreSQL's words and at its place. */
async function unallowed(
  connection: DuckDBConnection,
  { message, cause }: CopyError,
  sql: string,
  { many }: Place,
  calls: readonly Call[],
): Promise<CopyError | undefined> {
  const at = (call: Call | undefined) => ({ cause, statement: { text: sql, offset: call?.offset ?? 0 } })
  if (/^WHERE clause cannot contain aggregates!$/.test(message)) {
    const found = await query(
      connection,
      "SELECT DISTINCT lower(function_name) FROM duckdb_functions() WHERE function_type = 'aggregate'",
    )
    const names = new Set(found.map(([name]) => name))
    const call = calls.find(({ name }) => names.has(name.toLowerCase()))
    return new CopyError({ ...grouping(`aggregate functions are not allowed in ${many}`), ...at(call) })
  }
  if (/^UNNEST not supported here$/.test(message)) {
    const call = calls.find(({ name }) => /^(?:unnest|unlist)$/i.test(name))
    const words = `set-returning functions are not allowed in ${many}`
    return new CopyError({ code: 'feature_not_supported', sqlState: '0A000', message: words, ...at(call) })
  }
  return undefined
}

function notSingle(sql: string, { single }: Place): CopyError {
  return new CopyError({
    code: 'syntax_error',
    sqlState: '42601',
    message: single,
    statement: { text: sql, offset: 0 },
  })
}
