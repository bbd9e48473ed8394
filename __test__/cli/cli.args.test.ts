import { describe, expect, test } from 'vitest'
import { parseArguments, UsageError, wantsJson } from '../../lib/cli/args.ts'

const statement = "COPY t FROM 'f'"

function complaint(...words: string[]): readonly [message: string, hint: string | undefined] {
  try {
    parseArguments(words)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return [error.message, error.hint]
  }
  throw new Error(`accepted: ${words.join(' ')}`)
}

test('a statement alone', () => {
  expect(parseArguments([statement])).toEqual({
    kind: 'copy',
    statement: { text: statement },
    json: false,
    quiet: false,
  })
})

test('every option', () => {
  const words = [
    '--to',
    'a.duckdb',
    '--create',
    '--json',
    '-q',
    '--threads=2',
    '--memory-limit',
    '64MB',
    '--file',
    'f.sql',
    '--rejects',
    'bad.csv',
    '--ledger',
  ]
  expect(parseArguments(words)).toEqual({
    kind: 'copy',
    statement: { file: 'f.sql' },
    to: 'a.duckdb',
    createTable: true,
    json: true,
    quiet: true,
    threads: 2,
    memoryLimit: 64 * 1024 * 1024,
    rejects: 'bad.csv',
    ledger: true,
  })
  expect(parseArguments(['--ledger-retention', '0.5', statement])).toMatchObject({ retentionDays: 0.5 })
  expect(complaint('--ledger-retention', '0', statement)[1]).toBe('It takes a number of days above 0, such as 30.')
  expect(parseArguments(['--config', 'c.json', statement])).toMatchObject({ config: 'c.json' })
  const limits = ['--max-rejects', '0', '--max-reject-bytes', '64kB', statement]
  expect(parseArguments(limits)).toMatchObject({ maxRejects: 0, maxRejectBytes: 65_536 })
  expect(complaint('--max-rejects', '-1', statement)[0]).toMatch(/--max-rejects/)
  expect(complaint('--max-rejects', '10000001', statement)[1]).toBe('It takes a whole number from 0 to 10000000.')
  expect(complaint('--max-reject-bytes', '1GB', statement)[1]).toBe('It takes a size from 0 to 512MB, such as 64kB.')
  expect(parseArguments(['--no-create', statement])).toMatchObject({ createTable: false })
  expect(parseArguments(['--no-ledger', statement])).toMatchObject({ ledger: false })
})

test('help and version need no statement', () => {
  expect(parseArguments(['-h'])).toEqual({ kind: 'help' })
  expect(parseArguments(['--version'])).toEqual({ kind: 'version' })
})

test('words after -- are no options', () => {
  expect(parseArguments(['--', '--json'])).toMatchObject({ statement: { text: '--json' }, json: false })
  expect(wantsJson(['--', '--json'])).toBe(false)
  expect(wantsJson(['--frobnicate', '--json'])).toBe(true)
})

describe('sizes', () => {
  test.each([
    ['1048576', 1_048_576],
    ['1MB', 1_048_576],
    ['1.5 GiB', 1_610_612_736],
    ['2048k', 2_097_152],
    ['1TB', 1_099_511_627_776],
  ])('%s', (text, bytes) => {
    expect(parseArguments(['--memory-limit', text, statement])).toMatchObject({ memoryLimit: bytes })
  })

  test.each(['', 'MB', '64XB', '-1MB', '1KB', '0', '1e9', '64MB64', '99999999TB'])('%j is refused', (text) => {
    expect(complaint(`--memory-limit=${text}`, statement)).toEqual([
      `invalid value for option "--memory-limit": "${text}"`,
      'It takes a size of at least 1MB, such as 64MB or 2GB.',
    ])
  })
})

describe('what is wrong is said', () => {
  test.each([
    [[], 'the statement is missing', undefined],
    [
      ['COPY', 't', 'FROM', 'f'],
      'one statement is expected, but 4 arguments are given',
      'Put the whole statement in double quotes.',
    ],
    [[statement, statement], 'one statement is expected, but 2 arguments are given', undefined],
    [[statement, '--file', 'f'], 'a statement and --file cannot be given together', undefined],
    [['--tu', 'x', statement], 'unknown option "--tu"', undefined],
    [['--thread', '2', statement], 'unknown option "--thread"', 'Did you mean "--threads"?'],
    [['-x', statement], 'unknown option "-x"', undefined],
    [[statement, '--to'], 'option "--to" needs a value', undefined],
    [[statement, '--to='], 'option "--to" needs a value', undefined],
    [['--to', '--json', statement], 'option "--to" needs a value', undefined],
    [['--to', statement], 'option "--to" needs a value', 'What follows it is the statement.'],
    [['--json', '--threads', statement], 'option "--threads" needs a value', 'What follows it is the statement.'],
    [['--memory-limit', statement], 'option "--memory-limit" needs a value', 'What follows it is the statement.'],
    [['-f', ` copy t\nFROM 'f'`], 'option "--file" needs a value', 'What follows it is the statement.'],
    [['--threads', '--to', 'x', statement], 'option "--threads" needs a value', undefined],
    [['--json=yes', statement], 'option "--json" takes no value', undefined],
    [
      ['--threads', '0', statement],
      'invalid value for option "--threads": "0"',
      'It takes a whole number from 1 to 64.',
    ],
    [
      ['--threads', '1.5', statement],
      'invalid value for option "--threads": "1.5"',
      'It takes a whole number from 1 to 64.',
    ],
    [['--create', '--no-create', statement], '--create and --no-create contradict each other', undefined],
    [['--ledger', '--no-ledger', statement], '--ledger and --no-ledger contradict each other', undefined],
  ] as const)('%j', (words, message, hint) => {
    expect(complaint(...words)).toEqual([message, hint])
  })
})
