import type { Evidence } from './ast.ts'
import { dialectNames, dialectTitles } from './dialects/names.ts'
import { isPending } from './execution.ts'
import { defaultOf, isSupported, type OptionDefinition, type OptionKey, optionKeys, optionTable } from './options.ts'

/** The options as a Markdown table, one row each, for the README. Ends with a line feed. */
export function renderOptionTable(): string {
  const rows = optionKeys.filter(isSupported).map((key) => {
    const definition: OptionDefinition<unknown> = optionTable[key]
    const option = code(`${key.toUpperCase()} ${definition.synopsis}`)
    return [option, formats(definition), describeDefault(key, code), `${definition.summary}${notYet(key)}`]
  })
  const lines = [['Option', 'Formats', 'Default', 'Meaning'], ['---', '---', '---', '---'], ...rows]
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`).join('')
}

/** Each option on its own, with all that the table knows of it, as Markdown. Ends with a line feed. */
export function renderOptionReference(): string {
  const entries = optionKeys.map((key) => {
    const definition: OptionDefinition<unknown> = optionTable[key]
    const { example = '', errors = [] } = definition
    const spellings = definition.bare.map((form) => code(form.words.join(' ').toUpperCase()))
    const facts = [
      ['Formats', formats(definition)],
      ['Default', isSupported(key) ? describeDefault(key, code) : 'none'],
      ['Systems', systems(definition)],
      ['Example', code(example)],
      ['Without parentheses', spellings.length === 0 ? 'not' : spellings.join(', ')],
      ['Dialect', whatTells(key)],
      ['Errors', errors.map(([sqlState, reason]) => `${code(sqlState)} ${reason}`).join('; ')],
    ]
    const lines = facts.map(([name, text]) => (text === '' ? '' : `- ${name}: ${text}\n`)).join('')
    const heading = `${key.toUpperCase()} ${definition.synopsis}`.trim()
    return `## ${code(heading)}\n\n${definition.summary}${notYet(key)}\n\n${lines}`
  })
  return entries.join('\n')
}

/** Whose the option is. Unless its name is one system's word, copyist takes it in every dialect. */
function systems({ dialects = [], of }: OptionDefinition<unknown>): string {
  const titles = dialects.map((name) => dialectTitles[name]).join(', ')
  if (of?.exclusive || dialects.length === dialectNames.length) return titles
  return titles === '' ? "copyist's own, in every dialect" : `${titles}; copyist's own in every other dialect`
}

/** The words of the option that say whose rules hold, as {@link wordsThatTell} finds them. */
function whatTells(key: OptionKey): string {
  const words = wordsThatTell(key)
  const ofEach = dialectNames.flatMap((dialect) =>
    [true, false].flatMap((exclusive) => {
      const those = words.filter(({ of }) => of.dialect === dialect && of.exclusive === exclusive)
      if (those.length === 0) return []
      const whose = `${dialectTitles[dialect]}'s rules`
      const spelled = those.map(({ word }) => code(word)).join(', ')
      const choose = those.length === 1 ? 'chooses' : 'choose'
      return [`${spelled} ${choose} ${whose}${exclusive ? '' : ' where nothing chooses others'}`]
    }),
  )
  return ofEach.join('; ')
}

/** The spellings of an option that belong to one system, in upper case. */
export function wordsThatTell(key: OptionKey): readonly { readonly word: string; readonly of: Evidence }[] {
  const { of, bare, alsoWritten = [] }: OptionDefinition<unknown> = optionTable[key]
  const forms = bare.flatMap((form) => {
    const told = form.of ?? of
    return told ? [{ word: form.words.join(' ').toUpperCase(), of: told }] : []
  })
  const all = [
    ...(of ? [{ word: key.toUpperCase(), of }] : []),
    ...forms,
    ...alsoWritten.map(([word, told]) => ({ word, of: told })),
  ]
  return all.filter(({ word }, index) => all.findIndex((other) => other.word === word) === index)
}

function notYet(key: OptionKey): string {
  return isPending(key) ? ' *Parsed, and refused: not carried out yet.*' : ''
}

/** The options as lines of plain text at most `width` columns wide, for `--help`. */
export function renderOptionHelp(width: number): string[] {
  // What is not carried out yet is of no help.
  const keys = optionKeys.filter((key) => isSupported(key) && !isPending(key))
  return keys.flatMap((key) => {
    const definition: OptionDefinition<unknown> = optionTable[key]
    const only = definition.formats.length === 1 ? ` (${definition.formats[0]} only)` : ''
    const text = `${definition.summary} Default: ${describeDefault(key, (value) => value)}.`
    return [`  ${key.toUpperCase()} ${definition.synopsis}${only}`, ...wrap(text, width, '      ')]
  })
}

/** Breaks text at blanks into lines of at most `width` columns, each beginning with `indent`. */
export function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(indent + line)
  return lines
}

function formats(definition: OptionDefinition<unknown>): string {
  return definition.formats.join(', ')
}

/** The default as the documentation says it; `spell` marks what is to be read literally. */
function describeDefault(key: OptionKey, spell: (value: string) => string): string {
  const definition: OptionDefinition<unknown> = optionTable[key]
  if (definition.defaultNote !== undefined) return definition.defaultNote
  const [csv, text] = (['csv', 'text'] as const).map((format) => {
    const value = defaultOf(key, format)
    if (value === undefined) return undefined
    return 'sameAs' in value ? `same as ${value.sameAs.toUpperCase()}` : spellValue(value.value, spell)
  })
  if (csv === text || text === undefined) return csv ?? 'none'
  if (csv === undefined) return text
  return `${csv} in csv, ${text} in text`
}

function spellValue(value: unknown, spell: (value: string) => string): string {
  if (value === '') return 'empty string'
  if (value === '\t') return 'tab'
  if (Array.isArray(value)) return value.length === 0 ? 'no column' : value.join(', ')
  return spell(String(value))
}

function code(text: string): string {
  return `\`${text}\``
}
