import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { Checksum } from './checksum.mjs'
import { encoder } from './encode.mjs'
import { SCHEMAS } from './schemas.mjs'
import { Spoiler } from './spoil.mjs'
import { xorshift } from './xorshift.mjs'

const BUFFER = 1 << 20
/** No row is longer than this. */
const ROW_LIMIT = 1024
const COMMA = 0x2c
const NEWLINE = 0x0a
const DAY_MS = 86_400_000

const WORDS =
  'sensor drift gust recalibrated fog clear rime backup power station manual reading ok icing dew noon visibility front'.split(
    ' ',
  )
const CHINESE = '传感器 漂移 阵风 重新校准 雾 晴 霜 备用 电源 站 人工 读数 正常 结冰 露水 正午 能见度 锋面'.split(' ')
const PLACES = [
  'Bern, BE',
  'Oslo',
  'Austin, TX',
  'Lima',
  'Nara',
  'Cork, "Old" Town',
  'Ghent',
  'Split',
  'Hilo, HI',
  'Tartu',
]

/**
 * Writes `rows` rows of `schema` to `path` with a header line, the same bytes on every machine. Returns
 * `{ rows, bytes, checksum }` and keeps them in `<path>.json`. With `bad`, some of the rows are spoiled, and the checksum is that
 * of the others alone. `layout` writes the rows of weather otherwise: `{ format: 'text', delimiter, encoding, notes: 'chinese' }`, each of which
 * may be left out.
 *
 * weather: 15 % of the notes are quoted, with commas, doubled quotes and newlines inside; 2 % of temperatures and
 * humidities are NULL. numeric: no quote at all. quoted: half of the fields are quoted, with commas inside. fixed: the columns of weather
 * at places of their own, numbers to the right and texts to the left of theirs.
 */
export async function generate({ path, schema, rows, bad, layout }) {
  mkdirSync(dirname(path), { recursive: true })
  const columns = SCHEMAS[schema]
  const checksum = new Checksum(columns)
  const temporary = `${path}.tmp`
  const fd = openSync(temporary, 'w')
  let bytes = 0
  try {
    const out = new Output(fd, layout?.encoding && encoder(layout.encoding))
    if (schema !== 'fixed') out.text(`${columns.map(({ name }) => name).join(layout?.delimiter ?? ',')}\n`)
    const writeRow = { weather: weatherRows(layout), numeric: numericRow, quoted: quotedRow, fixed: fixedRow }[schema]
    const random = xorshift(0x9e3779b9)
    const spoiler = bad && new Spoiler(bad)
    for (let row = 0; row < rows; row++) {
      if (spoiler?.takes(row)) {
        const start = out.length
        writeRow(out, row, random, NO_CHECKSUM)
        out.rewrite(start, (text) => spoiler.spoil(text, row))
      } else {
        writeRow(out, row, random, checksum)
        checksum.rows++
      }
      out.flushIfFull()
    }
    bytes = out.finish()
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
  const facts = { rows, bytes, checksum: checksum.toString() }
  writeFileSync(`${path}.json`, `${JSON.stringify(facts, null, 2)}\n`)
  return facts
}

/** In place of a checksum for rows that are not to be loaded. */
const NO_CHECKSUM = { add() {}, addNull() {} }

const STATIONS = Array.from({ length: 500 }, (_, index) => Buffer.from(`ST${String(index * 37).padStart(5, '0')}`))
const PLACE_TEXTS = PLACES.map(alwaysQuoted)
const NAME_TEXTS = Array.from({ length: 1000 }, (_, index) =>
  alwaysQuoted(`${word(index)}, ${word(index * 7 + 3)} ${index}`),
)
const COMMENT_TEXTS = Array.from({ length: 1000 }, (_, index) =>
  alwaysQuoted(`${word(index)}, ${word(index * 3)}, ${word(index * 5)}`),
)

/** The function that writes a row of weather in a layout. */
function weatherRows({ format = 'csv', delimiter = ',', notes: language } = {}) {
  const written = format === 'csv' ? quoteWhereNeeded : escapeWhereNeeded
  const notes = noteTexts(language === 'chinese' ? CHINESE : WORDS).map((text) => ({
    bytes: Buffer.byteLength(text),
    written: Buffer.from(written(text)),
  }))
  return weatherRow.bind(undefined, {
    delimiter: Buffer.from(delimiter),
    absent: Buffer.from(format === 'csv' ? '' : '\\N'),
    notes,
  })
}

function weatherRow({ delimiter, absent, notes }, out, row, random, checksum) {
  out.integer(row + 1)
  checksum.add(0, row + 1)
  out.bytes(delimiter)
  // About one row in 10 s, so that times look like a year of readings from many stations.
  const ms = (row % 3_000_000) * 10_000 + (random() % 10_000)
  const micros = random() % 1000
  out.timestamp(ms, micros)
  checksum.add(1, ms * 1000 + micros)
  out.bytes(delimiter)
  const station = STATIONS[random() % STATIONS.length]
  out.bytes(station)
  checksum.add(2, station.length)
  out.bytes(delimiter)
  if (random() % 50 === 0) {
    out.bytes(absent)
    checksum.addNull(3)
  } else {
    const hundredths = (random() % 6000) - 2000
    out.hundredths(hundredths)
    checksum.add(3, hundredths)
  }
  out.bytes(delimiter)
  if (random() % 50 === 0) {
    out.bytes(absent)
    checksum.addNull(4)
  } else {
    const humidity = random() % 101
    out.integer(humidity)
    checksum.add(4, humidity)
  }
  out.bytes(delimiter)
  const flag = (random() & 3) === 0
  out.byte(flag ? 0x74 : 0x66)
  checksum.add(5, flag ? 1 : 0)
  out.bytes(delimiter)
  const note = notes[random() % notes.length]
  out.bytes(note.written)
  checksum.add(6, note.bytes)
  out.byte(NEWLINE)
}

function numericRow(out, row, random, checksum) {
  const values = [
    row * 1_000_003 + 1,
    (random() % 200_000) - 100_000,
    (random() % 10_000_000) - 5_000_000,
    random() % 1_000_000,
    random() % 1000,
    random() * 1000,
  ]
  for (let index = 0; index < values.length; index++) {
    if (index > 0) out.byte(COMMA)
    if (index === 2 || index === 3) out.hundredths(values[index])
    else out.integer(values[index])
    checksum.add(index, values[index])
  }
  out.byte(NEWLINE)
}

function quotedRow(out, row, random, checksum) {
  out.integer(row + 1)
  checksum.add(0, row + 1)
  out.byte(COMMA)
  const name = NAME_TEXTS[random() % NAME_TEXTS.length]
  out.bytes(name.csv)
  checksum.add(1, name.bytes)
  out.byte(COMMA)
  const amount = random() % 10_000_000
  out.hundredths(amount)
  checksum.add(2, amount)
  out.byte(COMMA)
  const place = PLACE_TEXTS[random() % PLACE_TEXTS.length]
  out.bytes(place.csv)
  checksum.add(3, place.bytes)
  out.byte(COMMA)
  const count = random() % 100_000
  out.integer(count)
  checksum.add(4, count)
  out.byte(COMMA)
  const comment = COMMENT_TEXTS[random() % COMMENT_TEXTS.length]
  out.bytes(comment.csv)
  checksum.add(5, comment.bytes)
  out.byte(NEWLINE)
}

function fixedRow(out, row, random, checksum) {
  const start = out.length
  const fields = SCHEMAS.fixed
  const place = (index, write) => {
    out.blanksTo(start + fields[index].offset)
    const from = out.length
    write()
    if (fields[index].type !== 'text') out.toRight(from, fields[index].length)
  }
  place(0, () => out.integer(row + 1))
  checksum.add(0, row + 1)
  const ms = (row % 3_000_000) * 10_000 + (random() % 10_000)
  const micros = random() % 1000
  place(1, () => out.timestamp(ms, micros))
  checksum.add(1, ms * 1000 + micros)
  const station = STATIONS[random() % STATIONS.length]
  place(2, () => out.bytes(station))
  checksum.add(2, station.length)
  const hundredths = (random() % 6000) - 2000
  place(3, () => out.hundredths(hundredths))
  checksum.add(3, hundredths)
  const humidity = random() % 101
  place(4, () => out.integer(humidity))
  checksum.add(4, humidity)
  const flag = (random() & 3) === 0
  place(5, () => out.byte(flag ? 0x74 : 0x66))
  checksum.add(5, flag ? 1 : 0)
  const note = FIXED_NOTES[random() % FIXED_NOTES.length]
  place(6, () => out.bytes(note))
  checksum.add(6, note.length)
  out.blanksTo(start + fields[6].offset + fields[6].length)
  out.byte(NEWLINE)
}

const FIXED_NOTES = Array.from({ length: 2000 }, (_, index) =>
  Buffer.from(`${word(index * 7)} ${word(index * 13 + 1)} ${word(index)}`),
)

/** Notes for rows to pick from: 85 % plain words, 15 % that need quotes. */
function noteTexts(words) {
  const word = (index) => words[index % words.length]
  return Array.from({ length: 2000 }, (_, index) => {
    const first = word(index * 7)
    const second = word(index * 13 + 1)
    if (index % 20 >= 3) return `${first} ${second} ${word(index)}`
    if (index % 20 === 0) return `${first}, ${second}, ${word(index)}`
    if (index % 20 === 1) return `${first} "${second}" ${word(index)}`
    return index % 40 === 2 ? `${first}\n${second}, ${word(index)}` : `"${first}", ${second}`
  })
}

/** As TEXT has it. */
function escapeWhereNeeded(text) {
  return text.replaceAll('\n', '\\n')
}

function word(index) {
  return WORDS[index % WORDS.length]
}

function quoteWhereNeeded(text) {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function alwaysQuoted(text) {
  return { bytes: Buffer.byteLength(text), csv: Buffer.from(`"${text.replaceAll('"', '""')}"`) }
}

/** A buffered file into which numbers are written digit by digit, since a string a field would be several times slower. */
class Output {
  #buffer = Buffer.allocUnsafe(BUFFER + ROW_LIMIT)
  #length = 0
  #written = 0
  #fd
  #encode
  #digits = Buffer.alloc(20)
  #day = -1
  #date = Buffer.alloc(10)

  /** `encode` makes the bytes of the file of the text in UTF-8. */
  constructor(fd, encode = (bytes) => bytes) {
    this.#fd = fd
    this.#encode = encode
  }

  byte(value) {
    this.#buffer[this.#length++] = value
  }

  bytes(value) {
    for (let index = 0; index < value.length; index++) this.#buffer[this.#length + index] = value[index]
    this.#length += value.length
  }

  text(value) {
    this.#length += this.#buffer.write(value, this.#length)
  }

  /** Blanks up to a place that `length` would have. */
  blanksTo(end) {
    while (this.#length < end) this.#buffer[this.#length++] = 0x20
  }

  /** Moves what was written since `start` to the right of as many bytes. */
  toRight(start, width) {
    const end = start + width
    const from = end - (this.#length - start)
    this.#buffer.copyWithin(from, start, this.#length)
    this.#buffer.fill(0x20, start, from)
    this.#length = end
  }

  /** Of what is not flushed yet: a place for `rewrite`, until the next flush. */
  get length() {
    return this.#length
  }

  /** Replaces the text since `start` by the bytes that `edit` makes of it. */
  rewrite(start, edit) {
    const text = this.#buffer.toString('utf8', start, this.#length)
    this.#length = start
    this.bytes(edit(text))
  }

  /** An integer below 2^53. */
  integer(value) {
    let rest = value
    if (rest < 0) {
      this.byte(0x2d)
      rest = -rest
    }
    let length = 0
    do {
      const next = Math.floor(rest / 10)
      this.#digits[length++] = 0x30 + (rest - next * 10)
      rest = next
    } while (rest > 0)
    while (length > 0) this.#buffer[this.#length++] = this.#digits[--length]
  }

  /** An integer as a number with two decimals. */
  hundredths(value) {
    const magnitude = Math.abs(value)
    if (value < 0) this.byte(0x2d)
    const whole = Math.floor(magnitude / 100)
    this.integer(whole)
    this.byte(0x2e)
    this.#padded(magnitude - whole * 100, 2)
  }

  /** `2020-01-01 00:00:00.000000` plus `ms` milliseconds and `micros` microseconds. */
  timestamp(ms, micros) {
    const day = Math.floor(ms / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#date.write(new Date(Date.UTC(2020, 0, 1) + day * DAY_MS).toISOString().slice(0, 10))
    }
    this.bytes(this.#date)
    const rest = ms - day * DAY_MS
    const seconds = Math.floor(rest / 1000)
    this.byte(0x20)
    this.#padded(Math.floor(seconds / 3600), 2)
    this.byte(0x3a)
    this.#padded(Math.floor(seconds / 60) % 60, 2)
    this.byte(0x3a)
    this.#padded(seconds % 60, 2)
    this.byte(0x2e)
    this.#padded((rest - seconds * 1000) * 1000 + micros, 6)
  }

  #padded(value, width) {
    let rest = value
    for (let index = width - 1; index >= 0; index--) {
      const next = Math.floor(rest / 10)
      this.#buffer[this.#length + index] = 0x30 + (rest - next * 10)
      rest = next
    }
    this.#length += width
  }

  flushIfFull() {
    if (this.#length >= BUFFER) this.#flush()
  }

  /** Writes what is left and returns the bytes written in all. */
  finish() {
    this.#flush()
    return this.#written
  }

  #flush() {
    const bytes = this.#encode(this.#buffer.subarray(0, this.#length))
    for (let offset = 0; offset < bytes.length; ) {
      offset += writeSync(this.#fd, bytes, offset, bytes.length - offset)
    }
    this.#written += bytes.length
    this.#length = 0
  }
}
