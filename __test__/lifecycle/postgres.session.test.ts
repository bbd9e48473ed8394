import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ColumnType } from '../../lib/native/load.ts'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import type { TableDescription, Target } from '../../lib/target/target.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { copyError, expectNothingLeft, inTransaction, named, withTarget } from './postgres.harness.ts'

let database: ScratchDatabase

beforeAll(async () => {
  database = await createScratchDatabase()
})
afterAll(() => database.drop())

async function look(target: Target, ...name: string[]): Promise<TableDescription | undefined> {
  return inTransaction(target, (transaction) => transaction.describe(named(...name)))
}

describe('session', () => {
  test('reads the settings and the start of the transaction', async () => {
    const client = new pg.Client(database.url)
    await client.connect()
    const target = await connectPostgres(client)
    await client.query(
      `SET DateStyle = 'German, DMY'; SET IntervalStyle = iso_8601; SET TimeZone = 'Europe/Berlin'; BEGIN`,
    )
    const session = await inTransaction(target, (transaction) => transaction.session())
    const { rows } = await client.query(`SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') AS now`)
    const [seconds, micros] = rows[0].now.split('.')
    expect(session).toEqual({
      dateOrder: 'dmy',
      intervalStyle: 'iso_8601',
      timeZone: 'Europe/Berlin',
      now: (BigInt(Date.parse(`${seconds}Z`)) - BigInt(Date.UTC(2000, 0))) * 1000n + BigInt(micros),
      // No table with a column that depends on the zone has been described, for which the zones are compared.
      zoneWords: 'none',
    })
    await client.query('ROLLBACK; SET DateStyle = ymd')
    expect(await inTransaction(target, (transaction) => transaction.session())).toMatchObject({ dateOrder: 'ymd' })
    await client.end()
    await expectNothingLeft(database)
  })

  test('decides the encoding with the types', async () => {
    await database.query('CREATE TABLE mixed (id int, at timestamp, list int[], stamps timestamptz[], spot point)')
    const client = new pg.Client(database.url)
    await client.connect()
    const target = await connectPostgres(client)
    const sinks = () =>
      inTransaction(target, async (transaction) => {
        const table = await transaction.describe(named('mixed'))
        if (!table) throw new Error('no table')
        const one = (...columns: number[]) => transaction.sinkFor(table, columns, false)
        return [one(0), one(0, 1), one(2), one(3), one(0, 4), transaction.sinkFor(table, [0], true)]
      })
    expect(await sinks()).toEqual(['pg_binary', 'pg_binary', 'pg_binary', 'pg_binary', 'pg_text', 'pg_text'])
    await client.query(`SET timezone_abbreviations = 'Australia'`)
    expect(await sinks()).toEqual(['pg_binary', 'pg_text', 'pg_binary', 'pg_text', 'pg_text', 'pg_text'])
    await client.query(`SET timezone_abbreviations = 'Default'; SET array_nulls = off`)
    expect(await sinks()).toEqual(['pg_binary', 'pg_binary', 'pg_text', 'pg_text', 'pg_text', 'pg_text'])
    await client.end()
    await expectNothingLeft(database)
  })
})

describe('createTable', () => {
  test('writes DDL that makes the table, and undoes it with the transaction', async () => {
    await withTarget(database, async (target) => {
      const columns: { name: string; type: ColumnType }[] = [
        { name: 'iata', type: { kind: 'text' } },
        { name: 'Order No', type: { kind: 'int8' } },
        { name: 'user', type: { kind: 'numeric', precision: 9, scale: 2 } },
        { name: 'at', type: { kind: 'timestamptz', precision: 3 } },
        { name: 'clock', type: { kind: 'timetz' } },
        { name: 'name', type: { kind: 'bpchar' } },
        { name: 'fixed', type: { kind: 'bpchar', length: 2 } },
        { name: 'list', type: { kind: 'array', element: { kind: 'float8' }, elementOid: 701, delimiter: ',' } },
        { name: 'rest', type: { kind: 'other' } },
      ]
      const ddl = `CREATE TABLE public."Table" (
  iata text,
  "Order No" bigint,
  "user" numeric(9,2),
  at timestamp(3) with time zone,
  clock time with time zone,
  name bpchar,
  fixed char(2),
  list double precision[],
  rest text
)`
      await inTransaction(target, async (transaction) => {
        expect(await transaction.createTable(named('public', 'Table'), columns)).toBe(ddl)
        const table = await transaction.describe(named('Table'))
        expect(table?.columns.map(({ name, type }) => ({ name, type }))).toEqual(
          columns.map(({ name, type }) => ({ name, type: type.kind === 'other' ? { kind: 'text' } : type })),
        )
      })
      expect(await look(target, 'Table')).toBeUndefined()
      const error = await copyError(
        inTransaction(target, (t) =>
          t.createTable(
            named('twice'),
            [columns[0], columns[0]].flatMap((c) => (c ? [c] : [])),
          ),
        ),
      )
      expect(error).toMatchObject({
        sqlState: '42701',
        code: 'duplicate_column',
        message: 'column "iata" specified more than once',
      })
    })
  })
})
