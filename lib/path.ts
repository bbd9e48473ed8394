import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { statementError } from './statement/diagnostics.ts'

/**
 * The path of the file that a statement names. A `file:` URL is one way to name it.
 *
 * @throws {CopyError} 0A000 for a URL of something that is not a file of this machine.
 */
export function localPath(text: string, source: { readonly path: string; readonly offset: number }): string {
  const { path, offset } = source
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(path)?.[1]
  const isSlip = isMisspelt(path)
  // A folder may be called "https:" all the same.
  if ((scheme === undefined && !isSlip) || existsSync(path)) return path
  if (isSlip) {
    const shown = shownAddress(path)
    const meant = shown.trim().replace(/\/+/, '//')
    const what = `"${shown}" is no address: it ${/^\s/.test(path) ? 'begins with a blank' : 'lacks a slash'}`
    throw statementError(text, offset, 'invalid_parameter_value', what, {
      hint: `Did you mean "${meant}"? Where a folder is called so, write "./" before it.`,
    })
  }
  if (/^file$/i.test(scheme ?? '')) {
    try {
      return fileURLToPath(path)
    } catch {
      const detail = 'It has the form file:///path, special characters percent-encoded, and names no other host.'
      throw statementError(text, offset, 'invalid_parameter_value', `invalid file URL "${path}"`, { detail })
    }
  }
  // What stands behind the question mark may be a signature.
  const word = `'${path.replaceAll("'", "'\\''")}'`.replace(/[?#].*(?=')/s, '?...').replace(/(:\/\/)[^/]*@/, '$1...@')
  throw statementError(text, offset, 'feature_not_supported', `reading from ${scheme}:// is not supported yet`, {
    hint: `Download it first, or pipe it: curl -sL ${word} | copyist "COPY … FROM STDIN …".`,
  })
}

/** The schemes of what is read from other machines. */
const SCHEMES = '(?:https?|s3[an]?|gc?s|az(?:ure)?|adl|abfss?|wasbs?)'
const REMOTE = new RegExp(`^${SCHEMES}$`)
const MISSPELT = new RegExp(`^(?:\\s+${SCHEMES}:/|${SCHEMES}:/(?!/))`, 'i')

/** Whether an address is meant that has a blank before it, or lacks a slash. What is secret in it is so all the same. */
export function isMisspelt(path: string): boolean {
  return MISSPELT.test(path)
}

/** The scheme of an address, in lower case; undefined for what is a path. */
export function schemeOf(address: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase()
}

/** Whether it is the address of an object of another machine. */
export function isRemoteAddress(address: string): boolean {
  const scheme = schemeOf(address)
  return scheme !== undefined && REMOTE.test(scheme)
}

/** Whether it is that of a web server, misspelt or not. */
export function isWebAddress(address: string): boolean {
  return /^\s*https?:\//i.test(address)
}

/** An address as it may be shown. Of an object's name in a bucket a question mark is a part, and a container stands before an `@`. */
export function shownAddress(address: string): string {
  return isWebAddress(address) ? withoutQuery(address) : address.replace(/^([^:]*:\/+)[^/@]*:[^/]*@/, '$1')
}

/** A URL as it may be shown: signatures stand behind the question mark, passwords before the host. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^(\s*[a-z][a-z0-9+.-]*:\/+)[^/]*@/i, '$1')
}
