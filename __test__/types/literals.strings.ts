import type { TypeCase } from './literals.ts'

const WORDS = [
  '',
  'a',
  'abc',
  'abcd',
  'äöü',
  'äöü ',
  'äöü   ',
  '   ',
  '    ',
  'ab ',
  'ab  c',
  '😀😀😀',
  '😀😀😀😀',
  '😀 \t',
  'a\tb',
  'abc\n',
]

export function characters(type: string): TypeCase {
  return {
    type,
    seeds: WORDS,
    alphabet: 'abcäö😀€ ',
    corpus: ['text', 'character varying', 'name'],
    ...(type.includes('(') ? {} : { errors: 0 }),
    generate: (random) => random.string('abcé😀€', random.between(0, 4)) + ' '.repeat(random.below(4)),
  }
}

export const boolean: TypeCase = {
  type: 'bool',
  seeds: [
    ...[
      't',
      'true',
      'TRUE',
      'tru',
      'tr',
      'f',
      'false',
      'Fals',
      'y',
      'yes',
      'ye',
      'n',
      'no',
      'on',
      'ON',
      'o',
      'of',
      'off',
      '1',
      '0',
    ],
    ...[
      '',
      ' ',
      ' true ',
      '\tf\n',
      'truee',
      'yess',
      'non',
      'offf',
      'onn',
      '01',
      '10',
      '11',
      '-1',
      'null',
      'é',
      'true\u00a0',
      '\vyes\f',
    ],
  ],
  alphabet: 'trufalseyno01 TRUEFALSON',
  corpus: ['boolean'],
  generate: (random) => {
    const word = random.pick(['true', 'false', 'yes', 'no', 'on', 'off', '1', '0'])
    const prefix = word.slice(0, random.between(1, word.length))
    return random.once(3) ? prefix.toUpperCase() : prefix
  },
}

export const bytea: TypeCase = {
  type: 'bytea',
  seeds: [
    ...[
      '',
      '\\x',
      '\\x00',
      '\\xDeAdBeEf',
      '\\xde ad\nbe\tef\r',
      '\\xd',
      '\\xd e',
      '\\xdea',
      '\\xgg',
      '\\x0g',
      '\\xé0',
      '\\x0é',
      '\\X00',
      '\\x0\v',
    ],
    ...[
      'abc',
      'a\\\\b',
      '\\\\',
      '\\',
      '\\001',
      '\\377',
      '\\400',
      '\\18',
      '\\01',
      '\\0',
      '\\12é',
      'é😀',
      '\\\\x00',
      'a\\x00',
      ' \\x00',
      '\\x\\x00',
    ],
  ],
  alphabet: '\\x0123456789abcdefABCDEF ',
  generate: (random) => {
    if (random.once(2)) return `\\x${random.string('0123456789abcdefABCDEF', 2 * random.below(12))}`
    const piece = () =>
      random.once(3) ? random.pick(['\\\\', `\\${random.string('01234567', 3)}`]) : random.string('abé€', 2)
    return Array.from({ length: random.below(6) }, piece).join('')
  },
}

export const uuid: TypeCase = {
  type: 'uuid',
  seeds: [
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
    'a0eebc999c0b4ef8bb6d6bb9bd380a11',
    'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
    '{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}',
    '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-',
    ' a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11',
    '',
    '{}',
    'g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  ],
  alphabet: '0123456789abcdefABCDEF-{}',
  corpus: ['uuid'],
  generate: (random) => {
    const hex = (count: number) => random.string('0123456789abcdefABCDEF', count)
    if (random.once(2)) return [8, 4, 4, 4, 12].map(hex).join('-')
    const digits = Array.from({ length: 8 }, () => hex(4) + (random.once(2) ? '-' : '')).join('')
    const text = digits.replace(/-$/, '')
    return random.once(3) ? `{${text}}` : text
  },
}

export const enumeration: TypeCase = {
  type: 'enum:mood:sad,ok,very happy,Ök',
  sql: 'mood',
  seeds: ['sad', 'ok', 'very happy', 'Ök', 'OK', 'ok ', ' ok', '', 'happy', 'x'.repeat(64), 'x'.repeat(63)],
  alphabet: 'sadokveryhp Ö',
  values: 4,
  generate: (random) => random.pick(['sad', 'ok', 'very happy', 'Ök']),
}
