/** How long whoever gives credentials may take: longer than AWS's package asks a metadata service that does not answer. */
const PATIENCE_MS = 60_000

/** What `given` gives; where that takes more than a minute, a rejection with what `late` makes. */
export async function inTime<Value>(given: Promise<Value>, late: () => Error): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const waited = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), PATIENCE_MS)
  })
  try {
    return await Promise.race([given, waited])
  } finally {
    clearTimeout(timer)
  }
}
