/** A small deterministic generator (mulberry32): the same name gives the same literals on every run and machine. */
export class Random {
  #state: number

  constructor(name: string) {
    this.#state = 2166136261
    for (const character of name) this.#state = Math.imul(this.#state ^ (character.codePointAt(0) ?? 0), 16777619)
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** An integer from `low` to `high`, both possible. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** `count` characters of `alphabet`. */
  string(alphabet: string, count: number): string {
    const characters = [...alphabet]
    return Array.from({ length: count }, () => this.pick(characters)).join('')
  }

  /** `count` decimal digits. */
  digits(count: number): string {
    return this.string('0123456789', count)
  }
}

/** What does not belong into most literals, but is valid UTF-8. */
const ODD = [
  ...'_.,:;+-/\\"\'{}[]()=xXeEnN0159 \t\n\v\f\r',
  '\u0001',
  '\u001f',
  '\u007f',
  '\u00a0',
  'é',
  '٣',
  '€',
  '😀',
]
const SPACES = [' ', ' ', ' ', '\t', '\n', '\v', '\f', '\r', '\u00a0', '  ']

/** Changes `literal` in one to four places; `alphabet` holds the characters that its type gives a meaning. */
export function mutate(random: Random, literal: string, alphabet: string, seeds: readonly string[]): string {
  const meaningful = [...alphabet]
  let characters = [...literal]
  const character = () => random.pick(random.once(4) ? ODD : meaningful)
  for (let changes = random.between(1, random.once(3) ? 4 : 2); changes > 0; changes -= 1) {
    const at = random.below(characters.length + 1)
    switch (random.below(13)) {
      case 0:
      case 1:
        characters.splice(at, 0, character())
        break
      case 2:
        characters.splice(at, 1)
        break
      case 3:
      case 4:
        characters.splice(at, 1, character())
        break
      case 5: {
        const run = characters.slice(at, at + random.between(1, 4))
        characters.splice(at, 0, ...run)
        break
      }
      case 6:
        characters.unshift(random.pick(SPACES))
        break
      case 7:
        characters.push(random.pick(SPACES))
        break
      case 8:
        characters.unshift(random.pick(['+', '-']))
        break
      case 9:
        characters.splice(at, 0, '_')
        break
      case 10: {
        // The start of this one and the end of another.
        const other = [...random.pick(seeds)]
        characters = [...characters.slice(0, at), ...other.slice(random.below(other.length + 1))]
        break
      }
      case 11: {
        const swapped = characters[at]
        characters[at] = (swapped ?? ' ') === swapped?.toUpperCase() ? (swapped ?? ' ').toLowerCase() : ' '
        break
      }
      default:
        characters.length = Math.min(characters.length, at)
    }
  }
  return characters.join('')
}
