import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { listening } from '../listening.ts'
import { type Bench, benches } from './targets.ts'

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let server: Server
  let url: string
  let requests: IncomingMessage[] = []
  const large = `id,note\n${Array.from({ length: 900_000 }, (_, id) => `${id},row ${id}\n`).join('')}`
  const objects: Record<string, Buffer> = {
    '/a.csv': Buffer.from('id,note\n1,a\n2,b\n'),
    '/b.csv.gz': gzipSync('id,note\n3,c\n'),
    '/bad.csv': Buffer.from('id,note\n1,a\nx,b\n'),
    '/large.csv': Buffer.from(large),
    '/encoded.csv': brotliCompressSync('id,note\n1,a\n'),
    '/named.csv.BR': brotliCompressSync('note,id\na,1\n'),
    '/labelled.csv.gz': gzipSync('id,note\n1,a\n'),
    '/twice.csv.gz': gzipSync(gzipSync('id,note\n1,a\n')),
    '/unlabelled.csv': Buffer.from('id,note\n1,a\n'),
    '/deflated.csv': deflateSync('id,note\n1,a\n'),
    '/both.csv': brotliCompressSync(gzipSync('id,note\n1,a\n')),
    '/login.csv': Buffer.from('\n<!DOCTYPE html>\n<html><body>Log in, please, first</body></html>\n'),
    '/error.csv': Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>\n'),
  }
  const encodings: Readonly<Record<string, string>> = {
    '/named.csv.BR': 'br',
    '/encoded.csv': 'br',
    '/labelled.csv.gz': 'gzip',
    '/twice.csv.gz': 'gzip',
    '/unlabelled.csv': 'x-gzip',
    '/deflated.csv': 'deflate',
    '/both.csv': 'gzip, br',
  }

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request)
    const { pathname } = new URL(request.url ?? '/', url)
    const object = objects[pathname]
    if (object === undefined) return response.writeHead(404, { 'content-length': 0 }).end()
    if (pathname === '/large.csv' && requests.length % 3 === 2) {
      return response.writeHead(503, { 'content-length': 0 }).end()
    }
    const encoding = encodings[pathname]
    const headers = {
      ...(encoding && { 'content-encoding': encoding }),
      etag: '"1"',
      'last-modified': 'Fri, 27 Nov 2026 10:00:00 GMT',
    }
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
    url = await listening(server)
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

  test('a size that a manifest says, and the server does not, cannot be compared', async () => {
    const chunked = createServer((request, response) => {
      if (request.url === '/a.csv') {
        response.write('id,note\n')
        return response.end('1,a\n')
      }
      const meta = { content_length: 12 }
      return response.end(JSON.stringify({ entries: [{ url: `${other}/a.csv`, mandatory: true, meta }] }))
    })
    const other = await listening(chunked)
    try {
      await expect(bench.db.copy(`COPY t FROM '${other}/m' CSV MANIFEST`)).rejects.toMatchObject({
        sqlState: '22023',
        message: expect.stringMatching(/says that ".*\/a.csv" has 12 bytes, and its server does not say how many/),
      })
    } finally {
      chunked.closeAllConnections()
      chunked.close()
    }
  })

  test('what stands behind the question mark goes with each of several files', async () => {
    await bench.db.copy(`COPY t FROM '${url}?signature=x#y' (${CSV}, FILES = ['a.csv', 'b.csv.gz?part=1'])`)
    expect(await count()).toEqual([['3', '3']])
    expect(requests.map((request) => request.url).sort()).toEqual([
      '/a.csv?signature=x',
      '/b.csv.gz?part=1&signature=x',
    ])
  })

  test('files whose names a URL would take for something else are those that were named', async () => {
    const names = ['a#1.csv', 'a#2.csv', 'a\tb.csv', 'ab.csv', 'c\\d.csv', 'f.csv ', 'a#b.csv?part=#1']
    for (const name of names)
      objects[`/d/${encodeURIComponent(name.split('?')[0] ?? '')}`] = Buffer.from('id,note\n1,a\n')
    const list = names.map((name) => `'${name}'`).join(', ')
    const receipt = await bench.db.copy(`COPY t FROM '${url}/d?sig=x' (${CSV}, FILES = [${list}])`)
    const asked = ['a%231', 'a%232', 'a%09b', 'ab', 'c%5Cd'].map((name) => `/d/${name}.csv`)
    expect(receipt.files.map(({ path }) => path)).toEqual(
      [...asked, '/d/f.csv%20', '/d/a%23b.csv'].map((path) => `${url}${path}`),
    )
    expect(requests.map((request) => request.url).sort()).toEqual(
      [...[...asked, '/d/f.csv%20'].map((path) => `${path}?sig=x`), '/d/a%23b.csv?part=%231&sig=x'].sort(),
    )
  })

  test('a table is made of a file, whose fields may be found by their names', async () => {
    const receipt = await bench.db.copy(`COPY made FROM '${url}/a.csv?signature=x' (${CSV}, CREATE_TABLE true)`)
    expect(receipt.files).toMatchObject([{ path: `${url}/a.csv`, rows: 2 }])
    expect(await bench.sql('SELECT sum(id) FROM made')).toEqual([['3']])
    await bench.sql('DROP TABLE made')
    await bench.db.copy(`COPY t FROM '${url}' (${CSV}, MAP BY NAME true, FILES = ['a.csv', 'b.csv.gz'])`)
    expect(await count()).toEqual([['3', '3']])
    // What was looked at is what is read.
    expect(requests.filter(({ url }) => url === '/a.csv')).toHaveLength(1)
    await bench.db.copy(`COPY t FROM '${url}/named.csv.BR?signature=x' (${CSV}, MAP BY NAME true)`)
    expect(await count()).toEqual([['4', '3']])
    await bench.db.copy(`COPY t FROM '${url}/large.csv' (${CSV}, MAP BY NAME true)`)
    for (const { headers } of requests) if (headers.range !== undefined) expect(headers['if-match']).toBe('"1"')
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

  test.each(['labelled.csv.gz', 'unlabelled.csv'])(
    '%s: the bytes tell how it is encoded, not the headers',
    async (path) => {
      await bench.db.copy(`COPY t FROM '${url}/${path}' (${CSV})`)
      expect(await count()).toEqual([['1', '1']])
    },
  )

  test.each([
    ['twice.csv.gz', '22P04', 'compressed twice', 'Content-Encoding'],
    ['deflated.csv', '58030', 'encoded as deflate', 'without Content-Encoding'],
    ['both.csv', '58030', 'encoded as gzip, br', 'without Content-Encoding'],
    ['login.csv', '22P04', 'missing data', 'HTML page'],
    ['error.csv', '22P02', 'invalid input syntax', 'XML'],
  ])('%s is refused, and why is said', async (path, sqlState, message, hint) => {
    const options = path.endsWith('.gz') ? `${CSV}, ENCODING 'LATIN1'` : 'FORMAT csv'
    await expect(bench.db.copy(`COPY t FROM '${url}/${path}' (${options})`)).rejects.toMatchObject({
      sqlState,
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    })
    expect(await count()).toEqual([['0', null]])
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
    // With a slash between, what looks like another host is a path of this one.
    requests = []
    const files = `COPY t FROM '${url}' (${CSV}, FILES = ['a.csv', '@example.com/b.csv'])`
    await expect(bench.db.copy(files, { access: { ...rules, addresses: ['127.0.0.1'] } })).rejects.toMatchObject({
      sqlState: '58P01',
      message: expect.stringContaining('/@example.com/b.csv'),
    })
    expect(requests.map(({ url }) => url)).toContain('/@example.com/b.csv')
    expect(requests.map(({ headers }) => headers.host)).toEqual(requests.map(() => host))
  })

  test('a load that is aborted ends at once', async () => {
    const silent = createServer(() => {})
    const address = `${await listening(silent)}/x`
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
