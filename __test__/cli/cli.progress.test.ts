import { describe, expect, test } from 'vitest'
import { canDraw, formatProgress, ProgressBar } from '../../lib/cli/progress.ts'
import type { Progress } from '../../lib/receipt.ts'

const progress: Progress = {
  bytesRead: 88_200_000,
  bytesTotal: 210_000_000,
  rowsRead: 1_234_567,
  elapsedMs: 3000,
  rowsPerSecond: 411_522,
  bytesPerSecond: 29_400_000,
  etaMs: 4143,
}
const { bytesTotal: _, etaMs: __, ...withoutTotal } = progress

describe('the line', () => {
  test('of a wide terminal', () => {
    expect(formatProgress(progress, 120)).toBe(
      ' 42%  [============>                 ]  88.2 MB of 210 MB  1,234,567 rows  412,000 rows/s  4.14 s left',
    )
  })

  test('of a narrower one, with less to say', () => {
    expect(formatProgress(progress, 79)).toBe(' 42%  88.2 MB of 210 MB  1,234,567 rows  412,000 rows/s  4.14 s left')
    expect(formatProgress(progress, 60)).toBe(' 42%  88.2 MB of 210 MB  412,000 rows/s  4.14 s left')
    expect(formatProgress(progress, 40)).toBe(' 42%  412,000 rows/s  4.14 s left')
    expect(formatProgress(progress, 20)).toBe(' 42%  4.14 s left')
  })

  test('of an unknown length', () => {
    expect(formatProgress(withoutTotal, 80)).toBe('88.2 MB  1,234,567 rows  412,000 rows/s  3 s')
  })

  test('never exceeds the width', () => {
    for (let width = 0; width <= 130; width++) {
      for (const state of [
        progress,
        withoutTotal,
        { ...progress, bytesRead: 210_000_000, etaMs: 0 },
        { ...progress, bytesTotal: 0 },
      ]) {
        expect(formatProgress(state, width).length).toBeLessThanOrEqual(width)
      }
    }
  })

  test('a file that has grown is at 100%', () => {
    expect(formatProgress({ ...progress, bytesRead: 300_000_000 }, 60)).toMatch(/^100%/)
  })
})

describe('the bar', () => {
  function bar(environment: NodeJS.ProcessEnv = { NO_COLOR: '1' }) {
    const written: string[] = []
    const clock = { now: 0 }
    const stream = { isTTY: true, columns: 80, write: (text: string) => written.push(text) }
    return { written, clock, bar: new ProgressBar(stream, environment, () => clock.now) }
  }

  test('is drawn at most 20 times a second', () => {
    const { written, clock, bar: drawn } = bar()
    for (; clock.now < 1000; clock.now++) drawn.update({ ...progress, elapsedMs: 500 + clock.now })
    expect(written).toHaveLength(20)
  })

  test('is not drawn for a load that is over at once', () => {
    const { written, bar: drawn } = bar()
    drawn.update({ ...progress, elapsedMs: 100 })
    drawn.clear()
    expect(written).toEqual([])
  })

  test('leaves nothing behind', () => {
    const { written, bar: drawn } = bar()
    drawn.update(progress)
    drawn.clear()
    drawn.clear()
    expect(written).toEqual([`\r\u001b[2K${formatProgress(progress, 79)}`, '\r\u001b[2K'])
  })

  test('has color unless NO_COLOR says otherwise', () => {
    const { written, bar: drawn } = bar({})
    drawn.update({ ...progress, rowsRead: 1 })
    expect(written[0]).toContain('[\u001b[32m')
    expect(written[0]).toContain('\u001b[39m')
  })

  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: 'dumb' }, true, false],
    [{ CI: 'true' }, true, false],
    [{ CI: '', TERM: 'xterm' }, true, true],
  ])('with %j on a terminal (%s)', (environment, isTTY, expected) => {
    expect(canDraw({ isTTY, write: () => true }, environment)).toBe(expected)
  })
})
