import type { Dialect } from '../dialect.ts'
import { constant, integer } from './expressions.ts'

/** Redshift's SYS_LOAD_DETAIL: one row a file. */
export const sysLoadDetail = (d: Dialect): string => `
SELECT
  ${integer('l.user_id')} AS user_id,
  ${integer('l.load_no')} AS query_id,
  ${d.character('f.path', 256)} AS file_name,
  ${integer('f.bytes')} AS bytes_scanned,
  ${integer('f.rows_read')} AS lines_scanned,
  ${d.utc('COALESCE(f.ended_at, l.ended_at)')} AS record_time,
  ${constant('1', 'integer')} AS splits_scanned,
  ${d.utc('COALESCE(f.started_at, l.started_at)')} AS start_time,
  ${d.utc('COALESCE(f.ended_at, l.ended_at)')} AS end_time,
  ${d.character("COALESCE(f.etag, '')", 256)} AS file_etag,
  ${d.utc('f.modified_at')} AS file_last_modified
FROM ${d.ownTable('loads')} AS l JOIN ${d.ownTable('files')} AS f ON f.load_id = l.load_id`
