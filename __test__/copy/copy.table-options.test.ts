import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-table-options-')
const { file } = folder

describe.each(benches)('options about the table on $name', ({ name: target, open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(() => bench.close())

  const failure = (load: Promise<unknown>) =>
    load.then(
      () => undefined,
      (error) => error,
    )

  describe('FREEZE', () => {
    test('is what PostgreSQL makes of it, and refused on DuckDB', async () => {
      const error = await refusalOf(bench, bench.db.copy('COPY t FROM STDIN (FREEZE)', { stdin: '1\ta\n' }))
      if (target === 'duckdb') {
        expect(error).toMatchObject({ sqlState: '0A000', message: 'COPY FREEZE cannot be used with DuckDB' })
        expect(error.statement?.text.slice(error.statement.offset)).toBe('FREEZE)')
        return
      }
      expect(error).toMatchObject({
        sqlState: '55000',
        message: expect.stringContaining('cannot perform COPY FREEZE because the table was not created or truncated'),
      })
      const path = file('input', 'id,name\n1,a\n')
      await bench.db.copy(`COPY made FROM '${path}' (FORMAT csv, HEADER, FREEZE, CREATE_TABLE)`)
      await bench.sql('CREATE EXTENSION pageinspect')
      const isFrozen = (table: string) =>
        bench.sql(`SELECT bool_or(t_infomask & 768 = 768) FROM heap_page_items(get_raw_page('${table}', 0))`)
      expect(await isFrozen('made')).toEqual([['true']])
      await bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, HEADER)`)
      expect(await isFrozen('t')).toEqual([['false']])
    })

    test("in a transaction of the caller's, with its errors", async () => {
      if (target === 'duckdb') return
      const client = new pg.Client({ connectionString: bench.url ?? '' })
      await client.connect()
      try {
        const db = await connect(client)
        await client.query('BEGIN')
        await client.query('TRUNCATE t')
        expect(await db.copy('COPY t FROM STDIN (FREEZE)', { stdin: '1\ta\n' })).toMatchObject({ rowsLoaded: 1 })
        await client.query('COMMIT')
        await client.query('BEGIN')
        await client.query('TRUNCATE t')
        const error = await failure(db.copy('COPY t FROM STDIN (FREEZE)', { stdin: '2\ta\nx\tb\n' }))
        expect(error).toMatchObject({ sqlState: '22P02', position: { line: 2 } })
        // There is nothing to go back to, so that half of a file cannot be committed.
        expect((await client.query('COMMIT')).command).toBe('ROLLBACK')
        expect((await client.query('SELECT id FROM t')).rows).toEqual([{ id: 1 }])
      } finally {
        await client.end()
      }
    })

    test('is never ignored', async () => {
      if (target === 'duckdb') return
      for (const [rest, what] of [
        ['(FREEZE) ON CONFLICT (id) DO SKIP', 'COPY FREEZE cannot be used with ON CONFLICT DO SKIP'],
        ['(FREEZE, TRANSFORM (id AS id))', 'COPY TRANSFORM cannot be used with FREEZE'],
      ] as const) {
        const error = await refusalOf(bench, bench.db.copy(`COPY t FROM STDIN ${rest}`, { stdin: '1\ta\n' }))
        expect([error.sqlState, error.message]).toEqual(['0A000', what])
      }
    })
  })

  test('STATUPDATE ON gathers the statistics in the transaction of the load', async () => {
    const rows = Array.from({ length: 500 }, (_, i) => `${i}|n${i % 5}\n`).join('')
    if (target === 'duckdb') {
      // Nothing shows what DuckDB has gathered.
      const instance = await DuckDBInstance.create(':memory:')
      const connection = await instance.connect()
      await connection.run('CREATE TABLE t (id integer, name text)')
      const db = await connect(connection)
      const run = vi.spyOn(connection, 'run')
      const analyzed = () => run.mock.calls.filter(([sql]) => sql === 'ANALYZE "memory"."main"."t"').length
      await db.copy('COPY t FROM STDIN STATUPDATE OFF ROUNDEC', { stdin: rows })
      expect(analyzed()).toBe(0)
      await db.copy('COPY t FROM STDIN STATUPDATE ON ROUNDEC', { stdin: rows })
      expect(analyzed()).toBe(1)
      connection.closeSync()
      instance.closeSync()
      return
    }
    const analyzed = () => bench.sql("SELECT reltuples FROM pg_class WHERE relname = 't'")
    await bench.db.copy('COPY t FROM STDIN STATUPDATE OFF ROUNDEC', { stdin: rows })
    expect(await analyzed()).toEqual([['-1']])
    await bench.db.copy('COPY t FROM STDIN STATUPDATE ON ROUNDEC', { stdin: rows })
    expect(await analyzed()).toEqual([['1000']])
  })

  describe('EXPLICIT_IDS', () => {
    const load = (rest: string, content: string, list = '') =>
      bench.db.copy(`COPY i ${list} FROM STDIN CSV NULL AS '' ROUNDEC ${rest}`, { stdin: content })

    test('needs an identity column', async () => {
      const error = await failure(bench.db.copy('COPY t FROM STDIN EXPLICIT_IDS ROUNDEC', { stdin: '1|a\n' }))
      expect(error).toMatchObject({
        sqlState: '42P10',
        message: 'COPY EXPLICIT_IDS needs an identity column, and relation "t" has none',
      })
    })

    test('gives values to identity columns, which have no field without it', async () => {
      // DuckDB has no such columns.
      if (target === 'duckdb') return
      await bench.sql(`CREATE TABLE i (id integer GENERATED ALWAYS AS IDENTITY (START 100),
        other integer GENERATED BY DEFAULT AS IDENTITY, name text)`)
      expect(await load('', '7,a\n8,b\n')).toMatchObject({ columns: ['other', 'name'] })
      await load('EXPLICIT_IDS', '1,9,c\n')
      await load('EXPLICIT_IDS', '2,d\n', '(id, name)')
      expect(await bench.sql('SELECT id, other, name FROM i ORDER BY name')).toEqual([
        ['100', '7', 'a'],
        ['101', '8', 'b'],
        ['1', '9', 'c'],
        ['2', '1', 'd'],
      ])
      expect(await failure(load('', '1,a\n', '(id, name)'))).toMatchObject({
        sqlState: '42P10',
        message: 'column "id" is an identity column, and gets its values by itself',
      })
      expect(await failure(load('EXPLICIT_IDS', 'a\n', '(name)'))).toMatchObject({
        sqlState: '42P10',
        message: 'COPY EXPLICIT_IDS needs identity column "id" among the columns',
      })
      // PostgreSQL's COPY gives values to all columns.
      await bench.db.copy('COPY i FROM STDIN', { stdin: '5\t6\te\n' })
      expect(await bench.sql("SELECT id, other FROM i WHERE name = 'e'")).toEqual([['5', '6']])
    })
  })

  describe('WHERE', () => {
    test('sees the defaults of columns that are not in the list, however the rows travel', async () => {
      await bench.sql("CREATE TABLE u (a integer PRIMARY KEY, b text, c text DEFAULT 'none', d integer)")
      for (const [before, after] of [
        ['', ''],
        ['ON_ERROR skip_row,', ''],
        ['', 'ON CONFLICT DO SKIP'],
        ['TRANSFORM (b AS upper(b)),', ''],
      ]) {
        await bench.sql('DELETE FROM u')
        const copy = (where: string) =>
          bench.db.copy(`COPY u (a, b) FROM STDIN (${before} FORMAT csv) ${after} WHERE ${where}`, {
            stdin: '1,x\n2,y\n',
          })
        expect(await copy("c = 'none' AND d IS NULL AND a > 1")).toMatchObject({ rowsLoaded: 1, rowsFiltered: 1 })
        expect(await copy("c <> 'none'")).toMatchObject({ rowsLoaded: 0, rowsFiltered: 2 })
        if (target === 'duckdb') continue
        for (const [where, sqlState, message] of [
          ['a IN (SELECT 1)', '0A000', 'cannot use subquery in COPY FROM WHERE condition'],
          ['sum(a) > 1', '42803', 'aggregate functions are not allowed in COPY FROM WHERE conditions'],
          ['nothing = 1', '42703', 'column "nothing" does not exist'],
        ] as const) {
          const error = await failure(copy(where))
          expect([error.sqlState, error.message]).toEqual([sqlState, message])
          expect(error.statement.offset).toBeGreaterThan(error.statement.text.indexOf('WHERE'))
        }
      }
    })
  })
})
