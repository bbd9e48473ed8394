import type { Stats } from 'node:fs'
import { CopyError } from './errors.ts'
import { loadAddon } from './native/addon.ts'
import type { BindingListing } from './native/binding.d.ts'
import type { Input } from './native/open.ts'
import type { CopyFrom } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'

/**
 * The files that a statement reads where it names no single one: by FILES, by PATTERN, by a folder or by a pattern in place of a path.
 * Undefined where it does. Files are in the order of FILES, or else in that of their paths' bytes.
 *
 * @param path what the statement names
 * @param found what is there
 * @throws {CopyError} 58P01 when there is no such file; 22023 for a broken pattern.
 */
export async function filesOf(statement: CopyFrom, path: string, found: Stats | undefined): Promise<Input | undefined> {
  const { source, options, text } = statement
  const { files, pattern } = options.remote ?? {}
  const addon = loadAddon()
  const isFolder = found?.isDirectory() === true
  if ((files ?? pattern) !== undefined && found !== undefined && !isFolder) {
    const message = `"${path}" is not a folder`
    const hint = `${files ? 'FILES' : 'PATTERN'} says which files below a folder are read.`
    throw statementError(text, source.offset, 'invalid_parameter_value', message, { hint })
  }
  let listing: BindingListing
  if (files !== undefined) {
    const folder = path === '' || path.endsWith('/') ? path : `${path}/`
    listing = await addon.measureFiles(files.map((file) => folder + file))
  } else if (pattern !== undefined) {
    listing = await addon.listFiles(path, pattern)
  } else if (isFolder) {
    listing = await addon.listFiles(path)
  } else if (found === undefined && /[*?[{]/.test(path)) {
    listing = await addon.listFiles('', path)
  } else {
    return undefined
  }
  const { paths, sizes, failure } = listing
  if (failure) {
    const { code, sqlState, message, detail, hint } = failure
    throw new CopyError({ code, sqlState, message, detail, hint, statement: { text, offset: source.offset } })
  }
  const [only, ...others] = paths
  if (only !== undefined && others.length === 0) return { kind: 'file', path: only, name: only, size: sizes[0] ?? 0 }
  const name = files ? `${path} (${files.length} files)` : pattern ? `${path} (${pattern})` : path
  return { kind: 'files', paths, size: sizes.reduce((sum, size) => sum + size, 0), name }
}
