import type { Evidence, Findings } from '../diagnosis.ts'
import type { LoadColumn, NativeReject } from '../native/load.ts'
import { openLoad } from '../native/open.ts'
import { recordEnd } from '../record-shape.ts'
import type { CopyOptions } from '../statement/ast.ts'
import { type Candidate, type CureKit, isUnread } from './kit.ts'

/** Characters of a message that is told in a note. */
const MESSAGE_SHOWN = 150

/** Buffers of a trial. */
const MEMORY = 16 << 20

/** How many rows a change cures; and, where that is said, what is wrong with them then. */
interface Tried {
  readonly cured: number
  readonly left?: string
}

export async function tryCure(candidate: Candidate, group: Findings, kit: CureKit): Promise<Tried> {
  try {
    const { fits = () => true } = candidate
    const rows = group.evidence.filter(fits)
    if (rows.length === 0) return { cured: 0 }
    if (candidate.options?.header === 'true') return await tryHeader(candidate, rows, kit)
    if (candidate.lines) return await tryLines(rows, candidate.lines, kit)
    return await (candidate.value ? tryValues(candidate, rows, group, kit) : tryRows(candidate, rows, group, kit))
  } catch {
    // What cannot be tried is not said.
    return { cured: 0 }
  }
}

async function tryHeader(candidate: Candidate, rows: readonly Evidence[], kit: CureKit): Promise<Tried> {
  const [row] = rows
  if (row === undefined) return { cured: 0 }
  const { headerLines, rowsRead } = await load({ ...kit, options: { ...kit.options, ...candidate.options } }, [row.raw])
  return { cured: headerLines === 1 && rowsRead === 0 ? 1 : 0 }
}

/** Loads what is in place of each record in a changed input: all of it must be fine. */
async function tryLines(
  rows: readonly Evidence[],
  lines: (raw: Buffer) => readonly Buffer[],
  kit: CureKit,
): Promise<Tried> {
  const parts = rows.flatMap(({ raw }, row) => lines(raw).map((line) => ({ row, line })))
  if (parts.length === 0) return { cured: rows.length }
  const records = parts.map(({ line }) => line)
  const { rowsRead, refused } = await load({ ...kit, options: { ...kit.options, header: 'false' } }, records)
  if (rowsRead !== records.length) return { cured: 0 }
  const failed = new Set([...refused.keys()].map((index) => parts[index]?.row))
  return { cured: rows.length - failed.size }
}

/** Loads whole records with the change. */
async function tryRows(candidate: Candidate, rows: readonly Evidence[], group: Findings, kit: CureKit): Promise<Tried> {
  const { error } = group
  const { record = (raw: Buffer) => raw, force, leaves, patterns } = candidate
  const changed: CureKit = {
    ...kit,
    options: { ...kit.options, header: 'false', ...candidate.options },
    session: { ...kit.session, ...candidate.session },
    columns: kit.columns.map((column) => ({
      ...column,
      ...(column.name === error.column && force === 'null' && { forceNull: true }),
      ...(column.name === error.column && force === 'not null' && { forceNotNull: true }),
      ...(patterns && column.type.kind === 'date' && { patterns }),
    })),
  }
  const { rowsRead, refused } = await load(
    changed,
    rows.map(({ raw }) => record(raw)),
  )
  if (rowsRead !== rows.length) return { cured: 0 }
  const cured = rows.filter(({ error: own, errors }, index) => {
    const flaws = refused.get(index)?.flaws ?? []
    if (leaves) return flaws.every(leaves)
    return flaws.every(({ column, sqlState, message }) => {
      const name = column === undefined ? undefined : kit.columns[column]?.name
      return errors.some(
        (other) => other !== own && other.column === name && other.sqlState === sqlState && other.message === message,
      )
    })
  }).length
  if (leaves === undefined || cured === 0) return { cured }
  const others = [...refused.values()].flatMap(({ flaws }) => flaws.find(leaves) ?? [])
  const [first] = others
  if (first === undefined) return { cured }
  const name = first.column === undefined ? undefined : kit.columns[first.column]?.name
  const where = name === undefined ? '' : ` in column ${name}`
  const what = others.length === 1 ? 'one of them has another error' : `${others.length} of them have other errors`
  return { cured, left: `${what} then, such as${where}: ${first.message.slice(0, MESSAGE_SHOWN)}` }
}

/** Loads the values alone, as they would be in a changed input. */
async function tryValues(
  candidate: Candidate,
  rows: readonly Evidence[],
  { error }: Findings,
  kit: CureKit,
): Promise<Tried> {
  const values = rows.flatMap(({ value }) => {
    const changed = candidate.value?.(value ?? '')
    return changed === undefined ? [] : [changed]
  })
  const column = kit.columns.find(({ name }) => name === error.column)
  return { cured: column === undefined ? 0 : await loadValues(values, column, kit) }
}

/** How many of the values, null for NULL, a column takes. */
export async function loadValues(
  values: readonly (string | null)[],
  column: LoadColumn,
  kit: CureKit,
): Promise<number> {
  if (values.length === 0) return 0
  // What ends a record of another format is no matter here.
  const { eol: _, ...given } = kit.options
  const options: CopyOptions = {
    ...given,
    format: 'csv',
    delimiter: ',',
    quote: '"',
    escape: '"',
    header: 'false',
  }
  const records = values.map((value) =>
    Buffer.from(value === null ? kit.options.null : `"${value.replaceAll('"', '""')}"`),
  )
  const { rowsRead, refused } = await load({ ...kit, options, columns: [{ ...column, forceNull: false }] }, records)
  return rowsRead === values.length ? values.length - refused.size : 0
}

/** Runs records through the decoder. Refused ones come by their number. */
export async function load(
  kit: CureKit,
  records: readonly Buffer[],
): Promise<{ rowsRead: number; headerLines: number; refused: ReadonlyMap<number, NativeReject> }> {
  const numbers = new Map<number, number>()
  const lineEnd = Buffer.from(recordEnd(kit.options))
  let offset = 0
  for (const [number, record] of records.entries()) {
    numbers.set(offset, number)
    offset += record.length + lineEnd.length
  }
  const refused = new Map<number, NativeReject>()
  const native = openLoad(
    {
      options: {
        ...kit.options,
        errors: { conversion: 'skip_row', structure: 'skip_row', constraint: 'skip_row', verbosity: 'silent' },
      },
      // Values that only the database reads are strings here.
      columns: kit.columns.map((column) => ({
        ...column,
        ...(isUnread(column.type) && { type: { kind: 'text' } }),
        // Nothing is known here of the input that the records are from.
        ...((column.lineage !== undefined || column.partition !== undefined) && { notNull: false }),
      })),
      session: { ...kit.session, zoneWords: 'all' },
      sink: kit.target === 'duckdb' ? 'duckdb' : 'pg_binary',
      table: kit.table,
      limits: { threads: 1, memoryLimit: MEMORY },
      isFramed: false,
      rejects: {
        rawLimit: 0,
        most: records.length,
        take: (rejects) => {
          for (const reject of rejects) {
            const number = numbers.get(reject.byteOffset)
            // A record that begins elsewhere is none of those that were put in.
            if (number === undefined) throw new RangeError('the records are not those that were refused')
            refused.set(number, reject)
          }
          return false
        },
      },
    },
    { kind: 'stream', name: 'STDIN', stream: [Buffer.concat(records.flatMap((record) => [record, lineEnd]))] },
  )
  try {
    for (let chunk = await native.next(); chunk !== undefined; chunk = await native.next()) chunk.release()
    const { rowsRead, headerLines } = native.counters()
    return { rowsRead, headerLines, refused }
  } finally {
    await native.close()
  }
}
