import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConnectOptions, CopyError, connect } from '../../lib/index.ts'
import { FAULT_CASES } from './faults.ts'
import type { Account } from './sigv4.ts'
import { Store, type StoreOptions } from './store.ts'

const account: Account = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'a/secret+of+the+tests' }
const ROWS = 30_000
const STATEMENT = "COPY t FROM 's3://bucket/in/' WITH (FORMAT csv, AWS CONNECTION = store, PATTERN = '**/*.csv')"

/** Little enough that parts of objects are asked for. */
const MEMORY = 8 * 1024 * 1024

const ACCESS = { schemes: ['s3'], hosts: ['s3://bucket'], addresses: ['127.0.0.1'], connections: ['store'] }

/** Three objects of half a megabyte each, on two pages of a list. */
async function filled(accounts: readonly Account[] = [account], options: StoreOptions = {}): Promise<Store> {
  const store = await Store.start({ accounts, pageSize: 2, ...options })
  for (let part = 0; part < 3; part += 1) {
    const lines = Array.from(
      { length: ROWS / 3 },
      (_, index) => `${part * (ROWS / 3) + index},a name of 40 characters to make it large,\n`,
    )
    store.put('bucket', `in/${part}/rows.csv`, lines.join(''))
  }
  store.put('bucket', 'in/readme.txt', 'no rows\n')
  return store
}

interface Ended {
  readonly error: CopyError | undefined
  /** How many rows are there, and the sum of their numbers. */
  readonly found: unknown
}

async function load(store: Store, options: ConnectOptions = {}): Promise<Ended> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run('CREATE TABLE t (id integer, name text, note text)')
  const { accessKeyId, secretAccessKey } = account
  const db = await connect(connection, {
    connections: { store: { endpoint: store.url, region: 'us-east-1', accessKeyId, secretAccessKey } },
    access: ACCESS,
    ...options,
  })
  const error = await db.copy(STATEMENT, { memoryLimit: MEMORY }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !(error instanceof CopyError)) throw error
  const reader = await connection.runAndReadAll('SELECT count(*)::int, coalesce(sum(id), 0)::int FROM t')
  const [found] = reader.getRows()
  await db.close()
  connection.closeSync()
  instance.closeSync()
  return { error, found }
}

const ALL = [ROWS, (ROWS * (ROWS - 1)) / 2]

describe('a load from a store with', () => {
  test.each(FAULT_CASES)('$name', { timeout: 120_000 }, async ({ rules, outcome, tags, age }) => {
    const store = await filled([account], { tags, ...(age && { since: Date.now() - 10_000 }) })
    try {
      store.misbehave(rules)
      const { error, found } = await load(store)
      if (outcome === 'rows') {
        expect(error).toBeUndefined()
        expect(found).toEqual(ALL)
      } else {
        expect(error?.sqlState).toMatch(outcome.sqlState)
        if (outcome.message) expect(error?.message).toMatch(outcome.message)
        expect(found).toEqual([0, 0])
      }
      expect(JSON.stringify(error ?? '')).not.toContain(account.secretAccessKey)
      // One version of each object, and no other, was asked for.
      const parts = store.requests.filter(({ of, fault }) => of === 'GET' && fault === undefined)
      const later = tags ? parts.filter(({ range }) => range !== undefined) : parts.slice(1)
      for (const { ifMatch, version, unmodifiedSince } of later)
        expect(ifMatch ?? version ?? unmodifiedSince).toBeDefined()
    } finally {
      await store.stop()
    }
  })

  test('a token that expires meanwhile', async () => {
    const first = { ...account, sessionToken: 'first', expiration: new Date(Date.now() + 1_000) }
    const second = { ...account, accessKeyId: 'AKIASECOND', sessionToken: 'second' }
    const store = await filled([first, second])
    try {
      // Long enough for the first token to have expired.
      store.misbehave([{ fault: { kind: 'status', status: 429, code: 'SlowDown', retryAfter: 2 }, times: 1 }])
      const given: Account[] = [first, second]
      const credentials = async () => given.shift() ?? second
      const { error, found } = await load(store, { connections: { store: { endpoint: store.url, credentials } } })
      expect(error).toBeUndefined()
      expect(found).toEqual(ALL)
    } finally {
      await store.stop()
    }
  })

  test('an address that is not listed', async () => {
    const store = await filled()
    try {
      const { error } = await load(store, { access: { ...ACCESS, addresses: [] } })
      expect(error?.sqlState).toBe('42501')
      expect(store.requests).toEqual([])
    } finally {
      await store.stop()
    }
  })
})

describe('without any fault', () => {
  let store: Store
  beforeAll(async () => {
    store = await filled()
  })
  afterAll(() => store.stop())

  test('a bucket that is not listed is not asked for', async () => {
    const { error, found } = await load(store, {
      access: { ...ACCESS, hosts: ['s3://other'] },
    })
    expect(error?.sqlState).toBe('42501')
    expect(found).toEqual([0, 0])
    expect(store.requests).toEqual([])
  })
})
