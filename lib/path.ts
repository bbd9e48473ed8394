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
  // A folder may be called "https:" all the same.
  if (scheme === undefined || existsSync(path)) return path
  if (/^file$/i.test(scheme)) {
    try {
      return fileURLToPath(path)
    } catch {
      const detail = 'It has the form file:///path, special characters percent-encoded, and names no other host.'
      throw statementError(text, offset, 'invalid_parameter_value', `invalid file URL "${path}"`, { detail })
    }
  }
  throw statementError(text, offset, 'feature_not_supported', `reading from ${scheme}:// is not supported yet`, {
    hint: `Download it first, or pipe it: ${download(scheme.toLowerCase(), path)} | copyist "COPY … FROM STDIN …".`,
  })
}

/** A URL as it may be shown: signatures stand behind the question mark, passwords before the host. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1')
}

/** A command that writes the object to its standard output. */
function download(scheme: string, url: string): string {
  const word = `'${url.replaceAll("'", "'\\''")}'`
  if (/^s3[an]?$/.test(scheme)) return `aws s3 cp ${word.replace(/^'s3[an]:/i, "'s3:")} -`
  if (/^(?:gs|gcs)$/.test(scheme)) return `gcloud storage cat ${word.replace(/^'gcs:/i, "'gs:")}`
  // What stands behind the question mark may be a signature.
  return `curl -sL ${word.replace(/[?#].*(?=')/s, '?...')}`
}
