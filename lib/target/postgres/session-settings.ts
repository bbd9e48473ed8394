import { CopyError } from '../../errors.ts'
import type { ColumnType, LoadSession } from '../../native/load.ts'
import { conditionName } from './conditions.ts'
import { internalError } from './server-error.ts'

/** COPY … WHERE and generated columns came with PostgreSQL 12. */
const OLDEST_SERVER = 120_000

/** The settings that decide how a literal is read, and the transaction's now(), in the order {@link readSettings} takes. */
export const SETTINGS_SQL = `
SELECT pg_catalog.current_setting('server_version_num'),
       pg_catalog.current_setting('client_encoding'),
       pg_catalog.current_setting('DateStyle'),
       pg_catalog.current_setting('IntervalStyle'),
       pg_catalog.current_setting('TimeZone'),
       pg_catalog.current_setting('timezone_abbreviations'),
       pg_catalog.current_setting('array_nulls'),
       ((extract(epoch FROM pg_catalog.now()) * 1000000)::pg_catalog.int8 - 946684800000000)::pg_catalog.text`

/** The settings of a session. */
export interface SessionSettings {
  readonly session: LoadSession
  /** Whether the abbreviations of time zones are PostgreSQL's default set, which the native core knows. */
  readonly defaultAbbreviations: boolean
  /** `array_nulls`: whether an unquoted NULL in an array literal is one. The native core knows no other rule. */
  readonly arrayNulls: boolean
}

/** Reads the row of {@link SETTINGS_SQL}. Throws CopyError 0A000 for a session that a load cannot run in. */
export function readSettings(row: readonly (string | null)[] | undefined): SessionSettings {
  if (row?.length !== 8) throw internalError('unexpected answer to the query of the session settings')
  const [version, encoding, dateStyle, intervalStyle, timeZone, abbreviations, arrayNulls, now] = row.map(String) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
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
    session: {
      dateOrder: readDateOrder(dateStyle),
      intervalStyle: intervalStyle as LoadSession['intervalStyle'],
      timeZone,
      now: BigInt(now),
    },
    defaultAbbreviations: abbreviations === 'Default',
    arrayNulls: arrayNulls === 'on',
  }
}

/** Whether the native core reads literals of this type just as the server does in this session. */
export function decodesNatively(type: ColumnType, settings: SessionSettings): boolean {
  switch (type.kind) {
    case 'other':
      return false
    case 'array':
      return settings.arrayNulls && decodesNatively(type.element, settings)
    // A date or a timestamp may have a zone in its literal, too: it is ignored, but it must be a known one.
    case 'date':
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return settings.defaultAbbreviations
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

function unsupported(message: string, hint: string): CopyError {
  return new CopyError({ code: conditionName('0A000'), sqlState: '0A000', message, hint })
}
