import { EngineHandle } from './engine-handle.mjs'
import { median } from './statistics.mjs'

/** Peak resident memory above idle while loading into PostgreSQL, in bytes; the same for small and large files. */
export const MEMORY_GATES = { must: 64 * 2 ** 20, aim: 32 * 2 ** 20 }

const SETTLE_MS = 1000

/**
 * Peak resident memory of a process that loads `dataset` into PostgreSQL once, less that of one that has imported and
 * connected the same and then only waited. Returns `{ engine, label, dataset, idleBytes, peakBytes, aboveIdleBytes }`.
 */
export async function measureMemory(name, { dataset, threads, reps, context, onProgress }) {
  const idle = []
  const peak = []
  let label
  for (let rep = 0; rep < reps; rep++) {
    onProgress(`memory: ${name}, ${dataset.name}, run ${rep + 1} of ${reps}`)
    for (const [samples, loads] of [
      [idle, false],
      [peak, true],
    ]) {
      const handle = new EngineHandle(name)
      try {
        label = (await handle.setUp('postgres', { ...context, dataset, threads })).label
        if (loads) await handle.run(false)
        samples.push((await handle.peakMemory(loads ? 0 : SETTLE_MS)).bytes)
        await handle.close()
      } finally {
        handle.kill()
      }
    }
  }
  const idleBytes = median(idle)
  const peakBytes = median(peak)
  return {
    engine: name,
    label,
    dataset: { name: dataset.name, rows: dataset.rows, bytes: dataset.bytes },
    idleBytes,
    peakBytes,
    aboveIdleBytes: peakBytes - idleBytes,
  }
}
