import type { CopyFrom, CopyOptions, CopyRejects, OptionItem, Statement } from './ast.ts'
import { statementError } from './diagnostics.ts'
import { dialectTitles } from './dialects/names.ts'
import { findOption, type OptionKey } from './options.ts'
import { parseParts } from './parser.ts'

/** An option that is parsed and checked, and cannot be carried out yet. */
interface Pending {
  readonly key: OptionKey
  /** Whether a statement asks for it. */
  readonly applies: (options: CopyOptions) => boolean
  /** What is not supported, where the option's name does not say it. */
  readonly what?: string
  /** The option works with other values, or when it is given. */
  readonly isPart?: true
  readonly hint: string
}

const leaveOut = 'Leave it out, or change the input before it is loaded.'
const noDates = 'Dates and times are read as PostgreSQL reads them. Load them as text and convert them afterwards.'
const noRemote = 'Files of other machines are not read yet. Copy them here, or pipe them into COPY ... FROM STDIN.'

/**
 * What the program cannot carry out yet: one line each. To switch an option on, delete its line; nothing else refuses it.
 */
// biome-ignore format: one line an option is easier to delete
const pending: readonly Pending[] = [
  { key: 'eol', applies: ({ eol }) => eol !== undefined, hint: 'Lines end with a line feed, a carriage return or both.' },
  { key: 'backslash_escape', applies: ({ backslash }) => backslash === 'next', hint: "A backslash begins one of PostgreSQL's sequences in FORMAT text." },
  { key: 'useeof', applies: ({ useEof }) => useEof === true, hint: leaveOut },
  { key: 'header', what: 'detection of a header', isPart: true, applies: ({ detectHeader }) => detectHeader === true, hint: 'Say HEADER true, or use FORMAT csv without words of QuestDB.' },
  { key: 'smalldatetime_format', applies: ({ dateFormats }) => dateFormats?.smalldatetime !== undefined, hint: noDates },
  { key: 'partition by', applies: ({ partitionBy = 'none' }) => partitionBy !== 'none', hint: 'Make the table, partitioned, before the load.' },
  { key: 'transform', applies: ({ transform }) => transform !== undefined, hint: 'Load into a table of its own and select from that.' },
  { key: 'explicit_ids', applies: ({ explicitIds }) => explicitIds === true, hint: leaveOut },
  { key: 'validate_only', applies: ({ validateOnly }) => validateOnly === true, hint: 'Load into a temporary table.' },
  { key: 'statupdate', applies: ({ analyze }) => analyze === true, hint: 'Run ANALYZE after the load.' },
  { key: 'freeze', applies: ({ freeze }) => freeze === true, hint: 'Leave it out and run VACUUM (FREEZE) after the load.' },
  { key: 'iam_role', applies: ({ remote }) => remote?.iamRole !== undefined, hint: noRemote },
  { key: 'credentials', applies: ({ remote }) => remote?.credentials === true, hint: `${noRemote} Take the secret out of the statement.` },
  { key: 'region', applies: ({ remote }) => remote?.region !== undefined, hint: noRemote },
  { key: 'manifest', applies: ({ remote }) => remote?.manifest === true, hint: noRemote },
  { key: 'lzop', applies: ({ remote }) => remote?.compression === 'lzop', hint: 'There is no library for it that is kept up. Pipe what it holds: lzop -dc file | copyist "COPY … FROM STDIN …".' },
  { key: 'aws connection', applies: ({ remote }) => remote?.connection !== undefined, hint: noRemote },
]

/** Whether no statement with this option can be carried out yet. */
export function isPending(key: OptionKey): boolean {
  return pending.some((line) => line.key === key && !line.isPart)
}

/**
 * Refuses a statement that cannot be carried out yet, with the reason.
 *
 * Throws CopyError (0A000), at the option, or, where the dialect implies it, at the word that tells the dialect.
 */
export function refusePending(statement: Statement): asserts statement is CopyFrom | CopyRejects {
  if (statement.kind === 'copy rejects') return
  if (statement.kind === 'explain') {
    throw statementError(statement.text, 0, 'feature_not_supported', 'EXPLAIN COPY is not supported yet', {
      hint: 'explainOptions says what the options of the statement are.',
    })
  }
  const found = pending
    .filter((line) => line.applies(statement.options))
    .map((line) => ({ line, item: itemOf(statement, line.key) }))
  // What the statement says comes before what its dialect implies.
  const place = (item: OptionItem | undefined) => item?.offset ?? Number.POSITIVE_INFINITY
  const [first] = found.sort((a, b) => place(a.item) - place(b.item))
  if (first === undefined) return
  const { line, item } = first
  const { text, table, dialect } = statement
  const what = line.what ?? item?.word ?? (item?.name ?? line.key).toUpperCase()
  const implied = item === undefined && dialect ? `, which ${dialectTitles[dialect.name]} implies,` : ''
  const message = `COPY ${what}${implied} is not supported yet`
  const reason = item ?? parseParts(text).items.find(({ of, name }) => of?.exclusive || name === 'dialect')
  const offset = item?.argument?.offset ?? reason?.offset ?? table.name.offset
  throw statementError(text, offset, 'feature_not_supported', message, { hint: line.hint })
}

/** The options that stand for another one when it is refused. */
const standIns: Partial<Readonly<Record<OptionKey, readonly OptionKey[]>>> = {
  format: ['format', 'formatter', 'fixedwidth'],
  credentials: ['credentials', 'access_key_id', 'secret_access_key', 'session_token'],
}

/** Where the statement says it; undefined where only its dialect does. */
function itemOf({ text }: CopyFrom, key: OptionKey): OptionItem | undefined {
  const keys = standIns[key] ?? [key]
  return parseParts(text).items.find(({ name }) => keys.some((each) => each === findOption(name)))
}
