// `npm run bench`: measures copyist beside its peers. Options: see USAGE.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const USAGE = `npm run bench -- [options]
  --quick            small files, 3 runs each: does it work, not how fast is it
  --case NAME        only this case (may be repeated; a prefix is enough)
  --engine NAME      only this engine (may be repeated); ratios need copyist among them
  --reps N           timed runs of each engine (default 5)
  --threads N        threads of every engine that has them (default: all ${availableParallelism()})
  --profile NAME     cargo profile of copyist: release (default) or quick
  --addon FILE       measures this build of the addon instead of making one; decode and scan still build their programs
  --out FOLDER       where latest.json and latest.svg go (default benchmark/results)
  --merge            keeps what the latest.json there has of other cases, measured with the same settings
  --list             print the names of cases and engines`

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..')

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true, default: [] },
    engine: { type: 'string', multiple: true, default: [] },
    reps: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    profile: { type: 'string', default: 'release' },
    addon: { type: 'string' },
    out: { type: 'string', default: join(here, 'results') },
    merge: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (options.help) {
  console.log(USAGE)
  process.exit(0)
}
const threads = Number(options.threads)
const reps = Number(options.reps ?? (options.quick ? 3 : 5))

installPeers()
// Imported now, not above: they need the peers.
const { cases, SPECIAL_CASES } = await import('./cases.mjs')
const { ENGINES } = await import('./engines/index.mjs')
const { dataset: csv, parquetOf, gzipOf, filesOf } = await import('./datasets.mjs')

if (options.list) {
  console.log(`cases: ${[...cases(threads, false).map(({ name }) => name), ...SPECIAL_CASES].join(', ')}`)
  console.log(`engines: ${Object.keys(ENGINES).join(', ')}`)
  process.exit(0)
}
for (const name of options.engine) {
  if (!(name in ENGINES)) throw new Error(`no engine "${name}"; there are ${Object.keys(ENGINES).join(', ')}`)
}
const wanted = cases(threads, options.quick).filter(({ name }) => isWanted(name))
const special = SPECIAL_CASES.filter(isWanted)
if (wanted.length + special.length === 0) throw new Error(`no case is named ${options.case.join(' or ')}`)

const earlier = earlierResults()
const { svgChart } = await import('./chart.mjs')
await buildCopyist()
const folder = mkdtempSync(join(tmpdir(), 'copyist-bench-'))
const needsServer = special.includes('memory') || wanted.some(({ kind }) => /postgres$/i.test(kind))
const { startServer } = await import('./server.mjs')
const server = needsServer ? await startServer() : undefined
const { startStore } = await import('./store.mjs')
const store = wanted.some(({ source }) => source === 's3') ? await startStore(folder) : undefined
/** What is made of a file for cases that have it from elsewhere. */
const FORMS = { files: filesOf, gzip: gzipOf, parquet: parquetOf }
const results = { machine: { ...machine(), postgres: server?.version }, cases: [] }
const failed = []
try {
  const context = { folder, postgres: server?.url, store: store?.access }
  const { compare } = await import('./compare.mjs')
  for (const benchmarkCase of wanted) {
    const names = benchmarkCase.engines.filter(isWantedEngine)
    if (names.length === 0) continue
    const form = FORMS[benchmarkCase.source] ?? ((file) => file)
    const dataset = async (name) => form(await csv(name))
    if (benchmarkCase.source === 's3' && store === undefined) {
      failed.push(benchmarkCase.name)
      console.error(`${benchmarkCase.name} needs the object store: node scripts/test-servers.mjs versitygw`)
      continue
    }
    try {
      const files = {}
      for (const name of names) files[name] = await dataset(benchmarkCase.datasets?.[name] ?? benchmarkCase.dataset)
      const file = await dataset(benchmarkCase.dataset)
      if (benchmarkCase.source === 's3') await store.put(file.path)
      results.cases.push(await compare(benchmarkCase, { dataset: file, files, names, reps, context, onProgress }))
    } catch (error) {
      // What was measured before it counts all the same.
      failed.push(benchmarkCase.name)
      console.error(`\n${benchmarkCase.name} failed: ${error.stack}`)
    }
    // So that a run that is broken off leaves what it has.
    write()
  }
  if (special.includes('scan') && isWantedEngine('copyist')) {
    const { measureScan } = await import('./scan.mjs')
    results.scan = await measureScan({ quick: options.quick, reps, onProgress })
  }
  if (special.includes('memory')) {
    const { measureMemory, MEMORY_GATES } = await import('./memory.mjs')
    results.memory = { gates: MEMORY_GATES, engines: [] }
    for (const name of ['copyist', 'pg-copy-streams'].filter(isWantedEngine)) {
      for (const size of options.quick ? ['weather-100k', 'weather-1m'] : ['weather-1m', 'weather-1g']) {
        const file = await csv(size)
        results.memory.engines.push(await measureMemory(name, { dataset: file, threads, reps: 3, context, onProgress }))
      }
    }
  }
  if (special.includes('micro') && isWantedEngine('copyist')) {
    const { measureMicro } = await import('./micro.mjs')
    onProgress('micro')
    results.micro = await measureMicro()
  }
} finally {
  await store?.stop()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
  onProgress('')
}

const { textReport } = await import('./report.mjs')
console.log(textReport(results))
if (failed.length > 0) {
  console.error(`\nfailed, and not in the results: ${failed.join(', ')}`)
  process.exitCode = 1
}
write()
console.log(`\nwritten: ${join(options.out, 'latest.json')}, latest.svg`)

function isWanted(name) {
  return options.case.length === 0 || options.case.some((prefix) => name.startsWith(prefix))
}

function isWantedEngine(name) {
  return options.engine.length === 0 || options.engine.includes(name)
}

/** Earlier results that were measured with the same settings, which those of now are put together with. */
function earlierResults() {
  const path = join(options.out, 'latest.json')
  if (!options.merge || !existsSync(path)) return undefined
  const earlier = JSON.parse(readFileSync(path, 'utf8'))
  const settings = ({ postgres: _, ...rest }) => JSON.stringify(rest)
  if (settings(earlier.machine) !== settings(machine())) {
    throw new Error(
      `${path} was measured on another machine or with other options: --merge would put unlike results together`,
    )
  }
  return earlier
}

/** Writes what has been measured so far, and of earlier results what has not been measured now, in the order in which all would be. */
function write() {
  const written = { ...results, machine: { ...results.machine }, cases: [...results.cases] }
  if (earlier !== undefined) {
    written.machine.postgres ??= earlier.machine.postgres
    const order = cases(threads, options.quick).map(({ name }) => name)
    const measured = new Set(results.cases.map(({ name }) => name))
    written.cases.push(...earlier.cases.filter(({ name }) => !measured.has(name) && order.includes(name)))
    written.cases.sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name))
    for (const name of SPECIAL_CASES) if (name in earlier) written[name] ??= earlier[name]
  }
  mkdirSync(options.out, { recursive: true })
  writeFileSync(join(options.out, 'latest.json'), `${JSON.stringify(written, null, 2)}\n`)
  writeFileSync(join(options.out, 'latest.svg'), svgChart(written))
}

/** The peers live in a package of their own, so that the root installation stays small. */
function installPeers() {
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  const isInstalled = ([name, version]) => {
    const manifest = join(here, 'node_modules', name, 'package.json')
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version
  }
  if (Object.entries(dependencies).every(isInstalled)) return
  console.log('installing the peers in benchmark/ …')
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: here,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
}

/** Makes copyist ready: its JavaScript, its addon and the programs that cases of their own call. */
async function buildCopyist() {
  if (!Object.keys(ENGINES).some((name) => /^copyist/.test(name) && isWantedEngine(name))) return
  onProgress('building copyist')
  process.env.COPYIST_ADDON = options.addon === undefined ? buildAddon() : resolve(options.addon)
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')])
  const { buildExample } = await import('./examples.mjs')
  if (wanted.some(({ kind }) => kind === 'decode')) buildExample('decode_bench', options.profile)
  if (special.includes('scan')) buildExample('scan_bench', options.profile)
}

/** Builds the addon in a place of its own, beside the one that tests use, for the engines' processes. Returns its path. */
function buildAddon() {
  const command = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts['build:addon:release'].split(' ')
  const output = join(here, 'data/addon')
  mkdirSync(output, { recursive: true })
  command[command.indexOf('--output-dir') + 1] = output
  command[command.indexOf('--dts') + 1] = 'binding.d.ts'
  command[command.indexOf('--profile') + 1] = options.profile
  run(process.execPath, [join(root, 'node_modules/@napi-rs/cli/cli.mjs'), ...command.slice(1)])
  return join(
    output,
    readdirSync(output).find((file) => file.endsWith('.node')),
  )
}

function run(program, args) {
  const { status, stderr, stdout } = spawnSync(program, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')}: exit status ${status}\n${stdout}${stderr}`)
}

function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: cpus().length,
    // Of machines of one kind the kernel keeps a little more or less for itself.
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    threads,
    reps,
    quick: options.quick,
    profile: options.profile,
  }
}

function onProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
  else if (text !== '') process.stderr.write(`${text}\n`)
}
