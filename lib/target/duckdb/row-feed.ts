import { randomBytes } from 'node:crypto'
import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api'
import type { DataChunk, ScalarFunctionInfo, Vector } from '@duckdb/node-bindings'
import { loadAddon } from '../../native/addon.ts'
import type { NativeLoad } from '../../native/load.ts'
import type { DuckdbDriver } from './driver.ts'
import { fieldNames, groupSize, groupsOf, type RowShape } from './row-shape.ts'
import type { RowWindow } from './row-window.ts'

/*
 * How rows get into DuckDB
 *
 * A scalar function `f(load, row)` returns row `row` of the load's current window as a STRUCT, and the load is
 *
 *     INSERT INTO t SELECT s.c0, s.c1, … FROM (SELECT f(17, n) AS s FROM slots)
 *
 * where `slots` holds the numbers from 0, as many as the window has rows. Compared with a table function this looks roundabout, but it is what makes an
 * INSERT both parallel and in the order of the file: a table function has no batch index, so DuckDB must insert its rows in one
 * thread (or give up their order), whereas every thread that scans a row group of `slots` knows which part of the order it is
 * working on. Measured with two threads, that is 1.7 times as fast in memory and in a file. DuckDB calls the function with
 * 2,048 rows at a time, and all there is to do is one memcpy a column.
 *
 * There are two feeds. The native one is called on DuckDB's own threads, by way of DuckDB's C interface: the addon replaces the body
 * of the function that has been made here, see `crates/node/src/duckdb.rs`. The portable one needs nothing but the official
 * interface, which calls it on the event loop's thread: a quarter more time, and the loop is busy meanwhile.
 *
 * The function does not consume: the same row may be asked for twice. So nothing depends on how often the optimizer has it
 * evaluated, and after a failure the rows of the window can be run again to find the first one at fault.
 */

/** Rows that DuckDB asks for in one call. */
export const VECTOR_ROWS = 2048

/** Rows of a row group: what one thread takes at a time, and the unit in which DuckDB's storage works. */
export const ROW_GROUP_ROWS = 122_880

/** A native load of the sink `duckdb_served`. */
type Serving = NativeLoad & Required<Pick<NativeLoad, 'serve'>>

/** What the portable function serves at the moment, by load. */
const feeds = new Map<number, RowFeed>()

/** Functions by connection and by shape. A function cannot be dropped, so it is used again. */
const functionNames = new WeakMap<object, Map<string, string>>()

/** The rows of one load, as a function that DuckDB can call. */
export class RowFeed {
  /** First argument of the function. */
  readonly id = loadAddon().newWindowId()
  readonly #driver: DuckdbDriver
  readonly #shape: RowShape
  /** Where the rows are, if the addon serves them. */
  readonly #native: Serving | undefined
  /** What the rows are: a function serves those of its own signature only. */
  readonly signature: string
  #window: RowWindow | undefined
  #failure: unknown

  constructor(driver: DuckdbDriver, shape: RowShape, native?: NativeLoad) {
    this.#driver = driver
    this.#shape = shape
    this.#native = native as Serving | undefined
    const kind = native === undefined ? 'portable' : 'native'
    this.signature = `${kind}|${shape.columns.map((type) => type.toString()).join()}|${shape.defaults.join()}`
    if (native === undefined) feeds.set(this.id, this)
  }

  /** What the function threw since the window was set. DuckDB only passes on the words. */
  get failure(): unknown {
    return this.#failure
  }

  /** The rows that the function serves from now on. No statement that uses it may be running. */
  serve(window: RowWindow | undefined): void {
    this.#failure = undefined
    if (this.#native === undefined) this.#window = window
    else if (window === undefined) loadAddon().dropWindow(this.id)
    else this.#native.serve(this.id, this.signature, window.segments())
  }

  /** The function has no rows for this load any more. */
  close(): void {
    this.serve(undefined)
    feeds.delete(this.id)
  }

  /**
   * The name of the function for rows of this shape, registered in the transaction of `connection`.
   * `owner` is what functions outlive loads with: the instance, or a connection that the caller lent.
   */
  async functionName(connection: DuckDBConnection, owner: object): Promise<string> {
    const names = functionNames.get(owner) ?? new Map<string, string>()
    functionNames.set(owner, names)
    const { signature } = this
    const known = names.get(signature)
    // Registered in a transaction that was rolled back since, or that has not ended, it does not exist for us.
    if (known !== undefined && (await exists(connection, known))) return known
    const name = `copyist_rows_${randomBytes(8).toString('hex')}`
    this.#register(connection, name)
    names.set(signature, name)
    return name
  }

  #register(connection: DuckDBConnection, name: string): void {
    const { api, bindings } = this.#driver
    const { columns, widths, defaults } = this.#shape
    const types = [...columns, ...defaults.map(() => api.BOOLEAN)]
    const fields = fieldNames(columns.length, defaults).map(
      (field, index) => [field, types[index] as DuckDBType] as const,
    )
    const size = groupSize(fields.length)
    const row = (of: typeof fields) => api.STRUCT(Object.fromEntries(of))
    const scalarFunction = new api.DuckDBScalarFunction()
    try {
      scalarFunction.setName(name)
      scalarFunction.addParameter(api.BIGINT)
      scalarFunction.addParameter(api.BIGINT)
      scalarFunction.setReturnType(
        size === undefined ? row(fields) : row(groupsOf(fields, size).map((group, index) => [`g${index}`, row(group)])),
      )
      // Volatile, so that nothing is folded or moved below; special handling, so that a NULL argument reaches us too.
      scalarFunction.setVolatile()
      scalarFunction.setSpecialHandling()
      if (this.#native !== undefined) {
        loadAddon().serveDuckdb(scalarFunction.scalar_function, this.signature, [...widths], [...defaults], size)
      } else {
        // The low-level form: DuckDBScalarFunction would wrap every vector in an object of its own.
        const { signature } = this
        bindings.scalar_function_set_function(scalarFunction.scalar_function, (info, input, output) => {
          serveRows(bindings, signature, info, input, output)
        })
      }
      connection.registerScalarFunction(scalarFunction)
    } finally {
      scalarFunction.destroySync()
    }
  }

  /** Writes rows `first … first + count` of the window to the fields of `output`. */
  write(output: Vector, first: number, count: number): void {
    const window = this.#window
    if (window === undefined || first < 0 || first + count > window.rows) {
      throw new Error(`rows ${first} to ${first + count} are not in the window`)
    }
    try {
      const { columns, defaults } = this.#shape
      window.write(this.#driver.bindings, output, columns.length, defaults, first, count)
    } catch (error) {
      this.#failure ??= error
      throw error
    }
  }
}

type Bindings = DuckdbDriver['bindings']

function serveRows(
  bindings: Bindings,
  signature: string,
  info: ScalarFunctionInfo,
  input: DataChunk,
  output: Vector,
): void {
  try {
    const count = bindings.data_chunk_get_size(input)
    if (count === 0) return
    const feed = feeds.get(int64At(bindings, bindings.data_chunk_get_vector(input, 0), 0))
    if (feed === undefined) throw new Error('this function works only inside a COPY')
    if (feed.signature !== signature) throw new Error('the rows are not of the kind that this function returns')
    const rows = bindings.data_chunk_get_vector(input, 1)
    const first = int64At(bindings, rows, 0)
    // A scan hands out the vectors of its table one by one: a whole one is in sequence. Only of the others is the last row number
    // looked at, since that takes a copy of all that are before it.
    if (count !== VECTOR_ROWS || first % VECTOR_ROWS !== 0) {
      const last = int64At(bindings, rows, count - 1)
      if (last - first !== count - 1) throw new Error(`rows ${first} to ${last} are not ${count} rows in sequence`)
    }
    feed.write(output, first, count)
  } catch (error) {
    bindings.scalar_function_set_error(info, error instanceof Error ? error.message : String(error))
  }
}

function int64At(bindings: Bindings, vector: Vector, row: number): number {
  const { buffer, byteOffset } = bindings.vector_get_data(vector, (row + 1) * 8)
  return Number(new DataView(buffer, byteOffset).getBigInt64(row * 8, true))
}

async function exists(connection: DuckDBConnection, name: string): Promise<boolean> {
  try {
    const prepared = await connection.prepare(`SELECT ${name}(0, 0)`)
    prepared.destroySync()
    return true
  } catch {
    return false
  }
}
