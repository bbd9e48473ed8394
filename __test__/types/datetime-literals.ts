import type { SessionSettings } from './literals.ts'
import type { Random } from './random.ts'

/** Literals of a block of text, in which `|` stands between two and white space around it does not count. */
export const literals = (block: string): string[] => block.split('|').map((literal) => literal.trim())

/**
 * Sessions whose time zones reach every way of resolving one: a fixed offset, daylight saving time on both sides of the
 * equator, rules of a POSIX specification, abbreviations that changed their meaning, a day that was skipped.
 */
export const datetimeSessions: readonly SessionSettings[] = [
  { timeZone: 'UTC', dateOrder: 'mdy', intervalStyle: 'postgres' },
  { timeZone: 'Europe/Berlin', dateOrder: 'dmy', intervalStyle: 'sql_standard' },
  { timeZone: 'America/New_York', dateOrder: 'mdy', intervalStyle: 'iso_8601' },
  { timeZone: 'Asia/Kolkata', dateOrder: 'ymd', intervalStyle: 'postgres_verbose' },
  { timeZone: 'EST5EDT4,M3.2.0,M11.1.0', dateOrder: 'ymd', intervalStyle: 'sql_standard' },
  { timeZone: '<+0530>-5:30', dateOrder: 'dmy', intervalStyle: 'postgres' },
  { timeZone: 'Europe/Moscow', dateOrder: 'mdy', intervalStyle: 'sql_standard' },
  { timeZone: 'America/Sao_Paulo', dateOrder: 'dmy', intervalStyle: 'iso_8601' },
  { timeZone: 'Pacific/Apia', dateOrder: 'ymd', intervalStyle: 'postgres' },
  { timeZone: 'T5Z,J60/0,J300/25', dateOrder: 'mdy', intervalStyle: 'postgres' },
]

/** Zones in every notation, wrong ones among them. */
const ZONES = literals(`
  Z | z | UTC | GMT | zulu | UT | +05:30:15 | -0330 | +05:30 | -08 | +5 | -00:00 | -15:59:59 | +16 | +15:60 | +5.5 | +-5 |
  EST | EDT | MSK | MSD | CEST | CET | IST | BST | LMT | AMT | ACT | AZT | KRAT | PYT | CLT | VOLT | YEKT | NOVST | HST |
  PST8PDT | EST5EDT | W-SU | GB-Eire | NZ-CHAT | GMT0 | GMT+0 | Etc/GMT+5 | UTC+3 | FOO5 | foo5bar | FOO-3:30 | MET DST |
  EST DST | EDT DST | DST | America/New_York | america/new_york | Europe/London | Asia/Kolkata | Europe/Lisbon |
  Antarctica/Troll | Asia/Manila | Pacific/Apia | Factory | Europe | Asia/ | Nowhere/Land | posixrules
`)

const DATES = literals(`
  1999-1-8 | 99-1-8 | 1.8.1999 | 8.1.1999 | 1999 8 Jan | Jan 1999 8 | 1999 Jan 8 | 1999jan8 | 1999-jan8 | jan8,1999 |
  8jan99 | 8 jan99 | 1-jan99 | 1999 12 31 | 31 12 1999 | 12 31 99 | 13/13/2020 | 20201301 | 2024.366 | 2023.366 | 2024-001 |
  2000-366 | 2000-367 | 70-366 | 5-6-7 | 1-1-1 BC | 100-1-1 | 12345-01-01 | 112345-01-01 | 000002-01-01 | 0/1/1 | 1/1/0 |
  1/1/69 | 1/1/70 | 99999999.123 | 99999999-01-01 | 2147483648-01-01 | 2001-02 | 2001 | 200 | 20 | 2 | Jan | 12 Jan |
  Feb 30 2020 | Sept 5 2020 | weds 5 aug 2020 | 2001/Feb/03 | 2001-02/03 | 2001.02.03 | 03.02.2001 | y2001m02d03 |
  2001-W05-3 | 2001W053 | 1999-01-08 BC AD | 1999-01-08 1999-01-09 | on 2000-1-1 | 2000-1-1 at | d 5 | J 0 | J-5 |
  jd 2451187.5 | julian 2451187 | J2147483647 | J2147483648 | J2451187-05 | J2451187-05:00 | J2451187 +05 | j2451187.25 est |
  J2451187 12:00 | T | 2001-02-03T | 2001-02-03 t | 20010203 04 | 20010203T040506 | - infinity | infinity 04:05 | epoch now |
  today today | today 04:05 | now +05 | now est | yesterday allballs | tomorrow 04:05 est
`)

const TIMES = literals(`
  04:05:06.7895555 | 040506.7895555 | 040506+08 | 04:05 BC | 04:05 dst | 04:05 pst dst | 04:05 edt dst | 04:05 UTC+3 |
  10:11.5 | 10:11. | 10:11:12. | 1:2:3 | 1::3 | 1: | 1:2: | .5 | 4 | 123 | 12345 | 1234567 | 12.5 | 123.5 | 1234.5 |
  12345.5 | 123456.5 | 04.05 | 04:05.5.5 | 04:05:06:07 | -04:05 | +04:05 | 15 pm | 12:30 am pm | 24:00 pm | 24:00:00 am |
  23:59:60.5 | 00:00:60 | 23:59:59.9999999 | 12:34:56.1234565 | 12:34:56.0000005 | 00:00:00.0000004 |
  12:34:56.12345678901234567890 | 99999999999:00 | 04:99999999999 | 4294967296:00 | t 0405 | T0405 |
  2001-02-03 04:05 America/New_York | 2001-02-03 0405-08 | 2001.34 04:05 | Jan 8 1999 04:05 | J2451187 04:05 |
  jd 2451187.5 | J19 now | J2147483647 now | 100 12.5 12 allballs
`)

/** Around changes of clocks, and where zones begin and end. */
const MOMENTS = literals(`
  2024-03-10 01:59:59 | 2024-03-10 02:30 | 2024-03-10 03:00:00 | 2024-11-03 00:59:59 | 2024-11-03 01:00:00 |
  2024-11-03 01:59:59.999999 | 2024-11-03 02:00 | 2024-03-31 01:59 | 2024-03-31 02:30 | 2024-03-31 03:00 |
  2024-10-27 01:59 | 2024-10-27 02:00 | 2024-10-27 02:59:59 | 2024-10-27 03:00 | 1883-11-18 12:00 | 1883-11-18 12:03:58 |
  1942-06-01 12:00 | 1945-05-24 02:30 | 1947-05-11 03:30 | 1991-03-31 02:30 | 2011-12-30 12:00 | 2014-10-26 01:30 |
  2038-01-19 03:14:08 | 2300-03-11 02:30 | 9999-07-01 00:00 | 200000-07-01 12:00 | 1700-07-01 00:00 |
  0044-03-15 12:00 BC | 1800-01-01 12:00 LMT | 294276-12-31 23:59:59.9999996 | 4714-11-24 00:00:00 BC |
  294276-12-31 23:59:59.999999 -15:59 | 294276-12-31 23:59:59.999999 +15:59 | 4714-11-24 00:00 +15:59 BC |
  1999-12-31 23:59:59.9999995 | 2001-01-01T24:00:00 | 2001-01-01 24:00:00.1 | 2001-01-01 99:00 | 20010101 256199 |
  20010101 240000.5 | 20010101T040506Z | 20010101T04 | 2001-01-01T040506.5-08 | 2001-01-01 T040506-08 |
  2001-01-01 13:05 PM | 2001-01-01 0:05 PM | 0405 2001-01-01 | 2001-01-01 est 04:05 | 040506 19990108 | 19990108040506 |
  990108 040506 | 2024-01-01T00:00:00.123456789Z | 2024-01-01T23:59:59.999999999+00:00 | gmt 2001-02-03 | 2001-02-03 mon bc
`)

const INTERVALS = literals(`
  1.25 decades | 1.2 centuries | 1.7 millennia | 0.33 year | 0.7 mons | -0.7 mons | 0.99999999999999999 months |
  1.999999999999999999999 weeks | 3.999999999999 days | 2.5 us | 1.5 microseconds | 0.0000005 s | 1.0000005 secs |
  -1.0000015 sec | 1.5 sec 1 ms | 1 sec 1.5 ms | 1 ms 1 us | 2 microsecondsxyz | 3 millenniums | 1 millisecondss | 1 monthx |
  1 mm | 1 dow | 1 doy | j 5 | h | timezone 3 | 1 qtr | 1 at | at 1 | 1 on 2 day | 12 jan | ago | 1 ago | ago 1 day |
  1 day ago 2 hours | 1 month ago ago | infinity ago | 1 infinity | infinity 1 | - infinity | 1 3:04 infinity |
  1 2 | 1 2 3 | 1 2:03 | 1:02.5 | 12:34.56 | 1 2 hours | 1 hour 2 | 1 year 1 year | 1 day 1:00 2:00 | 2:03 1.5 day |
  1-13 | 1-12 | 1-11 | -1-11 | 1--2 | 1-2-3 | +1-2 | -0-2 | -1 2-3 | 1.5-2 | 1:-2 | -1:-2 | -1:2:-3 | -1:2:3:4 | 00:60 |
  00:00:60 | 0:0:60.999999 | 1. | 1. day | .5 day | -.5 day | +.5 day | 1.2.3 day | 1e5 days | @ | @1day | 1day2hours | 1y2m |
  -1 day +2:03 | 1 day,2 hours | 2147483647 months | 2147483648 months | -178956970 years -8 months |
  178956970 years 7 months | 178956970 years 8 months | 1 year 2147483647 months | 10000000000 years | -2147483648 days ago |
  106751991167 days | 999999999999 hours | 2562047788 hours | -2562047788:00:54.775808 | 9223372036854775808 us |
  -9223372036854775808 us | -9223372036854775808 us ago | 2147483647 months 2147483647 days 9223372036854775807 us |
  -2147483648 months -2147483648 days -9223372036854775808 us | P1Y2M3W4D | P1.5DT1.5H | PT1.5M1.5S |
  P-1Y-2M3DT-4H-5M-6.7S | P-0001-02-03 | P0001-02 | P0001T04 | PT04 | PT04:05 | PT0405 | PT040506 | PT040506.789 |
  P00010203T040506 | P20200101 | P20200101T | P1e3D | P1eD | P0x10D | P0x1.8p1D | P-infD | P-nanD | PinfD | P1Y1 | P1y | P.5Y |
  P-.5Y | P1E400D | P1e-400D | P1e15D | P1.1e15D | PT1e15S | PT36H | P1Y2 | P1Y-2
`)

/** Literals with a zone after each. */
const zoned = (moments: readonly string[]) =>
  moments.map((moment, index) => `${moment} ${ZONES[index % ZONES.length] ?? ''}`)

const CLOCKS = [...TIMES, ...zoned(TIMES), ...ZONES.flatMap((zone) => [`04:05:06 ${zone}`, `2001-07-03 04:05${zone}`])]
const TIMESTAMPS = [
  ...[...MOMENTS, ...DATES, ...zoned(MOMENTS), ...zoned(DATES)],
  ...ZONES.flatMap((zone) => [`2001-07-03T04:05:06.5${zone}`, `1850-01-01 12:00 ${zone}`, `Jan 8 04:05 1999 ${zone}`]),
]

/** Array literals of a type's literals: bare where that is possible, quoted, nested. */
const arrays = (elements: readonly string[]): string[] => {
  const quoted = elements.map((element) => `"${element.replace(/[\\"]/g, '\\$&')}"`)
  return quoted.map((element, index) => {
    const next = quoted[(index + 7) % quoted.length]
    const bare = elements[index] ?? ''
    return index % 3 === 0 ? `{${element},NULL,${next}}` : index % 3 === 1 ? `{{${element}},{${next}}}` : `{${bare}}`
  })
}

/** Literals by type that reach every branch of the input functions. `type[]` has array literals. */
export const datetimeSeeds = {
  date: [...DATES, ...MOMENTS, ...ZONES],
  time: [...CLOCKS, ...DATES],
  timetz: [...CLOCKS, ...DATES, ...MOMENTS],
  timestamp: TIMESTAMPS,
  timestamptz: TIMESTAMPS,
  interval: INTERVALS,
  'date[]': arrays(DATES),
  'time[]': arrays(TIMES),
  'timetz[]': arrays(zoned(TIMES)),
  'timestamp[]': arrays(MOMENTS),
  'timestamptz[]': arrays(zoned(MOMENTS)),
  'interval[]': arrays(INTERVALS),
} as const satisfies Record<string, readonly string[]>

const DATE_FIELDS = literals(`
  2001-02-03 | 99-1-8 | 1/2/03 | 31.12.1999 | 20010203 | 010203 | 1999.123 | Jan-8-99 | 8-Feb-2000 | 2000-Feb-30 | feb | 8 |
  1999 | 99 | 366 | J | 2451187 | J2451187 | mon | bc | ad | now | today | 5 | 12 | 31 | 1 | 70 | 69 | 100 | 12345 | jd |
  123456 | 1234567 | at | on
`)
const TIME_FIELDS = literals(`
  04:05 | 04:05:06 | 23:59:60 | 24:00 | 040506 | 0405 | 04:05:06.789 | 040506.5 | t | T04 | am | pm | 12:00 | .5 | 1.5 | 12.5 |
  123.5 | allballs | now | 0 | 59 | 60 | 2359
`)
const UNITS = literals(`
  us | ms | sec | min | hours | day | days | w | mons | year | dec | cent | mil | ago | y | m | d | h | s | c | mm | at | on | qtr |
  infinity | doy
`)
const SEPARATORS = [' ', ' ', ' ', ' ', '', 'T', ',', '  ']

/**
 * Fields in any order: hardly ever valid, and the shortest way to states of the decoders that nobody would think of.
 * `type` is one of the six.
 */
export function datetimeFields(random: Random, type: string): string {
  const number = () => random.pick(['', '', '-', '+', '- ']) + random.between(0, random.pick([9, 99, 9999, 3000000000]))
  const fields = {
    date: () => random.pick(DATE_FIELDS),
    time: () => random.pick(TIME_FIELDS),
    zone: () => random.pick(ZONES),
    unit: () => random.pick(UNITS),
    number: () => number() + random.pick(['', '', '.5', `.${random.digits(7)}`]),
    yearMonth: () => `${random.pick(['', '-', '+'])}${random.below(20)}-${random.below(14)}`,
    clock: () =>
      `${random.pick(['', '-', '+'])}${random.below(30)}:${random.below(62)}${random.pick(['', ':59', '.25'])}`,
  }
  const choices = type.startsWith('interval')
    ? [fields.number, fields.number, fields.number, fields.unit, fields.unit, fields.yearMonth, fields.clock]
    : type.startsWith('time') && !type.startsWith('timestamp')
      ? [fields.time, fields.time, fields.zone, fields.date]
      : [fields.date, fields.date, fields.time, fields.zone]
  const count = random.between(1, 6)
  let literal = ''
  for (let index = 0; index < count; index += 1) {
    literal += (index > 0 ? random.pick(SEPARATORS) : '') + random.pick(choices)()
  }
  return literal
}
