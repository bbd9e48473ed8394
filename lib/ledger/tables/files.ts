/** One row a file of a load. */
export const files = (table: string): string => `
CREATE TABLE IF NOT EXISTS ${table} (
  load_id uuid NOT NULL,
  ordinal integer NOT NULL,
  path text NOT NULL,
  bytes bigint NOT NULL,
  rows_read bigint NOT NULL,
  rows_loaded bigint,
  rows_rejected bigint NOT NULL,
  etag text,
  modified_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  PRIMARY KEY (load_id, ordinal)
)`
