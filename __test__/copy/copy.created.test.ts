import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyError } from '../../lib/index.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const { file } = useFolder('copyist-created-')

describe.each(benches)('a table that is made from its input on $name', ({ name, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
  })
  afterEach(() => bench.close())

  const isPostgres = name === 'postgres'
  const stamp = isPostgres ? 'timestamp without time zone' : 'TIMESTAMP'
  const zoned = isPostgres ? 'timestamp with time zone' : 'TIMESTAMP WITH TIME ZONE'
  const plain = isPostgres ? (type: string) => type : (type: string) => type.toUpperCase()
  const text = isPostgres ? 'text' : 'VARCHAR'
  const time = isPostgres ? 'time without time zone' : 'TIME'

  /** The columns' types, and the rows as text. */
  async function made() {
    const types = await bench.sql(
      "SELECT data_type FROM information_schema.columns WHERE table_name = 'made' ORDER BY ordinal_position",
    )
    const names = await bench.sql(
      "SELECT column_name FROM information_schema.columns WHERE table_name = 'made' ORDER BY ordinal_position",
    )
    const list = names.map(([column]) => `CAST("${column}" AS text)`).join(', ')
    return { types: types.flat(), rows: await bench.sql(`SELECT ${list} FROM made`) }
  }

  test('has dates and times where the patterns of the statement match all values', async () => {
    const path = file(
      'input',
      'id,day,at,noted,mixed,none,number\n1,31.01.2024,7.30,31/01/2024 10h20,31.01.2024,,20240131\n2,,,,soon,,20240201\n',
    )
    const options = `FORMAT csv, HEADER, CREATE_TABLE, DATE_FORMAT ('DD.MM.YYYY', 'YYYYMMDD'), TIME_FORMAT 'HH24.MI',
      TIMESTAMP_FORMAT '%d/%m/%Y %Hh%M'`
    const receipt = await bench.db.copy(`COPY made FROM '${path}' (${options})`)
    expect(receipt.rowsLoaded).toBe(2)
    expect(await made()).toEqual({
      types: [plain('bigint'), plain('date'), time, stamp, text, text, plain('date')],
      rows: [
        ['1', '2024-01-31', '07:30:00', '2024-01-31 10:20:00', '31.01.2024', null, '2024-01-31'],
        ['2', null, null, null, 'soon', null, '2024-02-01'],
      ],
    })
  })

  test('has a zone where the pattern has one, and text where what looks like a date is none by its pattern', async () => {
    const stdin = '2024-01-31T10:20:30+0200,2024-01-31\n'
    const options = "FORMAT csv, CREATE_TABLE, TIMESTAMP_FORMAT '%Y-%m-%dT%H:%M:%S%z', DATE_FORMAT '%d.%m.%Y'"
    await bench.db.copy(`COPY made FROM STDIN (DIALECT 'postgresql', ${options})`, { stdin })
    const { types, rows } = await made()
    expect(types).toEqual([zoned, text])
    expect(rows[0]?.[1]).toBe('2024-01-31')
    const [[same] = []] = await bench.sql("SELECT column1 = TIMESTAMPTZ '2024-01-31 08:20:30+00' FROM made")
    expect(same).toBe('true')
  })

  test("has QuestDB's designated timestamp, by its pattern or without one, and no other by it", async () => {
    const path = file('input', 'ts,other\n31/01/2024 10,31/01/2024 10\n')
    const statement = `COPY made FROM '${path}' WITH HEADER true TIMESTAMP 'ts' FORMAT 'dd/MM/yyyy HH'`
    const { columns } = await bench.db.explain(`EXPLAIN ${statement}`)
    expect(columns?.map(({ detected }) => detected)).toEqual([
      'all values of 1 row are as TIMESTAMP_FORMAT says',
      "line 2: '31/01/2024 10' is no number, date, time, Boolean value or uuid",
    ])
    await bench.db.copy(statement)
    expect(await made()).toEqual({ types: [stamp, text], rows: [['2024-01-31 10:00:00', '31/01/2024 10']] })
    await bench.sql('DROP TABLE made')
    const dates = file('input', 'ts,other\n2024-01-31,2024-01-31\n')
    // A string has no rule for the case of names; QuestDB's are the same in any.
    for (const name of ['ts', 'TS']) {
      await bench.db.copy(`COPY made FROM '${dates}' WITH HEADER true TIMESTAMP '${name}'`)
      expect(await made()).toEqual({ types: [stamp, plain('date')], rows: [['2024-01-31 00:00:00', '2024-01-31']] })
      await bench.sql('DROP TABLE made')
    }
    const wrong = file('input', 'ts,other\nsoon,1\n')
    const load = bench.db.copy(`COPY made FROM '${wrong}' WITH HEADER true TIMESTAMP 'ts' FORMAT 'dd/MM/yyyy HH'`)
    await expect(load).rejects.toMatchObject({ position: { line: 2, column: 'ts' } })
  })

  test('has a header for QuestDB where only the pattern tells its lines from the first', async () => {
    const path = file('input', 'ts,name\n31/01/2024 10,x\n')
    const receipt = await bench.db.copy(`COPY made FROM '${path}' WITH DIALECT 'questdb' FORMAT 'dd/MM/yyyy HH'`)
    expect(receipt).toMatchObject({ headerDetected: true, rowsLoaded: 1 })
    expect((await made()).types).toEqual([stamp, text])
  })

  test('is not made of numbers that could be anything', async () => {
    const path = file('input', '1706696430,1\n')
    const statement = `COPY made FROM '${path}' (FORMAT csv, CREATE_TABLE, TIMEFORMAT 'epochsecs')`
    const error = (await bench.db.copy(statement).catch((reason: unknown) => reason)) as CopyError
    expect([error.sqlState, error.message]).toEqual([
      '0A000',
      "COPY TIMESTAMP_FORMAT 'epochsecs' cannot be used with a table that has yet to be created",
    ])
    expect(statement.slice(error.statement?.offset)).toMatch(/^'epochsecs'/)
  })

  test('is not made of a line without a name', async () => {
    for (const content of ['', '\n', '\uFEFF\r\n']) {
      const statement = `COPY made FROM '${file('input', content)}' (FORMAT csv, HEADER, CREATE_TABLE)`
      const error: CopyError = await bench.db.copy(statement).catch((reason) => reason)
      expect([error.sqlState, error.message]).toEqual(['22P04', 'cannot create table "made" from an empty file'])
      expect((await bench.db.explain(statement)).failure?.message).toBe(error.message)
    }
    // What is called so is a column.
    await bench.db.copy(`COPY made FROM '${file('input', 'column1\n')}' (FORMAT csv, HEADER, CREATE_TABLE)`)
    expect(await made()).toEqual({ types: [text], rows: [] })
  })

  test("has no columns of PostgreSQL's own names, but others where they are listed", async () => {
    const path = file('input', 'id,ctid\n1,a\n')
    const load = (list: string) => `COPY made${list} FROM '${path}' (FORMAT csv, HEADER, CREATE_TABLE)`
    if (isPostgres) {
      const error: CopyError = await bench.db.copy(load('')).catch((reason) => reason)
      expect([error.sqlState, error.message]).toEqual([
        '42701',
        'column name "ctid" conflicts with a system column name',
      ])
      expect(error.hint).toMatch(/^A list of columns/)
      expect((await bench.db.explain(load(''))).failure?.message).toBe(error.message)
      await bench.db.copy(load(' (id, place)'))
    } else {
      await bench.db.copy(load(''))
    }
    expect((await made()).rows).toEqual([['1', 'a']])
  })
})
