import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Runs the in-process cases in a process of their own. Returns `{ name, medianMicros, perSecond }` for each. */
export function measureMicro() {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('micro-process.mjs', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', resolve)
    child.on('error', reject)
    child.on('exit', (code) => code === 0 || reject(new Error(`micro-process: exit status ${code}`)))
  })
}
