/**
 * One row a record that was refused. Column, type, SQLSTATE and message are those of its first error. `raw_text` is there where
 * `raw` is not text as it is: not UTF-8, in another encoding, or with a NUL in it. `records_before` counts the records before it in the input, where
 * those have numbers (SEQUENCE).
 */
export const rejects = (table: string): string => `
CREATE TABLE IF NOT EXISTS ${table} (
  load_id uuid NOT NULL,
  reject_no bigint NOT NULL,
  file text NOT NULL,
  line bigint NOT NULL,
  last_line bigint NOT NULL,
  byte_offset bigint NOT NULL,
  byte_length bigint NOT NULL,
  column_name text,
  column_type text,
  sqlstate text NOT NULL,
  message text NOT NULL,
  errors json NOT NULL,
  raw bytea NOT NULL,
  raw_cut boolean NOT NULL,
  raw_text text,
  records_before bigint,
  resolved_by uuid,
  resolved_at timestamptz,
  PRIMARY KEY (load_id, reject_no)
)`
