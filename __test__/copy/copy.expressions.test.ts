import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions, CopyError, Reject } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-expressions-')
const { file } = folder

describe.each(benches)('SQL of the caller on $name', ({ name: target, open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
    const stored = target === 'postgres' ? 'STORED' : ''
    await bench.sql('CREATE TABLE t (id integer, name text)')
    await bench.sql(`CREATE TABLE g (id integer, name text, twice integer GENERATED ALWAYS AS (id * 2) ${stored})`)
  })

  afterAll(() => bench?.close())

  beforeEach(async () => {
    await bench.sql('DELETE FROM t')
  })

  const copy = (content: string, rest: string, call: CopyCallOptions = {}) =>
    bench.db.copy(`COPY t FROM '${file('input', content)}' ${rest}`, call)
  const explain = (content: string, rest: string, how = 'EXPLAIN') =>
    bench.db.explain(`${how} COPY t FROM '${file('input', content)}' ${rest}`)
  const shown = ({ statement }: CopyError, length: number) =>
    statement?.text.slice(statement.offset, statement.offset + length)
  const rows = () => bench.sql('SELECT id, name FROM t ORDER BY id')

  const sets = target === 'postgres' ? 'generate_series(1, 2)' : 'unnest([1, 2])'

  describe('WHERE takes no more than PostgreSQL does', () => {
    test.each([
      ['id IN (SELECT 1)', '0A000', 'cannot use subquery in COPY FROM WHERE condition'],
      ['id > 0 AND EXISTS (SELECT 1 FROM t)', '0A000', 'cannot use subquery in COPY FROM WHERE condition'],
      ['(SELECT true)', '0A000', 'cannot use subquery in COPY FROM WHERE condition'],
      ['id = ANY (SELECT 1)', '0A000', 'cannot use subquery in COPY FROM WHERE condition'],
      ['sum(id) > 1', '42803', 'aggregate functions are not allowed in COPY FROM WHERE conditions'],
      ['grouping(id) > 1', '42803', 'grouping operations are not allowed in COPY FROM WHERE conditions'],
      ['row_number() OVER () > 1', '42P20', 'window functions are not allowed in COPY FROM WHERE conditions'],
      [`${sets} > 1`, '0A000', 'set-returning functions are not allowed in COPY FROM WHERE conditions'],
      ['id = $1', '42P02', 'there is no parameter $1'],
    ])('%s', async (where, sqlState, message) => {
      for (const rest of ['CSV', '(FORMAT csv, ON_ERROR skip_row)', 'CSV TRANSFORM (name AS upper(name))']) {
        const error = await refusalOf(bench, copy('1,é\n', `${rest} WHERE 'é' = 'é' AND ${where}`))
        expect([error.sqlState, error.message]).toEqual([sqlState, message])
        // At the part that is not allowed, not at the condition as a whole.
        expect(where).toContain(shown(error, 5))
      }
    })

    test('of arrays', async () => {
      for (const where of ['id = ANY (ARRAY[1, 2])', '1 = ALL (ARRAY[id])']) {
        const load = copy('1,a\n3,b\n', `CSV WHERE ${where}`)
        if (target === 'postgres') {
          expect(await load).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
          continue
        }
        const error = await refusalOf(bench, load)
        expect(error).toMatchObject({
          sqlState: '0A000',
          message: 'cannot use ANY or ALL of an array in COPY FROM WHERE condition',
          hint: expect.stringContaining('list_contains(array, value)'),
        })
      }
      if (target === 'postgres') return
      expect(await copy('1,a\n3,b\n', 'CSV WHERE list_contains(ARRAY[1, 2], id)')).toMatchObject({ rowsLoaded: 1 })
    })

    test('generated columns', async () => {
      for (const where of ['twice > 1', 'g.twice > 1']) {
        const load = bench.db.copy(`COPY g FROM STDIN CSV WHERE ${where}`, { stdin: '1,a\n' })
        expect(await load.catch((error) => error)).toMatchObject({
          sqlState: '42P10',
          message: 'generated columns are not supported in COPY FROM WHERE conditions',
          detail: 'Column "twice" is a generated column.',
        })
      }
    })

    test('a place of a column, which would be one of ours', async () => {
      for (const rest of ['WHERE #1 = 0', 'WHERE +#1 > 0', 'TRANSFORM (name AS #1)', 'TRANSFORM (name AS #2)']) {
        const error = await refusalOf(bench, copy('1,a\n', `CSV ${rest}`))
        expect(error.sqlState).toBe(target === 'postgres' ? '42883' : '0A000')
        if (target === 'duckdb') expect(error.message).toMatch(/^cannot use positional reference #[12] in /)
        expect(shown(error, 6)).toContain('#')
      }
    })

    test('all columns at once', async () => {
      if (target === 'postgres') return
      for (const rest of ['WHERE COLUMNS(*) IS NOT NULL', 'TRANSFORM (name AS COLUMNS(*))', 'TRANSFORM (name AS *)']) {
        const error = await refusalOf(bench, copy('1,a\n', `CSV ${rest}`))
        expect([error.sqlState, error.hint]).toEqual(['0A000', 'Name the columns.'])
      }
      // A query that begins with FROM.
      const error = await refusalOf(bench, copy('1,a\n', 'CSV WHERE id IN (FROM range(3))'))
      expect(error.message).toBe('cannot use subquery in COPY FROM WHERE condition')
    })
  })

  test.each([
    'id > 1 -- and so on',
    "id > 1 -- '",
    'id > 1 /* and so on */',
    'id > 1 -- )\n AND true',
    'id /* ) -- */ > 1 /* /* in each other */ */',
  ])('a comment swallows nothing of what comes after it: %s', async (where) => {
    for (const rest of ['CSV', '(FORMAT csv, ON_ERROR skip_row)', 'CSV TRANSFORM (name AS name -- c\n)']) {
      expect(await copy('1,a\n2,b\n', `${rest} WHERE ${where}`)).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
      expect(await rows()).toEqual([['2', 'b']])
      await bench.sql('DELETE FROM t')
    }
  })

  test.each([
    ['CSV WHERE id > 1 /* and', 'unterminated /* comment at or near "/* and"'],
    ['CSV TRANSFORM (name AS name -- c)', 'syntax error at end of input'],
    ['CSV TRANSFORM (name AS name /* c */ || name)', 'a TRANSFORM expression cannot have comments'],
    ['CSV TRANSFORM (name AS name -- c\n || name)', 'a TRANSFORM expression cannot have comments'],
  ])('a comment that does, or could, is refused: %s', async (rest, message) => {
    const error = await refusalOf(bench, copy('1,a\n', rest))
    expect([error.sqlState, error.message]).toEqual(['42601', message])
  })

  test.each([
    ['WHERE id >', 'at end of input'],
    ["WHERE name = 'é' AND\n id > -- and no more", 'at end of input'],
    ['WHERE id > ;', 'at or near ";"'],
    ['TRANSFORM (id AS id >)', 'at or near ")"'],
    ['TRANSFORM (id AS id > , name AS name)', 'at or near ","'],
  ])('SQL that breaks off is told by what stands behind it in the statement: %s', async (rest, where) => {
    const error = await refusalOf(bench, copy('1,a\n', `CSV ${rest}`))
    expect([error.sqlState, error.message]).toEqual(['42601', `syntax error ${where}`])
    // The caret stands behind the last token.
    const { text = '', offset = 0 } = error.statement ?? {}
    expect(text.slice(0, offset)).toMatch(/>$/)
  })

  describe('EXPLAIN', () => {
    test.each([
      ['WHERE nothing = 1', '42703', 'nothing = 1'],
      ['WHERE t.nothing = 1', '42703', ''],
      ['WHERE nonsense(id)', '42883', 'nonsense(id)'],
      ['WHERE id +', '42601', ''],
      ['WHERE id IN (SELECT 1)', '0A000', 'IN (SELECT 1)'],
      ['TRANSFORM (name AS nothing)', '42703', 'nothing)'],
      ['TRANSFORM (name AS CASE WHEN)', '42601', ''],
      ['TRANSFORM (name nonsense AS name)', undefined, 'nonsense AS name)'],
      ['TRANSFORM (name AS sum(id))', undefined, ''],
      ['TRANSFORM (name AS upper(name)) WHERE nothing = 1', '42703', 'nothing = 1'],
    ])('finds what a load would refuse before it reads: %s', async (rest, sqlState, at) => {
      const load = await refusalOf(bench, copy('1,a\n', `CSV ${rest}`))
      for (const how of ['EXPLAIN', 'EXPLAIN VALIDATE']) {
        const { failure, validation } = await explain('1,a\n', `CSV ${rest}`, how)
        expect(failure).toMatchObject({ sqlState: load.sqlState, message: load.message })
        if (sqlState !== undefined) expect(failure?.sqlState).toBe(sqlState)
        if (at !== '') expect(failure && shown(failure, 100)).toBe(at)
        expect(validation).toBeUndefined()
      }
      const only = await refusalOf(bench, copy('1,a\n', `VALIDATE_ONLY CSV ${rest}`))
      expect([only.sqlState, only.message]).toEqual([load.sqlState, load.message])
    })

    test('tells of expressions, and of what it does not evaluate', async () => {
      const rest = 'CSV TRANSFORM (id numeric(8,2) AS floor(id * 10), name AS upper(name)) WHERE id > 1'
      const { failure, columns, unchecked, validation } = await explain('1.75,a\nx,b\n', rest, 'EXPLAIN VALIDATE')
      expect(columns?.map(({ conversions }) => conversions)).toEqual([
        ['read as numeric(8,2)', 'becomes floor(id * 10)'],
        ['becomes upper(name)'],
      ])
      expect(unchecked.join('; ')).toMatch(/TRANSFORM: the values .*WHERE: which rows/)
      // A field is looked at as the type that it is read as: 1.75 is no integer, as its column is.
      expect(validation).toMatchObject({ rowsRead: 2, rowsRejected: 1 })
      expect(failure).toMatchObject({ sqlState: '22P02', position: { line: 2, column: 'id' } })
      const none = await explain('1,a\n', 'CSV')
      expect(none.unchecked.join()).not.toMatch(/TRANSFORM|WHERE/)
    })

    test('finds out what TRANSFORM cannot be combined with, and that its table must be there', async () => {
      const { failure } = await explain('1,a\n', "(FORMAT csv, DEFAULT 'D', TRANSFORM (name AS name))")
      expect(failure?.message).toBe('COPY TRANSFORM cannot be used with DEFAULT')
      const made = await bench.db.explain(
        `COPY made FROM '${file('input', '1,a\n')}' (FORMAT csv, CREATE_TABLE, TRANSFORM (f1 AS f1))`,
      )
      expect(made.failure?.message).toBe('COPY TRANSFORM cannot be used with a table that has yet to be created')
    })

    test('looks at the condition for a table that would be made', async () => {
      const look = async (where: string) =>
        (
          await bench.db.explain(
            `COPY made FROM '${file('input', 'id,B c\n1,a\n')}' (FORMAT csv, HEADER, CREATE_TABLE) WHERE ${where}`,
          )
        ).failure
      expect(await look('id > 1 AND "B c" = \'a\'')).toBeUndefined()
      expect(await look('nothing > 1')).toMatchObject({ sqlState: '42703' })
    })

    test('says whether there is a header, and why', async () => {
      for (const [content, isHeader, reason, read] of [
        ['id,name\n1,a\n', true, 'field 1 is int8 in all records but the first', 1],
        ['1,a\n2,b\n', false, 'field 1 is int8 in the first record too', 2],
        ['a,b\nc,d\n', false, 'all fields are text, in the first record and in the others', 2],
      ] as const) {
        for (const [from, call] of [
          [`'${file('input', content)}'`, {}],
          ['STDIN', { stdin: content }],
        ] as const) {
          const statement = `COPY t FROM ${from} (DIALECT 'questdb')`
          const { header, input, columns } = await bench.db.explain(`EXPLAIN ${statement}`, call)
          expect(header).toEqual({ isHeader, reason })
          expect(input?.read).toBe(from === 'STDIN' ? 'all' : 'the beginning')
          expect(columns).toHaveLength(2)
          const { validation } = await bench.db.explain(`EXPLAIN VALIDATE ${statement}`, call)
          expect(validation).toMatchObject({ headerLines: isHeader ? 1 : 0, rowsRead: read })
        }
      }
      const receipt = await bench.db.copy(
        `COPY t FROM '${file('input', 'id,name\n1,a\n')}' (DIALECT 'questdb', VALIDATE_ONLY)`,
      )
      expect(receipt).toMatchObject({ headerDetected: true, rowsValidated: 1 })
      expect((await explain('1,a\n', 'CSV')).header).toBeUndefined()
    })
  })

  describe('a row that an expression fails for', () => {
    const content = '1,10\n2,x\nbad,3\n3,4\n4,y\n4,5\n4,6\n5,\n'
    const cast = 'CAST(name AS integer)'
    // The second row with a key is loaded: the first is refused. Of NULL the condition is not true.
    const loaded = [
      ['3', '4'],
      ['4', '5'],
    ]
    const reasons = [
      [2, '22P02', 'x'],
      [3, '22P02', 'bad'],
      [5, '22P02', 'y'],
    ] as const

    beforeEach(async () => {
      await bench.sql('DROP TABLE IF EXISTS k')
      await bench.sql('CREATE TABLE k (id integer PRIMARY KEY, name text)')
    })

    const load = async (rest: string, input = content) => {
      const rejects: Reject[] = []
      const receipt = await bench.db.copy(`COPY k FROM '${file('input', input)}' ${rest}`, {
        onReject: (reject) => void rejects.push(reject),
      })
      const told = rejects.map(({ line, errors: [error] }) => [line, error?.sqlState, error?.message ?? ''] as const)
      return { receipt, told, rows: await bench.sql('SELECT id, name FROM k ORDER BY id') }
    }

    test.each([
      ['(FORMAT csv, ON_ERROR skip_row)', ''],
      ['(FORMAT csv, ON_ERROR skip_row, TRANSFORM (name AS lower(name)))', ''],
      ["MAXERROR 10 DELIMITER ',' NULL AS ''", ''],
      ['(FORMAT csv, ON_ERROR skip_row)', ' ON CONFLICT DO SKIP'],
      ['(FORMAT csv, ON_ERROR skip_row)', ' ON CONFLICT (id) DO UPDATE KEEP FIRST'],
    ])('costs itself where it is the condition that fails: %s%s', async (options, conflict) => {
      const { receipt, told, rows } = await load(`${options} WHERE ${cast} < 10${conflict}`)
      const isSkipped = conflict !== ''
      expect(receipt).toMatchObject({
        rowsRead: 8,
        rowsLoaded: 2,
        rowsFiltered: 2,
        rowsConflicted: isSkipped ? 1 : 0,
        rowsRejected: isSkipped ? 3 : 4,
      })
      expect(rows).toEqual(loaded)
      const ofExpressions = told.filter(([, sqlState]) => sqlState !== '23505')
      expect(ofExpressions.map(([line, sqlState]) => [line, sqlState])).toEqual(
        reasons.map(([line, sqlState]) => [line, sqlState]),
      )
      for (const [at, [, , message]] of ofExpressions.entries()) expect(message).toContain(reasons[at]?.[2])
    })

    test('costs itself where conversions do, and a constraint ends the load', async () => {
      const rest = `CSV LOG ERRORS REJECT LIMIT '3' WHERE ${cast} < 10`
      const sound = content.replace('4,6\n', '')
      const { receipt, told, rows } = await load(rest, sound)
      expect(receipt).toMatchObject({ rowsRead: 7, rowsLoaded: 2, rowsFiltered: 2, rowsRejected: 3 })
      expect(rows).toEqual(loaded)
      expect(told.map(([line, sqlState]) => [line, sqlState])).toEqual(reasons.map(([line, state]) => [line, state]))
      await bench.sql('DELETE FROM k')
      expect((await load(rest.replace('3', '2'), sound).catch((error) => error)).message).toMatch(/REJECT LIMIT \(2\)/)
      expect(await load(rest).catch((error) => error)).toMatchObject({ sqlState: '23505', position: { line: 7 } })
      const transformed = `CSV TRANSFORM (name AS lower(name)) LOG ERRORS REJECT LIMIT '3' WHERE ${cast} < 10`
      expect((await load(transformed, sound)).receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 3 })
    })

    test('ends a load without rejects, or that has nothing to replace it by, at its line', async () => {
      for (const options of ['(FORMAT csv)', '(FORMAT csv, ON_ERROR set_null)']) {
        const error = await load(`${options} WHERE ${cast} < 10`).catch((thrown) => thrown)
        expect(error).toMatchObject({ sqlState: '22P02', position: { line: 2 } })
      }
    })

    test('has the words of the database in any case', async () => {
      const { told } = await load(`(FORMAT csv, ON_ERROR skip_row, TRANSFORM (name AS CAST(${cast} AS text)))`)
      const message =
        target === 'postgres' ? 'invalid input syntax for type integer: "x"' : /^Could not convert string 'x'/
      expect(told[0]).toEqual([2, '22P02', expect.stringMatching(message)])
    })

    test('is one of many', async () => {
      const input = Array.from({ length: 40_000 }, (_, i) => `${i},${i % 997 === 5 ? `n${i % 3}` : i}\n`).join('')
      const { receipt, told } = await load(`(FORMAT csv, ON_ERROR skip_row) WHERE ${cast} % 2 = 0`, input)
      expect(receipt).toMatchObject({ rowsRead: 40_000, rowsRejected: 41, rowsFiltered: 19_979, rowsLoaded: 19_980 })
      expect(
        told.every(([line, sqlState, message], at) => {
          return line === at * 997 + 6 && sqlState === '22P02' && message.includes(`n${(line - 1) % 3}`)
        }),
      ).toBe(true)
    })

    test('needs something that is in the database only', async () => {
      if (target === 'postgres') return
      await bench.sql('CREATE OR REPLACE MACRO whole(x) AS CAST(x AS integer)')
      const { told } = await load('(FORMAT csv, ON_ERROR skip_row) WHERE whole(name) < 10', '1,x\n')
      expect(told).toEqual([[1, '22000', 'the WHERE condition raises an error for this row']])
    })
  })

  describe('FILLER', () => {
    const load = (rest: string, stdin: string, call: CopyCallOptions = {}) =>
      bench.db.copy(`COPY t ${rest}`, { stdin, ...call })
    const refused = (rest: string, stdin: string) => refusalOf(bench, load(rest, stdin))

    test('drops no more than there is to be loaded', async () => {
      for (const [rest, stdin] of [
        ['(x, y) FROM STDIN CSV FILLER (x, y)', '1,2\n'],
        ['(x) FROM STDIN FIXED FORMATTER (x (0, 1)) FILLER (x)', '1\n'],
        ['(x) FROM STDIN (FORMAT csv, HEADER, MAP BY NAME, FILLER (x))', 'x,id\n1,2\n'],
      ] as const) {
        const error = await refused(rest, stdin)
        expect([error.sqlState, error.message]).toEqual([
          '22023',
          'FILLER drops all fields, so that no column is loaded',
        ])
        expect(error.statement?.offset).toBeGreaterThan(0)
      }
      await load("(x, id) FROM STDIN CSV FILLER (x) CONSTANT (id '3')", 'a\n')
      expect(await rows()).toEqual([['3', null]])
    })

    test('beside MAP BY NAME drops a field of that name, which must be there', async () => {
      const rest = '(id, x) FROM STDIN (FORMAT csv, HEADER, MAP BY NAME, FILLER (x))'
      await load(rest, 'X,id,more\n1,2,3\n')
      expect(await rows()).toEqual([['2', null]])
      await bench.sql('DELETE FROM t')
      const error = await refused(rest, 'id,name\n1,2\n')
      expect(error).toMatchObject({
        sqlState: '42703',
        message: 'the header has no field for column "x"',
        detail: 'Its fields are "id", "name".',
      })
      expect(shown(error, 3)).toBe('x))')
    })

    test('gets no column in a table that is made', async () => {
      for (const [rest, stdin, expected] of [
        ['(a, x, b) FROM STDIN CSV FILLER (x)', '1,y,z\n', [['1', 'z']]],
        ['(a, b, x) FROM STDIN (FORMAT csv, HEADER, MAP BY NAME, FILLER (x))', 'x,b,a\n1,z,2\n', [['2', 'z']]],
      ] as const) {
        const statement = `COPY made ${rest}`
        const explained = await bench.db.explain(`EXPLAIN VALIDATE ${statement}`, { stdin, createTable: true })
        expect(explained.failure).toBeUndefined()
        expect(explained.columns?.map(({ name, detected }) => [name, detected?.slice(-15)]).slice(0, 2)).toEqual([
          ['a', expect.stringMatching(/bigint$/)],
          ['b', expect.any(String)],
        ])
        const { createdTable } = await bench.db.copy(statement, { stdin, createTable: true })
        expect(createdTable).toBe(explained.table?.ddl)
        expect(createdTable).not.toMatch(/\bx\b/)
        expect(await bench.sql('SELECT * FROM made')).toEqual(expected)
        await bench.sql('DROP TABLE made')
      }
      const only = bench.db.copy('COPY made (x) FROM STDIN CSV FILLER (x)', { stdin: '1\n', createTable: true })
      expect((await refusalOf(bench, only)).sqlState).toBe('22023')
      const few = bench.db.copy('COPY made (a, x) FROM STDIN CSV FILLER (x)', { stdin: '1\n', createTable: true })
      expect((await refusalOf(bench, few)).message).toBe('the column list has 2 columns, but the first record has 1')
    })

    test('is not seen by expressions', async () => {
      for (const rest of ['TRANSFORM (id AS x)', 'WHERE x = 1']) {
        const error = await refused(`(id, x) FROM STDIN CSV FILLER (x) ${rest}`, '1,2\n')
        expect([error.sqlState, error.hint]).toEqual([
          '42703',
          'FILLER drops field "x" after it is read, so that neither TRANSFORM nor WHERE sees it.',
        ])
      }
    })
  })

  describe('TRANSFORM with a type alone', () => {
    const load = (item: string, stdin: string) => bench.db.copy(`COPY t FROM STDIN CSV TRANSFORM (${item})`, { stdin })

    test.each([
      ['id text', '016,a', ['16', 'a'], '-7,a', ['-7', 'a']],
      ['id numeric(5,2)', '1.6,a', ['2', 'a'], '-1.4,a', ['-1', 'a']],
      ['id boolean', 'yes,a', ['1', 'a'], 'off,a', ['0', 'a']],
      ['name integer', '1, 0x2A ', ['1', '42'], '2,-0', ['2', '0']],
      ['name numeric(4,1)', '1,2.55', ['1', '2.6'], '2,3', ['2', '3.0']],
      ['name boolean', '1,yes', ['1', 'true'], '2,0', ['2', 'false']],
      ['name date', '1,2024-01-31', ['1', '2024-01-31'], '2,Jan 8 1999', ['2', '1999-01-08']],
      ['name varchar(2)', '1,ab', ['1', 'ab'], '2,ab ', ['2', 'ab']],
    ] as const)(
      '%s: the field is read as that, and converted to what the column is',
      async (item, a, one, b, other) => {
        for (const [line, row] of [
          [a, one],
          [b, other],
        ] as const) {
          await load(item, `${line}\n`)
          expect(await rows()).toEqual([row])
          await bench.sql('DELETE FROM t')
        }
      },
    )

    test('text that is no number, and what is too long', async () => {
      await load('id text', '7,a\n')
      expect(await rows()).toEqual([['7', 'a']])
      await bench.sql('DELETE FROM t')
      const error = await refusalOf(bench, load('id text', '1,a\nx,b\n'))
      expect(error).toMatchObject({ sqlState: '22P02', position: { line: 2, column: 'id' } })
      expect(await refusalOf(bench, load('name varchar(2)', '1,abc\n'))).toMatchObject({
        sqlState: '22001',
        message: 'value too long for type character varying(2)',
      })
    })
  })
})
