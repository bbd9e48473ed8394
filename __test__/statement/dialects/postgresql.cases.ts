import type { DialectCase } from './case.ts'

/** `dialects.md`, section 1; the differential tests compare all the rest with the server. */
export const postgresqlCases: readonly DialectCase[] = [
  {
    sentence: 'skip n lines; accept now',
    statement: 'COPY t FROM STDIN (HEADER 3)',
    options: { skip: 3, header: 'false' },
  },
  { sentence: 'skip n lines; accept now', statement: 'COPY t FROM STDIN (HEADER 1)', options: { header: 'true' } },
  {
    sentence: 'skip n lines; accept now',
    statement: 'COPY t FROM STDIN (HEADER -1)',
    error: ['42601', 'header requires a Boolean value or "match"'],
  },
  {
    sentence: 'It validates, it does not re-map',
    statement: 'COPY t FROM STDIN (HEADER MATCH)',
    options: { header: 'match' },
  },
  {
    sentence: 'DELIMITER one single-byte char; not in binary',
    statement: "COPY t FROM STDIN (DELIMITER '$$')",
    error: ['0A000', 'COPY delimiter must be a single one-byte character'],
  },
  {
    sentence: "field equal to s takes the column's DEFAULT; distinct from NULL string",
    statement: "COPY t FROM STDIN (DEFAULT 'd')",
    options: { default: 'd' },
  },
  {
    sentence: 'only if table created/truncated in this (sub)transaction; not partitioned/foreign',
    statement: 'COPY t FROM STDIN (FREEZE)',
    options: { freeze: true },
  },
  {
    sentence: 'csv FROM: never match NULL / match NULL even when quoted',
    statement: 'COPY t FROM STDIN (FORMAT csv, FORCE_NULL *, FORCE_NOT_NULL (b))',
    options: { forceNull: '*' },
  },
  {
    sentence: 'requires ON_ERROR ignore',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 5)',
    options: { errors: { conversion: 'skip_row', limit: { most: 5 } } },
  },
  {
    sentence:
      'default: one NOTICE with the ignored count; verbose: plus one NOTICE per row with line, column, value; silent: none',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY silent)',
    options: { errors: { verbosity: 'silent' } },
  },
  {
    sentence: 'bad column -> NULL; NOT NULL columns/domains still raise',
    statement: 'COPY t FROM STDIN (ON_ERROR set_null)',
    options: { errors: { conversion: 'set_null' } },
  },
  {
    sentence: 'default text; delimiter tab (text) or comma (csv); DELIMITER one single-byte char; not in binary',
    statement: "COPY t FROM STDIN (FORMAT binary, DELIMITER ',')",
    error: ['42601', 'cannot specify DELIMITER in BINARY mode'],
  },
  {
    sentence: "FROM only, not binary: field equal to s takes the column's DEFAULT; distinct from NULL string",
    statement: "COPY t FROM STDIN (FORMAT binary, DEFAULT 'd')",
    error: ['42601', 'cannot specify DEFAULT in BINARY mode'],
  },
  {
    sentence: "FROM only, not binary: field equal to s takes the column's DEFAULT; distinct from NULL string",
    statement: "COPY t FROM STDIN (NULL 'x', DEFAULT 'x')",
    error: ['0A000', 'NULL specification and DEFAULT specification cannot be the same'],
  },
  {
    sentence: 'text and csv only.',
    statement: 'COPY t FROM STDIN (FORMAT binary, ON_ERROR ignore)',
    error: ['42601', 'only ON_ERROR STOP is allowed in BINARY mode'],
  },
  {
    sentence: 'requires ON_ERROR ignore (`COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE`)',
    statement: 'COPY t FROM STDIN (REJECT_LIMIT 5)',
    error: ['22023', 'COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE'],
  },
  {
    sentence: 'n > 0 bigint (`REJECT_LIMIT (0) must be greater than zero`)',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 0)',
    error: ['22023', 'REJECT_LIMIT (0) must be greater than zero'],
  },
  {
    sentence: 'csv FROM: never match NULL / match NULL even when quoted',
    statement: 'COPY t FROM STDIN (FORCE_NULL (b))',
    error: ['0A000', 'COPY FORCE_NULL requires CSV mode'],
  },
  {
    sentence: 'csv FROM: never match NULL / match NULL even when quoted',
    statement: 'COPY t FROM STDIN (FORCE_NOT_NULL (b))',
    error: ['0A000', 'COPY FORCE_NOT_NULL requires CSV mode'],
  },
  {
    sentence: 'FORCE_QUOTE {(cols)|*}',
    statement: 'COPY t FROM STDIN (FORMAT csv, FORCE_QUOTE *)',
    error: ['0A000', 'COPY FORCE_QUOTE cannot be used with COPY FROM'],
  },
  {
    sentence: "COPY t [(cols)] FROM {'file' | PROGRAM 'cmd' | STDIN}",
    statement: "COPY t FROM PROGRAM 'cat f'",
    error: ['0A000', 'COPY FROM PROGRAM is not supported yet'],
  },
]
