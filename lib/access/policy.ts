import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { CopyError } from '../errors.ts'
import { shownAddress, withoutQuery } from '../path.ts'
import type { CopyFrom } from '../statement/ast.ts'
import { statementError } from '../statement/diagnostics.ts'
import { isAllowedAddress, isEmbedding, Networks, plainAddress } from './address.ts'
import { connectionOf, isHost, shownConnection } from './connections.ts'

/** What statements may read. What is not listed they may not; STDIN and rows, which the program hands over itself, they always may. */
export interface AccessRules {
  /** Folders: only regular files whose real paths lie below one of them are read. Default: none. */
  readonly files?: readonly string[]
  /** Schemes of network sources, such as `https` and `s3`. Default: none. */
  readonly schemes?: readonly string[]
  /**
   * Hosts of network sources: `data.example.com`, `*.example.com` for all below it, `host:port` for another port than the scheme's;
   * `s3://bucket` for a bucket. Default: none.
   */
  readonly hosts?: readonly string[]
  /**
   * Addresses and networks (CIDR) that are not of the Internet and may be reached all the same, such as `127.0.0.1` or `10.1.0.0/16`.
   * Default: none, so that no host leads to this machine, to its networks, or to a cloud's metadata.
   */
  readonly addresses?: readonly string[]
  /** Whether statements may have SQL of their own (WHERE, TRANSFORM), which the database runs with the connection's rights. Default: false. */
  readonly sql?: boolean
  /** Connections that statements may name (AWS CONNECTION, CREDENTIALS). Default: none. */
  readonly connections?: readonly string[]
  /** Roles, by their ARNs, that statements may have taken on (IAM_ROLE). The one of a connection comes with it. Default: none. */
  readonly roles?: readonly string[]
}

/** `open`: whatever this process may read. `closed`: what the program hands over. */
export type Access = 'open' | 'closed' | AccessRules

/** A file that was opened under rules. */
export interface OpenedFile {
  readonly kind: 'file'
  /** Leads to this very file, whatever its name means by now. */
  readonly path: string
  readonly size: number
  readonly handle: FileHandle
}

/** A folder that may be looked into: its files are to be opened one by one. */
export interface OpenedFolder {
  readonly kind: 'folder'
  /** Leads to this very folder, as a file's does. */
  readonly path: string
  readonly handle: FileHandle
}

/** Linux's flag to take hold of something without opening it, for which Node has no name. */
const O_PATH = 0o10_000_000
/** Behind a folder's path: a file called anything in it. */
const BELOW = `${sep}?`

/** Rules of a network as plain data. */
export type NetworkRules = Required<Pick<AccessRules, 'schemes' | 'hosts' | 'addresses'>>

/** Rules as they are asked. */
export class AccessPolicy {
  readonly #folders: readonly string[]
  readonly #schemes: ReadonlySet<string>
  readonly #hosts: readonly string[]
  readonly #addresses: Networks
  readonly #sql: boolean
  readonly #connections: ReadonlySet<string>
  readonly #roles: ReadonlySet<string>
  /** What must allow it too. */
  readonly #outer: AccessPolicy | undefined
  readonly #rules: AccessRules
  #roots: Promise<string[]> | undefined

  /** @throws {CopyError} 22023 for rules that are none. */
  private constructor(rules: AccessRules, outer: AccessPolicy | undefined) {
    const { files = [], schemes = [], hosts = [], addresses = [], sql = false, connections = [], roles = [] } = rules
    const bad = files.find((folder) => folder === '' || folder.includes('\0'))
    if (bad !== undefined) throw badRule('files', 'paths of folders', bad)
    this.#folders = files.map((folder) => resolve(folder))
    this.#schemes = new Set(schemes.map((scheme) => scheme.toLowerCase().replace(/:(?:\/\/)?$/, '')))
    const odd = hosts.find((host) => !(isHost(host) || /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[^\s/?#*]+$/i.test(host)))
    if (odd !== undefined) {
      throw badRule(
        'access.hosts',
        'hosts, such as data.example.com, *.example.com and minio:9000, and buckets, such as s3://bucket',
        odd,
      )
    }
    // Names of buckets may differ in their case alone; of hosts they cannot.
    this.#hosts = hosts.map((host) =>
      host.includes('://')
        ? host.replace(/^[^:]*/, (scheme) => scheme.toLowerCase())
        : host.toLowerCase().replace(/\.$/, ''),
    )
    this.#sql = sql
    this.#connections = new Set(connections)
    this.#roles = new Set(roles)
    this.#outer = outer
    this.#rules = rules
    const embedding = addresses.find((network) => isEmbedding(network.replace(/\/.*/s, '')))
    if (embedding !== undefined) {
      throw badRule(
        'addresses',
        'an IPv4 address, or a network of such, in its own form, such as 10.1.0.0/16',
        embedding,
      )
    }
    try {
      this.#addresses = new Networks(addresses)
    } catch (error) {
      throw badRule('addresses', 'addresses and networks, such as 10.1.0.0/16', (error as Error).message)
    }
  }

  /**
   * The policy, or undefined where everything is open. What `outer` does not allow, this one cannot either.
   *
   * @throws {CopyError} 22023 for what is no rule.
   */
  static of(access: Access | undefined, outer?: AccessPolicy): AccessPolicy | undefined {
    if (access === undefined || access === 'open') return outer
    if (access === 'closed') return new AccessPolicy({}, outer)
    checkRules(access)
    return new AccessPolicy(access, outer)
  }

  /** What the addon asks where it dials by itself: rules that must all allow it. See "Network access" in ARCHITECTURE.md. */
  get network(): readonly NetworkRules[] {
    const { schemes = [], hosts = [], addresses = [] } = this.#rules
    return [{ schemes, hosts, addresses }, ...(this.#outer?.network ?? [])]
  }

  /** Refuses what needs no look at the world. */
  checkStatement({ text, where, options }: CopyFrom): void {
    if (this.#sql && (this.#outer === undefined || this.#outer.#sql)) return
    const transform = options.transform?.find(({ expression, type }) => expression !== undefined || type !== undefined)
    const found = where ?? transform?.expression ?? transform?.type
    if (found === undefined) return
    const what = where ? 'WHERE' : 'TRANSFORM'
    throw statementError(text, found.offset, 'insufficient_privilege', `${what} is not allowed here`, {
      detail: 'Its SQL would be run by the database with the rights of this connection.',
      hint: 'Whoever connects can allow it: access: { sql: true }.',
    })
  }

  /**
   * Refuses a connection or a role that the statement names and may not.
   *
   * @throws {CopyError} 42501, whether there is such a connection or not
   */
  checkConnection(statement: CopyFrom): void {
    const { text, source, options } = statement
    const name = connectionOf(statement)
    const { iamRole: role } = options.remote ?? {}
    const refuse = (what: string, hint: string) => {
      throw statementError(text, source.offset, 'insufficient_privilege', `${what} may not be used here`, { hint })
    }
    if (name !== undefined && !this.#connections.has(name)) {
      refuse(shownConnection(statement), 'Whoever connects says which may be: access: { connections: [name, …] }.')
    }
    if (role !== undefined && role !== 'default' && !this.#roles.has(role)) {
      refuse(`role "${role}"`, 'Whoever connects says which may be: access: { roles: [arn, …] }.')
    }
    this.#outer?.checkConnection(statement)
  }

  /**
   * Opens a file that the statement names. What was checked is what is read: its path leads through the descriptor.
   *
   * @throws {CopyError} 42501, with the same words whether there is such a file or not; 58P01 only where it would be allowed.
   */
  async openFile(
    path: string,
    name: string,
    statement: { readonly text: string; readonly offset: number },
  ): Promise<OpenedFile> {
    const opened = await this.open(path, name, statement)
    if (opened.kind === 'file') return opened
    await opened.handle.close()
    throw noRegularFile(name, statement)
  }

  /**
   * The same for a file or a folder.
   *
   * @throws {CopyError} as {@link openFile} does
   */
  async open(
    path: string,
    name: string,
    statement: { readonly text: string; readonly offset: number },
  ): Promise<OpenedFile | OpenedFolder> {
    const denied = (cause?: unknown) => this.#deniedFile(name, statement, cause)
    const refuse = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw missingFile(name, statement)
      if (error.code === 'EACCES' || error.code === 'EPERM') throw unreadable(name, error)
      throw denied(error)
    }
    // As it reads, since what is before a `..` would be looked at, wherever it is.
    const real = await this.#realPath(resolve(path))
    if (real === undefined || !(await this.#isInside(real.path + BELOW))) throw denied()
    if (!real.exists) throw missingFile(name, statement)
    // Nothing outside is opened, nor a pipe or a device anywhere: that alone can have effects. What is held can be asked what it is.
    const held = await open(real.path, O_PATH | constants.O_NOFOLLOW).catch(refuse)
    let isKept = false
    try {
      const link = `/proc/self/fd/${held.fd}`
      // A folder on the way may have been exchanged meanwhile, or what is at its end.
      const leadsTo = await readlink(link).catch(() => '')
      const found = await held.stat()
      if (found.isDirectory() && (await this.#isInside(leadsTo + BELOW))) {
        isKept = true
        return { kind: 'folder', path: link, handle: held }
      }
      if (found.isSymbolicLink() || !(await this.#isInside(leadsTo))) throw denied()
      if (!found.isFile()) throw noRegularFile(name, statement)
      const handle = await open(link, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY).catch(refuse)
      return { kind: 'file', path: `/proc/self/fd/${handle.fd}`, size: found.size, handle }
    } finally {
      if (!isKept) await held.close()
    }
  }

  /**
   * Opens all of them, or none. Each takes a descriptor until its handle is closed.
   *
   * @throws {CopyError} as {@link openFile} does; 53000 when there are more of them than this process may have open.
   */
  async openFiles(
    paths: readonly string[],
    statement: { readonly text: string; readonly offset: number },
  ): Promise<OpenedFile[]> {
    const opened: OpenedFile[] = []
    try {
      for (const path of paths) opened.push(await this.openFile(path, path, statement))
      return opened
    } catch (error) {
      for (const { handle } of opened) await handle.close()
      const cause = error instanceof CopyError ? error.cause : error
      if ((cause as NodeJS.ErrnoException | undefined)?.code !== 'EMFILE') throw error
      throw new CopyError({
        code: 'insufficient_resources',
        sqlState: '53000',
        message: `${paths.length} files are more than can be open at a time`,
        detail: 'Where access is limited, all files of a statement are open from the check to the end of the load.',
        hint: 'Raise the limit (ulimit -n), or load fewer files with a statement.',
        statement,
        cause,
      })
    }
  }

  /** Where the path leads: to a file, or to a folder without it. */
  async #realPath(path: string): Promise<{ readonly path: string; readonly exists: boolean } | undefined> {
    const whole = await realpath(path).catch((error: NodeJS.ErrnoException) => error.code ?? '')
    if (whole.startsWith(sep)) return { path: whole, exists: true }
    if (whole !== 'ENOENT' && whole !== 'ENOTDIR') return undefined
    for (let part = path; ; part = dirname(part)) {
      const found = await realpath(part).catch(() => undefined)
      // With something behind it, so that a root itself counts as what it contains.
      if (found !== undefined) return { path: found + BELOW, exists: false }
      // A link that leads nowhere would tell that there is nothing, wherever that is.
      const isLink = await lstat(part)
        .then((stats) => stats.isSymbolicLink())
        .catch(() => false)
      if (isLink || part === dirname(part)) return undefined
    }
  }

  async #isInside(real: string): Promise<boolean> {
    this.#roots ??= Promise.all(this.#folders.map((folder) => realpath(folder).catch(() => ''))).then((roots) =>
      roots.filter((root) => root !== ''),
    )
    const isInside = (await this.#roots).some((root) => real.startsWith(root.endsWith(sep) ? root : root + sep))
    return isInside && (this.#outer === undefined || (await this.#outer.#isInside(real)))
  }

  #deniedFile(name: string, statement: { readonly text: string; readonly offset: number }, cause?: unknown): CopyError {
    const which =
      this.#folders.length === 0
        ? 'No file may be read here.'
        : 'It is in none of the folders from which files may be read here.'
    return new CopyError({
      code: 'insufficient_privilege',
      sqlState: '42501',
      message: `file "${name}" may not be read`,
      detail: which,
      hint: 'Whoever connects says which: access: { files: [folder, …] }.',
      statement,
      cause,
    })
  }

  /**
   * Whether a URL may be asked for, before its host's address is known. To be asked again of each redirect.
   *
   * @throws {CopyError} 42501
   */
  checkUrl(url: string, statement?: { readonly text: string; readonly offset: number }): void {
    const refusal = this.refusalOfUrl(url)
    if (refusal === undefined) return
    throw new CopyError({
      code: 'insufficient_privilege',
      sqlState: '42501',
      message: `"${withoutQuery(url)}" may not be read`,
      detail: refusal,
      hint: 'Whoever connects says what may be: access: { schemes, hosts, addresses }.',
      ...(statement && { statement }),
    })
  }

  /** Why a URL may not be asked for; undefined if it may. */
  refusalOfUrl(url: string): string | undefined {
    return this.#ownRefusalOfUrl(url) ?? this.#outer?.refusalOfUrl(url)
  }

  #ownRefusalOfUrl(url: string): string | undefined {
    const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(url) ?? []
    const word = scheme.toLowerCase()
    if (word === '' || !this.#schemes.has(word)) return `The scheme "${word}" is not among those that are allowed.`
    if (word !== 'http' && word !== 'https') {
      const [bucket = ''] = rest.split(/[/?#]/)
      const place = `${word}://${bucket}`
      if (this.#hosts.includes(place)) return undefined
      return `The bucket "${shownAddress(place)}" is not among those that are allowed.`
    }
    let parsed: URL
    try {
      parsed = new URL(url)
    } catch {
      return 'It is no URL.'
    }
    if (parsed.username !== '' || parsed.password !== '') return 'It has a user or a password in it.'
    // The parser has made 127.0.0.1 of 0x7f.1 and of 2130706433.
    const host = parsed.hostname.replace(/\.$/, '')
    if (!this.#hosts.some((pattern) => matchesHost(pattern, parsed))) {
      return `The host "${parsed.host}" is not among those that are allowed.`
    }
    const address = plainAddress(host)
    return address === undefined ? undefined : this.refusalOfAddress(address)
  }

  /** Why no connection to an address may be made; undefined if one may. To be asked of the address that is dialled, each time. */
  refusalOfAddress(address: string): string | undefined {
    if (isAllowedAddress(address, this.#addresses)) return this.#outer?.refusalOfAddress(address)
    return `The address ${address} is not one of the Internet, and not among those that are allowed.`
  }
}

/** Whether the host of a URL is the one that is meant, or below the one that `*.` stands before. */
export function matchesHost(pattern: string, { hostname, port, protocol }: URL): boolean {
  const [, name = '', wanted = ''] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(pattern) ?? []
  // A URL does not keep the port that is its scheme's own.
  if (wanted !== port && wanted !== (port || (protocol === 'https:' ? '443' : '80'))) return false
  const host = hostname.replace(/\.$/, '')
  return name.startsWith('*.') ? host.endsWith(name.slice(1)) && host.length > name.length - 1 : name === host
}

const RULES = ['files', 'schemes', 'hosts', 'addresses', 'sql', 'connections', 'roles']

function checkRules(rules: unknown): asserts rules is AccessRules {
  if (typeof rules !== 'object' || rules === null) throw badRule('access', "'open', 'closed' or an object", rules)
  for (const [name, value] of Object.entries(rules)) {
    if (!RULES.includes(name)) throw badRule(`access.${name}`, `one of ${RULES.join(', ')}`, 'no such rule')
    if (name === 'sql') {
      if (typeof value !== 'boolean' && value !== undefined) throw badRule('access.sql', 'true or false', value)
    } else if (value !== undefined && !(Array.isArray(value) && value.every((each) => typeof each === 'string'))) {
      throw badRule(`access.${name}`, 'an array of strings', value)
    }
  }
}

function badRule(name: string, expected: string, given: unknown): CopyError {
  return new CopyError({
    code: 'invalid_parameter_value',
    sqlState: '22023',
    message: `invalid value for option "${name}": ${String(given)}`,
    detail: `It takes ${expected}.`,
  })
}

function missingFile(name: string, statement: { readonly text: string; readonly offset: number }): CopyError {
  return new CopyError({
    code: 'undefined_file',
    sqlState: '58P01',
    message: `could not open file "${name}" for reading: No such file or directory`,
    position: { file: name },
    statement,
  })
}

function unreadable(name: string, cause: Error): CopyError {
  return new CopyError({
    code: 'insufficient_privilege',
    sqlState: '42501',
    message: `could not open file "${name}" for reading: Permission denied`,
    position: { file: name },
    cause,
  })
}

function noRegularFile(name: string, statement: { readonly text: string; readonly offset: number }): CopyError {
  return new CopyError({
    code: 'wrong_object_type',
    sqlState: '42809',
    message: `"${name}" is no regular file`,
    detail: 'Where access is limited, pipes, devices and folders are not read.',
    statement,
  })
}
