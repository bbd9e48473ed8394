import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCopy } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'
import { expectStablePrinting, meaning } from './meaning.ts'

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
  [
    'COPY t FROM STDIN ON_ERROR = skip_row LOG_VERBOSITY silent',
    'COPY t FROM STDIN WITH (ON_ERROR skip_row, LOG_VERBOSITY silent)',
  ],
  [
    "COPY t FROM STDIN (ON ERROR SKIP_COLUMN, REJECT_LIMIT ' .5 %')",
    "COPY t FROM STDIN WITH (DIALECT 'questdb', ON_ERROR set_default, REJECT_LIMIT '0.5%')",
  ],
  [
    'COPY t FROM STDIN LOG ERRORS DATA (FORMAT csv)',
    "COPY t FROM STDIN WITH (DIALECT 'gaussdb', FORMAT csv, LOG ERRORS)",
  ],
  [
    "COPY t FROM STDIN REJECT LIMIT '5' LOG ERRORS",
    "COPY t FROM STDIN WITH (DIALECT 'gaussdb', LOG ERRORS, REJECT LIMIT '5')",
  ],
  ['COPY t FROM STDIN ROUNDEC MAXERROR AS 5', "COPY t FROM STDIN WITH (DIALECT 'redshift', MAXERROR 5, ROUNDEC)"],
  ['COPY t FROM STDIN MAXERROR 1', "COPY t FROM STDIN WITH (DIALECT 'redshift')"],
  ['COPY t FROM STDIN IGNOREALLERRORS', "COPY t FROM STDIN WITH (DIALECT 'redshift', ON_ERROR skip_row)"],
  [
    "COPY t FROM STDIN FILLRECORD TRUNCATECOLUMNS ACCEPTINVCHARS AS '^' IGNORE_EXTRA_DATA",
    "COPY t FROM STDIN WITH (DIALECT 'redshift', IGNORE_EXTRA_DATA, FILLRECORD, REPLACE_INVALID_CHARS '^', TRUNCATE_COLUMNS)",
  ],
  [
    "COPY t FROM STDIN (FILL_MISSING_FIELDS, COMPATIBLE_ILLEGAL_CHARS, LOAD_KEY 'it''s', REJECT_BYTES '1kB')",
    "COPY t FROM STDIN WITH (REJECT_BYTES 1024, FILL_MISSING_FIELDS 'one', COMPATIBLE_ILLEGAL_CHARS, LOAD_KEY 'it''s')",
  ],
  [
    'COPY t FROM STDIN CSV WHERE (a on conflict) and b.on on conflict ("A", b) do nothing keep first;',
    'COPY t FROM STDIN WITH (FORMAT csv) ON CONFLICT ("A", b) DO SKIP WHERE (a on conflict) and b.on',
  ],
  ['COPY t FROM STDIN ON CONFLICT DO UPDATE KEEP FIRST', 'COPY t FROM STDIN ON CONFLICT DO UPDATE KEEP FIRST'],
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
    'ON_ERROR ignore',
    'ON ERROR skip_column',
    'REJECT_LIMIT 7',
    "REJECT_LIMIT '1e-9%'",
    'LOG_VERBOSITY verbose',
    'LOG ERRORS',
    'MAXERROR AS 100000',
    'IGNOREALLERRORS',
    'IGNORE_EXTRA_DATA on',
    'FILL_MISSING_FIELDS multi',
    'TRUNCATECOLUMNS',
    'COMPATIBLE_ILLEGAL_CHARS',
    'ACCEPTINVCHARS',
  ),
  literal.map((value) => `LOAD_KEY ${value}`),
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
    conflict: fc.constantFrom('', '', ' ON CONFLICT DO NOTHING', ' ON CONFLICT (a, "B") DO UPDATE KEEP LAST'),
    where: fc.option(literal.map((value) => `a = (${value})`)),
  })
  .map(({ table, columns, source, format, options, conflict, where }) =>
    [
      `COPY ${table.join('.')}${columns ? ` (${columns.join(', ')})` : ''} FROM ${source}`,
      `(${[`FORMAT ${format}`, ...options].join(', ')})${conflict}${where ? ` WHERE ${where}` : ''}`,
    ].join('\n'),
  )

test('a printed statement parses to the same statement, and printing is stable', () => {
  expectStablePrinting(statement, meaning, { numRuns: 3_000, least: 500 })
})
