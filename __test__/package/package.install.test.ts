import { execFile } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const airports = join(root, 'node_modules/vega-datasets/data/airports.csv')
const AIRPORTS = 3376

/** What a published version is to its user: both tarballs of this platform in an empty folder, and no Rust anywhere. */
describe('the packed packages, installed in an empty folder', () => {
  let folder: string
  let project: string
  let env: NodeJS.ProcessEnv

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'copyist-install-'))
    project = join(folder, 'project')
    mkdirSync(project)
    env = cleanEnvironment(join(folder, 'bin'))
    const packed = await run(process.execPath, [join(root, 'scripts/pack.mjs'), '--out', join(folder, 'packed')])
    const tarballs = packed.stdout.trim().split('\n')
    expect(tarballs.map((path) => basename(path))).toContain('copyist-0.1.0.tgz')
    expect(tarballs).toHaveLength(2)
    writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }')
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...tarballs], {
      cwd: project,
      env,
    })
  }, 300_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('leaves no cargo or rustc on the PATH', () => {
    for (const directory of (env.PATH ?? '').split(delimiter)) {
      for (const program of ['cargo', 'rustc']) {
        expect(() => accessSync(join(directory, program), constants.X_OK), join(directory, program)).toThrow()
      }
    }
  })

  it('ships compiled code, types, licence and readme, and no sources, tests or addon in the root package', () => {
    const installed = join(project, 'node_modules/copyist')
    expect(readdirSync(installed).sort()).toEqual([
      'ARCHITECTURE.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'benchmark',
      'dist',
      'docs',
      'examples',
      'index.d.ts',
      'package.json',
    ])
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
    expect(files.filter((file) => file.endsWith('.node') || (file.endsWith('.ts') && file !== 'index.d.ts'))).toEqual(
      [],
    )
    const links = [...readFileSync(join(installed, 'README.md'), 'utf8').matchAll(/\]\(([^)#:]+)\)/g)]
    expect(links.length).toBeGreaterThan(5)
    for (const [, link = ''] of links) expect(existsSync(join(installed, link)), link).toBe(true)
  })

  it('loads a file by the command line', async () => {
    const statement = `COPY airports FROM '${airports}' WITH (FORMAT csv, HEADER)`
    const { stdout } = await run('npx', ['--no-install', 'copyist', '--json', '--quiet', statement], {
      cwd: project,
      env,
    })
    expect(JSON.parse(stdout)).toMatchObject({ target: 'duckdb', rowsRead: AIRPORTS, rowsLoaded: AIRPORTS })
    expect(readdirSync(project)).toContain('copyist.duckdb')
  })

  it('prints its version', async () => {
    const { stdout } = await run('npx', ['--no-install', 'copyist', '--version'], { cwd: project, env })
    expect(stdout).toContain('0.1.0')
  })

  it('loads a file by the API', async () => {
    writeFileSync(
      join(project, 'load.js'),
      `import { connect, CopyError } from 'copyist'
      const db = await connect(':memory:')
      const receipt = await db.copy("COPY airports FROM '${airports}' WITH (FORMAT csv, HEADER, CREATE_TABLE)")
      const refused = await db.copy("COPY airports FROM 'missing.csv' WITH (FORMAT csv)").catch((error) => error)
      await db.close()
      console.log(JSON.stringify({ receipt, refused: refused instanceof CopyError ? refused.sqlState : String(refused) }))`,
    )
    const { stdout } = await run(process.execPath, ['load.js'], { cwd: project, env })
    expect(JSON.parse(stdout)).toMatchObject({
      receipt: { rowsRead: AIRPORTS, rowsLoaded: AIRPORTS },
      refused: '58P01',
    })
  })

  it('has types that a strict TypeScript program compiles with', async () => {
    writeFileSync(
      join(project, 'typed.ts'),
      `import { connect, CopyError, type Progress, type Receipt } from 'copyist'
      export async function load(): Promise<number> {
        await using db = await connect(':memory:')
        const onProgress = ({ rowsRead }: Progress): void => console.log(rowsRead)
        const receipt: Receipt = await db.copy('COPY t FROM STDIN', { stdin: ['1'], threads: 1, onProgress })
        return receipt.rowsLoaded
      }
      export const line = (error: unknown): number | undefined =>
        error instanceof CopyError ? error.position.line : undefined`,
    )
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const options =
      '--noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2023 --lib es2023,esnext.disposable'
    const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
    const compiled = await run(process.execPath, [compiler, ...options.split(' '), ...types, 'typed.ts'], {
      cwd: project,
      env,
    }).catch((error: { stdout: string }) => error)
    expect(compiled.stdout).toBe('')
  }, 120_000)

  it('says what to do when the platform package is left out', async () => {
    const bare = join(folder, 'bare')
    mkdirSync(bare)
    writeFileSync(join(bare, 'package.json'), '{ "name": "bare", "private": true, "type": "module" }')
    const tarball = join(folder, 'packed', 'copyist-0.1.0.tgz')
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--omit=optional', tarball], {
      cwd: bare,
      env,
    })
    const failure = await run('npx', ['--no-install', 'copyist', `COPY airports FROM '${airports}' (FORMAT csv)`], {
      cwd: bare,
      env,
    }).catch((error: { code: number; stderr: string }) => error)
    expect(failure).toMatchObject({ code: 1 })
    expect(failure.stderr).toMatch(/--omit=optional|@duckdb\/node-api/)
  }, 120_000)
})

/**
 * The environment without Rust: PATH holds Node's own folder's `node`, `npm` and `npx`, and the system's folders only if
 * they hold no cargo. What npm sets for the scripts it runs is left out, or the inner npm would think it runs for this package.
 */
function cleanEnvironment(bin: string): NodeJS.ProcessEnv {
  mkdirSync(bin)
  for (const program of ['node', 'npm', 'npx', 'sh', 'env']) {
    const found = (process.env.PATH ?? '')
      .split(delimiter)
      .filter((directory) => !directory.includes('node_modules'))
      .map((directory) => join(directory, program))
      .find(isExecutable)
    symlinkSync(
      program === 'node' ? process.execPath : (found ?? join(dirname(process.execPath), program)),
      join(bin, program),
    )
  }
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD|NODE_PATH|CARGO|RUST|COPYIST_|PG)/.test(name) || name.startsWith('npm_config_'),
  )
  return { ...Object.fromEntries(inherited), PATH: bin }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
