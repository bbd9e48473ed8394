import { isIP, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { Client } from './client.ts'

/** Long enough for a slow TLS handshake, short enough not to hold up the end of the process. */
const TIMEOUT_MS = 5_000

/** Makes the unconnected socket that a pool's `stream` option asks for, such as a tunnel's. */
export type OpenStream = (options: object) => Socket

/**
 * Asks the server to stop what it does for `client`: PostgreSQL's CancelRequest, on a connection of its own to the same
 * address, under TLS if the client is.
 *
 * Settles when the server has closed that connection, which it does after it has signalled the backend, or when the
 * request could not be delivered: never rejects, since a cancel is a plea at best. A client must not be used for anything
 * else before that, as the signal could hit the next statement.
 */
export function sendCancelRequest(client: Client, openStream?: OpenStream): Promise<void> {
  const { processID, secretKey } = client
  if (processID === null || secretKey === null) return Promise.resolve()
  return new Promise((resolve) => {
    const socket = openStream ? openStream({ ssl: client.ssl }) : new Socket()
    const open: Duplex[] = [socket]
    const settle = () => {
      clearTimeout(timeout)
      for (const stream of open) stream.destroy()
      resolve()
    }
    const timeout = setTimeout(settle, TIMEOUT_MS)
    socket.on('error', settle)
    socket.on('close', settle)

    const request = (stream: Duplex) => {
      // The server sends nothing, it only closes; without a reader the end would not be noticed.
      stream.resume()
      stream.on('end', settle)
      stream.write(cancelRequest(processID, secretKey))
    }
    const secure = () => {
      const stream = connectTls({
        ...tlsOptions(client.ssl),
        socket,
        host: client.host,
        ...(isIP(client.host) === 0 && { servername: client.host }),
        ...(client.sslNegotiation === 'direct' && { ALPNProtocols: ['postgresql'] }),
      })
      open.push(stream)
      stream.on('error', settle)
      stream.on('close', settle)
      request(stream)
    }

    socket.once('connect', () => {
      if (!client.ssl) request(socket)
      else if (client.sslNegotiation === 'direct') secure()
      else {
        socket.write(sslRequest())
        socket.once('data', (answer) => (answer[0] === 0x53 /* S */ ? secure() : settle()))
      }
    })
    dial(socket, client, openStream !== undefined)
  })
}

/** A host name may stand for several servers, and only the one that has the session can cancel it. */
function dial(socket: Socket, client: Client, tunnelled: boolean): void {
  const { remoteAddress, remotePort } = client.connection.stream
  if (!tunnelled && remoteAddress !== undefined && remotePort !== undefined) socket.connect(remotePort, remoteAddress)
  else if (client.host.startsWith('/')) socket.connect(`${client.host}/.s.PGSQL.${client.port}`)
  else socket.connect(client.port, client.host)
}

/** pg makes `key` non-enumerable, so that it is not printed: spreading alone would lose it. */
function tlsOptions(ssl: Client['ssl']): object {
  if (typeof ssl !== 'object' || ssl === null) return {}
  return 'key' in ssl ? { ...ssl, key: ssl.key } : { ...ssl }
}

function cancelRequest(processID: number, secretKey: number): Buffer {
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(80877102, 4)
  message.writeInt32BE(processID, 8)
  message.writeInt32BE(secretKey, 12)
  return message
}

function sslRequest(): Buffer {
  const message = Buffer.alloc(8)
  message.writeInt32BE(8, 0)
  message.writeInt32BE(80877103, 4)
  return message
}
