import {
  CHECK_HUMIDITY,
  DOMAIN_HUMIDITY,
  EXCLUDED_ID,
  GENERATED_DRYNESS,
  GENERATED_WETNESS,
  KEY_AND_CHECK,
  KEY_ID,
  KNOWN_STATION,
  SHORT_STATION,
  STATION_NEEDED,
  TRIGGER_HUMIDITY,
} from './spoil.mjs'

const TARGETS = {
  postgres: { kind: 'postgres', into: 'PostgreSQL' },
  duckdb: { kind: 'duckdbMemory', into: 'DuckDB in memory' },
}
const POSTGRES_PEERS = ['psql', 'pg-copy-streams']
const DUCKDB_PEERS = ['duckdb-rejects', 'duckdb-ignore']
const LITTLE_AND_MUCH = [1, 10]

/**
 * The cases of loads that go on after errors. copyist leaves bad rows out (ON_ERROR skip_row) and keeps no record of them, but
 * for `copyist-ledger`; `copyist-clean` loads the file without bad rows in the same way.
 */
export function tolerantCases(threads, quick) {
  const clean = quick ? 'weather-100k' : 'weather-1m'
  const tolerantCase = ({ name, target, title, bad, engines, ...rest }) => ({
    name: `tolerant-${name}`,
    title: `${title}, to ${TARGETS[target].into}`,
    kind: TARGETS[target].kind,
    tolerant: true,
    dataset: bad === undefined ? clean : `${clean}-${bad}`,
    datasets: { 'copyist-clean': clean },
    threads,
    engines: ['copyist', ...engines],
    gates: {},
    ...rest,
  })
  const spoiled = (kind, percent, target, title, engines, rest) =>
    tolerantCase({
      name: `${kind}-${percent}-${target}`,
      target,
      title: `CSV with ${percent} % ${title}`,
      bad: `${kind}-${percent}`,
      engines: [...engines, 'copyist-clean'],
      ...rest,
    })
  // What is kept of refused rows is measured once a target, where there are many.
  const ledger = (percent) => (percent === 10 ? ['copyist-ledger'] : [])
  return [
    ...Object.keys(TARGETS).map((target) =>
      tolerantCase({
        name: `clean-${target}`,
        target,
        title: 'CSV without bad rows, going on after errors or not',
        engines: ['copyist-stop'],
        gates: { 'copyist-stop': { must: 0.95, aim: 1 } },
      }),
    ),
    ...LITTLE_AND_MUCH.flatMap((percent) => [
      spoiled('values', percent, 'postgres', 'unreadable values', [...POSTGRES_PEERS, ...ledger(percent)]),
      spoiled('values', percent, 'duckdb', 'unreadable values', [...DUCKDB_PEERS, ...ledger(percent)]),
    ]),
    // Neither PostgreSQL's own COPY goes on after such a row, nor anybody's after one that a constraint refuses.
    ...LITTLE_AND_MUCH.flatMap((percent) => [
      spoiled('fields', percent, 'postgres', 'rows too short', []),
      spoiled('fields', percent, 'duckdb', 'rows too short', DUCKDB_PEERS),
    ]),
    ...LITTLE_AND_MUCH.flatMap((percent) => [
      ...Object.entries({ postgres: POSTGRES_PEERS, duckdb: DUCKDB_PEERS }).flatMap(([target, peers]) => [
        spoiled('check', percent, target, 'rows that a CHECK refuses', [], { constraint: CHECK_HUMIDITY }),
        spoiled(
          'values',
          percent,
          target,
          'unreadable values beside a CHECK, which is asked about the rest of the row',
          [],
          {
            name: `beside-${percent}-${target}`,
            constraint: CHECK_HUMIDITY,
          },
        ),
        spoiled('key', percent, target, 'duplicate keys', [], { constraint: KEY_ID }),
        spoiled('check', percent, target, 'rows that a CHECK refuses, with ON CONFLICT DO UPDATE', [], {
          name: `upsert-${percent}-${target}`,
          constraint: KEY_AND_CHECK,
          conflict: 'ON CONFLICT (id) DO UPDATE',
        }),
        spoiled('station', percent, target, 'rows that a foreign key refuses', [], { constraint: KNOWN_STATION }),
        spoiled('null', percent, target, 'rows that NOT NULL refuses', [], { constraint: STATION_NEEDED }),
        spoiled('encoding', percent, target, 'rows that are no UTF-8', []),
        spoiled('overflow', percent, target, 'numbers out of range', peers),
        spoiled('generated', percent, target, 'rows of which a generated column cannot be made', [], {
          constraint: target === 'duckdb' ? GENERATED_WETNESS : GENERATED_DRYNESS,
        }),
      ]),
      spoiled('long', percent, 'postgres', 'values too long', POSTGRES_PEERS, { constraint: SHORT_STATION }),
      spoiled('check', percent, 'postgres', 'values that are not of their domain', POSTGRES_PEERS, {
        name: `domain-${percent}-postgres`,
        constraint: DOMAIN_HUMIDITY,
      }),
      spoiled('key', percent, 'postgres', 'rows that an exclusion constraint refuses', [], {
        name: `exclusion-${percent}-postgres`,
        constraint: EXCLUDED_ID,
      }),
      spoiled('check', percent, 'postgres', 'rows that a trigger refuses', [], {
        name: `trigger-${percent}-postgres`,
        constraint: TRIGGER_HUMIDITY,
      }),
    ]),
  ]
}
