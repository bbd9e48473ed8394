import { CopyError } from './errors.ts'
import type { Receipt } from './receipt.ts'
import type { CopyFrom, SqlText } from './statement/ast.ts'
import { parseParts } from './statement/parser.ts'
import { printTable } from './statement/printing.ts'
import type { TableDescription, Target } from './target/target.ts'
import { sqlAt } from './transform.ts'

/** Refuses FREEZE where it could not be carried out. What PostgreSQL says of it is PostgreSQL's. */
export function checkFreeze({ text, options }: CopyFrom, { capabilities }: Target): void {
  if (!options.freeze) return
  const { action } = options.onConflict ?? {}
  const isInserted = action === 'skip' || action === 'update'
  if (capabilities.freezes && !isInserted) return
  throw new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `COPY FREEZE cannot be used with ${isInserted ? `ON CONFLICT DO ${action.toUpperCase()}` : 'DuckDB'}`,
    detail: isInserted
      ? 'Rows that may be there already go by INSERT, which freezes no rows.'
      : 'It spares PostgreSQL a later VACUUM. DuckDB keeps no transaction with its rows that they could be freed of.',
    hint: 'Leave it out.',
    statement: { text, offset: parseParts(text).items.find(({ name }) => name === 'freeze')?.offset ?? 0 },
  })
}

export function otherKey(statement: CopyFrom, key: string, before: Receipt): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `LOAD_KEY "${key}" belongs to a load into ${before.table}`,
    detail: `That statement was: ${before.statement}`,
    hint: 'Take another key for another load.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

/** The binary form of a type that PostgreSQL does not have, or of one without a reader here. */
export function unknownForm(statement: CopyFrom, table: TableDescription, indexes: readonly number[]): CopyError {
  const column = table.columns.find((_, index) => indexes.includes(index))
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `COPY cannot read values of column "${column?.name}" of type ${column?.typeName} in BINARY mode`,
    hint: 'List the columns without it, or load the rows as FORMAT csv.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

/** All values go to the server as they are, which knows one decimal mark and no patterns. */
export function unpointable(statement: CopyFrom): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: 'COPY cannot read numbers and dates its own way and replace values that only the server reads',
    detail: 'A column has a domain, or a type without a reader here, so that the server judges every value.',
    hint: 'ON_ERROR skip_row leaves the row out.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

/** Dates that are not read here cannot become NULL. */
export function unforgivable(statement: CopyFrom): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: 'COPY ACCEPT_ANY_DATE cannot be used where the server reads the dates',
    detail: 'Rows in which a value may be DEFAULT, or that have a type without a reader here, travel as text.',
    hint: 'Say how the dates are written, by DATE_FORMAT and TIMESTAMP_FORMAT: then they are read here.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

/** The table was not there when it was looked for, and is when it is to be created. */
export function overtaken(statement: CopyFrom, cause: CopyError): CopyError {
  return new CopyError({
    code: 'duplicate_table',
    sqlState: '42P07',
    message: `relation "${statement.table.name.value}" already exists`,
    detail: 'It did not when this statement began: another one is creating it, or has created it.',
    hint: 'Run the statement again.',
    statement: { text: statement.text, offset: statement.table.name.offset },
    cause,
  })
}

export function undefinedPart(statement: CopyFrom, part: 'schema' | 'catalog'): CopyError {
  const name = statement.table[part]
  const isSchema = part === 'schema'
  return new CopyError({
    code: isSchema ? 'invalid_schema_name' : 'invalid_catalog_name',
    sqlState: isSchema ? '3F000' : '3D000',
    message: `${isSchema ? 'schema' : 'database'} "${name?.value}" does not exist`,
    statement: { text: statement.text, offset: name?.offset ?? 0 },
  })
}

export function undefinedTable(statement: CopyFrom): CopyError {
  return new CopyError({
    code: 'undefined_table',
    sqlState: '42P01',
    message: `relation "${printTable(statement.table, { quote: false })}" does not exist`,
    hint:
      statement.options.format === 'binary'
        ? 'Create the table first: a file in the binary format has neither names nor types of its columns.'
        : 'Create the table first, or let copyist create it from the file: option CREATE_TABLE, on the command line --create.',
    statement: { text: statement.text, offset: statement.table.name.offset },
  })
}

export function emptyInput(statement: CopyFrom, name: string): CopyError {
  return new CopyError({
    code: 'bad_copy_file_format',
    sqlState: '22P04',
    message: `cannot create table "${statement.table.name.value}" from an empty file`,
    detail: `"${name}" has no record that would tell the columns.`,
    position: { file: name },
  })
}

/** Of several files, the CONTEXT that names the one in front of the line; `file` is what all of them are called together. */
function contextIn({ context, position }: CopyError, { table }: CopyFrom, file: string): string | undefined {
  if (context === undefined || position.line === undefined) return context
  if (position.file === undefined || position.file === file) return context
  const relation = table.name.value.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  // The word for a line is in the server's language.
  const place = new RegExp(`^(COPY ${relation})(, [^,\\d\\n]*${position.line}(?!\\d))`, 'im')
  return context.replace(place, (_, before: string, line: string) => `${before}, file "${position.file}"${line}`)
}

/** Completes what a target cannot know: the file of a position, and where in the statement its SQL stands. */
export function placed(error: CopyError, statement: CopyFrom, file: string): CopyError {
  const { position } = error
  const context = contextIn(error, statement, file)
  const part = error.statement && sqlAt(statement, error.statement.text)
  const inFile = position.line !== undefined && position.file === undefined
  const hint = (part ? fillerHint(error, statement) : formatHint(error, statement)) ?? error.hint
  if (!inFile && !part && hint === error.hint && context === error.context) return error
  return new CopyError({
    code: error.code,
    sqlState: error.sqlState,
    message: (part && messageAtEnd(error, statement, part)) ?? error.message,
    position: inFile ? { file, ...position } : position,
    detail: error.detail,
    hint,
    context,
    statement: part ? { text: statement.text, offset: part.offset + (error.statement?.offset ?? 0) } : error.statement,
    diagnosis: error.diagnosis,
    loadId: error.loadId,
    cause: error.cause,
  })
}

/** Of SQL that breaks off the target has seen our parenthesis behind it; in PostgreSQL's words, what stands there in the statement. */
function messageAtEnd({ sqlState, statement }: CopyError, { text }: CopyFrom, part: SqlText): string | undefined {
  if (sqlState !== '42601' || statement?.offset !== part.sql.length) return undefined
  const rest = text.slice(part.offset + part.sql.length).replace(/^(?:\s+|--[^\n]*|\/\*[\s\S]*?\*\/)+/, '')
  const next = /^(?:\w+|.)/su.exec(rest)?.[0]
  return `syntax error ${next === undefined ? 'at end of input' : `at or near "${next}"`}`
}

/** A date or timestamp that was read by PostgreSQL's rules, though there is a format: it is the other type's. */
function formatHint({ sqlState, message, hint }: CopyError, { options }: CopyFrom): string | undefined {
  const { dateFormats } = options
  const isLiteral = /"DateStyle"/.test(hint ?? '') || /^invalid input syntax for type (?:date|timestamp)/.test(message)
  if (dateFormats?.language !== 'to_char' || !/^2200[78]$/.test(sqlState) || !isLiteral) return undefined
  if (dateFormats.date !== undefined && dateFormats.timestamp === undefined)
    return 'DATE_FORMAT is about columns of type date. TIMESTAMP_FORMAT says how timestamps are written.'
  if (dateFormats.date === undefined && dateFormats.timestamp !== undefined)
    return 'TIMESTAMP_FORMAT is about timestamps. DATE_FORMAT says how values of type date are written.'
  return undefined
}

/** An expression names a field that is dropped. */
function fillerHint({ sqlState, message }: CopyError, { options }: CopyFrom): string | undefined {
  if (sqlState !== '42703') return undefined
  const filler = options.filler?.find(({ value }) => message.includes(`"${value}"`))
  return filler && `FILLER drops field "${filler.value}" after it is read, so that neither TRANSFORM nor WHERE sees it.`
}

export function isCancelled(error: unknown): boolean {
  return error instanceof CopyError && error.sqlState === '57014'
}

export function aborted(signal: AbortSignal, cause: unknown = signal.reason): CopyError {
  return new CopyError({
    code: 'query_canceled',
    sqlState: '57014',
    message: 'canceling statement due to user request',
    detail: 'The load was aborted by its caller; nothing was loaded.',
    cause,
  })
}

/** A column whose numbers DECIMAL_SEPARATOR does not reach. */
export function unpointedColumn(statement: CopyFrom, column: string): CopyError {
  const item = parseParts(statement.text).items.find(({ name }) => name === 'decimal_separator')
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `COPY DECIMAL_SEPARATOR cannot be used with column "${column}"`,
    detail: 'Numbers in arrays and ranges, and amounts of money, are read with a point.',
    hint: 'TRANSFORM can read the field as text and make the value of it.',
    statement: { text: statement.text, offset: item?.offset ?? statement.table.name.offset },
  })
}
