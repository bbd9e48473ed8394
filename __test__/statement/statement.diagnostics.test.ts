import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import { formatDiagnostic } from '../../lib/statement/diagnostics.ts'
import { parseCopy } from '../../lib/statement/parser.ts'

function diagnose(statement: string): string {
  try {
    parseCopy(statement)
  } catch (error) {
    return `\n${formatDiagnostic(error as CopyError)}\n`
  }
  throw new Error(`accepted: ${statement}`)
}

/** The caret under the first `^` of the marked text, which is not part of the statement. */
function pointAt(marked: string): string {
  const offset = marked.indexOf('^')
  const statement = { text: marked.slice(0, offset) + marked.slice(offset + 1), offset }
  const error = new CopyError({ code: 'syntax_error', sqlState: '42601', message: 'm', statement })
  return `\n${formatDiagnostic(error)}\n`
}

describe('the caret', () => {
  test('stands under the token', () => {
    expect(diagnose("COPY weather FROM 'w.csv' (FORMAT csv, DELIM ';')")).toMatchInlineSnapshot(`
      "
      ERROR:  option "delim" not recognized
      LINE 1: COPY weather FROM 'w.csv' (FORMAT csv, DELIM ';')
                                                     ^
      HINT:  Did you mean "DELIMITER"?
      "
    `)
  })

  test('counts lines, whatever ends them', () => {
    expect(diagnose("COPY t\r\nFROM 'f'\r  (FORMAT csv,\n  HEADER on on)\n WHERE true")).toMatchInlineSnapshot(`
      "
      ERROR:  syntax error at or near "on"
      LINE 4:   HEADER on on)
                          ^
      "
    `)
  })

  test('stands after the end of the statement', () => {
    expect(diagnose('COPY t FROM')).toMatchInlineSnapshot(`
      "
      ERROR:  syntax error at end of input
      LINE 1: COPY t FROM
                         ^
      HINT:  A path in single quotes, or STDIN, follows FROM.
      "
    `)
    expect(diagnose('COPY t FROM\n')).toMatchInlineSnapshot(`
      "
      ERROR:  syntax error at end of input
      LINE 2:
              ^
      HINT:  A path in single quotes, or STDIN, follows FROM.
      "
    `)
  })

  test('is not moved by tabs', () => {
    expect(pointAt('COPY\tt\tFROM ^x')).toMatchInlineSnapshot(`
      "
      ERROR:  m
      LINE 1: COPY t FROM x
                          ^
      "
    `)
  })

  test('is moved twice by wide characters and not at all by combining ones', () => {
    expect(pointAt("COPY 表 FROM '日本語.csv' ^x")).toMatchInlineSnapshot(`
      "
      ERROR:  m
      LINE 1: COPY 表 FROM '日本語.csv' x
                                        ^
      "
    `)
    const lines = pointAt("COPY cafe\u0301 FROM '😀👩\u200d👩\u200d👧\uff71' ^x").split('\n')
    expect(lines[3]?.length).toBe("LINE 1: COPY cafe FROM '__==.' ^".length)
  })

  test.each([
    ['at its end', `COPY ${'column_'.repeat(30)} FROM ^x`],
    ['at its start', `COPY ^${'column_'.repeat(30)} FROM x`],
    ['in its middle', `COPY ${'column_'.repeat(15)}^${'column_'.repeat(15)} FROM x`],
    ['in a very long one', `COPY ${'column_'.repeat(9_999)}^${'column_'.repeat(9_999)} FROM x`],
    ['with wide characters', `COPY ${'表'.repeat(100)}^x${'表'.repeat(100)} FROM x`],
  ])('a long line is cut around it: %s', (_, marked) => {
    const [, , line = '', caret = ''] = pointAt(marked).split('\n')
    const width = (text: string) => [...text].reduce((sum, character) => sum + (character === '表' ? 2 : 1), 0)
    expect(width(line)).toBeLessThanOrEqual('LINE 1: '.length + 60 + 2 * '...'.length)
    let column = 0
    const under = [...line].find((character) => {
      const here = column
      column += width(character)
      return here === caret.length - 1
    })
    expect(under).toBe(marked.charAt(marked.indexOf('^') + 1))
  })

  test('a line cut on both sides', () => {
    expect(pointAt(`COPY ${'abcdefg_'.repeat(15)}^${'column_'.repeat(15)} FROM x`)).toMatchInlineSnapshot(`
      "
      ERROR:  m
      LINE 1: ...g_abcdefg_abcdefg_abcdefg_abcdefg_abcdefg_abcdefg_column_col...
                                                                   ^
      "
    `)
  })
})

test('DETAIL, HINT and CONTEXT follow, without a statement too', () => {
  const error = new CopyError({
    code: 'invalid_text_representation',
    sqlState: '22P02',
    message: 'invalid input syntax for type integer: "abc"',
    context: 'COPY weather, line 5, column temp: "abc"',
    detail: 'more',
    hint: 'help',
  })
  expect(formatDiagnostic(error)).toBe(
    'ERROR:  invalid input syntax for type integer: "abc"\nDETAIL:  more\nHINT:  help\nCONTEXT:  COPY weather, line 5, column temp: "abc"',
  )
})
