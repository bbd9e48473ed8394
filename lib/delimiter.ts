import { open } from 'node:fs/promises'
import { CopyError } from './errors.ts'
import { isCompressed } from './native/first-bytes.ts'
import { namesOf, type Rereadable, START_BYTES } from './native/open.ts'
import { toUtf8 } from './native/text.ts'
import type { CopyFrom, CopyOptions } from './statement/ast.ts'

/** What else fields are commonly separated by, and how the statement says so. */
const OTHERS: readonly (readonly [character: string, option: string])[] = [
  [';', "DELIMITER ';'"],
  ['\t', "DELIMITER E'\\t'"],
  ['|', "DELIMITER '|'"],
  [',', "DELIMITER ','"],
]

/** Lines that must agree. */
const MOST_LINES = 6

/**
 * Refuses to create a table of one column from a file of several, of which only the statement does not know the delimiter. Only
 * where its first lines, two at the least, all have the same number of another one; and not where the statement names the column.
 *
 * @throws {CopyError} 22P04
 */
export async function checkDelimiter(statement: CopyFrom, input: Rereadable): Promise<void> {
  if (statement.columns !== undefined) return
  const start =
    input.kind === 'spool'
      ? input.spool.start
      : await startOf(input.kind === 'files' ? (input.paths[0] ?? '') : input.path)
  // Of a compressed input nothing can be seen.
  if (isCompressed(start, namesOf(input)[0] ?? '', statement.options.remote)) return
  const lines = firstLines(start, statement.options)
  if (lines.length < 2) return
  const table = statement.table.name.value
  // A header of two names is proof; without one, a log has a comma in every line's time.
  const least = statement.options.header === 'false' ? 2 : 1
  for (const [character, option] of OTHERS) {
    if (character === statement.options.delimiter) continue
    const counts = new Set(lines.map((line) => line.split(character).length - 1))
    const [count = 0] = counts
    // Commas with a space after them are those of a sentence or a place's name.
    const isProse = character === ',' && lines.every((line) => !/,(?! )/.test(line))
    if (counts.size !== 1 || count < least || isProse) continue
    const isCsv = statement.options.format === 'text' && character === ','
    throw new CopyError({
      code: 'bad_copy_file_format',
      sqlState: '22P04',
      message: `cannot create table "${table}": no line has the delimiter ${shown(statement.options.delimiter)}`,
      detail: `Each of the first ${lines.length} lines has ${shown(character)} ${count === 1 ? 'once' : `${count} times`}.`,
      hint: `With ${isCsv ? 'FORMAT csv' : option} they have ${count + 1} columns. If they have one, name it: COPY ${table} (line) FROM ….`,
      position: { file: input.name, line: 1 },
    })
  }
}

function shown(character: string): string {
  return character === '\t' ? 'tab' : `"${character}"`
}

/** The first {@link START_BYTES} bytes of a file, or all there are. */
export async function startOf(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const start = Buffer.alloc(START_BYTES)
    const { bytesRead } = await file.read(start, 0, START_BYTES, 0)
    return start.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** What is not ASCII does not matter. */
function textOf(start: Buffer, encoding: string): string {
  if (encoding === 'UTF8') return start.toString('latin1')
  const isBigEndian = start[0] === 0xfe && start[1] === 0xff
  return toUtf8(start, encoding === 'UTF16' && isBigEndian ? 'UTF16BE' : encoding).toString()
}

/** The first lines, without what is quoted; none when a quoted field goes over a line's end, since then they are no records. */
function firstLines(start: Buffer, { format, quote, encoding, skip = 0 }: CopyOptions): string[] {
  const lines = textOf(start, encoding).split(/\r\n|\n|\r/)
  // The last one may be cut off, or is what follows the last line's end.
  if (start.length === START_BYTES || lines.at(-1) === '') lines.pop()
  const first = lines.slice(skip, skip + MOST_LINES)
  if (format !== 'csv') return first
  const parts = first.map((line) => line.split(quote))
  if (parts.some((part) => part.length % 2 === 0)) return []
  return parts.map((part) => part.filter((_, index) => index % 2 === 0).join(''))
}
