import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './server.mjs'

const run = promisify(execFile)
const keys = { accessKeyId: 'copyist', secretAccessKey: 'copyist-secret' }
const region = 'us-east-1'
const bucket = 'bench'

/**
 * Starts versitygw, which scripts/test-servers.mjs gets, on a free loopback port, with its objects in `folder`. Returns `{ access, put, stop }`, of
 * which `access` is what engines are told; undefined where it is not there.
 */
export async function startStore(folder) {
  const { versitygw } = JSON.parse(readFileSync(new URL('../__test__/servers/real.json', import.meta.url), 'utf8'))
  const { COPYIST_TEST_SERVERS, XDG_CACHE_HOME } = process.env
  const cache = COPYIST_TEST_SERVERS ?? join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'copyist', 'servers')
  const program = join(cache, `versitygw-${versitygw.version}`, versitygw.binary)
  if (!existsSync(program)) return undefined
  const data = join(folder, 'objects')
  for (const part of ['', 'iam', 'data', `data/${bucket}`]) mkdirSync(join(data, part))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { accessKeyId, secretAccessKey } = keys
  const options = [
    '--access',
    accessKeyId,
    '--secret',
    secretAccessKey,
    '--port',
    `127.0.0.1:${port}`,
    '-q',
    '--keep-alive',
  ]
  const server = spawn(program, [...options, '--iam-dir', join(data, 'iam'), 'posix', join(data, 'data')], {
    stdio: 'ignore',
  })
  for (const until = Date.now() + 30_000; Date.now() < until; await sleep(50)) {
    const answers = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answers) break
    if (server.exitCode !== null) throw new Error(`versitygw ended with ${server.exitCode}`)
  }
  const curl = async (...args) => {
    const signing = ['--aws-sigv4', `aws:amz:${region}:s3`, '--user', `${accessKeyId}:${secretAccessKey}`]
    // Not every release of curl sends it by itself.
    const unsigned = ['--header', 'x-amz-content-sha256: UNSIGNED-PAYLOAD']
    await run('curl', ['--fail', '--silent', '--show-error', ...signing, ...unsigned, ...args])
  }
  return {
    access: { url, region, keys, bucket },
    /** Puts a file into the bucket, by its name. */
    put: (path) => curl('--upload-file', path, `${url}/${bucket}/${basename(path)}`),
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill()
      if (server.exitCode === null) await ended
    },
  }
}
