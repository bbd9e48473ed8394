import { createHash } from 'node:crypto'
import { loadAddon } from '../../native/addon.ts'
import { internalError } from './server-error.ts'

/** What the server's clock shows and calls itself at a time, in the form of the addon's `zoneObserved`. */
export function observedSql(at: string): string {
  return `extract(timezone FROM ${at})::pg_catalog.int8 || ' ' || pg_catalog.to_char(${at}, 'TZ')`
}

/** Digest of what the session's time zone shows at the Unix times $1. */
const DIGEST_SQL = `
SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
  pg_catalog.string_agg(${observedSql('at')}, E'\\n' ORDER BY position), 'UTF8')), 'hex')
FROM (
  SELECT pg_catalog.to_timestamp(unix) AS at, position
  FROM pg_catalog.unnest($1::pg_catalog.float8[]) WITH ORDINALITY AS instants (unix, position)
) AS probes`

/** 1600-01-01 and 2110-01-01: all clocks kept local mean time at first, and all rules repeat at last. */
const FIRST_PROBE = -11_676_096_000
const LAST_PROBE = 4_417_977_600
/** From 1890 on, clocks are changed: the server may have a change that we do not know of. */
const FIRST_REGULAR_PROBE = -2_524_608_000
/** 20 days: Morocco's clocks return after about 30, the shortest time that any zone's have or are planned to. */
const PROBE_INTERVAL = 1_728_000

/** Runs one statement and returns its rows, every value as text. */
type Query = (sql: string, values: readonly string[]) => Promise<readonly (readonly (string | null)[])[]>

/** Connections' zones that have been compared. A server process reads the data of a zone once. */
const compared = new WeakMap<object, Map<string, boolean>>()

/** Whether the clock of `zone` shows at a Unix time what the server says, so that `now` and `today` mean the same. */
export function agreesAt(zone: string, unix: number, observed: string): boolean {
  return loadAddon().zoneObserved(zone, Float64Array.of(unix)) === observed
}

/**
 * Whether the server's data of the session's time zone are ours, by comparing both at each transition of ours and every 20
 * days. It takes a few milliseconds, once for each connection and zone; nothing for zones with one offset.
 */
export async function agreesAlways(connection: object, zone: string, query: Query): Promise<boolean> {
  const addon = loadAddon()
  const ours = addon.zone(zone, FIRST_PROBE, LAST_PROBE)
  if (!ours) return false
  if (ours.isConstant) return true
  const known = compared.get(connection) ?? new Map<string, boolean>()
  compared.set(connection, known)
  const before = known.get(zone)
  if (before !== undefined) return before
  const instants = [FIRST_PROBE]
  for (let unix = FIRST_REGULAR_PROBE; unix <= LAST_PROBE; unix += PROBE_INTERVAL) instants.push(unix)
  for (const transition of ours.transitions) instants.push(transition - 1, transition)
  const [row] = await query(DIGEST_SQL, [`{${instants.join(',')}}`])
  if (typeof row?.[0] !== 'string') throw internalError('unexpected answer to the query of the time zone')
  const digest = createHash('sha256')
    .update(addon.zoneObserved(zone, Float64Array.from(instants)) ?? '')
    .digest('hex')
  known.set(zone, digest === row[0])
  return digest === row[0]
}
