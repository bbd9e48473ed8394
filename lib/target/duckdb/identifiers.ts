import type { DuckDBConnection } from '@duckdb/node-api'
import { query } from './query.ts'

/** Quotes a name for SQL, always. For SQL that nobody reads. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

let reservedWords: Promise<ReadonlySet<string>> | undefined

/** The words that DuckDB takes for a name of a table or a column only in quotes; asked once per process. */
export function loadReservedWords(connection: DuckDBConnection): Promise<ReadonlySet<string>> {
  reservedWords ??= query(
    connection,
    `SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')`,
  ).then(
    (rows) => new Set(rows.map(([word]) => String(word))),
    (error: unknown) => {
      reservedWords = undefined
      throw error
    },
  )
  return reservedWords
}

/** A name as people write it: quoted where it must be, or where it has capitals, as PostgreSQL prints names. */
export function printIdentifier(name: string, reserved: ReadonlySet<string>): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : quoteIdentifier(name)
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
