import { parseArgs } from 'node:util'
import { MOST_REJECT_BYTES, MOST_REJECTS } from '../rejects.ts'
import { bytesOf } from '../size.ts'
import { closest } from '../statement/spelling.ts'

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | ({ readonly kind: 'copy' } & CopyCommand)

/** A load, as the command line describes it. */
export interface CopyCommand {
  /** The statement itself, or the file that holds it. */
  readonly statement: { readonly text: string } | { readonly file: string }
  /** `--to`; absent when the environment decides. */
  readonly to?: string
  /** `--create` or `--no-create`; absent when neither is given. */
  readonly createTable?: boolean
  readonly json: boolean
  readonly quiet: boolean
  readonly threads?: number
  /** Bytes. */
  readonly memoryLimit?: number
  /** `--rejects`: the file for rejected rows. */
  readonly rejects?: string
  /** `--max-rejects`: how many of them are recorded. */
  readonly maxRejects?: number
  /** `--max-reject-bytes`: how much of each. */
  readonly maxRejectBytes?: number
  /** `--ledger` or `--no-ledger`; absent when neither is given. */
  readonly ledger?: boolean
  /** `--config`: a file with named connections. */
  readonly config?: string
  /** `--ledger-retention`: after how many days older loads are forgotten. */
  readonly retentionDays?: number
}

/** The command line is wrong; the message says how, and `hint` what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

const options = {
  to: { type: 'string' },
  create: { type: 'boolean' },
  'no-create': { type: 'boolean' },
  file: { type: 'string', short: 'f' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  threads: { type: 'string' },
  'memory-limit': { type: 'string' },
  rejects: { type: 'string' },
  'max-rejects': { type: 'string' },
  'max-reject-bytes': { type: 'string' },
  ledger: { type: 'boolean' },
  'no-ledger': { type: 'boolean' },
  'ledger-retention': { type: 'string' },
  config: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const

const flagNames = Object.keys(options)
/** The bounds of the programming interface. */
const mostThreads = 64
const leastMemory = 1024 ** 2

/** Reads the words after the command's name. Throws {@link UsageError}. */
export function parseArguments(words: readonly string[]): Command {
  const { values, positionals } = readWords(words)
  if (values.help) return { kind: 'help' }
  if (values.version) return { kind: 'version' }
  if (values.create && values['no-create']) throw new UsageError('--create and --no-create contradict each other')
  if (values.ledger && values['no-ledger']) throw new UsageError('--ledger and --no-ledger contradict each other')
  const ledger = values['no-ledger'] ? false : values.ledger
  const createTable = values['no-create'] ? false : values.create
  return {
    kind: 'copy',
    statement: statementOf(positionals, values),
    ...(values.to !== undefined && { to: nonEmpty('--to', values.to) }),
    ...(createTable !== undefined && { createTable }),
    json: values.json ?? false,
    quiet: values.quiet ?? false,
    ...(values.threads !== undefined && { threads: parseThreads(values.threads) }),
    ...(values['memory-limit'] !== undefined && {
      memoryLimit: parseSize(
        'memory-limit',
        values['memory-limit'],
        leastMemory,
        Number.MAX_SAFE_INTEGER,
        'a size of at least 1MB, such as 64MB or 2GB',
      ),
    }),
    ...(values.rejects !== undefined && { rejects: nonEmpty('--rejects', values.rejects) }),
    ...(values['max-rejects'] !== undefined && { maxRejects: parseCount('max-rejects', values['max-rejects']) }),
    ...(values['max-reject-bytes'] !== undefined && {
      maxRejectBytes: parseSize(
        'max-reject-bytes',
        values['max-reject-bytes'],
        0,
        MOST_REJECT_BYTES,
        'a size from 0 to 512MB, such as 64kB',
      ),
    }),
    ...(ledger !== undefined && { ledger }),
    ...(values.config !== undefined && { config: nonEmpty('--config', values.config) }),
    ...(values['ledger-retention'] !== undefined && { retentionDays: parseDays(values['ledger-retention']) }),
  }
}

/** Whether errors are to be reported as JSON, even when the command line cannot be read otherwise. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).includes('--json')
}

function readWords(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, words)
  }
}

/** Node's complaint in the command's own words. */
function explain(error: NodeJS.ErrnoException, words: readonly string[]): UsageError {
  const flag = /'((?:-\w, )?(-{1,2}[^\s'=<]+))/.exec(error.message)?.[2]
  switch (error.code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const near = flag && closest(flag.replace(/^-+/, ''), flagNames)
      const hint = near ? `Did you mean "--${near}"?` : undefined
      return new UsageError(`unknown option "${flag ?? words.join(' ')}"`, hint)
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE': {
      const takes = flag !== undefined && /argument missing|ambiguous/.test(error.message)
      return new UsageError(`option "${flag}" ${takes ? 'needs a value' : 'takes no value'}`)
    }
    default:
      return new UsageError(error.message)
  }
}

/** The options that take a value, which a forgotten one makes of the word after them. */
const valued = [
  'to',
  'threads',
  'memory-limit',
  'rejects',
  'max-rejects',
  'max-reject-bytes',
  'ledger-retention',
  'file',
] as const

function statementOf(
  positionals: readonly string[],
  values: { readonly [option in (typeof valued)[number]]?: string },
): CopyCommand['statement'] {
  const [text, ...others] = positionals
  const { file } = values
  // No target, number or file is called that, and without it there is no statement.
  const swallower = text === undefined ? valued.find((option) => /^\s*copy\s/i.test(values[option] ?? '')) : undefined
  if (swallower !== undefined) {
    throw new UsageError(`option "--${swallower}" needs a value`, 'What follows it is the statement.')
  }
  if (file !== undefined) {
    if (text !== undefined) throw new UsageError('a statement and --file cannot be given together')
    return { file: nonEmpty('--file', file) }
  }
  if (text === undefined) throw new UsageError('the statement is missing')
  if (others.length > 0) {
    const unquoted = /^copy$/i.test(text)
    throw new UsageError(
      `one statement is expected, but ${positionals.length} arguments are given`,
      unquoted ? 'Put the whole statement in double quotes.' : undefined,
    )
  }
  return { text }
}

function nonEmpty(flag: string, value: string): string {
  if (value === '') throw new UsageError(`option "${flag}" needs a value`)
  return value
}

function parseThreads(text: string): number {
  const threads = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (threads >= 1 && threads <= mostThreads) return threads
  throw new UsageError(
    `invalid value for option "--threads": "${text}"`,
    `It takes a whole number from 1 to ${mostThreads}.`,
  )
}

/** A size, as a number of bytes. Throws {@link UsageError}. */
function parseSize(flag: string, text: string, least: number, most: number, expected: string): number {
  const bytes = bytesOf(text)
  if (bytes !== undefined && bytes >= least && bytes <= most) return bytes
  throw new UsageError(`invalid value for option "--${flag}": "${text}"`, `It takes ${expected}.`)
}

/** Throws {@link UsageError}. */
function parseDays(text: string): number {
  const days = /^\d{1,5}(?:\.\d{1,9})?$/.test(text) ? Number(text) : 0
  if (days > 0) return days
  throw new UsageError(
    `invalid value for option "--ledger-retention": "${text}"`,
    'It takes a number of days above 0, such as 30.',
  )
}

/** Throws {@link UsageError}. */
function parseCount(flag: string, text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (count <= MOST_REJECTS) return count
  throw new UsageError(
    `invalid value for option "--${flag}": "${text}"`,
    `It takes a whole number from 0 to ${MOST_REJECTS}.`,
  )
}
