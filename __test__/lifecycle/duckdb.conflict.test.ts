import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../lib/index.ts'
import { connectDuckdb } from '../../lib/target/duckdb/connect.ts'
import { loadRows } from './duckdb.batches.ts'

/*
 * ON CONFLICT beside ON_ERROR skip_row: what is loaded, refused and passed over is what taking the rows one by one gives, wherever
 * windows end.
 */

let instance: DuckDBInstance
let connection: DuckDBConnection

beforeEach(async () => {
  instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
})
afterEach(() => {
  connection.closeSync()
  instance.closeSync()
})

type Row = readonly [a: number, b: number, c: number]

/** What a table of the test has. */
interface Made {
  readonly hasSecondKey: boolean
  /** Whether `c` refers to a table that lacks every fifth. */
  readonly hasReference: boolean
}

const isReferred = (c: number): boolean => c % 5 !== 2

/** Takes rows one by one: those left, and how many were loaded, refused and passed over. */
function model(input: readonly Row[], before: readonly Row[], clause: string, { hasSecondKey, hasReference }: Made) {
  const isUpdate = clause.includes('UPDATE')
  const keepsFirst = clause.includes('FIRST')
  const byA = new Map(before.map((row) => [row[0], row]))
  const byB = new Map(before.map((row) => [row[1], row]))
  const seen = new Set<number>()
  let [refused, passed] = [0, 0]
  for (const row of input) {
    const [a, b, c] = row
    const old = byA.get(a)
    if (c < 0) {
      refused += 1
    } else if (old !== undefined && (seen.has(a) ? keepsFirst : !isUpdate)) {
      passed += 1
    } else if (hasReference && !isReferred(c)) {
      refused += 1
    } else if (hasSecondKey && byB.get(b) !== undefined && byB.get(b) !== old) {
      refused += 1
    } else {
      if (seen.has(a)) passed += 1
      if (old !== undefined) byB.delete(old[1])
      byA.set(a, row)
      byB.set(b, row)
      seen.add(a)
    }
  }
  return { counts: [input.length - refused - passed, refused, passed], rows: [...byA.values()].map(String).sort() }
}

const CLAUSES = ['DO UPDATE', 'DO UPDATE KEEP FIRST', 'DO SKIP KEEP LAST', 'DO SKIP KEEP FIRST']

const COLUMNS = 'a INTEGER PRIMARY KEY, b INTEGER, c INTEGER CHECK (c >= 0)'

// Where few rows have a second key to themselves, many a row is refused behind which others have its first key.
describe.each([
  ['one key', COLUMNS, 30_011],
  ['two keys', `${COLUMNS}, UNIQUE (b)`, 30_011],
  ['one key and a reference', `${COLUMNS} REFERENCES o (x)`, 30_011],
  ['two keys and a reference', `${COLUMNS} REFERENCES o (x), UNIQUE (b)`, 2_003],
])('of a table with %s', (_, columns, values) => {
  const made: Made = { hasSecondKey: columns.includes('UNIQUE'), hasReference: columns.includes('REFERENCES') }

  it.each(CLAUSES)(
    'ON CONFLICT (a) %s takes the rows one by one',
    async (clause) => {
      const before: Row[] = [
        [1, -1, 0],
        [2, -2, 0],
        [-5, -3, 0],
      ]
      const input = Array.from(
        { length: 40_000 },
        (__, n): Row => [(n * 7919) % 5_003, (n * 104_729) % values, n % 7 === 3 ? -1 : n],
      )
      const expected = model(input, before, clause, made)
      await connection.run('CREATE TABLE o (x INTEGER PRIMARY KEY)')
      await connection.run('INSERT INTO o SELECT range FROM range(40_000) WHERE range % 5 <> 2')
      for (const [threads, memoryLimit] of [
        [1, 256 << 20],
        [8, 256 << 20],
        [2, 1 << 20],
      ] as const) {
        await connection.run(`CREATE OR REPLACE TABLE t (${columns})`)
        await connection.run(`INSERT INTO t VALUES ${before.map((row) => `(${row})`)}`)
        const db = await connect(connection)
        const stdin = [Buffer.from(`${input.map(String).join('\n')}\n`)]
        const statement = `COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row) ON CONFLICT (a) ${clause}`
        const receipt = await db.copy(statement, { stdin, threads, memoryLimit, ledger: false })
        await db.close()
        expect([receipt.rowsLoaded, receipt.rowsRejected, receipt.rowsConflicted]).toEqual(expected.counts)
        const rows = await (await connection.run('FROM t')).getRows()
        expect(rows.map(String).sort()).toEqual(expected.rows)
      }
      const left = await (await connection.run(`FROM duckdb_tables() WHERE table_name LIKE 'copyist%'`)).getRows()
      expect(left).toEqual([])
    },
    120_000,
  )
})

describe('a key that another transaction commits meanwhile', () => {
  const detail =
    'Another transaction has committed this key since the one of the load began, which does not see it. Nothing was loaded.'

  it.each([
    ['ON_ERROR skip_row', ''],
    ['ON_ERROR skip_row', ' ON CONFLICT (a) DO UPDATE'],
    ['ON_ERROR stop', ' ON CONFLICT (a) DO UPDATE'],
    ['ON_ERROR stop', ' ON CONFLICT (a) DO SKIP'],
  ])('before its row goes in ends the load and is said to be one: %s%s', async (policy, clause) => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)')
    const other = await instance.connect()
    const db = await connect(connection, { ledger: false })
    const copy = () => db.copy(`COPY t FROM STDIN (FORMAT csv, ${policy})${clause}`, { stdin: '1,1\n5,6\n' })
    // The transaction sees the table as it was when it first looked.
    await connection.run('BEGIN; FROM t')
    await other.run('INSERT INTO t VALUES (5, 5)')
    await expect(copy()).rejects.toMatchObject({
      sqlState: '23505',
      message: 'Duplicate key "a: 5" violates primary key constraint.',
      detail,
      hint: expect.stringMatching(
        /^Load again, in a new transaction: then the key is found before the row goes in\. .* Only ROLLBACK/,
      ),
    })
    await connection.run('ROLLBACK')
    // As it says.
    await copy()
    await db.close()
    other.closeSync()
  })

  it('behind its row is told by COMMIT', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)')
    const target = await connectDuckdb(connection)
    const transaction = await target.begin()
    await loadRows(transaction, 't', [[5, 6]])
    const other = await instance.connect()
    await other.run('INSERT INTO t VALUES (5, 5)')
    await expect(transaction.commit()).rejects.toMatchObject({ sqlState: '23505', detail })
    await transaction.rollback()
    await target.close()
    other.closeSync()
  })

  it('is not what a key is that comes twice in the input', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)')
    const db = await connect(connection, { ledger: false })
    for (const where of ['', ' WHERE b > 0']) {
      const failed = db.copy(`COPY t FROM STDIN (FORMAT csv, ON_ERROR ignore)${where}`, { stdin: '5,6\n5,7\n' })
      await expect(failed).rejects.toMatchObject({ sqlState: '23505', detail: undefined })
    }
    await db.close()
  })
})
