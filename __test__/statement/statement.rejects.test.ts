import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyRejects } from '../../lib/statement/ast.ts'
import { parseCopy, parseStatement } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'
import { reparseWith } from '../../lib/statement/rejects.ts'

function rejects(text: string): CopyRejects {
  const statement = parseStatement(text)
  if (statement.kind === 'copy rejects') return statement
  throw new Error('no COPY REJECTS')
}

function failure(run: () => unknown): CopyError {
  try {
    run()
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('COPY REJECTS', () => {
  test('every clause', () => {
    const statement = rejects(
      `copy rejects 'a-1' into s."T" (a, "B") with (NULL 'x', log errors, truncatecolumns) on conflict do update;`,
    )
    expect(statement).toMatchObject({
      kind: 'copy rejects',
      loadId: 'a-1',
      offset: 13,
      table: { schema: { value: 's' }, name: { value: 'T', quoted: true } },
      columns: [{ value: 'a' }, { value: 'B' }],
      given: { onConflict: { action: 'update' } },
    })
    expect(statement.given.options.map((item) => item.name)).toEqual(['null', 'log errors', 'truncatecolumns'])
  })

  test('a condition takes the place of that of the statement', () => {
    const first = `COPY t FROM 'f' (FORMAT csv) WHERE a > 1`
    const where = (text: string) => reparseWith(first, rejects(text)).where?.sql
    expect(where("COPY REJECTS 'x' INTO t")).toBe('a > 1')
    expect(where("COPY REJECTS 'x' INTO t WHERE b < 2")).toBe('b < 2')
    expect(where("COPY REJECTS 'x' INTO t (a) WITH (NULL 'x') ON CONFLICT DO SKIP WHERE b IN (1, 2)")).toBe(
      'b IN (1, 2)',
    )
    expect(where("COPY REJECTS 'x' INTO t WHERE b < 2 ON CONFLICT DO SKIP")).toBe('b < 2')
    expect(where("COPY REJECTS 'x' INTO t WHERE true")).toBeUndefined()
    expect(where("COPY REJECTS 'x' INTO t WHERE TRUE ;")).toBeUndefined()
    expect(failure(() => rejects("COPY REJECTS 'x' INTO t WHERE"))).toMatchObject({ sqlState: '42601' })
  })

  test('nothing but what it needs', () => {
    expect(rejects("COPY REJECTS 'x' INTO t")).toEqual({
      kind: 'copy rejects',
      text: "COPY REJECTS 'x' INTO t",
      loadId: 'x',
      offset: 13,
      table: { name: { value: 't', quoted: false, offset: 22 } },
      given: { options: [] },
    })
  })

  test('a table may be called so', () => {
    expect(parseStatement("COPY rejects FROM 'f'")).toMatchObject({
      kind: 'copy from',
      table: { name: { value: 'rejects' } },
    })
    expect(parseCopy('COPY "rejects" FROM STDIN').kind).toBe('copy from')
  })

  test.each([
    ["COPY REJECTS 'x' FROM t", 'syntax error at or near "FROM"', 17],
    ["COPY REJECTS 'x' INTO", 'syntax error at end of input', 21],
    ["COPY REJECTS 'x' INTO t LIMIT 1", 'syntax error at or near "LIMIT"', 24],
    ["COPY REJECTS 'x' INTO t WITH (HEADER) CSV", 'syntax error at or near "CSV"', 38],
    ["COPY REJECTS 'x' INTO t (FORMAT csv)", 'syntax error at or near "csv"', 32],
    ["COPY REJECTS 'x' INTO t WITH (HEADR)", 'option "headr" not recognized', 30],
    ["COPY REJECTS 'x' INTO t WITH (NULL '', NULL '')", 'conflicting or redundant options', 39],
    ["COPY REJECTS 'x' INTO t WITH (FORMAT parquet)", 'COPY REJECTS cannot read FORMAT parquet', 37],
    ["COPY REJECTS 'x' INTO t WITH (FORMAT binary)", 'COPY REJECTS cannot read FORMAT binary', 37],
  ])('%s', (text, message, offset) => {
    const error = failure(() => parseStatement(text))
    expect([error.message, error.statement?.offset]).toEqual([message, offset])
  })

  test('options without columns need WITH, since parentheses after a table are its columns', () => {
    const error = failure(() => parseStatement("COPY REJECTS 'x' INTO t (FORMAT csv)"))
    expect(error.hint).toBe('Column names are separated by commas; options follow WITH.')
  })

  test.each([
    ["EXPLAIN COPY REJECTS 'x' INTO t", 8],
    ["EXPLAIN VALIDATE COPY REJECTS 'x' INTO t WITH (NULL 'x')", 17],
  ])('is not explained: %s', (text, offset) => {
    const error = failure(() => parseStatement(text))
    expect(error).toMatchObject({ sqlState: '0A000', message: 'COPY REJECTS cannot be explained' })
    expect(error.statement?.offset).toBe(offset)
    expect(parseStatement("EXPLAIN COPY rejects FROM 'x'").kind).toBe('explain')
  })

  test('is nothing to parseCopy', () => {
    const error = failure(() => parseCopy("COPY REJECTS 'x' INTO t"))
    expect(error.message).toBe('COPY REJECTS cannot stand in place of COPY ... FROM')
  })
})

describe('the options given are laid over those of the statement', () => {
  const original = `COPY old (a, b) FROM 'f''s' WITH (FORMAT csv, HEADER match, NULL E'\\t', FORCE_NULL (a, "B"), LOG ERRORS,
    REJECT LIMIT '5', FILL_MISSING_FIELDS 'multi', LOAD_KEY 'k', CREATE_TABLE) ON CONFLICT (a) DO REJECT WHERE a > 1`

  test.each([
    [
      'INTO new',
      `COPY new (a, b) FROM 'f''s' WITH (DIALECT 'gaussdb', FORMAT csv, NULL E'\\t', HEADER MATCH, FORCE_NULL (a, "B"), LOG ERRORS, REJECT LIMIT 'unlimited', FILL_MISSING_FIELDS 'multi', CREATE_TABLE true) ON CONFLICT (a) DO REJECT WHERE a > 1`,
    ],
    [
      `INTO s."New" (x) (NULL 'n', ON_ERROR skip_row, FILL_MISSING_FIELDS, HEADER off, LOAD_KEY 'l', CREATE_TABLE 0)
        ON CONFLICT DO SKIP`,
      `COPY s."New" (x) FROM 'f''s' WITH (DIALECT 'gaussdb', FORMAT csv, NULL 'n', FORCE_NULL (a, "B"), ON_ERROR skip_row, FILL_MISSING_FIELDS 'one', LOAD_KEY 'l', CREATE_TABLE false) ON CONFLICT DO SKIP WHERE a > 1`,
    ],
    [
      "INTO new REJECT LIMIT '7' QUOTE '~' FORCE NULL *",
      `COPY new (a, b) FROM 'f''s' WITH (DIALECT 'gaussdb', FORMAT csv, NULL E'\\t', HEADER MATCH, QUOTE '~', FORCE_NULL *, LOG ERRORS, REJECT LIMIT '7', FILL_MISSING_FIELDS 'multi', CREATE_TABLE true) ON CONFLICT (a) DO REJECT WHERE a > 1`,
    ],
  ])('%s', (rest, printed) => {
    const copy = reparseWith(original, rejects(`COPY REJECTS 'x' ${rest}`))
    expect(printCopy(copy)).toBe(printed)
    // Its places are those of its own text.
    expect(copy.text.slice(copy.table.name.offset)).toMatch(/^("New"|new) \(/)
    expect(parseCopy(copy.text)).toEqual(copy)
  })

  test('of the older syntax, too', () => {
    const older = "COPY BINARY t FROM STDIN CSV DELIMITER AS ';' FORCE NOT NULL a, b LOG ERRORS DATA SKIP 1"
    expect(() => reparseWith(older, rejects("COPY REJECTS 'x' INTO t WITH (FORMAT text)"))).toThrow()
    const good = older.replace('BINARY ', '').replace(' SKIP 1', '')
    expect(printCopy(reparseWith(good, rejects("COPY REJECTS 'x' INTO t ON_ERROR ignore")))).toBe(
      "COPY t FROM STDIN WITH (DIALECT 'gaussdb', FORMAT csv, DELIMITER ';', FORCE_NOT_NULL (a, b), ON_ERROR ignore)",
    )
  })

  test.each([
    ["(ON_ERROR skip_row, REJECT_LIMIT '2%')", '', '(ON_ERROR skip_row)'],
    ['(ON_ERROR ignore, REJECT_LIMIT 3)', "WITH (NULL 'x')", "(NULL 'x', ON_ERROR ignore)"],
    ['(ON_ERROR skip_row, REJECT_LIMIT 3)', "WITH (REJECT_LIMIT '50%')", "(ON_ERROR skip_row, REJECT_LIMIT '50%')"],
    ["LOG ERRORS REJECT LIMIT '5'", '', "(DIALECT 'gaussdb', LOG ERRORS, REJECT LIMIT 'unlimited')"],
    ['CSV MAXERROR 10', '', "(DIALECT 'redshift', FORMAT csv, ON_ERROR skip_row)"],
    ['CSV IGNOREALLERRORS false MAXERROR 10', 'WITH (MAXERROR 2)', "(DIALECT 'redshift', FORMAT csv, MAXERROR 2)"],
    ['CSV IGNOREALLERRORS false MAXERROR 10', '', "(DIALECT 'redshift', FORMAT csv, ON_ERROR skip_row)"],
    ['CSV MAXERROR 1', '', "(DIALECT 'redshift', FORMAT csv)"],
  ])('but the limit, which was about all rows: %s, %s', (first, given, printed) => {
    const copy = reparseWith(`COPY t FROM 'f' ${first}`, rejects(`COPY REJECTS 'x' INTO t ${given}`))
    expect(printCopy(copy)).toBe(`COPY t FROM 'f' WITH ${printed}`)
  })

  test('and must go together with them', () => {
    const given = rejects("COPY REJECTS 'x' INTO t WITH (FORMAT text, HEADER false)")
    const error = failure(() => reparseWith(original, given))
    expect(error.message).toBe('COPY FORCE_NULL requires CSV mode')
    const { text, offset } = error.statement ?? { text: '', offset: 0 }
    expect(text.slice(offset).startsWith('(a, "B")')).toBe(true)
  })
})

describe('the dialect is that of the statement', () => {
  test.each([
    [
      "COPY old FROM 'f' IGNOREHEADER 1 DELIMITER '\\036' NULL AS '' ROUNDEC",
      "INTO new WITH (NULL 'x')",
      "COPY new FROM 'f' WITH (DIALECT 'redshift', DELIMITER E'\\u001e', NULL 'x', SKIP 1, ROUNDEC)",
    ],
    [
      "COPY old FROM 'f' WITH HEADER true DELIMITER ';' ON ERROR SKIP_ROW",
      'INTO new WITH (HEADER false)',
      "COPY new FROM 'f' WITH (DIALECT 'questdb', DELIMITER ';', ON_ERROR skip_row)",
    ],
    [
      "COPY old (a, b) FROM 'f' DELIMITERS '$^' FILLER (b) CSV",
      "INTO new WITH (DELIMITER '&&')",
      "COPY new (a, b) FROM 'f' WITH (DIALECT 'gaussdb', FORMAT csv, DELIMITER '&&', FILLER (b))",
    ],
    [
      "COPY old FROM 'f' DELIMITER '|'",
      "INTO new WITH (DATE_FORMAT 'DD.MM.YYYY', ON_ERROR skip_row)",
      "COPY new FROM 'f' WITH (DIALECT 'gaussdb', DELIMITER '|', ON_ERROR skip_row, DATE_FORMAT 'DD.MM.YYYY')",
    ],
  ])('%s', (original, rest, expected) => {
    expect(printCopy(reparseWith(original, rejects(`COPY REJECTS 'x' ${rest}`)))).toBe(expected)
  })

  test('and no word that is given makes it another', () => {
    const given = rejects("COPY REJECTS 'x' INTO new WITH (MAXERROR 5)")
    const error = failure(() => reparseWith("COPY old FROM 'f' (ON_ERROR skip_row)", given))
    expect(error.message).toBe("COPY MAXERROR is of Redshift and cannot be used with DIALECT 'postgresql'")
  })
})
