import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync, inflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A row of 64 KiB, and as many of them as no bomb is let become. */
const LINE = `${'a'.repeat(65_535)}\n`
const LINES = 320 * 16
const MIB = 1 << 20

/** Made by Python's bz2 and lzma, and deflated: {@link LINES}; 384 of them; 1024 of them; ten lines in a dictionary of 4 GiB. */
const MADE = {
  bzip2:
    'eNpzisqwNHSMVAuO7Pl36CZj3N2DDA0CCgwMHAoMAWksV/oWdKguUZ3ke2Wlh9BnEdFJqaZTFmQeK2A+VCPAwcjEwMDQxMDKluDr8WiBV9iFSYEd3iuDJqg+09BWOZVt9T72egPfPQsFASYWBgZGFgYungOzJh51mLJ2ocpigelBSxW8zwSEeU65lpykvOOATt4HBwUWDgYGJg4GEclGU+WuRs1oJ083Rb2lXg7TZyxYM1lzzde9Cj4NZU4PGhw4BBgYWAQYNIyZstxFmYK2tUzqcYr1mtKoD/HK1pr4X4yqbYS8MtVogTYDg/Yegl7RX5os9oCpIALhlbavDEv6JmiZKYQsm6qnxCF49M5EPxEVdeFTExkAlXNx2A==',
  member: 'eNpzisqwNHSMVAuO/Pkzt5ThoOpBhgYBBQYGDgUGgzOsmssYHWKYDnAxfSxXCW7l5J8/7XoAAJl4EEE=',
  xz: 'eNr7a14VEcXAwPLs2hY3JgZFRh4GBob+GY5z/v/XZyyPZTB4/3v/v8Ub457+sN+0Si30R0aBY4Eof+9fOR/pLqftkl8yJQrXpSl3dfnqL+a9Wb/scY+yYPCDSImjpV2Pyn9sm1LPk3XgXolnSkzkfw5Bz+epPHNY3cpdb6pOClxc+Ofx1z0vj3/29f3zO0i75KxctILTz7vBtj80UzitG05r5dzfav3hyF69+FX8dt5pThOE+f4LTP5RWBH5g/vs/6kabvwr/9Tc+z3LQC/sQH/r5+bGA6lHVIN/fJ1oZsi6dMO7/IMFvu48FycKrlqbILvr3EZ1iZjItpdpQRH7XpatiXzyNJqV4+fxW2sHodVbfpktmD7/vwCjNsOb4uDlf/etqzGUmr+91zCvYN5y5fg3GqdbL06d0VWnNfGTeul3yQNsM3xn/L2x/uoE/uHhf9KtDuS33zQaYKMBNhpgowE2GmCjATYaYKMBNhpgowE2GmCjATYaYKMBNhpgowE2GmCjATYaYKMBNhpgowE2GmCjATYaYKMBNhpgowE2GmCjATYaYKMBNhpgowE2GmADFWANsgcY2Bhen111YBkDEHw/lnG0Qv8UNwNjn29DQ4PCVg1e741H0n8zgSRZIqMAq5F3Gg==',
  dictionary: 'eNr7a14VEcXAwJipdM+MiUGRUYOBgeHZAsHNDxjUGbhiGSS6ORYu5ludagAUZuA4pM7LwKik8TG6cdMEp5m8jCBBxsgoAHA2ETc=',
} as const

function made(name: keyof typeof MADE): Buffer {
  return inflateSync(Buffer.from(MADE[name], 'base64'))
}

/** A Zstandard frame of blocks that say one byte and how often, and of the line ends between them. */
function zstdFrame(lines: number, window = 0x58): Buffer {
  const header = (size: number, kind: number, isLast: number) => {
    const bytes = Buffer.alloc(3)
    bytes.writeUIntLE(size * 8 + kind * 2 + isLast, 0, 3)
    return bytes
  }
  const line = Buffer.concat([header(65_535, 1, 0), Buffer.from('a'), header(1, 1, 0), Buffer.from('\n')])
  const start = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window])
  return Buffer.concat([start, ...Array.from({ length: lines }, () => line), header(0, 0, 1)])
}

/** An LZ4 frame of blocks of one line each, which are as small as they can be. */
function lz4Frame(lines: number): Buffer {
  const length = 65_536 - 1 - 5 - 19
  const match = [0x1f, 0x61, 1, 0, ...Array.from({ length: Math.floor(length / 255) }, () => 255), length % 255]
  const block = Buffer.from([...match, 0x50, ...Buffer.from('aaaa\n')])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  const start = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])
  const blocks = Array.from({ length: lines }, () => [size, block]).flat()
  return Buffer.concat([start, ...blocks, Buffer.alloc(4)])
}

function times(part: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => part))
}

const text = () => Buffer.alloc(LINE.length * LINES, LINE)
/** Of a lower quality the encoder passes over the size of the window. */
const wide = {
  [constants.BROTLI_PARAM_QUALITY]: 3,
  [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
  [constants.BROTLI_PARAM_LGWIN]: 30,
}
const brotli = (params: Record<number, number>) =>
  brotliCompressSync(text(), { params: { [constants.BROTLI_PARAM_QUALITY]: 2, ...params } })

/** Two of each codec, and what is said of them. */
const BOMBS: readonly (readonly [name: string, ending: string, bomb: () => Buffer, message: RegExp])[] = [
  ['gzip, one member', 'gz', () => gzipSync(text()), / more than 500 times its size$/],
  ['gzip, many members', 'gz', () => times(gzipSync(Buffer.alloc(MIB, LINE)), 320), / more than 500 times its size$/],
  ['zstd, one frame', 'zst', () => zstdFrame(LINES), / more than 500 times its size$/],
  ['zstd, a window of 2 TiB', 'zst', () => zstdFrame(LINES, 0xf8), / has zstd data with too large a window$/],
  ['bzip2, one stream', 'bz2', () => made('bzip2'), / more than 500 times its size$/],
  ['bzip2, many streams', 'bz2', () => times(made('member'), 14), / more than 500 times its size$/],
  ['xz, many streams', 'xz', () => times(made('xz'), 5), / more than 500 times its size$/],
  ['xz, a dictionary of 4 GiB', 'xz', () => made('dictionary'), / has xz data with too large a window$/],
  ['lz4, one frame', 'lz4', () => lz4Frame(LINES), / more than 100 times its size$/],
  ['lz4, many frames', 'lz4', () => times(lz4Frame(16), 320), / more than 100 times its size$/],
  ['brotli', 'br', () => brotli({}), / more than 500 times its size$/],
  ['brotli, a window of 1 GiB', 'br', () => brotli(wide), / has brotli data with too large a window$/],
]

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'copyist-bombs-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

/** What came of each file, in a process of its own, and by how many bytes that grew. */
interface Outcome {
  readonly ended: readonly { readonly message: string; readonly sqlState: string; readonly ms: number }[]
  readonly rows: number
  readonly grown: number
}

async function loaded(paths: readonly string[]): Promise<Outcome> {
  const library = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
  const script = join(folder, 'load.mjs')
  writeFileSync(
    script,
    `import { readFileSync } from 'node:fs'
    import { createRequire } from 'node:module'
    const require = createRequire(${JSON.stringify(library)})
    const { DuckDBInstance } = require('@duckdb/node-api')
    const { connect } = await import(${JSON.stringify(library)})
    const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    await connection.run('CREATE TABLE t (note text)')
    const db = await connect(connection)
    const copy = (path) => db.copy(\`COPY t FROM '\${path}' (FORMAT csv)\`, { threads: 2, memoryLimit: ${32 * MIB} })
    const [harmless, ...bombs] = process.argv.slice(2)
    await copy(harmless)
    const before = peak()
    const ended = []
    for (const path of bombs) {
      const started = performance.now()
      const error = await copy(path).then(() => ({ message: 'loaded' }), (reason) => reason)
      ended.push({ message: error.message, sqlState: error.sqlState, ms: performance.now() - started })
    }
    const [[rows]] = (await connection.runAndReadAll('SELECT count(*)::int FROM t')).getRows()
    process.send({ ended, rows, grown: peak() - before })
    await db.close()
    process.disconnect()`,
  )
  const child = fork(script, [...paths])
  return new Promise((resolve, reject) => {
    child.once('message', (outcome) => resolve(outcome as Outcome))
    child.once('exit', (code) => reject(new Error(`the process has ended (${code})`)))
  })
}

test('twelve bombs are refused soon, in little memory, and nothing of them is loaded', {
  timeout: 120_000,
}, async () => {
  const harmless = join(folder, 'harmless.csv.gz')
  writeFileSync(harmless, gzipSync(LINE.repeat(16)))
  const paths = BOMBS.map(([, ending, bomb], index) => {
    const path = join(folder, `${index}.csv.${ending}`)
    writeFileSync(path, bomb())
    return path
  })
  const { ended, rows, grown } = await loaded([harmless, ...paths])
  expect(ended.length).toBe(12)
  for (const [index, { message, sqlState, ms }] of ended.entries()) {
    const [name = '', , , expected] = BOMBS[index] ?? []
    expect(message, name).toMatch(expected ?? '')
    expect([name, sqlState]).toEqual([name, '54000'])
    expect(ms, name).toBeLessThan(5000)
  }
  if (process.env.COPYIST_PROOF_REPORT) {
    const slowest = Math.max(...ended.map(({ ms }) => ms))
    process.stderr.write(`bombs: ${slowest.toFixed(0)} ms at most, +${(grown / MIB).toFixed(0)} MiB\n`)
  }
  expect(rows).toBe(16)
  // The 64 MiB that each may become are in DuckDB by then, and a few buffers.
  expect(grown).toBeLessThan(320 * MIB)
})
