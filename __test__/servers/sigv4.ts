import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** A user of the store. */
export interface Account {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** From when on the token is refused. */
  readonly expiration?: Date
}

/** What is signed. */
export interface SignedRequest {
  readonly method: string
  /** Path and query as they came over the wire. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

/** Why a request is refused, in S3's words. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

const ALGORITHM = 'AWS4-HMAC-SHA256'
/** How far clocks may differ. */
const SKEW_MS = 15 * 60_000
const NO_BODY = createHash('sha256').digest('hex')

/**
 * Whether a request without a body is signed by an account for this region and service, to the letter: every `x-amz-*` header and the host
 * must be among what is signed. Undefined if it is.
 */
export function checkSignature(
  request: SignedRequest,
  {
    accounts,
    region,
    service = 's3',
    now = Date.now(),
  }: {
    readonly accounts: readonly Account[]
    readonly region: string
    readonly service?: string
    readonly now?: number
  },
): Refusal | undefined {
  const { method, target, headers } = request
  const [path = '', search = ''] = split(target)
  const query = parseQuery(search)
  if (query === undefined) return refusal(400, 'InvalidURI', 'Couldn’t parse the specified URI.')
  const presigned = new Map(query).get('X-Amz-Signature')
  const given = presigned === undefined ? fromHeader(headers) : fromQuery(new Map(query))
  if (given === undefined) {
    if (headers.authorization === undefined) return refusal(403, 'AccessDenied', 'Access Denied')
    return refusal(400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed')
  }
  const { credential, signedHeaders, signature, date, token, expires } = given
  const [accessKeyId, day, place, what, end, ...rest] = credential.split('/')
  const account = accounts.find((each) => each.accessKeyId === accessKeyId)
  if (account === undefined)
    return refusal(403, 'InvalidAccessKeyId', 'The AWS access key Id you provided does not exist.')
  if (rest.length > 0 || end !== 'aws4_request' || what !== service || day !== date.slice(0, 8)) {
    return refusal(400, 'AuthorizationHeaderMalformed', 'The credential scope is wrong')
  }
  if (place !== region)
    return refusal(400, 'AuthorizationHeaderMalformed', `The region '${place}' is wrong; expecting '${region}'`)
  const at = timeOf(date)
  if (at === undefined)
    return refusal(403, 'AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  if (expires === undefined ? Math.abs(now - at) > SKEW_MS : now < at - SKEW_MS) {
    return refusal(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    )
  }
  if (expires !== undefined && now > at + expires * 1000) return refusal(403, 'AccessDenied', 'Request has expired')
  if ((account.sessionToken ?? '') !== (token ?? ''))
    return refusal(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.')
  if (account.expiration && account.expiration.getTime() <= now)
    return refusal(400, 'ExpiredToken', 'The provided token has expired.')
  const mustSign = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
  const missing = mustSign.find((name) => !signedHeaders.includes(name))
  if (missing !== undefined)
    return refusal(403, 'AccessDenied', `There were headers present in the request which were not signed: ${missing}`)
  const isSorted = signedHeaders.every((name, index) => index === 0 || name > (signedHeaders[index - 1] ?? ''))
  if (!isSorted || signedHeaders.some((name) => headers[name] === undefined)) {
    return refusal(400, 'AuthorizationHeaderMalformed', 'SignedHeaders are not the sorted names of headers')
  }
  const hash = presigned === undefined ? headers['x-amz-content-sha256'] : 'UNSIGNED-PAYLOAD'
  if (hash !== NO_BODY && hash !== 'UNSIGNED-PAYLOAD')
    return refusal(400, 'XAmzContentSHA256Mismatch', 'x-amz-content-sha256 does not match what was computed')
  const canonical = [
    method,
    path
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    query
      .filter(([name]) => name !== 'X-Amz-Signature')
      .map(([name, value]) => [encode(name), encode(value)] as const)
      .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
      .map(([name, value]) => `${name}=${value}`)
      .join('&'),
    ...signedHeaders.map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    hash,
  ].join('\n')
  const scope = [day, place, what, end].join('/')
  const toSign = [ALGORITHM, date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const key = [day, place, what, end].reduce<Buffer>(
    (secret, part) =>
      createHmac('sha256', secret)
        .update(part ?? '')
        .digest(),
    Buffer.from(`AWS4${account.secretAccessKey}`),
  )
  const wanted = createHmac('sha256', key).update(toSign).digest()
  const said = Buffer.from(signature, 'hex')
  if (/^[0-9a-f]{64}$/.test(signature) && timingSafeEqual(wanted, said)) return undefined
  return refusal(
    403,
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided.',
  )
}

interface Given {
  readonly credential: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly date: string
  readonly token: string | undefined
  /** Seconds that a presigned URL is valid. */
  readonly expires?: number
}

function fromHeader(headers: IncomingHttpHeaders): Given | undefined {
  const form = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([^,\s]+)$/
  const [, credential, names, signature] = form.exec(headers.authorization ?? '') ?? []
  const date = headers['x-amz-date']
  if (credential === undefined || names === undefined || signature === undefined || typeof date !== 'string')
    return undefined
  const token = headers['x-amz-security-token']
  return {
    credential,
    signedHeaders: names.split(';'),
    signature,
    date,
    token: token === undefined ? undefined : String(token),
  }
}

function fromQuery(query: ReadonlyMap<string, string>): Given | undefined {
  const [credential, names, signature, date, expires] = [
    'Credential',
    'SignedHeaders',
    'Signature',
    'Date',
    'Expires',
  ].map((name) => query.get(`X-Amz-${name}`))
  if (query.get('X-Amz-Algorithm') !== ALGORITHM || !/^\d{1,6}$/.test(expires ?? '')) return undefined
  if (credential === undefined || names === undefined || signature === undefined || date === undefined) return undefined
  const token = query.get('X-Amz-Security-Token')
  return { credential, signedHeaders: names.split(';'), signature, date, token, expires: Number(expires) }
}

/** The parts before and behind the first question mark. */
export function split(target: string): [string, string] {
  const at = target.indexOf('?')
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)]
}

/** Names and values; undefined where they are not encoded rightly. A plus is a plus. */
export function parseQuery(search: string): [string, string][] | undefined {
  try {
    return search
      .split('&')
      .filter(Boolean)
      .map((pair) => {
        const at = pair.indexOf('=')
        const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
        return [decodeURIComponent(name), decodeURIComponent(value)]
      })
  } catch {
    return undefined
  }
}

/** As AWS encodes: all but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

function timeOf(date: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  return year === undefined
    ? undefined
    : Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message }
}
