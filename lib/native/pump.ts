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
  try {
    while (!signal?.aborted) {
      const step = await new Promise<IteratorResult<Uint8Array | string> | undefined>((resolve, reject) => {
        stop = () => resolve(undefined)
        Promise.resolve(iterator.next()).then(resolve, reject)
      })
      if (step === undefined || step.done) return
      const more = take(bytes(step.value))
      if (more !== true) await more
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // An iterator that still waits for its source cannot be asked to return; destroying the source frees it.
    if (source instanceof Readable) source.destroy()
    else void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

function iterate(source: ByteSource): AsyncIterator<Uint8Array | string> | Iterator<Uint8Array | string> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]()
  return source[Symbol.iterator]()
}

function bytes(chunk: unknown): Buffer {
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  if (typeof chunk === 'string') return Buffer.from(chunk, 'utf8')
  throw new TypeError(
    `the input stream delivered ${typeof chunk === 'object' ? 'an object' : `a ${typeof chunk}`}, not bytes`,
  )
}
