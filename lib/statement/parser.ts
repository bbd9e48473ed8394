import { Buffer } from 'node:buffer'
import type {
  ConflictPolicy,
  CopyFrom,
  CopyRejects,
  Name,
  OptionArgument,
  OptionItem,
  QualifiedName,
  Source,
  Statement,
} from './ast.ts'
import { statementError } from './diagnostics.ts'
import { canBeListItem, canBeName, canBeValue } from './keywords.ts'
import { invalidUtf8, Lexer, type Token } from './lexer.ts'
import { checkOptions, resolveOptions } from './option-rules.ts'
import { type BareForm, findOption, type OptionDefinition, optionKeys, optionTable, suggestOption } from './options.ts'
import { defaultKeep } from './printing.ts'
import { closest } from './spelling.ts'

/**
 * Parses and checks one COPY … FROM statement.
 *
 * Throws CopyError, with the statement and the offset of the character it is about: 42601 for syntax, PostgreSQL's own
 * SQLSTATE and message for options that are wrong or do not go together, 0A000 for what this version cannot do yet.
 */
export function parseCopy(text: string): CopyFrom {
  const statement = parseStatement(text)
  if (statement.kind === 'copy from') return statement
  throw statementError(text, statement.offset, 'syntax_error', 'COPY REJECTS cannot stand in place of COPY ... FROM')
}

/** Parses and checks any statement: COPY … FROM, or COPY REJECTS … INTO. Throws CopyError as {@link parseCopy} does. */
export function parseStatement(text: string): Statement {
  return parserOf(text).statement()
}

/** The parts of a COPY … FROM statement whose options have not been looked at. Throws CopyError for syntax. */
export function parseParts(text: string): CopyParts {
  return parserOf(text).copyFrom()
}

function parserOf(text: string): Parser {
  const invalid = text.search(/\0|\p{Surrogate}/u)
  if (invalid >= 0) {
    const bytes = text.charAt(invalid) === '\0' ? Buffer.of(0) : surrogateBytes(text.charCodeAt(invalid))
    throw statementError(text, invalid, 'character_not_in_repertoire', invalidUtf8(bytes) ?? 'invalid text')
  }
  return new Parser(text)
}

/** What an unpaired surrogate would be in UTF-8 if it could be. */
function surrogateBytes(unit: number): Buffer {
  return Buffer.of(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
}

/** Features of COPY that the grammar recognizes in order to refuse them by name. */
interface Unsupported {
  readonly offset: number
  readonly message: string
  readonly hint: string
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
const rejectsShape = "COPY REJECTS 'load' INTO table [ ( columns ) ] [ WITH ( options ) ] [ ON CONFLICT ... ]"

/** Recursive descent with one token of lookahead. */
class Parser {
  readonly #text: string
  readonly #lexer: Lexer
  #token: Token
  /** The token before the present one. */
  #previous: Token | undefined

  constructor(text: string) {
    this.#text = text
    this.#lexer = new Lexer(text)
    this.#token = this.#lexer.next()
  }

  statement(): Statement {
    const text = this.#text
    const start = this.#token
    // No table can be followed by a string.
    if (this.#takeWord('copy') && this.#isWord('rejects') && this.#peek()?.kind === 'string') return this.#copyRejects()
    this.#moveTo(start)
    const { items, onConflict, unsupported, ...parts } = this.copyFrom()
    const options = resolveOptions(text, items, onConflict)
    if (unsupported) throw this.#refuse(unsupported)
    return { kind: 'copy from', text, ...parts, options }
  }

  copyFrom(): CopyParts {
    this.#expectCopy()
    const unsupported: Unsupported[] = []
    const items: OptionItem[] = []
    const binary = this.#token
    if (this.#takeWord('binary')) items.push(this.#fixedOption('format', 'binary', binary))
    this.#takeWord('into')
    if (this.#isOperator('(')) throw this.#refuse({ ...copyTo, offset: this.#token.start })
    const table = this.#qualifiedName()
    const columns = this.#isOperator('(') ? this.#columnList() : undefined
    if (this.#isWord('to')) throw this.#refuse({ ...copyTo, offset: this.#token.start })
    if (!this.#takeWord('from')) throw this.#unexpected(this.#fromHint())
    const source = this.#source(unsupported)
    items.push(...this.#options(source))
    let onConflict = this.#onConflict()
    const where = this.#takeWord('where') ? this.#where() : undefined
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

  /** `REJECTS 'load' INTO table [ ( columns ) ] [ options ] [ ON CONFLICT … ]`. */
  #copyRejects(): CopyRejects {
    const text = this.#text
    this.#advance()
    const { start: offset } = this.#token
    const loadId = this.#string()
    if (!this.#takeWord('into')) throw this.#unexpected(`Write ${rejectsShape}.`)
    const table = this.#qualifiedName()
    const hint = 'Column names are separated by commas; options follow WITH.'
    const columns = this.#isOperator('(') ? this.#columnList(hint) : undefined
    const options = this.#options()
    const onConflict = this.#onConflict()
    this.#end()
    checkOptions(text, options)
    return {
      kind: 'copy rejects',
      text,
      loadId,
      offset,
      table,
      ...(columns && { columns }),
      given: { options, ...(onConflict && { onConflict }) },
    }
  }

  #atConflict(): boolean {
    return this.#isWord('on') && isWord(this.#peek(), 'conflict')
  }

  /** `ON CONFLICT [ ( columns ) ] DO action [ KEEP { FIRST | LAST } ]`. */
  #onConflict(): ConflictPolicy | undefined {
    if (!this.#atConflict()) return undefined
    const { start: offset } = this.#token
    this.#advance()
    this.#advance()
    const columns = this.#isOperator('(') ? this.#columnList() : undefined
    if (!this.#takeWord('do')) throw this.#unexpected('ON CONFLICT is followed by columns in parentheses, or by DO.')
    const action = this.#choice(conflictActions, 'DO is followed by SKIP, NOTHING, UPDATE, REJECT or ERROR.')
    const keep = this.#takeWord('keep')
      ? this.#choice(keeps, 'KEEP is followed by FIRST or LAST.')
      : defaultKeep(action)
    return { ...(columns && { columns }), action, keep, offset }
  }

  #choice<Value>(words: ReadonlyMap<string, Value>, hint: string): Value {
    const token = this.#token
    const value = token.kind === 'word' && !token.quoted ? words.get(token.value) : undefined
    if (value === undefined) throw this.#unexpected(hint)
    this.#advance()
    return value
  }

  #expectCopy(): void {
    const token = this.#token
    if (this.#takeWord('copy')) return
    const form = `Write ${shape}.`
    if (token.kind === 'end') throw this.#error('the statement is empty', token, form)
    if (this.#text.startsWith('\\copy', token.start)) {
      throw this.#error(
        `${this.#near(token)}`,
        token,
        'Write COPY without the backslash; the file is read on this side as \\copy does.',
      )
    }
    const word = token.kind === 'word' && !token.quoted ? token.value : undefined
    const near = word !== undefined && closest(word, ['copy']) !== undefined
    throw this.#error(
      this.#near(token),
      token,
      near ? 'Did you mean "COPY"?' : `Only COPY statements can be run. ${form}`,
    )
  }

  /** `[database.][schema.]table`. */
  #qualifiedName(): QualifiedName {
    const first = this.#columnName()
    const parts = [first]
    while (this.#takeOperator('.')) parts.push(this.#label())
    const [a, b, c, d] = parts
    if (d) {
      const name = parts.map((part) => part.value).join('.')
      const message = `improper qualified name (too many dotted names): ${name}`
      throw statementError(this.#text, first.offset, 'syntax_error', message)
    }
    if (b && c) return { catalog: first, schema: b, name: c }
    return b ? { schema: first, name: b } : { name: a ?? first }
  }

  #columnList(hint = 'Column names are separated by commas.'): readonly Name[] {
    this.#expectOperator('(')
    const names = [this.#columnName()]
    while (this.#takeOperator(',')) names.push(this.#columnName())
    this.#expectOperator(')', hint)
    return names
  }

  /** The name of a table or column: quoted, or a word that is no keyword of that rank. */
  #columnName(): Name {
    const token = this.#token
    if (token.kind === 'unicode name') throw this.#unicodeLiteral(token)
    if (token.kind !== 'word') throw this.#unexpected()
    if (this.#isWord('from') && this.#previous?.kind === 'word')
      throw this.#unexpected('The name of the table is missing.')
    if (!token.quoted && !canBeName(token.value)) {
      throw this.#unexpected(`"${token.value}" is a keyword. Put it in double quotes to use it as a name.`)
    }
    this.#advance()
    return { value: token.value, quoted: token.quoted, offset: token.start }
  }

  /** A name where any word will do. */
  #label(): Name {
    const token = this.#token
    if (token.kind === 'unicode name') throw this.#unicodeLiteral(token)
    if (token.kind !== 'word') throw this.#unexpected()
    this.#advance()
    return { value: token.value, quoted: token.quoted, offset: token.start }
  }

  #source(unsupported: Unsupported[]): Source {
    const token = this.#token
    if (this.#takeWord('program')) {
      unsupported.push({
        offset: token.start,
        message: 'COPY FROM PROGRAM is not supported yet',
        hint: 'Run the program yourself and pipe its output into COPY ... FROM STDIN.',
      })
      const command = this.#token
      return { kind: 'file', path: this.#string(), offset: command.start }
    }
    // PostgreSQL takes either word in either direction.
    if (this.#takeWord('stdin') || this.#takeWord('stdout')) return { kind: 'stdin', offset: token.start }
    const isName = token.kind === 'word'
    const hint = isName
      ? "Put the file's path in single quotes, or write STDIN."
      : 'A path in single quotes, or STDIN, follows FROM.'
    return { kind: 'file', path: this.#string(hint), offset: token.start }
  }

  #string(hint?: string): string {
    const token = this.#token
    if (token.kind === 'unicode string') throw this.#unicodeLiteral(token)
    if (token.kind !== 'string') throw this.#unexpected(hint)
    this.#advance()
    return token.value
  }

  /** `[[USING] DELIMITERS 'c'] [LOG ERRORS …] [WITH] { ( options ) | bare options }`. */
  #options(source?: Source): OptionItem[] {
    const items: OptionItem[] = []
    const first = this.#token
    const using = this.#takeWord('using')
    if (using || this.#isWord('delimiters')) {
      if (!this.#takeWord('delimiters')) throw this.#unexpected()
      const value = this.#token
      const delimiter = this.#string()
      const argument: OptionArgument = { kind: 'string', value: delimiter, offset: value.start }
      items.push({ name: 'delimiter', offset: first.start, end: first.end, argument })
    }
    for (let item = this.#bareOption(formsBeforeWith); item; item = this.#bareOption(formsBeforeWith)) items.push(item)
    const withWord = this.#takeWord('with')
    if (this.#isOperator('(')) items.push(...this.#genericOptions())
    else items.push(...this.#bareOptions(withWord, source))
    return items
  }

  /** `( name [ [=] value ] [, …] )`. */
  #genericOptions(): OptionItem[] {
    this.#expectOperator('(')
    const items = [this.#genericOption()]
    while (this.#takeOperator(',')) items.push(this.#genericOption())
    this.#expectOperator(')', this.#genericHint(items))
    return items
  }

  /** What to say about a token that neither ends the options in parentheses nor separates two of them. */
  #genericHint(items: readonly OptionItem[]): string | undefined {
    const token = this.#token
    if (token.kind === 'end' || this.#isOperator(';') || this.#isWord('where')) return 'A ")" is missing.'
    if (token.kind !== 'word') return undefined
    const joined = findOption(`${items.at(-1)?.name}_${token.value}`)
    if (joined) return `Did you mean "${joined.toUpperCase()}"?`
    const isOption = findOption(token.value) !== undefined || this.#atFormOfWords()
    return isOption ? 'Options are separated by commas.' : undefined
  }

  #genericOption(): OptionItem {
    const token = this.#token
    const name = this.#genericName()
    const as = formsWithAs.some((key) => key === findOption(name)) && this.#takeWord('as')
    const equals = !as && this.#takeEquals()
    // LOG ERRORS REJECT LIMIT, as GaussDB's older syntax has it, lacks a comma here; REJECT is no value.
    const isNext = name.includes(' ') && !as && !equals && this.#atFormOfWords()
    const argument = isNext ? undefined : this.#genericArgument()
    if ((as || equals) && argument === undefined) throw this.#unexpected()
    return { name, offset: token.start, end: token.end, ...(argument && { argument }) }
  }

  /** A word, or several that are the name of one option. */
  #genericName(): string {
    const token = this.#token
    if (token.kind !== 'word' || token.quoted) return this.#label().value
    if (!this.#atFormOfWords()) return this.#label().value
    return this.#takeForm(formsOfWords)?.key ?? token.value
  }

  #atFormOfWords(): boolean {
    const forms = formsOfWords.filter(({ form }) => this.#isWord(form.words[0] ?? ''))
    if (forms.length === 0) return false
    const next = this.#peek()
    return forms.some(({ form }) => isWord(next, form.words[1] ?? ''))
  }

  /** `=`, which may touch what follows it, and then both are one operator to the lexer. */
  #takeEquals(): boolean {
    const sign = this.#token
    if (sign.kind !== 'operator' || !sign.value.startsWith('=') || sign.value === '=>') return false
    this.#lexer.moveTo(sign.start + 1)
    this.#token = this.#lexer.next()
    return true
  }

  #genericArgument(): OptionArgument | undefined {
    const token = this.#token
    const offset = token.start
    switch (token.kind) {
      case 'unicode string':
      case 'unicode name':
        throw this.#unicodeLiteral(token)
      case 'string':
        this.#advance()
        return { kind: 'string', value: token.value, offset }
      case 'word':
        if (!token.quoted && !canBeValue(token.value)) return undefined
        this.#advance()
        return { kind: 'string', value: token.value, offset }
      case 'integer':
      case 'float':
        return this.#number(offset, '')
      case 'operator':
        if (token.value === '*') {
          this.#advance()
          return { kind: 'star', offset }
        }
        if (token.value === '+' || token.value === '-') {
          this.#advance()
          return this.#number(offset, token.value)
        }
        return token.value === '(' ? this.#listArgument() : undefined
      default:
        return undefined
    }
  }

  #number(offset: number, sign: '' | '+' | '-'): OptionArgument {
    const token = this.#token
    if (token.kind === 'integer') {
      this.#advance()
      return { kind: 'integer', value: sign === '-' ? 0 - token.value : token.value, offset }
    }
    if (token.kind !== 'float') throw this.#unexpected()
    this.#advance()
    return { kind: 'float', value: sign === '-' ? `-${token.value}` : token.value, offset }
  }

  #listArgument(): OptionArgument {
    const offset = this.#token.start
    this.#expectOperator('(')
    const items = [this.#listItem()]
    while (this.#takeOperator(',')) items.push(this.#listItem())
    this.#expectOperator(')')
    return { kind: 'list', items, offset }
  }

  #listItem(): Name {
    const token = this.#token
    if (token.kind === 'string') {
      this.#advance()
      return { value: token.value, quoted: true, offset: token.start }
    }
    if (token.kind === 'word' && !token.quoted && !canBeListItem(token.value)) throw this.#unexpected()
    return this.#label()
  }

  /** PostgreSQL's older syntax: words without parentheses or commas. */
  #bareOptions(withWord: boolean, source?: Source): OptionItem[] {
    const items: OptionItem[] = []
    for (;;) {
      const option = this.#bareOption(bareForms)
      if (option) {
        items.push(option)
        continue
      }
      const token = this.#token
      const isEnd = token.kind === 'end' || this.#isOperator(';') || this.#isWord('where') || this.#atConflict()
      if (!isEnd) throw this.#unexpected(this.#bareHint(withWord, items.length > 0, source))
      return items
    }
  }

  #bareOption(forms: readonly KeyedBareForm[]): OptionItem | undefined {
    const start = this.#token
    if (start.kind !== 'word' || start.quoted || this.#atConflict()) return undefined
    if (!forms.some(({ form }) => form.words[0] === start.value)) return undefined
    const match = this.#takeForm(forms)
    if (!match) throw this.#unexpected(halfForms[start.value])
    const { key, form } = match
    const argument = this.#bareArgument(form)
    return { name: key, offset: start.start, end: start.end, ...(argument && { argument }) }
  }

  /** The longest of `forms` whose words follow; undefined, with the words read that begin one, when none is complete. */
  #takeForm(forms: readonly KeyedBareForm[]): KeyedBareForm | undefined {
    let done: KeyedBareForm | undefined
    for (let i = 0; ; i++) {
      const longer = forms.filter(({ form }) => isWord(this.#token, form.words[i] ?? ''))
      if (longer.length === 0) return done
      this.#advance()
      forms = longer
      done = forms.find(({ form }) => form.words.length === i + 1)
    }
  }

  #bareArgument(form: BareForm): OptionArgument | undefined {
    const offset = this.#token.start
    switch (form.takes) {
      case 'nothing':
        return form.value === undefined
          ? undefined
          : { kind: 'string', value: form.value, offset: this.#previous?.start ?? offset }
      case 'string':
        if (form.as) this.#takeWord('as')
        return { kind: 'string', offset: this.#token.start, value: this.#string('A string in single quotes follows.') }
      case 'columns': {
        if (this.#takeOperator('*')) return { kind: 'star', offset }
        const items = [this.#columnName()]
        while (this.#takeOperator(',')) items.push(this.#columnName())
        return { kind: 'list', items, offset }
      }
      case 'value':
      case 'optional': {
        const mark = (form.as === true && this.#takeWord('as')) || this.#takeEquals()
        const argument =
          mark || form.takes === 'value' || this.#isOptionalValue(form) ? this.#genericArgument() : undefined
        if (argument === undefined && (mark || form.takes === 'value')) throw this.#unexpected()
        return argument
      }
    }
  }

  /** Whether a value follows that nothing announces, and no other option, or clause, instead. */
  #isOptionalValue(form: BareForm): boolean {
    const token = this.#token
    if (token.kind !== 'word') return token.kind === 'string' || token.kind === 'integer'
    if (token.quoted || !form.values?.includes(token.value)) return false
    if (token.value !== 'on') return true
    const next = this.#peek()
    return !isWord(next, 'error') && !isWord(next, 'conflict')
  }

  /** What to say about a token that begins no bare option. */
  #bareHint(withWord: boolean, after: boolean, source: Source | undefined): string | undefined {
    const token = this.#token
    if (this.#previous?.kind === 'string' && this.#previous.end === token.start && token.kind === 'word') {
      return 'A single quote inside a string is written twice.'
    }
    if (this.#isOperator(',') && source?.kind === 'file' && !withWord && !after) return 'One COPY reads one file.'
    if (this.#isOperator(',') || this.#isOperator('=')) {
      return 'Options with commas or equals signs stand in parentheses: WITH (FORMAT csv, HEADER).'
    }
    if (token.kind !== 'word') return undefined
    const key = findOption(token.value)
    if (key) return `Write this option in parentheses: WITH (${key.toUpperCase()} ...).`
    const suggestion = suggestOption(token.value) ?? closest(token.value, ['csv', 'where', 'with'])
    return suggestion === undefined ? undefined : `Did you mean "${suggestion.toUpperCase()}"?`
  }

  /** Everything up to the end of the statement, with balanced parentheses and brackets. */
  #where(): { readonly sql: string; readonly offset: number } {
    const open: string[] = []
    const offset = this.#token.start
    let end = offset
    for (;;) {
      const token = this.#token
      if (token.kind === 'end' || (open.length === 0 && (this.#isOperator(';') || this.#atConflict()))) break
      if (token.kind === 'operator') {
        if (token.value === '(' || token.value === '[') open.push(token.value === '(' ? ')' : ']')
        else if (token.value === ';' || token.value === ')' || token.value === ']') {
          if (open.pop() !== token.value) throw this.#unexpected()
        }
      }
      end = token.end
      this.#advance()
    }
    if (open.length > 0) throw this.#unexpected(`A "${open.at(-1)}" is missing.`)
    if (end === offset) throw this.#unexpected('A condition follows WHERE.')
    return { sql: this.#text.slice(offset, end), offset }
  }

  #end(): void {
    const isTerminated = this.#takeOperator(';')
    if (this.#token.kind === 'end') return
    if (isTerminated) throw this.#error('only one statement can be run at a time', this.#token)
    throw this.#unexpected(this.#isWord('where') ? undefined : this.#endHint())
  }

  #endHint(): string | undefined {
    const token = this.#token
    const isOption =
      token.kind === 'word' &&
      ((findOption(token.value) ?? suggestOption(token.value)) !== undefined || this.#atFormOfWords())
    return isOption ? 'All options stand inside the parentheses.' : undefined
  }

  #fromHint(): string {
    const token = this.#token
    if (token.kind === 'word' && closest(token.value, ['from']) !== undefined) return 'Did you mean "FROM"?'
    return 'FROM, and a path in single quotes or STDIN, follows the table.'
  }

  #advance(): void {
    this.#previous = this.#token
    this.#token = this.#lexer.next()
  }

  /** Goes back to a token. */
  #moveTo(token: Token): void {
    this.#previous = undefined
    this.#token = token
    this.#lexer.moveTo(token.end)
  }

  /** The token after the present one, if there is a token. */
  #peek(): Token | undefined {
    const { end } = this.#token
    try {
      return this.#lexer.next()
    } catch {
      // What is wrong with it matters when it is its turn.
      return undefined
    } finally {
      this.#lexer.moveTo(end)
    }
  }

  #isWord(word: string): boolean {
    return isWord(this.#token, word)
  }

  #takeWord(word: string): boolean {
    if (!this.#isWord(word)) return false
    this.#advance()
    return true
  }

  #isOperator(value: string): boolean {
    return this.#token.kind === 'operator' && this.#token.value === value
  }

  #takeOperator(value: string): boolean {
    if (!this.#isOperator(value)) return false
    this.#advance()
    return true
  }

  #expectOperator(value: string, hint?: string): void {
    if (!this.#takeOperator(value)) throw this.#unexpected(hint)
  }

  #fixedOption(name: string, value: string, token: Token): OptionItem {
    return { name, offset: token.start, end: token.end, argument: { kind: 'string', value, offset: token.start } }
  }

  #near(token: Token): string {
    return token.kind === 'end'
      ? 'syntax error at end of input'
      : `syntax error at or near "${this.#text.slice(token.start, token.end)}"`
  }

  #error(message: string, token: Token, hint?: string): Error {
    return statementError(this.#text, token.start, 'syntax_error', message, { hint })
  }

  #unexpected(hint?: string): Error {
    return this.#error(this.#near(this.#token), this.#token, hint)
  }

  #unicodeLiteral(token: Token): Error {
    const what = token.kind === 'unicode name' ? 'U&"..." names are' : "U&'...' strings are"
    return this.#refuse({
      offset: token.start,
      message: `${what} not supported`,
      hint: "Write the characters themselves, or escapes in a string as E'\\u00e4'.",
    })
  }

  #refuse({ offset, message, hint }: Unsupported): Error {
    return statementError(this.#text, offset, 'feature_not_supported', message, { hint })
  }
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && !token.quoted && token.value === word
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

interface KeyedBareForm {
  readonly key: string
  readonly form: BareForm
}

/** Every way to write an option without parentheses. */
const bareForms: readonly KeyedBareForm[] = optionKeys.flatMap((key) => {
  const definition: OptionDefinition<unknown> = optionTable[key]
  return definition.bare.map((form) => ({ key, form }))
})
/** Those that may stand before WITH. */
const formsBeforeWith = bareForms.filter(({ form }) => form.beforeWith)
/** Those of several words that may stand between parentheses. */
const formsOfWords = bareForms.filter(({ form }) => form.inParentheses && form.words.length > 1)
/** Options that have AS before their value between parentheses, too. PostgreSQL's own have not. */
const formsWithAs = bareForms.filter(({ form }) => form.as && form.takes !== 'string').map(({ key }) => key)

/** What to say, by its first word, of a form that is not complete. */
const halfForms: Readonly<Record<string, string>> = {
  force: 'FORCE NOT NULL or FORCE NULL, with column names, is what COPY FROM takes.',
  on: 'ON ERROR is followed by SKIP_ROW, SKIP_COLUMN or ABORT, ON CONFLICT by columns in parentheses or by DO.',
  log: 'LOG ERRORS, or LOG ERRORS DATA, is what COPY FROM takes.',
  reject: "REJECT LIMIT is followed by a number in single quotes, or by 'unlimited'.",
}
