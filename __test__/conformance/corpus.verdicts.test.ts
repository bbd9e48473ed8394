import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CopyError, connect, type Database } from '../../lib/index.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { BYTE_ORDER_MARK, contextLine, hasByteOrderMark, md5OfRows, readVerdicts, type Verdict } from './corpus.ts'

/** Files that start with a byte order mark. PostgreSQL loads it as data; copyist removes it. Nothing else may differ. */
const WITH_BYTE_ORDER_MARK = [
  'commons-csv/src/test/resources/org/apache/commons/csv/CSVFileParser/bom.csv',
  'duckdb/data/csv/18579/part_0_0001.csv',
  'duckdb/data/csv/18579/part_1_0001.csv',
  'duckdb/data/csv/auto/utf8bom.csv',
  'duckdb/data/csv/sample-0.csv',
]

/** Files in UTF-16. PostgreSQL calls their mark invalid UTF-8; copyist refuses them too, and says what they are. */
const IN_UTF16 = [
  'csv-parser/test/fixtures/bench/utf16.csv',
  'duckdb/data/csv/encodings/only_utf16.csv',
  'duckdb/data/csv/invalid_utf8.csv',
  'fastcsv/lib/src/intTest/resources/utf16le_bom.csv',
]

const verdicts = readVerdicts()

interface Answer {
  readonly sqlState: string
  readonly rows: number | undefined
  readonly md5: string | undefined
  readonly line: number | undefined
  readonly message: string
}

function expected({ file, path, sqlState, rows, md5, line, message }: Verdict): Answer {
  if (IN_UTF16.includes(file)) {
    expect({ sqlState, message }).toEqual({
      sqlState: '22021',
      message: 'invalid byte sequence for encoding "UTF8": 0xff',
    })
    const own = `file "${path}" is encoded in UTF-16, which is not supported yet`
    return { sqlState: '0A000', rows, md5, line: undefined, message: own }
  }
  return { sqlState, rows, md5, line, message }
}

/** One COPY; a second byte order mark in front leaves the file's own in place, as PostgreSQL does. */
async function copy(db: Database, verdict: Verdict, threads: number): Promise<{ rows: number } | CopyError> {
  try {
    const literal = verdict.path.replaceAll("'", "''")
    const marked = WITH_BYTE_ORDER_MARK.includes(verdict.file)
    const receipt = marked
      ? await db.copy(`COPY t FROM STDIN (${verdict.options})`, {
          stdin: [BYTE_ORDER_MARK, readFileSync(verdict.path)],
          threads,
        })
      : await db.copy(`COPY t FROM '${literal}' (${verdict.options})`, { threads })
    return { rows: receipt.rowsLoaded }
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
}

function refused(error: CopyError): Answer {
  return {
    sqlState: error.sqlState,
    rows: undefined,
    md5: undefined,
    line: contextLine(error.context),
    message: error.message,
  }
}

const fromHex = (digits: string | null) => (digits === null ? null : Buffer.from(digits, 'hex').toString('utf8'))

const columns = (count: number) => Array.from({ length: count }, (_, index) => `c${index + 1} text`).join(', ')

describe.skipIf(verdicts === undefined)('2,800 verdicts of PostgreSQL', () => {
  const cases = verdicts ?? []

  test('the corpus is whole, and the files with a byte order mark are those listed', () => {
    expect(cases).toHaveLength(2800)
    const marked = new Set(cases.filter(({ path }) => hasByteOrderMark(path)).map(({ file }) => file))
    expect([...marked].sort()).toEqual(WITH_BYTE_ORDER_MARK)
  })

  describe('on PostgreSQL', () => {
    let scratch: ScratchDatabase
    let client: pg.Client
    let db: Database

    beforeAll(async () => {
      scratch = await createScratchDatabase()
      client = new pg.Client({ connectionString: scratch.url })
      await client.connect()
      db = await connect(client)
    })

    afterAll(async () => {
      await db?.close()
      await client?.end()
      await scratch?.drop()
    })

    test('every verdict is the same', { timeout: 600_000 }, async () => {
      const wrong: unknown[] = []
      for (const [index, verdict] of cases.entries()) {
        // A table made in the same transaction keeps its rows in the order of the file.
        await client.query(`BEGIN; CREATE TABLE t (${columns(verdict.columns)})`)
        const outcome = await copy(db, verdict, 1 + (index % 3))
        let answer: Answer
        if (outcome instanceof CopyError) {
          answer = refused(outcome)
        } else {
          const { rows } = await client.query<{ md5: string }>(
            "SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY ctid), '')) AS md5 FROM t",
          )
          answer = { sqlState: '00000', rows: outcome.rows, md5: rows[0]?.md5, line: undefined, message: '' }
        }
        await client.query('ROLLBACK')
        const want = expected(verdict)
        if (JSON.stringify(answer) !== JSON.stringify(want)) {
          wrong.push({ file: verdict.file, dialect: verdict.dialect, want, answer })
        }
      }
      expect(wrong).toEqual([])
    })
  })

  test('every verdict is the same on DuckDB', { timeout: 600_000 }, async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const connection = await instance.connect()
    const db = await connect(connection)
    try {
      const wrong: unknown[] = []
      for (const [index, verdict] of cases.entries()) {
        await connection.run(`CREATE OR REPLACE TABLE t (${columns(verdict.columns)})`)
        const outcome = await copy(db, verdict, 1 + (index % 3))
        let answer: Answer
        if (outcome instanceof CopyError) {
          answer = refused(outcome)
        } else {
          // As hexadecimal digits: the driver drops a byte order mark at the start of a string.
          const reader = await connection.runAndReadAll('SELECT hex(COLUMNS(*)) FROM t ORDER BY rowid')
          const md5 = md5OfRows((reader.getRows() as (string | null)[][]).map((row) => row.map(fromHex)))
          answer = { sqlState: '00000', rows: outcome.rows, md5, line: undefined, message: '' }
        }
        const want = expected(verdict)
        if (JSON.stringify(answer) !== JSON.stringify(want)) {
          wrong.push({ file: verdict.file, dialect: verdict.dialect, want, answer })
        }
      }
      expect(wrong).toEqual([])
    } finally {
      await db.close()
      connection.closeSync()
      instance.closeSync()
    }
  })
})
