import { CopyError } from './errors.ts'
import type { FileCounters, NativeLoad } from './native/load.ts'
import type { Input } from './native/open.ts'
import type { ReceiptCounts, ReceiptFile } from './receipt.ts'
import type { RejectLog } from './reject-log.ts'

/** What adds up from the files to the load. */
const SUMMED = [
  'rowsLoaded',
  'rowsRejected',
  'rowsConflicted',
  'rowsReplaced',
  'headerLines',
  'linesSkipped',
  'blankLines',
] as const

/** The counts of a load as they are checked. */
export type Balance = Pick<ReceiptCounts, (typeof SUMMED)[number] | 'rowsFiltered'> & {
  readonly rowsRead: number
  readonly bytesRead: number
  readonly files: readonly ReceiptFile[]
}

/** What was read of each input, and how much of it refused. */
export function filesOf(
  input: Input,
  native: NativeLoad,
  log: RejectLog,
): (ReceiptFile & Pick<ReceiptCounts, 'rowsFiltered'>)[] {
  const whole = { ...native.counters(), file: input.name }
  const each: readonly (typeof whole & Pick<FileCounters, 'etag' | 'modified'>)[] =
    input.kind === 'files' || input.kind === 'remote' ? (native.files?.() ?? []) : [whole]
  return each.map(
    (
      { file: path, bytesRead: bytes, rowsRead, rowsRefused, rowsPassedOver = 0, etag, modified, ...counters },
      index,
    ) => {
      const fields = native.fieldsOf?.(path)
      return {
        path,
        ...(etag !== undefined && { etag }),
        ...(modified !== undefined && { modified: new Date(modified).toISOString() }),
        ...(fields && { fields }),
        bytes,
        rows: rowsRead + rowsPassedOver,
        rowsFiltered: rowsPassedOver,
        rowsRejected: log.countOf(index, rowsRefused),
        rowsReplaced: counters.rowsMended + log.replacedByTarget(index),
        headerLines: counters.headerLines,
        linesSkipped: counters.linesSkipped ?? 0,
        blankLines: counters.blankLines ?? 0,
      }
    },
  )
}

/**
 * Checks, before the commit, that every row is accounted for: in the load and in each of its files, and that those make up the load.
 *
 * @throws {CopyError} XX000 when it is not so.
 */
export function checkBalance(load: Balance): void {
  check('the load', load.rowsRead, load)
  for (const file of load.files) {
    const { path, rows, rowsFiltered, rowsRejected, rowsReplaced } = file
    // Where it is not known what the target made of the others, there are no fewer than none.
    const { rowsLoaded = rows - rowsFiltered - rowsRejected, rowsConflicted = 0 } = file
    check(`file "${path}"`, rows, { rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted, rowsReplaced })
  }
  const sum = (of: (file: ReceiptFile) => number | undefined) =>
    load.files.reduce((total, file) => total + (of(file) ?? Number.NaN), 0)
  const sums = [
    ['rowsRead', sum(({ rows }) => rows), load.rowsRead],
    ['bytesRead', sum(({ bytes }) => bytes), load.bytesRead],
    ...SUMMED.map((name) => [name, sum((file) => file[name]), load[name]] as const),
  ] as const
  const wrong = sums.find(([, ofFiles, ofLoad]) => !Number.isNaN(ofFiles) && ofFiles !== ofLoad)
  if (wrong === undefined) return
  const [name, ofFiles, ofLoad] = wrong
  throw unbalanced(`the files do not make up the load: ${name} is ${ofLoad}, and ${ofFiles} of all files`)
}

function check(
  what: string,
  read: number,
  counts: Pick<ReceiptCounts, 'rowsLoaded' | 'rowsFiltered' | 'rowsRejected' | 'rowsConflicted' | 'rowsReplaced'>,
): void {
  const { rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted, rowsReplaced } = counts
  const isNegative = Math.min(rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted, rowsReplaced) < 0
  if (!isNegative && read === rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted) return
  const parts = `${rowsLoaded} loaded, ${rowsFiltered} filtered, ${rowsRejected} rejected, ${rowsConflicted} in conflict`
  throw unbalanced(`${what} does not balance: ${read} rows read, ${parts}`)
}

function unbalanced(message: string): CopyError {
  return new CopyError({
    code: 'internal_error',
    sqlState: 'XX000',
    message,
    hint: 'Nothing was loaded. This is a defect of copyist.',
  })
}
