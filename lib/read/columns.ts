import { CopyError } from '../errors.ts'
import { type ColumnType, VALUE_KIND, type ValueNode } from '../native/load.ts'
import { isOfNanoseconds, nameOfType } from './types.ts'

/** What a value of a row is; see {@link ReadColumn.values} for which type has which. */
export type ReadValue = boolean | number | bigint | string | Date | Uint8Array | readonly ReadValue[] | null

/** The values of a column, by row. */
export type ReadValues =
  | Uint8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | (string | null)[]
  | (Uint8Array | null)[]
  | (Date | number | null)[]
  | (readonly ReadValue[] | null)[]

/** A column of rows that were read. */
export interface ReadColumn {
  readonly name: string
  /** Its type as PostgreSQL prints it: `integer`, `numeric(10,2)`, `timestamp without time zone`, `text[]`. */
  readonly type: string
  /** Rows. */
  readonly length: number
  /**
   * - `boolean`: a Uint8Array of 0 and 1
   * - `smallint`, `integer`: Int16Array, Int32Array; `bigint`: BigInt64Array, or Float64Array with `int64: 'number'`
   * - `real`, `double precision`: Float32Array, Float64Array
   * - `timestamp(9)` with a time zone or without: a BigInt64Array of nanoseconds since 1970, in UTC
   * - `date`, `timestamp` with a time zone or without: a Float64Array of milliseconds since 1970 in UTC, whose fraction are the microseconds,
   *   infinite where the value is; with `dates: 'date'` an array of Date, in which what no Date can hold is that number
   * - `bytea`: an array of Uint8Array
   * - lists: an array of arrays
   * - all others: an array of strings, `numeric`, `time`, `interval`, `uuid` and `json` among them
   *
   * Where the value is NULL, an array that is not typed has null, and a typed one 0.
   */
  readonly values: ReadValues
  /** Bits of rows that are not NULL: row r is bit `r % 8` of byte `r >> 3`. Absent: none is NULL. */
  readonly validity?: Uint8Array
}

/** How values that JavaScript has two forms of are handed out. */
export interface ValueForms {
  readonly int64: 'bigint' | 'number'
  readonly dates: 'date' | 'number'
}

/** A column of a batch, and where it is from. */
export interface Source {
  readonly name: string
  readonly type: ColumnType
}

/** The first row of a batch with an integer that no number is, where numbers are wanted. */
export interface Inexact {
  readonly row: number
  readonly column: string
  readonly value: bigint
}

/** Makes columns of batches. */
export class ColumnMaker {
  readonly #sources: readonly { readonly name: string; readonly type: string; readonly forms: ValueForms }[]
  readonly #texts: (column: number, from: number) => readonly string[]
  readonly #refuse: (inexact: Inexact) => void
  /** By column. */
  readonly #dictionaries: string[][]
  /** Of the last batch. */
  #inexact: Inexact | undefined

  /** `texts` gives those of a column's dictionary from a number on; a row that is refused is told to `refuse`, and ends its batch. */
  constructor(
    sources: readonly Source[],
    forms: ValueForms,
    texts: (column: number, from: number) => readonly string[],
    refuse: (inexact: Inexact) => void,
  ) {
    this.#sources = sources.map(({ name, type }) => ({ name, type: nameOfType(type), forms: formsFor(type, forms) }))
    this.#texts = texts
    this.#refuse = refuse
    this.#dictionaries = sources.map(() => [])
  }

  /** The columns of a batch: views of `buffer`, where they are typed. */
  columns(buffer: Buffer, nodes: readonly ValueNode[]): ReadColumn[] {
    const columns = this.parts(buffer, nodes).map((part) => {
      if (!('place' in part)) return part
      const { name, type, length, validity, place } = part
      const values: (string | null)[] = new Array(length)
      place(values, 0)
      return { name, type, length, values, ...(validity && { validity }) }
    })
    const end = this.#inexact?.row
    return end === undefined ? columns : columns.map((column) => before(end, column))
  }

  /** The same for {@link GrowingColumn}, with what is behind a row that is refused: of a whole nothing is handed out then. */
  parts(buffer: Buffer, nodes: readonly ValueNode[]): (ReadColumn | Strings)[] {
    this.#inexact = undefined
    const parts = this.#parts(buffer, nodes)
    if (this.#inexact !== undefined) this.#refuse(this.#inexact)
    return parts
  }

  #parts(buffer: Buffer, nodes: readonly ValueNode[]): (ReadColumn | Strings)[] {
    let next = 0
    return this.#sources.map(({ name, type, forms }, index) => {
      const node = nodes[next]
      if (node?.kind === VALUE_KIND.coded || node?.kind === VALUE_KIND.text) {
        next += 1
        const validity = validityOf(buffer, node)
        const place = node.kind === VALUE_KIND.text ? textsOf(buffer, node) : this.#coded(buffer, node, index)
        return {
          name,
          type,
          length: node.rows,
          ...(validity && { validity }),
          place: (into, at) => {
            place(into, at)
            setNulls(into, validity, at, node.rows)
          },
        }
      }
      const note: Note = (row, value) => {
        if (this.#inexact === undefined || row < this.#inexact.row) this.#inexact = { row, column: name, value }
      }
      const { column, behind } = valuesAt(buffer, nodes, next, forms, note)
      next = behind
      return { name, type, ...column }
    })
  }

  #coded(buffer: Buffer, node: ValueNode, index: number): Place {
    const dictionary = this.#dictionaries[index] as string[]
    if (dictionary.length < node.units) {
      for (const text of this.#texts(index, dictionary.length)) dictionary.push(text)
    }
    const codes = uint32(buffer, node.data, node.rows)
    return (into, at) => {
      for (let row = 0; row < codes.length; row += 1) into[at + row] = dictionary[codes[row] as number] as string
    }
  }
}

/** The rows of a column before one. */
function before(row: number, { validity, values, ...column }: ReadColumn): ReadColumn {
  const bits = validity && { validity: validity.slice(0, Math.ceil(row / 8)) }
  return { ...column, length: row, values: values.slice(0, row), ...bits }
}

/** Told the place of the first integer that no number is. */
type Note = (place: number, value: bigint) => void

type Values = Pick<ReadColumn, 'length' | 'values' | 'validity'>

/** Puts strings into an array, from a place on. */
type Place = (into: (string | null)[], at: number) => void

/** Strings that are in no array yet: it costs as much to copy them from one into another as to find them. */
export interface Strings extends Omit<ReadColumn, 'values'> {
  readonly place: Place
}

function valuesAt(
  buffer: Buffer,
  nodes: readonly ValueNode[],
  at: number,
  forms: ValueForms,
  note: Note,
): { readonly column: Values; readonly behind: number } {
  const node = nodes[at]
  if (node === undefined) throw new TypeError('a batch has less columns than the statement')
  const validity = validityOf(buffer, node)
  const length = node.rows
  const column = (values: ReadValues): Values => ({ length, values, ...(validity && { validity }) })
  if (node.kind === VALUE_KIND.list) {
    const offsets = uint32(buffer, node.offsets, length + 1)
    const elements = valuesAt(buffer, nodes, at + 1, forms, (place, value) =>
      note(offsets.findIndex((end) => end > place) - 1, value),
    )
    const get = getter(elements.column, nodes[at + 1]?.kind === VALUE_KIND.bool)
    const lists: (ReadValue[] | null)[] = new Array(length)
    for (let row = 0; row < length; row += 1) {
      const from = offsets[row] ?? 0
      const list: ReadValue[] = new Array((offsets[row + 1] ?? from) - from)
      for (let index = 0; index < list.length; index += 1) list[index] = get(from + index)
      lists[row] = list
    }
    setNulls(lists, validity)
    return { column: column(lists), behind: elements.behind }
  }
  return { column: column(plainValues(buffer, node, validity, forms, note)), behind: at + 1 }
}

function plainValues(
  buffer: Buffer,
  node: ValueNode,
  validity: Uint8Array | undefined,
  forms: ValueForms,
  note: Note,
): ReadValues {
  const { kind, rows } = node
  const start = buffer.byteOffset + node.data
  switch (kind) {
    case VALUE_KIND.bool:
      return new Uint8Array(buffer.buffer, start, rows)
    case VALUE_KIND.int16:
      return new Int16Array(buffer.buffer, start, rows)
    case VALUE_KIND.int32:
      return new Int32Array(buffer.buffer, start, rows)
    case VALUE_KIND.int64:
      return forms.int64 === 'bigint'
        ? new BigInt64Array(buffer.buffer, start, rows)
        : exactNumbers(new Int32Array(buffer.buffer, start, rows * 2), note)
    case VALUE_KIND.float32:
      return new Float32Array(buffer.buffer, start, rows)
    case VALUE_KIND.float64:
      return new Float64Array(buffer.buffer, start, rows)
    case VALUE_KIND.epoch: {
      const numbers = new Float64Array(buffer.buffer, start, rows)
      return forms.dates === 'number' ? numbers : datesOf(numbers, validity)
    }
    case VALUE_KIND.bytes:
      return bytesOf(buffer, node, validity)
    default: {
      const texts: (string | null)[] = new Array(rows)
      textsOf(buffer, node)(texts, 0)
      setNulls(texts, validity)
      return texts
    }
  }
}

function uint32(buffer: Buffer, at: number, length: number): Uint32Array {
  return new Uint32Array(buffer.buffer, buffer.byteOffset + at, length)
}

function validityOf(buffer: Buffer, { validity, rows }: ValueNode): Uint8Array | undefined {
  if (validity < 0) return undefined
  return new Uint8Array(buffer.buffer, buffer.byteOffset + validity, Math.ceil(rows / 8))
}

/** The strings of a column: cut out of one, which is read at once. */
function textsOf(buffer: Buffer, node: ValueNode): Place {
  const { rows, data, bytes, offsets, units } = node
  const isAscii = units < 0
  const ends = uint32(buffer, isAscii ? offsets : units, rows + 1)
  return (into, at) => {
    const whole = buffer.toString(isAscii ? 'latin1' : 'utf8', data, data + bytes)
    let from = 0
    for (let row = 0; row < rows; row += 1) {
      const end = ends[row + 1] as number
      into[at + row] = whole.substring(from, end)
      from = end
    }
  }
}

function bytesOf(buffer: Buffer, node: ValueNode, validity: Uint8Array | undefined): (Uint8Array | null)[] {
  const offsets = uint32(buffer, node.offsets, node.rows + 1)
  const values: (Uint8Array | null)[] = new Array(node.rows)
  for (let row = 0; row < values.length; row += 1) {
    // A copy: the buffer may be used again.
    values[row] = new Uint8Array(buffer.subarray(node.data + (offsets[row] ?? 0), node.data + (offsets[row + 1] ?? 0)))
  }
  setNulls(values, validity)
  return values
}

function datesOf(numbers: Float64Array, validity: Uint8Array | undefined): (Date | number | null)[] {
  const dates: (Date | number | null)[] = new Array(numbers.length)
  for (let row = 0; row < dates.length; row += 1) dates[row] = dateOf(numbers[row] as number)
  setNulls(dates, validity)
  return dates
}

/** Milliseconds from 1970 to the last instant of a Date. */
const LAST_DATE = 8.64e15

function dateOf(millis: number): Date | number {
  return millis > LAST_DATE || millis < -LAST_DATE ? millis : new Date(Math.floor(millis))
}

/** Integers of 64 bits, given by their halves, as numbers, which take their place. */
function exactNumbers(halves: Int32Array, note: Note): Float64Array {
  let most = 0
  let least = 0
  for (let at = 1; at < halves.length; at += 2) {
    const high = halves[at] as number
    if (high > most) most = high
    else if (high < least) least = high
  }
  // Most have nothing to be looked at one by one.
  if (most >= 2 ** 21 || least < -(2 ** 21)) noteInexact(halves, note)
  const numbers = new Float64Array(halves.buffer, halves.byteOffset, halves.length / 2)
  for (let row = 0; row < numbers.length; row += 1) numbers[row] = numberOf(halves, row)
  return numbers
}

function numberOf(halves: Int32Array, row: number): number {
  return (halves[2 * row + 1] as number) * 2 ** 32 + ((halves[2 * row] as number) >>> 0)
}

function noteInexact(halves: Int32Array, note: Note): void {
  for (let row = 0; row < halves.length / 2; row += 1) {
    if (Number.isSafeInteger(numberOf(halves, row))) continue
    note(row, (BigInt(halves[2 * row + 1] as number) << 32n) + BigInt((halves[2 * row] as number) >>> 0))
    return
  }
}

/** Puts null where a row has no value; the first row is at the place `at`. */
function setNulls(
  values: (unknown | null)[],
  validity: Uint8Array | undefined,
  at: number = 0,
  length: number = values.length,
): void {
  if (validity === undefined) return
  for (let byte = 0; byte < validity.length; byte += 1) {
    const bits = validity[byte] as number
    if (bits === 0xff) continue
    const end = Math.min(length, byte * 8 + 8)
    for (let row = byte * 8; row < end; row += 1) if (((bits >> (row & 7)) & 1) === 0) values[at + row] = null
  }
}

/** Reads the value of a row. */
function getter({ values, validity }: Values, isBool: boolean): (row: number) => ReadValue {
  if (isBool) {
    const is = (row: number) => values[row] === 1
    return validity ? (row) => (isValid(validity, row) ? is(row) : null) : is
  }
  if (validity === undefined || Array.isArray(values)) return (row) => values[row] as ReadValue
  return (row) => (isValid(validity, row) ? (values[row] as ReadValue) : null)
}

export function isValid(validity: Uint8Array, row: number): boolean {
  return (((validity[row >> 3] as number) >> (row & 7)) & 1) === 1
}

type Typed = Exclude<ReadValues, unknown[]>

/** Places of an array that are made before there is anything for them. */
const MOST_AT_ONCE = 1 << 24
/** The same of numbers, of which a file says how many there are. */
const MOST_EXPECTED = 1 << 26

/** One column of many batches. Memory is taken as if the rest of the input were like what has been read. */
export class GrowingColumn {
  readonly #name: string
  readonly #type: string
  #typed: Typed | undefined
  #plain: unknown[] | undefined
  #validity: Uint8Array | undefined
  #length = 0

  constructor({ name, type }: Source) {
    this.#name = name
    this.#type = nameOfType(type)
  }

  /** Adds a batch, of which nothing is needed afterwards. `expected` is about how many rows there will be in all. */
  push(column: ReadColumn | Strings, expected: number): void {
    const total = Math.min(expected, MOST_EXPECTED)
    const { validity, length } = column
    const values = 'place' in column ? undefined : column.values
    const end = this.#length + length
    if (values === undefined || Array.isArray(values)) {
      // As long as it will be, so that it is not copied again and again; engines keep longer ones in another, slow form.
      this.#plain ??= new Array(Math.min(Math.ceil(total), MOST_AT_ONCE))
      const plain = this.#plain
      if ('place' in column) column.place(plain as (string | null)[], this.#length)
      else for (let row = 0; row < length; row += 1) plain[this.#length + row] = values?.[row]
    } else {
      const typed = this.#typed
      if (typed === undefined || typed.length < end) {
        const room = Math.max(end, Math.ceil(total), typed === undefined ? 0 : Math.ceil(typed.length * 1.5))
        this.#typed = larger(values, typed?.subarray(0, this.#length) as Typed | undefined, room)
      }
      this.#typed?.set(values as never, this.#length)
    }
    if (validity !== undefined) this.#setValidity(validity, length, Math.max(end, total))
    this.#length = end
  }

  #setValidity(validity: Uint8Array, length: number, total: number): void {
    const bytes = Math.ceil(Math.max(total, this.#length + length) / 8)
    if (this.#validity === undefined || this.#validity.length < Math.ceil((this.#length + length) / 8)) {
      const bits = new Uint8Array(Math.max(bytes, Math.ceil((this.#validity?.length ?? 0) * 1.5))).fill(0xff)
      if (this.#validity) bits.set(this.#validity)
      this.#validity = bits
    }
    const bits = this.#validity
    for (let byte = 0; byte < validity.length; byte += 1) {
      const nulls = ~(validity[byte] as number) & 0xff
      if (nulls === 0) continue
      const last = Math.min(length, byte * 8 + 8)
      for (let row = byte * 8; row < last; row += 1) {
        if (((nulls >> (row & 7)) & 1) === 0) continue
        const at = this.#length + row
        bits[at >> 3] = (bits[at >> 3] as number) & ~(1 << (at & 7))
      }
    }
  }

  /** The whole; `empty` is a column without rows. */
  finish(empty: ReadValues): ReadColumn {
    const length = this.#length
    const bits = this.#validity && trimmed(this.#validity, Math.ceil(length / 8))
    if (this.#plain) this.#plain.length = length
    const values = this.#plain ?? (this.#typed && trimmed(this.#typed, length)) ?? empty
    return {
      name: this.#name,
      type: this.#type,
      length,
      values: values as ReadValues,
      ...(bits && { validity: bits as Uint8Array }),
    }
  }
}

function larger(like: Typed, before: Typed | undefined, length: number): Typed {
  try {
    const array = new (like.constructor as new (length: number) => Typed)(length)
    if (before !== undefined) array.set(before as never)
    return array
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new CopyError({
      code: 'program_limit_exceeded',
      sqlState: '54000',
      message: `a column of ${length} values is more than JavaScript has an array for, or memory`,
      hint: 'Read the rows in parts: with rows(), columnBatches() or batches().',
    })
  }
}

/** A view where hardly anything is left over. */
function trimmed(array: Typed, length: number): Typed {
  return array.length - length < array.length / 16 ? array.subarray(0, length) : array.slice(0, length)
}

/** No number holds the nanoseconds of today. */
function formsFor(type: ColumnType, forms: ValueForms): ValueForms {
  return isOfNanoseconds(type) ? { ...forms, int64: 'bigint' } : forms
}

/** A column of this type without rows. */
export function emptyValues(type: ColumnType, forms: ValueForms): ReadValues {
  if (isOfNanoseconds(type)) return new BigInt64Array()
  switch (type.kind) {
    case 'bool':
      return new Uint8Array()
    case 'int2':
      return new Int16Array()
    case 'int4':
      return new Int32Array()
    case 'int8':
      return forms.int64 === 'bigint' ? new BigInt64Array() : new Float64Array()
    case 'float4':
      return new Float32Array()
    case 'float8':
      return new Float64Array()
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return forms.dates === 'number' ? new Float64Array() : []
    default:
      return []
  }
}
