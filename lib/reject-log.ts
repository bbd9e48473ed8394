import { closeSync, openSync, statSync, writeSync } from 'node:fs'
import type { CureKit } from './cures.ts'
import { Diagnosis, type DiagnosisGroup } from './diagnosis.ts'
import { CopyError } from './errors.ts'
import type { NativeLoad, NativeReject } from './native/load.ts'
import { inEncoding, toUtf8 } from './native/text.ts'
import { MOST_KEPT, type Reject, type RejectError } from './rejects.ts'
import type { CopyFrom } from './statement/ast.ts'
import type { RowError, RowRefusals, TargetColumn } from './target/target.ts'

/** Bytes of rejects that are kept for the record of the load. */
const MOST_KEPT_BYTES = 32 << 20
/** Bytes of one of them. */
const MOST_RAW = 1 << 20
/** Rejects that wait for the rows before them, and their bytes, from which on these are to be dealt with. */
const MANY_WAITING = 5_000
const MANY_WAITING_BYTES = 8 << 20
/** About what a reject takes besides its bytes. */
const OVERHEAD = 512
/** Bytes that are written to a file of rejects at once. */
const WRITTEN_AT_ONCE = 64 * 1024

/** What becomes of refused rows. */
export interface RejectLogInit {
  readonly statement: CopyFrom
  /** The input's name. */
  readonly file: string
  /** The columns that are loaded, in the order of the input's fields. */
  readonly columns: readonly TargetColumn[]
  /** Called with each, in the order of the input. */
  readonly onReject?: (reject: Reject) => void
  /** Where their bytes are written, as they were read. */
  readonly path?: string
  /** Offsets of those that an attempt before this one has told of. */
  readonly told?: ReadonlySet<number>
  /** Whether they are kept for the record of the load. */
  readonly keeps: boolean
  /** What cures are tried with. */
  readonly kit: CureKit
}

/**
 * Takes the rows of one load that are refused, by the decoder and by the target, and hands them on in the order of the input. Rows of
 * the decoder come before those of the target that stand before them in the input, so each waits until all before it is settled.
 */
export class RejectLog {
  readonly #init: RejectLogInit
  #native: NativeLoad | undefined
  readonly #waiting: Omit<Reject, 'number'>[] = []
  #waitingBytes = 0
  /** Whether rows wait for the target's word, and those that need not any more. */
  #waits = false
  #settled = 0
  #number = 0
  /** The one handed on last. */
  #last: Reject | undefined
  #fromTarget = 0
  readonly #kept: Reject[] = []
  readonly #told = new Set<number>()
  #keptBytes = 0
  #file: RejectFile | undefined
  readonly #diagnosis = new Diagnosis((raw) => this.text(raw))
  #excess: CopyError | undefined

  constructor(init: RejectLogInit) {
    this.#init = init
  }

  /** A record's bytes as UTF-8. */
  readonly text = (raw: Buffer): Buffer => {
    const { encoding } = this.#init.statement.options
    return encoding === 'UTF8' ? raw : toUtf8(raw, this.#native?.counters().encoding ?? encoding)
  }

  /** How many records the decoder should tell of, and how much of each. */
  get wants(): { readonly rawLimit: number; readonly most: number } {
    const { onReject, path } = this.#init
    const streams = onReject !== undefined || path !== undefined
    return { rawLimit: streams ? 2 ** 30 : MOST_RAW, most: streams ? Number.MAX_SAFE_INTEGER : MOST_KEPT }
  }

  /** Refused rows that have been told here: handed on, or waiting. */
  get #taken(): number {
    return this.#number + this.#waiting.length
  }

  /** Rows that count against the limit: refused ones, and those with a value that was replaced. */
  get #counted(): number {
    return this.count + (this.#native?.counters().rowsMended ?? 0)
  }

  /** Rows refused so far; beyond the limit, as many as it took. */
  get count(): number {
    if (this.#isBeyond) return this.#taken
    return (this.#native?.counters().rowsRefused ?? 0) + this.#fromTarget
  }

  /** Offsets of those that `onReject` knows of. */
  get told(): ReadonlySet<number> {
    return this.#told
  }

  /** Those kept for the record of the load. */
  get kept(): readonly Reject[] {
    return this.#kept
  }

  /** The error of a load whose limit was exceeded. */
  get excess(): CopyError | undefined {
    return this.#excess
  }

  /** What was wrong with the rows that were handed on, and what would cure it. */
  diagnose(): Promise<DiagnosisGroup[]> {
    const { kit } = this.#init
    // It is given the records as UTF-8.
    return this.#diagnosis.groups({ ...kit, options: { ...kit.options, encoding: 'UTF8' } })
  }

  /** Begins to take rows of a load. */
  attach(native: NativeLoad, waits: boolean): void {
    this.#native = native
    this.#waits = waits
  }

  /** Closes the file of rejects, if there is one. */
  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  /** Takes what the decoder refuses. Throws when it is too much. */
  readonly takeNative = (rejects: readonly NativeReject[]): void => {
    const { columns, file } = this.#init
    for (const { line, lastLine, byteOffset, byteLength, flaws, raw, isCut } of rejects) {
      const errors = flaws.map(({ column, code, sqlState, message, detail, value }): RejectError => {
        const of = column === undefined ? undefined : columns[column]
        return {
          ...(of && column !== undefined && { column: of.name, type: of.typeName, field: column + 1 }),
          sqlState,
          code,
          message,
          ...(detail !== undefined && { detail }),
          ...(value !== undefined && { value }),
        }
      })
      this.#wait({ file, line, lastLine, byteOffset, byteLength, errors, raw, rawIsCut: isCut })
      // Those beyond the limit are known by accident of how much was read at a time.
      if (this.#isBeyond) break
    }
    if (!this.#waits || this.#isSettled) this.#emit(Number.POSITIVE_INFINITY)
    this.#checkLimit()
  }

  /** What the target refuses. */
  refusals(tolerates: RowRefusals['tolerates']): RowRefusals {
    const isPressed = () => this.#waiting.length > MANY_WAITING || this.#waitingBytes > MANY_WAITING_BYTES
    return {
      tolerates,
      get isPressed() {
        return isPressed()
      },
      refuse: (row, errors) => this.#refuse(row, errors),
      settle: (row) => {
        this.#settled = row
        const last = row > 0 ? this.#native?.locate(row - 1) : undefined
        if (last) this.#emit(last.byteOffset)
      },
    }
  }

  /** Hands on what is left, at the load's end or failure. */
  finish(): void {
    this.#emit(Number.POSITIVE_INFINITY)
    this.close()
  }

  /** Throws when it was too much in the end: a share of all rows can be judged only then. */
  checkEnd(rowsRead: number): void {
    this.#checkLimit()
    const { limit } = this.#init.statement.options.errors
    const counted = this.#counted
    if (limit?.kind !== 'ratio' || counted <= (rowsRead * limit.most) / 100) return
    throw this.#tooMany(`skipped more than ${limit.name} (${limit.most} %) of the rows: ${counted} of ${rowsRead}`)
  }

  /** Whether the target has no row that it has not dealt with. */
  get #isSettled(): boolean {
    const { rowsRead = 0, rowsRefused = 0 } = this.#native?.counters() ?? {}
    return this.#settled === rowsRead - rowsRefused
  }

  get #isBeyond(): boolean {
    const { limit } = this.#init.statement.options.errors
    return limit?.kind === 'rows' && this.#taken > limit.most
  }

  #wait(reject: Omit<Reject, 'number'>): void {
    this.#waiting.push(reject)
    this.#waitingBytes += OVERHEAD + reject.raw.length
  }

  #refuse(row: number, errors: readonly RowError[]): void {
    const { columns, file } = this.#init
    const place = this.#native?.locate(row)
    const raw = this.#native?.record?.(row) ?? Buffer.alloc(0)
    const { rawLimit } = this.wants
    this.#fromTarget += 1
    this.#wait({
      file,
      line: place?.firstLine ?? 0,
      lastLine: place?.line ?? 0,
      byteOffset: place?.byteOffset ?? 0,
      byteLength: place?.byteLength ?? 0,
      errors: errors.map((error) => {
        const index = columns.findIndex(({ name }) => name === error.column)
        return { ...error, ...(index >= 0 && { type: columns[index]?.typeName ?? '', field: index + 1 }) }
      }),
      raw: raw.subarray(0, rawLimit),
      rawIsCut: place === undefined || Math.min(raw.length, rawLimit) < place.byteLength,
    })
    this.#checkLimit()
  }

  #checkLimit(): void {
    const { errors } = this.#init.statement.options
    if (errors.limit?.kind !== 'rows' || this.#counted <= errors.limit.most) return
    const { name, most } = errors.limit
    const reason =
      errors.constraint === 'stop' && errors.structure === 'stop' ? ' due to data type incompatibility' : ''
    // Redshift's number is that at which the load fails.
    const message =
      name === 'MAXERROR' ? `skipped ${name} (${most + 1}) rows` : `skipped more than ${name} (${most}) rows${reason}`
    throw this.#tooMany(message)
  }

  #tooMany(message: string): CopyError {
    const { statement, file } = this.#init
    const last = this.#waiting.at(-1) ?? this.#last
    const error = last?.errors[0]
    this.#excess = new CopyError({
      code: 'invalid_text_representation',
      sqlState: '22P02',
      message,
      ...(last && error && { detail: `The last of them: line ${last.line}${column(error)}: ${error.message}` }),
      hint: `Nothing was loaded. Raise ${statement.options.errors.limit?.name ?? 'the limit'}, or mend the input.`,
      position: { file, ...(last && { line: last.lastLine, byteOffset: last.byteOffset }) },
    })
    return this.#excess
  }

  /** Hands on the rows up to an offset in the input. */
  #emit(upTo: number): void {
    if (this.#waiting.length === 0) return
    this.#waiting.sort((a, b) => a.byteOffset - b.byteOffset)
    const end = this.#waiting.findIndex(({ byteOffset }) => byteOffset > upTo)
    for (const waiting of this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)) {
      this.#number += 1
      this.#waitingBytes -= OVERHEAD + waiting.raw.length
      this.#hand({ number: this.#number, ...waiting })
    }
  }

  #hand(reject: Reject): void {
    const { keeps, onReject, path, statement, columns, file } = this.#init
    this.#diagnosis.add(reject)
    this.#last = reject
    const bytes = OVERHEAD + reject.raw.length
    if (keeps && this.#kept.length < MOST_KEPT && this.#keptBytes + bytes <= MOST_KEPT_BYTES) {
      this.#kept.push(reject)
      this.#keptBytes += bytes
    }
    if (path !== undefined) {
      this.#file ??= new RejectFile(path, file, statement, columns, this.#native?.counters().encoding ?? 'UTF8')
      this.#file.write(reject.raw)
    }
    if (onReject !== undefined && !this.#init.told?.has(reject.byteOffset)) {
      if (this.#told.size < MOST_KEPT) this.#told.add(reject.byteOffset)
      try {
        onReject(reject)
      } catch (error) {
        // It is not the load's error: it is thrown where the caller's other errors are.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

function column({ column: name, value }: RejectError): string {
  return name === undefined ? '' : `, column ${name}${value === undefined ? '' : ` "${value.slice(0, 100)}"`}`
}

/** The refused records as a file that the same statement can load. Made when there is the first. */
class RejectFile {
  readonly #fd: number
  readonly #path: string
  #waiting: Buffer[] = []
  #bytes = 0
  readonly #lineEnd: Buffer

  constructor(path: string, input: string, statement: CopyFrom, columns: readonly TargetColumn[], encoding: string) {
    this.#path = path
    this.#lineEnd = inEncoding('\n', encoding)
    if (statement.source.kind === 'file' && isSame(path, input)) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: `the file for rejects "${path}" is the input`,
      })
    }
    try {
      this.#fd = openSync(path, 'w')
    } catch (error) {
      throw unwritable(path, error)
    }
    const { header, skip = 0, format, delimiter, quote, escape: escaping } = statement.options
    // The same statement is to load the file.
    if (statement.options.encoding === 'UTF16') this.#waiting.push(inEncoding('\ufeff', encoding))
    for (let line = 0; line < skip; line++) this.write(Buffer.alloc(0))
    if (header === 'false') return
    const name = (text: string) => {
      if (format === 'text') return text.replace(/[\\\n\r\t]/g, (letter) => `\\${ESCAPES[letter] ?? letter}`)
      const isPlain = ![delimiter, quote, '\n', '\r'].some((special) => text.includes(special))
      return isPlain ? text : quote + text.replaceAll(quote, escaping + quote) + quote
    }
    this.write(inEncoding(columns.map((column) => name(column.name)).join(delimiter), encoding))
  }

  write(record: Buffer): void {
    this.#waiting.push(record, this.#lineEnd)
    this.#bytes += record.length + this.#lineEnd.length
    if (this.#bytes >= WRITTEN_AT_ONCE) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#fd)
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#bytes = 0
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    } catch (error) {
      throw unwritable(this.#path, error)
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't' }

function isSame(path: string, other: string): boolean {
  try {
    // Under another name, or by another link.
    const [one, two] = [statSync(path), statSync(other)]
    return one.dev === two.dev && one.ino === two.ino
  } catch {
    return false
  }
}

function unwritable(path: string, cause: unknown): CopyError {
  const reason = cause instanceof Error ? cause.message.replace(/^\w+: |, open .*$/g, '') : String(cause)
  return new CopyError({
    code: 'io_error',
    sqlState: '58030',
    message: `could not open file "${path}" for writing: ${reason}`,
    cause,
  })
}
