/**
 * Module of each engine by name. A module exports `label` and one function for each kind of case it takes part in;
 * `unavailable()`, where there is one, says why this machine cannot run it.
 */
export const ENGINES = {
  copyist: () => import('./copyist.mjs'),
  'copyist-clean': async () => (await import('./copyist.mjs')).CLEAN,
  'copyist-comma': async () => (await import('./copyist.mjs')).COMMA,
  'copyist-csv': async () => (await import('./copyist.mjs')).CSV,
  'copyist-disk': async () => (await import('./copyist.mjs')).DISK,
  'copyist-ledger': async () => (await import('./copyist.mjs')).LEDGER,
  'copyist-stop': async () => (await import('./copyist.mjs')).STOP,
  'copyist-utf8': async () => (await import('./copyist.mjs')).UTF8,
  'csv-parse': () => import('./csv-parse.mjs'),
  'csv-stringify': async () => (await import('./rows.mjs')).CSV_STRINGIFY,
  duckdb: () => import('./duckdb.mjs'),
  'duckdb-appender': async () => (await import('./rows.mjs')).APPENDER,
  'duckdb-csv-psql': () => import('./duckdb-csv-psql.mjs'),
  'duckdb-ignore': () => import('./duckdb-ignore.mjs'),
  'duckdb-rejects': () => import('./duckdb-rejects.mjs'),
  'duckdb-unordered': () => import('./duckdb-unordered.mjs'),
  gzip: () => import('./gzip.mjs'),
  hyparquet: async () => (await import('./read.mjs')).HYPARQUET,
  papaparse: () => import('./papaparse.mjs'),
  'parquet-wasm': async () => (await import('./read.mjs')).PARQUET_WASM,
  'pg-copy-streams': () => import('./pg-copy-streams.mjs'),
  'pg-insert': async () => (await import('./rows.mjs')).PG_INSERT,
  polars: () => import('./polars.mjs'),
  psql: () => import('./psql.mjs'),
  udsv: () => import('./udsv.mjs'),
}
