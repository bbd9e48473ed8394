import { monitorEventLoopDelay } from 'node:perf_hooks'

/** What something cost. */
export interface Cost {
  readonly seconds: number
  /** The most memory above what the process had before, in MiB, as looked at every few milliseconds. */
  readonly peakMiB: number
  /** The longest that the event loop was kept waiting, in milliseconds. */
  readonly longestDelayMs: number
}

const MIB = 2 ** 20

/** Runs `work` and tells what it cost. With `COPYIST_PROOF_REPORT` it is printed too. */
export async function measured<T>(label: string, work: () => Promise<T>): Promise<{ value: T; cost: Cost }> {
  const before = process.memoryUsage.rss()
  let peak = before
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 10)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = performance.now()
  try {
    const value = await work()
    look()
    const seconds = (performance.now() - started) / 1000
    delay.disable()
    const cost = { seconds, peakMiB: (peak - before) / MIB, longestDelayMs: delay.max / 1e6 }
    if (process.env.COPYIST_PROOF_REPORT) {
      const parts = [`${seconds.toFixed(1)} s`, `+${cost.peakMiB.toFixed(0)} MiB (of ${(peak / MIB).toFixed(0)})`]
      process.stderr.write(`${label}: ${parts.join(', ')}, event loop ${cost.longestDelayMs.toFixed(0)} ms\n`)
    }
    return { value, cost }
  } finally {
    clearInterval(timer)
    delay.disable()
  }
}
