import { describe, expect, it } from 'vitest'
import type { LoadColumn, LoadCounters } from '../../lib/native/load.ts'
import { DEFAULT_SESSION, type LoadPlan, openLoad } from '../../lib/native/open.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

const column = (name: string, type: LoadColumn['type'], more: Partial<LoadColumn> = {}): LoadColumn => ({
  name,
  type,
  forceNotNull: false,
  forceNull: false,
  hasDefault: false,
  notNull: false,
  ...more,
})

const OPTIONS = parseCopy("COPY t FROM STDIN (FORMAT csv, NULL 'NULL', ON_ERROR skip_row)").options

/** The rows as lines of TEXT COPY, and what was counted. */
async function load(
  columns: readonly LoadColumn[],
  text: string,
  more: Partial<LoadPlan> = {},
): Promise<{ lines: string[]; counters: LoadCounters }> {
  const native = openLoad(
    {
      options: OPTIONS,
      columns,
      session: DEFAULT_SESSION,
      sink: 'pg_text',
      table: 't',
      limits: { threads: 2, memoryLimit: 2 ** 26 },
      ...more,
    },
    { kind: 'stream', name: 'STDIN', stream: [Buffer.from(text)] },
  )
  try {
    let lines = ''
    for (let chunk = await native.next(); chunk !== undefined; chunk = await native.next()) {
      if (chunk.rows > 0) lines += chunk.buffer.subarray(5).toString()
      chunk.release()
    }
    return { lines: lines.split('\n').slice(0, -1), counters: native.counters() }
  } finally {
    await native.close()
  }
}

describe('rows shaped by the decoder', () => {
  it('have constants and numbers, those of refused records left out', async () => {
    const start = 2n ** 62n + 1n
    const { lines, counters } = await load(
      [
        column('n', { kind: 'int8' }, { sequence: { start, increment: -3n } }),
        column('a', { kind: 'int4' }),
        column('c', { kind: 'date' }, { constant: '2024-02-29' }),
        column('b', { kind: 'text' }),
      ],
      '1,x\ny,x\n3,z\n',
    )
    expect(lines).toEqual([`${start}\t1\t2024-02-29\tx`, `${start - 6n}\t3\t2024-02-29\tz`])
    expect(counters).toMatchObject({ rowsRead: 3, rowsRefused: 1, rowsPassedOver: 0 })
  })

  it('are those that meet the conditions and are no empty lines', async () => {
    const { lines, counters } = await load(
      [column('a', { kind: 'int4' }), column('b', { kind: 'text' })],
      '1,x\n2,y\n\n1,y\n!,x\n',
      {
        options: { ...OPTIONS, skipBlankLines: true },
        conditions: [
          { subject: { start: 0, end: 2 }, negated: false, value: '1,' },
          { subject: { field: 1 }, negated: true, value: 'x' },
        ],
      },
    )
    expect(lines).toEqual(['1\ty'])
    expect(counters).toMatchObject({ rowsRead: 1, rowsRefused: 0, rowsPassedOver: 3, blankLines: 1 })
  })

  it('have cleaned fields, and NULL for what a column does not take', async () => {
    const cleaning = { blankIsNull: true, emptyIsNull: true, trims: true }
    const { lines, counters } = await load(
      [column('a', { kind: 'int4' }, { conversion: 'set_null' }), column('b', { kind: 'text' }, { cleaning })],
      '1," x "\n?,"  "\n3,""\n4,\n',
    )
    expect(lines).toEqual(['1\t x', '\\N\t\\N', '3\t\\N', '4\t\\N'])
    expect(counters).toMatchObject({ rowsRead: 4, rowsMended: 1, rowsRefused: 0 })
  })

  it('are none when a constant or a number cannot be a value of its column', async () => {
    const refused = (more: Partial<LoadColumn>, kind: 'int2' | 'text' = 'int2') =>
      load([column('a', { kind }, more), column('b', { kind: 'text' })], 'x\n')
    await expect(refused({ constant: '40000' })).rejects.toMatchObject({ sqlState: '22003' })
    await expect(refused({ sequence: { start: 40_000n, increment: 1n } })).rejects.toMatchObject({ sqlState: '22003' })
    await expect(refused({ sequence: { start: 2n ** 63n, increment: 1n } })).rejects.toMatchObject({
      sqlState: '22003',
    })
    await expect(refused({ sequence: { start: 1n, increment: 1n } }, 'text')).rejects.toMatchObject({
      sqlState: '0A000',
    })
  })
})
