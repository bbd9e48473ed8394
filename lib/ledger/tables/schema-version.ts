/** The migrations that have run. The latest is also the table's comment: found without a query that fails where there is no table. */
export const schemaVersion = (table: string): string => `
CREATE TABLE IF NOT EXISTS ${table} (
  version integer PRIMARY KEY,
  applied_at timestamptz NOT NULL
)`
