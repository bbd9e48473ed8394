import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { prepareLedger } from '../../lib/ledger/ensure.ts'
import { keyConflict, type Ledger } from '../../lib/ledger/ledger.ts'
import type { Receipt } from '../../lib/receipt.ts'
import { type Bench, databases, inLedger, ledgerOf, someLoad, someReject, uuid } from './databases.ts'

const RECEIPT = { id: uuid(1), rowsRead: 10, statement: 'COPY "t\u00e4" …' } as unknown as Receipt

describe.each(databases)('records in $name', ({ name, open }) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await open()
  })
  afterEach(() => bench.close())

  const sql = (text: string) => bench.sql(text)
  const run = <T>(use: (ledger: Ledger) => Promise<T>) => inLedger(bench.target, use)
  const failure = async (promise: Promise<unknown>): Promise<CopyError> => {
    const error = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(CopyError)
    return error as CopyError
  }

  it('takes a load that completed', async () => {
    await sql('CREATE TABLE t (a int)')
    await run((ledger) => ledger.recordLoad(someLoad(uuid(1), { key: 'a key', receipt: RECEIPT })))
    expect(
      await sql(`SELECT CAST(load_id AS text) AS i, load_key, target_table, status, transport, rows_read, rows_loaded, rows_rejected,
        rows_resolved, rows_filtered, rows_conflicted, header_lines, bytes_read, error_message, load_no FROM copyist.loads`),
    ).toEqual([
      // biome-ignore format: a row
      [uuid(1), 'a key', 'public.t', 'completed', 'binary', '10', '7', '2', '0', '1', '0', '1', '1234', null, '1'],
    ])
    const times = `SELECT CAST(ended_at = CAST('2026-03-01T12:00:02.5+02:00' AS timestamptz) AS text) AS e FROM copyist.loads`
    expect(await sql(times)).toEqual([['true']])
    if (name === 'postgres') {
      expect(
        await sql(`SELECT table_id = 't'::regclass::oid, user_id, session_id > 0 AS s FROM copyist.loads`),
      ).toEqual([['true', '10', 'true']])
    }
  })

  it('takes a load that failed, whatever its table is called', async () => {
    const error = { sqlState: '22P02', message: 'no\0good \ud800', context: 'COPY t, line 5' }
    await run((ledger) =>
      ledger.recordLoad(someLoad(uuid(1), { error, table: '"no ""such"".schema".x.y.z', rowsLoaded: 0 })),
    )
    expect(
      await sql('SELECT status, error_sqlstate, error_message, error_context, receipt FROM copyist.loads'),
    ).toEqual([['failed', '22P02', 'no\ufffdgood \ufffd', 'COPY t, line 5', null]])
  })

  it('takes files', async () => {
    await run(async (ledger) => {
      await ledger.recordLoad(someLoad(uuid(1)))
      await ledger.recordFiles(uuid(1), [
        { path: '/data/ä.csv', bytes: 5_000_000_000, rowsRead: 9, rowsLoaded: 8, rowsRejected: 1 },
        {
          path: 's3://b/c',
          bytes: 1,
          rowsRead: 1,
          rowsRejected: 1,
          etag: '"x"',
          modifiedAt: new Date('2026-01-02T03:04:05Z'),
        },
      ])
      await ledger.recordFiles(uuid(1), [])
    })
    expect(await sql('SELECT ordinal, path, bytes, rows_loaded, etag FROM copyist.files ORDER BY ordinal')).toEqual([
      ['1', '/data/ä.csv', '5000000000', '8', null],
      ['2', 's3://b/c', '1', null, '"x"'],
    ])
  })

  it('gives rejects back as they were', async () => {
    const rejects = [
      someReject(1),
      someReject(2, {
        raw: Buffer.from([0, 0xff, 0x80, 0x0a, 0x27, 0x22, 0x5c]),
        rawIsCut: true,
        line: 3,
        lastLine: 9,
      }),
      someReject(3, {
        raw: Buffer.alloc(0),
        byteOffset: 2 ** 40,
        errors: [
          { sqlState: '22P04', code: 'bad_copy_file_format', message: 'extra data after last expected column' },
          { column: 'x', sqlState: '22P02', code: 'c', message: 'm', detail: 'd', value: '😀\'"\\' },
        ],
      }),
    ]
    await run((ledger) => ledger.recordRejects(uuid(1), rejects))
    await run((ledger) => ledger.recordRejects(uuid(2), [someReject(1)]))
    const read = await run((ledger) => ledger.readRejects(uuid(1), 0, 100))
    expect(read).toEqual(rejects)
    expect(await run((ledger) => ledger.readRejects(uuid(1), 1, 1))).toEqual([rejects[1]])
    expect(await run((ledger) => ledger.readRejects(uuid(1), 3, 1))).toEqual([])
  })

  it('takes many rejects', async () => {
    const raw = Buffer.alloc(300, 'x')
    const rejects = Array.from({ length: 10_001 }, (_, n) => someReject(n + 1, { raw }))
    await run((ledger) => ledger.recordRejects(uuid(1), rejects))
    await run((ledger) =>
      ledger.recordRejects(
        uuid(2),
        [1, 2, 3].map((n) => someReject(n, { raw: Buffer.alloc(3 << 20, n) })),
      ),
    )
    expect(await sql('SELECT count(*), max(reject_no) FROM copyist.rejects')).toEqual([['10004', '10001']])
    const [second] = await run((ledger) => ledger.readRejects(uuid(2), 1, 1))
    expect(second?.raw.equals(Buffer.alloc(3 << 20, 2))).toBe(true)
  })

  it('takes rejects in a ledger of a later version', async () => {
    await run(async () => {})
    await sql(`ALTER TABLE copyist.rejects ADD COLUMN note text DEFAULT 'none'`)
    await run((ledger) => ledger.recordRejects(uuid(1), [someReject(1), someReject(2)]))
    expect(await sql('SELECT reject_no, note FROM copyist.rejects ORDER BY 1')).toEqual([
      ['1', 'none'],
      ['2', 'none'],
    ])
  })

  it('leaves no rejects behind when one cannot be recorded', async () => {
    const error = await failure(
      run((ledger) =>
        ledger.recordRejects(
          uuid(1),
          [1, 2, 1].map((n) => someReject(n)),
        ),
      ),
    )
    expect(error.sqlState).toBe('23505')
    await run((ledger) => ledger.recordRejects(uuid(2), [someReject(1)]))
    expect(await sql('SELECT CAST(load_id AS text) AS i, reject_no FROM copyist.rejects')).toEqual([[uuid(2), '1']])
  })

  it('lets the event loop run while it takes many rejects', async () => {
    const rejects = Array.from({ length: 20_000 }, (_, n) => someReject(n + 1))
    let turns = 0
    await run(async (ledger) => {
      const timer = setInterval(() => {
        turns += 1
      }, 1)
      await ledger.recordRejects(uuid(1), rejects)
      clearInterval(timer)
    })
    // Whatever the machine: a turn in each lot of rows but for a few.
    expect(turns).toBeGreaterThan(10)
  })

  it('replaces what text cannot hold, and keeps the bytes', async () => {
    const bad = { sqlState: '22P02', code: 'c', message: 'm\0', column: 'c\ud800', value: '\0v' }
    await run(async (ledger) => {
      await ledger.recordLoad(someLoad(uuid(1)))
      await ledger.recordRejects(uuid(1), [someReject(1, { raw: Buffer.from('a\0\xffb', 'latin1'), errors: [bad] })])
    })
    const [reject] = await run((ledger) => ledger.readRejects(uuid(1), 0, 1))
    expect(reject?.raw).toEqual(Buffer.from('a\0\xffb', 'latin1'))
    expect(await sql('SELECT rawrecord, detail, columnname FROM copyist.pgxc_copy_error_log')).toEqual([
      ['a\ufffd\ufffdb', 'm\ufffd', 'c\ufffd'],
    ])
    expect(await sql('SELECT trim(value) AS v FROM copyist.stl_loaderror_detail')).toEqual([['\ufffdv']])
  })

  describe('with a key', () => {
    it('finds the load that completed, not one that failed', async () => {
      const error = { sqlState: '22P02', message: 'no' }
      await run(async (ledger) => {
        expect(await ledger.findLoadByKey('k')).toBeUndefined()
        await ledger.recordLoad(someLoad(uuid(1), { key: 'k', error }))
        await ledger.recordLoad(someLoad(uuid(2), { key: 'k', error }))
        expect(await ledger.findLoadByKey('k')).toBeUndefined()
        await ledger.recordLoad(someLoad(uuid(3), { key: 'k', receipt: RECEIPT }))
        await ledger.recordLoad(someLoad(uuid(4), { key: 'K' }))
      })
      expect(await run((ledger) => ledger.findLoadByKey('k'))).toEqual({
        id: uuid(3),
        statement: someLoad('').statement,
        endedAt: someLoad('').endedAt,
        receipt: RECEIPT,
      })
      expect(await run((ledger) => ledger.findLoadByKey('K'))).toMatchObject({ id: uuid(4), receipt: undefined })
    })

    it.runIf(name === 'postgres')('finds it by the index', async () => {
      await run(async (ledger) => ledger.recordLoad(someLoad(uuid(1), { key: 'k' })))
      const plan = await sql(`SET enable_seqscan = off; EXPLAIN SELECT 1 FROM copyist.loads
        WHERE CASE WHEN status = 'completed' THEN load_key END = CAST('k' AS text)`)
      expect(String(plan)).toContain('loads_completed_key')
    })

    it('completes once', async () => {
      await run((ledger) => ledger.recordLoad(someLoad(uuid(1), { key: "it's 1" })))
      const error = await failure(run((ledger) => ledger.recordLoad(someLoad(uuid(2), { key: "it's 1" }))))
      expect(error).toMatchObject({
        sqlState: '23505',
        message: `a load with the key "it's 1" has been completed already`,
      })
      // The same id is another matter.
      const same = await failure(run((ledger) => ledger.recordLoad(someLoad(uuid(1), { key: 'other' }))))
      expect(same.message).not.toContain('with the key')
    })

    it('completes once in a race', async () => {
      const setup = await prepareLedger(bench.target)
      const begun = await Promise.all([bench.target.begin(undefined, 0), bench.target.begin(undefined, 0)])
      // Each looks the key up, loads, and records; both have begun before either commits.
      const outcomes = await Promise.all(
        begun.map(async (transaction, n) => {
          const ledger = ledgerOf(transaction, setup)
          try {
            const found = await ledger.findLoadByKey('k')
            if (found === undefined) await ledger.recordLoad(someLoad(uuid(n), { key: 'k' }))
            await new Promise((resolve) => setTimeout(resolve, 50))
            await transaction.commit()
            return found === undefined ? 'loaded' : 'found'
          } catch (error) {
            await transaction.rollback()
            return keyConflict(error, 'k')?.message ?? error
          }
        }),
      )
      const lost = name === 'postgres' ? 'found' : 'a load with the key "k" has been completed already'
      expect(outcomes.toSorted()).toEqual([lost, 'loaded'].toSorted())
      expect(await sql('SELECT count(*) FROM copyist.loads')).toEqual([['1']])
    })

    it('is free again when the first one is rolled back', async () => {
      const setup = await prepareLedger(bench.target)
      const [first, second] = await Promise.all([bench.target.begin(undefined, 0), bench.target.begin(undefined, 0)])
      await ledgerOf(first, setup).findLoadByKey('k')
      await ledgerOf(first, setup).recordLoad(someLoad(uuid(1), { key: 'k' }))
      const looking = ledgerOf(second, setup).findLoadByKey('k')
      await first.rollback()
      expect(await looking).toBeUndefined()
      await ledgerOf(second, setup).recordLoad(someLoad(uuid(2), { key: 'k' }))
      await second.commit()
      expect(await run((ledger) => ledger.findLoadByKey('k'))).toMatchObject({ id: uuid(2) })
    })
  })

  it('resolves rejects once, and counts them', async () => {
    await run(async (ledger) => {
      await ledger.recordLoad(someLoad(uuid(1), { rowsRejected: 5 }))
      await ledger.recordRejects(
        uuid(1),
        [1, 2, 3, 4, 5].map((n) => someReject(n)),
      )
      expect(await ledger.markResolved(uuid(1), [1, 3], uuid(2))).toBe(2)
    })
    await run(async (ledger) => {
      expect(await ledger.markResolved(uuid(1), [1, 4, 99], uuid(3))).toBe(1)
      expect(await ledger.markResolved(uuid(1), [], uuid(3))).toBe(0)
      expect(await ledger.markResolved(uuid(9), [1], uuid(3))).toBe(0)
    })
    expect(await sql('SELECT rows_rejected, rows_resolved FROM copyist.loads')).toEqual([['5', '3']])
    expect(
      await sql(`SELECT reject_no, CAST(resolved_by AS text) AS by_load FROM copyist.rejects
      WHERE resolved_at IS NOT NULL ORDER BY reject_no`),
    ).toEqual([
      ['1', uuid(2)],
      ['3', uuid(2)],
      ['4', uuid(3)],
    ])
    const left = await run((ledger) => ledger.readRejects(uuid(1), 0, 10))
    expect(left.map(({ number }) => number)).toEqual([2, 5])
  })

  it('forgets old loads, but no key and no row that is not loaded', async () => {
    const cutoff = new Date('2026-03-02T00:00:00Z')
    const fresh = { startedAt: cutoff, endedAt: cutoff }
    const error = { sqlState: '22P02', message: 'no' }
    await run(async (ledger) => {
      await ledger.recordLoad(someLoad(uuid(1)))
      await ledger.recordLoad(someLoad(uuid(2), { key: 'k' }))
      await ledger.recordLoad(someLoad(uuid(3)))
      await ledger.recordLoad(someLoad(uuid(4), { key: 'k', error }))
      await ledger.recordLoad(someLoad(uuid(5), fresh))
      await ledger.recordRejects(uuid(1), [someReject(1)])
      await ledger.markResolved(uuid(1), [1], uuid(2))
      for (const n of [3, 4, 5]) await ledger.recordRejects(uuid(n), [someReject(1), someReject(2)])
      for (const n of [1, 5]) await ledger.recordFiles(uuid(n), [{ path: 'a', bytes: 1, rowsRead: 1, rowsRejected: 0 }])
    })
    const left = async () => (await sql('SELECT CAST(load_id AS text) AS i FROM copyist.loads ORDER BY 1')).flat()
    expect(await run((ledger) => ledger.purge(cutoff))).toEqual({ loads: 2, files: 1, rejects: 3, replaced: 0 })
    expect(await left()).toEqual([uuid(2), uuid(3), uuid(5)])
    expect(await run((ledger) => ledger.purge(cutoff))).toEqual({ loads: 0, files: 0, rejects: 0, replaced: 0 })
    expect(await run((ledger) => ledger.purge(cutoff, { keyed: true }))).toEqual({
      loads: 1,
      files: 0,
      rejects: 0,
      replaced: 0,
    })
    expect(await run((ledger) => ledger.purge(cutoff, { unresolved: true }))).toEqual({
      loads: 1,
      files: 0,
      rejects: 2,
      replaced: 0,
    })
    expect(await left()).toEqual([uuid(5)])
    expect(await sql('SELECT DISTINCT CAST(load_id AS text) AS i FROM copyist.rejects')).toEqual([[uuid(5)]])
  })
})
