import { tolerantCases } from './tolerant-cases.mjs'

/**
 * What is measured. Every case runs each of its engines on the same file with the same number of threads.
 *
 * `kind` is the function of an engine's module that the case calls. `gates` are the ratios (peer's time over ours) that
 * copyist must reach and aims at. `tolerant` cases go on after errors; `constraint` is what the table is made with, and `conflict` the end of
 * our statement; `datasets` has the files of engines that do not take that of the case. `source` says where the rows are if not in the file
 * itself: in many small `files`, in a `gzip` or a `parquet` file, in an object of an `s3` server.
 */
const JAVASCRIPT_READERS = ['udsv', 'papaparse', 'csv-parse', 'polars']

/** The cases of a run with `threads` decoder threads; `quick` takes small files. */
export function cases(threads, quick) {
  const counts = threads > 1 ? [1, threads] : [1]
  const small = quick ? 'weather-100k' : 'weather-1m'
  const large = (kind) => (quick ? `${kind}-100k` : `${kind}-5m`)
  const decodeGates = { duckdb: { must: 4, aim: 6 } }
  return [
    ...counts.map((count) => ({
      name: `decode-${count}t`,
      title: `typed CSV to columns, ${plural(count, 'thread')}`,
      kind: 'decode',
      dataset: large('weather'),
      threads: count,
      engines: ['copyist', 'duckdb'],
      gates: decodeGates,
    })),
    ...['numeric', 'quoted'].map((variant) => ({
      name: `decode-${variant}`,
      title: `typed CSV to columns, ${variant} file, ${plural(threads, 'thread')}`,
      kind: 'decode',
      dataset: large(variant),
      threads,
      engines: ['copyist', 'duckdb'],
      gates: decodeGates,
    })),
    ...counts.map((count) => ({
      name: `decode-fixed-${count}t`,
      title: `typed fixed-width fields to columns, ${plural(count, 'thread')}`,
      kind: 'decode',
      dataset: large('fixed'),
      threads: count,
      engines: ['copyist', 'duckdb'],
      gates: { duckdb: { must: 12, aim: 20 } },
    })),
    ...layoutCases(counts, quick ? '100k' : '1m'),
    {
      name: 'decode-node',
      title: `typed CSV to columns against readers for Node, ${plural(threads, 'thread')}`,
      kind: 'decode',
      dataset: small,
      threads,
      engines: ['copyist', 'duckdb', ...JAVASCRIPT_READERS],
      gates: {},
    },
    {
      name: 'duckdb-memory',
      title: `CSV to DuckDB in memory, ${plural(threads, 'thread')}`,
      kind: 'duckdbMemory',
      dataset: large('weather'),
      threads,
      engines: ['copyist', 'duckdb', 'duckdb-unordered'],
      gates: { duckdb: { must: 1.6, aim: 2.3 } },
    },
    {
      name: 'duckdb-file',
      title: `CSV to a DuckDB file, ${plural(threads, 'thread')}`,
      kind: 'duckdbFile',
      dataset: large('weather'),
      threads,
      engines: ['copyist', 'duckdb', 'duckdb-unordered'],
      gates: { duckdb: { must: 1.3, aim: 1.6 } },
    },
    {
      name: 'postgres',
      title: 'CSV to PostgreSQL, one connection',
      kind: 'postgres',
      dataset: small,
      threads,
      engines: ['copyist', 'psql', 'pg-copy-streams'],
      gates: { psql: { must: 2, aim: 2.4 } },
    },
    {
      name: 'postgres-numeric',
      title: 'numeric CSV to PostgreSQL, one connection',
      kind: 'postgres',
      dataset: quick ? 'numeric-100k' : 'numeric-1m',
      threads,
      engines: ['copyist', 'psql', 'pg-copy-streams'],
      gates: {},
    },
    {
      name: 'rows-postgres',
      title: 'objects of JavaScript to PostgreSQL, one connection',
      kind: 'rowsPostgres',
      dataset: 'weather-100k',
      threads,
      engines: ['copyist', 'pg-insert', 'csv-stringify'],
      gates: { 'pg-insert': { must: 3, aim: 5 }, 'csv-stringify': { must: 1, aim: 3 } },
    },
    {
      name: 'rows-duckdb',
      title: 'objects of JavaScript to DuckDB in memory',
      kind: 'rowsDuckdb',
      dataset: 'weather-100k',
      threads,
      engines: ['copyist', 'duckdb-appender'],
      gates: {},
    },
    {
      name: 'files-postgres',
      title: 'many CSV files of 98 rows to PostgreSQL in one transaction, one connection',
      kind: 'postgres',
      source: 'files',
      dataset: small,
      threads,
      engines: ['copyist', 'psql'],
      gates: { psql: { must: 4, aim: 7 } },
    },
    {
      name: 'gzip-duckdb',
      title: `gzip CSV to DuckDB in memory, ${plural(threads, 'thread')}`,
      kind: 'duckdbMemory',
      source: 'gzip',
      dataset: small,
      threads,
      engines: ['copyist', 'gzip', 'duckdb'],
      gates: { gzip: { must: 0.9, aim: 1 } },
    },
    ...['postgres', 'duckdb'].map((target) => ({
      name: `s3-${target}`,
      title: `CSV from S3 on this machine to ${target === 'postgres' ? 'PostgreSQL, one connection' : `DuckDB in memory, ${plural(threads, 'thread')}`}`,
      kind: target === 'postgres' ? 'postgres' : 'duckdbMemory',
      source: 's3',
      dataset: small,
      threads,
      engines: ['copyist', 'copyist-disk'],
      gates: { 'copyist-disk': { must: 0.8, aim: 0.95 } },
    })),
    {
      name: 'parquet-postgres',
      title: 'Parquet to PostgreSQL, one connection',
      kind: 'postgres',
      dataset: 'flights-3m',
      threads,
      engines: ['copyist', 'duckdb-csv-psql'],
      gates: { 'duckdb-csv-psql': { must: 2.8, aim: 3.3 } },
    },
    {
      name: 'parquet-weather-postgres',
      title: 'Parquet with text, numbers and times to PostgreSQL, one connection',
      kind: 'postgres',
      source: 'parquet',
      dataset: small,
      threads,
      engines: ['copyist', 'duckdb-csv-psql'],
      gates: { 'duckdb-csv-psql': { must: 2.8, aim: 3.3 } },
    },
    {
      name: 'parquet-duckdb',
      title: `Parquet to DuckDB in memory, ${plural(threads, 'thread')}`,
      kind: 'duckdbMemory',
      dataset: 'flights-3m',
      threads,
      engines: ['copyist', 'duckdb'],
      gates: {},
    },
    {
      name: 'read-columns',
      title: `CSV to columns of JavaScript, ${plural(threads, 'thread')}`,
      kind: 'columns',
      dataset: small,
      threads,
      engines: ['copyist', 'udsv'],
      gates: { udsv: { must: 7, aim: 10 } },
    },
    {
      name: 'read-objects',
      title: `CSV to objects of JavaScript, ${plural(threads, 'thread')}`,
      kind: 'objects',
      dataset: small,
      threads,
      engines: ['copyist', 'udsv'],
      gates: { udsv: { must: 2.5, aim: 3 } },
    },
    {
      name: 'read-parquet-columns',
      title: `Parquet to columns of JavaScript, ${plural(threads, 'thread')}`,
      kind: 'parquetColumns',
      dataset: small,
      source: 'parquet',
      threads,
      engines: ['copyist', 'hyparquet', 'parquet-wasm'],
      gates: { hyparquet: { must: 40, aim: 55 }, 'parquet-wasm': { must: 5, aim: 7 } },
    },
    {
      name: 'read-parquet-arrow',
      title: `Parquet to Arrow, ${plural(threads, 'thread')}`,
      kind: 'parquetArrow',
      dataset: small,
      source: 'parquet',
      threads,
      engines: ['copyist', 'polars', 'duckdb'],
      gates: { polars: { must: 0.9, aim: 1.2 }, duckdb: { must: 1.3, aim: 1.7 } },
    },
    ...tolerantCases(threads, quick),
  ]
}

/** Our own decoding of the same rows in two layouts: what the less usual one costs. The engine beside it gets the usual one. */
function layoutCases(counts, size) {
  const layoutCase = ({ name, title, of, beside, than, gate }) =>
    counts.map((count) => ({
      name: `decode-${name}-${count}t`,
      title: `${title}, ${plural(count, 'thread')}`,
      kind: 'decode',
      dataset: of,
      datasets: { [beside]: than },
      threads: count,
      engines: ['copyist', beside],
      gates: { [beside]: gate },
    }))
  const weather = { than: `weather-${size}` }
  const chinese = { than: `chinese-${size}`, beside: 'copyist-utf8', gate: { must: 0.5, aim: 0.6 } }
  return [
    {
      name: 'text',
      title: 'TEXT beside CSV',
      of: `weather-${size}-text`,
      beside: 'copyist-csv',
      gate: { must: 0.95, aim: 1 },
      ...weather,
    },
    {
      name: 'long',
      title: 'delimiters of three bytes beside commas',
      of: `weather-${size}-long`,
      beside: 'copyist-comma',
      gate: { must: 0.5, aim: 0.8 },
      ...weather,
    },
    { name: 'utf16', title: 'UTF-16 beside UTF-8', of: `chinese-${size}-utf16`, ...chinese },
    { name: 'gbk', title: 'GBK beside UTF-8', of: `chinese-${size}-gbk`, ...chinese },
  ].flatMap(layoutCase)
}

/** Cases of their own shape; each has its own runner. */
export const SPECIAL_CASES = ['scan', 'memory', 'micro']

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
