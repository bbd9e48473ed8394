import { closeSync, openSync, readSync } from 'node:fs'
import { EngineHandle } from './engine-handle.mjs'
import { median } from './statistics.mjs'

/**
 * Runs one case: every engine in its own process; first an untimed run each, whose row count and checksum must be those the
 * file was generated with; then `reps` timed runs in turns, each checked again. `files` has the
 * file of each engine by its name; `dataset` is that of the case.
 *
 * Returns `{ name, title, dataset, engines: [{ engine, label, runs, medianMs, … }] }`; an engine that this
 * machine does not have (psql) has `skipped` with the reason and nothing else.
 */
export async function compare(benchmarkCase, { dataset, files, names, reps, context, onProgress }) {
  const engines = []
  const { threads, tolerant, constraint, conflict, source } = benchmarkCase
  try {
    for (const name of names) {
      onProgress(`${benchmarkCase.name}: ${name}`)
      const handle = new EngineHandle(name, { POLARS_MAX_THREADS: String(threads) })
      const engine = { name, handle, dataset: files[name], runs: [] }
      engines.push(engine)
      const own = { dataset: engine.dataset, threads, tolerant, constraint, conflict, source }
      const setUp = await handle.setUp(benchmarkCase.kind, { ...context, ...own })
      if (setUp.unavailable !== undefined) {
        engine.skipped = setUp.unavailable
        await handle.close()
        continue
      }
      engine.label = setUp.label
      engine.first = await handle.run(true)
      verify(engine, engine.first)
    }
    const running = engines.filter(({ skipped }) => skipped === undefined)
    sameDigest(running.filter((engine) => engine.dataset.name === dataset.name))
    for (let rep = 0; rep < reps; rep++) {
      for (const engine of running) {
        onProgress(`${benchmarkCase.name}: ${engine.name}, run ${rep + 1} of ${reps}`)
        readThrough(engine.dataset.path)
        const result = await engine.handle.run(true)
        verify(engine, result)
        engine.runs.push(result)
      }
    }
    for (const { handle } of running) await handle.close()
  } finally {
    for (const { handle } of engines) handle.kill()
  }
  const { name, title, gates } = benchmarkCase
  return {
    name,
    title,
    threads,
    dataset: facts(dataset),
    gates,
    engines: engines.map((engine) => summary(engine, dataset)),
  }
}

function verify({ name, dataset }, { checksum }) {
  if (checksum !== dataset.checksum) {
    throw new Error(`${name}: wrong rows from ${dataset.name}\n  got      ${checksum}\n  expected ${dataset.checksum}`)
  }
}

/** Where engines also give a digest of whole rows, all must agree. */
function sameDigest(engines) {
  const digests = engines.filter(({ first }) => first.digest !== undefined)
  for (const { name, first } of digests) {
    if (first.digest !== digests[0].first.digest)
      throw new Error(`${name} and ${digests[0].name} loaded different rows`)
  }
}

function summary({ name, label, skipped, runs, dataset }, datasetOfCase) {
  if (skipped !== undefined) return { engine: name, skipped }
  const { rows, bytes } = dataset
  const medianMs = median(runs.map(({ ms }) => ms))
  return {
    engine: name,
    label,
    ...(dataset.name !== datasetOfCase.name && { dataset: facts(dataset) }),
    medianMs,
    rowsPerSecond: Math.round((rows / medianMs) * 1000),
    bytesPerSecond: Math.round((bytes / medianMs) * 1000),
    medianCpuMs: runs[0].cpuMs === undefined ? undefined : median(runs.map(({ cpuMs }) => cpuMs)),
    loopP99Ms: median(runs.map(({ loopP99Ms }) => loopP99Ms)),
    loopMaxMs: Math.max(...runs.map(({ loopMaxMs }) => loopMaxMs)),
    runs: runs.map(({ ms }) => ms),
  }
}

function facts({ name, rows, bytes }) {
  return { name, rows, bytes }
}

/** Reads the file once, so that every engine finds it in the page cache. */
function readThrough(path) {
  const buffer = Buffer.allocUnsafe(1 << 20)
  const fd = openSync(path, 'r')
  try {
    while (readSync(fd, buffer) > 0);
  } finally {
    closeSync(fd)
  }
}
