import { Buffer } from 'node:buffer'
import type { Clause, Dialect, Name, OptionArgument, OptionItem } from './ast.ts'
import type { DatePattern } from './date-patterns.ts'
import { type StatementCondition, statementError } from './diagnostics.ts'

/** An option being read: the item, and the statement for the error's caret. */
export class OptionReader {
  readonly item: OptionItem
  /** Whose rules the statement follows, where that is known. */
  readonly dialect: Dialect | undefined
  readonly #text: string

  constructor(text: string, item: OptionItem, dialect?: Dialect) {
    this.#text = text
    this.item = item
    this.dialect = dialect
  }

  /** The option as the statement has it, in upper case. */
  get word(): string {
    return this.item.word ?? this.item.name.toUpperCase()
  }

  /** An error at the option's name, where PostgreSQL puts it, or at its value, when PostgreSQL names no place. */
  error(at: 'name' | 'value', condition: StatementCondition, message: string, hint?: string): Error {
    const { argument, offset } = this.item
    return statementError(this.#text, at === 'value' ? (argument?.offset ?? offset) : offset, condition, message, {
      hint,
    })
  }

  /** The argument as text; a number in its canonical spelling, a list joined by dots, `*` as itself. */
  string(): string {
    const { argument, name } = this.item
    if (argument === undefined) throw this.error('name', 'syntax_error', `${name} requires a parameter`)
    return argumentText(argument)
  }

  /** A pattern of dates, or several in parentheses. */
  patterns(): DatePattern {
    const { argument } = this.item
    if (argument?.kind !== 'list') return this.string()
    const [first = '', ...more] = argument.items.map(({ value }) => value)
    return more.length === 0 ? first : [first, ...more]
  }

  /** true when nothing follows the name. */
  boolean(): boolean {
    const value = this.#booleanOrWord()
    if (typeof value === 'boolean') return value
    throw this.error('value', 'syntax_error', `${this.item.name} requires a Boolean value`)
  }

  /** true when nothing follows the name. `requirement` is what the message says besides "a Boolean value". */
  booleanOr<Word extends string>(words: readonly Word[], requirement: string): boolean | Word {
    const value = this.#booleanOrWord()
    if (typeof value === 'boolean') return value
    const found = words.find((word) => word === value)
    if (found !== undefined) return found
    throw this.error('value', 'syntax_error', `${this.item.name} requires a Boolean value${requirement}`)
  }

  /** true when nothing follows the name; a number: so many lines (PostgreSQL 19). */
  booleanOrMatch(): boolean | 'match' | number {
    const value = this.#booleanOrWord()
    if (typeof value === 'boolean') return value
    if (value === 'match') return value
    const { argument, name } = this.item
    if (argument?.kind === 'integer' && argument.value > 1) return argument.value
    throw this.error('value', 'syntax_error', `${name} requires a Boolean value or "match"`)
  }

  #booleanOrWord(): boolean | string {
    const { argument } = this.item
    if (argument === undefined) return true
    if (argument.kind === 'integer') return argument.value === 0 ? false : argument.value === 1 ? true : ''
    const word = asciiLowerCase(argumentText(argument))
    if (word === 'true' || word === 'on') return true
    if (word === 'false' || word === 'off') return false
    return word
  }

  /** A list of column names in parentheses, or `*`. */
  columns(): '*' | readonly Name[] {
    const { argument, name } = this.item
    if (argument?.kind === 'star') return '*'
    if (argument?.kind === 'list') return argument.items
    const hint = argument?.kind === 'string' ? `Write ${name.toUpperCase()} (${argument.value}).` : undefined
    throw this.error(
      'name',
      'invalid_parameter_value',
      `argument to option "${name}" must be a list of column names`,
      hint,
    )
  }

  /** What the option's own grammar has read. */
  clause<Kind extends Clause['kind']>(kind: Kind): Extract<Clause, { kind: Kind }> {
    const { argument, name } = this.item
    if (argument?.kind === kind) return argument as unknown as Extract<Clause, { kind: Kind }>
    throw this.error('name', 'syntax_error', `${name.toUpperCase()} is not complete`)
  }

  /** Strings in brackets. */
  array(): readonly string[] {
    const { argument, name } = this.item
    if (argument?.kind === 'array') return argument.items
    throw this.error('value', 'invalid_parameter_value', `argument to option "${name}" must be a list in brackets`)
  }

  /** A number of at most 64 bits greater than zero. */
  positiveBigint(label: string): bigint {
    const value = this.bigint()
    if (value > 0n) return value
    throw this.error('value', 'invalid_parameter_value', `${label} (${value}) must be greater than zero`)
  }

  /** A number of at most 64 bits. */
  bigint(): bigint {
    const { argument, name } = this.item
    if (argument?.kind === 'integer') return BigInt(argument.value)
    if (argument?.kind === 'string' || argument?.kind === 'float') return this.#parseBigint(argument.value)
    throw this.error('name', 'syntax_error', `${name} requires a numeric value`)
  }

  /** What PostgreSQL's bigint accepts as text. */
  #parseBigint(text: string): bigint {
    const digits =
      /^[ \t\n\v\f\r]*([+-]?)(0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|[0-9](?:_?[0-9])*)[ \t\n\v\f\r]*$/.exec(
        text,
      )
    if (!digits?.[2]) {
      throw this.error('value', 'invalid_text_representation', `invalid input syntax for type bigint: "${text}"`)
    }
    const magnitude = BigInt(digits[2].replaceAll('_', ''))
    const value = digits[1] === '-' ? -magnitude : magnitude
    if (BigInt.asIntN(64, value) !== value) {
      throw this.error('value', 'numeric_value_out_of_range', `value "${text}" is out of range for type bigint`)
    }
    return value
  }
}

function argumentText(argument: OptionArgument): string {
  switch (argument.kind) {
    case 'string':
    case 'float':
      return argument.value
    case 'integer':
      return String(argument.value)
    case 'star':
      return '*'
    case 'list':
      return argument.items.map((item) => item.value).join('.')
    case 'array':
      return argument.items.join(',')
    default:
      // No option that takes text has a grammar of its own.
      return ''
  }
}

/** Bytes of `text` in UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/** Case folding of keywords among values: ASCII letters only. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
