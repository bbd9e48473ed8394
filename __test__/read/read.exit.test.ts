import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const LIBRARY = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-exit-'))
  // More than is read ahead.
  writeFileSync(join(folder, 'long.csv'), 'a line of some length\n'.repeat(4_000_000))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What a program writes that is given `read`, and the path of a long file; an error where it does not end by itself. */
async function run(body: string): Promise<string> {
  const script = join(folder, 'program.mjs')
  writeFileSync(
    script,
    `import { createReadStream } from 'node:fs'
import { read } from ${JSON.stringify(LIBRARY)}
const path = ${JSON.stringify(join(folder, 'long.csv'))}
const statement = "COPY FROM '" + path + "' (FORMAT csv)"
const columns = { a: 'text' }
${body}`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 30_000 })
  return stdout
}

test.each([
  ['a file', 'read(statement, { columns })'],
  ['a stream', "read('COPY FROM STDIN (FORMAT csv)', { columns, stdin: createReadStream(path) })"],
])('a reading of %s that is left alone does not keep the process', async (_, reading) => {
  const written = await run(`const rows = ${reading}.rows()
console.log((await rows.next()).value.a)`)
  expect(written).toBe('a line of some length\n')
})

test('one that is waited for does, however long its source is silent', async () => {
  // The timer of the source does not keep the process either.
  const written = await run(`const { setTimeout: sleep } = await import('node:timers/promises')
async function* slow() {
  for (const line of ['one\\n', 'two\\n']) {
    await sleep(300, undefined, { ref: false })
    yield line
  }
}
for await (const { a } of read('COPY FROM STDIN (FORMAT csv)', { columns, stdin: slow() }).rows()) console.log(a)`)
  expect(written).toBe('one\ntwo\n')
})
