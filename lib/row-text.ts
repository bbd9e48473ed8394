import type { ColumnType, Known } from './native/load.ts'
import {
  bytesOf,
  isBytes,
  isHollow,
  isIterable,
  isList,
  isPrimitive,
  isRecord,
  nameOf,
  type Primitive,
  primitiveOf,
} from './row-value.ts'

/*
 * Rows as TEXT
 *
 * Rows are written in PostgreSQL's TEXT format, one line a row, into one buffer that is used again, and go the way of a stream from
 * there: types, limits, policies and refused rows are those of every other load, and the number of a line is that of its row. Numbers
 * and short strings are written byte by byte, since each call that leaves JavaScript costs as much as thirty bytes.
 *
 * A value that its column cannot take is written as a text that the column's type refuses, so that it costs what the statement says. Where
 * every text is a value, the field begins with a byte that is no UTF-8, which makes the row malformed. What was wrong is kept until it is asked
 * for, where the decoder cannot say it. Behind both is the value all the same, for whoever looks at the row, or loads it again: what was written for
 * the decoder alone is taken out of a row that is refused ({@link asGiven}).
 */

/** Bytes from which on a batch is handed on. */
const BATCH_BYTES = 64 * 1024
/** Strings up to this length are written unit by unit. */
const SHORT = 40
const NEWLINE = 0x0a
const TAB = 0x09
const BACKSLASH = 0x5c
/** No byte of UTF-8. */
const NO_CHARACTER = 0xff
/**
 * What is for the decoder alone, in TEXT: that byte, and what a value is between parentheses with backslashes, which nothing else has before them. All other
 * pairs are found, so that a backslash of theirs is not taken for one of these.
 */
const FOR_DECODER = /\xff|(?:\\\\x)?\\\(((?:[^\\]|\\[^)])*)\\\)( ?)|\\./gs
/** Blanks before the first character, and what that may not be. */
const BLANKS: readonly unknown[] = [0x09, 0x0c, 0x20]
const STARTS: readonly unknown[] = [...Buffer.from('P<[{'), 0xef]
const HEX = Buffer.from('0123456789abcdef')
const MINUS = 0x2d

/** Where the values of a field go. */
export interface RowField {
  /** The key in rows that are objects. */
  readonly name: string
  /** Absent: the field is read by nobody. */
  readonly type?: ColumnType
  /** As the database prints it. */
  readonly typeName?: string
}

/** What is wrong with a row that only this side knows. */
export interface RowFlaw {
  /** The field's number, from 0; absent where it is about the row. */
  readonly field?: number
  /** Absent: the decoder says it, but not of which field. */
  readonly message?: string
  readonly hint?: string
  /** The field's text is what its type refuses; otherwise the row is malformed. */
  readonly isOfType?: boolean
}

/** How rows are written. */
export interface RowTextInit {
  readonly target: 'postgres' | 'duckdb'
  readonly fields: readonly RowField[]
  /** What stands for a missing value; absent: it is NULL. */
  readonly marker?: string
  /** Keys and elements that are no field's are dropped; otherwise they make the row malformed. */
  readonly dropsExtra: boolean
  /** Rows at fault that may be asked about; of those beyond nothing is kept. */
  readonly mostFlawed: number
}

/** Writes rows as TEXT. */
export class RowText {
  readonly #init: RowTextInit
  readonly #columns: readonly Column[]
  readonly #flaws = new Map<number, RowFlaw[]>()
  readonly #missing: string
  #buffer = Buffer.allocUnsafeSlow(BATCH_BYTES * 2)
  #at = 0
  #rows = 0

  constructor(init: RowTextInit) {
    this.#init = init
    this.#missing = init.marker ?? '\\N'
    this.#columns = init.fields.map((field, index) => columnOf(field, index, init.target))
  }

  /** Whether what has been written is enough to be handed on. */
  get isFull(): boolean {
    return this.#at >= BATCH_BYTES
  }

  get isEmpty(): boolean {
    return this.#at === 0
  }

  /** What has been written since the last call; valid until the next row is written. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#at)
    this.#at = 0
    return taken
  }

  /** What is wrong with a row (from 1), the first first; it is forgotten then. */
  flawsOf(row: number): readonly RowFlaw[] {
    const flaws = this.#flaws.get(row) ?? []
    this.#flaws.delete(row)
    return flaws
  }

  #note(flaw: RowFlaw): void {
    const flaws = this.#flaws.get(this.#rows)
    if (flaws) flaws.push(flaw)
    else if (this.#flaws.size < this.#init.mostFlawed) this.#flaws.set(this.#rows, [flaw])
  }

  add(row: unknown): void {
    this.#rows += 1
    this.#reserve(64)
    if (Array.isArray(row)) this.#addArray(row)
    else if (this.#isObject(row)) this.#addObject(row)
    else {
      const isInput = typeof row === 'string' || isBytes(row)
      const ofObject = row instanceof Map ? FROM_ENTRIES : isHollow(row) && isIterable(row) ? YIELD_EACH : undefined
      const hint = isInput ? 'Text and bytes are the option "stdin".' : ofObject
      this.#spoil({ message: `a row is an object or an array, not ${nameOf(row)}`, ...(hint && { hint }) })
      this.#loose(row)
    }
    this.#reserve(2)
    this.#buffer[this.#at++] = NEWLINE
    if (this.#rows === 1) this.#guardStart()
  }

  /**
   * What would be taken for a byte order mark, for a file of another format, or for what a server says of an error, at the beginning of an input: its first
   * character is escaped.
   */
  #guardStart(): void {
    const buffer = this.#buffer
    let first = 0
    while (BLANKS.includes(buffer[first])) first += 1
    if (!STARTS.includes(buffer[first]) || this.#isMissing(first)) return
    buffer.copyWithin(first + 1, first, this.#at)
    buffer[first] = BACKSLASH
    this.#at += 1
  }

  /** Whether the field in which a byte is is the mark of a value that is missing, which is one only as it stands. */
  #isMissing(at: number): boolean {
    const mark = Buffer.from(this.#missing)
    const field = this.#buffer.subarray(this.#buffer.lastIndexOf(TAB, at) + 1)
    return mark.equals(field.subarray(0, mark.length)) && [TAB, NEWLINE].includes(field[mark.length] ?? 0)
  }

  /** Whether it has the row's values as properties. A generator, say, has none, and would be a row of nothing but NULL. */
  #isObject(row: unknown): row is Readonly<Record<string, unknown>> {
    if (!isRecord(row)) return false
    return (
      !(isHollow(row) || isIterable(row)) || this.#columns.some((column) => !column.isInherited && column.name in row)
    )
  }

  #addObject(row: Readonly<Record<string, unknown>>): void {
    const columns = this.#columns
    let present = 0
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as Column
      if (index > 0) this.#buffer[this.#at++] = TAB
      const value = column.isInherited && !Object.hasOwn(row, column.name) ? undefined : row[column.name]
      if (value !== undefined) present += 1
      this.#value(value, column)
      this.#reserve(2)
    }
    if (this.#init.dropsExtra) return
    const keys = Object.keys(row)
    if (keys.length > present) this.#checkKeys(row, keys)
  }

  /** Of a row with more keys than it has values for: whether one of them is nobody's. */
  #checkKeys(row: Readonly<Record<string, unknown>>, keys: readonly string[]): void {
    const extra = keys.find((key) => row[key] !== undefined && !this.#columns.some(({ name }) => name === key))
    if (extra === undefined) return
    this.#buffer[this.#at++] = TAB
    this.#loose(row[extra])
    this.#note({
      message: `the row has a key "${extra}", which is no column of this load`,
      hint: 'List the columns in the statement; IGNORE_EXTRA_DATA drops other keys.',
    })
  }

  #addArray(row: readonly unknown[]): void {
    const columns = this.#columns
    const { dropsExtra } = this.#init
    const width = dropsExtra && row.length > columns.length ? columns.length : row.length
    // It would be the row of one empty string.
    if (width === 0 && columns.length > 0) {
      this.#spoil({ message: 'the row is an empty array' })
      this.#name(row)
    }
    for (let index = 0; index < width; index += 1) {
      if (index > 0) this.#buffer[this.#at++] = TAB
      const column = columns[index]
      if (column === undefined) this.#loose(row[index])
      else this.#value(row[index], column)
      this.#reserve(2)
    }
  }

  #value(value: unknown, column: Column): void {
    if (column.isDropped) return
    const kind = typeof value
    if (kind === 'string') this.#string(value as string, column)
    else if (value === null) this.#ascii('\\N')
    else if (value === undefined) this.#ascii(this.#missing)
    else if (kind === 'object') this.#object(value, column)
    else if (column.isInstant || kind === 'function' || kind === 'symbol') this.#refuse(column, value)
    else if (kind === 'number') this.#number(value as number, column)
    else if (kind === 'bigint') this.#ascii(String(value))
    else this.#ascii(column.kind === 'bool' ? (value ? 't' : 'f') : value ? 'true' : 'false')
  }

  #object(value: object, column: Column): void {
    const isBinary = isBytes(value)
    const text = isBinary ? undefined : objectText(value, column)
    if (isBinary && column.kind === 'bytea') this.#bytes(bytesOf(value))
    else if (text === undefined) this.#refuse(column, value)
    else if (typeof text === 'string') this.#string(text, column)
    else this.#value(text.value, column)
  }

  #number(value: number, column: Column): void {
    // Of other types than these, zero has no sign.
    if ((value | 0) !== value || value === 0) this.#ascii(Object.is(value, -0) && column.isFloat ? '-0' : String(value))
    else if (value < 0) {
      this.#buffer[this.#at++] = MINUS
      this.#digits(-value)
    } else this.#digits(value)
  }

  /** A whole number from 1 to 2^31. */
  #digits(value: number): void {
    let digits = 1
    for (let power = 10; value >= power; power *= 10) digits += 1
    const buffer = this.#buffer
    const end = this.#at + digits
    let rest = value
    for (let at = end - 1; at >= this.#at; at -= 1) {
      const tens = Math.floor(rest / 10)
      buffer[at] = 0x30 + (rest - tens * 10)
      rest = tens
    }
    this.#at = end
  }

  /** Text without anything to escape. */
  #ascii(text: string): void {
    this.#reserve(text.length + 2)
    const buffer = this.#buffer
    let at = this.#at
    for (let index = 0; index < text.length; index += 1) buffer[at++] = text.charCodeAt(index)
    this.#at = at
  }

  /** Text of a column, or of none. */
  #string(text: string, column?: Column): void {
    const { length } = text
    this.#reserve(length * 3 + 2)
    let isInvalid = false
    if (length > SHORT && !ESCAPED.test(text) && text.isWellFormed()) {
      this.#at += this.#buffer.write(text, this.#at, 'utf8')
      return
    }
    const buffer = this.#buffer
    let at = this.#at
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index)
      if (unit < 0x80) {
        if (unit === BACKSLASH) buffer[at++] = BACKSLASH
        else if (unit < 0x0e) {
          const letter = unit === 0x0a ? 0x6e : unit === 0x0d ? 0x72 : unit === 0x09 ? 0x74 : 0
          if (letter !== 0) {
            buffer[at++] = BACKSLASH
            buffer[at++] = letter
            continue
          }
          isInvalid ||= unit === 0
        }
        buffer[at++] = unit
      } else if (unit < 0x800) {
        buffer[at++] = 0xc0 | (unit >> 6)
        buffer[at++] = 0x80 | (unit & 0x3f)
      } else {
        const next = unit >= 0xd800 && unit < 0xdc00 ? text.charCodeAt(index + 1) : 0
        if (next >= 0xdc00 && next < 0xe000) {
          const point = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00)
          index += 1
          buffer[at++] = 0xf0 | (point >> 18)
          buffer[at++] = 0x80 | ((point >> 12) & 0x3f)
          buffer[at++] = 0x80 | ((point >> 6) & 0x3f)
          buffer[at++] = 0x80 | (point & 0x3f)
        } else {
          // Half a pair becomes what the decoder refuses, and not silently another character.
          isInvalid = true
          buffer[at++] = 0xe0 | (unit >> 12)
          buffer[at++] = 0x80 | ((unit >> 6) & 0x3f)
          buffer[at++] = 0x80 | (unit & 0x3f)
        }
      }
    }
    this.#at = at
    if (isInvalid && column) this.#note({ field: column.index })
  }

  /** `\x…`, its backslash escaped. */
  #bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length * 2 + 5)
    this.#ascii('\\\\x')
    const buffer = this.#buffer
    let at = this.#at
    for (let index = 0; index < bytes.length; index += 1) {
      const byte = bytes[index] as number
      buffer[at++] = HEX[byte >> 4] as number
      buffer[at++] = HEX[byte & 15] as number
    }
    this.#at = at
  }

  /** Writes what the column cannot take. */
  #refuse(column: Column, value: unknown): void {
    const { refused, typeName, name, kind, index: field } = column
    const isJson = isOfJson(kind)
    if (refused !== undefined) {
      this.#string(refused)
      this.#name(value)
      const text = typeof value === 'object' ? textOf(value) : undefined
      if (text !== undefined) this.#string(` ${text}`)
      if (!isJson) return
    }
    const message = `column "${name}"${typeName === '' ? '' : ` of type ${typeName}`} does not take ${nameOf(value)}`
    const object = typeof value === 'object' && value !== null && !isBytes(value) ? value : undefined
    const hint = value instanceof Map ? FROM_ENTRIES : object && !isJson ? STRINGIFY : undefined
    const flaw = { field, message, ...(hint && { hint }) }
    if (isJson) {
      // Of that text the type could only say that it is no JSON.
      this.#note({ ...flaw, ...(object && { message: `${message}: ${jsonFault(object)}` }), isOfType: true })
    } else {
      this.#spoil(flaw)
      this.#loose(value)
    }
  }

  /** Makes the row malformed, whatever is in its fields. */
  #spoil(flaw: RowFlaw): void {
    this.#reserve(4)
    this.#buffer[this.#at++] = NO_CHARACTER
    this.#note(flaw)
  }

  /** Writes a value that is none of a column. */
  #loose(value: unknown): void {
    const text = textOf(value)
    if (value === null || value === undefined) this.#ascii('\\N')
    else if (text === undefined) this.#name(value)
    else this.#string(text)
  }

  /** Writes what a value is, which its text may follow behind a blank. */
  #name(value: unknown): void {
    this.#ascii('\\(')
    this.#string(nameOf(value))
    this.#ascii('\\)')
  }

  #reserve(bytes: number): void {
    // What writes a short thing after another does not ask again.
    const needed = this.#at + bytes + 32
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}

/** Of these strings are written unit by unit: what is escaped, and NUL. */
const ESCAPED = /[\\\t\n\r\0]/
const YIELD_EACH = 'yield* hands on the values of another iterable one by one.'
const FROM_ENTRIES = 'Object.fromEntries() makes an object of it.'
const STRINGIFY = 'Pass a string; JSON.stringify() makes one of it.'

/** A field, and what the loop over values wants to know of it. */
interface Column {
  readonly name: string
  readonly index: number
  readonly typeName: string
  readonly kind: ColumnType['kind']
  readonly type: ColumnType
  readonly target: 'postgres' | 'duckdb'
  readonly isDropped: boolean
  /** Every object has a property of this name. */
  readonly isInherited: boolean
  readonly isFloat: boolean
  /** Dates and times, of which a number says nothing. */
  readonly isInstant: boolean
  /** How a text begins that the type refuses; absent where there is none. */
  readonly refused?: string
}

/** Types that refuse a text such as `(an object)`. Of those not listed some take any text, or only the database knows. */
const REFUSED: Partial<Readonly<Record<ColumnType['kind'], string>>> = {
  bool: '',
  int2: '',
  int4: '',
  int8: '',
  float4: '',
  float8: '',
  numeric: '',
  date: '',
  time: '',
  timetz: '',
  timestamp: '',
  timestamptz: '',
  interval: '',
  uuid: '',
  json: '',
  jsonb: '',
  array: '',
  // What does not begin so is a value in the older notation.
  bytea: '\\x',
}

function columnOf({ name, type, typeName = '' }: RowField, index: number, target: Column['target']): Column {
  const kind = type?.kind ?? 'other'
  const refused = REFUSED[kind]
  return {
    name,
    index,
    typeName,
    kind,
    type: type ?? { kind: 'other' },
    target,
    isDropped: type === undefined,
    isInherited: name in Object.prototype,
    isFloat: kind === 'float4' || kind === 'float8',
    isInstant: /^(?:date|time|timetz|timestamp|timestamptz|interval)$/.test(kind),
    ...(refused !== undefined && { refused }),
  }
}

/** The text of an object in a column, or what it stands for; undefined where it is no value of the column. */
function objectText(value: object, column: Column): string | { readonly value: Primitive } | undefined {
  const { kind, type } = column
  if (isOfJson(kind)) return jsonOf(value)
  if (value instanceof Date) return dateText(value, type)
  if (kind === 'array') return isList(value) ? arrayLiteral(value, type as ArrayType, column) : undefined
  const primitive = primitiveOf(value)
  if (primitive !== undefined) return { value: primitive }
  if (kind !== 'other') return undefined
  if (column.target === 'duckdb' && partsOf(type)) return nestedText(value, type)
  // Arrays of what only the server reads.
  if (column.target === 'postgres' && isList(value) && column.typeName.endsWith('[]')) {
    const delimiter = column.typeName === 'box[]' ? ';' : ','
    return arrayLiteral(value, { kind: 'array', element: { kind: 'other' }, elementOid: -1, delimiter }, column)
  }
  return jsonOf(value)
}

type ArrayType = Extract<ColumnType, { kind: 'array' }>

function isOfJson(kind: ColumnType['kind']): boolean {
  return kind === 'json' || kind === 'jsonb'
}

/** JSON, or undefined where there is none of it: see {@link jsonFault}. */
function jsonOf(value: object): string | undefined {
  try {
    const text = JSON.stringify(value)
    // Only then it is worth a look at each value.
    if (text?.includes('{}')) JSON.stringify(value, checkHollow)
    return text
  } catch {
    return undefined
  }
}

/** Why there is no JSON of a value: a cycle, a bigint, nothing to be written, or what JSON makes an empty object of. */
function jsonFault(value: object): string {
  try {
    JSON.stringify(value, checkHollow)
    return 'there is nothing in JSON for it'
  } catch (error) {
    // Of a cycle the lines below show its way.
    const [line] = error instanceof Error ? error.message.split('\n') : []
    return line || 'JSON.stringify() fails'
  }
}

function checkHollow(_: string, value: unknown): unknown {
  if (isHollow(value) && isEmpty(value)) throw new TypeError(`JSON makes {} of ${nameOf(value)}`)
  return value
}

/** Numbers and such as objects have no properties either, and are what they stand for. */
function isEmpty(value: object): boolean {
  return JSON.stringify(value) === '{}'
}

/** As deep as DuckDB's types may be, and an end for what contains itself. */
const DEEPEST = 100

type Nested = Extract<Known, { form: 'list' | 'map' | 'record' }>

/** What the values of one of DuckDB's types consist of, if they have parts. */
function partsOf(type: ColumnType): Nested | undefined {
  const known = type.kind === 'other' ? type.known : undefined
  return known?.form === 'list' || known?.form === 'map' || known?.form === 'record' ? known : undefined
}

/** The type of what a struct or a map has under a name. */
function typeUnder(name: unknown, nested: Nested | undefined): ColumnType {
  if (nested?.form === 'map') return nested.parts[1]
  if (nested?.form !== 'record') return UNKNOWN
  return nested.parts[nested.fields.indexOf(String(name))] ?? UNKNOWN
}

const UNKNOWN: ColumnType = { kind: 'other' }

/**
 * A value as DuckDB reads structs, lists and maps in a text: in quotes a backslash makes the next character a part of the text, whichever it
 * is, so that JSON's escapes would be letters. JSON itself is such a text. Undefined where it has a part that there is no text for.
 */
function nestedText(value: unknown, type: ColumnType, depth = 0): string | undefined {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return quoted(value)
  if (isPrimitive(value)) return primitiveText(value, type)
  if (typeof value !== 'object' || depth > DEEPEST) return undefined
  const isJson = type.kind === 'json'
  if (isBytes(value)) {
    return isJson ? undefined : quoted(Buffer.from(bytesOf(value)).toString('hex').replace(/../g, '\\x$&'))
  }
  if (isJson) {
    const text = jsonOf(value)
    return text === undefined ? undefined : quoted(text)
  }
  if (value instanceof Date) {
    const text = dateText(value, type)
    return text === undefined ? undefined : quoted(text)
  }
  const primitive = primitiveOf(value)
  if (primitive !== undefined) return nestedText(primitive, type)
  const nested = partsOf(type)
  // What has no parts takes none; of a type that nothing is known of DuckDB decides.
  if (nested === undefined && (type.kind !== 'other' || type.known)) return undefined
  const joined = (parts: readonly (string | undefined)[], [open, close]: readonly [string, string]) =>
    parts.includes(undefined) ? undefined : `${open}${parts.join(', ')}${close}`
  if (isList(value)) {
    const element = nested?.form === 'list' ? nested.parts[0] : UNKNOWN
    return joined(
      Array.from(value, (part) => nestedText(part, element, depth + 1)),
      ['[', ']'],
    )
  }
  const isMap = value instanceof Map
  if (!isMap && (!isRecord(value) || isHollow(value))) return undefined
  const mark = isMap || nested?.form === 'map' ? '=' : ': '
  const ofKeys = nested?.form === 'map' ? nested.parts[0] : UNKNOWN
  const entries = isMap ? [...value] : Object.entries(value).filter(([, part]) => part !== undefined)
  const parts = entries.map(([key, part]) => {
    const [name, text] = [nestedText(key, ofKeys, depth + 1), nestedText(part, typeUnder(key, nested), depth + 1)]
    return name === undefined || text === undefined ? undefined : `${name}${mark}${text}`
  })
  return joined(parts, ['{', '}'])
}

function arrayLiteral(values: ArrayLike<unknown>, type: ArrayType, column: Column): string | undefined {
  const { element, delimiter } = type
  const parts: string[] = []
  for (let index = 0; index < values.length; index += 1) {
    const part = elementText(values[index], type, element, column)
    if (part === undefined) return undefined
    parts.push(part)
  }
  return `{${parts.join(delimiter)}}`
}

function elementText(value: unknown, type: ArrayType, element: ColumnType, column: Column): string | undefined {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return quoted(value)
  const isInstant = /^(?:date|time|interval)/.test(element.kind)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return isInstant ? undefined : primitiveText(value, element)
  }
  if (typeof value !== 'object') return undefined
  const isJson = isOfJson(element.kind)
  if (isBytes(value) && !isJson) {
    return element.kind === 'bytea' ? quoted(`\\x${Buffer.from(bytesOf(value)).toString('hex')}`) : undefined
  }
  // PostgreSQL's arrays have any number of dimensions; a list of lists is a type of its own.
  if (isList(value) && !isJson) return arrayLiteral(value, element.kind === 'array' ? element : type, column)
  const text = objectText(value, { ...column, kind: element.kind, type: element, typeName: '' })
  return text === undefined ? undefined : quoted(typeof text === 'string' ? text : String(text.value))
}

/** Of other types than these, zero has no sign. */
function primitiveText(value: Primitive, { kind }: ColumnType): string {
  return Object.is(value, -0) && /^float/.test(kind) ? '-0' : String(value)
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/**
 * A point in time as the column has it. Columns without a zone get what the clock of this process shows, as with `pg`, so that what
 * `pg` has read comes back the same.
 */
function dateText(value: Date, type: ColumnType): string | undefined {
  if (Number.isNaN(value.getTime())) return undefined
  const known = type.kind === 'other' ? type.known : undefined
  const { kind } = known?.form === 'like' ? known.parts[0] : type
  switch (kind) {
    case 'timestamp':
      return dayText(value, ` ${clockText(value)}`)
    case 'date':
      return dayText(value, '')
    case 'time':
      return clockText(value)
    case 'timetz':
      return clockText(value) + offsetText(value)
    case 'timestamptz':
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'other':
      return instantText(value, kind === 'timestamptz')
    default:
      return undefined
  }
}

/** In UTC. Years beyond four digits, and before the year 1, have another form in JavaScript than in PostgreSQL. */
function instantText(value: Date, isSql: boolean): string {
  const iso = value.toISOString()
  if (!isSql || /^\d/.test(iso)) return iso
  const year = value.getUTCFullYear()
  const rest = iso.replace(/^[+-]\d+/, '')
  return year > 0 ? `${year}${rest}` : `${pad(1 - year, 4)}${rest} BC`
}

function dayText(value: Date, clock: string): string {
  const year = value.getFullYear()
  const day = `${pad(value.getMonth() + 1, 2)}-${pad(value.getDate(), 2)}`
  return year > 0 ? `${pad(year, 4)}-${day}${clock}` : `${pad(1 - year, 4)}-${day}${clock} BC`
}

function clockText(value: Date): string {
  const time = `${pad(value.getHours(), 2)}:${pad(value.getMinutes(), 2)}:${pad(value.getSeconds(), 2)}`
  return `${time}.${pad(value.getMilliseconds(), 3)}`
}

function offsetText(value: Date): string {
  const minutes = -value.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60), 2)}:${pad(size % 60, 2)}`
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

/** The text of a value of which no type is known, for whoever looks at the refused row, or loads it again; undefined where it has none. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'symbol' || typeof value === 'function') return undefined
  if (typeof value !== 'object' || value === null) return String(value)
  if (isBytes(value)) return `\\x${Buffer.from(bytesOf(value)).toString('hex')}`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  const primitive = primitiveOf(value)
  return primitive === undefined ? jsonOf(isList(value) ? Array.from(value) : value) : String(primitive)
}

/**
 * A row as it was given, without what was written for the decoder alone. One with a value that has no text, such as a function, has its name there,
 * and more bytes than its text: it is no whole row.
 */
export function asGiven({ raw, byteLength }: { readonly raw: Buffer; readonly byteLength: number }): {
  readonly raw: Buffer
  readonly byteLength: number
} {
  if (!raw.includes(NO_CHARACTER) && !raw.includes('\\(')) return { raw, byteLength }
  let isWhole = true
  const text = raw.toString('latin1').replace(FOR_DECODER, (found: string, name?: string, blank?: string) => {
    if (name === undefined) return found === '\xff' ? '' : found
    if (blank === ' ') return ''
    // Of a number, and of true and false, the name has the text.
    const [, value] = /^the (?:number|Boolean) (.*)$/.exec(name) ?? []
    isWhole &&= value !== undefined
    return value ?? `(${name})`
  })
  const given = Buffer.from(text, 'latin1')
  return { raw: given, byteLength: isWhole ? byteLength - (raw.length - given.length) : byteLength }
}
