import type { Dialect } from '../dialect.ts'

/** One row a load, completed or failed. */
export const loads = (table: string, { numbered }: Dialect): string => `
CREATE TABLE IF NOT EXISTS ${table} (
  load_no ${numbered},
  load_id uuid PRIMARY KEY,
  load_key text,
  statement text NOT NULL,
  target_table text NOT NULL,
  status text NOT NULL CHECK (status IN ('completed', 'failed')),
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  format text NOT NULL,
  transport text,
  rows_read bigint NOT NULL,
  rows_loaded bigint NOT NULL,
  rows_rejected bigint NOT NULL,
  rows_resolved bigint NOT NULL DEFAULT 0,
  rows_filtered bigint NOT NULL,
  rows_conflicted bigint NOT NULL,
  header_lines bigint NOT NULL,
  bytes_read bigint NOT NULL,
  error_sqlstate text,
  error_message text,
  error_context text,
  user_id bigint,
  user_name text NOT NULL,
  database_name text NOT NULL,
  table_id bigint,
  session_id bigint,
  transaction_id bigint,
  copyist_version text NOT NULL,
  receipt json
)`
