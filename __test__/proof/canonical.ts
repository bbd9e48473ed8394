import {
  type DuckDBArrayValue,
  type DuckDBBlobValue,
  type DuckDBIntervalValue,
  type DuckDBListValue,
  type DuckDBMapValue,
  type DuckDBStructValue,
  DuckDBTimestampValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from '@duckdb/node-api'

/*
 * One form for a value, whoever has it: DuckDB as its own value, or a target as JSON. Numbers are exact, the order of fields and keys is
 * not told, since jsonb has none, and a form of a date that two systems write in two ways is one.
 */

/** A value that two targets agree on if its JSON is the same. */
export type Canonical = null | boolean | string | readonly Canonical[] | { readonly [key: string]: Canonical }

/** JSON in which numbers are `{ "#": "their digits" }`: JavaScript's have not enough of them. */
export function parseExact(json: string): unknown {
  return JSON.parse(
    json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (part) => (part[0] === '"' ? part : `{"#":"${part}"}`)),
  )
}

/** A value of DuckDB. */
export function ofValue(value: DuckDBValue, type: DuckDBType): Canonical {
  if (value === null) return null
  switch (type.typeId) {
    case DuckDBTypeId.LIST:
      return (value as DuckDBListValue).items.map((item) => ofValue(item, type.valueType))
    case DuckDBTypeId.ARRAY:
      return (value as DuckDBArrayValue).items.map((item) => ofValue(item, type.valueType))
    case DuckDBTypeId.STRUCT: {
      const { entries } = value as DuckDBStructValue
      const fields = type.entryNames.map((name, index): [string, Canonical] => {
        return [name, ofValue(entries[name] ?? null, type.entryTypes[index] as DuckDBType)]
      })
      return sorted(fields)
    }
    case DuckDBTypeId.MAP: {
      const { entries } = value as DuckDBMapValue
      return sorted(
        entries.map((entry) => [keyOf(ofValue(entry.key, type.keyType)), ofValue(entry.value, type.valueType)]),
      )
    }
    case DuckDBTypeId.BOOLEAN:
      return value as boolean
    case DuckDBTypeId.BLOB:
      return hex((value as DuckDBBlobValue).bytes)
    case DuckDBTypeId.TIMESTAMP_TZ:
      return moment(`${new DuckDBTimestampValue((value as { micros: bigint }).micros)}+00`)
    case DuckDBTypeId.INTERVAL: {
      const { months, days, micros } = value as DuckDBIntervalValue
      return `${months} ${days} ${micros}`
    }
    default:
      if (type.alias === 'JSON') return ofJson(parseExact(value as string))
      return leaf(Object.is(value, -0) ? '-0' : String(value), type)
  }
}

/** The same of JSON, of a value that DuckDB has as one of `type`. */
export function ofJson(json: unknown, type?: DuckDBType): Canonical {
  if (json === null || typeof json === 'boolean') return json
  if (typeof json === 'string') {
    if (type?.alias === 'JSON') return ofJson(parseExact(json))
    return leaf(json, type)
  }
  if (Array.isArray(json)) {
    const element = type && 'valueType' in type ? type.valueType : undefined
    return json.map((item) => ofJson(item, element))
  }
  const entries = Object.entries(json as object)
  if (entries.length === 1 && entries[0]?.[0] === '#') return leaf(String(entries[0][1]), type)
  if (type?.typeId === DuckDBTypeId.MAP) {
    return sorted(entries.map(([key, value]) => [keyOf(leaf(key, type.keyType)), ofJson(value, type.valueType)]))
  }
  const fields = type?.typeId === DuckDBTypeId.STRUCT ? type : undefined
  return sorted(entries.map(([key, value]) => [key, ofJson(value, fields?.entryTypes[fields.entryNames.indexOf(key)])]))
}

function sorted(entries: [string, Canonical][]): Canonical {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

function keyOf(key: Canonical): string {
  return typeof key === 'string' ? key : JSON.stringify(key)
}

/** A value that is not nested, by its text. */
function leaf(text: string, type: DuckDBType | undefined): string {
  switch (type?.typeId) {
    case DuckDBTypeId.FLOAT:
      return float(Math.fround(Number(text.replace(/^(-?)inf(inity)?$/i, '$1Infinity'))))
    case DuckDBTypeId.DOUBLE:
      return float(Number(text.replace(/^(-?)inf(inity)?$/i, '$1Infinity')))
    case DuckDBTypeId.DATE:
    case DuckDBTypeId.TIME:
    case DuckDBTypeId.TIME_NS:
    case DuckDBTypeId.TIME_TZ:
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
    case DuckDBTypeId.TIMESTAMP_TZ:
      return moment(text)
    case DuckDBTypeId.INTERVAL:
      return span(text)
    case DuckDBTypeId.VARCHAR:
      return text
    default:
      // Zeros behind the point say nothing.
      return /^-?\d+\.\d+$/.test(text) ? text.replace(/\.?0+$/, '') : text
  }
}

function float(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function hex(bytes: Uint8Array): string {
  return `\\x${Buffer.from(bytes).toString('hex')}`
}

/**
 * A date or a time, without the zone, which is always UTC: what Parquet's first versions call a timestamp is an instant, and DuckDB takes it
 * for one of no zone.
 */
function moment(text: string): string {
  const era = /\bBC\b/.test(text) ? ' BC' : ''
  const plain = text
    .replace(/ \(?BC\)?/, '')
    .replace('T', ' ')
    .replace(/[+]00(:00)?$/, '')
  return plain.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') + era
}

/** Months, days and microseconds of what PostgreSQL writes. */
function span(text: string): string {
  const sum = { months: 0, days: 0, micros: 0 }
  for (const [, count = '', unit = ''] of text.matchAll(/(-?[\d.]+) (year|mon|month|day|sec)s?/g)) {
    if (unit === 'year') sum.months += 12 * Number(count)
    else if (unit.startsWith('mon')) sum.months += Number(count)
    else if (unit === 'day') sum.days += Number(count)
    else sum.micros += Math.round(Number(count) * 1e6)
  }
  const clock = /(-?)(\d+):(\d+):(\d+(?:\.\d+)?)/.exec(text)
  if (clock) {
    const [, sign, hours, minutes, seconds] = clock
    sum.micros += (sign ? -1 : 1) * (Number(hours) * 3.6e9 + Number(minutes) * 6e7 + Math.round(Number(seconds) * 1e6))
  }
  return `${sum.months} ${sum.days} ${sum.micros}`
}
