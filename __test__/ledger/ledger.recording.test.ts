import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CopyCallOptions, CopyError, Receipt } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'

describe.each(benches)('which loads are recorded on $name', ({ name, open }) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (a int, b text)')
  })
  afterEach(() => bench.close())

  const copy = (stdin: string, options = '', call: CopyCallOptions = {}): Promise<Receipt> =>
    bench.db.copy(`COPY t FROM STDIN (FORMAT csv${options})`, { stdin, ...call })
  const failure = (promise: Promise<unknown>): Promise<CopyError> =>
    promise.then(
      () => Promise.reject(new Error('it was loaded')),
      (error: CopyError) => error,
    )
  const loads = () => bench.sql('SELECT status, rows_read, rows_loaded FROM copyist.loads ORDER BY load_no')
  const schemas = async () =>
    (await bench.sql(`SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'copyist'`))[0]?.[0]

  it('strict ones are not, as long as nothing has been', async () => {
    expect((await copy('1,a\n')).ledger).toBe(false)
    await failure(copy('x,a\n'))
    expect(await schemas()).toBe('0')
  })

  it('all are, once there is a ledger', async () => {
    await copy('1,a\n', ', ON_ERROR skip_row')
    const receipt = await copy('2,b\n3,c\n')
    expect(receipt.ledger).toBe(true)
    await failure(copy('4,d\nx,e\n'))
    expect(await loads()).toEqual([
      ['completed', '1', '1'],
      ['completed', '2', '2'],
      // The row that ends a load counts as none that was read.
      ['failed', '1', '0'],
    ])
    expect(await bench.sql(`SELECT trim(filename) AS f, status FROM copyist.stl_load_commits ORDER BY query`)).toEqual([
      ['STDIN', '1'],
      ['STDIN', '1'],
    ])
  })

  it('none is when it is forbidden', async () => {
    await copy('1,a\n', ', ON_ERROR skip_row')
    expect((await copy('2,b\n', '', { ledger: false })).ledger).toBe(false)
    await failure(copy('x,b\n', '', { ledger: false }))
    expect(await loads()).toEqual([['completed', '1', '1']])
  })

  it('a schema of that name which is no ledger is left alone', async () => {
    await bench.sql('CREATE SCHEMA copyist')
    expect((await copy('1,a\n')).ledger).toBe(false)
    await failure(copy('x,a\n'))
    expect(await bench.sql(`SELECT count(*) FROM information_schema.tables WHERE table_schema = 'copyist'`)).toEqual([
      ['0'],
    ])
  })

  it('the files of those that failed are, with what was read', async () => {
    await failure(copy('1,a\nx,b\ny,c\n', ', ON_ERROR skip_row, REJECT_LIMIT 1'))
    expect(
      await bench.sql(`SELECT f.ordinal, f.path, f.bytes > 0 AS b, f.rows_loaded, f.rows_rejected, l.status,
                         f.started_at <= f.ended_at AS t
                       FROM copyist.files f JOIN copyist.loads l ON l.load_id = f.load_id`),
    ).toEqual([['1', 'STDIN', 'true', '0', '2', 'failed', 'true']])
    const history = 'SELECT trim(status) AS s, trim(data_source) AS d, error_count FROM copyist.sys_load_history'
    expect(await bench.sql(history)).toEqual([['aborted', 'STDIN', '2']])
    expect(await bench.sql('SELECT file, status, errors FROM copyist.text_import_log')).toEqual([
      ['STDIN', 'failed', '2'],
    ])
    expect(await bench.sql('SELECT count(*) FROM copyist.stl_load_commits')).toEqual([['0']])
  })

  it.runIf(name === 'postgres')('a user who may not write the ledger loads all the same, and is told', async () => {
    await copy('1,a\n', ', ON_ERROR skip_row')
    await bench.sql('CREATE ROLE "copyist no ledger" NOLOGIN')
    try {
      await bench.sql('GRANT ALL ON t TO "copyist no ledger"')
      const pg = await import('pg')
      const client = new pg.default.Client({ connectionString: bench.url })
      await client.connect()
      await client.query('SET ROLE "copyist no ledger"')
      const { connect } = await import('../../lib/index.ts')
      const db = await connect(client)
      const receipt = await db.copy('COPY t FROM STDIN (FORMAT csv)', { stdin: '2,b\n' })
      expect([receipt.rowsLoaded, receipt.ledger]).toEqual([1, false])
      expect(receipt.ledgerProblem).toMatch(/permission denied/)
      await db.close()
      await client.end()
    } finally {
      await bench.sql('DROP OWNED BY "copyist no ledger"')
      await bench.sql('DROP ROLE "copyist no ledger"')
    }
  })

  it.runIf(name === 'postgres')('strict ones in a transaction of the caller end with it', async () => {
    await copy('1,a\n', ', ON_ERROR skip_row')
    const pg = await import('pg')
    const client = new pg.default.Client({ connectionString: bench.url })
    await client.connect()
    const { connect } = await import('../../lib/index.ts')
    const db = await connect(client)
    const strict = (stdin: string) => db.copy('COPY t FROM STDIN (FORMAT csv)', { stdin })
    await client.query('BEGIN')
    expect((await strict('2,b\n')).ledger).toBe(true)
    await failure(strict('x,b\n'))
    // The transaction is as usable as before, and what failed is part of it.
    expect((await client.query('SELECT status FROM copyist.loads ORDER BY load_no')).rows).toEqual([
      { status: 'completed' },
      { status: 'completed' },
      { status: 'failed' },
    ])
    await client.query('ROLLBACK')
    expect(await loads()).toEqual([['completed', '1', '1']])
    await db.close()
    await client.end()
  })
})
