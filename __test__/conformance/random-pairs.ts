/** Statements and files at random, of the part of the language that PostgreSQL has. */
import { mutate, type Random } from '../types/random.ts'

/** The columns: a type in SQL, and values that it takes. */
export const columns: Readonly<Record<string, { readonly sql: string; readonly values: readonly string[] }>> = {
  b: { sql: 'bool', values: ['t', 'false', 'yes', 'OFF', '1', ' tr '] },
  i2: { sql: 'int2', values: ['0', '-32768', '32767', ' 7 ', '0x1F', '1_000', '32768'] },
  i4: { sql: 'int4 DEFAULT 7', values: ['1', '-2', '2147483647', '0b11', '007', '2147483648'] },
  i8: { sql: 'int8', values: ['9223372036854775807', '-1', '12345678901234567', '0o17'] },
  f4: { sql: 'float4', values: ['1.5', '-0', '1e10', 'NaN', 'inf', '3.4028236e38', '1e39'] },
  f8: { sql: 'float8', values: ['0.1', '-1e-300', 'Infinity', '1e400', '.5', '5.'] },
  n: { sql: 'numeric', values: ['1.50', '-123456789012345678901234567890.1', '1e20', 'NaN', '0x10'] },
  d: { sql: 'numeric(6,2)', values: ['1.005', '-9999.994', '9999.995', '12', '1e3'] },
  t: { sql: "text DEFAULT 'of t'", values: ['a', 'bc', 'longer text', 'ü', '', ' ', '日本', 'NULL'] },
  v: { sql: 'varchar(3)', values: ['abc', 'abcd', 'ab ', 'abc  ', 'é€a', ''] },
  c: { sql: 'char(3)', values: ['a', 'abc', 'abc ', 'abcd'] },
  y: { sql: 'bytea', values: ['\\x00ff', 'abc', '\\\\x0', '\\\\000', '\\x0g'] },
  u: {
    sql: 'uuid',
    values: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', 'a0eebc99'],
  },
  da: { sql: 'date', values: ['2024-02-29', '1/2/2003', '2023-02-29', 'J2451187', 'infinity', 'Jan 5 1999 BC'] },
  ti: { sql: 'time(3)', values: ['04:05:06.7891', '040506', '24:00', '4:05 PM', '25:00'] },
  ts: {
    sql: 'timestamp',
    values: ['2024-01-02 03:04:05', '2024-01-02T03:04:05.1234567', '20240102', '-infinity', '2024-13-01'],
  },
  tz: { sql: 'timestamptz', values: ['2024-01-02 03:04:05+02', '2024-01-02 03:04', '1999-01-08 04:05:06 -8:00'] },
  iv: { sql: 'interval', values: ['1 day 2:03', 'P1Y2M', '-1 mon', '1.5 hours', '1 fortnight'] },
  j: { sql: 'json', values: ['{}', '[1, "a"]', '{"a": {"b": null}}', '{a}', '"\\\\u0041"', '1 2'] },
  jb: { sql: 'jsonb', values: ['{"b":1,"a":2}', 'null', '[]', '1e5', '{"a":1,}'] },
  ai: { sql: 'int4[]', values: ['{}', '{1,2}', '{{1},{2}}', '[0:1]={3,4}', '{1,NULL}', '{1,{2}}'] },
  at: { sql: 'text[]', values: ['{a,"b c"}', '{"x\\\\"y"}', '{NULL}', '{a'] },
  e: { sql: 'mood', values: ['sad', 'ok', 'happy', 'Sad', ''] },
  '"Q q"': { sql: "text NOT NULL DEFAULT 'q'", values: ['q', '', 'x,y', 'a"b'] },
}
export const names = Object.keys(columns)

/** For WHERE. */
export const conditions = [
  'i4 > 0',
  "t <> 'a' OR t IS NULL",
  'd IS NOT NULL AND i8 < 5',
  'length(t) > 1',
  'false',
  'b AND "Q q" = \'q\'',
  'i2 / i4 > 0',
]

/** A statement, and what it reads from STDIN. */
export interface Pair {
  readonly statement: string
  readonly data: Buffer
}

/** A text in SQL, odd characters by their bytes. */
export function literal(text: string): string {
  return `E'${text.replace(
    /[^\w ,;|]/gu,
    (character) =>
      `\\x${Buffer.from(character)
        .toString('hex')
        .replace(/..(?=.)/g, '$&\\x')}`,
  )}'`
}

/** A value of a column, mostly one that it takes. */
function valueFor(random: Random, name: string): string {
  const values = columns[name]?.values ?? []
  const value = random.pick(values)
  return random.once(12) ? mutate(random, value, '0123456789-+.,:{}"\\', values) : value
}

/** A statement for a text format, and lines that mostly fit it; `from`: those columns alone. */
export function textPair(random: Random, from: readonly string[] = names): Pair {
  const isCsv = !random.once(3)
  const used = from.filter(() => random.once(6)).slice(0, 6)
  if (used.length === 0 || random.once(4)) used.push('t')
  const tolerates = random.once(3)
  // Values of timestamptz travel as text from a stream, so that what else is wrong with their record is said first; and what the table
  // refuses is asked for behind what the decoder refuses.
  const isJudgedLater = (name: string) => name === 'tz' || name === '"Q q"'
  const list = [...new Set(random.once(3) ? used.reverse() : used)].filter((name) => !tolerates || !isJudgedLater(name))
  if (list.length === 0) list.push('t')
  const delimiter = random.pick(isCsv ? [',', ',', ',', ';', '\t', '|'] : ['\t', '\t', '|', ','])
  const quote = isCsv ? random.pick(['"', '"', '"', "'", '$']) : ''
  const escaping = isCsv ? random.pick([quote, quote, '\\', '"', '#']) : '\\'
  const nullText = random.pick(isCsv ? ['', '', '', 'NULL', '\\N'] : ['\\N', '\\N', '', 'NA'])
  const marker = random.once(6) ? random.pick(['\\D', 'DEF']) : undefined
  const header = random.pick(['', '', '', 'true', 'match', 'false'])
  const options = [`FORMAT ${isCsv ? 'csv' : 'text'}`]
  if (delimiter !== (isCsv ? ',' : '\t') || random.once(8)) options.push(`DELIMITER ${literal(delimiter)}`)
  if (isCsv && (quote !== '"' || random.once(8))) options.push(`QUOTE ${literal(quote)}`)
  if (isCsv && escaping !== quote) options.push(`ESCAPE ${literal(escaping)}`)
  if (nullText !== (isCsv ? '' : '\\N')) options.push(`NULL ${literal(nullText)}`)
  if (marker !== undefined) options.push(`DEFAULT ${literal(marker)}`)
  if (header !== '') options.push(`HEADER ${header}`)
  for (const force of isCsv ? ['FORCE_NULL', 'FORCE_NOT_NULL'] : []) {
    if (random.once(6)) options.push(`${force} ${random.once(3) ? '*' : `(${random.pick(list)})`}`)
  }
  if (tolerates) {
    options.push('ON_ERROR ignore')
    if (random.once(2)) options.push(`REJECT_LIMIT ${random.between(1, 3)}`)
  }
  const encoding = random.once(5) ? random.pick(['LATIN1', 'WIN1252', 'GBK', 'SJIS', 'EUC_KR', 'LATIN2']) : undefined
  if (encoding !== undefined) options.push(`ENCODING '${encoding}'`)

  const end = random.pick(['\n', '\n', '\n', '\r\n', '\r'])
  const written = (value: string) => {
    if (!isCsv) return random.once(10) ? value : value.replace(/[\\\t\n\r|,]/g, (character) => `\\${character}`)
    const needsQuotes = value.includes(delimiter) || value.includes(quote) || /[\r\n]/.test(value)
    if (!needsQuotes && !random.once(6)) return value
    const inner = random.once(15) ? value : value.replaceAll(quote, () => escaping + quote)
    return quote + inner + (random.once(60) ? '' : quote)
  }
  const isBroken = random.once(4)
  const rows = Array.from({ length: random.between(0, 8) }, () => {
    const count = isBroken && random.once(6) ? random.between(0, list.length + 1) : list.length
    const fields = Array.from({ length: count }, (_, index) =>
      random.once(8) ? nullText : marker && random.once(12) ? marker : written(valueFor(random, list[index] ?? 't')),
    )
    return fields.join(delimiter)
  })
  const title = list.map((name) => name.replaceAll('"', '')).join(delimiter)
  if (header !== '' && header !== 'false') rows.unshift(random.once(6) ? `${title}x` : title)
  if (random.once(40)) rows.splice(random.below(rows.length + 1), 0, '\\.')
  let text = rows.map((row) => row + (isBroken && random.once(20) ? random.pick(['\n', '\r', '']) : end)).join('')
  if (random.once(4)) text = text.slice(0, -1)
  let data: Buffer = Buffer.from(
    text,
    encoding !== undefined && /^(?:LATIN1|WIN1252)$/.test(encoding) ? 'latin1' : 'utf8',
  )
  if (encoding !== undefined || isBroken) data = changed(random, data, random.below(3))
  const where = random.once(6) ? ` WHERE ${random.pick(conditions)}` : ''
  return { statement: `COPY t (${list.join(', ')}) FROM STDIN (${options.join(', ')})${where}`, data }
}

/** The bytes with some of them replaced, left out or doubled. */
export function changed(random: Random, bytes: Buffer, times: number): Buffer {
  let data = bytes
  for (let count = 0; count < times && data.length > 0; count += 1) {
    const at = random.below(data.length)
    const byte = Buffer.of(random.pick([0, 1, 9, 10, 13, 34, 44, 92, 0x41, 0x80, 0xa1, 0xe4, 0xff, random.below(256)]))
    const behind = data.subarray(at + random.pick([0, 1, 1, 2, 4]))
    data = Buffer.concat([data.subarray(0, at), random.once(5) ? Buffer.alloc(0) : byte, behind])
  }
  return data
}
