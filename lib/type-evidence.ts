import type { ColumnType } from './native/load.ts'
import { DEFAULT_SESSION, openLoad, type ProvingPlan, type Rereadable, textColumns } from './native/open.ts'
import type { ProvenColumns } from './table-columns.ts'

/** Characters of a value that are shown. */
const SHOWN = 40

/** What a value could be, as `crates/format/src/infer.rs` tells them apart. */
type Kind =
  | 'bool'
  | 'integer'
  | 'huge'
  | 'decimal'
  | 'inexact'
  | 'float'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'time'
  | 'uuid'
  | 'text'

const INT8_DIGITS = 19
const LARGEST_INT8 = 2n ** 63n - 1n
/** Digits that a number may have for double precision to print it back. */
const FLOAT8_DIGITS = 15

/**
 * Why each column of a table that would be made from `input` has its type: a value that rules out a narrower one, with its line, or that all
 * values are of it. Reads no further than the last of those values.
 */
export async function explainTypes(
  plan: ProvingPlan,
  input: Rereadable,
  { columns: proven, rows }: ProvenColumns,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const seekers = proven.map((column) => new Seeker(column, plan.options.decimalSeparator === ','))
  const columns = textColumns(plan, input)
  const load = openLoad({ ...plan, columns, session: DEFAULT_SESSION, sink: 'pg_text' }, input)
  const abort = () => load.close().catch(() => {})
  signal?.addEventListener('abort', abort, { once: true })
  try {
    let row = 0
    while (seekers.some(({ isSeeking }) => isSeeking)) {
      signal?.throwIfAborted()
      const chunk = await load.next()
      if (chunk === undefined) break
      for (const fields of rowsOf(chunk.buffer)) {
        for (const [index, seeker] of seekers.entries()) {
          const field = fields[proven[index]?.field ?? index]
          if (!seeker.isSeeking || field === undefined || field === '\\N') continue
          if (seeker.see(unescaped(field))) seeker.line = load.locate(row)?.firstLine
        }
        row += 1
      }
      chunk.release()
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    await load.close()
  }
  return seekers.map((seeker) => seeker.reason(rows))
}

/** The rows of CopyData messages of TEXT lines. */
export function* rowsOf(buffer: Buffer): Generator<string[]> {
  for (let at = 0; at < buffer.length; ) {
    const end = at + 1 + buffer.readUInt32BE(at + 1)
    for (const line of buffer
      .toString('utf8', at + 5, end)
      .split('\n')
      .slice(0, -1))
      yield line.split('\t')
    at = end
  }
}

function unescaped(field: string): string {
  const letters: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' }
  return field.replace(/\\(.)/g, (_, letter: string) => letters[letter] ?? letter)
}

/** Looks for the value that decides on the type of a column. */
class Seeker {
  readonly #type: ColumnType
  readonly #by: string | undefined
  readonly #hasComma: boolean
  #found: string | undefined
  #before: Kind | undefined
  line: number | undefined

  constructor({ type, by }: ProvenColumns['columns'][number], hasComma: boolean) {
    this.#type = type
    this.#by = by
    this.#hasComma = hasComma
  }

  get isSeeking(): boolean {
    return (
      this.#by === undefined && this.#found === undefined && /^(?:float8|numeric|timestamp|text)$/.test(this.#type.kind)
    )
  }

  /** Takes the next value; whether it is the one. */
  see(value: string): boolean {
    const kind = kindOf(value, this.#hasComma)
    const what = this.#whyNot(value, kind)
    if (what !== undefined) this.#found = `${shown(value)} ${what}`
    this.#before ??= kind
    return what !== undefined
  }

  #whyNot(value: string, kind: Kind): string | undefined {
    switch (this.#type.kind) {
      case 'float8':
        return kind === 'integer' ? undefined : 'is no whole number'
      case 'numeric':
        if (this.#type.scale === 0) return kind === 'huge' ? 'is beyond bigint' : undefined
        if (kind === 'inexact') return `has more than the ${FLOAT8_DIGITS} digits that double precision keeps`
        return kind === 'huge' ? 'is beyond bigint, and others have decimals' : undefined
      case 'timestamp':
        return kind === 'timestamp' ? 'is no date alone' : undefined
      default: {
        const before = this.#before
        if (kind !== 'text') {
          const isSame = before === undefined || familyOf(before) === familyOf(kind)
          return isSame ? undefined : `is no ${familyOf(before)}, as the first value is`
        }
        const isNumber = /^[-+]?\d+(?:\.\d*)?$/.test(value)
        if (isNumber) return 'would lose characters as a number'
        if (before !== undefined) return `is no ${familyOf(before)}, as the first value is`
        return 'is no number, date, time, Boolean value or uuid'
      }
    }
  }

  reason(rows: number): string {
    const all = `all values of ${rows} ${rows === 1 ? 'row' : 'rows'} are`
    const found = this.#found
    if (this.#by === 'TIMESTAMP') return 'the statement names it as the designated timestamp'
    if (this.#by !== undefined) return `${all} as ${this.#by} says`
    if (found !== undefined) {
      const at = this.line === undefined ? '' : `line ${this.line}: `
      return `${at}${found}`
    }
    switch (this.#type.kind) {
      case 'text':
        return this.#before === undefined ? 'no value at all' : 'as numbers, the values would lose digits'
      case 'int8':
        return `${all} whole numbers within bigint`
      case 'bool':
        return `${all} true or false`
      case 'timestamptz':
        return `${all} timestamps with a time zone`
      case 'uuid':
        return `${all} uuids`
      default:
        return `${all} ${this.#type.kind === 'float8' || this.#type.kind === 'numeric' ? 'numbers' : `${this.#type.kind}s`}`
    }
  }
}

/** What the kinds have in common that go together in a column. */
function familyOf(kind: Kind): string {
  switch (kind) {
    case 'integer':
    case 'huge':
    case 'decimal':
    case 'inexact':
    case 'float':
      return 'number'
    case 'date':
    case 'timestamp':
      return 'date'
    case 'timestamptz':
      return 'timestamp with a time zone'
    case 'bool':
      return 'Boolean value'
    default:
      return kind
  }
}

function kindOf(value: string, hasComma: boolean): Kind {
  if (/^(?:true|false)$/i.test(value)) return 'bool'
  if (/^-?(?:0|[1-9]\d*)$/.test(value) && value !== '-0') return isInt8(value) ? 'integer' : 'huge'
  const number = hasComma ? value.replace(',', '.') : value
  const isPlain = hasComma ? !value.includes('.') : true
  if (isPlain && /^-?(?:(?:0|[1-9]\d*)\.\d*|\.\d+)$/.test(number)) {
    const digits = number.replace(/^-?0*\.?0*|\./g, '').length
    return digits > FLOAT8_DIGITS ? 'inexact' : 'decimal'
  }
  if (isPlain && /^[-+]?(?:(?:\d+\.?\d*|\.\d+)e[-+]?\d+|-0|nan|inf(?:inity)?)$/i.test(number)) return 'float'
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return 'date'
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?$/.test(value)) return 'timestamp'
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[-+]\d\d(?::?\d\d)?)$/.test(value))
    return 'timestamptz'
  if (/^\d\d:\d\d:\d\d(?:\.\d{1,6})?$/.test(value)) return 'time'
  if (/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(value)) return 'uuid'
  return 'text'
}

function isInt8(value: string): boolean {
  if (value.length < INT8_DIGITS) return true
  const number = BigInt(value)
  return number <= LARGEST_INT8 && number >= -LARGEST_INT8 - 1n
}

function shown(value: string): string {
  return `'${value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value}'`
}
