import type { DiagnosisCure, DiagnosisGroup } from '../diagnosis.ts'
import type { Receipt } from '../receipt.ts'
import { MOST_KEPT, type Reject, type ReplacedRow } from '../rejects.ts'
import type { ErrorPolicy, Statement } from '../statement/ast.ts'
import { formatCount, formatRows } from './figures.ts'

/** What is to be said about rejected rows. */
export interface RejectReport {
  readonly verbosity: ErrorPolicy['verbosity']
  /** `--rejects` */
  readonly file?: string
  /** Rejected rows that the diagnosis is of at most; absent: the first {@link MOST_KEPT}. */
  readonly mostDiagnosed?: number
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
  if (statement?.kind === 'copy from') return statement.options.errors.verbosity
  if (statement?.kind !== 'copy rejects') return 'default'
  // What the original statement said of it is not known here.
  const given = statement.given.options.find(({ name }) => name === 'log_verbosity')?.argument
  const word = given?.kind === 'string' ? given.value.toLowerCase() : undefined
  return word === 'silent' || word === 'verbose' ? word : 'default'
}

/** How many rejected rows a diagnosis is of, with what the command line and the statement say of more than usual. */
export function mostDiagnosed(statement: Statement, maxRejects = 0): number {
  const limit = statement.kind === 'copy from' ? statement.options.errors.limit : undefined
  return Math.max(MOST_KEPT, maxRejects, limit?.kind === 'rows' ? limit.most + 1 : 0)
}

/** Whether rows can be rejected at all. */
export function mayReject(statement: Statement): boolean {
  if (statement.kind === 'explain') return statement.validate
  if (statement.kind !== 'copy from') return true
  const { errors, onConflict, validateOnly } = statement.options
  if (validateOnly) return true
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
    const { id, files, replacedRecorded: recorded = 0 } = receipt
    const part = recorded < rowsReplaced ? `, ${formatCount(recorded)} of them` : ''
    const select = `SELECT ${files.length > 1 ? 'file, ' : ''}line, column_name, value FROM copyist.replaced WHERE load_id = '${id}' ORDER BY row_no`
    if (recorded > 0) lines.push(`  in the database${part}: ${select}`)
  }
  const { bytesReplaced } = receipt
  if (bytesReplaced > 0) {
    lines.push(
      `${formatCount(bytesReplaced)} ${bytesReplaced === 1 ? 'byte' : 'bytes'} that ${bytesReplaced === 1 ? 'was' : 'were'} no UTF-8 replaced`,
    )
  }
  const { replayOf, rowsResolved = 0, rowsCut = 0, rowsUnrecorded = 0 } = receipt
  if (replayOf !== undefined)
    lines.push(`${formatCount(rowsResolved)} of the rows that load ${replayOf} rejected resolved`)
  if (rowsCut > 0) lines.push(`${formatRows(rowsCut)} not tried: only the beginning was recorded`)
  if (rowsUnrecorded > 0) {
    lines.push(
      `${formatRows(rowsUnrecorded)} not tried: that load did not record all it rejected; the rest is in its input`,
    )
  }
  return lines
}

/** What is refused again stays with the load that refused it first. */
function query({ id, replayOf, files }: Receipt): string {
  return `SELECT ${files.length > 1 ? 'file, ' : ''}line, column_name, message FROM copyist.rejects WHERE load_id = '${replayOf ?? id}' ORDER BY reject_no`
}

/** What was wrong with rejected rows as a table, the most frequent first, with what would cure it below each line. */
export function formatDiagnosis(groups: readonly DiagnosisGroup[], width = Number.POSITIVE_INFINITY): string[] {
  const shown = groups.slice(0, mostGroups)
  const hasFiles = shown.some(({ samples: [sample] }) => sample?.file !== undefined)
  const heading = ['rows', 'column', 'reason', 'looks like', ...(hasFiles ? ['file'] : []), 'line', 'for example']
  const rows = shown.map(({ column = '', message, shape, rows: count, samples: [sample] }) => [
    formatCount(count),
    shorten(printable(column), columnWidth),
    shorten(printable(message), reasonWidth),
    shape === ''
      ? '(empty)'
      : shape !== undefined && shape.trim() === ''
        ? '(blank)'
        : shorten(printable(shape ?? ''), columnWidth),
    ...(hasFiles ? [lastOf(printable(sample?.file ?? ''), columnWidth)] : []),
    sample === undefined ? '' : formatCount(sample.line),
    sample === undefined ? '' : printable(sample.value),
  ])
  const widths = heading.map((_, at) => Math.max(...[heading, ...rows].map((cells) => cells[at]?.length ?? 0)))
  const format = (cells: readonly string[]) => {
    const padded = cells.map((cell, at) => {
      const size = widths[at] ?? 0
      // Numbers to the right; nothing follows the last column.
      if (at === 0 || at === cells.length - 2) return cell.padStart(size)
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

/** The tables of a receipt, where there are any to be shown. */
export function formatReceiptDiagnosis(receipt: Receipt, report: RejectReport): string[] {
  const { diagnosis = [], replaced = [], rowsRejected, rowsReplaced } = receipt
  const { verbosity, file, width, mostDiagnosed: most = MOST_KEPT } = report
  if (verbosity === 'silent') return []
  const isPart = (rows: number) => rows > most && file === undefined && verbosity !== 'verbose'
  const lines: string[] = []
  if (diagnosis.length > 0) {
    const heading = isPart(rowsRejected) ? [`Of the first ${formatCount(most)} rejected rows:`] : []
    lines.push('', ...heading, ...formatDiagnosis(diagnosis, width))
  }
  if (replaced.length > 0) {
    const heading = isPart(rowsReplaced) ? `Replaced in the first ${formatCount(most)} of those rows:` : 'Replaced:'
    lines.push('', heading, ...formatDiagnosis(replaced, width))
  }
  return lines
}

/** What PostgreSQL says of a row that it skips; `input` is what the statement reads, beside which one of its several files is named. */
export function formatNotice({ file, lastLine, errors: [error] }: Reject, input = file): string {
  const line = placeOf(lastLine, file, input)
  if (error === undefined) return `NOTICE:  skipping row at line ${line}`
  const { column, value, sqlState, message } = error
  if (column === undefined || value === undefined || !sqlState.startsWith('22')) {
    return `NOTICE:  skipping row at line ${line}: ${printable(message)}`
  }
  return incompatible('skipping row', line, column, value)
}

/** What PostgreSQL 19 says of values that it sets to null. */
export function formatReplacements({ file, lastLine, values }: ReplacedRow, input = file): string[] {
  const line = placeOf(lastLine, file, input)
  return values.map(({ column, value = '', replacement }) =>
    incompatible(`setting to ${replacement}`, line, column, value),
  )
}

function placeOf(line: number, file: string, input: string): string {
  return file === input ? String(line) : `${line} of file "${printable(file)}"`
}

function incompatible(what: string, line: string, column: string, value: string): string {
  return `NOTICE:  ${what} due to data type incompatibility at line ${line} for column "${printable(column)}": "${printable(shownOf(value))}"`
}

/** PostgreSQL counts bytes, and cuts no character. */
function shownOf(value: string): string {
  const bytes = Buffer.from(value)
  if (bytes.length <= mostShown) return value
  let end = mostShown
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return `${bytes.toString('utf8', 0, end)}...`
}

/** Prints a line for each rejected row, and for each replaced value, up to a number of rows. */
export class Notices {
  readonly #print: (line: string) => void
  readonly #input: string | undefined
  /** Places of the rows that were printed: a statement that starts over tells of them once more. */
  readonly #printed = new Set<string>()
  readonly #printedReplaced = new Set<string>()

  /** @param input What the statement reads; absent: not known. */
  constructor(print: (line: string) => void, input?: string) {
    this.#print = print
    this.#input = input
  }

  readonly take = (reject: Reject): void => {
    if (this.#note(this.#printed, reject)) this.#print(formatNotice(reject, this.#inputOf(reject)))
  }

  readonly takeReplaced = (row: ReplacedRow): void => {
    if (!this.#note(this.#printedReplaced, row)) return
    for (const line of formatReplacements(row, this.#inputOf(row))) this.#print(line)
  }

  /** Of the rows of an earlier load it is not known what that load read. */
  #inputOf({ file }: Reject | ReplacedRow): string {
    return this.#input ?? (file === 'STDIN' ? file : '')
  }

  /** Whether a row is to be printed. */
  #note(printed: Set<string>, { byteOffset, line, file }: Reject | ReplacedRow): boolean {
    const place = `${byteOffset} ${line} ${file}`
    if (this.#printed.size + this.#printedReplaced.size >= mostNotices || printed.has(place)) return false
    printed.add(place)
    return true
  }

  /** What is to be said of those that were not printed. */
  rest(receipt: Receipt, file: string | undefined): string[] {
    if (receipt.alreadyLoaded) return []
    return [this.#restOfRejected(receipt, file), this.#restOfReplaced(receipt)].filter((line) => line !== undefined)
  }

  #restOfReplaced({ rowsReplaced, replacedRecorded = 0 }: Receipt): string | undefined {
    const left = rowsReplaced - this.#printedReplaced.size
    if (left <= 0) return undefined
    const place = replacedRecorded > 0 ? '; see copyist.replaced in the database' : ''
    return `NOTICE:  ${formatCount(left)} more ${left === 1 ? 'row has' : 'rows have'} values that were replaced${place}`
  }

  #restOfRejected({ rowsRejected, ledger }: Receipt, file: string | undefined): string | undefined {
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

/** The end of a path tells more than its beginning. */
function lastOf(text: string, width: number): string {
  return text.length <= width ? text : `…${text.slice(1 - width)}`
}

function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}
