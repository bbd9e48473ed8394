/**
 * Files and columns that are in none of them, at random: each row has what a plain program makes of its file, its place and the load.
 * `COPYIST_TEST_LOADS` loads a target are made from `COPYIST_TEST_SEED`.
 */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../types/random.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const LOADS = Number(process.env.COPYIST_TEST_LOADS ?? 150)
const SEED = process.env.COPYIST_TEST_SEED ?? '1'

const folder = useFolder('copyist-made-')

interface Row {
  readonly a: string
  readonly b: string
  readonly file: string
  readonly line: number
  readonly offset: number
  /** Bytes of its file, as it is stored. */
  readonly size: number
  readonly year: string
  readonly place: string
}

/** A column that is made, what makes it, and what it is in a row, which is the `number`th of the load. */
interface Made {
  readonly name: string
  readonly type: string
  readonly by: readonly [option: string, what: string]
  value(row: Row, number: number, id: string): string
}

function madeColumns(random: Random): Made[] {
  const constant = random.string('abc é', random.below(40))
  const [start, step] = [random.between(-5, 1000), random.between(1, 9)]
  const all: readonly Made[] = [
    { name: 'f', type: 'text', by: ['LINEAGE', 'f file'], value: ({ file }) => file },
    { name: 'i', type: random.pick(['text', 'uuid']), by: ['LINEAGE', 'i load_id'], value: (_, __, id) => id },
    { name: 'l', type: 'bigint', by: ['LINEAGE', 'l line'], value: ({ line }) => String(line) },
    { name: 'o', type: 'bigint', by: ['LINEAGE', 'o offset'], value: ({ offset }) => String(offset) },
    { name: 'z', type: 'bigint', by: ['LINEAGE', 'z size'], value: ({ size }) => String(size) },
    { name: 'k', type: 'text', by: ['CONSTANT', `k '${constant}'`], value: () => constant },
    { name: 'n', type: 'integer', by: ['CONSTANT', `n '${start}'`], value: () => String(start) },
    {
      name: 's',
      type: 'bigint',
      by: ['SEQUENCE', `s (${start}, ${step})`],
      value: (_, number) => String(start + number * step),
    },
    { name: 'year', type: random.pick(['integer', 'text']), by: ['HIVE_PARTITIONING', ''], value: ({ year }) => year },
    { name: 'place', type: 'text', by: ['HIVE_PARTITIONING', ''], value: ({ place }) => place },
  ]
  // Of the path all keys are columns, or none is.
  const isPartitioned = random.once(2)
  return all.filter(({ by: [option] }) => (option === 'HIVE_PARTITIONING' ? isPartitioned : random.once(2)))
}

const own: readonly Made[] = [
  { name: 'a', type: 'integer', by: ['', ''], value: ({ a }) => a },
  { name: 'b', type: 'text', by: ['', ''], value: ({ b }) => b },
]

function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  beforeAll(async () => {
    bench = await open()
  })
  afterAll(() => bench.close())

  test(`${LOADS} loads, seed ${SEED}`, { timeout: 60_000 + 500 * LOADS }, async () => {
    for (let load = 0; load < LOADS; load += 1) {
      const random = new Random(`made ${SEED} ${load}`)
      const eol = random.pick(['\n', '\n', '\r\n'])
      const hasHeader = random.once(2)
      const isTolerant = random.once(2)
      const isFiltered = random.once(4)
      // Which numbers there are beside rows that are not loaded is another matter.
      const columns = madeColumns(random).filter(({ name }) => name !== 's' || !(isTolerant || isFiltered))
      const table = shuffled(random, [...own, ...columns])
      // The fields are those of the columns in their order.
      const fields = table.flatMap(({ name }) => (name === 'a' || name === 'b' ? [name] : []))
      const rows: Row[] = []
      let bad = 0
      const root = `${load}-${random.string('abc', random.below(9))}`
      const names = Array.from({ length: random.between(1, 6) }, (_, number) => {
        const name = random.string('abcdefé', random.below(30))
        return `year=${random.between(1, 30_000)}/place=${random.string('xyz', random.between(1, 12))}/${name}${number}.csv`
      })
      const sorted = names
        .map((name) => ({ name, key: Buffer.from(`${name}${random.once(4) ? '.gz' : ''}`) }))
        .sort((one, other) => Buffer.compare(one.key, other.key))
      for (const { key } of sorted) {
        const name = key.toString()
        let text = hasHeader ? fields.join(',') + eol : ''
        let line = hasHeader ? 2 : 1
        const found: Omit<Row, 'size'>[] = []
        const [, year = '', place = ''] = /year=(\d+)\/place=(\w+)/.exec(name) ?? []
        for (let left = random.pick([0, 1, 2, 5, 40]); left > 0; left -= 1) {
          const isBad = isTolerant && random.once(6)
          // As long as no line has ended PostgreSQL does not know what ends one, and counts none.
          const isBroken = text !== '' && random.once(5)
          const a = isBad ? 'none' : String(random.below(1000))
          const b = random.string('abcü', random.between(1, 30)) + (isBroken ? `${eol}x` : '')
          const values: Readonly<Record<string, string>> = { a, b: isBroken ? `"${b}"` : b }
          const at = { line, offset: Buffer.byteLength(text) }
          text += fields.map((field) => values[field]).join(',') + eol
          line += isBroken ? 2 : 1
          if (isBad) bad += 1
          else found.push({ a, b, file: `${folder.path}/${root}/${name}`, year, place, ...at })
        }
        const content = name.endsWith('.gz') ? gzipSync(text) : Buffer.from(text)
        folder.file(`${root}/${name}`, content)
        rows.push(...found.map((row) => ({ ...row, size: content.length })))
      }
      const made = new Map<string, string[]>()
      for (const { by } of columns) made.set(by[0], [...(made.get(by[0]) ?? []), by[1]])
      const options = [
        'FORMAT csv',
        ...(hasHeader ? ['HEADER'] : []),
        ...(isTolerant ? ['ON_ERROR skip_row'] : []),
        ...[...made].map(([option, list]) =>
          option === 'HIVE_PARTITIONING' ? option : `${option} (${list.join(', ')})`,
        ),
      ]
      const filter = isFiltered ? ' WHERE a % 2 = 0' : ''
      const statement = `COPY made FROM '${folder.path}/${root}' (${shuffled(random, options).join(', ')})${filter}`
      const create = `CREATE TABLE made (${table.map(({ name, type }) => `${name} ${type}`).join(', ')})`
      const shown = `load ${load} of seed ${SEED}: ${create}; ${statement}`
      await bench.sql('DROP TABLE IF EXISTS made')
      await bench.sql(create)
      const receipt = await bench.db.copy(statement, {
        threads: random.between(1, 4),
        memoryLimit: random.pick([1, 64]) << 20,
        ledger: false,
      })
      const kept = rows.filter(({ a }) => !isFiltered || Number(a) % 2 === 0)
      expect([receipt.rowsLoaded, receipt.rowsRejected], shown).toEqual([kept.length, bad])
      const expected = kept.map((row, number) => table.map((column) => column.value(row, number, receipt.id)))
      const casts = table.map(({ name }) => `CAST(${name} AS varchar)`).join(', ')
      const stored = (await bench.sql(`SELECT ${casts} FROM made`)) as string[][]
      const text = (list: readonly (readonly string[])[]) => list.map((row) => JSON.stringify(row)).sort()
      expect(text(stored), shown).toEqual(text(expected))
    }
  })
})
