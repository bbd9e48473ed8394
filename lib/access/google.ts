import { createSign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CopyError } from '../errors.ts'
import { Secret } from './secret.ts'

const SCOPE = 'https://www.googleapis.com/auth/devstorage.read_only'
/** As long as Google takes such a token. */
const LIFETIME_S = 3600
/** Where a user's refresh token is exchanged. */
const TOKEN_URL = 'https://oauth2.googleapis.com/token'
/** How often, and how long, a server that gives tokens is asked. */
const ATTEMPTS = 3
const PATIENCE_MS = 10_000
const FIRST_PAUSE_MS = 200

/** A token, until it expires. */
interface Token {
  readonly bearer: string
  readonly expiration: Date
}

/**
 * What Google's own programs find where nobody names credentials (Application Default Credentials): the file that the environment names, that
 * of gcloud, or what the machine's metadata server gives. Undefined where there is nothing of these.
 *
 * @throws {CopyError} 28000 for credentials that cannot be used, 0A000 for a kind that is not known; nothing of them is shown
 */
export async function defaultCredentials(
  env: NodeJS.ProcessEnv = process.env,
): Promise<(() => Promise<Token>) | undefined> {
  const named = env.GOOGLE_APPLICATION_CREDENTIALS
  const folder = env.CLOUDSDK_CONFIG || join(homedir(), '.config', 'gcloud')
  const path = named || join(folder, 'application_default_credentials.json')
  let key: Secret
  try {
    key = new Secret(await readFile(path, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (!named && (code === 'ENOENT' || code === 'ENOTDIR')) return await machineCredentials(env)
    const what = named ? 'the file that GOOGLE_APPLICATION_CREDENTIALS names' : 'the file of gcloud'
    throw refused(`${what} could not be read (${code})`)
  }
  const { type } = parsed(key)
  if (type === undefined || type === 'service_account') return async () => serviceAccountToken(key)
  if (type === 'authorized_user') return () => userToken(key)
  throw new CopyError({
    code: 'feature_not_supported',
    sqlState: '0A000',
    message: `Google credentials of the type ${JSON.stringify(type)} are not supported`,
    detail: 'The types service_account and authorized_user are.',
    hint: 'Give a connection a bearerToken: a function that gets one of google-auth-library.',
  })
}

/** Those of the account that a machine of Google's runs as, if it does. Elsewhere nobody is asked. */
async function machineCredentials(env: NodeJS.ProcessEnv): Promise<(() => Promise<Token>) | undefined> {
  const product = () => readFile('/sys/class/dmi/id/product_name', 'utf8').catch(() => '')
  const host = env.GCE_METADATA_HOST
  if (!host && !env.K_SERVICE && !env.CLOUD_RUN_JOB && !(await product()).startsWith('Google')) return undefined
  const url = `http://${host || 'metadata.google.internal'}/computeMetadata/v1/instance/service-accounts/default/token`
  const ask = () => asked('the metadata server', url, { headers: { 'Metadata-Flavor': 'Google' } })
  const first = await ask()
  // It has no account.
  if (first.status === 404) return undefined
  return async () => tokenOf('the metadata server', await ask())
}

/** A token by what `gcloud auth application-default login` has left. */
async function userToken(key: Secret): Promise<Token> {
  const { client_id, client_secret, refresh_token } = parsed(key)
  const form = { grant_type: 'refresh_token', client_id, client_secret, refresh_token }
  if (!isTexts(form)) throw refused('the file has no client_id, client_secret or refresh_token')
  const answer = await asked('Google', TOKEN_URL, { method: 'POST', body: new URLSearchParams(form) })
  return tokenOf('Google', answer, 'Log in again: gcloud auth application-default login.')
}

function isTexts(form: Readonly<Record<string, unknown>>): form is Readonly<Record<string, string>> {
  return Object.values(form).every((each) => typeof each === 'string')
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** The answer of a server that gives tokens; one that has trouble is asked again. */
async function asked(who: string, url: string, request: RequestInit): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    let trouble: string
    try {
      const answer = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(PATIENCE_MS) })
      const { status } = answer
      if (status !== 429 && status < 500) {
        const body: unknown = await answer.json().catch(() => ({}))
        return { status, body: typeof body === 'object' && body !== null ? { ...body } : {} }
      }
      trouble = `it answered ${status}`
    } catch (error) {
      // The cause says more, and nothing of what was sent.
      const { message, cause } = error as Error
      trouble = cause instanceof Error ? cause.message : message
    }
    if (attempt === ATTEMPTS) throw refused(`${who} gave no token: ${trouble}`)
    await pause(FIRST_PAUSE_MS * 2 ** attempt)
  }
}

function tokenOf(who: string, { status, body }: Answer, hint?: string): Token {
  const { access_token: bearer, expires_in: seconds, error } = body
  if (status === 200 && typeof bearer === 'string' && typeof seconds === 'number') {
    return { bearer, expiration: new Date(Date.now() + seconds * 1000) }
  }
  const reason = typeof error === 'string' && /^\w{1,64}$/.test(error) ? error : `it answered ${status}`
  throw refused(`${who} gave no token: ${reason}`, hint)
}

function parsed(key: Secret): Readonly<Record<string, unknown>> {
  let found: unknown
  try {
    found = JSON.parse(key.reveal())
  } catch {
    throw refused('they are no JSON')
  }
  return typeof found === 'object' && found !== null ? { ...found } : {}
}

function refused(reason: string, hint?: string): CopyError {
  return new CopyError({
    code: 'invalid_authorization_specification',
    sqlState: '28000',
    message: `the Google credentials cannot be used: ${reason}`,
    hint: hint ?? 'Name a connection that has some, or one with anonymous: true for what everybody may read.',
  })
}

/**
 * A token by the key of a service account: signed with it, and taken by Google as it is, without a question to anybody.
 *
 * @throws {CopyError} 28000 when it is no such key; nothing of it is shown
 */
export function serviceAccountToken(key: Secret, now: number = Date.now()): Token {
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
