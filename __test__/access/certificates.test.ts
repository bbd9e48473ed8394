import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { read } from '../../lib/index.ts'
import { listening } from '../listening.ts'

// Where nothing may be missing, it is not skipped.
const hasOpenssl = process.env.COPYIST_REQUIRE_SERVERS === '1' || spawnSync('openssl', ['version']).status === 0

const OTHER = '-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n'

describe.runIf(hasOpenssl)('a server with a certificate of an authority that the system does not know', () => {
  let folder: string
  let server: Server
  let url: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'copyist-certificates-'))
    const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' })
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=copyist tests']
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2')
    openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr')
    writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n')
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names']
    openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem')
    const [cert, secret] = ['server.pem', 'server.key'].map((name) => readFileSync(join(folder, name)))
    server = createServer({ cert, key: secret }, (_, response) => response.end('1,a\n'))
    url = (await listening(server)).replace('http:', 'https:')
  })

  afterEach(() => vi.unstubAllEnvs())

  afterAll(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })

  const load = async (of = url) => (await read(`COPY FROM '${of}/a.csv' CSV`).columns()).map(({ values }) => values[0])

  test('is trusted where NODE_EXTRA_CA_CERTS has that', async () => {
    await expect(load()).rejects.toMatchObject({ sqlState: '58030' })
    vi.stubEnv('NODE_EXTRA_CA_CERTS', join(folder, 'ca.pem'))
    expect(await load()).toEqual([1, 'a'])
    // Beside what is none.
    for (const [name, text] of [
      ['first.pem', OTHER + readFileSync(join(folder, 'ca.pem'), 'utf8')],
      ['last.pem', `${readFileSync(join(folder, 'ca.pem'), 'utf8')}-----BEGIN CERTIFICATE-----\n`],
    ] as const) {
      writeFileSync(join(folder, name), text)
      vi.stubEnv('NODE_EXTRA_CA_CERTS', join(folder, name))
      expect(await load()).toEqual([1, 'a'])
    }
  })

  test('is refused, and others are read, where the system knows none at all', async () => {
    const plain = createPlainServer((_, response) => response.end('1,a\n'))
    const plainUrl = await listening(plain)
    writeFileSync(join(folder, 'empty.pem'), '')
    vi.stubEnv('SSL_CERT_FILE', join(folder, 'empty.pem'))
    vi.stubEnv('SSL_CERT_DIR', '')
    vi.stubEnv('NODE_EXTRA_CA_CERTS', join(folder, 'empty.pem'))
    expect(await load(plainUrl)).toEqual([1, 'a'])
    await expect(load()).rejects.toMatchObject({
      sqlState: '58030',
      detail: expect.stringContaining('certificate'),
      hint: expect.stringContaining('No CA certificates were loaded from the system. Install'),
    })
    plain.closeAllConnections()
    plain.close()
  })

  test('what is no file of certificates is said where one is not trusted', async () => {
    writeFileSync(join(folder, 'none.pem'), 'nothing\n')
    writeFileSync(join(folder, 'garbage.pem'), OTHER)
    const plain = createPlainServer((_, response) => response.end('1,a\n'))
    const plainUrl = await listening(plain)
    for (const [name, why] of [
      ['none.pem', 'there are none in it'],
      ['nowhere.pem', 'No such file or directory'],
      ['garbage.pem', 'invalid peer certificate: BadEncoding'],
    ] as const) {
      vi.stubEnv('NODE_EXTRA_CA_CERTS', join(folder, name))
      await expect(load()).rejects.toMatchObject({
        sqlState: '58030',
        detail: expect.stringContaining('certificate'),
        hint: `The certificates of NODE_EXTRA_CA_CERTS, "${join(folder, name)}", cannot be used: ${why}.`,
      })
      expect(await load(plainUrl)).toEqual([1, 'a'])
    }
    plain.closeAllConnections()
    plain.close()
    vi.stubEnv('NODE_EXTRA_CA_CERTS', '')
    await expect(load()).rejects.toMatchObject({ sqlState: '58030', hint: undefined })
  })
})
