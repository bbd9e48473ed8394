import type { ColumnType } from './native/load.ts'
import { type Input, type LoadLimits, type Rereadable, readOtherSchemas, type SchemaColumn } from './native/open.ts'
import { type CopyFrom, isColumnar } from './statement/ast.ts'
import { fieldNamed } from './statement/plan.ts'

/** Digits before the point that a whole number may have. */
const DIGITS = { int2: 5, int4: 10, int8: 19 } as const
const INTEGERS = Object.keys(DIGITS)

/**
 * The columns of the first of several files, `first`, of types that hold the values of all of them, whose ends are read. A column that another
 * lacks is reported by whoever reads it there.
 *
 * @throws {CopyError} where one cannot be read
 */
export async function commonSchema(
  { options }: CopyFrom,
  first: readonly SchemaColumn[],
  input: Rereadable | Extract<Input, { kind: 'remote' }>,
  limits: LoadLimits,
  signal?: AbortSignal,
): Promise<readonly SchemaColumn[]> {
  if (!isColumnar(options.format)) return first
  const others = await readOtherSchemas(options.format, input, limits, signal)
  return commonColumns(first, others, options.byPosition === true)
}

function commonColumns(
  first: readonly SchemaColumn[],
  others: readonly (readonly SchemaColumn[])[],
  byPosition: boolean,
): SchemaColumn[] {
  const named = others.map((columns) => ({ columns, names: columns.map(({ name }) => name) }))
  return first.map((column, index) => {
    let common = column
    for (const { columns, names } of named) {
      const other = columns[byPosition ? index : fieldNamed(names, column.name)]
      if (common.type === undefined || other?.type === undefined || isUntyped(other, common)) continue
      // A column of nothing but NULL is of any type. What one file has in nanoseconds, and another has not, may be out of their range there.
      const hasNanoseconds = common.hasNanoseconds === true && other.hasNanoseconds === true
      common = {
        ...common,
        ...(isUntyped(common, other) ? other : { type: commonType(common.type, other.type), hasNanoseconds }),
      }
    }
    return { ...common, name: column.name }
  })
}

/** Whether a column has no type of its own beside another one: of nothing but NULL, or of lists beside those that have nothing else in them. */
function isUntyped({ arrowType }: SchemaColumn, { type }: SchemaColumn): boolean {
  return arrowType === 'Null' || (type?.kind === 'array' && /^\w*List\w*\((\d+ x )?Null\b/.test(arrowType))
}

/** A type that holds the values of both: at the worst their text. */
function commonType(a: ColumnType, b: ColumnType): ColumnType {
  if (a.kind === 'array' && b.kind === 'array') return { ...a, element: commonType(a.element, b.element) }
  if (a.kind === b.kind && a.kind !== 'numeric') return a
  const kinds = [a.kind, b.kind]
  const are = (...of: string[]) => kinds.every((kind) => of.includes(kind))
  if (are(...INTEGERS)) return INTEGERS.indexOf(a.kind) > INTEGERS.indexOf(b.kind) ? a : b
  if (are(...INTEGERS, 'numeric')) return commonNumeric(a, b)
  // Single precision holds whole numbers of 24 bits.
  if (are('float4', 'int2')) return { kind: 'float4' }
  if (are(...INTEGERS, 'numeric', 'float4', 'float8')) return { kind: 'float8' }
  if (are('date', 'timestamp')) return { kind: 'timestamp' }
  if (are('uuid', 'bytea')) return { kind: 'bytea' }
  if (are('array', 'jsonb')) return { kind: 'jsonb' }
  return { kind: 'text' }
}

function commonNumeric(a: ColumnType, b: ColumnType): ColumnType {
  const digits = (type: ColumnType) =>
    type.kind === 'numeric'
      ? { whole: (type.precision ?? 0) - (type.scale ?? 0), scale: type.scale ?? 0 }
      : { whole: DIGITS[type.kind as keyof typeof DIGITS], scale: 0 }
  const [one, other] = [digits(a), digits(b)]
  const scale = Math.max(one.scale, other.scale)
  return { kind: 'numeric', precision: Math.max(one.whole, other.whole) + scale, scale }
}
