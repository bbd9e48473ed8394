import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Reject } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { uuid } from './databases.ts'

describe.each(benches)('the record of loads of $name', ({ open }) => {
  let bench: Bench
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (a int, b text)')
  })
  afterEach(() => bench.close())

  const copy = (stdin: string, options = '') =>
    bench.db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row${options})`, { stdin })
  const all = async (rejects: AsyncIterable<Reject>): Promise<Reject[]> => {
    const found: Reject[] = []
    for await (const reject of rejects) found.push(reject)
    return found
  }
  const count = async () => (await bench.sql('SELECT count(*) FROM copyist.loads'))[0]?.[0]

  it('gives the refused rows of a load', async () => {
    const { id } = await copy('1,a\nx,b\n2,c\n3,"d\ne",f\n\xff,g\n')
    const rejects = await all(bench.db.rejects(id))
    expect(
      rejects.map(({ number, file, line, lastLine, byteOffset, raw }) => [
        number,
        file,
        line,
        lastLine,
        byteOffset,
        String(raw),
      ]),
    ).toEqual([
      [1, 'STDIN', 2, 2, 4, 'x,b'],
      [2, 'STDIN', 4, 5, 12, '3,"d\ne",f'],
      [3, 'STDIN', 6, 6, 22, '\xff,g'],
    ])
    expect(rejects[0]?.errors).toEqual([
      expect.objectContaining({ column: 'a', field: 1, sqlState: '22P02', value: 'x' }),
    ])
    expect(await all(bench.db.rejects(id.toUpperCase()))).toEqual(rejects)
    await bench.sql(`UPDATE copyist.rejects SET resolved_by = load_id WHERE reject_no = 2`)
    expect((await all(bench.db.rejects(id))).map(({ number }) => number)).toEqual([1, 3])
    expect((await all(bench.db.rejects(id, { all: true }))).map(({ number }) => number)).toEqual([1, 2, 3])
  })

  it('holds nothing while nobody asks', async () => {
    const { id } = await copy(Array.from({ length: 2_500 }, (_, n) => `x${n},y\n`).join(''))
    const seen: number[] = []
    for await (const { number } of bench.db.rejects(id)) {
      // In the midst of it, on the only connection there is.
      if (number === 700) expect((await copy('1,a\n')).rowsLoaded).toBe(1)
      if (number === 1_500) break
      seen.push(number)
    }
    expect(seen).toEqual(Array.from({ length: 1_499 }, (_, n) => n + 1))
    expect((await copy('2,b\n')).rowsLoaded).toBe(1)
    expect((await all(bench.db.rejects(id))).length).toBe(2_500)
  })

  it('says what is not there', async () => {
    const missing = { sqlState: '42P01', message: 'relation "copyist.loads" does not exist' }
    await expect(all(bench.db.rejects(uuid(1)))).rejects.toMatchObject(missing)
    expect(await bench.db.purge({ olderThan: new Date() })).toEqual({ loads: 0, files: 0, rejects: 0, replaced: 0 })
    const { id } = await copy('1,a\n')
    expect(await all(bench.db.rejects(id))).toEqual([])
    const unknown = { sqlState: '22023', message: `load "${uuid(1)}" does not exist` }
    await expect(all(bench.db.rejects(uuid(1)))).rejects.toMatchObject(unknown)
    const malformed = { sqlState: '22P02', message: 'invalid input syntax for type uuid: "it"' }
    await expect(all(bench.db.rejects('it'))).rejects.toMatchObject(malformed)
    expect((await copy('2,b\n')).rowsLoaded).toBe(1)
  })

  it('forgets loads', async () => {
    await copy('1,a\n')
    await copy('x,a\n')
    await copy('2,a\n', `, LOAD_KEY 'k'`)
    await bench.db.copy('COPY t FROM STDIN (FORMAT csv)', { stdin: '3,c\n', ledger: false })
    expect(await count()).toBe('3')
    expect((await bench.db.purge({ olderThan: new Date(0) })).loads).toBe(0)
    const olderThan = new Date(Date.now() + 60_000)
    expect(await bench.db.purge({ olderThan })).toEqual({ loads: 1, files: 1, rejects: 0, replaced: 0 })
    expect(await bench.db.purge({ olderThan, unresolved: true })).toEqual({
      loads: 1,
      files: 1,
      rejects: 1,
      replaced: 0,
    })
    expect(await bench.db.purge({ olderThan, keyed: true })).toEqual({ loads: 1, files: 1, rejects: 0, replaced: 0 })
    expect(await count()).toBe('0')
    const wrong = { sqlState: '22023', message: 'invalid value for option "olderThan": Invalid Date' }
    await expect(bench.db.purge({ olderThan: new Date('x') })).rejects.toMatchObject(wrong)
  })

  it('is closed with the database', async () => {
    const { id } = await copy('x,a\n')
    const rejects = bench.db.rejects(id)
    const first = rejects.next()
    await bench.db.close()
    expect((await first).value?.number).toBe(1)
    await expect(rejects.next()).rejects.toMatchObject({ sqlState: '08003' })
    await expect(bench.db.purge({ olderThan: new Date() })).rejects.toMatchObject({ sqlState: '08003' })
  })
})
