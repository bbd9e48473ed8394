import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, benches } from './targets.ts'

const data = (name: string) => fileURLToPath(new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url))
const FLIGHTS = data('flights-3m.parquet')
const ARROW = data('flights-200k.arrow')
const files: Readonly<Record<string, Buffer>> = { parquet: readFileSync(FLIGHTS), arrow: readFileSync(ARROW) }
/** Column chunks of the flights' row groups, compressed. */
const COLUMN = { date: 132_000, delay: 289_000, distance: 373_000, origin: 217_000, destination: 217_000 }
const ROW_GROUPS = 11
const TAIL = 64 * 1024

interface Asked {
  readonly range?: string
  readonly ifMatch?: string
  readonly bytes: number
}

let asked: Asked[] = []

/** How each server answers, by the first part of the path: what it lacks. */
const server = createServer((request, response) => {
  const [, kind = '', format = ''] = (request.url ?? '').split(/[/.]/)
  const file = files[format]
  if (file === undefined) return response.writeHead(404, { 'content-length': 0 }).end()
  const { range, 'if-match': ifMatch } = request.headers
  const isHead = request.method === 'HEAD'
  const etag = kind === 'changing' && asked.length > 3 ? '"2"' : '"1"'
  if (ifMatch !== undefined && ifMatch !== etag) {
    asked.push({ bytes: 0 })
    return response.writeHead(412, { 'content-length': 0 }).end()
  }
  const known = {
    'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT',
    ...(kind !== 'untagged' && { etag }),
  }
  const bounds = kind === 'whole' || isHead ? undefined : boundsOf(range, file.length)
  const body = isHead ? Buffer.alloc(0) : bounds ? file.subarray(...bounds) : file
  asked.push({ ...(range && { range }), ...(ifMatch && { ifMatch }), bytes: body.length })
  if (bounds === undefined) return response.writeHead(200, { ...known, 'content-length': file.length }).end(body)
  const [start, end] = bounds
  const part = { 'content-range': `bytes ${start}-${end - 1}/${file.length}`, 'content-length': body.length }
  return response.writeHead(206, { ...known, ...part }).end(body)
})

function boundsOf(range: string | undefined, size: number): [number, number] | undefined {
  const [, start, end] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  if (start === undefined || end === undefined) return undefined
  return start === '' ? [Math.max(0, size - Number(end)), size] : [Number(start), Math.min(size, Number(end) + 1)]
}

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

beforeEach(() => {
  asked = []
})

const url = (kind: string, format = 'parquet') =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}/${kind}.${format}`
const sent = () => asked.reduce((sum, { bytes }) => sum + bytes, 0)

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE narrow (date timestamp, origin text)')
  })

  afterAll(() => bench.close())

  beforeEach(async () => {
    await bench.sql('DELETE FROM narrow')
  })

  const load = (source: string, call = {}) => bench.db.copy(`COPY narrow FROM '${source}' (FORMAT parquet)`, call)
  const sums = (table: string) =>
    bench.sql(`SELECT count(*), min(date), max(date), count(DISTINCT origin), sum(length(origin)) FROM ${table}`)

  test('of a Parquet file only the footer and the columns of the table are fetched, of one version', async () => {
    const receipt = await load(url('parts'))
    expect(receipt.rowsLoaded).toBe(3_000_000)
    await bench.db.copy(`COPY whole FROM '${FLIGHTS}' (FORMAT parquet, CREATE_TABLE)`)
    expect(await sums('narrow')).toEqual(await sums('whole'))
    const needed = ROW_GROUPS * (COLUMN.date + COLUMN.origin)
    expect(sent()).toBeGreaterThan(0.9 * needed)
    expect(sent()).toBeLessThan(1.1 * needed + TAIL)
    // What the receipt says is what was of use of that.
    expect(receipt.bytesRead).toBeGreaterThan(0.9 * needed)
    expect(receipt.bytesRead).toBeLessThanOrEqual(sent())
    expect(receipt.files.map(({ bytes }) => bytes)).toEqual([receipt.bytesRead])
    // The end that was read for the columns is the rows', too.
    expect(asked.filter(({ range }) => range === `bytes=-${TAIL}`).length).toBe(1)
    for (const { range, ifMatch } of asked) {
      expect(range).toMatch(/^bytes=/)
      if (range !== `bytes=-${TAIL}`) expect(ifMatch).toBe('"1"')
    }
    expect(asked.length).toBeLessThanOrEqual(1 + 2 * ROW_GROUPS)
  }, 60_000)

  test('a table is made, and explained, from the end of the file', async () => {
    const statement = `COPY made FROM '${url('parts')}' (FORMAT parquet, CREATE_TABLE)`
    const explanation = await bench.db.explain(statement)
    expect(explanation.failure).toBeUndefined()
    expect(explanation.columns?.map(({ name }) => name)).toEqual(['date', 'delay', 'distance', 'origin', 'destination'])
    expect(sent()).toBe(TAIL)
  })

  test('where a server gives no parts, or no versions, the file is read whole if it can be held', async () => {
    for (const kind of ['whole', 'untagged']) {
      await bench.sql('DELETE FROM narrow')
      const receipt = await load(url(kind))
      expect(receipt.rowsLoaded).toBe(3_000_000)
      await expect(load(url(kind), { memoryLimit: 16 << 20 })).rejects.toMatchObject({
        sqlState: '0A000',
        message: `"${url(kind)}" cannot be read by parts, and is too large to be held`,
        hint: expect.stringContaining('memoryLimit'),
      })
    }
  }, 60_000)

  test('a file that is replaced, or is not there ends the load, and nothing is kept', async () => {
    await expect(load(url('changing'))).rejects.toMatchObject({
      sqlState: '58030',
      message: `"${url('changing')}" changed while it was read`,
    })
    await expect(load(url('gone', 'no'))).rejects.toMatchObject({ sqlState: '58P01' })
    await expect(load(url('parts', 'arrow'))).rejects.toMatchObject({ sqlState: '22P04' })
    expect(await bench.sql('SELECT count(*) FROM narrow')).toEqual([['0']])
  }, 60_000)

  test("Arrow's files are read from other machines, too", async () => {
    const statement = (source: string, table: string) => `COPY ${table} FROM '${source}' (FORMAT arrow, CREATE_TABLE)`
    const { rowsLoaded } = await bench.db.copy(statement(url('parts', 'arrow'), 'far'))
    expect(rowsLoaded).toBe(200_000)
    await bench.db.copy(statement(ARROW, 'near'))
    for (const [a, b] of [
      ['near', 'far'],
      ['far', 'near'],
    ]) {
      expect(await bench.sql(`SELECT count(*) FROM (SELECT * FROM ${a} EXCEPT ALL SELECT * FROM ${b}) d`)).toEqual([
        ['0'],
      ])
    }
  }, 60_000)
})
