import { xorshift } from './xorshift.mjs'

/** Of the columns of a weather file before the first that may be quoted. */
const ID = 0
const STATION = 2
const HUMIDITY = 4
/** What no database reads as a value of the column at that index. */
const UNREADABLE = [
  [1, '2020-02-30 25:00:00'],
  [3, '12.5C'],
  [HUMIDITY, 'n/a'],
  [5, 'perhaps'],
]

/** What is wrong with a spoiled row, by the `kind` of its file. */
const KINDS = {
  /** One value is not of its column's type. */
  values(fields, { random }) {
    const [index, text] = UNREADABLE[random() % UNREADABLE.length]
    fields[index] = text
  },
  /** The row ends before its last columns. */
  fields(fields, { random }) {
    fields.length = 3 + (random() % 3)
  },
  /** A value that CHECK_HUMIDITY refuses. */
  check(fields, { random }) {
    fields[HUMIDITY] = String(101 + (random() % 100))
  },
  /** The key of an earlier row that is not spoiled. */
  key(fields, { random, row, isSpoiled }) {
    let earlier = random() % row
    while (isSpoiled(earlier)) earlier--
    fields[ID] = String(earlier + 1)
  },
  /** A station that KNOWN_STATION refuses. */
  station(fields) {
    fields[STATION] = 'ST99999'
  },
  /** No station, which STATION_NEEDED refuses. */
  null(fields) {
    fields[STATION] = ''
  },
  /** Bytes that are no UTF-8. */
  encoding(fields) {
    fields[STATION] = `ST${NO_UTF8}`
  },
  /** A number that its column's type cannot hold. */
  overflow(fields, { random }) {
    fields[HUMIDITY] = String(3_000_000_000 + (random() % 1000))
  },
  /** A value of which GENERATED_DRYNESS and GENERATED_WETNESS have no result. */
  generated(fields) {
    fields[HUMIDITY] = '101'
  },
  /** A station that SHORT_STATION refuses. */
  long(fields) {
    fields[STATION] += '-somewhere'
  },
}

/** The kinds of spoiled rows. */
export const SPOILED = Object.keys(KINDS)

/** Stands for a byte that no UTF-8 has. */
const NO_UTF8 = '\0'

/**
 * The constraints that rows break. `before` runs before the table is made, `after` with its name for `{table}` after that; `element` is one of
 * CREATE TABLE.
 */
export const CHECK_HUMIDITY = { element: 'CHECK (humidity <= 100)' }
export const KEY_ID = { element: 'PRIMARY KEY (id)' }
export const KEY_AND_CHECK = { element: `${KEY_ID.element}, ${CHECK_HUMIDITY.element}` }
export const KNOWN_STATION = {
  before: `CREATE TABLE IF NOT EXISTS "known stations" (station text PRIMARY KEY);
    INSERT INTO "known stations" SELECT 'ST' || lpad(CAST(n * 37 AS text), 5, '0') FROM generate_series(0, 499) AS s (n)
      ON CONFLICT DO NOTHING`,
  element: 'FOREIGN KEY (station) REFERENCES "known stations"',
}
export const STATION_NEEDED = { after: 'ALTER TABLE {table} ALTER station SET NOT NULL' }
/** DuckDB only, which has no stored ones, and divides by 0: no number above 100 has a result. */
export const GENERATED_WETNESS = { element: 'wetness int GENERATED ALWAYS AS (humidity * 21474836)' }
/** PostgreSQL only. */
export const GENERATED_DRYNESS = { element: 'dryness int GENERATED ALWAYS AS (1000 / (101 - humidity)) STORED' }
export const DOMAIN_HUMIDITY = {
  before: `DO $$ BEGIN
      CREATE DOMAIN percent AS int4 CHECK (VALUE <= 100);
    EXCEPTION WHEN duplicate_object THEN NULL;
    END $$`,
  after: 'ALTER TABLE {table} ALTER humidity TYPE percent',
}
export const SHORT_STATION = { after: 'ALTER TABLE {table} ALTER station TYPE varchar(7)' }
export const EXCLUDED_ID = { element: 'EXCLUDE USING btree (id WITH =)' }
export const TRIGGER_HUMIDITY = {
  before: `CREATE OR REPLACE FUNCTION refuse_humidity() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.humidity > 100 THEN RAISE EXCEPTION 'too humid' USING ERRCODE = 'check_violation'; END IF;
      RETURN NEW;
    END $$`,
  after: 'CREATE TRIGGER refuses BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_humidity()',
}

/** Spoils `percent` of the rows of a weather file, at random but the same ones on every machine. The first row is never one. */
export class Spoiler {
  #kind
  #percent
  #rows = new Set()
  // Not that of the file: the other rows are those of the file without bad rows, byte for byte.
  #random = xorshift(0x51f15e5d)

  constructor({ kind, percent }) {
    this.#kind = KINDS[kind]
    this.#percent = percent
  }

  /** Whether the row numbered `row` is to be spoiled; to be asked once of each, in their order. */
  takes(row) {
    if (this.#random() % 100 >= this.#percent || row === 0) return false
    this.#rows.add(row)
    return true
  }

  /** The bytes of the row's line as it is to be written. */
  spoil(line, row) {
    const fields = line.slice(0, -1).split(',')
    this.#kind(fields, { random: this.#random, row, isSpoiled: (earlier) => this.#rows.has(earlier) })
    const bytes = Buffer.from(`${fields.join(',')}\n`)
    const wrong = bytes.indexOf(NO_UTF8)
    if (wrong >= 0) bytes[wrong] = 0xff
    return bytes
  }
}
