import { Readable } from 'node:stream'

/** A stream of bytes: a Node Readable, a web ReadableStream, or any (async) iterable of byte chunks. */
export type ByteSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>

/**
 * Hands every chunk of `source` to `take`, which answers true, or a promise to wait for. Settles when the source has ended
 * or `signal` aborts; a source that was not read to its end is told so (`destroy()` or `return()`). Rejects when the source
 * or `take` fails.
 */
export async function pump(
  source: ByteSource,
  signal: AbortSignal | undefined,
  take: (chunk: Buffer) => true | Promise<void>,
): Promise<void> {
  const iterator = iterate(source)
  // One listener for the whole stream: racing each step against one long-lived promise would pile up reactions on it.
  let stop: (() => void) | undefined
  const onAbort = () => stop?.()
  signal?.addEventListener('abort', onAbort, { once: true })
  let hasEnded = false
  try {
    while (!signal?.aborted) {
      const step: unknown = await new Promise((resolve, reject) => {
        stop = () => resolve(STOPPED)
        Promise.resolve(iterator.next()).then(resolve, reject)
      })
      if (step === STOPPED) return
      if (!isStep(step)) throw new TypeError('the input stream is not an iterator: its next() gave no result')
      if (step.done) {
        hasEnded = true
        return
      }
      const more = take(bytes(step.value))
      if (more !== true) await more
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // An iterator that still waits for its source cannot be asked to return; destroying the source frees it.
    if (source instanceof Readable) source.destroy()
    // Nor a web stream's, whose reader can be told all the same.
    else if (iterator instanceof WebReader) void iterator.cancel()
    else if (!hasEnded) void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

const READ_GRACE_MS = 50

/** What a step is when the signal has fired. */
const STOPPED = Symbol('stopped')

function isStep(step: unknown): step is IteratorResult<unknown> {
  return typeof step === 'object' && step !== null
}

/** A web stream by its reader: its own iterator waits for the read under way before it lets go of the stream. */
class WebReader implements AsyncIterator<Uint8Array | string> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array | string>
  #reading: Promise<unknown> | undefined

  constructor(stream: ReadableStream<Uint8Array | string>) {
    this.#reader = stream.getReader()
  }

  async next(): Promise<IteratorResult<Uint8Array | string>> {
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

function iterate(source: ByteSource): AsyncIterator<Uint8Array | string> | Iterator<Uint8Array | string> {
  if (source instanceof ReadableStream) return new WebReader(source)
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
  return source[Symbol.iterator]()
}

function bytes(chunk: unknown): Buffer {
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (typeof chunk === 'string') return Buffer.from(chunk, 'utf8')
  const kind = chunk === undefined ? 'nothing' : typeof chunk === 'object' ? 'an object' : `a ${typeof chunk}`
  throw new TypeError(`the input stream delivered ${kind}, not bytes`)
}
