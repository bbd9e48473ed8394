import { isErrored, isReadable, Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { types } from 'node:util'
import { CopyError } from '../errors.ts'
import { isPromise } from '../row-value.ts'

/** A piece of an input. */
type ByteChunk = Uint8Array | string

/** A stream of bytes: a Node Readable, a web ReadableStream, or any (async) iterable of byte chunks, or of promises of them. */
export type ByteSource =
  | AsyncIterable<ByteChunk | PromiseLike<ByteChunk>>
  | Iterable<ByteChunk | PromiseLike<ByteChunk>>

/**
 * Hands every chunk of `source` to `take`, with whether it was a string, which answers true, or a promise to wait for. Settles when the source has ended
 * or `signal` aborts; a source that was not read to its end is told so (`destroy()` or `return()`). Rejects when the source
 * or `take` fails.
 */
export async function pump(
  source: ByteSource,
  signal: AbortSignal | undefined,
  take: (chunk: Buffer, isText: boolean) => true | Promise<void>,
): Promise<void> {
  const iterator = iterate(source)
  // One listener for the whole stream: racing each step against one long-lived promise would pile up reactions on it.
  let stop: (() => void) | undefined
  const onAbort = () => stop?.()
  signal?.addEventListener('abort', onAbort, { once: true })
  const settled = (begin: () => unknown) =>
    new Promise<unknown>((resolve, reject) => {
      stop = () => resolve(STOPPED)
      Promise.resolve(begin()).then(resolve, reject)
      // It may have fired since the step before, when there was nothing to stop.
      if (signal?.aborted) stop()
    })
  const bytes = bytesOf()
  let hasEnded = false
  let lastTurn = performance.now()
  try {
    while (!signal?.aborted) {
      // A source that always has something ready would otherwise keep the loop in microtasks, and nobody could abort.
      if (performance.now() - lastTurn > TURN_MS) {
        await nextTurn()
        lastTurn = performance.now()
        if (signal?.aborted) return
      }
      const step = await settled(() => iterator.next())
      if (step === STOPPED) return
      if (!isStep(step)) throw new TypeError('the input stream is not an iterator: its next() gave no result')
      // As `for await` does.
      const chunk = isPromise(step.value) ? await settled(() => step.value) : step.value
      if (chunk === STOPPED) return
      if (step.done) {
        hasEnded = true
        bytes.end()
        return
      }
      const more = take(bytes.next(chunk), typeof chunk === 'string')
      if (more !== true) await more
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    closeSource(source, iterator, hasEnded)
  }
}

const ONCE = 'A stream can be read once: open it anew for each statement.'
const unheard = () => {}

/** Whether it is one of Node's streams; those of npm's readable-stream are alike, and no instances of Node's class. */
export function isNodeStream(source: unknown): source is Readable {
  return typeof source === 'object' && source !== null && 'readableFlowing' in source
}

/** A stream may fail long before it is read. Whoever reads it then is told; until then nobody else may be. */
export function leaveErrors(source: unknown): void {
  if (isNodeStream(source)) source.on('error', unheard)
  else leaveRejections(source)
}

/** The same of the promises in a collection. Those that a generator makes are known when it hands them over. */
export function leaveRejections(source: unknown): void {
  if (!(Array.isArray(source) || source instanceof Set || source instanceof Map)) return
  source.forEach((item: unknown) => {
    // Only the language's own are reported. Others, and classes with a `then` of theirs, may begin their work when they are asked.
    if (types.isPromise(item)) void Promise.prototype.then.call(item, undefined, unheard)
  })
}

/** What npm's readable-stream says of itself in place of Node's properties before its version 4. */
interface OldState {
  readonly ended: boolean
  readonly endEmitted: boolean
  readonly length: number
  readonly encoding: string | null
}

/** The state of a stream that has no such properties of its own. */
function oldState(source: Readable): OldState | undefined {
  if (source.readableEnded !== undefined) return undefined
  return (source as unknown as { readonly _readableState?: OldState })._readableState
}

/** Streams that nobody else has read, since they were kept from flowing. */
const held = new WeakSet<Readable>()

/** Whether chunks of a stream have gone to a listener or a pipe, and more will. One whose pipe waits for its destination does not flow. */
function isGone(source: Readable): boolean {
  // An old one does not say whether it was read.
  const wasRead = source.readableDidRead ?? !held.has(source)
  return wasRead && (source.readableFlowing === true || source.listenerCount('data') > 0)
}

/**
 * Keeps a stream from flowing until it is read: its first chunks would go to a listener or a pipe alone. These go on getting what is read. To be
 * called before anything is waited for. Answers with how to let it flow again, if it is not read after all.
 */
export function hold(source: unknown): () => void {
  leaveRejections(source)
  if (!isNodeStream(source) || isGone(source)) return () => {}
  const isFlowing = source.readableFlowing === true
  // As long as somebody waits for this event nobody else makes it flow; a pause would end with the next pipe.
  source.on('readable', unheard)
  held.add(source)
  leaveErrors(source)
  return () => {
    held.delete(source)
    source.off('readable', unheard)
    source.off('error', unheard)
    // Behind the tick in which Node sees that nobody waits for the event any more; held again before that, it does not flow.
    if (isFlowing) process.nextTick(() => source.resume())
  }
}

/**
 * Refuses a stream that would look empty, or begin in its midst, since somebody else reads it. One that was read in part and stopped is what is left of it.
 *
 * @throws {CopyError} 22023
 */
export function checkUnread(source: object, option: 'stdin' | 'rows'): void {
  const ofStream = `the stream of the option "${option}"`
  const isOver = isNodeStream(source) ? hasEnded(source) : source instanceof ReadableStream && isDrained(source)
  if (isOver) throw unreadable(`${ofStream} has been read to its end already`, ONCE)
  if (!isNodeStream(source) || !isGone(source)) return
  if (oldState(source)) {
    throw unreadable(
      `${ofStream} flows into something else already, and does not say what that got`,
      'Streams of readable-stream tell it from version 4 on. Hand it over first: a listener or a pipe that it gets then is given all of it, too.',
    )
  }
  throw unreadable(
    `${ofStream} flows into something else already, and what that got is missing`,
    'Hand it over before any of it has been read: a listener or a pipe that it has then gets all of it, too.',
  )
}

function hasEnded(source: Readable): boolean {
  return oldState(source)?.endEmitted ?? source.readableEnded
}

/** Whether a web stream has been read, and to its end. */
function isDrained(source: ReadableStream): boolean {
  // Node's types have these for its own streams alone.
  const stream = source as unknown as NodeJS.ReadableStream
  return Readable.isDisturbed(stream) && !isReadable(stream) && !isErrored(stream)
}

/** Encodings of Node's streams whose strings are not the text of the input, but name its bytes. */
const SPELLED: readonly unknown[] = ['base64', 'base64url', 'hex']

/**
 * Refuses a stream that would deliver its bytes by their names.
 *
 * @throws {CopyError} 22023
 */
export function checkUnspelled(source: object): void {
  const encoding = isNodeStream(source) ? (oldState(source)?.encoding ?? source.readableEncoding) : undefined
  // What a constructor was given is kept as it was written.
  if (!SPELLED.includes(encoding?.toLowerCase())) return
  throw unreadable(
    `the stream of the option "stdin" is in ${encoding}, which is not the text of its bytes`,
    'Hand it over without an encoding: its bytes are wanted.',
  )
}

/**
 * Refuses strings where the statement says how bytes become text: they are text already.
 *
 * @throws {CopyError} 22023 unless the encoding is UTF8, in which strings are handed on
 */
export function checkText(encoding: string): void {
  if (encoding === 'UTF8') return
  throw unreadable(
    `the option "stdin" gives strings, which are text already, and the statement says ENCODING ${encoding}`,
    'Leave ENCODING out, or hand over the bytes: a stream without an encoding of its own, or chunks that are Buffers.',
  )
}

/** What a source of a program has thrown, in the words for a file; in which row, from 1, where it is of one. */
export function unreadableInput(name: string, cause: unknown, row?: number): CopyError {
  return new CopyError({
    code: 'io_error',
    sqlState: '58030',
    message: `could not read file "${name}": ${cause instanceof Error ? cause.message : String(cause)}`,
    position: { file: name, ...(row !== undefined && { line: row }) },
    cause,
  })
}

function unreadable(message: string, hint: string): CopyError {
  return new CopyError({ code: 'invalid_parameter_value', sqlState: '22023', message, hint })
}

/** Streams and iterators that somebody has begun to read, and that have nothing more for anybody else. */
const claimed = new WeakSet<object>()

/**
 * Notes that a source is read, which can be once only, unless it begins anew for each who asks it, as an array does.
 *
 * @throws {CopyError} 22023 where it has been read before, and would look empty
 */
export function claim(source: object, option: 'stdin' | 'rows'): void {
  const isOnce = isNodeStream(source) || source instanceof ReadableStream || 'next' in source
  if (!isOnce) return
  if (claimed.has(source)) {
    throw unreadable(`what the option "${option}" gives has been read by another statement already`, ONCE)
  }
  claimed.add(source)
}

/** Lets go of a source that is read by `iterator`. */
export function closeSource(
  source: Iterable<unknown> | AsyncIterable<unknown>,
  iterator: Iterator<unknown> | AsyncIterator<unknown>,
  hasEnded: boolean,
): void {
  // An iterator that still waits for its source cannot be asked to return; destroying the source frees it.
  if (isNodeStream(source)) source.destroy()
  // Nor a web stream's, whose reader can be told all the same.
  else if (iterator instanceof WebReader) void iterator.cancel()
  else if (!hasEnded) void (async () => iterator.return?.())().catch(() => {})
}

const READ_GRACE_MS = 50
/** After this long without a turn of the event loop, timers and signals come first. */
const TURN_MS = 2

/** What a step is when the signal has fired. */
const STOPPED = Symbol('stopped')

function isStep(step: unknown): step is IteratorResult<unknown> {
  return typeof step === 'object' && step !== null
}

/** A web stream by its reader: its own iterator waits for the read under way before it lets go of the stream. */
class WebReader<Item> implements AsyncIterator<Item> {
  readonly #reader: ReadableStreamDefaultReader<Item>
  #reading: Promise<unknown> | undefined

  constructor(stream: ReadableStream<Item>) {
    this.#reader = stream.getReader()
  }

  async next(): Promise<IteratorResult<Item>> {
    const reading = this.#reader.read()
    this.#reading = reading
    const { done, value } = await reading
    return done ? { done, value: undefined } : { done, value }
  }

  /**
   * Of a stream that has ended or failed, nothing. A read under way gets a moment to settle first: a Node stream made into a web
   * stream throws where nobody can catch it when it is cancelled between its last chunk and its end.
   */
  async cancel(): Promise<void> {
    const moment = new Promise<void>((resolve) => {
      setTimeout(resolve, READ_GRACE_MS).unref()
    })
    await Promise.race([moment, this.#reading]).catch(() => {})
    await this.#reader.cancel().catch(() => {})
    this.#reader.releaseLock()
  }
}

/** Whether it is an object that can be iterated; a string could be, too, but for its letters. */
export function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
}

/** What reads a source; a web stream can be let go of by it while a read is under way. */
export function iterate<Item>(source: AsyncIterable<Item> | Iterable<Item>): AsyncIterator<Item> | Iterator<Item> {
  if (source instanceof ReadableStream) return new WebReader<Item>(source)
  if (isNodeStream(source) && oldState(source)) return whole<Item>(source)
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
  return source[Symbol.iterator]()
}

/** An old stream, whose own iterator takes one that was closed early for one that has ended. */
async function* whole<Item>(source: Readable): AsyncGenerator<Item, undefined> {
  const wasClosed = source.destroyed
  for await (const item of source) yield item
  const state = oldState(source)
  if (!wasClosed && state?.ended && state.length === 0) return
  throw new Error('the stream was closed before its end')
}

/** Makes bytes of chunks, of which strings may part a character of two units of UTF-16. */
function bytesOf(): { next(chunk: unknown): Buffer; end(): void } {
  let first = ''
  const end = () => {
    if (first !== '') throw new TypeError('the input stream delivered half a surrogate pair, which is no character')
  }
  return {
    end,
    next(chunk) {
      if (typeof chunk === 'string') {
        const text = first + chunk
        first = /[\ud800-\udbff]$/.exec(text)?.[0] ?? ''
        const whole = first === '' ? text : text.slice(0, -1)
        if (/\p{Surrogate}/u.test(whole)) {
          throw new TypeError('the input stream delivered half a surrogate pair, which is no character')
        }
        return Buffer.from(whole, 'utf8')
      }
      end()
      if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const kind = chunk === undefined ? 'nothing' : typeof chunk === 'object' ? 'an object' : `a ${typeof chunk}`
      const hint = typeof chunk === 'object' && chunk !== null ? ' (rows are the option "rows")' : ''
      throw new TypeError(`the input stream delivered ${kind}, not bytes${hint}`)
    },
  }
}
