import { CopyError } from './errors.ts'
import type { NativeReject } from './native/load.ts'
import type { TakeRejects } from './native/open.ts'
import { unreadableInput } from './native/pump.ts'
import type { RowReader } from './row-source.ts'
import { asGiven, type RowField, type RowFlaw, type RowText } from './row-text.ts'
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
    throw signal?.aborted ? cause : unreadableInput('STDIN', cause, rows.row)
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
    throw unreadableInput('STDIN', cause, 1)
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
  readonly #rows: RowReader
  readonly #text: RowText
  readonly #fields: readonly RowField[]
  readonly #columnOf: (field: number) => number | undefined

  constructor(
    rows: RowReader,
    text: RowText,
    fields: readonly RowField[],
    columnOf: (field: number) => number | undefined,
  ) {
    this.#rows = rows
    this.#text = text
    this.#fields = fields
    this.#columnOf = columnOf
  }

  taking(take: TakeRejects): TakeRejects {
    return (rejects) =>
      take(
        rejects.map((reject) => {
          const { raw, byteLength } = asGiven(reject)
          return this.#explained({ ...reject, raw, byteLength, isCut: reject.isCut || raw.length < byteLength })
        }),
      )
  }

  #explained(reject: NativeReject): NativeReject {
    const known = this.#text.flawsOf(reject.line)
    if (known.length === 0) return reject
    const { sqlState = '' } = reject.flaws[0] ?? {}
    if (isMalformed(sqlState)) {
      const flaw = decisive(known, sqlState)
      return flaw ? this.#malformed(reject, flaw) : reject
    }
    const flaws = reject.flaws.map((flaw) => {
      const own = known.find(({ field, isOfType }) => isOfType && this.#columnOf(field ?? -1) === flaw.column)
      if (own?.message === undefined) return flaw
      const { detail: _, ...rest } = flaw
      return { ...rest, message: own.message, ...(own.hint && { detail: own.hint }) }
    })
    return { ...reject, flaws }
  }

  #malformed(reject: NativeReject, flaw: RowFlaw): NativeReject {
    const column = flaw.field === undefined ? undefined : this.#columnOf(flaw.field)
    const { message, hint: detail } = flaw
    if (message === undefined) {
      return { ...reject, flaws: reject.flaws.map((each) => ({ ...each, ...(column !== undefined && { column }) })) }
    }
    const { sqlState, code } = conditionOf(flaw)
    return {
      ...reject,
      flaws: [{ ...(column !== undefined && { column }), sqlState, code, message, ...(detail && { detail }) }],
    }
  }

  /** The error, if it is that of such a row, or of one that could not be read. */
  explain(error: unknown): unknown {
    if (!(error instanceof CopyError)) return error
    const { sqlState, code, position, cause } = error
    const { file, line, byteOffset } = position
    const { failure } = this.#rows
    if (sqlState === '58030' && failure && cause === failure.cause) {
      return unreadableInput(file ?? 'STDIN', cause, failure.row)
    }
    if (line === undefined || !(isMalformed(sqlState) || sqlState === '22P02')) return error
    const known = this.#text.flawsOf(line)
    const nameOf = ({ field }: RowFlaw) => (field === undefined ? undefined : this.#fields[field]?.name)
    const flaw = isMalformed(sqlState)
      ? decisive(known, sqlState)
      : known.find((each) => each.isOfType && nameOf(each) === position.column)
    if (flaw === undefined) return error
    const name = nameOf(flaw)
    return new CopyError({
      ...(flaw.message === undefined || flaw.isOfType ? { sqlState, code } : conditionOf(flaw)),
      message: flaw.message ?? error.message,
      hint: flaw.hint,
      context: error.context?.replace(
        /^(?:JSON data.*\n)?(COPY .*?, line \d+)[\s\S]*$/,
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

function isMalformed(sqlState: string): boolean {
  return sqlState === '22021' || sqlState === '22P04'
}

/** What is said of a malformed row: the first that only this side can say, or else which field's characters the decoder speaks of. */
function decisive(flaws: readonly RowFlaw[], sqlState: string): RowFlaw | undefined {
  const malformed = flaws.filter(({ isOfType }) => !isOfType)
  const own = malformed.find(({ message }) => message !== undefined)
  return own ?? (sqlState === '22021' ? malformed[0] : undefined)
}

function conditionOf({ field }: RowFlaw): { readonly sqlState: string; readonly code: string } {
  return field === undefined
    ? { sqlState: '22P04', code: 'bad_copy_file_format' }
    : { sqlState: '42804', code: 'datatype_mismatch' }
}
