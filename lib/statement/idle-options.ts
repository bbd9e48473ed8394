/** Options that are taken and change nothing in some statements, whatever the table and the input are. */
import type { CopyOptions, StatementNote } from './ast.ts'
import { isTolerant } from './error-policy.ts'
import type { OptionKey } from './options.ts'
import type { Given } from './rule.ts'

interface Idle {
  readonly keys: readonly OptionKey[]
  /** In which statements; absent: in all, whatever the option says. */
  readonly isMet?: (options: CopyOptions) => boolean
  readonly reason: string
}

/** Whether rows may be left out, and so be kept or recorded. */
function mayRefuse({ errors, onConflict }: CopyOptions): boolean {
  const { conversion, structure, constraint } = errors
  return [conversion, structure, constraint].includes('skip_row') || onConflict?.action === 'reject'
}

/** Whether anything may be said of rows. */
function mayTell(options: CopyOptions): boolean {
  const { errors, validateOnly, invalidChars, acceptAnyDate } = options
  return isTolerant(errors) || mayRefuse(options) || (validateOnly ?? acceptAnyDate ?? invalidChars) !== undefined
}

const idle: readonly Idle[] = [
  {
    keys: ['compupdate', 'comprows'],
    reason: 'it is about how Redshift stores columns, and changes nothing here',
  },
  {
    keys: ['trim_blanks', 'blanks_as_null', 'empty_as_null'],
    isMet: ({ format }) => format === 'fixed',
    reason: 'around a value of fixed width blanks are no part of it, and blanks alone are NULL, without it, too',
  },
  {
    keys: ['useeof'],
    // A backslash that escapes nothing, or any character, begins no end of the data.
    isMet: ({ format, backslash }) => format !== 'text' || backslash !== undefined,
    reason: 'a line of \\. is data here without it, too',
  },
  {
    keys: ['log_verbosity'],
    isMet: (options) => !mayTell(options),
    reason: 'no row can be left out or changed, of which something could be said',
  },
  {
    keys: ['reject_bytes'],
    isMet: (options) => !mayRefuse(options),
    reason: 'no row can be left out, of which bytes could be recorded',
  },
  {
    keys: ['statupdate'],
    isMet: ({ validateOnly }) => validateOnly === true,
    reason: 'nothing is loaded, so the statistics stay',
  },
]

/** What is to be said of options that are given and change nothing. */
export function notesOn(given: Given, options: CopyOptions): readonly StatementNote[] {
  return idle.flatMap(({ keys, isMet, reason }) => {
    // What says what holds without it is not ignored.
    const isIdle = (value: unknown) => isMet === undefined || (value !== false && value !== 'default' && isMet(options))
    return keys.flatMap((key) => {
      const option = given[key]
      return option && isIdle(option.value) ? [{ option: option.word ?? key.toUpperCase(), reason }] : []
    })
  })
}
