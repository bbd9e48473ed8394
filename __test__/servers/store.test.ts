import { createHash, createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { FAULT_CASES, type Fault } from './faults.ts'
import { checkSignature } from './sigv4.ts'
import { Store, type StoreOptions } from './store.ts'

/* What the tests of object stores stand on: proven by a signer and a client of its own, so that it takes nothing on trust by accident. */

const account = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }

// AWS's documentation, "Signature Calculations for the Authorization Header": GET Object, and GET Bucket (list).
test.each([
  [
    '/test.txt',
    { range: 'bytes=0-9' },
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    '/?max-keys=2&prefix=J',
    {},
    'host;x-amz-content-sha256;x-amz-date',
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
])('the signature of %s is the one in the documentation', (target, more, names, signature) => {
  const headers = {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-date': '20130524T000000Z',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${names},Signature=${signature}`,
    ...more,
  }
  const at = { accounts: [account], region: 'us-east-1', now: Date.UTC(2013, 4, 24) }
  const check = (change: object, when: object = {}) =>
    checkSignature({ method: 'GET', target, headers: { ...headers, ...change } }, { ...at, ...when })?.code
  expect(check({})).toBeUndefined()
  expect(check({ host: 'other' })).toBe('SignatureDoesNotMatch')
  expect(check({ 'x-amz-meta': 'unsigned' })).toBe('AccessDenied')
  expect(check({ authorization: undefined })).toBe('AccessDenied')
  expect(check({ authorization: headers.authorization.replace('us-east-1', 'us-east-2') })).toBe(
    'AuthorizationHeaderMalformed',
  )
  expect(check({ authorization: headers.authorization.replace('AKIA', 'ASIA') })).toBe('InvalidAccessKeyId')
  expect(check({}, { now: Date.UTC(2013, 4, 24, 1) })).toBe('RequestTimeTooSkewed')
  expect(check({}, { accounts: [{ ...account, secretAccessKey: 'other' }] })).toBe('SignatureDoesNotMatch')
  expect(check({}, { accounts: [{ ...account, sessionToken: 'token' }] })).toBe('InvalidToken')
  expect(check({}, { accounts: [{ ...account, expiration: new Date(0) }] })).toBe('ExpiredToken')
})

let store: Store
afterEach(() => store?.stop())

/** What came of a request. */
interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** How it ended, if not well. */
  readonly failure?: string
}

function get(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
  ms = 2_000,
): Promise<Answer> {
  const { hostname, port } = new URL(store.url)
  return new Promise((resolve) => {
    // An error of the connection is told to the request, also when there is an answer already.
    let ended: ((failure?: string) => void) | undefined
    const request = httpRequest({ hostname, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      const end = (failure?: string) => {
        clearTimeout(timer)
        const body = Buffer.concat(chunks).toString('latin1')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, ...(failure && { failure }) })
        request.destroy()
      }
      ended = end
      clearTimeout(timer)
      timer = setTimeout(() => end('silent'), ms)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
      response.on('end', () => end())
    })
    let timer = setTimeout(() => request.destroy(new Error('silent')), ms)
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const failure = error.code ?? error.message
      if (ended) ended(failure)
      else resolve({ status: 0, headers: {}, body: '', failure })
    })
    request.end()
  })
}

async function filled(options: StoreOptions = {}): Promise<void> {
  store = await Store.start(options)
  store.put('bucket', 'a.csv', '0123456789')
}

describe('an object', () => {
  test('whole, in parts and by its version', async () => {
    await filled()
    const whole = await get('/bucket/a.csv')
    expect(whole).toMatchObject({
      status: 200,
      body: '0123456789',
      headers: { 'content-length': '10', 'accept-ranges': 'bytes' },
    })
    expect(await get('/bucket/a.csv', { range: 'bytes=2-4' })).toMatchObject({
      status: 206,
      body: '234',
      headers: { 'content-range': 'bytes 2-4/10' },
    })
    expect(await get('/bucket/a.csv', { range: 'bytes=8-' })).toMatchObject({ status: 206, body: '89' })
    expect(await get('/bucket/a.csv', { range: 'bytes=-1' })).toMatchObject({ status: 206, body: '9' })
    expect(await get('/bucket/a.csv', { range: 'bytes=10-' })).toMatchObject({ status: 416 })
    expect(await get('/bucket/a.csv', {}, 'HEAD')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '10' },
    })
    store.put('bucket', 'a.csv', 'other')
    const { etag, 'x-amz-version-id': version } = whole.headers
    expect(await get('/bucket/a.csv', { 'if-match': String(etag) })).toMatchObject({ status: 412 })
    expect(await get(`/bucket/a.csv?versionId=${version}`, { 'if-match': String(etag) })).toMatchObject({
      status: 200,
      body: '0123456789',
    })
    expect(await get('/bucket/b.csv')).toMatchObject({ status: 404, body: expect.stringContaining('NoSuchKey') })
    expect(await get('/nowhere/b.csv')).toMatchObject({ status: 404, body: expect.stringContaining('NoSuchBucket') })
  })

  test('of an odd name', async () => {
    await filled()
    const keys = [
      '%',
      '%41',
      'a+b',
      'a b',
      'a\nb',
      'a//b',
      '//',
      'a',
      'a/b',
      'é',
      '😀',
      '\uffee',
      "'!()*",
      'a?b#c',
      '&<>"',
      '..',
      './x',
    ]
    for (const key of keys) store.put('odd', key, `of ${key}`)
    for (const key of keys) {
      const path = key.split('/').map(encodeURIComponent).join('/')
      expect(Buffer.from((await get(`/odd/${path}`)).body, 'latin1').toString()).toBe(`of ${key}`)
    }
    const list = Buffer.from((await get('/odd?list-type=2&encoding-type=url')).body, 'latin1').toString()
    const listed = [...list.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = '']) =>
      decodeURIComponent(key.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))),
    )
    expect(listed).toEqual([...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
  })

  test('for whoever signs, and nobody else', async () => {
    await filled({ accounts: [account], region: 'eu-central-1' })
    expect(await get('/bucket/a.csv')).toMatchObject({ status: 403, body: expect.stringContaining('AccessDenied') })
    const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    const hash = createHash('sha256').digest('hex')
    const { host } = new URL(store.url)
    const names = 'host;x-amz-content-sha256;x-amz-date'
    const canonical = [
      'GET',
      '/bucket/a.csv',
      '',
      `host:${host}`,
      `x-amz-content-sha256:${hash}`,
      `x-amz-date:${date}`,
      '',
      names,
      hash,
    ].join('\n')
    const scope = [date.slice(0, 8), 'eu-central-1', 's3', 'aws4_request']
    const toSign = [
      'AWS4-HMAC-SHA256',
      date,
      scope.join('/'),
      createHash('sha256').update(canonical).digest('hex'),
    ].join('\n')
    const key = scope.reduce<Buffer>(
      (secret, part) => createHmac('sha256', secret).update(part).digest(),
      Buffer.from(`AWS4${account.secretAccessKey}`),
    )
    const signature = createHmac('sha256', key).update(toSign).digest('hex')
    const authorization = `AWS4-HMAC-SHA256 Credential=${account.accessKeyId}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`
    const headers = { host, authorization, 'x-amz-date': date, 'x-amz-content-sha256': hash }
    expect(await get('/bucket/a.csv', headers)).toMatchObject({ status: 200, body: '0123456789' })
    expect(await get('/bucket/a.csv?versionId=v1', headers)).toMatchObject({
      status: 403,
      body: expect.stringContaining('SignatureDoesNotMatch'),
    })
  })
})

test('a list, page by page', async () => {
  store = await Store.start({ pageSize: 2 })
  for (const key of ['x/a', 'x/b', 'x/c/1', 'x/c/2', 'x/d', 'y']) store.put('bucket', key, key)
  const pages = async (query: string): Promise<string[][]> => {
    const found: string[][] = []
    for (let token = ''; ; ) {
      const { body } = await get(`/bucket?list-type=2&prefix=x/${query}${token && `&continuation-token=${token}`}`)
      found.push([...body.matchAll(/<(?:Key|CommonPrefixes><Prefix)>(.*?)</g)].map(([, key = '']) => key))
      token = /<NextContinuationToken>(.*?)</.exec(body)?.[1] ?? ''
      if (token === '') return found
    }
  }
  expect(await pages('')).toEqual([['x/a', 'x/b'], ['x/c/1', 'x/c/2'], ['x/d']])
  expect(await pages('&delimiter=/')).toEqual([
    ['x/a', 'x/b'],
    ['x/c/', 'x/d'],
  ])
  store.misbehave([{ fault: { kind: 'page repeated' }, of: 'LIST', times: 1, after: 1 }])
  expect(await pages('')).toEqual([['x/a', 'x/b'], ['x/a', 'x/b'], ['x/c/1', 'x/c/2'], ['x/d']])
  store.misbehave([{ fault: { kind: 'page empty' }, of: 'LIST', times: 1 }])
  expect(await pages('')).toEqual([[], ['x/a', 'x/b'], ['x/c/1', 'x/c/2'], ['x/d']])
})

describe('a fault', () => {
  const faults: readonly [Fault, Partial<Answer>][] = [
    [
      { kind: 'status', status: 503, code: 'SlowDown', retryAfter: 7 },
      { status: 503, headers: expect.objectContaining({ 'retry-after': '7' }) },
    ],
    [
      { kind: 'error as 200', code: 'InternalError' },
      { status: 200, body: expect.stringContaining('<Code>InternalError') },
    ],
    [
      { kind: 'reset', after: 'nothing' },
      { status: 0, failure: 'ECONNRESET' },
    ],
    [
      { kind: 'reset', after: 3 },
      { status: 206, body: '123', failure: 'ECONNRESET' },
    ],
    [
      { kind: 'short', after: 3 },
      { status: 206, body: '123', failure: 'ECONNRESET' },
    ],
    [
      { kind: 'long', by: 2 },
      { status: 206, body: '12345611', headers: expect.objectContaining({ 'content-range': 'bytes 1-6/10' }) },
    ],
    [{ kind: 'range ignored' }, { status: 200, body: '0123456789' }],
    [
      { kind: 'wrong content range' },
      { status: 206, body: '123456', headers: expect.objectContaining({ 'content-range': 'bytes 2-7/10' }) },
    ],
    [
      { kind: 'other bytes' },
      { status: 206, body: '012345', headers: expect.objectContaining({ 'content-range': 'bytes 1-6/10' }) },
    ],
    [{ kind: 'gone' }, { status: 404 }],
    [
      { kind: 'redirect', to: 'http://elsewhere/' },
      { status: 307, headers: expect.objectContaining({ location: 'http://elsewhere/' }) },
    ],
    [
      { kind: 'stall', after: 2 },
      { status: 206, body: '12', failure: 'silent' },
    ],
    [
      { kind: 'trickle', everyMs: 60 },
      { status: 206, body: expect.stringMatching(/^12345?6?$/), failure: 'silent' },
    ],
  ]
  test.each(faults)('%j', async (fault, answer) => {
    await filled()
    store.misbehave([{ fault, times: 1, after: 1 }])
    const range = { range: 'bytes=1-6' }
    expect(await get('/bucket/a.csv', range)).toMatchObject({ status: 206, body: '123456' })
    expect(await get('/bucket/a.csv', range, 'GET', fault.kind === 'trickle' ? 260 : 400)).toMatchObject(answer)
    expect((await get('/bucket/a.csv', range)).status).toBe(fault.kind === 'gone' ? 404 : 206)
    expect(store.requests.map((seen) => seen.fault)).toEqual([undefined, fault.kind, undefined])
  })

  test('changes an object, and its tag', async () => {
    await filled()
    const { etag } = (await get('/bucket/a.csv')).headers
    store.misbehave([{ fault: { kind: 'changed' }, times: 1 }])
    expect(await get('/bucket/a.csv', { 'if-match': String(etag) })).toMatchObject({ status: 412 })
    expect(await get('/bucket/a.csv')).toMatchObject({ status: 200, body: '0923456789' })
  })

  test('of each kind is among the cases for loads', () => {
    const kinds = new Set(FAULT_CASES.flatMap(({ rules }) => rules.map(({ fault }) => fault.kind)))
    // Bytes that the headers describe wrongly nobody can tell from right ones without a checksum.
    expect([...new Set(faults.map(([{ kind }]) => kind))].filter((kind) => !kinds.has(kind))).toEqual(['other bytes'])
  })
})
