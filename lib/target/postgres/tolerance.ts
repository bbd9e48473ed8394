import { CopyError } from '../../errors.ts'
import type { RowRefusals } from '../target.ts'
import { isServerError } from './server-error.ts'

/**
 * SQLSTATEs, as PostgreSQL's regular expressions, of errors that cost a row. A trigger may raise any; what is about the connection, the
 * transaction, the statement, resources or the server is never about the row.
 */
export const TOLERATED = {
  conversion: '^22',
  unique: '^23(505|P01)',
  'conversion or unique': '^(22|23(505|P01))',
  all: '^(?!08|0A|25|28|2D|3D|3F|40|42|53|55|57|58|F0|HV|XX)',
} as const

/**
 * The same of errors that a value or a row may be the reason of, though not all of them cost one. Types say in many ways that they do not take a
 * value, tsvector with 42601, regclass with 42P01; and so may a trigger.
 */
export const ABOUT_DATA = '^(?!08|25|40|53|55|57|58|XX)'

/** Whether a value or a row may be the reason of an error. */
export function isAboutData(error: unknown): error is CopyError {
  return error instanceof CopyError && new RegExp(ABOUT_DATA).test(error.sqlState)
}

/**
 * Whether an error costs rows only, or the values that it is about. That a value is not of its domain is an error of its conversion.
 */
export function isTolerated(
  error: unknown,
  { tolerates, replaces }: Pick<RowRefusals, 'tolerates' | 'replaces'>,
): error is CopyError {
  if (!(error instanceof CopyError)) return false
  const forgiven = tolerates === 'unique' && replaces !== undefined ? 'conversion or unique' : tolerates
  if (new RegExp(TOLERATED[forgiven]).test(error.sqlState)) return true
  // COPY names the column of a value that is being read, and of NULL where there must be a value.
  const isOfValue = error.position?.column !== undefined && !error.sqlState.startsWith('23')
  if (isOfValue && forgiven !== 'unique' && isAboutData(error)) return true
  const { cause } = error
  if (!/^conversion/.test(forgiven) || !/^23(?:502|514)$/.test(error.sqlState) || !isServerError(cause)) return false
  return Boolean(cause.dataType) && !cause.table
}
