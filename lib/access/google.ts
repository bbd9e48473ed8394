import { createSign } from 'node:crypto'
import { CopyError } from '../errors.ts'
import type { Secret } from './secret.ts'

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only'
/** As long as Google takes such a token. */
const LIFETIME_S = 3600

/**
 * A token by the key of a service account: signed with it, and taken by Google as it is, without a question to anybody.
 *
 * @throws {CopyError} 28000 when it is no such key; nothing of it is shown
 */
export function serviceAccountToken(
  key: Secret,
  now: number = Date.now(),
): { readonly bearer: string; readonly expiration: Date } {
  let account: { readonly client_email?: unknown; readonly private_key?: unknown; readonly private_key_id?: unknown }
  try {
    account = JSON.parse(key.reveal())
  } catch {
    throw noKey('it is no JSON')
  }
  const { client_email: email, private_key: pem, private_key_id: kid } = account ?? {}
  if (typeof email !== 'string' || typeof pem !== 'string') throw noKey('it has no client_email or no private_key')
  const issued = Math.floor(now / 1000)
  const header = { alg: 'RS256', typ: 'JWT', ...(typeof kid === 'string' && { kid }) }
  const claims = { iss: email, sub: email, scope: SCOPE, iat: issued, exp: issued + LIFETIME_S }
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  try {
    const signature = createSign('RSA-SHA256').update(text).sign(pem, 'base64url')
    return { bearer: `${text}.${signature}`, expiration: new Date((issued + LIFETIME_S) * 1000) }
  } catch {
    // What it says could show a part of the key.
    throw noKey('its private_key is none')
  }
}

function noKey(reason: string): CopyError {
  return new CopyError({
    code: 'invalid_authorization_specification',
    sqlState: '28000',
    message: `the key of the Google service account cannot be used: ${reason}`,
    hint: "It is the JSON file that Google's console gives out for a key of the account.",
  })
}
