import { shownAddress } from '../../path.ts'
import { isObject, wrongArgument } from '../argument.ts'
import type { CopyFrom, Dialect } from '../ast.ts'
import { parseCopy } from '../parser.ts'
import { printNames, printString, printTable } from '../printing.ts'
import { gaussdb } from './gaussdb.ts'
import { materialize, postgresql } from './postgresql.ts'
import { questdb } from './questdb.ts'
import { redshift } from './redshift.ts'
import {
  always,
  approximated,
  features,
  isRemote,
  mapped,
  nothingLikeIt,
  refused,
  type Spelling,
  type TranslationNote,
  type Words,
} from './spelling.ts'

/** A load in another system's words. */
export interface Translation {
  /** What was refused is not in it. */
  readonly statement: string
  /** What became of each option, in the order of the documentation. */
  readonly notes: readonly TranslationNote[]
}

/** The order of the words is that in which they are written. */
const words: Readonly<Record<Dialect, Words>> = { postgresql, gaussdb, materialize, questdb, redshift }

/**
 * The same load in the words of another system: each option is mapped to one that says the same, approximated, or refused and left out.
 *
 * Throws CopyError when `statement` is no COPY … FROM statement that could be parsed, and 22023 for what is no dialect.
 */
export function translate(statement: string | CopyFrom, dialect: Dialect): Translation {
  if (!Object.hasOwn(words, dialect)) {
    const hint = `It is ${Object.keys(words).join(', ')}.`
    throw wrongArgument(`translate cannot write "${String(dialect)}", which is no dialect`, hint)
  }
  const copy = typeof statement === 'string' ? parseCopy(statement) : statement
  if (!isObject(copy) || copy.kind !== 'copy from') {
    throw wrongArgument('translate needs the text of a COPY ... FROM statement, or what copyFrom makes')
  }
  const found = new Map<string, readonly Spelling[]>()
  const ask = (option: string) => {
    const answer = words[dialect][option]?.(copy)
    return answer === undefined ? [] : Array.isArray(answer) ? (answer as readonly Spelling[]) : [answer as Spelling]
  }
  for (const option of always) found.set(option, ask(option))
  found.set('HEADER', matchedAs(copy, dialect, found.get('HEADER') ?? []))
  for (const { option, isSaid } of features) {
    if (!isSaid(copy)) continue
    const spellings = ask(option)
    found.set(option, spellings.length > 0 ? spellings : [nothingLikeIt(dialect)])
  }
  const source = sourceIn(copy, dialect)
  const clauses = clausesIn(copy, dialect)
  const notes = [['FROM', [source]] as const, ...clauses, ...found].flatMap(([option, spellings]) =>
    spellings.map(({ kind, text, reason }): TranslationNote => ({ option, kind, reason: reason ?? `as ${text}` })),
  )
  const texts = Object.keys(words[dialect]).flatMap((option) =>
    (found.get(option) ?? []).flatMap(({ text }) => (text === undefined ? [] : [text])),
  )
  return { statement: write(copy, dialect, source.text ?? '', texts), notes }
}

/** What becomes of a header whose names decide in one of the systems, and do not in the other. */
function matchedAs(copy: CopyFrom, dialect: Dialect, spellings: readonly Spelling[]): readonly Spelling[] {
  const { header, mapByName } = copy.options
  const isByName = header === 'true' && copy.dialect?.name === 'questdb' && copy.columns === undefined
  const becomesByName = dialect === 'questdb' && spellings.some(({ text }) => text === 'HEADER true')
  if (isByName === becomesByName || mapByName) return spellings
  const lost = isByName
    ? 'fields go to the columns one after the other, whatever the header calls them'
    : 'fields go to the columns that the header names'
  return spellings.map((spelling) => {
    if (spelling.kind === 'refused') return spelling
    return approximated(
      [lost, ...(spelling.kind === 'approximated' ? [spelling.reason] : [])].join('; '),
      spelling.text,
    )
  })
}

function write(copy: CopyFrom, dialect: Dialect, source: string, options: readonly string[]): string {
  const { fixed } = copy.options
  // Redshift's fields have labels, but go to the columns in their order.
  const isOrdered = dialect === 'redshift' && fixed?.match === 'name'
  const names = isOrdered ? fixed.fields.map(({ name }) => name) : copy.columns
  const columns = names && dialect !== 'questdb' ? ` ${printNames(names)}` : ''
  const into = dialect === 'materialize' ? 'COPY INTO' : 'COPY'
  const head = `${into} ${printTable(copy.table)}${columns} FROM ${source}`
  if (options.length === 0) return withCondition(head, copy, dialect)
  if (dialect === 'questdb') return `${head} WITH ${options.join(' ')}`
  if (dialect === 'gaussdb' || dialect === 'redshift') return `${head} ${options.join(' ')}`
  return withCondition(`${head} WITH (${options.join(', ')})`, copy, dialect)
}

function withCondition(statement: string, { where }: CopyFrom, dialect: Dialect): string {
  return where && dialect === 'postgresql' ? `${statement} WHERE ${where.sql}` : statement
}

/** What the systems read. */
function sourceIn(copy: CopyFrom, dialect: Dialect): Spelling {
  const { source } = copy
  const readsFiles = dialect !== 'materialize'
  const readsS3 = dialect === 'materialize' || dialect === 'redshift'
  if (source.kind === 'stdin') {
    if (dialect === 'questdb' || dialect === 'redshift') {
      return { ...refused('it reads files only: write the address of one in place of the dots'), text: "'...'" }
    }
    return mapped('STDIN')
  }
  const path = printString(source.path)
  // A note is there to be shown, the statement to be run.
  if (isRemote(copy) && readsS3) return mapped(path, `as ${printString(shownAddress(source.path))}`)
  if (isRemote(copy)) return approximated('the file has to be fetched first', path)
  if (!readsFiles) return approximated('files are sent by the client', 'STDIN')
  return dialect === 'redshift' ? approximated('files are read from S3: put it there', path) : mapped(path)
}

/** What stands beside the options. */
function clausesIn(copy: CopyFrom, dialect: Dialect): (readonly [string, readonly Spelling[]])[] {
  const clauses: (readonly [string, readonly Spelling[]])[] = []
  if (copy.columns && dialect === 'questdb')
    clauses.push(['COLUMNS', [refused('all columns are loaded, by the header')]])
  if (copy.options.onConflict && copy.options.onConflict.action !== 'error') {
    clauses.push(['ON CONFLICT', [nothingLikeIt(dialect)]])
  }
  if (copy.where) {
    clauses.push(['WHERE', [dialect === 'postgresql' ? mapped(`WHERE ${copy.where.sql}`) : nothingLikeIt(dialect)]])
  }
  return clauses
}
