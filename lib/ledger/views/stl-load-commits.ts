import type { Dialect } from '../dialect.ts'
import { constant, integer } from './expressions.ts'

/** Redshift's STL_LOAD_COMMITS. What it shows was committed with the rows. */
export const stlLoadCommits = (d: Dialect): string => `
SELECT
  ${integer('l.user_id')} AS userid,
  ${integer('l.load_no')} AS query,
  ${constant('0', 'integer')} AS slice,
  ${d.character('l.target_table', 256)} AS name,
  ${d.character('f.path', 256)} AS filename,
  ${constant('0', 'integer')} AS byte_offset,
  ${integer('f.rows_read')} AS lines_scanned,
  ${integer('f.rows_rejected')} AS errors,
  ${d.utc('l.ended_at')} AS curtime,
  ${constant('1', 'integer')} AS status,
  ${d.character('l.format', 16)} AS file_format,
  ${constant('0', 'integer')} AS is_partial,
  ${constant('0', 'bigint')} AS start_offset,
  ${constant('0', 'bigint')} AS copy_job_id
FROM ${d.ownTable('loads')} AS l JOIN ${d.ownTable('files')} AS f ON f.load_id = l.load_id
WHERE l.status = 'completed'`
