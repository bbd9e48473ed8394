import { CopyError } from '../../errors.ts'
import type { ColumnType, LoadSession } from '../../native/load.ts'
import type { ZonesInLiterals } from '../target.ts'
import { conditionName } from './conditions.ts'
import { internalError } from './server-error.ts'
import { agreesAt, observedSql } from './time-zone.ts'

/** COPY … WHERE and generated columns came with PostgreSQL 12. */
const OLDEST_SERVER = 120_000

/** Older servers look an abbreviation up in their own set before they ask the session's zone. */
const ZONE_ABBREVIATIONS_FIRST = 180_000

/** The settings that decide how a literal is read, and the transaction's now(), in the order {@link readSettings} takes. */
export const SETTINGS_SQL = `
SELECT pg_catalog.current_setting('server_version_num'),
       pg_catalog.current_setting('client_encoding'),
       pg_catalog.current_setting('DateStyle'),
       pg_catalog.current_setting('IntervalStyle'),
       pg_catalog.current_setting('TimeZone'),
       pg_catalog.current_setting('timezone_abbreviations'),
       pg_catalog.current_setting('array_nulls'),
       ((extract(epoch FROM pg_catalog.now()) * 1000000)::pg_catalog.int8 - 946684800000000)::pg_catalog.text,
       ${observedSql('pg_catalog.now()')},
       EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'copyist')::pg_catalog.text,
       pg_catalog.current_setting('standard_conforming_strings'),
       pg_catalog.current_setting('server_encoding')`

/** Seconds from the Unix epoch to 2000-01-01. */
const POSTGRES_EPOCH_UNIX = 946_684_800

/** The settings of a session. */
export interface SessionSettings {
  /** `zoneWords` and `timeZone` still have to be settled: see {@link sessionFor}. */
  readonly session: LoadSession
  /** `server_version_num`. */
  readonly serverVersion: number
  /** Whether the abbreviations that the session's time zone uses come before those of the set. */
  readonly zoneAbbreviationsFirst: boolean
  /** Whether we know the session's time zone, and its clock shows the same now. */
  readonly zoneAgreesNow: boolean
  /** Whether the abbreviations of time zones are PostgreSQL's default set, which the native core knows. */
  readonly defaultAbbreviations: boolean
  /** `array_nulls`: whether an unquoted NULL in an array literal is one. The native core knows no other rule. */
  readonly arrayNulls: boolean
  /** Whether there is a schema `copyist`: asked along with the rest, it costs strict loads no query of their own. */
  readonly hasLedger: boolean
  /** `standard_conforming_strings`: whether a backslash in a string is a character like any other. */
  readonly standardStrings: boolean
  /** Whether lengths of strings are counted in characters: SQL_ASCII knows bytes alone. */
  readonly countsCharacters: boolean
}

/** Reads the row of {@link SETTINGS_SQL}. Throws CopyError 0A000 for a session that a load cannot run in. */
export function readSettings(row: readonly (string | null)[] | undefined): SessionSettings {
  if (row?.length !== 12) throw internalError('unexpected answer to the query of the session settings')
  const [version, encoding, dateStyle, intervalStyle, timeZone, abbreviations, arrayNulls, now, observed, hasLedger] =
    row.map(String) as [string, string, string, string, string, string, string, string, string, string]
  const standardStrings = row[10] === 'on'
  if (Number(version) < OLDEST_SERVER) {
    throw unsupported(
      `PostgreSQL ${Math.floor(Number(version) / 10_000)} is not supported`,
      'PostgreSQL 12 or newer is needed.',
    )
  }
  // pg itself reads and writes nothing but UTF-8; text in a binary COPY is converted from this encoding.
  if (encoding !== 'UTF8') {
    throw unsupported(
      `client_encoding "${encoding}" of the connection is not supported`,
      "Run SET client_encoding TO 'UTF8' on the connection.",
    )
  }
  return {
    serverVersion: Number(version),
    session: {
      dateOrder: readDateOrder(dateStyle),
      intervalStyle: intervalStyle as LoadSession['intervalStyle'],
      timeZone,
      now: BigInt(now),
      zoneWords: 'none',
    },
    zoneAbbreviationsFirst: Number(version) >= ZONE_ABBREVIATIONS_FIRST,
    zoneAgreesNow: agreesAt(timeZone, Math.floor(Number(BigInt(now) / 1_000_000n)) + POSTGRES_EPOCH_UNIX, observed),
    defaultAbbreviations: abbreviations === 'Default',
    arrayNulls: arrayNulls === 'on',
    hasLedger: hasLedger === 'true',
    standardStrings,
    countsCharacters: row[11] !== 'SQL_ASCII',
  }
}

/** The session of a load. `zoneAgrees` says that the server's data of the session's time zone are known to be ours. */
export function sessionFor(settings: SessionSettings, zoneAgrees: boolean): LoadSession {
  const { session, zoneAgreesNow, zoneAbbreviationsFirst } = settings
  // A zone that we may not even know is not used: every date and time is left to the server then.
  if (!zoneAgreesNow) return { ...session, timeZone: 'UTC' }
  return { ...session, zoneWords: zoneAgrees && zoneAbbreviationsFirst ? 'session' : 'none' }
}

/** Whether values of this type depend on a time zone. */
export function isZoned(type: ColumnType): boolean {
  return type.kind === 'array' ? isZoned(type.element) : type.kind === 'timestamptz' || type.kind === 'timetz'
}

/**
 * Whether the native core reads literals of this type just as the server does in this session. `zoneAgrees` as in
 * {@link sessionFor}.
 */
export function decodesNatively(
  type: ColumnType,
  settings: SessionSettings,
  zoneAgrees: boolean,
  zones: ZonesInLiterals,
): boolean {
  switch (type.kind) {
    case 'other':
      return false
    case 'array':
      return settings.arrayNulls && decodesNatively(type.element, settings, zoneAgrees, zones)
    case 'varchar':
    case 'bpchar':
      return settings.countsCharacters || type.length === undefined
    // A date or a timestamp may have a zone in its literal, too: it is ignored, but it must be a known one.
    case 'date':
    case 'time':
    case 'timestamp':
      return settings.defaultAbbreviations && settings.zoneAgreesNow && zones !== 'present'
    case 'timetz':
    case 'timestamptz':
      return settings.defaultAbbreviations && zoneAgrees && zones === 'unexpected'
    default:
      return true
  }
}

/** The order in a DateStyle such as `ISO, MDY`. */
function readDateOrder(dateStyle: string): LoadSession['dateOrder'] {
  const order = dateStyle.split(', ')[1]?.toLowerCase()
  if (order === 'mdy' || order === 'dmy' || order === 'ymd') return order
  throw internalError(`unexpected DateStyle: ${dateStyle}`)
}

/**
 * Refuses SQL of the statement's own (WHERE, TRANSFORM) in a session in which a backslash escapes in strings: it was found to end where
 * standard strings end, and more could stand behind.
 *
 * @throws {CopyError} 0A000
 */
export function checkOwnSql({ standardStrings }: SessionSettings): void {
  if (standardStrings) return
  throw unsupported(
    'WHERE and TRANSFORM are not supported where standard_conforming_strings of the connection is off',
    'Run SET standard_conforming_strings TO on on the connection.',
  )
}

function unsupported(message: string, hint: string): CopyError {
  return new CopyError({ code: conditionName('0A000'), sqlState: '0A000', message, hint })
}
