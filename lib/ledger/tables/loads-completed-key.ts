/** A key completes once; failed attempts keep it too. By an expression, since DuckDB has no partial indexes. */
export const loadsCompletedKey = (table: string): string => `
CREATE UNIQUE INDEX IF NOT EXISTS loads_completed_key
ON ${table} ((CASE WHEN status = 'completed' THEN load_key END))`
