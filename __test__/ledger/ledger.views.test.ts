import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bench, databases, inLedger, someLoad, someReject, uuid } from './databases.ts'

/** Names and types of the columns, as the databases that people know them from have them; `c10` is character(10). */
const VIEWS: Readonly<Record<string, string>> = {
  stl_load_commits: `userid int, query int, slice int, name c256, filename c256, byte_offset int, lines_scanned int, errors int,
    curtime ts, status int, file_format c16, is_partial int, start_offset bigint, copy_job_id bigint`,
  stl_load_errors: `userid int, slice int, tbl int, starttime ts, session int, query int, filename c256, line_number bigint,
    colname c127, type c10, col_length c10, position int, raw_line c1024, raw_field_value c1024, err_code int, err_reason c100,
    is_partial int, start_offset bigint, copy_job_id bigint`,
  stl_loaderror_detail: `userid int, slice int, session int, query int, filename c256, line_number bigint, field int,
    colname c1024, value c1024, is_null int, type c10, col_length c10`,
  sys_load_history: `user_id int, query_id bigint, transaction_id bigint, session_id int, database_name text, status text,
    table_name text, start_time ts, end_time ts, duration bigint, data_source text, file_format text, loaded_rows bigint,
    loaded_bytes bigint, source_file_count int, source_file_bytes bigint, file_count_scanned int, file_bytes_scanned bigint,
    error_count bigint, copy_job_id bigint`,
  sys_load_detail: `user_id int, query_id int, file_name c256, bytes_scanned int, lines_scanned int, record_time ts,
    splits_scanned int, start_time ts, end_time ts, file_etag c256, file_last_modified ts`,
  sys_load_error_detail: `user_id int, query_id bigint, transaction_id bigint, session_id int, database_name c64, table_id int,
    start_time ts, file_name c256, line_number bigint, column_name c127, column_type c10, column_length c10, position int,
    error_code int, error_message c512`,
  text_import_log: `ts ts, id text, table text, file text, phase text, status text, message text, rows_handled bigint,
    rows_imported bigint, errors bigint`,
  pgxc_copy_error_log: `relname varchar, begintime tstz, filename varchar, lineno bigint, rawrecord text, detail text,
    custom_id varchar, columnname varchar, errcode varchar, queryid bigint`,
}

const TYPES: Readonly<Record<'postgres' | 'duckdb', (type: string) => string>> = {
  postgres: (type) => {
    if (/^c\d+$/.test(type)) return `character(${type.slice(1)})`
    const names: Record<string, string> = {
      int: 'integer',
      ts: 'timestamp without time zone',
      tstz: 'timestamp with time zone',
      varchar: 'character varying',
    }
    return names[type] ?? type
  },
  duckdb: (type) => {
    const names: Record<string, string> = {
      int: 'INTEGER',
      bigint: 'BIGINT',
      ts: 'TIMESTAMP',
      tstz: 'TIMESTAMP WITH TIME ZONE',
    }
    return names[type] ?? 'VARCHAR'
  },
}

describe.each(databases)('views of $name', ({ name, open }) => {
  let bench: Bench
  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (a int)')
    await inLedger(bench.target, async (ledger) => {
      await ledger.recordLoad(someLoad(uuid(1), { key: 'k' }))
      await ledger.recordFiles(uuid(1), [
        { path: '/data/a.csv', bytes: 5_000_000_000, rowsRead: 6_000_000_000, rowsLoaded: 7, rowsRejected: 2 },
        {
          path: '/data/b.csv',
          bytes: 5,
          rowsRead: 0,
          rowsLoaded: 0,
          rowsRejected: 0,
          etag: 'e',
          modifiedAt: new Date(0),
        },
      ])
      const long = { column: 'name', type: 'character varying(10)', field: 3, sqlState: '22001', code: 'c' }
      await ledger.recordRejects(uuid(1), [
        someReject(1, {
          raw: Buffer.from(`\xff${'x'.repeat(3000)}`, 'latin1'),
          errors: [...someReject(1).errors, { ...long, message: 'value too long', value: 'v'.repeat(3000) }],
        }),
        someReject(2, {
          errors: [
            { sqlState: '22P04', code: 'bad_copy_file_format', message: 'missing data for column "temp"' },
            {
              column: 'name',
              type: 'text',
              field: 3,
              sqlState: '23502',
              code: 'not_null_violation',
              message: 'null value',
            },
          ],
        }),
      ])
      const error = { sqlState: '57014', message: 'canceling statement due to user request' }
      await ledger.recordLoad(someLoad(uuid(2), { error, rowsLoaded: 0 }))
    })
  })
  afterAll(() => bench.close())

  it.each(Object.keys(VIEWS))('%s has the columns', async (view) => {
    const expected = (VIEWS[view] ?? '').split(',').map((column) => {
      const [label = '', type = ''] = column.trim().split(' ')
      return [label, TYPES[name](type)]
    })
    const columns =
      name === 'postgres'
        ? `SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
           WHERE attrelid = 'copyist.${view}'::regclass AND attnum > 0 ORDER BY attnum`
        : `SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'copyist' AND table_name = '${view}'
           ORDER BY column_index`
    expect(await bench.sql(columns)).toEqual(expected)
  })

  it('show the loads', async () => {
    expect(
      await bench.sql(`SELECT query_id, status, table_name, duration, data_source, loaded_rows, source_file_count, source_file_bytes,
        error_count, CAST(start_time AS text) AS t FROM copyist.sys_load_history ORDER BY query_id`),
    ).toEqual([
      // biome-ignore format: rows
      ['1', 'completed', 'public.t', '2500000', '/data/a.csv, /data/b.csv', '7', '2', '5000000005', '2', '2026-03-01 10:00:00'],
      ['2', 'aborted', 'public.t', '2500000', '', '0', '0', '0', '2', '2026-03-01 10:00:00'],
    ])
    expect(
      await bench.sql(
        `SELECT id, "table", file, status, rows_handled, rows_imported, errors FROM copyist.text_import_log ORDER BY id, file`,
      ),
    ).toEqual([
      [uuid(1), 'public.t', '/data/a.csv', 'finished', '6000000000', '7', '2'],
      [uuid(1), 'public.t', '/data/b.csv', 'finished', '0', '0', '0'],
      [uuid(2), 'public.t', null, 'cancelled', '10', '0', '2'],
    ])
  })

  it('show the files of loads that were committed, counts as large as an integer', async () => {
    expect(
      await bench.sql(`SELECT query, trim(filename) AS f, lines_scanned, errors, trim(file_format) AS t, CAST(curtime AS text) AS c
        FROM copyist.stl_load_commits ORDER BY filename`),
    ).toEqual([
      ['1', '/data/a.csv', '2147483647', '2', 'csv', '2026-03-01 10:00:02.5'],
      ['1', '/data/b.csv', '0', '0', 'csv', '2026-03-01 10:00:02.5'],
    ])
    expect(
      await bench.sql(`SELECT trim(file_name) AS f, bytes_scanned, trim(file_etag) AS e, CAST(file_last_modified AS text) AS m
        FROM copyist.sys_load_detail ORDER BY file_name`),
    ).toEqual([
      ['/data/a.csv', '2147483647', '', null],
      ['/data/b.csv', '5', 'e', '1970-01-01 00:00:00'],
    ])
  })

  it('show the rejects', async () => {
    const oid = name === 'postgres' ? (await bench.sql(`SELECT 't'::regclass::oid`))[0]?.[0] : '0'
    expect(
      await bench.sql(`SELECT tbl, query, line_number, trim(colname) AS c, trim(type) AS t, length(raw_line) AS l, left(raw_line, 3) AS r,
        trim(raw_field_value) AS v, err_code, trim(err_reason) AS e FROM copyist.stl_load_errors ORDER BY line_number`),
    ).toEqual([
      // biome-ignore format: rows
      [oid, '1', '2', 'temp', 'integer', '1024', '\ufffdxx', 'abc', '1207', 'invalid input syntax for type integer: "abc"'],
      [oid, '1', '3', '', '', '14', '2,a', '', '1203', 'missing data for column "temp"'],
    ])
    expect(
      await bench.sql(`SELECT line_number, field, trim(colname) AS c, length(value) AS l, is_null, trim(type) AS t, trim(col_length) AS n
        FROM copyist.stl_loaderror_detail ORDER BY line_number, field`),
    ).toEqual([
      ['2', '2', 'temp', '3', '0', 'integer', ''],
      ['2', '3', 'name', '1024', '0', 'varchar', '10'],
      ['3', '0', '', '0', '0', '', ''],
      ['3', '3', 'name', '0', '1', 'text', ''],
    ])
    expect(
      await bench.sql(`SELECT line_number, trim(column_name) AS c, error_code, trim(error_message) AS m
        FROM copyist.sys_load_error_detail ORDER BY line_number, column_name DESC`),
    ).toEqual([
      ['2', 'temp', '1207', 'invalid input syntax for type integer: "abc"'],
      ['2', 'name', '1204', 'value too long'],
      ['3', 'name', '1213', 'null value'],
      ['3', '', '1203', 'missing data for column "temp"'],
    ])
    expect(
      await bench.sql(`SELECT relname, filename, lineno, length(rawrecord) AS l, errcode, custom_id, queryid,
        CAST(begintime = CAST('2026-03-01T10:00:00Z' AS timestamptz) AS text) AS b FROM copyist.pgxc_copy_error_log ORDER BY lineno`),
    ).toEqual([
      ['public.t', '/data/a.csv', '2', '3001', '22P02', 'k', '1', 'true'],
      ['public.t', '/data/a.csv', '3', '14', '22P04', 'k', '1', 'true'],
    ])
  })
})
