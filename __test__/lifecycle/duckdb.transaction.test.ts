import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { connectDuckdb } from '../../lib/target/duckdb/connect.ts'
import { importDriver } from '../../lib/target/duckdb/driver.ts'
import type { Target, TargetTransaction } from '../../lib/target/target.ts'
import {
  copyRows,
  DuckDBInstance,
  FakeChunk,
  FakeNative,
  loadRows,
  named,
  requestFor,
  textRows,
  type Value,
} from './duckdb.batches.ts'

const INT = { kind: 'int4' } as const
const integers = (count: number, from = 0): Value[][] => Array.from({ length: count }, (_, n) => [from + n])
const API = createRequire(import.meta.url).resolve('@duckdb/node-api')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-duckdb-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

async function failure(promise: Promise<unknown>): Promise<CopyError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CopyError)
  return error as CopyError
}

/** Runs a script on DuckDB in a process of its own and gives what it prints. */
function elsewhere(body: string): string {
  const script = `const { DuckDBInstance } = require(${JSON.stringify(API)});(async () => {${body}})().catch((error) => { console.error(error.message); process.exit(1) })`
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 30_000 })
}

describe('a connection that is lent', () => {
  it('and closed is said to be closed', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const target = await connectDuckdb(connection)
    connection.closeSync()
    expect(await failure(target.begin())).toMatchObject({
      code: 'connection_does_not_exist',
      sqlState: '08003',
      message: 'the DuckDBConnection has been closed',
    })
    await target.close()
    instance.closeSync()
  })

  it('stays open, and outside of a transaction when it was', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run('CREATE TABLE t (a INTEGER)')
    const target = await connectDuckdb(connection)
    await copyRows(target, 't', integers(10))
    await target.close()
    await connection.run('BEGIN')
    await connection.run('ROLLBACK')
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['10']])
    connection.closeSync()
    instance.closeSync()
  })

  it('stays in the caller’s transaction, which the caller ends', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const [connection, other] = [await instance.connect(), await instance.connect()]
    await connection.run('CREATE TABLE t (a INTEGER)')
    const target = await connectDuckdb(connection)
    for (const end of ['ROLLBACK', 'COMMIT', 'ROLLBACK', 'COMMIT']) {
      await connection.run('BEGIN')
      await connection.run('INSERT INTO t VALUES (-1)')
      await copyRows(target, 't', integers(150_000), { chunkRows: 50_000 })
      expect(await textRows(connection, 'SELECT count(*) > 150000 FROM t')).toEqual([['true']])
      await connection.run(end)
    }
    expect(await textRows(other, 'SELECT count(*) FROM t')).toEqual([['300002']])
    expect(await textRows(other, `SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'copyist%'`)).toEqual([
      ['0'],
    ])
    other.closeSync()
    connection.closeSync()
    instance.closeSync()
  })

  it('leaves the caller’s transaction as it was when the condition is wrong', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run('CREATE TABLE t (a INTEGER)')
    const target = await connectDuckdb(connection)
    await connection.run('BEGIN')
    await connection.run('INSERT INTO t VALUES (0)')
    // What is unfinished is so at its end.
    for (const [where, offset] of [
      ['nosuch = 1', 0],
      ['a >', 3],
    ] as const) {
      const error = await failure(copyRows(target, 't', integers(300_000), { where, chunkRows: 50_000 }))
      expect(error).toMatchObject({ statement: { text: where, offset } })
    }
    await connection.run('COMMIT')
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['1']])
    expect(await textRows(connection, `SELECT table_name FROM duckdb_tables() WHERE table_name <> 't'`)).toEqual([])
    connection.closeSync()
    instance.closeSync()
  })

  it('does not let the caller commit half of a failed load', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run('CREATE TABLE t (a INTEGER NOT NULL)')
    const target = await connectDuckdb(connection)
    const load = async (steps: ConstructorParameters<typeof FakeNative>[0]) => {
      const transaction = await target.begin()
      const native = new FakeNative(steps)
      try {
        return await failure(transaction.load({ ...(await requestFor(transaction, 't', {})), native }))
      } finally {
        await transaction.rollback()
        expect(native.unreleased).toBe(0)
      }
    }
    const bad = new CopyError({ code: 'bad_copy_file_format', sqlState: '22P04', message: 'bad' })

    await connection.run('BEGIN')
    await connection.run('INSERT INTO t VALUES (0)')
    expect(await load([bad])).toBe(bad)
    await connection.run('COMMIT')
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['1']])

    for (const steps of [() => [new FakeChunk([INT], [[1]]), bad], () => [new FakeChunk([INT], [[1], [null]])]]) {
      await connection.run('BEGIN')
      await connection.run('INSERT INTO t VALUES (7)')
      await load(steps())
      expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['2']])
      await connection.run('ROLLBACK')
    }
    expect(await textRows(connection, 'SELECT count(*) FROM t')).toEqual([['1']])
    await copyRows(target, 't', [[2]])
    connection.closeSync()
    instance.closeSync()
  })

  it('takes one load after the other, from whatever target', async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    await connection.run('CREATE TABLE t (a INTEGER)')
    const targets = await Promise.all([connectDuckdb(connection), connectDuckdb(connection)])
    await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        copyRows(targets[n % 2] as (typeof targets)[0], 't', integers(100, n * 100)),
      ),
    )
    expect(await textRows(connection, 'SELECT count(*), sum(a) FROM t')).toEqual([['1000', '499500']])
    const blocking = await targets[0].begin()
    const waiting = failure(targets[1].begin(AbortSignal.timeout(20)))
    expect(await waiting).toMatchObject({ sqlState: '57014' })
    await blocking.rollback()
    await copyRows(targets[1], 't', integers(1))
    connection.closeSync()
    instance.closeSync()
  })
})

describe('abort', () => {
  it.each([0, 5, 20, 50, 90, 140])('after %d ms rolls back within 200 ms', async (delay) => {
    const target = await connectDuckdb(join(folder, 'abort.duckdb'))
    const setup = await target.begin()
    await setup.createTable(named('t'), [{ name: 'a', type: INT }])
    await setup.commit()
    const chunk = () => new FakeChunk([INT], integers(60_000))
    const native = new FakeNative(
      (function* () {
        for (;;) yield chunk()
      })(),
    )
    const controller = new AbortController()
    const transaction = await target.begin(controller.signal)
    const request = await requestFor(transaction, 't', { signal: controller.signal })
    let aborted = 0
    setTimeout(() => {
      aborted = performance.now()
      controller.abort()
    }, delay)
    const error = await failure(transaction.load({ ...request, native }))
    await transaction.rollback()
    expect(performance.now() - aborted).toBeLessThan(200)
    expect(error).toMatchObject({ code: 'query_canceled', sqlState: '57014' })
    await sleep(30)
    expect(native.unreleased).toBe(0)
    const check = await target.begin()
    expect(await loadRows(check, 't', [[1]])).toEqual({ rowsLoaded: 1, rowsFiltered: 0 })
    await check.commit()
    await target.close()
    expect(
      elsewhere(
        `const i = await DuckDBInstance.create(${JSON.stringify(join(folder, 'abort.duckdb'))}); const c = await i.connect(); console.log((await c.runAndReadAll('SELECT count(*) FROM t')).getRowsJson()[0][0])`,
      ).trim(),
    ).toBe('1')
  })

  it('does not wait for a source that is silent', async () => {
    const target = await connectDuckdb(':memory:')
    const transaction = await target.begin()
    await transaction.createTable(named('t'), [{ name: 'a', type: INT }])
    const native = new FakeNative([new FakeChunk([INT], [[1]]), 400, new FakeChunk([INT], [[2]])])
    const before = performance.now()
    const signal = AbortSignal.timeout(30)
    await failure(transaction.load({ ...(await requestFor(transaction, 't', { signal })), native }))
    await transaction.rollback()
    expect(performance.now() - before).toBeLessThan(230)
    await sleep(500)
    expect(native.unreleased).toBe(0)
    await target.close()
  })
})

describe('a database of our own', () => {
  it('is created, filled and given back', async () => {
    const path = join(folder, 'own.duckdb')
    const target = await connectDuckdb(`duckdb:${path}`)
    const transaction = await target.begin()
    await transaction.createTable(named('t'), [{ name: 'a', type: INT }])
    await loadRows(transaction, 't', integers(200_000), { chunkRows: 10_000 })
    await transaction.commit()
    await target.close()
    await target.close()
    expect(readdirSync(folder)).toEqual(['own.duckdb'])
    expect(
      elsewhere(
        `const i = await DuckDBInstance.create(${JSON.stringify(path)}); const c = await i.connect(); console.log((await c.runAndReadAll('SELECT count(*) FROM t')).getRowsJson()[0][0])`,
      ).trim(),
    ).toBe('200000')
  })

  it('is left empty and valid, without a write-ahead log, by a failed load', async () => {
    const path = join(folder, 'failed.duckdb')
    // One that connecting makes would be removed.
    elsewhere(`await DuckDBInstance.create(${JSON.stringify(path)})`)
    const target = await connectDuckdb(path)
    const transaction = await target.begin()
    await transaction.createTable(named('t'), [{ name: 'j', type: { kind: 'json' } }])
    await failure(loadRows(transaction, 't', [['1'], ['bad']]))
    await transaction.rollback()
    await target.close()
    expect(readdirSync(folder)).toEqual(['failed.duckdb'])
    expect(
      elsewhere(
        `const i = await DuckDBInstance.create(${JSON.stringify(path)}); const c = await i.connect(); console.log((await c.runAndReadAll('FROM duckdb_tables()')).getRowsJson().length)`,
      ).trim(),
    ).toBe('0')
  })

  it('loads side by side, also by two targets on one file', async () => {
    const path = join(folder, 'two.duckdb')
    const targets = await Promise.all([connectDuckdb(path), connectDuckdb(path)])
    const setup = await targets[0].begin()
    await setup.createTable(named('t'), [{ name: 'a', type: INT }])
    await setup.commit()
    await Promise.all(
      targets.flatMap((target) => [0, 1, 2].map(() => copyRows(target, 't', integers(130_000), { chunkRows: 30_000 }))),
    )
    await targets[0].close()
    const check = await targets[1].begin()
    expect(await loadRows(check, 't', [[1]])).toEqual({ rowsLoaded: 1, rowsFiltered: 0 })
    await check.commit()
    await targets[1].close()
    expect(
      elsewhere(
        `const i = await DuckDBInstance.create(${JSON.stringify(path)}); const c = await i.connect(); console.log((await c.runAndReadAll('SELECT count(*) FROM t')).getRowsJson()[0][0])`,
      ).trim(),
    ).toBe('780001')
  })

  it('gives loads that are under way the numbers of their rows, whatever starts meanwhile', async () => {
    const path = join(folder, 'threads.duckdb')
    const target = await connectDuckdb(path)
    const instance = await DuckDBInstance.fromCache(path)
    const settings = await instance.connect()
    const setup = await target.begin()
    await setup.createTable(named('t'), [{ name: 'a', type: INT }])
    await setup.commit()
    const load = async (transaction: TargetTransaction) => {
      await loadRows(transaction, 't', integers(500_000), { chunkRows: 50_000 })
      await transaction.commit()
    }
    const begun = []
    for (const threads of [2, 6, 1, 4]) {
      await settings.run(`SET threads = ${threads}`)
      const transaction = await target.begin()
      await transaction.describe(named('t'))
      begun.push(transaction)
    }
    for (const transaction of begun) await load(transaction)
    expect(await textRows(settings, 'SELECT count(*), sum(a) FROM t')).toEqual([['2000000', '499999000000']])
    await target.close()
    settings.closeSync()
    instance.closeSync()
  })

  it.each(['file', ':memory:'])('loads of all sizes begin one into the other (%s)', async (kind) => {
    const path = kind === 'file' ? join(folder, 'sizes.duckdb') : kind
    const target = await connectDuckdb(path)
    const targets = [target, kind === 'file' ? await connectDuckdb(path) : target]
    const setup = await target.begin()
    await setup.createTable(named('t'), [{ name: 'a', type: INT }])
    await setup.commit()
    const sizes = [1, 122_880, 122_881, 10, 400_000, 245_761, 2_000, 0, 150_000, 300_000]
    await Promise.all(
      sizes.map(async (size, n) => {
        await sleep(n * 4)
        expect(await copyRows(targets[n % 2] as Target, 't', integers(size), { chunkRows: 40_000 })).toEqual({
          rowsLoaded: size,
          rowsFiltered: 0,
        })
      }),
    )
    const check = await target.begin()
    expect(await loadRows(check, 't', [[1]])).toEqual({ rowsLoaded: 1, rowsFiltered: 0 })
    await check.commit()
    await Promise.all(targets.map((each) => each.close()))
  })

  it('says who has locked the file', async () => {
    const path = join(folder, 'locked.duckdb')
    const holder = spawn(
      process.execPath,
      [
        '-e',
        `const { DuckDBInstance } = require(${JSON.stringify(API)}); DuckDBInstance.create(${JSON.stringify(path)}).then((i) => { globalThis.i = i; console.log('open'); setInterval(() => {}, 1000) })`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    try {
      await new Promise((resolve) => holder.stdout.once('data', resolve))
      const error = await failure(connectDuckdb(path))
      expect(error).toMatchObject({
        code: 'lock_not_available',
        sqlState: '55P03',
        message: `database file "${path}" is locked by another process (PID ${holder.pid})`,
      })
      expect(error.hint).toContain('one process at a time')
    } finally {
      holder.kill()
      await new Promise((resolve) => holder.once('exit', resolve))
    }
    await (await connectDuckdb(path)).close()
  })

  it('says what is wrong with the file', async () => {
    const path = join(folder, 'text.duckdb')
    writeFileSync(path, 'not a database\n'.repeat(1000))
    expect(await failure(connectDuckdb(path))).toMatchObject({
      sqlState: '42809',
      message: `file "${path}" is not a DuckDB database`,
    })
    expect(await failure(connectDuckdb(folder))).toMatchObject({
      sqlState: '42809',
      message: `"${folder}" is a directory, not a DuckDB database`,
    })
    expect(await failure(connectDuckdb(join(folder, 'no', 'such.duckdb')))).toMatchObject({ sqlState: '58P01' })
  })

  it('says that the directory is read-only', async () => {
    // Permissions do not bind root, so the attempt runs as nobody.
    chmodSync(folder, 0o555)
    const path = join(folder, 'denied.duckdb')
    const asNobody = process.getuid?.() === 0 ? 'process.setgid(65534); process.setuid(65534);' : ''
    const message = elsewhere(
      `${asNobody} try { await DuckDBInstance.create(${JSON.stringify(path)}) } catch (error) { console.log(error.message) }`,
    )
    expect(message).toContain('Permission denied')
    const { openError } = await import('../../lib/target/duckdb/errors.ts')
    expect(openError(new Error(message.trim()), path)).toMatchObject({
      sqlState: '42501',
      message: `could not open database file "${path}"`,
    })
  })

  it('rolls back when the disk is full', async (context) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'pipe' })
    } catch (error) {
      console.warn(`SKIPPED "rolls back when the disk is full": cannot mount a tmpfs here (${String(error)})`)
      context.skip()
    }
    try {
      const path = join(folder, 'full.duckdb')
      const target = await connectDuckdb(path)
      const transaction = await target.begin()
      await transaction.createTable(named('t'), [{ name: 's', type: { kind: 'text' } }])
      const noise = (n: number): Value[] => [
        Array.from({ length: 4 }, (_, k) => Math.imul(n * 4 + k, 2654435761).toString(36)).join(''),
      ]
      const error = await failure(
        loadRows(
          transaction,
          't',
          Array.from({ length: 500_000 }, (_, n) => noise(n)),
          { chunkRows: 30_000 },
        ),
      )
      await transaction.rollback()
      expect(error).toMatchObject({ code: 'disk_full', sqlState: '53100' })
      await target.close()
      const again = await connectDuckdb(path)
      const check = await again.begin()
      expect(await check.describe(named('t'))).toBeUndefined()
      await check.rollback()
      await again.close()
      expect(existsSync(`${path}.wal`)).toBe(false)
    } finally {
      execFileSync('umount', [folder])
    }
  })
})

describe('the optional package', () => {
  it('is asked for by name when it is not there', async () => {
    const missing = Object.assign(new Error(`Cannot find package '@duckdb/node-api'`), { code: 'ERR_MODULE_NOT_FOUND' })
    expect(await failure(importDriver(() => Promise.reject(missing)))).toMatchObject({
      sqlState: '0A000',
      hint: 'Run: npm install @duckdb/node-api',
      cause: missing,
    })
  })
})
