// Files of the benchmark, made when they are first asked for: `node benchmark/datasets.mjs weather-1m numeric-5m …`.
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createGzip } from 'node:zlib'
import { generate } from './generate.mjs'
import { SCHEMAS } from './schemas.mjs'
import { SPOILED } from './spoil.mjs'

/** A Parquet file of real flights: 11 row groups, zstd, dictionaries. Its checksum is DuckDB's. */
const FLIGHTS = {
  path: fileURLToPath(new URL('../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url)),
  format: 'parquet',
  schema: 'flights',
  rows: 3_000_000,
  checksum: '3000000/-1774987717879680000000/0/20003603/0/2194861208/0/9000000/0/9000000/0',
}

const folder = fileURLToPath(new URL('data', import.meta.url))

/** Every file that a case may name. Sizes in the names are those of the weather files in rows; `weather-1g` is 1 GB. */
export const DATASETS = {
  'weather-10k': { schema: 'weather', rows: 10_000 },
  'weather-100k': { schema: 'weather', rows: 100_000 },
  'weather-1m': { schema: 'weather', rows: 1_000_000 },
  'weather-5m': { schema: 'weather', rows: 5_000_000 },
  'weather-1g': { schema: 'weather', rows: 13_800_000 },
  'numeric-100k': { schema: 'numeric', rows: 100_000 },
  'numeric-1m': { schema: 'numeric', rows: 1_400_000 },
  'numeric-5m': { schema: 'numeric', rows: 7_000_000 },
  'fixed-100k': { schema: 'fixed', rows: 100_000 },
  'fixed-5m': { schema: 'fixed', rows: 3_600_000 },
  'quoted-100k': { schema: 'quoted', rows: 100_000 },
  'quoted-5m': { schema: 'quoted', rows: 5_000_000 },
  ...withLayouts('100k', 100_000),
  ...withLayouts('1m', 1_000_000),
  'flights-3m': FLIGHTS,
  ...withBadRows('weather-100k', 100_000),
  ...withBadRows('weather-1m', 1_000_000),
}

/** The weather file as TEXT and with a delimiter of three bytes; and one whose notes are Chinese, in three encodings. */
function withLayouts(size, rows) {
  const weather = { schema: 'weather', rows }
  return {
    [`weather-${size}-text`]: { ...weather, layout: { format: 'text', delimiter: '\t' } },
    [`weather-${size}-long`]: { ...weather, layout: { delimiter: '|+|' } },
    [`chinese-${size}`]: { ...weather, layout: { notes: 'chinese' } },
    [`chinese-${size}-utf16`]: { ...weather, layout: { notes: 'chinese', encoding: 'UTF16LE' } },
    [`chinese-${size}-gbk`]: { ...weather, layout: { notes: 'chinese', encoding: 'GBK' } },
  }
}

/** The weather file `name` with rows of each kind of error: `weather-1m-values-10` is one in which 10 % have a bad value. */
function withBadRows(name, rows) {
  const variants = SPOILED.flatMap((kind) => [
    { kind, percent: 1 },
    { kind, percent: 10 },
  ])
  return Object.fromEntries(
    variants.map((bad) => [`${name}-${bad.kind}-${bad.percent}`, { schema: 'weather', rows, bad }]),
  )
}

/**
 * The file of a dataset, generated when it is not there yet.
 * Returns `{ name, path, format, schema, layout, columns, rows, bytes, checksum }`; `rows` are all that the file has; `checksum` is of
 * those that are to be loaded, and known from the generation, not from a reader.
 */
export async function dataset(name) {
  const known = DATASETS[name] ?? fail(`no dataset "${name}"`)
  const { schema, rows, bad, layout } = known
  if (known.path !== undefined) {
    return { ...known, name, columns: SCHEMAS[schema], bytes: statSync(known.path).size }
  }
  const path = join(folder, `${name}.csv`)
  const facts = existsSync(`${path}.json`) ? JSON.parse(readFileSync(`${path}.json`, 'utf8')) : undefined
  const current = existsSync(path) && facts?.rows === rows ? facts : await generate({ path, schema, rows, bad, layout })
  return { name, path, format: 'csv', schema, layout, columns: SCHEMAS[schema], ...current }
}

/** The same rows as a Parquet file, as DuckDB writes it; with its path as `parquet`. */
export async function parquetOf(csv) {
  const parquet = csv.path.replace(/\.csv$/, '.parquet')
  if (!existsSync(parquet)) {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const types = csv.columns.map(({ name, type }) => `'${name}': '${type}'`).join(', ')
    const source = `read_csv('${csv.path}', header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', columns = {${types}})`
    await connection.run(`COPY (FROM ${source}) TO '${parquet}' (FORMAT parquet)`)
    connection.closeSync()
    instance.closeSync()
  }
  return { ...csv, parquet }
}

/** The same rows in a gzip file, by zlib's usual level; with its path as `gzip`. */
export async function gzipOf(csv) {
  const gzip = `${csv.path}.gz`
  if (!existsSync(gzip)) {
    await pipeline(createReadStream(csv.path), createGzip(), createWriteStream(`${gzip}.draft`))
    renameSync(`${gzip}.draft`, gzip)
  }
  return { ...csv, gzip }
}

/** Rows of each of many small files. */
const FEW_ROWS = 98

/** The same rows in files of 98 with a header each, whose names are in the order of the rows; with their folder as `folder` and their number as `files`. */
export function filesOf(csv) {
  const folder = csv.path.replace(/\.csv$/, '-files')
  const files = Math.ceil(csv.rows / FEW_ROWS)
  if (!existsSync(folder)) {
    const draft = `${folder}.draft`
    rmSync(draft, { recursive: true, force: true })
    mkdirSync(draft)
    const [header, ...rows] = recordsOf(readFileSync(csv.path, 'utf8'))
    if (rows.length !== csv.rows) fail(`${csv.name} has ${rows.length} rows`)
    for (let file = 0; file < files; file += 1) {
      const some = rows.slice(file * FEW_ROWS, (file + 1) * FEW_ROWS)
      writeFileSync(join(draft, `${String(file).padStart(6, '0')}.csv`), `${[header, ...some].join('\n')}\n`)
    }
    renameSync(draft, folder)
  }
  return { ...csv, folder, files }
}

/** Lines, put together where a quote goes on over a line end. */
function recordsOf(text) {
  const records = []
  let open = ''
  for (const line of text.trimEnd().split('\n')) {
    const record = open + line
    const isOpen = record.includes('"') && record.split('"').length % 2 === 0
    open = isOpen ? `${record}\n` : ''
    if (!isOpen) records.push(record)
  }
  return records
}

function fail(message) {
  throw new Error(message)
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  const names = argv.slice(2)
  if (names.length === 0) {
    console.error(`usage: node benchmark/datasets.mjs NAME…\nnames: ${Object.keys(DATASETS).join(', ')}`)
    process.exit(2)
  }
  for (const name of names) {
    const started = performance.now()
    const { path, rows, bytes } = await dataset(name)
    console.log(`${path}: ${rows} rows, ${bytes} bytes, ${Math.round(performance.now() - started)} ms`)
  }
}
