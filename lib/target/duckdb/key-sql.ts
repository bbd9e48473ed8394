/* SQL of keys, whose parts are called `k0`, `k1`, … wherever they are compared. */

/** Whether a part of a key is a column, as {@link partOf} has it. */
export function isColumn(part: string): boolean {
  return /^"(?:[^"]|"")*"(?: COLLATE C)?$/.test(part)
}

export function keyParts(parts: readonly string[]): string {
  return parts.map((part, index) => `(${part}) AS k${index}`).join(', ')
}

export function keyColumns(parts: readonly string[]): string {
  return parts.map((_, index) => `k${index}`).join(', ')
}

/** A key of which a part is NULL conflicts with nothing, and refers to nothing. */
export function isComplete(parts: readonly string[]): string {
  return parts.map((_, index) => `k${index} IS NOT NULL`).join(' AND ')
}

/** SQL of a key as DuckDB's messages have it. */
export function keyText(names: readonly string[]): string {
  return names
    .map(
      (name, index) => `'${`${index > 0 ? ', ' : ''}${name}: `.replaceAll("'", "''")}' || CAST(k${index} AS VARCHAR)`,
    )
    .join(' || ')
}
