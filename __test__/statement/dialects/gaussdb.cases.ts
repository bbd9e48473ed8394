import type { DialectCase } from './case.ts'

const columns = (names: string) => names.split(' ').map((value) => ({ value }))

/** `spec/gaussdb-copy.md`, in its order. */
export const gaussdbCases: readonly DialectCase[] = [
  {
    sentence: 'The fixed formatter syntax is compatible with copy_option but incompatible with option.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) header ignore_extra_data",
    options: { format: 'fixed', header: 'true', ignoreExtraData: true },
    dialect: 'gaussdb',
  },
  {
    sentence: 'The fixed formatter syntax is compatible with copy_option but incompatible with option.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) (header)",
    error: ['42601', 'syntax error at or near "("'],
  },
  {
    sentence: 'copy_option is incompatible with option.',
    statement: "COPY t FROM 'f' CSV (header)",
    error: ['42601', 'syntax error at or near "("'],
  },
  {
    sentence: 'transform is compatible with copy_option and fixed formatter.',
    statement: "COPY t FROM 'f' TRANSFORM (a AS upper(a)) FIXED FORMATTER (a (0, 2)) HEADER SKIP 1",
    options: {
      transform: [{ column: { value: 'a' }, expression: { sql: 'upper(a)' } }],
      fixed: { unit: 'bytes', match: 'name', fields: [{ name: { value: 'a' }, offset: 0, length: 2 }] },
      skip: 1,
    },
  },
  {
    sentence: 'When the column length is fixed, DELIMITER, NULL, and CSV cannot be specified.',
    statement: "COPY t FROM 'f' DELIMITERS ';' FIXED FORMATTER (a (0, 2))",
    error: ['42601', 'cannot specify DELIMITER in FIXED mode'],
  },
  {
    sentence: 'When the column length is fixed, DELIMITER, NULL, and CSV cannot be specified.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) NULL ''",
    error: ['42601', 'cannot specify NULL in FIXED mode'],
  },
  {
    sentence: 'When FIXED is specified, BINARY, CSV, and TEXT cannot be specified by option or copy_option.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) CSV",
    error: ['42601', 'cannot specify CSV in FIXED mode'],
  },
  {
    sentence: 'String that separates columns within each row (line) of the file. It cannot be larger than 10 bytes.',
    statement: "COPY t FROM 'f' USING DELIMITERS '$^&'",
    options: { delimiter: '$^&' },
    dialect: 'gaussdb',
  },
  {
    sentence: 'String that separates columns within each row (line) of the file. It cannot be larger than 10 bytes.',
    statement: "COPY t FROM 'f' DELIMITERS '$$$$$$$$$$$' USEEOF",
    error: ['22023', 'COPY delimiter must have 1 to 10 bytes'],
  },
  {
    sentence:
      'The delimiter in text format cannot include any of the following characters: \\.abcdefghijklmnopqrstuvwxyz0123456789, but has no restriction for the CSV format.',
    statement: "COPY t FROM 'f' DELIMITERS '$a' USEEOF",
    error: ['22023', 'COPY delimiter "$a" cannot contain any of "\\.abcdefghijklmnopqrstuvwxyz0123456789"'],
  },
  {
    sentence:
      'The delimiter in text format cannot include any of the following characters: \\.abcdefghijklmnopqrstuvwxyz0123456789, but has no restriction for the CSV format.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, DELIMITER 'a1.')",
    options: { delimiter: 'a1.' },
  },
  {
    sentence: 'The default value is a tab character in text format and a comma in CSV format.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb')",
    options: { format: 'text', delimiter: '\t', null: '\\N' },
    dialect: 'gaussdb',
  },
  {
    sentence:
      'DELIMITERS can be followed by syntax with bracket, but DELIMITER cannot be directly followed by bracket.',
    statement: "COPY t FROM 'f' DELIMITERS ';' (FORMAT csv)",
    options: { delimiter: ';', format: 'csv' },
  },
  {
    sentence:
      'DELIMITERS can be followed by syntax with bracket, but DELIMITER cannot be directly followed by bracket.',
    statement: "COPY t FROM 'f' DELIMITER ';' (FORMAT csv)",
    error: ['42601', 'syntax error at or near "("'],
  },
  {
    sentence: 'Specifies, in the TEXT format, whether to escape the backslash (\\) and its following characters.',
    statement: "COPY t FROM 'f' WITHOUT ESCAPING (NULL '')",
    options: { backslash: 'none', null: '' },
    dialect: 'gaussdb',
  },
  {
    sentence: 'Value range: text only',
    statement: "COPY t FROM 'f' WITHOUT ESCAPING CSV",
    error: ['0A000', 'COPY NOESCAPING requires TEXT mode'],
  },
  {
    sentence:
      'If this parameter is specified, the error tolerance mechanism for data type errors in the COPY FROM statement is enabled.',
    statement: "COPY t FROM 'f' LOG ERRORS",
    options: { errors: { conversion: 'skip_row', limit: { most: 0 } } },
  },
  {
    sentence: 'LOG ERRORS DATA fills the rawrecord column in the error tolerance table.',
    statement: "COPY t FROM 'f' LOG ERRORS DATA REJECT LIMIT '5'",
    options: { errors: { structure: 'skip_row', limit: { most: 5 } } },
  },
  {
    sentence: 'Value range: a positive integer (1 to INTMAX) or unlimited',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT 'unlimited'",
    options: { errors: { conversion: 'skip_row', structure: 'skip_row', constraint: 'stop', verbosity: 'default' } },
  },
  {
    sentence: 'If LOG ERRORS is not specified, an error will be reported.',
    statement: "COPY t FROM 'f' REJECT LIMIT '5'",
    error: ['42601', 'REJECT LIMIT must be used with LOG ERRORS'],
  },
  {
    sentence: 'The value of length must be larger than 0. The unit is byte.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 0))",
    error: ['22023', 'FORMATTER length of column "a" (0) must be greater than zero'],
  },
  {
    sentence: 'The value of offset must be larger than 0. The unit is byte.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (-1, 2))",
    error: ['42601', 'syntax error at or near "-"'],
  },
  {
    sentence: 'The total length of all columns must be less than 1 GB.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 1000000000), b (1, 100000000))",
    error: ['22023', 'the fields of a fixed-width record must be shorter than 1 GB together'],
  },
  {
    sentence: 'Value range: CSV, TEXT, FIXED, and BINARY',
    statement: "COPY t FROM 'f' (FORMAT fixed, FORMATTER (a (0, 2)), UNIT chars)",
    options: { format: 'fixed', fixed: { unit: 'chars' }, delimiter: '', null: '' },
  },
  {
    sentence: 'Value range: CSV, TEXT, FIXED, and BINARY',
    statement: "COPY t FROM 'f' (FORMAT binary)",
    options: { format: 'binary' },
  },
  {
    sentence: 'The value of delimiter cannot be \\r or \\n.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER E'$\\n')",
    error: ['22023', 'COPY delimiter cannot be newline or carriage return'],
  },
  {
    sentence:
      'A delimiter cannot be the same as the null value. The delimiter for the CSV format cannot be same as the quote value.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER '$$', NULL '$$')",
    error: ['22023', 'COPY delimiter character must not appear in the NULL specification'],
  },
  {
    sentence:
      'A delimiter cannot be the same as the null value. The delimiter for the CSV format cannot be same as the quote value.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, DELIMITER '\"')",
    error: ['22023', 'COPY delimiter and quote must be different'],
  },
  {
    sentence: 'A null value cannot be \\r or \\n. The maximum length is 100 characters.',
    statement: `COPY t FROM 'f' (DIALECT 'gaussdb', NULL '${'x'.repeat(101)}')`,
    error: ['22023', 'COPY null representation must have at most 100 characters'],
  },
  {
    sentence: 'A null value cannot be \\r or \\n. The maximum length is 100 characters.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', NULL E'\\n')",
    error: ['22023', 'COPY null representation cannot use newline or carriage return'],
  },
  {
    sentence: 'A null value cannot be the same as the delimiter or quote value.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, NULL '\"')",
    error: ['22023', 'CSV quote character must not appear in the NULL specification'],
  },
  {
    sentence: 'header is available only for CSV and FIXED files.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', HEADER on)",
    error: ['0A000', 'COPY HEADER is available only in CSV and FIXED mode'],
  },
  {
    sentence: 'The system does not report an error for "\\." in the imported data.',
    statement: "COPY t FROM 'f' USEEOF",
    options: { useEof: true },
  },
  {
    sentence: 'The value of quote must be a single-byte character.',
    statement: "COPY t FROM 'f' CSV USEEOF QUOTE AS '~~'",
    error: ['0A000', 'COPY quote must be a single one-byte character'],
  },
  {
    sentence: 'Specifies an escape character for a CSV file. The value must be a single-byte character.',
    statement: "COPY t FROM 'f' CSV USEEOF ESCAPE AS 'ü'",
    error: ['0A000', 'COPY escape must be a single one-byte character'],
  },
  {
    sentence: 'Value range: multi-character newline characters within 10 bytes.',
    statement: "COPY t FROM 'f' EOL '$#'",
    options: { eol: '$#' },
    dialect: 'gaussdb',
  },
  {
    sentence: 'Value range: multi-character newline characters within 10 bytes.',
    statement: "COPY t FROM 'f' EOL '$$$$$$$$$$$'",
    error: ['22023', 'COPY EOL must have 1 to 10 bytes'],
  },
  {
    sentence:
      'The EOL parameter supports only the TEXT format for data import and export and does not support the CSV or FIXED format for data import.',
    statement: "COPY t FROM 'f' CSV EOL '$#'",
    error: ['0A000', 'COPY EOL requires TEXT mode'],
  },
  {
    sentence: 'The value of EOL cannot be the same as that of the delimiter or null parameter.',
    statement: "COPY t FROM 'f' EOL '$' DELIMITER '$'",
    error: ['22023', 'COPY delimiter and EOL must be different'],
  },
  {
    sentence: 'The value of EOL cannot be the same as that of the delimiter or null parameter.',
    statement: "COPY t FROM 'f' EOL '$' NULL '$'",
    error: ['22023', 'COPY null representation and EOL must be different'],
  },
  {
    sentence: 'The EOL parameter value cannot contain the following characters: .abcdefghijklmnopqrstuvwxyz0123456789.',
    statement: "COPY t FROM 'f' EOL '$a'",
    error: ['22023', 'COPY EOL "$a" cannot contain any of ".abcdefghijklmnopqrstuvwxyz0123456789"'],
  },
  {
    sentence: 'Common newline characters include \\r (0x0D), \\n (0x0A), and \\r\\n (0x0D0A).',
    statement: "COPY t FROM 'f' EOL '0x0D0A'",
    options: { eol: '\r\n' },
  },
  {
    sentence: 'The value of EOL cannot be the same as that of the delimiter or null parameter.',
    statement: "COPY t FROM 'f' EOL '$' NULL 'A$B'",
    error: ['22023', 'COPY null representation cannot contain the EOL'],
  },
  {
    sentence:
      'In CSV COPY TO mode, forces quotation marks to be used for all non-null values in each specified column.',
    statement: "COPY t FROM 'f' CSV FORCE QUOTE a",
    error: ['0A000', 'COPY FORCE_QUOTE cannot be used with COPY FROM'],
  },
  {
    sentence: 'Assigns a value to a specified column in CSV COPY FROM mode.',
    statement: "COPY t FROM 'f' CSV FORCE NOT NULL a, b",
    options: { forceNotNull: columns('a b') },
  },
  {
    sentence: 'extra columns at the end of a row are ignored.',
    statement: "COPY t FROM 'f' IGNORE_EXTRA_DATA",
    options: { ignoreExtraData: true },
  },
  {
    sentence: '\\0 is converted to a space.',
    statement: "COPY t FROM 'f' (COMPATIBLE_ILLEGAL_CHARS true)",
    options: { invalidChars: { replacement: '?', nul: ' ' } },
  },
  {
    sentence: 'If multi is specified, the missing of the last multiple columns are handled in the default mode.',
    statement: "COPY t FROM 'f' FILL_MISSING_FIELDS 'multi'",
    options: { fillMissingFields: 'multi' },
  },
  {
    sentence: 'Specifies the DATE format for data import. The BINARY format is not supported.',
    statement: "COPY t FROM 'f' DATE_FORMAT 'DD.MM.YYYY'",
    options: { dateFormats: { language: 'to_char', date: 'DD.MM.YYYY' } },
    dialect: 'gaussdb',
  },
  {
    sentence: 'error "cannot specify bulkload compatibility options in BINARY mode" will occur.',
    statement: "COPY t FROM 'f' BINARY DATE_FORMAT 'DD.MM.YYYY'",
    error: ['42601', 'cannot specify bulkload compatibility options in BINARY mode'],
  },
  {
    sentence: 'Value range: a valid TIME value. Time zones cannot be used.',
    statement: "COPY t FROM 'f' TIME_FORMAT 'HH24.MI TZH'",
    remark: 'columns that have a zone take one.',
    options: { dateFormats: { time: 'HH24.MI TZH' } },
  },
  {
    sentence: 'Specifies the TIME format for data import. The BINARY format is not supported.',
    statement: "COPY t FROM 'f' (TIME_FORMAT 'HH24.MI')",
    options: { dateFormats: { time: 'HH24.MI' } },
  },
  {
    sentence: 'Value range: a valid TIMESTAMP value. Time zones cannot be used.',
    statement: "COPY t FROM 'f' TIMESTAMP_FORMAT '%d.%m.%Y %H:%M:%S%z'",
    remark: 'columns that have a zone take one.',
    options: { dateFormats: { timestamp: '%d.%m.%Y %H:%M:%S%z' } },
  },
  {
    sentence: 'Value range: a valid TIMESTAMP value. Time zones cannot be used.',
    statement: "COPY t FROM 'f' (TIMESTAMP_FORMAT 'YYYY \"of\" HH24')",
    options: { dateFormats: { timestamp: 'YYYY "of" HH24' } },
  },
  {
    sentence: 'Specifies the SMALLDATETIME format for data import. The BINARY format is not supported.',
    statement: "COPY t FROM 'f' SMALLDATETIME_FORMAT 'DD.MM.YYYY HH24:MI'",
    options: { dateFormats: { smalldatetime: 'DD.MM.YYYY HH24:MI' } },
  },
  {
    sentence: 'Specifies a file that defines the content in the header for exported data.',
    statement: "COPY t FROM 'f' CSV HEADER FILEHEADER '/h'",
    error: ['0A000', 'COPY FILEHEADER cannot be used with COPY FROM'],
  },
  {
    sentence: 'Sets the COPY loaded data row as frozen, like these data have executed VACUUM FREEZE.',
    statement: "COPY t FROM 'f' FREEZE",
    options: { freeze: true },
  },
  {
    sentence: 'OIDS [ boolean ]',
    statement: "COPY t FROM 'f' OIDS",
    error: ['0A000', 'COPY OIDS is not supported'],
  },
  {
    sentence: 'In binary mode, you cannot declare DELIMITER, NULL, or CSV.',
    statement: "COPY t FROM 'f' BINARY NULL 'x'",
    error: ['42601', 'cannot specify NULL in BINARY mode'],
  },
  {
    sentence: 'Specify the conversion expression of each column in the table.',
    statement:
      "COPY t FROM 'f' TRANSFORM (a numeric(10, 2) AS a * 2, b timestamp with time zone, c AS coalesce(c, ')'))",
    options: {
      transform: [
        { column: { value: 'a' }, type: { sql: 'numeric(10, 2)' }, expression: { sql: 'a * 2' } },
        { column: { value: 'b' }, type: { sql: 'timestamp with time zone' } },
        { column: { value: 'c' }, expression: { sql: "coalesce(c, ')')" } },
      ],
    },
  },
  {
    sentence: 'column expressions do not support subqueries.',
    statement: "COPY t FROM 'f' TRANSFORM (a AS (SELECT 1))",
    error: ['0A000', 'cannot use subquery in TRANSFORM expression'],
  },
  {
    sentence: 'Specifies that the first int_number rows of the data file are skipped during data import.',
    statement: "COPY t FROM 'f' SKIP 3",
    options: { skip: 3 },
  },
  {
    sentence: 'Only the rows that meet the WHEN condition are imported to the table.',
    statement: "COPY t FROM 'f' WHEN (1-4) = 'DATA'",
    options: { when: { subject: { kind: 'range', start: 1, end: 4 }, operator: '=', value: 'DATA' } },
  },
  {
    sentence: 'Only the rows that meet the WHEN condition are imported to the table.',
    statement: "COPY t FROM 'f' WHEN kind!='x' CSV",
    options: { when: { subject: { kind: 'column', name: { value: 'kind' } }, operator: '!=', value: 'x' } },
  },
  {
    sentence: 'If incr is not specified, the values are incremented from 1 by default.',
    statement: "COPY t FROM 'f' SEQUENCE (a (100), b (-1, -2))",
    options: {
      sequence: [
        { column: { value: 'a' }, start: 100, increment: 1 },
        { column: { value: 'b' }, start: -1, increment: -2 },
      ],
    },
  },
  {
    sentence: 'To use FILLER, you need to specify the list of columns to be copied.',
    statement: "COPY t (a, unused, b) FROM 'f' FILLER (unused)",
    options: { filler: columns('unused') },
  },
  {
    sentence: 'To use FILLER, you need to specify the list of columns to be copied.',
    statement: "COPY t FROM 'f' FILLER (unused)",
    error: ['42601', 'FILLER needs a list of columns'],
  },
  {
    sentence: 'data is processed based on the position of the filler column in the column list.',
    statement: "COPY t (a, b) FROM 'f' FILLER (unused)",
    error: ['42P10', 'FILLER column "unused" not referenced by COPY'],
  },
  {
    sentence: 'constant_string is used to assign a value to the column.',
    statement: "COPY t FROM 'f' CONSTANT (a 'it''s', b '')",
    options: {
      constant: [
        { column: { value: 'a' }, value: "it's" },
        { column: { value: 'b' }, value: '' },
      ],
    },
  },
  {
    sentence: 'Specifies the name of a file encoding format.',
    statement: "COPY t FROM 'f' ENCODING 'utf8'",
    options: { encoding: 'UTF8' },
  },
  {
    sentence: 'Value range: CSV, TEXT, FIXED, and BINARY',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT 'text')",
    options: { format: 'text', delimiter: '\t' },
  },
  {
    sentence: 'The value of delimiter cannot be \\r or \\n.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER E'\\r')",
    error: ['22023', 'COPY delimiter cannot be newline or carriage return'],
  },
  {
    sentence:
      'The delimiter for the TEXT format data cannot contain lowercase letters, digits, or special characters (.\\).',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER '$1')",
    error: ['22023', 'COPY delimiter "$1" cannot contain any of "\\.abcdefghijklmnopqrstuvwxyz0123456789"'],
  },
  {
    sentence: 'Value range: a multi-character delimiter within 10 bytes',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER '')",
    error: ['22023', 'COPY delimiter must have 1 to 10 bytes'],
  },
  {
    sentence: 'No delimiter in FIXED format',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) DELIMITER ';'",
    error: ['42601', 'cannot specify DELIMITER in FIXED mode'],
  },
  {
    sentence: 'A null value cannot be the same as the delimiter or quote value.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, NULL ';', DELIMITER ';')",
    error: ['22023', 'COPY delimiter character must not appear in the NULL specification'],
  },
  {
    sentence: 'A null value cannot be \\r or \\n. The maximum length is 100 characters.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', NULL E'\\r')",
    error: ['22023', 'COPY null representation cannot use newline or carriage return'],
  },
  {
    sentence: 'The value of quote cannot be the same as that of the delimiter or null parameter.',
    statement: "COPY t FROM 'f' CSV QUOTE '~' DELIMITER '~'",
    error: ['22023', 'COPY delimiter and quote must be different'],
  },
  {
    sentence: 'The value of quote cannot be the same as that of the delimiter or null parameter.',
    statement: "COPY t FROM 'f' CSV QUOTE '~' NULL '~'",
    error: ['22023', 'CSV quote character must not appear in the NULL specification'],
  },
  {
    sentence:
      'The EOL parameter supports only the TEXT format for data import and export and does not support the CSV or FIXED format for data import.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) EOL '$#'",
    error: ['0A000', 'COPY EOL requires TEXT mode'],
  },
  {
    sentence:
      'In CSV COPY TO mode, forces quotation marks to be used for all non-null values in each specified column.',
    statement: "COPY t FROM 'f' (FORMAT csv, FORCE_QUOTE (a))",
    error: ['0A000', 'COPY FORCE_QUOTE cannot be used with COPY FROM'],
  },
  {
    sentence:
      'after invalid characters such as NULL, DELIMITER, QUOTE, and ESCAPE are converted to spaces or question marks, an error message stating "illegal chars conversion may confuse COPY escape 0x20" will be displayed',
    statement: "COPY t FROM 'f' CSV ESCAPE ' ' COMPATIBLE_ILLEGAL_CHARS",
    error: ['42601', 'illegal chars conversion may confuse COPY escape 0x20'],
  },
  {
    sentence:
      'after invalid characters such as NULL, DELIMITER, QUOTE, and ESCAPE are converted to spaces or question marks, an error message stating "illegal chars conversion may confuse COPY escape 0x20" will be displayed',
    statement: "COPY t FROM 'f' CSV NULL '?' COMPATIBLE_ILLEGAL_CHARS",
    error: ['42601', 'illegal chars conversion may confuse COPY null 0x3f'],
  },
  {
    sentence:
      'after invalid characters such as NULL, DELIMITER, QUOTE, and ESCAPE are converted to spaces or question marks, an error message stating "illegal chars conversion may confuse COPY escape 0x20" will be displayed',
    statement: "COPY t FROM 'f' DELIMITER '?' COMPATIBLE_ILLEGAL_CHARS",
    error: ['42601', 'illegal chars conversion may confuse COPY delimiter 0x3f'],
  },
  {
    sentence:
      'after invalid characters such as NULL, DELIMITER, QUOTE, and ESCAPE are converted to spaces or question marks, an error message stating "illegal chars conversion may confuse COPY escape 0x20" will be displayed',
    statement: "COPY t FROM 'f' CSV QUOTE '?' COMPATIBLE_ILLEGAL_CHARS",
    error: ['42601', 'illegal chars conversion may confuse COPY quote 0x3f'],
  },
  ...(
    [
      [
        'COMPATIBLE_ILLEGAL_CHARS',
        'Invalid characters are converted and then imported to the database. No error is reported and the import is not interrupted. The BINARY format is not supported.',
      ],
      ["TIME_FORMAT 'HH24:MI'", 'Specifies the TIME format for data import. The BINARY format is not supported.'],
      [
        "TIMESTAMP_FORMAT 'YYYY'",
        'Specifies the TIMESTAMP format for data import. The BINARY format is not supported.',
      ],
      [
        "SMALLDATETIME_FORMAT 'YYYY-MM-DD HH24:MI'",
        'Specifies the SMALLDATETIME format for data import. The BINARY format is not supported.',
      ],
    ] as const
  ).map(
    ([option, sentence]): DialectCase => ({
      sentence,
      statement: `COPY t FROM 'f' BINARY ${option}`,
      error: ['42601', 'cannot specify bulkload compatibility options in BINARY mode'],
    }),
  ),
  {
    sentence: 'Value range: a valid DATE value',
    statement: "COPY t FROM 'f' DATE_FORMAT 'DD.MM'",
    error: ['22023', 'COPY DATE_FORMAT "DD.MM" has no year'],
  },
  {
    sentence: 'OIDS [ boolean ]',
    statement: "COPY t FROM 'f' (OIDS true)",
    error: ['0A000', 'COPY OIDS is not supported'],
  },
  {
    sentence: 'In binary mode, you cannot declare DELIMITER, NULL, or CSV.',
    statement: "COPY t FROM 'f' BINARY DELIMITER ','",
    error: ['42601', 'cannot specify DELIMITER in BINARY mode'],
  },
  {
    sentence: 'When BINARY is specified, CSV, FIXED, and TEXT cannot be specified through option or copy_option.',
    statement: "COPY t FROM 'f' BINARY CSV",
    error: ['42601', 'conflicting or redundant options'],
  },
  {
    sentence: 'When BINARY is specified, CSV, FIXED, and TEXT cannot be specified through option or copy_option.',
    statement: "COPY t FROM 'f' BINARY FIXED FORMATTER (a (0, 2))",
    error: ['42601', 'cannot specify BINARY in FIXED mode'],
  },
  {
    sentence: 'When CSV is specified, BINARY, FIXED, and TEXT cannot be specified through option or copy_option.',
    statement: "COPY t FROM 'f' CSV BINARY",
    error: ['42601', 'conflicting or redundant options'],
  },
  {
    sentence:
      'Used with the LOG ERROR parameter to set the upper limit of the tolerated errors in the COPY FROM statement.',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT '0'",
    error: ['22023', 'REJECT LIMIT (0) must be greater than zero'],
  },
  // Its examples, as they are written.
  {
    sentence: 'COPY tpcds.ship_mode_t1 FROM stdin;',
    statement: 'COPY tpcds.ship_mode_t1 FROM stdin;',
    options: { format: 'text' },
  },
  {
    sentence: "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat';",
    statement: "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat';",
    options: { format: 'text' },
  },
  {
    sentence: "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' TRANSFORM (SM_TYPE AS LEFT(SM_TYPE, 10));",
    statement: "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' TRANSFORM (SM_TYPE AS LEFT(SM_TYPE, 10));",
    options: { transform: [{ column: { value: 'sm_type' }, expression: { sql: 'LEFT(SM_TYPE, 10)' } }] },
  },
  {
    sentence:
      "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' WITH(format 'text', delimiter E'\\t', ignore_extra_data 'true', noescaping 'true');",
    statement:
      "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' WITH(format 'text', delimiter E'\\t', ignore_extra_data 'true', noescaping 'true');",
    options: { format: 'text', delimiter: '\t', ignoreExtraData: true, backslash: 'none' },
    dialect: 'gaussdb',
  },
  {
    sentence:
      "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' FIXED FORMATTER(SM_SHIP_MODE_SK(0, 2), SM_SHIP_MODE_ID(2,16), SM_TYPE(18,30), SM_CODE(50,10), SM_CARRIER(61,20), SM_CONTRACT(82,20)) header ignore_extra_data;",
    statement:
      "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' FIXED FORMATTER(SM_SHIP_MODE_SK(0, 2), SM_SHIP_MODE_ID(2,16), SM_TYPE(18,30), SM_CODE(50,10), SM_CARRIER(61,20), SM_CONTRACT(82,20)) header ignore_extra_data;",
    options: {
      format: 'fixed',
      header: 'true',
      ignoreExtraData: true,
      fixed: { fields: [{ offset: 0 }, { offset: 2 }, { offset: 18 }, { offset: 50 }, { offset: 61 }, { length: 20 }] },
    },
  },
]
