import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../../lib/errors.ts'
import { refusePending } from '../../../lib/statement/execution.ts'
import { optionKeys, optionTable } from '../../../lib/statement/options.ts'
import { parseCopy, parseParts } from '../../../lib/statement/parser.ts'
import { printCopy } from '../../../lib/statement/printing.ts'
import { expectStablePrinting, meaning } from '../meaning.ts'
import { dialectStatement } from '../statements.ts'
import type { DialectCase } from './case.ts'
import { gaussdbCases } from './gaussdb.cases.ts'
import { materializeCases } from './materialize.cases.ts'
import { postgresqlCases } from './postgresql.cases.ts'
import { questdbCases } from './questdb.cases.ts'
import { redshiftCases } from './redshift.cases.ts'

/** By the document that the sentences are of. */
const cases: Readonly<Record<string, readonly DialectCase[]>> = {
  'spec/gaussdb-copy.md': gaussdbCases,
  'spec/materialize-copy-from.md': materializeCases,
  'spec/questdb-copy.md': questdbCases,
  'dialects.md': [...postgresqlCases, ...redshiftCases],
}

/** Where the documents are, beside the project; they are not part of it. */
const documents = new URL('../../../../shared/', import.meta.url)

function failure(run: () => unknown): CopyError | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
}

describe.each(Object.entries(cases))('%s', (document, table) => {
  test.each(table)('$statement', ({ statement, options, dialect, pending, error, notes }) => {
    if (error) {
      const refused = failure(() => parseCopy(statement))
      expect([refused?.sqlState, refused?.message]).toEqual(error)
      return
    }
    const copy = parseCopy(statement)
    expect(copy.options).toMatchObject(options ?? {})
    if (dialect) expect(copy.dialect?.name).toBe(dialect)
    expect(copy.notes?.map(({ option }) => option)).toEqual(notes)
    const refused = failure(() => refusePending(copy))
    expect(refused?.message).toBe(pending)
    if (refused) expect(refused.sqlState).toBe('0A000')
    expect(meaning(parseCopy(printCopy(copy)))).toEqual(meaning(copy))
  })

  const path = new URL(document, documents)
  test.skipIf(!existsSync(path))('the sentences are those of the document', () => {
    const squeeze = (text: string) => text.replace(/\s+/g, ' ')
    const text = squeeze(readFileSync(path, 'utf8'))
    expect(table.filter(({ sentence }) => !text.includes(squeeze(sentence))).map(({ sentence }) => sentence)).toEqual(
      [],
    )
  })
})

test('every option of every system has a case', () => {
  const used = new Set(
    Object.values(cases)
      .flat()
      .flatMap(({ statement }) => {
        try {
          return parseParts(statement).items.map(({ name }) => name)
        } catch {
          return []
        }
      }),
  )
  // QuestDB makes tables unasked.
  const unsaid = ['create_table']
  const spoken = optionKeys.filter((key) => optionTable[key].dialects?.length)
  expect(spoken.filter((key) => !used.has(key) && !unsaid.includes(key))).toEqual([])
})

test('a printed statement of any system parses to the same statement, and printing is stable', () => {
  expectStablePrinting(dialectStatement, meaning, { numRuns: 4_000, least: 1_000 })
})
