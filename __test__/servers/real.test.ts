import { describe, expect, onTestFinished, test } from 'vitest'
import { binaryOf, startReal } from './real.ts'

/* That each server is there, starts on free ports and answers. */
describe.each(['versitygw', 'fake-gcs-server', 'seaweedfs', 'azurite'] as const)('%s', (name) => {
  const binary = binaryOf(name)

  test.skipIf(binary === undefined)('starts and answers', async () => {
    const server = await startReal(name, binary ?? '')
    onTestFinished(() => server.stop())
    const { status } = await fetch(`${server.url}/`)
    expect(status).toBeLessThan(500)
  })
})
