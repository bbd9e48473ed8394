import { dialectTitles } from './dialects/names.ts'
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
    const { dialects = [], example = '', errors = [] } = definition
    const spellings = definition.bare.map((form) => code(form.words.join(' ').toUpperCase()))
    const facts = [
      ['Formats', formats(definition)],
      ['Default', isSupported(key) ? describeDefault(key, code) : 'none'],
      ['Systems', dialects.length === 0 ? "copyist's own" : dialects.map((name) => dialectTitles[name]).join(', ')],
      ['Example', code(example)],
      ['Without parentheses', spellings.length === 0 ? 'not' : spellings.join(', ')],
      ['Errors', errors.map(([sqlState, reason]) => `${code(sqlState)} ${reason}`).join('; ')],
    ]
    const lines = facts.map(([name, text]) => `- ${name}: ${text}\n`).join('')
    const heading = `${key.toUpperCase()} ${definition.synopsis}`.trim()
    return `## ${code(heading)}\n\n${definition.summary}${notYet(key)}\n\n${lines}`
  })
  return entries.join('\n')
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
