import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { run } from '../../lib/cli/run.ts'

/** What is run, and around it. */
export interface Invocation {
  readonly words: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly stdin?: PassThrough
  /** Makes standard error a terminal. */
  readonly terminal?: boolean
}

/** The command with streams and signals of its own, on the real database. */
export function start({ words, env = {}, stdin = new PassThrough(), terminal = false }: Invocation) {
  const stdout = new PassThrough()
  const stderr = Object.assign(new PassThrough(), terminal ? { isTTY: true, columns: 100 } : {})
  const exits: number[] = []
  const exit = (code: number) => exits.push(code)
  const argv = ['node', 'copyist', ...words]
  const process = Object.assign(new EventEmitter(), { argv, env, stdin, stdout, stderr, exit, platform: 'linux' })
  const output = Promise.all([text(stdout), text(stderr)])
  const result = run(process as unknown as NodeJS.Process).then(async (code) => {
    stdout.end()
    stderr.end()
    const [out, err] = await output
    return { code, stdout: out, stderr: err }
  })
  return { process, stdin, exits, result }
}

export function copyist(invocation: Invocation) {
  return start(invocation).result
}
