import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CopyError } from '../errors.ts'
import { inTime } from './in-time.ts'
import { isSendable, Secret, UNSENDABLE, withoutValues } from './secret.ts'

/** Credentials as AWS's own packages have them. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** When they stop being valid; absent: never. */
  readonly expiration?: Date
}

/**
 * What gives credentials; asked again when they are about to expire, or were refused. One that keeps what it gave, as AWS's own do, is told by
 * `forceRefresh` that it must not give them again.
 */
export type AwsCredentialProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<AwsCredentials>

/** A role to be taken on before reading. */
export interface AwsRole {
  readonly arn: string
  readonly sessionName?: string
  readonly externalId?: string
}

/** What of AWS's package is used. */
interface ProviderPackage {
  fromNodeProviderChain(init: object): AwsCredentialProvider
  fromTemporaryCredentials(init: object): AwsCredentialProvider
}

const PACKAGE = '@aws-sdk/credential-providers'

/** AWS's package of providers, 16 MB with what it needs: it is loaded when it is first asked for, if it is there. */
export async function loadProviderPackage(): Promise<ProviderPackage> {
  try {
    return (await import(PACKAGE)) as ProviderPackage
  } catch (cause) {
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: `AWS's profiles, roles and metadata services need the package ${PACKAGE}`,
      hint: `Run: npm install ${PACKAGE}. Keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a connection, need none.`,
      cause,
    })
  }
}

/** How long before their end credentials are replaced: as long as AWS's own packages take. */
const REFRESH_MS = 5 * 60_000
/** What could not be replaced is tried again no sooner than this. */
const RETRY_MS = 10_000

/**
 * The provider with what it gave kept until it is about to expire. Whoever asks meanwhile gets the same, and who asks while it is being
 * replaced waits for the same answer. Where that fails, the old ones are given as long as they are valid.
 */
export class KeptCredentials {
  readonly #provider: AwsCredentialProvider
  readonly #now: () => number
  #current: AwsCredentials | undefined
  #asking: Promise<AwsCredentials> | undefined
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(provider: AwsCredentialProvider, now: () => number = Date.now) {
    this.#provider = provider
    this.#now = now
  }

  /**
   * @param refused credentials that it gave, and that were refused (ExpiredToken): they are not given again
   * @throws {CopyError} 28000 when there are none
   */
  readonly get = async (refused?: AwsCredentials): Promise<AwsCredentials> => {
    // Others may have had them replaced already.
    const current = this.#current === refused ? undefined : this.#current
    const left = (current?.expiration?.getTime() ?? Number.POSITIVE_INFINITY) - this.#now()
    if (current && left > REFRESH_MS) return current
    const isTooSoon = this.#now() - this.#failedAt < RETRY_MS
    if (current && left > 0 && isTooSoon) return current
    this.#asking ??= this.#ask()
    try {
      return await this.#asking
    } catch (error) {
      if (current && left > 0) return current
      throw error
    }
  }

  /** The same for one who says that what it was given last was refused. */
  forOne(): (isRefused?: boolean) => Promise<AwsCredentials> {
    let last: AwsCredentials | undefined
    return async (isRefused = false) => {
      last = await this.get(isRefused ? last : undefined)
      return last
    }
  }

  async #ask(): Promise<AwsCredentials> {
    try {
      const given = this.#provider(this.#current && { forceRefresh: true })
      this.#current = checked(await inTime(given, () => noCredentials('the provider has not answered within a minute')))
      return this.#current
    } catch (error) {
      this.#failedAt = this.#now()
      // Not the error itself: what hangs on it is somebody else's, and may hold a request with its headers.
      throw error instanceof CopyError ? error : noCredentials((error as Error | undefined)?.message)
    } finally {
      this.#asking = undefined
    }
  }
}

function checked(credentials: AwsCredentials): AwsCredentials {
  const { accessKeyId, secretAccessKey, sessionToken: token, expiration } = credentials ?? {}
  // Providers that are not written in TypeScript say so that there is none.
  const sessionToken = token ?? undefined
  if (typeof accessKeyId !== 'string' || accessKeyId === '' || typeof secretAccessKey !== 'string') {
    throw noCredentials('the provider gave no accessKeyId or no secretAccessKey')
  }
  if (sessionToken !== undefined && typeof sessionToken !== 'string') {
    throw noCredentials('the sessionToken that the provider gave is no string')
  }
  for (const [name, value] of Object.entries({ accessKeyId, secretAccessKey, sessionToken })) {
    if (value !== undefined && !isSendable(value)) throw noCredentials(`the ${name} ${UNSENDABLE}`)
  }
  if (expiration !== undefined && !(expiration instanceof Date && !Number.isNaN(expiration.getTime()))) {
    throw noCredentials('the expiration that the provider gave is no Date')
  }
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    ...(expiration !== undefined && { expiration }),
  }
}

function noCredentials(reason = 'no reason is known'): CopyError {
  return new CopyError({
    code: 'invalid_authorization_specification',
    sqlState: '28000',
    message: `there are no AWS credentials: ${reason}`,
    hint: 'Give a connection to connect(), or what the AWS command line takes: variables, a profile, a role.',
  })
}

/** The standard chain: keys in the environment, then all else by AWS's package. */
export function standardChain(
  { profile, region }: { readonly profile?: string | undefined; readonly region?: string | undefined } = {},
  load: typeof loadProviderPackage = loadProviderPackage,
): AwsCredentialProvider {
  let chain: Promise<AwsCredentialProvider> | undefined
  return async (options) => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = process.env
    // As the chain does it: a profile that is named comes before keys.
    if (profile === undefined && !AWS_PROFILE && AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
      return {
        accessKeyId: AWS_ACCESS_KEY_ID,
        secretAccessKey: AWS_SECRET_ACCESS_KEY,
        ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
      }
    }
    chain ??= load().then((providers) =>
      providers.fromNodeProviderChain({
        ...(profile !== undefined && { profile }),
        ...(region !== undefined && { clientConfig: { region } }),
      }),
    )
    const asked = profile ?? AWS_PROFILE
    return await (await chain)(options).catch(asked ? naming(`profile "${asked}"`) : undefined)
  }
}

/** Says of whom there are no credentials, which the package does not always. What a server says may repeat the secrets that it was shown. */
function naming(what: string, shown: readonly Secret[] = []): (error: unknown) => never {
  return (error) => {
    if (error instanceof CopyError) throw error
    const reason = (error as Error | undefined)?.message ?? 'no reason is known'
    throw new Error(`${what}: ${withoutValues(reason, shown)}`)
  }
}

/** Codes of a token service for credentials that were some, as in `crates/remote`. */
const EXPIRIES = /^(?:ExpiredToken|ExpiredTokenException|InvalidToken|TokenRefreshRequired)$/

/** What the role may, by AWS's Security Token Service. `source` is told which of its credentials were refused. */
export function assumedRole(
  role: AwsRole,
  {
    source,
    region,
    endpoint,
  }: {
    readonly source: (refused?: AwsCredentials) => Promise<AwsCredentials>
    readonly region?: string | undefined
    /** Of the token service, where it is not AWS's. */
    readonly endpoint?: string | undefined
  },
  load: typeof loadProviderPackage = loadProviderPackage,
): AwsCredentialProvider {
  return async () => {
    const { fromTemporaryCredentials } = await load()
    const shown: Secret[] = []
    const takenOnWith = async (own: AwsCredentials) => {
      shown.push(new Secret(own.secretAccessKey), new Secret(own.sessionToken ?? ''))
      const take = fromTemporaryCredentials({
        masterCredentials: async () => own,
        params: {
          RoleArn: role.arn,
          RoleSessionName: role.sessionName ?? `copyist-${process.pid}`,
          ...(role.externalId !== undefined && { ExternalId: role.externalId }),
        },
        clientConfig: { region: region ?? 'us-east-1', ...(endpoint !== undefined && { endpoint }) },
      })
      return await take()
    }
    const own = await source()
    return await takenOnWith(own)
      .catch(async (error: unknown) => {
        if (!EXPIRIES.test((error as Error | undefined)?.name ?? '')) throw error
        return await takenOnWith(await source(own))
      })
      .catch(naming(`role "${role.arn}"`, shown))
  }
}

/** The region of a profile of AWS's configuration files, if it has one. A file that cannot be read has none, as for AWS's own programs. */
export async function profileRegion(profile: string): Promise<string | undefined> {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE } = process.env
  const read = (path: string) => readFile(path, 'utf8').catch(() => '')
  const config = await read(AWS_CONFIG_FILE || join(homedir(), '.aws', 'config'))
  const credentials = await read(AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws', 'credentials'))
  const inConfig = profile === 'default' ? ['default', 'profile default'] : [`profile ${profile}`]
  return settingOf(config, inConfig, 'region') ?? settingOf(credentials, [profile], 'region')
}

/** A setting in the sections of these names. Indented lines belong to the setting above. */
function settingOf(text: string, sections: readonly string[], key: string): string | undefined {
  let isMeant = false
  let found: string | undefined
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[([^\]]*)\]/.exec(line)?.[1]
    if (section !== undefined) {
      const name = section
        .trim()
        .replace(/\s+/g, ' ')
        .replace(/(["'])(.*)\1$/, '$2')
      isMeant = sections.includes(name)
      continue
    }
    const [, word, value] = /^([^\s=#;][^=]*?)\s*=\s*(.*?)(?:\s+[#;].*)?\s*$/.exec(line) ?? []
    if (isMeant && word?.toLowerCase() === key && value) found = value
  }
  return found
}
