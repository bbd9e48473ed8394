import { mkdtempSync, rmSync } from 'node:fs'
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatRejects } from '../../lib/cli/rejects.ts'
import { formatErrorJson } from '../../lib/cli/report.ts'
import type { CopyCallOptions, CopyError, Receipt, Reject } from '../../lib/index.ts'
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

  it('one that failed is named by its error, and where its rejects are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'copyist-recording-'))
    const rejects = join(folder, 'bad.csv')
    const path = `the file "${rejects}"`
    try {
      const limited = ', ON_ERROR skip_row, REJECT_LIMIT 1'
      const excess = await failure(copy('1,a\nx,b\ny,c\n', limited, { rejects }))
      const [[id] = []] = await bench.sql('SELECT CAST(load_id AS text) FROM copyist.loads')
      const hint = 'Nothing was loaded. Raise REJECT_LIMIT, or mend the input. The rejected rows are in'
      const record = `copyist.rejects, WHERE load_id = '${id}'`
      expect(excess).toMatchObject({ loadId: id, hint: `${hint} ${path} and in ${record}.` })
      const found: number[] = []
      for await (const { line } of bench.db.rejects(excess.loadId ?? '')) found.push(line)
      expect(found).toEqual([2, 3])
      expect(JSON.parse(formatErrorJson(excess))).toMatchObject({ error: { loadId: id } })
      const unrecorded = await failure(copy('x,b\ny,c\n', limited, { rejects, ledger: false }))
      expect(unrecorded).toMatchObject({ loadId: undefined, hint: `${hint} ${path}.` })
      const strict = await failure(copy('x,b\n'))
      const last = await bench.sql('SELECT CAST(load_id AS text) FROM copyist.loads ORDER BY load_no DESC LIMIT 1')
      expect(last).toEqual([[strict.loadId]])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('strict ones are not, as long as nothing has been', async () => {
    expect((await copy('1,a\n')).ledger).toBe(false)
    expect(await failure(copy('x,a\n'))).toMatchObject({ loadId: undefined })
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

  it('those that fail before their table is made are, like all others', async () => {
    const tolerant = `COPY made FROM 'no such file' (FORMAT csv, HEADER, CREATE_TABLE, ON_ERROR skip_row)`
    const missing = await failure(bench.db.copy(tolerant))
    expect(missing).toMatchObject({ sqlState: '58P01', loadId: expect.any(String) })
    const controller = new AbortController()
    const stdin = (async function* () {
      yield 'a\n1\n'
      controller.abort()
      yield '2\n'
    })()
    const call = { stdin, signal: controller.signal }
    const aborted = failure(bench.db.copy('COPY made FROM STDIN (HEADER, CREATE_TABLE, ON_ERROR skip_row)', call))
    expect(await aborted).toMatchObject({ sqlState: '57014' })
    // One that nothing forces to be recorded is where others have been.
    const strict = await failure(bench.db.copy(tolerant.replace(', ON_ERROR skip_row', '')))
    const records = await bench.sql(
      'SELECT CAST(load_id AS text), target_table, error_sqlstate FROM copyist.loads ORDER BY load_no',
    )
    expect(records).toEqual([
      [missing.loadId, 'made', '58P01'],
      [expect.any(String), 'made', '57014'],
      [strict.loadId, 'made', '58P01'],
    ])
    expect(await bench.sql('SELECT path FROM copyist.files ORDER BY 1')).toEqual([
      ['STDIN'],
      ['no such file'],
      ['no such file'],
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

  it('none is in a schema of that name which somebody else has made, or has taken a column out of', async () => {
    await bench.sql('CREATE SCHEMA copyist; CREATE TABLE copyist.loads (x int)')
    const tolerant = (key = '') => copy('1,a\nx,b\n', `, ON_ERROR skip_row${key}`)
    expect(await copy('1,a\n')).toMatchObject({ ledger: false })
    const message = (what: string) => `the schema copyist is not the record of loads that copyist makes: ${what}`
    const foreign = message('its table "loads" has no column "load_no"')
    expect(await tolerant()).toMatchObject({ rowsLoaded: 1, ledger: false, ledgerProblem: foreign })
    expect(await failure(tolerant(`, LOAD_KEY 'k'`))).toMatchObject({
      sqlState: '55000',
      message: `LOAD_KEY needs the record of loads: ${foreign}`,
      hint: expect.stringMatching(/DROP SCHEMA copyist CASCADE.*ledger: false, --no-ledger/),
    })
    await bench.sql('DROP SCHEMA copyist CASCADE')
    const { id } = await tolerant()
    await bench.sql(`ALTER TABLE copyist.files DROP COLUMN etag${name === 'postgres' ? ' CASCADE' : ''}`)
    const damaged = message('its table "files" has no column "etag"')
    expect(await copy('1,a\n')).toMatchObject({ ledger: false, ledgerProblem: damaged })
    expect(await failure(bench.db.copy(`COPY REJECTS '${id}' INTO t`))).toMatchObject({ message: damaged })
  })

  it('a table of the record that is missing is made again', async () => {
    const { id } = await copy('x,a\n', ', ON_ERROR skip_row')
    await bench.sql(`DROP TABLE copyist.rejects${name === 'postgres' ? ' CASCADE' : ''}`)
    expect(await failure(bench.db.rejects(id).next())).toMatchObject({
      sqlState: '55000',
      message: 'the schema copyist is not the record of loads that copyist makes: it has no table "rejects"',
    })
    expect(await copy('x,b\n', ', ON_ERROR skip_row')).toMatchObject({ ledger: true, rejectsRecorded: 1 })
    expect(await bench.sql('SELECT trim(raw_line) FROM copyist.stl_load_errors')).toEqual([['x,b']])
    expect(await loads()).toHaveLength(2)
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

  it('beyond a limit no file has more rejects than are told and recorded', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'copyist-beyond-'))
    try {
      for (const [name, rows] of Object.entries({ a: '1,a\nx,b\ny,c\nz,d\n', b: '2,e\n!,f\n' })) {
        await writeFile(join(folder, `${name}.csv`), rows)
      }
      const told: number[] = []
      const onReject = ({ line }: Reject) => told.push(line)
      const statement = `COPY t FROM '${folder}/*.csv' (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1)`
      await failure(bench.db.copy(statement, { onReject }))
      expect(told).toEqual([2, 3])
      expect(await bench.sql('SELECT error_count FROM copyist.sys_load_history')).toEqual([['2']])
      expect(await bench.sql('SELECT errors FROM copyist.text_import_log ORDER BY file')).toEqual([['2'], ['0']])
      expect(await bench.sql('SELECT count(*) FROM copyist.rejects')).toEqual([['2']])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('rows of one of several files are not those of all', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'copyist-rows-'))
    try {
      await writeFile(join(folder, 'a.csv'), '1,a\n3,b\n')
      await writeFile(join(folder, 'b.csv'), '2,c\n')
      for (const from of ['a.csv', '*.csv']) {
        await bench.db.copy(`COPY t FROM '${folder}/${from}' (FORMAT csv) WHERE a <> 3`, { ledger: true })
      }
      // The target does not say which file the row was from that it has held back.
      const imported = 'SELECT rows_handled, rows_imported FROM copyist.text_import_log ORDER BY ts, file'
      expect(await bench.sql(imported)).toEqual([
        ['2', '1'],
        ['2', null],
        ['1', null],
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('files are with the time of their last change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'copyist-times-'))
    try {
      for (const [path, seconds] of [
        ['a.csv', 1_700_000_000],
        ['b.csv', 1_700_000_100],
      ] as const) {
        await writeFile(join(folder, path), path === 'a.csv' ? '1,a\n' : 'x,b\n')
        await utimes(join(folder, path), seconds, seconds)
      }
      await bench.db.copy(`COPY t FROM '${join(folder, 'a.csv')}' (FORMAT csv)`, { ledger: true })
      await failure(bench.db.copy(`COPY t FROM '${join(folder, 'b.csv')}' (FORMAT csv)`))
      await bench.db.copy(`COPY t FROM '${folder}/*.csv' (FORMAT csv, ON_ERROR skip_row)`)
      await copy('1,a\n')
      const times = await bench.sql(`SELECT CAST(extract(epoch FROM f.modified_at) AS bigint) AS at
        FROM copyist.files f JOIN copyist.loads l ON l.load_id = f.load_id ORDER BY load_no, ordinal`)
      expect(times).toEqual([['1700000000'], ['1700000100'], ['1700000000'], ['1700000100'], [null]])
    } finally {
      await rm(folder, { recursive: true })
    }
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

  describe('limits of what is recorded', () => {
    const TOLERANT = ', ON_ERROR skip_row'
    const raws = async () =>
      await bench.sql('SELECT byte_length, octet_length(raw), raw_cut, line FROM copyist.rejects ORDER BY reject_no')
    const input = `1,a\nxxxxxxxxx,b\ny,c\nzzzzzzzz,d\n`

    it.each([
      ['by the statement', `${TOLERANT}, REJECT_BYTES 5`, {}],
      ['by the call', TOLERANT, { maxRejectBytes: 5 }],
      ['by the statement first', `${TOLERANT}, REJECT_BYTES '5'`, { maxRejectBytes: 100 }],
    ] as const)('rows are cut %s, and flagged', async (_, options, call) => {
      const whole: string[] = []
      const receipt = await copy(input, options, {
        ...call,
        onReject: ({ raw, rawIsCut }) => whole.push(`${raw} ${rawIsCut}`),
      })
      expect(await raws()).toEqual([
        ['11', '5', 'true', '2'],
        ['3', '3', 'false', '3'],
        ['10', '5', 'true', '4'],
      ])
      // Who is called gets all of them.
      expect(whole).toEqual(['xxxxxxxxx,b false', 'y,c false', 'zzzzzzzz,d false'])
      expect(receipt.rejectsRecorded).toBe(3)
    })

    it('rows are cut where nobody is called', async () => {
      await copy(input, `${TOLERANT}, REJECT_BYTES 5`)
      expect((await raws()).map(([, bytes, isCut]) => [bytes, isCut])).toEqual([
        ['5', 'true'],
        ['3', 'false'],
        ['5', 'true'],
      ])
    })

    it('rows are whole up to 1 MiB by default, whoever is called', async () => {
      const long = `x${'y'.repeat((1 << 20) + 10)},a\n`
      await copy(long, TOLERANT)
      await copy(long, TOLERANT, { onReject: () => {} })
      await copy(long, `${TOLERANT}, REJECT_BYTES '2MB'`)
      const whole = String(long.length - 1)
      expect(
        await bench.sql(
          'SELECT octet_length(r.raw), r.raw_cut FROM copyist.rejects r JOIN copyist.loads l ON l.load_id = r.load_id ORDER BY l.load_no',
        ),
      ).toEqual([
        [String(1 << 20), 'true'],
        [String(1 << 20), 'true'],
        [whole, 'false'],
      ])
    })

    it('cut rows are not tried again, but counted', async () => {
      const { id } = await copy(input, `${TOLERANT}, REJECT_BYTES 5`)
      const again = await bench.db.copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'y')`)
      expect(again).toMatchObject({ rowsRead: 1, rowsLoaded: 1, rowsResolved: 1, rowsCut: 2, rowsUnrecorded: 0 })
      expect(await bench.sql('SELECT rows_rejected, rows_resolved FROM copyist.loads WHERE load_no = 1')).toEqual([
        ['3', '1'],
      ])
      const none = await bench.db.copy(`COPY REJECTS '${id}' INTO t WITH (NULL 'y')`)
      expect(none).toMatchObject({ rowsRead: 0, rowsResolved: 0, rowsCut: 2, rowsUnrecorded: 0 })
      expect(formatRejects(none, { verbosity: 'default' })).toEqual([
        `0 of the rows that load ${id} rejected resolved`,
        '2 rows not tried: only the beginning was recorded',
      ])
    })

    it('of a load that recorded a part, it is said what is missing', async () => {
      const receipt = await copy(input, TOLERANT, { maxRejects: 1 })
      expect(receipt).toMatchObject({ rowsRejected: 3, rejectsRecorded: 1 })
      expect(formatRejects(receipt, { verbosity: 'default' })[1]).toContain('in the database, 1 of them: SELECT')
      const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO t WITH (NULL 'xxxxxxxxx')`)
      expect(again).toMatchObject({ rowsRead: 1, rowsResolved: 1, rowsCut: 0, rowsUnrecorded: 2 })
      expect(formatRejects(again, { verbosity: 'default' })).toEqual([
        `1 of the rows that load ${receipt.id} rejected resolved`,
        '2 rows not tried: that load did not record all it rejected; the rest is in its input',
      ])
      // What is left of it is true: nobody has loaded these two.
      expect(await bench.sql('SELECT rows_rejected - rows_resolved FROM copyist.loads WHERE load_no = 1')).toEqual([
        ['2'],
      ])
    })

    it('none is recorded, or more than by default', async () => {
      expect(await copy(input, TOLERANT, { maxRejects: 0 })).toMatchObject({ rowsRejected: 3, rejectsRecorded: 0 })
      expect(await raws()).toEqual([])
      const many = Array.from({ length: 60_000 }, (_, n) => `x${n},a\n`).join('')
      expect(await copy(many, TOLERANT)).toMatchObject({ rowsRejected: 60_000, rejectsRecorded: 50_000 })
      expect(await copy(many, TOLERANT, { maxRejects: 70_000 })).toMatchObject({ rejectsRecorded: 60_000 })
    })

    it('what is kept of a wide row is all its errors, and counts', async () => {
      const columns = Array.from({ length: 200 }, (_, index) => `c${index} int`)
      await bench.sql(`DROP TABLE t; CREATE TABLE t (${columns.join(', ')})`)
      const row = `${columns.map(() => 'N/A').join(',')}\n`
      const receipt = await copy(row.repeat(2_000), TOLERANT)
      expect(receipt.rowsRejected).toBe(2_000)
      // Of 33 KB each, some 40 with what is around them.
      expect(receipt.rejectsRecorded).toBeGreaterThan(600)
      expect(receipt.rejectsRecorded).toBeLessThan(1_200)
      const [first] = receipt.diagnosis ?? []
      expect(first?.cures?.[0]).toMatchObject({ change: "NULL 'N/A'" })
      expect(first?.cures?.[0]?.tried).toBeLessThan(50)
      const [stored] = await bench.sql(`SELECT count(*) FROM copyist.rejects WHERE errors IS NOT NULL`)
      expect(Number(stored?.[0])).toBe(receipt.rejectsRecorded)
    })

    it('wrong limits are refused', async () => {
      for (const call of [{ maxRejects: -1 }, { maxRejects: 1.5 }, { maxRejectBytes: 2 ** 40 }]) {
        expect(await failure(copy(input, TOLERANT, call))).toMatchObject({ sqlState: '22023' })
      }
    })
  })
})
