import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, benches } from './targets.ts'

/** `id,note\n1,a\nx,b\n2,c\n` by each codec's own program. */
const OTHERS = {
  zstd: 'KLUv/QRYoQAAaWQsbm90ZQoxLGEKeCxiCjIsYwrkkwVB',
  bzip2: 'QlpoOTFBWSZTWSOwJ30AAAfZgAAQAAQwAD4hhEAgADEAAAhHqMyh6hq7plGFPGB5j4u5IpwoSBHYE76A',
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQATaWQsbm90ZQoxLGEKeCxiCjIsYwoA3ChH54AT85IAASwU+AptAx+2830BAAAAAARZWg==',
  lz4: 'BCJNGGRApxQAAIBpZCxub3RlCjEsYQp4LGIKMixjCgAAAABKMUUb',
}

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let folder: string

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, note text)')
    folder = mkdtempSync(join(tmpdir(), 'copyist-compressed-'))
  })

  afterAll(async () => {
    await bench.close()
    rmSync(folder, { recursive: true })
  })

  beforeEach(async () => {
    await bench.sql('DELETE FROM t')
  })

  const file = (name: string, content: string | Buffer) => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const rows = () => bench.sql('SELECT id, note FROM t ORDER BY id')
  const TEXT = 'id,note\n1,a\nx,b\n2,c\n'
  const ALL = [
    ['1', 'a'],
    ['2', 'c'],
  ]
  const CSV = 'FORMAT csv, HEADER true, ON_ERROR skip_row'
  const inputs: [string, Buffer][] = [
    ['gz', gzipSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ...Object.entries(OTHERS).map(([name, text]): [string, Buffer] => [name, Buffer.from(text, 'base64')]),
  ]

  test.each(inputs)('%s by what it is', async (codec, bytes) => {
    const path = file(`in.csv.${codec}`, bytes)
    const bad = join(folder, 'bad.csv')
    const receipt = await bench.db.copy(`COPY t FROM '${path}' (${CSV})`, { rejects: bad })
    expect(await rows()).toEqual(ALL)
    expect(receipt).toMatchObject({ rowsRead: 3, bytesRead: bytes.length })
    expect(readFileSync(bad, 'utf8')).toBe('id,note\nx,b\n')
  })

  test.each(inputs)('%s by an option', async (codec, bytes) => {
    const name = codec === 'gz' ? 'gzip' : codec === 'br' ? 'brotli' : codec
    const path = file('in.csv', bytes)
    await bench.db.copy(`COPY t FROM '${path}' (${CSV}, COMPRESSION '${name}')`)
    expect(await rows()).toEqual(ALL)
    // The bytes of a text are no such data.
    const plain = file('plain.csv', TEXT)
    await expect(bench.db.copy(`COPY t FROM '${plain}' (${CSV}, COMPRESSION '${name}')`)).rejects.toMatchObject({
      sqlState: '22P04',
      position: { file: plain },
      hint: expect.stringContaining("COMPRESSION 'none'"),
    })
    expect(await rows()).toEqual(ALL)
  })

  test.each(['zstd', 'lz4'] as const)('%s behind a frame that is passed over', async (codec) => {
    const bytes = Buffer.from(OTHERS[codec], 'base64')
    // As pzstd writes it before each of its frames; of a longer one the name tells what follows.
    const skip = (size: number) =>
      Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, size, 0, 0, 0]), Buffer.alloc(size)])
    for (const [name, size] of [
      ['in.csv', 4],
      [`in.csv.${codec}`, 200],
    ] as const) {
      await bench.sql('DELETE FROM t')
      await bench.db.copy(`COPY t FROM '${file(name, Buffer.concat([skip(size), bytes, skip(0)]))}' (${CSV})`)
      expect(await rows()).toEqual(ALL)
    }
    await bench.sql('DELETE FROM t')
    const stdin = Readable.from(Array.from(Buffer.concat([skip(4), bytes]), (byte) => Buffer.from([byte])))
    await bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin })
    expect(await rows()).toEqual(ALL)
  })

  test('what follows brotli is not dropped', async () => {
    const bytes = brotliCompressSync('1,a\n')
    for (const behind of [bytes, Buffer.from('trailing')]) {
      const path = file('two.csv.br', Buffer.concat([bytes, behind]))
      await expect(bench.db.copy(`COPY t FROM '${path}' (FORMAT csv)`)).rejects.toMatchObject({
        sqlState: '22P04',
        message: `file "${path}" is no valid brotli data`,
        detail: expect.stringContaining(': bytes follow its end.'),
      })
    }
    expect(await rows()).toEqual([])
  })

  test.each(['GZIP', 'BZIP2', 'ZSTD'])('%s of Redshift', async (word) => {
    const bytes = word === 'GZIP' ? gzipSync('1|a\n') : Buffer.from(OTHERS[word.toLowerCase() as 'zstd'], 'base64')
    const path = file('in.txt', bytes)
    if (word === 'GZIP') await bench.db.copy(`COPY t FROM '${path}' ${word}`)
    else await bench.db.copy(`COPY t FROM '${path}' CSV IGNOREHEADER 1 MAXERROR 10 ${word}`)
    expect((await rows()).length).toBe(word === 'GZIP' ? 1 : 2)
    await expect(bench.db.copy(`COPY t FROM '${path}' LZOP`)).rejects.toMatchObject({
      sqlState: '0A000',
      hint: expect.stringContaining('lzop -dc'),
    })
  })

  test('a stream, and one that is read twice', async () => {
    await bench.db.copy(`COPY t FROM STDIN (${CSV})`, { stdin: Readable.from([gzipSync(TEXT)]) })
    expect(await rows()).toEqual(ALL)
    await bench.db.copy('COPY made FROM STDIN (FORMAT csv, HEADER true, CREATE_TABLE true)', {
      stdin: Readable.from([gzipSync(TEXT)]),
    })
    expect(await bench.sql('SELECT count(*) FROM made')).toEqual([['3']])
    await bench.sql('DROP TABLE made')
  })

  test('places are those in the text', async () => {
    const path = file('in.csv.gz', gzipSync(TEXT))
    await expect(bench.db.copy(`COPY t FROM '${path}' (FORMAT csv, HEADER true)`)).rejects.toMatchObject({
      sqlState: '22P02',
      position: { file: path, line: 3, byteOffset: 12, column: 'id' },
    })
  })

  test('what is compressed twice, or by what is not read, is said to be', async () => {
    const path = file('twice.csv.gz', gzipSync(Buffer.from(OTHERS.zstd, 'base64')))
    await expect(bench.db.copy(`COPY t FROM '${path}' (${CSV}, ENCODING 'LATIN1')`)).rejects.toMatchObject({
      sqlState: '22P04',
      message: `file "${path}" is compressed twice`,
      detail: 'In its gzip data there are zstd data. Nothing was loaded.',
    })
    // The mark of the program compress, and codes of up to 16 bits.
    const packed = Buffer.from('1f9d90315861', 'hex')
    for (const [from, call] of [
      [`'${file('in.csv.Z', packed)}'`, {}],
      ['STDIN', { stdin: Readable.from([packed]) }],
    ] as const) {
      await expect(bench.db.copy(`COPY t FROM ${from} (${CSV}, ENCODING 'LATIN1')`, call)).rejects.toMatchObject({
        sqlState: '0A000',
        message: expect.stringContaining('is compressed by compress, which is not read'),
        hint: expect.stringContaining('zcat'),
      })
    }
  })

  test.each(inputs)('%s of which nothing or hardly anything is left, by its name', async (codec, bytes) => {
    const path = file(`short.csv.${{ zstd: 'zst', bzip2: 'bz2' }[codec] ?? codec}`, '')
    // What has no whole mark yet.
    for (const size of [0, 1, codec === 'bzip2' ? 9 : 1]) {
      writeFileSync(path, bytes.subarray(0, size))
      await expect(bench.db.copy(`COPY t (note) FROM '${path}' (FORMAT csv, ENCODING 'LATIN1')`)).rejects.toMatchObject(
        {
          sqlState: '22P04',
          message: expect.stringContaining(`file "${path}" ends in the midst of its`),
        },
      )
    }
    writeFileSync(path, 'id,note\n1,text\n')
    if (codec === 'br') return
    expect(await bench.db.copy(`COPY t FROM '${path}' (${CSV})`)).toMatchObject({ rowsLoaded: 1 })
  })

  test('what breaks off or is too much is refused, and nothing is loaded', async () => {
    const text = Array.from({ length: 200_000 }, (_, id) => `${id},row ${(id * 7919) % 100_003}\n`).join('')
    const bytes = gzipSync(text)
    const cut = file('cut.csv.gz', bytes.subarray(0, bytes.length / 2))
    await expect(bench.db.copy(`COPY t FROM '${cut}' (FORMAT csv)`)).rejects.toMatchObject({
      sqlState: '22P04',
      message: `file "${cut}" ends in the midst of its gzip data`,
      detail: expect.stringMatching(/^That shows at byte \d+ of it, after \d+ bytes of text\. Nothing was loaded\.$/),
    })
    const bomb = file('bomb.csv.gz', gzipSync('1,a\n'.repeat(30_000_000)))
    const started = performance.now()
    await expect(
      bench.db.copy(`COPY t FROM '${bomb}' (FORMAT csv)`, { maxCompressionRatio: 100 }),
    ).rejects.toMatchObject({
      sqlState: '54000',
      message: `file "${bomb}" decompresses to more than 100 times its size`,
    })
    expect(performance.now() - started).toBeLessThan(60_000)
    await expect(
      bench.db.copy(`COPY t FROM '${file('a.gz', bytes)}' (FORMAT csv)`, { maxDecompressedBytes: 10_000 }),
    ).rejects.toMatchObject({
      sqlState: '54000',
    })
    expect(await rows()).toEqual([])
  })
})
