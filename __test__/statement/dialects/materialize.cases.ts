import type { DialectCase } from './case.ts'

/** `spec/materialize-copy-from.md`. */
export const materializeCases: readonly DialectCase[] = [
  {
    sentence: 'COPY [INTO] <table_name> [ ( <column> [, ...] ) ] FROM STDIN',
    statement: 'COPY INTO t (a, b) FROM STDIN WITH (FORMAT = CSV, HEADER = true)',
    options: { format: 'csv', header: 'true' },
  },
  {
    sentence: "COPY t FROM STDIN WITH (DELIMITER '|');",
    statement: "COPY t FROM STDIN WITH (DELIMITER '|');",
    options: { format: 'text', delimiter: '|' },
  },
  {
    sentence: 'COPY t FROM STDIN (FORMAT CSV);',
    statement: 'COPY t FROM STDIN (FORMAT CSV);',
    options: { format: 'csv', delimiter: ',' },
  },
  {
    sentence: "COPY t FROM STDIN (DELIMITER '|');",
    statement: "COPY t FROM STDIN (DELIMITER '|');",
    options: { delimiter: '|' },
  },
  {
    sentence: 'A single-quoted one-byte character to use as the column delimiter. Must be different from `QUOTE`.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', FORMAT CSV, DELIMITER = '\"')",
    error: ['22023', 'COPY delimiter and quote must be different'],
  },
  {
    sentence: '_For `FORMAT CSV` only._ A boolean that specifies that the file contains a header line',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', HEADER)",
    error: ['0A000', 'COPY HEADER is available only in CSV mode'],
  },
  {
    sentence: 'A single-quoted string that represents a _NULL_ value.',
    statement: "COPY t FROM STDIN (NULL = 'NA')",
    options: { null: 'NA' },
  },
  {
    sentence: "Default: `QUOTE`'s value.",
    statement: "COPY t FROM STDIN (FORMAT CSV, QUOTE = '~')",
    options: { quote: '~', escape: '~' },
  },
  {
    sentence:
      "COPY INTO csv_table FROM 's3://example_bucket' (FORMAT CSV, AWS CONNECTION = example_aws_conn, FILES = ['example_data.csv']);",
    statement:
      "COPY INTO csv_table FROM 's3://example_bucket' (FORMAT CSV, AWS CONNECTION = example_aws_conn, FILES = ['example_data.csv']);",
    options: { remote: { connection: 'example_aws_conn', files: ['example_data.csv'] } },
    dialect: 'materialize',
  },
  {
    sentence:
      "COPY INTO csv_table FROM 's3://example_bucket/example_data.csv' (FORMAT CSV, AWS CONNECTION = example_aws_conn);",
    statement:
      "COPY INTO csv_table FROM 's3://example_bucket/example_data.csv' (FORMAT CSV, AWS CONNECTION = example_aws_conn);",
    options: { remote: { connection: 'example_aws_conn' } },
    dialect: 'materialize',
  },
  {
    sentence:
      "COPY INTO parquet_table FROM 's3://example_bucket' (FORMAT PARQUET, AWS CONNECTION = example_aws_conn, PATTERN = '*parquet*');",
    statement:
      "COPY INTO parquet_table FROM 's3://example_bucket' (FORMAT PARQUET, AWS CONNECTION = example_aws_conn, PATTERN = '*parquet*');",
    options: { format: 'parquet', remote: { connection: 'example_aws_conn', pattern: '*parquet*' } },
    dialect: 'materialize',
  },
  {
    sentence: 'A glob used to identify files at at the URI.',
    statement: 'COPY INTO t FROM \'s3://b\' (FORMAT CSV, PATTERN = "files/**")',
    options: { remote: { pattern: 'files/**' } },
  },
  {
    sentence: 'A list of files to be appended to the URI.',
    statement: 'COPY INTO t FROM \'s3://b\' (FORMAT CSV, FILES = [ "top.csv", "files/a.csv", "files/b.csv" ])',
    options: { remote: { files: ['top.csv', 'files/a.csv', 'files/b.csv'] } },
  },
  {
    sentence: '`FORMAT` \\| `CSV`, `PARQUET` \\| None, must be provided',
    statement: "COPY INTO t FROM 's3://b' (AWS CONNECTION = c)",
    error: ['42601', 'COPY needs a FORMAT to read files in Materialize'],
  },
  {
    sentence: '_Only valid with S3._',
    statement: 'COPY INTO t FROM STDIN (FORMAT CSV, AWS CONNECTION = c)',
    error: ['22023', 'COPY AWS CONNECTION cannot be used with FROM STDIN'],
  },
  {
    sentence:
      '_For `FORMAT CSV` only._ A single-quoted one-byte character that specifies the character to signal a quoted string',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', QUOTE = '~')",
    error: ['0A000', 'COPY QUOTE requires CSV mode'],
  },
  {
    sentence: 'A single-quoted one-byte character to use as the column delimiter.',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', DELIMITER = '||')",
    error: ['0A000', 'COPY delimiter must be a single one-byte character'],
  },
  {
    sentence: '_For `FORMAT CSV` only._ A single-quoted string that specifies the character to allow instances',
    statement: "COPY t FROM STDIN (DIALECT 'materialize', ESCAPE = '~')",
    error: ['0A000', 'COPY ESCAPE requires CSV mode'],
  },
]
