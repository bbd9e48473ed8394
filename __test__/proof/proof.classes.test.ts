import { createHash } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { benches } from '../copy/targets.ts'
import { CLASSES, digestSql, type Expected, generate, setupSql, statesOf, VARIANTS } from './generator.ts'
import { measured } from './measure.ts'

/** Rows of each file; a million by the environment, for a thorough run. */
const ROWS = Number(process.env.COPYIST_PROOF_ROWS ?? 60_000)
const SEED = Number(process.env.COPYIST_PROOF_SEED ?? 7)

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-proof-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe.each(VARIANTS)('errors of every class that there are with %s', { timeout: 900_000 }, (variant) => {
  let path: string
  let expected: Expected
  const open = () => {
    const bench = benches.find(({ name }) => variant.startsWith(name))
    if (bench === undefined) throw new Error(`no target of ${variant}`)
    return bench.open()
  }
  /** Of all that is told, at each number of threads. */
  const outcomes = new Set<string>()

  beforeAll(() => {
    path = join(folder, `${variant}.csv`)
    expected = generate(path, variant, ROWS, SEED)
    // There are enough of each.
    const counts = new Map<number, number>()
    for (const index of expected.classes) counts.set(index, (counts.get(index) ?? 0) + 1)
    for (const [index, { name, only }] of CLASSES.entries()) {
      if (only?.(variant) === false) continue
      expect(counts.get(index) ?? 0, name).toBeGreaterThan(ROWS / 1000)
    }
    // A million rows beside other work.
  }, 300_000)

  test.each([1, 2, 8])('with %i threads, exactly those rows are refused', async (threads) => {
    const bench = await open()
    const input = openSync(path, 'r')
    try {
      await bench.sql(setupSql(variant))
      const at = new Map<number, number>()
      for (const [index, offset] of expected.offsets.entries()) at.set(offset, index)
      const found = new Uint8Array(expected.refused)
      const wrong: unknown[] = []
      const complain = (what: unknown) => {
        if (wrong.length < 20) wrong.push(what)
      }
      const told = createHash('sha256')
      const bytes = Buffer.allocUnsafe(4096)
      let number = 0
      const statement = `COPY t FROM '${path}' (FORMAT csv, HEADER, ON_ERROR skip_row)`
      const { value: receipt } = await measured(`${ROWS} rows, ${variant}, ${threads} threads`, () =>
        bench.db.copy(statement, {
          threads,
          onReject(reject) {
            number += 1
            const index = at.get(reject.byteOffset)
            const states = reject.errors.map(({ sqlState }) => sqlState)
            told.update(`${reject.line} ${JSON.stringify(reject.errors)}\n`)
            if (index === undefined || found[index]) {
              complain({ unexpected: reject.raw.toString(), line: reject.line, states })
              return
            }
            found[index] = 1
            const kind = expected.classes[index] as number
            const length = expected.lengths[index] as number
            readSync(input, bytes, 0, length, reject.byteOffset)
            const isRight =
              reject.number === number &&
              number === index + 1 &&
              reject.line === expected.lines[index] &&
              reject.lastLine === expected.lastLines[index] &&
              reject.byteLength === length &&
              !reject.rawIsCut &&
              reject.raw.equals(bytes.subarray(0, length)) &&
              states.join() === statesOf(kind, variant).join()
            if (!isRight) {
              const { line, lastLine, byteLength, errors } = reject
              const raw = reject.raw.toString()
              const place = { line: expected.lines[index], lastLine: expected.lastLines[index], byteLength: length }
              const seen = {
                number: reject.number,
                line,
                lastLine,
                byteLength,
                raw,
                states,
                message: errors[0]?.message,
              }
              complain({ class: CLASSES[kind]?.name, seen, place, index, states: statesOf(kind, variant) })
            }
          },
        }),
      )
      for (const [index, isFound] of found.entries()) {
        if (!isFound)
          complain({ missed: CLASSES[expected.classes[index] as number]?.name, line: expected.lines[index] })
      }
      expect(wrong).toEqual([])
      expect(recalls(expected, found)).toEqual([])
      expect(number).toBe(expected.refused)
      const { rows, refused, filtered, bytes: bytesRead } = expected
      const rowsLoaded = rows - refused - filtered
      expect(receipt).toMatchObject({
        rowsRead: rows,
        rowsRejected: refused,
        rowsFiltered: filtered,
        rowsLoaded,
        rowsConflicted: 0,
        rowsReplaced: 0,
        headerLines: 1,
        bytesRead,
        rejectsRecorded: Math.min(refused, 50_000),
        threads,
      })
      expect(await bench.sql(digestSql(variant))).toEqual([[String(rowsLoaded), expected.digest]])
      const recorded = await bench.sql(
        `SELECT count(DISTINCT reject_no) FROM copyist.rejects WHERE load_id = '${receipt.id}'`,
      )
      expect(recorded).toEqual([[String(Math.min(refused, 50_000))]])
      outcomes.add(told.digest('hex'))
      // Not only the rows, but every word of what is said of them.
      expect(outcomes.size).toBe(1)
    } finally {
      closeSync(input)
      await bench.close()
    }
  })
})

/** The classes of which not every row was found. */
function recalls(expected: Expected, found: Uint8Array): string[] {
  const missed = new Map<number, number>()
  for (const [index, isFound] of found.entries()) {
    const kind = expected.classes[index] as number
    if (!isFound) missed.set(kind, (missed.get(kind) ?? 0) + 1)
  }
  return [...missed].map(([kind, count]) => `${CLASSES[kind]?.name}: ${count}`)
}
