import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect, type Database, type Reject } from '../../lib/index.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'

let instance: DuckDBInstance
let connection: DuckDBConnection
let db: Database
beforeEach(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  db = await connect(connection)
})
afterEach(async () => {
  await db.close()
  connection.closeSync()
  instance.closeSync()
})

const left = async (id: string, database?: string): Promise<Reject[]> => {
  const found: Reject[] = []
  for await (const reject of db.rejects(id, database === undefined ? {} : { database })) found.push(reject)
  return found
}

it('finds the load in the database of the table', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'copyist-'))
  try {
    await connection.run(`ATTACH '${join(directory, 'other.duckdb')}' AS other`)
    await connection.run('CREATE TABLE other.t (a int, b text)')
    await connection.run('CREATE TABLE t (a int, b text)')
    const { id } = await db.copy('COPY other.main.t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: 'x,a\n' })
    expect((await left(id, 'other')).length).toBe(1)
    await expect(left(id)).rejects.toMatchObject({ sqlState: '42P01' })
    await expect(db.copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'x')`)).rejects.toMatchObject({ sqlState: '42P01' })
    const again = await db.copy(`COPY REJECTS '${id}' INTO other.main.t WITH (NULL 'x')`)
    expect(again).toMatchObject({ rowsLoaded: 1, rowsResolved: 1 })
    expect(await left(id, 'other')).toEqual([])
    const olderThan = new Date(Date.now() + 60_000)
    expect((await db.purge({ olderThan })).loads).toBe(0)
    expect((await db.purge({ olderThan, database: 'other' })).loads).toBe(2)
    await expect(db.purge({ olderThan, database: 'nowhere' })).rejects.toMatchObject({ sqlState: '3D000' })
    await connection.run('DETACH other')
  } finally {
    await rm(directory, { recursive: true })
  }
})

it('costs a transaction of the caller in which the rejects are loaded while another loads them, and says so', async () => {
  await connection.run('CREATE TABLE t (a int, b text)')
  const { id } = await db.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: 'x,1\n' })
  const [mine, other] = [await instance.connect(), await instance.connect()]
  const load = async (on: DuckDBConnection) => (await connect(on)).copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'x')`)
  await other.run('BEGIN')
  await load(other)
  await mine.run('BEGIN')
  await expect(load(mine)).rejects.toMatchObject({
    sqlState: '40001',
    hint: expect.stringMatching(/^Run the statement again when the other has ended.* Only ROLLBACK can follow\.$/),
  })
  await mine.run('ROLLBACK')
  await other.run('COMMIT')
  for (const one of [mine, other]) one.closeSync()
})

it('loads no row twice', async () => {
  await connection.run('CREATE TABLE t (a int, b text)')
  const stdin = Array.from({ length: 500 }, (_, n) => `x,${n}\n`).join('')
  const { id } = await db.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin })
  const others = await Promise.all([1, 2, 3].map(() => instance.connect()))
  const results = await Promise.allSettled(
    others.map(async (other) => (await connect(other)).copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'x')`)),
  )
  // DuckDB has nothing to wait with: who is too late is told so.
  const resolved = results.map((result) => {
    if (result.status === 'fulfilled') return result.value.rowsResolved
    expect(result.reason).toMatchObject({
      sqlState: '40001',
      message: `another COPY REJECTS of load "${id}" is under way`,
    })
    return 0
  })
  expect(resolved.sort()).toEqual([0, 0, 500])
  expect(await textRows(connection, 'SELECT count(DISTINCT b), count(*) FROM t')).toEqual([['500', '500']])
  expect(await left(id)).toEqual([])
  for (const other of others) other.closeSync()
})

it('loads no row twice from two databases of one file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'copyist-'))
  try {
    const path = join(directory, 'one.duckdb')
    const databases = await Promise.all([connect(path), connect(path)])
    const [first] = databases
    await first?.copy('COPY t FROM STDIN (FORMAT csv, HEADER, CREATE_TABLE)', { stdin: 'a,b\n1,z\n' })
    const stdin = Array.from({ length: 20_000 }, (_, n) => `x,${n}\n`).join('')
    const { id } = (await first?.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin })) ?? { id: '' }
    const statement = `COPY REJECTS '${id}' INTO t WITH (NULL 'x')`
    const results = await Promise.allSettled(databases.map((each) => each.copy(statement)))
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(refused.map(String)).toEqual([expect.stringContaining(`another COPY REJECTS of load "${id}" is under way`)])
    // Who was too late finds nothing left.
    expect(await databases[1]?.copy(statement)).toMatchObject({ rowsRead: 0, rowsResolved: 0 })
    for (const each of databases) await each.close()
  } finally {
    await rm(directory, { recursive: true })
  }
})

it('works within a transaction of the caller, and ends with it', async () => {
  await connection.run('CREATE TABLE t (a int, b text)')
  const { id } = await db.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: 'x,a\ny,b\n' })
  await connection.run('BEGIN')
  expect(await db.copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'x')`)).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
  expect((await left(id)).map(({ number }) => number)).toEqual([2])
  await connection.run('ROLLBACK')
  expect((await left(id)).map(({ number }) => number)).toEqual([1, 2])
  await connection.run('BEGIN')
  await expect(db.copy(`COPY REJECTS '00000000-0000-4000-8000-000000000000' INTO t`)).rejects.toMatchObject({
    sqlState: '22023',
  })
  expect(await db.copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'y')`)).toMatchObject({ rowsLoaded: 1, rowsResolved: 1 })
  await connection.run('COMMIT')
  expect((await left(id)).map(({ number }) => number)).toEqual([1])
})

it('reads a database that cannot be written', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'copyist-'))
  try {
    const path = join(directory, 'a.duckdb')
    await using writer = await connect(path)
    await connection.run('SELECT 1')
    const receipt = await writer.copy('COPY t FROM STDIN (FORMAT csv, CREATE_TABLE)', { stdin: '1,a\n' })
    expect(receipt.rowsLoaded).toBe(1)
    const { id } = await writer.copy('COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row)', { stdin: 'x,a\n' })
    await writer.close()
    await connection.run(`ATTACH '${path}' AS fixed (READ_ONLY)`)
    expect((await left(id, 'fixed')).length).toBe(1)
    await expect(db.copy(`COPY REJECTS '${id}' INTO fixed.main.t WITH (NULL 'x')`)).rejects.toMatchObject({
      sqlState: '25006',
    })
  } finally {
    await rm(directory, { recursive: true })
  }
})
