import { Readable } from 'node:stream'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { CopyError, type Reject } from '../../lib/index.ts'
import { RowText } from '../../lib/row-text.ts'
import { type Bench, benches } from './targets.ts'

/** An object of a library, such as a decimal number: a class with a string of its own. */
class Decimal {
  readonly #text: string
  constructor(text: string) {
    this.#text = text
  }
  toString(): string {
    return this.#text
  }
}

describe.each(benches)('rows of JavaScript, on $name', ({ name, open }) => {
  let bench: Bench
  const isPostgres = name === 'postgres'

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text, seen timestamp)')
  })
  afterEach(() => bench.close())

  const rows = (columns = '*') => bench.sql(`SELECT ${columns} FROM t ORDER BY id`)

  async function refusal(load: Promise<unknown>): Promise<CopyError> {
    const error = await load.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(CopyError)
    expect(await bench.sql('SELECT count(*) FROM t')).toEqual([['0']])
    return error as CopyError
  }

  test('objects, whatever the order of their keys, and arrays', async () => {
    const receipt = await bench.db.copy('COPY t FROM STDIN', {
      rows: [
        { name: 'a', id: 1 },
        { id: 2, name: 'b' },
      ],
    })
    expect(receipt).toMatchObject({
      statement: 'COPY t ("name", "id") FROM STDIN',
      columns: ['name', 'id'],
      rowsLoaded: 2,
      files: [{ path: 'STDIN', rows: 2 }],
    })
    expect(await bench.db.copy('COPY t FROM STDIN', { rows: [[3, 'c', null]] })).toMatchObject({ rowsLoaded: 1 })
    expect(await bench.db.copy('COPY t (name, id) FROM STDIN', { rows: [['d', 4]] })).toMatchObject({ rowsLoaded: 1 })
    expect(await rows('id, name')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
      ['4', 'd'],
    ])
  })

  test('no rows at all', async () => {
    expect(await bench.db.copy('COPY t FROM STDIN', { rows: [] })).toMatchObject({ rowsRead: 0, rowsLoaded: 0 })
  })

  test('the list of columns is put where it belongs', async () => {
    const statement = 'COPY /* from */ "t" -- from\n FROM /* x */ STDIN WHERE id > 1'
    const receipt = await bench.db.copy(statement, { rows: [{ id: 1 }, { id: 2 }] })
    expect(receipt).toMatchObject({ columns: ['id'], rowsLoaded: 1, rowsFiltered: 1 })
  })

  test('strings come out as they went in', async () => {
    const odd = ['', '\\N', '\\.', '\\', 'a\tb\nc\rd\\n', '"', ',', '\u0001\b\f\v', 'é', '日本', '😀', "'"]
    const long = odd.map((text) => text + 'x'.repeat(100))
    const texts = [...odd, ...long, 'y'.repeat(300_000), '😀'.repeat(50_000), '\\'.repeat(100_000)]
    await bench.db.copy('COPY t (id, name) FROM STDIN', { rows: texts.map((name, id) => ({ id, name })) })
    expect((await rows('name')).map(([text]) => text)).toEqual(texts)
  })

  test.each(['\ufeffx', 'BZh91AY&SY', '\u0004"M\u0018', 'P*M\u0018', 'PAR1\u0015', 'PGCOPY\n', 'B', 'P\t'])(
    '%j at the very beginning',
    async (text) => {
      await bench.db.copy('COPY t (name) FROM STDIN', { rows: [[text], [text]] })
      // Drivers take a byte order mark away.
      const hex = isPostgres ? "encode(convert_to(name, 'UTF8'), 'hex')" : 'lower(hex(encode(name)))'
      const bytes = Buffer.from(text).toString('hex')
      expect(await bench.sql(`SELECT ${hex} FROM t`)).toEqual([[bytes], [bytes]])
    },
  )

  test('one column of empty strings', async () => {
    await bench.db.copy('COPY t (name) FROM STDIN', { rows: [{ name: '' }, [''], { name: null }] })
    expect(await bench.sql('SELECT name, count(*) FROM t GROUP BY 1 ORDER BY 1')).toEqual([
      ['', '2'],
      [null, '1'],
    ])
  })

  test.each([
    ['integer', [0, -0, 1, -1, 9, 10, 99, 100, 2147483647, -2147483648, '7', 8n, null]],
    ['bigint', [2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, 9223372036854775807n, -9223372036854775808n]],
    ['float8', [0.1, -0.1, 1e300, 5e-324, 1e21, Number.MAX_VALUE, 123456789.125]],
    ['numeric(20,5)', [1.5, '2.25', 10n ** 14n, new Decimal('3.14159')]],
    ['boolean', [true, false, 't', 'false', 1, 0]],
  ])('%s', async (type, values) => {
    await bench.sql(`CREATE TABLE n (i integer, v ${type})`)
    await bench.db.copy('COPY n FROM STDIN', { rows: values.map((v, i) => ({ i, v })) })
    const stored = (await bench.sql('SELECT v FROM n ORDER BY i')).map(([text]) => text)
    const truths: Record<string, boolean> = { t: true, false: false, 1: true, 0: false }
    const wanted = values.map((value) => {
      if (value === null) return null
      if (type === 'boolean') return String(truths[String(value)] ?? value)
      return Number(value)
    })
    const read = (text: string | null | undefined) =>
      text === null
        ? null
        : type === 'boolean'
          ? String(text).replace(/^t$/, 'true').replace(/^f$/, 'false')
          : Number(text)
    expect(stored.map(read)).toEqual(wanted.map((value) => (value === 0 ? 0 : value)))
  })

  test('zero keeps its sign where there is one, and what is no number is one', async () => {
    await bench.sql('CREATE TABLE f (i integer, v float8)')
    const values = [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    await bench.db.copy('COPY f FROM STDIN', { rows: values.map((v, i) => [i, v]) })
    const stored = await bench.sql('SELECT CAST(v AS text) FROM f ORDER BY i')
    expect(
      stored.flat().map((text) =>
        text
          ?.toLowerCase()
          .replace(/^-0\.0$/, '-0')
          .slice(0, 4),
      ),
    ).toEqual(['-0', 'nan', 'infi', '-inf'].map((t, i) => (i === 2 && !isPostgres ? 'inf' : t)))
  })

  test('points in time', async () => {
    await bench.sql('CREATE TABLE d (i integer, z timestamptz, s timestamp, d date, h time, t text)')
    const at = new Date(2024, 1, 29, 13, 5, 7, 89)
    const early = new Date(at)
    early.setFullYear(-43)
    await bench.db.copy('COPY d FROM STDIN', {
      rows: [at, early].map((each, i) => ({ i, z: each, s: each, d: each, h: each, t: each })),
    })
    const [first, second] = await bench.sql(
      'SELECT z = CAST(t AS timestamptz), CAST(s AS text), CAST(d AS text), CAST(h AS text) FROM d WHERE i = 0 UNION ALL SELECT NULL, CAST(s AS text), CAST(d AS text), NULL FROM d WHERE i = 1',
    )
    expect(first).toEqual(['true', '2024-02-29 13:05:07.089', '2024-02-29', '13:05:07.089'])
    const era = isPostgres ? ' BC' : ' (BC)'
    expect(second?.slice(1, 3).map((text) => text?.replace(/ \(?BC\)?/, ''))).toEqual([
      '0044-03-01 13:05:07.089',
      '0044-03-01',
    ])
    expect(second?.[2]).toContain(era.trim())
  })

  test('bytes', async () => {
    await bench.sql(`CREATE TABLE b (i integer, v ${isPostgres ? 'bytea' : 'blob'})`)
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    await bench.db.copy('COPY b FROM STDIN', {
      rows: [all, new Uint8Array(all), new Uint8Array(all).buffer, Buffer.alloc(0)].map((v, i) => ({ i, v })),
    })
    const hex = isPostgres ? "encode(v, 'hex')" : 'lower(hex(v))'
    const text = all.toString('hex')
    expect(await bench.sql(`SELECT ${hex} FROM b ORDER BY i`)).toEqual([[text], [text], [text], ['']])
  })

  test('objects and arrays as JSON', async () => {
    await bench.sql(`CREATE TABLE j (i integer, v ${isPostgres ? 'jsonb' : 'json'})`)
    const values = [
      { a: [1, '\\"\n\t', { b: null }] },
      [1, 2],
      [],
      { at: new Date(0) },
      '{"text": true}',
      5,
      false,
      null,
    ]
    await bench.db.copy('COPY j FROM STDIN', { rows: values.map((v, i) => ({ i, v })) })
    const stored = await bench.sql('SELECT CAST(v AS text) FROM j ORDER BY i')
    const wanted = [...values.slice(0, 3), { at: '1970-01-01T00:00:00.000Z' }, { text: true }, 5, false, null]
    expect(stored.map(([text]) => (text === null ? null : JSON.parse(text ?? '')))).toEqual(wanted)
  })

  test('arrays', async () => {
    await bench.sql(
      `CREATE TABLE a (i integer, n integer[], s text[], d date[], m ${isPostgres ? 'integer[]' : 'integer[][]'})`,
    )
    const at = new Date(2024, 0, 2)
    await bench.db.copy('COPY a FROM STDIN', {
      rows: [
        {
          i: 0,
          n: [1, null, 3],
          s: ['a"b', '\\', 'NULL', '', ',{}', 'é\n'],
          d: [at],
          m: [
            [1, 2],
            [3, 4],
          ],
        },
        { i: 1, n: [], s: [], d: null, m: [] },
        { i: 2, n: new Int32Array([7, 8]), s: '{x,y}', d: [], m: null },
      ],
    })
    const text = "array_to_string(s, '|')"
    expect(
      await bench.sql(`SELECT ${text}, n[2] IS NULL, n[3], CAST(d[1] AS text), m[2][1] FROM a WHERE i = 0`),
    ).toEqual([['a"b|\\|NULL||,{}|é\n', 'true', '3', '2024-01-02', '3']])
    expect(await bench.sql(`SELECT n[2], ${text} FROM a WHERE i = 2`)).toEqual([['8', 'x|y']])
  })

  test('what pg reads, it takes again', async () => {
    if (bench.url === undefined) return
    const { default: pg } = await import('pg')
    const columns =
      'g int, a timestamptz, b timestamp, c date, d interval, e numeric, f bytea, h jsonb, i int[], j text[], l inet[], m uuid'
    await bench.sql(`CREATE TABLE p (${columns}); CREATE TABLE q (${columns})`)
    await bench.sql(`INSERT INTO p VALUES (1, date_trunc('milliseconds', now()), localtimestamp(3), current_date,
      '1 mon 2 days 03:04:05.678', 12345678901234567890.5, '\\x00ff', '{"x": [1]}', '{{1,2},{3,4}}', '{a,NULL,"b\\"c"}',
      '{10.0.0.1,NULL}', gen_random_uuid())`)
    const client = new pg.Client(bench.url)
    await client.connect()
    try {
      const { rows: read } = await client.query('SELECT * FROM p')
      await bench.db.copy('COPY q FROM STDIN', { rows: read })
    } finally {
      await client.end()
    }
    expect(await bench.sql('SELECT q::text FROM q')).toEqual(await bench.sql('SELECT p::text FROM p'))
  })

  describe('a value that its column does not take', () => {
    test.each([
      ['a string', 'x', 'id', /"x"/],
      ['a Boolean', true, 'id', /"true"/],
      ['a fraction', 1.5, 'id', /"1.5"/],
      ['an object', { a: 1 }, 'id', /"\(an object\) \{"a":1\}"/],
      ['a function', () => 1, 'id', /"\(a function\)"/],
      ['an invalid date', new Date(Number.NaN), 'seen', /"\(an invalid Date\)"/],
      ['a number for a time', 1700000000000, 'seen', /"\(the number 1700000000000\)"/],
      ['an object for a text', { a: 1 }, 'name', /column "name" of type \w+ does not take an object/i],
      ['an array for a text', [1], 'name', /does not take an array/],
      ['bytes for a text', Buffer.from('x'), 'name', /does not take bytes/],
      ['a symbol for a text', Symbol('x'), 'name', /does not take a symbol/],
      ['half a pair', 'x\ud800y', 'name', /invalid byte sequence for encoding "UTF8": 0xed 0xa0 0x80/],
      ['half a pair in much', `${'x'.repeat(100)}\udc00`, 'name', /invalid byte sequence/],
      ['a Map', new Map([['a', 1]]), 'name', /does not take a Map/],
      ['NUL', 'a\0b', 'name', /invalid byte sequence for encoding "UTF8": 0x00/],
    ])('%s', async (_, value, column, message) => {
      const good = { id: 1, name: 'a', seen: new Date() }
      const error = await refusal(
        bench.db.copy('COPY t FROM STDIN', { rows: [good, good, { ...good, [column]: value }, good] as never }),
      )
      expect(error.message).toMatch(message)
      expect(error.position).toMatchObject({ file: 'STDIN', line: 3 })
      expect(error.position.column).toBe(column)
      expect(error.context).toMatch(new RegExp(`^COPY t, line 3, column ${column}`))
      // It costs its row where the statement says so.
      const rejects: Reject[] = []
      const receipt = await bench.db.copy('COPY t FROM STDIN WITH (ON_ERROR skip_row)', {
        rows: [good, { ...good, [column]: value }, good] as never,
        onReject: (reject) => rejects.push(reject),
      })
      expect(receipt).toMatchObject({ rowsRead: 3, rowsLoaded: 2, rowsRejected: 1 })
      expect(rejects).toMatchObject([{ line: 2, lastLine: 2, file: 'STDIN' }])
      expect(rejects[0]?.errors[0]).toMatchObject({ message: expect.stringMatching(message), column })
    })

    test.each([
      ['a key too many', { id: 1, nam: 'x' }, 'the row has a key "nam", which is no column of this load'],
      ['an array too short', [1], 'missing data for column "name"'],
      ['an array too long', [1, 'a', 'b'], 'extra data after last expected column'],
      ['an empty array', [], 'the row is an empty array'],
      ['null', null, 'a row is an object or an array, not null'],
      ['a string', '1\ta', 'a row is an object or an array, not a string'],
      ['bytes', Buffer.from('1\ta\n'), 'a row is an object or an array, not bytes'],
      ['a Map', new Map([['id', 1]]), 'a row is an object or an array, not a Map'],
      ['a Set', new Set([1, 'a']), 'a row is an object or an array, not a Set'],
      ['an Error', new TypeError('x'), 'a row is an object or an array, not an Error'],
      ['numbers', new Float64Array(2), 'a row is an object or an array, not a Float64Array'],
      ['a generator', (function* () {})(), 'a row is an object or an array, not a Generator'],
      ['an iterator', new Map([['id', 1]]).entries(), 'a row is an object or an array, not a Map Iterator'],
      ['headers', new Headers({ id: '1' }), 'a row is an object or an array, not a Headers'],
      ['a URL', new URL('http://h/?id=1'), 'a row is an object or an array, not a URL'],
      ['a boxed number', Object(1), 'a row is an object or an array, not a Number'],
      [
        'what is nothing',
        new (class {})(),
        'a row is an object or an array, not an object of a class without properties',
      ],
      [
        'a collection',
        Object.assign(new (class extends Array {})().values(), { length: 1 }),
        'a row is an object or an array, not an Array Iterator',
      ],
    ])('%s makes a row malformed', async (_, row, message) => {
      const load = (options: string) =>
        bench.db.copy(`COPY t (id, name) FROM STDIN ${options}`, { rows: [[1, 'a'], row, [2, 'b']] as never })
      expect(await refusal(load(''))).toMatchObject({ sqlState: '22P04', message, position: { line: 2 } })
      const receipt = await load('WITH (ON_ERROR skip_row)')
      expect(receipt).toMatchObject({ rowsLoaded: 2, rowsRejected: 1 })
      expect(receipt.diagnosis?.[0]?.samples[0]?.line ?? 2).toBe(2)
    })

    test('NULL, or the default, takes its place where the statement says so', async () => {
      const receipt = await bench.db.copy('COPY t (id, seen) FROM STDIN WITH (ON_ERROR set_null)', {
        rows: [{ id: 1, seen: 5 }, { id: 'x' }, { id: 2 }],
      })
      expect(receipt).toMatchObject({ rowsLoaded: 3, rowsReplaced: 2 })
      expect(await bench.sql('SELECT id, seen FROM t ORDER BY id NULLS FIRST')).toEqual([
        [null, null],
        ['1', null],
        ['2', null],
      ])
    })
  })

  test('are objects of any class that has what the columns are called', async () => {
    class Row {
      readonly #id: number
      constructor(id: number) {
        this.#id = id
      }
      get id() {
        return this.#id
      }
      *[Symbol.iterator]() {
        yield this.#id
      }
    }
    await bench.db.copy('COPY t (id) FROM STDIN', { rows: [new Row(1), Object.create({ id: 2 })] as never })
    expect(await rows('id')).toEqual([['1'], ['2']])
  })

  test('that cannot be looked at are an error with their number', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const fails = (): never => {
      throw new Error('it fails')
    }
    const good = { id: 1, name: 'a' }
    const broken = [proxy, Object.defineProperty({}, 'then', { get: fails }), { id: 1, name: { toJSON: fails } }]
    for (const row of [...broken, Object.defineProperty({}, 'id', { get: fails, enumerable: true })]) {
      // A generator would look at it itself.
      const waiting = () => {
        const steps = [good, row].values()
        return { [Symbol.asyncIterator]: () => ({ next: async () => steps.next() }) }
      }
      for (const [given, line] of [
        [[row], 1],
        [[good, row], 2],
        [waiting(), 2],
      ] as const) {
        const error = await refusal(bench.db.copy('COPY t FROM STDIN', { rows: given as never }))
        expect(error).toMatchObject({ sqlState: '58030', position: { file: 'STDIN', line } })
        expect(error.message).toMatch(/^could not read file "STDIN": .*(?:it fails|revoked)$/)
      }
    }
    // What a source throws is of no row.
    const source = Readable.from([{ id: 1 }]).map(fails)
    expect((await refusal(bench.db.copy('COPY t FROM STDIN', { rows: source }))).position).toEqual({ file: 'STDIN' })
  })

  test('that are promised are waited for', async () => {
    const row = async (id: number) => {
      if (id === 5) throw new Error('no fifth row')
      return { name: `n${id}`, id }
    }
    function* generated(ids: readonly number[]) {
      for (const id of ids) yield row(id)
    }
    const load = (promised: unknown) => bench.db.copy('COPY t FROM STDIN', { rows: promised as never })
    await load([1, 2].map(row))
    await load(generated([3, 4]))
    for (const broken of [
      () => [6, 5, 5].map(row),
      () => [{ id: 6 }, row(5), { id: 7 }, row(5)],
      () => generated([6, 5]),
    ])
      await expect(load(broken())).rejects.toThrow('no fifth row')
    expect(await rows('name')).toEqual([['n1'], ['n2'], ['n3'], ['n4']])
  })

  test('of what cannot be iterated are an error of the input', async () => {
    const locked = () => {
      const stream = new ReadableStream()
      stream.getReader()
      return stream
    }
    const broken = () => ({
      [Symbol.asyncIterator]() {
        throw new Error('no iterator')
      },
    })
    for (const source of [locked, broken]) {
      for (const option of ['rows', 'stdin']) {
        await expect(bench.db.copy('COPY t FROM STDIN', { [option]: source() })).rejects.toMatchObject({
          sqlState: '58030',
          message: expect.stringMatching(/^could not read file "STDIN": .*(?:locked|no iterator)/),
          position: { file: 'STDIN' },
        })
      }
    }
  })

  test('what JSON makes an empty object of is refused', async () => {
    await bench.sql('CREATE TABLE j (j json)')
    for (const value of [
      new Map([['a', 1]]),
      { deep: [{ set: new Set([1]) }] },
      Promise.resolve({ a: 1 }),
      { a: Promise.resolve(1) },
      /x/,
      { a: new Blob(['x']), b: {} },
    ]) {
      const load = bench.db.copy('COPY j FROM STDIN', { rows: [{ j: value }] })
      await expect(load).rejects.toMatchObject({
        sqlState: '22P02',
        message: expect.stringMatching(/^column "j" of type json does not take an? \w+: JSON makes {} of an? \w+$/i),
        position: { line: 1, column: 'j' },
      })
    }
    // Of another realm, and what stands for a value.
    const value = { empty: {}, none: Object.create(null), far: runInNewContext('({})'), one: Object(1) }
    await bench.db.copy('COPY j FROM STDIN', { rows: [{ j: value }] })
    expect(await bench.sql('SELECT j::text FROM j')).toEqual([['{"empty":{},"none":{},"far":{},"one":1}']])
  })

  test('what there is no JSON of is told with the reason', async () => {
    await bench.sql('CREATE TABLE j (id integer, j json, k json)')
    const cycle: { own?: object } = {}
    cycle.own = cycle
    const reasons = [
      [{ a: 1n }, 'an object: Do not know how to serialize a BigInt'],
      [[cycle], 'an array: Converting circular structure to JSON'],
      [{ toJSON: () => undefined }, 'an object: there is nothing in JSON for it'],
      [() => 1, 'a function'],
      [Buffer.from('{}'), 'bytes'],
    ] as const
    for (const [value, reason] of reasons) {
      // Rows that begin like an answer of a server are none.
      const error = await refusal(
        bench.db.copy('COPY j (j, k, id) FROM STDIN', { rows: [{ j: { a: 1 }, k: value, id: 1 }] as never }),
      )
      expect(error).toMatchObject({
        sqlState: '22P02',
        message: expect.stringMatching(/^column "k" of type json does not take /i),
        position: { line: 1, column: 'k' },
        context: 'COPY j, line 1, column k',
      })
      expect(error.message.endsWith(`does not take ${reason}`)).toBe(true)
      expect(error.hint).toBeUndefined()
    }
    const rejects: Reject[] = []
    const rows = [
      { id: 1, j: { a: 1n }, k: [cycle] },
      { id: 'x', j: {}, k: { a: 1n } },
      { id: 3, j: 'no JSON', k: {} },
      { id: 4, j: cycle, k: 'x\ud800' },
    ]
    await bench.db.copy('COPY j FROM STDIN (ON_ERROR skip_row)', { rows, onReject: (reject) => rejects.push(reject) })
    expect(rejects.map(({ errors }) => errors.map(({ column, message }) => `${column}: ${message}`))).toEqual([
      [expect.stringMatching(/^j: .*BigInt$/), expect.stringMatching(/^k: .*circular structure to JSON$/)],
      [expect.stringMatching(/^id: invalid input syntax/), expect.stringMatching(/^k: .*BigInt$/)],
      [expect.stringMatching(/^j: invalid input syntax for type json$/)],
      [expect.stringMatching(/^k: invalid byte sequence/)],
    ])
    expect(
      await bench.db.copy('COPY j FROM STDIN (ON_ERROR set_null)', { rows: [{ id: 1, j: { a: 1n } }] }),
    ).toMatchObject({ rowsLoaded: 1, rowsReplaced: 1 })
    // Any other error of a row that begins so has no such hint either.
    const bad = bench.db.copy('COPY j (j, id) FROM STDIN', { rows: [{ j: [{ a: 1 }], id: 'x' }] })
    expect((await refusal(bad)).hint).toBeUndefined()
  })

  test.runIf(!isPostgres)('values with parts, whatever is in their texts', async () => {
    await bench.sql(`CREATE TABLE n (s STRUCT(x INTEGER, y VARCHAR), m MAP(VARCHAR, INTEGER), i MAP(INTEGER, VARCHAR),
        l STRUCT(d TIMESTAMP, b BLOB, n DOUBLE)[], e STRUCT(m MAP(VARCHAR, VARCHAR[]), z VARCHAR))`)
    const text = `a\nb\t\r"\\'{}[],: =\u{1f600} NULL`
    const plain = {
      s: { y: text, x: 1 },
      m: { [text]: 1, b: 2 },
      i: new Map([[3, text]]),
      l: [{ d: new Date(2024, 1, 29), b: Buffer.from([0, 255, 92, 34]), n: Number.NaN }, null],
      e: { m: new Map([['k', ['', 'null', text]]]), z: null },
    }
    await bench.db.copy('COPY n FROM STDIN', { rows: [plain, { s: null, m: {}, i: new Map(), l: [], e: {} }] as never })
    const [first, second] =
      await bench.sql(`SELECT s.x, s.y, m['${text.replace("'", "''")}'], m['b'], i[3], l[1].d, hex(l[1].b),
        isnan(l[1].n), l[2] IS NULL, e.m['k'][1], e.m['k'][2], e.m['k'][3], e.z, cardinality(m), cardinality(i), len(l) FROM n`)
    expect(first).toEqual([
      ...['1', text, '1', '2', text, '2024-02-29 00:00:00', '00FF5C22', 'true', 'true', '', 'null', text, null],
      ...['2', '1', '2'],
    ])
    expect(second?.slice(-3)).toEqual(['0', '0', '0'])
    const cycle: { s?: object } = {}
    cycle.s = { y: cycle }
    const refused = bench.db.copy('COPY n FROM STDIN', { rows: [cycle] as never })
    await expect(refused).rejects.toMatchObject({ position: { line: 1, column: 's' } })
  })

  test.runIf(!isPostgres)('dates and zeros within values with parts are what they are alone', async () => {
    const { TZ } = process.env
    // Where a day begins at another time than in UTC.
    process.env.TZ = 'America/New_York'
    onTestFinished(() => {
      if (TZ === undefined) delete process.env.TZ
      else process.env.TZ = TZ
    })
    const types = [
      'TIMESTAMP',
      'DATE',
      'TIME',
      'TIMESTAMPTZ',
      'TIMESTAMP_S',
      'TIMESTAMP_NS',
      'JSON',
      'VARCHAR',
      'DOUBLE',
    ]
    const at = new Date('2024-01-02T03:04:05Z')
    for (const type of types) {
      await bench.sql(`DROP TABLE IF EXISTS p; CREATE TABLE p (a ${type}, l ${type}[], ll ${type}[][], s STRUCT(x ${type}),
          ls STRUCT(x ${type})[], m MAP(VARCHAR, ${type}), k MAP(${type}, INTEGER))`)
      const a = type === 'DOUBLE' ? -0 : at
      await bench.db.copy('COPY p FROM STDIN', {
        rows: [{ a, l: [a], ll: [[a]], s: { x: a }, ls: [{ x: a }], m: { k: a }, k: new Map([[a, 1]]) }] as never,
      })
      const parts = ['a', 'l[1]', 'll[1][1]', 's.x', 'ls[1].x', "m['k']"]
      // The key of a Map is never -0.
      if (type !== 'DOUBLE') parts.push('map_keys(k)[1]')
      const [found = []] = await bench.sql(`SELECT ${parts.map((part) => `${part}::VARCHAR`).join()} FROM p`)
      expect({ type, found }).toEqual({ type, found: found.map(() => found[0]) })
      if (type === 'TIMESTAMP') expect(found[0]).toBe('2024-01-01 22:04:05')
    }
  })

  test.runIf(!isPostgres)('JSON and maps within values with parts are what they are alone', async () => {
    await bench.sql(`CREATE TABLE q (s STRUCT(j JSON, m MAP(VARCHAR, INTEGER), v VARCHAR), k MAP(VARCHAR, JSON),
        l MAP(VARCHAR, INTEGER)[], f JSON[2], d STRUCT(s STRUCT(j JSON)[]))`)
    const value = { a: null, b: 'x\ny"\\', c: [1, null, { d: true }] }
    const json = JSON.stringify(value)
    const row = {
      s: { j: value, m: { a: 1 }, v: '{"b": NULL}' },
      k: { x: value, y: [1, null] },
      l: [{ a: 2 }, null],
      f: [value, json],
      d: { s: [{ j: value }] },
    }
    await bench.db.copy('COPY q FROM STDIN', { rows: [row] })
    const found =
      await bench.sql(`SELECT s.j::varchar, s.m['a'], s.v, k['x']::varchar, k['y']::varchar, l[1]['a'], f[1]::varchar,
        f[2]::varchar, d.s[1].j::varchar FROM q`)
    expect(found).toEqual([[json, '1', '{"b": NULL}', json, '[1,null]', '2', json, json, json]])
    // A text takes no object, as in a column of its own, nor JSON what there is no JSON of.
    for (const s of [
      { v: { b: null } },
      { v: [1] },
      { j: new Map() },
      { j: { p: Promise.resolve(1) } },
      { m: new Blob(['x']) },
    ]) {
      const refused = bench.db.copy('COPY q (s) FROM STDIN', { rows: [{ s }] as never })
      await expect(refused).rejects.toMatchObject({ sqlState: '42804', position: { line: 1, column: 's' } })
    }
  })

  test('refused rows are loaded again', async () => {
    const receipt = await bench.db.copy('COPY t FROM STDIN WITH (ON_ERROR skip_row)', {
      rows: [
        { name: 'a\tb\\', id: 'x' },
        { name: 'c', id: 1 },
      ],
    })
    expect(receipt).toMatchObject({ rowsRejected: 1, rejectsRecorded: 1 })
    await bench.sql('ALTER TABLE t ALTER id TYPE text')
    expect(await bench.db.copy(`COPY REJECTS '${receipt.id}' INTO t`)).toMatchObject({ rowsLoaded: 1 })
    expect(await rows('id, name')).toEqual([
      ['1', 'c'],
      ['x', 'a\tb\\'],
    ])
  })

  test('the bytes of refused rows are their TEXT, whatever was wrong with them', async () => {
    const told: [number, string][] = []
    const long = 'x'.repeat(5000)
    const { id, rowsRejected } = await bench.db.copy('COPY t (id, name) FROM STDIN (ON_ERROR skip_row)', {
      rows: [
        { id: 1, name: { o: 1, tab: '\t', long } },
        null,
        'str',
        { id: 2, name: Buffer.from([0, 255]) },
        { id: 3, name: [1, 'é'] },
        [],
        [4, { a: 1 }, 5],
      ] as unknown[] as object[],
      onReject: ({ line, raw, byteLength, rawIsCut }) => {
        told.push([line, raw.toString()])
        if (!rawIsCut) expect(byteLength).toBe(raw.length)
      },
    })
    expect(rowsRejected).toBe(7)
    expect(told).toEqual([
      [1, `1\t{"o":1,"tab":"\\\\t","long":"${long}"}`],
      [2, '\\N'],
      [3, 'str'],
      [4, '2\t\\\\x00ff'],
      [5, '3\t[1,"é"]'],
      [6, '(an array)'],
      [7, '4\t{"a":1}\t5'],
    ])
    const again = await bench.db.copy(`COPY REJECTS '${id}' INTO t WITH (ON_ERROR skip_row)`)
    // An empty array has no text of a row.
    expect(again).toMatchObject({ rowsResolved: 3, rowsRejected: 3, rowsCut: 1 })
    expect(await rows('id, name')).toEqual([
      ['1', `{"o":1,"tab":"\\t","long":"${long}"}`],
      ['2', '\\x00ff'],
      ['3', '[1,"é"]'],
    ])
  })

  describe('a value that its column does not take is recorded as what it is', () => {
    const columns = 'id integer, i integer, n numeric(10,2), d date, s timestamp, b boolean, y bytea, j json, t text'
    const none = { id: 0, i: null, n: null, d: null, s: null, b: null, y: null, j: null, t: null }
    class Named {}
    const cases: readonly [value: object, text: string | undefined][] = [
      [{ i: { a: 'x\t\\(y\\) ' } }, '{"a":"x\\t\\\\(y\\\\) "}'],
      [{ n: [1, [2]] }, '[1,[2]]'],
      [{ d: new Int16Array([1, 2]) }, '[1,2]'],
      [{ s: 1700000000000 }, '1700000000000'],
      [{ d: 5n }, '5'],
      [{ d: false }, 'false'],
      [{ i: new Date(0) }, '1970-01-01T00:00:00.000Z'],
      [{ b: Buffer.from([0, 255]) }, '\\x00ff'],
      [{ y: { '(an': 1 } }, '{"(an":1}'],
      [{ j: Buffer.from('a') }, '\\x61'],
      [{ t: { a: 1 } }, '{"a":1}'],
      [{ i: () => 1 }, undefined],
      [{ t: Symbol('x') }, undefined],
      [{ i: new Map([[1, 2]]) }, undefined],
      [{ t: new Map([[1, 2]]) }, undefined],
      [{ j: { a: 1n } }, undefined],
      [{ y: new Named() }, undefined],
      [{ i: Object.assign(new Named(), { [Symbol.toStringTag]: '\\)\\(' }) }, undefined],
      [{ d: new Date(Number.NaN) }, undefined],
    ]

    beforeEach(async () => {
      await bench.sql(
        `CREATE TABLE ro (${columns}); CREATE TABLE rt (${columns.replaceAll(/ \w+(?:\([\d,]+\))?(?=,|$)/g, ' text')})`,
      )
    })

    test('and loaded as that later, or not at all', async () => {
      const rejects: Reject[] = []
      const { id, rowsRejected } = await bench.db.copy('COPY ro FROM STDIN (ON_ERROR skip_row)', {
        rows: cases.map(([value], index) => ({ ...none, ...value, id: index })) as never,
        onReject: (reject) => rejects.push(reject),
      })
      expect(rowsRejected).toBe(cases.length)
      for (const [index, { raw, rawIsCut, byteLength }] of rejects.entries()) {
        const isWhole = cases[index]?.[1] !== undefined
        expect([index, rawIsCut, raw.length < byteLength]).toEqual([index, !isWhole, !isWhole])
      }
      const whole = cases.flatMap(([, text], index) => (text === undefined ? [] : [[String(index), text]]))
      const again = await bench.db.copy(`COPY REJECTS '${id}' INTO rt`)
      expect(again).toMatchObject({ rowsLoaded: whole.length, rowsCut: cases.length - whole.length, rowsUnrecorded: 0 })
      const loaded = await bench.sql('SELECT id, coalesce(i, n, d, s, b, y, j, t) FROM rt ORDER BY CAST(id AS integer)')
      expect(loaded).toEqual(whole)
    })

    test('also where it was replaced first, and its row refused then', async () => {
      await bench.sql('CREATE UNIQUE INDEX ro_id ON ro (id)')
      const rejects: Reject[] = []
      const row = (i: unknown) => ({ ...none, id: 1, i })
      await bench.db.copy('COPY ro FROM STDIN (ON_ERROR set_null) ON CONFLICT (id) DO REJECT', {
        rows: [row(1), row({ a: 1 }), row(() => 1)] as never,
        onReject: (reject) => rejects.push(reject),
      })
      expect(rejects.map(({ raw, rawIsCut }) => [raw.toString().split('\t')[1], rawIsCut])).toEqual([
        ['{"a":1}', false],
        ['(a function)', true],
      ])
    })
  })

  test('what is missing is NULL, or the default of its column', async () => {
    await bench.sql("CREATE TABLE w (i integer, v text DEFAULT 'none')")
    const of = (options: string) =>
      bench.db.copy(`COPY w (i, v) FROM STDIN ${options}`, {
        rows: [{ i: 1 }, { i: 2, v: undefined }, { i: 3, v: null }, { i: 4, v: '\\D' }],
      })
    await of('')
    expect((await bench.sql('SELECT v FROM w ORDER BY i')).flat()).toEqual([null, null, null, '\\D'])
    await bench.sql('DELETE FROM w')
    await of("WITH (DEFAULT '\\D')")
    expect((await bench.sql('SELECT v FROM w ORDER BY i')).flat()).toEqual(['none', 'none', null, '\\D'])
    await bench.sql('DELETE FROM w')
    // The keys of the first row are the list, so that the default is that of all rows.
    await bench.db.copy('COPY w FROM STDIN', { rows: [{ i: 1, v: undefined }, { i: 2 }] })
    expect((await bench.sql('SELECT v FROM w ORDER BY i')).flat()).toEqual(['none', 'none'])
  })

  test.each(['P', '<d>', '[default]', '{}'])('what is missing takes the default by any mark: %s', async (mark) => {
    await bench.sql("CREATE TABLE w (a text DEFAULT 'none', b text DEFAULT 'nothing')")
    const rows = [
      [undefined, 'x'],
      ['', undefined],
      [`${mark}z`, ''],
    ]
    for (let from = 0; from < rows.length; from += 1) {
      await bench.db.copy(`COPY w FROM STDIN (DEFAULT '${mark}')`, { rows: rows.slice(from) })
    }
    const [one, two, three] = [
      ['none', 'x'],
      ['', 'nothing'],
      [`${mark}z`, ''],
    ]
    const kept = [one, two, three, two, three, three]
    const stored = await bench.sql('SELECT a, b FROM w')
    expect(stored.map((row) => JSON.stringify(row)).sort()).toEqual(kept.map((row) => JSON.stringify(row)).sort())
  })

  test('other keys and elements are dropped where the statement says so', async () => {
    await bench.db.copy('COPY t (id, name) FROM STDIN WITH (IGNORE_EXTRA_DATA)', {
      rows: [{ id: 1, name: 'a', x: 1 }, [2, 'b', 'c']],
    })
    expect(await rows('id, name')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
  })

  test('a key that is no column is said with the one that was meant', async () => {
    const error = await refusal(bench.db.copy('COPY t FROM STDIN', { rows: [{ id: 1, nmae: 'x' }] }))
    expect(error).toMatchObject({ sqlState: '42703', hint: 'Did you mean "name"?' })
  })

  test('names that every object has', async () => {
    await bench.sql('CREATE TABLE o (id integer, "constructor" text, "toString" text)')
    await bench.db.copy('COPY o FROM STDIN', {
      rows: [{ id: 1, constructor: 'a', toString: 'b' }, { id: 2 }] as object[] as [],
    })
    expect(await bench.sql('SELECT * FROM o ORDER BY id')).toEqual([
      ['1', 'a', 'b'],
      ['2', null, null],
    ])
  })

  test('what the statement makes of rows holds for these too', async () => {
    const receipt = await bench.db.copy(
      "COPY t (id, name, seen) FROM STDIN WITH (CONSTANT (seen '2024-01-01'), FILLER (name), WHEN id != '2')",
      { rows: [{ id: 1, name: 'x' }, { id: 2, name: 'y' }, [3, 'z']] },
    )
    expect(receipt).toMatchObject({ rowsLoaded: 2, rowsFiltered: 1 })
    expect(await rows('id, name, seen IS NULL')).toEqual([
      ['1', null, 'false'],
      ['3', null, 'false'],
    ])
  })

  test.each([
    ['CSV', 'FORMAT'],
    ["DELIMITER '|'", 'DELIMITER'],
    ['COMPRESSION gzip', 'COMPRESSION'],
    ["NULL ''", 'NULL'],
    ['HEADER', 'HEADER'],
    ['(SKIP 1)', 'SKIP'],
    ["(ENCODING 'LATIN1')", 'ENCODING'],
    ["(DATE_FORMAT 'YYYY')", 'DATE_FORMAT and its like'],
    ["(REPLACE_INVALID_CHARS '?')", 'REPLACE_INVALID_CHARS and COMPATIBLE_ILLEGAL_CHARS'],
    ['(CREATE_TABLE)', 'CREATE_TABLE'],
  ])('%s is about text', async (options, word) => {
    const load = bench.db.copy(`COPY t FROM STDIN ${options}`, { rows: [{ id: 1 }] })
    expect(await refusal(load)).toMatchObject({
      sqlState: '0A000',
      message: `COPY ${word} cannot be used with the option "rows"`,
    })
  })

  test('the rules of a dialect whose text is another are refused by its name', async () => {
    const load = bench.db.copy('COPY t FROM STDIN MAXERROR 5', { rows: [{ id: 1 }] })
    expect(await refusal(load)).toMatchObject({
      sqlState: '0A000',
      message: 'rows cannot be loaded by the rules of Redshift',
      detail: 'MAXERROR is of Redshift, where COPY has another DELIMITER than rows are kept in.',
    })
  })

  test('a row that throws where it is looked at', async () => {
    const thrown = new Error('not today')
    const row = {
      id: 1,
      get name(): string {
        throw thrown
      },
    }
    for (const rows of [[row], [{ id: 0, name: 'a' }, row]]) {
      expect(await refusal(bench.db.copy('COPY t FROM STDIN', { rows }))).toMatchObject({
        sqlState: '58030',
        message: expect.stringContaining('not today'),
        cause: thrown,
      })
    }
  })

  test('calls that make no sense', async () => {
    const load = (statement: string, options: object) => refusal(bench.db.copy(statement, options))
    expect(await load('COPY t FROM STDIN', { rows: [], stdin: 'x' })).toMatchObject({ sqlState: '22023' })
    expect(await load("COPY t FROM 'x'", { rows: [] })).toMatchObject({
      message: 'the option "rows" is only for COPY FROM STDIN',
    })
    for (const rows of ['text', 5, {}, Buffer.from('x')]) {
      expect(await load('COPY t FROM STDIN', { rows })).toMatchObject({ sqlState: '22023' })
    }
    expect(await load('COPY nowhere FROM STDIN', { rows: [{ a: 1 }], createTable: true })).toMatchObject({
      sqlState: '42P01',
    })
  })
})

test('what is wrong with rows is kept of no more of them than may be asked about', () => {
  const fields = [{ name: 'j', type: { kind: 'json' } as const }]
  const text = new RowText({ target: 'duckdb', fields, dropsExtra: false, mostFlawed: 2 })
  for (let row = 0; row < 4; row += 1) text.add([{ a: 1n }])
  expect([1, 2, 3].map((row) => text.flawsOf(row).length)).toEqual([1, 1, 0])
  // Those that were asked about are forgotten.
  text.add([{ a: 1n }])
  expect([1, 5].map((row) => text.flawsOf(row).length)).toEqual([0, 1])
})
