/**
 * One SELECT over `relation` that yields the checksum of its rows as one text value, in the dialect of PostgreSQL or DuckDB;
 * the same text as the generator's and as {@link Checksum}'s.
 */
export function checksumQuery(columns, relation, dialect) {
  const bytes = dialect === 'postgres' ? 'octet_length' : 'strlen'
  const micros =
    dialect === 'postgres'
      ? (name) => `(extract(epoch from ${name}) * 1000000)::bigint - 1577836800000000`
      : (name) => `epoch_us(${name}) - 1577836800000000`
  const terms = columns.flatMap(({ name, aggregate }) => {
    const column = `"${name}"`
    const value = {
      sum: column,
      cents: `round(${column} * 100)::bigint`,
      micros: micros(column),
      trues: `(CASE WHEN ${column} THEN 1 ELSE 0 END)`,
      bytes: `${bytes}(${column})`,
    }[aggregate]
    return [`coalesce(sum(${value}), 0)`, `count(*) - count(${column})`]
  })
  return `SELECT concat_ws('/', count(*), ${terms.join(', ')}) AS checksum FROM ${relation}`
}

/** The checksum of rows seen one column's value at a time, for readers that have no SQL. */
export class Checksum {
  #names
  #sums
  #nulls
  rows = 0

  constructor(columns) {
    this.#names = columns.map(({ name }) => name)
    // Exact: partial sums below 2^53 are carried into a bigint.
    this.#sums = columns.map(() => ({ total: 0n, part: 0 }))
    this.#nulls = new Array(columns.length).fill(0)
  }

  /** Adds an integer below 2^50 to column `index`. */
  add(index, value) {
    const sum = this.#sums[index]
    sum.part += value
    if (sum.part > 4e15 || sum.part < -4e15) {
      sum.total += BigInt(sum.part)
      sum.part = 0
    }
  }

  addNull(index) {
    this.#nulls[index]++
  }

  toString() {
    const terms = this.#names.flatMap((_, index) => {
      const { total, part } = this.#sums[index]
      return [total + BigInt(part), this.#nulls[index]]
    })
    return [this.rows, ...terms].join('/')
  }
}
