import { describe, expect, test } from 'vitest'
import { renderOptionHelp, renderOptionTable } from '../../lib/statement/option-docs.ts'
import { isSupported, optionKeys, optionTable, suggestOption } from '../../lib/statement/options.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

describe('the option table', () => {
  test('no name is claimed by two options', () => {
    const names = optionKeys.flatMap((key) => [key, ...optionTable[key].otherNames])
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  test('every other name leads to its option', () => {
    for (const key of optionKeys) {
      for (const name of optionTable[key].otherNames) expect([name, suggestOption(name)]).toEqual([name, key])
    }
  })

  test.each(optionKeys)('a misspelt %s is recognized', (key) => {
    if (!isSupported(key)) return
    expect(suggestOption(`${key}x`)).toBe(key)
    expect(suggestOption(key.replaceAll('_', ''))).toBe(key)
    if (key.length > 4) expect(suggestOption(key.slice(0, 2) + key.slice(3))).toBe(key)
  })

  test('words that resemble nothing suggest nothing', () => {
    expect(suggestOption('butterflies')).toBeUndefined()
    expect(suggestOption('x'.repeat(100_000))).toBeUndefined()
  })
})

describe('the documentation', () => {
  test('names every option that works, and no other', () => {
    const rows = renderOptionTable().trimEnd().split('\n').slice(2)
    const keys = optionKeys.filter(isSupported)
    expect(rows).toHaveLength(keys.length)
    for (const [index, key] of keys.entries()) expect(`${rows[index]} `).toContain(`| \`${key.toUpperCase()} `)
    for (const row of rows) expect(row.replaceAll('\\|', '').split('|')).toHaveLength(6)
  })

  test('says the defaults that hold', () => {
    expect(renderOptionTable()).toContain(
      "| `DELIMITER 'character'` | csv, text | `,` in csv, tab in text; in Redshift's dialect `\\|` in text |",
    )
    expect(renderOptionTable()).toContain('| csv | same as QUOTE |')
  })

  test('keeps to the width of the terminal', () => {
    for (const width of [40, 80, 120]) {
      const wrapped = renderOptionHelp(width).filter((line) => line.startsWith('      '))
      expect(Math.max(...wrapped.map((line) => line.length))).toBeLessThanOrEqual(width)
    }
  })

  test('each example of a default parses to it', () => {
    const implicit = parseCopy('COPY t FROM STDIN CSV').options
    const spelled = `COPY t FROM STDIN (FORMAT csv, DELIMITER ',', NULL '', HEADER false, QUOTE '"', ESCAPE '"', ENCODING 'UTF8', ON_ERROR stop)`
    expect(parseCopy(spelled).options).toEqual(implicit)
  })
})
