import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatRejects, Notices } from '../../../lib/cli/rejects.ts'
import { CopyError } from '../../../lib/errors.ts'
import type { CopyCallOptions, Receipt } from '../../../lib/index.ts'
import { parseCopy } from '../../../lib/statement/parser.ts'
import type { Bench } from '../../copy/targets.ts'
import type { Store } from '../../servers/store.ts'
import { printRow, type Run, type Traces } from './run.ts'

const usual = 'a int, b text, c text'

/** Where statements are run. */
export interface Place {
  readonly bench: Bench
  readonly folder: string
  /** The bucket's store, where it answers for any region, and where for its own only. */
  readonly store: Store
  readonly regional: Store
  /** Has the standard AWS chain read from there. */
  use(store: Store): void
}

/** What became of a load. */
export type Outcome =
  | { readonly rows: readonly string[]; readonly leaves?: Traces }
  | { readonly error: readonly [sqlState: string | undefined, message: string] }

/** What the statement makes of the run's input, with all else as the run has it. */
export async function outcomeOf(place: Place, statement: string, named: string, run: Run): Promise<Outcome> {
  // What is refused as it is read needs no table.
  const refusal = refusalOf(statement)
  if (refusal !== undefined) return refusal
  const { bench } = place
  const { table = usual, creates, before } = run
  const [, qualified = '', schema] = /^COPY (?:INTO )?((?:(\w+)\.)?\w+)/.exec(named) ?? []
  if (schema) await bench.sql(`CREATE SCHEMA IF NOT EXISTS ${schema}`)
  if (!creates) await bench.sql(`CREATE TABLE ${qualified} (${table})`)
  if (before !== undefined) await bench.sql(before)
  const columns = creates ? ['ts', 'temp'] : columnsOf(table)
  const look = async () => {
    const texts = columns.map((column) => `CAST(${column} AS text)`).join(', ')
    return (await bench.sql(`SELECT ${texts} FROM ${qualified}`)).map(printRow)
  }
  const earlier = creates ? [] : await look()
  try {
    const printed: string[] = []
    const receipt = await load(place, statement, run, printed)
    const leaves = run.leaves && (await tracesOf(bench, qualified, run.leaves, receipt, printed))
    return { rows: await look(), ...(leaves && { leaves }) }
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    const rows = creates ? [] : await look()
    if (rows.join('\n') !== earlier.join('\n')) throw new Error(`an error has left rows: ${rows.join('; ')}`)
    const path = new RegExp(`${place.folder}/files-\\w+/input`)
    return { error: [error.sqlState, error.message.replace(path, 'f')] }
  } finally {
    await bench.sql(`DROP TABLE IF EXISTS ${qualified}`)
  }
}

function refusalOf(statement: string): Outcome | undefined {
  try {
    parseCopy(statement)
    return undefined
  } catch (error) {
    if (error instanceof CopyError) return { error: [error.sqlState, error.message] }
    throw error
  }
}

/** The columns of a CREATE TABLE. */
function columnsOf(table: string): string[] {
  // Commas in parentheses are those of types.
  return table.split(/,(?![^()]*\))/).map((column) => column.trim().split(/\s/)[0] ?? '')
}

/** What is printed is what the command prints, see `lib/cli/run.ts`. */
async function load(place: Place, statement: string, run: Run, printed: string[]): Promise<Receipt> {
  const { bench } = place
  const { input, files, objects, leaves } = run
  const { source, options } = parseCopy(statement)
  const { verbosity } = options.errors
  const notices = verbosity === 'verbose' ? new Notices((line) => printed.push(line)) : undefined
  const bytes = Buffer.from(input as string)
  const call: CopyCallOptions = {
    ledger: leaves?.rawRecords !== undefined,
    ...(notices && { onReject: notices.take, onReplace: notices.takeReplaced }),
    ...(source.kind === 'stdin' && { stdin: bytes }),
  }
  const copy = async () => {
    if (source.kind === 'stdin') return bench.db.copy(statement, call)
    if (objects) return copyObjects(place, statement, source.path, { ...run, objects }, bytes, call)
    const path = inFolder(place.folder, files ?? ['input'], bytes)
    const target = files ? path : join(path, 'input')
    return bench.db.copy(statement.replace(/FROM '[^']*'/i, `FROM '${target}'`), call)
  }
  const receipt = await copy()
  printed.push(...(notices?.rest(receipt, undefined) ?? []), ...formatRejects(receipt, { verbosity }))
  return receipt
}

async function copyObjects(
  { bench, store, regional, use }: Place,
  statement: string,
  path: string,
  { objects, beside = {}, regional: isRegional }: Run & { readonly objects: readonly string[] },
  bytes: Buffer,
  call: CopyCallOptions,
): Promise<Receipt> {
  const server = isRegional ? regional : store
  const bucket = /^s3:\/\/([^/]*)/.exec(path)?.[1] ?? ''
  for (const key of objects) server.put(bucket, key, bytes)
  for (const [key, content] of Object.entries(beside)) server.put(bucket, key, content)
  use(server)
  try {
    return await bench.db.copy(statement, call)
  } finally {
    for (const key of [...objects, ...Object.keys(beside)]) server.remove(bucket, key)
  }
}

/** A folder in which each of the files has these bytes. */
function inFolder(folder: string, files: readonly string[], bytes: Uint8Array): string {
  const path = mkdtempSync(join(folder, 'files-'))
  for (const file of files) {
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), bytes)
  }
  return path
}

/** Of what a load leaves, that which a run looks at. */
async function tracesOf(
  { sql, url }: Bench,
  table: string,
  wanted: Traces,
  receipt: Receipt,
  printed: readonly string[],
): Promise<Traces> {
  const notes = receipt.notes?.map(({ option }) => option) ?? []
  const raw = async () => {
    const records = `SELECT CAST(rawrecord AS text) FROM copyist.pgxc_copy_error_log AS log JOIN copyist.loads AS load
      ON load.load_no = log.queryid WHERE load.load_id = '${receipt.id}' ORDER BY log.lineno`
    return (await sql(records)).map(([text]) => text ?? '')
  }
  const analyzed = async () => {
    // DuckDB has them, and shows no difference for so few rows.
    if (url === undefined) return wanted.analyzed ?? []
    const columns = `SELECT attname FROM pg_stats WHERE tablename = '${table}' ORDER BY attname`
    return (await sql(columns)).map(([name]) => name ?? '')
  }
  return {
    ...(wanted.printed && { printed }),
    ...(wanted.notes && { notes }),
    ...(wanted.rawRecords && { rawRecords: await raw() }),
    ...(wanted.analyzed && { analyzed: await analyzed() }),
    ...(wanted.receipt && {
      receipt: Object.fromEntries(Object.keys(wanted.receipt).map((key) => [key, receipt[key as keyof Receipt]])),
    }),
  }
}
