import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, unlinkSync } from 'node:fs'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { DuckdbDriver } from './driver.ts'
import { query } from './query.ts'

/*
 * A database file that connecting made, and that nothing was put into
 *
 * DuckDB makes the file when it opens it. Where the first load then fails, an empty database is left behind, which the next
 * program that looks for the file takes for one. It is removed only while DuckDB's lock on it keeps other processes out, when
 * this process has it open nowhere else, and when it has nothing in it, whoever put it there.
 */

/** Whether opening `path` will make a new file, as far as that can be known before. */
export function isAbsent(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined && !existsSync(`${path}.wal`)
}

/** Removes the database at `path`, which nobody of ours has open any more, if it is empty and unused. Never rejects. */
export async function removeEmpty(driver: DuckdbDriver, path: string): Promise<void> {
  try {
    if (!lstatSync(path).isFile()) return
    const real = realpathSync(path)
    if (timesOpen(real) > 0) return
    // Not by the cache: nobody is to share this one. It fails where another process has the file.
    const instance = await driver.api.DuckDBInstance.create(real)
    try {
      const connection = await instance.connect()
      try {
        // Between the look and the removal nothing of this process can come.
        if ((await isEmpty(connection)) && timesOpen(real) === 1 && !existsSync(`${real}.wal`)) unlinkSync(real)
      } finally {
        connection.closeSync()
      }
    } finally {
      instance.closeSync()
    }
  } catch {
    // Then it stays.
  }
}

/** How many descriptors of this process are the file's. */
function timesOpen(real: string): number {
  const folder = '/proc/self/fd'
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`) === real
    } catch {
      // The descriptor that lists them is gone.
      return false
    }
  }).length
}

/** Whether a database has nothing in it that a new one has not. */
async function isEmpty(connection: DuckDBConnection): Promise<boolean> {
  const here = 'database_name = current_database() AND NOT internal'
  const [row] = await query(
    connection,
    `SELECT (SELECT count(*) FROM duckdb_tables() WHERE ${here}) + (SELECT count(*) FROM duckdb_views() WHERE ${here})
          + (SELECT count(*) FROM duckdb_schemas() WHERE ${here} AND schema_name <> 'main')
          + (SELECT count(*) FROM duckdb_types() WHERE ${here}) + (SELECT count(*) FROM duckdb_functions() WHERE ${here})
          + (SELECT count(*) FROM duckdb_sequences() WHERE database_name = current_database())`,
  )
  return Number(row?.[0]) === 0
}
