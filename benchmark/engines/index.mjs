/**
 * Module of each engine by name. A module exports `label` and one function for each kind of case it takes part in;
 * `unavailable()`, where there is one, says why this machine cannot run it.
 */
export const ENGINES = {
  copyist: () => import('./copyist.mjs'),
  'csv-parse': () => import('./csv-parse.mjs'),
  duckdb: () => import('./duckdb.mjs'),
  'duckdb-unordered': () => import('./duckdb-unordered.mjs'),
  papaparse: () => import('./papaparse.mjs'),
  'pg-copy-streams': () => import('./pg-copy-streams.mjs'),
  polars: () => import('./polars.mjs'),
  psql: () => import('./psql.mjs'),
  udsv: () => import('./udsv.mjs'),
}
