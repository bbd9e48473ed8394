import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const PACKAGES = {
  decode_bench: ['--package', 'copyist-transcode', '--features', 'arrow'],
  scan_bench: ['--package', 'copyist-scan'],
}

/** The path of a Rust example program that {@link buildExample} has built. */
export function example(name) {
  const path = process.env[variable(name)]
  if (path === undefined || !existsSync(path)) throw new Error(`the example program ${name} has not been built`)
  return path
}

/** Builds a Rust example program with the given cargo profile, for this process and those it starts. */
export function buildExample(name, profile) {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
  process.env[variable(name)] = join(target, profile, 'examples', name)
  execFileSync('cargo', ['build', '--profile', profile, '--locked', '--quiet', ...PACKAGES[name], '--example', name], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

function variable(name) {
  return `COPYIST_BENCH_${name.toUpperCase()}`
}
