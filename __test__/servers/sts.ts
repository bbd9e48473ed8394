import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a server of credentials has been asked, its address, and what ends it. */
export interface CredentialServer {
  readonly asked: readonly { readonly authorization: string | undefined; readonly body: string }[]
  readonly url: string
  stop(): void
}

/** A server of credentials on this machine: what a container asks, or a token service. Strings are XML, and objects JSON; {@link refused} is no success. */
export async function serveCredentials(
  answer: (request: { readonly headers: object; readonly body: string }) => object | string,
): Promise<CredentialServer> {
  const asked: { readonly authorization: string | undefined; readonly body: string }[] = []
  const server: Server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ authorization: request.headers.authorization, body })
    const given = answer({ headers: request.headers, body })
    const isXml = typeof given === 'string'
    response.writeHead(isXml && given.startsWith('<ErrorResponse') ? 403 : 200, {
      'content-type': isXml ? 'text/xml' : 'application/json',
    })
    response.end(isXml ? given : JSON.stringify(given))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A token service's answer: credentials, for an hour by default. */
export function assumed(action: 'AssumeRole' | 'AssumeRoleWithWebIdentity', key: string, seconds = 3600): string {
  const expiration = new Date(Date.now() + seconds * 1000).toISOString()
  return `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${action}Result><Credentials><AccessKeyId>${key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
  <SessionToken>token</SessionToken><Expiration>${expiration}</Expiration></Credentials>
  </${action}Result></${action}Response>`
}

/** A token service's refusal. */
export function refused(code: string): string {
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error><Type>Sender</Type><Code>${code}</Code><Message>The security token is not what it was.</Message></Error>
  <RequestId>1</RequestId></ErrorResponse>`
}
