// One engine in a process of its own, told by its parent what to do: `{ setUp }`, `{ run }`, `{ close }`. Answers each with
// `{ done }` or `{ failed }`.
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { ENGINES } from './engines/index.mjs'

let engine

const actions = {
  async setUp({ name, kind, context }) {
    const module = await ENGINES[name]()
    const unavailable = await module.unavailable?.()
    if (unavailable !== undefined) return { unavailable }
    engine = await module[kind](context)
    return { label: module.label }
  },

  /** Times one run. Preparing before it and checking after it are not in the time. */
  async run({ verify }) {
    await engine.before?.()
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const cpu = process.cpuUsage()
    const started = performance.now()
    const own = await engine.run()
    const ms = performance.now() - started
    const { user, system } = process.cpuUsage(cpu)
    // A last tick, or a block that lasts to the end would not be seen.
    await new Promise((resolve) => setTimeout(resolve, 2))
    delay.disable()
    const result = {
      ms: own?.ms ?? ms,
      // Of this process: an engine that starts another one has none to tell.
      cpuMs: own?.elsewhere ? undefined : (user + system) / 1000,
      loopP99Ms: delay.percentile(99) / 1e6,
      loopMaxMs: delay.max / 1e6,
    }
    if (verify) {
      const checked = await engine.checksum()
      Object.assign(result, typeof checked === 'string' ? { checksum: checked } : checked)
    }
    return result
  },

  /** The highest resident size of this process so far, in bytes. */
  async peakMemory({ settleMs }) {
    await new Promise((resolve) => setTimeout(resolve, settleMs))
    const status = readFileSync('/proc/self/status', 'utf8')
    return { bytes: Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024 }
  },

  async close() {
    await engine?.close?.()
    return {}
  },
}

process.on('message', async ({ action, ...parameters }) => {
  try {
    process.send({ done: await actions[action](parameters) })
    if (action === 'close') process.disconnect()
  } catch (error) {
    process.send({ failed: error.stack ?? String(error) })
  }
})
