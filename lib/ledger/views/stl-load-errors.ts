import type { Dialect } from '../dialect.ts'
import { constant, errorCode, integer, rawText, typeLength, typeName } from './expressions.ts'

/** Redshift's STL_LOAD_ERRORS: the first error of each record. */
export const stlLoadErrors = (d: Dialect): string => `
SELECT
  ${integer('l.user_id')} AS userid,
  ${constant('0', 'integer')} AS slice,
  ${integer('l.table_id')} AS tbl,
  ${d.utc('l.started_at')} AS starttime,
  ${integer('l.session_id')} AS session,
  ${integer('l.load_no')} AS query,
  ${d.character('r.file', 256)} AS filename,
  r.line AS line_number,
  ${d.character("COALESCE(r.column_name, '')", 127)} AS colname,
  ${typeName(d, 'r.column_type')} AS type,
  ${typeLength(d, 'r.column_type')} AS col_length,
  ${constant('0', 'integer')} AS "position",
  ${d.character(rawText(d), 1024)} AS raw_line,
  ${d.character("COALESCE((r.errors -> 0) ->> 'value', '')", 1024)} AS raw_field_value,
  ${errorCode('r.sqlstate', 'r.column_type', 'r.message')} AS err_code,
  ${d.character('r.message', 100)} AS err_reason,
  ${constant('0', 'integer')} AS is_partial,
  ${constant('0', 'bigint')} AS start_offset,
  ${constant('0', 'bigint')} AS copy_job_id
FROM ${d.ownTable('loads')} AS l JOIN ${d.ownTable('rejects')} AS r ON r.load_id = l.load_id`
