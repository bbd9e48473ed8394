import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

/** Files of other projects, which are not part of this one; among them those that fuzzers have found, and others that mean harm. */
const CORPORA = fileURLToPath(new URL('../../../shared/corpora', import.meta.url))
const CHILD = fileURLToPath(new URL('./corpora.child.mjs', import.meta.url))
const MOST_BYTES = 512 << 20
const MOST_MS = 10_000

const isThere = existsSync(CORPORA)
if (!isThere) console.warn(`SKIPPED: there is no ${CORPORA}`)

/** What the child says of a file, of which the last line is missing if the process has ended within it. */
interface Told {
  readonly file: string
  readonly rows?: number
  readonly error?: { readonly name: string; readonly sqlState?: string; readonly message: string }
  readonly ms: number
  readonly bytes: number
}

async function tell(how: string, format: string): Promise<Told[]> {
  const options = { encoding: 'utf8', maxBuffer: 1 << 26 } as const
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, how, format, CORPORA], options).catch(
    (error) => {
      const last = String(error.stdout).trimEnd().split('\n').at(-1)
      throw new Error(`the process has ended by ${error.signal ?? error.code} after ${last}\n${error.stderr}`)
    },
  )
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Told | { begun: string })
    .filter((line) => 'file' in line)
}

describe.skipIf(!isThere)('every file of the corpora', () => {
  test.each(['read', 'copy'].flatMap((how) => ['parquet', 'arrow'].map((format) => [how, format] as const)))(
    'by %s as %s gives rows or an error of its own within 10 s and 512 MB',
    async (how, format) => {
      const all = await tell(how, format)
      expect(all.length).toBeGreaterThan(200)
      const wrong = all.filter(({ error, ms, bytes }) => {
        const isOfOurs = error === undefined || (error.name === 'CopyError' && error.sqlState !== 'XX000')
        return !isOfOurs || ms > MOST_MS || bytes > MOST_BYTES
      })
      expect(wrong).toEqual([])
      // So that it is not all refused for a reason that has nothing to do with the files, of which none is of Arrow.
      expect(all.filter(({ rows = 0 }) => rows > 0).length).toBeGreaterThanOrEqual(format === 'parquet' ? 60 : 0)
    },
    600_000,
  )
})
