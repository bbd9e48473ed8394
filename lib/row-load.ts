import { CopyError } from './errors.ts'
import type { NativeReject } from './native/load.ts'
import type { TakeRejects } from './native/open.ts'
import { unreadableInput } from './native/pump.ts'
import type { RowReader } from './row-source.ts'
import { NO_CHARACTER, type RowField, type RowFlaw, type RowText } from './row-text.ts'
import { type CopyFrom, type CopyOptions, uncompressed } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import { dialectTitles } from './statement/dialects/names.ts'
import { parseCopy, parseParts } from './statement/parser.ts'
import { type ColumnPlan, madeNames } from './statement/plan.ts'
import { printName } from './statement/printing.ts'
import type { TableDescription } from './target/target.ts'

/** The options that say how text is cut and read, of which rows have none. */
const TEXTUAL: readonly { readonly word: string; readonly applies: (options: CopyOptions) => boolean }[] = [
  { word: 'FORMAT', applies: ({ format }) => format !== 'text' },
  { word: 'DELIMITER', applies: ({ delimiter }) => delimiter !== '\t' },
  { word: 'NULL', applies: (options) => options.null !== '\\N' },
  { word: 'DEFAULT', applies: (options) => /[\t\n\r]/.test(options.default ?? '') },
  { word: 'MAP BY NAME', applies: ({ mapByName }) => mapByName === true },
  { word: 'HEADER', applies: ({ header, detectHeader }) => header !== 'false' || detectHeader === true },
  { word: 'SKIP', applies: ({ skip }) => skip !== undefined },
  { word: 'SKIP_BLANK_LINES', applies: ({ skipBlankLines }) => skipBlankLines === true },
  { word: 'COMPRESSION', applies: ({ remote }) => (remote?.compression ?? 'none') !== 'none' },
  { word: 'ENCODING', applies: ({ encoding }) => encoding !== 'UTF8' },
  { word: 'EOL', applies: ({ eol }) => eol !== undefined },
  { word: 'NOESCAPING', applies: ({ backslash }) => backslash !== undefined },
  { word: 'USEEOF', applies: ({ useEof }) => useEof === true },
  { word: 'REMOVE_QUOTES', applies: ({ removeQuotes }) => removeQuotes === true },
  { word: 'DECIMAL_SEPARATOR', applies: ({ decimalSeparator }) => decimalSeparator !== undefined },
  { word: 'DATE_FORMAT and its like', applies: ({ dateFormats }) => dateFormats !== undefined },
  {
    word: 'REPLACE_INVALID_CHARS and COMPATIBLE_ILLEGAL_CHARS',
    applies: ({ invalidChars }) => invalidChars !== undefined,
  },
  { word: 'WHEN by places', applies: ({ when }) => when?.subject.kind === 'range' },
  { word: 'LINEAGE offset', applies: ({ lineage }) => lineage?.some((column) => column.of === 'offset') === true },
  { word: 'CREATE_TABLE', applies: ({ createTable }) => createTable === true },
]

/** Refuses a statement that says how text is read, or whose dialect does. */
export function checkRowStatement({ text, options, source, dialect }: CopyFrom): void {
  const found = TEXTUAL.find(({ applies }) => applies(options))
  if (found === undefined) return
  const word = found.word.toLowerCase()
  const { items } = parseParts(text)
  const item = items.find(({ name }) => name === word || name === word.split(' ')[0])
  if (item === undefined && dialect?.word !== undefined) {
    const title = dialectTitles[dialect.name]
    const message = `rows cannot be loaded by the rules of ${title}`
    throw statementError(text, source.offset, 'feature_not_supported', message, {
      detail: `${dialect.word} is of ${title}, where COPY has another ${found.word} than rows are kept in.`,
      hint: 'Write ON_ERROR, REJECT_LIMIT and other options that tell no dialect.',
    })
  }
  const isCreation = found.word === 'CREATE_TABLE'
  const message = `COPY ${found.word} cannot be used with the option "rows"`
  throw statementError(text, item?.offset ?? source.offset, 'feature_not_supported', message, {
    detail: isCreation ? 'Values of JavaScript do not tell the types of columns.' : 'Rows are values, and no text.',
    hint: isCreation ? 'Create the table first.' : 'Leave it out.',
  })
}

/**
 * The statement with a list of columns: the keys of the first row, where rows are objects and the statement has none. So it is as well
 * what is recorded: refused rows can be loaded again by it.
 */
export async function withColumns(copy: CopyFrom, rows: RowReader, signal: AbortSignal | undefined): Promise<CopyFrom> {
  const first = await rows.first(signal).catch((cause: unknown) => {
    throw signal?.aborted ? cause : unreadableInput('STDIN', cause)
  })
  if (copy.columns !== undefined || typeof first !== 'object' || first === null || Array.isArray(first)) return copy
  const made = new Set(madeNames(copy).map(({ value }) => value))
  const row = first as Readonly<Record<string, unknown>>
  const keys = keysOf(row).filter((key) => !made.has(key))
  if (keys.length === 0 || ArrayBuffer.isView(first) || first instanceof ArrayBuffer || first instanceof Date)
    return copy
  const list = keys.map((value) => printName({ value, quoted: true })).join(', ')
  const from = /\bfrom(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*$/i.exec(copy.text.slice(0, copy.source.offset))
  if (from === null) return copy
  const { index } = from
  return parseCopy(`${copy.text.slice(0, index)}(${list}) ${copy.text.slice(index)}`)
}

/** The statement with what only rows have: they are not compressed, however the first one begins. */
export function ofRows(copy: CopyFrom): CopyFrom {
  return { ...copy, options: uncompressed(copy.options) }
}

/** Under which a row has a value. Getters and proxies may throw. */
function keysOf(row: Readonly<Record<string, unknown>>): string[] {
  try {
    return Object.keys(row).filter((key) => row[key] !== undefined)
  } catch (cause) {
    throw unreadableInput('STDIN', cause)
  }
}

/** The fields of the rows, in their order. */
export function rowFields(table: TableDescription, { columns, fields, made }: ColumnPlan): RowField[] {
  const of = (position: number, name: string | undefined): RowField => {
    const column = table.columns[columns[position] ?? -1]
    if (column === undefined) return { name: name ?? '' }
    return { name: name ?? column.name, type: column.type, typeName: column.typeName }
  }
  if (fields) return fields.names.map((name, field) => of(fields.ofColumn.indexOf(field), name))
  return columns.slice(0, columns.length - (made?.length ?? 0)).map((_, position) => of(position, undefined))
}

/** What the decoder says of rows that only this side knows what is wrong with, in this side's words. */
export class RowFlaws {
  readonly #text: RowText
  readonly #fields: readonly RowField[]
  readonly #columnOf: (field: number) => number | undefined

  constructor(text: RowText, fields: readonly RowField[], columnOf: (field: number) => number | undefined) {
    this.#text = text
    this.#fields = fields
    this.#columnOf = columnOf
  }

  taking(take: TakeRejects): TakeRejects {
    return (rejects) => take(rejects.map((reject) => this.#explained(reject)))
  }

  #explained(reject: NativeReject): NativeReject {
    const flaw = this.#text.flawOf(reject.line)
    if (flaw === undefined) return reject
    const { sqlState, code } = conditionOf(flaw)
    const column = flaw.field === undefined ? undefined : this.#columnOf(flaw.field)
    const { message } = flaw
    const detail = flaw.hint
    // The byte was for the decoder alone: without it the row is TEXT, which COPY REJECTS can load.
    const raw = reject.raw.filter((byte) => byte !== NO_CHARACTER)
    return {
      ...reject,
      raw: Buffer.from(raw.buffer, raw.byteOffset, raw.length),
      byteLength: reject.byteLength - (reject.raw.length - raw.length),
      flaws: [{ ...(column !== undefined && { column }), sqlState, code, message, ...(detail && { detail }) }],
    }
  }

  /** The error, if it is that of such a row. */
  explain(error: unknown): unknown {
    if (!(error instanceof CopyError) || error.position.line === undefined) return error
    if (error.sqlState !== '22021' && error.sqlState !== '22P04') return error
    const flaw = this.#text.flawOf(error.position.line)
    if (flaw === undefined) return error
    const name = flaw.field === undefined ? undefined : this.#fields[flaw.field]?.name
    const { file, line, byteOffset } = error.position
    return new CopyError({
      ...conditionOf(flaw),
      message: flaw.message,
      hint: flaw.hint,
      context: error.context?.replace(
        /^(COPY .*?, line \d+)[\s\S]*$/,
        name === undefined ? '$1' : `$1, column ${name}`,
      ),
      position: {
        ...(file !== undefined && { file }),
        line,
        ...(byteOffset !== undefined && { byteOffset }),
        ...(name !== undefined && { column: name }),
      },
    })
  }
}

function conditionOf({ field }: RowFlaw): { readonly sqlState: string; readonly code: string } {
  return field === undefined
    ? { sqlState: '22P04', code: 'bad_copy_file_format' }
    : { sqlState: '42804', code: 'datatype_mismatch' }
}
