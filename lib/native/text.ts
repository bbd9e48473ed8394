import { loadAddon } from './addon.ts'

/** Bytes of an input as UTF-8; what is no character in its encoding becomes U+FFFD. */
export function toUtf8(bytes: Buffer, encoding: string): Buffer {
  if (encoding === 'UTF8') return bytes
  const text = loadAddon().decodeText(encoding, bytes)
  if (text === null) throw new TypeError(`the addon does not know the encoding ${encoding}`)
  return Buffer.from(text)
}

/** Text as it stands in an input; what its encoding does not have becomes a question mark. */
export function inEncoding(text: string, encoding: string): Buffer {
  const bytes = encoding === 'UTF8' ? Buffer.from(text) : loadAddon().encodeText(encoding, text)
  if (bytes === null) throw new TypeError(`the addon does not know the encoding ${encoding}`)
  return bytes
}
