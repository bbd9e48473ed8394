/** What values of JavaScript are, for whoever writes them as text. */

export type Primitive = string | number | bigint | boolean

/** Whether it is an object whose properties are its values. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  if (isPlain(value)) return true
  const isOther =
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Date ||
    value instanceof Error ||
    value instanceof RegExp ||
    isPromise(value)
  return !isOther && !isBytes(value) && !ArrayBuffer.isView(value)
}

/** An object of no class, in whichever realm it was made. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

/** Whether it is an object of a class without a property of its own, such as a generator: what it holds is not to be seen. */
export function isHollow(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return !Array.isArray(value) && !isPlain(value) && Object.keys(value).length === 0
}

/** Whether it has values one after the other, as generators and collections have. */
export function isIterable(value: object): boolean {
  return Symbol.iterator in value || Symbol.asyncIterator in value
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

export function isBytes(value: unknown): value is Uint8Array | ArrayBuffer {
  return value instanceof Uint8Array || value instanceof ArrayBuffer
}

export function bytesOf(value: Uint8Array | ArrayBuffer): Uint8Array {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value
}

/** A value as messages name it: what it is, and no more of it than a number. */
export function nameOf(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return `the number ${value}`
    case 'boolean':
      return `the Boolean ${value}`
    case 'string':
      return 'a string'
    case 'object':
      if (value === null) return 'null'
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
      if (Array.isArray(value)) return 'an array'
      if (isBytes(value)) return 'bytes'
      return objectName(value)
    case 'undefined':
      return 'undefined'
    default:
      return `a ${typeof value}`
  }
}

function objectName(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  if (isRecord(value) && !isHollow(value) && !isIterable(value)) return 'an object'
  if (tag === 'Object') return isIterable(value) ? 'an iterable' : 'an object of a class without properties'
  return `${/^[AEIO]/.test(tag) ? 'an' : 'a'} ${tag}`
}

/**
 * What an object of a class stands for, such as a decimal number or a date of a library: as it says to `pg`, in JSON, or as a string.
 * Undefined for plain objects, arrays and what says nothing of itself.
 */
export function primitiveOf(value: object): Primitive | undefined {
  if (isList(value)) return undefined
  const { toPostgres, toJSON } = value as { toPostgres?: unknown; toJSON?: unknown }
  for (const method of [toPostgres, toJSON]) {
    if (typeof method !== 'function') continue
    // `pg` hands over a function that prepares values.
    const said: unknown = method === toJSON ? method.call(value, '') : method.call(value, (inner: unknown) => inner)
    if (isPrimitive(said)) return said
  }
  const text = Object.prototype.toString
  if (typeof toJSON === 'function' || typeof value.toString !== 'function' || value.toString === text) return undefined
  const said: unknown = value.toString()
  return typeof said === 'string' ? said : undefined
}

export function isPrimitive(value: unknown): value is Primitive {
  return /^(?:string|number|bigint|boolean)$/.test(typeof value)
}

/** An array, or numbers of a typed one. */
export function isList(value: object): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}
