import { CopyError } from '../errors.ts'
import type { ColumnType } from '../native/load.ts'
import { printedType } from '../target/postgres/ddl.ts'

const KINDS: Readonly<Record<string, Exclude<ColumnType['kind'], 'enum' | 'array' | 'other'>>> = {
  bool: 'bool',
  boolean: 'bool',
  smallint: 'int2',
  int2: 'int2',
  int: 'int4',
  integer: 'int4',
  int4: 'int4',
  bigint: 'int8',
  int8: 'int8',
  real: 'float4',
  float4: 'float4',
  float: 'float8',
  float8: 'float8',
  double: 'float8',
  'double precision': 'float8',
  numeric: 'numeric',
  decimal: 'numeric',
  text: 'text',
  varchar: 'varchar',
  'character varying': 'varchar',
  char: 'bpchar',
  character: 'bpchar',
  bytea: 'bytea',
  date: 'date',
  time: 'time',
  'time without time zone': 'time',
  timetz: 'timetz',
  'time with time zone': 'timetz',
  timestamp: 'timestamp',
  'timestamp without time zone': 'timestamp',
  timestamptz: 'timestamptz',
  'timestamp with time zone': 'timestamptz',
  interval: 'interval',
  uuid: 'uuid',
  json: 'json',
  jsonb: 'jsonb',
}

/** The most decimal digits that the decoder keeps as a number. */
const MOST_DIGITS = 38
/** Decimals of a second. */
const MOST_DECIMALS = 6
/** Of timestamps that Parquet and Arrow files have in nanoseconds. */
const NANOSECONDS = 9

function isInstant(kind: ColumnType['kind']): kind is 'timestamp' | 'timestamptz' {
  return kind === 'timestamp' || kind === 'timestamptz'
}

/** A timestamp in nanoseconds. */
export function isOfNanoseconds(type: ColumnType): boolean {
  return isInstant(type.kind) && 'precision' in type && type.precision === NANOSECONDS
}

/** The same type in nanoseconds, if it is that of a timestamp. */
export function inNanoseconds(type: ColumnType): ColumnType {
  return isInstant(type.kind) ? { kind: type.kind, precision: NANOSECONDS } : type
}

/**
 * The type that PostgreSQL calls so, `int[]` among them, which only Parquet and Arrow files have.
 *
 * @throws {CopyError} 42704 where there is none, 22023 for a length that it cannot have.
 */
export function typeNamed(column: string, name: string): ColumnType {
  const list = /^(.*)\[\s*\]\s*$/s.exec(name)
  if (list === null) return elementNamed(column, name, name)
  return { kind: 'array', element: elementNamed(column, list[1] ?? '', name), elementOid: 0, delimiter: ',' }
}

/** The type of values called `name`, in a type called `whole`. */
function elementNamed(column: string, name: string, whole: string): ColumnType {
  const match = /^\s*([a-z0-9 ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?(\s+with(?:out)? time zone)?\s*$/i.exec(name)
  const [, words = '', first, second, zone = ''] = match ?? []
  const kind = KINDS[`${words}${zone}`.toLowerCase().replace(/\s+/g, ' ')]
  if (kind === undefined) throw unknownType(column, whole)
  const precision = first === undefined ? undefined : Number(first)
  const outside = (least: number, most: number) => precision !== undefined && (precision < least || precision > most)
  switch (kind) {
    case 'numeric': {
      const scale = Number(second ?? 0)
      if (outside(1, MOST_DIGITS) || scale > (precision ?? 0))
        throw badLength(column, whole, `1 to ${MOST_DIGITS} digits`)
      return { kind, ...(precision !== undefined && { precision, scale }) }
    }
    case 'varchar':
    case 'bpchar': {
      if (second !== undefined || outside(1, 10_485_760)) throw badLength(column, whole, '1 to 10485760 characters')
      // A bare `char` is one of one character.
      const length = precision ?? (/^char(?:acter)?$/i.test(words) ? 1 : undefined)
      return { kind, ...(length !== undefined && { length }) }
    }
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
    case 'interval': {
      const isNanoseconds = isInstant(kind) && precision === NANOSECONDS
      if (second !== undefined || (outside(0, MOST_DECIMALS) && !isNanoseconds)) {
        throw badLength(column, whole, `0 to 6 decimals of a second${isInstant(kind) ? ', or 9 for nanoseconds' : ''}`)
      }
      return { kind, ...(precision !== undefined && { precision }) }
    }
    default:
      if (precision !== undefined) throw badLength(column, whole, 'no length')
      return { kind }
  }
}

/** The type as PostgreSQL prints it. */
export function nameOfType(type: ColumnType): string {
  return printedType(type)
}

function unknownType(column: string, name: string): CopyError {
  return new CopyError({
    code: 'undefined_object',
    sqlState: '42704',
    message: `type "${name}" of column "${column}" does not exist`,
    hint: "Types have PostgreSQL's names: bool, int, bigint, float8, numeric(10, 2), text, date, timestamp, uuid, json, …; a list of Parquet or Arrow is int[].",
  })
}

function badLength(column: string, name: string, expected: string): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `type "${name}" of column "${column}" takes ${expected}`,
  })
}
