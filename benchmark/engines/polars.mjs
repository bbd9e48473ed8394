import polars from 'nodejs-polars'
import { Checksum } from '../checksum.mjs'

export const label = 'nodejs-polars'

const TYPES = { bigint: polars.Int64, int4: polars.Int32, float8: polars.Float64, text: polars.Utf8 }
const EPOCH_MICROS = 1_577_836_800_000_000

/** Types are given, not guessed, but for timestamps (its reader's own detection) and `t`/`f` (compared after reading). */
export async function decode({ dataset, threads }) {
  const given = dataset.columns.filter(({ type }) => type in TYPES)
  const options = {
    hasHeader: true,
    tryParseDates: true,
    numThreads: threads,
    dtypes: Object.fromEntries(given.map(({ name, type }) => [name, TYPES[type]])),
  }
  const flags = dataset.columns.filter(({ type }) => type === 'bool')
  return frames(dataset, () => {
    const frame = polars.readCSV(dataset.path, options)
    if (flags.length === 0) return frame
    return frame.withColumns(...flags.map(({ name }) => polars.col(name).eq(polars.lit('t')).alias(name)))
  })
}

/** Parquet into a frame, whose columns are Arrow's. */
export async function parquetArrow({ dataset }) {
  return frames(dataset, () => polars.readParquet(dataset.parquet))
}

function frames(dataset, read) {
  let frame
  return {
    async run() {
      frame = read()
    },
    checksum() {
      const checksum = new Checksum(dataset.columns)
      checksum.rows = frame.height
      for (const [index, { name, aggregate }] of dataset.columns.entries()) {
        const column = frame.getColumn(name)
        for (const value of (aggregate === 'micros' ? column.cast(polars.Int64) : column).toArray()) {
          if (value === null) checksum.addNull(index)
          else checksum.add(index, MEASURES[aggregate](value))
        }
      }
      return checksum.toString()
    },
  }
}

const MEASURES = {
  sum: Number,
  cents: (value) => Math.round(value * 100),
  micros: (value) => Number(value) - EPOCH_MICROS,
  trues: Number,
  bytes: (value) => Buffer.byteLength(value),
}
