import { CopyError } from '../errors.ts'

/** What a function was called with and cannot use (22023). */
export function wrongArgument(message: string, hint?: string): CopyError {
  return new CopyError({ code: 'invalid_parameter_value', sqlState: '22023', message, hint })
}

/** How a value is called in such an error. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Whether it has properties that can be asked for. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
