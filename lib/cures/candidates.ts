import type { Evidence, Findings } from '../diagnosis.ts'
import type { LoadColumn } from '../native/load.ts'
import type { CopyOptions } from '../statement/ast.ts'
import { printString } from '../statement/printing.ts'
import { type Candidate, type CureKit, columnName, isNullWord, isUnread, splitFields } from './kit.ts'

/** Characters of a field in a note. */
const COLUMN_SHOWN = 40

/** In order of preference: of a later list only what cures more counts. */
export function candidatesFor(group: Findings, kit: CureKit): readonly (readonly Candidate[])[] {
  const { error, message, evidence } = group
  if (evidence.length === 0) return []
  if (error.column === undefined) {
    // Where none of the columns can be tried, any number of fields will do.
    if (kit.columns.every(({ type }) => isUnread(type))) return []
    if (error.sqlState === '22021') return /"UTF8"/.test(message) ? [...encodings(evidence), replacedBytes] : []
    if (error.sqlState !== '22P04') return []
    if (/^(?:unquoted|literal) (?:newline|carriage return) found/.test(message)) return [[utf16], lineEnds]
    const escapes = backslashes(kit)
    if (/^unterminated CSV quoted field/.test(message)) return [escapes]
    if (/^missing data/.test(message)) return [[blankLines], escapes, ...delimiters(evidence, kit), ...missingFields]
    if (!/^extra data/.test(message)) return []
    return [emptyExtraFields(kit), escapes, ...delimiters(evidence, kit), otherQuote(kit), extraFields(evidence, kit)]
  }
  const column = kit.columns.find(({ name }) => name === error.column)
  if (column === undefined || isUnread(column.type)) return []
  if (error.sqlState === '22001') return [[truncation]]
  if (error.sqlState === '23502') return [emptyStrings(column, kit)]
  if (!error.sqlState.startsWith('22')) return []
  const { plain, forced } = nulls(group, kit)
  const patterns = datePatterns(group, column, kit)
  const others = [...patterns, ...dates(column, kit, patterns), ...numbers(column), ...booleans(column)]
  const { value } = group
  const isKnown = value !== undefined && (value === '' || isNullWord(value))
  // Such a word is no number or date in disguise; but a file may write NULL in two ways. Any other value is one that somebody meant,
  // however often it is there.
  if (isKnown) return [headers(evidence, kit), plain, forced, rewritten(value, kit)]
  return [headers(evidence, kit), repeatedHeaders(kit), others]
}

/** A first line with the names of the columns. */
export function headers(evidence: readonly Evidence[], { options, columns }: CureKit): Candidate[] {
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

const ISO_DATE = 'YYYY-MM-DD'

/** A pattern for dates of another form; beside it that of dates which have loaded, as far as they were written as ISO has it. */
function datePatterns(
  { evidence }: Findings,
  { type, patterns }: LoadColumn,
  { options, dialect }: CureKit,
): Candidate[] {
  // The option is GaussDB's, and none of a statement with the rules of others.
  if (type.kind !== 'date' || patterns !== undefined || options.dateFormats !== undefined) return []
  if (dialect !== undefined && dialect !== 'gaussdb') return []
  const found = new Set(evidence.flatMap(({ value = '' }) => patternsLike(value)))
  return [...found].map((text) => {
    const list = [ISO_DATE, text]
    return {
      kind: 'option',
      change: dateFormat(text),
      note: 'all dates of the input would be read so, and those of other forms refused',
      patterns: { list: list.map((each) => ({ language: 'to_char', text: each })) },
    }
  })
}

function unlessAny([first]: readonly Candidate[]): Pick<Candidate, 'unless'> {
  return first === undefined ? {} : { unless: first.change }
}

/** Which patterns a date may be of that begins with its day or month. */
function patternsLike(value: string): string[] {
  const [, separator] = /^\d{1,2}([./-])\d{1,2}\1\d{4}$/.exec(value) ?? []
  if (separator === undefined) return []
  return [['DD', 'MM', 'YYYY'] as const, ['MM', 'DD', 'YYYY'] as const].map((parts) => parts.join(separator))
}

function dateFormat(pattern: string): string {
  return `DATE_FORMAT (${printString(ISO_DATE)}, ${printString(pattern)})`
}

/** Dates of another order. */
function dates({ type }: LoadColumn, { session, target }: CureKit, patterns: readonly Candidate[]): Candidate[] {
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
          ...unlessAny(patterns.filter(({ change }) => change.includes(`, '${dateOrder === 'dmy' ? 'DD' : 'MM'}`))),
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

/** Quotes in a quoted field with a backslash before them, as MySQL and Redshift write them. */
function backslashes({ options }: CureKit): Candidate[] {
  if (options.format !== 'csv' || options.escape !== options.quote || options.delimiter === '\\') return []
  const change = `ESCAPE ${printString('\\')}`
  const note = 'in quotes a backslash before a quote or a backslash would be none any more, and two quotes no quote'
  const fits = ({ raw }: Evidence) => raw.includes(`\\${options.quote}`)
  return [{ kind: 'option', change, note, options: { escape: '\\' }, fits }]
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
