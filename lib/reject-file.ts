import { closeSync, fstatSync, openSync, readSync, type Stats, statSync, writeSync } from 'node:fs'
import { CopyError } from './errors.ts'
import { isSameHeader } from './header.ts'
import { isCompressed } from './native/first-bytes.ts'
import type { NativeLoad } from './native/load.ts'
import { inEncoding, toUtf8 } from './native/text.ts'
import { flawOf, hasOwnEnd, protect } from './record-shape.ts'
import type { Reject } from './rejects.ts'
import type { CopyFrom } from './statement/ast.ts'

/** Where the input is, if it is a file: its path, or a descriptor that is open; or several, by paths that are their names too. */
export type InputFile = string | number | readonly string[]

/** Bytes that are written at once. */
const WRITTEN_AT_ONCE = 64 * 1024

/**
 * The refused records as a file that the same statement can load. It is emptied when the load begins, so that rows of an earlier load are
 * never taken for rows of this one, and holds whole records from the first write on, whatever becomes of the load.
 */
export class RejectFile {
  readonly #fd: number
  readonly #path: string
  readonly #statement: CopyFrom
  /** The names that the header has: those of the file of the first record. */
  #fields: readonly string[]
  readonly #columns: readonly string[]
  readonly #input: InputFile | undefined
  readonly #native: NativeLoad
  /** That of the input, known when there is a record. */
  #encoding = ''
  #lineEnd: Buffer | undefined
  /** The file that the last record was from, where the order of fields is a file's own. */
  #lastFile: string | undefined
  /** Written last; its line end comes with what follows it. */
  #last: Buffer | undefined
  #waiting: Buffer[] = []
  #bytes = 0
  #failure: CopyError | undefined

  /**
   * @param columns names of the columns that are loaded, in the order of the fields
   * @param native the load that refuses them
   * @throws {CopyError} 22023 when it is the input, otherwise when it cannot be opened.
   */
  constructor(
    path: string,
    statement: CopyFrom,
    columns: readonly string[],
    { input, native }: { readonly input: InputFile | undefined; readonly native: NativeLoad },
  ) {
    this.#native = native
    this.#path = path
    this.#statement = statement
    this.#input = input
    const inputs = typeof input === 'object' ? input : input === undefined ? [] : [input]
    if (inputs.some((each) => isSame(path, each))) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: `the file for rejects "${path}" is the input`,
        hint: 'Name another file: this one would be overwritten.',
      })
    }
    if (isDatabase(path)) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: `the file for rejects "${path}" is a DuckDB database`,
        hint: 'Name another file: this one would be overwritten.',
      })
    }
    this.#columns = columns
    this.#fields = columns
    try {
      this.#fd = openSync(path, 'w')
    } catch (error) {
      throw failureOf(`could not open file "${path}" for writing`, error)
    }
  }

  /**
   * Takes the next record. That it could not be written, if so, {@link check} and {@link close} say: whoever
   * hands on records need not stop for it in their midst.
   */
  write({ raw: record, file, byteOffset: start, byteLength }: Omit<Reject, 'number'>): void {
    if (this.#failure !== undefined) return
    if (this.#statement.options.mapByName && file !== this.#lastFile) {
      this.#lastFile = file
      const fields = this.#native.fieldsOf?.(file) ?? this.#columns
      if (this.#last === undefined) this.#fields = fields
      if (!isSameHeader(fields, this.#fields)) {
        if (this.#lineEnd !== undefined) this.#push(this.#lineEnd)
        this.#flush()
        this.#failure ??= rearranged(this.#path, file)
        return
      }
    }
    if (this.#lineEnd === undefined) {
      this.#encoding = this.#native.counters().encoding ?? 'UTF8'
      const input = typeof this.#input === 'object' ? file : this.#input
      const { eol, remote } = this.#statement.options
      const found = eol ?? lineEndAt(input, start, start + byteLength, remote, this.#encoding)
      this.#lineEnd = inEncoding(found ?? '\n', this.#encoding)
    }
    if (this.#last !== undefined) this.#push(this.#lineEnd)
    else {
      const encoding = this.#encoding
      // The same statement is to load the file, and tells the order of its bytes by their mark.
      if (this.#statement.options.encoding === 'UTF16') this.#push(inEncoding('\ufeff', encoding))
      const { skip = 0, header } = this.#statement.options
      for (let line = 0; line < skip; line++) this.#push(this.#lineEnd)
      if (header !== 'false') {
        this.#push(inEncoding(headerOf(this.#fields, this.#statement.options), encoding), this.#lineEnd)
      }
    }
    this.#push(record)
    this.#last = record
    if (this.#bytes >= WRITTEN_AT_ONCE) this.#flush()
  }

  /** @throws {CopyError} when a record could not be written. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** @throws {CopyError} when a record could not be written. */
  close(): void {
    // The last record of an input may end in a backslash, which would escape the line end, or in a part of a line end.
    const last = this.#last && toUtf8(this.#last, this.#encoding)
    const { options } = this.#statement
    const isJoined = (record: Buffer) => hasOwnEnd(options) && flawOf(record, options) !== undefined
    const isOpen = last !== undefined && (protect(last, options) !== last || isJoined(last))
    if (this.#lineEnd !== undefined && !isOpen) this.#push(this.#lineEnd)
    this.#flush()
    try {
      closeSync(this.#fd)
    } catch (error) {
      this.#fail(error)
    }
    this.check()
  }

  #push(...parts: Buffer[]): void {
    for (const part of parts) {
      this.#waiting.push(part)
      this.#bytes += part.length
    }
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#bytes = 0
    // What follows a gap would look like all there is.
    if (this.#failure !== undefined) return
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= failureOf(`could not write to file "${this.#path}"`, error, 'Nothing was loaded.')
  }
}

/**
 * The line end behind a record of a file, or else before it; undefined where neither is known. With the input's own, a line end of another
 * kind inside a record stays inside.
 */
function lineEndAt(
  input: string | number | undefined,
  start: number,
  end: number,
  remote: CopyFrom['options']['remote'],
  encoding: string,
): '\n' | '\r' | '\r\n' | undefined {
  try {
    // A pipe that has been read would be waited for.
    if (typeof input !== 'string' || !statSync(input).isFile()) return undefined
    const fd = openSync(input, 'r')
    try {
      // Two characters of those that a line can end in.
      const size = 2 * inEncoding('\n', encoding).length
      const read = (from: number) => {
        const bytes = Buffer.alloc(size)
        return toUtf8(bytes.subarray(0, readSync(fd, bytes, 0, size, Math.max(0, from))), encoding).toString('latin1')
      }
      const mark = Buffer.alloc(10)
      // Offsets are those of the text, not of the file.
      if (isCompressed(mark.subarray(0, readSync(fd, mark, 0, 10, 0)), input, remote)) return undefined
      const [behind, before] = [read(end), start === 0 ? '' : read(start - size)]
      if (behind.startsWith('\n')) return '\n'
      if (behind.startsWith('\r')) return behind === '\r\n' ? '\r\n' : '\r'
      return before === '\r\n' ? '\r\n' : before.endsWith('\r') ? '\r' : undefined
    } finally {
      closeSync(fd)
    }
  } catch {
    // It has been read, and may be gone by now.
    return undefined
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't' }

function headerOf(columns: readonly string[], options: CopyFrom['options']): string {
  const { format, delimiter, quote, escape: escaping, fixed } = options
  // Each name as far as it has room at the place of its field: a line like the others.
  if (fixed) {
    return fixed.fields.reduce((line, { name, offset, length }) => {
      const before = line.slice(0, offset).padEnd(offset)
      return before + name.value.replaceAll(/\s/g, ' ').slice(0, length).padEnd(length) + line.slice(offset + length)
    }, '')
  }
  const sequences = options.backslash === 'next' ? {} : ESCAPES
  // Not the delimiter itself: a name that ends with a part of it would make another one together with the delimiter behind.
  const [first = ''] = delimiter
  const name = (text: string) => {
    // PostgreSQL takes no delimiter that means something behind a backslash.
    if (format === 'text') {
      const isSpecial = (letter: string) => letter === '\\' || letter === first || letter in ESCAPES
      return Array.from(text, (letter) => (isSpecial(letter) ? `\\${sequences[letter] ?? letter}` : letter)).join('')
    }
    const isPlain = text !== options.null && ![first, quote, '\n', '\r'].some((special) => text.includes(special))
    if (isPlain) return text
    const escaped = Array.from(text, (letter) => (letter === quote || letter === escaping ? escaping + letter : letter))
    return quote + escaped.join('') + quote
  }
  return columns.map(name).join(delimiter)
}

/** Whether a file is one of DuckDB's: the target itself, more likely than not. */
function isDatabase(path: string): boolean {
  try {
    if (!statSync(path).isFile()) return false
    const fd = openSync(path, 'r')
    try {
      const magic = Buffer.alloc(4)
      return readSync(fd, magic, 0, 4, 8) === 4 && magic.toString('latin1') === 'DUCK'
    } finally {
      closeSync(fd)
    }
  } catch {
    // What cannot be read is no reason not to try to write it.
    return false
  }
}

/** Whether it is the same file, under another name or by another link. Devices and pipes may well be both. */
function isSame(path: string, input: string | number): boolean {
  try {
    const one = statSync(path)
    const two: Stats = typeof input === 'string' ? statSync(input) : fstatSync(input)
    return one.isFile() && one.dev === two.dev && one.ino === two.ino
  } catch {
    return false
  }
}

/** PostgreSQL's conditions for what the system says of a file. */
const CONDITIONS: Readonly<Record<string, readonly [code: string, sqlState: string]>> = {
  EACCES: ['insufficient_privilege', '42501'],
  EPERM: ['insufficient_privilege', '42501'],
  EROFS: ['insufficient_privilege', '42501'],
  ENOENT: ['undefined_file', '58P01'],
  ENOTDIR: ['wrong_object_type', '42809'],
  EISDIR: ['wrong_object_type', '42809'],
  ENOSPC: ['disk_full', '53100'],
  EDQUOT: ['disk_full', '53100'],
  EMFILE: ['insufficient_resources', '53000'],
  ENFILE: ['insufficient_resources', '53000'],
}

/** Below the one header that there is, its fields would go to the wrong columns. */
function rearranged(path: string, file: string): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `the file for rejects "${path}" cannot hold rows of "${file}"`,
    detail: `The fields of "${file}" stand in another order than those of the rows before. Nothing was loaded.`,
    hint: 'Load files of another order by a statement of their own; or without the file, and refused rows by COPY REJECTS.',
    position: { file },
  })
}

function failureOf(message: string, cause: unknown, detail?: string): CopyError {
  const reason = cause instanceof Error ? cause.message.replace(/^\w+: |, \w+(?: '.*')?$/g, '') : String(cause)
  const [code, sqlState] = CONDITIONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? ['io_error', '58030']
  return new CopyError({ code, sqlState, message: `${message}: ${reason}`, detail, cause })
}
