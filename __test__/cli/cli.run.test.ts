import { EventEmitter } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../lib/cli/run.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copyist-cli-'))
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** Runs the command with streams of its own. Only for what ends before a database is connected to. */
async function copyist(
  ...words: string[]
): Promise<{ code: number; stdout: string; stderr: string; listeners: number }> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const process = Object.assign(new EventEmitter(), { argv: ['node', 'copyist', ...words], env: {}, stdout, stderr })
  // Read meanwhile: a stream takes no more than 16 KiB that nobody reads.
  const output = Promise.all([text(stdout), text(stderr)])
  const code = await run(process as unknown as NodeJS.Process)
  stdout.end()
  stderr.end()
  const [out, err] = await output
  return { code, stdout: out, stderr: err, listeners: process.eventNames().length }
}

test('--help', async () => {
  const { code, stdout, stderr } = await copyist('--help')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('Usage:\n  copyist')
})

test('--version', async () => {
  const { code, stdout } = await copyist('-V')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^copyist \d+\.\d+\.\d+\n$/)
})

describe('exit code 2 and nothing on standard output', () => {
  test('for a wrong command line', async () => {
    expect(await copyist('--frobnicate')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'ERROR:  unknown option "--frobnicate"\nTry "copyist --help".\n',
      listeners: 0,
    })
  })

  test('for a wrong statement, with a caret', async () => {
    const { code, stdout, stderr } = await copyist("COPY t FROM 'f' (DELIM ',')")
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe(
      `ERROR:  option "delim" not recognized
LINE 1: COPY t FROM 'f' (DELIM ',')
                         ^
HINT:  Did you mean "DELIMITER"?
`,
    )
  })

  test('as JSON when asked', async () => {
    const statement = await copyist('--json', 'COPY t TO STDOUT')
    expect([statement.code, statement.stdout]).toEqual([2, ''])
    expect(JSON.parse(statement.stderr)).toMatchObject({
      error: { code: 'feature_not_supported', sqlState: '0A000', offset: 7 },
    })
    const usage = await copyist('--json', '--thread', '1')
    expect(JSON.parse(usage.stderr)).toEqual({
      error: { code: 'usage', message: 'unknown option "--thread"', hint: 'Did you mean "--threads"?' },
    })
  })

  test('for a statement in a file', async () => {
    const path = join(folder, 'statement.sql')
    await writeFile(path, '\ufeff-- weekly\nCOPY t FROM;\n')
    const { code, stderr } = await copyist('--file', path)
    expect(code).toBe(2)
    expect(stderr).toContain('LINE 2: COPY t FROM;\n                   ^\n')
  })

  test('for a file that cannot be read, or is not text', async () => {
    const missing = join(folder, 'missing.sql')
    expect(await copyist('-f', missing)).toMatchObject({
      code: 2,
      stderr: `ERROR:  cannot read the statement from "${missing}": no such file or directory\nTry "copyist --help".\n`,
    })
    expect((await copyist('-f', folder)).stderr).toContain(
      `cannot read the statement from "${folder}": illegal operation on a directory\n`,
    )
    const binary = join(folder, 'binary.sql')
    await writeFile(binary, Buffer.of(0xff, 0xfe))
    expect(await copyist('-f', binary)).toMatchObject({ code: 2, stderr: expect.stringContaining('it is not UTF-8') })
  })
})
