import type { Dialect } from '../dialect.ts'

/** A count as the integer that a view promises; one that is too large is the largest. */
export const integer = (expression: string): string => `CAST(LEAST(COALESCE(${expression}, 0), 2147483647) AS integer)`

/** A constant of the type that a view promises. */
export const constant = (value: string, type: string): string => `CAST(${value} AS ${type})`

/** The record's text, with replacement characters where it is none. */
export const rawText = (dialect: Dialect): string =>
  `CASE WHEN r.raw_text IS NULL THEN ${dialect.decodeUtf8('r.raw')} ELSE r.raw_text END`

/** `varchar` of `character varying(10)`: ten characters have to do. */
export const typeName = (dialect: Dialect, type: string): string =>
  dialect.character(
    `COALESCE(replace(replace(split_part(${type}, '(', 1), 'character varying', 'varchar'), 'double precision', 'float8'), '')`,
    10,
  )

/** `10` of `character varying(10)`. */
export const typeLength = (dialect: Dialect, type: string): string =>
  dialect.character(`COALESCE(split_part(split_part(${type}, '(', 2), ')', 1), '')`, 10)

/** Redshift's number for a load error, of its "Load error reference"; 1200 where it has none. */
export const errorCode = (sqlState: string, type: string, message: string): string => `CAST(CASE
    WHEN ${sqlState} = '22P04' AND ${message} LIKE 'extra data%' THEN 1202
    WHEN ${sqlState} = '22P04' AND ${message} LIKE 'missing data%' THEN 1203
    WHEN ${sqlState} = '22P04' THEN 1216
    WHEN ${sqlState} IN ('22001', '22003') THEN 1204
    WHEN ${sqlState} IN ('22007', '22008') AND lower(${type}) = 'date' THEN 1205
    WHEN ${sqlState} IN ('22007', '22008') THEN 1206
    WHEN ${sqlState} = '22P02' AND (lower(${type}) LIKE '%int%') THEN 1207
    WHEN ${sqlState} = '22P02' AND lower(${type}) IN ('real', 'float', 'double', 'double precision') THEN 1208
    WHEN ${sqlState} = '22P02' AND (lower(${type}) LIKE 'numeric%' OR lower(${type}) LIKE 'decimal%') THEN 1209
    WHEN ${sqlState} = '22P02' AND lower(${type}) LIKE 'bool%' THEN 1210
    WHEN ${sqlState} = '23502' THEN 1213
    WHEN ${sqlState} = '22021' THEN 1220
    ELSE 1200
  END AS integer)`
