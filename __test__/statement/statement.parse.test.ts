import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyFrom } from '../../lib/statement/ast.ts'
import { refusePending } from '../../lib/statement/execution.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

function options(statement: string): CopyFrom['options'] {
  return parseCopy(statement).options
}

/** SQLSTATE, message, and what the caret is under (to the end of the word). */
function refusal(
  statement: string,
): readonly [sqlState: string, message: string, at: string, hint: string | undefined] {
  try {
    refusePending(parseCopy(statement))
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    expect(error.statement?.text).toBe(statement)
    const rest = statement.slice(error.statement?.offset)
    return [error.sqlState, error.message, /^(\w+|'[^']*'|.?)/s.exec(rest)?.[0] ?? '', error.hint]
  }
  throw new Error(`accepted: ${statement}`)
}

describe('the statement', () => {
  test('a path, a table, and nothing else', () => {
    expect(parseCopy("COPY weather FROM 'weather.txt'")).toEqual({
      kind: 'copy from',
      text: "COPY weather FROM 'weather.txt'",
      table: { name: { value: 'weather', quoted: false, offset: 5 } },
      source: { kind: 'file', path: 'weather.txt', offset: 18 },
      options: {
        format: 'text',
        delimiter: '\t',
        null: '\\N',
        quote: '"',
        escape: '"',
        header: 'false',
        forceNotNull: [],
        forceNull: [],
        encoding: 'UTF8',
        errors: { conversion: 'stop', structure: 'stop', constraint: 'stop', verbosity: 'default' },
        ignoreExtraData: false,
        truncateColumns: false,
      },
    })
  })

  test('every clause', () => {
    const copy = parseCopy(
      'copy into "Data".Public . "my ""T""" (Id, "Temp") from stdin with (format csv, header) where id > 5 and (true) ; -- end',
    )
    expect(copy.table).toEqual({
      catalog: { value: 'Data', quoted: true, offset: 10 },
      schema: { value: 'public', quoted: false, offset: 17 },
      name: { value: 'my "T"', quoted: true, offset: 26 },
    })
    expect(copy.columns?.map((column) => column.value)).toEqual(['id', 'Temp'])
    expect(copy.source).toEqual({ kind: 'stdin', offset: 55 })
    expect(copy.options).toMatchObject({ format: 'csv', delimiter: ',', null: '', header: 'true' })
    expect(copy.where).toEqual({ sql: 'id > 5 and (true)', offset: 93 })
  })

  test('names longer than PostgreSQL keeps stay whole', () => {
    const name = 'n'.repeat(100)
    expect(parseCopy(`COPY ${name} FROM STDIN`).table.name.value).toBe(name)
  })

  test('only ASCII letters of unquoted names fold', () => {
    expect(parseCopy('COPY ÄBC FROM STDIN').table.name.value).toBe('Äbc')
  })

  test('comments are blanks', () => {
    const copy = parseCopy("/* a /* b */ c */ COPY -- x\n t/**/FROM'f'--end")
    expect(copy.source).toMatchObject({ path: 'f' })
  })

  test('the condition keeps its inner comments and loses those after it', () => {
    const copy = parseCopy("COPY t FROM STDIN WHERE a /* ; ) */ = ';)' -- b\n AND x[1] = $$)$$ /* end */ ;")
    expect(copy.where?.sql).toBe("a /* ; ) */ = ';)' -- b\n AND x[1] = $$)$$")
  })

  test.each([
    ["'it''s'", "it's"],
    ["'a'\n  'b' -- c\n 'd'", 'abd'],
    ["E'\\t\\x41\\102\\u00e4\\U0001F600\\ud83d\\ude00\\'\\\\'", "\tABä😀😀'\\"],
    ["'\\t'", '\\t'],
    ["$$it's$$", "it's"],
    ['$q$a$$b$q$', 'a$$b'],
    ["E'\\xe2\\x82\\xac'", '€'],
    ["e'a'\n'\\n'", 'a\n'],
  ])('the literal %s', (literal, value) => {
    expect(parseCopy(`COPY t FROM ${literal}`).source).toMatchObject({ path: value })
  })
})

describe('options', () => {
  test('csv has its own defaults', () => {
    expect(options('COPY t FROM STDIN (FORMAT csv)')).toMatchObject({
      delimiter: ',',
      null: '',
      quote: '"',
      escape: '"',
    })
  })

  test('the escape follows the quote unless it is given', () => {
    expect(options("COPY t FROM STDIN (FORMAT csv, QUOTE '''')")).toMatchObject({ quote: "'", escape: "'" })
    expect(options("COPY t FROM STDIN (FORMAT csv, ESCAPE '\\')")).toMatchObject({ quote: '"', escape: '\\' })
  })

  test('an equals sign may stand before a value, however close', () => {
    const statement =
      "COPY t FROM STDIN (FORMAT=csv, DELIMITER = '|', NULL=-1, FORCE_NULL=*, FORCE_NOT_NULL=(a), HEADER=off)"
    expect(options(statement)).toMatchObject({
      format: 'csv',
      delimiter: '|',
      null: '-1',
      forceNull: '*',
      forceNotNull: [{ value: 'a' }],
      header: 'false',
    })
    expect(refusal('COPY t FROM STDIN (FORMAT =, HEADER)').slice(0, 3)).toEqual([
      '42601',
      'syntax error at or near ","',
      ',',
    ])
  })

  test('the older syntax says the same as the newer one', () => {
    const older = `COPY t FROM STDIN WITH CSV HEADER DELIMITER AS ';' NULL 'x' QUOTE '''' ESCAPE AS '\\'
      FORCE NOT NULL a, "B" FORCE NULL * ENCODING 'utf-8'`
    const newer = `COPY t FROM STDIN (FORMAT csv, HEADER, DELIMITER ';', NULL 'x', QUOTE '''', ESCAPE '\\',
      FORCE_NOT_NULL (a, "B"), FORCE_NULL *, ENCODING utf8)`
    const withoutOffsets = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (key, part) => (key === 'offset' ? 0 : part)))
    expect(withoutOffsets(options(older))).toEqual(withoutOffsets(options(newer)))
    expect(options("COPY t FROM STDIN USING DELIMITERS ';' WITH NULL ''")).toMatchObject({ delimiter: ';', null: '' })
  })

  test.each([
    ['HEADER', 'true'],
    ['HEADER on', 'true'],
    ['HEADER 0', 'false'],
    ["HEADER 'Match'", 'match'],
  ])('%s', (option, header) => {
    expect(options(`COPY t FROM STDIN (${option})`).header).toBe(header)
  })

  test('CREATE_TABLE is absent, true or false', () => {
    expect(options('COPY t FROM STDIN')).not.toHaveProperty('createTable')
    expect(options('COPY t FROM STDIN (CREATE_TABLE)').createTable).toBe(true)
    expect(options('COPY t FROM STDIN (CREATE_TABLE off)').createTable).toBe(false)
    expect(refusal('COPY t FROM STDIN (CREATE_TABLE maybe)').slice(0, 3)).toEqual([
      '42601',
      'create_table requires a Boolean value',
      'maybe',
    ])
  })
})

describe('errors point at the token', () => {
  test.each([
    ["COPY t FROM STDIN (FORMAT csv, QUOTE ',')", '22023', 'COPY delimiter and quote must be different', "','"],
    [
      "COPY t FROM STDIN (NULL E'a\\n', HEADER)",
      '22023',
      'COPY null representation cannot use newline or carriage return',
      'E',
    ],
    ["COPY t FROM STDIN (DELIMITER 'a')", '22023', 'COPY delimiter cannot be "a"', "'a'"],
    [
      "COPY t FROM STDIN (DELIMITER ';', NULL 'a;b')",
      '22023',
      'COPY delimiter character must not appear in the NULL specification',
      "'a;b'",
    ],
    ['COPY t FROM STDIN (FORMAT xml)', '22023', 'COPY format "xml" not recognized', 'FORMAT'],
    ['COPY t FROM STDIN (HEADER, HEADER off)', '42601', 'conflicting or redundant options', 'HEADER'],
    [
      "COPY t FROM STDIN (FORMAT binary, REJECT_BYTES '1kB')",
      '42601',
      'cannot specify REJECT_BYTES in BINARY mode',
      "'1kB'",
    ],
    ['COPY t FROM STDIN (FORMAT binary, HEADER)', '0A000', 'cannot specify HEADER in BINARY mode', 'HEADER'],
    [
      "COPY t FROM STDIN (FORMAT csv, DEFAULT 'd', NULL 'd')",
      '0A000',
      'NULL specification and DEFAULT specification cannot be the same',
      "'d'",
    ],
    ['COPY t FROM STDIN (FORMAT csv', '42601', 'syntax error at end of input', ''],
  ])('%s', (statement, sqlState, message, at) => {
    expect(refusal(statement).slice(0, 3)).toEqual([sqlState, message, at])
  })
})

describe('what this version cannot do is refused with what works', () => {
  test.each([
    ['COPY t TO STDOUT', 'COPY TO is not supported yet', 'TO'],
    ['COPY (SELECT 1) TO STDOUT', 'COPY TO is not supported yet', '('],
    ["COPY t FROM PROGRAM 'cat'", 'COPY FROM PROGRAM is not supported yet', 'PROGRAM'],
    ['COPY t FROM STDIN (FORMAT binary, CREATE_TABLE)', 'cannot specify CREATE_TABLE in BINARY mode', 'CREATE_TABLE'],
    ["COPY t FROM STDIN (ENCODING 'johab')", 'COPY does not support this ENCODING yet', "'johab'"],
    ["COPY t FROM 's3://b/k' IAM_ROLE default JOB CREATE j AUTO ON", 'COPY JOB is not supported yet', 'JOB'],
    ['COPY JOB LIST', 'COPY JOB is not supported yet', 'JOB'],
    ["COPY t FROM U&'x'", "U&'...' strings are not supported", 'U'],
    ['COPY U&"t" FROM STDIN', 'U&"..." names are not supported', 'U'],
    ['COPY t FROM STDIN (FORMAT csv, FORCE_QUOTE *)', 'COPY FORCE_QUOTE cannot be used with COPY FROM', '*'],
  ])('%s', (statement, message, at) => {
    expect(refusal(statement).slice(0, 3)).toEqual(['0A000', message, at])
  })

  test('FREEZE false asks for nothing', () => {
    expect(parseCopy('COPY t FROM STDIN (FREEZE false)').options.freeze).toBeUndefined()
    expect(parseCopy('COPY t FROM STDIN FREEZE').options.freeze).toBe(true)
  })
})

describe('hints', () => {
  test.each([
    ["COPY t FROM STDIN (DELIM ',')", 'Did you mean "DELIMITER"?'],
    ["COPY t FROM STDIN (sep ',')", 'Did you mean "DELIMITER"?'],
    ['COPY t FROM STDIN (HAEDER)', 'Did you mean "HEADER"?'],
    ['COPY t FROM STDIN (forcenull *)', 'Did you mean "FORCE_NULL"?'],
    ["COPY t FROM STDIN (NULLSTR '')", 'Did you mean "NULL"?'],
    ["COPY t FROM STDIN (quotechar '')", 'Did you mean "QUOTE"?'],
    ['COPY t FROM STDIN (SKIPROWS 1)', 'Did you mean "SKIP"?'],
    ['COPY t FROM STDIN (CREATE TABLE)', 'Did you mean "CREATE_TABLE"?'],
    ['COPY t FROM STDIN (FORMAT cvs)', 'Did you mean "csv"?'],
    ["COPY t FROM STDIN (FORMAT 'CSV')", 'Format names are in lower case: "csv".'],
    ['COPY t FROM STDIN (MAX_ERRORS 5)', 'Did you mean "REJECT_LIMIT"?'],
    ['COPY t FROM STDIN (LOG_ERRORS)', 'Did you mean "LOG ERRORS"?'],
    ['COPY t FROM STDIN (QUOTE_ALL *)', "COPY's name for it is FORCE_QUOTE, which is not supported yet."],
    ['COPY t FROM STDIN (ON_ERROR stpo)', 'Did you mean "stop"?'],
    ['COPY t FROM STDIN FORMAT csv', 'Write this option in parentheses: WITH (FORMAT ...).'],
    ['COPY t FROM STDIN CSV HEADR', 'Did you mean "HEADER"?'],
    ['COPY t FROM STDIN (FORMAT csv HEADER)', 'Options are separated by commas.'],
    ["COPY t FROM STDIN (LOG ERRORS REJECT LIMIT '5')", 'Options are separated by commas.'],
    ['COPY t FROM STDIN (FORMAT csv LOG ERRORS)', 'Options are separated by commas.'],
    ['COPY t FROM STDIN (FORMAT csv) LOG ERRORS', 'All options stand inside the parentheses.'],
    ['COPY t FROM STDIN REJECT 5', "REJECT LIMIT is followed by a number in single quotes, or by 'unlimited'."],
    ['COPY t FROM STDIN (FORMAT csv', 'A ")" is missing.'],
    ['COPY t FROM STDIN (FORMAT csv) HEADER', 'All options stand inside the parentheses.'],
    ['COPY t FROM STDIN WHERE (a = 1', 'A ")" is missing.'],
    ["COPY t FROM 'it's'", 'A single quote inside a string is written twice.'],
    ["COPY t FROM 'a', 'b'", 'One COPY reads one file.'],
    ['COPY t FROM airports.csv', "Put the file's path in single quotes, or write STDIN."],
    ['COPY t FORM STDIN', 'Did you mean "FROM"?'],
    ['COYP t FROM STDIN', 'Did you mean "COPY"?'],
    ['COPY FROM STDIN', 'The name of the table is missing.'],
    ['COPY order FROM STDIN', '"order" is a keyword. Put it in double quotes to use it as a name.'],
    ["COPY t FROM STDIN (DELIMITER '\\t')", "Write E'\\t' for a tab."],
    ["COPY t FROM STDIN (QUOTE '~')", 'The default format is text. Add FORMAT csv.'],
  ])('%s', (statement, hint) => {
    expect(refusal(statement)[3]).toBe(hint)
  })
})

describe('what is no COPY', () => {
  test.each([
    ['', 'the statement is empty'],
    [' -- nothing\n', 'the statement is empty'],
    ['SELECT 1', 'syntax error at or near "SELECT"'],
    ['\\copy t from stdin', 'syntax error at or near "\\"'],
    ['COPY t FROM STDIN; DROP TABLE t', 'only one statement can be run at a time'],
    ['COPY t FROM STDIN;;', 'only one statement can be run at a time'],
  ])('%j', (statement, message) => {
    expect(refusal(statement).slice(0, 2)).toEqual(['42601', message])
  })

  test('text that is not Unicode, or holds NUL', () => {
    expect(refusal('COPY t\0').slice(0, 2)).toEqual(['22021', 'invalid byte sequence for encoding "UTF8": 0x00'])
    expect(refusal("COPY t FROM '\ud83d'").slice(0, 2)).toEqual([
      '22021',
      'invalid byte sequence for encoding "UTF8": 0xed 0xa0 0xbd',
    ])
  })
})
