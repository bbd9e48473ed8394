import type { CopyFrom, CopyRejects, OptionItem } from './ast.ts'
import { dialectDefaults, settleDialect } from './dialect.ts'
import { limitKeys, policyKeys } from './error-policy.ts'
import { findOption, type OptionKey } from './options.ts'
import { parseCopy, parseParts } from './parser.ts'
import { printClauses, printItem } from './printing.ts'

/** Options that say the same thing in different words: one that is given takes the place of all. */
const groups: readonly { readonly given: readonly OptionKey[]; readonly replaces: readonly OptionKey[] }[] = [
  // A limit has no meaning without the policy it belonged to.
  { given: policyKeys, replaces: [...policyKeys, ...limitKeys] },
  { given: limitKeys, replaces: limitKeys },
  {
    given: ['fill_missing_fields', 'fillrecord'],
    replaces: ['fill_missing_fields', 'fillrecord'],
  },
  {
    given: ['replace_invalid_chars', 'compatible_illegal_chars'],
    replaces: ['replace_invalid_chars', 'compatible_illegal_chars'],
  },
]

/** What takes the place of a limit, which was about an input of which most rows are loaded by now. */
const unlimited: Partial<Readonly<Record<OptionKey, readonly string[]>>> = {
  reject_limit: [],
  'reject limit': ["REJECT LIMIT 'unlimited'"],
  maxerror: ['IGNOREALLERRORS'],
  // Beside a limit it says no, or what another option says, too.
  ignoreallerrors: [],
}

/**
 * The statement that loads what an earlier one refused: the earlier one, with the table, the columns, the options and the condition of
 * `rejects` in place of its own; `WHERE true` is none. Its text is put together anew, and it is to this text that all places refer. How many
 * rows may be refused is taken over only from `rejects`.
 *
 * The load's key is not taken over: this is another load.
 *
 * Throws CopyError when the options do not go together.
 */
export function reparseWith(originalText: string, rejects: CopyRejects): CopyFrom {
  const original = parseParts(originalText)
  const { options, onConflict, where } = rejects.given
  const kept = original.items.filter((item) => !isReplaced(item, options))
  // Of MAXERROR 1 there is none: it says that nothing is tolerated.
  const isLimited = parseCopy(originalText).options.errors.limit !== undefined
  const printKept = (item: OptionItem): readonly string[] => {
    const key = findOption(item.name)
    return (isLimited && key && unlimited[key]) || [printItem(item)]
  }
  // The words that told the dialect may be written otherwise here, or be replaced.
  const found = settleDialect(originalText, original.items)?.name
  // Nor may words that are given change by themselves how the same rows are read.
  const told = found ?? settleDialect(rejects.text, options)?.name ?? 'postgresql'
  const dialect = found ?? (dialectDefaults[told] === dialectDefaults.postgresql ? undefined : 'postgresql')
  const isSaid = dialect === undefined || [...kept, ...options].some(({ name }) => name === 'dialect')
  const text = printClauses({
    table: rejects.table,
    columns: rejects.columns ?? original.columns,
    source: original.source,
    options: [...(isSaid ? [] : [`DIALECT '${dialect}'`]), ...kept.flatMap(printKept), ...options.map(printItem)],
    onConflict: onConflict ?? original.onConflict,
    where: where === undefined ? original.where : isTrue(where) ? undefined : where,
  })
  return parseCopy(text)
}

function isTrue({ sql }: { readonly sql: string }): boolean {
  return /^\s*true\s*$/i.test(sql)
}

function isReplaced(item: OptionItem, options: readonly OptionItem[]): boolean {
  const key = findOption(item.name)
  if (key === undefined) return false
  if (key === 'load_key') return true
  return options.some((option) => {
    const given = findOption(option.name)
    if (given === undefined) return false
    return given === key || groups.some((group) => group.given.includes(given) && group.replaces.includes(key))
  })
}
