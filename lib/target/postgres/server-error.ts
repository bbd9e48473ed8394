import { CopyError, type CopyPosition } from '../../errors.ts'
import { positionOf, type RowPlace } from '../../native/load.ts'
import { conditionName } from './conditions.ts'

/** The fields of an ErrorResponse as `pg` hands them on (its `DatabaseError`). */
export interface ServerError extends Error {
  readonly code: string
  readonly severity: string
  readonly detail?: string
  readonly hint?: string
  /** Character in the query, from 1, in decimal. */
  readonly position?: string
  /** The CONTEXT lines. */
  readonly where?: string
  /** The table, or the type (a domain), whose constraint it is about. */
  readonly table?: string
  /** The column that it is about, such as that of a NULL. */
  readonly column?: string
  readonly dataType?: string
  /** The function of the server that has raised it, which is in no language. */
  readonly routine?: string
}

/** Whether an error is an ErrorResponse of the server, in contrast to one of the client library or the socket. */
export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error &&
    typeof (error as Partial<ServerError>).severity === 'string' &&
    typeof (error as Partial<ServerError>).code === 'string'
  )
}

/** How the server's CONTEXT of one COPY is to be read. */
export interface CopyContext {
  /** The relation's bare name, as CONTEXT prints it. */
  readonly relationName: string
  /** Names of the columns that are loaded. */
  readonly columnNames: readonly string[]
  /** Where a row of our stream, by its ordinal from 0, stands in the input. */
  readonly locate: (row: number) => Pick<RowPlace, 'file' | 'unit' | 'line' | 'byteOffset'> | undefined
}

/**
 * A failure of the server or of the connection as a CopyError. The server's own words are kept; the driver's error is the
 * `cause` (PostgreSQL's table, column and constraint fields are found there).
 *
 * With `copy`, the line that the server's CONTEXT names, which counts the rows of our stream, becomes the input's line, in
 * the text as in `position`.
 */
export function toCopyError(error: unknown, copy?: CopyContext): CopyError {
  if (error instanceof CopyError) return error
  if (!isServerError(error)) return connectionFailure(error)
  const located =
    copy && error.where !== undefined ? relocate(error.where, copy) : { context: error.where, position: undefined }
  // Of a NULL the CONTEXT has the line alone, the error the column. What a trigger writes may be another table's.
  const isOfTable = error.code === '23502' && copy !== undefined && error.table === copy.relationName
  const column = isOfTable && located.position !== undefined ? error.column : undefined
  return new CopyError({
    code: conditionName(error.code),
    sqlState: error.code,
    message: error.message,
    position: column === undefined ? located.position : { ...located.position, column },
    detail: error.detail,
    hint: error.hint,
    context: located.context,
    cause: error,
  })
}

/** The error of a connection that broke after it had been established. */
export function connectionFailure(cause: unknown): CopyError {
  return new CopyError({
    code: conditionName('08006'),
    sqlState: '08006',
    message: `connection to the server was lost: ${describeFailure(cause)}`,
    cause,
  })
}

/** The error of a connection that could not be established. */
export function connectFailure(cause: unknown): CopyError {
  if (cause instanceof CopyError) return cause
  if (isServerError(cause)) return toCopyError(cause)
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_INVALID_URL') {
    // Without a cause: URL's own error quotes its input, and a connection string may hold a password.
    return new CopyError({
      code: conditionName('22023'),
      sqlState: '22023',
      message: 'invalid connection string',
      hint: 'It has the form postgres://user:password@host:port/database, special characters percent-encoded.',
    })
  }
  const message = describeFailure(cause)
  return new CopyError({
    code: conditionName('08001'),
    sqlState: '08001',
    message: `could not connect to the server: ${message}`,
    hint: message.includes('password must be a string')
      ? 'The server asks for a password: give it in the connection string, in PGPASSWORD or in ~/.pgpass.'
      : undefined,
    cause,
  })
}

/** The error of a load that the caller aborted; PostgreSQL's words for a cancelled query. */
export function queryCanceled(reason: unknown): CopyError {
  return new CopyError({
    code: conditionName('57014'),
    sqlState: '57014',
    message: 'canceling statement due to user request',
    cause: reason,
  })
}

/**
 * Whether pg's own `query_timeout` has struck. The server may still be at work, and its answer is still waited for: the
 * connection stays in step with the protocol.
 */
export function isReadTimeout(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout'
}

/** The error of a statement that pg's `query_timeout` ended. */
export function readTimeout(cause: Error): CopyError {
  return new CopyError({
    code: conditionName('57014'),
    sqlState: '57014',
    message: 'canceling statement due to query_timeout of the pg client',
    cause,
  })
}

/** A defect, of copyist or of the server: something that must balance does not. */
export function internalError(message: string, cause?: unknown): CopyError {
  return new CopyError({ code: conditionName('XX000'), sqlState: 'XX000', message, cause })
}

/** Node reports several refused addresses of one host as an AggregateError without a message. */
function describeFailure(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) {
    return [...new Set(cause.errors.map((inner) => describeFailure(inner)))].join('; ')
  }
  if (cause instanceof Error) return cause.message || (cause as NodeJS.ErrnoException).code || cause.name
  return String(cause)
}

interface Located {
  readonly context: string
  readonly position: CopyPosition | undefined
}

/**
 * CONTEXT is `COPY weather, line 5, column temp: "abc"`, below the contexts of triggers and functions that the row was in.
 * The words are translated with the server's lc_messages, their order hardly ever is, so only names and digits are relied
 * on; a text in another order stays as it is.
 */
function relocate(where: string, copy: CopyContext): Located {
  const pattern = new RegExp(`^(COPY ${escapeRegExp(copy.relationName)})(, [^\\d\\n]*)(\\d+)(.*)`, 'ms')
  const match = pattern.exec(where)
  if (!match) return { context: where, position: undefined }
  const [, relation = '', word = '', row = '', rest = ''] = match
  // What stands after a colon at once is the row as it travelled, which is not how the input writes it.
  const tail = rest.startsWith(':') ? '' : rest
  const above = where.slice(0, match.index)
  const column = columnOf(tail, copy.columnNames)
  const place = copy.locate(Number(row) - 1)
  // A row that cannot be found again must not keep the number it has in our stream: in the file it is another line.
  if (!place) {
    return { context: `${above}${relation}${tail}`, position: column === undefined ? undefined : { column } }
  }
  return {
    context: `${above}${relation}${place.unit === 'row' ? ', row ' : word}${place.line}${tail}`,
    position: {
      ...positionOf(place),
      ...(column !== undefined && { column }),
    },
  }
}

/** The column of `, column temp: "abc"`, the part behind the line number. */
function columnOf(tail: string, names: readonly string[]): string | undefined {
  const match = /^, \S+ (.+)/s.exec(tail)
  if (!match) return undefined
  const rest = match[1] ?? ''
  let found: string | undefined
  for (const name of names) {
    // Names may hold any character: of two that fit, the longer one is meant.
    const fits = rest === name || rest.startsWith(`${name}:`) || rest.startsWith(`${name}\n`)
    if (fits && name.length > (found?.length ?? -1)) found = name
  }
  return found
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
