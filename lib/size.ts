/** PostgreSQL's memory units, which are powers of 1024; a number alone is bytes. */
const POWERS: Readonly<Record<string, number>> = { '': 0, b: 0, k: 1, kb: 1, m: 2, mb: 2, g: 3, gb: 3, t: 4, tb: 4 }

/** `64MB` or `1.5 GiB` as a whole number of bytes; undefined when it is none. */
export function bytesOf(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const power = amount === '' ? undefined : POWERS[unit.toLowerCase().replace('ib', 'b')]
  const bytes = power === undefined ? Number.NaN : Math.round(Number(amount) * 1024 ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
