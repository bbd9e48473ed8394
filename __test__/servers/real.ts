import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, createHmac } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { arch } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../free-port.ts'

/** Servers that scripts/test-servers.mjs gets. */
type Name = 'versitygw' | 'fake-gcs-server' | 'seaweedfs' | 'azurite'

const servers = JSON.parse(readFileSync(new URL('real.json', import.meta.url), 'utf8')) as Readonly<
  Record<Name, { readonly version: string; readonly binary: string }>
>

/** Where the server's program is. Undefined, with a word about it, where it is not; in .ci/run that is an error. */
export function binaryOf(name: Name): string | undefined {
  const { version, binary } = servers[name]
  const { COPYIST_TEST_SERVERS, COPYIST_REQUIRE_SERVERS, XDG_CACHE_HOME } = process.env
  const cache = COPYIST_TEST_SERVERS ?? join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'copyist', 'servers')
  const path = join(cache, `${name}-${version}`, binary.replace('{arch}', arch === 'x64' ? 'amd64' : arch))
  if (existsSync(path)) return path
  const message = `${name} ${version} is not there: node scripts/test-servers.mjs ${name}`
  if (COPYIST_REQUIRE_SERVERS) throw new Error(message)
  process.stderr.write(`\nSKIPPED, since ${message}\n\n`)
  return undefined
}

/** A server that runs. */
export interface RealServer {
  readonly url: string
  stop(): Promise<void>
}

/** Keys of the servers that want some. */
export const KEYS = { accessKeyId: 'copyist', secretAccessKey: 'copyist-secret' } as const

const commands: Readonly<
  Record<Name, (binary: string, ports: readonly number[], folder: string) => readonly string[]>
> = {
  versitygw: (binary, [port], folder) => {
    for (const part of ['iam', 'ver', 'data']) mkdirSync(join(folder, part))
    const keys = ['--access', KEYS.accessKeyId, '--secret', KEYS.secretAccessKey]
    const own = ['--port', `127.0.0.1:${port}`, '-q', '--keep-alive', '--iam-dir', join(folder, 'iam')]
    return [binary, ...keys, ...own, 'posix', '--versioning-dir', join(folder, 'ver'), join(folder, 'data')]
  },
  'fake-gcs-server': (binary, [port]) => [
    binary,
    '-scheme',
    'http',
    '-host',
    '127.0.0.1',
    '-port',
    String(port),
    // Without it, it knows Google's JSON interface only.
    '-public-host',
    `127.0.0.1:${port}`,
    '-backend',
    'memory',
  ],
  seaweedfs: (binary, [s3, master, volume, filer, iam, ...grpc], folder) => [
    binary,
    'server',
    `-dir=${folder}`,
    '-ip=127.0.0.1',
    '-s3',
    `-s3.port=${s3}`,
    `-s3.port.grpc=${grpc[0]}`,
    `-master.port=${master}`,
    `-master.port.grpc=${grpc[1]}`,
    `-volume.port=${volume}`,
    `-volume.port.grpc=${grpc[2]}`,
    `-filer.port=${filer}`,
    `-filer.port.grpc=${grpc[3]}`,
    `-s3.port.iceberg=${iam}`,
    `-s3.port.lance=${grpc[4]}`,
    '-master.telemetry=false',
  ],
  azurite: (binary, [port], folder) => [
    process.execPath,
    binary,
    '--blobHost',
    '127.0.0.1',
    '--blobPort',
    String(port),
    '--location',
    folder,
    '--silent',
    '--skipApiVersionCheck',
    '--disableTelemetry',
  ],
}

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** PUT of S3, signed with {@link KEYS}. */
export async function putObject(base: string, path: string, body: string | Buffer): Promise<void> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const day = date.slice(0, 8)
  const hash = sha256(body)
  const headers = { host: new URL(base).host, 'x-amz-content-sha256': hash, 'x-amz-date': date }
  const names = Object.keys(headers).join(';')
  const listed = Object.entries(headers).map(([name, value]) => `${name}:${value}`)
  const encoded = path.split('/').map(encodeURIComponent).join('/')
  const canonical = ['PUT', encoded, '', ...listed, '', names, hash].join('\n')
  const scope = `${day}/us-east-1/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = [day, 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${KEYS.secretAccessKey}`)
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${KEYS.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  const answer = await fetch(base + path, { method: 'PUT', body, headers: { ...headers, authorization } })
  if (answer.status !== 200) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`)
}

/** Starts a server on free loopback ports, with a folder of its own. `settings`: options that take a file, with the JSON in it. */
export async function startReal(
  name: Name,
  binary: string,
  settings: Readonly<Record<string, object>> = {},
): Promise<RealServer> {
  const folder = mkdtempSync(join(tmpdir(), `copyist-${name}-`))
  const ports = await Promise.all(Array.from({ length: 10 }, freePort))
  const [program = '', ...args] = commands[name](binary, ports, folder)
  for (const [option, content] of Object.entries(settings)) {
    const path = join(folder, `${option}.json`)
    writeFileSync(path, JSON.stringify(content))
    args.push(`-${option}=${path}`)
  }
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => log.push(chunk.toString()))
  const url = `http://127.0.0.1:${ports[0]}`
  const stop = async () => {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  for (const until = Date.now() + 30_000; ; await sleep(50)) {
    const answers = await fetch(url).then(
      () => true,
      () => false,
    )
    if (answers) return { url, stop }
    if (child.exitCode === null && Date.now() < until) continue
    await stop()
    throw new Error(`${name} did not start:\n${log.join('').slice(-4000)}`)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill()
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}
