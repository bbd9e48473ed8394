import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CureKit } from './cures/kit.ts'
import { Diagnosis, type DiagnosisGroup, errorsBytes } from './diagnosis.ts'
import { CopyError } from './errors.ts'
import type { RecordedReject } from './ledger/records.ts'
import type { NativeFlaw, NativeLoad, NativeReject, RowPlace, RowRecord } from './native/load.ts'
import { toUtf8 } from './native/text.ts'
import { type InputFile, RejectFile } from './reject-file.ts'
import { MOST_KEPT, MOST_RAW, type Reject, type RejectError, type ReplacedRow, type ReplacedValue } from './rejects.ts'
import { type CopyFrom, isColumnar, unitOf } from './statement/ast.ts'
import type { KnownValues, PostponedRow, RowError, RowRefusals, TargetColumn } from './target/target.ts'

/** Bytes of rejects that are kept for the record of the load, where no more than {@link MOST_KEPT} are asked for. */
const MOST_KEPT_BYTES = 32 << 20
/** Rejects that wait for the rows before them, and their bytes, from which on these are to be dealt with. */
const MANY_WAITING = 5_000
const MANY_WAITING_BYTES = 8 << 20
/** Rows of the target that are located together. */
const LOCATED_AT_ONCE = 128
/** Rows that the target is asked about at once, and those, with the bytes of their values, from which on it is to be. */
const ASKED_AT_ONCE = 1_000
const MANY_UNASKED = 4_000
const MANY_UNASKED_BYTES = 8 << 20
/** Characters of a value that is asked about: longer ones are not known. */
const LONGEST_ASKED = 4_096
/** About what a reject takes besides its bytes, and what is part of that of its errors. */
const OVERHEAD = 512
const ORDINARY_ERRORS = 384

/** Rows that are handed on between two turns of the event loop. */
const EMITTED_AT_ONCE = 1_000

/** A refused row that gets its number when it is handed on. */
interface WaitingReject extends Omit<Reject, 'number' | 'errors'> {
  number: number
  errors: readonly RejectError[]
  /** Where records have numbers: how many come before it in the input, or how many rows that the decoder has handed out. */
  readonly before?: { readonly records: number } | { readonly rows: number } | { readonly all: number | undefined }
}

/** The same of a row with replaced values. */
interface WaitingReplaced extends Omit<ReplacedRow, 'number'> {
  number: number
}

/** One of them, and its place among the records of all inputs. */
interface Waiting {
  readonly position: number
  readonly fileIndex: number
  row: WaitingReject | WaitingReplaced
  /** It is told at the end, behind others that come later in the input. */
  readonly isLate?: boolean
  /** The target is still to be asked what else is wrong with it. */
  isUnasked?: boolean
}

/** A refused row that the target is to be asked about. */
interface Unasked {
  readonly waiting: Waiting
  readonly row: WaitingReject
  readonly values: KnownValues
  readonly bytes: number
}

/** What is known of a row that may be refused at the end of the load only. */
interface Postponed extends Pick<Reject, 'file' | 'line' | 'lastLine' | 'byteOffset' | 'byteLength' | 'rawIsCut'> {
  readonly position: number
  readonly fileIndex: number
  /** Values that the decoder has replaced. */
  readonly values?: readonly ReplacedValue[]
  readonly recordsBefore?: number
}

/** Positions of the last rows that the caller has been told of. */
export interface Told {
  readonly rejected: number
  readonly replaced: number
}

/** What becomes of refused rows. */
export interface RejectLogInit {
  readonly statement: CopyFrom
  /** The input's name. */
  readonly file: string
  /** The columns that are loaded, in the order of the input's fields. */
  readonly columns: readonly TargetColumn[]
  /** Called with each, in the order of the input, whether an attempt before this one has told of it or not; gives it as it is told. */
  readonly note?: (reject: Reject) => Reject
  /** Called with each, in the order of the input. */
  readonly onReject?: (reject: Reject) => void
  /** Called with each row that is loaded with replaced values, in the order of the input, refused ones among them. */
  readonly onReplace?: (row: ReplacedRow) => void
  /** What a record is in the program's rows, if these are the input. */
  readonly asGiven?: (record: Pick<Reject, 'raw' | 'byteLength'>) => Pick<Reject, 'raw' | 'byteLength'>
  /** What the fields of a record are called, where they are not the columns' one after the other. */
  readonly fields?: readonly string[]
  /** Where their bytes are written, as they were read. */
  readonly path?: string
  /** What must not be written over. */
  readonly input?: InputFile
  /** What an attempt before this one has told of. */
  readonly told?: Told | undefined
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
  /** Rows of the target that are to be located. One by one, that was most of what they cost. */
  #unlocated: { readonly row: number; readonly errors: readonly RowError[]; readonly isReplaced: boolean }[] = []
  /** Those that the target is still to be asked about, in the order of the input. */
  #unasked: Unasked[] = []
  #unaskedBytes = 0
  #isAsking = false
  /** Those that are told behind all others. */
  #late: Waiting[] = []
  /** Whether they are in the order of the input. */
  #isSorted = true
  #waitingBytes = 0
  /** Whether rows wait for the target's word, and those that need not any more. */
  #waits = false
  #settled = 0
  #number = 0
  /** What the input is in, once it is known. */
  #encoding: string | undefined
  /** The one handed on last. */
  #last: Waiting['row'] | undefined
  /** Rows that the decoder has told of, and that the target has refused, those included that are beyond the limit by themselves. */
  #fromDecoder = 0
  #fromTarget = 0
  /** By the number of the file: one may be read twice. */
  readonly #handedByFile = new Map<number, number>()
  readonly #fromTargetByFile = new Map<number, number>()
  readonly #replacedByFile = new Map<number, number>()
  #replacedByTarget = 0
  readonly #kept: RecordedReject[] = []
  /** Rows handed on that the decoder has refused. */
  #handedOfDecoder = 0
  /** Where records have numbers: the positions of those that wait, behind some of the others. */
  readonly #positions: number[] = []
  #positionsGone = 0
  readonly #keptReplaced: ReplacedRow[] = []
  readonly #told: { rejected: number; replaced: number }
  #keptBytes = 0
  #keptReplacedBytes = 0
  #replacedNumber = 0
  /** Rows that had values replaced and were refused all the same, or had others replaced by the target, which count there. */
  #replacedInVain = 0
  #lastNamed: readonly [RowError, RejectError] | undefined
  #file: RejectFile | undefined
  readonly #diagnosis = new Diagnosis((raw) => this.text(raw))
  readonly #replacedDiagnosis = new Diagnosis((raw) => this.text(raw))
  #excess: CopyError | undefined

  constructor(init: RejectLogInit) {
    this.#init = init
    this.#told = { rejected: -1, replaced: -1, ...init.told }
  }

  /** A record's bytes as UTF-8. */
  readonly text = (raw: Buffer): Buffer => {
    const { encoding } = this.#init.statement.options
    if (encoding === 'UTF8') return raw
    this.#encoding ??= this.#native?.counters().encoding
    return toUtf8(raw, this.#encoding ?? encoding)
  }

  /** How many records the decoder should tell of, and how much of each. */
  get wants(): { readonly rawLimit: number; readonly most: number } {
    const { note, onReject, onReplace, path, keeps } = this.#init
    const streams = [note, onReject, onReplace, path].some((want) => want !== undefined)
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

  /** Whether records have numbers, which COPY REJECTS is to give them again. */
  get #isNumbered(): boolean {
    return this.#init.statement.options.sequence !== undefined
  }

  /** Whether a row with replaced values counts against the limit. Of ACCEPTANYDATE it is no error. */
  get #countsReplaced(): boolean {
    return replacementOf(this.#init.statement) !== undefined
  }

  /** Rows that count against the limit: refused ones, and those with a value that was replaced. */
  get #counted(): number {
    return this.count + (this.#countsReplaced ? this.replaced : 0)
  }

  /** The same of those that were handed on. */
  get #countedSoFar(): number {
    return this.#number + (this.#countsReplaced ? this.#replacedNumber : 0)
  }

  /** Rows refused so far; beyond the limit, as many as it took. */
  get count(): number {
    if (this.#isBeyond) return this.#number
    return (this.#native?.counters().rowsRefused ?? 0) + this.#fromTarget
  }

  /** The same of a file, by its number among the inputs, of whose rows the decoder has refused so many. */
  countOf(file: number, byDecoder: number): number {
    if (this.#isBeyond) return this.#handedByFile.get(file) ?? 0
    return byDecoder + (this.#fromTargetByFile.get(file) ?? 0)
  }

  /** Rows of a file with a value that the target has replaced, less those that were replaced in vain. */
  replacedByTarget(file: number): number {
    return this.#replacedByFile.get(file) ?? 0
  }

  /** Rows with a value that was replaced; beyond the limit, as many as it took. */
  get replaced(): number {
    if (this.#isBeyond) return this.#replacedNumber
    return (this.#native?.counters().rowsMended ?? 0) + this.#replacedByTarget - this.#replacedInVain
  }

  /** What the caller knows of: it is told of all in the order of the input. */
  get told(): Told {
    return this.#told
  }

  /** Rows with replaced values that are kept for the record of the load. */
  get keptReplaced(): readonly ReplacedRow[] {
    return this.#keptReplaced
  }

  /** Those kept for the record of the load. */
  get kept(): readonly RecordedReject[] {
    return this.#kept
  }

  /** The error of a load whose limit was exceeded. */
  get excess(): CopyError | undefined {
    return this.#excess
  }

  /** What was wrong with the rows that were handed on, and what would cure it. */
  diagnose(): Promise<DiagnosisGroup[]> {
    return this.#diagnosis.groups(this.#cureKit, this.#native?.counters().rowsRead, this.#init.file)
  }

  /** The same of values that were replaced. */
  diagnoseReplaced(): Promise<DiagnosisGroup[]> {
    return this.#replacedDiagnosis.groups(this.#cureKit, this.#native?.counters().rowsRead, this.#init.file)
  }

  get #cureKit(): CureKit | undefined {
    const { kit } = this.#init
    // Cures are changes of delimited fields, one after the other.
    if (isColumnar(kit.options.format)) return undefined
    const isPlain = kit.options.fixed === undefined && kit.options.backslash === undefined && kit.fields === undefined
    if (!isPlain) return undefined
    // What is replaced is to be told as an error; and the records are given as UTF-8.
    const columns = kit.columns.map(({ conversion: _, isTold: __, ...column }) => column)
    return { ...kit, columns, options: { ...kit.options, encoding: 'UTF8' as const } }
  }

  /** Begins to take rows of a load. Throws when the file for rejects cannot be opened. */
  attach(native: NativeLoad, waits: boolean): void {
    const { path, statement, columns, input } = this.#init
    this.#native = native
    this.#waits = waits
    if (path === undefined) return
    const names = this.#init.fields ?? columns.map(({ name }) => name)
    this.#file = new RejectFile(path, statement, names, { input, native })
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
    const { columns } = this.#init
    const most = this.#mostRows ?? Number.POSITIVE_INFINITY
    for (const { file, position, line, lastLine, byteOffset, byteLength, flaws, raw, isCut, ...more } of rejects) {
      // Those beyond the limit are known by accident of how much was read at a time.
      if (this.#fromDecoder > most) break
      const { isMended, recordsBefore, fileIndex = 0, told } = more
      if (!isMended || this.#countsReplaced) this.#fromDecoder += 1
      const errors: RejectError[] = []
      for (const flaw of flaws) errors.push(errorOf(flaw, columns))
      if (isMended) {
        const values = this.#replaced(errors)
        const row = { number: 0, file, line, lastLine, byteOffset, byteLength, values, raw, rawIsCut: isCut }
        this.#wait({ position, fileIndex, row })
        continue
      }
      const reject = { number: 0, file, line, lastLine, byteOffset, byteLength, errors, raw, rawIsCut: isCut }
      const row = this.#isNumbered ? { ...reject, before: { records: recordsBefore } } : reject
      if (this.#isNumbered) this.#positions.push(position)
      const waiting = { position, fileIndex, row }
      if (told !== undefined && this.#isAsking) this.#mustBeAsked(waiting, row, told)
      this.#wait(waiting)
    }
    if (!this.#waits || this.#isSettled) this.#emit(Number.POSITIVE_INFINITY)
    return this.#fromDecoder > most
  }

  /** What the target refuses. */
  refusals(tolerates: RowRefusals['tolerates'], replaces?: RowRefusals['replaces']): RowRefusals {
    const isPressed = () =>
      this.#waiting.length + this.#unlocated.length > MANY_WAITING || this.#waitingBytes > MANY_WAITING_BYTES
    const mustAsk = () => this.#unasked.length > MANY_UNASKED || this.#unaskedBytes > MANY_UNASKED_BYTES
    this.#isAsking = true
    return {
      tolerates,
      askMore: (question) => this.#ask(question),
      get mustAsk() {
        return mustAsk()
      },
      get isPressed() {
        return isPressed()
      },
      ...(replaces && { replaces }),
      refuse: (row, errors) => this.#refuse(row, errors),
      replace: (row, errors) => {
        this.#replacedByTarget += 1
        const most = this.#mostRows ?? Number.POSITIVE_INFINITY
        if (this.#replacedByTarget - 1 > most) return
        this.#locate(row, errors, true)
      },
      settle: async (row) => {
        this.#locateAll()
        this.#settled = row
        const last = row > 0 ? this.#native?.locate(row - 1) : undefined
        if (last) await this.#emitAll(last.position)
      },
      postpone: (row) => this.#postpone(row),
      conclude: (row, errors) => this.#conclude(row, errors),
      settleLate: async () => {
        await this.#emitAll(Number.POSITIVE_INFINITY)
        this.#waiting = this.#late
        this.#late = []
        for (const { row } of this.#waiting) this.#waitingBytes += bytesOf(row)
        await this.#emitAll(Number.POSITIVE_INFINITY)
      },
    }
  }

  #mustBeAsked(waiting: Waiting, row: WaitingReject, told: NonNullable<NativeReject['told']>): void {
    const known = told.filter(([, text]) => (text?.length ?? 0) <= LONGEST_ASKED)
    if (known.length === 0) return
    const bytes = known.reduce((sum, [, text]) => sum + (text?.length ?? 0), 0)
    waiting.isUnasked = true
    this.#unasked.push({ waiting, row, values: new Map(known), bytes })
    this.#unaskedBytes += bytes
  }

  async #ask(question: Parameters<RowRefusals['askMore']>[0]): Promise<void> {
    // More may come meanwhile, whose turn is later.
    for (let left = this.#unasked.length; left > 0; ) {
      const asked = this.#unasked.splice(0, Math.min(left, ASKED_AT_ONCE))
      left -= asked.length
      const answers = await question(asked.map(({ values }) => values))
      for (const [index, { waiting, row, bytes }] of asked.entries()) {
        this.#unaskedBytes -= bytes
        waiting.isUnasked = false
        const more = this.#named(answers[index] ?? [])
        if (more.length === 0) continue
        const before = bytesOf(row)
        row.errors = [...row.errors, ...more].sort((one, other) => fieldOf(one) - fieldOf(other))
        this.#waitingBytes += bytesOf(row) - before
      }
    }
  }

  #sort(): void {
    this.#locateAll()
    if (!this.#isSorted) this.#waiting.sort((a, b) => a.position - b.position)
    this.#isSorted = true
  }

  #postpone(row: number): PostponedRow {
    this.#sort()
    const { place: at, raw } = this.#recordsOf([row])[0] as RowRecord
    const { position, fileIndex = 0 } = at
    const { raw: _, ...place } = placeOf(at, raw)
    const index = indexOf(this.#waiting, position, 0, (waiting) => waiting.position)
    const mended = this.#waiting[index]
    const isMended = mended?.position === position && 'values' in mended.row
    // Whether it is loaded with these is not known yet.
    if (isMended) {
      this.#waiting.splice(index, 1)
      this.#waitingBytes -= bytesOf(mended.row)
    }
    let recordsBefore: number | undefined
    if (this.#isNumbered && this.#number <= this.wants.most) {
      // Very many may be asked about, between very many that wait.
      const before = indexOf(this.#positions, position, this.#positionsGone, (each) => each) - this.#positionsGone
      recordsBefore = row + this.#handedOfDecoder + before
    }
    const record: Postponed = {
      position,
      fileIndex,
      ...place,
      ...(isMended && { values: (mended.row as WaitingReplaced).values }),
      ...(recordsBefore !== undefined && { recordsBefore }),
    }
    return { record: JSON.stringify(record), raw }
  }

  #conclude({ record, raw }: PostponedRow, errors: readonly RowError[]): void {
    const { position, fileIndex, values, recordsBefore, ...place } = JSON.parse(record) as Postponed
    if (errors.length === 0) {
      if (values) this.#late.push({ position, fileIndex, row: { number: 0, ...place, values, raw }, isLate: true })
      return
    }
    if (values) this.#replacedInVain += 1
    this.#fromTarget += 1
    if (this.#fromTarget - 1 > (this.#mostRows ?? Number.POSITIVE_INFINITY)) return
    count(this.#fromTargetByFile, fileIndex, 1)
    const reject = { number: 0, ...place, errors: this.#named(errors), raw }
    const row = this.#isNumbered ? { ...reject, before: { all: recordsBefore } } : reject
    this.#late.push({ position, fileIndex, row, isLate: true })
    if (values) count(this.#replacedByFile, fileIndex, -1)
  }

  /** Hands on what is left, at the load's end or failure. */
  async finish(): Promise<void> {
    try {
      // Of a load that has failed nobody can ask any more.
      for (const { waiting } of this.#unasked) waiting.isUnasked = false
      this.#unasked = []
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
    if (limit?.kind !== 'ratio' || !isMoreThan(counted, limit.most, rowsRead)) return
    const replacement = replacementOf(this.#init.statement)
    const share = `more than ${limit.name} (${limit.most} %) of the rows: ${counted} of ${rowsRead}`
    throw this.#tooMany(replacement === undefined ? `skipped ${share}` : `set columns to ${replacement} in ${share}`)
  }

  /** Whether the target has no row that it has not dealt with. */
  get #isSettled(): boolean {
    const { rowsRead = 0, rowsRefused = 0 } = this.#native?.counters() ?? {}
    return this.#settled === rowsRead - rowsRefused
  }

  get #isBeyond(): boolean {
    return this.#countedSoFar > (this.#mostRows ?? Number.POSITIVE_INFINITY)
  }

  #wait(waiting: Waiting): void {
    this.#isSorted &&= (this.#waiting.at(-1)?.position ?? 0) <= waiting.position
    this.#waiting.push(waiting)
    this.#waitingBytes += bytesOf(waiting.row)
  }

  #refuse(row: number, errors: readonly RowError[]): void {
    this.#fromTarget += 1
    // They come in the order of the input, so that it is behind as many of its kind.
    if (this.#fromTarget - 1 > (this.#mostRows ?? Number.POSITIVE_INFINITY)) return
    this.#locate(row, errors, false)
  }

  /** Takes a row that the target refuses, or has replaced values of, which is to be located. */
  #locate(row: number, errors: readonly RowError[], isReplaced: boolean): void {
    this.#unlocated.push({ row, errors, isReplaced })
    if (this.#unlocated.length >= LOCATED_AT_ONCE) this.#locateAll()
  }

  #locateAll(): void {
    const all = this.#unlocated
    if (all.length === 0) return
    this.#unlocated = []
    const records = this.#recordsOf(all.map(({ row }) => row))
    for (const [index, { row, errors, isReplaced }] of all.entries()) {
      const { place, raw } = records[index] as RowRecord
      const { position, fileIndex = 0 } = place
      const found = placeOf(place, raw)
      const named = this.#named(errors)
      if (isReplaced) {
        count(this.#replacedByFile, fileIndex, 1)
        this.#wait({ position, fileIndex, row: { number: 0, ...found, values: this.#replaced(named) } })
      } else {
        count(this.#fromTargetByFile, fileIndex, 1)
        const reject = { number: 0, ...found, errors: named }
        this.#wait({ position, fileIndex, row: this.#isNumbered ? { ...reject, before: { rows: row } } : reject })
      }
    }
  }

  /** Rows that the decoder has handed out, with their places and bytes. */
  #recordsOf(rows: readonly number[]): readonly (RowRecord | undefined)[] {
    const { asGiven } = this.#init
    let records = this.#native?.records?.(rows, this.wants.rawLimit) ?? []
    const unknown = rows.find((_, index) => records[index] === undefined)
    if (unknown !== undefined) throw unknownPlace(unknown)
    if (asGiven !== undefined) {
      records = records.map((record) => {
        if (record === undefined) return record
        const { raw, byteLength } = asGiven({ raw: record.raw, byteLength: record.place.byteLength })
        return { raw, place: { ...record.place, byteLength } }
      })
    }
    return records
  }

  /** Errors with the types and fields of their columns. */
  #named(errors: readonly RowError[]): RejectError[] {
    const named: RejectError[] = []
    for (const error of errors) named.push(this.#nameOf(error))
    return named
  }

  #nameOf(error: RowError): RejectError {
    // Rows that one condition refuses mostly have one error together.
    const [last, known] = this.#lastNamed ?? []
    if (last === error && known !== undefined) return known
    const { columns } = this.#init
    const index = error.column === undefined ? -1 : columns.findIndex(({ name }) => name === error.column)
    const named = index < 0 ? error : errorOf({ ...error, column: index }, columns)
    this.#lastNamed = [error, named]
    return named
  }

  /** Values that did not fit, with what is in their place. */
  #replaced(errors: readonly RejectError[]): ReplacedValue[] {
    const { columns, statement, kit } = this.#init
    const isDefault = replacementOf(statement) === 'default'
    return errors.map((error) => {
      const index = (error.field ?? 0) - 1
      // Dates of ACCEPTANYDATE become NULL whatever the policy.
      const hasDefault =
        isDefault && columns[index]?.hasDefault === true && kit.columns[index]?.conversion === undefined
      return { ...error, column: error.column ?? '', replacement: hasDefault ? 'default' : 'null' }
    })
  }

  #checkLimit(counted: number): void {
    const { errors } = this.#init.statement.options
    if (errors.limit?.kind !== 'rows' || counted <= errors.limit.most) return
    const { name, most } = errors.limit
    const reason =
      errors.constraint === 'stop' && errors.structure === 'stop' ? ' due to data type incompatibility' : ''
    const replacement = replacementOf(this.#init.statement)
    // Redshift's number is that at which the load fails.
    const message =
      name === 'MAXERROR'
        ? `skipped ${name} (${most + 1}) rows`
        : replacement === undefined
          ? `skipped more than ${name} (${most}) rows${reason}`
          : `set columns to ${replacement} in more than ${name} (${most}) rows${reason}`
    throw this.#tooMany(message)
  }

  #tooMany(message: string): CopyError {
    const { statement } = this.#init
    const unit = unitOf(statement.options)
    const last = this.#last
    const file = last?.file ?? this.#init.file
    const error = last && ('values' in last ? last.values[0] : last.errors[0])
    const place = file === this.#init.file ? '' : `file "${file}", `
    this.#excess = new CopyError({
      code: 'invalid_text_representation',
      sqlState: '22P02',
      message,
      ...(last &&
        error && { detail: `The last of them: ${place}${unit} ${last.line}${column(error)}: ${error.message}` }),
      hint: `Nothing was loaded. Raise ${statement.options.errors.limit?.name ?? 'the limit'}, or mend the input.`,
      position: {
        file,
        ...(last && { line: last.lastLine, ...(unit === 'line' && { byteOffset: last.byteOffset }) }),
        ...(error?.column !== undefined && { column: error.column }),
      },
      ...(last && { context: `COPY ${this.#init.kit.table}, ${unit} ${last.lastLine}${contextOf(error)}` }),
    })
    return this.#excess
  }

  /** Hands on the rows up to a position in the input. */
  async #emitAll(upTo: number): Promise<void> {
    while (this.#emit(upTo)) await nextTurn()
  }

  /** Hands on rows up to a position in the input, some of many; whether there may be more. */
  #emit(upTo: number): boolean {
    this.#sort()
    const waiting = this.#waiting
    // Behind the row at which the load fails, none is told, however many are known.
    if (waiting.length === 0 || this.#excess !== undefined) return false
    const most = this.#mostRows ?? Number.POSITIVE_INFINITY
    let end = 0
    const isTold = (next: Waiting | undefined) => next !== undefined && next.position <= upTo && !next.isUnasked
    while (end < EMITTED_AT_ONCE && isTold(waiting[end])) end += 1
    if (end === 0) return false
    this.#waiting = waiting.slice(end)
    // Also those whose turn does not come, because the file of rejects cannot be written.
    for (const { row } of waiting.slice(0, end)) this.#waitingBytes -= bytesOf(row)
    for (let index = 0; index < end && this.#countedSoFar <= most; index += 1) {
      const next = waiting[index]
      if (next === undefined) continue
      const { position, fileIndex, row, isLate } = next
      this.#last = row
      if ('values' in row) {
        const other = waiting[index + 1]
        // The target has replaced others of its values, or refused it all the same: of one place the decoder's word comes first.
        if (other?.position === position) {
          if ('values' in other.row) {
            const values = [...row.values, ...other.row.values].sort((a, b) => (a.field ?? 0) - (b.field ?? 0))
            const merged = { ...other.row, values }
            if (index + 1 >= end) this.#waitingBytes += bytesOf(merged) - bytesOf(other.row)
            other.row = merged
          }
          this.#replacedInVain += 1
          count(this.#replacedByFile, fileIndex, -1)
        } else this.#handReplaced(isLate ? Number.POSITIVE_INFINITY : position, row)
        continue
      }
      this.#number += 1
      row.number = this.#number
      count(this.#handedByFile, fileIndex, 1)
      // No later attempt tells of it once more.
      const told = isLate ? Number.POSITIVE_INFINITY : position
      if (row.before === undefined) this.#hand(told, row)
      else this.#handNumbered(told, row, row.before)
    }
    this.#file?.check()
    this.#checkLimit(this.#countedSoFar)
    return end === EMITTED_AT_ONCE
  }

  #keep(reject: RecordedReject, { most, rawLimit }: { readonly most: number; readonly rawLimit: number }): void {
    if (this.#kept.length >= most) return
    const bytes = bytesOf(reject) - Math.max(0, reject.raw.length - rawLimit)
    const room = Math.max(MOST_KEPT_BYTES * Math.max(1, most / MOST_KEPT), OVERHEAD + rawLimit)
    // One is kept, whatever its errors quote of it.
    if (this.#kept.length > 0 && this.#keptBytes + bytes > room) return
    this.#keptBytes += bytes
    const isLong = reject.raw.length > rawLimit
    // A copy: a part would hold on to the whole.
    this.#kept.push(isLong ? { ...reject, raw: Buffer.from(reject.raw.subarray(0, rawLimit)), rawIsCut: true } : reject)
  }

  /** The number of a record is for COPY REJECTS alone. */
  #handNumbered(
    position: number,
    { before: _, ...reject }: WaitingReject,
    before: NonNullable<WaitingReject['before']>,
  ): void {
    if ('all' in before) {
      this.#hand(position, reject, before.all)
      return
    }
    if ('records' in before) {
      this.#handedOfDecoder += 1
      this.#positionsGone += 1
      if (this.#positionsGone === MANY_WAITING) this.#positions.splice(0, this.#positionsGone)
      this.#positionsGone %= MANY_WAITING
      this.#hand(position, reject, before.records)
      return
    }
    // Of those before it the decoder may not have told all.
    const isKnown = this.#number <= this.wants.most
    this.#hand(position, reject, isKnown ? before.rows + this.#handedOfDecoder : undefined)
  }

  #hand(position: number, reject: Reject, recordsBefore?: number): void {
    const { keeps, note, onReject } = this.#init
    this.#diagnosis.add(reject)
    if (keeps !== undefined && (recordsBefore !== undefined || !this.#isNumbered)) {
      this.#keep(recordsBefore === undefined ? reject : { ...reject, recordsBefore }, keeps)
    }
    this.#file?.write(reject)
    const told = note?.(reject) ?? reject
    if (onReject !== undefined && position > this.#told.rejected) {
      if (Number.isFinite(position)) this.#told.rejected = position
      tell(onReject, told)
    }
  }

  #handReplaced(position: number, row: WaitingReplaced): void {
    const { keeps, onReplace } = this.#init
    this.#replacedNumber += 1
    row.number = this.#replacedNumber
    const { number, file, line, lastLine, byteOffset, byteLength, values, raw, rawIsCut } = row
    this.#replacedDiagnosis.add({ number, file, line, lastLine, byteOffset, byteLength, errors: values, raw, rawIsCut })
    if (keeps !== undefined) this.#keepReplaced(row, keeps)
    if (onReplace !== undefined && position > this.#told.replaced) {
      if (Number.isFinite(position)) this.#told.replaced = position
      tell(onReplace, row)
    }
  }

  /** The record has their values, not the bytes of the rows. */
  #keepReplaced(row: ReplacedRow, { most }: { readonly most: number }): void {
    if (this.#keptReplaced.length >= most) return
    const bytes = bytesOf({ ...row, raw: NO_BYTES })
    if (this.#keptReplacedBytes + bytes > MOST_KEPT_BYTES * Math.max(1, most / MOST_KEPT)) return
    this.#keptReplacedBytes += bytes
    this.#keptReplaced.push({ ...row, raw: NO_BYTES, rawIsCut: true })
  }
}

const NO_BYTES = Buffer.alloc(0)

/** Where a row stands, and its bytes, as a reject tells them. */
function placeOf({ file, firstLine, line, byteOffset, byteLength }: RowPlace, raw: Buffer) {
  return { file, line: firstLine, lastLine: line, byteOffset, byteLength, raw, rawIsCut: raw.length < byteLength }
}

/** A row that is told without its place would be another one, or none. */
function unknownPlace(row: number): CopyError {
  return new CopyError({
    code: 'internal_error',
    sqlState: 'XX000',
    message: `it is not known where row ${row + 1} of the load stands in its input`,
    detail: 'The target refuses it, or asks about it.',
    hint: 'Nothing was loaded. This is a defect of copyist.',
  })
}

/** About what a row takes: its record, and its errors, of which a wide row may have hundreds. */
function bytesOf(row: { readonly raw: Buffer } & (Pick<Reject, 'errors'> | Pick<ReplacedRow, 'values'>)): number {
  const errors = errorsBytes('values' in row ? row.values : row.errors)
  return OVERHEAD + row.raw.length + Math.max(0, errors - ORDINARY_ERRORS)
}

/** Whether some rows are more than a percentage of all, as that is written: 0.29 % of 100,000 are 290, and a little less in floating point. */
function isMoreThan(rows: number, percentage: number, all: number): boolean {
  const [digits = '', exponent = '0'] = String(percentage).split('e')
  const [whole = '', fraction = ''] = digits.split('.')
  const places = fraction.length - Number(exponent)
  return BigInt(rows) * 100n * 10n ** BigInt(places) > BigInt(whole + fraction) * BigInt(all)
}

/** The index of the first, of those from one on, that is not before a position. */
function indexOf<T>(all: readonly T[], position: number, from: number, positionOf: (one: T) => number): number {
  let [low, high] = [from, all.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (positionOf(all[middle] as T) < position) low = middle + 1
    else high = middle
  }
  return low
}

/** Where an error comes among those of its row: what is about several columns, or none, behind all others. */
function fieldOf({ field = Number.MAX_SAFE_INTEGER }: RejectError): number {
  return field
}

function count(counts: Map<number, number>, file: number, by: number): void {
  counts.set(file, (counts.get(file) ?? 0) + by)
}

/** What is in place of a value that does not fit, where the statement goes on after those. */
function replacementOf({ options }: CopyFrom): 'null' | 'default' | undefined {
  const { conversion } = options.errors
  return conversion === 'set_null' ? 'null' : conversion === 'set_default' ? 'default' : undefined
}

/** What the caller's function throws is not the load's error: it is thrown where the caller's other errors are. */
function tell<T>(callback: (row: T) => void, row: T): void {
  try {
    callback(row)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
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
