import type { CopyOptions } from './statement/ast.ts'

/** Why a record is not one record. */
export interface RecordFlaw {
  readonly message: string
  readonly hint?: string
}

const LF = 0x0a
const CR = 0x0d
const BACKSLASH = 0x5c

/** What is written behind every record that is read by these options, whatever its input has there: the line end that is told, or a line feed. */
export function recordEnd({ eol = '\n' }: CopyOptions): string {
  return eol
}

/** Whether records end with something else than one of the usual line ends, which are characters like any others then. */
export function hasOwnEnd(options: CopyOptions): options is CopyOptions & { readonly eol: string } {
  return options.eol !== undefined && !/^(?:\n|\r\n?)$/.test(options.eol)
}

/**
 * What keeps a record from being one record wherever it stands between others, in a stream whose lines end as {@link recordEnd} says: a
 * quote that would swallow what follows, a line end that would cut it in two. Undefined when there is nothing of the kind.
 */
export function flawOf(raw: Buffer, options: CopyOptions): RecordFlaw | undefined {
  if (hasOwnEnd(options)) return ownEndFlaw(raw, options)
  return options.format === 'csv' ? csvFlaw(raw, options) : isPlain(options) ? plainFlaw(raw) : textFlaw(raw, options)
}

/** The record as it is to be written: a backslash at its end, as the last record of a file may have, would escape the line end. */
export function protect(raw: Buffer, options: CopyOptions): Buffer {
  if (options.format === 'csv' || isPlain(options) || raw.at(-1) !== BACKSLASH) return raw
  let first = raw.length - 1
  while (raw[first - 1] === BACKSLASH) first -= 1
  return (raw.length - first) % 2 === 0 ? raw : Buffer.concat([raw, Buffer.of(BACKSLASH)])
}

function csvFlaw(raw: Buffer, options: CopyOptions): RecordFlaw | undefined {
  const quote = options.quote.charCodeAt(0)
  if (!raw.includes(quote) && !raw.includes(LF) && !raw.includes(CR)) return undefined
  const escaping = options.escape.charCodeAt(0)
  const delimiter = Buffer.from(options.delimiter)
  let quoted = false
  let field = 0
  /** Behind a closing quote, where only a doubled one, a delimiter or the end should follow. */
  let closed = -1
  let isOdd = false
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at]
    if (quoted) {
      if (byte === quote) {
        quoted = false
        closed = at + 1
      } else if (byte === escaping && (raw[at + 1] === quote || raw[at + 1] === escaping)) at += 1
      continue
    }
    if (byte === quote) {
      isOdd ||= closed >= 0 ? closed !== at : field !== at
      quoted = true
    } else if (byte === delimiter[0] && raw.subarray(at, at + delimiter.length).equals(delimiter)) {
      isOdd ||= closed >= 0 && closed !== at
      closed = -1
      at += delimiter.length - 1
      field = at + 1
    } else if (byte === LF || byte === CR) {
      const what = byte === LF ? 'newline' : 'carriage return'
      return { message: `unquoted ${what} found in data`, hint: `Use quoted CSV field to represent ${what}.` }
    }
  }
  isOdd ||= closed >= 0 && closed !== raw.length
  // Where rows are refused by themselves, a record of several lines with such quotes is read line by line.
  const isBroken = options.errors.structure === 'skip_row' && isOdd && raw.includes(LF)
  return quoted || isBroken ? { message: 'unterminated CSV quoted field' } : undefined
}

/** Whether nothing is quoted or escaped. */
function isPlain(options: CopyOptions): boolean {
  return options.format === 'fixed' || options.backslash === 'none'
}

function plainFlaw(raw: Buffer): RecordFlaw | undefined {
  const what = raw.includes(LF) ? 'newline' : raw.includes(CR) ? 'carriage return' : undefined
  return what === undefined ? undefined : { message: `literal ${what} found in data` }
}

function ownEndFlaw(raw: Buffer, options: CopyOptions & { readonly eol: string }): RecordFlaw | undefined {
  const escapes = !isPlain(options)
  const marker = escapes ? markerFlaw(raw, options) : undefined
  if (marker) return marker
  // What the end of the record makes together with the line end behind it counts, too: "a$" before "$$".
  const end = Buffer.from(options.eol)
  const record = Buffer.concat([raw, end])
  for (let at = 0; at < raw.length; at += 1) {
    if (escapes && record[at] === BACKSLASH) at += 1
    else if (record.subarray(at, at + end.length).equals(end)) {
      const message = `literal ${JSON.stringify(options.eol)}, which ends a record, found in data`
      return { message, ...(escapes && { hint: 'A backslash before it makes it data.' }) }
    }
  }
  return undefined
}

/** A record that would end the data. */
function markerFlaw(raw: Buffer, { useEof, backslash }: CopyOptions): RecordFlaw | undefined {
  if (useEof || backslash === 'next') return undefined
  const isMarker = raw.length === 2 && raw[0] === BACKSLASH && raw[1] === 0x2e
  return isMarker ? { message: 'end-of-copy marker corrupt' } : undefined
}

function textFlaw(raw: Buffer, options: CopyOptions): RecordFlaw | undefined {
  const marker = markerFlaw(raw, options)
  if (marker) return marker
  if (!raw.includes(LF) && !raw.includes(CR)) return undefined
  for (let at = 0; at < raw.length; at += 1) {
    const byte = raw[at]
    if (byte === BACKSLASH) at += 1
    else if (byte === LF) return { message: 'literal newline found in data', hint: 'Use "\\n" to represent newline.' }
    else if (byte === CR) {
      return { message: 'literal carriage return found in data', hint: 'Use "\\r" to represent carriage return.' }
    }
  }
  return undefined
}
