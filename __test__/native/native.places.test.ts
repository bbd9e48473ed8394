import { expect, it } from 'vitest'
import type { LoadColumn, NativeLoad } from '../../lib/native/load.ts'
import { DEFAULT_SESSION, openLoad } from '../../lib/native/open.ts'
import { RejectLog } from '../../lib/reject-log.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

/*
 * What is kept of the rows that have been handed out: where they stand, and their bytes
 */

const MEMORY_LIMIT = 8 << 20
/** What may be kept of rows that are not settled before it is said to be full: a half of a quarter. */
const FULL = MEMORY_LIMIT / 8
const TILE = 256 << 10
const ROW = 100
const ROWS = 400_000
const statement = parseCopy("COPY t FROM 'big.csv' (FORMAT csv, ON_ERROR skip_row)")
const kit = {
  target: 'postgres',
  options: statement.options,
  columns: [
    { name: 'a', type: { kind: 'text' }, forceNotNull: false, forceNull: false, hasDefault: false, notNull: false },
  ] satisfies LoadColumn[],
  session: DEFAULT_SESSION,
  table: 't',
} as const

const record = (row: number) => `${row}${'.'.repeat(ROW)}`.slice(0, ROW - 1)

function* pieces(): Generator<Buffer> {
  const AT_ONCE = 10_000
  for (let row = 0; row < ROWS; row += AT_ONCE) {
    yield Buffer.from(Array.from({ length: AT_ONCE }, (_, at) => `${record(row + at)}\n`).join(''))
  }
}

async function reading(take: (native: NativeLoad) => Promise<void>): Promise<void> {
  const native = openLoad(
    { ...kit, sink: 'pg_text', limits: { threads: 1, memoryLimit: MEMORY_LIMIT }, keepsRecords: true },
    { kind: 'stream', name: 'big.csv', stream: pieces() },
  )
  try {
    await take(native)
  } finally {
    await native.close()
  }
}

it('keeps all that is not settled, and says when that is much', async () => {
  await reading(async (native) => {
    native.settle?.(0)
    let [handed, settled, times] = [0, 0, 0]
    for (let chunk = await native.next(); chunk !== undefined; chunk = await native.next()) {
      handed += chunk.rows
      chunk.release()
      expect(native.records?.([settled], 1024)[0]?.raw.toString()).toBe(record(settled))
      // The end of each row is kept besides its bytes.
      expect((handed - settled) * (ROW + 4)).toBeLessThan(FULL + 2 * TILE)
      if (native.isFull?.() !== true) continue
      expect((handed - settled) * ROW).toBeGreaterThan(FULL / 2)
      const middle = (settled + handed) >> 1
      expect(native.locate(middle)).toMatchObject({ line: middle + 1, byteOffset: middle * ROW })
      if (times === 0) {
        // More than are told at once, and one that has not come.
        const rows = Array.from({ length: Math.floor((2 * TILE) / ROW) }, (_, at) => handed - 1 - at)
        const records = native.records?.([...rows, handed + ROWS], ROW) ?? []
        expect(records.pop()).toBeUndefined()
        expect(records.map((found) => [found?.place, found?.raw.toString()])).toEqual(
          rows.map((row) => [native.locate(row), record(row)]),
        )
      }
      settled = handed
      native.settle?.(settled)
      expect([native.isFull?.(), native.records?.([settled - 1], 1024)[0]]).toEqual([false, undefined])
      times += 1
    }
    expect(handed).toBe(ROWS)
    expect(times).toBeGreaterThan(10)
  })
})

it('refuses no row of which the place is forgotten', async () => {
  await reading(async (native) => {
    const log = new RejectLog({ statement, file: 'big.csv', columns: [], kit })
    log.attach(native, true)
    for (let chunk = await native.next(); chunk !== undefined; chunk = await native.next()) chunk.release()
    const { refuse, settle, postpone } = log.refusals('all')
    refuse(ROWS - 1, [{ sqlState: '23514', code: 'check_violation', message: 'no' }])
    const refusing = async () => {
      refuse(0, [])
      await settle(1)
    }
    for (const ask of [refusing, async () => postpone(0)]) {
      await expect(ask()).rejects.toMatchObject({
        sqlState: 'XX000',
        message: 'it is not known where row 1 of the load stands in its input',
      })
    }
    const told: unknown[] = []
    const other = new RejectLog({
      statement,
      file: 'big.csv',
      columns: [],
      kit,
      onReject: (reject) => told.push(reject),
    })
    other.attach(native, true)
    other.refusals('all').refuse(ROWS - 1, [])
    await other.finish()
    expect(told).toMatchObject([{ line: ROWS, byteOffset: (ROWS - 1) * ROW, rawIsCut: false }])
  })
})
