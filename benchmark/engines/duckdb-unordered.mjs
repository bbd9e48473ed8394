import { join } from 'node:path'
import { copyInto } from './duckdb.mjs'

export const label = "DuckDB's reader, order not kept"

const SETTINGS = ['SET preserve_insertion_order = false']

export function duckdbMemory(context) {
  return copyInto(context, ':memory:', SETTINGS)
}

export function duckdbFile(context) {
  return copyInto(context, join(context.folder, 'duckdb-unordered.duckdb'), SETTINGS)
}
