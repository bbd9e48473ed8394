import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { formatDiagnostic } from '../../lib/statement/diagnostics.ts'
import { refusePending } from '../../lib/statement/execution.ts'
import { explainOptions } from '../../lib/statement/explain.ts'
import { findOption, optionTable } from '../../lib/statement/options.ts'
import { parseCopy, parseStatement } from '../../lib/statement/parser.ts'

function failure(run: () => unknown): CopyError {
  try {
    run()
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('one dialect at a time', () => {
  test.each([
    ['COPY t FROM STDIN', undefined],
    ["COPY t FROM 'f' CSV HEADER IGNORE_EXTRA_DATA FILL_MISSING_FIELDS 'multi' COMPATIBLE_ILLEGAL_CHARS", undefined],
    ["COPY t FROM 'f' (ON_ERROR skip_row, TRUNCATE_COLUMNS, REPLACE_INVALID_CHARS, TRIM_BLANKS)", undefined],
    ["COPY t FROM 'f' CSV LOG ERRORS", { name: 'gaussdb', found: 'words', word: 'LOG ERRORS' }],
    ["COPY t FROM 'f' LOG ERRORS DATA (FORMAT csv)", { name: 'gaussdb', found: 'words', word: 'LOG ERRORS DATA' }],
    ["COPY t FROM 'f' ON ERROR SKIP_ROW", { name: 'questdb', found: 'words', word: 'ON ERROR' }],
    ["COPY t FROM 'f' (ON ERROR SKIP_COLUMN)", { name: 'questdb', found: 'words', word: 'ON ERROR' }],
    ["COPY t FROM 'f' CSV DELIMITER '、'", { name: 'gaussdb', found: 'words', word: 'DELIMITER' }],
    ["COPY t FROM 'f' (FORMAT csv, DELIMITER '||')", { name: 'gaussdb', found: 'words', word: 'DELIMITER' }],
    ["COPY t FROM 'f' (DELIMITER '\\011', TRIMBLANKS)", { name: 'redshift', found: 'words', word: 'TRIMBLANKS' }],
    ["COPY t FROM 'f' USEEOF", { name: 'gaussdb', found: 'words', word: 'USEEOF' }],
    ["COPY t FROM 'f' WITHOUT ESCAPING", { name: 'gaussdb', found: 'words', word: 'WITHOUT ESCAPING' }],
    ["COPY t FROM 'f' (DATE_FORMAT 'YYYY')", { name: 'gaussdb', found: 'words', word: 'DATE_FORMAT' }],
    ["COPY t FROM 'f' (DATE_FORMAT 'YYYY', BLANKSASNULL)", { name: 'redshift', found: 'words', word: 'BLANKSASNULL' }],
    ["COPY t FROM 'f' IGNOREHEADER 1", { name: 'redshift', found: 'words', word: 'IGNOREHEADER' }],
    ["COPY t FROM 'f' ESCAPE", { name: 'redshift', found: 'words', word: 'ESCAPE' }],
    ["COPY t FROM 'f' WITH HEADER true", { name: 'questdb', found: 'words', word: 'HEADER TRUE' }],
    ["COPY t FROM 's3://b' (FORMAT csv, PATTERN = '*')", { name: 'materialize', found: 'words', word: 'PATTERN' }],
    ["COPY t FROM 'f' USING DELIMITERS '$^&'", { name: 'gaussdb', found: 'words', word: 'DELIMITERS' }],
    ["COPY t FROM 'f' DELIMITERS ';'", undefined],
    ["COPY t FROM 'f' (DIALECT 'postgresql')", { name: 'postgresql', found: 'given', word: 'DIALECT' }],
    ["COPY t FROM 'f' DIALECT redshift CSV", { name: 'redshift', found: 'given', word: 'DIALECT' }],
  ])('%s', (statement, dialect) => {
    expect(parseCopy(statement).dialect).toEqual(dialect)
  })

  test('where files are may be said beside the words of any system', () => {
    const sources = [
      "FILES ['a.csv']",
      "PATTERN '*.csv'",
      'AWS CONNECTION c',
      "CREDENTIALS 'c'",
      "IAM_ROLE 'arn:aws:iam::1:role/r'",
      "REGION 'eu-central-1'",
    ]
    const words: readonly (readonly [string, string])[] = [
      ['gaussdb', 'LOG ERRORS'],
      ['gaussdb', 'USEEOF'],
      ['gaussdb', 'FIXED FORMATTER (a (0, 5))'],
      ['gaussdb', 'TRANSFORM (a AS a + 1)'],
      ['redshift', 'GZIP'],
      ['redshift', 'IGNOREHEADER 1'],
      ['redshift', 'MAXERROR 5'],
      ['redshift', "FIXEDWIDTH 'a:5'"],
      ['questdb', 'CSV ON ERROR SKIP_ROW'],
      ...(['postgresql', 'gaussdb', 'materialize', 'questdb', 'redshift'] as const).map(
        (name) => [name, `CSV DIALECT ${name}`] as const,
      ),
    ]
    for (const source of sources) {
      for (const [name, word] of words) {
        for (const statement of [`COPY t FROM 's3://b' ${source} ${word}`, `COPY t FROM 's3://b' ${word} ${source}`]) {
          expect([statement, parseCopy(statement).dialect?.name]).toEqual([statement, name])
        }
      }
    }
    // Where nothing else tells, it is not their order that does.
    for (const statement of [
      "COPY t FROM 's3://b' (FORMAT csv, PATTERN = '*', IAM_ROLE 'arn:aws:iam::1:role/r')",
      "COPY t FROM 's3://b' (FORMAT csv, IAM_ROLE 'arn:aws:iam::1:role/r', PATTERN = '*')",
    ]) {
      expect(parseCopy(statement).dialect).toEqual({ name: 'redshift', found: 'words', word: 'IAM_ROLE' })
    }
    const long = parseCopy("COPY t FROM 's3://b' (FORMAT csv, PATTERN = '*', DELIMITER '||')")
    expect(long).toMatchObject({ dialect: { name: 'gaussdb' }, options: { delimiter: '||' } })
  })

  test('the words of LINEAGE are names of columns, also that which is one of SQL', () => {
    const { lineage } = parseCopy('COPY t FROM \'f\' (FORMAT csv, LINEAGE (offset, line, "size", at offset))').options
    expect(lineage?.map(({ column, of }) => [column.value, of])).toEqual([
      ['offset', 'offset'],
      ['line', 'line'],
      ['size', 'size'],
      ['at', 'offset'],
    ])
  })

  test.each([
    ["AWS CONNECTION = c, CREDENTIALS 'd'", 'COPY AWS CONNECTION cannot be used with CREDENTIALS'],
    ["MANIFEST, PATTERN = '*'", 'COPY MANIFEST cannot be used with PATTERN'],
    ["MANIFEST, FILES = ['a']", 'COPY MANIFEST cannot be used with FILES'],
  ])('(%s) says two things', (options, message) => {
    const error = failure(() => parseCopy(`COPY t FROM 's3://b' (FORMAT csv, ${options})`))
    expect([error.sqlState, error.message]).toEqual(['22023', message])
  })

  test('the caller may say it', () => {
    const copy = parseCopy("COPY t FROM 'f'", { dialect: 'redshift' })
    expect(copy.dialect).toEqual({ name: 'redshift', found: 'given' })
    expect(copy.options.delimiter).toBe('|')
    const error = failure(() => parseCopy("COPY t FROM 'f' USEEOF", { dialect: 'redshift' }))
    expect(error.message).toBe("COPY USEEOF is of GaussDB and cannot be used with DIALECT 'redshift'")
  })

  test.each([
    [
      "COPY t FROM 'f' USEEOF TRIMBLANKS",
      'COPY TRIMBLANKS (Redshift) cannot be used with USEEOF (GaussDB)',
      'TRIMBLANKS',
    ],
    [
      "COPY t FROM 'f' WITH HEADER true IGNOREBLANKLINES",
      'COPY IGNOREBLANKLINES (Redshift) cannot be used with HEADER TRUE (QuestDB)',
      'IGNOREBLANKLINES',
    ],
    [
      "COPY t FROM 'f' (DIALECT 'postgresql', FILLER (a))",
      "COPY FILLER is of GaussDB and cannot be used with DIALECT 'postgresql'",
      'FILLER',
    ],
    [
      "COPY t FROM 'f' CSV MAXERROR 5 USEEOF",
      'COPY USEEOF (GaussDB) cannot be used with MAXERROR (Redshift)',
      'USEEOF',
    ],
    [
      "COPY t FROM 'f' (DIALECT 'postgresql', MAXERROR 5)",
      "COPY MAXERROR is of Redshift and cannot be used with DIALECT 'postgresql'",
      'MAXERROR',
    ],
    [
      "COPY t FROM 'f' CSV FILLRECORD ON ERROR SKIP_ROW",
      'COPY ON ERROR (QuestDB) cannot be used with FILLRECORD (Redshift)',
      'ON ERROR',
    ],
    ["COPY t FROM 'f' (DIALECT 'oracle')", 'COPY DIALECT "oracle" not recognized', 'DIALECT'],
  ])('%s', (statement, message, at) => {
    const error = failure(() => parseCopy(statement))
    expect([error.sqlState, error.message]).toEqual(['22023', message])
    expect(statement.slice(error.statement?.offset)).toMatch(new RegExp(`^${at}`))
  })

  test.each(['MAXERROR 5', 'IGNOREALLERRORS', 'FILLRECORD', 'TRUNCATECOLUMNS', "ACCEPTINVCHARS AS '^'"])(
    "%s is Redshift's, with and without parentheses",
    (option) => {
      const dialect = { name: 'redshift', found: 'words', word: option.split(' ')[0] }
      expect(parseCopy(`COPY t FROM 'f' ${option}`).dialect).toEqual(dialect)
      expect(parseCopy(`COPY t FROM STDIN (${option})`).dialect).toEqual(dialect)
    },
  )

  test('defaults follow', () => {
    expect(parseCopy("COPY t FROM 'f' MAXERROR 5").options).toMatchObject({ delimiter: '|', decimals: 'truncate' })
    expect(parseCopy("COPY t FROM 'f' WITH ON ERROR SKIP_ROW").options).toMatchObject({
      format: 'csv',
      detectHeader: true,
      createTable: true,
    })
    expect(parseCopy("COPY t FROM 'f' DELIMITER '、'").options.delimiter).toBe('、')
  })

  test('a delimiter of several bytes is refused where it is hardly meant, or where PostgreSQL has its say', () => {
    for (const statement of [
      "COPY t FROM 'f' (FORMAT csv, DELIMITER '\\t')",
      "COPY t FROM 'f' DELIMITERS '\\t'",
      "COPY t FROM STDIN (FORMAT csv, DELIMITER '||')",
      "COPY t FROM 'f' (DIALECT 'postgresql', DELIMITER '||')",
    ]) {
      expect(failure(() => parseCopy(statement)).message).toBe('COPY delimiter must be a single one-byte character')
    }
  })

  test("other systems' spellings are only for files, where PostgreSQL's own statements read STDIN", () => {
    for (const [statement, near] of [
      ['COPY t FROM STDIN HEADER true', 'true'],
      ["COPY t FROM STDIN FORMAT 'x'", 'FORMAT'],
      ["COPY t FROM STDIN ENCODING AS 'utf8'", 'AS'],
      ['COPY t FROM STDIN ENCODING utf8', 'utf8'],
      ['COPY t FROM STDIN ESCAPE', undefined],
    ] as const) {
      const where = near === undefined ? 'at end of input' : `at or near "${near}"`
      expect(failure(() => parseCopy(statement)).message).toBe(`syntax error ${where}`)
    }
  })
})

test('HEADER with a word is read from STDIN where DIALECT says QuestDB', () => {
  for (const statement of [
    "COPY t FROM STDIN WITH HEADER false DIALECT 'questdb'",
    'COPY t FROM STDIN WITH DIALECT questdb HEADER true',
  ]) {
    expect(parseCopy(statement).dialect?.name).toBe('questdb')
  }
  expect(parseCopy("COPY t FROM STDIN WITH HEADER true DIALECT 'questdb'").options).toMatchObject({ header: 'true' })
})

test('HEADER MATCH is none of a line that is cut by places', () => {
  const error = failure(() => parseCopy("COPY t FROM 'f' (FORMAT fixed, FORMATTER (a (0, 2)), HEADER match)"))
  expect([error.sqlState, error.message]).toEqual(['0A000', 'COPY HEADER MATCH is not supported in FIXED mode'])
})

describe('MAP BY NAME', () => {
  test('takes the header for names', () => {
    expect(parseCopy('COPY t FROM STDIN (FORMAT csv, MAP BY NAME)').options).toMatchObject({
      header: 'true',
      mapByName: true,
    })
    for (const [header, what] of [
      ['HEADER false', 'a header line that is not compared: HEADER true'],
      ['HEADER match', 'a header line that is not compared: HEADER true'],
      ['HEADER 2', 'one header line'],
    ]) {
      const error = failure(() => parseCopy(`COPY t FROM STDIN (FORMAT csv, ${header}, MAP BY NAME)`))
      expect([error.sqlState, error.message]).toEqual(['22023', `COPY MAP BY NAME needs ${what}`])
    }
  })
})

describe('clauses', () => {
  test.each([
    ['TRANSFORM (a AS 1; DROP TABLE t)', '42601', 'syntax error at or near ";"', ';'],
    ['TRANSFORM (a AS (1)', '42601', 'syntax error at end of input', ''],
    ['TRANSFORM (a AS 1])', '42601', 'syntax error at or near "]"', ']'],
    ['TRANSFORM (a AS 1 /* ) */ + 1)', '42601', 'a TRANSFORM expression cannot have comments', ' /*'],
    ['TRANSFORM (a AS 1 -- )\n + 1)', '42601', 'a TRANSFORM expression cannot have comments', ' --'],
    ['TRANSFORM (a AS $1)', '42601', 'a TRANSFORM expression cannot have parameters', '$1'],
    ['TRANSFORM (a AS (VALUES (1)))', '0A000', 'cannot use subquery in TRANSFORM expression', 'VALUES'],
    ['TRANSFORM (a AS (FROM u))', '0A000', 'cannot use subquery in TRANSFORM expression', 'FROM'],
    ['TRANSFORM (a AS exists(from u))', '0A000', 'cannot use subquery in TRANSFORM expression', 'from'],
    ['TRANSFORM (a AS )', '42601', 'syntax error at or near ")"', ')'],
    ['TRANSFORM (a AS 1, a AS 2)', '42701', 'column "a" specified more than once', 'a AS 2'],
    ["WHEN (0-4) = 'x'", '22023', 'WHEN (0-4) is no part of a record', '0-4'],
    ["WHEN (5-4) = 'x'", '22023', 'WHEN (5-4) is no part of a record', '5-4'],
    ["WHEN a <> 'x'", '42601', 'syntax error at or near "<>"', '<>'],
    ['WHEN a = 1', '42601', 'syntax error at or near "1"', '1'],
    ['SEQUENCE (a)', '42601', 'syntax error at or near ")"', ')'],
    [
      'SEQUENCE (a (99999999999999999999))',
      '22003',
      'value "99999999999999999999" is out of range for type bigint',
      '9999',
    ],
    ["SEQUENCE (a (1)) CONSTANT (a 'x')", '42701', 'column "a" specified more than once', "a 'x'"],
    ['CONSTANT (a 1)', '42601', 'syntax error at or near "1"', '1'],
    ['FIXED', '42601', 'syntax error at end of input', ''],
    ['(FORMAT fixed)', '42601', 'COPY FORMAT fixed needs FORMATTER or FIXEDWIDTH', 'fixed'],
    ["FIXEDWIDTH 'a'", '22023', 'COPY FIXEDWIDTH "a" is no label and width', "'a'"],
    ["FIXEDWIDTH 'a:0'", '22023', 'COPY FIXEDWIDTH "a:0" is no label and width', "'a:0'"],
    ['(FORMATTER (a (0, 1)), UNIT lines)', '22023', 'COPY UNIT "lines" not recognized', 'UNIT'],
    ["IAM_ROLE 'x'", '22023', 'COPY IAM_ROLE must be the name of a role (arn:...) or default', "'x'"],
    ['FILES = 1', '42601', 'syntax error at or near "FILES"', 'FILES'],
  ])('%s', (rest, sqlState, message, at) => {
    const statement = `COPY t FROM 'f' ${rest}`
    const error = failure(() => parseCopy(statement))
    if (rest.startsWith('FILES')) {
      expect(error.message).toBe('argument to option "files" must be a list in brackets')
      return
    }
    expect([error.sqlState, error.message]).toEqual([sqlState, message])
    expect(statement.slice(error.statement?.offset).startsWith(at)).toBe(true)
  })

  test('literals hide what would end an expression', () => {
    expect(
      parseCopy("COPY t FROM 'f' TRANSFORM (a AS trim(from a) || substring(b from 2))").options.transform,
    ).toHaveLength(1)
    const statement = `COPY t FROM 'f' TRANSFORM (a AS f(';)', $$,)$$, "x)", E'\\'') || b, c)`
    expect(parseCopy(statement).options.transform).toMatchObject([
      { expression: { sql: `f(';)', $$,)$$, "x)", E'\\'') || b`, offset: statement.indexOf('f(') } },
      { column: { value: 'c' } },
    ])
  })
})

describe('a secret', () => {
  test.each([
    "COPY t FROM 's3://b' CSV CREDENTIALS 'aws_secret_access_key=hush'",
    "COPY t FROM 's3://b' CSV CREDENTIALS AS 'hush' nonsense",
    "COPY t FROM 's3://b' CSV SECRET_ACCESS_KEY 'hush",
    "COPY t FROM 's3://b' CSV SECRET_ACCESS_KEY /* x */ 'hu' 'hush'",
    "COPY t FROM 's3://b' CSV SECRET_ACCESS_KEY $$hush$$ $$",
    "COPY t FROM 's3://b' CSV ACCESS_KEY_ID hush HEADER 5",
    "COPY t FROM 's3://b' CSV ACCESS_KEY_ID hush",
    "COPY t FROM 's3://b' CSV ACCESS_KEY_ID $q$hush$q$",
    "COPY t FROM 's3://b' CSV ACCESS_KEY_ID E'it\\'s hush' HEADER 5",
    "COPY t FROM 's3://b' CSV ACCESS_KEY_ID (hush)",
    "COPY t FROM 's3://b' (FORMAT csv, SESSION_TOKEN = E'hush\\n', HEADER nothing)",
    "COPY t FROM 's3://b' (FORMAT csv, SESSION_TOKEN 'it''s hush', NULL 'x', NULL 'y')",
    "COPY REJECTS 'x' INTO t WITH (CREDENTIALS 'hush', CREDENTIALS 'hush')",
    "COPY REJECTS 'x' INTO t WITH (CREDENTIALS 'hush')",
    "EXPLAIN COPY t FROM 's3://b' CSV CREDENTIALS 'hush'",
  ])('%s', (statement) => {
    let told = ''
    try {
      const parsed = parseStatement(statement)
      told = inspect(parsed, { depth: 20 })
      if (parsed.kind !== 'copy rejects') told += inspect(explainOptions(parsed), { depth: 20 })
      refusePending(parsed)
      expect(parsed.kind).toBe('copy rejects')
    } catch (error) {
      if (!(error instanceof CopyError)) throw error
      told += formatDiagnostic(error) + inspect(error, { depth: 20 }) + error.stack
    }
    expect(told).not.toBe('')
    expect(told).not.toContain('hush')
  })

  test('the places in the statement stay what they are', () => {
    const statement = "COPY t FROM 'f' CSV CREDENTIALS 'hush' HEADER HEADER"
    const { statement: place } = failure(() => parseCopy(statement))
    expect(place).toEqual({
      text: "COPY t FROM 'f' CSV CREDENTIALS '****' HEADER HEADER",
      offset: statement.lastIndexOf('HEADER'),
    })
  })

  test('is nothing that a condition compares', () => {
    const statement = "COPY t FROM STDIN WHERE credentials = 'hush'"
    const copy = parseCopy(statement)
    expect([copy.text, copy.where?.sql]).toEqual([statement, "credentials = 'hush'"])
  })
})

describe('EXPLAIN', () => {
  test('is a statement of its own', () => {
    const statement = 'explain validate copy t from stdin csv;'
    expect(parseStatement(statement)).toMatchObject({
      kind: 'explain',
      text: statement,
      validate: true,
      statement: { kind: 'copy from', options: { format: 'csv' }, table: { name: { value: 't', offset: 22 } } },
    })
    expect(parseStatement('EXPLAIN COPY t FROM STDIN')).toMatchObject({ validate: false })
    expect(failure(() => parseStatement('EXPLAIN SELECT 1')).message).toBe('syntax error at or near "SELECT"')
    expect(failure(() => parseCopy('EXPLAIN COPY t FROM STDIN')).message).toBe(
      'EXPLAIN cannot stand in place of COPY ... FROM',
    )
  })

  test('is refused where a receipt is expected', () => {
    const error = failure(() => refusePending(parseStatement('EXPLAIN COPY t FROM STDIN')))
    expect([error.sqlState, error.message]).toEqual(['0A000', 'EXPLAIN COPY loads nothing, and has no receipt'])
  })

  test('tells each option and where it is from', () => {
    const statement = "EXPLAIN COPY t FROM 'f' TRIMBLANKS NULL AS 'NA' MAXERROR 5"
    const options = explainOptions(statement)
    const find = (name: string) => options.find(({ option }) => option === name)
    expect(find('DELIMITER')).toEqual({ option: 'DELIMITER', value: "'|'", origin: 'dialect' })
    expect(find('NULL')).toEqual({ option: 'NULL', value: "'NA'", origin: 'given', offset: statement.indexOf('NULL') })
    expect(find('TRIM_BLANKS')).toMatchObject({ value: 'true', origin: 'given' })
    expect(find('HEADER')).toEqual({ option: 'HEADER', value: 'false', origin: 'default' })
    expect(find('FORMAT')).toEqual({ option: 'FORMAT', value: 'text', origin: 'default' })
    expect(find('NOESCAPING')).toMatchObject({ value: 'true', origin: 'dialect' })
    expect(find('DIALECT')).toMatchObject({ value: 'redshift', origin: 'dialect' })
    expect(find('ON_ERROR')).toMatchObject({ value: 'MAXERROR 5', origin: 'given' })
    expect(find('QUOTE')).toBeUndefined()
    expect(find('DATE_FORMAT')).toEqual({ option: 'DATE_FORMAT', value: "'YYYY-MM-DD'", origin: 'dialect' })
    const given = explainOptions("COPY t FROM 'f' CSV DATEFORMAT 'auto' MAXERROR 5")
    expect(given.find(({ option }) => option === 'DATE_FORMAT')).toMatchObject({ value: "'auto'", origin: 'given' })
  })

  test.each(['fixed', 'binary', 'parquet', 'arrow'] as const)('of %s only options that it has', (format) => {
    const more = format === 'fixed' ? ', FORMATTER (a (0, 1))' : ''
    const options = explainOptions(`COPY t FROM 'f' (FORMAT ${format}${more})`).map(({ option }) => option)
    expect(options).toContain('FORMAT')
    for (const option of options) {
      const key = findOption(option.toLowerCase())
      expect([option, key && optionTable[key].formats]).toEqual([option, expect.arrayContaining([format])])
    }
  })

  test('of a plain statement all is default', () => {
    const options = explainOptions('COPY t FROM STDIN')
    expect(options.length).toBeGreaterThan(10)
    expect(new Set(options.map(({ origin }) => origin))).toEqual(new Set(['default']))
    expect(failure(() => explainOptions("COPY REJECTS 'x' INTO t")).sqlState).toBe('42601')
  })
})
