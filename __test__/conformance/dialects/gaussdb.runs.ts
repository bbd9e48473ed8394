import { idle, notFrozen, notNull, type RunCase, type Runs } from './run.ts'

const row = '1\tx\ty\n'

/** The table of the document's examples. */
const shipMode = `SM_SHIP_MODE_SK INTEGER NOT NULL, SM_SHIP_MODE_ID CHAR(16) NOT NULL, SM_TYPE CHAR(30), SM_CODE CHAR(10),
  SM_CARRIER CHAR(20), SM_CONTRACT CHAR(20)`
const shipped = '1 | AAAAAAAABAAAAAAA | EXPRESS | AIR | UPS | YvxVaJI10'
const shipRow = shipped.replaceAll(' | ', '\t')
const fixedRow = [
  ['1', 2],
  ['AAAAAAAABAAAAAAA', 16],
  ['EXPRESS', 30],
  ['', 2],
  ['AIR', 10],
  ['', 1],
  ['UPS', 20],
  ['', 1],
  ['YvxVaJI10', 20],
]
  .map(([text, width]) => String(text).padEnd(Number(width)))
  .join('')

/** A binary COPY file of one row, the integer 7. */
const binary = Buffer.from('5047434f50590aff0d0a00000000000000000000010000000400000007ffff', 'hex')

export const gaussdbRuns: Runs = {
  "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT 'text')": {
    input: row,
    rows: ['1 | x | y'],
    idle: { FORMAT: idle.default },
  },
  "COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) header ignore_extra_data": {
    input: 'aa\n12 and more\n',
    rows: ['12 | NULL | NULL'],
  },
  "COPY t FROM 'f' TRANSFORM (a AS upper(a)) FIXED FORMATTER (a (0, 2)) HEADER SKIP 1": {
    table: 'a text',
    input: '--\naa\nab\n',
    rows: ['AB'],
  },
  "COPY t FROM 'f' USING DELIMITERS '$^&'": { input: '1$^&x$^&y\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, DELIMITER 'a1.')": { input: '1a1.xa1.y\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' (DIALECT 'gaussdb')": { input: '1\tx\t\\N\n', rows: ['1 | x | NULL'] },
  "COPY t FROM 'f' DELIMITERS ';' (FORMAT csv)": { input: '1;x;"y;z"\n', rows: ['1 | x | y;z'] },
  "COPY t FROM 'f' WITHOUT ESCAPING (NULL '')": { input: '1\tx\\ty\t\n', rows: ['1 | x\\\\ty | NULL'] },
  "COPY t FROM 'f' LOG ERRORS": {
    input: `${row}?\tx\ty\n`,
    error: ['22P02', 'skipped more than REJECT LIMIT (0) rows'],
  },
  "COPY t FROM 'f' LOG ERRORS DATA REJECT LIMIT '5'": {
    input: `${row}?\tx\ty\n2\tx\n`,
    rows: ['1 | x | y'],
    leaves: { rawRecords: ['?\tx\ty', '2\tx'] },
  },
  "COPY t FROM 'f' LOG ERRORS REJECT LIMIT 'unlimited'": { input: `?\tx\ty\n${row}2\tx\n`, rows: ['1 | x | y'] },
  "COPY t FROM 'f' (FORMAT fixed, FORMATTER (a (0, 2)), UNIT chars)": {
    table: 'a text',
    input: 'üö\n',
    rows: ['üö'],
    idle: { FORMAT: 'FORMATTER says so, too' },
  },
  "COPY t FROM 'f' (FORMAT binary)": { table: 'a int', input: binary, rows: ['7'] },
  "COPY t FROM 'f' USEEOF": { table: 'a text', input: 'x\n\\.\ny\n', rows: ['x', '.', 'y'] },
  "COPY t FROM 'f' SMALLDATETIME_FORMAT 'DD.MM.YYYY HH24:MI'": {
    table: 'a timestamp',
    input: '02.01.2024 03:04\n',
    rows: ['2024-01-02 03:04:00'],
  },
  "COPY t FROM 'f' FREEZE": { input: row, error: notFrozen },
  "COPY t FROM 'f' TRANSFORM (a numeric(10, 2) AS a * 2, b timestamp with time zone, c AS coalesce(c, ')'))": {
    input: '1.5\t2024-01-02 03:04:05+00\t\\N\n',
    table: 'a numeric(10, 2), b timestamp, c text',
    rows: ['3.00 | 2024-01-02 03:04:05 | )'],
  },
  "COPY t FROM 'f' TIME_FORMAT 'HH24.MI TZH'": {
    table: 'a time with time zone',
    input: '10.20 +05\n',
    rows: ['10:20:00+05'],
  },
  "COPY t FROM 'f' TIMESTAMP_FORMAT '%d.%m.%Y %H:%M:%S%z'": {
    table: 'a timestamp with time zone',
    input: '02.01.2024 10:20:30+0500\n',
    rows: ['2024-01-02 05:20:30+00'],
  },
  "COPY t FROM 'f' EOL '0x0D0A'": {
    input: '1\tx\ty\r\n2\tz\tw\r\n',
    rows: ['1 | x | y', '2 | z | w'],
    idle: { EOL: 'ends of lines are found without it' },
  },
  "COPY t FROM 'f' EOL '$#'": { input: '1\tx\ty$#2\tz\tw$#', rows: ['1 | x | y', '2 | z | w'] },
  "COPY t FROM 'f' CSV FORCE NOT NULL a, b": {
    table: 'a text, b text, c text',
    input: ',,\n',
    rows: ["'' | '' | NULL"],
  },
  "COPY t FROM 'f' IGNORE_EXTRA_DATA": { input: '1\tx\ty\tz\n', rows: ['1 | x | y'] },
  "COPY t FROM 'f' (COMPATIBLE_ILLEGAL_CHARS true)": {
    input: Buffer.from('1\tx\xff\0y\ta\\0b\\377\n', 'latin1'),
    rows: ['1 | x? y | a b?'],
  },
  "COPY t FROM 'f' FILL_MISSING_FIELDS 'multi'": { input: '1\n', rows: ['1 | NULL | NULL'] },
  "COPY t FROM 'f' DATE_FORMAT 'DD.MM.YYYY'": { table: 'a date', input: '31.01.2024\n', rows: ['2024-01-31'] },
  "COPY t FROM 'f' (TIME_FORMAT 'HH24.MI')": { table: 'a time', input: '10.20\n', rows: ['10:20:00'] },
  "COPY t FROM 'f' (TIMESTAMP_FORMAT 'YYYY \"of\" HH24')": {
    table: 'a timestamp',
    input: '2024 of 10\n',
    rows: ['2024-01-01 10:00:00'],
  },
  "COPY t FROM 'f' SKIP 3": { input: `-\n-\n-\n${row}`, rows: ['1 | x | y'] },
  "COPY t FROM 'f' WHEN (1-4) = 'DATA'": { table: 'a text', input: 'DATA1\nHEAD2\n', rows: ['DATA1'] },
  "COPY t FROM 'f' WHEN kind!='x' CSV": { table: 'kind text, b text', input: 'x,1\ny,2\n', rows: ['y | 2'] },
  "COPY t FROM 'f' SEQUENCE (a (100), b (-1, -2))": {
    table: 'a int, b int, c text',
    input: 'x\ny\n',
    rows: ['100 | -1 | x', '101 | -3 | y'],
  },
  "COPY t (a, unused, b) FROM 'f' FILLER (unused)": {
    table: 'a int, b text',
    input: '1\tgone\tx\n',
    rows: ['1 | x'],
  },
  "COPY t FROM 'f' CONSTANT (a 'it''s', b '')": {
    table: 'a text, b text, c text',
    input: 'x\n',
    rows: ["it's | '' | x"],
  },
  "COPY t FROM 'f' ENCODING 'utf8'": { input: '1\tü\ty\n', rows: ['1 | ü | y'], idle: { ENCODING: idle.default } },
  'COPY tpcds.ship_mode_t1 FROM stdin;': { table: shipMode, input: `${shipRow}\n\\.\n`, rows: [shipped] },
  "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat';": {
    table: shipMode,
    input: `${shipRow}\n`,
    rows: [shipped],
  },
  "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' TRANSFORM (SM_TYPE AS LEFT(SM_TYPE, 10));": {
    table: shipMode,
    input: `${shipRow.replace('EXPRESS', 'EXPRESS DELIVERY')}\n`,
    rows: [shipped.replace('EXPRESS', 'EXPRESS DE')],
  },
  "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' WITH(format 'text', delimiter E'\\t', ignore_extra_data 'true', noescaping 'true');":
    {
      table: shipMode,
      input: `${shipRow.replace('AIR', 'A\\R')}\tmore\n`,
      rows: [shipped.replace('AIR', 'A\\\\R')],
      idle: { FORMAT: idle.default, DELIMITER: idle.default },
    },
  "COPY tpcds.ship_mode_t1 FROM '/home/omm/ds_ship_mode.dat' FIXED FORMATTER(SM_SHIP_MODE_SK(0, 2), SM_SHIP_MODE_ID(2,16), SM_TYPE(18,30), SM_CODE(50,10), SM_CARRIER(61,20), SM_CONTRACT(82,20)) header ignore_extra_data;":
    { table: shipMode, input: `head\n${fixedRow}and more\n`, rows: [shipped] },
}

/** Sentences about what is read. */
export const gaussdbRunCases: readonly RunCase[] = [
  {
    sentence: 'Only the rows that meet the WHEN condition are imported to the table.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 4), b (4, 1)) WHEN (5-5) = 'X'",
    run: { table: 'a text, b text', input: 'üüX\nabcdX\nabcdY\n', rows: ['üü | X', 'abcd | X'] },
  },
  {
    sentence: 'Only the rows that meet the WHEN condition are imported to the table.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 4), b (4, 1)) UNIT chars WHEN (5-5) = 'X'",
    run: { table: 'a text, b text', input: 'üüüüX\nabcdY\n', rows: ['üüüü | X'] },
  },
  {
    sentence: 'Only the rows that meet the WHEN condition are imported to the table.',
    statement: "COPY t (kind, a) FROM 'f' FIXED FORMATTER (kind (0, 1), a (1, 3)) FILLER (kind) WHEN kind = 'D'",
    run: { table: 'a text', input: 'Dabc\nHxyz\n', rows: ['abc'] },
  },
  {
    sentence: 'Specifies the TIMESTAMP format for data import.',
    statement: "COPY t FROM 'f' TIMESTAMP_FORMAT 'YYYY-DD-MM'",
    run: {
      table: 'a timestamp(0), b timestamp(3)',
      input: '2024-01-02\t2024-01-02\n',
      rows: ['2024-02-01 00:00:00 | 2024-02-01 00:00:00'],
    },
  },
  {
    sentence: 'The values are incremented by the value of incr based on the specified integer.',
    statement: "COPY t FROM 'f' SEQUENCE (a (9007199254740993, 2))",
    run: { table: 'a bigint, b text', input: 'x\ny\n', rows: ['9007199254740993 | x', '9007199254740995 | y'] },
  },
  {
    sentence: 'String that separates columns within each row (line) of the file. It cannot be larger than 10 bytes.',
    statement: "COPY t FROM 'f' DELIMITER '、'",
    run: { input: '1、x、y\n', rows: ['1 | x | y'] },
  },
  {
    sentence:
      'If a table has any columns that are not in the column list, COPY FROM inserts default values for those columns.',
    statement: "COPY t (a) FROM 'f'",
    run: { table: "a int, b text DEFAULT 'd', c text", input: '1\n', rows: ['1 | d | NULL'] },
  },
  {
    sentence: 'COPY FROM throws an error if any row in the data file contains more or fewer columns than expected.',
    statement: "COPY t FROM 'f'",
    run: { input: `${row}2\tx\n`, error: ['22P04', 'missing data for column "c"'] },
  },
  {
    sentence: 'COPY FROM throws an error if any row in the data file contains more or fewer columns than expected.',
    statement: "COPY t FROM 'f'",
    run: { input: '1\tx\ty\tz\n', error: ['22P04', 'extra data after last expected column'] },
  },
  {
    sentence: 'The end of the data can be represented by a line that contains only backslashes and periods (\\.).',
    statement: 'COPY t FROM STDIN',
    run: { input: `${row}\\.\n`, rows: ['1 | x | y'] },
  },
  {
    sentence: 'To enter the actual value \\N, use \\\\N.',
    statement: "COPY t FROM 'f'",
    run: { input: '1\t\\N\t\\\\N\n', rows: ['1 | NULL | \\\\N'] },
  },
  {
    sentence: 'Ensure that the generated column is not in the list of the specified column in the COPY statement.',
    statement: "COPY t (a, g) FROM 'f'",
    run: {
      table: 'a int, g int GENERATED ALWAYS AS (a * 2)',
      input: '1\t2\n',
      error: ['42P10', 'column "g" is a generated column'],
    },
  },
  {
    sentence: 'the generated columns are automatically updated and saved as common columns.',
    statement: "COPY t FROM 'f'",
    run: { table: 'a int, g int GENERATED ALWAYS AS (a * 2)', input: '4\n', rows: ['4 | 8'] },
  },
  {
    sentence: 'Spaces are used for column padding.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 4), b (4, 4))",
    run: { table: 'a int, b text', input: '7     x \n 8  y   \n', rows: ['7 | x', '8 | y'] },
  },
  {
    sentence: 'Replace columns that are not in the file with null.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (b (0, 2), a (2, 2))",
    run: { input: 'xx12\n', rows: ['12 | xx | NULL'] },
  },
  {
    sentence: 'In FIXED files, the column length of each record is the same.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (b (0, 2), a (2, 2))",
    run: { input: '12\n', error: ['22P04', 'missing data for column "a"'] },
  },
  {
    sentence: 'The default value for the CSV format is an empty string without quotation marks.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv)",
    run: { input: '1,,""\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: 'if header is on, the first row of the data file will be identified as the header and ignored.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, HEADER on)",
    run: { input: 'a,b,c\n1,x,y\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'If header is off, the first row will be identified as a data row.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, HEADER off)",
    run: {
      input: 'a,b,c\n',
      error: ['22P02', 'invalid input syntax for type integer: "a"'],
      idle: { HEADER: idle.default },
    },
  },
  {
    sentence: 'Specifies a quoted character string for a CSV file.',
    statement: "COPY t FROM 'f' CSV QUOTE AS '~'",
    run: { input: '1,~x,~~y~,z\n', rows: ['1 | x,~y | z'] },
  },
  {
    sentence: 'Specifies an escape character for a CSV file. The value must be a single-byte character.',
    statement: "COPY t FROM 'f' CSV ESCAPE AS '\\'",
    run: { input: '1,"x\\"y",z\n', rows: ['1 | x"y | z'] },
  },
  {
    sentence: 'any data item that matches this string will be stored as a null value',
    statement: "COPY t FROM 'f' NULL 'none'",
    run: { input: '1\tnone\ty\n', rows: ['1 | NULL | y'] },
  },
  {
    sentence: 'If the column is null, its value is regarded as a string of 0 characters.',
    statement: "COPY t FROM 'f' CSV FORCE NOT NULL b",
    run: { input: '1,,\n', rows: ["1 | '' | NULL"] },
  },
  {
    sentence:
      'Default value: false If a newline character at the end of a row is missing and the row and another row are integrated into one, data in another row is ignored after the parameter is set to true.',
    statement: "COPY t FROM 'f' (IGNORE_EXTRA_DATA true)",
    run: { input: '1\tx\ty2\tz\tw\n', rows: ['1 | x | y2'] },
  },
  {
    sentence:
      'If this parameter is not used, an error is reported when invalid characters are encountered during the import, and the import is interrupted.',
    statement: "COPY t FROM 'f'",
    run: {
      input: Buffer.from('1\tx\xff\ty\n', 'latin1'),
      error: ['22021', 'invalid byte sequence for encoding "UTF8": 0xff'],
    },
  },
  {
    sentence: 'the missing of the last column is handled in the default mode.',
    statement: "COPY t FROM 'f' FILL_MISSING_FIELDS 'one'",
    run: { input: '1\tx\n', rows: ['1 | x | NULL'] },
  },
  {
    sentence: 'the missing of the last column is handled in the default mode.',
    statement: "COPY t FROM 'f' FILL_MISSING_FIELDS 'one'",
    run: { input: '1\n', error: ['22P04', 'missing data for column "b"'], idle: { FILL_MISSING_FIELDS: idle.shown } },
  },
  {
    sentence: 'ENCODING in the control file must be the same as the encoding format of the file.',
    statement: "COPY t FROM 'f' ENCODING 'gbk'",
    run: { input: Buffer.from('31 09 d6 d0 09 79 0a'.replaceAll(' ', ''), 'hex'), rows: ['1 | 中 | y'] },
  },
  ...(
    [
      ['\\b: Backslash (ASCII 8)', '\\b', '\\x08'],
      ['\\f: Form feed (ASCII 12)', '\\f', '\\x0c'],
      ['\\n: Newline character (ASCII 10)', '\\n', '\\n'],
      ['\\r: Carriage return character (ASCII 13)', '\\r', '\\r'],
      ['\\t: Tab (ASCII 9)', '\\t', '\\t'],
      ['\\v: Vertical tab (ASCII 11)', '\\v', '\\x0b'],
      ['\\digits: Backslash followed by one to three octal digits', '\\101\\7', 'A\\x07'],
      ['\\xdigits: Backslash followed by an x and one or two hex digits', '\\x41\\x7', 'A\\x07'],
    ] as const
  ).map(
    ([sentence, written, value]): RunCase => ({
      sentence,
      statement: "COPY t FROM 'f'",
      run: { input: `1\t<${written}>\ty\n`, rows: [`1 | <${value}> | y`] },
    }),
  ),

  {
    sentence: 'When a data format error occurs during COPY FROM execution, the transaction is rolled back.',
    statement: "COPY t FROM 'f'",
    run: {
      before: "INSERT INTO t VALUES (0, 'w', 'w')",
      input: `${row}?\tx\ty\n`,
      error: ['22P02', 'invalid input syntax for type integer: "?"'],
    },
  },
  {
    sentence:
      'If a list of columns is specified, COPY copies only the data of the specified columns between the file and the table.',
    statement: "COPY t (c, a) FROM 'f'",
    run: { input: 'y\t1\n', rows: ['1 | NULL | y'] },
  },
  {
    sentence:
      'If data is read from a file, the end flag is unnecessary. If data is copied between client applications, an end tag must be provided.',
    statement: 'COPY t FROM STDIN',
    remark: 'it needs none: where the stream ends, the data end.',
    run: { input: row, rows: ['1 | x | y'] },
  },
  {
    sentence: 'Columns of the numeric type are left-aligned and columns of the string type are right-aligned.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 4), b (4, 4))",
    remark: 'the padding may be on either side.',
    run: { table: 'a int, b text', input: '7      x\n   8y   \n', rows: ['7 | x', '8 | y'] },
  },
  {
    sentence: 'No delimiters are used between columns.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2), b (2, 2), c (4, 2))",
    run: { input: '12x\ty,\n', rows: ['12 | x\\t | y,'] },
  },
  {
    sentence: 'The value of offset must be larger than 0. The unit is byte.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (b (0, 2), a (2, 2))",
    remark: 'offsets begin with 0, as in the example of the document.',
    run: { input: 'ü12\n', rows: ['12 | ü | NULL'] },
  },
  {
    sentence: 'Spaces are used for padding, and the excessive part will be truncated.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (b (0, 2))",
    remark: 'cut without a word, data would be lost: the excess is an error unless IGNORE_EXTRA_DATA is given.',
    run: { input: 'xyz\n', error: ['22P04', 'extra data after last expected column'] },
  },
  {
    sentence: 'Spaces are used for padding, and the excessive part will be truncated.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (b (0, 2)) IGNORE_EXTRA_DATA",
    run: { input: 'xyz\n', rows: ['NULL | xy | NULL'] },
  },
  {
    sentence: 'Both DELIMITER and DELIMITERS can specify separators.',
    statement: "COPY t FROM 'f' DELIMITER '$^&'",
    run: { input: '1$^&x$^&y\n', rows: ['1 | x | y'] },
  },
  {
    sentence:
      'This error tolerance mechanism captures only the data type errors (DATA_EXCEPTION) that occur during data parsing',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT 'unlimited'",
    run: {
      table: 'a int, b text NOT NULL',
      input: '1\tx\n2\t\\N\n',
      error: notNull('b'),
      idle: { REJECT: idle.shown },
    },
  },
  {
    sentence:
      'If existing error tolerance parameters (for example, IGNORE_EXTRA_DATA) of the COPY statement are enabled, the error of the corresponding type will be processed as specified by the parameters and no error will be reported. Therefore, the error table does not contain such error data.',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT '3' IGNORE_EXTRA_DATA",
    run: {
      input: '1\tx\ty\tz\n?\tx\ty\n',
      rows: ['1 | x | y'],
      leaves: { rawRecords: ['?\tx\ty'] },
    },
  },
  {
    sentence:
      'If the number of errors exceeds the limit, later errors will be reported based on the original mechanism.',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT '2'",
    run: { input: `?\tx\ty\n!\tx\ty\n${row}`, rows: ['1 | x | y'] },
  },
  {
    sentence:
      'If the number of errors exceeds the limit, later errors will be reported based on the original mechanism.',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT '2'",
    run: {
      input: `?\tx\ty\n!\tx\ty\n.\tx\ty\n${row}`,
      error: ['22P02', 'skipped more than REJECT LIMIT (2) rows'],
    },
  },
  {
    sentence: 'invisible characters (such as 0x07, 0x08, and 0x1b)',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER E'\\x1b')",
    run: { input: '1\x1bx\x1by\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'Value range: a multi-character delimiter within 10 bytes',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, DELIMITER '0123456789')",
    run: { input: '10123456789x0123456789"0123456789"\n', rows: ['1 | x | 0123456789'] },
  },
  {
    sentence: 'A null value cannot be \\r or \\n. The maximum length is 100 characters.',
    statement: `COPY t FROM 'f' (DIALECT 'gaussdb', NULL '${'ü'.repeat(100)}')`,
    run: { input: `1\t${'ü'.repeat(100)}\ty\n`, rows: ['1 | NULL | y'] },
  },
  {
    sentence: 'The default value for the TEXT format is \\N.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', DELIMITER ';')",
    run: { input: '1;\\N;\n', rows: ["1 | NULL | ''"] },
  },
  {
    sentence: 'header is available only for CSV and FIXED files.',
    statement: "COPY t FROM 'f' CSV HEADER",
    run: { input: 'a,b,c\n1,x,y\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'header is available only for CSV and FIXED files.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 2), b (2, 1)) HEADER",
    run: { input: 'a b\n12x\n', rows: ['12 | x | NULL'] },
  },
  ...['true', 'on', "'true'", ''].map(
    (value): RunCase => ({
      sentence: 'Value range: true/on or false/off.',
      statement: `COPY t FROM 'f' (DIALECT 'gaussdb', USEEOF${value && ` ${value}`})`,
      run: { table: 'a text', input: 'x\n\\.\ny\n', rows: ['x', '.', 'y'] },
    }),
  ),
  ...['false', 'off'].map(
    (value): RunCase => ({
      sentence: 'Value range: true/on or false/off.',
      statement: `COPY t FROM 'f' (DIALECT 'gaussdb', USEEOF ${value})`,
      run: { table: 'a text', input: 'x\n\\.\n', rows: ['x'], idle: { USEEOF: idle.default } },
    }),
  ),
  {
    sentence: 'The system does not report an error for "\\." in the imported data.',
    statement: "COPY t FROM 'f' CSV USEEOF",
    remark: 'in CSV it is data with or without USEEOF, as the receipt says.',
    run: {
      table: 'a text',
      input: 'x\n\\.\ny\n',
      rows: ['x', '\\\\.', 'y'],
      leaves: { notes: ['USEEOF'] },
    },
  },
  {
    sentence: 'You are advised to set quote to an invisible character, such as 0x07, 0x08, or 0x1b.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, QUOTE E'\\x07')",
    run: { input: '1,\x07x,y\x07,"\n', rows: ['1 | x,y | "'] },
  },
  {
    sentence: "If the value is the same as that of quote, it will be replaced by '\\0'.",
    statement: "COPY t FROM 'f' CSV ESCAPE AS '\"'",
    run: { input: '1,"x""y",z\n', rows: ['1 | x"y | z'], idle: { ESCAPE: idle.default } },
  },
  {
    sentence: 'Specifies an escape character for a CSV file. The value must be a single-byte character.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, ESCAPE '\\')",
    run: { input: '1,"x\\"y",z\n', rows: ['1 | x"y | z'] },
  },
  ...(
    [
      ["E'\\r\\n'", '1\tx\ty\r\n2\tz\tw\r\n', '1\tx\ty\n', 'newline'],
      ["E'\\r'", '1\tx\ty\r2\tz\tw\r', '1\tx\ty\n', 'newline'],
      ["E'\\n'", '1\tx\ty\n2\tz\tw\n', '1\tx\ty\r\n', 'carriage return'],
    ] as const
  ).flatMap(([eol, input, otherwise, found]): RunCase[] => {
    const sentence = 'Common newline characters include \\r (0x0D), \\n (0x0A), and \\r\\n (0x0D0A).'
    const statement = `COPY t FROM 'f' EOL ${eol}`
    return [
      {
        sentence,
        statement,
        run: { input, rows: ['1 | x | y', '2 | z | w'], idle: { EOL: 'ends of lines are found without it' } },
      },
      { sentence, statement, run: { input: otherwise, error: ['22P04', `literal ${found} found in data`] } },
    ]
  }),
  {
    sentence: 'Special newline characters include $ and #.',
    statement: "COPY t FROM 'f' (EOL '#')",
    run: { input: '1\tx\ty#2\tz\tw#', rows: ['1 | x | y', '2 | z | w'] },
  },
  {
    sentence: 'Assigns a value to a specified column in CSV COPY FROM mode.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, FORCE_NOT_NULL (b))",
    run: { input: '1,,\n', rows: ["1 | '' | NULL"] },
  },
  {
    sentence: 'Assigns a value to a specified column in CSV COPY FROM mode. Value range: an existing column name',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', FORMAT csv, FORCE_NOT_NULL (d))",
    run: { input: '1,,\n', error: ['42703', 'column "d" of relation "t" does not exist'] },
  },
  {
    sentence: '| FORCE_NOT_NULL column_name [, ...]',
    statement: "COPY t FROM 'f' CSV FORCE_NOT_NULL b, c",
    run: { input: '1,,\n', rows: ["1 | '' | ''"] },
  },
  {
    sentence: 'Otherwise, an error is reported or garbled characters are displayed in the imported data.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', ENCODING 'UTF8')",
    run: {
      input: Buffer.from('3109d6d009790a', 'hex'),
      error: ['22021', 'invalid byte sequence for encoding "UTF8": 0xd6 0xd0'],
      idle: { ENCODING: idle.default },
    },
  },
  {
    sentence: 'Otherwise, an error is reported or garbled characters are displayed in the imported data.',
    statement: "COPY t FROM 'f' (DIALECT 'gaussdb', ENCODING 'latin1')",
    run: { input: '1\tü\ty\n', rows: ['1 | Ã¼ | y'] },
  },
  {
    sentence:
      'false/off: If the number of columns in a data source file is greater than that defined by the foreign table, the following error message is reported: extra data after last expected column',
    statement: "COPY t FROM 'f' (IGNORE_EXTRA_DATA off)",
    run: {
      input: '1\tx\ty\tz\n',
      error: ['22P04', 'extra data after last expected column'],
      idle: { IGNORE_EXTRA_DATA: idle.default },
    },
  },
  {
    sentence: 'false/off: An error occurs when there are invalid characters, and the import stops.',
    statement: "COPY t FROM 'f' (COMPATIBLE_ILLEGAL_CHARS false)",
    run: {
      input: Buffer.from('1\tx\xff\ty\n', 'latin1'),
      error: ['22021', 'invalid byte sequence for encoding "UTF8": 0xff'],
      idle: { COMPATIBLE_ILLEGAL_CHARS: idle.default },
    },
  },
  {
    sentence: '2. Other invalid characters are converted to question marks.',
    statement: "COPY t FROM 'f' CSV COMPATIBLE_ILLEGAL_CHARS",
    run: { input: Buffer.from('1,"x\xff\xfe",y\n', 'latin1'), rows: ['1 | x?? | y'] },
  },
  {
    sentence: 'If multi is specified, the missing of the last multiple columns are handled in the default mode.',
    statement: "COPY t FROM 'f' CSV FILL_MISSING_FIELDS 'multi'",
    run: { input: '1\n2,x\n', rows: ['1 | NULL | NULL', '2 | x | NULL'] },
  },
  ...['FILL_MISSING_FIELDS', '(FILL_MISSING_FIELDS true)', '(FILL_MISSING_FIELDS on)'].map(
    (option): RunCase => ({
      sentence:
        'If one or multi is not specified or one is specified, the missing of the last column is handled in the default mode.',
      statement: `COPY t FROM 'f' ${option}`,
      run: { input: '1\tx\n', rows: ['1 | x | NULL'] },
    }),
  ),
  {
    sentence: 'Such errors will not be recorded in the COPY error table (enabled using LOG ERRORS REJECT LIMIT)',
    statement: "COPY t FROM 'f' LOG ERRORS REJECT LIMIT '3' FILL_MISSING_FIELDS",
    run: { input: '1\tx\n?\tx\ty\n', rows: ['1 | x | NULL'], leaves: { rawRecords: ['?\tx\ty'] } },
  },
  {
    sentence: 'You can use the TIMESTAMP_FORMAT parameter to set the DATE format to TIMESTAMP for data import.',
    statement: "COPY t FROM 'f' TIMESTAMP_FORMAT 'DD.MM.YYYY HH24.MI'",
    remark: "GaussDB's DATE with a time of day is a timestamp here.",
    run: { table: 'a timestamp', input: '31.01.2024 10.20\n', rows: ['2024-01-31 10:20:00'] },
  },
  {
    sentence: 'You can use the TIMESTAMP_FORMAT parameter to set the DATE format to TIMESTAMP for data import.',
    statement: "COPY t FROM 'f' TIMESTAMP_FORMAT 'DD.MM.YYYY HH24.MI'",
    remark: 'a column of type date has DATE_FORMAT only.',
    run: { table: 'a date', input: '2024-01-31\n', rows: ['2024-01-31'], leaves: { notes: ['TIMESTAMP_FORMAT'] } },
  },
  {
    sentence: 'Specifies the SMALLDATETIME format for data import.',
    statement: "COPY t FROM 'f' SMALLDATETIME_FORMAT 'DD.MM.YYYY HH24:MI:SS'",
    run: { table: 'a timestamp', input: '31.01.2024 10:20:30\n', rows: ['2024-01-31 10:21:00'] },
  },
  {
    sentence:
      'transform_expr is the target expression that returns the result value whose data type is the same as that of the target column in the table.',
    statement: "COPY t FROM 'f' CSV TRANSFORM (a AS a + 1, c AS b || c)",
    run: { input: '1,x,y\n', rows: ['2 | x | xy'] },
  },
  {
    sentence: 'When data is imported, each row of data is checked.',
    statement: "COPY t FROM 'f' WHEN (1 - 2) != 'no'",
    run: { table: 'a text', input: 'no1\nye2\n', rows: ['ye2'], leaves: { receipt: { rowsFiltered: 1 } } },
  },
  {
    sentence: 'When data is imported, each row of data is checked.',
    statement: "COPY t FROM 'f' WHEN b = 'x'",
    run: { input: '1\tx\ty\n2\tz\ty\n', rows: ['1 | x | y'] },
  },
  {
    sentence: 'When data is imported, each row of data is checked.',
    statement: "COPY t FROM 'f' FIXED FORMATTER (a (0, 1), b (1, 1)) WHEN b = 'x'",
    run: { input: '1x\n2y\n', rows: ['1 | x | NULL'] },
  },
  {
    sentence: 'The values are incremented by the value of incr based on the specified integer.',
    statement: "COPY t FROM 'f' SEQUENCE (a (10, 5))",
    run: { input: 'x\ty\nz\tw\n', rows: ['10 | x | y', '15 | z | w'] },
  },
  {
    sentence: 'the column modified by FILLER is discarded after being read from the data file.',
    statement: "COPY t (a, b, c) FROM 'f' CSV FILLER (b)",
    run: { input: '1,x,y\n', rows: ['1 | NULL | y'] },
  },
  {
    sentence: 'the column modified by CONSTANT is not read from the data file',
    statement: "COPY t FROM 'f' CSV CONSTANT (b 'k')",
    run: { input: '1,y\n', rows: ['1 | k | y'] },
  },
]
