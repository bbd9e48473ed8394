import type { Stats } from 'node:fs'
import type { AccessPolicy } from './access/policy.ts'
import { CopyError } from './errors.ts'
import { loadAddon } from './native/addon.ts'
import type { BindingListing } from './native/binding.d.ts'
import { checkFile } from './native/first-bytes.ts'
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
  const isFolder = found?.isDirectory() === true
  if ((files ?? pattern) !== undefined && found !== undefined && !isFolder) {
    const message = `"${path}" is not a folder`
    const hint = `${files ? 'FILES' : 'PATTERN'} says which files below a folder are read.`
    throw statementError(text, source.offset, 'invalid_parameter_value', message, { hint })
  }
  let listing: BindingListing
  if (files !== undefined) {
    const folder = path === '' || path.endsWith('/') ? path : `${path}/`
    listing = await loadAddon().measureFiles(files.map((file) => folder + file))
  } else if (pattern !== undefined) {
    listing = await loadAddon().listFiles(path, pattern)
  } else if (isFolder) {
    listing = await loadAddon().listFiles(path)
  } else if (found === undefined && /[*?[{]/.test(path)) {
    listing = await loadAddon().listFiles('', path)
  } else {
    return undefined
  }
  const { paths, sizes } = checked(listing, statement)
  const [only, ...others] = paths
  if (only !== undefined && others.length === 0) return { kind: 'file', path: only, name: only, size: sizes[0] ?? 0 }
  const name = files ? `${path} (${files.length} files)` : pattern ? `${path} (${pattern})` : path
  return { kind: 'files', paths, size: sizes.reduce((sum, size) => sum + size, 0), name }
}

/**
 * The files of FILES or PATTERN where rules say what may be read: all of them are opened, so that what was checked is what is read.
 *
 * @throws {CopyError} 42501 for a folder or a file that the rules do not allow, 53000 for more files than can be open at a time
 */
export async function filesUnderRules(statement: CopyFrom, path: string, access: AccessPolicy): Promise<Input> {
  const { source, options, text } = statement
  const { files = [], pattern } = options.remote ?? {}
  const place = { text, offset: source.offset }
  const prefix = path === '' || path.endsWith('/') ? path : `${path}/`
  let names = files.map((file) => prefix + file)
  if (pattern !== undefined) {
    access.checkPattern(pattern, place)
    const folder = await access.folder(path, source.kind === 'file' ? source.path : path, place)
    names = checked(await loadAddon().listFiles(folder, pattern, true), statement).paths
  }
  const opened = await access.openFiles(names, place)
  try {
    for (const [index, { path }] of opened.entries()) await checkFile(path, names[index] ?? '', options.format)
  } catch (error) {
    for (const { handle } of opened) await handle.close()
    throw error
  }
  const name = pattern === undefined ? `${path} (${files.length} files)` : `${path} (${pattern})`
  return {
    kind: 'files',
    paths: opened.map(({ path }) => path),
    names,
    size: opened.reduce((sum, { size }) => sum + size, 0),
    handles: opened.map(({ handle }) => handle),
    name,
  }
}

function checked(listing: BindingListing, { text, source }: CopyFrom): BindingListing {
  const { failure } = listing
  if (failure === undefined) return listing
  const { code, sqlState, message, detail, hint } = failure
  throw new CopyError({ code, sqlState, message, detail, hint, statement: { text, offset: source.offset } })
}
