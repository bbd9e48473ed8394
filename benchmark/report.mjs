/** Ratio of each engine's time to copyist's in one case's results: above 1, copyist is faster. */
export function ratios({ engines, gates }) {
  const ours = engines.find(({ engine, skipped }) => engine === 'copyist' && skipped === undefined)
  return engines.map((engine) => ({
    ...engine,
    ratio: ours === undefined || engine === ours || engine.skipped ? undefined : engine.medianMs / ours.medianMs,
    gate: gates?.[engine.engine],
  }))
}

/** Whether an engine is a way of copyist's own to load, and no peer. */
export function isOwnVariant({ engine }) {
  return engine.startsWith('copyist-')
}

/** The results as text. Cases that copyist loses stay in and are marked. */
export function textReport(results) {
  const parts = []
  for (const result of results.cases) {
    parts.push(heading(`${result.title} (${fileOf(result.dataset)})`))
    parts.push(
      table(
        ['', 'ms', 'M rows/s', 'MB/s', 'CPU ms', 'its time / ours', ''],
        ratios(result).map((engine) =>
          engine.skipped
            ? [engine.engine, '-', '-', '-', '-', '-', engine.skipped]
            : [
                engine.label,
                engine.medianMs.toFixed(0),
                (engine.rowsPerSecond / 1e6).toFixed(2),
                (engine.bytesPerSecond / 1e6).toFixed(0),
                engine.medianCpuMs?.toFixed(0) ?? '-',
                engine.ratio === undefined ? '' : engine.ratio.toFixed(2),
                engine.ratio === undefined ? '' : verdict(engine),
              ],
        ),
      ),
    )
  }
  if (results.scan) parts.push(...scanReport(results.scan))
  if (results.memory) parts.push(...memoryReport(results.memory))
  const loads = results.cases.filter(({ name }) => /^(postgres|duckdb|tolerant)/.test(name))
  if (loads.length > 0) parts.push(...loopReport(loads))
  if (results.micro) parts.push(...microReport(results.micro))
  return parts.join('\n')
}

function scanReport(scan) {
  const rows = scan.map(({ file, instructionSet, gigabytesPerSecond, ratio, tiledRatio, gate }) => [
    file,
    instructionSet,
    gigabytesPerSecond.toFixed(1),
    ratio.toFixed(2),
    tiledRatio.toFixed(2),
    gate === undefined ? '' : reached(ratio, gate),
  ])
  return [
    heading('structural scan to offsets, one core, against the memory read bandwidth measured in the same run'),
    table(['file', 'instruction set', 'GB/s', 'of bandwidth', 'in 256 KiB tiles', ''], rows),
  ]
}

function memoryReport({ engines, gates }) {
  const rows = engines.map(({ engine, label, dataset, idleBytes, peakBytes, aboveIdleBytes }) => [
    label,
    fileOf(dataset),
    mebibytes(idleBytes),
    mebibytes(peakBytes),
    mebibytes(aboveIdleBytes),
    engine === 'copyist' ? limitVerdict(aboveIdleBytes, gates, mebibytes) : '',
  ])
  return [
    heading('peak resident memory while loading into PostgreSQL, MiB'),
    table(['', 'file', 'idle', 'peak', 'above idle', ''], rows),
  ]
}

/** Of the event loop's delay: the sampling interval of 1 ms is in it. */
const LOOP_GATES = { p99: { must: 5, aim: 2.5 }, max: { must: 30, aim: 15 } }

function loopReport(cases) {
  const rows = cases.flatMap(({ title, engines }) =>
    engines
      .filter((engine) => !engine.skipped && engine.engine !== 'psql' && !isOwnVariant(engine))
      .map(({ engine, label, loopP99Ms, loopMaxMs }) => [
        title,
        label,
        loopP99Ms.toFixed(1),
        loopMaxMs.toFixed(1),
        engine === 'copyist'
          ? `p99 ${limitVerdict(loopP99Ms, LOOP_GATES.p99, String)}, max ${limitVerdict(loopMaxMs, LOOP_GATES.max, String)}`
          : '',
      ]),
  )
  return [heading('delay of the event loop during the load, ms'), table(['', '', 'p99', 'max', ''], rows)]
}

function microReport(micro) {
  const rows = micro.map(({ name, medianMicros, perSecond }) => [name, medianMicros.toFixed(1), perSecond.toFixed(0)])
  return [heading('in process'), table(['', 'median µs', 'a second'], rows)]
}

/** What copyist's own variants are that are no rivals: how much the case costs beside them is what they tell. */
const BESIDE = {
  'copyist-clean': ['with bad rows', 'a clean load'],
  'copyist-comma': ['takes', 'as long'],
  'copyist-csv': ['takes', 'as long'],
  'copyist-disk': ['takes', 'as long'],
  'copyist-utf8': ['takes', 'as long'],
}

function verdict({ engine, ratio, gate }) {
  if (engine in BESIDE) {
    const [does, what] = BESIDE[engine]
    return [`${does} ${(1 / ratio).toFixed(2)} times ${what}`, gate && reached(ratio, gate)].filter(Boolean).join(', ')
  }
  const slower = ratio < 1 ? 'SLOWER' : ''
  return [slower, gate === undefined ? '' : reached(ratio, gate)].filter(Boolean).join(' ')
}

function reached(value, { must, aim }) {
  const word = value >= aim ? 'aim reached' : value >= must ? 'ok' : 'BELOW'
  return `${word} (must ${must}, aim ${aim})`
}

function limitVerdict(value, { must, aim }, print) {
  const reached = value <= aim ? 'aim reached' : value <= must ? 'ok' : 'ABOVE'
  return `${reached} (must ${print(must)}, aim ${print(aim)})`
}

function fileOf({ name, rows, bytes }) {
  return `${name}: ${(rows / 1e6).toFixed(rows < 1e6 ? 2 : 1)} M rows, ${(bytes / 1e6).toFixed(0)} MB`
}

function mebibytes(bytes) {
  return (bytes / 2 ** 20).toFixed(0)
}

function heading(text) {
  return `\n${text}`
}

/** Columns padded to their widest cell: the first left, numbers right, the last as it is. */
function table(header, rows) {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  const numeric = header.map((_, column) => rows.every((row) => /^(-?[\d.]+|-|)$/.test(row[column])))
  return all
    .map((row) =>
      row
        .map((cell, column) => (numeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n')
}
