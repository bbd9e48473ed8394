import type { DuckDBType } from '@duckdb/node-api'

/** The shape of the rows of a load. */
export interface RowShape {
  /** Types of the vectors, in COPY column-list order: fields `c0`, `c1`, … */
  readonly columns: readonly DuckDBType[]
  /** Bytes of a value of each. */
  readonly widths: readonly number[]
  /** Indexes of the columns that may carry the DEFAULT marker: BOOLEAN fields `d<index>`. */
  readonly defaults: readonly number[]
}

/** Names of the fields of a row. */
export function fieldNames(columns: number, defaults: readonly number[]): string[] {
  return [...Array.from({ length: columns }, (_, index) => `c${index}`), ...defaults.map((index) => `d${index}`)]
}

/** A STRUCT of more fields has them in STRUCTs of their own. */
const MOST_FLAT = 256

/**
 * Fields of each STRUCT, `g0`, `g1`, …, within the one that is a row; undefined where that one has them itself.
 *
 * Whoever takes a field out of a STRUCT costs DuckDB as much as the STRUCT has fields, in the statement's plan and in the buffers of its
 * execution, before a row is touched: an INSERT of 5,000 columns takes ten seconds so, and one second if it takes groups out of rows, and fields
 * out of groups.
 */
export function groupSize(fields: number): number | undefined {
  return fields <= MOST_FLAT ? undefined : Math.ceil(Math.sqrt(fields))
}

/** The fields, or their names, in the groups that {@link groupSize} tells. */
export function groupsOf<T>(fields: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(fields.length / size) }, (_, group) =>
    fields.slice(group * size, (group + 1) * size),
  )
}
