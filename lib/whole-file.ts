import { stat } from 'node:fs/promises'
import { CopyError } from './errors.ts'

/** A file that has become shorter was read in part, and its last row may be half a row. */
export async function checkWhole(
  input: { readonly kind: string; readonly path?: string; readonly name: string; readonly size?: number },
  outcome: string,
  cause?: unknown,
): Promise<void> {
  const { kind, path, name, size } = input
  if (kind !== 'file' || path === undefined || size === undefined) return
  // One that was removed has been read all the same.
  const now = await stat(path).catch(() => undefined)
  if (now === undefined || now.size >= size) return
  throw new CopyError({
    code: 'io_error',
    sqlState: '58030',
    message: `file "${name}" changed while it was read`,
    detail: `It had ${size} bytes at first, and ${now.size} in the end. ${outcome}`,
    position: { file: name },
    cause,
  })
}
