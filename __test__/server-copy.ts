import type pg from 'pg'

/** The parts of pg's connection that a COPY takes. */
interface CopyConnection {
  query(sql: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/**
 * What the server itself makes of a COPY … FROM STDIN and these bytes: the number of rows. Rejects with the server's error.
 * The bytes go in two messages, as every client may cut them.
 */
export function serverCopy(client: pg.Client, sql: string, data: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let rows = 0
    let failure: Error | undefined
    const query = {
      submit(connection: CopyConnection) {
        connection.query(sql)
      },
      handleCopyInResponse(connection: CopyConnection) {
        const middle = data.length >> 1
        connection.sendCopyFromChunk(data.subarray(0, middle))
        connection.sendCopyFromChunk(data.subarray(middle))
        connection.endCopyFrom()
      },
      handleCommandComplete({ text }: { readonly text: string }) {
        rows = Number(text.slice('COPY '.length))
      },
      // pg forgets a query that failed, before the server is ready again; the next query waits for that anyway.
      handleError(error: Error) {
        failure = error
        reject(error)
      },
      handleReadyForQuery() {
        if (!failure) resolve(rows)
      },
      handleRowDescription() {},
      handleDataRow() {},
      handlePortalSuspended() {},
      handleEmptyQuery() {},
      handleCopyData() {},
    }
    client.query(query as unknown as pg.Submittable)
  })
}

/** A field of a CSV file, quoted. */
export function csvField(value: string | null): string {
  return value === null ? '' : `"${value.replaceAll('"', '""')}"`
}

const TEXT_ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** A field of a TEXT file. */
export function textField(value: string | null): string {
  return value === null ? '\\N' : value.replace(/[\\\t\n\r]/g, (character) => TEXT_ESCAPES[character] ?? character)
}
