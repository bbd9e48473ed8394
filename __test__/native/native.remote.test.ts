import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { DEFAULT_SESSION, openLoad } from '../../lib/native/open.ts'
import { type RemoteStore, Store } from '../../lib/native/store.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

const objects: Readonly<Record<string, string>> = { '/b/in/a.csv': '1\n2\n', '/b/in/b.csv': '3\n' }
let requests: IncomingMessage[] = []
const server = createServer((request, response) => {
  requests.push(request)
  const object = objects[request.url ?? '']
  if (object === undefined) return response.writeHead(404, { 'content-length': 0 }).end()
  const headers = { etag: '"1"', 'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT', 'content-length': object.length }
  return response.writeHead(200, headers).end(object)
})

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  requests = []
})

async function read(keys: readonly string[], store: RemoteStore): Promise<string> {
  const load = openLoad(
    {
      options: parseCopy('COPY t FROM STDIN (FORMAT csv)').options,
      columns: [
        { name: 'a', type: { kind: 'text' }, forceNotNull: false, forceNull: false, hasDefault: false, notNull: false },
      ],
      session: DEFAULT_SESSION,
      sink: 'pg_text',
      table: 't',
      limits: { threads: 1, memoryLimit: 1 << 26 },
    },
    {
      kind: 'remote',
      objects: keys.map((key) => ({ address: `s3://b/in/${key}` })),
      store: new Store({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...store }),
      name: 's3://b/in',
    },
  )
  try {
    let text = ''
    for (let chunk = await load.next(); chunk !== undefined; chunk = await load.next()) {
      // A letter and a length before what is in each message.
      text += chunk.buffer.subarray(5).toString()
      chunk.release()
    }
    return text
  } finally {
    await load.close()
  }
}

test('requests are signed with credentials that are asked for once', async () => {
  let asked = 0
  const secret = async () => {
    asked += 1
    return { accessKeyId: 'KEY', secretAccessKey: 'secret', sessionToken: 'token' }
  }
  const text = await read(['a.csv', 'b.csv'], { secret, region: 'eu-north-1' })
  expect(text).toBe('1\n2\n3\n')
  expect(requests.length).toBe(2)
  for (const { headers } of requests) {
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=KEY\/\d+\/eu-north-1\/s3\/aws4_request/)
    expect(headers['x-amz-security-token']).toBe('token')
  }
  expect(asked).toBe(1)
})

test('credentials that are about to expire are asked for again', async () => {
  let asked = 0
  const secret = async () => {
    asked += 1
    return { accessKeyId: `KEY${asked}`, secretAccessKey: 's', expiration: new Date(Date.now() + 1_000) }
  }
  await read(['a.csv'], { secret })
  await read(['b.csv'], { secret })
  expect(requests.map(({ headers }) => /KEY\d/.exec(headers.authorization ?? '')?.[0])).toEqual(['KEY1', 'KEY2'])
})

test('what a provider throws is the reason', async () => {
  const secret = () => Promise.reject(new Error('the profile "x" does not exist'))
  await expect(read(['a.csv'], { secret })).rejects.toMatchObject({
    sqlState: '42501',
    message: 'permission denied for "s3://b/in/a.csv"',
    detail: 'the profile "x" does not exist. Nothing was loaded.',
    position: { file: 's3://b/in/a.csv' },
  })
  expect(requests).toEqual([])
})

test('without a secret nothing is signed; an object that is gone is named', async () => {
  await expect(read(['a.csv', 'gone.csv'], { maxRetries: 0 })).rejects.toMatchObject({
    sqlState: '58P01',
    message: '"s3://b/in/gone.csv" does not exist',
    position: { file: 's3://b/in/gone.csv' },
  })
  for (const { headers } of requests) expect(headers.authorization).toBeUndefined()
})
