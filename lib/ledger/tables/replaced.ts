/** One row a value that did not fit and was replaced by NULL or its column's default: its row has been loaded. */
export const replaced = (table: string): string => `
CREATE TABLE IF NOT EXISTS ${table} (
  load_id uuid NOT NULL,
  row_no bigint NOT NULL,
  file text NOT NULL,
  line bigint NOT NULL,
  last_line bigint NOT NULL,
  byte_offset bigint NOT NULL,
  byte_length bigint NOT NULL,
  column_name text NOT NULL,
  column_type text,
  replacement text NOT NULL,
  sqlstate text NOT NULL,
  message text NOT NULL,
  value text,
  PRIMARY KEY (load_id, row_no, column_name)
)`
