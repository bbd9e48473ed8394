import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const MB = 1 << 20
const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

let folder: string

/** Files of the same rows, small and large. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-read-memory-'))
  const lines = Array.from({ length: 20_000 }, (_, row) => `${row},${row / 8},2024-01-01 00:00:00,text of row ${row}\n`)
  for (const [name, times] of [
    ['small', 2],
    ['large', 200],
  ] as const) {
    const file = openSync(join(folder, name), 'w')
    for (let time = 0; time < times; time += 1) writeSync(file, lines.join(''))
    closeSync(file)
  }
})

afterAll(() => rmSync(folder, { recursive: true }))

/** The highest resident size of a process that iterates, in bytes. */
function peakOf(file: string, form: string): number {
  const program = `
    import { read } from ${JSON.stringify(library)}
    import { readFileSync } from 'node:fs'
    const options = { columns: { id: 'int', part: 'float8', at: 'timestamp', note: 'text' }, threads: 2, memoryLimit: ${16 * MB} }
    let count = 0
    for await (const item of read(${JSON.stringify(`COPY FROM '${join(folder, file)}' (FORMAT csv)`)}, options).${form}()) count += 1
    if (count === 0) throw new Error('nothing was read')
    console.log(Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024)`
  const options = ['--max-semi-space-size=4', '--input-type=module', '-e', program]
  return Number(execFileSync(process.execPath, options, { encoding: 'utf8' }))
}

test.each(['rows', 'columnBatches', 'batches', 'ipc'])('%s of a hundred times the rows take no more memory', (form) => {
  const small = peakOf('small', form)
  const large = peakOf('large', form)
  // The large file has 180 MB; garbage that has not been collected yet is not the input.
  expect(large - small).toBeLessThan(80 * MB)
})
