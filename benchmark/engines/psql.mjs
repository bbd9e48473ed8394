import { spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { copyOptions, loadInto } from './postgres-load.mjs'

export const label = 'psql \\copy'

/** Why this machine cannot run it, if so. */
export function unavailable() {
  return spawnSync('psql', ['--version']).error === undefined ? undefined : 'psql is not installed'
}

/** A whole psql, its start included (some 20 ms). Many files are copied by a statement each, in one transaction. */
export function postgres(context) {
  const { source, dataset } = context
  const load = (table) =>
    source === 'files'
      ? runPsql(context, ['-1', '-f', '-'], scriptOf(context, table))
      : copyByPsql(context, table, dataset.path)
  return loadInto(context, 'psql', (table) => ({ load: () => load(table) }))
}

function scriptOf(context, table) {
  const { folder } = context.dataset
  const files = readdirSync(folder).sort()
  return files.map((file) => `${copyCommand(context, table, join(folder, file))}\n`).join('')
}

function copyCommand(context, table, path) {
  return `\\copy ${table} FROM '${path}' WITH (${copyOptions(context)})`
}

/** The same of any CSV file, with a header, into a table. */
export function copyByPsql(context, table, path) {
  return runPsql(context, ['-c', copyCommand(context, table, path)])
}

function runPsql(context, args, input = '') {
  return new Promise((resolve, reject) => {
    const psql = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', context.postgres, ...args], {
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    psql.stdin.on('error', () => {})
    psql.stdin.end(input)
    psql.on('error', reject)
    psql.on('exit', (code) =>
      code === 0 ? resolve({ elsewhere: true }) : reject(new Error(`psql: exit status ${code}`)),
    )
  })
}
