import { CopyError } from '../errors.ts'
import type { Explanation } from '../explanation.ts'
import type { Receipt } from '../receipt.ts'
import { formatDiagnostic } from '../statement/diagnostics.ts'
import { UsageError } from './args.ts'
import { formatBytes, formatCount, formatDuration, formatRate, formatRows } from './figures.ts'
import { formatReceiptDiagnosis, formatRejects, type RejectReport } from './rejects.ts'

/** Exit codes of the command. */
export const exitCodes = { loaded: 0, failed: 1, usage: 2, interrupted: 130, terminated: 143 } as const

/**
 * The receipt for people: what was loaded and how fast, what was held back or rejected and why, the table that was created.
 * `database` is named when nobody else did. Lines are separated by `\n`; there is none at the end.
 */
export function formatReceipt(
  receipt: Receipt,
  database?: string,
  rejects: RejectReport = { verbosity: 'default' },
): string {
  if (receipt.alreadyLoaded) return formatAlreadyLoaded(receipt)
  const { rowsLoaded, rowsFiltered, bytesRead, elapsedMs } = receipt
  const rate = formatRate(receipt.rowsRead / (Math.max(elapsedMs, 1) / 1000))
  const figures = [formatBytes(bytesRead), formatDuration(elapsedMs), rate].join(', ')
  const { rowsValidated } = receipt
  const lines =
    rowsValidated === undefined
      ? [`COPY ${formatRows(rowsLoaded)} into ${receipt.table} (${figures})`]
      : [`nothing loaded: ${formatRows(rowsValidated)} could be, into ${receipt.table} (${figures})`]
  if (rowsFiltered > 0) {
    const read = `${formatCount(receipt.rowsRead)} read`
    lines.push(`${formatRows(rowsFiltered)} of ${read} held back by WHERE, WHEN, a trigger or a rule`)
  }
  if (receipt.rowsConflicted > 0) {
    lines.push(`${formatRows(receipt.rowsConflicted)} passed over, since their key was there already`)
  }
  lines.push(...formatRejects(receipt, rejects))
  if (database !== undefined) lines.push(`The database is ${database}.`)
  if (receipt.createdTable !== undefined) lines.push('', `${receipt.createdTable.trimEnd().replace(/;$/, '')};`)
  lines.push(...formatReceiptDiagnosis(receipt, rejects))
  return lines.join('\n')
}

function formatAlreadyLoaded({ id, loadedAt, rowsLoaded, table }: Receipt): string {
  const when = loadedAt === undefined ? 'before' : `on ${loadedAt.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC')}`
  return `nothing to do: this LOAD_KEY was loaded ${when} (load ${id}, ${formatRows(rowsLoaded)} into ${table})`
}

/** SQLSTATEs that blame the statement when they come with a place in it. */
const statementStates: ReadonlySet<string> = new Set(['42601', '22023', '0A000', '22021', '22025', '22P02', '22003'])

/** 2 when the command line or the statement is wrong, 1 for everything that happens later. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  // Of --config.
  if (error instanceof CopyError && error.code === 'config_file_error') return exitCodes.usage
  if (error instanceof CopyError && error.statement && statementStates.has(error.sqlState)) return exitCodes.usage
  return exitCodes.failed
}

/** The error for people. */
export function formatError(error: unknown): string {
  if (error instanceof CopyError) return formatDiagnostic(error)
  if (error instanceof UsageError) {
    const hint = error.hint === undefined ? [] : [`HINT:  ${error.hint}`]
    return [`ERROR:  ${error.message}`, ...hint, 'Try "copyist --help".'].join('\n')
  }
  return `ERROR:  ${messageOf(error)}`
}

/**
 * The error for programs: one line of JSON. Fields that are not known are absent. `hide` takes secrets out of a text; the
 * names of the fields are not passed through it.
 */
export function formatErrorJson(error: unknown, hide: (text: string) => string = (text) => text): string {
  return JSON.stringify({ error: errorFields(error) }, (_, value) => (typeof value === 'string' ? hide(value) : value))
}

/** The explanation for programs: one line of JSON, with the failure as an error's. */
export function formatExplanationJson(explanation: Explanation, hide: (text: string) => string): string {
  const { failure, ...rest } = explanation
  const whole = { ...rest, ...(failure && { failure: errorFields(failure) }) }
  return JSON.stringify(whole, (_, value) => (typeof value === 'string' ? hide(value) : value))
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof CopyError)) {
    const isUsage = error instanceof UsageError
    const hint = isUsage ? error.hint : undefined
    return { code: isUsage ? 'usage' : codeOf(error), message: messageOf(error), hint }
  }
  const { code, sqlState, message, position, detail, hint, context, statement, diagnosis, loadId } = error
  const offset = statement?.offset
  return { code, sqlState, message, position, detail, hint, context, offset, diagnosis, loadId }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'internal_error'
}

/** What went wrong, in one line. An attempt at several addresses fails with an error that has no message of its own. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
