import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, benches } from './targets.ts'

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let server: Server
  let url: string
  let requests: IncomingMessage[] = []
  const large = `id,note\n${Array.from({ length: 900_000 }, (_, id) => `${id},row ${id}\n`).join('')}`
  const objects: Readonly<Record<string, Buffer>> = {
    '/a.csv': Buffer.from('id,note\n1,a\n2,b\n'),
    '/b.csv.gz': gzipSync('id,note\n3,c\n'),
    '/bad.csv': Buffer.from('id,note\n1,a\nx,b\n'),
    '/large.csv': Buffer.from(large),
    '/encoded.csv': brotliCompressSync('id,note\n1,a\n'),
  }

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request)
    const { pathname } = new URL(request.url ?? '/', url)
    const object = objects[pathname]
    if (object === undefined) return response.writeHead(404, { 'content-length': 0 }).end()
    if (pathname === '/large.csv' && requests.length % 3 === 2) {
      return response.writeHead(503, { 'content-length': 0 }).end()
    }
    const encoded = pathname === '/encoded.csv' && { 'content-encoding': 'br' }
    const headers = { ...encoded, etag: '"1"', 'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT' }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (first === undefined) return response.writeHead(200, { ...headers, 'content-length': object.length }).end(object)
    const part = object.subarray(Number(first), Number(last) + 1)
    const range = `bytes ${first}-${last}/${object.length}`
    return response.writeHead(206, { ...headers, 'content-range': range, 'content-length': part.length }).end(part)
  }

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, note text)')
    server = createServer(answer)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterAll(async () => {
    await bench.close()
    server.closeAllConnections()
    server.close()
  })

  beforeEach(async () => {
    requests = []
    await bench.sql('DELETE FROM t')
  })

  const CSV = 'FORMAT csv, HEADER true'
  const count = () => bench.sql('SELECT count(*), max(id) FROM t')

  test('a file of a server, compressed or not', async () => {
    const receipt = await bench.db.copy(`COPY t FROM '${url}/a.csv?signature=x' (${CSV})`)
    expect(receipt.files).toMatchObject([{ path: `${url}/a.csv`, bytes: 16, rows: 2, rowsRejected: 0 }])
    expect(requests.map((request) => request.url)).toEqual(['/a.csv?signature=x'])
    await bench.db.copy(`COPY t FROM '${url}/b.csv.gz' (${CSV})`)
    expect(await count()).toEqual([['3', '3']])
  })

  test('several files', async () => {
    const receipt = await bench.db.copy(`COPY t FROM '${url}' (${CSV}, FILES = ['a.csv', 'b.csv.gz'])`)
    expect(receipt.files.map(({ path, rows }) => [path.slice(url.length), rows])).toEqual([
      ['/a.csv', 2],
      ['/b.csv.gz', 1],
    ])
  })

  test('what stands behind the question mark goes with each of several files', async () => {
    await bench.db.copy(`COPY t FROM '${url}?signature=x#y' (${CSV}, FILES = ['a.csv', 'b.csv.gz?part=1'])`)
    expect(await count()).toEqual([['3', '3']])
    expect(requests.map((request) => request.url).sort()).toEqual([
      '/a.csv?signature=x',
      '/b.csv.gz?part=1&signature=x',
    ])
  })

  test('a table is made of a file, whose fields may be found by their names', async () => {
    const receipt = await bench.db.copy(`COPY made FROM '${url}/a.csv?signature=x' (${CSV}, CREATE_TABLE true)`)
    expect(receipt.files).toMatchObject([{ path: `${url}/a.csv`, rows: 2 }])
    expect(await bench.sql('SELECT sum(id) FROM made')).toEqual([['3']])
    await bench.sql('DROP TABLE made')
    await bench.db.copy(`COPY t FROM '${url}' (${CSV}, MAP BY NAME true, FILES = ['a.csv', 'b.csv.gz'])`)
    expect(await count()).toEqual([['3', '3']])
    // What was looked at is what is read.
    expect(requests.filter(({ url }) => url === '/a.csv').at(-1)?.headers['if-match']).toBe('"1"')
  })

  test('a large one in parts, of a server that is busy at times', async () => {
    await bench.db.copy(`COPY t FROM '${url}/large.csv' (${CSV})`)
    expect(await count()).toEqual([['900000', '899999']])
    expect(requests.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThan(1)
    for (const { headers } of requests) if (headers.range !== undefined) expect(headers['if-match']).toBe('"1"')
  })

  test('errors name the file and the line, or what the server said', async () => {
    await expect(bench.db.copy(`COPY t FROM '${url}/bad.csv' (${CSV})`)).rejects.toMatchObject({
      sqlState: '22P02',
      position: { file: `${url}/bad.csv`, line: 3, byteOffset: 12 },
    })
    await expect(bench.db.copy(`COPY t FROM '${url}/gone.csv?signature=x' (${CSV})`)).rejects.toMatchObject({
      sqlState: '58P01',
      message: `"${url}/gone.csv" does not exist`,
    })
    await expect(bench.db.copy(`COPY t FROM '${url}' (${CSV}, PATTERN = '*')`)).rejects.toMatchObject({
      sqlState: '0A000',
    })
    expect(await count()).toEqual([['0', null]])
  })

  test('what is encoded as brotli is read where the statement says so', async () => {
    await bench.db.copy(`COPY t FROM '${url}/encoded.csv' (${CSV}, COMPRESSION brotli)`)
    expect(await count()).toEqual([['1', '1']])
    await expect(bench.db.copy(`COPY t FROM '${url}/encoded.csv' (${CSV})`)).rejects.toMatchObject({
      sqlState: '58030',
      hint: 'Write COMPRESSION brotli, if it is that once.',
    })
  })

  test('rules of access hold where it is dialled', async () => {
    const { host } = new URL(url)
    const statement = `COPY t FROM '${url}/a.csv' (${CSV})`
    const rules = { schemes: ['http'], hosts: [host] }
    for (const access of [rules, { ...rules, hosts: ['127.0.0.1'], addresses: ['127.0.0.1'] }, 'closed'] as const) {
      await expect(bench.db.copy(statement, { access })).rejects.toMatchObject({ sqlState: '42501' })
    }
    // A name that leads to where nothing may, which nobody knows before it is looked up.
    const named = { schemes: ['http'], hosts: [host.replace('127.0.0.1', 'localhost')] }
    await expect(bench.db.copy(statement.replace('127.0.0.1', 'localhost'), { access: named })).rejects.toMatchObject({
      sqlState: '42501',
      detail: expect.stringContaining('is not one of the Internet'),
    })
    expect(requests).toEqual([])
    await bench.db.copy(statement, { access: { ...rules, addresses: ['127.0.0.1'] } })
    expect(await count()).toEqual([['2', '2']])
    const files = `COPY t FROM '${url}' (${CSV}, FILES = ['a.csv', '@example.com/b.csv'])`
    await bench.db.copy(files, { access: { ...rules, addresses: ['127.0.0.1'] } }).catch(() => {})
    expect(requests.every(({ headers }) => headers.host === host)).toBe(true)
  })

  test('a load that is aborted ends at once', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/x`
    const abort = new AbortController()
    const load = bench.db.copy(`COPY t FROM '${address}' (${CSV})`, { signal: abort.signal })
    setTimeout(() => abort.abort(), 300)
    const started = performance.now()
    await expect(load).rejects.toMatchObject({ sqlState: '57014' })
    expect(performance.now() - started).toBeLessThan(3_000)
    silent.closeAllConnections()
    silent.close()
  })
})
