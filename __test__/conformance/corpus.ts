import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Third-party files with PostgreSQL's verdicts; beside the project, never in it. */
const CORPORA = fileURLToPath(new URL('../../../shared/corpora/', import.meta.url))
const VERDICTS = `${CORPORA}postgresql-15.18-copy-from.tsv`

/** What PostgreSQL 18 answers to one COPY of one file into a table of text columns. */
export interface Verdict {
  readonly file: string
  readonly path: string
  readonly dialect: string
  readonly columns: number
  readonly options: string
  readonly sqlState: string
  readonly rows: number | undefined
  readonly md5: string | undefined
  readonly line: number | undefined
  readonly message: string
}

/** All verdicts, or undefined, said aloud, where the corpora are not beside the project. */
export function readVerdicts(): Verdict[] | undefined {
  if (!existsSync(VERDICTS)) {
    process.stderr.write(`\nSKIPPED: no corpora at ${CORPORA}; the verdicts of PostgreSQL are not compared.\n\n`)
    return undefined
  }
  const changed = new Map(differences().map((entry) => [`${entry.file}\t${entry.dialect}`, entry]))
  return readFileSync(VERDICTS, 'utf8')
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => {
      const [file = '', dialect = '', columns, options = '', sqlState = '', rows, md5, at, message = ''] =
        line.split('\t')
      const given = {
        file,
        path: `${CORPORA}${file}`,
        dialect,
        columns: Number(columns),
        options,
        sqlState,
        rows: rows ? Number(rows) : undefined,
        md5: md5 || undefined,
        line: at ? Number(at) : undefined,
        message,
      }
      const other = changed.get(`${file}\t${dialect}`)
      if (other === undefined) return given
      return {
        ...given,
        sqlState: other.sqlstate,
        rows: other.rows ?? undefined,
        md5: other.md5 ?? undefined,
        line: other.line ?? undefined,
        message: other.message ?? '',
      }
    })
}

interface Difference {
  readonly file: string
  readonly dialect: string
  readonly sqlstate: string
  readonly rows: number | null
  readonly md5: string | null
  readonly line: number | null
  readonly message: string | null
}

function differences(): Difference[] {
  const text = readFileSync(new URL('./postgresql-18-differences.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { cases: Difference[] }).cases
}

/** The line of PostgreSQL's CONTEXT. */
export function contextLine(context: string | undefined): number | undefined {
  const found = /^COPY .*, line (\d+)/m.exec(context ?? '')
  return found ? Number(found[1]) : undefined
}

/** PostgreSQL's text of a row value, as in `t::text`. */
function rowText(row: readonly (string | null)[]): string {
  const fields = row.map((field) => {
    if (field === null) return ''
    const quoted = field === '' || /["\\(), \t\n\r\v\f]/.test(field)
    return quoted ? `"${field.replaceAll(/["\\]/g, (character) => character + character)}"` : field
  })
  return `(${fields.join(',')})`
}

/** `md5(string_agg(md5(t::text), '' order by ctid))` of rows in file order. */
export function md5OfRows(rows: readonly (readonly (string | null)[])[]): string {
  const all = createHash('md5')
  for (const row of rows) all.update(createHash('md5').update(rowText(row)).digest('hex'))
  return all.digest('hex')
}

/** Whether the file starts with a UTF-8 byte order mark, which PostgreSQL takes for data and copyist removes. */
export function hasByteOrderMark(path: string): boolean {
  const head = readFileSync(path).subarray(0, 3)
  return head.equals(BYTE_ORDER_MARK)
}

export const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
