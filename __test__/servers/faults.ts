/** What a store does wrong, in place of or while answering a request. */
export type Fault =
  /** An answer with this status and S3's code; with `retryAfter`, seconds to wait, or the time as HTTP writes it. */
  | { readonly kind: 'status'; readonly status: number; readonly code: string; readonly retryAfter?: number | string }
  /** 200 with an error for a body. */
  | { readonly kind: 'error as 200'; readonly code: string }
  /** The connection is reset: before the headers, or behind so many bytes of the body. */
  | { readonly kind: 'reset'; readonly after: 'nothing' | number }
  /** The connection is closed in an orderly way behind so many bytes of the body, of which more were announced. */
  | { readonly kind: 'short'; readonly after: number }
  /** A body with so many bytes more than were asked for, announced as such. */
  | { readonly kind: 'long'; readonly by: number }
  /** 200 and the whole object, whatever the range. */
  | { readonly kind: 'range ignored' }
  /** 206 with the first half, whatever is asked for. */
  | { readonly kind: 'part' }
  /** The Content-Range does not say how many bytes there are. */
  | { readonly kind: 'size unsaid' }
  /** 206, and the Content-Range of other bytes. */
  | { readonly kind: 'wrong content range' }
  /** Other bytes than those of the range, which the Content-Range says they are. */
  | { readonly kind: 'other bytes' }
  /** The object is written anew before the answer. */
  | { readonly kind: 'changed' }
  /** The object is removed before the answer. */
  | { readonly kind: 'gone' }
  /** The page of a list that was given last is given again, with its token. */
  | { readonly kind: 'page repeated' }
  /** A page without objects that says that there are more. */
  | { readonly kind: 'page empty' }
  /** A page that says that there are more, without the token for them. */
  | { readonly kind: 'page without token' }
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: 301 | 302 | 307 | 308 }
  /** Nothing more comes behind so many bytes of the body, for ever. */
  | { readonly kind: 'stall'; readonly after: number }
  /** One byte a time, with so many milliseconds between two. */
  | { readonly kind: 'trickle'; readonly everyMs: number }

/** To which requests a fault happens, and how often. */
export interface FaultRule {
  readonly fault: Fault
  /** Default: GET of an object. */
  readonly of?: 'GET' | 'HEAD' | 'LIST'
  /** Default: always. */
  readonly times?: number
  /** Requests of this kind that go well before. */
  readonly after?: number
  /** Only of this object. */
  readonly key?: string
}

/** What a load over faults must come to. */
export interface FaultCase {
  readonly name: string
  readonly rules: readonly FaultRule[]
  /** What the store's ETags are; strong ones by default. Weak ones are the same for every version. */
  readonly tags?: 'weak'
  /** How long ago objects were written; by default years, so that their time tells versions apart. */
  readonly age?: 'seconds'
  /** Whether it lasts as long as a silent or slow store is waited for. */
  readonly waits?: true
  /** Whether it is tried with PostgreSQL, too: that what has come of it is taken back there. */
  readonly everywhere?: true
  /** All rows, or the SQLSTATE of the error, and then none. */
  readonly outcome: 'rows' | { readonly sqlState: RegExp; readonly message?: RegExp }
}

const unavailable = { kind: 'status', status: 503, code: 'SlowDown' } as const
const IO = { sqlState: /^(?:58030|08\w{3})$/ } as const
/** A store's redirect leads to where its signature is not valid. */
const NOT_FOLLOWED = { sqlState: /^58030$/, message: /^could not read "s3:/ } as const
const DENIED = { sqlState: /^(?:28000|42501)$/ } as const
const MISSING = { sqlState: /^58P01$/ } as const

/** Every fault, and what must come of it. Where the same happens always, an error must come soon, and nothing be loaded. */
export const FAULT_CASES: readonly FaultCase[] = [
  { name: 'nothing wrong', rules: [], outcome: 'rows' },
  { name: 'a burst of 503', everywhere: true, rules: [{ fault: unavailable, times: 3 }], outcome: 'rows' },
  { name: '503 for a list', rules: [{ fault: unavailable, of: 'LIST', times: 3 }], outcome: 'rows' },
  { name: '503 for ever', rules: [{ fault: unavailable }], outcome: IO },
  {
    name: '500 in the middle',
    rules: [{ fault: { kind: 'status', status: 500, code: 'InternalError' }, times: 2, after: 1 }],
    outcome: 'rows',
  },
  {
    name: '429 with Retry-After',
    rules: [{ fault: { kind: 'status', status: 429, code: 'TooManyRequests', retryAfter: 1 }, times: 2 }],
    outcome: 'rows',
  },
  {
    name: '429 that says to wait for an hour',
    rules: [{ fault: { kind: 'status', status: 429, code: 'TooManyRequests', retryAfter: 3600 } }],
    outcome: IO,
  },
  {
    name: 'an error in a 200, once',
    rules: [{ fault: { kind: 'error as 200', code: 'InternalError' }, of: 'LIST', times: 1 }],
    outcome: 'rows',
  },
  {
    name: 'an error in a 200 in place of an object',
    rules: [{ fault: { kind: 'error as 200', code: 'InternalError' } }],
    outcome: IO,
  },
  {
    name: 'a reset before the headers',
    rules: [{ fault: { kind: 'reset', after: 'nothing' }, times: 3 }],
    outcome: 'rows',
  },
  { name: 'a reset in the middle', rules: [{ fault: { kind: 'reset', after: 100_000 }, times: 3 }], outcome: 'rows' },
  { name: 'a reset at the first byte', rules: [{ fault: { kind: 'reset', after: 1 }, times: 2 }], outcome: 'rows' },
  { name: 'resets for ever', rules: [{ fault: { kind: 'reset', after: 0 } }], outcome: IO },
  {
    name: 'a short body',
    everywhere: true,
    rules: [{ fault: { kind: 'short', after: 100_000 }, times: 2 }],
    outcome: 'rows',
  },
  { name: 'a body that is always short', rules: [{ fault: { kind: 'short', after: 0 } }], outcome: IO },
  { name: 'a body that is too long', rules: [{ fault: { kind: 'long', by: 10 } }], outcome: IO },
  { name: 'a range that is ignored', rules: [{ fault: { kind: 'range ignored' } }], outcome: 'rows' },
  {
    name: 'a range that is ignored once',
    rules: [{ fault: { kind: 'range ignored' }, times: 1, after: 1 }],
    outcome: 'rows',
  },
  { name: 'a wrong Content-Range', rules: [{ fault: { kind: 'wrong content range' }, after: 1 }], outcome: IO },
  {
    name: 'an object that changes between ranges',
    everywhere: true,
    rules: [{ fault: { kind: 'changed' }, times: 1, after: 1 }],
    outcome: IO,
  },
  {
    name: 'an object that changes before a retry',
    rules: [
      { fault: { kind: 'reset', after: 100_000 }, times: 1 },
      { fault: { kind: 'changed' }, times: 1, after: 1 },
    ],
    outcome: IO,
  },
  {
    name: 'a reset in the middle, of a weak tag',
    rules: [{ fault: { kind: 'reset', after: 100_000 }, times: 3 }],
    tags: 'weak',
    outcome: 'rows',
  },
  {
    name: 'an object with a weak tag that changes before a retry',
    rules: [
      { fault: { kind: 'reset', after: 100_000 }, times: 1, key: 'in/0/rows.csv' },
      { fault: { kind: 'changed' }, times: 1, after: 1, key: 'in/0/rows.csv' },
    ],
    tags: 'weak',
    outcome: { sqlState: /^58030$/, message: /changed while it was read/ },
  },
  {
    name: 'a reset in the middle, where nothing tells versions apart',
    rules: [{ fault: { kind: 'reset', after: 100_000 }, times: 1 }],
    tags: 'weak',
    age: 'seconds',
    outcome: IO,
  },
  { name: 'an object that is gone after the list', rules: [{ fault: { kind: 'gone' }, times: 1 }], outcome: MISSING },
  {
    name: 'the last object that is gone after the list',
    everywhere: true,
    rules: [{ fault: { kind: 'gone' }, times: 1, key: 'in/2/rows.csv' }],
    outcome: MISSING,
  },
  {
    name: 'a page that comes twice',
    rules: [{ fault: { kind: 'page repeated' }, of: 'LIST', times: 1, after: 1 }],
    outcome: 'rows',
  },
  { name: 'an empty page', rules: [{ fault: { kind: 'page empty' }, of: 'LIST', times: 1 }], outcome: 'rows' },
  {
    name: 'a page that comes again and again',
    rules: [{ fault: { kind: 'page repeated' }, of: 'LIST', after: 1 }],
    outcome: IO,
  },
  {
    name: 'no HEAD',
    rules: [{ fault: { kind: 'status', status: 405, code: 'MethodNotAllowed' }, of: 'HEAD' }],
    outcome: 'rows',
  },
  { name: 'access denied', rules: [{ fault: { kind: 'status', status: 403, code: 'AccessDenied' } }], outcome: DENIED },
  {
    name: 'a redirect to a place that is not allowed',
    rules: [{ fault: { kind: 'redirect', to: 'http://169.254.169.254/latest' } }],
    outcome: NOT_FOLLOWED,
  },
  {
    name: 'a redirect of a list to a place that is not allowed',
    rules: [{ fault: { kind: 'redirect', to: 'http://169.254.169.254/latest' }, of: 'LIST' }],
    outcome: NOT_FOLLOWED,
  },
  {
    name: 'a stall',
    waits: true,
    everywhere: true,
    rules: [{ fault: { kind: 'stall', after: 100_000 }, times: 1 }],
    outcome: 'rows',
  },
  { name: 'a stall for ever', waits: true, rules: [{ fault: { kind: 'stall', after: 0 } }], outcome: IO },
  {
    name: 'one byte a second of a list',
    waits: true,
    rules: [{ fault: { kind: 'trickle', everyMs: 1000 }, of: 'LIST' }],
    outcome: { ...IO, message: /the answer has not ended within 30 seconds$/ },
  },
  {
    name: 'a list that breaks off, once',
    rules: [{ fault: { kind: 'short', after: 100 }, of: 'LIST', times: 1 }],
    outcome: 'rows',
  },
  {
    name: 'a second page that breaks off, again and again',
    rules: [{ fault: { kind: 'short', after: 100 }, of: 'LIST', after: 1 }],
    outcome: IO,
  },
  {
    name: 'a reset before a list and in the middle of one',
    rules: [
      { fault: { kind: 'reset', after: 'nothing' }, of: 'LIST', times: 1 },
      { fault: { kind: 'reset', after: 100 }, of: 'LIST', times: 1, after: 1 },
    ],
    outcome: 'rows',
  },
  { name: 'resets of a list for ever', rules: [{ fault: { kind: 'reset', after: 0 }, of: 'LIST' }], outcome: IO },
  {
    name: 'a list that stalls, once',
    waits: true,
    rules: [{ fault: { kind: 'stall', after: 100 }, of: 'LIST', times: 1, after: 1 }],
    outcome: 'rows',
  },
  {
    name: 'a list that stalls for ever',
    waits: true,
    rules: [{ fault: { kind: 'stall', after: 0 }, of: 'LIST' }],
    outcome: IO,
  },
  {
    name: 'a token that has expired on the second page of a list, once',
    rules: [{ fault: { kind: 'status', status: 400, code: 'ExpiredToken' }, of: 'LIST', times: 1, after: 1 }],
    outcome: 'rows',
  },
  {
    name: 'a token that has expired whatever is shown, while listing',
    rules: [{ fault: { kind: 'status', status: 400, code: 'ExpiredToken' }, of: 'LIST', after: 1 }],
    outcome: DENIED,
  },
  {
    name: 'access to a list denied',
    rules: [{ fault: { kind: 'status', status: 403, code: 'AccessDenied' }, of: 'LIST' }],
    outcome: DENIED,
  },
  {
    name: 'a list that goes on and does not say where',
    rules: [{ fault: { kind: 'page without token' }, of: 'LIST' }],
    outcome: { ...IO, message: /its list goes on, and does not say where$/ },
  },
  {
    name: 'a part that nobody has asked for',
    rules: [{ fault: { kind: 'part' } }],
    outcome: { ...IO, message: /the answer is a part of it, which nobody has asked for$/ },
  },
  {
    name: 'parts without the size of all of it',
    rules: [{ fault: { kind: 'size unsaid' } }],
    outcome: 'rows',
  },
  { name: 'one byte a second', waits: true, rules: [{ fault: { kind: 'trickle', everyMs: 1000 } }], outcome: IO },
]
