import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { formatDiagnostic } from '../../lib/statement/diagnostics.ts'
import { dialectNames } from '../../lib/statement/dialects/names.ts'
import { refusePending } from '../../lib/statement/execution.ts'
import { explainOptions } from '../../lib/statement/explain.ts'
import { parseCopy, parseStatement } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'
import { reparseWith } from '../../lib/statement/rejects.ts'
import { translate } from '../../lib/statement/translation/translate.ts'
import { dialectStatement } from './statements.ts'

/** Every text is either a statement, which can be written anew in every way, or a CopyError whose place lies in the text. */
function check(text: string): void {
  const statement = parsed(() => parseStatement(text))
  if (statement === undefined) return
  if (statement.kind === 'copy rejects') {
    parsed(() => reparseWith("COPY t FROM STDIN CSV HEADER LOG ERRORS FORCE NULL a, b QUOTE '~'", statement))
    return
  }
  const copy = statement.kind === 'explain' ? statement.statement : statement
  parseCopy(printCopy(copy))
  explainOptions(statement)
  for (const dialect of dialectNames) parseCopy(translate(copy, dialect).statement, { dialect })
  parsed(() => refusePending(statement))
}

/** What `parse` gives; undefined for an error that is as errors must be. */
function parsed<Result>(parse: () => Result): Result | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    const offset = error.statement?.offset ?? -1
    expect(offset).toBeGreaterThanOrEqual(0)
    expect(offset).toBeLessThanOrEqual(error.statement?.text.length ?? -1)
    expect(error.sqlState).toMatch(/^[0-9A-Z]{5}$/)
    expect(formatDiagnostic(error)).toMatch(/^ERROR: {2}/)
    return undefined
  }
}

const tokens =
  `COPY INTO BINARY FROM STDIN STDOUT PROGRAM WITH WHERE USING DELIMITERS AS FORCE NOT NULL QUOTE ESCAPE CSV HEADER
  FORMAT csv text match FORCE_NULL FORCE_NOT_NULL DEFAULT ENCODING ON_ERROR CREATE_TABLE TO t "q" "" 'f' '' E'\\n' E'\\ud800'
  E'\\u12' U&'x' B'1' X'f' N'x' $$a$$ $q$ $1 $1a 1 1.5 1e 0x 0x1f 1_ .. . , ; ( ) [ ] * = =* + - :: := -- /* */ ' " \\ { }
  ä 😀 \ud83d \0 true false on off ON ERROR SKIP_ROW LOG ERRORS DATA REJECT LIMIT '5' MAXERROR FILLRECORD FILL_MISSING_FIELDS
  ACCEPTINVCHARS CONFLICT DO UPDATE KEEP LAST REJECTS EXPLAIN VALIDATE CANCEL DIALECT 'gaussdb' redshift 'questdb' MAP BY
  NAME FIXED FORMATTER (a(0,2)) fixed UNIT chars EOL '$#' USEEOF WITHOUT ESCAPING NOESCAPING OIDS FILEHEADER DATE_FORMAT
  'YYYY' TRANSFORM (a AS WHEN (1-2) != SEQUENCE (a(1,2)) FILLER (a) CONSTANT (a'x') TIMESTAMP PARTITION DAY AWS CONNECTION
  FILES ['f'] PATTERN IGNOREHEADER ESCAPE IGNOREBLANKLINES FIXEDWIDTH 'a:1,b:2' DATEFORMAT 'auto' ACCEPTANYDATE
  EMPTYASNULL TRIMBLANKS REMOVEQUOTES ROUNDEC NOLOAD EXPLICIT_IDS COMPUPDATE PRESET STATUPDATE IAM_ROLE CREDENTIALS REGION
  MANIFEST GZIP JSON PARQUET SKIP 3`.split(/\s+/)

describe('nothing but CopyError is ever thrown', () => {
  test('for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), check), { numRuns: 5_000 })
  })

  test('for tokens in any order', () => {
    const soup = fc
      .array(fc.tuple(fc.constantFrom(...tokens), fc.constantFrom(' ', ' ', ' ', '', '\n', '\t')), { maxLength: 25 })
      .map((parts) => parts.flat().join(''))
    fc.assert(fc.property(soup, check), { numRuns: 10_000 })
    fc.assert(
      fc.property(soup, (text) => check(`COPY t FROM STDIN ${text}`)),
      { numRuns: 10_000 },
    )
    fc.assert(
      fc.property(soup, (text) => check(`COPY t FROM 'f' (${text})`)),
      { numRuns: 10_000 },
    )
    fc.assert(
      fc.property(soup, (text) => check(`COPY REJECTS 'id' INTO t ${text}`)),
      { numRuns: 10_000 },
    )
  })

  test('for statements of every system', () => {
    fc.assert(fc.property(dialectStatement, check), { numRuns: 5_000 })
    const pieces = fc.array(fc.tuple(dialectStatement, fc.nat(200), fc.nat(60)), { minLength: 1, maxLength: 3 })
    const spliced = pieces.map((parts) =>
      parts.map(([text, at, length]) => text.slice(at % text.length).slice(0, length)),
    )
    fc.assert(
      fc.property(spliced, (parts) => check(`COPY t (a, b) FROM 'f' ${parts.join(' ')}`)),
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
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
