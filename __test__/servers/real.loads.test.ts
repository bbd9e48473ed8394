import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect, type StoreConnection } from '../../lib/index.ts'
import { binaryOf, KEYS, putObject, startReal } from './real.ts'

/** A loads from each real server: that it is read as a server of its kind wants it. */

const CSV = 'id,note\n1,a\n2,b\n'
/** Large enough to be read in parts. */
const LARGE = `id,note\n${Array.from({ length: 60_000 }, (_, id) => `${id},a note of this row\n`).join('')}`

async function count(
  connection: StoreConnection,
  statement: string,
  {
    table = 'CREATE TABLE t (id integer, note text)',
    found = 'SELECT count(*)::int, sum(id)::int FROM t',
  }: { readonly table?: string; readonly found?: string } = {},
): Promise<unknown> {
  const instance = await DuckDBInstance.create(':memory:')
  const side = await instance.connect()
  onTestFinished(() => {
    side.closeSync()
    instance.closeSync()
  })
  await side.run(table)
  const db = await connect(await instance.connect(), { connections: { real: connection } })
  await db.copy(statement, { memoryLimit: 8 * 1024 * 1024 })
  await db.close()
  return (await side.runAndReadAll(found)).getRows()[0]
}

const versitygw = binaryOf('versitygw')
const azurite = binaryOf('azurite')
const google = binaryOf('fake-gcs-server')

describe('S3', () => {
  test.skipIf(versitygw === undefined)('of versitygw', { timeout: 60_000 }, async () => {
    const server = await startReal('versitygw', versitygw ?? '')
    onTestFinished(() => server.stop())
    await putObject(server.url, '/bucket', '')
    await putObject(server.url, '/bucket/in/a.csv', CSV)
    await putObject(server.url, '/bucket/in/deep/large.csv', LARGE)
    await putObject(server.url, '/bucket/inside.csv', CSV)
    const connection = { endpoint: server.url, region: 'us-east-1', ...KEYS }
    const at = (key: string, options = '') =>
      count(connection, `COPY t FROM 's3://bucket/${key}' (FORMAT csv, HEADER true, AWS CONNECTION = real${options})`)
    expect(await at('in/a.csv')).toEqual([2, 3])
    expect(await at('in')).toEqual([60_002, (60_000 * 59_999) / 2 + 3])
    expect(await at('', ", PATTERN = '*.csv'")).toEqual([2, 3])
    expect(await at('', ", FILES = ['in/a.csv', 'inside.csv']")).toEqual([4, 6])
    const flights = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url))
    await putObject(server.url, '/bucket/flights/year=2024/f.parquet', readFileSync(flights))
    const columns = 'LINEAGE (note etag, id line), HIVE_PARTITIONING, AWS CONNECTION = real'
    expect(
      await count(connection, `COPY t FROM 's3://bucket/flights' (FORMAT parquet, ${columns})`, {
        table: 'CREATE TABLE t (id integer, note text, year integer, origin text)',
        found: 'SELECT max(id)::int, count(DISTINCT note)::int, min(year)::int, count(origin)::int FROM t',
      }),
    ).toEqual([3_000_000, 1, 2024, 3_000_000])
  })
})

describe('Azure', () => {
  test.skipIf(azurite === undefined)('of azurite', { timeout: 60_000 }, async () => {
    const server = await startReal('azurite', azurite ?? '')
    onTestFinished(() => server.stop())
    const account = 'devstoreaccount1'
    // The one that everybody knows, of the program that everybody tests with.
    const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
    const create = async (path: string, query: string, body: string) => {
      const date = new Date().toUTCString()
      const isBlob = query === ''
      const own = [`x-ms-date:${date}`, 'x-ms-version:2021-12-02']
      const sorted = isBlob ? ['x-ms-blob-type:BlockBlob', ...own] : own
      const length = body === '' ? '' : String(Buffer.byteLength(body))
      const resource = `/${account}/${account}${path}${isBlob ? '' : '\nrestype:container'}`
      const type = isBlob ? 'text/csv' : ''
      const toSign = ['PUT', '', '', length, '', type, '', '', '', '', '', '', ...sorted, resource].join('\n')
      const signature = createHmac('sha256', Buffer.from(accountKey, 'base64')).update(toSign).digest('base64')
      const headers = Object.fromEntries(sorted.map((line) => [line.split(':')[0] ?? '', line.replace(/^[^:]*:/, '')]))
      const { status } = await fetch(`${server.url}/${account}${path}${query}`, {
        method: 'PUT',
        headers: {
          ...headers,
          ...(isBlob && { 'content-type': type }),
          authorization: `SharedKey ${account}:${signature}`,
        },
        ...(isBlob && { body }),
      })
      expect(status).toBe(201)
    }
    await create('/box', '?restype=container', '')
    await create('/box/in/a.csv', '', CSV)
    await create('/box/in/deep/large.csv', '', LARGE)
    const connection = { endpoint: `${server.url}/${account}`, account, accountKey }
    const at = (key: string) => count(connection, `COPY t FROM 'az://box/${key}' CREDENTIALS 'real' CSV IGNOREHEADER 1`)
    expect(await at('in/a.csv')).toEqual([2, 3])
    expect(await at('in')).toEqual([60_002, (60_000 * 59_999) / 2 + 3])
  })
})

describe('Google', () => {
  test.skipIf(google === undefined)('of fake-gcs-server', { timeout: 60_000 }, async () => {
    const server = await startReal('fake-gcs-server', google ?? '')
    onTestFinished(() => server.stop())
    const json = { 'content-type': 'application/json' }
    await fetch(`${server.url}/storage/v1/b`, { method: 'POST', headers: json, body: '{"name":"bucket"}' })
    const upload = `${server.url}/upload/storage/v1/b/bucket/o?uploadType=media&name=`
    await fetch(`${upload}${encodeURIComponent('in/a.csv')}`, { method: 'POST', body: CSV })
    const connection = { endpoint: server.url, anonymous: true }
    const found = await count(connection, "COPY t FROM 'gs://bucket/in/a.csv' CREDENTIALS 'real' CSV IGNOREHEADER 1")
    expect(found).toEqual([2, 3])
  })
})
