import type { Evidence, Name, OptionArgument, OptionItem, Source } from './ast.ts'
import { readClause } from './clauses.ts'
import { type Cursor, isWord } from './cursor.ts'
import { readForeignForm } from './foreign-forms.ts'
import { canBeListItem, canBeValue } from './keywords.ts'
import { byteLength } from './option-arguments.ts'
import { type BareForm, findOption, type OptionDefinition, optionKeys, optionTable, suggestOption } from './options.ts'
import { closest } from './spelling.ts'
import { atConflict } from './sql-text.ts'

/** Reads the options of a statement, in parentheses or without. What they mean is asked later. */
export class OptionGrammar {
  readonly #cursor: Cursor
  readonly #source: Source | undefined

  /** `source`: what the statement reads, if it says so; some systems' spellings are only for files. */
  constructor(cursor: Cursor, source?: Source) {
    this.#cursor = cursor
    this.#source = source
  }

  /** `[[USING] DELIMITERS 'c'] [LOG ERRORS …] [WITH] { ( options ) | bare options }`. */
  read(): OptionItem[] {
    const items: OptionItem[] = []
    const first = this.#cursor.token
    const using = this.#cursor.takeWord('using')
    if (using || this.#cursor.isWord('delimiters')) {
      if (!this.#cursor.takeWord('delimiters')) throw this.#cursor.unexpected()
      const value = this.#cursor.token
      const delimiter = this.#cursor.string()
      const argument: OptionArgument = { kind: 'string', value: delimiter, offset: value.start }
      items.push({
        name: 'delimiter',
        offset: first.start,
        end: first.end,
        argument,
        ...this.#ofLongDelimiter('DELIMITERS', delimiter, using),
      })
    }
    for (let item = this.#bareOption(formsBeforeWith); item; item = this.#bareOption(formsBeforeWith)) items.push(item)
    const withWord = this.#cursor.takeWord('with')
    if (this.#cursor.isOperator('(')) items.push(...this.#genericOptions())
    else items.push(...this.#bareOptions(withWord))
    return items
  }

  /**
   * Whose a delimiter is: of more than one byte it is nobody's but GaussDB's. Where STDIN is read, PostgreSQL has its say; and with a
   * backslash it is rather a tab that is written as elsewhere.
   */
  #ofLongDelimiter(word: string, delimiter: string, using = false): Pick<OptionItem, 'word' | 'of'> {
    // Of the two systems that have USING, only GaussDB still documents it.
    const isAsked = this.#source?.kind === 'file' || using
    if (!isAsked || byteLength(delimiter) < 2 || delimiter.includes('\\')) return {}
    return { word, of: { dialect: 'gaussdb', exclusive: false } }
  }

  /** `( name [ [=] value ] [, …] )`. */
  #genericOptions(): OptionItem[] {
    this.#cursor.expectOperator('(')
    const items = [this.#genericOption()]
    while (this.#cursor.takeOperator(',')) items.push(this.#genericOption())
    this.#cursor.expectOperator(')', this.#genericHint(items))
    return items
  }

  /** What to say about a token that neither ends the options in parentheses nor separates two of them. */
  #genericHint(items: readonly OptionItem[]): string | undefined {
    const token = this.#cursor.token
    if (token.kind === 'end' || this.#cursor.isOperator(';') || this.#cursor.isWord('where')) return 'A ")" is missing.'
    if (token.kind !== 'word') return undefined
    const joined = findOption(`${items.at(-1)?.name}_${token.value}`)
    if (joined) return `Did you mean "${joined.toUpperCase()}"?`
    const isOption = findOption(token.value) !== undefined || this.atFormOfWords()
    return isOption ? 'Options are separated by commas.' : undefined
  }

  #genericOption(): OptionItem {
    const token = this.#cursor.token
    const { name, form } = this.#genericName()
    const as = formsWithAs.some((key) => key === findOption(name)) && this.#cursor.takeWord('as')
    const equals = !as && this.#cursor.takeEquals()
    // LOG ERRORS REJECT LIMIT, as GaussDB's older syntax has it, lacks a comma here; REJECT is no value.
    const isNext = name.includes(' ') && !as && !equals && this.atFormOfWords()
    const clause = clauseOf(findOption(name))
    const argument = isNext ? undefined : clause ? readClause(this.#cursor, clause) : this.#genericArgument()
    if ((as || equals) && argument === undefined) throw this.#cursor.unexpected()
    const of = form?.of ?? evidenceOf(name)
    const word = form?.words.join(' ') ?? name
    return {
      name,
      offset: token.start,
      end: token.end,
      ...(argument && { argument }),
      ...(word !== name && { word: word.toUpperCase() }),
      ...(of && { of }),
      ...(name === 'delimiter' && argument?.kind === 'string' && this.#ofLongDelimiter('DELIMITER', argument.value)),
    }
  }

  /** A word, or several that are the name of one option. */
  #genericName(): { readonly name: string; readonly form?: BareForm } {
    const token = this.#cursor.token
    if (token.kind !== 'word' || token.quoted || !this.atFormOfWords()) return { name: this.#cursor.label().value }
    const match = this.#takeForm(formsOfWords)
    return match ? { name: match.key, form: match.form } : { name: token.value }
  }

  /** Whether the words that follow begin an option whose name has several. */
  atFormOfWords(): boolean {
    const forms = formsOfWords.filter(({ form }) => this.#cursor.isWord(form.words[0] ?? ''))
    if (forms.length === 0) return false
    const next = this.#cursor.peek()
    return forms.some(({ form }) => isWord(next, form.words[1] ?? ''))
  }

  #genericArgument(): OptionArgument | undefined {
    const token = this.#cursor.token
    const offset = token.start
    switch (token.kind) {
      case 'unicode string':
      case 'unicode name':
        throw this.#cursor.unicodeLiteral(token)
      case 'string':
        this.#cursor.advance()
        return { kind: 'string', value: token.value, offset }
      case 'word':
        if (!token.quoted && !canBeValue(token.value)) return undefined
        this.#cursor.advance()
        return { kind: 'string', value: token.value, offset }
      case 'integer':
      case 'float':
        return this.#cursor.number(offset, '')
      case 'operator':
        if (token.value === '*') {
          this.#cursor.advance()
          return { kind: 'star', offset }
        }
        if (token.value === '+' || token.value === '-') {
          this.#cursor.advance()
          return this.#cursor.number(offset, token.value)
        }
        if (token.value === '[') return this.#arrayArgument()
        return token.value === '(' ? this.#listArgument() : undefined
      default:
        return undefined
    }
  }

  #listArgument(): OptionArgument {
    const offset = this.#cursor.token.start
    this.#cursor.expectOperator('(')
    const items = [this.#listItem()]
    while (this.#cursor.takeOperator(',')) items.push(this.#listItem())
    this.#cursor.expectOperator(')')
    return { kind: 'list', items, offset }
  }

  /** `[ 'a', "b" ]`, as Materialize has it. */
  #arrayArgument(): OptionArgument {
    const offset = this.#cursor.token.start
    this.#cursor.advance()
    const items: string[] = []
    do {
      const { token } = this.#cursor
      if (token.kind === 'word' && token.quoted) items.push(this.#cursor.label().value)
      else items.push(this.#cursor.string())
    } while (this.#cursor.takeOperator(','))
    this.#cursor.expectOperator(']', 'The strings are separated by commas.')
    return { kind: 'array', items, offset }
  }

  #listItem(): Name {
    const token = this.#cursor.token
    if (token.kind === 'string') {
      this.#cursor.advance()
      return { value: token.value, quoted: true, offset: token.start }
    }
    if (token.kind === 'word' && !token.quoted && !canBeListItem(token.value)) throw this.#cursor.unexpected()
    return this.#cursor.label()
  }

  /** PostgreSQL's older syntax: words without parentheses or commas. */
  #bareOptions(withWord: boolean): OptionItem[] {
    const items: OptionItem[] = []
    for (;;) {
      const option = this.#bareOption(bareForms)
      if (option) {
        items.push(option)
        continue
      }
      const token = this.#cursor.token
      const isEnd =
        token.kind === 'end' || this.#cursor.isOperator(';') || this.#cursor.isWord('where') || atConflict(this.#cursor)
      const isJob = this.#cursor.isWord('job') && isWord(this.#cursor.peek(), 'create')
      if (isJob && this.#source?.kind === 'file') throw this.#cursor.refuse({ ...copyJob, offset: token.start })
      if (!isEnd) throw this.#cursor.unexpected(this.#bareHint(withWord, items.length > 0))
      return items
    }
  }

  #bareOption(forms: readonly KeyedBareForm[]): OptionItem | undefined {
    const start = this.#cursor.token
    if (start.kind !== 'word' || start.quoted || atConflict(this.#cursor)) return undefined
    const foreign = forms === bareForms ? readForeignForm(this.#cursor, this.#source) : undefined
    if (foreign) return foreign
    if (!forms.some(({ form }) => form.words[0] === start.value)) return undefined
    const match = this.#takeForm(forms)
    if (!match) throw this.#cursor.unexpected(halfForms[start.value])
    const { key, form } = match
    const clause = form.takes === 'clause' ? clauseOf(key) : undefined
    const argument = clause ? readClause(this.#cursor, clause) : this.#bareArgument(form)
    const of = form.of ?? evidenceOf(key)
    const word = form.words.join(' ')
    return {
      name: key,
      offset: start.start,
      end: start.end,
      ...(argument && { argument }),
      ...(word !== key && { word: word.toUpperCase() }),
      ...(of && { of }),
      ...(key === 'delimiter' && argument?.kind === 'string' && this.#ofLongDelimiter('DELIMITER', argument.value)),
    }
  }

  /** The longest of `forms` whose words follow; undefined, with the words read that begin one, when none is complete. */
  #takeForm(forms: readonly KeyedBareForm[]): KeyedBareForm | undefined {
    let done: KeyedBareForm | undefined
    for (let i = 0; ; i++) {
      const longer = forms.filter(({ form }) => isWord(this.#cursor.token, form.words[i] ?? ''))
      if (longer.length === 0) return done
      this.#cursor.advance()
      forms = longer
      done = forms.find(({ form }) => form.words.length === i + 1)
    }
  }

  #bareArgument(form: BareForm): OptionArgument | undefined {
    const offset = this.#cursor.token.start
    switch (form.takes) {
      case 'nothing':
        return form.value === undefined
          ? undefined
          : { kind: 'string', value: form.value, offset: this.#cursor.previous?.start ?? offset }
      case 'string':
        if (form.as) this.#cursor.takeWord('as')
        return {
          kind: 'string',
          offset: this.#cursor.token.start,
          value: this.#cursor.string('A string in single quotes follows.'),
        }
      case 'columns': {
        if (this.#cursor.takeOperator('*')) return { kind: 'star', offset }
        const items = [this.#cursor.columnName()]
        while (this.#cursor.takeOperator(',')) items.push(this.#cursor.columnName())
        return { kind: 'list', items, offset }
      }
      case 'value':
      case 'optional': {
        const mark = (form.as === true && this.#cursor.takeWord('as')) || this.#cursor.takeEquals()
        const argument =
          mark || form.takes === 'value' || this.#isOptionalValue(form) ? this.#genericArgument() : undefined
        if (argument === undefined && (mark || form.takes === 'value')) throw this.#cursor.unexpected()
        return argument
      }
      case 'clause':
        return undefined
    }
  }

  /** Whether a value follows that nothing announces, and no other option, or clause, instead. */
  #isOptionalValue(form: BareForm): boolean {
    const token = this.#cursor.token
    if (token.kind !== 'word') return token.kind === 'string' || token.kind === 'integer'
    if (token.quoted || !form.values?.includes(token.value)) return false
    if (token.value !== 'on') return true
    const next = this.#cursor.peek()
    return !isWord(next, 'error') && !isWord(next, 'conflict')
  }

  /** What to say about a token that begins no bare option. */
  #bareHint(withWord: boolean, after: boolean): string | undefined {
    const token = this.#cursor.token
    if (
      this.#cursor.previous?.kind === 'string' &&
      this.#cursor.previous.end === token.start &&
      token.kind === 'word'
    ) {
      return 'A single quote inside a string is written twice.'
    }
    if (this.#cursor.isOperator(',') && this.#source?.kind === 'file' && !withWord && !after)
      return 'One COPY reads one file.'
    if (this.#cursor.isOperator('(') && after) {
      return 'FIXED FORMATTER, TRANSFORM and the like go with options that stand beside them, not with options in parentheses.'
    }
    if (this.#cursor.isOperator(',') || this.#cursor.isOperator('=')) {
      return 'Options with commas or equals signs stand in parentheses: WITH (FORMAT csv, HEADER).'
    }
    if (token.kind !== 'word') return undefined
    const key = findOption(token.value)
    if (key) return `Write this option in parentheses: WITH (${key.toUpperCase()} ...).`
    const suggestion = suggestOption(token.value) ?? closest(token.value, ['csv', 'where', 'with'])
    return suggestion === undefined ? undefined : `Did you mean "${suggestion.toUpperCase()}"?`
  }
}

/** Redshift's jobs, which load files as they come. */
export const copyJob = {
  message: 'COPY JOB is not supported yet',
  hint: 'A statement loads what is there when it is run. Leave JOB out, and run it when files have come.',
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

/** The grammar that reads what follows an option; undefined where it is one value or none. */
function clauseOf(key: string | undefined): OptionDefinition<unknown>['clause'] {
  const definition: OptionDefinition<unknown> | undefined = optionTable[key as keyof typeof optionTable]
  return key === undefined ? undefined : definition?.clause
}

/** The system that the name of an option in parentheses tells of. */
function evidenceOf(name: string): Evidence | undefined {
  const key = findOption(name)
  if (key === undefined) return undefined
  const definition: OptionDefinition<unknown> = optionTable[key]
  if (key === name) return definition.of
  return definition.bare.find((form) => form.words.length === 1 && form.words[0] === name)?.of
}

/** What to say, by its first word, of a form that is not complete. */
const halfForms: Readonly<Record<string, string>> = {
  fixed: 'FIXED FORMATTER (column (offset, length), ...) is what a file of fixed width needs.',
  force: 'FORCE NOT NULL or FORCE NULL, with column names, is what COPY FROM takes.',
  on: 'ON ERROR is followed by SKIP_ROW, SKIP_COLUMN or ABORT, ON CONFLICT by columns in parentheses or by DO.',
  log: 'LOG ERRORS, or LOG ERRORS DATA, is what COPY FROM takes.',
  reject: "REJECT LIMIT is followed by a number in single quotes, or by 'unlimited'.",
}
