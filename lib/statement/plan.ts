import type { CopyError } from '../errors.ts'
import type { CopyFrom, Name } from './ast.ts'
import { statementError } from './diagnostics.ts'
import { closest } from './spelling.ts'

/** What the plan needs to know of the table. */
export interface PlannedTable {
  /** The table's bare name, for messages. */
  readonly relationName: string
  /** In table order, generated columns included. */
  readonly columns: readonly { readonly name: string; readonly generated: boolean }[]
  /** Whether the database finds a column by its name in any case. */
  readonly caseInsensitive?: boolean
}

/** Which columns of the table the fields of a row go to. */
export interface ColumnPlan {
  /** Indexes into the table's columns, in the order of the fields. */
  readonly columns: readonly number[]
  /** By position in `columns`: FORCE_NOT_NULL holds. */
  readonly forceNotNull: readonly boolean[]
  /** By position in `columns`: FORCE_NULL holds. */
  readonly forceNull: readonly boolean[]
  /** Of ON CONFLICT: indexes into the table's columns; absent where the clause names none. */
  readonly conflictKeys?: readonly number[]
}

/**
 * Matches the names in a statement with the columns of its table, as PostgreSQL does: without a column list all columns
 * that are not generated.
 *
 * Throws CopyError: 42703 for a column that does not exist, 42P10 for a generated one and for one named in FORCE_NULL or
 * FORCE_NOT_NULL that is not loaded, 42701 for one named twice.
 */
export function planColumns(copy: CopyFrom, table: PlannedTable): ColumnPlan {
  const columns = copy.columns
    ? resolve(copy, table, copy.columns)
    : table.columns.flatMap((column, index) => (column.generated ? [] : [index]))
  const keys = copy.options.onConflict?.columns
  const conflictKeys = keys && resolve(copy, table, keys)
  const unloaded = conflictKeys?.findIndex((key) => !columns.includes(key)) ?? -1
  const name = keys?.[unloaded]
  if (name) {
    const message = `ON CONFLICT column "${name.value}" not referenced by COPY`
    throw statementError(copy.text, name.offset, 'invalid_column_reference', message)
  }
  return {
    columns,
    ...(conflictKeys && { conflictKeys }),
    forceNotNull: force(copy, table, columns, 'FORCE_NOT_NULL', copy.options.forceNotNull),
    forceNull: force(copy, table, columns, 'FORCE_NULL', copy.options.forceNull),
  }
}

function resolve(copy: CopyFrom, table: PlannedTable, names: readonly Name[]): readonly number[] {
  const indexes: number[] = []
  for (const name of names) {
    const index = table.columns.findIndex((column) => isSameName(table, column.name, name.value))
    const column = table.columns[index]
    if (!column) throw undefinedColumn(copy, table, name)
    if (column.generated) {
      const message = `column "${name.value}" is a generated column`
      const detail = 'Generated columns cannot be used in COPY.'
      throw statementError(copy.text, name.offset, 'invalid_column_reference', message, { detail })
    }
    if (indexes.includes(index)) {
      const message = `column "${name.value}" specified more than once`
      throw statementError(copy.text, name.offset, 'duplicate_column', message)
    }
    indexes.push(index)
  }
  return indexes
}

function isSameName(table: PlannedTable, a: string, b: string): boolean {
  return a === b || (table.caseInsensitive === true && a.toLowerCase() === b.toLowerCase())
}

function undefinedColumn(copy: CopyFrom, table: PlannedTable, name: Name): CopyError {
  const candidates = table.columns.map((column) => column.name)
  const sameLetters = candidates.find((candidate) => candidate.toLowerCase() === name.value.toLowerCase())
  const near = sameLetters ?? closest(name.value, candidates)
  const hint =
    sameLetters !== undefined && !name.quoted
      ? `Names without double quotes are in lower case; write "${sameLetters}" with them.`
      : near === undefined
        ? undefined
        : `Did you mean "${near}"?`
  const message = `column "${name.value}" of relation "${table.relationName}" does not exist`
  return statementError(copy.text, name.offset, 'undefined_column', message, { hint })
}

function force(
  copy: CopyFrom,
  table: PlannedTable,
  columns: readonly number[],
  option: 'FORCE_NOT_NULL' | 'FORCE_NULL',
  names: '*' | readonly Name[],
): readonly boolean[] {
  if (names === '*') return columns.map(() => true)
  const forced = resolve(copy, table, names)
  for (const [position, index] of forced.entries()) {
    const name = names[position]
    if (name && !columns.includes(index)) {
      const message = `${option} column "${name.value}" not referenced by COPY`
      throw statementError(copy.text, name.offset, 'invalid_column_reference', message)
    }
  }
  return columns.map((index) => forced.includes(index))
}
