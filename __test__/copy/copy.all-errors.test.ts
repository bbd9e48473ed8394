import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CopyCallOptions, Reject } from '../../lib/index.ts'
import { type Bench, benches } from './targets.ts'

/*
 * All errors of a row are told, whoever finds them: those of its fields, of values that only the target reads, and of conditions.
 */

let folder: string
let bench: Bench

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-all-errors-'))
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await bench.close()
})

async function load(content: string, options = 'FORMAT csv, ON_ERROR skip_row', rest = '', call: CopyCallOptions = {}) {
  const rejects: Reject[] = []
  const path = join(folder, 'input.csv')
  writeFileSync(path, content)
  const receipt = await bench.db.copy(`COPY t FROM '${path}' (${options})${rest}`, {
    ...call,
    onReject: (reject) => rejects.push(reject),
  })
  return { receipt, rejects }
}

const states = (rejects: readonly Reject[]) =>
  rejects.map(({ line, errors }) => [
    line,
    ...errors.map(({ sqlState, column }) => `${column ?? ''} ${sqlState}`.trim()),
  ])

describe.each(benches)('on $name', ({ open }) => {
  beforeEach(async () => {
    bench = await open()
  })

  test('of keys, whether another row decides on them or not', async () => {
    await bench.sql('CREATE TABLE t (a integer PRIMARY KEY, b integer UNIQUE, c integer)')
    // The third row is in the table only since the second is not: that is found out by trying them.
    const { receipt, rejects } = await load('1,1,1\n1,2,1\n3,2,1\n4,2,1\n3,2,1\n5,3,1\n')
    expect(receipt.rowsLoaded).toBe(3)
    expect(states(rejects)).toEqual([
      [2, 'a 23505'],
      [4, 'b 23505'],
      [5, 'a 23505', 'b 23505'],
    ])
  })
})
