import { expect, test } from 'vitest'
import { parseCopy } from '../../../lib/statement/parser.ts'
import { sections } from './table.ts'
import { withoutEach } from './without.ts'

test.each([
  ["COPY t FROM 'f' CSV HEADER", ["COPY t FROM 'f' HEADER", "COPY t FROM 'f' CSV"]],
  ["COPY t FROM 'f' (FORMAT csv, HEADER);", ["COPY t FROM 'f' ( HEADER);", "COPY t FROM 'f' (FORMAT csv );"]],
  ["COPY t FROM 'f' WITH (FORMAT csv)", ["COPY t FROM 'f'"]],
  ["COPY t (a) FROM 'f' (HEADER) WHERE a > 1", ["COPY t (a) FROM 'f' WHERE a > 1"]],
  [
    "COPY t FROM 'f' DELIMITERS ';' (FORMAT csv, NULL 'x')",
    [
      "COPY t FROM 'f' (FORMAT csv, NULL 'x')",
      "COPY t FROM 'f' DELIMITERS ';' ( NULL 'x')",
      "COPY t FROM 'f' DELIMITERS ';' (FORMAT csv )",
    ],
  ],
  [
    "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) HEADER",
    ["COPY t FROM 'f' HEADER DIALECT 'gaussdb'", "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) DIALECT 'gaussdb'"],
  ],
  ["COPY t FROM 'f' WITH DIALECT 'questdb' HEADER true", ["COPY t FROM 'f' WITH DIALECT 'questdb'"]],
])('%s', (statement, expected) => {
  expect(withoutEach(statement).map((shorter) => shorter.statement)).toEqual(expected)
})

test('what is left of a statement of the documents follows the same rules, or is refused for what it lacks', () => {
  const statements = sections.flatMap(({ entries }) => entries.flatMap((e) => (e.run ? [e.statement] : [])))
  for (const statement of statements) {
    const { dialect } = parseCopy(statement)
    for (const shorter of withoutEach(statement)) {
      try {
        expect(parseCopy(shorter.statement).dialect?.name).toBe(dialect?.name)
      } catch (error) {
        expect((error as Error).message).not.toMatch(/syntax error|unterminated/)
      }
    }
  }
})
