import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import type { NetworkRules } from '../access/policy.ts'
import { shownAddress } from '../path.ts'
import { loadAddon } from './addon.ts'
import type { BindingAnswer, BindingObject, BindingSchema, BindingSecret, BindingStore } from './binding.d.ts'
import { copyErrorOf } from './failure.ts'

/** How objects of other machines are reached. */
export interface RemoteStore {
  readonly region?: string
  /** A URL in place of the provider's own. Only where it begins with http:, or the address does, nothing is encrypted. */
  readonly endpoint?: string
  /** S3: whether the bucket stands in the path; by default it does. */
  readonly pathStyle?: boolean
  /** Azure: the storage account, where the address does not say it. */
  readonly account?: string
  /** Asked when credentials are needed, again two minutes before they expire, and after they were refused. Absent: requests are not signed. */
  readonly secret?: (isRefused: boolean) => Promise<StoreSecret>
  /** Times that a request is made again; by default 8, within a minute. */
  readonly maxRetries?: number
  readonly retryTimeoutMs?: number
  /** Whether objects are brotli, which tells nobody by itself: `Content-Encoding: br` is that then, and not one more. */
  readonly isBrotli?: boolean
  /** Bytes that are asked for at a time; by default 4 MiB. A few times as much is held. */
  readonly part?: number
  /** Bytes that the names in a list may have; by default 64 MiB. What is made of them takes some times as much. */
  readonly mostListed?: number
  /** What may be dialled: all of them must allow it. Without any everything is open. */
  readonly rules?: readonly NetworkRules[]
}

/** What a store is shown. */
export interface StoreSecret {
  /** S3. */
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly sessionToken?: string
  /** HTTP, Google, and Azure with Entra ID. */
  readonly bearer?: string
  /** Azure: the key of the account in base64, or a shared access signature, as it stands behind a question mark. */
  readonly accountKey?: string
  readonly signature?: string
  readonly expiration?: Date
}

/** An object, and what is known of it where it was found: it is read as that version, or not at all. */
export interface RemoteObject {
  readonly address: string
  readonly size?: number
  readonly etag?: string
  /** When it was last written: milliseconds since 1970. */
  readonly modified?: number
}

/** A store that is asked, and read from. */
export class Store {
  readonly binding: BindingStore

  constructor(settings: RemoteStore) {
    const { region, endpoint, account, maxRetries, retryTimeoutMs, part, mostListed, rules = [], secret } = settings
    const access = {
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
      ...(account !== undefined && { account }),
      ...(maxRetries !== undefined && { maxRetries }),
      ...(retryTimeoutMs !== undefined && { retryTimeoutMs }),
      ...(part !== undefined && { part }),
      ...(mostListed !== undefined && { mostListed }),
      rules: rules.map(({ schemes, hosts, addresses }) => ({
        schemes: [...schemes],
        hosts: [...hosts],
        addresses: [...addresses],
      })),
      virtualHosted: settings.pathStyle === false,
      isSigned: secret !== undefined,
      isBrotli: settings.isBrotli === true,
    }
    this.binding = new (loadAddon().BindingStore)(access, (isRefused: boolean) => {
      void secretOf(secret, isRefused).then((answer) => this.binding.giveSecret(answer, isRefused))
    })
  }

  /**
   * The objects that a pattern means below a folder, or that are in the folder at any depth, in the order of their names' bytes.
   *
   * @throws {CopyError} 58P01 when there are none
   */
  async list(folder: string, pattern: string | undefined, signal?: AbortSignal): Promise<readonly RemoteObject[]> {
    const answer = await this.#ask(folder, signal, (done) => this.binding.list(folder, pattern, done))
    return answer.objects ?? []
  }

  /** Those of the objects that there are, in their order. */
  async probe(addresses: readonly string[], signal?: AbortSignal): Promise<readonly RemoteObject[]> {
    const answer = await this.#ask(addresses[0] ?? '', signal, (done) => this.binding.probe([...addresses], done))
    return answer.objects ?? []
  }

  /** The first bytes of an object, whether they are all, and what is now known of it. If it is read next, that is the same answer. */
  async start(
    object: RemoteObject,
    most: number,
    signal?: AbortSignal,
  ): Promise<{ readonly bytes: Buffer; readonly isWhole: boolean; readonly found: RemoteObject }> {
    const {
      bytes,
      isWhole,
      objects = [],
    } = await this.#ask(object.address, signal, (done) => this.binding.start({ ...object }, most, done))
    return { bytes: bytes ?? Buffer.alloc(0), isWhole: isWhole ?? false, found: objects[0] ?? object }
  }

  /** The columns of an object that tells them. `mostHeld`: bytes that may be held of one whose server gives no parts. */
  async schema(format: string, object: RemoteObject, mostHeld: number, signal?: AbortSignal): Promise<BindingSchema> {
    const { schema } = await this.#ask(object.address, signal, (done) =>
      this.binding.schema(format, { ...object }, mostHeld, done),
    )
    if (schema == null) throw new TypeError('a schema was announced and is not there')
    return schema
  }

  /** Copies objects into files of a temporary folder. */
  async download(objects: readonly RemoteObject[], signal?: AbortSignal): Promise<Downloaded> {
    const folder = await mkdtemp(join(tmpdir(), 'copyist-'))
    try {
      // The ending may tell how it is compressed.
      const paths = objects.map(({ address }, index) => join(folder, `${index}${extname(shownAddress(address))}`))
      const { objects: found = objects } = await this.#ask(objects[0]?.address ?? '', signal, (done) =>
        this.binding.download(
          objects.map((object) => ({ ...object })),
          paths,
          done,
        ),
      )
      return { paths, found, dispose: () => rm(folder, { recursive: true, force: true }) }
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  async #ask(
    address: string,
    signal: AbortSignal | undefined,
    ask: (done: () => void) => void,
  ): Promise<Omit<BindingAnswer, 'objects'> & { readonly objects?: readonly RemoteObject[] }> {
    const cancel = () => this.binding.cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      signal?.throwIfAborted()
      await new Promise<void>((resolve) => {
        ask(resolve)
      })
      const { objects, ...answer } = this.binding.takeAnswer()
      if (answer.failure) throw copyErrorOf(answer.failure, shownAddress(address))
      return { ...answer, ...(objects && { objects: objects.map(objectOf) }) }
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }
}

/** Objects as files of this machine, until they are disposed of. */
export interface Downloaded {
  readonly paths: readonly string[]
  /** The objects, with what is now known of them. */
  readonly found: readonly RemoteObject[]
  dispose(): Promise<void>
}

function objectOf({ address, size, etag, modified }: BindingObject): RemoteObject {
  return {
    address,
    ...(size != null && { size }),
    ...(etag != null && { etag }),
    ...(modified != null && { modified }),
  }
}

async function secretOf(secret: RemoteStore['secret'], isRefused: boolean): Promise<BindingSecret> {
  try {
    const { expiration, signature, ...strings } = (await secret?.(isRefused)) ?? {}
    return {
      ...strings,
      ...(expiration && { expires: expiration.getTime() }),
      ...(signature !== undefined && { signature: [...new URLSearchParams(signature)] }),
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}
