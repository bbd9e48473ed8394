import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { dialectNames } from '../../lib/statement/dialects/names.ts'
import { renderOptionReference, renderOptionTable } from '../../lib/statement/option-docs.ts'
import { isSupported, type OptionDefinition, optionKeys, optionTable } from '../../lib/statement/options.ts'
import { parseCopy, parseParts } from '../../lib/statement/parser.ts'
import { company } from './option-company.ts'

/** Refused whatever they say, so that an example can show no more than how they are written. */
const refused: readonly string[] = ['fileheader', 'force_quote']

/** Statements with the spellings that are read apart. */
const spelled: Readonly<Record<string, string>> = {
  'FORMAT AS': 'FORMAT AS parquet',
  "DELIMITER 'of several bytes'": "DELIMITER '||'",
  'HEADER { TRUE | FALSE }': 'HEADER true',
  'ENCODING [ AS ] name': 'ENCODING utf8',
  "FORMAT 'pattern'": "FORMAT 'yyyy'",
  ESCAPE: 'ESCAPE',
}

/** How a statement is one of a format, in the dialects that have it. */
const formatWords = {
  csv: ['FORMAT csv'],
  text: ['FORMAT text'],
  fixed: ['FORMAT fixed, FORMATTER (id (0, 8))', "FORMAT fixed, FIXEDWIDTH 'id:8'", 'FORMAT fixed'],
  binary: ['FORMAT binary'],
  parquet: ['FORMAT parquet'],
  arrow: ['FORMAT arrow'],
} as const
/** Examples that show what not all formats of an option have. */
const plainExamples: Readonly<Record<string, string>> = { header: 'HEADER' }

function isTaken(options: readonly string[]): boolean {
  try {
    parseCopy(`COPY t (id, name, unused) FROM 'f' (${options.filter((option) => option !== '').join(', ')})`)
    return true
  } catch {
    return false
  }
}

describe('the reference', () => {
  test.each(optionKeys.filter((key) => key !== 'format' && isSupported(key)))(
    '%s: its formats are those that take it',
    (key) => {
      const { formats, example: usual = '' }: OptionDefinition<unknown> = optionTable[key]
      const example = plainExamples[key] ?? usual
      const others = (company[key] ?? '').split(', ').filter((option) => !/^FORMAT /.test(option))
      const dialects = key === 'dialect' ? [''] : ['', ...dialectNames.map((name) => `DIALECT '${name}'`)]
      const taking = Object.entries(formatWords).flatMap(([format, words]) =>
        words.some((word) => dialects.some((dialect) => isTaken([dialect, word, ...others, example]))) ? [format] : [],
      )
      expect(taking.toSorted()).toEqual(formats.toSorted())
    },
  )

  test.each(optionKeys)('%s: its example is one, and it says where it is from and what can be wrong', (key) => {
    const { example, dialects, errors, formats }: OptionDefinition<unknown> = optionTable[key]
    expect(dialects).toBeDefined()
    expect(errors?.length).toBeGreaterThan(0)
    for (const [sqlState] of errors ?? []) expect(sqlState).toMatch(/^[0-9A-Z]{5}$/)
    const format = formats.includes('csv') ? 'FORMAT csv' : `FORMAT ${formats[0]}`
    const others = key === 'format' ? [] : [company[key] ?? format]
    const statement = `COPY t (id, name, unused) FROM 'f' (${[...others, example].join(', ')})`
    expect(parseParts(statement).items.at(-1)?.name).toBe(key)
    try {
      parseCopy(statement)
      expect(refused).not.toContain(key)
    } catch (error) {
      expect(refused).toContain(key)
      expect((error as CopyError).sqlState).toBe('0A000')
      expect(error).toBeInstanceOf(CopyError)
    }
  })

  test.each(optionKeys)('%s: what it says of the dialect is what the grammar finds', (key) => {
    const { example, of, dialects, alsoWritten = [] }: OptionDefinition<unknown> = optionTable[key]
    expect(parseParts(`COPY t (id, name, unused) FROM 'f' (${example})`).items.at(-1)?.of).toEqual(of)
    for (const [word, told] of alsoWritten) {
      const statement = `COPY t FROM 'f' ${spelled[word]}`
      expect(parseParts(statement).items.at(-1)).toMatchObject({ name: key, of: told })
    }
    // An option is of no system, of all, tells whose it is, or is copyist's own as well.
    const whose = /\n- Systems: (.*)/.exec(renderOptionReference().split(`## \`${key.toUpperCase()} `)[1] ?? '')?.[1]
    const isAnybodys = of?.exclusive !== true && dialects?.length !== 5
    expect(whose?.includes("copyist's own")).toBe(isAnybodys)
  })

  test('is the one in the documentation', () => {
    const text = readFileSync(new URL('../../docs/options.md', import.meta.url), 'utf8')
    expect(text.endsWith(renderOptionReference())).toBe(true)
  })

  test('of the table in the README is the same', () => {
    expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain(`\n${renderOptionTable()}\n`)
  })
})
