import type { TypeCase } from './literals.ts'
import { mutate, type Random } from './random.ts'

/** Array literals around the literals of another case. */
export function arrayOf(element: TypeCase): TypeCase {
  const quote = (text: string) => `"${text.replace(/[\\"]/g, '\\$&')}"`
  const plain = (text: string) => (/^[\w.+-]+$/.test(text) && !/^null$/i.test(text) ? text : quote(text))
  const item = (random: Random) => {
    if (random.once(8)) return random.pick(['NULL', 'null', '"NULL"', '\\null', 'Null ', '""'])
    const text = random.once(12)
      ? mutate(random, random.pick(element.seeds), element.alphabet, element.seeds)
      : element.generate(random)
    return random.once(3) ? quote(text) : plain(text)
  }
  const braces = (random: Random, lengths: readonly number[]): string => {
    const [length, ...inner] = lengths
    if (length === undefined) return item(random)
    const space = random.pick(['', '', ' ', '\n'])
    return `{${Array.from({ length }, () => space + braces(random, inner)).join(',')}${space}}`
  }
  const seeds = [
    ...[
      '{}',
      ' { } ',
      '{{}}',
      '{{},{}}',
      '{{},{{}}}',
      '{{}, {}}',
      '{NULL}',
      '{null,NuLL}',
      '{"NULL"}',
      '{\\NULL}',
      '{1}',
      '{1,2}',
      '{1,2',
    ],
    ...[
      '{{1,2},{3,4}}',
      '{{1},{2,3}}',
      '{{1},2}',
      '{1,{2}}',
      '{{1}{2}}',
      '{1 {2}}',
      '{1}}',
      '{1}x',
      '{1} ',
      '{1,}',
      '{,1}',
      '{,}',
      '{{1},}',
    ],
    ...[
      '{"1"}',
      '{"1" }',
      '{"1"x}',
      '{x"1"}',
      '{"1""2"}',
      '{"1"{',
      '{"1',
      '{"1\\',
      '{1\\',
      '{\\',
      '{"',
      '{',
      '',
      ' ',
      '1',
      '}',
      '{a b}',
      '{a\\ }',
    ],
    ...[
      '[1:2]={1,2}',
      '[2:3]={1,2}',
      '[2]={1,2}',
      '[-1:0]={1,2}',
      '[1:2][1:1]={{1},{2}}',
      ' [1:2] [0:0] = {{1},{2}}',
      '[1:2] ={1}',
      '[1:1]={1,2}',
    ],
    ...[
      '[1:2]{1,2}',
      '[1:2]=1',
      '[1:2]',
      '[1:2',
      '[',
      '[]={1}',
      '[a]={1}',
      '[1:]={1}',
      '[:1]={1}',
      '[1:a]={1}',
      '[1:-]={1}',
      '[+1:+2]={1,2}',
    ],
    ...[
      '[ 1:2]={1,2}',
      '[2:1]={}',
      '[0]={}',
      '[1:0]={}',
      '[1]={}',
      '[1]={{1}}',
      '[1][1]={1}',
      '[1][1][1][1][1][1][1]={1}',
    ],
    ...[
      '[2147483647:2147483647]={1}',
      '[2147483646:2147483646]={1}',
      '[-2147483648:2147483646]={1}',
      '[99999999999]={1}',
      '[-2147483649]={1}',
    ],
    ...[
      '{{{{{{1}}}}}}',
      '{{{{{{{1}}}}}}}',
      '{{{{{{{',
      '{{{{{{}}}}}}',
      '{"a\\"b\\\\c"}',
      '{a,"b,c",{d}}',
      '{"{}"}',
      '{1;2}',
      '{1\v,\f2}',
      '{é,"😀"}',
    ],
    ...['[1:1]={NULL}', '{ NULL }', '{NULL x}', '{\u00a0NULL}', '{1,x,{', '{{1,x},3}'],
  ]
  return {
    type: element.type.startsWith('enum:') ? `${element.type}[]:oid` : `${element.type}[]`,
    ...(element.sql ? { sql: `${element.sql}[]` } : {}),
    seeds,
    alphabet: `{}[],:="\\ ${element.alphabet.slice(0, 16)}`,
    ...(element.sessions ? { sessions: element.sessions } : {}),
    corpus: [`${element.type}[]`],
    generate(random) {
      const lengths = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3]) }, () => random.between(1, 3))
      const text = braces(random, lengths)
      if (!random.once(5)) return text
      const low = random.between(-3, 3)
      return `${lengths.map((length) => (random.once(3) ? `[${length}]` : `[${low}:${low + length - 1}]`)).join('')}=${text}`
    },
  }
}
