import { expect } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { formatDiagnostic } from '../../lib/statement/diagnostics.ts'
import { dialectNames } from '../../lib/statement/dialects/names.ts'
import { refusePending } from '../../lib/statement/execution.ts'
import { explainOptions } from '../../lib/statement/explain.ts'
import { parseCopy, parseStatement } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'
import { reparseWith } from '../../lib/statement/rejects.ts'
import { translate } from '../../lib/statement/translation/translate.ts'

/** Every text is either a statement, which can be written anew in every way, or a CopyError whose place lies in the text. */
export function check(text: string): 'refused' | 'parsed' {
  const statement = parsed(() => parseStatement(text))
  if (statement === undefined) return 'refused'
  if (statement.kind === 'copy rejects') {
    parsed(() => reparseWith("COPY t FROM STDIN CSV HEADER LOG ERRORS FORCE NULL a, b QUOTE '~'", statement))
    return 'parsed'
  }
  const copy = statement.kind === 'explain' ? statement.statement : statement
  parseCopy(printCopy(copy))
  explainOptions(statement)
  for (const dialect of dialectNames) parseCopy(translate(copy, dialect).statement, { dialect })
  parsed(() => refusePending(statement))
  return 'parsed'
}

/** What `parse` gives; undefined for an error that is as errors must be. */
function parsed<Result>(parse: () => Result): Result | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof CopyError)) throw error
    const offset = error.statement?.offset ?? -1
    expect(offset).toBeGreaterThanOrEqual(0)
    expect(offset).toBeLessThanOrEqual(error.statement?.text.length ?? -1)
    expect(error.sqlState).toMatch(/^[0-9A-Z]{5}$/)
    expect(formatDiagnostic(error)).toMatch(/^ERROR: {2}/)
    return undefined
  }
}

/** Words and signs that mean something in some statement. */
export const tokens =
  `COPY INTO BINARY FROM STDIN STDOUT PROGRAM WITH WHERE USING DELIMITERS AS FORCE NOT NULL QUOTE ESCAPE CSV HEADER
  FORMAT csv text match FORCE_NULL FORCE_NOT_NULL DEFAULT ENCODING ON_ERROR CREATE_TABLE TO t "q" "" 'f' '' E'\\n' E'\\ud800'
  E'\\u12' U&'x' B'1' X'f' N'x' $$a$$ $q$ $1 $1a 1 1.5 1e 0x 0x1f 1_ .. . , ; ( ) [ ] * = =* + - :: := -- /* */ ' " \\ { }
  ä 😀 \ud83d \0 true false on off ON ERROR SKIP_ROW LOG ERRORS DATA REJECT LIMIT '5' MAXERROR FILLRECORD FILL_MISSING_FIELDS
  ACCEPTINVCHARS CONFLICT DO UPDATE KEEP LAST REJECTS EXPLAIN VALIDATE CANCEL DIALECT 'gaussdb' redshift 'questdb' MAP BY
  NAME FIXED FORMATTER (a(0,2)) fixed UNIT chars EOL '$#' USEEOF WITHOUT ESCAPING NOESCAPING OIDS FILEHEADER DATE_FORMAT
  'YYYY' TRANSFORM (a AS WHEN (1-2) != SEQUENCE (a(1,2)) FILLER (a) CONSTANT (a'x') TIMESTAMP PARTITION DAY AWS CONNECTION
  FILES ['f'] PATTERN IGNOREHEADER ESCAPE IGNOREBLANKLINES FIXEDWIDTH 'a:1,b:2' DATEFORMAT 'auto' ACCEPTANYDATE
  EMPTYASNULL TRIMBLANKS REMOVEQUOTES ROUNDEC NOLOAD EXPLICIT_IDS COMPUPDATE PRESET STATUPDATE IAM_ROLE CREDENTIALS REGION
  MANIFEST GZIP JSON PARQUET SKIP 3`.split(/\s+/)
