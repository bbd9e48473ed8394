import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'

const API = createRequire(import.meta.url).resolve('@duckdb/node-api')

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-leftover-'))
  path = join(folder, 'new.duckdb')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const rows = (count: number) => Array.from({ length: count / 1000 }, () => '1\tname\n'.repeat(1000))

const fails = (db: Database) => expect(db.copy('COPY t FROM STDIN', { stdin: '1\n' })).rejects.toThrow('does not exist')

/** Runs SQL on the file with nothing of ours. */
async function run(sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  await connection.run(sql)
  connection.closeSync()
  instance.closeSync()
}

describe('a file that connecting made is gone after', () => {
  it('no load at all', async () => {
    const db = await connect(path)
    expect(existsSync(path)).toBe(true)
    await db.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('a load into a table that is not there', async () => {
    const db = await connect(`duckdb:${path}`)
    await fails(db)
    await db.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('a load that created the table, and failed after many rows', async () => {
    const db = await connect(path)
    const stdin = [...rows(1_000_000), '2\tlast\n']
    const where = `CASE WHEN id = 1 THEN true ELSE error('the last row') END`
    const load = db.copy(`COPY t (id, name) FROM STDIN WHERE ${where}`, { stdin, createTable: true })
    await expect(load).rejects.toThrow('the last row')
    await db.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('a load that was aborted while it wrote', async () => {
    const db = await connect(path)
    const controller = new AbortController()
    const stdin = async function* () {
      yield* rows(1_500_000)
    }
    const load = db.copy('COPY t (id, name) FROM STDIN', {
      stdin: stdin(),
      createTable: true,
      signal: controller.signal,
      onProgress: ({ rowsRead }) => rowsRead > 500_000 && controller.abort(),
    })
    await expect(load).rejects.toMatchObject({ sqlState: '57014' })
    await db.close()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a file stays', () => {
  it('when a load has been committed, whatever came later', async () => {
    const db = await connect(path)
    await db.copy('COPY t (id) FROM STDIN', { stdin: '1\n', createTable: true })
    await expect(db.copy('COPY u FROM STDIN', { stdin: '1\n' })).rejects.toThrow()
    await db.close()
    expect(existsSync(path)).toBe(true)
  })

  it('when it was there before, also an empty one', async () => {
    await run('SELECT 1')
    const db = await connect(path)
    await fails(db)
    await db.close()
    expect(existsSync(path)).toBe(true)
    rmSync(path)
    symlinkSync('elsewhere.duckdb', path)
    const linked = await connect(path)
    await linked.close()
    expect(existsSync(join(folder, 'elsewhere.duckdb'))).toBe(true)
  })

  it('as long as a log without a database is beside it', async () => {
    writeFileSync(`${path}.wal`, '')
    const db = await connect(path)
    await db.close()
    expect(existsSync(path)).toBe(true)
  })

  it.each(
    ['CREATE TABLE x (a INTEGER)', 'CREATE VIEW x AS SELECT 1', 'CREATE SCHEMA x', 'CREATE SEQUENCE x'].concat([
      "CREATE TYPE x AS ENUM ('a')",
      'CREATE MACRO x() AS 1',
    ]),
  )('when the caller has put something into it: %s', async (sql) => {
    const db = await connect(path)
    const instance = await DuckDBInstance.fromCache(path)
    const connection = await instance.connect()
    await connection.run(sql)
    connection.closeSync()
    instance.closeSync()
    await fails(db)
    await db.close()
    expect(existsSync(path)).toBe(true)
  })

  it('when the caller has it open still', async () => {
    const db = await connect(path)
    const instance = await DuckDBInstance.fromCache(path)
    await db.close()
    expect(existsSync(path)).toBe(true)
    const connection = await instance.connect()
    await connection.run('CREATE TABLE x (a INTEGER)')
    connection.closeSync()
    instance.closeSync()
    expect(existsSync(path)).toBe(true)
  })

  it('when another target has it open, and goes with the last one', async () => {
    const [first, second] = await Promise.all([connect(path), connect(path)])
    await first.close()
    expect(existsSync(path)).toBe(true)
    await second.copy('COPY t (id) FROM STDIN', { stdin: '1\n', createTable: true })
    await second.close()
    expect(existsSync(path)).toBe(true)
  })

  it('when another process has taken it over', async () => {
    const db = await connect(path)
    await db.close()
    expect(existsSync(path)).toBe(false)
    const script = `const { DuckDBInstance } = require(${JSON.stringify(API)});
      (async () => { globalThis.kept = await DuckDBInstance.create(process.argv[1]); console.log('open'); setInterval(() => {}, 1000) })()`
    const other = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await new Promise((resolve) => other.stdout.once('data', resolve))
      const { removeEmpty } = await import('../../lib/target/duckdb/leftover.ts')
      const { loadDriver } = await import('../../lib/target/duckdb/driver.ts')
      await removeEmpty(await loadDriver(), path)
      expect(existsSync(path)).toBe(true)
    } finally {
      other.kill()
    }
  })
})
