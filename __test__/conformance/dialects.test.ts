import { existsSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { useFolder } from '../copy/inputs.ts'
import { benches } from '../copy/targets.ts'
import { Store } from '../servers/store.ts'
import { assumed, type CredentialServer, serveCredentials } from '../servers/sts.ts'
import { type Outcome, outcomeOf, type Place } from './dialects/outcome.ts'
import type { Run } from './dialects/run.ts'
import { type Entry, renderTable, sections } from './dialects/table.ts'
import { withoutEach } from './dialects/without.ts'

const folder = useFolder('copyist-dialects-')
const documents = new URL('../../../shared/', import.meta.url)

/** The options of a run that make no difference. */
function idleOf({ idle = {} }: Run, target: 'postgres' | 'duckdb'): readonly string[] {
  const isOf = (reason: (typeof idle)[string]) => typeof reason === 'string' || reason[target] !== undefined
  return Object.entries(idle).flatMap(([option, reason]) => (isOf(reason) ? [option] : []))
}

/** What the run says that it comes to. */
function expectedOf({ rows = [], leaves, error }: Run, target: 'postgres' | 'duckdb'): Outcome {
  if (error) return { error: 'postgres' in error ? error[target] : error }
  return { rows: 'postgres' in rows ? rows[target] : rows, ...(leaves && { leaves }) }
}

describe.each(benches)('$name', ({ name, open }) => {
  let place: Place
  let tokens: CredentialServer
  beforeAll(async () => {
    const keys = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'secret' }
    const region = 'eu-central-1'
    const store = await Store.start()
    const regional = await Store.start({ accounts: [keys], region })
    const connection = { endpoint: regional.url, region, ...keys }
    const bench = await open({ connections: { example_aws_conn: connection, my_connection: connection } })
    vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey)
    for (const name of ['AWS_PROFILE', 'AWS_REGION', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, '')
    tokens = await serveCredentials(() => assumed('AssumeRole', 'AKIAROLE'))
    vi.stubEnv('AWS_ENDPOINT_URL_STS', tokens.url)
    const use = ({ url }: Store) => void vi.stubEnv('AWS_ENDPOINT_URL_S3', url)
    place = { bench, folder: folder.path, store, regional, use }
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await place?.bench.close()
    await place?.store.stop()
    tokens?.stop()
    await place?.regional.stop()
  })
  for (const { title, entries } of sections) {
    const numbered = entries.map((entry, index) => ({ ...entry, index }))
    describe(title, () => {
      test.each(numbered)('$index: $statement', async ({ statement, run, refusal }: Entry) => {
        if (refusal) {
          const call = /\bSTDIN\b/i.test(statement) ? { stdin: '' } : {}
          const error = await place.bench.db.copy(statement, call).catch((reason: unknown) => reason)
          expect(error).toBeInstanceOf(CopyError)
          expect([(error as CopyError).sqlState, (error as CopyError).message]).toEqual(refusal)
          return
        }
        if (run?.only !== undefined && run.only !== name) return
        if (run === undefined) throw new Error('the case needs a run: an input, and the rows that it comes to')
        const outcome = await outcomeOf(place, statement, statement, run)
        expect(outcome).toEqual(expectedOf(run, name))
      })

      const running = numbered.filter(({ run }) => run && (run.only ?? name) === name)
      test.each(running)('$index: $statement is another one without each of its options', async (entry) => {
        const { statement, run } = entry
        if (run === undefined) return
        const expected = expectedOf(run, name)
        const same: string[] = []
        for (const shorter of withoutEach(statement)) {
          const outcome = await outcomeOf(place, shorter.statement, statement, run)
          if (isDeepStrictEqual(outcome, expected)) same.push(shorter.option)
        }
        expect({ statement, same }).toEqual({ statement, same: idleOf(run, name) })
      })
    })
  }
})

test.each(sections)('the sentences of $title are those of its document', ({ document, entries }) => {
  const path = new URL(document, documents)
  if (!existsSync(path)) return
  const squeeze = (text: string) => text.replace(/\s+/g, ' ')
  const text = squeeze(readFileSync(path, 'utf8'))
  expect(entries.map(({ sentence }) => sentence).filter((sentence) => !text.includes(squeeze(sentence)))).toEqual([])
})

test('the table in the documentation is this one', async () => {
  await expect(renderTable()).toMatchFileSnapshot('../../docs/conformance.md')
})
