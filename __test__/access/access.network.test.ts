import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { isAllowedAddress, Networks } from '../../lib/access/address.ts'
import { AccessPolicy, type AccessRules } from '../../lib/access/policy.ts'
import { connect } from '../../lib/index.ts'

/** What every implementation of the rules must say; the addon's, which dials, as well. */
const addresses = JSON.parse(readFileSync(new URL('addresses.json', import.meta.url), 'utf8')) as readonly {
  readonly address: string
  readonly listed?: readonly string[]
  readonly allowed: boolean
}[]

test.each(addresses)('$address, listed $listed: $allowed', ({ address, listed = [], allowed }) => {
  expect(isAllowedAddress(address, new Networks(listed))).toBe(allowed)
})

const allows = (rules: AccessRules, url: string) => AccessPolicy.of(rules)?.refusalOfUrl(url) === undefined

describe('a URL', () => {
  const rules: AccessRules = {
    schemes: ['https', 's3'],
    hosts: [
      'data.example.com',
      '*.files.example.com',
      'other.example.com:8443',
      'own.example.com:443',
      'plain.example.com:80',
      '[2606:4700::1]',
      '10.0.0.1',
      's3://bucket',
      'S3://Old_Bucket',
    ],
  }

  test.each([
    'https://data.example.com/a.csv',
    'https://DATA.example.com./a.csv',
    'https://data.example.com:443/a?b#c',
    'https://x.files.example.com/',
    'https://x.y.files.example.com/',
    'https://other.example.com:8443/',
    // A URL does not keep the port that is its scheme's own.
    'https://own.example.com/',
    'https://own.example.com:443/',
    'https://[2606:4700::1]/',
    's3://bucket/key',
    'S3://bucket',
    's3://Old_Bucket/key',
  ])('%s is allowed', (url) => expect(allows(rules, url)).toBe(true))

  test.each([
    'http://data.example.com/a.csv',
    'https://data.example.com:8080/',
    'https://example.com/',
    'https://evil-data.example.com/',
    'https://data.example.com.evil.org/',
    'https://files.example.com/',
    'https://xfiles.example.com/',
    'https://other.example.com/',
    'https://own.example.com:8443/',
    'https://plain.example.com/',
    'https://data.example.com@evil.org/',
    'https://user:password@data.example.com/',
    'https://evil.org/data.example.com',
    'https://evil.org#@data.example.com/',
    'https://evil.org\\@data.example.com/',
    // A host of the list, and yet not of the Internet.
    'https://10.0.0.1/',
    'https://0xa000001/',
    'https://[::ffff:10.0.0.1]/',
    's3://other/key',
    // Of those of old times the case tells them apart.
    's3://Bucket/key',
    's3://old_bucket/key',
    's3://bucket.evil/key',
    's3://evil@bucket/key',
    'gs://bucket/key',
    'file:///etc/passwd',
    'ftp://data.example.com/',
    'data.example.com',
    '',
  ])('%s is not', (url) => expect(allows(rules, url)).toBe(false))

  test('of an address that is listed too', () => {
    const listed = { schemes: ['http'], hosts: ['127.0.0.1:9000', '0.0.0.0'], addresses: ['127.0.0.1'] }
    expect(allows(listed, 'http://127.0.0.1:9000/')).toBe(true)
    expect(allows(listed, 'http://0x7f.1:9000/')).toBe(true)
    expect(allows(listed, 'http://0.0.0.0/')).toBe(false)
  })

  test('has to be allowed by the connection and by the statement', () => {
    const outer = AccessPolicy.of({
      schemes: ['https'],
      hosts: ['a.example.com', 'b.example.com'],
      addresses: ['10.0.0.0/8'],
    })
    const inner = AccessPolicy.of(
      { schemes: ['https'], hosts: ['b.example.com', 'c.example.com'], addresses: ['10.0.0.1'] },
      outer,
    )
    expect(inner?.refusalOfUrl('https://b.example.com/')).toBeUndefined()
    for (const host of ['a', 'c']) expect(inner?.refusalOfUrl(`https://${host}.example.com/`)).toBeDefined()
    expect(inner?.refusalOfAddress('10.0.0.1')).toBeUndefined()
    expect(inner?.refusalOfAddress('10.0.0.2')).toBeDefined()
    expect(inner?.network).toHaveLength(2)
  })
})

test('a statement is told, without what is secret in its address', async () => {
  const db = await connect(':memory:', { access: { schemes: ['https'], hosts: ['data.example.com'] } })
  const statement = "COPY t FROM 'https://u:pw@169.254.169.254/latest?X-Amz-Signature=secret' CSV"
  await expect(db.copy(statement)).rejects.toMatchObject({
    sqlState: '42501',
    message: '"https://169.254.169.254/latest" may not be read',
    statement: { offset: 12 },
  })
  await db.close()
})

test('a bucket is told without a key before it', async () => {
  const db = await connect(':memory:', { access: { schemes: ['s3'], hosts: ['s3://bucket'] } })
  await expect(db.copy("COPY t FROM 's3://KEY:SECRET@other/x' CSV")).rejects.toMatchObject({
    sqlState: '42501',
    detail: 'The bucket "s3://other" is not among those that are allowed.',
  })
  await db.close()
})

test.each([
  [{ access: 'shut' }],
  [{ access: { file: [] } }],
  [{ access: { files: '/tmp' } }],
  [{ access: { files: [''] } }],
  [{ access: { addresses: ['10.0.0.0/33'] } }],
  [{ access: { addresses: ['10.0.0'] } }],
  ...['', '*', 's3://*', 's3://bucket/', 's3://bucket/prefix', 'https://', 'a.*.com', 'a.example.com/'].map(
    (host): [object] => [{ access: { hosts: [host] } }],
  ),
  // What no URL has in this form, and so would never match.
  ...['http://a.com', 'https://a.com', 'bücher.de', '127.1', '0x7f.0.0.1', '%41.com', '.', '..', '*..', '[:::1]'].map(
    (host): [object] => [{ access: { hosts: [host] } }],
  ),
  ...['a.com:99999', 'a.com:08080', '[::1]:', 'a..b/', '.a.com', 'a..com', '*.a..com', 'a.com:0'].map(
    (host): [object] => [{ access: { hosts: [host] } }],
  ),
  [{ access: { addresses: ['fe80::1%eth0'] } }],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:0:0/96', '64:ff9b::a00:1'].map((address): [object] => [
    { access: { addresses: [address] } },
  ]),
  [{ access: { sql: 'yes' } }],
  [{ access: null }],
])('%j is no rule', async (options) => {
  await expect(connect(':memory:', options as never)).rejects.toMatchObject({ sqlState: '22023' })
})
