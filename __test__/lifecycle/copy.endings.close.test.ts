import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connect } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { ABORT_MS, abortedAfter, type Census, census, ending, expectAsBefore, soon, useFiles } from './copy.endings.ts'

const files = useFiles()
const fromFile = `COPY t FROM '${files.good}' (FORMAT csv)`
const fromStdin = 'COPY t FROM STDIN (FORMAT csv)'
const ROW = '1,a,1.5,2024-01-01 00:00:00\n'

describe.each(['postgres', ':memory:', 'file'])('a database that connect() opened (%s)', (name) => {
  let before: Census
  let scratch: ScratchDatabase | undefined
  let target: string

  beforeEach(async () => {
    scratch = name === 'postgres' ? await createScratchDatabase() : undefined
    target = scratch?.url ?? (name === 'file' ? join(mkdtempSync(join(files.folder, 'db-')), 'own.duckdb') : name)
    // Of the first of its kind, what the drivers keep for all stays open.
    await (await connect(target)).close()
    before = await census()
  })
  afterEach(() => scratch?.drop())

  const created = { createTable: true }

  test('close() waits for the load that runs, and lets no other begin', async () => {
    const db = await connect(target)
    let loaded = false
    const load = ending(db.copy(fromFile, created)).then((end) => {
      loaded = true
      return end
    })
    await sleep(20)
    const closed = db.close().then(() => loaded)
    const refused = await ending(db.copy(fromFile), ABORT_MS)
    expect(refused.error).toMatchObject({ sqlState: '08003', code: 'connection_does_not_exist' })
    expect((await load).receipt).toMatchObject({ rowsLoaded: files.rows })
    expect(await soon(closed)).toBe(true)
    await soon(db.close())
    await expectAsBefore(before)
    expect((await ending(db.copy(fromFile), ABORT_MS)).error).toMatchObject({ sqlState: '08003' })
  })

  test('close() waits for a load that is aborted meanwhile', async () => {
    const db = await connect(target)
    let closed: Promise<void> | undefined
    const end = await abortedAfter(60, (call) => {
      const load = db.copy(fromStdin, { ...call, ...created, stdin: new Readable({ read() {} }) })
      closed = db.close()
      return load
    })
    expect(end.error?.sqlState).toBe('57014')
    await soon(closed as Promise<void>)
    await expectAsBefore(before)
  })

  test('`await using` closes it, after an error too', async () => {
    const use = async (path: string) => {
      await using db = await connect(target)
      return await db.copy(`COPY t FROM '${path}' (FORMAT csv)`, created)
    }
    expect((await ending(use('/not/there.csv'))).error?.sqlState).toBe('58P01')
    await expectAsBefore(before)
    expect((await ending(use(files.good))).receipt?.rowsLoaded).toBe(files.rows)
    await expectAsBefore(before)
  })

  test('eight loads at once are all loaded, and leave nothing', async () => {
    const db = await connect(target)
    await db.copy(fromStdin, { ...created, stdin: ROW })
    const loads = Array.from({ length: 8 }, () => ending(db.copy(fromFile)))
    for (const { receipt } of await Promise.all(loads)) expect(receipt?.rowsLoaded).toBe(files.rows)
    await soon(db.close())
    await expectAsBefore(before)
  })
})
