import { CopyError } from './errors.ts'
import type { ReceiptCounts, ReceiptFile } from './receipt.ts'

/** What adds up from the files to the load. */
const SUMMED = [
  'rowsLoaded',
  'rowsFiltered',
  'rowsRejected',
  'rowsConflicted',
  'rowsReplaced',
  'headerLines',
  'linesSkipped',
  'blankLines',
] as const

/** The counts of a load as they are checked. */
export type Balance = Pick<ReceiptCounts, (typeof SUMMED)[number]> & {
  readonly rowsRead: number
  readonly bytesRead: number
  readonly files: readonly ReceiptFile[]
}

/**
 * Checks, before the commit, that every row is accounted for: in the load and in each of its files, and that those make up the load.
 *
 * @throws {CopyError} XX000 when it is not so.
 */
export function checkBalance(load: Balance): void {
  check('the load', load.rowsRead, load)
  for (const file of load.files) check(`file "${file.path}"`, file.rows, file)
  const sum = (of: (file: ReceiptFile) => number) => load.files.reduce((total, file) => total + of(file), 0)
  const sums = [
    ['rowsRead', sum(({ rows }) => rows), load.rowsRead],
    ['bytesRead', sum(({ bytes }) => bytes), load.bytesRead],
    ...SUMMED.map((name) => [name, sum((file) => file[name]), load[name]] as const),
  ] as const
  const wrong = sums.find(([, ofFiles, ofLoad]) => ofFiles !== ofLoad)
  if (wrong === undefined) return
  const [name, ofFiles, ofLoad] = wrong
  throw unbalanced(`the files do not make up the load: ${name} is ${ofLoad}, and ${ofFiles} of all files`)
}

function check(what: string, read: number, counts: ReceiptCounts): void {
  const { rowsLoaded, rowsFiltered, rowsRejected, rowsConflicted } = counts
  if (read === rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted) return
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
