import { CopyError } from './errors.ts'
import { type Input, namesOf } from './native/open.ts'
import type { RowInput } from './source.ts'
import type { CopyFrom, Name } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'

/** What stands in a path where a partition has no value. */
const NO_VALUE = '__HIVE_DEFAULT_PARTITION__'

/** A part `key=value` of a path. */
interface Part {
  readonly key: string
  readonly value: string | null
}

/**
 * The statement with the partition columns that the paths of its files name, and the input with their values; both as they are without
 * HIVE_PARTITIONING.
 *
 * @throws {CopyError} 22023 for a stream, and for paths that do not have the same keys
 */
export function partitioned<Source extends Input | RowInput>(
  statement: CopyFrom,
  input: Source,
): { readonly statement: CopyFrom; readonly input: Source } {
  if (!statement.options.hivePartitioning) return { statement, input }
  const { offset } = statement.source
  if (input.kind === 'rows' || input.kind === 'stream') {
    const message = 'COPY HIVE_PARTITIONING needs files'
    const hint = 'A stream has no path. CONSTANT gives a column one value.'
    throw statementError(statement.text, offset, 'invalid_parameter_value', message, { hint })
  }
  const { keys, values } = partitionsOf(statement, namesOf(input))
  const partitions = keys.map((value): Name => ({ value, quoted: true, offset }))
  return {
    statement: { ...statement, options: { ...statement.options, partitions } },
    input: { ...input, partitions: values },
  }
}

/**
 * The keys that the paths of some files have, and the values of each path in their order.
 *
 * @throws {CopyError} 22023 for paths that do not have the same keys
 */
export function partitionsOf(
  statement: CopyFrom,
  files: readonly string[],
): { readonly keys: readonly string[]; readonly values: readonly (readonly (string | null)[])[] } {
  const all = files.map((file) => partsOf(file))
  const [first = []] = all
  const keys = first.map(({ key }) => key)
  if (keys.length === 0) throw unequal(statement, `the path "${files[0]}" has no part key=value`)
  const twice = keys.find((key, index) => keys.indexOf(key) < index)
  if (twice !== undefined) throw unequal(statement, `the path "${files[0]}" has "${twice}" twice`)
  const values = all.map((parts, file) => {
    const stray = parts.find(({ key }, index) => !keys.includes(key) || index >= keys.length)
    const missing = keys.find((key) => !parts.some((part) => part.key === key))
    if (missing !== undefined) {
      throw unequal(statement, `the path "${files[file]}" has no "${missing}=", and "${files[0]}" has`)
    }
    if (stray) {
      const other = keys.includes(stray.key) ? 'twice' : `, and "${files[0]}" has not`
      throw unequal(statement, `the path "${files[file]}" has "${stray.key}=" ${other}`.replace(' ,', ','))
    }
    return keys.map((key) => parts.find((part) => part.key === key)?.value ?? null)
  })
  return { keys, values }
}

/** The parts of a path, or of an address, that are `key=value`; the name of the file is none of them. */
function partsOf(file: string): readonly Part[] {
  // Addresses have escapes of their own around those of the values.
  const isUrl = /^(?:https?|file):/i.test(file)
  return file
    .split('/')
    .slice(0, -1)
    .flatMap((segment): Part[] => {
      const written = isUrl ? decoded(segment, file) : segment
      const at = written.indexOf('=')
      if (at < 1) return []
      const value = written.slice(at + 1)
      return [{ key: decoded(written.slice(0, at), file), value: value === NO_VALUE ? null : decoded(value, file) }]
    })
}

/** The text without its percent escapes; what is none stays as it is, as in Hive. */
function decoded(text: string, file: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes)
    } catch {
      throw new CopyError({
        code: 'character_not_in_repertoire',
        sqlState: '22021',
        message: `invalid byte sequence for encoding "UTF8": ${escapes}`,
        detail: `It stands in the path "${file}".`,
        position: { file },
      })
    }
  })
}

function unequal({ text, source }: CopyFrom, message: string): CopyError {
  return statementError(text, source.offset, 'invalid_parameter_value', message, {
    hint: 'With HIVE_PARTITIONING the path of every file has the same keys, such as year=2024/month=05.',
  })
}
