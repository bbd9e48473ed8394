import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROCESS = fileURLToPath(new URL('engine-process.mjs', import.meta.url))

/** An engine in its own process. Calls are answered one at a time. */
export class EngineHandle {
  #child
  #pending

  /** Starts the process; `env` is added to this one's environment. */
  constructor(name, env = {}) {
    this.name = name
    this.#child = fork(PROCESS, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    this.#child.on('message', ({ done, failed }) => {
      const { resolve, reject } = this.#pending
      this.#pending = undefined
      if (failed === undefined) resolve(done)
      else reject(new Error(`${name}: ${failed}`))
    })
    this.#child.on('exit', (code, signal) =>
      this.#pending?.reject(new Error(`${name}: process ended (${code ?? signal})`)),
    )
  }

  setUp(kind, context) {
    return this.#call('setUp', { name: this.name, kind, context })
  }

  run(verify) {
    return this.#call('run', { verify })
  }

  peakMemory(settleMs) {
    return this.#call('peakMemory', { settleMs })
  }

  async close() {
    if (!this.#child.connected) return
    await this.#call('close', {})
    if (this.#child.exitCode === null) await new Promise((resolve) => this.#child.on('exit', resolve))
  }

  /** Ends the process without asking it. */
  kill() {
    this.#child.kill()
  }

  #call(action, parameters) {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      this.#child.send({ action, ...parameters })
    })
  }
}
