import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import { Store } from '../servers/store.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

/* What rows get of the files that they were refused of, when they are loaded again. */

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let store: Store
  const folder = useFolder('copyist-lineage-')
  const { file } = folder

  beforeAll(async () => {
    store = await Store.start({ pageSize: 2 })
    bench = await open({ connections: { here: { endpoint: store.url, region: 'us-east-1', anonymous: true } } })
    await bench.sql('CREATE TABLE t (id integer, note text, f text, l bigint, o bigint)')
    await bench.sql('CREATE TABLE parts (id integer, note text, year integer, month text, day date)')
  })

  afterAll(async () => {
    await bench.close()
    await store.stop()
  })

  beforeEach(async () => {
    for (const table of ['t', 'parts']) await bench.sql(`DELETE FROM ${table}`)
  })

  const remote = 'AWS CONNECTION = here'
  const LINEAGE = 'LINEAGE (f file, l line, o offset)'
  const failure = async (load: Promise<unknown>): Promise<CopyError> => {
    const error = await load.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(CopyError)
    return error as CopyError
  }

  describe('LINEAGE', () => {
    test('COPY REJECTS gives rows the places that they had', async () => {
      const at = file('again.csv', 'id,note\n1,a\nx,b\n3,c\nABC,d\n')
      const { id } = await bench.db.copy(`COPY t FROM '${at}' (FORMAT csv, HEADER, ON_ERROR skip_row, ${LINEAGE})`)
      await bench.sql('CREATE TABLE loose (id text, note text, f text, l bigint, o bigint)')
      const receipt = await bench.db.copy(`COPY REJECTS '${id}' INTO loose`)
      expect(receipt).toMatchObject({ rowsLoaded: 2, rowsResolved: 2 })
      expect(await bench.sql('SELECT id, f, l, o FROM loose ORDER BY l')).toEqual([
        ['x', at, '3', '12'],
        ['ABC', at, '5', '20'],
      ])
      await bench.sql('DROP TABLE loose')
    })

    test('COPY REJECTS refuses what is not recorded', async () => {
      await bench.sql('CREATE TABLE other (id integer, bytes bigint)')
      const at = file('sized.csv', 'x\n')
      const { id } = await bench.db.copy(
        `COPY other FROM '${at}' (FORMAT csv, ON_ERROR skip_row, LINEAGE (bytes size))`,
      )
      const error = await failure(bench.db.copy(`COPY REJECTS '${id}' INTO other`))
      expect([error.sqlState, error.message]).toEqual(['0A000', 'the refused rows cannot be given their LINEAGE size'])
      await bench.sql('DROP TABLE other')
    })

    test.each([
      ['of a folder', '', "FILES = ['b.csv', 'a.csv', 'c.csv', 'b.csv']"],
      ['of a pattern', '', "PATTERN = '*.csv'"],
      ['of a store', 's3://bucket/', "FILES = ['b.csv', 'a.csv', 'c.csv']"],
    ])(
      'COPY REJECTS gives rows of several files %s the places and the file that they had',
      async (_, store_, names) => {
        const contents = {
          'a.csv': 'id,note\n1,a\nx1,b\nx2,c\n',
          'b.csv': 'id,note\ny1,"b\nb"\n2,a\n"y2,c\n3,c\n',
          'c.csv': 'id,note\nz1,c\n',
        }
        for (const [path, content] of Object.entries(contents)) {
          if (store_ === '') file(`refused/${path}`, content)
          else store.put('bucket', `refused/${path}`, content)
        }
        const from = store_ === '' ? `${folder.path}/refused` : `${store_}refused`
        const rest = store_ === '' ? '' : `, ${remote}`
        const options = `FORMAT csv, HEADER, ON_ERROR skip_row, ${names}, ${LINEAGE}${rest}`
        const first = await bench.db.copy(`COPY t FROM '${from}' (${options})`)
        const isTwice = names.split('b.csv').length > 2
        expect(first).toMatchObject({ rowsLoaded: isTwice ? 5 : 3, rowsRejected: isTwice ? 7 : 5 })
        await bench.sql('CREATE TABLE loose (id text, note text, f text, l bigint, o bigint, load uuid)')
        const again = await bench.db.copy(
          `COPY REJECTS '${first.id}' INTO loose WITH (LINEAGE (f file, l line, o offset, load load_id))`,
          { rejects: join(folder.path, 'still.csv') },
        )
        // A quote that is not closed would swallow the rows behind it.
        expect(again).toMatchObject({ rowsLoaded: isTwice ? 5 : 4, rowsRejected: isTwice ? 2 : 1 })
        expect(again.files.map(({ path }) => path)).toEqual([from])
        const expected = [
          ['x1', `${from}/a.csv`, '3', '12', again.id],
          ['x2', `${from}/a.csv`, '4', '17', again.id],
          ['y1', `${from}/b.csv`, '2', '8', again.id],
          ...(isTwice ? [['y1', `${from}/b.csv`, '2', '8', again.id]] : []),
          ['z1', `${from}/c.csv`, '2', '8', again.id],
        ]
        expect(await bench.sql('SELECT id, f, l, o, load FROM loose ORDER BY id')).toEqual(expected)
        await bench.sql('DROP TABLE loose')
      },
    )

    test('COPY REJECTS does not take rows for those of another file', async () => {
      file('counted/a.csv', 'x,a\n')
      file('counted/b.csv', 'y,b\n')
      const options = 'FORMAT csv, ON_ERROR skip_row, LINEAGE (f file)'
      const { id } = await bench.db.copy(`COPY t (id, note) FROM '${folder.path}/counted' (${options})`)
      await bench.sql('CREATE TABLE loose (id text, note text, f text)')
      const error = await failure(bench.db.copy(`COPY REJECTS '${id}' INTO loose WITH (WHEN note != 'a')`))
      expect(error).toMatchObject({
        sqlState: '0A000',
        message: 'the refused rows cannot be given their places of LINEAGE',
      })
      await bench.sql('DROP TABLE loose')
    })
  })

  describe('HIVE_PARTITIONING', () => {
    const HIVE = 'FORMAT csv, HEADER, HIVE_PARTITIONING'

    test('COPY REJECTS has them again', async () => {
      const at = file('twice/year=2024/month=05/day=__HIVE_DEFAULT_PARTITION__/a.csv', 'id,note\n1,a\nx,b\n')
      const { id } = await bench.db.copy(`COPY parts FROM '${at}' (${HIVE}, ON_ERROR skip_row)`)
      await bench.sql('CREATE TABLE loose (id text, note text, year integer, month text, day date)')
      await bench.db.copy(`COPY REJECTS '${id}' INTO loose`)
      expect(await bench.sql('SELECT * FROM loose')).toEqual([['x', 'b', '2024', '05', null]])
      await bench.sql('DROP TABLE loose')
    })

    test('COPY REJECTS has those of each of several files again', async () => {
      file('refused-in/year=2024/month=05/day=2024-05-01/a.csv', 'id,note\nx,a\n1,a\nv,a\n')
      file('refused-in/year=2025/month=%C3%A4/day=__HIVE_DEFAULT_PARTITION__/b.csv', 'id,note\ny,b\n')
      file('refused-in/year=99999/month=1/day=2024-05-03/c.csv', 'id,note\nz,c\nw,c\n')
      const { id } = await bench.db.copy(`COPY parts FROM '${folder.path}/refused-in' (${HIVE}, ON_ERROR skip_row)`)
      await bench.sql('CREATE TABLE narrow (id text, note text, year smallint, month text, day date)')
      const bad = await failure(bench.db.copy(`COPY REJECTS '${id}' INTO narrow`))
      expect(bad).toMatchObject({ sqlState: '22003', position: { file: `${folder.path}/refused-in`, column: 'year' } })
      expect(bad.detail).toContain(`"${folder.path}/refused-in/year=99999/month=1/day=2024-05-03/c.csv"`)
      await bench.sql('CREATE TABLE loose (id text, note text, year integer, month text, day date)')
      const again = await bench.db.copy(`COPY REJECTS '${id}' INTO loose WHERE id <> 'v'`)
      expect(again).toMatchObject({ rowsLoaded: 4, rowsFiltered: 1 })
      expect(await bench.sql('SELECT id, year, month, CAST(day AS text) FROM loose ORDER BY id')).toEqual([
        ['w', '99999', '1', '2024-05-03'],
        ['x', '2024', '05', '2024-05-01'],
        ['y', '2025', 'ä', null],
        ['z', '99999', '1', '2024-05-03'],
      ])
      await bench.sql('DROP TABLE loose')
      await bench.sql('DROP TABLE narrow')
    })
  })
})
