/** Quotes a name for SQL, always: no list of keywords to keep in step with DuckDB's. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string as an SQL literal. DuckDB's plain literals know no backslash escapes. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Splits DuckDB's `search_path` setting, `a,b."c.d"`, into its entries, each a list of one or two names. */
export function parseSearchPath(setting: string): string[][] {
  const entries: string[][] = []
  let parts: string[] = []
  let part = ''
  let quoted = false
  const endPart = (): void => {
    parts.push(part)
    part = ''
  }
  const endEntry = (): void => {
    endPart()
    if (parts.some((name) => name !== '')) entries.push(parts)
    parts = []
  }
  for (let at = 0; at < setting.length; at++) {
    const character = setting[at] as string
    if (character === '"') {
      if (quoted && setting[at + 1] === '"') {
        part += '"'
        at++
      } else {
        quoted = !quoted
      }
    } else if (quoted) {
      part += character
    } else if (character === '.') {
      endPart()
    } else if (character === ',') {
      endEntry()
    } else if (character !== ' ') {
      part += character
    }
  }
  endEntry()
  return entries
}
