import { copyInto } from './duckdb.mjs'

export const label = "DuckDB's reader, ignore_errors"

/** Bad rows are left out and nothing is kept of them. */
export function duckdbMemory(context) {
  return copyInto(context, ':memory:', [], ', ignore_errors true')
}
