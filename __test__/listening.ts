import type { AddressInfo, Server } from 'node:net'

/** The URL of an HTTP server, which listens on a free port of the loopback interface from now on. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
