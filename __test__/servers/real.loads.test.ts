import { createHash, createHmac } from 'node:crypto'
import { DuckDBInstance } from '@duckdb/node-api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect, type StoreConnection } from '../../lib/index.ts'
import { binaryOf, KEYS, startReal } from './real.ts'

/** A loads from each real server: that it is read as a server of its kind wants it. */

const CSV = 'id,note\n1,a\n2,b\n'
/** Large enough to be read in parts. */
const LARGE = `id,note\n${Array.from({ length: 60_000 }, (_, id) => `${id},a note of this row\n`).join('')}`

async function count(connection: StoreConnection, statement: string): Promise<unknown> {
  const instance = await DuckDBInstance.create(':memory:')
  const side = await instance.connect()
  onTestFinished(() => {
    side.closeSync()
    instance.closeSync()
  })
  await side.run('CREATE TABLE t (id integer, note text)')
  const db = await connect(await instance.connect(), { connections: { real: connection } })
  await db.copy(statement, { memoryLimit: 8 * 1024 * 1024 })
  await db.close()
  return (await side.runAndReadAll('SELECT count(*)::int, sum(id)::int FROM t')).getRows()[0]
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** PUT of S3, signed. */
async function put(base: string, path: string, body: string): Promise<void> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = date.slice(0, 8)
  const hash = sha256(body)
  const headers = { host: new URL(base).host, 'x-amz-content-sha256': hash, 'x-amz-date': date }
  const names = Object.keys(headers).join(';')
  const listed = Object.entries(headers).map(([name, value]) => `${name}:${value}`)
  const canonical = ['PUT', path, '', ...listed, '', names, hash].join('\n')
  const scope = `${day}/us-east-1/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = [day, 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${KEYS.secretAccessKey}`)
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${KEYS.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  const { status } = await fetch(base + path, { method: 'PUT', body, headers: { ...headers, authorization } })
  expect(status).toBe(200)
}

const versitygw = binaryOf('versitygw')
const azurite = binaryOf('azurite')
const google = binaryOf('fake-gcs-server')

describe('S3', () => {
  test.skipIf(versitygw === undefined)('of versitygw', { timeout: 60_000 }, async () => {
    const server = await startReal('versitygw', versitygw ?? '')
    onTestFinished(() => server.stop())
    await put(server.url, '/bucket', '')
    await put(server.url, '/bucket/in/a.csv', CSV)
    await put(server.url, '/bucket/in/deep/large.csv', LARGE)
    await put(server.url, '/bucket/inside.csv', CSV)
    const connection = { endpoint: server.url, region: 'us-east-1', ...KEYS }
    const at = (key: string, options = '') =>
      count(connection, `COPY t FROM 's3://bucket/${key}' (FORMAT csv, HEADER true, AWS CONNECTION = real${options})`)
    expect(await at('in/a.csv')).toEqual([2, 3])
    expect(await at('in')).toEqual([60_002, (60_000 * 59_999) / 2 + 3])
    expect(await at('', ", PATTERN = '*.csv'")).toEqual([2, 3])
    expect(await at('', ", FILES = ['in/a.csv', 'inside.csv']")).toEqual([4, 6])
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
