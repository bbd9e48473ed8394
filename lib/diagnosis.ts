import { findCures } from './cures/find.ts'
import { type CureKit, isNullWord } from './cures/kit.ts'
import type { Reject, RejectError } from './rejects.ts'

/** A refused row of a {@link DiagnosisGroup}. */
export interface DiagnosisSample {
  /** Line of the record's first byte. */
  readonly line: number
  /** Where there are several files, the one that it is in. */
  readonly file?: string
  /** The field's text; where the record as a whole is at fault, the record's. Cut when it is long. */
  readonly value: string
}

/** What would have made rows of a group loadable: tried on rows of it that were kept, one by one. */
export interface DiagnosisCure {
  /** An option of the statement, a setting of the session, or a change to the input before it is loaded. */
  readonly kind: 'option' | 'session' | 'input'
  /** What the values, or the lines, look like: 'decimal comma'. */
  readonly reason?: string
  /** An option or setting as it is written, such as `NULL 'N/A'`; what is to change in the input in words. */
  readonly change: string
  /** What else it would do. */
  readonly note?: string
  /**
   * Rows that did not have this error any more, and no new one, of those that were {@link tried}. Where the delimiter was wrong, the note says
   * what else came to light.
   */
  readonly cured: number
  readonly tried: number
}

/** Refused rows that have the same wrong with them. A row with several errors is in as many groups. */
export interface DiagnosisGroup {
  /** Absent when the record as a whole is at fault. */
  readonly column?: string
  readonly type?: string
  readonly sqlState: string
  readonly code: string
  /** The message, with … in place of what differs from row to row. */
  readonly message: string
  /**
   * How the values look: `9` for digits, `a` for letters, all else as it is, so that 1.234,56 is `9.9,9`; '' when they are empty. Words that
   * often stand for NULL are kept. Absent where there is no value.
   */
  readonly shape?: string
  readonly rows: number
  /** The first of them. */
  readonly samples: readonly DiagnosisSample[]
  /** What would cure it, the best first; absent when nothing was found. */
  readonly cures?: readonly DiagnosisCure[]
}

/** A refused row kept to try cures on. */
export interface Evidence {
  readonly line: number
  readonly raw: Buffer
  readonly value?: string
  /** The one that it is evidence of; absent where that is the row as a whole. */
  readonly error?: RejectError
  /** All errors of the row, of which no cure need remove the others. Groups share them. */
  readonly errors: readonly RejectError[]
}

/** A group while it grows. */
export interface Findings {
  readonly error: Omit<RejectError, 'message' | 'detail' | 'value'>
  readonly message: string
  readonly shape: string | undefined
  rows: number
  readonly samples: Required<DiagnosisSample>[]
  /** The value, as long as all rows have the same and it is short. */
  value: string | undefined
  readonly evidence: Evidence[]
  evidenceBytes: number
}

/** Groups of their own; what comes then goes into one of its column and reason, and beyond the second number into one for all. */
const MOST_GROUPS = 300
const MOST_GROUPS_AT_ALL = 400
const MOST_SAMPLES = 3
/** Characters of a value that are shown. */
const SHOWN = 100
const LONGEST_MESSAGE = 500
const SHAPE_SHOWN = 40
/** Rows at the beginning of the input that may be no data, and their bytes. */
const MOST_START = 21
const LONGEST_START = 4 << 10
/** Rows of a group that cures are tried on, their bytes, and the bytes of all groups. */
const MOST_EVIDENCE = 200
const EVIDENCE_BYTES = 128 << 10
const ALL_EVIDENCE_BYTES = 1 << 20
/** About what a kept row takes besides its bytes, and an error besides its texts. */
const OVERHEAD = 64
const ERROR_OVERHEAD = 128

/** Groups the refused rows of a load by what is wrong with them, and finds out what would cure it. Its memory is bounded. */
export class Diagnosis {
  readonly #groups = new Map<string, Findings>()
  /** Of each column, the group of the last error that was in one of its own. */
  readonly #last = new Map<string | undefined, Findings>()
  #evidenceBytes = 0
  /** The refused rows that the input begins with, and where the line of the next one would begin. */
  readonly #start: Evidence[] = []
  #startLine = 1
  readonly #text: (raw: Buffer) => Buffer

  /** `text` makes a record's bytes UTF-8, where they are not. */
  constructor(text: (raw: Buffer) => Buffer = (raw) => raw) {
    this.#text = text
  }

  /** Takes the next refused row, in the order of the input. */
  add(reject: Reject): void {
    // A row's bytes are part of a larger block, which is not to stay. Groups share the copy.
    let raw: Buffer | undefined
    const copy = (): Buffer => {
      if (raw === undefined) {
        raw = Buffer.from(this.#text(reject.raw))
        this.#evidenceBytes += raw.length + OVERHEAD + texts
      }
      return raw
    }
    this.#addToStart(reject)
    const texts = reject.errors.length > 1 ? errorsBytes(reject.errors) : 0
    for (const error of reject.errors) {
      const value = fieldOf(error)
      const group = this.#group(error, value)
      group.rows += 1
      if (value !== group.value) group.value = undefined
      if (group.samples.length < MOST_SAMPLES) {
        const shown = value ?? (/^23/.test(error.sqlState) ? error.detail : undefined) ?? textOf(this.#text(reject.raw))
        group.samples.push({ line: reject.line, file: reject.file, value: cut(shown, SHOWN) })
      }
      const { evidence } = group
      const bytes = reject.raw.length + OVERHEAD
      if (
        evidence.length < MOST_EVIDENCE &&
        !reject.rawIsCut &&
        group.evidenceBytes + bytes <= EVIDENCE_BYTES &&
        (raw !== undefined || this.#evidenceBytes + bytes + texts <= ALL_EVIDENCE_BYTES)
      ) {
        const { line, errors } = reject
        evidence.push({ line, raw: copy(), ...(value !== undefined && { value }), error, errors })
        group.evidenceBytes += bytes
      }
    }
  }

  /**
   * The groups, the largest first. With `kit` cures are looked for; `rowsRead` tells whether rows follow those refused. `input` is what all files are
   * called together, or the only one.
   */
  async groups(kit?: CureKit, rowsRead = 0, input?: string): Promise<DiagnosisGroup[]> {
    const sorted = [...this.#groups.values()].sort((a, b) => b.rows - a.rows)
    const start = this.#start.length < Math.min(rowsRead, MOST_START) ? this.#start : []
    const cures = kit ? await findCures(sorted, kit, start) : new Map<Findings, DiagnosisCure[]>()
    return sorted.map((group) => {
      const { error, message, shape, rows, samples } = group
      const found = cures.get(group) ?? []
      return {
        ...(error.column !== undefined && { column: error.column }),
        ...(error.type !== undefined && { type: error.type }),
        sqlState: error.sqlState,
        code: error.code,
        message,
        ...(shape !== undefined && { shape }),
        rows,
        samples: samples.map(({ file, ...sample }) => ({
          ...sample,
          ...(input !== undefined && file !== input && { file }),
        })),
        ...(found.length > 0 && { cures: found }),
      }
    })
  }

  /** Keeps the row if all before it were refused, but for a header. */
  #addToStart({ line, lastLine, raw, rawIsCut }: Reject): void {
    const { length } = this.#start
    const isNext = line === this.#startLine || (length === 0 && line === 2)
    if (!isNext || length >= MOST_START || rawIsCut || raw.length > LONGEST_START) return
    this.#start.push({ line, raw: Buffer.from(raw), errors: [] })
    this.#startLine = lastLine + 1
  }

  #group(error: RejectError, value: string | undefined): Findings {
    const message = cut(reasonOf(error, value), LONGEST_MESSAGE)
    const shape = value === undefined ? undefined : shapeOf(value)
    // Most often it is the same as in the row before.
    const last = this.#last.get(error.column)
    if (last?.message === message && last.shape === shape && last.error.sqlState === error.sqlState) return last
    const kind = `${error.column ?? ''}\0${error.sqlState}\0${message}`
    const key = shape === undefined ? kind : `${kind}\0${shape}`
    const found = this.#groups.get(key)
    if (found) {
      this.#last.set(error.column, found)
      return found
    }
    // Without its texts, which may be as long as the record.
    const { message: _message, detail: _detail, value: _value, ...short } = error
    const reason = { error: short, message, shape }
    const count = this.#groups.size
    if (count < MOST_GROUPS) return this.#make(key, reason, value)
    if (count < MOST_GROUPS_AT_ALL || this.#groups.has(kind)) {
      return this.#make(kind, { ...reason, shape: undefined }, value)
    }
    const rest = { sqlState: error.sqlState, code: error.code, message: 'other errors' }
    return this.#make('', { error: rest, message: rest.message, shape: undefined }, value)
  }

  #make(key: string, reason: Pick<Findings, 'error' | 'message' | 'shape'>, value: string | undefined) {
    let group = this.#groups.get(key)
    if (group === undefined) {
      const isShort = value !== undefined && value.length <= SHOWN
      group = { ...reason, rows: 0, samples: [], value: isShort ? value : undefined, evidence: [], evidenceBytes: 0 }
      this.#groups.set(key, group)
    }
    return group
  }
}

/** About what errors take. */
export function errorsBytes(errors: readonly RejectError[]): number {
  let bytes = 0
  for (const { message, detail, value } of errors) {
    bytes += ERROR_OVERHEAD + message.length + (detail?.length ?? 0) + (value?.length ?? 0)
  }
  return bytes
}

/** How a value looks, see {@link DiagnosisGroup.shape}. */
export function shapeOf(value: string): string {
  if (isNullWord(value)) return cut(value, SHAPE_SHOWN)
  const outline = outlineOf(value)
  if (outline === undefined) return shapeOfAny(value)
  // Values differ, but hardly their outlines.
  const known = shapes.get(outline)
  if (known !== undefined) return known
  const shape = shapeOfAny(outline)
  if (shapes.size < MOST_SHAPES) shapes.set(outline, shape)
  return shape
}

/** Shapes of outlines. */
const shapes = new Map<string, string>()
const MOST_SHAPES = 1000
/** Characters of a value that is outlined. */
const LONGEST_OUTLINED = 100

/** A value of ASCII with one digit, letter or blank in place of several, whose shape is that of the value; undefined for others. */
function outlineOf(value: string): string | undefined {
  if (value.length > LONGEST_OUTLINED) return undefined
  let outline = ''
  let last = 0
  for (let at = 0; at < value.length; at += 1) {
    let letter = value.charCodeAt(at)
    if (letter >= 0x80) return undefined
    const small = letter | 0x20
    if (letter >= 0x30 && letter <= 0x39) letter = 0x39
    else if (small >= 0x61 && small <= 0x7a) letter = 0x61
    else if (letter === 0x20 || (letter >= 0x09 && letter <= 0x0d)) letter = 0x20
    if (letter === last && (letter === 0x39 || letter === 0x61 || letter === 0x20)) continue
    last = letter
    outline += String.fromCharCode(letter)
  }
  return outline
}

function shapeOfAny(value: string): string {
  const shape = cut(value, 1000)
    .replace(/\p{Nd}+/gu, '9')
    .replace(/\p{L}[\p{L}\p{M}]*/gu, 'a')
    .replace(/\s+/g, ' ')
    .replace(/(?:9a){2,}9?|(?:a9){2,}a?/g, 'a9')
    .replace(/a(?: a)+/g, 'a a')
    .replace(/(.)\1+/gu, '$1')
  return cut(shape, SHAPE_SHOWN)
}

/** What the database itself refused comes without its value, which is in the message. */
function fieldOf({ column, value, sqlState, message }: RejectError): string | undefined {
  if (value !== undefined || column === undefined || !sqlState.startsWith('22')) return value
  return /: "(.*)"$/s.exec(message)?.[1]
}

/** The message without what differs from row to row. */
function reasonOf({ message, sqlState }: RejectError, value: string | undefined): string {
  if (value !== undefined && message.includes(`"${value}"`)) return message.replace(`"${value}"`, () => '"…"')
  // What a trigger says has no form of its own: what is quoted or counted in it is of the row. A constraint's name is of all rows.
  if (!/^2[23]/.test(sqlState)) {
    return message
      .replace(/"[^"]*"/g, '"…"')
      .replace(/'[^']*'/g, "'…'")
      .replace(/\d+(?:[.,:-]\d+)*/g, '…')
  }
  const general = message
    .replace(/(?: 0x[0-9a-f]{2})+$/, ' …')
    .replace(/\bkey ".*?"(?=$| violates| does not| is still)/is, 'key "…"')
    .replace(/\bstring '.*?'/s, "string '…'")
  return sqlState.startsWith('22')
    ? general.replace(/: ".*"$/s, ': "…"').replace(/^value ".*" is/s, 'value "…" is')
    : general
}

function textOf(raw: Buffer): string {
  return raw.subarray(0, 4 * SHOWN + 4).toString('utf8')
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text
  // Not through the middle of a character.
  const end = /[\ud800-\udbff]/.test(text[most - 1] ?? '') ? most - 1 : most
  // A part of a string keeps all of it in memory; a copy does not.
  return `${Buffer.from(text.slice(0, end)).toString()}…`
}
