import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { checkSecretsPlace } from '../../lib/access/binding.ts'
import type { StoreConnection } from '../../lib/access/connections.ts'
import { Secret } from '../../lib/access/secret.ts'
import { type AccessRules, type CopyError, connect } from '../../lib/index.ts'
import { shownAddress } from '../../lib/path.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { listening } from '../listening.ts'

const HUSH = 'a-token-that-nobody-sees'
const ARN = 'arn:aws:iam::123456789012:role/reader'

/** A web server, and who has shown what to it. */
interface Web {
  readonly server: Server
  readonly url: string
  readonly shown: (string | undefined)[]
  /** What was asked for, with its query. */
  readonly asked: string[]
}

/** What is said to whom shows what. */
let statusOf = (_: string | undefined) => 200
/** Where a redirect goes. */
let leadsTo: string | undefined

async function web(body: () => string): Promise<Web> {
  const shown: (string | undefined)[] = []
  const asked: string[] = []
  const server = createServer((request, response) => {
    const { url = '', headers } = request
    shown.push(headers.authorization)
    asked.push(url)
    const status = statusOf(headers.authorization)
    if (status !== 200) return response.writeHead(status).end(repeated(url, headers))
    if (leadsTo !== undefined && request.url === '/away.csv') {
      return response.writeHead(302, { location: leadsTo, 'content-length': 0 }).end()
    }
    const text = body()
    const written = { etag: '"1"', 'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT' }
    response.writeHead(200, { 'content-length': Buffer.byteLength(text), ...written }).end(text)
  })
  return { server, url: await listening(server), shown, asked }
}

/** An error that says what was asked, and with what. */
function repeated(url: string, headers: IncomingHttpHeaders): string {
  const words = `${url} is not for you, with ${JSON.stringify(headers)}, nor ${decodeURIComponent(url.replaceAll('?', ' '))}`
  return `<Error><Code>Bad</Code><Message>${words}</Message></Error>`
}

let good: Web
let evil: Web
let text = ''

beforeAll(async () => {
  good = await web(() => text)
  evil = await web(() => '1,evil\n')
})

beforeEach(() => {
  text = '1,a\n'
  statusOf = () => 200
  for (const list of [good.shown, good.asked, evil.shown]) list.length = 0
})

afterEach(() => vi.unstubAllEnvs())

afterAll(() => {
  for (const { server } of [good, evil]) {
    server.closeAllConnections()
    server.close()
  }
})

/** The error of a load by this connection, called `mine`; undefined where it went well. */
async function load(
  from: string,
  connection: StoreConnection,
  {
    access,
    options = 'FORMAT csv, AWS CONNECTION = mine',
    words,
  }: { access?: AccessRules; options?: string; words?: string } = {},
): Promise<CopyError | undefined> {
  const db = await connect(':memory:', { connections: { mine: connection }, ...(access && { access }) })
  try {
    await db.copy('COPY t FROM STDIN (FORMAT csv, CREATE_TABLE true)', { stdin: '1,a\n' }).catch(() => {})
    const statement = `COPY t FROM '${from}' ${words ?? `(${options}, CREATE_TABLE true)`}`
    const error = await db.copy(statement).then(
      () => undefined,
      (reason: CopyError) => reason,
    )
    expect(JSON.stringify(error ?? '')).not.toContain(HUSH)
    return error
  } finally {
    await db.close()
  }
}

/** Expects that what the environment has for the account `good` does not go there. */
async function expectNothingOfEnvironment(address: string): Promise<void> {
  vi.stubEnv('AZURE_STORAGE_ACCOUNT_NAME', 'good')
  vi.stubEnv('AZURE_STORAGE_SAS_TOKEN', `sig=${HUSH}`)
  expect(await load(address, {}, { options: 'FORMAT csv' })).toMatchObject({
    sqlState: '42501',
    message: `the Azure credentials of the environment may not be used for "${address}"`,
  })
}

test('a token goes to the server that the connection names', async () => {
  const error = await load(`${good.url}/a.csv`, { bearerToken: HUSH, endpoint: good.url })
  expect(error).toBeUndefined()
  expect(new Set(good.shown)).toEqual(new Set([`Bearer ${HUSH}`]))
})

test.each([
  ['of Google', 'gs://bucket/a.csv', { bearerToken: HUSH }],
  ['of Azure', 'az://bucket/a.csv', { bearerToken: async () => HUSH, account: 'acc' }],
])('a token %s goes with each request', async (_, from, connection) => {
  expect(await load(from, { ...connection, endpoint: good.url })).toBeUndefined()
  expect(new Set(good.shown)).toEqual(new Set([`Bearer ${HUSH}`]))
  expect(new Set(good.asked.map(decodeURIComponent))).toEqual(new Set(['/bucket/a.csv']))
})

test('and so does a shared access signature', async () => {
  const sas = `?sv=2026&sp=r&sig=${HUSH}%2Fa%2Bb%3D`
  expect(await load('az://bucket/a.csv', { sas, account: 'acc', endpoint: good.url })).toBeUndefined()
  expect(new Set(good.shown)).toEqual(new Set([undefined]))
  expect(new Set(good.asked)).toEqual(new Set([`/bucket/a.csv${sas}`]))
})

test('a server that repeats what it was shown does not have it told', async () => {
  statusOf = () => 403
  const { host } = new URL(good.url)
  const { endpoint, account } = { endpoint: good.url, account: 'acc' }
  for (const [from, connection] of [
    [`${good.url}/a.csv`, { bearerToken: HUSH, endpoint }],
    [`${good.url}/a.csv?X-Sig=${HUSH}&b=1`, {}],
    [`http://me:${HUSH}@${host}/a.csv?${HUSH}`, {}],
    ['gs://bucket/a.csv', { bearerToken: HUSH, endpoint }],
    ['gs://bucket/in/', { bearerToken: HUSH, endpoint }],
    ['az://bucket/a.csv', { bearerToken: HUSH, endpoint, account }],
    ['az://bucket/a.csv', { sas: `sv=2026&sig=${HUSH}`, endpoint, account }],
    ['az://bucket/in/', { sas: `sv=2026&sig=${HUSH}`, endpoint, account }],
    ['s3://bucket/a.csv', { accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: HUSH, endpoint }],
  ] as const) {
    good.asked.length = 0
    const error = await load(from, connection)
    // Of a list the code says whether it is a denial, and this is none.
    expect(error?.sqlState, from).toBe(from.endsWith('/') ? '58030' : '42501')
    const [path] = good.asked[0]?.split('?') ?? []
    expect(error?.detail, from).toContain(`Bad: ${path} is not for you, with {`)
  }
})

test('and to no other, nor unencrypted, nor anywhere where it names none', async () => {
  const { host } = new URL(good.url)
  for (const [from, connection, sqlState, message] of [
    [`${good.url}/a.csv`, {}, '28000', 'connection "mine" does not say to whom its token may go'],
    [`${good.url}/a.csv`, { hosts: [host] }, '42501', /^connection "mine" may not be used for "http:/],
    [`${good.url}/a.csv`, { endpoint: evil.url }, '42501', /^connection "mine" may not be used for "http:/],
    [`${good.url}/a.csv`, { endpoint: good.url.replace('http:', 'https:') }, '42501', /^connection "mine" may not/],
    ['https://example.com.evil.example/a.csv', { hosts: ['example.com'] }, '42501', /^connection "mine" may not/],
    ['https://evil.example/a.csv', { hosts: ['*.example.com'] }, '42501', /^connection "mine" may not/],
    ['https://a.example.com:444/a.csv', { hosts: ['*.example.com'] }, '42501', /^connection "mine" may not/],
    ['https://x.example.com@evil.example/a.csv', { hosts: ['*.example.com'] }, '42501', /^connection "mine" may not/],
    // A token that is of another kind of store.
    [`${good.url}/a.csv`, { account: 'acc' }, '28000', /does not say to whom/],
    ['gs://bucket/a.csv', { account: 'acc' }, '42501', /^connection "mine" may not/],
    ['gs://bucket/a.csv', { hosts: ['example.com'] }, '42501', /^connection "mine" may not/],
  ] as const) {
    const error = await load(from, { bearerToken: HUSH, ...connection })
    expect([from, error?.sqlState]).toEqual([from, sqlState])
    expect(error?.message).toMatch(message)
    expect(error?.hint ?? error?.detail).toBeDefined()
  }
  expect([...good.shown, ...evil.shown]).toEqual([])
})

test('nor is it taken along where that server redirects to', async () => {
  for (const bearerToken of [HUSH, async () => HUSH]) {
    leadsTo = '/here.csv'
    expect(await load(`${good.url}/away.csv`, { bearerToken, endpoint: good.url })).toBeUndefined()
    expect(good.shown).toEqual([`Bearer ${HUSH}`, `Bearer ${HUSH}`])
    good.shown.length = 0
    for (const host of ['127.0.0.1', 'localhost']) {
      leadsTo = `${evil.url.replace('127.0.0.1', host)}/there.csv`
      expect(await load(`${good.url}/away.csv`, { bearerToken, endpoint: good.url })).toBeUndefined()
      expect(good.shown).toEqual([`Bearer ${HUSH}`])
      expect(evil.shown).toEqual([undefined])
      good.shown.length = 0
      evil.shown.length = 0
    }
  }
})

test('a token that a function gives is asked for anew before it expires, and when it is refused', async () => {
  const asked: (boolean | undefined)[] = []
  // In less than two minutes each is as good as expired.
  const bearerToken = async ({ forceRefresh }: { readonly forceRefresh?: boolean } = {}) => {
    asked.push(forceRefresh)
    return { token: `${HUSH}-${asked.length}`, expiration: new Date(Date.now() + 60_000) }
  }
  statusOf = (token) => (token === `Bearer ${HUSH}-1` ? 503 : 200)
  expect(await load(`${good.url}/a.csv`, { bearerToken, endpoint: good.url })).toBeUndefined()
  expect(good.shown).toEqual([`Bearer ${HUSH}-1`, `Bearer ${HUSH}-2`])
  expect(asked).toEqual([false, false])
  good.shown.length = 0
  asked.length = 0
  statusOf = (token) => (token === `Bearer ${HUSH}-1` ? 401 : 200)
  const lasting = async (options?: { readonly forceRefresh?: boolean }) => (await bearerToken(options)).token
  expect(await load(`${good.url}/a.csv`, { bearerToken: lasting, endpoint: good.url })).toBeUndefined()
  expect(asked).toEqual([false, true])
  expect(good.shown.slice(0, 2)).toEqual([`Bearer ${HUSH}-1`, `Bearer ${HUSH}-2`])
  const failing = async () => {
    throw new Error('no token today')
  }
  expect(await load(`${good.url}/a.csv`, { bearerToken: failing, endpoint: good.url })).toMatchObject({
    sqlState: '28000',
    message: 'there is no bearer token: no token today',
  })
  const failingLater = async () => ({
    get token(): string {
      throw new Error('no token in it')
    },
  })
  expect(await load(`${good.url}/a.csv`, { bearerToken: failingLater, endpoint: good.url })).toMatchObject({
    sqlState: '28000',
    message: 'there is no bearer token: no token in it',
  })
  const failingAtOnce = () => {
    throw new Error('no function either')
  }
  expect(await load(`${good.url}/a.csv`, { bearerToken: failingAtOnce, endpoint: good.url })).toMatchObject({
    sqlState: '28000',
    message: 'there is no bearer token: no function either',
  })
})

test('who was refused is not given what others had asked for before', async () => {
  const body = Buffer.from('1,a\n'.repeat(150_000))
  const asked: (boolean | undefined)[] = []
  // The old token is good for one answer. Then the next file's is being asked for.
  const server = createServer(async ({ url, headers: { authorization, range } }, response) => {
    if (authorization !== `Bearer ${HUSH}-new` && (url !== '/a.csv' || range !== undefined)) {
      await vi.waitUntil(() => asked.length > 1)
      return response.writeHead(401, { 'content-length': 0 }).end()
    }
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
    if (start === undefined) return response.writeHead(200, { etag: '"1"', 'content-length': body.length }).end(body)
    const part = body.subarray(Number(start), Number(last) + 1)
    const place = { 'content-range': `bytes ${start}-${last}/${body.length}`, 'content-length': part.length }
    return response.writeHead(206, { etag: '"1"', ...place }).end(part)
  })
  const endpoint = await listening(server)
  const bearerToken = async ({ forceRefresh }: { readonly forceRefresh?: boolean } = {}) => {
    asked.push(forceRefresh)
    if (asked.length === 2) await vi.waitUntil(() => asked.includes(true)).catch(() => {})
    return `${HUSH}-${forceRefresh ? 'new' : 'old'}`
  }
  const db = await connect(':memory:', { connections: { mine: { bearerToken, endpoint } } })
  try {
    await db.copy('COPY t FROM STDIN (FORMAT csv, CREATE_TABLE true)', { stdin: '1,a\n' })
    const statement = `COPY t FROM '${endpoint}' (FORMAT csv, FILES = ['a.csv', 'b.csv'], AWS CONNECTION = mine)`
    expect(await db.copy(statement, { memoryLimit: 8 * 1024 * 1024 })).toMatchObject({ rowsLoaded: 300_000 })
    expect(asked.slice(0, 3)).toEqual([false, false, true])
  } finally {
    await db.close()
    server.closeAllConnections()
    server.close()
  }
})

test('nor where a manifest leads', async () => {
  text = JSON.stringify({ entries: [{ url: `${evil.url}/a.csv` }] })
  const error = await load(
    `${good.url}/m`,
    { bearerToken: HUSH, endpoint: good.url },
    { words: "CREDENTIALS 'mine' CSV MANIFEST" },
  )
  expect(error?.sqlState).toBe('42501')
  expect(error?.message).toContain('the connection that CREDENTIALS names may not be used for')
  expect(good.shown).toEqual([`Bearer ${HUSH}`])
  expect(evil.shown).toEqual([])
})

test("a secret of Azure stays with the connection's account", async () => {
  const address = 'abfss://c@evil.dfs.core.windows.net/a.csv'
  for (const secret of [{ sas: `sig=${HUSH}` }, { bearerToken: HUSH }, { accountKey: HUSH }]) {
    expect(await load(address, { ...secret, account: 'good' })).toMatchObject({
      sqlState: '42501',
      message: `connection "mine" may not be used for "${address}"`,
      detail: 'Its storage account is good.',
    })
    expect(await load(address, secret)).toMatchObject({
      sqlState: '28000',
      hint: "Add account: 'evil' to the connection.",
    })
  }
  await expectNothingOfEnvironment(address)
})

test('an account of that name in another cloud is somebody else', async () => {
  const china = 'abfss://c@good.dfs.core.chinacloudapi.cn/a.csv'
  const refused = (address: string, detail: string) => ({
    sqlState: '42501',
    message: `connection "mine" may not be used for "${address}"`,
    detail,
  })
  for (const secret of [{ sas: `sig=${HUSH}` }, { bearerToken: HUSH }]) {
    for (const cloud of [
      'dfs.core.chinacloudapi.cn',
      'blob.core.usgovcloudapi.net',
      'core.chinacloudapi.cn',
      'evil.example',
    ]) {
      const address = `abfss://c@good.${cloud}/a.csv`
      expect(await load(address, { ...secret, account: 'good' })).toMatchObject(
        refused(address, 'Its storage account is good.'),
      )
    }
    const account = 'Good.blob.core.chinacloudapi.cn'
    for (const address of ['abfss://c@good/a.csv', 'abfss://c@good.dfs.core.windows.net/a.csv']) {
      expect(await load(address, { ...secret, account })).toMatchObject(
        refused(address, `Its storage account is ${account}.`),
      )
    }
    expect(await load(china, secret)).toMatchObject({
      sqlState: '28000',
      hint: "Add account: 'good.blob.core.chinacloudapi.cn' to the connection.",
    })
  }
  await expectNothingOfEnvironment(china)
})

test('and is said with its cloud', async () => {
  const china = 'abfss://c@good.dfs.core.chinacloudapi.cn/a.csv'
  const statement = parseCopy(`COPY t FROM '${china}' (FORMAT csv, AWS CONNECTION = mine)`)
  for (const account of [
    'good.blob.core.chinacloudapi.cn',
    'good.dfs.core.chinacloudapi.cn',
    'GOOD.core.chinacloudapi.cn',
  ]) {
    const connection = { account, sas: new Secret(HUSH) }
    expect(() => checkSecretsPlace('azure', china, connection, statement)).not.toThrow()
  }
  // The endpoint's accounts are its own.
  const endpoint = { account: 'good', endpoint: 'https://storage.example', sas: new Secret(HUSH) }
  expect(() => checkSecretsPlace('azure', china, endpoint, statement)).not.toThrow()
  // An address without an account leads there as well.
  expect(await load('az://c/a.csv', { account: 'good.blob.no host', sas: `sig=${HUSH}` })).toMatchObject({
    message: 'the endpoint "https://good.blob.no host" is no URL of a server',
  })
})

test('nor does FILES lead it elsewhere', async () => {
  const files = (options = '') => ({ options: `FORMAT csv, FILES = ['c@evil.dfs.core.windows.net/x.csv']${options}` })
  const own = { account: 'good', sas: `sig=${HUSH}` }
  for (const from of ['abfss://', 'abfss:///', 'http://', 's3://']) {
    expect(await load(from, own, files(', AWS CONNECTION = mine'))).toMatchObject({
      sqlState: '22023',
      message: expect.stringMatching(/^"\w+:\/+" names no (?:bucket|server)$/),
    })
  }
  vi.stubEnv('AZURE_STORAGE_SAS_TOKEN', `sig=${HUSH}`)
  expect(await load('abfss://', {}, files())).toMatchObject({ sqlState: '22023' })
  // Without an account it is nobody's.
  expect(await load('abfss://c@evil.dfs.core.windows.net/a.csv', {}, { options: 'FORMAT csv' })).toMatchObject({
    sqlState: '28000',
    message: 'the environment does not say to which storage account its Azure credentials may go',
    hint: 'Set AZURE_STORAGE_ACCOUNT_NAME to evil.',
  })
})

test('an address is shown as in Rust', () => {
  const table = JSON.parse(readFileSync(new URL('shown.json', import.meta.url), 'utf8')) as {
    readonly address: string
    readonly shown: string
  }[]
  for (const { address, shown } of table) expect(shownAddress(address)).toBe(shown)
  expect(table.length).toBeGreaterThan(10)
})

test('under rules a statement names those connections and roles that are listed', async () => {
  const { host } = new URL(good.url)
  const rules = { schemes: ['http', 's3'], hosts: [host, 's3://bucket'], addresses: ['127.0.0.1'] }
  const connection = { bearerToken: HUSH, endpoint: good.url }
  const from = `${good.url}/a.csv`
  expect(await load(from, connection, { access: { ...rules, connections: ['mine'] } })).toBeUndefined()
  good.shown.length = 0
  const hint = 'Whoever connects says which may be: access: { connections: [name, …] }.'
  for (const connections of [undefined, [], ['yours']]) {
    const access = { ...rules, ...(connections && { connections }) }
    expect(await load(from, connection, { access })).toMatchObject({
      sqlState: '42501',
      message: 'connection "mine" may not be used here',
      hint,
    })
    // Whether there is such a one is not told.
    expect(await load(from, connection, { access, options: 'FORMAT csv, AWS CONNECTION = none' })).toMatchObject({
      sqlState: '42501',
      message: 'connection "none" may not be used here',
    })
    expect(await load(from, connection, { access, words: "CREDENTIALS 'mine' CSV" })).toMatchObject({
      sqlState: '42501',
      message: 'the connection that CREDENTIALS names may not be used here',
    })
  }
  const words = `CREDENTIALS 'mine' IAM_ROLE '${ARN}' CSV`
  expect(
    await load('s3://bucket/a.csv', { anonymous: true }, { access: { ...rules, connections: ['mine'] }, words }),
  ).toMatchObject({ sqlState: '42501', message: `role "${ARN}" may not be used here` })
  expect(good.shown).toEqual([])
  // A statement's own rules take away only.
  const db = await connect(':memory:', {
    connections: { mine: connection },
    access: { ...rules, connections: ['mine'] },
  })
  const statement = `COPY t FROM '${from}' (FORMAT csv, CREATE_TABLE true, AWS CONNECTION = mine)`
  await expect(db.copy(statement, { access: rules })).rejects.toMatchObject({ sqlState: '42501', hint })
  await db.copy(statement, { access: { ...rules, connections: ['mine'], roles: [ARN] } })
  await db.close()
})

test.each([
  [{ hosts: 'example.com' }, 'connections.mine.hosts'],
  [{ hosts: ['https://example.com'] }, 'connections.mine.hosts'],
  [{ hosts: ['*'] }, 'connections.mine.hosts'],
  [{ hosts: ['a.*.com'] }, 'connections.mine.hosts'],
  [{ hosts: [''] }, 'connections.mine.hosts'],
  [{ hosts: ['0x7f.1'] }, 'connections.mine.hosts'],
])('%j is refused when it is given', async (connection, name) => {
  await expect(connect(':memory:', { connections: { mine: connection as object } })).rejects.toMatchObject({
    sqlState: '22023',
    message: expect.stringContaining(name),
  })
})
