import { datetimeFields, datetimeSeeds, datetimeSessions, literals } from './datetime-literals.ts'
import type { TypeCase } from './literals.ts'
import type { Random } from './random.ts'

const ALPHABET = '0123456789-:./ +TZtzadjpmecbBCsunfyrhiwkov'
const MONTHS = 'jan feb mar apr may jun jul aug sep sept oct nov dec January FEBRUARY december'.split(' ')
const ZONES = [
  ...literals(`
  Z | z | UTC | GMT | EST | EDT | PST | CET | CEST | MSK | +0 | +02 | -08 | +5:30 | -0330 | +053045 | +05:30:45 |
  +15:59 | +16 | -16:00 | America/New_York | europe/berlin | Asia/Kolkata | EST5EDT | UTC+3 | Nowhere/City | zulu |
  DST
`),
  ...[''],
]

const date = (random: Random): string => {
  const year = random.pick([
    () => `${random.between(1900, 2100)}`,
    () => `${random.between(1, 9999)}`.padStart(4, '0'),
    () => `${random.between(0, 99)}`.padStart(2, '0'),
    () => `${random.between(10000, 300000)}`,
  ])()
  const month = `${random.between(1, random.once(9) ? 13 : 12)}`.padStart(random.pick([1, 2, 2]), '0')
  const day = `${random.between(1, random.once(9) ? 32 : 29)}`.padStart(random.pick([1, 2, 2]), '0')
  const name = random.pick(MONTHS)
  const era = random.once(12) ? random.pick([' BC', ' AD', 'bc']) : ''
  const text = random.pick([
    () => `${year}-${month}-${day}`,
    () => `${year}-${month}-${day}`,
    () => `${year.padStart(4, '0')}${month.padStart(2, '0')}${day.padStart(2, '0')}`,
    () => [month, day, year].join(random.pick(['/', '-', '.', ' '])),
    () => [day, month, year].join(random.pick(['/', '-', '.'])),
    () => [year, month, day].join(random.pick(['/', '.', ' '])),
    () => `${name} ${day}, ${year}`,
    () => `${day}${random.pick([' ', '-', ''])}${name}${random.pick([' ', '-', ''])}${year}`,
    () => `${year}-${name}-${day}`,
    () => `${random.pick(['Mon', 'tuesday', 'Sat'])} ${name} ${day} ${year}`,
    () => `${year}.${random.between(1, 366)}`,
    () => `J${random.between(0, 2500000)}`,
  ])()
  return text + era
}

const time = (random: Random): string => {
  const two = (limit: number) => `${random.below(limit)}`.padStart(2, '0')
  const fraction = random.once(2) ? `.${random.digits(random.between(1, 9))}` : ''
  return random.pick([
    () => `${two(25)}:${two(60)}:${two(61)}${fraction}`,
    () => `${two(24)}:${two(60)}:${two(60)}${fraction}`,
    () => `${two(24)}:${two(60)}`,
    () => `${random.between(0, 13)}:${two(60)}${random.pick([' am', 'PM', ' pm'])}`,
    () => `${two(24)}${two(60)}${two(60)}${fraction}`,
    () => `T${two(24)}:${two(60)}`,
    () =>
      random.pick([
        'allballs',
        '24:00:00',
        '24:00:00.000001',
        '23:59:59.9999999',
        '23:59:60',
        '04:05:06.789-8',
        '0405',
        '12 am',
      ]),
  ])()
}

const moment = (random: Random): string => {
  const zone = random.once(2) ? random.pick(['', ' ']) + random.pick(ZONES) : ''
  return random.pick([
    () => `${date(random)} ${time(random)}${zone}`,
    () => `${date(random)} ${time(random)}${zone}`,
    () => `${date(random)}T${time(random)}${zone}`,
    () => `${time(random)} ${date(random)}${zone}`,
    () => date(random) + zone,
    () => random.pick(SPECIAL),
  ])()
}

const SPECIAL = [
  ...literals(`
  infinity | -infinity | Infinity | epoch | now | today | tomorrow | yesterday | TODAY | today 12:34 |
  tomorrow allballs | now UTC | noon | invalid | current | epoch 1 | +infinity | inf | today+1
`),
  ...['', ' '],
]

const DATE_SEEDS = [
  ...literals(`
  1999-01-08 | January 8, 1999 | 1/8/1999 | 1/18/1999 | 01/02/03 | 1999-Jan-08 | Jan-08-1999 | 08-Jan-1999 |
  99-Jan-08 | 08-Jan-99 | Jan-08-99 | 19990108 | 990108 | 1999.008 | J2451187 | January 8, 99 BC | 4713-01-01 BC |
  4714-11-24 BC | 4714-11-23 BC | 5874897-12-31 | 5874898-01-01 | 294276-12-31 23:59:59.999999 | 294277-01-01 |
  1999-02-29 | 2000-02-29 | 1900-02-29 | 0000-01-01 | 0001-01-01 BC | 2024-13-01 | 2024-00-10 | 2024-01-32 |
  2024-1-1 | 2024-01-01x | 99-01-08 | 20240101T000000 | 2024-01-01 25:00 | 2024-01-01 24:00 | 2024-01-01 00:00:60 |
  2024-03-31 02:30:00 | 2024-10-27 02:30:00 | 2024-03-10 02:30:00 America/New_York | 2001-02-16 20:38:40 PST |
  2001-02-16T20:38:40.12Z | 19970210 173201 America/New_York | Mon Feb 10 17:32:01.5 1997 PST |
  Feb 10 17:32:01 1997 -0800 | 2000-03-15 08:14:01 GMT+8 | 2001-09-22T18:19:20 | J2452271+08 | J2452271.5+08 |
  2001-12-27 04:05:06.789-08 | 20011227T040506.789-08 | Wed 1 Jan 2020
`),
  ...[' 2024-01-01 '],
]
const TIME_SEEDS = [
  ...literals(`
  04:05:06.789 | 04:05:06 | 04:05 | 040506 | 04:05 AM | 04:05 PM | 04:05:06.789-8 | 04:05:06-08:00 | 04:05-08:00 |
  040506-08 | 04:05:06 PST | 2003-04-12 04:05:06 America/New_York | 24:00:00 | 24:00:01 | 23:59:60 | 25:00 | 12:60 |
  12:00:61 | allballs | now | noon | 13:00 PM | 0:00 AM | 12:00 AM | 00:00 PM | T040506 | t04:05 | 04:05:06+15:59:59 |
  04:05:06+16 | 1 | infinity | 23:59:59.9999995 | 15:36:39 America/New_York | 15:36:39 m2 |
  2003-07-07 15:36:39 America/New_York | 11:59:59.99 PM
`),
  ...[''],
]
const INTERVAL_SEEDS = [
  ...literals(`
  1 day | 1 year 2 mons 3 days 04:05:06.789 | -1 day | 1 day -1 hour | -1 day 02:03 | @ 1 minute | @ 5 hours ago |
  @ 1 day ago 2 | P1Y2M3DT4H5M6S | P0001-02-03T04:05:06 | PT-1.5H | P-1Y | P1W | PT | P | P1.5Y | PT0.0000001S |
  P1Y2M3DT | p1y | P1 | PT1 | 1-2 | -1-2 | 1-2 3 4:05:06 | +1-2 -3 +4:05:06 | 3 4:05:06 | -3 4:05:06 | 4:05 |
  4:05:06 | 1.5 days | 1.5 months | 1.5 years | 0.1 mon | 1 millennium | 2 centuries | 3 decades | 4 weeks |
  1.5 weeks | 5 ms | 6 us | 1e3 days | 1 fortnight | 1 | 1.5 | -.5 | infinity | -infinity | +infinity |
  infinity 1 day | now | 1 day 1 day | 1:2:3:4 | 178956970 years | 178956971 years | 2147483647 days |
  2147483648 days | 2562047788:00:54.775807 | 2562047788:00:54.775808 | 9223372036854775807 us | 1 us ago ago |
  1 day 2 | 1 h 2 m 3 s | 1h2m3s | 1y | 1 mon | 1 m | 1 min | 0.5 min | -0 | 1 d ago | 12:34:56.789012345 | 1:60 |
  1:00:60
`),
  ...['', ' '],
]

const UNITS = literals(`
  year | years | y | yr | mon | mons | month | months | day | days | d | h | hour | hours | hr | m | min | mins |
  minute | s | sec | secs | second | seconds | ms | msec | us | usec | microseconds | week | w | weeks | decade |
  century | cent | millennium | mil | c | dec | quarter | timezone
`)

const interval = (random: Random): string => {
  const sign = () => random.pick(['', '', '', '-', '+'])
  const number = () =>
    sign() +
    random.between(0, random.pick([9, 99, 9999, 3000000000])) +
    (random.once(4) ? `.${random.digits(random.between(1, 8))}` : '')
  const clock = () =>
    `${sign()}${random.between(0, 30)}:${random.between(0, 61)}${random.once(2) ? `:${random.between(0, 61)}.${random.digits(3)}` : ''}`
  return random.pick([
    () =>
      Array.from(
        { length: random.between(1, 4) },
        () => `${number()}${random.pick([' ', ''])}${random.pick(UNITS)}`,
      ).join(' '),
    () => `${number()} ${random.pick(UNITS)} ${clock()}${random.once(5) ? ' ago' : ''}`,
    () =>
      `P${random.pick(['', `${number()}Y`])}${random.pick(['', `${number()}M`])}${random.pick(['', `${number()}D`])}T${random.pick(['', `${number()}H`])}${number()}${random.pick(['M', 'S'])}`,
    () => `P${random.between(0, 999)}-${random.between(0, 13)}-${random.between(0, 40)}T${clock()}`,
    () => `${sign()}${random.between(0, 99)}-${random.between(0, 13)} ${sign()}${random.between(0, 99)} ${clock()}`,
    () => `${number()} ${clock()}`,
    clock,
    number,
    () => random.pick(INTERVAL_SEEDS),
  ])()
}

function of(
  type: keyof typeof datetimeSeeds,
  modifier: string,
  corpus: readonly string[],
  seeds: readonly string[],
  generate: (random: Random) => string,
): TypeCase {
  return {
    type: `${type}${modifier}`,
    seeds: [...seeds, ...datetimeSeeds[type]],
    alphabet: ALPHABET,
    corpus,
    sessions: datetimeSessions,
    generate: (random) => (random.once(4) ? datetimeFields(random, type) : generate(random)),
  }
}

const MOMENTS = ['date', 'timestamp without time zone', 'timestamp with time zone']
const MOMENT_SEEDS = [...DATE_SEEDS, ...SPECIAL]
const clock = (random: Random) => time(random) + (random.once(2) ? random.pick(['', ' ']) + random.pick(ZONES) : '')

/** The types of dates and times. */
export const datetimeCases: readonly TypeCase[] = [
  of('date', '', MOMENTS, MOMENT_SEEDS, (random) => (random.once(4) ? moment(random) : date(random))),
  of('time', '', MOMENTS, [...TIME_SEEDS, ...MOMENT_SEEDS], clock),
  of('time', '(3)', [], TIME_SEEDS, clock),
  of('timetz', '', MOMENTS, [...TIME_SEEDS, ...MOMENT_SEEDS], clock),
  of('timetz', '(2)', [], TIME_SEEDS, clock),
  of('timestamp', '', MOMENTS, MOMENT_SEEDS, moment),
  of('timestamp', '(3)', [], MOMENT_SEEDS, moment),
  of('timestamptz', '', MOMENTS, MOMENT_SEEDS, moment),
  of('timestamptz', '(0)', [], MOMENT_SEEDS, moment),
  of('interval', '', ['interval'], INTERVAL_SEEDS, interval),
  of('interval', '(2)', [], INTERVAL_SEEDS, interval),
]
