import { datetimeSeeds } from './datetime-literals.ts'
import { arrayOf } from './literals.array.ts'
import { datetimeCases } from './literals.datetime.ts'
import { json } from './literals.json.ts'
import { float, integer, numeric } from './literals.numbers.ts'
import { boolean, bytea, characters, enumeration, uuid } from './literals.strings.ts'
import { mutate, type Random } from './random.ts'

/** Settings of the session that the input functions of dates and times read. */
export interface SessionSettings {
  readonly timeZone: string
  readonly dateOrder: 'mdy' | 'dmy' | 'ymd'
  readonly intervalStyle: 'postgres' | 'postgres_verbose' | 'sql_standard' | 'iso_8601'
}

/** How to make literals of one type. */
export interface TypeCase {
  /** The type as `crates/types/examples/verdict.rs` writes it; also the test's name. */
  readonly type: string
  /** The type in SQL, where that is written otherwise. */
  readonly sql?: string
  /** Literals to try as they are and to mutate, the odd forms among them. */
  readonly seeds: readonly string[]
  /** Characters that mean something in a literal of this type. */
  readonly alphabet: string
  /** A literal that is mostly valid. */
  generate(random: Random): string
  /** Types in PostgreSQL's own spelling, without modifiers, whose literals in the regression tests are tried too. */
  readonly corpus?: readonly string[]
  /** Least number of literals to be accepted and to be refused, where that cannot be a fiftieth of all. */
  readonly values?: number
  readonly errors?: number
  /** Sessions to try it in; the first one takes all literals, each other one a share. UTC and MDY if absent. */
  readonly sessions?: readonly SessionSettings[]
}

/** `count` literals: the seeds, then generated ones and mutations of both. */
export function literalsOf(type: TypeCase, random: Random, count: number, corpus: readonly string[]): string[] {
  const literals = new Set<string>([...type.seeds, ...corpus])
  const pool = [...literals]
  for (let tries = 0; literals.size < count && tries < 20 * count; tries += 1) {
    const fresh = random.once(4) ? random.pick(pool) : type.generate(random)
    literals.add(random.once(3) ? fresh : mutate(random, fresh, type.alphabet, pool))
  }
  return [...literals].slice(0, count)
}

const int4 = integer('int4', 10)
const text = characters('text')
const float8 = float('float8', 17, 308)

function arrayOfDatetimes(element: TypeCase): TypeCase {
  const array = arrayOf(element)
  return { ...array, seeds: [...array.seeds, ...datetimeSeeds[array.type as keyof typeof datetimeSeeds]] }
}

/** Every type that is decoded natively, with the modifiers that change how it is read. */
export const typeCases: readonly TypeCase[] = [
  boolean,
  integer('int2', 5),
  int4,
  integer('int8', 19),
  float('float4', 9, 38),
  float8,
  ...['numeric', 'numeric(5,2)', 'numeric(3,-2)', 'numeric(2,4)', 'numeric(4)', 'numeric(38,10)'].map(numeric),
  ...['text', 'varchar', 'varchar(3)', 'bpchar(3)'].map(characters),
  bytea,
  uuid,
  json('json'),
  json('jsonb'),
  enumeration,
  ...datetimeCases,
  ...[boolean, int4, float8, numeric('numeric(5,2)'), text, characters('varchar(3)'), bytea, uuid].map(arrayOf),
  ...[json('json'), enumeration].map(arrayOf),
  ...datetimeCases.flatMap((element) => (/^\w+$/.test(element.type) ? [arrayOfDatetimes(element)] : [])),
  ...datetimeCases.filter(({ type }) => type === 'timestamptz(0)').map(arrayOf),
]
