import { CopyError } from '../../errors.ts'
import { positionOf, type RowPlace } from '../../native/load.ts'
import type { LoadRequest, RowError } from '../target.ts'
import { conditionName } from './conditions.ts'
import { isServerError } from './server-error.ts'
import type { CheckedColumn } from './values.ts'

/** The error with which a load ends at the row that it names. */
export function locatedError(
  { code, sqlState, message, detail, hint, cause }: CopyError,
  { table, columns }: LoadRequest,
  { errors: [first], place }: { readonly errors: readonly RowError[]; readonly place: RowPlace | undefined },
): CopyError {
  const { column, value } = first ?? {}
  const isNamed = columns.some((index) => table.columns[index]?.name === column)
  const of = column !== undefined && isNamed ? `, column ${column}${value === undefined ? '' : `: "${value}"`}` : ''
  return new CopyError({
    code: first?.code ?? code,
    sqlState: first?.sqlState ?? sqlState,
    message: first?.message ?? message,
    detail: first === undefined ? detail : first.detail,
    hint,
    context: `COPY ${table.relationName}${place === undefined ? '' : `, ${place.unit} ${place.line}`}${of}`,
    position: {
      ...(place && positionOf(place)),
      ...(column !== undefined && isNamed && { column }),
    },
    cause,
  })
}

/** What a row is about to meet is told by columns of the system, which a right to single columns does not cover. */
export function mayNotRead(relation: string): CopyError {
  return new CopyError({
    code: conditionName('42501'),
    sqlState: '42501',
    message: `permission denied for table ${relation}`,
    detail:
      'Where rows may be refused, ON CONFLICT DO UPDATE and KEEP LAST have to tell rows of this load from those that were there before.',
    hint: 'GRANT SELECT on the table (not only on its columns), or load with ON_ERROR stop.',
  })
}

/** Neither asking nor trying can read a value of these columns. */
export function unreplaceable(columns: readonly CheckedColumn[]): CopyError {
  const names = columns.map(({ name, typeName }) => `"${name}" of type ${typeName}`).join(', ')
  return new CopyError({
    code: conditionName('0A000'),
    sqlState: '0A000',
    message: `COPY cannot replace values of column ${names}`,
    detail: 'Reading a value of them fails in another way than by an error of the value.',
    hint: 'ON_ERROR skip_row leaves the row out.',
  })
}

/** Rows that are tried go by INSERT, and would be rewritten. */
export function hasRule(relation: string, rule: string): CopyError {
  return new CopyError({
    code: conditionName('0A000'),
    sqlState: '0A000',
    message: `COPY cannot tell which rows table "${relation}" refuses, since it has the rule "${rule}"`,
    detail:
      'Rows that are refused, or whose key is there already, are found out by INSERT, which follows rules; COPY does not.',
    hint: `ALTER TABLE … DISABLE RULE "${rule}", or load with ON_ERROR stop and without ON CONFLICT.`,
  })
}

/** The row of a COPY that the server complains about, from 1. */
export function lineOf({ cause }: CopyError): number | undefined {
  const line = isServerError(cause) ? /^COPY copyist_\w+, [^\d\n]*(\d+)/m.exec(cause.where ?? '')?.[1] : undefined
  return line === undefined ? undefined : Number(line)
}

/** The right to make temporary tables is one of the database, and is taken from everybody at times. */
export function withTemporaryHint(error: unknown): unknown {
  if (!(error instanceof CopyError) || error.sqlState !== '42501') return error
  const { code, sqlState, message, cause } = error
  // Its columns have collations by name, and those of another schema may not be seen.
  const isSchema = isServerError(cause) && cause.routine === 'aclcheck_error'
  const [of, right] = isSchema
    ? [" with the table's types and collations", 'USAGE ON SCHEMA']
    : ['', 'TEMPORARY ON DATABASE']
  return new CopyError({
    code,
    sqlState,
    message,
    detail: `Rows that are refused, or whose key is there already, are found out in a temporary table${of}.`,
    hint: `GRANT ${right} … TO the user of the connection, or load with ON_ERROR stop and without ON CONFLICT.`,
    cause,
  })
}

/** A temporary table has the limits of any other, and needs more room: for columns of its own, and for values that it has as text. */
export function withWidthHint(error: unknown, relation: string, without: string): unknown {
  if (!(error instanceof CopyError)) return error
  const { code, sqlState, message, cause } = error
  const hint = `Load fewer columns by a column list, or load ${without}.`
  if (sqlState === '54011') {
    return new CopyError({
      code: conditionName('0A000'),
      sqlState: '0A000',
      message: `COPY cannot take rows for table "${relation}" through a temporary table, since that would have too many columns`,
      detail: 'It has columns of its own beside those that are loaded, and a table can have at most 1600.',
      hint,
      cause,
    })
  }
  // Other limits have this state, too. The line that the server names is where it writes rows that it has put together, not where this one is.
  if (sqlState !== '54000' || !isServerError(cause) || cause.routine !== 'RelationGetBufferForTuple') return error
  const detail =
    'The row goes through a temporary table, where its values are text and may take more room than in the table.'
  return new CopyError({ code, sqlState, message, detail, hint, cause })
}
