import type { Chunk } from '../../native/load.ts'
import { internalError } from './server-error.ts'

/*
 * Takes rows out of chunks that are on their way to COPY, or puts NULL or a default in place of values
 *
 * Only where rows were refused: else JavaScript never looks into a chunk. It finds where rows and fields end by their lengths, or by
 * the line feeds and tabs, which in the TEXT format never stand for themselves.
 */

/** What is to become of a row: it is left out, or fields of it (numbered from 0, ascending) are replaced. */
export type Edit = 'drop' | readonly number[]

/** Bytes of a CopyData message before its contents. */
const HEAD = 5

/** What replaces a field in each format. */
const REPLACEMENTS = {
  binary: { null: Buffer.from([0xff, 0xff, 0xff, 0xff]), default: undefined, false: undefined, 0: undefined },
  text: { null: Buffer.from('\\N'), default: Buffer.from('\\D'), false: Buffer.from('f'), 0: Buffer.from('0') },
} as const

/** How chunks are edited. */
export interface EditInit {
  readonly format: 'binary' | 'text'
  /** What a field becomes; only in text another than NULL. */
  readonly replacement: (field: number) => 'null' | 'default' | 'false' | '0'
  /** The edit of a row, numbered from 0 in the sequence of chunks. */
  readonly of: (row: number) => Edit | undefined
}

/** The chunk with the edits done; `first` is the number of its first row. Undefined if no row is left. */
export function editChunk(chunk: Chunk, first: number, { format, replacement, of }: EditInit): Chunk | undefined {
  const { buffer, rows } = chunk
  let edited: Buffer | undefined
  let length = HEAD
  let at = HEAD
  let kept = HEAD
  let dropped = 0
  const put = (end: number, resume: number, instead?: Buffer) => {
    // An empty field and its tab grow to three bytes; of binary rows none grows.
    edited ??= Buffer.allocUnsafe(format === 'text' ? buffer.length * 3 : buffer.length)
    length += buffer.copy(edited, length, kept, end)
    if (instead) length += instead.copy(edited, length)
    kept = resume
  }
  for (let row = 0; row < rows; row += 1) {
    const start = at
    const edit = of(first + row)
    const fields = Array.isArray(edit) ? (edit as readonly number[]) : undefined
    const replace: Replace = (field, end, resume) => put(end, resume, REPLACEMENTS[format][replacement(field)])
    at = format === 'binary' ? skipTuple(buffer, at, fields, replace) : skipLine(buffer, at, fields, replace)
    if (edit === 'drop') {
      put(start, at)
      dropped += 1
    }
  }
  if (at !== buffer.length) throw internalError(`a chunk of ${rows} rows does not end with the last of them`)
  if (edited === undefined) return chunk
  if (dropped === rows) return undefined
  put(buffer.length, buffer.length)
  edited[0] = 0x64
  edited.writeInt32BE(length - 1, 1)
  return { ...chunk, buffer: edited.subarray(0, length), rows: rows - dropped }
}

type Replace = (field: number, end: number, resume: number) => void

function skipTuple(buffer: Buffer, start: number, fields: readonly number[] | undefined, replace: Replace): number {
  const count = buffer.readInt16BE(start)
  let at = start + 2
  for (let field = 0; field < count; field += 1) {
    const length = buffer.readInt32BE(at)
    const end = at + 4 + Math.max(length, 0)
    if (fields?.includes(field)) replace(field, at, end)
    at = end
  }
  return at
}

function skipLine(buffer: Buffer, start: number, fields: readonly number[] | undefined, replace: Replace): number {
  const end = buffer.indexOf(0x0a, start)
  if (end < 0) throw internalError('a row without its line end')
  if (fields !== undefined) {
    let at = start
    for (let field = 0; at <= end; field += 1) {
      const tab = buffer.indexOf(0x09, at)
      const fieldEnd = tab < 0 || tab > end ? end : tab
      if (fields.includes(field)) replace(field, at, fieldEnd)
      at = fieldEnd + 1
    }
  }
  return end + 1
}
