import { Buffer } from 'node:buffer'
import { statementError } from './diagnostics.ts'

/** What every token has: the part of the statement it covers, in UTF-16 code units from 0. */
interface Span {
  readonly start: number
  readonly end: number
}

/** A token of SQL as PostgreSQL's lexer cuts it. */
export type Token = Span &
  (
    | { readonly kind: 'word'; readonly value: string; readonly quoted: boolean }
    | { readonly kind: 'string'; readonly value: string }
    /** `integer` has its value (at most 2,147,483,647), every other number only its text. */
    | { readonly kind: 'integer'; readonly value: number }
    | { readonly kind: 'float'; readonly value: string }
    | { readonly kind: 'operator'; readonly value: string }
    /** Literals that are SQL but never part of COPY's own syntax; they may occur in WHERE. */
    | { readonly kind: 'bit string' | 'unicode string' | 'unicode name' | 'parameter' }
    | { readonly kind: 'end' }
  )

const identifierStart = 'A-Za-z_\\u0080-\\u{10ffff}'
const identifier = `[${identifierStart}][${identifierStart}0-9$]*`
const decimal = '[0-9](?:_?[0-9])*'
const numeric = `(?:${decimal}\\.(?:${decimal})?|\\.${decimal})`

function sticky(pattern: string): RegExp {
  return new RegExp(pattern, 'uy')
}

const wordPattern = sticky(identifier)
const parameterPattern = sticky('\\$[0-9]+')
const parameterJunkPattern = sticky(`\\$[0-9]+${identifier}`)
const dollarQuotePattern = sticky(`\\$(?:[${identifierStart}][${identifierStart}0-9]*)?\\$`)
const operatorPattern = sticky('[~!@#^&|`?+\\-*/%<>=]+')
const punctuationPattern = sticky(':=|::|\\.\\.|[,()[\\].;:]')
/** A string goes on in the next quotes when nothing but white space with a line break in it lies between. */
const continuationPattern = sticky(
  "(?:[ \\t\\f\\v]|--[^\\n\\r]*)*[\\n\\r](?:[ \\t\\n\\r\\f\\v]+|--[^\\n\\r]*[\\n\\r])*'",
)

/** Numbers, most specific first: the longest match wins, and of equally long ones the first. */
const numberPatterns: readonly {
  readonly pattern: RegExp
  readonly make: 'integer' | 'float' | { readonly error: string }
}[] = [
  { pattern: sticky(decimal), make: 'integer' },
  { pattern: sticky('0[xX](?:_?[0-9A-Fa-f])+'), make: 'integer' },
  { pattern: sticky('0[oO](?:_?[0-7])+'), make: 'integer' },
  { pattern: sticky('0[bB](?:_?[01])+'), make: 'integer' },
  { pattern: sticky('0[xX]_?'), make: { error: 'invalid hexadecimal integer' } },
  { pattern: sticky('0[oO]_?'), make: { error: 'invalid octal integer' } },
  { pattern: sticky('0[bB]_?'), make: { error: 'invalid binary integer' } },
  { pattern: sticky(numeric), make: 'float' },
  { pattern: sticky(`(?:${decimal}|${numeric})[Ee][-+]?${decimal}`), make: 'float' },
  { pattern: sticky(`(?:${decimal}|${numeric})[Ee][-+]`), make: { error: 'trailing junk after numeric literal' } },
  { pattern: sticky(`${decimal}${identifier}`), make: { error: 'trailing junk after numeric literal' } },
  { pattern: sticky(`${numeric}${identifier}`), make: { error: 'trailing junk after numeric literal' } },
  {
    pattern: sticky(`(?:${decimal}|${numeric})[Ee][-+]?${decimal}${identifier}`),
    make: { error: 'trailing junk after numeric literal' },
  },
]

const escapeHint = 'Unicode escapes must be \\uXXXX or \\UXXXXXXXX.'

/**
 * Cuts a statement into tokens, on demand: a token that the grammar never asks for is never looked at, so that the first
 * error of a statement is the one PostgreSQL would report. Positions are offsets in UTF-16 code units.
 *
 * `standard_conforming_strings` is taken to be on, and the encoding to be UTF-8.
 */
export class Lexer {
  readonly text: string
  #offset = 0

  constructor(text: string) {
    this.text = text
  }

  /** Goes back (or on) to `offset`, where a token must begin. */
  moveTo(offset: number): void {
    this.#offset = offset
  }

  /** The next token; at the end of the statement, and ever after, the token `end`. Throws CopyError. */
  next(): Token {
    this.#skipBlanks()
    const { text } = this
    const start = this.#offset
    if (start >= text.length) return { kind: 'end', start: text.length, end: text.length }
    const character = text.charAt(start)
    const following = text.charAt(start + 1)
    if (character === "'") return this.#string(start, start + 1)
    if (character === '"') return this.#quotedName(start, start + 1, 'word')
    if (following === "'") {
      if (/[eE]/.test(character)) return this.#string(start, start + 2, { escapes: true })
      const bits = /[bB]/.test(character) ? 'bit string literal' : 'hexadecimal string literal'
      if (/[bBxX]/.test(character)) {
        return { kind: 'bit string', start, end: this.#string(start, start + 2, { what: bits }).end }
      }
      // N'…' reads as the keyword NCHAR and a string; COPY takes neither, but an expression may.
      if (/[nN]/.test(character))
        return this.#finish({ kind: 'word', value: 'nchar', quoted: false, start, end: start + 1 })
    }
    if (/[uU]/.test(character) && following === '&') {
      const quote = text.charAt(start + 2)
      if (quote === "'") return { kind: 'unicode string', start, end: this.#string(start, start + 3).end }
      if (quote === '"') return this.#quotedName(start, start + 3, 'unicode name')
    }
    const word = this.#match(wordPattern, start)
    if (word !== undefined) {
      return this.#finish({ kind: 'word', value: foldCase(word), quoted: false, start, end: start + word.length })
    }
    if (/[0-9]/.test(character) || (character === '.' && /[0-9]/.test(following))) return this.#number(start)
    if (character === '$') return this.#dollar(start)
    const punctuation = this.#match(punctuationPattern, start)
    if (punctuation !== undefined) return this.#operator(start, punctuation)
    const operator = this.#match(operatorPattern, start)
    // What no rule knows is a token of its own, for the grammar to refuse.
    return this.#operator(
      start,
      operator === undefined ? String.fromCodePoint(text.codePointAt(start) ?? 0) : cutOperator(operator),
    )
  }

  /** An error whose message ends as PostgreSQL's do: with the text it is about. */
  errorNear(message: string, start: number, end: number): Error {
    const near = this.text.slice(start, end)
    const place = near === '' ? 'at end of input' : `at or near "${near}"`
    return statementError(this.text, start, 'syntax_error', `${message} ${place}`)
  }

  #finish(token: Token): Token {
    this.#offset = token.end
    return token
  }

  #operator(start: number, value: string): Token {
    return this.#finish({ kind: 'operator', value, start, end: start + value.length })
  }

  #match(pattern: RegExp, offset: number): string | undefined {
    pattern.lastIndex = offset
    return pattern.exec(this.text)?.[0]
  }

  #skipBlanks(): void {
    const { text } = this
    for (;;) {
      const character = text.charAt(this.#offset)
      if (character !== '' && ' \t\n\r\f\v'.includes(character)) this.#offset++
      else if (text.startsWith('--', this.#offset)) {
        const length = text.slice(this.#offset).search(/[\n\r]/)
        this.#offset = length < 0 ? text.length : this.#offset + length
      } else if (text.startsWith('/*', this.#offset)) this.#skipBlockComment()
      else return
    }
  }

  /** Block comments nest. */
  #skipBlockComment(): void {
    const start = this.#offset
    let depth = 0
    const marks = /\/\*|\*\//g
    marks.lastIndex = start
    for (let mark = marks.exec(this.text); mark; mark = marks.exec(this.text)) {
      depth += mark[0] === '/*' ? 1 : -1
      if (depth === 0) {
        this.#offset = marks.lastIndex
        return
      }
    }
    throw this.errorNear('unterminated /* comment', start, this.text.length)
  }

  #quotedName(start: number, contentStart: number, kind: 'word' | 'unicode name'): Token {
    const { text } = this
    let value = ''
    let from = contentStart
    for (;;) {
      const quote = text.indexOf('"', from)
      if (quote < 0) throw this.errorNear('unterminated quoted identifier', start, text.length)
      value += text.slice(from, quote)
      from = quote + 1
      if (text.charAt(from) !== '"') break
      value += '"'
      from++
    }
    if (value === '') throw this.errorNear('zero-length delimited identifier', start, from)
    return this.#finish(kind === 'word' ? { kind, value, quoted: true, start, end: from } : { kind, start, end: from })
  }

  #number(start: number): Token {
    let longest = ''
    let make: (typeof numberPatterns)[number]['make'] = 'integer'
    for (const candidate of numberPatterns) {
      const match = this.#match(candidate.pattern, start)
      if (match !== undefined && match.length > longest.length) {
        longest = match
        make = candidate.make
      }
    }
    // "1..5" is a range, not the number "1." followed by ".5".
    if (make === 'float' && longest.endsWith('.') && this.text.charAt(start + longest.length) === '.') {
      longest = longest.slice(0, -1)
      make = 'integer'
    }
    const end = start + longest.length
    if (typeof make === 'object') throw this.errorNear(make.error, start, end)
    if (make === 'integer') {
      const value = Number(longest.replaceAll('_', ''))
      if (value <= 0x7fff_ffff) return this.#finish({ kind: 'integer', value, start, end })
    }
    return this.#finish({ kind: 'float', value: longest, start, end })
  }

  #dollar(start: number): Token {
    const { text } = this
    const opening = this.#match(dollarQuotePattern, start)
    if (opening !== undefined) {
      const close = text.indexOf(opening, start + opening.length)
      if (close < 0) throw this.errorNear('unterminated dollar-quoted string', start, text.length)
      const value = text.slice(start + opening.length, close)
      return this.#finish({ kind: 'string', value, start, end: close + opening.length })
    }
    const junk = this.#match(parameterJunkPattern, start)
    if (junk !== undefined) throw this.errorNear('trailing junk after parameter', start, start + junk.length)
    const parameter = this.#match(parameterPattern, start)
    if (parameter === undefined) return this.#operator(start, '$')
    const end = start + parameter.length
    if (Number(parameter.slice(1)) > 0x7fff_ffff) throw this.errorNear('parameter number too large', start, end)
    return this.#finish({ kind: 'parameter', start, end })
  }

  /**
   * A string in single quotes, whose content begins at `contentStart`; with `escapes` the backslash is special. `what` is
   * the literal's name in PostgreSQL's messages.
   */
  #string(
    start: number,
    contentStart: number,
    { escapes = false, what = 'quoted string' }: { readonly escapes?: boolean; readonly what?: string } = {},
  ): Token {
    const { text } = this
    const content = new StringContent(this, text)
    let from = contentStart
    for (;;) {
      const stop = this.#indexOfAny(from, escapes)
      if (stop >= text.length) throw this.errorNear(`unterminated ${what}`, start, text.length)
      content.append(text.slice(from, stop), from)
      from = stop + 1
      if (text.charAt(stop) === '\\') {
        if (from >= text.length) throw this.errorNear(`unterminated ${what}`, start, text.length)
        from = content.escape(stop)
        continue
      }
      content.expectNoSurrogate(stop, stop + 1)
      if (text.charAt(from) === "'") {
        content.append("'", from)
        from++
        continue
      }
      const more = this.#match(continuationPattern, from)
      if (more === undefined) break
      from += more.length
    }
    return this.#finish({ kind: 'string', value: content.finish(start), start, end: from })
  }

  /** Where the next quote (or backslash) is; the length of the text when there is none. */
  #indexOfAny(from: number, escapes: boolean): number {
    for (let i = from; i < this.text.length; i++) {
      const character = this.text.charCodeAt(i)
      if (character === 0x27 || (escapes && character === 0x5c)) return i
    }
    return this.text.length
  }
}

/** Collects a string literal as UTF-8, because `\xhh` and `\ooo` write bytes, not characters. */
class StringContent {
  readonly #lexer: Lexer
  readonly #text: string
  readonly #parts: Buffer[] = []
  /** The first half of a surrogate pair whose second half must come next. */
  #highSurrogate: number | undefined
  #wroteBytes = false

  constructor(lexer: Lexer, text: string) {
    this.#lexer = lexer
    this.#text = text
  }

  append(characters: string, offset: number): void {
    if (characters === '') return
    this.expectNoSurrogate(offset, offset + String.fromCodePoint(characters.codePointAt(0) ?? 0).length)
    this.#parts.push(Buffer.from(characters, 'utf8'))
  }

  /** The characters `start` to `end` come where the second half of a surrogate pair would have to be. */
  expectNoSurrogate(start: number, end: number): void {
    if (this.#highSurrogate !== undefined) throw this.#lexer.errorNear('invalid Unicode surrogate pair', start, end)
  }

  /** The escape whose backslash is at `start`. Returns where it ends. */
  escape(start: number): number {
    const kind = this.#text.charAt(start + 1)
    if (kind === 'u' || kind === 'U') return this.#unicodeEscape(start, kind === 'u' ? 4 : 8)
    this.expectNoSurrogate(start, start + 1)
    const octal = /^[0-7]{1,3}/.exec(this.#text.slice(start + 1, start + 4))?.[0]
    if (octal !== undefined) return this.#byte(Number.parseInt(octal, 8) & 0xff, start + 1 + octal.length)
    const hexadecimal = kind === 'x' ? /^[0-9A-Fa-f]{1,2}/.exec(this.#text.slice(start + 2, start + 4))?.[0] : undefined
    if (hexadecimal !== undefined) return this.#byte(Number.parseInt(hexadecimal, 16), start + 2 + hexadecimal.length)
    const control = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }[kind]
    const character = control ?? String.fromCodePoint(this.#text.codePointAt(start + 1) ?? 0)
    this.#parts.push(Buffer.from(character, 'utf8'))
    return start + 1 + character.length
  }

  #byte(value: number, end: number): number {
    this.#parts.push(Buffer.of(value))
    if (value === 0 || value > 0x7f) this.#wroteBytes = true
    return end
  }

  #unicodeEscape(start: number, digits: 4 | 8): number {
    const end = start + 2 + digits
    const hexadecimal = this.#text.slice(start + 2, end)
    if (hexadecimal.length < digits || !/^[0-9A-Fa-f]+$/.test(hexadecimal)) {
      throw statementError(this.#text, start, 'invalid_escape_sequence', 'invalid Unicode escape', { hint: escapeHint })
    }
    const value = Number.parseInt(hexadecimal, 16)
    const high = this.#highSurrogate
    if (high !== undefined) {
      if (value < 0xdc00 || value > 0xdfff) this.expectNoSurrogate(start, end)
      this.#highSurrogate = undefined
      this.#parts.push(Buffer.from(String.fromCharCode(high, value), 'utf8'))
      return end
    }
    if (value >= 0xd800 && value <= 0xdbff) {
      this.#highSurrogate = value
      return end
    }
    if (value >= 0xdc00 && value <= 0xdfff) throw this.#lexer.errorNear('invalid Unicode surrogate pair', start, end)
    if (value === 0 || value > 0x10ffff) throw this.#lexer.errorNear('invalid Unicode escape value', start, end)
    this.#parts.push(Buffer.from(String.fromCodePoint(value), 'utf8'))
    return end
  }

  /** The value of the literal that began at `start`. */
  finish(start: number): string {
    const bytes = Buffer.concat(this.#parts)
    if (this.#wroteBytes) {
      const invalid = invalidUtf8(bytes)
      if (invalid !== undefined) throw statementError(this.#text, start, 'character_not_in_repertoire', invalid)
    }
    return bytes.toString('utf8')
  }
}

/** PostgreSQL's message about the first character that is not UTF-8 (or is NUL, which no text may hold). */
export function invalidUtf8(bytes: Uint8Array): string | undefined {
  for (let i = 0; i < bytes.length; ) {
    const length = utf8Length(bytes[i] ?? 0)
    const character = bytes.subarray(i, i + length)
    if (!isUtf8Character(character, length)) {
      const shown = Array.from(character, (byte) => `0x${byte.toString(16).padStart(2, '0')}`)
      return `invalid byte sequence for encoding "UTF8": ${shown.join(' ')}`
    }
    i += length
  }
  return undefined
}

/** Bytes of the character that begins with `lead`; 1 for a byte that begins none. */
function utf8Length(lead: number): number {
  if (lead >= 0xf0 && lead <= 0xf7) return 4
  if (lead >= 0xe0 && lead <= 0xef) return 3
  return lead >= 0xc0 && lead <= 0xdf ? 2 : 1
}

function isUtf8Character(bytes: Uint8Array, length: number): boolean {
  if (bytes.length < length || bytes[0] === 0) return false
  try {
    new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Unquoted names fold to lower case, ASCII letters only. */
function foldCase(word: string): string {
  return word.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/**
 * An operator ends where a comment begins, and one of several characters ends in `+` or `-` only when it holds a character
 * that no standard operator has; so `=-1` is `=` and `-1`.
 */
function cutOperator(run: string): string {
  const comment = run.search(/--|\/\*/)
  let operator = comment > 0 ? run.slice(0, comment) : run
  if (!/[~!@#^&|`?%]/.test(operator)) {
    while (operator.length > 1 && /[+-]$/.test(operator)) operator = operator.slice(0, -1)
  }
  return operator
}
