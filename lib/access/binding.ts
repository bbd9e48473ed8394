import type { CopyError } from '../errors.ts'
import { shownAddress } from '../path.ts'
import type { CopyFrom } from '../statement/ast.ts'
import { statementError } from '../statement/diagnostics.ts'
import { type ResolvedConnection, shownConnection } from './connections.ts'
import { matchesHost } from './policy.ts'

/** What of a connection says where its secrets belong. */
type Bound = Pick<ResolvedConnection, 'endpoint' | 'hosts' | 'account' | 'accountKey' | 'sas' | 'bearer'>

/**
 * Refuses to show a secret of a connection to anybody but whom the connection names. S3's never leave this machine, and Google's go to Google or
 * the connection's endpoint.
 *
 * @param address an `http:`, `https:`, Google or Azure address
 * @throws {CopyError} 28000 for a connection that does not say it, 42501 for an address that it does not name
 */
export function checkSecretsPlace(
  kind: 'web' | 'google' | 'azure',
  address: string,
  connection: Bound,
  statement: CopyFrom,
): void {
  if (kind === 'web') checkToken(address, connection, statement)
  else if (kind === 'azure') checkAccount(address, connection, statement)
  else if (connection.bearer && connection.endpoint === undefined && (connection.account ?? connection.hosts)) {
    throw misplaced(address, statement, 'Its token is for another server.')
  }
}

function checkToken(address: string, { bearer, endpoint, hosts }: Bound, statement: CopyFrom): void {
  if (!bearer) return
  let url: URL
  try {
    url = new URL(address)
  } catch {
    throw misplaced(address, statement, 'The address is no URL.')
  }
  if (endpoint === undefined && hosts === undefined) {
    throw unbound(statement, 'token', `hosts: ['${url.host}']`)
  }
  if (endpoint !== undefined && originOf(endpoint) === url.origin) return
  if (url.protocol !== 'https:') {
    throw misplaced(
      address,
      statement,
      'Its token would not be encrypted.',
      `Write https:, or let the connection name this very server: endpoint: '${url.origin}'.`,
    )
  }
  if (hosts?.some((pattern) => matchesHost(pattern, url))) return
  const named = [...(hosts ?? []), ...(endpoint === undefined ? [] : [endpoint])].join(', ')
  throw misplaced(address, statement, `Its token goes to ${named || 'no host'} only.`)
}

/** An endpoint is a server that the connection names itself, and gets what the connection has, whatever the account. */
function checkAccount(address: string, connection: Bound, statement: CopyFrom): void {
  const { account, endpoint, accountKey, sas, bearer } = connection
  const asked = accountOf(address)
  if (asked === undefined) return
  // Under an endpoint accounts are its own, whatever cloud an address speaks of.
  const isAsked =
    endpoint === undefined ? accountName(account ?? '') === asked : labelOf(account ?? '') === labelOf(asked)
  if (account !== undefined && !isAsked) {
    throw misplaced(address, statement, `Its storage account is ${account}.`)
  }
  const secret = accountKey ?? sas ?? bearer
  if (account === undefined && endpoint === undefined && secret) {
    throw unbound(statement, bearer === secret ? 'token' : 'secret', `account: '${asked}'`)
  }
}

/** The storage account that an address names. */
export function accountOf(address: string): string | undefined {
  const server = /^[^:]*:\/\/[^/@]*@([^/]*)/.exec(address)?.[1]
  return server === undefined ? undefined : accountName(server)
}

/**
 * A storage account by one name only, in lower case: alone in Azure's public cloud, and as its server in another cloud, where the account of that
 * name is somebody else's.
 */
export function accountName(server: string): string {
  const [, account = '', cloud = PUBLIC_CLOUD] =
    /^([^.]*)(?:\.(?:(?:blob|dfs)\.)?(.*))?$/s.exec(server.toLowerCase()) ?? []
  return cloud === PUBLIC_CLOUD ? account : `${account}.blob.${cloud}`
}

const PUBLIC_CLOUD = 'core.windows.net'

/** The account without its cloud. */
export function labelOf(account: string): string {
  return account.toLowerCase().replace(/\..*$/s, '')
}

function originOf(endpoint: string): string | undefined {
  try {
    return new URL(endpoint).origin
  } catch {
    return undefined
  }
}

function unbound(statement: CopyFrom, what: string, setting: string): CopyError {
  const { text, source } = statement
  const message = `${shownConnection(statement)} does not say to whom its ${what} may go`
  return statementError(text, source.offset, 'invalid_authorization_specification', message, {
    detail: 'Without that, whoever writes the statement could have it sent anywhere.',
    hint: `Add ${setting} to the connection.`,
  })
}

function misplaced(address: string, statement: CopyFrom, detail: string, hint?: string): CopyError {
  const { text, source } = statement
  const message = `${shownConnection(statement)} may not be used for "${shownAddress(address)}"`
  return statementError(text, source.offset, 'insufficient_privilege', message, { detail, ...(hint && { hint }) })
}
