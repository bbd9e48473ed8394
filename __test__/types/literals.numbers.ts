import type { TypeCase } from './literals.ts'

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

export function integer(type: string, width: number): TypeCase {
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

export function float(type: string, digits: number, exponent: number): TypeCase {
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

export function numeric(type: string): TypeCase {
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
