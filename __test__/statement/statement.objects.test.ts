import { inspect } from 'node:util'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyFrom, Dialect } from '../../lib/statement/ast.ts'
import { type CopyObject, copyFrom } from '../../lib/statement/copy-object.ts'
import { type OptionDefinition, optionKeys, optionTable } from '../../lib/statement/options.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { printCopy } from '../../lib/statement/printing.ts'
import { meaning } from './meaning.ts'
import { company } from './option-company.ts'

function failure(run: () => unknown): CopyError {
  try {
    run()
  } catch (error) {
    if (error instanceof CopyError) return error
    throw error
  }
  throw new Error('accepted')
}

test.each([
  [undefined, 'copyFrom needs an object, not undefined'],
  ["COPY t FROM 'f'", 'copyFrom needs an object, not a string'],
  [{}, 'copyFrom needs the property "table"'],
  [{ from: 'f' }, 'copyFrom needs the property "table"'],
  [{ table: 't' }, 'copyFrom needs the property "from"'],
  [{ table: {}, from: 'f' }, 'copyFrom cannot use this object for the property "table"'],
  [{ table: 't', from: 5 }, 'copyFrom cannot use a number for the property "from"'],
  [{ table: 't', from: '' }, 'copyFrom cannot use an empty string for the property "from"'],
  [{ table: 't', from: 'f', columns: 'a' }, 'copyFrom cannot use a string for the property "columns"'],
  [{ table: 't', from: 'f', where: {} }, 'copyFrom cannot use this object for the property "where"'],
  [
    { table: 't', from: 'f', onConflict: { action: 'x' } },
    'copyFrom cannot use this object for the property "onConflict"',
  ],
  [{ table: 't', from: 'f', header: null }, 'copyFrom cannot use null for the property "header"'],
  [{ table: 't', from: 'f', when: 'x' }, 'copyFrom cannot use a string for the property "when"'],
  [{ table: 't', from: 'f', formatter: [{}] }, 'copyFrom cannot use this array for the property "formatter"'],
])('%j is refused in words', (object, message) => {
  try {
    copyFrom(object as unknown as CopyObject)
  } catch (error) {
    expect(error).toBeInstanceOf(CopyError)
    expect([(error as CopyError).sqlState, (error as CopyError).message]).toEqual(['22023', message])
    return
  }
  throw new Error('accepted')
})

describe('an object is the statement that it describes', () => {
  test.each<[CopyObject, string]>([
    [{ table: 't', from: 'f' }, "COPY t FROM 'f'"],
    [
      {
        table: { schema: 's', name: 'My "T"' },
        from: { stdin: true },
        columns: ['a', 'B', 'order'],
        format: 'csv',
        header: true,
      },
      'COPY s."My ""T""" (a, "B", "order") FROM STDIN (FORMAT csv, HEADER)',
    ],
    [
      {
        table: 't',
        from: 'f',
        format: 'csv',
        delimiter: ';',
        null: "it's",
        quote: '~',
        forceNull: '*',
        forceNotNull: ['a', 'B'],
      },
      `COPY t FROM 'f' (FORMAT csv, DELIMITER ';', NULL 'it''s', QUOTE '~', FORCE_NULL *, FORCE_NOT_NULL (a, "B"))`,
    ],
    [
      {
        table: 't',
        from: 'f',
        onError: 'skip_row',
        rejectLimit: '2.5%',
        logVerbosity: 'silent',
        loadKey: 'k',
        where: 'a > 1',
      },
      "COPY t FROM 'f' (ON_ERROR skip_row, REJECT_LIMIT '2.5%', LOG_VERBOSITY silent, LOAD_KEY 'k') WHERE a > 1",
    ],
    [
      {
        table: 't',
        from: 'f',
        logErrors: true,
        logErrorsLimit: 7,
        onConflict: { columns: ['a'], action: 'update' },
      },
      "COPY t FROM 'f' LOG ERRORS REJECT LIMIT '7' ON CONFLICT (a) DO UPDATE",
    ],
    [{ table: 't', from: 'f', header: 3, encoding: 'utf-8' }, "COPY t FROM 'f' (HEADER 3)"],
    [
      {
        table: 't',
        from: 'f',
        columns: ['a', 'b', 'c'],
        format: 'fixed',
        formatter: [{ name: 'a', offset: 0, length: 2 }],
        filler: ['c'],
        sequence: [{ column: 'd', start: 1, increment: 1 }],
        constant: [{ column: 'e', value: "x'" }],
        when: { subject: { kind: 'range', start: 1, end: 4 }, operator: '!=', value: 'DATA' },
        transform: [{ column: 'a', type: 'int', expression: 'a + 1' }],
      },
      `COPY t (a, b, c) FROM 'f' FIXED FORMATTER (a (0, 2)) FILLER (c) SEQUENCE (d (1)) CONSTANT (e 'x''')
        WHEN (1 - 4) != 'DATA' TRANSFORM (a int AS a + 1)`,
    ],
    [{ table: 't', from: 'f', sequence: [{ column: 'id', start: 5 }] }, "COPY t FROM 'f' SEQUENCE (id (5))"],
    [
      { table: 't', from: 'f', dialect: 'redshift', format: 'csv', trimBlanks: true, skip: 1 },
      "COPY t FROM 'f' CSV IGNOREHEADER 1 TRIMBLANKS",
    ],
  ])('%o', (object, statement) => {
    const copy = copyFrom(object)
    expect(meaning(copy)).toEqual(meaning(parseCopy(statement)))
    expect(meaning(parseCopy(copy.text))).toEqual(meaning(copy))
    expect(meaning(parseCopy(printCopy(copy)))).toEqual(meaning(copy))
  })

  test.each<[CopyObject, RegExp]>([
    [{ table: 't', from: 'https://me:pw@h/f.csv?sig=hush' }, /me:pw@h\/f\.csv\?sig=hush/],
    [{ table: 't', from: 'https://h/', format: 'csv', files: ['a.csv?sig=hush'] }, /a\.csv\?sig=hush/],
  ])('%o is run with its signature, and printed without', (object, whole) => {
    const copy = copyFrom(object)
    expect(copy.text).toMatch(whole)
    const { source, options } = parseCopy(copy.text)
    expect(source).toMatchObject({ path: object.from })
    expect(options.remote?.files).toEqual(object.files)
    for (const printed of [JSON.stringify(copy), inspect(copy, { depth: 9 }), String(inspect([copy], { depth: 9 }))]) {
      expect(printed).not.toMatch(/hush|pw/)
    }
  })

  test('names its connection, and hides what may be a secret', () => {
    const load = (credentials: string) => copyFrom({ table: 't', from: 's3://b/k', credentials }).text
    expect(load('store')).toBe("COPY t FROM 's3://b/k' WITH (CREDENTIALS 'store')")
    const where = copyFrom({
      table: 't',
      from: 's3://b/k',
      credentials: 'store',
      loadKey: 'store',
      where: "a = 'store'",
    })
    expect(where.text).toBe("COPY t FROM 's3://b/k' WITH (CREDENTIALS 'store', LOAD_KEY 'store') WHERE a = 'store'")
    expect(load('AKIAIOSFODNN7EXAMPLE')).not.toContain('AKIA')
    expect(load('wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')).not.toContain('wJalr')
  })

  test.each<[object, string, string?]>([
    [{ table: 't', from: 'f', columns: [] }, 'copyFrom cannot use this array for the property "columns"'],
    [{ table: 't', from: 'f', where: '' }, 'copyFrom cannot use an empty string for the property "where"'],
    [{ table: 't', from: 'f', forceNull: [] }, 'copyFrom property "forceNull" is an empty list'],
    [{ table: 't', from: 'f', headr: true }, 'copyFrom has no property "headr"', 'Did you mean "header"?'],
    [{ table: 't', from: 'f', format: 'xml' }, 'COPY format "xml" not recognized'],
    [{ table: 't', from: 'f', quote: '~' }, 'COPY QUOTE requires CSV mode'],
    [{ table: 't', from: 'f', where: 'true; DROP TABLE t' }, 'only one statement can be run at a time'],
    [{ table: 't', from: 'f', where: 'a ON CONFLICT DO SKIP' }, 'a condition, type or expression is no SQL of its own'],
    [
      { table: 't', from: 'f', transform: [{ column: 'a', expression: '1, b AS 2' }] },
      'a condition, type or expression is no SQL of its own',
    ],
    [
      { table: 't', from: 'f', transform: [{ column: 'a', type: 'int AS 1' }] },
      'a condition, type or expression is no SQL of its own',
    ],
    [
      { table: 't', from: 'f', transform: [{ column: 'a', expression: '1) FREEZE --' }] },
      'syntax error at or near "FREEZE"',
    ],
  ])('%o is refused', (object, message, hint) => {
    const error = failure(() => copyFrom(object as CopyObject))
    expect(error.message).toBe(message)
    if (hint !== undefined) expect(error.hint).toContain(hint)
  })
})

describe('its type is that of the option table', () => {
  test('each option has a property', () => {
    const property = (key: string) =>
      key === 'reject limit' ? 'logErrorsLimit' : key.replace(/[_ ](.)/g, (_, letter: string) => letter.toUpperCase())
    // An option whose value is a word or a number, as its example has it, is the same in an object.
    for (const key of optionKeys) {
      const { example = '', formats }: OptionDefinition<unknown> = optionTable[key]
      const value = new RegExp(`^${key} ('?)([\\w.%;-]+)\\1$`, 'i').exec(example)?.[2]
      if (value === undefined || !formats.includes('csv') || key in company || key === 'format' || key === 'log errors')
        continue
      const object = { table: 't', from: 'f', format: 'csv', [property(key)]: value }
      const statement = `COPY t FROM 'f' (FORMAT csv, ${example})`
      let said: CopyFrom
      try {
        said = parseCopy(statement)
      } catch {
        continue
      }
      expect(meaning(copyFrom(object as unknown as CopyObject))).toEqual(meaning(said))
    }
    // Whatever is wrong with the value, the property is known.
    for (const key of optionKeys) {
      const object = { table: 't', from: 'f', [property(key)]: undefined }
      expect(copyFrom(object as CopyObject).table.name.value).toBe('t')
    }
  })

  test('and the type of its values', () => {
    expectTypeOf(copyFrom).returns.toEqualTypeOf<CopyFrom>()
    expectTypeOf<CopyObject['format']>().toEqualTypeOf<
      'csv' | 'text' | 'fixed' | 'binary' | 'parquet' | 'arrow' | undefined
    >()
    expectTypeOf<CopyObject['header']>().toEqualTypeOf<boolean | 'match' | number | undefined>()
    expectTypeOf<CopyObject['forceNull']>().toEqualTypeOf<'*' | readonly string[] | undefined>()
    expectTypeOf<CopyObject['onError']>().toEqualTypeOf<
      'stop' | 'ignore' | 'skip_row' | 'set_null' | 'set_default' | undefined
    >()
    expectTypeOf<CopyObject['rejectLimit']>().toEqualTypeOf<number | `${number}%` | undefined>()
    expectTypeOf<CopyObject['fillMissingFields']>().toEqualTypeOf<'one' | 'multi' | false | undefined>()
    expectTypeOf<NonNullable<CopyObject['sequence']>[number]['column']>().toEqualTypeOf<string>()
    expectTypeOf<NonNullable<CopyObject['transform']>[number]['expression']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<CopyObject['validateOnly']>().toEqualTypeOf<boolean | undefined>()
    expectTypeOf<CopyObject['mapByName']>().toEqualTypeOf<boolean | undefined>()
    expectTypeOf<CopyObject['loadKey']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<CopyObject['eol']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<CopyObject['dateFormat']>().toEqualTypeOf<string | readonly string[] | undefined>()
    expectTypeOf<CopyObject['maxerror']>().toEqualTypeOf<number | undefined>()
    expectTypeOf<CopyObject['dialect']>().toEqualTypeOf<Dialect | undefined>()
    expectTypeOf<NonNullable<CopyObject['when']>['operator']>().toEqualTypeOf<'=' | '!='>()
    expectTypeOf<CopyObject>().not.toHaveProperty('on_error')
    // @ts-expect-error: no such option
    void ((): CopyObject => ({ table: 't', from: 'f', headr: true }))
    // @ts-expect-error: no such value
    void ((): CopyObject => ({ table: 't', from: 'f', onError: 'carry_on' }))
    // @ts-expect-error: a table is needed
    void ((): CopyObject => ({ from: 'f' }))
  })
})
