import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { copyFrom, translate } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-dialects-')
const { file } = folder

describe.each(benches)('dialects on $name', ({ open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(() => bench.close())

  test("a statement of Redshift is carried out by Redshift's rules, and the receipt says so", async () => {
    const path = file('input', 'one\ntwo\n1,\n2,\\N\n')
    const receipt = await bench.db.copy(`COPY t FROM '${path}' CSV NULL AS '' ROUNDEC COMPUPDATE OFF IGNOREHEADER 2`)
    expect(receipt).toMatchObject({
      rowsLoaded: 2,
      linesSkipped: 2,
      dialect: { name: 'redshift', found: 'words', word: 'ROUNDEC' },
      notes: [{ option: 'COMPUPDATE' }],
    })
    expect(await bench.sql('SELECT name FROM t ORDER BY id')).toEqual([[null], ['\\N']])
  })

  test('a format that no column has a use for is told', async () => {
    const path = file('input', '1,a\n')
    const options = "FORMAT csv, DATE_FORMAT 'DD.MM.YYYY', SMALLDATETIME_FORMAT 'YYYY-MM-DD'"
    const notes = [
      { option: 'DATE_FORMAT', reason: 'no column that is loaded is of type date, and it changes nothing here' },
      { option: 'SMALLDATETIME_FORMAT' },
    ]
    expect(await bench.db.copy(`COPY t FROM '${path}' (${options})`)).toMatchObject({ rowsLoaded: 1, notes })
    expect(await bench.db.copy(`COPY t FROM '${path}' (${options}, VALIDATE_ONLY)`)).toMatchObject({ notes })
    expect(await bench.db.explain(`EXPLAIN COPY t FROM '${path}' (${options})`)).toMatchObject({ notes })
    await bench.sql('CREATE TABLE days (day date)')
    const days = file('days', '31.01.2024\n')
    const receipt = await bench.db.copy(`COPY days FROM '${days}' (FORMAT csv, DATE_FORMAT 'DD.MM.YYYY')`)
    expect(receipt).not.toHaveProperty('notes')
  })

  test("QuestDB's statement, PostgreSQL's in its own words, and the same as an object", async () => {
    const path = file('input', 'id,name\n1,a\n')
    expect(await bench.db.copy(`COPY t FROM '${path}' WITH HEADER true ON ERROR ABORT`)).toMatchObject({
      rowsLoaded: 1,
      dialect: { name: 'questdb' },
    })
    const object = copyFrom({ table: 't', from: path, format: 'csv', header: true })
    expect(await bench.db.copy(object.text)).toMatchObject({ rowsLoaded: 1 })
    const { statement } = translate(`COPY t FROM '${path}' WITH HEADER true ON ERROR ABORT`, 'postgresql')
    const receipt = await bench.db.copy(statement)
    expect(receipt).toMatchObject({ rowsLoaded: 1 })
    expect(receipt).not.toHaveProperty('dialect')
  })

  test.each([
    ['id,name\n1,a\n2,b\n', true, 2],
    ['1,a\n2,b\n', false, 2],
    ['id,name\n', false, undefined],
    ['"1",a\n2,"b\nc"\n', false, 2],
    ['', false, 0],
  ] as const)('QuestDB finds out whether the first line of %j is a header: %s', async (content, isHeader, rows) => {
    for (const [from, call] of [
      [`'${file('input', content)}'`, {}],
      ['STDIN', { stdin: content }],
    ] as const) {
      const load = bench.db.copy(`COPY t FROM ${from} (DIALECT 'questdb')`, call)
      // Of text alone it is data, which this table does not take.
      if (rows === undefined) expect((await refusalOf(bench, load)).sqlState).toBe('22P02')
      else {
        const found = { headerDetected: isHeader, headerLines: isHeader ? 1 : 0, rowsLoaded: rows }
        expect(await load).toMatchObject(found)
      }
      await bench.sql('DELETE FROM t')
    }
    expect(await bench.db.copy(`COPY t FROM '${file('input', 'x,y\n1,a\n')}' WITH HEADER true`)).not.toHaveProperty(
      'headerDetected',
    )
  })

  test('QuestDB makes a table by the header that was found, of an input longer than what is looked at', async () => {
    const content = `id,"a, b"\n${Array.from({ length: 9_000 }, (_, i) => `${i},"n\n${i}"\n`).join('')}`
    const receipt = await bench.db.copy(`COPY made FROM '${file('input', content)}' (DIALECT 'questdb')`)
    expect(receipt).toMatchObject({ rowsLoaded: 9_000, headerDetected: true, createdTable: expect.anything() })
    expect(await bench.sql('SELECT sum(id) FROM made')).toEqual([[String((9_000 * 8_999) / 2)]])
    await bench.db.copy(`COPY u FROM '${file('input', 'a,b\nc,d\n')}' (DIALECT 'questdb')`)
    expect(await bench.sql('SELECT count(*) FROM u')).toEqual([['2']])
  })

  test('what is not carried out yet is refused before anything is read', async () => {
    for (const [rest, message, at] of [
      [
        "FROM 'missing' WITH HEADER true TIMESTAMP 'name' PARTITION BY DAY",
        'COPY PARTITION BY is not supported yet',
        'DAY',
      ],
    ] as const) {
      const error = await refusalOf(bench, bench.db.copy(`COPY t ${rest}`))
      expect([error.sqlState, error.message]).toEqual(['0A000', message])
      expect(error.statement?.text.slice(error.statement.offset).startsWith(at)).toBe(true)
      expect(error.hint).toBeDefined()
    }
  })

  test('refused rows are loaded once more by the rules of their statement', async () => {
    const path = file('input', 'head\n1|a\nx|\\N\n')
    const options = "CSV DELIMITER '|' NULL AS '' ROUNDEC IGNOREHEADER 1 IGNOREALLERRORS"
    const receipt = await bench.db.copy(`COPY t FROM '${path}' ${options}`)
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
    await bench.sql('CREATE TABLE u (id text, name text)')
    const again = await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u`)
    expect(again).toMatchObject({ rowsLoaded: 1, dialect: { name: 'redshift' } })
    expect(await bench.sql('SELECT * FROM u')).toEqual([['x', '\\N']])
    await bench.sql('DELETE FROM t')
    const error = await refusalOf(bench, bench.db.copy(`COPY REJECTS '${receipt.id}' INTO u WITH (NOLOAD)`))
    expect(error.message).toBe('COPY REJECTS cannot validate only')
  })
})
