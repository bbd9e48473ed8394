import { datetimeCases } from './literals.datetime.ts'
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

const INTEGER_SEEDS = [
  ...[
    '0',
    '-0',
    '+0',
    '1',
    '-1',
    '42',
    ' 42 ',
    '\t7\n',
    '00012',
    '1_000',
    '1__0',
    '_1',
    '1_',
    '- 1',
    '+-1',
    '1e3',
    '1.0',
  ],
  ...[
    '0x2A',
    '0X2a',
    '-0x2a',
    '0x',
    '0x_1',
    '0x1_f',
    '0x1_',
    '0xg',
    '0o17',
    '0O17',
    '0o8',
    '0b101',
    '0B1',
    '0b2',
    '0b_1',
  ],
  ...['32767', '32768', '-32768', '-32769', '0x7fff', '0x8000', '-0x8000', '-0x8001', '0o77777', '0o100000'],
  ...['2147483647', '2147483648', '-2147483648', '-2147483649', '0x7fffffff', '0x80000000', '-0x80000000'],
  ...['9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809'],
  ...['0x7fffffffffffffff', '0x8000000000000000', '-0x8000000000000000', '0b1111111111111111', '-0b1000000000000000'],
  ...['99999999999999999999x', '99999999999999999999_', '327670', '3276_8', '', ' ', '-', '+', 'x', 'NaN', '१२', '1é'],
]

function integer(type: string, width: number): TypeCase {
  return {
    type,
    seeds: INTEGER_SEEDS,
    alphabet: '0123456789+- _xXobBO',
    corpus: ['smallint', 'integer', 'bigint'],
    generate(random) {
      const sign = random.pick(['', '', '-', '+'])
      const digits = random.between(1, width + 1)
      switch (random.below(6)) {
        case 0:
          return `${sign}0x${random.string('0123456789abcdefABCDEF', random.between(1, Math.ceil(width * 0.85)))}`
        case 1:
          return `${sign}0${random.pick(['o', 'b'])}${random.string('01', random.between(1, 3 * width))}`
        case 2:
          return sign + random.digits(digits).replace(/(?<=\d)(?=(\d{3})+$)/g, '_')
        default:
          return sign + random.digits(digits)
      }
    },
  }
}

const FLOAT_SEEDS = [
  ...[
    '0',
    '-0',
    '1.5',
    '.5',
    '5.',
    '.',
    '-.5e3',
    '1e10',
    '1E-10',
    '1e',
    '1e+',
    '1.e5',
    'e5',
    '1_000',
    '1 000',
    ' 12.5 ',
  ],
  ...[
    'inf',
    '-Inf',
    '+INFINITY',
    'infinit',
    'infinityx',
    'nan',
    '-nan',
    '+NaN',
    'nan(',
    'nan()',
    'nan(123)',
    'nan(0x1f)',
  ],
  ...[
    '-nan(017)',
    'nan(08)',
    'nan(12z)',
    'nan(99999999999999999999)',
    '-nan(99999999999999999999)',
    'nan(0x)',
    'nan(_)',
  ],
  ...['nan(18446744073709551615)', 'NAN(7) ', 'nan (7)', 'nan(7', 'nan(4503599627370495)', 'nan(0b1)', 'nan(-1)'],
  ...[
    '0x1p3',
    '0x1.8p-2',
    '0X.8P1',
    '0x',
    '0x.',
    '0x.p1',
    '0x1.',
    '0x1p',
    '0x1p+',
    '0xfffffffffffff8p0',
    '0x1.fffffffffffff8p0',
  ],
  ...['0x1.fffffffffffff7p1023', '0x1.fffffffffffff8p1023', '0x1p1024', '0x1p-1074', '0x1p-1075', '0x1.00000001p-1075'],
  ...[
    '0x1.fffffep127',
    '0x1.ffffffp127',
    '0x1p-149',
    '0x1p-150',
    '0x1.000001p-150',
    '0x1p99999999999',
    '0x0p99999999999',
  ],
  ...[
    '1.7976931348623157e308',
    '1.7976931348623158e308',
    '1.7976931348623159e308',
    '1e308',
    '1e309',
    '-1e400',
    '1e400x',
  ],
  ...[
    '4.9e-324',
    '5e-324',
    '2.4703282292062327e-324',
    '2.4703282292062328e-324',
    '1e-400',
    '0e-99999',
    '2.2250738585072011e-308',
  ],
  ...[
    '3.4028234e38',
    '3.4028235e38',
    '3.40282356e38',
    '3.4028236e38',
    '1e39',
    '1.4e-45',
    '7e-46',
    '7.1e-46',
    '1.17549435e-38',
  ],
  ...[
    '7.038531e-26',
    '16777217',
    '16777219',
    '9007199254740993',
    '0.1',
    '123456789012345678901234567890',
    '1e99999999999999999',
  ],
  ...['', ' ', '-', '+', '--1', '1..2', '1.2.3', '0x1.2.3', 'x', 'é', '1é', '1\u00a0', '0b1', '0o7'],
]

function float(type: string, digits: number, exponent: number): TypeCase {
  return {
    type,
    seeds: FLOAT_SEEDS,
    alphabet: '0123456789+-.eE xXpPaAfFiInNtTyY()_',
    corpus: ['real', 'double precision', 'numeric', 'integer'],
    generate(random) {
      const sign = random.pick(['', '', '-', '+'])
      const number = (alphabet: string, longest: number) => {
        const text = random.string(alphabet, random.between(1, longest))
        const point = random.below(text.length + 1)
        return random.once(3) ? text : `${text.slice(0, point)}.${text.slice(point)}`
      }
      if (random.once(5)) {
        const power = random.once(4) ? '' : `p${random.between(-exponent * 4, exponent * 4)}`
        return `${sign}0x${number('0123456789abcdefF', Math.ceil(digits * 1.3))}${power}`
      }
      const power = random.once(3) ? `e${random.between(-exponent - 20, exponent + 5)}` : ''
      return sign + number('0123456789', random.once(6) ? 4 * digits : digits + 3) + power
    },
  }
}

const NUMERIC_SEEDS = [
  ...INTEGER_SEEDS,
  ...[
    '1.5',
    '.5',
    '5.',
    '.',
    '-.5',
    '1..2',
    '1.2.3',
    '1._5',
    '1_.5',
    '1.5_0',
    '1.5__0',
    '0.00',
    '-0.00',
    '000.1000',
    '1e3',
    '1E-3',
  ],
  ...[
    '1e',
    '1e+',
    '1e1_0',
    '1e_1',
    '1e1_',
    '.5e-3',
    '1.e5',
    '12345678901234567890.123456789',
    '0.00001',
    '99999999',
    '99995e-1',
  ],
  ...['nan', 'NaN ', '+nan', '-nan', 'inf', '-inf', '+Infinity', 'infinit', 'infx', 'nanx', '  -INFINITY\n', 'nan(1)'],
  ...[
    '1e131071',
    '1e131072',
    '-1e131072',
    '1e-16383',
    '1e-16384',
    '0e-16384',
    '0e200000',
    '1e1073741823',
    '1e1073741824',
  ],
  ...[
    '1e-1073741824x',
    '5e-1000000000',
    '0x1p3',
    '999.994',
    '999.995',
    '-999.995',
    '0.005',
    '0.00499',
    '0.0995',
    '0.00995',
  ],
  ...[
    '0.01',
    '0.00994',
    '1249',
    '1250',
    '99949',
    '99950',
    '100000',
    '49',
    '50',
    '-50',
    '9.99e2',
    '1e2',
    '1e-2',
    '12345.',
  ],
  `0x${'f'.repeat(40)}`,
  `0o${'7'.repeat(50)}`,
  `0b${'1'.repeat(140)}`,
  `${'9'.repeat(60)}.${'9'.repeat(60)}`,
  `0.${'0'.repeat(50)}1`,
]

function numeric(type: string): TypeCase {
  return {
    type,
    seeds: NUMERIC_SEEDS,
    alphabet: '0123456789+-.eE _xobnaif',
    corpus: ['numeric', 'double precision', 'integer', 'bigint'],
    generate(random) {
      const sign = random.pick(['', '', '-', '+'])
      if (random.once(12)) return `${sign}0x${random.string('0123456789abcdefF', random.between(1, 40))}`
      const whole = random.digits(random.between(0, random.once(4) ? 24 : 6))
      const fraction = random.digits(random.between(0, random.once(4) ? 24 : 6))
      const exponent = random.once(5) ? `e${random.between(-12, 12)}` : ''
      return `${sign}${whole}${random.once(3) ? '' : `.${fraction}`}${exponent}`
    },
  }
}

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

function characters(type: string): TypeCase {
  return {
    type,
    seeds: WORDS,
    alphabet: 'abcäö😀€ ',
    corpus: ['text', 'character varying', 'name'],
    ...(type.includes('(') ? {} : { errors: 0 }),
    generate: (random) => random.string('abcé😀€', random.between(0, 4)) + ' '.repeat(random.below(4)),
  }
}

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

function json(type: string): TypeCase {
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

const boolean: TypeCase = {
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

const bytea: TypeCase = {
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

const uuid: TypeCase = {
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

const enumeration: TypeCase = {
  type: 'enum:mood:sad,ok,very happy,Ök',
  sql: 'mood',
  seeds: ['sad', 'ok', 'very happy', 'Ök', 'OK', 'ok ', ' ok', '', 'happy', 'x'.repeat(64), 'x'.repeat(63)],
  alphabet: 'sadokveryhp Ö',
  values: 4,
  generate: (random) => random.pick(['sad', 'ok', 'very happy', 'Ök']),
}

const int4 = integer('int4', 10)
const text = characters('text')
const float8 = float('float8', 17, 308)

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
  ...[json('json'), enumeration, ...datetimeCases.filter(({ type }) => /^(date|timestamptz\(0\))$/.test(type))].map(
    arrayOf,
  ),
]
