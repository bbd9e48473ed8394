import type pg from 'pg'

/** What the server sends for a COPY … TO STDOUT. Rejects with the server's error. */
export function serverCopyOut(client: pg.Client, sql: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let failure: Error | undefined
    const query = {
      submit(connection: { query(sql: string): void }) {
        connection.query(sql)
      },
      handleCopyData({ chunk }: { readonly chunk: Buffer }) {
        chunks.push(Buffer.from(chunk))
      },
      handleError(error: Error) {
        failure = error
        reject(error)
      },
      handleReadyForQuery() {
        if (!failure) resolve(Buffer.concat(chunks))
      },
      handleCommandComplete() {},
      handleRowDescription() {},
      handleDataRow() {},
      handlePortalSuspended() {},
      handleEmptyQuery() {},
    }
    client.query(query as unknown as pg.Submittable)
  })
}
