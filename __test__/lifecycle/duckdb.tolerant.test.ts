import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { connect } from '../../lib/index.ts'
import type { Reject } from '../../lib/rejects.ts'

/*
 * Rows that only DuckDB refuses. What is expected of a load that goes on without them is what inserting its rows one by one, each by a
 * statement of its own, would leave behind.
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

const SKIP = '(FORMAT csv, ON_ERROR skip_row)'

async function rowsOf(sql: string, on = connection): Promise<string[]> {
  const rows = await (await on.run(sql)).getRows()
  return rows.map((row) => row.map(String).join(','))
}

interface Loaded {
  readonly counts: readonly number[]
  readonly rejects: readonly Reject[]
}

/** Loads lines into a table; `counts` are those of rows read, loaded, filtered and rejected. */
async function load(statement: string, lines: Iterable<string> | AsyncIterable<string>, options = {}): Promise<Loaded> {
  const db = await connect(connection)
  const rejects: Reject[] = []
  try {
    const stdin = (async function* () {
      for await (const line of lines) yield Buffer.from(`${line}\n`)
    })()
    const receipt = await db.copy(statement, {
      stdin,
      onReject: (reject) => rejects.push(reject),
      ledger: false,
      ...options,
    })
    const { rowsRead, rowsLoaded, rowsFiltered, rowsRejected } = receipt
    expect(rowsRejected).toBe(rejects.length)
    return { counts: [rowsRead, rowsLoaded, rowsFiltered, rowsRejected], rejects }
  } finally {
    await db.close()
  }
}

/** Lines of rejects with the SQLSTATEs and columns of their errors. */
function brief(rejects: readonly Reject[]): string[] {
  return rejects.map(
    ({ line, errors }) => `${line}: ${errors.map(({ sqlState, column }) => `${sqlState} ${column ?? '-'}`).join(', ')}`,
  )
}

async function noTemporaryTables(): Promise<void> {
  expect(await rowsOf(`SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'copyist%'`)).toEqual([])
}

describe('a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'copyist-hopeful-'))
  const path = join(folder, 'rows.csv')
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each([
    ['at once', [4]],
    ['in the end', [699_000]],
    ['here and there', [4, 300_000, 300_001, 699_000]],
  ])(
    'of which a row is refused %s loads the others, and tells of each once',
    async (_, bad) => {
      const lines = Array.from({ length: 700_000 }, (_, n) => `${(n * 7919) % 1_000_003},${n}`)
      // Of the decoder, before any of the target.
      lines[2] = 'x,2'
      for (const n of bad) lines[n] = `${lines[n - 4]}`
      writeFileSync(path, `${lines.join('\n')}\n`)
      await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b >= 0))')
      for (const ledger of [false, true]) {
        const { counts, rejects } = await load(`COPY t FROM '${path}' ${SKIP}`, [], { ledger, stdin: undefined })
        expect(counts).toEqual([700_000, 699_999 - bad.length, 0, bad.length + 1])
        expect(brief(rejects)).toEqual(['3: 22P02 a', ...bad.map((n) => `${n + 1}: 23505 a`)])
        expect(
          await rowsOf(
            'SELECT count(*), count(*) FILTER (rowid <> n) FROM (SELECT rowid, row_number() OVER (ORDER BY b) - 1 AS n FROM t)',
          ),
        ).toEqual([`${699_999 - bad.length},0`])
        await connection.run('DROP TABLE t; CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b >= 0))')
      }
    },
    60_000,
  )

  it('of which all rows are refused by another table leaves others their turns, and memory', async () => {
    const count = 600_000
    writeFileSync(path, Array.from({ length: count }, (_, n) => `${n},${n + 9_000_000},row number ${n}\n`).join(''))
    await connection.run(`CREATE TABLE o (x INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER PRIMARY KEY,
        b INTEGER REFERENCES o (x), c VARCHAR)`)
    const db = await connect(connection)
    // Of this thread, since a busy machine is no matter of ours.
    const schedule = openSync('/proc/thread-self/schedstat', 'r')
    const bytes = Buffer.alloc(64)
    const milliseconds = () =>
      Number(bytes.toString('latin1', 0, readSync(schedule, bytes, 0, 64, 0)).split(' ')[0]) / 1e6
    const turns: number[] = []
    let last = milliseconds()
    const turn = () => {
      const now = milliseconds()
      turns.push(now - last)
      last = now
      watch = setImmediate(turn)
    }
    let watch = setImmediate(turn)
    const before = process.memoryUsage().rss
    let told = 0
    try {
      const receipt = await db.copy(`COPY t FROM '${path}' ${SKIP}`, { ledger: false, onReject: () => (told += 1) })
      expect(receipt).toMatchObject({ rowsRead: count, rowsRejected: count, rowsLoaded: 0 })
    } finally {
      clearImmediate(watch)
      closeSync(schedule)
      await db.close()
    }
    expect(told).toBe(count)
    turns.sort((one, other) => other - one)
    // A slow processor doubles what a turn takes; one that waits for a whole batch of rejects takes hundreds.
    expect(turns[2]).toBeLessThan(40)
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(400)
  }, 60_000)

  it('of short rows, many of which fit the first window, loads on after one that is refused', async () => {
    const count = 200_000
    writeFileSync(path, `1\n${Array.from({ length: count - 1 }, (_, n) => `${n}\n`).join('')}`)
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY)')
    const { counts } = await load(`COPY t FROM '${path}' ${SKIP}`, [], { stdin: undefined })
    expect(counts).toEqual([count, count - 1, 0, 1])
    await noTemporaryTables()
  })

  it('that makes its table loads what it can, after a refusal too', async () => {
    writeFileSync(path, 'a,b\n1,2\n2,x\n')
    await connection.run('CREATE SCHEMA s')
    const { counts } = await load(
      `COPY s.made FROM '${path}' (FORMAT csv, HEADER, CREATE_TABLE, ON_ERROR skip_row) WHERE b <> 'y'`,
      [],
      { stdin: undefined },
    )
    expect(counts).toEqual([2, 2, 0, 0])
    await noTemporaryTables()
  })
})

describe('constraints', () => {
  it('refuses what a CHECK does not hold for, in DuckDB’s words', async () => {
    await connection.run('CREATE TABLE t (a INTEGER CHECK (a > 0), b INTEGER, CHECK (a + b < 100))')
    const { counts, rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1,2', '-1,2', '50,50', '-3,200', ',-5', ','])
    expect(counts).toEqual([6, 3, 0, 3])
    expect(brief(rejects)).toEqual(['2: 23514 a', '3: 23514 -', '4: 23514 a, 23514 -'])
    expect(rejects[0]?.errors[0]).toMatchObject({
      code: 'check_violation',
      type: 'INTEGER',
      field: 1,
      message: 'CHECK constraint failed on table t with expression CHECK((a > 0))',
    })
    expect(rejects[2]?.raw.toString()).toBe('-3,200')
    expect(await rowsOf('FROM t')).toEqual(['1,2', 'null,-5', 'null,null'])
  })

  it('takes a CHECK that raises an error for a violation, as DuckDB does', async () => {
    await connection.run(`CREATE TABLE t (a VARCHAR CHECK (CAST(a AS INTEGER) > 0), b INTEGER CHECK (b))`)
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1,1', 'x,1', '0,1', '2,0', ',', '3,7'])
    expect(brief(rejects)).toEqual(['2: 23514 a', '3: 23514 a', '4: 23514 b'])
    expect(await rowsOf('FROM t')).toEqual(['1,1', 'null,null', '3,7'])
  })

  it('evaluates a CHECK that says the same twice, and two that do', async () => {
    const cast = 'CAST(a AS INTEGER)'
    await connection.run(
      `CREATE TABLE t (a VARCHAR CHECK (abs(${cast} + 1) * (${cast} + 1) < 50), b INTEGER, CHECK (${cast} + 1 <> b))`,
    )
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1,1', 'x,1', '7,1', '2,3', ',', '3,3', '9,10'])
    expect(brief(rejects)).toEqual(['2: 23514 a, 23514 -', '3: 23514 a', '4: 23514 -', '7: 23514 a, 23514 -'])
    expect(await rowsOf('FROM t')).toEqual(['1,1', 'null,null', '3,3'])
  })

  it('has no names of its own that a table could not have', async () => {
    await connection.run(`CREATE TABLE copyist_s (copyist_n INTEGER CHECK (copyist_n > 0), COPYIST_KEPT UTINYINT, copyist_row INTEGER,
      k1 INTEGER, k0 INTEGER, n INTEGER DEFAULT 5, copyist__t1 INTEGER, PRIMARY KEY (k1, k0), UNIQUE (copyist_n))`)
    const lines = [
      '1,2,3,1,2,7',
      '0,2,3,4,5,7',
      '2,300,3,6,5,7',
      '3,2,3,1,2,7',
      '1,2,3,2,1,8',
      '4,4,4,4,4,4',
      '5,5,5,5,5,',
    ]
    const columns = 'copyist_n, copyist_kept, copyist_row, k1, k0, copyist__t1'
    const { rejects } = await load(
      `COPY copyist_s (${columns}) FROM STDIN ${SKIP} WHERE copyist_n + copyist_row < 8 OR copyist_kept IS NULL`,
      lines,
    )
    expect(brief(rejects)).toEqual(['2: 23514 copyist_n', '3: 22003 COPYIST_KEPT', '4: 23505 -', '5: 23505 copyist_n'])
    expect(await rowsOf('FROM copyist_s')).toEqual(['1,2,3,1,2,5,7'])
    await load(`COPY copyist_s (${columns}) FROM STDIN (FORMAT csv) ON CONFLICT (k1, k0) DO UPDATE`, [
      '9,9,9,1,2,9',
      '8,8,8,2,1,8',
      '7,7,7,2,1,7',
    ])
    expect(await rowsOf('FROM copyist_s')).toEqual(['9,9,9,1,2,5,9', '7,7,7,2,1,5,7'])
  })

  it('understands a CHECK with a volatile function', async () => {
    await connection.run('CREATE TABLE t (a DOUBLE CHECK (a + random() < 10))')
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1', '10', '2'])
    expect(brief(rejects)).toEqual(['2: 23514 a'])
  })

  it('refuses the later ones of rows with one key, and those with a key of the table', async () => {
    await connection.run(`CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR); INSERT INTO t VALUES (3, 'was there')`)
    const { counts, rejects } = await load(`COPY t FROM STDIN ${SKIP}`, [
      '1,a',
      '2,b',
      '1,c',
      '3,d',
      '4,e',
      '1,f',
      '4,g',
    ])
    expect(counts).toEqual([7, 3, 0, 4])
    expect(brief(rejects)).toEqual(['3: 23505 a', '4: 23505 a', '6: 23505 a', '7: 23505 a'])
    expect(rejects[0]?.errors[0]).toMatchObject({
      code: 'unique_violation',
      message: 'Duplicate key "a: 1" violates primary key constraint.',
    })
    expect(await rowsOf('FROM t')).toEqual(['3,was there', '1,a', '2,b', '4,e'])
  })

  it('never takes NULL for a key that is there', async () => {
    await connection.run('CREATE TABLE t (a INTEGER, b INTEGER, UNIQUE (a, b))')
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1,', '1,', ',2', ',2', '1,2', '1,2'])
    expect(brief(rejects)).toEqual(['6: 23505 -'])
    expect(rejects[0]?.errors[0]?.message).toBe('Duplicate key "a: 1, b: 2" violates unique constraint.')
  })

  it('knows unique indexes, of expressions too', async () => {
    await connection.run(`CREATE TABLE t ("a b" VARCHAR, c INTEGER);
      CREATE UNIQUE INDEX i ON t (lower("a b")); CREATE UNIQUE INDEX j ON t (c)`)
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['x,1', 'X,2', 'y,1', 'z,3'])
    expect(brief(rejects)).toEqual(['2: 23505 -', '3: 23505 c'])
    expect(await rowsOf('FROM t')).toEqual(['x,1', 'z,3'])
  })

  it('compares keys as indexes do, whatever the collation', async () => {
    await connection.run(`CREATE TABLE t (a VARCHAR COLLATE NOCASE PRIMARY KEY); INSERT INTO t VALUES ('x')`)
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['X', 'x', 'y', 'Y'])
    expect(brief(rejects)).toEqual(['2: 23505 a'])
  })

  it('compares keys that are not what they look like', async () => {
    await connection.run('CREATE TABLE t (a DOUBLE UNIQUE, b DECIMAL(4,1) UNIQUE, c DATE UNIQUE)')
    const lines = [
      '0,1,2024-01-01',
      '-0,2,2024-01-02',
      'NaN,3,2024-01-03',
      'nan,4,2024-01-04',
      '5,1.0,2024-01-05',
      '6,6,20240101',
    ]
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, lines)
    expect(brief(rejects)).toEqual(['2: 23505 a', '4: 23505 a', '5: 23505 b', '6: 23505 c'])
  })

  it('does not let a row that one key refuses block another by its other key', async () => {
    await connection.run('CREATE TABLE t (a INTEGER UNIQUE, b INTEGER UNIQUE)')
    const lines = ['1,1', '1,2', '2,2', '2,3', '3,3', '4,3', '4,4', '5,1', '5,5']
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, lines)
    expect(await rowsOf('FROM t')).toEqual(['1,1', '2,2', '3,3', '4,4', '5,5'])
    expect(brief(rejects)).toEqual(['2: 23505 a', '4: 23505 a', '6: 23505 b', '8: 23505 b'])
  })

  it('refuses foreign keys that are not in the other table', async () => {
    await connection.run(`CREATE SCHEMA s; CREATE TABLE s."o t" (x INTEGER, y VARCHAR, PRIMARY KEY (x, y));
      INSERT INTO s."o t" VALUES (1, 'a'), (2, 'b'); CREATE TABLE s.t (i INTEGER, k VARCHAR, j INTEGER, FOREIGN KEY (j, k) REFERENCES s."o t" (x, y))`)
    const { rejects } = await load(`COPY s.t FROM STDIN ${SKIP}`, ['0,a,1', '1,b,1', '2,,7', '3,b,2', '4,z,'])
    expect(brief(rejects)).toEqual(['2: 23503 -'])
    expect(rejects[0]?.errors[0]).toMatchObject({
      code: 'foreign_key_violation',
      message: 'Violates foreign key constraint because key "x: 1, y: b" does not exist in the referenced table',
    })
  })

  it('does not let a row that only a foreign key refuses hold its key', async () => {
    await connection.run(`CREATE TABLE o (x INTEGER PRIMARY KEY); INSERT INTO o VALUES (0);
      CREATE TABLE t (a INTEGER PRIMARY KEY, m INTEGER REFERENCES o (x), b INTEGER)`)
    const lines = ['1,9,1', '1,0,2', '1,0,3', '2,9,4', '2,8,5', '3,0,6', '3,9,7', '2,,8']
    const { counts, rejects } = await load(`COPY t FROM STDIN ${SKIP}`, lines)
    expect(counts).toEqual([8, 3, 0, 5])
    expect(brief(rejects)).toEqual(['1: 23503 m', '3: 23505 a', '4: 23503 m', '5: 23503 m', '7: 23505 a, 23503 m'])
    expect(await rowsOf('FROM t')).toEqual(['1,0,2', '3,0,6', '2,null,8'])
    // Nor does it take another's place, or is passed over for one.
    for (const [clause, left] of [
      ['DO SKIP', ['1,0,2', '2,null,8', '3,0,6', '4,0,10']],
      ['DO UPDATE', ['1,0,9', '2,null,8', '3,0,6', '4,0,10']],
    ] as const) {
      await connection.run('BEGIN')
      const { rejects: refused } = await load(`COPY t FROM STDIN ${SKIP} ON CONFLICT (a) ${clause}`, [
        '1,0,9',
        '4,9,9',
        '4,0,10',
        '4,9,11',
      ])
      expect(brief(refused).slice(0, 1)).toEqual(['2: 23503 m'])
      expect(await rowsOf('FROM t ORDER BY a')).toEqual(left)
      await connection.run('ROLLBACK')
    }
  })

  it('finds a key of the same table in rows before it that stay', async () => {
    await connection.run(
      'CREATE TABLE t (a INTEGER PRIMARY KEY, m INTEGER REFERENCES t (a)); INSERT INTO t VALUES (0, NULL)',
    )
    const lines = ['1,0', '2,1', '3,2', '4,9', '5,4', '6,7', '7,', '8,7', '1,8', '9,9', '10,3']
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, lines)
    expect(brief(rejects)).toEqual(['4: 23503 m', '5: 23503 m', '6: 23503 m', '9: 23505 a', '10: 23503 m'])
    expect(await rowsOf('FROM t')).toEqual(['0,null', '1,0', '2,1', '3,2', '7,null', '8,7', '10,3'])
  })

  it('finds one however rows are read, also where none may be refused', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'copyist-self-'))
    const path = join(folder, 'rows.csv')
    const ddl = 'CREATE TABLE t (a INTEGER PRIMARY KEY, m INTEGER REFERENCES t (a))'
    const far = Array.from({ length: 300_000 }, (_, n) => `${n},${n >= 260_000 ? n - 260_000 : ''}`)
    try {
      for (const [threads, memoryLimit] of [
        [1, 1 << 20],
        [8, 256 << 20],
      ] as const) {
        const other = await DuckDBInstance.create(':memory:', { threads: String(threads) })
        const lent = await other.connect()
        const db = await connect(lent)
        for (const isFile of [true, false]) {
          for (const lines of [['1,', '2,1', '3,2'], far]) {
            await lent.run(ddl)
            writeFileSync(path, lines.join('\n'))
            const statement = `COPY t FROM ${isFile ? `'${path}'` : 'STDIN'} (FORMAT csv)`
            const stdin = isFile ? {} : { stdin: lines.join('\n') }
            expect((await db.copy(statement, { memoryLimit, ...stdin })).rowsLoaded).toBe(lines.length)
            const bad = ['5000001,5000002', '5000002,']
            writeFileSync(path, bad.join('\n'))
            const failed = db.copy(statement, { memoryLimit, ...(isFile ? {} : { stdin: bad.join('\n') }) })
            await expect(failed).rejects.toMatchObject({ sqlState: '23503', position: { line: 1, column: 'm' } })
            expect(await rowsOf('SELECT count(*) FROM t', lent)).toEqual([String(lines.length)])
            await lent.run('DROP TABLE t')
          }
        }
        await db.close()
        lent.closeSync()
        other.closeSync()
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }, 60_000)

  it('finds one where rows are inserted as they were looked at', async () => {
    await connection.run(
      `CREATE TABLE t (a INTEGER PRIMARY KEY, m INTEGER REFERENCES t (a), r DOUBLE DEFAULT random() CHECK (r < 2))`,
    )
    const lines = Array.from({ length: 50 }, (_, n) => `${n === 20 ? 19 : n},${n === 0 ? '' : n - 1}`)
    const { rejects } = await load(`COPY t (a, m) FROM STDIN ${SKIP}`, [...lines, '60,3'])
    expect(rejects.map(({ line }) => line)).toEqual(Array.from({ length: 30 }, (_, n) => n + 21))
    expect(await rowsOf('SELECT list(a) = range(20) || [60] FROM t')).toEqual(['true'])
  })

  it('takes the row with a key that stays for the parent, not one before it that was refused', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b > 0), m INTEGER REFERENCES t (a))')
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1,-1,', '2,1,1', '1,1,', '3,1,1', '1,2,'])
    expect(brief(rejects)).toEqual(['1: 23514 b', '2: 23503 m', '5: 23505 a'])
    expect(await rowsOf('SELECT a FROM t')).toEqual(['1', '3'])
  })

  it('tells all reasons for which a row is refused', async () => {
    await connection.run(`CREATE TABLE o (x INTEGER PRIMARY KEY);
      CREATE TABLE t (a INTEGER PRIMARY KEY, b UTINYINT CHECK (b < 100), c INTEGER REFERENCES o (x), d HUGEINT UNIQUE, e UTINYINT)`)
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1,1,,5,1', '1,200,3,5,x', '2,300,4,5,7'])
    expect(brief(rejects)).toEqual(['2: 22P02 e, 23514 b, 23505 a, 23505 d, 23503 c', '3: 22003 b, 23505 d, 23503 c'])
  })

  it('refuses a default that is NULL where the column must have a value', async () => {
    await connection.run('CREATE TABLE t (a INTEGER, b INTEGER NOT NULL)')
    const { counts, rejects } = await load(`COPY t (a) FROM STDIN ${SKIP}`, ['1', '2'])
    expect(counts).toEqual([2, 0, 0, 2])
    expect(brief(rejects)).toEqual(['1: 23502 b', '2: 23502 b'])
  })

  it('refuses a row for which a generated column cannot be computed', async () => {
    await connection.run('CREATE TABLE t (a INTEGER, g TINYINT GENERATED ALWAYS AS (a * 10))')
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1', '100', '2'])
    expect(brief(rejects)).toEqual(['2: 22000 g'])
    expect(await rowsOf('FROM t')).toEqual(['1,10', '2,20'])
  })

  it('gives the table the defaults that were looked at', async () => {
    await connection.run(`CREATE SEQUENCE s; CREATE TABLE t (a INTEGER CHECK (a > 0), id INTEGER DEFAULT nextval('s') UNIQUE,
      r DOUBLE DEFAULT random() CHECK (r < 0.5), k INTEGER DEFAULT 7 CHECK (k > 5))`)
    const lines = Array.from({ length: 2_000 }, (_, n) => String(n % 10))
    const { counts, rejects } = await load(`COPY t (a) FROM STDIN ${SKIP}`, lines)
    expect(counts[1]).toBe(2_000 - rejects.length)
    expect(counts[1]).toBeGreaterThan(700)
    expect(await rowsOf('SELECT count(*), count(DISTINCT id), max(r) < 0.5, min(a), min(k) FROM t')).toEqual([
      `${counts[1]},${counts[1]},true,1,7`,
    ])
    expect(await rowsOf('SELECT list(id) = list_sort(list(id)) FROM t')).toEqual(['true'])
  })

  it('sees the key that a DEFAULT marker stands for', async () => {
    await connection.run('CREATE TABLE t (a INTEGER DEFAULT 5 PRIMARY KEY, b INTEGER)')
    const { rejects } = await load(`COPY t FROM STDIN (FORMAT csv, DEFAULT 'D', ON_ERROR skip_row)`, [
      'D,1',
      '5,2',
      'D,3',
      '6,4',
    ])
    expect(brief(rejects)).toEqual(['2: 23505 a', '3: 23505 a'])
    expect(await rowsOf('FROM t')).toEqual(['5,1', '6,4'])
  })
})

describe('casts that DuckDB does', () => {
  it('costs a row only what cannot be cast', async () => {
    await connection.run(`CREATE TABLE t (a UTINYINT, h HUGEINT, m MAP(VARCHAR, INTEGER), s STRUCT(x INTEGER, y VARCHAR), b BIT,
      u UNION(i INTEGER, v VARCHAR), l UTINYINT[])`)
    const { counts, rejects } = await load(`COPY t FROM STDIN (FORMAT text, ON_ERROR skip_row)`, [
      `1\t2\t{a=1}\t{'x': 1, 'y': z}\t0101\t5\t[1, 2]`,
      `-1\tx\t{a=1}\t{'x': 1, 'y': z}\t0101\t5\t[1, 2]`,
      `1\t2\t{a=b}\t{'x': q, 'y': z}\t0121\t5\t[1, 256]`,
      `\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N`,
      `1.4\t1e38\t{}\t{'x': NULL}\t1\ttext\t[]`,
    ])
    expect(counts).toEqual([5, 3, 0, 2])
    expect(brief(rejects)).toEqual(['2: 22003 a, 22P02 h', '3: 22P02 m, 22P02 s, 22P02 b, 22P02 l'])
    expect(rejects[0]?.errors).toMatchObject([
      { message: 'value "-1" is out of range for type UTINYINT', type: 'UTINYINT', field: 1 },
      { message: 'invalid input syntax for type HUGEINT: "x"', field: 2 },
    ])
    expect(await rowsOf('SELECT a, count(*) OVER () FROM t')).toEqual(['1,3', 'null,3', '1,3'])
  })

  it('is what ON_ERROR ignore tolerates, and no more', async () => {
    await connection.run('CREATE TABLE t (a UTINYINT, b INTEGER CHECK (b > 0))')
    const { rejects } = await load('COPY t FROM STDIN (FORMAT csv, ON_ERROR ignore)', ['1,1', 'x,2', '3,y', '4,4'])
    expect(brief(rejects)).toEqual(['2: 22P02 a', '3: 22P02 b'])
    expect(await rowsOf('FROM t')).toEqual(['1,1', '4,4'])
    const failed = load('COPY t FROM STDIN (FORMAT csv, ON_ERROR ignore)', ['5,5', 'x,6', '7,-7'])
    await expect(failed).rejects.toMatchObject({ sqlState: '23514' })
    expect(await rowsOf('SELECT count(*) FROM t')).toEqual(['2'])
  })
})

describe('WHERE', () => {
  it('comes first: what it holds back is not refused, and blocks nobody', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b > 0), c UTINYINT)')
    const { counts, rejects } = await load(`COPY t FROM STDIN ${SKIP} WHERE b <> 9 -- nine`, [
      '1,9,1',
      '1,1,1',
      '1,-1,1',
      '2,9,x',
      '3,3,3',
      '1,9,1',
    ])
    expect(counts).toEqual([6, 2, 2, 2])
    expect(brief(rejects)).toEqual(['3: 23514 b, 23505 a', '4: 22P02 c'])
    expect(await rowsOf('FROM t')).toEqual(['1,1,1', '3,3,3'])
  })

  it('sees columns that are not in the list', async () => {
    await connection.run(`CREATE TABLE t (a INTEGER UNIQUE, b INTEGER DEFAULT 4, r DOUBLE DEFAULT random())`)
    const lines = ['1', '1', ...Array.from({ length: 500 }, (_, n) => String(n + 2))]
    const { counts, rejects } = await load(`COPY t (a) FROM STDIN ${SKIP} WHERE b = 4 AND (r < 0.5 OR a = 1)`, lines)
    expect(brief(rejects)).toEqual(['2: 23505 a'])
    expect(counts[1] ?? 0).toBeGreaterThan(100)
    expect(counts[2] ?? 0).toBeGreaterThan(100)
    expect(await rowsOf('SELECT count(*), max(r) < 0.5 FROM t WHERE a > 1')).toEqual([`${(counts[1] ?? 0) - 1},true`])
  })
})

describe('a load', () => {
  it('finds keys across its windows', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY, m INTEGER REFERENCES t (a), b VARCHAR)')
    const padding = 'x'.repeat(300)
    const lines = Array.from(
      { length: 8_000 },
      (_, n) => `${n % 5_000},${n === 0 ? '' : Math.floor(n / 2) % 5_000},${padding}`,
    )
    const slow = (async function* () {
      for (let at = 0; at < lines.length; at += 1_000) {
        yield lines.slice(at, at + 1_000).join('\n')
        await new Promise((resolve) => setTimeout(resolve, 60))
      }
    })()
    const { counts, rejects } = await load(`COPY t FROM STDIN ${SKIP}`, slow, { memoryLimit: 1 << 20 })
    expect(counts).toEqual([8_000, 5_000, 0, 3_000])
    expect(rejects.map(({ line }) => line)).toEqual(Array.from({ length: 3_000 }, (_, n) => 5_001 + n))
    expect(rejects.every(({ raw, line }) => raw.toString() === lines[line - 1])).toBe(true)
    expect(await rowsOf('SELECT list(a) = range(5000)::INTEGER[] FROM t')).toEqual(['true'])
    await noTemporaryTables()
  })

  it.each([1, 2, 8])('keeps the order of the file, and numbers rows in it, with %i threads', async (threads) => {
    await connection.run(`SET threads = ${threads}`)
    const count = 400_000
    await connection.run(`CREATE SEQUENCE s; CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b <> 5));
      CREATE TABLE u (id INTEGER DEFAULT nextval('s'), a INTEGER PRIMARY KEY, b INTEGER)`)
    const bytes = Array.from({ length: count }, (_, n) => `${n % 1_000 === 7 ? n - 7 : n},${n % 50_000}`)
    for (const statement of [`COPY t FROM STDIN ${SKIP}`, `COPY u (a, b) FROM STDIN ${SKIP} WHERE b <> 5`]) {
      const { counts, rejects } = await load(statement, [bytes.join('\n')], { threads: Math.min(4, threads) })
      const isFiltered = statement.includes('WHERE')
      expect(counts).toEqual([count, count - 400 - 8, isFiltered ? 8 : 0, isFiltered ? 400 : 408])
      expect(rejects.every(({ line, number }, at) => number === at + 1 && line > (rejects[at - 1]?.line ?? 0))).toBe(
        true,
      )
    }
    const unordered = 'SELECT count(*) FROM (SELECT a, lag(a) OVER (ORDER BY rowid) AS before FROM $) WHERE a <= before'
    expect(await rowsOf(unordered.replace('$', 't'))).toEqual(['0'])
    expect(await rowsOf(unordered.replace('$', 'u'))).toEqual(['0'])
    expect(await rowsOf('SELECT min(id), max(id) FROM u')).toEqual([`1,${count - 408}`])
    expect(
      await rowsOf('SELECT count(*) FROM (SELECT id, row_number() OVER (ORDER BY a) AS n FROM u) WHERE id <> n'),
    ).toEqual(['0'])
    await noTemporaryTables()
  })

  it('is rolled back where too much is refused', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY)')
    const statement = 'COPY t FROM STDIN (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 2)'
    expect((await load(statement, ['1', '1', '1'])).counts).toEqual([3, 1, 0, 2])
    const error = await load(statement, ['2', '1', '2', '2', '3']).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(CopyError)
    expect(error).toMatchObject({ sqlState: '22P02', message: 'skipped more than REJECT_LIMIT (2) rows' })
    expect(await rowsOf('FROM t')).toEqual(['1'])
    await noTemporaryTables()
    expect((await load(statement, ['4', '1'])).counts).toEqual([2, 1, 0, 1])
  })

  it('stays in the transaction of the caller', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY)')
    await connection.run('BEGIN; INSERT INTO t VALUES (1)')
    const { rejects } = await load(`COPY t FROM STDIN ${SKIP}`, ['1', '2', '2', '3'])
    expect(brief(rejects)).toEqual(['1: 23505 a', '3: 23505 a'])
    await noTemporaryTables()
    await connection.run('ROLLBACK')
    expect(await rowsOf('FROM t')).toEqual([])
  })

  it('goes into a file of its own, and tells its record what was refused', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'copyist-'))
    try {
      const path = join(directory, 'd.duckdb')
      const db = await connect(path)
      const file = await DuckDBInstance.fromCache(path)
      const other = await file.connect()
      await other.run('CREATE TABLE t (a INTEGER PRIMARY KEY)')
      const receipt = await db.copy(`COPY t FROM STDIN ${SKIP}`, { stdin: '1\n2\n1\n' })
      expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1, ledger: true })
      expect(await rowsOf('FROM t', other)).toEqual(['1', '2'])
      other.closeSync()
      await db.close()
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it('ends where its signal says so', async () => {
    await connection.run('CREATE TABLE t (a INTEGER PRIMARY KEY)')
    const controller = new AbortController()
    const lines = (async function* () {
      yield '1\n1'
      await new Promise((resolve) => setTimeout(resolve, 200))
      controller.abort()
      yield '2'
    })()
    await expect(load(`COPY t FROM STDIN ${SKIP}`, lines, { signal: controller.signal })).rejects.toMatchObject({
      sqlState: '57014',
    })
    expect(await rowsOf('FROM t')).toEqual([])
    await noTemporaryTables()
  })
})

/** Mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const TABLES = [
  'a INTEGER PRIMARY KEY, b INTEGER UNIQUE, c INTEGER CHECK (c > 10), d INTEGER REFERENCES o (x), e UTINYINT, f VARCHAR',
  'a INTEGER UNIQUE, b INTEGER UNIQUE, c INTEGER, d INTEGER REFERENCES t (a), e UTINYINT UNIQUE, f VARCHAR, UNIQUE (c, d)',
  `a INTEGER PRIMARY KEY, b INTEGER REFERENCES t (a), c INTEGER UNIQUE, d INTEGER REFERENCES t (c), e UTINYINT CHECK (e < 250),
   f VARCHAR, CHECK (a % 7 <> 1)`,
  'a INTEGER, b INTEGER, c INTEGER, d INTEGER REFERENCES o (x), e UTINYINT, f VARCHAR, UNIQUE (a, b), FOREIGN KEY (c, d) REFERENCES t (a, b)',
]

/** Rows that collide often enough. */
function randomLines(next: (below: number) => number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const number = (below: number) => (next(4) === 0 ? '' : String(next(below)))
    const padding = 'p'.repeat(next(600))
    return [next(count), number(count / 4), number(count / 4), number(40), String(next(258)), `${n} ${padding}`].join(
      ',',
    )
  })
}

describe.each(['native', 'portable'] as const)('with the %s feed', (feed) => {
  afterAll(() => {
    vi.unstubAllEnvs()
    vi.resetModules()
  })

  it.each(TABLES.flatMap((table, index) => [1, 2, 3].map((seed) => ({ index, seed, table }))))(
    'does as inserting row by row does: table $index, seed $seed',
    async ({ index, seed, table }) => {
      vi.stubEnv('COPYIST_DUCKDB_FEED', feed)
      vi.resetModules()
      const lib = await import('../../lib/index.ts')
      const { loadDriver } = await import('../../lib/target/duckdb/driver.ts')
      expect((await loadDriver()).feed).toBe(feed)
      const next = random(seed * 100 + index)
      const lines = randomLines(next, 1_200)
      const ddl = `CREATE TABLE o (x INTEGER PRIMARY KEY); INSERT INTO o SELECT range FROM range(0, 40, 2); CREATE TABLE t (${table})`
      const expected: { lines: number[]; states: string[] } = { lines: [], states: [] }
      await connection.run(ddl)
      for (const [at, line] of lines.entries()) {
        const values = line.split(',').map((text) => (text === '' ? 'NULL' : `'${text}'`))
        try {
          await connection.run(`INSERT INTO t VALUES (${values.join(', ')})`)
        } catch (error) {
          expected.lines.push(at + 1)
          const text = String(error)
          const isKey = /uplicate key/.test(text)
          expected.states.push(
            isKey ? '23505' : /CHECK/.test(text) ? '23514' : /foreign/.test(text) ? '23503' : '22003',
          )
        }
      }
      const rows = await rowsOf('FROM t')
      expect(rows.length).toBeGreaterThan(20)
      expect(expected.lines.length).toBeGreaterThan(100)
      let errors: string | undefined
      for (const threads of [1, 2, 8]) {
        const other = await DuckDBInstance.create(':memory:', { threads: String(threads) })
        const lent = await other.connect()
        await lent.run(ddl)
        const db = await lib.connect(lent)
        const rejects: Reject[] = []
        const { rowsLoaded, rowsRejected, rowsRead } = await db.copy(`COPY t FROM STDIN ${SKIP}`, {
          stdin: lines.map((line) => Buffer.from(`${line}\n`)),
          onReject: (reject) => rejects.push(reject),
          threads,
          memoryLimit: threads === 2 ? 1 << 20 : 64 << 20,
          ledger: false,
        })
        expect(rejects.map(({ line }) => line)).toEqual(expected.lines)
        expect(await rowsOf('FROM t', lent)).toEqual(rows)
        expect([rowsRead, rowsLoaded, rowsRejected]).toEqual([lines.length, rows.length, expected.lines.length])
        rejects.forEach((reject, at) => {
          expect(reject.errors.map(({ sqlState }) => sqlState)).toContain(expected.states[at])
          expect(reject.raw.toString()).toBe(lines[reject.line - 1])
        })
        // Which are told does not depend on the windows either.
        const told = JSON.stringify(rejects.map((reject) => reject.errors))
        errors ??= told
        expect(told).toBe(errors)
        await db.close()
        lent.closeSync()
        other.closeSync()
      }
    },
  )
})
