import { getter, type ReadColumn, type ReadValue } from './columns.ts'

/** Makes the rows of a batch: plain objects that all have the same properties in the same order. */
export function rowsOf(columns: readonly ReadColumn[], length: number): Record<string, ReadValue>[] {
  const template: Record<string, ReadValue> = {}
  for (const { name } of columns) {
    // An assignment to this name would set the prototype.
    Object.defineProperty(template, name, { value: null, enumerable: true, configurable: true, writable: true })
  }
  const rows: Record<string, ReadValue>[] = new Array(length)
  for (let row = 0; row < length; row += 1) rows[row] = { ...template }
  for (const column of columns) fill(rows, column)
  return rows
}

function fill(rows: Record<string, ReadValue>[], column: ReadColumn): void {
  const { name } = column
  if (name === '__proto__') {
    const get = getter(column, column.type === 'boolean')
    for (const [row, object] of rows.entries()) Object.defineProperty(object, name, { value: get(row) })
    return
  }
  if (column.validity === undefined && column.type !== 'boolean') {
    const { values } = column
    for (let row = 0; row < rows.length; row += 1) (rows[row] as Record<string, unknown>)[name] = values[row]
    return
  }
  const get = getter(column, column.type === 'boolean')
  for (let row = 0; row < rows.length; row += 1) (rows[row] as Record<string, ReadValue>)[name] = get(row)
}
