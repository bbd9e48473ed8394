import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Networks that are not the Internet: of this machine, of this network, or nobody's (RFC 6890 and its registries). An address in one of them
 * is reached only where rules list it.
 */
const RESERVED = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Azure's, by which a machine asks what it runs on for its settings and certificates.
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

/** Prefixes of IPv6 addresses that are an IPv4 address in another form: what counts is that one. */
const EMBEDDING = ['::ffff:0:0/96', '64:ff9b::/96']

/** A set of networks. */
export class Networks {
  readonly #list = new BlockList()

  /** @param networks addresses, or networks in CIDR notation @throws {TypeError} for what is neither */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', length, ...rest] = network.split('/')
      const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined
      const most = family === 'ipv4' ? 32 : 128
      const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : -1
      if (family === undefined || rest.length > 0 || bits < 0 || bits > most) throw new TypeError(network)
      this.#list.addSubnet(address, bits, family)
    }
  }

  /** Whether the address (of which there is no other form) is in one of them. */
  has(address: string): boolean {
    return this.#list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
  }
}

const reserved = new Networks(RESERVED)
const embedding = new Networks(EMBEDDING)

/** Whether a connection to the address may be made: those of the Internet, and `listed` ones. */
export function isAllowedAddress(address: string, listed: Networks): boolean {
  const plain = plainAddress(address)
  if (plain === undefined) return false
  return listed.has(plain) || !reserved.has(plain)
}

/** The address without a zone; as an IPv4 address if it is one. Undefined for what is no address. */
export function plainAddress(address: string): string | undefined {
  const bare = address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/s, '')
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return undefined
  // BlockList would take a mapped address for an IPv4 one in one direction only.
  if (!isEmbedding(bare)) return bare
  const groups = expand(bare)
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Whether it is an IPv4 address in the form of IPv6: what is dialled is compared in its own. */
export function isEmbedding(address: string): boolean {
  if (!isIPv6(address)) return false
  const groups = expand(address)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped || embedding.has(address)
}

/** The eight groups of an IPv6 address. */
function expand(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const [, head = '', a = 0, b = 0, c = 0, d = 0] = dotted ?? []
  const pair = (x: string | number, y: string | number) => ((Number(x) << 8) | Number(y)).toString(16)
  const text = dotted ? `${head}${pair(a, b)}:${pair(c, d)}` : address
  const [before = '', after] = text.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const first = groups(before)
  if (after === undefined) return first
  const last = groups(after)
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}
