import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CopyError, Reject } from '../../lib/index.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-validate-')
const { file } = folder

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  beforeAll(async () => {
    bench = await open()
  })
  afterAll(async () => {
    await bench?.close()
  })

  /** What VALIDATE, VALIDATE_ONLY and the load come to: a failure, or how many rows are good and bad. */
  async function verdicts(columns: string, statement: string, content: string) {
    await bench.sql(`CREATE TABLE v (${columns})`)
    const text = statement.replace("'f'", `'${file('verdict.csv', content)}'`)
    const failed = ({ sqlState, message, position }: CopyError) => [sqlState, message, position.line, position.column]
    const { failure, validation } = await bench.db.explain(`EXPLAIN VALIDATE ${text}`)
    const counted = [validation?.rowsValidated, validation?.rowsRejected]
    const only = bench.db
      .copy(text.replace(/\)$/, ', VALIDATE_ONLY)'), { ledger: false })
      .then(({ rowsValidated, rowsRejected }) => [rowsValidated, rowsRejected], failed)
    const load = bench.db
      .copy(text, { ledger: false })
      .then(({ rowsLoaded, rowsRejected }) => [rowsLoaded, rowsRejected], failed)
    const found = { explained: failure ? failed(failure) : counted, only: await only, load: await load, counted }
    await bench.sql('DROP TABLE v')
    return found
  }

  test.each([
    ['int', 'x', '22P02'],
    ['bigint', '9223372036854775808', '22003'],
    ['numeric(4,1)', '99999', '22003'],
    ['double precision', '1e400', '22003'],
    ['boolean', 'maybe', '22P02'],
    ['date', '2024-02-30', '22008'],
    ['timestamp', 'noon', '22007'],
    ['interval', '1 fortnight', '22007'],
    ['uuid', 'u', '22P02'],
    ['int[]', '{x}', '22P02'],
  ])('VALIDATE looks at values of %s where others may be DEFAULT', async (type, bad, sqlState) => {
    const csv = `1,\n2,${bad}\nD,\n`
    for (const policy of ['', ', ON_ERROR ignore', ', ON_ERROR skip_row']) {
      const statement = `COPY v FROM 'f' (FORMAT csv, DEFAULT 'D'${policy})`
      const { explained, only, load, counted } = await verdicts(`a int DEFAULT 7, b ${type}`, statement, csv)
      expect(explained).toEqual(load)
      expect(only).toEqual(load)
      expect(counted).toEqual([2, 1])
      if (policy === '') expect(load).toMatchObject([sqlState, {}, 2, 'b'])
    }
  })

  const span = '1,5\n2,x"y\nz"w\n'
  test.each([
    ['a quote over lines', 'ignore', span, [2, 0]],
    ['a quote over lines', 'set_null', span, [2, 0]],
    ['a quote over lines', 'set_default', span, [2, 0]],
    ['a quote over lines, and a row too short', 'ignore', `${span}3\n`, '22P04'],
    ['a wrong value in a row too short', 'ignore', '1,2\nx\n3,4\n', [2, 1]],
    ['a wrong value in a row too short', 'set_null', '1,2\nx\n3,4\n', '22P04'],
    ['an empty line', 'ignore', '1,2\n\n3,4\n', '22P04'],
    ['a row too long', 'ignore', '1,2\nx,1,2\n3,4\n', '22P04'],
  ])('VALIDATE divides what tolerates values alone as the load does: %s, %s', async (_, policy, csv, expected) => {
    const statement = `COPY v FROM 'f' (FORMAT csv, ON_ERROR ${policy})`
    const { explained, only, load } = await verdicts('a int, b text', statement, csv)
    expect(explained).toEqual(load)
    expect(only).toEqual(load)
    if (Array.isArray(expected)) expect(load).toEqual(expected)
    else expect(load[0]).toBe(expected)
  })

  test('VALIDATE tells of each rejected row once where values alone are tolerated', async () => {
    await bench.sql('CREATE TABLE v (a int, b text)')
    const path = join(folder.path, 'rejects.csv')
    const input = file('once.csv', `x,1\n${span}`)
    const lines: number[] = []
    const call = { rejects: path, onReject: ({ line }: Reject) => lines.push(line) }
    const statement = `EXPLAIN VALIDATE COPY v FROM '${input}' (FORMAT csv, ON_ERROR ignore)`
    expect((await bench.db.explain(statement, call)).validation).toMatchObject({ rowsValidated: 2, rowsRejected: 1 })
    expect([lines, readFileSync(path, 'utf8')]).toEqual([[1], 'x,1\n'])
    await bench.sql('DROP TABLE v')
  })

  test.each([
    ['ON_ERROR skip_row', '1\nx\n2\n', [0, 3]],
    ['ON_ERROR skip_row, REJECT_LIMIT 2', '1\nx\n2\n', '22P02'],
    ['ON_ERROR skip_row, REJECT_LIMIT 3', '1\nx\n2\n', [0, 3]],
    ["ON_ERROR skip_row, REJECT_LIMIT '50%'", '1\nx\n2\n', '22P02'],
    ['ON_ERROR skip_row', '', [0, 0]],
    ['ON_ERROR stop', '1\nx\n2\n', '23502'],
    ['ON_ERROR stop', 'x\n2\n', '22P02'],
    ['ON_ERROR ignore', 'x\ny\n', [0, 2]],
    ['ON_ERROR ignore', 'x\n2\n', '23502'],
  ])('VALIDATE knows that no row has a value for a column left out: %s, %j', async (policy, csv, expected) => {
    const statement = `COPY v (a) FROM 'f' (FORMAT csv, ${policy})`
    const { explained, only, load, counted } = await verdicts('a int, b int NOT NULL', statement, csv)
    expect(explained).toEqual(load)
    expect(only).toEqual(load)
    expect(counted[0]).toBe(0)
    if (Array.isArray(expected)) expect(load).toEqual(expected)
    else expect(load[0]).toBe(expected)
  })

  test.each([
    ['', '1,2\n,x\n', '22P02'],
    ['', '1,2\n,3\n', '23502'],
    [', ON_ERROR ignore', '1,2\n,x\n', [1, 1]],
    [', ON_ERROR set_null', '1,2\nx,3\n', '23502'],
    [', ON_ERROR ignore, REJECT_LIMIT 1', ',x\n,y\n', '22P02'],
  ])('VALIDATE names the error that a load names first, with its column: %s, %j', async (policy, csv, expected) => {
    const statement = `COPY v FROM 'f' (FORMAT csv${policy})`
    const { explained, only, load } = await verdicts('a int NOT NULL, b int', statement, csv)
    expect(explained).toEqual(load)
    expect(only).toEqual(load)
    if (Array.isArray(expected)) expect(load).toEqual(expected)
    else expect([load[0], load[3]]).toEqual([expected, expected === '23502' ? 'a' : 'b'])
  })

  test.each([
    ['a record that is too short', 'ON_ERROR ignore', '1,\n,\n7\n'],
    ['a quote that is not closed', 'ON_ERROR ignore', '1,\n,\n7,"\n'],
    ['one rejected row too many', 'ON_ERROR ignore, REJECT_LIMIT 1', 'x,\n,\ny,\n'],
    ['a value that is not tolerated, in the first row that is sent', 'ON_ERROR set_null', ',\n7\n'],
  ])('the row that the database refuses comes before what is wrong behind it: %s', async (_, policy, csv) => {
    // A type that only the database reads sends rows there some at a time.
    const columns = `a int NOT NULL, b ${name === 'postgres' ? 'inet' : 'utinyint'}`
    const { explained, only, load } = await verdicts(columns, `COPY v FROM 'f' (FORMAT csv, ${policy})`, csv)
    expect(load[0]).toBe('23502')
    expect([explained[2], explained[3]]).toEqual([csv.startsWith(',') ? 1 : 2, 'a'])
    expect(only).toEqual(explained)
    // DuckDB does not say which row it was.
    if (name === 'postgres') expect(load).toEqual(explained)
  })
})
