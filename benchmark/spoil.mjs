import { xorshift } from './xorshift.mjs'

/** Of the columns of a weather file before the first that may be quoted. */
const ID = 0
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
}

/** The constraints that rows of the kinds `check` and `key` break. */
export const CHECK_HUMIDITY = 'CHECK (humidity <= 100)'
export const KEY_ID = 'PRIMARY KEY (id)'

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

  /** The row's line as it is to be written. */
  spoil(line, row) {
    const fields = line.slice(0, -1).split(',')
    this.#kind(fields, { random: this.#random, row, isSpoiled: (earlier) => this.#rows.has(earlier) })
    return `${fields.join(',')}\n`
  }
}
