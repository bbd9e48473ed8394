import { createRequire } from 'node:module'
import type bindings from '@duckdb/node-bindings'
import { CopyError } from '../../errors.ts'

/** `@duckdb/node-api` and the low-level bindings that this very copy of it uses. */
export interface DuckdbDriver {
  readonly api: typeof import('@duckdb/node-api')
  readonly bindings: typeof bindings
}

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
  try {
    const api = await importApi()
    // The bindings are a dependency of node-api, not ours: package managers that do not hoist put them beside it.
    const requireHere = createRequire(import.meta.url)
    const requireBeside = createRequire(requireHere.resolve('@duckdb/node-api'))
    return { api, bindings: requireBeside('@duckdb/node-bindings') as typeof bindings }
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
}
