import { CopyError } from '../errors.ts'

/** As much of a record batch of `apache-arrow` as every version has; name its own type where you want all of it. */
export interface ArrowBatch {
  readonly numRows: number
  readonly numCols: number
  readonly schema: unknown
  getChild(name: string): unknown
}

/** The same of a table. */
export interface ArrowTable extends ArrowBatch {
  readonly batches: readonly unknown[]
}

/** What is needed of `apache-arrow`. */
interface ApacheArrow {
  readonly RecordBatchReader: {
    from(bytes: Uint8Array): Iterable<ArrowBatch & { data: unknown }> & { schema: unknown; open(): unknown }
  }
  readonly RecordBatch: new (schema: unknown, data: unknown) => ArrowBatch
  readonly Table: new (schema: unknown, batches: readonly unknown[]) => ArrowTable
  readonly tableFromIPC: (bytes: Uint8Array) => ArrowTable
}

/** The package `apache-arrow`, which whoever wants its classes installs. */
export async function apacheArrow(): Promise<ApacheArrow> {
  try {
    // By a variable, so that whoever does without it can compile.
    const name = 'apache-arrow'
    return (await import(name)) as ApacheArrow
  } catch (cause) {
    throw new CopyError({
      code: 'feature_not_supported',
      sqlState: '0A000',
      message: 'the package "apache-arrow" is not there, whose classes batches() and table() give',
      detail: cause instanceof Error ? cause.message : String(cause),
      hint: 'npm install apache-arrow; or take the bytes by ipc(), which every library of Arrow reads.',
      cause,
    })
  }
}

/** Makes record batches of chunks that are streams by themselves. All have one schema, as an object too. */
export class BatchMaker {
  readonly #arrow: ApacheArrow
  #schema: unknown

  constructor(arrow: ApacheArrow) {
    this.#arrow = arrow
  }

  batch(bytes: Uint8Array): ArrowBatch {
    for (const batch of this.#arrow.RecordBatchReader.from(bytes)) {
      this.#schema ??= batch.schema
      return new this.#arrow.RecordBatch(this.#schema, batch.data)
    }
    throw new TypeError('a stream of Arrow that was just written has no batch')
  }

  /** A table of batches of this one's. `empty` is a stream without any, in case there are none. */
  table(batches: readonly ArrowBatch[], empty: () => Uint8Array): ArrowTable {
    return batches.length === 0
      ? this.#arrow.tableFromIPC(empty())
      : new this.#arrow.Table(this.#schema, batches as readonly unknown[])
  }
}
