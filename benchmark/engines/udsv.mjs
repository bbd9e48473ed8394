import { createReadStream } from 'node:fs'
import { inferSchema, initParser } from 'udsv'
import { TypedColumns } from './javascript-columns.mjs'

export const label = 'uDSV'

/** The streaming reader of string records: its fastest interface. */
export async function decode({ dataset }) {
  let columns
  return {
    async run() {
      columns = new TypedColumns(dataset.columns)
      const take = (record) => columns.push(record)
      let parser
      for await (const text of createReadStream(dataset.path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
        parser ??= initParser(inferSchema(text))
        parser.chunk(text, parser.stringArrs, take)
      }
      parser.end()
    },
    checksum: () => columns.checksum(),
  }
}

/** The same into columns that a program keeps. */
export const columns = decode
export const objects = async (context) => (await import('./read.mjs')).udsvObjects(context)
