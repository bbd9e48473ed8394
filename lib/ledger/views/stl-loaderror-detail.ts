import type { Dialect } from '../dialect.ts'
import { constant, integer, typeLength, typeName } from './expressions.ts'

/** Redshift's STL_LOADERROR_DETAIL: every field that was refused. A load has as many as it has errors. */
export const stlLoaderrorDetail = (d: Dialect): string => `
SELECT
  ${integer('l.user_id')} AS userid,
  ${constant('0', 'integer')} AS slice,
  ${integer('l.session_id')} AS session,
  ${integer('l.load_no')} AS query,
  ${d.character('r.file', 256)} AS filename,
  r.line AS line_number,
  ${integer("CAST(e.item ->> 'field' AS bigint)")} AS field,
  ${d.character("COALESCE(e.item ->> 'column', '')", 1024)} AS colname,
  ${d.character("COALESCE(e.item ->> 'value', '')", 1024)} AS value,
  CAST(CASE WHEN (e.item ->> 'sqlState') = '23502' THEN 1 ELSE 0 END AS integer) AS is_null,
  ${typeName(d, "(e.item ->> 'type')")} AS type,
  ${typeLength(d, "(e.item ->> 'type')")} AS col_length
FROM ${d.ownTable('loads')} AS l JOIN ${d.ownTable('rejects')} AS r ON r.load_id = l.load_id
CROSS JOIN LATERAL ${d.elements('r.errors', 'e')}`
