import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'
import { type DuckDBConnection, DuckDBInstance, textRows } from '../lifecycle/duckdb.batches.ts'

/*
 * Markers that read like values. The decoder tries a field as a value before it compares it with the NULL string, unless that string
 * itself would do for one; what is a marker must not depend on it.
 */

let instance: DuckDBInstance
let connection: DuckDBConnection
let db: Database

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  db = await connect(connection)
})
afterAll(async () => {
  await db.close()
  connection.closeSync()
  instance.closeSync()
})

/** What a column of `type` (its default is `fallback`) has after a load of these fields; NULL as null. */
async function load(type: string, fallback: string, options: string, fields: readonly string[]): Promise<unknown[]> {
  await connection.run(`CREATE OR REPLACE TABLE t (v ${type} DEFAULT ${fallback}, n INTEGER)`)
  const stdin = fields.map((field, n) => `${field},${n + 100}\n`).join('')
  await db.copy(`COPY t FROM STDIN (FORMAT csv${options})`, { stdin })
  return (await textRows(connection, 'SELECT v::VARCHAR FROM t ORDER BY n')).map(([value]) => value)
}

describe('an enum’s label that is also', () => {
  const labels = `ENUM ('', 'ok', 'NA', '#', '*')`
  const fields = ['ok', '', 'NA', '#', '*', '""', '"NA"', '"#"', '"*"']

  test('the NULL string is NULL where it is not quoted', async () => {
    expect(await load(labels, `'ok'`, '', fields)).toEqual(['ok', null, 'NA', '#', '*', '', 'NA', '#', '*'])
    expect(await load(labels, `'ok'`, `, NULL 'NA'`, fields)).toEqual(['ok', '', null, '#', '*', '', 'NA', '#', '*'])
    expect(await load(labels, `'ok'`, `, NULL '#'`, fields)).toEqual(['ok', '', 'NA', null, '*', '', 'NA', '#', '*'])
  })

  test('the NULL string follows FORCE_NULL and FORCE_NOT_NULL', async () => {
    const forced = [`, NULL '#', FORCE_NULL (v)`, `, NULL '#', FORCE_NOT_NULL (v)`]
    expect(await load(labels, `'ok'`, forced[0] ?? '', fields)).toEqual([
      'ok',
      '',
      'NA',
      null,
      '*',
      '',
      'NA',
      null,
      '*',
    ])
    expect(await load(labels, `'ok'`, forced[1] ?? '', fields)).toEqual(['ok', '', 'NA', '#', '*', '', 'NA', '#', '*'])
  })

  test('the DEFAULT string is the default where it is not quoted', async () => {
    const options = `, NULL '-', DEFAULT '*'`
    expect(await load(labels, `'NA'`, options, fields)).toEqual(['ok', '', 'NA', '#', 'NA', '', 'NA', '#', '*'])
  })
})

test('a number that is also a marker is the marker where it is not quoted', async () => {
  const fields = ['7', '0', '"0"', '-1', '"-1"', '07']
  expect(await load('INTEGER', '5', `, NULL '0', DEFAULT '-1'`, fields)).toEqual(['7', null, '0', '5', '-1', '7'])
  expect(await load('DOUBLE', '5', `, NULL '-1', DEFAULT '0'`, fields)).toEqual([
    '7.0',
    '5.0',
    '0.0',
    null,
    '-1.0',
    '7.0',
  ])
  expect(await load('BIGINT', '5', `, NULL 'NA'`, ['7', 'NA', '"8"', '9'])).toEqual(['7', null, '8', '9'])
  const days = ['2024-02-29', '1970-01-01', '"1970-01-01"']
  expect(await load('DATE', `'2000-01-01'`, `, NULL '1970-01-01'`, days)).toEqual(['2024-02-29', null, '1970-01-01'])
  const flags = ['t', 'f', '"f"', 'true']
  expect(await load('BOOLEAN', 'true', `, NULL 'f'`, flags)).toEqual(['true', null, 'false', 'true'])
})
