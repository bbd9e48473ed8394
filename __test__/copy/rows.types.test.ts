import { expect, test } from 'vitest'
import { connect, type Database } from '../../lib/index.ts'

interface Weather {
  readonly station: string
  readonly at: Date
  readonly temperature?: number | null
  readonly tags: readonly string[]
  readonly raw: { readonly sensor: number }
}

/* Proven by the compiler (`npm run typecheck`): each line below an expected error must be one. */
async function typed(db: Database): Promise<void> {
  const rows: Weather[] = []
  await db.copy('COPY t FROM STDIN', { rows })
  await db.copy<Weather>('COPY t FROM STDIN', { rows: rows.values() })
  await db.copy('COPY t FROM STDIN', { rows: [[1, 'a', null]] })
  await db.copy('COPY t FROM STDIN', { rows: new ReadableStream<Weather>() })
  await db.copy<Weather>('COPY t FROM STDIN', { rows: rows.map(async (row) => row) })
  await db.copy('COPY t FROM STDIN', { rows: [Promise.resolve({ id: 1 })] })
  await db.copy('COPY t FROM STDIN', { stdin: [Promise.resolve('x')] })
  // @ts-expect-error a promise of what is no row
  await db.copy('COPY t FROM STDIN', { rows: [Promise.resolve(1)] })
  await db.copy('COPY t FROM STDIN', { stdin: 'x', onReject: () => {} })
  // @ts-expect-error a misspelt key
  await db.copy<Weather>('COPY t FROM STDIN', { rows: [{ ...rows[0], statoin: 'x' }] })
  // @ts-expect-error a value of another type
  await db.copy<Weather>('COPY t FROM STDIN', { rows: [{ ...(rows[0] as Weather), station: 1 }] })
  // @ts-expect-error a symbol, which no column takes
  await db.copy('COPY t FROM STDIN', { rows: [{ id: Symbol('x') }] })
  // @ts-expect-error not even a row
  await db.copy('COPY t FROM STDIN', { rows: [1, 2] })
}

test('a typed call is the call that it looks like', async () => {
  const db = await connect(':memory:')
  await expect(typed(db)).rejects.toMatchObject({ sqlState: '42P01' })
  await db.close()
})
