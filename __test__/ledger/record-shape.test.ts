import { expect, test } from 'vitest'
import { flawOf, protect } from '../../lib/record-shape.ts'
import type { CopyFrom } from '../../lib/statement/ast.ts'
import { parseStatement } from '../../lib/statement/parser.ts'

const options = (text: string) => (parseStatement(`COPY t FROM STDIN (${text})`) as CopyFrom).options
const csv = options('FORMAT csv')
const tolerant = options('FORMAT csv, ON_ERROR skip_row')
const escaped = options(`FORMAT csv, ESCAPE '\\'`)
const text = options('FORMAT text')

test.each([
  ['', csv, undefined],
  ['a,b', csv, undefined],
  ['"a\nb",c', tolerant, undefined],
  ['"a""b\r\n""",c', tolerant, undefined],
  ['a"b,c"d', csv, undefined],
  ['a"b\nc"d', csv, undefined],
  ['a"b\nc"d', tolerant, 'unterminated CSV quoted field'],
  ['"b\nc"d', tolerant, 'unterminated CSV quoted field'],
  ['"b"d', tolerant, undefined],
  ['"b', csv, 'unterminated CSV quoted field'],
  ['"b""', csv, 'unterminated CSV quoted field'],
  ['a,b"', tolerant, 'unterminated CSV quoted field'],
  ['a\nb', csv, 'unquoted newline found in data'],
  ['"a"\rb', csv, 'unquoted carriage return found in data'],
  ['"a\\"b"', escaped, undefined],
  ['"a\\\\"', escaped, undefined],
  ['"a\\"', escaped, 'unterminated CSV quoted field'],
  ['a\\"b"', escaped, undefined],
  ['a\tb', text, undefined],
  ['a\\\nb\\\rc', text, undefined],
  ['a\nb', text, 'literal newline found in data'],
  ['a\\\\\rb', text, 'literal carriage return found in data'],
  ['\\.', text, 'end-of-copy marker corrupt'],
  ['\\.', csv, undefined],
])('%j', (raw, given, message) => {
  expect(flawOf(Buffer.from(raw), given)?.message).toBe(message)
})

test.each([
  ['a', 'a'],
  ['a\\', 'a\\\\'],
  ['a\\\\', 'a\\\\'],
  ['\\', '\\\\'],
  ['\\\\\\', '\\\\\\\\'],
])('a backslash at the end: %j', (raw, written) => {
  expect(String(protect(Buffer.from(raw), text))).toBe(written)
  expect(String(protect(Buffer.from(raw), csv))).toBe(raw)
})
