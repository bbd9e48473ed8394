import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { defaultCredentials } from '../../lib/access/google.ts'
import { connect } from '../../lib/index.ts'
import { listening } from '../listening.ts'

/* Credentials that Google's own programs find: which count, what is asked for, and that nothing of them is shown. */

const HUSH = 'hush-hush-4711'

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-google-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})

function written(content: object | string): string {
  files += 1
  const path = join(folder, `${files}.json`)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** The environment of a process that has none but these. */
const env = (given: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({ CLOUDSDK_CONFIG: join(folder, 'none'), ...given })

const user = { type: 'authorized_user', client_id: 'an id', client_secret: HUSH, refresh_token: `refresh ${HUSH}` }

/** What Google's token server is asked, which gives these answers in turn. */
function google(...answers: readonly (readonly [status: number, body: object])[]): URLSearchParams[] {
  const asked: URLSearchParams[] = []
  vi.stubGlobal('fetch', async (url: string, { method, body }: RequestInit) => {
    expect([url, method]).toEqual(['https://oauth2.googleapis.com/token', 'POST'])
    const [status, answer] = answers[Math.min(asked.length, answers.length - 1)] ?? [500, {}]
    asked.push(body as URLSearchParams)
    return new Response(JSON.stringify(answer), { status })
  })
  return asked
}

/** A metadata server, which gives these answers in turn. */
async function machine(...answers: readonly (readonly [status: number, body: string])[]) {
  const asked: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[] = []
  const server = createServer(({ url: path, headers }, response) => {
    const [status, body] = answers[Math.min(asked.length, answers.length - 1)] ?? [500, '']
    asked.push({ path, headers })
    response.writeHead(status).end(body)
  })
  const { host } = new URL(await listening(server))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { host, asked }
}

async function failure(given: NodeJS.ProcessEnv): Promise<unknown> {
  const error = await defaultCredentials(env(given)).then(
    (ask) =>
      ask?.().then(
        () => undefined,
        (reason: unknown) => reason,
      ),
    (reason: unknown) => reason,
  )
  expect(JSON.stringify(error)).not.toContain(HUSH)
  return error
}

test("a user's refresh token, of the file that the environment names or of gcloud's, is exchanged each time", async () => {
  mkdirSync(join(folder, 'gcloud'))
  writeFileSync(join(folder, 'gcloud', 'application_default_credentials.json'), JSON.stringify(user))
  for (const given of [
    { GOOGLE_APPLICATION_CREDENTIALS: written(user) },
    { CLOUDSDK_CONFIG: join(folder, 'gcloud') },
  ]) {
    const asked = google(
      [200, { access_token: 'one', expires_in: 3599 }],
      [200, { access_token: 'two', expires_in: 60 }],
    )
    const ask = await defaultCredentials(env(given))
    const first = await ask?.()
    expect(first?.bearer).toBe('one')
    expect(first?.expiration.getTime()).toBeGreaterThan(Date.now() + 3_500_000)
    expect(first?.expiration.getTime()).toBeLessThan(Date.now() + 3_600_000)
    expect(await ask?.()).toMatchObject({ bearer: 'two' })
    expect(Object.fromEntries(asked[0] ?? [])).toEqual({
      grant_type: 'refresh_token',
      client_id: 'an id',
      client_secret: HUSH,
      refresh_token: `refresh ${HUSH}`,
    })
  }
})

test('the key of a service account in that file signs by itself', async () => {
  google()
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const path = written({ type: 'service_account', client_email: 'a@b.iam.gserviceaccount.com', private_key: pem })
  const ask = await defaultCredentials(env({ GOOGLE_APPLICATION_CREDENTIALS: path }))
  expect((await ask?.())?.bearer.split('.').length).toBe(3)
})

test('a token server that has trouble is asked again, one that refuses is not', async () => {
  const path = { GOOGLE_APPLICATION_CREDENTIALS: written(user) }
  const busy = google([503, {}], [429, {}], [200, { access_token: 'late', expires_in: 60 }])
  const ask = await defaultCredentials(env(path))
  expect(await ask?.()).toMatchObject({ bearer: 'late' })
  expect(busy.length).toBe(3)
  const broken = google([500, { error: HUSH }])
  expect(await failure(path)).toMatchObject({ sqlState: '28000', message: expect.stringContaining('it answered 500') })
  expect(broken.length).toBe(3)
  const expired = google([400, { error: 'invalid_grant', error_description: HUSH }])
  expect(await failure(path)).toMatchObject({
    sqlState: '28000',
    message: 'the Google credentials cannot be used: Google gave no token: invalid_grant',
    hint: 'Log in again: gcloud auth application-default login.',
  })
  expect(expired.length).toBe(1)
})

test("a machine of Google's gives the token of its account, if it has one", async () => {
  const { host, asked } = await machine([200, JSON.stringify({ access_token: 'of the machine', expires_in: 600 })])
  const ask = await defaultCredentials(env({ GCE_METADATA_HOST: host }))
  expect(await ask?.()).toMatchObject({ bearer: 'of the machine' })
  expect(asked[0]).toMatchObject({
    path: '/computeMetadata/v1/instance/service-accounts/default/token',
    headers: { 'metadata-flavor': 'Google' },
  })
  const without = await machine([404, 'no account'])
  expect(await defaultCredentials(env({ GCE_METADATA_HOST: without.host }))).toBeUndefined()
})

test('where there is nothing of these, nobody is asked', async () => {
  vi.stubGlobal('fetch', () => expect.unreachable())
  expect(await defaultCredentials(env({}))).toBeUndefined()
})

test.each([
  ['{', '28000', 'they are no JSON'],
  [{ type: 'authorized_user', client_secret: HUSH }, '28000', 'no client_id, client_secret or refresh_token'],
  [{ type: 'service_account', private_key: HUSH }, '28000', 'it has no client_email'],
  [{ type: 'external_account', secret: HUSH }, '0A000', 'of the type "external_account" are not supported'],
] as const)('%j is refused', async (content, sqlState, message) => {
  google()
  const path = written(content)
  const expected = { sqlState, message: expect.stringContaining(message), hint: expect.any(String) }
  expect(await failure({ GOOGLE_APPLICATION_CREDENTIALS: path })).toMatchObject(expected)
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path)
  await using db = await connect(':memory:')
  await expect(db.copy("COPY t FROM 'gs://bucket/a.csv' (FORMAT csv, CREATE_TABLE)")).rejects.toMatchObject(expected)
})

test('a file that the environment names has to be there', async () => {
  expect(await failure({ GOOGLE_APPLICATION_CREDENTIALS: join(folder, 'gone.json') })).toMatchObject({
    sqlState: '28000',
    message: expect.stringContaining('could not be read (ENOENT)'),
  })
})
