import { expect, test } from 'vitest'
import { refuseUnbuilt } from '../../lib/copy.ts'
import { parseStatement } from '../../lib/statement/parser.ts'

test.each([["COPY REJECTS 'id' INTO t", 'COPY REJECTS']])('%s is refused', (text, what) => {
  const error = { sqlState: '0A000', message: `${what} is not supported yet` }
  expect(() => refuseUnbuilt(parseStatement(text))).toThrow(expect.objectContaining(error))
})
