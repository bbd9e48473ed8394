import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'

/*
 * Rows of which one in ten is refused, for every reason that there is
 *
 * They are written as they are made, and of the refused ones only numbers are kept, so that a million rows can be had. What is expected
 * follows from how each row was made, and from the rows before it: that of inserting them one by one.
 */

/**
 * Where rows go, and what of that refuses them: only the columns' types and NOT NULL, which the decoder knows, also constraints, or also
 * types that only the target reads, and, on PostgreSQL, triggers and exclusion.
 */
export const VARIANTS = [
  'postgres types',
  'postgres constraints',
  'postgres everything',
  'duckdb types',
  'duckdb constraints',
  'duckdb everything',
] as const

export type Variant = (typeof VARIANTS)[number]

const isDuckdb = (variant: Variant) => variant.startsWith('duckdb')
const isPostgres = (variant: Variant) => !isDuckdb(variant)
const isConstrained = (variant: Variant) => !variant.endsWith('types')
const isEverything = (variant: Variant) => variant.endsWith('everything')
const hasTriggers = (variant: Variant) => variant === 'postgres everything'

/** A row's fields as they stand in the file; one may be bytes that are no text. */
type Fields = Record<(typeof COLUMNS)[number] | 'address' | 'span', string | Buffer>

const COLUMNS = ['seq', 'id', 'code', 'label', 'amount', 'small', 'day', 'flag', 'parent', 'half', 'divisor'] as const
const TEXT_COLUMNS = [...COLUMNS, 'address', 'span'] as const

/** What a class of errors may look at. */
interface Context {
  readonly variant: Variant
  readonly below: (limit: number) => number
  /** A row before this one that is in the table, of the latest some thousand. */
  readonly earlier: { readonly id: string; readonly code: string | undefined; readonly span: string | undefined }
}

interface ErrorClass {
  readonly name: string
  /** Where it can happen at all; everywhere by default. */
  readonly only?: (variant: Variant) => boolean
  /** Spoils a row. What it returns is written instead of the row's fields. */
  spoil(row: Fields, context: Context): string | Buffer | undefined
  /** SQLSTATEs of all that is wrong with such a row. */
  readonly states: readonly string[] | ((variant: Variant) => readonly string[])
}

const INVALID = ['ff', 'c0af', 'eda080', 'f4908080', 'e282'].map((hex) => Buffer.from(hex, 'hex'))

const joined = (row: Fields, variant: Variant) => columnsOf(variant).map((name) => row[name])
const assign = (change: Partial<Fields>) => (row: Fields) => {
  Object.assign(row, change)
  return undefined
}

/** Every class of error, each in the forms that matter. */
export const CLASSES: readonly ErrorClass[] = [
  { name: 'conversion: integer', spoil: assign({ small: '5x' }), states: ['22P02'] },
  { name: 'conversion: numeric', spoil: assign({ amount: '1;5' }), states: ['22P02'] },
  { name: 'conversion: date', spoil: assign({ day: 'yesterweek' }), states: ['22007'] },
  { name: 'conversion: date out of the calendar', spoil: assign({ day: '2021-02-30' }), states: ['22008'] },
  { name: 'conversion: boolean', spoil: assign({ flag: 'perhaps' }), states: ['22P02'] },
  {
    name: 'conversion: several',
    spoil: assign({ seq: 'one', small: '99999', flag: 'maybe' }),
    states: ['22P02', '22003', '22P02'],
  },
  {
    name: 'too many fields',
    spoil: (row, { variant }) => [...joined(row, variant), 'more'].join(','),
    states: ['22P04'],
  },
  {
    name: 'too few fields',
    spoil: (row, { variant, below }) =>
      joined(row, variant)
        .slice(0, 1 + below(columnsOf(variant).length - 1))
        .join(','),
    states: ['22P04'],
  },
  {
    name: 'encoding: no UTF-8',
    spoil(row, { below }) {
      row.label = Buffer.concat([Buffer.from('a'), INVALID[below(INVALID.length)] as Buffer, Buffer.from('b')])
      return undefined
    },
    states: ['22021'],
  },
  { name: 'encoding: NUL', spoil: assign({ label: 'a\0b' }), states: ['22021'] },
  // DuckDB does not limit strings.
  {
    name: 'value too long',
    only: isPostgres,
    spoil: assign({ label: 'far too long' }),
    states: ['22001'],
  },
  {
    name: 'value too long: of more bytes than characters',
    only: isPostgres,
    spoil: assign({ label: 'żżżżżżżżż' }),
    states: ['22001'],
  },
  { name: 'overflow: integer', spoil: assign({ parent: '2147483648' }), states: ['22003'] },
  { name: 'overflow: smallint', spoil: assign({ small: '-32769' }), states: ['22003'] },
  { name: 'overflow: numeric', spoil: assign({ amount: '10000.00' }), states: ['22003'] },
  { name: 'not null', spoil: assign({ amount: '' }), states: ['23502'] },
  { name: 'not null: the key', spoil: assign({ id: '' }), states: ['23502'] },
  { name: 'check', only: isConstrained, spoil: assign({ amount: '-0.01' }), states: ['23514'] },
  { name: 'foreign key', only: isConstrained, spoil: assign({ parent: '101' }), states: ['23503'] },
  {
    name: 'unique: a key of the table',
    only: isConstrained,
    spoil(row, { below }) {
      row.id = String(-1 - below(50))
      return undefined
    },
    states: ['23505'],
  },
  {
    name: 'unique: a key of the file',
    only: isConstrained,
    spoil(row, { earlier }) {
      row.id = earlier.id
      return undefined
    },
    states: ['23505'],
  },
  {
    name: 'unique: another key of the file',
    only: isConstrained,
    spoil(row, { earlier }) {
      row.code = earlier.code ?? 'was 1'
      return undefined
    },
    states: ['23505'],
  },
  {
    name: 'exclusion',
    only: hasTriggers,
    spoil(row, { earlier }) {
      row.span = earlier.span ?? '"[-80,-70)"'
      return undefined
    },
    states: ['23P01'],
  },
  // In DuckDB a division by zero is NULL.
  {
    name: 'generated column',
    only: isConstrained,
    spoil(row, { variant }) {
      row.divisor = isDuckdb(variant) ? 'zero' : '0'
      return undefined
    },
    states: (variant) => (isDuckdb(variant) ? ['22000'] : ['22012']),
  },
  { name: 'domain, or a second check', only: isConstrained, spoil: assign({ half: '7' }), states: ['23514'] },
  { name: 'trigger', only: hasTriggers, spoil: assign({ label: 'boo' }), states: ['P0001'] },
  { name: 'trigger with a state of its own', only: hasTriggers, spoil: assign({ label: 'odd' }), states: ['XY001'] },
  { name: 'type without a decoder', only: isEverything, spoil: assign({ address: '300.0.0.1' }), states: ['22P02'] },
  {
    name: 'type without a decoder: a part that does not fit',
    only: isEverything,
    spoil(row, { variant }) {
      row.span = isDuckdb(variant) ? `"{'lower': 5, 'upper': 99999999999}"` : '"[5,1)"'
      return undefined
    },
    states: (variant) => (isDuckdb(variant) ? ['22P02'] : ['22000']),
  },
  {
    name: 'type without a decoder: several',
    only: isEverything,
    spoil: assign({ address: 'nowhere', span: '"[5,"' }),
    states: ['22P02', '22P02'],
  },
  {
    name: 'broken quote: not closed',
    spoil: (row, { variant }) => broken({ ...row, label: '"broken' }, variant),
    states: ['22P04'],
  },
  {
    name: 'broken quote: amid a value',
    spoil: (row, { variant }) => broken({ ...row, label: 'bro"ken' }, variant),
    states: ['22P04'],
  },
]

/** A record without other quotes. */
const broken = (row: Fields, variant: Variant) => joined({ ...row, span: '' }, variant).join(',')

export function columnsOf(variant: Variant): readonly (keyof Fields)[] {
  return isEverything(variant) ? TEXT_COLUMNS : COLUMNS
}

/** Where the refused rows are, and what they are refused for. */
export interface Expected {
  readonly rows: number
  readonly bytes: number
  readonly refused: number
  /** Rows that a trigger holds back. */
  readonly filtered: number
  /** Of refused rows, in the order of the file. */
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  readonly lines: Uint32Array
  readonly lastLines: Uint32Array
  /** Indexes into {@link CLASSES}. */
  readonly classes: Uint8Array
  /** MD5 of the rows that are in the table, as {@link digestSql} has it. */
  readonly digest: string
}

export function statesOf(index: number, variant: Variant): readonly string[] {
  const states = CLASSES[index]?.states ?? []
  return typeof states === 'function' ? states(variant) : states
}

/** Statements that make the table, and what is in it before. */
export function setupSql(variant: Variant): string {
  const values = `SELECT -i, -i, 'was ' || i, 'old', 1, '1'`
  const old = `INSERT INTO t (seq, id, code, label, amount, divisor) ${values} FROM generate_series(1, 50) s(i);`
  if (!isConstrained(variant)) {
    return `CREATE TABLE t (seq integer, id integer NOT NULL, code varchar, label varchar(8), amount numeric(6, 2) NOT NULL,
      small smallint, day date, flag boolean, parent integer, half integer, divisor integer)`
  }
  const parents = `CREATE TABLE parent (id integer PRIMARY KEY);
    INSERT INTO parent SELECT * FROM generate_series(1, 100);`
  if (isDuckdb(variant)) {
    return `${parents}
      CREATE TABLE t (seq INTEGER, id INTEGER PRIMARY KEY, code VARCHAR UNIQUE, label VARCHAR(8),
        amount DECIMAL(6, 2) NOT NULL CHECK (amount > 0), small SMALLINT, day DATE, flag BOOLEAN,
        parent INTEGER REFERENCES parent (id), half INTEGER CHECK (half % 2 = 0), divisor VARCHAR,
        ${isEverything(variant) ? 'address HUGEINT, span STRUCT(lower INTEGER, upper INTEGER),' : ''}
        ratio INTEGER GENERATED ALWAYS AS (1000 / CAST(divisor AS INTEGER)));
      ${old}`
  }
  const more = hasTriggers(variant)
  return `${parents}
    CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0);
    CREATE TABLE t (seq integer, id integer PRIMARY KEY, code text UNIQUE, label varchar(8),
      amount numeric(6, 2) NOT NULL CHECK (amount > 0), small smallint, day date, flag boolean,
      parent integer REFERENCES parent, half even, divisor integer,
      ${more ? 'address inet, span int4range, EXCLUDE USING gist (span WITH &&),' : ''}
      ratio integer GENERATED ALWAYS AS (1000 / divisor) STORED);
    ${old.replace(`'1'`, '1')}
    ${more ? `UPDATE t SET span = '[-100,-50)' WHERE id = -1; ${TRIGGER}` : ''}`
}

const TRIGGER = `
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF NEW.label = 'boo' THEN RAISE EXCEPTION 'no % here', NEW.label; END IF;
    IF NEW.label = 'odd' THEN RAISE EXCEPTION 'odd' USING ERRCODE = 'XY001'; END IF;
    IF NEW.label = 'drop' THEN RETURN NULL; END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse();`

/** A query for the number and the MD5 of the rows that a load has put into the table. */
export function digestSql(variant: Variant): string {
  const values = columnsOf(variant).map((name) => {
    if (name === 'flag') return 'CASE WHEN flag THEN 1 WHEN NOT flag THEN 0 END'
    return name === 'address' && isPostgres(variant) ? 'host(address)' : name
  })
  const text = values.map((value) => `coalesce(CAST(${value} AS varchar), '~')`).join(` || '|' || `)
  return `SELECT count(*), md5(string_agg(${text}, chr(10) ORDER BY seq)) FROM t WHERE seq >= 0`
}

/** Writes a file of so many rows with a header. The same every time for a seed. */
export function generate(path: string, variant: Variant, rows: number, seed: number): Expected {
  const below = random(seed)
  const columns = columnsOf(variant)
  const classes = CLASSES.map((spoilt, index) => ({ spoilt, index })).filter(
    ({ spoilt }) => spoilt.only?.(variant) !== false,
  )
  const offsets: number[] = []
  const lengths: number[] = []
  const lines: number[] = []
  const lastLines: number[] = []
  const kinds: number[] = []
  const hash = createHash('md5')
  let filtered = 0
  let isFirst = true
  // Rows in the table whose keys may be used again, and keys of refused rows, which are free still.
  const taken: Context['earlier'][] = []
  const free: { id: string; code: string }[] = []
  const out = new Writer(path)
  out.write(Buffer.from(`${columns.join(',')}\n`))
  let line = 2
  for (let n = 0; n < rows; n += 1) {
    const label = LABELS[below(LABELS.length)] as (typeof LABELS)[number]
    const amount = (below(900_000) + 1) / 100
    const day = new Date(Date.UTC(2000, 0, 1 + below(20_000))).toISOString().slice(0, 10)
    const flag = FLAGS[below(FLAGS.length)] as (typeof FLAGS)[number]
    const hasSpan = n % 7 === 0
    // Made anew, a key that was refused is nobody's.
    const again = below(200) === 0 ? free.pop() : undefined
    const id = again?.id ?? String(n)
    const code = again?.code ?? (below(3) === 0 ? '' : `c${n}`)
    const small = String(below(65_536) - 32_768)
    const parent = below(4) === 0 ? '' : String(1 + below(100))
    const half = below(4) === 0 ? '' : String(2 * below(1000))
    const divisor = String(1 + below(9))
    const [address, range] = isDuckdb(variant)
      ? [String(2n ** 100n + BigInt(below(256))), `{'lower': ${n}, 'upper': ${n + 1}}`]
      : [`10.0.${below(256)}.${below(256)}`, `[${n},${n + 1})`]
    const span = hasSpan ? range : ''
    const row: Fields = {
      seq: String(n),
      id,
      code,
      label: label[0],
      amount: amount.toFixed(2),
      small,
      day,
      flag: flag[0],
      parent,
      half,
      divisor,
      address,
      span: hasSpan ? `"${span}"` : '',
    }
    const offset = out.offset
    let record: Buffer | undefined
    let isRefused = false
    if (n > 10 && below(10) === 0) {
      const { spoilt, index } = classes[below(classes.length)] as (typeof classes)[number]
      const earlier = taken[below(taken.length)] as Context['earlier']
      const own = spoilt.spoil(row, { variant, below, earlier })
      if (own !== undefined) record = Buffer.from(own)
      kinds.push(index)
      isRefused = true
      if (row.id === id && row.code === code && code !== '') free.push({ id, code })
      else if (again !== undefined) free.push(again)
    }
    record ??= Buffer.concat(columns.flatMap((name, index) => [...(index === 0 ? [] : [COMMA]), toBuffer(row[name])]))
    const lineFeeds = record.includes(10) ? 1 : 0
    if (isRefused) {
      offsets.push(offset)
      lengths.push(record.length)
      lines.push(line)
      lastLines.push(line + lineFeeds)
    } else if (hasTriggers(variant) && n % 997 === 0) {
      record = Buffer.from(columns.map((name) => (name === 'label' ? 'drop' : row[name])).join(','))
      line -= lineFeeds
      filtered += 1
    } else {
      const values = [String(n), id, code, label[1], amount.toFixed(2), small, day, flag[1], parent, half, divisor]
      if (isEverything(variant)) values.push(address, span)
      hash.update(`${isFirst ? '' : '\n'}${values.map((value) => value || '~').join('|')}`)
      isFirst = false
      const one = { id, code: code || undefined, span: hasSpan ? `"${span}"` : undefined }
      if (taken.length < 5_000) taken.push(one)
      else taken[below(taken.length)] = one
    }
    out.write(record)
    out.write(LINE_FEED)
    line += 1 + lineFeeds
  }
  const bytes = out.close()
  return {
    rows,
    bytes,
    refused: offsets.length,
    filtered,
    offsets: Float64Array.from(offsets),
    lengths: Uint32Array.from(lengths),
    lines: Uint32Array.from(lines),
    lastLines: Uint32Array.from(lastLines),
    classes: Uint8Array.from(kinds),
    digest: hash.digest('hex'),
  }
}

/** As they stand in the file, and as they are in the table. */
const LABELS = [
  ['plain', 'plain'],
  ['"a, b"', 'a, b'],
  ['"q""t"', 'q"t'],
  ['"x\ny"', 'x\ny'],
  ['żółw', 'żółw'],
  ['', ''],
] as const
const FLAGS = [
  ['t', '1'],
  ['false', '0'],
  ['yes', '1'],
  ['0', '0'],
  ['', ''],
] as const
const COMMA = Buffer.from(',')
const LINE_FEED = Buffer.from('\n')

function toBuffer(value: string | Buffer): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value
}

/** Numbers below a limit, of mulberry32. */
export function random(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** Writes a file in large pieces, and knows how far it is. */
export class Writer {
  readonly #fd: number
  readonly #buffer = Buffer.allocUnsafe(1 << 20)
  #used = 0
  #written = 0

  constructor(path: string) {
    this.#fd = openSync(path, 'w')
  }

  get offset(): number {
    return this.#written + this.#used
  }

  write(bytes: Buffer): void {
    if (this.#used + bytes.length > this.#buffer.length) this.#flush()
    this.#used += bytes.copy(this.#buffer, this.#used)
  }

  close(): number {
    this.#flush()
    closeSync(this.#fd)
    return this.#written
  }

  #flush(): void {
    for (let at = 0; at < this.#used; ) at += writeSync(this.#fd, this.#buffer, at, this.#used - at)
    this.#written += this.#used
    this.#used = 0
  }
}
