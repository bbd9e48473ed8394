import type { Dialect } from '../dialect.ts'
import { constant, integer } from './expressions.ts'

/** Redshift's SYS_LOAD_HISTORY: one row a load. */
export const sysLoadHistory = (d: Dialect): string => `
SELECT
  ${integer('l.user_id')} AS user_id,
  l.load_no AS query_id,
  COALESCE(l.transaction_id, 0) AS transaction_id,
  ${integer('l.session_id')} AS session_id,
  l.database_name AS database_name,
  CASE l.status WHEN 'failed' THEN 'aborted' ELSE l.status END AS status,
  l.target_table AS table_name,
  ${d.utc('l.started_at')} AS start_time,
  ${d.utc('l.ended_at')} AS end_time,
  ${d.microseconds('l.started_at', 'l.ended_at')} AS duration,
  COALESCE(f.paths, '') AS data_source,
  l.format AS file_format,
  l.rows_loaded AS loaded_rows,
  l.bytes_read AS loaded_bytes,
  ${integer('f.files')} AS source_file_count,
  COALESCE(f.bytes, 0) AS source_file_bytes,
  ${integer('f.files')} AS file_count_scanned,
  COALESCE(f.bytes, 0) AS file_bytes_scanned,
  l.rows_rejected AS error_count,
  ${constant('0', 'bigint')} AS copy_job_id
FROM ${d.ownTable('loads')} AS l LEFT JOIN (
  SELECT load_id, count(*) AS files, CAST(sum(bytes) AS bigint) AS bytes, string_agg(path, ', ' ORDER BY ordinal) AS paths
  FROM ${d.ownTable('files')} GROUP BY load_id
) AS f ON f.load_id = l.load_id`
