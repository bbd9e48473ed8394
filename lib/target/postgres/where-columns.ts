import type { LoadRequest } from '../target.ts'
import type { CatalogTable } from './catalog.ts'

/** Columns that are not loaded and that WHERE may name: it sees their defaults, as in COPY. */
export function columnsOfWhere(
  { description }: CatalogTable,
  { columns, where }: Pick<LoadRequest, 'columns' | 'where'>,
): number[] {
  if (where === undefined) return []
  const condition = where.toLowerCase()
  const may = (name: string) => condition.includes(name.toLowerCase().replaceAll('"', '""'))
  // The name of the table may stand for the whole row, and escapes for anything.
  const isAny = may(description.relationName) || condition.includes('u&"')
  return description.columns.flatMap(({ name, generated }, index) =>
    generated || columns.includes(index) || !(isAny || may(name)) ? [] : [index],
  )
}
