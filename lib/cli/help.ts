import { renderOptionHelp } from '../statement/option-docs.ts'
import { fallbackFile } from './destination.ts'
import { exitCodes } from './report.ts'

/** The text of `--help` for a terminal of `width` columns. Ends with a line feed. */
export function renderHelp(width: number): string {
  return `Loads a CSV or TEXT file into PostgreSQL or DuckDB with SQL COPY.

Usage:
  copyist [options] "COPY table [ (columns) ] FROM { 'file' | STDIN }
                     [ [WITH] (option [=] value, ...) ]
                     [ ON CONFLICT [ (columns) ] DO { SKIP | UPDATE | REJECT | ERROR }
                       [ KEEP { FIRST | LAST } ] ]
                     [ WHERE condition ]"
  copyist [options] "COPY REJECTS 'load' INTO table [ (columns) ]
                     [ WITH (option [=] value, ...) ] [ ON CONFLICT ... ]
                     [ WHERE condition ]"
  copyist [options] "EXPLAIN [ VALIDATE ] COPY ..."

EXPLAIN says what the statement would do, and writes nothing to the database. With
VALIDATE all of the input is read, and every row with an error is counted.

Options:
  --to TARGET          postgres://user@host/database, or the path of a DuckDB file
  --create             create the table from the file when it does not exist
  --no-create          do not, where it is the default (without a target, see below)
  -f, --file FILE      read the statement from FILE
  --json               print the receipt, or the error, as one line of JSON
  -q, --quiet          print nothing but errors
  --threads N          decoder threads
  --memory-limit SIZE  memory for buffers, such as 64MB
  --rejects FILE       write rejected rows to FILE as they were read
  --max-rejects N      rejected rows of a load that are recorded; 50000 by default
  --max-reject-bytes SIZE
                       how much of each is; 1MB by default (option REJECT_BYTES)
  --ledger             record the load and its rejected rows in the schema copyist
  --no-ledger          do not, where it is the default (ON_ERROR and the like, or once
                       there is that schema)
  --ledger-retention DAYS
                       after the load, forget loads that are older, but for those with
                       a LOAD_KEY or with rejected rows that nobody has loaded
  --config FILE        named connections to object stores (AWS CONNECTION, CREDENTIALS),
                       as JSON: { "connections": { "name": { … } } }
  -h, --help           print this
  -V, --version        print the version

COPY options:
${renderOptionHelp(Math.min(width, 100)).join('\n')}

Examples:
  copyist "COPY airports FROM 'airports.csv' WITH (FORMAT csv, HEADER)"
  copyist --to postgres://localhost/app "COPY weather FROM 'weather.csv' CSV HEADER"
  cat rows.txt | copyist --to app.duckdb "COPY weather (id, temp) FROM STDIN"

Environment:
  COPYIST_TO           the target when --to is not given
  PGHOST, PGDATABASE   when either is set and COPYIST_TO is not, the target is PostgreSQL
                       as these and PGPORT, PGUSER, PGPASSWORD describe it
  COPYIST_SIMD         instruction set of the scanner: scalar, avx2, avx512 or neon
  NO_COLOR, CI         no color; no progress bar
  Without any of them the target is ${fallbackFile} in the current directory, and a table
  that does not exist is created.

Exit status:
  ${exitCodes.loaded}    loaded, but for rows whose errors the statement tolerates; EXPLAIN: would be
  ${exitCodes.failed}    the load failed, and nothing was loaded; EXPLAIN: it would fail
  ${exitCodes.usage}    the statement or the command line is wrong
  ${exitCodes.interrupted}  interrupted (${exitCodes.terminated}: terminated); nothing was loaded
`
}
