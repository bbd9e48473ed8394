import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Diagnosis, type DiagnosisGroup, shapeOf } from '../../lib/diagnosis.ts'
import { CopyError } from '../../lib/index.ts'
import type { Reject, RejectError } from '../../lib/rejects.ts'
import { type Bench, benches } from './targets.ts'

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
    await bench.sql(
      'CREATE TABLE t (id integer, amount numeric(10, 2), day date, note varchar(3), must varchar(9) NOT NULL)',
    )
    await bench.sql('CREATE TABLE one (n integer)')
  })

  afterAll(async () => {
    await bench.close()
  })

  async function diagnose(
    stdin: string | Buffer,
    options = 'FORMAT csv',
    table = 't (id, amount, day, note)',
  ): Promise<readonly DiagnosisGroup[] | undefined> {
    const statement = `COPY ${table} FROM STDIN (${options}, ON_ERROR skip_row)`
    const { diagnosis } = await bench.db.copy(statement, { stdin, ledger: false })
    return diagnosis
  }

  /** Of the group of this column, or of whole records, what would cure it. */
  async function curesOf(column: string | undefined, stdin: string | Buffer, options?: string, table?: string) {
    const groups = (await diagnose(stdin, options, table)) ?? []
    const group = groups.find((each) => each.column === column)
    expect(group, JSON.stringify(groups)).toBeDefined()
    return (group?.cures ?? []).map(({ change, cured, tried }) => [change, cured, tried])
  }

  const t = 't (id, amount, day, note, must)'

  test('nothing, where nothing was refused', async () => {
    expect(await diagnose('7\n', 'FORMAT csv', 'one')).toBeUndefined()
  })

  test('whole records are tried beside a column that only the database reads, which is said', async () => {
    const type = name === 'postgres' ? 'inet' : 'hugeint'
    await bench.sql(`CREATE TABLE beside (id integer, far ${type}, day date)`)
    await bench.sql(`CREATE TABLE far (one ${type}, two ${type})`)
    const [group] = (await diagnose('1;7;2020-01-01\n2;8;2020-01-02\n', 'FORMAT csv', 'beside')) ?? []
    const note = 'far not tried: only the database reads the type'
    expect(group?.cures?.[0]).toMatchObject({ change: "DELIMITER ';'", cured: 2, tried: 2, note })
    const [other] = (await diagnose('1;7\n2;8\n', 'FORMAT csv', 'far')) ?? []
    expect(other?.cures).toBeUndefined()
  })

  test('groups by column, reason and shape, the largest first', async () => {
    const csv = `1,x,2020-01-01,a,m\n${'2,"1,5",2020-01-01,b,m\n'.repeat(5)}3,"12,75",2020-01-01,b,m\n4,5,2020-13-01,"b\nb",m\n`
    const groups = await diagnose(csv, 'FORMAT csv', t)
    expect(groups?.map(({ column, message, shape, rows }) => [column, message, shape, rows])).toEqual([
      ['amount', 'invalid input syntax for type numeric: "…"', '9,9', 6],
      ['amount', 'invalid input syntax for type numeric: "…"', 'a', 1],
      ['day', 'date/time field value out of range: "…"', '9-9-9', 1],
    ])
    expect(groups?.[0]).toMatchObject({
      sqlState: '22P02',
      code: 'invalid_text_representation',
      samples: [
        { line: 2, value: '1,5' },
        { line: 3, value: '1,5' },
        { line: 4, value: '1,5' },
      ],
    })
  })

  test('a row with two errors is in both groups, and each is cured by itself', async () => {
    const groups = await diagnose('1,N/A,25/12/2020,a,m\n2,N/A,24/12/2020,a,m\n', 'FORMAT csv', t)
    const order = ["DATE_FORMAT ('YYYY-MM-DD', 'DD/MM/YYYY')", 'option']
    expect(groups?.map(({ column, rows, cures }) => [column, rows, cures?.[0]?.change, cures?.[0]?.kind])).toEqual([
      ['amount', 2, "NULL 'N/A'", 'option'],
      ['day', 2, ...order],
    ])
    expect(groups?.[0]?.cures?.[0]).toEqual({
      kind: 'option',
      change: "NULL 'N/A'",
      note:
        'an empty field would be no NULL any more; it would be NULL in note, must, too: in 0 of 2 rejected rows looked at, ' +
        'loaded rows were not counted',
      cured: 2,
      tried: 2,
    })
  })

  describe('cures', () => {
    test('a word for NULL, also where there are empty fields', async () => {
      const groups = await diagnose('1,-,2020-01-01,a,m\n2,-,,a,m\n', 'FORMAT csv', t)
      // With NULL '-' the other row's empty date would be no date.
      expect(groups?.[0]?.cures).toEqual([
        {
          kind: 'input',
          change: '-',
          note: 'write an empty field in its place, if it stands for NULL',
          cured: 2,
          tried: 2,
        },
      ])
      expect(await curesOf('amount', '1,"na",2020-01-01,a,m\n', 'FORMAT csv', t)).toEqual([
        ["NULL 'na', FORCE_NULL (amount)", 1, 1],
      ])
      expect(await curesOf('amount', '1\t\t2020-01-01\ta\tm\n', 'FORMAT text', t)).toEqual([["NULL ''", 1, 1]])
    })

    test('a pattern of dates, which does cure them', async () => {
      const csv = '1,1,31.12.2023,a,m\n2,1,2023-12-30,b,m\n3,1,30.11.2023,c,m\n4,1,2024-02-30,d,m\n'
      const change = "DATE_FORMAT ('YYYY-MM-DD', 'DD.MM.YYYY')"
      const session = name === 'postgres' ? [["SET datestyle = 'ISO, DMY'", 2, 2]] : []
      const groups = (await diagnose(csv, 'FORMAT csv', t)) ?? []
      expect(
        groups.map(({ rows, cures }) => [rows, cures?.map((cure) => [cure.change, cure.cured, cure.tried])]),
      ).toEqual([
        [2, [[change, 2, 2], ...session]],
        [1, undefined],
      ])
      const again = await bench.db.copy(`COPY ${t} FROM STDIN (FORMAT csv, ON_ERROR skip_row, ${change})`, {
        stdin: csv,
        ledger: false,
      })
      expect(again).toMatchObject({ rowsLoaded: 3, rowsRejected: 1 })
      // The option is none of another system's statement, nor beside another pattern.
      const statement = `COPY ${t} FROM STDIN CSV MAXERROR 9`
      const { diagnosis } = await bench.db.copy(statement, { stdin: csv, ledger: false })
      expect(JSON.stringify(diagnosis)).not.toContain('DATE_FORMAT')
      expect(JSON.stringify(await diagnose(csv, "FORMAT csv, DATE_FORMAT 'YYYYMMDD'", t))).not.toContain('DATE_FORMAT')
    })

    test('a quoted NULL', async () => {
      expect(await curesOf('id', '"",1,2020-01-01,a,m\n', 'FORMAT csv', t)).toEqual([['FORCE_NULL (id)', 1, 1]])
    })

    test('no other value for NULL, however often it is there', async () => {
      expect(await curesOf('n', 'TBD\n'.repeat(30), 'FORMAT csv', 'one')).toEqual([])
      expect(await curesOf('day', '1,1,2024-02-30,a,m\n'.repeat(30), 'FORMAT csv', t)).toEqual([])
    })

    test.each(['N/A', 'na', 'None', '#N/A', '(null)', '-', '?', '  ', ' n/a ', 'Unknown', '\\N'])(
      'a word that stands for NULL in many files: %j',
      async (word) => {
        expect(await curesOf('n', `${word}\n1\n`, 'FORMAT csv', 'one')).toEqual([[`NULL '${word}'`, 1, 1]])
      },
    )

    test('where else it would be NULL is said', async () => {
      const noteOf = async (csv: string) =>
        (await diagnose(csv, 'FORMAT csv', t))?.find(({ column }) => column === 'amount')?.cures?.[0]?.note
      expect(await noteOf('1,-,2020-01-01,-,m\n2,-,2020-01-01,"-",m\n3,-,2020-01-01,a,m\nx,7,2020-01-01,-,m\n')).toBe(
        'an empty field would be no NULL any more; it would be NULL in note, must, too: in 2 of 4 rejected rows looked at, ' +
          'loaded rows were not counted',
      )
      await bench.sql('CREATE TABLE numbers (n integer, x double precision, d date)')
      const [group] = (await diagnose('nan,nan,\n', 'FORMAT csv', 'numbers (n, x)')) ?? []
      expect(group).toBeDefined()
      const [first] = (await diagnose('nan,nan,2020-01-01\n', 'FORMAT csv', 'numbers')) ?? []
      // It is a number, too; and no date.
      expect(first?.cures?.[0]).toMatchObject({
        change: "NULL 'nan'",
        note: expect.stringContaining('it would be NULL in x, too: in 1 of 1 rejected row'),
      })
    })

    test('of two words for NULL only one can be it', async () => {
      const groups = await diagnose('NULL\n-\n', 'FORMAT csv', 'one')
      expect(groups?.map(({ cures }) => [cures?.[0]?.change, cures?.[0]?.note])).toEqual([
        ["NULL 'NULL'", 'an empty field would be no NULL any more; only one word can be NULL'],
        ["NULL '-'", 'an empty field would be no NULL any more; only one word can be NULL'],
      ])
    })

    test('no NULL where the column takes none', async () => {
      await bench.sql('CREATE TABLE strict (n integer NOT NULL)')
      expect(await curesOf('n', 'NULL\n', 'FORMAT csv', 'strict')).toEqual([])
    })

    test('commas in numbers: what the values do not tell is not decided', async () => {
      const comma = "DECIMAL_SEPARATOR ','"
      const amounts = (...values: string[]) => values.map((value) => `1,"${value}",,a,m\n`).join('')
      expect(await curesOf('amount', amounts('1,5', '1,234'), 'FORMAT csv', t)).toEqual([[comma, 2, 2]])
      expect(await curesOf('amount', amounts('1.234,56'), 'FORMAT csv', t)).toEqual([['decimal comma', 1, 1]])
      expect(await curesOf('amount', amounts('1,234.56'), 'FORMAT csv', t)).toEqual([['thousands separators', 1, 1]])
      expect(await curesOf('amount', amounts('1,234'), 'FORMAT csv', t)).toEqual([
        [comma, 1, 1],
        ['thousands separators', 1, 1],
      ])
      expect(await curesOf('n', '"1,234"\n1.234\n', 'FORMAT csv', 'one')).toEqual([['thousands separators', 1, 1]])
      expect(await curesOf('amount', amounts('1.2.3'), 'FORMAT csv', t)).toEqual([])
    })

    describe('a comma, and lines that are not data', () => {
      test('a decimal comma', async () => {
        const amounts = (...values: string[]) => values.map((value) => `1,"${value}",,a,m\n`).join('')
        const groups = await diagnose(amounts('1234,56', '-,5'), 'FORMAT csv', t)
        expect(groups?.flatMap(({ cures = [] }) => cures)).toEqual(
          [1, 1].map((cured) => ({
            kind: 'option',
            reason: 'decimal comma',
            change: "DECIMAL_SEPARATOR ','",
            note: 'a point would be none in a number any more',
            cured,
            tried: cured,
          })),
        )
        // Thousands in groups are not cured by it.
        expect(await curesOf('amount', amounts('1.234,56'), 'FORMAT csv', t)).toEqual([['decimal comma', 1, 1]])
        expect(await curesOf('amount', amounts('1,234'), 'FORMAT csv', t)).toEqual([
          ["DECIMAL_SEPARATOR ','", 1, 1],
          ['thousands separators', 1, 1],
        ])
        expect(await curesOf('n', '"1,5"\n', 'FORMAT csv', 'one')).toEqual([])
      })

      const lines = (...texts: string[]) => texts.map((text) => `${text}\n`).join('')
      const good = '1,1,2020-01-01,a,m'
      const header = 'number,sum,of,these,things'
      test.each<[string, string[], string, (string | undefined)[]]>([
        ['a title', ['Report', good], 'SKIP 1', ['the first line is not data']],
        ['a title and a blank line', ['Report', '', good], 'SKIP 2', ['the first two lines are not data']],
        ['a header of other names', ['Report', header, good], 'SKIP 2', ['the first two lines are not data']],
        ['fields that are empty', [',,,,', 'x,y,z,,', good], 'SKIP 2', ['the first two lines are not data']],
      ])('%s before the data', async (_, texts, change, reasons) => {
        const groups = await diagnose(lines(...texts), 'FORMAT csv', t)
        for (const { cures } of groups ?? [])
          expect(cures).toMatchObject([{ kind: 'option', change, reason: reasons[0] }])
        const receipt = await bench.db.copy(`COPY ${t} FROM STDIN (FORMAT csv, ${change})`, { stdin: lines(...texts) })
        expect(receipt.rowsRead).toBe(1)
      })

      test('lines before the header', async () => {
        const csv = lines('Report', 'of today', header, good)
        const groups = await diagnose(csv, 'FORMAT csv, HEADER', t)
        expect(groups?.every(({ cures }) => cures?.[0]?.change === 'SKIP 2')).toBe(true)
        const receipt = await bench.db.copy(`COPY ${t} FROM STDIN (FORMAT csv, HEADER, SKIP 2)`, { stdin: csv })
        expect(receipt).toMatchObject({ rowsRead: 1, headerLines: 1 })
      })

      test('more lines than are skipped already', async () => {
        const csv = lines('"Report', 'of today', good)
        const groups = await diagnose(csv, 'FORMAT csv, SKIP 1', t)
        expect(groups?.flatMap(({ cures = [] }) => cures.map(({ change }) => change))).toEqual(['SKIP 2'])
        expect(await curesOf('amount', '"\n1,"1,5",,a,m\n', 'FORMAT csv, SKIP 1', t)).toEqual([
          ["DECIMAL_SEPARATOR ','", 1, 1],
        ])
      })

      test.each<[string, string[]]>([
        ['a row with one value that is wrong', ['1,x,2020-01-01,a,m', good]],
        ['a row with words for NULL', ['N/A,N/A,N/A,a,m', good]],
        ['a row that is short', ['1,2', good]],
        ['lines in the midst', [good, 'Report', good]],
        ['all there is', ['Report', 'x']],
        ['too many lines', [...Array.from({ length: 21 }, () => 'Report'), good]],
      ])('%s: no lines to be skipped', async (_, texts) => {
        const groups = (await diagnose(lines(...texts), 'FORMAT csv', t)) ?? []
        expect(groups.length).toBeGreaterThan(0)
        for (const { cures = [] } of groups) for (const { change } of cures) expect(change).not.toMatch(/SKIP/)
      })
    })

    test('a header', async () => {
      const csv = 'ID, amount,"day",note,must\n1,1,2020-01-01,a,m\n'
      expect(await curesOf('id', csv, 'FORMAT csv', t)).toEqual([['HEADER', 1, 1]])
      expect(await curesOf('id', `${csv}x,1,2020-01-01,a,m\n`, 'FORMAT csv', t)).toEqual([['HEADER', 1, 2]])
      expect(await curesOf('id', 'amount,id,day,note,must\n', 'FORMAT csv', t)).toEqual([])
    })

    test('a header with other names', async () => {
      const row = '1,1,2020-01-01,a,m\n'
      const groups = await diagnose(`nr,sum,date,rem,more\n${row}`, 'FORMAT csv', t)
      expect(groups?.length).toBe(3)
      const cure = { kind: 'option', reason: 'the first line is not data', change: 'HEADER', cured: 1, tried: 1 }
      for (const { cures } of groups ?? []) expect(cures).toEqual([cure])
      // Nothing is said where something in it is a value, or no row follows.
      expect(await curesOf('id', `nr,sum,2020-01-01,rem,more\n${row}`, 'FORMAT csv', t)).toEqual([])
      expect(await curesOf('id', `N/A,sum,date,rem,more\n${row}`, 'FORMAT csv', t)).not.toContainEqual(['HEADER', 1, 1])
      expect(await curesOf('id', 'nr,sum,date,rem,more\n', 'FORMAT csv', t)).toEqual([])
      expect(await curesOf('id', `${row}nr,sum,date,rem,more\n`, 'FORMAT csv', t)).toEqual([])
    })

    test('a header once more', async () => {
      const header = 'id,amount,day,note,must\n'
      const csv = `${header}1,1,2020-01-01,a,m\n${header}x,1,2020-01-01,a,m\n2.0,1,2020-01-01,a,m\n`
      const change = 'the header once more, in the midst of the rows'
      expect(await curesOf('id', csv, 'FORMAT csv, HEADER', t)).toEqual([[change, 1, 2]])
      expect(await curesOf('amount', csv, 'FORMAT csv, HEADER', t)).toEqual([[change, 1, 1]])
    })

    test('too many fields: whether data would be dropped is said', async () => {
      const cureOf = async (csv: string) => (await diagnose(csv, 'FORMAT csv', t))?.[0]?.cures
      const cure = { kind: 'option', change: 'IGNORE_EXTRA_DATA' }
      const empty = '1,1,2020-01-01,a,m,, \n'
      expect(await cureOf(empty)).toEqual([{ ...cure, note: 'the fields too many are empty', cured: 1, tried: 1 }])
      const note = "what is in the fields too many would be dropped, such as 'more'"
      expect(await cureOf(`${empty}1,1,2020-01-01,a,m,,more\n`)).toEqual([{ ...cure, note, cured: 2, tried: 2 }])
      // What is wrong besides is another matter, but where it is, nothing is claimed.
      expect(await cureOf('1,x,2020-01-01,a,m,more\n')).toBeUndefined()
    })

    test('too few fields', async () => {
      const columns = 't (must, id, amount, note)'
      expect(await curesOf(undefined, 'm,1,2\n', 'FORMAT csv', columns)).toEqual([['FILL_MISSING_FIELDS', 1, 1]])
      expect(await curesOf(undefined, 'm,1\n', 'FORMAT csv', columns)).toEqual([["FILL_MISSING_FIELDS 'multi'", 1, 1]])
      expect(await curesOf(undefined, '1,1,2020-01-01\n', 'FORMAT csv', t)).toEqual([])
    })

    test('another delimiter, another format', async () => {
      expect(await curesOf(undefined, '1;2;2020-01-01;a;m\n'.repeat(300), 'FORMAT csv', t)).toEqual([
        ["DELIMITER ';'", 200, 200],
      ])
      expect(await curesOf(undefined, '1\t2\t2020-01-01\ta\tm\n', 'FORMAT csv', t)).toEqual([
        ["DELIMITER E'\\t'", 1, 1],
      ])
      expect(await curesOf(undefined, '1,"2",,a,m\n', 'FORMAT text', t)).toEqual([['FORMAT csv', 1, 1]])
    })

    test('another delimiter, where values are wrong as well', async () => {
      const groups = await diagnose('1;2,5;2020-01-01;a;m\n2;2,5;;a;m\n3;2;;a;m\n', 'FORMAT csv', t)
      const note =
        '2 of them have other errors then, such as in column amount: invalid input syntax for type numeric: "2,5"'
      expect(groups?.map(({ rows, cures }) => [rows, cures])).toEqual([
        [2, [{ kind: 'option', change: "DELIMITER ';'", note, cured: 2, tried: 2 }]],
        [1, [{ kind: 'option', change: "DELIMITER ';'", cured: 1, tried: 1 }]],
      ])
    })

    // DuckDB's strings have no length.
    test.runIf(name === 'postgres')('strings that are too long', async () => {
      expect(await curesOf('note', '1,2,2020-01-01,abcd,m\n', 'FORMAT csv', t)).toEqual([['TRUNCATE_COLUMNS', 1, 1]])
    })

    test('another encoding, unless there is UTF-8 as well', async () => {
      const row = (text: Buffer) => Buffer.concat([Buffer.from('1,2,2020-01-01,'), text, Buffer.from(',m\n')])
      const latin = row(Buffer.from('\xe9t', 'latin1'))
      expect(await curesOf(undefined, latin, 'FORMAT csv', t)).toEqual([['the input is not UTF-8', 1, 1]])
      const mixed = row(Buffer.concat([Buffer.from('é'), Buffer.of(0xe9)]))
      expect(await curesOf(undefined, mixed, 'FORMAT csv', t)).toEqual([['COMPATIBLE_ILLEGAL_CHARS', 1, 1]])
      expect(await curesOf(undefined, row(Buffer.from('a\0')), 'FORMAT csv', t)).toEqual([
        ['COMPATIBLE_ILLEGAL_CHARS', 1, 1],
      ])
    })

    test('another encoding, where that is not all that is wrong', async () => {
      const groups = await diagnose(Buffer.from('1;\xe9t\n', 'latin1'), 'FORMAT csv', t)
      expect(groups?.[0]?.cures).toMatchObject([
        {
          kind: 'input',
          change: 'the input is not UTF-8',
          note: expect.stringMatching(
            /; one of them has another error then, such as: missing data for column "amount"$/,
          ),
          cured: 1,
          tried: 1,
        },
      ])
    })

    test.each(['utf16le', 'utf16be'])('UTF-16: %s', async (encoding) => {
      for (const lineEnd of ['\n', '\r\n']) {
        const text = `id,amount,day,note,must${lineEnd}1,1,,é,m${lineEnd}2,2,,b,m${lineEnd}`
        const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
        const groups = await diagnose(encoding === 'utf16be' ? bytes.swap16() : bytes, 'FORMAT csv, HEADER', t)
        expect(groups?.[0]?.cures?.[0], `${encoding} ${JSON.stringify(lineEnd)}`).toMatchObject({
          kind: 'input',
          change: 'the input is UTF-16',
        })
        expect(groups?.[0]?.cures?.[0]?.cured).toBeGreaterThanOrEqual(2)
      }
    })

    test('another quote', async () => {
      expect(await curesOf(undefined, "1,1,2020-01-01,'a,b',m\n", 'FORMAT csv', t)).toEqual([["QUOTE ''''", 1, 1]])
      expect(await curesOf(undefined, "1,x,2020-01-01,'a,b',m\n", 'FORMAT csv', t)).toEqual([])
    })

    test('quotes behind backslashes', async () => {
      const cure = ["ESCAPE '\\'", 1, 1]
      // The quotes end behind the record, or before its fields do.
      for (const note of ['a\\"b', '\\",', '\\",\\"']) {
        const found = await curesOf(undefined, `1,1,,"${note}",m\n2,2,,b,m\n`, 'FORMAT csv', t)
        expect(found[0], note).toEqual(cure)
      }
      expect(await curesOf(undefined, `1,x,,"5\\" pipe",m\n`, 'FORMAT csv', t)).toEqual([])
      expect(await curesOf(undefined, `1,1,,"5" pipe",m\n`, 'FORMAT csv', t)).toEqual([])
    })

    test('blank lines', async () => {
      expect(await curesOf(undefined, '1,1,,a,m\n\n  \n', 'FORMAT csv', t)).toEqual([['blank lines', 2, 2]])
    })

    test('line ends of another kind', async () => {
      const cure = ['lines end in several ways', 1, 1]
      const [a, b, c] = ['1,1,,a,m', '2,2,,b,m', '3,3,,c,m']
      expect(await curesOf(undefined, `${a}\r\n${b}\n${c}\r\n`, 'FORMAT csv', t)).toEqual([cure])
      expect(await curesOf(undefined, `${a}\n${b}\r\n${c}\n`, 'FORMAT csv', t)).toEqual([cure])
      expect(await curesOf(undefined, `${a}\n${b}\r${c}\n`, 'FORMAT csv', t)).toEqual([cure])
      // That one of the two is no row is not cured by it.
      expect(await curesOf(undefined, `${a}\n2,b\r${c}\n`, 'FORMAT csv', t)).toEqual([])
    })

    test('true and false in another language', async () => {
      await bench.sql('CREATE TABLE flags (ok boolean)')
      const cure = 'true and false in another language'
      expect(await curesOf('ok', 'ja\nNein\nmaybe\n', 'FORMAT csv', 'flags')).toEqual([[cure, 2, 3]])
      expect(await curesOf('ok', 'maybe\n', 'FORMAT csv', 'flags')).toEqual([])
    })

    test('whole numbers with a fraction', async () => {
      expect(await curesOf('n', '2.0\n30.\n', 'FORMAT csv', 'one')).toEqual([
        ['whole numbers with a fraction of zeros', 1, 1],
      ])
      expect(await curesOf('n', '2.5\n', 'FORMAT csv', 'one')).toEqual([])
    })

    test('an option does what is said of it', async () => {
      const inputs: [string, string, string][] = [
        ['FORMAT csv', t, 'nr,sum,date,rem,more\n1,1,2020-01-01,a,m\n'],
        ['FORMAT csv', t, '1,N/A,2020-01-01,a,m\n2,2,2020-01-01,N/A,m\n3,N/A,2020-01-01,a,m\n'],
        ['FORMAT csv', t, '1,"na",2020-01-01,a,m\n"",2,2020-01-01,a,m\n'],
        ['FORMAT csv', t, '1;1;2020-01-01;a;m\n2;2;2020-01-01;b;m\n'],
        ['FORMAT csv', t, '1,1,2020-01-01,a,m,,\n2,2,2020-01-01,a,m,b\n'],
        ['FORMAT csv', 't (must, id, amount)', 'a,1,1\nb,2\nc\n'],
        ['FORMAT text', t, '1,1,2020-01-01,a,m\n'],
        ['FORMAT csv', t, '1,1,2020-01-01,a\0,m\n'],
      ]
      let tried = 0
      for (const [options, table, stdin] of inputs) {
        for (const group of (await diagnose(stdin, options, table)) ?? []) {
          for (const { kind, change, cured } of group.cures ?? []) {
            if (kind !== 'option') continue
            tried += 1
            const changed = change.startsWith('FORMAT') ? change : `${options}, ${change}`
            const after = (await diagnose(stdin, changed, table)) ?? []
            const same = after.filter(({ column, message }) => column === group.column && message === group.message)
            const left = same.reduce((sum, { rows }) => sum + rows, 0)
            expect(left, `${change}: ${stdin}`).toBeLessThanOrEqual(group.rows - cured)
          }
        }
      }
      expect(tried).toBeGreaterThanOrEqual(11)
    })
  })

  test('is told with the error when the limit is exceeded', async () => {
    for (const options of ['skip_row, REJECT_LIMIT 3', "skip_row, REJECT_LIMIT '10%'", 'ignore, REJECT_LIMIT 3']) {
      const statement = `COPY one FROM STDIN (FORMAT csv, ON_ERROR ${options})`
      const error = await bench.db.copy(statement, { stdin: 'NULL\n'.repeat(20), ledger: false }).catch((e) => e)
      expect(error).toBeInstanceOf(CopyError)
      expect(error.diagnosis).toMatchObject([{ column: 'n', shape: 'NULL', cures: [{ change: "NULL 'NULL'" }] }])
      expect(error.position).toMatchObject({ file: 'STDIN' })
    }
    const other = await bench.db.copy('COPY nowhere FROM STDIN', { stdin: '1\n' }).catch((e) => e)
    expect(other).toMatchObject({ sqlState: '42P01', diagnosis: undefined })
  })

  test('is in the record of the load', async () => {
    const { id, diagnosis } = await bench.db.copy("COPY one FROM STDIN (FORMAT csv, ON_ERROR ignore, LOAD_KEY 'k')", {
      stdin: 'x\n1\n',
    })
    const [[receipt] = []] = await bench.sql(`SELECT CAST(receipt AS text) FROM copyist.loads WHERE load_id = '${id}'`)
    expect(JSON.parse(receipt ?? '').diagnosis).toEqual(diagnosis)
    const again = await bench.db.copy("COPY one FROM STDIN (FORMAT csv, LOAD_KEY 'k')", { stdin: '1\n' })
    expect(again).toMatchObject({ id, alreadyLoaded: true, diagnosis })
    const ended = new Date(again.loadedAt ?? '').getTime()
    expect(Math.abs(Date.now() - ended)).toBeLessThan(60_000)
  })
})

describe('shapes', () => {
  test.each([
    ['1.234,56', '9.9,9'],
    ['25/12/2020', '9/9/9'],
    ['Änderung № 5', 'a № 9'],
    ['the quick brown fox', 'a a'],
    ['6f1f2c1e-0d9e', 'a9-a9'],
    ['*****', '*'],
    ['', ''],
    ['N/A', 'N/A'],
    ['null', 'null'],
    ['#'.repeat(10) + '!@'.repeat(50), `#${'!@'.repeat(50)}`.slice(0, 40).concat('…')],
  ])('%s', (value, shape) => {
    expect(shapeOf(value)).toBe(shape)
  })
})

describe('bounds', () => {
  const reject = (number: number, error: Partial<RejectError>, raw = Buffer.alloc(100)): Reject => ({
    number,
    file: 'f',
    line: number,
    lastLine: number,
    byteOffset: 0,
    byteLength: raw.length,
    errors: [{ sqlState: '22P02', code: 'invalid_text_representation', message: 'm', ...error }],
    raw,
    rawIsCut: false,
  })

  test('what a trigger says is one kind of error, whatever it names and counts', async () => {
    const diagnosis = new Diagnosis()
    for (let line = 1; line <= 50; line += 1) {
      const message = `price ${line}.5 of 'item ${line}' is above that of "shop ${line}" on 2024-01-${line}`
      const errors = [{ sqlState: 'P0001', code: 'raise_exception', message }]
      const place = { number: line, file: 'f', line, lastLine: line, byteOffset: line, byteLength: 1 }
      diagnosis.add({ ...place, errors, raw: Buffer.from('x'), rawIsCut: false })
    }
    expect(await diagnosis.groups()).toMatchObject([
      { rows: 50, sqlState: 'P0001', message: `price … of '…' is above that of "…" on …` },
    ])
  })

  test('of groups: no row is lost', async () => {
    const diagnosis = new Diagnosis()
    const letters = '!"#$%&()*+,-/:;<=>?@[]^_`{|}~'
    let rows = 0
    for (const a of letters) {
      for (const b of letters) {
        for (const message of ['m', 'n']) diagnosis.add(reject(++rows, { column: 'c', message, value: a + b + a }))
      }
    }
    for (let i = 0; i < 1000; i++) diagnosis.add(reject(++rows, { column: `c${i}`, value: 'x' }))
    const groups = await diagnosis.groups()
    expect(groups.length).toBeLessThanOrEqual(402)
    expect(groups.reduce((sum, group) => sum + group.rows, 0)).toBe(rows)
    expect(groups.some(({ message, column }) => message === 'other errors' && column === undefined)).toBe(true)
  })

  test('of samples', async () => {
    const diagnosis = new Diagnosis()
    for (let i = 1; i <= 5; i++) diagnosis.add(reject(i, { column: 'c', value: 'x'.repeat(10_000) }))
    const [group] = await diagnosis.groups()
    expect(group?.samples.map(({ line, value }) => [line, value.length])).toEqual([
      [1, 101],
      [2, 101],
      [3, 101],
    ])
  })

  test('what differs from row to row is no part of a reason', async () => {
    const diagnosis = new Diagnosis()
    const messages = [
      ['22021', 'invalid byte sequence for encoding "UTF8": 0xe9 0x0a', 'invalid byte sequence for encoding "UTF8": …'],
      ['22003', 'value "99999" is out of range for type smallint', 'value "…" is out of range for type smallint'],
      ['22P02', 'invalid input syntax for type inet: "1.2"', 'invalid input syntax for type inet: "…"'],
      ['23505', 'duplicate key value violates unique constraint "t_pkey"', undefined],
      [
        '23505',
        'PRIMARY KEY or UNIQUE constraint violation: duplicate key "7"',
        'PRIMARY KEY or UNIQUE constraint violation: duplicate key "…"',
      ],
    ] as const
    for (const [sqlState, message] of messages) diagnosis.add(reject(1, { sqlState, message }))
    const groups = await diagnosis.groups()
    expect(groups.map(({ message }) => message)).toEqual(messages.map(([, message, reason]) => reason ?? message))
  })
})
