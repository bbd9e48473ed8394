import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { Connections } from '../../lib/access/connections.ts'
import { connect, type StoreConnection } from '../../lib/index.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { listening } from '../listening.ts'
import { binaryOf, KEYS, putObject, type RealServer, startReal } from './real.ts'

/* Roles, session tokens and web identities, by a real token service and a store that knows them. */

const seaweedfs = binaryOf('seaweedfs')
const READER = 'arn:aws:iam::role/reader'
const WEB = 'arn:aws:iam::role/web'
const DENIED = expect.stringMatching(/^(?:28000|42501)$/)
const ASSUMER = { accessKeyId: 'assumer', secretAccessKey: 'assumer-secret' }

const trusting = (principal: object, action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: principal, Action: [action] }],
})

const settings = (issuer: string) => ({
  's3.config': {
    identities: [
      {
        name: 'owner',
        credentials: [{ accessKey: KEYS.accessKeyId, secretKey: KEYS.secretAccessKey }],
        actions: ['Admin'],
      },
      {
        name: 'assumer',
        credentials: [{ accessKey: ASSUMER.accessKeyId, secretKey: ASSUMER.secretAccessKey }],
        actions: [],
      },
    ],
  },
  's3.iam.config': {
    sts: {
      tokenDuration: '1h',
      maxSessionLength: '12h',
      issuer: 'copyist-tests',
      signingKey: Buffer.from('a key of the tests, 32 bytes long').toString('base64'),
    },
    policy: { defaultEffect: 'Deny', storeType: 'memory' },
    roleStore: { storeType: 'memory' },
    providers: [
      {
        name: 'issuer',
        type: 'oidc',
        enabled: true,
        config: { issuer, clientId: 'copyist', jwksUri: `${issuer}/keys` },
      },
    ],
    roles: [
      {
        roleName: 'reader',
        roleArn: READER,
        trustPolicy: trusting({ AWS: '*' }, 'sts:AssumeRole'),
        attachedPolicies: ['read'],
      },
      {
        roleName: 'web',
        roleArn: WEB,
        trustPolicy: trusting({ Federated: 'issuer' }, 'sts:AssumeRoleWithWebIdentity'),
        attachedPolicies: ['read'],
      },
    ],
    policies: [
      {
        name: 'read',
        document: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: ['s3:GetObject', 's3:ListBucket'],
              Resource: ['arn:aws:s3:::open', 'arn:aws:s3:::open/*'],
            },
          ],
        },
      },
    ],
  },
})

/** Who says who somebody is: a server with the key that its tokens are signed with. */
async function startIssuer(): Promise<{ readonly url: string; token(): string; stop(): void }> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }
  const server = createServer((request, answer) => {
    const url = `http://${request.headers.host}`
    const found = request.url === '/keys' ? { keys: [key] } : { issuer: url, jwks_uri: `${url}/keys` }
    answer.setHeader('content-type', 'application/json').end(JSON.stringify(found))
  })
  const url = await listening(server)
  return {
    url,
    token: () => signed(privateKey, { iss: url, sub: 'somebody', aud: 'copyist' }),
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function signed(key: KeyObject, claims: object): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = `${part({ alg: 'RS256', typ: 'JWT', kid: 'k1' })}.${part({ ...claims, iat: now, exp: now + 600 })}`
  return `${head}.${createSign('RSA-SHA256').update(head).sign(key).toString('base64url')}`
}

describe.skipIf(seaweedfs === undefined)('SeaweedFS', () => {
  let server: RealServer
  let issuer: Awaited<ReturnType<typeof startIssuer>>
  let folder: string

  beforeAll(async () => {
    issuer = await startIssuer()
    server = await startReal('seaweedfs', seaweedfs ?? '', settings(issuer.url))
    folder = mkdtempSync(join(tmpdir(), 'copyist-roles-'))
    // It answers before it can keep anything.
    const put = (path: string, body: string) =>
      vi.waitFor(() => putObject(server.url, path, body), { timeout: 60_000, interval: 500 })
    for (const bucket of ['open', 'closed']) {
      await put(`/${bucket}`, '')
      await put(`/${bucket}/in/a.csv`, '1\n2\n')
      await put(`/${bucket}/in/b.csv`, '3\n')
    }
  }, 120_000)

  afterAll(async () => {
    issuer?.stop()
    await server?.stop()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  afterEach(() => vi.unstubAllEnvs())

  async function load(statement: string, connection?: StoreConnection): Promise<number> {
    const instance = await DuckDBInstance.create(':memory:')
    const db = await connect(await instance.connect(), { connections: connection ? { store: connection } : {} })
    onTestFinished(async () => {
      await db.close()
      instance.closeSync()
    })
    return (await db.copy(statement, { createTable: true })).rowsLoaded
  }

  const base = () => ({ endpoint: server.url, stsEndpoint: server.url, region: 'us-east-1', ...ASSUMER })
  const from = (bucket: string, more = '') => `COPY t FROM 's3://${bucket}/in' CREDENTIALS 'store' ${more} CSV`

  test('IAM_ROLE reads what the role may, and its own keys may not', { timeout: 60_000 }, async () => {
    expect(await load(from('open', `IAM_ROLE '${READER}'`), base())).toBe(3)
    await expect(load(from('open'), base())).rejects.toMatchObject({ sqlState: DENIED })
    await expect(load(from('closed', `IAM_ROLE '${READER}'`), base())).rejects.toMatchObject({
      sqlState: DENIED,
    })
  })

  test('the role of the connection counts where the statement names none', { timeout: 60_000 }, async () => {
    expect(await load(from('open'), { ...base(), roleArn: READER })).toBe(3)
  })

  test('a role that is not trusted is an error without a secret', { timeout: 60_000 }, async () => {
    const error = await load(from('open', "IAM_ROLE 'arn:aws:iam::role/none'"), base()).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({
      sqlState: '28000',
      message: expect.stringContaining('not authorized to assume role'),
    })
    expect(JSON.stringify(error)).not.toContain(ASSUMER.secretAccessKey)
  })

  test('a session token is signed with, and another one is refused', { timeout: 60_000 }, async () => {
    const statement = parseCopy(`COPY t FROM 's3://open/in' IAM_ROLE '${READER}' CREDENTIALS 'store'`)
    const session = await Connections.of({ store: base() }).resolve(statement).aws?.()
    const { accessKeyId = '', secretAccessKey = '', sessionToken = '' } = session ?? {}
    expect(sessionToken).not.toBe('')
    const { endpoint, region } = base()
    const key = { endpoint, region, accessKeyId, secretAccessKey }
    expect(await load(from('open'), { ...key, sessionToken })).toBe(3)
    await expect(load(from('open'), key)).rejects.toMatchObject({
      sqlState: DENIED,
    })
  })

  test('a web identity', { timeout: 60_000 }, async () => {
    for (const name of Object.keys(process.env)) if (/^AWS_/.test(name)) vi.stubEnv(name, undefined)
    const file = join(folder, 'token')
    writeFileSync(file, issuer.token())
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'))
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'))
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', file)
    vi.stubEnv('AWS_ROLE_ARN', WEB)
    vi.stubEnv('AWS_ENDPOINT_URL', server.url)
    vi.stubEnv('AWS_REGION', 'us-east-1')
    expect(await load("COPY t FROM 's3://open/in' CSV")).toBe(3)
  })
})
