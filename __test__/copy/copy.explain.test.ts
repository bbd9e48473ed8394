import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CopyError, connect, type Explanation, type Reject } from '../../lib/index.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-explain-')
const { file } = folder

/** All that there is in a database, temporary tables and schemas included. */
async function inventory(bench: Bench): Promise<unknown> {
  return bench.url === undefined
    ? await bench.sql(
        `SELECT schema_name, table_name, estimated_size FROM duckdb_tables()
         UNION ALL SELECT schema_name, database_name, 0 FROM duckdb_schemas() ORDER BY ALL`,
      )
    : await bench.sql(
        `SELECT nspname::text, relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE nspname !~ '^pg_(catalog|toast)|information_schema'
         UNION ALL SELECT nspname, '' FROM pg_namespace WHERE nspname !~ '^pg_toast' ORDER BY 1, 2`,
      )
}

function columnsOf({ columns }: Explanation) {
  return columns?.map(({ name, isLoaded, from, decodedBy }) => [name, isLoaded, from, decodedBy])
}

async function errorOf(promise: Promise<unknown>): Promise<CopyError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(CopyError)
  return error as CopyError
}

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  let before: unknown
  beforeAll(async () => {
    bench = await open()
  })
  afterAll(async () => {
    await bench?.close()
  })
  beforeEach(async () => {
    const generated = name === 'postgres' ? 'STORED' : ''
    await bench.sql(
      `CREATE TABLE t (id int PRIMARY KEY, note text, day date NOT NULL, rest text DEFAULT 'x', ratio float8,
         twice int GENERATED ALWAYS AS (id * 2) ${generated})`,
    )
    before = await inventory(bench)
  })
  afterEach(async () => {
    expect(await inventory(bench)).toEqual(before)
    await bench.sql('DROP TABLE t')
  })

  test('tells where the values of each column come from, and what only the load finds out', async () => {
    const file = folder.file('map.csv', '7;x;2024-01-31\n')
    const explanation = await bench.db.explain(
      `EXPLAIN COPY t (id, note, day) FROM '${file}' (FORMAT csv, DELIMITER ';', DATE_FORMAT 'YYYY-MM-DD', CONSTANT (note 'n'), ON_ERROR skip_row)`,
    )
    expect(explanation).toMatchObject({
      validated: false,
      target: name,
      dialect: { name: 'gaussdb', found: 'words' },
      input: { name: file, kind: 'file', bytes: 15, compression: 'none', read: 'nothing' },
      table: { exists: true },
      load: {
        transport: name === 'postgres' ? 'binary' : 'vectors',
        transaction: 'its own',
        tiles: 1,
        errors: { conversion: 'skip_row', structure: 'skip_row', constraint: 'skip_row' },
      },
    })
    expect(explanation.failure).toBeUndefined()
    expect(explanation.validation).toBeUndefined()
    expect(columnsOf(explanation)).toEqual([
      ['id', true, { kind: 'field', number: 1, name: 'id' }, 'copyist'],
      ['day', true, { kind: 'field', number: 2, name: 'day' }, 'copyist'],
      ['note', true, { kind: 'constant', value: 'n' }, undefined],
      ['rest', false, { kind: 'default' }, undefined],
      ['ratio', false, { kind: 'null' }, undefined],
      ['twice', false, { kind: 'generated' }, undefined],
    ])
    expect(explanation.columns?.[1]?.conversions).toEqual(["dates by 'YYYY-MM-DD' (to_char)"])
    const options = explanation.options.map(({ option, value, origin }) => `${option} ${value}: ${origin}`)
    expect(options).toContain("DELIMITER ';': given")
    expect(options).toContain("NULL '': default")
    expect(options).toContain('DIALECT gaussdb: dialect')
    expect(explanation.unchecked.join()).toMatch(/unique/)
    expect(explanation.load?.errors.judgedBy).toMatch(name === 'postgres' ? /savepoint/ : /window/)
  })

  test('says who refuses rows of a table that can refuse none', async () => {
    await bench.sql('CREATE TABLE plain (a int)')
    const tolerant = await bench.db.explain('COPY plain FROM STDIN (ON_ERROR skip_row)')
    const strict = await bench.db.explain('COPY plain FROM STDIN')
    await bench.sql('DROP TABLE plain')
    expect(tolerant.load?.errors).toMatchObject({
      constraint: 'skip_row',
      judgedBy: expect.stringMatching(/^nothing in the table refuses a row/),
    })
    expect(strict.load?.errors.judgedBy).toBe('a row that the database refuses ends the load, and nothing is loaded')
  })

  test('says how the input is compressed', async () => {
    const text = '7,x,2024-01-31\n'
    const file = (name: string, content: string | Buffer) => folder.file(name, content)
    const [plain, packed] = [file('plain.gz', text), file('packed', gzipSync(text))]
    const brotli = file('named.br', brotliCompressSync(text))
    for (const [from, options, compression] of [
      [plain, '', 'none'],
      [packed, '', 'gzip'],
      [brotli, '', 'brotli'],
      [packed, ", COMPRESSION 'zstd'", 'zstd'],
      [folder.path, `, FILES = ['packed', 'packed']`, 'gzip'],
      [folder.path, `, FILES = ['packed', 'plain.gz']`, undefined],
    ] as const) {
      const { input } = await bench.db.explain(`COPY t (id, note, day) FROM '${from}' (FORMAT csv${options})`)
      expect([from, options, input?.compression]).toEqual([from, options, compression])
    }
    // Of a stream it is known where it was read.
    const { input } = await bench.db.explain('COPY fresh FROM STDIN (FORMAT csv, CREATE_TABLE)', {
      stdin: gzipSync(text),
    })
    expect(input).toMatchObject({ compression: 'gzip', read: 'all' })
  })

  test('leaves a stream that it need not read as it is', async () => {
    const stdin = Readable.from([Buffer.from('1\tx\t2024-01-31\n')])
    const statement = 'COPY t (id, note, day) FROM STDIN'
    const { input, failure } = await bench.db.explain(statement, { stdin })
    expect(input).toEqual({ name: 'STDIN', kind: 'stream', read: 'nothing' })
    expect(failure).toBeUndefined()
    // It need not even be there.
    expect((await bench.db.explain(statement)).failure).toBeUndefined()
    expect((await bench.db.copy(statement, { stdin })).rowsLoaded).toBe(1)
    await bench.sql('DELETE FROM t')
    before = await inventory(bench)
  })

  test('reads no more of a stream than its header, where fields are found by name', async () => {
    let reads = 0
    const stdin = (async function* () {
      for (reads = 1; ; reads += 1) yield Buffer.from(reads === 1 ? 'day,other,id\n' : '2024-01-31,x,1\n')
    })()
    const explanation = await bench.db.explain('EXPLAIN COPY t FROM STDIN (FORMAT csv, HEADER, MAP BY NAME)', { stdin })
    expect(explanation.failure).toBeUndefined()
    expect(explanation.input?.read).toBe('the beginning')
    expect(columnsOf(explanation)).toEqual([
      ['id', true, { kind: 'field', number: 3, name: 'id' }, 'copyist'],
      ['day', true, { kind: 'field', number: 1, name: 'day' }, 'copyist'],
      ['note', false, { kind: 'null' }, undefined],
      ['rest', false, { kind: 'default' }, undefined],
      ['ratio', false, { kind: 'null' }, undefined],
      ['twice', false, { kind: 'generated' }, undefined],
      ['other', false, { kind: 'field', number: 2, name: 'other' }, undefined],
    ])
    expect(reads).toBe(1)
  })

  test('a table that would be made: its columns, and the values that ruled out narrower types', async () => {
    const lines = [
      'n,big,dec,long,day,at,zone,word,mixed,zip,none,flag,id',
      '1,1,1,1.5,2024-01-31,2024-01-31,2024-01-31 10:00Z,1,12,1,,true,00000000-0000-0000-0000-000000000000',
      '2,9223372036854775808,2.5,0.1234567890123456,2024-01-31,2024-01-31T10:00,2024-01-31 10:00+02,"a\nb",2024-01-31,00501,,FALSE,00000000-0000-0000-0000-000000000001',
    ]
    const file = folder.file('made.csv', `${lines.join('\n')}\n`)
    const statement = `EXPLAIN COPY made FROM '${file}' (FORMAT csv, HEADER)`
    expect((await bench.db.explain(statement)).failure).toMatchObject({ sqlState: '42P01' })
    const { columns, table, input, failure, unchecked } = await bench.db.explain(statement, { createTable: true })
    expect(failure).toBeUndefined()
    expect(input).toMatchObject({ kind: 'file', read: 'all' })
    expect(table).toMatchObject({ name: 'made', exists: false })
    expect(table?.ddl).toMatch(/^CREATE TABLE made \(\n {2}n bigint,\n/i)
    expect(columns?.map(({ name: column, detected }) => [column, detected])).toEqual([
      ['n', 'all values of 2 rows are whole numbers within bigint'],
      ['big', "line 3: '9223372036854775808' is beyond bigint"],
      ['dec', "line 3: '2.5' is no whole number"],
      ['long', "line 3: '0.1234567890123456' has more than the 15 digits that double precision keeps"],
      ['day', 'all values of 2 rows are dates'],
      ['at', "line 3: '2024-01-31T10:00' is no date alone"],
      ['zone', 'all values of 2 rows are timestamps with a time zone'],
      ['word', "line 3: 'a\nb' is no number, as the first value is"],
      ['mixed', "line 3: '2024-01-31' is no number, as the first value is"],
      ['zip', "line 3: '00501' would lose characters as a number"],
      ['none', 'no value at all'],
      ['flag', 'all values of 2 rows are true or false'],
      ['id', 'all values of 2 rows are uuids'],
    ])
    expect(unchecked).toEqual(['the permission to write'])
    // The types are those of the table that a load makes.
    await bench.db.copy(statement.replace('EXPLAIN ', ''), { createTable: true })
    const made = await bench.db.explain(statement)
    await bench.sql('DROP TABLE made')
    expect(made.columns?.map(({ type }) => type)).toEqual(columns?.map(({ type }) => type))
  })

  test('VALIDATE reads all of a stream for a table that would be made', async () => {
    const stdin = ['a,b\n1,x\n', '2,y\n']
    const statement = 'EXPLAIN VALIDATE COPY made FROM STDIN (FORMAT csv, HEADER, CREATE_TABLE)'
    const { validation, input, failure } = await bench.db.explain(statement, { stdin })
    expect(failure).toBeUndefined()
    expect(validation).toMatchObject({ rowsRead: 2, rowsValidated: 2, rowsRejected: 0 })
    expect(input).toMatchObject({ kind: 'stream', bytes: 12, read: 'all' })
  })

  const bad = 'id,note,day\n1,a,2024-01-31\nx,b,2024-01-31\n2,c\n3,d,\n4,e,2024-02-30\n5,f,2024-01-31\n'

  test.each([
    ['the first error', ''],
    ['a value and then a record', 'ON_ERROR ignore'],
    ['a limit of rows', 'ON_ERROR skip_row, REJECT_LIMIT 2'],
    ['a share of the rows', "ON_ERROR skip_row, REJECT_LIMIT '50%'"],
    ['one too many for MAXERROR', "MAXERROR 3, NULL ''"],
    ['a NULL in place of a value', 'ON_ERROR set_null'],
    ['what LOG ERRORS does not tolerate', "LOG ERRORS REJECT LIMIT 'unlimited'"],
    ['the names in the header', 'HEADER match'],
  ])('VALIDATE counts all rows with errors, and fails as the load does: %s', async (_, options) => {
    const file = folder.file('bad.csv', bad)
    const header = options.startsWith('HEADER') ? '' : 'HEADER, '
    const columns = options.startsWith('HEADER') ? '(id, day, note)' : '(id, note, day)'
    const isWords = options.startsWith('LOG')
    const list = [options === '' || isWords ? 'SKIP 0' : options]
    const statement = `COPY t ${columns} FROM '${file}' ${isWords ? options : ''} (FORMAT csv, ${header}${list})`
    const rejects: Reject[] = []
    const call = { onReject: (reject: Reject) => rejects.push(reject) }
    const explanation = await bench.db.explain(`EXPLAIN VALIDATE ${statement}`, call)
    const error = await errorOf(bench.db.copy(statement, { ledger: false }))
    // What a constraint refuses each database says in words of its own.
    const fields = ({ sqlState, code, message, position: { file: input, line } }: CopyError) => {
      return { sqlState, code, message: sqlState.startsWith('23') ? '' : message, input, line }
    }
    expect(fields(explanation.failure as CopyError)).toEqual(fields(error))
    if (error.context !== undefined && !error.sqlState.startsWith('23')) {
      expect(explanation.failure?.context).toBe(error.context)
    }
    if (options === 'HEADER match') return
    const refused = [3, 4, 5, 6]
    expect(rejects.map(({ line }) => line)).toEqual(refused)
    expect(explanation.validation).toMatchObject({
      rowsRead: 6,
      rowsRejected: refused.length,
      rowsValidated: 6 - refused.length,
      headerLines: 1,
    })
    expect(explanation.validation?.diagnosis?.map(({ message }) => message).join()).toMatch(/missing data/)
    expect(explanation.input).toMatchObject({ bytes: bad.length, read: 'all' })
  })

  test('VALIDATE comes to what the load comes to', async () => {
    await bench.sql('CREATE TABLE quoted (a text, b text)')
    await bench.sql('CREATE TABLE dated (id integer, day date)')
    // Quotes that reading after an error would stop at, and a load does not.
    const span = file('span.csv', '1,5\n2,x"y\nz"w\n')
    const statements: readonly (readonly [statement: string, stdin: string | undefined])[] = [
      [`COPY quoted FROM '${span}' (FORMAT csv)`, undefined],
      ['COPY quoted FROM STDIN (FORMAT csv)', '1,5\n2,x"y\nz"w\n'],
      ['COPY dated FROM STDIN (FORMAT csv, ACCEPT_ANY_DATE)', '1,31.31.2024\n2,2024-01-02\n'],
    ]
    for (const [statement, stdin] of statements) {
      const call = stdin === undefined ? {} : { stdin }
      const { failure, validation } = await bench.db.explain(`EXPLAIN VALIDATE ${statement}`, call)
      expect(failure).toBeUndefined()
      expect(validation).toMatchObject({ rowsRead: 2, rowsValidated: 2, rowsRejected: 0 })
      expect(await bench.db.copy(statement, call)).toMatchObject({ rowsLoaded: 2 })
    }
    const broken = file('broken.csv', '1,5\n2,x"y\nz,w\n3\n')
    const strict = `COPY quoted FROM '${broken}' (FORMAT csv)`
    const { failure, validation } = await bench.db.explain(`EXPLAIN VALIDATE ${strict}`)
    const error = await bench.db.copy(strict).catch((reason: unknown) => reason as CopyError)
    expect(failure).toMatchObject({ message: (error as CopyError).message, context: (error as CopyError).context })
    expect(validation).toMatchObject({ rowsRead: 4, rowsRejected: 2 })
    await bench.sql('DROP TABLE quoted')
    await bench.sql('DROP TABLE dated')
  })

  test('VALIDATE empties the file of rejects, whatever comes of it', async () => {
    for (const [stdin, left] of [
      ['1,a,2024-01-02\n', ''],
      ['1,a,2024-01-02\nx,b,2024-01-02\n', 'x,b,2024-01-02\n'],
    ] as const) {
      const rejects = file('rejects.csv', 'of another load\n')
      await bench.db.explain('EXPLAIN VALIDATE COPY t (id, note, day) FROM STDIN (FORMAT csv)', { stdin, rejects })
      expect(readFileSync(rejects, 'utf8')).toBe(left)
    }
  })

  test('VALIDATE counts the errors of an input that a table would be made from', async () => {
    const path = file('new.csv', 'a,b\n1,x\nq,y\n3,z,w\n')
    const explanation = await bench.db.explain(`EXPLAIN VALIDATE COPY fresh FROM '${path}' (FORMAT csv, HEADER)`, {
      createTable: true,
    })
    expect(explanation.validation).toMatchObject({ rowsRead: 3, rowsRejected: 1 })
    expect(explanation.failure).toMatchObject({
      message: 'extra data after last expected column',
      position: { line: 4 },
    })
  })

  test('VALIDATE counts rows with values that would be replaced', async () => {
    const statement = 'EXPLAIN VALIDATE COPY t (id, day, ratio) FROM STDIN (ON_ERROR set_null)'
    const stdin = '1\t2024-01-31\t0.5\n2\t2024-01-31\thalf\n'
    const { failure, validation } = await bench.db.explain(statement, { stdin })
    expect(failure).toBeUndefined()
    expect(validation).toMatchObject({ rowsRead: 2, rowsValidated: 2, rowsReplaced: 1, rowsRejected: 0 })
    const few = await bench.db.explain(statement.replace('set_null', 'set_null, REJECT_LIMIT 1'), {
      stdin: `${stdin}3\t2024-01-31\t?\n`,
    })
    const load = bench.db.copy('COPY t (id, day, ratio) FROM STDIN (ON_ERROR set_null, REJECT_LIMIT 1)', {
      stdin: `${stdin}3\t2024-01-31\t?\n`,
      ledger: false,
    })
    expect(few.failure?.message).toBe((await errorOf(load)).message)
  })

  test('VALIDATE finds no failure where the load goes on, and writes rejected rows to a file', async () => {
    const file = folder.file('bad.csv', bad)
    const statement = `COPY t (id, note, day) FROM '${file}' (FORMAT csv, HEADER, ON_ERROR skip_row)`
    const path = join(folder.path, 'rejects.csv')
    const { failure, validation } = await bench.db.explain(`EXPLAIN VALIDATE ${statement}`, { rejects: path })
    expect(failure).toBeUndefined()
    expect(readFileSync(path, 'utf8')).toBe('id,note,day\nx,b,2024-01-31\n2,c\n3,d,\n4,e,2024-02-30\n')
    const receipt = await bench.db.copy(statement, { ledger: false })
    await bench.sql('DELETE FROM t')
    before = await inventory(bench)
    expect(validation).toMatchObject({
      rowsRead: receipt.rowsRead,
      rowsValidated: receipt.rowsLoaded,
      rowsRejected: receipt.rowsRejected,
    })
    expect(validation?.diagnosis).toEqual(receipt.diagnosis)
  })

  test('what the database alone could say is not checked', async () => {
    const file = folder.file('twice.csv', '1,a,2024-01-31\n1,b,2024-01-31\n')
    const explanation = await bench.db.explain(`EXPLAIN VALIDATE COPY t (id, note, day) FROM '${file}' CSV`)
    expect(explanation.failure).toBeUndefined()
    expect(explanation.unchecked.join()).toMatch(/unique/)
    const missing = await bench.db.explain(`EXPLAIN VALIDATE COPY t (id, note) FROM STDIN CSV`, { stdin: '1,a\n' })
    expect(missing.failure).toMatchObject({ sqlState: '23502', position: { column: 'day' } })
  })

  test('a file that is not there, an option that is not carried out and a column that does not exist are failures', async () => {
    const missing = await bench.db.explain("EXPLAIN COPY t FROM 'no such file' CSV")
    expect(missing.failure).toMatchObject({ sqlState: '58P01', position: { file: 'no such file' } })
    expect(missing.options.length).toBeGreaterThan(5)
    const pending = await bench.db.explain("EXPLAIN COPY t FROM 'x' CSV LZOP")
    expect(pending.failure).toMatchObject({ sqlState: '0A000' })
    const column = await bench.db.explain('EXPLAIN COPY t (idd) FROM STDIN')
    expect(column.failure).toMatchObject({ sqlState: '42703', statement: { offset: 16 } })
  })

  test('what is no statement, or cannot be explained, is an error', async () => {
    expect((await errorOf(bench.db.explain('EXPLAIN SELECT 1'))).sqlState).toBe('42601')
    expect((await errorOf(bench.db.explain("COPY REJECTS 'x' INTO t"))).message).toBe(
      'COPY REJECTS cannot be explained',
    )
    const aborted = bench.db.explain('EXPLAIN VALIDATE COPY t (id) FROM STDIN', {
      stdin: [],
      signal: AbortSignal.abort(),
    })
    expect((await errorOf(aborted)).sqlState).toBe('57014')
    const controller = new AbortController()
    const endless = (async function* () {
      yield Buffer.from('1\n')
      controller.abort()
      await new Promise(() => {})
    })()
    const late = bench.db.explain('EXPLAIN VALIDATE COPY t (id) FROM STDIN', {
      stdin: endless,
      signal: controller.signal,
    })
    expect((await errorOf(late)).sqlState).toBe('57014')
    expect((await bench.db.explain('EXPLAIN COPY t FROM STDIN')).failure).toBeUndefined()
  })

  test('EXPLAIN has no receipt', async () => {
    const error = await errorOf(bench.db.copy('EXPLAIN COPY t FROM STDIN', { stdin: '' }))
    expect([error.sqlState, error.message]).toEqual(['0A000', 'EXPLAIN COPY loads nothing, and has no receipt'])
  })

  test.each(['VALIDATE_ONLY', 'NOLOAD'])('%s: a receipt that balances, and no row', async (word) => {
    const file = folder.file('bad.csv', bad)
    const statement = `COPY t (id, note, day) FROM '${file}' (FORMAT csv, HEADER, NULL '', ON_ERROR skip_row, ${word})`
    const receipt = await bench.db.copy(statement, { ledger: true })
    expect(receipt).toMatchObject({
      rowsRead: 6,
      rowsLoaded: 0,
      rowsValidated: 2,
      rowsRejected: 4,
      rowsFiltered: 0,
      rowsConflicted: 0,
      ledger: false,
      columns: ['id', 'note', 'day'],
      files: [{ path: file, rows: 6, rowsRejected: 4 }],
    })
    expect(receipt.diagnosis?.length).toBeGreaterThan(2)
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
    const strict = statement.replace('ON_ERROR skip_row, ', '')
    const error = await errorOf(bench.db.copy(strict))
    const load = await errorOf(bench.db.copy(strict.replace(`, ${word}`, '')))
    expect([error.sqlState, error.message, error.context]).toEqual([load.sqlState, load.message, load.context])
    expect(error.diagnosis).toEqual(receipt.diagnosis)
  })
})

test('a server that may only be read from', async () => {
  const [{ open }] = benches as unknown as [(typeof benches)[number]]
  const bench = await open()
  try {
    await bench.sql('CREATE TABLE t (id int, p point)')
    const pool = new pg.Pool({ connectionString: bench.url, max: 1, options: '-c default_transaction_read_only=on' })
    const db = await connect(pool)
    const statement = 'EXPLAIN VALIDATE COPY t FROM STDIN (ON_ERROR skip_row)'
    const { failure, validation, unchecked, columns, load } = await db.explain(statement, {
      stdin: '1\t(1,2)\nx\t(1,2)\n',
    })
    expect(failure).toBeUndefined()
    expect(validation).toMatchObject({ rowsRead: 2, rowsRejected: 1 })
    expect(columns?.map(({ decodedBy }) => decodedBy)).toEqual(['the database', 'the database'])
    expect(load?.transport).toBe('text')
    expect(unchecked[0]).toBe('values of "p": only the database reads them')
    // A connection of the caller's stays in the transaction that it is in, and may write again.
    const client = new pg.Client({ connectionString: bench.url })
    await client.connect()
    await client.query('BEGIN')
    const lent = await connect(client)
    expect((await lent.explain('EXPLAIN COPY t FROM STDIN')).load?.transaction).toBe("the caller's")
    await client.query('INSERT INTO t VALUES (1)')
    await client.query('COMMIT')
    await bench.sql('CREATE SEQUENCE s')
    expect((await lent.explain('EXPLAIN COPY s FROM STDIN')).failure).toMatchObject({
      sqlState: '42809',
      message: 'cannot copy to sequence "s"',
    })
    await client.end()
    await pool.end()
  } finally {
    await bench.close()
  }
})

test('a DuckDB file that may only be read from', async () => {
  const path = join(folder.path, 'read-only.duckdb')
  const instance = await DuckDBInstance.create(path)
  const first = await instance.connect()
  await first.run('CREATE TABLE t (id int, twice int GENERATED ALWAYS AS (id * 2))')
  first.closeSync()
  instance.closeSync()
  const bytes = readFileSync(path)
  const readOnly = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' })
  const connection = await readOnly.connect()
  const db = await connect(connection)
  const statement = 'EXPLAIN VALIDATE COPY t FROM STDIN (ON_ERROR skip_row)'
  const { failure, validation } = await db.explain(statement, { stdin: '1\nx\n' })
  expect(failure).toBeUndefined()
  expect(validation).toMatchObject({ rowsRead: 2, rowsRejected: 1 })
  await connection.run('BEGIN TRANSACTION')
  expect((await db.explain('EXPLAIN COPY t FROM STDIN')).load?.transaction).toBe("the caller's")
  await connection.run('COMMIT')
  connection.closeSync()
  readOnly.closeSync()
  expect(readFileSync(path).equals(bytes)).toBe(true)
})

test('a load with the same LOAD_KEY is told of', async () => {
  for (const { open } of benches) {
    const bench = await open()
    try {
      await bench.sql('CREATE TABLE t (id int)')
      const statement = "COPY t FROM STDIN (LOAD_KEY 'k')"
      expect((await bench.db.explain(statement)).alreadyLoaded).toBeUndefined()
      const { id } = await bench.db.copy(statement, { stdin: '1\n' })
      expect((await bench.db.explain(statement)).alreadyLoaded).toMatchObject({ id })
    } finally {
      await bench.close()
    }
  }
})
