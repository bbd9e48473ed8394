import type { ColumnType } from '../../native/load.ts'

/** A column of a table to be created. */
export interface ColumnDefinition {
  /** Quoted where needed. */
  readonly sqlName: string
  readonly type: ColumnType
}

/** CREATE TABLE as a person would write it; `sqlName` is quoted where needed. */
export function createTableSql(sqlName: string, columns: readonly ColumnDefinition[]): string {
  if (columns.length === 0) return `CREATE TABLE ${sqlName} ()`
  const lines = columns.map((column) => `  ${column.sqlName} ${typeSql(column.type)}`)
  return `CREATE TABLE ${sqlName} (\n${lines.join(',\n')}\n)`
}

/** A type in PostgreSQL's words; a type it must not be asked about here is `text`, which takes every literal. */
export function typeSql(type: ColumnType): string {
  switch (type.kind) {
    case 'bool':
      return 'boolean'
    case 'int2':
      return 'smallint'
    case 'int4':
      return 'integer'
    case 'int8':
      return 'bigint'
    case 'float4':
      return 'real'
    case 'float8':
      return 'double precision'
    case 'numeric':
      return type.precision === undefined ? 'numeric' : `numeric(${type.precision},${type.scale ?? 0})`
    case 'varchar':
      return type.length === undefined ? 'varchar' : `varchar(${type.length})`
    case 'bpchar':
      // A bare `char` would be char(1).
      return type.length === undefined ? 'bpchar' : `char(${type.length})`
    case 'time':
    case 'timestamp':
    case 'interval':
      return `${type.kind}${precisionSql(type.precision)}`
    case 'timetz':
      return `time${precisionSql(type.precision)} with time zone`
    case 'timestamptz':
      return `timestamp${precisionSql(type.precision)} with time zone`
    case 'enum':
      return type.name
    case 'array':
      return `${typeSql(type.element)}[]`
    case 'other':
      return 'text'
    default:
      return type.kind
  }
}

/** A type as the server's catalog prints it. */
export function printedType(type: ColumnType): string {
  const isWithoutZone = type.kind === 'time' || type.kind === 'timestamp'
  return isWithoutZone ? `${typeSql(type)} without time zone` : typeSql(type)
}

function precisionSql(precision: number | undefined): string {
  return precision === undefined ? '' : `(${precision})`
}
