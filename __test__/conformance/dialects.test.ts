import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { useFolder } from '../copy/inputs.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { Store } from '../servers/store.ts'
import { printRow, type Run } from './dialects/run.ts'
import { renderTable, sections } from './dialects/table.ts'

const folder = useFolder('copyist-dialects-')
const usual = 'a int, b text, c text'
const documents = new URL('../../../shared/', import.meta.url)

/** The columns of a CREATE TABLE. */
function columnsOf(table: string): string[] {
  // Commas in parentheses are those of types.
  return table.split(/,(?![^()]*\))/).map((column) => column.trim().split(/\s/)[0] ?? '')
}

/** A folder in which each of the files has these bytes. */
function inFolder(files: readonly string[], bytes: Uint8Array): string {
  const path = mkdtempSync(join(folder.path, 'files-'))
  for (const file of files) {
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), bytes)
  }
  return path
}

async function outcomeOf(
  bench: Bench,
  store: Store,
  statement: string,
  { table = usual, creates, input, files, objects }: Run,
) {
  const { table: name, source } = parseCopy(statement)
  const qualified = [name.schema, name.name].flatMap((part) => part?.value ?? []).join('.')
  if (name.schema) await bench.sql(`CREATE SCHEMA IF NOT EXISTS ${name.schema.value}`)
  if (!creates) await bench.sql(`CREATE TABLE ${qualified} (${table})`)
  const bytes = typeof input === 'string' ? Buffer.from(input) : input
  try {
    if (source.kind === 'stdin') await bench.db.copy(statement, { stdin: bytes, ledger: false })
    else if (objects) {
      const bucket = /^s3:\/\/([^/]*)/.exec(source.path)?.[1] ?? ''
      for (const key of objects) store.put(bucket, key, Buffer.from(bytes))
      try {
        await bench.db.copy(statement, { ledger: false })
      } finally {
        for (const key of objects) store.remove(bucket, key)
      }
    } else {
      const path = files ? inFolder(files, bytes) : folder.file('input', bytes)
      await bench.db.copy(statement.replace(/FROM '[^']*'/i, `FROM '${path}'`), { ledger: false })
    }
    const columns = creates ? ['ts', 'temp'] : columnsOf(table)
    const rows = await bench.sql(
      `SELECT ${columns.map((column) => `CAST(${column} AS text)`).join(', ')} FROM ${qualified}`,
    )
    return { rows: rows.map(printRow) }
  } catch (error) {
    if (error instanceof CopyError) return { error: [error.sqlState, error.message] }
    throw error
  } finally {
    await bench.sql(`DROP TABLE IF EXISTS ${qualified}`)
  }
}

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  let store: Store
  beforeAll(async () => {
    store = await Store.start()
    const keys = { accessKeyId: 'AKIACOPYIST', secretAccessKey: 'secret' }
    bench = await open({ connections: { example_aws_conn: { endpoint: store.url, ...keys } } })
    vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey)
    vi.stubEnv('AWS_PROFILE', '')
    vi.stubEnv('AWS_ENDPOINT_URL_S3', store.url)
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await bench?.close()
    await store?.stop()
  })
  for (const { title, entries } of sections) {
    describe(title, () => {
      test.each(entries.map((entry, index) => ({ ...entry, index })))('$index: $statement', async (entry) => {
        const { statement, run, refusal } = entry
        if (refusal) {
          const call = /\bSTDIN\b/i.test(statement) ? { stdin: '' } : {}
          const error = await bench.db.copy(statement, call).catch((reason: unknown) => reason)
          expect(error).toBeInstanceOf(CopyError)
          expect([(error as CopyError).sqlState, (error as CopyError).message]).toEqual(refusal)
          return
        }
        if (run === undefined) throw new Error('the case needs a run: an input, and the rows that it comes to')
        const { rows, error } = run
        const expected = rows && 'postgres' in rows ? rows[name] : rows
        expect(await outcomeOf(bench, store, statement, run)).toEqual(
          error ? { error: 'postgres' in error ? error[name] : error } : { rows: expected },
        )
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
