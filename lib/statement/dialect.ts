import type { Dialect, OptionItem, StatementDialect } from './ast.ts'
import { statementError } from './diagnostics.ts'
import { dialectNames, dialectTitles } from './dialects/names.ts'
import { asciiLowerCase } from './option-arguments.ts'

/** What holds in a dialect where a statement says nothing. */
export interface DialectDefaults {
  readonly format: 'csv' | 'text'
  readonly delimiter: { readonly csv: string; readonly text: string }
  readonly null: { readonly csv: string; readonly text: string }
}

const postgresql: DialectDefaults = {
  format: 'text',
  delimiter: { csv: ',', text: '\t' },
  null: { csv: '', text: '\\N' },
}

/** Defaults that are not PostgreSQL's. GaussDB and Materialize have its own. */
export const dialectDefaults: Readonly<Record<Dialect, DialectDefaults>> = {
  postgresql,
  gaussdb: postgresql,
  materialize: postgresql,
  questdb: { ...postgresql, format: 'csv' },
  redshift: { format: 'text', delimiter: { csv: ',', text: '|' }, null: { csv: '\\N', text: '\\N' } },
}

/** Whose words count first where none of them is exclusive, so that their order means nothing; those of systems with defaults of their own. */
const precedence: readonly Dialect[] = ['redshift', 'gaussdb', 'questdb', 'materialize', 'postgresql']

/**
 * Whose rules a statement follows: those of the caller's or the statement's own DIALECT, or of the system that one of its words
 * belongs to; undefined where nothing tells.
 *
 * Throws CopyError (22023) naming both words when two of them are of different systems.
 */
export function settleDialect(
  text: string,
  items: readonly OptionItem[],
  given?: Dialect,
): StatementDialect | undefined {
  const said = items.find((item) => item.name === 'dialect')
  const name = given ?? dialectSaid(said)
  const exclusive = items.filter((item) => item.of?.exclusive)
  const [first] = exclusive
  for (const item of exclusive) {
    const other = item.of?.dialect
    if (other === undefined || other === (name ?? first?.of?.dialect)) continue
    const word = wordOf(item)
    if (name !== undefined) {
      const message = `COPY ${word} is of ${dialectTitles[other]} and cannot be used with DIALECT '${name}'`
      throw statementError(text, item.offset, 'invalid_parameter_value', message)
    }
    const earlier = first?.of?.dialect
    if (first === undefined || earlier === undefined) continue
    const message = `COPY ${word} (${dialectTitles[other]}) cannot be used with ${wordOf(first)} (${dialectTitles[earlier]})`
    const hint = 'A statement follows the rules of one system. DIALECT says which.'
    throw statementError(text, item.offset, 'invalid_parameter_value', message, { hint })
  }
  if (given !== undefined) return { name: given, found: 'given' }
  if (name !== undefined) return { name, found: 'given', word: 'DIALECT' }
  const hint = precedence.flatMap((each) => items.find((item) => item.of?.dialect === each) ?? [])[0]
  const deciding = first ?? hint
  return deciding?.of && { name: deciding.of.dialect, found: 'words', word: wordOf(deciding) }
}

/** What DIALECT says, if it is a dialect; what else it may be is for whoever reads the option. */
function dialectSaid(item: OptionItem | undefined): Dialect | undefined {
  const { argument } = item ?? {}
  if (argument?.kind !== 'string') return undefined
  const word = asciiLowerCase(argument.value)
  return dialectNames.find((name) => name === word)
}

function wordOf(item: OptionItem): string {
  return item.word ?? item.name.toUpperCase()
}
