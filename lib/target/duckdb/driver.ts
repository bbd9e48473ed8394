import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type bindings from '@duckdb/node-bindings'
import { CopyError } from '../../errors.ts'
import { loadAddon } from '../../native/addon.ts'

/** `@duckdb/node-api` and the low-level bindings that this very copy of it uses. */
export interface DuckdbDriver {
  readonly api: typeof import('@duckdb/node-api')
  readonly bindings: typeof bindings
  /** How rows get into DuckDB, see `row-feed.ts`: from the addon on DuckDB's own threads, or through JavaScript. */
  readonly feed: 'native' | 'portable'
}

/** Name of the environment variable that overrides the choice of feed. */
const OVERRIDE = 'COPYIST_DUCKDB_FEED'

let loaded: Promise<DuckdbDriver> | undefined

/**
 * Loads DuckDB on first use: it is an optional dependency, and programs that only talk to PostgreSQL must not pay for it.
 *
 * @throws {CopyError} 0A000 with a hint when the package, or its binary for this platform, is not installed.
 */
export function loadDriver(): Promise<DuckdbDriver> {
  loaded ??= importDriver(() => import('@duckdb/node-api')).catch((error: unknown) => {
    // A failed import is not remembered: the package may be installed while the process lives.
    loaded = undefined
    throw error
  })
  return loaded
}

/** {@link loadDriver} without its memory. `importApi` is how the package is found. */
export async function importDriver(importApi: () => Promise<typeof import('@duckdb/node-api')>): Promise<DuckdbDriver> {
  let parts: Omit<DuckdbDriver, 'feed'>
  let requireFromBindings: NodeJS.Require
  try {
    const api = await importApi()
    // The bindings are a dependency of node-api, not ours: package managers that do not hoist put them beside it.
    const requireHere = createRequire(import.meta.url)
    const requireBeside = createRequire(requireHere.resolve('@duckdb/node-api'))
    parts = { api, bindings: requireBeside('@duckdb/node-bindings') as typeof bindings }
    requireFromBindings = createRequire(requireBeside.resolve('@duckdb/node-bindings'))
  } catch (error) {
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: 'DuckDB needs the optional package @duckdb/node-api, which could not be loaded',
      detail: error instanceof Error ? error.message.split('\n', 1)[0] : String(error),
      hint: 'Run: npm install @duckdb/node-api',
      cause: error,
    })
  }
  return { ...parts, feed: chooseFeed(parts.bindings, requireFromBindings, process.env[OVERRIDE]) }
}

/**
 * The native feed, unless these bindings are not what the addon knows, or the environment asks for the other.
 *
 * @throws {CopyError} 22023 when the environment asks for a feed that is not to be had.
 */
export function chooseFeed(
  binding: DuckdbDriver['bindings'],
  requireFromBindings: NodeJS.Require,
  wanted: string | undefined,
): DuckdbDriver['feed'] {
  if (wanted === 'portable') return 'portable'
  const found = servesNatively(binding, requireFromBindings) ? 'native' : 'portable'
  if (wanted && wanted !== found) {
    throw new CopyError({
      code: 'invalid_parameter_value',
      sqlState: '22023',
      message:
        wanted === 'native'
          ? `${OVERRIDE}: the native feed does not work with these bindings of DuckDB`
          : `${OVERRIDE}: "${wanted}" is not a feed: use native or portable`,
    })
  }
  return found
}

function servesNatively(binding: DuckdbDriver['bindings'], requireFromBindings: NodeJS.Require): boolean {
  try {
    const platform = `@duckdb/node-bindings-${process.platform}-${process.arch}/duckdb.node`
    const library = join(dirname(requireFromBindings.resolve(platform)), 'libduckdb.so')
    const probe = binding.create_scalar_function()
    return loadAddon().openDuckdb(library, probe, () => binding.destroy_scalar_function_sync(probe))
  } catch {
    // Bindings that are laid out in another way.
    return false
  }
}
