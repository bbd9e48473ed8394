import type { NativeLoad } from './native/load.ts'
import type { Progress } from './receipt.ts'

/** At most 20 events a second. */
const INTERVAL_MS = 50

/**
 * Calls `onProgress` while `native` runs and once more when stopped. What the callback throws stops the reports, never the
 * load; it is thrown again outside of it, as an uncaught exception, where the caller's own mistake belongs.
 */
export function reportProgress(
  native: NativeLoad,
  onProgress: ((progress: Progress) => void) | undefined,
  started: number,
): { stop(): void } {
  if (onProgress === undefined) return { stop() {} }
  let failed = false
  const report = () => {
    if (failed) return
    try {
      onProgress(progressOf(native, performance.now() - started))
    } catch (error) {
      failed = true
      queueMicrotask(() => {
        throw error
      })
    }
  }
  const timer = setInterval(report, INTERVAL_MS)
  return {
    stop() {
      clearInterval(timer)
      report()
    },
  }
}

function progressOf(native: NativeLoad, elapsedMs: number): Progress {
  const { bytesRead, bytesTotal, rowsRead } = native.counters()
  const seconds = Math.max(elapsedMs, 1) / 1000
  const bytesPerSecond = bytesRead / seconds
  return {
    bytesRead,
    ...(bytesTotal === undefined ? {} : { bytesTotal }),
    rowsRead,
    elapsedMs,
    rowsPerSecond: rowsRead / seconds,
    bytesPerSecond,
    ...(bytesTotal === undefined || bytesRead === 0
      ? {}
      : { etaMs: (Math.max(0, bytesTotal - bytesRead) / bytesPerSecond) * 1000 }),
  }
}
