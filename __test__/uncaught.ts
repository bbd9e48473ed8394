import { afterAll, afterEach, beforeAll, expect } from 'vitest'

const EVENTS = ['uncaughtException', 'unhandledRejection', 'warning'] as const

/** No test of the file may leave an error that nobody catches, nor a warning of Node's. */
export function expectNothingUncaught(): void {
  const uncaught: unknown[] = []
  const onUncaught = (error: unknown) => uncaught.push(error)
  beforeAll(() => {
    for (const event of EVENTS) process.on(event, onUncaught)
  })
  afterEach(() => expect(uncaught.splice(0)).toEqual([]))
  afterAll(() => {
    for (const event of EVENTS) process.off(event, onUncaught)
    expect(uncaught).toEqual([])
  })
}
