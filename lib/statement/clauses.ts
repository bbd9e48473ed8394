/** The options that have a grammar of their own, read as they are written; what they mean is checked later. */
import {
  type Clause,
  type Constant,
  type FixedField,
  type Lineage,
  lineageKinds,
  type OptionArgument,
  type Sequence,
  type Transform,
  type When,
} from './ast.ts'
import type { Cursor } from './cursor.ts'
import { statementError } from './diagnostics.ts'
import type { OptionDefinition } from './option-definition.ts'
import { closest } from './spelling.ts'
import { readExpression, readTypeName } from './sql-text.ts'

/** What follows the option's name. */
export function readClause(cursor: Cursor, kind: NonNullable<OptionDefinition<unknown>['clause']>): OptionArgument {
  const offset = cursor.token.start
  if (kind === 'names') return { kind: 'list', items: cursor.columnList(), offset }
  return { ...readers[kind](cursor), offset }
}

const readers: { readonly [Kind in Clause['kind']]: (cursor: Cursor) => Extract<Clause, { kind: Kind }> } = {
  formatter: (cursor) => ({ kind: 'formatter', fields: cursor.list(() => readField(cursor)) }),
  transform: (cursor) => ({ kind: 'transform', columns: cursor.list(() => readTransform(cursor)) }),
  when: (cursor) => ({ kind: 'when', condition: readWhen(cursor) }),
  sequence: (cursor) => ({ kind: 'sequence', columns: cursor.list(() => readSequence(cursor)) }),
  constant: (cursor) => ({ kind: 'constant', columns: cursor.list(() => readConstant(cursor)) }),
  lineage: (cursor) => ({ kind: 'lineage', columns: cursor.list(() => readLineage(cursor)) }),
}

/** `column ( offset, length )` */
function readField(cursor: Cursor): FixedField {
  const hint = 'Write column (offset, length).'
  const name = cursor.columnName()
  cursor.expectOperator('(', hint)
  const offset = cursor.integer(hint)
  cursor.expectOperator(',', hint)
  const place = cursor.token.start
  const length = cursor.integer(hint)
  if (length < 1) {
    const message = `FORMATTER length of column "${name.value}" (${length}) must be greater than zero`
    throw statementError(cursor.text, place, 'invalid_parameter_value', message)
  }
  cursor.expectOperator(')', hint)
  return { name, offset, length }
}

/** `column [type] [AS expression]` */
function readTransform(cursor: Cursor): Transform {
  const column = cursor.columnName()
  const type = readTypeName(cursor)
  const expression = cursor.takeWord('as') ? readExpression(cursor) : undefined
  return { column, ...(type && { type }), ...(expression && { expression }) }
}

/** `{ ( start - end ) | column } { = | != } 'string'` */
function readWhen(cursor: Cursor): When {
  const hint = "Write WHEN (start - end) = 'string', or WHEN column = 'string'; != is the other comparison."
  let subject: When['subject']
  if (cursor.takeOperator('(')) {
    const place = cursor.token.start
    const start = cursor.integer(hint)
    cursor.expectOperator('-', hint)
    const end = cursor.integer(hint)
    cursor.expectOperator(')', hint)
    if (start < 1 || end < start) {
      const message = `WHEN (${start}-${end}) is no part of a record`
      const why = 'The first character is 1, and the end does not come before the start.'
      throw statementError(cursor.text, place, 'invalid_parameter_value', message, { hint: why })
    }
    subject = { kind: 'range', start, end }
  } else subject = { kind: 'column', name: cursor.columnName() }
  if (cursor.takeOperator('!=')) return { subject, operator: '!=', value: cursor.string(hint) }
  cursor.expectOperator('=', hint)
  return { subject, operator: '=', value: cursor.string(hint) }
}

/** `column ( start [, increment ] )` */
function readSequence(cursor: Cursor): Sequence {
  const hint = 'Write column (start, increment).'
  const column = cursor.columnName()
  cursor.expectOperator('(', hint)
  const start = cursor.bigint(hint)
  const increment = cursor.takeOperator(',') ? cursor.bigint(hint) : 1
  cursor.expectOperator(')', hint)
  return { column, start, increment }
}

/** `column 'string'` */
function readConstant(cursor: Cursor): Constant {
  const column = cursor.columnName()
  return { column, value: cursor.string('A string in single quotes follows the column.') }
}

/** `column [what]`; without a word the column's name is the word. */
function readLineage(cursor: Cursor): Lineage {
  // A word of SQL that is one of those here.
  const column = cursor.isWord('offset') ? cursor.label() : cursor.columnName()
  const word = cursor.isOperator(',') || cursor.isOperator(')') ? column : cursor.label()
  const found = lineageKinds.find((kind) => kind === word.value)
  if (found !== undefined) return { column, of: found }
  const near = closest(word.value, lineageKinds)
  const message = `LINEAGE "${word.value}" not recognized`
  const kinds = lineageKinds.join(', ')
  const hint =
    near !== undefined
      ? `Did you mean "${near}"?`
      : word === column
        ? `Behind a column stands what it holds: ${kinds}.`
        : `A column can hold ${kinds}.`
  throw statementError(cursor.text, word.offset, 'invalid_parameter_value', message, { hint })
}
