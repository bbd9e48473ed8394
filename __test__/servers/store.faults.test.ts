import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConnectOptions, CopyError } from '../../lib/index.ts'
import { benches } from '../copy/targets.ts'
import { Random } from '../types/random.ts'
import { FAULT_CASES, type Fault, type FaultRule } from './faults.ts'
import type { Account } from './sigv4.ts'
import { Store, type StoreOptions } from './store.ts'

const account: Account = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'a/secret+of+the+tests' }
const ROWS = 30_000
const STATEMENT =
  "COPY t (id, name, note) FROM 's3://bucket/in/' WITH (FORMAT csv, AWS CONNECTION = store, PATTERN = '**/*.csv', LINEAGE (f file))"

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
  readonly found: readonly number[]
  /** The same of each object. */
  readonly byFile: readonly unknown[][]
}

const duckdb = benches.find(({ name }) => name === 'duckdb') as (typeof benches)[number]

async function load(store: Store, options: ConnectOptions = {}, bench = duckdb): Promise<Ended> {
  const { accessKeyId, secretAccessKey } = account
  const { db, sql, close } = await bench.open({
    connections: { store: { endpoint: store.url, region: 'us-east-1', accessKeyId, secretAccessKey } },
    access: ACCESS,
    ...options,
  })
  await sql('CREATE TABLE t (id integer, name text, note text, f text)')
  const error = await db.copy(STATEMENT, { memoryLimit: MEMORY }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error !== undefined && !(error instanceof CopyError)) throw error
  const sums = 'count(*)::int, coalesce(sum(id), 0)::int'
  const [found = []] = await sql(`SELECT ${sums} FROM t`)
  const byFile = await sql(`SELECT f, ${sums} FROM t GROUP BY f ORDER BY f`)
  await close()
  return {
    error,
    found: found.map(Number),
    byFile: byFile.map(([file, ...counts]) => [file, ...counts.map(Number)]),
  }
}

const ALL = [ROWS, (ROWS * (ROWS - 1)) / 2]

// Most of their time is spent waiting: those that wait longest begin first, and the others run meanwhile.
describe.concurrent('a load from a store with', () => {
  const ordered = [...FAULT_CASES.filter(({ waits }) => waits), ...FAULT_CASES.filter(({ waits }) => !waits)]
  const cases = ordered.flatMap((each) =>
    benches.filter(({ name }) => name === 'duckdb' || each.everywhere).map((bench) => ({ ...each, bench })),
  )
  test.each(cases)('$name, in $bench.name', { timeout: 120_000 }, async ({ bench, rules, outcome, tags, age }) => {
    const store = await filled([account], { tags, ...(age && { since: Date.now() - 10_000 }) })
    try {
      store.misbehave(rules)
      const { error, found } = await load(store, {}, bench)
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

/** What may happen to any request, and is over some time. Of stalls each takes 20 seconds. */
const ANY: readonly ((random: Random) => Fault)[] = [
  (random) => ({ kind: 'status', status: random.pick([500, 502, 503, 504]), code: 'SlowDown' }),
  () => ({ kind: 'status', status: 429, code: 'TooManyRequests', retryAfter: 1 }),
  () => ({ kind: 'error as 200', code: 'InternalError' }),
  (random) => ({ kind: 'reset', after: random.pick(['nothing', 0, 1, random.below(500_000)]) }),
  (random) => ({ kind: 'short', after: random.below(500_000) }),
  (random) => ({ kind: 'long', by: 1 + random.below(100) }),
  () => ({ kind: 'range ignored' }),
  () => ({ kind: 'wrong content range' }),
  () => ({ kind: 'changed' }),
  () => ({ kind: 'gone' }),
  () => ({ kind: 'page repeated' }),
  () => ({ kind: 'page empty' }),
]

function rulesOf(random: Random): readonly FaultRule[] {
  return Array.from({ length: 1 + random.below(4) }, (): FaultRule => {
    const fault = random.pick(ANY)(random)
    const of = fault.kind.startsWith('page') || (!['changed', 'gone'].includes(fault.kind) && random.once(4))
    return {
      fault,
      ...(of ? { of: 'LIST' } : random.once(2) && { key: `in/${random.below(3)}/rows.csv` }),
      times: 1 + random.below(3),
      after: random.below(4),
    }
  })
}

describe('whatever goes wrong together, all rows of one version of each object are loaded, or none', () => {
  const cases = Number(process.env.COPYIST_TEST_FAULTS ?? 16)
  const seed = process.env.COPYIST_TEST_SEED ?? '5'
  const ended = { loaded: 0, failed: 0 }
  test.each(Array.from({ length: cases }, (_, number) => number))('%i', { timeout: 180_000 }, async (number) => {
    const rules = rulesOf(new Random(`faults ${seed} ${number}`))
    const store = await filled()
    try {
      store.misbehave(rules)
      const { error, found, byFile } = await load(store)
      const told = JSON.stringify({ rules, error, byFile })
      if (error !== undefined) {
        expect(found, told).toEqual([0, 0])
        expect(error.sqlState, told).toMatch(/^(?:58030|58P01|08\w{3})$/)
        ended.failed += 1
        return
      }
      ended.loaded += 1
      expect(byFile.length, told).toBe(3)
      for (const [part, [file, count, sum]] of byFile.entries()) {
        const ids = Array.from({ length: ROWS / 3 }, (_, index) => part * (ROWS / 3) + index)
        const sumOf = (of: (id: number) => number) => ids.reduce((all, id) => all + of(id), 0)
        const versions = [sumOf((id) => id), sumOf((id) => Number(String(id).replaceAll('1', '9')))]
        expect([file, count], told).toEqual([`s3://bucket/in/${part}/rows.csv`, ids.length])
        expect(versions, told).toContain(sum)
      }
    } finally {
      await store.stop()
    }
  })

  // Were it all one or the other, half of what is expected above would never be looked at.
  test.runIf(cases >= 16)('some of the loads come to their end, and some fail', () => {
    expect(ended.loaded).toBeGreaterThan(cases / 8)
    expect(ended.failed).toBeGreaterThan(cases / 8)
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
