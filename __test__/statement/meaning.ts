import fc from 'fast-check'
import { expect } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyFrom } from '../../lib/statement/ast.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'

const places = new Set(['offset', 'text', 'found', 'word', 'notes'])

/** What a statement means: its tree without the text it came from and the places in it. */
export function meaning(copy: CopyFrom): unknown {
  const { fixed } = copy.options
  const kept = JSON.parse(JSON.stringify(copy, (key, value) => (places.has(key) ? undefined : value)))
  // Here an offset is no place in the statement.
  if (fixed) kept.options.fixed.offsets = fixed.fields.map(({ offset }) => offset)
  return kept
}

/** A printed statement parses to one that means the same, and printing is stable; of the statements more than `least` must be such. */
export function expectStablePrinting(
  statements: fc.Arbitrary<string>,
  meaningOf: (copy: CopyFrom) => unknown,
  { numRuns, least }: { readonly numRuns: number; readonly least: number },
): void {
  let accepted = 0
  fc.assert(
    fc.property(statements, (given) => {
      let copy: CopyFrom
      try {
        copy = parseCopy(given)
      } catch (error) {
        // Options that do not go together are no counterexample.
        expect(error).toBeInstanceOf(CopyError)
        expect((error as CopyError).message).not.toMatch(/syntax error|unterminated/)
        return
      }
      accepted++
      const printed = printCopy(copy)
      const again = parseCopy(printed)
      expect(meaningOf(again)).toEqual(meaningOf(copy))
      expect(printCopy(again)).toBe(printed)
    }),
    { numRuns },
  )
  expect(accepted).toBeGreaterThan(least)
}
