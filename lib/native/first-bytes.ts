import { open } from 'node:fs/promises'
import { CopyError } from '../errors.ts'
import { isColumnar, type RemoteAccess } from '../statement/ast.ts'

/** What an input is instead of text, and what to do about it. */
interface Signature {
  /** Code units of the first bytes; none of these begins a text that could be loaded. */
  readonly pattern: RegExp
  /** Completes `file "x" …`. */
  readonly what: string
  readonly hint: (path: string) => string
}

const piped = (what: string, command: string) => (path: string) =>
  `${what} it on the way: ${command} ${path} | copyist "COPY … FROM STDIN …".`

/** The longest mark that is looked for here, that of bzip2. */
const MOST_BYTES = 10
/** As many as the addon looks at to tell how an input is compressed. */
export const MARK_BYTES = 16

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: they are what tells these from text
const SIGNATURES: readonly Signature[] = [
  // The sixth byte is the upper half of a small number; "PK" and two odd characters alone could be a text.
  {
    pattern: /^PK\x03\x04[\s\S]\0/,
    what: 'is a zip archive, which is not supported yet',
    hint: (path) => `${piped('Decompress', 'unzip -p')(path)} A spreadsheet must be saved as CSV first.`,
  },
  // The fifth byte begins Parquet's first structure; "PAR1" alone could be a text.
  {
    pattern: /^PAR1\x15/,
    what: 'is in the format Parquet, which the statement does not say',
    hint: () => 'Add FORMAT parquet.',
  },
  // A file of Arrow's, also called Feather; and a stream, which begins with a mark that no text has and the length of its schema.
  {
    pattern: /^(?:ARROW1\0\0|\xff{4}[\s\S]{2}[\s\S]\0)/,
    what: "is in Arrow's format, which the statement does not say",
    hint: () => 'Add FORMAT arrow.',
  },
]
const BINARY_COPY: Signature = {
  pattern: /^PGCOPY\n\xff\r/,
  what: "is in PostgreSQL's binary format, which the statement does not say",
  hint: () => 'Add FORMAT binary.',
}

/** As `crates/store/src/codec` tells them. */
const COMPRESSED = /^(?:\x1f\x8b|\x28\xb5\x2f\xfd|BZh[1-9](?:1AY&SY|\x17rE8P\x90)|\xfd7zXZ\0|\x04"M\x18|[P-_]\*M\x18)/
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: as above

/** Whether an input that begins so is compressed, or may be: brotli has no mark, and is told by the `name`, which has no query of a URL's. */
export function isCompressed(bytes: Uint8Array, name: string, { compression }: RemoteAccess = {}): boolean {
  if (compression !== undefined) return compression !== 'none'
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MOST_BYTES)).toString('latin1')
  return COMPRESSED.test(start) || /\.br$/i.test(name)
}

/**
 * Refuses an input by its first bytes, which would otherwise be called invalid text. `path` is a file's.
 *
 * @throws {CopyError} 0A000
 */
export function checkFirstBytes(bytes: Uint8Array, name: string, format: string, path?: string): void {
  // Of these the reader says what they are not.
  if (isColumnar(format)) return
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MOST_BYTES)).toString('latin1')
  const signatures = format === 'binary' ? SIGNATURES : [...SIGNATURES, BINARY_COPY]
  const found = signatures.find(({ pattern }) => pattern.test(start))
  if (found === undefined) return
  throw new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `${path === undefined ? 'the input' : `file "${name}"`} ${found.what}`,
    hint: found.hint(path === undefined ? 'file' : shellWord(path)),
    position: { file: name },
  })
}

/** The same for a file, of which only these bytes are read. One that cannot be read is reported by whoever reads it. `called` is its path where
 * `path` only leads to it. */
export async function checkFile(path: string, name: string, format: string, called: string = path): Promise<void> {
  const bytes = await firstBytes(path, MOST_BYTES)
  if (bytes !== undefined) checkFirstBytes(bytes, name, format, called)
}

/** The first bytes of a file, `most` or all there are; undefined of one that cannot be read. */
export async function firstBytes(path: string, most: number): Promise<Buffer | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  const start = Buffer.alloc(most)
  return await file
    .read(start, 0, most, 0)
    .then(({ bytesRead }) => start.subarray(0, bytesRead))
    .catch(() => undefined)
    .finally(() => file.close().catch(() => {}))
}

function shellWord(text: string): string {
  return /^[\w./@%+,:=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
