import type { ColumnType, IntervalField } from '../../native/load.ts'
import type { QualifiedName } from '../../statement/ast.ts'

import type { DateKind, TableDescription, TargetColumn } from '../target.ts'
import { CHECKED_SQL } from './checks.ts'

/** A table as the catalog has it, with what only this target needs. */
export interface CatalogTable {
  readonly description: TableDescription
  /** `pg_class.relkind`. */
  readonly relkind: string
  /** Column names, quoted where needed; parallel to `description.columns`. */
  readonly sqlColumns: readonly string[]
  /** Type OID and modifier of each column: what the binary encoding of a value depends on. */
  readonly wireTypes: readonly string[]
  /** Of each column its type without modifiers, a domain's base type: what takes any value that the column may take. */
  readonly plainTypes: readonly string[]
  /** The same with modifiers, and these as the catalog has them, -1 for none: what COPY makes of a value depends on them. */
  readonly modifiedTypes: readonly { readonly name: string; readonly modifier: number }[]
  /** Of each column ` COLLATE …` where its collation is not the database's, or nothing: by it comparisons go. */
  readonly collateSql: readonly string[]
  /** Whether every row sent must arrive: an ordinary table without a trigger that could drop rows. */
  readonly takesEveryRow: boolean
}

/** The OID of the database's own collation. */
export const DEFAULT_COLLATION = 100

/** What a range, a multirange or a composite type consists of. Before PostgreSQL 14, ranges know of no multirange. */
const PARTS = `
    SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE type.typtype IN ('r', 'm')
      AND type.oid::text IN (r.rngtypid::text, pg_catalog.to_json(r) ->> 'rngmultitypid')
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE type.typtype = 'c' AND a.attrelid = type.typrelid AND a.attnum > 0 AND NOT a.attisdropped`

/**
 * Everything about one relation in one round trip, as JSON; no row when the name means nothing. Types are closed over
 * domains' base types, arrays' elements, and what ranges and composite types consist of.
 *
 * `to_regclass` resolves the name as COPY would: search_path, temporary tables, "cross-database references are not
 * implemented", "permission denied for schema". Trigger bits: 1 row, 2 before, 4 insert; tgenabled 'D' is disabled.
 */
export const DESCRIBE_SQL = describeSql(`
  SELECT a.* FROM pg_catalog.pg_attribute a JOIN relation ON a.attrelid = relation.oid
  WHERE a.attnum > 0 AND NOT a.attisdropped`)

/** The same, as if the columns of the relation were those of `$2`: JSON, `[{ "name", "type", "typmod" }]`, types as OIDs. */
export const DESCRIBE_AS_SQL = describeSql(`
  SELECT f.attnum, f.attname, f.type::pg_catalog.oid AS atttypid, f.atttypmod, 0::pg_catalog.oid AS attcollation,
    '' AS attgenerated, '' AS attidentity, false AS attnotnull, false AS atthasdef
  FROM ROWS FROM (
    pg_catalog.json_to_recordset($2::pg_catalog.json) AS (name text, type int8, typmod int4)
  ) WITH ORDINALITY AS f (attname, type, atttypmod, attnum)`)

function describeSql(attributes: string): string {
  return `
WITH RECURSIVE relation AS (
  SELECT c.oid, c.relname, c.relkind, n.nspname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = pg_catalog.to_regclass($1)
), attribute AS (${attributes}
), type AS (
  SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typelem, t.typarray, t.typdelim, t.typdefault, t.typcategory, t.typrelid
  FROM pg_catalog.pg_type t WHERE t.oid IN (SELECT atttypid FROM attribute)
  UNION
  SELECT t.oid, t.typtype, t.typbasetype, t.typtypmod, t.typelem, t.typarray, t.typdelim, t.typdefault, t.typcategory, t.typrelid
  FROM type CROSS JOIN LATERAL (
    SELECT type.typbasetype UNION ALL SELECT type.typelem UNION ALL ${PARTS}
  ) AS part (oid) JOIN pg_catalog.pg_type t ON t.oid = part.oid
)
SELECT pg_catalog.json_build_object(
  'sqlName', pg_catalog.quote_ident(relation.nspname) || '.' || pg_catalog.quote_ident(relation.relname),
  'relationName', relation.relname,
  'relkind', relation.relkind,
  'primaryKey', (
    SELECT pg_catalog.json_agg(a.attname ORDER BY key.position)
    FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS key (number, position), attribute a
    WHERE i.indrelid = relation.oid AND i.indisprimary AND key.position <= i.indnkeyatts AND a.attnum = key.number
  ),
  'dropsRows', EXISTS (
    SELECT FROM pg_catalog.pg_trigger g
    WHERE g.tgrelid = relation.oid AND g.tgtype & 7 = 7 AND g.tgenabled <> 'D'
  ),
  'columns', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', a.attname,
      'sqlName', pg_catalog.quote_ident(a.attname),
      'type', a.atttypid::int8,
      'typmod', a.atttypmod,
      'typeName', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'generated', a.attgenerated <> '',
      'identity', a.attidentity,
      'notNull', a.attnotnull,
      'category', type.typcategory,
      'collation', (
        SELECT pg_catalog.format('%I.%I', n.nspname, c.collname)
        FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
        WHERE c.oid = a.attcollation AND c.oid <> ${DEFAULT_COLLATION}
      ),
      'hasDefault', a.attgenerated = '' AND (a.atthasdef OR a.attidentity <> '' OR type.typdefault IS NOT NULL)
    ) ORDER BY a.attnum)
    FROM attribute a JOIN type ON type.oid = a.atttypid
  ),
  'types', (
    SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'oid', type.oid::int8,
      'name', pg_catalog.format_type(type.oid, NULL),
      'kind', type.typtype,
      'base', type.typbasetype::int8,
      'baseTypmod', type.typtypmod,
      'baseName', pg_catalog.format_type(nullif(type.typbasetype, 0), type.typtypmod),
      'element', type.typelem::int8,
      'array', type.typarray::int8,
      'delimiter', type.typdelim,
      'parts', (SELECT pg_catalog.json_agg(part.oid::int8) FROM (${PARTS}) AS part (oid)),
      'attributes', (
        SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
          'name', a.attname, 'type', a.atttypid::int8, 'typmod', a.atttypmod
        ) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE type.typtype = 'c' AND a.attrelid = type.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      ),
      'labels', (
        SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = type.oid
      )
    ))
    FROM type
  )
)::text
FROM relation`
}

/**
 * Whether anything but types and NOT NULL could refuse a row of the relation `$1`: constraints, indexes (unique ones, and those on
 * expressions that fail), triggers, rules, policies, generated columns, domains, an encoding that lacks characters; or whether it is more
 * than an ordinary table. And the columns that conditions read.
 */
export const REFUSING_SQL = `
SELECT pg_catalog.getdatabaseencoding() <> 'UTF8' OR r.relkind <> 'r' OR r.relhasindex OR r.relhastriggers OR r.relhasrules OR r.relrowsecurity OR r.relispartition OR EXISTS (
  SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = r.oid AND k.contype <> 'n'
) OR EXISTS (
  SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attgenerated <> '' OR t.typtype = 'd')
), ${CHECKED_SQL}
FROM pg_catalog.pg_class r WHERE r.oid = $1::pg_catalog.regclass`

interface CatalogColumn {
  readonly name: string
  readonly sqlName: string
  readonly type: number
  readonly typmod: number
  readonly typeName: string
  readonly generated: boolean
  /** `pg_attribute.attidentity`: a always, d by default, or empty. */
  readonly identity: string
  readonly notNull: boolean
  /** `pg_type.typcategory`: S for strings. */
  readonly category: string
  /** Quoted where needed; null for the database's, and where the type has none. */
  readonly collation: string | null
  readonly hasDefault: boolean
}

interface CatalogType {
  readonly oid: number
  readonly name: string
  /** `pg_type.typtype`: b base, d domain, e enum, … */
  readonly kind: string
  readonly base: number
  readonly baseTypmod: number
  /** A domain's base type with its modifiers. */
  readonly baseName: string | null
  readonly element: number
  readonly array: number
  readonly delimiter: string
  /** What a range or a composite type consists of. */
  readonly parts: readonly number[] | null
  /** Of a composite type, in their order. */
  readonly attributes: readonly Pick<CatalogColumn, 'name' | 'type' | 'typmod'>[] | null
  readonly labels: readonly string[] | null
}

interface CatalogRelation {
  readonly sqlName: string
  readonly relationName: string
  readonly relkind: string
  readonly dropsRows: boolean
  readonly primaryKey: readonly string[] | null
  readonly columns: readonly CatalogColumn[] | null
  readonly types: readonly CatalogType[] | null
}

/** Reads what {@link DESCRIBE_SQL} answers. */
export function readTable(json: string): CatalogTable {
  const relation = JSON.parse(json) as CatalogRelation
  const types = new Map((relation.types ?? []).map((type) => [type.oid, type]))
  const columns = relation.columns ?? []
  return {
    description: {
      sqlName: relation.sqlName,
      ...(relation.primaryKey && {
        primaryKey: relation.primaryKey.map((name) => columns.findIndex((column) => column.name === name)),
      }),
      relationName: relation.relationName,
      columns: columns.map((column): TargetColumn => {
        const type = columnType(types, column.type, column.typmod)
        const kinds = type.kind === 'other' ? kindsIn(types, column.type) : []
        const dates = kinds.filter((kind): kind is DateKind => /^(?:date|time)/.test(kind))
        const zero = column.notNull && !column.hasDefault && !column.generated ? zeroOf(type) : undefined
        return {
          name: column.name,
          type,
          typeName: column.typeName,
          hasDefault: column.hasDefault,
          generated: column.generated,
          // A trigger that comes before may still fill it in.
          notNull: column.notNull && relation.relkind === 'r' && !relation.dropsRows,
          ...(column.identity && { identity: column.identity === 'a' ? 'always' : 'by default' }),
          ...(column.category === 'S' && type.kind === 'other' && { isString: true }),
          ...(types.get(column.type)?.kind === 'd' && { isDomain: true }),
          ...(hasDomain(types, column.type) && { hasDomain: true }),
          ...(isRow(types, column.type) && { isRow: true }),
          ...(zero && { zero }),
          ...(dates.length > 0 && { dates: [...new Set(dates)] }),
          ...(kinds.some((kind) => /^(?:float|numeric|money)/.test(kind)) && { hasNumbers: true }),
        }
      }),
    },
    relkind: relation.relkind,
    sqlColumns: columns.map((column) => column.sqlName),
    wireTypes: columns.map((column) => `${column.name} ${column.type} ${column.typmod}`),
    plainTypes: columns.map((column) => plainType(types, column.type)),
    modifiedTypes: columns.map(({ type, typeName, typmod }) =>
      modifiedType(types, type, { name: typeName, modifier: typmod }),
    ),
    collateSql: columns.map(({ collation }) => (collation === null ? '' : ` COLLATE ${collation}`)),
    takesEveryRow: relation.relkind === 'r' && !relation.dropsRows,
  }
}

/** Names that mean a length of one when they stand alone, and what takes any length. */
const UNBOUNDED: ReadonlyMap<number, string> = new Map([
  [1042, 'bpchar'],
  [1014, 'bpchar[]'],
  [1560, 'varbit'],
  [1561, 'varbit[]'],
])

function plainType(types: ReadonlyMap<number, CatalogType>, oid: number): string {
  const type = types.get(oid)
  if (type?.kind === 'd') return plainType(types, type.base)
  return UNBOUNDED.get(oid) ?? type?.name ?? 'text'
}

function modifiedType(
  types: ReadonlyMap<number, CatalogType>,
  oid: number,
  own: CatalogTable['modifiedTypes'][number],
): CatalogTable['modifiedTypes'][number] {
  const type = types.get(oid)
  if (type?.kind !== 'd') return own
  return modifiedType(types, type.base, { name: type.baseName ?? own.name, modifier: type.baseTypmod })
}

/** A name as the input of `to_regclass`: always quoted, since the parser has folded it already. */
export function regclassText(name: QualifiedName): string {
  return [name.catalog, name.schema, name.name]
    .filter((part) => part !== undefined)
    .map((part) => `"${part.value.replaceAll('"', '""')}"`)
    .join('.')
}

/** The server's type of money, whose marks are its session's. */
const MONEY = 790

/** OIDs of the built-in types that the native core decodes; they are the same in every PostgreSQL. */
const BUILT_IN: ReadonlyMap<number, ColumnType['kind']> = new Map([
  [16, 'bool'],
  [17, 'bytea'],
  [20, 'int8'],
  [21, 'int2'],
  [23, 'int4'],
  [25, 'text'],
  [114, 'json'],
  [700, 'float4'],
  [701, 'float8'],
  [1042, 'bpchar'],
  [1043, 'varchar'],
  [1082, 'date'],
  [1083, 'time'],
  [1114, 'timestamp'],
  [1184, 'timestamptz'],
  [1186, 'interval'],
  [1266, 'timetz'],
  [1700, 'numeric'],
  [2950, 'uuid'],
  [3802, 'jsonb'],
])

const OTHER: ColumnType = { kind: 'other' }

/** The server rounds to the digits of its session's money, which are two nearly everywhere. */
const AMOUNT: ColumnType = {
  kind: 'other',
  known: { form: 'like', parts: [{ kind: 'numeric', precision: 19, scale: 2 }] },
}

/** What the server's input functions wrap around or cut without a word, by OID. */
const LIMITED: ReadonlyMap<number, ColumnType> = new Map(
  (
    [
      [18, { form: 'short', name: '"char"', length: 1 }],
      [19, { form: 'short', name: 'name', length: 63 }],
      [26, { form: 'unsigned', name: 'oid', length: 32 }],
      [28, { form: 'unsigned', name: 'xid', length: 32 }],
      [29, { form: 'unsigned', name: 'cid', length: 32 }],
      [5069, { form: 'unsigned', name: 'xid8', length: 64 }],
    ] as const
  ).map(([oid, known]) => [oid, { kind: 'other', known }]),
)

/** `typmod` is PostgreSQL's packed type modifier, -1 for none. */
function columnType(types: ReadonlyMap<number, CatalogType>, oid: number, typmod: number): ColumnType {
  const builtIn = BUILT_IN.get(oid)
  if (builtIn !== undefined) return builtInType(builtIn, typmod)
  if (oid === MONEY) return AMOUNT
  const limited = LIMITED.get(oid)
  if (limited !== undefined) return limited
  const type = types.get(oid)
  if (type === undefined) return OTHER
  // The server checks a domain's constraints whichever encoding its values come in.
  if (type.kind === 'd') return columnType(types, type.base, type.baseTypmod)
  if (type.kind === 'e') return { kind: 'enum', name: type.name, labels: type.labels ?? [] }
  if (type.attributes) {
    const parts = type.attributes.map((attribute) => columnType(types, attribute.type, attribute.typmod))
    return { kind: 'other', known: { form: 'record', parts, fields: type.attributes.map(({ name }) => name) } }
  }
  const element = types.get(type.element)
  // Types such as `point` and `int2vector` have an element type without being its array type.
  if (element?.array !== oid) return OTHER
  const elementType = columnType(types, element.oid, typmod)
  if (elementType.kind === 'other' && elementType.known === undefined) return OTHER
  if (elementType.kind === 'other' || element.kind === 'd') {
    return { kind: 'other', known: { form: 'list', parts: [elementType] } }
  }
  return { kind: 'array', element: elementType, elementOid: element.oid, delimiter: element.delimiter }
}

/** See {@link TargetColumn.zero}. */
function zeroOf({ kind }: ColumnType): TargetColumn['zero'] {
  if (kind === 'bool') return 'false'
  return /^(?:int[248]|float[48]|numeric)$/.test(kind) ? '0' : undefined
}

/** The types decoded here that the values of a type consist of; money is one of numbers. */
function kindsIn(types: ReadonlyMap<number, CatalogType>, oid: number): readonly (ColumnType['kind'] | 'money')[] {
  const builtIn = BUILT_IN.get(oid)
  if (builtIn !== undefined) return [builtIn]
  if (oid === MONEY) return ['money']
  const type = types.get(oid)
  if (type === undefined) return []
  return [type.base, type.element, ...(type.parts ?? [])].flatMap((part) => kindsIn(types, part))
}

function hasDomain(types: ReadonlyMap<number, CatalogType>, oid: number): boolean {
  const type = types.get(oid)
  if (type === undefined || BUILT_IN.has(oid)) return false
  return type.kind === 'd' || [type.element, ...(type.parts ?? [])].some((part) => hasDomain(types, part))
}

function isRow(types: ReadonlyMap<number, CatalogType>, oid: number): boolean {
  const type = types.get(oid)
  return type?.kind === 'c' || (type?.kind === 'd' && isRow(types, type.base))
}

/** The bits of an interval's modifier. */
const INTERVAL_FIELDS = [
  [2, 'year'],
  [1, 'month'],
  [3, 'day'],
  [10, 'hour'],
  [11, 'minute'],
  [12, 'second'],
] as const satisfies readonly (readonly [bit: number, field: IntervalField])[]

function builtInType(kind: ColumnType['kind'], typmod: number): ColumnType {
  switch (kind) {
    case 'varchar':
    case 'bpchar':
      // Lengths and numeric modifiers are stored with the size of a varlena header added.
      return typmod < 0 ? { kind } : { kind, length: typmod - 4 }
    case 'numeric': {
      if (typmod < 0) return { kind }
      const packed = typmod - 4
      // The scale is the low 11 bits, two's complement.
      return { kind, precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 1024) - 1024 }
    }
    case 'time':
    case 'timetz':
    case 'timestamp':
    case 'timestamptz':
      return typmod < 0 ? { kind } : { kind, precision: typmod }
    case 'interval': {
      if (typmod < 0) return { kind }
      const range = (typmod >> 16) & 0x7fff
      const precision = typmod & 0xffff
      const digits = precision === 0xffff ? {} : { precision }
      if (range === 0x7fff) return { kind, ...digits }
      // `interval day to hour` and the like change how a literal is read, and are the server's to parse.
      const fields = INTERVAL_FIELDS.filter(([bit]) => (range >> bit) & 1).map(([, field]) => field)
      return { kind: 'other', known: { form: 'interval', fields, ...digits } }
    }
    default:
      return { kind } as ColumnType
  }
}
