import type { DiagnosisCure, DiagnosisGroup } from '../diagnosis.ts'
import type { Receipt } from '../receipt.ts'
import { MOST_KEPT, type Reject } from '../rejects.ts'
import type { ErrorPolicy, Statement } from '../statement/ast.ts'
import { formatCount, formatRows } from './figures.ts'

/** What is to be said about rejected rows. */
export interface RejectReport {
  readonly verbosity: ErrorPolicy['verbosity']
  /** `--rejects` */
  readonly file?: string
  /** Columns of the terminal; absent: lines may be of any length. */
  readonly width?: number
}

/** Rejected rows that get a line each. */
const mostNotices = 1_000
/** As much of a value as PostgreSQL shows. */
const mostShown = 100
/** Lines of the table, and the width of its columns. */
const mostGroups = 20
const columnWidth = 24
const reasonWidth = 60

export function verbosityOf(statement: Statement | undefined): ErrorPolicy['verbosity'] {
  return statement?.kind === 'copy from' ? statement.options.errors.verbosity : 'default'
}

/** Whether rows can be rejected at all. */
export function mayReject(statement: Statement): boolean {
  if (statement.kind !== 'copy from') return true
  const { errors, onConflict } = statement.options
  return (
    [errors.conversion, errors.structure, errors.constraint].includes('skip_row') || onConflict?.action === 'reject'
  )
}

/** How many rows were rejected or changed, and where they are. */
export function formatRejects(receipt: Receipt, { file, verbosity }: RejectReport): string[] {
  if (verbosity === 'silent') return []
  const { rowsRejected, rowsRead, rowsReplaced, ledger } = receipt
  const lines: string[] = []
  if (rowsRejected > 0) {
    lines.push(`${formatCount(rowsRejected)} of ${formatRows(rowsRead)} rejected`)
    if (file !== undefined) lines.push(`  in the file ${file}`)
    if (ledger) {
      const { rejectsRecorded: recorded = rowsRejected, replayOf } = receipt
      const part = replayOf === undefined && recorded < rowsRejected ? `, ${formatCount(recorded)} of them` : ''
      lines.push(`  in the database${part}: ${query(receipt)}`)
    }
    if (file === undefined && !ledger) lines.push('  not kept; --rejects FILE writes them to a file')
  }
  if (rowsReplaced > 0) {
    lines.push(`${formatRows(rowsReplaced)} loaded with NULL or a default in place of a value that did not fit`)
  }
  const { rowsCut = 0, rowsUnrecorded = 0 } = receipt
  if (rowsCut > 0) lines.push(`${formatRows(rowsCut)} not tried: only the beginning was recorded`)
  if (rowsUnrecorded > 0) {
    lines.push(
      `${formatRows(rowsUnrecorded)} not tried: that load did not record all it rejected; the rest is in its input`,
    )
  }
  return lines
}

/** What is refused again stays with the load that refused it first. */
function query({ id, replayOf }: Receipt): string {
  return `SELECT line, column_name, message FROM copyist.rejects WHERE load_id = '${replayOf ?? id}' ORDER BY reject_no`
}

/** What was wrong with rejected rows as a table, the most frequent first, with what would cure it below each line. */
export function formatDiagnosis(groups: readonly DiagnosisGroup[], width = Number.POSITIVE_INFINITY): string[] {
  const heading = ['rows', 'column', 'reason', 'looks like', 'line', 'for example']
  const rows = groups
    .slice(0, mostGroups)
    .map(({ column = '', message, shape, rows: count, samples: [sample] }) => [
      formatCount(count),
      shorten(printable(column), columnWidth),
      shorten(printable(message), reasonWidth),
      shape === ''
        ? '(empty)'
        : shape !== undefined && shape.trim() === ''
          ? '(blank)'
          : shorten(printable(shape ?? ''), columnWidth),
      sample === undefined ? '' : formatCount(sample.line),
      sample === undefined ? '' : printable(sample.value),
    ])
  const widths = heading.map((_, at) => Math.max(...[heading, ...rows].map((cells) => cells[at]?.length ?? 0)))
  const format = (cells: readonly string[]) => {
    const padded = cells.map((cell, at) => {
      const size = widths[at] ?? 0
      // Numbers to the right; nothing follows the last column.
      if (at === 0 || at === 4) return cell.padStart(size)
      return at === cells.length - 1 ? cell : cell.padEnd(size)
    })
    return shorten(padded.join('  ').trimEnd(), width)
  }
  const indent = ' '.repeat((widths[0] ?? 0) + 2)
  const lines = [format(heading)]
  for (const [at, cells] of rows.entries()) {
    lines.push(format(cells))
    for (const cure of groups[at]?.cures ?? []) lines.push(`${indent}${formatCure(cure)}`)
  }
  const left = groups.slice(mostGroups)
  if (left.length > 0) lines.push(`${indent}and ${formatCount(left.length)} other kinds of errors`)
  return lines
}

function formatCure({ kind, reason, change, note, cured, tried }: DiagnosisCure): string {
  const proof = `cures ${formatCount(cured)} of ${formatCount(tried)} looked at`
  const arrow = reason === undefined ? '→' : `${reason} →`
  if (kind === 'input')
    return `${arrow} ${printable(change)}${note === undefined ? '' : `: ${printable(note)}`} (${proof})`
  return `${arrow} ${printable(change)} ${proof}${note === undefined ? '' : `; ${printable(note)}`}`
}

/** The table of a receipt, where there is one to be shown. */
export function formatReceiptDiagnosis({ diagnosis, rowsRejected }: Receipt, report: RejectReport): string[] {
  const { verbosity, file, width } = report
  if (verbosity === 'silent' || diagnosis === undefined || diagnosis.length === 0) return []
  const isPart = rowsRejected > MOST_KEPT && file === undefined && verbosity !== 'verbose'
  const heading = isPart ? [`Of the first ${formatCount(MOST_KEPT)} rejected rows:`] : []
  return ['', ...heading, ...formatDiagnosis(diagnosis, width)]
}

/** What PostgreSQL says of a row that it skips. */
export function formatNotice({ line, errors: [error] }: Reject): string {
  if (error === undefined) return `NOTICE:  skipping row at line ${line}`
  const { column, value, sqlState, message } = error
  if (column === undefined || value === undefined || !sqlState.startsWith('22')) {
    return `NOTICE:  skipping row at line ${line}: ${printable(message)}`
  }
  const isLong = value.length > mostShown
  const shown = `"${printable(isLong ? value.slice(0, mostShown) : value)}${isLong ? '...' : ''}"`
  return `NOTICE:  skipping row due to data type incompatibility at line ${line} for column "${printable(column)}": ${shown}`
}

/** Prints a line for each rejected row, up to a number of them. */
export class Notices {
  readonly #print: (line: string) => void
  /** Places of the rows that were printed: a statement that starts over tells of them once more. */
  readonly #printed = new Set<string>()

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  readonly take = (reject: Reject): void => {
    const place = `${reject.byteOffset} ${reject.file}`
    if (this.#printed.size === mostNotices || this.#printed.has(place)) return
    this.#printed.add(place)
    this.#print(formatNotice(reject))
  }

  /** What is to be said of those that were not printed. */
  rest({ rowsRejected, ledger, alreadyLoaded }: Receipt, file: string | undefined): string | undefined {
    if (alreadyLoaded) return undefined
    const left = rowsRejected - this.#printed.size
    if (left <= 0) return undefined
    const place =
      file !== undefined
        ? `all are in the file ${file}`
        : ledger
          ? 'see copyist.rejects in the database'
          : '--rejects FILE writes all to a file'
    return `NOTICE:  ${formatCount(left)} more ${left === 1 ? 'row was' : 'rows were'} skipped; ${place}`
  }
}

const escapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Without characters that would break the line, or tell the terminal something. */
function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (letter) => escapes[letter] ?? `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}
