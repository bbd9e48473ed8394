import { constants, createReadStream, existsSync, open } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { CopyCallOptions } from './copy-call.ts'
import { CopyError } from './errors.ts'
import { filesOf, filesUnderRules } from './files.ts'
import { checkFile } from './native/first-bytes.ts'
import type { Input } from './native/open.ts'
import {
  type ByteSource,
  checkUnread,
  checkUnspelled,
  hold,
  isIterable,
  isNodeStream,
  leaveErrors,
} from './native/pump.ts'
import { isRemoteAddress, localPath, schemeOf } from './path.ts'
import type { InputFile } from './reject-file.ts'
import { openRemote, type RemoteContext } from './remote-source.ts'
import { RowReader } from './row-source.ts'
import type { CopyFrom } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'

/** Rows that become bytes when the columns are known. */
export interface RowInput {
  readonly kind: 'rows'
  readonly rows: RowReader
  readonly name: string
}

/** Where the bytes come from. Pipes and devices are streamed, since a blocking read of them could not be cancelled. */
export async function openSource(
  statement: CopyFrom,
  call: CopyCallOptions,
  context: RemoteContext,
): Promise<Input | RowInput> {
  const { access } = context
  const { source } = statement
  if (source.kind === 'stdin') {
    if (call.rows !== undefined) {
      if (call.stdin !== undefined) throw onlyOne()
      checkUnread(call.rows, 'rows')
      hold(call.rows)
      return { kind: 'rows', rows: new RowReader(call.rows), name: 'STDIN' }
    }
    if (call.stdin === undefined) {
      throw new CopyError({
        code: 'invalid_parameter_value',
        sqlState: '22023',
        message: 'COPY FROM STDIN needs the option "stdin"',
        hint: 'Pass a stream: db.copy(statement, { stdin: createReadStream(path) }); or rows: db.copy(statement, { rows }).',
        statement: { text: statement.text, offset: source.offset },
      })
    }
    // The bytes themselves are a stream of one chunk; iterated, they would be a stream of numbers or letters.
    const whole = typeof call.stdin === 'string' || call.stdin instanceof Uint8Array
    const stream = whole ? [call.stdin as string | Uint8Array] : (call.stdin as ByteSource)
    checkUnread(stream, 'stdin')
    checkUnspelled(stream)
    hold(stream)
    return streamed(stream, 'STDIN')
  }
  const given = call.stdin !== undefined ? 'stdin' : call.rows !== undefined ? 'rows' : undefined
  if (given !== undefined) {
    throw new CopyError({
      code: 'invalid_parameter_value',
      sqlState: '22023',
      message: `the option "${given}" is only for COPY FROM STDIN`,
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
  const place = { text: statement.text, offset: source.offset }
  const scheme = schemeOf(name)
  // Under rules it is not even looked whether a folder is called so.
  if (access && scheme !== undefined && scheme !== 'file') access.checkUrl(name, place)
  if (isRemoteAddress(name) && (access !== undefined || !existsSync(name))) {
    return await openRemote(statement, name, context)
  }
  const path = localPath(statement.text, source)
  refuseStoreOptions(statement)
  if (access) return await filesUnderRules(statement, path, access, context.signal)
  const found = await stat(path).catch(() => undefined)
  const files = await filesOf(statement, path, found, context.signal)
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

/** Options about other machines change nothing of a file here, and so are a mistake. */
function refuseStoreOptions({ text, source, options }: CopyFrom): void {
  const { connection, credentials, iamRole, region, manifest } = options.remote ?? {}
  const given = [
    [connection, 'AWS CONNECTION'],
    [credentials, 'CREDENTIALS'],
    [iamRole, 'IAM_ROLE'],
    [region, 'REGION'],
    [manifest, 'MANIFEST'],
  ] as const
  const found = given.find(([value]) => value !== undefined)
  if (found === undefined) return
  throw statementError(
    text,
    source.offset,
    'invalid_parameter_value',
    `COPY ${found[1]} needs an address, such as s3://bucket/key`,
    { hint: 'The source is a file of this machine.' },
  )
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

/** The file that a load reads, if it is one, or those; of rows that were refused before, what they came from. */
export function inputFile(
  input: Input | RowInput,
  statement: CopyFrom,
  { stdin }: CopyCallOptions,
): { readonly input?: InputFile } {
  if (input.kind === 'file') return { input: input.path }
  if (input.kind === 'files') return { input: input.paths }
  if (input.kind === 'spool' && input.origins && input.origins.names.length > 1) return { input: input.origins.names }
  const { source } = statement
  if (source.kind === 'file') {
    // A folder may be called "https:" all the same.
    if (isRemoteAddress(source.path) && !existsSync(source.path)) return {}
    return { input: localPath(statement.text, source) }
  }
  if (!isNodeStream(stdin)) return {}
  // What a shell has opened has a descriptor, what createReadStream will open a path.
  const { fd, path } = stdin as { readonly fd?: unknown; readonly path?: unknown }
  return typeof fd === 'number' ? { input: fd } : typeof path === 'string' ? { input: path } : {}
}

export function streamed(stream: ByteSource, name: string): Input {
  leaveErrors(stream)
  return { kind: 'stream', stream, name }
}

function onlyOne(): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: 'the options "stdin" and "rows" cannot be used together',
  })
}

/** Lets go of a stream that will not be read. It was handed over: nobody else closes what it has open, or hears of its errors. */
export function abandonInput({ stdin, rows }: CopyCallOptions): void {
  if (isIterable(rows)) {
    leaveErrors(rows)
    discard(rows)
  }
  if (typeof stdin !== 'object' || stdin === null || stdin instanceof Uint8Array) return
  streamed(stdin, 'STDIN')
  discard(stdin)
}

/** Lets go of the files that rules have had opened. */
export async function closeFiles(input: Input | RowInput): Promise<void> {
  if (input.kind === 'file') await input.handle?.close()
  if (input.kind === 'files') for (const handle of input.handles ?? []) await handle.close()
}

/** Lets go of a stream. */
export function discard(stream: Iterable<unknown> | AsyncIterable<unknown>): void {
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy()
  // A web stream that was never read; one that was is locked, and has been told by its reader.
  else if (stream instanceof ReadableStream && !stream.locked) stream.cancel().catch(() => {})
}
