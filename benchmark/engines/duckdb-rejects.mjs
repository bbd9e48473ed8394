import { copyInto } from './duckdb.mjs'

export const label = "DuckDB's reader, store_rejects"

/** Bad rows are left out and kept in its two tables, any number of them. */
export function duckdbMemory(context) {
  return copyInto(context, ':memory:', [], ', store_rejects true, rejects_limit 0')
}
