import type { Dialect } from '../dialect.ts'
import { rawText } from './expressions.ts'

/** GaussDB's PGXC_COPY_ERROR_LOG, with the columns that later releases added. */
export const pgxcCopyErrorLog = (d: Dialect): string => `
SELECT
  CAST(l.target_table AS varchar) AS relname,
  l.started_at AS begintime,
  CAST(r.file AS varchar) AS filename,
  r.line AS lineno,
  ${rawText(d)} AS rawrecord,
  r.message AS detail,
  CAST(l.load_key AS varchar) AS custom_id,
  CAST(r.column_name AS varchar) AS columnname,
  CAST(r.sqlstate AS varchar) AS errcode,
  l.load_no AS queryid
FROM ${d.ownTable('loads')} AS l JOIN ${d.ownTable('rejects')} AS r ON r.load_id = l.load_id`
