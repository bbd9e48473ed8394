import type { TypeCase } from './literals.ts'
import type { Random } from './random.ts'

const scalar = (random: Random): string => {
  const word = () => random.string('abé😀\\"/ \u0001', random.below(6))
  switch (random.below(8)) {
    case 0:
      return random.pick(['true', 'false', 'null', '', 'True'])
    case 1:
      return random.pick([
        '0',
        '-0',
        '1.5',
        '-1e3',
        '1E+2',
        '01',
        '1.',
        '.5',
        '-',
        '1e',
        '1e999999',
        '+1',
        '12345678901234567890',
      ])
    case 2:
      return `"${random.pick(['\\n', '\\"', '\\u0041', '\\u00e9', '\\u0000', '\\ud83d\\ude00', '\\ud83d', '\\udc00', '\\x', '\\u12'])}${word()}"`
    case 3:
      return `"${random.string('\\ud83dec00n"', random.between(1, 14))}"`
    case 4:
      return `${random.between(-99999, 99999)}`
    default:
      return JSON.stringify(word())
  }
}

function document(random: Random, depth: number): string {
  const space = () => (random.once(4) ? random.pick([' ', '\n', '\t', '\r\n', '  ']) : '')
  const items = Array.from({ length: random.below(4) }, () => {
    const value = depth > 0 && random.once(3) ? document(random, depth - 1) : scalar(random)
    return space() + value + space()
  })
  switch (random.below(4)) {
    case 0:
      return scalar(random)
    case 1:
      return `[${items.join(',')}]`
    default:
      return `{${items.map((item) => `${space()}"${random.string('abcé', random.below(5))}":${item}`).join(',')}}`
  }
}

export function json(type: string): TypeCase {
  return {
    type,
    seeds: [
      ...[
        'null',
        'true',
        '1',
        '"a"',
        '[]',
        '{}',
        '[1,2,3]',
        '{"a":1,"b":[true,null]}',
        ' {"a" : "b"}\n',
        '',
        ' ',
        '[',
        '{',
        ']',
        '}',
      ],
      ...[
        '{"a"}',
        '{"a":}',
        '{"a":1,}',
        '{,}',
        '{1:2}',
        '[1,]',
        '[,1]',
        '[1 2]',
        '{"a" 1}',
        '{"a":1 "b":2}',
        '1 2',
        '[] []',
        'nul',
        'nulll',
      ],
      ...[
        '"',
        '"a',
        '"\\',
        '"\\u',
        '"\\u00',
        '"\\u00g0"',
        '"\\u000é"',
        '"\\é"',
        '"\\😀"',
        '"\t"',
        '"a\nb"',
        "'a'",
        '@',
        '[@]',
        '{"a":@}',
      ],
      ...[
        '"\\u0000"',
        '"\\ud83d\\ude00"',
        '"\\ud83d"',
        '"\\ud83dx"',
        '"\\ud83d\\n"',
        '"\\ude00"',
        '"\\ud83d\\ud83d"',
        '"\\ud83d\\u0041"',
      ],
      ...[
        '-',
        '-1',
        '+1',
        '01',
        '1.',
        '1.e5',
        '.5',
        '1e5',
        '1e+',
        '1x',
        '1é',
        '1e131072',
        '1e-16384',
        '[1e200000,',
        '[1e200000}',
        '-0.0',
      ],
      `{"key":"${'long '.repeat(20)}",\n "second": ${'x'.repeat(60)} }`,
      `[${'1,'.repeat(60)}é]`,
      `[${'"ééé",'.repeat(20)}\n\n  "a" "b"]`,
      `${'['.repeat(70)}1${']'.repeat(70)}`,
      `${'[{"a":'.repeat(70)}1${'}]'.repeat(69)}]`,
    ],
    alphabet: '{}[]:,"\\u0123456789dbfnrteE.+-truefalsn \n',
    corpus: ['json'],
    generate: (random) => document(random, 3),
  }
}
