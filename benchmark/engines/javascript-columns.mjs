import { Checksum } from '../checksum.mjs'

/**
 * What a program does with the strings that a JavaScript reader yields: converts every field to its column's type. The same
 * hand-written conversion serves every such reader, so that the readers and not their cast options are compared. Integers
 * become numbers, timestamps microseconds; a full `Date` a field would be several times slower.
 */
export class TypedColumns {
  #columns
  #values
  rows = 0

  constructor(columns) {
    this.#columns = columns
    this.#values = columns.map(({ aggregate }) => (aggregate === 'bytes' ? [] : new Growing()))
  }

  /** Takes one record as an array of strings; an empty field is NULL. */
  push(record) {
    const columns = this.#columns
    for (let index = 0; index < columns.length; index++) {
      const field = record[index]
      this.#values[index].push(field === '' ? Number.NaN : convert(columns[index].aggregate, field))
    }
    this.rows++
  }

  checksum() {
    const checksum = new Checksum(this.#columns)
    checksum.rows = this.rows
    for (const [index, { aggregate }] of this.#columns.entries()) {
      const values = aggregate === 'bytes' ? this.#values[index] : this.#values[index].values()
      for (const value of values) {
        if (Number.isNaN(value)) checksum.addNull(index)
        else if (aggregate === 'bytes') checksum.add(index, Buffer.byteLength(value))
        else if (aggregate === 'cents') checksum.add(index, Math.round(value * 100))
        else checksum.add(index, value)
      }
    }
    return checksum.toString()
  }
}

/** A Float64Array that grows. */
class Growing {
  #array = new Float64Array(1 << 16)
  #length = 0

  push(value) {
    if (this.#length === this.#array.length) {
      const larger = new Float64Array(this.#array.length * 2)
      larger.set(this.#array)
      this.#array = larger
    }
    this.#array[this.#length++] = value
  }

  values() {
    return this.#array.subarray(0, this.#length)
  }
}

function convert(aggregate, field) {
  switch (aggregate) {
    case 'bytes':
      return field
    case 'trues':
      return field === 't' ? 1 : 0
    case 'micros':
      return timestamp(field)
    default:
      return Number(field)
  }
}

export const EPOCH_MS = Date.UTC(2020, 0, 1)
const days = new Map()

/** Microseconds since 2020-01-01 of `YYYY-MM-DD hh:mm:ss.ffffff`. */
export function timestamp(field) {
  const date = field.slice(0, 10)
  let day = days.get(date)
  if (day === undefined) {
    day = Date.parse(date) - EPOCH_MS
    days.set(date, day)
  }
  const seconds = digits(field, 11) * 3600 + digits(field, 14) * 60 + digits(field, 17)
  return day * 1000 + seconds * 1e6 + digits(field, 20) * 10_000 + digits(field, 22) * 100 + digits(field, 24)
}

function digits(field, offset) {
  return (field.charCodeAt(offset) - 48) * 10 + field.charCodeAt(offset + 1) - 48
}
