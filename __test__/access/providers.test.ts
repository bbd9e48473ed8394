import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Connections } from '../../lib/access/connections.ts'
import { connect } from '../../lib/index.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import type { Account } from '../servers/sigv4.ts'
import { Store } from '../servers/store.ts'
import { assumed, refused, serveCredentials } from '../servers/sts.ts'

/* AWS's own package of providers, as it is installed: that it is asked rightly, and that what it gives is used. */

const MINUTE = 60_000

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-providers-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (/^AWS_/.test(name)) vi.stubEnv(name, undefined)
  // Nobody is to be asked but those that a test starts.
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  vi.stubEnv('AWS_CONFIG_FILE', written(''))
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', written(''))
})
afterEach(() => vi.unstubAllEnvs())

/** A file of its own: the package keeps what it has read of a path. */
function written(content: string): string {
  files += 1
  const path = join(folder, `${files}`)
  writeFileSync(path, content)
  return path
}

/** What the standard chain gives, or the chain of a connection. */
async function credentials(connection?: object, options = '') {
  const connections = Connections.of(connection ? { store: connection } : {})
  const name = connection ? 'AWS CONNECTION = store' : 'HEADER'
  const statement = parseCopy(`COPY t FROM 's3://bucket/a.csv' (FORMAT csv, ${name}${options})`)
  return await connections.resolve(statement).aws?.()
}

test('keys in the environment', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAENV')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of the environment')
  vi.stubEnv('AWS_SESSION_TOKEN', 'token')
  expect(await credentials()).toMatchObject({
    accessKeyId: 'AKIAENV',
    secretAccessKey: 'of the environment',
    sessionToken: 'token',
  })
})

describe('a profile', () => {
  beforeEach(() => {
    vi.stubEnv(
      'AWS_SHARED_CREDENTIALS_FILE',
      written(
        '[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = default\n' +
          '[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\naws_session_token = token\n',
      ),
    )
    const answer = JSON.stringify({ Version: 1, AccessKeyId: 'AKIAPROCESS', SecretAccessKey: 'of a process' })
    vi.stubEnv('AWS_CONFIG_FILE', written(`[profile run]\ncredential_process = echo '${answer}'\n`))
  })

  test('the default one, without a word', async () => {
    expect(await credentials()).toMatchObject({ accessKeyId: 'AKIADEFAULT', secretAccessKey: 'default' })
  })

  test('that AWS_PROFILE names, before keys in the environment', async () => {
    vi.stubEnv('AWS_PROFILE', 'other')
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAENV')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of the environment')
    expect(await credentials()).toMatchObject({ accessKeyId: 'AKIAOTHER', sessionToken: 'token' })
  })

  test('that a connection names', async () => {
    expect(await credentials({ profile: 'other' })).toMatchObject({ accessKeyId: 'AKIAOTHER' })
    expect(await credentials({ profile: 'run' })).toMatchObject({ accessKeyId: 'AKIAPROCESS' })
  })

  test('that there is none of is an error without a secret', async () => {
    const error = await credentials({ profile: 'none' }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      sqlState: '28000',
      message: expect.stringContaining('there are no AWS credentials: profile "none": '),
    })
    expect(JSON.stringify(error)).not.toContain('default"')
  })
})

test('without anything there is an error that says what to do, and nobody is asked for long', async () => {
  await expect(credentials()).rejects.toMatchObject({
    sqlState: '28000',
    message: expect.stringContaining('there are no AWS credentials'),
    hint: expect.stringContaining('a profile'),
  })
})

/** A server that ends with its test. */
async function serve(answer: Parameters<typeof serveCredentials>[0]) {
  const server = await serveCredentials(answer)
  onTestFinished(() => server.stop())
  return server
}

describe('a container', () => {
  const given = (number: number, expiration: Date) => ({
    AccessKeyId: `AKIA${number}`,
    SecretAccessKey: `secret of ${number}`,
    Token: `token ${number}`,
    Expiration: expiration.toISOString(),
  })

  test('is asked with its token, and again before the credentials expire', async () => {
    let now = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    let number = 0
    const { asked, url } = await serve(() => {
      number += 1
      return given(number, new Date(now + 60 * MINUTE))
    })
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${url}/credentials`)
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'Basic abc')
    const connections = Connections.of()
    const statement = parseCopy("COPY t FROM 's3://bucket/a.csv'")
    const get = () => connections.resolve(statement).aws?.()
    expect(await get()).toMatchObject({ accessKeyId: 'AKIA1', sessionToken: 'token 1' })
    expect(await get()).toMatchObject({ accessKeyId: 'AKIA1' })
    expect(asked).toEqual([{ authorization: 'Basic abc', body: '' }])
    now += 54 * MINUTE
    vi.setSystemTime(now)
    expect(await get()).toMatchObject({ accessKeyId: 'AKIA1' })
    now += 2 * MINUTE
    vi.setSystemTime(now)
    expect(await get()).toMatchObject({ accessKeyId: 'AKIA2', sessionToken: 'token 2' })
    expect(asked.length).toBe(2)
  })

  test('a load goes on with the next credentials when those before are refused as expired', async () => {
    const accounts: Account[] = []
    let number = 0
    const { asked, url } = await serve(() => {
      number += 1
      const credentials = given(number, new Date(Date.now() + 60 * MINUTE))
      const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = credentials
      // The store finds the first ones expired, whatever was said.
      const expiration = new Date(number === 1 ? Date.now() - MINUTE : Date.now() + MINUTE)
      accounts.push({ accessKeyId, secretAccessKey, sessionToken, expiration })
      return credentials
    })
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${url}/credentials`)
    const store = await Store.start({ accounts })
    onTestFinished(() => store.stop())
    store.put('bucket', 'a.csv', '1\n2\n')
    vi.stubEnv('AWS_ENDPOINT_URL_S3', store.url)
    vi.stubEnv('AWS_REGION', 'us-east-1')
    const instance = await DuckDBInstance.create(':memory:')
    const db = await connect(await instance.connect())
    onTestFinished(async () => {
      await db.close()
      instance.closeSync()
    })
    const receipt = await db.copy("COPY t FROM 's3://bucket/a.csv' (FORMAT csv, CREATE_TABLE)")
    expect(receipt.rowsLoaded).toBe(2)
    expect(asked.length).toBe(2)
  })
})

/** What a token service answers. */
test('a web identity is shown to the token service', async () => {
  const { asked, url } = await serve(() => assumed('AssumeRoleWithWebIdentity', 'AKIAWEB'))
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', written('the.web.token'))
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/reader')
  vi.stubEnv('AWS_ENDPOINT_URL_STS', url)
  vi.stubEnv('AWS_REGION', 'us-east-1')
  expect(await credentials()).toMatchObject({ accessKeyId: 'AKIAWEB', sessionToken: 'token' })
  const [{ body, authorization } = { body: '', authorization: '' }] = asked
  expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({
    Action: 'AssumeRoleWithWebIdentity',
    RoleArn: 'arn:aws:iam::123456789012:role/reader',
    WebIdentityToken: 'the.web.token',
  })
  expect(authorization).toBeUndefined()
})

test('IAM_ROLE is taken on with the credentials of the chain', async () => {
  const { asked, url } = await serve(() => assumed('AssumeRole', 'AKIAROLE'))
  vi.stubEnv(
    'AWS_SHARED_CREDENTIALS_FILE',
    written('[default]\naws_access_key_id = AKIASOURCE\naws_secret_access_key = s\n'),
  )
  const connections = Connections.of({ store: { stsEndpoint: url, externalId: 'outside', roleSessionName: 'nightly' } })
  const arn = 'arn:aws:iam::123456789012:role/loader'
  const statement = parseCopy(`COPY t FROM 's3://bucket/a' IAM_ROLE '${arn}' CREDENTIALS 'store'`)
  expect(await connections.resolve(statement).aws?.()).toMatchObject({ accessKeyId: 'AKIAROLE', sessionToken: 'token' })
  expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toMatchObject({
    Action: 'AssumeRole',
    RoleArn: arn,
    RoleSessionName: 'nightly',
    ExternalId: 'outside',
  })
  expect(asked[0]?.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIASOURCE\//)
})

describe('a role', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/loader'

  /** What asks for it, whose own key is replaced when it is refused. The token service knows one key. */
  async function asking(code: string) {
    const state = { valid: 'AKIA1', given: 1 }
    const { asked, url } = await serve(({ headers }) => {
      const isKnown = JSON.stringify(headers).includes(`Credential=${state.valid}/`)
      return isKnown ? assumed('AssumeRole', `role by ${state.valid}`) : refused(code)
    })
    // Without an expiration, as the keys of a session in a profile.
    const credentials = async ({ forceRefresh }: { readonly forceRefresh?: boolean } = {}) => {
      if (forceRefresh) state.given += 1
      return { accessKeyId: `AKIA${state.given}`, secretAccessKey: 's', sessionToken: 'token' }
    }
    const connections = Connections.of({ store: { credentials, roleArn, stsEndpoint: url } })
    const { aws } = connections.resolve(parseCopy("COPY t FROM 's3://bucket/a' (FORMAT csv, AWS CONNECTION = store)"))
    return { state, asked, get: async (isRefused?: boolean) => (await aws?.(isRefused))?.accessKeyId }
  }

  test('is taken on with new credentials where those before have expired', async () => {
    const { state, asked, get } = await asking('ExpiredToken')
    expect(await get()).toBe('role by AKIA1')
    state.valid = 'AKIA2'
    expect(await get(true)).toBe('role by AKIA2')
    expect(asked).toHaveLength(3)
    // Once more, and no oftener.
    state.valid = 'AKIA9'
    await expect(get(true)).rejects.toMatchObject({ sqlState: '28000', message: expect.stringContaining(roleArn) })
    expect(asked).toHaveLength(5)
  })

  test('that is denied is not asked for again', async () => {
    const { state, asked, get } = await asking('AccessDenied')
    state.valid = 'AKIA2'
    await expect(get()).rejects.toMatchObject({ sqlState: '28000' })
    expect([asked.length, state.given]).toEqual([1, 1])
  })

  test('is taken on again, before its credentials expire, in a load that outlives them', async () => {
    const accounts: Account[] = []
    const { url } = await serve(() => {
      const accessKeyId = `AKIA${accounts.length}`
      accounts.push({ accessKeyId, secretAccessKey: 'secret', sessionToken: 'token' })
      // From two minutes on they are about to expire, which is in a second.
      return assumed('AssumeRole', accessKeyId, 121)
    })
    const store = await Store.start({ accounts })
    store.put('bucket', 'a.csv', '1\n')
    store.put('bucket', 'b.csv', '2\n')
    store.misbehave([{ of: 'LIST', fault: { kind: 'status', status: 503, code: 'SlowDown', retryAfter: 2 }, times: 1 }])
    const own = { accessKeyId: 'AKIAOWN', secretAccessKey: 's' }
    const connection = { ...own, roleArn, stsEndpoint: url, endpoint: store.url, region: 'us-east-1' }
    const db = await connect(':memory:', { connections: { store: connection } })
    onTestFinished(async () => {
      await db.close()
      await store.stop()
    })
    const statement = "COPY t FROM 's3://bucket' (FORMAT csv, CREATE_TABLE, AWS CONNECTION = store)"
    expect(await db.copy(statement)).toMatchObject({ rowsLoaded: 2 })
    const [first, ...later] = store.requests
    expect(first).toMatchObject({ of: 'LIST', signer: expect.stringMatching(/^AKIA\d$/) })
    const read = later.filter(({ of }) => of === 'GET')
    expect(read.length).toBeGreaterThan(1)
    for (const { signer } of read) expect(signer).not.toBe(first?.signer)
  })
})
