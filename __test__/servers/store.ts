import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Fault, FaultRule } from './faults.ts'
import { type Account, checkSignature, parseQuery, split } from './sigv4.ts'

/** One version of an object. */
export interface StoredObject {
  readonly body: Buffer
  readonly etag: string
  readonly version: string
  readonly lastModified: Date
  readonly headers: Readonly<Record<string, string>>
}

/** A request as it came, and what came of it. */
export interface Seen {
  readonly method: string
  readonly of: 'GET' | 'HEAD' | 'LIST'
  readonly bucket: string
  readonly key: string
  readonly range: string | undefined
  readonly ifMatch: string | undefined
  readonly unmodifiedSince: string | undefined
  readonly version: string | undefined
  /** By which key it was signed. */
  readonly signer: string | undefined
  readonly fault: Fault['kind'] | undefined
  status: number
}

/** How strict the store is, and with whom. */
export interface StoreOptions {
  /** Who may read; absent: anybody, and signatures are not looked at. */
  readonly accounts?: readonly Account[]
  readonly region?: string
  /** Whether ETags are weak, and then the same for every version. */
  readonly tags?: 'weak' | undefined
  /** When the first object was written; by default years ago. */
  readonly since?: number
  /** Objects of a page of a list. */
  readonly pageSize?: number
  /** The time by which signatures and tokens are judged. */
  readonly now?: () => number
}

/**
 * An S3 server that takes nothing on trust: GET, HEAD and lists (version 2) of buckets in the path, with versions, ETags, If-Match and ranges, every
 * signature checked to the letter; and does wrong what it is told to.
 */
export class Store {
  readonly #options: StoreOptions
  readonly #server: Server
  readonly #buckets = new Map<string, Map<string, StoredObject[]>>()
  readonly #sockets = new Set<Socket>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #rules: { readonly rule: FaultRule; seen: number; done: number }[] = []
  #lastPage: string | undefined
  #written = 0
  /** All requests, in their order. */
  readonly requests: Seen[] = []

  private constructor(options: StoreOptions) {
    this.#options = options
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(options: StoreOptions = {}): Promise<Store> {
    const store = new Store(options)
    await new Promise<void>((resolve) => store.#server.listen(0, '127.0.0.1', resolve))
    return store
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Writes a version of an object. */
  put(
    bucket: string,
    key: string,
    body: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): StoredObject {
    const bytes = Buffer.from(body as string)
    this.#written += 1
    const { tags, since = Date.UTC(2024, 0, 1) } = this.#options
    const stored: StoredObject = {
      body: bytes,
      etag: tags === 'weak' ? 'W/"same"' : `"${createHash('md5').update(bytes).digest('hex')}"`,
      version: `v${this.#written}`,
      lastModified: new Date(since + this.#written * 1000),
      headers,
    }
    const objects = this.#buckets.get(bucket) ?? new Map<string, StoredObject[]>()
    this.#buckets.set(bucket, objects)
    objects.set(key, [...(objects.get(key) ?? []), stored])
    return stored
  }

  remove(bucket: string, key: string): void {
    this.#buckets.get(bucket)?.delete(key)
  }

  /** What is to go wrong from now on. */
  misbehave(rules: readonly FaultRule[]): void {
    this.#rules = rules.map((rule) => ({ rule, seen: 0, done: 0 }))
    this.#lastPage = undefined
  }

  /** Ends every connection, whatever it waits for. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): unknown {
    const { method = '', url = '', headers } = request
    const [path, search] = split(url)
    const query = new Map(parseQuery(search))
    const [bucket = '', ...parts] = path.slice(1).split('/')
    let key: string
    try {
      key = parts.map(decodeURIComponent).join('/')
    } catch {
      return sendError(response, 400, 'InvalidURI', 'Couldn’t parse the specified URI.')
    }
    const of = method === 'HEAD' ? 'HEAD' : key === '' ? 'LIST' : 'GET'
    const fault = this.#faultOf(of, key)
    const seen: Seen = {
      ...{ method, of, bucket, key },
      range: headers.range,
      ifMatch: headers['if-match'],
      unmodifiedSince: headers['if-unmodified-since'],
      version: query.get('versionId'),
      signer: /\bCredential=([^/]*)/.exec(headers.authorization ?? '')?.[1],
      fault: fault?.kind,
      status: 0,
    }
    this.requests.push(seen)
    response.on('close', () => {
      seen.status = response.statusCode
    })
    if (method !== 'GET' && method !== 'HEAD')
      return sendError(response, 405, 'MethodNotAllowed', 'The specified method is not allowed.')
    const { accounts, region = 'us-east-1', now = Date.now } = this.#options
    const refusal = accounts && checkSignature({ method, target: url, headers }, { accounts, region, now: now() })
    if (refusal?.code === 'AuthorizationHeaderMalformed') response.setHeader('x-amz-bucket-region', region)
    if (refusal) return sendError(response, refusal.status, refusal.code, refusal.message)
    if (fault && this.#isAnswered(fault, response, bucket, key)) return undefined
    const objects = this.#buckets.get(bucket)
    if (objects === undefined) return sendError(response, 404, 'NoSuchBucket', 'The specified bucket does not exist')
    if (of === 'LIST') return this.#list(response, bucket, objects, query, fault)
    return this.#get(response, method, objects.get(key) ?? [], seen, fault)
  }

  #faultOf(of: Seen['of'], key: string): Fault | undefined {
    let found: Fault | undefined
    for (const entry of this.#rules) {
      const { rule } = entry
      if ((rule.of ?? 'GET') !== of || (rule.key !== undefined && rule.key !== key)) continue
      entry.seen += 1
      if (found || entry.seen <= (rule.after ?? 0) || entry.done >= (rule.times ?? Number.POSITIVE_INFINITY)) continue
      entry.done += 1
      found = rule.fault
    }
    return found
  }

  /** Faults that are answers by themselves, and what is done to an object beforehand. */
  #isAnswered(fault: Fault, response: ServerResponse, bucket: string, key: string): boolean {
    switch (fault.kind) {
      case 'status':
        if (fault.retryAfter !== undefined) response.setHeader('retry-after', String(fault.retryAfter))
        sendError(response, fault.status, fault.code, 'An error of the test.')
        return true
      case 'error as 200':
        sendError(response, 200, fault.code, 'An error of the test.')
        return true
      case 'redirect':
        response.writeHead(fault.status ?? 307, { location: fault.to, 'content-length': '0' }).end()
        return true
      case 'reset':
        if (fault.after !== 'nothing') return false
        response.socket?.resetAndDestroy()
        return true
      case 'changed': {
        const before = this.#buckets.get(bucket)?.get(key)?.at(-1)
        // As long, so that nothing but its tag tells.
        if (before)
          this.put(
            bucket,
            key,
            Buffer.from(before.body.toString('latin1').replaceAll('1', '9'), 'latin1'),
            before.headers,
          )
        return false
      }
      case 'gone':
        this.remove(bucket, key)
        return false
      default:
        return false
    }
  }

  #list(
    response: ServerResponse,
    bucket: string,
    objects: ReadonlyMap<string, readonly StoredObject[]>,
    query: ReadonlyMap<string, string>,
    fault: Fault | undefined,
  ): unknown {
    if (query.get('list-type') !== '2') return sendError(response, 501, 'NotImplemented', 'Only version 2 of lists.')
    if (fault?.kind === 'page repeated' && this.#lastPage !== undefined) return sendXml(response, 200, this.#lastPage)
    const prefix = query.get('prefix') ?? ''
    const delimiter = query.get('delimiter') ?? ''
    const token = query.get('continuation-token')
    const after =
      token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token.slice(1), 'base64url').toString()
    const most = Math.min(Number(query.get('max-keys') ?? 1000), this.#options.pageSize ?? 1000)
    // By their bytes in UTF-8, which is not how JavaScript compares strings.
    const keys = [...objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const entries: { readonly name: string; readonly isPrefix: boolean; readonly last: string }[] = []
    for (const key of keys) {
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
      const name = cut < 0 ? key : key.slice(0, cut + delimiter.length)
      const before = entries.at(-1)
      if (before?.isPrefix && before.name === name) entries[entries.length - 1] = { ...before, last: key }
      else entries.push({ name, isPrefix: cut >= 0, last: key })
    }
    const rest = entries.filter(({ last }) => Buffer.compare(Buffer.from(last), Buffer.from(after)) > 0)
    const page = fault?.kind === 'page empty' ? [] : rest.slice(0, most)
    const isTruncated = page.length < rest.length
    const isTokenLost = fault?.kind === 'page without token'
    const next = `.${Buffer.from(page.at(-1)?.last ?? after).toString('base64url')}`
    const isEncoded = query.get('encoding-type') === 'url'
    const text = (name: string) => xml(isEncoded ? encodeURIComponent(name).replaceAll('%2F', '/') : name)
    const contents = page.map(({ name, isPrefix }) => {
      if (isPrefix) return `<CommonPrefixes><Prefix>${text(name)}</Prefix></CommonPrefixes>`
      const object = objects.get(name)?.at(-1)
      const { etag = '', body, lastModified = new Date(0) } = object ?? {}
      return `<Contents><Key>${text(name)}</Key><LastModified>${lastModified.toISOString()}</LastModified><ETag>${xml(etag)}</ETag><Size>${body?.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`
    })
    const answer = `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${xml(bucket)}</Name><Prefix>${text(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${most}</MaxKeys>${isEncoded ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${isTruncated}</IsTruncated>${isTruncated && !isTokenLost ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`
    this.#lastPage = answer
    const bytes = Buffer.from(answer)
    response.writeHead(200, { 'content-type': 'application/xml', 'content-length': String(bytes.length) })
    return this.#send(response, bytes, fault)
  }

  #get(
    response: ServerResponse,
    method: string,
    versions: readonly StoredObject[],
    seen: Seen,
    fault: Fault | undefined,
  ): unknown {
    const object =
      seen.version === undefined ? versions.at(-1) : versions.find(({ version }) => version === seen.version)
    if (object === undefined) {
      const code = seen.version === undefined ? 'NoSuchKey' : 'NoSuchVersion'
      return sendError(response, 404, code, 'The specified key does not exist.', method === 'HEAD')
    }
    // A weak tag never matches.
    const matches = seen.ifMatch === '*' || (seen.ifMatch === object.etag && !object.etag.startsWith('W/'))
    const written = Math.floor(object.lastModified.getTime() / 1000) * 1000
    const isLater = seen.unmodifiedSince !== undefined && written > Date.parse(seen.unmodifiedSince)
    if (seen.ifMatch === undefined ? isLater : !matches) {
      return sendError(
        response,
        412,
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold',
        method === 'HEAD',
      )
    }
    const { body } = object
    let status = 200
    let [start, end] = [0, body.length]
    if (seen.range !== undefined && fault?.kind !== 'range ignored') {
      const range = rangeOf(seen.range, body.length)
      if (range === undefined) {
        response.setHeader('content-range', `bytes */${body.length}`)
        return sendError(response, 416, 'InvalidRange', 'The requested range is not satisfiable', method === 'HEAD')
      }
      status = 206
      ;[start, end] = range
    }
    if (fault?.kind === 'part') {
      status = 206
      ;[start, end] = [0, body.length >> 1]
    }
    const shift = fault?.kind === 'wrong content range' ? 1 : 0
    const wrong = fault?.kind === 'other bytes' ? 1 : 0
    const extra = fault?.kind === 'long' ? Buffer.alloc(fault.by, '1') : Buffer.alloc(0)
    const bytes = Buffer.concat([body.subarray(Math.max(0, start - wrong), end - wrong), extra])
    response.writeHead(status, {
      ...object.headers,
      'content-length': String(bytes.length),
      etag: object.etag,
      'last-modified': object.lastModified.toUTCString(),
      'x-amz-version-id': object.version,
      'accept-ranges': 'bytes',
      ...(status === 206 && {
        'content-range': `bytes ${start + shift}-${end - 1 + shift}/${fault?.kind === 'size unsaid' ? '*' : body.length}`,
      }),
    })
    if (method === 'HEAD') return response.end()
    return this.#send(response, bytes, fault)
  }

  #send(response: ServerResponse, bytes: Buffer, fault: Fault | undefined): void {
    switch (fault?.kind) {
      case 'reset':
      case 'short': {
        const after = fault.after === 'nothing' ? 0 : Math.min(fault.after, bytes.length - 1)
        response.flushHeaders()
        // What has been written is to arrive before the connection ends.
        const finish = () => (fault.kind === 'reset' ? response.socket?.resetAndDestroy() : response.socket?.end())
        response.write(bytes.subarray(0, Math.max(0, after)), () => this.#later(20, finish))
        return
      }
      case 'stall':
        response.flushHeaders()
        response.write(bytes.subarray(0, fault.after))
        return
      case 'trickle': {
        const drip = (at: number) => {
          if (response.destroyed) return
          if (at >= bytes.length) return void response.end()
          response.write(bytes.subarray(at, at + 1))
          this.#later(fault.everyMs, () => drip(at + 1))
        }
        response.flushHeaders()
        drip(0)
        return
      }
      default:
        response.end(bytes)
    }
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, ms)
    this.#timers.add(timer)
  }
}

/** `bytes=a-b`, `bytes=a-` and `bytes=-n`: the first byte, and that behind the last. Undefined where there is none of it. */
function rangeOf(range: string, size: number): [number, number] | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  if (first === '') return last === '' || Number(last) === 0 ? undefined : [Math.max(0, size - Number(last)), size]
  const start = Number(first)
  const end = last === '' ? size : Math.min(size, Number(last) + 1)
  return start < end ? [start, end] : undefined
}

function sendError(response: ServerResponse, status: number, code: string, message: string, isHead = false): void {
  const body = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`
  if (isHead) response.writeHead(status).end()
  else sendXml(response, status, body)
}

function sendXml(response: ServerResponse, status: number, body: string): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n${body}`
  response
    .writeHead(status, { 'content-type': 'application/xml', 'content-length': String(Buffer.byteLength(text)) })
    .end(text)
}

function xml(text: string): string {
  return text.replace(/[&<>"\r\n\t]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
