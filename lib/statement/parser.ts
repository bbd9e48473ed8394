import { Buffer } from 'node:buffer'
import type { CopyError } from '../errors.ts'
import type {
  ConflictPolicy,
  CopyFrom,
  CopyRejects,
  Dialect,
  OptionItem,
  QualifiedName,
  Source,
  Statement,
} from './ast.ts'
import { Cursor, isWord, type Unsupported } from './cursor.ts'
import { statementError } from './diagnostics.ts'
import { settleDialect } from './dialect.ts'
import { invalidUtf8 } from './lexer.ts'
import { copyJob, OptionGrammar } from './option-grammar.ts'
import { checkOptions, resolveOptions } from './option-rules.ts'
import { findOption, suggestOption } from './options.ts'
import { defaultKeep } from './printing.ts'
import { maskFiles, maskSecrets, maskUrl, withoutSecret, withoutSecrets } from './secrets.ts'
import { closest } from './spelling.ts'
import { atConflict, readCondition } from './sql-text.ts'

/** What is known of a statement beside its text. */
export interface ParseOptions {
  /** Whose rules hold, as if the statement said so; absent: as it says, or as its words tell. */
  readonly dialect?: Dialect
  /** The statement has no target, and so names no table: `COPY [ ( columns ) ] FROM …`. */
  readonly tableless?: boolean
}

/**
 * Parses and checks one COPY … FROM statement.
 *
 * Throws CopyError, with the statement and the offset of the character it is about: 42601 for syntax, PostgreSQL's own
 * SQLSTATE and message for options that are wrong or do not go together, 0A000 for what this version cannot do yet.
 */
export function parseCopy(text: string, options: ParseOptions = {}): CopyFrom {
  const statement = parseStatement(text, options)
  if (statement.kind === 'copy from') return statement
  const [what, offset] = statement.kind === 'explain' ? ['EXPLAIN', 0] : ['COPY REJECTS', statement.offset]
  throw statementError(statement.text, offset, 'syntax_error', `${what} cannot stand in place of COPY ... FROM`)
}

/**
 * Parses and checks any statement: COPY … FROM, COPY REJECTS … INTO, or EXPLAIN COPY. Throws CopyError as {@link parseCopy} does.
 * Secrets in the text are in no error and in no result.
 */
export function parseStatement(text: string, options: ParseOptions = {}): Statement {
  return parsing(text, (parser) => parser.statement(options), options.tableless)
}

/** The parts of a COPY … FROM statement whose options have not been looked at, with a table or without. Throws CopyError for syntax. */
export function parseParts(text: string): CopyParts {
  return parsing(text, (parser) => parser.parts(), 'either')
}

/** What is said of the only statement there is no EXPLAIN of. */
export function unexplainable(text: string, offset: number): CopyError {
  return statementError(text, offset, 'feature_not_supported', 'COPY REJECTS cannot be explained', {
    hint: 'Explain the statement whose rows were refused, with the options that this one has.',
  })
}

function parsing<Result>(
  text: string,
  parse: (parser: Parser) => Result,
  tableless: boolean | 'either' = false,
): Result {
  const invalid = text.search(/\0|\p{Surrogate}/u)
  try {
    if (invalid >= 0) {
      const bytes = text.charAt(invalid) === '\0' ? Buffer.of(0) : surrogateBytes(text.charCodeAt(invalid))
      throw statementError(text, invalid, 'character_not_in_repertoire', invalidUtf8(bytes) ?? 'invalid text')
    }
    return parse(new Parser(text, tableless))
  } catch (error) {
    throw withoutSecrets(error, text)
  }
}

/** What an unpaired surrogate would be in UTF-8 if it could be. */
function surrogateBytes(unit: number): Buffer {
  return Buffer.of(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
}

/** What a COPY … FROM statement says. */
export interface CopyParts extends Pick<CopyFrom, 'table' | 'columns' | 'source' | 'where'> {
  readonly items: readonly OptionItem[]
  readonly onConflict?: ConflictPolicy
  /** The first feature that is only recognized. */
  readonly unsupported: Unsupported | undefined
}

const shape =
  "COPY table [ ( columns ) ] FROM { 'file' | STDIN } [ WITH ( options ) ] [ ON CONFLICT ... ] [ WHERE condition ]"
const tablelessShape = "COPY [ ( columns ) ] FROM { 'file' | STDIN } [ WITH ( options ) ]"
const rejectsShape =
  "COPY REJECTS 'load' INTO table [ ( columns ) ] [ WITH ( options ) ] [ ON CONFLICT ... ] [ WHERE condition ]"

/** Recursive descent with one token of lookahead. */
class Parser {
  readonly #text: string
  readonly #cursor: Cursor
  readonly #tableless: boolean | 'either'

  constructor(text: string, tableless: boolean | 'either') {
    this.#text = text
    this.#tableless = tableless
    this.#cursor = new Cursor(text)
  }

  statement(options: ParseOptions): Statement {
    if (this.#cursor.takeWord('explain')) {
      const validate = this.#cursor.takeWord('validate')
      if (!this.#cursor.isWord('copy')) throw this.#cursor.unexpected('Write EXPLAIN [ VALIDATE ] COPY ....')
      const { start: offset } = this.#cursor.token
      if (this.#takesCopyOfRejects()) throw unexplainable(this.#text, offset)
      const statement = this.#copy(options)
      return { kind: 'explain', text: statement.text, validate, statement }
    }
    return this.#takesCopyOfRejects() ? this.#copyRejects() : this.#copy(options)
  }

  /** Takes the COPY of COPY REJECTS, if it is one. No table can be followed by a string. */
  #takesCopyOfRejects(): boolean {
    const start = this.#cursor.token
    if (this.#cursor.takeWord('copy') && this.#cursor.isWord('rejects') && this.#cursor.peek()?.kind === 'string') {
      return true
    }
    this.#cursor.moveTo(start)
    return false
  }

  /** Of the statement that EXPLAIN is about, if it is one. */
  parts(): CopyParts {
    if (this.#cursor.takeWord('explain')) this.#cursor.takeWord('validate')
    return this.copyFrom()
  }

  #copy({ dialect: given }: ParseOptions): CopyFrom {
    const { items, onConflict, unsupported, ...parts } = this.copyFrom()
    const dialect = settleDialect(this.#text, items, given)
    const { options, notes } = resolveOptions(this.#text, items, { ...parts, onConflict, dialect: dialect?.name })
    if (unsupported) throw this.#cursor.refuse(unsupported)
    return {
      kind: 'copy from',
      text: maskFiles(maskUrl(maskSecrets(this.#text, items), parts.source), items, parts.source),
      ...parts,
      options,
      ...(dialect && { dialect }),
      ...(notes.length > 0 && { notes }),
    }
  }

  copyFrom(): CopyParts {
    this.#expectCopy()
    const unsupported: Unsupported[] = []
    const items: OptionItem[] = []
    const binary = this.#cursor.token
    if (this.#cursor.takeWord('binary')) {
      const { start: offset, end } = binary
      items.push({ name: 'format', offset, end, argument: { kind: 'string', value: 'binary', offset } })
    }
    this.#refuseCancel()
    this.#refuseJob()
    this.#cursor.takeWord('into')
    const mayBeTableless = this.#cursor.isWord('from') || this.#cursor.isOperator('(')
    if (this.#tableless === true || (this.#tableless && mayBeTableless)) return this.#read(unsupported, items)
    if (this.#cursor.isOperator('(')) throw this.#cursor.refuse({ ...copyTo, offset: this.#cursor.token.start })
    const table = this.#qualifiedName()
    const columns = this.#cursor.isOperator('(') ? this.#cursor.columnList() : undefined
    if (this.#cursor.isWord('to')) throw this.#cursor.refuse({ ...copyTo, offset: this.#cursor.token.start })
    if (!this.#cursor.takeWord('from')) throw this.#cursor.unexpected(this.#fromHint())
    const source = this.#source(unsupported)
    items.push(...new OptionGrammar(this.#cursor, source).read())
    let onConflict = this.#onConflict()
    const where = this.#cursor.takeWord('where') ? readCondition(this.#cursor) : undefined
    // ON is a reserved word, so no condition can hold it outside of parentheses.
    onConflict ??= this.#onConflict()
    this.#end()
    return {
      table,
      ...(columns && { columns }),
      source,
      items,
      ...(onConflict && { onConflict }),
      ...(where && { where }),
      unsupported: unsupported[0],
    }
  }

  /** `[ ( columns ) ] FROM …`, of a statement without a table. */
  #read(unsupported: Unsupported[], items: OptionItem[]): CopyParts {
    const { start: offset } = this.#cursor.token
    const columns = this.#cursor.isOperator('(') ? this.#cursor.columnList() : undefined
    const { token } = this.#cursor
    if (!this.#cursor.takeWord('from')) {
      const isName = token.kind === 'word' && columns === undefined
      const hint = isName ? 'Rows are read for the program, into no table: leave its name out.' : undefined
      throw this.#cursor.unexpected(hint ?? `Write ${tablelessShape}.`)
    }
    const source = this.#source(unsupported)
    items.push(...new OptionGrammar(this.#cursor, source).read())
    const where = this.#cursor.takeWord('where') ? readCondition(this.#cursor) : undefined
    this.#end()
    const table = { name: { value: '', quoted: false, offset } }
    return { table, ...(columns && { columns }), source, items, ...(where && { where }), unsupported: unsupported[0] }
  }

  /** `REJECTS 'load' INTO table [ ( columns ) ] [ options ] [ ON CONFLICT … ] [ WHERE … ]`. */
  #copyRejects(): CopyRejects {
    const text = this.#text
    this.#cursor.advance()
    const { start: offset } = this.#cursor.token
    const loadId = this.#cursor.string()
    if (!this.#cursor.takeWord('into')) throw this.#cursor.unexpected(`Write ${rejectsShape}.`)
    const table = this.#qualifiedName()
    const hint = 'Column names are separated by commas; options follow WITH.'
    const columns = this.#cursor.isOperator('(') ? this.#cursor.columnList(hint) : undefined
    const options = new OptionGrammar(this.#cursor).read()
    let onConflict = this.#onConflict()
    const where = this.#cursor.takeWord('where') ? readCondition(this.#cursor) : undefined
    onConflict ??= this.#onConflict()
    this.#end()
    checkOptions(text, options)
    return {
      kind: 'copy rejects',
      text: maskSecrets(text, options),
      loadId,
      offset,
      table,
      ...(columns && { columns }),
      given: { options: options.map(withoutSecret), ...(onConflict && { onConflict }), ...(where && { where }) },
    }
  }

  /** QuestDB's `COPY 'id' CANCEL`. */
  #refuseCancel(): void {
    const { token } = this.#cursor
    if (token.kind !== 'string') return
    const next = this.#cursor.peek()
    if (next?.kind !== 'word' || next.value !== 'cancel') return
    throw this.#cursor.refuse({
      offset: token.start,
      message: 'COPY ... CANCEL is not supported yet',
      hint: 'A load is cancelled where it runs: by the AbortSignal that db.copy was given, or by Ctrl-C.',
    })
  }

  /** Redshift's `COPY JOB RUN name` and its like. */
  #refuseJob(): void {
    const { token } = this.#cursor
    const next = this.#cursor.isWord('job') ? this.#cursor.peek() : undefined
    const isJob = ['alter', 'run', 'list', 'show', 'drop'].some((word) => isWord(next, word))
    if (isJob) throw this.#cursor.refuse({ ...copyJob, offset: token.start })
  }

  /** `ON CONFLICT [ ( columns ) ] DO action [ KEEP { FIRST | LAST } ]`. */
  #onConflict(): ConflictPolicy | undefined {
    if (!atConflict(this.#cursor)) return undefined
    const { start: offset } = this.#cursor.token
    this.#cursor.advance()
    this.#cursor.advance()
    const columns = this.#cursor.isOperator('(') ? this.#cursor.columnList() : undefined
    if (!this.#cursor.takeWord('do'))
      throw this.#cursor.unexpected('ON CONFLICT is followed by columns in parentheses, or by DO.')
    const action = this.#cursor.choice(conflictActions, 'DO is followed by SKIP, NOTHING, UPDATE, REJECT or ERROR.')
    const keep = this.#cursor.takeWord('keep')
      ? this.#cursor.choice(keeps, 'KEEP is followed by FIRST or LAST.')
      : defaultKeep(action)
    return { ...(columns && { columns }), action, keep, offset }
  }

  #expectCopy(): void {
    const token = this.#cursor.token
    if (this.#cursor.takeWord('copy')) return
    const form = `Write ${shape}.`
    if (token.kind === 'end') throw this.#cursor.error('the statement is empty', token, form)
    if (this.#text.startsWith('\\copy', token.start)) {
      throw this.#cursor.error(
        `${this.#cursor.near(token)}`,
        token,
        'Write COPY without the backslash; the file is read on this side as \\copy does.',
      )
    }
    const word = token.kind === 'word' && !token.quoted ? token.value : undefined
    const near = word !== undefined && closest(word, ['copy']) !== undefined
    throw this.#cursor.error(
      this.#cursor.near(token),
      token,
      near ? 'Did you mean "COPY"?' : `Only COPY statements can be run. ${form}`,
    )
  }

  /** `[database.][schema.]table`. */
  #qualifiedName(): QualifiedName {
    const first = this.#cursor.columnName()
    const parts = [first]
    while (this.#cursor.takeOperator('.')) parts.push(this.#cursor.label())
    const [a, b, c, d] = parts
    if (d) {
      const name = parts.map((part) => part.value).join('.')
      const message = `improper qualified name (too many dotted names): ${name}`
      throw statementError(this.#text, first.offset, 'syntax_error', message)
    }
    if (b && c) return { catalog: first, schema: b, name: c }
    return b ? { schema: first, name: b } : { name: a ?? first }
  }

  #source(unsupported: Unsupported[]): Source {
    const token = this.#cursor.token
    if (this.#cursor.takeWord('program')) {
      unsupported.push({
        offset: token.start,
        message: 'COPY FROM PROGRAM is not supported yet',
        hint: 'Run the program yourself and pipe its output into COPY ... FROM STDIN.',
      })
      const command = this.#cursor.token
      return { kind: 'file', path: this.#cursor.string(), offset: command.start }
    }
    // PostgreSQL takes either word in either direction.
    if (this.#cursor.takeWord('stdin') || this.#cursor.takeWord('stdout')) return { kind: 'stdin', offset: token.start }
    const isName = token.kind === 'word'
    const hint = isName
      ? "Put the file's path in single quotes, or write STDIN."
      : 'A path in single quotes, or STDIN, follows FROM.'
    return { kind: 'file', path: this.#cursor.string(hint), offset: token.start }
  }

  #end(): void {
    const isTerminated = this.#cursor.takeOperator(';')
    if (this.#cursor.token.kind === 'end') return
    if (isTerminated) throw this.#cursor.error('only one statement can be run at a time', this.#cursor.token)
    throw this.#cursor.unexpected(this.#cursor.isWord('where') ? undefined : this.#endHint())
  }

  #endHint(): string | undefined {
    const token = this.#cursor.token
    const isOption =
      token.kind === 'word' &&
      ((findOption(token.value) ?? suggestOption(token.value)) !== undefined ||
        new OptionGrammar(this.#cursor).atFormOfWords())
    return isOption ? 'All options stand inside the parentheses.' : undefined
  }

  #fromHint(): string {
    const token = this.#cursor.token
    if (token.kind === 'word' && closest(token.value, ['from']) !== undefined) return 'Did you mean "FROM"?'
    return 'FROM, and a path in single quotes or STDIN, follows the table.'
  }
}

const conflictActions: ReadonlyMap<string, ConflictPolicy['action']> = new Map([
  ['skip', 'skip'],
  ['nothing', 'skip'],
  ['update', 'update'],
  ['reject', 'reject'],
  ['error', 'error'],
])
const keeps: ReadonlyMap<string, ConflictPolicy['keep']> = new Map([
  ['first', 'first'],
  ['last', 'last'],
])

const copyTo = {
  message: 'COPY TO is not supported yet',
  hint: `What works is ${shape}.`,
}
