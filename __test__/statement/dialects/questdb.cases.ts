import type { DialectCase } from './case.ts'

/** `spec/questdb-copy.md`. */
export const questdbCases: readonly DialectCase[] = [
  {
    sentence: 'When `true`, QuestDB automatically assumes the first row is a header.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true",
    options: { format: 'csv', header: 'true', createTable: true },
    dialect: 'questdb',
  },
  {
    sentence: 'Otherwise, schema recognition is used to determine whether the first row is used as header.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER false",
    options: { header: 'false', detectHeader: true },
  },
  {
    sentence: 'The default setting is `false`.',
    statement: "COPY weather FROM 'weather.csv' WITH DIALECT 'questdb'",
    options: { header: 'false', detectHeader: true },
  },
  {
    sentence: '`TIMESTAMP`: Define the name of the timestamp column in the file to be imported.',
    statement: "COPY weather FROM 'weather.csv' WITH TIMESTAMP 'ts'",
    options: { timestampColumn: { value: 'ts' } },
    dialect: 'questdb',
  },
  {
    sentence:
      '`FORMAT`: Timestamp column format when the format is not the default (`yyyy-MM-ddTHH:mm:ss.SSSUUUZ`) or cannot be detected.',
    statement:
      "COPY weather FROM 'weather.csv' WITH HEADER true FORMAT 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' DELIMITER ',' ON ERROR SKIP_ROW",
    options: { dateFormats: { language: 'java', timestamp: 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' }, delimiter: ',' },
  },
  {
    sentence: '`DELIMITER`: Default setting is `,`.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true DELIMITER ';'",
    options: { delimiter: ';' },
  },
  {
    sentence: '`PARTITION BY`: Partition unit.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true TIMESTAMP 'ts' PARTITION BY DAY",
    options: { partitionBy: 'day', timestampColumn: { value: 'ts' } },
    pending: 'COPY PARTITION BY is not supported yet',
  },
  {
    sentence:
      'If the target table does not exist, both `TIMESTAMP` and `PARTITION BY` options must be defined to create a partitioned table.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true PARTITION BY DAY",
    error: ['22023', 'COPY PARTITION BY needs TIMESTAMP'],
  },
  {
    sentence: '`SKIP_ROW`: Skip the entire row',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR SKIP_ROW",
    options: { errors: { conversion: 'skip_row', structure: 'skip_row' } },
  },
  {
    sentence:
      '`SKIP_COLUMN`: Skip column and use the default value (`null` for nullable types, `false` for boolean, `0` for other non-nullable types)',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR SKIP_COLUMN",
    options: { errors: { conversion: 'set_default' } },
  },
  {
    sentence: '`ABORT`: Abort whole import on first error, and restore the pre-import table status',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true ON ERROR ABORT",
    options: { errors: { conversion: 'stop' } },
  },
  {
    sentence: "`COPY '<id>' CANCEL` cancels the copying operation defined by the import `id`",
    statement: "COPY '55ca24e5ba328050' CANCEL;",
    error: ['0A000', 'COPY ... CANCEL is not supported yet'],
  },
  {
    sentence: 'If the target table does not exist, then it is created using metadata derived from the file data.',
    statement: "COPY weather FROM 'weather.csv' WITH HEADER true",
    options: { createTable: true },
  },
  {
    sentence:
      "COPY weather FROM 'weather.csv' WITH HEADER true FORMAT 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' ON ERROR SKIP_ROW;",
    statement:
      "COPY weather FROM 'weather.csv' WITH HEADER true FORMAT 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' ON ERROR SKIP_ROW;",
    options: { header: 'true', dateFormats: { timestamp: 'yyyy-MM-ddTHH:mm:ss.SSSUUUZ' } },
    dialect: 'questdb',
  },
]
