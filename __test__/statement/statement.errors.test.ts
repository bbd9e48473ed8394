import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyOptions } from '../../lib/statement/ast.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

function options(rest: string): CopyOptions {
  return parseCopy(`COPY t FROM STDIN ${rest}`).options
}

/** `conversion structure constraint`, and the limit if there is one. */
function policy(rest: string): string {
  const { conversion, structure, constraint, limit } = options(rest).errors
  const most = limit ? ` ${limit.name} ${limit.most} ${limit.kind}` : ''
  return `${conversion} ${structure} ${constraint}${most}`
}

/** SQLSTATE, message, hint, and the words from the caret on. */
function refusal(rest: string): { sqlState: string; message: string; hint: string | undefined; at: string } {
  try {
    options(rest)
  } catch (error) {
    if (!(error instanceof CopyError) || !error.statement) throw error
    const { sqlState, message, hint, statement } = error
    return { sqlState, message, hint, at: statement.text.slice(statement.offset) }
  }
  throw new Error(`accepted: ${rest}`)
}

describe('what is tolerated', () => {
  test.each([
    ['', 'stop stop stop'],
    ['(ON_ERROR stop)', 'stop stop stop'],
    ['(ON_ERROR ignore)', 'skip_row stop stop'],
    ['(ON_ERROR skip_row)', 'skip_row skip_row skip_row'],
    ['(ON_ERROR set_null)', 'set_null stop stop'],
    ['(ON_ERROR set_default)', 'set_default stop stop'],
    ['ON_ERROR Ignore', 'skip_row stop stop'],
    ["ON_ERROR = 'ignore' CSV", 'skip_row stop stop'],
    ['WITH ON ERROR SKIP_ROW', 'skip_row skip_row skip_row'],
    ['CSV HEADER ON ERROR SKIP_COLUMN', 'set_default stop stop'],
    ['(FORMAT csv, ON ERROR ABORT)', 'stop stop stop'],
    ['(ON ERROR = SKIP_ROW)', 'skip_row skip_row skip_row'],
    ['LOG ERRORS', 'skip_row skip_row stop REJECT LIMIT 0 rows'],
    ['LOG ERRORS DATA', 'skip_row skip_row stop REJECT LIMIT 0 rows'],
    ["CSV LOG ERRORS REJECT LIMIT '10'", 'skip_row skip_row stop REJECT LIMIT 10 rows'],
    ["LOG ERRORS DATA REJECT LIMIT '10' WITH (FORMAT csv)", 'skip_row skip_row stop REJECT LIMIT 10 rows'],
    ['REJECT LIMIT = 10 LOG ERRORS (FORMAT csv)', 'skip_row skip_row stop REJECT LIMIT 10 rows'],
    ["(LOG ERRORS, REJECT LIMIT 'Unlimited')", 'skip_row skip_row stop'],
    ['(LOG ERRORS DATA, FORMAT csv)', 'skip_row skip_row stop REJECT LIMIT 0 rows'],
    ['(LOG ERRORS false)', 'stop stop stop'],
    ['MAXERROR 0', 'stop stop stop'],
    ['MAXERROR AS 1', 'stop stop stop'],
    ['(MAXERROR AS 2)', 'skip_row skip_row skip_row MAXERROR 1 rows'],
    ["MAXERROR = '100000' CSV", 'skip_row skip_row skip_row MAXERROR 99999 rows'],
    ['IGNOREALLERRORS CSV', 'skip_row skip_row skip_row'],
    ['(IGNOREALLERRORS off)', 'stop stop stop'],
    ['(ON_ERROR ignore, REJECT_LIMIT 3)', 'skip_row stop stop REJECT_LIMIT 3 rows'],
    ['ON_ERROR skip_row REJECT_LIMIT 3', 'skip_row skip_row skip_row REJECT_LIMIT 3 rows'],
    ["(ON_ERROR set_null, REJECT_LIMIT '2.5%')", 'set_null stop stop REJECT_LIMIT 2.5 ratio'],
    ["(ON_ERROR set_null, REJECT_LIMIT '100%')", 'set_null stop stop REJECT_LIMIT 100 ratio'],
    ['(ON_ERROR ignore, REJECT_LIMIT 9223372036854775807)', `skip_row stop stop REJECT_LIMIT ${2 ** 53 - 1} rows`],
  ])('%s', (rest, expected) => {
    expect(policy(rest)).toBe(expected)
  })

  test('two words for the same thing do not contradict each other', () => {
    expect(policy('(ON_ERROR skip_row, IGNOREALLERRORS)')).toBe('skip_row skip_row skip_row')
    expect(policy('(ON_ERROR skip_row, MAXERROR 5)')).toBe('skip_row skip_row skip_row MAXERROR 4 rows')
    expect(policy('(ON_ERROR stop, MAXERROR 1)')).toBe('stop stop stop')
  })

  test('LOG_VERBOSITY is said with or without a policy', () => {
    expect(options('').errors.verbosity).toBe('default')
    expect(options('(LOG_VERBOSITY silent)').errors.verbosity).toBe('silent')
    expect(options('ON_ERROR ignore LOG_VERBOSITY default').errors.verbosity).toBe('default')
    expect(options('LOG_VERBOSITY = verbose ON_ERROR ignore').errors.verbosity).toBe('verbose')
  })
})

describe('what changes nothing is told', () => {
  test.each([
    ['(LOG_VERBOSITY verbose)', ['LOG_VERBOSITY']],
    ['(LOG_VERBOSITY default)', undefined],
    ['(LOG_VERBOSITY verbose, ON_ERROR set_null)', undefined],
    ['(LOG_VERBOSITY silent, REPLACE_INVALID_CHARS)', undefined],
    ['(LOG_VERBOSITY silent) ON CONFLICT DO REJECT', undefined],
    ['(REJECT_BYTES 100)', ['REJECT_BYTES']],
    ['(REJECT_BYTES 100, ON_ERROR set_null)', ['REJECT_BYTES']],
    ['(REJECT_BYTES 100, ON_ERROR ignore)', undefined],
    ['(REJECT_BYTES 100) ON CONFLICT DO REJECT', undefined],
    ['USEEOF', undefined],
    ['CSV USEEOF', ['USEEOF']],
    ['WITHOUT ESCAPING USEEOF', ['USEEOF']],
    ['(USEEOF false, FORMAT csv)', undefined],
    ["FIXEDWIDTH 'a:1' TRIMBLANKS", ['TRIMBLANKS']],
    ["(FIXEDWIDTH 'a:1', TRIMBLANKS false)", undefined],
    ['CSV COMPUPDATE OFF', ['COMPUPDATE']],
    ['CSV STATUPDATE ON NOLOAD', ['STATUPDATE']],
  ])('%s', (rest, expected) => {
    expect(parseCopy(`COPY t FROM 'f' ${rest}`).notes?.map(({ option }) => option)).toEqual(expected)
  })
})

describe('what is about files is refused of a stream', () => {
  test.each([
    ["AWS CONNECTION = 'c'", 'AWS CONNECTION'],
    ["FILES = ['a']", 'FILES'],
    ["PATTERN = '*'", 'PATTERN'],
    ['IAM_ROLE default', 'IAM_ROLE'],
    ["CREDENTIALS 'c'", 'CREDENTIALS'],
    ["REGION 'eu-central-1'", 'REGION'],
    ['MANIFEST', 'MANIFEST'],
  ])('%s', (option, name) => {
    expect(() => parseCopy(`COPY t FROM STDIN (FORMAT csv, ${option})`)).toThrow(
      `COPY ${name} cannot be used with FROM STDIN`,
    )
    expect(() => parseCopy(`COPY t FROM 's3://b/k' (FORMAT csv, ${option})`)).not.toThrow()
    expect(() => parseCopy('COPY t FROM STDIN (FORMAT csv, MANIFEST false)')).not.toThrow()
  })
})

describe('what contradicts is refused', () => {
  test.each([
    ['(ON_ERROR stop, LOG ERRORS)', '22023', 'COPY LOG ERRORS cannot be used with ON_ERROR STOP', 'LOG ERRORS)'],
    [
      'LOG ERRORS (ON_ERROR skip_row)',
      '22023',
      'COPY LOG ERRORS cannot be used with ON_ERROR SKIP_ROW',
      'LOG ERRORS (',
    ],
    ['(MAXERROR 5, ON_ERROR ignore)', '22023', 'COPY MAXERROR cannot be used with ON_ERROR IGNORE', '5, ON_ERROR'],
    [
      '(FORMAT csv, EMPTY_AS_NULL, FORCE_NOT_NULL *)',
      '22023',
      'COPY FORCE_NOT_NULL cannot be used with EMPTY_AS_NULL',
      '*)',
    ],
    ['(MAXERROR 5, IGNOREALLERRORS)', '22023', 'COPY IGNOREALLERRORS cannot be used with MAXERROR', 'IGNOREALLERRORS)'],
    [
      '(ON_ERROR skip_row, MAXERROR 5, REJECT_LIMIT 5)',
      '22023',
      'COPY MAXERROR cannot be used with REJECT_LIMIT',
      '5, REJECT_LIMIT',
    ],
    ['(MAXERROR 5, LOG ERRORS)', '22023', 'COPY LOG ERRORS (GaussDB) cannot be used with MAXERROR (Redshift)', 'LOG'],
    ['(REJECT_LIMIT 5)', '22023', 'COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE', '5)'],
    ["(ON_ERROR stop, REJECT_LIMIT '5%')", '22023', 'COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE', "'5%')"],
    ["REJECT LIMIT '5'", '42601', 'REJECT LIMIT must be used with LOG ERRORS', "'5'"],
    [
      "(FILL_MISSING_FIELDS 'one', FILLRECORD)",
      '22023',
      'COPY FILLRECORD cannot be used with FILL_MISSING_FIELDS',
      'FILLRECORD)',
    ],
    [
      '(COMPATIBLE_ILLEGAL_CHARS, ACCEPTINVCHARS)',
      '22023',
      'COPY COMPATIBLE_ILLEGAL_CHARS cannot be used with REPLACE_INVALID_CHARS',
      'COMPATIBLE_ILLEGAL_CHARS,',
    ],
    [
      "(COMPATIBLE_ILLEGAL_CHARS, DELIMITER ' ')",
      '42601',
      'illegal chars conversion may confuse COPY delimiter 0x20',
      "' ')",
    ],
    [
      "(COMPATIBLE_ILLEGAL_CHARS, FORMAT csv, ESCAPE '?')",
      '42601',
      'illegal chars conversion may confuse COPY escape 0x3f',
      "'?')",
    ],
    ...(
      [
        ["FORMAT csv, REPLACE_INVALID_CHARS ','", 'delimiter 0x2c', "',')"],
        ["FORMAT csv, REPLACE_INVALID_CHARS '\"'", 'quote 0x22', "'\"')"],
        ["FORMAT csv, ESCAPE '^', REPLACE_INVALID_CHARS '^'", 'escape 0x5e', "'^', REP"],
        ["FORMAT csv, REPLACE_INVALID_CHARS E'\\n'", 'line end 0x0a', "E'\\n')"],
        ["FORMAT csv, NULL 'n/a', REPLACE_INVALID_CHARS '/'", 'null 0x6e2f61', "'n/a'"],
        ["FORMAT csv, DEFAULT '??', REPLACE_INVALID_CHARS", 'default 0x3f3f', "'??', REP"],
        ["REPLACE_INVALID_CHARS '\\'", 'null 0x5c4e', "'\\')"],
        ["NULL '', REPLACE_INVALID_CHARS '\\'", 'backslash sequences 0x5c', "'\\')"],
        ["REPLACE_INVALID_CHARS '.'", 'backslash sequences 0x2e', "'.')"],
        ["REPLACE_INVALID_CHARS 'n'", 'backslash sequences 0x6e', "'n')"],
        ["DIALECT 'redshift', REMOVE_QUOTES, ACCEPTINVCHARS ''''", 'REMOVE_QUOTES 0x27', "'''')"],
        ["EOL '?', DELIMITER '|', COMPATIBLE_ILLEGAL_CHARS", 'eol 0x3f', "'?', DEL"],
        ["NULL '??', COMPATIBLE_ILLEGAL_CHARS", 'null 0x3f3f', "'??', COM"],
        ["DELIMITER '??', DIALECT 'gaussdb', COMPATIBLE_ILLEGAL_CHARS", 'delimiter 0x3f3f', "'??', DIA"],
      ] as const
    ).map(([options, what, place]): [string, string, string, string] => [
      `(${options})`,
      '42601',
      `illegal chars conversion may confuse COPY ${what}`,
      place,
    ]),
    ['(LOG ERRORS, LOG ERRORS DATA)', '42601', 'conflicting or redundant options', 'LOG ERRORS DATA)'],
    ['(TRUNCATECOLUMNS, TRUNCATE_COLUMNS)', '42601', 'conflicting or redundant options', 'TRUNCATE_COLUMNS)'],
    ['(FORMAT binary, ON_ERROR skip_row)', '42601', 'only ON_ERROR STOP is allowed in BINARY mode', 'skip_row)'],
    ['BINARY LOG ERRORS', '42601', 'only ON_ERROR STOP is allowed in BINARY mode', 'LOG ERRORS'],
    ['(SKIP -1)', '22023', 'SKIP (-1) must not be negative', '-1)'],
    ["(DECIMAL_SEPARATOR ';')", '22023', 'COPY DECIMAL_SEPARATOR ";" not recognized', "';')"],
    ["(DATE_FORMAT 'MM/DD')", '22023', 'COPY DATE_FORMAT "MM/DD" has no year', "'MM/DD'"],
    ["(DATE_FORMAT 'Q YYYY')", '22023', 'COPY DATE_FORMAT "Q YYYY" has a quarter in place of a month', "'Q YYYY'"],
    ['(DATE_FORMAT \'DAY "YYYY" MI\')', '22023', 'COPY DATE_FORMAT "DAY "YYYY" MI" has no year', "'DAY"],
    [
      "(TIMESTAMP_FORMAT ('DD.MM.YYYY', '%d.%m. %H'))",
      '22023',
      'COPY TIMESTAMP_FORMAT "%d.%m. %H" has no year',
      "('DD",
    ],
    ["(FORMAT binary, DIALECT 'redshift', ROUNDEC)", '0A000', 'COPY format "binary" is none of Redshift', 'binary'],
    ['(FORMAT binary, ENCODING latin1)', '0A000', 'COPY ENCODING is not supported in BINARY mode', 'latin1'],
    ["(FORMAT binary, CONSTANT (a 'x'))", '42601', 'cannot specify CONSTANT in BINARY mode', '(a'],
    ['BINARY SKIP 2', '42601', 'cannot specify SKIP in BINARY mode', '2'],
    ['BINARY SEQUENCE (a (1))', '42601', 'cannot specify SEQUENCE in BINARY mode', '(a'],
    ["BINARY CONSTANT (a 'x')", '42601', 'cannot specify CONSTANT in BINARY mode', '(a'],
    ['BINARY FILLRECORD', '42601', 'cannot specify FILLRECORD in BINARY mode', 'FILLRECORD'],
  ])('%s', (rest, sqlState, message, at) => {
    const found = refusal(rest)
    expect(found).toMatchObject({ sqlState, message })
    expect(found.at.startsWith(at)).toBe(true)
  })

  test.each(['YYYY', 'YYYY-MM', 'Q MM YYYY', 'IYYY-IW-ID', 'J', 'YYYYDDD', 'DD-MON-RR', '%Y%m%d', '%F', 'auto'])(
    'a date is told by %s',
    (pattern) => {
      expect(options(`(DATE_FORMAT '${pattern}')`).dateFormats).toMatchObject({ date: pattern })
    },
  )

  test('each limit says whose it is', () => {
    expect(refusal('(REJECT_LIMIT 5)').hint).toBe('ON_ERROR skip_row, set_null and set_default have a limit, too.')
    expect(refusal('(LOG ERRORS, REJECT_LIMIT 5)').hint).toBe('The limit of LOG ERRORS is written REJECT LIMIT.')
    expect(refusal("(ON_ERROR ignore, REJECT LIMIT '5')").hint).toBe('The limit of ON_ERROR is written REJECT_LIMIT.')
  })
})

describe('values that are none', () => {
  test.each([
    ['(ON_ERROR set_nul)', '22023', 'COPY ON_ERROR "set_nul" not recognized', 'ON_ERROR'],
    ['(ON ERROR)', '42601', 'on_error requires a parameter', 'ON ERROR'],
    ['ON ERROR', '42601', 'syntax error at end of input', ''],
    ['ON_ERROR =', '42601', 'syntax error at end of input', ''],
    ['LOG', '42601', 'syntax error at end of input', ''],
    ['LOG DATA', '42601', 'syntax error at or near "DATA"', 'DATA'],
    [
      "(ON_ERROR ignore, REJECT_LIMIT '0%')",
      '22023',
      'REJECT_LIMIT (0%) must be greater than zero and at most 100%',
      "'0%'",
    ],
    [
      "(REJECT_LIMIT '100.1%')",
      '22023',
      'REJECT_LIMIT (100.1%) must be greater than zero and at most 100%',
      "'100.1%'",
    ],
    ["(REJECT_LIMIT 'x%')", '22P02', 'invalid input syntax for type bigint: "x%"', "'x%'"],
    ["LOG ERRORS REJECT LIMIT '0'", '22023', 'REJECT LIMIT (0) must be greater than zero', "'0'"],
    [
      "LOG ERRORS REJECT LIMIT '2147483648'",
      '22003',
      'value "2147483648" is out of range for type integer',
      "'2147483648'",
    ],
    ["LOG ERRORS REJECT LIMIT 'many'", '22P02', 'invalid input syntax for type bigint: "many"', "'many'"],
    ['MAXERROR 100001', '22023', 'MAXERROR (100001) must be between 0 and 100000', '100001'],
    ['MAXERROR -1', '22023', 'MAXERROR (-1) must be between 0 and 100000', '-1'],
    ['MAXERROR', '42601', 'syntax error at end of input', ''],
    ['(MAXERROR)', '42601', 'maxerror requires a numeric value', 'MAXERROR'],
    ['(MAXERROR AS)', '42601', 'syntax error at or near ")"', ')'],
    ["(ACCEPTINVCHARS 'ab')", '22023', 'COPY ACCEPTINVCHARS replacement must be a single ASCII character', "'ab'"],
    [
      "(REPLACE_INVALID_CHARS 'ab')",
      '22023',
      'COPY REPLACE_INVALID_CHARS replacement must be a single ASCII character',
      "'ab'",
    ],
    ["(ACCEPTINVCHARS 'é')", '22023', 'COPY ACCEPTINVCHARS replacement must be a single ASCII character', "'é'"],
    ['(FILL_MISSING_FIELDS two)', '42601', 'fill_missing_fields requires a Boolean value, "one" or "multi"', 'two'],
    ['(REJECT_BYTES -1)', '22023', "COPY REJECT_BYTES must be a size from 0 to '512MB'", '-1'],
    ["(REJECT_BYTES '513MB')", '22023', "COPY REJECT_BYTES must be a size from 0 to '512MB'", "'513MB'"],
    ["REJECT_BYTES '3 apples'", '22023', "COPY REJECT_BYTES must be a size from 0 to '512MB'", "'3 apples'"],
    ['(REJECT_BYTES)', '42601', 'reject_bytes requires a numeric value', 'REJECT_BYTES'],
    ["(LOAD_KEY '')", '22023', 'COPY LOAD_KEY must have 1 to 200 characters', "''"],
    [`LOAD_KEY '${'x'.repeat(201)}'`, '22023', 'COPY LOAD_KEY must have 1 to 200 characters', "'xx"],
    ["DELIMITER AS ',' (MAXERROR 5)", '42601', 'syntax error at or near "("', '('],
    ["(DELIMITER AS ',')", '42601', 'syntax error at or near "AS"', 'AS'],
  ])('%s', (rest, sqlState, message, at) => {
    const found = refusal(rest)
    expect(found).toMatchObject({ sqlState, message })
    expect(found.at.startsWith(at)).toBe(true)
  })
})

describe('rows and characters that are mended', () => {
  test.each([
    ['IGNORE_EXTRA_DATA', { ignoreExtraData: true }],
    ['IGNORE_EXTRA_DATA CSV', { ignoreExtraData: true, format: 'csv' }],
    ['IGNORE_EXTRA_DATA off CSV', { ignoreExtraData: false, format: 'csv' }],
    ['IGNORE_EXTRA_DATA on ON ERROR SKIP_ROW', { ignoreExtraData: true }],
    ['IGNORE_EXTRA_DATA ON ERROR SKIP_ROW', { ignoreExtraData: true, errors: { constraint: 'skip_row' } }],
    ['IGNORE_EXTRA_DATA ON CONFLICT DO SKIP', { ignoreExtraData: true, onConflict: { action: 'skip' } }],
    ["(ignore_extra_data 'true')", { ignoreExtraData: true }],
    ['FILL_MISSING_FIELDS', { fillMissingFields: 'one' }],
    ["FILL_MISSING_FIELDS 'multi' CSV", { fillMissingFields: 'multi', format: 'csv' }],
    ['(FILL_MISSING_FIELDS = true)', { fillMissingFields: 'one' }],
    ["(FILL_MISSING_FIELDS 'Multi')", { fillMissingFields: 'multi' }],
    ['FILLRECORD', { fillMissingFields: 'multi', emptyWhereMissing: true }],
    ["(FILLRECORD, FILL_MISSING_FIELDS 'multi')", { fillMissingFields: 'multi', emptyWhereMissing: true }],
    ['FILLRECORD EMPTYASNULL', { fillMissingFields: 'multi', emptyAsNull: 'all' }],
    ['ACCEPTINVCHARS', { invalidChars: { replacement: '?' } }],
    ["ACCEPTINVCHARS AS '^' CSV", { invalidChars: { replacement: '^' }, format: 'csv' }],
    ["(ACCEPTINVCHARS AS '^')", { invalidChars: { replacement: '^' } }],
    ["(ACCEPTINVCHARS = '^')", { invalidChars: { replacement: '^' } }],
    ['REPLACE_INVALID_CHARS CSV', { invalidChars: { replacement: '?' }, format: 'csv' }],
    ["(REPLACE_INVALID_CHARS '^')", { invalidChars: { replacement: '^' } }],
    ['COMPATIBLE_ILLEGAL_CHARS', { invalidChars: { replacement: '?', nul: ' ' } }],
    ['TRUNCATECOLUMNS', { truncateColumns: true }],
    ['(TRUNCATE_COLUMNS)', { truncateColumns: true }],
    ['SKIP 2 CSV', { skip: 2, format: 'csv' }],
    ["(SKIP = '3', HEADER)", { skip: 3, header: 'true' }],
    ["(DECIMAL_SEPARATOR ',')", { decimalSeparator: ',' }],
    ["LOAD_KEY 'a' CSV", { loadKey: 'a' }],
    ['(REJECT_BYTES 100)', { rejectBytes: 100 }],
    ["REJECT_BYTES '64kB' CSV", { rejectBytes: 65_536 }],
    ["(REJECT_BYTES '0')", { rejectBytes: 0 }],
    [`(LOAD_KEY '${'😀'.repeat(200)}')`, { loadKey: '😀'.repeat(200) }],
  ])('%s', (rest, expected) => {
    expect(options(rest)).toMatchObject(expected)
  })

  test('false is as if it were not there', () => {
    const flags =
      'IGNORE_EXTRA_DATA, FILL_MISSING_FIELDS, REPLACE_INVALID_CHARS, COMPATIBLE_ILLEGAL_CHARS, TRUNCATE_COLUMNS'
    expect(options(`(${flags.replaceAll(',', ' false,')} false)`)).toEqual(options(''))
    const redshift = 'FILLRECORD false, ACCEPTINVCHARS false, TRUNCATECOLUMNS false, IGNOREALLERRORS false'
    expect(options(`(${redshift})`)).toEqual(options("(DIALECT 'redshift')"))
    expect(options("(SKIP 0, DECIMAL_SEPARATOR '.')")).toEqual(options(''))
  })
})

describe('ON CONFLICT', () => {
  test.each([
    ['ON CONFLICT DO SKIP', { action: 'skip', keep: 'first', offset: 18 }],
    ['ON CONFLICT DO NOTHING', { action: 'skip', keep: 'first', offset: 18 }],
    ['on conflict do reject keep last', { action: 'reject', keep: 'last', offset: 18 }],
    ['ON CONFLICT DO ERROR;', { action: 'error', keep: 'first', offset: 18 }],
    ['CSV ON CONFLICT DO UPDATE', { action: 'update', keep: 'last', offset: 22 }],
    ['ON ERROR SKIP_ROW ON CONFLICT DO UPDATE KEEP FIRST', { action: 'update', keep: 'first', offset: 36 }],
  ])('%s', (rest, expected) => {
    expect(options(rest).onConflict).toEqual(expected)
  })

  test('names columns, and stands before or after the condition', () => {
    for (const rest of [
      '(FORMAT csv) ON CONFLICT (a, "B") DO UPDATE WHERE a > 1',
      'WHERE a > 1 ON CONFLICT (a, "B") DO UPDATE',
    ]) {
      const copy = parseCopy(`COPY t FROM STDIN ${rest}`)
      expect(copy.where?.sql).toBe('a > 1')
      expect(copy.options.onConflict?.columns).toMatchObject([
        { value: 'a', quoted: false },
        { value: 'B', quoted: true },
      ])
    }
  })

  test.each([
    ['ON', 'syntax error at end of input', ''],
    ['ON CONFLICT', 'syntax error at end of input', ''],
    ['ON CONFLICT () DO SKIP', 'syntax error at or near ")"', ')'],
    ['ON CONFLICT DO DELETE', 'syntax error at or near "DELETE"', 'DELETE'],
    ['ON CONFLICT DO UPDATE SET a = 1', 'syntax error at or near "SET"', 'SET'],
    ['ON CONFLICT DO SKIP KEEP BOTH', 'syntax error at or near "BOTH"', 'BOTH'],
    ['ON CONFLICT DO SKIP CSV', 'syntax error at or near "CSV"', 'CSV'],
    ['ON CONFLICT DO SKIP WHERE a ON CONFLICT DO SKIP', 'syntax error at or near "ON"', 'ON CONFLICT DO SKIP'],
    ['WHERE ON CONFLICT DO SKIP', 'syntax error at or near "ON"', 'ON CONFLICT'],
    ['ON TABLE', 'syntax error at or near "TABLE"', 'TABLE'],
  ])('%s', (rest, message, at) => {
    const found = refusal(rest)
    expect(found).toMatchObject({ sqlState: '42601', message })
    expect(found.at.startsWith(at)).toBe(true)
  })
})
