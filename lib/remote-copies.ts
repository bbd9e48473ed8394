import { stat } from 'node:fs/promises'
import { aborted } from './copy-errors.ts'
import { checkFile, isCompressed } from './native/first-bytes.ts'
import { type Input, type LoadLimits, type Rereadable, Spool } from './native/open.ts'
import { shownAddress } from './path.ts'
import type { CopyFrom } from './statement/ast.ts'

type RemoteInput = Extract<Input, { kind: 'remote' }>

/** Objects of other machines as files of this one, for as long as they are read. */
export interface LocalCopies {
  readonly input: Extract<Input, { kind: 'files' }>
  dispose(): Promise<void>
}

/** Bytes of the first object among which its header is looked for. */
const HEADER_BYTES = 256 * 1024

/**
 * Copies all objects into files of a temporary folder, since they are read more than once, and may be others the second time.
 *
 * Rejects with CopyError where one cannot be read, or there is no room for them (58030).
 */
export async function copyHere(
  { objects, store, name, partitions }: RemoteInput,
  statement: CopyFrom,
  signal: AbortSignal | undefined,
): Promise<LocalCopies> {
  const { paths, found, dispose } = await store.download(objects, signal).catch((error: unknown) => {
    throw signal?.aborted ? aborted(signal, error) : error
  })
  try {
    const names = objects.map(({ address }) => shownAddress(address))
    const [first = ''] = paths
    await checkFile(first, names[0] ?? '', statement.options.format)
    let size = 0
    for (const path of paths) size += (await stat(path)).size
    const about = found.map(({ address: _, ...known }) => known)
    return { input: { kind: 'files', paths, names, size, name, about, ...(partitions && { partitions }) }, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/**
 * The beginning of the first object, and the input of which that object is pinned to the version that it is the beginning of, or is what has come, if that
 * is all of it. Undefined where that is not enough: what is compressed, is longer and has no tag to be pinned by, or no end of a line.
 */
export async function startOfFirst(
  input: RemoteInput,
  statement: CopyFrom,
  limits: LoadLimits,
  signal: AbortSignal | undefined,
): Promise<{ readonly sample: Extract<Rereadable, { kind: 'spool' }>; readonly input: RemoteInput } | undefined> {
  const [first, ...others] = input.objects
  if (first === undefined) return undefined
  const { bytes, isWhole, found } = await input.store.start(first, HEADER_BYTES, signal)
  const isCut = !isWhole && !/[\r\n]/.test(bytes.toString('latin1'))
  const mayBeOther = !isWhole && found.etag === undefined
  const name = shownAddress(first.address)
  if (isCut || mayBeOther || isCompressed(bytes, name, statement.options.remote)) return undefined
  const spool = new Spool(Math.min(limits.memoryLimit, 2 * HEADER_BYTES))
  await spool.fill([bytes], name, signal, statement.options)
  return { sample: { kind: 'spool', spool, name }, input: { ...input, objects: [found, ...others] } }
}
