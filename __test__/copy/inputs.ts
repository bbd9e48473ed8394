import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import type { Bench } from './targets.ts'

/** A folder of the test file's own, and what writes a file into it, or below, and answers its path. */
export interface Folder {
  readonly path: string
  file(name: string, content: string | Uint8Array): string
}

/** Makes a folder for the tests of a file. */
export function useFolder(prefix: string): Folder {
  let path: string
  beforeAll(() => {
    path = mkdtempSync(join(tmpdir(), prefix))
  })
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return {
    get path() {
      return path
    },
    file(name, content) {
      const file = join(path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content)
      return file
    },
  }
}

/** What writes the rows of a query of DuckDB's into a Parquet file of the folder, and answers its path. */
export function useParquet(folder: Folder): (name: string, query: string, options?: string) => Promise<string> {
  let instance: DuckDBInstance
  let connection: DuckDBConnection
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:')
    connection = await instance.connect()
  })
  afterAll(() => {
    connection.closeSync()
    instance.closeSync()
  })
  return async (name, query, options = '') => {
    const path = join(folder.path, name)
    await connection.run(`COPY (${query}) TO '${path}' (FORMAT parquet${options})`)
    return path
  }
}

/** The refusal of a load into the empty table `t`, after proving that nothing was loaded and the connection still works. */
export async function refusalOf(bench: Bench, load: Promise<unknown>): Promise<CopyError> {
  const error = await load.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(CopyError)
  expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
  const receipt = await bench.db.copy('COPY t FROM STDIN', { stdin: [Buffer.from('7\tx\n')] })
  expect(receipt.rowsLoaded).toBe(1)
  await bench.sql('DELETE FROM t')
  return error as CopyError
}
