import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DuckDBConnection, DuckDBInstance, type DuckDBType } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { benches } from '../copy/targets.ts'
import { type Canonical, ofJson, ofValue, parseExact } from './canonical.ts'

/** Files of other projects, which are not part of this one. */
const CORPORA = fileURLToPath(new URL('../../../shared/corpora', import.meta.url))

function parquetFiles(): string[] {
  return readdirSync(CORPORA, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.parquet'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Files that DuckDB reads and that are refused, but those with a VARIANT. */
const REFUSED = {
  // A time of day below 0.
  'duckdb/data/parquet-testing/negative-timetz.parquet': '22008',
  // Rows that have fewer levels than values.
  'parquet-testing/bad_data/ARROW-RS-GH-6229-LEVELS.parquet': '22P04',
  // Columns that are longer than they say: their writer did not count the header of the dictionary.
  'parquet-testing/data/nation.dict-malformed.parquet': '22P04',
  // DuckDB does not look at checksums.
  'parquet-testing/data/rle-dict-uncompressed-corrupt-checksum.parquet': '22P04',
}

const isThere = existsSync(CORPORA)
if (!isThere) console.warn(`SKIPPED: there is no ${CORPORA}`)

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** A target with one table, `made`, at a time. */
interface Maker {
  readonly db: Database
  /** What is in the table: of each column, of which DuckDB's reader says the type, the values. */
  stored(types: readonly DuckDBType[]): Promise<Canonical[][]>
  drop(): Promise<void>
  close(): Promise<void>
}

/** A column that has JSON, of values of `type`. */
const ofText = (json: unknown, type: DuckDBType) => ofJson(json, type.alias === 'JSON' ? undefined : type)

async function inDuckdb(): Promise<Maker> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const side = await instance.connect()
  const db = await connect(connection)
  return {
    db,
    async stored(types) {
      const reader = await side.runAndReadAll('FROM made')
      const own = reader.columnTypes()
      return types.map((type, column) => {
        const made = own[column] as DuckDBType
        const values = reader.getRows().map((row) => row[column] ?? null)
        if (made.alias !== 'JSON') return values.map((value) => ofValue(value, made))
        return values.map((value) => (value === null ? null : ofText(parseExact(String(value)), type)))
      })
    },
    async drop() {
      await side.run('DROP TABLE IF EXISTS made')
    },
    async close() {
      await db.close()
      side.closeSync()
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function inPostgres(): Promise<Maker> {
  const bench = await (benches.find(({ name }) => name === 'postgres') as (typeof benches)[number]).open()
  await bench.sql(`SET TimeZone = 'UTC'`)
  return {
    db: bench.db,
    async stored(types) {
      const names = await bench.sql(
        `SELECT attname FROM pg_attribute WHERE attrelid = 'made'::regclass AND attnum > 0 ORDER BY attnum`,
      )
      const rows = await bench.sql('SELECT row_to_json(made)::text FROM made ORDER BY ctid')
      const parsed = rows.map(([row]) => parseExact(row ?? '') as Record<string, unknown>)
      return types.map((type, column) => {
        const name = names[column]?.[0] ?? ''
        return parsed.map((row) => ofText(row[name], type))
      })
    },
    async drop() {
      await bench.sql('DROP TABLE IF EXISTS made')
    },
    close: () => bench.close(),
  }
}

describe.skipIf(!isThere).each([
  { name: 'duckdb', open: inDuckdb },
  { name: 'postgres', open: inPostgres },
])('$name', ({ open }) => {
  let maker: Maker
  let instance: DuckDBInstance
  let reader: DuckDBConnection

  beforeAll(async () => {
    maker = await open()
    instance = await DuckDBInstance.create(':memory:')
    reader = await instance.connect()
  })

  afterAll(async () => {
    await maker.close()
    reader.closeSync()
    instance.closeSync()
  })

  /** What DuckDB reads of a file, by columns; undefined if it refuses to. */
  async function readByDuckdb(file: string) {
    try {
      const read = await reader.runAndReadAll(`FROM read_parquet(${literal(file)}, hive_partitioning = false)`)
      return { types: read.columnTypes(), names: read.columnNames(), rows: read.getRows() }
    } catch {
      return undefined
    }
  }

  test('every Parquet file has the values that DuckDB reads, or is refused with a reason, within 10 s', async () => {
    const files = parquetFiles()
    expect(files.length).toBeGreaterThan(100)
    const wrong: string[] = []
    const refused: Record<string, string> = {}
    const outcomes = { equal: 0, refused: 0, unread: 0 }
    for (const file of files) {
      const name = file.slice(CORPORA.length + 1)
      const expected = await readByDuckdb(file)
      await maker.drop()
      const started = performance.now()
      try {
        await maker.db.copy(`COPY made FROM ${literal(file)} (FORMAT parquet, CREATE_TABLE)`)
      } catch (error) {
        if (!(error instanceof CopyError) || error.sqlState === 'XX000') wrong.push(`${name}: ${error}`)
        else {
          outcomes.refused += 1
          const isVariant = error.message.includes(' is or has a VARIANT of Parquet')
          if (expected !== undefined && !isVariant) refused[name] = error.sqlState
          if (process.env.COPYIST_TELL)
            console.log(`${name}: ${error.sqlState} ${error.message} [${expected ? 'read' : 'unread'}]`)
        }
        continue
      }
      const seconds = (performance.now() - started) / 1000
      if (seconds > 10) wrong.push(`${name}: ${seconds.toFixed(1)} s`)
      if (expected === undefined) {
        outcomes.unread += 1
        continue
      }
      const difference = differenceOf(expected, await maker.stored(expected.types))
      if (difference === undefined) outcomes.equal += 1
      else wrong.push(`${name}: ${difference}`)
    }
    if (process.env.COPYIST_TELL) console.log(JSON.stringify(outcomes))
    expect(wrong, JSON.stringify(outcomes)).toEqual([])
    expect(refused).toEqual(REFUSED)
    expect(outcomes.equal).toBeGreaterThan(60)
  }, 300_000)

  /** Where values differ first. */
  function differenceOf(
    { types, names, rows }: NonNullable<Awaited<ReturnType<typeof readByDuckdb>>>,
    stored: Canonical[][],
  ): string | undefined {
    for (const [column, type] of types.entries()) {
      // DuckDB makes values of these that no other reader has, and of no other type.
      if (/VARIANT|GEOMETRY/.test(type.toString())) continue
      const found = stored[column] ?? []
      if (found.length !== rows.length) return `${found.length} rows, and not ${rows.length}`
      for (const [row, values] of rows.entries()) {
        const [theirs, ours] = [ofValue(values[column] ?? null, type), found[row]].map((value) => JSON.stringify(value))
        if (theirs !== ours) {
          return `row ${row + 1}, column ${names[column]} (${type}): ${ours?.slice(0, 200)}, and not ${theirs?.slice(0, 200)}`
        }
      }
    }
    return undefined
  }
})
