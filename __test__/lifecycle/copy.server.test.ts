import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type CopyError, connect, type Receipt } from '../../lib/index.ts'
import { type Cluster, startCluster } from './postgres.cluster.ts'

/*
 * A target that is killed, stopped, or out of space under a keyed load that refuses rows: the load has happened whole or not at all, says
 * so, and happens once when it is run again.
 */

/** Moments of each way to end; more of them by the environment, for a thorough run. */
const MOMENTS = Number(process.env.COPYIST_KILLS ?? 4)
const ROWS = 160_000

let folder: string
let input: string
let good = 0
let bad = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-server-'))
  input = join(folder, 'input.csv')
  const lines = Array.from({ length: ROWS }, (_, id) => {
    const kind = id % 100
    if (kind === 0 || kind === 7) bad += 1
    else good += 1
    return `${kind === 0 ? 'x' : id},${kind === 7 ? -5 : 5},${'some text '.repeat(5)}${Math.sin(id)}${Math.cos(id)}\n`
  })
  writeFileSync(input, lines.join(''))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const statement = (key: string) => `COPY t FROM '${input}' (FORMAT csv, ON_ERROR skip_row, LOAD_KEY '${key}')`

const settled = (loading: Promise<Receipt>): Promise<{ receipt?: Receipt; error?: CopyError }> =>
  Promise.race([
    loading.then(
      (receipt) => ({ receipt }),
      (error: CopyError) => ({ error }),
    ),
    sleep(30_000).then(() => Promise.reject(new Error('the load has not ended'))),
  ])

/** A server of this test's own, and a pool of one connection. */
async function openCluster(walFolder?: Parameters<typeof startCluster>[0]) {
  const cluster = await startCluster(walFolder)
  onTestFinished(() => cluster.remove())
  const pool = new pg.Pool({ connectionString: cluster.url, max: 1, connectionTimeoutMillis: 5_000 })
  pool.on('error', () => {})
  const db = await connect(pool)
  onTestFinished(async () => {
    await db.close()
    await pool.end()
  })
  const lookOnce = async (sql: string): Promise<string[]> => {
    const side = new pg.Client({ connectionString: cluster.url })
    side.on('error', () => {})
    await side.connect()
    try {
      const { rows } = await side.query<unknown[]>({ text: sql, rowMode: 'array' })
      return (rows ?? []).map((row) => row.join())
    } finally {
      await side.end()
    }
  }
  /** Runs SQL on a connection of its own, when the server takes one again. */
  const look = async (sql: string): Promise<string[]> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await lookOnce(sql)
      } catch (error) {
        // Otherwise it is about the statement.
        const { code, message } = error as { code?: string; message: string }
        const isLost = /^(?:08|57P|ECONN)/.test(String(code)) || message.startsWith('Connection terminated')
        if (attempt === 100 || !isLost) throw error
        await sleep(100)
      }
    }
  }
  /** Until the server takes connections again, and those of before are over. */
  const recovered = () =>
    expect
      .poll(
        () =>
          look(
            `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'`,
          ),
        { timeout: 20_000 },
      )
      .toEqual(['0'])
  /** After a load with a key that something happened to: what must hold, and that it can be run again. */
  const check = async (key: string, { receipt, error }: { receipt?: Receipt; error?: CopyError }, before: number) => {
    const told = `${key}: ${error?.sqlState} ${error?.message}`
    const [count] = await look('SELECT count(*) FROM t')
    const loaded = Number(count) - before
    const completed = await look(
      `SELECT count(*) FROM copyist.loads WHERE status = 'completed' AND load_key = '${key}'`,
    ).catch(() => ['0'])
    expect(
      [
        [0, '0'],
        [good, '1'],
      ],
      told,
    ).toContainEqual([loaded, completed[0]])
    if (receipt) expect(loaded, told).toBe(good)
    else if (error?.sqlState !== '08007') expect(loaded, told).toBe(0)
    await expect
      .poll(async () => (await pool.query('SELECT 1 AS one')).rows, { timeout: 10_000, message: told })
      .toEqual([{ one: 1 }])
    const again = await db.copy(statement(key))
    expect(again, told).toMatchObject({ rowsRead: ROWS, rowsLoaded: good, rowsRejected: bad })
    expect(again.alreadyLoaded, told).toBe(loaded > 0 ? true : undefined)
    expect(await look('SELECT count(*) FROM t'), told).toEqual([String(before + good)])
    expect(await look(`SELECT relname FROM pg_class WHERE relname ~ '^copyist_[0-9a-f]{12}'`), told).toEqual([])
    expect([pool.totalCount, pool.idleCount, pool.waitingCount], told).toEqual([1, 1, 0])
  }
  return { cluster, pool, db, look, recovered, check }
}

const NOT_TESTED = 'NOT TESTED: a disk that is full, since this user may not mount a file system'

/** The key once more is not in the way of the rows of the load before. */
const TABLE = 'CREATE TABLE t (id integer, amount integer CHECK (amount > 0), note text)'

describe('a server that ends under a load', { timeout: 600_000 }, () => {
  const ends: Record<string, (cluster: Cluster, look: (sql: string) => Promise<string[]>) => Promise<void>> = {
    'the process of the connection is killed': async (_, look) => {
      // The others are ended by the server then, and it recovers.
      const pids = await look(
        `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      )
      for (const pid of pids) process.kill(Number(pid), 'SIGKILL')
      expect(pids).toHaveLength(1)
    },
    'it crashes and is started again': async (cluster) => {
      cluster.stop('immediate')
      cluster.start()
    },
    'it is shut down and started again': async (cluster) => {
      cluster.stop('fast')
      cluster.start()
    },
  }

  test.each(Object.entries(ends))('%s', async (_, end) => {
    const { cluster, db, look, recovered, check } = await openCluster()
    await look(TABLE)
    const started = performance.now()
    await db.copy(statement('undisturbed'))
    const whole = performance.now() - started
    let failed = 0
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const key = `load ${moment}`
      const loading = settled(db.copy(statement(key)))
      await sleep((whole * (moment + 0.5)) / MOMENTS)
      await end(cluster, look)
      const ended = await loading
      if (ended.error) {
        failed += 1
        expect(ended.error.sqlState).toMatch(/^(?:08|57P)/)
      }
      await recovered()
      await check(key, ended, good * (moment + 1))
    }
    // How many come to their end before it is a matter of how busy the machine is.
    expect(failed).toBeGreaterThan(0)
  })
})

describe('a target that is out of space', { timeout: 600_000 }, () => {
  const mount = (path: string, options: string) =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status === 0
  const unmountAtEnd = (path: string) =>
    onTestFinished(() => {
      spawnSync('umount', ['-l', path])
    })
  /** Makes a file system of a folder of the server's; what changes its size, or undefined where mounting is not allowed. */
  const mountAt = (path: string, size: string): ((size: string) => void) | undefined => {
    const { uid, gid } = statSync(path)
    const options = `mode=0700,uid=${uid},gid=${gid}`
    if (!mount(path, `${options},size=${size}`)) {
      process.stderr.write(`${NOT_TESTED}\n`)
      return undefined
    }
    unmountAtEnd(path)
    return (other) => expect(mount(path, `remount,${options},size=${other}`)).toBe(true)
  }

  test.for(['the table', 'temporary tables'])('for %s', async (what, { skip }) => {
    const { cluster, db, look, check } = await openCluster()
    const path = cluster.makeFolder('small')
    const resize = mountAt(path, '2m')
    if (resize === undefined) return skip(NOT_TESTED)
    await look(`CREATE TABLESPACE small LOCATION '${path}'`)
    await look(what === 'the table' ? `${TABLE} TABLESPACE small` : TABLE)
    if (what !== 'the table') await look(`ALTER ROLE postgres SET temp_tablespaces = 'small'`)
    const ended = await settled(db.copy(statement('full')))
    expect(ended.error).toMatchObject({ sqlState: '53100', code: 'disk_full' })
    resize('512m')
    await check('full', ended, 0)
  })

  test('for its log of changes, which ends it', async ({ skip }) => {
    let resize: ((size: string) => void) | undefined
    let path = ''
    const { cluster, db, look, recovered, check } = await openCluster((makeFolder) => {
      path = makeFolder('wal')
      resize = mountAt(path, '512m')
      return path
    })
    if (resize === undefined) return skip(NOT_TESTED)
    // Before the server's files are removed; what is registered last comes first.
    unmountAtEnd(path)
    await look(TABLE)
    const { blocks, bfree, bsize } = statfsSync(path)
    resize(String((blocks - bfree) * bsize + (2 << 20)))
    const ended = await settled(db.copy(statement('full')))
    expect(ended.error?.sqlState).toMatch(/^(?:08|53|57P)/)
    resize('512m')
    try {
      cluster.stop('immediate')
    } catch {
      // It could not start again by itself.
    }
    cluster.start()
    await recovered()
    await check('full', ended, 0)
  })

  test('for a DuckDB file', async ({ skip }) => {
    const path = mkdtempSync(join(folder, 'duckdb-'))
    const resize = mountAt(path, '2m')
    if (resize === undefined) return skip(NOT_TESTED)
    const instance = await DuckDBInstance.create(join(path, 'small.duckdb'))
    const connection = await instance.connect()
    const db = await connect(connection)
    onTestFinished(async () => {
      await db.close()
      connection.closeSync()
      instance.closeSync()
    })
    const count = async () => Number((await (await connection.run('SELECT count(*) FROM t')).getRowsJS())[0]?.[0])
    await connection.run(TABLE)
    const { error } = await settled(db.copy(statement('full')))
    expect(error).toMatchObject({ sqlState: '53100', code: 'disk_full' })
    expect(await count()).toBe(0)
    resize('512m')
    const again = await db.copy(statement('full'))
    expect(again).toMatchObject({ rowsRead: ROWS, rowsLoaded: good, rowsRejected: bad })
    expect(again.alreadyLoaded).toBeUndefined()
    expect(await count()).toBe(good)
    expect(await db.copy(statement('full'))).toMatchObject({ alreadyLoaded: true })
    expect(await count()).toBe(good)
  })
})
