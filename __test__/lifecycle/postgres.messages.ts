import { connect, createServer, type Socket } from 'node:net'

/**
 * What is done when a message is about to be passed on:
 * - `reset`: both ends hear of a broken connection, and the message is lost;
 * - `finish`: the client hears of it, while the server reads what it was sent before and then finds the end;
 * - `tear`: half of the message gets through before the connection breaks;
 * - `stall`: nothing gets through any more, until one end gives up.
 */
export type Interruption = 'reset' | 'finish' | 'tear' | 'stall'

/** A TCP relay in front of the test server that knows where messages end. */
export interface MessageRelay {
  readonly url: string
  /** Messages seen since the last `interrupt`, of both directions, as `>Query BEGIN` or `<CommandComplete`. */
  readonly messages: readonly string[]
  /** Connections that are open. */
  readonly connections: number
  /** What was interrupted since then. */
  readonly interruption: { readonly message: string; readonly number: number } | undefined
  /** Resolves when the interruption has happened. */
  readonly interrupted: Promise<void>
  /** Counts anew, and interrupts the connection of the message that `when` says; connections made later are left alone. */
  interrupt(how: Interruption, when: (message: string, number: number) => boolean): void
  close(): Promise<void>
}

/** Starts a relay that passes on everything until told otherwise. */
export async function startMessageRelay(to: string): Promise<MessageRelay> {
  const target = new URL(to)
  const sockets = new Set<Socket>()
  let messages: string[] = []
  let plan: { how: Interruption; when: (message: string, number: number) => boolean } | undefined
  let interruption: MessageRelay['interruption']
  let interrupted = Promise.resolve()
  let onInterrupted = () => {}
  const server = createServer({ noDelay: true }, (inward) => {
    const outward = connect({ port: Number(target.port), host: target.hostname, noDelay: true })
    let isStalled = false
    let isOver = false
    const interrupt = (how: Interruption, write: (bytes: Buffer) => void, message: Buffer) => {
      if (how === 'stall') {
        isStalled = true
        return
      }
      isOver = true
      if (how === 'tear') write(message.subarray(0, message.length >> 1))
      if (how === 'reset') {
        inward.resetAndDestroy()
        outward.resetAndDestroy()
      } else {
        // What has been written still arrives.
        inward.end(() => inward.destroy())
        outward.end()
      }
    }
    const pass = (from: Socket, other: Socket, isClient: boolean) => {
      let waiting = Buffer.alloc(0)
      // The first message of a client has no type.
      let isFirst = isClient
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        other.destroy()
      })
      from.on('data', (bytes) => {
        if (isStalled || isOver) return
        waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes])
        for (;;) {
          const type = isFirst ? 0 : 1
          if (waiting.length < type + 4) return
          const length = type + waiting.readUInt32BE(type)
          if (waiting.length < length) return
          const message = waiting.subarray(0, length)
          waiting = waiting.subarray(length)
          const name = nameOf(message, isClient, isFirst)
          isFirst = false
          messages.push(name)
          if (plan?.when(name, messages.length)) {
            const { how } = plan
            plan = undefined
            interruption = { message: name, number: messages.length }
            interrupt(how, (half) => other.write(half), message)
            onInterrupted()
            return
          }
          other.write(message)
        }
      })
    }
    pass(inward, outward, true)
    pass(outward, inward, false)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no address')
  const url = new URL(to)
  url.port = String(address.port)
  return {
    url: url.href,
    get messages() {
      return messages
    },
    get connections() {
      return sockets.size / 2
    },
    get interruption() {
      return interruption
    },
    get interrupted() {
      return interrupted
    },
    interrupt(how, when) {
      messages = []
      interruption = undefined
      plan = { how, when }
      interrupted = new Promise((resolve) => {
        onInterrupted = resolve
      })
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

const CLIENT: Readonly<Record<string, string>> = {
  Q: 'Query',
  P: 'Parse',
  B: 'Bind',
  D: 'Describe',
  E: 'Execute',
  S: 'Sync',
  d: 'CopyData',
  c: 'CopyDone',
  f: 'CopyFail',
  X: 'Terminate',
  p: 'Password',
}
const SERVER: Readonly<Record<string, string>> = {
  R: 'Authentication',
  S: 'ParameterStatus',
  K: 'BackendKeyData',
  Z: 'ReadyForQuery',
  C: 'CommandComplete',
  T: 'RowDescription',
  D: 'DataRow',
  E: 'Error',
  N: 'Notice',
  G: 'CopyInResponse',
}

function nameOf(message: Buffer, isClient: boolean, isFirst: boolean): string {
  if (isFirst) return '>Startup'
  const letter = String.fromCharCode(message[0] ?? 0)
  const name = (isClient ? CLIENT : SERVER)[letter] ?? letter
  const text =
    letter === 'Q' || (!isClient && letter === 'C') ? ` ${message.toString('utf8', 5, message.length - 1)}` : ''
  return `${isClient ? '>' : '<'}${name}${text}`
}
