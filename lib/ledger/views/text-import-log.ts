import type { Dialect } from '../dialect.ts'

/** QuestDB's sys.text_import_log: the end of each import, one row a file. How many rows of one of several were imported may not be known. */
export const textImportLog = (d: Dialect): string => `
SELECT
  ${d.utc('l.started_at')} AS ts,
  CAST(l.load_id AS text) AS id,
  l.target_table AS "table",
  f.path AS file,
  CAST(NULL AS text) AS phase,
  CASE WHEN l.status = 'completed' THEN 'finished' WHEN l.error_sqlstate = '57014' THEN 'cancelled' ELSE 'failed' END AS status,
  l.error_message AS message,
  COALESCE(f.rows_read, l.rows_read) AS rows_handled,
  CASE WHEN l.status <> 'completed' THEN 0
    WHEN count(*) OVER (PARTITION BY l.load_id) = 1 THEN COALESCE(f.rows_loaded, l.rows_loaded)
    ELSE f.rows_loaded END AS rows_imported,
  COALESCE(f.rows_rejected, l.rows_rejected) AS errors
FROM ${d.ownTable('loads')} AS l LEFT JOIN ${d.ownTable('files')} AS f ON f.load_id = l.load_id`
