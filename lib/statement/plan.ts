import { CopyError } from '../errors.ts'
import {
  type Constant,
  type CopyFrom,
  isColumnar,
  type LineageKind,
  type Name,
  type Sequence,
  type Transform,
} from './ast.ts'
import { statementError } from './diagnostics.ts'
import { closest } from './spelling.ts'

/** What the plan needs to know of the table. */
export interface PlannedTable {
  /** The table's bare name, for messages. */
  readonly relationName: string
  /** In table order, generated columns included. */
  readonly columns: readonly {
    readonly name: string
    readonly generated: boolean
    readonly identity?: 'always' | 'by default'
    readonly hasDefault?: boolean
  }[]
  /** Whether the database finds a column by its name in any case. */
  readonly caseInsensitive?: boolean
  /** Whether its columns are those of the input, by which it is made, or which is read without a table. */
  readonly isOfInput?: boolean
}

/** See {@link ColumnPlan.positions}. */
export interface Positions {
  readonly ofFields: readonly number[]
  readonly count: number
}

/** Which columns of the table the fields of a row go to. */
export interface ColumnPlan {
  /** Indexes into the table's columns, in the order of the fields. */
  readonly columns: readonly number[]
  /** By position in `columns`, of those that are read: FORCE_NOT_NULL holds. */
  readonly forceNotNull: readonly boolean[]
  /** By position in `columns`, of those that are read: FORCE_NULL holds. */
  readonly forceNull: readonly boolean[]
  /** What the fields of a record are called, and which of them is each column's; absent where they are one after the other. */
  readonly fields?: { readonly names: readonly string[]; readonly ofColumn: readonly number[] }
  /** Of files of columns that are not matched by name: where these fields stand in each, and how many columns each has. */
  readonly positions?: Positions
  /** Where columns are matched by name without a list of them: those that the input lacks, as indexes into the table's; absent: none. */
  readonly missing?: readonly number[]
  /** Of files of columns: names of columns that would be read, too, of a file that has them, although the first one has not; or any name. */
  readonly further?: readonly string[] | 'any'
  /** Where the values of the last columns come from, which are not read; absent where all are. */
  readonly made?: readonly Made[]
  /** QuestDB's designated timestamp, as an index into the table's columns. */
  readonly timestampColumn?: number
  /** fixed: where the field of each column stands. */
  readonly places?: readonly { readonly offset: number; readonly length: number }[]
  /** By position in `columns`: what TRANSFORM says of it; absent without the clause. */
  readonly transform?: readonly (Transform | undefined)[]
  /** Of ON CONFLICT: indexes into the table's columns; absent where the clause names none. */
  readonly conflictKeys?: readonly number[]
}

/** What makes the values of a column. */
export type Made =
  | { readonly sequence: Sequence }
  | { readonly constant: Constant }
  | { readonly lineage: LineageKind }
  /** Of the partition values of the path the one with this number. */
  | { readonly partition: number }

/**
 * Matches the names in a statement with the columns of its table, as PostgreSQL does: without a column list all columns
 * that are not generated. `header` are the names in the input's, where fields are matched by them: always where rows come in columns.
 *
 * Throws CopyError: 42703 for a column that does not exist, 42P10 for a generated one and for one named in FORCE_NULL or
 * FORCE_NOT_NULL that is not loaded, 42701 for one named twice.
 */
export function planColumns(given: CopyFrom, table: PlannedTable, header?: readonly string[]): ColumnPlan {
  const copy = withPartitions(given, table)
  const layout = withMade(
    copy,
    table,
    header && isColumnar(copy.options.format)
      ? copy.options.byPosition
        ? positioned(copy, table, header)
        : named(copy, table, header)
      : header
        ? mapped(copy, table, header)
        : copy.options.fixed
          ? placed(copy, table)
          : listed(copy, table),
  )
  const { columns, made = [] } = layout
  const read = columns.slice(0, columns.length - made.length)
  if (columns.length === 0 && copy.options.filler) throw onlyFiller(copy)
  checkIdentity(copy, table, columns)
  checkCondition(copy, table, layout.fields?.names ?? read.map((index) => table.columns[index]?.name ?? ''))
  const keys = copy.options.onConflict?.columns
  const conflictKeys = keys && resolve(copy, table, keys)
  const unloaded = conflictKeys?.findIndex((key) => !columns.includes(key)) ?? -1
  const designated = copy.options.timestampColumn
  const stamp = designated && resolve(copy, table, [ownName(table, designated) ?? designated])[0]
  if (designated && stamp !== undefined && !columns.includes(stamp)) {
    const message = `TIMESTAMP column "${designated.value}" not referenced by COPY`
    throw statementError(copy.text, designated.offset, 'invalid_column_reference', message)
  }
  const name = keys?.[unloaded]
  if (name) {
    const message = `ON CONFLICT column "${name.value}" not referenced by COPY`
    throw statementError(copy.text, name.offset, 'invalid_column_reference', message)
  }
  const transform = transforms(copy, table, columns)
  return {
    ...layout,
    ...(transform && { transform }),
    ...(conflictKeys && { conflictKeys }),
    ...(stamp !== undefined && { timestampColumn: stamp }),
    forceNotNull: force(copy, table, read, 'FORCE_NOT_NULL', copy.options.forceNotNull),
    forceNull: force(copy, table, read, 'FORCE_NULL', copy.options.forceNull),
  }
}

/** What the table calls the column of a name that is no word of SQL, and so has no rule for its case: as it is written, or else in any. */
function ownName({ columns }: PlannedTable, name: Name): Name | undefined {
  const names = columns.map((column) => column.name)
  const found = names[fieldNamed(names, name.value)]
  return found === undefined ? undefined : { ...name, value: found }
}

/** The statement with the table's names of its partition columns. */
function withPartitions(copy: CopyFrom, table: PlannedTable): CopyFrom {
  const { partitions } = copy.options
  if (partitions === undefined) return copy
  const found = partitions.map((key): Name => {
    const name = ownName(table, key)
    if (name !== undefined) return name
    const message = `relation "${table.relationName}" has no column "${key.value}"`
    throw statementError(copy.text, key.offset, 'undefined_column', message, {
      detail: `The paths of the files have a part "${key.value}=".`,
      hint: 'Add such a column to the table, or leave HIVE_PARTITIONING out.',
    })
  })
  return { ...copy, options: { ...copy.options, partitions: found } }
}

/** A statement that drops every field that it reads. */
export function onlyFiller({ text, options }: CopyFrom): CopyError {
  const offset = options.filler?.[0]?.offset ?? 0
  return statementError(
    text,
    offset,
    'invalid_parameter_value',
    'FILLER drops all fields, so that no column is loaded',
    {
      hint: 'Leave out of FILLER what is to be loaded, or give a column its values by CONSTANT or SEQUENCE.',
    },
  )
}

type Layout = Pick<ColumnPlan, 'columns' | 'fields' | 'positions' | 'missing' | 'further' | 'places' | 'made'>

/** Columns whose values are made, and not read. */
function madeColumns({ options }: CopyFrom): { name: Name; made: Made }[] {
  const { sequence = [], constant = [], lineage = [], partitions = [] } = options
  return [
    ...sequence.map((each) => ({ name: each.column, made: { sequence: each } })),
    ...constant.map((each) => ({ name: each.column, made: { constant: each } })),
    ...lineage.map(({ column, of }) => ({ name: column, made: { lineage: of } })),
    ...partitions.map((name, partition) => ({ name, made: { partition } })),
  ]
}

export function madeNames(copy: CopyFrom): readonly Name[] {
  return madeColumns(copy).map(({ name }) => name)
}

function allOf(copy: CopyFrom, table: PlannedTable): readonly number[] {
  const made = new Set(resolve(copy, table, madeNames(copy)))
  return table.columns.flatMap((column, index) => {
    const isLeftOut = column.generated || made.has(index) || (isGivenIdentity(copy) && column.identity === 'always')
    return isLeftOut ? [] : [index]
  })
}

/** In Redshift identity columns have no field, unless EXPLICIT_IDS says so; in PostgreSQL COPY always gives them values. */
function isGivenIdentity({ dialect, options }: CopyFrom): boolean {
  return dialect?.name === 'redshift' && !options.explicitIds
}

/** Redshift's rules for columns GENERATED ALWAYS AS IDENTITY. */
function checkIdentity(copy: CopyFrom, table: PlannedTable, columns: readonly number[]): void {
  const { explicitIds } = copy.options
  const refuse = (offset: number, message: string, hint: string) =>
    statementError(copy.text, offset, 'invalid_column_reference', message, { hint })
  if (explicitIds && !table.columns.some(({ identity }) => identity !== undefined)) {
    const message = `COPY EXPLICIT_IDS needs an identity column, and relation "${table.relationName}" has none`
    throw refuse(copy.table.name.offset, message, 'Leave it out.')
  }
  for (const [index, { name, identity }] of table.columns.entries()) {
    if (identity !== 'always') continue
    const listed = copy.columns?.find(({ value }) => isSameName(table, value, name))
    if (explicitIds && !columns.includes(index)) {
      const message = `COPY EXPLICIT_IDS needs identity column "${name}" among the columns`
      throw refuse(
        copy.columns?.[0]?.offset ?? copy.table.name.offset,
        message,
        'Name it in the list, or leave the list out.',
      )
    }
    if (isGivenIdentity(copy) && columns.includes(index)) {
      const message = `column "${name}" is an identity column, and gets its values by itself`
      throw refuse(listed?.offset ?? copy.table.name.offset, message, 'With EXPLICIT_IDS it takes those of the input.')
    }
  }
}

/** Behind the columns that are read those whose values are made. */
function withMade(copy: CopyFrom, table: PlannedTable, layout: Layout): Layout {
  const sources = madeColumns(copy)
  if (sources.length === 0) return layout
  const names = sources.map(({ name }) => name)
  const made = resolve(copy, table, names)
  const both = names.find((_, position) => layout.columns.includes(made[position] ?? -1))
  if (both) {
    const message = `column "${both.value}" is read from the input and made by the statement`
    throw statementError(copy.text, both.offset, 'duplicate_column', message)
  }
  const read = layout.columns.map((index) => table.columns[index]?.name ?? '')
  // The fields are those of the columns before; the others have none.
  const fields = layout.fields ?? (layout.places ? undefined : { names: read, ofColumn: read.map((_, field) => field) })
  const from = sources.map((source) => source.made)
  return { ...layout, columns: [...layout.columns, ...made], made: from, ...(fields && { fields }) }
}

/** The fields in the order of the list, those that are dropped included. */
function listed(copy: CopyFrom, table: PlannedTable): Layout {
  const { columns: names, options } = copy
  if (names === undefined) return { columns: allOf(copy, table) }
  const made = new Set(madeNames(copy).map(({ value }) => value))
  const listed = names.filter(({ value }) => !made.has(value))
  const dropped = new Set(options.filler?.map(({ value }) => value))
  if (dropped.size === 0) return { columns: resolve(copy, table, listed) }
  const kept = listed.flatMap((name, field) => (dropped.has(name.value) ? [] : [{ name, field }]))
  const columns = resolve(
    copy,
    table,
    kept.map(({ name }) => name),
  )
  return { columns, fields: { names: listed.map(({ value }) => value), ofColumn: kept.map(({ field }) => field) } }
}

/** The fields that have places in a line. */
function placed(copy: CopyFrom, table: PlannedTable): Layout {
  const { fields = [], match } = copy.options.fixed ?? {}
  const dropped = new Set(copy.options.filler?.map(({ value }) => value))
  const nowhere =
    match === 'name' && copy.options.filler?.find(({ value }) => !fields.some(({ name }) => name.value === value))
  if (nowhere) {
    const message = `FILLER column "${nowhere.value}" has no place in FORMATTER`
    throw statementError(copy.text, nowhere.offset, 'invalid_column_reference', message)
  }
  const taken = fields.filter(({ name }) => match === 'order' || !dropped.has(name.value))
  const places = taken.map(({ offset, length }) => ({ offset, length }))
  if (match === 'order') {
    const columns = listed(copy, table).columns
    if (columns.length === places.length) return { columns, places }
    const message = `FIXEDWIDTH has ${places.length} fields, and ${columns.length} columns are loaded`
    throw statementError(copy.text, fields[0]?.name.offset ?? 0, 'invalid_parameter_value', message)
  }
  const names = taken.map(({ name }) => name)
  const stray = copy.columns && fields.find(({ name }) => !copy.columns?.some(({ value }) => value === name.value))
  if (stray) {
    const message = `FORMATTER column "${stray.name.value}" not referenced by COPY`
    throw statementError(copy.text, stray.name.offset, 'invalid_column_reference', message)
  }
  const columns = resolve(copy, table, names)
  const nulls = copy.dialect?.name === 'gaussdb' ? fieldless(copy, table, columns) : []
  return { columns: [...columns, ...nulls], places: [...places, ...nulls.map(() => ({ offset: 0, length: 0 }))] }
}

/** Columns that are loaded and have no field: NULL in GaussDB, whatever their default. */
function fieldless(copy: CopyFrom, table: PlannedTable, placed: readonly number[]): readonly number[] {
  const dropped = new Set([...(copy.options.filler ?? []), ...madeNames(copy)].map(({ value }) => value))
  const listed = copy.columns?.filter(({ value }) => !dropped.has(value))
  const loaded = listed ? resolve(copy, table, listed) : allOf(copy, table)
  return loaded.filter((index) => table.columns[index]?.hasDefault === true && !placed.includes(index))
}

/** The field of that name: as it is written, or else the only one in any case; -1 where there is none. */
export function fieldNamed(names: readonly string[], wanted: string): number {
  const { exact, folded } = placesOf(names)
  const [first] = exact.get(wanted) ?? []
  if (first !== undefined) return first
  const [field = -1, ...others] = folded.get(wanted.toLowerCase()) ?? []
  return others.length === 0 ? field : -1
}

/** The places of names, as they are written and in lower case. */
interface Places {
  readonly exact: ReadonlyMap<string, readonly number[]>
  readonly folded: ReadonlyMap<string, readonly number[]>
}

/** By the list, which each column of a table is looked for in. */
const PLACES = new WeakMap<readonly string[], Places>()

function placesOf(names: readonly string[]): Places {
  const known = PLACES.get(names)
  if (known !== undefined) return known
  const exact = new Map<string, number[]>()
  const folded = new Map<string, number[]>()
  const add = (places: Map<string, number[]>, name: string, field: number): void => {
    const found = places.get(name)
    if (found === undefined) places.set(name, [field])
    else found.push(field)
  }
  for (const [field, name] of names.entries()) {
    add(exact, name, field)
    add(folded, name.trim().toLowerCase(), field)
  }
  const places = { exact, folded }
  PLACES.set(names, places)
  return places
}

/** All fields that may be meant. */
export function fieldsNamed(names: readonly string[], wanted: string): readonly number[] {
  const { exact, folded } = placesOf(names)
  return exact.get(wanted) ?? folded.get(wanted.toLowerCase()) ?? []
}

/** The fields that the header names as columns: as they are written, or else in any case. */
function mapped(copy: CopyFrom, table: PlannedTable, header: readonly string[]): Layout {
  const made = new Set(madeNames(copy).map(({ value }) => value))
  const dropped = copy.options.filler ?? []
  const unread = dropped.find(({ value }) => fieldNamed(header, value) < 0)
  if (unread) throw missingField(copy, header, unread.value, unread.offset)
  const listed = copy.columns?.filter(
    ({ value }) => !made.has(value) && !dropped.some((filler) => filler.value === value),
  )
  const wanted = listed ? resolve(copy, table, listed) : allOf(copy, table)
  const found = matched(copy, table, wanted, listed, header)
  const missing = found.findIndex(({ field }) => field < 0)
  const kept = found.filter(({ field }) => field >= 0)
  if ((copy.columns && missing >= 0) || (kept.length === 0 && wanted.length > 0)) {
    const name = table.columns[found[missing]?.column ?? 0]?.name
    throw missingField(copy, header, name, listed?.[missing]?.offset)
  }
  return {
    columns: kept.map(({ column }) => column),
    fields: { names: header, ofColumn: kept.map(({ field }) => field) },
    ...missingOf(found),
  }
}

/** The columns that no field is. */
function missingOf(found: readonly { readonly column: number; readonly field: number }[]): Pick<Layout, 'missing'> {
  const missing = found.filter(({ field }) => field < 0).map(({ column }) => column)
  return missing.length === 0 ? {} : { missing }
}

/** The field of each column, by its name as it is written, or else in any case; -1 where there is none. */
function matched(
  copy: CopyFrom,
  table: PlannedTable,
  wanted: readonly number[],
  listed: readonly Name[] | undefined,
  names: readonly string[],
): { readonly column: number; readonly field: number }[] {
  const nameOf = (column: number) => table.columns[column]?.name ?? ''
  const { exact, folded } = placesOf(names)
  const columnNames = new Set(wanted.map(nameOf))
  const found = wanted.map((column, at) => {
    const own = nameOf(column)
    const { value: written, offset } = listed?.[at] ?? { value: own, offset: copy.table.name.offset }
    const alike = exact.get(written) ?? exact.get(own) ?? folded.get(own.toLowerCase()) ?? []
    // A field that is called as another column is that column's.
    const meant = alike.filter((field) => {
      const name = names[field] ?? ''
      return name === written || name === own || !columnNames.has(name)
    })
    if (meant.length > 1) throw severalFields(copy, meant, own, offset)
    return { column, field: meant[0] ?? -1 }
  })
  const seen = new Set<number>()
  const shared = found.find(({ field }) => field >= 0 && seen.size === seen.add(field).size)
  if (shared === undefined) return found
  const columns = found.filter(({ field }) => field === shared.field).map(({ column }) => `"${nameOf(column)}"`)
  const field = isColumnar(copy.options.format) ? "the input's column" : "the header's field"
  const message = `${field} "${names[shared.field]}" may be column ${columns.join(' or ')}`
  throw statementError(copy.text, copy.table.name.offset, 'ambiguous_column', message, {
    hint: `Write it as the column is written, or ${isColumnar(copy.options.format) ? 'say MAP BY NAME false' : 'leave MAP BY NAME out'}.`,
  })
}

/** Several fields of the input may be a column. */
export function severalFields(
  { text, options }: CopyFrom,
  fields: readonly number[],
  name: string,
  offset: number,
): CopyError {
  const [input, kind, places] = isColumnar(options.format)
    ? ['the input', 'columns', 'With MAP BY NAME false']
    : ['the header', 'fields', 'Without MAP BY NAME']
  const message = `${input} has ${fields.length} ${kind} for column "${name}"`
  return statementError(text, offset, 'ambiguous_column', message, {
    detail: `They are the ${kind} ${fields.map((field) => field + 1).join(', ')}.`,
    hint: `${places} a column list and FILLER say by their places which ${kind.slice(0, -1)} is meant.`,
  })
}

/**
 * The columns of an input that are columns of the table, of which no others are read. Without a list those that the input lacks take their
 * defaults, and those that the table lacks are left.
 */
function positioned(copy: CopyFrom, table: PlannedTable, names: readonly string[]): Layout {
  const { columns, fields } = listed(copy, table)
  const places = fields ? fields.ofColumn : columns.map((_, index) => index)
  const count = fields?.names.length ?? columns.length
  if (count !== names.length) throw unequalColumns(copy, names, count)
  return {
    columns,
    fields: {
      names: places.map((place) => names[place] ?? ''),
      ofColumn: places.map((_, field) => field),
    },
    positions: { ofFields: places, count },
  }
}

/** Columns of an input that are matched by their places, and are not as many as are wanted. */
export function unequalColumns(copy: CopyFrom, names: readonly string[], wanted: number): CopyError {
  return new CopyError({
    code: 'bad_copy_file_format',
    sqlState: '22P04',
    message: `the input has ${names.length} columns, and ${wanted} are wanted`,
    detail: `Its columns are ${names.map((name) => `"${name}"`).join(', ')}.`,
    hint: 'List a column for each; those named in FILLER are dropped. With MAP BY NAME others are not read.',
    statement: { text: copy.text, offset: (copy.columns?.[0] ?? copy.table.name).offset },
  })
}

function named(copy: CopyFrom, table: PlannedTable, names: readonly string[]): Layout {
  const { filler = [] } = copy.options
  const left = new Set([...madeNames(copy), ...filler].map(({ value }) => value))
  const listed = copy.columns?.filter(({ value }) => !left.has(value))
  const wanted = listed ? resolve(copy, table, listed) : allOf(copy, table)
  const found = matched(copy, table, wanted, listed, names)
  const kept = found.filter(({ field }) => field >= 0)
  const missing = listed?.[found.findIndex(({ field }) => field < 0)]
  const stray = missing ?? filler.find(({ value }) => fieldsNamed(names, value).length === 0)
  const detail = `Its columns are ${names.map((name) => `"${name}"`).join(', ')}.`
  if (stray) {
    throw statementError(copy.text, stray.offset, 'undefined_column', `the input has no column "${stray.value}"`, {
      detail,
    })
  }
  // The table has been made for the input, so that it has another name for what it lacks.
  const cut = table.isOfInput ? found.find(({ field }) => field < 0) : undefined
  if (cut !== undefined) {
    const message = `column "${table.columns[cut.column]?.name}" of the new table has not the name that it has in the input`
    throw statementError(copy.text, copy.table.name.offset, 'name_too_long', message, {
      detail: 'PostgreSQL cuts names after 63 bytes.',
      hint: 'Give the columns shorter names: with MAP BY NAME false by a column list.',
    })
  }
  if (kept.length === 0 && wanted.length > 0) {
    const message = `the input has no column of relation "${table.relationName}"`
    throw statementError(copy.text, copy.table.name.offset, 'undefined_column', message, { detail })
  }
  const lacking = missingOf(found)
  return {
    columns: kept.map(({ column }) => column),
    fields: { names: kept.map(({ field }) => names[field] ?? ''), ofColumn: kept.map((_, field) => field) },
    ...lacking,
    ...(listed === undefined && {
      further: table.isOfInput ? 'any' : (lacking.missing ?? []).map((column) => table.columns[column]?.name ?? ''),
    }),
  }
}

export function missingField(
  copy: CopyFrom,
  header: readonly string[],
  name: string | undefined,
  offset = copy.table.name.offset,
): CopyError {
  const message = `the header has no field for column "${name}"`
  const detail = `Its fields are ${header.map((field) => `"${field}"`).join(', ')}.`
  return statementError(copy.text, offset, 'undefined_column', message, { detail })
}

function resolve(copy: CopyFrom, table: PlannedTable, names: readonly Name[]): readonly number[] {
  const indexes: number[] = []
  for (const name of names) {
    const index = table.columns.findIndex((column) => isSameName(table, column.name, name.value))
    const column = table.columns[index]
    if (!column) throw undefinedColumn(copy, table, name)
    if (column.generated) {
      const message = `column "${name.value}" is a generated column`
      const detail = 'Generated columns cannot be used in COPY.'
      throw statementError(copy.text, name.offset, 'invalid_column_reference', message, { detail })
    }
    if (indexes.includes(index)) {
      const message = `column "${name.value}" specified more than once`
      throw statementError(copy.text, name.offset, 'duplicate_column', message)
    }
    indexes.push(index)
  }
  return indexes
}

function isSameName(table: PlannedTable, a: string, b: string): boolean {
  return a === b || (table.caseInsensitive === true && a.toLowerCase() === b.toLowerCase())
}

function undefinedColumn(copy: CopyFrom, table: PlannedTable, name: Name): CopyError {
  const candidates = table.columns.map((column) => column.name)
  const message = `column "${name.value}" of relation "${table.relationName}" does not exist`
  return statementError(copy.text, name.offset, 'undefined_column', message, { hint: nameHint(name, candidates) })
}

/** WHEN names a column as a list of columns does, but for MAP BY NAME, where it names a field as the header does. */
function checkCondition(copy: CopyFrom, table: PlannedTable, fields: readonly string[]): void {
  const { when, mapByName, filler = [] } = copy.options
  if (when?.subject.kind !== 'column' || mapByName) return
  const { name } = when.subject
  const names = [...fields, ...filler.map(({ value }) => value)]
  if (!names.some((candidate) => isSameName(table, candidate, name.value))) throw noField(copy, name, names)
}

/** WHEN compares what is none of the fields `names`. */
export function noField({ text }: CopyFrom, name: Name, names: readonly string[]): CopyError {
  const message = `WHEN column "${name.value}" is no field of the input`
  return statementError(text, name.offset, 'undefined_column', message, { hint: nameHint(name, names) })
}

/** What may be meant by a name that is none of `candidates`. */
function nameHint(name: Name, candidates: readonly string[]): string | undefined {
  const sameLetters = candidates.find((candidate) => candidate.toLowerCase() === name.value.toLowerCase())
  const near = sameLetters ?? closest(name.value, candidates)
  return sameLetters !== undefined && !name.quoted
    ? `Names without double quotes are in lower case; write "${sameLetters}" with them.`
    : near === undefined
      ? undefined
      : `Did you mean "${near}"?`
}

function transforms(
  copy: CopyFrom,
  table: PlannedTable,
  columns: readonly number[],
): readonly (Transform | undefined)[] | undefined {
  const { transform } = copy.options
  if (transform === undefined) return undefined
  const names = transform.map(({ column }) => column)
  const indexes = resolve(copy, table, names)
  const stray = names.find((_, at) => !columns.includes(indexes[at] ?? -1))
  if (stray) {
    const message = `TRANSFORM column "${stray.value}" not referenced by COPY`
    throw statementError(copy.text, stray.offset, 'invalid_column_reference', message)
  }
  return columns.map((index) => transform[indexes.indexOf(index)])
}

function force(
  copy: CopyFrom,
  table: PlannedTable,
  columns: readonly number[],
  option: 'FORCE_NOT_NULL' | 'FORCE_NULL',
  names: '*' | readonly Name[],
): readonly boolean[] {
  if (names === '*') return columns.map(() => true)
  const forced = resolve(copy, table, names)
  for (const [position, index] of forced.entries()) {
    const name = names[position]
    if (name && !columns.includes(index)) {
      const message = `${option} column "${name.value}" not referenced by COPY`
      throw statementError(copy.text, name.offset, 'invalid_column_reference', message)
    }
  }
  return columns.map((index) => forced.includes(index))
}
