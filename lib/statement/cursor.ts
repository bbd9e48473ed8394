import type { CopyError } from '../errors.ts'
import type { Name, OptionArgument } from './ast.ts'
import { statementError } from './diagnostics.ts'
import { canBeName } from './keywords.ts'
import { Lexer, type Token } from './lexer.ts'

/** Something that the grammar recognizes in order to refuse it by name. */
export interface Unsupported {
  readonly offset: number
  readonly message: string
  readonly hint: string
}

/** The statement as tokens, of which the present one is known, and what all grammars do with them. */
export class Cursor {
  readonly text: string
  readonly #lexer: Lexer
  token: Token
  /** The token before the present one. */
  previous: Token | undefined

  constructor(text: string) {
    this.text = text
    this.#lexer = new Lexer(text)
    this.token = this.#lexer.next()
  }

  choice<Value>(words: ReadonlyMap<string, Value>, hint: string): Value {
    const token = this.token
    const value = token.kind === 'word' && !token.quoted ? words.get(token.value) : undefined
    if (value === undefined) throw this.unexpected(hint)
    this.advance()
    return value
  }

  columnList(hint = 'Column names are separated by commas.'): readonly Name[] {
    return this.list(() => this.columnName(), hint)
  }

  /** The name of a table or column: quoted, or a word that is no keyword of that rank. */
  columnName(): Name {
    const token = this.token
    if (token.kind === 'unicode name') throw this.unicodeLiteral(token)
    if (token.kind !== 'word') throw this.unexpected()
    if (this.isWord('from') && this.previous?.kind === 'word')
      throw this.unexpected('The name of the table is missing.')
    if (!token.quoted && !canBeName(token.value)) {
      throw this.unexpected(`"${token.value}" is a keyword. Put it in double quotes to use it as a name.`)
    }
    this.advance()
    return { value: token.value, quoted: token.quoted, offset: token.start }
  }

  /** `( item [, …] )` */
  list<Item>(read: () => Item, hint = 'They are separated by commas.'): readonly Item[] {
    this.expectOperator('(')
    const items = [read()]
    while (this.takeOperator(',')) items.push(read())
    this.expectOperator(')', hint)
    return items
  }

  /** A whole number without a sign that a JavaScript number holds exactly. */
  integer(hint: string): number {
    const { token } = this
    const value = this.#digits(hint)
    if (value > Number.MAX_SAFE_INTEGER) throw this.#outOfRange(token)
    return Number(value)
  }

  /** A bigint of the database, with a sign or without; as a number where that holds it exactly. */
  bigint(hint: string): number | bigint {
    const start = this.token
    const isNegative = this.takeOperator('-')
    if (!isNegative) this.takeOperator('+')
    const magnitude = this.#digits(hint)
    const value = isNegative ? -magnitude : magnitude
    if (BigInt.asIntN(64, value) !== value) throw this.#outOfRange(start, ' for type bigint')
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }

  #digits(hint: string): bigint {
    const { token } = this
    const isInteger = token.kind === 'integer' || (token.kind === 'float' && /^[0-9_]+$/.test(token.value))
    if (!isInteger) throw this.unexpected(hint)
    this.advance()
    return BigInt(typeof token.value === 'number' ? token.value : token.value.replaceAll('_', ''))
  }

  #outOfRange({ start }: Token, forWhat = ''): CopyError {
    const value = this.text.slice(start).match(/^[-+]?\s*[0-9_]+/)?.[0] ?? ''
    const message = `value "${value}" is out of range${forWhat}`
    return statementError(this.text, start, 'numeric_value_out_of_range', message)
  }

  /** A name where any word will do. */
  label(): Name {
    const token = this.token
    if (token.kind === 'unicode name') throw this.unicodeLiteral(token)
    if (token.kind !== 'word') throw this.unexpected()
    this.advance()
    return { value: token.value, quoted: token.quoted, offset: token.start }
  }

  string(hint?: string): string {
    const token = this.token
    if (token.kind === 'unicode string') throw this.unicodeLiteral(token)
    if (token.kind !== 'string') throw this.unexpected(hint)
    this.advance()
    return token.value
  }

  number(offset: number, sign: '' | '+' | '-'): OptionArgument {
    const token = this.token
    if (token.kind === 'integer') {
      this.advance()
      return { kind: 'integer', value: sign === '-' ? 0 - token.value : token.value, offset }
    }
    if (token.kind !== 'float') throw this.unexpected()
    this.advance()
    return { kind: 'float', value: sign === '-' ? `-${token.value}` : token.value, offset }
  }

  /** `=`, which may touch what follows it, and then both are one operator to the lexer. */
  takeEquals(): boolean {
    const sign = this.token
    if (sign.kind !== 'operator' || !sign.value.startsWith('=') || sign.value === '=>') return false
    this.#lexer.moveTo(sign.start + 1)
    this.token = this.#lexer.next()
    return true
  }

  advance(): void {
    this.previous = this.token
    this.token = this.#lexer.next()
  }

  /** Goes back to a token. */
  moveTo(token: Token): void {
    this.previous = undefined
    this.token = token
    this.#lexer.moveTo(token.end)
  }

  /** The token after the present one, if there is a token. */
  peek(): Token | undefined {
    const { end } = this.token
    try {
      return this.#lexer.next()
    } catch {
      // What is wrong with it matters when it is its turn.
      return undefined
    } finally {
      this.#lexer.moveTo(end)
    }
  }

  isWord(word: string): boolean {
    return isWord(this.token, word)
  }

  takeWord(word: string): boolean {
    if (!this.isWord(word)) return false
    this.advance()
    return true
  }

  isOperator(value: string): boolean {
    return this.token.kind === 'operator' && this.token.value === value
  }

  /** The first of `words`, taken, that is the present token. */
  takeAnyWord<Word extends string>(words: readonly Word[]): Word | undefined {
    const found = words.find((word) => this.isWord(word))
    if (found !== undefined) this.advance()
    return found
  }

  takeOperator(value: string): boolean {
    if (!this.isOperator(value)) return false
    this.advance()
    return true
  }

  expectOperator(value: string, hint?: string): void {
    if (!this.takeOperator(value)) throw this.unexpected(hint)
  }

  near(token: Token): string {
    return token.kind === 'end'
      ? 'syntax error at end of input'
      : `syntax error at or near "${this.text.slice(token.start, token.end)}"`
  }

  error(message: string, token: Token, hint?: string): Error {
    return statementError(this.text, token.start, 'syntax_error', message, { hint })
  }

  unexpected(hint?: string): Error {
    return this.error(this.near(this.token), this.token, hint)
  }

  unicodeLiteral(token: Token): Error {
    const what = token.kind === 'unicode name' ? 'U&"..." names are' : "U&'...' strings are"
    return this.refuse({
      offset: token.start,
      message: `${what} not supported`,
      hint: "Write the characters themselves, or escapes in a string as E'\\u00e4'.",
    })
  }

  refuse({ offset, message, hint }: Unsupported): Error {
    return statementError(this.text, offset, 'feature_not_supported', message, { hint })
  }
}

/** Whether a token is this unquoted word. */
export function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && !token.quoted && token.value === word
}
