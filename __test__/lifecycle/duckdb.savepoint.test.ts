import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { connect, type Receipt } from '../../lib/index.ts'
import { describeTable } from '../../lib/target/duckdb/describe.ts'
import { loadDriver } from '../../lib/target/duckdb/driver.ts'
import { Savepoint } from '../../lib/target/duckdb/savepoint.ts'

/*
 * Loads that fail in a transaction of the caller's. DuckDB has no savepoints, yet the transaction is to go on as it would on PostgreSQL,
 * and the error is to be that of the same load in a transaction of its own.
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

async function rowsOf(sql: string): Promise<string[]> {
  const rows = await (await connection.run(sql)).getRows()
  return rows.map((row) => row.map(String).join(','))
}

interface Options {
  readonly signal?: AbortSignal
  readonly ledger?: boolean
}

async function load(statement: string, lines: Iterable<string>, options: Options = {}): Promise<Receipt> {
  const db = await connect(connection)
  try {
    const stdin = (function* () {
      for (const line of lines) yield Buffer.from(`${line}\n`)
    })()
    return await db.copy(statement, { stdin, ledger: false, ...options })
  } finally {
    await db.close()
  }
}

async function failureOf(promise: Promise<unknown>): Promise<CopyError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(CopyError)
  return error as CopyError
}

function* counted(count: number, ...last: string[]): Generator<string> {
  let block = []
  for (let n = 100; n < 100 + count; n++) {
    block.push(`${n},${n}`)
    if (block.length === 1_000 || n === 99 + count) {
      yield block.join('\n')
      block = []
    }
  }
  yield* last
}

const CSV = '(FORMAT csv)'

/** What is loaded; by a statement with the name `t`, of two columns. */
const FAILURES: readonly {
  readonly name: string
  readonly ddl: string
  readonly statement?: string
  readonly lines: () => Iterable<string>
  readonly sqlState: string
  readonly line?: number
  /** A row for which there is no error. */
  readonly good?: string
  /** The error has not the words of a transaction of its own: DuckDB refuses more there, or gives all of an expression. */
  readonly isOther?: boolean
}[] = [
  { name: 'a value', ddl: 't (a INTEGER, b INTEGER)', lines: () => counted(3, 'x,1'), sqlState: '22P02', line: 4 },
  {
    name: 'a value after many rows',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER)',
    lines: () => counted(700_000, 'x,1'),
    sqlState: '22P02',
    line: 700_001,
  },
  {
    name: 'the number of fields',
    ddl: 't (a INTEGER, b INTEGER)',
    lines: () => ['100,1', '101'],
    sqlState: '22P04',
    line: 2,
  },
  {
    name: 'NOT NULL',
    ddl: 't (a INTEGER, b INTEGER NOT NULL)',
    lines: () => ['100,1', '101,'],
    sqlState: '23502',
    line: 2,
  },
  {
    name: 'NOT NULL of a default',
    ddl: 't (a INTEGER, b INTEGER NOT NULL, c INTEGER NOT NULL DEFAULT (NULL))',
    statement: `COPY t (a, b) FROM STDIN ${CSV}`,
    lines: () => ['100,1', '101,2'],
    sqlState: '23502',
    line: 1,
  },
  {
    name: 'a CHECK',
    ddl: 't (a INTEGER, b INTEGER CHECK (b < 1000))',
    lines: () => counted(2_000),
    sqlState: '23514',
    line: 901,
  },
  {
    name: 'a CHECK that raises an error',
    ddl: 't (a INTEGER, b VARCHAR CHECK (CAST(b AS INTEGER) > 0))',
    lines: () => ['100,1', '101,x'],
    sqlState: '23514',
    line: 2,
  },
  {
    name: 'a key of the table',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER)',
    lines: () => ['100,1', '1,1'],
    sqlState: '23505',
    line: 2,
  },
  {
    name: 'a key of the transaction',
    ddl: 't (a INTEGER UNIQUE, b INTEGER)',
    lines: () => ['100,1', '2,1'],
    sqlState: '23505',
    line: 2,
  },
  {
    name: 'a key of the input, windows later',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER)',
    lines: () => counted(600_000, '100,1'),
    sqlState: '23505',
    line: 600_001,
  },
  {
    name: 'a unique index of an expression',
    ddl: 't (a VARCHAR, b INTEGER); CREATE UNIQUE INDEX i ON t (lower(a))',
    lines: () => ['x,1', 'y,2', 'X,3'],
    sqlState: '23505',
    line: 3,
  },
  {
    name: 'a unique index of an expression that raises an error',
    ddl: 't (a VARCHAR, b INTEGER); CREATE UNIQUE INDEX i ON t ((CAST(a AS INTEGER)))',
    lines: () => ['100,1', 'y,2'],
    sqlState: '22P02',
    line: 2,
  },
  {
    name: 'a foreign key',
    ddl: 't (a INTEGER, b INTEGER REFERENCES p (id))',
    lines: () => ['100,1', '101,7'],
    sqlState: '23503',
    line: 2,
  },
  {
    name: 'a foreign key to the same table, after rows that refer to each other',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER REFERENCES t (a))',
    lines: () => ['100,', '101,100', '102,101', '103,7'],
    sqlState: '23503',
    line: 4,
    isOther: true,
  },
  {
    name: 'a cast of DuckDB’s',
    ddl: 't (a INTEGER, b UTINYINT)',
    lines: () => ['100,1', '101,256'],
    sqlState: '22003',
    line: 2,
  },
  {
    name: 'a cast of DuckDB’s to a nested type',
    ddl: 't (a INTEGER, b STRUCT(x INTEGER))',
    lines: () => ['100,{x: 1}', '101,{y'],
    sqlState: '22P02',
    line: 2,
  },
  {
    name: 'a generated column',
    ddl: 't (a INTEGER, b VARCHAR, c INTEGER GENERATED ALWAYS AS (CAST(b AS INTEGER)))',
    lines: () => ['100,1', '101,x'],
    sqlState: '22000',
    line: 2,
    isOther: true,
  },
  {
    name: 'WHERE that raises an error',
    ddl: 't (a INTEGER, b VARCHAR)',
    statement: `COPY t FROM STDIN ${CSV} WHERE CAST(b AS INTEGER) > 0`,
    lines: () => ['100,1', '101,0', '102,x'],
    sqlState: '22P02',
    line: 3,
  },
  {
    name: 'a limit of rejects',
    ddl: 't (a INTEGER, b INTEGER)',
    statement: 'COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1)',
    lines: () => counted(600_000, 'x,1', 'y,1'),
    sqlState: '22P02',
  },
  {
    name: 'a share of rejects, in the end',
    ddl: 't (a INTEGER CHECK (a > 0), b INTEGER)',
    statement: `COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT '10%')`,
    lines: () => counted(6, '-1,1', '-2,1'),
    sqlState: '22P02',
  },
  {
    name: 'an update that breaks another constraint',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER CHECK (b < 1000))',
    statement: `COPY t FROM STDIN ${CSV} ON CONFLICT (a) DO UPDATE`,
    lines: () => ['1,7', '100,1', '2,8', '101,2000'],
    sqlState: '23514',
    line: 4,
  },
  {
    name: 'a value after updates',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER)',
    statement: `COPY t FROM STDIN ${CSV} ON CONFLICT (a) DO UPDATE`,
    lines: () => ['1,7', '100,1', '2,8', 'x,2000'],
    sqlState: '22P02',
    line: 4,
  },
  {
    name: 'another constraint beside ON CONFLICT DO SKIP',
    ddl: 't (a INTEGER PRIMARY KEY, b INTEGER UNIQUE)',
    statement: `COPY t FROM STDIN ${CSV} ON CONFLICT (a) DO SKIP`,
    lines: () => ['1,7', '100,50', '101,50'],
    good: '100,9',
    sqlState: '23505',
    line: 3,
  },
]

describe('a load that fails in the caller’s transaction', () => {
  it.each(FAILURES)(
    'for $name leaves that as it was',
    async ({ ddl, statement, lines, sqlState, line, good, isOther }) => {
      const copy = statement ?? `COPY t FROM STDIN ${CSV}`
      const prepare = `CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2); CREATE TABLE ${ddl}`
      const isSelf = ddl.includes('REFERENCES t')
      const before = isSelf ? `INSERT INTO t (a) VALUES (1)` : `INSERT INTO t (a, b) VALUES (1, ${bOf(ddl)})`
      const within = isSelf ? `INSERT INTO t (a, b) VALUES (2, 1)` : `INSERT INTO t (a, b) VALUES (2, ${bOf(ddl, 2)})`
      await connection.run(ddl.includes('DEFAULT (NULL)') ? prepare : `${prepare}; ${before}; ${within}`)
      const alone = await failureOf(load(copy, lines()))
      await connection.run('DROP TABLE t; DROP TABLE p')

      await connection.run(ddl.includes('DEFAULT (NULL)') ? prepare : `${prepare}; ${before}`)
      await connection.run('BEGIN')
      if (!ddl.includes('DEFAULT (NULL)')) await connection.run(within)
      const was = await rowsOf('SELECT * FROM t ORDER BY ALL')
      for (let time = 0; time < 2; time++) {
        const error = await failureOf(load(copy, lines()))
        expect(error).toMatchObject({ sqlState, code: alone.code })
        expect(alone.sqlState).toBe(sqlState)
        expect(error.position?.line).toBe(line ?? alone.position?.line)
        expect(error.hint).toBe(alone.hint)
        if (sqlState !== '23505' && !isOther) expect(error.message).toBe(alone.message)
        expect(await rowsOf('SELECT * FROM t ORDER BY ALL')).toEqual(was)
        expect(await rowsOf(`SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'copyist%'`)).toEqual([])
      }
      if (!ddl.includes('DEFAULT (NULL)')) {
        const row = good ?? (ddl.includes('STRUCT') ? '100,{x: 3}' : '100,1')
        expect(await load(copy, [row])).toMatchObject({ rowsLoaded: 1 })
      }
      await connection.run('COMMIT')
      expect(await rowsOf('SELECT count(*) FROM t')).toEqual([ddl.includes('DEFAULT (NULL)') ? '0' : '3'])
    },
    60_000,
  )

  it('for its input takes back the table that it has created', async () => {
    await connection.run('BEGIN')
    const copy = 'COPY made FROM STDIN (FORMAT csv, HEADER, CREATE_TABLE)'
    await connection.run('CREATE TABLE kept (a INTEGER)')
    expect(await failureOf(load(`${copy} WHERE CAST(b AS INTEGER) > 0`, ['a,b', '1,2', '2,x']))).toMatchObject({
      sqlState: '22P02',
      position: { line: 3 },
    })
    expect(await rowsOf('SELECT table_name FROM duckdb_tables()')).toEqual(['kept'])
    expect(await load(copy, ['a,b', '1,2'])).toMatchObject({ rowsLoaded: 1 })
    await connection.run('COMMIT')
    expect(await rowsOf('FROM made')).toEqual(['1,2'])
  })

  it('and its record, are told apart: the record of the failure stays', async () => {
    await connection.run('CREATE TABLE t (a INTEGER CHECK (a > 0))')
    await connection.run('BEGIN')
    const copy = 'COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1)'
    await failureOf(load(copy, ['1', '-1', '2', '-2'], { ledger: true }))
    await load(copy, ['3', '-3', '4'], { ledger: true })
    await connection.run('COMMIT')
    expect(await rowsOf('FROM t')).toEqual(['3', '4'])
    expect(
      await rowsOf('SELECT rows_loaded, rows_rejected, error_sqlstate FROM copyist.loads ORDER BY rows_loaded'),
    ).toEqual(['0,2,22P02', '2,1,null'])
  })

  it.each([
    ['WHERE', 't (a INTEGER, b INTEGER)', `a < 3 OR CAST('x' AS INTEGER) = b`, '22000'],
    ['a CHECK', `t (a INTEGER, b INTEGER, CHECK (a < 3 OR 2147483647 + 1 = b))`, 'true', '23514'],
  ])('for a constant in %s that raises an error leaves it, too', async (_, ddl, where, sqlState) => {
    await connection.run(`CREATE TABLE ${ddl}`)
    await connection.run('BEGIN')
    const error = await failureOf(load(`COPY t FROM STDIN ${CSV} WHERE ${where}`, ['1,1', '3,1']))
    expect(error.sqlState).toBe(sqlState)
    expect(error.hint).toBeUndefined()
    await connection.run('COMMIT')
    expect(await rowsOf('FROM t')).toEqual([])
  })

  it('by a signal leaves it too', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)')
    await connection.run('BEGIN')
    await connection.run('INSERT INTO t VALUES (1, 1)')
    const controller = new AbortController()
    const lines = (function* () {
      yield* counted(600_000)
      controller.abort()
      yield* counted(1)
    })()
    const error = await failureOf(load(`COPY t FROM STDIN ${CSV}`, lines, { signal: controller.signal }))
    expect(error).toMatchObject({ sqlState: '57014', hint: undefined })
    await connection.run('INSERT INTO t VALUES (100, 1)')
    await connection.run('COMMIT')
    expect(await rowsOf('FROM t')).toEqual(['1,1', '100,1'])
  })

  it('by a signal is given up where many rows refer to each other, one a statement', async () => {
    await connection.run(
      'CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER REFERENCES t (a)); INSERT INTO t VALUES (0, NULL)',
    )
    const driver = await loadDriver()
    const part = (value: string) => ({ value, quoted: false, offset: 0 })
    const table = await describeTable(driver, connection, { name: part('t') })
    if (table === undefined) throw new Error('the table is not there')
    await connection.run('BEGIN')
    const savepoint = await Savepoint.set(connection, table)
    for (let n = 1; n <= 10; n++) await connection.run(`INSERT INTO t VALUES (${n}, ${n - 1})`)
    // Each question takes 400 ms.
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += 400))
    expect(await savepoint.restore(AbortSignal.abort())).toBe(false)
    clock.mockRestore()
    const [left = ''] = await rowsOf('SELECT count(*) FROM t')
    expect(Number(left)).toBeGreaterThan(5)
    expect(await savepoint.restore(new AbortController().signal)).toBe(true)
    expect(await rowsOf('SELECT a FROM t')).toEqual(['0'])
    await connection.run('ROLLBACK')
  })

  it('aborts it, and says so, when rows of before cannot be told from those of the load, for a column named rowid', async () => {
    await connection.run('CREATE TABLE t (a INTEGER, "RowId" INTEGER); INSERT INTO t VALUES (1, 1)')
    await connection.run('BEGIN')
    await connection.run('INSERT INTO t VALUES (2, 2)')
    expect(await load(`COPY t FROM STDIN ${CSV}`, ['3,3'])).toMatchObject({ rowsLoaded: 1 })
    // As long as none is there, nothing has to be told.
    expect(await failureOf(load(`COPY t FROM STDIN ${CSV}`, ['x,1']))).toMatchObject({
      sqlState: '22P02',
      hint: undefined,
    })
    expect(await rowsOf('SELECT a FROM t')).toEqual(['1', '2', '3'])
    const error = await failureOf(load(`COPY t FROM STDIN ${CSV}`, counted(700_000, 'x,1')))
    expect(error).toMatchObject({ sqlState: '22P02', position: { line: 700_001 } })
    expect(error.hint).toContain('Only ROLLBACK can follow')
    await expect(connection.run('SELECT 1')).rejects.toThrow('Current transaction is aborted')
    await connection.run('ROLLBACK')
    expect(await rowsOf('FROM t')).toEqual(['1,1'])
  })

  it('aborts it, and says so, when DuckDB raises an error that nothing can catch', async () => {
    await connection.run('CREATE TABLE t (a INTEGER, b INTEGER)')
    await connection.run('BEGIN')
    await connection.run('INSERT INTO t VALUES (1, 1)')
    const where = `CASE WHEN a = 3 THEN error('no 3') ELSE true END`
    const error = await failureOf(load(`COPY t FROM STDIN ${CSV} WHERE ${where}`, ['2,2', '3,3']))
    expect(error.message).toBe('no 3')
    expect(error.hint).toContain('Only ROLLBACK can follow')
    await expect(connection.run('SELECT 1')).rejects.toThrow('Current transaction is aborted')
    await connection.run('ROLLBACK')
    expect(await rowsOf('FROM t')).toEqual([])
  })
})

/** A value that the second column takes. */
function bOf(ddl: string, n = 1): string {
  return ddl.includes('STRUCT') ? `{'x': ${n}}` : String(n)
}
