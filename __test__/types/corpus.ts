import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Data of PostgreSQL's own regression tests, kept beside the repository. */
const FOLDER = fileURLToPath(new URL('../../../shared/corpora/postgres-regress/', import.meta.url))

const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** Distinct literals by type, in PostgreSQL's spelling and without modifiers; `undefined` where the data is absent. */
export function readCorpus(): Map<string, string[]> | undefined {
  if (!existsSync(FOLDER)) return undefined
  const literals = new Map<string, Set<string>>()
  const add = (type: string, literal: string | undefined) => {
    if (literal === undefined || literal === '\\N') return
    const known = literals.get(type) ?? new Set()
    known.add(literal.replace(/\\([\s\S])/g, (_, character: string) => ESCAPES[character] ?? character))
    literals.set(type, known)
  }
  const tables = join(FOLDER, 'pg15.18/triples')
  for (const file of readdirSync(tables).filter((name) => name.endsWith('.schema.tsv'))) {
    const types = lines(join(tables, file)).map((line) => line.split('\t')[1]?.replace(/\(.*?\)/, ''))
    for (const line of lines(join(tables, file.replace('.schema.tsv', '.txt')))) {
      for (const [column, literal] of line.split('\t').entries()) add(types[column] ?? '', literal)
    }
  }
  for (const line of lines(join(FOLDER, 'pg18.6/data/array.data'))) {
    const [, integers, texts] = line.split('\t')
    add('int4[]', integers)
    add('text[]', texts)
  }
  for (const line of lines(join(FOLDER, 'pg15.18/data/jsonb.data'))) add('json', line)
  return new Map([...literals].map(([type, known]) => [type, [...known]]))
}

function lines(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1)
}
