import { EventEmitter } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../../lib/cli/run.ts'
import type { Receipt } from '../../lib/receipt.ts'
import { listening } from '../listening.ts'
import { copyist, start } from './command.ts'

let folder: string
let file: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'copyist-cli-'))
  file = join(folder, 'rows.csv')
  await writeFile(file, 'id,name\n1,one\n2,"two, too"\n3,\n')
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('a load', () => {
  test('says what it did', async () => {
    const to = join(folder, 'said.duckdb')
    const { code, stdout, stderr } = await copyist({
      words: ['--to', to, '--create', `COPY t FROM '${file}' CSV HEADER`],
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^COPY 3 rows into \S*t\S* \(30 B, \d+ ms, [\d,.]+ rows\/s\)\n\nCREATE TABLE .*;\n$/s)
  })

  test('goes where the environment says, and answers in JSON', async () => {
    const env = { COPYIST_TO: join(folder, 'json.duckdb') }
    const words = ['--json', `COPY t FROM '${file}' (FORMAT csv, HEADER, CREATE_TABLE) WHERE id > 1`]
    const { code, stdout, stderr } = await copyist({ words, env })
    expect([code, stderr]).toEqual([0, ''])
    const receipt = JSON.parse(stdout) as Receipt
    expect(receipt).toMatchObject({
      target: 'duckdb',
      columns: ['id', 'name'],
      rowsRead: 3,
      rowsLoaded: 2,
      rowsFiltered: 1,
    })
  })

  test('tells which columns of the table are not in the file', async () => {
    const to = join(folder, 'missing.duckdb')
    const load = (list: string, input: string) => {
      const stdin = new PassThrough()
      stdin.end(input)
      return copyist({ words: ['--to', to, '--create', `COPY t ${list} FROM STDIN (FORMAT csv, MAP BY NAME)`], stdin })
    }
    expect((await load('', 'id,name\n1,one\n')).stderr).toBe('')
    const { code, stderr } = await load('', 'id,nam\n2,two\n')
    expect([code, stderr]).toEqual([0, 'NOTICE:  MAP BY NAME: column "name" is not in the input, and is NULL\n'])
    expect((await load('(id)', 'id,nam\n2,two\n')).stderr).toBe('')
  })

  test('of a URL asks for what the statement says, and shows no signature', async () => {
    const asked: (string | undefined)[] = []
    const server = createServer(({ url, headers }, answer) => {
      asked.push(url, headers.authorization)
      answer.end('id,name\n1,one\n')
    })
    const { host } = new URL(await listening(server))
    const load = `COPY t FROM 'http://me:pw@${host}/' (FORMAT csv, HEADER, CREATE_TABLE, FILES ['f.csv?sig=hush'])`
    try {
      for (const [said, words] of [
        ['load', [load]],
        ['receipt', ['--json', load]],
        ['explanation', ['--json', `EXPLAIN VALIDATE ${load}`]],
      ] as const) {
        const to = join(folder, `url-${said}.duckdb`)
        const { code, stdout, stderr } = await copyist({ words: ['--to', to, '--create', ...words] })
        expect([code, stderr]).toEqual([0, ''])
        expect(stdout).not.toMatch(/hush|pw@/)
      }
    } finally {
      server.close()
    }
    const basic = `Basic ${Buffer.from('me:pw').toString('base64')}`
    expect(new Set(asked)).toEqual(new Set(['/f.csv?sig=hush', basic]))
  })

  test('from standard input, quietly', async () => {
    const stdin = new PassThrough()
    stdin.end('7\tseven\n')
    const words = ['--to', join(folder, 'stdin.duckdb'), '--create', '-q', 'COPY t (id, name) FROM STDIN']
    expect(await copyist({ words, stdin })).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('that fails has exit code 1 and says nothing on standard output', async () => {
    const words = ['--to', join(folder, 'failed.duckdb'), `COPY t FROM '${file}' CSV HEADER`]
    const missing = await copyist({ words })
    expect([missing.code, missing.stdout]).toEqual([1, ''])
    expect(missing.stderr).toContain('ERROR:  relation "t" does not exist\nLINE 1: COPY t FROM')
    const nowhere = await copyist({
      words: ['--json', '--create', '--to', join(folder, 'failed.duckdb'), "COPY t FROM '/no/file'"],
    })
    expect(nowhere.code).toBe(1)
    expect(JSON.parse(nowhere.stderr)).toMatchObject({ error: { sqlState: '58P01' } })
  })

  test('with a config file that makes no sense has exit code 2', async () => {
    const config = join(folder, 'config.json')
    for (const text of ['{', '{ "connections": { "a": { "Region": "x" } } }', undefined]) {
      if (text === undefined) await rm(config)
      else await writeFile(config, text)
      const to = join(folder, 'config.duckdb')
      const { code, stderr } = await copyist({ words: ['--config', config, '--to', to, `COPY t FROM '${file}'`] })
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining(`ERROR:  could not use the config file "${config}": `),
      ])
    }
  })

  test('to a server that is not there does not show the password', async () => {
    const { code, stderr } = await copyist({
      words: ['--to', 'postgres://u:s3cret@127.0.0.1:1/d', `COPY t FROM '${file}'`],
    })
    expect(code).toBe(1)
    expect(stderr).toContain('ECONNREFUSED')
    expect(stderr).not.toContain('s3cret')
  })
})

describe('signals', () => {
  const words = () => ['--to', join(folder, 'signals.duckdb'), '--create', 'COPY t FROM STDIN']

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s rolls back', async (signal, exitCode) => {
    const { process, stdin, exits, result } = start({ words: words() })
    stdin.write('1\tone\n')
    // It is being loaded once it has been read.
    while (stdin.readableLength > 0) await sleep(20)
    process.emit(signal)
    expect(await result).toEqual({ code: exitCode, stdout: '', stderr: 'interrupted; nothing was loaded\n' })
    expect(exits).toEqual([])
    expect(stdin.destroyed).toBe(true)
    expect(process.eventNames()).toEqual([])
    const after = await copyist({ words: [...words().slice(0, 2), `COPY t FROM '${file}'`] })
    expect(after.stderr).toContain('relation "t" does not exist')
  })

  test('a second one does not wait', async () => {
    const { process, exits, result } = start({ words: words() })
    await sleep(100)
    process.emit('SIGINT')
    process.emit('SIGINT')
    expect(exits).toEqual([130])
    await result
  })
})

test('a closed standard output does not undo the load', async () => {
  const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  const stdout = new Writable({ write: (_chunk, _encoding, done) => done(closed) })
  const words = ['--to', join(folder, 'pipe.duckdb'), '--create', `COPY t FROM '${file}' CSV`]
  const process = Object.assign(new EventEmitter(), {
    argv: ['', '', ...words],
    env: {},
    stdout,
    stderr: new PassThrough(),
  })
  expect(await run(process as unknown as NodeJS.Process)).toBe(0)
  expect(stdout.destroyed).toBe(true)
})

test('a terminal sees progress of a load that takes a while, and nothing of it afterwards', async () => {
  const words = ['--to', join(folder, 'bar.duckdb'), '--create', 'COPY t FROM STDIN']
  const { stdin, result } = start({ words, terminal: true, env: { NO_COLOR: '1' } })
  for (let i = 0; i < 20; i++) {
    stdin.write(`${i}\tname\n`.repeat(50_000))
    await sleep(20)
  }
  stdin.end()
  const { code, stdout, stderr } = await result
  expect(code).toBe(0)
  expect(stdout).toMatch(/^COPY 1,000,000 rows /)
  expect(stderr === '' || stderr.endsWith('\r\u001b[2K')).toBe(true)
})

test('a receipt that cannot be written is a warning: the rows are loaded', async () => {
  const full = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
    },
  })
  const stderr = new PassThrough()
  const words = ['--to', join(folder, 'full.duckdb'), '--create', `COPY t FROM '${file}' (FORMAT csv, HEADER)`]
  const argv = ['node', 'copyist', ...words]
  const process = Object.assign(new EventEmitter(), { argv, env: {}, stdin: new PassThrough(), stdout: full, stderr })
  const code = await run(process as unknown as NodeJS.Process)
  stderr.end()
  expect(code).toBe(0)
  expect(await text(stderr)).toBe(
    'WARNING:  the rows are loaded, but the receipt could not be written: ENOSPC: no space left on device, write\n',
  )
})
