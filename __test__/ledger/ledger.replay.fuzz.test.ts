import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { connect } from '../../lib/index.ts'

const bytes = (...parts: string[]) =>
  fc.array(fc.constantFrom(...parts), { maxLength: 60 }).map((chosen) => Buffer.from(chosen.join(''), 'latin1'))

it('every row is loaded once or left, whatever the bytes', async () => {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const db = await connect(connection)
  await connection.run('CREATE TABLE t (a int, b text)')
  const again = [
    `NULL 'x'`,
    `NULL '', IGNORE_EXTRA_DATA`,
    `FORMAT csv, QUOTE '1', ESCAPE '1'`,
    `FILL_MISSING_FIELDS 'multi'`,
    `FORMAT csv, QUOTE '"', ESCAPE '\\'`,
  ]
  const formats = [
    ['FORMAT csv', bytes('"', '"', ',', ',', '\n', '\n', '1', 'x', 'ab', '\r', '\\', '\xff')],
    ['FORMAT text', bytes('\t', '\t', '\n', '\n', '1', 'x', 'ab', '\r', '\\', '.', '\\.', '\xff')],
    [`FORMAT csv, ESCAPE '\\'`, bytes('"', '"', ',', ',', '\n', '\n', '1', 'x', '\\', '\\"')],
  ] as const
  for (const [format, input] of formats) {
    const property = fc.asyncProperty(input, fc.shuffledSubarray(again, { minLength: 1 }), async (stdin, options) => {
      const first = await db.copy(`COPY t FROM STDIN (${format}, ON_ERROR skip_row)`, { stdin })
      let open = first.rowsRejected
      for (const option of options) {
        if (format.startsWith('FORMAT text') && /QUOTE/.test(option)) continue
        const receipt = await db.copy(`COPY REJECTS '${first.id}' INTO t WITH (${option})`)
        expect(receipt.rowsRead).toBe(open)
        expect(receipt.rowsResolved).toBe(receipt.rowsLoaded)
        open -= receipt.rowsLoaded
      }
      let left = 0
      for await (const _ of db.rejects(first.id)) left += 1
      expect(left).toBe(open)
    })
    await fc.assert(property, { numRuns: 1_000, interruptAfterTimeLimit: 4_000, endOnFailure: true })
  }
  await db.close()
  connection.closeSync()
  instance.closeSync()
})
