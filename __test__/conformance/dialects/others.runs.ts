import { idle, notFrozen, notNull, type Run, type RunCase, type Runs } from './run.ts'

const csv: Run = { input: '1,x,y\n', rows: ['1 | x | y'] }
const text: Run = { input: '1\tx\ty\n', rows: ['1 | x | y'] }
/** A Parquet file of the row `1 | x | y`. */
const parquet = {
  input: Buffer.from(
    'UEFSMRUAFRQVFCwVAhUAFQYVBgAAAgAAAAIBAQAAABUAFRYVFiwVAhUAFQYVBgAAAgAAAAIBAQAAAHgVABUWFRYsFQIVABUGFQYAAAIAAAACAQEAAAB5FQIZTDUAGA1kdWNrZGJfc2NoZW1hFQYAFQIlAhgBYSUiABUMJQIYAWIlAAAVDCUCGAFjJQAAFgIZHBk8JgAcFQIZFQAZGAFhFQAWAhY2FjYmCDwYBAEAAAAYBAEAAAAWACgEAQAAABgEAQAAABERAAAAJgAcFQwZFQAZGAFiFQAWAhY4FjgmPjwYAXgYAXgWACgBeBgBeBERAAAAJgAcFQwZFQAZGAFjFQAWAhY4FjgmdjwYAXkYAXkWACgBeRgBeRERAAAAFqYBFgImCBamAQAoKER1Y2tEQiB2ZXJzaW9uIHYxLjUuNiAoYnVpbGQgMDY5Y2M5ZjliNSkZPBwAABwAABwAAAAHAQAAUEFSMQ==',
    'base64',
  ),
  shown: 'a Parquet file of this row',
}
const weather = 'ts,temp\n2024-01-31,1.5\n'
const made: Run = { creates: true, input: weather, rows: ['2024-01-31 | 1.5'] }
const found = { HEADER: 'the header is found without it' }
const stamps = 'ts timestamp, temp float8'
const stamp: Run = {
  table: stamps,
  input: 'ts,temp\n2024-01-31T10:20:30.123456Z,1.5\nlater,2\n',
  rows: ['2024-01-31 10:20:30.123456 | 1.5'],
  idle: { ...found, FORMAT: idle.default },
}
const wrong = 'a,b\nx,1\n2,3\n'

export const questdbRuns: Runs = {
  "COPY weather FROM 'weather.csv' WITH HEADER true": { ...made, idle: found },
  "COPY weather FROM 'weather.csv' WITH HEADER false": { ...made, idle: { HEADER: idle.default } },
  "COPY weather FROM 'weather.csv' WITH DIALECT 'questdb'": made,
  "COPY weather FROM 'weather.csv' WITH TIMESTAMP 'ts'": { ...made, rows: ['2024-01-31 00:00:00 | 1.5'] },
  "COPY weather FROM 'weather.csv' WITH HEADER true FORMAT 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' DELIMITER ',' ON ERROR SKIP_ROW":
    { ...stamp, idle: { ...stamp.idle, DELIMITER: idle.default } },
  "COPY weather FROM 'weather.csv' WITH HEADER true DELIMITER ';'": {
    ...made,
    input: weather.replaceAll(',', ';'),
    idle: found,
  },
  "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR SKIP_ROW": {
    table: 'a int, b int',
    input: wrong,
    rows: ['2 | 3'],
    idle: found,
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
    idle: { ...found, ON: idle.default },
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
      idle: { ...found, ON: idle.default },
    },
  },
  {
    sentence: 'When `true`, QuestDB automatically assumes the first row is a header.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true",
    run: { table: 'a text, b text', input: 'a,b\nz,w\n', rows: ['z | w'] },
  },
  {
    sentence: 'Otherwise, schema recognition is used to determine whether the first row is used as header.',
    statement: "COPY weather FROM 'weather.csv' WITH DIALECT 'questdb' HEADER false",
    run: {
      table: 'a text, b int',
      input: 'a,b\nz,1\n',
      rows: ['z | 1'],
      leaves: { receipt: { headerDetected: true } },
      idle: { HEADER: idle.default },
    },
  },
  {
    sentence: 'Otherwise, schema recognition is used to determine whether the first row is used as header.',
    statement: "COPY weather FROM 'weather.csv' WITH DIALECT 'questdb' HEADER false",
    run: {
      table: 'a text, b int',
      input: 'y,2\nz,1\n',
      rows: ['y | 2', 'z | 1'],
      leaves: { receipt: { headerDetected: false } },
      idle: { HEADER: idle.default },
    },
  },
  {
    sentence:
      '`FORMAT`: Timestamp column format when the format is not the default (`yyyy-MM-ddTHH:mm:ss.SSSUUUZ`) or cannot be detected.',
    statement: "COPY weather FROM 'weather.csv' WITH TIMESTAMP 'ts' FORMAT 'dd.MM.yyyy HH:mm'",
    run: {
      table: stamps,
      input: 'ts,temp\n31.01.2024 10:20,1.5\n',
      rows: ['2024-01-31 10:20:00 | 1.5'],
      idle: { TIMESTAMP: 'the table has no other timestamp' },
    },
  },
  {
    sentence: '`TIMESTAMP`: Define the name of the timestamp column in the file to be imported.',
    statement: "COPY weather FROM 'weather.csv' WITH TIMESTAMP 'ts' FORMAT 'dd.MM.yyyy'",
    run: {
      table: 'seen timestamp, ts timestamp',
      input: 'seen,ts\n2024-01-30,31.01.2024\n',
      rows: ['2024-01-30 00:00:00 | 2024-01-31 00:00:00'],
    },
  },
  {
    sentence: '`DELIMITER`: Default setting is `,`.',
    statement: "COPY weather FROM 'weather.csv' WITH ON ERROR ABORT",
    run: { ...made, idle: { ON: idle.default } },
  },
  {
    sentence: 'Skip column and use the default value',
    statement: "COPY weather FROM 'weather.csv' WITH ON ERROR SKIP_COLUMN",
    run: { table: 'a int DEFAULT 7, b int', input: wrong, rows: ['7 | 1', '2 | 3'] },
  },
  {
    sentence: '`ABORT`: Abort whole import on first error, and restore the pre-import table status',
    statement: "COPY weather FROM 'weather.csv' WITH DIALECT 'questdb' ON ERROR ABORT",
    run: {
      table: 'a int, b int',
      before: 'INSERT INTO weather VALUES (7, 8)',
      input: 'a,b\n2,3\nx,1\n',
      error: ['22P02', 'invalid input syntax for type integer: "x"'],
      idle: { ON: idle.default },
    },
  },
  {
    sentence:
      'If the target table exists and is not partitioned, the data is appended provided the file structure matches the table.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true",
    run: {
      table: 'a text, b text',
      before: "INSERT INTO weather VALUES ('k', 'l')",
      input: 'a,b\nz,w\n',
      rows: ['k | l', 'z | w'],
    },
  },
  {
    sentence: 'The `PARTITION BY` value should not be `NONE`.',
    statement: "COPY weather FROM 'weather.csv' WITH PARTITION BY NONE",
    remark: 'tables are made without partitions, which is what NONE says.',
    run: { ...made, idle: { PARTITION: idle.default } },
  },
]

const one: Run = { table: 'a timestamp, b text', input: '', rows: ['2024-01-31 10:20:30 | x'] }
const timed = (format: string) => `COPY t FROM 'f' CSV TIMEFORMAT '${format}'`

const packed = (option: string, base64: string): Run => ({
  input: Buffer.from(base64, 'base64'),
  rows: ['1 | x | y'],
  idle: { [option]: 'the first bytes of the file tell, too' },
})

export const redshiftRuns: Runs = {
  "COPY t FROM 'f' CSV ROUNDEC": { table: 'a numeric(5,1), b text', input: '1.25,x\n', rows: ['1.3 | x'] },
  "COPY t FROM 's3://b/k' IAM_ROLE default FORMAT AS PARQUET": {
    ...parquet,
    objects: ['k/a.parquet'],
    rows: ['1 | x | y'],
    idle: { IAM_ROLE: idle.default },
  },
  "COPY t FROM 's3://b/m' CSV MANIFEST": {
    input:
      '{ "entries": [ { "url": "s3://b/one", "mandatory": true }, { "url": "s3://b/none", "mandatory": false } ] }',
    objects: ['m'],
    beside: { one: '1,x,y\n' },
    rows: ['1 | x | y'],
  },
  "COPY t FROM 's3://b/m' CSV REGION AS 'eu-central-1'": {
    regional: true,
    input: '1,x,y\n',
    objects: ['m/a.csv', 'm/deep/b.csv', 'm2/c.csv'],
    rows: ['1 | x | y', '1 | x | y'],
  },
  "COPY t FROM 'f' CSV GZIP": packed('GZIP', 'H4sIAAAAAAACAzPUqdCp5AIA+Ksh+wYAAAA='),
  "COPY t FROM 'f' CSV BZIP2": packed('BZIP2', 'QlpoOTFBWSZTWWMPONkAAAHYgAAQAAQgAABgIAAhg0GaAxhcXckU4UJBjDzjZA=='),
  "COPY t FROM 'f' CSV ZSTD": packed('ZSTD', 'KLUv/QRYMQAAMSx4LHkKe0kdiw=='),
  "COPY t FROM 'f' CSV QUOTE AS '%' IGNOREHEADER 1": { input: 'h\n1,%x,y%,\\N\n', rows: ['1 | x,y | NULL'] },
  "COPY t FROM 'f' CSV QUOTE '~' DIALECT 'redshift'": { input: '1, ~x,y~ ,\t~ z ~\n', rows: ['1 | x,y |  z '] },
  "COPY t FROM 'f' DIALECT 'redshift'": { input: '1|x|y\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' TRIMBLANKS": { input: '1|x  |\\N\n', rows: ['1 | x | NULL'] },
  "COPY t FROM 'f' DELIMITER AS '\\036' IGNOREBLANKLINES": { input: '1\x1ex\x1ey\n\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' FIXEDWIDTH AS 'id: 5, any thing:20'": {
    table: 'a int, b text',
    input: `00012${'sömé text'.padEnd(20)}\n`,
    rows: ['12 | sömé text'],
  },
  "COPY t FROM 'f' CSV IGNOREHEADER AS 2": { input: 'h\nh\n1,x,\n', rows: ["1 | x | ''"] },
  "COPY t FROM 'f' CSV IGNOREBLANKLINES": { input: '\n1,x,y\n\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' CSV MAXERROR AS 10": { input: '?,x,y\n1,x,y\n2\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' CSV NOLOAD": {
    input: '1,x,y\n',
    rows: [],
    leaves: { receipt: { rowsLoaded: 0, rowsValidated: 1 } },
  },
  "COPY t FROM 'f' CSV NOLOAD STATUPDATE ON": {
    input: '1,x,y\n',
    rows: [],
    leaves: { notes: ['STATUPDATE'] },
  },
  "COPY t FROM 'f' CSV DATEFORMAT 'auto'": {
    table: 'a date, b text',
    input: '"Jan 31, 2024",x\n',
    rows: ['2024-01-31 | x'],
  },
  [timed('auto')]: { ...one, input: '2024-01-31T10:20:30,x\n' },
  [timed('epochsecs')]: { ...one, input: '1706696430,x\n' },
  [timed('epochmillisecs')]: { ...one, input: '1706696430000,x\n' },
  [timed('DD.MM.YYYY HH:MI:SS')]: { ...one, input: '31.01.2024 10:20:30,x\n' },
  "COPY t FROM 'f' CSV ACCEPTANYDATE": {
    table: 'a date, b text',
    input: 'some day,x\n2024-01-31,y\n',
    rows: ['NULL | x', '2024-01-31 | y'],
  },
  "COPY t FROM 'f' CSV ACCEPTINVCHARS AS '^'": {
    input: Buffer.from('1,x\xe4\xff,y\n', 'latin1'),
    rows: ['1 | x^^ | y'],
    leaves: { receipt: { bytesReplaced: 2 } },
  },
  "COPY t FROM 'f' CSV NULL AS '\\0' DIALECT 'redshift'": { input: '1,x,\0\n', rows: ['1 | x | NULL'] },
  "COPY t FROM 'f' CSV EMPTYASNULL": { input: ',"",\n', rows: ['NULL | NULL | NULL'] },
  "COPY t FROM 'f' CSV DIALECT 'redshift'": { input: ',"",\n', rows: ["NULL | '' | ''"] },
  "COPY t FROM 'f' CSV BLANKSASNULL": { input: '1,  ,y\n', rows: ['1 | NULL | y'] },
  "COPY t FROM 'f' CSV FILLRECORD": { input: '1,x\n', rows: ["1 | x | ''"] },
  "COPY t FROM 'f' CSV TRUNCATECOLUMNS": {
    table: 'a int, b varchar(2)',
    input: '1,xyz\n',
    rows: { postgres: ['1 | xy'], duckdb: ['1 | xyz'] },
    idle: { TRUNCATECOLUMNS: { duckdb: 'its varchar has no length' } },
  },
  "COPY t FROM 'f' REMOVEQUOTES": { input: '\'1\'|"x|z"|y"\n', rows: ['1 | x|z | y"'] },
  "COPY t FROM 'f' ESCAPE": { input: '1|x\\|y|z\n', rows: ['1 | x|y | z'] },
  "COPY t FROM 'f' CSV ENCODING AS UTF8": { input: '1,ü,y\n', rows: ['1 | ü | y'], idle: { ENCODING: idle.default } },
  "COPY t FROM 'f' CSV ENCODING UTF16LE": {
    input: Buffer.from('1,ü,y\n', 'utf16le'),
    rows: ['1 | ü | y'],
  },
  "COPY t FROM 'f' CSV IGNOREHEADER 1": {
    table: 'a numeric(5,1), b text',
    input: 'a\n1.25,x\n',
    rows: ['1.2 | x'],
  },
  "COPY t FROM 'f' CSV COMPUPDATE PRESET COMPROWS 1000 STATUPDATE OFF": {
    ...csv,
    leaves: { notes: ['COMPUPDATE', 'COMPROWS'] },
    idle: { STATUPDATE: idle.default },
  },
  "COPY t FROM 'f' CSV STATUPDATE ON": {
    ...csv,
    leaves: { analyzed: ['a', 'b', 'c'] },
    idle: { STATUPDATE: { duckdb: 'it shows no statistics of so few rows' } },
  },
  "COPY t FROM 'f' CSV EXPLICIT_IDS": {
    input: csv.input,
    error: ['42P10', 'COPY EXPLICIT_IDS needs an identity column, and relation "t" has none'],
    idle: { CSV: idle.error },
  },
}

export const redshiftRunCases: readonly RunCase[] = [
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM 'f' CSV DIALECT 'redshift'",
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
    statement: "COPY t FROM 'f' DIALECT 'redshift'",
    run: {
      table: 'a date, b text',
      input: '01/31/2024|x\n',
      error: ['22007', 'invalid value "01" for "YYYY"'],
    },
  },
  {
    sentence: "TIMEFORMAT 'fmt' / 'auto' / 'epochsecs' / 'epochmillisecs'",
    statement: "COPY t FROM 'f' DIALECT 'redshift'",
    run: {
      table: 'a timestamp, b text',
      input: '2024-01-31T10:20:30|x\n',
      error: ['22007', 'unmatched format separator " "'],
    },
  },
  {
    sentence: 'load fails when errors are **n or more**; 0 and 1 both mean first error; default 0, max 100000',
    statement: "COPY t FROM 'f' MAXERROR AS 2",
    run: { input: '?|x|y\n1|x|y\n2\n', error: ['22P02', 'skipped MAXERROR (2) rows'] },
  },
  ...['MAXERROR 5', 'IGNOREALLERRORS', 'FILLRECORD', 'TRUNCATECOLUMNS', 'ACCEPTINVCHARS'].map(
    (word): RunCase => ({
      sentence: '**default pipe**, comma with CSV',
      statement: `COPY t FROM 'f' ${word}`,
      run: {
        input: '1|x|y\n',
        rows: ['1 | x | y'],
        idle: { [word.replace(/ .*/, '')]: 'what matters is whose word it is' },
      },
    }),
  ),
  {
    sentence: 'unlimited; not with MAXERROR; not for columnar',
    statement: "COPY t FROM 'f' CSV IGNOREALLERRORS",
    run: { input: '?,x,y\n1,x,y\n2\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'UTF16 needs BOM',
    statement: "COPY t FROM 'f' CSV ENCODING AS UTF16",
    run: { input: Buffer.from('\ufeff1,ü,y\n', 'utf16le'), rows: ['1 | ü | y'] },
  },
  {
    sentence: 'strip \' or " ; unbalanced = error row',
    statement: "COPY t FROM 'f' REMOVEQUOTES MAXERROR 10",
    run: { input: '1|"x|y\n2|x|y\n', rows: ['2 | x | y'] },
  },
  {
    sentence: 'blanks between delimiter and quote are ignored',
    statement: "COPY t FROM 'f' CSV DIALECT 'redshift'",
    run: { input: '1, "x,y" ,  z\n', rows: ['1 | x,y |   z'] },
  },
  {
    sentence: 'single ASCII or octal `\\ddd`',
    statement: "COPY t FROM 'f' DELIMITER ';' DIALECT 'redshift'",
    run: { input: '1;x|y;z\n', rows: ['1 | x|y | z'] },
  },
  ...['GZIP', 'BZIP2', 'ZSTD'].map(
    (word): RunCase => ({
      sentence: 'GZIP, BZIP2, LZOP, ZSTD',
      statement: `COPY t FROM 'f' CSV ${word}`,
      run: {
        input: '1,x,y\n2,x,y\n3,x,y\n',
        error: ['22P04', `file "f" is no valid ${word.toLowerCase()} data`],
        idle: { CSV: idle.error },
      },
    }),
  ),
  {
    sentence: 'skip n lines in *every* file',
    statement: "COPY t FROM 's3://b/m' CSV IGNOREHEADER 1",
    run: { input: 'h\n1,x,y\n', objects: ['m/a.csv', 'm/b.csv'], rows: ['1 | x | y', '1 | x | y'] },
  },
  {
    sentence: 'map to named credential; refuse secrets inline by default',
    statement: "COPY t FROM 's3://b/m' CSV CREDENTIALS 'my_connection'",
    run: { regional: true, input: '1,x,y\n', objects: ['m/a.csv'], rows: ['1 | x | y'] },
  },
  {
    sentence: "IAM_ROLE 'arn' / default",
    statement: "COPY t FROM 's3://b/m' CSV IAM_ROLE 'arn:aws:iam::123456789012:role/reader'",
    run: {
      input: '1,x,y\n',
      objects: ['m/a.csv'],
      rows: ['1 | x | y'],
      idle: { IAM_ROLE: 'the keys of the environment may read it, too' },
    },
  },
  {
    sentence: 'load fails when errors are **n or more**; 0 and 1 both mean first error; default 0, max 100000',
    statement: "COPY t FROM 'f' MAXERROR 2",
    run: { input: '?|x|y\n1|x|y\n', rows: ['1 | x | y'] },
  },
  ...['MAXERROR 0', 'MAXERROR 1'].map(
    (option): RunCase => ({
      sentence: 'load fails when errors are **n or more**; 0 and 1 both mean first error; default 0, max 100000',
      statement: `COPY t FROM 'f' DIALECT 'redshift' ${option}`,
      run: {
        input: '?|x|y\n1|x|y\n',
        error: ['22P02', 'invalid input syntax for type integer: "?"'],
        idle: { MAXERROR: idle.default },
      },
    }),
  ),
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM 'f' DATEFORMAT 'DD/MM/YYYY'",
    run: { table: 'a date, b text', input: '31/01/2024|x\n', rows: ['2024-01-31 | x'] },
  },
  {
    sentence: 'unparsable date/timestamp -> NULL, no error',
    statement: "COPY t FROM 'f' ACCEPTANYDATE",
    run: {
      table: 'a timestamp, b int',
      input: 'some day|1\n',
      rows: ['NULL | 1'],
      leaves: { receipt: { rowsReplaced: 1 } },
    },
  },
  {
    sentence: 'each invalid UTF-8 char replaced by **as many** c as bytes; default `?`; VARCHAR only; counted',
    statement: "COPY t FROM 'f' ACCEPTINVCHARS",
    run: {
      input: Buffer.from('1|x\xe4\xb8|y\n', 'latin1'),
      rows: ['1 | x?? | y'],
      leaves: { receipt: { bytesReplaced: 2 } },
    },
  },
  {
    sentence: "default `\\N`; `'\\0'` allowed",
    statement: "COPY t FROM 'f' NULL AS 'na' DIALECT 'redshift'",
    run: { input: '1|na|\\N\n', rows: ['1 | NULL | \\\\N'] },
  },
  {
    sentence: 'empty CHAR/VARCHAR -> NULL (other types always)',
    statement: "COPY t FROM 'f' EMPTYASNULL",
    run: { input: '|| \n', rows: ['NULL | NULL |  '] },
  },
  {
    sentence: 'all-whitespace CHAR/VARCHAR -> NULL',
    statement: "COPY t FROM 'f' BLANKSASNULL",
    run: { input: '1| \t |x \n', rows: ['1 | NULL | x '] },
  },
  {
    sentence: 'strip *trailing* whitespace, VARCHAR',
    statement: "COPY t FROM 'f' TRIMBLANKS",
    run: { input: '1| x |y \n', rows: ['1 |  x | y'] },
  },
  {
    sentence: "missing trailing fields -> NULL / ''",
    statement: "COPY t FROM 'f' FILLRECORD",
    run: { table: 'a text, b int, c text', input: 'x\n', rows: ["x | NULL | ''"] },
  },
  {
    sentence: "missing trailing fields -> NULL / ''",
    statement: "COPY t FROM 'f' FILLRECORD EMPTYASNULL",
    run: { input: '1\n', rows: ['1 | NULL | NULL'] },
  },
  {
    sentence: '**flag**: backslash escapes next char (PG: takes a char)',
    statement: "COPY t FROM 'f' ESCAPE",
    run: { input: '1|x\\ny|z\\\nw\n', rows: ['1 | xny | z\\nw'] },
  },
  {
    sentence: 'UTF16 needs BOM',
    statement: "COPY t FROM 'f' ENCODING UTF16",
    run: {
      input: Buffer.from('1|ü|y\n', 'utf16le'),
      error: ['22021', 'the input in encoding "UTF16" does not begin with a byte order mark'],
    },
  },
  {
    sentence: 'UTF8, UTF16, UTF16LE, UTF16BE',
    statement: "COPY t FROM 'f' ENCODING UTF16BE",
    run: { input: Buffer.from('1|ü|y\n', 'utf16le').swap16(), rows: ['1 | ü | y'] },
  },
  {
    sentence: 'load IDENTITY columns',
    statement: "COPY t FROM 'f' EXPLICIT_IDS",
    run: {
      only: 'postgres',
      table: 'a int GENERATED ALWAYS AS IDENTITY, b text',
      input: '7|x\n',
      rows: ['7 | x'],
    },
  },
  {
    sentence: 'load IDENTITY columns',
    statement: "COPY t FROM 'f' DIALECT 'redshift'",
    run: {
      only: 'postgres',
      table: 'a int GENERATED ALWAYS AS IDENTITY, b text',
      input: 'x\n',
      rows: ['1 | x'],
    },
  },
  {
    sentence: 'unlimited; not with MAXERROR; not for columnar',
    statement: "COPY t FROM 's3://b/k' FORMAT AS PARQUET IGNOREALLERRORS",
    remark: 'values of Parquet files that do not fit their columns are errors like any other.',
    run: {
      ...parquet,
      table: 'a int, b int, c text',
      objects: ['k/a.parquet'],
      rows: [],
      leaves: { receipt: { rowsRejected: 1 } },
    },
  },
  {
    sentence: 'each invalid UTF-8 char replaced by **as many** c as bytes; default `?`; VARCHAR only; counted',
    statement: "COPY t FROM 'f' DIALECT 'redshift' ACCEPTINVCHARS AS '5'",
    remark: 'in a column of another type the value does not fit, with or without it.',
    run: {
      input: Buffer.from('1\xff|x|y\n', 'latin1'),
      error: ['22P02', 'invalid input syntax for type integer: "1\ufffd"'],
    },
  },
]

export const materializeRuns: Runs = {
  "COPY INTO csv_table FROM 's3://example_bucket' (FORMAT CSV, AWS CONNECTION = example_aws_conn, FILES = ['example_data.csv']);":
    { regional: true, input: '1,x,y\n', objects: ['example_data.csv', 'other.csv'], rows: ['1 | x | y'] },
  "COPY INTO csv_table FROM 's3://example_bucket/example_data.csv' (FORMAT CSV, AWS CONNECTION = example_aws_conn);": {
    regional: true,
    input: '1,x,y\n',
    objects: ['example_data.csv', 'example_data.csv.old'],
    rows: ['1 | x | y'],
  },
  "COPY INTO parquet_table FROM 's3://example_bucket' (FORMAT PARQUET, AWS CONNECTION = example_aws_conn, PATTERN = '*parquet*');":
    {
      regional: true,
      ...parquet,
      objects: ['a.parquet'],
      beside: { 'b.csv': '1,x,y\n' },
      rows: ['1 | x | y'],
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
  {
    sentence: "correlate the inserted rows' columns to `<table_name>`'s columns by ordinal position",
    statement: 'COPY INTO t (c, a) FROM STDIN',
    run: { input: 'y\t1\n', rows: ['1 | NULL | y'] },
  },
  {
    sentence:
      'If not specified, all columns must have data provided, and will be referenced using their order in the table.',
    statement: 'COPY INTO t FROM STDIN',
    run: { input: '1\tx\n', error: ['22P04', 'missing data for column "c"'] },
  },
  {
    sentence: 'Valid input formats are `TEXT` and `CSV`.',
    statement: 'COPY INTO t FROM STDIN (FORMAT = TEXT)',
    run: { input: '1\tx\ty\n', rows: ['1 | x | y'], idle: { FORMAT: idle.default } },
  },
  {
    sentence: 'Default: A tab character in `TEXT` format, a comma in `CSV` format.',
    statement: 'COPY INTO t FROM STDIN (FORMAT = CSV)',
    run: { input: '1,x\ty,z\n', rows: ['1 | x\\ty | z'] },
  },
  {
    sentence: 'A single-quoted one-byte character to use as the column delimiter.',
    statement: "COPY INTO t FROM STDIN (FORMAT CSV, DELIMITER ';')",
    run: { input: '1;"x;y";z\n', rows: ['1 | x;y | z'] },
  },
  {
    sentence: 'Default: `\\N` (backslash-N) in text format, an unquoted empty string in CSV format.',
    statement: 'COPY INTO t FROM STDIN',
    run: { input: '1\t\\N\t\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: 'Default: `\\N` (backslash-N) in text format, an unquoted empty string in CSV format.',
    statement: 'COPY INTO t FROM STDIN (FORMAT CSV)',
    run: { input: '1,,""\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: 'The first line is ignored on input.',
    statement: 'COPY INTO t FROM STDIN (FORMAT CSV, HEADER)',
    run: { input: 'no,such,names\n1,x,y\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'The first line is ignored on input. <br><br> Default: `false`.',
    statement: 'COPY INTO t FROM STDIN (FORMAT CSV, HEADER = false)',
    run: {
      input: 'a,b,c\n',
      error: ['22P02', 'invalid input syntax for type integer: "a"'],
      idle: { HEADER: idle.default },
    },
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
  'COPY t FROM STDIN (FORMAT csv, FORCE_NULL *, FORCE_NOT_NULL (b))': { input: '1,,""\n', rows: ["1 | '' | NULL"] },
  'COPY t FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 5)': {
    input: `?\tx\ty\n${text.input}`,
    rows: ['1 | x | y'],
    idle: { REJECT_LIMIT: 'it is not reached' },
  },
  'COPY t FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY silent)': {
    input: `?\tx\ty\n${text.input}`,
    rows: ['1 | x | y'],
    leaves: { printed: [] },
  },
  'COPY t FROM STDIN (ON_ERROR set_null)': { input: '?\tx\ty\n', rows: ['NULL | x | y'] },
}

const notKept = ['1 of 2 rows rejected', '  not kept; --rejects FILE writes them to a file']

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
    run: { input: '1\tx\n', error: ['22P04', 'missing data for column "c"'], idle: { ON_ERROR: idle.shown } },
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
  {
    sentence: 'default text; delimiter tab (text) or comma (csv)',
    statement: 'COPY t FROM STDIN (FORMAT text)',
    run: { input: text.input, rows: ['1 | x | y'], idle: { FORMAT: idle.default } },
  },
  {
    sentence: 'default text; delimiter tab (text) or comma (csv)',
    statement: 'COPY t FROM STDIN (FORMAT csv)',
    run: { input: '1,"x\ny",z\n', rows: ['1 | x\\ny | z'] },
  },
  {
    sentence: 'FORMAT text/csv/binary',
    statement: 'COPY t FROM STDIN (FORMAT binary)',
    run: {
      table: 'a int',
      input: Buffer.from('5047434f50590aff0d0a00000000000000000000010000000400000007ffff', 'hex'),
      rows: ['7'],
    },
  },
  {
    sentence: 'DELIMITER one single-byte char',
    statement: "COPY t FROM STDIN (DELIMITER ';')",
    run: { input: '1;x\\;y;z\n', rows: ['1 | x;y | z'] },
  },
  {
    sentence: 'DELIMITER one single-byte char',
    statement: "COPY t FROM STDIN (FORMAT csv, DELIMITER '|')",
    run: { input: '1|"x|y"|z\n', rows: ['1 | x|y | z'] },
  },
  {
    sentence: 'default `\\N` (text), *unquoted* empty (csv)',
    statement: 'COPY t FROM STDIN',
    run: { input: '1\t\\N\t\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: 'default `\\N` (text), *unquoted* empty (csv)',
    statement: 'COPY t FROM STDIN (FORMAT csv)',
    run: { input: '1,,""\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: "NULL 's'",
    statement: "COPY t FROM STDIN (FORMAT csv, NULL 'NA')",
    run: { input: '1,NA,"NA"\n', rows: ['1 | NULL | NA'] },
  },
  {
    sentence: "field equal to s takes the column's DEFAULT; distinct from NULL string",
    statement: "COPY t FROM STDIN (FORMAT csv, DEFAULT 'd')",
    run: { table: "a int, b text DEFAULT 'z', c text DEFAULT 'z'", input: '1,d,\n', rows: ['1 | z | NULL'] },
  },
  {
    sentence: "HEADER [bool | MATCH] | QUOTE 'c' | ESCAPE 'c'",
    statement: "COPY t FROM STDIN (FORMAT csv, QUOTE '~')",
    run: { input: '1,~x,~~y~,"\n', rows: ['1 | x,~y | "'] },
  },
  {
    sentence: "HEADER [bool | MATCH] | QUOTE 'c' | ESCAPE 'c'",
    statement: "COPY t FROM STDIN (FORMAT csv, ESCAPE '\\')",
    run: { input: '1,"x\\"y\\\\",z\n', rows: ['1 | x"y\\\\ | z'] },
  },
  {
    sentence: "HEADER [bool | MATCH] | QUOTE 'c' | ESCAPE 'c'",
    statement: "COPY t FROM STDIN (FORMAT csv, QUOTE '~', ESCAPE '!')",
    run: { input: '1,~x!~!!y~,z\n', rows: ['1 | x~!y | z'] },
  },
  {
    sentence: "HEADER [bool | MATCH] | QUOTE 'c' | ESCAPE 'c'",
    statement: 'COPY t FROM STDIN (HEADER)',
    run: { input: `h\n${text.input}`, rows: ['1 | x | y'] },
  },
  {
    sentence: 'number and names must equal the column list *in order*, otherwise error',
    statement: 'COPY t (b, a) FROM STDIN (FORMAT csv, HEADER MATCH)',
    run: { input: 'b,a\nx,1\n', rows: ['1 | x | NULL'] },
  },
  {
    sentence: 'number and names must equal the column list *in order*, otherwise error',
    statement: 'COPY t FROM STDIN (HEADER MATCH)',
    run: {
      input: 'a\tb\n',
      error: ['22P04', 'wrong number of fields in header line: got 2, expected 3'],
    },
  },
  {
    sentence: 'csv FROM: never match NULL / match NULL even when quoted',
    statement: 'COPY t FROM STDIN (FORMAT csv, FORCE_NOT_NULL (b))',
    run: { input: '1,,\n', rows: ["1 | '' | NULL"] },
  },
  {
    sentence: 'csv FROM: never match NULL / match NULL even when quoted',
    statement: 'COPY t (b, c) FROM STDIN (FORMAT csv, FORCE_NOT_NULL *)',
    run: { input: ',\n', rows: ["NULL | '' | ''"] },
  },
  {
    sentence: 'csv FROM: never match NULL / match NULL even when quoted',
    statement: 'COPY t FROM STDIN (FORMAT csv, FORCE_NULL (b))',
    run: { input: '1,"",""\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: 'ON_ERROR stop / ignore',
    statement: 'COPY t FROM STDIN (ON_ERROR stop)',
    run: {
      input: `${text.input}?\tx\ty\n`,
      error: ['22P02', 'invalid input syntax for type integer: "?"'],
      idle: { ON_ERROR: idle.default },
    },
  },
  {
    sentence: 'ON_ERROR stop / ignore',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore)',
    run: { input: `?\tx\ty\n${text.input}`, rows: ['1 | x | y'], leaves: { receipt: { rowsRejected: 1 } } },
  },
  {
    sentence: 'too few/many columns, bad encoding, constraint violations still fail',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore)',
    run: {
      input: '1\tx\ty\tz\n',
      error: ['22P04', 'extra data after last expected column'],
      idle: { ON_ERROR: idle.shown },
    },
  },
  {
    sentence: 'too few/many columns, bad encoding, constraint violations still fail',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore)',
    run: {
      input: Buffer.from('1\t\xff\ty\n', 'latin1'),
      error: ['22021', 'invalid byte sequence for encoding "UTF8": 0xff'],
      idle: { ON_ERROR: idle.shown },
    },
  },
  {
    sentence: 'too few/many columns, bad encoding, constraint violations still fail',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore)',
    run: {
      table: 'a int, b text NOT NULL',
      input: '1\t\\N\n',
      error: notNull('b'),
      idle: { ON_ERROR: idle.shown },
    },
  },
  {
    sentence: 'bad column -> NULL; NOT NULL columns/domains still raise',
    statement: 'COPY t FROM STDIN (ON_ERROR set_null)',
    run: {
      table: 'a int NOT NULL, b int',
      input: '?\t1\n',
      error: notNull('a'),
    },
  },
  {
    sentence: 'fails when errors are **more than** n; without it unlimited',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, REJECT_LIMIT 2)',
    run: {
      input: `?\tx\ty\n!\tx\ty\n${text.input}`,
      rows: ['1 | x | y'],
      idle: { REJECT_LIMIT: 'it is not exceeded' },
    },
  },
  {
    sentence: 'fails when errors are **more than** n; without it unlimited',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore)',
    run: { input: `${'?\tx\ty\n'.repeat(3)}${text.input}`, rows: ['1 | x | y'] },
  },
  {
    sentence: 'default: one NOTICE with the ignored count',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY default)',
    run: {
      input: `?\tx\ty\n${text.input}`,
      rows: ['1 | x | y'],
      leaves: { printed: notKept },
      idle: { LOG_VERBOSITY: idle.default },
    },
  },
  {
    sentence: 'verbose: plus one NOTICE per row with line, column, value',
    statement: 'COPY t FROM STDIN (ON_ERROR ignore, LOG_VERBOSITY verbose)',
    run: {
      input: `?\tx\ty\n${text.input}`,
      rows: ['1 | x | y'],
      leaves: {
        printed: ['NOTICE:  skipping row due to data type incompatibility at line 1 for column "a": "?"', ...notKept],
      },
    },
  },
  {
    sentence: 'LOG_VERBOSITY v',
    statement: 'COPY t FROM STDIN (ON_ERROR set_null, LOG_VERBOSITY verbose)',
    run: {
      input: '?\tx\ty\n',
      rows: ['NULL | x | y'],
      leaves: {
        printed: [
          'NOTICE:  setting to null due to data type incompatibility at line 1 for column "a": "?"',
          '1 row loaded with NULL or a default in place of a value that did not fit',
        ],
      },
    },
  },
  {
    sentence: "REJECT_LIMIT n | ENCODING 'e'",
    statement: "COPY t FROM STDIN (ENCODING 'latin1')",
    run: { input: Buffer.from('1\t\xfc\ty\n', 'latin1'), rows: ['1 | ü | y'] },
  },
  {
    sentence: 'no longer end-of-data inside CSV *files*; still for inline psql data',
    statement: "COPY t FROM 'f' (FORMAT csv)",
    run: { table: 'a text', input: 'x\n\\.\ny\n', rows: ['x', '\\\\.', 'y'] },
  },
  {
    sentence: 'no longer end-of-data inside CSV *files*; still for inline psql data',
    statement: "COPY t FROM 'f'",
    remark: 'in text it ends the data, as before.',
    run: { table: 'a text', input: 'x\n\\.\n', rows: ['x'] },
  },
  {
    sentence: 'no subqueries/volatile surprises',
    statement: 'COPY t FROM STDIN WHERE a > (SELECT 1)',
    run: { input: text.input, error: ['0A000', 'cannot use subquery in COPY FROM WHERE condition'] },
  },
]
