import { createVerify, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type AwsCredentials, KeptCredentials, loadProviderPackage } from '../../lib/access/aws.ts'
import { Connections } from '../../lib/access/connections.ts'
import { serviceAccountToken } from '../../lib/access/google.ts'
import { Secret, withoutValues } from '../../lib/access/secret.ts'
import { type CopyError, connect } from '../../lib/index.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

const HUSH = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const MINUTE = 60_000

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-connections-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
afterEach(() => vi.unstubAllEnvs())

const from = (options: string) => parseCopy(`COPY t FROM 's3://bucket/prefix' ${options}`)
const named = from('WITH (FORMAT csv, AWS CONNECTION = store)')

/** The error, after proving that nothing of it shows the secret. */
function quiet(error: unknown): CopyError {
  const shown = [inspect(error, { depth: 20, showHidden: true }), JSON.stringify(error), String((error as Error).stack)]
  for (const text of shown) expect(text).not.toContain(HUSH)
  return error as CopyError
}

function thrownBy(work: () => unknown): CopyError {
  try {
    work()
  } catch (error) {
    return quiet(error)
  }
  throw new Error('nothing was thrown')
}

test('a secret shows itself to nobody who does not ask', () => {
  const secret = new Secret(HUSH)
  const held = { deep: [secret], map: new Map([['a', secret]]) }
  for (const text of [
    `${secret}`,
    JSON.stringify(held),
    inspect(held, { depth: 9, showHidden: true }),
    inspect(new Error('x', { cause: held })),
  ]) {
    expect(text).not.toContain(HUSH)
  }
  expect(Object.keys(secret)).toEqual([])
  expect(structuredClone({ ...secret })).toEqual({})
  expect(secret.reveal()).toBe(HUSH)
  expect(withoutValues(`a ${HUSH} b ${HUSH}`, [secret, new Secret('')])).toBe('a *** b ***')
})

describe('a connection', () => {
  const key = { accessKeyId: 'AKIA', secretAccessKey: HUSH, sessionToken: 'token', region: 'eu-central-1' }

  test('by each spelling of a statement', async () => {
    const connections = Connections.of({ store: key })
    for (const options of [
      'WITH (FORMAT csv, AWS CONNECTION = store)',
      "CSV CREDENTIALS 'store' NULL AS '' ROUNDEC",
      "CSV CREDENTIALS AS 'store' NULL AS '' ROUNDEC",
    ]) {
      const resolved = connections.resolve(from(options))
      expect(resolved).toMatchObject({ region: 'eu-central-1' })
      expect(await resolved.aws?.()).toEqual({ accessKeyId: 'AKIA', secretAccessKey: HUSH, sessionToken: 'token' })
      expect(inspect(resolved, { depth: 9, showHidden: true }) + JSON.stringify(resolved)).not.toContain(HUSH)
    }
    expect(inspect(connections, { depth: 9, showHidden: true })).not.toContain(HUSH)
    expect(JSON.stringify(connections)).toBe('["store"]')
  })

  test('has its own place, and the statement comes first', () => {
    const connections = Connections.of({ store: { ...key, endpoint: 'http://127.0.0.1:9000' } })
    expect(connections.resolve(named)).toMatchObject({ endpoint: 'http://127.0.0.1:9000', pathStyle: true })
    expect(connections.resolve(from("CSV CREDENTIALS 'store' REGION 'us-west-2' NULL AS '' ROUNDEC"))).toMatchObject({
      region: 'us-west-2',
    })
    expect(Connections.of({ store: { ...key, endpoint: 'http://x', pathStyle: false } }).resolve(named).pathStyle).toBe(
      false,
    )
    expect(Connections.of({ store: { anonymous: true } }).resolve(named).aws).toBeUndefined()
  })

  test.each([
    ...['127.0.0.1:9000', 'localhost:9000', 'minio', 'http://', 'http://a b', 'http://h:99999', 'ftp://h'].flatMap(
      (url) => [
        [{ endpoint: url }, 'endpoint": it is no URL; write https://host,'] as const,
        [{ stsEndpoint: url }, 'stsEndpoint": it is no URL; write https://host,'] as const,
      ],
    ),
    [{ endpoint: '' }, 'endpoint": it is empty'],
    [{ accessKeyId: 'AKIA\n' }, 'accessKeyId": it has a line end,'],
    [{ sessionToken: 'token\r\n' }, 'sessionToken": it has a line end,'],
    [{ sas: 'sig=x\n' }, 'sas": it has a line end,'],
    [{ bearerToken: { env: 'TOKEN' } }, 'bearerToken": it has a line end,'],
  ] as const)('that could make no request is refused: %j', (settings, reason) => {
    vi.stubEnv('TOKEN', `${HUSH}\n`)
    const error = thrownBy(() => Connections.of({ store: { ...key, ...settings } }))
    expect(error).toMatchObject({ sqlState: '22023' })
    expect(error.message).toContain(`invalid value for option "connections.store.${reason}`)
  })

  test('of other stores', async () => {
    const resolved = Connections.of({
      store: { account: 'a', accountKey: HUSH, sas: HUSH, bearerToken: HUSH, serviceAccountKey: HUSH, anonymous: true },
    }).resolve(named)
    for (const secret of [resolved.accountKey, resolved.sas, resolved.serviceAccountKey]) {
      expect(secret?.reveal()).toBe(HUSH)
    }
    expect(await resolved.bearer?.()).toEqual({ bearer: HUSH })
    expect(JSON.stringify(resolved)).not.toContain(HUSH)
  })

  test('that there is none of', () => {
    const connections = Connections.of({ store: key })
    expect(thrownBy(() => connections.resolve(from('WITH (FORMAT csv, AWS CONNECTION = shop)')))).toMatchObject({
      sqlState: '42704',
      message: 'connection "shop" does not exist',
    })
    const cased = Connections.of({ Shop: key })
    expect(thrownBy(() => cased.resolve(from('WITH (FORMAT csv, AWS CONNECTION = Shop)')))).toMatchObject({
      sqlState: '42704',
      hint: 'There is one called "Shop": write it in double quotes, AWS CONNECTION = "Shop".',
    })
    expect(cased.resolve(from('WITH (FORMAT csv, AWS CONNECTION = "Shop")')).aws).toBeDefined()
    // What was meant for a name could be a secret.
    const error = thrownBy(() => connections.resolve(from("CSV CREDENTIALS 'SecretWord' NULL AS '' ROUNDEC")))
    expect(error).toMatchObject({ sqlState: '42704', message: 'the connection that CREDENTIALS names does not exist' })
    expect(inspect(error)).not.toContain('SecretWord')
  })

  test('from a config file, with secrets from elsewhere', async () => {
    vi.stubEnv('STORE_SECRET', HUSH)
    writeFileSync(join(folder, 'token'), 'a token\n')
    const path = join(folder, 'copyist.config.json')
    const store = { accessKeyId: 'AKIA', secretAccessKey: { env: 'STORE_SECRET' }, sessionToken: { file: 'token' } }
    writeFileSync(path, JSON.stringify({ connections: { store, other: { anonymous: true } } }))
    const connections = Connections.of({ other: key }, path)
    expect(await connections.resolve(named).aws?.()).toEqual({
      accessKeyId: 'AKIA',
      secretAccessKey: HUSH,
      sessionToken: 'a token',
    })
    // What is given in code comes first.
    expect(connections.resolve(from('WITH (FORMAT csv, AWS CONNECTION = other)')).aws).toBeDefined()
    const db = await connect(':memory:', { config: path })
    expect(inspect(db, { depth: 9, showHidden: true }) + JSON.stringify(db)).not.toContain(HUSH)
    await db.close()
  })

  test.each([
    [{ secretAccessKey: HUSH }, 'connections.store.secretAccessKey'],
    [{ accessKeyId: 'a' }, 'connections.store.accessKeyId'],
    [{ accessKeyId: HUSH, secretAccessKey: 5 }, 'connections.store.secretAccessKey'],
    [{ [HUSH.slice(0, 5)]: HUSH }, 'there is no such setting'],
    [{ region: 5 }, 'connections.store.region'],
    [{ pathStyle: 'yes' }, 'connections.store.pathStyle'],
    [{ sas: { env: 'NO_SUCH_VARIABLE' } }, 'NO_SUCH_VARIABLE is not set'],
    [{ sas: { file: 'nowhere' } }, 'ENOENT'],
    [{ credentials: HUSH }, 'connections.store.credentials'],
    [HUSH, 'connections.store'],
  ])('that makes no sense: %#', (value, words) => {
    const error = thrownBy(() => Connections.of({ store: value as never }))
    expect(error.sqlState).toBe('22023')
    expect(error.message).toContain(words)
  })

  test.each([
    [`{ "connections": { "a": { "secretAccessKey": "${HUSH}" `, 'it is no JSON'],
    ['[]', 'it is no JSON object'],
    [`{ "connection": "${HUSH}" }`, 'a key "connection"'],
    ['{ "connections": [] }', '"connections" is no object'],
    [
      `{ "connections": { "a": { "credentials": { "secretAccessKey": "${HUSH}" } } } }`,
      'only a connection that is given in code',
    ],
    [
      `{ "connections": { "a": { "Region": "${HUSH}" } } }`,
      'bad.json": invalid value for option "connections.a.Region": there is no such setting; there are region, ',
    ],
  ])('of a file that makes no sense: %#', (text, words) => {
    const path = join(folder, 'bad.json')
    writeFileSync(path, text)
    expect(thrownBy(() => Connections.of({}, path)).message).toContain(words)
    expect(thrownBy(() => Connections.of({}, join(folder, 'nowhere.json')))).toMatchObject({
      sqlState: 'F0000',
      message: expect.stringMatching(/^could not use the config file ".*nowhere.json": ENOENT/),
    })
  })
})

describe('credentials', () => {
  const given = (number: number, lifetime?: number): AwsCredentials => ({
    accessKeyId: `key ${number}`,
    secretAccessKey: HUSH,
    ...(lifetime !== undefined && { expiration: new Date(lifetime) }),
  })

  test('are kept until shortly before they expire, then asked for once', async () => {
    let now = 0
    let asked = 0
    const kept = new KeptCredentials(
      async () => {
        asked += 1
        return given(asked, now + 60 * MINUTE)
      },
      () => now,
    )
    const get = kept.forOne()
    const ask = async (isRefused?: boolean) => (await get(isRefused)).accessKeyId
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['key 1', 'key 1', 'key 1'])
    now = 54 * MINUTE
    expect(await ask()).toBe('key 1')
    now = 56 * MINUTE
    expect(await Promise.all([ask(), ask()])).toEqual(['key 2', 'key 2'])
    // Refused by the store, whatever their time says.
    expect(await ask(true)).toBe('key 3')
    expect(asked).toBe(3)
  })

  test('that several loads have had refused are replaced once', async () => {
    const provider = vi.fn(async () => given(provider.mock.calls.length))
    const connections = Connections.of({ store: { credentials: provider } })
    const loads = [0, 1].map(() => connections.resolve(named).aws)
    for (const [isRefused, key] of [
      [false, 'key 1'],
      [true, 'key 2'],
      [true, 'key 3'],
    ] as const) {
      for (const ask of loads) expect(await ask?.(isRefused)).toMatchObject({ accessKeyId: key })
    }
  })

  test('that do not expire are asked for once', async () => {
    const provider = vi.fn(async () => given(1))
    const kept = new KeptCredentials(provider)
    await kept.get()
    await kept.get()
    expect(provider).toHaveBeenCalledTimes(1)
  })

  test('that cannot be replaced are given as long as they are valid', async () => {
    let now = 0
    const provider = vi.fn(async () => {
      if (now > 0) throw new Error('the service is away')
      return given(1, 60 * MINUTE)
    })
    const kept = new KeptCredentials(provider, () => now)
    await kept.get()
    now = 56 * MINUTE
    expect(await kept.get()).toMatchObject({ accessKeyId: 'key 1' })
    now += 5_000
    await kept.get()
    // Not with every request.
    expect(provider).toHaveBeenCalledTimes(2)
    now += 10_000
    await kept.get()
    expect(provider).toHaveBeenCalledTimes(3)
    now = 61 * MINUTE
    await expect(kept.get()).rejects.toMatchObject({
      sqlState: '28000',
      message: 'there are no AWS credentials: the service is away',
    })
  })

  test.each([
    [{}, 'no accessKeyId'],
    [{ accessKeyId: 'a' }, 'no secretAccessKey'],
    [undefined, 'no accessKeyId'],
    [{ accessKeyId: 'a', secretAccessKey: HUSH, expiration: 'tomorrow' }, 'is no Date'],
    [{ accessKeyId: 'a', secretAccessKey: HUSH, sessionToken: 42 }, 'the sessionToken that the provider gave is no'],
    [{ accessKeyId: 'a', secretAccessKey: HUSH, sessionToken: {} }, 'the sessionToken that the provider gave is no'],
  ])('that are none: %#', async (credentials, words) => {
    const error = quiet(
      await new KeptCredentials(async () => credentials as AwsCredentials).get().catch((reason: unknown) => reason),
    )
    expect(error).toMatchObject({ sqlState: '28000' })
    expect(error.message).toContain(words)
  })

  test('whose sessionToken is null have none', async () => {
    const kept = new KeptCredentials(async () => ({ ...given(1), sessionToken: null }) as unknown as AwsCredentials)
    expect(await kept.get()).toEqual(given(1))
  })

  test.each(['accessKeyId', 'secretAccessKey', 'sessionToken'])('whose %s has a line end are none', async (name) => {
    const credentials = { accessKeyId: 'a', secretAccessKey: HUSH, sessionToken: 'token' }
    const kept = new KeptCredentials(async () => ({ ...credentials, [name]: `${HUSH}\n` }))
    expect(quiet(await kept.get().catch((reason: unknown) => reason))).toMatchObject({
      sqlState: '28000',
      message: `there are no AWS credentials: the ${name} has a line end, or another character that cannot be sent`,
    })
  })

  test('are waited for no longer than a minute', async () => {
    vi.useFakeTimers()
    try {
      const never = () => new Promise<never>(() => {})
      const connections = Connections.of({ store: { credentials: never, bearerToken: never } })
      const { aws, bearer } = connections.resolve(named)
      const asked = [aws?.(), bearer?.()].map((given) => given?.catch((reason: CopyError) => reason))
      await vi.advanceTimersByTimeAsync(59_000)
      expect(await Promise.race([...asked, 'nothing yet'])).toBe('nothing yet')
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await Promise.all(asked)).toMatchObject([
        {
          sqlState: '28000',
          message: 'there are no AWS credentials: the provider has not answered within a minute',
        },
        { sqlState: '28000', message: 'there is no bearer token: the function has not answered within a minute' },
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  test('an error of a provider carries nothing along', async () => {
    const failure = Object.assign(new Error('denied'), {
      $response: { headers: { authorization: HUSH } },
      secret: HUSH,
    })
    const kept = new KeptCredentials(async () => {
      throw failure
    })
    quiet(await kept.get().catch((reason: unknown) => reason))
  })
})

describe("AWS's package", () => {
  /** What is called of it. */
  const calls: unknown[] = []
  const load = async () => ({
    fromNodeProviderChain: (init: object) => {
      calls.push(['chain', init])
      return async () => ({ accessKeyId: 'chain', secretAccessKey: HUSH })
    },
    fromTemporaryCredentials: (init: object) => {
      calls.push(['role', init])
      const { masterCredentials } = init as { masterCredentials: () => Promise<AwsCredentials> }
      return async () => ({
        ...(await masterCredentials()),
        sessionToken: 'of the role',
        expiration: new Date(Date.now() + 60 * MINUTE),
      })
    },
  })
  afterEach(() => void calls.splice(0))

  test('is asked where nothing else is said', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined)
    const connections = Connections.of({ store: { profile: 'work', region: 'eu-west-1' } }, undefined, load)
    expect(await connections.resolve(from('CSV')).aws?.()).toMatchObject({ accessKeyId: 'chain' })
    expect(await connections.resolve(named).aws?.()).toMatchObject({ accessKeyId: 'chain' })
    expect(calls).toEqual([
      ['chain', {}],
      ['chain', { profile: 'work', clientConfig: { region: 'eu-west-1' } }],
    ])
  })

  test('is not needed for keys of the environment', async () => {
    vi.stubEnv('AWS_PROFILE', undefined)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIA')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', HUSH)
    vi.stubEnv('AWS_SESSION_TOKEN', 'token')
    expect(await Connections.of({}, undefined, load).resolve(from('CSV')).aws?.()).toEqual({
      accessKeyId: 'AKIA',
      secretAccessKey: HUSH,
      sessionToken: 'token',
    })
    expect(calls).toEqual([])
  })

  test('takes on the role of the statement, or of the connection', async () => {
    const store = {
      accessKeyId: 'AKIA',
      secretAccessKey: HUSH,
      roleArn: 'arn:aws:iam::1:role/own',
      externalId: 'x',
      stsEndpoint: 'http://sts',
    }
    const connections = Connections.of({ store }, undefined, load)
    const role = "IAM_ROLE 'arn:aws:iam::1:role/said' NULL AS '' ROUNDEC"
    const credentials = await connections.resolve(from(`CSV CREDENTIALS 'store' ${role}`)).aws?.()
    expect(credentials).toMatchObject({ accessKeyId: 'AKIA', sessionToken: 'of the role' })
    await connections.resolve(named).aws?.()
    await connections.resolve(named).aws?.()
    expect(calls).toMatchObject([
      [
        'role',
        { params: { RoleArn: 'arn:aws:iam::1:role/said', ExternalId: 'x' }, clientConfig: { endpoint: 'http://sts' } },
      ],
      ['role', { params: { RoleArn: 'arn:aws:iam::1:role/own' } }],
    ])
  })

  test('says the role that is not given', async () => {
    const failing = async () => ({
      ...(await load()),
      fromTemporaryCredentials: ({ masterCredentials }: { masterCredentials?: () => Promise<AwsCredentials> }) => {
        return async () => {
          const { secretAccessKey, sessionToken } = (await masterCredentials?.()) ?? {}
          throw new Error(`not today, with ${sessionToken} and ${secretAccessKey}`)
        }
      },
    })
    const store = { accessKeyId: 'AKIA', secretAccessKey: HUSH, sessionToken: `${HUSH} too` }
    const connections = Connections.of({ store: { ...store, roleArn: 'arn:aws:iam::1:role/own' } }, undefined, failing)
    const refused = await connections.resolve(named).aws?.().catch(quiet)
    expect(refused).toMatchObject({
      sqlState: '28000',
      message: 'there are no AWS credentials: role "arn:aws:iam::1:role/own": not today, with *** and ***',
    })
  })

  test('is asked for by name where it is missing', async () => {
    const loaded = await loadProviderPackage().catch((error: unknown) => error)
    if (!(loaded instanceof Error)) return expect(loaded).toHaveProperty('fromNodeProviderChain')
    expect(loaded).toMatchObject({
      sqlState: '0A000',
      hint: expect.stringContaining('npm install @aws-sdk/credential-providers'),
    })
  })
})

test('secrets in a statement are refused, and in no error', async () => {
  const db = await connect(':memory:')
  for (const options of [
    `CREDENTIALS 'aws_access_key_id=AKIA;aws_secret_access_key=${HUSH}'`,
    `ACCESS_KEY_ID 'AKIA' SECRET_ACCESS_KEY '${HUSH}'`,
    `SESSION_TOKEN '${HUSH}'`,
  ]) {
    const error = quiet(
      await db.copy(`COPY t FROM 's3://bucket/x' CSV NULL AS '' ROUNDEC ${options}`).catch((reason: unknown) => reason),
    )
    expect(error).toMatchObject({
      sqlState: '0A000',
      message: expect.stringContaining('would be a secret in the statement'),
    })
  }
  await db.close()
})

describe("a Google service account's key", () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })

  test('makes a token that is signed with it and lasts an hour', () => {
    const key = { client_email: 'who@project.iam.gserviceaccount.com', private_key: privateKey, private_key_id: 'k' }
    const now = Date.UTC(2026, 0, 1)
    const { bearer, expiration } = serviceAccountToken(new Secret(JSON.stringify(key)), now)
    const [header = '', claims = '', signature = ''] = bearer.split('.')
    const decoded = [header, claims].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
    expect(decoded).toEqual([
      { alg: 'RS256', typ: 'JWT', kid: 'k' },
      {
        iss: key.client_email,
        sub: key.client_email,
        scope: 'https://www.googleapis.com/auth/devstorage.read_only',
        iat: now / 1000,
        exp: now / 1000 + 3600,
      },
    ])
    expect(createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(
      true,
    )
    expect(expiration.getTime()).toBe(now + 60 * MINUTE)
  })

  test.each([
    ['no JSON', HUSH],
    ['no key', JSON.stringify({ client_email: 'a', other: HUSH })],
    ['a key that is none', JSON.stringify({ client_email: 'a', private_key: HUSH })],
  ])('that is %s is refused, and not shown', (_, text) => {
    expect(thrownBy(() => serviceAccountToken(new Secret(text)))).toMatchObject({ sqlState: '28000' })
  })
})
