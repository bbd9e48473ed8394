import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CopyError, read } from '../../lib/index.ts'
import { listening } from '../listening.ts'
import { type Bench, benches } from './targets.ts'

const TEXT = 'id,note\n1,a\n'
const HTML = '<!DOCTYPE html><html><body>Log in, please</body></html>'
const XML = '<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>\n'

describe.each(benches)('$name', ({ open }) => {
  let bench: Bench
  let server: Server
  let url: string
  let body: string
  let headers: Record<string, string>
  let asked: string[]
  /** Of each answer; or that an address has one. */
  let status: number | 'once'
  let delay: number
  let waiting = 0
  let atOnce: number

  beforeAll(async () => {
    bench = await open()
    await bench.sql('CREATE TABLE t (id integer, note text)')
    await bench.sql('CREATE TABLE texts (text text)')
    server = createServer((request, response) => {
      const path = request.url ?? ''
      const code = status === 'once' ? (asked.includes(path) ? 410 : 200) : status
      asked.push(path)
      waiting++
      atOnce = Math.max(atOnce, waiting)
      setTimeout(() => {
        waiting--
        response.writeHead(code, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
      }, delay)
    })
    url = await listening(server)
  })

  afterAll(async () => {
    await bench.close()
    server.closeAllConnections()
    server.close()
  })

  beforeEach(async () => {
    await bench.sql('DELETE FROM t')
    await bench.sql('DELETE FROM texts')
    asked = []
    headers = {}
    status = 200
    delay = 0
    atOnce = 0
  })

  test.each([
    [HTML, 'HTML page'],
    [`\n${HTML.toLowerCase()}\n`, 'HTML page'],
    [XML, 'like XML'],
    ['<Error><Code>AccessDenied</Code></Error>', 'like XML'],
    ['<Error xmlns="x"><Code>SlowDown</Code></Error>', 'like XML'],
    ['<!-- login --><html>', 'HTML page'],
    ['<head><title>Login</title></head>', 'HTML page'],
    ['<html\n lang="en"></html>', 'HTML page'],
    ['{"error":"access denied"}', 'like JSON'],
    ['{\n  "error": "access denied"\n}', 'like JSON'],
    ['{}', 'like JSON'],
    ['[{"error":"access denied"}]\n', 'like JSON'],
    ['<s:Envelope xmlns:s="x">\n<s:Body/>\n</s:Envelope>', 'like XML'],
  ])('a page is no header of a file without rows: %j', async (page, hint) => {
    body = page
    await expect(bench.db.copy(`COPY t FROM '${url}/f.csv' (FORMAT csv, HEADER)`)).rejects.toMatchObject({
      sqlState: '22P04',
      message: `the first line of "${url}/f.csv" is no header`,
      hint: expect.stringContaining(hint),
      position: { line: 1, byteOffset: 0 },
    })
    for (const columns of [undefined, { id: 'integer', note: 'text' }]) {
      const reading = read(`COPY FROM '${url}/f.csv' (FORMAT csv, HEADER)`, { ...(columns && { columns }) })
      await expect(reading.columns()).rejects.toMatchObject({ sqlState: '22P04', hint: expect.stringContaining(hint) })
    }
  })

  test('what a header may be is one, and a page may be rows', async () => {
    for (const names of [
      '<html_source>,<note>',
      '<DATE>,<TIME>',
      '{id},{note}',
      '<TITLE>,<BODY>',
      '<!-- exported -->,b',
    ]) {
      body = `${names}\n1,a\n`
      expect(await bench.db.copy(`COPY t FROM '${url}/f.csv' (FORMAT csv, HEADER)`)).toMatchObject({ rowsLoaded: 1 })
    }
    // Lines of JSON, of which HEADER passes over one.
    body = '{"a":1}\n{"b":2}\n'
    expect(await bench.db.copy(`COPY texts FROM '${url}/f.jsonl' (FORMAT text, HEADER)`)).toMatchObject({
      rowsLoaded: 1,
    })
    await bench.sql('DELETE FROM texts')
    body = XML
    await bench.db.copy(`COPY texts FROM '${url}/f.xml' (FORMAT text)`)
    expect(await bench.sql('SELECT text FROM texts')).toEqual([[XML.trim()]])
  })

  test('what an input begins like is said of its first record', async () => {
    const refusal = async (rows: string) => {
      body = rows
      const refused = bench.db.copy(`COPY t (note, id) FROM '${url}/f' (FORMAT text)`).then(String, (error) => error)
      const { sqlState, position, hint } = (await refused) as CopyError
      return [sqlState, position?.line, hint]
    }
    const hint = 'It begins like JSON: the answer of a server, perhaps, that tells of an error.'
    expect(await refusal('{"a":1}\tx\n')).toEqual(['22P02', 1, hint])
    expect(await refusal(`${'{"a":1}\t1\n'.repeat(20)}{"a":1}\tx\n`)).toEqual(['22P02', 21, undefined])
  })

  test.each([202, 204, 226])('an answer of %i is not the file', async (code) => {
    status = code
    body = ''
    await expect(bench.db.copy(`COPY t FROM '${url}/f.csv' (FORMAT csv)`)).rejects.toMatchObject({
      sqlState: '58030',
      message: expect.stringMatching(new RegExp(`the server answers ${code} .*, which is not the file$`)),
    })
  })

  test.each(['FORMAT csv, HEADER, MAP BY NAME', 'FORMAT csv, HEADER MATCH', 'FORMAT csv, HEADER'])(
    'an address that is good for one answer is asked for once: %s',
    async (options) => {
      status = 'once'
      body = TEXT
      expect(await bench.db.copy(`COPY t FROM '${url}/f.csv' (${options})`)).toMatchObject({ rowsLoaded: 1 })
      await bench.db.explain(`EXPLAIN VALIDATE COPY t FROM '${url}/g.csv' (${options})`)
      body = `${TEXT}${'2,b\n'.repeat(200_000)}`
      expect(await bench.db.copy(`COPY t FROM '${url}/h.csv' (${options})`)).toMatchObject({ rowsLoaded: 200_001 })
      expect(asked).toEqual(['/f.csv', '/g.csv', '/h.csv'])
    },
  )

  test('objects are copied here several at a time', async () => {
    body = TEXT
    headers = { etag: '"1"' }
    delay = 20
    const names = Array.from({ length: 30 }, (_, index) => `'${index}.csv'`)
    const statement = `COPY many FROM '${url}' (FORMAT csv, HEADER, CREATE_TABLE, FILES = [${names.join(', ')}])`
    expect(await bench.db.copy(statement)).toMatchObject({ rowsLoaded: 30 })
    await bench.sql('DROP TABLE many')
    expect(atOnce).toBeGreaterThan(4)
    expect(asked).toHaveLength(30)
  })

  test.each([
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Tue, 06 Nov 1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
    '0',
    '-1',
    'yesterday',
  ])('what is no date, or none that is read, is as if it were not there: %s', async (date) => {
    body = TEXT
    headers = { 'last-modified': date, etag: '"\xe9"' }
    const statement = `COPY t FROM '${url}/f.csv' (FORMAT csv, HEADER)`
    expect(await bench.db.copy(statement)).toMatchObject({ rowsLoaded: 1 })
  })

  test('a URL is asked for as it is written, or not at all', async () => {
    body = TEXT
    for (const path of ['a\tb.csv', 'a\nb.csv', 'f.csv ', 'f.csv\u0001', 'f.csv?sig=x\t']) {
      await expect(bench.db.copy(`COPY t FROM '${url}/${path}' (FORMAT csv, HEADER)`)).rejects.toMatchObject({
        sqlState: '22023',
        message: expect.stringContaining('has a control character in it, or a space at its end'),
      })
    }
    expect(asked).toEqual([])
    expect(await bench.db.copy(`COPY t FROM '${url}/a b.csv' (FORMAT csv, HEADER)`)).toMatchObject({ rowsLoaded: 1 })
  })

  test('a backslash does not hide which server is asked', async () => {
    body = TEXT
    await expect(
      bench.db.copy(`COPY t FROM '${url}\\@shown.example/f.csv' (FORMAT csv, HEADER)`),
    ).rejects.toMatchObject({ sqlState: '22023', message: expect.stringContaining('has a backslash before its path') })
    expect(asked).toEqual([])
    expect(await bench.db.copy(`COPY t FROM '${url}/a\\b.csv' (FORMAT csv, HEADER)`)).toMatchObject({ rowsLoaded: 1 })
  })
})
