import { connect, createServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'

/** A TCP relay in front of the test server, for what a network does. */
export interface Relay {
  /** Connection string that leads through the relay. */
  readonly url: string
  /** Of a relay that speaks TLS. */
  readonly certificate: string
  /** How many connections have come in. */
  readonly connections: number
  /** Cuts every connection without a goodbye. */
  reset(): void
  /** Stops passing bytes on; new connections are taken in and left without an answer. */
  silence(): void
  close(): Promise<void>
}

/** Starts a relay; with `tls` it is the server's end of TLS, negotiated PostgreSQL's way or begun at once. */
export async function startRelay(to: string, options: { tls?: 'postgres' | 'direct' } = {}): Promise<Relay> {
  const target = new URL(to)
  const sockets = new Set<Duplex>()
  let silent = false
  let connections = 0
  const join = (inward: Duplex) => {
    const outward = connect(Number(target.port), target.hostname)
    sockets.add(outward)
    for (const [one, other] of [
      [inward, outward],
      [outward, inward],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => other.destroy())
      one.pipe(other)
    }
  }
  const secure = (inward: Socket) => {
    const stream = new TLSSocket(inward, {
      isServer: true,
      secureContext: createSecureContext({ key: KEY, cert: CERTIFICATE }),
      ALPNProtocols: ['postgresql'],
    })
    stream.on('error', () => {})
    sockets.add(stream)
    join(stream)
  }
  const server = createServer((inward) => {
    connections += 1
    sockets.add(inward)
    inward.on('error', () => {})
    if (silent) return
    if (options.tls === 'direct') secure(inward)
    else if (options.tls === 'postgres') {
      // The first message is SSLRequest; S says that TLS may begin.
      inward.once('data', () => {
        inward.write('S')
        secure(inward)
      })
    } else join(inward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  const url = new URL(to)
  url.port = String(address.port)
  return {
    url: url.href,
    certificate: CERTIFICATE,
    get connections() {
      return connections
    },
    reset() {
      silent = false
      for (const socket of sockets) {
        if ('resetAndDestroy' in socket) (socket as Socket).resetAndDestroy()
        else socket.destroy()
      }
      sockets.clear()
    },
    silence() {
      silent = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

// Self-signed for localhost and good for nothing else; valid until 2126.
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBojCCAUmgAwIBAgIUSgVWVT0reXEiBb+elzlV0RL+emswCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNY29weWlzdC10ZXN0czAgFw0yNjExMjEwMzQ4MTdaGA8yMTI2
MTAyODAzNDgxN1owGDEWMBQGA1UEAwwNY29weWlzdC10ZXN0czBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABAUBvWb4O7Hsvq3Ug2uIyCsixOHa3Jb0LqtNqCYWVZWd
ZC8ljM5ZtS4g0pStHLm9CIZKHbif2f/P9G8FHKxh9eajbzBtMB0GA1UdDgQWBBRn
qylvc3vjXkLPP2KIV39hP6eNSDAfBgNVHSMEGDAWgBRnqylvc3vjXkLPP2KIV39h
P6eNSDAPBgNVHRMBAf8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAA
ATAKBggqhkjOPQQDAgNHADBEAiARZ7YyfQjhLnOt83F3Q8HuihsPZx7bE0NqJa8w
nQEKggIga5y65DdyykFFWMuSyDKm0D+0pyDtsmReryWdj658r1M=
-----END CERTIFICATE-----`
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgOWXADXqJ1AjoF/Hn
m0Q+2mxkBCY6+5oE63C45pC7MlChRANCAAQFAb1m+Dux7L6t1INriMgrIsTh2tyW
9C6rTagmFlWVnWQvJYzOWbUuINKUrRy5vQiGSh24n9n/z/RvBRysYfXm
-----END PRIVATE KEY-----`
