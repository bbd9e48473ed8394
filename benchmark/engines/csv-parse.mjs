import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse'
import { TypedColumns } from './javascript-columns.mjs'

export const label = 'csv-parse'

/** The streaming reader: the only one of its interfaces that does not hold the whole file as a string. */
export async function decode({ dataset }) {
  let columns
  return {
    async run() {
      columns = new TypedColumns(dataset.columns)
      const parser = createReadStream(dataset.path, { highWaterMark: 1 << 20 }).pipe(parse({ from_line: 2 }))
      parser.on('data', (record) => columns.push(record))
      await new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject))
    },
    checksum: () => columns.checksum(),
  }
}
