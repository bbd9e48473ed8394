import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ConnectOptions, connect, type Database } from '../../lib/index.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'
import { createScratchDatabase } from '../postgres.ts'

/** A database that can be connected to in several ways. */
interface Bench {
  open(options?: ConnectOptions): Promise<Database>
  sql(text: string): Promise<(string | null)[][]>
  /** A connection that is lent, and runs SQL by itself. */
  lend(options: ConnectOptions): Promise<{ db: Database; run(text: string): Promise<unknown> }>
  close(): Promise<void>
}

async function openPostgres(): Promise<Bench> {
  const scratch = await createScratchDatabase()
  const lent: pg.Client[] = []
  return {
    open: (options) => connect(scratch.url, options),
    sql: async (text) =>
      (await scratch.query(text)).map((row) => Object.values(row).map((value) => (value == null ? null : `${value}`))),
    async lend(options) {
      const client = new pg.Client({ connectionString: scratch.url })
      lent.push(client)
      await client.connect()
      return { db: await connect(client, options), run: (text) => client.query(text) }
    },
    async close() {
      for (const client of lent) await client.end()
      await scratch.drop()
    },
  }
}

async function openDuckdb(): Promise<Bench> {
  const instance = await DuckDBInstance.create(':memory:')
  const side = await instance.connect()
  const lend = async (options?: ConnectOptions) => {
    const connection = await instance.connect()
    return { db: await connect(connection, options), run: (text: string) => connection.run(text) }
  }
  return {
    open: async (options) => (await lend(options)).db,
    sql: (text) => textRows(side, text),
    lend,
    async close() {
      side.closeSync()
      instance.closeSync()
    },
  }
}

describe.each([
  ['postgres', openPostgres],
  ['duckdb', openDuckdb],
] as const)('retention on %s', (_, openBench) => {
  let bench: Bench
  let plain: Database
  beforeEach(async () => {
    bench = await openBench()
    await bench.sql('CREATE TABLE t (a int, b text)')
    plain = await bench.open({ ledger: true })
  })
  afterEach(async () => {
    await plain.close()
    await bench.close()
  })

  const load = (db: Database, stdin: string, options = '') =>
    db.copy(`COPY t FROM STDIN (FORMAT csv${options})`, { stdin })
  /** One of each kind, a hundred days old. */
  const fill = async () => {
    await load(plain, '1,a\n')
    await load(plain, 'x,a\n').catch(() => {})
    await load(plain, '2,b\n', `, LOAD_KEY 'k'`)
    await load(plain, 'x,a\n', ', ON_ERROR skip_row')
    const interval = `interval '100 days'`
    await bench.sql(`UPDATE copyist.loads SET started_at = started_at - ${interval}, ended_at = ended_at - ${interval}`)
  }
  const left = async () => {
    const rows = await bench.sql(`SELECT load_no FROM copyist.loads ORDER BY load_no`)
    return rows.map(([number]) => Number(number))
  }

  it('forgets what is old, but no key and no row that nobody has loaded', async () => {
    await fill()
    const db = await bench.open({ ledger: { retention: { days: 90 } } })
    await load(db, '5,e\n')
    expect(await left()).toEqual([3, 4, 5])
    expect(await bench.sql('SELECT count(*) FROM copyist.files')).toEqual([['3']])
    await db.close()
  })

  it('keeps what is not old enough', async () => {
    await fill()
    const db = await bench.open({ ledger: { retention: { days: 101 } } })
    await load(db, '5,e\n')
    expect(await left()).toEqual([1, 2, 3, 4, 5])
    await db.close()
  })

  it('forgets all that is old when asked', async () => {
    await fill()
    const db = await bench.open({ ledger: { record: true, retention: { days: 90, keyed: true, unresolved: true } } })
    await load(db, '5,e\n')
    expect(await left()).toEqual([5])
    expect(await bench.sql('SELECT count(*) FROM copyist.rejects')).toEqual([['0']])
    await db.close()
  })

  it('looks once, not at each load, and not without a record', async () => {
    await fill()
    const db = await bench.open({ ledger: { retention: { days: 90 } } })
    await db.copy('COPY t FROM STDIN', { stdin: '5\te\n', ledger: false })
    expect(await left()).toEqual([1, 2, 3, 4])
    await load(db, '5,e\n')
    await bench.sql(`UPDATE copyist.loads SET ended_at = ended_at - interval '100 days'`)
    await load(db, '6,f\n')
    expect((await left()).slice(0, 3)).toEqual([3, 4, 5])
    await db.close()
  })

  it('does nothing inside a transaction of the caller', async () => {
    await fill()
    const { db, run } = await bench.lend({ ledger: { retention: { days: 90 } } })
    await run('BEGIN')
    await load(db, '5,e\n')
    await run('COMMIT')
    expect(await left()).toEqual([1, 2, 3, 4, 5])
    await db.close()
  })

  it('never fails the load, but warns', async () => {
    await fill()
    await bench.sql('CREATE TABLE copyist.mine (load_id uuid REFERENCES copyist.loads (load_id))')
    await bench.sql('INSERT INTO copyist.mine SELECT load_id FROM copyist.loads WHERE load_no = 1')
    const db = await bench.open({ ledger: { retention: { days: 90 } } })
    const warned = new Promise<Error & { readonly code?: string }>((resolve) => process.once('warning', resolve))
    expect(await load(db, '5,e\n')).toMatchObject({ rowsLoaded: 1, ledger: true })
    const warning = await warned
    expect(warning.code).toBe('COPYIST_RETENTION')
    expect(warning.message).toMatch(/^old loads are still recorded in the schema copyist: .*foreign key/s)
    expect(await left()).toEqual([1, 2, 3, 4, 5])
    await db.close()
  })

  it('takes only what it knows', async () => {
    for (const ledger of [
      'yes',
      { retention: { days: 0 } },
      { retention: { days: '3' } },
      { retention: { days: 1, keyed: 'no' } },
      { retention: { day: 1 } },
      { retain: 1 },
    ]) {
      await expect(bench.open({ ledger } as unknown as ConnectOptions)).rejects.toMatchObject({ sqlState: '22023' })
    }
  })

  it('what a connection says holds for loads that do not', async () => {
    const db = await bench.open({ ledger: false })
    await plain.copy('COPY t FROM STDIN', { stdin: '1\ta\n' })
    expect((await load(db, '2,b\n')).ledger).toBe(false)
    expect((await db.copy('COPY t FROM STDIN', { stdin: '3\tc\n', ledger: true })).ledger).toBe(true)
    await db.close()
  })
})

it('looks at the rejects of old loads alone, however many there are of others', async () => {
  const scratch = await createScratchDatabase()
  await scratch.query('CREATE TABLE t (a int)')
  const plain = await connect(scratch.url)
  await plain.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: 'x\n'.repeat(20_000) })
  const old = await plain.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: '1\nx\n' })
  await plain.copy(`COPY REJECTS '${old.id}' INTO t WITH (NULL 'x')`)
  await plain.close()
  await scratch.query(`UPDATE copyist.loads SET ended_at = ended_at - interval '100 days' WHERE load_id = $1`, [old.id])
  await scratch.query('VACUUM ANALYZE copyist.rejects')
  const read = async (): Promise<number> => {
    const [row] = await scratch.query<{ count: string }>(
      `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS count FROM pg_stat_user_tables WHERE relname = 'rejects'`,
    )
    return Number(row?.count)
  }
  // What a session has read is told when it ends.
  await expect.poll(() => scratch.sessions()).toEqual([])
  const before = await read()
  const db = await connect(scratch.url, { ledger: { retention: { days: 90 } } })
  await db.copy('COPY t FROM STDIN', { stdin: '5\n' })
  await db.close()
  await expect.poll(() => scratch.sessions()).toEqual([])
  expect(await scratch.query('SELECT count(*)::int FROM copyist.loads WHERE load_id = $1', [old.id])).toEqual([
    { count: 0 },
  ])
  await expect.poll(async () => (await read()) - before).toBeGreaterThan(0)
  expect((await read()) - before).toBeLessThan(100)
  await scratch.drop()
})
