import { CopyError } from '../../errors.ts'

interface Condition {
  readonly code: string
  readonly sqlState: string
}

/** What the bindings say of a connection that has been closed, and we of an instance. */
const DISCONNECTED = /\bconnection disconnected$|^Connection Error: .*has been closed/

/** Integers that DuckDB reads itself, by the names they have in its messages. INT64 is there a timestamp too. */
const INTEGERS = {
  INT8: 'TINYINT',
  INT128: 'HUGEINT',
  UINT8: 'UTINYINT',
  UINT16: 'USMALLINT',
  UINT32: 'UINTEGER',
  UINT64: 'UBIGINT',
  UINT128: 'UHUGEINT',
} as const

/** Of a number DuckDB refuses nothing but its size; it rounds fractions. */
const OUT_OF_RANGE =
  /^Conversion Error: Could not convert string '(\s*[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?\s*)' to (INT8|INT128|UINT(?:8|16|32|64|128))(?:\n|$)/i

/**
 * DuckDB reports a class of exception and a sentence, no code. The first row that matches gives the condition, so rows about a
 * sentence come before those about its class.
 */
const CONDITIONS: readonly (readonly [pattern: RegExp, code: string, sqlState: string])[] = [
  [/No space left on device|Disk quota exceeded|disk full/i, 'disk_full', '53100'],
  [/Could not set lock on file|Conflicting lock is held/, 'lock_not_available', '55P03'],
  [DISCONNECTED, 'connection_does_not_exist', '08003'],
  [/Current transaction is aborted/, 'in_failed_sql_transaction', '25P02'],
  [/read-only mode|read-only database/i, 'read_only_sql_transaction', '25006'],
  [/NOT NULL constraint failed/, 'not_null_violation', '23502'],
  [/CHECK constraint failed/, 'check_violation', '23514'],
  [/foreign key constraint/i, 'foreign_key_violation', '23503'],
  [/duplicate key|violates (?:primary key|unique) constraint/i, 'unique_violation', '23505'],
  [/Incorrect value for generated column/, 'data_exception', '22000'],
  [/write-write conflict on create with "Schema.*Table/, 'duplicate_table', '42P07'],
  [/^(?:TransactionContext Error: )?(?:Failed to commit: )?.*\bconflict\b/i, 'serialization_failure', '40001'],
  [/^INTERRUPT Error/, 'query_canceled', '57014'],
  [/^Conversion Error: Unimplemented type for cast/, 'datatype_mismatch', '42804'],
  [/^Conversion Error: (?:date|time|timestamp) field value out of range/i, 'datetime_field_overflow', '22008'],
  [/^Conversion Error: .*(?:out of range|Could not cast value .* to DECIMAL)/, 'numeric_value_out_of_range', '22003'],
  [/^Conversion Error/, 'invalid_text_representation', '22P02'],
  [/^Out of Range Error/, 'numeric_value_out_of_range', '22003'],
  [/^Out of Memory Error/, 'out_of_memory', '53200'],
  [/^Parser Error|^Syntax Error/, 'syntax_error', '42601'],
  [/^Binder Error: (?:Referenced (?:column|table)|.*does not have a column named)/, 'undefined_column', '42703'],
  [/^Binder Error: (?:No function matches|Could not choose)/, 'undefined_function', '42883'],
  [/^Binder Error: .*(?:type|cast)/i, 'datatype_mismatch', '42804'],
  [/^Binder Error: Catalog .* does not exist|^Catalog Error: Catalog with name/, 'invalid_catalog_name', '3D000'],
  [/^Catalog Error: Schema with name .* does not exist/, 'invalid_schema_name', '3F000'],
  [/^Catalog Error: Table with name .* does not exist/, 'undefined_table', '42P01'],
  [/^Catalog Error: .*Function with name .* does not exist/, 'undefined_function', '42883'],
  [/^Catalog Error: Column with name .* already exists/, 'duplicate_column', '42701'],
  [/^Catalog Error: .* already exists/, 'duplicate_table', '42P07'],
  [/^(?:Binder|Catalog) Error/, 'syntax_error_or_access_rule_violation', '42000'],
  [/^Invalid Input Error/, 'invalid_parameter_value', '22023'],
  [/^Permission Error|Permission denied/, 'insufficient_privilege', '42501'],
  [/^Not implemented Error/i, 'feature_not_supported', '0A000'],
  [/^IO Error/, 'io_error', '58030'],
  [/^TransactionContext Error/, 'invalid_transaction_state', '25000'],
]

/** An error of DuckDB as a {@link CopyError}: DuckDB's sentence under PostgreSQL's code. A CopyError passes as it is. */
export function asCopyError(error: unknown): CopyError {
  if (error instanceof CopyError) return error
  const raw = (error instanceof Error ? error.message : String(error)).replace(/^Failed to extract statements: /, '')
  const { code, sqlState } = conditionOf(raw)
  const number = OUT_OF_RANGE.exec(raw)
  if (number !== null) {
    const message = `value "${number[1]}" is out of range for type ${INTEGERS[number[2] as keyof typeof INTEGERS]}`
    return new CopyError({ code: 'numeric_value_out_of_range', sqlState: '22003', message, cause: error })
  }
  if (/\bconnection disconnected$/.test(raw)) {
    const message = 'the DuckDBConnection has been closed'
    return new CopyError({ code, sqlState, message, hint: 'Open another and connect to that.', cause: error })
  }
  return new CopyError({ code, sqlState, ...sentences(raw), cause: error })
}

function conditionOf(message: string): Condition {
  for (const [pattern, code, sqlState] of CONDITIONS) if (pattern.test(message)) return { code, sqlState }
  return { code: 'internal_error', sqlState: 'XX000' }
}

/** Message, detail and hint: the class of exception is in the code, and the caret would point into SQL the user never wrote. */
function sentences(raw: string): { message: string; detail?: string; hint?: string } {
  const text = raw.replace(/^(?:[A-Za-z]+ )+Error: /, '').replace(/\n+LINE \d+: [\s\S]*$/, '')
  const [message = '', ...rest] = text.split('\n').filter((line) => line.trim() !== '')
  const hint = rest.filter((line) => /^(?:Did you mean|Candidate)/.test(line)).join('\n')
  const detail = rest.filter((line) => !/^(?:Did you mean|Candidate)/.test(line)).join('\n')
  return { message, ...(detail === '' ? {} : { detail }), ...(hint === '' ? {} : { hint }) }
}

/**
 * `error`, which DuckDB raised about a statement that contains the WHERE condition, with the place in the condition. `start` is where
 * the condition begins in that statement, if the caller knows.
 */
export function inCondition(error: CopyError, where: string, start?: number): CopyError {
  const raw = error.cause instanceof Error ? error.cause.message : ''
  // DuckDB shows the line with a caret below; of a long one only a part, between dots.
  const [, line, shown = '', spaces = ''] = /\nLINE (\d+): (.*)\n( *)\^/.exec(raw) ?? []
  const column = spaces.length - `LINE ${line}: `.length - (start ?? 0)
  const name = /^Referenced (?:column|table) "([^"]+)"|name "?(\w+)"? does not exist|near "([^"]+)"/.exec(error.message)
  const word = name?.[1] ?? name?.[2] ?? name?.[3]
  const isShown =
    start !== undefined && line === '1' && !shown.startsWith('...') && column >= 0 && column < where.length
  const offset = isShown ? column : word === undefined ? -1 : wordIndex(where, word)
  if (offset < 0 && start === undefined) return error
  const { code, sqlState, message, detail, hint, context, cause } = error
  const statement = { text: where, offset: Math.max(0, offset) }
  return new CopyError({ code, sqlState, message, detail, hint, context, cause, statement })
}

/** `error`, if it is that of a condition whose type can never be a truth value, in PostgreSQL's words and at the condition. */
export function asConditionType(error: CopyError, where: string | undefined): CopyError {
  const type = /^Unimplemented type for cast \((.*) -> BOOLEAN\)$/.exec(error.message)?.[1]
  if (where === undefined || type === undefined) return error
  return new CopyError({
    code: 'datatype_mismatch',
    sqlState: '42804',
    message: `argument of WHERE must be type boolean, not type ${type}`,
    statement: { text: where, offset: where.length - where.trimStart().length },
    cause: error.cause,
  })
}

/** Where `word` stands by itself, at first. */
function wordIndex(text: string, word: string): number {
  const escaped = word.replace(/[^\w]/g, '\\$&')
  return text.search(new RegExp(`(?<![\\w"'])${escaped}(?!\\w)|(?<=")${escaped}(?=")`))
}

/** The column that a NOT NULL violation names. */
export function notNullColumn(error: CopyError): string | undefined {
  return /NOT NULL constraint failed: [\s\S]*?\.([^.]+)$/.exec(error.message)?.[1]
}

/**
 * The key that a violation of uniqueness names: `a: 1, b: x` when the other row was there before the transaction, `1, x` when
 * the transaction itself inserted it.
 */
export function duplicateKey(error: CopyError): { readonly key: string; readonly named: boolean } | undefined {
  const named = /^Duplicate key "([\s\S]*)" violates/.exec(error.message)?.[1]
  if (named !== undefined) return { key: named, named: true }
  const key = /^PRIMARY KEY or UNIQUE constraint violation: duplicate key "([\s\S]*)"$/.exec(error.message)?.[1]
  return key === undefined ? undefined : { key, named: false }
}

/** `error`, if it is about a key that was looked for in vain: another transaction has committed it, which DuckDB tells only of a row that goes in. */
export function asUnseenKey(error: CopyError): CopyError {
  if (error.code !== 'unique_violation') return error
  const { code, sqlState, message, cause } = error
  return new CopyError({
    code,
    sqlState,
    message,
    detail:
      'Another transaction has committed this key since the one of the load began, which does not see it. Nothing was loaded.',
    hint: 'Load again, in a new transaction: then the key is found before the row goes in.',
    cause,
  })
}

/** The error of opening the database at `path`. */
export function openError(error: unknown, path: string): CopyError {
  const raw = error instanceof Error ? error.message : String(error)
  const init = (condition: Condition, message: string, hint?: string): CopyError =>
    new CopyError({ ...condition, message, detail: sentences(raw).message, ...(hint ? { hint } : {}), cause: error })
  if (/Could not set lock on file|being used by another process/.test(raw)) {
    const pid = /PID (\d+)/.exec(raw)?.[1]
    return init(
      { code: 'lock_not_available', sqlState: '55P03' },
      `database file "${path}" is locked by another process${pid === undefined ? '' : ` (PID ${pid})`}`,
      'A DuckDB file can be written by one process at a time. Close it there, or load into another file.',
    )
  }
  if (/not a valid DuckDB database file/.test(raw)) {
    return init({ code: 'wrong_object_type', sqlState: '42809' }, `file "${path}" is not a DuckDB database`)
  }
  if (/Is a directory/.test(raw)) {
    return init({ code: 'wrong_object_type', sqlState: '42809' }, `"${path}" is a directory, not a DuckDB database`)
  }
  if (/Permission denied|Read-only file system/.test(raw)) {
    return init({ code: 'insufficient_privilege', sqlState: '42501' }, `could not open database file "${path}"`)
  }
  if (/No such file or directory/.test(raw)) {
    return init(
      { code: 'undefined_file', sqlState: '58P01' },
      `could not create database file "${path}"`,
      'The directory must exist.',
    )
  }
  return init(conditionOf(raw), `could not open database file "${path}"`)
}

/** The error of a load that was aborted. */
export function abortError(signal: AbortSignal | undefined): CopyError {
  return new CopyError({
    code: 'query_canceled',
    sqlState: '57014',
    message: 'canceling statement due to user request',
    cause: signal?.reason,
  })
}

/** `error` again with position and context. */
export function withPosition(
  error: CopyError,
  position: CopyError['position'],
  context: string | undefined,
): CopyError {
  return new CopyError({
    code: error.code,
    sqlState: error.sqlState,
    message: error.message,
    detail: error.detail,
    hint: error.hint,
    statement: error.statement,
    cause: error.cause,
    context: error.context ?? context,
    position: { ...error.position, ...position },
  })
}
