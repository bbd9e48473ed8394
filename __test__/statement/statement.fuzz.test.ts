import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check, tokens } from './soundness.ts'
import { dialectStatement } from './statements.ts'

describe('nothing but CopyError is ever thrown', () => {
  test('for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => void check(text)),
      { numRuns: 5_000 },
    )
  })

  test('for tokens in any order', () => {
    const soup = fc
      .array(fc.tuple(fc.constantFrom(...tokens), fc.constantFrom(' ', ' ', ' ', '', '\n', '\t')), { maxLength: 25 })
      .map((parts) => parts.flat().join(''))
    fc.assert(
      fc.property(soup, (text) => void check(text)),
      { numRuns: 10_000 },
    )
    fc.assert(
      fc.property(soup, (text) => void check(`COPY t FROM STDIN ${text}`)),
      { numRuns: 10_000 },
    )
    fc.assert(
      fc.property(soup, (text) => void check(`COPY t FROM 'f' (${text})`)),
      { numRuns: 10_000 },
    )
    fc.assert(
      fc.property(soup, (text) => void check(`COPY REJECTS 'id' INTO t ${text}`)),
      { numRuns: 10_000 },
    )
  })

  test('for statements of every system', () => {
    fc.assert(
      fc.property(dialectStatement, (text) => void check(text)),
      { numRuns: 5_000 },
    )
    const pieces = fc.array(fc.tuple(dialectStatement, fc.nat(200), fc.nat(60)), { minLength: 1, maxLength: 3 })
    const spliced = pieces.map((parts) =>
      parts.map(([text, at, length]) => text.slice(at % text.length).slice(0, length)),
    )
    fc.assert(
      fc.property(spliced, (parts) => void check(`COPY t (a, b) FROM 'f' ${parts.join(' ')}`)),
      { numRuns: 5_000 },
    )
  })

  test('for a statement cut short or changed anywhere', () => {
    const whole = `COPY s."T" (a, "b") FROM E'f\\n' WITH (FORMAT csv, NULL $$x$$, FORCE_NULL (a), HEADER = match) WHERE (a = 'x;') /* c */;`
    for (let i = 0; i <= whole.length; i++) {
      check(whole.slice(0, i))
      check(whole.slice(i))
      for (const token of tokens) check(`${whole.slice(0, i)}${token}${whole.slice(i + 1)}`)
    }
  })

  test('for long statements, in reasonable time', () => {
    const start = performance.now()
    check(`COPY t FROM '${"''".repeat(200_000)}'`)
    check(`COPY t FROM E'${'\\x41'.repeat(200_000)}'`)
    check(`COPY t FROM STDIN WHERE ${'('.repeat(200_000)}`)
    check(`COPY t FROM STDIN WHERE ${'a + '.repeat(200_000)}1 -- ${'x'.repeat(200_000)}`)
    check(`${'/*'.repeat(200_000)}`)
    check(`COPY ${'a.'.repeat(50_000)}a FROM STDIN`)
    check(`COPY t FROM STDIN (${'x'.repeat(100_000)})`)
    check(`COPY t FROM STDIN (NULL ${'1'.repeat(100_000)}_)`)
    check(`${'\n'.repeat(200_000)}x`)
    check(`COPY t FROM 'f' TRANSFORM (a AS ${'('.repeat(100_000)}`)
    check(`COPY t FROM 'f' TRANSFORM (${'a AS 1, '.repeat(3_000)}b)`)
    check(`COPY t FROM 'f' CONSTANT (${Array.from({ length: 3_000 }, (_, i) => `c${i} 'x'`).join(', ')})`)
    check(`COPY t FROM 'f' CREDENTIALS '${'x'.repeat(200_000)}`)
    check(`COPY t FROM 'f' ${'CREDENTIALS /* '.repeat(2_000)}`)
    check(`COPY t FROM 'f' FIXEDWIDTH '${'a:1,'.repeat(20_000)}b:1'`)
    expect(performance.now() - start).toBeLessThan(20_000)
  })
})
