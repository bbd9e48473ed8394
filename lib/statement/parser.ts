import { Buffer } from 'node:buffer'
import type { CopyFrom, Name, QualifiedName, Source } from './ast.ts'
import { statementError } from './diagnostics.ts'
import { canBeListItem, canBeName, canBeValue } from './keywords.ts'
import { invalidUtf8, Lexer, type Token } from './lexer.ts'
import type { OptionArgument, OptionItem } from './option-arguments.ts'
import { resolveOptions } from './option-rules.ts'
import { type BareForm, findOption, type OptionDefinition, optionKeys, optionTable, suggestOption } from './options.ts'
import { closest } from './spelling.ts'

/**
 * Parses and checks one COPY … FROM statement.
 *
 * Throws CopyError, with the statement and the offset of the character it is about: 42601 for syntax, PostgreSQL's own
 * SQLSTATE and message for options that are wrong or do not go together, 0A000 for what this version cannot do yet.
 */
export function parseCopy(text: string): CopyFrom {
  const invalid = text.search(/\0|\p{Surrogate}/u)
  if (invalid >= 0) {
    const bytes = text.charAt(invalid) === '\0' ? Buffer.of(0) : surrogateBytes(text.charCodeAt(invalid))
    throw statementError(text, invalid, 'character_not_in_repertoire', invalidUtf8(bytes) ?? 'invalid text')
  }
  return new Parser(text).statement()
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

const shape = "COPY table [ ( columns ) ] FROM { 'file' | STDIN } [ WITH ( options ) ] [ WHERE condition ]"

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

  statement(): CopyFrom {
    const text = this.#text
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
    const where = this.#takeWord('where') ? this.#where() : undefined
    this.#end()
    const options = resolveOptions(text, items)
    const refused = unsupported[0]
    if (refused) throw this.#refuse(refused)
    return {
      kind: 'copy from',
      text,
      table,
      ...(columns && { columns }),
      source,
      options,
      ...(where && { where }),
    }
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

  #columnList(): readonly Name[] {
    this.#expectOperator('(')
    const names = [this.#columnName()]
    while (this.#takeOperator(',')) names.push(this.#columnName())
    this.#expectOperator(')', 'Column names are separated by commas.')
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

  /** `[[USING] DELIMITERS 'c'] [WITH] { ( options ) | bare options }`. */
  #options(source: Source): OptionItem[] {
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
    return findOption(token.value) === undefined ? undefined : 'Options are separated by commas.'
  }

  #genericOption(): OptionItem {
    const token = this.#token
    const { value: name, offset } = this.#label()
    // `=` may touch what follows it, and then both are one operator to the lexer.
    const sign = this.#token
    const equals = sign.kind === 'operator' && sign.value.startsWith('=') && sign.value !== '=>'
    if (equals) {
      this.#lexer.moveTo(sign.start + 1)
      this.#token = this.#lexer.next()
    }
    const argument = this.#genericArgument()
    if (equals && argument === undefined) throw this.#unexpected()
    return { name, offset, end: token.end, ...(argument && { argument }) }
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
  #bareOptions(withWord: boolean, source: Source): OptionItem[] {
    const items: OptionItem[] = []
    for (;;) {
      const option = this.#bareOption()
      if (option) {
        items.push(option)
        continue
      }
      const token = this.#token
      const isEnd = token.kind === 'end' || this.#isOperator(';') || this.#isWord('where')
      if (!isEnd) throw this.#unexpected(this.#bareHint(withWord, items.length > 0, source))
      return items
    }
  }

  #bareOption(): OptionItem | undefined {
    const start = this.#token
    if (start.kind !== 'word' || start.quoted) return undefined
    const forms = bareForms.filter(({ form }) => form.words[0] === start.value)
    const single = forms.find(({ form }) => form.words.length === 1)
    if (forms.length === 0) return undefined
    this.#advance()
    const match = single ?? this.#restOfBareForm(forms)
    if (!match) throw this.#unexpected('FORCE NOT NULL or FORCE NULL, with column names, is what COPY FROM takes.')
    const { key, form } = match
    const argument = this.#bareArgument(form)
    return { name: key, offset: start.start, end: start.end, ...(argument && { argument }) }
  }

  /** Reads on in forms of several words, of which the first has been read. */
  #restOfBareForm(forms: readonly KeyedBareForm[]): KeyedBareForm | undefined {
    for (let i = 1; ; i++) {
      const token = this.#token
      const word = token.kind === 'word' && !token.quoted ? token.value : undefined
      forms = forms.filter(({ form }) => form.words[i] === word)
      if (word === undefined || forms.length === 0) return undefined
      this.#advance()
      const done = forms.find(({ form }) => form.words.length === i + 1)
      if (done) return done
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
    }
  }

  /** What to say about a token that begins no bare option. */
  #bareHint(withWord: boolean, after: boolean, source: Source): string | undefined {
    const token = this.#token
    if (this.#previous?.kind === 'string' && this.#previous.end === token.start && token.kind === 'word') {
      return 'A single quote inside a string is written twice.'
    }
    if (this.#isOperator(',') && source.kind === 'file' && !withWord && !after) return 'One COPY reads one file.'
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
      if (token.kind === 'end' || (open.length === 0 && this.#isOperator(';'))) break
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
    const isOption = token.kind === 'word' && (findOption(token.value) ?? suggestOption(token.value)) !== undefined
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

  #isWord(word: string): boolean {
    return this.#token.kind === 'word' && !this.#token.quoted && this.#token.value === word
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
