import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions } from '../../lib/index.ts'
import { type Bench, benches } from '../copy/targets.ts'
import { Writer } from './generator.ts'
import { measured } from './measure.ts'

/*
 * Files of which every row is refused
 *
 * What it costs must not grow with the number of rows: not the memory, nor what is recorded. Only a file of rejects is as large as the
 * input, since it is the input.
 */

/** Rows refused by the decoder; ten million by the environment, for a thorough run. */
const ROWS = Number(process.env.COPYIST_FLOOD_ROWS ?? 150_000)
/** Rows that only the target refuses, each of which costs a statement there. */
const CONSTRAINED = Math.max(20_000, Math.floor(ROWS / 10))
/**
 * Memory above that of an idle process; what 50,000 kept rejects and their garbage take, most of all: some 160 MiB, and when the collector has
 * nothing to hurry for, twice that. From a million rows on it no longer grows.
 */
const MOST_MIB = 400
const MEMORY_LIMIT = 64 << 20
/** The record of a load: its first 50,000 rejects, or 32 MiB. */
const MOST_RECORDED = 50_000
const MOST_RECORD_BYTES = 64 << 20

let folder: string
let bench: Bench

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-flood-'))
  write('values.csv', ROWS, (n) => `x${n},some text of row ${n},y\n`)
  write('constraint.csv', CONSTRAINED, (n) => `${n},some text of row ${n},-1\n`)
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

afterEach(async () => {
  await bench.close()
})

function write(name: string, rows: number, row: (n: number) => string): void {
  const out = new Writer(join(folder, name))
  for (let n = 0; n < rows; n += 1) out.write(Buffer.from(row(n)))
  out.close()
}

describe.each(benches)('on $name', { timeout: 1_800_000 }, ({ name, open }) => {
  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name varchar(40), amount integer CHECK (amount > 0))')
  })

  const cases = (['values', 'constraint'] as const).flatMap((kind) =>
    (['nobody asks for them', 'a callback does', 'a file is written'] as const).map((wants) => ({ kind, wants })),
  )

  test.each(cases)('refused for $kind, and $wants', async ({ kind, wants }) => {
    const rows = kind === 'values' ? ROWS : CONSTRAINED
    const path = join(folder, `${kind}.csv`)
    const bad = join(folder, 'bad.csv')
    let told = 0
    let last = 0
    const options: CopyCallOptions = {
      memoryLimit: MEMORY_LIMIT,
      ...(wants === 'a callback does' && {
        onReject({ line, number }) {
          told += 1
          if (line === last + 1 && number === line) last = line
        },
      }),
      ...(wants === 'a file is written' && { rejects: bad }),
    }
    const { value: receipt, cost } = await measured(`${rows} rows into ${name}, refused for ${kind}, ${wants}`, () =>
      bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, ON_ERROR skip_row, REJECT_LIMIT 1000000000)`, options),
    )
    expect(receipt).toMatchObject({ rowsRead: rows, rowsRejected: rows, rowsLoaded: 0, rowsFiltered: 0 })
    expect(receipt.rejectsRecorded).toBeLessThanOrEqual(MOST_RECORDED)
    const [recorded] = await bench.sql('SELECT count(*), max(line) FROM copyist.rejects')
    expect(Number(recorded?.[1])).toBe(receipt.rejectsRecorded)
    expect(await bench.sql('SELECT rows_read, rows_rejected, rows_loaded FROM copyist.loads')).toEqual([
      [String(rows), String(rows), '0'],
    ])
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
    if (wants === 'a callback does') expect([told, last]).toEqual([rows, rows])
    if (wants === 'a file is written') expect(statSync(bad).size).toBe(statSync(path).size)
    expect(cost.peakMiB).toBeLessThan(MOST_MIB)
    // Far less than a row at a time would take, on a machine that has other things to do as well.
    expect(cost.seconds).toBeLessThan(20 + rows / 2_000)
    if (name === 'postgres') {
      const [size] = await bench.sql(`SELECT pg_total_relation_size('copyist.rejects')`)
      if (process.env.COPYIST_PROOF_REPORT) {
        process.stderr.write(`  record: ${recorded?.[0]} rows, ${(Number(size?.[0]) / 2 ** 20).toFixed(1)} MiB\n`)
      }
      expect(Number(size?.[0])).toBeLessThan(MOST_RECORD_BYTES)
    }
  })
})
