import { Client, type DatabaseError } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { planColumns } from '../../lib/statement/plan.ts'

const table = {
  relationName: 'p',
  columns: [
    { name: 'a', generated: false },
    { name: 'g', generated: true },
    { name: 'B', generated: false },
    { name: 'c', generated: false },
  ],
}

function plan(clauses: string, caseInsensitive = false) {
  return planColumns(parseCopy(`COPY p ${clauses}`), { ...table, caseInsensitive })
}

test('without a list: every column that is not generated', () => {
  expect(plan('FROM STDIN').columns).toEqual([0, 2, 3])
})

test('with a list: in its order', () => {
  expect(plan('(c, "B") FROM STDIN').columns).toEqual([3, 2])
})

test('FORCE_NULL and FORCE_NOT_NULL follow the list', () => {
  const { forceNull, forceNotNull } = plan('(c, "B", a) FROM STDIN (FORMAT csv, FORCE_NULL (a), FORCE_NOT_NULL *)')
  expect(forceNull).toEqual([false, false, true])
  expect(forceNotNull).toEqual([true, true, true])
})

test('a column whose values are made has no field that could be forced', () => {
  expect(() => plan("FROM STDIN (FORMAT csv, FORCE_NULL (c), CONSTANT (c 'x'))")).toThrow(
    'FORCE_NULL column "c" not referenced by COPY',
  )
  const { columns, forceNull } = plan("FROM STDIN (FORMAT csv, FORCE_NULL *, CONSTANT (c 'x'))")
  expect([columns, forceNull]).toEqual([
    [0, 2, 3],
    [true, true],
  ])
})

test('a database that ignores case finds columns in any case', () => {
  expect(plan('(C, b) FROM STDIN', true).columns).toEqual([3, 2])
})

test('columns are found by name as fast in a wide file as in a narrow one', () => {
  const names = Array.from({ length: 20_000 }, (_, index) => `column_${index}`)
  const wide = { relationName: 'p', columns: names.map((name) => ({ name, generated: false })) }
  const header = names.map((name, index) => (index % 2 ? name : name.toUpperCase())).reverse()
  const copy = parseCopy('COPY p FROM STDIN (FORMAT csv, HEADER, MAP BY NAME true)')
  const started = performance.now()
  const planned = planColumns(copy, wide, header)
  // Each of them compared with each takes half a minute.
  expect(performance.now() - started).toBeLessThan(3000)
  expect(planned.columns.length).toBe(20_000)
  expect(planned.fields?.ofColumn.slice(0, 3)).toEqual([19_999, 19_998, 19_997])
})

describe('errors are those of PostgreSQL', () => {
  let client: Client

  beforeAll(async () => {
    const connectionString = process.env.COPYIST_TEST_POSTGRES
    if (!connectionString) throw new Error('COPYIST_TEST_POSTGRES must hold the connection string of a PostgreSQL 18')
    client = new Client({ connectionString })
    await client.connect()
    await client.query('CREATE TEMPORARY TABLE p (a int, g int GENERATED ALWAYS AS (a + 1) STORED, "B" text, c text)')
  })

  afterAll(async () => {
    await client?.end()
  })

  test.each([
    ['(x) FROM STDIN', 'x', undefined],
    ['(b) FROM STDIN', 'b', 'Names without double quotes are in lower case; write "B" with them.'],
    ['(a, g) FROM STDIN', 'g', undefined],
    ['(a, c, a) FROM STDIN', 'a)', undefined],
    ['(a, a, x) FROM STDIN', 'a, x', undefined],
    ['(a) FROM STDIN (FORMAT csv, FORCE_NULL (c))', 'c))', undefined],
    ['(a) FROM STDIN (FORMAT csv, FORCE_NOT_NULL ("B"))', '"B"', undefined],
    ['FROM STDIN (FORMAT csv, FORCE_NOT_NULL (a, a))', 'a))', undefined],
    ['FROM STDIN (FORMAT csv, FORCE_NULL (g))', 'g))', undefined],
    ['FROM STDIN (FORMAT csv, FORCE_NULL (y), FORCE_NOT_NULL (x))', 'x))', undefined],
  ])('COPY p %s', async (clauses, at, hint) => {
    const statement = `COPY p ${clauses}`
    const server = await client.query(statement).then(
      () => undefined,
      (error: DatabaseError) => error,
    )
    let ours: unknown
    try {
      plan(clauses)
    } catch (error) {
      ours = error
    }
    expect(ours).toBeInstanceOf(CopyError)
    const { sqlState, message, detail, statement: place, hint: ourHint } = ours as CopyError
    expect([sqlState, message, detail]).toEqual([server?.code, server?.message, server?.detail])
    expect(statement.slice(place?.offset).startsWith(at)).toBe(true)
    expect(ourHint).toBe(hint)
  })
})
