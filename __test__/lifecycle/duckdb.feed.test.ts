import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CopyCallOptions, CopyError, Database } from '../../lib/index.ts'
import { chooseFeed, type DuckdbDriver, loadDriver } from '../../lib/target/duckdb/driver.ts'
import { type DuckDBConnection, DuckDBInstance, textRows } from './duckdb.batches.ts'

const FEEDS = ['native', 'portable'] as const
/** Short rows for several windows, with two threads. */
const MANY = 1_300_000
const folder = mkdtempSync(join(tmpdir(), 'copyist-feed-'))
let instance: DuckDBInstance
let connection: DuckDBConnection
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
})
afterEach(() => {
  connection.closeSync()
  instance.closeSync()
})

/** Connects through one feed. A module chooses once, so this takes modules of its own. */
async function openBy(feed: DuckdbDriver['feed'], target: string | DuckDBConnection): Promise<Database> {
  vi.resetModules()
  vi.stubEnv('COPYIST_DUCKDB_FEED', feed)
  try {
    const driver = await import('../../lib/target/duckdb/driver.ts')
    expect((await driver.loadDriver()).feed).toBe(feed)
    const { connect } = await import('../../lib/index.ts')
    return await connect(target)
  } finally {
    vi.unstubAllEnvs()
  }
}

describe('the choice of feed', () => {
  const requireBeside = createRequire(createRequire(import.meta.url).resolve('@duckdb/node-api'))
  const bindings = requireBeside('@duckdb/node-bindings') as DuckdbDriver['bindings']
  const require = createRequire(requireBeside.resolve('@duckdb/node-bindings'))
  /** Chooses for an heir of the bindings, whose functions can be neither copied nor replaced. */
  const choose = (changes: object, wanted?: string, resolver = require) =>
    chooseFeed(Object.create(bindings, Object.getOwnPropertyDescriptors(changes)), resolver, wanted)
  const refusal = expect.objectContaining({ sqlState: '22023' })
  // These come first: once a library is open, its path alone decides.
  it.each(['missing', 'a text', 'a copy that is not loaded'])('is portable where the library is %s', (what) => {
    const binary = `@duckdb/node-bindings-${process.platform}-${process.arch}/duckdb.node`
    const elsewhere = join(folder, what)
    const library = join(elsewhere, 'libduckdb.so')
    mkdirSync(elsewhere)
    if (what === 'a text') writeFileSync(library, 'not a library')
    if (what.startsWith('a copy')) copyFileSync(join(dirname(require.resolve(binary)), 'libduckdb.so'), library)
    const resolver = { resolve: () => join(elsewhere, 'duckdb.node') } as unknown as NodeJS.Require
    expect(choose({}, undefined, resolver)).toBe('portable')
    expect(() => choose({}, 'native', resolver)).toThrow(refusal)
  })

  it('is native on this platform', async () => {
    expect(process.env.COPYIST_DUCKDB_FEED ?? '').toBe('')
    expect((await loadDriver()).feed).toBe('native')
    for (const wanted of [undefined, '', 'native']) expect(choose({}, wanted)).toBe('native')
  })

  it('is that of the environment, which must name one', () => {
    expect(choose({}, 'portable')).toBe('portable')
    for (const unknown of ['fast', 'Native', 'portable ']) expect(() => choose({}, unknown)).toThrow(refusal)
  })

  const create = () => bindings.create_scalar_function()
  const creating = (make: () => unknown) => ({ create_scalar_function: make })
  const destroying = (destroy: unknown) => ({ destroy_scalar_function_sync: destroy })
  const fail = () => expect.unreachable()
  const destroyed = create()
  bindings.destroy_scalar_function_sync(destroyed)
  const misfits: Record<string, object> = {
    'destroy nothing': destroying(() => undefined),
    'throw instead of destroying': destroying(fail),
    'have nothing to destroy with': destroying(undefined),
    'throw instead of creating': creating(fail),
    'create a logical type': creating(() => bindings.create_logical_type(bindings.Type.INTEGER)),
    'create another External': creating(() => bindings.create_int32(5)),
    'create a plain object': creating(() => ({})),
    'create a number': creating(() => 4096),
    'create a proxy of a function': creating(() => new Proxy(create(), {})),
    'create an heir of a function': creating(() => Object.create(create())),
    'create what is destroyed already': creating(() => destroyed),
  }
  it.each(Object.keys(misfits))('is portable with bindings that %s', (what) => {
    expect(choose(misfits[what] as object)).toBe('portable')
    expect(() => choose(misfits[what] as object, 'native')).toThrow(refusal)
    expect(choose({})).toBe('native')
  })
})

describe('both feeds', () => {
  const WORDS = `the déf,ault in "words"`
  const COLUMNS = `id INTEGER, whole BIGINT, small SMALLINT, s VARCHAR, price DECIMAL(9,2), huge DECIMAL(38,10), yes BOOLEAN,
    day DATE, moment TIMESTAMP, u UUID, mood mood, code code, numbers INTEGER[], words VARCHAR[],
    k INTEGER DEFAULT 42, w VARCHAR DEFAULT '${WORDS}'`
  // Stretches with and without, which begin and end anywhere in a chunk and in a vector.
  const unlessNull = (sql: string) => `CASE WHEN id // 7001 % 3 = 1 AND id % 11 < 4 THEN NULL ELSE ${sql} END`
  const orDefault = (value: string, sql: string) =>
    `CASE WHEN id // 20011 % 2 = 0 AND id % 5 = 2 THEN ${value} ELSE ${sql} END`

  // What the tables are to hold is made by DuckDB alone, and so is the file.
  beforeEach(async () => {
    await connection.run(`CREATE TYPE mood AS ENUM ('sad', 'ok', 'glücklich, "sehr"');
      CREATE TYPE code AS ENUM (SELECT 'code ' || range FROM range(300));
      CREATE TABLE wanted (${COLUMNS});
      INSERT INTO wanted SELECT id, ${unlessNull('id * 7919 - 1000000000')}, id % 65536 - 32768,
        CASE WHEN id % 997 = 0 THEN rpad(id::VARCHAR, 5000, 'long ') WHEN id % 6 = 0 THEN ''
          WHEN id % 6 = 1 THEN lpad(id::VARCHAR, 12, 'x') WHEN id % 6 = 2 THEN lpad(id::VARCHAR, 13, 'y')
          WHEN id % 6 = 3 THEN 'naïve ☃ 🚀 ' || id WHEN id % 6 = 4 THEN 'two' || chr(10) || '"lines", ' || id END,
        ${unlessNull('(id % 1000000) / 100')}, (id * 1000003)::DECIMAL(38,10) / 1024, ${unlessNull('id % 3 = 0')},
        DATE '1970-01-01' + (id % 40000)::INTEGER,
        ${unlessNull(`TIMESTAMP '1999-12-31 23:59:59.999999' + to_microseconds(id * 977)`)},
        ${unlessNull('md5(id::VARCHAR)::UUID')}, enum_range(NULL::mood)[id % 3 + 1],
        ${unlessNull('enum_range(NULL::code)[id % 300 + 1]')}, ${unlessNull('[id, NULL, id % 7]')}, ['word ' || id, NULL, ''],
        ${orDefault('42', 'CASE WHEN id % 3 = 0 THEN id END')},
        ${orDefault(`'${WORDS}'`, `CASE WHEN id % 4 > 0 THEN 'given ' || id END`)}
      FROM (SELECT range AS id FROM range(400000));
      COPY (SELECT * REPLACE (
        '{' || numbers[1] || ',NULL,' || numbers[3] || '}' AS numbers, '{"' || words[1] || '",NULL,""}' AS words,
        ${orDefault(`'\\D'`, 'k::VARCHAR')} AS k, ${orDefault(`'\\D'`, 'w')} AS w
      ) FROM wanted) TO '${join(folder, 'all.csv')}' (HEADER false, NULLSTR '\\N')`)
  })

  it.each([2, 48, 256])('load the same rows in the same order with %d MiB, in one thread and in four', async (mib) => {
    for (const threads of [1, 4]) {
      await connection.run(`SET threads = ${threads}`)
      for (const feed of FEEDS) {
        await connection.run(`CREATE OR REPLACE TABLE ${feed} (${COLUMNS})`)
        const db = await openBy(feed, connection)
        const statement = `COPY ${feed} FROM '${join(folder, 'all.csv')}' (FORMAT csv, NULL '\\N', DEFAULT '\\D')`
        await db.copy(statement, { threads, memoryLimit: mib << 20 })
        await db.close()
        // Row by row, in the order in which the tables have them.
        const differences = `FROM wanted POSITIONAL JOIN ${feed} WHERE wanted IS DISTINCT FROM ${feed} LIMIT 3`
        expect(await textRows(connection, differences)).toEqual([])
      }
      const excess = 'SELECT rowid, * FROM native EXCEPT ALL SELECT rowid, * FROM portable'
      expect(await textRows(connection, excess)).toEqual([])
    }
  })
})

describe('rows of very many columns', () => {
  const COLUMNS = 300
  const ROWS = 2500
  /** Of each column its type, its default if it has one, and its values by the row's number `n`. */
  const kinds = [
    ['INTEGER', undefined, (c: number) => `CASE WHEN (n + ${c}) % 7 > 0 THEN n * ${c} END`],
    ['VARCHAR', `'by default'`, (c: number) => `CASE WHEN n % 5 = 2 THEN 'by default' ELSE 'text ${c} of ' || n END`],
    ['DOUBLE', '7.5', (c: number) => `CASE WHEN (n + ${c}) % 6 = 0 THEN 7.5 ELSE n / 8 END`],
    ['STRUCT(a INTEGER)', undefined, () => `{'a': n}`],
  ] as const
  const columns = Array.from({ length: COLUMNS }, (_, c) => {
    const [type, byDefault, value] = kinds[c % kinds.length] as (typeof kinds)[number]
    return { name: `"column ${c}"`, type, byDefault, value: value(c) }
  })
  const definition = columns.map(
    ({ name, type, byDefault }) => `${name} ${type}${byDefault ? ` DEFAULT ${byDefault}` : ''}`,
  )
  const path = join(folder, 'wide.csv')
  const plain = join(folder, 'wide-plain.csv')
  const create = (table: string, key = '') =>
    connection.run(`CREATE OR REPLACE TABLE ${table} (${definition.join()}${key})`)
  const differences = (wanted: string, table: string) =>
    textRows(connection, `FROM ${wanted} POSITIONAL JOIN ${table} WHERE wanted IS DISTINCT FROM ${table} LIMIT 1`)

  beforeEach(async () => {
    await create('wanted')
    await connection.run(
      `INSERT INTO wanted SELECT ${columns.map(({ value }) => value).join()} FROM range(${ROWS}) r(n)`,
    )
    const texts = columns.map(({ name, type }) => (type.startsWith('STRUCT') ? `'{''a'': ' || ${name}.a || '}'` : name))
    const marked = columns.map(({ name, byDefault }, c) =>
      byDefault ? `CASE WHEN ${name} = ${byDefault} THEN '\\D' ELSE ${name}::VARCHAR END` : texts[c],
    )
    for (const [to, fields] of [
      [path, marked],
      [plain, texts],
    ] as const) {
      await connection.run(
        `COPY (SELECT ${fields.join()} FROM wanted) TO '${to}' (HEADER false, NULLSTR '\\N', ESCAPE '"')`,
      )
    }
  })

  it.each(FEEDS)(
    'are loaded by the %s feed, also where rows are looked at one by one',
    async (feed) => {
      const db = await openBy(feed, connection)
      const from = `FROM '${path}' (FORMAT csv, NULL '\\N', DEFAULT '\\D'`
      await create('t')
      await db.copy(`COPY t ${from})`)
      expect(await differences('wanted', 't')).toEqual([])
      await create('t')
      await db.copy(`COPY t ${from}) WHERE "column 3".a % 2 = 0`)
      expect(await differences('(FROM wanted WHERE "column 3".a % 2 = 0) AS wanted', 't')).toEqual([])
      await create('t')
      await db.copy(`COPY t FROM '${plain}' (FORMAT csv, NULL '\\N', TRANSFORM ("column 4" AS "column 4" + 1))`)
      const changed = `(SELECT * REPLACE ("column 4" + 1 AS "column 4") FROM wanted) AS wanted`
      expect(await differences(changed, 't')).toEqual([])
      await create('t', ', PRIMARY KEY ("column 1")')
      const { rowsLoaded, rowsRejected } = await db.copy(`COPY t ${from}, ON_ERROR skip_row)`)
      // Of those that have the default the first one is in.
      expect([rowsLoaded, rowsRejected]).toEqual([(ROWS / 5) * 4 + 1, ROWS / 5 - 1])
      const first = `(SELECT * FROM wanted WHERE rowid % 5 <> 2 OR rowid = 2) AS wanted`
      expect(await differences(first, 't')).toEqual([])
      await db.close()
    },
    120_000,
  )

  it.each(FEEDS)('have an error of a cast in its place by the %s feed', async (feed) => {
    const db = await openBy(feed, connection)
    await create('t')
    const fields = columns.map(() => '\\N')
    const wrong = fields.with(299, 'no structure')
    const bad = join(folder, 'wide-bad.csv')
    writeFileSync(bad, [fields, fields, wrong].map((row) => row.join()).join('\n'))
    const error = await db.copy(`COPY t FROM '${bad}' (FORMAT csv, NULL '\\N')`).then(
      () => expect.unreachable(),
      (thrown: CopyError) => thrown,
    )
    expect(error.position).toMatchObject({ line: 3, column: 'column 299' })
    await db.close()
  })
})

/** A file of numbers in order, from `first` by `step`, `value` in SQL instead of each `n`, and a text that goes with it. */
async function numbers(name: string, rows: number, { first = 0, step = 1, value = 'n' } = {}): Promise<string> {
  const path = join(folder, name)
  await connection.run(`COPY (SELECT ${value}, 'x' || n % 1000 FROM (SELECT ${first} + range * ${step} AS n FROM range(${rows})))
    TO '${path}' (HEADER false)`)
  return path
}

/** How many rows a table has, and how many are not what `numbers` put in their place. */
function placed(on: DuckDBConnection, table = 't', { first = 0, step = 1 } = {}): Promise<(string | null)[][]> {
  const n = `${first} + rowid * ${step}`
  const isWrong = `n IS DISTINCT FROM ${n} OR s IS DISTINCT FROM 'x' || (${n}) % 1000`
  return textRows(on, `SELECT count(*), count(*) FILTER (${isWrong}) FROM ${table}`)
}

/** What a load should not leave. No transaction either: BEGIN is refused in one. */
async function traces(on: DuckDBConnection): Promise<(string | null)[][]> {
  await on.run('BEGIN')
  await on.run('ROLLBACK')
  const tables = `SELECT table_name FROM duckdb_tables() WHERE temporary OR table_name LIKE 'copyist%'`
  const databases = `SELECT database_name FROM duckdb_databases() WHERE database_name LIKE 'copyist%'`
  return textRows(on, `${tables} UNION ALL ${databases}`)
}

describe.each(FEEDS)('on a connection that is lent, the %s feed', (feed) => {
  let db: Database
  const copy = (path: string, options: CopyCallOptions = {}, where = '') =>
    db.copy(`COPY t FROM '${path}' (FORMAT csv) ${where}`, options)
  /** Has the function made, and gives its name. */
  const functionName = async () => {
    await copy(await numbers('three.csv', 3))
    const sql = `SELECT function_name FROM duckdb_functions() WHERE function_name LIKE 'copyist_rows_%'`
    const [[name]] = (await textRows(connection, sql)) as [[string]]
    return name
  }
  beforeEach(async () => {
    await connection.run('SET threads = 2; CREATE TABLE t (n INTEGER NOT NULL, s VARCHAR)')
    db = await openBy(feed, connection)
  })
  afterEach(() => db.close())

  it('serves nobody outside of a load', async () => {
    const name = await functionName()
    const values = [0, 1, -1, 'NULL', 2047, 4294967297n, 9223372036854775807n, -9223372036854775807n]
    const calls = values.flatMap((id) => values.map((row) => `(${id}, ${row})`))
    calls.push(
      '(1, range) FROM range(5000)',
      '(range, range) FROM range(5000)',
      '(1, 0) FROM range(5000) WHERE range % 7 = 0',
      '(1, range) FROM range(9223372036854773760, 9223372036854775807)',
      '(CASE WHEN range % 2 = 0 THEN range END, CASE WHEN range % 3 = 0 THEN range END) FROM range(5000)',
    )
    for (const call of calls) {
      await expect(connection.run(`SELECT ${name}${call}`), call).rejects.toThrow(
        /only inside a COPY|in sequence|must not be NULL/,
      )
    }
    expect((await copy(join(folder, 'three.csv'))).rowsLoaded).toBe(3)
  })

  // The number of a load cannot be guessed, but a condition can read it in its own statement.
  it('serves a load the rows that it has, as often as it asks', async () => {
    const name = await functionName()
    const own = `regexp_extract(current_query(), 'copyist_rows_\\w+[(]([0-9]+)', 1)::BIGINT`
    const load = (row: string, test: string) =>
      copy(join(folder, 'three.csv'), {}, `WHERE (${name}(${own}, ${row})).c0 ${test}`)
    expect((await load('n', '= n')).rowsLoaded).toBe(3)
    for (const row of ['-1', '1', '3', '9223372036854775807', '-n - 1', 'n + 1', 'n * 4611686018427387904']) {
      await expect(load(row, '>= 0'), row).rejects.toMatchObject({ sqlState: '22023' })
    }
    // A function for other types of the same width would take these rows for strings, and their bytes for addresses.
    const path = join(folder, 'id.csv')
    await connection.run(`CREATE TABLE ids (n INTEGER, id UUID); COPY (SELECT 0, uuid()) TO '${path}' (HEADER false)`)
    const other = db.copy(`COPY ids FROM '${path}' (FORMAT csv) WHERE strlen((${name}(${own}, n)).c1) > 0`)
    await expect(other).rejects.toThrow(/not of the kind/)
    // What is behind a NULL is anybody's guess, but no reason to fall over.
    for (const row of ['NULL', 'CASE WHEN n = 1 THEN n END']) await load(row, '> 9').catch(() => undefined)
    expect((await load('n', '= n')).rowsLoaded).toBe(3)
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['9']])
  })

  it('loads several windows in order and leaves no trace', async () => {
    expect((await copy(await numbers('many.csv', MANY))).rowsLoaded).toBe(MANY)
    expect(await traces(connection)).toEqual([])
    expect(await placed(connection)).toEqual([[`${MANY}`, '0']])
  })

  it.each([`'bad'`, 'NULL'])('leaves no trace when a load fails for %s', async (bad) => {
    const sqlState = bad === 'NULL' ? '23502' : '22P02'
    const path = await numbers('bad.csv', MANY, { value: `CASE WHEN n = 650000 THEN ${bad} ELSE n::VARCHAR END` })
    await expect(copy(path)).rejects.toMatchObject({ sqlState, position: { line: 650_001 } })
    expect(await traces(connection)).toEqual([])
    await connection.run('BEGIN')
    await expect(copy(path)).rejects.toMatchObject({ sqlState })
    await connection.run('ROLLBACK')
    expect(await traces(connection)).toEqual([])
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['0']])
    expect((await copy(await numbers('good.csv', 10))).rowsLoaded).toBe(10)
  })

  it('leaves no trace when a load is aborted, whenever', async () => {
    const path = await numbers('many.csv', MANY)
    const outcomes: unknown[] = []
    for (const delay of [0, 1, 2, 3, 8, 15, 26, 40, 60, 91, 130, 181]) {
      const isInside = delay % 2 === 0
      if (isInside) await connection.run('BEGIN')
      const load = copy(path, { signal: AbortSignal.timeout(delay) })
      outcomes.push(await load.catch((error: CopyError) => error.sqlState))
      if (isInside) await connection.run('ROLLBACK')
      expect(await traces(connection)).toEqual([])
      const isEmpty = isInside || outcomes.at(-1) === '57014'
      expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([[isEmpty ? '0' : `${MANY}`]])
      await connection.run('TRUNCATE t')
    }
    expect(outcomes.filter((outcome) => outcome === '57014').length).toBeGreaterThan(3)
  })

  it('loads several windows in the caller’s transaction and leaves no trace', async () => {
    const [some, many] = [await numbers('some.csv', 200_000), await numbers('more.csv', MANY, { first: 200_000 })]
    for (const end of ['ROLLBACK', 'COMMIT']) {
      await connection.run('BEGIN')
      await copy(some)
      await copy(many)
      await connection.run(end)
      expect(await traces(connection)).toEqual([])
      expect(await placed(connection)).toEqual([[end === 'COMMIT' ? `${MANY + 200_000}` : '0', '0']])
    }
  })
})

describe.each(FEEDS)('on a database of our own, the %s feed', (feed) => {
  it('loads several windows at the same time, each with its own rows, and leaves no trace', async () => {
    const path = join(folder, `${feed}.duckdb`)
    const own = await DuckDBInstance.fromCache(path)
    const side = await own.connect()
    await side.run('SET threads = 2')
    const db = await openBy(feed, path)
    const contents = [{}, { first: -1, step: -1 }, { first: 7, step: 3 }]
    const files: string[] = []
    for (const [index, content] of contents.entries()) {
      await side.run(`CREATE TABLE t${index} (n INTEGER, s VARCHAR)`)
      files.push(await numbers(`${index}.csv`, MANY, content))
    }
    await Promise.all(files.map((file, index) => db.copy(`COPY t${index} FROM '${file}' (FORMAT csv)`)))
    for (const [index, content] of contents.entries()) {
      expect(await placed(side, `t${index}`, content)).toEqual([[`${MANY}`, '0']])
    }
    // The slots last as long as the target.
    expect(await traces(side)).toHaveLength(1)
    await db.close()
    expect(await traces(side)).toEqual([])
    side.closeSync()
    own.closeSync()
  })
})
