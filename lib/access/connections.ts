import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CopyError } from '../errors.ts'
import type { CopyFrom } from '../statement/ast.ts'
import { statementError } from '../statement/diagnostics.ts'
import {
  type AwsCredentialProvider,
  type AwsCredentials,
  assumedRole,
  KeptCredentials,
  loadProviderPackage,
  standardChain,
} from './aws.ts'
import { inTime } from './in-time.ts'
import { isSendable, Secret, UNSENDABLE } from './secret.ts'

/** A secret of a config file: itself, or where it is. A file's line end is no part of it. */
export type SecretSource = string | { readonly env: string } | { readonly file: string }

/**
 * Gives a token for `Authorization: Bearer`: asked when one is needed, again two minutes before its expiration, and after it was refused, then with
 * `forceRefresh`.
 */
export type BearerTokenProvider = (options?: {
  readonly forceRefresh?: boolean
}) => Promise<string | { readonly token: string; readonly expiration?: Date }>

/** How an object store is reached. In a config file secrets may be {@link SecretSource}s, and providers cannot be. */
export interface StoreConnection {
  /** Of S3 and what speaks its language. */
  readonly region?: string
  /** The URL of a store other than AWS's, Google's or Azure's. */
  readonly endpoint?: string
  /** Whether the bucket stands in the path and not in the host's name; by default it does where there is an endpoint. */
  readonly pathStyle?: boolean
  /** Whether requests are not signed. */
  readonly anonymous?: boolean
  /** A profile of AWS's configuration files. */
  readonly profile?: string
  readonly accessKeyId?: string
  readonly secretAccessKey?: SecretSource
  readonly sessionToken?: SecretSource
  /** A role that is taken on with the credentials. */
  readonly roleArn?: string
  readonly externalId?: string
  readonly roleSessionName?: string
  /** The URL of a token service other than AWS's. */
  readonly stsEndpoint?: string
  /** Asked when credentials are needed, and again before they expire. In code only. */
  readonly credentials?: AwsCredentials | AwsCredentialProvider
  /** Google: the JSON of a service account's key. */
  readonly serviceAccountKey?: SecretSource
  /**
   * Azure: the storage account, and its key or a shared access signature. One of another cloud than the public one is said as its server,
   * `name.blob.core.chinacloudapi.cn`, or by `endpoint`.
   */
  readonly account?: string
  readonly accountKey?: SecretSource
  readonly sas?: SecretSource
  /** HTTP: the token of `Authorization: Bearer`, which goes to `hosts` and `endpoint` only. Also of Google, and of Azure with Entra ID. */
  readonly bearerToken?: SecretSource | BearerTokenProvider
  /**
   * HTTP: the servers that get the token, by `https:`: `data.example.com`, `*.example.com` for all below it, `host:port` for another port than
   * 443. A server without encryption is named as `endpoint`.
   */
  readonly hosts?: readonly string[]
}

/** A connection as a load uses it. What is secret in it is a {@link Secret}. */
export interface ResolvedConnection {
  readonly region?: string
  readonly profile?: string
  readonly hosts?: readonly string[]
  readonly endpoint?: string
  readonly pathStyle?: boolean
  /** Absent: requests are not signed. */
  readonly aws?: (isRefused?: boolean) => Promise<AwsCredentials>
  readonly serviceAccountKey?: Secret
  readonly account?: string
  readonly accountKey?: Secret
  readonly sas?: Secret
  readonly bearer?: (isRefused?: boolean) => Promise<{ readonly bearer: string; readonly expiration?: Date }>
}

const PLAIN = [
  'region',
  'endpoint',
  'profile',
  'accessKeyId',
  'roleArn',
  'externalId',
  'roleSessionName',
  'stsEndpoint',
  'account',
] as const
const FLAGS = ['pathStyle', 'anonymous'] as const
const SECRETS = ['secretAccessKey', 'sessionToken', 'serviceAccountKey', 'accountKey', 'sas', 'bearerToken'] as const
const NAMES: readonly string[] = [...PLAIN, ...FLAGS, ...SECRETS, 'credentials', 'hosts']

/** A connection, its secrets out of sight. */
interface Entry
  extends Partial<Record<(typeof PLAIN)[number], string>>,
    Partial<Record<(typeof FLAGS)[number], boolean>> {
  readonly secrets: Partial<Record<(typeof SECRETS)[number], Secret>>
  readonly provider?: AwsCredentialProvider
  readonly hosts?: readonly string[]
  readonly tokens?: BearerTokenProvider
}

/** Connections by name. Credentials are kept for as long as these are, over all loads that use them. */
export class Connections {
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #load: typeof loadProviderPackage
  /** By connection and role. */
  readonly #kept = new Map<string, KeptCredentials>()

  private constructor(entries: ReadonlyMap<string, Entry>, load: typeof loadProviderPackage) {
    this.#entries = entries
    this.#load = load
  }

  /**
   * @param given in code; they come before those of the file
   * @param config the path of a JSON file with `{ "connections": { "name": { … } } }`
   * @throws {CopyError} 22023 for what is no connection, F0000 for such a file or none; no value of it is shown
   */
  static of(
    given: Readonly<Record<string, StoreConnection>> = {},
    config?: string,
    load: typeof loadProviderPackage = loadProviderPackage,
  ): Connections {
    const entries = new Map<string, Entry>()
    if (config !== undefined && typeof config !== 'string') throw invalidOption('config', 'the path of a file')
    if (config !== undefined) {
      for (const [name, value] of Object.entries(readConfig(config))) {
        try {
          if (typeof value === 'object' && value !== null && 'credentials' in value) {
            throw invalid(name, 'credentials', 'only a connection that is given in code can have them')
          }
          entries.set(name, entryOf(name, value, dirname(resolve(config))))
        } catch (error) {
          throw error instanceof CopyError ? configError(config, error.message) : error
        }
      }
    }
    if (typeof given !== 'object' || given === null)
      throw invalidOption('connections', 'an object of connections by name')
    for (const [name, value] of Object.entries(given)) entries.set(name, entryOf(name, value, process.cwd()))
    return new Connections(entries, load)
  }

  /** Says no more than the names. */
  toJSON(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /**
   * How the source of a statement is reached: by the connection that it names, or the standard AWS chain; with its role, if it names one.
   *
   * @throws {CopyError} 42704 at the name of a connection that there is none of
   */
  resolve(statement: CopyFrom): ResolvedConnection {
    const { iamRole, region } = statement.options.remote ?? {}
    const name = connectionOf(statement)
    const entry = name === undefined ? { secrets: {} } : this.#entries.get(name)
    if (entry === undefined) throw this.#unknown(statement)
    const { endpoint, pathStyle, secrets, account, anonymous, profile, hosts, tokens } = entry
    const { bearerToken } = secrets
    const place = region ?? entry.region
    return {
      ...(place !== undefined && { region: place }),
      ...(endpoint !== undefined && { endpoint }),
      ...(pathStyle === undefined ? endpoint !== undefined && { pathStyle: true } : { pathStyle }),
      ...(account !== undefined && { account }),
      ...(profile !== undefined && { profile }),
      ...(hosts !== undefined && { hosts }),
      ...pick(secrets, ['serviceAccountKey', 'accountKey', 'sas']),
      ...(bearerToken && { bearer: async () => ({ bearer: bearerToken.reveal() }) }),
      ...(tokens && { bearer: (isRefused = false) => bearerOf(tokens, isRefused) }),
      ...(anonymous !== true && { aws: this.#credentials(name, entry, iamRole, place).forOne() }),
    }
  }

  /** In a statement a name without quotes is in small letters. */
  #unknown(statement: CopyFrom): CopyError {
    const { text, source, options } = statement
    const name = options.remote?.connection?.toLowerCase()
    const near = [...this.#entries.keys()].find((other) => other.toLowerCase() === name)
    const hint =
      near === undefined
        ? 'Connections are given to connect() by name, or in a config file.'
        : `There is one called "${near}": write it in double quotes, AWS CONNECTION = "${near}".`
    return statementError(text, source.offset, 'undefined_object', `${shownConnection(statement)} does not exist`, {
      hint,
    })
  }

  #credentials(
    name: string | undefined,
    entry: Entry,
    role: string | undefined,
    region: string | undefined,
  ): KeptCredentials {
    const arn = role === undefined || role === 'default' ? entry.roleArn : role
    const key = JSON.stringify([name ?? null, arn ?? null, region ?? null])
    const kept = this.#kept.get(key)
    if (kept) return kept
    const source = this.#source(entry, region)
    const { externalId, roleSessionName: sessionName, stsEndpoint: endpoint } = entry
    const own = new KeptCredentials(source)
    const provider =
      arn === undefined
        ? source
        : assumedRole(
            { arn, ...(externalId !== undefined && { externalId }), ...(sessionName !== undefined && { sessionName }) },
            // Those, too, may have to be replaced in between.
            { source: own.get, region, endpoint },
            this.#load,
          )
    const made = new KeptCredentials(provider)
    this.#kept.set(key, made)
    return made
  }

  #source({ provider, accessKeyId, secrets, profile }: Entry, region: string | undefined): AwsCredentialProvider {
    const { secretAccessKey, sessionToken } = secrets
    if (provider) return provider
    if (accessKeyId === undefined || secretAccessKey === undefined)
      return standardChain({ profile, region }, this.#load)
    return async () => ({
      accessKeyId,
      secretAccessKey: secretAccessKey.reveal(),
      ...(sessionToken && { sessionToken: sessionToken.reveal() }),
    })
  }
}

/** The name of the connection of a statement, if it names one. */
export function connectionOf({ options }: CopyFrom): string | undefined {
  const { connection, credentials } = options.remote ?? {}
  return connection ?? (credentials instanceof Secret ? credentials.reveal() : undefined)
}

async function bearerOf(
  provide: BearerTokenProvider,
  isRefused: boolean,
): Promise<{ readonly bearer: string; readonly expiration?: Date }> {
  const refuse = (reason: string) =>
    new CopyError({
      code: 'invalid_authorization_specification',
      sqlState: '28000',
      message: `there is no bearer token: ${reason}`,
    })
  const late = () => new Error('the function has not answered within a minute')
  const asked = async () => {
    const given = await provide({ forceRefresh: isRefused })
    const { token, expiration } = typeof given === 'string' ? { token: given, expiration: undefined } : (given ?? {})
    return { token, expiration }
  }
  const { token, expiration } = await inTime(asked(), late).catch((error: unknown) => {
    // Not the error itself: what hangs on it is somebody else's.
    throw refuse((error as Error | undefined)?.message ?? 'no reason is known')
  })
  if (typeof token !== 'string' || token === '') throw refuse('the function gave neither a string nor { token }')
  if (!isSendable(token)) throw refuse(`the one that the function gave ${UNSENDABLE}`)
  if (expiration === undefined) return { bearer: token }
  if (expiration instanceof Date && !Number.isNaN(expiration.getTime())) return { bearer: token, expiration }
  throw refuse('the expiration that the function gave is no Date')
}

function pick<Key extends string>(
  from: Partial<Record<Key, Secret>>,
  keys: readonly Key[],
): Partial<Record<Key, Secret>> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Partial<
    Record<Key, Secret>
  >
}

function readConfig(path: string): object {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw configError(path, (cause as Error).message)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // Its message would show a part of the file.
    throw configError(path, 'it is no JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw configError(path, 'it is no JSON object')
  const stray = Object.keys(parsed).find((key) => key !== 'connections')
  if (stray !== undefined) throw configError(path, `it has a key "${stray}", and only "connections" is known`)
  const { connections = {} } = parsed as { connections?: unknown }
  if (typeof connections !== 'object' || connections === null || Array.isArray(connections)) {
    throw configError(path, '"connections" is no object')
  }
  return connections
}

/** Whether it is a pattern of hosts, in the form that URLs have when they are parsed: what is written otherwise would never match. */
export function isHost(text: unknown): boolean {
  if (typeof text !== 'string' || !/^(?:\*\.)?(?:[^\s/?#@*:.[\]][^\s/?#@*:[\]]*|\[[^\]]+\])(?::\d+)?$/.test(text))
    return false
  const host = text.replace(/^\*\./, '').toLowerCase()
  // The parser takes them, but no name has an empty part, and nobody listens there.
  if (/\.\.|:0$/.test(host)) return false
  // Of each scheme, since neither keeps its own port.
  return ['http:', 'https:'].some((scheme) => {
    const url = `${scheme}//${host}`
    return URL.canParse(url) && new URL(url).host === host
  })
}

function entryOf(name: string, value: unknown, folder: string): Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(name, undefined, 'it is no object')
  const given = value as Readonly<Record<string, unknown>>
  const entry: Record<string, unknown> = {}
  const secrets: Partial<Record<(typeof SECRETS)[number], Secret>> = {}
  for (const key of Object.keys(given)) {
    if (!NAMES.includes(key)) throw invalid(name, key, `there is no such setting; there are ${NAMES.join(', ')}`)
  }
  for (const key of PLAIN) {
    if (given[key] === undefined) continue
    if (typeof given[key] !== 'string') throw invalid(name, key, 'it is no string')
    if (given[key] === '') throw invalid(name, key, 'it is empty')
    if (!isSendable(given[key])) throw invalid(name, key, `it ${UNSENDABLE}`)
    entry[key] = given[key]
  }
  for (const key of ['endpoint', 'stsEndpoint']) {
    const url = given[key] as string | undefined
    if (url !== undefined && !(/^https?:\/\/[^/?#]/i.test(url) && URL.canParse(url))) {
      throw invalid(name, key, 'it is no URL; write https://host, or http://host:port where nothing is encrypted')
    }
  }
  for (const key of FLAGS) {
    if (given[key] === undefined) continue
    if (typeof given[key] !== 'boolean') throw invalid(name, key, 'it is neither true nor false')
    entry[key] = given[key]
  }
  for (const key of SECRETS) {
    if (key === 'bearerToken' && typeof given[key] === 'function') entry.tokens = given[key]
    else if (given[key] !== undefined) secrets[key] = secretOf(name, key, given[key], folder)
    // The JSON of a key of Google's is never sent.
    const isSent = key !== 'serviceAccountKey'
    if (isSent && !isSendable(secrets[key]?.reveal() ?? '')) throw invalid(name, key, `it ${UNSENDABLE}`)
  }
  if (given.hosts !== undefined) {
    const { hosts } = given
    if (!(Array.isArray(hosts) && hosts.every(isHost))) {
      throw invalid(name, 'hosts', 'it is no array of hosts, such as data.example.com or *.example.com')
    }
    entry.hosts = hosts.map((host: string) => host.toLowerCase().replace(/\.$/, ''))
  }
  if ((entry.accessKeyId === undefined) !== (secrets.secretAccessKey === undefined)) {
    throw invalid(
      name,
      entry.accessKeyId === undefined ? 'secretAccessKey' : 'accessKeyId',
      'it needs the other half of the key',
    )
  }
  const { credentials } = given
  if (credentials === undefined) return { ...entry, secrets }
  if (typeof credentials === 'function') return { ...entry, secrets, provider: credentials as AwsCredentialProvider }
  if (typeof credentials !== 'object' || credentials === null)
    throw invalid(name, 'credentials', 'it is neither credentials nor a function')
  // Out of sight from here on.
  const { accessKeyId, secretAccessKey, ...rest } = credentials as AwsCredentials
  const provider = async () => ({ accessKeyId, secretAccessKey, ...rest })
  return { ...entry, secrets, provider }
}

function secretOf(name: string, key: string, value: unknown, folder: string): Secret {
  if (typeof value === 'string') return new Secret(value)
  const source = value as { readonly env?: unknown; readonly file?: unknown } | null
  if (typeof source?.env === 'string') {
    const found = process.env[source.env]
    if (found === undefined) throw invalid(name, key, `the variable ${source.env} is not set`)
    return new Secret(found)
  }
  if (typeof source?.file !== 'string')
    throw invalid(name, key, 'it is no string, no { "env": name } and no { "file": path }')
  try {
    return new Secret(readFileSync(resolve(folder, source.file), 'utf8').replace(/\r?\n$/, ''))
  } catch (error) {
    throw invalid(name, key, `the file could not be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** A connection in words; what CREDENTIALS names is not shown, which may be a secret by mistake. */
export function shownConnection({ options }: CopyFrom): string {
  const { connection } = options.remote ?? {}
  return connection === undefined ? 'the connection that CREDENTIALS names' : `connection "${connection}"`
}

function invalid(name: string, key: string | undefined, reason: string): CopyError {
  return invalidOption(`connections.${name}${key === undefined ? '' : `.${key}`}`, undefined, reason)
}

function invalidOption(name: string, expected: string | undefined, reason?: string): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `invalid value for option "${name}"${reason === undefined ? '' : `: ${reason}`}`,
    detail: expected === undefined ? undefined : `It takes ${expected}.`,
  })
}

function configError(path: string, reason: string): CopyError {
  return new CopyError({
    code: 'config_file_error',
    sqlState: 'F0000',
    message: `could not use the config file "${path}": ${reason}`,
  })
}
