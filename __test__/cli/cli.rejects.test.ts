import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatDiagnosis, formatNotice, formatReceiptDiagnosis, mostDiagnosed } from '../../lib/cli/rejects.ts'
import type { Receipt } from '../../lib/receipt.ts'
import type { Reject } from '../../lib/rejects.ts'
import { parseStatement } from '../../lib/statement/parser.ts'
import { createScratchDatabase } from '../postgres.ts'
import { copyist } from './command.ts'

let folder: string
let to: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copyist-cli-'))
  to = join(folder, 'rejects.duckdb')
  file = join(folder, 'rows.csv')
  await writeFile(file, 'id,amount\n1,1.5\nx,2\n3,N/A\n4\n5,N/A\n')
  await sql('CREATE TABLE t (id integer, amount decimal(8, 2))')
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function load(options: string, ...words: string[]) {
  return copyist({ words: ['--to', to, ...words, `COPY t FROM '${file}' (FORMAT csv, HEADER, ${options})`] })
}

const table = `rows  column  reason                                      looks like  line  for example
   2  amount  invalid input syntax for type numeric: "…"  N/A            4  N/A
      → NULL 'N/A' cures 2 of 2 looked at; an empty field would be no NULL any more
   1  id      invalid input syntax for type integer: "…"  a              3  x
   1          missing data for column "amount"                           5  4
      → FILL_MISSING_FIELDS cures 1 of 1 looked at; what is missing would be NULL
`

/** Runs SQL on the file, which nobody else has open then. */
async function sql(text: string) {
  const instance = await DuckDBInstance.create(to)
  const connection = await instance.connect()
  try {
    return (await connection.runAndReadAll(text)).getRows()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

describe('rejected rows', () => {
  test('are counted, diagnosed, and can be looked up', async () => {
    const { code, stdout, stderr } = await load('ON_ERROR skip_row')
    expect([code, stderr]).toEqual([0, ''])
    const [copy, count, place, empty, ...rest] = stdout.split('\n')
    expect(copy).toMatch(/^COPY 1 row into /)
    expect([count, empty]).toEqual(['4 of 5 rows rejected', ''])
    expect(rest.join('\n')).toBe(table)
    const [, query = ''] = /^ {2}in the database: (SELECT .*)$/.exec(place ?? '') ?? []
    const rows = await sql(query)
    expect(rows.map(([line, column]) => [Number(line), column])).toEqual([
      [3, 'id'],
      [4, 'amount'],
      [5, null],
      [6, 'amount'],
    ])
  })

  test('go to a file', async () => {
    const path = join(folder, 'bad.csv')
    const { stdout } = await load('ON_ERROR skip_row', '--rejects', path, '--no-ledger')
    expect(stdout).toContain(`\n4 of 5 rows rejected\n  in the file ${path}\n\n`)
    expect(await readFile(path, 'utf8')).toBe('id,amount\nx,2\n3,N/A\n4\n5,N/A\n')
  })

  test('that are kept nowhere', async () => {
    const { stdout } = await load('ON_ERROR skip_row', '--no-ledger')
    expect(stdout).toContain('\n4 of 5 rows rejected\n  not kept; --rejects FILE writes them to a file\n')
  })

  test('get a line each when the statement is verbose', async () => {
    const { stdout, stderr } = await load('ON_ERROR skip_row, LOG_VERBOSITY verbose')
    expect(stderr).toBe(`NOTICE:  skipping row due to data type incompatibility at line 3 for column "id": "x"
NOTICE:  skipping row due to data type incompatibility at line 4 for column "amount": "N/A"
NOTICE:  skipping row at line 5: missing data for column "amount"
NOTICE:  skipping row due to data type incompatibility at line 6 for column "amount": "N/A"
`)
    expect(stdout).toContain('4 of 5 rows rejected')
  })

  test('get no more lines than can be read', async () => {
    const stdin = new PassThrough()
    stdin.end('x\t1\n'.repeat(1500))
    const words = ['--to', to, '--no-ledger', 'COPY t FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose)']
    const { code, stderr } = await copyist({ words, stdin })
    const lines = stderr.trimEnd().split('\n')
    expect([code, lines.length]).toEqual([0, 1001])
    expect(lines.at(-1)).toBe('NOTICE:  500 more rows were skipped; --rejects FILE writes all to a file')
  })

  test('are not spoken of when the statement is silent, or the command quiet', async () => {
    const silent = await load('ON_ERROR skip_row, LOG_VERBOSITY silent')
    expect([silent.code, silent.stderr]).toEqual([0, ''])
    expect(silent.stdout).toMatch(/^COPY 1 row into .*\n$/)
    const quiet = await load('ON_ERROR skip_row, LOG_VERBOSITY verbose', '--quiet')
    expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('are in the receipt as JSON, and nowhere else', async () => {
    const { stdout, stderr } = await load('ON_ERROR skip_row, LOG_VERBOSITY verbose', '--json')
    expect([stdout.split('\n').length, stderr]).toEqual([2, ''])
    const receipt = JSON.parse(stdout) as Receipt
    expect(receipt.rowsRejected).toBe(4)
    expect(receipt.diagnosis?.map(({ column, rows }) => [column, rows])).toEqual([
      ['amount', 2],
      ['id', 1],
      [undefined, 1],
    ])
  })

  test('that are too many', async () => {
    const failed = await load('ON_ERROR skip_row, REJECT_LIMIT 3')
    expect([failed.code, failed.stdout]).toEqual([1, ''])
    expect(failed.stderr).toContain('ERROR:  skipped more than REJECT_LIMIT (3) rows')
    expect(failed.stderr.endsWith(`\n\n${table}`)).toBe(true)
    const json = await load('ON_ERROR skip_row, REJECT_LIMIT 3', '--json')
    expect(JSON.parse(json.stderr).error.diagnosis).toMatchObject([{ column: 'amount', rows: 2 }, {}, {}])
    const silent = await load('ON_ERROR skip_row, REJECT_LIMIT 3, LOG_VERBOSITY silent')
    expect(silent.stderr).not.toContain('looks like')
  })
})

describe('replaced values', () => {
  test('are counted, grouped, and can be looked up', async () => {
    const stdin = new PassThrough()
    stdin.end('1\tx\n')
    const { stdout } = await copyist({ words: ['--to', to, 'COPY t FROM STDIN (ON_ERROR set_null)'], stdin })
    expect(stdout).toContain('\n1 row loaded with NULL or a default in place of a value that did not fit\n')
    const [, query = ''] = /^ {2}in the database: (SELECT .*)$/m.exec(stdout) ?? []
    expect((await sql(query)).map(([line, ...rest]) => [Number(line), ...rest])).toEqual([[1, 'amount', 'x']])
    expect(
      stdout.endsWith(`

Replaced:
rows  column  reason                                      looks like  line  for example
   1  amount  invalid input syntax for type numeric: "…"  a              1  x
`),
    ).toBe(true)
  })

  test('get a line each when the statement is verbose', async () => {
    const stdin = new PassThrough()
    stdin.end(`x\ty\n1\t${'ä'.repeat(60)}\n`)
    const words = ['--to', to, 'COPY t FROM STDIN (ON_ERROR set_null, LOG_VERBOSITY verbose)']
    const { stderr } = await copyist({ words, stdin })
    expect(stderr).toBe(`NOTICE:  setting to null due to data type incompatibility at line 1 for column "id": "x"
NOTICE:  setting to null due to data type incompatibility at line 1 for column "amount": "y"
NOTICE:  setting to null due to data type incompatibility at line 2 for column "amount": "${'ä'.repeat(50)}..."
`)
    const many = new PassThrough()
    many.end('x\t1\n'.repeat(1500))
    const { stderr: lines } = await copyist({ words, stdin: many })
    expect(lines.trimEnd().split('\n')).toHaveLength(1001)
    expect(lines).toMatch(
      /\nNOTICE: {2}500 more rows have values that were replaced; see copyist.replaced in the database\n$/,
    )
  })
})

test('bytes that were replaced are counted', async () => {
  const stdin = new PassThrough()
  await sql('CREATE TABLE words (word text)')
  stdin.end(Buffer.from('a\xff\xfe\n', 'latin1'))
  const words = ['--to', to, 'COPY words FROM STDIN (COMPATIBLE_ILLEGAL_CHARS)']
  const { stdout } = await copyist({ words, stdin })
  expect(stdout).toContain('\n2 bytes that were no UTF-8 replaced\n')
})

test('rows that are rejected again get lines, and those that are not are counted', async () => {
  const words = ['--to', to, '--json', `COPY t FROM '${file}' (FORMAT csv, HEADER, ON_ERROR skip_row)`]
  const { id } = JSON.parse((await copyist({ words })).stdout) as Receipt
  const again = `COPY REJECTS '${id}' INTO t WITH (NULL 'N/A', LOG_VERBOSITY verbose)`
  const { stdout, stderr } = await copyist({ words: ['--to', to, again] })
  expect(stdout).toContain(`\n2 of the rows that load ${id} rejected resolved\n`)
  // The statement does not say which file that was.
  expect(
    stderr,
  ).toBe(`NOTICE:  skipping row due to data type incompatibility at line 3 of file "${file}" for column "id": "x"
NOTICE:  skipping row at line 5 of file "${file}": missing data for column "amount"
`)
})

test('the diagnosis is said to be of as many rows as it is', () => {
  const statement = (limit: string) => parseStatement(`COPY t FROM STDIN (ON_ERROR skip_row${limit})`)
  expect(mostDiagnosed(statement(''))).toBe(50_000)
  expect(mostDiagnosed(statement(''), 100_000)).toBe(100_000)
  expect(mostDiagnosed(statement(', REJECT_LIMIT 70000'), 60_000)).toBe(70_001)
  const group = { sqlState: '22P02', code: 'x', message: 'm', rows: 1, samples: [] }
  const receipt = { diagnosis: [group], rowsRejected: 100_000, rowsReplaced: 0 } as unknown as Receipt
  const report = { verbosity: 'default' as const }
  expect(formatReceiptDiagnosis(receipt, report)[1]).toBe('Of the first 50,000 rejected rows:')
  expect(formatReceiptDiagnosis(receipt, { ...report, mostDiagnosed: 100_000 })[1]).toMatch(/^rows /)
})

test('a load that was done before is not done again', async () => {
  const words = ['--to', to, `COPY t FROM '${file}' (FORMAT csv, HEADER, ON_ERROR skip_row, LOAD_KEY 'once')`]
  const first = await copyist({ words })
  expect(first.stdout).toMatch(/^COPY 1 row /)
  const again = await copyist({ words })
  expect([again.code, again.stderr]).toEqual([0, ''])
  expect(again.stdout).toMatch(
    /^nothing to do: this LOAD_KEY was loaded on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(load [0-9a-f-]{36}, 1 row into \S+\)\n$/,
  )
})

test('a record that cannot be made is a notice', async () => {
  const scratch = await createScratchDatabase()
  try {
    const { default: pg } = await import('pg')
    const client = new pg.Client({ connectionString: scratch.url })
    await client.connect()
    const role = `role_${process.pid}_${Date.now()}`
    await client.query(`CREATE TABLE t (id int); CREATE ROLE ${role}; GRANT ALL ON t TO ${role}`)
    const url = new URL(scratch.url)
    url.searchParams.set('options', `-c role=${role}`)
    const stdin = new PassThrough()
    stdin.end('1\nx\n')
    const words = ['--to', url.href, 'COPY t FROM STDIN (ON_ERROR ignore)']
    const { code, stdout, stderr } = await copyist({ words, stdin })
    await client.query(`DROP TABLE t; DROP ROLE ${role}`)
    await client.end()
    expect(code).toBe(0)
    expect(stderr).toMatch(/^NOTICE: {2}this load is not recorded: .*permission denied.*\n$/)
    expect(stdout).toContain('\n1 of 2 rows rejected\n  not kept;')
  } finally {
    await scratch.drop()
  }
})

test('of several files the one that a row is in is named', async () => {
  const part = join(folder, 'parts')
  await mkdir(part)
  await writeFile(join(part, 'a.csv'), 'id,amount\n1,2\n')
  await writeFile(join(part, 'b.csv'), 'id,amount\nx,2\n')
  const words = (verbosity: string) => [
    '--to',
    to,
    `COPY t FROM '${part}' (FORMAT csv, HEADER, ON_ERROR skip_row, LOG_VERBOSITY ${verbosity})`,
  ]
  const { stdout } = await copyist({ words: words('default') })
  expect(stdout).toContain('SELECT file, line, column_name, message FROM')
  const short = `…${join(part, 'b.csv').slice(-23)}`
  expect(stdout).toContain(`
rows  column  reason                                      looks like  file                      line  for example
   1  id      invalid input syntax for type integer: "…"  a           ${short}     2  x`)
  const { stderr } = await copyist({ words: words('verbose') })
  expect(stderr).toBe(
    `NOTICE:  skipping row due to data type incompatibility at line 2 of file "${join(part, 'b.csv')}" for column "id": "x"\n`,
  )
})

test('a file for rejects of a statement that has none is an error', async () => {
  const words = ['--to', to, '--rejects', join(folder, 'none.csv'), `COPY t FROM '${file}' CSV HEADER`]
  expect(await copyist({ words })).toEqual({
    code: 2,
    stdout: '',
    stderr: `ERROR:  option "--rejects" needs a statement that goes on after errors
HINT:  Give the statement the option ON_ERROR skip_row; by default the first error ends the load.
Try "copyist --help".
`,
  })
})

describe('texts', () => {
  const reject = (error: Partial<Reject['errors'][number]>): Reject => ({
    number: 1,
    file: 'f',
    line: 7,
    lastLine: 7,
    byteOffset: 0,
    byteLength: 0,
    errors: [{ sqlState: '22P02', code: 'c', message: 'm', ...error }],
    raw: Buffer.alloc(0),
    rawIsCut: false,
  })

  test('of a notice: one line, whatever the value', () => {
    expect(formatNotice(reject({ column: 'c', value: 'a\n\u001b[2J' }))).toBe(
      'NOTICE:  skipping row due to data type incompatibility at line 7 for column "c": "a\\n\\x1b[2J"',
    )
    expect(formatNotice(reject({ column: 'c', value: 'x'.repeat(101) }))).toMatch(/: "x{100}\.\.\."$/)
    expect(formatNotice(reject({ sqlState: '23505', message: 'duplicate key' }))).toBe(
      'NOTICE:  skipping row at line 7: duplicate key',
    )
  })

  test('of cures: what is seen, what is to be done, and what is known of it', () => {
    const group = { column: 'c', sqlState: '22P02', code: 'c', message: 'm', shape: '   ', rows: 9220, samples: [] }
    const cures = [
      { kind: 'option', reason: 'decimal comma', change: "DECIMAL_SEPARATOR ','", cured: 9214, tried: 9220 },
      { kind: 'input', change: 'decimal comma', note: 'replace it\tby a point', cured: 1, tried: 1 },
    ] as const
    expect(formatDiagnosis([{ ...group, cures }])).toEqual([
      ' rows  column  reason  looks like  line  for example',
      '9,220  c       m       (blank)',
      "       decimal comma → DECIMAL_SEPARATOR ',' cures 9,214 of 9,220 looked at",
      '       → decimal comma: replace it\\tby a point (cures 1 of 1 looked at)',
    ])
  })

  test('of a table: as wide as the terminal, and not endless', () => {
    const groups = Array.from({ length: 25 }, (_, at) => ({
      column: `column_${at}`,
      sqlState: '22P02',
      code: 'c',
      message: 'a reason that is quite long, and longer than that',
      shape: '',
      rows: 2000 - at,
      samples: [{ line: 12_345, value: '\t' }],
    }))
    const lines = formatDiagnosis(groups, 60)
    expect(lines.length).toBe(22)
    expect(Math.max(...lines.map((line) => line.length))).toBe(60)
    expect(lines.at(-1)).toBe('       and 5 other kinds of errors')
    expect(formatDiagnosis(groups)[1]).toBe(
      '2,000  column_0   a reason that is quite long, and longer than that  (empty)     12,345  \\t',
    )
  })
})
