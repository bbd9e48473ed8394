import type { RecordBatch, Table } from 'apache-arrow'
import { describe, expectTypeOf, test } from 'vitest'
import type {
  ArrowBatch,
  ArrowTable,
  ReadColumn,
  Reading,
  ReadOptions,
  ReadReceipt,
  ReadValue,
} from '../../lib/index.ts'

/** Checked by tsc; nothing of it runs. */
describe('types', () => {
  const reading = {} as Reading

  test('rows have the type that is named, or that of any value', () => {
    expectTypeOf(() => reading.rows()).returns.toEqualTypeOf<AsyncIterableIterator<Record<string, ReadValue>>>()
    expectTypeOf(() => reading.rows<{ id: number; note: string | null }>()).returns.toEqualTypeOf<
      AsyncIterableIterator<{ id: number; note: string | null }>
    >()
  })

  test('of Arrow are those of whoever has the package', () => {
    expectTypeOf(() => reading.table<Table>()).returns.resolves.toEqualTypeOf<Table>()
    expectTypeOf(() => reading.batches<RecordBatch>()).returns.toEqualTypeOf<AsyncIterableIterator<RecordBatch>>()
    expectTypeOf<Table>().toExtend<ArrowTable>()
    expectTypeOf<RecordBatch>().toExtend<ArrowBatch>()
  })

  test('columns and options', () => {
    expectTypeOf<Awaited<ReturnType<typeof reading.columns>>>().toEqualTypeOf<ReadColumn[]>()
    expectTypeOf<Reading['receipt']>().toEqualTypeOf<ReadReceipt | undefined>()
    expectTypeOf<{ columns: { id: 'int' }; int64: 'number' }>().toExtend<ReadOptions>()
    expectTypeOf<{ int64: 'string' }>().not.toExtend<ReadOptions>()
  })
})
