import type { DuckDBType, DuckDBTypeId } from '@duckdb/node-api'
import { type ColumnType, innermost, type Known } from '../../native/load.ts'
import type { DateKind, InferredColumn, TargetColumn } from '../target.ts'
import type { DuckdbDriver } from './driver.ts'
import { quoteLiteral } from './identifiers.ts'

/**
 * DuckDB's logical type as the native decoder takes it. Types that PostgreSQL has not become `other`: they travel as VARCHAR and
 * DuckDB casts them.
 */
export function columnTypeOf(driver: DuckdbDriver, type: DuckDBType): ColumnType {
  const { DuckDBTypeId } = driver.api
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
      return { kind: 'bool' }
    case DuckDBTypeId.SMALLINT:
      return { kind: 'int2' }
    case DuckDBTypeId.INTEGER:
      return { kind: 'int4' }
    case DuckDBTypeId.BIGINT:
      return { kind: 'int8' }
    case DuckDBTypeId.FLOAT:
      return { kind: 'float4' }
    case DuckDBTypeId.DOUBLE:
      return { kind: 'float8' }
    case DuckDBTypeId.DECIMAL:
      return { kind: 'numeric', precision: type.width, scale: type.scale }
    case DuckDBTypeId.VARCHAR:
      // Any other alias is a user's type, or an extension's, over VARCHAR whose cast may check the text.
      if (type.alias === 'JSON') return { kind: 'json' }
      return { kind: type.alias === undefined ? 'text' : 'other' }
    case DuckDBTypeId.BLOB:
      return { kind: type.alias === undefined ? 'bytea' : 'other' }
    case DuckDBTypeId.DATE:
      return { kind: 'date' }
    case DuckDBTypeId.TIME:
      return { kind: 'time' }
    case DuckDBTypeId.TIME_TZ:
      return { kind: 'timetz' }
    case DuckDBTypeId.TIMESTAMP:
      return { kind: 'timestamp' }
    case DuckDBTypeId.TIMESTAMP_TZ:
      return { kind: 'timestamptz' }
    case DuckDBTypeId.INTERVAL:
      return { kind: 'interval' }
    case DuckDBTypeId.UUID:
      return { kind: 'uuid' }
    case DuckDBTypeId.ENUM:
      // Mostly without a name: DuckDB's enums are types of a column.
      return { kind: 'enum', name: type.alias ?? '', labels: type.values }
    case DuckDBTypeId.LIST: {
      const element = columnTypeOf(driver, type.valueType)
      // A list of what only DuckDB knows is read by DuckDB as a whole, in DuckDB's notation.
      if (innermost(element).kind === 'other') return otherOf(driver, type)
      return { kind: 'array', element, elementOid: 0, delimiter: ',' }
    }
    default:
      return otherOf(driver, type)
  }
}

function otherOf(driver: DuckdbDriver, type: DuckDBType): ColumnType {
  const known = knownOf(driver, type)
  return known ? { kind: 'other', known } : { kind: 'other' }
}

/** What is known of a type that DuckDB parses, whose casts from text round without a word. */
function knownOf(driver: DuckdbDriver, type: DuckDBType): Known | undefined {
  const { DuckDBTypeId } = driver.api
  const part = (inner: DuckDBType): ColumnType => {
    const known = knownOf(driver, inner)
    return known ? { kind: 'other', known } : columnTypeOf(driver, inner)
  }
  switch (type.typeId) {
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
      return { form: 'whole' }
    case DuckDBTypeId.TIMESTAMP_S:
      return { form: 'like', parts: [{ kind: 'timestamp', precision: 0 }] }
    case DuckDBTypeId.TIMESTAMP_MS:
      return { form: 'like', parts: [{ kind: 'timestamp', precision: 3 }] }
    case DuckDBTypeId.TIMESTAMP_NS:
      return { form: 'like', parts: [{ kind: 'timestamp', precision: 9 }] }
    case DuckDBTypeId.TIME_NS:
      return { form: 'like', parts: [{ kind: 'time', precision: 9 }] }
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return { form: 'list', parts: [part(type.valueType)] }
    case DuckDBTypeId.MAP:
      return { form: 'map', parts: [part(type.keyType), part(type.valueType)] }
    case DuckDBTypeId.STRUCT:
      return { form: 'record', parts: type.entryTypes.map(part), fields: type.entryNames }
    default:
      return undefined
  }
}

/** What a column says of how it is read. */
export function readingOf(
  driver: DuckdbDriver,
  duckType: DuckDBType,
): Pick<TargetColumn, 'type' | 'dated' | 'dates' | 'hasNumbers'> {
  const type = columnTypeOf(driver, duckType)
  if (type.kind !== 'other') return { type }
  const { DuckDBTypeId } = driver.api
  switch (duckType.typeId) {
    // Decoded to the microsecond, from which DuckDB's cast rounds as it does from text.
    case DuckDBTypeId.TIMESTAMP_S:
      return { type, dated: { kind: 'timestamp', precision: 0 } }
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return { type, dated: { kind: 'timestamp' } }
    default: {
      const dates = datesIn(driver, duckType)
      return {
        type,
        ...(dates.length > 0 && { dates: [...new Set(dates)] }),
        ...(hasNumbers(driver, duckType) && { hasNumbers: true }),
      }
    }
  }
}

/** See {@link TargetColumn.zero}. */
export function zeroOf(driver: DuckdbDriver, type: DuckDBType): TargetColumn['zero'] {
  if (type.typeId === driver.api.DuckDBTypeId.BOOLEAN) return 'false'
  return knownOf(driver, type)?.form === 'whole' || hasMark(driver, type) ? '0' : undefined
}

/** Whether its values are numbers with a decimal mark. */
function hasMark({ api: { DuckDBTypeId } }: DuckdbDriver, { typeId }: DuckDBType): boolean {
  const numbers: readonly DuckDBTypeId[] = [DuckDBTypeId.FLOAT, DuckDBTypeId.DOUBLE, DuckDBTypeId.DECIMAL]
  return numbers.includes(typeId)
}

/** See {@link TargetColumn.hasNumbers}. */
function hasNumbers(driver: DuckdbDriver, type: DuckDBType): boolean {
  return hasMark(driver, type) || partsOf(driver, type).some((part) => hasNumbers(driver, part))
}

/** The types that the values of a type consist of. */
function partsOf({ api: { DuckDBTypeId } }: DuckdbDriver, type: DuckDBType): readonly DuckDBType[] {
  switch (type.typeId) {
    case DuckDBTypeId.LIST:
    case DuckDBTypeId.ARRAY:
      return [type.valueType]
    case DuckDBTypeId.MAP:
      return [type.keyType, type.valueType]
    case DuckDBTypeId.STRUCT:
      return type.entryTypes
    case DuckDBTypeId.UNION:
      return type.memberTypes
    default:
      return []
  }
}

function datesIn(driver: DuckdbDriver, type: DuckDBType): readonly DateKind[] {
  const { DuckDBTypeId } = driver.api
  switch (type.typeId) {
    case DuckDBTypeId.DATE:
      return ['date']
    case DuckDBTypeId.TIME:
    case DuckDBTypeId.TIME_NS:
      return ['time']
    case DuckDBTypeId.TIME_TZ:
      return ['timetz']
    case DuckDBTypeId.TIMESTAMP:
    case DuckDBTypeId.TIMESTAMP_S:
    case DuckDBTypeId.TIMESTAMP_MS:
    case DuckDBTypeId.TIMESTAMP_NS:
      return ['timestamp']
    case DuckDBTypeId.TIMESTAMP_TZ:
      return ['timestamptz']
    default:
      return partsOf(driver, type).flatMap((part) => datesIn(driver, part))
  }
}

/** The type of the vector that carries a column from the native side into DuckDB. */
export function vectorTypeOf(driver: DuckdbDriver, type: ColumnType): DuckDBType {
  const { api } = driver
  switch (type.kind) {
    case 'bool':
      return api.BOOLEAN
    case 'int2':
      return api.SMALLINT
    case 'int4':
      return api.INTEGER
    case 'int8':
      return api.BIGINT
    case 'float4':
      return api.FLOAT
    case 'float8':
      return api.DOUBLE
    case 'numeric':
      return type.precision === undefined ? api.VARCHAR : api.DECIMAL(type.precision, type.scale ?? 0)
    case 'bytea':
      return api.BLOB
    case 'date':
      return api.DATE
    case 'time':
      return api.TIME
    case 'timetz':
      return api.TIMETZ
    case 'timestamp':
      return api.TIMESTAMP
    case 'timestamptz':
      return api.TIMESTAMPTZ
    case 'interval':
      return api.INTERVAL
    case 'uuid':
      return api.UUID
    case 'enum':
      return api.ENUM(type.labels)
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'json':
    case 'jsonb':
    case 'array':
    case 'other':
      return api.VARCHAR
  }
}

/** Bytes that one value takes in the vector of {@link vectorTypeOf}: what the native side must emit. */
export function vectorWidthOf(type: ColumnType): number {
  switch (type.kind) {
    case 'bool':
      return 1
    case 'int2':
      return 2
    case 'int4':
    case 'float4':
    case 'date':
      return 4
    case 'int8':
    case 'float8':
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return 8
    case 'numeric': {
      const precision = type.precision
      if (precision === undefined) return 16
      return precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16
    }
    case 'enum':
      return type.labels.length <= 0xff ? 1 : type.labels.length <= 0xffff ? 2 : 4
    default:
      return 16
  }
}

/** SQL that turns `value`, of type {@link vectorTypeOf}, into the column's type. */
export function castFromVector(value: string, type: ColumnType, typeName: string): string {
  switch (type.kind) {
    case 'array':
      // Lists of strings as JSON. DuckDB's own notation has no strings that are safe from it in lists within lists.
      return `CAST(from_json_strict(${value}, '${listsOf(type)}') AS ${typeName})`
    case 'other':
      // DuckDB's cast of NULL to a UNION is a UNION that holds a NULL.
      if (/^UNION\b/i.test(typeName)) return `CASE WHEN ${value} IS NOT NULL THEN CAST(${value} AS ${typeName}) END`
      return `CAST(${value} AS ${typeName})`
    case 'json':
    case 'jsonb':
      return `CAST(${value} AS ${typeName})`
    case 'timestamp':
      // Of the types of other precision, whose range may be smaller, too.
      return /^TIMESTAMP_(?:S|MS|NS)$/i.test(typeName) ? `CAST(${value} AS ${typeName})` : value
    default:
      return value
  }
}

/** What DuckDB is told of JSON that has lists of strings where `type` has lists. */
function listsOf(type: ColumnType): string {
  return type.kind === 'array' ? `[${listsOf(type.element)}]` : '"VARCHAR"'
}

/** The widest DECIMAL that DuckDB has. */
export const MAX_DECIMAL_PRECISION = 38

/** A column of a table that is made, as it is described afterwards, and its type in DuckDB's words: of nanoseconds DuckDB has types. */
export function madeColumnOf({ type, hasNanoseconds }: Pick<InferredColumn, 'type' | 'hasNanoseconds'>): {
  readonly type: ColumnType
  readonly sql: string
} {
  if (hasNanoseconds && type.kind === 'array') {
    const element = madeColumnOf({ type: type.element, hasNanoseconds })
    if (element.type === type.element) return { type, sql: sqlTypeOf(type) }
    return { type: { kind: 'other', known: { form: 'list', parts: [element.type] } }, sql: `${element.sql}[]` }
  }
  // With a time zone it has none.
  if (hasNanoseconds && (type.kind === 'timestamp' || type.kind === 'time')) {
    const known = { form: 'like' as const, parts: [{ kind: type.kind, precision: 9 }] as const }
    return { type: { kind: 'other', known }, sql: `${type.kind.toUpperCase()}_NS` }
  }
  return { type, sql: sqlTypeOf(type) }
}

/** A column type in DuckDB's words, for CREATE TABLE. Nothing is spelled narrower than the type is. */
export function sqlTypeOf(type: ColumnType): string {
  switch (type.kind) {
    case 'bool':
      return 'BOOLEAN'
    case 'int2':
      return 'SMALLINT'
    case 'int4':
      return 'INTEGER'
    case 'int8':
      return 'BIGINT'
    case 'float4':
      return 'REAL'
    case 'float8':
      return 'DOUBLE'
    case 'numeric': {
      const { precision, scale = 0 } = type
      // DuckDB's bare DECIMAL is (18,3); PostgreSQL's has no limit, and only text holds that.
      const fits = precision !== undefined && precision <= MAX_DECIMAL_PRECISION && scale >= 0 && scale <= precision
      return fits ? `DECIMAL(${precision},${scale})` : 'VARCHAR'
    }
    case 'bytea':
      return 'BLOB'
    case 'date':
      return 'DATE'
    case 'time':
      return 'TIME'
    case 'timetz':
      return 'TIME WITH TIME ZONE'
    case 'timestamp':
      return 'TIMESTAMP'
    case 'timestamptz':
      return 'TIMESTAMP WITH TIME ZONE'
    case 'interval':
      return 'INTERVAL'
    case 'uuid':
      return 'UUID'
    case 'json':
    case 'jsonb':
      return 'JSON'
    case 'enum':
      return `ENUM(${type.labels.map(quoteLiteral).join(', ')})`
    case 'array':
      return `${sqlTypeOf(type.element)}[]`
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'other':
      return 'VARCHAR'
  }
}
