import { notFrozen, type Run, type RunCase, type Runs } from './run.ts'

const csv: Run = { input: '1,x,y\n', rows: ['1 | x | y'] }
const text: Run = { input: '1\tx\ty\n', rows: ['1 | x | y'] }
const weather = 'ts,temp\n2024-01-31,1.5\n'
const made: Run = { creates: true, input: weather, rows: ['2024-01-31 | 1.5'] }
const stamps = 'ts timestamp, temp float8'
const stamp: Run = {
  table: stamps,
  input: 'ts,temp\n2024-01-31T10:20:30.123456Z,1.5\nlater,2\n',
  rows: ['2024-01-31 10:20:30.123456 | 1.5'],
}
const wrong = 'a,b\nx,1\n2,3\n'

export const questdbRuns: Runs = {
  "COPY weather FROM 'weather.csv' WITH HEADER true": made,
  "COPY weather FROM 'weather.csv' WITH HEADER false": made,
  "COPY weather FROM 'weather.csv' WITH DIALECT 'questdb'": made,
  "COPY weather FROM 'weather.csv' WITH HEADER true TIMESTAMP 'ts'": { ...made, rows: ['2024-01-31 00:00:00 | 1.5'] },
  "COPY weather FROM 'weather.csv' WITH HEADER true FORMAT 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' DELIMITER ',' ON ERROR SKIP_ROW":
    stamp,
  "COPY weather FROM 'weather.csv' WITH HEADER true DELIMITER ';'": { ...made, input: weather.replaceAll(',', ';') },
  "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR SKIP_ROW": {
    table: 'a int, b int',
    input: wrong,
    rows: ['2 | 3'],
  },
  "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR SKIP_COLUMN": {
    table: 'a int, b boolean not null, c smallint not null',
    input: 'a,b,c\nx,x,x\n2,true,3\n',
    rows: ['NULL | false | 0', '2 | true | 3'],
  },
  "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR ABORT": {
    table: 'a int, b int',
    input: wrong,
    error: ['22P02', 'invalid input syntax for type integer: "x"'],
  },
  "COPY weather FROM 'weather.csv' WITH HEADER true FORMAT 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' ON ERROR SKIP_ROW;": stamp,
}

export const questdbRunCases: readonly RunCase[] = [
  {
    sentence: '`SKIP_ROW`: Skip the entire row',
    statement: "COPY weather FROM 'weather.csv' WITH ON ERROR SKIP_ROW",
    run: { table: 'a int, b int', input: wrong, rows: ['2 | 3'] },
  },
  {
    sentence:
      'If the target table exists and is not partitioned, the data is appended provided the file structure matches the table.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR ABORT",
    run: {
      table: 'ts date, temp float8, more int',
      input: weather,
      // Fields go by their names, and what is not there is NULL.
      rows: ['2024-01-31 | 1.5 | NULL'],
    },
  },
]

const one: Run = { table: 'a timestamp', input: '', rows: ['2024-01-31 10:20:30'] }
const timed = (format: string) => `COPY t FROM 'f' CSV NULL AS '' ROUNDEC TIMEFORMAT '${format}'`

const packed = (base64: string): Run => ({ input: Buffer.from(base64, 'base64'), rows: ['1 | x | y'] })

export const redshiftRuns: Runs = {
  "COPY t FROM 's3://b/k' IAM_ROLE default FORMAT AS PARQUET": {
    input: '1,x,y\n',
    objects: ['k/a.parquet'],
    error: ['22P04', 'could not read "s3://b/k/a.parquet": this is no Parquet file: it has 6 bytes'],
  },
  "COPY t FROM 's3://b/m' CSV NULL AS '' ROUNDEC MANIFEST": {
    input: '{ "entries": [ { "url": "s3://b/other", "mandatory": true } ] }',
    objects: ['m'],
    error: ['58P01', '"s3://b/other" does not exist'],
  },
  "COPY t FROM 's3://b/m' CSV NULL AS '' ROUNDEC REGION AS 'eu-central-1'": {
    input: '1,x,y\n',
    objects: ['m/a.csv', 'm/deep/b.csv', 'm2/c.csv'],
    rows: ['1 | x | y', '1 | x | y'],
  },
  "COPY t FROM 'f' NULL AS '' GZIP ROUNDEC CSV": packed('H4sIAAAAAAACAzPUqdCp5AIA+Ksh+wYAAAA='),
  "COPY t FROM 'f' NULL AS '' BZIP2 ROUNDEC CSV": packed(
    'QlpoOTFBWSZTWWMPONkAAAHYgAAQAAQgAABgIAAhg0GaAxhcXckU4UJBjDzjZA==',
  ),
  "COPY t FROM 'f' NULL AS '' ZSTD ROUNDEC CSV": packed('KLUv/QRYMQAAMSx4LHkKe0kdiw=='),
  "COPY t FROM 'f' CSV QUOTE AS '%' IGNOREHEADER 1": { input: 'h\n1,%x,y%,\\N\n', rows: ['1 | x,y | NULL'] },
  "COPY t FROM 'f' CSV QUOTE '~' ROUNDEC": { input: '1, ~x,y~ ,\t~ z ~\n', rows: ['1 | x,y |  z '] },
  "COPY t FROM 'f' ROUNDEC": { input: '1|x|y\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' TRIMBLANKS": { input: '1|x  |\\N\n', rows: ['1 | x | NULL'] },
  "COPY t FROM 'f' DELIMITER AS '\\036' IGNOREBLANKLINES": { input: '1\x1ex\x1ey\n\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' FIXEDWIDTH AS 'id: 5, any thing:20'": {
    table: 'a int, b text',
    input: `00012${'sömé text'.padEnd(20)}\n`,
    rows: ['12 | sömé text'],
  },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC IGNOREHEADER AS 2": { input: 'h\nh\n1,x,\n', rows: ['1 | x | NULL'] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC IGNOREBLANKLINES": { input: '\n1,x,y\n\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' CSV MAXERROR AS 10": { input: '?,x,y\n1,x,y\n2\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC NOLOAD": { input: '1,x,y\n', rows: [] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC NOLOAD STATUPDATE ON": { input: '1,x,y\n', rows: [] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC DATEFORMAT 'auto'": {
    table: 'a date',
    input: '2024-01-31\n',
    rows: ['2024-01-31'],
  },
  [timed('auto')]: { ...one, input: '2024-01-31 10:20:30\n' },
  [timed('epochsecs')]: { ...one, input: '1706696430\n' },
  [timed('epochmillisecs')]: { ...one, input: '1706696430000\n' },
  [timed('YYYY.MM.DD HH:MI:SS')]: { ...one, input: '2024.01.31 10:20:30\n' },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC ACCEPTANYDATE": {
    table: 'a date',
    input: 'some day\n2024-01-31\n',
    rows: ['NULL', '2024-01-31'],
  },
  "COPY t FROM 'f' CSV ACCEPTINVCHARS AS '^'": {
    input: Buffer.from('1,x\xe4\xff,y\n', 'latin1'),
    rows: ['1 | x^^ | y'],
  },
  "COPY t FROM 'f' CSV NULL AS '\\0' ROUNDEC": { input: '1,x,\0\n', rows: ['1 | x | NULL'] },
  "COPY t FROM 'f' CSV ROUNDEC EMPTYASNULL": { input: ',"",\n', rows: ['NULL | NULL | NULL'] },
  "COPY t FROM 'f' CSV ROUNDEC": { input: ',"",\n', rows: ["NULL | '' | ''"] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC BLANKSASNULL": { input: '1,  ,y\n', rows: ['1 | NULL | y'] },
  "COPY t FROM 'f' CSV FILLRECORD": { input: '1\n', rows: ['1 | NULL | NULL'] },
  "COPY t FROM 'f' CSV TRUNCATECOLUMNS": {
    table: 'a int, b varchar(2)',
    input: '1,xyz\n',
    // DuckDB's varchar has no length.
    rows: { postgres: ['1 | xy'], duckdb: ['1 | xyz'] },
  },
  "COPY t FROM 'f' NULL AS '' ROUNDEC REMOVEQUOTES": { input: '\'1\'|"x|z"|y"\n', rows: ['1 | x|z | y"'] },
  "COPY t FROM 'f' ESCAPE NULL AS '' ROUNDEC": { input: '1|x\\|y|z\n', rows: ['1 | x|y | z'] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC ENCODING AS UTF8": { input: '1,ü,y\n', rows: ['1 | ü | y'] },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC ENCODING UTF16LE": {
    input: Buffer.from('1,ü,y\n', 'utf16le'),
    rows: ['1 | ü | y'],
  },
  "COPY t FROM 'f' CSV NULL AS ''  IGNOREHEADER 1": {
    table: 'a numeric(5,1)',
    input: 'a\n1.25\n',
    rows: ['1.2'],
  },
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC COMPUPDATE PRESET COMPROWS 1000 STATUPDATE OFF": csv,
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC STATUPDATE ON": csv,
  "COPY t FROM 'f' CSV NULL AS '' ROUNDEC EXPLICIT_IDS": {
    input: csv.input,
    error: ['42P10', 'COPY EXPLICIT_IDS needs an identity column, and relation "t" has none'],
  },
}

export const redshiftRunCases: readonly RunCase[] = [
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM 'f' CSV NULL AS '' ROUNDEC",
    run: {
      table: 'a date, b timestamp, c timestamptz, d time',
      input: '2024-01-31,2024-01-31 10:20:30.5,2024-01-31 10:20:30+00,10:20\n',
      rows: ['2024-01-31 | 2024-01-31 10:20:30.5 | 2024-01-31 10:20:30+00 | 10:20:00'],
    },
  },
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM STDIN (DIALECT 'redshift')",
    run: {
      table: 'a timestamptz, b date',
      input: '2024-01-31 10:20:30.25+02|2024-01-31\n',
      rows: ['2024-01-31 08:20:30.25+00 | 2024-01-31'],
    },
  },
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM 'f' CSV NULL AS '' ROUNDEC",
    run: {
      table: 'a date',
      input: '01/31/2024\n',
      error: ['22007', 'invalid value "01" for "YYYY"'],
    },
  },
  {
    sentence: "TIMEFORMAT 'fmt' / 'auto' / 'epochsecs' / 'epochmillisecs'",
    statement: "COPY t FROM 'f' CSV NULL AS '' ROUNDEC",
    run: {
      table: 'a timestamp',
      input: '2024-01-31T10:20:30\n',
      error: ['22007', 'unmatched format separator " "'],
    },
  },
  {
    sentence: 'load fails when errors are **n or more**; 0 and 1 both mean first error; default 0, max 100000',
    statement: "COPY t FROM 'f' CSV MAXERROR AS 2",
    run: { input: '?,x,y\n1,x,y\n2\n', error: ['22P02', 'skipped MAXERROR (2) rows'] },
  },
  ...['MAXERROR 5', 'IGNOREALLERRORS', 'FILLRECORD', 'TRUNCATECOLUMNS', 'ACCEPTINVCHARS'].map(
    (word): RunCase => ({
      sentence: '**default pipe**, comma with CSV',
      statement: `COPY t FROM 'f' ${word}`,
      run: { input: '1|x|y\n', rows: ['1 | x | y'] },
    }),
  ),
  {
    sentence: 'unlimited; not with MAXERROR; not for columnar',
    statement: "COPY t FROM 'f' CSV IGNOREALLERRORS",
    run: { input: '?,x,y\n1,x,y\n2\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'round instead of truncate to scale',
    statement: "COPY t FROM 'f' CSV ROUNDEC",
    run: { table: 'a numeric(5,1)', input: '1.25\n', rows: ['1.3'] },
  },
  {
    sentence: 'UTF16 needs BOM',
    statement: "COPY t FROM 'f' CSV ROUNDEC ENCODING AS UTF16",
    run: { input: Buffer.from('\ufeff1,ü,y\n', 'utf16le'), rows: ['1 | ü | y'] },
  },
  {
    sentence: 'strip \' or " ; unbalanced = error row',
    statement: "COPY t FROM 'f' ROUNDEC REMOVEQUOTES MAXERROR 10",
    run: { input: '1|"x|y\n2|x|y\n', rows: ['2 | x | y'] },
  },
]

export const materializeRuns: Runs = {
  "COPY INTO csv_table FROM 's3://example_bucket' (FORMAT CSV, AWS CONNECTION = example_aws_conn, FILES = ['example_data.csv']);":
    { input: '1,x,y\n', objects: ['example_data.csv', 'other.csv'], rows: ['1 | x | y'] },
  "COPY INTO csv_table FROM 's3://example_bucket/example_data.csv' (FORMAT CSV, AWS CONNECTION = example_aws_conn);": {
    input: '1,x,y\n',
    objects: ['example_data.csv', 'example_data.csv.old'],
    rows: ['1 | x | y'],
  },
  "COPY INTO parquet_table FROM 's3://example_bucket' (FORMAT PARQUET, AWS CONNECTION = example_aws_conn, PATTERN = '*parquet*');":
    {
      input: '1,x,y\n',
      objects: ['a.parquet', 'b.csv'],
      error: ['22P04', 'could not read "s3://example_bucket/a.parquet": this is no Parquet file: it has 6 bytes'],
    },
  'COPY INTO t FROM \'s3://b\' (FORMAT CSV, PATTERN = "files/**")': {
    input: '1,x,y\n',
    files: ['top.csv', 'files/a.csv', 'files/deep/b.csv'],
    rows: ['1 | x | y', '1 | x | y'],
  },
  'COPY INTO t FROM \'s3://b\' (FORMAT CSV, FILES = [ "top.csv", "files/a.csv", "files/b.csv" ])': {
    input: '1,x,y\n',
    files: ['top.csv', 'files/a.csv', 'files/b.csv', 'files/c.csv'],
    rows: ['1 | x | y', '1 | x | y', '1 | x | y'],
  },
  'COPY INTO t (a, b) FROM STDIN WITH (FORMAT = CSV, HEADER = true)': { input: 'a,b\n1,x\n', rows: ['1 | x | NULL'] },
  "COPY t FROM STDIN WITH (DELIMITER '|');": { input: '1|x|y\n', rows: ['1 | x | y'] },
  'COPY t FROM STDIN (FORMAT CSV);': { input: '1,"x,y",z\n', rows: ['1 | x,y | z'] },
  "COPY t FROM STDIN (DELIMITER '|');": { input: '1|x|\\N\n', rows: ['1 | x | NULL'] },
  "COPY t FROM STDIN (NULL = 'NA')": { input: '1\tNA\ty\n', rows: ['1 | NULL | y'] },
  "COPY t FROM STDIN (FORMAT CSV, QUOTE = '~')": { input: '1,~x,~~y~,z\n', rows: ['1 | x,~y | z'] },
}

/** The five deviations are PostgreSQL's behaviour here. */
export const materializeRunCases: readonly RunCase[] = [
  {
    sentence: 'With a partial column list, all unreferenced columns will receive their default value.',
    statement: 'COPY INTO t (a) FROM STDIN',
    run: { table: "a int, b text DEFAULT 'd', c text", input: '1\n', rows: ['1 | d | NULL'] },
  },
  {
    sentence: 'More than one layer of escaped quote characters returns the wrong result.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV)",
    run: { input: '1,"x""""y","""z"""\n', rows: ['1 | x""y | "z"'] },
  },
  {
    sentence: 'Quote characters must immediately follow a delimiter to be treated as expected.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV)",
    run: { input: '1,x"y,z"w,v\n', rows: ['1 | xy,zw | v'] },
  },
  {
    sentence:
      'Single-column rows containing quoted end-of-data markers (e.g. `"\\."`) will be treated as end-of-data markers despite being quoted.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV)",
    run: { table: 'a text', input: '"\\."\nx\n', rows: ['\\\\.', 'x'] },
  },
  {
    sentence: 'Quoted null strings will be parsed as nulls, despite being quoted.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV)",
    run: { input: '1,"",\n', rows: ["1 | '' | NULL"] },
  },
  {
    sentence: 'Unterminated quotes are allowed, i.e. they do not generate errors.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV)",
    run: { input: '1,"x,y\n', error: ['22P04', 'unterminated CSV quoted field'] },
  },
  {
    sentence:
      "_For `FORMAT CSV` only._ A single-quoted string that specifies the character to allow instances of the `QUOTE` character to be parsed literally as part of a column's value.",
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV, ESCAPE = '\\')",
    run: { input: '1,"x\\"y",z\n', rows: ['1 | x"y | z'] },
  },
]

export const postgresqlRuns: Runs = {
  'COPY t FROM STDIN (HEADER 3)': { input: `-\n-\n-\n${text.input}`, rows: ['1 | x | y'] },
  'COPY t FROM STDIN (HEADER 1)': { input: `-\n${text.input}`, rows: ['1 | x | y'] },
  'COPY t FROM STDIN (HEADER MATCH)': { input: `a\tb\tc\n${text.input}`, rows: ['1 | x | y'] },
  "COPY t FROM STDIN (DEFAULT 'd')": {
    table: "a int, b text DEFAULT 'z', c text",
    input: '1\td\t\\N\n',
    rows: ['1 | z | NULL'],
  },
  'COPY t FROM STDIN (FREEZE)': { input: text.input, error: notFrozen },
  'COPY t FROM STDIN (FORMAT csv, FORCE_NULL *, FORCE_NOT_NULL (a))': { input: '1,"",\n', rows: ['1 | NULL | NULL'] },
  'COPY t FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 5)': { input: `?\tx\ty\n${text.input}`, rows: ['1 | x | y'] },
  'COPY t FROM STDIN (LOG_VERBOSITY silent)': text,
  'COPY t FROM STDIN (ON_ERROR set_null)': { input: '?\tx\ty\n', rows: ['NULL | x | y'] },
}

export const postgresqlRunCases: readonly RunCase[] = [
  {
    sentence: 'number and names must equal the column list *in order*, otherwise error',
    statement: 'COPY t FROM STDIN (HEADER MATCH)',
    run: {
      input: `a\tc\tb\n${text.input}`,
      error: ['22P04', 'column name mismatch in header line field 2: got "c", expected "b"'],
    },
  },
  {
    sentence: 'too few/many columns, bad encoding, constraint violations still fail',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore)',
    run: { input: '1\tx\n', error: ['22P04', 'missing data for column "c"'] },
  },
  {
    sentence: 'fails when errors are **more than** n; without it unlimited',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 1)',
    run: {
      input: '?\tx\ty\n!\tx\ty\n',
      error: ['22P02', 'skipped more than REJECT_LIMIT (1) rows due to data type incompatibility'],
    },
  },
  {
    sentence: 'In text it is matched before backslash processing',
    statement: "COPY t FROM STDIN (NULL '\\x')",
    run: { input: '1\t\\x\t\\\\x\n', rows: ['1 | NULL | \\\\x'] },
  },
  {
    sentence: 'no subqueries/volatile surprises',
    statement: 'COPY t FROM STDIN WHERE a > 1',
    run: { input: '1\tx\ty\n2\tx\ty\n', rows: ['2 | x | y'] },
  },
]
