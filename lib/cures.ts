import type { DiagnosisCure, Evidence, Findings } from './diagnosis.ts'
import type { ColumnType, LoadColumn, LoadSession, NativeFlaw, NativeReject } from './native/load.ts'
import { openLoad } from './native/open.ts'
import { recordEnd } from './record-shape.ts'
import type { CopyOptions } from './statement/ast.ts'
import { printName, printString } from './statement/printing.ts'

/** What a load is tried anew with. */
export interface CureKit {
  readonly target: 'postgres' | 'duckdb'
  readonly options: CopyOptions
  readonly columns: readonly LoadColumn[]
  /** Where they are not the columns' one after the other. */
  readonly fields?: readonly string[]
  readonly session: LoadSession
  readonly table: string
}

/** A change that may cure, and what to try it on. */
interface Candidate extends Pick<DiagnosisCure, 'kind' | 'reason' | 'change' | 'note'> {
  readonly options?: Partial<CopyOptions>
  readonly session?: Partial<LoadSession>
  /** FORCE_NULL or FORCE_NOT_NULL of the group's column. */
  readonly force?: 'null' | 'not null'
  /** The record as it would be in a changed input. */
  readonly record?: (raw: Buffer) => Buffer
  /** The field as it would be in a changed input, null for NULL; undefined: it would stay. */
  readonly value?: (value: string) => string | null | undefined
  /** The records in its place, in a changed input. */
  readonly lines?: (raw: Buffer) => readonly Buffer[]
  /** Whether it is about single rows, and what is wrong with the others of their group is another matter. */
  readonly isAside?: boolean
  /** What may be wrong with a row then: it is another matter, which is said. */
  readonly leaves?: (flaw: NativeFlaw) => boolean
  /** Whether a row is one that the change is meant for. */
  readonly fits?: (row: Evidence) => boolean
  /** Not said where this change cures as much. */
  readonly unless?: string
}

/** Groups that cures are looked for, so that a load with errors of all kinds does not end late. */
const MOST_GROUPS = 30
/** Characters of a message that is told in a note. */
const MESSAGE_SHOWN = 150
/** Buffers of a trial. */
const MEMORY = 16 << 20
/** Lines before the data that are taken for a preamble. */
const MOST_SKIPPED = 20
/** Names of columns in a note. */
const COLUMNS_SHOWN = 3
/** Characters of a field in a note. */
const COLUMN_SHOWN = 40

/**
 * What would cure each group, the best first. Nothing is said that was not tried. `start` has the refused rows that the input begins with,
 * if a row follows that was not refused.
 */
export async function findCures(
  groups: readonly Findings[],
  { options: given, ...more }: CureKit,
  start: readonly Evidence[] = [],
): Promise<Map<Findings, DiagnosisCure[]>> {
  // Lines that are skipped are none of the records that are tried.
  const { skip: skippedBefore = 0, ...options } = given
  const kit: CureKit = { ...more, options }
  const cures = new Map<Findings, DiagnosisCure[]>()
  const shown = groups.slice(0, MOST_GROUPS)
  const preamble = await preambleOf(start, kit, skippedBefore)
  const nullWords = new Set<string>()
  const noteOnNull = otherNulls(shown, kit)
  for (const group of shown) {
    const tried = group.evidence.length
    const skipped = preamble === undefined ? 0 : group.evidence.filter(({ line }) => line <= preamble.lastLine).length
    const first = preamble && skipped > 0 ? [{ ...preamble.cure, cured: skipped, tried }] : []
    if (skipped > 0 && skipped === group.rows) {
      cures.set(group, first)
      continue
    }
    let found: (DiagnosisCure & Pick<Candidate, 'unless' | 'isAside'>)[] = []
    let most = 0
    for (const candidates of candidatesFor(group, kit)) {
      const before = most
      for (const candidate of candidates) {
        const { cured, left } = await tryCure(candidate, group, kit)
        if (cured <= before) continue
        const { kind, reason, change, options, unless, isAside = false } = candidate
        let note =
          candidate.note === undefined || left === undefined ? (candidate.note ?? left) : `${candidate.note}; ${left}`
        if (options?.null !== undefined && options.format === undefined) {
          nullWords.add(options.null)
          note = [note, await noteOnNull(options.null, group.error.column)].filter(Boolean).join('; ')
        }
        found.push({
          kind,
          ...(reason !== undefined && { reason }),
          change,
          ...(note !== undefined && { note }),
          cured,
          tried,
          ...(unless !== undefined && { unless }),
          isAside,
        })
        if (!isAside) most = Math.max(most, cured)
      }
      if (found.some(({ cured }) => cured === tried)) break
    }
    found = found.filter(({ cured, unless, isAside }) => {
      const isSaid = found.some((other) => other.change === unless && other.cured >= cured)
      return (cured >= most && !isSaid) || isAside
    })
    const said = [...first, ...found.map(({ unless: _, isAside: __, ...cure }) => cure)]
    if (said.length > 0) cures.set(group, said)
  }
  return nullWords.size > 1 ? withOneNull(cures) : cures
}

/** A statement has one word for NULL. */
function withOneNull(cures: ReadonlyMap<Findings, DiagnosisCure[]>): Map<Findings, DiagnosisCure[]> {
  const noted = (cure: DiagnosisCure) =>
    /^NULL /.test(cure.change) ? { ...cure, note: `${cure.note}; only one word can be NULL` } : cure
  return new Map(Array.from(cures, ([group, found]) => [group, found.map(noted)]))
}

/**
 * Where else a word would be NULL then, and would not have been refused: in which columns, and in how many of the rows that are at hand.
 * Of rows that were loaded nobody knows, which is said.
 */
function otherNulls(
  groups: readonly Findings[],
  kit: CureKit,
): (word: string, but?: string) => Promise<string | undefined> {
  // Both are found out once, however many columns have the word.
  const columnsByWord = new Map<string, number[]>()
  let rows: string[][] | undefined
  const columnsWith = async (word: string) => {
    const known = columnsByWord.get(word)
    if (known) return known
    const columns: number[] = []
    for (const [index, column] of kit.columns.entries()) {
      if (isUnread(column.type) || (await loadValues([word], column, kit)) === 1) columns.push(index)
    }
    columnsByWord.set(word, columns)
    return columns
  }
  return async (word, but) => {
    const columns = (await columnsWith(word)).filter((index) => kit.columns[index]?.name !== but)
    if (columns.length === 0) return undefined
    const records = new Set(groups.flatMap(({ evidence }) => evidence.map(({ raw }) => raw)))
    rows ??= Array.from(records, (raw) => splitFields(raw.toString(), kit.options, true))
    const count = rows.filter((fields) => columns.some((index) => fields[index] === word)).length
    const names = columns.slice(0, COLUMNS_SHOWN).map((index) => columnName(kit.columns[index]?.name ?? ''))
    const more = columns.length - names.length
    const where = `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
    return `it would be NULL in ${where}, too: in ${count} of ${rows.length} rejected rows looked at, loaded rows were not counted`
  }
}

/** Lines before the data, and the change that passes over them. */
async function preambleOf(
  start: readonly Evidence[],
  kit: CureKit,
  skippedBefore: number,
): Promise<
  { readonly cure: Pick<DiagnosisCure, 'kind' | 'reason' | 'change'>; readonly lastLine: number } | undefined
> {
  const { options } = kit
  const last = start.at(-1)
  if (last === undefined || start.length > MOST_SKIPPED || options.header === 'match') return undefined
  // A header alone is another matter.
  if (start.length === 1 && headers(start, kit).length > 0) return undefined
  // The line that was taken for the header is before them; then the last of them is the header.
  const hasHeader = options.header === 'true'
  // The names may be others than the table's.
  const isHeader =
    !hasHeader && start.length === 1 && splitFields(last.raw.toString(), options).length === kit.columns.length
  const records = [...(hasHeader ? [Buffer.from('-')] : []), ...start.map(({ raw }) => raw)]
  const count = hasHeader ? records.length - 1 : records.length
  // A record of several lines is none of a preamble.
  if (last.line !== skippedBefore + records.length) return undefined
  try {
    for (const row of start) if (!(await isNoData(row, kit))) return undefined
    // The last of them once more, in place of the row that follows.
    const change: Partial<CopyOptions> = isHeader ? { header: 'true' } : { skip: count }
    const changed = { ...kit, options: { ...options, ...change } }
    const { rowsRead, headerLines } = await load(changed, [...records, last.raw])
    if (rowsRead !== 1 || headerLines !== (hasHeader || isHeader ? 1 : 0)) return undefined
  } catch {
    return undefined
  }
  const reason = count === 1 ? 'the first line is not data' : `the first ${inWords(count)} lines are not data`
  return {
    cure: { kind: 'option', reason, change: isHeader ? 'HEADER' : `SKIP ${skippedBefore + count}` },
    lastLine: last.line,
  }
}

/** Whether nothing of it is a value of its column. */
async function isNoData({ raw }: Evidence, kit: CureKit): Promise<boolean> {
  const fields = splitFields(raw.toString(), kit.options).map((field) => field.trim())
  const filled = fields.filter((field) => field !== '').length
  if (filled === 0) return kit.columns.length > 1
  const options: CopyOptions = { ...kit.options, header: 'false', fillMissingFields: 'multi', ignoreExtraData: true }
  const { refused } = await load({ ...kit, options }, [raw])
  const flaws = refused.get(0)?.flaws ?? []
  const typed = kit.columns.flatMap(({ type }, index) => {
    const isText = isUnread(type) || /^(?:text|varchar|bpchar)$/.test(type.kind)
    return isText || (fields[index] ?? '') === '' ? [] : [index]
  })
  if (typed.length === 0) return filled === 1 && kit.columns.length > 1
  const isWrong = (index: number) => flaws.some(({ column }) => column === index) && !isNullWord(fields[index] ?? '')
  return typed.every(isWrong) && (typed.length > 1 || fields.length !== kit.columns.length)
}

function inWords(count: number): string {
  return ['', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'][count] ?? String(count)
}

/** In order of preference: of a later list only what cures more counts. */
function candidatesFor(group: Findings, kit: CureKit): readonly (readonly Candidate[])[] {
  const { error, message, evidence } = group
  if (evidence.length === 0) return []
  if (error.column === undefined) {
    // The fields of columns that only the database reads would not be tried.
    if (kit.columns.some(({ type }) => isUnread(type))) return []
    if (error.sqlState === '22021') return /"UTF8"/.test(message) ? [...encodings(evidence), replacedBytes] : []
    if (error.sqlState !== '22P04') return []
    if (/^(?:unquoted|literal) (?:newline|carriage return) found/.test(message)) return [[utf16], lineEnds]
    if (/^missing data/.test(message)) return [[blankLines], ...delimiters(evidence, kit), ...missingFields]
    if (!/^extra data/.test(message)) return []
    return [emptyExtraFields(kit), ...delimiters(evidence, kit), otherQuote(kit), extraFields(evidence, kit)]
  }
  const column = kit.columns.find(({ name }) => name === error.column)
  if (column === undefined || isUnread(column.type)) return []
  if (error.sqlState === '22001') return [[truncation]]
  if (error.sqlState === '23502') return [emptyStrings(column, kit)]
  if (!error.sqlState.startsWith('22')) return []
  const { plain, forced } = nulls(group, kit)
  const others = [...dates(column, kit), ...numbers(column), ...booleans(column)]
  const { value } = group
  const isKnown = value !== undefined && (value === '' || isNullWord(value))
  // Such a word is no number or date in disguise; but a file may write NULL in two ways. Any other value is one that somebody meant,
  // however often it is there.
  if (isKnown) return [headers(evidence, kit), plain, forced, rewritten(value, kit)]
  return [headers(evidence, kit), repeatedHeaders(kit), others]
}

/** Whether the decoder does not read the values of this type. */
function isUnread(type: ColumnType): boolean {
  return type.kind === 'other' || (type.kind === 'array' && isUnread(type.element))
}

/** A first line with the names of the columns. */
function headers(evidence: readonly Evidence[], { options, columns }: CureKit): Candidate[] {
  if (options.header !== 'false') return []
  const isHeader = namesOf(columns, options)
  const fits = (row: Evidence) => row.line === 1 && isHeader(row)
  if (!evidence.some(fits)) return []
  // Beside EOL there is no HEADER.
  const change = options.eol === undefined ? 'HEADER' : 'SKIP 1'
  return [{ kind: 'option', change, options: { header: 'true' }, fits, isAside: true }]
}

/** The header once more, as where files were put one behind the other. */
function repeatedHeaders({ options, columns }: CureKit): Candidate[] {
  if (options.header === 'false') return []
  const [change, note] = ['the header once more, in the midst of the rows', 'take the line out']
  return [{ kind: 'input', change, note, fits: namesOf(columns, options), lines: () => [], isAside: true }]
}

/** Whether a row has the names of the columns. */
function namesOf(columns: readonly LoadColumn[], options: CopyOptions): (row: Evidence) => boolean {
  const names = columns.map(({ name }) => name.toLowerCase())
  return ({ raw }) => {
    const fields = splitFields(raw.toString(), options).map((field) => field.trim().toLowerCase())
    return fields.length === names.length && fields.every((field, index) => field === names[index])
  }
}

/** Line ends of another kind than the first one. */
const lineEnds: Candidate[] = [
  {
    kind: 'input',
    change: 'lines end in several ways',
    note: 'make all line ends the same',
    lines: (raw) => {
      const lines = raw.toString('latin1').split(/\r\n|\n|\r/)
      return lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'latin1'))
    },
  },
]

/** What is no UTF-8, if it is to be kept in some way. */
const replacedBytes: Candidate[] = [
  {
    kind: 'option',
    change: 'COMPATIBLE_ILLEGAL_CHARS',
    note: 'each byte that is no UTF-8 would become ?, and NUL a space',
    options: { invalidChars: { replacement: '?', nul: ' ' } },
  },
]

const yes = new Set('ja j wahr oui o vrai si sí s sì vero sim verdadeiro verdadero tak prawda да истина'.split(' '))
const no = new Set('nein falsch non faux no falso não nao nie fałsz нет ложь n'.split(' '))

/** True and false in other languages. */
function booleans({ type }: LoadColumn): Candidate[] {
  if (type.kind !== 'bool') return []
  const value = (text: string) => {
    const word = text.trim().toLowerCase()
    return yes.has(word) ? 'true' : no.has(word) ? 'false' : undefined
  }
  return [{ kind: 'input', change: 'true and false in another language', note: 'write true and false', value }]
}

const words: ReadonlySet<string> = new Set(
  [
    '\\n null (null) <null> #null! nil none n/a #n/a #na <na> na n.a. n/d nan',
    '- -- --- – — ? ?? . .. missing unknown undefined empty blank (blank) 0000-00-00',
  ].flatMap((line) => line.split(' ')),
)

/** Whether it stands for NULL in many files: such a word, or nothing but blanks. */
export function isNullWord(value: string): boolean {
  const word = value.trim().toLowerCase()
  return value !== '' && (word === '' || words.has(word))
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
          note: `all dates of the input would be read so; on the command line: PGOPTIONS='-c datestyle=ISO,${dateOrder.toUpperCase()}'`,
        }
      : {
          kind: 'input',
          change: `dates that begin with the ${dateOrders[dateOrder]}`,
          note: 'write them as YYYY-MM-DD',
        }),
    session: { dateOrder },
  }))
}

const decimalCommaAlone = /^\s*[-+]?(?:\d+,\d*|,\d+)(?:[eE][-+]?\d+)?\s*$/
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
    unless: DECIMAL_COMMA,
  }
  const byOption: Candidate = {
    kind: 'option',
    reason: 'decimal comma',
    change: DECIMAL_COMMA,
    note: 'a point would be none in a number any more',
    options: { decimalSeparator: ',' },
    fits: ({ value = '' }) => decimalCommaAlone.test(value),
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
  const whole: Candidate = {
    kind: 'input',
    change: 'whole numbers with a fraction of zeros',
    note: 'take the fraction out',
    value: (value) => (/^\s*[-+]?\d+\.0*\s*$/.test(value) ? value.replace(/\.0*/, '') : undefined),
  }
  return /^int/.test(type.kind) ? [withPoint, ungrouped, whole] : [byOption, withPoint, ungrouped]
}

const DECIMAL_COMMA = "DECIMAL_SEPARATOR ','"

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

const blankLines: Candidate = {
  kind: 'input',
  change: 'blank lines',
  note: 'take them out',
  fits: ({ raw }) => raw.toString('latin1').trim() === '',
  lines: () => [],
  isAside: true,
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
function emptyExtraFields(kit: CureKit): Candidate[] {
  const fits = ({ raw }: Evidence) => extraOf(raw, kit).every((field) => field.trim() === '')
  const note = 'the fields too many are empty'
  return [{ kind: 'option', change: 'IGNORE_EXTRA_DATA', note, options: { ignoreExtraData: true }, fits }]
}

/** Fields too many, whatever they say. */
function extraFields(evidence: readonly Evidence[], kit: CureKit): Candidate[] {
  const filled = evidence.flatMap(({ raw }) =>
    extraOf(raw, kit)
      .filter((field) => field.trim() !== '')
      .slice(0, 1),
  )
  const [first] = filled
  if (first === undefined) return []
  const shown = first.length > COLUMN_SHOWN ? `${first.slice(0, COLUMN_SHOWN)}…` : first
  const note = `what is in the fields too many would be dropped, such as ${printString(shown)}`
  return [{ kind: 'option', change: 'IGNORE_EXTRA_DATA', note, options: { ignoreExtraData: true } }]
}

function extraOf(raw: Buffer, { options, columns }: CureKit): string[] {
  return splitFields(raw.toString(), options).slice(columns.length)
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
  return [found, found.map((candidate) => ({ ...candidate, leaves: ({ column }) => column !== undefined }))]
}

/** Fields in the other kind of quotes, with a delimiter in them. */
function otherQuote({ options }: CureKit): Candidate[] {
  const quote = options.quote === '"' ? "'" : '"'
  if (options.format !== 'csv' || options.delimiter === quote) return []
  const changed = options.escape === options.quote ? { quote, escape: quote } : { quote }
  const change = `QUOTE ${printString(quote)}`
  const note = `${options.quote} would be a character like any other`
  return [{ kind: 'option', change, note, options: changed, fits: ({ raw }) => raw.includes(quote) }]
}

/** Another encoding: at best nothing else is wrong, or at least no byte is. */
function encodings(evidence: readonly Evidence[]): Candidate[][] {
  const found = [...singleBytes(evidence), utf16]
  return [found, found.map((candidate) => ({ ...candidate, leaves: ({ sqlState }) => sqlState !== '22021' }))]
}

/** Two bytes a character, cut into records at bytes that look like line ends. */
const utf16: Candidate = {
  kind: 'input',
  change: 'the input is UTF-16',
  note: "if it begins with a byte order mark, say so: ENCODING 'UTF16'; otherwise 'UTF16LE' or 'UTF16BE'",
  fits: ({ raw }) => raw.filter((byte) => byte === 0).length > raw.length / 3,
  record: (raw) => {
    // The other half of a line end is at the beginning, or else at the end.
    const start = raw[0] === 0 && raw[1] !== 0 ? 1 : 0
    const little = raw.subarray(start, raw.length - ((raw.length - start) % 2))
    const big = Buffer.from(raw.subarray(0, raw.length - (raw.length % 2))).swap16()
    const texts = [little, big].map((bytes) => bytes.toString('utf16le').replace(/^[\r\n\0]+|[\r\n\0]+$/g, ''))
    // Of the two orders of bytes only the right one makes letters that are ASCII.
    const ascii = (text: string) => text.replace(/[^ -~]/g, '').length
    const [one = '', two = ''] = texts
    return Buffer.from(ascii(one) >= ascii(two) ? one : two)
  },
}

/** An encoding with one byte a character. */
function singleBytes(evidence: readonly Evidence[]): Candidate[] {
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

/** The fields of one record, roughly: what is said is what a load proves. With their quotes, if those are kept. */
function splitFields(
  record: string,
  { format, delimiter, quote, escape: escaping }: CopyOptions,
  keepsQuotes = false,
): string[] {
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
    } else if (format === 'csv' && letter === quote) {
      isQuoted = !isQuoted
      if (keepsQuotes) field += letter
    } else if (letter === delimiter && !isQuoted) {
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
  const { record = (raw: Buffer) => raw, force, leaves } = candidate
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
    if (leaves) return flaws.every(leaves)
    return flaws.every(({ column, sqlState, message }) => {
      const name = column === undefined ? undefined : kit.columns[column]?.name
      return others.some((other) => other.column === name && other.sqlState === sqlState && other.message === message)
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
async function loadValues(values: readonly (string | null)[], column: LoadColumn, kit: CureKit): Promise<number> {
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
async function load(
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

/** The name of a column of the table. */
function columnName(value: string): string {
  return printName({ value, quoted: !/^[a-z_][a-z0-9_]*$/.test(value) })
}
