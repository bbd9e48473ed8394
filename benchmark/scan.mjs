import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { example } from './examples.mjs'

const run = promisify(execFile)

/** Speed of the scan to offsets over the memory's read bandwidth, one core, by instruction set. */
const GATES = { avx512: { must: 0.45, aim: 0.6 }, avx2: { must: 0.2, aim: 0.35 } }
/** The layout that the gates are about: offsets of the whole file, written to memory. */
const GATED_LAYOUT = 'whole'

/**
 * Runs the scanner's own example program, which checks that every kernel finds the same offsets before it times them.
 * Returns one entry for each file and instruction set: `{ file, instructionSet, gigabytesPerSecond, ratio, gate, … }`.
 */
export async function measureScan({ quick, reps, onProgress }) {
  onProgress('scan')
  const { stdout } = await run(example('scan_bench'), [
    '--json',
    '--repeat',
    String(reps),
    ...(quick ? ['--megabytes', '40'] : []),
  ])
  const [{ read_bandwidth_gb_s: bandwidth }, ...entries] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return entries.map((entry) => {
    if (!entry.offsets_equal_scalar) throw new Error(`scan: ${entry.isa} finds other offsets in ${entry.file}`)
    return {
      file: entry.file,
      instructionSet: entry.isa,
      bandwidthGigabytesPerSecond: bandwidth,
      gigabytesPerSecond: entry[`${GATED_LAYOUT}_gb_s`],
      ratio: entry[`${GATED_LAYOUT}_ratio`],
      tiledRatio: entry.tiled_ratio,
      gate: GATES[entry.isa],
    }
  })
}
