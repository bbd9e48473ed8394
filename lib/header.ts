import { startOf } from './delimiter.ts'
import type { HeaderEvidence } from './explanation.ts'
import { type LoadLimits, type Rereadable, Spool, START_BYTES } from './native/open.ts'
import type { CopyFrom } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import { proveColumns } from './table-columns.ts'
import type { TableDescription } from './target/target.ts'

const LF = 10

/**
 * Whether the first record is a header, by QuestDB's rule: with it no column has another type than text, and without it at least one has.
 * As QuestDB does, this looks at the beginning of the input alone; of one that is not in UTF-8, at all of it.
 *
 * Throws CopyError for records that are none.
 */
export async function looksLikeHeader(
  statement: CopyFrom,
  input: Rereadable,
  limits: LoadLimits,
  signal: AbortSignal | undefined,
): Promise<HeaderEvidence> {
  const { options } = statement
  const spool = new Spool(2 * START_BYTES)
  try {
    let sample: Rereadable = input
    if (options.encoding === 'UTF8') {
      const path = input.kind === 'files' ? input.paths[0] : input.kind === 'file' ? input.path : undefined
      const start = input.kind === 'spool' ? input.spool.start : path ? await startOf(path) : Buffer.alloc(0)
      const whole = start.length < START_BYTES ? start : wholeRecords(start, options.quote)
      // A record that is longer than all that is looked at.
      if (whole.length > 0 || start.length === 0) {
        await spool.fill([whole], input.name, signal)
        sample = { kind: 'spool', spool, name: input.name }
      }
    }
    // Names that columns have in the end are none that the first line must have.
    const { columns: _, ...rest } = statement
    const { timestampColumn: __, ...others } = options
    const typed = async (header: 'true' | 'false') => {
      const plain = { ...rest, options: { ...others, header } }
      const { columns } = await proveColumns(plain, { ...limits, threads: 1 }, sample, signal)
      const found = columns.find(({ type }) => type.kind !== 'text')
      return found && `field ${found.field + 1} is ${found.type.kind}`
    }
    const withFirst = await typed('false')
    if (withFirst !== undefined) return { isHeader: false, reason: `${withFirst} in the first record too` }
    const withoutFirst = await typed('true')
    return withoutFirst === undefined
      ? { isHeader: false, reason: 'all fields are text, in the first record and in the others' }
      : { isHeader: true, reason: `${withoutFirst} in all records but the first` }
  } finally {
    spool.dispose()
  }
}

/** Whether the names in a statement's header say which columns its fields go to without MAP BY NAME: QuestDB's do. */
export function isHeaderMatched({ dialect, columns, options }: CopyFrom): boolean {
  return (
    dialect?.name === 'questdb' && options.header === 'true' && options.mapByName === undefined && columns === undefined
  )
}

/**
 * The statement with MAP BY NAME where the names of its header are those of columns, as it is where none of them is. Like QuestDB, in which a
 * field whose name no column has goes by its place.
 *
 * Throws CopyError (42703) where some names are those of columns at other places, and others of none: a place may be wanted twice then.
 */
export function matched(statement: CopyFrom, header: readonly string[], { columns }: TableDescription): CopyFrom {
  const places = header.map((name) =>
    columns.findIndex((column) => column.name.toLowerCase() === name.trim().toLowerCase()),
  )
  const stray = places.indexOf(-1)
  if (header.length > 0 && stray < 0) {
    return { ...statement, options: { ...statement.options, mapByName: true } }
  }
  if (places.every((place, field) => place < 0 || place === field)) return statement
  const message = `column "${header[stray]}" of the header does not exist`
  throw statementError(statement.text, statement.table.name.offset, 'undefined_column', message, {
    detail:
      'Other names of the header are those of columns at other places, so that places do not tell whose its field is.',
    hint: 'MAP BY NAME leaves out fields whose name no column has; HEADER with a list of columns goes by places.',
  })
}

/** Whether two headers have the same names in the same order. */
export function isSameHeader(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, at) => name === other[at])
}

/** Up to the last line end that is in no quotes. */
function wholeRecords(start: Buffer, quote: string): Buffer {
  const mark = quote.charCodeAt(0)
  let end = 0
  let isQuoted = false
  for (const [at, byte] of start.entries()) {
    if (byte === mark) isQuoted = !isQuoted
    else if (byte === LF && !isQuoted) end = at + 1
  }
  return start.subarray(0, end)
}
