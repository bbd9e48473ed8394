import { describe, expect, test } from 'vitest'
import { UsageError } from '../../lib/cli/args.ts'
import { formatBytes, formatDuration, formatRate, formatRows } from '../../lib/cli/figures.ts'
import { renderHelp } from '../../lib/cli/help.ts'
import { exitCodeOf, formatError, formatErrorJson, formatReceipt } from '../../lib/cli/report.ts'
import { CopyError } from '../../lib/errors.ts'
import type { Receipt } from '../../lib/receipt.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

const counts = {
  rowsLoaded: 3376,
  rowsFiltered: 0,
  rowsRejected: 0,
  rowsConflicted: 0,
  rowsReplaced: 0,
  headerLines: 1,
  linesSkipped: 0,
  blankLines: 0,
}

const receipt: Receipt = {
  id: '6f1f2c1e-6a43-4f6f-9c0e-0d9e6c0f3a11',
  statement: "COPY airports FROM 'airports.csv' CSV HEADER",
  target: 'duckdb',
  table: 'airports',
  columns: ['iata', 'name'],
  rowsRead: 3376,
  ...counts,
  bytesReplaced: 0,
  bytesRead: 210_365,
  elapsedMs: 12.01,
  files: [{ path: 'airports.csv', bytes: 210_365, rows: 3376, ...counts }],
  ledger: false,
  transport: 'vectors',
  threads: 2,
  instructionSet: 'avx2',
}

describe('the receipt', () => {
  test('in one line', () => {
    expect(formatReceipt(receipt)).toBe('COPY 3,376 rows into airports (210 KB, 12 ms, 281,000 rows/s)')
  })

  test('of one row, and of none', () => {
    expect(formatReceipt({ ...receipt, rowsRead: 1, rowsLoaded: 1, bytesRead: 9, elapsedMs: 2000 })).toBe(
      'COPY 1 row into airports (9 B, 2 s, 0.5 rows/s)',
    )
    expect(formatReceipt({ ...receipt, rowsRead: 0, rowsLoaded: 0, bytesRead: 0, elapsedMs: 0 })).toBe(
      'COPY 0 rows into airports (0 B, 1 ms, 0 rows/s)',
    )
  })

  test('with everything there is to say', () => {
    const createdTable = 'CREATE TABLE airports (\n  iata VARCHAR\n)'
    expect(formatReceipt({ ...receipt, rowsLoaded: 3375, rowsFiltered: 1, createdTable }, 'copyist.duckdb')).toBe(
      `COPY 3,375 rows into airports (210 KB, 12 ms, 281,000 rows/s)
1 row of 3,376 read held back by WHERE, WHEN, a trigger or a rule
The database is copyist.duckdb.

CREATE TABLE airports (
  iata VARCHAR
);`,
    )
  })
})

describe('figures', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KB'],
    [1_234_567, '1.23 MB'],
    [999_999, '1 MB'],
    [72_000_000_000, '72 GB'],
  ])('%d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  test.each([
    [0, '1 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [3450, '3.45 s'],
    [59_960, '1 min 0 s'],
    [125_000, '2 min 5 s'],
    [3_725_000, '1 h 2 min'],
  ])('%d milliseconds', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text)
  })

  test('rows and rates', () => {
    expect([formatRows(1), formatRows(1_000_000)]).toEqual(['1 row', '1,000,000 rows'])
    expect([formatRate(1_234_567), formatRate(Number.NaN)]).toEqual(['1,230,000 rows/s', '0 rows/s'])
  })
})

describe('errors', () => {
  const dataError = new CopyError({
    code: 'invalid_text_representation',
    sqlState: '22P02',
    message: 'invalid input syntax for type integer: "abc"',
    context: 'COPY weather, line 5, column temp: "abc"',
    position: { file: 'w.csv', line: 5, byteOffset: 80, column: 'temp' },
  })

  function statementError(statement: string): unknown {
    try {
      return parseCopy(statement)
    } catch (error) {
      return error
    }
  }

  test('exit codes', () => {
    expect(exitCodeOf(new UsageError('x'))).toBe(2)
    for (const statement of [
      '',
      'COPY t TO STDOUT',
      "COPY t FROM STDIN (QUOTE 'ab')",
      "COPY t FROM E'\\u1'",
      "COPY t FROM '\0'",
    ]) {
      expect(exitCodeOf(statementError(statement))).toBe(2)
    }
    expect(exitCodeOf(dataError)).toBe(1)
    expect(exitCodeOf(new Error('x'))).toBe(1)
    const missing = {
      code: 'undefined_table',
      sqlState: '42P01',
      message: 'm',
      statement: { text: 'COPY t', offset: 5 },
    }
    expect(exitCodeOf(new CopyError(missing))).toBe(1)
  })

  test('as text', () => {
    expect(formatError(new UsageError('the statement is missing'))).toBe(
      'ERROR:  the statement is missing\nTry "copyist --help".',
    )
    expect(formatError(new AggregateError([new Error('refused 1'), new Error('refused 2')]))).toBe(
      'ERROR:  refused 1; refused 2',
    )
  })

  test('as JSON', () => {
    expect(JSON.parse(formatErrorJson(dataError))).toEqual({
      error: {
        code: 'invalid_text_representation',
        sqlState: '22P02',
        message: 'invalid input syntax for type integer: "abc"',
        context: 'COPY weather, line 5, column temp: "abc"',
        position: { file: 'w.csv', line: 5, byteOffset: 80, column: 'temp' },
      },
    })
    expect(JSON.parse(formatErrorJson(statementError('COPY t FROM')))).toMatchObject({
      error: { sqlState: '42601', offset: 11 },
    })
    expect(JSON.parse(formatErrorJson(new UsageError('m', 'h')))).toEqual({
      error: { code: 'usage', message: 'm', hint: 'h' },
    })
    expect(formatErrorJson(dataError)).not.toContain('\n')
  })

  test('as JSON whose field names stay even when a password is one of them', () => {
    const hide = (text: string) => text.replaceAll('error', '***')
    expect(formatErrorJson(new UsageError('an error'), hide)).toBe('{"error":{"code":"usage","message":"an ***"}}')
  })
})

test('the help fits the terminal and names every option of COPY', () => {
  const help = renderHelp(80)
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(90)
  for (const name of ['FORMAT', 'DELIMITER', 'FORCE_NOT_NULL', 'CREATE_TABLE']) expect(help).toContain(`\n  ${name} `)
  expect(help).not.toContain('FORCE_QUOTE')
})
