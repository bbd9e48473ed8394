/** The function that makes bytes in `encoding` (UTF16LE, GBK) of whole characters in UTF-8. */
export function encoder(encoding) {
  if (encoding === 'UTF16LE') return (bytes) => Buffer.from(bytes.toString('utf8'), 'utf16le')
  if (encoding === 'GBK') return gbk
  throw new Error(`no encoder for "${encoding}"`)
}

let codes

function gbk(bytes) {
  codes ??= gbkCodes()
  const text = bytes.toString('utf8')
  const out = Buffer.allocUnsafe(2 * text.length)
  let length = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) {
      out[length++] = unit
      continue
    }
    const code = codes.get(unit)
    if (code === undefined) throw new Error(`GBK has no character ${text[index]}`)
    out[length++] = code >> 8
    out[length++] = code & 0xff
  }
  return out.subarray(0, length)
}

/** Node decodes GBK and does not encode it: the two bytes of each character, by trying all of them. */
function gbkCodes() {
  const decoder = new TextDecoder('gbk')
  const found = new Map()
  for (let code = 0x8140; code <= 0xfefe; code++) {
    const text = decoder.decode(Uint8Array.of(code >> 8, code & 0xff))
    if (text.length === 1 && text !== '\ufffd' && !found.has(text.charCodeAt(0))) found.set(text.charCodeAt(0), code)
  }
  return found
}
