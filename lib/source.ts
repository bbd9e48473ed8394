import { constants, createReadStream, existsSync, open } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { CopyCallOptions } from './copy-call.ts'
import { CopyError } from './errors.ts'
import { filesOf } from './files.ts'
import { checkFile } from './native/first-bytes.ts'
import { type Input, withoutQuery } from './native/open.ts'
import type { ByteSource } from './native/pump.ts'
import { localPath } from './path.ts'
import type { CopyFrom } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'

/** Where the bytes come from. Pipes and devices are streamed, since a blocking read of them could not be cancelled. */
export async function openSource(statement: CopyFrom, call: CopyCallOptions): Promise<Input> {
  const { source } = statement
  if (source.kind === 'stdin') {
    if (call.stdin === undefined) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'COPY FROM STDIN needs the option "stdin"',
        hint: 'Pass a stream: db.copy(statement, { stdin: createReadStream(path) }).',
        statement: { text: statement.text, offset: source.offset },
      })
    }
    if (call.stdin instanceof Readable && call.stdin.readableEnded) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'the stream of the option "stdin" has been read to its end already',
      })
    }
    // The bytes themselves are a stream of one chunk; iterated, they would be a stream of numbers or letters.
    const whole = typeof call.stdin === 'string' || call.stdin instanceof Uint8Array
    return streamed(whole ? [call.stdin as string | Uint8Array] : (call.stdin as ByteSource), 'STDIN')
  }
  if (call.stdin !== undefined) {
    throw new CopyError({
      code: 'invalid_parameter_value',
      sqlState: '22023',
      message: 'the option "stdin" is only for COPY FROM STDIN',
      statement: { text: statement.text, offset: source.offset },
    })
  }
  const name = source.path
  if (name.includes('\0')) {
    throw new CopyError({
      code: 'undefined_file',
      sqlState: '58P01',
      message: 'a file name cannot contain a NUL character',
    })
  }
  if (/^https?:\/\//i.test(name) && !existsSync(name)) return fromServer(statement, name)
  const path = localPath(statement.text, source)
  const found = await stat(path).catch(() => undefined)
  const files = await filesOf(statement, path, found)
  if (files !== undefined) {
    if (files.kind === 'file') await checkFile(files.path, files.name, statement.options.format)
    return files
  }
  if (found?.isFIFO()) return streamed(await openFifo(path), name)
  if (found !== undefined && (found.isCharacterDevice() || found.isSocket())) {
    return streamed(createReadStream(path), name)
  }
  if (found?.isFile()) await checkFile(path, name, statement.options.format)
  // A file that is missing or unreadable is reported when it is opened, with the reason.
  return { kind: 'file', path, name, ...(found === undefined ? {} : { size: found.size }) }
}

/** Files of an HTTP server. */
function fromServer({ text, options, source }: CopyFrom, address: string): Input {
  const { files, pattern } = options.remote ?? {}
  if (pattern !== undefined) {
    throw statementError(
      text,
      source.offset,
      'feature_not_supported',
      'COPY PATTERN needs a source that can be listed',
      {
        hint: 'An HTTP server does not say what files there are. Name them by FILES.',
      },
    )
  }
  const name = withoutQuery(address)
  const addresses = files?.map((file) => `${address.replace(/\/?$/, '/')}${file}`) ?? [address]
  return { kind: 'remote', addresses, store: {}, name }
}

/**
 * A named pipe, read when it has something. A file stream's blocking read would hold a thread of libuv's pool for as long as the
 * pipe is silent, and so would opening it as long as nobody writes to it.
 */
async function openFifo(path: string): Promise<Readable> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK
  const fd = await new Promise<number>((resolve, reject) => {
    open(path, flags, (error, opened) => (error ? reject(error) : resolve(opened)))
  }).catch((error: NodeJS.ErrnoException) => {
    const isDenied = error.code === 'EACCES' || error.code === 'EPERM'
    throw new CopyError({
      code: isDenied ? 'insufficient_privilege' : 'undefined_file',
      sqlState: isDenied ? '42501' : '58P01',
      message: `could not open file "${path}" for reading: ${error.message}`,
      cause: error,
    })
  })
  return new Socket({ fd, readable: true, writable: false })
}

/** A stream may fail long before it is read. Whoever reads it then is told; until then nobody else may be. */
export function streamed(stream: ByteSource, name: string): Input {
  if (stream instanceof Readable) stream.on('error', () => {})
  return { kind: 'stream', stream, name }
}

/** Lets go of a stream that will not be read. It was handed over: nobody else closes what it has open, or hears of its errors. */
export function abandonInput({ stdin }: CopyCallOptions): void {
  if (typeof stdin !== 'object' || stdin === null || stdin instanceof Uint8Array) return
  streamed(stdin, 'STDIN')
  discard(stdin)
}

/** Lets go of a stream. */
export function discard(stream: ByteSource): void {
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy()
  // A web stream that was never read; one that was is locked, and has been told by its reader.
  else if (stream instanceof ReadableStream && !stream.locked) stream.cancel().catch(() => {})
}
