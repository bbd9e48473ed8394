import type { CopyFrom, Dialect } from './ast.ts'
import type { StatementCondition } from './diagnostics.ts'
import type { OptionKey, OptionValue } from './options.ts'

/** The options that a statement gives, each with its place. */
export type Given = {
  readonly [Key in OptionKey]?: {
    readonly value: OptionValue<Key>
    /** Offset of the value, or of the option's name when there is no value. */
    readonly offset: number
    readonly nameOffset: number
    /** The statement's word for it, in upper case, where that is not its name. */
    readonly word?: string
  }
}

/** What the rules look at: the options given, and those that everything needs with their defaults filled in. */
export interface ResolvedParts extends Partial<Pick<CopyFrom, 'columns' | 'source'>> {
  readonly given: Given
  readonly dialect: Dialect
  readonly format: OptionValue<'format'>
  readonly delimiter: string
  readonly null: string
  readonly quote: string
  readonly escape: string
}

/** A combination that PostgreSQL, or the statement's dialect, refuses. The first rule that is broken is the one reported. */
export interface Rule {
  /** The options it is about; the caret goes under the first of them that the statement gives. */
  readonly about: readonly [OptionKey, ...OptionKey[]]
  readonly broken: (options: ResolvedParts) => boolean
  readonly condition: StatementCondition
  readonly message: string | ((options: ResolvedParts) => string)
  readonly hint?: string | ((options: ResolvedParts) => string | undefined)
}

/** Refuses an option in the binary format, which has no such thing. */
export function notInBinary(key: OptionKey): Rule {
  return {
    about: [key],
    // HEADER false is no header, so it contradicts nothing.
    broken: ({ format, given }) => format === 'binary' && given[key] !== undefined && given[key].value !== false,
    condition: key === 'header' ? 'feature_not_supported' : 'syntax_error',
    message: `cannot specify ${key.toUpperCase()} in BINARY mode`,
  }
}
