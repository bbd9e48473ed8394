import { inspect } from 'node:util'
import { CopyError } from '../errors.ts'
import { isWebAddress, shownAddress, withoutQuery } from '../path.ts'
import { isObject, kindOf, wrongArgument } from './argument.ts'
import type { Clause, ConflictPolicy, CopyFrom, CopyOptions, Name, OptionItem, QualifiedName, SqlText } from './ast.ts'
import { canBeName } from './keywords.ts'
import {
  type Limit,
  type OptionDefinition,
  type OptionKey,
  type OptionValue,
  optionKeys,
  optionTable,
} from './options.ts'
import { parseCopy, parseParts } from './parser.ts'
import { printArray, printClause } from './print-extensions.ts'
import { printClauses, printNames, printString } from './printing.ts'
import { maskFiles, maskSecrets, maskUrl } from './secrets.ts'
import { closest } from './spelling.ts'

/** `on_error` and `log errors` as properties: `onError`, `logErrors`. Of two that would be one, that of LOG ERRORS says so. */
type Property<Word extends string> = Word extends 'reject limit'
  ? 'logErrorsLimit'
  : Word extends `${infer First}_${infer Rest}`
    ? `${First}${Capitalize<Property<Rest>>}`
    : Word extends `${infer First} ${infer Rest}`
      ? `${First}${Capitalize<Property<Rest>>}`
      : Word

/** A value of the option table without places in a statement: a name is a string, and so is SQL. */
type Plain<Value> = Value extends Name
  ? string
  : Value extends SqlText
    ? string
    : Value extends Limit
      ? number | `${number}%`
      : Value extends bigint
        ? number | bigint
        : Value extends readonly (infer Item)[]
          ? readonly Plain<Item>[]
          : Value extends object
            ? { readonly [Key in keyof Value]: Plain<Value[Key]> }
            : Value

/** Options whose value is written otherwise than it is kept. */
interface Written {
  readonly format: CopyOptions['format']
  readonly encoding: string
  /** The name of a connection. */
  readonly credentials: string
  /** `label:width,…` */
  readonly fixedwidth: string
  /** Without an increment by 1. */
  readonly sequence: readonly {
    readonly column: string
    readonly start: number | bigint
    readonly increment?: number | bigint
  }[]
  readonly access_key_id: string
  readonly secret_access_key: string
  readonly session_token: string
}

type OptionProperties = {
  readonly [Key in OptionKey as Property<Key>]?: Key extends keyof Written ? Written[Key] : Plain<OptionValue<Key>>
}

/** A load as an object. The options have the names of the statement's, with capitals in place of underscores and blanks. */
export interface CopyObject extends OptionProperties {
  /** The exact name, as the database has it; a string is the table's alone. */
  readonly table: string | { readonly catalog?: string; readonly schema?: string; readonly name: string }
  /** The path of a file, or the stream that `copy` is called with. */
  readonly from: string | { readonly stdin: true }
  /** Exact names. */
  readonly columns?: readonly string[]
  /** A condition in SQL. */
  readonly where?: string
  readonly onConflict?: {
    readonly columns?: readonly string[]
    readonly action: ConflictPolicy['action']
    readonly keep?: ConflictPolicy['keep']
  }
}

const clauseProperties = ['table', 'from', 'columns', 'where', 'onConflict'] as const
const keysByProperty: ReadonlyMap<string, OptionKey> = new Map(optionKeys.map((key) => [propertyOf(key), key]))

function propertyOf(key: OptionKey): string {
  if (key === 'reject limit') return 'logErrorsLimit'
  return key.replace(/[_ ]([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/**
 * The statement that the object describes, parsed and checked: `text` is what `db.copy` takes. `text`, `source.path` and `options.remote.files` have
 * their URLs whole, signatures and passwords included; `JSON.stringify` and `inspect` hide these in the statement, not in copies and parts of it.
 *
 * Throws CopyError as a statement's parser does, with its place in the statement that was written; 22023 for a property that is none.
 */
export function copyFrom(object: CopyObject): CopyFrom {
  checkClauses(object)
  const { table, from, columns, where, onConflict } = object
  const options = Object.entries(object).flatMap(([property, value]) => {
    if (value === undefined || clauseProperties.some((name) => name === property)) return []
    const key = keysByProperty.get(property)
    if (key === undefined) throw unknownProperty(property)
    return [printOption(key, value)]
  })
  const text = printClauses({
    table: qualified(table),
    columns: columns?.map(toName),
    source: typeof from === 'string' ? { kind: 'file', path: from, offset: 0 } : { kind: 'stdin', offset: 0 },
    options,
    onConflict: onConflict && {
      ...(onConflict.columns && { columns: onConflict.columns.map(toName) }),
      action: onConflict.action,
      keep: onConflict.keep ?? (onConflict.action === 'update' ? 'last' : 'first'),
      offset: 0,
    },
    ...(where !== undefined && { where: { sql: where } }),
  })
  const copy = parseCopy(text)
  checkSql(object, copy)
  const { items } = parseParts(text)
  return printedWithoutSecrets({ ...copy, text: withConnection(maskSecrets(text, items), items, object) })
}

/**
 * The statement, in which the secrets of options are hidden, with the name of a connection that CREDENTIALS has: a program that gives one as a
 * property has named one, and `db.copy` has to find it.
 */
function withConnection(masked: string, items: readonly OptionItem[], { credentials }: CopyObject): string {
  const isName = typeof credentials === 'string' && /^(?!A[KS]IA)[a-z_][a-z0-9_-]{0,30}$/i.test(credentials)
  const at = items.find(({ name }) => name === 'credentials')?.argument?.offset
  if (!isName || at === undefined) return masked
  const shown = printString(credentials)
  return masked.slice(0, at) + shown + masked.slice(at + shown.length)
}

/** The statement, whose URLs are whole, since it is there to be run; not where it is printed. */
function printedWithoutSecrets(copy: CopyFrom): CopyFrom {
  const { text, source, options } = copy
  if (source.kind !== 'file') return copy
  const { remote } = options
  const isWeb = isWebAddress(source.path)
  const shown: CopyFrom = {
    ...copy,
    text: maskFiles(maskUrl(text, source), parseParts(text).items, source),
    source: { ...source, path: shownAddress(source.path) },
    ...(isWeb &&
      remote?.files && { options: { ...options, remote: { ...remote, files: remote.files.map(withoutQuery) } } }),
  }
  return Object.defineProperties(copy, { toJSON: { value: () => shown }, [inspect.custom]: { value: () => shown } })
}

function unusable(property: string, value: unknown): string {
  // Of some kinds there are others that it can use.
  const kind = value === '' ? 'an empty string' : kindOf(value).replace(/^an? (array|object)$/, 'this $1')
  return `copyFrom cannot use ${kind} for the property "${property}"`
}

/** What the types say of the clauses, for those who have none. */
function checkClauses(object: unknown): void {
  if (!isObject(object))
    throw wrongArgument(`copyFrom needs an object, not ${kindOf(object)}`, 'Write { table, from }.')
  const { table, from, columns, where, onConflict } = object
  const expect = (property: string, isRight: boolean, what: string) => {
    if (isRight) return
    const value = object[property]
    throw wrongArgument(
      value === undefined ? `copyFrom needs the property "${property}"` : unusable(property, value),
      `It is ${what}.`,
    )
  }
  const isNames = (value: unknown) =>
    Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string')
  const isName = (value: unknown) => value === undefined || typeof value === 'string'
  const isTable = isObject(table) && typeof table.name === 'string' && isName(table.schema) && isName(table.catalog)
  expect('table', typeof table === 'string' || isTable, 'a name, or { schema, name }')
  const isPath = typeof from === 'string' && from !== ''
  expect('from', isPath || (isObject(from) && from.stdin === true), 'a path, or { stdin: true }')
  expect('columns', columns === undefined || isNames(columns), 'an array of at least one name')
  expect('where', isName(where) && where !== '', 'a condition in SQL')
  const isConflict =
    isObject(onConflict) &&
    /^(?:skip|update|reject|error)$/.test(String(onConflict.action)) &&
    /^(?:first|last|undefined)$/.test(String(onConflict.keep)) &&
    (onConflict.columns === undefined || isNames(onConflict.columns))
  const what = "{ action: 'skip' | 'update' | 'reject' | 'error', keep: 'first' | 'last', columns: [names] }"
  expect('onConflict', onConflict === undefined || isConflict, what)
}

function qualified(table: CopyObject['table']): QualifiedName {
  if (typeof table === 'string') return { name: toName(table) }
  return {
    ...(table.catalog !== undefined && { catalog: toName(table.catalog) }),
    ...(table.schema !== undefined && { schema: toName(table.schema) }),
    name: toName(table.name),
  }
}

/** A name as somebody would write it: in double quotes where it would be another one without. */
function toName(value: string): Name {
  if (typeof value !== 'string') throw new TypeError('a name is no string')
  return { value, quoted: !(/^[a-z_][a-z0-9_]*$/.test(value) && canBeName(value)), offset: 0 }
}

function printOption(key: OptionKey, value: unknown): string {
  const { clause, synopsis }: OptionDefinition<unknown> = optionTable[key]
  if (Array.isArray(value) && value.length === 0) {
    const message = `copyFrom property "${propertyOf(key)}" is an empty list`
    throw wrongArgument(message, 'Leave it out where it names nothing.')
  }
  const isPlain = /^(?:string|number|bigint|boolean)$/.test(typeof value) || Array.isArray(value)
  try {
    if (isPlain || (clause !== undefined && isObject(value))) return `${key.toUpperCase()} ${printValue(key, value)}`
  } catch (error) {
    // A clause that lacks a part.
    if (!(error instanceof TypeError)) throw error
  }
  throw wrongArgument(unusable(propertyOf(key), value), `In a statement it is ${key.toUpperCase()} ${synopsis}.`)
}

function printValue(key: OptionKey, value: unknown): string {
  const { clause } = optionTable[key] as { readonly clause?: Clause['kind'] | 'names' }
  if (clause !== undefined && clause !== 'names') return printClause(toClause(clause, value))
  if (key === 'files' && Array.isArray(value)) return printArray(value.map(String))
  if (Array.isArray(value)) return printNames(value.map((name) => toName(String(name))))
  if (value === '*' && key.startsWith('force_')) return '*'
  return typeof value === 'string' ? printString(value) : String(value)
}

/** The clause, with names and SQL in place of strings. */
function toClause(kind: Clause['kind'], value: unknown): Clause {
  switch (kind) {
    case 'formatter':
      return { kind, fields: (value as Input<'formatter'>).map((field) => ({ ...field, name: toName(field.name) })) }
    case 'transform':
      return {
        kind,
        columns: (value as Input<'transform'>).map(({ column, type, expression }) => ({
          column: toName(column),
          ...(type !== undefined && { type: { sql: type, offset: 0 } }),
          ...(expression !== undefined && { expression: { sql: expression, offset: 0 } }),
        })),
      }
    case 'when': {
      const { subject, ...rest } = value as Input<'when'>
      const named = subject.kind === 'column' ? { kind: subject.kind, name: toName(subject.name) } : subject
      return { kind, condition: { ...rest, subject: named } }
    }
    case 'sequence':
      return {
        kind,
        columns: (value as Written['sequence']).map(({ column, start, increment = 1 }) => ({
          column: toName(column),
          start: wholeNumber('start', start),
          increment: wholeNumber('increment', increment),
        })),
      }
    case 'constant':
      return { kind, columns: (value as Input<'constant'>).map((each) => ({ ...each, column: toName(each.column) })) }
    case 'lineage':
      return { kind, columns: (value as Input<'lineage'>).map((each) => ({ ...each, column: toName(each.column) })) }
  }
}

function wholeNumber(name: string, value: number | bigint): number | bigint {
  if (typeof value === 'bigint') return value === 1n ? 1 : value
  if (Number.isSafeInteger(value)) return value
  throw wrongArgument(`"${name}" of "sequence" must be a whole number, not ${String(value)}`, 'Large ones are bigints.')
}

type Input<Key extends OptionKey> = Plain<OptionValue<Key>>

/** Refuses SQL that was read as more, or as something else, than one condition, type or expression. */
function checkSql({ where, transform }: CopyObject, copy: CopyFrom): void {
  const read = copy.options.transform ?? []
  const isSame = (a: string | undefined, b: SqlText | undefined) => a?.trim() === b?.sql
  const isWhole =
    isSame(where, copy.where) &&
    read.length === (transform?.length ?? 0) &&
    (transform ?? []).every(({ type, expression }, index) => {
      return isSame(type, read[index]?.type) && isSame(expression, read[index]?.expression)
    })
  if (isWhole) return
  throw new CopyError({
    code: 'syntax_error',
    sqlState: '42601',
    message: 'a condition, type or expression is no SQL of its own',
    detail: `The statement would be ${copy.text}`,
  })
}

function unknownProperty(property: string): CopyError {
  const all = [...clauseProperties, ...keysByProperty.keys()]
  const near = closest(property, all)
  const hint = near === undefined ? `The properties are ${all.join(', ')}.` : `Did you mean "${near}"?`
  return wrongArgument(`copyFrom has no property "${property}"`, hint)
}
