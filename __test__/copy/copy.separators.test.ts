import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { type Bench, benches } from './targets.ts'

/*
 * Delimiters and line ends of several bytes, from the input to the table. The statements say \x01 for the delimiter; what the load is
 * opened with instead is set here.
 */
const separators = vi.hoisted(() => ({ delimiter: '', eol: undefined as string | undefined }))

vi.mock('../../lib/native/open.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../lib/native/open.ts')>()
  const changed = <P extends Pick<import('../../lib/native/open.ts').LoadPlan, 'options'>>(plan: P): P => ({
    ...plan,
    options: {
      ...plan.options,
      delimiter: separators.delimiter,
      ...(separators.eol === undefined ? {} : { eol: separators.eol }),
    },
  })
  return {
    ...original,
    openLoad: ((plan, input) => original.openLoad(changed(plan), input)) satisfies typeof original.openLoad,
    inferTable: ((plan, input, signal) =>
      original.inferTable(changed(plan), input, signal)) satisfies typeof original.inferTable,
  }
})

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
  })
  afterAll(() => bench.close())
  beforeEach(async () => {
    await bench.sql('DROP TABLE IF EXISTS t')
    await bench.sql('CREATE TABLE t (id INTEGER, name TEXT, day DATE)')
  })

  const rows = () => bench.sql('SELECT id, name, CAST(day AS TEXT) FROM t ORDER BY id')

  async function load(delimiter: string, eol: string | undefined, options: string, text: string) {
    Object.assign(separators, { delimiter, eol })
    return bench.db.copy(`COPY t FROM STDIN (DELIMITER E'\\x01', ${options})`, { stdin: text })
  }

  async function failure(loading: Promise<unknown>): Promise<CopyError> {
    const error = await loading.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (!(error instanceof CopyError)) throw new TypeError('the load did not fail with a CopyError', { cause: error })
    return error
  }

  test('CSV with two bytes between fields', async () => {
    const text = 'id||name||day\n1||"a||""b"""||2024-02-29\n2||||\n3||x|y||\n4||"two\nlines"||2024-01-01\n'
    const receipt = await load('||', undefined, 'FORMAT csv, HEADER match', text)
    expect(receipt.rowsLoaded).toBe(4)
    expect(await rows()).toEqual([
      ['1', 'a||"b"', '2024-02-29'],
      ['2', null, null],
      ['3', 'x|y', null],
      ['4', 'two\nlines', '2024-01-01'],
    ])
  })

  test('TEXT, whose backslash takes its meaning from a delimiter', async () => {
    await load('$$', undefined, 'FORMAT text', '1$$a\\$$b\\\\$$\\N\n2$$\\N$$2024-01-01\n3$$$$\\N\n')
    expect(await rows()).toEqual([
      ['1', 'a$$b\\', null],
      ['2', null, '2024-01-01'],
      ['3', '', null],
    ])
  })

  test('ten bytes, over many tiles', async () => {
    const ten = '^&|$^&|→'
    expect(Buffer.byteLength(ten)).toBe(10)
    const lines = Array.from({ length: 30_000 }, (_, n) => [n, `name ${n} $^&|`, '2024-01-01'].join(ten))
    const receipt = await load(ten, undefined, 'FORMAT csv', lines.join('\n'))
    expect(receipt.rowsLoaded).toBe(30_000)
    expect(await bench.sql('SELECT sum(id), max(name) FROM t')).toEqual([['449985000', 'name 9999 $^&|']])
  })

  test('records that end with other bytes than line ends', async () => {
    await load('|', '|\n', 'FORMAT text', '1|a\nb|2024-01-01|\n2|\r\\|\n|\\N|\n3||\\N')
    expect(await rows()).toEqual([
      ['1', 'a\nb', '2024-01-01'],
      ['2', '\r|\n', null],
      ['3', '', null],
    ])
  })

  test('lines are counted by what ends them', async () => {
    const error = await failure(load('||', '$', 'FORMAT text', '1||a\nb||\\N$2||b||\\N$x||c||\\N$'))
    expect(error.position).toMatchObject({ line: 3 })
    expect(error.sqlState).toBe('22P02')
    expect((await failure(load('||', undefined, 'FORMAT csv', '1||a|b\n'))).message).toBe(
      'missing data for column "day"',
    )
    expect(await rows()).toEqual([])
  })

  test('records that are refused by themselves', async () => {
    const text = '1||a||2024-01-01\nx||b||2024-01-01\n3||c\n4||d||2024-13-01\n5||"e||\n6||f||\n7||"g"|| \n'
    const receipt = await load('||', undefined, 'FORMAT csv, ON_ERROR skip_row', text)
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 5 })
    expect((await rows()).map(([id]) => id)).toEqual(['1', '6'])
  })

  test.each([
    ['$$$$$$$$$$$', undefined, 'FORMAT csv', 'COPY delimiter must be one to 10 bytes'],
    ['|"', undefined, 'FORMAT csv', 'COPY delimiter cannot contain ", which quotes or escapes'],
    ['|\\', undefined, 'FORMAT text', 'COPY delimiter cannot contain \\, which quotes or escapes'],
    ['|\n', undefined, 'FORMAT text', 'COPY delimiter cannot contain newline or carriage return'],
    ['||', '$|', 'FORMAT text', 'COPY EOL and delimiter must not end with the same byte'],
    ['||', '\\n', 'FORMAT text', 'COPY EOL cannot contain a backslash, which escapes'],
    ['||', '$', 'FORMAT csv', 'COPY EOL of CSV must be a newline, a carriage return or both'],
  ])('%j and %j are refused', async (delimiter, eol, options, message) => {
    const error = await failure(load(delimiter, eol, options, '1||a||\n'))
    expect(error).toMatchObject({ sqlState: '22023', message })
  })
})
