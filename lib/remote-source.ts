import { profileRegion } from './access/aws.ts'
import { accountName, accountOf, checkSecretsPlace, labelOf } from './access/binding.ts'
import type { Connections, ResolvedConnection } from './access/connections.ts'
import { defaultCredentials, serviceAccountToken } from './access/google.ts'
import type { AccessPolicy } from './access/policy.ts'
import { Secret } from './access/secret.ts'
import { CopyError } from './errors.ts'
import type { Input } from './native/open.ts'
import { type RemoteObject, type RemoteStore, Store, type StoreSecret } from './native/store.ts'
import { isWebAddress, schemeOf, shownAddress } from './path.ts'
import type { CopyFrom } from './statement/ast.ts'
import { statementError } from './statement/diagnostics.ts'
import { untilAborted } from './until-aborted.ts'

/** What a source is opened with, beside the statement. */
export interface RemoteContext {
  readonly access: AccessPolicy | undefined
  readonly connections: Connections
  /** Bytes that buffers may take. */
  readonly memoryLimit: number
  readonly signal?: AbortSignal | undefined
}

type RemoteInput = Extract<Input, { kind: 'remote' }>

const MOST_PART = 4 * 1024 * 1024
const LEAST_PART = 64 * 1024
/** Parts of all that is read ahead, of the object that is read and of the next one, that the memory must have room for. */
const PARTS = 64
/**
 * Bytes of a manifest: some ten thousand entries. What JSON makes of it takes up to thirty times as much, so that it is a small part of the memory, and
 * is made in one go.
 */
const MOST_MANIFEST = 8 * 1024 * 1024
const MANIFEST_PART = 32
/** Of the names in a list. What is made of them takes some times as much, so that they are a part of the memory at most. */
const NAMES_PART = 4

/**
 * Objects of a store, or files of a web server.
 *
 * Rejects with CopyError: 42501 for what the rules do not allow, 42704 for a connection that there is none of, 28000 without credentials, 58P01
 * where there is no object.
 */
export async function openRemote(statement: CopyFrom, address: string, context: RemoteContext): Promise<RemoteInput> {
  const { text, options, source } = statement
  const { files, pattern, manifest, region } = options.remote ?? {}
  const { access, signal } = context
  const place = { text, offset: source.offset }
  access?.checkUrl(address, place)
  access?.checkConnection(statement)
  if (region !== undefined && !/^[a-z0-9-]{1,63}$/i.test(region)) {
    throw statementError(text, source.offset, 'invalid_parameter_value', `REGION "${region}" is no name of a region`)
  }
  const isWeb = isWebAddress(address)
  if (isWeb && pattern !== undefined) {
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
  if (/^[^:]*:\/\/(?:[/?#]|$)/.test(address)) {
    const what = `"${shownAddress(address)}" names no ${isWeb ? 'server' : 'bucket'}`
    throw statementError(text, source.offset, 'invalid_parameter_value', what)
  }
  const settings = await untilAborted(settingsOf(statement, address, context), signal).catch((error: unknown) => {
    throw at(error, place)
  })
  const store = new Store(settings)
  const name = shownAddress(address)
  const found = async (): Promise<readonly RemoteObject[]> => {
    if (manifest) return await listedIn(statement, address, store, context)
    if (files !== undefined) {
      const addresses = files.map((file) => below(address, file))
      for (const each of addresses) checkAddress(each, statement, context)
      return addresses.map((each) => ({ address: each }))
    }
    if (isWeb) return [{ address }]
    if (pattern !== undefined) return await store.list(address, pattern, signal)
    const isFolder = /^[^:]*:\/\/[^/]*\/?$|\/$/.test(address)
    const exact = isFolder ? [] : await store.probe([address], signal)
    const isMark = exact[0]?.size === 0
    if (exact.length > 0 && !isMark) return exact
    // Some tools mark a folder by an object of its name; without anything below, or where that may not be seen, it is what was named.
    if (isMark) return await store.list(address, undefined, signal).catch((error: unknown) => orExact(error, exact))
    // What is below the folder, by the address's own pattern if it is one.
    const [, base = '', ofKey] = /^([^:]*:\/\/[^/]*\/(?:[^*?[{]*\/)?)([^*?[{/]*[*?[{].*)$/s.exec(address) ?? []
    return ofKey === undefined ? await store.list(address, undefined, signal) : await store.list(base, ofKey, signal)
  }
  const objects = await found().catch((error: unknown) => {
    throw at(error, place)
  })
  const many = files ? ` (${files.length} files)` : pattern ? ` (${pattern})` : ''
  const only = objects.length === 1 ? objects[0] : undefined
  return { kind: 'remote', objects, store, name: only ? shownAddress(only.address) : `${name}${many}` }
}

/**
 * The address of a file below another one. What stands behind the question mark of a URL, such as a signature, goes with each; what a URL cannot
 * have, or would take for something else, is written as it has to be.
 */
function below(address: string, file: string): string {
  if (!isWebAddress(address)) return `${address.replace(/\/?$/, '/')}${file}`
  const [, folder = '', query = ''] = /^([^?#]*)(\?[^#]*)?/s.exec(address) ?? []
  const name = file.replace(UNFIT, encodeURIComponent)
  return `${folder.replace(/\/?$/, '/')}${name}${name.includes('?') ? query.replace('?', '&') : query}`
}

/** Control characters and spaces, which a URL loses, and marks that it would read as the end of its path or as a slash. */
const UNFIT = /[\p{Cc} #\\]/gu

function orExact(error: unknown, exact: readonly RemoteObject[]): readonly RemoteObject[] {
  if (error instanceof CopyError && /^(?:58P01|42501)$/.test(error.sqlState)) return exact
  throw error
}

/**
 * Refuses an address that the rules do not allow, or that would be shown a secret that is for somebody else.
 *
 * @throws {CopyError} 42501, 28000
 */
function checkAddress(address: string, statement: CopyFrom, { access, connections }: RemoteContext): void {
  access?.checkUrl(address, { text: statement.text, offset: statement.source.offset })
  const kind = kindOf(address)
  if (kind === 's3') return
  const resolved = connections.resolve(statement)
  checkSecretsPlace(kind, address, resolved, statement)
  if (kind === 'azure' && !isConnectionNamed(statement)) checkEnvironment(address, resolved)
}

/** The environment's secret of Azure is for the account that the environment names. */
function checkEnvironment(address: string, resolved: ResolvedConnection): void {
  const asked = accountOf(address)
  const named = azureAccount(resolved, false)
  if (!azureSecret(resolved, false) || asked === undefined || asked === accountName(named ?? '')) return
  if (named === undefined) {
    throw new CopyError({
      code: 'invalid_authorization_specification',
      sqlState: '28000',
      message: 'the environment does not say to which storage account its Azure credentials may go',
      detail: 'Without that, whoever writes the statement could have them sent anywhere.',
      hint: `Set AZURE_STORAGE_ACCOUNT_NAME to ${asked}.`,
    })
  }
  throw new CopyError({
    code: 'insufficient_privilege',
    sqlState: '42501',
    message: `the Azure credentials of the environment may not be used for "${shownAddress(address)}"`,
    detail: `Their storage account is ${named}.`,
    hint: 'Name a connection that has those of this account.',
  })
}

/** The storage account that is asked where an address does not say it. */
function azureAccount({ account }: ResolvedConnection, isNamed: boolean): string | undefined {
  const { AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT } = process.env
  return account ?? (isNamed ? undefined : AZURE_STORAGE_ACCOUNT_NAME || AZURE_STORAGE_ACCOUNT || undefined)
}

function isConnectionNamed({ options }: CopyFrom): boolean {
  const { connection, credentials } = options.remote ?? {}
  return connection !== undefined || credentials instanceof Secret
}

/** The error at the source's place in the statement, unless it is at a place already. */
function at(error: unknown, place: { readonly text: string; readonly offset: number }): unknown {
  if (!(error instanceof CopyError) || error.statement) return error
  const { code, sqlState, message, position, detail, hint, context, cause } = error
  return new CopyError({ code, sqlState, message, position, detail, hint, context, statement: place, cause })
}

/** How the store of an address is reached: by the connection of the statement, or what the environment says. */
async function settingsOf(statement: CopyFrom, address: string, context: RemoteContext): Promise<RemoteStore> {
  const { access, connections, memoryLimit } = context
  const isNamed = isConnectionNamed(statement)
  const resolved = connections.resolve(statement)
  const kind = kindOf(address)
  checkAddress(address, statement, context)
  const shared = {
    part: Math.max(LEAST_PART, Math.min(MOST_PART, Math.floor(memoryLimit / PARTS))),
    mostListed: Math.floor(memoryLimit / NAMES_PART),
    ...(access && { rules: access.network }),
    ...(statement.options.remote?.compression === 'brotli' && { isBrotli: true }),
  }
  const { env } = process
  const { endpoint, region, pathStyle, profile } = resolved
  switch (kind) {
    case 'web':
      return { ...shared, ...(resolved.bearer && { secret: await begun(resolved.bearer) }) }
    case 's3': {
      const url = endpoint ?? (isNamed ? undefined : env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || undefined)
      // As AWS's own programs do it, but that a connection's profile is nearer than the environment. Another server has regions of its own.
      const ofEnvironment = env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined
      const ofProfile = profile === undefined ? undefined : await profileRegion(profile)
      const ofDefault = async () => (url === undefined ? profileRegion(env.AWS_PROFILE || 'default') : undefined)
      const place = region ?? ofProfile ?? ofEnvironment ?? (await ofDefault())
      const { aws } = resolved
      // Without credentials nothing is asked for, and the error is the provider's.
      await aws?.()
      return {
        ...shared,
        ...(url !== undefined && { endpoint: url }),
        ...(place !== undefined && { region: place }),
        ...(pathStyle !== undefined && { pathStyle }),
        ...(aws && { secret: aws }),
      }
    }
    case 'google': {
      const { serviceAccountKey: key, bearer } = resolved
      const ask = key
        ? async () => serviceAccountToken(key)
        : (bearer ?? (isNamed ? undefined : await defaultCredentials()))
      const secret = ask && (await begun(ask))
      return { ...shared, ...(endpoint !== undefined && { endpoint }), ...(secret && { secret }) }
    }
    case 'azure': {
      const named = azureAccount(resolved, isNamed)
      const secret = azureSecret(resolved, isNamed)
      const account = named === undefined ? undefined : accountName(named)
      // Of another cloud it is a server; an address with an account says that itself.
      const isServer = account?.includes('.') === true && accountOf(address) === undefined
      const url = endpoint ?? (isServer ? `https://${account}` : undefined)
      return {
        ...shared,
        ...(url !== undefined && { endpoint: url }),
        ...(account !== undefined && { account: labelOf(account) }),
        ...(secret && { secret: await begun(secret) }),
      }
    }
  }
}

function kindOf(address: string): 'web' | 's3' | 'google' | 'azure' {
  const scheme = schemeOf(address) ?? ''
  if (/^https?$/.test(scheme)) return 'web'
  if (/^s3[an]?$/.test(scheme)) return 's3'
  return /^gc?s$/.test(scheme) ? 'google' : 'azure'
}

function azureSecret(
  { accountKey, sas, bearer }: ResolvedConnection,
  isNamed: boolean,
): ((isRefused?: boolean) => Promise<StoreSecret>) | undefined {
  const signature = (sas: string) => ({ signature: sas.replace(/^\?/, '') })
  if (accountKey) return async () => ({ accountKey: accountKey.reveal() })
  if (sas) return async () => signature(sas.reveal())
  if (bearer) return bearer
  if (isNamed) return undefined
  const { AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN } = process.env
  const key = AZURE_STORAGE_ACCOUNT_KEY || AZURE_STORAGE_KEY
  if (key) return async () => ({ accountKey: key })
  return AZURE_STORAGE_SAS_TOKEN ? async () => signature(AZURE_STORAGE_SAS_TOKEN) : undefined
}

/** The secrets, of which the first is asked for now, so that an error is told before anything else is. */
async function begun(
  ask: (isRefused?: boolean) => Promise<StoreSecret>,
): Promise<(isRefused: boolean) => Promise<StoreSecret>> {
  let first: StoreSecret | undefined = await ask()
  return async (isRefused) => {
    const given = isRefused ? undefined : first
    first = undefined
    return given ?? ask(isRefused)
  }
}

/** An entry of a manifest. */
interface Entry {
  readonly url: string
  readonly isMandatory: boolean
  readonly length: number | undefined
}

/** The objects of Redshift's manifest: those that there are, of which the ones that are mandatory must be. */
async function listedIn(
  statement: CopyFrom,
  address: string,
  store: Store,
  context: RemoteContext,
): Promise<readonly RemoteObject[]> {
  const { signal, memoryLimit } = context
  const most = Math.min(MOST_MANIFEST, Math.floor(memoryLimit / MANIFEST_PART))
  const { bytes, isWhole } = await store.start({ address }, most, signal)
  if (!isWhole)
    throw badManifest(shownAddress(address), `it has more than ${most} bytes, the most for this memoryLimit`)
  const entries = entriesOf(bytes, shownAddress(address))
  const kind = kindOf(address)
  for (const { url } of entries) {
    if (schemeOf(url) === undefined || kindOf(url) !== kind) {
      throw badManifest(shownAddress(address), `"${shownAddress(url)}" is not where the manifest is`)
    }
    // Its entries come from whoever wrote it, and would be shown what is for the manifest's account.
    if (kind === 'azure' && accountOf(url) !== undefined && accountOf(url) !== accountOf(address)) {
      throw badManifest(shownAddress(address), `"${shownAddress(url)}" is in another storage account`)
    }
    checkAddress(url, statement, context)
  }
  const found = new Map(
    (
      await store.probe(
        entries.map(({ url }) => url),
        signal,
      )
    ).map((object) => [object.address, object]),
  )
  const there: RemoteObject[] = []
  for (const { url, isMandatory, length } of entries) {
    const object = found.get(url)
    if (object === undefined) {
      if (!isMandatory) continue
      throw missing(
        `"${shownAddress(url)}" does not exist`,
        `The manifest "${shownAddress(address)}" says that it is mandatory.`,
      )
    }
    if (length !== undefined && object.size === undefined) {
      throw badManifest(
        shownAddress(address),
        `it says that "${shownAddress(url)}" has ${length} bytes, and its server does not say how many; leave out "content_length"`,
      )
    }
    if (length !== undefined && object.size !== length) {
      throw badManifest(
        shownAddress(address),
        `"${shownAddress(url)}" has ${object.size} bytes, and the manifest says ${length}`,
      )
    }
    there.push(object)
  }
  if (there.length > 0) return there
  throw missing(`none of the objects of the manifest "${shownAddress(address)}" exists`, undefined)
}

function entriesOf(bytes: Buffer, name: string): readonly Entry[] {
  let text: string
  try {
    // Takes away a byte order mark, which JSON has none of.
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw badManifest(name, 'it is not in UTF-8')
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw badManifest(name, 'it is no JSON')
  }
  const { entries } = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as { readonly entries?: unknown }
  if (!Array.isArray(entries)) throw badManifest(name, 'it has no array "entries"')
  if (entries.length === 0) throw badManifest(name, 'its array "entries" is empty')
  return entries.map((entry: unknown, index) => {
    const at = `entries[${index}]`
    if (typeof entry !== 'object' || entry === null) throw badManifest(name, `${at} is no object`)
    const { url, mandatory = false, meta } = entry as { readonly [key: string]: unknown }
    if (typeof url !== 'string' || url === '') throw badManifest(name, `${at} has no "url"`)
    if (typeof mandatory !== 'boolean') throw badManifest(name, `"mandatory" of ${at} is neither true nor false`)
    const { content_length: length } = (typeof meta === 'object' && meta !== null ? meta : {}) as {
      readonly content_length?: unknown
    }
    if (length !== undefined && !(Number.isSafeInteger(length) && (length as number) >= 0)) {
      throw badManifest(name, `"content_length" of ${at} is no number of bytes`)
    }
    return { url, isMandatory: mandatory, length: length as number | undefined }
  })
}

function badManifest(name: string, reason: string): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `the manifest "${name}" cannot be used: ${reason}`,
    detail: 'It is JSON: { "entries": [ { "url": "s3://bucket/key", "mandatory": true }, … ] }.',
    position: { file: name },
  })
}

function missing(message: string, detail: string | undefined): CopyError {
  return new CopyError({ code: 'undefined_file', sqlState: '58P01', message, detail })
}
