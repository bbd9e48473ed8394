// Packs what is published: the root package and one package for each platform whose addon has been built.
//
//   node scripts/pack.mjs [--out FOLDER]
//
// Prints one tarball's path a line, the root package's first. The repository's own package.json does not list the
// platform packages: before a version is published npm cannot resolve them, and then `npm ci` would refuse the lock file.
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** The folder under npm/ for each target that package.json declares. */
const PLATFORMS = {
  'x86_64-unknown-linux-gnu': 'linux-x64-gnu',
  'aarch64-unknown-linux-gnu': 'linux-arm64-gnu',
}

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'target/npm') } } })
const out = resolve(values.out)
const manifest = readJson(join(root, 'package.json'))
const platforms = manifest.napi.targets.map((target) => {
  const platform = PLATFORMS[target]
  if (platform === undefined) throw new Error(`no platform package is declared for ${target}`)
  return platform
})
const built = platforms.filter((platform) => existsSync(addonPath(platform)))
if (built.length === 0) throw new Error('no addon has been built: run "npm run build:addon:release" first')

mkdirSync(out, { recursive: true })
const stage = mkdtempSync(join(tmpdir(), 'copyist-pack-'))
try {
  console.log(pack(stageRoot(join(stage, 'root'))))
  for (const platform of built) console.log(pack(stagePlatform(join(stage, platform), platform)))
} finally {
  rmSync(stage, { recursive: true, force: true })
}

function stageRoot(folder) {
  mkdirSync(folder)
  // Compiled afresh: dist/ may hold files whose source is gone.
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--outDir', join(folder, 'dist')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  for (const file of ['index.d.ts', 'CHANGELOG.md', 'README.md', 'LICENSE'])
    cpSync(join(root, file), join(folder, file))
  const linked = linksOf(join(root, 'README.md'))
  for (const path of linked) cpSync(join(root, path), join(folder, path), { recursive: true })
  const { scripts, devDependencies, napi, ...published } = manifest
  published.files = [...new Set([...published.files, ...linked])]
  published.optionalDependencies = {
    ...published.optionalDependencies,
    ...Object.fromEntries(platforms.map((platform) => [`${manifest.name}-${platform}`, manifest.version])),
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  return folder
}

/** What a page links to beside it, which is nowhere else for whoever has the package alone. */
function linksOf(page) {
  const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#]+)\)/g)].map(([, link]) => link)
  return links.filter((link) => !URL.canParse(link))
}

function stagePlatform(folder, platform) {
  cpSync(join(root, 'npm', platform), folder, { recursive: true })
  const { name, version } = readJson(join(folder, 'package.json'))
  if (name !== `${manifest.name}-${platform}` || version !== manifest.version) {
    throw new Error(`npm/${platform}/package.json must be ${manifest.name}-${platform} ${manifest.version}`)
  }
  cpSync(addonPath(platform), join(folder, `copyist.${platform}.node`))
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  return folder
}

function pack(folder) {
  const printed = execFileSync('npm', ['pack', '--json', '--pack-destination', out], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: process.platform === 'win32',
  })
  const packed = JSON.parse(printed)
  // An array of packages in npm 10, an object by package name in npm 11.
  const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed)
  return join(out, filename)
}

function addonPath(platform) {
  return join(root, `copyist.${platform}.node`)
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
