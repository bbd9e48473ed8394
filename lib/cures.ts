import type { DiagnosisCure, Evidence, Findings } from './diagnosis.ts'
import type { ColumnType, LoadColumn, LoadSession, NativeReject } from './native/load.ts'
import { openLoad } from './native/open.ts'
import type { CopyOptions } from './statement/ast.ts'
import { printName, printString } from './statement/printing.ts'

/** What a load is tried anew with. */
export interface CureKit {
  readonly target: 'postgres' | 'duckdb'
  readonly options: CopyOptions
  readonly columns: readonly LoadColumn[]
  readonly session: LoadSession
  readonly table: string
}

/** A change that may cure, and what to try it on. */
interface Candidate extends Pick<DiagnosisCure, 'kind' | 'change' | 'note'> {
  readonly options?: Partial<CopyOptions>
  readonly session?: Partial<LoadSession>
  /** FORCE_NULL or FORCE_NOT_NULL of the group's column. */
  readonly force?: 'null' | 'not null'
  /** The record as it would be in a changed input. */
  readonly record?: (raw: Buffer) => Buffer
  /** The field as it would be in a changed input, null for NULL; undefined: it would stay. */
  readonly value?: (value: string) => string | null | undefined
  /** Whether the record's fields are all that counts: what is wrong with single values then is another matter, which is said. */
  readonly isStructural?: boolean
  /** Whether a row is one that the change is meant for. */
  readonly fits?: (row: Evidence) => boolean
}

/** Groups that cures are looked for, so that a load with errors of all kinds does not end late. */
const MOST_GROUPS = 30
/** Characters of a message that is told in a note. */
const MESSAGE_SHOWN = 150
/** Buffers of a trial. */
const MEMORY = 16 << 20
/** As often must a value be there before it is taken for one that stands for NULL, if it is not known as such. */
const ENOUGH = 10

/** What would cure each group, the best first. Nothing is said that was not tried. */
export async function findCures(groups: readonly Findings[], kit: CureKit): Promise<Map<Findings, DiagnosisCure[]>> {
  const cures = new Map<Findings, DiagnosisCure[]>()
  for (const group of groups.slice(0, MOST_GROUPS)) {
    const tried = group.evidence.length
    let found: DiagnosisCure[] = []
    let most = 0
    for (const candidates of candidatesFor(group, kit)) {
      const before = most
      for (const candidate of candidates) {
        const { cured, left } = await tryCure(candidate, group, kit)
        if (cured <= before) continue
        const { kind, change } = candidate
        const note = candidate.note ?? left
        found.push({ kind, change, ...(note !== undefined && { note }), cured, tried })
        // A header is one row, and what is wrong with the others is another matter.
        if (change !== 'HEADER') most = Math.max(most, cured)
      }
      if (found.some(({ cured }) => cured === tried)) break
    }
    found = found.filter(({ cured, change }) => cured >= most || change === 'HEADER')
    if (found.length > 0) cures.set(group, found)
  }
  return cures
}

/** In order of preference: of a later list only what cures more counts. */
function candidatesFor(group: Findings, kit: CureKit): readonly (readonly Candidate[])[] {
  const { error, message, evidence } = group
  if (evidence.length === 0) return []
  if (error.column === undefined) {
    // The fields of columns that only the database reads would not be tried.
    if (kit.columns.some(({ type }) => isUnread(type))) return []
    if (error.sqlState === '22021') return /"UTF8"/.test(message) ? [encodings(evidence)] : []
    if (error.sqlState !== '22P04') return []
    if (/^missing data/.test(message)) return [...delimiters(evidence, kit), ...missingFields]
    return /^extra data/.test(message) ? [extraFields(kit), ...delimiters(evidence, kit)] : []
  }
  const column = kit.columns.find(({ name }) => name === error.column)
  if (column === undefined || isUnread(column.type)) return []
  if (error.sqlState === '22001') return [[truncation]]
  if (error.sqlState === '23502') return [emptyStrings(column, kit)]
  if (!error.sqlState.startsWith('22')) return []
  const { plain, forced } = nulls(group, kit)
  const others = [...dates(column, kit), ...numbers(column)]
  const { value, rows } = group
  const isKnown = value !== undefined && (value === '' || isNullWord(value))
  // Such a word is no number or date in disguise; but a file may write NULL in two ways.
  if (isKnown) return [headers(evidence, kit), plain, forced, rewritten(value, kit)]
  return [headers(evidence, kit), others, ...(rows >= ENOUGH ? [plain, forced] : [])]
}

/** Whether the decoder does not read the values of this type. */
function isUnread(type: ColumnType): boolean {
  return type.kind === 'other' || (type.kind === 'array' && isUnread(type.element))
}

/** A first line with the names of the columns. */
function headers(evidence: readonly Evidence[], { options, columns }: CureKit): Candidate[] {
  if (options.header !== 'false') return []
  const names = columns.map(({ name }) => name.toLowerCase())
  const fits = ({ line, raw }: Evidence) => {
    if (line !== 1) return false
    const fields = splitFields(raw.toString(), options).map((field) => field.trim().toLowerCase())
    return fields.length === names.length && fields.every((field, index) => field === names[index])
  }
  return evidence.some(fits) ? [{ kind: 'option', change: 'HEADER', options: { header: 'true' }, fits }] : []
}

const words: ReadonlySet<string> = new Set(
  '\\n null nil none n/a #n/a na n.a. nan - -- --- ? . missing unknown undefined'.split(' '),
)

/** Whether it stands for NULL in many files. */
export function isNullWord(value: string): boolean {
  return words.has(value.toLowerCase())
}

/** One value in all rows, which stands for NULL. */
function nulls({ value, error }: Findings, kit: CureKit): { plain: Candidate[]; forced: Candidate[] } {
  const { options } = kit
  if (value === undefined) return { plain: [], forced: [] }
  const forced = `FORCE_NULL (${columnName(error.column ?? '')})`
  // What stands for NULL already is no NULL in quotes.
  if (value === options.null) {
    const force: Candidate = { kind: 'option', change: forced, force: 'null' }
    return { plain: options.format === 'csv' ? [force] : [], forced: [] }
  }
  const change = `NULL ${printString(value)}`
  const note = `${options.null === '' ? 'an empty field' : options.null} would be no NULL any more`
  const plain: Candidate = { kind: 'option', change, note, options: { null: value } }
  return {
    plain: [plain],
    forced: options.format === 'csv' ? [{ ...plain, change: `${change}, ${forced}`, force: 'null' }] : [],
  }
}

/** A second way to write NULL, where the first is needed too. */
function rewritten(value: string, { options }: CureKit): Candidate[] {
  if (value === '' || value === options.null) return []
  const note = `write ${options.null === '' ? 'an empty field' : options.null} in its place, if it stands for NULL`
  return [{ kind: 'input', change: value, note, value: () => null }]
}

const dateOrders = { mdy: 'month', dmy: 'day', ymd: 'year' } as const

/** Dates of another order. */
function dates({ type }: LoadColumn, { session, target }: CureKit): Candidate[] {
  const element = type.kind === 'array' ? type.element : type
  if (!['date', 'timestamp', 'timestamptz'].includes(element.kind)) return []
  const orders = (['dmy', 'mdy', 'ymd'] as const).filter((order) => order !== session.dateOrder)
  return orders.map((dateOrder) => ({
    ...(target === 'postgres'
      ? {
          kind: 'session',
          change: `SET datestyle = 'ISO, ${dateOrder.toUpperCase()}'`,
          note: 'all dates of the input would be read so',
        }
      : {
          kind: 'input',
          change: `dates that begin with the ${dateOrders[dateOrder]}`,
          note: 'convert them to 2020-12-31',
        }),
    session: { dateOrder },
  }))
}

const groupedByComma = /^\s*[-+]?\d{1,3}(?:([,.\s'’_])\d{3})(?:\1\d{3})*(\.\d+)?\s*$/
const decimalComma = /^\s*[-+]?(?:\d+|\d{1,3}(?:([.\s'’_])\d{3})(?:\1\d{3})*)?,\d+\s*$/

/** Numbers as people write them. Of 1,234 both may be true, and then both are said. */
function numbers({ type }: LoadColumn): Candidate[] {
  if (!/^(?:int[248]|float[48]|numeric)$/.test(type.kind)) return []
  const withPoint: Candidate = {
    kind: 'input',
    change: 'decimal comma',
    note: 'replace it by a point',
    value: (value) => (decimalComma.test(value) ? value.replace(/[.\s'’_]/g, '').replace(',', '.') : undefined),
  }
  const ungrouped: Candidate = {
    kind: 'input',
    change: 'thousands separators',
    note: 'take them out',
    value: (value) => {
      const [, separator, fraction = ''] = groupedByComma.exec(value) ?? []
      if (separator === undefined || (separator === '.' && fraction !== '')) return undefined
      return (
        value
          .slice(0, value.length - fraction.length)
          .replaceAll(separator, '')
          .trim() + fraction
      )
    },
  }
  return [withPoint, ungrouped]
}

const truncation: Candidate = {
  kind: 'option',
  change: 'TRUNCATE_COLUMNS',
  note: 'what is too long would be cut off',
  options: { truncateColumns: true },
}

/** Empty fields of columns of strings that take no NULL. */
function emptyStrings(column: LoadColumn, { options }: CureKit): Candidate[] {
  if (options.format !== 'csv' || !/^(?:text|varchar|bpchar)$/.test(column.type.kind)) return []
  const note = `${options.null === '' ? 'an empty field' : options.null} would be a string`
  return [{ kind: 'option', change: `FORCE_NOT_NULL (${columnName(column.name)})`, note, force: 'not null' }]
}

/** An empty line would become a row of NULLs. */
const isNoBlank = ({ raw }: Evidence) => raw.length > 0

const missingFields = (
  [
    ['FILL_MISSING_FIELDS', 'one'],
    ["FILL_MISSING_FIELDS 'multi'", 'multi'],
  ] as const
).map(([change, fillMissingFields]): Candidate[] => [
  { kind: 'option', change, note: 'what is missing would be NULL', options: { fillMissingFields }, fits: isNoBlank },
])

/** Fields too many that say nothing. */
function extraFields({ options, columns }: CureKit): Candidate[] {
  const fits = ({ raw }: Evidence) => {
    const extra = splitFields(raw.toString(), options).slice(columns.length)
    return extra.length > 0 && extra.every((field) => field.trim() === '')
  }
  const note = 'the fields too many are empty'
  return [{ kind: 'option', change: 'IGNORE_EXTRA_DATA', note, options: { ignoreExtraData: true }, fits }]
}

const delimiterChoices = [',', ';', '\t', '|']

/** Another delimiter, or CSV where TEXT was meant to be: at best nothing else is wrong, or at least the number of fields is right. */
function delimiters(evidence: readonly Evidence[], { options, columns }: CureKit): Candidate[][] {
  const { format, delimiter } = options
  // In quotes it may be there more often; that there are as many fields as columns is what is tried.
  const fits = (other: string) => (row: Evidence) => row.raw.toString().split(other).length >= columns.length
  const choices = delimiterChoices.filter((other) => other !== delimiter || format === 'text')
  const found = choices.flatMap((other): Candidate[] => {
    if (!evidence.some(fits(other))) return []
    const change = `DELIMITER ${printString(other)}`
    const changed: Candidate = {
      kind: 'option',
      change,
      options: { delimiter: other },
      fits: fits(other),
    }
    if (format === 'csv') return [changed]
    const csv: Candidate = {
      ...changed,
      change: other === ',' ? 'FORMAT csv' : `FORMAT csv, ${change}`,
      options: {
        format: 'csv',
        delimiter: other,
        null: options.null === '\\N' ? '' : options.null,
        quote: '"',
        escape: '"',
      },
    }
    return other === delimiter ? [csv] : [csv, changed]
  })
  return [found, found.map((candidate) => ({ ...candidate, isStructural: true }))]
}

/** Bytes of an encoding with one byte a character. */
function encodings(evidence: readonly Evidence[]): Candidate[] {
  const decoder = new TextDecoder('windows-1252')
  // What has characters of UTF-8, too, is a mixture, or damaged.
  const fits = ({ raw }: Evidence) => {
    const valid = raw.toString().replaceAll('\ufffd', '')
    return !/[^\0-\x7f]/.test(valid) && !raw.some((byte) => undefinedBytes.has(byte))
  }
  const record = (raw: Buffer) => Buffer.from(decoder.decode(raw))
  const change = 'the input is not UTF-8'
  const note = "if it is Windows-1252 or Latin-1, say so: ENCODING 'WIN1252' or 'LATIN1'"
  return evidence.every(fits) ? [{ kind: 'input', change, note, record }] : []
}

/** In Windows-1252; and NUL, which is in no text. */
const undefinedBytes: ReadonlySet<number> = new Set([0, 0x81, 0x8d, 0x8f, 0x90, 0x9d])

/** The fields of one record, roughly: what is said is what a load proves. */
function splitFields(record: string, { format, delimiter, quote, escape: escaping }: CopyOptions): string[] {
  const fields: string[] = []
  let field = ''
  let isQuoted = false
  for (let at = 0; at < record.length; at += 1) {
    const letter = record[at] ?? ''
    const next = record[at + 1] ?? ''
    if (format === 'text' && letter === '\\') {
      field += letter + next
      at += 1
    } else if (format === 'csv' && isQuoted && letter === escaping && (next === quote || next === escaping)) {
      field += next
      at += 1
    } else if (format === 'csv' && letter === quote) isQuoted = !isQuoted
    else if (letter === delimiter && !isQuoted) {
      fields.push(field)
      field = ''
    } else field += letter
  }
  return [...fields, field]
}

/** How many rows a change cures; and, where that is said, what is wrong with them then. */
interface Tried {
  readonly cured: number
  readonly left?: string
}

async function tryCure(candidate: Candidate, group: Findings, kit: CureKit): Promise<Tried> {
  try {
    const { fits = () => true } = candidate
    const rows = group.evidence.filter(fits)
    if (rows.length === 0) return { cured: 0 }
    if (candidate.options?.header === 'true') return await tryHeader(candidate, rows, kit)
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

/** Loads whole records with the change. */
async function tryRows(candidate: Candidate, rows: readonly Evidence[], group: Findings, kit: CureKit): Promise<Tried> {
  const { error } = group
  const { record = (raw: Buffer) => raw, force, isStructural = false } = candidate
  const changed: CureKit = {
    ...kit,
    options: { ...kit.options, header: 'false', ...candidate.options },
    session: { ...kit.session, ...candidate.session },
    columns: kit.columns.map((column) => ({
      ...column,
      ...(column.name === error.column && force === 'null' && { forceNull: true }),
      ...(column.name === error.column && force === 'not null' && { forceNotNull: true }),
    })),
  }
  const { rowsRead, refused } = await load(
    changed,
    rows.map(({ raw }) => record(raw)),
  )
  if (rowsRead !== rows.length) return { cured: 0 }
  const cured = rows.filter(({ others }, index) => {
    const flaws = refused.get(index)?.flaws ?? []
    if (isStructural) return flaws.every(({ column }) => column !== undefined)
    return flaws.every(({ column, sqlState, message }) => {
      const name = column === undefined ? undefined : kit.columns[column]?.name
      return others.some((other) => other.column === name && other.sqlState === sqlState && other.message === message)
    })
  }).length
  if (!isStructural || cured === 0) return { cured }
  const others = [...refused.values()].flatMap(({ flaws }) => flaws.find(({ column }) => column !== undefined) ?? [])
  const [first] = others
  if (first === undefined) return { cured }
  const name = kit.columns[first.column ?? -1]?.name ?? ''
  return {
    cured,
    left: `${others.length} of them have other errors then, such as in column ${name}: ${first.message.slice(0, MESSAGE_SHOWN)}`,
  }
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
  if (values.length === 0) return { cured: 0 }
  const options: CopyOptions = {
    ...kit.options,
    format: 'csv',
    delimiter: ',',
    quote: '"',
    escape: '"',
    header: 'false',
  }
  const columns = kit.columns.filter(({ name }) => name === error.column)
  const records = values.map((value) =>
    Buffer.from(value === null ? kit.options.null : `"${value.replaceAll('"', '""')}"`),
  )
  const { rowsRead, refused } = await load({ ...kit, options, columns }, records)
  return { cured: rowsRead === values.length ? values.length - refused.size : 0 }
}

/** Runs records through the decoder. Refused ones come by their number. */
async function load(
  kit: CureKit,
  records: readonly Buffer[],
): Promise<{ rowsRead: number; headerLines: number; refused: ReadonlyMap<number, NativeReject> }> {
  const numbers = new Map<number, number>()
  let offset = 0
  for (const [number, record] of records.entries()) {
    numbers.set(offset, number)
    offset += record.length + 1
  }
  const refused = new Map<number, NativeReject>()
  const native = openLoad(
    {
      options: {
        ...kit.options,
        errors: { conversion: 'skip_row', structure: 'skip_row', constraint: 'skip_row', verbosity: 'silent' },
      },
      // Values that only the database reads are strings here.
      columns: kit.columns.map((column) => (isUnread(column.type) ? { ...column, type: { kind: 'text' } } : column)),
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

const lineEnd = Buffer.from('\n')

/** The name of a column of the table. */
function columnName(value: string): string {
  return printName({ value, quoted: !/^[a-z_][a-z0-9_]*$/.test(value) })
}
