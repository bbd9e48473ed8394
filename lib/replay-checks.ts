import { CopyError } from './errors.ts'
import { type CopyOptions, isColumnar } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import { parseStatement } from './statement/parser.ts'

/* What COPY REJECTS refuses, since neither the rows nor what is recorded of their load tell it. */

/** Only a load that has loaded the other rows leaves some that are missing, and only text can be read again. */
export function checkLoad(
  loadId: string,
  load: { readonly statement: string; readonly isCompleted: boolean },
  statement: { readonly text: string; readonly offset: number },
): void {
  if (!load.isCompleted) {
    throw new CopyError({
      code: 'object_not_in_prerequisite_state',
      sqlState: '55000',
      message: `load "${loadId}" has failed`,
      detail: 'None of its rows were loaded, so that those it refused are not all that is missing.',
      hint: 'Run its statement again.',
      statement,
    })
  }
  const parsed = parseStatement(load.statement)
  if (parsed.kind === 'copy from' && isColumnar(parsed.options.format)) {
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: `COPY REJECTS cannot read FORMAT ${parsed.options.format}`,
      detail: 'Refused rows of such files are kept as JSON, for people to read.',
      hint: 'Mend the file, and load it again.',
      statement,
    })
  }
  if (parsed.kind !== 'copy rejects') return
  throw new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `load "${loadId}" has no refused rows of its own`,
    detail: `It was itself a COPY REJECTS; what it refused again is still with load "${parsed.loadId}".`,
    hint: `COPY REJECTS '${parsed.loadId}' …`,
    statement,
  })
}

/** What is wrong with the rows is recorded already. */
export function unvalidatable({ text, offset }: { readonly text: string; readonly offset: number }): CopyError {
  return statementError(text, offset, 'feature_not_supported', 'COPY REJECTS cannot validate only', {
    hint: 'What was wrong with the rows is in the table copyist.rejects.',
  })
}

/** The rows alone do not tell which field is of which column. */
export function unmatched({ text, offset }: { readonly text: string; readonly offset: number }): CopyError {
  return statementError(
    text,
    offset,
    'feature_not_supported',
    'MAP BY NAME needs the header of the input, which is not recorded',
    {
      detail: 'The rows were refused by a load without MAP BY NAME.',
      hint: "List the columns in the order of the fields: COPY REJECTS '…' INTO table (column, …).",
    },
  )
}

/** Numbers of the records would begin anew. */
export function unnumbered(detail: string, what = 'numbers of SEQUENCE'): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `the refused rows cannot be given their ${what}`,
    detail,
    hint: 'Nothing was loaded. Load the file of rejects (--rejects) instead, where they are counted anew.',
  })
}

/** What is recorded of a refused row is where it stood, and not what its file was. */
export function checkLineage(
  { lineage }: CopyOptions,
  { text, offset }: { readonly text: string; readonly offset: number },
): void {
  const unknown = lineage?.find(({ of }) => of === 'etag' || of === 'last_modified' || of === 'size')
  if (unknown === undefined) return
  const message = `the refused rows cannot be given their LINEAGE ${unknown.of}`
  throw statementError(text, offset, 'feature_not_supported', message, {
    detail: 'What their file was then is not recorded with them.',
    hint: 'Load the file of rejects (--rejects) instead. WITH (LINEAGE (…)) without it gives the other columns theirs.',
  })
}

/** Without the names there is but one order. */
export function ofOtherOrder(file: string): CopyError {
  return new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `COPY REJECTS cannot tell which field of the refused rows of "${file}" is of which column`,
    detail:
      'MAP BY NAME found its fields in another order than those of the first file. Now fields go by their places.',
    hint: 'Nothing was loaded. Leave MAP BY NAME as it was.',
    position: { file },
  })
}

/** Without the beginning of their input nobody knows the byte order of the rows. */
export function checkEncoding(encoding: string, statement: { readonly text: string; readonly offset: number }): void {
  if (encoding !== 'UTF16') return
  throw new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: 'the refused rows are in UTF16, whose byte order is not recorded',
    hint: "Add WITH (ENCODING 'UTF16LE') or WITH (ENCODING 'UTF16BE'), whichever it was.",
    statement,
  })
}
