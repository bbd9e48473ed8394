import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Reject, read } from '../../lib/index.ts'
import { refusalOf, useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const folder = useFolder('copyist-encodings-')
const { file } = folder

/** Bytes written as hexadecimal digits between plain ASCII. */
const bytes = (parts: TemplateStringsArray, ...hex: readonly string[]) =>
  Buffer.concat(parts.flatMap((part, index) => [Buffer.from(part), Buffer.from(hex[index] ?? '', 'hex')]))

const bigEndian = (text: string) => Buffer.from(text, 'utf16le').swap16()

describe.each(benches)('encodings, on $name', ({ open }) => {
  let bench: Bench

  beforeEach(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, name text)')
  })

  afterEach(() => bench.close())

  const rows = () => bench.sql('SELECT * FROM t ORDER BY id')
  const refusal = (load: Promise<unknown>) => refusalOf(bench, load)

  const utf16 = 'id,name\r\n1,中\r\n2,"a\r\n😀"\r\n'

  test.each([
    ['GBK', bytes`id,name\n1,${'d6d0b9fa'}\n2,${'815c'}|\n`, 'FORMAT csv, HEADER', ['中国', '乗|']],
    ['GB18030', bytes`id,name\n1,${'d6d0'}\n2,${'81308130'}${'90308130'}\n`, 'FORMAT csv, HEADER', ['中', '\x80𐀀']],
    ['euc-cn', bytes`1\t${'d6d0'}\n2\tn\n`, 'FORMAT text', ['中', 'n']],
    // The second bytes of these are a backslash and a bar.
    ['SJIS', bytes`1|${'835c'}\n2|${'837c'}${'b1'}\n`, "FORMAT text, DELIMITER '|'", ['ソ', 'ポｱ']],
    ['EUC_JP', bytes`1,${'a4a2'}\n2,${'8eb1'}${'8fb0a1'}\n`, 'FORMAT csv', ['あ', 'ｱ丂']],
    ['EUC_KR', bytes`1,${'b0a1'}\n2,${'b0a2'}\n`, 'FORMAT csv', ['가', '각']],
    ['big5', bytes`1,${'a4a4'}\n2,${'b35c'}\n`, 'FORMAT csv', ['中', '許']],
    ['latin1', bytes`1,${'e980'}\n2,"${'fc'}"\n`, 'FORMAT csv', ['é\x80', 'ü']],
    ['windows-1252', bytes`1,${'80'}\n2,${'93'}x${'94'}\n`, 'FORMAT csv', ['€', '“x”']],
    ['KOI8-R', bytes`1,${'c1'}\n2,${'d1'}\n`, 'FORMAT csv', ['а', 'я']],
    ['utf-16', Buffer.from(`\ufeff${utf16}`, 'utf16le'), 'FORMAT csv, HEADER match', ['中', 'a\r\n😀']],
    ['UTF16', bigEndian(`\ufeff${utf16}`), 'FORMAT csv, HEADER match', ['中', 'a\r\n😀']],
    ['UTF16LE', Buffer.from(utf16, 'utf16le'), 'FORMAT csv, HEADER match', ['中', 'a\r\n😀']],
    ['UTF16BE', bigEndian(utf16), 'FORMAT csv, HEADER match', ['中', 'a\r\n😀']],
  ])('%s', async (encoding, input, options, names) => {
    const expected = names.map((name, index) => [String(index + 1), name])
    const receipt = await bench.db.copy(`COPY t FROM '${file('input', input)}' (${options}, ENCODING '${encoding}')`)
    expect(receipt).toMatchObject({ rowsLoaded: 2, bytesRead: input.length })
    expect(await rows()).toEqual(expected)
    await bench.sql('DELETE FROM t')
    const stdin = Array.from(input, (byte) => Buffer.of(byte))
    await bench.db.copy(`COPY t FROM STDIN (${options}, ENCODING '${encoding}')`, { stdin })
    expect(await rows()).toEqual(expected)
  })

  describe('strings', () => {
    const chunks: readonly (readonly [name: string, stdin: () => unknown])[] = [
      ['alone', () => '1,Ä\n'],
      ['of plain letters', () => ['1,a\n']],
      ['between bytes', () => [Buffer.from('1,a\n'), '2,Ä\n']],
      ['of a Readable', () => createReadStream(file('latin', Buffer.from('1,Ä\n', 'latin1')), 'latin1')],
      [
        'of an async iterable',
        async function* () {
          yield '1,Ä\n'
        },
      ],
    ]
    test.each(chunks)('%s are refused beside an ENCODING of bytes', async (_, stdin) => {
      for (const encoding of ['LATIN1', 'UTF16', 'GBK']) {
        const statement = `COPY t FROM STDIN (FORMAT csv, ENCODING '${encoding}')`
        const expected = {
          sqlState: '22023',
          message: expect.stringContaining(`text already, and the statement says ENCODING ${encoding}`),
          hint: expect.stringContaining('Leave ENCODING out'),
        }
        expect(await refusal(bench.db.copy(statement, { stdin: stdin() as never }))).toMatchObject(expected)
        const created = `COPY fresh FROM STDIN (FORMAT csv, ENCODING '${encoding}')`
        const load = bench.db.copy(created, { stdin: stdin() as never, createTable: true })
        await expect(load).rejects.toMatchObject(expected)
        await expect(
          read(statement.replace('t FROM', 'FROM'), { stdin: stdin() as never }).columns(),
        ).rejects.toMatchObject(expected)
      }
    })

    test('are text, whatever their stream made them of', async () => {
      await bench.db.copy('COPY t FROM STDIN CSV', { stdin: '\ufeff1,Ä\n' })
      await bench.db.copy("COPY t FROM STDIN (FORMAT csv, ENCODING 'UTF8')", { stdin: [Buffer.from('2,Ä\n3,'), 'Ö\n'] })
      const latin = file('latin', Buffer.from('4,Ü\n', 'latin1'))
      await bench.db.copy('COPY t FROM STDIN CSV', { stdin: createReadStream(latin, 'latin1') })
      const bytes = "COPY t FROM STDIN (FORMAT csv, ENCODING 'LATIN1')"
      await bench.db.copy(bytes, { stdin: Buffer.from('5,ß\n', 'latin1') })
      expect((await rows()).map(([, name]) => name)).toEqual(['Ä', 'Ä', 'Ö', 'Ü', 'ß'])
    })

    test.each(['base64', 'base64url', 'hex'] as const)('that are %s are refused', async (encoding) => {
      const stdin = createReadStream(file('input', '1,a\n'), encoding)
      expect(await refusal(bench.db.copy('COPY t FROM STDIN CSV', { stdin }))).toMatchObject({
        sqlState: '22023',
        message: expect.stringContaining(`is in ${encoding}`),
      })
      expect(stdin.destroyed).toBe(true)
    })
  })

  test('lines with an end of their own are passed over', async () => {
    const input = Buffer.from('a title||of 中||1\t好||2\tb||', 'utf16le')
    const options = "SKIP 2, EOL '||', ENCODING 'UTF16LE'"
    const receipt = await bench.db.copy(`COPY t FROM '${file('input', input)}' (${options})`)
    expect(receipt).toMatchObject({ rowsLoaded: 2, linesSkipped: 2, bytesRead: input.length })
    const stdin = Array.from(input, (byte) => Buffer.of(byte))
    expect(await bench.db.copy(`COPY t FROM STDIN (${options})`, { stdin })).toMatchObject({ rowsLoaded: 2 })
    expect(await rows()).toEqual([
      ['1', '好'],
      ['1', '好'],
      ['2', 'b'],
      ['2', 'b'],
    ])
  })

  test('the NULL string, the quote and a created table are of the text', async () => {
    const input = bytes`${'c3fbd7d6'},qty\n${'bfd5'},1\n"${'bfd5'}",2\n`
    const statement = `COPY fresh FROM '${file('gbk.csv', input)}' (FORMAT csv, HEADER, NULL '空', ENCODING gbk)`
    await bench.db.copy(statement, { createTable: true })
    expect(await bench.sql('SELECT * FROM fresh ORDER BY qty')).toEqual([
      [null, '1'],
      ['空', '2'],
    ])
    expect(await bench.sql('SELECT "名字" FROM fresh WHERE qty = 2')).toEqual([['空']])
    const semicolons = Buffer.from('\ufeffid;name\r\n1;a\r\n2;b\r\n', 'utf16le')
    const path = file('semicolons.csv', semicolons)
    await expect(
      bench.db.copy(`COPY one FROM '${path}' (FORMAT csv, HEADER, ENCODING 'UTF16')`, { createTable: true }),
    ).rejects.toMatchObject({ hint: expect.stringContaining("DELIMITER ';' they have 2") })
  })

  test.each([
    ['GBK', bytes`1,a\n2,${'d6d0'}${'81'}`, '22021', 'invalid byte sequence for encoding "GBK": 0x81', 4],
    [
      'WIN1252',
      bytes`1,a\n2,${'81'}\n`,
      '22P05',
      'character with byte sequence 0x81 in encoding "WIN1252" has no equivalent in encoding "UTF8"',
      4,
    ],
    ['UTF16LE', bytes`${'31002c0061000a0032002c0000d80a00'}`, '22021', 'encoding "UTF16LE": 0x00 0xd8', 8],
    ['UTF16', Buffer.from('1,a\n', 'utf16le'), '22021', 'does not begin with a byte order mark', 0],
    ['UTF16BE', Buffer.from('\ufeff1,a\n', 'utf16le'), '22021', 'the byte order mark is not that of', 0],
  ])('what is no character of %s', async (encoding, input, sqlState, message, byteOffset) => {
    const statement = `COPY t FROM '${file('input', input)}' (FORMAT csv, ENCODING '${encoding}')`
    expect(await refusalOf(bench, bench.db.copy(statement))).toMatchObject({
      sqlState,
      message: expect.stringContaining(message),
      position: { line: byteOffset === 0 ? 1 : 2, byteOffset },
    })
  })

  test('is replaced where the statement says so', async () => {
    const input = bytes`1,${'d6d0'}${'ff'} \n2,b\n`
    const options = 'FORMAT csv, ENCODING gbk, ACCEPTINVCHARS'
    await bench.db.copy(`COPY t FROM '${file('input', input)}' (${options})`)
    expect(await rows()).toEqual([
      ['1', '中? '],
      ['2', 'b'],
    ])
  })

  const refused = '身份证,name\r\nx1,中\r\n2,好\r\nx3,"😀\r\n"\r\n'

  test.each([
    ['UTF16', Buffer.from(`\ufeff${refused}`, 'utf16le'), 2, 'UTF16LE'],
    ['UTF16', bigEndian(`\ufeff${refused}`), 2, 'UTF16BE'],
    [
      'GB18030',
      bytes`${'c9edb7ddd6a4'},name\r\nx1,${'d6d0'}\r\n2,${'bac3'}\r\nx3,"${'9439fc36'}\r\n"\r\n`,
      0,
      'GB18030',
    ],
  ])('refused rows of %s are told, written and loaded again as they were', async (encoding, input, mark, order) => {
    const rejects: Reject[] = []
    const path = join(folder.path, 'rejects.csv')
    const options = `FORMAT csv, HEADER, ENCODING '${encoding}', ON_ERROR skip_row`
    const statement = (from: string) => `COPY t FROM '${from}' (${options})`
    const receipt = await bench.db.copy(statement(file('input.csv', input)), {
      rejects: path,
      onReject: (reject) => rejects.push(reject),
    })
    expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 2, bytesRead: input.length })
    for (const { byteOffset, byteLength, raw } of rejects) {
      expect(raw).toEqual(input.subarray(byteOffset, byteOffset + byteLength))
    }
    expect(rejects.map(({ line, lastLine, errors }) => [line, lastLine, errors[0]?.value])).toEqual([
      [2, 2, 'x1'],
      [4, 5, 'x3'],
    ])
    expect(readFileSync(path).subarray(0, mark)).toEqual(input.subarray(0, mark))
    const record = 'SELECT raw_text FROM copyist.rejects WHERE load_id ='
    expect(await bench.sql(`${record} '${receipt.id}' ORDER BY reject_no`)).toEqual([['x1,中'], ['x3,"😀\r\n"']])
    await bench.sql('ALTER TABLE t ALTER id TYPE text')
    expect(await bench.db.copy(statement(path))).toMatchObject({ rowsLoaded: 2, rowsRejected: 0 })
    const replay = (more: string) => bench.db.copy(`COPY REJECTS '${receipt.id}' INTO t${more}`)
    expect(receipt.encoding).toBe(order)
    // The byte order is recorded with the load.
    const again = await replay('')
    expect(again).toMatchObject({ rowsResolved: 2, rowsRejected: 0 })
    expect(await rows()).toEqual([
      ['2', '好'],
      ['x1', '中'],
      ['x1', '中'],
      ['x3', '😀\r\n'],
      ['x3', '😀\r\n'],
    ])
  })

  test('what is wrong with refused rows is said in text', async () => {
    const input = Buffer.from('\ufeff1,中,\n2,好,\n', 'utf16le')
    const { diagnosis } = await bench.db.copy(
      `COPY t FROM '${file('input', input)}' (FORMAT csv, ENCODING 'UTF16', ON_ERROR skip_row)`,
    )
    expect(diagnosis).toMatchObject([
      { samples: [{ value: '1,中,' }, { value: '2,好,' }], cures: [{ change: 'IGNORE_EXTRA_DATA', cured: 2 }] },
    ])
  })

  describe('FIXED', () => {
    const formatter = 'FORMATTER(id(0,2), name(2,4))'
    const copy = (content: Buffer, rest: string) =>
      bench.db.copy(`COPY t FROM '${file('fixed', content)}' FIXED ${rest}`)

    test.each([
      ['gbk', bytes`1 ${'d6d0b9fa'}\n2 a${'d6d0'}b\n`, ['中国', 'a中b']],
      ['gb18030', bytes`1 ${'81308130'}\n2 ${'d6d0'}ab\n`, ['\x80', '中ab']],
      ['sjis', bytes`1 ${'835c'}${'b1b2'}\n2 ${'837c'}a\n`, ['ソｱｲ', 'ポa']],
      ['latin1', bytes`1 ${'e9e8'}ab\n2 ${'fc'}\n`, ['éèab', 'ü']],
      ['utf8', Buffer.from('1 éè\n2 中a\n'), ['éè', '中a']],
    ])('counts bytes of the file in %s', async (encoding, content, names) => {
      await copy(content, `${formatter} ENCODING '${encoding}'`)
      expect(await rows()).toEqual(names.map((name, index) => [String(index + 1), name]))
    })

    test('counts bytes of the file in UTF-16', async () => {
      const content = Buffer.from('\ufeff1 中国 x\r\n2 😀ab\r\n', 'utf16le')
      await copy(content, "FORMATTER(id(0,4), name(4,8)) ENCODING 'UTF16'")
      expect(await rows()).toEqual([
        ['1', '中国 x'],
        ['2', '😀ab'],
      ])
      await bench.sql('DELETE FROM t')
      // Half of a digit's two bytes is none.
      const odd = copy(content, "FORMATTER(id(0,3), name(4,8)) ENCODING 'UTF16'")
      expect(await refusalOf(bench, odd)).toMatchObject({ sqlState: '22021', position: { line: 1 } })
    })

    test.each([
      ['gbk', bytes`1 ab\n2 ${'d6d0d6d0'}\n`, 'invalid byte sequence for encoding "GBK": 0xd6', 5],
      ['utf8', Buffer.from('1 ab\n2 éè\n'), 'invalid byte sequence for encoding "UTF8": 0xc3', 5],
    ])('refuses a row whose field cuts a character of %s', async (encoding, content, message, byteOffset) => {
      const at = `FORMATTER(id(0,2), name(2,3)) ENCODING '${encoding}'`
      expect(await refusalOf(bench, copy(content, `${at} IGNORE_EXTRA_DATA`))).toMatchObject({
        sqlState: '22021',
        message,
        detail: expect.stringMatching(/^The field of column "name" at \(2,3\) ends in the middle of the character 0x/),
        hint: expect.stringContaining('UNIT chars'),
        position: { line: 2, byteOffset },
      })
      const receipt = await copy(content, `${at} IGNORE_EXTRA_DATA LOG ERRORS REJECT LIMIT '5'`)
      expect(receipt).toMatchObject({ rowsLoaded: 1, rowsRejected: 1 })
      expect(await rows()).toEqual([['1', 'ab']])
    })

    test('counts characters where it is told to', async () => {
      await copy(bytes`1 ${'d6d0d6d0'}b\n`, `FORMATTER(id(0,2), name(2,3)) UNIT chars ENCODING 'gbk'`)
      expect(await rows()).toEqual([['1', '中中b']])
    })
  })

  test.each([
    ['gbk', bytes`1,${'d6d0d6d0'}\n2,${'b9fa'}\n`],
    ['UTF16LE', Buffer.from('1,中中\n2,国\n', 'utf16le')],
    ['utf8', Buffer.from('1,中中\n2,国\n')],
  ])('WHEN counts characters of %s', async (encoding, content) => {
    const path = file('when', content)
    await bench.db.copy(`COPY t FROM '${path}' CSV ENCODING '${encoding}' WHEN (3-3) = '国'`)
    expect(await rows()).toEqual([['2', '国']])
    const fixed = `FIXED FORMATTER(id(0,1), name(2,4)) UNIT chars ENCODING '${encoding}' WHEN (3-4) = '中中'`
    await bench.db.copy(`COPY t FROM '${path}' ${fixed}`)
    expect(await rows()).toEqual([
      ['1', '中中'],
      ['2', '国'],
    ])
  })
})
