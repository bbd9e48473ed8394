import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from } from 'pg-copy-streams'
import { copyOptions, loadInto } from './postgres-load.mjs'

export const label = 'pg-copy-streams'

/** The file's bytes as they are to COPY … FROM STDIN (FORMAT csv): the server parses. */
export function postgres(context) {
  return loadInto(context, 'pg-copy-streams', async (table) => {
    const client = new pg.Client(context.postgres)
    await client.connect()
    return {
      load: () =>
        pipeline(
          createReadStream(context.dataset.path, { highWaterMark: 1 << 18 }),
          client.query(from(`COPY ${table} FROM STDIN WITH (${copyOptions(context)})`)),
        ),
      close: () => client.end(),
    }
  })
}
