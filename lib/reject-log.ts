import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CureKit } from './cures.ts'
import { Diagnosis, type DiagnosisGroup } from './diagnosis.ts'
import { CopyError } from './errors.ts'
import type { NativeFlaw, NativeLoad, NativeReject } from './native/load.ts'
import { toUtf8 } from './native/text.ts'
import { type InputFile, RejectFile } from './reject-file.ts'
import { MOST_KEPT, MOST_RAW, type Reject, type RejectError } from './rejects.ts'
import type { CopyFrom } from './statement/ast.ts'
import type { RowError, RowRefusals, TargetColumn } from './target/target.ts'

/** Bytes of rejects that are kept for the record of the load, where no more than {@link MOST_KEPT} are asked for. */
const MOST_KEPT_BYTES = 32 << 20
/** Rejects that wait for the rows before them, and their bytes, from which on these are to be dealt with. */
const MANY_WAITING = 5_000
const MANY_WAITING_BYTES = 8 << 20
/** About what a reject takes besides its bytes. */
const OVERHEAD = 512

/** Rows that are handed on between two turns of the event loop. */
const EMITTED_AT_ONCE = 1_000

/** A refused row that gets its number when it is handed on. */
type Waiting = Omit<Reject, 'number'> & { number: number }

/** What becomes of refused rows. */
export interface RejectLogInit {
  readonly statement: CopyFrom
  /** The input's name. */
  readonly file: string
  /** The columns that are loaded, in the order of the input's fields. */
  readonly columns: readonly TargetColumn[]
  /** Called with each, in the order of the input. */
  readonly onReject?: (reject: Reject) => void
  /** What the fields of a record are called, where they are not the columns' one after the other. */
  readonly fields?: readonly string[]
  /** Where their bytes are written, as they were read. */
  readonly path?: string
  /** What must not be written over. */
  readonly input?: InputFile
  /** Offset of the last one that an attempt before this one has told of. */
  readonly told?: number | undefined
  /** How many are kept for the record of the load, and how many bytes of each; absent: none. */
  readonly keeps?: { readonly most: number; readonly rawLimit: number } | undefined
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
  #waiting: Waiting[] = []
  /** Whether they are in the order of the input. */
  #isSorted = true
  #waitingBytes = 0
  /** Whether rows wait for the target's word, and those that need not any more. */
  #waits = false
  #settled = 0
  #number = 0
  /** The one handed on last. */
  #last: Reject | undefined
  /** Rows that the decoder has told of, and that the target has refused, those included that are beyond the limit by themselves. */
  #fromDecoder = 0
  #fromTarget = 0
  #replacedByTarget = 0
  readonly #kept: Reject[] = []
  #told: number | undefined
  #keptBytes = 0
  #file: RejectFile | undefined
  readonly #diagnosis = new Diagnosis((raw) => this.text(raw))
  #excess: CopyError | undefined

  constructor(init: RejectLogInit) {
    this.#init = init
    this.#told = init.told
  }

  /** A record's bytes as UTF-8. */
  readonly text = (raw: Buffer): Buffer => {
    const { encoding } = this.#init.statement.options
    return encoding === 'UTF8' ? raw : toUtf8(raw, this.#native?.counters().encoding ?? encoding)
  }

  /** How many records the decoder should tell of, and how much of each. */
  get wants(): { readonly rawLimit: number; readonly most: number } {
    const { onReject, path, keeps } = this.#init
    const streams = onReject !== undefined || path !== undefined
    if (streams) return { rawLimit: 2 ** 30, most: Number.MAX_SAFE_INTEGER }
    // As much as cures want to be tried on, whatever is recorded, and the row at which the load fails.
    const most = Math.min(Number.MAX_SAFE_INTEGER, (this.#mostRows ?? 0) + 1)
    return {
      rawLimit: Math.max(MOST_RAW, keeps?.rawLimit ?? 0),
      most: Math.max(MOST_KEPT, keeps?.most ?? 0, most),
    }
  }

  /** Rows that may be refused, where that is a number of rows. */
  get #mostRows(): number | undefined {
    const { limit } = this.#init.statement.options.errors
    return limit?.kind === 'rows' ? limit.most : undefined
  }

  /** Rows that count against the limit: refused ones, and those with a value that was replaced. */
  get #counted(): number {
    return this.count + this.replaced
  }

  /** Rows refused so far; beyond the limit, as many as it took. */
  get count(): number {
    if (this.#isBeyond) return this.#number
    return (this.#native?.counters().rowsRefused ?? 0) + this.#fromTarget
  }

  /** Rows with a value that was replaced. */
  get replaced(): number {
    return (this.#native?.counters().rowsMended ?? 0) + this.#replacedByTarget
  }

  /** Offset of the last one that `onReject` knows of: it is told of all in the order of the input. */
  get told(): number | undefined {
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
    const inUtf8 = { ...kit, options: { ...kit.options, encoding: 'UTF8' as const } }
    // Cures are changes of delimited fields, one after the other.
    const isPlain = kit.options.fixed === undefined && kit.options.backslash === undefined && kit.fields === undefined
    return this.#diagnosis.groups(isPlain ? inUtf8 : undefined, this.#native?.counters().rowsRead)
  }

  /** Begins to take rows of a load. Throws when the file for rejects cannot be opened. */
  attach(native: NativeLoad, waits: boolean): void {
    const { path, statement, columns, input } = this.#init
    this.#native = native
    this.#waits = waits
    if (path === undefined) return
    const names = this.#init.fields ?? columns.map(({ name }) => name)
    const encoding = () => this.#native?.counters().encoding ?? 'UTF8'
    this.#file = new RejectFile(path, statement, names, { input, encoding })
  }

  /** Closes the file of rejects, if there is one. Throws when rows could not be written to it. */
  close(): void {
    const file = this.#file
    this.#file = undefined
    file?.close()
  }

  /**
   * Takes what the decoder refuses. Throws when it is too much. Whether it is enough: no row behind them can be among those that the
   * load fails at, but it is not known yet which of those before them the target refuses.
   */
  readonly takeNative = (rejects: readonly NativeReject[]): boolean => {
    const { columns, file } = this.#init
    const most = this.#mostRows ?? Number.POSITIVE_INFINITY
    for (const { line, lastLine, byteOffset, byteLength, flaws, raw, isCut } of rejects) {
      // Those beyond the limit are known by accident of how much was read at a time.
      if (this.#fromDecoder > most) break
      this.#fromDecoder += 1
      const errors: RejectError[] = []
      for (const flaw of flaws) errors.push(errorOf(flaw, columns))
      this.#wait({ number: 0, file, line, lastLine, byteOffset, byteLength, errors, raw, rawIsCut: isCut })
    }
    if (!this.#waits || this.#isSettled) this.#emit(Number.POSITIVE_INFINITY)
    return this.#fromDecoder > most
  }

  /** What the target refuses. */
  refusals(tolerates: RowRefusals['tolerates'], replaces?: RowRefusals['replaces']): RowRefusals {
    const isPressed = () => this.#waiting.length > MANY_WAITING || this.#waitingBytes > MANY_WAITING_BYTES
    return {
      tolerates,
      get isPressed() {
        return isPressed()
      },
      ...(replaces && { replaces }),
      refuse: (row, errors) => this.#refuse(row, errors),
      replace: (rows) => {
        this.#replacedByTarget += rows
        this.#checkLimit(this.#number + this.#replacedByTarget)
      },
      settle: async (row) => {
        this.#settled = row
        const last = row > 0 ? this.#native?.locate(row - 1) : undefined
        if (last) await this.#emitAll(last.byteOffset)
      },
    }
  }

  /** Hands on what is left, at the load's end or failure. */
  async finish(): Promise<void> {
    try {
      await this.#emitAll(Number.POSITIVE_INFINITY)
    } finally {
      this.close()
    }
  }

  /** Throws when it was too much in the end: a share of all rows can be judged only then. */
  checkEnd(rowsRead: number): void {
    this.#checkLimit(this.#counted)
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
    return this.#number > (this.#mostRows ?? Number.POSITIVE_INFINITY)
  }

  #wait(reject: Waiting): void {
    this.#isSorted &&= (this.#waiting.at(-1)?.byteOffset ?? 0) <= reject.byteOffset
    this.#waiting.push(reject)
    this.#waitingBytes += OVERHEAD + reject.raw.length
  }

  #refuse(row: number, errors: readonly RowError[]): void {
    const { columns, file } = this.#init
    this.#fromTarget += 1
    // They come in the order of the input, so that it is behind as many of its kind.
    if (this.#fromTarget - 1 > (this.#mostRows ?? Number.POSITIVE_INFINITY)) return
    const place = this.#native?.locate(row)
    const raw = this.#native?.record?.(row) ?? Buffer.alloc(0)
    const { rawLimit } = this.wants
    this.#wait({
      number: 0,
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
  }

  #checkLimit(counted: number): void {
    const { errors } = this.#init.statement.options
    if (errors.limit?.kind !== 'rows' || counted <= errors.limit.most) return
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
    const last = this.#last
    const error = last?.errors[0]
    this.#excess = new CopyError({
      code: 'invalid_text_representation',
      sqlState: '22P02',
      message,
      ...(last && error && { detail: `The last of them: line ${last.line}${column(error)}: ${error.message}` }),
      hint: `Nothing was loaded. Raise ${statement.options.errors.limit?.name ?? 'the limit'}, or mend the input.`,
      position: { file, ...(last && { line: last.lastLine, byteOffset: last.byteOffset }) },
      ...(last && { context: `COPY ${this.#init.kit.table}, line ${last.lastLine}${contextOf(error)}` }),
    })
    return this.#excess
  }

  /** Hands on the rows up to an offset in the input. */
  async #emitAll(upTo: number): Promise<void> {
    while (this.#emit(upTo)) await nextTurn()
  }

  /** Hands on rows up to an offset in the input, some of many; whether there may be more. */
  #emit(upTo: number): boolean {
    const waiting = this.#waiting
    // Behind the row at which the load fails, none is told, however many are known.
    if (waiting.length === 0 || this.#excess !== undefined) return false
    const most = this.#mostRows ?? Number.POSITIVE_INFINITY
    if (!this.#isSorted) waiting.sort((a, b) => a.byteOffset - b.byteOffset)
    this.#isSorted = true
    let end = 0
    while (end < EMITTED_AT_ONCE && end < waiting.length && (waiting[end]?.byteOffset ?? 0) <= upTo) end += 1
    if (end === 0) return false
    this.#waiting = waiting.slice(end)
    // Also those whose turn does not come, because the file of rejects cannot be written.
    for (let index = 0; index < end; index += 1) this.#waitingBytes -= OVERHEAD + (waiting[index]?.raw.length ?? 0)
    for (let index = 0; index < end && this.#number <= most; index += 1) {
      const reject = waiting[index]
      if (reject === undefined) continue
      this.#number += 1
      reject.number = this.#number
      this.#hand(reject)
    }
    this.#file?.check()
    this.#checkLimit(this.#number)
    return end === EMITTED_AT_ONCE
  }

  #keep(reject: Reject, { most, rawLimit }: { readonly most: number; readonly rawLimit: number }): void {
    if (this.#kept.length >= most) return
    const bytes = OVERHEAD + Math.min(reject.raw.length, rawLimit)
    const room = Math.max(MOST_KEPT_BYTES * Math.max(1, most / MOST_KEPT), OVERHEAD + rawLimit)
    if (this.#keptBytes + bytes > room) return
    this.#keptBytes += bytes
    const isLong = reject.raw.length > rawLimit
    // A copy: a part would hold on to the whole.
    this.#kept.push(isLong ? { ...reject, raw: Buffer.from(reject.raw.subarray(0, rawLimit)), rawIsCut: true } : reject)
  }

  #hand(reject: Reject): void {
    const { keeps, onReject } = this.#init
    this.#diagnosis.add(reject)
    this.#last = reject
    if (keeps !== undefined) this.#keep(reject, keeps)
    this.#file?.write(reject.raw, reject.byteOffset, reject.byteOffset + reject.byteLength)
    if (onReject !== undefined && reject.byteOffset > (this.#told ?? -1)) {
      this.#told = reject.byteOffset
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

/** Written out for each kind there is: objects that are put together from parts cost most of the time it takes to tell of a row. */
function errorOf(flaw: NativeFlaw, columns: readonly TargetColumn[]): RejectError {
  const { column: index, code, sqlState, message, detail, value } = flaw
  const of = index === undefined ? undefined : columns[index]
  if (of === undefined || index === undefined) {
    const error = value === undefined ? { sqlState, code, message } : { sqlState, code, message, value }
    return detail === undefined ? error : { ...error, detail }
  }
  const { name: column, typeName: type } = of
  const field = index + 1
  if (value === undefined) {
    const error = { column, type, field, sqlState, code, message }
    return detail === undefined ? error : { ...error, detail }
  }
  if (detail === undefined) return { column, type, field, sqlState, code, message, value }
  return { column, type, field, sqlState, code, message, detail, value }
}

/** Bytes of a value that PostgreSQL shows in a CONTEXT. */
const SHOWN = 100

/** The column and the value, as PostgreSQL's CONTEXT has them behind the line. */
function contextOf(error: RejectError | undefined): string {
  if (error?.column === undefined) return ''
  const { column: name, value } = error
  if (value === undefined) return `, column ${name}`
  const bytes = Buffer.from(value)
  let end = SHOWN
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return `, column ${name}: "${bytes.length > SHOWN ? `${bytes.toString('utf8', 0, end)}...` : value}"`
}

function column({ column: name, value }: RejectError): string {
  return name === undefined ? '' : `, column ${name}${value === undefined ? '' : ` "${value.slice(0, 100)}"`}`
}
