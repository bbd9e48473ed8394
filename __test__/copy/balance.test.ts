import { expect, test } from 'vitest'
import { type Balance, checkBalance } from '../../lib/balance.ts'

const none = { rowsFiltered: 0, rowsConflicted: 0, rowsReplaced: 0, headerLines: 1, linesSkipped: 0, blankLines: 0 }
/** What is known of a file where the target holds rows back. */
const { rowsConflicted: _, ...refused } = none
const one = { path: 'one.csv', bytes: 10, rows: 5, ...none, rowsLoaded: 3, rowsRejected: 2 }
const two = {
  path: 'two.csv',
  bytes: 20,
  rows: 4,
  ...none,
  rowsLoaded: 2,
  rowsRejected: 0,
  rowsFiltered: 1,
  rowsConflicted: 1,
}
const load: Balance = {
  ...none,
  rowsRead: 9,
  bytesRead: 30,
  rowsLoaded: 5,
  rowsRejected: 2,
  rowsFiltered: 1,
  rowsConflicted: 1,
  headerLines: 2,
  files: [one, two],
}

test('a load balances when it and each of its files do, and they make it up', () => {
  expect(() => checkBalance(load)).not.toThrow()
  const wrong: [Balance, string][] = [
    [
      { ...load, rowsRead: 10 },
      'the load does not balance: 10 rows read, 5 loaded, 1 filtered, 2 rejected, 1 in conflict',
    ],
    [{ ...load, files: [one, { ...two, rows: 5 }] }, 'file "two.csv" does not balance: 5 rows read'],
    [{ ...load, files: [one] }, 'the files do not make up the load: rowsRead is 9, and 5 of all files'],
    // What one file has too many, another has too few.
    [
      {
        ...load,
        files: [
          { ...one, rows: 4, rowsLoaded: 2 },
          { ...two, rows: 5 },
        ],
      },
      'file "two.csv"',
    ],
    // More refused of a file than it had, whatever another lacks.
    [
      { ...load, rowsRejected: 6, rowsLoaded: 1, files: [{ ...one, rowsLoaded: -1, rowsRejected: 6 }, two] },
      'file "one.csv" does not balance: 5 rows read, -1 loaded, 0 filtered, 6 rejected',
    ],
    [{ ...load, files: [{ path: 'one.csv', bytes: 10, rows: 5, ...refused, rowsRejected: 6 }, two] }, 'file "one.csv"'],
    [{ ...load, rowsLoaded: -2, rowsRejected: 9 }, 'the load does not balance'],
    [{ ...load, bytesRead: 31 }, 'bytesRead is 31, and 30 of all files'],
    [{ ...load, headerLines: 1 }, 'headerLines is 1, and 2 of all files'],
    [{ ...load, rowsReplaced: 1 }, 'rowsReplaced is 1, and 0 of all files'],
  ]
  for (const [balance, message] of wrong) {
    expect(() => checkBalance(balance)).toThrow(expect.objectContaining({ sqlState: 'XX000' }))
    expect(() => checkBalance(balance)).toThrow(message)
  }
})
