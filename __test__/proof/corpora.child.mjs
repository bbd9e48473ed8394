// Reads or loads each file below a folder, one after the other, and tells of each on a line what came of it, how long it took, and how large
// this process was meanwhile. A process of its own, since what it is about may end it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { connect, read } from '../../dist/index.js'

const [how, format, folder] = process.argv.slice(2)

// All that there is of these formats, and all files of those who test readers of them, whatever they are.
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => /\.(parquet|arrows?|ipc|feather)$|\/(parquet|arrow)-testing\//.test(path))
  .sort()

const instance = await DuckDBInstance.create(':memory:')
const connection = await instance.connect()
const db = await connect(connection)

async function rowsOf(file) {
  const from = `FROM '${file.replaceAll("'", "''")}'`
  if (how === 'copy') {
    await connection.run('DROP TABLE IF EXISTS made')
    return (await db.copy(`COPY made ${from} (FORMAT ${format}, CREATE_TABLE)`)).rowsLoaded
  }
  let rows = 0
  for await (const batch of read(`COPY ${from} (FORMAT ${format})`).columnBatches()) rows += batch[0]?.length ?? 0
  return rows
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)

for (const file of files) {
  const name = file.slice(folder.length + 1)
  say({ begun: name })
  // The highest size so far is that of now.
  writeFileSync('/proc/self/clear_refs', '5')
  const started = performance.now()
  let outcome
  try {
    outcome = { rows: await rowsOf(file) }
  } catch (error) {
    outcome = { error: { name: error.name, sqlState: error.sqlState, message: error.message } }
  }
  const ms = performance.now() - started
  const bytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
  say({ file: name, ...outcome, ms, bytes })
}
await db.close()
connection.closeSync()
instance.closeSync()
