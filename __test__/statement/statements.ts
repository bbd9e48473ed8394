/** Statements for properties: of copyist's own language, and of each system's. */
import fc from 'fast-check'

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom("'", '"', '\\', '\n', '\t', '$', ' ', 'a', 'é', '😀', '\u0001'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
})
export const withoutNul = text.filter((value) => !/\0|\p{Surrogate}/u.test(value))
export const literal = withoutNul.map((value) => `E'${value.replace(/[\\']/g, '\\$&')}'`)

/** Options in the spelling of one system, and what may stand before them. */
interface Language {
  readonly options: readonly fc.Arbitrary<string>[]
  readonly write: (options: readonly string[]) => string
}

const one = (...words: string[]) => fc.constantFrom(...words)
const bare = (options: readonly string[]) => options.join(' ')
const columnList = 'a, b, c'

const languages: Readonly<Record<string, Language>> = {
  gaussdb: {
    options: [
      one("DELIMITERS '$^&'", "DELIMITERS ';'", "DELIMITER '|'"),
      one('WITHOUT ESCAPING'),
      one('LOG ERRORS', "LOG ERRORS REJECT LIMIT '7'", "LOG ERRORS REJECT LIMIT 'unlimited'"),
      one('CSV', 'BINARY', 'FIXED FORMATTER (a (0, 2), b (4, 7))', ''),
      one("NULL ''", "NULL 'NA'"),
      one('HEADER'),
      one("QUOTE '~'"),
      one("ESCAPE AS '\\'"),
      one('USEEOF'),
      one("EOL '$#'", "EOL E'\\r\\n'"),
      one('IGNORE_EXTRA_DATA'),
      one("FILL_MISSING_FIELDS 'multi'", 'FILL_MISSING_FIELDS'),
      one('COMPATIBLE_ILLEGAL_CHARS'),
      one("DATE_FORMAT 'DD.MM.YYYY'"),
      one("TIME_FORMAT 'HH24:MI'"),
      one('TIMESTAMP_FORMAT \'YYYY "at" HH24\''),
      one("SMALLDATETIME_FORMAT 'YYYY-MM-DD'"),
      one("TRANSFORM (a int AS a + 1, b AS upper(b || '\"'))", 'TRANSFORM ("B" numeric(10,2))'),
      one('SKIP 3'),
      one("WHEN (2-5) = 'x'", "WHEN a != 'it''s'"),
      one('SEQUENCE (a (1, 2), b (-7))'),
      one('FILLER (c)'),
      one("CONSTANT (d 'x', e '')"),
      one('FORCE NOT NULL a, b'),
      one('FREEZE'),
    ],
    write: bare,
  },
  redshift: {
    options: [
      one('CSV', "FIXEDWIDTH 'a:3,b:4'", ''),
      one("DELIMITER AS ';'", "DELIMITER '\\011'", "DELIMITER '\\t'"),
      one("NULL AS ''", "NULL AS 'NA'", "NULL AS '\\0'"),
      one("QUOTE AS '~'"),
      one('IGNOREHEADER 1', 'IGNOREHEADER AS 3'),
      one('ESCAPE'),
      one('IGNOREBLANKLINES'),
      one('MAXERROR 10', 'IGNOREALLERRORS'),
      one('NOLOAD'),
      one("DATEFORMAT 'auto'", "DATEFORMAT AS 'DD.MM.YYYY'"),
      one("TIMEFORMAT 'epochsecs'"),
      one('ACCEPTANYDATE'),
      one("ACCEPTINVCHARS AS '^'"),
      one('EMPTYASNULL'),
      one('BLANKSASNULL'),
      one('TRIMBLANKS'),
      one('FILLRECORD'),
      one('TRUNCATECOLUMNS'),
      one('REMOVEQUOTES'),
      one('EXPLICIT_IDS'),
      one('ROUNDEC'),
      one('STATUPDATE ON'),
      one("REGION 'eu-central-1' IAM_ROLE default", 'MANIFEST GZIP'),
    ],
    write: (options) => `DIALECT 'redshift' ${bare(options)}`,
  },
  questdb: {
    options: [
      one('HEADER true', 'HEADER false'),
      one("TIMESTAMP 'ts' PARTITION BY DAY", "TIMESTAMP 't s'"),
      one("FORMAT 'yyyy-MM-ddTHH'"),
      one("DELIMITER ';'", "DELIMITER E'\\t'"),
      one('ON ERROR SKIP_ROW', 'ON ERROR SKIP_COLUMN', 'ON ERROR ABORT'),
    ],
    write: (options) => `WITH DIALECT 'questdb' ${bare(options)}`,
  },
  materialize: {
    options: [
      one("DELIMITER = '|'"),
      one("NULL = 'x'"),
      one("QUOTE = '~'"),
      one("ESCAPE = '\\'"),
      one('HEADER = true'),
      one("AWS CONNECTION = c, PATTERN = '*'", "FILES = ['a', 'b''']"),
    ],
    write: (options) => `(${["DIALECT 'materialize'", 'FORMAT CSV', ...options].join(', ')})`,
  },
  postgresql: {
    options: [
      one('FORMAT csv', 'FORMAT text', 'FORMAT binary'),
      one("DELIMITER ';'", "DELIMITER E'\\t'"),
      one("NULL ''", "NULL E'\\t'", "NULL '\\N'"),
      one("DEFAULT 'd'"),
      one('HEADER', 'HEADER match', 'HEADER 4'),
      one("QUOTE '~'"),
      one("ESCAPE '\\'"),
      one('FORCE_NULL *', 'FORCE_NULL (a)'),
      one('FORCE_NOT_NULL (a, "B")'),
      one(
        'ON_ERROR ignore',
        'ON_ERROR ignore, REJECT_LIMIT 7',
        'ON_ERROR set_null',
        "ON_ERROR skip_row, REJECT_LIMIT '2%'",
      ),
      one('LOG_VERBOSITY verbose'),
      one('FREEZE'),
      one('MAP BY NAME'),
      one("DECIMAL_SEPARATOR ','"),
      one('CREATE_TABLE', 'LOAD_KEY x'),
      one('TRIM_BLANKS, BLANKS_AS_NULL', 'BACKSLASH_ESCAPE', 'SKIP_BLANK_LINES'),
    ],
    write: (options) => (options.length === 0 ? '' : `(${options.join(', ')})`),
  },
}

/** Statements of all systems; not all of them go together. */
export const dialectStatement = fc.constantFrom(...Object.entries(languages)).chain(([name, { options, write }]) =>
  fc
    .record({
      chosen: fc.subarray([...options.keys()], { maxLength: Math.min(6, options.length) }),
      values: fc.tuple(...options),
      hasColumns: fc.boolean(),
      where: fc.constantFrom('', '', ' WHERE a > 1'),
    })
    .map(({ chosen, values, hasColumns, where }) => {
      const written = write(chosen.map((index) => values[index] ?? '').filter((option) => option !== ''))
      const columns = hasColumns ? ` (${columnList})` : ''
      return `COPY s."T"${columns} FROM 'f.csv' ${written}${name === 'questdb' ? '' : where}`
    }),
)
