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
export async function filesOf(
  statement: CopyFrom,
  path: string,
  found: Stats | undefined,
  signal: AbortSignal | undefined,
): Promise<Input | undefined> {
  const { files, pattern } = statement.options.remote ?? {}
  const isFolder = found?.isDirectory() === true
  if ((files ?? pattern) !== undefined && found !== undefined && !isFolder) {
    throw noFolder(statement, path)
  }
  let listing: BindingListing
  if (files !== undefined) {
    const folder = path === '' || path.endsWith('/') ? path : `${path}/`
    listing = checked(await loadAddon().measureFiles(files.map((file) => folder + file)), statement)
  } else if (pattern !== undefined) {
    listing = await listed(statement, signal, path, pattern)
  } else if (isFolder) {
    listing = await listed(statement, signal, path)
  } else if (found === undefined && isPattern(path)) {
    listing = await listed(statement, signal, '', path)
  } else {
    return undefined
  }
  const { paths, sizes } = listing
  const [only, ...others] = paths
  if (only !== undefined && others.length === 0) return { kind: 'file', path: only, name: only, size: sizes[0] ?? 0 }
  const name = files ? `${path} (${files.length} files)` : pattern ? `${path} (${pattern})` : path
  return { kind: 'files', paths, size: sizes.reduce((sum, size) => sum + size, 0), name }
}

/**
 * What a statement reads where rules say what may be read: all files are opened, so that what was checked is what is read.
 *
 * @throws {CopyError} 42501 for a folder or a file that the rules do not allow, 53000 for more files than can be open at a time
 */
export async function filesUnderRules(
  statement: CopyFrom,
  path: string,
  access: AccessPolicy,
  signal: AbortSignal | undefined,
): Promise<Input> {
  const { source, options, text } = statement
  const { files, pattern } = options.remote ?? {}
  const place = { text, offset: source.offset }
  const name = source.kind === 'file' ? source.path : path
  /** The paths that a pattern means below a folder, or of all that is in it; through its descriptor. */
  const below = async (folder: string, wanted: string | undefined) => {
    const opened = await access.open(folder, name, place)
    try {
      if (opened.kind === 'file') throw noFolder(statement, folder)
      return (await listed(statement, signal, folder, wanted, opened.path)).paths
    } finally {
      await opened.handle.close()
    }
  }
  const load = async (names: readonly string[], called: string): Promise<Input> => {
    const opened = await access.openFiles(names, place)
    try {
      for (const [index, { path }] of opened.entries()) {
        const called = names[index] ?? ''
        await checkFile(path, called, options.format, called)
      }
    } catch (error) {
      for (const { handle } of opened) await handle.close()
      throw error
    }
    const paths = opened.map(({ path }) => path)
    const handles = opened.map(({ handle }) => handle)
    const size = opened.reduce((sum, { size }) => sum + size, 0)
    return { kind: 'files', paths, names, size, handles, name: called }
  }
  if (files !== undefined) {
    const prefix = path === '' || path.endsWith('/') ? path : `${path}/`
    return await load(
      files.map((file) => prefix + file),
      `${path} (${files.length} files)`,
    )
  }
  if (pattern !== undefined) return await load(await below(path, pattern), `${path} (${pattern})`)
  const opened = await access.open(path, name, place).catch((error: unknown) => {
    // What is there under this very name is meant, as without rules.
    if (isPattern(path) && error instanceof CopyError && error.code === 'undefined_file') return undefined
    throw error
  })
  if (opened === undefined) {
    const folder = path.slice(0, path.search(/[*?[{\\]/)).replace(/[^/]*$/, '')
    return await load(await below(folder, path.slice(folder.length)), path)
  }
  if (opened.kind === 'folder') {
    await opened.handle.close()
    return await load(await below(path, undefined), path)
  }
  try {
    await checkFile(opened.path, name, options.format, path)
  } catch (error) {
    await opened.handle.close()
    throw error
  }
  return { ...opened, name }
}

function isPattern(path: string): boolean {
  return /[*?[{]/.test(path)
}

function noFolder({ source, options, text }: CopyFrom, path: string): CopyError {
  const hint = `${options.remote?.files ? 'FILES' : 'PATTERN'} says which files below a folder are read.`
  return statementError(text, source.offset, 'invalid_parameter_value', `"${path}" is not a folder`, { hint })
}

/** @param within the descriptor of the folder, as a path, where nothing outside of it is to be looked at */
async function listed(
  statement: CopyFrom,
  signal: AbortSignal | undefined,
  path: string,
  pattern?: string,
  within?: string,
): Promise<BindingListing> {
  const search = new (loadAddon().BindingSearch)()
  const cancel = () => search.cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    signal?.throwIfAborted()
    return checked(await search.list(path, pattern, within), statement)
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

function checked(listing: BindingListing, { text, source }: CopyFrom): BindingListing {
  const { failure } = listing
  if (failure === undefined) return listing
  const { code, sqlState, message, detail, hint } = failure
  throw new CopyError({ code, sqlState, message, detail, hint, statement: { text, offset: source.offset } })
}
