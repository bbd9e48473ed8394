import { isValid, type ReadColumn, type ReadValue } from './columns.ts'

type Row = Record<string, ReadValue>
type Names = readonly string[]
/** By column, then by row. */
type Arrays = readonly ArrayLike<ReadValue>[]

/**
 * Makes the rows of a batch: plain objects that all have the same properties in the same order.
 *
 * An object that is written with all its properties at once costs a third of one that gets them one by one, and so does without code
 * that is made while the program runs. Properties behind the first eight are put in afterwards, column by column.
 */
export function rowsOf(columns: readonly ReadColumn[], length: number): Row[] {
  const names = columns.map(({ name }) => name)
  const arrays = columns.map(valuesOf)
  const make = (LITERALS[Math.min(names.length, LITERALS.length - 1)] as Literal)(names, arrays)
  const rows: Row[] = new Array(length)
  for (let row = 0; row < length; row += 1) rows[row] = make(row)
  for (let column = LITERALS.length - 1; column < names.length; column += 1) {
    put(rows, names[column] as string, arrays[column] as ArrayLike<ReadValue>)
  }
  return rows
}

/** The values as a row has them. */
function valuesOf({ type, length, values, validity }: ReadColumn): ArrayLike<ReadValue> {
  const isBool = type === 'boolean'
  if (!isBool && (validity === undefined || Array.isArray(values))) return values as ArrayLike<ReadValue>
  const plain: ReadValue[] = new Array(length)
  for (let row = 0; row < length; row += 1) plain[row] = isBool ? values[row] === 1 : (values[row] as ReadValue)
  if (validity !== undefined) {
    for (let row = 0; row < length; row += 1) if (!isValid(validity, row)) plain[row] = null
  }
  return plain
}

function put(rows: Row[], name: string, values: ArrayLike<ReadValue>): void {
  if (name === '__proto__') {
    // An assignment would set the prototype.
    const property = { enumerable: true, configurable: true, writable: true }
    for (const [row, object] of rows.entries()) Object.defineProperty(object, name, { ...property, value: values[row] })
    return
  }
  for (let row = 0; row < rows.length; row += 1) (rows[row] as Row)[name] = values[row] as ReadValue
}

type Literal = (names: Names, arrays: Arrays) => (row: number) => Row

/** By how many properties they have. Casts say that there are as many names as that. */
const LITERALS: readonly Literal[] = [
  () => () => ({}),
  (names, arrays) => {
    const [a] = names as Of<string, 1>
    const [A] = arrays as Of<ReadValue[], 1>
    return (row) => ({ [a]: A[row] }) as Row
  },
  (names, arrays) => {
    const [a, b] = names as Of<string, 2>
    const [A, B] = arrays as Of<ReadValue[], 2>
    return (row) => ({ [a]: A[row], [b]: B[row] }) as Row
  },
  (names, arrays) => {
    const [a, b, c] = names as Of<string, 3>
    const [A, B, C] = arrays as Of<ReadValue[], 3>
    return (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row] }) as Row
  },
  (names, arrays) => {
    const [a, b, c, d] = names as Of<string, 4>
    const [A, B, C, D] = arrays as Of<ReadValue[], 4>
    return (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row] }) as Row
  },
  (names, arrays) => {
    const [a, b, c, d, e] = names as Of<string, 5>
    const [A, B, C, D, E] = arrays as Of<ReadValue[], 5>
    return (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row], [e]: E[row] }) as Row
  },
  (names, arrays) => {
    const [a, b, c, d, e, f] = names as Of<string, 6>
    const [A, B, C, D, E, F] = arrays as Of<ReadValue[], 6>
    return (row) => ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row], [e]: E[row], [f]: F[row] }) as Row
  },
  (names, arrays) => {
    const [a, b, c, d, e, f, g] = names as Of<string, 7>
    const [A, B, C, D, E, F, G] = arrays as Of<ReadValue[], 7>
    return (row) =>
      ({ [a]: A[row], [b]: B[row], [c]: C[row], [d]: D[row], [e]: E[row], [f]: F[row], [g]: G[row] }) as Row
  },
  (names, arrays) => {
    const [a, b, c, d, e, f, g, h] = names as Of<string, 8>
    const [A, B, C, D, E, F, G, H] = arrays as Of<ReadValue[], 8>
    return (row) =>
      ({
        [a]: A[row],
        [b]: B[row],
        [c]: C[row],
        [d]: D[row],
        [e]: E[row],
        [f]: F[row],
        [g]: G[row],
        [h]: H[row],
      }) as Row
  },
]

/** A tuple of so many. */
type Of<Item, Length extends number, Tuple extends Item[] = []> = Tuple['length'] extends Length
  ? Tuple
  : Of<Item, Length, [...Tuple, Item]>
