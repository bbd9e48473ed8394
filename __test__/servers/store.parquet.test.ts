import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, read } from '../../lib/index.ts'
import { FAULT_CASES } from './faults.ts'
import type { Account } from './sigv4.ts'
import { Store } from './store.ts'

/* A Parquet file is read by ranges in another order than text: each fault must come to the same. */

const account: Account = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'a/secret+of+the+tests' }
const file = readFileSync(
  fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url)),
)
const ROWS = 3_000_000

const NAMES = new Set([
  'nothing wrong',
  'a burst of 503',
  '503 for ever',
  '429 with Retry-After',
  'an error in a 200 in place of an object',
  'a reset before the headers',
  'a reset in the middle',
  'a short body',
  'a body that is always short',
  'a body that is too long',
  'a range that is ignored',
  'a range that is ignored once',
  'a wrong Content-Range',
  'an object that changes between ranges',
  'an object that is gone after the list',
  'access denied',
])
const cases = FAULT_CASES.filter(({ name }) => NAMES.has(name))

let store: Store
beforeAll(async () => {
  store = await Store.start({ accounts: [account] })
})
afterAll(() => store.stop())
afterEach(() => store.misbehave([]))

const connection = () => ({ endpoint: store.url, region: 'us-east-1', ...account })
const fill = () => store.put('bucket', 'in/flights.parquet', file)

test('every fault that is named here is one', () => expect(cases.length).toBe(NAMES.size))

describe('a load of Parquet from a store with', () => {
  test.each(cases)('$name', { timeout: 120_000 }, async ({ rules, outcome }) => {
    fill()
    const instance = await DuckDBInstance.create(':memory:')
    const side = await instance.connect()
    await side.run('CREATE TABLE t (delay integer, origin text)')
    const db = await connect(await instance.connect(), { connections: { store: connection() } })
    store.misbehave(rules)
    const error = await db.copy("COPY t FROM 's3://bucket/in/' (FORMAT parquet, AWS CONNECTION = store)").then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (error !== undefined && !(error instanceof CopyError)) throw error
    const [[rows] = []] = (await side.runAndReadAll('SELECT count(*)::int FROM t')).getRows()
    await db.close()
    side.closeSync()
    instance.closeSync()
    if (outcome === 'rows') {
      expect(error).toBeUndefined()
      expect(rows).toBe(ROWS)
      return
    }
    expect(error?.sqlState).toMatch(outcome.sqlState)
    if (outcome.message) expect(error?.message).toMatch(outcome.message)
    expect(rows).toBe(0)
  })
})

describe('rows for the program', () => {
  const connections = () => ({ connections: { store: connection() } })
  const NARROW = "COPY (origin) FROM 's3://bucket/in/flights.parquet' (FORMAT parquet, AWS CONNECTION = store)"

  test('of a Parquet file come with the columns that are asked for only', async () => {
    fill()
    store.requests.length = 0
    let count = 0
    for await (const [origin] of read(NARROW, connections()).columnBatches()) count += origin?.length ?? 0
    expect(count).toBe(ROWS)
    const ranges = store.requests.filter(({ of }) => of === 'GET').map(({ range }) => range)
    // The first one asks whether there is such an object, and reads nothing of it.
    expect(ranges.slice(1).every((range) => range !== undefined)).toBe(true)
    expect(ranges.length).toBeGreaterThan(2)
  })

  test('of a Parquet file that changes meanwhile end with an error', async () => {
    fill()
    store.misbehave([{ fault: { kind: 'changed' }, times: 1, after: 3 }])
    await expect(read(NARROW, connections()).columns()).rejects.toMatchObject({ sqlState: '58030' })
  })

  test('of text have the types that are proven by a copy, which is gone in the end', async () => {
    store.put('bucket', 'text.csv', 'id,at\n1,2024-01-01\n2,\n')
    const reading = read("COPY FROM 's3://bucket/text.csv' (FORMAT csv, HEADER, AWS CONNECTION = store)", connections())
    const rows = []
    for await (const row of reading.rows()) rows.push(row)
    expect(rows).toEqual([
      { id: 1, at: new Date(Date.UTC(2024, 0, 1)) },
      { id: 2, at: null },
    ])
  })

  test('tell where they come from', async () => {
    const { etag } = store.put('bucket', 'p/year=2024/a.csv', 'id\n1\n2\n')
    const options = 'FORMAT csv, HEADER, AWS CONNECTION = store, HIVE_PARTITIONING, LINEAGE (file, line, etag, size)'
    const rows = []
    for await (const row of read(`COPY FROM 's3://bucket/p' (${options})`, connections()).rows()) rows.push(row)
    const shared = { file: 's3://bucket/p/year=2024/a.csv', etag: etag.replaceAll('"', ''), size: 7n, year: 2024n }
    expect(rows).toEqual([
      { id: 1, line: 2n, ...shared },
      { id: 2, line: 3n, ...shared },
    ])
    const refused = read(
      "COPY FROM 's3://bucket/p' (FORMAT csv, LINEAGE (load_id), AWS CONNECTION = store)",
      connections(),
    )
    await expect(refused.columns()).rejects.toMatchObject({ sqlState: '0A000', message: 'COPY LINEAGE needs a table' })
  })

  test('need the connection that the statement names', async () => {
    await expect(read(NARROW).columns()).rejects.toMatchObject({ sqlState: '42704' })
    await expect(read(NARROW, { connections: { store: { nonsense: 1 } as object } }).columns()).rejects.toMatchObject({
      sqlState: '22023',
    })
  })
})
