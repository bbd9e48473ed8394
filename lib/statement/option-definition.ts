import type { Clause, Dialect, Evidence } from './ast.ts'
import { asciiLowerCase, type OptionReader } from './option-arguments.ts'
import type { OptionKey } from './options.ts'
import { closest } from './spelling.ts'

/** A way to write an option without parentheses, as PostgreSQL's older syntax has it. */
export interface BareForm {
  /** The words it begins with. */
  readonly words: readonly string[]
  /**
   * What follows: nothing, a string, column names separated by commas or `*`, or what may follow between parentheses: `value`
   * when it must, `optional` when it may. Before the latter two an equals sign may stand. `clause`: what the option's own grammar reads.
   */
  readonly takes: 'nothing' | 'string' | 'columns' | 'value' | 'optional' | 'clause'
  /** AS may stand before what follows. */
  readonly as?: true
  /** The value it stands for when nothing follows; true when absent. */
  readonly value?: string
  /** The words that an `optional` value may be; any other word begins the next option. Strings and numbers always may. */
  readonly values?: readonly string[]
  /** It is written so between parentheses, too. */
  readonly inParentheses?: true
  /** It may also stand before WITH and a list in parentheses. */
  readonly beforeWith?: true
  /** The system whose words these are. */
  readonly of?: Evidence
}

/** One option. */
export interface OptionDefinition<Value> {
  /** How the option is written after its name in the documentation. */
  readonly synopsis: string
  /** One sentence. */
  readonly summary: string
  /** What holds when it is not given, by format; absent where leaving it out has a meaning of its own. */
  readonly default?: { readonly text?: Value; readonly csv?: Value | { readonly sameAs: OptionKey } }
  /** How the documentation spells the default where `default` does not say it. */
  readonly defaultNote?: string
  /** The formats it applies to. */
  readonly formats: readonly ('csv' | 'text' | 'fixed' | 'binary' | 'parquet' | 'arrow')[]
  readonly bare: readonly BareForm[]
  /** Names that other systems, or earlier habits, have for it. */
  readonly otherNames: readonly string[]
  /** Reads and checks the value by itself. Throws CopyError. */
  readonly read: (reader: OptionReader) => Value
  /** Known only to be refused with a reason: PostgreSQL has it, this version does not. */
  readonly unsupported?: true
  /** What follows it where that is a grammar of its own. */
  readonly clause?: Clause['kind'] | 'names'
  /** The system whose word its name is. */
  readonly of?: Evidence
  /** Other systems' spellings of it that have no entry in `bare`, since they are read apart, and what they tell. */
  readonly alsoWritten?: readonly (readonly [spelling: string, of: Evidence])[]
  /** The systems that have it, under this name or another. Empty: copyist's own. What tells nothing of its system is taken in every dialect. */
  readonly dialects?: readonly Dialect[]
  /** As it stands between parentheses. */
  readonly example?: string
  /** What can be wrong with it: SQLSTATE and reason. */
  readonly errors?: readonly (readonly [sqlState: string, reason: string])[]
  /** For what PostgreSQL accepts and this version does not: why a value is refused and what works; undefined to take it. */
  refuse?(value: Value): Refusal | undefined
}

/** An answer to what PostgreSQL could do and this version cannot. */
export interface Refusal {
  readonly message: string
  readonly hint: string
}

/** Gives an entry of the option table its type. */
export function define<Value>(definition: OptionDefinition<Value>): OptionDefinition<Value> {
  return definition
}

/** The words that a flag may have. */
export const booleans = ['true', 'false', 'on', 'off'] as const

/** A flag that may have a Boolean value. */
export function flag(word: string): BareForm {
  return { words: [word], takes: 'optional', values: booleans }
}

/** One of several words in any case. */
export function choice<Word extends string>(reader: OptionReader, label: string, words: readonly Word[]): Word {
  const value = reader.string()
  const found = words.find((word) => word === asciiLowerCase(value))
  if (found !== undefined) return found
  const near = closest(asciiLowerCase(value), words)
  const hint = near === undefined ? undefined : `Did you mean "${near}"?`
  throw reader.error('name', 'invalid_parameter_value', `COPY ${label} "${value}" not recognized`, hint)
}

/** No file has more rows than a number can count. */
export function toNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value)
}
