import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ConnectOptions, connect, type Database } from '../../lib/index.ts'
import type { Account } from '../servers/sigv4.ts'
import { Store } from '../servers/store.ts'
import { type Bench, benches } from './targets.ts'

const account: Account = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'a/secret+of+the+tests' }
const { accessKeyId, secretAccessKey } = account

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  let store: Store
  /** Google's lists are those of S3, and its objects, too; requests are not signed. */
  let google: Store
  let db: Database
  let connectWith: (options: ConnectOptions) => Promise<Database>
  const opened: Database[] = []
  let duckdb: DuckDBInstance
  let side: (text: string) => Promise<(string | null)[][]>

  beforeAll(async () => {
    bench = await open()
    store = await Store.start({ accounts: [account], pageSize: 2 })
    google = await Store.start({ pageSize: 2 })
    const put = (key: string, body: string | Buffer) => {
      for (const each of [store, google]) each.put('bucket', key, body)
    }
    put('in/a.csv', 'id,note\n1,a\n2,a\n')
    put('in/b.csv', 'id,note\n3,b\n')
    put('in/deep/c.csv.gz', gzipSync('id,note\n4,c\n'))
    put('in/deep/', '')
    put('in/_SUCCESS', '')
    put('in/readme.txt', 'no rows\n')
    put('in/.hidden.csv', 'id,note\nx,y\n')
    put('part', 'id,note\n1,exact\n')
    put('part/a.csv', 'id,note\n2,below\n')
    put('data/x.csv', 'id,note\n1,x\n')
    put('data-old/y.csv', 'id,note\n2,y\n')
    put('data.csv', 'id,note\n3,z\n')
    put('odd/a b+c%20?d=e.csv', 'id,note\n9,odd\n')
    put('named.csv', 'note,id\nswapped,7\n')
    put('named.csv.gz', gzipSync('note,id\nswapped,8\n'))
    put('mark', '')
    put('mark/a.csv', 'id,note\n1,below a mark\n')
    put('empty.csv', '')
    put('hash/a#1.csv.br', brotliCompressSync('id,note\n1,hash\n'))
    put('hash/a#2.csv.br', brotliCompressSync('id,note\nx,bad\n'))
    put('oddly/good.csv', 'id,note\n1,good\n')
    put('oddly/z//bad.csv', 'id,note\n2,bad\n')
    put('oddly/end.csv/', 'id,note\n3,bad\n')
    put('bad/a.csv', 'id,note\n1,a\n')
    put('bad/b.csv', 'id,note\n2,b\nx,bad\n')
    const entry = (key: string, more: object = {}) => ({ url: `s3://bucket/${key}`, ...more })
    const manifest = (key: string, ...entries: object[]) => put(key, JSON.stringify({ entries }))
    manifest('m/good', entry('in/b.csv', { mandatory: true }), entry('in/gone.csv'), entry('in/a.csv'))
    manifest('m/sized', entry('in/a.csv', { meta: { content_length: 16 } }))
    manifest('m/other-size', entry('in/a.csv', { meta: { content_length: 17 } }))
    manifest('m/mandatory', entry('in/a.csv'), entry('in/gone.csv', { mandatory: true }))
    manifest('m/none', entry('in/gone.csv'))
    manifest('m/elsewhere', { url: 'https://example.com/a.csv' })
    put('m/broken', '{')
    put('m/marked', `\ufeff${JSON.stringify({ entries: [entry('in/a.csv')] })}`)
    // Beside others it would be left out as one that there is not.
    put('m/latin', Buffer.from(JSON.stringify({ entries: [entry('in/a.csv'), entry('in/\u00fc.csv')] }), 'latin1'))
    connectWith = async (options) => {
      const other =
        name === 'postgres' ? await connect(bench.url ?? '', options) : await connect(await duckdb.connect(), options)
      opened.push(other)
      return other
    }
    duckdb = await DuckDBInstance.create(':memory:')
    if (name === 'postgres') side = (text) => bench.sql(text)
    else {
      const connection = await duckdb.connect()
      side = async (text) =>
        (await connection.runAndReadAll(text))
          .getRows()
          .map((row) => row.map((value) => (value === null ? null : String(value))))
    }
    await side('CREATE TABLE t (id integer, note text)')
    db = await connectWith({
      connections: {
        store: { endpoint: store.url, region: 'us-east-1', accessKeyId, secretAccessKey },
        nobody: { endpoint: store.url, accessKeyId, secretAccessKey: 'not the secret' },
        anonymous: { endpoint: store.url, anonymous: true },
        google: { endpoint: google.url, bearerToken: 'a token' },
      },
    })
  })

  afterEach(() => {
    vi.unstubAllEnvs()
  })

  beforeEach(async () => {
    await side('DELETE FROM t')
    store.requests.length = 0
  })

  afterAll(async () => {
    for (const other of opened) await other.close()
    await bench.close()
    await store.stop()
    await google.stop()
    duckdb.closeSync()
  })

  const rows = () => side('SELECT id, note FROM t ORDER BY id')
  const load = (from: string, options = '', connection = 'store') =>
    db.copy(`COPY t FROM '${from}' WITH (FORMAT csv, HEADER true, AWS CONNECTION = ${connection}${options})`)
  const ids = async () => (await rows()).map(([id]) => id)

  test('one object, without a list', async () => {
    const receipt = await load('s3://bucket/in/a.csv')
    expect(receipt.files).toMatchObject([{ path: 's3://bucket/in/a.csv', rows: 2, bytes: 16 }])
    expect(await ids()).toEqual(['1', '2'])
    expect(store.requests.map(({ of }) => of)).toEqual(['GET'])
  })

  test.each([
    ['FILES', 's3://bucket/in', ", FILES = ['b.csv', 'deep/c.csv.gz']", ['3', '4']],
    ['PATTERN', 's3://bucket/in', ", PATTERN = '**/*.csv*'", ['1', '2', '3', '4']],
    ['PATTERN of a bucket', 's3://bucket', ", PATTERN = 'in/[ab].csv'", ['1', '2', '3']],
    ['a pattern in the address', 's3://bucket/in/*/*.gz', '', ['4']],
    ['an object before what is below its name', 's3://bucket/part', '', ['1']],
    ['what is below a folder', 's3://bucket/part/', '', ['2']],
    ['a prefix on the boundary of a path', 's3://bucket/data', '', ['1']],
    ['what is below a mark of a folder', 's3://bucket/mark', '', ['1']],
    ['an object without a byte', 's3://bucket/empty.csv', '', []],
    ['brotli that a name with a # tells', 's3://bucket/hash/a#1.csv.br', '', ['1']],
    ['a list with names that are not meant', 's3://bucket/oddly', ", PATTERN = '*.csv'", ['1']],
    ['an odd name', 's3://bucket/odd/a b+c%20?d=e.csv', '', ['9']],
    ['an odd name in a list', 's3://bucket/odd', '', ['9']],
  ])('%s', async (_, from, options, expected) => {
    const receipt = await load(from, options)
    expect(await ids()).toEqual(expected)
    expect(receipt.files.reduce((sum, { rows: read }) => sum + read, 0)).toBe(expected.length)
    // Every object was asked for as the version that was found, but for those that were named.
    if (!options.includes('FILES')) {
      const parts = store.requests.filter(({ of }) => of === 'GET')
      for (const { ifMatch } of parts.slice(1)) expect(ifMatch).toBeDefined()
    }
  })

  test.each([
    ['FILES', 'gs://bucket/in', ", FILES = ['b.csv', 'deep/c.csv.gz']", ['3', '4']],
    ['PATTERN', 'gs://bucket/in', ", PATTERN = '**/*.csv*'", ['1', '2', '3', '4']],
    ['PATTERN of a bucket', 'gs://bucket', ", PATTERN = 'in/[ab].csv'", ['1', '2', '3']],
    ['what is below a folder', 'gcs://bucket/part/', '', ['2']],
    ['a prefix on the boundary of a path', 'gs://bucket/data', '', ['1']],
    ['an odd name in a list', 'gs://bucket/odd', '', ['9']],
  ])('of Google Cloud Storage: %s', async (_, from, options, expected) => {
    google.requests.length = 0
    await load(from, options, 'google')
    expect(await ids()).toEqual(expected)
    expect(google.requests.some(({ of }) => of === 'LIST')).toBe(!options.includes('FILES'))
  })

  test('files are read in the order of their names, and marks of folders passed over', async () => {
    store.remove('bucket', 'in/readme.txt')
    try {
      const receipt = await load('s3://bucket/in')
      expect(receipt.files.map(({ path }) => path)).toEqual([
        's3://bucket/in/a.csv',
        's3://bucket/in/b.csv',
        's3://bucket/in/deep/c.csv.gz',
      ])
    } finally {
      store.put('bucket', 'in/readme.txt', 'no rows\n')
    }
  })

  test.each([
    ["s3://bucket/in', PATTERN = '*.json", '58P01', 'no object below "s3://bucket/in" matches "*.json"'],
    ['s3://bucket/nothing', '58P01', 'there is no object "s3://bucket/nothing", and none below it'],
    ['s3://other/x', '58P01', undefined],
    ['s3://bucket/oddly', '0A000', '"s3://bucket/oddly/end.csv/" cannot be asked for: its name ends with a slash'],
    [
      "s3://bucket/oddly', PATTERN = '**/bad.csv",
      '0A000',
      '"s3://bucket/oddly/z//bad.csv" cannot be asked for: its name has two slashes in a row',
    ],
    ['s3://bucket//in/a.csv', '0A000', '"s3://bucket//in/a.csv" cannot be asked for: its name begins with a slash'],
  ])('%s is an error', async (from, sqlState, message) => {
    const [address = '', pattern] = from.split("', PATTERN = '")
    const failing = load(address, pattern === undefined ? '' : `, PATTERN = '${pattern}'`)
    await expect(failing).rejects.toMatchObject({ sqlState, ...(message !== undefined && { message }) })
    expect(await ids()).toEqual([])
  })

  test('errors name the object and its line, rejects as well', async () => {
    await expect(load('s3://bucket/hash/a#2.csv.br')).rejects.toMatchObject({
      sqlState: '22P02',
      position: { file: 's3://bucket/hash/a#2.csv.br', line: 2 },
    })
    await expect(load('s3://bucket/bad')).rejects.toMatchObject({
      sqlState: '22P02',
      position: { file: 's3://bucket/bad/b.csv', line: 3 },
    })
    const rejected: unknown[] = []
    const receipt = await db.copy(
      "COPY t FROM 's3://bucket/bad' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store, ON_ERROR skip_row)",
      { onReject: ({ file, line }) => rejected.push([file, line]), ledger: true },
    )
    expect(rejected).toEqual([['s3://bucket/bad/b.csv', 3]])
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1, ledger: true })
    const recorded = JSON.stringify(await side('SELECT * FROM copyist.loads'), (_, value) => String(value))
    expect(recorded).not.toContain(secretAccessKey)
  })

  describe("Redshift's MANIFEST", () => {
    const redshift = (key: string) =>
      db.copy(`COPY t FROM 's3://bucket/${key}' CREDENTIALS 'store' REGION 'us-east-1' CSV IGNOREHEADER 1 MANIFEST`)

    test('is read in its order, without what is not there', async () => {
      const receipt = await redshift('m/good')
      expect(receipt.files.map(({ path }) => path)).toEqual(['s3://bucket/in/b.csv', 's3://bucket/in/a.csv'])
      expect(await ids()).toEqual(['1', '2', '3'])
      await redshift('m/sized')
      await redshift('m/marked')
    })

    test.each([
      ['m/mandatory', '58P01', '"s3://bucket/in/gone.csv" does not exist'],
      ['m/none', '58P01', 'none of the objects of the manifest "s3://bucket/m/none" exists'],
      ['m/broken', '22023', 'the manifest "s3://bucket/m/broken" cannot be used: it is no JSON'],
      ['m/latin', '22023', 'the manifest "s3://bucket/m/latin" cannot be used: it is not in UTF-8'],
      ['m/elsewhere', '22023', expect.stringContaining('"https://example.com/a.csv" is not where the manifest is')],
      [
        'm/other-size',
        '22023',
        expect.stringContaining('"s3://bucket/in/a.csv" has 16 bytes, and the manifest says 17'),
      ],
      ['in/a.csv', '22023', expect.stringContaining('it is no JSON')],
    ])('%s', async (key, sqlState, message) => {
      await expect(redshift(key)).rejects.toMatchObject({ sqlState, message })
      expect(await ids()).toEqual([])
    })
  })

  test('a manifest takes a part of the memory', async () => {
    const memoryLimit = 8 * 1024 * 1024
    const statement =
      "COPY t FROM 's3://bucket/m/long' CREDENTIALS 'store' REGION 'us-east-1' CSV IGNOREHEADER 1 MANIFEST"
    const text = JSON.stringify({ entries: [{ url: 's3://bucket/in/b.csv' }] })
    store.put('bucket', 'm/long', text.padEnd(256 * 1024))
    await db.copy(statement, { memoryLimit })
    expect(await ids()).toEqual(['3'])
    store.put('bucket', 'm/long', text.padEnd(256 * 1024 + 1))
    await expect(db.copy(statement, { memoryLimit })).rejects.toMatchObject({
      sqlState: '22023',
      message: expect.stringContaining('it has more than 262144 bytes, the most for this memoryLimit'),
    })
  })

  test('so do the names in a list', async () => {
    for (let index = 0; index < 320; index += 1) {
      store.put('many', `in/${'a-long-name-'.repeat(70)}${index}.csv`, `id,note\n${index},x\n`)
    }
    const memoryLimit = 1024 * 1024
    const statement = (pattern: string) =>
      `COPY t FROM 's3://many/in' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store, PATTERN = '${pattern}')`
    await expect(db.copy(statement('*.csv'), { memoryLimit })).rejects.toMatchObject({
      sqlState: '54000',
      message: 'there are too many objects below "s3://many/in"',
      detail: expect.stringContaining('more than 262144 bytes, the most for this memoryLimit'),
      hint: expect.stringContaining('Raise memoryLimit'),
    })
    expect(await ids()).toEqual([])
    await db.copy(statement('*-1?.csv'), { memoryLimit })
    expect((await ids()).length).toBe(10)
    await db.copy(statement('*.csv'), { memoryLimit: 2 * memoryLimit })
    expect((await ids()).length).toBe(330)
  })

  test('whatever a manifest consists of, it is looked at in no time', async () => {
    const statement =
      "COPY t FROM 's3://bucket/m/odd' CREDENTIALS 'store' REGION 'us-east-1' CSV IGNOREHEADER 1 MANIFEST"
    for (const [text, message] of [
      [`{"entries":[${'{},'.repeat(20 << 20)}{}]}`, 'it has more than 8388608 bytes'],
      [`{"entries":[${'{},'.repeat(2.6 * 1024 * 1024)}{}]}`, 'entries[0] has no "url"'],
      ['['.repeat(8 << 20), 'it is no JSON'],
    ] as const) {
      store.put('bucket', 'm/odd', text)
      const started = performance.now()
      await expect(db.copy(statement)).rejects.toMatchObject({
        sqlState: '22023',
        message: expect.stringContaining(message),
      })
      expect(performance.now() - started).toBeLessThan(10_000)
    }
  })

  test('a table is made of objects', async () => {
    const receipt = await load('s3://bucket/in/', ", PATTERN = '{a,b,deep/c}.csv*', CREATE_TABLE true")
    expect(receipt.rowsLoaded).toBe(4)
    const made = await db.copy(
      "COPY made FROM 's3://bucket/in' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store, PATTERN = '{a,b,deep/c}.csv*', CREATE_TABLE true)",
    )
    expect(made.files.map(({ path, rows: read }) => [path, read])).toEqual([
      ['s3://bucket/in/a.csv', 2],
      ['s3://bucket/in/b.csv', 1],
      ['s3://bucket/in/deep/c.csv.gz', 1],
    ])
    expect(await side('SELECT sum(id), max(note) FROM made')).toEqual([['10', 'c']])
    await side('DROP TABLE made')
  })

  test('copies that a table is made from are gone after the load, and after one that fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'copyist-stores-'))
    vi.stubEnv('TMPDIR', folder)
    const make = (from: string) =>
      db.copy(`COPY made FROM '${from}' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store, CREATE_TABLE true)`)
    await make('s3://bucket/in/a.csv')
    await side('DROP TABLE made')
    store.misbehave([{ fault: { kind: 'gone' }, key: 'bad/b.csv' }])
    await expect(make('s3://bucket/bad')).rejects.toMatchObject({
      sqlState: '58P01',
      message: '"s3://bucket/bad/b.csv" does not exist',
    })
    store.misbehave([])
    store.put('bucket', 'bad/b.csv', 'id,note\n2,b\nx,bad\n')
    expect(readdirSync(folder)).toEqual([])
    rmSync(folder, { recursive: true })
  })

  test.each(['named.csv', 'named.csv.gz'])('fields of %s are found by their names', async (key) => {
    await db.copy(
      `COPY t FROM 's3://bucket/${key}' WITH (FORMAT csv, HEADER true, MAP BY NAME true, AWS CONNECTION = store)`,
    )
    expect(await rows()).toEqual([[key === 'named.csv' ? '7' : '8', 'swapped']])
  })

  test('an explanation says what would be read', async () => {
    const { input, failure } = await db.explain(
      "COPY t FROM 's3://bucket/in' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store, PATTERN = '?.csv')",
    )
    expect(failure).toBeUndefined()
    expect(input).toMatchObject({
      kind: 'remote',
      files: ['s3://bucket/in/a.csv', 's3://bucket/in/b.csv'],
      bytes: 28,
    })
    // Several may be compressed in several ways; of one it is known.
    expect(input?.compression).toBeUndefined()
    store.requests.length = 0
    const packed = await db.explain(
      "COPY t FROM 's3://bucket/in/deep/c.csv.gz' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store)",
    )
    expect(packed.input).toMatchObject({ kind: 'remote', compression: 'gzip', read: 'nothing' })
    expect(store.requests.length).toBe(1)
    const validated = await db.explain(
      "EXPLAIN VALIDATE COPY t FROM 's3://bucket/bad' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store)",
    )
    expect(validated.validation).toMatchObject({ rowsRead: 3, rowsRejected: 1 })
  })

  test('secrets that are wrong, or none, are refused without being told', async () => {
    for (const connection of ['nobody', 'anonymous']) {
      const failing = db.copy(`COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv, AWS CONNECTION = ${connection})`)
      const error = await failing.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).toMatchObject({ sqlState: '42501', message: 'permission denied for "s3://bucket/in/a.csv"' })
      expect(JSON.stringify(error)).not.toMatch(/not the secret|AKIACOPYIST/)
    }
    await expect(
      db.copy("COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv, AWS CONNECTION = gone)"),
    ).rejects.toMatchObject({ sqlState: '42704' })
  })

  test('the environment says how, where no connection is named', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey)
    vi.stubEnv('AWS_PROFILE', '')
    vi.stubEnv('AWS_ENDPOINT_URL_S3', store.url)
    await db.copy("COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv, HEADER true)")
    expect(await ids()).toEqual(['1', '2'])
  })

  test('rules of access say which buckets are asked for, and where they may be', async () => {
    const connections = { store: { endpoint: store.url, accessKeyId, secretAccessKey } }
    const statement = "COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv, HEADER true, AWS CONNECTION = store)"
    for (const access of [
      'closed',
      { schemes: ['s3'], hosts: ['s3://other'], addresses: ['127.0.0.1'], connections: ['store'] },
      { schemes: ['s3'], hosts: ['s3://bucket'], connections: ['store'] },
      { schemes: ['s3'], hosts: ['s3://bucket'], addresses: ['127.0.0.1'] },
    ] as const) {
      const other = await connectWith({ connections, access })
      await expect(other.copy(statement)).rejects.toMatchObject({ sqlState: '42501' })
    }
    expect(store.requests).toEqual([])
    const allowed = { schemes: ['s3'], hosts: ['s3://bucket'], addresses: ['127.0.0.1'], connections: ['store'] }
    const other = await connectWith({ connections, access: allowed })
    await other.copy(statement)
    expect(await ids()).toEqual(['1', '2'])
    store.put('bucket', 'm/evil', JSON.stringify({ entries: [{ url: 's3://other/a.csv' }] }))
    await expect(other.copy("COPY t FROM 's3://bucket/m/evil' CREDENTIALS 'store' CSV MANIFEST")).rejects.toMatchObject(
      { sqlState: '42501', message: '"s3://other/a.csv" may not be read' },
    )
  })

  test.each([
    ["COPY t FROM 's3://bucket/in/a.csv' REGION 'x.example.com/' CSV", '22023'],
    ["COPY t FROM 's3://KEY:SECRET@bucket/a' WITH (FORMAT csv, AWS CONNECTION = store)", '22023'],
    ["COPY t FROM '/tmp/a.csv' WITH (FORMAT csv, AWS CONNECTION = store)", '22023'],
  ])('%s is refused', async (statement, sqlState) => {
    const error = await db.copy(statement).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ sqlState })
    expect(String(JSON.stringify(error)) + String(error)).not.toContain('SECRET')
    expect(store.requests).toEqual([])
  })

  test('an endpoint of the environment is a URL', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey)
    vi.stubEnv('AWS_PROFILE', '')
    vi.stubEnv('AWS_ENDPOINT_URL_S3', store.url.replace('http://', ''))
    await expect(db.copy("COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv)")).rejects.toMatchObject({
      sqlState: '22023',
      message: expect.stringMatching(/^the endpoint "127.0.0.1:\d+" is no URL of a server$/),
    })
  })

  test('a load that is aborted while credentials are asked for ends at once', async () => {
    const never = () => new Promise<never>(() => {})
    const other = await connectWith({ connections: { store: { endpoint: store.url, credentials: never } } })
    const failing = other.copy("COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv, AWS CONNECTION = store)", {
      signal: AbortSignal.timeout(200),
    })
    const started = performance.now()
    await expect(failing).rejects.toMatchObject({ sqlState: '57014' })
    expect(performance.now() - started).toBeLessThan(3_000)
  })

  test('a load that is aborted while it lists ends at once', async () => {
    store.misbehave([{ fault: { kind: 'stall', after: 0 }, of: 'GET' }])
    const abort = new AbortController()
    const failing = db.copy("COPY t FROM 's3://bucket/in/a.csv' WITH (FORMAT csv, AWS CONNECTION = store)", {
      signal: abort.signal,
    })
    setTimeout(() => abort.abort(), 200)
    const started = performance.now()
    await expect(failing).rejects.toMatchObject({ sqlState: '57014' })
    expect(performance.now() - started).toBeLessThan(3_000)
    store.misbehave([])
  })
})
