import { randomUUID } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CopyError } from '../errors.ts'
import { shownAddress } from '../path.ts'
import { type ColumnarFormat, type CopyOptions, isColumnar } from '../statement/ast.ts'
import type { Positions } from '../statement/plan.ts'
import { type Addon, loadAddon } from './addon.ts'
import type {
  BindingLoad,
  BindingNext,
  BindingPeek,
  BindingSchema,
  BindingSpecification,
  BindingSpool,
  BindingTolerance,
  BindingType,
} from './binding.d.ts'
import { copyErrorOf } from './failure.ts'
import { checkFirstBytes } from './first-bytes.ts'
import type {
  Chunk,
  ColumnType,
  DuckdbColumn,
  FileCounters,
  LoadColumn,
  LoadCondition,
  LoadCounters,
  LoadSession,
  NativeLoad,
  NativeReject,
  ReadSinkKind,
  RowPlace,
  RowRecord,
  SinkKind,
  ValueNode,
} from './load.ts'
import { type ByteSource, checkText, claim, pump, unreadableInput } from './pump.ts'
import { readRejects } from './rejects.ts'
import type { RemoteObject, Store } from './store.ts'

/** What is known of the inputs of a load, for columns that hold it. */
export interface Known {
  /** Partition values of each. */
  readonly partitions?: readonly (readonly (string | null)[])[]
  /** What there was to know of each object of which this is a copy. */
  readonly about?: readonly Omit<RemoteObject, 'address'>[]
  /** Where the records are some of other inputs': what those are called, and of which of them each is. Partition values are then theirs. */
  readonly origins?: { readonly names: readonly string[]; readonly records: readonly number[] }
  /** From which offset on the fields of a spooled input stand in the order of which names, where they belong to columns by name. */
  readonly orders?: readonly { readonly start: number; readonly fields: readonly string[] }[]
}

/** What a load reads. */
export type Input = Known & AnyInput

type AnyInput =
  | {
      readonly kind: 'file'
      readonly path: string
      readonly name: string
      readonly size?: number
      /** Open for as long as the path, which leads through it, is to mean this file. */
      readonly handle?: FileHandle
    }
  | {
      /** Regular files that are read one after the other as one input; their names are their paths. */
      readonly kind: 'files'
      readonly paths: readonly string[]
      /** What they are called in messages, where that is not their paths. */
      readonly names?: readonly string[]
      /** Bytes of all of them. */
      readonly size: number
      /** Open for as long as the paths, which lead through them, are to mean these files. */
      readonly handles?: readonly FileHandle[]
      /** What the statement calls them. */
      readonly name: string
    }
  | {
      /** Objects of other machines that are read one after the other as one input. */
      readonly kind: 'remote'
      readonly objects: readonly RemoteObject[]
      readonly store: Store
      /** What the statement calls them, without a signature. */
      readonly name: string
    }
  | { readonly kind: 'spool'; readonly spool: Spool; readonly name: string }
  | { readonly kind: 'stream'; readonly stream: ByteSource; readonly name: string }

/** Bounds of a load. */
export interface LoadLimits {
  readonly threads: number
  /** Bytes. */
  readonly memoryLimit: number
  /** Bytes of an input after decompression; any number where absent. */
  readonly maxDecompressedBytes?: number
  /** Bytes after decompression for each byte before, beyond the first 64 MiB; where absent, what the codec hardly exceeds. */
  readonly maxCompressionRatio?: number
}

/** Everything that opens a load. */
export interface LoadPlan {
  readonly options: CopyOptions
  readonly columns: readonly LoadColumn[]
  /** What the fields of a record are called, where columns have the numbers of theirs. */
  readonly fields?: readonly string[]
  /** Of files of columns that are not matched by name: where the fields stand in each, and how many columns each has. */
  readonly positions?: Positions
  /** Of several files of columns: names that none but the first may have, or any that it has not; a later file that has one is refused. */
  readonly further?: readonly string[] | 'any'
  readonly session: LoadSession
  readonly sink: SinkKind | ReadSinkKind
  /** The relation's name in CONTEXT lines. */
  readonly table: string
  readonly limits: LoadLimits
  /** Binary COPY: whether the chunks are one stream, with its header and trailer. By default they are. */
  readonly isFramed?: boolean
  /** What the load is called, for columns that hold it. */
  readonly loadId?: string
  /** Whether the bytes of rows will be asked for. */
  readonly keepsRecords?: boolean
  /** All of them must be met by a record, or it is passed over. */
  readonly conditions?: readonly LoadCondition[]
  /** Whether each chunk is given away: its memory is nobody else's, whether it is released or not. */
  readonly givesAway?: boolean
  /**
   * Takes the records that the decoder refuses, in the order of the input. What it throws, `next()` rejects with. When it answers true,
   * the input ends with the chunk that they belong to.
   */
  readonly rejects?: {
    readonly take: TakeRejects
    /** Bytes of a record that are kept. */
    readonly rawLimit: number
    /** Records that are told; others are only counted. */
    readonly most: number
  }
}

/** See {@link LoadPlan.rejects}. */
export type TakeRejects = (rejects: readonly NativeReject[]) => boolean

/** Session settings where no server has a say: those PostgreSQL starts with. */
export const DEFAULT_SESSION: LoadSession = {
  dateOrder: 'mdy',
  intervalStyle: 'postgres',
  timeZone: 'UTC',
  now: 0n,
  zoneWords: 'all',
}

/** Starts a load. Throws CopyError when the input cannot be opened. */
export function openLoad(plan: LoadPlan, input: Input): NativeLoad {
  const { partitions, about, origins, orders } = input
  const spec = {
    ...specification(plan, plan.sink, input.name),
    ...(partitions && { partitions: partitions.flat(), partitionCount: partitions[0]?.length ?? 0 }),
    ...(about && { about: about.map((each) => ({ ...each })) }),
    ...(origins && { origins: { names: [...origins.names], records: [...origins.records] } }),
    ...(orders && { orders: orders.map(({ start, fields }) => ({ start, fields: [...fields] })) }),
  }
  return new Load(loadAddon(), spec, input, plan.rejects?.take, plan.givesAway)
}

/** Arrow's IPC stream of an input without rows. */
export function emptyIpc(plan: LoadPlan): Uint8Array {
  const bytes = loadAddon().emptyIpc(specification(plan, plan.sink, ''))
  if (bytes == null) throw new TypeError('the columns have no form in Arrow')
  return bytes
}

/** What can be read twice, and looked at without waiting for another machine. */
export type Rereadable = Exclude<Input, { kind: 'stream' | 'remote' }>

/** The names in the header of `input`, or column1 … without one; none where there is nothing in it. Throws CopyError. */
function peekNames(plan: Omit<LoadPlan, 'columns' | 'session' | 'sink'>, input: Rereadable): string[] {
  return peek(plan, input).names ?? []
}

/** The same as the header writes them: what stands there twice is not given another name. */
export function peekHeader(plan: Omit<LoadPlan, 'columns' | 'session' | 'sink'>, input: Rereadable): string[] {
  return peek(plan, input).written ?? []
}

/** Whether the header of `input` is an empty line. Throws CopyError. */
export function isNameless(plan: Omit<LoadPlan, 'columns' | 'session' | 'sink'>, input: Rereadable): boolean {
  return peek(plan, input).isNameless
}

function peek(plan: Omit<LoadPlan, 'columns' | 'session' | 'sink'>, input: Rereadable): BindingPeek {
  const addon = loadAddon()
  // Names may stand in quotation marks as values do.
  const columns = plan.options.removeQuotes ? [{ ...textColumn(''), cleaning: { unquotes: true } }] : []
  const spec = specification({ ...plan, columns, session: DEFAULT_SESSION }, 'infer', input.name)
  const peeked =
    input.kind === 'file'
      ? addon.peekFile(spec, input.path)
      : input.kind === 'files'
        ? addon.peekFiles(spec, [...input.paths], [...namesOf(input)])
        : addon.peekSpool(spec, input.spool.binding)
  if (peeked.failure) {
    // A first look knows no table: its CONTEXT has the input's name in the table's place.
    const { context } = peeked.failure
    const name = fileOf(peeked.failure, namesOf(input))
    const before = `COPY ${name}, `
    const isNamed = context?.startsWith(before)
    const renamed = isNamed ? { context: `COPY ${plan.table}, ${context?.slice(before.length)}` } : {}
    throw copyErrorOf({ ...peeked.failure, ...renamed }, name)
  }
  return peeked
}

/** A column of an input that tells its columns. */
export interface SchemaColumn {
  readonly name: string
  /** Its type in Arrow's words. */
  readonly arrowType: string
  /** The narrowest type of a new column that loses nothing, but what {@link hasNanoseconds}; absent where its values cannot be read. */
  readonly type?: ColumnType
  /** Whether it is of timestamps or times in nanoseconds, or lists of such. */
  readonly hasNanoseconds?: boolean
}

/** The columns of `input`; of several files those of the first. Throws CopyError where it is not of the format, or damaged. */
export async function readSchema(format: ColumnarFormat, input: Rereadable): Promise<SchemaColumn[]> {
  return (await readHead(format, input)).columns
}

/** The same, and how many rows `input` has, where it is one file that says so. */
export async function readHead(
  format: ColumnarFormat,
  input: Rereadable,
): Promise<{ readonly columns: SchemaColumn[]; readonly rows?: number }> {
  const addon = loadAddon()
  const name = namesOf(input)[0] ?? ''
  const path = input.kind === 'file' ? input.path : input.kind === 'files' ? (input.paths[0] ?? '') : name
  const schema = await (input.kind === 'spool'
    ? addon.schemaOfSpool(format, input.spool.binding, name)
    : addon.schemaOfFile(format, path, name))
  return {
    columns: columnsOf(schema, name),
    ...(schema.rows !== undefined && input.kind !== 'files' && { rows: schema.rows }),
  }
}

/** The same of the first of some objects of another machine: of Parquet it reads the end alone. */
export async function readRemoteSchema(
  format: ColumnarFormat,
  { objects, store, name }: Extract<Input, { kind: 'remote' }>,
  limits: LoadLimits,
  signal?: AbortSignal,
): Promise<SchemaColumn[]> {
  const [object = { address: name }] = objects
  return columnsOf(await store.schema(format, object, mostHeld(limits), signal), shownAddress(object.address))
}

/** The same of the files behind the first, one after the other. */
export async function readOtherSchemas(
  format: ColumnarFormat,
  input: Rereadable | Extract<Input, { kind: 'remote' }>,
  limits: LoadLimits,
  signal?: AbortSignal,
): Promise<SchemaColumn[][]> {
  const schemas: SchemaColumn[][] = []
  if (input.kind === 'remote') {
    for (const object of input.objects.slice(1)) {
      schemas.push(await readRemoteSchema(format, { ...input, objects: [object] }, limits, signal))
    }
  } else if (input.kind === 'files') {
    const addon = loadAddon()
    const names = namesOf(input)
    for (const [index, path] of input.paths.entries()) {
      if (index === 0) continue
      const name = names[index] ?? path
      schemas.push(columnsOf(await addon.schemaOfFile(format, path, name), name))
    }
  }
  return schemas
}

function columnsOf(schema: BindingSchema, name: string): SchemaColumn[] {
  if (schema.failure) throw copyErrorOf(schema.failure, name)
  return schema.columns.map(({ name, arrowType, ty, hasNanoseconds }) => ({
    name,
    arrowType,
    ...(ty && { type: columnType(ty) }),
    hasNanoseconds,
  }))
}

/** Bytes of an object that may be held where it is read in any order, and its server gives no parts of it. */
function mostHeld({ memoryLimit }: LoadLimits): number {
  return Math.floor(memoryLimit / 2)
}

function columnType({ kind, precision, scale, array }: BindingType): ColumnType {
  const type = {
    kind,
    ...(precision !== undefined && { precision }),
    ...(scale !== undefined && { scale }),
  } as ColumnType
  return array === undefined ? type : { kind: 'array', element: type, elementOid: 0, delimiter: ',' }
}

/** The names of the inputs, by their numbers. */
export function namesOf(input: Input): readonly string[] {
  if (input.kind === 'remote') return input.objects.map(({ address }) => shownAddress(address))
  return input.kind === 'files' ? (input.names ?? input.paths) : [input.name]
}

function fileOf({ file }: { readonly file?: number | undefined }, names: readonly string[]): string {
  return names[file ?? 0] ?? ''
}

/** The row whose numbers begin at `at`; undefined where it is not known. */
function recordAt(
  places: Float64Array,
  at: number,
  unit: RowPlace['unit'],
  names: readonly string[],
  raw: Buffer,
): RowRecord | undefined {
  const fileIndex = places[at] as number
  if (Number.isNaN(fileIndex)) return undefined
  const place = {
    file: names[fileIndex] ?? '',
    fileIndex,
    position: places[at + 1] as number,
    unit,
    firstLine: places[at + 2] as number,
    line: places[at + 3] as number,
    byteOffset: places[at + 4] as number,
    byteLength: places[at + 5] as number,
  }
  return { place, raw }
}

function textColumn(name: string): LoadColumn {
  return { name, type: { kind: 'text' }, forceNotNull: false, forceNull: false, hasDefault: true, notNull: false }
}

/** What types are proven on: an input, and how its records are read, before any column has a type. */
export type ProvingPlan = Omit<LoadPlan, 'columns' | 'session' | 'sink'> & {
  /** What is done to each field first. */
  readonly cleaning?: LoadColumn['cleaning']
}

/** The fields of `input` as texts, by the names of its header (or column1 …), or of the statement. */
export function textColumns(plan: ProvingPlan, input: Rereadable): LoadColumn[] {
  const { fixed, filler } = plan.options
  const dropped = new Set(filler?.map(({ value }) => value))
  const places = fixed?.fields.filter(({ name }) => !dropped.has(name.value))
  const names = places?.map(({ name }) => name.value) ?? peekNames(plan, input)
  return names.map(
    (name, index): LoadColumn => ({
      ...textColumn(name),
      ...(plan.cleaning && { cleaning: plan.cleaning }),
      ...(places?.[index] && { place: { offset: places[index].offset, length: places[index].length } }),
    }),
  )
}

/** A column of {@link inferTable}. */
export interface InferredColumn {
  name: string
  type: ColumnType
  /** Of `int8`: digits of the longest value. */
  digits?: number
}

/** The columns a table made from `input` would have: {@link textColumns} with proven types; and the rows that proved them. */
export async function inferTable(
  plan: ProvingPlan,
  input: Rereadable,
  signal: AbortSignal | undefined,
): Promise<{ readonly columns: InferredColumn[]; readonly rows: number }> {
  const columns = textColumns(plan, input)
  const spec = specification({ ...plan, columns, session: DEFAULT_SESSION }, 'infer', input.name)
  const load = new Load(loadAddon(), spec, input)
  const abort = () => load.cancel()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    signal?.throwIfAborted()
    while ((await load.next()) !== undefined);
    const guesses = load.guesses()
    return {
      columns: columns.map(({ name }, index) => {
        const { digits, ...type } = guesses[index] ?? { kind: 'text' as const }
        return { name, type, ...(digits !== undefined && { digits }) }
      }),
      rows: load.counters().rowsRead,
    }
  } finally {
    signal?.removeEventListener('abort', abort)
    await load.close()
  }
}

/** Bytes that are looked at in advance. */
export const START_BYTES = 16 * 1024

/** A stream kept so that it can be read twice: in memory up to a limit, then in a temporary file. */
export class Spool {
  readonly binding: BindingSpool
  readonly #start: Buffer[] = []
  #startLength = 0

  constructor(memoryLimit: number) {
    this.binding = new (loadAddon().BindingSpool)(memoryLimit)
  }

  /** Takes in the whole stream. */
  async fill(
    stream: ByteSource,
    name: string,
    signal: AbortSignal | undefined,
    { format, encoding }: Pick<CopyOptions, 'format' | 'encoding'> = { format: 'text', encoding: 'UTF8' },
  ): Promise<void> {
    try {
      claim(stream, 'stdin')
      await pump(stream, signal, (chunk, isText) => {
        if (isText) checkText(encoding)
        // Only text, and what comes in columns, has to be read twice.
        if (this.size === 0) checkFirstBytes(chunk, name, format)
        this.#keepStart(chunk)
        const failure = this.binding.push(chunk)
        if (failure) throw copyErrorOf(failure, name)
        return true
      })
    } catch (cause) {
      if (cause instanceof CopyError) throw cause
      throw unreadableInput(name, cause)
    }
  }

  #keepStart(chunk: Buffer): void {
    if (this.#startLength === START_BYTES) return
    // A copy: whose the chunk is may use it again.
    const part = Buffer.from(chunk.subarray(0, START_BYTES - this.#startLength))
    this.#start.push(part)
    this.#startLength += part.length
  }

  /** The first {@link START_BYTES} bytes, or all there are. */
  get start(): Buffer {
    return Buffer.concat(this.#start)
  }

  /** Bytes kept. */
  get size(): number {
    return this.binding.size()
  }

  /** Frees the memory or deletes the file. */
  dispose(): void {
    this.binding.dispose()
  }
}

const TILE = 256 * 1024
/** Larger for DuckDB, whose chunks then hold several vectors. */
const DUCKDB_TILE = 512 * 1024
/** Of Arrow out of rows in columns, so that a table has few batches. Arrays and objects are best made while a batch is in the caches. */
const ARROW_BATCH = 4 * 1024 * 1024
/** Chunks that DuckDB may hold: two windows of a few row groups each. Of narrow tables; with others the bytes come first. */
const DUCKDB_WINDOW = 256
/** Chunks of the first size that must be affordable at once. */
const DUCKDB_CHUNKS = 80
/** After this long without a turn of the event loop, timers and signals come first. */
const TURN_MS = 2
/** Bytes a stream may run ahead of the decoder. */
const STREAM_AHEAD = 1024 * 1024
/** Output is about this much larger than its tile at first; buffers grow when it is more. */
const OUTPUT_SLACK = 1.5
const NO_BYTES = Buffer.alloc(0)
/** Numbers that the addon tells of each file. */
const FILE_NUMBERS = 9
/** Numbers that it tells of each row's record. */
const RECORD_NUMBERS = 7
/** Refused records that become objects, and are dealt with, between two turns of the event loop: 3 to 10 µs each. */
const REJECTS_AT_ONCE = 250
/** Buffers do not grow beyond this many times their first size for good. */
const MOST_KEPT = 4

/** How an input is cut for decoder threads, and how much of it is held. */
export interface Split {
  readonly threads: number
  /** Bytes that are read at a time; each part ends with a record. */
  readonly tileSize: number
  /** Parts whose rows may wait for the target. */
  readonly window: number
  /** Bytes of the longest record. */
  readonly maxRecord: number
}

/** The split of a load with these limits. */
export function splitOf(
  { threads, memoryLimit }: LoadLimits,
  sink: SinkKind | ReadSinkKind | 'infer',
  format: CopyOptions['format'],
): Split {
  const isDuckdb = sink === 'duckdb' || sink === 'duckdb_served'
  const window = threads + (isDuckdb ? DUCKDB_WINDOW : 4)
  // A tile, its chunk and its copy are alive at once, for every thread and every place in the window.
  const places = threads + (isDuckdb ? DUCKDB_CHUNKS : window)
  const affordable = Math.max(16 * 1024, Math.floor(memoryLimit / (3 * places)))
  const wanted = isDuckdb ? DUCKDB_TILE : sink === 'ipc' && isColumnar(format) ? ARROW_BATCH : TILE
  return {
    threads,
    tileSize: Math.min(wanted, affordable),
    window,
    maxRecord: Math.min(2 ** 30, Math.max(64 * 1024, Math.floor(memoryLimit / 8))),
  }
}

function specification(
  plan: Omit<LoadPlan, 'sink'>,
  sink: SinkKind | ReadSinkKind | 'infer',
  name: string,
): BindingSpecification {
  const { options, limits } = plan
  const { memoryLimit } = limits
  const isDuckdb = sink === 'duckdb' || sink === 'duckdb_served'
  return {
    format: options.format === 'text' && options.backslash === 'none' ? 'plain' : options.format,
    delimiter: options.delimiter,
    ...(options.eol === undefined ? {} : { eol: options.eol }),
    quote: byte(options.quote),
    escape: byte(options.escape),
    null: options.null,
    ...(options.default === undefined ? {} : { default: options.default }),
    header: options.header,
    skip: options.skip ?? 0,
    ...(options.encoding !== 'UTF8' && { encoding: options.encoding }),
    ...(options.backslash === 'next' && { escapesNext: true }),
    ...(options.useEof && { hasNoMarker: true }),
    hasComma: options.decimalSeparator === ',',
    ...(options.decimals === 'truncate' && { truncatesDecimals: true }),
    ...(options.unpadQuotes && { unpadsQuotes: true }),
    columns: plan.columns.map((column) => ({
      name: column.name,
      ty: bindingType(column.type),
      forceNotNull: column.forceNotNull,
      forceNull: column.forceNull,
      hasDefault: column.hasDefault,
      notNull: column.notNull,
      ...(column.field !== undefined && { field: column.field }),
      ...column.place,
      ...(column.patterns && { patterns: { ...column.patterns, list: [...column.patterns.list] } }),
      ...(column.conversion !== undefined && { conversion: column.conversion }),
      ...(column.zero !== undefined && { zero: byte(column.zero) }),
      ...(column.constant !== undefined && { constant: column.constant }),
      ...(column.sequence && {
        sequence: {
          start: String(column.sequence.start),
          increment: String(column.sequence.increment),
          ...(column.sequence.records && { records: [...column.sequence.records] }),
        },
      }),
      ...(column.lineage !== undefined &&
        (column.lineage === 'load_id' ? { constant: plan.loadId ?? randomUUID() } : { lineage: column.lineage })),
      ...(column.partition !== undefined && { partition: column.partition }),
      ...(column.cleaning && { cleaning: { ...NO_CLEANING, ...column.cleaning } }),
      ...(column.missingIsEmpty && { missingIsEmpty: true }),
      ...(column.isTold && { isTold: true }),
      ...(column.refusesReplaced && { refusesReplaced: true }),
    })),
    ...(plan.fields && { fields: [...plan.fields] }),
    ...(plan.positions && { positions: [...plan.positions.ofFields], fieldCount: plan.positions.count }),
    ...(plan.further === 'any' ? { refusesFurther: true } : plan.further && { further: [...plan.further] }),
    byCharacter: options.fixed?.unit === 'chars',
    ...droppedEnd(options),
    ...(plan.conditions && {
      conditions: plan.conditions.map(({ subject, negated, value }) => ({ ...subject, negated, value })),
    }),
    passesBlankLines: options.skipBlankLines ?? false,
    tolerance: tolerance(plan),
    isFramed: plan.isFramed ?? true,
    keepsRecords: plan.keepsRecords ?? false,
    session: { ...plan.session, now: Number(plan.session.now) },
    sink: isDuckdb ? 'duckdb' : sink,
    isServed: sink === 'duckdb_served',
    compression: options.remote?.compression ?? 'auto',
    ...(limits.maxDecompressedBytes !== undefined && { maxDecompressedBytes: limits.maxDecompressedBytes }),
    ...(limits.maxCompressionRatio !== undefined && { maxCompressionRatio: limits.maxCompressionRatio }),
    mapsByName: options.mapByName ?? false,
    table: plan.table,
    name,
    ...splitOf(limits, sink, options.format),
    // The rest is for tiles, copies of chunks (for DuckDB of all that are held) and one record of the largest size. What is kept of rows that
    // are not settled may take as much again; whoever gathers rows gathers no more of them at half of it.
    maxBytes: Math.floor(memoryLimit * (isDuckdb ? 3 / 8 : 1 / 4)),
    mostHeld: mostHeld(limits),
  }
}

/** Where the last of the places ends whose fields FILLER drops. */
function droppedEnd({ fixed, filler = [] }: CopyOptions): { droppedEnd?: number } {
  if (fixed?.match !== 'name') return {}
  const dropped = fixed.fields.filter(({ name }) => filler.some(({ value }) => value === name.value))
  if (dropped.length === 0) return {}
  return { droppedEnd: Math.max(...dropped.map(({ offset, length }) => offset + length)) }
}

function tolerance({ options, rejects }: Omit<LoadPlan, 'sink'>): BindingTolerance {
  const { errors, ignoreExtraData, fillMissingFields, truncateColumns, invalidChars } = options
  return {
    conversion: errors.conversion,
    structure: errors.structure === 'skip_row',
    constraint: errors.constraint === 'skip_row',
    extra: ignoreExtraData,
    missing: fillMissingFields === undefined ? 'none' : fillMissingFields === 'one' ? 'one' : 'any',
    truncate: truncateColumns,
    ...(invalidChars && { invalid: byte(invalidChars.replacement) }),
    ...(invalidChars?.nul !== undefined && { nul: byte(invalidChars.nul) }),
    rawLimit: Math.min(2 ** 30, rejects?.rawLimit ?? 0),
    maxRejects: rejects?.most ?? 0,
  }
}

const NO_CLEANING = { unquotes: false, blankIsNull: false, trims: false, emptyIsNull: false }

function byte(character: string): number {
  return character === '' ? 0 : (Buffer.from(character, 'utf8')[0] ?? 0)
}

function bindingType(type: ColumnType): BindingType {
  switch (type.kind) {
    case 'array': {
      // Nested lists are one literal; its element is what is not a list any more.
      const { array: inner, ...element } = bindingType(type.element)
      // Arrays of PostgreSQL, which have an OID, take any number of dimensions.
      const depth = type.elementOid === 0 ? (inner?.depth ?? 0) + 1 : 0
      return { ...element, array: { elementOid: type.elementOid, delimiter: byte(type.delimiter), depth } }
    }
    case 'enum':
      return { kind: 'enum', name: type.name, labels: [...type.labels] }
    case 'other': {
      const { known } = type
      if (known === undefined) return { kind: 'other' }
      return {
        kind: 'other',
        form: known.form,
        ...('parts' in known && { parts: known.parts.map(bindingType) }),
        ...('length' in known && { name: known.name, length: known.length }),
        ...('precision' in known && { precision: known.precision }),
        ...('fields' in known && { fields: [...known.fields] }),
      }
    }
    default:
      return { ...type }
  }
}

/** A load over the native addon. */
class Load implements NativeLoad {
  readonly #addon: Addon
  readonly #binding: BindingLoad
  readonly #name: string
  readonly #names: readonly string[]
  #numbers: ReadonlyMap<string, number> | undefined
  readonly #sink: string
  readonly #isServed: boolean
  readonly #total: number | undefined
  /** Buffers that nobody holds. */
  readonly #pool: Buffer[] = []
  /** Bytes of a buffer as it is at first, and as it is now. */
  readonly #base: number
  #size: number
  #wake: (() => void) | undefined
  #drain: (() => void) | undefined
  #closed: Promise<void> | undefined
  #lastTurn = performance.now()
  readonly maxHeld: number
  readonly #stopPump = new AbortController()
  #streamError: unknown
  #refusal: unknown
  readonly #columns: number
  readonly #format: string
  readonly #takeRejects: TakeRejects | undefined
  readonly #givesAway: boolean
  /** Nobody wants to know what is behind the rejects that were taken last. */
  #isEnough = false

  constructor(
    addon: Addon,
    spec: BindingSpecification,
    input: Input,
    takeRejects?: TakeRejects,
    givesAway: boolean = false,
  ) {
    this.#givesAway = givesAway
    this.#takeRejects = takeRejects
    this.#addon = addon
    this.#binding = new addon.BindingLoad()
    this.#name = input.name
    this.#names = namesOf(input)
    this.#format = spec.format
    this.#sink = spec.sink
    this.#isServed = spec.isServed
    this.#base = Math.ceil(spec.tileSize * OUTPUT_SLACK)
    this.#size = this.#base
    this.#columns = spec.columns.length
    this.maxHeld = spec.window - spec.threads
    const ready = () => this.#wake?.()
    let failure: ReturnType<BindingLoad['startFile']>
    switch (input.kind) {
      case 'file':
        this.#total = input.size
        failure = this.#binding.startFile(spec, input.path, ready)
        break
      case 'files':
        this.#total = input.size
        failure = this.#binding.startFiles(spec, [...input.paths], [...this.#names], ready)
        break
      case 'remote': {
        const { objects, store } = input
        const sizes = objects.map(({ size }) => size ?? Number.NaN)
        const total = sizes.reduce((sum, size) => sum + size, 0)
        if (Number.isSafeInteger(total)) this.#total = total
        failure = this.#binding.startRemote(
          spec,
          store.binding,
          objects.map((object) => ({ ...object })),
          ready,
        )
        break
      }
      case 'spool':
        this.#total = input.spool.size
        failure = this.#binding.startSpool(spec, input.spool.binding, ready)
        break
      case 'stream':
        claim(input.stream, 'stdin')
        failure = this.#binding.startStream(spec, STREAM_AHEAD, ready, () => this.#drain?.())
        break
    }
    if (failure) throw copyErrorOf(failure, input.name)
    if (input.kind === 'stream') this.#pump(input.stream, spec.encoding)
  }

  #pump(stream: ByteSource, encoding = 'UTF8'): void {
    const stop = this.#stopPump.signal
    const drained = () =>
      new Promise<void>((resolve) => {
        this.#drain = resolve
        if (stop.aborted) resolve()
      })
    stop.addEventListener('abort', () => this.#drain?.(), { once: true })
    let isStart = true
    const take = (chunk: Buffer, isText: boolean) => {
      if (isText) this.#check(() => checkText(encoding))
      if (isStart) this.#check(() => checkFirstBytes(chunk, this.#name, this.#format))
      isStart &&= chunk.length === 0
      return this.#binding.push(chunk) || drained()
    }
    pump(stream, stop, take).then(
      () => this.#binding.end(),
      (error: unknown) => {
        this.#streamError = error
        this.#binding.fail(error instanceof Error ? error.message : String(error))
      },
    )
  }

  /** Of an input that is refused nothing more is decoded, so that what `next` reports is that. */
  #check(refuse: () => void): void {
    try {
      refuse()
    } catch (error) {
      this.#refusal = error
      throw error
    }
  }

  async next(): Promise<Chunk | undefined> {
    // Chunks that are always ready would otherwise keep the loop in microtasks.
    if (performance.now() - this.#lastTurn > TURN_MS) await this.#turn()
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const chunk = await this.#tryNext()
      // Refused records alone, as many as are to be held at a time: whoever gathers rows may want to know.
      if (chunk === 'rejects') return { buffer: NO_BYTES, rows: 0, release: () => {} }
      if (chunk === 'end') return undefined
      if (chunk !== 'pending') return chunk
      await woken
      this.#lastTurn = performance.now()
    }
  }

  async #turn(): Promise<void> {
    await nextTurn()
    this.#lastTurn = performance.now()
  }

  /** The next chunk if it is there. */
  async #tryNext(): Promise<Chunk | 'pending' | 'rejects' | 'end'> {
    if (this.#isEnough) return 'end'
    let buffer = this.#isServed || this.#givesAway ? NO_BYTES : (this.#pool.pop() ?? Buffer.allocUnsafeSlow(this.#size))
    let next = this.#binding.next(buffer)
    if (next.state === 'grow') {
      if (!this.#givesAway && next.length <= MOST_KEPT * this.#base) {
        // Room to spare, so that chunks of about this size do not grow one by one.
        this.#size = Math.ceil(next.length * 1.25)
        this.#pool.length = 0
      }
      // A buffer for one long record is not kept.
      const room = this.#givesAway ? next.length : Math.max(this.#size, next.length)
      buffer = Buffer.allocUnsafeSlow(room)
      next = this.#binding.next(buffer)
    }
    if (next.hasRejects) {
      try {
        await this.#passRejects()
      } catch (error) {
        if (next.state === 'chunk') this.#chunk(buffer, next).release()
        throw error
      }
      if (this.#closed !== undefined && next.state === 'chunk') {
        this.#chunk(buffer, next).release()
        // Says that it was closed.
        next = this.#binding.next(NO_BYTES)
      }
      // Of rows between those rejects the target is still to be asked.
      if (this.#isEnough && next.state !== 'chunk') return 'end'
    }
    switch (next.state) {
      case 'chunk':
        return this.#chunk(buffer, next)
      case 'pending':
      case 'rejects':
        if (!this.#isServed && !this.#givesAway) this.#pool.push(buffer)
        return next.state
      case 'end':
        return 'end'
      default:
        if (next.failure === undefined) throw new TypeError(`native load answered "${next.state}"`)
        if (this.#refusal !== undefined) throw this.#refusal
        throw copyErrorOf(next.failure, fileOf(next.failure, this.#names), this.#streamError)
    }
  }

  /** Hands on what the decoder has refused: some at a time, for the garbage of each to be small, and nobody to wait for all. */
  async #passRejects(): Promise<void> {
    for (;;) {
      const taken = this.#binding.takeRejects(REJECTS_AT_ONCE)
      if (taken.count === 0) return
      if (this.#takeRejects?.(readRejects(this.#addon, taken, this.#names))) {
        this.#isEnough = true
        return
      }
      if (performance.now() - this.#lastTurn > TURN_MS) {
        await this.#turn()
        // Whoever has closed the load meanwhile wants to hear of no more.
        if (this.#closed !== undefined) return
      }
    }
  }

  #chunk(buffer: Buffer, next: BindingNext): Chunk {
    const { length, rows, id, columns, given } = next
    let released = false
    return {
      buffer: given ?? buffer.subarray(0, length),
      rows,
      ...(columns === undefined ? {} : this.#laidOut(next, columns)),
      release: () => {
        if (released) return
        released = true
        if (buffer.length === this.#size && !this.#givesAway) this.#pool.push(buffer)
        if (this.#sink === 'duckdb') this.#binding.release(id)
      },
    }
  }

  /** Where in the buffer its parts are. */
  #laidOut({ id, held }: BindingNext, numbers: readonly number[]): Partial<Chunk> {
    if (this.#sink === 'ipc') return { schemaBytes: numbers[0] ?? 0 }
    if (this.#sink === 'values') return { nodes: valueNodes(numbers) }
    return { held, id, batch: { columns: duckdbColumns(numbers, this.#columns) } }
  }

  setThreads(threads: number): void {
    this.#binding.setThreads(threads)
  }

  serve(window: number, signature: string, segments: readonly (readonly [number, number, number])[]): void {
    this.#binding.serve(window, signature, segments as [number, number, number][])
  }

  texts(column: number, from: number): string[] {
    const { bytes, ends } = this.#binding.texts(column, from)
    let start = 0
    return ends.map((end) => {
      // By itself: whoever keeps one is not to keep them all.
      const text = bytes.toString('utf8', start, end)
      start = end
      return text
    })
  }

  counters(): LoadCounters {
    const counters = this.#binding.counters()
    const { encoding, ...numbers } = counters
    return {
      ...numbers,
      ...(encoding != null && { encoding }),
      ...(this.#total === undefined ? {} : { bytesTotal: this.#total }),
    }
  }

  files(): FileCounters[] {
    const numbers = this.#binding.files()
    const about = this.#binding.about()
    return this.#names.slice(0, numbers.length / FILE_NUMBERS).map((file, index) => {
      const [
        bytesRead = 0,
        rowsRead = 0,
        rowsRefused = 0,
        headerLines = 0,
        linesSkipped = 0,
        rowsPassedOver = 0,
        blankLines = 0,
        rowsMended = 0,
        bytesReplaced = 0,
      ] = numbers.slice(index * FILE_NUMBERS, (index + 1) * FILE_NUMBERS)
      return {
        file,
        ...{ bytesRead, rowsRead, rowsRefused, headerLines, linesSkipped },
        ...{ rowsPassedOver, blankLines, rowsMended, bytesReplaced },
        ...(about[index]?.etag != null && { etag: about[index].etag }),
        ...(about[index]?.modified != null && { modified: about[index].modified }),
      }
    })
  }

  fieldsOf(file: string): readonly string[] | undefined {
    // Of one that is read twice the first is read when the other is not yet.
    this.#numbers ??= new Map(this.#names.map((name, number): [string, number] => [name, number]).reverse())
    const number = this.#numbers.get(file)
    return number === undefined ? undefined : (this.#binding.fieldsOf(number) ?? undefined)
  }

  locate(row: number): RowPlace | undefined {
    const place = this.#binding.locate(row)
    const unit = isColumnar(this.#format) ? 'row' : 'line'
    return place ? { ...place, unit, file: fileOf(place, this.#names), fileIndex: place.file ?? 0 } : undefined
  }

  records(rows: readonly number[], limit: number): (RowRecord | undefined)[] {
    const unit = isColumnar(this.#format) ? 'row' : 'line'
    const found: (RowRecord | undefined)[] = []
    while (found.length < rows.length) {
      const { places, raw } = this.#binding.records(rows.slice(found.length), limit)
      let end = 0
      for (let at = 0; at < places.length; at += RECORD_NUMBERS) {
        const start = end
        end += places[at + 6] || 0
        found.push(recordAt(places, at, unit, this.#names, raw.subarray(start, end)))
      }
    }
    return found
  }

  settle(row: number): void {
    this.#binding.settle(row)
  }

  isFull(): boolean {
    return this.#binding.isFull()
  }

  guesses(): (ColumnType & { digits?: number })[] {
    return this.#binding.guesses() as (ColumnType & { digits?: number })[]
  }

  cancel(): void {
    this.#binding.cancel()
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#stopPump.abort()
      await this.#binding.close()
      this.#wake?.()
    })()
    return this.#closed
  }
}

/** Seven numbers a node, in the order of its properties. */
function valueNodes(numbers: readonly number[]): ValueNode[] {
  const nodes: ValueNode[] = []
  for (let at = 0; at < numbers.length; at += 7) {
    const [kind = 0, rows = 0, validity = -1, data = 0, bytes = 0, offsets = -1, units = -1] = numbers.slice(at, at + 7)
    nodes.push({ kind, rows, validity, data, bytes, offsets, units })
  }
  return nodes
}

/** Four numbers a column: width, data, validity, defaults. */
function duckdbColumns(numbers: readonly number[], columns: number): DuckdbColumn[] {
  return Array.from({ length: columns }, (_, column) => {
    const [width = 0, data = 0, validity = -1, defaults = -1] = numbers.slice(column * 4, column * 4 + 4)
    return { width, data, validity, defaults }
  })
}
