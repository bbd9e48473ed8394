// Loads a file with another build of the addon in another build of Node, run by an emulator:
//
//   COPYIST_ADDON=<addon> node scripts/emulated-load.mjs <emulator> <node> <expected instruction set>
//
// The server is a native PostgreSQL on the loopback, the loading process is the emulated one. Its rows are compared with
// those that this process's own parser of the same simple file counts.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startServer } from '../benchmark/server.mjs'

const [emulator, node, instructionSet] = process.argv.slice(2)
const root = fileURLToPath(new URL('..', import.meta.url))
const file = `${root}node_modules/vega-datasets/data/zipcodes.csv`

const program = `
  import { connect } from '${new URL('../dist/index.js', import.meta.url)}'
  const db = await connect(process.env.LOAD_TARGET)
  const receipt = await db.copy("COPY zipcodes FROM '" + process.env.LOAD_FILE + "' (FORMAT csv, HEADER, CREATE_TABLE)")
  await db.close()
  console.log(JSON.stringify({ arch: process.arch, version: process.version, ...receipt }))
`

const server = await startServer()
try {
  const { status, stdout, stderr, signal } = spawnSync(emulator, [node, '--input-type=module', '-e', program], {
    env: { ...process.env, LOAD_TARGET: server.url, LOAD_FILE: file },
    encoding: 'utf8',
    timeout: 600_000,
  })
  if (status !== 0) throw new Error(`the emulated load failed (${signal ?? status}): ${stderr}`)
  const receipt = JSON.parse(stdout.trim().split('\n').at(-1))
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').length - 1
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  const { rows } = await client.query(
    'SELECT count(*)::int AS count, sum(latitude)::numeric(12,2)::text AS latitude FROM zipcodes',
  )
  await client.end()
  const latitude = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .reduce((sum, line) => sum + Number(line.split(',')[1]), 0)
  const found = { rows: rows[0].count, latitude: rows[0].latitude, instructionSet: receipt.instructionSet }
  const expected = { rows: lines, latitude: latitude.toFixed(2), instructionSet }
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`)
  }
  console.log(
    `${receipt.rowsLoaded} rows loaded by Node ${receipt.version} on ${receipt.arch}, ${receipt.instructionSet}`,
  )
} finally {
  await server.stop()
}
