import { spawn, spawnSync } from 'node:child_process'
import { copyOptions, loadInto } from './postgres-load.mjs'

export const label = 'psql \\copy'

/** Why this machine cannot run it, if so. */
export function unavailable() {
  return spawnSync('psql', ['--version']).error === undefined ? undefined : 'psql is not installed'
}

/** A whole psql, its start included (some 20 ms). */
export function postgres(context) {
  return loadInto(context, 'psql', (table) => ({ load: () => copyByPsql(context, table, context.dataset.path) }))
}

/** The same of any CSV file, with a header, into a table. */
export function copyByPsql(context, table, path) {
  return new Promise((resolve, reject) => {
    const command = `\\copy ${table} FROM '${path}' WITH (${copyOptions(context)})`
    const psql = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', context.postgres, '-c', command], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    psql.on('error', reject)
    psql.on('exit', (code) =>
      code === 0 ? resolve({ elsewhere: true }) : reject(new Error(`psql: exit status ${code}`)),
    )
  })
}
