import type { CopyError } from './errors.ts'
import type { CopyFrom, SqlText } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import type { ColumnPlan } from './statement/plan.ts'
import type { FieldStep } from './target/target.ts'

/**
 * Refuses a statement that has more than TRANSFORM can be combined with. Nothing has been opened yet.
 *
 * @throws {CopyError} 0A000 with the reason.
 */
export function checkTransform(statement: CopyFrom): void {
  const { options } = statement
  const [first] = options.transform ?? []
  if (first === undefined) return
  const { errors, onConflict } = options
  const refuse = (what: string, detail: string, hint: string) =>
    statementError(
      statement.text,
      first.column.offset,
      'feature_not_supported',
      `COPY TRANSFORM cannot be used with ${what}`,
      {
        detail,
        hint,
      },
    )
  if (options.default !== undefined) {
    throw refuse('DEFAULT', 'An expression sees values, and a default is none yet.', 'coalesce(column, …) can say it.')
  }
  if (errors.conversion === 'set_null' || errors.conversion === 'set_default') {
    throw refuse(
      `ON_ERROR ${errors.conversion}`,
      'An expression could not tell a value that was refused from one that is NULL.',
      'ON_ERROR skip_row leaves such rows out.',
    )
  }
  if (options.freeze) {
    throw refuse(
      'FREEZE',
      'What expressions make of the fields goes by INSERT, which freezes no rows.',
      'Leave it out.',
    )
  }
  if (onConflict?.action === 'skip' || onConflict?.action === 'update') {
    throw refuse(
      `ON CONFLICT DO ${onConflict.action.toUpperCase()}`,
      'Which rows of the input have one key would be known of what the expressions make of them only.',
      'DO REJECT can. Or load into a table of its own and insert from that.',
    )
  }
}

/** The table that is missing cannot be made from what expressions make of the fields. */
export function unknownTypes({ text, options }: CopyFrom): CopyError {
  return statementError(
    text,
    options.transform?.[0]?.column.offset ?? 0,
    'feature_not_supported',
    'COPY TRANSFORM cannot be used with a table that has yet to be created',
    {
      detail: 'Its columns would get the types of the fields, not of what the expressions make of them.',
      hint: 'CREATE TABLE first.',
    },
  )
}

/** What TRANSFORM says of the columns, for the target; undefined where it says nothing. */
export function stepsOf({ transform }: ColumnPlan): readonly (FieldStep | undefined)[] | undefined {
  const steps = transform?.map((step): FieldStep | undefined => {
    const { type, expression } = step ?? {}
    if (type === undefined && expression === undefined) return undefined
    return { ...(type && { type: type.sql }), ...(expression && { expression: expression.sql }) }
  })
  return steps?.some((step) => step !== undefined) ? steps : undefined
}

/** The SQL of the statement that an error of the target is about: WHERE's or TRANSFORM's. */
export function sqlAt({ where, options }: CopyFrom, text: string | undefined): SqlText | undefined {
  const parts = (options.transform ?? []).flatMap(({ type, expression }) => [type, expression])
  return [where, ...parts].find((part) => part?.sql === text)
}
