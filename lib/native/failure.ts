import { CopyError } from '../errors.ts'
import type { BindingFailure } from './binding.d.ts'

/** The one place where a failure of the native side becomes an exception. */
export function copyErrorOf(failure: BindingFailure, file: string, cause?: unknown): CopyError {
  return new CopyError({
    code: failure.code,
    sqlState: failure.sqlState,
    message: failure.message,
    detail: failure.detail,
    hint: failure.hint,
    context: failure.context,
    position: {
      file,
      ...(failure.line === undefined ? {} : { line: failure.line }),
      ...(failure.byteOffset === undefined ? {} : { byteOffset: failure.byteOffset }),
      ...(failure.column === undefined ? {} : { column: failure.column }),
    },
    cause,
  })
}
