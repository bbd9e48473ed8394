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
    statement: 'COPY t FROM STDIN (FORMAT csv, FORCE_NULL *, FORCE_NOT_NULL (a))',
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
    statement: 'COPY t FROM STDIN (LOG_VERBOSITY silent)',
    options: { errors: { verbosity: 'silent' } },
  },
  {
    sentence: 'bad column -> NULL; NOT NULL columns/domains still raise',
    statement: 'COPY t FROM STDIN (ON_ERROR set_null)',
    options: { errors: { conversion: 'set_null' } },
  },
]
