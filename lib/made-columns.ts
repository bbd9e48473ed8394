import type { ColumnType } from './native/load.ts'
import { inferTable, type LoadLimits, Spool } from './native/open.ts'
import type { CopyFrom, LineageKind } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import { parseCopy } from './statement/parser.ts'

/** What a column is in a new table. */
const lineageTypes: Readonly<Record<LineageKind, ColumnType>> = {
  file: { kind: 'text' },
  line: { kind: 'int8' },
  offset: { kind: 'int8' },
  load_id: { kind: 'uuid' },
  etag: { kind: 'text' },
  last_modified: { kind: 'timestamptz' },
  size: { kind: 'int8' },
}

/** A column of a new table that is not read from the input. */
export interface MadeColumn {
  readonly name: string
  readonly type: ColumnType
  /** Why it has this type. */
  readonly reason: string
}

/** The partition values of an input, for each of its files. */
type Partitions = readonly (readonly (string | null)[])[]

/**
 * The columns that SEQUENCE, CONSTANT, LINEAGE and HIVE_PARTITIONING give a new table; those of partitions are what all values of the paths are.
 */
export async function madeColumns(
  { options }: CopyFrom,
  input: { readonly partitions?: Partitions } | { readonly kind: 'rows' },
  limits: LoadLimits,
): Promise<readonly MadeColumn[]> {
  const { sequence = [], constant = [], lineage = [], partitions = [] } = options
  const reason = 'the statement makes it'
  const own = [
    ...sequence.map(({ column }): MadeColumn => ({ name: column.value, type: { kind: 'int8' }, reason })),
    ...constant.map(({ column }): MadeColumn => ({ name: column.value, type: { kind: 'text' }, reason })),
    ...lineage.map(({ column, of }): MadeColumn => ({ name: column.value, type: lineageTypes[of], reason })),
  ]
  if (partitions.length === 0) return own
  const types = await provenTypes('partitions' in input ? (input.partitions ?? []) : [], limits)
  return [
    ...own,
    ...partitions.map(({ value: name }, index): MadeColumn => {
      const type = types[index] ?? { kind: 'text' }
      return { name, type, reason: 'all values in the paths are of it' }
    }),
  ]
}

/** The types that values have, by the rules of files. */
async function provenTypes(values: Partitions, limits: LoadLimits): Promise<readonly ColumnType[]> {
  const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
  const written = (value: string | null) =>
    value === null ? '\\N' : value.replaceAll(/[\\\t\n\r]/g, (letter) => escapes[letter] ?? letter)
  const lines = new Set(values.map((row) => `${row.map(written).join('\t')}\n`))
  const { options } = parseCopy('COPY t FROM STDIN')
  const spool = new Spool(limits.memoryLimit)
  try {
    await spool.fill(lines, 'paths', undefined)
    const { columns } = await inferTable(
      { options, table: 'paths', limits },
      { kind: 'spool', spool, name: 'paths' },
      undefined,
    )
    return columns.map(({ type }) => type)
  } finally {
    spool.dispose()
  }
}

/**
 * The columns of a new table: those that the input has but for those that are made, which have their places in the list of columns or come behind.
 *
 * @throws {CopyError} 42701 for one of the same name where fields are told apart by their places
 */
export function withMade<Column extends { readonly name: string }>(
  { text, table, options, columns: list }: CopyFrom,
  found: readonly Column[],
  made: readonly MadeColumn[],
): readonly (Column | MadeColumn)[] {
  const isMade = ({ name }: { readonly name: string }) =>
    made.some((column) => column.name.toLowerCase() === name.toLowerCase())
  const both = found.find(isMade)
  const isByName = options.mapByName || (/^(?:parquet|arrow)$/.test(options.format) && !options.byPosition)
  if (both && !isByName && list === undefined) {
    const message = `column "${both.name}" is read from the input and made by the statement`
    const hint = 'MAP BY NAME leaves that of the input; or give another name.'
    throw statementError(text, table.name.offset, 'duplicate_column', message, { hint })
  }
  const all = [...found.filter((column) => !isMade(column)), ...made]
  const place = ({ name }: { readonly name: string }) => list?.findIndex(({ value }) => value === name) ?? -1
  if (!made.some((column) => place(column) >= 0)) return all
  const rank = (column: { readonly name: string }) => (place(column) < 0 ? all.length : place(column))
  return all.toSorted((one, other) => rank(one) - rank(other))
}
