import type { Dialect } from '../dialect.ts'
import { constant, errorCode, integer, typeLength, typeName } from './expressions.ts'

/** Redshift's SYS_LOAD_ERROR_DETAIL: every error of each record. */
export const sysLoadErrorDetail = (d: Dialect): string => `
SELECT
  ${integer('l.user_id')} AS user_id,
  l.load_no AS query_id,
  COALESCE(l.transaction_id, 0) AS transaction_id,
  ${integer('l.session_id')} AS session_id,
  ${d.character('l.database_name', 64)} AS database_name,
  ${integer('l.table_id')} AS table_id,
  ${d.utc('l.started_at')} AS start_time,
  ${d.character('r.file', 256)} AS file_name,
  r.line AS line_number,
  ${d.character("COALESCE(e.item ->> 'column', '')", 127)} AS column_name,
  ${typeName(d, "(e.item ->> 'type')")} AS column_type,
  ${typeLength(d, "(e.item ->> 'type')")} AS column_length,
  ${constant('0', 'integer')} AS "position",
  ${errorCode("(e.item ->> 'sqlState')", "(e.item ->> 'type')", "(e.item ->> 'message')")} AS error_code,
  ${d.character("(e.item ->> 'message')", 512)} AS error_message
FROM ${d.ownTable('loads')} AS l JOIN ${d.ownTable('rejects')} AS r ON r.load_id = l.load_id
CROSS JOIN LATERAL ${d.elements('r.errors', 'e')}`
