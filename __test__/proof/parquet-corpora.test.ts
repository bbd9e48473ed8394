import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import { expect, test } from 'vitest'
import { CopyError, connect } from '../../lib/index.ts'
import { textRows } from '../lifecycle/duckdb.batches.ts'

/** Files of other projects, which are not part of this one. */
const CORPORA = fileURLToPath(new URL('../../../shared/corpora', import.meta.url))

function parquetFiles(): string[] {
  return readdirSync(CORPORA, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.parquet'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

const isThere = existsSync(CORPORA)
if (!isThere) console.warn(`SKIPPED: there is no ${CORPORA}`)

test.skipIf(!isThere)(
  'every Parquet file has the rows that DuckDB reads, or is refused with a reason, within 10 s',
  async () => {
    const files = parquetFiles()
    expect(files.length).toBeGreaterThan(100)
    const wrong: string[] = []
    const outcomes = { equal: 0, refused: 0, unread: 0 }
    for (const file of files) {
      const instance = await DuckDBInstance.create(':memory:')
      const connection = await instance.connect()
      const side = await instance.connect()
      const db = await connect(connection)
      const name = file.slice(CORPORA.length + 1)
      const source = `read_parquet('${file.replaceAll("'", "''")}', hive_partitioning = false)`
      const started = performance.now()
      try {
        await db.copy(`COPY t FROM '${file.replaceAll("'", "''")}' (FORMAT parquet, CREATE_TABLE)`)
        const described = await textRows(side, `DESCRIBE t`)
        try {
          const types = new Map(
            (await textRows(side, `DESCRIBE FROM ${source}`)).map(([column, type]) => [column, type]),
          )
          const columns = described.map(([column, type]) => {
            const quoted = `"${column?.replaceAll('"', '""')}"`
            // DuckDB makes values of these that no other reader has, and of no other type.
            if (/VARIANT|GEOMETRY/.test(types.get(column) ?? '')) return { own: '1', theirs: '1' }
            // Structures become JSON, whose text DuckDB writes in another way: of these only what is NULL is compared.
            if (type?.startsWith('JSON')) return { own: `${quoted} IS NULL`, theirs: `${quoted} IS NULL` }
            return { own: quoted, theirs: `CAST(${quoted} AS ${type})` }
          })
          const own = columns.map((column) => column.own)
          const theirs = columns.map((column) => column.theirs)
          const [ours, read] = [`SELECT ${own.join(', ')} FROM t`, `SELECT ${theirs.join(', ')} FROM ${source}`]
          const differ = `SELECT count(*) FROM ((${ours} EXCEPT ALL ${read}) UNION ALL (${read} EXCEPT ALL ${ours}))`
          const [[count] = []] = await textRows(side, differ)
          if (count === '0') outcomes.equal += 1
          else wrong.push(`${name}: ${count} rows differ`)
        } catch (error) {
          outcomes.unread += 1
          if (/Binder|Conversion/.test(String(error))) wrong.push(`${name}: ${String(error).split('\n')[0]}`)
        }
      } catch (error) {
        if (!(error instanceof CopyError) || error.sqlState === 'XX000') wrong.push(`${name}: ${error}`)
        else {
          outcomes.refused += 1
          if (process.env.COPYIST_TELL) console.log(`${name}: ${error.sqlState} ${error.message}`)
        }
      } finally {
        await db.close()
        side.closeSync()
        connection.closeSync()
        instance.closeSync()
      }
      const seconds = (performance.now() - started) / 1000
      if (seconds > 10) wrong.push(`${name}: ${seconds.toFixed(1)} s`)
    }
    expect(wrong, JSON.stringify(outcomes)).toEqual([])
    expect(outcomes.equal).toBeGreaterThan(60)
  },
  300_000,
)
