import type { CopyFrom } from '../../lib/statement/ast.ts'

const places = new Set(['offset', 'text', 'found', 'word', 'notes'])

/** What a statement means: its tree without the text it came from and the places in it. */
export function meaning(copy: CopyFrom): unknown {
  const { fixed } = copy.options
  const kept = JSON.parse(JSON.stringify(copy, (key, value) => (places.has(key) ? undefined : value)))
  // Here an offset is no place in the statement.
  if (fixed) kept.options.fixed.offsets = fixed.fields.map(({ offset }) => offset)
  return kept
}
