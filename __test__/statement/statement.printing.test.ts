import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyFrom } from '../../lib/statement/ast.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'

/** What a statement means: its tree without the text it came from and the places in it. */
function meaning(copy: CopyFrom): unknown {
  return JSON.parse(JSON.stringify(copy, (key, value) => (key === 'offset' || key === 'text' ? undefined : value)))
}

test.each([
  ["copy T from 'f'", "COPY t FROM 'f'"],
  ['copy into S."T" (A) from stdin csv header', 'COPY s."T" (a) FROM STDIN WITH (FORMAT csv, HEADER)'],
  ["COPY t FROM E'a\\tb\\\\' (DELIMITER E'\\t', NULL '\\N')", "COPY t FROM E'a\\tb\\\\'"],
  ["COPY t FROM STDIN (FORMAT csv, QUOTE '''', ESCAPE '''')", "COPY t FROM STDIN WITH (FORMAT csv, QUOTE '''')"],
  [
    'COPY t FROM STDIN (FORMAT csv, FORCE_NULL (a, "B"), FORCE_NOT_NULL *) WHERE a>1 ;',
    'COPY t FROM STDIN WITH (FORMAT csv, FORCE_NOT_NULL *, FORCE_NULL (a, "B")) WHERE a>1',
  ],
  [
    "COPY t FROM STDIN (HEADER match, DEFAULT 'd', CREATE_TABLE off)",
    "COPY t FROM STDIN WITH (DEFAULT 'd', HEADER MATCH, CREATE_TABLE false)",
  ],
])('%s', (statement, printed) => {
  expect(printCopy(parseCopy(statement))).toBe(printed)
})

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom("'", '"', '\\', '\n', '\t', '$', ' ', 'a', 'é', '😀', '\u0001'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
})
const withoutNul = text.filter((value) => !/\0|\p{Surrogate}/u.test(value))
const literal = fc.oneof(
  withoutNul.map((value) => `'${value.replaceAll("'", "''")}'`),
  withoutNul.map((value) => `E'${value.replace(/[\\']/g, '\\$&')}'`),
  withoutNul.filter((value) => !value.includes('$')).map((value) => `$q$${value}$q$`),
)
const name = fc.oneof(
  fc.stringMatching(/^[a-zA-Zé_][a-zA-Z0-9$]{2,8}$/).map((word) => `x${word}`),
  withoutNul.filter((value) => value !== '').map((value) => `"${value.replaceAll('"', '""')}"`),
)
const character = fc.constantFrom("','", "';'", "'|'", "E'\\t'", "'~'", "' '", "''''")
const names = fc.oneof(
  fc.constant('*'),
  fc.array(name, { minLength: 1, maxLength: 3 }).map((list) => `(${list.join(', ')})`),
)
const option = fc.oneof(
  character.map((value) => `DELIMITER ${value}`),
  literal.map((value) => `NULL ${value}`),
  literal.map((value) => `DEFAULT ${value}`),
  fc.constantFrom(
    'HEADER',
    'HEADER match',
    'HEADER = off',
    'CREATE_TABLE',
    'CREATE_TABLE = false',
    'ON_ERROR stop',
    'ENCODING utf8',
  ),
  character.map((value) => `QUOTE = ${value}`),
  character.map((value) => `escape ${value}`),
  names.map((value) => `FORCE_NULL ${value}`),
  names.map((value) => `FORCE_NOT_NULL ${value}`),
)
const statement = fc
  .record({
    table: fc.array(name, { minLength: 1, maxLength: 3 }),
    columns: fc.option(fc.array(name, { minLength: 1, maxLength: 3 })),
    source: fc.oneof(fc.constant('STDIN'), literal),
    format: fc.constantFrom('csv', 'csv', 'text'),
    options: fc.uniqueArray(option, { maxLength: 5, selector: (value) => value.slice(0, 9).toLowerCase() }),
    where: fc.option(literal.map((value) => `a = (${value})`)),
  })
  .map(({ table, columns, source, format, options, where }) =>
    [
      `COPY ${table.join('.')}${columns ? ` (${columns.join(', ')})` : ''} FROM ${source}`,
      `(${[`FORMAT ${format}`, ...options].join(', ')})${where ? ` WHERE ${where}` : ''}`,
    ].join('\n'),
  )

test('a printed statement parses to the same statement, and printing is stable', () => {
  let accepted = 0
  fc.assert(
    fc.property(statement, (given) => {
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
      expect(meaning(again)).toEqual(meaning(copy))
      expect(printCopy(again)).toBe(printed)
    }),
    { numRuns: 3_000 },
  )
  expect(accepted).toBeGreaterThan(500)
})
