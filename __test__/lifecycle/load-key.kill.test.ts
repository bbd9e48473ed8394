import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { random } from '../proof/generator.ts'

/** Kills of each target; more of them by the environment, for a thorough run. */
const KILLS = Number(process.env.COPYIST_KILLS ?? 6)
/** Of the moments, which are others each time. */
const SEED = Number(process.env.COPYIST_KILLS_SEED ?? Date.now() % 2 ** 31)
const ROWS = 200_000
/** Of a thousand rows one is refused by the decoder, and one by the table. */
const GOOD = ROWS - 2 * (ROWS / 1000)
const TABLE = 'CREATE TABLE t (id integer, name text, amount integer CHECK (amount > 0))'
const WARM_UPS = 2
const COMMAND = join(import.meta.dirname, '../../dist/cli/main.js')

let folder: string
let input: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-kill-'))
  input = join(folder, 'input.csv')
  const lines = Array.from({ length: ROWS }, (_, index) => {
    const kind = index % 1000
    return `${kind === 200 ? 'x' : index},name ${index},${kind === 700 ? -1 : 1}\n`
  })
  writeFileSync(input, lines.join(''))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Runs the command, and kills it after a while. Its exit code, or null when it was killed. */
function run(to: string, key: string, killAfter?: number): Promise<{ code: number | null; stderr: string }> {
  const statement = `COPY t FROM '${input}' (FORMAT csv, ON_ERROR skip_row, LOG_VERBOSITY silent, LOAD_KEY '${key}')`
  const child = spawn(process.execPath, [COMMAND, '--to', to, '--quiet', statement], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stderr })
    })
  })
}

/** Kills a load at `KILLS` moments at random, one in each part of its whole time, and runs each again. */
async function killAndRetry(to: string, count: () => Promise<number>): Promise<void> {
  let whole = Number.POSITIVE_INFINITY
  for (let warmUp = 1; warmUp <= WARM_UPS; warmUp += 1) {
    const started = performance.now()
    expect(await run(to, `warm up ${warmUp}`)).toEqual({ code: 0, stderr: '' })
    // The first may be slow for reasons of its own.
    whole = Math.min(whole, performance.now() - started)
  }
  const below = random(SEED)
  let killed = 0
  for (let kill = 1; kill <= KILLS; kill += 1) {
    // Node's own start is not of interest.
    const part = kill - 1 + below(1_000) / 1_000
    const { code } = await run(to, `load ${kill}`, whole * (0.15 + (0.8 * part) / KILLS))
    if (code === null) killed += 1
    const retried = await run(to, `load ${kill}`)
    expect(retried).toEqual({ code: 0, stderr: '' })
    expect(await count()).toBe(GOOD * (kill + WARM_UPS))
  }
  // Of moments so spread some come before the end, even where the first run was slow.
  expect(killed).toBeGreaterThan(KILLS / 4)
}

describe('a keyed load that refuses rows and is killed loads every other row once when it is run again', {
  timeout: 3_600_000,
}, () => {
  let scratch: ScratchDatabase

  beforeAll(async () => {
    scratch = await createScratchDatabase()
    await scratch.query(TABLE)
  })

  afterAll(async () => {
    await scratch.drop()
  })

  test(`into PostgreSQL, with seed ${SEED}`, async () => {
    await killAndRetry(scratch.url, async () => {
      const [row] = await scratch.query<{ count: string }>('SELECT count(*) FROM t')
      return Number(row?.count)
    })
  })

  test(`into a DuckDB file, with seed ${SEED}`, async () => {
    const path = join(folder, 'kill.duckdb')
    const query = async (sql: string) => {
      const instance = await DuckDBInstance.create(path)
      const connection = await instance.connect()
      const rows = await (await connection.run(sql)).getRowsJS()
      connection.closeSync()
      instance.closeSync()
      return rows
    }
    await query(TABLE)
    await killAndRetry(path, async () => Number((await query('SELECT count(*) FROM t'))[0]?.[0]))
  })
})
