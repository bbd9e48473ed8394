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
  /** What is not supported, where the option's name does not say it: then it works with other values. */
  readonly what?: string
  readonly hint: string
}

/**
 * What the program cannot carry out yet: one line each. To switch an option on, delete its line; nothing else refuses it.
 */
// biome-ignore format: one line an option is easier to delete
const pending: readonly Pending[] = [
  { key: 'partition by', applies: ({ partitionBy = 'none' }) => partitionBy !== 'none', hint: 'Make the table, partitioned, before the load.' },
  { key: 'lzop', applies: ({ remote }) => remote?.compression === 'lzop', hint: 'There is no library for it that is kept up. Pipe what it holds: lzop -dc file | copyist "COPY … FROM STDIN …".' },
]

/** Whether no statement with this option can be carried out yet. */
export function isPending(key: OptionKey): boolean {
  return pending.some((line) => line.key === key && line.what === undefined)
}

/**
 * Refuses a statement that cannot be carried out yet, with the reason.
 *
 * Throws CopyError (0A000), at the option, or, where the dialect implies it, at the word that tells the dialect.
 */
export function refusePending(statement: Statement): asserts statement is CopyFrom | CopyRejects {
  if (statement.kind === 'copy rejects') return
  if (statement.kind === 'explain') {
    throw statementError(statement.text, 0, 'feature_not_supported', 'EXPLAIN COPY loads nothing, and has no receipt', {
      hint: 'Call db.explain(statement).',
    })
  }
  refuseSecrets(statement)
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

/**
 * Refuses secrets in a statement, which is shown, logged and recorded.
 *
 * @throws {CopyError} 0A000
 */
function refuseSecrets(statement: CopyFrom): void {
  if (statement.options.remote?.credentials !== true) return
  const item = itemOf(statement, 'credentials')
  const message = `COPY ${(item?.name ?? 'credentials').toUpperCase()} would be a secret in the statement`
  throw statementError(statement.text, item?.offset ?? 0, 'feature_not_supported', message, {
    hint: "Name a connection that is given to connect(): CREDENTIALS 'name'. Without one the standard AWS chain is asked.",
  })
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
