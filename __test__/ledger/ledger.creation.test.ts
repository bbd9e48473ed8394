import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureLedger, prepareLedger } from '../../lib/ledger/ensure.ts'
import { connectDuckdb } from '../../lib/target/duckdb/connect.ts'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { type Bench, databases, inLedger, ledgerOf, someLoad, someReject, uuid } from './databases.ts'

const RELATIONS = [
  'files',
  'loads',
  'pgxc_copy_error_log',
  'rejects',
  'replaced',
  'schema_version',
  'stl_load_commits',
  'stl_load_errors',
  'stl_loaderror_detail',
  'sys_load_detail',
  'sys_load_error_detail',
  'sys_load_history',
  'text_import_log',
]

describe.each(databases)('creating the ledger in $name', ({ open }) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await open()
  })
  afterEach(() => bench.close())

  const relations = async () =>
    (
      await bench.sql(
        `SELECT table_name FROM information_schema.tables WHERE table_schema = 'copyist' ORDER BY table_name`,
      )
    ).map(([name]) => name)

  it('makes the tables and the views', async () => {
    expect((await prepareLedger(bench.target)).available).toBe(true)
    expect(await relations()).toEqual(RELATIONS)
    expect(await bench.sql('SELECT version FROM copyist.schema_version')).toEqual([['1']])
  })

  it('asks one query when it is there', async () => {
    await prepareLedger(bench.target)
    const transaction = await bench.target.begin(undefined, 0)
    const session = transaction.ledger()
    const statements: string[] = []
    const setup = await ensureLedger({
      ...session,
      query: (sql, values) => {
        statements.push(sql)
        return session.query(sql, values)
      },
    })
    await transaction.commit()
    expect(setup.available).toBe(true)
    expect(statements).toHaveLength(1)
  })

  it('comes back when a dump has lost the comment', async () => {
    await inLedger(bench.target, (ledger) => ledger.recordLoad(someLoad(uuid(1))))
    await bench.sql('COMMENT ON TABLE copyist.schema_version IS NULL')
    await inLedger(bench.target, (ledger) => ledger.recordLoad(someLoad(uuid(2))))
    expect(await bench.sql('SELECT load_no FROM copyist.loads ORDER BY 1')).toEqual([['1'], ['2']])
    expect(await bench.sql('SELECT version FROM copyist.schema_version')).toEqual([['1']])
  })

  it('goes with the transaction that made it', async () => {
    const transaction = await bench.target.begin(undefined, 0)
    const setup = await ensureLedger(transaction.ledger())
    await ledgerOf(transaction, setup).recordLoad(someLoad(uuid(1)))
    await transaction.rollback()
    expect(await relations()).toEqual([])
    await inLedger(bench.target, (ledger) => ledger.recordLoad(someLoad(uuid(1))))
    expect(await bench.sql('SELECT count(*) FROM copyist.loads')).toEqual([['1']])
  })

  it('succeeds for all who are the first', async () => {
    const racers = [1, 2, 3, 4]
    await Promise.all(racers.map((n) => inLedger(bench.target, (ledger) => ledger.recordLoad(someLoad(uuid(n))))))
    expect(await relations()).toEqual(RELATIONS)
    expect(await bench.sql('SELECT count(*), count(DISTINCT load_no) AS numbers FROM copyist.loads')).toEqual([
      ['4', '4'],
    ])
  })
})

describe('a PostgreSQL user without rights', () => {
  let scratch: ScratchDatabase
  const role = `copyist_reader_${process.pid}`
  beforeEach(async () => {
    scratch = await createScratchDatabase()
    await scratch.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; CREATE TABLE t (a int); GRANT ALL ON t TO ${role}`)
  })
  afterEach(async () => {
    await scratch.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    await scratch.drop()
  })

  const asReader = async <T>(use: (client: pg.Client) => Promise<T>): Promise<T> => {
    const url = new URL(scratch.url)
    url.username = role
    url.password = 'x'
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    try {
      return await use(client)
    } finally {
      await client.end()
    }
  }

  /** What is answered, in a transaction that must still take a row. */
  const refusal = () =>
    asReader(async (client) => {
      const target = await connectPostgres(client)
      await client.query('BEGIN')
      const setup = await prepareLedger(target)
      await client.query('INSERT INTO t VALUES (1)')
      await client.query('COMMIT')
      return setup.available ? undefined : setup.reason
    })

  it('may not create the schema', async () => {
    expect(await refusal()).toMatchObject({ sqlState: '42501', hint: expect.stringContaining('schema copyist') })
    expect(await scratch.query('SELECT a FROM t')).toEqual([{ a: 1 }])
  })

  it('may not use the schema, or write the tables, until it is granted', async () => {
    const owner = await connectPostgres(scratch.url)
    await prepareLedger(owner)
    await owner.close()
    expect(await refusal()).toMatchObject({ sqlState: '42501', message: 'permission denied for schema copyist' })
    await scratch.query(`GRANT USAGE ON SCHEMA copyist TO ${role}`)
    expect(await refusal()).toMatchObject({ sqlState: '42501', message: 'permission denied for table files' })
    await scratch.query(`GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA copyist TO ${role}`)
    expect(await refusal()).toBeUndefined()
    await asReader(async (client) => {
      await inLedger(await connectPostgres(client), (ledger) => ledger.recordLoad(someLoad(uuid(1))))
    })
    expect(await scratch.query('SELECT user_name FROM copyist.loads')).toEqual([{ user_name: role }])
  })

  it('can be given an empty schema', async () => {
    await scratch.query(`CREATE SCHEMA copyist AUTHORIZATION ${role}`)
    expect(await refusal()).toBeUndefined()
  })

  it('may only read', async () => {
    await scratch.query(`CREATE SCHEMA copyist AUTHORIZATION ${role}`)
    const setup = await asReader(async (client) => {
      await client.query('BEGIN READ ONLY')
      const answer = await prepareLedger(await connectPostgres(client))
      await client.query('SELECT 1')
      return answer
    })
    expect(setup).toMatchObject({ available: false, reason: { sqlState: '25006' } })
  })
})

describe('a PostgreSQL database of another encoding', () => {
  it('takes what it can hold', async () => {
    const scratch = await createScratchDatabase()
    const name = `${scratch.name}_latin1`
    await scratch.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
    const url = new URL(scratch.url)
    url.pathname = `/${name}`
    const target = await connectPostgres(url.href)
    const raw = Buffer.from('5 €')
    await inLedger(target, async (ledger, transaction) => {
      await ledger.recordLoad(someLoad(uuid(1), { statement: '-- €\u{1f600}' }))
      await ledger.recordRejects(uuid(1), [someReject(1, { raw })])
      expect(await transaction.ledger().query('SELECT statement FROM copyist.loads')).toEqual([['-- ??']])
      expect(await transaction.ledger().query('SELECT rawrecord FROM copyist.pgxc_copy_error_log')).toEqual([['5 ?']])
      expect((await ledger.readRejects(uuid(1), 0, 1))[0]?.raw).toEqual(raw)
    })
    await target.close()
    await scratch.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await scratch.drop()
  })
})

describe('a database file of DuckDB', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'copyist-ledger-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it('may be called copyist, and then otherwise', async () => {
    const target = await connectDuckdb(join(folder, 'copyist.duckdb'))
    await inLedger(target, async (ledger) => {
      await ledger.recordLoad(someLoad(uuid(1), { key: 'k' }))
      await ledger.recordFiles(uuid(1), [{ path: 'a', bytes: 1, rowsRead: 1, rowsRejected: 0 }])
    })
    await target.close()
    renameSync(join(folder, 'copyist.duckdb'), join(folder, 'other.duckdb'))
    const again = await connectDuckdb(join(folder, 'other.duckdb'))
    const looking = await again.begin(undefined, 0)
    const comment = `SELECT comment FROM duckdb_tables() WHERE table_name = 'schema_version'`
    expect(await looking.ledger().query(comment)).toEqual([['1']])
    await looking.rollback()
    const found = await inLedger(again, async (ledger, transaction) => {
      await ledger.recordLoad(someLoad(uuid(2)))
      return transaction.ledger().query('SELECT query_id FROM copyist.sys_load_history ORDER BY query_id')
    })
    expect(found).toEqual([['1'], ['2']])
    await again.close()
  })

  it('that is read-only leaves the transaction usable', async () => {
    const path = join(folder, 'a.duckdb')
    ;(await DuckDBInstance.create(path)).closeSync()
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' })
    const connection = await instance.connect()
    await connection.run('BEGIN')
    expect(await prepareLedger(await connectDuckdb(connection))).toMatchObject({
      available: false,
      reason: { sqlState: '25006', message: 'database "a" is read-only' },
    })
    expect(await textRows(connection, 'SELECT 1')).toEqual([['1']])
    await connection.run('COMMIT')
    connection.closeSync()
    instance.closeSync()
  })

  it('takes the ledger into a transaction of the caller’s', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const [mine, other] = [await instance.connect(), await instance.connect()]
    const target = await connectDuckdb(mine)
    await mine.run('BEGIN')
    await inLedger(target, (ledger) => ledger.recordLoad(someLoad(uuid(1))))
    await mine.run('ROLLBACK')
    await mine.run('BEGIN; CREATE TABLE mine (a int)')
    // One that began before the other has committed cannot create it too, and there is no second attempt in it.
    await inLedger(await connectDuckdb(other), (ledger) => ledger.recordLoad(someLoad(uuid(2))))
    await expect(prepareLedger(target)).rejects.toMatchObject({ sqlState: '40001' })
    await mine.run('ROLLBACK')
    await mine.run('BEGIN')
    await inLedger(target, (ledger) => ledger.recordLoad(someLoad(uuid(3))))
    await mine.run('COMMIT')
    expect(await textRows(other, 'SELECT CAST(load_id AS text) FROM copyist.loads ORDER BY load_no')).toEqual([
      [uuid(2)],
      [uuid(3)],
    ])
    expect(await textRows(mine, `SELECT current_setting('search_path')`)).toEqual([['']])
    for (const connection of [mine, other]) connection.closeSync()
    instance.closeSync()
  })

  it('that is attached has a ledger of its own, and the search path stays', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run(
      `ATTACH '${join(folder, 'b.duckdb')}' AS "it's"; CREATE SCHEMA s; CREATE TABLE "it's".t (a int)`,
    )
    await connection.run(`SET search_path = 's,main'`)
    const target = await connectDuckdb(connection)
    const looking = await target.begin(undefined, 0)
    const part = (value: string) => ({ value, quoted: true, offset: 0 })
    const table = await looking.describe({ catalog: part("it's"), schema: part('main'), name: part('t') })
    await looking.rollback()
    expect(table?.catalog).toBe("it's")
    const setup = await prepareLedger(target, { catalog: table?.catalog })
    const transaction = await target.begin(undefined, 0)
    await ledgerOf(transaction, setup).recordLoad(someLoad(uuid(1)))
    await transaction.commit()
    expect(await textRows(connection, `SELECT load_no, database_name FROM "it's".copyist.loads`)).toEqual([
      ['1', "it's"],
    ])
    expect(await textRows(connection, `SELECT current_setting('search_path')`)).toEqual([['memory.s,memory.main']])
    expect(await prepareLedger(target, { catalog: 'none' }).catch((error) => error.sqlState)).toBe('3D000')
    connection.closeSync()
    instance.closeSync()
  })
})
