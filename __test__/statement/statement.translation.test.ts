import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/errors.ts'
import type { CopyFrom, Dialect } from '../../lib/statement/ast.ts'
import { dialectNames } from '../../lib/statement/dialects/names.ts'
import { type OptionDefinition, type OptionKey, optionKeys, optionTable } from '../../lib/statement/options.ts'
import { parseCopy } from '../../lib/statement/parser.ts'
import { translate } from '../../lib/statement/translation/translate.ts'
import { meaning } from './meaning.ts'
import { company } from './option-company.ts'
import { dialectStatement } from './statements.ts'

/** The notes that are no mapping: `OPTION kind`. */
function losses(statement: string, dialect: Dialect): string[] {
  const { notes } = translate(statement, dialect)
  return notes.filter(({ kind }) => kind !== 'mapped').map(({ option, kind }) => `${option} ${kind}`)
}

describe('a load in the words of each system', () => {
  const load = `COPY s.t (a, "B") FROM 'f' WITH (FORMAT csv, HEADER, DELIMITER ';', NULL 'NA', IGNORE_EXTRA_DATA)`
  test.each([
    [
      'postgresql',
      `COPY s.t (a, "B") FROM 'f' WITH (FORMAT csv, DELIMITER ';', NULL 'NA', HEADER)`,
      ['IGNORE_EXTRA_DATA refused'],
    ],
    ['gaussdb', `COPY s.t (a, "B") FROM 'f' DELIMITERS ';' CSV NULL 'NA' HEADER IGNORE_EXTRA_DATA`, []],
    [
      'materialize',
      `COPY INTO s.t (a, "B") FROM STDIN WITH (FORMAT CSV, DELIMITER ';', NULL 'NA', HEADER)`,
      ['FROM approximated', 'IGNORE_EXTRA_DATA refused'],
    ],
    [
      'questdb',
      `COPY s.t FROM 'f' WITH HEADER true DELIMITER ';' ON ERROR ABORT`,
      [
        'COLUMNS refused',
        'NULL refused',
        'HEADER approximated',
        'CREATE_TABLE approximated',
        'IGNORE_EXTRA_DATA refused',
      ],
    ],
    [
      'redshift',
      `COPY s.t (a, "B") FROM 'f' CSV DELIMITER AS ';' NULL AS 'NA' IGNOREHEADER AS 1 ROUNDEC DATEFORMAT AS 'auto' TIMEFORMAT AS 'auto'`,
      [
        'FROM approximated',
        'QUOTE approximated',
        'HEADER approximated',
        'EMPTY_AS_NULL approximated',
        'DATESTYLE approximated',
        'IGNORE_EXTRA_DATA refused',
      ],
    ],
  ] as const)('%s', (dialect, statement, lost) => {
    expect(translate(load, dialect).statement).toBe(statement)
    expect(losses(load, dialect)).toEqual(lost)
  })

  test.each([
    [
      "COPY t FROM 'f' MAXERROR 10 IGNOREHEADER 2 CSV NULL AS ''",
      'postgresql',
      "COPY t FROM 'f' WITH (FORMAT csv, HEADER 2, ON_ERROR ignore, REJECT_LIMIT 9)",
    ],
    [
      "COPY t FROM 'f' (ON_ERROR skip_row, REJECT_LIMIT 9)",
      'redshift',
      "COPY t FROM 'f' DELIMITER AS '\\011' ESCAPE ROUNDEC MAXERROR AS 10 DATEFORMAT AS 'auto' TIMEFORMAT AS 'auto'",
    ],
    ["COPY t FROM 'f' TIMEFORMAT 'epochsecs' CSV", 'gaussdb', "COPY t FROM 'f' CSV NULL '\\N'"],
    ["COPY t FROM 'f' FIXEDWIDTH 'x:2,y:3'", 'gaussdb', "COPY t FROM 'f'"],
    [
      "COPY t (a, b) FROM 'f' FIXEDWIDTH 'x:2,y:3'",
      'gaussdb',
      "COPY t (a, b) FROM 'f' FIXED FORMATTER (a (0, 2), b (2, 3))",
    ],
    [
      "COPY t FROM 'f' FIXED FORMATTER (a (0, 2), b (2, 3))",
      'redshift',
      "COPY t (a, b) FROM 'f' FIXEDWIDTH 'a:2,b:3' ROUNDEC DATEFORMAT AS 'auto' TIMEFORMAT AS 'auto'",
    ],
    ['COPY t FROM STDIN CSV WHERE a > 1', 'postgresql', 'COPY t FROM STDIN WITH (FORMAT csv) WHERE a > 1'],
    ['COPY t FROM STDIN CSV WHERE a > 1', 'gaussdb', 'COPY t FROM STDIN CSV'],
  ] as const)('%s in %s', (statement, dialect, expected) => {
    expect(translate(statement, dialect).statement).toBe(expected)
  })

  test.each([
    ["COPY t FROM 'f' CSV DATEFORMAT 'auto'", "COPY t FROM 'f' CSV NULL AS '\\\\N' DATEFORMAT AS 'auto'"],
    [
      "COPY t FROM 'f' (FORMAT csv, NULL '\\N', DATE_FORMAT 'YYYYMMDD')",
      "DATEFORMAT AS 'YYYYMMDD' TIMEFORMAT AS 'auto'",
    ],
    [
      "COPY t FROM 'f' (FORMAT csv, DATE_FORMAT 'YYYYMMDD', TIMESTAMP_FORMAT 'YYYYMMDD HH24MISS')",
      "DATEFORMAT AS 'YYYYMMDD' TIMEFORMAT AS 'YYYYMMDD HH24MISS'",
    ],
  ])('of %s a format of dates is written for Redshift where none is given elsewhere', (statement, expected) => {
    const formats = translate(statement, 'redshift').statement.match(/(?:DATE|TIME)FORMAT AS '[^']*'/g)
    expect(formats).toEqual(expected.match(/(?:DATE|TIME)FORMAT AS '[^']*'/g))
  })

  test("fields of fixed width keep their columns, and Redshift's hours are of 24", () => {
    const fixed = "COPY t FROM 'f' (FORMAT fixed, FORMATTER (c (0, 2), a (2, 4), b (6, 4)))"
    expect(translate(fixed, 'redshift').statement).toMatch(/^COPY t \(c, a, b\) FROM 'f' FIXEDWIDTH 'c:2,a:4,b:4'/)
    const reasonOf = (statement: string) =>
      translate(statement, 'redshift').notes.find(({ option }) => option === 'FORMAT')?.reason
    // In GaussDB a column that is loaded and has no field is NULL.
    for (const list of ['', '(a, b)']) {
      expect(reasonOf(`COPY t ${list} FROM 'f' FIXED FORMATTER (a (0, 2))`)).toMatch(/columns without a field take/)
    }
    expect(reasonOf("COPY t (a) FROM 'f' FIXED FORMATTER (a (0, 2))")).not.toMatch(/defaults/)
    const times = "COPY t FROM 'f' CSV ROUNDEC TIMEFORMAT 'YYYY.MM.DD HH:MI:SS \"HH\" HH12'"
    expect(translate(times, 'gaussdb').statement).toContain('\'YYYY.MM.DD HH24:MI:SS "HH" HH12\'')
    const dates = translate("COPY t FROM 'f' CSV MAXERROR 10", 'postgresql').notes
    expect(dates).toContainEqual(expect.objectContaining({ option: 'DATESTYLE', kind: 'approximated' }))
  })

  test('lines that are passed over are not records, and records not lines', () => {
    const note = (statement: string, dialect: Dialect) => {
      const { kind, reason } = translate(statement, dialect).notes.find(({ option }) => option === 'HEADER') ?? {}
      return `${kind}: ${reason}`
    }
    expect(note("COPY t FROM 'f' (FORMAT csv, HEADER)", 'redshift')).toMatch(/^approximated: lines are counted/)
    expect(note("COPY t FROM 'f' (HEADER match)", 'redshift')).toMatch(
      /^approximated: .* not compared; lines are counted/,
    )
    expect(note("COPY t FROM 'f' (SKIP 1)", 'redshift')).toBe('mapped: as IGNOREHEADER AS 1')
    for (const dialect of ['postgresql', 'materialize'] as const) {
      expect(note("COPY t FROM 'f' CSV IGNOREHEADER 1", dialect)).toMatch(/^approximated: an open quote/)
      expect(note("COPY t FROM 'f' CSV HEADER", dialect)).toMatch(/^mapped: as HEADER/)
    }
    expect(note("COPY t FROM 'f' IGNOREHEADER 1", 'postgresql')).toBe('mapped: as HEADER')
    expect(note("COPY t FROM 'f' CSV IGNOREHEADER 1", 'gaussdb')).toBe('mapped: as SKIP 1')
  })

  test('a header whose names decide in one system, and not in the other, is not the same', () => {
    const note = (statement: string, dialect: Dialect) =>
      translate(statement, dialect).notes.find(({ option }) => option === 'HEADER')
    const byName = "COPY t FROM 'f' WITH HEADER true"
    for (const dialect of ['postgresql', 'gaussdb', 'materialize', 'redshift'] as const) {
      expect(note(byName, dialect)).toMatchObject({
        kind: 'approximated',
        reason: expect.stringContaining('one after the other, whatever the header calls them'),
      })
      expect(note("COPY t FROM 'f' CSV HEADER", dialect)?.reason).not.toContain('calls them')
    }
    expect(note(byName, 'questdb')).toMatchObject({ kind: 'mapped' })
    for (const statement of ["COPY t FROM 'f' CSV HEADER", "COPY t FROM 'f' CSV IGNOREHEADER 1"]) {
      expect(note(statement, 'questdb')).toMatchObject({
        kind: 'approximated',
        reason: expect.stringContaining('the columns that the header names'),
      })
    }
  })

  test('each loss has its reason', () => {
    const { notes } = translate("COPY t FROM STDIN (FORMAT csv, LOAD_KEY 'k') ON CONFLICT DO SKIP", 'redshift')
    expect(notes).toContainEqual({ option: 'LOAD_KEY', kind: 'refused', reason: 'Redshift has nothing like it' })
    expect(notes).toContainEqual({ option: 'ON CONFLICT', kind: 'refused', reason: 'Redshift has nothing like it' })
    expect(notes).toContainEqual({ option: 'FORMAT', kind: 'mapped', reason: 'as CSV' })
    for (const { reason } of notes) expect(reason).not.toMatch(/undefined|^$/)
  })

  test('no option is lost without a word', () => {
    // Refused whatever they say; and what belongs to another option, which has a word of its own then.
    const without: readonly OptionKey[] = ['force_quote', 'fileheader', 'dialect', 'unit']
    const lost = optionKeys.flatMap((key) => {
      if (without.includes(key)) return []
      const { example = '', formats }: OptionDefinition<unknown> = optionTable[key]
      const format = formats.includes('csv') ? 'FORMAT csv' : `FORMAT ${formats[0]}`
      const others = key === 'format' ? ['HEADER'] : [company[key] ?? format]
      const write = (options: readonly string[]) =>
        parseCopy(`COPY t (id, name, unused) FROM 'f' (${options.join(', ')})`)
      const [plain, said] = [write(others), write([...others, example])]
      if (JSON.stringify(plain.options) === JSON.stringify(said.options)) return []
      return dialectNames.flatMap((dialect) => {
        const [before, after] = [translate(plain, dialect), translate(said, dialect)]
        return JSON.stringify(before) === JSON.stringify(after) ? [`${key} in ${dialect}`] : []
      })
    })
    expect(lost).toEqual([])
    // Of fixed-width fields the unit is told.
    const fixed = (unit: string) => `COPY t FROM 'f' FIXED FORMATTER (a (0, 2)) UNIT ${unit}`
    const reasons = (['bytes', 'chars'] as const).map((unit) => translate(fixed(unit), 'redshift').notes[1]?.reason)
    expect(reasons[0]).toMatch(/^widths are counted in characters, and fields go/)
    expect(reasons[1]).toMatch(/^fields go/)
  })

  test.each([
    ["COPY t FROM 'f' (ENCODING 'LATIN1')", 'redshift', 'ENCODING'],
    ["COPY t FROM 'f' (ENCODING 'UTF16LE')", 'postgresql', 'ENCODING'],
    ["COPY t FROM 'f' (ENCODING 'UTF16LE')", 'gaussdb', 'ENCODING'],
  ] as const)('of %s in %s an encoding that is not read is refused', (statement, dialect, word) => {
    const translation = translate(statement, dialect)
    expect(translation.notes.find(({ option }) => option === word)?.kind).toBe('refused')
    expect(translation.statement).not.toContain(word)
    expect(translate("COPY t FROM 'f' (ENCODING 'UTF16LE')", 'redshift').statement).toContain('ENCODING AS UTF16LE')
  })

  test('what cannot be translated is told', () => {
    const refusal = (statement: unknown, dialect: unknown) => {
      try {
        return translate(statement as string, dialect as Dialect)
      } catch (error) {
        expect(error).toBeInstanceOf(CopyError)
        return (error as CopyError).message
      }
    }
    expect(refusal('COPY t FROM STDIN', 'oracle')).toBe('translate cannot write "oracle", which is no dialect')
    expect(refusal('COPY t FROM STDIN', undefined)).toBe('translate cannot write "undefined", which is no dialect')
    for (const statement of [undefined, null, {}, 5]) {
      expect(refusal(statement, 'gaussdb')).toMatch(/^translate needs the text of a COPY/)
    }
  })

  test('a secret is not translated', () => {
    const translation = translate("COPY t FROM 's3://b' CSV CREDENTIALS 'hush' NULL AS ''", 'redshift')
    expect(JSON.stringify(translation)).not.toContain('hush')
    expect(translation.statement).toContain("CREDENTIALS '***'")
    const signed = "COPY t FROM 'http://u:pass@h/d?sig=hush' (FORMAT csv, FILES = ['a.csv?token=hush'])"
    for (const dialect of ['postgresql', 'gaussdb', 'materialize', 'questdb', 'redshift'] as const) {
      expect(JSON.stringify(translate(signed, dialect).notes)).not.toMatch(/hush|pass@/)
    }
    // What is there to be run is whole.
    expect(translate(signed, 'materialize').statement).toContain("'http://u:pass@h/d?sig=hush'")
  })
})

/** What two statements of different systems have in common when they load the same. */
function load(copy: CopyFrom): unknown {
  const { options, ...rest } = meaning(copy) as { options: Record<string, unknown> }
  const {
    header,
    skip = 0,
    errors,
    createTable: _,
    ...others
  } = options as {
    header: string
    skip?: number
    errors: { verbosity: string; limit?: { name: string } }
    createTable?: boolean
  }
  // A header that is not looked at is a line that is passed over.
  const lines = header === 'match' ? header : skip + (header === 'true' ? 1 : 0)
  const { limit, ...policy } = errors
  const { dialect: __, ...statement } = rest as { dialect?: unknown }
  return {
    ...statement,
    options: { ...others, lines, errors: { ...policy, verbosity: '', limit: limit && { ...limit, name: '' } } },
  }
}

test('what is mapped as a whole comes back the same, and everything can be parsed', () => {
  const whole = new Map<Dialect, number>()
  fc.assert(
    fc.property(dialectStatement, fc.constantFrom(...dialectNames), (given, dialect) => {
      let copy: CopyFrom
      try {
        copy = parseCopy(given)
      } catch (error) {
        // Options that do not go together are no counterexample.
        expect(error).toBeInstanceOf(CopyError)
        return
      }
      const { statement, notes } = translate(copy, dialect)
      const back = parseCopy(statement, { dialect })
      if (notes.some(({ kind }) => kind !== 'mapped')) return
      whole.set(dialect, (whole.get(dialect) ?? 0) + 1)
      expect(load(back)).toEqual(load(copy))
    }),
    { numRuns: 6_000 },
  )
  for (const dialect of ['postgresql', 'gaussdb', 'questdb'] as const) expect(whole.get(dialect)).toBeGreaterThan(20)
})
