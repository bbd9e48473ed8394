import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CopyError } from '../errors.ts'
import type * as Binding from './binding.d.ts'

/** What the native addon exports; `binding.d.ts` is generated with the addon. */
export type Addon = typeof Binding

/** The platforms for which an addon is built and published, as `<process.platform>-<process.arch>`. */
const PLATFORMS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64-gnu',
  'linux-arm64': 'linux-arm64-gnu',
}

const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url))

let loaded: Addon | undefined

/**
 * The native addon, loaded once per process.
 *
 * Where it comes from: the file that the environment variable `COPYIST_ADDON` names (then nothing else is tried), a build
 * beside the package's `package.json` (a checkout), the platform's package (an installation from npm).
 *
 * Throws {@link CopyError} `system_error` that lists everything that was tried and why each failed.
 */
export function loadAddon(): Addon {
  loaded ??= findAddon(process.env.COPYIST_ADDON, PACKAGE_ROOT)
  return loaded
}

/** {@link loadAddon} without its memory: `explicit` is the file to load instead of searching, `root` the package's folder. */
export function findAddon(explicit: string | undefined, root: string): Addon {
  // Resolving from `root` finds the platform package wherever the package manager put it for this installation.
  const require = createRequire(join(root, 'package.json'))
  if (explicit) {
    const attempt = tryLoad(require, resolve(explicit))
    if ('addon' in attempt) return attempt.addon
    throw unavailable(
      [`COPYIST_ADDON: ${attempt.failure}`],
      'Unset COPYIST_ADDON to search for the addon.',
      attempt.cause,
    )
  }
  const platform = PLATFORMS[`${process.platform}-${process.arch}`]
  if (platform === undefined) {
    throw unavailable(
      [`no addon is built for ${process.platform}-${process.arch}`],
      `Built for: ${Object.values(PLATFORMS).join(', ')}. With cargo, "npm run build" in a checkout builds one; name the file in COPYIST_ADDON.`,
    )
  }
  const failures: string[] = []
  let cause: unknown
  for (const candidate of candidates(root, platform)) {
    const attempt = tryLoad(require, candidate)
    if ('addon' in attempt) return attempt.addon
    failures.push(attempt.failure)
    cause = attempt.cause
  }
  const hint = isMusl()
    ? 'This system runs on musl libc; the addon is built for glibc only.'
    : `Install without --omit=optional so that npm takes in "copyist-${platform}", or build it in a checkout with "npm run build".`
  throw unavailable(failures, hint, cause)
}

function candidates(root: string, platform: string): string[] {
  const local = join(root, `copyist.${platform}.node`)
  const installed = `copyist-${platform}`
  // An existing local build that does not load must be reported and must not be passed over for an older, installed one.
  return existsSync(local) ? [local] : [installed]
}

type Attempt = { readonly addon: Addon } | { readonly failure: string; readonly cause: unknown }

function tryLoad(require: NodeJS.Require, path: string): Attempt {
  try {
    return { addon: require(path) as Addon }
  } catch (cause) {
    // The first line only: Node appends the whole require stack.
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
    return { failure: `${path}: ${reason}`, cause }
  }
}

function unavailable(failures: readonly string[], hint: string, cause?: unknown): CopyError {
  return new CopyError({
    code: 'system_error',
    sqlState: '58000',
    message: `could not load the native addon of copyist for ${process.platform}-${process.arch}`,
    detail: failures.join('\n'),
    hint,
    cause,
  })
}

/** Whether this process runs on musl. The report is costly (milliseconds), so only failures ask. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  // Without this the report looks up the host name of every open connection.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return report.header.glibcVersionRuntime === undefined
}
