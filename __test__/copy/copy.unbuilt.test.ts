import { expect, test } from 'vitest'
import { refuseUnbuilt } from '../../lib/copy.ts'
import { parseStatement } from '../../lib/statement/parser.ts'

test.each([
  ['COPY t FROM STDIN (ON_ERROR ignore)', 'COPY that goes on after a value that does not fit its column'],
  ['COPY t FROM STDIN (ON_ERROR set_null)', 'COPY that goes on after a value that does not fit its column'],
  ['COPY t FROM STDIN (LOG_VERBOSITY silent)', 'COPY LOG_VERBOSITY'],
  ['COPY t FROM STDIN (IGNORE_EXTRA_DATA)', 'COPY IGNORE_EXTRA_DATA'],
  ['COPY t FROM STDIN (FILLRECORD)', 'COPY FILL_MISSING_FIELDS'],
  ['COPY t FROM STDIN (ACCEPTINVCHARS)', 'COPY that replaces invalid characters'],
  ['COPY t FROM STDIN (TRUNCATECOLUMNS)', 'COPY TRUNCATE_COLUMNS'],
  ['COPY t FROM STDIN ON CONFLICT DO NOTHING', 'COPY ON CONFLICT'],
  ["COPY t FROM STDIN (LOAD_KEY 'k')", 'COPY LOAD_KEY'],
])('%s is refused', (text, what) => {
  const error = { sqlState: '0A000', message: `${what} is not supported yet` }
  expect(() => refuseUnbuilt(parseStatement(text))).toThrow(expect.objectContaining(error))
})

test('what asks for nothing is not', () => {
  const text =
    'COPY t FROM STDIN (ON_ERROR stop, LOG_VERBOSITY default, MAXERROR 1, IGNOREALLERRORS off, IGNORE_EXTRA_DATA off, FILLRECORD 0)'
  expect(refuseUnbuilt(parseStatement(text))).toEqual(parseStatement(text))
})
