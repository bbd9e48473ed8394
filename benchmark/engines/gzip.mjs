import { spawn, spawnSync } from 'node:child_process'

export const label = 'gzip -dc alone'

/** Why this machine cannot run it, if so. */
export function unavailable() {
  return spawnSync('gzip', ['--version']).error === undefined ? undefined : 'gzip is not installed'
}

/** Decompresses the file and does nothing else with it than to count its bytes. */
export function duckdbMemory({ dataset }) {
  let bytes = 0
  return {
    run: () =>
      new Promise((resolve, reject) => {
        bytes = 0
        const gzip = spawn('gzip', ['-dc', dataset.gzip], { stdio: ['ignore', 'pipe', 'inherit'] })
        gzip.stdout.on('data', (chunk) => {
          bytes += chunk.length
        })
        gzip.on('error', reject)
        gzip.on('close', (code) =>
          code === 0 ? resolve({ elsewhere: true }) : reject(new Error(`gzip: exit status ${code}`)),
        )
      }),
    checksum: () => (bytes === dataset.bytes ? dataset.checksum : `${bytes} bytes of ${dataset.bytes}`),
  }
}
