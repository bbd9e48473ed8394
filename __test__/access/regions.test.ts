import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { profileRegion } from '../../lib/access/aws.ts'
import type { StoreConnection } from '../../lib/access/connections.ts'
import { type CopyError, connect } from '../../lib/index.ts'
import { Store } from '../servers/store.ts'

const account = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'a/secret+of+the+tests' }
const CONFIG = `[default]
region = ap-south-1
[profile central]
output = json
s3 =
  region = not-this-one
Region=eu-central-1 # a remark
[profile "two words"]
region = eu-north-1
[services x]
region = us-west-1
`
const CREDENTIALS = `[only-here]
region = ca-central-1
[central]
region = us-west-2
`
let folder: string
let store: Store

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-regions-'))
  writeFileSync(join(folder, 'config'), CONFIG)
  writeFileSync(join(folder, 'credentials'), CREDENTIALS)
  store = await Store.start({ accounts: [account], region: 'eu-central-1' })
  store.put('bucket', 'a.csv', '1,a\n')
})

afterEach(() => vi.unstubAllEnvs())

afterAll(async () => {
  await store.stop()
  rmSync(folder, { recursive: true })
})

function configured() {
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'))
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'))
}

async function load(connection: StoreConnection): Promise<CopyError | undefined> {
  const db = await connect(':memory:', { connections: { mine: connection } })
  const statement = "COPY t FROM 's3://bucket/a.csv' (FORMAT csv, CREATE_TABLE true, AWS CONNECTION = mine)"
  const error = await db.copy(statement).then(
    () => undefined,
    (reason: CopyError) => reason,
  )
  await db.close()
  return error
}

test('a profile has the region that its files say', async () => {
  configured()
  for (const [profile, region] of [
    ['default', 'ap-south-1'],
    // What the one file says comes before the other.
    ['central', 'eu-central-1'],
    ['two words', 'eu-north-1'],
    ['only-here', 'ca-central-1'],
    ['services x', undefined],
    ['x', undefined],
    ['nobody', undefined],
  ] as const) {
    expect([profile, await profileRegion(profile)]).toEqual([profile, region])
  }
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'nowhere'))
  expect(await profileRegion('default')).toBeUndefined()
})

test("a connection's profile says the region, and the connection itself comes first", async () => {
  configured()
  const connection = { endpoint: store.url, credentials: account, profile: 'central' }
  expect(await load(connection)).toBeUndefined()
  // The profile was named, the environment was there anyway.
  vi.stubEnv('AWS_REGION', 'us-west-1')
  expect(await load(connection)).toBeUndefined()
  expect(await load({ ...connection, profile: 'two words', region: 'eu-central-1' })).toBeUndefined()
})

test('a bucket that is elsewhere is said to be', async () => {
  const error = await load({ endpoint: store.url, ...account, region: 'us-east-1' })
  expect(error).toMatchObject({
    sqlState: '58030',
    message: 'could not read "s3://bucket/a.csv": its bucket is in the region eu-central-1, and not in us-east-1',
    hint: "Write REGION 'eu-central-1', or give it to the connection: region: 'eu-central-1'.",
  })
})
